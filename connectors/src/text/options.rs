//! What a ruleset says about delimited text files.

use encoding_rs::{Encoding, UTF_8};

use super::TextError;

/// How delimited text is read; what a file itself says (byte-order mark, line ends) is added later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    /// The ASCII byte between two fields. Default: a tab for `.tsv` and `.tab`, else a comma.
    pub delimiter: Option<u8>,
    /// The ASCII byte around a field. Default `"`; `None`: no field is quoted.
    pub quote: Option<u8>,
    /// The ASCII byte that takes the meaning from the byte behind it: inside quotes, or anywhere
    /// when there are none. Default `None`: a quote inside quotes is doubled.
    pub escape: Option<u8>,
    /// Where the column names come from. Default: the first record.
    pub header: Header,
    /// A WHATWG encoding label. Default `utf-8`; a byte-order mark in the file overrides it.
    pub encoding: String,
    /// The unquoted text that stands for null. Default `None`: an unquoted empty field does.
    pub null_string: Option<String>,
    /// Records with more or fewer fields than columns. Default: an error.
    pub ragged: Ragged,
    /// Bytes of an uncompressed file that one slice works on. Default 8 MiB.
    pub block_bytes: usize,
    /// The longest record, in bytes. Default 64 MiB: more is taken for a quote that never closes.
    pub max_record_bytes: usize,
}

/// Where the names of the columns come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Header {
    /// The file's first record names the columns.
    #[default]
    FirstRecord,
    /// The file has no header; these are its columns from left to right.
    Columns(Vec<String>),
}

/// What becomes of a record whose number of fields is not the number of columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ragged {
    /// The unit fails.
    #[default]
    Error,
    /// The record keeps its surplus fields and lacks its missing ones, which are null to a rule.
    Keep,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: Some(b'"'),
            escape: None,
            header: Header::FirstRecord,
            encoding: "utf-8".to_owned(),
            null_string: None,
            ragged: Ragged::Error,
            block_bytes: 8 << 20,
            max_record_bytes: 64 << 20,
        }
    }
}

/// Offsets into a block are 31 bits wide in an Arrow view.
const LARGEST_BLOCK: usize = 1 << 30;

impl TextOptions {
    /// Refuses options that no file could be read with.
    ///
    /// # Errors
    /// [`TextError::Option`] names the first one.
    pub fn check(&self) -> Result<(), TextError> {
        let meanings = [
            ("delimiter", self.delimiter),
            ("quote", self.quote),
            (
                "escape",
                self.escape.filter(|escape| Some(*escape) != self.quote),
            ),
        ];
        for (place, (option, byte)) in meanings.iter().enumerate() {
            let Some(byte) = byte else { continue };
            if !byte.is_ascii() || matches!(byte, b'\n' | b'\r') {
                return problem(option, "must be an ASCII character other than a line end");
            }
            if meanings[..place]
                .iter()
                .any(|(_, other)| other.as_ref() == Some(byte))
            {
                return problem(option, "has another meaning already");
            }
        }
        let encoding = self.encoding()?;
        if let Some(null) = &self.null_string {
            let special = |c| {
                let byte = u8::try_from(c).ok();
                matches!(c, '\n' | '\r')
                    || byte.is_some() && (byte == self.delimiter || byte == self.quote)
            };
            if null.contains(special) {
                return problem("null_string", "holds a delimiter, a quote or a line end");
            }
            if encoding.encode(null).2 {
                return problem("null_string", "has a character the encoding does not have");
            }
        }
        if let Header::Columns(columns) = &self.header
            && columns.is_empty()
        {
            return problem("columns", "names no column");
        }
        for (option, bytes) in [
            ("block_bytes", self.block_bytes),
            ("max_record_bytes", self.max_record_bytes),
        ] {
            if !(1..=LARGEST_BLOCK).contains(&bytes) {
                return problem(option, "must be from 1 byte to 1 GiB");
            }
        }
        Ok(())
    }

    /// The encoding that `encoding` names.
    pub(super) fn encoding(&self) -> Result<&'static Encoding, TextError> {
        let Some(encoding) = Encoding::for_label_no_replacement(self.encoding.as_bytes()) else {
            return problem("encoding", "is no encoding label");
        };
        if encoding == encoding_rs::ISO_2022_JP {
            return problem(
                "encoding",
                "shifts the meaning of ASCII bytes, which is not supported",
            );
        }
        // The second byte of a letter is at least 0x30 in these encodings: a comma, a tab and a
        // quotation mark are always themselves there, a vertical bar or a backslash is not.
        let safe = encoding == UTF_8
            || encoding.is_single_byte()
            || !encoding.is_ascii_compatible()
            || encoding == encoding_rs::EUC_JP;
        let bytes = [self.delimiter, self.quote, self.escape];
        if !safe && bytes.iter().flatten().any(|byte| *byte >= 0x30) {
            return problem(
                "encoding",
                "uses the delimiter, quote or escape inside letters",
            );
        }
        Ok(encoding)
    }
}

fn problem<T>(option: &'static str, problem: &str) -> Result<T, TextError> {
    Err(TextError::Option {
        option,
        problem: problem.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_contradict_each_other() {
        let default = TextOptions::default;
        let cases: [(&str, TextOptions); 9] = [
            (
                "quote",
                TextOptions {
                    delimiter: Some(b'"'),
                    ..default()
                },
            ),
            (
                "delimiter",
                TextOptions {
                    delimiter: Some(b'\n'),
                    ..default()
                },
            ),
            (
                "quote",
                TextOptions {
                    quote: Some(0xE9),
                    ..default()
                },
            ),
            (
                "escape",
                TextOptions {
                    delimiter: Some(b'|'),
                    escape: Some(b'|'),
                    ..default()
                },
            ),
            (
                "encoding",
                TextOptions {
                    encoding: "klingon".to_owned(),
                    ..default()
                },
            ),
            (
                "encoding",
                TextOptions {
                    encoding: "shift_jis".to_owned(),
                    delimiter: Some(b'|'),
                    ..default()
                },
            ),
            (
                "null_string",
                TextOptions {
                    null_string: Some("a\"".to_owned()),
                    ..default()
                },
            ),
            (
                "columns",
                TextOptions {
                    header: Header::Columns(vec![]),
                    ..default()
                },
            ),
            (
                "block_bytes",
                TextOptions {
                    block_bytes: 0,
                    ..default()
                },
            ),
        ];
        for (place, options) in cases {
            match options.check() {
                Err(TextError::Option { option, .. }) => assert_eq!(option, place),
                other => panic!("{place}: {other:?}"),
            }
        }
    }

    #[test]
    fn options_in_use() {
        let default = TextOptions::default;
        for options in [
            default(),
            TextOptions {
                escape: Some(b'"'),
                ..default()
            },
            TextOptions {
                quote: None,
                escape: Some(b'\\'),
                ..default()
            },
            TextOptions {
                encoding: "utf-16le".to_owned(),
                ..default()
            },
            TextOptions {
                encoding: "shift_jis".to_owned(),
                ..default()
            },
            TextOptions {
                null_string: Some("\\N".to_owned()),
                ..default()
            },
        ] {
            options.check().unwrap();
        }
    }
}
