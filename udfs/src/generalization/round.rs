//! `round`: a number becomes the nearest one with fewer digits.
//!
//! - Technique: generalization by rounding (ISO/IEC 20889:2018).
//! - Input: integers, decimals, floats, text of digits with a minus before and a point within. Null
//!   stays null.
//! - Output: the same type. A half is rounded away from zero, as SQL rounds exact numbers; a float
//!   counts as its shortest decimal, so 0.285 becomes 0.29. A text with no more decimals than wanted
//!   stays as it is.
//! - Keyless, many-to-one: nothing leads back.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    schema_of,
};
use crate::number::Number;
use crate::numbers::{Grid, NUMBERS, each_number};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "round",
    summary: "a number is rounded to fewer digits",
    family: Family::Generalization,
    takes: NUMBERS,
    schema: schema_of::<RoundArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"decimal_places": 1}"#,
            value: Some("36.65"),
            masked: Some("36.7"),
        },
        Example {
            args: r#"{"decimal_places": -3}"#,
            value: Some("48250.75"),
            masked: Some("48000"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RoundArgs {
    /// How many decimals are kept, from -38 to 38 (default 0); -1 rounds to tens, -2 to hundreds.
    decimal_places: i32,
    /// For a text that is no number, and a number that the column cannot hold once rounded up: `fail`
    /// the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let round: RoundArgs = binder.parse(args)?;
    let wrong = |message: String| Err(BindError::new("decimal_places", message));
    if !(-38..=38).contains(&round.decimal_places) {
        return wrong("`decimal_places` has to be from -38 to 38".to_owned());
    }
    let column = binder.column();
    match Grid::of(column).scale {
        Some(scale) if scale <= round.decimal_places => wrong(format!(
            "a column of type {column} has no more than {scale} decimals: nothing would be \
             rounded; write less, -1 for tens"
        )),
        _ => Ok(Box::new(round)),
    }
}

impl Mask for RoundArgs {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let scale = self.decimal_places;
        let expected = "a number that can be rounded";
        each_number(&values, self.on_invalid, expected, &|_, number| {
            if number.scale <= scale {
                return Some(number);
            }
            let units = number.round(scale)?;
            Some(Number { units, scale })
        })
    }

    fn by_value(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(places: i32) -> String {
        format!(r#"{{"type": "round", "decimal_places": {places}, "on_invalid": "suppress"}}"#)
    }

    #[test]
    fn texts() {
        for (text, places, rounded) in [
            ("2.5", 0, Some("3")),
            ("-2.5", 0, Some("-3")),
            ("-0.4", 0, Some("0")),
            ("2.449", 1, Some("2.4")),
            ("2.4", 3, Some("2.4")),
            ("9.995", 2, Some("10.00")),
            ("1250", -2, Some("1300")),
            ("49", -2, Some("0")),
            ("50", -2, Some("100")),
            ("1", -38, Some("0")),
            ("", 0, None),
            ("1,5", 0, None),
        ] {
            let done = mask_texts(&mask(places), &[Some(text), None]);
            assert_eq!(done, [rounded.map(str::to_owned), None], "{text} {places}");
        }
        assert!(try_texts(r#"{"type": "round"}"#, &[Some("x")]).is_err());
    }

    #[test]
    fn columns_of_numbers() {
        let decimals = |values: Vec<i128>| {
            Decimal128Array::from(values)
                .with_precision_and_scale(5, 2)
                .unwrap()
        };
        let cases: [(i32, ArrayRef, ArrayRef); 4] = [
            (
                -1,
                Arc::new(Int64Array::from(vec![
                    Some(-15),
                    None,
                    Some(i64::MAX),
                    Some(i64::MIN),
                ])),
                Arc::new(Int64Array::from(vec![Some(-20), None, None, None])),
            ),
            (
                1,
                Arc::new(decimals(vec![12_345, -5])),
                Arc::new(decimals(vec![12_350, -10])),
            ),
            (
                2,
                Arc::new(Float64Array::from(vec![0.285, 1.005, -1e300, 1e20])),
                Arc::new(Float64Array::from(vec![
                    Some(0.29),
                    Some(1.01),
                    None,
                    Some(1e20),
                ])),
            ),
            (
                1,
                Arc::new(Float32Array::from(vec![0.25, 1e-30])),
                Arc::new(Float32Array::from(vec![0.3, 0.0])),
            ),
        ];
        for (places, values, expected) in cases {
            assert_eq!(
                &mask_array(&mask(places), values).unwrap(),
                &expected,
                "{places}"
            );
        }
    }

    #[test]
    fn bad_arguments() {
        for (places, column) in [
            (0, DataType::Int64),
            (2, DataType::Decimal128(9, 2)),
            (39, DataType::Utf8),
            (-39, DataType::Float64),
        ] {
            assert_eq!(
                bind_error(&mask(places), &column).path,
                "[0].decimal_places"
            );
        }
    }
}
