//! `set_checksum`: the check digits of a value are computed anew and written over what stands there.
//!
//! - Technique: none of its own; it ends a chain whose masks changed the other digits.
//! - Source: ISO/IEC 7812-1 (Luhn), ISO/IEC 7064, Verhoeff 1969, ISO 13616-1 (IBAN), and the rules of
//!   the identifiers `national_id` knows.
//! - Input: text; integers and decimals where all places are digits. Output: the same text with right
//!   check digits; spaces, hyphens, points and slashes stay. Null stays null.
//! - A value of another length or other characters, empty text, and a number whose check digit does
//!   not exist are `on_invalid`. Dates and codes within are not looked at.
//! - Keyless: the value alone decides.

use arrow::array::{Array, StringViewArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use crate::identifiers::{Number, push_like, push_with_end};
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank,
    OnInvalid, TypeFamily, ValueMask, schema_of,
};
use crate::texts::Texts;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "set_checksum",
    summary: "the check digits of a value are made right",
    family: Family::Combination,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<SetChecksum>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"checksum": "luhn"}"#,
            value: Some("4111 1111 1111 1110"),
            masked: Some("4111 1111 1111 1111"),
        },
        Example {
            args: r#"{"checksum": "br_cpf"}"#,
            value: Some("170.021.157-00"),
            masked: Some("170.021.157-90"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["checksum"]))]
pub(crate) struct SetChecksum {
    /// Whose check digits. A system: `luhn` (also `credit_card`), `verhoeff`, `mod_97_10`
    /// (two digits at the end), `mod_11_2` (the last may be X), `mod_11_10`, `mod_37_2` (the last may
    /// be `*`), `mod_37_36`, `iban`. Or a `kind` of `national_id` that has check digits, as `br_cpf`.
    #[serde(alias = "checksum_type", alias = "algorithm", alias = "kind")]
    #[schemars(extend("x-spellings" = ["checksum_type", "algorithm", "kind"]))]
    checksum: String,
    /// For a value that can have no such check digits: `fail` the task (default) or `suppress` it to
    /// null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: SetChecksum = binder.parse(args)?;
    let name = args.checksum.as_str();
    let checksum =
        Checksum::named(name, "checksum").map_err(|message| BindError::new("checksum", message))?;
    let numbers = TypeFamily::of(binder.column()) != Some(TypeFamily::Text);
    if numbers && !checksum.fits_numbers() {
        let message = format!("`{name}` has letters, and the column holds numbers");
        return Err(BindError::new("checksum", message));
    }
    Ok(Box::new(ByValue(Sealer {
        checksum,
        numbers,
        on_invalid: args.on_invalid,
    })))
}

#[derive(Debug)]
struct Sealer {
    checksum: Checksum,
    /// Whether the column holds numbers: no separators, and leading zeros are gone.
    numbers: bool,
    on_invalid: OnInvalid,
}

impl Sealer {
    fn seal(&self, value: &str, number: &mut Number) -> Option<()> {
        match self.numbers {
            true => self.checksum.sealed_number(value, number),
            false => self.checksum.sealed(value, number),
        }
    }
}

impl ValueMask for Sealer {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut masked = Texts::with_capacity(values.len());
        let mut number = Number::zeros(0);
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                masked.null();
                continue;
            };
            if self.seal(value, &mut number).is_none() {
                let expected = "a number that can have such check digits";
                self.on_invalid.at::<()>(row, expected)?;
                masked.null();
                continue;
            }
            let separators = self.checksum.separators();
            match self.checksum.digits_at_end(&number) {
                _ if self.numbers => number.push_to(masked.bytes()),
                Some(end) => push_with_end(value, end, separators, masked.bytes()),
                None => push_like(&number, value, separators, masked.bytes()),
            }
            masked.end();
        }
        masked.finish()
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::{DataType, Int64Type};
    use serde_json::Value;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};
    use crate::identifiers::kind;

    fn mask(checksum: &str, more: &str) -> String {
        format!(r#"{{"type": "set_checksum", "checksum": "{checksum}"{more}}}"#)
    }

    #[test]
    fn systems() {
        for (checksum, value, sealed) in [
            ("luhn", "7992739871-0", Some("7992739871-3")),
            (
                "credit_card",
                "4012 8888 8888 1880",
                Some("4012 8888 8888 1881"),
            ),
            ("verhoeff", "2360", Some("2363")),
            ("mod_97_10", "79400", Some("79444")),
            ("mod_97_10", "gb-00", Some("gb-18")),
            ("mod_11_2", "0790", Some("079X")),
            ("mod_11_2", "079x", Some("079x")),
            ("mod_11_10", "07940", Some("07945")),
            (
                "mod_37_36",
                "A1-2425G-ABC1234002-0",
                Some("A1-2425G-ABC1234002-M"),
            ),
            ("mod_37_2", "A999914123456*", Some("A999914123456N")),
            ("mod_37_2", "A9999141234560", Some("A999914123456N")),
            (
                "iban",
                "GB00 WEST 1234 5698 7654 32",
                Some("GB82 WEST 1234 5698 7654 32"),
            ),
            ("iban", "GB00 WEST 1234", None),
            ("us_npi", "1015009520", Some("1015009529")),
            ("cl_rut", "5.093.825-0", Some("5.093.825-5")),
            ("luhn", "", None),
            ("luhn", "7", None),
            ("luhn", "79x3", None),
            ("luhn", "Zoë", None),
            ("us_npi", "101500952", None),
            ("us_npi", "1015009x20", None),
        ] {
            let suppress = mask(checksum, r#", "on_invalid": "suppress""#);
            let out = mask_texts(&suppress, &[Some(value)]).remove(0);
            assert_eq!(out.as_deref(), sealed, "{checksum} {value}");
            assert_eq!(
                try_texts(&mask(checksum, ""), &[Some(value)]).is_ok(),
                sealed.is_some()
            );
        }
        assert_eq!(mask_texts(&mask("luhn", ""), &[None]), [None]);
    }

    /// Numbers with right check digits are left as they are, of every kind.
    #[test]
    fn right_ones_stay() {
        let kinds: Vec<Value> =
            serde_json::from_str(include_str!("../../vectors/national_ids.json")).unwrap();
        let mut refused = vec![];
        for entry in &kinds {
            let code = entry["code"].as_str().unwrap();
            if !kind(code).unwrap().has_checks() {
                refused.push(code);
                bind_error(&mask(code, ""), &DataType::Utf8);
                continue;
            }
            for value in entry["valid"].as_array().unwrap() {
                let out = mask_texts(&mask(code, ""), &[value.as_str()]).remove(0);
                assert_eq!(out.as_deref(), value.as_str(), "{code}");
            }
        }
        assert_eq!(refused, ["us_ssn", "us_itin", "gb_nino", "in_pan"]);
    }

    #[test]
    fn columns_of_numbers_and_arguments() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(79_927_398_710), None]));
        let out = mask_array(&mask("luhn", ""), values).unwrap();
        assert_eq!(out.as_primitive::<Int64Type>().value(0), 79_927_398_713);
        assert!(out.is_null(1));
        let short: ArrayRef = Arc::new(Int64Array::from(vec![67_306_360]));
        let out = mask_array(&mask("nl_bsn", ""), short).unwrap();
        assert_eq!(out.as_primitive::<Int64Type>().value(0), 67_306_366);
        for bad in [i64::MIN, -5, 5] {
            let values: ArrayRef = Arc::new(Int64Array::from(vec![bad]));
            mask_array(&mask("luhn", ""), values).unwrap_err();
        }
        for (mask, column, path) in [
            (mask("crc", ""), DataType::Utf8, "[0].checksum"),
            (mask("iban", ""), DataType::Int64, "[0].checksum"),
            (mask("mod_37_2", ""), DataType::Int64, "[0].checksum"),
            (mask("es_dni", ""), DataType::Int64, "[0].checksum"),
            (
                r#"{"type": "set_checksum"}"#.into(),
                DataType::Utf8,
                "[0].checksum",
            ),
        ] {
            assert_eq!(bind_error(&mask, &column).path, path, "{mask}");
        }
        let alias = r#"{"type": "set_checksum", "algorithm": "luhn"}"#;
        assert_eq!(mask_texts(alias, &[Some("18")])[0].as_deref(), Some("18"));
    }
}
