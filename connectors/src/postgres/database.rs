//! PostgreSQL as one of the databases: [`Database`] and [`DatabaseTable`].

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect};
use serde_json::json;

use super::catalogue::{RelationKind, Table};
use super::config::PostgresConfig;
use super::error::PostgresError;
use super::job::TableJob;
use super::leftovers;
use super::pool::Pool;
use super::rewrite::Rewrite;
use super::session::{Server, Session};
use super::types::WireType;
use super::update::Update;
use crate::database::{
    self, Announce, Column, Database, DatabaseError, DatabaseTable, Fact, Facts, InPlace, Job,
};

/// A PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    pool: Pool,
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
        Ok(Self { server, pool })
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
            product: "PostgreSQL",
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
        Ok(table.map(|table| {
            let found = Found {
                server: self.server.clone(),
                pool: self.pool.clone(),
                facts: described(&table),
                table,
            };
            Arc::new(found) as Arc<dyn DatabaseTable>
        }))
    }

    async fn table_names(&self) -> Result<Vec<String>, DatabaseError> {
        let session = self.pool.take().await?;
        let names = session.table_names().await?;
        session.give_back();
        Ok(names)
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
    table: Table,
    facts: database::Table,
}

impl Found {
    fn job(&self, job: Job) -> TableJob {
        TableJob {
            table: self.table.clone(),
            job,
        }
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

    async fn open(
        self: Arc<Self>,
        job: Job,
        rewrite: bool,
    ) -> Result<Arc<dyn InPlace>, DatabaseError> {
        let job = self.job(job);
        Ok(match rewrite {
            true => Rewrite::open(&self.server, job).await?,
            false => Update::open(&self.server, job).await?,
        })
    }

    async fn clean_up(&self, job: &Job, rewrite: bool) -> Result<Vec<String>, DatabaseError> {
        let session = self.server.connect().await?;
        let job = self.job(job.clone());
        Ok(leftovers::clean_up(&session, &job, rewrite).await?)
    }
}

/// What the catalogue says, as any database would say it.
fn described(table: &Table) -> database::Table {
    let columns = table.columns.iter().map(|column| Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
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
        prefers_update: is_mostly_kept_apart(table)
            .then_some("most of its bytes are long values that an update leaves where they are"),
    }
}

fn is_mostly_kept_apart(table: &Table) -> bool {
    let with_rows = table.bytes.saturating_sub(table.kept_apart);
    table.kept_apart > 4 * with_rows.max(1 << 20)
}
