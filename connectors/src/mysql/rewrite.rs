//! `strategy: rewrite`: a new table like the old one is filled with masked rows, and takes its name.
//!
//! ```text
//! lock ─▶ readers, by ranges of the key ─▶ masks ─▶ temporary stages ─▶ INSERT … SELECT, into the new table
//!      ─▶ indexes ─▶ RENAME, foreign keys and triggers, unlock
//! ```
//!
//! Columns that nobody masks go from the old table to the new one inside the server. Writers are kept out
//! from the first row that is read until the new table has everything that the old one had: locks are
//! handed from session to session, the next one waiting in line before the last one lets go.
//!
//! What a kill leaves is told by names: `…_new` is thrown away, and where there is an `…_old` the new table
//! has its place already, and what is missing on it is in `…_back`.
//!
//! Tables that change together have new tables each, and get their places by one `RENAME`: `exchange.rs`.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::back;
use super::catalogue::{Table, without_counter};
use super::encode::Form;
use super::error::MysqlError;
use super::job::{KeyColumn, ROW_NUMBER, TableJob};
use super::leftovers;
use super::loader::Loader;
use super::progress::{self, Cut, Progress};
use super::reader::{From, Reader};
use super::session::{Pool, Server, Session, quoted};
use super::stage::{self, STAGE, Stage};
use super::together::{Full, Together};
use super::types::Lane;
use super::update::staged_schema;
use crate::database::{Announce, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// The fewest rows of a slice.
const SLICE_ROWS: u64 = 50_000;

/// A table that is masked by a rewrite.
pub(super) struct Rewrite {
    job: Arc<TableJob>,
    pool: Pool,
    reader: Reader,
    stage: Arc<Stage>,
    /// Where rows are read from, as SQL names it: the table, or a copy of it with numbers.
    source: String,
    slices: Vec<progress::Range>,
    /// The tables that get their places together, this one among them.
    together: Arc<Together>,
    /// Rows that are in the new table, by slice.
    written: Arc<Mutex<Vec<Option<u64>>>>,
    /// Indexes that are made once the table is full.
    later: Arc<Vec<String>>,
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewrite({})", self.job.table.shown())
    }
}

impl Rewrite {
    /// Locks tables against writers, unless it is a dry run, makes new ones, and cuts the old ones into slices.
    /// All of them change in one exchange: the commit of the last.
    ///
    /// # Errors
    /// When the server refuses, or the locks are not had in time.
    pub(super) async fn open(
        server: &Server,
        jobs: Vec<TableJob>,
    ) -> Result<Vec<Arc<Self>>, MysqlError> {
        let pool = Pool::new(server.clone());
        let together = Arc::new(Together::new(server, jobs));
        together.lock(&pool).await?;
        let mut tables = Vec::with_capacity(together.jobs.len());
        for job in &together.jobs {
            let table = Self::cut(&pool, Arc::clone(job), &together).await?;
            tables.push(Arc::new(table));
        }
        Ok(tables)
    }

    async fn cut(
        pool: &Pool,
        job: Arc<TableJob>,
        together: &Arc<Together>,
    ) -> Result<Self, MysqlError> {
        let (mut key, mut source) = (job.found_by(), job.table.sql());
        let mut read_from = quoted(&job.table.name);
        let mut slices = vec![progress::Range::default()];
        let (mut later, mut form) = (Vec::new(), Form::File);
        if !job.dry_run {
            let mut session = pool.take().await?;
            form = Loader::form(&mut session).await?;
            // Nothing changes it any more. A column or a trigger of another would be lost.
            let table = session.table(&job.table.schema, &job.table.name).await?;
            let table = table.filter(|table| table.is_same(&job.table));
            let table = table.ok_or(MysqlError::Altered)?;
            later = made(&mut session, &job, &table).await?;
            if key.is_none() {
                source = job.beside("copy");
                read_from = source.clone();
                numbered(&mut session, &job, &source).await?;
                key = Some(vec![KeyColumn::row_number()]);
            }
            let key = key.clone().unwrap_or_default();
            if key.iter().all(|column| column.is_ranged) {
                let rows = table.rows.unwrap_or(0) / (4 * job.workers.max(1) as u64);
                let cut = Cut {
                    filter: None,
                    rows: rows.max(SLICE_ROWS),
                    max_rows: None,
                    counted: false,
                };
                let by_key = match source == job.table.sql() {
                    true => job.by_key(&key),
                    false => source.clone(),
                };
                let progress = Progress::new(by_key, job.beside("units"), key);
                let units = progress.open(&mut session, cut).await?.left;
                slices = units.into_iter().map(|unit| progress.range(unit)).collect();
            }
            session.give_back();
        }
        let key = key.unwrap_or_default();
        let masked = job.masked_columns().cloned().collect();
        Ok(Self {
            reader: Reader::new(
                pool.clone(),
                job.table.shown(),
                &key,
                job.typed(Lane::InPlace, &read_from),
            ),
            stage: Arc::new(Stage::new(key, masked, form)),
            written: Arc::new(Mutex::new(vec![None; slices.len()])),
            source,
            slices,
            together: Arc::clone(together),
            later: Arc::new(later),
            job,
            pool: pool.clone(),
        })
    }

    /// Fills the new table from the stage of a slice, and from the old table where nothing is masked.
    fn filled(&self, slice: usize) -> String {
        let stored: Vec<&str> = self.job.table.stored().collect();
        let values: Vec<String> = stored
            .iter()
            .map(|name| {
                let masked = self.stage.masked().iter();
                match masked.clone().position(|column| column.name == *name) {
                    Some(number) => self.stage.value(number),
                    None => format!("t.{}", quoted(name)),
                }
            })
            .collect();
        format!(
            "{} INSERT INTO {} ({}) SELECT {} FROM {} AS t STRAIGHT_JOIN {STAGE} AS s ON {} WHERE {}",
            self.job.signed(),
            self.job.beside("new"),
            list(&stored),
            values.join(", "),
            self.source,
            self.stage.joined(),
            self.slices[slice].condition("t.")
        )
    }
}

/// Makes the new table, without the indexes that are faster made once it is full; what makes those.
async fn made(
    session: &mut Session,
    job: &TableJob,
    table: &Table,
) -> Result<Vec<String>, MysqlError> {
    let new = job.beside("new");
    let like = format!("CREATE TABLE {new} LIKE {}", table.sql());
    session.run(&like).await?;
    is_like(session, table, &new).await?;
    let later: Vec<&str> = back::lines(&table.definition)
        .filter(|line| is_made_later(line, &table.definition))
        .collect();
    let dropped: Vec<String> = later
        .iter()
        .filter_map(|line| {
            let at = line.find('`')?;
            Some(format!("DROP INDEX {}", back::first_name(&line[at..])?))
        })
        .collect();
    if !dropped.is_empty() {
        let dropped = format!("ALTER TABLE {new} {}", dropped.join(", "));
        session.run(&dropped).await?;
    }
    // Those of words are made one at a time, and are the last ones in any definition.
    let (alone, together): (Vec<&str>, Vec<&str>) = later
        .into_iter()
        .partition(|line| line.starts_with("FULLTEXT"));
    let added = |lines: &[&str]| {
        let added: Vec<String> = lines.iter().map(|line| format!("ADD {line}")).collect();
        format!("{} ALTER TABLE {new} {}", job.signed(), added.join(", "))
    };
    let mut statements = Vec::new();
    if !together.is_empty() {
        statements.push(added(&together));
    }
    statements.extend(alone.into_iter().map(|line| added(&[line])));
    if let Some(counter) = table.counter {
        statements.push(format!("ALTER TABLE {new} AUTO_INCREMENT = {counter}"));
    }
    Ok(statements)
}

/// Refuses a new table that is not defined as the old one, but for its name, its counter and foreign keys.
pub(super) async fn is_like(
    session: &mut Session,
    table: &Table,
    new: &str,
) -> Result<(), MysqlError> {
    let (new, _) = without_counter(&session.definition(new).await?);
    let lines = |definition: &str| -> Vec<String> {
        let lines = back::lines(definition).skip(1);
        lines
            .filter(|line| !back::is_foreign_key(line))
            .map(str::to_owned)
            .collect()
    };
    match lines(&new) == lines(&table.definition) {
        true => Ok(()),
        false => Err(MysqlError::Unlike),
    }
}

/// Whether a line of a definition is an index that can be made later: no counter needs it, and rows do not
/// lie in its order.
fn is_made_later(line: &str, definition: &str) -> bool {
    let is_index = ["KEY `", "UNIQUE KEY `", "FULLTEXT KEY `", "SPATIAL KEY `"]
        .iter()
        .any(|word| line.starts_with(word));
    if !is_index {
        return false;
    }
    let mut lines = back::lines(definition);
    let has_primary = lines.any(|line| line.starts_with("PRIMARY KEY"));
    let mut lines = back::lines(definition);
    let counter = lines
        .find(|line| line.starts_with('`') && line.contains(" AUTO_INCREMENT"))
        .and_then(back::first_name);
    let of_counter = counter.is_some_and(|counter| line.contains(&format!("({counter}")));
    !of_counter && (has_primary || !line.starts_with("UNIQUE"))
}

/// Makes a copy of a table without a key, whose rows have numbers.
async fn numbered(session: &mut Session, job: &TableJob, copy: &str) -> Result<(), MysqlError> {
    let stored: Vec<&str> = job.table.columns.iter().map(|c| c.name.as_str()).collect();
    session
        .run(&format!(
            "{} CREATE TABLE {copy} ({ROW_NUMBER} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY) \
             ENGINE = InnoDB SELECT {} FROM {}",
            job.signed(),
            list(&stored),
            job.table.sql()
        ))
        .await
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

impl Source for Rewrite {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    fn slices(&self) -> usize {
        self.slices.len()
    }

    fn describe(&self) -> String {
        format!("MySQL, rewrite, {} slices", self.slices.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let range = &self.slices[slice];
        let from = From {
            setup: range.setup.clone(),
            sql: format!("{} WHERE {}", self.source, range.condition("")),
            slice,
        };
        self.reader.read(from, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Rewrite {
    fn schema(&self) -> SchemaRef {
        staged_schema(&self.stage)
    }

    fn describe(&self) -> String {
        format!("MySQL, rewrite of {}", self.job.table.shown())
    }

    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (pool, written, job) = (
            self.pool.clone(),
            Arc::clone(&self.written),
            Arc::clone(&self.job),
        );
        let stage = Arc::clone(&self.stage);
        if job.dry_run {
            return Box::pin(async move {
                let rows = counted(rows).await?;
                Ok(Receipt { slice, rows })
            });
        }
        let (filled, range) = (self.filled(slice), self.slices[slice].clone());
        Box::pin(async move {
            let mut session = pool.take().await?;
            stage.make(&mut session).await?;
            for statement in &range.setup {
                session.run(statement).await?;
            }
            let rows = stage.fill(&mut session, rows).await?;
            let found = session.touch(&filled).await?;
            if found != rows {
                let expected = rows;
                return Err(MysqlError::Changed { expected, found }.into());
            }
            stage.remove(&mut session).await?;
            session.give_back();
            written.lock()[slice] = Some(rows);
            Ok(Receipt { slice, rows })
        })
    }
}

impl TableWork for Rewrite {
    fn units(&self) -> usize {
        1
    }

    fn slices_of(&self, _: usize) -> Range<usize> {
        0..self.slices.len()
    }

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (pool, range) = (self.pool.clone(), self.slices[slice].clone());
        let rows = format!("{} WHERE {}", self.source, range.condition(""));
        Box::pin(async move {
            let mut session = pool.take().await?;
            for statement in &range.setup {
                session.run(statement).await?;
            }
            let rows = session.count(&rows).await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        stage::SLICE_BYTES
    }

    fn commit(&self, _: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let written: Option<u64> = self.written.lock().iter().copied().sum();
        let (job, later) = (Arc::clone(&self.job), Arc::clone(&self.later));
        let together = Arc::clone(&self.together);
        Box::pin(async move {
            let rows = written.ok_or(MysqlError::GivenUp)?;
            together
                .is_full(Full { job, rows, later }, announce)
                .await?;
            Ok(rows)
        })
    }

    fn abort(&self, _: usize) -> BoxFuture<'static, ()> {
        let (together, job) = (Arc::clone(&self.together), Arc::clone(&self.job));
        together.unlock();
        Box::pin(async move {
            if job.dry_run {
                return;
            }
            if let Err(error) = together.remove(&["old", "back"]).await {
                tracing::warn!("tables beside {} are left: {error}", job.table.shown());
            }
        })
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (together, job) = (Arc::clone(&self.together), Arc::clone(&self.job));
        Box::pin(async move {
            if job.dry_run {
                return Ok(Vec::new());
            }
            if all {
                let of_all = together.of_all(&job);
                return Ok(leftovers::clean_up(&together.server, &of_all, true).await?);
            }
            // An exchange of which we do not know goes on when the run does.
            if !together.is_exchanged().await? {
                together.remove(&[]).await?;
            }
            Ok(Vec::new())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_that_are_made_later() {
        let made = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `n` int NOT NULL AUTO_INCREMENT,\n  \
                    PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`a`),\n  KEY `n` (`n`,`id`),\n  KEY `k` (`b`)\n) x";
        let later = |definition: &str| -> Vec<String> {
            let lines = back::lines(definition).filter(|line| is_made_later(line, definition));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(later(made), ["UNIQUE KEY `u` (`a`)", "KEY `k` (`b`)"]);
        let keyless = made.replace("PRIMARY KEY (`id`),", "");
        assert_eq!(later(&keyless), ["KEY `k` (`b`)"]);
    }
}
