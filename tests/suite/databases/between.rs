//! Rows that go from a database to one of another kind.

use super::copies::copied;
use super::kind::{Kind, task};
use crate::mariadb::Trial as Mariadb;
use crate::postgres::Trial as Postgres;
use crate::sqlite::Trial as Sqlite;

/// A table with a column for each type that all of them know.
pub trait Typed: Kind {
    /// Its columns.
    const COLUMNS: &str;
    /// Bytes by their hexadecimal digits.
    fn bytes(digits: &str) -> String;
    /// What is in it, spelled alike by all.
    const SEEN: &str;
}

impl Typed for Postgres {
    const COLUMNS: &str = "id bigint PRIMARY KEY, name varchar(40) NOT NULL, price numeric(12,2), ratio float8, ok bool, \
        born date, at timestamp, seen timestamptz, clock time, raw bytea, big numeric, note varchar(40)";
    fn bytes(digits: &str) -> String {
        format!("'\\x{digits}'::bytea")
    }
    const SEEN: &str = "id, price, ratio, ok::int, born, at, rtrim(replace(seen::text, '+00', '')), clock, \
        encode(raw, 'hex'), big, note";
}

impl Typed for Mariadb {
    const COLUMNS: &str = "id bigint PRIMARY KEY, name varchar(40) NOT NULL, price decimal(12,2), ratio double, ok boolean, \
        born date, at datetime(6), seen timestamp(6) NULL, clock time(6), raw blob, big longtext, note varchar(40)";
    fn bytes(digits: &str) -> String {
        format!("X'{digits}'")
    }
    const SEEN: &str = "id, price, ratio, ok, born, at, seen, clock, lower(hex(raw)), big, note";
}

impl Typed for Sqlite {
    const COLUMNS: &str = "id INTEGER PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(12,2), ratio REAL, ok BOOLEAN, \
        born DATE, at DATETIME, seen DATETIME, clock TIME, raw BLOB, big TEXT, note VARCHAR(40)";
    fn bytes(digits: &str) -> String {
        format!("X'{digits}'")
    }
    const SEEN: &str = "id, printf('%.2f', price), ratio, ok, born, at, rtrim(seen, 'Z'), clock, \
        CASE WHEN raw IS NOT NULL THEN lower(hex(raw)) END, big, note";
}

/// What is in the table, spelled alike by all.
pub fn seen<K: Typed>(trial: &K) -> Vec<String> {
    let query = format!("SELECT {} FROM t WHERE id > 0 ORDER BY id", K::SEEN);
    trial.rows(&query)
}

/// Fills the table.
pub fn filled<K: Typed>(trial: &K) {
    let raw = [K::bytes("00ff27"), K::bytes("")];
    trial.sql(&format!(
        "INSERT INTO t VALUES
         (1, 'Ann', 1234567890.12, 0.1, true, '1969-12-31', '1066-10-14 12:00:00.000001', '2024-02-29 12:00:00.999999',
          '23:59:59.999999', {}, '12345678901234567890123456789012345678901234567890.5', 'a \"quoted\" one\\, 2 lines'),
         (2, 'Bo', -0.05, -2.5, false, '9999-12-31', '9999-12-31 23:59:59.999999', '1970-01-02 00:00:00.000001',
          '00:00:00.000001', {}, '0', ''),
         (9007199254740993, 'größer', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        raw[0], raw[1]
    ));
}

const RULE: &str = "- column: name\n  masks: [{type: hash}]";

fn every_type_goes<F: Typed, T: Typed>() {
    let Some(from) = F::try_new() else { return };
    let Some(to) = T::try_new() else { return };
    from.sql(&format!("CREATE TABLE t ({})", F::COLUMNS));
    to.sql(&format!("CREATE TABLE t ({})", T::COLUMNS));
    filled(&from);
    copied(&from, &to, "error", "workers: 2", &task("t", "", RULE));
    from.run().expect(0);
    let (before, after) = (seen(&from), seen(&to));
    // A price without a value is printed as one.
    let plain = |rows: &[String]| -> Vec<String> {
        rows.iter()
            .map(|row| row.replace("|0.00|~", "|~|~"))
            .collect()
    };
    assert_eq!(plain(&after), plain(&before));
    let names = "SELECT count(*) FROM t WHERE length(name) = 32 AND name <> 'Ann'";
    assert_eq!(to.one(names), "3");
    assert_eq!([from.leftovers(), to.leftovers()].concat(), [""; 0]);
    // More rows, masked otherwise, in place of those.
    copied(&from, &to, "overwrite", "max_rows: 2", &task("t", "", RULE));
    from.run().expect(0);
    assert_eq!(to.one("SELECT count(*) FROM t"), "2");
}

/// A pair of types that cannot be carried is refused before a row moves.
fn lossy_pairs_are_refused<F: Typed, T: Typed>() {
    let Some(from) = F::try_new() else { return };
    let Some(to) = T::try_new() else { return };
    from.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), at timestamp NULL)");
    to.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), at date)");
    copied(&from, &to, "error", "", &task("t", "", RULE));
    let ended = from.run().expect(2);
    for part in ["V1212", "`at`", "timestamp", "date"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn postgres_to_mariadb() {
    every_type_goes::<Postgres, Mariadb>();
    lossy_pairs_are_refused::<Postgres, Mariadb>();
}

#[test]
fn postgres_to_sqlite() {
    every_type_goes::<Postgres, Sqlite>();
}

#[test]
fn mariadb_to_postgres() {
    every_type_goes::<Mariadb, Postgres>();
    lossy_pairs_are_refused::<Mariadb, Postgres>();
}

#[test]
fn mariadb_to_sqlite() {
    every_type_goes::<Mariadb, Sqlite>();
}

#[test]
fn sqlite_to_postgres() {
    every_type_goes::<Sqlite, Postgres>();
}

#[test]
fn sqlite_to_mariadb() {
    every_type_goes::<Sqlite, Mariadb>();
}

/// What the other has no form for fails the copy, and no row comes in.
#[test]
fn values_without_a_form_there_fail_the_copy() {
    let (Some(mariadb), Some(postgres)) = (Mariadb::try_new(), Postgres::try_new()) else {
        return;
    };
    let sqlite = Sqlite::new();
    mariadb.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), born date); INSERT INTO t VALUES (1, 'Ann', '0000-00-00')");
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), born date)");
    sqlite.sql("CREATE TABLE t (id int PRIMARY KEY, name varchar(40), born date)");
    copied(&mariadb, &postgres, "error", "", &task("t", "", RULE));
    let ended = mariadb.run().expect(1);
    assert!(
        ended.stderr.contains("`born`") && !ended.stderr.contains("0000"),
        "{}",
        ended.stderr
    );
    assert_eq!(postgres.one("SELECT count(*) FROM t"), "0");
    assert_eq!(postgres.leftovers(), [""; 0]);
    // A text spells what no type has.
    copied(&mariadb, &sqlite, "error", "", &task("t", "", RULE));
    mariadb.run().expect(0);
    assert_eq!(sqlite.one("SELECT born FROM t"), "0000-00-00");
    postgres.sql("INSERT INTO t VALUES (1, 'Ann', '-infinity')");
    mariadb.sql("DELETE FROM t");
    copied(&postgres, &mariadb, "error", "", &task("t", "", RULE));
    let ended = postgres.run().expect(1);
    assert!(ended.stderr.contains("`born`"), "{}", ended.stderr);
    assert_eq!(mariadb.one("SELECT count(*) FROM t"), "0");
    assert_eq!(mariadb.leftovers(), [""; 0]);
}
