//! Sessions that are used one after the other by slices.

use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::PostgresError;
use super::session::{Server, Session};

/// Idle sessions of a server; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: Server,
    idle: Mutex<Vec<Session>>,
}

/// A session of a pool. Dropped, it is closed: who knows what state it is in.
#[derive(Debug)]
pub(super) struct Pooled {
    session: Session,
    pool: Pool,
}

impl Pool {
    pub(super) fn new(server: Server) -> Self {
        let idle = Mutex::new(Vec::new());
        Self(Arc::new(Inner { server, idle }))
    }

    /// An idle session, or a new one.
    pub(super) async fn take(&self) -> Result<Pooled, PostgresError> {
        let idle = self.0.idle.lock().pop();
        let session = match idle {
            Some(session) => session,
            None => self.0.server.connect().await?,
        };
        Ok(Pooled {
            session,
            pool: self.clone(),
        })
    }
}

impl Pooled {
    /// Keeps the session, which is in no transaction, for the next one.
    pub(super) fn give_back(self) {
        let Self { session, pool } = self;
        pool.0.idle.lock().push(session);
    }
}

impl Deref for Pooled {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
