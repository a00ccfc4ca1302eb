//! New tables take the names of old ones, all of them by one `RENAME`, and get what hung on those.
//!
//! Nobody may write in between, and nobody is to see one table masked and another not. The server takes the
//! locks of a `RENAME` one after the other, in the order of the tables' names. So each old table has a session of
//! its own that keeps writers out, and that is ended once the `RENAME` stands in line for this very table, and
//! behind it the session which puts things back. Who waits to write stands behind both.
//!
//! These sessions sleep at the server, each longer than the one before: if we are killed, the `RENAME` that is under
//! way still meets them one by one.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::back::{self, BETWEEN_LOOKS, LOOKS, Locked};
use super::error::MysqlError;
use super::job::TableJob;
use super::marks;
use super::session::{Pooled, Server, Session, quoted};
use super::together::{Holder, NOT_IN_TIME};

/// How long the first session sleeps that keeps writers out, in seconds; each further one a second longer.
const SLEEP: usize = 20;

/// An old table that nobody may write to.
struct Held {
    job: Arc<TableJob>,
    /// The session that keeps writers out.
    by: u32,
    /// The session that puts back what hangs on the table.
    next: Session,
}

/// A session on its way to the locks of tables.
type Locking = JoinHandle<(Session, Result<(), MysqlError>)>;

/// Gives the new tables of `jobs` the names of the old ones, and what hung on them where there `is_more`.
/// `holders` keep writers out of the old ones. The old table of the first job is there under its
/// other name once all are.
///
/// # Errors
/// When the server refuses: then all tables are as they were.
pub(super) async fn exchange(
    server: &Server,
    jobs: &[Arc<TableJob>],
    holders: Vec<Holder>,
    is_more: bool,
) -> Result<(), MysqlError> {
    let Some(first) = jobs.first() else {
        return Ok(());
    };
    let mut lockers = Vec::new();
    let renamed = rename(server, jobs, holders, is_more.then_some(&mut lockers)).await;
    if let Err(error) = renamed {
        // The answer may be lost where the rename is not.
        server.end_others(&first.name).await?;
        let mut session = server.connect().await?;
        let old = format!("{}_old", first.name);
        if !marks::is_there(&mut session, &first.table.schema, &old).await? {
            return Err(error);
        }
    }
    if !is_more {
        return Ok(());
    }
    // From here on the tables are masked: what cannot be put back now is tried again when all is cleaned up.
    let put_back = async {
        let mut locked = Vec::with_capacity(lockers.len());
        for (tables, locking) in lockers {
            let (session, has_locks) = locking.await.map_err(|_| MysqlError::GivenUp)?;
            has_locks?;
            locked.push(Locked { tables, session });
        }
        let mut free = server.connect().await?;
        let mut reader = server.connect().await?;
        back::put_back(&first.name, &mut locked, &mut free, &mut reader).await
    };
    if let Err(error) = put_back.await {
        tracing::warn!(
            "what hangs on {} is put back later: {error}",
            first.table.shown()
        );
    }
    Ok(())
}

/// Renames all tables at once. Where there are to be `lockers`, they get the locks next, those of one table each
/// and of tables that refer to it.
async fn rename(
    server: &Server,
    jobs: &[Arc<TableJob>],
    holders: Vec<Holder>,
    lockers: Option<&mut Vec<(Vec<String>, Locking)>>,
) -> Result<(), MysqlError> {
    let mut probe = server.connect().await?;
    if probe.run("SET lock_wait_timeout = 0").await.is_err() {
        // MySQL waits for a second at least.
        probe.run("SET lock_wait_timeout = 1").await?;
    }
    let mut held = Vec::with_capacity(jobs.len());
    for Holder { job, session } in holders {
        held.push(Held {
            by: session.id(),
            next: server.connect().await?,
            job: Arc::clone(&job),
        });
        asleep(session, &job, SLEEP + held.len());
    }
    let sessions: Vec<u32> = held.iter().map(|held| held.by).collect();
    let renaming = server.connect().await?;
    let renamed = rename_held(renaming, jobs, held, lockers, &mut probe).await;
    if renamed.is_err() {
        for session in sessions {
            // Some are ended already.
            let ended = probe.run(&format!("KILL CONNECTION {session}")).await;
            ended.unwrap_or_default();
        }
    }
    renamed
}

/// The same for tables that each have a session which keeps writers out.
async fn rename_held(
    mut renaming: Session,
    jobs: &[Arc<TableJob>],
    held: Vec<Held>,
    mut lockers: Option<&mut Vec<(Vec<String>, Locking)>>,
    probe: &mut Session,
) -> Result<(), MysqlError> {
    // The first one comes last: it tells whether all are there.
    let pairs = jobs.iter().rev().map(|job| {
        let (table, new, old) = (job.table.sql(), job.beside("new"), job.beside("old"));
        format!("{table} TO {old}, {new} TO {table}")
    });
    let pairs = pairs.collect::<Vec<_>>().join(", ");
    let signed = jobs.first().map(|first| first.signed()).unwrap_or_default();
    let statement = format!("{signed} RENAME TABLE {pairs}");
    let renamed = tokio::spawn(async move { renaming.run(&statement).await });
    let mut spoken_for: Vec<String> = jobs.iter().map(|job| job.table.sql()).collect();
    for Held { job, by, next } in held {
        let table = job.table.sql();
        in_line_for(probe, &table, || renamed.is_finished()).await?;
        if let Some(lockers) = &mut lockers {
            let mut tables = vec![table];
            for (schema, name) in &job.table.referrers {
                let other = format!("{}.{}", quoted(schema), quoted(name));
                if !spoken_for.contains(&other) {
                    spoken_for.push(other.clone());
                    tables.push(other);
                }
            }
            let locking = locked_next(next, &signed, &tables, probe).await?;
            lockers.push((tables, locking));
        }
        probe.run(&format!("KILL CONNECTION {by}")).await?;
    }
    renamed.await.unwrap_or(Err(MysqlError::GivenUp))
}

/// Lets a session that keeps writers out of a table sleep at the server.
fn asleep(mut session: Pooled, job: &TableJob, seconds: usize) {
    let sleep = format!("DO {} SLEEP({seconds})", job.signed());
    tokio::spawn(async move {
        if session.run(&sleep).await.is_ok() {
            // The lock is there until the session is ended, or we are.
            std::future::pending::<()>().await;
        }
    });
}

/// Lets `session` stand in line for locks on `tables`.
async fn locked_next(
    mut session: Session,
    signed: &str,
    tables: &[String],
    probe: &mut Session,
) -> Result<Locking, MysqlError> {
    let id = session.id();
    let lock = format!("{signed} LOCK TABLES {} WRITE", tables.join(" WRITE, "));
    let locking = tokio::spawn(async move {
        let locked = session.run(&lock).await;
        (session, locked)
    });
    for _ in 0..LOOKS {
        if locking.is_finished() || probe.waits(id).await? {
            return Ok(locking);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(MysqlError::GivenUp)
}

/// Waits until somebody stands in line to alter `table`, who by that keeps `probe` from reading it, or `is_over`
/// says that nobody will.
async fn in_line_for(
    probe: &mut Session,
    table: &str,
    is_over: impl Fn() -> bool,
) -> Result<(), MysqlError> {
    for _ in 0..LOOKS {
        match probe.run(&format!("SELECT 1 FROM {table} LIMIT 0")).await {
            Ok(()) if is_over() => return Ok(()),
            Ok(()) => tokio::time::sleep(BETWEEN_LOOKS).await,
            Err(error) if error.code() == Some(NOT_IN_TIME) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Err(MysqlError::GivenUp)
}
