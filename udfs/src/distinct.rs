//! What a mask makes of distinct values, for those who choose one.

use std::borrow::Cow;

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
    /// Those of at most so many characters stay distinct.
    UpTo(usize),
    /// That hangs on the arguments.
    Depends,
    /// Two of them may become one.
    Lost,
}

impl Distinct {
    /// The same in words.
    pub fn meaning(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Made => "all rows become distinct",
            Self::Kept => "distinct values stay distinct",
            Self::UpTo(most) => {
                let meaning = format!("distinct values of at most {most} characters stay distinct");
                return Cow::Owned(meaning);
            }
            Self::Depends => "distinct values stay distinct with some arguments",
            Self::Lost => "two values may become one",
        })
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
            Ok(mask) => mask.keeps_distinct_up_to().map_or(Self::Lost, Self::UpTo),
            Err(_) => Self::Lost,
        }
    }
}

impl MaskSpec {
    /// What becomes of distinct values, as the mask with the arguments of each of its examples says.
    pub fn distinct(&self) -> Distinct {
        let mut found = self.distinct_by_example();
        match found.next() {
            None => Distinct::Lost,
            Some(first) if found.all(|other| other == first) => first,
            Some(_) => Distinct::Depends,
        }
    }

    /// The same in words; where it hangs on the arguments, with those of each example.
    pub fn distinct_in_words(&self) -> String {
        let mut words = self.distinct().meaning().into_owned();
        if self.distinct() != Distinct::Depends {
            return words;
        }
        let found: Vec<Distinct> = self.distinct_by_example().collect();
        for (at, distinct) in found.iter().enumerate() {
            if found[..at].contains(distinct) {
                continue;
            }
            let alike = self.examples.iter().zip(&found);
            let alike = alike.filter(|(_, other)| *other == distinct);
            let args: Vec<String> = alike
                .map(|(example, _)| format!("`{}`", one_line(example.args)))
                .collect();
            words += &format!("; with {} {}", args.join(", "), distinct.meaning());
        }
        words
    }

    /// The same with the arguments of each example alone.
    fn distinct_by_example(&self) -> impl Iterator<Item = Distinct> + '_ {
        let examples = self.examples.iter();
        examples.map(|example| Distinct::with(self, example.args))
    }
}

/// Arguments without line breaks.
fn one_line(args: &str) -> String {
    let args: serde_json::Value = serde_json::from_str(args).unwrap_or_default();
    args.to_string()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use serde_json::{Value, json};

    use super::Distinct::{self, Depends, Kept, Lost, Made, UpTo};
    use crate::bind::{Binder, MaskNode};
    use crate::column::{ColumnMask, ColumnRule, DrawBy};
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

    /// Of short values a part may be the whole, so far as what comes before makes them no longer.
    #[test]
    fn values_of_some_length() {
        let cut = |end: u64| json!({"type": "take_substring", "end_index": end});
        let unique = || json!({"type": "imitate_unique"});
        for (masks, up_to) in [
            (vec![cut(7)], Some(7)),
            (vec![cut(7), cut(5), unique()], Some(5)),
            (vec![unique(), cut(7)], None),
            (vec![cut(7), json!({"type": "imitate"})], None),
            (
                vec![json!({"type": "take_substring", "start_index": 1, "end_index": 7})],
                None,
            ),
            (
                vec![json!({"type": "chain", "masks": [cut(7), unique()]})],
                Some(7),
            ),
        ] {
            let nodes: Vec<MaskNode> = serde_json::from_value(Value::from(masks)).unwrap();
            let (root, mut inputs) = (Root::new(b"a run secret for tests only", None), vec![]);
            let mut binder = Binder::new(&root, &ShippedSeeds, DataType::Utf8View, &mut inputs);
            let chain = binder.chain(&nodes).unwrap();
            assert_eq!(chain.keeps_distinct_up_to(), up_to, "{nodes:?}");
            assert!(!chain.keeps_distinct(), "{nodes:?}");
        }
    }

    #[test]
    fn by_example() {
        let distinct = |name: &str| -> Vec<Distinct> {
            crate::find_mask(name)
                .unwrap()
                .distinct_by_example()
                .collect()
        };
        assert_eq!(distinct("take_substring"), [UpTo(4), Lost]);
        assert_eq!(distinct("hash"), [Kept, Kept, Kept, Lost]);
        assert_eq!(distinct("imitate"), [Lost, Lost]);
        let spec = crate::find_mask("take_substring").unwrap();
        let words = spec.distinct_in_words();
        let short = "`{\"end_index\":4}` distinct values of at most 4 characters stay distinct";
        assert!(words.contains(short), "{words}");
        assert!(words.ends_with("two values may become one"), "{words}");
    }

    /// Where the type tells how long a value may be.
    #[test]
    fn columns_of_some_length() {
        for (data_type, end, kept) in [
            (DataType::Int8, 4, true),
            (DataType::Int8, 3, false),
            (DataType::UInt16, 5, true),
            (DataType::Int32, 11, true),
            (DataType::Int64, 19, false),
            (DataType::UInt64, 20, true),
            (DataType::Utf8, 4000, false),
        ] {
            let mask = json!({"type": "take_substring", "end_index": end});
            let rule = ColumnRule {
                path: "c".to_owned(),
                masks: vec![serde_json::from_value(mask).unwrap()],
                draw_by: DrawBy::Place,
                chooses: None,
                conditional: false,
                places: None,
                first: true,
            };
            let root = Root::new(b"a run secret for tests only", None);
            let mask = ColumnMask::bind(&rule, &data_type, &root, &ShippedSeeds).unwrap();
            assert_eq!(mask.keeps_distinct(), kept, "{data_type} {end}");
            assert_eq!(mask.keeps_distinct_up_to(), Some(end));
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
            ("take_substring", Depends),
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
