//! A server, and sessions on it.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::consts::StatusFlags;
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, DriverError, Error};

use super::config::{MysqlConfig, Resolved};
use super::error::MysqlError;
use crate::database;

/// Idle sessions of a server.
pub(super) type Pool = database::Pool<Server>;
/// A session of a pool.
pub(super) type Pooled = database::Pooled<Server>;

/// Nothing is cut off or made up without an error, zero dates and zeros of counters stay what they are.
const SQL_MODE: &str = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,\
                        NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";
/// How often a session is looked at that waits for a lock, and how far apart.
const LOOKS: usize = 600;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A server that sessions can be opened on; cheap to clone.
#[derive(Clone)]
pub(super) struct Server(Arc<Resolved>);

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.0.shown)
    }
}

impl database::Server for Server {
    type Session = Session;
    type Error = MysqlError;

    async fn open(&self) -> Result<Session, MysqlError> {
        self.connect().await
    }
}

impl Server {
    /// The server that `config` and the environment lead to; nothing is connected yet.
    ///
    /// # Errors
    /// When they do not tell enough, or a certificate file cannot be read.
    pub(super) fn new(config: &MysqlConfig) -> Result<Self, MysqlError> {
        let resolved = config.resolve(&|name| std::env::var(name).ok())?;
        Ok(Self(Arc::new(resolved)))
    }

    /// Where it is, for messages: `host:port/database`.
    pub(super) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// The database whose tables are named without one.
    pub(super) fn database(&self) -> &str {
        &self.0.database
    }

    /// Opens a session: UTF-8, UTC, strict, no time limits of the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or does not let us in.
    pub(super) async fn connect(&self) -> Result<Session, MysqlError> {
        let conn = self.enter().await?;
        let id = conn.id();
        let mut session = Session {
            conn: Some(conn),
            id,
            server: self.clone(),
            at_work: false,
        };
        // How long to wait is for the user to say; what is behind these is for us.
        session
            .run("SET SESSION lock_wait_timeout = 60, SESSION innodb_lock_wait_timeout = 60")
            .await?;
        for (name, value) in &self.0.settings {
            let set = format!("SET SESSION {name} = {}", setting(value));
            session
                .run(&set)
                .await
                .map_err(|error| match error.code() {
                    Some(code) => {
                        MysqlError::Config(format!("the server takes no `{name}` (error {code})"))
                    }
                    None => error,
                })?;
        }
        let limit = match session.is_mariadb().await? {
            true => "max_statement_time",
            false => "max_execution_time",
        };
        session
            .run(&format!(
                "SET NAMES utf8mb4, SESSION sql_mode = '{SQL_MODE}', SESSION time_zone = '+00:00', \
                 SESSION autocommit = 1, SESSION foreign_key_checks = 1, SESSION unique_checks = 1, \
                 SESSION sql_notes = 1, SESSION max_error_count = 16, SESSION sql_safe_updates = 0, \
                 SESSION sql_select_limit = 18446744073709551615, SESSION sql_auto_is_null = 0, \
                 SESSION {limit} = 0, SESSION net_read_timeout = 3600, SESSION net_write_timeout = 3600, \
                 SESSION wait_timeout = 86400"
            ))
            .await?;
        session
            .run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .await?;
        Ok(session)
    }

    async fn enter(&self) -> Result<Conn, MysqlError> {
        let tried = self.tried(self.0.driver.clone()).await;
        match (tried, &self.0.plain) {
            (Err(Error::Driver(DriverError::NoClientSslFlagFromServer)), Some(plain)) => {
                Ok(self.tried(plain.clone()).await?)
            }
            (tried, _) => Ok(tried?),
        }
    }

    async fn tried(&self, driver: mysql_async::Opts) -> Result<Conn, Error> {
        match tokio::time::timeout(self.0.connect_timeout, Conn::new(driver)).await {
            Ok(tried) => tried,
            Err(_) => Err(Error::from(std::io::Error::from(
                std::io::ErrorKind::TimedOut,
            ))),
        }
    }

    /// Ends sessions of ours that are still at work for an attempt that was killed, by `name`, which is
    /// part of whatever they do, and waits until they are gone. The last that came goes first: others may keep
    /// locks for it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn end_others(&self, name: &str) -> Result<(), MysqlError> {
        let mut session = self.connect().await?;
        let found = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND INFO LIKE {} \
             ORDER BY ID DESC",
            literal(&format!("%{}%", name.replace('_', "\\_")))
        );
        for _ in 0..LOOKS {
            let ids: Vec<u64> = session.rows(&found).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for id in ids {
                // It may have ended by itself.
                if let Err(error) = session.run(&format!("KILL CONNECTION {id}")).await
                    && error.code().is_none()
                {
                    return Err(error);
                }
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Err(MysqlError::Connection(
            "a session of an earlier attempt is still at work".to_owned(),
        ))
    }
}

/// A connection of our own. Dropped at work, what the server does for it is ended.
pub(super) struct Session {
    /// Nothing only while it is dropped.
    conn: Option<Conn>,
    id: u32,
    server: Server,
    /// Whether the server is at work for us, or in the middle of an answer.
    at_work: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.server.shown())
    }
}

impl Session {
    /// The driver's connection, for answers that are streamed: the session counts as at work until it is
    /// told that all is done.
    ///
    /// # Errors
    /// When it is closed.
    pub(super) fn begin(&mut self) -> Result<&mut Conn, MysqlError> {
        self.at_work = true;
        self.conn.as_mut().ok_or(MysqlError::GivenUp)
    }

    /// Says that the server is no longer at work for us.
    pub(super) fn done(&mut self) {
        self.at_work = false;
    }

    /// Which session of the server it is.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Runs one statement without looking at its rows.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn run(&mut self, statement: &str) -> Result<(), MysqlError> {
        self.touch(statement).await.map(|_| ())
    }

    /// Runs one statement; the rows it touched.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn touch(&mut self, statement: &str) -> Result<u64, MysqlError> {
        let conn = self.begin()?;
        let ran = conn.query_drop(statement).await;
        let rows = conn.affected_rows();
        self.done();
        ran?;
        Ok(rows)
    }

    /// Runs one statement that is no text; the rows it touched.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn touch_by(&mut self, statement: Vec<u8>) -> Result<u64, MysqlError> {
        let conn = self.begin()?;
        let ran = conn.query_drop(statement).await;
        let rows = conn.affected_rows();
        self.done();
        ran?;
        Ok(rows)
    }

    /// Warnings of the last statement.
    pub(super) fn warnings(&self) -> u16 {
        self.conn.as_ref().map_or(0, Conn::get_warnings)
    }

    /// The rows of a query that gives few of them.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn rows<R: FromRow + Send + 'static>(
        &mut self,
        query: &str,
    ) -> Result<Vec<R>, MysqlError> {
        let found = self.begin()?.query(query).await;
        self.done();
        Ok(found?)
    }

    /// The first row of a query.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn first<R: FromRow + Send + 'static>(
        &mut self,
        query: &str,
    ) -> Result<Option<R>, MysqlError> {
        Ok(self.rows(query).await?.into_iter().next())
    }

    /// Rows of `from`, as SQL puts it behind `FROM`.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn count(&mut self, from: &str) -> Result<u64, MysqlError> {
        let count = self.first(&format!("SELECT COUNT(*) FROM {from}")).await?;
        Ok(count.unwrap_or(0))
    }

    /// Whether the server is MariaDB.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn is_mariadb(&mut self) -> Result<bool, MysqlError> {
        let version: Option<String> = self.first("SELECT VERSION()").await?;
        Ok(version.is_some_and(|version| version.contains("MariaDB")))
    }

    /// Whether a transaction is open, as the last answer said.
    pub(super) fn is_in_transaction(&self) -> bool {
        let ok = self.conn.as_ref().and_then(Conn::last_ok_packet);
        ok.is_some_and(|ok| {
            ok.status_flags()
                .contains(StatusFlags::SERVER_STATUS_IN_TRANS)
        })
    }

    /// Whether session `id` waits for a lock on a table.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn waits(&mut self, id: u32) -> Result<bool, MysqlError> {
        let state = format!("SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = {id}");
        let state: Option<Option<String>> = self.first(&state).await?;
        Ok(state.flatten().is_some_and(|state| state.contains("lock")))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (Some(conn), true) = (self.conn.take(), self.at_work) else {
            return;
        };
        let (server, id) = (self.server.clone(), self.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let ended = async {
                    let mut session = server.connect().await?;
                    session.run(&format!("KILL CONNECTION {id}")).await
                };
                if let Err(error) = ended.await {
                    tracing::debug!("a session could not be ended: {error}");
                }
                drop(conn);
            });
        }
    }
}

/// A name as SQL takes it whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL takes it whatever it holds.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A setting's value: a number as it is, else text.
fn setting(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() => value.trim().to_owned(),
        _ => literal(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts() {
        assert_eq!(quoted("a`b"), "`a``b`");
        assert_eq!(literal("it's \\"), "'it''s \\\\'");
        assert_eq!(setting("12"), "12");
        assert_eq!(setting("12s"), "'12s'");
    }
}
