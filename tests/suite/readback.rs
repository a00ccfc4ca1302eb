//! Others read what we write: Parquet made by pyarrow and DuckDB, masked by us, read back by both; and
//! column chunks no rule names, byte for byte.
//!
//! Needs a Python with pyarrow and duckdb, named by `VISARD_TEST_PYTHON`; `tests/run` brings one.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};

use crate::visard::{Ended, Visard};

/// The script beside this file, with arguments.
fn script(python: &str, args: &[&Path], command: &str) -> Ended {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/readback.py");
    let mut call = Command::new(python);
    call.arg(script).arg(command).args(args);
    Ended::of(call.output().unwrap())
}

#[test]
fn others_read_what_we_write() {
    let python = std::env::var("VISARD_TEST_PYTHON").unwrap_or_default();
    if python.is_empty() {
        assert!(
            std::env::var_os("VISARD_TEST_SERVERS").is_none(),
            "there is no VISARD_TEST_PYTHON"
        );
        println!("left out: pyarrow and DuckDB; tests/run installs them");
        return;
    }
    let visard = Visard::new();
    let (source, target) = (visard.path("in"), visard.path("out"));
    let made = script(&python, &[&source], "make").expect(0);
    print!("{}", made.stdout);
    visard.pipeline(
        "workers: 2",
        "- column: name\n  skip: [null]\n  masks: [{type: hash, length: 12}]\n\
         - column: born\n  skip: [null]\n  masks: [{type: retain_year}]\n\
         - column: amount\n  skip: [null]\n  masks: [{type: imitate}]\n\
         - column: address.city\n  skip: [null]\n  masks: [{type: from_file, seed_file: DataMasque_cities.csv, seed_column: city}]\n\
         - columns: ['tags*', 'phones*number']\n  skip: [null]\n  masks: [{type: hash, form: base32}]\n\
         - column: marks.key_value.value\n  skip: [null]\n  masks: [{type: from_fixed, value: masked}]\n\
         - column: tier\n  skip: [null]\n  hash_columns: [id]\n  masks: [{type: hash, length: 12}]",
    );
    visard.run(&[]).expect(0);
    let files = visard.files("in");
    assert_eq!(visard.files("out"), files);
    assert!(files.len() > 15, "{files:?}");
    let masked: HashMap<String, Vec<String>> =
        serde_json::from_slice(&visard.read("masked.json")).unwrap();
    for file in &files {
        let (before, after) = (
            visard.read(&format!("in/{file}")),
            visard.read(&format!("out/{file}")),
        );
        compare_chunks(file, before.into(), after.into(), &masked[file]);
    }
    let ended = script(&python, &[&source, &target], "check");
    print!("{}", ended.stdout);
    let problems: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with("problem:"))
        .collect();
    let shown = problems
        .iter()
        .take(20)
        .map(|line| line.chars().take(200).collect::<String>());
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        shown.collect::<Vec<_>>().join("\n")
    );
    ended.expect(0);
}

fn footer(bytes: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .parse_and_finish(bytes)
        .unwrap()
}

fn chunk<'a>(bytes: &'a [u8], column: &ColumnChunkMetaData) -> &'a [u8] {
    let (start, length) = column.byte_range();
    &bytes[start as usize..(start + length) as usize]
}

/// The bytes of a bloom filter, as far as its length is told.
fn bloom<'a>(bytes: &'a [u8], column: &ColumnChunkMetaData) -> Option<&'a [u8]> {
    let start = column.bloom_filter_offset()? as usize;
    let length = column.bloom_filter_length()? as usize;
    Some(&bytes[start..start + length])
}

/// What no rule names is there as it was, with what belongs to it; of what one names, nothing is.
fn compare_chunks(file: &str, before: Bytes, after: Bytes, masked: &[String]) {
    let (old, new) = (footer(&before), footer(&after));
    assert_eq!(
        old.file_metadata().schema(),
        new.file_metadata().schema(),
        "{file}"
    );
    assert_eq!(old.num_row_groups(), new.num_row_groups(), "{file}");
    let is_masked = |path: &str| {
        let plain = path.replace(".list.element", "").replace(".list.item", "");
        masked.contains(&plain)
    };
    let mut seen = (0, 0);
    for (old, new) in old.row_groups().iter().zip(new.row_groups()) {
        assert_eq!(old.num_rows(), new.num_rows(), "{file}");
        for (old, new) in old.columns().iter().zip(new.columns()) {
            let path = old.column_path().string();
            let place = format!("{file}: {path}");
            assert_eq!(old.column_path(), new.column_path(), "{place}");
            let same = chunk(&before, old) == chunk(&after, new);
            if is_masked(&path) {
                seen.0 += 1;
                assert!(!same, "{place} is as it was");
                continue;
            }
            seen.1 += 1;
            assert!(same, "{place}: the bytes differ");
            assert_eq!(old.num_values(), new.num_values(), "{place}");
            assert_eq!(old.statistics(), new.statistics(), "{place}");
            assert_eq!(old.compression(), new.compression(), "{place}");
            assert!(old.encodings().eq(new.encodings()), "{place}: encodings");
            assert_eq!(
                old.column_index_length().is_some(),
                new.column_index_length().is_some(),
                "{place}: column index"
            );
            assert!(
                bloom(&before, old) == bloom(&after, new),
                "{place}: bloom filter"
            );
        }
    }
    assert!(seen.0 >= 7 && seen.1 >= 10, "{file}: {seen:?}");
}
