//! Masked keys, and what refers to them: foreign keys still hold, to the same rows as before.

use std::time::{Duration, Instant};

use super::trial::{Trial, task};
use crate::databases::Kills;
use crate::visard::Ended;

/// Customers, their orders, the lines of these by a key of two columns, and customers that customers brought.
const TABLES: &str = "
    CREATE TABLE customers (id bigint PRIMARY KEY, brought_by bigint REFERENCES customers, code text UNIQUE, name text);
    CREATE TABLE orders (customer bigint NOT NULL REFERENCES customers ON UPDATE RESTRICT, number int, note text,
                         PRIMARY KEY (customer, number));
    CREATE TABLE lines (id serial PRIMARY KEY, customer bigint, number int, what text,
                        FOREIGN KEY (number, customer) REFERENCES orders (number, customer) DEFERRABLE);
    CREATE TABLE cards (code text REFERENCES customers (code), customer text);
    CREATE INDEX of_note ON orders (note);
    COMMENT ON CONSTRAINT cards_code_fkey ON cards IS 'by code';
    INSERT INTO customers SELECT i * 7919 % 100003, NULL, 'C-' || i, 'name ' || i FROM generate_series(1, 3000) i;
    UPDATE customers SET brought_by = id WHERE id % 3 = 0;
    INSERT INTO orders SELECT id, n, name FROM customers, generate_series(1, 2) n;
    INSERT INTO lines (customer, number, what) SELECT customer, number, note FROM orders;
    INSERT INTO cards SELECT code, name FROM customers WHERE id % 2 = 0";
/// Who has which rows, told by what is not masked.
const RELATIONS: &str = "
    SELECT count(*), count(*) FILTER (WHERE o.note = c.name), count(*) FILTER (WHERE l.what = c.name),
           (SELECT count(*) FROM cards k JOIN customers d ON d.code = k.code WHERE k.customer = d.name),
           (SELECT count(*) FROM customers d WHERE d.brought_by = d.id)
      FROM customers c JOIN orders o ON o.customer = c.id JOIN lines l USING (customer, number)";
const KEY: &str = "- column: id\n  masks: [{type: imitate_unique}]\n- column: code\n  masks: [{type: imitate_unique, seed: codes}]";

#[track_caller]
fn refused(ended: Ended, code: &str) -> String {
    let ended = ended.expect(2);
    assert!(ended.stderr.contains(code), "{code}: {}", ended.stderr);
    ended.stderr
}

#[test]
fn what_refers_to_a_masked_key_follows() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(TABLES);
    let (relations, dump) = (trial.one(RELATIONS), trial.dump());
    let before = trial.rows("SELECT id, code FROM customers");
    let numbers = trial.rows("SELECT customer, number FROM orders ORDER BY 1, 2");
    trial.pipeline("workers: 2", &task("customers", "", KEY));
    let plan = trial
        .visard
        .call(&["plan", "pipeline.yml"])
        .expect(0)
        .stdout;
    for line in ["follows customer of", "follows code of", "rewrite:"] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    trial.run().expect(0);
    assert_eq!(trial.one(RELATIONS), relations);
    assert_eq!(relations, "6000|6000|6000|1500|1000");
    assert_eq!(trial.dump(), dump);
    assert_eq!(trial.leftovers(), [""; 0]);
    let same = trial.rows("SELECT id, code FROM customers");
    let same = same.iter().filter(|row| before.contains(row)).count();
    assert!(same < 5, "{same} rows as they were");
    assert_ne!(
        trial.rows("SELECT customer, number FROM orders ORDER BY 1, 2"),
        numbers
    );
    let report = trial.visard.report();
    let tables = report["tables"].as_array().unwrap();
    let rows: Vec<u64> = tables
        .iter()
        .map(|table| table["rows"].as_u64().unwrap())
        .collect();
    assert_eq!(rows.len(), 4);
    assert!(
        rows.contains(&3000) && rows.contains(&6000) && rows.contains(&1500),
        "{rows:?}"
    );
    assert!(tables.iter().all(|table| table["status"] == "masked"));
}

#[test]
fn the_older_task_and_keys_that_only_the_ruleset_knows() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE people (id int PRIMARY KEY, name text); CREATE TABLE log (person int, name text);
         INSERT INTO people SELECT i * 31, 'p' || i FROM generate_series(1, 500) i; INSERT INTO log SELECT * FROM people",
    );
    let task = "- type: mask_unique_key\n  table: people\n  target_key: [{key: ID}]\n  additional_cascades:\n    \
        - table: log\n      columns: [{source: id, target: person}]";
    trial.pipeline("", task);
    trial.run().expect(0);
    let joined = "SELECT count(*) FILTER (WHERE p.name = l.name), count(*) FROM people p JOIN log l ON l.person = p.id";
    assert_eq!(trial.one(joined), "500|500");
    assert_ne!(
        trial.one("SELECT sum(id) FROM people"),
        (31 * 500 * 501 / 2).to_string()
    );
    trial.pipeline("", &task.replace("person}", "persona}"));
    let said = refused(trial.run(), "V1001");
    assert!(said.contains("nearest: `person`"), "{said}");
}

#[test]
fn keys_that_cannot_be_followed_are_refused() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(TABLES);
    let id = |mask: &str| format!("- column: id\n  masks: [{mask}]");
    for (table, more, rules, code) in [
        // Only the row decides, or two values become one.
        (
            "customers",
            "",
            "- column: id\n  hash_columns: [name]\n  masks: [{type: imitate}]".to_owned(),
            "V1206",
        ),
        ("customers", "", id("{type: from_fixed, value: 1}"), "V1206"),
        // The other side, and half of a key.
        (
            "orders",
            "",
            "- column: customer\n  masks: [{type: imitate_unique}]".to_owned(),
            "V1206",
        ),
        (
            "cards",
            "",
            "- column: code\n  masks: [{type: imitate_unique}]".to_owned(),
            "V1206",
        ),
        // What is left of the table, or of its rows.
        (
            "customers",
            "where: id > 5",
            id("{type: imitate_unique}"),
            "V1205",
        ),
        (
            "customers",
            "strategy: update",
            id("{type: imitate_unique}"),
            "V1205",
        ),
    ] {
        trial.pipeline("", &task(table, more, &rules));
        refused(trial.run(), code);
    }
    let some = "- if: [{column: name, equals: x}]\n  rules:\n    - column: id\n      masks: [{type: imitate_unique}]";
    trial.pipeline("", &task("customers", "", some));
    refused(trial.run(), "V1206");
    // Two parents that would each be masked otherwise.
    trial.sql(
        "CREATE TABLE other (id bigint PRIMARY KEY); INSERT INTO other SELECT customer FROM orders GROUP BY 1;
         ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES other",
    );
    trial.pipeline("", &task("customers", "", KEY));
    let said = refused(trial.run(), "V1206");
    assert!(said.contains("other"), "{said}");
}

#[test]
fn tables_that_change_together_fail_together() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(TABLES);
    trial.sql("ALTER TABLE lines ADD CHECK (customer < 100003 AND what <> 'nobody')");
    trial.sql("ALTER TABLE cards ADD CONSTRAINT of_code CHECK (code LIKE 'C-%')");
    let (relations, dump) = (trial.one(RELATIONS), trial.dump());
    let before = trial.rows("SELECT id FROM customers ORDER BY 1");
    trial.pipeline("", &task("customers", "", KEY));
    let ended = trial.run().expect(1);
    assert!(ended.stderr.contains("23514"), "{}", ended.stderr);
    assert_eq!(trial.rows("SELECT id FROM customers ORDER BY 1"), before);
    assert_eq!((trial.one(RELATIONS), trial.dump()), (relations, dump));
    assert_eq!(trial.leftovers(), [""; 0]);
    let report = trial.visard.report();
    let tables = report["tables"].as_array().unwrap().iter();
    assert!(
        tables
            .clone()
            .all(|table| table["rows"] == 0 && table["status"] == "failed"),
        "{report}"
    );
}

#[test]
fn killed_cascades_go_on() {
    let Some(trial) = Trial::new() else { return };
    let fill = || {
        trial.forget_run();
        trial.sql("DROP TABLE IF EXISTS cards, lines, orders, customers");
        trial.sql(TABLES);
    };
    fill();
    let (relations, dump) = (trial.one(RELATIONS), trial.dump());
    trial.pipeline("workers: 2", &task("customers", "", KEY));
    let began = Instant::now();
    trial.run().expect(0);
    let whole = began.elapsed();
    let masked = trial.rows("SELECT id, code, name FROM customers ORDER BY name");
    Kills {
        what: "cascades",
        seed: 21,
        most: 100,
        limit: Duration::from_secs(8),
        whole,
    }
    .go_on(&trial.visard, fill, |what| {
        let now = trial.rows("SELECT id, code, name FROM customers ORDER BY name");
        assert!(now == masked, "{what}");
        assert_eq!(trial.one(RELATIONS), relations, "{what}");
        assert_eq!(trial.dump(), dump, "{what}");
        assert_eq!(trial.leftovers(), [""; 0], "{what}");
    });
}
