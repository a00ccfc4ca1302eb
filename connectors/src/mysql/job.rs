//! What a run asks of a table, whichever way it is done.

use std::ops::Deref;

use super::catalogue::{Column, Table};
use super::encode::{FieldKind, StageField};
use super::session::quoted;
use super::types::{ColumnType, Lane, ReadColumn};
use crate::database::Job;
use crate::unit::HIDDEN_PREFIX;

/// A table to be masked where it lies.
#[derive(Debug, Clone)]
pub(super) struct TableJob {
    /// The table.
    pub(super) table: Table,
    /// What is asked of it.
    pub(super) job: Job,
    /// The types of the columns of other tables that are read beside its rows.
    pub(super) joined: Vec<ColumnType>,
}

/// A column of a key by which rows are found again.
#[derive(Debug, Clone)]
pub(super) struct KeyColumn {
    /// Its name.
    pub(super) name: String,
    /// What makes a column like it.
    pub(super) made: String,
    /// How its values travel.
    pub(super) kind: ColumnType,
    /// Whether ranges of it are those of an index.
    pub(super) is_ranged: bool,
}

/// The number that rows without a key get in a copy of their table.
pub(super) const ROW_NUMBER: &str = "visard_row";

impl Deref for TableJob {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl TableJob {
    /// The key by which rows are found again: that of the task, else any that the table has.
    pub(super) fn found_by(&self) -> Option<Vec<KeyColumn>> {
        let names = self.key.clone().or_else(|| self.table.any_key())?;
        let columns = names.iter().map(|name| {
            let column = self.table.column(name)?;
            Some(KeyColumn {
                name: name.clone(),
                made: column.made.clone(),
                kind: column.kind,
                is_ranged: column.kind.is_ranged(&column.data_type),
            })
        });
        columns.collect()
    }

    /// The table, to be read by the order of the key that finds its rows: ranges of it are looked up, and
    /// nothing else is locked.
    pub(super) fn by_key(&self, key: &[KeyColumn]) -> String {
        let mut uniques = self.table.uniques.iter();
        let index = uniques.find(|unique| {
            let names = key.iter().map(|column| &column.name);
            unique.tells_rows && names.eq(&unique.columns)
        });
        match index {
            Some(index) => format!("{} FORCE INDEX ({})", self.table.sql(), quoted(&index.name)),
            None => self.table.sql(),
        }
    }

    /// The name, in the database of the table, of something that the run makes: as SQL takes it.
    pub(super) fn beside(&self, what: &str) -> String {
        let name = format!("{}_{what}", self.name);
        format!("{}.{}", quoted(&self.table.schema), quoted(&name))
    }

    /// A comment by which a statement is known as one of this run.
    pub(super) fn signed(&self) -> String {
        format!("/* {} */", self.name)
    }

    /// The masked columns.
    pub(super) fn masked_columns(&self) -> impl Iterator<Item = &Column> {
        let columns = self.table.columns.iter();
        columns.filter(|column| self.masked.contains(&column.name))
    }

    /// The masked columns and those that are read besides, each once, in table order, then those of other
    /// tables, beside a row of what SQL calls `table`.
    pub(super) fn typed(&self, lane: Lane, table: &str) -> Vec<ReadColumn> {
        let columns = self.table.columns.iter();
        let own = columns
            .filter(|column| self.touches(&column.name))
            .map(|column| ReadColumn {
                name: column.name.clone(),
                kind: column.kind,
                lane,
                sql: None,
            });
        let joined = self.job.joined.iter().zip(&self.joined);
        let joined = joined.map(|(column, kind)| ReadColumn {
            name: column.name.clone(),
            kind: *kind,
            lane,
            sql: Some(column.query(table, self.dry_run, quoted)),
        });
        own.chain(joined).collect()
    }
}

impl KeyColumn {
    /// The number of rows without a key.
    pub(super) fn row_number() -> Self {
        Self {
            name: ROW_NUMBER.to_owned(),
            made: "bigint unsigned".to_owned(),
            kind: ColumnType::Int {
                bits: 64,
                unsigned: true,
            },
            is_ranged: true,
        }
    }
}

/// The hidden column of a key's column number `index`.
pub(super) fn key_column(index: usize) -> String {
    format!("{HIDDEN_PREFIX}key_{index}")
}

/// The fields of a stage's row: the key, the masked columns, and marks of those that have them.
pub(super) fn staged(key: &[KeyColumn], masked: &[Column]) -> Vec<StageField> {
    let keys = key.iter().enumerate().map(|(index, column)| StageField {
        name: key_column(index),
        kind: FieldKind::Key(column.kind),
    });
    let values = masked.iter().map(|column| StageField {
        name: column.name.clone(),
        kind: FieldKind::Value(column.kind, column.required),
    });
    let odd = masked.iter().filter(|column| column.kind.has_odd());
    let odd = odd.map(|column| StageField {
        name: column.name.clone(),
        kind: FieldKind::Odd,
    });
    keys.chain(values).chain(odd).collect()
}
