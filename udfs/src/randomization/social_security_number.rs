//! `social_security_number`: a value becomes a valid US Social Security number.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: Social Security Administration, numbers given out since 25 June 2011: area 001 to 899
//!   without 666, group 01 to 99, serial number 0001 to 9999, three published numbers left out.
//! - Input: text, integers, decimals. Output: a number for null and empty text too (`skip` keeps null),
//!   with the separators of a value of nine digits, else as `123-45-6789`. A column of numbers gets
//!   the digits alone.
//! - The draw decides. A number of those that exist is as likely as the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifiers::{Generated, kind};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, TypeFamily, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "social_security_number",
    summary: "a value becomes a valid US Social Security number",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<SocialSecurityNumber>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: "{}",
            value: Some("397-38-1837"),
            masked: Some("708-14-6313"),
        },
        Example {
            args: "{}",
            value: Some("397381837"),
            masked: Some("007561155"),
        },
    ],
};

/// No argument.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SocialSecurityNumber {}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let SocialSecurityNumber {} = binder.parse(args)?;
    let kind = kind("us_ssn").expect("the table has it");
    let (key, column) = (binder.key(), binder.column());
    Ok(Box::new(Generated::new(key, column, kind, "000-00-0000")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int32Array};
    use arrow::datatypes::{DataType, Int32Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    const MASK: &str = r#"{"type": "social_security_number"}"#;

    #[test]
    fn the_form_of_the_value_or_the_usual_one() {
        for (value, form) in [
            (Some("397-38-1837"), "000-00-0000"),
            (Some("397 38 1837"), "000 00 0000"),
            (Some("000000000"), "000000000"),
            (Some("39738183"), "000-00-0000"),
            (Some("Zoë"), "000-00-0000"),
            (Some(""), "000-00-0000"),
            (None, "000-00-0000"),
        ] {
            let masked = mask_texts(MASK, &[value]).remove(0).unwrap();
            let shape: String = masked
                .chars()
                .map(|char| if char.is_ascii_digit() { '0' } else { char })
                .collect();
            assert_eq!(shape, form, "{value:?}");
            assert!(
                kind("us_ssn")
                    .unwrap()
                    .read(&masked)
                    .is_some_and(|number| { kind("us_ssn").unwrap().is_valid(&number) })
            );
        }
    }

    #[test]
    fn areas_are_spread_evenly() {
        let values: Vec<String> = (0..40_000).map(|n| n.to_string()).collect();
        let values: Vec<Option<&str>> = values.iter().map(|n| Some(n.as_str())).collect();
        let mut counts = [0; 10];
        for masked in mask_texts(MASK, &values).into_iter().flatten() {
            let area: usize = masked[..3].parse().unwrap();
            assert!(area != 666 && (1..900).contains(&area));
            counts[area / 100] += 1;
        }
        assert_eq!(counts[9], 0);
        assert!(
            counts[..9].iter().all(|n| (4_200..4_700).contains(n)),
            "{counts:?}"
        );
    }

    #[test]
    fn numbers_and_arguments() {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![Some(-7), None, Some(397_381_837)]));
        let masked = mask_array(MASK, values).unwrap();
        let masked = masked.as_primitive::<Int32Type>();
        assert!(masked.iter().all(|n| n.is_some_and(|n| n > 1_010_000)));
        let unknown = r#"{"type": "social_security_number", "area": 1}"#;
        assert_eq!(bind_error(unknown, &DataType::Utf8).path, "[0].area");
        bind_error(MASK, &DataType::Boolean);
    }
}
