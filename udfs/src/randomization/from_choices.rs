//! `from_choices`: a value becomes one of a list, drawn at random.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: any type. Output: a choice in the column's type, for null too (`skip` keeps null).
//! - The draw decides. Each choice comes as often as its weight says within `total / 2^64`, where
//!   `total` is the sum of the weights: exact for whole weights, else rounded to 2^-32 of the heaviest.

use arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Draws};
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::scalar::{Scalar, typed};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_choices",
    summary: "a value becomes one of a list, with weights if wanted",
    family: Family::Randomization,
    takes: TypeFamily::ALL,
    schema: schema_of::<FromChoices>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"choices": ["red", "green", "blue"]}"#,
            value: Some("turquoise"),
            masked: Some("green"),
        },
        Example {
            args: r#"{"choices": [{"value": "Y", "weight": 9}, {"value": "N", "weight": 1}]}"#,
            value: Some("N"),
            masked: Some("Y"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["choices"]))]
pub(crate) struct FromChoices {
    /// The values to choose from, at least one; `null` may be among them. An entry is a value, which
    /// has the weight 1, or `{value: …, weight: …}`.
    choices: Vec<Choice>,
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a value, or `value` and a positive `weight`"
)]
enum Choice {
    /// A value and how often it comes, relative to the others.
    Weighted(Weighted),
    /// A value of weight 1.
    Plain(Scalar),
}

/// A value and its weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Weighted {
    /// The value.
    value: Scalar,
    /// How often it comes, relative to the others: a positive number.
    weight: f64,
}

impl Choice {
    fn text(&self) -> Option<String> {
        match self {
            Self::Weighted(weighted) => weighted.value.text(),
            Self::Plain(value) => value.text(),
        }
    }

    fn weight(&self) -> f64 {
        match self {
            Self::Weighted(weighted) => weighted.weight,
            Self::Plain(_) => 1.0,
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromChoices { choices } = binder.parse(args)?;
    if choices.is_empty() {
        return Err(BindError::new("choices", "at least one choice is required"));
    }
    let at = |index: usize| format!("choices[{index}]");
    let weights: Vec<f64> = choices.iter().map(Choice::weight).collect();
    let good = |weight: &f64| weight.is_finite() && *weight > 0.0;
    if let Some(index) = weights.iter().position(|weight| !good(weight)) {
        return Err(BindError::new(at(index), "a weight is a positive number"));
    }
    let texts: StringViewArray = choices.iter().map(Choice::text).collect();
    let values = typed(texts, binder.column()).map_err(|error| {
        let place = match error {
            MaskError::Unfit { row, .. } => at(row),
            _ => "choices".to_owned(),
        };
        let column = binder.column();
        BindError::new(
            place,
            format!("the column's type is {column}, and this is no value of it"),
        )
    })?;
    let kernel = Choices {
        values,
        bounds: bounds(&weights),
    };
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel,
    }))
}

/// For each choice the number below which a pick falls to it or one before it.
fn bounds(weights: &[f64]) -> Vec<u64> {
    const HEAVIEST: f64 = 4_294_967_296.0; // 2^32
    let whole = weights
        .iter()
        .all(|weight| weight.fract() == 0.0 && *weight <= HEAVIEST);
    let heaviest = weights.iter().copied().fold(0.0, f64::max);
    let mut total = 0;
    weights
        .iter()
        .map(|weight| {
            let units = if whole {
                *weight
            } else {
                (weight / heaviest * HEAVIEST).round()
            };
            total += units.max(1.0) as u64;
            total
        })
        .collect()
}

#[derive(Debug)]
struct Choices {
    values: ArrayRef,
    bounds: Vec<u64>,
}

impl Choices {
    fn pick(&self, draw: Draw) -> u32 {
        let total = self.bounds.last().copied().unwrap_or(0);
        let pick = draw.pick(total);
        self.bounds.partition_point(|bound| *bound <= pick) as u32
    }
}

impl Generator for Choices {
    fn lengths(&self) -> Option<Lengths> {
        length::of_texts(&self.values)
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let picks = UInt32Array::from_iter_values(draws.iter().map(|draw| self.pick(draw)));
        take(&self.values, &picks, None)
            .map_err(|_| MaskError::Internal("a pick lies outside the choices"))
    }

    fn may_give_null(&self) -> bool {
        self.values.null_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{AsArray, Int16Array};
    use arrow::datatypes::Int16Type;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    #[test]
    fn shares_follow_the_weights() {
        for (choices, shares) in [
            (r#"["a", "b", "c", null]"#, vec![0.25, 0.25, 0.25, 0.25]),
            (r#"[{"value": "a", "weight": 3}, "b"]"#, vec![0.75, 0.25]),
            (
                r#"[{"value": "a", "weight": 0.1}, {"value": "b", "weight": 0.3}]"#,
                vec![0.25, 0.75],
            ),
        ] {
            let mask = format!(r#"{{"type": "from_choices", "choices": {choices}}}"#);
            let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
            let values: Vec<Option<&str>> = values.iter().map(|n| Some(n.as_str())).collect();
            let mut counts = BTreeMap::new();
            for masked in mask_texts(&mask, &values) {
                *counts
                    .entry(masked.unwrap_or("null".into()))
                    .or_insert(0.0_f64) += 0.0001;
            }
            for ((value, count), share) in counts.iter().zip(&shares) {
                assert!((count - share).abs() < 0.02, "{choices} {value}: {count}");
            }
            assert_eq!(counts.len(), shares.len());
        }
    }

    #[test]
    fn units_of_weights() {
        for (weights, expected) in [
            (vec![1.0, 1.0, 1.0], vec![1, 2, 3]),
            (vec![9.0, 1.0], vec![9, 10]),
            (vec![0.5, 1.0], vec![1 << 31, 3 << 31]),
            (vec![1e300, 1e-300], vec![1 << 32, (1 << 32) + 1]),
        ] {
            assert_eq!(bounds(&weights), expected, "{weights:?}");
        }
    }

    #[test]
    fn the_columns_own_type() {
        let numbers: ArrayRef = Arc::new(Int16Array::from(vec![Some(7), None]));
        let masked =
            mask_array(r#"{"type": "from_choices", "choices": [1, "2"]}"#, numbers).unwrap();
        assert!(
            masked
                .as_primitive::<Int16Type>()
                .values()
                .iter()
                .all(|n| [1, 2].contains(n))
        );
        assert_eq!(masked.null_count(), 0);
    }

    #[test]
    fn bad_choices() {
        for (choices, column, path) in [
            ("[]", DataType::Utf8, "[0].choices"),
            (r#"[1, "x"]"#, DataType::Int64, "[0].choices[1]"),
            (
                r#"[1, {"value": 2, "weight": 0}]"#,
                DataType::Int64,
                "[0].choices[1]",
            ),
            (
                r#"[{"value": 2, "weight": -1}]"#,
                DataType::Int64,
                "[0].choices[0]",
            ),
            (
                r#"[{"value": 2, "weight": 1, "x": 1}]"#,
                DataType::Int64,
                "[0].choices[0]",
            ),
            ("[[1]]", DataType::Int64, "[0].choices[0]"),
        ] {
            let mask = format!(r#"{{"type": "from_choices", "choices": {choices}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{choices}");
        }
    }
}
