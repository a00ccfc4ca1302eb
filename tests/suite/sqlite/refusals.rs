//! What is refused before a row moves, with its code.

use super::Trial;
use crate::databases::{Kind, STRATEGIES, pipeline, task};

const RULES: &str = "- column: v\n  masks: [{type: imitate}]";

#[test]
fn tables_that_cannot_be_masked() {
    let trial = Trial::new();
    trial.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, u TEXT UNIQUE, len INT AS (length(v)), nn TEXT NOT NULL);
         CREATE VIEW seen AS SELECT v FROM t; CREATE VIRTUAL TABLE f USING fts5(v);
         CREATE TABLE taken (rowid, _rowid_, oid, v); CREATE TABLE w (v TEXT PRIMARY KEY) WITHOUT ROWID;
         CREATE TABLE p (v TEXT PRIMARY KEY); CREATE TABLE c (v TEXT REFERENCES p);
         CREATE TABLE nulls (k TEXT UNIQUE, v TEXT)",
    );
    let before = trial.state();
    let where_ = |condition: &str| task("t", &format!("where: \"{condition}\""), RULES);
    for (tasks, code, words) in [
        (task("seen", "", RULES), "V1202", "views show"),
        (task("f", "", RULES), "V1202", "virtual table"),
        (
            task("f_data", "", RULES),
            "V1202",
            "part of a virtual table",
        ),
        (
            task(
                "sqlite_schema",
                "",
                "- column: sql\n  masks: [{type: imitate}]",
            ),
            "V1202",
            "SQLite's own",
        ),
        (task("taken", "", RULES), "V1202", "names of the rowid"),
        (task("nothing", "", RULES), "V1201", "there is no table"),
        (task("other.t", "", RULES), "V1201", "there is no table"),
        (
            task("t", "", "- column: nope\n  masks: [{type: imitate}]"),
            "V1001",
            "nope",
        ),
        (
            task("t", "", "- column: u\n  masks: [{type: imitate}]"),
            "V1207",
            "unique",
        ),
        (
            task("t", "", "- column: len\n  masks: [{type: imitate}]"),
            "V1",
            "len",
        ),
        (task("c", "", RULES), "V1206", "it refers to `v` of `p`"),
        (task("p", "", RULES), "V1206", "`c` refers"),
        (
            task(
                "w",
                "key: rowid",
                "- column: v\n  masks: [{type: imitate_unique}]",
            ),
            "V12",
            "no place",
        ),
        (task("nulls", "key: k", RULES), "V12", "no unique index"),
        (where_("nope = 1"), "V1204", "no such column"),
        (where_("\\\"nope\\\" = 1"), "V1204", "no such column"),
        (where_("v = ?1"), "V1204", "parameter"),
        (where_("1) OR (1"), "V1204", ""),
        (where_("v = 1 -- all"), "V1204", "comment"),
    ] {
        trial.pipeline("", &tasks);
        let ended = trial.run().expect(2);
        assert!(
            ended.stderr.contains(code) && ended.stderr.contains(words),
            "{tasks}\n{}",
            ended.stderr
        );
        assert_eq!(trial.state(), before, "{tasks}");
    }
}

#[test]
fn files_that_cannot_be_opened() {
    let trial = Trial::new();
    let noise: Vec<u8> = (0..8192_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    trial.visard.write("noise.db", &noise);
    trial.visard.write("empty/x", "");
    for (database, words) in [
        ("gone.db", "No such file"),
        ("empty", "is no file"),
        ("noise.db", "encrypted, or no SQLite database"),
    ] {
        let text = pipeline(
            &format!("db_type: sqlite, database: {database}"),
            "",
            &task("t", "", RULES),
        );
        trial.visard.write("pipeline.yml", text);
        for ended in [
            trial.run().expect(2),
            trial
                .visard
                .call(&["connections", "test", "pipeline.yml"])
                .expect(1),
        ] {
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(said.contains(words), "{database}: {said}");
        }
    }
    assert!(!trial.visard.path("gone.db").exists());
    assert_eq!(trial.visard.read("noise.db"), noise);
}

/// A page that is damaged stops a run, and what is there stays.
#[test]
fn a_damaged_file() {
    for strategy in STRATEGIES {
        let trial = Trial::new();
        trial.sql(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL); INSERT INTO t SELECT i, 'a secret of ' || i FROM {}",
            Trial::series(5000)
        ));
        let mut bytes = std::fs::read(trial.path()).unwrap();
        let middle = bytes.len() / 8192 * 4096;
        bytes[middle..middle + 4096].fill(0xa5);
        std::fs::write(trial.path(), &bytes).unwrap();
        trial.pipeline(&format!("strategy: {strategy}"), &task("t", "", RULES));
        let ended = trial.run();
        assert!(matches!(ended.code, Some(1..=3)), "{ended:?}");
        assert!(
            ended.stderr.contains("damaged") && !ended.stderr.contains("secret"),
            "{}",
            ended.stderr
        );
        assert!(
            std::fs::read(trial.path()).unwrap()[middle..middle + 4096]
                == bytes[middle..middle + 4096]
        );
    }
}

/// What constraints and triggers refuse half way, without a value.
#[test]
fn rows_that_are_refused() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        for (made, value, words) in [
            (
                "v TEXT CONSTRAINT short CHECK (length(v) < 30)",
                "a long value of forty letters and a half",
                "short",
            ),
            ("v TEXT NOT NULL", "~", "V1006"),
            ("v TEXT, CHECK (v <> 'bad')", "bad", "CHECK constraint"),
        ] {
            trial.sql(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, {made}); INSERT INTO t SELECT i, 'secret ' || i FROM {}",
                Trial::series(50)
            ));
            let before = trial.rows("SELECT * FROM t");
            let value = if value == "~" {
                "null".to_owned()
            } else {
                format!("'{value}'")
            };
            let rules = format!(
                "- column: v\n  masks: [{{type: from_choices, choices: [{{value: {value}, weight: 1}}]}}]"
            );
            trial.pipeline(&format!("strategy: {strategy}"), &task("t", "", &rules));
            let ended = trial.run();
            assert!(
                matches!(ended.code, Some(1 | 2)),
                "{strategy} {made}: {ended:?}"
            );
            assert!(
                ended.stderr.contains(words) && !ended.stderr.contains("secret"),
                "{strategy} {made}: {}",
                ended.stderr
            );
            assert!(trial.rows("SELECT * FROM t") == before, "{strategy} {made}");
            let left: Vec<String> = trial
                .leftovers()
                .into_iter()
                .filter(|left| !left.ends_with("_units"))
                .collect();
            assert_eq!(left, [""; 0]);
        }
    }
    // What a trigger raises may be made of values.
    trial.sql(
        "DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'secret');
         CREATE TRIGGER r BEFORE UPDATE ON t BEGIN SELECT raise(abort, old.v || '!'); END",
    );
    trial.pipeline(
        "strategy: update\nauto_manage_triggers: false",
        &task("t", "", RULES),
    );
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("a trigger refused") && !ended.stderr.contains("secret"),
        "{}",
        ended.stderr
    );
}
