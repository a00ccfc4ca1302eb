//! What the database refuses at work: the message names what refused, and never a value.

use super::trial::{STRATEGIES, Trial, task};

/// In every value that must not be told.
const MARK: &str = "xq7secret";

#[test]
fn no_value_is_told() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE 'the value % is refused', NEW.v USING DETAIL = NEW.v, HINT = NEW.v; END $$",
    );
    let grown = format!("{{type: from_fixed, value: '{MARK} and a good many more letters'}}");
    let fixed = format!("{{type: from_fixed, value: '{MARK}'}}");
    for (columns, column, mask, state, named, both) in [
        // A mask that outgrows its column.
        ("v varchar(12)", "v", &grown, "22001", "`v`", true),
        ("id2 int, v char(12)", "v", &grown, "22001", "`v`", true),
        ("v inet", "v", &fixed, "22P02", "", true),
        (
            "v name, CONSTRAINT short CHECK (length(v) < 3)",
            "v",
            &fixed,
            "23514",
            "`short`",
            true,
        ),
        (
            "v text, CONSTRAINT apart EXCLUDE USING btree (v WITH =)",
            "v",
            &fixed,
            "23P01",
            "`apart`",
            true,
        ),
        ("v text", "v", &fixed, "23505", "`of_part`", true),
        (
            "v text",
            "v",
            &"{type: from_fixed, value: null}".to_owned(),
            "23502",
            "`v`",
            true,
        ),
        ("v text", "v", &fixed, "P0001", "", false),
    ] {
        for strategy in STRATEGIES {
            if strategy == "rewrite" && !both {
                continue;
            }
            let values = match columns.contains("inet") {
                true => "('10.0.0.' || i)::inet".to_owned(),
                false => "left(i || 'y', 12)".to_owned(),
            };
            let partitioned = ["23505", "23502"].contains(&state);
            let check = columns
                .contains("CHECK")
                .then_some("NOT VALID")
                .unwrap_or("");
            trial.sql(
                &format!(
                    "DROP TABLE IF EXISTS e; CREATE TABLE e (id int, {} {check}) {}",
                    columns,
                    if partitioned {
                        "PARTITION BY LIST (id)"
                    } else {
                        ""
                    }
                )
                .replace(") NOT VALID)", "))"),
            );
            match state {
                "23505" => trial.sql("CREATE TABLE e1 PARTITION OF e DEFAULT; CREATE UNIQUE INDEX of_part ON e1 (v)"),
                "23502" => trial.sql("CREATE TABLE e1 PARTITION OF e DEFAULT; ALTER TABLE e1 ALTER v SET NOT NULL"),
                "P0001" => trial.sql("CREATE TRIGGER refusing BEFORE UPDATE ON e FOR EACH ROW EXECUTE FUNCTION refuse()"),
                _ => {}
            }
            let values = if state == "23514" {
                "'a'".to_owned()
            } else {
                values
            };
            trial.sql(&format!(
                "INSERT INTO e (id, v) SELECT i, {values} FROM generate_series(1, 30) i"
            ));
            let rows = || trial.rows("SELECT e.* FROM e ORDER BY id");
            let before = rows();
            trial.pipeline(
                &format!("strategy: {strategy}\nauto_manage_triggers: false"),
                &task("e", "", &format!("- column: {column}\n  masks: [{mask}]")),
            );
            let yaml = trial.visard.read("pipeline.yml");
            let ended = trial.run().expect(1);
            let what = format!("{strategy} {columns} {state}: {}", ended.stderr);
            assert!(
                ended.stderr.contains(state) && ended.stderr.contains(named),
                "{what}"
            );
            assert!(rows() == before, "{what}");
            assert_eq!(trial.leftovers(), [""; 0], "{what}");
            assert!(String::from_utf8(yaml).unwrap().contains(MARK) || state == "23502");
            let told = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!told.contains(MARK), "{what}");
            for file in trial.visard.files("run") {
                let text = trial.visard.read(&format!("run/{file}"));
                assert!(
                    !String::from_utf8_lossy(&text).contains(MARK),
                    "{file}: {what}"
                );
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
