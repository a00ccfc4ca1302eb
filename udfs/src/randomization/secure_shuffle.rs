//! `secure_shuffle`: the values of a column change their rows, within one file or table.
//!
//! - Technique: randomization by permutation (ISO/IEC 20889:2018, 8.5).
//! - Input: any column of its own that has one value a row. Output: the same values, nulls among them,
//!   each as often as before; a value may come back to its own row by chance.
//! - The rows' draws under a key of the column decide, or of its `domain`: columns that share one keep
//!   their values together. No value, no hash columns.
//! - Whoever reads the plan exchanges the values before this mask meets them.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "secure_shuffle",
    summary: "the values of a column change their rows within a file",
    family: Family::Randomization,
    takes: TypeFamily::ALL,
    schema: schema_of::<SecureShuffle>,
    bind,
    null: OfBlank::Exchanged,
    empty: OfBlank::Exchanged,
    examples: &[Example {
        // One value alone is exchanged with itself.
        args: "{}",
        value: Some("Wellington"),
        masked: Some("Wellington"),
    }],
};

/// No argument.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecureShuffle {}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let _: SecureShuffle = binder.parse(args)?;
    match binder.is_first() {
        true => Ok(Box::new(Shuffled)),
        false => Err(BindError::new(
            "type",
            "`secure_shuffle` exchanges the values of the column itself, so it is the first mask of its rule and in no other",
        )),
    }
}

/// The values have come from other rows when this sees them.
#[derive(Debug)]
struct Shuffled;

impl Mask for Shuffled {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        Ok(values)
    }

    fn keeps_distinct(&self) -> bool {
        true
    }

    fn shuffles(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use crate::examples::bind_error;

    #[test]
    fn it_stands_in_no_other_mask() {
        let mask = r#"{"type": "chain", "masks": [{"type": "secure_shuffle"}]}"#;
        assert_eq!(bind_error(mask, &DataType::Utf8).path, "[0].masks[0].type");
    }
}
