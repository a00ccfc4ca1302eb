//! Which delimiter a file seems to have, by its first records.

use std::io::Read;
use std::sync::Arc;

use encoding_rs::Encoding;

use super::TextError;
use super::compression::{Compression, RangeRead};
use super::dialect::Dialect;
use super::options::TextOptions;
use super::record::{Scan, Scanner};
use super::shape::newline;
use crate::store::{Object, RangeReader, Store};

/// Bytes that are looked at, decompressed.
const LOOKED_AT: usize = 64 << 10;
/// Records that are looked at.
const RECORDS: usize = 100;
/// Delimiters that files have, beside the one that the name says.
const KNOWN: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The delimiter that divides the first records of a file most evenly, if it is not the one that its
/// name says. It is a guess.
///
/// # Errors
/// When the store fails or the options do not fit the file.
pub async fn sniff_delimiter(
    store: &Store,
    object: &Object,
    options: &TextOptions,
) -> Result<Option<char>, TextError> {
    let (store, object, options) = (store.clone(), object.clone(), options.clone());
    let path = object.path.clone();
    let read = tokio::task::spawn_blocking(move || {
        let reader = store.reader(&object).map_err(|source| TextError::Store {
            path: object.path.clone(),
            source,
        })?;
        sniff(&object.path, reader, &options)
    });
    match read.await {
        Ok(delimiter) => delimiter,
        Err(stopped) => Err(TextError::io(&path, std::io::Error::other(stopped))),
    }
}

fn sniff(
    path: &str,
    reader: Arc<dyn RangeReader>,
    options: &TextOptions,
) -> Result<Option<char>, TextError> {
    let size = reader.size();
    let (compression, stem) = Compression::of(path);
    let mut prefix = vec![];
    let mut input = compression
        .decoder(RangeRead::new(reader, LOOKED_AT), size)
        .map_err(|error| TextError::io(path, error))?;
    let read = input
        .by_ref()
        .take(LOOKED_AT as u64)
        .read_to_end(&mut prefix);
    let whole = read.map_err(|error| TextError::io(path, error))? < LOOKED_AT;
    let bom = Encoding::for_bom(&prefix);
    let bytes = &prefix[bom.map_or(0, |(_, length)| length)..];
    let named = Dialect::new(options, stem, bom.map(|(encoding, _)| encoding))?;
    let mut best = (named.delimiter, evenness(&named, bytes, whole));
    for delimiter in KNOWN {
        let dialect = Dialect {
            delimiter,
            ..named.clone()
        };
        let found = evenness(&dialect, bytes, whole);
        if found > best.1 {
            best = (delimiter, found);
        }
    }
    Ok((best.0 != named.delimiter).then_some(char::from(best.0)))
}

/// How many of the first records have as many fields as the very first, and how many fields those are;
/// nothing where it has one, or quotes are not closed.
fn evenness(dialect: &Dialect, bytes: &[u8], whole: bool) -> Option<(usize, usize)> {
    let units = dialect.units(bytes).into_owned();
    let mut dialect = dialect.clone();
    dialect.newline = newline(&dialect, &units);
    let mut scanner = Scanner::new(&dialect, &units, whole);
    let (mut at, mut even, mut first) = (0, 0, None);
    for _ in 0..RECORDS {
        while let Some(end) = scanner.blank(at).filter(|end| *end > at) {
            at = end;
        }
        if at >= units.len() {
            break;
        }
        match scanner.record(at, &[], &mut []) {
            Scan::Record { end, fields } => {
                even += usize::from(*first.get_or_insert(fields) == fields);
                at = end;
            }
            Scan::Partial => break,
            Scan::Unclosed => return None,
        }
    }
    first
        .filter(|fields| *fields > 1)
        .map(|fields| (even, fields))
}

#[cfg(test)]
mod tests {
    use super::super::corpus::Memory;
    use super::*;

    #[test]
    fn delimiters_of_first_records() {
        for (path, file, delimiter) in [
            ("a.csv", "id,name\n1,ann\n", None),
            ("a.csv", "id;name\n1;ann\n", Some(';')),
            ("a.csv", "id\tname\n1\tann\n", Some('\t')),
            ("a.txt", "id|name\r\n1|ann\r\n", Some('|')),
            ("a.tsv", "id\tname\n1\tann\n", None),
            ("a.tsv", "id,name\n1,ann\n", Some(',')),
            // Decimal commas, and text with the other's delimiter.
            ("a.csv", "id;price\n1;2,50\n2;3,75\n", Some(';')),
            ("a.csv", "id,note\n1,\"a;b;c\"\n2,\"d;e\"\n", None),
            ("a.csv", "id,note\n1,a;b;c\n2,d;e\n", None),
            ("a.csv", "id;note\n1;\"one, two\nthree, four\"\n", Some(';')),
            // A record that is ragged, and blank lines.
            ("a.csv", "\nid;a;b\n1;2;3\n\n4;5\n6;7;8\n", Some(';')),
            ("a.csv", "\u{feff}id;name\n1;ann", Some(';')),
            ("a.csv", "id\r1\r", None),
            ("a.csv", "name\nann; bo\n", None),
            ("a.csv", "id;name", Some(';')),
            ("a.csv", "", None),
            ("a.csv", "\n\n", None),
            ("a.csv", "\"never; closed", None),
        ] {
            let reader = Memory::reader(file.as_bytes());
            let found = sniff(path, reader, &TextOptions::default()).unwrap();
            assert_eq!(found, delimiter, "{path}: {file:?}");
        }
        let wide: Vec<u8> = "\u{feff}id;name\n1;ann\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let found = sniff("a.csv", Memory::reader(&wide), &TextOptions::default());
        assert_eq!(found.unwrap(), Some(';'));
    }

    /// A long file is cut within a record.
    #[test]
    fn the_end_of_what_is_looked_at_is_no_record() {
        let record = format!("1;{}\n", "x".repeat(30_000));
        let file = format!("id;name\n{}", record.repeat(5));
        let reader = Memory::reader(file.as_bytes());
        let found = sniff("a.csv", reader, &TextOptions::default());
        assert_eq!(found.unwrap(), Some(';'));
    }
}
