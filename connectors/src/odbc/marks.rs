//! What says that something was committed: a small table, whose row changes in the transaction.

use super::catalogue::{self, Place};
use super::dialect::Space;
use super::error::OdbcError;
use super::session::Session;

/// Makes the mark called `name`, unless it is there.
///
/// # Errors
/// When the database refuses.
pub(super) fn make(session: &Session, place: &Place, name: &str) -> Result<(), OdbcError> {
    let table = named(session, place, name);
    if !exists(session, place, name)? {
        session.run(&format!("CREATE TABLE {table} (done INTEGER NOT NULL)"))?;
    }
    if session.count(&format!("SELECT COUNT(*) FROM {table}"))? == 0 {
        session.run(&format!("INSERT INTO {table} (done) VALUES (0)"))?;
    }
    Ok(())
}

/// Sets the mark, in the transaction that it says the commit of; whether nobody did before. It waits for whoever is
/// about to.
///
/// # Errors
/// When the database refuses.
pub(super) fn set(session: &Session, place: &Place, name: &str) -> Result<bool, OdbcError> {
    let table = named(session, place, name);
    let set = session.run(&format!("UPDATE {table} SET done = 1 WHERE done = 0"))?;
    Ok(set == Some(1))
}

/// Whether what was marked as `name` was committed.
///
/// # Errors
/// When the database does not answer.
pub(super) fn is_committed(
    session: &Session,
    place: &Place,
    name: &str,
) -> Result<bool, OdbcError> {
    if !exists(session, place, name)? {
        return Ok(false);
    }
    let table = named(session, place, name);
    Ok(session.count(&format!("SELECT COUNT(*) FROM {table} WHERE done = 1"))? > 0)
}

/// Removes the mark.
///
/// # Errors
/// When the database refuses.
pub(super) fn forget(session: &Session, place: &Place, name: &str) -> Result<(), OdbcError> {
    if exists(session, place, name)? {
        session.run(&format!("DROP TABLE {}", named(session, place, name)))?;
    }
    Ok(())
}

fn exists(session: &Session, place: &Place, name: &str) -> Result<bool, OdbcError> {
    let found = catalogue::tables(session, place, &place.current, Some(name))?;
    Ok(!found.is_empty())
}

fn named(session: &Session, place: &Place, name: &str) -> String {
    let dialect = session.dialect();
    match dialect.quirks().space {
        Space::None => dialect.quoted(name),
        _ => format!(
            "{}.{}",
            dialect.quoted(&place.current),
            dialect.quoted(name)
        ),
    }
}
