//! Things that go wrong while a table is masked: kills, sessions that are cut off, rows that refuse, others
//! at work. Every row is masked once or not at all, and a run that goes on ends where it would have.

use std::time::{Duration, Instant};

use super::trial::{Kind, Random, STRATEGIES, Trial, task};
use crate::databases::Kills;
use crate::faults::signal;
use crate::visard::Ended;

/// A mask that shows how often it was there.
const RULES: &str = "- column: v
  masks: [{type: imitate, force_change: true}, {type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]
- column: n
  masks: [{type: imitate}]";
const ROWS: u32 = 8000;

/// A table of several units, with what a rewrite takes off and puts back.
struct Table<'a> {
    trial: &'a Trial,
    dump: Vec<String>,
    masked: Vec<String>,
    /// How long a run takes that nobody disturbs.
    whole: Duration,
}

impl<'a> Table<'a> {
    fn new(trial: &'a Trial, strategy: &str, options: &str) -> Self {
        trial.sql(&format!(
            "DROP TABLE IF EXISTS child, t, original, log;
             CREATE TABLE original AS SELECT seq AS id, CONCAT('datum ', seq) AS v, seq * 7 AS n, MD5(seq) AS kept FROM seq_1_to_{ROWS};
             CREATE TABLE log (v text);
             CREATE TABLE t (id int PRIMARY KEY, v varchar(40) NOT NULL, n int, kept varchar(32) UNIQUE, KEY of_v (v), KEY (n));
             CREATE TABLE child (t int, CONSTRAINT of_t FOREIGN KEY (t) REFERENCES t (id));
             CREATE TRIGGER logged AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.v)"
        ));
        trial.pipeline(
            &format!("strategy: {strategy}\nbatch_size: 1000\nworkers: 2\nauto_manage_triggers: true\n{options}"),
            &task("t", "", RULES),
        );
        let mut table = Self {
            trial,
            dump: Vec::new(),
            masked: Vec::new(),
            whole: Duration::ZERO,
        };
        table.fill();
        table.dump = trial.dump();
        let began = Instant::now();
        trial.run().expect(0);
        table.whole = began.elapsed();
        table.masked = table.rows();
        let once = trial.one("SELECT COUNT(*) FROM t WHERE v REGEXP '^[a-z]{5} [0-9]+!$'");
        assert_eq!(once, ROWS.to_string());
        table
    }

    fn fill(&self) {
        self.trial.forget_run();
        self.trial.sql(
            "SET foreign_key_checks = 0; DELETE FROM child; DELETE FROM t; INSERT INTO t SELECT * FROM original;
             INSERT INTO child SELECT id FROM t WHERE id % 9 = 0; SET foreign_key_checks = 1",
        );
    }

    fn rows(&self) -> Vec<String> {
        self.trial.rows("SELECT id, v, n, kept FROM t ORDER BY id")
    }

    #[track_caller]
    fn is_masked_once(&self, what: &str) {
        assert!(self.rows() == self.masked, "{what}: other rows");
        assert_eq!(self.trial.leftovers(), [""; 0], "{what}");
        let dump = self.trial.dump();
        assert!(
            dump == self.dump,
            "{what}: other objects\n{dump:#?}\n{:#?}",
            self.dump
        );
        assert_eq!(
            self.trial.one("SELECT COUNT(*) FROM log"),
            "0",
            "{what}: a trigger fired"
        );
        assert!(
            self.trial.refuses("INSERT INTO child VALUES (-1)"),
            "{what}"
        );
    }

    /// Goes on with the run that was begun, if it was.
    fn resumed(&self) -> &'static [&'static str] {
        let journal = std::fs::read_to_string(self.trial.visard.path("run/journal.jsonl"));
        if journal.unwrap_or_default().contains('\n') {
            return &["--resume"];
        }
        self.trial.forget_run();
        &[]
    }
}

#[test]
fn killed_updates_go_on() {
    killed_runs_go_on("update", 1);
}

#[test]
fn killed_rewrites_go_on() {
    killed_runs_go_on("rewrite", 2);
}

fn killed_runs_go_on(strategy: &str, seed: u64) {
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, strategy, "");
    Kills {
        what: strategy,
        seed,
        most: 200,
        limit: Duration::from_secs(10),
        whole: table.whole,
    }
    .go_on(
        &trial.visard,
        || table.fill(),
        |what| table.is_masked_once(what),
    );
}

#[test]
fn sessions_that_are_cut_off() {
    let Some(trial) = Trial::new() else { return };
    let limit = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => Duration::from_secs(120),
        None => Duration::from_secs(6),
    };
    let mut random = Random(3);
    for strategy in STRATEGIES {
        let table = Table::new(&trial, strategy, "");
        let ours = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}' AND ID <> CONNECTION_ID()",
            trial.database
        );
        let (start, mut cuts) = (Instant::now(), 0);
        while start.elapsed() < limit / 2 || cuts == 0 {
            table.fill();
            loop {
                let child = trial.visard.start(table.resumed());
                let delay = random.below(table.whole.as_micros() as u64);
                std::thread::sleep(Duration::from_micros(delay));
                let mut sessions = 0;
                if start.elapsed() < limit / 2 || cuts == 0 {
                    for id in trial.rows(&ours) {
                        // It may have ended by itself.
                        sessions += usize::from(!trial.refuses(&format!("KILL CONNECTION {id}")));
                    }
                }
                let ended = Ended::of(child.wait_with_output().unwrap());
                let report = std::fs::read_to_string(trial.visard.path("run/report.json"));
                // What was masked is masked; the rest is removed by a run that goes on.
                let rest = report.is_ok_and(|report| report.contains("could not be removed"));
                if ended.code == Some(0) && !rest {
                    break;
                }
                assert!(sessions > 0, "{ended:?}");
                assert!(matches!(ended.code, Some(0..=3)), "{strategy}: {ended:?}");
                assert!(!ended.stderr.contains("datum "), "{}", ended.stderr);
                cuts += 1;
            }
            table.is_masked_once(&format!("{strategy} after {cuts} cuts"));
        }
        println!("{strategy}: sessions cut off in {cuts} runs");
    }
}

#[test]
fn a_stop_by_the_user() {
    let Some(trial) = Trial::new() else { return };
    let mut random = Random(4);
    for strategy in STRATEGIES {
        let table = Table::new(&trial, strategy, "");
        let (start, mut interrupted) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(2) || interrupted == 0 {
            table.fill();
            loop {
                let child = trial.visard.start(table.resumed());
                let delay = random.below(table.whole.as_micros() as u64);
                std::thread::sleep(Duration::from_micros(delay));
                if start.elapsed() < Duration::from_secs(2) || interrupted == 0 {
                    signal(&child, "-INT");
                }
                let ended = Ended::of(child.wait_with_output().unwrap());
                match ended.code {
                    Some(0) => break,
                    // Before the handler is there the signal ends the process.
                    None => {}
                    _ => {
                        let ended = ended.expect(130);
                        assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
                        interrupted += 1;
                    }
                }
            }
            table.is_masked_once(&format!("{strategy} after {interrupted} stops"));
        }
        println!("{strategy}: {interrupted} runs were interrupted");
    }
}

#[test]
fn a_constraint_that_fails_on_the_last_rows() {
    let Some(trial) = Trial::new() else { return };
    let bad = "- if: [{column: id, greater_than: 7990}]\n  rules:\n    - column: v\n      masks: [{type: from_fixed, value: bad}]\n  \
               else_rules:\n    - column: v\n      masks: [{type: from_fixed, value: good}]";
    for strategy in STRATEGIES {
        let table = Table::new(&trial, strategy, "");
        table.fill();
        let before = table.rows();
        trial.sql("ALTER TABLE t ADD CONSTRAINT no_bad CHECK (v <> 'bad')");
        let dump = trial.dump();
        trial.pipeline(
            &format!(
                "strategy: {strategy}\nbatch_size: 1000\nworkers: 1\nauto_manage_triggers: true"
            ),
            &task("t", "", bad),
        );
        let ended = trial.run();
        assert!(
            ended.stderr.contains("V1208") && ended.stderr.contains("`no_bad`"),
            "{}",
            ended.stderr
        );
        let good = "SELECT COUNT(*) FROM t WHERE v = 'good'";
        if strategy == "rewrite" {
            ended.expect(1);
            assert!(table.rows() == before);
            assert_eq!(trial.leftovers(), [""; 0]);
            assert!(trial.dump() == dump);
            continue;
        }
        ended.expect(3);
        // Every other unit goes first: the last one of eight, and with it all that wait behind it.
        assert_eq!(trial.one(good), "7000");
        trial.visard.run(&["--resume"]).expect(3);
        assert_eq!(trial.one(good), "7000");
        trial.sql("ALTER TABLE t DROP CONSTRAINT no_bad");
        trial.visard.run(&["--resume"]).expect(0);
        assert_eq!(
            trial.one("SELECT COUNT(*) FROM t WHERE v IN ('good', 'bad')"),
            ROWS.to_string()
        );
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// Rows that somebody else holds are waited for, and read as they are then.
#[test]
fn rows_that_others_change_meanwhile() {
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "update", "");
    table.fill();
    let other = trial.other_session();
    trial.sql_in(
        &other,
        "BEGIN; UPDATE original SET v = v WHERE id = 1; SELECT 1 FROM t WHERE id = 5 FOR UPDATE",
    );
    let child = trial.visard.start(&[]);
    let waiting = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%FOR UPDATE%'";
    let deadline = Instant::now() + Duration::from_secs(30);
    // A trigger that is to be dropped waits for whoever is in the table.
    let dropping = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE '%metadata lock%' AND INFO LIKE 'DROP TRIGGER%'";
    while trial.one(waiting) == "0" && trial.one(dropping) == "0" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    trial.sql_in(&other, "UPDATE t SET v = 'datum new', kept = 'kept new' WHERE id = 5; DELETE FROM t WHERE id = 6000; TRUNCATE log; COMMIT");
    Ended::of(child.wait_with_output().unwrap()).expect(0);
    let found = trial.one(
        "SELECT COUNT(*), SUM(v REGEXP '^[a-z]{5} [^!]+!$'), SUM(id = 5 AND kept = 'kept new' AND v REGEXP '^[a-z]{5} [a-z]{3}!$') FROM t",
    );
    assert_eq!(found, "7999|7999|1");
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// A column that came while a rewrite waited for its lock would be lost by it.
#[test]
fn a_table_that_others_alter() {
    let Some(trial) = Trial::new() else { return };
    for altered in [
        "ALTER TABLE t ADD COLUMN new text DEFAULT 'of another'",
        "ALTER TABLE t MODIFY kept varchar(99)",
        "CREATE TRIGGER late BEFORE UPDATE ON t FOR EACH ROW SET @x = 1",
    ] {
        let table = Table::new(&trial, "rewrite", "");
        table.fill();
        let other = trial.other_session();
        trial.sql_in(&other, "LOCK TABLES t WRITE");
        let child = trial.visard.start(&[]);
        let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE '%metadata lock%' AND INFO LIKE 'LOCK TABLES%READ%'";
        let deadline = Instant::now() + Duration::from_secs(30);
        while trial.one(waiting) == "0" && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        trial.sql_in(&other, &format!("{altered}; UNLOCK TABLES"));
        let ended = Ended::of(child.wait_with_output().unwrap()).expect(1);
        assert!(
            ended.stderr.contains("altered"),
            "{altered}: {}",
            ended.stderr
        );
        assert_eq!(
            trial.one("SELECT COUNT(*) FROM t WHERE v LIKE 'datum%'"),
            ROWS.to_string()
        );
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// Nobody writes to a table that is rewritten, and what waited is in the new one.
#[test]
fn writers_wait_for_a_rewrite() {
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "rewrite", "");
    table.fill();
    let child = trial.visard.start(&[]);
    let mut added = 0;
    let mut child = child;
    while child.try_wait().unwrap().is_none() {
        trial.sql(&format!(
            "INSERT INTO t VALUES ({}, 'late', 1, NULL)",
            100_000 + added
        ));
        added += 1;
    }
    Ended::of(child.wait_with_output().unwrap()).expect(0);
    let found = trial.one(&format!(
        "SELECT COUNT(*) - {ROWS} FROM t WHERE v NOT LIKE 'datum%'"
    ));
    assert_eq!(found, added.to_string());
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// Somebody who holds a row for longer than it is waited for.
#[test]
fn a_lock_that_is_not_had() {
    if std::env::var_os("VISARD_TEST_LONG").is_none() {
        println!("left out: it waits for minutes; tests/run --long does");
        return;
    }
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "update", "");
    table.fill();
    let other = trial.other_session();
    trial.sql_in(&other, "BEGIN; UPDATE t SET kept = kept WHERE id = 5000");
    let ended = trial.visard.run(&[]).expect(3);
    assert!(
        ended.stderr.contains("1205") && !ended.stderr.contains("datum"),
        "{}",
        ended.stderr
    );
    trial.sql_in(&other, "ROLLBACK");
    trial.visard.run(&["--resume"]).expect(0);
    table.is_masked_once("behind a lock");
}
