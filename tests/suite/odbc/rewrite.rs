//! Tables that are rewritten: their rows are masked beside them, deleted, and inserted anew.

use super::trial::{Driven, Over};
use crate::databases::{Kind, task};
use crate::{mariadb, postgres, sqlite};

/// A table of 3000 rows with two unique columns, and one of everything that stays.
fn filled<T: Driven>() -> Option<Over<T>> {
    let trial = Over::<T>::new()?;
    trial.sql(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, number int NOT NULL UNIQUE, name varchar(40),
                         price numeric(9, 2) DEFAULT 1.50, born date, data varchar(40));
         CREATE INDEX of_name ON t (name);
         INSERT INTO t SELECT i * 7919 % 100003, 'c' || (1000 + i), i, 'name ' || i, i + 0.25, '2001-02-03', NULL FROM {}",
        T::series(3000)
    ));
    Some(trial)
}

const OTHERS: &str = "SELECT id, price, born, data FROM t ORDER BY id";

/// Columns of unique indexes, whose old and new values would meet half way.
fn unique_columns<T: Driven>() {
    let Some(trial) = filled::<T>() else { return };
    let (dump, others) = (trial.dump(), trial.rows(OTHERS));
    let before = trial.rows("SELECT id, code, number FROM t ORDER BY id");
    let rules = "- column: code\n  masks: [{type: imitate_unique}]\n\
        - column: number\n  masks: [{type: from_unique, format: '{[1-3]}{[0-9],3}'}]\n\
        - column: name\n  masks: [{type: secure_shuffle}]";
    let report = trial.mask("batch_size: 700", "t", rules);
    assert_eq!(
        (&report["strategy"], &report["rows"], &report["status"]),
        (&"rewrite".into(), &3000.into(), &"masked".into())
    );
    assert_eq!((trial.rows(OTHERS), trial.dump()), (others, dump));
    assert_eq!(trial.leftovers(), [""; 0]);
    // Every number of the format comes up once, and names have other rows.
    let numbers = "SELECT count(DISTINCT code), count(DISTINCT number), min(number), max(number), count(DISTINCT name) FROM t";
    assert_eq!(trial.one(numbers), "3000|3000|1000|3999|3000");
    let same = "SELECT count(*) FROM t WHERE name = 'name ' || number";
    assert!(trial.one(same).parse::<u32>().unwrap() < 50);
    let after = trial.rows("SELECT id, code, number FROM t ORDER BY id");
    let same = after.iter().filter(|row| before.contains(row)).count();
    assert!(same < 5, "{same} rows as they were");
    // A table without rows.
    trial.sql("DELETE FROM t");
    trial.mask("", "t", rules);
    assert_eq!(trial.one("SELECT count(*) FROM t"), "0");
}

/// What would delete more than it inserts, or fire.
fn what_hangs_on_rows<T: Driven>(trigger: &str, is_checked: bool) {
    let Some(trial) = filled::<T>() else { return };
    trial.sql(
        "CREATE TABLE refers (id int PRIMARY KEY, code varchar(20), FOREIGN KEY (code) REFERENCES t (code) ON DELETE CASCADE);
         INSERT INTO refers SELECT id, code FROM t",
    );
    let rules = "- column: number\n  masks: [{type: imitate_unique}]";
    trial.pipeline("", &task("t", "", rules));
    let refers =
        "SELECT count(*) FROM refers JOIN t ON t.code = refers.code WHERE t.id = refers.id";
    if is_checked {
        let ended = trial.run().expect(2);
        assert!(
            ended.stderr.contains("V1205") && ended.stderr.contains("refers"),
            "{}",
            ended.stderr
        );
    } else {
        trial.run().expect(0);
        assert_eq!(trial.leftovers(), [""; 0]);
    }
    assert_eq!(trial.one(refers), "3000");
    trial.sql("DROP TABLE refers");
    trial.sql(trigger);
    let before = trial.rows("SELECT id, number FROM t ORDER BY id");
    let ended = trial.run().expect(2);
    assert!(
        ended.stderr.contains("V1205") && ended.stderr.contains("would fire"),
        "{}",
        ended.stderr
    );
    assert_eq!(trial.rows("SELECT id, number FROM t ORDER BY id"), before);
    // Updates do not make it fire.
    let name = "- column: name\n  masks: [{type: imitate}]";
    trial.mask("auto_manage_triggers: false", "t", name);
}

#[test]
fn unique_columns_of_postgresql() {
    unique_columns::<postgres::Trial>();
}

#[test]
fn unique_columns_of_mariadb() {
    unique_columns::<mariadb::Trial>();
}

#[test]
fn unique_columns_of_sqlite() {
    unique_columns::<sqlite::Trial>();
}

#[test]
fn what_hangs_on_rows_of_postgresql() {
    what_hangs_on_rows::<postgres::Trial>(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
         CREATE TRIGGER of_deletes BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION no()",
        true,
    );
}

#[test]
fn what_hangs_on_rows_of_mariadb() {
    what_hangs_on_rows::<mariadb::Trial>(
        "CREATE TRIGGER of_deletes BEFORE DELETE ON t FOR EACH ROW SIGNAL SQLSTATE '45000'",
        false,
    );
}

#[test]
fn what_hangs_on_rows_of_sqlite() {
    what_hangs_on_rows::<sqlite::Trial>(
        "CREATE TRIGGER of_deletes BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END",
        true,
    );
}

/// A counter that gives every key is told for once which it is.
#[test]
fn keys_of_a_counter() {
    let Some(trial) = Over::<postgres::Trial>::new() else {
        return;
    };
    trial.sql(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
         INSERT INTO t (name) SELECT 'n' || i FROM generate_series(1, 500) i;
         CREATE TABLE u (id serial PRIMARY KEY, t int REFERENCES t, name text);
         INSERT INTO u (t, name) SELECT id, name FROM t",
    );
    let dump = trial.dump();
    trial.mask("", "t", "- column: id\n  masks: [{type: imitate_unique}]");
    let joined = "SELECT count(*) FROM t JOIN u ON u.t = t.id AND u.name = t.name WHERE t.id::text <> substr(t.name, 2)";
    assert!(trial.one(joined).parse::<u32>().unwrap() > 450);
    assert_eq!(trial.dump(), dump);
}

/// Tables that refer to one another cannot be emptied one before the other, but where references can be left unchecked.
fn keys_in_circles<T: Driven>(makes: [&str; 2], is_checked: bool) {
    let Some(trial) = Over::<T>::new() else {
        return;
    };
    let [one, more] = makes;
    trial.sql(&format!(
        "CREATE TABLE one (id integer PRIMARY KEY {one}, name varchar(20));
         CREATE TABLE two (id integer PRIMARY KEY, name varchar(20), FOREIGN KEY (id) REFERENCES one (id));
         INSERT INTO one SELECT i * 13, 'n' || i FROM {}; INSERT INTO two SELECT * FROM one; {more}",
        T::series(900)
    ));
    let before = trial.one("SELECT sum(id) FROM one");
    trial.pipeline(
        "",
        &task("two", "", "- column: id\n  masks: [{type: imitate_unique}]"),
    );
    if is_checked {
        let ended = trial.run().expect(2);
        assert!(ended.stderr.contains("circle"), "{}", ended.stderr);
        assert_eq!(trial.one("SELECT sum(id) FROM one"), before);
        return;
    }
    trial.run().expect(0);
    let joined = "SELECT count(*) FROM one JOIN two ON one.id = two.id AND one.name = two.name";
    assert_eq!(trial.one(joined), "900");
    assert_ne!(trial.one("SELECT sum(id) FROM one"), before);
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn keys_in_circles_of_postgresql() {
    let more = "ALTER TABLE one ADD FOREIGN KEY (id) REFERENCES two (id)";
    keys_in_circles::<postgres::Trial>(["", more], true);
}

#[test]
fn keys_in_circles_of_mariadb() {
    let more = "ALTER TABLE one ADD FOREIGN KEY (id) REFERENCES two (id)";
    keys_in_circles::<mariadb::Trial>(["", more], false);
}

#[test]
fn keys_in_circles_of_sqlite() {
    keys_in_circles::<sqlite::Trial>(["REFERENCES two (id)", ""], true);
}
