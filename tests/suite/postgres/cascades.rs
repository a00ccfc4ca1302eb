//! Masked keys with constraints as only PostgreSQL has them: they stay as they were.

use super::trial::{Trial, task};

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
