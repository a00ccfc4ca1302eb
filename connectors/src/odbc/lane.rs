//! How a column's values travel: as numbers, bytes or text of a driver, and as arrays of Arrow.
//!
//! Decimals, dates and times travel as text. Drivers agree on how it is written, and it can hold what their structures
//! cut off or turn into something else without a word: such a value is found here, and refused.

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringViewBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use odbc_api::buffers::BufferDesc;
use odbc_api::{BindParamDesc, DataType as SqlType};

use super::dialect::{Dialect, Text};
use super::error::{OdbcError, ValueProblem};
use super::moment;

/// Text and bytes up to this length are read in blocks of rows, longer ones value by value.
const MOST_IN_BLOCK: u32 = 4000;
/// Digits of a date and time with a fraction, a zone and an era.
const MOMENT_TEXT: usize = 48;
/// Digits of a number.
const NUMBER_TEXT: usize = 64;

/// What the driver of PostgreSQL is told to say of text without a length.
pub(super) const UNKNOWN_LENGTH: u32 = 65_533;

/// What a column is to masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal(u8, i8),
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    /// One of a zone, read in UTC.
    Instant,
}

/// How a column is read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    /// Its name.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The most characters or bytes, where that is sure.
    pub(super) length: Option<u32>,
    /// Its type as a parameter that is not converted says it: `varchar`.
    pub(super) type_name: String,
    /// Whether its text is of the national character set, or of none.
    pub(super) is_wide: bool,
    /// Digits behind the second.
    pub(super) digits: i16,
    pub(super) dialect: Dialect,
}

/// How values come from a driver, and go to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bit,
    I64,
    F64,
    Wide,
    Utf8,
    Bytes,
}

/// What a driver says of a column.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) sql_type: i16,
    pub(super) type_name: String,
    pub(super) size: Option<i32>,
    pub(super) digits: Option<i16>,
}

impl Lane {
    /// The lane of a column; nothing where its type is none that is known.
    pub(super) fn of(told: &Told, dialect: Dialect) -> Option<Self> {
        let size = told.size.and_then(|size| u32::try_from(size).ok());
        let upper = told.type_name.to_uppercase();
        let is_unsigned = upper.contains("UNSIGNED");
        let is_postgres = matches!(dialect, Dialect::Postgres | Dialect::Redshift);
        let mut length = None;
        let kind = match told.sql_type {
            -7 => Kind::Bool,
            -6 => Kind::Int16,
            5 if is_unsigned => Kind::Int32,
            5 => Kind::Int16,
            4 if is_unsigned => Kind::Int64,
            4 => Kind::Int32,
            -5 if is_unsigned => Kind::Decimal(20, 0),
            -5 => Kind::Int64,
            // What any real number becomes on its way through this driver is a shorter one.
            6..=8 if dialect == Dialect::Sqlite => return None,
            7 => Kind::Float32,
            6 | 8 => Kind::Float64,
            // What the driver says of a number without a precision.
            2 if is_postgres && (size, told.digits) == (Some(28), Some(6)) => Kind::Text,
            2 | 3 => {
                let scale = i8::try_from(told.digits?).ok()?;
                let precision = u8::try_from(size?).ok()?;
                let fits = (1..=38).contains(&precision)
                    && scale >= 0
                    && i16::from(precision) >= i16::from(scale);
                if !fits {
                    return None;
                }
                Kind::Decimal(precision, scale)
            }
            1 | 12 | -8 | -9 => {
                length = size.filter(|size| *size > 0);
                Kind::Text
            }
            -1 | -10 | -11 => Kind::Text,
            -2 | -3 if upper == "BIT" => return None,
            -2 | -3 => {
                length = size.filter(|size| *size > 0);
                Kind::Bytes
            }
            -4 if upper == "UUID" => return None,
            -4 => Kind::Bytes,
            9 | 91 => Kind::Date,
            10 | 92 if !upper.contains("TZ") && !upper.contains("ZONE") => Kind::Time,
            11 | 93 if is_postgres && upper == "TIMESTAMPTZ" => Kind::Instant,
            11 | 93 if !upper.contains("TZ") && !upper.contains("ZONE") => match told.digits {
                // Finer than Arrow's are here.
                Some(digits) if digits > 6 && !dialect.quirks().is_loose => return None,
                _ => Kind::Timestamp,
            },
            _ => return None,
        };
        if dialect.quirks().is_loose {
            length = None;
            // Its text is what is there.
            if !matches!(kind, Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Text) {
                return matches!(kind, Kind::Date | Kind::Time | Kind::Timestamp)
                    .then(|| Self::new(told, Kind::Text, length, dialect));
            }
            if kind != Kind::Text {
                return Some(Self::new(told, Kind::Int64, length, dialect));
            }
        }
        // Types of its own are told as text of some length.
        let is_open = length == Some(UNKNOWN_LENGTH)
            || !matches!(told.type_name.as_str(), "varchar" | "bpchar");
        if is_postgres && is_open {
            length = None;
        }
        Some(Self::new(told, kind, length, dialect))
    }

    fn new(told: &Told, kind: Kind, length: Option<u32>, dialect: Dialect) -> Self {
        Self {
            name: told.name.clone(),
            kind,
            length,
            type_name: told.type_name.clone(),
            is_wide: !matches!(told.sql_type, 1 | 12 | -1),
            digits: told
                .digits
                .filter(|digits| (0..=6).contains(digits))
                .unwrap_or(6),
            dialect,
        }
    }

    /// Its type in Arrow.
    pub(super) fn data_type(&self) -> DataType {
        match self.kind {
            Kind::Bool => DataType::Boolean,
            Kind::Int16 => DataType::Int16,
            Kind::Int32 => DataType::Int32,
            Kind::Int64 => DataType::Int64,
            Kind::Float32 => DataType::Float32,
            Kind::Float64 => DataType::Float64,
            Kind::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Kind::Text => DataType::Utf8View,
            Kind::Bytes => DataType::BinaryView,
            Kind::Date => DataType::Date32,
            Kind::Time => DataType::Time64(TimeUnit::Microsecond),
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// Whether its values come back as they went, so that they find their rows again and are in order.
    pub(super) fn can_be_key(&self) -> bool {
        let is_long = self.length.is_none() && !self.dialect.quirks().is_loose;
        match self.kind {
            Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Decimal(..) => true,
            Kind::Date | Kind::Timestamp | Kind::Instant => true,
            // A key may be of any length in these, and of none elsewhere.
            Kind::Text => {
                !is_long
                    || matches!(self.dialect, Dialect::Postgres)
                    || self.type_name.eq_ignore_ascii_case("uniqueidentifier")
            }
            Kind::Bytes => !is_long,
            Kind::Bool | Kind::Float32 | Kind::Float64 | Kind::Time => false,
        }
    }

    /// The column as a query reads it.
    pub(super) fn selected(&self) -> String {
        let name = self.dialect.quoted(&self.name);
        let is_moment = matches!(
            self.kind,
            Kind::Date | Kind::Time | Kind::Timestamp | Kind::Instant
        );
        match self.dialect.quirks().moments.filter(|_| is_moment) {
            Some(read) => read.replace("{column}", &name),
            None => name,
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self.kind, Kind::Int16 | Kind::Int32 | Kind::Int64)
    }

    pub(super) fn form(&self) -> Form {
        let text = match self.dialect.quirks().text {
            Text::Wide => Form::Wide,
            Text::Utf8 => Form::Utf8,
        };
        match self.kind {
            Kind::Bool => Form::Bit,
            Kind::Int16 | Kind::Int32 | Kind::Int64 if self.dialect.quirks().has_i64 => Form::I64,
            Kind::Float32 | Kind::Float64 => Form::F64,
            Kind::Bytes => Form::Bytes,
            _ => text,
        }
    }

    /// The buffer that blocks of values are read into; nothing where they may be of any length.
    pub(super) fn buffer(&self) -> Option<BufferDesc> {
        let nullable = true;
        let short = || {
            let length = self.length.filter(|length| *length <= MOST_IN_BLOCK);
            length.map(|length| length as usize)
        };
        let text = || match self.kind {
            // A character may take two units, or four bytes.
            Kind::Text => short().map(|length| match self.form() {
                Form::Wide => 2 * length,
                _ => 4 * length,
            }),
            Kind::Date | Kind::Time | Kind::Timestamp | Kind::Instant => Some(MOMENT_TEXT),
            _ => Some(NUMBER_TEXT),
        };
        Some(match self.form() {
            Form::Bit => BufferDesc::Bit { nullable },
            Form::I64 => BufferDesc::I64 { nullable },
            Form::F64 => BufferDesc::F64 { nullable },
            Form::Wide => BufferDesc::WText {
                max_str_len: text()?,
            },
            Form::Utf8 => BufferDesc::Text {
                max_str_len: text()?,
            },
            Form::Bytes => BufferDesc::Binary {
                max_bytes: short()?,
            },
        })
    }

    /// A parameter whose values have at most `longest` units.
    pub(super) fn parameter(&self, longest: usize) -> BindParamDesc {
        let longest = longest.max(1);
        let nullable = true;
        let (buffer_desc, own) = match self.form() {
            Form::Bit => (BufferDesc::Bit { nullable }, SqlType::Bit),
            Form::I64 => (BufferDesc::I64 { nullable }, SqlType::BigInt),
            Form::F64 => (BufferDesc::F64 { nullable }, SqlType::Double),
            Form::Wide => (
                BufferDesc::WText {
                    max_str_len: longest,
                },
                self.text_type(longest),
            ),
            Form::Utf8 => (
                BufferDesc::Text {
                    max_str_len: longest,
                },
                self.text_type(longest),
            ),
            Form::Bytes => {
                let length = NonZeroUsize::new(longest);
                let data_type = match self.length {
                    Some(_) => SqlType::Varbinary { length },
                    None => SqlType::LongVarbinary { length },
                };
                (BufferDesc::Binary { max_bytes: longest }, data_type)
            }
        };
        let is_typed = self.dialect.quirks().typed_parameters;
        let data_type = match self.kind {
            Kind::Decimal(precision, scale) if is_typed => SqlType::Decimal {
                precision: precision.into(),
                scale: scale.into(),
            },
            Kind::Date if is_typed => SqlType::Date,
            Kind::Time if is_typed => SqlType::Time {
                precision: self.digits,
            },
            Kind::Timestamp if is_typed => SqlType::Timestamp {
                precision: self.digits,
            },
            _ if is_typed && self.is_whole() && own != SqlType::BigInt => SqlType::Decimal {
                precision: 38,
                scale: 0,
            },
            _ => own,
        };
        BindParamDesc {
            buffer_desc,
            data_type,
        }
    }

    fn text_type(&self, longest: usize) -> SqlType {
        let length = NonZeroUsize::new(longest);
        let is_long =
            self.kind == Kind::Text && (self.length.is_none() || longest > MOST_IN_BLOCK as usize);
        let is_wide = self.is_wide && self.form() == Form::Wide;
        match (is_wide, is_long) {
            (true, true) => SqlType::WLongVarchar { length },
            (true, false) => SqlType::WVarchar { length },
            (false, true) => SqlType::LongVarchar { length },
            (false, false) => SqlType::Varchar { length },
        }
    }

    pub(super) fn builder(&self) -> Builder {
        let values = match self.kind {
            Kind::Bool => Values::Bool(BooleanBuilder::new()),
            Kind::Int16 => Values::Int16(Int16Builder::new()),
            Kind::Int32 => Values::Int32(Int32Builder::new()),
            Kind::Int64 => Values::Int64(Int64Builder::new()),
            Kind::Float32 => Values::Float32(Float32Builder::new()),
            Kind::Float64 => Values::Float64(Float64Builder::new()),
            Kind::Decimal(precision, scale) => {
                let data_type = DataType::Decimal128(precision, scale);
                let builder = Decimal128Builder::new().with_data_type(data_type);
                Values::Decimal(builder, precision, scale)
            }
            Kind::Text => Values::Text(StringViewBuilder::new()),
            Kind::Bytes => Values::Bytes(BinaryViewBuilder::new()),
            Kind::Date => Values::Date(Date32Builder::new()),
            Kind::Time => Values::Time(Time64MicrosecondBuilder::new()),
            Kind::Timestamp | Kind::Instant => {
                let builder = TimestampMicrosecondBuilder::new();
                Values::Timestamp(builder.with_data_type(self.data_type()))
            }
        };
        Builder {
            column: self.name.clone(),
            values,
        }
    }
}

/// Gathers values of a column.
#[derive(Debug)]
pub(super) struct Builder {
    column: String,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Text(StringViewBuilder),
    Bytes(BinaryViewBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Calls a method of whichever builder there is.
macro_rules! of_each {
    ($values:expr, $builder:ident => $call:expr) => {
        match $values {
            Values::Bool($builder) => $call,
            Values::Int16($builder) => $call,
            Values::Int32($builder) => $call,
            Values::Int64($builder) => $call,
            Values::Float32($builder) => $call,
            Values::Float64($builder) => $call,
            Values::Decimal($builder, ..) => $call,
            Values::Text($builder) => $call,
            Values::Bytes($builder) => $call,
            Values::Date($builder) => $call,
            Values::Time($builder) => $call,
            Values::Timestamp($builder) => $call,
        }
    };
}

impl Builder {
    pub(super) fn push_null(&mut self) {
        of_each!(&mut self.values, builder => builder.append_null());
    }

    /// A value as a driver writes it.
    ///
    /// # Errors
    /// When it has no place in the column's type.
    pub(super) fn push_text(&mut self, text: &str) -> Result<(), OdbcError> {
        if let Values::Text(builder) = &mut self.values {
            builder.append_value(text);
            return Ok(());
        }
        self.push_other(text)
            .ok_or_else(|| self.problem(ValueProblem::Inexact))
    }

    fn push_other(&mut self, text: &str) -> Option<()> {
        let text = text.trim();
        match &mut self.values {
            Values::Int16(builder) => builder.append_value(text.parse().ok()?),
            Values::Int32(builder) => builder.append_value(text.parse().ok()?),
            Values::Int64(builder) => builder.append_value(text.parse().ok()?),
            Values::Decimal(builder, precision, scale) => {
                builder.append_value(moment::decimal(text, *precision, *scale)?);
            }
            Values::Date(builder) => builder.append_value(moment::date(text)?),
            Values::Time(builder) => builder.append_value(moment::time(text)?),
            Values::Timestamp(builder) => builder.append_value(moment::timestamp(text)?),
            Values::Bytes(builder) => builder.append_value(moment::unhex(text)?),
            Values::Bool(_) | Values::Float32(_) | Values::Float64(_) | Values::Text(_) => {
                return None;
            }
        }
        Some(())
    }

    /// # Errors
    /// When a part of a character is missing, or as [`Self::push_text`].
    pub(super) fn push_wide(&mut self, units: &[u16]) -> Result<(), OdbcError> {
        let text = String::from_utf16(units).map_err(|_| self.problem(ValueProblem::NotUnicode))?;
        self.push_text(&text)
    }

    /// # Errors
    /// When it is no UTF-8, or as [`Self::push_text`].
    pub(super) fn push_utf8(&mut self, bytes: &[u8]) -> Result<(), OdbcError> {
        let text = str::from_utf8(bytes).map_err(|_| self.problem(ValueProblem::NotUnicode))?;
        self.push_text(text)
    }

    /// # Errors
    /// When the column has no bytes.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), OdbcError> {
        match &mut self.values {
            Values::Bytes(builder) => builder.append_value(bytes),
            _ => return Err(self.problem(ValueProblem::Class)),
        }
        Ok(())
    }

    /// # Errors
    /// When the column has no truth values.
    pub(super) fn push_bit(&mut self, bit: bool) -> Result<(), OdbcError> {
        match &mut self.values {
            Values::Bool(builder) => builder.append_value(bit),
            _ => return Err(self.problem(ValueProblem::Class)),
        }
        Ok(())
    }

    /// # Errors
    /// When the number is out of the range of the column's type.
    pub(super) fn push_i64(&mut self, number: i64) -> Result<(), OdbcError> {
        let pushed = match &mut self.values {
            Values::Int16(builder) => number.try_into().map(|number| builder.append_value(number)),
            Values::Int32(builder) => number.try_into().map(|number| builder.append_value(number)),
            Values::Int64(builder) => {
                builder.append_value(number);
                Ok(())
            }
            _ => return Err(self.problem(ValueProblem::Class)),
        };
        pushed.map_err(|_| self.problem(ValueProblem::Inexact))
    }

    /// # Errors
    /// When the column has no such numbers.
    pub(super) fn push_f64(&mut self, number: f64) -> Result<(), OdbcError> {
        match &mut self.values {
            Values::Float64(builder) => builder.append_value(number),
            #[expect(clippy::cast_possible_truncation, reason = "it came from one")]
            Values::Float32(builder) => builder.append_value(number as f32),
            _ => return Err(self.problem(ValueProblem::Class)),
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        of_each!(&mut self.values, builder => Arc::new(builder.finish()))
    }

    fn problem(&self, problem: ValueProblem) -> OdbcError {
        OdbcError::value(&self.column, problem)
    }
}

/// A value on its way to a driver.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Bit(bool),
    I64(i64),
    F64(f64),
    Wide(Vec<u16>),
    Utf8(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// Units of it in a buffer.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Wide(units) => units.len(),
            Self::Utf8(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Bit(_) | Self::I64(_) | Self::F64(_) => 0,
        }
    }
}

impl Lane {
    /// The value at `row` of `array`, which is of this lane's type.
    pub(super) fn cell(&self, array: &dyn Array, row: usize) -> Cell {
        if array.is_null(row) {
            return Cell::Null;
        }
        match (self.form(), self.kind) {
            (Form::Bit, _) => Cell::Bit(array.as_boolean().value(row)),
            (Form::Bytes, _) => Cell::Bytes(array.as_binary_view().value(row).to_vec()),
            (Form::F64, Kind::Float32) => {
                Cell::F64(array.as_primitive::<Float32Type>().value(row).into())
            }
            (Form::F64, _) => Cell::F64(array.as_primitive::<Float64Type>().value(row)),
            (Form::I64, Kind::Int16) => {
                Cell::I64(array.as_primitive::<Int16Type>().value(row).into())
            }
            (Form::I64, Kind::Int32) => {
                Cell::I64(array.as_primitive::<Int32Type>().value(row).into())
            }
            (Form::I64, _) => Cell::I64(array.as_primitive::<Int64Type>().value(row)),
            (Form::Wide, _) => Cell::Wide(self.text(array, row).encode_utf16().collect()),
            (Form::Utf8, _) => Cell::Utf8(self.text(array, row)),
        }
    }

    /// A value as text, from which [`Builder::push_text`] makes it again.
    pub(super) fn text(&self, array: &dyn Array, row: usize) -> String {
        match self.kind {
            Kind::Bool => array.as_boolean().value(row).to_string(),
            Kind::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
            Kind::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
            Kind::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
            Kind::Float32 => array.as_primitive::<Float32Type>().value(row).to_string(),
            Kind::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
            Kind::Decimal(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
            Kind::Text => array.as_string_view().value(row).to_owned(),
            Kind::Bytes => moment::hex(array.as_binary_view().value(row)),
            Kind::Date => moment::date_text(array.as_primitive::<Date32Type>().value(row)),
            Kind::Time => {
                moment::time_text(array.as_primitive::<Time64MicrosecondType>().value(row))
            }
            Kind::Timestamp => {
                moment::timestamp_text(array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            Kind::Instant => {
                let instant = array.as_primitive::<TimestampMicrosecondType>().value(row);
                format!("{}+00", moment::timestamp_text(instant))
            }
        }
    }
}
