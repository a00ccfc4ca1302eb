//! Tables whose rows have numbers, where a mask goes by them: they are counted slice by slice before the first is
//! masked.
//!
//! What is rewritten or copied is masked whole, or not at all and numbered anew. An update commits unit by unit: how many
//! rows each had is kept beside where it ends, so that a run that goes on gives every row the number it had.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt, unfold};

use super::{Announce, TableWork};
use crate::unit::{NUMBER_COLUMN, Sink, Source};

/// Slices that are counted together.
const AT_ONCE: usize = 4;

/// What was counted of a table before its first row was masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The numbers for the rows of each slice that is left.
    pub slices: Vec<Range<u64>>,
    /// How many rows there were in all slices, done or not.
    pub rows: u64,
    /// Whether nobody can have added or removed rows since.
    pub is_exact: bool,
}

impl Counted {
    /// The rows of `table`, some slices at once.
    async fn now(table: &dyn TableWork) -> Result<Self> {
        let rows = (0..table.slices()).map(|slice| table.rows_of(slice));
        let rows: Vec<u64> = stream::iter(rows).buffered(AT_ONCE).try_collect().await?;
        let mut next = 0;
        let slices = rows.into_iter().map(|rows| {
            let first = next;
            next += rows;
            first..next
        });
        Ok(Self {
            slices: slices.collect(),
            rows: next,
            is_exact: true,
        })
    }
}

/// A table at work, whose rows are numbered from zero through all of its slices.
#[derive(Debug)]
pub struct NumberedTable {
    table: Arc<dyn TableWork>,
    schema: SchemaRef,
    /// Nothing where rows are looked at only: then each slice begins with zero.
    counted: Option<Counted>,
}

impl NumberedTable {
    /// `table`, its rows counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counted(table: Arc<dyn TableWork>) -> Result<Self> {
        let counted = match table.counted_before() {
            Some(counted) => counted,
            None => Counted::now(table.as_ref()).await?,
        };
        Ok(Self {
            counted: Some(counted),
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
            counted: None,
        }
    }

    /// How many rows there are; none where they were not counted.
    pub fn rows(&self) -> u64 {
        self.counted.as_ref().map_or(0, |counted| counted.rows)
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
        let (numbers, is_exact) = match &self.counted {
            Some(counted) => (counted.slices[slice].clone(), counted.is_exact),
            None => (0..u64::MAX, false),
        };
        let schema = Arc::new(self.schema.project(projection)?);
        let numbering = Numbering {
            rows,
            place,
            is_exact,
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
    /// Whether there is a row for each number.
    is_exact: bool,
    /// Those that are left.
    numbers: Range<u64>,
    schema: SchemaRef,
}

impl Numbering {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.rows.next().await.transpose()? else {
            return match self.is_exact && !self.numbers.is_empty() {
                true => exec_err!(
                    "there are fewer rows than were counted: something else changes them meanwhile"
                ),
                false => Ok(None),
            };
        };
        let first = self.numbers.start;
        self.numbers.start = first.saturating_add(batch.num_rows() as u64);
        if self.numbers.start > self.numbers.end {
            return exec_err!(
                "there are more rows than were counted: something else changes them meanwhile"
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

    fn counted_before(&self) -> Option<Counted> {
        self.counted.clone()
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
