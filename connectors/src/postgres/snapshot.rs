//! One moment of a database, seen by many sessions.

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
    /// The moment that it is now.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn take(pool: &Pool) -> Result<Self, PostgresError> {
        let holder = pool.take().await?;
        holder.run(BEGIN).await?;
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
