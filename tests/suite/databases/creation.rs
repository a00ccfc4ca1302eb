//! Tables that a copy makes: they hold what fills them, and are there whole or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int8Array, RecordBatch,
    TimestampNanosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Field, Int8Type, Schema};
use parquet::arrow::ArrowWriter;

use super::between::{Typed, filled, seen};
use super::copies::{FILES, NAME_RULE, both, long_table};
use super::kills::Kills;
use super::kind::{Kind, pipeline_between, task};
use super::on_each_own;
use crate::mariadb::Trial as Mariadb;
use crate::postgres::Trial as Postgres;
use crate::sqlite::Trial as Sqlite;

on_each_own! {
    files_become_new_tables
    every_type_of_parquet_has_one
    tables_that_cannot_be_made_are_refused
    a_copy_that_fails_makes_no_table
    killed_copies_that_make_tables_go_on
}

/// Writes the pipeline of `from` that copies its tables to ones that it makes in `to`.
fn making<F: Kind, T: Kind>(from: &F, to: &T, options: &str, tasks: &str) {
    let connections = format!(
        "db: {{{}}}\nother: {{{}}}",
        from.connection(),
        to.connection_in(from.visard())
    );
    let places = "source: db\ndestination: {connection: other, create_tables: true}";
    pipeline_between(from.visard(), &connections, places, options, tasks);
}

/// Whether the table `t` is there.
fn is_there<K: Kind>(trial: &K) -> bool {
    let words = |line: &String| line.to_lowercase().replace(['"', '`'], "");
    trial.dump().iter().any(|line| {
        let line = words(line);
        line.starts_with("create table") && line.split(['(', ' ', '.']).any(|word| word == "t")
    })
}

fn every_value_is_held<F: Typed, T: Typed>(another: impl Fn(&F) -> Option<T>) {
    let Some(from) = F::try_new() else { return };
    let Some(to) = another(&from) else { return };
    from.sql(&format!("CREATE TABLE t ({})", F::COLUMNS));
    filled(&from);
    making(&from, &to, "workers: 2", &task("t", "", NAME_RULE));
    let plan = from.visard().call(&["plan", "pipeline.yml"]).expect(0);
    assert!(plan.stdout.contains(", which it makes"), "{}", plan.stdout);
    assert!(!is_there(&to));
    from.run().expect(0);
    let plain = |rows: Vec<String>| -> Vec<String> {
        rows.iter()
            .map(|row| row.replace("|0.00|~", "|~|~"))
            .collect()
    };
    assert_eq!(plain(seen(&to)), plain(seen(&from)));
    let names = "SELECT count(*) FROM t WHERE length(name) = 32 AND name <> 'Ann'";
    assert_eq!(to.one(names), "3");
    let made = to.dump().join("\n");
    assert!(made.contains("PRIMARY KEY"), "{made}");
    let name = made.split([',', '\n']).find(|line| {
        let line = line.trim_start().replace(['"', '`'], "");
        line.starts_with("name ")
    });
    assert!(name.is_some_and(|name| name.contains("NOT NULL")), "{made}");
    assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
    // A table that is there is filled as any other.
    let ended = from.run().expect(2);
    assert!(ended.stderr.contains("V1211"), "{}", ended.stderr);
}

#[test]
fn of_postgres() {
    every_value_is_held::<Postgres, Postgres>(Kind::another);
    every_value_is_held::<Postgres, Mariadb>(|_| Kind::try_new());
    every_value_is_held::<Postgres, Sqlite>(|_| Kind::try_new());
}

#[test]
fn of_mariadb() {
    every_value_is_held::<Mariadb, Postgres>(|_| Kind::try_new());
    every_value_is_held::<Mariadb, Mariadb>(Kind::another);
    every_value_is_held::<Mariadb, Sqlite>(|_| Kind::try_new());
}

#[test]
fn of_sqlite() {
    every_value_is_held::<Sqlite, Postgres>(|_| Kind::try_new());
    every_value_is_held::<Sqlite, Mariadb>(|_| Kind::try_new());
    every_value_is_held::<Sqlite, Sqlite>(Kind::another);
}

/// Rows go to files of both formats, and from there into tables that are made for them.
fn files_become_new_tables<K: Typed>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&format!("CREATE TABLE t ({})", K::COLUMNS));
    filled(&trial);
    let connections = format!("db: {{{}}}\n{FILES}", trial.connection());
    let before = seen(&trial);
    for format in ["parquet", "csv"] {
        let places = format!(
            "source: db\ndestination: {{connection: files, path: {format}, format: {format}}}"
        );
        let out = task("t", "", NAME_RULE);
        pipeline_between(trial.visard(), &connections, &places, "", &out);
        trial.run().expect(0);
        let places = format!(
            "source: {{connection: files, path: {format}}}\ndestination: {{connection: db, create_tables: true}}"
        );
        let load = format!(
            "- type: mask_tabular_file\n  table: from_{format}\n  recurse: true\n  rules:\n    - column: note\n      \
             masks: [{{type: do_nothing}}]"
        );
        pipeline_between(trial.visard(), &connections, &places, "", &load);
        trial.run().expect(0);
        assert_eq!(trial.leftovers(), [""; 0]);
        let rows =
            format!("SELECT id, note, length(name) FROM from_{format} ORDER BY length(id), id");
        let rows = trial.rows(&rows.replace("length(id)", "length(CAST(id AS char(20)))"));
        let expected: Vec<String> = before
            .iter()
            .map(|row| {
                let fields: Vec<&str> = row.split('|').collect();
                format!("{}|{}|32", fields[0], fields[fields.len() - 1])
            })
            .collect();
        assert_eq!(rows, expected, "{format}");
    }
    // What has types in files has them in the table.
    trial.sql("DROP TABLE t; ALTER TABLE from_parquet RENAME TO t");
    assert_eq!(seen(&trial), before);
}

fn tables_that_cannot_be_made_are_refused<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40)); CREATE TABLE u (id int PRIMARY KEY, name varchar(40))");
    to.sql("CREATE VIEW u AS SELECT 1 AS id");
    let refused = |parts: &[&str]| {
        let ended = from.run().expect(2);
        for part in parts {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
        assert!(!is_there(&to));
    };
    // Only who asks for it has tables made.
    super::copies::copied(&from, &to, "error", "", &task("t", "", NAME_RULE));
    refused(&["V1201", "`create_tables: true` on the destination"]);
    making(&from, &to, "", &task("u", "", NAME_RULE));
    refused(&["V1202", "it is no table"]);
    // A mask that may make two values one, on what tells rows apart.
    let fixed = "- column: id\n  masks: [{type: from_fixed, value: 1}]";
    making(&from, &to, "", &task("t", "", fixed));
    refused(&["V1207"]);
    let connections = format!("db: {{{}}}\n{FILES}", to.connection_in(from.visard()));
    from.visard().write("files/a.csv", "id,name\n1,x\n");
    let load = "- type: mask_tabular_file\n  table: nowhere.t\n  rules:\n    - column: name\n      masks: [{type: hash}]";
    let places = "source: files\ndestination: {connection: db, create_tables: true}";
    pipeline_between(from.visard(), &connections, places, "", load);
    refused(&["V1220", "`nowhere.t` cannot be made"]);
    // A dry run and those who look make nothing.
    making(&from, &to, "dry_run: true", &task("t", "", NAME_RULE));
    from.run().expect(0);
    for command in ["check", "plan", "preview"] {
        from.visard().call(&[command, "pipeline.yml"]).expect(0);
    }
    assert!(!is_there(&to));
    assert_eq!(to.leftovers(), [""; 0]);
}

fn a_copy_that_fails_makes_no_table<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40));
         INSERT INTO t SELECT i, 'datum ' || i FROM {}",
        K::series(3000)
    ));
    // The last rows have no year.
    from.sql("UPDATE t SET name = CASE WHEN id < 2990 THEN '2020-01-01' ELSE name END");
    let year = "- column: name\n  masks: [{type: retain_year}]";
    making(&from, &to, "workers: 2", &task("t", "", year));
    let ended = from.run().expect(1);
    assert!(
        ended.stderr.contains("`name`") && !ended.stderr.contains("datum"),
        "{}",
        ended.stderr
    );
    assert!(!is_there(&to));
    from.sql("UPDATE t SET name = '2020-01-01'");
    from.visard().run(&["--resume"]).expect(0);
    assert_eq!(
        to.one("SELECT count(*) FROM t WHERE name LIKE '2020%'"),
        "3000"
    );
    assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
}

fn killed_copies_that_make_tables_go_on<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(&long_table::<K>());
    making(&from, &to, "workers: 2", &task("t", "", NAME_RULE));
    let began = Instant::now();
    from.run().expect(0);
    let whole = began.elapsed();
    let all = || to.rows("SELECT id, name FROM t ORDER BY id");
    let expected = all();
    assert_eq!(expected.len(), 6000);
    Kills {
        what: "copies that make tables",
        seed: 13,
        most: 100,
        limit: Duration::from_secs(4),
        whole,
    }
    .go_on(
        from.visard(),
        || to.sql("DROP TABLE IF EXISTS t"),
        |what| {
            assert!(all() == expected, "{what}: other rows");
            assert_eq!(
                [from.leftovers(), to.leftovers()].concat(),
                [""; 0],
                "{what}"
            );
        },
    );
}

/// Columns that only Parquet has: each becomes one that holds them, and says the same in text.
fn every_type_of_parquet_has_one<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let micros = 1_709_208_000_000_001;
    let columns: Vec<(&str, ArrayRef, &str)> = vec![
        ("i8", Arc::new(Int8Array::from(vec![i8::MIN])), "-128"),
        ("u8", Arc::new(UInt8Array::from(vec![u8::MAX])), "255"),
        ("u16", Arc::new(UInt16Array::from(vec![u16::MAX])), "65535"),
        (
            "u32",
            Arc::new(UInt32Array::from(vec![u32::MAX])),
            "4294967295",
        ),
        (
            "u64",
            Arc::new(UInt64Array::from(vec![i64::MAX as u64])),
            "9223372036854775807",
        ),
        ("small", decimal(5, 2), "123.45"),
        ("large", decimal(38, 2), "123.45"),
        (
            "nanos",
            Arc::new(TimestampNanosecondArray::from(vec![micros * 1000])),
            "2024-02-29 12:00:00.000001",
        ),
        ("date", Arc::new(Date32Array::from(vec![-1])), "1969-12-31"),
        (
            "told",
            Arc::new(DictionaryArray::<Int8Type>::from_iter(["a word"])),
            "a word",
        ),
    ];
    let fields = columns
        .iter()
        .map(|(name, values, _)| Field::new(*name, values.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let values = columns.iter().map(|(_, values, _)| Arc::clone(values));
    let batch = RecordBatch::try_new(schema, values.collect()).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    trial.visard().write("files/a.parquet", file);
    let connections = format!("db: {{{}}}\n{FILES}", trial.connection());
    let places = "source: files\ndestination: {connection: db, create_tables: true}";
    let load = "- type: mask_tabular_file\n  table: t\n  rules:\n    - column: told\n      masks: [{type: do_nothing}]";
    pipeline_between(trial.visard(), &connections, places, "", load);
    trial.run().expect(0);
    let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
    let expected: Vec<&str> = columns.iter().map(|(.., said)| *said).collect();
    let said = trial.one(&format!("SELECT {} FROM t", names.join(", ")));
    assert_eq!(said, expected.join("|"));
}

fn decimal(precision: u8, scale: i8) -> ArrayRef {
    let values = Decimal128Array::from(vec![12345]);
    Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
}
