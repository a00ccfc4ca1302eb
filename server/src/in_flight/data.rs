//! JSON values and the arrays that masks work on.
//!
//! Text, whole numbers, other numbers and flags are arrays of their own types. Objects and lists are the text
//! of their JSON, as a file holds them; null is a text that is missing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::Value;

/// What values are to masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Int,
    Float,
    Flag,
}

impl Shape {
    pub(super) const ALL: [Self; 4] = [Self::Text, Self::Int, Self::Float, Self::Flag];

    /// What a value is.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => Self::Text,
            Value::Bool(_) => Self::Flag,
            Value::Number(number) if number.is_i64() => Self::Int,
            Value::Number(_) => Self::Float,
        }
    }

    /// The type of its arrays.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }

    /// What it is, in words.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "whole numbers",
            Self::Float => "numbers",
            Self::Flag => "true or false",
        }
    }

    /// `values`, all of this shape.
    pub(super) fn array<'v>(self, values: impl Iterator<Item = &'v Value>) -> ArrayRef {
        match self {
            Self::Text => {
                let texts = values.map(|value| match value {
                    Value::Null => None,
                    Value::String(text) => Some(std::borrow::Cow::Borrowed(text.as_str())),
                    document => Some(document.to_string().into()),
                });
                Arc::new(texts.collect::<StringArray>())
            }
            Self::Int => Arc::new(values.map(Value::as_i64).collect::<Int64Array>()),
            Self::Float => Arc::new(values.map(Value::as_f64).collect::<Float64Array>()),
            Self::Flag => Arc::new(values.map(Value::as_bool).collect::<BooleanArray>()),
        }
    }

    /// The value in `row` of a masked array; `was` tells what it was before. A document stays one where its
    /// masked text is one. Nothing for a number that JSON cannot write.
    pub(super) fn value(self, masked: &ArrayRef, row: usize, was: &Value) -> Option<Value> {
        if masked.is_null(row) {
            return Some(Value::Null);
        }
        Some(match self {
            Self::Text => {
                let text = masked.as_string::<i32>().value(row);
                match was {
                    Value::Array(_) | Value::Object(_) => {
                        serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
                    }
                    _ => Value::from(text),
                }
            }
            Self::Int => masked.as_primitive::<Int64Type>().value(row).into(),
            Self::Float => {
                let number = masked.as_primitive::<Float64Type>().value(row);
                serde_json::Number::from_f64(number)?.into()
            }
            Self::Flag => masked.as_boolean().value(row).into(),
        })
    }
}

/// Values that decide draws, as text: a number draws as the same number in a table or file does. Nothing for what
/// is no single value.
pub(super) fn hash_text(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        Value::Bool(flag) => Some(Some(flag.to_string())),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            None => Some(Some(number.to_string())),
            Some(float) => {
                let array: ArrayRef = Arc::new(Float64Array::from(vec![float]));
                let text = visard_engine::udfs::canonical_text(&array).ok()?;
                Some(Some(text.value(0).to_owned()))
            }
        },
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_back() {
        for (shape, values) in [
            (
                Shape::Text,
                vec![json!("a"), json!(null), json!({"b": [1]}), json!([])],
            ),
            (Shape::Int, vec![json!(1), json!(i64::MIN)]),
            (Shape::Float, vec![json!(0.5), json!(-1e300)]),
            (Shape::Flag, vec![json!(true)]),
        ] {
            assert!(values.iter().all(|value| Shape::of(value) == shape));
            let array = shape.array(values.iter());
            for (row, value) in values.iter().enumerate() {
                assert_eq!(shape.value(&array, row, value).as_ref(), Some(value));
            }
        }
        let text: ArrayRef = Arc::new(StringArray::from(vec!["no document"]));
        assert_eq!(
            Shape::Text.value(&text, 0, &json!({})),
            Some(json!("no document"))
        );
    }

    #[test]
    fn hash_values_as_text() {
        for (value, text) in [
            (json!("07"), Some(Some("07"))),
            (json!(7), Some(Some("7"))),
            (json!(7.0), Some(Some("7"))),
            (json!(0.5), Some(Some("0.5"))),
            (json!(true), Some(Some("true"))),
            (json!(null), Some(None)),
            (json!([1]), None),
        ] {
            let found = hash_text(&value);
            assert_eq!(found.as_ref().map(Option::as_deref), text, "{value}");
        }
    }
}
