//! The file stays the same file, also for those who have it open.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::Trial;
use crate::databases::{Kind, STRATEGIES, task};

const RULES: &str = "- column: v\n  masks: [{type: from_fixed, value: x}]";

const MODES: [&str; 2] = ["DELETE", "WAL"];

fn filled(mode: &str) -> Trial {
    let trial = Trial::new();
    trial.sql(&format!(
        "PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t SELECT i, 'v' || i FROM {}",
        Trial::series(2000)
    ));
    trial
}

#[test]
fn the_same_file_behind_links() {
    for mode in MODES {
        for strategy in STRATEGIES {
            let trial = filled(mode);
            std::fs::set_permissions(trial.path(), PermissionsExt::from_mode(0o640)).unwrap();
            std::fs::hard_link(trial.path(), trial.visard.path("hard.db")).unwrap();
            std::fs::create_dir(trial.visard.path("links")).unwrap();
            symlink("../a.db", trial.visard.path("links/soft.db")).unwrap();
            let facts = || {
                let facts = std::fs::metadata(trial.path()).unwrap();
                (
                    facts.ino(),
                    facts.mode(),
                    facts.uid(),
                    facts.gid(),
                    facts.nlink(),
                )
            };
            let before = facts();
            let connection = "db_type: sqlite, database: links/soft.db";
            let text = crate::databases::pipeline(
                connection,
                &format!("strategy: {strategy}"),
                &task("t", "", RULES),
            );
            trial.visard.write("pipeline.yml", text);
            trial.run().expect(0);
            assert_eq!(facts(), before, "{mode} {strategy}");
            assert_eq!(trial.one("SELECT DISTINCT v FROM t"), "x");
            assert_eq!(trial.leftovers(), [""; 0]);
            let below: Vec<_> = std::fs::read_dir(trial.visard.path("links"))
                .unwrap()
                .collect();
            assert_eq!(below.len(), 1, "{mode} {strategy}: {below:?}");
        }
    }
}

/// Somebody who has the file open sees the masked rows, and loses nothing that they write.
#[test]
fn others_who_have_it_open() {
    for mode in MODES {
        for strategy in STRATEGIES {
            let trial = filled(mode);
            let other = trial.open();
            let count = |v: &str| -> i64 {
                let count = "SELECT count(*) FROM t WHERE v = ?1";
                other.query_row(count, [v], |row| row.get(0)).unwrap()
            };
            assert_eq!(count("v7"), 1);
            trial.mask(&format!("strategy: {strategy}"), "t", RULES);
            assert_eq!((count("v7"), count("x")), (0, 2000), "{mode} {strategy}");
            other
                .execute("INSERT INTO t VALUES (5000, 'new')", [])
                .unwrap();
            drop(other);
            assert_eq!(
                trial.one("SELECT v FROM t WHERE id = 5000"),
                "new",
                "{mode} {strategy}"
            );
            assert_eq!(trial.rows("PRAGMA integrity_check"), ["ok"]);
        }
    }
}

/// Somebody who reads with a log keeps old pages in it, and the report says so.
#[test]
fn what_readers_hold_on_to() {
    for strategy in STRATEGIES {
        let trial = filled("WAL");
        let other = trial.open();
        other
            .execute_batch("BEGIN; SELECT count(*) FROM t")
            .unwrap();
        let held: i64 = other
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(held, 2000);
        trial.pipeline(&format!("strategy: {strategy}"), &task("t", "", RULES));
        let mut child = trial.visard.start(&[]);
        // The checkpoint waits for who reads; they are let go of in the end.
        std::thread::sleep(std::time::Duration::from_secs(3));
        let old: String = other
            .query_row("SELECT v FROM t WHERE id = 7", [], |row| row.get(0))
            .unwrap();
        assert_eq!(old, "v7", "{strategy}");
        other.execute_batch("COMMIT").unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(trial.one("SELECT DISTINCT v FROM t"), "x");
    }
}

/// Rows that somebody else writes while an update is at work are read again.
#[test]
fn rows_that_others_change_meanwhile() {
    for mode in MODES {
        let trial = filled(mode);
        trial.pipeline(
            "strategy: update\nbatch_size: 50\nworkers: 2",
            &task("t", "", "- column: v\n  masks: [{type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]"),
        );
        let mut child = trial.visard.start(&[]);
        let other = trial.open();
        let mut written = 0;
        while child.try_wait().unwrap().is_none() {
            let id = 1 + written * 37 % 2000;
            let changed =
                other.execute("UPDATE t SET v = replace(v, 'v', 'w') WHERE id = ?1", [id]);
            written += i64::from(changed.is_ok());
        }
        let code = child.wait().unwrap().code();
        if code != Some(0) {
            // A unit that was never left alone.
            assert_eq!(code, Some(3), "{mode}");
            trial.visard.run(&["--resume"]).expect(0);
        }
        drop(other);
        let wrong = "SELECT count(*) FROM t WHERE v NOT IN ('v' || id || '!', 'w' || id || '!')";
        assert_eq!(trial.one(wrong), "0", "{mode}");
        println!("{mode}: {written} writes of another connection during a run");
    }
}
