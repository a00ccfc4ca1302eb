//! One moment of a server, seen by several sessions.
//!
//! A server shows nobody the moment of another session. So tables are locked against writers until every session
//! has begun, which takes no longer than that; where we may not lock, or others are writing for long, one session
//! reads alone. Tables without transactions stay locked as long as they are read.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use mysql_async::prelude::FromRow;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::error::MysqlError;
use super::session::{Pool, Pooled};

/// The most sessions that see a moment.
const MOST: usize = 8;
/// How long writers may keep us from a lock, in seconds: whoever comes after us waits behind us.
const LOCK_SECONDS: u32 = 5;
/// What a server says who does not let us lock: no right to the database, to the table, and a lock that was not had
/// in time.
const NOT_LOCKED: [u16; 4] = [1044, 1142, 1227, 1205];

/// A moment of the server. It can be seen as long as this is not dropped.
#[derive(Debug)]
pub(super) struct Snapshot {
    idle: Mutex<Vec<Pooled>>,
    /// As many permits as there are idle sessions.
    free: Semaphore,
    /// Sessions that are left, idle or not.
    left: AtomicUsize,
    /// The session that keeps writers out, where that is not done by the moment itself.
    _locker: Option<Pooled>,
}

impl Snapshot {
    /// The moment that it is once `tables`, as SQL names them with their engines, are locked: nobody alters, empties
    /// or drops them as long as this is not dropped.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn take(pool: &Pool, tables: &[(String, String)]) -> Result<Self, MysqlError> {
        let without = tables.iter().find(|(_, engine)| engine != "InnoDB");
        let mut locker = None;
        if !tables.is_empty() {
            let locks: Vec<String> = tables
                .iter()
                .map(|(sql, _)| format!("{sql} READ"))
                .collect();
            let lock = format!("LOCK TABLES {}", locks.join(", "));
            let mut session = pool.take().await?;
            let limit = format!("SET SESSION lock_wait_timeout = {LOCK_SECONDS}");
            session.run(&limit).await?;
            locker = match session.run(&lock).await {
                Ok(()) => Some(session),
                Err(error) if error.code().is_some_and(|code| NOT_LOCKED.contains(&code)) => None,
                Err(error) => return Err(error),
            };
        }
        if let (Some((_, engine)), None) = (without, &locker) {
            return Err(MysqlError::Unlocked(engine.clone()));
        }
        let count = match locker {
            Some(_) => available_parallelism().map_or(1, NonZero::get).min(MOST),
            None => 1,
        };
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            let mut session = pool.take().await?;
            begin(&mut session, tables).await?;
            sessions.push(session);
        }
        // From here on the moment is kept by those who see it.
        let locker = match (locker, without) {
            (Some(mut session), None) => {
                session.run("UNLOCK TABLES").await?;
                None
            }
            (locker, _) => locker,
        };
        Ok(Self {
            idle: Mutex::new(sessions),
            free: Semaphore::new(count),
            left: AtomicUsize::new(count),
            _locker: locker,
        })
    }

    /// How many sessions see the moment.
    pub(super) fn sessions(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    /// A session that sees the moment, once one is idle.
    ///
    /// # Errors
    /// When none is left.
    pub(super) async fn session(&self) -> Result<Pooled, MysqlError> {
        let permit = self.free.acquire().await;
        permit.map_err(|_| MysqlError::NoSnapshot)?.forget();
        self.idle.lock().pop().ok_or(MysqlError::NoSnapshot)
    }

    /// The first row of a query, as of the moment.
    ///
    /// # Errors
    /// When the server refuses it, or no session is left.
    pub(super) async fn first<R: FromRow + Send + 'static>(
        &self,
        query: &str,
    ) -> Result<Option<R>, MysqlError> {
        let mut session = self.session().await?;
        let row = session.first(query).await;
        match &row {
            Err(error) if error.code().is_none() => self.lose(),
            _ => self.give_back(session),
        }
        row
    }

    /// Lets others have a session that [`Snapshot::session`] gave.
    pub(super) fn give_back(&self, session: Pooled) {
        self.idle.lock().push(session);
        self.free.add_permits(1);
    }

    /// Says that such a session is closed.
    pub(super) fn lose(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.free.close();
        }
    }
}

/// Begins the transaction of a session that sees the moment, and keeps `tables` from being altered.
async fn begin(session: &mut Pooled, tables: &[(String, String)]) -> Result<(), MysqlError> {
    session
        .run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .await?;
    if session.is_mariadb().await? {
        // Only newer ones have it.
        for limit in [
            "idle_transaction_timeout",
            "idle_readonly_transaction_timeout",
        ] {
            match session.run(&format!("SET SESSION {limit} = 0")).await {
                Err(error) if error.code().is_none() => return Err(error),
                _ => {}
            }
        }
    }
    session
        .run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        .await?;
    for (table, _) in tables {
        session
            .rows::<u8>(&format!("SELECT 1 FROM {table} LIMIT 1"))
            .await?;
    }
    Ok(())
}
