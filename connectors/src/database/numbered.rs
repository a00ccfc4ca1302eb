//! Tables whose rows have numbers, where a mask goes by them: they are counted slice by slice before the first is
//! masked.
//!
//! Only a table that is rewritten is numbered: it is masked whole, or stays as it was and is numbered anew.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::unfold;

use super::{Announce, TableWork};
use crate::unit::{NUMBER_COLUMN, Sink, Source};

/// A table at work, whose rows are numbered from zero through all of its slices.
#[derive(Debug)]
pub struct NumberedTable {
    table: Arc<dyn TableWork>,
    schema: SchemaRef,
    /// The number of the first row of each slice, and behind them how many rows there are. Nothing where rows are
    /// looked at only: then each slice begins with zero.
    starts: Option<Vec<u64>>,
}

impl NumberedTable {
    /// `table`, its rows counted.
    ///
    /// # Errors
    /// When the database does not answer, or only ranges of its key are known.
    pub async fn counted(table: Arc<dyn TableWork>) -> Result<Self> {
        let (mut starts, mut next) = (vec![0], 0);
        for slice in 0..table.slices() {
            next += table.rows_of(slice).await?;
            starts.push(next);
        }
        Ok(Self {
            starts: Some(starts),
            ..Self::looked_at(table)
        })
    }

    /// `table`, to be looked at only.
    pub fn looked_at(table: Arc<dyn TableWork>) -> Self {
        let mut fields = table.schema().fields().to_vec();
        fields.push(Arc::new(Field::new(NUMBER_COLUMN, DataType::UInt64, false)));
        Self {
            table,
            schema: Arc::new(Schema::new(fields)),
            starts: None,
        }
    }

    /// How many rows there are; none where they were not counted.
    pub fn rows(&self) -> u64 {
        let starts = self.starts.as_ref().and_then(|starts| starts.last());
        starts.copied().unwrap_or(0)
    }
}

impl Source for NumberedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn slices(&self) -> usize {
        self.table.slices()
    }

    fn describe(&self) -> String {
        format!("{}, rows numbered", self.table.describe())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let number = self.schema.fields().len() - 1;
        let others: Vec<usize> = projection
            .iter()
            .copied()
            .filter(|at| *at != number)
            .collect();
        let rows = self.table.open(slice, &others)?;
        let Some(place) = projection.iter().position(|at| *at == number) else {
            return Ok(rows);
        };
        let numbers = match &self.starts {
            Some(starts) => starts[slice]..starts[slice + 1],
            None => 0..u64::MAX,
        };
        let schema = Arc::new(self.schema.project(projection)?);
        let numbering = Numbering {
            rows,
            place,
            is_counted: self.starts.is_some(),
            numbers,
            schema: Arc::clone(&schema),
        };
        let rows = unfold(numbering, |mut numbering| async move {
            let batch = numbering.next().await.transpose()?;
            Some((batch, numbering))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

/// A slice on its way.
struct Numbering {
    rows: SendableRecordBatchStream,
    /// Where the numbers go among the columns.
    place: usize,
    is_counted: bool,
    /// Those that are left.
    numbers: Range<u64>,
    schema: SchemaRef,
}

impl Numbering {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.rows.next().await.transpose()? else {
            return match self.is_counted && !self.numbers.is_empty() {
                true => exec_err!(
                    "there are fewer rows than were counted: something else writes to the table"
                ),
                false => Ok(None),
            };
        };
        let first = self.numbers.start;
        self.numbers.start = first.saturating_add(batch.num_rows() as u64);
        if self.numbers.start > self.numbers.end {
            return exec_err!(
                "there are more rows than were counted: something else writes to the table"
            );
        }
        let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(first..self.numbers.start));
        let mut columns = batch.columns().to_vec();
        columns.insert(self.place, numbers);
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns,
        )?))
    }
}

impl TableWork for NumberedTable {
    fn units(&self) -> usize {
        self.table.units()
    }

    fn slices_of(&self, unit: usize) -> Range<usize> {
        self.table.slices_of(unit)
    }

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        self.table.rows_of(slice)
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        Arc::clone(&self.table).sink()
    }

    fn memory_of(&self, slice: usize) -> u64 {
        self.table.memory_of(slice)
    }

    fn commit(&self, unit: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        self.table.commit(unit, announce)
    }

    fn abort(&self, unit: usize) -> BoxFuture<'static, ()> {
        self.table.abort(unit)
    }

    fn units_before(&self) -> usize {
        self.table.units_before()
    }

    fn is_repeatable(&self) -> bool {
        self.table.is_repeatable()
    }

    fn clear_rows(&self) -> u64 {
        self.table.clear_rows()
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        self.table.clean_up(all)
    }
}
