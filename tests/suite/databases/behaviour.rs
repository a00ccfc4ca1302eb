//! What is masked, by either strategy, and that all else stays as it was.

use super::kind::{Kind, task};
use super::{on_each, on_each_own};

on_each! {
    masked_columns_change_and_all_others_stay
    every_kind_of_key
    names_and_many_columns
    unique_values_change_places
    statements_between_tables
}

fn masked_columns_change_and_all_others_stay<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let mut masked = Vec::new();
    for &strategy in K::STRATEGIES {
        trial.sql(&format!(
            "DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS b;
             CREATE TABLE t (id integer PRIMARY KEY, name varchar(40) NOT NULL, note text, born date, n int, r double precision, kept text);
             CREATE INDEX of_name ON t (name);
             INSERT INTO t SELECT i, 'Name ' || i, CASE WHEN i % 3 > 0 THEN 'note ' || i END, '2001-02-03', i * 3, i / 7.0, 'kept ' || i FROM {};
             CREATE TABLE b AS SELECT * FROM t",
            K::series(3000)
        ));
        let dump = trial.dump();
        let report = trial.mask(
            &format!("strategy: {strategy}\nbatch_size: 700\nworkers: 3"),
            "t",
            "- columns: [name, note]\n  masks: [{type: imitate, force_change: true}]\n\
             - column: born\n  masks: [{type: shift_date, max_days: 90}]\n\
             - column: n\n  skip: [30]\n  masks: [{type: from_random_number, min: 50000, max: 90000}]",
        );
        assert_eq!(report["strategy"], strategy);
        assert_eq!(report["rows"], 3000, "{report}");
        assert_eq!(report["units"], if strategy == "update" { 5 } else { 1 });
        for (condition, rows) in [
            ("t.r = b.r AND t.kept = b.kept", "3000"),
            ("t.name = b.name", "0"),
            ("t.name LIKE '____ %'", "3000"),
            ("t.note IS NULL AND b.note IS NULL", "1000"),
            ("t.note = b.note", "0"),
            ("t.n BETWEEN 50000 AND 90000", "2999"),
            ("t.n = 30 AND b.n = 30", "1"),
            ("t.born BETWEEN '2000-11-05' AND '2001-05-04'", "3000"),
        ] {
            let count = format!("SELECT count(*) FROM b JOIN t ON t.id = b.id WHERE {condition}");
            assert_eq!(trial.one(&count), rows, "{strategy}: {condition}");
        }
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
        assert!(trial.dump() == dump, "{strategy}");
        masked.push(trial.rows("SELECT * FROM t ORDER BY id"));
    }
    assert!(
        masked.iter().all(|rows| *rows == masked[0]),
        "all strategies give one result"
    );
}

/// Rows are joined to their own keys, of whatever kind the key is.
fn every_kind_of_key<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let rule = "- column: v\n  masks: [{type: concat, masks: [{type: from_fixed, value: 'of '}, {type: do_nothing}]}]\n  skip: []";
    let by_place = K::by_place();
    for &strategy in K::STRATEGIES {
        trial.sql(&format!(
            "DROP TABLE IF EXISTS composite; DROP TABLE IF EXISTS worded; DROP TABLE IF EXISTS keyless; DROP TABLE IF EXISTS negative;
             CREATE TABLE composite (a int NOT NULL, b varchar(20) NOT NULL, v text, PRIMARY KEY (b, a));
             INSERT INTO composite SELECT i % 97, 'k' || (i / 97), 'v' || i FROM {0};
             CREATE TABLE worded (k varchar(20) PRIMARY KEY, v text);
             INSERT INTO worded SELECT CASE i % 3 WHEN 0 THEN 'K' WHEN 1 THEN 'ä' ELSE '' END || i, 'v' || i FROM {0};
             CREATE TABLE keyless (a int, v text); INSERT INTO keyless SELECT i, 'v' || i FROM {0};
             CREATE TABLE negative (k int NOT NULL UNIQUE, v text); INSERT INTO negative SELECT (i - 500) * 1000000, 'v' || i FROM {0}",
            K::series(1000)
        ));
        for (table, more, own) in [
            ("composite", "", "b || '.' || a"),
            ("composite", "key: [a, b]", "b || '.' || a"),
            ("worded", "key: k", "k"),
            ("keyless", "", "a"),
            ("keyless", &by_place, "a"),
            ("negative", "key: k", "k"),
        ] {
            if table == "keyless" && strategy == "update" && !K::KEYLESS_UPDATES {
                continue;
            }
            let rows = format!("SELECT {own}, v FROM {table} ORDER BY 1");
            let expected: Vec<String> = trial
                .rows(&rows)
                .iter()
                .map(|row| row.replace("|", "|of "))
                .collect();
            trial.pipeline(
                &format!("strategy: {strategy}\nbatch_size: 99\nworkers: 3"),
                &task(table, more, rule),
            );
            trial.run().expect(0);
            assert!(trial.rows(&rows) == expected, "{strategy} {table} {more}");
        }
    }
}

fn names_and_many_columns<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let wide: Vec<String> = (0..200)
        .map(|n| format!("c{n} text DEFAULT 'v{n}'"))
        .collect();
    let rules: Vec<String> = (0..200).step_by(2).map(|n| format!("c{n}")).collect();
    for &strategy in K::STRATEGIES {
        let options = format!("strategy: {strategy}");
        trial.sql(&format!(
            "DROP TABLE IF EXISTS wide; DROP TABLE IF EXISTS \"Order\"; DROP TABLE IF EXISTS \"a.b\";
             CREATE TABLE wide (id int PRIMARY KEY, {}); INSERT INTO wide (id) SELECT i FROM {};
             CREATE TABLE \"Order\" (\"user\" int PRIMARY KEY, \"table\" text, \"a b\" text, \"x.y\" text, \"it's\" text, \"v0\" text,
                                     \"s\" text, \"o\" text, \"t\" text, \"back\\slash\" text, unit int, done int, at int);
             INSERT INTO \"Order\" SELECT i, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', i, 1, 2 FROM {};
             CREATE TABLE \"a.b\" (\"Id\" int, \"Select\" text); INSERT INTO \"a.b\" VALUES (1, 'a')",
            wide.join(", "), K::series(50), K::series(9)
        ));
        let rules = format!(
            "- columns: [{}]\n  masks: [{{type: from_fixed, value: x}}]",
            rules.join(", ")
        );
        trial.mask(&options, "wide", &rules);
        assert_eq!(
            trial.one("SELECT DISTINCT c0, c1, c198, c199 FROM wide"),
            "x|v1|x|v199"
        );
        trial.mask(
            &options,
            "\"Order\"",
            "- columns: ['a b', x.y, \"it's\", v0, s, o, t, 'back\\slash']\n  masks: [{type: from_fixed, value: x}]",
        );
        assert_eq!(
            trial.one("SELECT DISTINCT \"table\", \"a b\", \"x.y\", \"it's\", v0, s, o, t, \"back\\slash\", done, at FROM \"Order\""),
            "a|x|x|x|x|x|x|x|x|1|2",
            "{strategy}"
        );
        // Without a key, and a dot in its name.
        if strategy == "update" && !K::KEYLESS_UPDATES {
            continue;
        }
        trial.mask(
            &options,
            "\"a.b\"",
            "- column: Select\n  masks: [{type: from_fixed, value: x}]",
        );
        assert_eq!(trial.one("SELECT * FROM \"a.b\""), "1|x", "{strategy}");
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
    }
}

/// Every value of a small domain becomes another one of it: none may meet an old one half way.
fn unique_values_change_places<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let table = format!(
        "DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, code varchar(9) NOT NULL UNIQUE, kept int);
         INSERT INTO t SELECT i, substr('000' || (i - 1), length('000' || (i - 1)) - 2), i FROM {}",
        K::series(1000)
    );
    let rules = "- column: code\n  masks: [{type: imitate_unique}]";
    trial.sql(&table);
    let before = trial.rows("SELECT code, id FROM t ORDER BY id");
    trial.mask("strategy: auto", "t", rules);
    assert_eq!(
        trial.one(
            "SELECT count(DISTINCT code), min(code), max(code), count(*) FROM t WHERE kept = id"
        ),
        "1000|000|999|1000"
    );
    let after = trial.rows("SELECT code, id FROM t ORDER BY id");
    let same = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before == after);
    assert!(same.count() < 20);
    // Piece by piece they would.
    trial.pipeline("strategy: update", &task("t", "", rules));
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("half way"), "{}", ended.stderr);
    // A mask that may make two values one is refused either way.
    trial.pipeline(
        "",
        &task("t", "", "- column: code\n  masks: [{type: imitate}]"),
    );
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("V1207"), "{}", ended.stderr);
}

/// Statements have effect in their turn, whole or not at all.
fn statements_between_tables<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let made = format!(
        "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b; CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (v text);
         INSERT INTO a SELECT i, 'v' || i FROM {}; INSERT INTO b VALUES ('old')",
        K::series(9)
    );
    let rules = "- column: v\n  masks: [{type: from_fixed, value: x}]";
    for &strategy in K::STRATEGIES {
        trial.sql(&made);
        trial.pipeline(
            &format!("strategy: {strategy}"),
            &format!(
                "- type: run_sql\n  sql: \"UPDATE a SET v = 'y' WHERE id > 4; DELETE FROM a WHERE id = 9\"\n{}\
                 - type: truncate_table\n  table: b\n- type: run_sql\n  sql: INSERT INTO b SELECT v FROM a WHERE id = 1\n",
                task("a", "where: v = 'y'", rules).replace("where: v = 'y'", if strategy == "update" { "where: v = 'y'" } else { "" })
            ),
        );
        trial.run().expect(0);
        let masked = if strategy == "update" { "4" } else { "8" };
        assert_eq!(
            trial.one("SELECT count(*) FROM a WHERE v = 'x'"),
            masked,
            "{strategy}"
        );
        let copied = if strategy == "update" { "v1" } else { "x" };
        assert_eq!(trial.rows("SELECT v FROM b"), [copied], "{strategy}");
        assert_eq!(trial.leftovers(), [""; 0], "{strategy}");
        trial.visard().run(&["--resume"]).expect(0);
        assert_eq!(
            trial.rows("SELECT v FROM b"),
            [copied],
            "{strategy}: done once"
        );
    }
    trial.sql(&made);
    trial.pipeline(
        "",
        "- type: run_sql\n  sql: DELETE FROM a; DELETE FROM nothing_there\n",
    );
    trial.run().expect(1);
    assert_eq!(trial.one("SELECT count(*) FROM a"), "9");
    assert_eq!(trial.leftovers(), [""; 0]);
}
