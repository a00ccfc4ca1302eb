//! What a run tells while it works.

use serde::Serialize;

use super::report::Status;

/// Something that happened; as JSON, a line of `--json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event<'a> {
    /// Everything is checked; work begins.
    Started {
        /// Files to mask or copy.
        files: u64,
        /// Tables to mask.
        #[serde(skip_serializing_if = "is_none")]
        tables: u64,
        /// Their size.
        bytes: u64,
        /// Where journal and report are.
        run_folder: &'a str,
    },
    /// A part of a file is done.
    Progress {
        /// Bytes of the source it stood for.
        bytes: u64,
        /// Its records.
        rows: u64,
    },
    /// A file is settled.
    File {
        /// Path below the base directory.
        path: &'a str,
        /// What became of it.
        status: Status,
        /// Why, where it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    /// A table is settled.
    Table {
        /// The table, with its schema.
        table: &'a str,
        /// What became of it.
        status: Status,
        /// Why, where it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    /// The run was asked to stop.
    Interrupted,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Listens to a run.
pub trait Observer: Send + Sync {
    /// Takes note of `event`.
    fn event(&self, event: &Event<'_>);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
