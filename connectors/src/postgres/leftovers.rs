//! What still holds old values after a table was masked: removed where we may, named where we may not.

use super::catalogue::Table;
use super::error::PostgresError;
use super::job::Job;
use super::session::{Session, quoted};

/// Removes the tables that were made for a job.
pub(super) async fn remove(session: &Session, job: &Job) -> Result<(), PostgresError> {
    const MADE: &str = "
        SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND pg_catalog.starts_with(c.relname, $2) AND c.relkind = 'r'";
    let name = format!("{}_", job.name);
    for table in session
        .client()
        .query(MADE, &[&job.table.schema, &name])
        .await?
    {
        let table: String = table.get(0);
        session.run(&format!("DROP TABLE {table}")).await?;
    }
    Ok(())
}

/// After joined updates: dead rows, and what all strategies leave.
///
/// # Errors
/// When the connection fails.
pub(super) async fn after_update(
    session: &Session,
    table: &Table,
) -> Result<Vec<String>, PostgresError> {
    let mut left = Vec::new();
    let vacuum = format!("VACUUM (FULL, ANALYZE) {}", table.sql());
    tried(
        session,
        &vacuum,
        "dead rows of the table hold old values until `VACUUM FULL`",
        &mut left,
    )
    .await?;
    everywhere(session, table, left).await
}

/// After a rewrite.
///
/// # Errors
/// When the connection fails.
pub(super) async fn after_rewrite(
    session: &Session,
    table: &Table,
) -> Result<Vec<String>, PostgresError> {
    everywhere(session, table, Vec::new()).await
}

async fn everywhere(
    session: &Session,
    table: &Table,
    mut left: Vec<String>,
) -> Result<Vec<String>, PostgresError> {
    tried(
        session,
        "VACUUM (FULL) pg_catalog.pg_statistic",
        "statistics that the planner no longer uses may hold old values until `VACUUM FULL pg_statistic`",
        &mut left,
    )
    .await?;
    tried(
        session,
        "SELECT pg_catalog.pg_switch_wal()",
        "the write-ahead log holds old values until its segments are recycled",
        &mut left,
    )
    .await?;
    // Files of the old table are given back with a checkpoint, and segments of the log.
    tried(
        session,
        "CHECKPOINT",
        "files of the old rows are on disk until the next checkpoint",
        &mut left,
    )
    .await?;
    for view in &table.materialised {
        left.push(format!(
            "the materialised view `{view}` holds what it was made from"
        ));
    }
    left.push(
        "recycled segments of the write-ahead log, archives, replicas and backups hold old values"
            .to_owned(),
    );
    Ok(left)
}

/// Runs `statement`; where we may not, `otherwise` is what is left.
async fn tried(
    session: &Session,
    statement: &str,
    otherwise: &str,
    left: &mut Vec<String>,
) -> Result<(), PostgresError> {
    match session.run(statement).await {
        Ok(()) => Ok(()),
        Err(PostgresError::Server(answer)) => {
            left.push(format!("{otherwise} ({answer})"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Brings the planner's statistics of a table up to date: the old ones hold old values.
pub(super) fn analysed(table: &Table) -> String {
    format!("ANALYZE {}.{}", quoted(&table.schema), quoted(&table.name))
}
