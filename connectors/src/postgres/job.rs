//! What a run asks of a table of PostgreSQL, whichever way it is done.

use std::ops::Deref;

use super::catalogue::Table;
use super::reader::ReadColumn;
use super::stage::StageColumn;
use super::types::{WireColumn, WireType};
use crate::database::Job;

/// A table to be masked where it lies.
#[derive(Debug, Clone)]
pub(super) struct TableJob {
    /// The table.
    pub(super) table: Table,
    /// What is asked of it.
    pub(super) job: Job,
}

impl Deref for TableJob {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl TableJob {
    /// How a column is read: in its typed form, or as text where it has none.
    pub(super) fn read_as(&self, name: &str) -> Option<ReadColumn> {
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
            .filter(|name| self.touches(name))
            .filter_map(|name| self.read_as(name))
            .collect()
    }
}
