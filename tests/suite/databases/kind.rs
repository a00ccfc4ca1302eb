//! What a behaviour needs of a database.

use crate::visard::{Ended, Visard};

/// Both ways in which a table is masked.
pub const STRATEGIES: [&str; 2] = ["update", "rewrite"];

/// A database of its own, and the command in a folder of its own.
pub trait Kind: Sized {
    /// What tells the place of a row, as a `key` names it; empty where nothing does.
    const PLACE: &'static str;

    /// The ways in which its tables are masked.
    const STRATEGIES: &'static [&'static str] = &STRATEGIES;

    /// Seconds that a campaign goes on.
    const SECONDS: u64 = 12;

    /// Whether rows without a key can be updated.
    const KEYLESS_UPDATES: bool = true;

    /// What a table needs before its columns to be masked at all, and what stands there for it in rows that come from a
    /// table with unique values of `name`.
    const OWN_KEY: [&'static str; 2] = ["", ""];

    /// `None` where the server is not there.
    fn try_new() -> Option<Self>;

    fn visard(&self) -> &Visard;

    /// The keys of its connection, as they stand between braces.
    fn connection(&self) -> String;

    /// The same for a pipeline of `visard`, whose folder may be another.
    fn connection_in(&self, visard: &Visard) -> String {
        let _ = visard;
        self.connection()
    }

    /// Another database, which `self` may be copied to.
    fn another(&self) -> Option<Self>;

    /// Where the files of a table come to lie.
    fn folder(&self, table: &str) -> String;

    /// Empties the table `last` as thoroughly as can be.
    const EMPTIED: &str = "TRUNCATE TABLE last";

    /// Whether another session cannot run `sql` without waiting.
    fn is_refused_soon(&self, sql: &str) -> bool;

    /// Numbers from 1 to `n` as `i`, behind `FROM`.
    fn series(n: u32) -> String;

    /// Runs statements.
    fn sql(&self, sql: &str);

    /// The rows of a query, columns divided by `|`; a null is `~`.
    fn rows(&self, sql: &str) -> Vec<String>;

    /// What a run made in the database and did not remove.
    fn leftovers(&self) -> Vec<String>;

    /// Everything the catalogue says but rows.
    fn dump(&self) -> Vec<String>;

    /// What would be another if something had been written, even the same again.
    fn state(&self) -> Vec<String>;

    /// The `key` of rows that are told by their place, where something tells it.
    fn by_place() -> String {
        match Self::PLACE {
            "" => String::new(),
            place => format!("key: {place}"),
        }
    }

    /// The only row of a query.
    #[track_caller]
    fn one(&self, sql: &str) -> String {
        let mut rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.remove(0)
    }

    /// Writes `pipeline.yml` with these `options` and `tasks`, a line each.
    fn pipeline(&self, options: &str, tasks: &str) {
        let text = pipeline(&self.connection(), options, tasks);
        self.visard().write("pipeline.yml", text);
    }

    /// Removes the run folder, so that the next run is a new one.
    fn forget_run(&self) {
        std::fs::remove_dir_all(self.visard().path("run")).unwrap_or_default();
    }

    /// Runs the pipeline as a new run.
    fn run(&self) -> Ended {
        self.forget_run();
        self.visard().run(&[])
    }

    /// Masks `table` with `rules` and expects all to be well; the report of the table.
    #[track_caller]
    fn mask(&self, options: &str, table: &str, rules: &str) -> serde_json::Value {
        self.pipeline(options, &task(table, "", rules));
        self.run().expect(0);
        self.visard().report()["tables"][0].clone()
    }
}

/// A pipeline on a database.
pub fn pipeline(connection: &str, options: &str, tasks: &str) -> String {
    format!(
        "version: '1.0'\nname: test\nconnections:\n  db: {{{connection}}}\n\
         source: db\noptions:\n  run_secret: a run secret for tests only\n  \
         disable_instance_secret: true\n{}ruleset:\n  version: '1.0'\n  tasks:\n{}",
        indented(options, 2),
        indented(tasks, 4),
    )
}

/// Writes a pipeline with these `connections` and `places`, `options` and `tasks`, a line each.
pub fn pipeline_between(
    visard: &Visard,
    connections: &str,
    places: &str,
    options: &str,
    tasks: &str,
) {
    let yaml = format!(
        "version: '1.0'\nname: test\nconnections:\n{}{}options:\n  run_secret: a run secret for tests only\n  \
         disable_instance_secret: true\n{}ruleset:\n  version: '1.0'\n  tasks:\n{}",
        indented(connections, 2),
        indented(places, 0),
        indented(options, 2),
        indented(tasks, 4),
    );
    visard.write("pipeline.yml", yaml);
}

/// A `mask_table` task, with more keys of its own, a line each.
pub fn task(table: &str, more: &str, rules: &str) -> String {
    format!(
        "- type: mask_table\n  table: '{table}'\n{}  rules:\n{}",
        indented(more, 2),
        indented(rules, 4)
    )
}

fn indented(text: &str, by: usize) -> String {
    text.lines()
        .map(|line| format!("{:by$}{line}\n", ""))
        .collect()
}

/// Small, seeded, and the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}
