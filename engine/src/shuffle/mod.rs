//! Columns whose values change their rows, within a unit.
//!
//! ```text
//! ShuffleExec: columns=[name]
//!   UnitScan: …                    the rows, slice by slice
//!   UnitScan: …                    the values of `name`, a unit at a time, before its first slice
//! ```
//!
//! A unit's rows are put in the order of their draws; the first of them gives its value to the unit's
//! first row, the second to the second. Draws hang on the key and the row alone, so slices, threads
//! and a resumed run give the same. The values wait in memory as far as there is some, and encrypted
//! on disk beyond (`sort.rs`, `spill.rs`).

mod sort;
mod spill;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef, UInt64Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err, not_impl_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use visard_udfs::{Draws, MaskKey, Messages, canonical_text};

use crate::plan::Places;
pub use sort::ShuffleMemory;
use sort::{Cursor, Sorted, Sorter, changed};

/// The units of a source, and what shuffled values of them may hold in memory.
#[derive(Debug, Clone)]
pub struct Units {
    /// The slices of each unit; units come one after the other.
    pub slices: Vec<Range<usize>>,
    /// What values may hold in memory.
    pub memory: ShuffleMemory,
}

/// A column whose values change their rows.
#[derive(Clone)]
pub(crate) struct ShuffledColumn {
    /// The root column.
    pub(crate) column: String,
    /// What decides the order.
    pub(crate) key: Arc<MaskKey>,
}

impl fmt::Debug for ShuffledColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShuffledColumn({})", self.column)
    }
}

/// The name of the column that holds the exchanged values of `column`.
pub(crate) fn shuffled_name(column: &str) -> String {
    format!("__shuffled:{column}")
}

/// A source of slices with further columns behind its own: the exchanged values of some of them.
#[derive(Debug)]
pub(crate) struct ShuffledTable {
    inner: Arc<dyn TableProvider>,
    columns: Vec<ShuffledColumn>,
    places: Places,
    units: Units,
    schema: SchemaRef,
}

impl ShuffledTable {
    /// `inner` with the values of `columns` exchanged.
    ///
    /// # Errors
    /// When it has no such column.
    pub(crate) fn try_new(
        inner: Arc<dyn TableProvider>,
        columns: Vec<ShuffledColumn>,
        places: Places,
        units: Units,
    ) -> Result<Self> {
        let own = inner.schema();
        let mut fields: Vec<_> = own.fields().iter().cloned().collect();
        for ShuffledColumn { column, .. } in &columns {
            let field = own.field_with_name(column)?;
            let (name, data_type) = (shuffled_name(column), field.data_type().clone());
            fields.push(Arc::new(Field::new(name, data_type, field.is_nullable())));
        }
        Ok(Self {
            inner,
            columns,
            places,
            units,
            schema: Arc::new(Schema::new(fields)),
        })
    }
}

#[async_trait]
impl TableProvider for ShuffledTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !filters.is_empty() || limit.is_some() {
            return not_impl_err!("a unit is read whole: no filter and no limit");
        }
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let own = self.inner.schema();
        let index = |name: &str| Ok::<_, DataFusionError>(own.index_of(name)?);
        let mut rows = vec![];
        let mut values = vec![index(self.places.path)?, index(self.places.row)?];
        let (mut outputs, mut columns) = (vec![], vec![]);
        for &at in projection {
            match at.checked_sub(own.fields().len()) {
                None => {
                    outputs.push(Output::Row(rows.len()));
                    rows.push(at);
                }
                Some(shuffled) => {
                    let column = self.columns[shuffled].clone();
                    outputs.push(Output::Shuffled(columns.len()));
                    values.push(index(&column.column)?);
                    columns.push(column);
                }
            }
        }
        let rows = self.inner.scan(session, Some(&rows), &[], None).await?;
        if columns.is_empty() {
            return Ok(rows);
        }
        let values = self.inner.scan(session, Some(&values), &[], None).await?;
        let schema = Arc::new(self.schema.project(projection)?);
        let units = self.units.slices.iter().cloned();
        let units = units.map(|slices| Arc::new(Unit::new(slices))).collect();
        Ok(Arc::new(ShuffleExec::new(
            rows,
            Values {
                plan: values,
                columns,
                memory: self.units.memory.clone(),
            },
            outputs,
            units,
            schema,
        )))
    }
}

/// Where a column of the result comes from.
#[derive(Debug, Clone, Copy)]
enum Output {
    /// A column of the rows.
    Row(usize),
    /// Exchanged values.
    Shuffled(usize),
}

/// What values are gathered from: path, place and the columns, in this order.
#[derive(Debug, Clone)]
struct Values {
    plan: Arc<dyn ExecutionPlan>,
    columns: Vec<ShuffledColumn>,
    memory: ShuffleMemory,
}

/// A unit, and its values from its first slice to its last.
struct Unit {
    slices: Range<usize>,
    gathered: Mutex<Option<Arc<Gathered>>>,
    /// Slices that are not done.
    left: AtomicUsize,
}

impl Unit {
    fn new(slices: Range<usize>) -> Self {
        Self {
            left: AtomicUsize::new(slices.len()),
            slices,
            gathered: Mutex::new(None),
        }
    }

    /// The unit's values; who comes first gathers them.
    async fn gathered(&self, values: &Values, context: &Arc<TaskContext>) -> Result<Arc<Gathered>> {
        let mut gathered = self.gathered.lock().await;
        if let Some(gathered) = &*gathered {
            return Ok(Arc::clone(gathered));
        }
        let new = Gathered::read(values, self.slices.clone(), context).await?;
        Ok(Arc::clone(gathered.insert(Arc::new(new))))
    }
}

/// A slice at work; the last one of a unit drops its values.
struct AtWork(Arc<Unit>);

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1
            && let Ok(mut gathered) = self.0.gathered.try_lock()
        {
            *gathered = None;
        }
    }
}

/// The values of a unit in the order of its rows' draws.
struct Gathered {
    columns: Vec<Arc<Sorted>>,
    /// The number of the first row of each slice, and behind them how many rows there are.
    first_rows: Vec<u64>,
}

impl Gathered {
    async fn read(
        values: &Values,
        slices: Range<usize>,
        context: &Arc<TaskContext>,
    ) -> Result<Self> {
        let schema = values.plan.schema();
        let columns = values.columns.iter().zip(&schema.fields()[2..]);
        let mut sorters: Vec<(Arc<MaskKey>, Sorter)> = columns
            .map(|(column, field)| {
                let sorter = Sorter::new(field.data_type().clone(), &values.memory);
                (Arc::clone(&column.key), sorter)
            })
            .collect();
        let mut first_rows = vec![0];
        for slice in slices {
            let mut rows = first_rows[first_rows.len() - 1];
            let mut batches = values.plan.execute(slice, Arc::clone(context))?;
            while let Some(batch) = batches.try_next().await? {
                rows += batch.num_rows() as u64;
                sorters = blocking(move || {
                    push(&mut sorters, &batch)?;
                    Ok(sorters)
                })
                .await?;
            }
            first_rows.push(rows);
        }
        let columns = blocking(move || {
            let sorted =
                |(_, sorter): (_, Sorter)| Ok::<_, DataFusionError>(Arc::new(sorter.finish()?));
            sorters.into_iter().map(sorted).collect::<Result<_>>()
        });
        Ok(Self {
            columns: columns.await?,
            first_rows,
        })
    }
}

fn push(sorters: &mut [(Arc<MaskKey>, Sorter)], batch: &RecordBatch) -> Result<()> {
    let [paths, places, values @ ..] = batch.columns() else {
        return internal_err!("values to shuffle come without their places");
    };
    let Some(places) = places.as_primitive_opt::<UInt64Type>() else {
        return internal_err!("the places of values to shuffle have another type");
    };
    let paths =
        canonical_text(paths).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let messages = Messages::of_places(paths, places.clone());
    for ((key, sorter), values) in sorters.iter_mut().zip(values) {
        let draws = Draws::new(key, &messages);
        let draws = draws.iter().map(|draw| (draw.bits() >> 64) as u64);
        sorter.push(draws.collect(), values)?;
    }
    Ok(())
}

/// Work that computes and waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| DataFusionError::External(error.into()))?
}

/// Reads slices and puts exchanged values beside their rows: partition `n` is slice `n`.
struct ShuffleExec {
    rows: Arc<dyn ExecutionPlan>,
    values: Values,
    outputs: Vec<Output>,
    units: Vec<Arc<Unit>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl ShuffleExec {
    fn new(
        rows: Arc<dyn ExecutionPlan>,
        values: Values,
        outputs: Vec<Output>,
        units: Vec<Arc<Unit>>,
        schema: SchemaRef,
    ) -> Self {
        let slices = rows.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(slices),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            rows,
            values,
            outputs,
            units,
            schema,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for ShuffleExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShuffleExec({:?})", self.values.columns)
    }
}

impl DisplayAs for ShuffleExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.values.columns.iter();
        let columns: Vec<&str> = columns.map(|column| column.column.as_str()).collect();
        write!(f, "ShuffleExec: columns=[{}]", columns.join(", "))
    }
}

impl ExecutionPlan for ShuffleExec {
    fn name(&self) -> &str {
        "ShuffleExec"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.rows, &self.values.plan]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [rows, values] = &children[..] else {
            return internal_err!("a shuffle reads rows and values");
        };
        Ok(Arc::new(Self::new(
            Arc::clone(rows),
            Values {
                plan: Arc::clone(values),
                ..self.values.clone()
            },
            self.outputs.clone(),
            self.units.clone(),
            Arc::clone(&self.schema),
        )))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true, false]
    }

    /// A repartition under this node would tear slices apart.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false, false]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let unit = self
            .units
            .iter()
            .find(|unit| unit.slices.contains(&partition));
        let Some(unit) = unit.map(Arc::clone) else {
            return internal_err!("slice {partition} is of no unit");
        };
        let (rows, values) = (Arc::clone(&self.rows), self.values.clone());
        let assemble = Assemble {
            outputs: self.outputs.clone(),
            schema: Arc::clone(&self.schema),
        };
        let at_work = AtWork(Arc::clone(&unit));
        let stream = async move {
            let gathered = unit.gathered(&values, &context).await?;
            let slice = partition - unit.slices.start;
            let (first, end) = (gathered.first_rows[slice], gathered.first_rows[slice + 1]);
            let cursors = gathered.columns.iter();
            let cursors = cursors.map(|sorted| Cursor::new(Arc::clone(sorted), first));
            let cursors: Vec<Cursor> = cursors.collect();
            let rows = rows.execute(partition, context)?;
            let start = (rows, cursors, assemble, at_work);
            let batches = move |(mut rows, cursors, assemble, at_work): Work| async move {
                let Some(batch) = rows.next().await.transpose()? else {
                    return match cursors.iter().all(|cursor| cursor.place() == end) {
                        true => Ok(None),
                        false => Err(changed()),
                    };
                };
                let (batch, cursors, assemble) = blocking(move || {
                    let mut cursors = cursors;
                    let batch = assemble.batch(&batch, &mut cursors)?;
                    Ok((batch, cursors, assemble))
                })
                .await?;
                Ok(Some((batch, (rows, cursors, assemble, at_work))))
            };
            Ok::<_, DataFusionError>(futures::stream::try_unfold(start, batches))
        };
        let stream = futures::stream::once(stream).try_flatten();
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// A slice on its way: its rows, where their values come from, and how they come together.
type Work = (SendableRecordBatchStream, Vec<Cursor>, Assemble, AtWork);

/// How rows and values come together.
struct Assemble {
    outputs: Vec<Output>,
    schema: SchemaRef,
}

impl Assemble {
    fn batch(&self, rows: &RecordBatch, cursors: &mut [Cursor]) -> Result<RecordBatch> {
        let count = rows.num_rows();
        let values = cursors.iter_mut().map(|cursor| cursor.take(count));
        let values = values.collect::<Result<Vec<ArrayRef>>>()?;
        let columns = self.outputs.iter().map(|output| match output {
            Output::Row(at) => Arc::clone(rows.column(*at)),
            Output::Shuffled(at) => Arc::clone(&values[*at]),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema,
            columns.collect(),
            &options,
        )?)
    }
}
