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
    use super::Distinct::{Depends, Kept, Lost, Made};

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
