//! `generalize_number`: a number becomes its bucket.
//!
//! - Technique: generalization (ISO/IEC 20889:2018).
//! - Input: integers, decimals, floats, text of digits with a minus before and a point within. Null
//!   stays null.
//! - Output: the bucket's lower bound or its middle, in the column's own type; in a column of text also
//!   both bounds, `20-30`, and `65+` behind the last one.
//! - Keyless, many-to-one: equal buckets are spelled alike in every table, and nothing leads back.

use std::sync::Arc;

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::generalization::buckets::Buckets;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::number::{Amount, Number};
use crate::numbers::{NUMBERS, each_number, each_number_text};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "generalize_number",
    summary: "a number becomes the bucket it lies in",
    family: Family::Generalization,
    takes: NUMBERS,
    schema: schema_of::<GeneralizeNumberArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"size": 1000}"#,
            value: Some("48250.75"),
            masked: Some("48000"),
        },
        Example {
            args: r#"{"bounds": [0, 18, 65], "form": "range"}"#,
            value: Some("42"),
            masked: Some("18-65"),
        },
        Example {
            args: r#"{"bounds": [0, 18, 65], "form": "range"}"#,
            value: Some("71"),
            masked: Some("65+"),
        },
    ],
};

/// Arguments, as a ruleset writes them. Either `bounds` or `size`.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["bounds"]}, {"required": ["size"]}]))]
pub(crate) struct GeneralizeNumberArgs {
    /// Where buckets begin, ascending: with `[0, 18, 65]` they hold 0 up to but not 18, 18 up to but
    /// not 65, and all from 65 on. A number below the first bound is invalid.
    #[serde(alias = "buckets")]
    #[schemars(extend("x-spellings" = ["buckets"]))]
    bounds: Vec<Amount>,
    /// The size of every bucket, above 0, where all are of one size: with 10 the numbers from 20 up to
    /// but not 30 become one.
    size: Option<Amount>,
    /// With `size`: a number at which a bucket begins (default 0).
    offset: Amount,
    /// What a bucket is written as: its `lower` bound (default), its `middle`, rounded down to what the
    /// column holds, or, in a column of text, the `range` of both bounds.
    form: Form,
    /// For a text that is no number, a number below the first bound, one behind the last bound where
    /// the middle is asked for, and a result the column cannot hold: `fail` the task (default) or
    /// `suppress` it to null.
    on_invalid: OnInvalid,
}

/// What a bucket is written as.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// The lower bound.
    #[default]
    Lower,
    /// Half way between the bounds.
    Middle,
    /// `20-30`: 20 belongs to the bucket, 30 does not.
    Range,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: GeneralizeNumberArgs = binder.parse(args)?;
    if args.form == Form::Range && TypeFamily::of(binder.column()) != Some(TypeFamily::Text) {
        let column = binder.column();
        let message = format!("a column of type {column} cannot hold a range: write `lower`");
        return Err(BindError::new("form", message));
    }
    let buckets =
        Buckets::bind(&args.bounds, args.size, args.offset, binder).map_err(|error| BindError {
            path: error.path.replace("buckets", "bounds"),
            message: error.message.replace("`buckets", "`bounds"),
        })?;
    Ok(Box::new(GeneralizeNumber {
        buckets,
        form: args.form,
        on_invalid: args.on_invalid,
    }))
}

#[derive(Debug)]
struct GeneralizeNumber {
    buckets: Buckets,
    form: Form,
    on_invalid: OnInvalid,
}

impl Mask for GeneralizeNumber {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        const EXPECTED: &str = "a number inside the buckets";
        let on_invalid = self.on_invalid;
        match self.form {
            Form::Lower => each_number(&values, on_invalid, EXPECTED, &|_, number| {
                let (lower, _) = self.buckets.around(number)?;
                Some(self.bound(lower))
            }),
            Form::Middle => each_number(&values, on_invalid, EXPECTED, &|_, number| {
                self.middle(number)
            }),
            Form::Range => {
                let texts = plain_text(&values)?;
                let masked = each_number_text(&texts, on_invalid, EXPECTED, &|_, number, text| {
                    self.range(number, text)
                })?;
                Ok(Arc::new(masked))
            }
        }
    }

    fn by_value(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

impl GeneralizeNumber {
    fn bound(&self, units: i128) -> Number {
        Number {
            units,
            scale: self.buckets.scale,
        }
    }

    fn middle(&self, number: Number) -> Option<Number> {
        let (lower, upper) = self.buckets.around(number)?;
        let sum = lower.checked_add(upper?)?;
        Some(match sum % 2 {
            0 => self.bound(sum / 2),
            _ => Number {
                units: sum.checked_mul(5)?,
                scale: self.buckets.scale + 1,
            },
        })
    }

    fn range(&self, number: Number, text: &mut Vec<u8>) -> Option<()> {
        let (lower, upper) = self.buckets.around(number)?;
        self.bound(lower).push(text);
        match upper {
            Some(upper) => {
                text.push(b'-');
                self.bound(upper).push(text);
            }
            None => text.push(b'+'),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::*;
    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "generalize_number", {args}}}"#)
    }

    #[test]
    fn texts() {
        for (args, text, masked) in [
            (r#""size": 10"#, "27", Some("20")),
            (r#""size": 10"#, "27.95", Some("20")),
            (r#""size": 10"#, "-0.01", Some("-10")),
            (r#""size": 10"#, "-10", Some("-10")),
            (r#""size": 10, "offset": 5"#, "4", Some("-5")),
            (r#""size": 0.5"#, "0.3", Some("0.0")),
            (r#""size": 0.1"#, "0.3", Some("0.3")),
            (r#""size": 5, "form": "middle""#, "21", Some("22.5")),
            (r#""size": 5, "form": "middle""#, "-1", Some("-2.5")),
            (r#""size": 10, "form": "middle""#, "21", Some("25")),
            (r#""size": 10, "form": "range""#, "29.99", Some("20-30")),
            (r#""size": 10, "form": "range""#, "-5", Some("-10-0")),
            (r#""bounds": [0, 18, 65]"#, "65", Some("65")),
            (r#""bounds": [0, 18, 65]"#, "17.99", Some("0")),
            (
                r#""buckets": [0, 18.5], "form": "range""#,
                "1",
                Some("0.0-18.5"),
            ),
            (r#""bounds": [0, 18, 65]"#, "-1", None),
            (r#""bounds": [0, 18, 65], "form": "middle""#, "65", None),
            (r#""bounds": [0, 18, 65], "form": "middle""#, "3", Some("9")),
            (r#""size": 10"#, "", None),
            (r#""size": 10"#, "twenty", None),
            (
                r#""size": 10"#,
                "-170141183460469231731687303715884105728",
                None,
            ),
        ] {
            let suppress = mask(&format!(r#"{args}, "on_invalid": "suppress""#));
            let done = mask_texts(&suppress, &[Some(text), None]);
            assert_eq!(done, [masked.map(str::to_owned), None], "{args} {text}");
            assert_eq!(
                try_texts(&mask(args), &[Some(text)]).is_ok(),
                masked.is_some()
            );
        }
    }

    #[test]
    fn columns_of_numbers() {
        let decimals = |values: Vec<i128>| {
            Decimal128Array::from(values)
                .with_precision_and_scale(6, 2)
                .unwrap()
        };
        let cases: [(&str, ArrayRef, ArrayRef); 5] = [
            (
                r#""size": 10"#,
                Arc::new(Int64Array::from(vec![Some(-1), None, Some(i64::MAX)])),
                Arc::new(Int64Array::from(vec![Some(-10), None, Some(i64::MAX - 7)])),
            ),
            (
                r#""size": 5, "form": "middle""#,
                Arc::new(UInt8Array::from(vec![0, 255])),
                Arc::new(UInt8Array::from(vec![Some(2), None])),
            ),
            (
                r#""size": 100"#,
                Arc::new(decimals(vec![123_456, -1])),
                Arc::new(decimals(vec![120_000, -10_000])),
            ),
            (
                r#""size": 0.1"#,
                Arc::new(Float64Array::from(vec![0.3, 0.7, -0.05])),
                Arc::new(Float64Array::from(vec![0.3, 0.7, -0.1])),
            ),
            (
                r#""size": 0.1"#,
                Arc::new(Float32Array::from(vec![Some(0.35), Some(f32::INFINITY)])),
                Arc::new(Float32Array::from(vec![Some(0.3), None])),
            ),
        ];
        for (args, values, expected) in cases {
            let suppress = mask(&format!(r#"{args}, "on_invalid": "suppress""#));
            assert_eq!(&mask_array(&suppress, values).unwrap(), &expected, "{args}");
        }
        let least: ArrayRef = Arc::new(Int8Array::from(vec![-128]));
        assert!(mask_array(&mask(r#""size": 10"#), least).is_err());
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""form": "range""#, DataType::Utf8, "[0]"),
            (r#""size": 5, "form": "range""#, DataType::Int64, "[0].form"),
            (r#""size": 5, "form": "upper""#, DataType::Utf8, "[0].form"),
            (r#""bounds": [3, 2]"#, DataType::Utf8, "[0].bounds[1]"),
            (r#""size": 0.5"#, DataType::Int32, "[0].size"),
        ] {
            assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
        }
    }
}
