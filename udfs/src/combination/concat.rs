//! `concat`: the outputs of several masks, joined into one text.
//!
//! - Technique: a combination; what it gives is what its masks give.
//! - Input: any type its masks take. Output: text, which has to fit the column.
//! - Each mask gets the original value. A null among the outputs counts as empty text; where all are
//!   null, so is the result.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::combination::Masks;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "concat",
    summary: "the outputs of several masks, each on the original value, joined as text",
    family: Family::Combination,
    takes: TypeFamily::ALL,
    schema: schema_of::<ConcatArgs>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[Example {
        args: r#"{"glue": "-", "masks": [
            {"type": "take_substring", "end_index": 2},
            {"type": "from_fixed", "value": "00"},
            {"type": "take_substring", "start_index": 4}
        ]}"#,
        value: Some("AB12CD"),
        masked: Some("AB-00-CD"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["masks"]))]
pub(crate) struct ConcatArgs {
    /// The masks, as a list or as a map with labels.
    masks: Masks,
    /// Text between two outputs (default none).
    glue: String,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let ConcatArgs { masks, glue } = binder.parse(args)?;
    let masks = masks.bind_apart(binder)?;
    Ok(Box::new(Concat { masks, glue }))
}

#[derive(Debug)]
struct Concat {
    masks: Vec<Box<dyn Mask>>,
    glue: String,
}

impl Mask for Concat {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let parts = self
            .masks
            .iter()
            .map(|mask| plain_text(&mask.mask(Arc::clone(&values), rows)?))
            .collect::<Result<Vec<_>, _>>()?;
        let mut joined = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        for row in 0..values.len() {
            if parts.iter().all(|part| part.is_null(row)) {
                joined.append_null();
                continue;
            }
            text.clear();
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    text.push_str(&self.glue);
                }
                if part.is_valid(row) {
                    text.push_str(part.value(row));
                }
            }
            joined.append_value(&text);
        }
        Ok(Arc::new(joined.finish()))
    }

    /// A part that is null counts as empty.
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        let glue = self.glue.chars().count() * self.masks.len().saturating_sub(1);
        self.masks.iter().try_fold(glue..=glue, |sum, mask| {
            let part = mask.lengths(input)?;
            let fewest = match mask.may_give_null() {
                true => 0,
                false => *part.start(),
            };
            Some(sum.start() + fewest..=sum.end() + part.end())
        })
    }

    fn by_value(&self) -> bool {
        self.masks.iter().all(|mask| mask.by_value())
    }

    fn draws(&self) -> bool {
        self.masks.iter().any(|mask| mask.draws())
    }

    fn may_give_null(&self) -> bool {
        self.masks.iter().all(|mask| mask.may_give_null())
    }
}

#[cfg(test)]
mod tests {
    use crate::examples::mask_texts;

    #[test]
    fn nulls_count_as_empty() {
        let concat = |masks: &str| {
            let mask = format!(r#"{{"type": "concat", "glue": "+", "masks": [{masks}]}}"#);
            mask_texts(&mask, &[Some("ab"), None])
        };
        let keep = r#"{"type": "do_nothing"}"#;
        let null = r#"{"type": "suppress"}"#;
        let x = r#"{"type": "from_fixed", "value": "x"}"#;
        for (masks, of_value, of_null) in [
            (format!("{keep}, {keep}"), Some("ab+ab"), None),
            (format!("{null}, {keep}"), Some("+ab"), None),
            (format!("{keep}, {x}"), Some("ab+x"), Some("+x")),
            (format!("{null}, {null}"), None, None),
            (keep.to_owned(), Some("ab"), None),
        ] {
            let expected = [of_value, of_null].map(|text| text.map(str::to_owned));
            assert_eq!(concat(&masks), expected, "{masks}");
        }
    }
}
