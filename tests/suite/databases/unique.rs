//! Values that no other row gets: rows are numbered.

use super::kind::{Kind, task};
use super::on_each_own;

on_each_own! {
    unique_values_of_a_format
}

fn unique_values_of_a_format<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&format!(
        "CREATE TABLE t (id integer PRIMARY KEY, code varchar(9) NOT NULL UNIQUE, n int); CREATE TABLE keyless (code varchar(9));
         INSERT INTO t SELECT i, 'was' || i, i * 2 FROM {0}; INSERT INTO keyless SELECT 'was' || i FROM {0}",
        K::series(3000)
    ));
    let dump = trial.dump();
    let rule = |format: &str| {
        format!("- column: code\n  masks: [{{type: from_unique, format: '{format}'}}]")
    };
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
    let said = "the table has 3000 rows, and the format offers 2600 texts";
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
