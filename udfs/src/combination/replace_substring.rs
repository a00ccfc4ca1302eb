//! `replace_substring`: masks applied to a part of the value, by character positions.
//!
//! - Technique: a combination; the part becomes what its masks give.
//! - Input: text. Output: text; what lies outside the part stays. Null stays null, and a text too short
//!   to have a character at `start_index` stays as it is.
//! - A part the masks turn into null is left out.
//! - Draws: the part takes the row's draw.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::chain::Chain;
use crate::combination::Masks;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::messages::Part;
use crate::rows::{Rows, row_numbers};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "replace_substring",
    summary: "masks applied to a part of the value, by character positions",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<ReplaceSubstringArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: r#"{"start_index": 3, "end_index": 6, "masks": [{"type": "from_fixed", "value": "..."}]}"#,
            value: Some("Wellington"),
            masked: Some("Wel...gton"),
        },
        Example {
            args: r#"{"start_index": 2, "masks": [{"type": "imitate"}]}"#,
            value: Some("NZ-0042"),
            masked: Some("NZ-0176"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["masks"]))]
pub(crate) struct ReplaceSubstringArgs {
    /// The first character of the part, counted from 0 (default 0). A value without such a character
    /// has no such part and stays as it is.
    start_index: usize,
    /// The first character behind the part; without it, the part reaches up to the end.
    end_index: Option<usize>,
    /// The masks for the part, as a list or as a map with labels.
    masks: Masks,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let ReplaceSubstringArgs {
        start_index,
        end_index,
        masks,
    } = binder.parse(args)?;
    if end_index.is_some_and(|end| end <= start_index) {
        return Err(BindError::new(
            "end_index",
            "`end_index` lies behind `start_index`, or nothing would be masked",
        ));
    }
    Ok(Box::new(ReplaceSubstring {
        start: start_index,
        end: end_index,
        inner: masks.bind(binder)?,
    }))
}

#[derive(Debug)]
struct ReplaceSubstring {
    /// In characters.
    start: usize,
    end: Option<usize>,
    inner: Chain,
}

impl Mask for ReplaceSubstring {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let mut having = Vec::with_capacity(values.len());
        let mut spans = Vec::with_capacity(values.len());
        let mut parts = StringViewBuilder::with_capacity(values.len());
        for (row, value) in row_numbers(&values).zip(&values) {
            if let Some((value, span)) = value.and_then(|value| Some((value, self.span(value)?))) {
                having.push(row);
                parts.append_value(&value[span.clone()]);
                spans.push(span);
            }
        }
        if having.is_empty() {
            return Ok(Arc::new(values));
        }
        let all = having.len() == values.len();
        let inner_rows = match all {
            true => Cow::Borrowed(rows),
            false => Cow::Owned(rows.select(&having, &vec![0; having.len()], Part::Match)?),
        };
        let masked = self
            .inner
            .mask(Arc::new(parts.finish()), &inner_rows)
            .map_err(|error| error.in_rows(&having))?;
        Ok(Arc::new(splice(
            &values,
            &having,
            &spans,
            &plain_text(&masked)?,
        )))
    }

    fn by_value(&self) -> bool {
        self.inner.by_value()
    }

    fn draws(&self) -> bool {
        self.inner.draws()
    }
}

impl ReplaceSubstring {
    /// The bytes of the part; `None` where the value has none.
    fn span(&self, value: &str) -> Option<Range<usize>> {
        let byte = |index: usize| match value.is_ascii() {
            true => index.min(value.len()),
            false => value
                .char_indices()
                .nth(index)
                .map_or(value.len(), |(byte, _)| byte),
        };
        let span = byte(self.start)..self.end.map_or(value.len(), byte);
        (!span.is_empty()).then_some(span)
    }
}

/// `values` with the part of each row of `having` replaced.
fn splice(
    values: &StringViewArray,
    having: &[u32],
    spans: &[Range<usize>],
    masked: &StringViewArray,
) -> StringViewArray {
    let mut spliced = StringViewBuilder::with_capacity(values.len());
    let mut text = String::new();
    let mut next = 0;
    for (row, value) in row_numbers(values).zip(values) {
        let (Some(value), Some(&at)) = (value, having.get(next)) else {
            spliced.append_option(value);
            continue;
        };
        if at != row {
            spliced.append_value(value);
            continue;
        }
        let span = &spans[next];
        text.clear();
        text.push_str(&value[..span.start]);
        if masked.is_valid(next) {
            text.push_str(masked.value(next));
        }
        text.push_str(&value[span.end..]);
        spliced.append_value(&text);
        next += 1;
    }
    spliced.finish()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use crate::error::MaskError;
    use crate::examples::{bind_error, mask_texts, try_texts};

    fn mask(indexes: &str, inner: &str) -> String {
        format!(r#"{{"type": "replace_substring", {indexes} "masks": [{inner}]}}"#)
    }

    #[test]
    fn parts_are_masked_and_the_rest_stays() {
        let x = r#"{"type": "from_fixed", "value": "xyz"}"#;
        let null = r#"{"type": "suppress"}"#;
        for (indexes, inner, value, expected) in [
            ("", x, "abcd", "xyz"),
            (r#""start_index": 1, "end_index": 3,"#, x, "abcd", "axyzd"),
            (r#""start_index": 1, "end_index": 3,"#, x, "ab", "axyz"),
            (r#""start_index": 1, "end_index": 3,"#, x, "a", "a"),
            (r#""start_index": 1, "end_index": 3,"#, x, "", ""),
            (r#""start_index": 1, "end_index": 3,"#, null, "abcd", "ad"),
            (r#""start_index": 1, "end_index": 3,"#, x, "żółw", "żxyzw"),
            (r#""start_index": 3,"#, x, "żółw", "żółxyz"),
            (r#""start_index": 4,"#, x, "żółw", "żółw"),
            (r#""end_index": 1,"#, x, "żółw", "xyzółw"),
        ] {
            let masked = mask_texts(
                &mask(indexes, inner),
                &[None, Some(value), Some("12345678")],
            );
            assert_eq!(
                masked[..2],
                [None, Some(expected.to_owned())],
                "{indexes} {value}"
            );
            assert_ne!(masked[2].as_deref(), Some("12345678"));
        }
    }

    #[test]
    fn the_part_takes_the_rows_draw() {
        let mask = mask(
            r#""start_index": 2,"#,
            r#"{"type": "from_random_number", "max": 999999}"#,
        );
        let alone = mask_texts(&mask, &[Some("abcd")]);
        let between = mask_texts(&mask, &[Some("a"), None, Some("abcd"), Some("abce")]);
        assert_eq!(alone[0], between[2]);
        assert_ne!(between[2], between[3]);
    }

    #[test]
    fn errors_name_the_row() {
        let inner = r#"{"type": "retain_year"}"#;
        let mask = mask(r#""start_index": 1,"#, inner);
        let error = try_texts(&mask, &[None, Some("x2024-01-01"), Some("x2024")]);
        assert!(
            matches!(error, Err(MaskError::Refused { row: 2, .. })),
            "{error:?}"
        );
    }

    #[test]
    fn bad_arguments() {
        let keep = r#"{"type": "do_nothing"}"#;
        for (mask, column, path) in [
            (
                mask(r#""start_index": -1,"#, keep),
                DataType::Utf8,
                "[0].start_index",
            ),
            (
                mask(r#""start_index": 2, "end_index": 2,"#, keep),
                DataType::Utf8,
                "[0].end_index",
            ),
            (mask("", ""), DataType::Utf8, "[0].masks"),
            (
                mask("", r#"{"type": "nope"}"#),
                DataType::Utf8,
                "[0].masks[0].type",
            ),
            (mask("", keep), DataType::Int64, "[0].type"),
        ] {
            assert_eq!(bind_error(&mask, &column).path, path, "{mask}");
        }
    }
}
