//! Runs that are killed, again and again at random moments: every row is masked once or not at all, and a run
//! that goes on ends where it would have.

use std::time::{Duration, Instant};

use super::kind::{Kind, Random, task};
use super::{on_each, on_each_own};
use crate::visard::{Ended, Visard};

on_each! {
    killed_runs_go_on
}

/// Masks that show how often they were there.
const RULES: &str = "- column: v
  masks: [{type: imitate, force_change: true}, {type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]
- column: n
  masks: [{type: imitate}]";

const ROWS: u32 = 12_000;

/// A table of several units, with what a rewrite takes off and puts back.
struct Table<'a, K> {
    trial: &'a K,
    dump: Vec<String>,
    masked: Vec<String>,
    /// How long a run takes that nobody disturbs.
    whole: Duration,
}

impl<'a, K: Kind> Table<'a, K> {
    fn new(trial: &'a K, strategy: &str) -> Self {
        trial.sql(&format!(
            "DROP TABLE IF EXISTS child; DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS original;
             CREATE TABLE original AS SELECT i AS id, 'datum ' || i AS v, i * 7 AS n, 'kept ' || i AS kept FROM {};
             CREATE TABLE t (id integer PRIMARY KEY, v varchar(80) NOT NULL, n int, kept varchar(80) UNIQUE);
             CREATE INDEX of_v ON t (v); CREATE TABLE child (t int REFERENCES t (id))",
            K::series(ROWS)
        ));
        let options = format!("strategy: {strategy}\nbatch_size: 1500\nworkers: 2");
        trial.pipeline(&options, &task("t", "", RULES));
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
        let once = "SELECT count(*) FROM t WHERE v LIKE '_____ %!' AND v NOT LIKE '%!!' AND v NOT LIKE 'datum%'";
        assert_eq!(trial.one(once), ROWS.to_string());
        table
    }

    fn fill(&self) {
        self.trial.forget_run();
        self.trial.sql(
            "DELETE FROM child; DELETE FROM t; INSERT INTO t SELECT * FROM original;
             INSERT INTO child SELECT id FROM t WHERE id % 9 = 0",
        );
    }

    fn rows(&self) -> Vec<String> {
        self.trial.rows("SELECT id, v, n, kept FROM t ORDER BY id")
    }

    #[track_caller]
    fn is_masked_once(&self, what: &str) {
        assert!(self.rows() == self.masked, "{what}: other rows");
        assert_eq!(self.trial.leftovers(), [""; 0], "{what}");
        assert_eq!(self.trial.dump(), self.dump, "{what}");
    }
}

fn killed_runs_go_on<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    for (seed, strategy) in (1..).zip(K::STRATEGIES.iter().copied()) {
        let table = Table::new(&trial, strategy);
        Kills {
            what: strategy,
            seed,
            most: 200,
            limit: Duration::from_secs(K::SECONDS),
            whole: table.whole,
        }
        .go_on(
            trial.visard(),
            || table.fill(),
            |what| table.is_masked_once(what),
        );
    }
}

/// Runs of a pipeline that are killed.
pub struct Kills<'a> {
    /// What is said of them.
    pub what: &'a str,
    pub seed: u64,
    /// How many, with `--long`.
    pub most: u32,
    /// How long otherwise.
    pub limit: Duration,
    /// How long a run takes that nobody disturbs.
    pub whole: Duration,
}

impl Kills<'_> {
    /// Kills runs at random moments and goes on with each, again and again, until one outlives its delay. A run
    /// begins behind `fill`; `check` looks at what it came to.
    pub fn go_on(&self, visard: &Visard, fill: impl Fn(), check: impl Fn(&str)) {
        let (most, limit) = match std::env::var_os("VISARD_TEST_LONG") {
            Some(_) => (self.most, Duration::MAX),
            None => (60, self.limit),
        };
        let mut random = Random(self.seed);
        let (mut kills, mut behind_commit) = (0, 0);
        let start = Instant::now();
        // On a busy machine a run takes long, and some are to be killed all the same.
        let goes_on = |kills: u32| (kills < most && start.elapsed() < limit) || kills < 5;
        let journal =
            || std::fs::read_to_string(visard.path("run/journal.jsonl")).unwrap_or_default();
        while goes_on(kills) {
            fill();
            forget(visard);
            loop {
                let resumed: &[&str] = match journal().contains('\n') {
                    true => &["--resume"],
                    false => {
                        forget(visard);
                        &[]
                    }
                };
                let mut child = visard.start(resumed);
                let delay = random.below(self.whole.as_micros() as u64 * 11 / 10);
                std::thread::sleep(Duration::from_micros(delay));
                // The last one is left in peace.
                let ended = match goes_on(kills) {
                    true => child.try_wait().unwrap(),
                    false => Some(child.wait().unwrap()),
                };
                child.kill().unwrap_or_default();
                let output = Ended::of(child.wait_with_output().unwrap());
                if ended.is_some() {
                    output.expect(0);
                    break;
                }
                kills += 1;
                behind_commit += u32::from(journal().contains("task_done"));
            }
            check(&format!("{} after {kills} kills", self.what));
        }
        println!(
            "{}: killed {kills} runs with kill -9 in {:.0?}, {behind_commit} of them behind their last commit",
            self.what,
            start.elapsed()
        );
    }
}

fn forget(visard: &Visard) {
    std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
}
