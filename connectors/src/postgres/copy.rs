//! The frame of a binary `COPY`: header, rows, trailer, in chunks that are cut anywhere.
//!
//! PostgreSQL documentation, `COPY`, "Binary Format". All numbers are big-endian.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::copy_error::{CopyError, FrameProblem};

/// What a stream begins with.
const SIGNATURE: [u8; 11] = *b"PGCOPY\n\xff\r\n\0";
/// The header up to its extension: signature, flags, length of the extension.
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
/// The flag of streams whose rows begin with an oid; PostgreSQL 12 and later send none.
const HAS_OIDS: u32 = 1 << 16;
/// Flags that change how the stream is read.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
/// No field is longer: PostgreSQL allocates no more for one.
pub(super) const MAX_FIELD_BYTES: usize = 1 << 30;
/// No extension of the header is longer: there is none so far.
const MAX_EXTENSION_BYTES: i32 = 1 << 20;
/// The length of a null.
pub(super) const NULL: i32 = -1;
/// The field count of the trailer.
const TRAILER: i16 = -1;
/// A joined row larger than this does not keep its memory.
const KEPT_BYTES: usize = 1 << 20;

/// Writes what comes before the first row.
pub(super) fn put_header(out: &mut BytesMut) {
    out.put_slice(&SIGNATURE);
    out.put_u32(0);
    out.put_u32(0);
}

/// Writes what comes behind the last row.
pub(super) fn put_trailer(out: &mut BytesMut) {
    out.put_i16(TRAILER);
}

/// Finds the rows of a stream. Chunks that hold whole rows are not copied.
#[derive(Debug)]
pub(super) struct RowReader {
    /// Fields of each row.
    fields: usize,
    /// Chunks not looked at yet.
    queue: VecDeque<Bytes>,
    /// The rest of the chunk being read.
    chunk: Bytes,
    /// A part of the stream that began in an earlier chunk. If it is not empty, it comes before `chunk`.
    joined: Vec<u8>,
    part: Part,
    /// Bytes of the part that has been handed out.
    handed_out: usize,
    /// Rows handed out.
    rows: u64,
    progress: Progress,
}

/// What is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    /// The extension of the header, of this length.
    Extension(usize),
    Row,
    End,
}

/// How far the row that begins the bytes has been looked at, so that no byte is looked at twice.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes that are understood.
    bytes: usize,
    /// Where each field lies, from the beginning of the row; `None` is null.
    spans: Vec<Option<Range<usize>>>,
}

/// What became of a look at the next part.
enum Step {
    /// It is whole, and this long.
    Whole(usize),
    /// It cannot be told before there are this many bytes.
    Needs(usize),
}

/// One row, as it lies in the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Its number, from one.
    pub(super) number: u64,
    bytes: &'a [u8],
    spans: &'a [Option<Range<usize>>],
}

impl<'a> Row<'a> {
    /// The bytes of each field; `None` is null.
    pub(super) fn fields(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let bytes = self.bytes;
        self.spans
            .iter()
            .map(move |span| span.clone().map(|span| &bytes[span]))
    }

    /// Bytes of the row, lengths included.
    pub(super) fn size(self) -> usize {
        self.bytes.len()
    }
}

impl RowReader {
    /// Of a stream whose rows have this many fields.
    pub(super) fn new(fields: usize) -> Self {
        Self {
            fields,
            queue: VecDeque::new(),
            chunk: Bytes::new(),
            joined: Vec::new(),
            part: Part::Header,
            handed_out: 0,
            rows: 0,
            progress: Progress::default(),
        }
    }

    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.queue.push_back(chunk);
        }
    }

    /// The next row; `None` if it is not whole yet, and behind the trailer.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, CopyError> {
        self.release();
        loop {
            let bytes = match self.joined.is_empty() {
                true => &self.chunk[..],
                false => &self.joined[..],
            };
            let step = match self.part {
                Part::Header => header(bytes),
                Part::Extension(length) if bytes.len() >= length => Ok(Step::Whole(length)),
                Part::Extension(length) => Ok(Step::Needs(length)),
                Part::Row => self.progress.row(bytes, self.fields),
                Part::End if bytes.is_empty() => Ok(Step::Needs(1)),
                Part::End => Err(FrameProblem::Trailing),
            };
            match step.map_err(|problem| self.error(problem))? {
                Step::Whole(length) => {
                    self.handed_out = length;
                    match self.part {
                        Part::Header => {
                            let extension = bytes[length - 4..length].iter();
                            let extension =
                                extension.fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                            self.part = Part::Extension(extension);
                        }
                        Part::Extension(_) => self.part = Part::Row,
                        Part::Row if self.progress.is_trailer() => self.part = Part::End,
                        Part::Row | Part::End => break,
                    }
                    self.release();
                }
                Step::Needs(length) => {
                    if !self.gather(length) {
                        return Ok(None);
                    }
                }
            }
        }
        self.rows += 1;
        let bytes = match self.joined.is_empty() {
            true => &self.chunk[..self.handed_out],
            false => &self.joined[..self.handed_out],
        };
        Ok(Some(Row {
            number: self.rows,
            bytes,
            spans: &self.progress.spans,
        }))
    }

    /// Succeeds if the stream has ended with its trailer.
    pub(super) fn finish(&self) -> Result<(), CopyError> {
        match self.part {
            Part::End => Ok(()),
            Part::Header | Part::Extension(_) | Part::Row => {
                Err(self.error(FrameProblem::Truncated))
            }
        }
    }

    /// Lets go of the part that was handed out.
    fn release(&mut self) {
        if self.joined.is_empty() {
            self.chunk.advance(self.handed_out);
        } else if self.handed_out > 0 {
            // Only what the part needed was joined, so nothing of the next one is in it.
            self.joined.clear();
            if self.joined.capacity() > KEPT_BYTES {
                self.joined = Vec::new();
            }
        }
        if self.handed_out > 0 {
            self.progress.bytes = 0;
            self.progress.spans.clear();
        }
        self.handed_out = 0;
    }

    /// Gets more of a part that needs `length` bytes; `false` if there are no more yet.
    fn gather(&mut self, length: usize) -> bool {
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.chunk);
            self.chunk.clear();
        }
        if self.chunk.is_empty() {
            let Some(chunk) = self.queue.pop_front() else {
                return false;
            };
            self.chunk = chunk;
        }
        if !self.joined.is_empty() {
            let missing = length.saturating_sub(self.joined.len());
            let taken = self.chunk.split_to(missing.min(self.chunk.len()));
            self.joined.extend_from_slice(&taken);
        }
        true
    }

    fn error(&self, problem: FrameProblem) -> CopyError {
        let row = match self.part {
            Part::Header | Part::Extension(_) => 0,
            Part::Row | Part::End => self.rows + 1,
        };
        CopyError::Frame { row, problem }
    }
}

fn header(bytes: &[u8]) -> Result<Step, FrameProblem> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(FrameProblem::Signature);
    }
    let Some(mut rest) = bytes.get(SIGNATURE.len()..HEADER_BYTES) else {
        return Ok(Step::Needs(HEADER_BYTES));
    };
    let flags = rest.get_u32();
    if flags & HAS_OIDS != 0 {
        return Err(FrameProblem::Oids);
    }
    if flags & CRITICAL_FLAGS != 0 {
        return Err(FrameProblem::Flags(flags));
    }
    match rest.get_i32() {
        0..=MAX_EXTENSION_BYTES => Ok(Step::Whole(HEADER_BYTES)),
        extension => Err(FrameProblem::Length(extension)),
    }
}

impl Progress {
    /// Looks on at the row or trailer that `bytes` begin with.
    fn row(&mut self, bytes: &[u8], fields: usize) -> Result<Step, FrameProblem> {
        if self.bytes == 0 {
            let Some(count) = bytes.first_chunk() else {
                return Ok(Step::Needs(size_of::<i16>()));
            };
            let found = i16::from_be_bytes(*count);
            if found == TRAILER {
                return Ok(Step::Whole(count.len()));
            }
            if usize::try_from(found) != Ok(fields) {
                return Err(FrameProblem::FieldCount {
                    expected: fields,
                    found,
                });
            }
            self.bytes = count.len();
        }
        while self.spans.len() < fields {
            let Some(length) = bytes[self.bytes..].first_chunk() else {
                return Ok(Step::Needs(self.bytes + size_of::<i32>()));
            };
            let start = self.bytes + length.len();
            let length = i32::from_be_bytes(*length);
            let span = match usize::try_from(length) {
                Ok(length) if length <= MAX_FIELD_BYTES => Some(start..start + length),
                Err(_) if length == NULL => None,
                _ => return Err(FrameProblem::Length(length)),
            };
            let end = span.as_ref().map_or(start, |span| span.end);
            if bytes.len() < end {
                return Ok(Step::Needs(end));
            }
            self.bytes = end;
            self.spans.push(span);
        }
        Ok(Step::Whole(self.bytes))
    }

    /// Whether the part that [`Progress::row`] found whole is the trailer.
    fn is_trailer(&self) -> bool {
        self.bytes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `COPY (VALUES ('ab'::text, NULL), (NULL, ''::text)) TO STDOUT (FORMAT binary)`.
    const STREAM: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\
        \0\x02\0\0\0\x02ab\xff\xff\xff\xff\
        \0\x02\xff\xff\xff\xff\0\0\0\0\
        \xff\xff";

    type Fields = Vec<Option<Vec<u8>>>;

    fn read(chunks: impl IntoIterator<Item = Bytes>) -> Result<Vec<Fields>, CopyError> {
        let mut reader = RowReader::new(2);
        let mut rows = Vec::new();
        for chunk in chunks {
            reader.push(chunk);
            while let Some(row) = reader.next_row()? {
                rows.push(
                    row.fields()
                        .map(|field| field.map(<[u8]>::to_vec))
                        .collect(),
                );
                assert_eq!(row.number, rows.len() as u64);
            }
        }
        reader.finish()?;
        Ok(rows)
    }

    fn problem(stream: &[u8]) -> (u64, FrameProblem) {
        match read([Bytes::copy_from_slice(stream)]) {
            Err(CopyError::Frame { row, problem }) => (row, problem),
            other => panic!("{other:?}"),
        }
    }

    /// The stream with `bytes` written over those at `at`.
    fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut stream = STREAM.to_vec();
        stream[at..at + bytes.len()].copy_from_slice(bytes);
        stream
    }

    #[test]
    fn any_cut() {
        let stream = Bytes::from_static(STREAM);
        let whole = read([stream.clone()]).unwrap();
        assert_eq!(
            whole,
            [
                vec![Some(b"ab".to_vec()), None],
                vec![None, Some(Vec::new())]
            ]
        );
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let chunks = [
                    stream.slice(..first),
                    stream.slice(first..second),
                    stream.slice(second..),
                ];
                assert_eq!(read(chunks).unwrap(), whole, "cut at {first} and {second}");
            }
        }
        let bytes = (0..STREAM.len()).map(|at| stream.slice(at..=at));
        assert_eq!(read(bytes).unwrap(), whole);
    }

    #[test]
    fn an_extension_is_skipped() {
        let mut stream = changed(18, &[3]);
        stream.splice(19..19, *b"any");
        assert_eq!(read([Bytes::from(stream)]).unwrap().len(), 2);
    }

    #[test]
    fn other_streams() {
        for (stream, expected) in [
            (changed(0, b"X"), (0, FrameProblem::Signature)),
            (changed(12, &[1]), (0, FrameProblem::Oids)),
            (changed(11, &[0x80]), (0, FrameProblem::Flags(0x8000_0000))),
            (changed(15, &[0x80]), (0, FrameProblem::Length(i32::MIN))),
            (
                changed(19, &[0, 3]),
                (
                    1,
                    FrameProblem::FieldCount {
                        expected: 2,
                        found: 3,
                    },
                ),
            ),
            (
                changed(31, &[0xff, 0xfe]),
                (
                    2,
                    FrameProblem::FieldCount {
                        expected: 2,
                        found: -2,
                    },
                ),
            ),
            (changed(36, &[0xfe]), (2, FrameProblem::Length(-2))),
            (
                changed(37, &[0x40, 0, 0, 1]),
                (2, FrameProblem::Length(0x4000_0001)),
            ),
            ([STREAM, b"\0"].concat(), (3, FrameProblem::Trailing)),
            (b"COPY".to_vec(), (0, FrameProblem::Signature)),
        ] {
            assert_eq!(problem(&stream), expected);
        }
    }

    #[test]
    fn a_stream_that_ends_early() {
        for end in 0..STREAM.len() {
            let (_, problem) = problem(&STREAM[..end]);
            assert_eq!(problem, FrameProblem::Truncated, "after {end} bytes");
        }
    }
}
