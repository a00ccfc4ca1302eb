//! Types, cell by cell: a value comes back as it went, or is refused by the name of its type, or stops its unit.

use super::Over;
use super::trial::Driven;
use super::trial::units;
use crate::databases::{Kind, task};
use crate::{mariadb, postgres, sqlite};

/// A value that comes back as it went.
const KEPT: &str = "kept";
/// A type that is not known.
const REFUSED: &str = "refused";
/// A value that cannot be read exactly.
const STOPPED: &str = "stopped";

/// Reads and writes each value of a column unchanged, beside one that a mask changes.
fn cells<T: Driven>(cells: &[(&str, &str, &str)]) {
    let Some(trial) = Over::<T>::new() else {
        return;
    };
    let rules = "- column: v\n  skip: []\n  masks: [{type: do_nothing}]\n- column: m\n  masks: [{type: from_fixed, value: x}]";
    for (sql_type, value, expected) in cells {
        let what = format!("{sql_type}: {value}");
        trial.sql(&format!(
            "DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS b; CREATE TABLE t (id int PRIMARY KEY, v {sql_type}, m varchar(9));
             INSERT INTO t VALUES (1, {value}, 'a'), (2, NULL, 'b'); CREATE TABLE b AS SELECT * FROM t"
        ));
        let before = trial.rows("SELECT id, v FROM t ORDER BY id");
        trial.pipeline("strategy: update", &task("t", "", rules));
        let (code, masked) = match *expected {
            KEPT => (0, "2"),
            REFUSED => (2, "0"),
            _ => (1, "0"),
        };
        let ended = trial.run();
        assert_eq!(ended.code, Some(code), "{what}: {}", ended.stderr);
        assert_eq!(
            trial.one("SELECT count(*) FROM t WHERE m = 'x'"),
            masked,
            "{what}"
        );
        assert_eq!(
            trial.rows("SELECT id, v FROM t ORDER BY id"),
            before,
            "{what}"
        );
        if *expected == REFUSED {
            assert!(
                ended.stderr.contains("V1004") && ended.stderr.contains("`v`"),
                "{what}: {}",
                ended.stderr
            );
        }
        if *expected == STOPPED {
            assert!(
                ended.stderr.contains("column `v`"),
                "{what}: {}",
                ended.stderr
            );
            let plain = value.trim_matches('\'');
            assert!(
                plain.len() < 5 || !ended.stderr.contains(plain),
                "{what}: {}",
                ended.stderr
            );
        }
        // What is not named is not read, whatever it is.
        let other = "- column: m\n  masks: [{type: from_fixed, value: y}]";
        trial.sql("DROP TABLE IF EXISTS b");
        for left in units(&trial) {
            trial.sql(&format!("DROP TABLE {left}"));
        }
        trial.mask("strategy: update", "t", other);
        assert_eq!(
            trial.rows("SELECT id, v FROM t ORDER BY id"),
            before,
            "{what}"
        );
    }
}

#[test]
fn types_of_postgresql() {
    let long = format!("'{}'", "lang und äöü 😀 ".repeat(3000));
    cells::<postgres::Trial>(&[
        ("boolean", "true", KEPT),
        ("boolean", "false", KEPT),
        ("smallint", "-32768", KEPT),
        ("integer", "2147483647", KEPT),
        ("bigint", "-9223372036854775808", KEPT),
        ("bigint", "9223372036854775807", KEPT),
        ("real", "0.1", KEPT),
        ("double precision", "0.1", KEPT),
        ("double precision", "1e300", KEPT),
        ("numeric(10,2)", "12345678.90", KEPT),
        (
            "numeric(38,10)",
            "1234567890123456789012345678.0123456789",
            KEPT,
        ),
        (
            "numeric",
            "1234567890123456789012345678901234567890.5",
            KEPT,
        ),
        ("numeric(10,2)", "'NaN'", STOPPED),
        ("text", "''", KEPT),
        ("text", "'it''s \"quoted\"\\, ? and äöü 😀'", KEPT),
        ("text", &long, KEPT),
        ("varchar", "'open'", KEPT),
        ("varchar(40)", "'mit Grüßen 😀'", KEPT),
        ("char(9)", "'pad'", KEPT),
        ("bytea", "'\\x00ff10'::bytea", KEPT),
        ("date", "'1969-12-31'", KEPT),
        ("date", "'0001-01-01'", KEPT),
        ("date", "'9999-12-31'", KEPT),
        ("date", "'infinity'", STOPPED),
        ("date", "'0044-03-15 BC'", STOPPED),
        ("time", "'23:59:59.999999'", KEPT),
        ("timestamp", "'1960-02-29 12:34:56.123456'", KEPT),
        ("timestamp", "'-infinity'", STOPPED),
        ("timestamptz", "'1960-02-29 12:34:56.5+05'", KEPT),
        ("uuid", "'6f1f7e0a-0b0a-4b0a-8b0a-0123456789ab'", KEPT),
        ("json", "'{\"a\": [1, 2]}'", KEPT),
        ("jsonb", "'{\"a\": [1, 2]}'", KEPT),
        ("int[]", "'{1,NULL,3}'", KEPT),
        ("int4range", "'[1,5)'", KEPT),
        ("interval", "'1 year 2 days 03:04:05'", KEPT),
        ("inet", "'10.0.0.1'", KEPT),
        ("timetz", "'12:00:00+05'", KEPT),
    ]);
}

#[test]
fn types_of_mariadb() {
    let long = format!("'{}'", "lang und äöü 😀 ".repeat(3000));
    cells::<mariadb::Trial>(&[
        ("boolean", "1", KEPT),
        ("tinyint", "-128", KEPT),
        ("tinyint unsigned", "255", KEPT),
        ("smallint unsigned", "65535", KEPT),
        ("int unsigned", "4294967295", KEPT),
        ("bigint", "-9223372036854775808", KEPT),
        ("bigint unsigned", "18446744073709551615", KEPT),
        ("double", "0.1", KEPT),
        ("decimal(10,2)", "12345678.90", KEPT),
        (
            "decimal(38,10)",
            "1234567890123456789012345678.0123456789",
            KEPT,
        ),
        (
            "decimal(65,0)",
            "12345678901234567890123456789012345678901234567890",
            REFUSED,
        ),
        ("text", "''", KEPT),
        ("text", "'it''s \"quoted\"\\, ? and äöü 😀'", KEPT),
        ("mediumtext", &long, KEPT),
        ("varchar(40)", "'mit Grüßen 😀'", KEPT),
        ("char(9)", "'pad'", KEPT),
        ("varbinary(9)", "X'00ff10'", KEPT),
        ("blob", "X'00ff10'", KEPT),
        ("date", "'1969-12-31'", KEPT),
        ("date", "'9999-12-31'", KEPT),
        ("time", "'23:59:59'", KEPT),
        ("datetime", "'1960-02-29 12:34:56'", KEPT),
        ("datetime(6)", "'1960-02-29 12:34:56.123456'", KEPT),
        ("timestamp NULL", "'2001-02-03 04:05:06'", KEPT),
        ("year", "2001", KEPT),
        ("json", "'{\"a\": [1, 2]}'", KEPT),
        ("enum('a','b')", "'b'", KEPT),
        ("set('a','b')", "'a,b'", KEPT),
        ("bit(5)", "b'101'", REFUSED),
        ("uuid", "'6f1f7e0a-0b0a-4b0a-8b0a-0123456789ab'", REFUSED),
        ("date", "'0000-00-00'", STOPPED),
        ("time", "'838:59:59'", STOPPED),
    ]);
}

#[test]
fn types_of_sqlite() {
    let long = format!("'{}'", "lang und äöü 😀 ".repeat(3000));
    cells::<sqlite::Trial>(&[
        ("INTEGER", "-9223372036854775808", KEPT),
        ("INT", "7", KEPT),
        ("TEXT", "'it''s \"quoted\"\\, ? and äöü 😀'", KEPT),
        ("TEXT", "''", KEPT),
        ("TEXT", &long, KEPT),
        ("VARCHAR(3)", "'longer than that'", KEPT),
        ("DATE", "'2001-02-03'", KEPT),
        ("DATETIME", "'no date at all'", KEPT),
        ("REAL", "0.1", REFUSED),
        ("BLOB", "X'00ff10'", REFUSED),
        // Of another class than they declare.
        ("INTEGER", "'words'", STOPPED),
        ("TEXT", "X'00ff10'", STOPPED),
        ("DATE", "2001", STOPPED),
    ]);
}
