//! A server, and sessions on it.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use tokio::task::AbortHandle;
use tokio_postgres::config::SslMode as DriverMode;
use tokio_postgres::{Client, CopyInSink, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::{PostgresConfig, Resolved};
use super::error::PostgresError;
use super::tls;
use crate::database::{Announce, SslMode};

/// A server that sessions can be opened on; cheap to clone.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

struct Inner {
    resolved: Resolved,
    tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.0.resolved.shown)
    }
}

impl Server {
    /// The server that `config` and the environment lead to; nothing is connected yet.
    ///
    /// # Errors
    /// When they do not tell enough, or a certificate file cannot be read.
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, PostgresError> {
        let mut resolved = config.resolve(&|name| std::env::var(name).ok())?;
        resolved.driver.ssl_mode(match resolved.ssl_mode {
            SslMode::Disable => DriverMode::Disable,
            SslMode::Prefer => DriverMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => DriverMode::Require,
        });
        let tls = tls::connector(resolved.ssl_mode, resolved.ssl_root_cert.as_deref())?;
        Ok(Self(Arc::new(Inner { resolved, tls })))
    }

    /// Where it is, for messages: `host:port/database`.
    pub(super) fn shown(&self) -> &str {
        &self.0.resolved.shown
    }

    /// Whether the transaction that was announced as `known_by` was committed; `None` where the server
    /// no longer knows.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, PostgresError> {
        let Ok(number) = known_by.parse::<i64>() else {
            return Ok(None);
        };
        let session = self.connect().await?;
        let status = "SELECT pg_catalog.txid_status($1)";
        // One that is still at work would be of a server process whose client was killed.
        for _ in 0..600 {
            let row = session.client.query_one(status, &[&number]).await;
            let status: Option<String> = match row {
                Ok(row) => row.get(0),
                // A number of the future is of another server.
                Err(error) if error.as_db_error().is_some() => None,
                Err(error) => return Err(error.into()),
            };
            match status.as_deref() {
                Some("in progress") => {
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await
                }
                Some(status) => return Ok(Some(status == "committed")),
                None => return Ok(None),
            }
        }
        Err(PostgresError::Connection(
            "the transaction of an earlier attempt is still at work".to_owned(),
        ))
    }

    /// Runs statements in a transaction of their own.
    ///
    /// # Errors
    /// When the server refuses one: then none has an effect.
    pub(super) async fn run_in_transaction(
        &self,
        statements: &str,
        announce: Announce,
    ) -> Result<(), PostgresError> {
        let session = self.connect().await?;
        session.run("BEGIN").await?;
        session.run(statements).await?;
        let known_by = session.transaction().await?;
        announce(&known_by).map_err(|error| PostgresError::Connection(error.to_string()))?;
        session.run("COMMIT").await
    }

    /// Opens a session: UTF-8, UTC, no time limits of the role's own.
    ///
    /// # Errors
    /// When the server cannot be reached or does not let us in.
    pub(super) async fn connect(&self) -> Result<Session, PostgresError> {
        let (client, connection) = self.client().await?;
        let session = Session {
            client,
            connection,
            server: self.clone(),
        };
        let mut settings = "SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; \
             SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; \
             SET extra_float_digits = 1; SET standard_conforming_strings = on; \
             SET default_transaction_isolation = 'read committed'; SET statement_timeout = 0; SET synchronize_seqscans = off; \
             SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s'; \
             SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
              WHERE name IN ('idle_session_timeout', 'transaction_timeout')"
            .to_owned();
        if let Some(schema) = &self.0.resolved.schema {
            settings.push_str(&format!("; SET search_path = {}", quoted(schema)));
        }
        session.run(&settings).await?;
        Ok(session)
    }

    async fn client(&self) -> Result<(Client, AbortHandle), PostgresError> {
        let (client, connection) = self.0.resolved.driver.connect(self.0.tls.clone()).await?;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Whoever waits for an answer is told, too.
                tracing::debug!("a connection to PostgreSQL ended: {error}");
            }
        });
        Ok((client, connection.abort_handle()))
    }
}

/// A connection for SQL of the caller's, with the settings of the role; it ends when the client is dropped.
///
/// # Errors
/// When the configuration does not tell enough, the server cannot be reached or does not let us in.
pub async fn connect(config: &PostgresConfig) -> Result<Client, PostgresError> {
    let (client, _) = Server::new(config)?.client().await?;
    Ok(client)
}

/// A connection of our own. Dropped at work, what the server does for it is cancelled.
pub(super) struct Session {
    client: Client,
    connection: AbortHandle,
    server: Server,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.server.shown())
    }
}

impl Session {
    /// For queries with parameters.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs statements without looking at what they answer.
    ///
    /// # Errors
    /// When the server refuses one; those behind it are not run.
    pub(super) async fn run(&self, statements: &str) -> Result<(), PostgresError> {
        let busy = self.busy();
        let answer = self.client.batch_execute(statements).await;
        busy.done();
        Ok(answer?)
    }

    /// Runs one statement; the rows it touched.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn touch(&self, statement: &str) -> Result<u64, PostgresError> {
        let busy = self.busy();
        let answers = self.client.simple_query(statement).await;
        busy.done();
        let rows = answers?;
        let rows = rows.iter().rev().find_map(|answer| match answer {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(rows.unwrap_or(0))
    }

    /// Whether this role may keep triggers from firing in its own sessions.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn may_silence_triggers(&self) -> Result<bool, PostgresError> {
        let tried = self
            .run("BEGIN; SET LOCAL session_replication_role = replica; ROLLBACK")
            .await;
        match tried {
            Ok(()) => Ok(true),
            Err(error) if error.code().is_some() => self.run("ROLLBACK").await.map(|()| false),
            Err(error) => Err(error),
        }
    }

    /// Makes a table that nobody else may read, whatever rights new tables get by default: `made` is what
    /// makes it, `table` how SQL names it.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn make_private(&self, made: &str, table: &str) -> Result<(), PostgresError> {
        const GRANTEES: &str = "
            SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
                            ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
              FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
             WHERE c.oid = pg_catalog.to_regclass($1) AND a.grantee <> c.relowner";
        // Nobody misses it after a crash: what is in it is committed behind it.
        self.run("BEGIN; SET LOCAL synchronous_commit = off")
            .await?;
        self.run(made).await?;
        for grantee in self.client.query(GRANTEES, &[&table]).await? {
            let grantee: String = grantee.get(0);
            self.run(&format!("REVOKE ALL ON {table} FROM {grantee}"))
                .await?;
        }
        self.run("COMMIT").await
    }

    /// Whether `table`, as SQL names it, has rows.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn has_rows(&self, table: &str) -> Result<bool, PostgresError> {
        let some = format!("SELECT EXISTS (SELECT FROM {table})");
        Ok(self.client.query_one(&some, &[]).await?.get(0))
    }

    /// Rows of `from`, as SQL puts it behind `FROM`.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn count(&self, from: &str) -> Result<u64, PostgresError> {
        let count = format!("SELECT count(*) FROM {from}");
        let count: i64 = self.client.query_one(&count, &[]).await?.get(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What the open transaction will be known by: see [`Server::is_committed`].
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn transaction(&self) -> Result<String, PostgresError> {
        let row = self
            .client
            .query_one("SELECT pg_catalog.txid_current()", &[])
            .await?;
        Ok(row.get::<_, i64>(0).to_string())
    }

    /// The bytes of a `COPY … TO STDOUT`.
    ///
    /// # Errors
    /// When the server refuses it; later ones come through the stream.
    pub(super) async fn copy_out(
        &self,
        statement: &str,
    ) -> Result<impl Stream<Item = Result<Bytes, PostgresError>> + Send + use<>, PostgresError>
    {
        Ok(self
            .client
            .copy_out(statement)
            .await?
            .map_err(PostgresError::from))
    }

    /// Takes the bytes of a `COPY … FROM STDIN`.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn copy_in(
        &self,
        statement: &str,
    ) -> Result<CopyInSink<Bytes>, PostgresError> {
        Ok(self.client.copy_in(statement).await?)
    }

    /// What the server works on for us is cancelled if the guard is dropped before it is told that all
    /// is done.
    fn busy(&self) -> Busy<'_> {
        Busy(Some(self))
    }

    fn cancel(&self) {
        let (token, tls) = (self.client.cancel_token(), self.server.0.tls.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = token.cancel_query(tls).await {
                    tracing::debug!("a statement could not be cancelled: {error}");
                }
            });
        }
    }
}

/// See [`Session::busy`].
struct Busy<'a>(Option<&'a Session>);

impl Busy<'_> {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.0 {
            session.cancel();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A name as SQL takes it whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it whatever it holds, with `standard_conforming_strings` on or off.
pub(super) fn literal(text: &str) -> String {
    match text.contains('\\') {
        true => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
