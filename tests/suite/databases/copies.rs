//! Rows that go to another database or to files, masked on the way, and files that become rows.

use std::time::{Duration, Instant};

use super::kills::Kills;
use super::kind::{Kind, pipeline_between, task};
use super::on_each_own;
use crate::visard::Ended;

on_each_own! {
    keys_and_what_refers_to_them_go_together
    files_are_masked_on_their_way_into_a_table
    what_is_there_stays_goes_or_stops_the_run
    some_rows_and_no_rows
    copies_that_cannot_be_are_refused
    killed_copies_to_tables_go_on
    killed_copies_to_files_go_on
    nobody_changes_a_table_before_its_turn
    values_that_do_not_fit_fail_the_copy
    a_constraint_that_fails_on_the_last_rows
}

pub const NAME_RULE: &str = "- column: name\n  masks: [{type: hash}]";
pub const FILES: &str = "files: {type: mounted_share_connection, base_directory: files}";

/// Writes the pipeline of `from` that copies its tables to `to`.
pub fn copied<F: Kind, T: Kind>(from: &F, to: &T, mode: &str, options: &str, tasks: &str) {
    let connections = format!(
        "db: {{{}}}\nother: {{{}}}",
        from.connection(),
        to.connection_in(from.visard())
    );
    let places = format!("source: db\ndestination: {{connection: other, mode: {mode}}}");
    pipeline_between(from.visard(), &connections, &places, options, tasks);
}

/// Writes the pipeline that copies tables to files, or files to tables.
pub fn with_files<K: Kind>(trial: &K, places: &str, options: &str, tasks: &str) {
    let connections = format!("db: {{{}}}\n{FILES}", trial.connection());
    pipeline_between(trial.visard(), &connections, places, options, tasks);
}

/// Two databases.
pub fn both<K: Kind>() -> Option<(K, K)> {
    let from = K::try_new()?;
    let to = from.another()?;
    Some((from, to))
}

fn keys_and_what_refers_to_them_go_together<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    for trial in [&from, &to] {
        trial.sql(
            "CREATE TABLE parent (id bigint PRIMARY KEY, v varchar(20));
             CREATE TABLE child (id int PRIMARY KEY, parent bigint NOT NULL REFERENCES parent (id), copy varchar(20))",
        );
    }
    from.sql(&format!(
        "INSERT INTO parent SELECT i * 37, 'v' || i FROM {};
         INSERT INTO child SELECT i, (i % 5000 + 1) * 37, 'v' || (i % 5000 + 1) FROM {}",
        K::series(5000),
        K::series(9000)
    ));
    let key = |column: &str| {
        format!("- column: {column}\n  masks: [{{type: imitate_unique, seed: parent}}]")
    };
    let tasks = task("parent", "", &key("id")) + &task("child", "", &key("parent"));
    copied(&from, &to, "error", "workers: 2", &tasks);
    from.run().expect(0);
    let joined = "SELECT count(*), sum(CASE WHEN p.v = c.copy THEN 1 ELSE 0 END) FROM child c JOIN parent p ON p.id = c.parent";
    assert_eq!(to.one(joined), "9000|9000");
    let unmasked = "SELECT count(*) FROM parent WHERE v = 'v' || (id / 37) AND id % 37 = 0";
    assert!(to.one(unmasked).parse::<u32>().unwrap() < 50);
    assert_eq!(from.one("SELECT sum(id) FROM parent"), "462592500");
    // Nothing follows by itself: children that keep what their parents lose are refused.
    let tasks = task("parent", "", &key("id"))
        + &task(
            "child",
            "",
            "- column: copy\n  masks: [{type: hash, length: 8}]",
        );
    copied(&from, &to, "append", "", &tasks);
    let ended = from.run().expect(2);
    assert!(ended.stderr.contains("V1206"), "{}", ended.stderr);
}

fn files_are_masked_on_their_way_into_a_table<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql("CREATE TABLE people (id int PRIMARY KEY, email varchar(40) UNIQUE, age smallint, note varchar(9) DEFAULT 'none')");
    let visard = trial.visard();
    visard.write(
        "files/a.csv",
        "id,email,age\n1,ann@example.com,34\n2,bo@example.com,\n",
    );
    visard.write("files/b.csv", "id,email,age\n3,\"eva, the third\",56\n");
    let load = "- type: mask_tabular_file\n  table: people\n  rules:\n    - column: email\n      masks: [{type: hash}]";
    with_files(&trial, "source: files\ndestination: db", "", load);
    trial.run().expect(0);
    let rows = trial.rows("SELECT id, length(email), age, note FROM people ORDER BY id");
    assert_eq!(rows, ["1|32|34|none", "2|32|~|none", "3|32|56|none"]);
    // The very rows that a run from files to files writes.
    let emails = trial.rows("SELECT email FROM people ORDER BY id");
    let out = format!("{FILES}\nout: {{type: mounted_share_connection, base_directory: out}}");
    pipeline_between(
        visard,
        &out,
        "source: files\ndestination: out",
        "",
        &load.replace("  table: people\n", ""),
    );
    trial.run().expect(0);
    let written = String::from_utf8(visard.read("out/a.csv")).unwrap();
    assert!(
        written.contains(&emails[0]) && written.contains(&emails[1]),
        "{written}"
    );

    // A value that its index does not take: nothing comes in, and it is not told.
    std::fs::remove_dir_all(visard.path("files")).unwrap();
    visard.write("files/c.csv", "id,email,age\n7,hunter2,1\n3,x,2\n");
    with_files(
        &trial,
        "source: files\ndestination: {connection: db, mode: append}",
        "",
        &load.replace("type: hash", "type: do_nothing"),
    );
    let ended = trial.run().expect(1);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    assert_eq!(trial.one("SELECT count(*) FROM people"), "3");
    assert_eq!(trial.leftovers(), [""; 0]);
}

fn what_is_there_stays_goes_or_stops_the_run<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    for trial in [&from, &to] {
        trial.sql("CREATE TABLE t (id int, name varchar(40))");
    }
    from.sql(&format!(
        "INSERT INTO t SELECT i, 'name ' || i FROM {}",
        K::series(3)
    ));
    to.sql("INSERT INTO t VALUES (0, 'there')");
    let ran = |mode: &str| {
        copied(&from, &to, mode, "", &task("t", "", NAME_RULE));
        from.run()
    };
    let ended = ran("error").expect(2);
    assert!(ended.stderr.contains("V1211"), "{}", ended.stderr);
    ran("append").expect(0);
    assert_eq!(to.one("SELECT count(*) FROM t"), "4");
    ran("overwrite").expect(0);
    assert_eq!(to.one("SELECT count(*), min(id) FROM t"), "3|1");
    assert_eq!(to.leftovers(), [""; 0]);

    // The same of files, where parts of an earlier run must not stay beside new ones.
    let folder = format!("files/{}", from.folder("t"));
    let visard = from.visard();
    visard.write(&format!("{folder}/part-00007.csv"), "id,name\n9,old\n");
    let to_files = |mode: &str| {
        let places =
            format!("source: db\ndestination: {{connection: files, format: csv, mode: {mode}}}");
        with_files(&from, &places, "", &task("t", "", NAME_RULE));
        from.run()
    };
    let ended = to_files("error").expect(2);
    assert!(
        ended.stderr.contains("V1211") && ended.stderr.contains("part-00007"),
        "{}",
        ended.stderr
    );
    assert_eq!(visard.files(&folder), ["part-00007.csv"]);
    to_files("overwrite").expect(0);
    assert_eq!(visard.files(&folder), ["part-00000.csv"]);
}

fn some_rows_and_no_rows<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&format!(
        "CREATE TABLE t AS SELECT i AS id, 'name ' || i AS name FROM {};
         CREATE TABLE none (id int, name varchar(40))",
        K::series(100)
    ));
    let places = "source: db\ndestination: {connection: files, format: csv}";
    let tasks = task("t", "where: t.id % 10 = 0", NAME_RULE) + &task("none", "", NAME_RULE);
    with_files(&trial, places, "max_rows: 4", &tasks);
    trial.run().expect(0);
    let lines = |table: &str| {
        let path = format!("files/{}/part-00000.csv", trial.folder(table));
        let text = String::from_utf8(trial.visard().read(&path)).unwrap();
        text.lines().count()
    };
    assert_eq!((lines("t"), lines("none")), (5, 1));
    // A dry run makes no file, and no folder.
    let places = "source: db\ndestination: {connection: files, path: dry}";
    with_files(&trial, places, "dry_run: true", &tasks);
    trial.run().expect(0);
    assert!(!trial.visard().path("files/dry").exists());
    assert_eq!(trial.visard().report()["tables"][0]["rows"], 10);
}

fn copies_that_cannot_be_are_refused<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40), more int);
         CREATE TABLE v (id int PRIMARY KEY)",
    );
    to.sql(
        "CREATE TABLE t (id int PRIMARY KEY, nam varchar(40) UNIQUE, more int GENERATED ALWAYS AS (1) STORED);
         CREATE VIEW v AS SELECT 1 AS id",
    );
    let refused = |ended: Ended, codes: &[&str]| {
        let ended = ended.expect(2);
        for code in codes {
            assert!(ended.stderr.contains(code), "{code}: {}", ended.stderr);
        }
    };
    copied(&from, &to, "error", "", &task("t", "", NAME_RULE));
    refused(from.run(), &["V1212", "no column `name`", "nam"]);
    let id = "- column: id\n  masks: [{type: imitate_unique}]";
    copied(&from, &to, "error", "", &task("v", "", id));
    refused(from.run(), &["V1202", "it is no table"]);
    copied(&from, &to, "error", "", &task("nowhere", "", id));
    refused(from.run(), &["V1201"]);
    let more =
        task("t", "", id) + "- type: run_sql\n  sql: SELECT 1\n- type: truncate_table\n  table: t";
    copied(&from, &to, "error", "", &more);
    refused(from.run(), &["V1213", "`run_sql`", "`truncate_table`"]);
    let connections = format!(
        "db: {{{}}}\nother: {{{}, is_read_only: true}}",
        from.connection(),
        to.connection_in(from.visard())
    );
    let places = "source: db\ndestination: {connection: other}";
    pipeline_between(from.visard(), &connections, places, "", &task("t", "", id));
    refused(from.run(), &["V1210"]);
    // A mask that may make two values one, on a column that the other table asks to be unique.
    to.sql("DROP TABLE t; CREATE TABLE t (id int, name varchar(40) UNIQUE, more int)");
    let year = "- column: name\n  masks: [{type: from_fixed, value: x}]";
    copied(&from, &to, "error", "", &task("t", "", year));
    refused(from.run(), &["V1207"]);
    // To itself.
    copied(&from, &from, "append", "", &task("t", "", id));
    refused(from.run(), &["V1218"]);
    // Files of two kinds for one table.
    from.visard().write("files/a.csv", "id,name\n1,x\n");
    from.visard().write("files/b.csv", "id,more\n1,2\n");
    let load = "- type: mask_tabular_file\n  table: t\n  rules:\n    - column: id\n      masks: [{type: imitate_unique}]";
    with_files(&from, "source: files\ndestination: db", "", load);
    refused(from.run(), &["V1021", "2 different sets"]);
}

/// Kills runs at random moments, goes on with each, and expects what an undisturbed run gives.
fn killed_copies_go_on<K: Kind>(
    trial: &K,
    seed: u64,
    undo: impl Fn(),
    all: impl Fn() -> Vec<String>,
    leftovers: impl Fn() -> Vec<String>,
) {
    let began = Instant::now();
    trial.run().expect(0);
    let whole = began.elapsed();
    let expected = all();
    assert_eq!(expected.len(), 6000);
    Kills {
        what: "copies",
        seed,
        most: 100,
        limit: Duration::from_secs(6),
        whole,
    }
    .go_on(trial.visard(), undo, |what| {
        assert!(all() == expected, "{what}: other rows");
        assert_eq!(leftovers(), [""; 0], "{what}");
    });
}

/// Long enough for a kill to meet it.
pub fn long_table<K: Kind>() -> String {
    let filling = "filling ".repeat(60);
    format!(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40), rest varchar(600));
         INSERT INTO t SELECT i, 'name ' || i, '{filling}' FROM {}",
        K::series(6000)
    )
}

fn killed_copies_to_tables_go_on<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(&long_table::<K>());
    to.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), rest varchar(600))");
    copied(&from, &to, "error", "workers: 2", &task("t", "", NAME_RULE));
    let undo = || to.sql("DELETE FROM t");
    let all = || to.rows("SELECT id, name FROM t ORDER BY id");
    let leftovers = || [from.leftovers(), to.leftovers()].concat();
    killed_copies_go_on(&from, 11, undo, all, leftovers);
}

fn killed_copies_to_files_go_on<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&long_table::<K>());
    let places = "source: db\ndestination: {connection: files, format: csv}";
    with_files(&trial, places, "workers: 2", &task("t", "", NAME_RULE));
    let undo = || std::fs::remove_dir_all(trial.visard().path("files")).unwrap_or_default();
    let all = || {
        let folder = format!("files/{}", trial.folder("t"));
        let mut rows = Vec::new();
        for file in trial.visard().files(&folder) {
            let text = trial.visard().read(&format!("{folder}/{file}"));
            let text = String::from_utf8(text).unwrap().replace("filling ", "");
            rows.extend(text.lines().skip(1).map(str::to_owned));
        }
        rows.sort_unstable();
        rows
    };
    killed_copies_go_on(&trial, 12, undo, all, || trial.leftovers());
}

/// All tables of a run are read as of one moment: who writes to one before its turn has to wait, or is not seen.
fn nobody_changes_a_table_before_its_turn<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(&long_table::<K>());
    to.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), rest varchar(600))");
    for trial in [&from, &to] {
        trial.sql("CREATE TABLE last (id int, name varchar(40))");
    }
    from.sql(&format!(
        "INSERT INTO last SELECT i, 'name ' || i FROM {}",
        K::series(500)
    ));
    let tasks = task("t", "", NAME_RULE) + &task("last", "", NAME_RULE);
    copied(&from, &to, "error", "workers: 1", &tasks);
    from.forget_run();
    let mut child = from.visard().start(&[]);
    // Its first task has begun, and so the tables are held.
    let journal = from.visard().path("run/journal.jsonl");
    while !std::fs::read_to_string(&journal).is_ok_and(|journal| journal.contains("\"table\"")) {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it began"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    // Refused, or had once the rows were read: the copy has them all either way.
    from.is_refused_soon(K::EMPTIED);
    Ended::of(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(to.one("SELECT count(*) FROM last"), "500");
}

/// What a column would not hold as it is fails the copy, and is not told.
fn values_that_do_not_fit_fail_the_copy<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql("CREATE TABLE t (id int PRIMARY KEY, price numeric(14,2) NOT NULL, born date)");
    let load = "- type: mask_tabular_file\n  table: t\n  rules:\n    - column: id\n      masks: [{type: do_nothing}]";
    let places = "source: files\ndestination: db";
    for (rows, fits) in [
        ("1,12.50,2020-02-29\n2,-0.01,\n", true),
        ("1,,2020-02-29\n", false),
        ("1,12.50,2020-02-29\n1,12.50,2020-02-29\n", false),
        ("1,1234567890123456789012.50,2020-02-29\n", false),
    ] {
        trial.sql("DELETE FROM t");
        trial
            .visard()
            .write("files/a.csv", format!("id,price,born\n{rows}"));
        with_files(&trial, places, "", load);
        let ended = trial.run().expect(if fits { 0 } else { 1 });
        assert!(!ended.stderr.contains("12.50"), "{}", ended.stderr);
        let there = trial.one("SELECT count(*) FROM t");
        assert_eq!(there, if fits { "2" } else { "0" }, "{rows}");
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// What the table refuses at the end takes back what came before.
fn a_constraint_that_fails_on_the_last_rows<K: Kind>() {
    let Some((from, to)) = both::<K>() else {
        return;
    };
    from.sql(&long_table::<K>());
    to.sql(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40), rest varchar(600), CONSTRAINT early CHECK (id < 5990))",
    );
    copied(&from, &to, "error", "workers: 2", &task("t", "", NAME_RULE));
    let ended = from.run().expect(1);
    assert!(
        ended.stderr.contains("early") && !ended.stderr.contains("599"),
        "{}",
        ended.stderr
    );
    assert_eq!(to.one("SELECT count(*) FROM t"), "0");
    to.sql(
        "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, name varchar(40), rest varchar(600))",
    );
    from.visard().run(&["--resume"]).expect(0);
    assert_eq!(to.one("SELECT count(*), max(id) FROM t"), "6000|6000");
    assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
}
