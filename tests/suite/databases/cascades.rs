//! Masked keys, and what refers to them: foreign keys still hold, to the same rows as before.

use std::time::{Duration, Instant};

use super::kills::Kills;
use super::kind::{Kind, task};
use super::{on_each, on_each_own};
use crate::visard::Ended;

on_each! {
    what_refers_to_a_masked_key_follows
    the_older_task_and_keys_that_only_the_ruleset_knows
    keys_of_a_format_become_others_of_it
    keys_that_cannot_be_followed_are_refused
    tables_that_change_together_fail_together
    killed_cascades_go_on
}

mod own {
    use super::*;

    on_each_own! {
        keys_in_circles
        columns_that_hold_values_otherwise_do_not_follow
        nobody_sees_a_key_without_what_refers_to_it
    }
}

/// Customers, their orders, the lines of these by a key of two columns, and customers that customers brought.
fn fill<K: Kind>(trial: &K) {
    trial.forget_run();
    let [own, told] = K::OWN_KEY;
    trial.sql(&format!(
        "DROP TABLE IF EXISTS cards; DROP TABLE IF EXISTS parts; DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS customers;
         CREATE TABLE customers (id integer PRIMARY KEY, brought_by integer, code varchar(20) UNIQUE, name varchar(40),
                                 FOREIGN KEY (brought_by) REFERENCES customers (id));
         CREATE TABLE orders (customer integer NOT NULL, number integer NOT NULL, note varchar(40), PRIMARY KEY (customer, number),
                              UNIQUE (number, customer), FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
         CREATE TABLE parts (id integer PRIMARY KEY, customer integer, number integer, what varchar(40),
                             FOREIGN KEY (number, customer) REFERENCES orders (number, customer));
         CREATE TABLE cards ({own}code varchar(20), customer varchar(40), FOREIGN KEY (code) REFERENCES customers (code));
         CREATE INDEX of_note ON orders (note);
         INSERT INTO customers SELECT i * 7919 % 100003, NULL, 'C-' || i, 'name ' || i FROM {};
         UPDATE customers SET brought_by = id WHERE id % 3 = 0;
         INSERT INTO orders SELECT id, 1, name FROM customers UNION ALL SELECT id, 2, name FROM customers;
         INSERT INTO parts SELECT customer * 2 + number, customer, number, note FROM orders;
         INSERT INTO cards SELECT {told}code, name FROM customers WHERE id % 2 = 0",
        K::series(3000)
    ));
}

/// Who has which rows, told by what is not masked.
const RELATIONS: &str = "
    SELECT count(*), sum(CASE WHEN o.note = c.name THEN 1 ELSE 0 END), sum(CASE WHEN l.what = c.name THEN 1 ELSE 0 END),
           (SELECT count(*) FROM cards k JOIN customers d ON d.code = k.code WHERE k.customer = d.name),
           (SELECT count(*) FROM customers d WHERE d.brought_by = d.id)
      FROM customers c JOIN orders o ON o.customer = c.id
      JOIN parts l ON l.customer = o.customer AND l.number = o.number";
const KEY: &str = "- column: id\n  masks: [{type: imitate_unique}]\n- column: code\n  masks: [{type: imitate_unique, seed: codes}]";
const KEYS: &str = "SELECT id, code, name FROM customers ORDER BY name";

#[track_caller]
fn refused(ended: Ended, code: &str) -> String {
    let ended = ended.expect(2);
    assert!(ended.stderr.contains(code), "{code}: {}", ended.stderr);
    ended.stderr
}

fn what_refers_to_a_masked_key_follows<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
    let (relations, dump, before) = (trial.one(RELATIONS), trial.dump(), trial.rows(KEYS));
    let numbers = "SELECT customer, number FROM orders ORDER BY 1, 2";
    let ordered = trial.rows(numbers);
    trial.pipeline("workers: 2", &task("customers", "", KEY));
    let plan = trial.visard().call(&["plan", "pipeline.yml"]);
    let plan = plan.expect(0).stdout;
    for line in ["follows customer of", "follows code of", "rewrite:"] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    let state = trial.rows(KEYS);
    trial.forget_run();
    trial.visard().run(&["--dry-run"]).expect(0);
    assert_eq!(trial.rows(KEYS), state);
    trial.run().expect(0);
    assert_eq!(trial.one(RELATIONS), relations);
    assert_eq!(relations, "6000|6000|6000|1500|1000");
    assert_eq!(trial.dump(), dump);
    assert_eq!(trial.leftovers(), [""; 0]);
    let same = trial.rows(KEYS);
    let same = same.iter().filter(|row| before.contains(row)).count();
    assert!(same < 5, "{same} rows as they were");
    assert_ne!(trial.rows(numbers), ordered);
    let report = trial.visard().report();
    let tables = report["tables"].as_array().unwrap();
    let mut rows: Vec<u64> = tables
        .iter()
        .map(|table| table["rows"].as_u64().unwrap())
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [1500, 3000, 6000, 6000]);
    assert!(tables.iter().all(|table| table["status"] == "masked"));
}

/// Two tables whose keys refer to one another.
fn keys_in_circles<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let [one, other] = match K::PLACE {
        // SQLite takes keys to tables that come later, and adds none.
        "rowid" => ["REFERENCES two (id)", ""],
        _ => [
            "",
            "ALTER TABLE one ADD FOREIGN KEY (id) REFERENCES two (id);",
        ],
    };
    trial.sql(&format!(
        "CREATE TABLE one (id integer PRIMARY KEY {one}, name varchar(20));
         CREATE TABLE two (id integer PRIMARY KEY, name varchar(20), FOREIGN KEY (id) REFERENCES one (id));
         INSERT INTO one SELECT i * 13, 'n' || i FROM {series}; INSERT INTO two SELECT * FROM one; {other}",
        series = K::series(900)
    ));
    let dump = trial.dump();
    let mask = "- column: id\n  masks: [{type: imitate_unique}]";
    trial.pipeline("", &task("two", "", mask));
    trial.run().expect(0);
    let joined = "SELECT count(*) FROM one JOIN two ON one.id = two.id AND one.name = two.name";
    assert_eq!(trial.one(joined), "900");
    let same = "SELECT count(*) < 50 FROM one WHERE name = 'n' || (id / 13)";
    assert!(["1", "t", "true"].contains(&trial.one(same).as_str()));
    assert_eq!(trial.dump(), dump);
    assert_eq!(trial.leftovers(), [""; 0]);
}

fn the_older_task_and_keys_that_only_the_ruleset_knows<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let [own, told] = K::OWN_KEY;
    trial.sql(&format!(
        "CREATE TABLE people (id int PRIMARY KEY, name varchar(20)); CREATE TABLE log ({own}person int, name varchar(20));
         INSERT INTO people SELECT i * 31, 'p' || i FROM {}; INSERT INTO log SELECT {told}id, name FROM people",
        K::series(500)
    ));
    let task = "- type: mask_unique_key\n  table: people\n  target_key: [{key: ID}]\n  additional_cascades:\n    \
        - table: log\n      columns: [{source: id, target: person}]";
    trial.pipeline("", task);
    trial.run().expect(0);
    let joined =
        "SELECT count(*) FROM people p JOIN log l ON l.person = p.id WHERE p.name = l.name";
    assert_eq!(trial.one(joined), "500");
    assert_ne!(
        trial.one("SELECT sum(id) FROM people"),
        (31 * 500 * 501 / 2).to_string()
    );
    trial.pipeline("", &task.replace("person}", "persona}"));
    let said = refused(trial.run(), "V1001");
    assert!(said.contains("nearest: `person`"), "{said}");
}

fn keys_of_a_format_become_others_of_it<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    let [own, told] = K::OWN_KEY;
    trial.sql(&format!(
        "CREATE TABLE people (code varchar(20) PRIMARY KEY, part varchar(9) UNIQUE, name varchar(20));
         CREATE TABLE cards ({own}code varchar(20), name varchar(20), FOREIGN KEY (code) REFERENCES people (code));
         INSERT INTO people SELECT 'C-' || (100000 + i) || 'k', 'p' || (1000 + i), 'n' || i FROM {};
         INSERT INTO cards SELECT {told}code, name FROM people",
        K::series(900)
    ));
    let task = |format: &str| {
        format!(
            "- type: mask_unique_key\n  table: people\n  target_key: [{{key: code, format: '{format}'}}, part]"
        )
    };
    trial.pipeline("", &task("C-{[0-9],6}{[a-z]}"));
    trial.run().expect(0);
    let joined = "SELECT count(*), min(length(p.code)), max(length(p.code)) FROM people p JOIN cards c ON c.code = p.code \
                  WHERE c.name = p.name AND p.code LIKE 'C-%' AND p.part LIKE '_____'";
    assert_eq!(trial.one(joined), "900|9|9");
    // Other letters, which no form of the old value has.
    let others = "SELECT count(*) > 800 FROM people WHERE code NOT LIKE '%k'";
    assert!(["1", "t", "true"].contains(&trial.one(others).as_str()));
    let before = trial.rows("SELECT * FROM people ORDER BY name");
    trial.pipeline("", &task("C-{[0-9],6}k"));
    let ended = trial.run().expect(1);
    assert!(
        ended
            .stderr
            .contains("the value is not a string of the format"),
        "{}",
        ended.stderr
    );
    assert_eq!(trial.rows("SELECT * FROM people ORDER BY name"), before);
    assert_eq!(trial.leftovers(), [""; 0]);
    trial.pipeline("", &task("C-{[0-9"));
    refused(trial.run(), "V10");
}

fn keys_that_cannot_be_followed_are_refused<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
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
        "CREATE TABLE other (id integer PRIMARY KEY); INSERT INTO other SELECT id FROM customers;
         CREATE TABLE both_of (id integer PRIMARY KEY, FOREIGN KEY (id) REFERENCES other (id),
                               FOREIGN KEY (id) REFERENCES customers (id))",
    );
    trial.pipeline("", &task("customers", "", KEY));
    let said = refused(trial.run(), "V1206");
    assert!(said.contains("other"), "{said}");
}

/// A cascade of the ruleset, to columns of other types.
fn columns_that_hold_values_otherwise_do_not_follow<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    trial.sql(
        "CREATE TABLE people (id int PRIMARY KEY, code varchar(20)); INSERT INTO people VALUES (7919, 'K-7919');
         CREATE TABLE log (small smallint, wide bigint, word varchar(20), code varchar(40), amount numeric(12, 2), day date);
         INSERT INTO log VALUES (7919, 7919, '7919', 'K-7919', 7919.25, '2001-02-03')",
    );
    let cascade = |source: &str, target: &str| {
        format!(
            "- type: mask_table\n  table: people\n  rules:\n    - column: {source}\n      masks: [{{type: imitate_unique}}]\n  \
             additional_cascades:\n    - table: log\n      columns: [{{source: {source}, target: {target}}}]"
        )
    };
    for (source, target) in [
        ("id", "word"),
        ("code", "wide"),
        ("id", "amount"),
        ("code", "day"),
    ] {
        // Types of SQLite say little: its dates are text.
        if K::PLACE == "rowid" && target == "day" {
            continue;
        }
        trial.pipeline("", &cascade(source, target));
        let said = refused(trial.run(), "V1206");
        assert!(said.contains(target) && said.contains("holds"), "{said}");
    }
    for (source, target) in [("id", "small"), ("id", "wide"), ("code", "code")] {
        trial.pipeline("", &cascade(source, target));
        trial.run().expect(0);
        let joined = format!("SELECT count(*) FROM people p JOIN log l ON l.{target} = p.{source}");
        assert_eq!(trial.one(&joined), "1", "{target}");
        trial.sql("UPDATE people SET id = 7919; UPDATE log SET small = 7919, wide = 7919");
    }
}

fn tables_that_change_together_fail_together<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
    let [own, told] = K::OWN_KEY;
    trial.sql(&format!(
        "CREATE TABLE checked ({own}code varchar(20), CHECK (code LIKE 'C-%'), FOREIGN KEY (code) REFERENCES customers (code));
         INSERT INTO checked SELECT {told}code FROM customers"
    ));
    let (relations, dump, before) = (trial.one(RELATIONS), trial.dump(), trial.rows(KEYS));
    trial.pipeline("", &task("customers", "", KEY));
    trial.run().expect(1);
    assert_eq!(trial.rows(KEYS), before);
    assert_eq!((trial.one(RELATIONS), trial.dump()), (relations, dump));
    assert_eq!(trial.leftovers(), [""; 0]);
    let report = trial.visard().report();
    let mut tables = report["tables"].as_array().unwrap().iter();
    assert!(
        tables.all(|table| table["rows"] == 0 && table["status"] == "failed"),
        "{report}"
    );
}

fn nobody_sees_a_key_without_what_refers_to_it<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    if K::PLACE == "ctid" {
        // PostgreSQL may end who reads two tables while both are locked for the exchange, as a deadlock.
        return;
    }
    let lonely = "SELECT (SELECT count(*) FROM orders o LEFT JOIN customers c ON c.id = o.customer WHERE c.id IS NULL) \
                       + (SELECT count(*) FROM cards k LEFT JOIN customers c ON c.code = k.code WHERE c.id IS NULL)";
    fill(&trial);
    trial.pipeline("workers: 2", &task("customers", "", KEY));
    let before = trial.rows(KEYS);
    let mut looks = 0;
    let mut child = trial.visard().start(&[]);
    while child.try_wait().unwrap().is_none() {
        assert_eq!(trial.one(lonely), "0");
        looks += 1;
    }
    Ended::of(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(trial.one(lonely), "0");
    assert!(looks > 5, "{looks} looks");
    assert_ne!(trial.rows(KEYS), before);
}

fn killed_cascades_go_on<K: Kind>() {
    let Some(trial) = K::try_new() else { return };
    fill(&trial);
    let (relations, dump) = (trial.one(RELATIONS), trial.dump());
    trial.pipeline("workers: 2", &task("customers", "", KEY));
    let began = Instant::now();
    trial.run().expect(0);
    let whole = began.elapsed();
    let masked = trial.rows(KEYS);
    Kills {
        what: "cascades",
        seed: 21,
        most: 100,
        limit: Duration::from_secs(8),
        whole,
    }
    .go_on(
        trial.visard(),
        || fill(&trial),
        |what| {
            assert!(trial.rows(KEYS) == masked, "{what}");
            assert_eq!(trial.one(RELATIONS), relations, "{what}");
            assert_eq!(trial.dump(), dump, "{what}");
            assert_eq!(trial.leftovers(), [""; 0], "{what}");
        },
    );
}
