//! What has to hold for any input: the same bytes however a run is cut, the same value through every
//! type, null stays null, distinct stays distinct.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, DictionaryArray, Int64Array, LargeStringArray, RecordBatch,
    StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use sha2::{Digest, Sha256};

use crate::visard::Visard;

/// Masks of every way to draw: by value, by hash columns, by place.
const EVERY_DRAW: &str = "\
- column: email\n  masks: [{type: hash}]
- column: name\n  hash_columns: [id]\n  skip: [null]\n  masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv}]
- column: city\n  masks: [{type: from_file, seed_file: DataMasque_cities.csv, seed_column: city}]
- column: code\n  skip: [null]\n  masks: [{type: imitate}]
- if: {column: name, matches: '[02468]$'}\n  rules:\n    - column: plan\n      masks: [{type: from_choices, choices: [a, b, c]}]
";

/// The hash of each output: files too large to be shown where they differ.
fn outputs(visard: &Visard) -> BTreeMap<String, String> {
    let hash = |bytes: Vec<u8>| data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
    let files = visard.files("out").into_iter();
    files
        .map(|file| (file.clone(), hash(visard.read(&format!("out/{file}")))))
        .collect()
}

fn forget(visard: &Visard) {
    for folder in ["out", "run"] {
        std::fs::remove_dir_all(visard.path(folder)).unwrap_or_default();
    }
}

/// Rows of the columns that `EVERY_DRAW` names.
fn people(rows: usize) -> Vec<(&'static str, Vec<Option<String>>)> {
    let column = |text: &dyn Fn(usize) -> Option<String>| (0..rows).map(text).collect();
    vec![
        ("id", column(&|n| Some((n / 3).to_string()))),
        (
            "name",
            column(&|n| (n % 7 != 0).then(|| format!("Name {n}"))),
        ),
        (
            "email",
            column(&|n| (n % 5 != 0).then(|| format!("user{}@example.com", n % 1000))),
        ),
        ("city", column(&|n| Some(format!("City {}", n % 10)))),
        (
            "code",
            column(&|n| (n % 11 != 0).then(|| format!("NZ-{n:06}"))),
        ),
        ("plan", column(&|n| (n % 2 == 0).then(|| "free".to_owned()))),
        (
            "note",
            column(&|n| Some(format!("line one\n\"{n}\", line two"))),
        ),
    ]
}

fn csv_field(value: Option<&str>) -> String {
    match value {
        None => String::new(),
        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => text.to_owned(),
    }
}

fn csv(columns: &[(&str, Vec<Option<String>>)]) -> String {
    let mut text = columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(",")
        + "\n";
    for row in 0..columns[0].1.len() {
        let fields = columns
            .iter()
            .map(|(_, values)| csv_field(values[row].as_deref()));
        text += &(fields.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

/// Records of a file that `csv` could have written.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut records, mut record, mut rest) = (vec![], vec![], text);
    while !rest.is_empty() {
        let mut value = None;
        if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut content = String::new();
            while let Some(at) = quoted.find('"') {
                content += &quoted[..at];
                quoted = &quoted[at + 1..];
                let Some(more) = quoted.strip_prefix('"') else {
                    break;
                };
                content.push('"');
                quoted = more;
            }
            (value, rest) = (Some(content), quoted);
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            if end > 0 {
                value = Some(rest[..end].to_owned());
            }
            rest = &rest[end..];
        }
        record.push(value);
        if rest.starts_with('\n') || rest.is_empty() {
            records.push(std::mem::take(&mut record));
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    records
}

/// How a Parquet file is laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    rows_in_group: usize,
    rows_in_page: usize,
    dictionary: bool,
    version: WriterVersion,
    /// The Arrow type that text is written from and read back to.
    text: &'static DataType,
}

const PLAIN: Layout = Layout {
    rows_in_group: 1 << 20,
    rows_in_page: 20_000,
    dictionary: false,
    version: WriterVersion::PARQUET_1_0,
    text: &DataType::Utf8,
};

fn dictionary_type() -> &'static DataType {
    Box::leak(Box::new(DataType::Dictionary(
        Box::new(DataType::Int32),
        Box::new(DataType::Utf8),
    )))
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>, layout: Layout) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(layout.dictionary)
        .set_writer_version(layout.version)
        .set_data_page_row_count_limit(layout.rows_in_page)
        .set_write_batch_size(layout.rows_in_page.min(1024))
        .set_max_row_group_row_count(Some(layout.rows_in_group))
        .build();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn parquet(path: &Path, columns: &[(&'static str, Vec<Option<String>>)], layout: Layout) {
    let columns = columns.iter().map(|(name, values)| {
        let array: ArrayRef = Arc::new(StringArray::from(values.clone()));
        (*name, cast(&array, layout.text).unwrap())
    });
    write_parquet(path, columns.collect(), layout);
}

/// Every column of a Parquet file as text.
fn read_parquet(path: &Path) -> HashMap<String, Vec<Option<String>>> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut columns: HashMap<String, Vec<Option<String>>> = HashMap::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let text = cast(array, &DataType::Utf8).unwrap();
            let values = text.as_string::<i32>().iter();
            let column = columns.entry(field.name().clone()).or_default();
            column.extend(values.map(|value| value.map(str::to_owned)));
        }
    }
    columns
}

/// The first row in which two columns differ.
fn difference(one: &[Option<String>], other: &[Option<String>]) -> Option<usize> {
    match one.len() == other.len() {
        true => (0..one.len()).find(|&row| one[row] != other[row]),
        false => Some(one.len().min(other.len())),
    }
}

#[test]
fn the_same_bytes_however_a_run_is_cut() {
    let visard = Visard::new();
    // More than two of the 8 MiB that a slice of text has, with quoted line ends at every boundary.
    let rows = 260_000;
    let columns = people(rows);
    let text = csv(&columns);
    assert!(text.len() > 17 << 20, "{}", text.len());
    visard.write("in/large.csv", &text);
    visard.write("in/deep/small.csv", csv(&people(3000)));
    let small: Vec<_> = people(20_000);
    parquet(
        &visard.path("in/groups.parquet"),
        &small,
        Layout {
            rows_in_group: 1500,
            dictionary: true,
            ..PLAIN
        },
    );
    parquet(&visard.path("in/one.parquet"), &small, PLAIN);
    drop((text, columns));
    let mut expected = BTreeMap::new();
    for options in [
        "workers: 1",
        "workers: 2\nmemory_limit: 1GiB",
        "workers: 3\nmemory_limit: 64MiB",
        "workers: 4\nmemory_limit: 128MiB",
    ] {
        forget(&visard);
        visard.pipeline(options, EVERY_DRAW);
        visard.run(&[]).expect(0);
        let found = outputs(&visard);
        assert_eq!(found.len(), 4, "{options}");
        if expected.is_empty() {
            expected = found;
        } else {
            assert!(
                found == expected,
                "{options}: {found:?} is not {expected:?}"
            );
        }
    }
}

#[test]
fn the_same_values_in_any_parquet_layout() {
    let rows = people(5_000);
    let layouts = [
        PLAIN,
        Layout {
            dictionary: true,
            ..PLAIN
        },
        Layout {
            rows_in_group: 777,
            ..PLAIN
        },
        Layout {
            rows_in_group: 64,
            rows_in_page: 10,
            dictionary: true,
            ..PLAIN
        },
        Layout {
            rows_in_page: 7,
            version: WriterVersion::PARQUET_2_0,
            ..PLAIN
        },
        Layout {
            text: &DataType::LargeUtf8,
            ..PLAIN
        },
        Layout {
            text: &DataType::Utf8View,
            dictionary: true,
            ..PLAIN
        },
        Layout {
            text: dictionary_type(),
            dictionary: true,
            rows_in_group: 1000,
            ..PLAIN
        },
    ];
    let mut expected: Option<HashMap<String, Vec<Option<String>>>> = None;
    for layout in layouts {
        let visard = Visard::new();
        parquet(&visard.path("in/a.parquet"), &rows, layout);
        visard.pipeline("workers: 2", EVERY_DRAW);
        visard.run(&[]).expect(0);
        let found = read_parquet(&visard.path("out/a.parquet"));
        for (name, values) in &rows {
            let differs = difference(&found[*name], values);
            let touched = !["id", "note"].contains(name);
            assert_eq!(differs.is_some(), touched, "{layout:?} {name} {differs:?}");
        }
        let Some(expected) = &expected else {
            expected = Some(found);
            continue;
        };
        for (name, values) in expected {
            let differs = difference(values, &found[name]);
            assert!(
                differs.is_none(),
                "{layout:?}: {name} differs in row {differs:?}"
            );
        }
    }
}

#[test]
fn other_files_do_not_matter() {
    let rows = people(500);
    let alone = Visard::new();
    alone.write("in/m.csv", csv(&rows));
    parquet(&alone.path("in/m.parquet"), &rows, PLAIN);
    alone.pipeline("workers: 1", EVERY_DRAW);
    alone.run(&[]).expect(0);
    let among = Visard::new();
    for before_and_after in ["a", "m", "z", "deep/m"] {
        among.write(&format!("in/{before_and_after}.csv"), csv(&rows));
        parquet(
            &among.path(format!("in/{before_and_after}.parquet")),
            &rows,
            PLAIN,
        );
    }
    among.pipeline("workers: 4", EVERY_DRAW);
    among.run(&[]).expect(0);
    let (alone, among) = (outputs(&alone), outputs(&among));
    for (file, hash) in &alone {
        assert_eq!(hash, &among[file], "{file}");
    }
    // Draws by place differ from file to file.
    assert_ne!(among["a.csv"], among["z.csv"]);
    assert_ne!(among["m.csv"], among["deep/m.csv"]);
}

#[test]
fn the_same_value_through_every_type() {
    let ids: Vec<i64> = vec![0, 7, 42, -5, 123_456_789, 99_999_999, 1_000_000];
    let texts: Vec<String> = ids.iter().map(i64::to_string).collect();
    let visard = Visard::new();
    let name = || -> ArrayRef { Arc::new(StringArray::from(vec!["Ann-07"; ids.len()])) };
    let decimal = |scale: i8| -> ArrayRef {
        let values = ids
            .iter()
            .map(|id| i128::from(*id) * 10_i128.pow(scale as u32));
        let array = Decimal128Array::from_iter_values(values);
        Arc::new(array.with_precision_and_scale(20, scale).unwrap())
    };
    let kinds: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(StringArray::from(texts.clone()))),
        ("large", Arc::new(LargeStringArray::from(texts.clone()))),
        ("int64", Arc::new(Int64Array::from(ids.clone()))),
        ("decimal", decimal(0)),
        ("scaled", decimal(3)),
        (
            "dictionary",
            Arc::new(
                texts
                    .iter()
                    .map(|text| Some(text.as_str()))
                    .collect::<DictionaryArray<Int32Type>>(),
            ),
        ),
    ];
    for (kind, array) in kinds {
        // `hash` takes no decimal with a scale, whose tokens would have one too.
        let id = if kind == "scaled" {
            decimal(0)
        } else {
            Arc::clone(&array)
        };
        let columns = vec![
            ("id", id),
            ("key", array),
            ("name", name()),
            ("seed", name()),
        ];
        write_parquet(&visard.path(format!("in/{kind}.parquet")), columns, PLAIN);
    }
    let mut text = String::from("id,key,name,seed\n");
    for id in &texts {
        text += &format!("{id},{id},Ann-07,\"x\"\n");
    }
    visard.write("in/a.csv", text);
    visard.pipeline(
        "",
        "- column: id\n  masks: [{type: hash, form: integer, length: 12}]\n\
         - column: name\n  hash_columns: [key]\n  masks: [{type: imitate}]\n\
         - column: seed\n  hash_columns: [{column_name: key}]\n  masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv}]",
    );
    visard.run(&[]).expect(0);
    let masked = String::from_utf8(visard.read("out/a.csv")).unwrap();
    let rows = records(&masked);
    let expected = |column: usize| {
        rows[1..]
            .iter()
            .map(|row| row[column].clone())
            .collect::<Vec<_>>()
    };
    for kind in ["text", "large", "int64", "decimal", "scaled", "dictionary"] {
        let found = read_parquet(&visard.path(format!("out/{kind}.parquet")));
        assert_eq!(found["id"], expected(0), "{kind}: hash");
        assert_eq!(found["name"], expected(2), "{kind}: imitate");
        assert_eq!(found["seed"], expected(3), "{kind}: from_file");
    }
    let distinct: HashSet<_> = expected(0).into_iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn imitated_numbers_are_the_same_in_every_number_type() {
    let ids: Vec<i64> = vec![0, 7, 42, -5, 123_456_789, 99_999_999];
    let visard = Visard::new();
    let decimal = Decimal128Array::from_iter_values(ids.iter().map(|id| i128::from(*id)));
    let decimal: ArrayRef = Arc::new(decimal.with_precision_and_scale(20, 0).unwrap());
    let int64: ArrayRef = Arc::new(Int64Array::from(ids.clone()));
    write_parquet(&visard.path("in/int64.parquet"), vec![("id", int64)], PLAIN);
    write_parquet(
        &visard.path("in/decimal.parquet"),
        vec![("id", decimal)],
        PLAIN,
    );
    visard.pipeline(
        "",
        "- column: id\n  hash_columns: [{source: self}]\n  masks: [{type: imitate}]",
    );
    visard.run(&[]).expect(0);
    let masked =
        |file: &str| read_parquet(&visard.path(format!("out/{file}.parquet")))["id"].clone();
    assert_eq!(masked("int64"), masked("decimal"));
    for (id, masked) in ids.iter().zip(masked("int64")) {
        let masked = masked.unwrap();
        assert_eq!(masked.len(), id.to_string().len(), "{id} {masked}");
        assert_eq!(masked.starts_with('-'), *id < 0, "{id} {masked}");
    }
}

#[test]
fn distinct_stays_distinct() {
    let rows = 200_000;
    let visard = Visard::new();
    let columns = vec![
        (
            "text",
            (0..rows)
                .map(|n| Some(format!("person{n}@example.com")))
                .collect(),
        ),
        (
            "number",
            (0..rows).map(|n| Some(n.to_string())).collect::<Vec<_>>(),
        ),
        (
            "token",
            (0..rows).map(|n| Some(format!("{n:08x}"))).collect(),
        ),
    ];
    visard.write("in/a.csv", csv(&columns));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    write_parquet(
        &visard.path("in/b/a.parquet"),
        vec![("number", numbers)],
        PLAIN,
    );
    visard.pipeline(
        "",
        "- {column: text, unique: true, masks: [{type: hash}]}\n\
         - {column: number, unique: false, masks: [{type: hash, form: integer, length: 18}]}\n\
         - {column: token, unique: true, masks: [{type: hash, form: uuid}]}",
    );
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    let yaml = yaml.replace("recurse: true", "include: ['*.csv']")
        + "    - {type: mask_tabular_file, recurse: true, include: ['b/*'], rules: [{column: number, masks: [{type: hash, form: integer, length: 18}]}]}\n";
    visard.write("pipeline.yml", yaml);
    visard.run(&[]).expect(0);
    let masked = String::from_utf8(visard.read("out/a.csv")).unwrap();
    let records = records(&masked);
    assert_eq!(records.len(), rows + 1);
    let numbers = read_parquet(&visard.path("out/b/a.parquet"))["number"].clone();
    for (column, name) in ["text", "number", "token"].into_iter().enumerate() {
        let distinct: HashSet<_> = records[1..].iter().map(|record| &record[column]).collect();
        assert_eq!(distinct.len(), rows, "{name}");
    }
    let same = records[1..]
        .iter()
        .zip(&numbers)
        .all(|(record, number)| record[1] == *number);
    assert!(same, "int64 and text give one token");
}

/// Runs `test` on the same inputs every time; more of them with `VISARD_TEST_LONG`.
fn for_all<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let long = std::env::var_os("VISARD_TEST_LONG").is_some();
    let config = Config {
        cases: if long { cases * 20 } else { cases },
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, random)
        .run(strategy, test)
        .unwrap();
}

/// Text with everything that is special in delimited text, or no value.
fn value() -> impl Strategy<Value = Option<String>> {
    let pieces = prop_oneof![
        Just("\""),
        Just(","),
        Just("\n"),
        Just(" "),
        Just("a"),
        Just("Z9"),
        Just("é"),
        Just("李"),
        Just("\t"),
        Just("e\u{301}"),
        Just("\\"),
        Just("NULL"),
        Just("'"),
        Just("\u{feff}"),
    ];
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(String::new())),
        6 => prop::collection::vec(pieces, 1..6).prop_map(|pieces| Some(pieces.concat())),
    ]
}

type Row = (Option<String>, Option<String>, Option<String>);

/// Columns `a`, `b`, `c` of some rows.
fn table() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((value(), value(), value()), 1..40)
}

fn columns(rows: &[Row]) -> Vec<(&'static str, Vec<Option<String>>)> {
    vec![
        ("a", rows.iter().map(|row| row.0.clone()).collect()),
        ("b", rows.iter().map(|row| row.1.clone()).collect()),
        ("c", rows.iter().map(|row| row.2.clone()).collect()),
    ]
}

/// Masked columns of the same table as text and as Parquet.
fn both(rows: &[Row], rules: &str) -> (String, HashMap<String, Vec<Option<String>>>) {
    let visard = Visard::new();
    visard.write("in/t.csv", csv(&columns(rows)));
    parquet(&visard.path("in/t.parquet"), &columns(rows), PLAIN);
    visard.pipeline("", rules);
    visard.run(&[]).expect(0);
    let text = String::from_utf8(visard.read("out/t.csv")).unwrap();
    (text, read_parquet(&visard.path("out/t.parquet")))
}

#[test]
fn null_stays_null_and_equal_stays_equal() {
    let rules = "\
        - column: a\n  hash_columns: [{source: self}]\n  masks: [{type: hash, length: 16}]\n\
        - column: b\n  hash_columns: [c]\n  masks: [{type: chain, masks: [{type: imitate}, {type: partial, unmasked_from_left: 3}]}]";
    for_all(30, &table(), |rows| {
        let (text, masked) = both(&rows, rules);
        let records = records(&text);
        prop_assert_eq!(records.len(), rows.len() + 1);
        let mut tokens: HashMap<String, String> = HashMap::new();
        for (row, (record, original)) in records[1..].iter().zip(&rows).enumerate() {
            prop_assert_eq!(&record[2], &original.2, "what is not named stays");
            prop_assert_eq!(&record[0], &masked["a"][row], "one token in every format");
            prop_assert_eq!(&record[1], &masked["b"][row], "one value in every format");
            prop_assert_eq!(record[0].is_none(), original.0.is_none());
            prop_assert_eq!(record[1].is_none(), original.1.is_none());
            let lengths = [&record[1], &original.1]
                .map(|value| value.as_ref().map(|text| text.chars().count()));
            prop_assert_eq!(
                lengths[0],
                lengths[1],
                "imitate and partial keep the length"
            );
            if let (Some(token), Some(original)) = (&record[0], &original.0) {
                prop_assert_eq!(token.len(), 16);
                let first = tokens
                    .entry(original.clone())
                    .or_insert_with(|| token.clone());
                prop_assert_eq!(first, token);
            }
        }
        Ok(())
    });
}

#[test]
fn a_mask_that_does_nothing_changes_no_byte() {
    let rules = "- columns: [a, b]\n  masks: [{type: do_nothing}]\n\
                 - column: c\n  masks: [{type: chain, masks: [{type: take_substring}]}]";
    for_all(20, &table(), |rows| {
        let (text, masked) = both(&rows, rules);
        prop_assert_eq!(text, csv(&columns(&rows)));
        for (name, values) in columns(&rows) {
            prop_assert_eq!(&masked[name], &values);
        }
        Ok(())
    });
}

#[test]
fn conditions_choose_rows_and_nothing_else() {
    let rules = "\
        - if: {or: [{column: c, is_null: true}, {column: c, matches: '^[\"a]'}]}\n  rules:\n    - {column: a, masks: [{type: from_fixed, value: chosen}]}\n  \
        else_rules:\n    - {column: a, skip: [null, ''], masks: [{type: from_fixed, value: other}]}";
    for_all(20, &table(), |rows| {
        let (text, masked) = both(&rows, rules);
        for (row, (record, (a, _, c))) in records(&text)[1..].iter().zip(&rows).enumerate() {
            let chosen = c.as_ref().is_none_or(|text| text.starts_with(['"', 'a']));
            let kept = a.as_ref().is_none_or(String::is_empty);
            let expected = match (chosen, kept) {
                (true, _) => Some("chosen".to_owned()),
                (false, true) => a.clone(),
                (false, false) => Some("other".to_owned()),
            };
            prop_assert_eq!(&record[0], &expected, "row {}", row);
            prop_assert_eq!(&masked["a"][row], &expected, "row {}", row);
        }
        Ok(())
    });
}
