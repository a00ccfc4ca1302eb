//! What a run asks of a table, whichever database it is in and whichever way it is done.

use arrow::datatypes::DataType;

/// How a table is to be masked where it lies.
#[derive(Debug, Clone)]
pub struct Job {
    /// Names of the masked columns.
    pub masked: Vec<String>,
    /// Names of columns that are read besides.
    pub read: Vec<String>,
    /// Names of masked columns whose values change their rows: none of them may stand for a value that Arrow
    /// has no form for, as marks stay with their rows.
    pub shuffled: Vec<String>,
    /// Columns of other tables that are read beside each row.
    pub joined: Vec<JoinedColumn>,
    /// What tells rows apart; units are ranges of it. Without it the table is one unit.
    pub key: Option<Vec<String>>,
    /// The rows that are masked, as a `WHERE` without the word.
    pub filter: Option<String>,
    /// The most rows that are masked.
    pub max_rows: Option<u64>,
    /// Rows of a unit.
    pub unit_rows: u64,
    /// Slices that are at work at once.
    pub workers: usize,
    /// Whether rows have numbers: those of a unit come in the order of its key.
    pub numbered: bool,
    /// Whether triggers of users are kept from firing.
    pub without_triggers: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The beginning of the names of what the run makes beside the table.
    pub name: String,
}

impl Job {
    /// The table called `table` in SQL, and those of its rows that are masked and lie in `range`, as SQL
    /// puts it behind `FROM`.
    pub(crate) fn from(&self, table: &str, range: &str) -> String {
        match &self.filter {
            Some(filter) => format!("{table} WHERE {range} AND ({filter})"),
            None => format!("{table} WHERE {range}"),
        }
    }

    /// Whether its rows are counted before the first is masked, as nobody can tell afterwards.
    pub(crate) fn is_counted(&self) -> bool {
        self.max_rows.is_some() || self.numbered
    }

    /// Of `rows` that there are, how many are masked.
    pub(crate) fn masked_rows(&self, rows: u64) -> u64 {
        self.max_rows.map_or(rows, |most| rows.min(most))
    }

    /// Of `rows` that there are, how many stay as they are, because no more were asked for.
    pub(crate) fn clear_rows(&self, rows: u64) -> u64 {
        rows - self.masked_rows(rows)
    }

    /// Whether the column `name` is masked or read.
    pub(crate) fn touches(&self, name: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|other| other == name);
        named(&self.masked) || named(&self.read)
    }
}

/// A column of another table that is read beside each row of a table; null where that has no row there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedColumn {
    /// What rules call it: `table.column`.
    pub name: String,
    /// How to get to its table from the row: at least one join.
    pub path: Vec<Join>,
    /// Its own name.
    pub column: String,
}

impl JoinedColumn {
    /// The query, for a place among the columns read, that reads it beside a row of what SQL calls `table`.
    /// In a `dry_run` nothing is built, and the query of what would be stands in its place. `quoted` quotes a
    /// name.
    pub(crate) fn query(
        &self,
        table: &str,
        dry_run: bool,
        quoted: impl Fn(&str) -> String,
    ) -> String {
        let mut from = String::new();
        let mut here = String::new();
        for (number, join) in self.path.iter().enumerate() {
            let before = match number {
                0 => table.to_owned(),
                _ => format!("visard_{}", number - 1),
            };
            let on = join.on.iter().map(|(own, theirs)| {
                let (own, theirs) = (quoted(own), quoted(theirs));
                format!("visard_{number}.{own} = {before}.{theirs}")
            });
            let on = on.collect::<Vec<_>>().join(" AND ");
            let source = match &join.select {
                Some(select) if dry_run => format!("(\n{select}\n)"),
                _ => {
                    let schema = join.schema.as_deref().map(&quoted);
                    let schema = schema.map(|schema| format!("{schema}."));
                    format!("{}{}", schema.unwrap_or_default(), quoted(&join.table))
                }
            };
            let named = format!("{source} AS visard_{number}");
            match number {
                0 => (from, here) = (named, on),
                _ => from.push_str(&format!(" JOIN {named} ON {on}")),
            }
        }
        let last = self.path.len().saturating_sub(1);
        let column = quoted(&self.column);
        format!("(SELECT visard_{last}.{column} FROM {from} WHERE {here})")
    }
}

/// One more table on the way to a joined column. At most one of its rows goes with a row of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The table's schema.
    pub schema: Option<String>,
    /// The table's name.
    pub table: String,
    /// The query that builds it, where the run does.
    pub select: Option<String>,
    /// Its columns, each with the column of the table before that has the same value.
    pub on: Vec<(String, String)>,
}

/// What comes into a column of a table that is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// Its type as masks see it.
    pub data_type: DataType,
    /// Its type where it comes from, for people and for tables of the same product.
    pub type_name: String,
    /// Whether the type says little of the values: text of a file, columns of SQLite. Then they are looked at one
    /// by one.
    pub is_loose: bool,
}

/// A column of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedColumn {
    /// Its name, in both tables.
    pub name: String,
    /// Whether nothing reads it and both tables have it in the same type of the same product, so that its
    /// bytes can be carried.
    pub carried: bool,
}
