//! Values of every type that go to another database or to files, and come back.

use super::trial::{Kind, Trial, task};
use super::types::{TYPES, made, seen};
use crate::databases::copies::{copied, with_files};
use crate::databases::pipeline_between;

fn made_empty(trial: &Trial, table: &str, types: &[(&str, &str, &[&str])]) {
    let columns: Vec<String> = types
        .iter()
        .map(|(name, kind, _)| format!("{name} {kind}"))
        .collect();
    trial.sql(&format!(
        "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id int PRIMARY KEY, {})",
        columns.join(", ")
    ));
}

fn left_alone(columns: &[&str]) -> String {
    format!(
        "- columns: [{}]\n  masks: [{{type: do_nothing}}]",
        columns.join(", ")
    )
}

#[test]
fn every_type_goes_to_another_database() {
    let Some(from) = Trial::new() else { return };
    goes_to_another_database(&from);
}

#[test]
fn every_type_goes_to_another_database_without_files() {
    let Some(from) = Trial::without_files() else {
        return;
    };
    goes_to_another_database(&from);
}

/// Unread, as text, and read, as what it is.
fn goes_to_another_database(from: &Trial) {
    let Some(to) = from.another() else { return };
    made(from);
    let all: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).collect();
    for columns in [&["id"][..], &all] {
        made_empty(&to, "t", TYPES);
        copied(
            from,
            &to,
            "error",
            "workers: 2",
            &task("t", "", &left_alone(columns)),
        );
        from.run().expect(0);
        for (before, after) in seen(from, "was").iter().zip(seen(&to, "t")) {
            assert_eq!(*before, after, "{} columns read", columns.len());
        }
        assert_eq!(to.one("SELECT COUNT(*) FROM t"), "8");
        assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
    }
}

#[test]
fn every_type_becomes_files_and_comes_back() {
    let Some(trial) = Trial::new() else { return };
    made(&trial);
    let geometries = ["g", "pt"];
    let odd = ["dt", "tm", "dm", "ts"];
    for format in ["csv", "parquet"] {
        let folder = format!("files/{format}/{}/t", trial.database);
        let places = format!(
            "source: db\ndestination: {{connection: files, path: {format}, format: {format}, mode: overwrite}}"
        );
        let to_files = || {
            with_files(&trial, &places, "", &task("t", "", &left_alone(&["id"])));
            trial.run()
        };
        if format == "parquet" {
            let ended = to_files().expect(1);
            assert!(
                ended.stderr.contains("no calendar") && !ended.stderr.contains("0000-00"),
                "{}",
                ended.stderr
            );
            assert!(!trial.visard.path(&folder).exists());
            for name in odd {
                trial.sql(&format!(
                    "UPDATE t SET {name} = NULL; UPDATE was SET {name} = NULL"
                ));
            }
        }
        to_files().expect(0);
        assert_eq!(
            trial.visard.files(&folder),
            [format!("part-00000.{format}")]
        );
        made_empty(&trial, "back", TYPES);
        let places = format!("source: {{connection: files, path: {format}}}\ndestination: db");
        let load = |table: &str| {
            let load = format!(
                "- type: mask_tabular_file\n  table: {table}\n  recurse: true\n  rules:\n    - column: id\n      masks: [{{type: do_nothing}}]"
            );
            with_files(&trial, &places, "", &load);
            trial.run()
        };
        // Only the server itself makes geometries of their bytes.
        let ended = load("back").expect(2);
        for part in ["V1212", "`g`", "geometry", "`pt`", "point"] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
        for name in geometries {
            trial.sql(&format!("ALTER TABLE back MODIFY {name} longblob"));
        }
        load("back").expect(0);
        for name in geometries {
            let kind = TYPES.iter().find(|(other, ..)| *other == name).unwrap().1;
            trial.sql(&format!("ALTER TABLE back MODIFY {name} {kind}"));
        }
        for (before, after) in seen(&trial, "was").iter().zip(seen(&trial, "back")) {
            assert_eq!(*before, after, "{format}");
        }
        assert_eq!(trial.one("SELECT COUNT(*) FROM back"), "8");
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// The server would round them, cut them off or fill them up without a word.
#[test]
fn what_the_server_would_change_fails_the_copy() {
    let Some(trial) = Trial::new() else { return };
    let places = "source: files\ndestination: db";
    let load = "- type: mask_tabular_file\n  table: t\n  rules:\n    - column: id\n      masks: [{type: do_nothing}]";
    for (kind, fits, unfit) in [
        ("int", "12", "12.5"),
        ("tinyint unsigned", "255", "256"),
        ("decimal(5,2)", "1.50", "1.505"),
        ("decimal(65,2)", "1.50", "1.505"),
        ("datetime", "2020-02-29T12:00:00", "2020-02-29T12:00:00.5"),
        ("time(3)", "838:59:59.5", "838:59:59.0001"),
        ("date", "2021-02-31", "20210231"),
        ("date", "2021-02-28", "2021-02-28T12:00:00"),
        ("binary(2)", "\\x00ff", "\\x00"),
        ("blob", "\\x00ff", "00ff"),
        ("enum('a','b')", "b", "c"),
        ("varchar(3)", "abc", "abcd"),
        ("year", "1999", "99"),
        ("timestamp NOT NULL", "2001-02-03 04:05:06", ""),
    ] {
        for (value, code) in [(fits, 0), (unfit, 1)] {
            trial.sql(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v {kind})"
            ));
            trial
                .visard
                .write("files/a.csv", format!("id,v\n1,{value}\n"));
            with_files(&trial, places, "", load);
            let ended = trial.run().expect(code);
            assert!(
                value.len() < 4 || !ended.stderr.contains(value),
                "{kind}: {}",
                ended.stderr
            );
            let there = trial.one("SELECT COUNT(*) FROM t");
            assert_eq!(there, if code == 0 { "1" } else { "0" }, "{kind}: {value}");
            assert_eq!(trial.leftovers(), [""; 0]);
        }
    }
}

/// Without the right to lock tables, and with an engine that has no transactions.
#[test]
fn who_may_not_lock_reads_alone() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40)); INSERT INTO t VALUES (1, 'Ann')",
    );
    let (_, keys) = trial.user("SELECT");
    let connections = format!(
        "db: {{{}}}\nfiles: {{type: mounted_share_connection, base_directory: files}}",
        trial.keys(&keys)
    );
    let ran = || {
        pipeline_between(
            &trial.visard,
            &connections,
            "source: db\ndestination: {connection: files, format: csv, mode: overwrite}",
            "",
            &task("t", "", crate::databases::copies::NAME_RULE),
        );
        trial.run()
    };
    ran().expect(0);
    trial.sql("ALTER TABLE t ENGINE = MyISAM");
    let ended = ran();
    assert!(
        ended.stderr.contains("LOCK TABLES") && ended.stderr.contains("MyISAM"),
        "{}",
        ended.stderr
    );
    trial.sql(&format!(
        "GRANT LOCK TABLES ON {}.* TO {}_0",
        trial.database, trial.database
    ));
    ran().expect(0);
    assert_eq!(trial.visard.report()["tables"][0]["rows"], 1);
}

/// Sessions that read one table see one moment of it, whatever is written meanwhile.
#[test]
fn slices_are_of_one_moment() {
    let Some(from) = Trial::new() else { return };
    let Some(to) = from.another() else { return };
    for trial in [&from, &to] {
        trial.sql("CREATE TABLE t (id int PRIMARY KEY, n bigint, name varchar(40))");
    }
    from.sql(
        "INSERT INTO t SELECT seq, 0, CONCAT('name ', seq) FROM seq_1_to_90000; ANALYZE TABLE t",
    );
    let rule = crate::databases::copies::NAME_RULE;
    copied(&from, &to, "error", "workers: 4", &task("t", "", rule));
    let mut child = from.visard.start(&[]);
    let mut moved = 0;
    while child.try_wait().unwrap().is_none() {
        from.sql("UPDATE t SET n = n + IF(id = 1, 1, -1) WHERE id IN (1, 90000)");
        moved += 1;
    }
    crate::visard::Ended::of(child.wait_with_output().unwrap()).expect(0);
    assert!(moved > 10);
    assert_eq!(to.one("SELECT COUNT(*), SUM(n) FROM t"), "90000|0");
}

/// A column keeps its type, and its character set and collation.
#[test]
fn every_type_goes_to_a_new_table() {
    let Some(from) = Trial::new() else { return };
    let Some(to) = from.another() else { return };
    made(&from);
    let connections = format!("db: {{{}}}\nother: {{{}}}", from.keys(""), to.keys(""));
    let places = "source: db\ndestination: {connection: other, create_tables: true}";
    let tasks = task("t", "", &left_alone(&["id"]));
    pipeline_between(&from.visard, &connections, places, "workers: 2", &tasks);
    from.run().expect(0);
    for (before, after) in seen(&from, "was").iter().zip(seen(&to, "t")) {
        assert_eq!(*before, after);
    }
    let types = "SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, COLUMN_KEY FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 't' ORDER BY ORDINAL_POSITION";
    assert_eq!(to.rows(types), from.rows(types));
    assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
}

#[test]
fn rights_to_fill_and_to_make_tables() {
    let Some(from) = Trial::new() else { return };
    let Some(to) = from.another() else { return };
    for trial in [&from, &to] {
        trial.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40)); INSERT INTO t VALUES (1, 'Ann')");
    }
    let refused = |rights: &str, more: &str, parts: &[&str]| {
        let (_, keys) = to.user(rights);
        let connections = format!("db: {{{}}}\nother: {{{}}}", from.keys(""), to.keys(&keys));
        let places = format!("source: db\ndestination: {{connection: other, {more}}}");
        let tasks = task("t", "", "- column: name\n  masks: [{type: hash}]");
        pipeline_between(&from.visard, &connections, &places, "", &tasks);
        let ended = from.run().expect(2);
        for part in parts {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    };
    let fills = "SELECT, INSERT, UPDATE, CREATE, DROP";
    refused(fills, "mode: overwrite", &["V1202", "that takes DELETE"]);
    assert_eq!(to.one("SELECT name FROM t"), "Ann");
    to.sql("DROP TABLE t");
    let makes = "create_tables: true";
    refused(
        &format!("{fills}, CREATE TEMPORARY TABLES"),
        makes,
        &["V1202", "that takes ALTER"],
    );
    refused(fills, makes, &["V1220", "1044"]);
    assert_eq!(to.rows("SHOW TABLES"), [""; 0]);
}

/// Texts of other products in keys, and more of them than a row has room for.
#[test]
fn new_tables_of_many_texts() {
    let Some(to) = Trial::new() else { return };
    let from = crate::sqlite::Trial::new();
    let columns: Vec<String> = (0..150).map(|n| format!("c{n} VARCHAR(200)")).collect();
    from.sql(&format!(
        "CREATE TABLE t (a TEXT NOT NULL, b BLOB NOT NULL, {}, PRIMARY KEY (a, b));
         INSERT INTO t (a, b, c0) VALUES ('x', X'00', 'one'), ('X', X'00', 'two'), ('x ', X'00', 'three')",
        columns.join(", ")
    ));
    let connections = format!("db: {{{}}}\nother: {{{}}}", from.connection(), to.keys(""));
    let places = "source: db\ndestination: {connection: other, create_tables: true}";
    let tasks = task("t", "", &left_alone(&["c0"]));
    pipeline_between(from.visard(), &connections, places, "", &tasks);
    from.run().expect(0);
    let rows = to.rows("SELECT a, HEX(b), c0 FROM t ORDER BY c0");
    assert_eq!(rows, ["x|00|one", "x |00|three", "X|00|two"]);
    // More than an index takes fails the task.
    from.sql("DELETE FROM t; INSERT INTO t (a, b) VALUES (printf('%.400c', 'x'), X'00')");
    to.sql("DROP TABLE t");
    let ended = from.run().expect(1);
    assert!(ended.stderr.contains("`a`"), "{}", ended.stderr);
    assert_eq!(to.rows("SHOW TABLES"), [""; 0]);
}

#[test]
fn a_table_is_not_copied_to_itself_by_another_name_of_its_server() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40)); INSERT INTO t VALUES (1, 'Ann')",
    );
    let there = trial.keys("host: localhost");
    let connections = format!("db: {{{}}}\nother: {{{there}}}", trial.keys(""));
    let places = "source: db\ndestination: {connection: other, mode: overwrite}";
    let tasks = task("t", "", "- column: name\n  masks: [{type: hash}]");
    pipeline_between(&trial.visard, &connections, places, "", &tasks);
    // The clock of the server goes on between two questions.
    for _ in 0..3 {
        let ended = trial.run().expect(2);
        assert!(ended.stderr.contains("V1218"), "{}", ended.stderr);
    }
    assert_eq!(trial.rows("SELECT name FROM t"), ["Ann"]);
}
