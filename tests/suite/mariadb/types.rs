//! Values of every type, at the ends of what each takes: left alone, kept where Arrow has none such, and set.

use super::trial::{Kind, STRATEGIES, Trial};

/// A column of each type, by name, type and values; a null comes with each.
pub(super) const TYPES: &[(&str, &str, &[&str])] = &[
    ("ti", "tinyint", &["-128", "127"]),
    ("tu", "tinyint unsigned", &["0", "255"]),
    ("si", "smallint", &["-32768", "32767"]),
    ("su", "smallint unsigned zerofill", &["0", "65535"]),
    ("mi", "mediumint", &["-8388608", "8388607"]),
    ("mu", "mediumint unsigned", &["0", "16777215"]),
    ("ii", "int", &["-2147483648", "2147483647"]),
    ("iu", "int unsigned", &["0", "4294967295"]),
    (
        "bi",
        "bigint",
        &["-9223372036854775808", "9223372036854775807"],
    ),
    ("bu", "bigint unsigned", &["0", "18446744073709551615"]),
    ("bo", "boolean", &["TRUE", "FALSE"]),
    ("b1", "bit(1)", &["b'0'", "b'1'"]),
    ("b64", "bit(64)", &["b'0'", "18446744073709551615"]),
    ("y", "year", &["0000", "1901", "2155"]),
    ("f", "float", &["0.1", "-3.4e38", "1e-38", "16777217"]),
    (
        "d",
        "double",
        &[
            "0.1",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "-0.0",
        ],
    ),
    (
        "n",
        "decimal(38,10)",
        &["9999999999999999999999999999.9999999999", "-0.0000000001"],
    ),
    ("nu", "decimal(5,0) unsigned", &["0", "99999"]),
    (
        "nn",
        "decimal(65,30)",
        &[
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-1e-30",
        ],
    ),
    (
        "dt",
        "date",
        &[
            "'0000-00-00'",
            "'2020-00-00'",
            "'2020-02-00'",
            "'2021-02-31'",
            "'1000-01-01'",
            "'9999-12-31'",
            "'1969-12-31'",
        ],
    ),
    (
        "tm",
        "time(6)",
        &[
            "'-838:59:59'",
            "'838:59:59.999999'",
            "'24:00:00'",
            "'-00:00:00.000001'",
            "'23:59:59.999999'",
            "0",
        ],
    ),
    ("t0", "time", &["'12:34:56'"]),
    (
        "dm",
        "datetime(6)",
        &[
            "'0000-00-00'",
            "'2020-00-00 01:02:03'",
            "'0001-01-01 00:00:00'",
            "'9999-12-31 23:59:59.999999'",
            "'1969-12-31 23:59:59.999999'",
        ],
    ),
    ("d0", "datetime", &["'2000-02-29 23:59:59'"]),
    (
        "ts",
        "timestamp(6) NULL",
        &[
            "'0000-00-00 00:00:00'",
            "'1970-01-01 00:00:01.000001'",
            "'2038-01-19 03:14:07.999999'",
        ],
    ),
    ("c", "char(10)", &["''", "'a  '", "'äöü'"]),
    (
        "vc",
        "varchar(60)",
        &[
            "''",
            "'a  '",
            "'tab\\t line\\n back\\\\ nul\\0 quote'''",
            "'😀'",
        ],
    ),
    ("l1", "varchar(20) CHARACTER SET latin1", &["'äöüß€'"]),
    ("u3", "varchar(20) CHARACTER SET utf8mb3", &["'漢字'"]),
    ("u16", "varchar(20) CHARACTER SET utf16", &["'漢字😀'"]),
    ("cb", "varchar(20) COLLATE utf8mb4_bin", &["'aA'"]),
    ("tx", "text", &["''", "REPEAT('lång ', 3000)"]),
    ("lt", "longtext", &["REPEAT('x', 300000)"]),
    (
        "e",
        "enum('', 'ok', 'it''s', '2', '3')",
        &["''", "'it''s'", "'2'"],
    ),
    ("s", "set('a', 'b', 'c d')", &["''", "'a,c d'"]),
    ("j", "json", &["'{\"a\": [1, null]}'", "'null'"]),
    ("bn", "binary(4)", &["X'00'", "X'ff00ff0a'"]),
    ("vb", "varbinary(20)", &["''", "X'005c0927090a27ff'"]),
    ("bb", "blob", &["X'005c0927090a27ff'"]),
    ("lb", "longblob", &["REPEAT(X'00ff', 100000)"]),
    (
        "g",
        "geometry",
        &["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"],
    ),
    ("pt", "point", &["POINT(1, -2.5)"]),
    ("uu", "uuid", &["'123e4567-e89b-12d3-a456-426655440000'"]),
    ("i4", "inet4", &["'1.2.3.4'"]),
    ("i6", "inet6", &["'::'", "'2001:db8::ff00:42:8329'"]),
];

/// A table with all of them: a row for each place in the lists of values, and one of nulls.
pub(super) fn made(trial: &Trial) {
    let columns: Vec<String> = TYPES
        .iter()
        .map(|(name, kind, _)| format!("{name} {kind}"))
        .collect();
    trial.sql(&format!(
        "DROP TABLE IF EXISTS t, was; CREATE TABLE t (id int PRIMARY KEY, {})",
        columns.join(", ")
    ));
    for row in 0..8 {
        let values = TYPES.iter().map(|(.., values)| match row {
            7 => "NULL",
            row => values[row % values.len()],
        });
        let values: Vec<&str> = values.collect();
        trial.sql(&format!(
            "INSERT INTO t VALUES ({row}, {})",
            values.join(", ")
        ));
    }
    trial.sql("CREATE TABLE was AS SELECT * FROM t");
}

/// Every bit of a row.
pub(super) fn seen(trial: &Trial, table: &str) -> Vec<String> {
    let columns: Vec<String> = TYPES
        .iter()
        .map(|(name, kind, _)| match *kind {
            // The text of a float has fewer digits than it.
            "float" => format!("HEX({name} * 1e0), {name} * 1e0"),
            "geometry" | "point" => format!("HEX({name}), ST_AsText({name})"),
            kind if kind.contains("zerofill") => name.to_string(),
            _ => format!("HEX({name}), CAST({name} AS CHAR)"),
        })
        .collect();
    trial.rows(&format!(
        "SELECT id, {} FROM {table} ORDER BY id",
        columns.join(", ")
    ))
}

#[test]
fn values_that_a_mask_leaves_alone_stay() {
    let Some(trial) = Trial::new() else { return };
    values_stay(&trial);
}

#[test]
fn values_that_a_mask_leaves_alone_stay_without_files() {
    let Some(trial) = Trial::without_files() else {
        return;
    };
    values_stay(&trial);
}

fn values_stay(trial: &Trial) {
    let names: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).collect();
    let rule = format!(
        "- columns: [{}]\n  masks: [{{type: do_nothing}}]",
        names.join(", ")
    );
    for strategy in STRATEGIES {
        made(trial);
        let report = trial.mask(&format!("strategy: {strategy}\nbatch_size: 3"), "t", &rule);
        assert_eq!(report["rows"], 8);
        for (before, after) in seen(trial, "was").iter().zip(seen(trial, "t")) {
            assert_eq!(*before, after, "{strategy}");
        }
        assert_eq!(trial.leftovers(), [""; 0]);
    }
}

/// What Arrow has not is null to masks; one that sets a value wins.
#[test]
fn values_that_a_mask_sets() {
    let Some(trial) = Trial::new() else { return };
    let rules = "- columns: [dt]\n  masks: [{type: from_fixed, value: '2001-02-03'}]\n\
                 - columns: [dm, ts]\n  masks: [{type: from_fixed, value: '2001-02-03T04:05:06.000007'}]\n\
                 - columns: [tm]\n  masks: [{type: from_fixed, value: '04:05:06'}]\n\
                 - columns: [ti, bu, b64, y, f, n, nn]\n  masks: [{type: from_fixed, value: 99}]\n  if: []\n\
                 - columns: [l1, u16, e]\n  masks: [{type: from_fixed, value: ok}]\n\
                 - columns: [vb]\n  masks: [{type: from_fixed, value: \"it's\"}]";
    let rules = rules.replace("\n  if: []", "").replace(", y,", ",");
    for strategy in STRATEGIES {
        made(&trial);
        trial.mask(&format!("strategy: {strategy}"), "t", &rules);
        let set = trial.rows(
            "SELECT DISTINCT dt, dm, ts, tm, ti, bu, b64 + 0, f, n, nn, l1, u16, e, vb FROM t",
        );
        assert_eq!(
            set,
            [
                "2001-02-03|2001-02-03 04:05:06.000007|2001-02-03 04:05:06.000007|04:05:06.000000|99|99|99|99|\
              99.0000000000|99.000000000000000000000000000000|ok|ok|ok|it's"
            ],
            "{strategy}"
        );
    }
}

/// Keys of every type find their rows again.
#[test]
fn every_kind_of_key() {
    let Some(trial) = Trial::new() else { return };
    for (kind, value) in [
        ("bigint unsigned", "18446744073709551615 - n"),
        ("int", "CAST(n AS SIGNED) - 150"),
        ("decimal(40,5)", "n / 7"),
        ("double", "n / 7"),
        ("float", "n / 7"),
        ("date", "DATE '1999-01-01' + INTERVAL n DAY"),
        (
            "datetime(6)",
            "TIMESTAMP '1960-01-01 00:00:00' + INTERVAL n SECOND + INTERVAL n MICROSECOND",
        ),
        (
            "timestamp(6)",
            "TIMESTAMP '2000-01-01 00:00:00' + INTERVAL n SECOND",
        ),
        ("time(3)", "SEC_TO_TIME(CAST(n AS SIGNED) * 1000 - 150000)"),
        ("year", "IF(n = 1, 0, 1901 + n MOD 250)"),
        (
            "varchar(30)",
            "CONCAT(CASE n MOD 3 WHEN 0 THEN 'K\\\\' WHEN 1 THEN 'ä' ELSE '' END, n)",
        ),
        (
            "char(9) CHARACTER SET latin1 COLLATE latin1_german2_ci",
            "CONCAT(CHAR(97 + n MOD 26), n)",
        ),
        ("varbinary(30)", "UNHEX(MD5(n))"),
        ("bit(12)", "n"),
        ("enum('b','a','c')", "1 + n MOD 3"),
        (
            "uuid",
            "CAST(CONCAT(LEFT(MD5(n), 8), '-0000-1000-8000-', LPAD(n, 12, '0')) AS uuid)",
        ),
        ("inet6", "CAST(CONCAT('2001:db8::', HEX(n)) AS inet6)"),
    ] {
        for strategy in STRATEGIES {
            trial.sql(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (a {kind} NOT NULL, b int NOT NULL, n int, v varchar(50), PRIMARY KEY (a, b));
                 INSERT INTO t SELECT {value}, seq DIV 200, seq, CONCAT('v', seq) FROM
                     (SELECT seq, seq AS n FROM seq_1_to_300 WHERE {few} = 0 OR seq < 4) x",
                few = u8::from(kind.starts_with("enum")),
            ));
            let report = trial.mask(
                &format!("strategy: {strategy}\nbatch_size: 37\nworkers: 3"),
                "t",
                "- column: v\n  masks: [{type: concat, masks: [{type: from_fixed, value: 'of '}, {type: do_nothing}]}]",
            );
            let found = trial.one("SELECT COUNT(*) FROM t WHERE v = CONCAT('of v', n)");
            assert_eq!(
                found,
                trial.one("SELECT COUNT(*) FROM t"),
                "{strategy} {kind}"
            );
            let units = if kind.starts_with("enum")
                || ["bit(12)", "float", "uuid", "inet6"].contains(&kind)
            {
                1
            } else {
                9
            };
            if strategy == "update" {
                assert_eq!(report["units"], units, "{kind}");
            }
            assert_eq!(trial.leftovers(), [""; 0], "{strategy} {kind}");
        }
    }
}
