//! The plan node that masks what a table reads, and hides where it comes from.

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use crate::sanitize::sanitize;

/// How batches are masked.
pub(crate) struct Masking {
    /// Each column, and whether it is masked.
    pub(crate) exprs: Vec<(Arc<dyn PhysicalExpr>, bool)>,
    /// The masked columns.
    pub(crate) schema: SchemaRef,
    /// Whether errors of the source are told as they are.
    pub(crate) source_errors: bool,
}

impl Masking {
    fn mask(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        // Open columns too: their views may point into a buffer that holds the raw ones.
        let columns = self.exprs.iter().map(|(expr, _)| {
            let value = expr.evaluate(batch)?.into_array(batch.num_rows())?;
            Ok(sanitize(&value)?)
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }

    fn told(&self, error: DataFusionError) -> DataFusionError {
        match self.source_errors {
            true => error,
            false => DataFusionError::Execution("the source of a masked table failed".to_owned()),
        }
    }
}

/// Masks the batches of a table. What it reads from is no child of it: nobody can look or move below.
pub struct MaskExec {
    input: Arc<dyn ExecutionPlan>,
    masking: Arc<Masking>,
    properties: Arc<PlanProperties>,
    context: Option<Arc<TaskContext>>,
    /// The partitions of the input that each partition reads, one after the other.
    reads: Vec<Range<usize>>,
    /// Batches of a partition that are masked at once.
    at_once: usize,
}

impl MaskExec {
    /// Masks what `input` reads in `context`, with at most `workers` of its partitions at work.
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        masking: Masking,
        context: Option<Arc<TaskContext>>,
        workers: Option<usize>,
    ) -> Self {
        let held = input.output_partitioning().partition_count();
        let partitions = workers.unwrap_or(held).clamp(1, held.max(1));
        let cut = |partition: usize| partition * held / partitions;
        // Neither order nor constants of the input are known to hold for masked columns.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&masking.schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            input,
            masking: Arc::new(masking),
            properties: Arc::new(properties),
            context,
            reads: (0..partitions).map(|at| cut(at)..cut(at + 1)).collect(),
            at_once: workers.map_or(1, |workers| workers.div_ceil(partitions)),
        }
    }
}

impl Debug for MaskExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskExec")
            .field("schema", &self.masking.schema)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for MaskExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |wanted: bool| {
            let Masking { schema, exprs, .. } = &*self.masking;
            let fields = schema.fields().iter().zip(exprs);
            let names = fields.filter(|(_, (_, masked))| *masked == wanted);
            let names: Vec<&str> = names.map(|(field, _)| field.name().as_str()).collect();
            names.join(", ")
        };
        write!(
            f,
            "MaskExec: masked=[{}], open=[{}]",
            names(true),
            names(false)
        )
    }
}

impl ExecutionPlan for MaskExec {
    fn name(&self) -> &str {
        "MaskExec"
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

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let context = self.context.clone().unwrap_or(context);
        let input = Arc::clone(&self.input);
        // A partition of the input is opened when the one before it has ended.
        let batches = futures::stream::iter(self.reads[partition].clone())
            .map(move |read| input.execute(read, Arc::clone(&context)))
            .try_flatten();
        let (masking, alone) = (Arc::clone(&self.masking), self.at_once == 1);
        let masked = batches.map(move |batch| {
            let masking = Arc::clone(&masking);
            async move {
                let batch = batch.map_err(|error| masking.told(error))?;
                if alone {
                    return masking.mask(&batch);
                }
                let task = SpawnedTask::spawn(async move { masking.mask(&batch) });
                let ended = task.join_unwind().await;
                ended.map_err(|error| DataFusionError::External(Box::new(error)))?
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.masking.schema),
            masked.buffered(self.at_once),
        )))
    }
}
