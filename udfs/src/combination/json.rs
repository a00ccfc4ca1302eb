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

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json_places::{Place, Step, places, relative};
use crate::canonical::{canonical_text, plain_text};
use crate::chain::Chain;
use crate::combination::Masks;
use crate::draw::{Messages, Part};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OnInvalid, TypeFamily,
    schema_of,
};
use crate::rows::{Rows, row_numbers};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "json",
    summary: "masks applied to values inside a JSON document",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<JsonArgs>,
    bind,
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
pub(crate) struct JsonArgs {
    /// What to mask in the document, one after the other. Required.
    transforms: Vec<Transform>,
    /// For a text that is no JSON document: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// One path into the document and what becomes of the values there.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
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

/// What to do with a JSON `null`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnNull {
    #[default]
    Skip,
    Error,
    Mask,
}

/// What to do where there is no value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnMissing {
    #[default]
    Error,
    Skip,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let JsonArgs {
        transforms,
        on_invalid,
    } = binder.parse(args)?;
    if transforms.is_empty() {
        let message = "`transforms` needs at least one path with its masks";
        return Err(BindError::new("transforms", message));
    }
    let mut bound = Vec::with_capacity(transforms.len());
    for (index, transform) in transforms.into_iter().enumerate() {
        let at = |path: &str| format!("transforms[{index}].{path}");
        if transform.force_consistency && !transform.hash_sources.is_empty() {
            let message = "`hash_sources` and `force_consistency` contradict each other: keep one";
            return Err(BindError::new(at("hash_sources"), message));
        }
        let chain = transform.masks.bind(binder).map_err(|error| BindError {
            path: at(&error.path),
            ..error
        })?;
        bound.push(Bound {
            ordinal: match transform.advance_hash {
                true => u32::try_from(index + 1).unwrap_or(u32::MAX),
                false => 0,
            },
            transform,
            chain,
        });
    }
    Ok(Box::new(Json {
        transforms: bound,
        on_invalid,
    }))
}

#[derive(Debug)]
struct Json {
    transforms: Vec<Bound>,
    on_invalid: OnInvalid,
}

#[derive(Debug)]
struct Bound {
    transform: Transform,
    chain: Chain,
    /// Tells its draws apart from those of other transforms, unless zero.
    ordinal: u32,
}

impl Mask for Json {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let documents = plain_text(&values)?;
        let masked = self
            .transforms
            .iter()
            .try_fold(documents, |documents, transform| {
                transform.apply(&documents, rows, self.on_invalid)
            });
        Ok(Arc::new(masked?))
    }

    fn by_value(&self) -> bool {
        self.transforms.iter().all(|bound| bound.chain.by_value())
    }

    fn draws(&self) -> bool {
        self.transforms.iter().any(Bound::draws_by_row)
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

/// The values of a batch at a path, one after the other.
struct Found {
    /// The document each is in, ascending.
    rows: Vec<u32>,
    /// How many came before it in its document.
    ordinals: Vec<u32>,
    spans: Vec<Range<usize>>,
    texts: StringViewBuilder,
    /// What its draw is taken from, by hash source.
    sources: Vec<StringViewBuilder>,
    /// Documents that are none.
    invalid: Vec<u32>,
}

impl Bound {
    fn draws_by_row(&self) -> bool {
        let own = self.transform.force_consistency || !self.transform.hash_sources.is_empty();
        self.chain.draws() && !own
    }

    fn apply(
        &self,
        documents: &StringViewArray,
        rows: &Rows<'_>,
        on_invalid: OnInvalid,
    ) -> Result<StringViewArray, MaskError> {
        let mut found = self.find(documents, on_invalid)?;
        let texts: ArrayRef = Arc::new(found.texts.finish());
        let inner = rows.select(&found.rows, &found.ordinals, Part::Element)?;
        let messages = match (&self.transform, self.draws_by_row()) {
            (_, true) => None,
            (
                Transform {
                    force_consistency, ..
                },
                _,
            ) if *force_consistency => Some(Messages::of(&[canonical_text(&texts)?], texts.len())),
            _ => {
                let sources = found.sources.iter_mut().map(|source| {
                    let source: ArrayRef = Arc::new(source.finish());
                    canonical_text(&source)
                });
                Some(Messages::of(
                    &sources.collect::<Result<Vec<_>, _>>()?,
                    texts.len(),
                ))
            }
        };
        let inner = match &messages {
            Some(messages) => inner.with_messages(messages),
            None => inner,
        };
        let inner = inner.advanced(self.ordinal);
        let masked = self.chain.mask(Arc::clone(&texts), &inner);
        let masked = plain_text(&masked.map_err(|error| error.in_rows(&found.rows))?)?;
        Ok(splice(documents, &found, &masked))
    }

    fn find(&self, documents: &StringViewArray, on_invalid: OnInvalid) -> Result<Found, MaskError> {
        let Transform {
            path,
            on_null,
            on_missing,
            hash_sources,
            ..
        } = &self.transform;
        let mut found = Found {
            rows: vec![],
            ordinals: vec![],
            spans: vec![],
            texts: StringViewBuilder::new(),
            sources: hash_sources
                .iter()
                .map(|_| StringViewBuilder::new())
                .collect(),
            invalid: vec![],
        };
        for (row, document) in row_numbers(documents).zip(documents) {
            let Some(document) = document else {
                continue;
            };
            let refused = |expected| MaskError::Refused {
                row: row as usize,
                expected,
            };
            let read = places(document, path).and_then(|places| {
                let texts = places
                    .found
                    .iter()
                    .map(|place| text_of(&document[place.span.clone()]));
                let texts = texts.collect::<Option<Vec<_>>>()?;
                Some((places, texts))
            });
            let Some((places, texts)) = read else {
                on_invalid.at::<()>(row as usize, "a JSON document")?;
                found.invalid.push(row);
                continue;
            };
            if places.missing && *on_missing == OnMissing::Error {
                return Err(refused("a JSON document with a value at every path"));
            }
            let mut ordinal = 0;
            for (Place { span, within }, text) in places.found.into_iter().zip(texts) {
                match (&text, on_null) {
                    (None, OnNull::Skip) => continue,
                    (None, OnNull::Error) => {
                        return Err(refused("a JSON document without null at its paths"));
                    }
                    (None, OnNull::Mask) | (Some(_), _) => {}
                }
                found.rows.push(row);
                found.ordinals.push(ordinal);
                found.spans.push(span);
                found.texts.append_option(text);
                for (path, source) in hash_sources.iter().zip(&mut found.sources) {
                    source.append_option(relative(&within, path).and_then(text_of).flatten());
                }
                ordinal += 1;
            }
        }
        Ok(found)
    }
}

/// A JSON value as masks see it, nothing inside for `null`; `None` for a string that is no text, such as
/// half of a surrogate pair.
fn text_of(raw: &str) -> Option<Option<String>> {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok().map(Some),
        Some(b'n') => Some(None),
        _ => Some(Some(raw.to_owned())),
    }
}

/// `documents` with each value found replaced by its masked text.
fn splice(documents: &StringViewArray, found: &Found, masked: &StringViewArray) -> StringViewArray {
    let mut spliced = StringViewBuilder::with_capacity(documents.len());
    let mut text = String::new();
    let mut invalid = found.invalid.iter().peekable();
    let mut next = 0;
    for (row, document) in row_numbers(documents).zip(documents) {
        let is_invalid = invalid.next_if(|invalid| **invalid == row).is_some();
        let Some(document) = document.filter(|_| !is_invalid) else {
            spliced.append_null();
            continue;
        };
        text.clear();
        let mut copied = 0;
        while found.rows.get(next) == Some(&row) {
            let span = &found.spans[next];
            text.push_str(&document[copied..span.start]);
            let value = masked.is_valid(next).then(|| masked.value(next));
            push_value(&mut text, value, &document[span.clone()]);
            copied = span.end;
            next += 1;
        }
        text.push_str(&document[copied..]);
        spliced.append_value(&text);
    }
    spliced.finish()
}

/// Appends `value` in the place of `old`: as the number or boolean it is where `old` was one.
fn push_value(text: &mut String, value: Option<&str>, old: &str) {
    let Some(value) = value else {
        return text.push_str("null");
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
