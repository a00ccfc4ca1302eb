//! SQL types with values that are hard to carry.

use visard_connectors::postgres::WireType;

/// The types that [`typed`] names.
pub(super) const TYPED_TYPES: &str = "
    CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
    CREATE TYPE mood AS ENUM ('so so', 'happy, \"very\"');
    CREATE DOMAIN price AS numeric(10,2);
    CREATE DOMAIN small_price AS price CHECK (VALUE < 1000);
    CREATE DOMAIN label AS varchar(10);
    CREATE DOMAIN good_mood AS mood CHECK (VALUE <> 'so so');
";

/// Types with a typed form, and values that others lose.
pub(super) fn typed() -> Vec<(&'static str, WireType, Vec<&'static str>)> {
    const DATES: [&str; 8] = [
        "'2024-02-29'",
        "'1969-12-31'",
        "'1582-10-10'",
        "'0001-01-01'",
        "'0001-12-31 BC'",
        "'9999-12-31'",
        "'infinity'",
        "'-infinity'",
    ];
    const FLOATS: [&str; 9] = [
        "0",
        "'-0'",
        "1.1",
        "-1e-5",
        "3.4028235e38",
        "1e-45",
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
    ];
    const TEXTS: [&str; 8] = [
        "''",
        "' '",
        "'twelve bytes'",
        "'thirteen byte'",
        "'né 東京 🦀'",
        r"E'a\tb\nc\\d\r\x01'",
        r"'\N'",
        "repeat('0123456789abcdef', 65536)",
    ];
    let with = |values: &[&'static str], more: &[&'static str]| [values, more].concat();
    vec![
        ("boolean", WireType::Bool, vec!["true", "false"]),
        ("smallint", WireType::Int2, vec!["0", "-32768", "32767"]),
        (
            "integer",
            WireType::Int4,
            vec!["0", "-2147483648", "2147483647"],
        ),
        (
            "bigint",
            WireType::Int8,
            vec!["0", "-9223372036854775808", "9223372036854775807"],
        ),
        ("oid", WireType::Oid, vec!["0", "4294967295"]),
        ("real", WireType::Float4, FLOATS.to_vec()),
        (
            "double precision",
            WireType::Float8,
            with(&FLOATS, &["1e308", "5e-324", "0.1"]),
        ),
        (
            "numeric(10,2)",
            decimal(10, 2),
            vec![
                "0",
                "0.01",
                "-0.10",
                "1",
                "10000",
                "12345678.90",
                "-99999999.99",
                "'NaN'",
            ],
        ),
        (
            "numeric(38)",
            decimal(38, 0),
            vec![
                "0",
                "99999999999999999999999999999999999999",
                "-10000000000000000",
            ],
        ),
        (
            "numeric(38,2)",
            decimal(38, 2),
            vec![
                "999999999999999999999999999999999999.99",
                "100000000",
                "0.05",
            ],
        ),
        (
            "numeric(38,38)",
            decimal(38, 38),
            vec!["0.99999999999999999999999999999999999999", "-1e-38", "0"],
        ),
        (
            "numeric(5,5)",
            decimal(5, 5),
            vec!["0.00001", "0.12345", "0.10000", "0"],
        ),
        (
            "numeric",
            WireType::Numeric,
            vec![
                "0",
                "0.000",
                "'-0'",
                "1234567890123456789012345678901234567890.0123456789",
                "-0.00010000",
                "1e-100",
                "10000",
                "100000000",
                "1e131071",
                "1e-16383",
                "'NaN'",
                "'Infinity'",
                "'-Infinity'",
            ],
        ),
        (
            "numeric(39,1)",
            WireType::Numeric,
            vec!["12345678901234567890123456789012345678.9"],
        ),
        (
            "numeric(3,-2)",
            WireType::Numeric,
            vec!["12345", "-99900", "0"],
        ),
        (
            "numeric(3,5)",
            WireType::Numeric,
            vec!["0.00123", "0.00999", "0"],
        ),
        ("text", WireType::Text, TEXTS.to_vec()),
        ("varchar", WireType::Text, TEXTS.to_vec()),
        (
            "varchar(10)",
            WireType::Text,
            vec!["''", "'ab  '", "'0123456789'"],
        ),
        (
            "char(5)",
            WireType::Text,
            vec!["''", "'ab'", "'abcde'", "'é'"],
        ),
        ("name", WireType::Text, vec!["''", "'a \"quoted\" name'"]),
        (
            "\"char\"",
            WireType::Char,
            vec!["'a'", "''", "' '", r"'\'", r"E'\x01'", r"E'\x7f'"],
        ),
        (
            "json",
            WireType::Text,
            vec![r#"'{"a" : 1,  "a": null}'"#, "'null'", "'\"\"'", "'1e400'"],
        ),
        (
            "jsonb",
            WireType::Jsonb,
            vec![
                r#"'{"b": [1, 2.50, null], "a": "é\u0001"}'"#,
                "'null'",
                "'\"\"'",
                "'1e400'",
            ],
        ),
        (
            "xml",
            WireType::Text,
            vec![
                "'<a b=\"1\">é</a>'",
                "'text only'",
                "''",
                "'<?xml version=\"1.0\"?><a/>'",
            ],
        ),
        ("citext", WireType::Text, vec!["'MiXeD'", "''"]),
        (
            "uuid",
            WireType::Uuid,
            vec![
                "'00000000-0000-0000-0000-000000000000'",
                "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
            ],
        ),
        (
            "bytea",
            WireType::Bytea,
            vec![
                r"''",
                r"'\x00'",
                r"'\xdeadbeef'",
                "decode(repeat('00ff', 600000), 'hex')",
            ],
        ),
        (
            "date",
            WireType::Date,
            with(&DATES, &["'4714-11-24 BC'", "'5874897-12-31'"]),
        ),
        (
            "time",
            WireType::Time,
            vec!["'00:00'", "'24:00:00'", "'23:59:59.999999'", "'12:00:00.5'"],
        ),
        ("time(0)", WireType::Time, vec!["'23:59:59.4'"]),
        (
            "timestamp",
            WireType::Timestamp,
            with(
                &DATES,
                &[
                    "'1969-12-31 23:59:59.999999'",
                    "'4714-11-24 00:00:00 BC'",
                    "'294246-12-31 23:59:59.999999'",
                    "'294247-01-10 04:00:54.775806'",
                ],
            ),
        ),
        (
            "timestamptz",
            WireType::TimestampTz,
            with(
                &DATES,
                &[
                    "'1969-12-31 23:59:59.999999+00'",
                    "'1945-06-01 12:00:00 Asia/Kolkata'",
                    "'4714-11-24 00:00:00+00 BC'",
                    "'294246-12-31 23:59:59.999999+00'",
                ],
            ),
        ),
        (
            "timestamp(3)",
            WireType::Timestamp,
            vec!["'2024-02-29 12:00:00.123456'"],
        ),
        ("mood", WireType::Text, vec!["'so so'", "'happy, \"very\"'"]),
        ("price", decimal(10, 2), vec!["0", "12.34", "'NaN'"]),
        ("small_price", decimal(10, 2), vec!["0", "12.34"]),
        ("label", WireType::Text, vec!["''", "'x'"]),
        ("good_mood", WireType::Text, vec!["'happy, \"very\"'"]),
    ]
}

fn decimal(precision: u8, scale: i8) -> WireType {
    WireType::Decimal { precision, scale }
}

/// The types that [`OPAQUE`] names.
pub(super) const OPAQUE_TYPES: &str = "
    CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;
    CREATE TYPE pair AS (a int, b text);
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN odd AS int[] CHECK (array_length(VALUE, 1) % 2 = 1);
    CREATE TYPE mood_range AS RANGE (SUBTYPE = mood);
";

/// Types without a typed form.
pub(super) const OPAQUE: [(&str, &[&str]); 26] = [
    (
        "int[]",
        &["'{}'", "'{1,NULL,3}'", "'[0:1]={1,2}'", "'{{1,2},{3,4}}'"],
    ),
    ("text[]", &["'{}'", "'{NULL,\"NULL\",\"\"}'"]),
    ("numeric(10,2)[]", &["'{1.10,NaN}'"]),
    ("mood[]", &["'{sad,happy}'"]),
    ("odd", &["'{1}'", "'{1,2,3}'"]),
    ("pair", &["ROW(1, 'x')", "ROW(NULL, NULL)", "ROW(1, '')"]),
    ("int4range", &["'empty'", "'[1,5)'", "'(,)'"]),
    ("tstzrange", &["'[infinity,infinity]'", "'[2024-01-01,)'"]),
    ("int4multirange", &["'{}'", "'{[1,2),[5,7)}'"]),
    ("mood_range", &["'[sad,happy]'"]),
    ("inet", &["'10.0.0.1/8'", "'::1'"]),
    ("cidr", &["'10.0.0.0/8'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    (
        "interval",
        &["'1 year -2 days 03:04:05.678'", "'-178000000 years'"],
    ),
    ("timetz", &["'24:00:00-15:59'", "'00:00+05:30'"]),
    ("bit(5)", &["B'10101'"]),
    ("varbit", &["B''", "B'1'"]),
    ("point", &["'(1.5,-0)'", "'(Infinity,NaN)'"]),
    ("polygon", &["'((0,0),(1,1),(1,0))'"]),
    ("money", &["-1.23"]),
    ("tsvector", &["'a:1A fat:2'"]),
    ("tsquery", &["'fat & !rat'"]),
    ("jsonpath", &["'$.a[*] ? (@ > 1)'"]),
    ("pg_lsn", &["'16/B374D848'"]),
    ("regclass", &["'pg_class'"]),
    ("hstore", &["''", "'a=>NULL, b=>\"\"'"]),
];
