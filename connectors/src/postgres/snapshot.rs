//! One moment of a database, seen by many sessions.
//!
//! What empties or rewrites a table shows through every snapshot: tables that are read at a moment are locked
//! against that before it.

use super::error::PostgresError;
use super::pool::{Pool, Pooled};
use super::session::{Session, literal};

/// A moment of the database. It can be seen as long as this is not dropped.
#[derive(Debug)]
pub(super) struct Snapshot {
    id: String,
    /// The session whose transaction keeps it.
    _holder: Pooled,
}

/// A read-only transaction that sees one moment all the time.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Snapshot {
    /// The moment that it is once `tables`, as SQL names them, are locked: nobody alters, empties or drops them
    /// as long as this is not dropped.
    ///
    /// # Errors
    /// When the server refuses, or a lock is not had in time.
    pub(super) async fn take(pool: &Pool, tables: &[String]) -> Result<Self, PostgresError> {
        let holder = pool.take().await?;
        holder.run(BEGIN).await?;
        if !tables.is_empty() {
            // The transaction sees the moment of its first query, which this is not.
            let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "));
            holder.run(&lock).await?;
        }
        let export = "SELECT pg_catalog.pg_export_snapshot()";
        let id = holder.client().query_one(export, &[]).await?.get(0);
        Ok(Self {
            id,
            _holder: holder,
        })
    }

    /// Begins a transaction of `session` that sees this moment.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn begin(&self, session: &Session) -> Result<(), PostgresError> {
        let id = literal(&self.id);
        session
            .run(&format!("{BEGIN}; SET TRANSACTION SNAPSHOT {id}"))
            .await
    }
}
