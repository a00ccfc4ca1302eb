//! Things that go wrong while a table is masked: sessions that are cut off, rows that refuse, others at work. Every row is masked once or not at all, and a run that goes on ends where it would have.

use std::time::{Duration, Instant};

use super::trial::{Random, STRATEGIES, Trial, task};
use crate::faults::signal;
use crate::visard::Ended;

/// A mask that shows how often it was there.
const RULES: &str = "- column: v
  masks: [{type: imitate, force_change: true}, {type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]
- column: n
  masks: [{type: imitate}]";
const ROWS: &str = "SELECT id, v, n, kept FROM t";

/// A table of several units, with what a rewrite takes off and puts back.
struct Table<'a> {
    trial: &'a Trial,
    dump: Vec<String>,
    masked: Vec<u8>,
    /// How long a run takes that nobody disturbs.
    whole: Duration,
}

impl<'a> Table<'a> {
    fn new(trial: &'a Trial, strategy: &str, options: &str) -> Self {
        trial.sql(
            "DROP TABLE IF EXISTS child, t, original;
             CREATE TABLE original AS SELECT i AS id, 'datum ' || i AS v, i * 7 AS n, md5(i::text) AS kept
               FROM generate_series(1, 12000) i;
             CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL, n int, kept text UNIQUE);
             CREATE INDEX of_v ON t (v); COMMENT ON INDEX of_v IS 'an index';
             CREATE TABLE child (t int REFERENCES t DEFERRABLE)",
        );
        trial.pipeline(
            &format!("strategy: {strategy}\nbatch_size: 1500\nworkers: 2\n{options}"),
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
        let once = trial.one("SELECT count(*) FROM t WHERE v ~ '^[a-z]{5} [0-9]+!$'");
        assert_eq!(once, "12000");
        table
    }

    fn fill(&self) {
        self.trial.forget_run();
        self.trial.sql(
            "TRUNCATE t, child; INSERT INTO t SELECT * FROM original; INSERT INTO child SELECT id FROM t WHERE id % 9 = 0",
        );
    }

    fn rows(&self) -> Vec<u8> {
        self.trial
            .copy_out(&format!("COPY ({ROWS} ORDER BY id) TO STDOUT"))
    }

    #[track_caller]
    fn is_masked_once(&self, what: &str) {
        assert!(self.rows() == self.masked, "{what}: other rows");
        assert_eq!(self.trial.leftovers(), [""; 0], "{what}");
        assert!(self.trial.dump() == self.dump, "{what}: other objects");
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
fn sessions_that_are_cut_off() {
    let Some(trial) = Trial::new() else { return };
    let limit = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => Duration::from_secs(120),
        None => Duration::from_secs(6),
    };
    let mut random = Random(3);
    for strategy in STRATEGIES {
        let table = Table::new(&trial, strategy, "");
        let yaml = String::from_utf8(trial.visard.read("pipeline.yml")).unwrap();
        let named = format!("db_type: postgres, application_name: {}", trial.schema);
        trial
            .visard
            .write("pipeline.yml", yaml.replace("db_type: postgres", &named));
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
            trial.schema
        );
        let (start, mut cuts) = (Instant::now(), 0);
        while start.elapsed() < limit / 2 || cuts == 0 {
            table.fill();
            loop {
                let child = trial.visard.start(table.resumed());
                let delay = random.below(table.whole.as_micros() as u64);
                std::thread::sleep(Duration::from_micros(delay));
                let sessions = match start.elapsed() < limit / 2 || cuts == 0 {
                    true => trial.rows(&cut).len(),
                    false => 0,
                };
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
        while start.elapsed() < Duration::from_secs(3) || interrupted == 0 {
            table.fill();
            loop {
                let child = trial.visard.start(table.resumed());
                let delay = random.below(table.whole.as_micros() as u64);
                std::thread::sleep(Duration::from_micros(delay));
                if start.elapsed() < Duration::from_secs(3) || interrupted == 0 {
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

/// Somebody who writes to the table for longer than a lock is waited for.
#[test]
fn a_lock_that_is_not_had() {
    if std::env::var_os("VISARD_TEST_LONG").is_none() {
        println!("left out: it waits for a minute; tests/run --long does");
        return;
    }
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "rewrite", "");
    table.fill();
    let before = table.rows();
    let other = trial.other_session();
    trial.sql_in(&other, "BEGIN; UPDATE t SET kept = kept WHERE id = 1");
    let ended = trial.visard.run(&[]).expect(1);
    assert!(ended.stderr.contains("55P03"), "{}", ended.stderr);
    trial.sql_in(&other, "ROLLBACK");
    assert!(table.rows() == before);
    trial.visard.run(&["--resume"]).expect(0);
    table.is_masked_once("behind a lock");
}

#[test]
fn a_constraint_that_fails_on_the_last_rows() {
    let Some(trial) = Trial::new() else { return };
    let bad = "- if: [{column: id, greater_than: 11990}]\n  rules:\n    - column: v\n      masks: [{type: from_fixed, value: bad}]\n  \
               else_rules:\n    - column: v\n      masks: [{type: from_fixed, value: good}]";
    for strategy in STRATEGIES {
        let table = Table::new(&trial, strategy, "");
        table.fill();
        let before = table.rows();
        trial.sql("ALTER TABLE t ADD CONSTRAINT no_bad CHECK (v <> 'bad')");
        let dump = trial.dump();
        trial.pipeline(
            &format!("strategy: {strategy}\nbatch_size: 1500\nworkers: 1"),
            &task("t", "", bad),
        );
        let ended = trial.run();
        let report = trial.visard.report();
        let of_table = &report["tables"][0];
        assert!(
            ended.stderr.contains("V1208") && ended.stderr.contains("23514"),
            "{}",
            ended.stderr
        );
        let masked = trial.one("SELECT count(*) FROM t WHERE v = 'good'");
        let page = String::from_utf8(trial.visard.read("run/report.txt")).unwrap();
        match strategy {
            "rewrite" => {
                ended.expect(1);
                assert!(table.rows() == before);
                assert_eq!(trial.leftovers(), [""; 0]);
                assert_eq!(
                    (&of_table["rows"], &of_table["status"]),
                    (&0.into(), &"failed".into())
                );
                assert!(page.contains("NOTHING is masked"), "{page}");
            }
            _ => {
                ended.expect(3);
                assert_eq!(masked, "10500", "the units before it");
                assert_eq!(of_table["rows"], 10500, "{of_table}");
                assert!(!page.contains("NOTHING is masked"), "{page}");
                // A run that goes on does what is left, and fails as before: some rows stay masked.
                trial.visard.run(&["--resume"]).expect(3);
                assert_eq!(
                    trial.one("SELECT count(*) FROM t WHERE v = 'good'"),
                    "10500"
                );
                trial.sql("ALTER TABLE t DROP CONSTRAINT no_bad");
                trial.visard.run(&["--resume"]).expect(0);
                assert_eq!(
                    trial.one("SELECT count(*) FROM t WHERE v IN ('good', 'bad')"),
                    "12000"
                );
                assert_eq!(trial.leftovers(), [""; 0]);
                continue;
            }
        }
        assert!(trial.dump() == dump);
    }
}

/// A row that somebody changes between its reading and its writing is read again.
#[test]
fn rows_that_others_change_meanwhile() {
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "update", "auto_manage_triggers: false");
    table.fill();
    let other = trial.other_session();
    trial.sql_in(&other, "BEGIN; UPDATE t SET v = 'datum new', kept = 'kept new' WHERE id = 5; DELETE FROM t WHERE id = 6000");
    let child = trial.visard.start(&[]);
    let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.query LIKE 'UPDATE%t%'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while trial.one(waiting) == "0" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    trial.sql_in(&other, "COMMIT");
    Ended::of(child.wait_with_output().unwrap()).expect(0);
    let found = trial.one(
        "SELECT count(*), count(*) FILTER (WHERE v ~ '^[a-z]{5} [^!]+!$'),
                count(*) FILTER (WHERE id = 5 AND kept = 'kept new' AND v ~ '^[a-z]{5} [a-z]{3}!$') FROM t",
    );
    assert_eq!(found, "11999|11999|1");
    assert_eq!(trial.leftovers(), [""; 0]);
    // One that is always another is given up, with its whole unit.
    table.fill();
    trial.sql(
        "CREATE FUNCTION skipped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER skipped BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.id = 7000) EXECUTE FUNCTION skipped()",
    );
    let ended = trial.visard.run(&[]).expect(3);
    assert!(
        ended.stderr.contains("1500 rows were read and 1499"),
        "{}",
        ended.stderr
    );
    let unmasked = trial.one("SELECT count(*), min(id), max(id) FROM t WHERE v !~ '!$'");
    let unmasked: Vec<i32> = unmasked.split('|').map(|n| n.parse().unwrap()).collect();
    assert!(unmasked[0] % 1500 == 0 && unmasked[0] > 0, "{unmasked:?}");
    trial.sql("DROP FUNCTION skipped CASCADE");
    trial.visard.run(&["--resume"]).expect(0);
    table.is_masked_once("behind a trigger");
}

/// Others that hold what a rewrite needs: it gives up, says why, and changes nothing.
#[test]
fn a_deadlock() {
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "rewrite", "");
    table.fill();
    let before = table.rows();
    let other = trial.other_session();
    // Ours is to be the one that gives way.
    trial.sql_in(
        &other,
        "SET deadlock_timeout = '1h'; BEGIN; SELECT count(*) FROM child",
    );
    let child = trial.visard.start(&[]);
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'child'::regclass AND mode = 'AccessExclusiveLock'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while trial.one(waiting) == "0" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    trial.sql_in(&other, "UPDATE t SET kept = kept WHERE id = 1; ROLLBACK");
    let ended = Ended::of(child.wait_with_output().unwrap()).expect(1);
    assert!(ended.stderr.contains("40P01"), "{}", ended.stderr);
    assert!(table.rows() == before);
    assert_eq!(trial.leftovers(), [""; 0]);
    trial.visard.run(&["--resume"]).expect(0);
    table.is_masked_once("behind a deadlock");
}

/// Columns that came while a rewrite waited for its lock would be lost by it.
#[test]
fn a_table_that_others_alter() {
    let Some(trial) = Trial::new() else { return };
    for altered in [
        "ADD COLUMN new text DEFAULT 'of another'",
        "ALTER kept TYPE varchar(99)",
        "RENAME kept TO kept_2",
    ] {
        let table = Table::new(&trial, "rewrite", "");
        table.fill();
        let other = trial.other_session();
        trial.sql_in(&other, "BEGIN; LOCK TABLE t IN SHARE MODE");
        let child = trial.visard.start(&[]);
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass AND mode = 'ShareRowExclusiveLock'";
        let deadline = Instant::now() + Duration::from_secs(30);
        while trial.one(waiting) == "0" && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        trial.sql_in(&other, &format!("ALTER TABLE t {altered}; COMMIT"));
        let ended = Ended::of(child.wait_with_output().unwrap()).expect(1);
        assert!(
            ended.stderr.contains("altered"),
            "{altered}: {}",
            ended.stderr
        );
        assert_eq!(
            trial.one("SELECT count(*) FROM t WHERE v LIKE 'datum%'"),
            "12000"
        );
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// A run that began with one strategy does not go on with the other: rows would be masked twice.
#[test]
fn another_strategy_does_not_go_on() {
    let Some(trial) = Trial::new() else { return };
    let table = Table::new(&trial, "auto", "");
    table.fill();
    // A rule keeps a rewrite away, and a trigger the last unit.
    trial.sql(
        "CREATE RULE away AS ON INSERT TO t DO ALSO NOTHING;
         CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
         CREATE TRIGGER refused BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.id = 12000) EXECUTE FUNCTION refused()",
    );
    trial.visard.run(&[]).expect(3);
    trial.sql("DROP RULE away ON t; DROP FUNCTION refused CASCADE");
    trial.visard.run(&["--resume"]).expect(0);
    let report = trial.visard.report();
    assert_eq!(report["tables"][0]["strategy"], "update", "{report}");
    table.is_masked_once("with the strategy it began with");
}
