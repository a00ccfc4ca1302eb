//! `from_random_number`: a value becomes a random number between two bounds.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: integers, decimals, floating-point numbers, text. Output: a number of the column's type,
//!   for null and empty text too (`skip` keeps them). Text has as many digits after the point as
//!   `decimal_places` says; both bounds may come.
//! - The draw decides. Without `mode` each of n numbers is as likely as the others within n / 2^64,
//!   beyond 2^32 numbers within n / 2^128. With it they follow a triangular distribution: likeliest at
//!   `mode`, ever less likely towards both bounds, by the inverse of its distribution function at 53
//!   bits of the draw.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draw::{Draw, Draws};
use crate::fixed_point::{push_units, units};
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::number::high_half;
use crate::numbers::{Columns, MOST_PLACES};
use crate::scalar::Scalar;
use crate::texts::Texts;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_random_number",
    summary: "a value becomes a random number between two bounds",
    family: Family::Randomization,
    takes: &[
        TypeFamily::Text,
        TypeFamily::Integer,
        TypeFamily::Decimal,
        TypeFamily::Float,
    ],
    schema: schema_of::<FromRandomNumber>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"min": 1, "max": 6}"#,
            value: Some("3"),
            masked: Some("2"),
        },
        Example {
            args: r#"{"max": 1000, "mode": 50, "decimal_places": 2}"#,
            value: Some("71.20"),
            masked: Some("487.81"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["max"]))]
pub(crate) struct FromRandomNumber {
    /// The least number (default 0).
    min: Scalar,
    /// The greatest number; it may come too.
    max: Scalar,
    /// The likeliest number, from `min` to `max`: a triangular distribution. Without it all numbers
    /// are equally likely. Digits beyond `decimal_places` are cut off.
    mode: Scalar,
    /// Digits after the point, 0 to 18 (default 0: whole numbers).
    decimal_places: usize,
}

impl Default for FromRandomNumber {
    fn default() -> Self {
        Self {
            min: Scalar::try_from(Value::from(0)).unwrap_or_default(),
            max: Scalar::default(),
            mode: Scalar::default(),
            decimal_places: 0,
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: FromRandomNumber = binder.parse(args)?;
    let places = args.decimal_places;
    if places > MOST_PLACES {
        let message = format!("`decimal_places` has to be from 0 to {MOST_PLACES}");
        return Err(BindError::new("decimal_places", message));
    }
    let columns = Columns::of(binder.column(), places)?;
    let read = |argument: &str, value: &Scalar| match value.text() {
        None => Ok(None),
        Some(text) => units(&text, places).map(Some).ok_or_else(|| {
            BindError::new(
                argument,
                format!("`{argument}` is no number of at most 38 digits"),
            )
        }),
    };
    let (low, exact) = read("min", &args.min)?
        .ok_or_else(|| BindError::new("min", "`min` is a number; leave it out for 0"))?;
    // The least number of so many places that is not below `min`.
    let low = low + i128::from(!exact);
    let (high, _) =
        read("max", &args.max)?.ok_or_else(|| BindError::new("max", "`max` is required"))?;
    if low > high {
        let message = "no number lies between `min` and `max`: raise `max`, or `decimal_places`";
        return Err(BindError::new("max", message));
    }
    let count = high.abs_diff(low) + 1;
    for (argument, bound) in [("min", low), ("max", high)] {
        if columns.array([bound].into_iter()).is_err() {
            let column = binder.column();
            let message = format!("the column's type is {column}, and this is no value of it");
            return Err(BindError::new(argument, message));
        }
    }
    let peak = match read("mode", &args.mode)? {
        None => None,
        Some((mode, _)) if !(low..=high).contains(&mode) => {
            let message = "`mode` lies between `min` and `max`";
            return Err(BindError::new("mode", message));
        }
        Some(_) if count > 1 << 53 => {
            let message = "with `mode` at most 2^53 numbers can be offered: lower `decimal_places`";
            return Err(BindError::new("mode", message));
        }
        Some(_) if count == 1 => None,
        // The peak moves from one end of the line of `count` pieces to the other as the mode does.
        Some((mode, _)) => Some(mode.abs_diff(low) as f64 * (count as f64 / (count - 1) as f64)),
    };
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: Numbers {
            low,
            count,
            peak,
            places,
            columns,
        },
    }))
}

#[derive(Debug)]
struct Numbers {
    /// The least number, in units of the last place.
    low: i128,
    /// How many numbers there are, at most 2^127.
    count: u128,
    /// Where the triangle's peak lies between 0 and `count`.
    peak: Option<f64>,
    places: usize,
    columns: Columns,
}

impl Generator for Numbers {
    fn lengths(&self) -> Option<Lengths> {
        let length = |number: i128| {
            let mut text = Vec::new();
            push_units(&mut text, number, self.places);
            text.len()
        };
        let ends = [self.low, self.low + (self.count - 1) as i128].map(length);
        let text = self.columns == Columns::Text;
        text.then(|| 1..=ends[0].max(ends[1]))
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let draws = draws.iter();
        match (self.peak, u64::try_from(self.count)) {
            (Some(peak), _) => {
                let count = self.count as f64;
                self.array(draws.map(|draw| triangular(draw, count, peak)))
            }
            (None, Ok(count @ ..=FEW)) => self.array(draws.map(|draw| draw.pick(count).into())),
            (None, _) => self.array(draws.map(|draw| high_half(draw.bits(), self.count))),
        }
    }
}

impl Numbers {
    fn array(&self, picks: impl Iterator<Item = u128>) -> Result<ArrayRef, MaskError> {
        let numbers = picks.map(|pick| self.low + pick as i128);
        if self.columns != Columns::Text {
            return self.columns.array(numbers);
        }
        let mut texts = Texts::with_capacity(numbers.size_hint().0);
        for number in numbers {
            push_units(texts.bytes(), number, self.places);
            texts.end();
        }
        Ok(Arc::new(texts.finish()?))
    }
}

/// For more numbers than these, 64 bits of a draw would favour some of them by more than 2^-32.
const FEW: u64 = 1 << 32;

/// The piece, `0..count`, that a point under a triangle over `count` with its peak at `peak` falls in.
fn triangular(draw: Draw, count: f64, peak: f64) -> u128 {
    const FRACTION: f64 = 9_007_199_254_740_992.0; // 2^53
    let share = (draw.bits() >> 75) as f64 / FRACTION;
    let point = if share * count < peak {
        (share * count * peak).sqrt()
    } else {
        count - ((1.0 - share) * count * (count - peak)).sqrt()
    };
    (point.max(0.0) as u128).min(count as u128 - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::*;
    use arrow::datatypes::*;

    use super::*;
    use crate::examples::{bind_error, mask_array, numbered};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "from_random_number", {args}}}"#)
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        for (args, low, high, length) in [
            (r#""max": 6, "min": 1"#, 1.0, 6.0, 1),
            (r#""max": "-5", "min": -10"#, -10.0, -5.0, 0),
            (
                r#""max": 0.2, "min": -0.1, "decimal_places": 1"#,
                -0.1,
                0.2,
                0,
            ),
            (
                r#""max": 1.99, "min": 1.01, "decimal_places": 1"#,
                1.1,
                1.9,
                3,
            ),
            (r#""max": 3, "min": 3"#, 3.0, 3.0, 1),
            (r#""max": 3, "min": 3, "mode": 3"#, 3.0, 3.0, 1),
            (r#""max": 20, "mode": 20"#, 0.0, 20.0, 0),
            (r#""max": 20, "mode": 0, "min": 0"#, 0.0, 20.0, 0),
        ] {
            let masked = numbered(&mask(args), 5_000);
            let numbers: Vec<f64> = masked.iter().map(|n| n.parse().unwrap()).collect();
            let least = numbers.iter().copied().fold(f64::MAX, f64::min);
            let greatest = numbers.iter().copied().fold(f64::MIN, f64::max);
            assert_eq!((least, greatest), (low, high), "{args}");
            assert!(
                length == 0 || masked.iter().all(|n| n.len() == length),
                "{args}"
            );
        }
    }

    #[test]
    fn a_default_written_out_changes_nothing() {
        let written = r#""max": 999, "min": 0, "mode": null, "decimal_places": 0"#;
        assert_eq!(
            numbered(&mask(written), 20),
            numbered(&mask(r#""max": 999"#), 20)
        );
    }

    fn counts(args: &str, draws: usize) -> BTreeMap<i64, f64> {
        let mut counts = BTreeMap::new();
        for number in numbered(&mask(args), draws) {
            *counts.entry(number.parse().unwrap()).or_insert(0.0) += 1.0;
        }
        counts
    }

    #[test]
    fn numbers_are_uniform() {
        let counts = counts(r#""min": -50, "max": 49"#, 100_000);
        assert_eq!(counts.len(), 100);
        let chi: f64 = counts.values().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
        // 99 degrees of freedom: between the quantiles 0.00001 and 0.99999.
        assert!((52.0..172.0).contains(&chi), "{chi}");
    }

    #[test]
    fn a_mode_makes_a_triangle() {
        for (args, share) in [
            // Nine pieces with the peak in the middle of the fifth.
            (
                r#""max": 8, "mode": 4"#,
                [2., 6., 10., 14., 17., 14., 10., 6., 2.].map(|n| n / 81.0),
            ),
            (
                r#""max": 8, "mode": 0"#,
                [17., 15., 13., 11., 9., 7., 5., 3., 1.].map(|n| n / 81.0),
            ),
            (
                r#""max": 8, "mode": 8"#,
                [1., 3., 5., 7., 9., 11., 13., 15., 17.].map(|n| n / 81.0),
            ),
        ] {
            let counts = counts(args, 40_000);
            assert_eq!(counts.len(), 9, "{args}");
            let chi: f64 = counts
                .values()
                .zip(share)
                .map(|(n, share)| (n - share * 40_000.0).powi(2) / (share * 40_000.0))
                .sum();
            // 8 degrees of freedom: the quantile 0.99999 is 37.3.
            assert!(chi < 37.3, "{args} {chi} {counts:?}");
        }
    }

    #[test]
    fn the_columns_own_type() {
        let some = |n: i128| {
            Decimal128Array::from(vec![Some(n), None])
                .with_precision_and_scale(6, 3)
                .unwrap()
        };
        let columns: Vec<(ArrayRef, &str)> = vec![
            (
                Arc::new(Int8Array::from(vec![Some(1), None])),
                r#""min": -128, "max": 127"#,
            ),
            (
                Arc::new(UInt64Array::from(vec![Some(1), None])),
                r#""max": 18446744073709551615"#,
            ),
            (
                Arc::new(Int64Array::from(vec![Some(1), None])),
                r#""min": -9223372036854775808, "max": 9223372036854775807"#,
            ),
            (
                Arc::new(some(1)),
                r#""min": 999.99, "max": 999.99, "decimal_places": 2"#,
            ),
            (
                Arc::new(Decimal256Array::from(vec![Some(i256::ONE), None])),
                r#""max": 9"#,
            ),
            (
                Arc::new(
                    Decimal32Array::from(vec![Some(1), None])
                        .with_precision_and_scale(9, 0)
                        .unwrap(),
                ),
                r#""max": 999999999"#,
            ),
            (
                Arc::new(Float32Array::from(vec![Some(1.0), None])),
                r#""max": 1, "decimal_places": 3"#,
            ),
            (
                Arc::new(Float64Array::from(vec![Some(1.0), None])),
                r#""max": 1, "decimal_places": 3"#,
            ),
        ];
        for (column, args) in columns {
            let masked = mask_array(&mask(args), Arc::clone(&column)).unwrap();
            assert_eq!(masked.data_type(), column.data_type());
            assert_eq!(masked.null_count(), 0, "{args}");
            if let DataType::Decimal128(..) = column.data_type() {
                let values = masked.as_primitive::<Decimal128Type>().values();
                assert_eq!(values.as_ref(), [999_990, 999_990]);
            }
        }
    }

    #[test]
    fn wide_products() {
        for (one, other, product) in [
            (0, 7, 0),
            (u128::MAX, u128::MAX, u128::MAX - 1),
            (1 << 127, 10, 5),
            (u128::MAX, 1 << 100, (1 << 100) - 1),
            (3 << 126, 1 << 66, 3 << 64),
        ] {
            assert_eq!(high_half(one, other), product, "{one} {other}");
        }
        let masked = numbered(&mask(r#""max": 100000000000000000000000000"#), 1000);
        assert!(masked.iter().any(|n| n.len() == 26));
    }

    #[test]
    fn bad_arguments() {
        use DataType::*;
        for (args, column, path) in [
            (r#""min": 1"#, Utf8, "[0].max"),
            (r#""max": "ten""#, Utf8, "[0].max"),
            (r#""max": true"#, Utf8, "[0].max"),
            (r#""max": 5, "min": 6"#, Utf8, "[0].max"),
            (r#""max": 0.9, "min": 0.1"#, Utf8, "[0].max"),
            (r#""max": 5, "min": null"#, Utf8, "[0].min"),
            (r#""max": 5, "mode": 6"#, Utf8, "[0].mode"),
            (r#""max": 1e18, "mode": 6"#, Utf8, "[0].mode"),
            (
                r#""max": 5, "decimal_places": 19"#,
                Utf8,
                "[0].decimal_places",
            ),
            (
                r#""max": 5, "decimal_places": 1"#,
                Int64,
                "[0].decimal_places",
            ),
            (
                r#""max": 5, "decimal_places": 3"#,
                Decimal128(9, 2),
                "[0].decimal_places",
            ),
            (r#""max": 5"#, Decimal128(9, -2), "[0].decimal_places"),
            (r#""max": 1000"#, Decimal128(5, 2), "[0].max"),
            (r#""max": 128"#, Int8, "[0].max"),
            (r#""max": 5, "min": -1"#, UInt8, "[0].min"),
            (r#""max": 1e300"#, Float64, "[0].max"),
            (r#""max": 70000"#, Float16, "[0].max"),
            (r#""max": 5"#, Date32, "[0].type"),
        ] {
            assert_eq!(
                bind_error(&mask(args), &column).path,
                path,
                "{args} {column}"
            );
        }
    }
}
