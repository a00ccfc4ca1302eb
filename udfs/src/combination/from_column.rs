//! `from_column`: a value becomes that of another column of the same row.
//!
//! - Technique: a plain copy: what the other column tells stays readable by everyone.
//! - Input: any type. Output: the other column's value in this column's type, null where it is null
//!   (or the task fails, see `on_null`).
//! - The other column is read as it came, whether or not it is masked itself, in this task or an earlier one.
//! - Keyless. Text is copied in Unicode NFC.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::rows::Rows;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_column",
    summary: "a value becomes that of another column of the same row",
    family: Family::Combination,
    takes: TypeFamily::ALL,
    schema: schema_of::<FromColumn>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[Example {
        args: r#"{"source_column": "surname"}"#,
        value: Some("Jones"),
        masked: Some("Smith"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["source_column"]))]
pub(crate) struct FromColumn {
    /// The column to copy, as it is in the source, also where this task or an earlier one masks it. A value that cannot be converted to this column's type fails the
    /// task.
    source_column: String,
    /// For a row whose other value is null: `copy` the null (default) or `fail` the task. A column
    /// that may hold no null needs `fail`.
    on_null: OnNull,
}

/// What to do where null is to be copied.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnNull {
    /// Null it is.
    #[default]
    Copy,
    /// Stop the task.
    Fail,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromColumn {
        source_column,
        on_null,
    } = binder.parse(args)?;
    if source_column.is_empty() {
        let message = "`source_column` is required";
        return Err(BindError::new("source_column", message));
    }
    Ok(Box::new(Copied {
        input: binder.input(&source_column),
        column: binder.column().clone(),
        on_null,
    }))
}

#[derive(Debug)]
struct Copied {
    input: usize,
    column: DataType,
    on_null: OnNull,
}

impl Mask for Copied {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let other = rows.input(self.input);
        if self.on_null == OnNull::Fail && other.null_count() > 0 {
            return Err(MaskError::Refused {
                row: other.iter().position(|value| value.is_none()).unwrap_or(0),
                expected: "a row with a value in `source_column`",
            });
        }
        let copied = typed(other.clone(), &self.column)?;
        match copied.len() == values.len() {
            true => Ok(copied),
            false => Err(MaskError::Internal("a further column has another length")),
        }
    }

    fn may_give_null(&self) -> bool {
        self.on_null == OnNull::Copy
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Int32Array, StringArray, StringViewArray};

    use super::*;
    use crate::examples::{bind_error, mask_with_input};

    const MASK: &str = r#"{"type": "from_column", "source_column": "other"}"#;

    fn copy(values: ArrayRef, other: &[Option<&str>]) -> Result<ArrayRef, MaskError> {
        let other: StringViewArray = other.iter().copied().collect();
        mask_with_input(MASK, values, "other", other)
    }

    #[test]
    fn in_the_columns_own_type() {
        let other = [Some("42"), None];
        let texts = Arc::new(StringArray::from(vec![None, Some("x")]));
        assert_eq!(
            *copy(texts, &other).unwrap(),
            StringArray::from(vec![Some("42"), None])
        );
        let numbers = Arc::new(Int32Array::from(vec![None, Some(7)]));
        assert_eq!(
            *copy(numbers, &other).unwrap(),
            Int32Array::from(vec![Some(42), None])
        );
        let dates = Arc::new(Date32Array::from(vec![9, 9]));
        let copied = copy(dates, &[Some("1970-01-02"), Some("1970-01-03")]).unwrap();
        assert_eq!(*copied, Date32Array::from(vec![1, 2]));
    }

    #[test]
    fn values_of_another_type() {
        let numbers = Arc::new(Int32Array::from(vec![7, 7]));
        let error = copy(numbers, &[Some("1"), Some("secret")]).unwrap_err();
        assert_eq!(
            error,
            MaskError::Unfit {
                row: 1,
                wanted: DataType::Int32
            }
        );
    }

    #[test]
    fn nulls_where_none_may_be() {
        let mask = r#"{"type": "from_column", "source_column": "other", "on_null": "fail"}"#;
        let copy = |other: &[Option<&str>]| {
            let values = Arc::new(StringViewArray::from(vec![Some("x"), None]));
            mask_with_input(mask, values, "other", other.iter().copied().collect())
        };
        let copied = copy(&[Some("a"), Some("b")]).unwrap();
        assert_eq!(*copied, StringViewArray::from(vec!["a", "b"]));
        let error = copy(&[Some("a"), None]).unwrap_err();
        assert!(
            matches!(error, MaskError::Refused { row: 1, .. }),
            "{error}"
        );
    }

    #[test]
    fn bad_arguments() {
        for mask in [
            r#"{"type": "from_column"}"#,
            r#"{"type": "from_column", "source_column": null}"#,
        ] {
            assert_eq!(bind_error(mask, &DataType::Utf8).path, "[0].source_column");
        }
    }
}
