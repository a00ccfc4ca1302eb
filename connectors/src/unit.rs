//! Units and slices: what is read, masked and written, and the two plan nodes that do it.
//!
//! A *unit* (one file) is committed, retried and resumed whole. A *slice* (a row group, a byte
//! range) is the part of a unit one core works on; slices of a unit are numbered in file order.
//! A plan has one partition per slice, so nothing between scan and write can mix two of them:
//!
//! ```text
//! UnitScan ─▶ Projection: masks ─▶ UnitWrite          partition = slice
//! ```
//!
//! Formats implement [`Source`] and [`Sink`]; the engine sees [`UnitTable`] and [`UnitTarget`] only.

use std::fmt::{self, Debug};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, not_impl_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::future::BoxFuture;

/// The column that holds a unit's path below the base directory, one value for all its rows.
pub const PATH_COLUMN: &str = "__path";
/// The column that holds a record's place in its unit: a row number, or a byte offset in text.
pub const ROW_COLUMN: &str = "__row";
/// The column that holds a record's number among those of several units, where they are counted.
pub const NUMBER_COLUMN: &str = "__number";
/// The column that holds a text record's bytes as they are in the file.
pub const RAW_COLUMN: &str = "__raw";
/// The column that holds where the typed fields lie in [`RAW_COLUMN`]: start and end of each, in bytes.
pub const SPAN_COLUMN: &str = "__span";

/// What names of columns begin with that only a connector understands.
pub const HIDDEN_PREFIX: &str = "__visard_";

/// Whether a column is ours rather than the file's.
pub fn is_place_column(name: &str) -> bool {
    [
        PATH_COLUMN,
        ROW_COLUMN,
        NUMBER_COLUMN,
        RAW_COLUMN,
        SPAN_COLUMN,
    ]
    .contains(&name)
        || name.starts_with(HIDDEN_PREFIX)
}

/// What one slice came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the slice, which is the partition of the plan.
    pub slice: usize,
    /// Records read and written.
    pub rows: u64,
}

/// Reads the units of one schema, slice by slice.
pub trait Source: Debug + Send + Sync {
    /// The typed lane and the place columns, in a fixed order.
    fn schema(&self) -> SchemaRef;
    /// Slices of all units together.
    fn slices(&self) -> usize;
    /// One line for `visard plan`: format and number of units. No cell value.
    fn describe(&self) -> String;
    /// The rows of `slice` in file order, with the columns at `projection` in that order.
    ///
    /// # Errors
    /// When the slice cannot be opened; errors on the way come through the stream.
    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream>;
    /// The same rows for queries, which open slices in any order, more than once, and drop them halfway:
    /// no slice waits for another. It may be cut into other slices.
    fn for_queries(self: Arc<Self>) -> Arc<dyn Source>;
}

/// Writes masked slices to where they belong.
pub trait Sink: Debug + Send + Sync {
    /// The columns `write` expects.
    fn schema(&self) -> SchemaRef;
    /// One line for `visard plan`.
    fn describe(&self) -> String;
    /// Takes all rows of `slice`. Nothing is visible at the destination before the unit is committed.
    /// An error of the stream fails the slice and with it the unit.
    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>>;
}

/// A [`Source`] as DataFusion's catalog sees it.
#[derive(Debug)]
pub struct UnitTable(pub Arc<dyn Source>);

#[async_trait]
impl TableProvider for UnitTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // A limit is a hint: whoever set it takes no more rows than that.
        if !filters.is_empty() {
            return not_impl_err!("a unit is read whole, without a filter");
        }
        let all = (0..self.0.schema().fields().len()).collect();
        Ok(Arc::new(UnitScan::try_new(
            Arc::clone(&self.0),
            projection.cloned().unwrap_or(all),
        )?))
    }
}

/// Reads slices: partition `n` is slice `n`.
#[derive(Debug)]
pub struct UnitScan {
    source: Arc<dyn Source>,
    projection: Vec<usize>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl UnitScan {
    fn try_new(source: Arc<dyn Source>, projection: Vec<usize>) -> Result<Self> {
        let schema = Arc::new(source.schema().project(&projection)?);
        let properties = Arc::new(slice_properties(Arc::clone(&schema), source.slices()));
        Ok(Self {
            source,
            projection,
            schema,
            properties,
        })
    }
}

impl DisplayAs for UnitScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        write!(
            f,
            "UnitScan: {}, columns=[{}]",
            self.source.describe(),
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for UnitScan {
    fn name(&self) -> &str {
        "UnitScan"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.source.open(partition, &self.projection)
    }
}

/// A [`Sink`] as DataFusion's catalog sees it: written to, never read.
#[derive(Debug)]
pub struct UnitTarget(pub Arc<dyn Sink>);

#[async_trait]
impl TableProvider for UnitTarget {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!("a destination is only written")
    }

    async fn insert_into(
        &self,
        _: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        _: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(UnitWrite::new(input, Arc::clone(&self.0))))
    }
}

/// Writes slices: one row out per partition, `(slice, rows)`, once the slice is with the sink.
#[derive(Debug)]
pub struct UnitWrite {
    input: Arc<dyn ExecutionPlan>,
    sink: Arc<dyn Sink>,
    properties: Arc<PlanProperties>,
}

impl UnitWrite {
    fn new(input: Arc<dyn ExecutionPlan>, sink: Arc<dyn Sink>) -> Self {
        let slices = input.properties().partitioning.partition_count();
        let properties = Arc::new(slice_properties(Self::receipts(), slices));
        Self {
            input,
            sink,
            properties,
        }
    }

    fn receipts() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("slice", DataType::UInt64, false),
            Field::new("rows", DataType::UInt64, false),
        ]))
    }
}

impl DisplayAs for UnitWrite {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitWrite: {}", self.sink.describe())
    }
}

impl ExecutionPlan for UnitWrite {
    fn name(&self) -> &str {
        "UnitWrite"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            children.swap_remove(0),
            Arc::clone(&self.sink),
        )))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    /// A repartition under this node would tear slices apart.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let written = self
            .sink
            .write(partition, self.input.execute(partition, context)?);
        let schema = Self::receipts();
        let batch_schema = Arc::clone(&schema);
        let stream = futures::stream::once(async move {
            let receipt = written.await?;
            let columns: Vec<ArrayRef> = vec![
                Arc::new(UInt64Array::from(vec![receipt.slice as u64])),
                Arc::new(UInt64Array::from(vec![receipt.rows])),
            ];
            Ok(RecordBatch::try_new(batch_schema, columns)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

fn slice_properties(schema: SchemaRef, slices: usize) -> PlanProperties {
    PlanProperties::new(
        EquivalenceProperties::new(schema),
        Partitioning::UnknownPartitioning(slices),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
}
