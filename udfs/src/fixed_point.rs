//! Numbers with a fixed count of digits after the point, held as whole units of the last one.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, UInt64Array};
use arrow::datatypes::DataType;

use crate::error::{BindError, MaskError};
use crate::restore::restore;

/// The most digits after the point.
pub(crate) const MOST_PLACES: usize = 18;

/// The number in `text` in units of the last of `places` digits after the point, cut downwards, and
/// whether nothing was cut; `None` where it is no number or has more than 38 digits.
pub(crate) fn units(text: &str, places: usize) -> Option<(i128, bool)> {
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        let plain = number.is_finite().then(|| number.to_string())?;
        return units(&plain, places);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let (kept, cut) = fraction.split_at(fraction.len().min(places));
    let exact = cut.bytes().all(|digit| digit == b'0');
    let number = whole_number(whole, kept)?;
    let zeros = u32::try_from(places - kept.len()).ok()?;
    let number = match number {
        0 => 0,
        number => number.checked_mul(10_i128.checked_pow(zeros)?)?,
    };
    if number >= LIMIT {
        return None;
    }
    Some(match negative {
        true => (-number - i128::from(!exact), exact),
        false => (number, exact),
    })
}

/// The number written in the digits of both texts together; `None` beyond 128 bits.
fn whole_number(one: &str, other: &str) -> Option<i128> {
    // Up to 19 digits fit 64 bits, whose arithmetic is many times faster.
    if one.len() + other.len() < 20 {
        let digits = one.bytes().chain(other.bytes());
        let number = digits.fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        return Some(number.into());
    }
    let mut digits = one.bytes().chain(other.bytes());
    digits.try_fold(0_i128, |number, digit| {
        number.checked_mul(10)?.checked_add((digit - b'0').into())
    })
}

/// One more than the greatest number of 38 digits.
const LIMIT: i128 = 10_i128.pow(38);

/// Appends a number of so many units, with `places` digits after the point.
pub(crate) fn push_units(text: &mut String, units: i128, places: usize) {
    let mut digits = [b'0'; 41];
    let mut at = digits.len();
    let mut rest = units.unsigned_abs();
    let mut written = 0;
    while rest > 0 || written <= places {
        if written == places && places > 0 {
            at -= 1;
            digits[at] = b'.';
        }
        at -= 1;
        // Division of 64 bits is many times faster.
        let (quotient, digit) = match u64::try_from(rest) {
            Ok(small) => (u128::from(small / 10), (small % 10) as u8),
            Err(_) => (rest / 10, (rest % 10) as u8),
        };
        digits[at] = b'0' + digit;
        rest = quotient;
        written += 1;
    }
    if units < 0 {
        text.push('-');
    }
    text.push_str(std::str::from_utf8(&digits[at..]).expect("digits and a point are ASCII"));
}

/// How units become values of a column of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Columns {
    /// By [`push_units`].
    Text,
    Integer(DataType),
    Decimal {
        column: DataType,
        precision: u8,
        scale: i8,
        /// Units of the column in one unit.
        factor: i128,
    },
    Float {
        column: DataType,
        /// Units in 1.
        divisor: f64,
    },
}

impl Columns {
    /// For numbers with `places` digits after the point.
    pub(crate) fn of(column: &DataType, places: usize) -> Result<Self, BindError> {
        use DataType::*;
        let too_many = |most: i8| {
            let message = match most {
                0 => format!("the column's type is {column}: it has no digits after the point"),
                most => {
                    format!("the column's type is {column}: `decimal_places` can be {most} at most")
                }
            };
            Err(BindError::new("decimal_places", message))
        };
        Ok(match column {
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => match places {
                0 => Self::Integer(column.clone()),
                _ => return too_many(0),
            },
            Decimal32(precision, scale)
            | Decimal64(precision, scale)
            | Decimal128(precision, scale)
            | Decimal256(precision, scale) => {
                let more = usize::try_from(*scale)
                    .ok()
                    .and_then(|s| s.checked_sub(places));
                let factor = more
                    .and_then(|more| 10_i128.checked_pow(u32::try_from(more).unwrap_or(u32::MAX)));
                match factor {
                    None => return too_many(*scale),
                    Some(factor) => Self::Decimal {
                        column: column.clone(),
                        precision: (*precision).min(38),
                        scale: *scale,
                        factor,
                    },
                }
            }
            Float16 | Float32 | Float64 => Self::Float {
                column: column.clone(),
                divisor: 10_u64.pow(places as u32) as f64,
            },
            _ => Self::Text,
        })
    }

    /// `units` as values of the column, or as 64-bit numbers for text.
    ///
    /// # Errors
    /// [`MaskError::Unfit`] where one lies beyond what the type holds.
    pub(crate) fn array(&self, units: impl Iterator<Item = i128>) -> Result<ArrayRef, MaskError> {
        let unfit = |wanted: &DataType| MaskError::Unfit {
            row: 0,
            wanted: wanted.clone(),
        };
        match self {
            Self::Text => Ok(Arc::new(Float64Array::from_iter_values(
                units.map(|units| units as f64),
            ))),
            Self::Integer(wanted @ DataType::UInt64) => {
                let numbers = units.map(|units| u64::try_from(units).ok());
                whole(Arc::new(UInt64Array::from_iter(numbers)), wanted)
            }
            Self::Integer(wanted) => {
                let numbers = units.map(|units| i64::try_from(units).ok());
                whole(Arc::new(Int64Array::from_iter(numbers)), wanted)
            }
            Self::Decimal {
                column,
                precision,
                scale,
                factor,
            } => {
                let bound = 10_i128.pow((*precision).into());
                let numbers = units.map(|units| {
                    let number = units.checked_mul(*factor)?;
                    (-bound < number && number < bound).then_some(number)
                });
                let numbers = Decimal128Array::from_iter(numbers)
                    .with_precision_and_scale(*precision, *scale)
                    .map_err(|_| unfit(column))?;
                whole(Arc::new(numbers), column)
            }
            Self::Float { column, divisor } => {
                let most = match column {
                    DataType::Float16 => 65_504.0,
                    _ => f64::INFINITY,
                };
                let numbers = units.map(|units| {
                    let number = units as f64 / divisor;
                    (number.abs() <= most).then_some(number)
                });
                whole(Arc::new(Float64Array::from_iter(numbers)), column)
            }
        }
    }
}

/// `numbers`, of which none may be null, as `wanted`.
fn whole(numbers: ArrayRef, wanted: &DataType) -> Result<ArrayRef, MaskError> {
    match (0..numbers.len()).find(|&row| numbers.is_null(row)) {
        Some(row) if numbers.null_count() > 0 => Err(MaskError::Unfit {
            row,
            wanted: wanted.clone(),
        }),
        _ => restore(numbers, wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_texts() {
        for (text, places, expected) in [
            ("0", 0, Some((0, true))),
            ("12.50", 1, Some((125, true))),
            ("12.55", 1, Some((125, false))),
            ("-12.55", 1, Some((-126, false))),
            ("-12.50", 1, Some((-125, true))),
            ("+3", 2, Some((300, true))),
            (".5", 0, Some((0, false))),
            ("5.", 0, Some((5, true))),
            ("1e3", 0, Some((1000, true))),
            ("1E-2", 2, Some((1, true))),
            ("9".repeat(38).as_str(), 0, Some((LIMIT - 1, true))),
            ("9".repeat(38).as_str(), 1, None),
            ("9".repeat(39).as_str(), 0, None),
            ("1e38", 0, None),
            (
                "0000000000000000000000000000000000000000000012",
                1,
                Some((120, true)),
            ),
            (
                "9999999999999999999",
                0,
                Some((9_999_999_999_999_999_999, true)),
            ),
            (
                "99999999999999999999",
                0,
                Some((99_999_999_999_999_999_999, true)),
            ),
            ("0", 60, Some((0, true))),
            ("1", 60, None),
            ("1e999", 0, None),
            ("", 0, None),
            (".", 0, None),
            ("-", 0, None),
            ("1,5", 0, None),
            ("--1", 0, None),
            ("٣", 0, None),
            ("NaN", 0, None),
        ] {
            assert_eq!(units(text, places), expected, "{text} {places}");
        }
    }

    #[test]
    fn texts_of_units() {
        for (units, places, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12345, 2, "123.45"),
            (-7, 0, "-7"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
            (i128::MIN, 18, "-170141183460469231731.687303715884105728"),
            (u64::MAX.into(), 1, "1844674407370955161.5"),
        ] {
            let mut text = String::new();
            push_units(&mut text, units, places);
            assert_eq!(text, expected);
        }
    }
}
