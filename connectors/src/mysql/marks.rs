//! How it is known later whether a transaction was committed: by a row of a small table, changed in it.

use super::error::MysqlError;
use super::session::{Server, Session, literal, quoted};

/// What a transaction is known by that is marked in a table.
const MARK: &str = "mark:";
/// The same, where it is not committed as long as the table is not there.
const COPY: &str = "copy:";
/// What a rewrite is known by: the name of the old table once the new one has its place.
const REWRITE: &str = "rewrite:";
/// What a table is known by that a copy makes: the name of the mark once the table is there.
const CREATION: &str = "new:";
/// What statements are known by that may as well be run again.
pub(super) const AGAIN: &str = "again";
/// What statements are known by of which nobody can tell.
pub(super) const UNTOLD: &str = "of statements that commit by themselves";

/// The row that a transaction changes.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    schema: String,
    name: String,
    /// Whether the table is there from right before the transaction to when nobody asks any more.
    of_copy: bool,
}

impl Mark {
    /// That of the table `name` in `schema`.
    pub(super) fn new(schema: &str, name: String) -> Self {
        Self {
            schema: schema.to_owned(),
            name,
            of_copy: false,
        }
    }

    /// The same for a copy, whose attempts all use one name.
    pub(super) fn of_copy(self) -> Self {
        let of_copy = true;
        Self { of_copy, ..self }
    }

    /// Its table, as SQL names it.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// What the transaction is to be announced as.
    pub(super) fn known_by(&self) -> String {
        let what = if self.of_copy { COPY } else { MARK };
        format!("{what}{}.{}", self.schema, self.name)
    }

    /// Makes the table, before the transaction begins.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn make(&self, session: &mut Session) -> Result<(), MysqlError> {
        self.remove(session).await?;
        let (sql, made) = (self.sql(), "(done BOOL NOT NULL) ENGINE = InnoDB");
        session.run(&format!("CREATE TABLE {sql} {made}")).await?;
        session
            .run(&format!("INSERT INTO {sql} VALUES (FALSE)"))
            .await
    }

    /// Changes the row, in the transaction.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn set(&self, session: &mut Session) -> Result<(), MysqlError> {
        session
            .run(&format!("UPDATE {} SET done = TRUE", self.sql()))
            .await
    }

    /// Drops the table.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn remove(&self, session: &mut Session) -> Result<(), MysqlError> {
        session
            .run(&format!("DROP TABLE IF EXISTS {}", self.sql()))
            .await
    }

    fn of(known_by: &str) -> Option<Self> {
        let of_copy = known_by.strip_prefix(COPY);
        let named = of_copy.or_else(|| known_by.strip_prefix(MARK))?;
        let (schema, name) = named.rsplit_once('.')?;
        let mark = Self::new(schema, name.to_owned());
        Some(match of_copy {
            Some(_) => mark.of_copy(),
            None => mark,
        })
    }
}

/// What a rewrite is to be announced as whose old table will be called `name`_old.
pub(super) fn of_rewrite(schema: &str, name: &str) -> String {
    format!("{REWRITE}{schema}.{name}")
}

/// What a table is to be announced as that appears with a mark called `name`_made.
pub(super) fn of_creation(schema: &str, name: &str) -> String {
    format!("{CREATION}{schema}.{name}")
}

/// Whether what was announced as `known_by` was committed; `None` where nobody can tell.
///
/// # Errors
/// When the server does not answer.
pub(super) async fn is_committed(
    server: &Server,
    known_by: &str,
) -> Result<Option<bool>, MysqlError> {
    if known_by == AGAIN {
        return Ok(Some(false));
    }
    for (prefix, what) in [(REWRITE, "old"), (CREATION, "made")] {
        let named = known_by.strip_prefix(prefix);
        if let Some((schema, name)) = named.and_then(|named| named.rsplit_once('.')) {
            // The server may still be at it.
            server.end_others(name).await?;
            let mut session = server.connect().await?;
            let there = is_there(&mut session, schema, &format!("{name}_{what}")).await?;
            return Ok(Some(there));
        }
    }
    let Some(mark) = Mark::of(known_by) else {
        return Ok(None);
    };
    let mut session = server.connect().await?;
    if !is_there(&mut session, &mark.schema, &mark.name).await? {
        return Ok(mark.of_copy.then_some(false));
    }
    // Waits for a transaction that is still at work.
    let done = format!("SELECT done FROM {} FOR UPDATE", mark.sql());
    session.first(&done).await
}

/// Drops what a transaction was known by.
///
/// # Errors
/// When the server does not answer.
pub(super) async fn forget(server: &Server, known_by: &str) -> Result<(), MysqlError> {
    match Mark::of(known_by) {
        Some(mark) => mark.remove(&mut server.connect().await?).await,
        None => Ok(()),
    }
}

/// Whether there is a table of that name.
///
/// # Errors
/// When the server does not answer.
pub(super) async fn is_there(
    session: &mut Session,
    schema: &str,
    name: &str,
) -> Result<bool, MysqlError> {
    let of = format!(
        "information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(schema),
        literal(name)
    );
    Ok(session.count(&of).await? > 0)
}
