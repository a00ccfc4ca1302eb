//! `visard sql`: a query sees what a run writes, and nothing else.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray};
use arrow::array::{StringBuilder, StructArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::visard::{Ended, Visard};

/// Masks of every way to draw, on rows that conditions choose.
const RULES: &str = "\
- column: email\n  masks: [{type: hash}]
- column: name\n  hash_columns: [id]\n  masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv}]
- column: city\n  masks: [{type: from_file, seed_file: DataMasque_cities.csv, seed_column: city}]
- if: {column: name, matches: '[02468]$'}
  rules:
    - column: code\n      masks: [{type: suppress}]
  else_rules:
    - column: code\n      hash_columns: [{source: self}]\n      masks: [{type: imitate}]
";
const NESTED: &str = "\
- column: home.zip\n  hash_columns: [home.country]\n  masks: [{type: imitate}]
- column: phones\n  masks: [{type: partial, unmasked_from_right: 2}]
";

impl Visard {
    pub(crate) fn sql(&self, more: &[&str]) -> Ended {
        let instance = self.path("instance-secret").display().to_string();
        let args = [
            "sql",
            "pipeline.yml",
            "--instance-secret-file",
            instance.as_str(),
        ];
        self.call(&[&args[..], more].concat())
    }

    /// The rows of an answer, as objects.
    #[track_caller]
    fn rows(&self, query: &str) -> Vec<Value> {
        let ended = self.sql(&["--format", "json", query]).expect(0);
        let lines = ended.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn texts(rows: usize, text: impl Fn(usize) -> Option<String>) -> ArrayRef {
    Arc::new((0..rows).map(text).collect::<StringArray>())
}

fn people(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("n", Arc::new(Int64Array::from_iter_values(0..rows as i64))),
        ("id", texts(rows, |n| Some((n / 3).to_string()))),
        (
            "name",
            texts(rows, |n| (n % 7 != 0).then(|| format!("Name {n}"))),
        ),
        (
            "email",
            texts(rows, |n| {
                (n % 5 != 0).then(|| format!("user{n}@example.com"))
            }),
        ),
        ("city", texts(rows, |n| Some(format!("City {}", n % 10)))),
        (
            "code",
            texts(rows, |n| (n % 11 != 0).then(|| format!("NZ-{n:06}"))),
        ),
        (
            "note",
            texts(rows, |n| Some(format!("line one\n\"{n}\", line two"))),
        ),
    ]
}

fn nested(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let field = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
    let zips = texts(rows, |n| (n % 4 != 0).then(|| format!("{n:05}")));
    let countries = texts(rows, |n| Some(format!("C{}", n % 3)));
    let home = StructArray::from(vec![(field("zip"), zips), (field("country"), countries)]);
    let mut phones = ListBuilder::new(StringBuilder::new());
    for row in 0..rows {
        for phone in 0..row % 3 {
            phones
                .values()
                .append_value(format!("555-{row:04}-{phone}"));
        }
        phones.append(row % 5 != 0);
    }
    vec![
        ("home", Arc::new(home)),
        ("phones", Arc::new(phones.finish())),
    ]
}

fn write_parquet(path: &Path, columns: Vec<(&'static str, ArrayRef)>) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(batch.num_rows() / 3 + 1))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read_parquet(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let reader = reader.build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Text columns as a CSV file; a null is an unquoted empty field.
fn csv(columns: &[(&'static str, ArrayRef)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = names.join(",") + "\n";
    let columns: Vec<ArrayRef> = columns
        .iter()
        .map(|(_, column)| cast(column, &DataType::Utf8).unwrap())
        .collect();
    for row in 0..columns[0].len() {
        let field = |column: &ArrayRef| {
            let column = column.as_any().downcast_ref::<StringArray>().unwrap();
            match column.is_valid(row) {
                true => format!("\"{}\"", column.value(row).replace('"', "\"\"")),
                false => String::new(),
            }
        };
        text += &(columns.iter().map(field).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

#[track_caller]
fn assert_same(asked: &RecordBatch, run: &RecordBatch) {
    assert_eq!(asked.num_columns(), run.num_columns());
    assert_eq!(asked.num_rows(), run.num_rows());
    for (field, column) in run.schema().fields().iter().zip(run.columns()) {
        let asked = asked.column_by_name(field.name()).unwrap();
        let asked = cast(asked, column.data_type()).unwrap();
        assert_eq!(&asked, column, "{}", field.name());
    }
}

#[test]
fn a_query_sees_what_a_run_writes_to_parquet() {
    let visard = Visard::new();
    visard.pipeline("workers: 3", &(RULES.to_owned() + NESTED));
    std::fs::create_dir_all(visard.path("in/year=2025")).unwrap();
    let columns = |rows| [people(rows), nested(rows)].concat();
    write_parquet(&visard.path("in/people_1.parquet"), columns(20_000));
    write_parquet(&visard.path("in/year=2025/people_2.parquet"), columns(300));
    visard.run(&[]).expect(0);
    let order = "SELECT * FROM people ORDER BY n, city, email, name, code";
    visard.sql(&[order, "--output", "asked.parquet"]).expect(0);
    let pipeline = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    let asked = read_parquet(&visard.path("asked.parquet"));
    assert_eq!(asked.num_rows(), 20_300);
    // Each file alone, row by row.
    for (keep, run) in [
        ("people_1.parquet", "out/people_1.parquet"),
        (
            "year=2025/people_2.parquet",
            "out/year=2025/people_2.parquet",
        ),
    ] {
        let one = pipeline.replace(
            "      recurse: true\n",
            &format!("      recurse: true\n      include: [{{glob: '{keep}'}}]\n"),
        );
        visard.write("pipeline.yml", one);
        let table = visard.sql(&["--tables", "--json"]).expect(0).stdout;
        let table: Value = serde_json::from_str(&table).unwrap();
        let name = table[0]["table"].as_str().unwrap();
        let query = format!("SELECT * FROM {name} ORDER BY n");
        visard.sql(&[&query, "--output", "asked.parquet"]).expect(0);
        assert_same(
            &read_parquet(&visard.path("asked.parquet")),
            &read_parquet(&visard.path(run)),
        );
    }
}

#[test]
fn a_query_sees_what_a_run_writes_to_text() {
    let visard = Visard::new();
    visard.pipeline("workers: 3", RULES);
    // More than one slice of a run.
    let rows = 100_000;
    visard.write("in/people.csv", csv(&people(rows)));
    visard.run(&[]).expect(0);
    let asked = visard.rows("SELECT * FROM people");
    assert_eq!(asked.len(), rows);
    // The copy, read by a pipeline that masks nothing.
    let masked = String::from_utf8(visard.read("out/people.csv")).unwrap();
    let copy = Visard::new();
    copy.write("in/people.csv", &masked);
    copy.pipeline("", "- column: n\n  masks: [{type: do_nothing}]");
    let run = copy.rows("SELECT * FROM people");
    let by_n = |rows: Vec<Value>| -> BTreeMap<String, Value> {
        rows.into_iter()
            .map(|row| (row["n"].to_string(), row))
            .collect()
    };
    let (asked, run) = (by_n(asked), by_n(run));
    assert_eq!(run.len(), rows);
    for (n, row) in &run {
        assert_eq!(&asked[n], row);
    }
    assert!(!masked.contains("@example.com") && masked.contains("line two"));
}

#[test]
fn a_file_is_read_twice_at_once_or_not_to_its_end() {
    let visard = Visard::new();
    visard.pipeline("workers: 2", RULES);
    visard.write("in/people.csv", csv(&people(100_000)));
    let count = |query: &str| visard.rows(query)[0].as_object().unwrap()["c"].clone();
    let few = "(SELECT * FROM people LIMIT 3)";
    for (query, found) in [
        ("SELECT count(*) AS c FROM people".to_owned(), 100_000),
        (format!("SELECT count(*) AS c FROM {few}"), 3),
        (
            format!(
                "SELECT count(*) AS c FROM (SELECT * FROM {few} UNION ALL SELECT * FROM people)"
            ),
            100_003,
        ),
        (
            "SELECT count(*) AS c FROM people p JOIN people q ON p.n = q.n AND p.email = q.email"
                .to_owned(),
            80_000,
        ),
    ] {
        assert_eq!(count(&query), found, "{query}");
    }
    assert_eq!(visard.rows("SELECT n FROM people LIMIT 2").len(), 2);
}

#[test]
fn a_table_has_more_files_than_a_process_may_open() {
    let visard = Visard::new();
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    std::fs::create_dir_all(visard.path("in/many")).unwrap();
    let file = visard.path("in/many/part-000.parquet");
    write_parquet(&file, people(6));
    for part in 1..150 {
        let copy = visard.path(format!("in/many/part-{part:03}.parquet"));
        std::fs::copy(&file, copy).unwrap();
    }
    let query = "SELECT count(*) AS c, count(DISTINCT email) AS d FROM many";
    let args = [
        "sql",
        "pipeline.yml",
        query,
        "--instance-secret-file",
        "instance-secret",
    ];
    let visard_itself = visard.command(&args);
    let mut few = std::process::Command::new("sh");
    few.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\""])
        .arg(visard_itself.get_program())
        .args(args)
        .current_dir(visard.folder.path());
    let counted = Ended::of(few.output().unwrap()).expect(0);
    assert_eq!(counted.stdout, "c,d\n900,4\n");
}

#[test]
fn tables_are_listed() {
    let visard = Visard::new();
    visard.pipeline(
        "unmatched: skip",
        "- column: email\n  masks: [{type: hash}]",
    );
    visard.write("in/Customers-EU.csv", "id,email\n1,ann@x.org\n");
    visard.write("in/orders/2025-01.csv", "id,email,total\n1,ann@x.org,3\n");
    visard.write("in/orders/2025-02.csv", "id,email,total\n2,bo@x.org,4\n");
    visard.write("in/empty.csv", "");
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    visard.write(
        "pipeline.yml",
        yaml.replace(
            "      recurse: true\n",
            "      recurse: true\n      skip: [{glob: 'kept/**'}]\n",
        ),
    );
    visard.write("in/kept/other.csv", "id,email\n1,ann@x.org\n");
    let listed = visard.sql(&["--tables"]).expect(0).stdout;
    for shown in [
        "customers_eu  (Customers-EU.csv)",
        "orders  (2 files",
        "hash",
    ] {
        assert!(listed.contains(shown), "{listed}");
    }
    assert!(
        !listed.contains("other") && !listed.contains("ann@"),
        "{listed}"
    );
    let listed = visard.sql(&["--tables", "--json"]).expect(0).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[1]["files"][1], "orders/2025-02.csv");
    assert_eq!(listed[0]["columns"][0]["masked"], serde_json::json!({}));
    assert_eq!(listed[0]["columns"][1]["masked"]["email"], "hash");
    let total = visard.rows("SELECT sum(CAST(total AS INT)) AS t, count(*) AS c FROM orders");
    assert_eq!(total, [serde_json::json!({"t": 7, "c": 2})]);
    let ended = visard.sql(&["SELECT * FROM other"]).expect(2);
    assert!(
        ended.stderr.contains("V1102") && ended.stderr.contains("`orders`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn formats_and_where_they_go() {
    let visard = Visard::new();
    visard.pipeline(
        "",
        "- column: email\n  masks: [{type: from_fixed, value: masked!}]",
    );
    visard.write("in/a.csv", "id,email\n1,ann@x.org\n2,bo@x.org\n3,\n");
    let query = "SELECT id, email FROM a ORDER BY id";
    let masked = "id,email\n1,masked!\n2,masked!\n3,masked!\n";
    assert_eq!(visard.sql(&[query]).expect(0).stdout, masked);
    let none = visard.sql(&["SELECT id FROM a WHERE id = '9'"]).expect(0);
    assert_eq!(none.stdout, "id\n");
    let table = visard
        .sql(&[query, "--format", "table", "--max-rows", "2"])
        .expect(0);
    assert_eq!(table.stdout.matches("masked!").count(), 2);
    assert!(table.stderr.contains("first 2 rows"), "{}", table.stderr);
    let table = visard
        .sql(&[query, "--format", "table", "--max-rows", "3"])
        .expect(0);
    assert_eq!(
        (
            table.stdout.matches("masked!").count(),
            table.stderr.as_str()
        ),
        (3, "")
    );

    visard.sql(&[query, "--output", "a.csv"]).expect(0);
    assert_eq!(visard.read("a.csv"), masked.as_bytes());
    visard.sql(&[query, "--output", "a.jsonl"]).expect(0);
    assert!(
        visard
            .read("a.jsonl")
            .starts_with(b"{\"id\":\"1\",\"email\":\"masked!\"}\n")
    );
    visard.sql(&[query, "--output", "a.parquet"]).expect(0);
    assert_eq!(read_parquet(&visard.path("a.parquet")).num_rows(), 3);
    for wrong in [
        &[query, "--format", "parquet"][..],
        &[query, "--output", "a.xlsx"],
        &[query, "--output", "in/a.csv"],
        &[query, "--output", "nowhere/a.csv"],
        &["SELECT id, email AS id FROM a", "--format", "json"],
        &[query, "--tables"],
        &[],
    ] {
        assert!(visard.sql(wrong).expect(2).stdout.is_empty(), "{wrong:?}");
    }
    assert!(visard.read("in/a.csv").ends_with(b"3,\n"));

    visard.write("query.sql", query);
    assert_eq!(
        visard.sql(&["--file", "query.sql"]).expect(0).stdout,
        masked
    );
    let args = [
        "sql",
        "pipeline.yml",
        "-",
        "--instance-secret-file",
        "instance-secret",
    ];
    let mut command = visard.command(&args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(query.as_bytes())
        .unwrap();
    assert_eq!(
        Ended::of(child.wait_with_output().unwrap())
            .expect(0)
            .stdout,
        masked
    );
}

#[test]
fn what_is_no_query_is_refused() {
    let visard = Visard::new();
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    visard.write("in/a.csv", "id,email\n1,leak1@secret.example\n");
    let raw = visard.path("in/a.csv").display().to_string();
    for (query, code) in [
        ("EXPLAIN ANALYZE SELECT * FROM a".to_owned(), "V1101"),
        ("EXPLAIN SELECT * FROM a".to_owned(), "V1101"),
        ("SELECT 1; SELECT 2".to_owned(), "V1101"),
        (format!("COPY a TO '{raw}'"), "V1101"),
        (
            format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{raw}'"),
            "V1101",
        ),
        (
            "SET datafusion.catalog.information_schema = true".to_owned(),
            "V1101",
        ),
        ("DELETE FROM a".to_owned(), "V1101"),
        ("SHOW TABLES".to_owned(), "V1101"),
        (format!("SELECT * FROM '{raw}'"), "V1102"),
        (format!("SELECT * FROM read_csv('{raw}')"), "V1102"),
        (
            "SELECT * FROM information_schema.tables".to_owned(),
            "V1102",
        ),
        ("SELECT emial FROM a".to_owned(), "V1102"),
        ("SELEKT".to_owned(), "V1102"),
        ("SELECT [1, 2] AS many".to_owned(), "V1105"),
    ] {
        let ended = visard.sql(&["-vv", &query]).expect(2);
        assert!(
            ended.stdout.is_empty() && ended.stderr.contains(code),
            "{query}\n{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("secret.example"), "{}", ended.stderr);
    }
    let json = visard.sql(&["--json", "SELECT emial FROM a"]).expect(2);
    let problems: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(problems[0]["code"], "V1102");
    let message = problems[0]["message"].as_str().unwrap();
    assert!(
        message.contains("email") && !message.contains('\n'),
        "{message}"
    );
    assert_eq!(
        visard.read("in/a.csv"),
        b"id,email\n1,leak1@secret.example\n"
    );

    // Without a header, names of columns would be values.
    visard.write(
        "in/a.csv",
        "1,leak1@secret.example\n2,leak2@secret.example\n",
    );
    visard.pipeline("", "- column: '1'\n  masks: [{type: hash}]");
    for asked in ["--tables", "SELECT * FROM a"] {
        let ended = visard.sql(&[asked]).expect(2);
        assert!(ended.stderr.contains("V1104"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("secret.example"), "{}", ended.stderr);
    }
}

#[test]
fn what_fails_on_the_way_says_no_raw_value() {
    let visard = Visard::new();
    visard.write(
        "in/a.csv",
        "id,email\n1,leak1@secret.example\n2,leak2@secret.example\n",
    );
    visard.pipeline(
        "",
        "- column: email\n  masks: [{type: hash, form: hex, length: 8}]",
    );
    for query in [
        "SELECT CAST(email AS DATE) FROM a",
        "SELECT id FROM a WHERE CAST(email AS DOUBLE) > 0 OR CAST(id AS INT) > 0",
        "SELECT arrow_cast(email, 'Timestamp(Second, None)') FROM a",
        "SELECT id FROM a WHERE id = '1' AND CAST(email AS DATE) IS NULL",
    ] {
        let ended = visard.sql(&["-vv", query, "--output", "a.csv"]).expect(1);
        assert!(ended.stderr.contains("error: "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("leak"), "{}", ended.stderr);
        let left = visard.files("");
        assert!(
            !left.contains(&"a.csv".to_owned()) && left.len() == 3,
            "{left:?}"
        );
    }
    // A mask that refuses a value, a record of another length, bytes that are no text.
    visard.pipeline("", "- column: email\n  masks: [{type: retain_year}]");
    let refused = visard.sql(&["-vv", "SELECT * FROM a"]).expect(1);
    assert!(
        refused.stderr.contains("column `email`"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("leak"), "{}", refused.stderr);
    for bytes in [
        &b"id,email\n1,leak1@secret.example,leak2\n"[..],
        b"id,email\n1,leak\xff\n",
    ] {
        visard.write("in/a.csv", bytes);
        let failed = visard.sql(&["-vv", "SELECT * FROM a"]).expect(1);
        assert!(
            failed.stderr.contains("a.csv") && !failed.stderr.contains("leak"),
            "{}",
            failed.stderr
        );
    }
}

#[test]
fn secrets_of_a_run_give_its_values() {
    let visard = Visard::new();
    visard.write("in/a.csv", "email\nann@x.org\n");
    visard.pipeline("", "- column: email\n  masks: [{type: hash}]");
    let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
    visard.write(
        "pipeline.yml",
        yaml.replace("  run_secret: a run secret for tests only\n", ""),
    );
    visard.run(&[]).expect(0);
    let run = String::from_utf8(visard.read("out/a.csv")).unwrap();
    let query = "SELECT email FROM a";
    assert_eq!(
        visard.sql(&[query, "--run-folder", "run"]).expect(0).stdout,
        run
    );
    let alone = visard.sql(&[query]).expect(0);
    assert!(alone.stderr.contains("no run secret"), "{}", alone.stderr);
    assert_ne!(alone.stdout, run);
    visard.sql(&[query, "--run-folder", "nowhere"]).expect(2);
    assert!(!visard.path("nowhere").exists());
}
