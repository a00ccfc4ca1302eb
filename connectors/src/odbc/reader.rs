//! Reads rows, in blocks of rows that the driver fills at once, or value by value where one may be of any length.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use odbc_api::buffers::{AnyColumnBufferSlice, ColumnarDynBuffer};
use odbc_api::{Bit, Cursor, CursorRow, Error, Nullable};

use super::error::OdbcError;
use super::lane::{Builder, Form, Lane};
use super::parameter::Parameter;
use super::session::Session;

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 8192;
/// Bytes of the buffers that the driver fills.
const BLOCK_BYTES: usize = 4 << 20;
/// Bytes of values of any length in a batch, and a value more.
const LONG_BYTES: usize = 4 << 20;

/// The columns of a query, each with what it is called in batches.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    lanes: Vec<Lane>,
    schema: SchemaRef,
}

impl Columns {
    pub(super) fn new(columns: Vec<(String, Lane)>) -> Self {
        let fields = columns
            .iter()
            .map(|(name, lane)| Field::new(name, lane.data_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self {
            lanes: columns.into_iter().map(|(_, lane)| lane).collect(),
            schema,
        }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Gives all rows of `query`, whose parameters are made by `parameters`, to `take`, as long as it wants more.
    ///
    /// # Errors
    /// When the database refuses, or a value has no place in its type.
    pub(super) fn read(
        &self,
        session: &Session,
        query: &str,
        parameters: impl Fn() -> Result<Vec<Parameter>, OdbcError>,
        mut take: impl FnMut(RecordBatch) -> bool,
    ) -> Result<(), OdbcError> {
        let buffers: Option<Vec<_>> = self.lanes.iter().map(Lane::buffer).collect();
        if let Some(buffers) = buffers {
            let bytes: usize = buffers.iter().map(|buffer| buffer.bytes_per_row()).sum();
            let rows = (BLOCK_BYTES / bytes.max(1)).clamp(1, BATCH_ROWS);
            let mut prepared = session.connection.prepare(query)?;
            let Some(cursor) = prepared.execute(parameters()?.as_slice())? else {
                return Err(OdbcError::Broken("a query gives no rows at all".to_owned()));
            };
            let mut cursor = cursor.bind_buffer(ColumnarDynBuffer::from_descs(rows, buffers))?;
            let mut is_first = true;
            loop {
                let block = match cursor.fetch_with_truncation_check(true) {
                    Ok(Some(block)) => block,
                    Ok(None) => return Ok(()),
                    // Longer than its column declares: then value by value.
                    Err(Error::TooLargeValueForBuffer { .. }) if is_first => break,
                    Err(error) => return Err(error.into()),
                };
                is_first = false;
                if !take(self.of_block(block)?) {
                    return Ok(());
                }
            }
        }
        self.one_by_one(session, query, &parameters()?, take)
    }

    fn of_block(&self, block: &ColumnarDynBuffer) -> Result<RecordBatch, OdbcError> {
        let mut columns = Vec::new();
        for (index, lane) in self.lanes.iter().enumerate() {
            let mut builder = lane.builder();
            let unknown = || OdbcError::Schema(lane.name.clone());
            fill(
                &mut builder,
                block.column(index),
                lane.form(),
                block.num_rows(),
            )
            .ok_or_else(unknown)??;
            columns.push(builder.finish());
        }
        self.batch(columns, block.num_rows())
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, OdbcError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema(), columns, &options)
            .map_err(|_| OdbcError::Broken("rows have another form than their columns".to_owned()))
    }

    fn one_by_one(
        &self,
        session: &Session,
        query: &str,
        parameters: &[Parameter],
        mut take: impl FnMut(RecordBatch) -> bool,
    ) -> Result<(), OdbcError> {
        let mut prepared = session.connection.prepare(query)?;
        let Some(mut cursor) = prepared.execute(parameters)? else {
            return Err(OdbcError::Broken("a query gives no rows at all".to_owned()));
        };
        let builders = || self.lanes.iter().map(Lane::builder).collect::<Vec<_>>();
        let (mut gathered, mut rows, mut bytes) = (builders(), 0, 0);
        while let Some(mut row) = cursor.next_row()? {
            for (index, (lane, builder)) in self.lanes.iter().zip(&mut gathered).enumerate() {
                let number =
                    u16::try_from(index + 1).map_err(|_| OdbcError::Schema(lane.name.clone()))?;
                bytes += field(&mut row, number, lane.form(), builder)?;
            }
            rows += 1;
            if rows == BATCH_ROWS || bytes > LONG_BYTES {
                let columns = gathered.iter_mut().map(Builder::finish).collect();
                if !take(self.batch(columns, rows)?) {
                    return Ok(());
                }
                (gathered, rows, bytes) = (builders(), 0, 0);
            }
        }
        if rows > 0 {
            let columns = gathered.iter_mut().map(Builder::finish).collect();
            take(self.batch(columns, rows)?);
        }
        Ok(())
    }
}

/// Adds the values of a column of a block; nothing where its buffer is of another kind.
fn fill(
    builder: &mut Builder,
    column: AnyColumnBufferSlice<'_>,
    form: Form,
    rows: usize,
) -> Option<Result<(), OdbcError>> {
    let mut filled = || -> Option<Result<(), OdbcError>> {
        macro_rules! each {
            ($column:expr, $push:expr) => {{
                let column = $column?;
                for row in 0..rows {
                    let pushed = match column.get(row) {
                        Some(value) => $push(builder, value),
                        None => {
                            builder.push_null();
                            Ok(())
                        }
                    };
                    if let Err(error) = pushed {
                        return Some(Err(error));
                    }
                }
            }};
        }
        match form {
            Form::Bit => each!(
                column.as_nullable_slice::<Bit>(),
                |builder: &mut Builder, bit: &Bit| builder.push_bit(bit.as_bool())
            ),
            Form::I64 => each!(
                column.as_nullable_slice::<i64>(),
                |builder: &mut Builder, number: &i64| builder.push_i64(*number)
            ),
            Form::F64 => each!(
                column.as_nullable_slice::<f64>(),
                |builder: &mut Builder, number: &f64| builder.push_f64(*number)
            ),
            Form::Wide => each!(column.as_wide_text(), Builder::push_wide),
            Form::Utf8 => each!(column.as_text(), Builder::push_utf8),
            Form::Bytes => each!(column.as_binary(), Builder::push_bytes),
        }
        Some(Ok(()))
    };
    filled()
}

/// Adds a field of a row; how many bytes it has.
fn field(
    row: &mut CursorRow<'_>,
    number: u16,
    form: Form,
    builder: &mut Builder,
) -> Result<usize, OdbcError> {
    match form {
        Form::Bit => {
            let mut bit = Nullable::<Bit>::null();
            row.get_data(number, &mut bit)?;
            match bit.into_opt() {
                Some(bit) => builder.push_bit(bit.as_bool())?,
                None => builder.push_null(),
            }
            Ok(1)
        }
        Form::I64 => {
            let mut value = Nullable::<i64>::null();
            row.get_data(number, &mut value)?;
            match value.into_opt() {
                Some(value) => builder.push_i64(value)?,
                None => builder.push_null(),
            }
            Ok(8)
        }
        Form::F64 => {
            let mut value = Nullable::<f64>::null();
            row.get_data(number, &mut value)?;
            match value.into_opt() {
                Some(value) => builder.push_f64(value)?,
                None => builder.push_null(),
            }
            Ok(8)
        }
        Form::Wide => {
            let mut text = Vec::new();
            match row.get_wide_text(number, &mut text)? {
                true => builder.push_wide(&text)?,
                false => builder.push_null(),
            }
            Ok(2 * text.len())
        }
        Form::Utf8 => {
            let mut text = Vec::new();
            match row.get_text(number, &mut text)? {
                true => builder.push_utf8(&text)?,
                false => builder.push_null(),
            }
            Ok(text.len())
        }
        Form::Bytes => {
            let mut bytes = Vec::new();
            match row.get_binary(number, &mut bytes)? {
                true => builder.push_bytes(&bytes)?,
                false => builder.push_null(),
            }
            Ok(bytes.len())
        }
    }
}
