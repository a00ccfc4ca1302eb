//! What a run asks of a table, whichever way it is done.

use super::catalogue::Table;
use super::reader::ReadColumn;
use super::stage::StageColumn;
use super::types::{WireColumn, WireType};

/// A table to be masked where it lies.
#[derive(Debug, Clone)]
pub struct Job {
    /// The table.
    pub table: Table,
    /// Names of the masked columns.
    pub masked: Vec<String>,
    /// Names of columns that are read besides.
    pub read: Vec<String>,
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
    /// Whether triggers of users are kept from firing.
    pub without_triggers: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The beginning of the names of what the run makes in the table's schema.
    pub name: String,
}

impl Job {
    /// How a column is read: in its typed form, or as text where it has none.
    pub fn read_as(&self, name: &str) -> Option<ReadColumn> {
        let column = self.table.column(name)?;
        Some(ReadColumn {
            name: name.to_owned(),
            wire: column.wire.unwrap_or(WireType::Text),
            by_text: column.wire.is_none(),
            type_name: column.type_name.clone(),
        })
    }

    /// How a column is carried that nothing reads: as its bytes.
    pub(super) fn carried(&self, name: &str) -> Option<ReadColumn> {
        let column = self.table.column(name)?;
        match column.binary {
            true => Some(ReadColumn {
                name: name.to_owned(),
                wire: WireType::Opaque,
                by_text: false,
                type_name: column.type_name.clone(),
            }),
            false => self.read_as(name),
        }
    }

    /// The stage's column for a column that is read as `read`.
    pub(super) fn staged(&self, read: &ReadColumn) -> Option<StageColumn> {
        let column = self.table.column(&read.name)?;
        Some(StageColumn {
            wire: WireColumn {
                name: read.name.clone(),
                wire: read.wire,
            },
            name: read.name.clone(),
            by_text: read.by_text,
            type_name: column.type_name.clone(),
        })
    }

    /// The masked columns and those that are read besides, each once, in table order.
    pub(super) fn typed(&self) -> Vec<ReadColumn> {
        let columns = self.table.columns.iter().map(|column| column.name.as_str());
        columns
            .filter(|name| {
                let named = |names: &[String]| names.iter().any(|other| other == name);
                named(&self.masked) || named(&self.read)
            })
            .filter_map(|name| self.read_as(name))
            .collect()
    }

    /// The table and the rows that are masked and lie in `range`, as SQL puts it behind `FROM`.
    pub(super) fn from(&self, table: &str, range: &str) -> String {
        match &self.filter {
            Some(filter) => format!("{table} WHERE {range} AND ({filter})"),
            None => format!("{table} WHERE {range}"),
        }
    }
}
