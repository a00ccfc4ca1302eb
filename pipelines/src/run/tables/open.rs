//! Tables made ready to be masked.

use std::sync::Arc;

use visard_connectors::database::NumberedTable;
use visard_connectors::{Database, DatabaseError, TableWork};
use visard_engine::MaskedColumn;

use crate::check::TablePlan;

/// A table that is ready, with its masks and about how many bytes it has.
pub(super) struct Opened {
    pub(super) table: Arc<dyn TableWork>,
    pub(super) columns: Vec<MaskedColumn>,
    pub(super) bytes: u64,
    /// Whether values change their rows, which they do within a unit.
    pub(super) shuffled: bool,
    /// How many rows there are unique values for, where rows are numbered for that.
    pub(super) offered: Option<u128>,
}

/// Makes a table and those that follow it ready, under names that begin with `name`.
pub(super) async fn open_together(
    database: &dyn Database,
    plan: TablePlan,
    name: &str,
) -> Result<Vec<Opened>, DatabaseError> {
    let (mut tables, mut masks) = (Vec::new(), Vec::new());
    for (number, plan) in plan.with_following().into_iter().enumerate() {
        let mut job = plan.job;
        job.name = match number {
            0 => name.to_owned(),
            _ => format!("{name}_{number}"),
        };
        let shuffled = !job.shuffled.is_empty();
        let bytes = plan.table.facts().bytes;
        masks.push((plan.columns, bytes, shuffled, plan.offered));
        tables.push((plan.table, job));
    }
    let opened = database.open_together(tables).await?;
    let opened = opened.into_iter().zip(masks);
    let opened = opened.map(|(table, (columns, bytes, shuffled, offered))| Opened {
        table,
        columns,
        bytes,
        shuffled,
        offered,
    });
    Ok(opened.collect())
}

/// `table`, its rows numbered where there are unique values for so many as are `offered`.
pub(super) async fn numbered(
    table: &Arc<dyn TableWork>,
    offered: Option<u128>,
) -> Result<Arc<dyn TableWork>, String> {
    let table = Arc::clone(table);
    let Some(offered) = offered else {
        return Ok(table);
    };
    let counted = NumberedTable::counted(table).await;
    let counted = counted.map_err(|error| error.find_root().to_string())?;
    match counted.rows() {
        rows if u128::from(rows) > offered => Err(format!(
            "there are {rows} rows, and the format offers {offered} texts"
        )),
        _ => Ok(Arc::new(counted)),
    }
}
