//! How many characters results of a mask have, as far as it is known before any value is seen.

use std::ops::RangeInclusive;

use arrow::array::{ArrayRef, StringViewArray};

use crate::canonical::plain_text;
use crate::mask::TypeFamily;

/// From the fewest to the most characters of a text that is not null.
pub type Lengths = RangeInclusive<usize>;

/// Results that are as long as what they are made from.
pub(crate) fn as_before(input: Option<usize>) -> Option<Lengths> {
    input.map(|most| 0..=most)
}

/// Results that take the place of what they are made from, digit by digit and letter by letter, where
/// that is in a form that is known; of anything else they are in one that has `usual` characters.
pub(crate) fn as_before_or(input: Option<usize>, usual: usize) -> Option<Lengths> {
    input.map(|most| 0..=most.max(usual))
}

/// The lengths of texts; nothing of no text at all.
pub(crate) fn of_views(texts: &StringViewArray) -> Option<Lengths> {
    let lengths = || texts.iter().flatten().map(|text| text.chars().count());
    Some(lengths().min()?..=lengths().max()?)
}

/// The lengths of the texts of an array; nothing of other types, and of no text at all.
pub(crate) fn of_texts(values: &ArrayRef) -> Option<Lengths> {
    match TypeFamily::of(values.data_type()) {
        Some(TypeFamily::Text) => of_views(&plain_text(values).ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, StringArray};
    use arrow::datatypes::DataType;
    use serde_json::{Value, json};

    use super::*;
    use crate::bind::{Binder, MaskNode};
    use crate::examples::try_texts;
    use crate::key::Root;
    use crate::mask::Mask;
    use crate::seeds::ShippedSeeds;

    #[test]
    fn lengths_of_texts() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("größe"), None, Some("")]));
        assert_eq!(of_texts(&texts), Some(0..=5));
        let none: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
        assert_eq!(of_texts(&none), None);
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        assert_eq!(of_texts(&numbers), None);
    }

    /// What the mask says of values of so many characters.
    fn told(mask: &Value, input: usize) -> Option<Lengths> {
        let (root, mut inputs) = (Root::new(b"", None), vec![]);
        let mut args = mask.as_object()?.clone();
        args.remove("domain");

        let node = MaskNode {
            kind: args.remove("type")?.as_str()?.to_owned(),
            domain: None,
            args,
        };
        let mut binder = Binder::new(&root, &ShippedSeeds, DataType::Utf8View, &mut inputs);
        binder.chain(&[node]).ok()?.lengths(Some(input))
    }

    /// Results of the examples of all masks, and of values in other forms, are as long as was told.
    #[test]
    fn results_are_as_long_as_told() {
        let more = [
            json!({"type": "person_name", "part": "last_first", "country": "BR"}),
            json!({"type": "person_name", "part": "first", "gender": "female"}),
            json!({"type": "address", "country": "BR", "part": "full"}),
            json!({"type": "address", "part": "postcode"}),
            json!({"type": "email", "email_domain": "a.bc", "local_part": "name"}),
            json!({"type": "email", "keep_domain": true, "local_part": "name", "on_invalid": "suppress"}),
            json!({"type": "from_random_number", "min": -1000, "max": 5, "decimal_places": 2}),
            json!({"type": "from_random_datetime", "min": "2024-01-01", "max": "2025-01-01"}),
            json!({"type": "ip_address", "on_invalid": "suppress"}),
            json!({"type": "url", "on_invalid": "suppress"}),
        ];
        let examples = crate::MASKS.iter().flat_map(|spec| {
            spec.examples.iter().map(|example| {
                let mut mask: Value = serde_json::from_str(example.args).unwrap();
                mask["type"] = spec.name.into();
                (mask, example.value)
            })
        });
        let values = [
            "a@b.c",
            "http://a.b",
            "1::",
            "10.0.0.1/8",
            "4111-1111-1111-1111",
            "",
        ];
        let values = || values.into_iter().map(Some);
        let mut known = 0;
        for (mut mask, value) in examples.chain(more.map(|mask| (mask, None))) {
            let mut tested = false;
            for value in values().chain([value]).flatten() {
                let Some(told) = told(&mask, value.chars().count()) else {
                    continue;
                };
                // Values draw by themselves; in other domains they draw otherwise.
                for domain in ["a", "b", "c", "d", "e", "f", "g", "h"] {
                    // `seed` is another name of it.
                    let named = if mask.get("seed").is_some() {
                        "seed"
                    } else {
                        "domain"
                    };
                    mask[named] = domain.into();
                    let masked = try_texts(&mask.to_string(), &[Some(value)]);
                    for masked in masked.into_iter().flatten().flatten() {
                        let length = masked.chars().count();
                        assert!(told.contains(&length), "{mask} {value}: {masked} {told:?}");
                        tested = true;
                    }
                }
            }
            known += usize::from(tested);
        }
        assert!(known > 50, "{known}");
    }
}
