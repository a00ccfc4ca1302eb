//! `hash_columns`: the values a draw is taken from, made alike before they are hashed.

use arrow::array::{Array, ArrayRef, StringViewArray};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::canonical::canonical_text;
use crate::error::MaskError;
use crate::nested::leaf_of_structs;

/// One value a draw is taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HashColumn {
    /// The column, as a dotted path; the masked column itself where the ruleset says `source: self`.
    pub column: String,
    /// Letter case to bring values to.
    pub case_transform: Option<Case>,
    /// Whether blanks at both ends are cut off.
    pub trim: bool,
    /// Keys and indexes into a JSON document in the column; a missing one counts as null.
    pub json_path: Vec<JsonStep>,
}

impl From<&str> for HashColumn {
    /// The column's values as they are.
    fn from(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            ..Self::default()
        }
    }
}

/// Letter case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// `ZOË`.
    Upper,
    /// `zoë`.
    Lower,
}

/// One step into a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JsonStep {
    /// Into an array.
    Index(usize),
    /// Into an object.
    Key(String),
}

impl HashColumn {
    /// The values of `root`, the column's root, as draws take them.
    ///
    /// # Errors
    /// When the column's type has no canonical text.
    pub(crate) fn values(&self, root: &ArrayRef) -> Result<StringViewArray, MaskError> {
        self.leaf_values(&leaf_of_structs(root, &self.column)?)
    }

    /// The values of `leaf`, as draws take them.
    ///
    /// # Errors
    /// When the type has no canonical text.
    pub(crate) fn leaf_values(&self, leaf: &ArrayRef) -> Result<StringViewArray, MaskError> {
        let values = canonical_text(leaf)?;
        if self.case_transform.is_none() && !self.trim && self.json_path.is_empty() {
            return Ok(values);
        }
        Ok((0..values.len())
            .map(|row| {
                values
                    .is_valid(row)
                    .then(|| self.normal(values.value(row)))
                    .flatten()
            })
            .collect())
    }

    fn normal(&self, value: &str) -> Option<String> {
        let value = match self.json_path.is_empty() {
            true => value.to_owned(),
            false => self.json_value(value)?,
        };
        let value = if self.trim { value.trim() } else { &value };
        let value = match self.case_transform {
            Some(Case::Upper) => value.to_uppercase(),
            Some(Case::Lower) => value.to_lowercase(),
            None => value.to_owned(),
        };
        // JSON escapes and letters without a capital of their own come apart.
        Some(value.nfc().collect())
    }

    /// The value at the path: text without its quotes, anything else as compact JSON.
    fn json_value(&self, document: &str) -> Option<String> {
        let document: serde_json::Value = serde_json::from_str(document).ok()?;
        let value = self
            .json_path
            .iter()
            .try_fold(&document, |value, step| match step {
                JsonStep::Index(index) => value.get(index),
                JsonStep::Key(key) => value.get(key),
            })?;
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn values_are_made_alike() {
        let key = |key: &str| JsonStep::Key(key.to_owned());
        let plain = HashColumn {
            column: "c".into(),
            ..HashColumn::default()
        };
        let json = |path| HashColumn {
            json_path: path,
            ..plain.clone()
        };
        for (column, value, expected) in [
            (plain.clone(), " 42", Some(" 42")),
            (
                HashColumn {
                    trim: true,
                    ..plain.clone()
                },
                " 42",
                Some("42"),
            ),
            (
                HashColumn {
                    case_transform: Some(Case::Lower),
                    ..plain.clone()
                },
                "ZOË",
                Some("zoë"),
            ),
            (json(vec![key("id")]), r#"{"id": 7}"#, Some("7")),
            (
                json(vec![key("ids"), JsonStep::Index(1)]),
                r#"{"ids": ["a", "b"]}"#,
                Some("b"),
            ),
            (
                json(vec![key("id")]),
                r#"{"id": "Zoe\u0308"}"#,
                Some("Zo\u{eb}"),
            ),
            (
                HashColumn {
                    case_transform: Some(Case::Upper),
                    ..plain.clone()
                },
                "\u{390}",
                Some("\u{3aa}\u{301}"),
            ),
            (json(vec![key("id")]), r#"{"id": null}"#, None),
            (json(vec![key("id")]), "no document", None),
        ] {
            let array: ArrayRef = Arc::new(StringViewArray::from(vec![value]));
            let values = column.values(&array).unwrap();
            assert_eq!(values.iter().next().unwrap(), expected, "{column:?}");
        }
    }
}
