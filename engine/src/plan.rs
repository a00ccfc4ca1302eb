//! One plan for all units of one schema under the same rules.
//!
//! ```text
//! Dml: insert into target
//!   Projection: mask(column, hash columns …, chosen) AS column, …
//!     TableScan: source
//! ```
//!
//! There is no Filter and no repartition: rows stay one to one and in order, and a partition is a slice.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::execution::context::SessionState;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::SessionConfig;
use visard_udfs::{Argument, ColumnMask, Condition, ConditionUdf, MaskUdf};

use crate::error::EngineError;
use crate::shuffle::{ShuffledColumn, ShuffledTable, Units, shuffled_name};

/// Rows in a batch.
const BATCH_ROWS: usize = 8192;

/// Names of the source's columns that tell where a record lies.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// The unit's path.
    pub path: &'static str,
    /// The record's place in its unit.
    pub row: &'static str,
    /// The record's number among those of all units of its task; there where a mask goes by it.
    pub number: &'static str,
}

/// The masks of one root column, in the order they apply.
#[derive(Debug)]
pub struct MaskedColumn {
    /// The root column.
    pub column: String,
    /// Its masks; several where the rules are told apart by conditions or name several leaves.
    pub steps: Vec<MaskedStep>,
}

impl MaskedColumn {
    /// Names and paths of what its masks and conditions read besides, possibly more than once.
    pub fn reads(&self) -> Vec<String> {
        let arguments = self.steps.iter().flat_map(|step| step.mask.arguments());
        let named = arguments.filter_map(|argument| match argument {
            Argument::Column(name) => Some(name.clone()),
            Argument::UnitPath
            | Argument::Place
            | Argument::Number
            | Argument::Shuffled
            | Argument::Chosen => None,
        });
        let conditions = self.steps.iter().filter_map(|step| step.condition.as_ref());
        let tested = conditions.flat_map(|condition| condition.columns());
        named.chain(tested).collect()
    }
}

/// One rule's masks and the rows it chooses.
#[derive(Debug)]
pub struct MaskedStep {
    /// The bound masks.
    pub mask: ColumnMask,
    /// Which rows; all where there is none.
    pub condition: Option<Condition>,
}

/// A plan and the context its partitions run in.
#[derive(Debug, Clone)]
pub struct TaskPlan {
    /// As masks were put on columns.
    pub logical: LogicalPlan,
    /// What runs; partition `n` is slice `n`.
    pub physical: Arc<dyn ExecutionPlan>,
    /// What partitions run in.
    pub context: Arc<TaskContext>,
}

/// Plans `source` → masks → `target`, a partition for each slice of the `units`. The target's schema says
/// which columns arrive, and in which order.
///
/// # Errors
/// When DataFusion refuses the plan, or changes its number of partitions.
pub async fn plan_task(
    source: Arc<dyn TableProvider>,
    target: Arc<dyn TableProvider>,
    columns: Vec<MaskedColumn>,
    places: Places,
    units: Units,
) -> Result<TaskPlan, EngineError> {
    let slices = units.slices.last().map_or(0, |slices| slices.end);
    let source = shuffled(source, &columns, places, units).map_err(EngineError::Plan)?;
    let mut masked = masked_exprs(columns, &source.schema(), Some(places));
    let arriving = target.schema();
    let projection = arriving.fields().iter().map(|field| {
        match masked.iter().position(|(name, _)| name == field.name()) {
            Some(at) => {
                let (name, expr) = masked.swap_remove(at);
                expr.alias(name)
            }
            None => column(field.name()),
        }
    });
    let projection: Vec<Expr> = projection.collect();
    if let Some((name, _)) = masked.first() {
        return Err(EngineError::NotWritten(name.clone()));
    }
    let state = session();
    let logical = LogicalPlanBuilder::scan("source", provider_as_source(source), None)
        .and_then(|scan| scan.project(projection))
        .and_then(LogicalPlanBuilder::build)
        .and_then(|input| {
            let target = provider_as_source(target);
            LogicalPlanBuilder::insert_into(input, "target", target, InsertOp::Append)
        })
        .and_then(LogicalPlanBuilder::build)
        .map_err(EngineError::Plan)?;
    let physical = state
        .create_physical_plan(&logical)
        .await
        .map_err(EngineError::Plan)?;
    let partitions = physical.output_partitioning().partition_count();
    if partitions != slices {
        return Err(EngineError::Partitions { slices, partitions });
    }
    Ok(TaskPlan {
        logical,
        physical,
        context: state.task_ctx(),
    })
}

/// `source`, with the exchanged values of the columns that ask for them.
fn shuffled(
    source: Arc<dyn TableProvider>,
    columns: &[MaskedColumn],
    places: Places,
    units: Units,
) -> datafusion::error::Result<Arc<dyn TableProvider>> {
    let shuffled = columns.iter().filter_map(|column| {
        let key = column.steps.iter().find_map(|step| step.mask.shuffle())?;
        Some(ShuffledColumn {
            column: column.column.clone(),
            key: Arc::clone(key),
        })
    });
    let shuffled: Vec<ShuffledColumn> = shuffled.collect();
    match shuffled.is_empty() {
        true => Ok(source),
        false => Ok(Arc::new(ShuffledTable::try_new(
            source, shuffled, places, units,
        )?)),
    }
}

/// Each masked column of a source with `schema`, as an expression over its raw columns.
pub(crate) fn masked_exprs(
    columns: Vec<MaskedColumn>,
    schema: &Schema,
    places: Option<Places>,
) -> Vec<(String, Expr)> {
    // Masks were bound for records without places then, and do not ask for them.
    let none = Places {
        path: "",
        row: "",
        number: "",
    };
    let from = From {
        schema,
        places: places.unwrap_or(none),
    };
    columns
        .into_iter()
        .map(|column| (column.column.clone(), masked_expr(column, &from)))
        .collect()
}

/// Where arguments come from.
struct From<'a> {
    schema: &'a Schema,
    places: Places,
}

impl From<'_> {
    /// The root column of a dotted path: the longest beginning of it that is a column, as names may
    /// hold dots themselves.
    fn root(&self, path: &str) -> Expr {
        let ends = path.match_indices('.').map(|(at, _)| at).rev();
        let root = std::iter::once(path.len())
            .chain(ends)
            .map(|end| &path[..end])
            .find(|name| self.schema.index_of(name).is_ok());
        column(root.unwrap_or(path))
    }
}

fn masked_expr(masked: MaskedColumn, from: &From<'_>) -> Expr {
    masked
        .steps
        .into_iter()
        .fold(column(&masked.column), |value, step| {
            let arguments = step.mask.arguments().to_vec();
            let mut condition = step.condition;
            let mut args = vec![value];
            args.extend(arguments.iter().map(|argument| match argument {
                Argument::Column(path) => from.root(path),
                Argument::UnitPath => column(from.places.path),
                Argument::Place => column(from.places.row),
                Argument::Shuffled => column(&shuffled_name(&masked.column)),
                Argument::Number => column(from.places.number),
                Argument::Chosen => {
                    let condition = condition.take();
                    chosen(
                        condition.expect("a mask with a chosen argument has its condition"),
                        from,
                    )
                }
            }));
            Arc::new(ScalarUDF::from(MaskUdf::new(step.mask))).call(args)
        })
}

fn chosen(condition: Condition, from: &From<'_>) -> Expr {
    let function = ConditionUdf::new(condition);
    let args = function
        .columns()
        .iter()
        .map(|path| from.root(path))
        .collect();
    Arc::new(ScalarUDF::from(function)).call(args)
}

/// Names are taken as they are: no case folding, and a dot is part of the name.
pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// A session without a single registered function, catalog or store.
fn session() -> SessionState {
    let mut config = SessionConfig::new()
        .with_batch_size(BATCH_ROWS)
        .with_round_robin_repartition(false)
        .with_create_default_catalog_and_schema(false);
    config
        .options_mut()
        .optimizer
        .enable_leaf_expression_pushdown = false;
    SessionStateBuilder::new().with_config(config).build()
}
