//! `numeric_bucket`: a number becomes a random one of the same bucket.
//!
//! - Technique: generalization (ISO/IEC 20889:2018): only the bucket is kept; the rest is made up.
//! - Input: integers, decimals, floats, text of digits with a minus before and a point within. Null
//!   stays null.
//! - Output: the same type, drawn with as many decimals as the value has: an integer is an integer, a
//!   decimal(12, 2) has cents, and so has the text `19.99`. A float is taken as its shortest decimal,
//!   and what is drawn is rounded to the nearest float.
//! - Value and draw decide; each number of the bucket is as likely as the others within the bucket's
//!   count of numbers / 2^64.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::generalization::buckets::Buckets;
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    schema_of,
};
use crate::number::{Amount, Number, pick_wide};
use crate::numbers::{Grid, NUMBERS, each_number};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "numeric_bucket",
    summary: "a number becomes a random one of the same bucket",
    family: Family::Generalization,
    takes: NUMBERS,
    schema: schema_of::<NumericBucketArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"buckets": [0, 18, 65, 120]}"#,
            value: Some("42"),
            masked: Some("64"),
        },
        Example {
            args: r#"{"size": 10}"#,
            value: Some("-19.99"),
            masked: Some("-16.63"),
        },
    ],
};

/// Arguments, as a ruleset writes them. Either `buckets` or `size`.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["buckets"]}, {"required": ["size"]}]))]
pub(crate) struct NumericBucketArgs {
    /// Where buckets begin and end, ascending: `[0, 18, 65]` is two buckets, 0 up to but not 18, and
    /// 18 up to but not 65. A number outside all of them is invalid.
    #[serde(alias = "bounds")]
    #[schemars(extend("x-spellings" = ["bounds"]))]
    buckets: Vec<Amount>,
    /// The size of every bucket, above 0, where all are of one size: with 10 a number from 20 up to
    /// but not 30 stays there.
    size: Option<Amount>,
    /// With `size`: a number at which a bucket begins (default 0).
    offset: Amount,
    /// For a text that is no number and for a number outside the buckets: `fail` the task (default)
    /// or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: NumericBucketArgs = binder.parse(args)?;
    if args.buckets.len() == 1 {
        return Err(BindError::new(
            "buckets",
            "a bucket has two bounds: write at least two",
        ));
    }
    Ok(Box::new(NumericBucket {
        key: binder.key(),
        buckets: Buckets::bind(&args.buckets, args.size, args.offset, binder)?,
        on_invalid: args.on_invalid,
    }))
}

#[derive(Debug)]
struct NumericBucket {
    key: MaskKey,
    buckets: Buckets,
    on_invalid: OnInvalid,
}

impl Mask for NumericBucket {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let draws = rows.draws(&self.key);
        let grid = Grid::of(values.data_type());
        each_number(
            &values,
            self.on_invalid,
            "a number inside the buckets",
            &|row, number| self.redraw(number, grid, draws.get(row)),
        )
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

impl NumericBucket {
    /// Another number of the same bucket and scale, as far as the column can hold it.
    fn redraw(&self, number: Number, grid: Grid, draw: Draw) -> Option<Number> {
        let (lower, upper) = self.buckets.around(number)?;
        let own = |units| {
            let bound = Number {
                units,
                scale: self.buckets.scale,
            };
            bound.ceil(number.scale)
        };
        let lower = own(lower)?.max(grid.least);
        let upper = own(upper?)?.min(grid.greatest.saturating_add(1));
        let units = lower.checked_add_unsigned(pick_wide(draw, upper.abs_diff(lower)))?;
        Some(Number { units, ..number })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int8Type, Int64Type};

    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    #[test]
    fn numbers_stay_in_their_bucket() {
        let mask = r#"{"type": "numeric_bucket", "size": 10, "offset": "0.5"}"#;
        for (text, lower, upper, decimals) in [
            ("0.5", 0.5, 10.5, 1),
            ("0", -9.5, 0.5, 0),
            ("-9.5", -9.5, 0.5, 1),
            ("-9.51", -19.5, -9.5, 2),
            ("123456789.125", 123_456_780.5, 123_456_790.5, 3),
        ] {
            let masked = mask_texts(mask, &[Some(text)])[0].clone().unwrap();
            let number: f64 = masked.parse().unwrap();
            assert!((lower..upper).contains(&number), "{text} {masked}");
            assert_eq!(
                masked
                    .split_once('.')
                    .map_or(0, |(_, decimals)| decimals.len()),
                decimals,
                "{masked}"
            );
        }
        assert_eq!(mask_texts(mask, &[None]), [None]);
    }

    #[test]
    fn outside_and_no_number() {
        let mask = |more| format!(r#"{{"type": "numeric_bucket", "buckets": [0, 18, 65]{more}}}"#);
        for text in ["-1", "65", "-0.01", "", "x", "1e1", "9".repeat(60).as_str()] {
            assert!(try_texts(&mask(""), &[Some(text)]).is_err(), "{text}");
            let suppress = mask(r#", "on_invalid": "suppress""#);
            assert_eq!(mask_texts(&suppress, &[Some(text)]), [None], "{text}");
        }
        for text in ["0", "64", "64.99"] {
            assert!(try_texts(&mask(""), &[Some(text)]).is_ok(), "{text}");
        }
    }

    #[test]
    fn all_of_a_bucket_come_up_alike() {
        let values: Vec<i64> = (0..20_000).map(|n| n * 10 + 3).collect();
        let mask = r#"{"type": "numeric_bucket", "size": 10}"#;
        let masked = mask_array(mask, Arc::new(Int64Array::from(values.clone()))).unwrap();
        let mut counts = [0; 10];
        for (value, masked) in values
            .iter()
            .zip(masked.as_primitive::<Int64Type>().values())
        {
            assert_eq!(value.div_euclid(10), masked.div_euclid(10));
            counts[(masked % 10) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (1_800..2_200).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_columns_own_type_and_its_ends() {
        let mask = r#"{"type": "numeric_bucket", "size": 100}"#;
        let all: Vec<i8> = (-128..=127).collect();
        let masked = mask_array(mask, Arc::new(Int8Array::from(all.clone()))).unwrap();
        for (value, masked) in all.iter().zip(masked.as_primitive::<Int8Type>().values()) {
            let bucket = |n: i8| i32::from(n).div_euclid(100);
            assert_eq!(bucket(*value), bucket(*masked));
        }
        let decimals = Decimal128Array::from(vec![Some(99_999), Some(-99_999), None])
            .with_precision_and_scale(5, 2)
            .unwrap();
        let masked = mask_array(mask, Arc::new(decimals)).unwrap();
        let masked = masked.as_primitive::<Decimal128Type>();
        assert!((90_000..=99_999).contains(&masked.value(0)));
        assert!((-99_999..-90_000).contains(&masked.value(1)));
        assert!(masked.is_null(2));
        let floats = Float64Array::from(vec![19.99, -0.5, 1e20, f64::from_bits(1)]);
        let masked = mask_array(mask, Arc::new(floats.clone())).unwrap();
        for (value, masked) in floats
            .values()
            .iter()
            .zip(masked.as_primitive::<Float64Type>().values())
        {
            let near = (value / 100.0).floor() == (masked / 100.0).floor();
            assert!(near, "{value} {masked}");
        }
        let ends: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX]));
        let great = format!(r#"{{"type": "numeric_bucket", "size": {}}}"#, u64::MAX);
        for mask in [mask, &great] {
            let masked = mask_array(mask, Arc::clone(&ends)).unwrap();
            let masked = masked.as_primitive::<Int64Type>();
            assert!(masked.value(0) < 0 && masked.value(1) >= 0);
        }
    }

    #[test]
    fn a_number_is_the_same_from_text_and_column() {
        let mask = r#"{"type": "numeric_bucket", "size": 1000}"#;
        let text = mask_texts(mask, &[Some("4711")])[0].clone().unwrap();
        let number = mask_array(mask, Arc::new(Int64Array::from(vec![4711]))).unwrap();
        assert_eq!(
            number.as_primitive::<Int64Type>().value(0).to_string(),
            text
        );
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            ("", DataType::Int64, "[0]"),
            (r#", "size": 1, "buckets": [1, 2]"#, DataType::Int64, "[0]"),
            (r#", "size": 0"#, DataType::Int64, "[0].size"),
            (r#", "size": -5"#, DataType::Utf8, "[0].size"),
            (r#", "size": "x""#, DataType::Utf8, "[0].size"),
            (r#", "size": 0.5"#, DataType::Int64, "[0].size"),
            (r#", "size": 0.005"#, DataType::Decimal128(9, 2), "[0].size"),
            (r#", "buckets": [1]"#, DataType::Int64, "[0].buckets"),
            (
                r#", "buckets": [1, 2, 2]"#,
                DataType::Int64,
                "[0].buckets[2]",
            ),
            (r#", "buckets": [1, 2.5]"#, DataType::Int64, "[0].buckets"),
            (
                r#", "buckets": [1, 2], "offset": 1"#,
                DataType::Int64,
                "[0].offset",
            ),
            (r#", "size": 1"#, DataType::Date32, "[0].type"),
        ] {
            let mask = format!(r#"{{"type": "numeric_bucket"{args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
