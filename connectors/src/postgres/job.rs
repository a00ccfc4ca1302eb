//! What a run asks of a table of PostgreSQL, whichever way it is done.

use std::ops::Deref;

use super::catalogue::{Column, Table};
use super::reader::ReadColumn;
use super::session::quoted;
use super::stage::StageColumn;
use super::types::{WireColumn, WireType};
use crate::database::{Job, JoinedColumn};

/// A table to be masked where it lies.
#[derive(Debug, Clone)]
pub(super) struct TableJob {
    /// The table.
    pub(super) table: Table,
    /// What is asked of it.
    pub(super) job: Job,
    /// Columns of other tables that are read beside its rows.
    pub(super) joined: Vec<ReadColumn>,
}

impl Deref for TableJob {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl TableJob {
    /// The table, as SQL names it, that the rows of a slice are staged in.
    pub(super) fn stage(&self, slice: usize) -> String {
        let name = format!("{}_stage_{slice}", self.name);
        format!("{}.{}", quoted(&self.table.schema), quoted(&name))
    }

    /// How a column is read: in its typed form, or as text where it has none.
    pub(super) fn read_as(&self, name: &str) -> Option<ReadColumn> {
        let column = self.table.column(name)?;
        Some(ReadColumn {
            name: name.to_owned(),
            wire: column.wire.unwrap_or(WireType::Text),
            by_text: column.wire.is_none(),
            type_name: column.type_name.clone(),
            expression: None,
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
                expression: None,
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
            bare_type: column.bare_type.clone(),
        })
    }

    /// The masked columns and those that are read besides, each once, in table order, then those of other
    /// tables.
    pub(super) fn typed(&self) -> Vec<ReadColumn> {
        let columns = self.table.columns.iter().map(|column| column.name.as_str());
        columns
            .filter(|name| self.touches(name))
            .filter_map(|name| self.read_as(name))
            .chain(self.joined.iter().cloned())
            .collect()
    }
}

/// How `joined`, which is the column `found`, is read beside a row of `table`: by a query that fails
/// where two rows go with one.
pub(super) fn read_beside(
    table: &Table,
    joined: &JoinedColumn,
    found: &Column,
    dry_run: bool,
) -> ReadColumn {
    ReadColumn {
        name: joined.name.clone(),
        wire: found.wire.unwrap_or(WireType::Text),
        by_text: found.wire.is_none(),
        type_name: found.type_name.clone(),
        expression: Some(joined.query(&quoted(&table.name), dry_run, quoted)),
    }
}
