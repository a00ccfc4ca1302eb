//! Sessions that are used one after the other by slices.

use std::fmt::Debug;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use parking_lot::Mutex;

/// A server that sessions can be opened on; cheap to clone.
pub(crate) trait Server: Clone + Debug + Send + Sync + 'static {
    /// A session on it.
    type Session: Debug + Send;
    /// Why there is none.
    type Error;

    /// Opens a session.
    ///
    /// # Errors
    /// When the server cannot be reached or does not let us in.
    fn open(&self) -> impl Future<Output = Result<Self::Session, Self::Error>> + Send;
}

/// Idle sessions of a server; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pool<S: Server>(Arc<Inner<S>>);

#[derive(Debug)]
struct Inner<S: Server> {
    server: S,
    idle: Mutex<Vec<S::Session>>,
}

/// A session of a pool. Dropped, it is closed: who knows what state it is in.
#[derive(Debug)]
pub(crate) struct Pooled<S: Server> {
    session: S::Session,
    pool: Pool<S>,
}

impl<S: Server> Pool<S> {
    pub(crate) fn new(server: S) -> Self {
        let idle = Mutex::new(Vec::new());
        Self(Arc::new(Inner { server, idle }))
    }

    /// An idle session, or a new one.
    pub(crate) async fn take(&self) -> Result<Pooled<S>, S::Error> {
        let idle = self.0.idle.lock().pop();
        let session = match idle {
            Some(session) => session,
            None => self.0.server.open().await?,
        };
        Ok(Pooled {
            session,
            pool: self.clone(),
        })
    }
}

impl<S: Server> Pooled<S> {
    /// Keeps the session, which is in no transaction, for the next one.
    pub(crate) fn give_back(self) {
        let Self { session, pool } = self;
        pool.0.idle.lock().push(session);
    }
}

impl<S: Server> Deref for Pooled<S> {
    type Target = S::Session;

    fn deref(&self) -> &S::Session {
        &self.session
    }
}

impl<S: Server> DerefMut for Pooled<S> {
    fn deref_mut(&mut self) -> &mut S::Session {
        &mut self.session
    }
}
