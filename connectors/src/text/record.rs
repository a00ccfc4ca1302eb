//! Finds where the next record ends and where its typed fields lie.
//!
//! A field is quoted when a quote is its first byte; a quote anywhere else is a byte like others,
//! and so is what follows a closing quote up to the next delimiter. Where counting quotes tells which
//! delimiters and line ends are quoted, only the others are looked at.

use super::dialect::Dialect;
use super::marks::Marks;
use super::parity::{Next, Separators};

/// The span of a field that a ragged record does not have.
pub(super) const MISSING: u32 = u32::MAX;

/// A typed field: its column, counted from the left, and its place in the typed lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) column: usize,
    pub(super) slot: usize,
}

/// What lies at a record's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// A record that ends, terminator included, in front of `end`.
    Record { end: usize, fields: usize },
    /// The buffer ends within the record, the file does not.
    Partial,
    /// The file ends within a quoted field.
    Unclosed,
}

/// Reads the records of one buffer from left to right.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    input: Input<'a>,
    /// The fast path, where the dialect has one.
    separators: Option<Separators<'a>>,
    /// The record that `separators` stands at.
    at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Input<'a> {
    dialect: &'a Dialect,
    buffer: &'a [u8],
    /// Whether the file ends with the buffer.
    last: bool,
}

/// How the search for the end of a field ended.
enum Stop {
    Delimiter(usize),
    /// The line end, or the end of the file.
    Record(usize),
    Partial,
    Unclosed,
    /// To be read byte by byte.
    Unknown,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(dialect: &'a Dialect, buffer: &'a [u8], last: bool) -> Self {
        Self {
            input: Input {
                dialect,
                buffer,
                last,
            },
            separators: Separators::of(dialect, buffer),
            at: 0,
        }
    }

    /// The end of the line at `at` if there is nothing on it. In a file of several columns such a
    /// line is no record.
    pub(super) fn blank(&self, at: usize) -> Option<usize> {
        let newline = self.input.dialect.newline;
        match *self.input.buffer.get(at..)? {
            [byte, ..] if byte == newline => Some(at + 1),
            [b'\r', b'\n', ..] if newline == b'\n' => Some(at + 2),
            _ => None,
        }
    }

    /// The record at `at`, which is within the buffer. `wanted` is sorted by column; start and end
    /// of each of them, quotes included, go to `spans` at its slot.
    pub(super) fn record(&mut self, at: usize, wanted: &[Wanted], spans: &mut [u32]) -> Scan {
        let Input {
            dialect,
            buffer,
            last,
        } = self.input;
        if let Some(separators) = &mut self.separators {
            if at != self.at {
                separators.restart(at);
            }
            let stop = |_| match separators.next() {
                Next::Separator(at) if buffer[at] == dialect.delimiter => Stop::Delimiter(at),
                Next::Separator(at) => Stop::Record(at),
                Next::End { .. } if !last => Stop::Partial,
                Next::End { inside: true } => Stop::Unclosed,
                Next::End { inside: false } => Stop::Record(buffer.len()),
                Next::Unknown => Stop::Unknown,
            };
            if let Some(scan) = self.input.fields(at, wanted, spans, stop) {
                if let Scan::Record { end, .. } = scan {
                    self.at = end;
                }
                return scan;
            }
            // Counting starts again with the next record.
            self.at = usize::MAX;
        }
        let mut marks = Marks::behind(dialect, buffer, at);
        let stop = |start| self.input.field_end(&mut marks, start);
        let scan = self.input.fields(at, wanted, spans, stop);
        scan.unwrap_or(Scan::Partial)
    }
}

impl Input<'_> {
    /// The fields of the record at `start`, each up to where `stop` says; `None` if that is unknown.
    fn fields(
        &self,
        mut start: usize,
        wanted: &[Wanted],
        spans: &mut [u32],
        mut stop: impl FnMut(usize) -> Stop,
    ) -> Option<Scan> {
        let mut wanted = wanted.iter().peekable();
        let mut field = 0;
        loop {
            match stop(start) {
                Stop::Delimiter(stop) => {
                    if let Some(Wanted { slot, .. }) = wanted.next_if(|next| next.column == field) {
                        put(spans, *slot, start, stop);
                    }
                    (start, field) = (stop + 1, field + 1);
                }
                Stop::Record(stop) => {
                    if let Some(Wanted { slot, .. }) = wanted.next_if(|next| next.column == field) {
                        put(spans, *slot, start, self.text_end(start, stop));
                    }
                    let end = (stop + 1).min(self.buffer.len());
                    let fields = field + 1;
                    return Some(Scan::Record { end, fields });
                }
                Stop::Partial => return Some(Scan::Partial),
                Stop::Unclosed => return Some(Scan::Unclosed),
                Stop::Unknown => return None,
            }
        }
    }

    /// Where the delimiter or line end behind the field at `start` stands, read byte by byte.
    fn field_end(&self, marks: &mut Marks<'_>, start: usize) -> Stop {
        let Dialect {
            delimiter,
            newline,
            quote,
            escape,
            ..
        } = *self.dialect;
        let mut quoted = self.dialect.opens(self.buffer.get(start));
        if quoted {
            marks.pass(start + 1);
        }
        while let Some(at) = marks.next() {
            let byte = self.buffer[at];
            if quoted {
                if Some(byte) == quote {
                    match self.buffer.get(at + 1) {
                        None if !self.last => return Stop::Partial,
                        Some(next) if *next == byte => marks.pass(at + 2),
                        _ => quoted = false,
                    }
                } else if Some(byte) == escape {
                    marks.pass(at + 2);
                }
            } else if byte == delimiter {
                return Stop::Delimiter(at);
            } else if byte == newline {
                return Stop::Record(at);
            } else if quote.is_none() && Some(byte) == escape {
                marks.pass(at + 2);
            }
        }
        match (self.last, quoted) {
            (false, _) => Stop::Partial,
            (true, true) => Stop::Unclosed,
            (true, false) => Stop::Record(self.buffer.len()),
        }
    }

    /// Where the text of a last field ends: in front of a CR that belongs to the line end.
    fn text_end(&self, start: usize, stop: usize) -> usize {
        let crlf = stop > start
            && self.buffer.get(stop) == Some(&b'\n')
            && self.dialect.newline == b'\n'
            && self.buffer[stop - 1] == b'\r';
        stop - usize::from(crlf)
    }
}

/// Notes a span. A buffer is far below 4 GiB.
fn put(spans: &mut [u32], slot: usize, start: usize, end: usize) {
    spans[2 * slot] = start as u32;
    spans[2 * slot + 1] = end as u32;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::TextOptions;
    use super::*;

    /// The records of `text` as their fields, joined with `|`.
    fn records(options: &TextOptions, text: &str) -> Vec<String> {
        let dialect = Dialect::new(options, "a.csv", None).unwrap();
        let wanted: Vec<_> = (0..8)
            .map(|column| Wanted {
                column,
                slot: column,
            })
            .collect();
        let mut scanner = Scanner::new(&dialect, text.as_bytes(), true);
        let (mut at, mut records) = (0, vec![]);
        while at < text.len() {
            let mut spans = [MISSING; 16];
            match scanner.record(at, &wanted, &mut spans) {
                Scan::Record { end, fields } => {
                    at = end;
                    let span = |n: usize| &text[spans[2 * n] as usize..spans[2 * n + 1] as usize];
                    records.push((0..fields).map(span).collect::<Vec<_>>().join("|"));
                }
                other => {
                    records.push(format!("{other:?}"));
                    break;
                }
            }
        }
        records
    }

    #[test]
    fn records_and_fields() {
        let default = TextOptions::default();
        let backslash = TextOptions {
            escape: Some(b'\\'),
            ..default.clone()
        };
        let unquoted = TextOptions {
            quote: None,
            ..default.clone()
        };
        let escaped = TextOptions {
            quote: None,
            escape: Some(b'\\'),
            ..default.clone()
        };
        for (options, text, expected) in [
            (&default, "a,b\nc,d\n", &["a|b", "c|d"][..]),
            (&default, "a,b\r\nc,d", &["a|b", "c|d"]),
            (&default, "a,\n,", &["a|", "|"]),
            (&default, "\n\r\n", &["", ""]),
            (&default, "\"a,\n\",b\n", &["\"a,\n\"|b"]),
            (&default, "\"a\"\"\",b\r\nc", &["\"a\"\"\"|b", "c"]),
            (&default, "a\",\"b\"\n", &["a\"|\"b\""]),
            (&default, "\"a\"x\"y,b\"\r\n", &["\"a\"x\"y|b\""]),
            (&default, "\"\",\"\"\n", &["\"\"|\"\""]),
            (&default, "a,\"b\"", &["a|\"b\""]),
            (
                &default,
                "a,b\n5\",6\"\n\"c\",d\n",
                &["a|b", "5\"|6\"", "\"c\"|d"],
            ),
            (&default, "a,\"b\n", &["Unclosed"]),
            (&backslash, "\"a\\\",\",b\\\n", &["\"a\\\",\"|b\\"]),
            (&unquoted, "\"a,b\n", &["\"a|b"]),
            (&escaped, "a\\,b,\\\n\\\\,c\n", &["a\\,b|\\\n\\\\|c"]),
        ] {
            assert_eq!(records(options, text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn counting_and_reading_agree(text in r#"([a,"\n]{1,20}|"[a,\n]{0,50}",|a{40}){1,20}"#, last: bool) {
            let dialect = Dialect::new(&TextOptions::default(), "a.csv", None).unwrap();
            let wanted: Vec<_> = (0..8).map(|column| Wanted { column, slot: column }).collect();
            let mut fast = Scanner::new(&dialect, text.as_bytes(), last);
            let mut slow = Scanner { separators: None, ..Scanner::new(&dialect, text.as_bytes(), last) };
            let mut at = 0;
            while at < text.len() {
                let [mut ours, mut theirs] = [[MISSING; 16]; 2];
                let scan = fast.record(at, &wanted, &mut ours);
                prop_assert_eq!(scan, slow.record(at, &wanted, &mut theirs));
                let Scan::Record { end, .. } = scan else { break };
                prop_assert_eq!(ours, theirs);
                at = end;
                while let Some(end) = fast.blank(at) {
                    at = end;
                }
            }
        }
    }

    #[test]
    fn a_record_that_goes_on() {
        let dialect = Dialect::new(&TextOptions::default(), "a.csv", None).unwrap();
        for text in ["a,b", "a,\"b", "a,\"b\"", "\"a\nb", "\"a\n\","] {
            let mut scanner = Scanner::new(&dialect, text.as_bytes(), false);
            assert_eq!(scanner.record(0, &[], &mut []), Scan::Partial, "{text:?}");
        }
    }
}
