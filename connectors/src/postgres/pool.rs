//! Sessions that are used one after the other by slices.

use super::error::PostgresError;
use super::session::{Server, Session};
use crate::database;

/// Idle sessions of a server.
pub(super) type Pool = database::Pool<Server>;
/// A session of a pool.
pub(super) type Pooled = database::Pooled<Server>;

impl database::Server for Server {
    type Session = Session;
    type Error = PostgresError;

    async fn open(&self) -> Result<Session, PostgresError> {
        self.connect().await
    }
}
