//! `suppress`: every value becomes null.
//!
//! - Technique: suppression (ISO/IEC 20889:2018), of whole values.
//! - Input: any type. Output: null. Refused where the column is not nullable.
//! - Keyless, takes no argument.

use arrow::array::{Array, ArrayRef, new_null_array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "suppress",
    summary: "every value becomes null",
    family: Family::Suppression,
    takes: TypeFamily::ALL,
    schema: schema_of::<Suppress>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Null,
    examples: &[Example {
        args: "{}",
        value: Some("Alice"),
        masked: None,
    }],
};

/// No argument.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Suppress {}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    Ok(Box::new(binder.parse::<Suppress>(args)?))
}

impl Mask for Suppress {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        Ok(new_null_array(values.data_type(), values.len()))
    }

    fn by_value(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_array};

    #[test]
    fn nothing_is_left() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let masked = mask_array(r#"{"type": "suppress"}"#, numbers).unwrap();
        assert_eq!(*masked, Int64Array::from(vec![None, None]));
    }

    #[test]
    fn no_argument() {
        let error = bind_error(r#"{"type": "suppress", "value": 1}"#, &DataType::Utf8);
        assert!(error.message.contains("unknown field"), "{error}");
    }
}
