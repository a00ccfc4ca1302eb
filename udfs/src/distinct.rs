//! What a mask makes of distinct values, for those who choose one.

use arrow::datatypes::DataType;
use serde::Serialize;

use crate::bind::{Binder, MaskNode};
use crate::key::Root;
use crate::mask::{Mask, MaskSpec};
use crate::seeds::ShippedSeeds;

/// What becomes of distinct values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distinct {
    /// All rows become distinct, whatever their values are.
    Made,
    /// They stay distinct, certainly or but for a chance below 2^-40 a table.
    Kept,
    /// That hangs on the arguments.
    Depends,
    /// Two of them may become one.
    Lost,
}

impl Distinct {
    /// The same in words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Made => "all rows become distinct",
            Self::Kept => "distinct values stay distinct",
            Self::Depends => "distinct values stay distinct with some arguments",
            Self::Lost => "two values may become one",
        }
    }

    /// What the mask of `spec` says with these arguments; one that does not bind promises nothing.
    fn with(spec: &MaskSpec, args: &str) -> Self {
        let (root, mut inputs) = (Root::new(b"", None), vec![]);
        let node = MaskNode {
            kind: spec.name.to_owned(),
            domain: None,
            args: serde_json::from_str(args).unwrap_or_default(),
        };
        let mut binder = Binder::new(&root, &ShippedSeeds, DataType::Utf8View, &mut inputs);
        match binder.chain(&[node]) {
            Ok(mask) if mask.makes_distinct() => Self::Made,
            Ok(mask) if mask.keeps_distinct() => Self::Kept,
            Ok(_) | Err(_) => Self::Lost,
        }
    }
}

impl MaskSpec {
    /// What becomes of distinct values, as the mask with the arguments of each of its examples says.
    pub fn distinct(&self) -> Distinct {
        let mut found = self
            .examples
            .iter()
            .map(|example| Distinct::with(self, example.args));
        match found.next() {
            None => Distinct::Lost,
            Some(first) if found.all(|other| other == first) => first,
            Some(_) => Distinct::Depends,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use serde_json::{Value, json};

    use super::Distinct::{Depends, Kept, Lost, Made};
    use crate::bind::{Binder, MaskNode};
    use crate::key::Root;
    use crate::mask::Mask;
    use crate::seeds::ShippedSeeds;

    /// What the masks of a rule make of distinct values: all of them together, and their lengths.
    #[test]
    fn what_becomes_of_distinct_values_in_a_chain() {
        let unique = || json!({"type": "imitate_unique"});
        let rows = || json!({"type": "from_unique", "format": "{[0-9],9}"});
        let cut = |end: Option<u64>| json!({"type": "take_substring", "end_index": end});
        let hash =
            |form: &str, length: u64| json!({"type": "hash", "form": form, "length": length});
        for (masks, made, kept) in [
            (vec![unique()], false, true),
            (vec![unique(), json!({"type": "hash"})], false, true),
            (vec![unique(), cut(None)], false, true),
            // A part of a unique value is not unique, whatever its length.
            (vec![unique(), cut(Some(4))], false, false),
            (vec![cut(Some(40)), unique()], false, false),
            (
                vec![json!({"type": "chain", "masks": [unique(), cut(Some(4))]})],
                false,
                false,
            ),
            (
                vec![unique(), json!({"type": "partial", "masked_from_right": 1})],
                false,
                false,
            ),
            (
                vec![
                    unique(),
                    json!({"type": "transform_case", "transform": "uppercase"}),
                ],
                false,
                false,
            ),
            (
                vec![json!({"type": "concat", "masks": [unique(), cut(Some(4))]})],
                false,
                false,
            ),
            (vec![json!({"type": "imitate"}), unique()], false, false),
            // Enough of a hash is kept apart, a little is not.
            (vec![hash("hex", 32)], false, true),
            (vec![hash("hex", 8)], false, false),
            (vec![hash("integer", 9)], false, false),
            // What goes by rows does not mind what stood there.
            (vec![cut(Some(1)), rows()], true, true),
            (vec![rows(), unique()], true, true),
            (vec![rows(), cut(Some(8))], false, false),
        ] {
            let nodes: Vec<MaskNode> = serde_json::from_value(Value::from(masks)).unwrap();
            let (root, mut inputs) = (Root::new(b"a run secret for tests only", None), vec![]);
            let mut binder = Binder::new(&root, &ShippedSeeds, DataType::Utf8View, &mut inputs);
            let chain = binder.chain(&nodes).unwrap();
            assert_eq!(
                (chain.makes_distinct(), chain.keeps_distinct()),
                (made, kept),
                "{nodes:?}"
            );
        }
    }

    #[test]
    fn what_becomes_of_distinct_values() {
        for (name, distinct) in [
            ("from_unique", Made),
            ("from_unique_imitate", Kept),
            ("imitate_unique", Kept),
            ("imitate_uuid", Kept),
            ("imitate_nz_ird", Kept),
            ("secure_shuffle", Kept),
            ("do_nothing", Kept),
            ("hash", Depends),
            ("imitate", Lost),
            ("from_file", Lost),
            ("chain", Lost),
            ("suppress", Lost),
        ] {
            let spec = crate::find_mask(name).unwrap();
            assert_eq!(spec.distinct(), distinct, "{name}");
        }
    }
}
