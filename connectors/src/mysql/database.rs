//! MariaDB and MySQL as one of the databases: [`Database`] and [`DatabaseTable`].

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::sql::sqlparser::dialect::{Dialect, MySqlDialect};
use serde_json::json;
use tokio::sync::OnceCell;

use super::catalogue::Table;
use super::config::MysqlConfig;
use super::create::Creation;
use super::error::MysqlError;
use super::extract::Extract;
use super::job::TableJob;
use super::load::Load;
use super::rewrite::Rewrite;
use super::session::{Pool, Server, Session, quoted};
use super::snapshot::Snapshot;
use super::types::ColumnType;
use super::update::Update;
use super::{leftovers, marks, script};
use crate::copy::convert::{converts, loses};
use crate::copy::{Destination, Mode, Origin};
use crate::database::{
    self, Announce, Arriving, BuiltTable, Column, CopiedColumn, Database, DatabaseError,
    DatabaseTable, Fact, Facts, Job, Listed, NewTable, RowPlace, TableWork, Trigger,
};

const PRODUCT: &str = "MySQL";

/// Engines whose tables can be rewritten; only the first can be updated.
const ENGINES: [&str; 4] = ["InnoDB", "MyISAM", "Aria", "MEMORY"];

/// A MariaDB or MySQL database.
#[derive(Debug)]
pub struct Mysql {
    server: Server,
    pool: Pool,
    /// The moment at which all tables of a copy are read.
    snapshot: Arc<OnceCell<Arc<Snapshot>>>,
}

impl Mysql {
    /// The database that `config` and the environment lead to, once it let us in.
    ///
    /// # Errors
    /// When it is not told well enough where it is, or cannot be reached, or does not let us in.
    pub async fn connect(config: &MysqlConfig) -> Result<Self, DatabaseError> {
        let server = Server::new(config)?;
        let pool = Pool::new(server.clone());
        pool.take().await.map_err(DatabaseError::from)?.give_back();
        Ok(Self {
            server,
            pool,
            snapshot: Arc::default(),
        })
    }

    fn found(&self, table: Table) -> Found {
        Found {
            server: self.server.clone(),
            pool: self.pool.clone(),
            snapshot: Arc::clone(&self.snapshot),
            facts: described(&table),
            table,
            creation: None,
        }
    }
}

#[async_trait]
impl Database for Mysql {
    fn shown(&self) -> String {
        self.server.shown().to_owned()
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(MySqlDialect {})
    }

    fn folded(&self, name: &str) -> String {
        name.to_lowercase()
    }

    async fn identity(&self) -> Result<Option<String>, DatabaseError> {
        let mut session = self.pool.take().await?;
        let status = match session.is_mariadb().await? {
            true => "information_schema",
            false => "performance_schema",
        };
        // Copies of a server may share all numbers and names that it has, but not when it was started: both of these
        // go by when the statement began.
        let identity = format!(
            "SELECT CONCAT_WS(' ', @@hostname, @@port, @@datadir, UNIX_TIMESTAMP() - VARIABLE_VALUE) \
             FROM {status}.global_status WHERE VARIABLE_NAME = 'Uptime'"
        );
        let identity = session.first(&identity).await;
        session.give_back();
        match identity {
            Ok(identity) => Ok(identity),
            Err(error) if error.code().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn facts(&self) -> Result<Facts, DatabaseError> {
        let mut session = self.pool.take().await?;
        let facts = "SELECT VERSION(), CURRENT_USER(), @@character_set_database, @@collation_database, \
                     @@GLOBAL.time_zone, @@GLOBAL.local_infile, @@GLOBAL.log_bin";
        type Found = (String, String, String, String, String, bool, bool);
        let found: Option<Found> = session.first(facts).await?;
        let is_mariadb = session.is_mariadb().await?;
        session.give_back();
        let Some((version, user, charset, collation, time_zone, takes_files, logs)) = found else {
            return Err(DatabaseError::new("the server says nothing of itself"));
        };
        let fact = |about, text: String, values| Fact {
            about,
            text,
            values,
        };
        let files = match takes_files {
            true => "rows are loaded by LOAD DATA LOCAL INFILE",
            false => "rows are loaded by INSERT: `local_infile` is off",
        };
        let log = match logs {
            true => "on: it will hold old values",
            false => "off",
        };
        Ok(Facts {
            product: if is_mariadb { "MariaDB" } else { "MySQL" },
            version: version.clone(),
            more: vec![
                fact("user", user.clone(), vec![("user", json!(user))]),
                fact(
                    "encoding",
                    format!("{charset}, {collation}; runs use utf8mb4"),
                    vec![
                        ("encoding", json!(charset)),
                        ("collation", json!(collation)),
                    ],
                ),
                fact(
                    "time zone",
                    format!("{time_zone}; runs use UTC"),
                    vec![("time_zone", json!(time_zone))],
                ),
                fact(
                    "loading",
                    files.to_owned(),
                    vec![("local_infile", json!(takes_files))],
                ),
                fact("binary log", log.to_owned(), vec![("log_bin", json!(logs))]),
            ],
        })
    }

    async fn table(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<dyn DatabaseTable>>, DatabaseError> {
        let mut session = self.pool.take().await?;
        let schema = schema.unwrap_or(self.server.database());
        let table = session.table(schema, name).await?;
        session.give_back();
        Ok(table.map(|table| Arc::new(self.found(table)) as Arc<dyn DatabaseTable>))
    }

    async fn table_names(&self) -> Result<Vec<String>, DatabaseError> {
        let mut session = self.pool.take().await?;
        let names = session.table_names().await?;
        session.give_back();
        Ok(names)
    }

    async fn tables(&self, schema: Option<&str>) -> Result<Vec<Listed>, DatabaseError> {
        let schema = schema.unwrap_or(self.server.database());
        let mut session = self.pool.take().await?;
        let names = session.tables(schema).await?;
        session.give_back();
        let listed = names.into_iter().map(|name| Listed {
            schema: Some(schema.to_owned()),
            name,
        });
        Ok(listed.collect())
    }

    fn copies(&self) -> Option<&'static str> {
        Some(PRODUCT)
    }

    async fn new_table(
        &self,
        new: &NewTable,
    ) -> Result<Result<Arc<dyn DatabaseTable>, String>, DatabaseError> {
        let mut session = self.pool.take().await?;
        let schema = new.schema.as_deref().unwrap_or(self.server.database());
        if !session.has_schema(schema).await? {
            session.give_back();
            return Ok(Err(format!(
                "there is no database `{schema}` that we can see"
            )));
        }
        match session.tried(new, schema, PRODUCT).await {
            Ok((table, creation)) => {
                session.give_back();
                let mut found = Found {
                    creation: Some(creation),
                    ..self.found(table)
                };
                if !found.table.rights.alter {
                    let refusal = "we may not make it: that takes ALTER in its database";
                    found.facts.fill_obstacles.push(refusal.to_owned());
                }
                Ok(Ok(Arc::new(found)))
            }
            // With the session goes what it may have made.
            Err(error @ MysqlError::Server(_)) => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn hold(&self, tables: &[&database::Table]) -> Result<(), DatabaseError> {
        let mut held = Vec::with_capacity(tables.len());
        let mut session = self.pool.take().await?;
        for facts in tables {
            let schema = facts.schema.as_deref().unwrap_or(self.server.database());
            let table = session.table(schema, &facts.name).await?;
            let table = table.ok_or(MysqlError::Altered)?;
            held.push((table.sql(), table.engine));
        }
        session.give_back();
        let taken = async || Snapshot::take(&self.pool, &held).await.map(Arc::new);
        self.snapshot.get_or_try_init(taken).await?;
        Ok(())
    }

    async fn run_in_transaction(
        &self,
        statements: &str,
        announce: Announce,
    ) -> Result<(), DatabaseError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        let name = format!("visard_{now:x}_{}_mark", std::process::id());
        Ok(script::run(&self.server, statements, &name, announce).await?)
    }

    async fn described(
        &self,
        built: &BuiltTable,
    ) -> Result<Result<database::Table, String>, DatabaseError> {
        let mut session = self.pool.take().await?;
        let columns = session.described(&built.name, &built.select).await;
        let database = session.first("SELECT DATABASE()").await?;
        if columns.is_ok() {
            // One that failed may still have the table, which would hide another.
            session.give_back();
        }
        match columns {
            Ok(columns) => Ok(Ok(database::Table {
                schema: built.schema.clone().or(database),
                name: built.name.clone(),
                columns: columns.iter().map(described_column).collect(),
                ..database::Table::default()
            })),
            Err(error @ MysqlError::Server(_)) => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    fn made(&self, built: &BuiltTable) -> String {
        // In one statement: none could be taken back.
        let keys = built.keys.iter().map(|key| {
            let columns: Vec<String> = key.iter().map(|column| quoted(column)).collect();
            format!("UNIQUE KEY ({})", columns.join(", "))
        });
        let keys = keys.collect::<Vec<_>>().join(", ");
        let keys = match keys.is_empty() {
            true => keys,
            false => format!(" ({keys})"),
        };
        let table = built.sql(&quoted);
        format!("CREATE TABLE {table}{keys} AS\n{}\n", built.select)
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
        let mut session = self.pool.take().await?;
        let mut jobs = Vec::with_capacity(tables.len());
        for (found, job) in tables {
            let facts = found.facts();
            let schema = facts.schema.as_deref().unwrap_or(self.server.database());
            let table = session.table(schema, &facts.name).await?;
            // Nothing may have changed since it was checked.
            let table = table.filter(|table| described(table).is_same(facts));
            let table = table.ok_or(MysqlError::Altered)?;
            jobs.push(of_table(&mut session, table, job).await?);
        }
        session.give_back();
        let opened = Rewrite::open(&self.server, jobs).await?.into_iter();
        Ok(opened.map(|table| table as Arc<dyn TableWork>).collect())
    }

    async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, DatabaseError> {
        Ok(marks::is_committed(&self.server, known_by).await?)
    }

    async fn put_back(&self, name: &str) -> Result<(), DatabaseError> {
        Ok(leftovers::put_back_exchanged(&self.server, name).await?)
    }

    async fn forget(&self, known_by: &str) -> Result<(), DatabaseError> {
        Ok(marks::forget(&self.server, known_by).await?)
    }
}

/// A table that was looked up.
#[derive(Debug)]
struct Found {
    server: Server,
    pool: Pool,
    snapshot: Arc<OnceCell<Arc<Snapshot>>>,
    table: Table,
    facts: database::Table,
    /// What makes it, where it is not there yet.
    creation: Option<Creation>,
}

impl Found {
    async fn job(&self, job: Job) -> Result<TableJob, MysqlError> {
        let mut session = self.pool.take().await?;
        let job = of_table(&mut session, self.table.clone(), job).await?;
        session.give_back();
        Ok(job)
    }
}

/// What is asked of a table, with the types of columns of other tables.
async fn of_table(session: &mut Session, table: Table, job: Job) -> Result<TableJob, MysqlError> {
    let mut joined = Vec::with_capacity(job.joined.len());
    for column in &job.joined {
        let join = column.path.last().ok_or(MysqlError::Altered)?;
        let schema = join.schema.as_deref().unwrap_or(&table.schema);
        let columns = match &join.select {
            Some(select) if job.dry_run => session.described(&join.table, select).await?,
            _ => {
                let other = session.table(schema, &join.table).await?;
                other.ok_or(MysqlError::Altered)?.columns
            }
        };
        let mut columns = columns.iter();
        let found = columns.find(|found| found.name == column.column);
        joined.push(found.ok_or(MysqlError::Altered)?.kind);
    }
    Ok(TableJob { table, job, joined })
}

#[async_trait]
impl DatabaseTable for Found {
    fn facts(&self) -> &database::Table {
        &self.facts
    }

    async fn refusal_of(&self, condition: &str) -> Result<Option<String>, DatabaseError> {
        let mut session = self.pool.take().await?;
        let table = self.table.sql();
        let tried = format!("EXPLAIN SELECT 1 FROM {table} WHERE ({condition})");
        let refusal = match session.run(&tried).await {
            Ok(()) => None,
            Err(error @ MysqlError::Server(_)) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        session.give_back();
        Ok(refusal)
    }

    async fn refusal_to_silence_triggers(&self) -> Result<Option<String>, DatabaseError> {
        let ours = self.table.triggers.iter().all(|trigger| trigger.is_ours);
        let refusal = "they are dropped and made again, which takes the right TRIGGER, and SUPER or \
                       SET USER where they are of other users";
        Ok((!ours).then(|| refusal.to_owned()))
    }

    fn emptied(&self) -> String {
        format!("TRUNCATE TABLE {}", self.table.sql())
    }

    async fn is_empty(&self) -> Result<bool, DatabaseError> {
        if self.creation.is_some() {
            return Ok(true);
        }
        let mut session = self.pool.take().await?;
        let some = format!("(SELECT 1 FROM {} LIMIT 1) AS found", self.table.sql());
        let rows = session.count(&some).await?;
        session.give_back();
        Ok(rows == 0)
    }

    async fn open(
        self: Arc<Self>,
        job: Job,
        rewrite: bool,
    ) -> Result<Arc<dyn TableWork>, DatabaseError> {
        let job = self.job(job).await?;
        Ok(match rewrite {
            true => {
                let mut opened = Rewrite::open(&self.server, vec![job]).await?;
                opened.pop().ok_or(MysqlError::GivenUp)?
            }
            false => Update::open(&self.server, job).await?,
        })
    }

    async fn read_out(
        self: Arc<Self>,
        job: Job,
        columns: &[CopiedColumn],
    ) -> Result<Arc<dyn Origin>, DatabaseError> {
        // A run has taken it before; what only looks sees the table alone.
        let tables = [(self.table.sql(), self.table.engine.clone())];
        let taken = async || Snapshot::take(&self.pool, &tables).await.map(Arc::new);
        let snapshot = self.snapshot.get_or_try_init(taken).await?;
        let extract = Extract::open(&self.pool, snapshot, self.job(job).await?, columns).await?;
        Ok(Arc::new(extract))
    }

    fn takes(&self, column: &Column, arriving: &Arriving) -> bool {
        let found = self.table.column(&column.name);
        // Geometries have bytes that nobody else makes.
        let is_own = found.is_some_and(|column| {
            column.kind == ColumnType::Bytes
                && !column.data_type.ends_with("blob")
                && !column.data_type.ends_with("binary")
        });
        match (is_own, arriving.is_loose) {
            (true, _) => arriving.type_name == column.type_name,
            (false, true) => converts(&arriving.data_type, &column.data_type),
            (false, false) => !loses(&arriving.data_type, &column.data_type),
        }
    }

    async fn refusals_to_fill(&self, mode: Mode, _: &[&str]) -> Result<Vec<String>, DatabaseError> {
        let is_kept = mode == Mode::Overwrite && !self.table.rights.delete;
        let refusal = "we may not empty it: that takes DELETE".to_owned();
        let is_kept = is_kept && self.creation.is_none();
        Ok(is_kept.then_some(refusal).into_iter().collect())
    }

    async fn take_in(
        self: Arc<Self>,
        job: Job,
        mode: Mode,
        columns: &[CopiedColumn],
        rows: &Schema,
    ) -> Result<Arc<dyn Destination>, DatabaseError> {
        let (server, pool, job) = (&self.server, &self.pool, self.job(job).await?);
        let into = (mode, self.creation.clone());
        let load = Load::open((server, pool), job, into, columns, rows).await?;
        Ok(Arc::new(load))
    }

    async fn clean_up(&self, job: &Job, rewrite: bool) -> Result<Vec<String>, DatabaseError> {
        let job = self.job(job.clone()).await?;
        Ok(leftovers::clean_up(&self.server, &job, rewrite).await?)
    }
}

fn described_column(column: &super::catalogue::Column) -> Column {
    Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        made: Some(column.made.clone()),
        data_type: column.kind.data_type(),
        length: column.length,
        required: column.required,
        generated: column.generated,
    }
}

/// What the catalogue says, as any database would say it.
fn described(table: &Table) -> database::Table {
    let columns = table.columns.iter().map(described_column);
    let triggers = table.triggers.iter().map(|trigger| Trigger {
        name: trigger.name.clone(),
        fires: trigger.of_updates,
        fires_always: false,
    });
    let rights = table.rights;
    let reasons = |reasons: &[(bool, &str)]| -> Vec<String> {
        let met = reasons.iter().filter(|(is_met, _)| *is_met);
        met.map(|(_, reason)| (*reason).to_owned()).collect()
    };
    let is_table = table.kind == "BASE TABLE";
    let is_known = ENGINES.contains(&table.engine.as_str());
    let no_transactions = format!("its engine {} has no transactions", table.engine);
    let elsewhere = format!(
        "its engine {} is not known to keep rows as they are",
        table.engine
    );
    database::Table {
        row_place: RowPlace::Number,
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
        columns: columns.collect(),
        primary_key: table.primary_key.clone(),
        uniques: table.uniques.clone(),
        foreign_keys: table.foreign_keys.clone(),
        checks: table.checks.clone(),
        triggers: triggers.collect(),
        rows: table.rows,
        bytes: table.bytes,
        obstacles: reasons(&[
            (
                table.kind == "VIEW",
                "it is no table: views show what the tables below them hold",
            ),
            (
                table.kind == "SYSTEM VERSIONED",
                "it keeps the history of its rows, and with it old values",
            ),
            (
                !is_table && !["VIEW", "SYSTEM VERSIONED"].contains(&table.kind.as_str()),
                "it is no table",
            ),
            (is_table && !is_known, &elsewhere),
            (!rights.select, "we may not read it"),
        ]),
        update_obstacles: reasons(&[
            (table.engine != "InnoDB", &no_transactions),
            (
                table.any_key().is_none(),
                "it has no key by which a row is found again",
            ),
            (!rights.update, "we may not change its rows"),
            (!rights.temporary, "we may not make temporary tables"),
            (
                !rights.create,
                "we may not make and fill the table in its database that says which rows are done",
            ),
        ]),
        unit_obstacles: Vec::new(),
        rewrite_obstacles: reasons(&[
            (
                !rights.rewrite,
                "we may not make a table in its place: that takes SELECT, INSERT, UPDATE, CREATE, DROP, \
                 ALTER, INDEX and LOCK TABLES in its database",
            ),
            (!rights.temporary, "we may not make temporary tables"),
            (
                !rights.trigger,
                "we may not see its triggers, which would be lost: that takes TRIGGER",
            ),
            (
                table.triggers.iter().any(|trigger| !trigger.is_ours),
                "it has triggers of other users, which takes SUPER or SET USER to make again",
            ),
            (
                !table.keys_are_ours,
                "we may not make its foreign keys again: that takes REFERENCES, and ALTER and LOCK TABLES \
                 on tables that refer to it",
            ),
            (
                table.definition.contains(" DATA DIRECTORY="),
                "its files lie in a folder of their own",
            ),
        ]),
        fill_obstacles: reasons(&[
            (!is_table, "it is no table"),
            (is_table && table.engine != "InnoDB", &no_transactions),
            (!rights.select, "we may not read it"),
            (!rights.insert, "we may not add rows to it"),
            (
                !rights.create,
                "we may not make and fill the tables in its database where rows are staged",
            ),
        ]),
        prefers_update: None,
    }
}
