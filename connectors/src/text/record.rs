//! Finds where the next record ends and where its typed fields lie.
//!
//! A field is quoted when a quote is its first byte; a quote anywhere else is a byte like others,
//! and so is what follows a closing quote up to the next delimiter. A record without quotes takes
//! the fast path: one search for its end, and one pass over its delimiters.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::dialect::Dialect;

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
    dialect: &'a Dialect,
    buffer: &'a [u8],
    /// Whether the file ends with the buffer.
    last: bool,
    /// The first byte, from the last scanned position on, that bars the fast path.
    next_awkward: usize,
}

/// How a quoted field or the search for the end of a field ended.
enum Stop {
    At(usize),
    Partial,
    Unclosed,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(dialect: &'a Dialect, buffer: &'a [u8], last: bool) -> Self {
        let mut scanner = Self {
            dialect,
            buffer,
            last,
            next_awkward: 0,
        };
        scanner.next_awkward = scanner.find_awkward(0);
        scanner
    }

    /// The end of the line at `at` if there is nothing on it. In a file of several columns such a
    /// line is no record.
    pub(super) fn blank(&self, at: usize) -> Option<usize> {
        let newline = self.dialect.newline;
        match *self.buffer.get(at..)? {
            [byte, ..] if byte == newline => Some(at + 1),
            [b'\r', b'\n', ..] if newline == b'\n' => Some(at + 2),
            _ => None,
        }
    }

    /// The record at `at`, which is within the buffer. `wanted` is sorted by column; start and end
    /// of each of them, quotes included, go to `spans` at its slot.
    pub(super) fn record(&mut self, at: usize, wanted: &[Wanted], spans: &mut [u32]) -> Scan {
        if self.next_awkward < at {
            self.next_awkward = self.find_awkward(at);
        }
        let newline = memchr(self.dialect.newline, &self.buffer[at..]).map(|found| at + found);
        match newline {
            None if !self.last => Scan::Partial,
            Some(newline) if newline < self.next_awkward => {
                let fields = self.plain_fields(at, self.text_end(at, newline), wanted, spans);
                Scan::Record {
                    end: newline + 1,
                    fields,
                }
            }
            None if self.next_awkward == self.buffer.len() => {
                let end = self.buffer.len();
                Scan::Record {
                    end,
                    fields: self.plain_fields(at, end, wanted, spans),
                }
            }
            _ => self.any_fields(at, wanted, spans),
        }
    }

    /// The fields of `start..end`, where no byte is a quote or an escape; returns their number.
    fn plain_fields(
        &self,
        mut start: usize,
        end: usize,
        wanted: &[Wanted],
        spans: &mut [u32],
    ) -> usize {
        let delimiter = self.dialect.delimiter;
        let mut field = 0;
        for Wanted { column, slot } in wanted {
            let mut delimiters = memchr_iter(delimiter, &self.buffer[start..end]);
            let from = start;
            while field < *column {
                let Some(found) = delimiters.next() else {
                    return field + 1;
                };
                (field, start) = (field + 1, from + found + 1);
            }
            let stop = delimiters.next().map_or(end, |found| from + found);
            put(spans, *slot, start, stop);
        }
        field + 1 + memchr_iter(delimiter, &self.buffer[start..end]).count()
    }

    /// The fields of the record at `start`, whatever they hold.
    fn any_fields(&self, mut start: usize, wanted: &[Wanted], spans: &mut [u32]) -> Scan {
        let mut wanted = wanted.iter().peekable();
        let mut field = 0;
        loop {
            let stop = match self.field_end(start) {
                Stop::At(stop) => stop,
                Stop::Partial => return Scan::Partial,
                Stop::Unclosed => return Scan::Unclosed,
            };
            let ends = self.buffer.get(stop) != Some(&self.dialect.delimiter);
            if let Some(Wanted { slot, .. }) = wanted.next_if(|next| next.column == field) {
                put(
                    spans,
                    *slot,
                    start,
                    if ends {
                        self.text_end(start, stop)
                    } else {
                        stop
                    },
                );
            }
            field += 1;
            if ends {
                let end = (stop + 1).min(self.buffer.len());
                return Scan::Record { end, fields: field };
            }
            start = stop + 1;
        }
    }

    /// Where the delimiter or line end behind the field at `start` stands.
    fn field_end(&self, start: usize) -> Stop {
        let Dialect {
            delimiter, newline, ..
        } = *self.dialect;
        let mut at = start;
        if self.dialect.opens(self.buffer.get(start)) {
            match self.closing(start + 1) {
                Stop::At(close) => at = close,
                stop => return stop,
            }
        }
        loop {
            let rest = self.buffer.get(at..).unwrap_or_default();
            let found = match (self.dialect.quote, self.dialect.escape) {
                (None, Some(escape)) => memchr3(delimiter, newline, escape, rest),
                _ if rest.first() == Some(&delimiter) => Some(0),
                _ => memchr2(delimiter, newline, rest),
            };
            match found {
                Some(found) if rest[found] == delimiter || rest[found] == newline => {
                    return Stop::At(at + found);
                }
                Some(found) => at += found + 2,
                None if self.last => return Stop::At(self.buffer.len()),
                None => return Stop::Partial,
            }
        }
    }

    /// Where the text behind the quoted text at `at` begins, its closing quote passed.
    fn closing(&self, mut at: usize) -> Stop {
        let Some(quote) = self.dialect.quote else {
            return Stop::At(at);
        };
        let escape = self.dialect.escape.unwrap_or(quote);
        loop {
            let rest = self.buffer.get(at..).unwrap_or_default();
            let Some(found) = memchr2(quote, escape, rest) else {
                return if self.last {
                    Stop::Unclosed
                } else {
                    Stop::Partial
                };
            };
            match rest.get(found + 1) {
                None if !self.last => return Stop::Partial,
                next if rest[found] == quote && next != Some(&quote) => {
                    return Stop::At(at + found + 1);
                }
                _ => at += found + 2,
            }
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

    /// The first quote from `at` on; in a file without quotes, the first escape.
    fn find_awkward(&self, at: usize) -> usize {
        let awkward = self.dialect.quote.or(self.dialect.escape);
        let found = awkward.and_then(|byte| memchr(byte, &self.buffer[at..]));
        found.map_or(self.buffer.len(), |found| at + found)
    }
}

/// Notes a span. A buffer is far below 4 GiB.
fn put(spans: &mut [u32], slot: usize, start: usize, end: usize) {
    spans[2 * slot] = start as u32;
    spans[2 * slot + 1] = end as u32;
}

#[cfg(test)]
mod tests {
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
            (&default, "a,\"b\n", &["Unclosed"]),
            (&backslash, "\"a\\\",\",b\\\n", &["\"a\\\",\"|b\\"]),
            (&unquoted, "\"a,b\n", &["\"a|b"]),
            (&escaped, "a\\,b,\\\n\\\\,c\n", &["a\\,b|\\\n\\\\|c"]),
        ] {
            assert_eq!(records(options, text), expected, "{text:?}");
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
