//! `json`: masks applied to values inside a JSON document.
//!
//! - Technique: a combination; the values a path leads to become what its masks give.
//! - Source of the grammar: RFC 8259. Only the bytes of the named values change.
//! - Input: text that holds one JSON document. Output: the same document with other values. A null
//!   column value stays null; a JSON `null` is what `on_null` says.
//! - Masks see a string's text, and any other value as it is written. A number or boolean stays one if
//!   what its masks give is one; everything else is written as a string, null as `null`.
//! - Draws: the first value of a document at a path takes the row's draw, each further one a draw of its
//!   own; see `force_consistency`, `hash_sources` and `advance_hash` for others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{self, Fallback, Notation, OnMissing, OnNull, Treatment, Value, Values};
use super::json_places::{Place, Step, places, relative, text_of};
use crate::combination::Masks;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, OnInvalid, TypeFamily,
    schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "json",
    summary: "masks applied to values inside a JSON document",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<JsonArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[Example {
        args: r#"{"transforms": [
            {"path": ["people", "*", "name"], "masks": [{"type": "from_fixed", "value": "x"}]},
            {"path": ["card"], "masks": [{"type": "partial", "unmasked_from_right": 4}]}
        ]}"#,
        value: Some(r#"{"people": [{"name": "Ann", "age": 30}], "card": "4111111111111111"}"#),
        masked: Some(r#"{"people": [{"name": "x", "age": 30}], "card": "************1111"}"#),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["transforms"]))]
pub(crate) struct JsonArgs {
    /// What to mask in the document, one after the other.
    transforms: Vec<Transform>,
    /// For a text that is no JSON document: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
    /// Masks for a text that is no JSON document, in place of `on_invalid`.
    fallback_masks: Option<Masks>,
}

/// One path into the document and what becomes of the values there.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["masks"]))]
struct Transform {
    /// Keys of objects and indexes of arrays (from zero); `*` takes every member or item.
    path: Vec<Step>,
    /// The masks for each value, as a list or as a map with labels.
    masks: Masks,
    /// For a JSON `null`: `skip` it (default), `error` to fail the task, or `mask` it like a value.
    on_null: OnNull,
    /// Where the path leads nowhere: `error` to fail the task (default) or `skip`.
    on_missing: OnMissing,
    /// Whether the draw of a value is taken from the value itself, so that equal ones stay equal.
    force_consistency: bool,
    /// Paths to the values the draw is taken from, each seen from the object or array that holds the
    /// masked value; a step `..` goes one out. One that leads nowhere counts as null.
    hash_sources: Vec<Vec<Step>>,
    /// Whether draws differ from those of other transforms that draw from the same.
    advance_hash: bool,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let JsonArgs {
        transforms,
        on_invalid,
        fallback_masks,
    } = binder.parse(args)?;
    let transforms = transforms.into_iter().map(|transform| {
        let paths = Paths {
            path: transform.path,
            hash_sources: transform.hash_sources,
        };
        let treatment = Treatment {
            masks: transform.masks,
            on_null: transform.on_null,
            on_missing: transform.on_missing,
            force_consistency: transform.force_consistency,
            advance_hash: transform.advance_hash,
        };
        (paths, treatment)
    });
    let fallback = Fallback {
        on_invalid,
        masks: fallback_masks,
    };
    document::bind(transforms, fallback, binder)
}

#[derive(Debug)]
struct Paths {
    path: Vec<Step>,
    hash_sources: Vec<Vec<Step>>,
}

impl Notation for Paths {
    type Form = ();
    const DOCUMENT: &'static str = "a JSON document";
    const COMPLETE: &'static str = "a JSON document with a value at every path";
    const WITHOUT_NULL: &'static str = "a JSON document without null at its paths";
    const WRITABLE: &'static str = "one whose masked text JSON can hold";
    const IS_JSON: bool = true;

    fn sources(&self) -> usize {
        self.hash_sources.len()
    }

    fn values(&self, document: &str) -> Option<Values<()>> {
        let places = places(document, &self.path)?;
        let values = places.found.into_iter().map(|Place { span, within }| {
            let sources = self.hash_sources.iter();
            Some(Value {
                text: text_of(&document[span.clone()])?,
                span,
                form: (),
                sources: sources
                    .map(|path| relative(&within, path).and_then(text_of).flatten())
                    .collect(),
            })
        });
        Some(Values {
            found: values.collect::<Option<_>>()?,
            missing: places.missing,
        })
    }

    /// As the number or boolean it is where `old` was one.
    fn push(text: &mut String, masked: Option<&str>, old: &str, (): &()) -> bool {
        let Some(value) = masked else {
            text.push_str("null");
            return true;
        };
        let was_plain = matches!(
            old.as_bytes().first(),
            Some(b'-' | b'0'..=b'9' | b't' | b'f')
        );
        let is_plain = || {
            let parsed = serde_json::from_str::<serde_json::Value>(value);
            parsed.is_ok_and(|parsed| parsed.is_number() || parsed.is_boolean())
        };
        match was_plain && is_plain() {
            true => text.push_str(value.trim()),
            false => text.push_str(&serde_json::Value::from(value).to_string()),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use proptest::prelude::*;

    use crate::examples::{bind_error, mask_texts, try_texts};

    fn mask(transform: &str) -> String {
        format!(r#"{{"type": "json", "transforms": [{transform}]}}"#)
    }

    const X: &str = r#""masks": [{"type": "from_fixed", "value": "x"}]"#;
    const IMITATE: &str = r#""masks": [{"type": "imitate"}]"#;

    #[test]
    fn only_the_named_bytes_change() {
        for (path, document, masked) in [
            (
                r#"["a"]"#,
                r#"{ "a" : "é\n" ,"b":1.0e2}"#,
                r#"{ "a" : "x" ,"b":1.0e2}"#,
            ),
            (r#"["a"]"#, r#"{"a": 12}"#, r#"{"a": "x"}"#),
            (r#"["a"]"#, r#"{"a": [1]}"#, r#"{"a": "x"}"#),
            (r#"["a"]"#, r#"{"a": null}"#, r#"{"a": null}"#),
            (r#"["*", 0]"#, r#"[[1, 2], ["b"]]"#, r#"[["x", 2], ["x"]]"#),
            ("[]", r#" "whole" "#, r#" "x" "#),
        ] {
            let mask = mask(&format!(r#"{{"path": {path}, {X}}}"#));
            assert_eq!(mask_texts(&mask, &[Some(document)]), [Some(masked.into())]);
        }
        assert_eq!(
            mask_texts(&mask(&format!(r#"{{"path": ["a"], {X}}}"#)), &[None]),
            [None]
        );
    }

    #[test]
    fn numbers_stay_numbers_where_they_can() {
        let fixed = |value: &str| {
            mask(&format!(
                r#"{{"path": ["a"], "masks": [{{"type": "from_fixed", "value": {value}}}]}}"#
            ))
        };
        for (value, old, new) in [
            ("7", "12", "7"),
            ("\"-1.5\"", "12", "-1.5"),
            ("\"a\\\"b\"", "12", r#""a\"b""#),
            ("true", "false", "true"),
            ("7", r#""12""#, r#""7""#),
            ("null", "12", "null"),
        ] {
            let masked = mask_texts(&fixed(value), &[Some(&format!(r#"{{"a":{old}}}"#))]);
            assert_eq!(masked, [Some(format!(r#"{{"a":{new}}}"#))], "{value} {old}");
        }
    }

    #[test]
    fn nulls_missing_values_and_other_text() {
        let with = |more: &str| mask(&format!(r#"{{"path": ["a"], {X}{more}}}"#));
        assert!(try_texts(&with(""), &[Some("{}")]).is_err());
        assert_eq!(
            mask_texts(&with(r#", "on_missing": "skip""#), &[Some("{}")]),
            [Some("{}".into())]
        );
        let null = &[Some(r#"{"a": null}"#)];
        assert!(try_texts(&with(r#", "on_null": "error""#), null).is_err());
        assert_eq!(
            mask_texts(&with(r#", "on_null": "mask""#), null),
            [Some(r#"{"a": "x"}"#.into())]
        );
        for text in ["no document", r#"{"a": "\ud83d"}"#] {
            assert!(try_texts(&with(""), &[Some(text)]).is_err(), "{text}");
        }
        let suppressing = with("").replacen(
            "\"type\": \"json\"",
            "\"type\": \"json\", \"on_invalid\": \"suppress\"",
            1,
        );
        assert_eq!(
            mask_texts(&suppressing, &[Some("no document"), Some(r#"{"a":1}"#)]),
            [None, Some(r#"{"a":"x"}"#.into())]
        );
    }

    #[test]
    fn masks_for_what_is_no_document() {
        let mask = format!(
            r#"{{"type": "json", "transforms": [{{"path": ["a"], {X}}}],
                "fallback_masks": [{{"type": "partial", "unmasked_from_right": 1}}]}}"#
        );
        let texts = [
            Some("none"),
            Some(r#"{"a": 1}"#),
            None,
            Some(r#"{"a": "\ud83d"}"#),
        ];
        assert_eq!(
            mask_texts(&mask, &texts),
            [
                Some("***e".into()),
                Some(r#"{"a": "x"}"#.into()),
                None,
                Some("**************}".into())
            ]
        );
        let both = mask.replacen("{", r#"{"on_invalid": "suppress", "#, 1);
        assert_eq!(
            bind_error(&both, &DataType::Utf8).path,
            "[0].fallback_masks"
        );
    }

    #[test]
    fn what_draws_are_taken_from() {
        let run = |more: &str, document: &str| {
            let mask = mask(&format!(r#"{{"path": ["*", "n"], {IMITATE}{more}}}"#));
            let masked = mask_texts(&mask, &[Some(document)])[0].clone().unwrap();
            let masked: serde_json::Value = serde_json::from_str(&masked).unwrap();
            let items = masked.as_array().unwrap().iter();
            items.map(|item| item["n"].to_string()).collect::<Vec<_>>()
        };
        let equal =
            r#"[{"n": "abcdef", "k": 1}, {"n": "abcdef", "k": 2}, {"n": "abcdef", "k": 1}]"#;
        let by_row = run("", equal);
        assert!(by_row[0] != by_row[1] && by_row[0] != by_row[2]);
        let by_value = run(r#", "force_consistency": true"#, equal);
        assert!(by_value[0] == by_value[1] && by_value[0] == by_value[2]);
        let by_source = run(r#", "hash_sources": [["k"]]"#, equal);
        assert!(by_source[0] != by_source[1] && by_source[0] == by_source[2]);
        let advanced = run(
            r#", "force_consistency": true, "advance_hash": true"#,
            equal,
        );
        assert_ne!(advanced[0], by_value[0]);
    }

    proptest! {
        /// Whatever the text is: a document stays one with the same shape, anything else is none.
        #[test]
        fn any_text(pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"a\"", "\"b\\u00e9\\\"\"", ":", ",", " ", "1", "-2.5e3", "true", "null", "\"\\ud83d\"", "é", "\\",
            r#"{"a": [1, "x"]}"#, r#"{"a": {"a": null}}"#, r#"[{"a": "y"}]"#,
        ]), 0..12)) {
            let text = pieces.concat();
            let transform = format!(r#"{{"path": ["*", "a"], {X}, "on_missing": "skip", "on_null": "mask"}}"#);
            let mask = format!(r#"{{"type": "json", "on_invalid": "suppress", "transforms": [{transform}]}}"#);
            let masked = mask_texts(&mask, &[Some(&text)])[0].clone();
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            match (parse(&text), masked) {
                (_, None) => prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&text).is_err()),
                (None, Some(masked)) => prop_assert_eq!(masked, text),
                (Some(before), Some(masked)) => {
                    let after = parse(&masked);
                    prop_assert!(after.is_some(), "{}", masked);
                    prop_assert_eq!(before.is_object(), after.unwrap().is_object());
                }
            }
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            ("", "[0].transforms"),
            (
                r#", "transforms": [{"path": ["a"]}]"#,
                "[0].transforms[0].masks",
            ),
            (
                r#", "transforms": [{"path": ["a"], "masks": [{"type": "nope"}]}]"#,
                "[0].transforms[0].masks[0].type",
            ),
            (
                r#", "transforms": [{"path": ["a"], "masks": [{"type": "imitate"}],
                    "force_consistency": true, "hash_sources": [["b"]]}]"#,
                "[0].transforms[0].hash_sources",
            ),
        ] {
            let mask = format!(r#"{{"type": "json"{args}}}"#);
            assert_eq!(bind_error(&mask, &DataType::Utf8).path, path, "{args}");
        }
    }
}
