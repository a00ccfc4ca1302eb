//! Types of MariaDB and MySQL and the Arrow types they are masked as: the one table of both.
//!
//! | Type | [`ColumnType`] | Arrow |
//! |---|---|---|
//! | `tinyint`, `smallint`, `mediumint`, `int`, `bigint` | `Int` | `Int8` to `Int64`, `UInt8` to `UInt64` |
//! | `bit(n)` | `Bit` | `UInt64` |
//! | `year` | `Year` | `UInt16` |
//! | `float`, `double` | `Float`, `Double` | `Float32`, `Float64` |
//! | `decimal(p,s)`, p up to 38 | `Decimal` | `Decimal128(p,s)` |
//! | every other `decimal` | `Number` | `Utf8View`, as the server prints it |
//! | `char`, `varchar`, `text` and its kin, `enum`, `set`, `json`, `uuid`, `inet4`, `inet6` | `Text` | `Utf8View` |
//! | `binary`, `varbinary`, `blob` and its kin, geometries, `vector` | `Bytes` | `BinaryView` |
//! | `date` | `Date` | `Date32`, marks |
//! | `time` | `Time` | `Time64(µs)`, marks |
//! | `datetime` | `DateTime` | `Timestamp(µs)`, marks |
//! | `timestamp` | `Timestamp` | `Timestamp(µs, UTC)`, marks |
//!
//! *Marks*: Arrow has no date with a zero in it, no 31st of February and no time of day below zero or above
//! 24 hours. Such a value is read as null, and a hidden column beside it says so ([`odd_column`]). A null
//! with a mark leaves the row's value as it is; a mask that sets a value wins over the mark.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::database::special::spelled_column;

/// How values of a column are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// A whole number of 8, 16, 32 or 64 bits.
    Int { bits: u8, unsigned: bool },
    /// `bit(n)`.
    Bit,
    /// `year`.
    Year,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `decimal` that an Arrow decimal holds.
    Decimal { precision: u8, scale: i8 },
    /// `decimal` as text.
    Number,
    /// Every type that travels as plain text.
    Text,
    /// Every type that travels as bytes.
    Bytes,
    /// `date`.
    Date,
    /// `time`.
    Time,
    /// `datetime`.
    DateTime,
    /// `timestamp`, in UTC as our sessions are.
    Timestamp,
}

/// What the name of a hidden column of marks begins with.
const ODD_PREFIX: &str = "__visard_odd_";

/// The hidden column of marks beside column `name`.
pub(super) fn odd_column(name: &str) -> String {
    format!("{ODD_PREFIX}{name}")
}

impl ColumnType {
    /// The type by what `information_schema.COLUMNS` says: `DATA_TYPE`, `COLUMN_TYPE`, precision and scale.
    pub(super) fn of(data_type: &str, column_type: &str, precision: u64, scale: u64) -> Self {
        let unsigned = column_type.contains("unsigned");
        let int = |bits| Self::Int { bits, unsigned };
        match data_type.to_ascii_lowercase().as_str() {
            "tinyint" => int(8),
            "smallint" => int(16),
            "mediumint" | "int" | "integer" => int(32),
            "bigint" => int(64),
            "bit" => Self::Bit,
            "year" => Self::Year,
            "float" => Self::Float,
            "double" => Self::Double,
            "decimal" | "numeric" => match (u8::try_from(precision), i8::try_from(scale)) {
                (Ok(precision @ 1..=38), Ok(scale)) => Self::Decimal { precision, scale },
                _ => Self::Number,
            },
            "date" => Self::Date,
            "time" => Self::Time,
            "datetime" => Self::DateTime,
            "timestamp" => Self::Timestamp,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector"
            | "geometry" | "point" | "linestring" | "polygon" | "multipoint"
            | "multilinestring" | "multipolygon" | "geometrycollection" | "geomcollection" => {
                Self::Bytes
            }
            _ => Self::Text,
        }
    }

    /// The Arrow type of its values.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Int { bits, unsigned } => match (bits, unsigned) {
                (8, false) => DataType::Int8,
                (8, true) => DataType::UInt8,
                (16, false) => DataType::Int16,
                (16, true) => DataType::UInt16,
                (32, false) => DataType::Int32,
                (32, true) => DataType::UInt32,
                (_, false) => DataType::Int64,
                (_, true) => DataType::UInt64,
            },
            Self::Bit => DataType::UInt64,
            Self::Year => DataType::UInt16,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Number | Self::Text => DataType::Utf8View,
            Self::Bytes => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }

    /// Whether there are values that its Arrow type cannot hold, and so a hidden column of marks.
    pub(super) fn has_odd(self) -> bool {
        matches!(
            self,
            Self::Date | Self::Time | Self::DateTime | Self::Timestamp
        )
    }

    /// Whether `<` and `=` with a value that a session keeps go by the order of an index on it.
    pub(super) fn is_ranged(self, data_type: &str) -> bool {
        match self {
            Self::Bit | Self::Float | Self::Bytes => {
                matches!(data_type, "binary" | "varbinary")
            }
            Self::Text => matches!(
                data_type,
                "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext"
            ),
            _ => true,
        }
    }
}

/// What a column is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// To be masked where it lies: what Arrow does not have is marked, and stays.
    InPlace,
    /// To be copied: what Arrow does not have is spelled out ([`spelled_column`]).
    Copied,
    /// To be copied to a column of the very type, unread: as text, or as hexadecimal digits.
    Carried,
}

/// A column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadColumn {
    /// Its name.
    pub(super) name: String,
    /// How its values travel.
    pub(super) kind: ColumnType,
    /// What it is read for.
    pub(super) lane: Lane,
    /// The query that reads it beside a row, where it is no column of the table.
    pub(super) sql: Option<String>,
}

impl ReadColumn {
    /// Its field.
    pub(super) fn field(&self) -> Field {
        let data_type = match self.lane {
            Lane::Carried => DataType::BinaryView,
            Lane::InPlace | Lane::Copied => self.kind.data_type(),
        };
        Field::new(&self.name, data_type, true)
    }

    /// The hidden field beside it, where there is one.
    pub(super) fn hidden(&self) -> Option<Field> {
        let (name, data_type) = match self.lane {
            Lane::InPlace => (odd_column(&self.name), DataType::Boolean),
            Lane::Copied => (spelled_column(&self.name), DataType::Utf8View),
            Lane::Carried => return None,
        };
        let field = Field::new(name, data_type, true);
        self.kind.has_odd().then_some(field)
    }
}

/// The fields of `columns`, each in its place, then the hidden ones. Everything may be null.
pub(super) fn fields(columns: &[ReadColumn]) -> Vec<Field> {
    let values = columns.iter().map(ReadColumn::field);
    let hidden = columns.iter().filter_map(ReadColumn::hidden);
    values.chain(hidden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_their_names() {
        let int = |bits, unsigned| ColumnType::Int { bits, unsigned };
        for (data_type, column_type, precision, scale, expected) in [
            ("tinyint", "tinyint(1)", 3, 0, int(8, false)),
            ("bigint", "bigint(20) unsigned", 20, 0, int(64, true)),
            (
                "mediumint",
                "mediumint(9) unsigned zerofill",
                7,
                0,
                int(32, true),
            ),
            (
                "decimal",
                "decimal(38,30)",
                38,
                30,
                ColumnType::Decimal {
                    precision: 38,
                    scale: 30,
                },
            ),
            ("decimal", "decimal(65,30)", 65, 30, ColumnType::Number),
            ("enum", "enum('unsigned')", 0, 0, ColumnType::Text),
            ("uuid", "uuid", 0, 0, ColumnType::Text),
            ("point", "point", 0, 0, ColumnType::Bytes),
            ("timestamp", "timestamp(6)", 0, 0, ColumnType::Timestamp),
        ] {
            let found = ColumnType::of(data_type, column_type, precision, scale);
            assert_eq!(found, expected, "{column_type}");
        }
    }

    #[test]
    fn hidden_columns_come_last() {
        let columns = [
            ("a", ColumnType::Date, Lane::InPlace),
            ("b", ColumnType::Text, Lane::Copied),
            ("c", ColumnType::Time, Lane::Copied),
            ("d", ColumnType::Time, Lane::Carried),
        ];
        let columns = columns.map(|(name, kind, lane)| ReadColumn {
            sql: None,
            name: name.to_owned(),
            kind,
            lane,
        });
        let fields = fields(&columns);
        let names: Vec<_> = fields.iter().map(Field::name).collect();
        let hidden = ["__visard_odd_a", "__visard_spelled_c"];
        assert_eq!(names[..4], ["a", "b", "c", "d"]);
        assert_eq!(names[4..], hidden);
        assert_eq!(fields[3].data_type(), &DataType::BinaryView);
    }
}
