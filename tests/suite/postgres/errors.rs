//! What the database refuses at work: the message names what refused, and never a value.

use super::trial::{STRATEGIES, Trial, task};

/// In every value that must not be told.
const MARK: &str = "xq7secret";

/// What a table refuses.
struct Refusal {
    /// The table, as it is made: `e` with a column `v`.
    made: &'static str,
    /// Values of `v` that it takes, by `i`.
    values: &'static str,
    mask: &'static str,
    /// The condition the server tells.
    state: &'static str,
    /// What the message names.
    named: &'static str,
    /// Whether a rewrite is refused, too.
    by_rewrite: bool,
}

/// Of its results nobody knows how long they are before there are any.
const GROWN: &str = "{type: replace_regex, regex: '^.+$', masks: [{type: from_fixed, value: 'xq7secret and a good many more letters'}]}";
const FIXED: &str = "{type: from_fixed, value: xq7secret}";

const REFUSALS: [Refusal; 8] = [
    Refusal {
        made: "CREATE TABLE e (id int, v varchar(12))",
        values: "'v' || i",
        mask: GROWN,
        state: "22001",
        named: "`v`",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (other int, id int, \"v1\" int, v char(12))",
        values: "'v' || i",
        mask: GROWN,
        state: "22001",
        named: "`v`",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (id int, v inet)",
        values: "('10.0.0.' || i % 250)::inet",
        mask: FIXED,
        state: "22P02",
        named: "",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (id int, v name, CONSTRAINT short CHECK (length(v) < 8))",
        values: "'v' || i",
        mask: FIXED,
        state: "23514",
        named: "`short`",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (id int, v text, CONSTRAINT apart EXCLUDE USING btree (v WITH =))",
        values: "'v' || i",
        mask: FIXED,
        state: "23P01",
        named: "`apart`",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (id int, v text) PARTITION BY LIST (id); CREATE TABLE e1 PARTITION OF e DEFAULT;
               CREATE UNIQUE INDEX of_part ON e1 (v)",
        values: "'v' || i",
        mask: FIXED,
        state: "23505",
        named: "`of_part`",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (id int, v text) PARTITION BY LIST (id); CREATE TABLE e1 PARTITION OF e DEFAULT;
               ALTER TABLE e1 ALTER v SET NOT NULL",
        values: "'xq7secret' || i",
        mask: "{type: from_fixed, value: null}",
        state: "23502",
        named: "`v`",
        by_rewrite: true,
    },
    Refusal {
        made: "CREATE TABLE e (id int, v text);
               CREATE TRIGGER refusing BEFORE UPDATE ON e FOR EACH ROW EXECUTE FUNCTION refuse()",
        values: "'xq7secret' || i",
        mask: FIXED,
        state: "P0001",
        named: "",
        by_rewrite: false,
    },
];

#[test]
fn no_value_is_told() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE 'the value % is refused', NEW.v USING DETAIL = OLD.v, HINT = NEW.v; END $$",
    );
    for refusal in REFUSALS {
        for strategy in STRATEGIES {
            if strategy == "rewrite" && !refusal.by_rewrite {
                continue;
            }
            // More rows than are sent before the server answers.
            trial.sql(&format!(
                "DROP TABLE IF EXISTS e; {}; INSERT INTO e (id, v) SELECT i, {} FROM generate_series(1, 20000) i",
                refusal.made, refusal.values
            ));
            let rows = || trial.copy_out("COPY (SELECT * FROM e ORDER BY id) TO STDOUT");
            let before = rows();
            trial.pipeline(
                &format!("strategy: {strategy}\nauto_manage_triggers: false"),
                &task(
                    "e",
                    "",
                    &format!("- column: v\n  masks: [{}]", refusal.mask),
                ),
            );
            let ended = trial.run().expect(1);
            let what = format!("{strategy} {}: {}", refusal.made, ended.stderr);
            let told = [refusal.state, refusal.named].map(|told| ended.stderr.contains(told));
            assert_eq!(told, [true; 2], "{what}");
            assert!(rows() == before, "{what}");
            assert_eq!(trial.leftovers(), [""; 0], "{what}");
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!said.contains(MARK), "{what}");
            for file in trial.visard.files("run") {
                let text = trial.visard.read(&format!("run/{file}"));
                let found = String::from_utf8_lossy(&text).contains(MARK);
                assert!(!found, "{file}: {what}");
            }
        }
    }
}

/// Values of the table, too, are in messages of the server.
#[test]
fn no_value_of_run_sql_is_told() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(&format!(
        "CREATE TABLE a (v text UNIQUE); INSERT INTO a VALUES ('{MARK}1'), ('{MARK}2')"
    ));
    for (sql, state) in [
        ("UPDATE a SET v = left(v, 9)", "23505"),
        ("ALTER TABLE a ALTER v TYPE int USING v::int", "22P02"),
        ("ALTER TABLE a ADD CHECK (v < 'a')", "23514"),
        (
            "DO $$ BEGIN RAISE '%', (SELECT min(v) FROM a); END $$",
            "P0001",
        ),
    ] {
        trial.pipeline("", &format!("- type: run_sql\n  sql: \"{sql}\""));
        let ended = trial.run().expect(1);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            told.contains(state) && !told.contains(MARK),
            "{sql}: {told}"
        );
    }
}
