//! `replace_regex`: masks applied to each part of a text that matches a pattern.
//!
//! - Technique: a combination; the parts that match become what its masks give.
//! - Input: text. Output: text; what does not match stays. Null stays null.
//! - Empty matches are passed over. A match the masks turn into null is left out.
//! - Draws: the first match of a row takes the row's draw, each further one a draw of its own.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, StringViewBuilder};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class_runs::ClassRuns;
use super::pattern::compiled;
use super::splice::Parts;
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
    name: "replace_regex",
    summary: "masks applied to each part of a text that matches a pattern",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<ReplaceRegexArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[Example {
        args: r#"{"regex": "[0-9]+", "masks": [{"type": "partial", "unmasked_from_right": 1}]}"#,
        value: Some("flat 12, 305 High Street"),
        masked: Some("flat *2, **5 High Street"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["regex", "masks"]))]
pub(crate) struct ReplaceRegexArgs {
    /// The pattern, in the syntax of Rust's `regex` crate: like Perl's, without look-around and
    /// back-references. Whole matches are masked, not groups.
    regex: String,
    /// The masks for each match, as a list or as a map with labels.
    masks: Masks,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let ReplaceRegexArgs { regex, masks } = binder.parse(args)?;
    let runs = ClassRuns::of(&regex);
    let regex = compiled(&regex, "regex")?;
    let inner = masks.bind(binder)?;
    Ok(Box::new(ReplaceRegex { regex, runs, inner }))
}

#[derive(Debug)]
struct ReplaceRegex {
    regex: Regex,
    /// The same for ASCII, where that is simple.
    runs: Option<ClassRuns>,
    inner: Chain,
}

/// The matches of a batch, one after the other.
#[derive(Default)]
struct Matches {
    parts: Parts,
    /// How many came before each in its row.
    ordinals: Vec<u32>,
}

impl Mask for ReplaceRegex {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let (matches, texts) = self.find(&values);
        let Matches { parts, ordinals } = matches;
        if parts.rows.is_empty() {
            return Ok(Arc::new(values));
        }
        let inner_rows = rows.select(&parts.rows, &ordinals, Part::Match)?;
        let masked = self
            .inner
            .mask(Arc::new(texts), &inner_rows)
            .map_err(|error| error.in_rows(&parts.rows))?;
        Ok(Arc::new(parts.replaced(&values, &plain_text(&masked)?)))
    }

    fn by_value(&self) -> bool {
        self.inner.by_value()
    }

    fn draws(&self) -> bool {
        self.inner.draws()
    }
}

impl ReplaceRegex {
    fn find(&self, values: &StringViewArray) -> (Matches, StringViewArray) {
        let mut matches = Matches::default();
        let mut texts = StringViewBuilder::new();
        // A regex of its own does not share its working memory with other threads.
        let regex = self.regex.clone();
        for (row, value) in row_numbers(values).zip(values) {
            let value = value.unwrap_or_default();
            let mut ordinal = 0;
            let add = |span: Range<usize>| {
                matches.parts.rows.push(row);
                matches.ordinals.push(ordinal);
                texts.append_value(&value[span.clone()]);
                matches.parts.spans.push(span);
                ordinal += 1;
            };
            match &self.runs {
                Some(runs) if value.is_ascii() => runs.find(value.as_bytes()).for_each(add),
                _ => {
                    let found = regex.find_iter(value).filter(|found| !found.is_empty());
                    found.map(|found| found.range()).for_each(add);
                }
            }
        }
        (matches, texts.finish())
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_texts};

    fn replace(regex: &str, inner: &str, values: &[Option<&str>]) -> Vec<Option<String>> {
        let regex = serde_json::to_string(regex).unwrap();
        let mask = format!(r#"{{"type": "replace_regex", "regex": {regex}, "masks": [{inner}]}}"#);
        mask_texts(&mask, values)
    }

    #[test]
    fn matches_are_masked_and_the_rest_stays() {
        let x = r#"{"type": "from_fixed", "value": "x"}"#;
        let cut = r#"{"type": "take_substring", "end_index": 1}"#;
        let null = r#"{"type": "suppress"}"#;
        for (regex, inner, value, expected) in [
            ("[0-9]+", x, "a1b22c", "axbxc"),
            ("[0-9]+", cut, "a1b22c333", "a1b2c3"),
            ("[0-9]+", null, "a1b22c", "abc"),
            ("[0-9]*", x, "a1b", "axb"),
            ("^.*$", x, "whole", "x"),
            ("(?i)ZOË|w", cut, "zoë w", "z w"),
            ("[0-9]", x, "none", "none"),
            ("[0-9]", x, "", ""),
        ] {
            let masked = replace(regex, inner, &[Some(value), None]);
            assert_eq!(masked, [Some(expected.to_owned()), None], "{regex} {value}");
        }
    }

    #[test]
    fn matches_draw_apart_and_rows_do_not_disturb_each_other() {
        let both = replace(
            "[0-9]+",
            r#"{"type": "imitate"}"#,
            &[Some("1111 1111"), Some("x 77")],
        );
        let alone = replace("[0-9]+", r#"{"type": "imitate"}"#, &[Some("x 77")]);
        let (one, other) = both[0].as_ref().unwrap().split_once(' ').unwrap();
        assert_ne!(one, other);
        assert_eq!(both[1], alone[0]);
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            (
                r#""regex": "(", "masks": [{"type": "imitate"}]"#,
                "[0].regex",
            ),
            (r#""masks": [{"type": "imitate"}]"#, "[0].regex"),
            (r#""regex": "a""#, "[0].masks"),
            (
                r#""regex": "a", "masks": [{"type": "partial", "masked": 1}]"#,
                "[0].masks[0].masked",
            ),
        ] {
            let mask = format!(r#"{{"type": "replace_regex", {args}}}"#);
            assert_eq!(bind_error(&mask, &DataType::Utf8).path, path, "{args}");
        }
    }
}
