//! Masked rows handed to a statement: a function of SQL gives the values of the row that the statement has come to.
//!
//! So the rows of a batch go into a table by one statement, and what is not masked stays inside of SQLite.

use std::sync::Arc;

use arrow::array::BinaryViewArray;
use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::address;
use super::encode::ColumnValues;
use super::error::SqliteError;

/// The function: the number of a masked column, and the row by its rowid, give its value.
pub(super) const MASKED_FUNCTION: &str = "visard_masked";

/// The rows that the function knows; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Handed(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    columns: Vec<ColumnValues>,
    /// Ascending.
    rowids: Vec<i64>,
    /// The row that the statement has come to.
    row: usize,
    failure: Option<SqliteError>,
}

impl Handed {
    /// Makes the function known to a connection.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(super) fn register(&self, connection: &Connection) -> Result<(), SqliteError> {
        let state = Arc::clone(&self.0);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
        connection.create_scalar_function(MASKED_FUNCTION, 2, flags, move |context| {
            let (column, rowid) = (context.get::<i64>(0)?, context.get::<i64>(1)?);
            let mut state = state.lock();
            state.value(column, rowid).map_err(|failure| {
                let said = failure.to_string();
                state.failure = Some(failure);
                rusqlite::Error::UserFunctionError(said.into())
            })
        })?;
        Ok(())
    }

    /// Hands over the rows at `rowids`, which ascend.
    pub(super) fn give(&self, columns: Vec<ColumnValues>, rowids: Vec<i64>) {
        *self.0.lock() = State {
            columns,
            rowids,
            row: 0,
            failure: None,
        };
    }

    /// Takes them back; why the function failed, if it did.
    pub(super) fn take_back(&self) -> Option<SqliteError> {
        std::mem::take(&mut *self.0.lock()).failure
    }
}

impl State {
    fn value(&mut self, column: i64, rowid: i64) -> Result<Value, SqliteError> {
        // Rows come in order, and each of them once for each column.
        if self.rowids.get(self.row).is_some_and(|here| *here < rowid) {
            self.row += 1;
        }
        if self.rowids.get(self.row) != Some(&rowid) {
            // A row that nobody has masked, or that has gone.
            return Err(SqliteError::Altered);
        }
        let column = usize::try_from(column).ok();
        let column = column.and_then(|column| self.columns.get(column));
        Ok(match column.ok_or(SqliteError::GivenUp)?.at(self.row)? {
            ToSqlOutput::Borrowed(ValueRef::Text(text)) => {
                let text = std::str::from_utf8(text).map_err(|_| SqliteError::GivenUp)?;
                Value::Text(text.to_owned())
            }
            ToSqlOutput::Borrowed(ValueRef::Blob(blob)) => Value::Blob(blob.to_vec()),
            ToSqlOutput::Owned(value) => value,
            ToSqlOutput::Borrowed(value) => {
                Value::try_from(value).map_err(|_| SqliteError::GivenUp)?
            }
            _ => return Err(SqliteError::GivenUp),
        })
    }
}

/// The rowids of the rows at these addresses; nothing where they do not ascend, or are no rowids.
pub(super) fn rowids(at: &BinaryViewArray) -> Option<Vec<i64>> {
    let rowids = at.iter().map(|at| match address::one(at?) {
        Ok(ValueRef::Integer(rowid)) => Some(rowid),
        _ => None,
    });
    let rowids: Vec<i64> = rowids.collect::<Option<_>>()?;
    rowids
        .is_sorted_by(|one, next| one < next)
        .then_some(rowids)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn handed(connection: &Connection) -> Handed {
        let handed = Handed::default();
        handed.register(connection).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (-3), (1), (7)",
            )
            .unwrap();
        handed
    }

    fn values(connection: &Connection) -> rusqlite::Result<Vec<(i64, i64)>> {
        let query = "SELECT visard_masked(0, id), visard_masked(1, id) FROM t ORDER BY id";
        let mut query = connection.prepare(query)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    fn columns() -> Vec<ColumnValues> {
        let column = |values: [i64; 3]| ColumnValues::Integer(Int64Array::from(values.to_vec()));
        vec![column([10, 20, 30]), column([11, 21, 31])]
    }

    #[test]
    fn each_row_gets_its_own_values() {
        let connection = Connection::open_in_memory().unwrap();
        let handed = handed(&connection);
        handed.give(columns(), vec![-3, 1, 7]);
        assert_eq!(values(&connection).unwrap(), [(10, 11), (20, 21), (30, 31)]);
        assert!(handed.take_back().is_none());
    }

    #[test]
    fn a_row_that_was_not_masked_fails() {
        let connection = Connection::open_in_memory().unwrap();
        let handed = handed(&connection);
        for rowids in [vec![-3, 2, 7], vec![-3, 7, 8], vec![-4, 1, 7]] {
            handed.give(columns(), rowids);
            assert!(values(&connection).is_err());
            assert!(matches!(handed.take_back(), Some(SqliteError::Altered)));
        }
    }

    #[test]
    fn rowids_that_ascend() {
        let of = |rowids: &[i64]| {
            let at = rowids.iter().map(|rowid| {
                let mut bytes = Vec::new();
                address::push(&mut bytes, ValueRef::Integer(*rowid));
                Some(bytes)
            });
            super::rowids(&at.collect())
        };
        assert_eq!(of(&[i64::MIN, -1, 5]), Some(vec![i64::MIN, -1, 5]));
        assert_eq!(of(&[1, 1]), None);
        assert_eq!(of(&[2, 1]), None);
        let text = BinaryViewArray::from(vec![Some(&[3, 0, 0, 0, 0, 0, 0, 0, 0][..])]);
        assert_eq!(rowids(&text), None);
    }
}
