//! Masked keys by the rules of SQLite: letters of either case, and one class for another.

use super::Trial;
use crate::databases::{Kind, task};

const KEY: &str = "- column: id\n  masks: [{type: imitate_unique}]";

/// Names of a foreign key are found whatever their letters; one without columns refers to the primary key.
#[test]
fn foreign_keys_in_other_letters() {
    let trial = Trial::new();
    trial.sql(&format!(
        "CREATE TABLE Parent (Id INTEGER PRIMARY KEY AUTOINCREMENT, Name TEXT);
         CREATE TABLE One (Parent INT, Name TEXT, FOREIGN KEY (PARENT) REFERENCES PARENT);
         CREATE TABLE Two (Parent INT REFERENCES parent (ID), Name TEXT, Mine INTEGER PRIMARY KEY REFERENCES TWO);
         INSERT INTO Parent SELECT i * 11, 'n' || i FROM {0}; INSERT INTO One SELECT * FROM Parent;
         INSERT INTO Two SELECT id, name, id FROM Parent",
        Trial::series(2000)
    ));
    let dump = trial.dump();
    trial.pipeline("workers: 2", &task("parent", "", &KEY.replace("id", "Id")));
    trial.run().expect(0);
    let joined = "SELECT count(*), sum(p.name = o.name AND p.name = t.name), sum(p.name <> 'n' || (p.id / 11)) > 1900 \
                  FROM parent p JOIN one o ON o.parent = p.id JOIN two t ON t.parent = p.id";
    assert_eq!(trial.one(joined), "2000|2000|1");
    assert_eq!(
        trial.rows("SELECT 1 FROM pragma_foreign_key_check"),
        [""; 0]
    );
    assert_eq!(trial.dump(), dump);
    let counter =
        "SELECT seq >= (SELECT max(id) FROM parent) FROM sqlite_sequence WHERE name = 'Parent'";
    assert_eq!(trial.one(counter), "1");
    assert_eq!(trial.leftovers(), [""; 0]);
}

/// What SQLite takes for the same and a mask does not.
#[test]
fn keys_in_two_spellings_fail_before_anything_changes() {
    let trial = Trial::new();
    for (mask, parent) in [
        ("tokenize", "CREATE TABLE parent (id TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO parent VALUES ('abc-1'), ('abd-2');
         CREATE TABLE child (parent TEXT REFERENCES parent); INSERT INTO child VALUES ('ABC-1')"),
        ("imitate_unique", "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (7919), (7920);
         CREATE TABLE child (parent TEXT REFERENCES parent); INSERT INTO child VALUES ('07919')"),
    ] {
        trial.sql(&format!("DROP TABLE IF EXISTS child; DROP TABLE IF EXISTS parent; {parent}"));
        let state = trial.state();
        trial.pipeline("", &task("parent", "", &KEY.replace("imitate_unique", mask)));
        let ended = trial.run().expect(1);
        assert!(ended.stderr.contains("would no longer refer"), "{}", ended.stderr);
        assert_eq!(trial.state(), state);
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// A reference that led nowhere before is none that the run broke.
#[test]
fn rows_that_refer_to_nothing() {
    let trial = Trial::new();
    trial.sql(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (7919), (7920);
         CREATE TABLE child (parent INT REFERENCES parent); INSERT INTO child VALUES (7919), (1234), (NULL)",
    );
    trial.pipeline("", &task("parent", "", KEY));
    trial.run().expect(0);
    let joined = "SELECT count(*), count(p.id), count(c.parent) FROM child c LEFT JOIN parent p ON p.id = c.parent";
    assert_eq!(trial.one(joined), "3|1|2");
}
