//! `take_substring`: a part of the value.
//!
//! - Input: text and integers. Output: the characters (Unicode scalar values) from `start_index` up
//!   to but without `end_index`, as far as the value reaches. Null stays null.
//! - Keyless: what is taken can be read by everyone.

use arrow::array::{Array, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank,
    TypeFamily, ValueMask, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "take_substring",
    summary: "a part of the value, by character positions",
    family: Family::Combination,
    takes: &[TypeFamily::Text, TypeFamily::Integer],
    schema: schema_of::<TakeSubstring>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: r#"{"end_index": 4}"#,
            value: Some("Wellington"),
            masked: Some("Well"),
        },
        Example {
            args: r#"{"start_index": 4, "end_index": 40}"#,
            value: Some("Wellington"),
            masked: Some("ington"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TakeSubstring {
    /// The first character to take, counted from 0 (default 0).
    start_index: usize,
    /// The first character not to take; without it, up to the end.
    end_index: Option<usize>,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let substring: TakeSubstring = binder.parse(args)?;
    if substring
        .end_index
        .is_some_and(|end| end < substring.start_index)
    {
        return Err(BindError::new(
            "end_index",
            "`end_index` lies before `start_index`",
        ));
    }
    Ok(Box::new(ByValue(substring)))
}

impl ValueMask for TakeSubstring {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        let most = self.end_index.into_iter().chain(input).min()?;
        Some(0..=most.saturating_sub(self.start_index))
    }

    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut taken = StringViewBuilder::with_capacity(values.len());
        for value in values {
            taken.append_option(value.map(|value| self.part(value)));
        }
        Ok(taken.finish())
    }

    fn keeps_distinct(&self) -> bool {
        self.start_index == 0 && self.end_index.is_none()
    }

    /// Shorter values are taken whole.
    fn keeps_distinct_up_to(&self) -> Option<usize> {
        self.end_index.filter(|_| self.start_index == 0)
    }
}

impl TakeSubstring {
    fn part<'v>(&self, value: &'v str) -> &'v str {
        let byte = |index: usize| match value.is_ascii() {
            true => index.min(value.len()),
            false => value
                .char_indices()
                .nth(index)
                .map_or(value.len(), |(byte, _)| byte),
        };
        &value[byte(self.start_index)..self.end_index.map_or(value.len(), byte)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_array, mask_texts};

    #[test]
    fn parts() {
        for (args, value, expected) in [
            (r#""start_index": 1, "end_index": 3"#, "abcd", "bc"),
            (r#""start_index": 2, "end_index": 2"#, "abcd", ""),
            (r#""start_index": 9"#, "abcd", ""),
            (r#""start_index": 1, "end_index": 3"#, "żółw", "ół"),
            (r#""start_index": 3, "end_index": 9"#, "żółw", "w"),
            (r#""end_index": 3"#, "", ""),
        ] {
            let mask = format!(r#"{{"type": "take_substring", {args}}}"#);
            assert_eq!(
                mask_texts(&mask, &[Some(value)]),
                [Some(expected.into())],
                "{args}"
            );
        }
        assert_eq!(mask_texts(r#"{"type": "take_substring"}"#, &[None]), [None]);
    }

    #[test]
    fn of_a_number() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![12345]));
        let mask = r#"{"type": "take_substring", "end_index": 2}"#;
        assert_eq!(
            *mask_array(mask, numbers).unwrap(),
            Int32Array::from(vec![12])
        );
    }

    #[test]
    fn indexes_that_make_no_sense() {
        for args in [
            r#""start_index": -1"#,
            r#""start_index": 3, "end_index": 2"#,
        ] {
            let mask = format!(r#"{{"type": "take_substring", {args}}}"#);
            bind_error(&mask, &DataType::Utf8);
        }
    }
}
