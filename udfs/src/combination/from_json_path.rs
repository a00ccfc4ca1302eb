//! `from_json_path`: a value becomes what stands at a path of its JSON document.
//!
//! - Technique: a plain copy: what stands at the path stays readable by everyone.
//! - Among the masks of `json`, the document is the one being masked, as the transforms before have
//!   left it: a transform that masks the path goes before the one that copies from there. Anywhere
//!   else the document is the value itself.
//! - Output: a string's text, any other value as it is written, null for `null`. A null value that is
//!   in no document stays null.
//! - Keyless.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::from_column::OnNull;
use super::json_places::{Step, first};
use crate::canonical::plain_text;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_json_path",
    summary: "a value becomes what stands at a path of its JSON document",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<FromJsonPath>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[Example {
        args: r#"{"path": ["people", 0, "name"]}"#,
        value: Some(r#"{"people": [{"name": "Ann"}]}"#),
        masked: Some("Ann"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["path"]))]
pub(crate) struct FromJsonPath {
    /// Keys of objects and indexes of arrays (from zero) that lead to one value of the document: among
    /// the masks of `json` the one being masked, as the transforms before have left it, else the value
    /// itself.
    path: Vec<Step>,
    /// Where the path leads to `null`: `copy` it (default) or `fail` the task.
    on_null: OnNull,
    /// For a text that is no JSON document, and where the path leads nowhere: `fail` the task (default)
    /// or `suppress` the value to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: FromJsonPath = binder.parse(args)?;
    if args.path.is_empty() {
        return Err(BindError::new("path", "`path` is required"));
    }
    if args.path.iter().any(Step::is_every) {
        let message = "`*` leads to several values: name one";
        return Err(BindError::new("path", message));
    }
    Ok(Box::new(args))
}

impl Mask for FromJsonPath {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let documents = match rows.documents() {
            Some(documents) => documents.clone(),
            None => plain_text(&values)?,
        };
        let mut copied = StringViewBuilder::with_capacity(documents.len());
        let mut last = None;
        for (row, document) in documents.iter().enumerate() {
            let Some(document) = document else {
                copied.append_null();
                continue;
            };
            // The values of one document come one after the other and share its bytes.
            let view = documents.views()[row];
            let found = match last.take() {
                Some((seen, found)) if seen == view => found,
                _ => first(document, &self.path),
            };
            let text = match &found {
                Some(Some(text)) => Some(text.as_str()),
                Some(None) if self.on_null == OnNull::Copy => None,
                Some(None) => {
                    let expected = "a JSON document with more than null at `path`";
                    return Err(MaskError::Refused { row, expected });
                }
                None => (self.on_invalid).at(row, "a JSON document with a value at `path`")?,
            };
            copied.append_option(text);
            last = Some((view, found));
        }
        Ok(Arc::new(copied.finish()))
    }

    fn by_value(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_null == OnNull::Copy || self.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::examples::{bind_error, mask_texts, try_texts};

    fn json(transforms: &str) -> String {
        format!(r#"{{"type": "json", "transforms": [{transforms}]}}"#)
    }

    const COPY: &str = r#""masks": [{"type": "from_json_path", "path": ["a"]}]"#;

    #[test]
    fn inside_a_json_mask() {
        let copy = json(&format!(r#"{{"path": ["b", "*"], {COPY}}}"#));
        for (document, masked) in [
            (
                r#"{"b": ["x", 2], "a": "é\"1"}"#,
                r#"{"b": ["é\"1", "é\"1"], "a": "é\"1"}"#,
            ),
            (
                r#"{"a": 1.50, "b": [2, "x"]}"#,
                r#"{"a": 1.50, "b": [1.50, "1.50"]}"#,
            ),
            (r#"{"a": null, "b": ["x"]}"#, r#"{"a": null, "b": [null]}"#),
            (
                r#"{"a": {"k": 1}, "b": ["x"]}"#,
                r#"{"a": {"k": 1}, "b": ["{\"k\": 1}"]}"#,
            ),
            (r#"{"b": []}"#, r#"{"b": []}"#),
        ] {
            assert_eq!(mask_texts(&copy, &[Some(document)]), [Some(masked.into())]);
        }
        let documents = [
            r#"{"a": 1, "b": ["x", "y"]}"#,
            r#"{"a": 2, "b": ["x", "y"]}"#,
        ];
        assert_eq!(
            mask_texts(&copy, &[Some(documents[0]), None, Some(documents[1])]),
            [
                Some(r#"{"a": 1, "b": ["1", "1"]}"#.into()),
                None,
                Some(r#"{"a": 2, "b": ["2", "2"]}"#.into())
            ]
        );
        assert!(try_texts(&copy, &[Some(r#"{"b": ["x"]}"#)]).is_err());
    }

    #[test]
    fn what_earlier_transforms_left_is_copied() {
        let fixed = r#"{"path": ["a"], "masks": [{"type": "from_fixed", "value": "masked"}]}"#;
        let copied = format!(r#"{{"path": ["b"], {COPY}}}"#);
        let document = Some(r#"{"a": "secret", "b": "x"}"#);
        assert_eq!(
            mask_texts(&json(&format!("{fixed}, {copied}")), &[document]),
            [Some(r#"{"a": "masked", "b": "masked"}"#.into())]
        );
    }

    #[test]
    fn inside_masks_inside_a_json_mask() {
        let regex = r#"{"path": ["b"], "masks": [{"type": "replace_regex", "regex": "[0-9]+",
            "masks": [{"type": "from_json_path", "path": ["a"]}]}]}"#;
        assert_eq!(
            mask_texts(&json(regex), &[Some(r#"{"a": "é", "b": "1-22"}"#)]),
            [Some(r#"{"a": "é", "b": "é-é"}"#.into())]
        );
        let inner = json(&format!(r#"{{"path": ["b"], {COPY}}}"#));
        let outer = json(&format!(r#"{{"path": ["c"], "masks": [{inner}]}}"#));
        assert_eq!(
            mask_texts(&outer, &[Some(r#"{"a": 1, "c": "{\"a\": 2, \"b\": 3}"}"#)]),
            [Some(r#"{"a": 1, "c": "{\"a\": 2, \"b\": 2}"}"#.into())]
        );
    }

    #[test]
    fn nulls_and_what_is_no_document() {
        let mask = |more: &str| format!(r#"{{"type": "from_json_path", "path": ["a", 1]{more}}}"#);
        let null = Some(r#"{"a": [0, null]}"#);
        assert_eq!(mask_texts(&mask(""), &[null, None]), [None, None]);
        assert!(try_texts(&mask(r#", "on_null": "fail""#), &[null]).is_err());
        for text in ["", "x", "{}", r#"{"a": [1]}"#, r#"{"a": [1, "\ud83d"]}"#] {
            assert!(try_texts(&mask(""), &[Some(text)]).is_err(), "{text}");
            let suppressed = mask_texts(&mask(r#", "on_invalid": "suppress""#), &[Some(text)]);
            assert_eq!(suppressed, [None], "{text}");
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[\\PC\"\\\\]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop::sample::select(vec!["a", "b", "é", "a b", "\"", "0", ""]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
                prop::collection::vec((key.prop_map(str::to_owned), inner), 1..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What a walk through the document leads to is what comes out: a string's text, anything else
        /// as it is written, also pretty; one step further there is nothing.
        #[test]
        fn what_stands_at_a_path(root in document(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..6)) {
            let (mut path, mut at) = (vec![], &root);
            for pick in picks {
                at = match at {
                    Value::Array(items) => {
                        let index = pick.index(items.len());
                        path.push(json!(index));
                        &items[index]
                    }
                    Value::Object(members) => {
                        let (key, value) = members.iter().nth(pick.index(members.len())).unwrap();
                        path.push(json!(key));
                        value
                    }
                    _ => break,
                };
            }
            let mask = |path: &[Value]| {
                json!({"type": "from_json_path", "path": path, "on_invalid": "suppress"}).to_string()
            };
            let compact = root.to_string();
            if !path.is_empty() {
                let expected = match at {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                };
                let rows = [Some(compact.as_str()), None, Some("no document"), Some(compact.as_str())];
                prop_assert_eq!(
                    mask_texts(&mask(&path), &rows),
                    [expected.clone(), None, None, expected.clone()]
                );
                let pretty = format!("{root:#}");
                let found = mask_texts(&mask(&path), &[Some(&pretty)])[0].clone();
                let same = match (at, &found) {
                    (Value::Array(_) | Value::Object(_), Some(found)) => {
                        serde_json::from_str::<Value>(found).is_ok_and(|found| found == *at)
                    }
                    _ => found == expected,
                };
                prop_assert!(same, "{:?}", found);
            }
            if !at.is_array() && !at.is_object() {
                path.push(json!("further"));
                prop_assert_eq!(mask_texts(&mask(&path), &[Some(&compact)]), [None]);
            }
        }
    }

    #[test]
    fn bad_arguments() {
        for args in ["", r#", "path": []"#, r#", "path": ["a", "*"]"#] {
            let mask = format!(r#"{{"type": "from_json_path"{args}}}"#);
            assert_eq!(
                bind_error(&mask, &DataType::Utf8).path,
                "[0].path",
                "{args}"
            );
        }
    }
}
