//! What holds old values once a table is masked: no file, or the report names it.

use sha2::{Digest, Sha256};

use super::Trial;
use crate::databases::{Kind, STRATEGIES, task};

#[test]
fn no_file_holds_a_masked_value() {
    for mode in ["DELETE", "WAL", "PERSIST"] {
        for strategy in STRATEGIES {
            let trial = Trial::new();
            let seed = Sha256::digest(format!(
                "{mode}{strategy}{:?}",
                std::time::SystemTime::now()
            ));
            // Sixteen random bytes, as letters, in front of each value.
            let marker: String = seed
                .iter()
                .map(|byte| char::from(b'a' + byte % 26))
                .take(16)
                .collect();
            trial.sql(&format!(
                "PRAGMA journal_mode = {mode};
                 CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, long TEXT, short TEXT NOT NULL, b BLOB, kept INT);
                 CREATE TABLE u (v TEXT UNIQUE, kept INT); CREATE TABLE other (x TEXT);
                 INSERT INTO t SELECT i, '{marker}' || i, replace(hex(zeroblob(300)), '00', '{marker}'), '{marker}' || i % 20,
                                      CAST('{marker}' AS BLOB), i FROM {0};
                 INSERT INTO u SELECT '{marker}' || i, i FROM {0};
                 CREATE INDEX of_v ON t (v); CREATE INDEX of_short ON t (lower(short)); INSERT INTO other SELECT v FROM t; DELETE FROM other;
                 UPDATE t SET v = v || 'b' WHERE id % 7 = 0; DELETE FROM t WHERE id % 50 = 0; ANALYZE",
                Trial::series(2000)
            ));
            let holders = || -> Vec<String> {
                let files = std::fs::read_dir(trial.visard.path(""))
                    .unwrap()
                    .map(|file| file.unwrap().path());
                let holds =
                    |bytes: &[u8]| bytes.windows(16).any(|window| window == marker.as_bytes());
                let files =
                    files.filter(|path| path.is_file() && holds(&std::fs::read(path).unwrap()));
                files
                    .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
                    .collect()
            };
            assert!(!holders().is_empty());
            let masks = "- columns: [v, short]\n  masks: [{type: imitate, force_change: true}]\n\
                         - columns: [long, b]\n  masks: [{type: from_fixed, value: x}]";
            let tasks = [
                task("t", &format!("strategy: {strategy}"), masks),
                task(
                    "u",
                    "strategy: rewrite",
                    "- column: v\n  masks: [{type: hash}]",
                ),
            ];
            // A file that everything is removed from once, whatever the order of the strategies.
            let order = if strategy == "update" {
                tasks.concat()
            } else {
                [&*tasks[1], &*tasks[0]].concat()
            };
            trial.pipeline("batch_size: 500", &order);
            trial.run().expect(0);
            assert_eq!(holders(), [""; 0], "{mode} {strategy}");
            for table in trial.visard.report()["tables"].as_array().unwrap() {
                let holding = table["still_holding"].as_array().unwrap();
                assert_eq!(holding.len(), 1, "{mode} {strategy}: {holding:?}");
                assert!(
                    holding[0].as_str().unwrap().contains("backups"),
                    "{holding:?}"
                );
            }
            assert_eq!(trial.rows("PRAGMA integrity_check"), ["ok"]);
            // Rows are where they were, also those that no key finds.
            assert_eq!(
                trial.one("SELECT count(*) FROM u WHERE rowid = kept"),
                "2000"
            );
        }
    }
}
