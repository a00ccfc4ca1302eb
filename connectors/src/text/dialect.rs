//! Which bytes of a file have a meaning, and the encoding they are in.

use std::borrow::Cow;
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::options::{Header, TextOptions};
use super::{Refusal, TextError};

/// The options for one file, with what the file itself told us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    /// The byte that ends a record. Behind it LF also takes a CR in front along.
    pub(super) newline: u8,
    pub(super) encoding: &'static Encoding,
    /// The unquoted text that stands for null.
    pub(super) null: String,
    /// The same in the encoding fields are compared in: the file's, or UTF-8 in a UTF-16 file.
    pub(super) null_bytes: Vec<u8>,
    /// The column names, where the file does not hold them.
    pub(super) columns: Option<Vec<String>>,
}

impl Dialect {
    /// The dialect of the file whose name without compression is `stem` and which begins with
    /// `bom`, if it has a byte-order mark. Lines end with LF until someone looked.
    pub(super) fn new(
        options: &TextOptions,
        stem: &str,
        bom: Option<&'static Encoding>,
    ) -> Result<Self, TextError> {
        options.check()?;
        let extension = Path::new(stem)
            .extension()
            .and_then(|ext| ext.to_str())
            .unwrap_or("");
        let tabs = ["tsv", "tab"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known));
        let mut dialect = Self {
            delimiter: options.delimiter.unwrap_or(if tabs { b'\t' } else { b',' }),
            quote: options.quote,
            escape: options
                .escape
                .filter(|escape| Some(*escape) != options.quote),
            newline: b'\n',
            encoding: bom.map_or_else(|| options.encoding(), Ok)?,
            null: options.null_string.clone().unwrap_or_default(),
            null_bytes: vec![],
            columns: match &options.header {
                Header::FirstRecord => None,
                Header::Columns(columns) => Some(columns.clone()),
            },
        };
        // A default delimiter that only the file's name decided was not checked yet.
        TextOptions {
            delimiter: Some(dialect.delimiter),
            ..options.clone()
        }
        .check()?;
        dialect.null_bytes = dialect.null.clone().into_bytes();
        if !dialect.is_wide() {
            let mut bytes = vec![];
            dialect
                .encode(&dialect.null, &mut bytes)
                .map_err(|refusal| TextError::Option {
                    option: "null_string",
                    problem: refusal.to_string(),
                })?;
            dialect.null_bytes = bytes;
        }
        Ok(dialect)
    }

    /// Whether a character takes two bytes or four, so that the bytes of ASCII mean nothing alone.
    pub(super) fn is_wide(&self) -> bool {
        self.encoding == UTF_16LE || self.encoding == UTF_16BE
    }

    /// Bytes to a code unit.
    pub(super) fn width(&self) -> usize {
        if self.is_wide() { 2 } else { 1 }
    }

    /// One byte for each whole code unit of `bytes`: the ASCII character, or one without meaning.
    pub(super) fn units<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        const OTHER: u8 = 0x80;
        let (high, low) = match self.encoding {
            encoding if encoding == UTF_16LE => (1, 0),
            encoding if encoding == UTF_16BE => (0, 1),
            _ => return Cow::Borrowed(bytes),
        };
        let narrow = |unit: &[u8]| {
            if unit[high] == 0 {
                unit[low].min(OTHER)
            } else {
                OTHER
            }
        };
        Cow::Owned(bytes.chunks_exact(2).map(narrow).collect())
    }

    /// `bytes` as text; `None` when they are none in the file's encoding.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        if self.encoding == UTF_8 {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        self.encoding
            .decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// Appends `text` in the file's encoding.
    pub(super) fn encode(&self, text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self.encoding {
            encoding if encoding == UTF_8 => out.extend_from_slice(text.as_bytes()),
            encoding if encoding == UTF_16LE => {
                out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            encoding if encoding == UTF_16BE => {
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
            encoding => {
                let (bytes, _, unmappable) = encoding.encode(text);
                if unmappable {
                    return Err(Refusal::Unmappable(encoding.name()));
                }
                out.extend_from_slice(&bytes);
            }
        }
        Ok(())
    }

    /// Whether a field that begins with `first` is quoted.
    pub(super) fn opens(&self, first: Option<&u8>) -> bool {
        first.is_some() && first == self.quote.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiter_by_name() {
        for (stem, delimiter) in [
            ("a/b.csv", b','),
            ("b.TSV", b'\t'),
            ("b.tab", b'\t'),
            ("tsv", b','),
            ("x.txt", b','),
        ] {
            let dialect = Dialect::new(&TextOptions::default(), stem, None).unwrap();
            assert_eq!(dialect.delimiter, delimiter, "{stem}");
        }
    }

    #[test]
    fn encodings_there_and_back() {
        for (label, text, bytes) in [
            ("utf-8", "é,", &b"\xC3\xA9,"[..]),
            ("latin1", "é,", b"\xE9,"),
            ("utf-16le", "é\u{1F600},", b"\xE9\0\x3D\xD8\x00\xDE,\0"),
            ("utf-16be", "é,", b"\0\xE9\0,"),
            ("shift_jis", "表,", b"\x95\x5C,"),
        ] {
            let options = TextOptions {
                encoding: label.to_owned(),
                ..TextOptions::default()
            };
            let dialect = Dialect::new(&options, "a.csv", None).unwrap();
            let mut encoded = vec![];
            dialect.encode(text, &mut encoded).unwrap();
            assert_eq!(encoded, bytes, "{label}");
            assert_eq!(dialect.decode(bytes).unwrap(), text, "{label}");
            assert_eq!(dialect.units(bytes).last(), Some(&b','), "{label}");
        }
    }
}
