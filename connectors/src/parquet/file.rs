//! A unit while it is worked on: its footer, and its output, to which slices append in turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use parquet::file::properties::WriterVersion;
use parquet::file::writer::SerializedFileWriter;

use super::columns::Columns;
use super::encode::MaskedChunk;
use super::error::{FormatError, damaged, unwritten};
use super::footer::Footer;
use super::properties::{file_properties, page_version};
use super::splice::append_row_group;
use crate::format::FileUnit;
use crate::store::{Output, StagedOutput};

/// How often a slice that waits for its turn looks whether the unit was given up, in case it
/// missed the call.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// One unit. All of its methods but [`UnitFile::stop`] block.
#[derive(Debug)]
pub(super) struct UnitFile {
    pub(super) unit: FileUnit,
    pub(super) columns: Arc<Columns>,
    pub(super) row_groups: usize,
    /// Bytes of memory that the footer takes.
    pub(super) footer_bytes: u64,
    opened: Mutex<Option<Arc<Opened>>>,
    output: Mutex<UnitOutput>,
    /// Chunks of row groups of which other parts are missing, and how many parts have come.
    incomplete: Mutex<HashMap<usize, (usize, Vec<MaskedChunk>)>>,
    turn: Condvar,
    stopped: AtomicBool,
}

/// What is held from the first slice to the end of the unit.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) footer: Footer,
    pub(super) page_version: WriterVersion,
}

#[derive(Debug, Default)]
struct UnitOutput {
    writer: Option<SerializedFileWriter<Output>>,
    /// Number of the row group that is appended next.
    next: usize,
}

impl UnitFile {
    pub(super) fn new(
        unit: FileUnit,
        columns: Arc<Columns>,
        row_groups: usize,
        footer_bytes: u64,
    ) -> Self {
        Self {
            unit,
            columns,
            row_groups,
            footer_bytes,
            incomplete: Mutex::default(),
            opened: Mutex::default(),
            output: Mutex::default(),
            turn: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.unit.object.path
    }

    /// The footer, read when it is first asked for.
    pub(super) fn open(&self) -> Result<Arc<Opened>, FormatError> {
        let mut opened = self.opened.lock();
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        if self.is_stopped() {
            return Err(self.given_up());
        }
        let reader = self.unit.source.reader(&self.unit.object)?;
        let footer = Footer::load(self.path(), reader, Some(&self.columns.schema.fields), true)?;
        let page_version =
            page_version(&footer, &self.columns.masked).map_err(damaged(self.path()))?;
        let new = Arc::new(Opened {
            footer,
            page_version,
        });
        *opened = Some(Arc::clone(&new));
        Ok(new)
    }

    /// Adds the chunks of one of `parts` parts; all of the row group's chunks in file order once the
    /// last part has come.
    pub(super) fn join(
        &self,
        row_group: usize,
        parts: usize,
        chunks: Vec<MaskedChunk>,
    ) -> Option<Vec<MaskedChunk>> {
        if parts <= 1 {
            return Some(chunks);
        }
        let mut incomplete = self.incomplete.lock();
        let (come, joined) = incomplete.entry(row_group).or_default();
        *come += 1;
        joined.extend(chunks);
        if *come < parts {
            return None;
        }
        let (_, mut joined) = incomplete.remove(&row_group)?;
        joined.sort_unstable_by_key(|chunk| chunk.leaf);
        Some(joined)
    }

    /// Waits until all earlier row groups are written, then appends `row_group`.
    pub(super) fn append(
        &self,
        opened: &Opened,
        row_group: usize,
        masked: Vec<MaskedChunk>,
        read_ahead: u64,
    ) -> Result<(), FormatError> {
        let mut output = self.output.lock();
        while output.next != row_group && !self.is_stopped() {
            self.turn.wait_for(&mut output, LOOK_AGAIN);
        }
        if self.is_stopped() {
            output.writer = None;
            return Err(self.given_up());
        }
        let mut writer = match output.writer.take() {
            Some(writer) => writer,
            None => self.create(&opened.footer)?,
        };
        append_row_group(&mut writer, &opened.footer, row_group, masked, read_ahead)
            .map_err(unwritten(self.path()))?;
        if !self.is_stopped() {
            output.writer = Some(writer);
        }
        output.next += 1;
        self.turn.notify_all();
        Ok(())
    }

    /// Writes the footer. Fails where a row group is missing or the source has changed.
    pub(super) fn finish(&self) -> Result<StagedOutput, FormatError> {
        let opened = self.open()?;
        let mut output = self.output.lock();
        if self.is_stopped() {
            return Err(self.given_up());
        }
        if output.next != self.row_groups {
            return Err(FormatError::Incomplete {
                path: self.path().to_owned(),
                written: output.next,
                row_groups: self.row_groups,
            });
        }
        let writer = match output.writer.take() {
            Some(writer) => writer,
            None => self.create(&opened.footer)?,
        };
        // Whatever comes of it, the unit is over.
        self.stop();
        opened.footer.reader.verify_unchanged()?;
        let file = writer.into_inner().map_err(unwritten(self.path()))?;
        Ok(file.stage()?)
    }

    /// Gives the unit up: slices that wait for their turn fail, and the output is dropped.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(mut output) = self.output.try_lock() {
            output.writer = None;
        }
        self.incomplete.lock().clear();
        if let Some(mut opened) = self.opened.try_lock() {
            *opened = None;
        }
        self.turn.notify_all();
    }

    pub(super) fn given_up(&self) -> FormatError {
        FormatError::Stopped {
            path: self.path().to_owned(),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn create(&self, footer: &Footer) -> Result<SerializedFileWriter<Output>, FormatError> {
        let size = self.unit.object.size;
        let output = self.unit.target.create(self.path(), size)?;
        let output = output.no_wider_than(&self.unit.object);
        let properties = Arc::new(file_properties(footer, &self.columns.masked));
        SerializedFileWriter::new(output, footer.schema().root_schema_ptr(), properties)
            .map_err(unwritten(self.path()))
    }
}

/// Gives a unit up unless the slice that holds this came to its end.
#[derive(Debug)]
pub(super) struct Turn {
    file: Arc<UnitFile>,
    done: bool,
}

impl Turn {
    pub(super) fn new(file: &Arc<UnitFile>) -> Self {
        Self {
            file: Arc::clone(file),
            done: false,
        }
    }

    pub(super) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.done {
            self.file.stop();
        }
    }
}
