//! `brazilian_cpf`: a value becomes a valid CPF, the taxpayer number of persons in Brazil.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: Receita Federal: nine digits, two check digits of weighted sums modulo 11; numbers of one
//!   digit repeated are void.
//! - Input: text, integers, decimals. Output: a number for null and empty text too (`skip` keeps null),
//!   with the separators of a value of eleven digits, else as `123.456.789-09`. A column of numbers
//!   gets the digits alone.
//! - The draw decides. A number of those that exist is as likely as the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifiers::{Generated, kind};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, TypeFamily, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "brazilian_cpf",
    summary: "a value becomes a valid Brazilian taxpayer number",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<BrazilianCpf>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: "{}",
            value: Some("170.021.157-90"),
            masked: Some("488.729.205-82"),
        },
        Example {
            args: "{}",
            value: Some("17002115790"),
            masked: Some("23177117195"),
        },
    ],
};

/// No argument.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BrazilianCpf {}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let BrazilianCpf {} = binder.parse(args)?;
    let kind = kind("br_cpf").expect("the table has it");
    let (key, column) = (binder.key(), binder.column());
    Ok(Box::new(Generated::new(
        key,
        column,
        kind,
        "000.000.000-00",
    )))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::{DataType, Int64Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    const MASK: &str = r#"{"type": "brazilian_cpf"}"#;

    #[test]
    fn the_form_of_the_value_or_the_usual_one() {
        for (value, separators) in [
            (Some("170.021.157-90"), "..-"),
            (Some("170021157-90"), "-"),
            (Some("00000000000"), ""),
            (Some("1700211579"), "..-"),
            (Some(""), "..-"),
            (None, "..-"),
        ] {
            let masked = mask_texts(MASK, &[value]).remove(0).unwrap();
            let left: String = masked
                .chars()
                .filter(|char| !char.is_ascii_digit())
                .collect();
            assert_eq!(left, separators, "{value:?}");
        }
    }

    #[test]
    fn all_are_valid_and_spread_evenly() {
        let values: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
        let values: Vec<Option<&str>> = values.iter().map(|n| Some(n.as_str())).collect();
        let mut counts = [0; 10];
        for masked in mask_texts(MASK, &values).into_iter().flatten() {
            let cpf = kind("br_cpf").unwrap();
            assert!(cpf.is_valid(&cpf.read(&masked).unwrap()), "{masked}");
            counts[usize::from(masked.as_bytes()[10] - b'0')] += 1;
        }
        assert!(
            counts.iter().all(|n| (1_800..2_200).contains(n)),
            "{counts:?}"
        );
    }

    #[test]
    fn numbers_and_arguments() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MIN), None]));
        let masked = mask_array(MASK, values).unwrap();
        let masked = masked.as_primitive::<Int64Type>();
        assert!(
            masked
                .iter()
                .all(|n| n.is_some_and(|n| (0..100_000_000_000).contains(&n)))
        );
        let unknown = r#"{"type": "brazilian_cpf", "region": 1}"#;
        assert_eq!(bind_error(unknown, &DataType::Utf8).path, "[0].region");
    }
}
