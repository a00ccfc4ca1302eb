//! Decodes the typed lane of a row group.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions,
    StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::columns::Root;
use super::error::{FormatError, damaged};
use super::footer::{Footer, chunk_range};
use super::reader::RangeChunks;
use super::schema::FileSchema;

/// A column of a batch.
#[derive(Debug, Clone)]
pub(super) enum Column {
    /// The file's name.
    Path,
    /// The row's number in the file.
    Row,
    /// The row's number among those of several files.
    Number,
    /// A column of the file.
    Root(Root),
}

/// One row group, and what is wanted of it.
#[derive(Debug)]
pub(super) struct Decode {
    pub(super) row_group: usize,
    pub(super) first_row: u64,
    /// The number of the file's first row.
    pub(super) first_number: u64,
    pub(super) columns: Vec<Column>,
    pub(super) schema: SchemaRef,
    pub(super) batch_rows: usize,
    pub(super) read_ahead: u64,
}

impl Decode {
    /// Hands over batch by batch in file order, until `send` says that nobody listens.
    pub(super) fn run(
        &self,
        footer: &Footer,
        file_schema: &FileSchema,
        mut send: impl FnMut(RecordBatch) -> bool,
    ) -> Result<(), FormatError> {
        let expected = footer.row_group(self.row_group).num_rows() as u64;
        let mut decoded = self.batches(footer, expected)?;
        let mut found = 0;
        while let Some(batch) = decoded(expected - found)? {
            if found + batch.num_rows() as u64 > expected {
                break;
            }
            let batch = self.assemble(footer, file_schema, &batch, self.first_row + found)?;
            found += batch.num_rows() as u64;
            if !send(batch) {
                return Ok(());
            }
        }
        if found != expected {
            return Err(FormatError::Rows {
                path: footer.path.clone(),
                row_group: self.row_group,
                expected,
                found,
            });
        }
        Ok(())
    }

    /// What gives the next batch of the file's columns, told how many rows are left.
    #[expect(clippy::type_complexity, reason = "a local generator")]
    fn batches<'a>(
        &'a self,
        footer: &'a Footer,
        rows: u64,
    ) -> Result<Box<dyn FnMut(u64) -> Result<Option<RecordBatch>, FormatError> + 'a>, FormatError>
    {
        let leaves: Vec<usize> = self
            .columns
            .iter()
            .flat_map(Column::leaves)
            .copied()
            .collect();
        if leaves.is_empty() || rows == 0 {
            return Ok(Box::new(|left| {
                let rows = left.min(self.batch_rows as u64) as usize;
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                let batch = RecordBatch::try_new_with_options(
                    Arc::new(arrow::datatypes::Schema::empty()),
                    vec![],
                    &options,
                );
                let batch = batch.expect("a batch without columns has any number of rows");
                Ok(Some(batch).filter(|_| rows > 0))
            }));
        }
        let group = footer.row_group(self.row_group);
        let windows = leaves
            .iter()
            .map(|leaf| chunk_range(group.column(*leaf)))
            .collect();
        let chunks = RangeChunks::new(Arc::clone(&footer.reader), windows, self.read_ahead);
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
            chunks.clone(),
            footer.arrow().clone(),
        )
        .with_projection(ProjectionMask::leaves(footer.schema(), leaves))
        .with_row_groups(vec![self.row_group])
        .with_batch_size(self.batch_rows)
        .build()
        .map_err(damaged(&footer.path))?;
        Ok(Box::new(move |_| {
            reader
                .next()
                .transpose()
                .map_err(|error| match chunks.take_fault() {
                    Some(fault) => FormatError::Store(fault),
                    None => damaged(&footer.path)(ParquetError::ArrowError(error.to_string())),
                })
        }))
    }

    fn assemble(
        &self,
        footer: &Footer,
        file_schema: &FileSchema,
        batch: &RecordBatch,
        first_row: u64,
    ) -> Result<RecordBatch, FormatError> {
        let rows = batch.num_rows();
        let wrong = |what: &str| damaged(&footer.path)(ParquetError::General(what.to_owned()));
        let count_from =
            |first: u64| Arc::new(UInt64Array::from_iter_values(first..first + rows as u64));
        let column = |column: &Column| -> Result<ArrayRef, FormatError> {
            Ok(match column {
                Column::Path => {
                    let paths = Arc::new(StringArray::from_iter_values([&footer.path]));
                    let keys = Int32Array::from_value(0, rows);
                    let path = DictionaryArray::try_new(keys, paths);
                    Arc::new(path.expect("every key is that of the one value"))
                }
                Column::Row => count_from(first_row),
                Column::Number => count_from(self.first_number + first_row),
                Column::Root(root) => {
                    let name = root.field.name();
                    let array = batch
                        .column_by_name(name)
                        .ok_or_else(|| wrong("no column"))?;
                    let unchecked = |leaf: &usize| file_schema.leaves[*leaf].unchecked_text;
                    if root.leaves.iter().any(unchecked) && !is_text(array) {
                        return Err(wrong("a text column is not UTF-8"));
                    }
                    Arc::clone(array)
                }
            })
        };
        let columns = self.columns.iter().map(column).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|_| wrong("its columns are not of the types its schema says"))
    }
}

impl Column {
    fn leaves(&self) -> &[usize] {
        match self {
            Self::Path | Self::Row | Self::Number => &[],
            Self::Root(root) => &root.leaves,
        }
    }
}

/// Whether all text of `array` is UTF-8. The decoder builds text arrays unchecked from columns that
/// are text by another mark than UTF8 (JSON, ENUM).
fn is_text(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Utf8View => {
            let bytes = array.as_string_view().clone().to_binary_view();
            bytes
                .iter()
                .flatten()
                .all(|value| std::str::from_utf8(value).is_ok())
        }
        DataType::Struct(_) => array.as_struct().columns().iter().all(is_text),
        DataType::List(_) => is_text(array.as_list::<i32>().values()),
        DataType::Map(..) => array.as_map().entries().columns().iter().all(is_text),
        _ => true,
    }
}
