//! Values that no other row gets: rows are numbered.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use super::copies::{both, copied, long_table, with_files};
use super::kills::Kills;
use super::kind::{Kind, task};
use super::{on_each, on_each_own};

on_each! {
    rows_of_updates_are_numbered_by_their_key
    too_few_texts_for_an_update
    killed_updates_go_on_with_their_numbers
}

mod whole {
    use super::*;

    on_each_own! {
        unique_values_of_a_format
        copied_rows_are_numbered
        killed_copies_number_alike
        records_are_numbered_on_their_way_into_a_table
    }
}

/// A text of `format` in each row.
fn rule(format: &str) -> String {
    format!("- column: code\n  masks: [{{type: from_unique, format: '{format}'}}]")
}

/// A table of 3000 rows, some of them of another group, which no index asks unique values of.
fn filled<K: Kind>(trial: &K) {
    trial.forget_run();
    trial.sql(&format!(
        "DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, code varchar(40), kept varchar(40) NOT NULL UNIQUE, part int);
         INSERT INTO t SELECT i * 7919 % 100003, 'was' || i, 'k' || i, i % 3 FROM {}",
        K::series(3000)
    ));
}

const ALL: &str = "SELECT id, code, kept FROM t ORDER BY id";
const DISTINCT: &str = "SELECT count(DISTINCT code), min(length(code)), max(length(code)) FROM t WHERE code NOT LIKE 'was%'";

/// Whatever units there are, and however many work at them, a row has the number of its place by the key.
fn rows_of_updates_are_numbered_by_their_key<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let mut first = Vec::new();
    for options in [
        "workers: 3\nbatch_size: 700",
        "workers: 1\nbatch_size: 250",
        "workers: 2",
    ] {
        filled(&trial);
        let options = format!("strategy: update\n{options}");
        let report = trial.mask(&options, "t", &rule("{[A-Z]}{[0-9],4}"));
        assert_eq!(
            (&report["strategy"], &report["rows"]),
            (&"update".into(), &3000.into())
        );
        assert_eq!(trial.one(DISTINCT), "3000|5|5", "{options}");
        assert_eq!(trial.leftovers(), [""; 0]);
        let rows = trial.rows(ALL);
        if first.is_empty() {
            first = rows;
            continue;
        }
        assert!(rows == first, "{options}: other numbers");
    }
    // Of some rows only those: a text for each of them is enough.
    for (options, more, code, rows, said) in [
        ("batch_size: 300", "where: part = 1", 0, "1000|5|5", "2000"),
        ("batch_size: 300\nmax_rows: 1000", "", 3, "1000|5|5", "2000"),
        ("max_rows: 10", "where: part = 1", 3, "10|5|5", "2990"),
    ] {
        filled(&trial);
        trial.pipeline(options, &task("t", more, &rule("x{[0-9],3}y")));
        trial.run().expect(code);
        assert_eq!(trial.one(DISTINCT), rows, "{options} {more}");
        let left = trial.one("SELECT count(*) FROM t WHERE code LIKE 'was%'");
        assert_eq!(left, said, "{options} {more}");
    }
    // A row that an index asks unique values of could get what another still has.
    let unique = rule("{[A-Z]}{[0-9],4}").replace("column: code", "column: kept");
    trial.pipeline("strategy: update", &task("t", "", &unique));
    let ended = trial.run().expect(2);
    assert!(
        ended.stderr.contains("V1205") && ended.stderr.contains("half way"),
        "{}",
        ended.stderr
    );
}

fn too_few_texts_for_an_update<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    filled(&trial);
    let before = trial.rows(ALL);
    for options in ["", "\nmax_rows: 2601"] {
        let options = format!("strategy: update\nbatch_size: 500{options}");
        trial.pipeline(&options, &task("t", "", &rule("{[A-Z]}{[0-9],2}")));
        let ended = trial.run().expect(1);
        let said = "rows, and the format offers 2600 texts";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert_eq!(trial.rows(ALL), before);
    }
}

fn killed_updates_go_on_with_their_numbers<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    filled(&trial);
    let options = "strategy: update\nbatch_size: 200\nworkers: 2";
    trial.pipeline(options, &task("t", "", &rule("{[A-Z]}{[0-9],4}")));
    let began = Instant::now();
    trial.run().expect(0);
    let whole = began.elapsed();
    let expected = trial.rows(ALL);
    Kills {
        what: "numbered updates",
        seed: 31,
        most: 100,
        limit: Duration::from_secs(K::SECONDS / 2),
        whole,
    }
    .go_on(
        trial.visard(),
        || filled(&trial),
        |what| {
            assert!(trial.rows(ALL) == expected, "{what}: other numbers");
            assert_eq!(trial.leftovers(), [""; 0], "{what}");
        },
    );
}

fn copied_rows_are_numbered<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    filled(&from);
    // Here an index asks for what the mask promises.
    to.sql("CREATE TABLE t (id integer PRIMARY KEY, code varchar(40) UNIQUE, kept varchar(40), part int)");
    let tasks = |format: &str| task("t", "", &rule(format));
    copied(
        &from,
        &to,
        "error",
        "workers: 3",
        &tasks("{[A-Z]}{[0-9],2}"),
    );
    let ended = from.run().expect(1);
    let said = "there are 3000 rows, and the format offers 2600 texts";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(to.one("SELECT count(*) FROM t"), "0");
    // As many texts as there are rows.
    copied(
        &from,
        &to,
        "error",
        "workers: 3",
        &tasks("{[abc]}{[0-9],3}"),
    );
    from.visard().call(&["preview", "pipeline.yml"]).expect(0);
    from.visard().call(&["plan", "pipeline.yml"]).expect(0);
    from.run().expect(0);
    assert_eq!(to.one(DISTINCT), "3000|4|4");
    assert_eq!(
        from.one("SELECT count(*) FROM t WHERE code LIKE 'was%'"),
        "3000"
    );
    copied(
        &from,
        &to,
        "overwrite",
        "max_rows: 100",
        &tasks("{[0-9],2}"),
    );
    from.run();
    assert_eq!(to.one(DISTINCT), "100|2|2");
    assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);

    // To files, of some rows.
    let places = "source: db\ndestination: {connection: files, format: csv}";
    let some = task("t", "where: part = 2", &rule("{[0-9],3}"));
    with_files(&from, places, "workers: 3", &some);
    from.run().expect(0);
    let folder = format!("files/{}", from.folder("t"));
    let mut codes = Vec::new();
    for file in from.visard().files(&folder) {
        let text = from.visard().read(&format!("{folder}/{file}"));
        let text = String::from_utf8(text).unwrap();
        let code = |line: &str| line.split(',').nth(1).unwrap().to_owned();
        codes.extend(text.lines().skip(1).map(code));
    }
    let distinct: HashSet<&String> = codes.iter().collect();
    assert_eq!((codes.len(), distinct.len()), (1000, 1000));
}

/// A copy appears whole or not at all, so one that is killed numbers its rows anew: as before.
fn killed_copies_number_alike<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(&long_table::<K>());
    to.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40) UNIQUE, rest varchar(600))");
    let rule = rule("{[0-9],6}").replace("column: code", "column: name");
    copied(&from, &to, "error", "workers: 2", &task("t", "", &rule));
    let all = || to.rows("SELECT id, name FROM t ORDER BY id");
    let began = Instant::now();
    from.run().expect(0);
    let (whole, expected) = (began.elapsed(), all());
    assert_eq!(expected.len(), 6000);
    Kills {
        what: "numbered copies",
        seed: 32,
        most: 50,
        limit: Duration::from_secs(4),
        whole,
    }
    .go_on(
        from.visard(),
        || to.sql("DELETE FROM t"),
        |what| {
            assert!(all() == expected, "{what}: other numbers");
            assert_eq!(
                [from.leftovers(), to.leftovers()].concat(),
                [""; 0],
                "{what}"
            );
        },
    );
}

fn records_are_numbered_on_their_way_into_a_table<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql("CREATE TABLE people (id int PRIMARY KEY, code varchar(40) NOT NULL UNIQUE, note varchar(40))");
    let visard = trial.visard();
    for (file, first) in [("a", 0), ("b", 1000), ("c", 2000)] {
        let mut text = "id,code,note\n".to_owned();
        for id in first..first + 1000 {
            writeln!(text, "{id},was{id},\"a note\nof two lines\"").unwrap();
        }
        visard.write(&format!("files/{file}.csv"), text);
    }
    let load = |format: &str| {
        let rule = rule(format).replace('\n', "\n    ");
        format!("- type: mask_tabular_file\n  table: people\n  rules:\n    {rule}")
    };
    let places = "source: files\ndestination: db";
    with_files(&trial, places, "workers: 2", &load("{[0-9],3}"));
    let ended = trial.run().expect(1);
    let said = "there are 3000 rows, and the format offers 1000 texts";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(trial.one("SELECT count(*) FROM people"), "0");
    with_files(&trial, places, "workers: 2", &load("{[abc]}{[0-9],3}"));
    trial.run().expect(0);
    let distinct = "SELECT count(*), count(DISTINCT code), min(length(code)), max(length(code)) FROM people WHERE note LIKE '%lines'";
    assert_eq!(trial.one(distinct), "3000|3000|4|4");
    assert_eq!(trial.leftovers(), [""; 0]);
}

fn unique_values_of_a_format<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&format!(
        "CREATE TABLE t (id integer PRIMARY KEY, code varchar(9) NOT NULL UNIQUE, n int); CREATE TABLE keyless (code varchar(9));
         INSERT INTO t SELECT i, 'was' || i, i * 2 FROM {0}; INSERT INTO keyless SELECT 'was' || i FROM {0}",
        K::series(3000)
    ));
    let dump = trial.dump();
    for table in ["t", "keyless"] {
        let report = trial.mask("workers: 3", table, &rule("{[A-Z]}{[0-9],4}"));
        assert_eq!(
            (&report["strategy"], &report["rows"]),
            (&"rewrite".into(), &3000.into())
        );
        let distinct = format!(
            "SELECT count(DISTINCT code), min(length(code)), max(length(code)) FROM {table}"
        );
        assert_eq!(trial.one(&distinct), "3000|5|5", "{table}");
        let old = format!("SELECT count(*) FROM {table} WHERE code LIKE 'was%'");
        assert_eq!(trial.one(&old), "0", "{table}");
    }
    assert_eq!(trial.one("SELECT count(*) FROM t WHERE n = id * 2"), "3000");
    assert_eq!(trial.dump(), dump);
    let before = trial.rows("SELECT id, code FROM t ORDER BY id");
    let ended = trial.visard().call(&["preview", "pipeline.yml"]).expect(0);
    assert!(ended.stdout.contains("code"), "{}", ended.stdout);
    // Too few for all rows, and rows that nobody counts.
    trial.pipeline("", &task("t", "", &rule("{[A-Z]}{[0-9],2}")));
    let ended = trial.run().expect(1);
    let said = "there are 3000 rows, and the format offers 2600 texts";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    for (options, more) in [
        ("strategy: update", ""),
        ("", "where: id > 5"),
        ("max_rows: 10", ""),
    ] {
        trial.pipeline(options, &task("t", more, &rule("{[A-Z]}{[0-9],4}")));
        let ended = trial.run().expect(2);
        assert!(ended.stderr.contains("V1205"), "{}", ended.stderr);
    }
    assert_eq!(trial.rows("SELECT id, code FROM t ORDER BY id"), before);
    assert_eq!(trial.leftovers(), [""; 0]);
}
