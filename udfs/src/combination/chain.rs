//! `chain`: masks applied one after the other.
//!
//! - Technique: a combination; what it gives is what its masks give.
//! - Input and output: any type its masks take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::combination::Masks;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, TypeFamily, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "chain",
    summary: "masks one after the other, each on what the one before it gave",
    family: Family::Combination,
    takes: TypeFamily::ALL,
    schema: schema_of::<ChainArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[Example {
        args: r#"{"masks": [
            {"type": "take_substring", "end_index": 4},
            {"type": "partial", "unmasked_from_left": 1}
        ]}"#,
        value: Some("Wellington"),
        masked: Some("W***"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["masks"]))]
pub(crate) struct ChainArgs {
    /// The masks, as a list or as a map with labels. The first gets the column's value.
    masks: Masks,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let ChainArgs { masks } = binder.parse(args)?;
    Ok(Box::new(masks.bind(binder)?))
}

#[cfg(test)]
mod tests {
    use crate::examples::mask_texts;

    #[test]
    fn each_on_what_the_one_before_gave() {
        let mask = r#"{"type": "chain", "masks": [
            {"type": "from_fixed", "value": "abcdef"},
            {"type": "chain", "masks": [{"type": "take_substring", "start_index": 4}]}
        ]}"#;
        assert_eq!(
            mask_texts(mask, &[Some("x"), None]),
            [Some("ef".into()), Some("ef".into())]
        );
    }
}
