//! `typecast`: a value becomes one of another type, for the masks after it.
//!
//! - Technique: a plain transformation; what the value tells stays readable by everyone.
//! - Input: any type but binary. Output: the same value as text, a number, a boolean, a date or a
//!   timestamp. Null stays null. At the end of the rule the column's own type comes back, so alone it
//!   only checks that a value can be converted.
//! - `string`: the value as it is written in results, dates in `date_format`.
//! - `integer`: whole numbers of 64 bits; a fraction has to be zero; booleans become 1 and 0.
//! - `float`: 64 bits; text that says `nan` or `inf` is refused.
//! - `decimal`: as many digits after the point as the column has, else 18; none is rounded off.
//! - `boolean`: `true`, `t`, `yes`, `y`, `on`, 1 and their opposites, in any case of letters.
//! - `date`, `datetime`: from text in ISO 8601 or in `date_format`, to the day or the microsecond; a time
//!   with a zone is told in UTC, and one without is taken to be in UTC already.
//! - Keyless.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
    StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use chrono::{DateTime, NaiveDateTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::DAY;
use crate::canonical::plain_text;
use crate::fixed_point::units;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::rows::Rows;
use crate::strftime::Format;
use crate::texts::Texts;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "typecast",
    summary: "a value becomes one of another type, for the masks after it",
    family: Family::Combination,
    takes: &[
        TypeFamily::Text,
        TypeFamily::Integer,
        TypeFamily::Decimal,
        TypeFamily::Float,
        TypeFamily::Date,
        TypeFamily::Timestamp,
        TypeFamily::Time,
        TypeFamily::Boolean,
    ],
    schema: schema_of::<Typecast>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"typecast_as": "integer"}"#,
            value: Some("12.00"),
            masked: Some("12"),
        },
        Example {
            args: r#"{"typecast_as": "date", "date_format": "%d/%m/%Y"}"#,
            value: Some("29/02/2024"),
            masked: Some("2024-02-29"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["typecast_as"]))]
pub(crate) struct Typecast {
    /// The type: `string`, `integer`, `float`, `decimal`, `boolean`, `date` or `datetime`.
    #[schemars(required)]
    typecast_as: Option<Target>,
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601. For
    /// `date` and `datetime` the text is read so, for `string` dates and times are written so.
    date_format: Option<String>,
    /// For a value that cannot be converted: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// The types there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Target {
    /// Text.
    #[serde(alias = "text", alias = "str")]
    #[schemars(extend("x-spellings" = ["text", "str"]))]
    String,
    /// A whole number.
    #[serde(alias = "int")]
    #[schemars(extend("x-spellings" = ["int"]))]
    Integer,
    /// A floating-point number.
    Float,
    /// A number with a fixed count of digits after the point.
    Decimal,
    /// True or false.
    #[serde(alias = "bool")]
    #[schemars(extend("x-spellings" = ["bool"]))]
    Boolean,
    /// A date.
    Date,
    /// A date and a time.
    #[serde(alias = "timestamp")]
    #[schemars(extend("x-spellings" = ["timestamp"]))]
    Datetime,
}

impl Target {
    fn expected(self) -> &'static str {
        match self {
            Self::String => "a value that can be written as text",
            Self::Integer => "a whole number of 64 bits",
            Self::Float => "a number",
            Self::Decimal => "a number with as many digits as the decimal type holds",
            Self::Boolean => "a boolean, such as true, false, 1 or 0",
            Self::Date => "a date in ISO 8601 or the format of `date_format`",
            Self::Datetime => {
                "a date with or without a time, in ISO 8601 or the format of `date_format`"
            }
        }
    }
}

const MICROSECONDS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: Typecast = binder.parse(args)?;
    let Some(target) = args.typecast_as else {
        let message =
            "`typecast_as` is required: string, integer, float, decimal, boolean, date or datetime";
        return Err(BindError::new("typecast_as", message));
    };
    let column = binder.column().clone();
    let family = TypeFamily::of(&column);
    let timed = matches!(family, Some(TypeFamily::Date | TypeFamily::Timestamp));
    let format = match (args.date_format.as_deref(), target) {
        (None, _) => None,
        (Some(format), Target::String) if timed => Some(Format::to_write(format)),
        (Some(format), Target::Date | Target::Datetime) if !timed => Some(Format::to_read(format)),
        (Some(_), _) => {
            let message = "`date_format` is for text that becomes a date or datetime, and for dates and timestamps that become a string";
            return Err(BindError::new("date_format", message));
        }
    };
    let format = format
        .transpose()
        .map_err(|what| BindError::new("date_format", what))?;
    let given = match (target, family) {
        (Target::Integer, Some(TypeFamily::Integer))
        | (Target::Float, Some(TypeFamily::Float))
        | (Target::Decimal, Some(TypeFamily::Decimal))
        | (Target::Date, Some(TypeFamily::Date))
        | (Target::Datetime, Some(TypeFamily::Timestamp)) => column,
        (Target::String, _) => DataType::Utf8View,
        (Target::Integer, _) => DataType::Int64,
        (Target::Float, _) => DataType::Float64,
        (Target::Decimal, _) => DataType::Decimal128(38, 18),
        (Target::Boolean, _) => DataType::Boolean,
        (Target::Date, _) => DataType::Date32,
        (Target::Datetime, _) => MICROSECONDS,
    };
    binder.gives(given.clone());
    Ok(Box::new(Cast {
        target,
        given,
        format,
        on_invalid: args.on_invalid,
    }))
}

#[derive(Debug)]
struct Cast {
    target: Target,
    given: DataType,
    format: Option<Format>,
    on_invalid: OnInvalid,
}

impl Mask for Cast {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        if *values.data_type() == self.given {
            return Ok(values);
        }
        let converted = match self.target {
            Target::String => self.string(&values)?,
            Target::Integer => integer(&values)?,
            Target::Float => float(&values)?,
            Target::Decimal => decimal(&values, &self.given)?,
            Target::Boolean => boolean(&values)?,
            Target::Date => or_null(&self.moment(&values)?, &DataType::Date32)?,
            Target::Datetime => self.moment(&values)?,
        };
        if self.on_invalid == OnInvalid::Suppress
            || converted.logical_null_count() == values.logical_null_count()
        {
            return Ok(converted);
        }
        let lost = |row: &usize| converted.is_null(*row) && values.is_valid(*row);
        match (0..values.len()).find(lost) {
            Some(row) => Err(MaskError::Refused {
                row,
                expected: self.target.expected(),
            }),
            None => Ok(converted),
        }
    }

    fn by_value(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

impl Cast {
    fn string(&self, values: &ArrayRef) -> Result<ArrayRef, MaskError> {
        let Some(format) = &self.format else {
            return Ok(Arc::new(plain_text(values)?));
        };
        let moments = self.moment(values)?;
        let moments: &TimestampMicrosecondArray = moments.as_primitive();
        let mut texts = Texts::with_capacity(moments.len());
        for moment in moments {
            let written = moment
                .and_then(DateTime::from_timestamp_micros)
                .and_then(|moment| format.push(texts.bytes(), moment.naive_utc()));
            match written {
                Some(()) => texts.end(),
                None => texts.null(),
            }
        }
        Ok(Arc::new(texts.finish()?))
    }

    /// As timestamps in microseconds without a zone, told in UTC.
    fn moment(&self, values: &ArrayRef) -> Result<ArrayRef, MaskError> {
        match values.data_type() {
            DataType::Date32 => {
                let days = or_null(&or_null(values, &DataType::Int32)?, &DataType::Int64)?;
                Ok(micros(&days, |day| day.checked_mul(DAY * 1_000_000)))
            }
            DataType::Date64 => Ok(micros(&or_null(values, &DataType::Int64)?, |n| {
                n.checked_mul(1_000)
            })),
            DataType::Timestamp(unit, _) => {
                let unit = *unit;
                Ok(micros(
                    &or_null(values, &DataType::Int64)?,
                    |n| match unit {
                        TimeUnit::Second => n.checked_mul(1_000_000),
                        TimeUnit::Millisecond => n.checked_mul(1_000),
                        TimeUnit::Microsecond => Some(n),
                        TimeUnit::Nanosecond => Some(n.div_euclid(1_000)),
                    },
                ))
            }
            _ => {
                let texts = plain_text(values)?;
                let Some(format) = &self.format else {
                    return or_null(&(Arc::new(texts) as ArrayRef), &MICROSECONDS);
                };
                let instant = |moment: NaiveDateTime| moment.and_utc().timestamp_micros();
                let moments = texts
                    .iter()
                    .map(|text| text.and_then(|text| format.read(text)).map(instant));
                Ok(Arc::new(moments.collect::<TimestampMicrosecondArray>()))
            }
        }
    }
}

fn integer(values: &ArrayRef) -> Result<ArrayRef, MaskError> {
    match TypeFamily::of(values.data_type()) {
        Some(TypeFamily::Integer | TypeFamily::Boolean) => or_null(values, &DataType::Int64),
        Some(TypeFamily::Float) => {
            const END: f64 = 9_223_372_036_854_775_808.0; // 2^63
            let whole = |number: f64| {
                (number.fract() == 0.0 && (-END..END).contains(&number)).then_some(number as i64)
            };
            let numbers = or_null(values, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            let numbers: Int64Array = numbers.map(|number| number.and_then(whole)).collect();
            Ok(Arc::new(numbers))
        }
        _ => {
            let whole = |text: &str| match text.parse::<i64>() {
                Ok(number) => Some(number),
                Err(_) => match units(text, 0) {
                    Some((number, true)) => i64::try_from(number).ok(),
                    _ => None,
                },
            };
            let texts = plain_text(values)?;
            let numbers = texts.iter().map(|text| text.map(str::trim).and_then(whole));
            Ok(Arc::new(numbers.collect::<Int64Array>()))
        }
    }
}

fn float(values: &ArrayRef) -> Result<ArrayRef, MaskError> {
    match TypeFamily::of(values.data_type()) {
        Some(TypeFamily::Float | TypeFamily::Integer | TypeFamily::Decimal) => {
            or_null(values, &DataType::Float64)
        }
        Some(TypeFamily::Boolean) => {
            let ones = or_null(values, &DataType::Int64)?;
            let numbers = ones.as_primitive::<Int64Type>().iter();
            let numbers: Float64Array = numbers.map(|n| n.map(|n| n as f64)).collect();
            Ok(Arc::new(numbers))
        }
        _ => {
            let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            let texts = plain_text(values)?;
            let numbers = texts.iter().map(|text| text.and_then(number));
            Ok(Arc::new(numbers.collect::<Float64Array>()))
        }
    }
}

fn decimal(values: &ArrayRef, given: &DataType) -> Result<ArrayRef, MaskError> {
    const SCALE: usize = 18;
    let scale = match given {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => usize::try_from(*scale).unwrap_or(0).min(37),
        _ => SCALE,
    };
    let texts = match values.data_type() {
        DataType::Boolean => plain_text(&or_null(values, &DataType::Int64)?)?,
        _ => plain_text(values)?,
    };
    let exact = |text: &str| match units(text.trim(), scale) {
        Some((number, true)) => Some(number),
        _ => None,
    };
    let numbers: Decimal128Array = texts.iter().map(|text| text.and_then(exact)).collect();
    let numbers = numbers
        .with_precision_and_scale(38, scale as i8)
        .map_err(|_| MaskError::Internal("38 digits hold a scale of up to 37"))?;
    Ok(Arc::new(numbers))
}

fn boolean(values: &ArrayRef) -> Result<ArrayRef, MaskError> {
    const WORDS: [(&str, bool); 12] = [
        ("true", true),
        ("false", false),
        ("1", true),
        ("0", false),
        ("t", true),
        ("f", false),
        ("yes", true),
        ("no", false),
        ("y", true),
        ("n", false),
        ("on", true),
        ("off", false),
    ];
    let truth = |text: &str| {
        let told = |(word, _): &&(&str, bool)| word.eq_ignore_ascii_case(text);
        WORDS.iter().find(told).map(|(_, truth)| *truth)
    };
    let texts: StringViewArray = plain_text(values)?;
    let truths = texts.iter().map(|text| text.map(str::trim).and_then(truth));
    Ok(Arc::new(truths.collect::<BooleanArray>()))
}

/// Whole numbers as timestamps in microseconds, null where one lies beyond them. Arrow's own cast does
/// not look at the ends of the range for every type.
fn micros(numbers: &ArrayRef, scaled: impl Fn(i64) -> Option<i64>) -> ArrayRef {
    let numbers = numbers.as_primitive::<Int64Type>().iter();
    let moments = numbers.map(|number| number.and_then(&scaled));
    Arc::new(moments.collect::<TimestampMicrosecondArray>())
}

/// `values` as `wanted`, null where one cannot be converted.
fn or_null(values: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, MaskError> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    cast_with_options(values, wanted, &options).map_err(|_| MaskError::Type {
        found: values.data_type().clone(),
    })
}

#[cfg(test)]
mod tests;
