//! What still holds old values after a table was masked: removed where we may, named where we may not.

use std::time::Duration;

use super::catalogue::Table;
use super::error::PostgresError;
use super::job::TableJob;
use super::session::{Session, quoted};

/// How often, and how far apart, sessions are asked whether they still see old rows.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// What a rewrite of a table's files may hold in memory, unless the server gives it more.
const MORE_MEMORY: &str = "SELECT pg_catalog.set_config(name, '256MB', false) FROM pg_catalog.pg_settings \
     WHERE name = 'maintenance_work_mem' AND setting::int8 < 262144";

/// Removes what `job` made, then what still holds old values: after joined updates the dead rows, and what
/// all strategies leave. What cannot be removed, in words.
///
/// # Errors
/// When the connection fails.
pub(super) async fn clean_up(
    session: &Session,
    job: &TableJob,
    rewritten: bool,
) -> Result<Vec<String>, PostgresError> {
    remove(session, job).await?;
    let table = &job.table;
    let mut left = Vec::new();
    // A row that somebody still sees survives every vacuum.
    if others_see_old_rows(session).await? {
        left.push(format!(
            "other sessions, or replication slots, of the database still see old {}: they stay on disk \
             until `VACUUM FULL` is run again",
            match rewritten {
                true => "statistics",
                false => "rows and statistics",
            }
        ));
    }
    if !rewritten {
        // Indexes are made anew: with little memory, their rows are sorted on disk.
        session.run(MORE_MEMORY).await?;
        let statement = format!("VACUUM (FULL, ANALYZE) {}", table.sql());
        let otherwise = "dead rows and statistics of the table hold old values until its owner runs \
                         `VACUUM (FULL, ANALYZE)`";
        vacuumed(session, &statement, table.oid, otherwise, &mut left).await?;
        session.run("RESET maintenance_work_mem").await?;
    }
    let mut statistics = Vec::new();
    for catalogue in ["pg_statistic", "pg_statistic_ext_data"] {
        let found = format!(
            "SELECT c, pg_catalog.pg_relation_size(c) > 0 \
               FROM (SELECT 'pg_catalog.{catalogue}'::regclass::oid AS c) found"
        );
        let found = session.client().query_one(&found, &[]).await?;
        let (oid, has_blocks): (u32, bool) = (found.get(0), found.get(1));
        if !has_blocks {
            continue;
        }
        let statement = format!("VACUUM (FULL) pg_catalog.{catalogue}");
        let otherwise = format!(
            "statistics that the planner no longer uses may hold old values until `VACUUM FULL {catalogue}`"
        );
        vacuumed(session, &statement, oid, &otherwise, &mut statistics).await?;
    }
    left.append(&mut statistics);
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

/// Drops the tables that `job` made: stages, and the one that says which units are done.
///
/// # Errors
/// When the server refuses.
pub(super) async fn remove(session: &Session, job: &TableJob) -> Result<(), PostgresError> {
    let made = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND pg_catalog.starts_with(c.relname, $2) AND c.relkind = 'r'";
    let name = format!("{}_", job.name);
    let client = session.client();
    for table in client.query(made, &[&job.table.schema, &name]).await? {
        let table: String = table.get(0);
        // One that another session of ours, which is going, may be dropping as well.
        session
            .run(&format!("DROP TABLE IF EXISTS {table}"))
            .await?;
    }
    Ok(())
}

/// Whether anybody holds a snapshot from before now, so that no vacuum may remove what it sees. Most let it
/// go in a moment.
async fn others_see_old_rows(session: &Session) -> Result<bool, PostgresError> {
    // Ages are told of the lower half of a transaction's number.
    let now = session.transaction().await?.parse::<u64>().unwrap_or(0) as u32;
    let older = |what: &str| format!("pg_catalog.age({what}) > pg_catalog.age('{now}'::xid)");
    let seen = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid() \
                           AND (datname = pg_catalog.current_database() OR backend_type = 'walsender') \
                           AND ({} OR {})) \
             OR EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts \
                         WHERE database = pg_catalog.current_database() AND {}) \
             OR EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE {} OR {})",
        older("backend_xmin"),
        older("backend_xid"),
        older("transaction"),
        older("xmin"),
        older("catalog_xmin"),
    );
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        if !session
            .client()
            .query_one(&seen, &[])
            .await?
            .get::<_, bool>(0)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs a `VACUUM (FULL)` of a relation; where it is not done, `otherwise` is what is left. The server only
/// warns of a relation that we may not vacuum, so the files are what tells.
async fn vacuumed(
    session: &Session,
    statement: &str,
    relation: u32,
    otherwise: &str,
    left: &mut Vec<String>,
) -> Result<(), PostgresError> {
    let files = "SELECT pg_catalog.pg_relation_filenode(p.oid) FROM \
        (SELECT $1::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid)) p \
        WHERE pg_catalog.pg_relation_filenode(p.oid) IS NOT NULL";
    let files = async || -> Result<Vec<u32>, PostgresError> {
        let rows = session.client().query(files, &[&relation]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    let (before, told) = (files().await?, left.len());
    tried(session, statement, otherwise, left).await?;
    if left.len() == told && files().await?.iter().any(|file| before.contains(file)) {
        left.push(otherwise.to_owned());
    }
    Ok(())
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
