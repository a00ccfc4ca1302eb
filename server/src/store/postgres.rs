//! The store in PostgreSQL, for more than one node.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};
use visard::postgres::{PostgresConfig, PostgresError, config, connect};

use super::{Row, Store, StoreError, Transaction, Value, check, migrations};

/// Connections at most, of this node.
const CONNECTIONS: usize = 16;
/// Statements that a connection keeps prepared.
const PREPARED: usize = 256;

/// Of every connection. A node that stops in the middle of a transaction must not stop the others.
const SETTINGS: &str = "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; \
     SET statement_timeout = '60s'; SET lock_timeout = '15s'; \
     SET idle_in_transaction_session_timeout = '60s'";

/// One transaction writes at a time, as in a file: so none fails because of another one. The lock comes
/// before anything is read (PostgreSQL 15 documentation, LOCK).
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE schema_version IN EXCLUSIVE MODE";

/// Nodes that start at the same time make the table one after the other. The number is ours alone.
const PREPARE: &str = "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(8241963710452); \
     CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL); COMMIT";

/// A store in a database of PostgreSQL, which any number of servers share.
pub struct Postgres {
    config: PostgresConfig,
    idle: Idle,
    free: Arc<Semaphore>,
    /// A setting, and what it has to be.
    depends_on: OnceLock<(&'static str, String)>,
}

type Idle = Arc<Mutex<Vec<Session>>>;

impl Postgres {
    /// Opens the store at `url`, and brings it up to date: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with
    /// `sslmode` and `sslrootcert` as libpq has them. What the address leaves open, the environment says.
    ///
    /// # Errors
    /// When it is no such address, the database cannot be reached, or the store is of a newer visard.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let store = Self {
            config: config(url).map_err(|problem| StoreError::Failed(problem.to_owned()))?,
            idle: Idle::default(),
            free: Arc::new(Semaphore::new(CONNECTIONS)),
            depends_on: OnceLock::new(),
        };
        let mut lease = store.lease().await?;
        lease.session().execute(PREPARE).await?;
        drop(lease);
        migrations::migrate(&store).await?;
        Ok(store)
    }

    /// A connection, as soon as one is free.
    async fn lease(&self) -> Result<Lease, StoreError> {
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Failed("it is closed".to_owned()))?;
        let idle = std::iter::from_fn(|| self.idle.lock().pop());
        let mut open = idle.filter(|session| !session.is_gone());
        let session = match open.next() {
            Some(session) => session,
            None => Session::open(&self.config).await?,
        };
        Ok(Lease {
            session: Some(session),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }
}

#[async_trait]
impl Store for Postgres {
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        check(parameters)?;
        let mut lease = self.lease().await?;
        match lease.session().rows(sql, parameters).await {
            // The server was restarted meanwhile: a new connection has not seen it.
            Err(_) if lease.session().is_gone() => {
                drop(lease);
                self.idle.lock().clear();
                self.lease().await?.session().rows(sql, parameters).await
            }
            result => result,
        }
    }

    async fn begin(&self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        let mut lease = self.lease().await?;
        let mut begun = lease.session().execute(BEGIN).await;
        if begun.is_err() && lease.session().is_gone() {
            drop(lease);
            self.idle.lock().clear();
            lease = self.lease().await?;
            begun = lease.session().execute(BEGIN).await;
        }
        let mut open = Open {
            lease: Some(lease),
            has_failed: false,
        };
        begun?;
        if let Some((name, value)) = self.depends_on.get() {
            let sql = "SELECT value FROM settings WHERE name = $1";
            let found = open.session().rows(sql, &[(*name).into()]).await?;
            let found = found.first().map(|row| row.text(0)).transpose()?;
            if found != Some(value.as_str()) {
                return Err(StoreError::Changed(name));
            }
        }
        Ok(Box::new(open))
    }

    fn depend_on(&self, name: &'static str, value: String) {
        self.depends_on.get_or_init(|| (name, value));
    }
}

/// A transaction, and the connection it is on.
struct Open {
    /// Taken when it ends.
    lease: Option<Lease>,
    /// Whether a statement failed: nothing counts then.
    has_failed: bool,
}

impl Open {
    fn session(&mut self) -> &mut Session {
        let lease = self.lease.as_mut();
        lease.expect("it has not ended").session()
    }
}

#[async_trait]
impl Transaction for Open {
    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        check(parameters)?;
        if self.has_failed {
            return Err(StoreError::Undone);
        }
        let rows = self.session().rows(sql, parameters).await;
        self.has_failed = rows.is_err();
        rows
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        // After a statement that failed, `COMMIT` undoes without saying so.
        if self.has_failed {
            return Err(StoreError::Undone);
        }
        self.session().execute("COMMIT").await?;
        drop(self.lease.take());
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else {
            return;
        };
        let undo = async move {
            // A connection that cannot undo is closed, and undone by the server.
            if lease.session().execute("ROLLBACK").await.is_err() {
                drop(lease.session.take());
            }
            drop(lease);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(undo)),
            Err(_) => drop(undo),
        }
    }
}

/// A connection that is in use; it goes back when dropped.
struct Lease {
    session: Option<Session>,
    idle: Idle,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    fn session(&mut self) -> &mut Session {
        self.session
            .as_mut()
            .expect("it is only taken when dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let session = self.session.take();
        let session = session.filter(|session| !session.is_gone() && !session.is_at_work);
        self.idle.lock().extend(session);
    }
}

/// A connection, and what it has prepared.
struct Session {
    client: Client,
    prepared: HashMap<String, Statement>,
    /// Whether something was asked and not answered: whoever asked is gone.
    is_at_work: bool,
    /// Whether the server said that it ends the connection.
    is_ended: bool,
}

impl Session {
    /// Whether nothing can be asked any more.
    fn is_gone(&self) -> bool {
        self.is_ended || self.client.is_closed()
    }

    fn refused(&mut self, error: tokio_postgres::Error) -> StoreError {
        let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
        self.is_ended |= error.code().is_some_and(|code| ends.contains(code));
        refused(error)
    }

    async fn open(config: &PostgresConfig) -> Result<Self, StoreError> {
        let client = connect(config).await.map_err(failed)?;
        let mut session = Self {
            client,
            prepared: HashMap::new(),
            is_at_work: false,
            is_ended: false,
        };
        session.execute(SETTINGS).await?;
        Ok(session)
    }

    /// Statements without parameters, such as those around transactions.
    async fn execute(&mut self, statements: &str) -> Result<(), StoreError> {
        self.is_at_work = true;
        let done = self.client.batch_execute(statements).await;
        self.is_at_work = false;
        done.map_err(|error| self.refused(error))
    }

    async fn rows(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.is_at_work = true;
        let found = self.found(sql, parameters).await;
        self.is_at_work = false;
        found
    }

    async fn found(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => Ok(statement.clone()),
            None => self.client.prepare(sql).await,
        };
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters
            .iter()
            .map(|value| -> &(dyn ToSql + Sync) { value })
            .collect();
        let found = match statement {
            Ok(statement) => {
                if self.prepared.len() >= PREPARED {
                    self.prepared.clear();
                }
                self.prepared.insert(sql.to_owned(), statement.clone());
                self.client.query(&statement, &parameters).await
            }
            Err(error) => Err(error),
        };
        let found = found.map_err(|error| self.refused(error))?;
        found.iter().map(row).collect()
    }
}

fn row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let wrong = |_| StoreError::Unexpected("another type");
    let values = row.columns().iter().enumerate().map(|(at, column)| {
        Ok(Value::from(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at).map_err(wrong)?,
            Type::INT4 => {
                let int = row.try_get::<_, Option<i32>>(at).map_err(wrong)?;
                int.map(i64::from)
            }
            Type::BOOL => {
                let flag = row.try_get::<_, Option<bool>>(at).map_err(wrong)?;
                flag.map(i64::from)
            }
            Type::BYTEA => {
                let bytes = row.try_get::<_, Option<Vec<u8>>>(at).map_err(wrong)?;
                return Ok(Value::from(bytes));
            }
            Type::TEXT => {
                let text = row.try_get::<_, Option<String>>(at).map_err(wrong)?;
                return Ok(Value::from(text));
            }
            _ => return Err(StoreError::Unexpected("a type that it has not")),
        }))
    });
    Ok(Row(values.collect::<Result<_, _>>()?))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        column: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(int) if *column == Type::INT4 => i32::try_from(*int)?.to_sql(column, out),
            Self::Int(int) if *column == Type::INT8 => int.to_sql(column, out),
            Self::Text(text) if *column == Type::TEXT => text.to_sql(column, out),
            Self::Bytes(bytes) if *column == Type::BYTEA => bytes.to_sql(column, out),
            Self::Int(_) | Self::Text(_) | Self::Bytes(_) => {
                Err("a value is of another type than its column".into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn refused(error: tokio_postgres::Error) -> StoreError {
    match error.code() {
        Some(&SqlState::UNIQUE_VIOLATION) => StoreError::Taken,
        Some(
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::LOCK_NOT_AVAILABLE,
        ) => StoreError::Busy,
        _ => failed(error.into()),
    }
}

/// In words that hold no value.
fn failed(error: PostgresError) -> StoreError {
    StoreError::Failed(error.to_string())
}
