//! Numbers of every column type as whole units of a power of ten, so that masks compute exactly and
//! alike on every machine.
//!
//! - Integers and decimals are what they are. A float is the shortest decimal that reads back as the
//!   same float, rounded down to 20 decimals. Text is digits with a minus before and a point within.
//! - A result goes back to the column's own type: rounded down to the column's scale, a float to the
//!   nearest its type holds, a text with the decimals the mask gave it.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Builder, PrimitiveBuilder,
    StringViewArray, StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type, i256,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::plain_text;
use crate::draw::Draw;
use crate::mask::{MaskError, OnInvalid, TypeFamily};

/// Column types of numbers, and text that holds some.
pub(crate) const NUMBERS: &[TypeFamily] = &[
    TypeFamily::Text,
    TypeFamily::Integer,
    TypeFamily::Decimal,
    TypeFamily::Float,
];

/// The most decimals taken from a float.
const FLOAT_DECIMALS: i32 = 20;

/// `units / 10^scale`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) units: i128,
    pub(crate) scale: i32,
}

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Decimals, where the type fixes them.
    pub(crate) scale: Option<i32>,
    /// Its least and greatest number, in units of its scale.
    pub(crate) least: i128,
    pub(crate) greatest: i128,
}

impl Grid {
    /// Of a column; text and floats fix nothing.
    pub(crate) fn of(column: &DataType) -> Self {
        use DataType::*;
        let whole = |least: i128, greatest: i128| Self {
            scale: Some(0),
            least,
            greatest,
        };
        let signed = |bits: u32| whole(-(1 << (bits - 1)), (1 << (bits - 1)) - 1);
        let unsigned = |bits: u32| whole(0, (1 << bits) - 1);
        match column {
            Int8 => signed(8),
            Int16 => signed(16),
            Int32 => signed(32),
            Int64 => signed(64),
            UInt8 => unsigned(8),
            UInt16 => unsigned(16),
            UInt32 => unsigned(32),
            UInt64 => unsigned(64),
            Decimal32(precision, scale)
            | Decimal64(precision, scale)
            | Decimal128(precision, scale)
            | Decimal256(precision, scale) => {
                let greatest = power_of_ten((*precision).into()).map_or(i128::MAX, |p| p - 1);
                Self {
                    scale: Some((*scale).into()),
                    least: -greatest,
                    greatest,
                }
            }
            _ => Self {
                scale: None,
                least: -i128::MAX,
                greatest: i128::MAX,
            },
        }
    }

    /// Whether every number of so many decimals is one of the column's, but for its size.
    pub(crate) fn has_decimals(self, scale: i32) -> bool {
        self.scale.is_none_or(|own| scale <= own)
    }

    /// The units of `number` rounded down, if the column can hold them.
    fn units(self, number: Number) -> Option<i128> {
        let units = number.floor(self.scale?)?;
        (self.least..=self.greatest)
            .contains(&units)
            .then_some(units)
    }
}

impl Number {
    /// A number as text writes it: digits, a minus before them, a point within.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.is_empty() || fraction.is_empty() {
            return None;
        }
        let scale = if digits.len() == whole.len() {
            0
        } else {
            fraction.len()
        };
        let fraction = &fraction[..scale];
        let add = |units: i128, digit: u8| {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            units.checked_mul(10)?.checked_add(digit.into())
        };
        let units = if digits.len() <= 18 {
            let mut units = 0_u64;
            for digit in whole.bytes().chain(fraction.bytes()) {
                let digit = digit.wrapping_sub(b'0');
                if digit > 9 {
                    return None;
                }
                units = units * 10 + u64::from(digit);
            }
            i128::from(units)
        } else {
            whole.bytes().chain(fraction.bytes()).try_fold(0, add)?
        };
        Some(Self {
            units: if digits.len() < text.len() {
                -units
            } else {
                units
            },
            scale: scale as i32,
        })
    }

    /// The same with an exponent behind: `1.5e-7`.
    fn parse_scientific(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let number = Self::parse(digits)?;
        let scale = number.scale.checked_sub(exponent.parse().ok()?)?;
        let number = Self { scale, ..number };
        match scale < 0 {
            true => Some(Self {
                units: number.floor(0)?,
                scale: 0,
            }),
            false => Some(number),
        }
    }

    /// The shortest decimal of a finite float.
    pub(crate) fn of_f64(value: f64, text: &mut String) -> Option<Self> {
        /// Up to here the shortest decimal is the only one of its length that reads back.
        const SURE: f64 = 1e15;
        let mut power = 1.0;
        for scale in 0..=4 {
            let units = (value * power).round();
            if units.abs() < SURE && units / power == value {
                let units = units as i64;
                return Some(Self {
                    units: units.into(),
                    scale,
                });
            }
            power *= 10.0;
        }
        text.clear();
        write!(text, "{value:e}").ok()?;
        Self::parse_scientific(text)?.shortened()
    }

    fn of_f32(value: f32, text: &mut String) -> Option<Self> {
        if value.fract() == 0.0 && value.abs() < 16_777_216.0 {
            return Some(Self {
                units: (value as i32).into(),
                scale: 0,
            });
        }
        text.clear();
        write!(text, "{value:e}").ok()?;
        Self::parse_scientific(text)?.shortened()
    }

    /// With at most [`FLOAT_DECIMALS`].
    fn shortened(self) -> Option<Self> {
        let scale = self.scale.min(FLOAT_DECIMALS);
        Some(Self {
            units: self.floor(scale)?,
            scale,
        })
    }

    /// The units of the greatest number of `scale` decimals that is not greater.
    pub(crate) fn floor(self, scale: i32) -> Option<i128> {
        let (power, up) = between(self.scale, scale);
        match (up, power) {
            (true, power) => self.units.checked_mul(power?),
            (false, Some(power)) => Some(self.units.div_euclid(power)),
            // Less than the least unit of that scale.
            (false, None) => Some(if self.units < 0 { -1 } else { 0 }),
        }
    }

    /// The units of the least number of `scale` decimals that is not less.
    pub(crate) fn ceil(self, scale: i32) -> Option<i128> {
        let negated = Self {
            units: self.units.checked_neg()?,
            scale: self.scale,
        };
        negated.floor(scale)?.checked_neg()
    }

    /// The nearest number of `scale` decimals, a half away from zero, in its units.
    pub(crate) fn round(self, scale: i32) -> Option<i128> {
        let (power, up) = between(self.scale, scale);
        match (up, power) {
            (true, power) => self.units.checked_mul(power?),
            (false, Some(power)) => {
                let (whole, rest) = (self.units / power, self.units % power);
                // `rest` and `power - rest` do not overflow, their double may.
                let away = rest.abs() >= power - rest.abs() && rest != 0;
                Some(whole + if away { self.units.signum() } else { 0 })
            }
            (false, None) => Some(0),
        }
    }

    /// The nearest float, or one beside it for numbers of more than 15 digits.
    pub(crate) fn to_f64(self) -> f64 {
        const EXACT: u128 = 1 << 53;
        if self.units.unsigned_abs() < EXACT && (0..=22).contains(&self.scale) {
            // Both are exact, so the quotient is the nearest float.
            return self.units as f64 / POWERS[self.scale as usize];
        }
        let mut text = String::new();
        self.push(&mut text);
        text.parse().unwrap_or(0.0)
    }

    /// Appends the number with as many decimals as its scale says; none where that is negative.
    pub(crate) fn push(self, text: &mut String) {
        if self.units < 0 {
            text.push('-');
        }
        let units = self.units.unsigned_abs();
        let Ok(scale @ 1..) = usize::try_from(self.scale) else {
            push_digits(text, units);
            if units != 0 {
                text.extend((self.scale..0).map(|_| '0'));
            }
            return;
        };
        let start = text.len();
        push_digits(text, units);
        let digits = text.len() - start;
        if digits <= scale {
            text.insert_str(start, &ZEROS[..(scale + 1 - digits).min(ZEROS.len())]);
        }
        text.insert(text.len().saturating_sub(scale).max(start + 1), '.');
    }

    /// Without needless zeros at the end.
    fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.units % 10 == 0 {
            self.units /= 10;
            self.scale -= 1;
        }
        self
    }
}

/// The power of ten between two scales, and whether a number's units grow by it.
fn between(from: i32, to: i32) -> (Option<i128>, bool) {
    (power_of_ten(to.abs_diff(from)), to >= from)
}

fn power_of_ten(exponent: u32) -> Option<i128> {
    match exponent {
        0 => Some(1),
        1..=18 => Some(10_i64.pow(exponent).into()),
        _ => 10_i128.checked_pow(exponent),
    }
}

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// As many as a number has places at most.
const ZEROS: &str =
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000";

/// `10^exponent` as a float, the same on every machine.
pub(crate) fn power_f64(exponent: i32) -> f64 {
    let most = POWERS.len() as u32 - 1;
    let mut left = exponent.unsigned_abs();
    let mut power = 1.0;
    // Beyond the range of floats more factors change nothing.
    left = left.min(20 * most);
    while left > 0 {
        power *= POWERS[left.min(most) as usize];
        left -= left.min(most);
    }
    if exponent < 0 { 1.0 / power } else { power }
}

fn push_digits(text: &mut String, units: u128) {
    let mut digits = [0; 39];
    let mut start = digits.len();
    let mut push = |digit: u8| {
        start -= 1;
        digits[start] = b'0' + digit;
    };
    let mut high = units;
    while high > u128::from(u64::MAX) {
        push((high % 10) as u8);
        high /= 10;
    }
    let mut low = high as u64;
    loop {
        push((low % 10) as u8);
        low /= 10;
        if low == 0 {
            break;
        }
    }
    text.push_str(std::str::from_utf8(&digits[start..]).expect("digits are ASCII"));
}

/// One of `0..n`, each as likely as the others within `n / 2^64`, for `n` from 2^64 on within
/// `n / 2^128`; 0 for `n` of zero.
pub(crate) fn pick_wide(draw: Draw, n: u128) -> u128 {
    if let Ok(n) = u64::try_from(n) {
        return draw.pick(n).into();
    }
    high_half(draw.bits(), n)
}

/// The upper half of the product, 256 bits long, in parts of 64 bits.
fn high_half(bits: u128, n: u128) -> u128 {
    let low = u128::from(u64::MAX);
    let (a, b) = (bits >> 64, bits & low);
    let (c, d) = (n >> 64, n & low);
    let middle = ((b * d) >> 64) + ((a * d) & low) + ((b * c) & low);
    a * c + ((a * d) >> 64) + ((b * c) >> 64) + (middle >> 64)
}

/// A number among the arguments of a mask, written as a number or as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "String")]
pub(crate) struct Amount(pub(crate) Number);

impl TryFrom<Value> for Amount {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let number = match &value {
            Value::Number(number) => Number::parse_scientific(&number.to_string()),
            Value::String(text) => Number::parse_scientific(text),
            _ => None,
        };
        number
            .map(|number| Self(number.trimmed()))
            .filter(|Self(number)| number.scale <= FLOAT_DECIMALS && number.units != i128::MIN)
            .ok_or("expected a number of at most 38 digits, 20 of them after the point")
    }
}

impl From<Amount> for String {
    fn from(Amount(number): Amount) -> Self {
        let mut text = Self::new();
        number.push(&mut text);
        text
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"] })
    }
}

/// What a mask of numbers makes of one: its row and the number in, another out, with any scale; `None`
/// where it cannot work on it.
pub(crate) type MaskNumber<'m> = &'m dyn Fn(usize, Number) -> Option<Number>;

/// Each number of `values` as `mask` gives it back, in the column's own type; null stays null. A text
/// that is no number, a float that is none, and a result the type cannot hold are invalid.
///
/// # Errors
/// For an invalid value where `on_invalid` says so.
pub(crate) fn each_number(
    values: &ArrayRef,
    on_invalid: OnInvalid,
    expected: &'static str,
    mask: MaskNumber<'_>,
) -> Result<ArrayRef, MaskError> {
    use DataType::*;
    let numbers = Numbers {
        values,
        grid: Grid::of(values.data_type()),
        on_invalid,
        expected,
        mask,
    };
    match values.data_type() {
        Int8 => numbers.exact::<Int8Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        Int16 => numbers.exact::<Int16Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        Int32 => numbers.exact::<Int32Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        Int64 => numbers.exact::<Int64Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        UInt8 => numbers.exact::<UInt8Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        UInt16 => numbers.exact::<UInt16Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        UInt32 => numbers.exact::<UInt32Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        UInt64 => numbers.exact::<UInt64Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        Decimal32(..) => numbers.exact::<Decimal32Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        Decimal64(..) => numbers.exact::<Decimal64Type>(|n| Some(n.into()), |u| u.try_into().ok()),
        Decimal128(..) => numbers.exact::<Decimal128Type>(Some, Some),
        Decimal256(..) => {
            numbers.exact::<Decimal256Type>(i256::to_i128, |u| Some(i256::from_i128(u)))
        }
        Float64 => {
            let mut text = String::new();
            numbers.each::<Float64Type>(|row, value| {
                let number = Number::of_f64(value, &mut text)?;
                Some(mask(row, number)?.to_f64())
            })
        }
        Float32 => {
            let mut text = String::new();
            numbers.each::<Float32Type>(|row, value| {
                let number = Number::of_f32(value, &mut text)?;
                finite(mask(row, number)?.to_f64() as f32)
            })
        }
        Float16 => {
            let mut text = String::new();
            numbers.each::<Float16Type>(|row, value| {
                let number = Number::of_f32(value.to_f32(), &mut text)?;
                let masked = Half::from_f64(mask(row, number)?.to_f64());
                masked.is_finite().then_some(masked)
            })
        }
        _ => Ok(Arc::new(numbers.texts(&plain_text(values)?)?)),
    }
}

/// Each float of `values` as `mask` gives it back, in the column's own type; null stays null. What is
/// no finite number, before or after, is invalid.
///
/// # Errors
/// For an invalid value where `on_invalid` says so.
pub(crate) fn each_float(
    values: &ArrayRef,
    on_invalid: OnInvalid,
    expected: &'static str,
    mask: &dyn Fn(usize, f64) -> Option<f64>,
) -> Result<ArrayRef, MaskError> {
    let own = values.data_type();
    let unfit = |_| MaskError::Type { found: own.clone() };
    let wide = cast(values, &DataType::Float64).map_err(unfit)?;
    // Beyond these a narrower type would round to infinity.
    let most = match own {
        DataType::Float16 => 65_504.0,
        DataType::Float32 => f32::MAX.into(),
        _ => f64::MAX,
    };
    let wide = wide.as_primitive::<Float64Type>();
    let mut masked = Float64Builder::with_capacity(wide.len());
    for row in 0..wide.len() {
        if wide.is_null(row) {
            masked.append_null();
            continue;
        }
        let value = wide.value(row);
        let drawn = value.is_finite().then(|| mask(row, value)).flatten();
        match drawn.filter(|value| value.abs() <= most) {
            Some(value) => masked.append_value(value),
            None => masked.append_option(on_invalid.at(row, expected)?),
        }
    }
    cast(&masked.finish(), own).map_err(unfit)
}

type Half = <Float16Type as ArrowPrimitiveType>::Native;

fn finite(value: f32) -> Option<f32> {
    value.is_finite().then_some(value)
}

struct Numbers<'n> {
    values: &'n ArrayRef,
    grid: Grid,
    on_invalid: OnInvalid,
    expected: &'static str,
    mask: MaskNumber<'n>,
}

impl Numbers<'_> {
    fn exact<T: ArrowPrimitiveType>(
        &self,
        widen: impl Fn(T::Native) -> Option<i128>,
        narrow: impl Fn(i128) -> Option<T::Native>,
    ) -> Result<ArrayRef, MaskError> {
        let scale = self.grid.scale.unwrap_or(0);
        self.each::<T>(|row, value| {
            let units = widen(value)?;
            narrow(
                self.grid
                    .units((self.mask)(row, Number { units, scale })?)?,
            )
        })
    }

    fn each<T: ArrowPrimitiveType>(
        &self,
        mut mask: impl FnMut(usize, T::Native) -> Option<T::Native>,
    ) -> Result<ArrayRef, MaskError> {
        let values = self.values.as_primitive::<T>();
        let mut masked = PrimitiveBuilder::<T>::with_capacity(values.len())
            .with_data_type(values.data_type().clone());
        for row in 0..values.len() {
            if values.is_null(row) {
                masked.append_null();
                continue;
            }
            match mask(row, values.value(row)) {
                Some(value) => masked.append_value(value),
                None => masked.append_option(self.on_invalid.at(row, self.expected)?),
            }
        }
        Ok(Arc::new(masked.finish()))
    }

    fn texts(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        each_number_text(
            values,
            self.on_invalid,
            self.expected,
            &|row, number, text| {
                (self.mask)(row, number)?.push(text);
                Some(())
            },
        )
    }
}

/// What a mask writes of a number: its row and the number in, text out; `None` where it cannot.
pub(crate) type WriteNumber<'m> = &'m dyn Fn(usize, Number, &mut String) -> Option<()>;

/// Each number of a column of text as `write` writes it; null stays null.
///
/// # Errors
/// For a text that is no number where `on_invalid` says so.
pub(crate) fn each_number_text(
    values: &StringViewArray,
    on_invalid: OnInvalid,
    expected: &'static str,
    write: WriteNumber<'_>,
) -> Result<StringViewArray, MaskError> {
    let mut masked = StringViewBuilder::with_capacity(values.len());
    let mut text = String::new();
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else {
            masked.append_null();
            continue;
        };
        text.clear();
        match Number::parse(value).and_then(|number| write(row, number, &mut text)) {
            Some(()) => masked.append_value(&text),
            None => masked.append_option(on_invalid.at::<&str>(row, expected)?),
        }
    }
    Ok(masked.finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::*;

    use super::*;

    fn number(units: i128, scale: i32) -> Number {
        Number { units, scale }
    }

    #[test]
    fn text_and_back() {
        for (text, expected) in [
            ("0", Some(number(0, 0))),
            ("-12", Some(number(-12, 0))),
            ("12.50", Some(number(1250, 2))),
            ("-0.05", Some(number(-5, 2))),
            ("0.00", Some(number(0, 2))),
            ("00000000000000000000.5", Some(number(5, 1))),
            (
                "170141183460469231731687303715884105727",
                Some(number(i128::MAX, 0)),
            ),
            ("170141183460469231731687303715884105728", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("+5", None),
            ("1e5", None),
            ("１", None),
            (" 1", None),
            ("--1", None),
        ] {
            assert_eq!(Number::parse(text), expected, "{text}");
            if let Some(number) = expected.filter(|_| !text.starts_with("00")) {
                let mut back = String::new();
                number.push(&mut back);
                assert_eq!(back, text);
            }
        }
        let mut text = String::new();
        number(12, -3).push(&mut text);
        number(0, -3).push(&mut text);
        assert_eq!(text, "120000");
    }

    #[test]
    fn floats_are_their_shortest_decimal() {
        for (value, expected) in [
            (0.0, Some(number(0, 0))),
            (-0.0, Some(number(0, 0))),
            (0.1, Some(number(1, 1))),
            (0.1 + 0.2, Some(number(30_000_000_000_000_004, 17))),
            (19.99, Some(number(1999, 2))),
            (1e15, Some(number(1_000_000_000_000_000, 0))),
            (1e-25, Some(number(0, 20))),
            (-1e-25, Some(number(-1, 20))),
            (1e30, Some(number(10_i128.pow(30), 0))),
            (1e39, None),
            (f64::MAX, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(
                Number::of_f64(value, &mut String::new()),
                expected,
                "{value}"
            );
        }
        assert_eq!(Number::of_f32(0.1, &mut String::new()), Some(number(1, 1)));
        let mut state = 1_u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let value = (state >> 20) as f64 / 1e7;
            let number = Number::of_f64(value, &mut String::new()).unwrap();
            assert_eq!(number.to_f64(), value);
            let mut text = String::new();
            number.push(&mut text);
            assert_eq!(text, value.to_string());
        }
    }

    #[test]
    fn other_scales() {
        for (from, scale, floor, ceil, round) in [
            (number(27, 0), -1, 2, 3, 3),
            (number(25, 0), -1, 2, 3, 3),
            (number(-25, 0), -1, -3, -2, -3),
            (number(-24, 0), -1, -3, -2, -2),
            (number(20, 0), -1, 2, 2, 2),
            (number(20, 0), 2, 2000, 2000, 2000),
            (number(-1, 20), -30, -1, 0, 0),
            (number(i128::MAX, 0), -38, 1, 2, 2),
            (number(1, 0), -50, 0, 1, 0),
        ] {
            assert_eq!(from.floor(scale), Some(floor), "{from:?} {scale}");
            assert_eq!(from.ceil(scale), Some(ceil), "{from:?} {scale}");
            assert_eq!(from.round(scale), Some(round), "{from:?} {scale}");
        }
        for scale in [1, 40] {
            assert_eq!(number(i128::MAX, 0).floor(scale), None);
            assert_eq!(number(i128::MAX, 0).round(scale), None);
        }
        assert_eq!(number(i128::MIN, 0).ceil(0), None);
    }

    #[test]
    fn every_type_gives_back_its_own() {
        let decimal = |value| {
            Decimal128Array::from(vec![Some(value), None])
                .with_precision_and_scale(5, 2)
                .unwrap()
        };
        let wide = |value| {
            Decimal256Array::from(vec![Some(i256::from_i128(value)), None])
                .with_precision_and_scale(50, 2)
                .unwrap()
        };
        let cases: [(ArrayRef, ArrayRef); 8] = [
            (
                Arc::new(Int8Array::from(vec![Some(-128), None])),
                Arc::new(Int8Array::from(vec![Some(-127), None])),
            ),
            (
                Arc::new(Int8Array::from(vec![Some(127), None])),
                Arc::new(Int8Array::from(vec![None, None])),
            ),
            (
                Arc::new(UInt64Array::from(vec![Some(u64::MAX - 1), None])),
                Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])),
            ),
            (Arc::new(decimal(-50)), Arc::new(decimal(50))),
            (Arc::new(wide(99_999)), Arc::new(wide(100_099))),
            (
                Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::NAN)])),
                Arc::new(Float32Array::from(vec![Some(1.1), None])),
            ),
            (
                Arc::new(Float64Array::from(vec![Some(-0.25), None])),
                Arc::new(Float64Array::from(vec![Some(0.75), None])),
            ),
            (
                Arc::new(StringViewArray::from(vec![Some("-0.250"), Some("x")])),
                Arc::new(StringViewArray::from(vec![Some("0.750"), None])),
            ),
        ];
        for (values, expected) in cases {
            let masked = each_number(&values, OnInvalid::Suppress, "", &|_, number| {
                let one = Number { units: 1, scale: 0 }.floor(number.scale)?;
                Some(Number {
                    units: number.units.checked_add(one)?,
                    ..number
                })
            });
            assert_eq!(&masked.unwrap(), &expected, "{values:?}");
        }
    }

    /// The third and fourth from Python's integers.
    #[test]
    fn wide_picks() {
        const BITS: u128 = 0x7416842bb52696e16ff09ab7433aea89;
        for (bits, n, picked) in [
            (u128::MAX, 1 << 100, (1 << 100) - 1),
            (1 << 127, 1 << 100, 1 << 99),
            (BITS, 10_u128.pow(30), 453468571348958666708738273244),
            (BITS, (1 << 127) - 3, 77153679391440058035448272447547995459),
            (BITS, 10, 4),
            (u128::MAX, u128::MAX, u128::MAX - 1),
            (BITS, 0, 0),
        ] {
            assert_eq!(high_half(bits, n), picked, "{n}");
        }
    }

    #[test]
    fn amounts() {
        for (json, text) in [
            ("5", Some("5")),
            ("0.50", Some("0.5")),
            ("1e3", Some("1000")),
            ("1e-7", Some("0.0000001")),
            (r#""12.5""#, Some("12.5")),
            ("-3", Some("-3")),
            ("1e-30", None),
            ("1e300", None),
            (r#""x""#, None),
            ("true", None),
            ("[1]", None),
        ] {
            let amount = serde_json::from_str::<Amount>(json).ok();
            assert_eq!(amount.map(String::from).as_deref(), text, "{json}");
        }
    }
}
