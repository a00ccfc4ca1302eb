//! Conditions: which rows a rule chooses.
//!
//! A condition is total: a value that does not compare (text where a number is asked for, null) does
//! not satisfy the test, and never raises an error that could tell what the value was.

use std::cmp::Ordering;

use arrow::array::{Array, StringViewArray};
use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use data_encoding::HEXLOWER;
use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use crate::calendar::{DAY, day_of};
use crate::date_form::iso_text_day;
use crate::mask::TypeFamily;

/// What a rule asks of a row.
#[derive(Debug, Clone)]
pub enum Condition {
    /// A test of one column, named by a dotted path.
    Column(String, Test),
    /// Each of these.
    And(Vec<Condition>),
    /// At least one of these.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// A test of one value in canonical text. Null satisfies none but [`Test::IsNull`].
#[derive(Debug, Clone)]
pub enum Test {
    /// The value is one of these.
    In(Vec<Operand>),
    /// The value is null.
    IsNull,
    /// The value matches somewhere.
    Matches(Regex),
    /// The value orders before this.
    LessThan(Operand),
    /// The value orders before this or equals it.
    LessThanOrEqual(Operand),
    /// The value orders after this.
    GreaterThan(Operand),
    /// The value orders after this or equals it.
    GreaterThanOrEqual(Operand),
}

/// What a value is compared with; it decides how. See [`Test::of`] for what fits which column.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// As text, code point by code point.
    Text(String),
    /// As a whole number, exactly; a value that is no number does not compare.
    Integer(i128),
    /// As a number; a value that is none does not compare.
    Number(f64),
    /// As nanoseconds since 1970 in UTC; a value that is no date or timestamp does not compare.
    Instant(i128),
    /// As days since 1970; of a column of text what ISO 8601 writes, and no other text compares.
    Day(i64),
}

impl Operand {
    /// Text in the form values are compared in.
    pub fn text(text: &str) -> Self {
        Self::Text(text.nfc().collect())
    }

    /// The operand as it compares with values of `column`.
    ///
    /// # Errors
    /// What would be expected in its place.
    fn of(self, column: &DataType) -> Result<Self, &'static str> {
        let family = TypeFamily::of(column);
        match (family, self) {
            (Some(TypeFamily::Date | TypeFamily::Timestamp), Self::Day(day)) => {
                Ok(Self::Instant(i128::from(day * DAY) * NANOS))
            }
            (None | Some(TypeFamily::Text), Self::Day(day)) => Ok(Self::Day(day)),
            (Some(_), Self::Day(_)) => Err("a column of dates, timestamps or text"),
            (None | Some(TypeFamily::Text), operand) => Ok(operand),
            (
                Some(TypeFamily::Integer | TypeFamily::Decimal | TypeFamily::Float),
                Self::Text(text),
            ) => number(text.trim()).ok_or("a number"),
            (
                Some(TypeFamily::Integer | TypeFamily::Decimal | TypeFamily::Float),
                operand @ (Self::Integer(_) | Self::Number(_)),
            ) => Ok(operand),
            (Some(TypeFamily::Boolean), Self::Text(text))
                if ["true", "false"].contains(&&*text) =>
            {
                Ok(Self::Text(text))
            }
            (Some(TypeFamily::Boolean), _) => Err("true or false"),
            (Some(TypeFamily::Date), operand) => match operand {
                Self::Text(text) => written_instant(&text, false).map(Self::Instant),
                _ => None,
            }
            .ok_or("a date, as in `2000-01-31`"),
            (Some(TypeFamily::Timestamp), operand) => {
                let zoned = matches!(column, DataType::Timestamp(_, Some(_)));
                let instant = match operand {
                    Self::Text(text) => written_instant(&text, zoned).map(Self::Instant),
                    _ => None,
                };
                instant.ok_or(match zoned {
                    true => "a moment, as in `2000-01-31T18:00:00+01:00`",
                    false => "a moment without a zone, as in `2000-01-31T18:00:00`",
                })
            }
            (Some(TypeFamily::Time), operand) => match operand {
                Self::Text(text) => time_of_day(&text).map(Self::Text),
                _ => None,
            }
            .ok_or("a time of day, as in `18:00:00`"),
            (Some(TypeFamily::Binary), operand) => match operand {
                Self::Text(text) if HEXLOWER.decode(text.as_bytes()).is_ok() => {
                    Some(Self::Text(text))
                }
                _ => None,
            }
            .ok_or("bytes as lower-case hexadecimal digits"),
            (Some(_), Self::Instant(_)) => Err("another value"),
        }
    }

    fn order(&self, value: &str) -> Option<Ordering> {
        match self {
            Self::Text(text) => Some(value.cmp(text)),
            Self::Integer(integer) => match value.trim().parse::<i128>() {
                Ok(value) => Some(value.cmp(integer)),
                Err(_) => Self::Number(*integer as f64).order(value),
            },
            Self::Number(number) => value.trim().parse::<f64>().ok()?.partial_cmp(number),
            Self::Instant(instant) => Some(canonical_instant(value)?.cmp(instant)),
            Self::Day(day) => Some(iso_text_day(value.trim())?.cmp(day)),
        }
    }
}

fn number(text: &str) -> Option<Operand> {
    if let Ok(integer) = text.parse() {
        return Some(Operand::Integer(integer));
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Operand::Number)
}

const NANOS: i128 = 1_000_000_000;

/// The instant of a date or timestamp as a ruleset writes it: ISO 8601, also with a blank in place of
/// the `T`. A date is its midnight; what has no zone is in UTC, and may only have one where `zoned`.
fn written_instant(text: &str, zoned: bool) -> Option<i128> {
    let at = text.trim().replacen(' ', "T", 1);
    let utc = match DateTime::parse_from_rfc3339(&at) {
        Ok(moment) if zoned => moment.naive_utc(),
        Ok(_) => return None,
        Err(_) => match NaiveDate::parse_from_str(&at, "%Y-%m-%d") {
            Ok(date) => date.and_time(NaiveTime::MIN),
            Err(_) => {
                let minutes = || NaiveDateTime::parse_from_str(&at, "%Y-%m-%dT%H:%M");
                NaiveDateTime::parse_from_str(&at, "%Y-%m-%dT%H:%M:%S%.f")
                    .or_else(|_| minutes())
                    .ok()?
            }
        },
    };
    let utc = utc.and_utc();
    Some(i128::from(utc.timestamp()) * NANOS + i128::from(utc.timestamp_subsec_nanos()))
}

/// A time of day as canonical text has it.
fn time_of_day(text: &str) -> Option<String> {
    let minutes = || NaiveTime::parse_from_str(text, "%H:%M");
    let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").or_else(|_| minutes());
    let text = time.ok()?.format("%H:%M:%S%.9f").to_string();
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// The instant of a date or timestamp in canonical text, which is in UTC.
fn canonical_instant(text: &str) -> Option<i128> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let (year, rest) = date.split_at_checked(date.len().checked_sub("-MM-DD".len())?)?;
    let &[b'-', m1, m2, b'-', d1, d2] = rest.as_bytes() else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        u32::from(tens.wrapping_sub(b'0')) * 10 + u32::from(ones.wrapping_sub(b'0'))
    };
    let day = day_of(year.parse().ok()?, two(m1, m2), two(d1, d2));
    let (clock, fraction) = time
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((time.trim_end_matches('Z'), ""));
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = clock.as_bytes() else {
        return None;
    };
    let second = i64::from(two(h1, h2) * 3600 + two(m1, m2) * 60 + two(s1, s2));
    let nanos: i128 = match fraction.len() {
        0 => 0,
        digits @ 1..=9 => fraction.parse::<i128>().ok()? * 10_i128.pow(9 - digits as u32),
        _ => return None,
    };
    Some(i128::from(day * DAY + second) * NANOS + nanos)
}

impl Test {
    /// The test as it is asked of values of `column`: numbers compare with numbers, dates, timestamps
    /// and times of day with what ISO 8601 writes, everything with text as it is.
    ///
    /// # Errors
    /// What would be expected in place of a value that cannot be one of the column's.
    pub fn of(self, column: &DataType) -> Result<Self, &'static str> {
        Ok(match self {
            Self::In(operands) => {
                let operands = operands.into_iter().map(|operand| operand.of(column));
                Self::In(operands.collect::<Result<_, _>>()?)
            }
            Self::IsNull => Self::IsNull,
            Self::Matches(_) if TypeFamily::of(column) == Some(TypeFamily::Binary) => {
                return Err("another test: bytes are no text that a pattern matches");
            }
            Self::Matches(regex) => Self::Matches(regex),
            Self::LessThan(bound) => Self::LessThan(bound.of(column)?),
            Self::LessThanOrEqual(bound) => Self::LessThanOrEqual(bound.of(column)?),
            Self::GreaterThan(bound) => Self::GreaterThan(bound.of(column)?),
            Self::GreaterThanOrEqual(bound) => Self::GreaterThanOrEqual(bound.of(column)?),
        })
    }

    /// Whether `value` passes.
    pub fn passes(&self, value: Option<&str>) -> bool {
        use Ordering::{Equal, Greater, Less};
        let Some(value) = value else {
            return matches!(self, Self::IsNull);
        };
        match self {
            Self::IsNull => false,
            Self::In(operands) => operands.iter().any(|o| o.order(value) == Some(Equal)),
            Self::Matches(regex) => regex.is_match(value),
            Self::LessThan(bound) => bound.order(value) == Some(Less),
            Self::LessThanOrEqual(bound) => matches!(bound.order(value), Some(Less | Equal)),
            Self::GreaterThan(bound) => bound.order(value) == Some(Greater),
            Self::GreaterThanOrEqual(bound) => matches!(bound.order(value), Some(Greater | Equal)),
        }
    }
}

impl Condition {
    /// The columns the condition reads, each once, as dotted paths.
    pub fn columns(&self) -> Vec<String> {
        let mut columns = Vec::new();
        self.collect(&mut columns);
        columns
    }

    fn collect(&self, columns: &mut Vec<String>) {
        match self {
            Self::Column(column, _) if !columns.contains(column) => columns.push(column.clone()),
            Self::Column(..) => {}
            Self::And(all) | Self::Or(all) => all.iter().for_each(|c| c.collect(columns)),
            Self::Not(inner) => inner.collect(columns),
        }
    }

    /// Whether every value of one column that the condition does not choose is null or empty text.
    pub fn leaves_only_blanks(&self) -> bool {
        self.only_blanks(false)
    }

    /// Whether only null and empty text make the condition `truth`.
    fn only_blanks(&self, truth: bool) -> bool {
        let blank = |operand: &Operand| *operand == Operand::Text(String::new());
        match self {
            Self::Column(_, Test::IsNull) => truth,
            Self::Column(_, Test::In(operands)) => truth && operands.iter().all(blank),
            Self::Column(..) => false,
            Self::And(parts) | Self::Or(parts) => match matches!(self, Self::And(_)) == truth {
                // All of them are so at once: one that only blanks make so is enough.
                true => parts.iter().any(|part| part.only_blanks(truth)),
                false => parts.iter().all(|part| part.only_blanks(truth)),
            },
            Self::Not(inner) => inner.only_blanks(!truth),
        }
    }

    pub(crate) fn evaluate(&self, row: usize, columns: &[(String, StringViewArray)]) -> bool {
        match self {
            Self::Column(name, test) => {
                let (_, values) = columns
                    .iter()
                    .find(|(column, _)| column == name)
                    .expect("every column of the condition is an argument");
                test.passes(values.is_valid(row).then(|| values.value(row)))
            }
            Self::And(all) => all.iter().all(|condition| condition.evaluate(row, columns)),
            Self::Or(any) => any.iter().any(|condition| condition.evaluate(row, columns)),
            Self::Not(inner) => !inner.evaluate(row, columns),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Date32Array, Decimal128Array, Int32Array, StringArray, Time64MicrosecondArray,
        TimestampMicrosecondArray, TimestampNanosecondArray,
    };

    use super::*;
    use crate::canonical::canonical_text;

    /// The rows of `values` that pass, or what was expected.
    fn passing(values: ArrayRef, test: Test) -> Result<Vec<usize>, &'static str> {
        let test = test.of(values.data_type())?;
        let texts = canonical_text(&values).unwrap();
        let passes = |row: &usize| test.passes(texts.is_valid(*row).then(|| texts.value(*row)));
        Ok((0..values.len()).filter(passes).collect())
    }

    #[test]
    fn a_value_compares_as_its_type_does() {
        let text = Operand::text;
        let ages: ArrayRef = Arc::new(Int32Array::from(vec![5, 17, 100, 2]));
        let prices = Decimal128Array::from(vec![200, 1000, 250]).with_precision_and_scale(9, 2);
        let prices: ArrayRef = Arc::new(prices.unwrap());
        let days: ArrayRef = Arc::new(Date32Array::from(vec![-800_000, 10_957, 10_958, 3_000_000]));
        let hour = 3_600_000_000;
        let day = 10_959 * 24 * hour;
        let moments = TimestampMicrosecondArray::from(vec![day - 1, day, day + 3 * hour]);
        let zoned: ArrayRef = Arc::new(moments.clone().with_timezone("+02:00"));
        let moments: ArrayRef = Arc::new(moments);
        let born: ArrayRef = Arc::new(StringArray::from(vec![
            "1999-12-31T23:30:00-02:00",
            "2000-01-01",
            " 2000-01-01 ",
            "2000-01-01 00:00:00",
            "2024-02-29T23:59:59.5Z",
            "31/12/1950",
            "bad",
            "",
            "1990-13-45",
            "2023-02-29",
            "0000-00-00",
            "2000-1-1",
            "2000-01-01x",
            "2000-01-01T25:00:00",
        ]));
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![-1, 0, 1]));
        let times: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![
            0,
            10 * hour,
            10 * hour + 500_000,
        ]));
        for (values, test, expected) in [
            (&ages, Test::LessThan(text("18")), Ok(vec![0, 1, 3])),
            (
                &ages,
                Test::In(vec![text("17"), Operand::Number(2.0)]),
                Ok(vec![1, 3]),
            ),
            (&ages, Test::LessThan(text("abc")), Err("a number")),
            (&ages, Test::LessThan(text("nan")), Err("a number")),
            (&prices, Test::In(vec![text("2.00")]), Ok(vec![0])),
            (&prices, Test::GreaterThan(text("2.4")), Ok(vec![1, 2])),
            (&days, Test::GreaterThan(text("2000-01-01")), Ok(vec![2, 3])),
            (
                &days,
                Test::LessThanOrEqual(text("2000-01-01")),
                Ok(vec![0, 1]),
            ),
            (
                &days,
                Test::LessThan(text("2000-01-01 12:00")),
                Ok(vec![0, 1]),
            ),
            (
                &days,
                Test::GreaterThan(text("03/01/2000")),
                Err("a date, as in `2000-01-31`"),
            ),
            (
                &days,
                Test::GreaterThan(text("2000-13-01")),
                Err("a date, as in `2000-01-31`"),
            ),
            (
                &days,
                Test::LessThan(Operand::Integer(5)),
                Err("a date, as in `2000-01-31`"),
            ),
            (&days, Test::LessThan(Operand::Day(10_958)), Ok(vec![0, 1])),
            (&moments, Test::LessThan(Operand::Day(10_959)), Ok(vec![0])),
            (
                &ages,
                Test::LessThan(Operand::Day(10_959)),
                Err("a column of dates, timestamps or text"),
            ),
            (
                &born,
                Test::GreaterThanOrEqual(Operand::Day(10_957)),
                Ok(vec![1, 2, 3, 4]),
            ),
            (&born, Test::LessThan(Operand::Day(10_957)), Ok(vec![0])),
            (
                &moments,
                Test::LessThanOrEqual(text("2000-01-03")),
                Ok(vec![0, 1]),
            ),
            (
                &moments,
                Test::LessThan(text("2000-01-03 12:00:00")),
                Ok(vec![0, 1, 2]),
            ),
            (
                &moments,
                Test::In(vec![text("2000-01-03T03:00")]),
                Ok(vec![2]),
            ),
            (
                &moments,
                Test::LessThan(text("2000-01-03T00:00:00Z")),
                Err("a moment without a zone, as in `2000-01-31T18:00:00`"),
            ),
            (
                &zoned,
                Test::In(vec![text("2000-01-03T02:00:00+02:00")]),
                Ok(vec![1]),
            ),
            (&zoned, Test::GreaterThan(text("2000-01-03")), Ok(vec![2])),
            (
                &nanos,
                Test::LessThan(text("1970-01-01T00:00:00.000000001")),
                Ok(vec![0, 1]),
            ),
            (&times, Test::LessThanOrEqual(text("10:00")), Ok(vec![0, 1])),
            (&times, Test::In(vec![text("10:00:00.500")]), Ok(vec![2])),
            (&times, Test::In(vec![text("00:00:00")]), Ok(vec![0])),
            (
                &times,
                Test::In(vec![text("25:00:00")]),
                Err("a time of day, as in `18:00:00`"),
            ),
        ] {
            assert_eq!(
                passing(Arc::clone(values), test.clone()),
                expected,
                "{test:?}"
            );
        }
        for (column, test) in [
            (DataType::Boolean, Test::In(vec![Operand::Integer(3)])),
            (DataType::Boolean, Test::In(vec![text("yes")])),
            (DataType::Binary, Test::In(vec![text("0xFF")])),
            (DataType::Binary, Test::Matches(Regex::new("a").unwrap())),
        ] {
            assert!(test.of(&column).is_err(), "{column}");
        }
        assert!(Test::In(vec![text("true")]).of(&DataType::Boolean).is_ok());
        assert!(Test::In(vec![text("00ff")]).of(&DataType::Binary).is_ok());
    }

    #[test]
    fn conditions_that_leave_only_blanks() {
        let of = |test: Test| Condition::Column("c".to_owned(), test);
        let null = || of(Test::IsNull);
        let equals = |text: &str| of(Test::In(vec![Operand::text(text)]));
        let not = |condition| Condition::Not(Box::new(condition));
        for (condition, only) in [
            (not(null()), true),
            (not(equals("")), true),
            (not(Condition::Or(vec![null(), equals("")])), true),
            (Condition::And(vec![not(null()), not(equals(""))]), true),
            (not(Condition::And(vec![null(), equals("x")])), true),
            (Condition::Or(vec![not(null()), equals("x")]), true),
            (null(), false),
            (equals(""), false),
            (not(equals("x")), false),
            (not(Condition::Or(vec![null(), equals("x")])), false),
            (Condition::And(vec![not(null()), equals("x")]), false),
            (not(of(Test::LessThan(Operand::text("")))), false),
            (Condition::Or(vec![]), false),
            (Condition::And(vec![]), true),
        ] {
            assert_eq!(condition.leaves_only_blanks(), only, "{condition:?}");
        }
    }

    #[test]
    fn tests_of_values() {
        let regex = |pattern| Test::Matches(Regex::new(pattern).unwrap());
        let text = Operand::text;
        let one = |value: &str| Test::In(vec![text(value)]);
        let number = Operand::Number;
        for (test, value, passes) in [
            (one("NZ"), Some("NZ"), true),
            (one("NZ"), Some("nz"), false),
            (one("42"), Some("042"), false),
            (one("Zoe\u{308}"), Some("Zo\u{eb}"), true),
            (Test::In(vec![number(42.0)]), Some("42.0"), true),
            (Test::In(vec![number(42.0)]), Some("x"), false),
            (Test::In(vec![Operand::Integer(42)]), Some("42.0"), true),
            (
                Test::In(vec![Operand::Integer((1 << 53) + 1)]),
                Some("9007199254740992"),
                false,
            ),
            (one(""), None, false),
            (Test::IsNull, None, true),
            (Test::IsNull, Some(""), false),
            (regex("^a"), Some("abc"), true),
            (regex("^b"), Some("abc"), false),
            (Test::LessThan(number(10.0)), Some("9"), true),
            (Test::LessThan(number(10.0)), Some("x"), false),
            (Test::LessThan(number(10.0)), None, false),
            (Test::LessThan(text("2000-01-01")), Some("1999-12-31"), true),
            (
                Test::GreaterThanOrEqual(text("2000-01-01")),
                Some("2000-01-01"),
                true,
            ),
            (
                Test::GreaterThan(text("2000-01-01")),
                Some("2000-01-01"),
                false,
            ),
            (Test::LessThanOrEqual(number(10.0)), Some("10.0"), true),
        ] {
            assert_eq!(test.passes(value), passes, "{test:?} of {value:?}");
        }
    }
}
