//! Which units of a table are done: a small table beside it, written in the transaction of each unit.
//!
//! It also holds where the units end: keys are values of the table, and stay in the database.

use std::ops::Range;

use super::catalogue::Table;
use super::error::PostgresError;
use super::session::{Session, quoted};

/// The units of a table: ranges of its key, in key order.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// The progress table as SQL names it.
    sql: String,
    /// The key's columns.
    key: Vec<String>,
}

/// A unit: a range of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its number, from one.
    number: i32,
    /// How many rows come before it.
    before: u64,
    /// How many rows there are up to its end; nothing where it has none.
    place: Option<u64>,
}

impl Unit {
    /// The numbers for its rows.
    pub(super) fn numbers(self) -> Range<u64> {
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

/// What units are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut<'a> {
    /// The rows that are masked, as a `WHERE` without the word.
    pub(super) filter: Option<&'a str>,
    /// Rows of a unit.
    pub(super) rows: u64,
    /// Rows of all units together.
    pub(super) max_rows: Option<u64>,
    /// Whether it is noted how many rows there are.
    pub(super) counted: bool,
}

impl Progress {
    /// That of `table`, called `name` in its schema, with units by `key`.
    pub(super) fn new(table: &Table, name: &str, key: Vec<String>) -> Self {
        Self {
            sql: format!("{}.{}", quoted(&table.schema), quoted(name)),
            key,
        }
    }

    /// Makes the table unless an earlier attempt did; what is in it.
    pub(super) async fn open(
        &self,
        session: &Session,
        table: &Table,
        cut: Cut<'_>,
    ) -> Result<Units, PostgresError> {
        let there = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        let there = session.client().query_one(there, &[&self.sql]).await?;
        if !there.get::<_, bool>(0) {
            session
                .make_private(&self.made(table, cut), &self.sql)
                .await?;
        }
        let units = format!("SELECT unit, done, place FROM {} ORDER BY unit", self.sql);
        let (mut units_found, mut before) = (Units::default(), 0);
        for row in session.client().query(&units, &[]).await? {
            let place = row.get::<_, Option<i64>>(2).map(i64::unsigned_abs);
            let unit = Unit {
                number: row.get(0),
                before,
                place,
            };
            match (unit.number, row.get(1)) {
                (0, _) => {
                    units_found.rows = place.unwrap_or(0);
                    continue;
                }
                (_, true) => units_found.done += 1,
                (_, false) => units_found.left.push(unit),
            }
            before = place.unwrap_or(before);
        }
        Ok(units_found)
    }

    /// A unit ends at each `rows`-th key; the last one has no end, unless `max_rows` says where. Number 0 is
    /// no unit: it says how many rows there were, which nobody can tell once the first is masked.
    fn made(&self, table: &Table, cut: Cut<'_>) -> String {
        let key = list(&self.key);
        let bounds: Vec<String> = (0..self.key.len())
            .map(|index| format!("k{index}"))
            .collect();
        let bounds = bounds.join(", ");
        let named = self.key.iter().enumerate();
        let named: Vec<String> = named
            .map(|(index, name)| format!("{} AS k{index}", quoted(name)))
            .collect();
        let filter = cut
            .filter
            .map(|filter| format!(" WHERE ({filter})"))
            .unwrap_or_default();
        let (progress, rows) = (&self.sql, cut.rows);
        let table = table.sql();
        let (within, open) = match cut.max_rows {
            None => (String::new(), "true".to_owned()),
            Some(most) => (
                format!(" AND place <= {most} OR place = {most}"),
                format!("NOT EXISTS (SELECT FROM {progress} WHERE place = {most})"),
            ),
        };
        let counted = match cut.counted {
            false => String::new(),
            true => format!(
                "INSERT INTO {progress} (unit, done, place) \
                 SELECT 0, true, count(*) FROM {table}{filter}; "
            ),
        };
        format!(
            "CREATE TABLE {progress} AS \
               SELECT pg_catalog.row_number() OVER (ORDER BY place)::int4 AS unit, false AS done, \
                      place, {bounds} \
                 FROM (SELECT {named}, pg_catalog.row_number() OVER (ORDER BY {key}) AS place \
                         FROM {table}{filter}) ordered \
                WHERE place % {rows} = 0{within}; \
             INSERT INTO {progress} (unit, done) \
               SELECT (SELECT count(*) FROM {progress}) + 1, false WHERE {open}; \
             {counted}\
             ALTER TABLE {progress} ADD PRIMARY KEY (unit); \
             ANALYZE {progress}",
            named = named.join(", "),
        )
    }

    /// The rows of `unit`, as a condition on the table that an index on the key answers.
    pub(super) fn range(&self, unit: Unit) -> String {
        let key = list(&self.key);
        let bound = |number: i32| {
            let bound = (0..self.key.len())
                .map(|index| format!("(SELECT k{index} FROM {} WHERE unit = {number})", self.sql));
            bound.collect::<Vec<_>>().join(", ")
        };
        let from = (unit.number > 1).then(|| format!("({key}) > ({})", bound(unit.number - 1)));
        let to = unit.place.is_some();
        let to = to.then(|| format!("({key}) <= ({})", bound(unit.number)));
        let range: Vec<String> = from.into_iter().chain(to).collect();
        match range.is_empty() {
            true => "true".to_owned(),
            false => range.join(" AND "),
        }
    }

    /// The order of the rows of a unit, behind its condition.
    pub(super) fn order(&self) -> String {
        format!(" ORDER BY {}", list(&self.key))
    }

    /// The statement that marks `unit` as done, for the transaction of the unit.
    pub(super) fn done(&self, unit: Unit) -> String {
        let number = unit.number;
        format!(
            "UPDATE {} SET done = true WHERE unit = {number} AND NOT done",
            self.sql
        )
    }

    /// The progress table as SQL names it.
    pub(super) fn name(&self) -> String {
        self.sql.clone()
    }
}

/// Names as SQL lists them.
pub(super) fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| quoted(name))
        .collect::<Vec<_>>()
        .join(", ")
}
