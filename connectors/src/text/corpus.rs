//! Nasty files, read and written in blocks of every size: what no rule names stays byte for byte.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::datatypes::{Schema, UInt64Type};
use bytes::Bytes;
use datafusion::common::Result;
use proptest::prelude::*;

use super::batches::{Batches, schema};
use super::options::{Header, Ragged, TextOptions};
use super::shape::TextShape;
use super::sink::Splicer;
use super::source::Reading;
use crate::store::{RangeReader, StoreError};

/// An object that lies in memory.
#[derive(Debug)]
pub(super) struct Memory(Bytes);

impl Memory {
    pub(super) fn reader(bytes: &[u8]) -> Arc<dyn RangeReader> {
        Arc::new(Self(Bytes::copy_from_slice(bytes)))
    }
}

impl RangeReader for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        Ok(self.0.slice(range.start as usize..range.end as usize))
    }

    fn verify_unchanged(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What a run over a file came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// The new file, decompressed.
    out: Vec<u8>,
    /// Place and typed values of each record.
    records: Vec<(u64, Vec<Option<String>>)>,
}

type Mask = fn(Option<&str>) -> Option<String>;

/// Masks the `typed` columns of a file with `mask`. With `threads`, all slices are worked on at
/// once and the last ones begin first.
fn run(
    path: &str,
    file: &[u8],
    options: &TextOptions,
    typed: &[&str],
    mask: Mask,
    threads: bool,
) -> Result<Outcome> {
    let typed: Vec<String> = typed.iter().map(|name| (*name).to_owned()).collect();
    let reader = Memory::reader(file);
    let shape = TextShape::read(path, Arc::clone(&reader), options)?;
    let reading = Reading::new(shape, options, &typed)?;
    let masked = reading.masked(&typed, &typed)?;
    let slice = |slice: usize| {
        let splicer = Splicer {
            path,
            dialect: &reading.shape.dialect,
            masked: &masked,
        };
        let mut outcome = Outcome::default();
        let (mut offset, mut failed) = (None, Ok(()));
        let mut emit = |batch: RecordBatch| {
            note(&batch, typed.len(), &mut outcome.records);
            let offset = offset.get_or_insert_with(|| reading.start_of(slice));
            let masked = masked_batch(&batch, typed.len(), mask);
            failed = splicer.splice(&masked, offset, &mut outcome.out);
            failed.is_ok()
        };
        let schema = schema(&typed, false);
        let projection: Vec<usize> = (0..schema.fields().len()).collect();
        let mut batches = Batches::new(path, typed.len(), schema, &projection, 1 << 20, &mut emit);
        let read = reading.read(slice, Arc::clone(&reader), &mut batches);
        if read.is_err() {
            reading.give_up(slice);
        }
        read.and(failed)?;
        outcome.out.extend_from_slice(&reading.tail_of(slice));
        Ok(outcome)
    };
    let slices: Vec<Result<Outcome>> = if threads {
        std::thread::scope(|scope| {
            let slice = &slice;
            let started: Vec<_> = (0..reading.slices())
                .rev()
                .map(|n| scope.spawn(move || slice(n)))
                .collect();
            started
                .into_iter()
                .rev()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    } else {
        (0..reading.slices()).map(slice).collect()
    };
    let mut whole = Outcome {
        out: reading.shape.prelude.to_vec(),
        records: vec![],
    };
    for slice in slices {
        let slice = slice?;
        whole.out.extend(slice.out);
        whole.records.extend(slice.records);
    }
    Ok(whole)
}

fn note(batch: &RecordBatch, typed: usize, records: &mut Vec<(u64, Vec<Option<String>>)>) {
    let places = batch.column(typed + 1).as_primitive::<UInt64Type>();
    for row in 0..batch.num_rows() {
        let value = |column: &ArrayRef| {
            let column = column.as_string_view();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let values = batch.columns()[..typed].iter().map(value).collect();
        records.push((places.value(row), values));
    }
}

fn masked_batch(batch: &RecordBatch, typed: usize, mask: Mask) -> RecordBatch {
    let masked = batch.columns()[..typed].iter().map(|column| {
        let column: StringViewArray = column.as_string_view().iter().map(mask).collect();
        Arc::new(column) as ArrayRef
    });
    let columns: Vec<_> = masked
        .chain(batch.columns()[typed + 2..].iter().cloned())
        .collect();
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.drain(typed..typed + 2);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn keep(value: Option<&str>) -> Option<String> {
    value.map(str::to_owned)
}

fn star(value: Option<&str>) -> Option<String> {
    value.map(|_| "*".to_owned())
}

/// Name, options, typed columns, file, and the file with `*` for every value of those columns.
type Case = (
    &'static str,
    TextOptions,
    &'static [&'static str],
    Vec<u8>,
    Vec<u8>,
);

fn cases() -> Vec<Case> {
    let default = TextOptions::default;
    let keep = || TextOptions {
        ragged: Ragged::Keep,
        ..default()
    };
    let encoded = |label: &str| TextOptions {
        encoding: label.to_owned(),
        ..default()
    };
    let unquoted = || TextOptions {
        quote: None,
        escape: Some(b'\\'),
        ..default()
    };
    let headless = || {
        let columns = ["a", "b"].map(str::to_owned).to_vec();
        TextOptions {
            header: Header::Columns(columns),
            ..default()
        }
    };
    let utf16 = |text: &str| {
        let units = "\u{FEFF}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()
    };
    let case = |name, options, typed, file: &str, masked: &str| -> Case {
        (name, options, typed, file.into(), masked.into())
    };
    vec![
        case(
            "plain",
            default(),
            &["b"],
            "a,b,c\n1,2,3\n4,5,6\n",
            "a,b,c\n1,*,3\n4,*,6\n",
        ),
        case(
            "crlf",
            default(),
            &["b"],
            "a,b\r\n1,2\r\n3,4\r\n",
            "a,b\r\n1,*\r\n3,*\r\n",
        ),
        case(
            "cr",
            default(),
            &["b", "a"],
            "a,b\r1,2\r\"\n\",4\r\r",
            "a,b\r*,*\r\"*\",*\r\r",
        ),
        case(
            "mixed line ends",
            default(),
            &["b"],
            "a,b\n1,2\r\n3,4\n",
            "a,b\n1,*\r\n3,*\n",
        ),
        case(
            "no final newline",
            default(),
            &["b"],
            "a,b\n1,2\n3,4",
            "a,b\n1,*\n3,*",
        ),
        case(
            "final comma",
            default(),
            &["b"],
            "a,b\n1,\n3,",
            "a,b\n1,\n3,",
        ),
        case(
            "quoted line ends",
            default(),
            &["b"],
            "a,b,c\n\"x\n\"\"\n,\",\"y\r\n,\"\"\n\",\"\n\n\"\r\n\"\n\",q\"q,\"\"\n1,\"\"\"\n\",\n",
            "a,b,c\n\"x\n\"\"\n,\",\"*\",\"\n\n\"\r\n\"\n\",*,\"\"\n1,\"*\",\n",
        ),
        case(
            "all quoted",
            default(),
            &["b"],
            "\"a\",\"b\"\n\"1\",\"2\"\n",
            "\"a\",\"b\"\n\"1\",\"*\"\n",
        ),
        case(
            "null and empty",
            default(),
            &["a"],
            "a,b\n,\"\"\n\"\",\n",
            "a,b\n,\"\"\n\"*\",\n",
        ),
        case(
            "bom",
            default(),
            &["a"],
            "\u{FEFF}a,b\n1,2\n",
            "\u{FEFF}a,b\n*,2\n",
        ),
        case("bom alone", default(), &[], "\u{FEFF}", "\u{FEFF}"),
        case("nothing", default(), &["a"], "", ""),
        case("header alone", default(), &["a"], "a,b\r\n", "a,b\r\n"),
        case("header without end", default(), &["a"], "a,b", "a,b"),
        case(
            "blank lines",
            default(),
            &["b"],
            "\n\r\na,b\n\n\r\n1,2\n\n\n3,4\r\n\r\n\n\r\n",
            "\n\r\na,b\n\n\r\n1,*\n\n\n3,*\r\n\r\n\n\r\n",
        ),
        case(
            "one column",
            default(),
            &["a"],
            "a\n1\n\n\r\n\"\"\nx\n\n",
            "a\n*\n\n\r\n\"*\"\n*\n\n",
        ),
        case(
            "nul",
            default(),
            &["b"],
            "a,b\n\0,\0\0\n1,2\0\n",
            "a,b\n\0,*\n1,*\n",
        ),
        case("tsv", default(), &["b"], "a\tb\n1,\t2\n", "a\tb\n1,\t*\n"),
        case(
            "ragged",
            keep(),
            &["c", "b"],
            "a,b,c\n1\n1,2\n1,2,3\n1,2,3,4\n\"\n\"\n,\n",
            "a,b,c\n1\n1,*\n1,*,*\n1,*,*,4\n\"\n\"\n,\n",
        ),
        case(
            "stray quotes",
            default(),
            &["b"],
            "a,b,c\n1\"\",2\"\"\",3\n\"1\"x\"\",\"2\"y,\"\n\"z\n",
            "a,b,c\n1\"\",*,3\n\"1\"x\"\",\"*\",\"\n\"z\n",
        ),
        case(
            "backslash in quotes",
            TextOptions {
                escape: Some(b'\\'),
                ..default()
            },
            &["b"],
            "a,b\n\"\\\"\n\",\"\\\\\"\n\\,\"\\\n\"\n",
            "a,b\n\"\\\"\n\",\"*\"\n\\,\"*\"\n",
        ),
        case(
            "backslash without quotes",
            unquoted(),
            &["b"],
            "a,b\n\\\n,\\,\\\\\n\",\\\r\n\n",
            "a,b\n\\\n,*\n\",*\r\n\n",
        ),
        case(
            "null string",
            TextOptions {
                null_string: Some("NA".to_owned()),
                ..default()
            },
            &["b"],
            "a,b\nNA,NA\n,\"NA\"\n1,\n",
            "a,b\nNA,NA\n,\"*\"\n1,*\n",
        ),
        case("no header", headless(), &["b"], "1,2\n3,4", "1,*\n3,*"),
        case(
            "doubled name unnamed",
            default(),
            &["b"],
            "a,b,a,\n1,2,3,4\n",
            "a,b,a,\n1,*,3,4\n",
        ),
        (
            "latin1",
            encoded("latin1"),
            &["é"],
            b"\xE9,\xFC\n\xE4,\xF6\n\"\xE4\",\"\n\xF6\"\n".into(),
            b"\xE9,\xFC\n*,\xF6\n\"*\",\"\n\xF6\"\n".into(),
        ),
        (
            "utf-16",
            default(),
            &["é"],
            utf16("é,表\n\"\u{1F600}\n\",Ċ\n表,\"é\"\"\"\n\n"),
            utf16("é,表\n\"*\",Ċ\n*,\"é\"\"\"\n\n"),
        ),
    ]
}

fn path_of(name: &str) -> &'static str {
    if name == "tsv" { "x/y.tsv" } else { "x/y.csv" }
}

#[test]
fn what_no_rule_names_stays() {
    for (name, options, typed, file, masked) in cases() {
        let mut first = None;
        for block_bytes in 1..=file.len() + 2 {
            let options = TextOptions {
                block_bytes,
                ..options.clone()
            };
            let threads = block_bytes % 5 == 1;
            let run = |mask| run(path_of(name), &file, &options, typed, mask, threads).unwrap();
            let kept = run(keep);
            assert!(
                kept.out == file,
                "{name} in blocks of {block_bytes}: {:?}",
                text(&kept.out)
            );
            let out = run(star).out;
            assert_eq!(
                text(&out),
                text(&masked),
                "{name} in blocks of {block_bytes}"
            );
            let first = first.get_or_insert_with(|| run(keep).records);
            assert_eq!(&kept.records, first, "{name} in blocks of {block_bytes}");
        }
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn compressed_files() {
    use std::io::Write;
    let plain: Vec<u8> = (0..200_000)
        .flat_map(|n| format!("{n},\"a\n{n}\"\n").into_bytes())
        .collect();
    let file = [b"a,b\n", &plain[..]].concat();
    let gzip = |part: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        out.write_all(part).unwrap();
        out.finish().unwrap()
    };
    let two_members = [gzip(&file[..1000]), gzip(&file[1000..])].concat();
    let zstd = zstd::encode_all(&file[..], 1).unwrap();
    for (path, packed) in [
        ("a.csv.gz", &two_members),
        ("a.csv.zst", &zstd),
        ("a.csv.GZ", &vec![]),
    ] {
        let options = TextOptions {
            block_bytes: 1000,
            ..TextOptions::default()
        };
        let outcome = run(path, packed, &options, &["b"], keep, false).unwrap();
        let expected = if packed.is_empty() { &[] } else { &file[..] };
        assert!(outcome.out == expected, "{path}");
    }
}

#[test]
fn files_that_are_refused() {
    let default = TextOptions::default;
    for (options, file, message) in [
        (
            default(),
            &b"a,b\n1,2\n1,secret,3\n"[..],
            "`a.csv`: the record at byte 8 has 3 fields, not 2; `ragged: keep` lets such records pass",
        ),
        (
            default(),
            b"a,b\n1,2\n1,\"secret\n",
            "`a.csv`: the record at byte 8 has a quoted field that never ends",
        ),
        (
            default(),
            b"a,b\n1,secret\xFF\n",
            "`a.csv`: the field at byte 6 is not UTF-8",
        ),
        (
            TextOptions {
                max_record_bytes: 9,
                ..default()
            },
            b"a,b\n1,secretsecret\n",
            "`a.csv`: the record at byte 4 is longer than 9 bytes; is the quote character right?",
        ),
    ] {
        for block_bytes in 1..5 {
            let options = TextOptions {
                block_bytes,
                ..options.clone()
            };
            let error = run("a.csv", file, &options, &["b"], keep, false).unwrap_err();
            let error = error.to_string();
            assert_eq!(error.trim_start_matches("External error: "), message);
        }
    }
    let latin = TextOptions {
        encoding: "latin1".to_owned(),
        ..default()
    };
    let unquoted = TextOptions {
        quote: None,
        ..default()
    };
    for (options, mask, refusal) in [
        (
            latin,
            (|_| Some("表secret".to_owned())) as Mask,
            "has a character that windows-1252",
        ),
        (
            unquoted,
            |_| Some("secret,".to_owned()),
            "would need quotes",
        ),
    ] {
        let error = run("a.csv", b"a,b\n1,2\n3,4\n", &options, &["b"], mask, false).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("column `b` of the record at byte 4"),
            "{error}"
        );
        assert!(
            error.contains(refusal) && !error.contains("secret"),
            "{error}"
        );
    }
}

/// One pass, byte by byte, and nothing clever: the records of `text` behind its header as fields
/// and their ends; `None` when a quoted field never ends.
fn reference(text: &[u8]) -> Option<Vec<Vec<Range<usize>>>> {
    let (mut records, mut fields, mut start) = (vec![], vec![], 0);
    let (mut quoted, mut at) = (false, 0);
    while at < text.len() {
        match text[at] {
            b'"' if quoted && text.get(at + 1) == Some(&b'"') => at += 1,
            b'"' if quoted => quoted = false,
            b'"' if at == start => quoted = true,
            b',' if !quoted => {
                fields.push(start..at);
                start = at + 1;
            }
            b'\n' if !quoted => {
                let cr = at > start && text[at - 1] == b'\r';
                fields.push(start..at - usize::from(cr));
                start = at + 1;
                records.push(std::mem::take(&mut fields));
            }
            _ => {}
        }
        at += 1;
    }
    if quoted {
        return None;
    }
    if start < text.len() || !fields.is_empty() {
        fields.push(start..text.len());
        records.push(fields);
    }
    records.retain(|fields| fields.len() > 1 || !fields[0].is_empty());
    Some(records)
}

/// `text` with `*` for every second field that is not null, in its old quotes.
fn masked_by_reference(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut copied) = (vec![], 0);
    for record in reference(text)?.iter().skip(1) {
        let Some(field) = record.get(1).filter(|field| !field.is_empty()) else {
            continue;
        };
        out.extend_from_slice(&text[copied..field.start]);
        out.extend_from_slice(if text[field.start] == b'"' {
            b"\"*\""
        } else {
            b"*"
        });
        copied = field.end;
    }
    out.extend_from_slice(&text[copied..]);
    Some(out)
}

proptest! {
    #[test]
    fn any_text_in_any_blocks(body in r#"[a,"\n\ré]{0,80}"#, block_bytes in 1_usize..40) {
        let file = format!("x,y,z\n{body}");
        let options =
            TextOptions { block_bytes, ragged: Ragged::Keep, ..TextOptions::default() };
        let run = |mask, threads| run("a.csv", file.as_bytes(), &options, &["y"], mask, threads);
        match masked_by_reference(file.as_bytes()) {
            None => prop_assert!(run(keep, false).is_err() && run(keep, true).is_err()),
            Some(masked) => {
                prop_assert_eq!(text(&run(keep, true).unwrap().out), text(file.as_bytes()));
                prop_assert_eq!(text(&run(star, false).unwrap().out), text(&masked));
            }
        }
    }
}
