//! A table of a private copy is filled anew: the old one steps aside, a new one is made by the same statement
//! and takes the masked rows, then indexes and triggers are made as they were.
//!
//! Values that are not masked go from the old table to the new one inside of SQLite. No old value is ever beside
//! a new one, so those of a unique index do not meet half way, and indexes are sorted once.

use arrow::array::{Array, AsArray, BinaryViewArray, RecordBatch};
use rusqlite::{Connection, OptionalExtension, params};

use super::address;
use super::encode::ColumnValues;
use super::error::SqliteError;
use super::handed::{self, Handed, MASKED_FUNCTION};
use super::job::{TableJob, TypedColumn};
use super::leftovers;
use super::progress::exists;
use super::reader::AT;
use super::sql::quoted;
use super::unindexed;

/// The most threads that sort an index besides the one that makes it. Each of them holds as much as the
/// connection's cache.
const SORTERS: u32 = 2;

/// A table of a copy that is being filled, in a transaction of the connection that all of it is asked by.
pub(super) struct Refill {
    masked: Vec<TypedColumn>,
    /// The old table.
    old: String,
    /// Whether it is filled without the indexes of its constraints.
    is_plain: bool,
    /// Takes the rows from one rowid to another, whose masked values are handed over.
    range: Option<String>,
    handed: Handed,
    /// Takes a row's masked values, then its address.
    single: String,
    /// What the file says was the highest key that it gave out.
    sequence: Option<i64>,
    /// Rows that were written.
    pub(super) rows: u64,
}

impl Refill {
    /// Puts the table of `job` aside and makes an empty one. `handed` is known to the connection.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(super) fn begin(
        connection: &Connection,
        job: &TableJob,
        handed: &Handed,
    ) -> Result<Self, SqliteError> {
        let (table, old) = (quoted(&job.table.name), job.made("old"));
        // Views, triggers and foreign keys of others go on to speak of the name.
        connection.pragma_update(None, "legacy_alter_table", true)?;
        let sequence = match exists(connection, "sqlite_sequence")? {
            true => {
                let sequence = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
                let sequence = connection.query_row(sequence, [&job.table.name], |row| row.get(0));
                sequence.optional()?
            }
            false => None,
        };
        let plain = unindexed::plain(&job.table);
        connection.execute_batch(&format!(
            "ALTER TABLE {table} RENAME TO {}; {}",
            quoted(&old),
            plain.as_ref().unwrap_or(&job.table.sql)
        ))?;
        let masked = job.masked();
        let address = job.address()?;
        // A row that a constraint does not take fails the run, whatever its definition says.
        let filled = |masked_value: &dyn Fn(usize) -> String| {
            let values = job.table.stored().into_iter().map(|name| {
                match masked.iter().position(|column| column.name == name) {
                    Some(index) => masked_value(index),
                    None => format!("o.{}", quoted(name)),
                }
            });
            format!(
                "INSERT OR FAIL INTO {} ({}) SELECT {} FROM {} AS o",
                job.table.sql_name(),
                job.table.stored_list(),
                values.collect::<Vec<_>>().join(", "),
                quoted(&old)
            )
        };
        let single = format!(
            "{} WHERE {}",
            filled(&|index| format!("?{}", index + 1)),
            address.finds("o", masked.len() + 1)
        );
        let rowid = address.is_rowid.then(|| address.list("o"));
        let range = rowid.map(|rowid| {
            let filled = filled(&|index| format!("{MASKED_FUNCTION}({index}, {rowid})"));
            format!("{filled} NOT INDEXED WHERE {rowid} BETWEEN ?1 AND ?2 ORDER BY {rowid}")
        });
        let others = u32::try_from(job.workers.saturating_sub(1)).unwrap_or(SORTERS);
        connection.pragma_update(None, "threads", SORTERS.min(others))?;
        Ok(Self {
            is_plain: plain.is_some(),
            range,
            handed: handed.clone(),
            single,
            masked,
            old,
            sequence,
            rows: 0,
        })
    }

    /// Adds masked rows.
    ///
    /// # Errors
    /// When a constraint refuses one.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        batch: &RecordBatch,
    ) -> Result<(), SqliteError> {
        let columns: Vec<ColumnValues> = self
            .masked
            .iter()
            .map(|column| ColumnValues::of(batch, column))
            .collect::<Result<_, _>>()?;
        let at = batch
            .column_by_name(AT)
            .and_then(|at| at.as_binary_view_opt());
        let at = at.ok_or(SqliteError::GivenUp)?;
        let found = match (&self.range, handed::rowids(at)) {
            (Some(range), Some(rowids)) => self.add_range(connection, range, columns, rowids)?,
            _ => self.add_singly(connection, &columns, at)?,
        };
        let expected = batch.num_rows() as u64;
        if found != expected {
            return Err(SqliteError::Changed { expected, found });
        }
        self.rows += found;
        Ok(())
    }

    fn add_range(
        &self,
        connection: &Connection,
        range: &str,
        columns: Vec<ColumnValues>,
        rowids: Vec<i64>,
    ) -> Result<u64, SqliteError> {
        let (Some(&first), Some(&last)) = (rowids.first(), rowids.last()) else {
            return Ok(0);
        };
        self.handed.give(columns, rowids);
        let inserted = connection.execute(range, (first, last));
        match self.handed.take_back() {
            Some(failure) => Err(failure),
            None => Ok(inserted? as u64),
        }
    }

    fn add_singly(
        &self,
        connection: &Connection,
        columns: &[ColumnValues],
        at: &BinaryViewArray,
    ) -> Result<u64, SqliteError> {
        let mut insert = connection.prepare(&self.single)?;
        let mut found = 0;
        for row in 0..at.len() {
            for (index, column) in columns.iter().enumerate() {
                insert.raw_bind_parameter(index + 1, column.at(row)?)?;
            }
            for (place, value) in address::values(at.value(row))?.iter().enumerate() {
                insert.raw_bind_parameter(columns.len() + 1 + place, value)?;
            }
            found += insert.raw_execute()? as u64;
        }
        Ok(found)
    }

    /// Does away with the old table, and makes what hangs on the new one.
    ///
    /// # Errors
    /// When rows are missing, or an index does not take the masked values.
    pub(super) fn finish(
        &self,
        connection: &Connection,
        job: &TableJob,
    ) -> Result<(), SqliteError> {
        let old = quoted(&self.old);
        let count = format!("SELECT count(*) FROM {old}");
        let rows: i64 = connection.query_row(&count, [], |row| row.get(0))?;
        if rows.unsigned_abs() != self.rows {
            return Err(SqliteError::Changed {
                expected: rows.unsigned_abs(),
                found: self.rows,
            });
        }
        connection.execute_batch(&format!("DROP TABLE {old}"))?;
        if self.is_plain {
            unindexed::indexed(connection, &job.table, &job.made("plain"))?;
        }
        for statement in &job.table.made {
            connection.execute_batch(statement)?;
        }
        if let Some(sequence) = self.sequence {
            let name = &job.table.name;
            // A masked key may be higher than any that was given out.
            let highest = format!(
                "SELECT max(?1, coalesce(max({}), ?1)) FROM {}",
                job.address()?.list(&quoted(name)),
                job.table.sql_name()
            );
            let sequence: i64 = connection.query_row(&highest, [sequence], |row| row.get(0))?;
            let taken = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = ?2";
            if connection.execute(taken, params![sequence, name])? == 0 {
                let given = "INSERT INTO sqlite_sequence (seq, name) VALUES (?1, ?2)";
                connection.execute(given, params![sequence, name])?;
            }
        }
        leftovers::refresh(connection, &job.table)
    }
}

/// The ranges of rowids that are read at once, several for each worker: conditions on the table.
pub(super) fn ranges(
    connection: &Connection,
    job: &TableJob,
    most: usize,
) -> Result<Vec<String>, SqliteError> {
    let address = job.address()?;
    let [column] = &address.columns[..] else {
        return Ok(vec!["true".to_owned()]);
    };
    if !address.is_rowid {
        return Ok(vec!["true".to_owned()]);
    }
    let column = quoted(column);
    let table = job.table.sql_name();
    let ends = format!("SELECT min({column}), max({column}) FROM {table}");
    let ends: (Option<i64>, Option<i64>) =
        connection.query_row(&ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = ends else {
        return Ok(vec!["true".to_owned()]);
    };
    let slices = (job.table.rows / SLICE_ROWS).clamp(1, most.max(1) as u64);
    let step = last.abs_diff(first) / slices + 1;
    let bounds: Vec<i64> = (1..slices)
        .map(|slice| first.saturating_add_unsigned(slice.saturating_mul(step)))
        .collect();
    let mut ranges = Vec::new();
    for slice in 0..=bounds.len() {
        let from = slice
            .checked_sub(1)
            .map(|before| format!("{column} >= {}", bounds[before]));
        let to = bounds.get(slice).map(|bound| format!("{column} < {bound}"));
        let range: Vec<String> = from.into_iter().chain(to).collect();
        ranges.push(match range.is_empty() {
            true => "true".to_owned(),
            false => range.join(" AND "),
        });
    }
    Ok(ranges)
}

/// The fewest rows of a slice.
const SLICE_ROWS: u64 = 20_000;
