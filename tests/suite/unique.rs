//! Masks that look at more rows than one: unique through all files of a task.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use crate::visard::Visard;

/// Rows in a file: a million together in long runs.
fn rows() -> usize {
    match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => 250_000,
        None => 25_000,
    }
}

/// Two files of delimited text of several slices, one of them with line ends in fields; a packed one;
/// one of Parquet of several row groups.
fn inputs(visard: &Visard) {
    let pad = "x".repeat(10_000_000 / rows());
    let mut plain = String::from("id,code,note\n");
    let mut quoted = String::from("\"id\",\"code\",\"note\"\r\n");
    for row in 0..rows() {
        plain += &format!("{row},old{row},{pad}\n");
        quoted += &format!("\"{row}\",\"old{row}\",\"{pad}\r\n\r\n\"\"{row}\"\"\"\r\n");
    }
    visard.write("in/sub/quoted.csv", &quoted);
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    packed.write_all(plain.as_bytes()).unwrap();
    visard.write("in/packed.csv.gz", packed.finish().unwrap());
    visard.write("in/plain.csv", plain);
    let ids: Int64Array = (0..rows() as i64).map(Some).collect();
    let codes: StringArray = (0..rows()).map(|row| Some(format!("old{row}"))).collect();
    let columns = [
        ("id", Arc::new(ids) as ArrayRef),
        ("code", Arc::new(codes) as ArrayRef),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(rows() / 7));
    let file = std::fs::File::create(visard.path("in/last.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Identifiers and codes of all outputs, in the order of the files and their records.
fn outputs(visard: &Visard) -> (Vec<i64>, Vec<String>) {
    let (mut ids, mut codes) = (vec![], vec![]);
    for file in visard.files("out") {
        let bytes = visard.read(&format!("out/{file}"));
        if file.ends_with(".parquet") {
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
            for batch in reader.unwrap().build().unwrap() {
                let batch = batch.unwrap();
                ids.extend(batch.column(0).as_primitive::<Int64Type>().values());
                let text = batch.column(1).as_string::<i32>();
                codes.extend((0..text.len()).map(|row| text.value(row).to_owned()));
            }
            continue;
        }
        let text: Box<dyn std::io::Read> = match file.ends_with(".gz") {
            true => Box::new(flate2::read::GzDecoder::new(&bytes[..])),
            false => Box::new(&bytes[..]),
        };
        for record in csv::Reader::from_reader(text).records() {
            let record = record.unwrap();
            ids.push(record[0].parse().unwrap());
            codes.push(record[1].to_owned());
        }
    }
    (ids, codes)
}

#[test]
fn unique_values_through_slices_and_files() {
    let visard = Visard::new();
    inputs(&visard);
    // As many identifiers as there are rows: each comes up once.
    let digits = (4 * rows()).ilog10();
    let rules = format!(
        "- column: id\n  masks: [{{type: from_unique, format: '7{{[0-9],{digits}}}'}}]\n\
         - column: code\n  masks: [{{type: from_unique, format: 'c-{{[a-z],20}}'}}]"
    );
    visard.pipeline("workers: 3", &rules);
    let plan = visard.call(&["plan", "pipeline.yml"]).expect(0).stdout;
    let text = format!("counted {} records, by reading the text once", 3 * rows());
    let footers = format!("counted {} records, in the footers", rows());
    assert!(plan.contains(&text) && plan.contains(&footers), "{plan}");
    visard.run(&[]).expect(0);
    let (ids, codes) = outputs(&visard);
    assert_eq!(ids.len(), 4 * rows());
    let first = 7 * 10_i64.pow(digits);
    let unique: HashSet<i64> = ids.iter().copied().collect();
    assert_eq!(unique, (first..first + 4 * rows() as i64).collect());
    let unique: HashSet<&String> = codes.iter().collect();
    assert_eq!(unique.len(), codes.len());
    assert!(
        codes
            .iter()
            .all(|code| code.len() == 22 && code.starts_with("c-"))
    );
    // Nothing of the order shows.
    let rising = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!(rising.abs_diff(ids.len() / 2) < ids.len() / 50, "{rising}");
    // However many work at it.
    for folder in ["out", "run"] {
        std::fs::remove_dir_all(visard.path(folder)).unwrap();
    }
    visard.pipeline("workers: 1", &rules);
    visard.run(&[]).expect(0);
    assert_eq!(outputs(&visard), (ids, codes));
}

#[test]
fn one_value_too_few_is_refused_before_anything_is_written() {
    let visard = Visard::new();
    visard.write("in/a.csv", "id\n1\n2\n3\n");
    visard.write("in/b.csv", "id\n1\n\"2\n\n\"\n");
    for (format, code) in [("{[a-d]}", 2), ("{[a-e]}", 0)] {
        visard.pipeline(
            "",
            &format!("- column: id\n  masks: [{{type: from_unique, format: '{format}'}}]"),
        );
        for command in ["check", "plan"] {
            visard.call(&[command, "pipeline.yml"]).expect(code);
        }
        std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
        let ended = visard.run(&[]).expect(code);
        assert_eq!(
            ended.stderr.contains("V1015"),
            code == 2,
            "{}",
            ended.stderr
        );
        assert_eq!(visard.files("out").len(), if code == 2 { 0 } else { 2 });
    }
    let mut values: Vec<char> = ["out/a.csv", "out/b.csv"]
        .map(|file| String::from_utf8(visard.read(file)).unwrap())
        .iter()
        .flat_map(|text| text.strip_prefix("id").unwrap().chars())
        .filter(char::is_ascii_lowercase)
        .collect();
    values.sort_unstable();
    assert_eq!(values, ['a', 'b', 'c', 'd', 'e']);
}
