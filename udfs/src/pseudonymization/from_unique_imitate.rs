//! `from_unique_imitate`: the deprecated name of [`imitate_unique`](super::imitate_unique).
//!
//! - Same technique, types and, without arguments, same output: a ruleset may change from one to the
//!   other. Null stays null, empty text empty.
//! - A prefix, or every digit, may stay as it is; the rest is permuted among the values that keep it.
//! - Decided by the value, the key and `domain`: no draw, no hash columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, TypeFamily, schema_of,
};
use crate::pseudonymization::form::Kept;
use crate::pseudonymization::imitate_unique::{self, Unique};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_unique_imitate",
    summary: "deprecated name of `imitate_unique`, which gives the same",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<FromUniqueImitate>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: "{}",
            value: Some("10042"),
            masked: Some("14889"),
        },
        Example {
            args: r#"{"retain_prefix_length": 2}"#,
            value: Some("10042"),
            masked: Some("10636"),
        },
        Example {
            args: r#"{"skip_digits": true}"#,
            value: Some("NZ-2024/abc"),
            masked: Some("MV-2024/ycu"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FromUniqueImitate {
    /// So many characters at the beginning stay as they are, a minus among them. A value that has no
    /// more stays whole.
    retain_prefix_length: usize,
    /// Whether digits stay as they are; text only.
    skip_digits: bool,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: FromUniqueImitate = binder.parse(args)?;
    if args.skip_digits && TypeFamily::of(binder.column()) != Some(TypeFamily::Text) {
        let message = format!(
            "a column of type {} is all digits, and all would stay",
            binder.column()
        );
        return Err(BindError::new("skip_digits", message));
    }
    binder.draws_as(imitate_unique::SPEC.name);
    let key = binder.seeded_key(None)?;
    let kept = Kept {
        prefix: args.retain_prefix_length,
        digits: args.skip_digits,
    };
    Unique::bind(SPEC.name, key, kept, binder.column())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int8Array};
    use arrow::datatypes::{DataType, Int8Type};

    use crate::examples::{bind_error, mask_array, mask_texts};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "from_unique_imitate"{args}}}"#)
    }

    fn images(args: &str, texts: &[String]) -> Vec<String> {
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        mask_texts(&mask(args), &values)
            .into_iter()
            .flatten()
            .collect()
    }

    #[test]
    fn both_names_give_the_same() {
        for domain in ["", r#", "domain": "id""#] {
            let [old, new] = ["from_unique_imitate", "imitate_unique"].map(|name| {
                let mask = format!(r#"{{"type": "{name}"{domain}}}"#);
                mask_texts(&mask, &[Some("AB-12 cd"), Some("10042"), None])
            });
            assert_eq!(old, new, "{domain}");
        }
    }

    #[test]
    fn what_is_kept_stays_and_the_rest_is_permuted() {
        let prefixed = r#", "retain_prefix_length": 2"#;
        let digits = r#", "skip_digits": true"#;
        let huge = |n: u32| format!("1844674407370955{n}");
        for (args, texts) in [
            (
                prefixed,
                (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>(),
            ),
            (prefixed, (0..10_000).map(|n| format!("{n:04}")).collect()),
            (prefixed, (-9999..0).map(|n| n.to_string()).collect()),
            (prefixed, (1000..3000).map(huge).collect()),
            (prefixed, (0..999).map(|n| format!("é{n}-x")).collect()),
            (digits, (0..999).map(|n| format!("ab{n}-x")).collect()),
            (
                r#", "retain_prefix_length": 17"#,
                (1000..3000).map(huge).collect(),
            ),
        ] {
            let images = images(args, &texts);
            let distinct: HashSet<&String> = images.iter().collect();
            assert_eq!(distinct.len(), texts.len(), "{args}");
            assert!(images != texts, "{args}");
            for (text, image) in texts.iter().zip(&images) {
                let kept = |text: &str| match args == digits {
                    true => text.replace(|c: char| !c.is_ascii_digit(), ""),
                    false => text.chars().take(2).collect(),
                };
                assert_eq!(kept(text), kept(image), "{args}");
                assert_eq!(text.len(), image.len(), "{args}");
            }
        }
    }

    #[test]
    fn numbers_fit_their_column() {
        let numbers: ArrayRef = Arc::new(Int8Array::from_iter_values(i8::MIN..=i8::MAX));
        let masked = mask_array(&mask(r#", "retain_prefix_length": 1"#), numbers).unwrap();
        let mut masked = masked.as_primitive::<Int8Type>().values().to_vec();
        masked.sort_unstable();
        assert!(masked.into_iter().eq(i8::MIN..=i8::MAX));
        let error = bind_error(&mask(r#", "skip_digits": true"#), &DataType::Int64);
        assert_eq!(error.path, "[0].skip_digits");
        let error = bind_error(&mask(""), &DataType::Decimal128(9, 2));
        assert_eq!(error.path, "[0].type");
    }
}
