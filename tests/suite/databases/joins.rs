//! Columns of other tables beside each row: for conditions, copies and what decides a value.

use super::kind::{Kind, STRATEGIES, task};
use super::on_each_own;

on_each_own! {
    rules_read_columns_of_joined_tables
    joins_that_cannot_be_are_refused
    a_table_is_joined_with_itself
    tables_are_built_for_joins
}

/// People of countries, and their orders, of which some are of nobody we know.
fn fill<K: Kind>(trial: &K) {
    trial.sql("DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS \"People\"; DROP TABLE IF EXISTS countries");
    trial.sql(&format!(
        "CREATE TABLE countries (code char(2) NOT NULL PRIMARY KEY, region varchar(20));
         CREATE TABLE \"People\" (id int PRIMARY KEY, \"Name\" varchar(40), country char(2), age int);
         CREATE TABLE orders (id int PRIMARY KEY, person int, name varchar(40), region varchar(20), note varchar(40), age int);
         INSERT INTO countries VALUES ('NZ', 'south'), ('DE', 'north');
         INSERT INTO \"People\" SELECT i, 'person ' || (i % 40), CASE i % 3 WHEN 0 THEN 'NZ' WHEN 1 THEN 'DE' END, 20 + i % 60
           FROM {};
         INSERT INTO orders SELECT i, i % 120, 'x', 'x', 'note ' || i, NULL FROM {}",
        K::series(100),
        K::series(3000)
    ));
}
const JOINS: &str = "joins:
  - {target_table: '\"People\"', target_key: id, source_table: orders, source_key: person}
  - {target_table: countries, target_key: [code], source_table: '\"People\"', source_key: [country]}";
const RULES: &str = "- column: name
  hash_columns: ['\"People.Name\"']
  masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv, seed_column: lastname}]
- column: region
  masks: [{type: from_column, source_column: countries.region}]
- column: age
  masks: [{type: from_column, source_column: People.age}]
- if: [{column: countries.region, equals: south}]
  rules:
    - column: note
      masks: [{type: from_fixed, value: of the south}]";
/// Rows as they should have come out, but for the name.
const WRONG: &str = "
    SELECT o.id FROM orders o LEFT JOIN \"People\" p ON p.id = o.person LEFT JOIN countries c ON c.code = p.country
     WHERE coalesce(o.region, '') <> coalesce(c.region, '') OR coalesce(o.age, 0) <> coalesce(p.age, 0)
        OR o.note <> CASE WHEN c.region = 'south' THEN 'of the south' ELSE 'note ' || o.id END";

fn rules_read_columns_of_joined_tables<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let mut of_strategies = Vec::new();
    for strategy in STRATEGIES {
        fill(&trial);
        let options = format!("strategy: {strategy}\nbatch_size: 700\nworkers: 2");
        trial.pipeline(&options, &task("orders", JOINS, RULES));
        trial.run().expect(0);
        assert_eq!(trial.visard().report()["tables"][0]["rows"], 3000);
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

fn joins_that_cannot_be_are_refused<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
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
    trial.pipeline("coverage: strict", &task("orders", &joins, "- columns: '*e*'\n  masks: [{type: do_nothing}]\n- columns: [id, person]\n  masks: [{type: do_nothing}]\n- column: age\n  masks: [{type: do_nothing}]"));
    let ended = trial.visard().call(&["check", "pipeline.yml"]);
    assert!(!ended.stderr.contains("countries."), "{}", ended.stderr);
}

/// Under an update some rows are masked while others are read: what joins the table with itself would see both.
fn a_table_is_joined_with_itself<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(&format!(
        "CREATE TABLE staff (id int PRIMARY KEY, boss int, name varchar(40), boss_name varchar(40));
         INSERT INTO staff SELECT i, i % 30, 'name ' || i, 'x' FROM {};
         CREATE TABLE was AS SELECT * FROM staff",
        K::series(900)
    ));
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
    let wrong = "SELECT s.id FROM staff s LEFT JOIN was b ON b.id = s.boss WHERE coalesce(s.boss_name, '') <> coalesce(b.name, '')";
    assert_eq!(trial.rows(wrong), [""; 0]);
}

const PEOPLE: &str = "SELECT * FROM \"People\" ORDER BY id";
const BUILD: &str = "- type: build_temp_table
  table: latest
  select: SELECT person, max(id) AS last_order, count(*) AS orders FROM orders GROUP BY person
";
const LATEST: &str = "joins:\n  - {target_table: latest, target_key: person, source_table: '\"People\"', source_key: id}";
const ORDERS: &str = "- column: age\n  masks: [{type: from_column, source_column: latest.orders}]";

fn tables_are_built_for_joins<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let tasks = format!("{BUILD}{}", task("\"People\"", LATEST, ORDERS));
    for strategy in STRATEGIES {
        fill(&trial);
        let before = trial.dump();
        let rows = trial.rows(PEOPLE);
        let options = format!("strategy: {strategy}\nbatch_size: 30");
        trial.pipeline(&format!("{options}\ndry_run: true"), &tasks);
        trial.run().expect(0);
        trial.pipeline(&options, &tasks);
        let shown = trial.visard().call(&["preview", "pipeline.yml"]).expect(0);
        assert!(shown.stdout.contains("25"), "{}", shown.stdout);
        assert_eq!((trial.rows(PEOPLE), trial.dump()), (rows, before.clone()));
        trial.run().expect(0);
        let wrong = "SELECT p.id FROM \"People\" p WHERE p.age <> (SELECT count(*) FROM orders o WHERE o.person = p.id)";
        assert_eq!(trial.rows(wrong), [""; 0], "{strategy}");
        assert_eq!(trial.dump(), before, "{strategy}");
    }

    // What is there is left alone.
    trial.sql("CREATE TABLE latest (person int)");
    let ended = trial.run().expect(2);
    assert!(
        ended.stderr.contains("V1219") && ended.stderr.contains("already"),
        "{}",
        ended.stderr
    );
    trial.sql("DROP TABLE latest");

    // So is what came there after the check: it is not ours to drop.
    let taken = format!("- type: run_sql\n  sql: CREATE TABLE latest (person int)\n{BUILD}");
    trial.pipeline("continue_on_failure: true", &taken);
    trial.run().expect(3);
    assert_eq!(trial.one("SELECT count(*) FROM latest"), "0");
    trial.sql("DROP TABLE latest");

    let refused = tasks.replace("max(id)", "max(no_such)");
    trial.pipeline("", &refused);
    let ended = trial.run().expect(2);
    assert!(
        ended.stderr.contains("V1219") && ended.stderr.contains("no_such"),
        "{}",
        ended.stderr
    );

    // Two rows of it would go with one.
    let twofold = tasks.replace("GROUP BY person", "GROUP BY person, id % 7");
    trial.pipeline("", &twofold);
    let (rows, dump) = (
        trial.rows("SELECT * FROM \"People\" ORDER BY id"),
        trial.dump(),
    );
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("twice") || ended.stderr.contains("UNIQUE"),
        "{}",
        ended.stderr
    );
    assert_eq!((trial.rows(PEOPLE), trial.dump()), (rows, dump));
}
