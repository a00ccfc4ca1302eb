//! A table beside another that takes its rows, without its constraints: there they are masked, and from there they come
//! back.

use super::catalogue::{self, Place, Table};
use super::dialect::filled_in;
use super::error::OdbcError;
use super::lane::Lane;
use super::progress::{Range, Unit};
use super::reading::Reading;
use super::session::Session;
use super::writer::Writer;

/// How names of stages end.
const END: &str = "_stage";

/// The stage of a table.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    reading: Reading,
    /// The stage as a table.
    table: Table,
}

/// What the stage calls a column of the key as it was: the key itself may be masked.
fn key_column(index: usize) -> String {
    format!("visard_k{index}")
}

impl Stage {
    /// That of the table of `reading`.
    pub(super) fn new(reading: Reading) -> Self {
        let table = Table {
            name: format!("{}{END}", reading.job.name),
            ..Table::clone(&reading.table)
        };
        Self { reading, table }
    }

    /// What writes masked rows to it.
    pub(super) fn writer(&self) -> Writer {
        let key = self.reading.key_columns().into_iter().enumerate();
        let key = key.map(|(index, (called, lane))| {
            let name = key_column(index);
            (called, Lane { name, ..lane })
        });
        Writer::new(self.table.clone(), self.reading.masked(), key.collect())
    }

    /// The columns of the table.
    fn columns(&self) -> Vec<String> {
        let dialect = self.table.dialect;
        let columns = self.table.columns.iter();
        columns.map(|column| dialect.quoted(&column.name)).collect()
    }

    /// Makes it, without rows. What an earlier attempt left of it goes.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn make(&self, session: &Session, place: &Place) -> Result<(), OdbcError> {
        self.drop(session, place)?;
        let (dialect, quirks) = (self.table.dialect, self.table.dialect.quirks());
        let mut columns = self.columns();
        let mut names = Vec::new();
        for (index, lane) in self.reading.key.iter().enumerate() {
            let name = dialect.quoted(&key_column(index));
            columns.push(format!("{} AS {name}", dialect.quoted(&lane.name)));
            names.push(name);
        }
        let parts = [
            ("stage", self.table.sql()),
            ("columns", columns.join(", ")),
            ("table", self.reading.table.sql()),
        ];
        session.run(&filled_in(quirks.staged, &parts))?;
        if quirks.has_indexes {
            let index = dialect.quoted(&format!("{}_key", self.table.name));
            session.run(&format!(
                "CREATE INDEX {index} ON {} ({})",
                self.table.sql(),
                names.join(", ")
            ))?;
        }
        Ok(())
    }

    /// Takes the rows of `unit`; how many, where the driver says so.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn take(&self, session: &Session, unit: &Unit) -> Result<Option<u64>, OdbcError> {
        let (dialect, key) = (self.table.dialect, &self.reading.key);
        let range = Range::new(key, unit.from.as_ref(), unit.to.as_ref());
        let (mut from, mut to) = (self.columns(), self.columns());
        for (index, lane) in key.iter().enumerate() {
            from.push(dialect.quoted(&lane.name));
            to.push(dialect.quoted(&key_column(index)));
        }
        let statement = format!(
            "INSERT INTO {} ({}) SELECT {} FROM {}",
            self.table.sql(),
            to.join(", "),
            from.join(", "),
            self.reading
                .job
                .from(&self.reading.table.sql(), &range.condition)
        );
        let mut prepared = session.connection.prepare(&statement)?;
        drop(prepared.execute(range.parameters()?.as_slice())?);
        Ok(prepared.row_count()?.map(|rows| rows as u64))
    }

    /// Deletes the rows of the table, which are those of the stage and as many as `rows`.
    ///
    /// # Errors
    /// When there are others, or the database refuses.
    pub(super) fn empty(&self, session: &Session, rows: u64) -> Result<(), OdbcError> {
        let table = self.reading.table.sql();
        for counted in [&table, &self.table.sql()] {
            let found = session.count(&format!("SELECT COUNT(*) FROM {counted}"))?;
            same(rows, Some(found))?;
        }
        same(rows, session.run(&format!("DELETE FROM {table}"))?)
    }

    /// Puts the rows of the stage into the table.
    ///
    /// # Errors
    /// When the database refuses a row.
    pub(super) fn put_back(&self, session: &Session, rows: u64) -> Result<(), OdbcError> {
        let (table, quirks) = (self.reading.table.sql(), self.table.dialect.quirks());
        let columns = self.columns().join(", ");
        let counts = self.table.columns.iter();
        let counts = counts
            .map(|column| column.type_name.to_lowercase())
            .any(|name| name.contains("identity"));
        let around = quirks.identity.filter(|_| counts);
        if let Some([on, _]) = around {
            session.run(&filled_in(on, &[("table", table.clone())]))?;
        }
        let put = session.run(&format!(
            "INSERT INTO {table} ({columns}){} SELECT {columns} FROM {}",
            quirks.overriding,
            self.table.sql()
        ))?;
        if let Some([_, off]) = around {
            session.run(&filled_in(off, &[("table", table.clone())]))?;
        }
        same(rows, put)
    }

    /// Removes it, where it is there.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn drop(&self, session: &Session, place: &Place) -> Result<(), OdbcError> {
        drop_all(session, place, &self.table, |name| name == self.table.name)
    }
}

/// Removes the stages that work under `name` and names that begin so made beside `table`.
///
/// # Errors
/// When the database refuses.
pub(super) fn drop_all_of(
    session: &Session,
    place: &Place,
    table: &Table,
    name: &str,
) -> Result<(), OdbcError> {
    let begin = format!("{name}_");
    drop_all(session, place, table, |found| {
        found.starts_with(&begin) && found.ends_with(END)
    })
}

fn drop_all(
    session: &Session,
    place: &Place,
    table: &Table,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), OdbcError> {
    let schema = table.schema.as_deref().unwrap_or_default();
    for (name, _) in catalogue::tables(session, place, schema, None)? {
        if wanted(&name) {
            session.run(&format!("DROP TABLE {}", table.beside(&name)))?;
        }
    }
    Ok(())
}

/// Refuses another number of rows than were masked.
fn same(expected: u64, found: Option<u64>) -> Result<(), OdbcError> {
    match found {
        Some(found) if found != expected => Err(OdbcError::Changed { expected, found }),
        _ => Ok(()),
    }
}
