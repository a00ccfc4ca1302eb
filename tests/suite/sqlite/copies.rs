//! Values of every class that go to another file, and what the file's own rules do to rows that come in.

use super::Trial;
use super::classes::{COLUMNS, EXACT, made};
use crate::databases::copies::{copied, with_files};
use crate::databases::{Kind, pipeline_between, task};

const ID_RULE: &str = "- column: id\n  masks: [{type: do_nothing}]";
const READ_RULE: &str = "- columns: [id, v]\n  masks: [{type: do_nothing}]";

#[test]
fn every_class_goes_to_another_file() {
    let (from, to) = (Trial::new(), Trial::new());
    let run = |column: &str, rule: &str| {
        let made =
            format!("DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, v {column})");
        to.sql(&made);
        copied(&from, &to, "error", "workers: 2", &task("t", "", rule));
        from.run().expect(0);
        assert_eq!(to.rows(EXACT), from.rows(EXACT), "{column}: {rule}");
        assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
    };
    for (column, values) in COLUMNS {
        from.sql(&made(column, values));
        for rule in [ID_RULE, READ_RULE] {
            run(column, rule);
        }
    }
    // Nobody reads it, so it may be what it likes.
    from.sql("DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT))");
    run("TEXT", ID_RULE);
}

#[test]
fn types_that_are_kept_and_types_that_are_wishes() {
    let (from, to) = (Trial::new(), Trial::new());
    from.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY) STRICT; INSERT INTO t VALUES (1, '007'), (2, 7)");
    to.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY) STRICT");
    copied(&from, &to, "error", "", &task("t", "", ID_RULE));
    from.run().expect(0);
    assert_eq!(to.rows(EXACT), from.rows(EXACT));
    // What is no integer has no place there, and no other row comes in.
    to.sql("DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER) STRICT");
    from.sql("INSERT INTO t VALUES (3, 'hunter2')");
    copied(&from, &to, "error", "", &task("t", "", ID_RULE));
    let ended = from.run().expect(1);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    assert_eq!(to.one("SELECT count(*) FROM t"), "0");
    assert_eq!(to.leftovers(), [""; 0]);
}

/// Rows without rowids, counters that go on, references that hold at the end.
#[test]
fn what_hangs_on_a_table_holds() {
    let (from, to) = (Trial::new(), Trial::new());
    for trial in [&from, &to] {
        trial.sql(
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, above INTEGER REFERENCES t, v TEXT);
             CREATE TABLE w (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
             CREATE TABLE log (n INTEGER);
             CREATE TRIGGER counted AFTER INSERT ON w BEGIN INSERT INTO log VALUES (1); END",
        );
    }
    from.sql(
        "INSERT INTO t VALUES (1, 40, 'a'), (40, 1, 'b'); INSERT INTO w VALUES ('x', 'a'), ('y', 'b')",
    );
    let rule = "- column: v\n  masks: [{type: hash}]";
    let tasks = task("t", "", rule) + &task("w", "", rule);
    copied(&from, &to, "error", "", &tasks);
    from.run().expect(0);
    assert_eq!(
        to.rows("SELECT id, above, length(v) FROM t ORDER BY id"),
        ["1|40|32", "40|1|32"]
    );
    assert_eq!(
        to.rows("SELECT k, length(v) FROM w ORDER BY k"),
        ["x|32", "y|32"]
    );
    assert_eq!(to.one("SELECT count(*) FROM log"), "2");
    to.sql("INSERT INTO t (v) VALUES ('next')");
    assert_eq!(to.one("SELECT max(id) FROM t"), "41");
    // A row that refers to nothing: none comes in.
    from.sql("UPDATE t SET above = 99");
    copied(&from, &to, "overwrite", "", &task("t", "", rule));
    let ended = from.run().expect(1);
    assert!(ended.stderr.contains("FOREIGN KEY"), "{}", ended.stderr);
    assert_eq!(to.one("SELECT count(*) FROM t"), "3");
    assert_eq!(to.leftovers(), [""; 0]);
}

#[test]
fn a_table_becomes_files_and_comes_back() {
    let trial = Trial::new();
    let columns = "id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2), at DATETIME, raw BLOB";
    trial.sql(&format!(
        "CREATE TABLE t ({columns}); CREATE TABLE back ({columns});
         INSERT INTO t VALUES (1, 'a \"quoted\", one', 12.5, '2020-02-29 12:00:00', x'00ff'), (2, '', 3, NULL, x''),
             (3, NULL, NULL, 'never', NULL)"
    ));
    for format in ["csv", "parquet"] {
        let places = format!(
            "source: db\ndestination: {{connection: files, path: {format}, format: {format}}}"
        );
        with_files(&trial, &places, "", &task("t", "", ID_RULE));
        trial.run().expect(0);
        assert_eq!(
            trial.visard.files(&format!("files/{format}/t")),
            [format!("part-00000.{format}")]
        );
        let places = format!(
            "source: {{connection: files, path: {format}}}\ndestination: {{connection: db, mode: overwrite}}"
        );
        let load = "- type: mask_tabular_file\n  table: back\n  recurse: true\n  rules:\n    - column: id\n      masks: [{type: do_nothing}]";
        with_files(&trial, &places, "", load);
        trial.run().expect(0);
        let seen = |table: &str| {
            trial.rows(&format!(
                "SELECT id, name, amount, typeof(amount), at, hex(CASE {} WHEN 1 THEN raw END) FROM {table} ORDER BY id",
                u8::from(format == "parquet")
            ))
        };
        assert_eq!(seen("back"), seen("t"), "{format}");
    }
}

/// Files with a log, and files that others have open.
#[test]
fn a_file_with_a_log() {
    let (from, to) = (Trial::new(), Trial::new());
    for trial in [&from, &to] {
        trial.sql("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    }
    from.sql(&format!(
        "INSERT INTO t SELECT i, 'v' || i FROM {}",
        Trial::series(90_000)
    ));
    let reader = to.open();
    reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    copied(
        &from,
        &to,
        "error",
        "workers: 4",
        &task("t", "", "- column: v\n  masks: [{type: hash}]"),
    );
    from.run().expect(0);
    assert_eq!(to.one("SELECT count(DISTINCT v) FROM t"), "90000");
    drop(reader);
    // While somebody else writes, one connection reads what was there.
    let writer = from.open();
    writer
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (0, 'late')")
        .unwrap();
    copied(
        &from,
        &to,
        "overwrite",
        "",
        &task("t", "", "- column: v\n  masks: [{type: hash}]"),
    );
    from.run().expect(0);
    assert_eq!(to.one("SELECT count(*) FROM t"), "90000");
}

/// Declared types are kept with what they make of values; what is more than words is not.
#[test]
fn every_class_goes_to_a_new_table() {
    let (from, to) = (Trial::new(), Trial::new());
    from.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, bare, num NUMERIC, odd \"x); DROP TABLE u; --\", price DECIMAL(10,2));
         CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT NOT NULL, any ANY, i INT) STRICT;
         INSERT INTO t VALUES (1, 'Ann', 1, 1, 1, 1.5), (2, 'Bo', '1', '1', '1', 2), (3, 'Eva', X'31', 1.5, 'x', NULL),
                              (4, 'Kim', 1e300, 'x', X'00', 'none');
         INSERT INTO u VALUES (1, 'Ann', 1, 1), (2, 'Bo', '1', 2), (3, 'Eva', X'31', NULL), (4, 'Kim', 0.5, -1)",
    );
    let connections = format!(
        "db: {{{}}}\nother: {{{}}}",
        from.connection(),
        to.connection_in(from.visard())
    );
    let places = "source: db\ndestination: {connection: other, create_tables: true}";
    let rule = "- column: name\n  masks: [{type: do_nothing}]";
    let tasks = task("t", "", rule) + &task("u", "", rule);
    pipeline_between(from.visard(), &connections, places, "", &tasks);
    from.run().expect(0);
    for columns in [
        "t.id, name, quote(bare), quote(num), quote(price) FROM t",
        "u.id, name, quote(\"any\"), quote(i) FROM u",
    ] {
        let rows = format!("SELECT {columns} ORDER BY 1");
        assert_eq!(to.rows(&rows), from.rows(&rows), "{columns}");
    }
    let types = "SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_info('t')";
    assert_eq!(
        to.one(types),
        "id INTEGER, name TEXT, bare , num NUMERIC, odd TEXT, price DECIMAL(10,2)"
    );
}

/// One file has many names.
#[test]
fn a_file_is_not_copied_to_itself() {
    let trial = Trial::new();
    trial
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'Ann')");
    std::fs::hard_link(trial.path(), trial.visard.path("b.db")).unwrap();
    let connections =
        "db: {db_type: sqlite, database: a.db}\nother: {db_type: sqlite, database: b.db}";
    let places = "source: db\ndestination: {connection: other, mode: overwrite}";
    let tasks = task("t", "", "- column: name\n  masks: [{type: hash}]");
    pipeline_between(trial.visard(), connections, places, "", &tasks);
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("V1218"), "{}", ended.stderr);
    assert_eq!(trial.rows("SELECT * FROM t"), ["1|Ann"]);
}
