//! A database over ODBC as one of the databases: [`Database`] and [`DatabaseTable`].

use std::sync::Arc;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::sql::sqlparser::dialect::Dialect as Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use serde_json::json;

use super::catalogue::{self, Place, Table};
use super::config::OdbcConfig;
use super::dialect::{Dialect, Space};
use super::error::OdbcError;
use super::marks;
use super::progress;
use super::rewrite::{Rewrite, mark_of};
use super::script;
use super::session::{Server, Session, blocking};
use super::stage::drop_all_of;
use super::together::obstacles;
use super::update::{Update, remains};
use crate::database::{
    self, Announce, Column, Database, DatabaseError, DatabaseTable, Fact, Facts, Job, Listed,
    RowPlace, TableWork, Trigger,
};

/// A database that is reached by a driver of ODBC.
#[derive(Debug)]
pub struct Odbc {
    server: Server,
    place: Place,
}

impl Odbc {
    /// The database of `config`.
    ///
    /// # Errors
    /// When no driver fits, or the database does not let us in.
    pub async fn connect(config: OdbcConfig) -> Result<Self, DatabaseError> {
        let server = Server::new(config);
        let asked = server.clone();
        let place = blocking(move || {
            let schema = asked.config().schema.clone();
            Place::of(&asked.connect()?, schema.as_deref())
        });
        Ok(Self {
            place: place.await?,
            server,
        })
    }

    /// Asks the database something, in a session of its own.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Session, &Place) -> Result<T, OdbcError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (server, place) = (self.server.clone(), self.place.clone());
        Ok(blocking(move || question(&server.connect()?, &place)).await?)
    }
}

#[async_trait]
impl Database for Odbc {
    fn shown(&self) -> String {
        self.server.config().shown()
    }

    fn dialect(&self) -> Box<dyn Parser> {
        self.server.dialect().parser()
    }

    fn folded(&self, name: &str) -> String {
        self.server.dialect().folded(name)
    }

    async fn facts(&self) -> Result<Facts, DatabaseError> {
        let quirks = self.server.dialect().quirks();
        self.ask(move |session, place| {
            let said = session
                .connection
                .database_management_system_name()
                .unwrap_or_default();
            let said: String = said.chars().filter(|letter| !letter.is_control()).collect();
            // Not everybody may ask for it.
            let version = session.first(quirks.version).ok().flatten();
            Ok(Facts {
                product: quirks.product,
                version: version.unwrap_or_else(|| "of a version it does not tell".to_owned()),
                more: vec![
                    Fact {
                        about: "driver",
                        text: format!("ODBC, of `{said}`"),
                        values: vec![("odbc", json!(said))],
                    },
                    Fact {
                        about: "schema",
                        text: match place.current.is_empty() {
                            true => "none".to_owned(),
                            false => place.current.clone(),
                        },
                        values: vec![("schema", json!(place.current))],
                    },
                    Fact {
                        about: "triggers",
                        text: "fire".to_owned(),
                        values: vec![("may_silence_triggers", json!(false))],
                    },
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
        let (schema, name) = (schema.map(str::to_owned), name.to_owned());
        let found = self
            .ask(move |session, place| Table::look_up(session, place, schema.as_deref(), &name));
        Ok(found.await?.map(|table| {
            Arc::new(Found {
                server: self.server.clone(),
                place: self.place.clone(),
                facts: described(&table),
                table,
            }) as Arc<dyn DatabaseTable>
        }))
    }

    async fn table_names(&self) -> Result<Vec<String>, DatabaseError> {
        self.ask(|session, place| {
            let has_schema = session.dialect().quirks().space != Space::None;
            let tables = catalogue::tables(session, place, &place.current, None)?.into_iter();
            let tables = tables.filter(|(_, kind)| kind == "TABLE" || kind == "BASE TABLE");
            let names = tables.map(|(name, _)| match has_schema {
                true => format!("{}.{name}", place.current),
                false => name,
            });
            Ok(names.collect())
        })
        .await
    }

    async fn tables(&self, schema: Option<&str>) -> Result<Vec<Listed>, DatabaseError> {
        let schema = schema.map(str::to_owned);
        self.ask(move |session, place| {
            let has_schema = session.dialect().quirks().space != Space::None;
            let schema = schema.unwrap_or_else(|| place.current.clone());
            let tables = catalogue::tables(session, place, &schema, None)?.into_iter();
            let tables = tables.filter(|(_, kind)| {
                ["TABLE", "BASE TABLE", "PARTITIONED TABLE"].contains(&kind.as_str())
            });
            let listed = tables.map(|(name, _)| Listed {
                schema: has_schema.then(|| schema.clone()),
                name,
            });
            Ok(listed.collect())
        })
        .await
    }

    async fn run_in_transaction(
        &self,
        statements: &str,
        announce: Announce,
    ) -> Result<(), DatabaseError> {
        let statements = statements.to_owned();
        self.ask(move |session, place| script::run(session, place, &statements, announce))
            .await
    }

    fn obstacles_together(&self, tables: &[&database::Table]) -> Vec<String> {
        obstacles(self.server.dialect(), tables)
    }

    async fn open_together(
        &self,
        tables: Vec<(Arc<dyn DatabaseTable>, Job)>,
    ) -> Result<Vec<Arc<dyn TableWork>>, DatabaseError> {
        let (server, place) = (self.server.clone(), self.place.clone());
        let opened = move || {
            let session = server.connect()?;
            let mut jobs = Vec::with_capacity(tables.len());
            for (found, job) in tables {
                let facts = found.facts();
                let table = Table::look_up(&session, &place, facts.schema.as_deref(), &facts.name)?;
                // Nothing may have changed since it was checked.
                let table = table.filter(|table| described(table).is_same(facts));
                jobs.push((table.ok_or(OdbcError::Altered)?, job));
            }
            open(&server, &place, jobs, true)
        };
        Ok(blocking(opened).await?)
    }

    async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, DatabaseError> {
        let known_by = known_by.to_owned();
        self.ask(move |session, place| marks::is_committed(session, place, &known_by).map(Some))
            .await
    }

    async fn forget(&self, known_by: &str) -> Result<(), DatabaseError> {
        let known_by = known_by.to_owned();
        self.ask(move |session, place| marks::forget(session, place, &known_by))
            .await
    }
}

/// A table that was looked up.
#[derive(Debug)]
struct Found {
    server: Server,
    place: Place,
    table: Table,
    facts: database::Table,
}

impl Found {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Session) -> Result<T, OdbcError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let server = self.server.clone();
        Ok(blocking(move || question(&server.connect()?)).await?)
    }
}

#[async_trait]
impl DatabaseTable for Found {
    fn facts(&self) -> &database::Table {
        &self.facts
    }

    async fn refusal_of(&self, condition: &str) -> Result<Option<String>, DatabaseError> {
        if has_parameter(condition, self.table.dialect) {
            return Ok(Some("it has a parameter".to_owned()));
        }
        // No row is read, so that no value can be in the answer.
        let tried = format!(
            "SELECT 1 AS one FROM {} WHERE 1 = 0 AND ({condition})",
            self.table.sql()
        );
        let tried = self.ask(move |session| match session.attempt(&tried) {
            Ok(()) => Ok(None),
            Err(error @ OdbcError::Answer(_)) if !error.is_retryable() => {
                Ok(Some(error.to_string()))
            }
            Err(error) => Err(error),
        });
        tried.await
    }

    async fn refusal_to_silence_triggers(&self) -> Result<Option<String>, DatabaseError> {
        Ok(Some("over ODBC triggers fire: disable them before the run, or leave `auto_manage_triggers` out".to_owned()))
    }

    fn emptied(&self) -> String {
        // Others commit what was before them.
        format!("DELETE FROM {}", self.table.sql())
    }

    async fn is_empty(&self) -> Result<bool, DatabaseError> {
        let count = format!("SELECT COUNT(*) FROM {}", self.table.sql());
        self.ask(move |session| Ok(session.count(&count)? == 0))
            .await
    }

    async fn open(
        self: Arc<Self>,
        job: Job,
        rewrite: bool,
    ) -> Result<Arc<dyn TableWork>, DatabaseError> {
        let opened = blocking(move || {
            let jobs = vec![(self.table.clone(), job)];
            let opened = open(&self.server, &self.place, jobs, rewrite)?;
            opened.into_iter().next().ok_or(OdbcError::Altered)
        });
        Ok(opened.await?)
    }

    async fn clean_up(&self, job: &Job, _: bool) -> Result<Vec<String>, DatabaseError> {
        let (table, place) = (self.table.clone(), self.place.clone());
        let name = format!("{}_units", job.name);
        let base = job.name.clone();
        self.ask(move |session| {
            if progress::exists(session, &place, &table, &name)? {
                session.run(&format!("DROP TABLE {}", table.beside(&name)))?;
            }
            drop_all_of(session, &place, &table, &base)?;
            marks::forget(session, &place, &mark_of(&base))?;
            Ok(vec![remains(&table)])
        })
        .await
    }
}

/// Makes `tables` ready to be masked, each by its job. Where nothing is written they are only read.
fn open(
    server: &Server,
    place: &Place,
    tables: Vec<(Table, Job)>,
    rewrite: bool,
) -> Result<Vec<Arc<dyn TableWork>>, OdbcError> {
    if rewrite && tables.iter().all(|(_, job)| !job.dry_run) {
        let opened = Rewrite::open(server, place, tables)?.into_iter();
        return Ok(opened.map(|table| table as Arc<dyn TableWork>).collect());
    }
    let tables = tables.into_iter();
    let opened = tables.map(|(table, job)| {
        let opened = Update::open(server, place, table, job)?;
        Ok(opened as Arc<dyn TableWork>)
    });
    opened.collect()
}

impl Table {
    /// Its name for people.
    pub(super) fn shown(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Whether a condition has a place for a value.
fn has_parameter(condition: &str, dialect: Dialect) -> bool {
    let parser = dialect.parser();
    let tokens = Tokenizer::new(parser.as_ref(), condition).tokenize();
    let is_parameter = |token: &Token| matches!(token, Token::Placeholder(_) | Token::Question);
    tokens.unwrap_or_default().iter().any(is_parameter)
}

/// What the catalogue says, as any database would say it.
fn described(table: &Table) -> database::Table {
    let columns = table.columns.iter().map(|column| Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        data_type: column
            .lane
            .as_ref()
            .map_or(DataType::Null, |lane| lane.data_type()),
        made: None,
        length: column.lane.as_ref().and_then(|lane| lane.length),
        required: column.required,
        generated: false,
    });
    let triggers = table.triggers.iter().map(|(name, of_updates)| Trigger {
        name: name.clone(),
        fires: *of_updates,
        fires_always: false,
    });
    let mut rewrite_obstacles: Vec<String> = table.found_by(None).err().into_iter().collect();
    if let Some((trigger, _)) = table.triggers.first() {
        rewrite_obstacles.push(format!(
            "its trigger `{trigger}` would fire, as over ODBC rows are deleted and inserted anew"
        ));
    }
    database::Table {
        schema: table.schema.clone(),
        name: table.name.clone(),
        columns: columns.collect(),
        row_place: RowPlace::None,
        primary_key: table.primary_key.clone(),
        uniques: table.uniques.clone(),
        foreign_keys: table.foreign_keys.clone(),
        checks: Vec::new(),
        triggers: triggers.collect(),
        rows: None,
        bytes: 0,
        obstacles: table.obstacles.clone(),
        update_obstacles: table.found_by(None).err().into_iter().collect(),
        unit_obstacles: Vec::new(),
        rewrite_obstacles,
        fill_obstacles: vec!["tables are not filled over ODBC".to_owned()],
        prefers_update: Some("over ODBC a rewrite writes every row twice"),
    }
}
