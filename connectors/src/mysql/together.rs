//! Tables that get their places together: all are locked, and each gets a new one; then, by one commit, all are
//! exchanged.

use std::sync::Arc;

use datafusion::common::Result;
use parking_lot::Mutex;

use super::back::{self, Back};
use super::error::MysqlError;
use super::exchange::exchange;
use super::job::TableJob;
use super::leftovers;
use super::marks;
use super::rewrite::is_like;
use super::session::{Pool, Pooled, Server, Session, quoted};
use crate::database::{Announce, ForeignKey};

/// The condition of a lock that was not had in time.
pub(super) const NOT_IN_TIME: u16 = 1205;
/// How long locks are waited for, and how often those of several tables are asked for in that time.
const LOCK_SECONDS: u32 = 60;
const TRIES: u32 = 12;

/// Tables that get their places together.
pub(super) struct Together {
    pub(super) server: Server,
    pub(super) jobs: Vec<Arc<TableJob>>,
    /// The locks, in the order in which the server takes those of a `RENAME`.
    holders: Mutex<Option<Vec<Holder>>>,
    /// Those whose new table has all rows: their numbers, and what makes their indexes.
    full: Mutex<Vec<Full>>,
}

/// A session that keeps writers out of one table.
pub(super) struct Holder {
    pub(super) job: Arc<TableJob>,
    pub(super) session: Pooled,
}

/// A new table with all rows.
pub(super) struct Full {
    pub(super) job: Arc<TableJob>,
    pub(super) rows: u64,
    pub(super) later: Arc<Vec<String>>,
}

impl Together {
    pub(super) fn new(server: &Server, jobs: Vec<TableJob>) -> Self {
        Self {
            server: server.clone(),
            jobs: jobs.into_iter().map(Arc::new).collect(),
            holders: Mutex::new(None),
            full: Mutex::default(),
        }
    }

    /// A job on the table of `job` that has made what was made for any of them: names of that begin with the
    /// name of the first.
    pub(super) fn of_all(&self, job: &TableJob) -> TableJob {
        let mut job = job.clone();
        if let Some(first) = self.jobs.first() {
            job.job.name.clone_from(&first.name);
        }
        job
    }

    /// Drops what was made for any of the tables, but for what `kept` names.
    pub(super) async fn remove(&self, kept: &[&str]) -> Result<(), MysqlError> {
        match self.jobs.first() {
            Some(first) => leftovers::remove(&self.server, first, kept).await,
            None => Ok(()),
        }
    }

    /// Whether the new tables have their places.
    pub(super) async fn is_exchanged(&self) -> Result<bool, MysqlError> {
        let Some(first) = self.jobs.first() else {
            return Ok(false);
        };
        let mut session = self.server.connect().await?;
        let old = format!("{}_old", first.name);
        marks::is_there(&mut session, &first.table.schema, &old).await
    }

    /// Locks the tables against writers, unless it is a dry run, and removes what a killed attempt made.
    ///
    /// # Errors
    /// When the locks are not had in time.
    pub(super) async fn lock(&self, pool: &Pool) -> Result<(), MysqlError> {
        if self.jobs.iter().all(|job| job.dry_run) {
            return Ok(());
        }
        let Some(first) = self.jobs.first() else {
            return Ok(());
        };
        let made = leftovers::made(&mut self.server.connect().await?, &first.name).await?;
        if let Some((schema, old)) = made.into_iter().find(|(_, name)| name.ends_with("_old")) {
            return Err(MysqlError::HalfRenamed(format!("{schema}.{old}")));
        }
        self.remove(&[]).await?;
        for tries in 1.. {
            match self.locked(pool).await {
                Ok(holders) => {
                    *self.holders.lock() = Some(holders);
                    break;
                }
                // Somebody who has written to one table may wait for another.
                Err(error) if error.code() == Some(NOT_IN_TIME) && tries < self.tries() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How often locks are asked for: those of several tables again and again, a few seconds each time.
    fn tries(&self) -> u32 {
        match self.jobs.len() {
            1 => 1,
            _ => TRIES,
        }
    }

    /// All locks, or none where one is not had in time.
    async fn locked(&self, pool: &Pool) -> Result<Vec<Holder>, MysqlError> {
        let mut ordered = self.jobs.clone();
        ordered.sort_by(|one, other| {
            let place = |job: &TableJob| (job.table.schema.clone(), job.table.name.clone());
            place(one).cmp(&place(other))
        });
        let seconds = LOCK_SECONDS / self.tries();
        let mut holders = Vec::with_capacity(ordered.len());
        for job in ordered {
            let mut session = pool.take().await?;
            let limit = format!("SET lock_wait_timeout = {seconds}");
            session.run(&limit).await?;
            let lock = format!("LOCK TABLES {} READ {}", job.table.sql(), job.signed());
            session.run(&lock).await?;
            holders.push(Holder { job, session });
        }
        Ok(holders)
    }

    /// Gives the locks up: their sessions end, and with them they go.
    pub(super) fn unlock(&self) {
        drop(self.holders.lock().take());
    }

    /// Takes note of a new table that is full. All are exchanged with the last, which is announced before.
    ///
    /// # Errors
    /// When something is not as it was, or the server refuses: then all tables are as they were.
    pub(super) async fn is_full(&self, full: Full, announce: Announce) -> Result<()> {
        let all = {
            let mut others = self.full.lock();
            others.push(full);
            (others.len() == self.jobs.len()).then(|| std::mem::take(&mut *others))
        };
        let (Some(all), Some(first)) = (all, self.jobs.first()) else {
            return Ok(());
        };
        let holders = self.holders.lock().take();
        let mut holders = holders.ok_or(MysqlError::GivenUp)?;
        for Holder { job, session } in &mut holders {
            let found = session.count(&job.table.sql()).await?;
            let full = all.iter().find(|full| Arc::ptr_eq(&full.job, job));
            let expected = full.map_or(0, |full| full.rows);
            if found != expected {
                return Err(MysqlError::Changed { expected, found }.into());
            }
        }
        let is_more = self.prepared(&all).await?;
        announce(&marks::of_rewrite(&first.table.schema, &first.name))?;
        Ok(exchange(&self.server, &self.jobs, holders, is_more).await?)
    }

    /// Makes the indexes of full tables, looks whether all is as it was before, and keeps what is to be put back
    /// on them; whether anything is.
    async fn prepared(&self, full: &[Full]) -> Result<bool, MysqlError> {
        let mut session = self.server.connect().await?;
        let mut attached = Vec::new();
        for Full { job, later, .. } in full {
            for statement in later.iter() {
                session.run(statement).await?;
            }
            is_like(&mut session, &job.table, &job.beside("new")).await?;
            attached.extend(back::attached(&mut session, job, &self.jobs).await?);
        }
        for Full { job, .. } in full {
            self.keeps_references(job, &mut session).await?;
        }
        let Some(first) = self.jobs.first().filter(|_| !attached.is_empty()) else {
            return Ok(false);
        };
        Back::of(first).keep(&mut session, &attached).await?;
        Ok(true)
    }

    /// Refuses rows that refer to nothing and did not before. Foreign keys are made again unchecked, and by their
    /// rules two values may be the same that no mask takes for the same, such as two spellings.
    async fn keeps_references(
        &self,
        job: &TableJob,
        session: &mut Session,
    ) -> Result<(), MysqlError> {
        let keys = job.table.foreign_keys.iter();
        let is_masked = |key: &&ForeignKey| {
            !key.incoming && key.columns.iter().any(|column| job.masked.contains(column))
        };
        for key in keys.filter(is_masked) {
            let mut parents = self.jobs.iter();
            let Some(parent) = parents.find(|job| job.table.shown() == key.other()) else {
                return Err(MysqlError::Altered);
            };
            let dangling = |child: String, parent: String| {
                let pairs = key.columns.iter().zip(&key.other_columns);
                let (mut some, mut same) = (Vec::new(), Vec::new());
                for (own, theirs) in pairs {
                    some.push(format!("c.{} IS NOT NULL", quoted(own)));
                    same.push(format!("p.{} = c.{}", quoted(theirs), quoted(own)));
                }
                format!(
                    "{child} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {})",
                    some.join(" AND "),
                    same.join(" AND ")
                )
            };
            let new = dangling(job.beside("new"), parent.beside("new"));
            let new = session.count(&new).await?;
            let old = dangling(job.table.sql(), parent.table.sql());
            if new > 0 && session.count(&old).await? != new {
                return Err(MysqlError::Dangling(job.table.shown()));
            }
        }
        Ok(())
    }
}
