//! A session with a driver. All of it may block.

use std::sync::Arc;

use odbc_api::{Connection, ConnectionOptions, Cursor, environment};
use tokio::task::spawn_blocking;

use super::config::OdbcConfig;
use super::dialect::{Dialect, Text};
use super::error::OdbcError;
use crate::database;

/// Rows of a query, column by column; null is nothing.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// Where sessions are opened; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<OdbcConfig>);

/// Sessions that are used one after the other.
pub(super) type Pool = database::Pool<Server>;
/// A session of a pool.
pub(super) type Pooled = database::Pooled<Server>;

/// A session.
pub(super) struct Session {
    pub(super) connection: Connection<'static>,
    dialect: Dialect,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?})", self.dialect)
    }
}

impl Server {
    pub(super) fn new(config: OdbcConfig) -> Self {
        Self(Arc::new(config))
    }

    pub(super) fn config(&self) -> &OdbcConfig {
        &self.0
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.0.dialect
    }

    /// Opens a session.
    ///
    /// # Errors
    /// When there is no driver, or the database does not let us in.
    pub(super) fn connect(&self) -> Result<Session, OdbcError> {
        let text = self.0.text()?;
        let options = ConnectionOptions {
            login_timeout_sec: Some(self.0.connect_timeout_seconds),
            packet_size: None,
        };
        let connection = environment()?.connect_with_connection_string(&text, options);
        let connection = connection.map_err(|error| refused(error, &self.0))?;
        let session = Session {
            connection,
            dialect: self.dialect(),
        };
        for statement in self.dialect().quirks().setup {
            session.run(statement)?;
        }
        let enter = self.dialect().quirks().enter;
        if let (Some(enter), Some(schema)) = (enter, &self.0.schema) {
            let schema = self.dialect().quoted(schema);
            session.run(&enter.replace("{schema}", &schema))?;
        }
        Ok(session)
    }
}

/// Why a connection was refused, in the words of the driver: a server says who was not let in, which is none of its
/// rows. Driver managers say that a library is not there, or lacks another one, as a warning.
fn refused(error: odbc_api::Error, config: &OdbcConfig) -> OdbcError {
    let odbc_api::Error::Diagnostics { record, .. } = &error else {
        return error.into();
    };
    let message = String::from_utf16_lossy(&record.message);
    if config.is_secret(&message) {
        return error.into();
    }
    match record.state.as_str() == "01000" && message.contains("open lib") {
        true => OdbcError::Config(format!("the ODBC driver cannot be loaded: {message}")),
        false => OdbcError::of_text(&error),
    }
}

impl database::Server for Server {
    type Session = Session;
    type Error = OdbcError;

    async fn open(&self) -> Result<Session, OdbcError> {
        let server = self.clone();
        blocking(move || server.connect()).await
    }
}

/// Does what may block where it may.
///
/// # Errors
/// Those of the work, and one where a driver fails altogether.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OdbcError> + Send + 'static,
) -> Result<T, OdbcError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        Err(OdbcError::Broken(
            "the ODBC driver broke its contract".to_owned(),
        ))
    })
}

impl Session {
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the driver can be given `statement` as it is.
    fn told(&self, statement: &str) -> Result<(), OdbcError> {
        let is_broken = self.dialect.quirks().text == Text::Utf8
            && statement.chars().any(|letter| letter > '\u{ffff}');
        match is_broken {
            true => Err(OdbcError::Broken(
                "the ODBC driver does not take statements with characters above U+FFFF".to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// Runs a statement; how many rows it was about, where the driver says so.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn run(&self, statement: &str) -> Result<Option<u64>, OdbcError> {
        self.told(statement)?;
        let mut prepared = self.connection.preallocate()?;
        let cursor = prepared.execute(statement, ())?;
        drop(cursor);
        Ok(prepared.row_count()?.map(|rows| rows as u64))
    }

    /// Tries a statement that reads no rows.
    ///
    /// # Errors
    /// When the database refuses: then in its own words.
    pub(super) fn attempt(&self, statement: &str) -> Result<(), OdbcError> {
        self.told(statement)?;
        let cursor = self.connection.execute(statement, (), None);
        cursor.map(drop).map_err(|error| OdbcError::of_text(&error))
    }

    /// All rows of a short query, as text.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn rows(&self, query: &str) -> Result<Rows, OdbcError> {
        self.told(query)?;
        let Some(mut cursor) = self.connection.execute(query, (), None)? else {
            return Ok(Vec::new());
        };
        let columns = odbc_api::ResultSetMetadata::num_result_cols(&mut cursor)?;
        let columns = u16::try_from(columns).unwrap_or_default();
        let mut rows = Vec::new();
        while let Some(mut row) = cursor.next_row()? {
            let mut fields = Vec::new();
            for column in 1..=columns {
                fields.push(match self.dialect.quirks().text {
                    Text::Wide => {
                        let mut text = Vec::new();
                        row.get_wide_text(column, &mut text)?
                            .then(|| String::from_utf16_lossy(&text))
                    }
                    Text::Utf8 => {
                        let mut text = Vec::new();
                        row.get_text(column, &mut text)?
                            .then(|| String::from_utf8_lossy(&text).into_owned())
                    }
                });
            }
            rows.push(fields);
        }
        Ok(rows)
    }

    /// The first field of a query; nothing where there is none.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn first(&self, query: &str) -> Result<Option<String>, OdbcError> {
        Ok(self
            .rows(query)?
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten()))
    }

    /// A number that a query gives.
    ///
    /// # Errors
    /// When the database refuses, or gives something else.
    pub(super) fn count(&self, query: &str) -> Result<u64, OdbcError> {
        let count = self.first(query)?.unwrap_or_default();
        count.trim().parse().map_err(|_| {
            OdbcError::Broken("the driver gives something else than a count".to_owned())
        })
    }

    /// Does `work` in a transaction, which is given up where it fails.
    ///
    /// # Errors
    /// Those of the work, or of the commit.
    pub(super) fn in_transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, OdbcError>,
    ) -> Result<T, OdbcError> {
        self.begin()?;
        match work(self) {
            Ok(done) => {
                self.commit()?;
                Ok(done)
            }
            Err(error) => {
                // The error of the work is the one to tell; a connection that cannot go back is closed by its owner.
                let _ = self.give_up();
                Err(error)
            }
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When the driver refuses.
    pub(super) fn begin(&self) -> Result<(), OdbcError> {
        Ok(self.connection.set_autocommit(false)?)
    }

    /// Ends it for good.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn commit(&self) -> Result<(), OdbcError> {
        self.connection.commit()?;
        Ok(self.connection.set_autocommit(true)?)
    }

    /// Ends it without effect.
    ///
    /// # Errors
    /// When the driver refuses.
    pub(super) fn give_up(&self) -> Result<(), OdbcError> {
        self.connection.rollback()?;
        Ok(self.connection.set_autocommit(true)?)
    }
}
