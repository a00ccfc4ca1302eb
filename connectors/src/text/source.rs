//! A slice of a file is read, and its records found.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use datafusion::common::Result;
use parking_lot::Mutex;

use super::TextError;
use super::batches::{BATCH_ROWS, Batches, Block, Rows};
use super::compression::{RangeRead, ReadAhead};
use super::options::{Ragged, TextOptions};
use super::record::{Scan, Scanner, Wanted};
use super::shape::TextShape;
use super::sink::Masked;
use super::split::{Chain, Transitions};
use crate::store::RangeReader;

/// Bytes read at a time behind a slice's end, to complete its last record.
const BEHIND_END: usize = 64 << 10;

/// One file being read, and what its slices tell each other and the sink.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) shape: TextShape,
    /// The typed columns, sorted by their place in the file.
    wanted: Vec<Wanted>,
    ragged: Ragged,
    block_bytes: u64,
    max_record_bytes: usize,
    chain: Chain,
    notes: Vec<Note>,
}

/// What the sink must know of a slice besides its records.
#[derive(Debug, Default)]
struct Note {
    /// Where the bytes of its first record begin.
    start: OnceLock<u64>,
    /// Blank lines behind its last record.
    tail: Mutex<Bytes>,
}

impl Reading {
    /// Prepares the file of `shape` to be read with `typed` columns.
    pub(super) fn new(
        shape: TextShape,
        options: &TextOptions,
        typed: &[String],
    ) -> Result<Self, TextError> {
        let mut wanted = vec![];
        if !shape.columns.is_empty() {
            for (slot, name) in typed.iter().enumerate() {
                wanted.push(Wanted {
                    column: shape.place_of(name)?,
                    slot,
                });
            }
            wanted.sort_unstable();
        }
        let block_bytes = options.block_bytes as u64;
        let data = shape.size.saturating_sub(shape.prelude.len() as u64);
        let slices = if shape.is_streamed() {
            1
        } else {
            data.div_ceil(block_bytes).max(1)
        };
        Ok(Self {
            wanted,
            ragged: options.ragged,
            block_bytes,
            max_record_bytes: options.max_record_bytes,
            chain: Chain::new(slices as usize),
            notes: (0..slices).map(|_| Note::default()).collect(),
            shape,
        })
    }

    /// Number of slices, at least one.
    pub(super) fn slices(&self) -> usize {
        self.notes.len()
    }

    /// The `masked` ones among the `typed` columns, sorted by their place in the file.
    pub(super) fn masked(
        &self,
        typed: &[String],
        masked: &[String],
    ) -> Result<Vec<Masked>, TextError> {
        let mut found = vec![];
        for (column, name) in masked.iter().enumerate() {
            let Some(slot) = typed.iter().position(|typed| typed == name) else {
                let (path, column) = (self.shape.path.clone(), name.clone());
                return Err(TextError::NoColumn {
                    path,
                    column,
                    columns: typed.to_vec(),
                });
            };
            found.push(Masked {
                name: name.clone(),
                column,
                slot,
            });
        }
        let place = |masked: &Masked| self.wanted.iter().position(|w| w.slot == masked.slot);
        found.sort_by_key(place);
        Ok(found)
    }

    /// Where the bytes of the slice's first record begin; before it is known, where the slice does.
    pub(super) fn start_of(&self, slice: usize) -> u64 {
        self.notes[slice]
            .start
            .get()
            .copied()
            .unwrap_or_else(|| self.range(slice).start)
    }

    /// The blank lines behind the slice's last record, once it is read.
    pub(super) fn tail_of(&self, slice: usize) -> Bytes {
        self.notes[slice].tail.lock().clone()
    }

    /// Tells the slice behind `slice` that it will never know where its first record begins, if it
    /// does not know yet.
    pub(super) fn give_up(&self, slice: usize) {
        self.chain.break_behind(slice);
    }

    /// Tells all slices that wait that they never will know.
    pub(super) fn give_up_all(&self) {
        self.chain.break_all();
    }

    /// The bytes of the file where the slice's records begin.
    fn range(&self, slice: usize) -> Range<u64> {
        let data = self.shape.prelude.len() as u64;
        let start = data + slice as u64 * self.block_bytes;
        start..self.shape.size.min(start + self.block_bytes)
    }

    /// Reads the slice into `batches`.
    pub(super) fn read(
        &self,
        slice: usize,
        reader: Arc<dyn RangeReader>,
        batches: &mut Batches<'_>,
    ) -> Result<()> {
        if self.shape.is_streamed() {
            return self.read_stream(reader, batches);
        }
        let range = self.range(slice);
        let bytes = self.fetch(&*reader, range.clone())?;
        let dialect = &self.shape.dialect;
        let state = match self.chain.known(slice) {
            Some(state) => {
                self.chain.publish(slice, dialect.end_state(&bytes, state));
                state
            }
            None => {
                let transitions = Transitions::new(dialect, &bytes);
                let state = self.chain.wait(slice);
                let state = state.ok_or_else(|| self.other_slice())?;
                self.chain.publish(slice, transitions.end(state));
                state
            }
        };
        let Some(first) = dialect.first_record(&bytes, state) else {
            return Ok(());
        };
        let last = range.end == self.shape.size;
        let base = range.start + first as u64;
        let block = Block::new(bytes.slice(first..), base, last, dialect);
        let mut behind = range.end;
        self.scan(slice, block, range.end, batches, |carried| {
            let start = behind;
            behind = self.shape.size.min(start + carried.max(BEHIND_END) as u64);
            if start == behind {
                return Ok(None);
            }
            self.fetch(&*reader, start..behind).map(Some)
        })
    }

    /// Reads a file that can only be read from its beginning to its end.
    fn read_stream(&self, reader: Arc<dyn RangeReader>, batches: &mut Batches<'_>) -> Result<()> {
        let Self {
            shape, block_bytes, ..
        } = self;
        let io = |error| TextError::io(&shape.path, error);
        let request = (*block_bytes).min(1 << 20) as usize;
        let input = RangeRead::new(reader, request);
        let input = shape.compression.decoder(input, shape.size).map_err(io)?;
        let mut input = ReadAhead::new(input).map_err(io)?;
        let mut skip = shape.prelude.len();
        let base = skip as u64;
        let block = Block::new(Bytes::new(), base, false, &shape.dialect);
        self.scan(0, block, u64::MAX, batches, |carried| {
            let mut pieces = BytesMut::new();
            while let Some(mut piece) = input.next().map_err(io)? {
                let skipped = skip.min(piece.len());
                skip -= skipped;
                piece = piece.split_off(skipped);
                if pieces.is_empty() && piece.len() >= carried.max(1) {
                    return Ok(Some(piece));
                }
                pieces.extend_from_slice(&piece);
                if pieces.len() >= carried.max(1) {
                    break;
                }
            }
            Ok(Some(pieces.freeze()).filter(|pieces| !pieces.is_empty()))
        })
    }

    /// Scans `block` and what `more` has behind it for the records that begin in front of `limit`.
    /// `more` is told how many bytes wait for their end, and returns at least as many if it can.
    fn scan(
        &self,
        slice: usize,
        mut block: Block,
        limit: u64,
        batches: &mut Batches<'_>,
        mut more: impl FnMut(usize) -> Result<Option<Bytes>, TextError>,
    ) -> Result<()> {
        let _ = self.notes[slice].start.set(block.base);
        let done = loop {
            let (raw, done) = self.scan_block(&block, limit, batches)?;
            if !batches.wanted_still() {
                return Ok(());
            }
            if let Some(end) = done {
                break block.bytes.slice(raw..end);
            }
            let carried = block.bytes.slice(raw..);
            let base = block.base + raw as u64;
            if carried.len() > self.max_record_bytes {
                let (path, limit) = (self.shape.path.clone(), self.max_record_bytes);
                return Err(TextError::RecordTooLong {
                    path,
                    offset: base,
                    limit,
                }
                .into());
            }
            let (bytes, last) = match more(carried.len())? {
                None => (carried, true),
                Some(bytes) if carried.is_empty() => (bytes, false),
                Some(bytes) => ([&carried[..], &bytes[..]].concat().into(), false),
            };
            block = Block::new(bytes, base, last, &self.shape.dialect);
        };
        *self.notes[slice].tail.lock() = done;
        batches.finish()
    }

    /// Scans one block. Returns where the first bytes lie that belong to no record yet and, when the
    /// slice ends in this block, where.
    fn scan_block(
        &self,
        block: &Block,
        limit: u64,
        batches: &mut Batches<'_>,
    ) -> Result<(usize, Option<usize>)> {
        let dialect = &self.shape.dialect;
        let (width, columns) = (dialect.width(), self.shape.columns.len());
        let units = dialect.units(&block.bytes);
        let limit = limit.saturating_sub(block.base);
        let mut scanner = Scanner::new(dialect, &units, block.last);
        let mut rows = Rows::new(&self.shape, block, self.wanted.len());
        let (mut raw, mut at) = (0, 0);
        loop {
            if at == units.len() || (at * width) as u64 >= limit {
                let done = (at * width) as u64 >= limit || block.last;
                batches.append(&mut rows)?;
                // At the end of the file, half a code unit may be left over.
                let end = if at == units.len() && block.last {
                    block.bytes.len()
                } else {
                    at * width
                };
                return Ok((raw * width, done.then_some(end)));
            }
            if columns != 1
                && let Some(end) = scanner.blank(at)
            {
                at = end;
                continue;
            }
            let place = || (self.shape.path.clone(), block.base + (at * width) as u64);
            match scanner.record(at, &self.wanted, rows.next_spans()) {
                // Said here too, so that it does not depend on where blocks end.
                Scan::Record { end, .. } if (end - at) * width > self.max_record_bytes => {
                    let ((path, offset), limit) = (place(), self.max_record_bytes);
                    return Err(TextError::RecordTooLong {
                        path,
                        offset,
                        limit,
                    }
                    .into());
                }
                Scan::Record { end, fields } => {
                    if fields != columns && self.ragged == Ragged::Error {
                        let ((path, offset), found) = (place(), fields);
                        let expected = columns;
                        return Err(TextError::FieldCount {
                            path,
                            offset,
                            expected,
                            found,
                        }
                        .into());
                    }
                    rows.push(raw..end, at);
                    (raw, at) = (end, end);
                    if batches.rows() + rows.len() >= BATCH_ROWS {
                        batches.append(&mut rows)?;
                        if !batches.wanted_still() {
                            return Ok((raw * width, None));
                        }
                    }
                }
                Scan::Partial => {
                    batches.append(&mut rows)?;
                    return Ok((raw * width, None));
                }
                Scan::Unclosed => {
                    let (path, offset) = place();
                    return Err(TextError::Unclosed { path, offset }.into());
                }
            }
        }
    }

    fn fetch(&self, reader: &dyn RangeReader, range: Range<u64>) -> Result<Bytes, TextError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let path = || self.shape.path.clone();
        reader.read(range).map_err(|source| TextError::Store {
            path: path(),
            source,
        })
    }

    fn other_slice(&self) -> TextError {
        TextError::OtherSlice {
            path: self.shape.path.clone(),
        }
    }
}
