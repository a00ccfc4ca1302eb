//! Which units of a table are done: a small table beside it, written in the transaction of each unit.
//!
//! It also holds where the units end: keys are values of the table, and stay in the file.

use std::ops::Range;

use rusqlite::types::{Null, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};

use super::catalogue::Table;
use super::error::SqliteError;
use super::sql::{list, quoted};
use crate::database::Job;

/// The units of a table: ranges of its key, in key order.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// The progress table.
    name: String,
    /// The key's columns.
    key: Vec<String>,
}

/// A unit: a range of the key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// Its number, from one.
    number: i64,
    /// The key behind which it begins; the first has none.
    from: Option<Vec<Value>>,
    /// The last key in it; the last has none.
    to: Option<Vec<Value>>,
    /// How many rows come before it.
    before: u64,
    /// How many rows there were up to its end.
    place: u64,
}

impl Unit {
    /// The numbers for its rows.
    pub(super) fn numbers(&self) -> Range<u64> {
        match self.to {
            Some(_) => self.before..self.place,
            None => self.before..u64::MAX,
        }
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
    /// That of a table with units by `key`, called `name`.
    pub(super) fn new(name: String, key: Vec<String>) -> Self {
        Self { name, key }
    }

    /// Makes the table unless an earlier attempt did; what is in it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn open(
        &self,
        connection: &mut Connection,
        table: &Table,
        job: &Job,
    ) -> Result<Units, SqliteError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !exists(&transaction, &self.name)? {
            self.make(&transaction, table, job)?;
        }
        transaction.commit()?;
        self.read(connection)
    }

    /// A unit ends at each `unit_rows`-th key; the last one has no end, unless `max_rows` says where. Number
    /// 0 is no unit: it says how many rows there were, which nobody can tell once the first is masked.
    fn make(&self, connection: &Connection, table: &Table, job: &Job) -> Result<(), SqliteError> {
        let progress = quoted(&self.name);
        let bounds: Vec<String> = (0..self.key.len())
            .map(|index| format!("k{index}"))
            .collect();
        connection.execute_batch(&format!(
            "CREATE TABLE {progress} (unit INTEGER PRIMARY KEY, done INTEGER NOT NULL, open INTEGER NOT NULL, \
             place INTEGER, {})",
            bounds.join(", ")
        ))?;
        let parameters = (1..=self.key.len()).map(|n| format!(", ?{}", n + 4));
        let mut insert = connection.prepare(&format!(
            "INSERT INTO {progress} VALUES (?1, ?2, ?3, ?4{})",
            parameters.collect::<String>()
        ))?;
        let mut add =
            |unit: i64, done: bool, open: bool, place: u64, key: Option<&rusqlite::Row<'_>>| {
                insert.raw_bind_parameter(1, unit)?;
                insert.raw_bind_parameter(2, done)?;
                insert.raw_bind_parameter(3, open)?;
                insert.raw_bind_parameter(4, place.cast_signed())?;
                for column in 0..self.key.len() {
                    match key.map(|key| key.get_ref(column)).transpose()? {
                        Some(value) => {
                            insert.raw_bind_parameter(column + 5, ToSqlOutput::Borrowed(value))?
                        }
                        None => insert.raw_bind_parameter(column + 5, Null)?,
                    }
                }
                insert.raw_execute()
            };
        let key = list(self.key.iter().map(String::as_str));
        let from = job.from(&table.sql_name(), "true");
        let mut keys = connection.prepare(&format!("SELECT {key} FROM {from} ORDER BY {key}"))?;
        let mut keys = keys.query([])?;
        let (mut place, mut unit, mut open) = (0_u64, 1, true);
        while let Some(key) = keys.next()? {
            place += 1;
            for column in 0..self.key.len() {
                // A range would leave it out.
                if key.get_ref(column)? == ValueRef::Null {
                    return Err(SqliteError::Altered);
                }
            }
            let is_last = job.max_rows == Some(place);
            if place.is_multiple_of(job.unit_rows) || is_last {
                add(unit, false, false, place, Some(key))?;
                unit += 1;
            }
            if is_last {
                open = false;
                // The others are only counted.
                while keys.next()?.is_some() {
                    place += 1;
                }
                break;
            }
        }
        if open {
            add(unit, false, true, place, None)?;
        }
        if job.is_counted() {
            add(0, true, false, place, None)?;
        }
        Ok(())
    }

    fn read(&self, connection: &Connection) -> Result<Units, SqliteError> {
        let units = format!("SELECT * FROM {} ORDER BY unit", quoted(&self.name));
        let mut units = connection.prepare(&units)?;
        let mut units = units.query([])?;
        let (mut found, mut from, mut before) = (Units::default(), None, 0);
        while let Some(row) = units.next()? {
            let (number, done, open): (i64, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let place = row.get::<_, i64>(3)?.cast_unsigned();
            if number == 0 {
                found.rows = place;
                continue;
            }
            let mut to = None;
            if !open {
                let values = (0..self.key.len()).map(|column| row.get(column + 4));
                to = Some(values.collect::<Result<Vec<Value>, _>>()?);
            }
            let unit = Unit {
                number,
                from: std::mem::replace(&mut from, to.clone()),
                to,
                before: std::mem::replace(&mut before, place),
                place,
            };
            match done {
                true => found.done += 1,
                false => found.left.push(unit),
            }
        }
        Ok(found)
    }

    /// The rows of `unit`, as a condition on the table that an index on the key answers, and its parameters.
    pub(super) fn range(&self, unit: &Unit) -> (String, Vec<Value>) {
        let key = list(self.key.iter().map(String::as_str));
        let key = match self.key.len() {
            1 => key,
            _ => format!("({key})"),
        };
        let mut parameters = Vec::new();
        let mut conditions = Vec::new();
        for (operator, bound) in [(">", &unit.from), ("<=", &unit.to)] {
            let Some(bound) = bound else { continue };
            let places = bound.iter().map(|value| {
                parameters.push(value.clone());
                format!("?{}", parameters.len())
            });
            let places = places.collect::<Vec<_>>().join(", ");
            conditions.push(match bound.len() {
                1 => format!("{key} {operator} {places}"),
                _ => format!("{key} {operator} ({places})"),
            });
        }
        match conditions.is_empty() {
            true => ("true".to_owned(), parameters),
            false => (conditions.join(" AND "), parameters),
        }
    }

    /// The order of the rows of a unit, behind its condition.
    pub(super) fn order(&self) -> String {
        format!(" ORDER BY {}", list(self.key.iter().map(String::as_str)))
    }

    /// Marks `unit` as done, in the transaction of the unit; whether it was not yet.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn mark(&self, connection: &Connection, unit: &Unit) -> Result<bool, SqliteError> {
        let mark = format!(
            "UPDATE {} SET done = 1 WHERE unit = ?1 AND NOT done",
            quoted(&self.name)
        );
        Ok(connection.execute(&mark, params_from_iter([unit.number]))? > 0)
    }

    /// The progress table.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// Whether there is a table of that name.
pub(super) fn exists(connection: &Connection, name: &str) -> Result<bool, SqliteError> {
    let found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    Ok(connection
        .query_row(found, [name], |_| Ok(()))
        .optional()?
        .is_some())
}
