//! `from_random_boolean`: a value becomes true or false.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: booleans, numbers, text. Output: a boolean column gets true and false, any other column 1
//!   and 0, for null and empty text too (`skip` keeps them).
//! - The draw decides; both are equally likely.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_random_boolean",
    summary: "a value becomes true or false, or 1 or 0 where the column holds no booleans",
    family: Family::Randomization,
    takes: &[
        TypeFamily::Text,
        TypeFamily::Integer,
        TypeFamily::Decimal,
        TypeFamily::Float,
        TypeFamily::Boolean,
    ],
    schema: schema_of::<FromRandomBoolean>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[Example {
        args: "{}",
        value: Some("0"),
        masked: Some("1"),
    }],
};

/// No argument. For other words than 1 and 0 in a text column, write `from_choices`.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FromRandomBoolean {}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromRandomBoolean {} = binder.parse(args)?;
    let column = binder.column();
    let both = match column {
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false, true])) as ArrayRef,
        _ => typed(StringViewArray::from(vec!["0", "1"]), column).map_err(|_| {
            BindError::new(
                "type",
                format!("the column's type is {column}, and 1 is no value of it"),
            )
        })?,
    };
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: column.clone(),
        kernel: Both(both),
    }))
}

/// False and true as the column spells them.
#[derive(Debug)]
struct Both(ArrayRef);

impl Generator for Both {
    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let picks = UInt32Array::from_iter_values(draws.iter().map(|draw| draw.pick(2) as u32));
        take(&self.0, &picks, None).map_err(|_| MaskError::Internal("a pick is 0 or 1"))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::*;

    use super::*;
    use crate::canonical::plain_text;
    use crate::examples::{bind_error, mask_array, numbered};

    const MASK: &str = r#"{"type": "from_random_boolean"}"#;

    #[test]
    fn both_are_equally_likely() {
        let masked = numbered(MASK, 40_000);
        let ones = masked.iter().filter(|text| *text == "1").count();
        let zeros = masked.iter().filter(|text| *text == "0").count();
        assert_eq!(ones + zeros, masked.len());
        // A standard deviation is 100.
        assert!(ones.abs_diff(20_000) < 500, "{ones}");
    }

    #[test]
    fn every_type_draws_alike() {
        let numbers = 0..100;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(
                numbers
                    .clone()
                    .map(|n| Some(n.to_string()))
                    .collect::<StringViewArray>(),
            ),
            Arc::new(Int8Array::from_iter_values(
                numbers.clone().map(|n| n as i8),
            )),
            Arc::new(UInt64Array::from_iter_values(
                numbers.clone().map(|n| n as u64),
            )),
            Arc::new(Float32Array::from_iter_values(
                numbers.clone().map(|n| n as f32),
            )),
            Arc::new(
                Decimal128Array::from_iter_values(numbers.clone().map(i128::from))
                    .with_precision_and_scale(9, 0)
                    .unwrap(),
            ),
        ];
        let text = numbered(MASK, 100);
        for column in columns {
            let masked = mask_array(MASK, Arc::clone(&column)).unwrap();
            assert_eq!(masked.data_type(), column.data_type());
            let masked = plain_text(&masked).unwrap();
            assert!(masked.iter().flatten().eq(text.iter().map(String::as_str)));
        }
        let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
        let masked = mask_array(MASK, booleans).unwrap();
        assert_eq!(
            (masked.data_type(), masked.null_count()),
            (&DataType::Boolean, 0)
        );
    }

    #[test]
    fn columns_that_cannot_hold_one() {
        assert_eq!(
            bind_error(MASK, &DataType::Decimal128(2, 2)).path,
            "[0].type"
        );
        assert_eq!(bind_error(MASK, &DataType::Date32).path, "[0].type");
    }
}
