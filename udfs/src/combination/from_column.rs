//! `from_column`: a value becomes that of another column of the same row.
//!
//! - Technique: a plain copy: what the other column tells stays readable by everyone.
//! - Input: any type. Output: the other column's value in this column's type, null where it is null.
//! - The other column is read as it came, whether or not it is masked itself.
//! - Keyless. Text is copied in Unicode NFC.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, TypeFamily, schema_of,
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
    examples: &[Example {
        args: r#"{"source_column": "surname"}"#,
        value: Some("Jones"),
        masked: Some("Smith"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FromColumn {
    /// The column to copy. Required. A value that cannot be converted to this column's type fails the
    /// task.
    source_column: String,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromColumn { source_column } = binder.parse(args)?;
    if source_column.is_empty() {
        let message = "`source_column` is required";
        return Err(BindError::new("source_column", message));
    }
    Ok(Box::new(Copied {
        input: binder.input(&source_column),
        column: binder.column().clone(),
    }))
}

#[derive(Debug)]
struct Copied {
    input: usize,
    column: DataType,
}

impl Mask for Copied {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let copied = typed(rows.input(self.input).clone(), &self.column)?;
        match copied.len() == values.len() {
            true => Ok(copied),
            false => Err(MaskError::Internal("a further column has another length")),
        }
    }

    fn may_give_null(&self) -> bool {
        true
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
    fn bad_arguments() {
        for mask in [
            r#"{"type": "from_column"}"#,
            r#"{"type": "from_column", "source_column": null}"#,
        ] {
            assert_eq!(bind_error(mask, &DataType::Utf8).path, "[0].source_column");
        }
    }
}
