//! SQLite as one of the databases: [`Database`] and [`DatabaseTable`].

use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::thread::available_parallelism;

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::sql::sqlparser::dialect::{Dialect, SQLiteDialect};
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use serde_json::json;
use tokio::sync::OnceCell;

use super::catalogue::{self, Table};
use super::create;
use super::error::SqliteError;
use super::extract::Extract;
use super::file::{DatabaseFile, blocking, has_log};
use super::held;
use super::job::TableJob;
use super::leftovers::{self, Compaction};
use super::load::Load;
use super::progress::exists;
use super::rewrite::Rewrite;
use super::snapshot::Snapshot;
use super::sql::quoted;
use super::update::Update;
use crate::copy::{Destination, Mode, Origin};
use crate::database::{
    self, Announce, Arriving, BuiltTable, Column, CopiedColumn, Database, DatabaseError,
    DatabaseTable, Fact, Facts, Job, Listed, NewTable, Room, RowPlace, TableWork,
};

const PRODUCT: &str = "SQLite";

/// Below this a file is copied in a moment.
const SMALL_FILE: u64 = 64 << 20;

/// A database in a file.
#[derive(Debug)]
pub struct Sqlite {
    file: DatabaseFile,
    compaction: Compaction,
    /// The moment at which all tables of a copy are read.
    snapshot: Arc<OnceCell<Arc<Snapshot>>>,
}

impl Sqlite {
    /// The database in the file at `path`.
    ///
    /// # Errors
    /// When it is not there, encrypted or damaged.
    pub async fn connect(path: &str) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        let file = blocking(move || {
            let file = DatabaseFile::at(&path)?;
            file.reader()?;
            Ok(file)
        });
        Ok(Self {
            file: file.await?,
            compaction: Compaction::default(),
            snapshot: Arc::default(),
        })
    }

    /// A table with what the catalogue says of it, and the statement that makes it where it is not there.
    fn found(
        &self,
        facts: database::Table,
        table: Table,
        made: Option<String>,
    ) -> Arc<dyn DatabaseTable> {
        Arc::new(Found {
            file: self.file.clone(),
            compaction: self.compaction.clone(),
            snapshot: Arc::clone(&self.snapshot),
            facts,
            table,
            made,
        })
    }

    /// Asks the file something.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let file = self.file.clone();
        Ok(blocking(move || question(&file.reader()?)).await?)
    }
}

#[async_trait]
impl Database for Sqlite {
    fn shown(&self) -> String {
        self.file.path().display().to_string()
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(SQLiteDialect {})
    }

    fn folded(&self, name: &str) -> String {
        name.to_lowercase()
    }

    async fn identity(&self) -> Result<Option<String>, DatabaseError> {
        // One file may have several names.
        let found = std::fs::metadata(self.file.path());
        let found = found.map_err(|error| SqliteError::of_file("the file", &error))?;
        Ok(Some(format!("{} {}", found.dev(), found.ino())))
    }

    async fn facts(&self) -> Result<Facts, DatabaseError> {
        self.ask(|connection| {
            let said = |pragma: &str| -> Result<String, SqliteError> {
                Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
            };
            let encoding = said("encoding")?;
            let read_only = connection.is_readonly(rusqlite::MAIN_DB)?;
            let logged = has_log(connection)?;
            let fact = |about, text: &str, values| Fact {
                about,
                text: text.to_owned(),
                values,
            };
            Ok(Facts {
                product: PRODUCT,
                version: rusqlite::version().to_owned(),
                more: vec![
                    fact(
                        "file",
                        match read_only {
                            true => "can be read only",
                            false => "can be written",
                        },
                        vec![("read_only", json!(read_only))],
                    ),
                    fact("encoding", &encoding, vec![("encoding", json!(encoding))]),
                    fact(
                        "log",
                        match logged {
                            true => "ahead of the file (WAL)",
                            false => "a journal for each transaction",
                        },
                        vec![("wal", json!(logged))],
                    ),
                    fact(
                        "triggers",
                        "can be kept from firing",
                        vec![("may_silence_triggers", json!(true))],
                    ),
                ],
            })
        })
        .await
    }

    async fn table(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<dyn DatabaseTable>>, DatabaseError> {
        if schema.is_some_and(|schema| !schema.eq_ignore_ascii_case("main")) {
            return Ok(None);
        }
        let name = name.to_owned();
        let found = self.ask(move |connection| {
            let read_only = connection.is_readonly(rusqlite::MAIN_DB)?;
            let table = Table::look_up(connection, &name)?;
            Ok(table.map(|table| (described(&table, read_only), table)))
        });
        Ok(found
            .await?
            .map(|(facts, table)| self.found(facts, table, None)))
    }

    async fn table_names(&self) -> Result<Vec<String>, DatabaseError> {
        self.ask(catalogue::table_names).await
    }

    async fn tables(&self, schema: Option<&str>) -> Result<Vec<Listed>, DatabaseError> {
        if schema.is_some_and(|schema| !schema.eq_ignore_ascii_case("main")) {
            return Ok(Vec::new());
        }
        let names = self.ask(catalogue::tables).await?.into_iter();
        Ok(names.map(|name| Listed { schema: None, name }).collect())
    }

    async fn run_in_transaction(
        &self,
        statements: &str,
        announce: Announce,
    ) -> Result<(), DatabaseError> {
        let (file, statements) = (self.file.clone(), statements.to_owned());
        Ok(blocking(move || run(&file, &statements, announce)).await?)
    }

    async fn described(
        &self,
        built: &BuiltTable,
    ) -> Result<Result<database::Table, String>, DatabaseError> {
        let (name, select) = (built.name.clone(), built.select.clone());
        let described = self.ask(move |connection| {
            if let Err(error) = connection.prepare(&select) {
                return Ok(Err(SqliteError::unprepared(&error).ok_or(error)?));
            }
            let table = Table::described(connection, &name, &select)?;
            Ok(Ok(described(&table, false)))
        });
        Ok(described.await?)
    }

    fn made(&self, built: &BuiltTable) -> String {
        built.made("CREATE TABLE", quoted)
    }

    fn dropped(&self, built: &BuiltTable) -> String {
        built.dropped(quoted)
    }

    fn joins(&self) -> bool {
        true
    }

    async fn open_together(
        &self,
        tables: Vec<(Arc<dyn DatabaseTable>, Job)>,
    ) -> Result<Vec<Arc<dyn TableWork>>, DatabaseError> {
        let (file, compaction) = (self.file.clone(), self.compaction.clone());
        let opened = move || {
            let reader = file.reader()?;
            let mut jobs = Vec::with_capacity(tables.len());
            for (found, job) in tables {
                let facts = found.facts();
                let table = Table::look_up(&reader, &facts.name)?;
                // Nothing may have changed since it was checked.
                let table = table.filter(|table| described(table, false).is_same(facts));
                let table = table.ok_or(SqliteError::Altered)?;
                jobs.push(TableJob::new(&reader, table, job)?);
            }
            Rewrite::open(&file, jobs, &compaction)
        };
        let opened = blocking(opened).await?.into_iter();
        Ok(opened.map(|table| table as Arc<dyn TableWork>).collect())
    }

    async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, DatabaseError> {
        let known_by = known_by.to_owned();
        self.ask(move |connection| exists(connection, &known_by).map(Some))
            .await
    }

    async fn forget(&self, known_by: &str) -> Result<(), DatabaseError> {
        let (file, known_by) = (self.file.clone(), known_by.to_owned());
        let forgotten = move || {
            let dropped = format!("DROP TABLE IF EXISTS {}", quoted(&known_by));
            Ok(file.writer()?.execute_batch(&dropped)?)
        };
        Ok(blocking(forgotten).await?)
    }

    async fn free_room(&self) -> Result<Option<u64>, DatabaseError> {
        Ok(Some(free_beside(&self.file)?))
    }

    fn cleans_up_together(&self) -> bool {
        true
    }

    fn copies(&self) -> Option<&'static str> {
        Some(PRODUCT)
    }

    fn is_typed(&self) -> bool {
        false
    }

    async fn new_table(
        &self,
        new: &NewTable,
    ) -> Result<Result<Arc<dyn DatabaseTable>, String>, DatabaseError> {
        if let Some(schema) = &new.schema
            && !schema.eq_ignore_ascii_case("main")
        {
            return Ok(Err(format!("there are no schemas, and so no `{schema}`")));
        }
        let (name, statement) = (new.name.clone(), create::statement(new, PRODUCT));
        let made = statement.clone();
        let tried = self.ask(move |connection| {
            let read_only = connection.is_readonly(rusqlite::MAIN_DB)?;
            match create::tried(&name, &statement) {
                Ok(table) => Ok(Ok((described(&table, read_only), table))),
                Err(error) => Ok(Err(error.to_string())),
            }
        });
        Ok(tried
            .await?
            .map(|(facts, table)| self.found(facts, table, Some(made))))
    }

    async fn hold(&self, _: &[&database::Table]) -> Result<(), DatabaseError> {
        moment(&self.snapshot, &self.file).await.map(drop)
    }
}

/// Bytes that are free beside `file`.
fn free_beside(file: &DatabaseFile) -> Result<u64, SqliteError> {
    let free = crate::free_room(file.path());
    free.map_err(|error| SqliteError::of_file("the file system", &error))
}

/// The moment of `file` that all reads of a copy see.
async fn moment(
    snapshot: &OnceCell<Arc<Snapshot>>,
    file: &DatabaseFile,
) -> Result<Arc<Snapshot>, DatabaseError> {
    let most = available_parallelism().map_or(1, NonZero::get);
    let taken = async || {
        let file = file.clone();
        blocking(move || Snapshot::take(&file, most).map(Arc::new)).await
    };
    Ok(Arc::clone(snapshot.get_or_try_init(taken).await?))
}

/// Runs statements and makes the mark that says so, in one transaction.
fn run(file: &DatabaseFile, statements: &str, announce: Announce) -> Result<(), SqliteError> {
    let mut connection = file.writer()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Given up with the connection, unless it comes to its end.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // The statements are to have effect together or not at all.
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Transaction { .. } | AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }))?;
    connection.execute_batch(statements)?;
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    let name = format!("visard_{:016x}_done", nobodys_number());
    leftovers::mark(&connection, &name, announce)?;
    Ok(connection.execute_batch("COMMIT")?)
}

/// A number that no other run has.
fn nobodys_number() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// A table that was looked up.
#[derive(Debug)]
struct Found {
    file: DatabaseFile,
    compaction: Compaction,
    snapshot: Arc<OnceCell<Arc<Snapshot>>>,
    table: Table,
    facts: database::Table,
    /// The statement that makes it, where it is not there yet.
    made: Option<String>,
}

impl Found {
    /// It may block.
    fn job(&self, job: Job) -> Result<TableJob, SqliteError> {
        TableJob::new(&self.file.reader()?, self.table.clone(), job)
    }
}

#[async_trait]
impl DatabaseTable for Found {
    fn facts(&self) -> &database::Table {
        &self.facts
    }

    async fn refusal_of(&self, condition: &str) -> Result<Option<String>, DatabaseError> {
        let (file, table) = (self.file.clone(), self.table.sql_name());
        let tried = format!("SELECT 1 FROM {table} WHERE ({condition})");
        let refusal = move || {
            let connection = file.reader()?;
            match connection.prepare(&tried) {
                Ok(statement) if statement.parameter_count() > 0 => {
                    Ok(Some("it has a parameter".to_owned()))
                }
                Ok(_) => Ok(None),
                Err(error) => match SqliteError::unprepared(&error) {
                    Some(said) => Ok(Some(said)),
                    None => Err(error.into()),
                },
            }
        };
        Ok(blocking(refusal).await?)
    }

    async fn refusal_to_silence_triggers(&self) -> Result<Option<String>, DatabaseError> {
        // They fire in connections that let them.
        Ok(None)
    }

    async fn room(&self, rewrite: bool) -> Result<Room, DatabaseError> {
        // The file is copied as it is, and what it holds is then written to another file.
        let copy = if rewrite { self.table.file_bytes } else { 0 };
        Ok(Room {
            needed: copy + self.table.used_bytes,
            // The masked table may become small.
            least: copy + self.table.other_bytes,
            free: Some(free_beside(&self.file)?),
        })
    }

    fn emptied(&self) -> String {
        format!("DELETE FROM {}", self.table.sql_name())
    }

    async fn is_empty(&self) -> Result<bool, DatabaseError> {
        if self.made.is_some() {
            return Ok(true);
        }
        let (file, table) = (self.file.clone(), self.table.sql_name());
        let some = move || {
            let some = format!("SELECT EXISTS (SELECT 1 FROM {table})");
            let some: bool = file.reader()?.query_row(&some, [], |row| row.get(0))?;
            Ok(!some)
        };
        Ok(blocking(some).await?)
    }

    async fn open(
        self: Arc<Self>,
        job: Job,
        rewrite: bool,
    ) -> Result<Arc<dyn TableWork>, DatabaseError> {
        let (file, compaction) = (self.file.clone(), self.compaction.clone());
        let opened = move || -> Result<Arc<dyn TableWork>, SqliteError> {
            let job = self.job(job)?;
            Ok(match rewrite {
                true => {
                    let mut opened = Rewrite::open(&file, vec![job], &compaction)?;
                    opened.pop().ok_or(SqliteError::GivenUp)?
                }
                false => Update::open(file, job, compaction)?,
            })
        };
        Ok(blocking(opened).await?)
    }

    async fn read_out(
        self: Arc<Self>,
        job: Job,
        columns: &[CopiedColumn],
    ) -> Result<Arc<dyn Origin>, DatabaseError> {
        let snapshot = moment(&self.snapshot, &self.file).await?;
        let columns = columns.to_vec();
        let opened = blocking(move || Extract::open(&snapshot, self.job(job)?, &columns));
        Ok(Arc::new(opened.await?))
    }

    fn takes(&self, column: &Column, arriving: &Arriving) -> bool {
        let found = self.table.column(&column.name);
        found.is_some_and(|found| held::takes(found, arriving))
    }

    async fn take_in(
        self: Arc<Self>,
        job: Job,
        mode: Mode,
        columns: &[CopiedColumn],
        rows: &Schema,
    ) -> Result<Arc<dyn Destination>, DatabaseError> {
        let file = self.file.clone();
        let (columns, rows) = (columns.to_vec(), rows.clone());
        let opened = move || {
            let made = self.made.clone();
            Load::open(file, self.job(job)?, (mode, made), &columns, &rows)
        };
        let opened = blocking(opened);
        Ok(Arc::new(opened.await?))
    }

    async fn clean_up(&self, job: &Job, rewrite: bool) -> Result<Vec<String>, DatabaseError> {
        let (file, compaction) = (self.file.clone(), self.compaction.clone());
        let job = TableJob {
            table: self.table.clone(),
            job: job.clone(),
            // Nothing is read any more.
            joined: Vec::new(),
        };
        let cleaned_up = move || leftovers::clean_up(&file, &job, rewrite, &compaction);
        Ok(blocking(cleaned_up).await?)
    }
}

/// What the schema says, as any database would say it.
fn described(table: &Table, read_only: bool) -> database::Table {
    let columns = table.columns.iter().map(|column| Column {
        name: column.name.clone(),
        type_name: match column.type_name.as_str() {
            "" => "of no type".to_owned(),
            // Elsewhere it is a word as any other.
            declared if column.strict && declared.eq_ignore_ascii_case("any") => {
                format!("{declared} of a STRICT table")
            }
            declared => declared.to_owned(),
        },
        made: create::declared(&column.type_name, column.strict),
        data_type: column.lane.data_type(),
        length: None,
        required: column.required,
        generated: column.generated,
    });
    let obstacle = match table.kind.as_str() {
        "table" if table.address.is_none() => {
            Some("its columns take all names of the rowid, so that nothing finds a row of it")
        }
        "table" => None,
        "view" => Some("it is no table: views show what the tables below them hold"),
        "virtual" => Some("it is a virtual table, whose module keeps values where it likes"),
        "shadow" => Some("it is a part of a virtual table"),
        _ => Some("it is SQLite's own"),
    };
    let cannot_be_written = read_only.then(|| "the file cannot be written".to_owned());
    let cannot_be_filled = cannot_be_written.clone();
    let is_small_part = table.file_bytes > SMALL_FILE && table.bytes < table.file_bytes / 4;
    database::Table {
        schema: None,
        name: table.name.clone(),
        columns: columns.collect(),
        row_place: match &table.address {
            Some(address) if address.is_rowid => RowPlace::Number,
            _ => RowPlace::None,
        },
        primary_key: table.primary_key.clone(),
        uniques: table.uniques.clone(),
        foreign_keys: table.foreign_keys.clone(),
        checks: table.checks.clone(),
        triggers: table.triggers.clone(),
        rows: Some(table.rows),
        bytes: table.bytes,
        obstacles: obstacle.map(str::to_owned).into_iter().collect(),
        update_obstacles: cannot_be_written.iter().cloned().collect(),
        unit_obstacles: Vec::new(),
        rewrite_obstacles: cannot_be_written.into_iter().collect(),
        fill_obstacles: [
            (table.kind != "table").then(|| "it is no table".to_owned()),
            cannot_be_filled,
        ]
        .into_iter()
        .flatten()
        .collect(),
        prefers_update: is_small_part
            .then_some("it is a small part of its file, all of which a rewrite copies"),
    }
}
