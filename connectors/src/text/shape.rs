//! What a file says about itself: byte-order mark, line ends, header.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::Encoding;

use super::TextError;
use super::compression::{Compression, RangeRead};
use super::dialect::Dialect;
use super::options::TextOptions;
use super::record::{MISSING, Scan, Scanner, Wanted};
use super::split::State;
use crate::store::{Object, RangeReader, Store};

/// A text file before its first record: its columns and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextShape {
    pub(super) path: String,
    /// Size of the object, as it lies in the store.
    pub(super) size: u64,
    pub(super) compression: Compression,
    pub(super) dialect: Dialect,
    pub(super) columns: Vec<String>,
    /// What stands in front of the first record: byte-order mark and header, decompressed.
    pub(super) prelude: Bytes,
}

/// Reads the beginning of a file, as far as the end of its header.
///
/// # Errors
/// When the store fails, an option does not fit the file, or the header cannot be read.
pub async fn inspect(
    store: &Store,
    object: &Object,
    options: &TextOptions,
) -> Result<TextShape, TextError> {
    let (store, object, options) = (store.clone(), object.clone(), options.clone());
    let path = object.path.clone();
    let read = tokio::task::spawn_blocking(move || {
        let reader = store.reader(&object).map_err(|source| TextError::Store {
            path: object.path.clone(),
            source,
        })?;
        TextShape::read(&object.path, reader, &options)
    });
    match read.await {
        Ok(shape) => shape,
        Err(stopped) => Err(TextError::io(&path, std::io::Error::other(stopped))),
    }
}

impl TextShape {
    /// The names of the columns from left to right, as they are: possibly empty or twice the same.
    /// A file without a header record has none.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the names of the columns are those of a record of the file.
    pub fn has_header(&self) -> bool {
        self.dialect.columns.is_none()
    }

    /// Calls the columns that are `hidden` by their place, `number 1`, `number 2` and so on, and gives
    /// back what the header calls all of them: for a header that may be a record, whose values must
    /// not get into messages and reports.
    pub fn number_columns(&mut self, hidden: impl Fn(&str) -> bool) -> Vec<String> {
        let shown = |(place, name): (usize, &String)| match hidden(name) {
            true => format!("number {}", place + 1),
            false => name.clone(),
        };
        let shown = self.columns.iter().enumerate().map(shown).collect();
        std::mem::replace(&mut self.columns, shown)
    }

    /// Where `column` stands, counted from zero.
    ///
    /// # Errors
    /// When no column has the name, or more than one.
    pub fn place_of(&self, column: &str) -> Result<usize, TextError> {
        let named = |(place, name): (usize, &String)| (name == column).then_some(place);
        let places: Vec<usize> = self.columns.iter().enumerate().filter_map(named).collect();
        let (path, column) = (self.path.clone(), column.to_owned());
        match places[..] {
            [place] => Ok(place),
            [] => Err(TextError::NoColumn {
                path,
                column,
                columns: self.columns.clone(),
            }),
            _ => {
                let places = places.iter().map(|place| place + 1).collect();
                Err(TextError::DuplicateColumn {
                    path,
                    column,
                    places,
                })
            }
        }
    }

    /// Whether the file is read from its beginning to its end by one slice: a compressed file, or
    /// one whose bytes mean nothing alone.
    pub(super) fn is_streamed(&self) -> bool {
        self.compression != Compression::None || self.dialect.is_wide()
    }

    pub(super) fn read(
        path: &str,
        reader: Arc<dyn RangeReader>,
        options: &TextOptions,
    ) -> Result<Self, TextError> {
        const FIRST_LOOK: usize = 64 << 10;
        let size = reader.size();
        let (compression, stem) = Compression::of(path);
        let mut input = compression
            .decoder(RangeRead::new(reader, FIRST_LOOK), size)
            .map_err(|error| TextError::io(path, error))?;
        let mut prefix = vec![];
        loop {
            let more = prefix.len().max(FIRST_LOOK);
            let read = input.by_ref().take(more as u64).read_to_end(&mut prefix);
            let whole = read.map_err(|error| TextError::io(path, error))? < more;
            let bom = Encoding::for_bom(&prefix);
            let mut shape = Self {
                path: path.to_owned(),
                size,
                compression,
                dialect: Dialect::new(options, stem, bom.map(|(encoding, _)| encoding))?,
                columns: vec![],
                prelude: Bytes::new(),
            };
            if shape.read_prefix(&prefix, bom.map_or(0, |(_, bytes)| bytes), whole)? {
                return Ok(shape);
            }
            if prefix.len() > options.max_record_bytes {
                let (path, limit) = (path.to_owned(), options.max_record_bytes);
                return Err(TextError::RecordTooLong {
                    path,
                    offset: 0,
                    limit,
                });
            }
        }
    }

    /// Takes line ends and columns from the file's beginning; `false` when it takes more of it.
    fn read_prefix(&mut self, prefix: &[u8], bom: usize, whole: bool) -> Result<bool, TextError> {
        let units = self.dialect.units(&prefix[bom..]).into_owned();
        self.dialect.newline = newline(&self.dialect, &units);
        if let Some(columns) = &self.dialect.columns {
            self.columns.clone_from(columns);
            self.prelude = Bytes::copy_from_slice(&prefix[..bom]);
            return Ok(true);
        }
        let mut scanner = Scanner::new(&self.dialect, &units, whole);
        let mut at = 0;
        while let Some(end) = scanner.blank(at) {
            at = end;
        }
        if at == units.len() {
            self.prelude = Bytes::copy_from_slice(prefix);
            return Ok(whole);
        }
        let (end, fields) = match scanner.record(at, &[], &mut []) {
            Scan::Record { end, fields } => (end, fields),
            Scan::Partial => return Ok(false),
            Scan::Unclosed => {
                let offset = (bom + at * self.dialect.width()) as u64;
                return Err(TextError::Unclosed {
                    path: self.path.clone(),
                    offset,
                });
            }
        };
        let wanted: Vec<_> = (0..fields)
            .map(|column| Wanted {
                column,
                slot: column,
            })
            .collect();
        let mut spans = vec![MISSING; 2 * fields];
        scanner.record(at, &wanted, &mut spans);
        let place = |span: u32| bom + span as usize * self.dialect.width();
        self.columns = spans
            .chunks_exact(2)
            .map(|span| {
                let name = self.dialect.value(&prefix[place(span[0])..place(span[1])]);
                let name = name.map_err(|_| TextError::Undecodable {
                    path: self.path.clone(),
                    offset: place(span[0]) as u64,
                    encoding: self.dialect.encoding.name(),
                })?;
                Ok(name.unwrap_or_default().into_owned())
            })
            .collect::<Result<_, TextError>>()?;
        self.prelude = Bytes::copy_from_slice(&prefix[..place(end as u32)]);
        Ok(true)
    }
}

/// The byte that ends records: CR where lines end with it alone, else LF.
pub(super) fn newline(dialect: &Dialect, units: &[u8]) -> u8 {
    let old_mac = Dialect {
        newline: b'\r',
        ..dialect.clone()
    };
    let mut state = State::RecordStart;
    let mut lone = false;
    for unit in units {
        let outside = !matches!(state, State::Quoted | State::Escaped);
        if *unit == b'\n' && outside {
            return b'\n';
        }
        state = old_mac.step(state, *unit);
        lone |= state == State::RecordStart;
    }
    if lone { b'\r' } else { b'\n' }
}

#[cfg(test)]
mod tests {
    use super::super::corpus::Memory;
    use super::super::options::Header;
    use super::*;

    fn shape(file: &[u8], options: &TextOptions) -> Result<TextShape, TextError> {
        TextShape::read("a.csv", Memory::reader(file), options)
    }

    #[test]
    fn columns_and_prelude() {
        let default = TextOptions::default();
        let latin = TextOptions {
            encoding: "latin1".to_owned(),
            ..default.clone()
        };
        let given = TextOptions {
            header: Header::Columns(vec!["x".to_owned()]),
            ..default.clone()
        };
        for (options, file, columns, prelude, newline) in [
            (&default, &b""[..], &[][..], 0, b'\n'),
            (&default, b"a,b", &["a", "b"], 3, b'\n'),
            (&default, b"a,b\n1,2\n", &["a", "b"], 4, b'\n'),
            (&default, b"a,b\r\n1,2\r\n", &["a", "b"], 5, b'\n'),
            (&default, b"a,b\r1,2\r", &["a", "b"], 4, b'\r'),
            (&default, b"a,\"b\r\"\r\"\n\",2\r", &["a", "b\r"], 7, b'\r'),
            (&default, b"a\rb,c\n1,2\n", &["a\rb", "c"], 6, b'\n'),
            (
                &default,
                b"\xEF\xBB\xBF\"a\nb\",,\"\"\n",
                &["a\nb", "", ""],
                13,
                b'\n',
            ),
            (&default, b"\n\r\na\n", &["a"], 5, b'\n'),
            (&default, b"\n\r\n", &[], 3, b'\n'),
            (&default, b"\xFF\xFEa\0,\0b\0\n\0", &["a", "b"], 10, b'\n'),
            (&latin, b"\xE9\n", &["é"], 2, b'\n'),
            (&given, b"1\n2\n", &["x"], 0, b'\n'),
            (&given, b"", &["x"], 0, b'\n'),
        ] {
            let shape = shape(file, options).unwrap();
            assert_eq!(shape.columns(), columns, "{file:?}");
            assert_eq!(shape.prelude, &file[..prelude], "{file:?}");
            assert_eq!(shape.dialect.newline, newline, "{file:?}");
        }
    }

    #[test]
    fn a_long_header() {
        let name = "x".repeat(300_000);
        let file = format!("a,{name}\n1,2\n");
        let default = TextOptions::default();
        assert_eq!(
            shape(file.as_bytes(), &default).unwrap().columns(),
            ["a", &name]
        );
        let short = TextOptions {
            max_record_bytes: 1000,
            ..default
        };
        let error = shape(file.as_bytes(), &short).unwrap_err();
        assert!(matches!(error, TextError::RecordTooLong { .. }), "{error}");
    }

    #[test]
    fn places_of_columns() {
        let shape = shape(b"a,b,a\n", &TextOptions::default()).unwrap();
        assert_eq!(shape.place_of("b").unwrap(), 1);
        for (column, message) in [
            (
                "a",
                "`a.csv`: the name `a` does not tell columns 1, 3 apart",
            ),
            (
                "c",
                "`a.csv` has no column `c`; its columns are `a`, `b`, `a`",
            ),
        ] {
            assert_eq!(shape.place_of(column).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn headers_that_cannot_be_read() {
        for (file, message) in [
            (
                &b"a,\"b\n1,2\n"[..],
                "`a.csv`: the record at byte 0 has a quoted field that never ends",
            ),
            (b"a,\xFF\n", "`a.csv`: the field at byte 2 is not UTF-8"),
        ] {
            let error = shape(file, &TextOptions::default()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
