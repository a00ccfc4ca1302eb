//! PostgreSQL types and the Arrow types they are masked as: the one table of both.
//!
//! | PostgreSQL | [`WireType`] | Arrow |
//! |---|---|---|
//! | `boolean` | `Bool` | `Boolean` |
//! | `smallint`, `integer`, `bigint` | `Int2`, `Int4`, `Int8` | `Int16`, `Int32`, `Int64` |
//! | `oid` | `Oid` | `UInt32` |
//! | `real`, `double precision` | `Float4`, `Float8` | `Float32`, `Float64` |
//! | `numeric(p,s)`, p up to 38, s from 0 to p | `Decimal` | `Decimal128(p,s)`, marks |
//! | every other `numeric` | `Numeric` | `Utf8View`, as PostgreSQL prints it |
//! | `text`, `varchar(n)`, `char(n)` with its padding, `name`, `json`, `xml`, `citext`, enums | `Text` | `Utf8View` |
//! | `"char"` | `Char` | `Utf8View` of at most one character |
//! | `jsonb` | `Jsonb` | `Utf8View`, as PostgreSQL prints it |
//! | `uuid` | `Uuid` | `Utf8View`, lower case with hyphens |
//! | `bytea` | `Bytea` | `BinaryView` |
//! | `date` | `Date` | `Date32`, marks |
//! | `time` | `Time` | `Time64(µs)`; 24:00:00 is 86,400,000,000 |
//! | `timestamp` | `Timestamp` | `Timestamp(µs)`, marks |
//! | `timestamptz` | `TimestampTz` | `Timestamp(µs, UTC)`, marks |
//! | everything else | `Text` by a cast, or `Opaque` | `Utf8View`, or `BinaryView` of the field's bytes |
//!
//! *Marks*: see [`Special`].

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use tokio_postgres::types::Type;

use super::copy_error::CopyError;
pub use crate::database::special::{Special, is_special_column, special_column};

/// How a field of a binary `COPY` is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WireType {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `oid`.
    Oid,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric` that an Arrow decimal holds.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, 0 to `precision`.
        scale: i8,
    },
    /// `numeric` as text: any number of digits, scale as it is, `NaN`, `Infinity`.
    Numeric,
    /// Every type that travels as plain text.
    Text,
    /// `"char"`: one byte. Zero is the empty text, a byte above 127 is `\ooo`.
    Char,
    /// `jsonb`: text behind a version byte.
    Jsonb,
    /// `uuid`.
    Uuid,
    /// `bytea`.
    Bytea,
    /// `date`.
    Date,
    /// `time without time zone`.
    Time,
    /// `timestamp without time zone`.
    Timestamp,
    /// `timestamp with time zone`.
    TimestampTz,
    /// Any type, as the bytes of its field.
    Opaque,
}

/// What `pg_type` says of a type besides its oid. A domain is asked about by its base type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeKind {
    /// A base type, known by its oid or not at all.
    Base,
    /// An enum (`typtype` `e`).
    Enum,
    /// `citext` of the extension, whose oid differs between databases.
    Citext,
    /// A composite, range or other type.
    Other,
}

/// A column of a binary `COPY`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WireColumn {
    /// Its name in the batch.
    pub name: String,
    /// How its fields are read and written.
    pub wire: WireType,
}

/// The Arrow schema of `columns`: each in its place, then the hidden columns of those that have
/// [`WireType::has_specials`]. Everything may be null.
pub fn wire_schema(columns: &[WireColumn]) -> Schema {
    let values = columns
        .iter()
        .map(|column| Field::new(&column.name, column.wire.data_type(), true));
    let marks = columns
        .iter()
        .filter(|column| column.wire.has_specials())
        .map(|column| Field::new(special_column(&column.name), DataType::Int8, true));
    Schema::new(values.chain(marks).collect::<Vec<_>>())
}

/// Refuses columns of the same name, counting the hidden ones.
pub(super) fn refuse_duplicates(columns: &[WireColumn]) -> Result<(), CopyError> {
    let schema = wire_schema(columns);
    let mut seen = HashSet::new();
    match schema
        .fields()
        .iter()
        .find(|field| !seen.insert(field.name()))
    {
        None => Ok(()),
        Some(field) => Err(CopyError::DuplicateColumn {
            column: field.name().clone(),
        }),
    }
}

impl WireType {
    /// How a column of this type is read; `None` for a type without a typed form, which can be read by
    /// a cast to text, as [`WireType::Text`], or carried as [`WireType::Opaque`].
    pub fn of(oid: u32, typmod: i32, kind: TypeKind) -> Option<Self> {
        match kind {
            TypeKind::Enum | TypeKind::Citext => return Some(Self::Text),
            TypeKind::Other => return None,
            TypeKind::Base => {}
        }
        Some(match Type::from_oid(oid)? {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::NUMERIC => Self::numeric(typmod),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::XML => {
                Self::Text
            }
            Type::CHAR => Self::Char,
            Type::JSONB => Self::Jsonb,
            Type::UUID => Self::Uuid,
            Type::BYTEA => Self::Bytea,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            _ => return None,
        })
    }

    /// `numeric` by its modifier: precision in the upper half, scale in eleven signed bits, 4 added.
    fn numeric(typmod: i32) -> Self {
        const HEADER: i32 = 4;
        if typmod < HEADER {
            return Self::Numeric;
        }
        let declared = typmod - HEADER;
        let precision = declared >> 16;
        let scale = ((declared & 0x7ff) ^ 0x400) - 0x400;
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(precision @ 1..=38), Ok(scale @ 0..)) if scale.unsigned_abs() <= precision => {
                Self::Decimal { precision, scale }
            }
            _ => Self::Numeric,
        }
    }

    /// The Arrow type of its values.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Numeric | Self::Text | Self::Char | Self::Jsonb | Self::Uuid => {
                DataType::Utf8View
            }
            Self::Bytea | Self::Opaque => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }

    /// Whether there are values that its Arrow type cannot hold, and so a hidden column of marks.
    pub fn has_specials(self) -> bool {
        match self {
            Self::Decimal { .. } | Self::Date | Self::Timestamp | Self::TimestampTz => true,
            Self::Bool
            | Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Oid
            | Self::Float4
            | Self::Float8
            | Self::Numeric
            | Self::Text
            | Self::Char
            | Self::Jsonb
            | Self::Uuid
            | Self::Bytea
            | Self::Time
            | Self::Opaque => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(precision: i32, scale: i32) -> WireType {
        let typmod = ((precision << 16) | (scale & 0x7ff)) + 4;
        WireType::of(Type::NUMERIC.oid(), typmod, TypeKind::Base).unwrap()
    }

    #[test]
    fn numerics_by_their_modifier() {
        for (precision, scale) in [(1, 0), (10, 2), (38, 0), (38, 38)] {
            let expected = WireType::Decimal {
                precision: u8::try_from(precision).unwrap(),
                scale: i8::try_from(scale).unwrap(),
            };
            assert_eq!(numeric(precision, scale), expected);
        }
        for (precision, scale) in [(39, 0), (1000, 1000), (3, 5), (3, -2), (38, -1000)] {
            assert_eq!(
                numeric(precision, scale),
                WireType::Numeric,
                "{precision},{scale}"
            );
        }
        let unbounded = WireType::of(Type::NUMERIC.oid(), -1, TypeKind::Base);
        assert_eq!(unbounded, Some(WireType::Numeric));
    }

    #[test]
    fn types_by_oid_and_kind() {
        for (oid, kind, wire) in [
            (Type::CHAR.oid(), TypeKind::Base, Some(WireType::Char)),
            (Type::BPCHAR.oid(), TypeKind::Base, Some(WireType::Text)),
            (Type::INTERVAL.oid(), TypeKind::Base, None),
            (Type::INT4_ARRAY.oid(), TypeKind::Base, None),
            (Type::INT4_RANGE.oid(), TypeKind::Other, None),
            (123_456, TypeKind::Enum, Some(WireType::Text)),
            (123_456, TypeKind::Citext, Some(WireType::Text)),
            (123_456, TypeKind::Base, None),
        ] {
            assert_eq!(WireType::of(oid, -1, kind), wire, "{oid} {kind:?}");
        }
    }

    #[test]
    fn hidden_columns_come_last() {
        let columns = [("a", WireType::Date), ("b", WireType::Text)];
        let columns = columns.map(|(name, wire)| WireColumn {
            name: name.to_owned(),
            wire,
        });
        let schema = wire_schema(&columns);
        let names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["a", "b", "__visard_special_a"]);
        assert!(is_special_column(names[2]) && !is_special_column(names[0]));
    }

    #[test]
    fn codes_of_specials() {
        for special in [
            Special::NegativeInfinity,
            Special::Infinity,
            Special::NotANumber,
        ] {
            assert_eq!(Special::of_code(special.code()), Some(special));
        }
        assert_eq!(Special::of_code(0), None);
    }
}
