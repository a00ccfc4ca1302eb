//! Masked batches become a slice of the new file, and slices a file, in order.

use std::io::{self, Write};
use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::UInt32Type;
use datafusion::common::{Result, internal_err};
use encoding_rs::UTF_8;
use parking_lot::{Condvar, Mutex};

use super::TextError;
use super::compression::{Compression, WriteBehind};
use super::dialect::Dialect;
use super::marks::has_any;
use super::record::MISSING;

/// A masked column: its place in the batch, and its slot among the spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masked {
    pub(super) name: String,
    pub(super) column: usize,
    pub(super) slot: usize,
}

/// Puts new values into the bytes of records.
#[derive(Debug)]
pub(super) struct Splicer<'a> {
    pub(super) path: &'a str,
    pub(super) dialect: &'a Dialect,
    /// The masked columns, sorted by their place in the file.
    pub(super) masked: &'a [Masked],
}

impl Splicer<'_> {
    /// Appends the records of `batch` to `out`. The batch holds the masked columns, then the
    /// records' bytes and spans; `offset` is where the bytes of its first record lie in the source,
    /// and is moved behind those of its last.
    pub(super) fn splice(
        &self,
        batch: &RecordBatch,
        offset: &mut u64,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let [values @ .., raw, spans] = batch.columns() else {
            return internal_err!("a text sink needs the records' bytes and spans");
        };
        let (Some(raw), Some(spans)) = (raw.as_binary_view_opt(), spans.as_fixed_size_list_opt())
        else {
            return internal_err!("the records' bytes and spans have another type");
        };
        let slots = spans.value_length() as usize;
        let Some(all_spans) = spans.values().as_primitive_opt::<UInt32Type>() else {
            return internal_err!("the spans of the records have another type");
        };
        let first_span = spans.value_offset(0) as usize;
        let all_spans = &all_spans.values()[first_span..first_span + slots * batch.num_rows()];
        let columns = self
            .masked
            .iter()
            .map(|masked| match values[masked.column].as_string_view_opt() {
                Some(values) => Ok((masked, values)),
                None => internal_err!("masked text has another type"),
            })
            .collect::<Result<Vec<_>>>()?;

        let plain = Plain::new(self.dialect);
        for row in 0..batch.num_rows() {
            let record = raw.value(row);
            let mut copied = 0;
            for (masked, values) in &columns {
                let span = row * slots + 2 * masked.slot;
                let (start, end) = (all_spans[span], all_spans[span + 1]);
                if start == MISSING {
                    continue;
                }
                let (start, end) = (start as usize, end as usize);
                let field = &record[start..end];
                let value = values.is_valid(row).then(|| values.value(row));
                let new = plain.as_ref().and_then(|plain| plain.place(field, value));
                if let Some((place, bytes)) = new {
                    out.extend_from_slice(&record[copied..start + place.start]);
                    out.extend_from_slice(bytes);
                    copied = start + place.end;
                    continue;
                }
                if self.dialect.holds(field, value) {
                    continue;
                }
                out.extend_from_slice(&record[copied..start]);
                let quoted = self.dialect.is_quoted(field);
                self.dialect.write(value, quoted, out).map_err(|refusal| {
                    TextError::Unwritable {
                        path: self.path.to_owned(),
                        column: masked.name.clone(),
                        offset: *offset,
                        refusal,
                    }
                })?;
                copied = end;
            }
            out.extend_from_slice(&record[copied..]);
            *offset += record.len() as u64;
        }
        Ok(())
    }
}

/// The short way for the common value: UTF-8 that can stand between the field's quotes, or without
/// any, as it is.
struct Plain<'a> {
    delimiter: u8,
    quote: Option<u8>,
    null: &'a str,
}

impl<'a> Plain<'a> {
    /// `None` for a file whose fields all go the long way.
    fn new(dialect: &'a Dialect) -> Option<Self> {
        let common = dialect.encoding == UTF_8 && dialect.escape.is_none();
        common.then_some(Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            null: &dialect.null,
        })
    }

    /// The bytes of `value`, and which of the bytes of `field` they replace. `None` where quotes are
    /// to be thought of.
    fn place<'v>(
        &'v self,
        field: &[u8],
        value: Option<&'v str>,
    ) -> Option<(Range<usize>, &'v [u8])> {
        let all = 0..field.len();
        let opened = !field.is_empty() && field.first() == self.quote.as_ref();
        let Some(value) = value else {
            return (!opened).then_some((all, self.null.as_bytes()));
        };
        let quote = self.quote.unwrap_or(self.delimiter);
        let value = value.as_bytes();
        if opened {
            let closed = all.len() > 1 && field.last() == Some(&quote);
            return (closed && !has_any(value, [quote])).then_some((1..field.len() - 1, value));
        }
        let special = has_any(value, [self.delimiter, quote, b'\n', b'\r']);
        (!special && value != self.null.as_bytes()).then_some((all, value))
    }
}

/// The new file being written, wrapped like the old one.
pub(super) enum Out<W> {
    Plain(W),
    Packed(WriteBehind<W>),
}

impl<W: Write + Send + 'static> Out<W> {
    pub(super) fn new(compression: Compression, out: W) -> io::Result<Self> {
        match compression {
            Compression::None => Ok(Self::Plain(out)),
            wrapped => WriteBehind::new(wrapped, out).map(Self::Packed),
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(bytes),
            Self::Packed(out) => out.write_all(bytes),
        }
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Packed(out) => out.finish(),
        }
    }
}

/// Hands one output from slice to slice in their order.
pub(super) struct Turns<T> {
    state: Mutex<Turn<T>>,
    changed: Condvar,
}

struct Turn<T> {
    /// The slice whose turn it is.
    slice: usize,
    /// The output, while no slice has it.
    out: Option<T>,
    /// Whether a slice failed: nobody gets a turn any more.
    failed: bool,
}

/// The turn of a slice that comes too late: another one failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

impl<T> Turns<T> {
    /// Turns that begin with `slice`, once [`give`](Self::give) has brought the output.
    pub(super) fn new() -> Self {
        let state = Turn {
            slice: 0,
            out: None,
            failed: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Whether it is the turn of `slice`.
    pub(super) fn is_up(&self, slice: usize) -> Result<bool, Failed> {
        let state = self.state.lock();
        if state.failed {
            Err(Failed)
        } else {
            Ok(state.slice == slice)
        }
    }

    /// Waits until it is the turn of `slice`, and takes the output. Slice 0 finds none: it makes it.
    pub(super) fn take(&self, slice: usize) -> Result<Option<T>, Failed> {
        let mut state = self.state.lock();
        while !state.failed && state.slice != slice {
            self.changed.wait(&mut state);
        }
        if state.failed {
            Err(Failed)
        } else {
            Ok(state.out.take())
        }
    }

    /// Ends the turn of a slice and hands the output on.
    pub(super) fn give(&self, out: T) {
        let mut state = self.state.lock();
        state.slice += 1;
        if !state.failed {
            state.out = Some(out);
        }
        self.changed.notify_all();
    }

    /// Ends all turns and drops the output.
    pub(super) fn fail(&self) {
        let out = {
            let mut state = self.state.lock();
            state.failed = true;
            self.changed.notify_all();
            state.out.take()
        };
        drop(out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn slices_take_turns_in_order() {
        let turns = Arc::new(Turns::<Vec<usize>>::new());
        let threads: Vec<_> = (0..8)
            .rev()
            .map(|slice| {
                let turns = Arc::clone(&turns);
                thread::spawn(move || {
                    let mut out = turns.take(slice).unwrap().unwrap_or_default();
                    out.push(slice);
                    turns.give(out);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(turns.take(8), Ok(Some((0..8).collect())));
    }

    #[test]
    fn a_failure_wakes_those_who_wait() {
        let turns = Arc::new(Turns::<Vec<usize>>::new());
        let waiting = thread::spawn({
            let turns = Arc::clone(&turns);
            move || turns.take(1)
        });
        turns.fail();
        assert_eq!(waiting.join().unwrap(), Err(Failed));
        assert_eq!(turns.is_up(0), Err(Failed));
    }
}
