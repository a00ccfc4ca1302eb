//! Constants a ruleset spells out, and how they become values of a column.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::DataType;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::column::scalar_text;
use crate::error::MaskError;
use crate::mask::TypeFamily;
use crate::restore::restore;

/// One value of a ruleset: text, a number, a boolean or null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Scalar(Value);

impl TryFrom<Value> for Scalar {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Array(_) | Value::Object(_) => {
                Err("expected one value: text, a number, true, false or null")
            }
            scalar => Ok(Self(scalar)),
        }
    }
}

impl Scalar {
    /// The value as text; `None` for null.
    pub(crate) fn text(&self) -> Option<String> {
        scalar_text(&self.0)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "null"] })
    }
}

/// `texts` as the values kernels give back for `column`: text as it is, else the column's own type.
///
/// # Errors
/// [`MaskError::Unfit`] with the place of the first text that is no value of the type.
pub(crate) fn typed(texts: StringViewArray, column: &DataType) -> Result<ArrayRef, MaskError> {
    match TypeFamily::of(column) {
        Some(TypeFamily::Text) => Ok(Arc::new(texts)),
        _ => restore(Arc::new(texts), column),
    }
}
