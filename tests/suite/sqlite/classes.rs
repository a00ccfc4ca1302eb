//! Values of every storage class in columns of every declared type.

use super::Trial;
use crate::databases::{Kind, STRATEGIES};

/// Declared types, what they hold here, and what a mask that hides everything makes of the classes.
pub(super) const COLUMNS: [(&str, &[&str]); 14] = [
    (
        "INTEGER",
        &["1", "-9223372036854775808", "9223372036854775807", "0"],
    ),
    ("INT", &["1", "'N/A'", "2.5", "x'6162'"]),
    ("BIGINT", &["3", "4.5"]),
    (
        "TEXT",
        &[
            "'a'",
            "''",
            "'12'",
            "x'6364'",
            "'nul' || char(0) || 'in it'",
            "'Zoë 😀'",
        ],
    ),
    ("VARCHAR(3)", &["'longer than three'", "'x'"]),
    (
        "REAL",
        &["1", "1.5", "-0.0", "9e999", "-9e999", "1e-300", "0.1"],
    ),
    ("DOUBLE", &["1.0", "'text'", "3"]),
    ("DECIMAL(10,2)", &["12", "12.5", "'12.50'", "1e20"]),
    ("NUMERIC", &["9007199254740993", "0.5"]),
    ("DATE", &["'2020-02-29'", "20200229", "2459000.5"]),
    ("BOOLEAN", &["0", "1", "'true'"]),
    ("BLOB", &["x'00ff'", "x''"]),
    ("", &["1", "1.0", "'1'", "x'31'", "-5", "0.25"]),
    ("ANY", &["'abc'", "7"]),
];

pub(super) fn made(column: &str, values: &[&str]) -> String {
    let rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(n, value)| format!("({n}, {value})"))
        .collect();
    format!(
        "DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, v {column});
         INSERT INTO t VALUES {}, (100, NULL)",
        rows.join(", ")
    )
}

pub(super) const EXACT: &str = "SELECT id, typeof(v), hex(v), v FROM t ORDER BY id";

/// What a mask leaves as it is stays the same value of the same class.
#[test]
fn left_alone() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        for (column, values) in COLUMNS {
            for rules in [
                "- column: v\n  masks: [{type: do_nothing}]",
                "- column: v\n  skip: []\n  masks: [{type: do_nothing}]",
            ] {
                trial.sql(&made(column, values));
                let before = trial.rows(EXACT);
                trial.mask(&format!("strategy: {strategy}"), "t", rules);
                assert_eq!(trial.rows(EXACT), before, "{strategy} {column}");
            }
        }
    }
}

/// Every value is masked, whatever its class, and keeps it where the masked one can be of it.
#[test]
fn masked() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        let options = format!("strategy: {strategy}");
        let masked = |column: &str, values: &[&str], mask: &str| {
            trial.sql(&made(column, values));
            trial.mask(&options, "t", &format!("- column: v\n  masks: [{mask}]"));
            trial.rows("SELECT typeof(v), v FROM t ORDER BY id")
        };
        let fixed = "{type: from_fixed, value: '7'}";
        for (column, values, classes) in [
            (
                "INT",
                &["1", "'N/A'", "2.5", "x'6162'"][..],
                ["integer|7", "integer|7", "integer|7", "blob|[37]", "~"],
            ),
            (
                "",
                &["1", "'1'", "0.5", "x'31'"],
                ["integer|7", "text|7", "real|7.0", "blob|[37]", "~"],
            ),
            (
                "TEXT",
                &["'a'", "x'62'", "''", "'c'"],
                ["text|7", "blob|[37]", "text|7", "text|7", "~"],
            ),
            (
                "REAL",
                &["1", "2.5", "9e999", "-0.0"],
                ["real|7.0", "real|7.0", "real|7.0", "real|7.0", "~"],
            ),
            (
                "INTEGER",
                &["1", "2", "3", "4"],
                ["integer|7", "integer|7", "integer|7", "integer|7", "~"],
            ),
        ] {
            let found = masked(column, values, fixed);
            let expected: Vec<String> = classes.map(|class| class.replace('~', &found[4])).to_vec();
            assert_eq!(found, expected, "{strategy} {column}");
        }
        // A number stays a number, of as many digits.
        let numbers = masked(
            "INTEGER",
            &["1234567", "-98765"],
            "{type: imitate, force_change: true}",
        );
        assert!(
            numbers[0].starts_with("integer|") && numbers[0].len() == 15,
            "{numbers:?}"
        );
        assert!(
            numbers[1].starts_with("integer|-") && numbers[1].len() == 14,
            "{numbers:?}"
        );
        // Integers and reals of a decimal column are one kind of number.
        let decimals = masked(
            "DECIMAL(9,2)",
            &["12", "12.5"],
            "{type: from_random_number, min: 40, max: 90, decimal_places: 2}",
        );
        assert!(
            decimals[..2]
                .iter()
                .all(|value| value.starts_with("real|") || value.starts_with("integer|")),
            "{decimals:?}"
        );
        assert_eq!(
            masked("NUMERIC", &["12", "12.5"], "{type: from_fixed, value: 40}")[..2],
            ["integer|40"; 2]
        );
    }
}

/// What no mask can be shown stops the unit, and is not told.
#[test]
fn text_that_is_none() {
    let trial = Trial::new();
    for strategy in STRATEGIES {
        for (values, problem) in [
            ("CAST(x'736563726574ff' AS TEXT)", "no UTF-8"),
            ("x'736563726574ff'", "spells no text"),
        ] {
            trial.sql(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, kept TEXT);
                 INSERT INTO t VALUES (1, 'a', {values}), (2, {values}, 'b')"
            ));
            let before = trial.rows("SELECT id, hex(v), hex(kept) FROM t");
            trial.pipeline(
                &format!("strategy: {strategy}"),
                &crate::databases::task("t", "", "- column: v\n  masks: [{type: hash}]"),
            );
            let ended = trial.run().expect(1);
            assert!(
                ended.stderr.contains("column `v`") && ended.stderr.contains(problem),
                "{}",
                ended.stderr
            );
            assert!(!ended.stderr.contains("secret") && !ended.stdout.contains("secret"));
            assert_eq!(trial.rows("SELECT id, hex(v), hex(kept) FROM t"), before);
            // In a column that nobody asks for it is no matter.
            trial.sql("DELETE FROM t WHERE id = 2");
            trial.mask(
                &format!("strategy: {strategy}"),
                "t",
                "- column: v\n  masks: [{type: hash}]",
            );
            assert_eq!(
                trial.rows("SELECT hex(kept) FROM t"),
                [before[0].rsplit('|').next().unwrap()]
            );
        }
    }
}

/// Tables that keep to their types, and text in UTF-16.
#[test]
fn strict_tables_and_other_encodings() {
    for (encoding, strict) in [
        ("UTF-8", " STRICT"),
        ("UTF-16le", ""),
        ("UTF-16be", " STRICT, WITHOUT ROWID"),
    ] {
        for strategy in STRATEGIES {
            let trial = Trial::new();
            std::fs::remove_file(trial.path()).unwrap();
            trial.sql(&format!(
                "PRAGMA encoding = '{encoding}'; CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT, n INT, r REAL, b BLOB, kept TEXT){strict};
                 INSERT INTO t VALUES ('ä1', 'Zoë 😀', 5, 1.5, x'00', 'ü'), ('ä2', NULL, NULL, NULL, NULL, NULL)"
            ));
            let dump = trial.dump();
            trial.mask(
                &format!("strategy: {strategy}"),
                "t",
                "- column: v\n  masks: [{type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '→'}]}]\n\
                 - columns: [n, r]\n  masks: [{type: from_fixed, value: 9}]",
            );
            assert_eq!(
                trial.rows("SELECT id, v, typeof(n), n, typeof(r), r, b, kept FROM t ORDER BY id")
                    [0],
                "ä1|Zoë 😀→|integer|9|real|9.0|[00]|ü",
                "{encoding} {strategy}"
            );
            assert_eq!(trial.dump(), dump);
        }
    }
}
