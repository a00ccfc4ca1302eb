//! `from_fixed`: every value becomes the same constant.
//!
//! - Technique: suppression (ISO/IEC 20889:2018): nothing of the value is left.
//! - Input: any type. Output: the constant in the column's type, for null too.
//! - Keyless. The constant is checked against the column before a row is read.

use arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array};
use arrow::compute::take;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::rows::Rows;
use crate::scalar::{Scalar, typed};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_fixed",
    summary: "every value becomes the same constant",
    family: Family::Suppression,
    takes: TypeFamily::ALL,
    schema: schema_of::<FromFixed>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"value": "redacted"}"#,
            value: Some("Alice"),
            masked: Some("redacted"),
        },
        Example {
            args: r#"{"value": 0}"#,
            value: None,
            masked: Some("0"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["value"]))]
pub(crate) struct FromFixed {
    /// The constant. `null` empties the column. Dates and times are written in ISO 8601.
    value: Scalar,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    if !args.contains_key("value") {
        return Err(BindError::new(
            "value",
            "`value` is required; write `value: null` to empty the column",
        ));
    }
    let FromFixed { value } = binder.parse(args)?;
    let text = StringViewArray::from_iter([value.text()]);
    let constant = typed(text, binder.column()).map_err(|_| {
        let column = binder.column();
        BindError::new(
            "value",
            format!("the column's type is {column}, and this is no value of it"),
        )
    })?;
    Ok(Box::new(Constant(constant)))
}

/// Gives the one value of an array for every row.
#[derive(Debug)]
pub(super) struct Constant(pub(super) ArrayRef);

impl Mask for Constant {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let same = UInt32Array::from(vec![0; values.len()]);
        take(&self.0, &same, None).map_err(|_| MaskError::Internal("a constant has one value"))
    }

    fn lengths(&self, _: Option<usize>) -> Option<Lengths> {
        length::of_texts(&self.0)
    }

    fn may_give_null(&self) -> bool {
        self.0.is_null(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Int64Array};
    use arrow::datatypes::{DataType, TimeUnit};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    #[test]
    fn one_constant_for_all_rows() {
        let mask = r#"{"type": "from_fixed", "value": "x"}"#;
        assert_eq!(
            mask_texts(mask, &[Some("a"), None]),
            [Some("x".into()), Some("x".into())]
        );
        let mask = r#"{"type": "from_fixed", "value": null}"#;
        assert_eq!(mask_texts(mask, &[Some("a"), None]), [None, None]);
    }

    #[test]
    fn the_columns_own_type() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let masked = mask_array(r#"{"type": "from_fixed", "value": 7}"#, numbers).unwrap();
        assert_eq!(*masked, Int64Array::from(vec![7, 7]));
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![9]));
        let masked = mask_array(r#"{"type": "from_fixed", "value": "1970-01-02"}"#, dates);
        assert_eq!(*masked.unwrap(), Date32Array::from(vec![1]));
    }

    #[test]
    fn constants_of_another_type() {
        for (value, column) in [
            (r#""abc""#, DataType::Int64),
            ("300", DataType::UInt8),
            ("1.5", DataType::Int32),
            (r#""2024-02-30""#, DataType::Date32),
            (r#""now""#, DataType::Timestamp(TimeUnit::Millisecond, None)),
            ("[1]", DataType::Utf8),
        ] {
            let mask = format!(r#"{{"type": "from_fixed", "value": {value}}}"#);
            assert_eq!(bind_error(&mask, &column).path, "[0].value", "{value}");
        }
        assert_eq!(
            bind_error(r#"{"type": "from_fixed"}"#, &DataType::Utf8).path,
            "[0].value"
        );
    }
}
