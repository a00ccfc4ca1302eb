//! The masks inside a mask: a list, or a map whose labels only serve to override an entry.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bind::{Binder, MaskNode};
use crate::chain::Chain;
use crate::error::BindError;
use crate::mask::Mask;

/// Masks in order, with their labels where the ruleset wrote a map.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Masks {
    nodes: Vec<MaskNode>,
    labels: Vec<String>,
}

impl Masks {
    /// The masks bound inside the mask `binder` is at.
    ///
    /// # Errors
    /// When there is none, or one does not bind; the path begins with `masks`.
    pub(crate) fn bind(&self, binder: &mut Binder<'_>) -> Result<Chain, BindError> {
        self.required()?;
        binder
            .inner(&self.nodes)
            .map_err(|error| self.labelled(error))
    }

    /// As [`Masks::bind`], where each mask gets the original value.
    ///
    /// # Errors
    /// As [`Masks::bind`].
    pub(crate) fn bind_apart(
        &self,
        binder: &mut Binder<'_>,
    ) -> Result<Vec<Box<dyn Mask>>, BindError> {
        self.required()?;
        binder
            .apart(&self.nodes)
            .map_err(|error| self.labelled(error))
    }

    fn required(&self) -> Result<(), BindError> {
        match self.nodes.is_empty() {
            true => Err(BindError::new("masks", "at least one mask is required")),
            false => Ok(()),
        }
    }

    /// `masks[1].regex` → `masks.postcode.regex` where the ruleset wrote a map.
    fn labelled(&self, error: BindError) -> BindError {
        for (index, label) in self.labels.iter().enumerate() {
            if let Some(rest) = error.path.strip_prefix(&format!("masks[{index}]")) {
                return BindError {
                    path: format!("masks.{label}{rest}"),
                    ..error
                };
            }
        }
        error
    }
}

/// As a list: labels decide no output.
impl Serialize for Masks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.nodes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Masks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrMap)
    }
}

struct ListOrMap;

impl<'de> Visitor<'de> for ListOrMap {
    type Value = Masks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of masks, or a map from labels to masks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Masks, A::Error> {
        let mut masks = Masks::default();
        while let Some(node) = list.next_element()? {
            masks.nodes.push(node);
        }
        Ok(masks)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Masks, A::Error> {
        let mut masks = Masks::default();
        while let Some((label, node)) = map.next_entry()? {
            masks.labels.push(label);
            masks.nodes.push(node);
        }
        Ok(masks)
    }
}

impl JsonSchema for Masks {
    fn schema_name() -> Cow<'static, str> {
        "Masks".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mask = json_schema!({
            "type": "object",
            "properties": { "type": { "type": "string" } },
            "required": ["type"]
        });
        json_schema!({
            "oneOf": [
                { "type": "array", "items": mask, "minItems": 1 },
                { "type": "object", "additionalProperties": mask, "minProperties": 1 }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_texts};

    #[test]
    fn a_list_and_a_map_are_the_same() {
        let list = r#"[{"type": "take_substring", "end_index": 3}, {"type": "imitate"}]"#;
        let map = r#"{"z": {"type": "take_substring", "end_index": 3}, "a": {"type": "imitate"}}"#;
        let masked = |masks| {
            mask_texts(
                &format!(r#"{{"type": "chain", "masks": {masks}}}"#),
                &[Some("abcdef")],
            )
        };
        assert_eq!(masked(list), masked(map));
        assert_eq!(masked(list)[0].as_ref().unwrap().len(), 3);
    }

    #[test]
    fn errors_lead_to_the_entry() {
        for (masks, path) in [
            ("[]", "[0].masks"),
            ("1", "[0].masks"),
            (
                r#"[{"type": "partial"}, {"type": "nope"}]"#,
                "[0].masks[1].type",
            ),
            (
                r#"{"a": {"type": "imitate"}, "b": {"type": "nope"}}"#,
                "[0].masks.b.type",
            ),
            (
                r#"{"a": {"type": "chain", "masks": [{"type": "imitate", "x": 1}]}}"#,
                "[0].masks.a.masks[0].x",
            ),
        ] {
            let mask = format!(r#"{{"type": "chain", "masks": {masks}}}"#);
            assert_eq!(bind_error(&mask, &DataType::Utf8).path, path, "{masks}");
        }
    }
}
