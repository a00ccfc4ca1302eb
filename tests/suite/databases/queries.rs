//! Queries of masked tables: what a run would write, and nothing else.

use super::kind::{Kind, task};
use super::on_each_own;

on_each_own! {
    a_query_sees_what_a_run_writes
    a_query_sees_nothing_else
}

fn fill<K: Kind>(trial: &K) {
    trial.sql(&format!(
        "DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS people;
         CREATE TABLE people (id int PRIMARY KEY, region varchar(20));
         CREATE TABLE orders (id int PRIMARY KEY, person int, name varchar(40), placed date, total decimal(10,2), note varchar(40));
         INSERT INTO people SELECT i, CASE i % 2 WHEN 0 THEN 'south' ELSE 'north' END FROM {};
         INSERT INTO orders SELECT i, i % 120, 'name ' || (i % 50), '2024-02-29', i * 1.25,
           CASE i % 7 WHEN 0 THEN NULL ELSE 'note ' || i END FROM {}",
        K::series(100),
        K::series(2000)
    ));
}

const JOINS: &str =
    "joins: [{target_table: people, target_key: id, source_table: orders, source_key: person}]";
/// By value, by the row's key, by a condition, by a column of another table.
const RULES: &str = "- column: name
  hash_columns: [person]
  masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv, seed_column: lastname}]
- column: placed
  masks: [{type: shift_date, min_days: -9, max_days: 9}]
- column: total
  masks: [{type: add_noise, bound: 5}]
- if: [{column: people.region, equals: south}]
  rules:
    - column: note
      masks: [{type: imitate}]";

fn a_query_sees_what_a_run_writes<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
    trial.pipeline("", &task("orders", JOINS, RULES));
    let state = || (trial.rows("SELECT * FROM orders ORDER BY id"), trial.dump());
    let before = state();
    let ask = |query: &str| {
        let ended = trial.visard().call(&["sql", "pipeline.yml", query]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let rows = ended.stdout.lines().skip(1).map(str::to_owned);
        rows.collect::<Vec<_>>()
    };
    let asked = ask(
        "SELECT id || '|' || name || '|' || placed || '|' || coalesce(note, '~') FROM orders ORDER BY id",
    );
    let far = ask("SELECT count(*) FROM orders WHERE abs(total - id * 1.25) > 5");
    let kept = ask("SELECT count(*) FROM orders WHERE total = id * 1.25");
    let found = ask("SELECT count(*) FROM orders WHERE id IN (7, 700, 1999)");
    let counted = ask("SELECT count(DISTINCT name) > 20 FROM orders");
    assert_eq!(
        (&far[0][..], &found[0][..], &counted[0][..]),
        ("0", "3", "true")
    );
    assert!(kept[0].parse::<u32>().unwrap() < 50, "{kept:?}");
    assert_eq!(state(), before, "a query changes nothing");
    assert_eq!(trial.leftovers(), [""; 0]);
    trial.run().expect(0);
    let written = trial.rows("SELECT id, name, placed, note FROM orders ORDER BY id");
    assert_eq!(asked.len(), 2000);
    assert_eq!(asked, written);
}

fn a_query_sees_nothing_else<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
    let tasks = task("orders", &format!("where: id <= 90\n{JOINS}"), RULES);
    trial.pipeline("", &tasks);
    let ask = |query: &str| trial.visard().call(&["sql", "pipeline.yml", query]);
    let all = ask("SELECT * FROM orders");
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let mut lines = all.stdout.lines();
    assert_eq!(lines.next(), Some("id,person,name,placed,total,note"));
    assert_eq!(lines.count(), 90, "rows that the ruleset chooses");
    for (query, code) in [
        ("SELECT * FROM people", "V1102"),
        ("SELECT \"people.region\" FROM orders", "V1102"),
        ("SELECT __path FROM orders", "V1102"),
        ("DELETE FROM orders", "V1101"),
        ("EXPLAIN ANALYZE SELECT * FROM orders", "V1101"),
    ] {
        let ended = ask(query);
        assert_eq!(ended.code, Some(2), "{query}: {}", ended.stderr);
        assert!(ended.stderr.contains(code), "{query}: {}", ended.stderr);
    }
    trial.sql("CREATE TABLE kids (id int PRIMARY KEY, person int, FOREIGN KEY (person) REFERENCES people (id))");
    let unique = task(
        "people",
        "",
        "- column: id\n  masks: [{type: imitate_unique}]",
    );
    let kids = task(
        "kids",
        "",
        "- column: id\n  masks: [{type: imitate_unique}]",
    );
    let fix = "- column: name\n  masks: [{type: from_fixed, value: x}]";
    let sql = "- type: run_sql\n  sql: DELETE FROM people";
    for (tasks, code) in [
        (format!("{}{sql}", task("orders", "", fix)), "V1213"),
        (format!("{0}{0}", task("orders", "", fix)), "V1218"),
        (format!("{unique}{kids}"), "V1206"),
        (
            task(
                "orders",
                "",
                "- column: name\n  masks: [{type: secure_shuffle}]",
            ),
            "V1103",
        ),
    ] {
        trial.pipeline("", &tasks);
        let ended = ask("SELECT 1");
        assert_eq!(ended.code, Some(2), "{tasks}: {}", ended.stderr);
        assert!(ended.stderr.contains(code), "{tasks}: {}", ended.stderr);
    }
    assert_eq!(trial.one("SELECT count(*) FROM people"), "100");
}

#[test]
fn tables_of_one_name_go_by_their_schemas() {
    let Some(trial) = crate::postgres::Trial::try_new() else {
        return;
    };
    trial.sql(
        "CREATE SCHEMA sales; CREATE SCHEMA support;
         CREATE TABLE sales.customers (id int PRIMARY KEY, v text, until date);
         CREATE TABLE support.customers (id int PRIMARY KEY, v text);
         CREATE TABLE sales.orders (id int PRIMARY KEY, v text);
         INSERT INTO sales.customers VALUES (1, 'a', 'infinity'), (2, 'b', '2024-02-29')",
    );
    let fix = "- column: v\n  masks: [{type: from_fixed, value: x}]";
    let tables = ["sales.customers", "support.customers", "sales.orders"];
    trial.pipeline("", &tables.map(|table| task(table, "", fix)).concat());
    let ask = |args: &[&str]| {
        let ended = trial
            .visard()
            .call(&[&["sql", "pipeline.yml"], args].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let listed = ask(&["--tables"]);
    for name in [
        "sales_customers  (sales.customers)",
        "support_customers  (",
        "orders  (sales.orders)",
    ] {
        assert!(
            listed.lines().any(|line| line.starts_with(name)),
            "{listed}"
        );
    }
    let rows = ask(&["SELECT * FROM sales_customers ORDER BY id"]);
    assert_eq!(rows, "id,v,until\n1,x,\n2,x,2024-02-29\n");
}
