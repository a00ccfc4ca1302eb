//! Some rows, some tasks, or none: conditions, limits, dry runs, and what goes on after a failure.

use super::kind::{Kind, pipeline, task};
use super::{on_each, on_each_own};

on_each! {
    conditions_of_rules
    rows_of_a_where
    at_most_so_many_rows
    a_dry_run_writes_nothing
    tables_behind_one_that_failed
}

const FIX: &str = "- column: v\n  masks: [{type: from_fixed, value: x}]";

/// A thousand rows: `id`, `v`, `kind` from 0 to 9.
fn thousand<K: Kind>(trial: &K) {
    trial.sql(&format!(
        "DROP TABLE IF EXISTS a; CREATE TABLE a (id int PRIMARY KEY, v varchar(40), kind int);
         INSERT INTO a SELECT i, 'v' || i, i % 10 FROM {}",
        K::series(1000)
    ));
}

fn conditions_of_rules<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let rules = "- if: [{column: kind, less_than: 3}]\n  rules:\n    - column: v\n      skip: [v11, {matches: '0$'}]\n      \
                 masks: [{type: from_fixed, value: x}]\n  else_rules:\n    - if: [{column: kind, equals: 9}]\n      rules:\n        \
                 - column: v\n          masks: [{type: from_fixed, value: y}]";
    for &strategy in K::STRATEGIES {
        thousand(&trial);
        let report = trial.mask(
            &format!("strategy: {strategy}\nbatch_size: 300"),
            "a",
            rules,
        );
        assert_eq!(report["columns"]["v"]["masked"], 299, "{report}");
        assert_eq!(report["columns"]["v"]["kept"], 701, "{report}");
        let found = trial.one(
            "SELECT sum(CASE WHEN v = 'x' AND kind IN (1, 2) THEN 1 ELSE 0 END), sum(CASE WHEN v = 'y' AND kind = 9 THEN 1 ELSE 0 END), \
             sum(CASE WHEN v = 'v' || id THEN 1 ELSE 0 END) FROM a",
        );
        assert_eq!(found, "199|100|701", "{strategy}");
    }
}

fn rows_of_a_where<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let key_by_place = K::by_place();
    for (condition, key, masked) in [
        ("kind IN (1, 2)", "", "200"),
        ("a.v LIKE 'v1%' OR a.kind = 3", "", "201"),
        (
            "EXISTS (SELECT 1 FROM a b WHERE b.id = a.id + 999)",
            "",
            "1",
        ),
        ("v <> ';--) OR (true'", &key_by_place, "1000"),
        ("false", "", "0"),
    ] {
        thousand(&trial);
        trial.pipeline(
            "batch_size: 70",
            &task("a", &format!("{key}\nwhere: \"{condition}\""), FIX),
        );
        trial.run().expect(0);
        let rows = &trial.visard().report()["tables"][0];
        assert_eq!(rows["strategy"], "update", "{condition}");
        assert_eq!(rows["rows"].to_string(), masked, "{condition}");
        let found = trial.one("SELECT sum(CASE WHEN v = 'x' THEN 1 ELSE 0 END), count(*) FROM a");
        assert_eq!(found, format!("{masked}|1000"), "{condition}");
    }
    // The rows of a rewrite are all rows.
    trial.pipeline("strategy: rewrite", &task("a", "where: kind = 1", FIX));
    let ended = trial.run().expect(2);
    let told = "only some of its rows";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

/// As many as are asked for, and the report says how many are left, also where the condition is about what
/// is masked, and also to a run that only goes on.
fn at_most_so_many_rows<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let key_by_place = K::by_place();
    for (most, condition, key, masked, clear) in [
        (250, "", "", 250, 750),
        (250, "", &key_by_place, 250, 750),
        (100, "", "", 100, 900),
        (1000, "", "", 1000, 0),
        (5000, "", &key_by_place, 1000, 0),
        (60, "where: \"v LIKE 'v%' AND kind = 4\"", "", 60, 40),
        (
            60,
            "where: \"v LIKE 'v%' AND kind = 4\"",
            &key_by_place,
            60,
            40,
        ),
    ] {
        thousand(&trial);
        let what = format!("{most} {condition} {key}");
        trial.pipeline(
            &format!("max_rows: {most}\nbatch_size: 100"),
            &task("a", &format!("{condition}\n{key}"), FIX),
        );
        let code = if clear > 0 { 3 } else { 0 };
        trial.run().expect(code);
        let check = || {
            let table = &trial.visard().report()["tables"][0];
            assert_eq!(table["clear_rows"], clear, "{what}: {table}");
            let status = if clear > 0 { "partly_masked" } else { "masked" };
            assert_eq!(table["status"], status, "{what}: {table}");
            let page = String::from_utf8(trial.visard().read("run/report.txt")).unwrap();
            let told = page.contains(&format!("{clear} rows stay as they are"));
            assert_eq!(told, clear > 0, "{what}: {page}");
            let found = trial.one("SELECT count(*) FROM a WHERE v = 'x'");
            assert_eq!(found, masked.to_string(), "{what}");
        };
        check();
        trial.visard().run(&["--resume"]).expect(code);
        check();
        assert_eq!(trial.leftovers(), [""; 0], "{what}");
    }
}

fn a_dry_run_writes_nothing<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    thousand(&trial);
    trial.sql("CREATE INDEX of_v ON a (v)");
    let state = || trial.state();
    let before = state();
    for &strategy in K::STRATEGIES {
        trial.pipeline(&format!("strategy: {strategy}"), &task("a", "", FIX));
        trial.forget_run();
        trial.visard().run(&["--dry-run"]).expect(0);
        assert_eq!(
            trial.visard().report()["tables"][0]["rows"],
            1000,
            "{strategy}"
        );
        assert!(state() == before, "{strategy}");
        // Nor does a plan, nor a preview.
        for command in ["check", "plan", "preview"] {
            trial.visard().call(&[command, "pipeline.yml"]).expect(0);
            assert!(state() == before, "{strategy} {command}");
        }
    }
    // A dry run may read what nobody may write.
    let connection = format!("{}, is_read_only: true", trial.connection());
    let text = pipeline(&connection, "dry_run: true", &task("a", "", FIX));
    trial.visard().write("pipeline.yml", text);
    trial.run().expect(0);
    // It finds what a run would fail on.
    trial.pipeline(
        "dry_run: true",
        &task("a", "", "- column: v\n  masks: [{type: retain_year}]"),
    );
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("`v`") && !ended.stderr.contains("v1"),
        "{}",
        ended.stderr
    );
    assert!(state() == before);
}

fn tables_behind_one_that_failed<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    for &strategy in K::STRATEGIES {
        for (goes_on, code, masked) in [(true, 3, "1"), (false, 1, "0")] {
            thousand(&trial);
            trial.sql("DROP TABLE IF EXISTS b; CREATE TABLE b (id int PRIMARY KEY, v varchar(9)); INSERT INTO b VALUES (1, 'v')");
            trial.pipeline(
                &format!("strategy: {strategy}\ncontinue_on_failure: {goes_on}"),
                &format!(
                    "{}{}",
                    task("a", "", "- column: v\n  masks: [{type: retain_year}]"),
                    task("b", "", FIX)
                ),
            );
            trial.run().expect(code);
            let report = trial.visard().report();
            let statuses =
                [0, 1].map(|n| report["tables"][n]["status"].as_str().unwrap().to_owned());
            let second = if goes_on { "masked" } else { "not_started" };
            assert_eq!(statuses, ["failed", second], "{strategy}");
            assert_eq!(trial.one("SELECT count(*) FROM b WHERE v = 'x'"), masked);
            assert_eq!(
                trial.one("SELECT count(*) FROM a WHERE v = 'v' || id"),
                "1000"
            );
        }
    }
}
