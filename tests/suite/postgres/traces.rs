//! What holds old values once a table is masked: nothing on the server's disk, or the report names it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::trial::{STRATEGIES, Trial};

/// Files below `folder` that hold `marker`.
fn holders(folder: &Path, marker: &str) -> Vec<PathBuf> {
    // A file that goes while it looks makes no difference.
    let grep = Command::new("grep")
        .args(["-rlaF", "-e", marker])
        .arg(folder)
        .output();
    let found = String::from_utf8(grep.unwrap().stdout).unwrap();
    found.lines().map(PathBuf::from).collect()
}

#[test]
fn no_file_of_the_server_holds_a_masked_value() {
    for strategy in STRATEGIES {
        // What other sessions of a database still see is not removed in it.
        let Some(trial) = Trial::in_own_database() else {
            return;
        };
        let data = PathBuf::from(std::env::var("VISARD_TEST_POSTGRES_DATA").unwrap());
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = Sha256::digest(format!("{strategy}{}", time.as_nanos()));
        // Sixteen random bytes, as letters, in front of each value.
        let marker: String = seed
            .iter()
            .map(|byte| char::from(b'a' + byte % 26))
            .take(16)
            .collect();
        trial.sql(&format!(
            "CREATE TABLE t (id int PRIMARY KEY, v text, long text, short varchar(40) NOT NULL, kept int);
             ALTER TABLE t ALTER long SET STORAGE EXTERNAL;
             INSERT INTO t SELECT i, '{marker}' || i, repeat('{marker}' || i, 300), '{marker}' || i % 20, i
               FROM generate_series(1, 2000) i;
             CREATE INDEX ON t (v); CREATE INDEX ON t ((lower(short))); CREATE STATISTICS s (mcv) ON short, v FROM t;
             UPDATE t SET v = v || 'b' WHERE id % 7 = 0; ANALYZE; CHECKPOINT"
        ));
        let scan = || holders(&data, &marker);
        let before = scan();
        for folder in ["base", "pg_wal"] {
            assert!(
                before
                    .iter()
                    .any(|path| path.starts_with(data.join(folder))),
                "{before:?}"
            );
        }
        let report = trial.mask(
            &format!("strategy: {strategy}\nbatch_size: 500"),
            "t",
            "- columns: [v, short]\n  masks: [{type: imitate, force_change: true}]\n\
             - column: long\n  masks: [{type: from_fixed, value: x}]",
        );
        assert_eq!(report["rows"], 2000);
        let after = scan();
        let relations =
            || trial.rows("SELECT oid::regclass, relfilenode FROM pg_class WHERE relfilenode > 0");
        assert!(after.is_empty(), "{strategy}: {after:?}\n{:?}", relations());
        let holding = report["still_holding"].as_array().unwrap();
        assert_eq!(holding.len(), 1, "{strategy}: {holding:?}");
        let kept = holding[0].as_str().unwrap();
        assert!(
            ["archives", "replicas", "backups"]
                .iter()
                .all(|what| kept.contains(what)),
            "{kept}"
        );
    }
}

/// Old rows that another session still sees cannot be removed, and the report says so.
#[test]
fn what_others_still_see() {
    let Some(trial) = Trial::in_own_database() else {
        return;
    };
    trial.sql("CREATE TABLE t AS SELECT i AS id, 'v' || i AS v FROM generate_series(1, 100) i; ALTER TABLE t ADD PRIMARY KEY (id)");
    let other = trial.other_session();
    trial.sql_in(&other, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    let rules = "- column: v\n  masks: [{type: imitate, force_change: true}]";
    let report = trial.mask("strategy: update", "t", rules);
    assert!(
        report["still_holding"]
            .to_string()
            .contains("other sessions"),
        "{report}"
    );
    trial.sql_in(&other, "COMMIT");
    let report = trial.mask("strategy: update", "t", rules);
    assert!(
        !report["still_holding"]
            .to_string()
            .contains("other sessions"),
        "{report}"
    );
}
