//! Masked keys while others write, and keys that the server takes for the same and masks do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::trial::{Kind, Trial, task};

const KEY: &str = "- column: id\n  masks: [{type: imitate_unique}]";

/// Rows that wait while tables are exchanged come to lie in the new ones, behind their counters.
#[test]
fn what_others_write_meanwhile_is_there() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE parent (id int PRIMARY KEY AUTO_INCREMENT, what varchar(20));
         CREATE TABLE a_child (id int PRIMARY KEY AUTO_INCREMENT, parent int, FOREIGN KEY (parent) REFERENCES parent (id));
         CREATE TABLE z_child (id int PRIMARY KEY AUTO_INCREMENT, parent int, what varchar(20), CONSTRAINT of_parent
                               FOREIGN KEY (parent) REFERENCES parent (id));
         CREATE TABLE log (n int);
         CREATE TRIGGER logged AFTER INSERT ON z_child FOR EACH ROW INSERT INTO log VALUES (1);
         INSERT INTO parent SELECT seq * 3, 'old' FROM seq_1_to_3000;
         INSERT INTO a_child (parent) SELECT id FROM parent; INSERT INTO z_child (parent) SELECT id FROM parent",
    );
    let dump = trial.dump();
    trial.pipeline("workers: 2", &task("parent", "", KEY));
    let stop = Arc::new(AtomicBool::new(false));
    let writers = [
        "INSERT INTO parent (what) VALUES ('new')",
        "INSERT INTO a_child (parent) VALUES (NULL)",
        "INSERT INTO z_child (parent, what) VALUES (NULL, 'new')",
        "UPDATE z_child SET what = 'new' WHERE what IS NULL ORDER BY id LIMIT 1",
    ];
    let writers = writers.map(|sql| trial.write_on(sql, &stop));
    let ended = trial.run().expect(0);
    stop.store(true, Ordering::Relaxed);
    let [parents, first, second, updated] = writers.map(|writer| trial.written(writer));
    assert!(parents > 0 && first > 0 && second > 0, "{}", ended.stdout);
    let counts = "SELECT (SELECT COUNT(*) FROM parent WHERE what = 'new'), (SELECT COUNT(*) FROM a_child WHERE parent IS NULL), \
                         (SELECT COUNT(*) FROM z_child WHERE parent IS NULL)";
    assert_eq!(trial.one(counts), format!("{parents}|{first}|{second}"));
    // Each update that found a row is there, and triggers fired for every row.
    let there = "SELECT COUNT(*) FROM z_child WHERE parent IS NOT NULL AND what = 'new'";
    assert_eq!(trial.one(there), updated.min(3000).to_string());
    assert_eq!(
        trial.one("SELECT COUNT(*) FROM log"),
        (second + 3000).to_string()
    );
    let lonely = "SELECT COUNT(*) FROM z_child c LEFT JOIN parent p ON p.id = c.parent WHERE c.parent IS NOT NULL AND p.id IS NULL";
    assert_eq!(trial.one(lonely), "0");
    let counter = |table: &str| format!("SELECT MAX(id) FROM {table}");
    let highest: u64 = trial.one(&counter("parent")).parse().unwrap();
    trial.sql("INSERT INTO parent (what) VALUES ('last')");
    assert!(trial.one(&counter("parent")).parse::<u64>().unwrap() > highest);
    let counted = |dump: Vec<String>| -> Vec<String> {
        let line = |line: &str| match line.split_once(" AUTO_INCREMENT=") {
            Some((before, behind)) => {
                format!("{before}{}", behind.trim_start_matches(char::is_numeric))
            }
            None => line.to_owned(),
        };
        dump.iter().map(|made| line(made)).collect()
    };
    assert_eq!(counted(trial.dump()), counted(dump));
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// Two spellings are one key to the server, and two values to a mask.
#[test]
fn keys_in_two_spellings_fail_before_anything_changes() {
    let Some(trial) = Trial::new() else { return };
    trial.sql(
        "CREATE TABLE parent (id varchar(20) PRIMARY KEY); INSERT INTO parent VALUES ('abe-1'), ('abd-2');
         CREATE TABLE child (parent varchar(20), FOREIGN KEY (parent) REFERENCES parent (id)); INSERT INTO child VALUES ('abé-1')",
    );
    let (dump, rows) = (trial.dump(), trial.rows("SELECT * FROM parent ORDER BY id"));
    trial.pipeline("", &task("parent", "", KEY));
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("would no longer refer"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("abé"), "{}", ended.stderr);
    assert_eq!(
        (trial.dump(), trial.rows("SELECT * FROM parent ORDER BY id")),
        (dump, rows)
    );
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// Tables of two databases change together, and one that is not masked gets its foreign key back.
#[test]
fn keys_across_databases() {
    let Some(trial) = Trial::new() else { return };
    let other = format!("{}_o", trial.database);
    trial.sql(&format!(
        "CREATE DATABASE {other};
         CREATE TABLE parent (id int PRIMARY KEY, code int UNIQUE); INSERT INTO parent SELECT seq * 7, seq FROM seq_1_to_900;
         CREATE TABLE {other}.child (parent int, code int, CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES {0}.parent (id));
         INSERT INTO {other}.child SELECT * FROM parent;
         CREATE TABLE {other}.kept (code int, CONSTRAINT of_code FOREIGN KEY (code) REFERENCES {0}.parent (code));
         INSERT INTO {other}.kept SELECT code FROM parent",
        trial.database
    ));
    let made = |table: &str| trial.rows(&format!("SHOW CREATE TABLE {other}.{table}"));
    let before = [made("child"), made("kept")];
    trial.pipeline("", &task("parent", "", KEY));
    trial.run().expect(0);
    let joined = format!(
        "SELECT COUNT(*), SUM(c.code = p.code), SUM(p.id <> p.code * 7) > 800 FROM {other}.child c JOIN parent p ON p.id = c.parent"
    );
    assert_eq!(trial.one(&joined), "900|900|1");
    assert_eq!([made("child"), made("kept")], before);
    assert!(trial.refuses(&format!("INSERT INTO {other}.kept VALUES (9999)")));
    assert_eq!(trial.leftovers(), [""; 0]);
    assert_eq!(
        trial.rows(&format!("SHOW TABLES FROM {other} LIKE 'visard\\_%'")),
        [""; 0]
    );
    trial.sql(&format!("DROP DATABASE {other}"));
}
