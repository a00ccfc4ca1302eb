//! Ranges of a table's key, and which of them are done: a small table beside it, written in the transaction
//! of each unit.
//!
//! It also holds where the ranges end: keys are values of the table, and stay in the database.

use std::ops;

use super::error::MysqlError;
use super::job::KeyColumn;
use super::session::{Session, quoted};

/// The units of a table: ranges of its key, in key order.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// The progress table as SQL names it.
    sql: String,
    /// The table whose rows they are, as SQL names it.
    table: String,
    /// The key.
    key: Vec<KeyColumn>,
}

/// A unit: a range of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its number, from one.
    number: u32,
    /// How many rows come before it.
    before: u64,
    /// How many rows there are up to its end; nothing where it has none.
    place: Option<u64>,
}

impl Unit {
    /// The numbers for its rows.
    pub(super) fn numbers(self) -> ops::Range<u64> {
        self.before..self.place.unwrap_or(u64::MAX)
    }

    /// Whether every other unit is like it.
    pub(super) fn is_odd(self) -> bool {
        !self.number.is_multiple_of(2)
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

/// Rows of a table: what a session has to be told first, and a condition.
#[derive(Debug, Clone, Default)]
pub(super) struct Range {
    /// Puts the ends into the session's variables, where they are constants to the server.
    pub(super) setup: Vec<String>,
    /// From one key to another.
    from: bool,
    to: bool,
    key: Vec<String>,
}

impl Range {
    /// The condition, with `prefix` before each column: `t.`.
    pub(super) fn condition(&self, prefix: &str) -> String {
        let names: Vec<String> = self
            .key
            .iter()
            .map(|name| format!("{prefix}{}", quoted(name)))
            .collect();
        let from = self.from.then(|| beyond(&names, ">", "", "f"));
        let to = self.to.then(|| beyond(&names, "<", "=", "t"));
        let range: Vec<String> = from.into_iter().chain(to).collect();
        match range.is_empty() {
            true => "TRUE".to_owned(),
            false => range.join(" AND "),
        }
    }
}

/// `a > @a OR a = @a AND (b > @b …)`: lists in brackets are not looked up in indexes.
fn beyond(names: &[String], than: &str, last: &str, end: &str) -> String {
    let mut condition = String::new();
    for (index, name) in names.iter().enumerate().rev() {
        let bound = format!("@visard_{end}{index}");
        condition = match condition.is_empty() {
            true => format!("{name} {than}{last} {bound}"),
            false => format!("({name} {than} {bound} OR ({name} = {bound} AND {condition}))"),
        };
    }
    condition
}

impl Progress {
    /// That of `table`, in the table `sql`, with units by `key`.
    pub(super) fn new(table: String, sql: String, key: Vec<KeyColumn>) -> Self {
        Self { sql, table, key }
    }

    /// Makes the table unless an earlier attempt did; what is in it.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn open(
        &self,
        session: &mut Session,
        cut: Cut<'_>,
    ) -> Result<Units, MysqlError> {
        let columns: Vec<String> = self
            .key
            .iter()
            .enumerate()
            .map(|(index, column)| format!("k{index} {} NULL", column.made))
            .collect();
        session
            .run(&format!(
                "CREATE TABLE IF NOT EXISTS {} (unit INT UNSIGNED PRIMARY KEY, done BOOL NOT NULL, \
                 place BIGINT UNSIGNED NULL, {}) ENGINE = InnoDB",
                self.sql,
                columns.join(", ")
            ))
            .await?;
        if session.count(&self.sql).await? == 0 {
            session.run("START TRANSACTION").await?;
            self.cut(session, cut).await?;
            session.run("COMMIT").await?;
        }
        let units = format!("SELECT unit, done, place FROM {} ORDER BY unit", self.sql);
        let (mut found, mut before) = (Units::default(), 0);
        let rows: Vec<(u32, bool, Option<u64>)> = session.rows(&units).await?;
        for (number, done, place) in rows {
            let unit = Unit {
                number,
                before,
                place,
            };
            match (number, done) {
                (0, _) => {
                    found.rows = place.unwrap_or(0);
                    continue;
                }
                (_, true) => found.done += 1,
                (_, false) => found.left.push(unit),
            }
            before = place.unwrap_or(before);
        }
        Ok(found)
    }

    /// A unit ends at each `rows`-th key; the last one has no end, unless `max_rows` says where. Number 0 is
    /// no unit: it says how many rows there were, which nobody can tell once the first is masked.
    async fn cut(&self, session: &mut Session, cut: Cut<'_>) -> Result<(), MysqlError> {
        let filter = cut.filter.map(|filter| format!(" AND ({filter})"));
        let filter = filter.unwrap_or_default();
        let names: Vec<String> = self.key.iter().map(|column| quoted(&column.name)).collect();
        let names = names.join(", ");
        if cut.counted {
            session
                .run(&format!(
                    "INSERT INTO {} (unit, done, place) \
                     SELECT 0, TRUE, COUNT(*) FROM {} WHERE TRUE{filter}",
                    self.sql, self.table
                ))
                .await?;
        }
        let bounds: Vec<String> = (0..self.key.len())
            .map(|index| format!("k{index}"))
            .collect();
        let bounds = bounds.join(", ");
        let mut place = 0;
        for number in 1.. {
            let left = cut.max_rows.map_or(u64::MAX, |most| most - place);
            let step = cut.rows.min(left);
            if step == 0 {
                break;
            }
            let open = Unit {
                number,
                before: place,
                place: None,
            };
            let range = self.range(open);
            for statement in &range.setup {
                session.run(statement).await?;
            }
            place += step;
            let ended = format!(
                "INSERT INTO {} (unit, done, place, {bounds}) SELECT {number}, FALSE, {place}, {names} \
                 FROM {} WHERE {}{filter} ORDER BY {names} LIMIT 1 OFFSET {}",
                self.sql,
                self.table,
                range.condition(""),
                step - 1
            );
            if session.touch(&ended).await? == 0 {
                let last = format!(
                    "INSERT INTO {} (unit, done) VALUES ({number}, FALSE)",
                    self.sql
                );
                session.run(&last).await?;
                break;
            }
        }
        Ok(())
    }

    /// The rows of `unit`.
    pub(super) fn range(&self, unit: Unit) -> Range {
        let (from, to) = (unit.number > 1, unit.place.is_some());
        let bounds = |number: u32, end: &str| {
            let columns: Vec<String> = (0..self.key.len()).map(|n| format!("k{n}")).collect();
            let variables: Vec<String> = (0..self.key.len())
                .map(|n| format!("@visard_{end}{n}"))
                .collect();
            format!(
                "SELECT {} INTO {} FROM {} WHERE unit = {number}",
                columns.join(", "),
                variables.join(", "),
                self.sql
            )
        };
        let first = from.then(|| bounds(unit.number - 1, "f"));
        let last = to.then(|| bounds(unit.number, "t"));
        Range {
            setup: first.into_iter().chain(last).collect(),
            from,
            to,
            key: self.key.iter().map(|column| column.name.clone()).collect(),
        }
    }

    /// The order of the rows of a unit, behind its condition.
    pub(super) fn order(&self) -> String {
        let names: Vec<String> = self.key.iter().map(|column| quoted(&column.name)).collect();
        format!(" ORDER BY {}", names.join(", "))
    }

    /// The statement that marks `unit` as done, for the transaction of the unit.
    pub(super) fn done(&self, unit: Unit) -> String {
        let number = unit.number;
        format!(
            "UPDATE {} SET done = TRUE WHERE unit = {number} AND NOT done",
            self.sql
        )
    }

    /// The progress table as SQL names it.
    pub(super) fn name(&self) -> String {
        self.sql.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_conditions_that_indexes_answer() {
        let key = ["a", "b"].map(|name| KeyColumn {
            name: name.to_owned(),
            ..KeyColumn::row_number()
        });
        let progress = Progress::new("t".to_owned(), "p".to_owned(), key.to_vec());
        let unit = |number, place| Unit {
            number,
            before: 0,
            place,
        };
        let condition = |number, place| progress.range(unit(number, place)).condition("t.");
        assert_eq!(condition(1, None), "TRUE");
        assert_eq!(
            condition(2, None),
            "(t.`a` > @visard_f0 OR (t.`a` = @visard_f0 AND t.`b` > @visard_f1))"
        );
        assert_eq!(
            condition(1, Some(9)),
            "(t.`a` < @visard_t0 OR (t.`a` = @visard_t0 AND t.`b` <= @visard_t1))"
        );
        let range = progress.range(unit(2, Some(9)));
        assert_eq!(
            range.setup,
            [
                "SELECT k0, k1 INTO @visard_f0, @visard_f1 FROM p WHERE unit = 1",
                "SELECT k0, k1 INTO @visard_t0, @visard_t1 FROM p WHERE unit = 2"
            ]
        );
    }
}
