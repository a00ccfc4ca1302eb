//! Columns of numbers: each value as a [`Number`], and back into the column's own type.
//!
//! - Integers and decimals are what they are, floats and text as [`Number`] reads them.
//! - A result is rounded down to the column's scale, or to the nearest float its type holds; a text has
//!   the decimals the mask gave it.
//! - Numbers that a mask makes anew have as many decimals as its arguments say, see [`Columns`].

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Float64Array, Float64Builder,
    Int64Array, PrimitiveBuilder, StringViewArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type, i256,
};

use crate::canonical::plain_text;
use crate::mask::{BindError, MaskError, OnInvalid, TypeFamily};
use crate::number::{Number, power_of_ten};
use crate::restore::restore;
use crate::texts::Texts;

/// Column types of numbers, and text that holds some.
pub(crate) const NUMBERS: &[TypeFamily] = &[
    TypeFamily::Text,
    TypeFamily::Integer,
    TypeFamily::Decimal,
    TypeFamily::Float,
];

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
                Some(mask(row, number)?.to_f64_by(&mut text))
            })
        }
        Float32 => {
            let mut text = String::new();
            numbers.each::<Float32Type>(|row, value| {
                let number = Number::of_f32(value, &mut text)?;
                finite(mask(row, number)?.to_f64_by(&mut text) as f32)
            })
        }
        Float16 => {
            let mut text = String::new();
            numbers.each::<Float16Type>(|row, value| {
                let number = Number::of_f32(value.to_f32(), &mut text)?;
                let masked = Half::from_f64(mask(row, number)?.to_f64_by(&mut text));
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
pub(crate) type WriteNumber<'m> = &'m dyn Fn(usize, Number, &mut Vec<u8>) -> Option<()>;

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
    let mut masked = Texts::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else {
            masked.null();
            continue;
        };
        match Number::parse(value).and_then(|number| write(row, number, masked.bytes())) {
            Some(()) => masked.end(),
            None => {
                on_invalid.at::<()>(row, expected)?;
                masked.null();
            }
        }
    }
    masked.finish()
}

/// The most digits after the point of numbers that are made anew.
pub(crate) const MOST_PLACES: usize = 18;

/// How units that are made anew become values of a column of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Columns {
    /// By [`crate::fixed_point::push_units`].
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
    use arrow::array::*;

    use super::*;

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
        let small = |value| {
            Decimal32Array::from(vec![Some(value), None])
                .with_precision_and_scale(3, 1)
                .unwrap()
        };
        let half = |value: f32| Float16Array::from(vec![Some(Half::from_f32(value)), None]);
        let cases: [(ArrayRef, ArrayRef); 12] = [
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
            (Arc::new(small(989)), Arc::new(small(999))),
            (Arc::new(half(0.5)), Arc::new(half(1.5))),
            (
                Arc::new(half(f32::INFINITY)),
                Arc::new(Float16Array::new_null(2)),
            ),
            (
                Arc::new(LargeStringArray::from(vec![Some("9"), None])),
                Arc::new(StringViewArray::from(vec![Some("10"), None])),
            ),
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

    #[test]
    fn floats_of_every_width() {
        let half = |value: f32| Float16Array::from(vec![Some(Half::from_f32(value)), None]);
        let cases: [(ArrayRef, ArrayRef); 5] = [
            (Arc::new(half(0.5)), Arc::new(half(1.0))),
            (
                Arc::new(half(65_504.0)),
                Arc::new(Float16Array::new_null(2)),
            ),
            (
                Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::MAX)])),
                Arc::new(Float32Array::from(vec![Some(0.2), None])),
            ),
            (
                Arc::new(Float64Array::from(vec![Some(-0.1), Some(f64::MAX)])),
                Arc::new(Float64Array::from(vec![Some(-0.2), None])),
            ),
            (
                Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY])),
                Arc::new(Float64Array::new_null(2)),
            ),
        ];
        for (values, doubled) in cases {
            let masked = each_float(&values, OnInvalid::Suppress, "", &|_, x| Some(x * 2.0));
            assert_eq!(&masked.unwrap(), &doubled, "{values:?}");
            let failed = each_float(&values, OnInvalid::Fail, "", &|_, x| Some(x * 2.0));
            assert_eq!(failed.is_ok(), values.null_count() == doubled.null_count());
        }
    }
}
