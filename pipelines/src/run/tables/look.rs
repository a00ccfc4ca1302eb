//! Tables looked at without writing: for `visard preview` and `visard plan`.

use std::sync::Arc;

use visard_connectors::database::{Job, NumberedTable};
use visard_connectors::{DatabaseError, Sink, Source, TableWork};
use visard_engine::{MaskedColumn, TaskPlan};

use super::planned;
use crate::check::{Step, TablePlan};

/// A table opened for looking only: at most `rows` rows, and nothing is written.
///
/// # Errors
/// When the server refuses.
pub async fn dry_look(
    step: Step,
    rows: Option<u64>,
) -> anyhow::Result<Option<(Arc<dyn Source>, TaskPlan, Arc<dyn Sink>)>> {
    let Some((table, columns)) = dry(step, |job| job.max_rows = rows, false).await? else {
        return Ok(None);
    };
    let task = planned(&table, columns, 0).await?;
    let source: Arc<dyn Source> = Arc::clone(&table) as _;
    Ok(Some((source, task, table.sink())))
}

/// The plans of a table as text.
///
/// # Errors
/// When the server refuses.
pub async fn logical_and_physical(step: Step) -> anyhow::Result<Option<(String, String)>> {
    let Some((table, columns)) = dry(step, |_| (), true).await? else {
        return Ok(None);
    };
    let task = planned(&table, columns, 0).await?;
    let physical = datafusion::physical_plan::displayable(task.physical.as_ref());
    Ok(Some((
        task.logical.display_indent().to_string(),
        physical.indent(false).to_string(),
    )))
}

/// What `step` masks, opened so that nothing is written, and its masks; nothing for steps that mask nothing.
async fn dry(
    step: Step,
    change: impl FnOnce(&mut Job),
    rewrite: bool,
) -> Result<Option<(Arc<dyn TableWork>, Vec<MaskedColumn>)>, DatabaseError> {
    Ok(Some(match step {
        Step::Mask(plan) => {
            let TablePlan {
                table,
                mut job,
                way,
                columns,
                offered,
                ..
            } = *plan;
            job.dry_run = true;
            change(&mut job);
            let opened = table.open(job, rewrite && way.rewrite).await?;
            (with_numbers(opened, offered), columns)
        }
        Step::Copy(mut plan) => {
            let mut job = plan.job.clone();
            job.dry_run = true;
            change(&mut job);
            let columns = std::mem::take(&mut plan.columns);
            (with_numbers(plan.open(job).await?, plan.offered), columns)
        }
        Step::Sql { .. } => return Ok(None),
    }))
}

/// `table` as it is looked at, with numbers where a mask goes by them.
fn with_numbers(table: Arc<dyn TableWork>, offered: Option<u128>) -> Arc<dyn TableWork> {
    match offered {
        Some(_) => Arc::new(NumberedTable::looked_at(table)),
        None => table,
    }
}
