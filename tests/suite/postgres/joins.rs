//! Columns of other tables beside each row: for conditions, copies and what decides a value.

use super::trial::{STRATEGIES, Trial, task};

const TABLES: &str = "
    CREATE TABLE countries (code char(2) PRIMARY KEY, region text);
    CREATE TABLE \"People\" (id int PRIMARY KEY, \"Name\" text, country char(2), born date);
    CREATE TABLE orders (id int PRIMARY KEY, person int, name text, region text, note text, born date);
    INSERT INTO countries VALUES ('NZ', 'south'), ('DE', 'north');
    INSERT INTO \"People\" SELECT i, 'person ' || i % 40, CASE i % 3 WHEN 0 THEN 'NZ' WHEN 1 THEN 'DE' END, date '1970-01-01' + i
      FROM generate_series(1, 100) i;
    INSERT INTO orders SELECT i, i % 120, 'x', 'x', 'note ' || i, NULL FROM generate_series(1, 3000) i";
const JOINS: &str = "joins:
  - {target_table: '\"People\"', target_key: id, source_table: orders, source_key: person}
  - {target_table: countries, target_key: [code], source_table: '\"People\"', source_key: [country]}";
const RULES: &str = "- column: name
  hash_columns: ['\"People.Name\"']
  masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv, seed_column: lastname}]
- column: region
  masks: [{type: from_column, source_column: countries.region}]
- column: born
  masks: [{type: from_column, source_column: People.born}]
- if: [{column: countries.region, equals: south}]
  rules:
    - column: note
      masks: [{type: from_fixed, value: of the south}]";
/// Rows as they should have come out, but for the name.
const WRONG: &str = "
    SELECT o.id FROM orders o LEFT JOIN \"People\" p ON p.id = o.person LEFT JOIN countries c ON c.code = p.country
     WHERE o.region IS DISTINCT FROM c.region OR o.born IS DISTINCT FROM p.born
        OR o.note IS DISTINCT FROM CASE WHEN c.region = 'south' THEN 'of the south' ELSE 'note ' || o.id END";

#[test]
fn rules_read_columns_of_joined_tables() {
    let Some(trial) = Trial::new() else { return };
    let mut of_strategies = Vec::new();
    for strategy in STRATEGIES {
        trial.sql("DROP TABLE IF EXISTS orders, \"People\", countries");
        trial.sql(TABLES);
        let report = trial_of(&trial, strategy);
        assert_eq!(report["rows"], 3000);
        assert_eq!(trial.rows(WRONG), [""; 0], "{strategy}");
        // One name for all orders of people of one name.
        let names = "SELECT count(DISTINCT o.name) FROM orders o JOIN \"People\" p ON p.id = o.person GROUP BY p.\"Name\"";
        assert!(
            trial.rows(names).iter().all(|count| count == "1"),
            "{strategy}"
        );
        assert_eq!(
            trial.one("SELECT count(*) FROM orders WHERE name = 'x'"),
            "0"
        );
        of_strategies
            .push(trial.rows("SELECT name FROM orders WHERE person BETWEEN 1 AND 100 ORDER BY id"));
    }
    assert!(of_strategies[0] == of_strategies[1]);
}

fn trial_of(trial: &Trial, strategy: &str) -> serde_json::Value {
    let options = format!("strategy: {strategy}\nbatch_size: 700\nworkers: 2");
    trial.pipeline(&options, &task("orders", JOINS, RULES));
    trial.run().expect(0);
    trial.visard.report()["tables"][0].clone()
}

#[test]
fn joins_that_cannot_be_are_refused() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(TABLES);
    let hash = "- column: name\n  masks: [{type: hash}]";
    let join = |target: &str, key: &str, source: &str, theirs: &str| {
        format!(
            "joins:\n  - {{target_table: {target}, target_key: {key}, source_table: {source}, source_key: {theirs}}}"
        )
    };
    for (joins, rules, code, said) in [
        (
            join("nowhere", "id", "orders", "person"),
            hash,
            "V1201",
            "nowhere",
        ),
        (
            join("countries", "code", "elsewhere", "person"),
            hash,
            "V1215",
            "elsewhere",
        ),
        (
            join("countries", "region", "orders", "name"),
            hash,
            "V1215",
            "unique index",
        ),
        (
            join("countries", "cod", "orders", "name"),
            hash,
            "V1001",
            "nearest: `code`",
        ),
        (
            join("countries", "code", "orders", "name"),
            "- column: countries.region\n  masks: [{type: hash}]",
            "V1004",
            "joined",
        ),
    ] {
        trial.pipeline("", &task("orders", &joins, rules));
        let ended = trial.run().expect(2);
        assert!(
            ended.stderr.contains(code) && ended.stderr.contains(said),
            "{code}: {}",
            ended.stderr
        );
    }
    // A glob is for the table's own columns.
    let joins = join("countries", "code", "orders", "name");
    trial.pipeline("coverage: strict", &task("orders", &joins, "- columns: '*e*'\n  masks: [{type: do_nothing}]\n- columns: [id, person]\n  masks: [{type: do_nothing}]\n- column: born\n  masks: [{type: do_nothing}]"));
    let ended = trial.visard.call(&["check", "pipeline.yml"]);
    assert!(!ended.stderr.contains("countries."), "{}", ended.stderr);
}

/// Under an update some rows are masked while others are read: what joins the table with itself would see both.
#[test]
fn a_table_is_joined_with_itself() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE staff (id int PRIMARY KEY, boss int, name text, boss_name text);
         INSERT INTO staff SELECT i, i / 2, 'name ' || i, 'x' FROM generate_series(1, 900) i;
         CREATE TABLE was AS SELECT * FROM staff",
    );
    let joins =
        "joins:\n  - {target_table: staff, target_key: id, source_table: staff, source_key: boss}";
    let rules = "- column: name\n  masks: [{type: imitate, force_change: true}]\n\
        - column: boss_name\n  masks: [{type: from_column, source_column: staff.name}]";
    let options = |strategy: &str| format!("strategy: {strategy}\nbatch_size: 100");
    trial.pipeline(&options("update"), &task("staff", joins, rules));
    let ended = trial.run().expect(2);
    assert!(
        ended.stderr.contains("V1205") && ended.stderr.contains("staff.name"),
        "{}",
        ended.stderr
    );
    trial.pipeline(&options("auto"), &task("staff", joins, rules));
    trial.run().expect(0);
    let wrong = "SELECT s.id FROM staff s LEFT JOIN was b ON b.id = s.boss WHERE s.boss_name IS DISTINCT FROM b.name";
    assert_eq!(trial.rows(wrong), [""; 0]);
}
