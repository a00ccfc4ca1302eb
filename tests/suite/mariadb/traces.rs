//! What holds old values once a table is masked: no file of a table, and the report names what else does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::trial::{Kind, STRATEGIES, Trial};

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
fn no_file_of_a_table_holds_a_masked_value() {
    for strategy in STRATEGIES {
        let Some(trial) = Trial::new() else { return };
        let data = PathBuf::from(std::env::var("VISARD_TEST_MARIADB_DATA").unwrap());
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = Sha256::digest(format!("{strategy}{}", time.as_nanos()));
        // Sixteen random bytes, as letters, in front of each value.
        let letters = seed.iter().map(|byte| char::from(b'a' + byte % 26));
        let marker: String = letters.take(16).collect();
        trial.sql(&format!(
            "CREATE TABLE t (id int PRIMARY KEY, v varchar(60), wide mediumtext, short varchar(40) NOT NULL, KEY (v), FULLTEXT KEY (short));
             INSERT INTO t SELECT seq, CONCAT('{marker}', seq), REPEAT(CONCAT('{marker}', seq), 900), CONCAT('{marker}', seq % 20) FROM seq_1_to_2000;
             UPDATE t SET v = CONCAT(v, 'b') WHERE id % 7 = 0; ANALYZE TABLE t PERSISTENT FOR ALL;
             FLUSH TABLES t FOR EXPORT; UNLOCK TABLES"
        ));
        let of_tables = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            let is_log = ["ib_logfile", "undo", "ibdata", "ib_buffer_pool", "ibtmp"]
                .iter()
                .any(|log| name.starts_with(log));
            !is_log && !name.contains("-bin.")
        };
        let scan = || -> Vec<PathBuf> {
            holders(&data, &marker)
                .into_iter()
                .filter(of_tables)
                .collect()
        };
        let before = scan();
        assert!(
            before
                .iter()
                .any(|path| path.starts_with(data.join(&trial.database))),
            "{before:?}"
        );
        let report = trial.mask(
            &format!("strategy: {strategy}\nbatch_size: 500"),
            "t",
            "- columns: [v, short]\n  masks: [{type: imitate, force_change: true}]\n- column: wide\n  masks: [{type: from_fixed, value: x}]",
        );
        assert_eq!(report["rows"], 2000);
        trial.sql("FLUSH TABLES t FOR EXPORT; UNLOCK TABLES; FLUSH TABLES mysql.column_stats");
        let after = scan();
        assert!(after.is_empty(), "{strategy}: {after:?}");
        let holding = report["still_holding"].to_string();
        for held in ["binary log", "redo and undo logs", "replicas and backups"] {
            assert!(holding.contains(held), "{held}: {holding}");
        }
    }
}
