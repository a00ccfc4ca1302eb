//! Which units of a table are done: a small table beside it, written in the transaction of each unit.
//!
//! It also holds where the units end: keys are values of the table, and stay in the database.

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
    /// Whether it has no end.
    open: bool,
}

/// What the progress table holds.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// The units that are left, in order.
    pub(super) left: Vec<Unit>,
    /// How many are done.
    pub(super) done: usize,
    /// Rows there were, where only some are masked.
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
        let units = format!(
            "SELECT unit, place IS NULL, done, place FROM {} ORDER BY unit",
            self.sql
        );
        let mut units_found = Units::default();
        for row in session.client().query(&units, &[]).await? {
            let unit = Unit {
                number: row.get(0),
                open: row.get(1),
            };
            match (unit.number, row.get(2)) {
                (0, _) => units_found.rows = row.get::<_, Option<i64>>(3).unwrap_or(0) as u64,
                (_, true) => units_found.done += 1,
                (_, false) => units_found.left.push(unit),
            }
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
        let (within, open, counted) = match cut.max_rows {
            None => (String::new(), "true".to_owned(), String::new()),
            Some(most) => (
                format!(" AND place <= {most} OR place = {most}"),
                format!("NOT EXISTS (SELECT FROM {progress} WHERE place = {most})"),
                format!(
                    "INSERT INTO {progress} (unit, done, place) \
                     SELECT 0, true, count(*) FROM {table}{filter}; "
                ),
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
        let to = (!unit.open).then(|| format!("({key}) <= ({})", bound(unit.number)));
        let range: Vec<String> = from.into_iter().chain(to).collect();
        match range.is_empty() {
            true => "true".to_owned(),
            false => range.join(" AND "),
        }
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
