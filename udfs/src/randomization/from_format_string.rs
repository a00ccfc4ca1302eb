//! `from_format_string`: a value becomes a random text of a format.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: text and numbers. Output: a string of the format in the column's type, for null and empty
//!   text too (`skip` keeps them).
//! - The draw decides. Each character is as likely as the others of its class within 2^-32.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::format_string::FormatString;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_format_string",
    summary: "a value becomes a random text of a format",
    family: Family::Randomization,
    takes: &[
        TypeFamily::Text,
        TypeFamily::Integer,
        TypeFamily::Decimal,
        TypeFamily::Float,
    ],
    schema: schema_of::<FromFormatString>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"format": "{[A-Z],3}{[0-9],3}"}"#,
            value: Some("KX7-22"),
            masked: Some("EPU447"),
        },
        Example {
            args: r#"{"format": "+1-{[2-9]}{[0-9],2}-{[0-9],4}"}"#,
            value: Some("+1-415-0000"),
            masked: Some("+1-269-1561"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["format"]))]
pub(crate) struct FromFormatString {
    /// The format, at most 10,000 characters a value. `{[A-Z],3}` stands for three
    /// characters from `A` to `Z`; a class lists characters and ranges (`[A-Za-z_]`), and without a
    /// count it stands for one. All other text stays as it is. A backslash takes a sign's meaning
    /// away: `\{`, `\}`, `\\`, and in a class `\]`, `\-`, `\,`, `\^`.
    #[serde(alias = "value")]
    #[schemars(extend("x-spellings" = ["value"]))]
    format: String,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromFormatString { format } = binder.parse(args)?;
    let wrong = |message: String| BindError::new("format", message);
    if format.is_empty() {
        return Err(wrong("`format` is required".to_owned()));
    }
    let format = FormatString::parse(&format).map_err(wrong)?;
    if format.offers() == Some(1) {
        return Err(wrong(
            "the format offers one text only: write classes in braces, such as `{[0-9],3}`, or mask with `from_fixed`".to_owned(),
        ));
    }
    let mut first = String::new();
    format.push(0, &mut first);
    typed(StringViewArray::from_iter([Some(first)]), binder.column()).map_err(|_| {
        let column = binder.column();
        wrong(format!(
            "the column's type is {column}, and a text of this format is no value of it"
        ))
    })?;
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: Strings(format),
    }))
}

#[derive(Debug)]
struct Strings(FormatString);

impl Generator for Strings {
    fn lengths(&self) -> Option<Lengths> {
        Some(self.0.length()..=self.0.length())
    }

    fn generate(&self, draws: &Draws<'_>, column: &DataType) -> Result<ArrayRef, MaskError> {
        let Self(format) = self;
        let mut strings = StringViewBuilder::with_capacity(draws.len());
        let mut text = String::new();
        let blocks = draws.expand(|_| format.blocks());
        for own in blocks.chunks_exact(format.blocks().max(1)) {
            text.clear();
            format.draw(own, &mut text);
            strings.append_value(&text);
        }
        let strings = strings.finish();
        match TypeFamily::of(column) {
            Some(TypeFamily::Text) => Ok(Arc::new(strings)),
            _ => typed(strings, column),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::{Array, AsArray, Int8Array, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, numbered};

    fn mask(format: &str) -> String {
        let format = serde_json::to_string(format).unwrap();
        format!(r#"{{"type": "from_format_string", "format": {format}}}"#)
    }

    #[test]
    fn strings_have_the_format() {
        for (format, pattern) in [
            ("{[A-Z],3}{[0-9],3}", "^[A-Z]{3}[0-9]{3}$"),
            ("+1-{[0-9],3}-{[0-9],4}", r"^\+1-[0-9]{3}-[0-9]{4}$"),
            (r"\{{[żół],2}\}", r"^\{[żół]{2}\}$"),
            ("{[A-Za-z0-9_],100}", "^[A-Za-z0-9_]{100}$"),
        ] {
            let pattern = regex::Regex::new(pattern).unwrap();
            for value in [Some("a"), Some(""), None] {
                let masked = mask_texts(&mask(format), &[value]).remove(0).unwrap();
                assert!(pattern.is_match(&masked), "{format} {masked}");
            }
        }
    }

    #[test]
    fn every_place_is_uniform() {
        let masked = numbered(&mask("{[0-9],3}{[a-e]}{[0-9],20}"), 20_000);
        for (place, classes) in [(0, 10), (2, 10), (3, 5), (4, 10), (23, 10)] {
            let mut counts = BTreeMap::new();
            for text in &masked {
                *counts.entry(text.as_bytes()[place]).or_insert(0_u32) += 1;
            }
            let expected = 20_000 / classes;
            assert_eq!(counts.len(), classes as usize);
            for (_, count) in counts {
                // Six standard deviations at most.
                assert!(count.abs_diff(expected) < expected / 5, "{place} {count}");
            }
        }
        let mut distinct = masked.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), masked.len());
    }

    #[test]
    fn numbers_stay_numbers() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let masked = mask_array(&mask("{[1-9]}{[0-9],4}"), numbers).unwrap();
        let masked = masked.as_primitive::<Int32Type>();
        assert_eq!(masked.null_count(), 0);
        assert!(
            masked
                .values()
                .iter()
                .all(|n| (10_000..100_000).contains(n))
        );
    }

    #[test]
    fn bad_formats() {
        for (format, column) in [
            ("", DataType::Utf8),
            ("{[a],3}", DataType::Utf8),
            ("{[A-Z],3", DataType::Utf8),
            ("{[A-Z],3}", DataType::Int64),
            ("{[1-9],3}{[0-9]}", DataType::Int8),
        ] {
            let path = bind_error(&mask(format), &column).path;
            assert_eq!(path, "[0].format", "{format}");
        }
    }

    #[test]
    fn a_number_too_great_for_the_column() {
        let numbers: ArrayRef = Arc::new(Int8Array::from_iter_values(0..100));
        let error = mask_array(&mask("{[0-9],3}"), numbers).unwrap_err();
        assert!(matches!(error, MaskError::Unfit { .. }));
    }

    #[test]
    fn the_argument_has_two_names() {
        let value = r#"{"type": "from_format_string", "value": "{[0-9],4}"}"#;
        let values = [Some("x")];
        assert_eq!(
            mask_texts(value, &values),
            mask_texts(&mask("{[0-9],4}"), &values)
        );
    }
}
