//! PostgreSQL as one of the databases: [`Database`] and [`DatabaseTable`].

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use async_trait::async_trait;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect};
use serde_json::json;
use tokio::sync::OnceCell;

use super::catalogue::{RelationKind, Table};
use super::config::PostgresConfig;
use super::create::Creation;
use super::error::PostgresError;
use super::extract::Extract;
use super::job::{TableJob, read_beside};
use super::leftovers;
use super::load::Load;
use super::pool::Pool;
use super::rewrite::Rewrite;
use super::session::{Server, Session, quoted};
use super::snapshot::Snapshot;
use super::types::WireType;
use super::update::Update;
use crate::copy::convert::{converts, loses};
use crate::copy::{Destination, Mode, Origin};
use crate::database::{
    self, Announce, Arriving, BuiltTable, Column, CopiedColumn, Database, DatabaseError,
    DatabaseTable, Fact, Facts, Job, Listed, NewTable, RowPlace, TableWork,
};

const PRODUCT: &str = "PostgreSQL";

/// A PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    pool: Pool,
    /// The moment at which all tables of a copy are read.
    snapshot: Arc<OnceCell<Arc<Snapshot>>>,
}

impl Postgres {
    /// The database that `config` and the environment lead to, once it let us in.
    ///
    /// # Errors
    /// When it is not told well enough where it is, or cannot be reached, or does not let us in.
    pub async fn connect(config: &PostgresConfig) -> Result<Self, DatabaseError> {
        let server = Server::new(config)?;
        let pool = Pool::new(server.clone());
        pool.take().await?.give_back();
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
impl Database for Postgres {
    fn shown(&self) -> String {
        self.server.shown().to_owned()
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(PostgreSqlDialect {})
    }

    fn folded(&self, name: &str) -> String {
        name.to_lowercase()
    }

    async fn identity(&self) -> Result<Option<String>, DatabaseError> {
        let session = self.pool.take().await?;
        let identity = session.identity().await;
        session.give_back();
        match identity {
            Ok(identity) => Ok(Some(identity)),
            // A server may keep it from some.
            Err(error) if error.code().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn facts(&self) -> Result<Facts, DatabaseError> {
        let session = self.pool.take().await?;
        let facts = session.facts().await?;
        let silences = session.may_silence_triggers().await?;
        session.give_back();
        let role = if facts.superuser { " (superuser)" } else { "" };
        let triggers = match silences {
            true => "can be kept from firing",
            false => "cannot be kept from firing by an update; a rewrite by the owner can",
        };
        let fact = |about, text, values| Fact {
            about,
            text,
            values,
        };
        Ok(Facts {
            product: PRODUCT,
            version: facts.version.clone(),
            more: vec![
                fact(
                    "user",
                    format!("{}{role}", facts.user),
                    vec![
                        ("user", json!(facts.user)),
                        ("superuser", json!(facts.superuser)),
                    ],
                ),
                fact(
                    "encoding",
                    facts.encoding.clone(),
                    vec![("encoding", json!(facts.encoding))],
                ),
                fact(
                    "time zone",
                    format!("{}; runs use UTC", facts.time_zone),
                    vec![("time_zone", json!(facts.time_zone))],
                ),
                fact(
                    "triggers",
                    triggers.to_owned(),
                    vec![("may_silence_triggers", json!(silences))],
                ),
            ],
        })
    }

    async fn table(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<dyn DatabaseTable>>, DatabaseError> {
        let session = self.pool.take().await?;
        let table = session.table(schema, name).await?;
        session.give_back();
        Ok(table.map(|table| Arc::new(self.found(table)) as Arc<dyn DatabaseTable>))
    }

    async fn table_names(&self) -> Result<Vec<String>, DatabaseError> {
        let session = self.pool.take().await?;
        let names = session.table_names().await?;
        session.give_back();
        Ok(names)
    }

    async fn tables(&self, schema: Option<&str>) -> Result<Vec<Listed>, DatabaseError> {
        let session = self.pool.take().await?;
        let tables = session.tables(schema).await?;
        session.give_back();
        let listed = tables.into_iter().map(|(schema, name)| Listed {
            schema: Some(schema),
            name,
        });
        Ok(listed.collect())
    }

    fn copies(&self) -> Option<&'static str> {
        Some(PRODUCT)
    }

    fn joins(&self) -> bool {
        true
    }

    async fn described(
        &self,
        built: &BuiltTable,
    ) -> Result<Result<database::Table, String>, DatabaseError> {
        let session = self.pool.take().await?;
        let table = session.described(&built.name, &built.select).await;
        let schema = match &built.schema {
            Some(schema) => Some(schema.clone()),
            None => session.schema().await?,
        };
        session.give_back();
        match table {
            Ok(table) => {
                let mut table = described(&table.ok_or(PostgresError::Altered)?);
                table.schema = schema;
                Ok(Ok(table))
            }
            Err(error) if error.code().is_some() => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    fn made(&self, built: &BuiltTable) -> String {
        // What the log does not have need not be removed from it.
        built.made("CREATE UNLOGGED TABLE", quoted)
    }

    fn dropped(&self, built: &BuiltTable) -> String {
        built.dropped(quoted)
    }

    fn made_name(&self, name: &str) -> String {
        self.folded(name)
    }

    async fn new_table(
        &self,
        new: &NewTable,
    ) -> Result<Result<Arc<dyn DatabaseTable>, String>, DatabaseError> {
        let creation = Creation::of(new, PRODUCT);
        let session = self.pool.take().await?;
        let table = session.tried(new, &creation).await;
        session.give_back();
        match table {
            Ok(table) => {
                let table = table.ok_or(PostgresError::Altered)?;
                let found = Found {
                    creation: Some(creation),
                    ..self.found(table)
                };
                Ok(Ok(Arc::new(found)))
            }
            Err(error) if error.code().is_some() => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn hold(&self, tables: &[&database::Table]) -> Result<(), DatabaseError> {
        let tables = tables.iter().map(|table| {
            let schema = table
                .schema
                .as_deref()
                .map(|schema| format!("{}.", quoted(schema)));
            format!("{}{}", schema.unwrap_or_default(), quoted(&table.name))
        });
        let tables: Vec<String> = tables.collect();
        let taken = async || Snapshot::take(&self.pool, &tables).await.map(Arc::new);
        self.snapshot.get_or_try_init(taken).await?;
        Ok(())
    }

    async fn open_together(
        &self,
        tables: Vec<(Arc<dyn DatabaseTable>, Job)>,
    ) -> Result<Vec<Arc<dyn TableWork>>, DatabaseError> {
        let session = self.pool.take().await?;
        let mut jobs = Vec::with_capacity(tables.len());
        for (table, job) in tables {
            let facts = table.facts();
            let table = session.table(facts.schema.as_deref(), &facts.name).await?;
            // Nothing may have changed since it was checked.
            let table = table.filter(|table| described(table).is_same(facts));
            let table = table.ok_or(PostgresError::Altered)?;
            jobs.push(of_table(&session, table, job).await?);
        }
        session.give_back();
        let opened = Rewrite::open(&self.server, jobs).await?.into_iter();
        Ok(opened.map(|table| table as Arc<dyn TableWork>).collect())
    }

    async fn run_in_transaction(
        &self,
        statements: &str,
        announce: Announce,
    ) -> Result<(), DatabaseError> {
        Ok(self.server.run_in_transaction(statements, announce).await?)
    }

    async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, DatabaseError> {
        Ok(self.server.is_committed(known_by).await?)
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
    /// What is asked of the table, with the types of columns of other tables.
    async fn job(&self, job: Job) -> Result<TableJob, PostgresError> {
        let session = self.pool.take().await?;
        let job = of_table(&session, self.table.clone(), job).await?;
        session.give_back();
        Ok(job)
    }

    /// `columns`, of which those are carried whose bytes mean the same in every database.
    fn carried(&self, columns: &[CopiedColumn]) -> Vec<CopiedColumn> {
        let portable = |name: &str| self.table.column(name).is_some_and(|found| found.portable);
        let columns = columns.iter().map(|column| CopiedColumn {
            name: column.name.clone(),
            carried: column.carried && portable(&column.name),
        });
        columns.collect()
    }

    async fn explained(&self, session: &Session, condition: &str) -> Result<(), PostgresError> {
        let table = self.table.sql();
        let tried = format!("EXPLAIN SELECT FROM {table} WHERE ({condition})");
        session.run(&tried).await
    }
}

#[async_trait]
impl DatabaseTable for Found {
    fn facts(&self) -> &database::Table {
        &self.facts
    }

    async fn refusal_of(&self, condition: &str) -> Result<Option<String>, DatabaseError> {
        let session = self.pool.take().await?;
        let refusal = match self.explained(&session, condition).await {
            Ok(()) => None,
            Err(error) if error.code().is_some() => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        session.give_back();
        Ok(refusal)
    }

    async fn refusal_to_silence_triggers(&self) -> Result<Option<String>, DatabaseError> {
        let session = self.pool.take().await?;
        let silences = session.may_silence_triggers().await?;
        session.give_back();
        let refusal = "grant SET ON PARAMETER session_replication_role, or use `strategy: rewrite` as the owner";
        Ok((!silences).then(|| refusal.to_owned()))
    }

    fn emptied(&self) -> String {
        format!("TRUNCATE TABLE {}", self.table.sql())
    }

    async fn is_empty(&self) -> Result<bool, DatabaseError> {
        if self.creation.is_some() {
            return Ok(true);
        }
        let session = self.pool.take().await?;
        let some = session.has_rows(&self.table.sql()).await?;
        session.give_back();
        Ok(!some)
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
                opened.pop().ok_or(PostgresError::GivenUp)?
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
        let tables = [self.table.sql()];
        let taken = async || Snapshot::take(&self.pool, &tables).await.map(Arc::new);
        let snapshot = self.snapshot.get_or_try_init(taken).await?;
        let columns = self.carried(columns);
        let extract = Extract::open(&self.pool, snapshot, self.job(job).await?, &columns).await?;
        Ok(Arc::new(extract))
    }

    fn takes(&self, column: &Column, arriving: &Arriving) -> bool {
        // The server rounds times to the digits that the type has, where it has some of its own.
        let has_digits = matches!(
            column.data_type,
            DataType::Time64(_) | DataType::Timestamp(..)
        ) && column.type_name.contains('(');
        let is_same = arriving.type_name == column.type_name;
        match arriving.is_loose {
            true => converts(&arriving.data_type, &column.data_type),
            false if has_digits && arriving.data_type != DataType::Date32 => is_same,
            false => !loses(&arriving.data_type, &column.data_type),
        }
    }

    async fn refusals_to_fill(
        &self,
        mode: Mode,
        columns: &[&str],
    ) -> Result<Vec<String>, DatabaseError> {
        if self.creation.is_some() {
            return Ok(Vec::new());
        }
        let rights = self.table.rights;
        let mut refusals = Vec::new();
        if mode == Mode::Error && !rights.lock {
            refusals.push(
                "we may not keep others from writing to it, to be sure that it is empty: that takes UPDATE, DELETE \
                 or TRUNCATE, or `mode: append`"
                    .to_owned(),
            );
        }
        if mode == Mode::Overwrite && !rights.truncate {
            refusals.push("we may not empty it: that takes TRUNCATE".to_owned());
        }
        let session = self.pool.take().await?;
        let there = columns.iter().copied();
        let there = there.filter(|name| self.table.column(name).is_some());
        let there: Vec<&str> = there.collect();
        let kept = session.kept_sequence(&self.table.sql(), &there).await?;
        session.give_back();
        refusals.extend(kept.map(|column| {
            format!(
                "we may not let the sequence of `{column}` go on behind the new values: that takes SELECT and \
                 UPDATE on it"
            )
        }));
        Ok(refusals)
    }

    async fn take_in(
        self: Arc<Self>,
        job: Job,
        mode: Mode,
        columns: &[CopiedColumn],
        rows: &Schema,
    ) -> Result<Arc<dyn Destination>, DatabaseError> {
        let columns = self.carried(columns);
        let (job, into) = (self.job(job).await?, (mode, self.creation.clone()));
        let load = Load::open(&self.pool, job, into, &columns, rows).await?;
        Ok(Arc::new(load))
    }

    async fn clean_up(&self, job: &Job, rewrite: bool) -> Result<Vec<String>, DatabaseError> {
        let session = self.server.connect().await?;
        let job = self.job(job.clone()).await?;
        Ok(leftovers::clean_up(&session, &job, rewrite).await?)
    }
}

async fn of_table(session: &Session, table: Table, job: Job) -> Result<TableJob, PostgresError> {
    let mut joined = Vec::with_capacity(job.joined.len());
    for column in &job.joined {
        let join = column.path.last().ok_or(PostgresError::Altered)?;
        let other = match &join.select {
            Some(select) if job.dry_run => session.described(&join.table, select).await?,
            _ => session.table(join.schema.as_deref(), &join.table).await?,
        };
        let other = other.ok_or(PostgresError::Altered)?;
        let found = other.column(&column.column).ok_or(PostgresError::Altered)?;
        joined.push(read_beside(&table, column, found, job.dry_run));
    }
    Ok(TableJob { table, job, joined })
}

/// What the catalogue says, as any database would say it.
fn described(table: &Table) -> database::Table {
    let columns = table.columns.iter().map(|column| Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        made: column.portable.then(|| column.type_name.clone()),
        data_type: column.wire.unwrap_or(WireType::Text).data_type(),
        length: column.length,
        required: column.required,
        generated: column.generated,
    });
    let rights = table.rights;
    let reasons = |reasons: &[(bool, &str)]| -> Vec<String> {
        let met = reasons.iter().filter(|(is_met, _)| *is_met);
        met.map(|(_, reason)| (*reason).to_owned()).collect()
    };
    let mut rewrite_obstacles = table.rewrite_obstacles.clone();
    rewrite_obstacles.extend(reasons(&[
        (!rights.owner, "we do not own it"),
        (!rights.create, "we may not make tables in its schema"),
    ]));
    database::Table {
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
        columns: columns.collect(),
        row_place: RowPlace::Tuple,
        primary_key: table.primary_key.clone(),
        uniques: table.uniques.clone(),
        foreign_keys: table.foreign_keys.clone(),
        checks: table.checks.clone(),
        triggers: table.triggers.clone(),
        // Negative where it was never estimated.
        rows: (table.rows >= 0.0).then_some(table.rows as u64),
        bytes: u64::try_from(table.bytes).unwrap_or(0),
        obstacles: reasons(&[
            (
                table.kind == RelationKind::Other,
                "it is no table: views show what the tables below them hold",
            ),
            (
                table.rows_hidden,
                "row-level security may hide rows from us, which would stay as they are: connect as a \
                 role with BYPASSRLS",
            ),
            (
                table.inherited,
                "other tables inherit from it, and each has to be masked by a task of its own",
            ),
            (
                table.foreign_parts,
                "a partition of it is a foreign table, whose rows lie elsewhere: mask them there, and the other \
                 partitions by tasks of their own",
            ),
            (!rights.select, "we may not read it"),
        ]),
        update_obstacles: reasons(&[
            (!rights.update, "we may not change its rows"),
            (!rights.temporary, "we may not make temporary tables"),
        ]),
        unit_obstacles: reasons(&[(
            !rights.create,
            "we may not make the table in its schema that says which rows are done",
        )]),
        rewrite_obstacles,
        fill_obstacles: reasons(&[
            (table.kind == RelationKind::Other, "it is no table"),
            (
                table.rows_hidden,
                "row-level security may hide rows from us, so that nobody knows whether it is empty: connect as a \
                 superuser, a role with BYPASSRLS or its owner without FORCE ROW LEVEL SECURITY",
            ),
            (!rights.insert, "we may not add rows to it"),
            (!rights.select, "we may not read it"),
            (
                !rights.create,
                "we may not make tables in its schema, where rows are staged",
            ),
        ]),
        prefers_update: is_mostly_kept_apart(table)
            .then_some("most of its bytes are long values that an update leaves where they are"),
    }
}

fn is_mostly_kept_apart(table: &Table) -> bool {
    let with_rows = table.bytes.saturating_sub(table.kept_apart);
    table.kept_apart > 4 * with_rows.max(1 << 20)
}
