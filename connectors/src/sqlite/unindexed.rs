//! A table that is filled without the indexes that its constraints need, and gets them once it is full: sorted at
//! once they are made in a fraction of the time that they take row by row.
//!
//! Rows lie in a table as they would in one without these constraints, so a plain table is filled, and then the
//! table that its own statement makes takes over its pages. What this leaves unchecked while rows come is checked
//! at the end: `UNIQUE` as the indexes are made, all else with the whole file.

use rusqlite::Connection;

use super::catalogue::Table;
use super::error::SqliteError;
use super::lane::Affinity;
use super::sql::quoted;

/// What SQLite calls the indexes of constraints.
const OF_CONSTRAINT: &str = "sqlite_autoindex_";

/// The statement that makes a plain table under the name of `table`, in which rows lie as they would in it; none
/// where nothing is won, or rows may lie otherwise.
pub(super) fn plain(table: &Table) -> Option<String> {
    let mut indexes = table.uniques.iter();
    let has_indexes = indexes.any(|unique| unique.name.starts_with(OF_CONSTRAINT));
    let address = table.address.as_ref()?;
    // What a check does not take is told best where it happens.
    if !has_indexes
        || !address.is_rowid
        || !table.checks.is_empty()
        || table.columns.iter().any(|column| column.generated)
    {
        return None;
    }
    let columns = table.columns.iter().map(|column| {
        let declared = match (column.strict, column.affinity) {
            (true, _) => column.type_name.as_str(),
            (false, Affinity::Integer) => "INTEGER",
            (false, Affinity::Real) => "REAL",
            (false, Affinity::Numeric) => "NUMERIC",
            (false, Affinity::Text) => "TEXT",
            (false, Affinity::None) => "BLOB",
        };
        let is_rowid = table.has_own_address && address.columns.contains(&column.name);
        let constraint = match (is_rowid, column.required) {
            (true, _) => " PRIMARY KEY",
            (false, true) => " NOT NULL",
            (false, false) => "",
        };
        format!("{} {declared}{constraint}", quoted(&column.name))
    });
    let columns: Vec<String> = columns.collect();
    let strict = table.columns.iter().any(|column| column.strict);
    let strict = if strict { " STRICT" } else { "" };
    Some(format!(
        "CREATE TABLE {} ({}){strict}",
        quoted(&table.name),
        columns.join(", ")
    ))
}

/// Makes `table` by its own statement around the rows of the plain one that has its name, which is called `aside`
/// meanwhile.
///
/// # Errors
/// When two rows are one to a constraint.
pub(super) fn indexed(
    connection: &Connection,
    table: &Table,
    aside: &str,
) -> Result<(), SqliteError> {
    let name = quoted(&table.name);
    connection.execute_batch(&format!(
        "ALTER TABLE {name} RENAME TO {}; {}",
        quoted(aside),
        table.sql
    ))?;
    let root = |name: &str| -> Result<i64, SqliteError> {
        let root = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        Ok(connection.query_row(root, [name], |row| row.get(0))?)
    };
    let (full, empty) = (root(aside)?, root(&table.name)?);
    connection.pragma_update(None, "writable_schema", true)?;
    let exchanged = "UPDATE sqlite_schema SET rootpage = ?1 WHERE type = 'table' AND name = ?2";
    connection.execute(exchanged, (full, &table.name))?;
    connection.execute(exchanged, (empty, aside))?;
    // With it the connection forgets where it has seen them.
    connection.pragma_update(None, "writable_schema", "RESET")?;
    connection.execute_batch(&format!(
        "DROP TABLE {}; REINDEX {}",
        quoted(aside),
        table.sql_name()
    ))?;
    Ok(())
}
