//! Ranges of a table's key, and which of them are done: a small table beside it, written in the transaction of each.
//!
//! It also holds where the ranges end: keys are values of the table, and stay in the database, as digits that no
//! character set changes.

use std::ops;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::catalogue::{self, Place, Table};
use super::error::OdbcError;
use super::lane::{Cell, Lane};
use super::moment::{hex, unhex};
use super::parameter::Parameter;
use super::reading::Reading;
use super::session::Session;

/// The most digits of where a range ends: what a row takes everywhere.
const BOUND: usize = 2000;

/// A key, column by column as text.
pub(super) type Key = Vec<String>;

/// The units of a table.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// The progress table, and its name in SQL.
    name: String,
    sql: String,
    key: Arc<Vec<Lane>>,
}

/// A unit: a range of the key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Unit {
    /// Its number, from one.
    number: i64,
    /// The key behind which it begins; the first has none.
    pub(super) from: Option<Key>,
    /// The last key in it; the last unit has none, unless only some rows are masked.
    pub(super) to: Option<Key>,
    /// How many rows come before it.
    before: u64,
    /// How many rows there are up to its end.
    place: Option<u64>,
}

impl Unit {
    /// The range behind one key, up to another.
    pub(super) fn between(from: Option<Key>, to: Option<Key>) -> Self {
        Self {
            from,
            to,
            ..Self::default()
        }
    }

    /// The numbers for its rows.
    pub(super) fn numbers(&self) -> ops::Range<u64> {
        self.before..self.place.unwrap_or(u64::MAX)
    }
}

/// What the progress table holds.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// The units that are left, in order.
    pub(super) left: Vec<Unit>,
    /// How many are done.
    pub(super) done: usize,
    /// Rows there were, where they were counted.
    pub(super) rows: u64,
}

impl Progress {
    /// That of `table`, called `name`, with units by `key`.
    pub(super) fn new(table: &Table, name: String, key: Arc<Vec<Lane>>) -> Self {
        Self {
            sql: table.beside(&name),
            name,
            key,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the table unless an earlier attempt did; what is in it.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn open(
        &self,
        session: &Session,
        place: &Place,
        reading: &Reading,
    ) -> Result<Units, OdbcError> {
        if !exists(session, place, &reading.table, &self.name)? {
            session.run(&format!(
                "CREATE TABLE {} (unit INTEGER NOT NULL PRIMARY KEY, done INTEGER NOT NULL, bound VARCHAR({BOUND}))",
                self.sql
            ))?;
        }
        // Filled in one transaction: an attempt that was killed half way left nothing.
        session.in_transaction(|session| {
            if session.count(&format!("SELECT COUNT(*) FROM {}", self.sql))? == 0 {
                self.fill(session, reading)?;
            }
            self.read(session)
        })
    }

    /// A unit ends at each `unit_rows`-th key; the last one has no end, unless `max_rows` says where. Number 0 is no
    /// unit: it says how many rows there were, which nobody can tell once the first is masked.
    fn fill(&self, session: &Session, reading: &Reading) -> Result<(), OdbcError> {
        let Reading { table, job, .. } = reading;
        let add = |unit: i64, bound: &str| {
            let done = i32::from(unit == 0);
            let bound = if bound.is_empty() {
                "NULL".to_owned()
            } else {
                format!("'{bound}'")
            };
            session.run(&format!(
                "INSERT INTO {} (unit, done, bound) VALUES ({unit}, {done}, {bound})",
                self.sql
            ))
        };
        let (mut last, mut place, mut unit) = (None, 0, 1);
        loop {
            let rows = match job.max_rows {
                Some(most) => job.unit_rows.min(most - place),
                None => job.unit_rows,
            };
            if rows == 0 {
                break;
            }
            let next = reading.key_at(session, last.as_ref(), rows)?;
            let bound = next.as_ref().map(|key| written(place + rows, key));
            let bound = bound.unwrap_or_default();
            if bound.len() > BOUND {
                return Err(OdbcError::Broken(
                    "a key of the table is too long to be a bound".to_owned(),
                ));
            }
            add(unit, &bound)?;
            if next.is_none() {
                break;
            }
            (last, place, unit) = (next, place + rows, unit + 1);
        }
        let rows = match job.is_counted() {
            true => session.count(&format!(
                "SELECT COUNT(*) FROM {}",
                job.from(&table.sql(), "1 = 1")
            ))?,
            false => 0,
        };
        add(0, &rows.to_string()).map(drop)
    }

    fn read(&self, session: &Session) -> Result<Units, OdbcError> {
        let rows = session.rows(&format!(
            "SELECT unit, done, bound FROM {} ORDER BY unit",
            self.sql
        ))?;
        let (mut units, mut from, mut before) = (Units::default(), None, 0);
        for row in rows {
            let [Some(unit), Some(done), bound] = row.as_slice() else {
                return Err(OdbcError::Altered);
            };
            let number: i64 = unit.trim().parse().map_err(|_| OdbcError::Altered)?;
            let bound = bound.as_deref().map(str::trim);
            if number == 0 {
                units.rows = bound
                    .and_then(|rows| rows.parse().ok())
                    .ok_or(OdbcError::Altered)?;
                continue;
            }
            let end = bound
                .map(|bound| read_end(bound, self.key.len()).ok_or(OdbcError::Altered))
                .transpose()?;
            let (place, to) = end.unzip();
            let unit = Unit {
                number,
                from: std::mem::replace(&mut from, to.clone()),
                to,
                before,
                place,
            };
            before = place.unwrap_or(before);
            match done.trim() == "1" {
                true => units.done += 1,
                false => units.left.push(unit),
            }
        }
        Ok(units)
    }

    /// Marks `unit` as done, in its transaction; whether it was not yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn mark(&self, session: &Session, unit: &Unit) -> Result<bool, OdbcError> {
        let mark = format!(
            "UPDATE {} SET done = 1 WHERE unit = {} AND done = 0",
            self.sql, unit.number
        );
        Ok(session.run(&mark)? == Some(1))
    }
}

/// Whether there is a table of that name beside `table`.
///
/// # Errors
/// When the catalogue cannot be read.
pub(super) fn exists(
    session: &Session,
    place: &Place,
    table: &Table,
    name: &str,
) -> Result<bool, OdbcError> {
    let schema = table.schema.as_deref().unwrap_or_default();
    Ok(!catalogue::tables(session, place, schema, Some(name))?.is_empty())
}

/// Columns as queries read them. What they are called there is not what they are ordered by.
pub(super) fn selected(lanes: &[Lane], first: usize) -> String {
    let lanes = lanes.iter().enumerate();
    let lanes: Vec<String> = lanes
        .map(|(index, lane)| format!("{} AS visard_{}", lane.selected(), first + index))
        .collect();
    lanes.join(", ")
}

/// Names of the columns of a key, for SQL.
pub(super) fn list(key: &[Lane]) -> String {
    let names: Vec<String> = key
        .iter()
        .map(|lane| lane.dialect.quoted(&lane.name))
        .collect();
    names.join(", ")
}

/// The last key of a batch whose first columns are the key.
pub(super) fn last_key(key: &[Lane], batch: &RecordBatch) -> Option<Key> {
    let row = batch.num_rows().checked_sub(1)?;
    let values = key.iter().zip(batch.columns());
    Some(values.map(|(lane, array)| lane.text(array, row)).collect())
}

/// Where a unit ends: how many rows there are up to there, and the key as digits.
fn written(place: u64, key: &Key) -> String {
    let parts: Vec<String> = key.iter().map(|part| hex(part.as_bytes())).collect();
    format!("{place}k{}", parts.join("-"))
}

/// The inverse of [`written`].
fn read_end(text: &str, columns: usize) -> Option<(u64, Key)> {
    let (place, parts) = text.split_once('k')?;
    let part = |part: &str| String::from_utf8(unhex(part)?).ok();
    let key: Key = parts.split('-').map(part).collect::<Option<_>>()?;
    (key.len() == columns).then_some((place.parse().ok()?, key))
}

/// The rows behind one key, up to another.
pub(super) struct Range<'r> {
    pub(super) condition: String,
    values: Vec<(&'r Lane, String)>,
}

impl<'r> Range<'r> {
    /// Only some databases compare rows of values: the columns of a key are compared one by one.
    pub(super) fn new(key: &'r [Lane], from: Option<&Key>, to: Option<&Key>) -> Self {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        for (bound, step, last) in [(from, ">", ">"), (to, "<", "<=")] {
            let Some(bound) = bound else { continue };
            let mut cases = Vec::new();
            for index in 0..key.len() {
                let mut parts = Vec::new();
                for (lane, value) in key.iter().zip(bound).take(index) {
                    parts.push(format!("{} = ?", lane.dialect.quoted(&lane.name)));
                    values.push((lane, value.clone()));
                }
                let compared = if index + 1 == key.len() { last } else { step };
                let lane = &key[index];
                parts.push(format!("{} {compared} ?", lane.dialect.quoted(&lane.name)));
                values.push((lane, bound[index].clone()));
                cases.push(format!("({})", parts.join(" AND ")));
            }
            conditions.push(match cases.len() {
                1 => cases.remove(0),
                _ => format!("({})", cases.join(" OR ")),
            });
        }
        if conditions.is_empty() {
            conditions.push("1 = 1".to_owned());
        }
        Self {
            condition: conditions.join(" AND "),
            values,
        }
    }

    /// The parameters of the condition.
    ///
    /// # Errors
    /// When a bound is no value of its column.
    pub(super) fn parameters(&self) -> Result<Vec<Parameter>, OdbcError> {
        let bound = |(lane, text): &(&Lane, String)| {
            let mut builder = lane.builder();
            builder.push_text(text)?;
            let cell: Cell = lane.cell(&builder.finish(), 0);
            lane.bound(cell)
        };
        self.values.iter().map(bound).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Dialect;
    use super::super::lane::Told;
    use super::*;

    fn lane(name: &str) -> Lane {
        let told = Told {
            name: name.to_owned(),
            sql_type: 4,
            type_name: "INTEGER".to_owned(),
            size: Some(10),
            digits: Some(0),
        };
        Lane::of(&told, Dialect::Oracle).unwrap()
    }

    #[test]
    fn ends_there_and_back() {
        for key in [vec!["1".to_owned()], vec![String::new(), "ä-'".to_owned()]] {
            let text = written(50, &key);
            assert!(
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
                "{text}"
            );
            assert_eq!(read_end(&text, key.len()), Some((50, key)));
        }
        for (text, columns) in [("5k31", 2), ("31", 1), ("k31", 1)] {
            assert_eq!(read_end(text, columns), None, "{text}");
        }
    }

    #[test]
    fn ranges_compare_column_by_column() {
        let key = [lane("a"), lane("b")];
        let (from, to) = (
            vec!["1".to_owned(), "2".to_owned()],
            vec!["3".to_owned(), "4".to_owned()],
        );
        let range = Range::new(&key, Some(&from), Some(&to));
        assert_eq!(
            range.condition,
            "((\"a\" > ?) OR (\"a\" = ? AND \"b\" > ?)) AND ((\"a\" < ?) OR (\"a\" = ? AND \"b\" <= ?))"
        );
        let values: Vec<&str> = range
            .values
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(values, ["1", "1", "2", "3", "3", "4"]);
        let range = Range::new(&key[..1], None, Some(&to));
        assert_eq!(range.condition, "(\"a\" <= ?)");
        assert_eq!(Range::new(&key, None, None).condition, "1 = 1");
    }
}
