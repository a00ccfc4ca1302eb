//! Whether two columns hold a value alike, so that a mask gives it one image in both.

use arrow::datatypes::DataType;
use visard_connectors::database::Column;

/// How a column holds values.
#[derive(Debug, PartialEq, Eq)]
enum Held<'a> {
    /// Numbers without a fraction, of whatever width.
    Whole,
    /// Text of whatever length, as it is.
    Text,
    /// Some other way, which the type tells: padded text, numbers with digits behind the point, dates.
    As(&'a DataType, &'a str),
}

/// Whether two columns of a database hold a value alike. Where it is not `typed`, its declared types say nothing.
pub(super) fn are_alike(one: &Column, other: &Column, typed: bool) -> bool {
    held(one, typed) == held(other, typed)
}

fn held(column: &Column, typed: bool) -> Held<'_> {
    use DataType::*;
    match &column.data_type {
        data_type if data_type.is_integer() => Held::Whole,
        Decimal32(_, 0) | Decimal64(_, 0) | Decimal128(_, 0) | Decimal256(_, 0) => Held::Whole,
        Utf8 | LargeUtf8 | Utf8View if !typed || is_plain_text(&column.type_name) => Held::Text,
        data_type if typed => Held::As(data_type, &column.type_name),
        data_type => Held::As(data_type, ""),
    }
}

/// Whether values of the type are any text, without padding. `char(n)` of MariaDB and MySQL is `character(n)` in
/// PostgreSQL, where its padding is part of the value.
fn is_plain_text(type_name: &str) -> bool {
    let name = type_name.split(['(', ' ']).next().unwrap_or_default();
    let plain = [
        "text",
        "tinytext",
        "mediumtext",
        "longtext",
        "varchar",
        "char",
    ];
    plain.contains(&name) || type_name.starts_with("character varying")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(type_name: &str, data_type: DataType) -> Column {
        Column {
            name: "c".to_owned(),
            type_name: type_name.to_owned(),
            data_type,
            length: None,
            required: false,
            generated: false,
            made: None,
        }
    }

    #[test]
    fn columns_that_hold_values_alike() {
        let id = column("bigint", DataType::Int64);
        let unsigned = column("int(10) unsigned", DataType::UInt32);
        let whole = column("numeric(12,0)", DataType::Decimal128(12, 0));
        let amount = column("numeric(12,2)", DataType::Decimal128(12, 2));
        let text = |name: &str| column(name, DataType::Utf8View);
        for (one, other, alike) in [
            (&id, &unsigned, true),
            (&id, &whole, true),
            (&id, &amount, false),
            (&amount, &amount, true),
            (&id, &text("varchar(20)"), false),
            (&text("varchar(20)"), &text("text"), true),
            (&text("character varying(9)"), &text("text"), true),
            (&text("char(20)"), &text("varchar(3)"), true),
            (
                &text("character(20)"),
                &text("character varying(20)"),
                false,
            ),
            (&text("character(20)"), &text("character(20)"), true),
            (&text("character(20)"), &text("character(21)"), false),
            (&text("uuid"), &text("text"), false),
            (&text("uuid"), &text("uuid"), true),
        ] {
            assert_eq!(are_alike(one, other, true), alike, "{one:?} {other:?}");
            assert_eq!(are_alike(other, one, true), alike, "{one:?} {other:?}");
        }
        // A file of SQLite has what values there are.
        assert!(are_alike(&text("uuid"), &text("DATE"), false));
        assert!(are_alike(&column("REAL", DataType::Int64), &id, false));
        assert!(!are_alike(&text("INT"), &id, false));
    }
}
