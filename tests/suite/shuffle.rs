//! `secure_shuffle`: every value comes back once, in another row, and never lies about in the open.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use crate::visard::Visard;

const ROWS: usize = 20_000;
const RULES: &str = "- columns: [name, given]\n  masks: [{type: secure_shuffle, domain: person}]\n\
                     - column: code\n  masks: [{type: secure_shuffle}]";

/// Names with everything that quotes are for, every fifth empty and every seventh null.
fn name(row: usize) -> Option<String> {
    match row {
        _ if row.is_multiple_of(7) => None,
        _ if row.is_multiple_of(5) => Some(String::new()),
        _ => Some(format!("Name \"{row}\",\r\n\u{e9}{}", row % 100)),
    }
}

fn field(value: Option<&str>) -> String {
    value.map_or(String::new(), |value| {
        format!("\"{}\"", value.replace('"', "\"\""))
    })
}

/// `id`, `name`, `given`, `code` and a long note, in text of several slices.
fn text() -> String {
    let pad = "x".repeat(1000);
    let mut text = String::from("id,name,given,code,note\n");
    for row in 0..ROWS {
        let name = name(row);
        let given = name.as_ref().map(|_| format!("given {row}"));
        let (name, given) = (field(name.as_deref()), field(given.as_deref()));
        text += &format!("{row},{name},{given},c{row},{pad}\n");
    }
    text
}

/// The records of delimited text, unquoted empty fields as null.
pub fn records(text: &[u8]) -> Vec<Vec<Option<String>>> {
    let text = std::str::from_utf8(text).unwrap();
    let (mut records, mut record, mut field) = (vec![], vec![], String::new());
    let (mut inside, mut quoted) = (false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if inside && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' => (inside, quoted) = (!inside, true),
            ',' | '\n' if !inside => {
                let value = std::mem::take(&mut field);
                record.push((quoted || !value.is_empty()).then_some(value));
                quoted = false;
                if character == '\n' {
                    records.push(std::mem::take(&mut record));
                }
            }
            other => field.push(other),
        }
    }
    records
}

fn counted<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
}

#[test]
fn every_value_comes_back_once() {
    let visard = Visard::new();
    visard.write("in/a.csv", text());
    let before = records(&visard.read("in/a.csv"));
    let mut outputs = vec![];
    // With little memory nearly all values go by way of the disk.
    for options in ["workers: 3", "workers: 1\nmemory_limit: 16MiB"] {
        visard.pipeline(options, RULES);
        visard.run(&[]).expect(0);
        outputs.push(visard.read("out/a.csv"));
        for folder in ["out", "run"] {
            std::fs::remove_dir_all(visard.path(folder)).unwrap();
        }
    }
    assert!(
        outputs[0] == outputs[1],
        "memory and workers change nothing"
    );
    let after = records(&outputs[0]);
    assert_eq!(after.len(), before.len());
    let column = |records: &[Vec<Option<String>>], at: usize| {
        records
            .iter()
            .map(|record| record[at].clone())
            .collect::<Vec<_>>()
    };
    for same in [0, 4] {
        assert!(
            column(&before, same) == column(&after, same),
            "{same} stays"
        );
    }
    for shuffled in 1..4 {
        let (before, after) = (column(&before, shuffled), column(&after, shuffled));
        assert!(counted(&before) == counted(&after), "{shuffled}");
        let moved = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| before != after);
        assert!(moved.count() > ROWS / 2, "{shuffled}");
    }
    // Columns of one domain move together, others apart.
    let pairs = |records: &[Vec<Option<String>>], one: usize, other: usize| {
        counted(records.iter().map(|r| (r[one].clone(), r[other].clone())))
    };
    assert!(pairs(&before, 1, 2) == pairs(&after, 1, 2));
    let kept = pairs(&after, 2, 3).into_keys().collect::<Vec<_>>();
    let known = pairs(&before, 2, 3);
    assert!(kept.iter().filter(|pair| known.contains_key(pair)).count() < ROWS / 4);
}

#[test]
fn row_groups_of_parquet() {
    let visard = Visard::new();
    let numbers: Int64Array = (0..ROWS as i64).map(|n| (n % 7 > 0).then_some(n)).collect();
    let names: StringArray = (0..ROWS).map(name).collect();
    let columns = [
        ("number", Arc::new(numbers) as ArrayRef),
        ("name", Arc::new(names) as ArrayRef),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
    std::fs::create_dir_all(visard.path("in")).unwrap();
    let file = std::fs::File::create(visard.path("in/a.parquet")).unwrap();
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(ROWS / 7));
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    visard.pipeline(
        "",
        "- columns: [number, name]\n  masks: [{type: secure_shuffle}]",
    );
    let plan = visard.call(&["plan", "pipeline.yml"]).expect(0).stdout;
    let said = [
        "shuffled number: in a further pass",
        "ShuffleExec: columns=[",
    ];
    assert!(said.iter().all(|said| plan.contains(said)), "{plan}");
    visard.call(&["preview", "pipeline.yml"]).expect(0);
    visard.run(&[]).expect(0);
    let read = |file: &str| {
        let bytes = bytes::Bytes::from(visard.read(file));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let (mut numbers, mut names) = (vec![], vec![]);
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            numbers.extend(batch.column(0).as_primitive::<Int64Type>().iter());
            let text = batch.column(1).as_string::<i32>();
            names.extend(text.iter().map(|name| name.map(str::to_owned)));
            assert_eq!(text.len(), batch.num_rows());
        }
        (numbers, names)
    };
    let (before, after) = (read("in/a.parquet"), read("out/a.parquet"));
    assert!(counted(&before.0) == counted(&after.0));
    assert!(counted(&before.1) == counted(&after.1));
    // From one end of the file to the other.
    let far = before
        .0
        .iter()
        .zip(&after.0)
        .filter_map(|(one, other)| Some((*one)? - (*other)?));
    assert!(
        far.filter(|way| way.unsigned_abs() as usize > ROWS / 2)
            .count()
            > ROWS / 20
    );
}

/// Killed at any moment, a run goes on with the numbers it counted and the order it drew.
#[test]
fn killed_runs_go_on_with_the_same_rows() {
    let visard = Visard::new();
    for file in 0..4 {
        let mut text = String::from("id,name\n");
        for row in 0..5_000 * (file + 1) {
            text += &format!("{row},\"name\n{row}\"\n");
        }
        visard.write(&format!("in/{file}.csv"), text);
    }
    visard.pipeline(
        "workers: 2",
        "- column: id\n  masks: [{type: from_unique, format: '{[0-9],5}'}]\n\
         - column: name\n  masks: [{type: secure_shuffle}]",
    );
    let outputs = || -> Vec<Vec<u8>> {
        let files = visard.files("out");
        assert_eq!(files.len(), 4, "{files:?}");
        files
            .iter()
            .map(|file| visard.read(&format!("out/{file}")))
            .collect()
    };
    let began = std::time::Instant::now();
    visard.run(&[]).expect(0);
    let whole = began.elapsed();
    let expected = outputs();
    let (mut kills, mut resumed) = (0, 0);
    for part in 1..=20 {
        for folder in ["out", "run"] {
            std::fs::remove_dir_all(visard.path(folder)).unwrap_or_default();
        }
        let mut child = visard.start(&[]);
        std::thread::sleep(whole * part / 20);
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap_or_default();
        child.wait().unwrap();
        kills += u32::from(!ended);
        let journal = std::fs::read_to_string(visard.path("run/journal.jsonl"));
        let journal = journal.unwrap_or_default();
        resumed += u32::from(journal.contains("\"numbered\"") && !ended);
        // A run without a whole line in its journal has not begun.
        match journal.contains('\n') {
            true => visard.run(&["--resume"]).expect(0),
            false => {
                std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
                visard.run(&[]).expect(0)
            }
        };
        assert!(outputs() == expected, "killed after {part} parts of twenty");
    }
    println!("killed {kills} runs, {resumed} of them with their rows counted");
    assert!(resumed >= 3, "{kills} kills, {resumed} behind the count");
}
