//! `iban`: a bank account number becomes another one of the same country.
//!
//! - Technique: randomization (ISO/IEC 20889:2018) that keeps the format.
//! - Source: ISO 13616-1 and the SWIFT IBAN registry; check digits by ISO/IEC 7064 MOD 97-10.
//! - Input: text. Output: country and length stay, a digit becomes a digit, a letter a letter; spaces
//!   and the case of letters stay; the check digits are right, those inside the account too where the
//!   mask knows them (BA, BE, ES, FR, IT, MC, ME, MK, NO, PT, RS, SI, SM, TL, XK). Null stays null.
//! - Empty text, and a value that is no valid IBAN, is `on_invalid`.
//! - Value and draw decide. An account is as likely as any other within 2^-40.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::identifiers::iban::Structures;
use crate::identifiers::{Fraction, Number, push_like};
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::rows::Rows;
use crate::texts::Texts;

/// What may stand between the places.
pub(crate) const SEPARATORS: &str = " -.";

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "iban",
    summary: "a bank account number becomes another valid one of the same country",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<Iban>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("AT61 1904 3002 3457 3201"),
            masked: Some("AT68 2637 1332 0311 4588"),
        },
        Example {
            args: r#"{"retain_bank_code": true}"#,
            value: Some("DE89370400440532013000"),
            masked: Some("DE87370400448028230072"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Iban {
    /// Whether the characters that name the bank stay (default false). Some countries' structures do
    /// not tell them apart from the account; then nothing stays.
    retain_bank_code: bool,
    /// For a value that is no valid IBAN: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: Iban = binder.parse(args)?;
    Ok(Box::new(Accounts {
        key: binder.key(),
        structures: Structures::all(),
        args,
    }))
}

#[derive(Debug)]
struct Accounts {
    key: MaskKey,
    structures: Structures,
    args: Iban,
}

/// Blocks a row: two a try. One account in eleven of Norway has no check digit.
const BLOCKS: usize = 2;
const FURTHER: usize = 64;

impl Accounts {
    fn redrawn(&self, old: &Number, blocks: &[[u8; 16]]) -> Option<Number> {
        blocks.chunks_exact(BLOCKS).find_map(|pair| {
            let bits = [Fraction::from(pair[0]), Fraction::from(pair[1])];
            let keep_bank = self.args.retain_bank_code;
            self.structures.redrawn(old, keep_bank, bits)
        })
    }
}

impl Mask for Accounts {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let draws = rows.draws(&self.key);
        // Norway is the only country that may need a second try.
        let norway = |row: usize| values.is_valid(row) && may_need_more(values.value(row));
        let wanted = |row: usize| if norway(row) { FURTHER } else { BLOCKS };
        let expanded = draws.expand(wanted);
        let mut blocks = expanded.as_slice();
        let mut masked = Texts::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            let (own, rest) = blocks.split_at(wanted(row));
            blocks = rest;
            let Some(value) = value else {
                masked.null();
                continue;
            };
            let old = Number::read(value, SEPARATORS).filter(|old| self.structures.is_valid(old));
            let Some(old) = old else {
                self.args.on_invalid.at::<()>(row, "a valid IBAN")?;
                masked.null();
                continue;
            };
            let new = self
                .redrawn(&old, own)
                .ok_or(MaskError::Internal("no draw gave a valid account"))?;
            push_like(&new, value, SEPARATORS, masked.bytes());
            masked.end();
        }
        Ok(Arc::new(masked.finish()?))
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.args.on_invalid == OnInvalid::Suppress
    }
}

/// Whether a value may be of a country where some accounts have no check digit.
fn may_need_more(value: &str) -> bool {
    value.bytes().any(|byte| matches!(byte, b'N' | b'n'))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use serde_json::Value;

    use super::*;
    use crate::examples::{bind_error, mask_texts, try_texts};

    const MASK: &str = r#"{"type": "iban"}"#;
    const RETAIN: &str = r#"{"type": "iban", "retain_bank_code": true}"#;

    fn masked(mask: &str, value: &str) -> String {
        mask_texts(mask, &[Some(value)]).remove(0).unwrap()
    }

    /// Of the registry's examples each becomes another of its country; broken ones are refused.
    #[test]
    fn the_vectors() {
        let structures = Structures::all();
        let mut counts = [0, 0];
        for line in include_str!("../../vectors/iban.jsonl").lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let iban = entry["iban"].as_str().unwrap();
            let valid = entry["valid"].as_bool().unwrap();
            counts[usize::from(valid)] += 1;
            if !valid {
                try_texts(MASK, &[Some(iban)]).expect_err(line);
                continue;
            }
            for mask in [MASK, RETAIN] {
                let out = masked(mask, iban);
                assert_eq!(out.len(), iban.len(), "{iban} {out}");
                assert_eq!(out[..2], iban[..2], "{iban} {out}");
                assert_ne!(out, iban);
                let sort = |text: &str| -> Vec<bool> {
                    text.bytes().map(|byte| byte.is_ascii_digit()).collect()
                };
                // France's and Italy's check letters and digits are set whatever stood there.
                assert_eq!(sort(&out), sort(iban), "{iban} {out}");
                let number = Number::read(&out, "").unwrap();
                assert!(structures.is_valid(&number), "{iban} {out}");
            }
        }
        assert!(counts[0] >= 30 && counts[1] >= 100, "{counts:?}");
    }

    #[test]
    fn the_form_and_the_bank_stay() {
        for (mask, value, start) in [
            (MASK, "AT61 1904 3002 3457 3201", "AT"),
            (MASK, "at611904300234573201", "at"),
            (RETAIN, "DE89 3704 0044 0532 0130 00", "DE"),
            (RETAIN, "NO93 8601 1117 947", "NO"),
        ] {
            let out = masked(mask, value);
            assert!(out.starts_with(start));
            let spaces =
                |text: &str| -> Vec<usize> { text.match_indices(' ').map(|(at, _)| at).collect() };
            assert_eq!(spaces(&out), spaces(value), "{out}");
            if mask == RETAIN {
                assert_eq!(out[5..9], value[5..9], "{out}");
            }
        }
        assert_eq!(
            masked(RETAIN, "IT60X0542811101000000123456")[5..10],
            *"05428"
        );
    }

    /// Examples of the registry whose own check digits are right are left so by the mask's rules.
    #[test]
    fn check_digits_inside() {
        for (iban, at) in [
            ("BE68539007547034", 14..16),
            ("ES9121000418450200051332", 12..14),
            ("FR1420041010050500013M02606", 25..27),
            ("IT60X0542811101000000123456", 4..5),
            ("NO9386011117947", 14..15),
            ("PT50000201231234567890154", 23..25),
            ("SI56263300012039086", 17..19),
        ] {
            let structures = Structures::all();
            let mut wrong = iban.as_bytes().to_vec();
            for place in &mut wrong[at.clone()] {
                *place = if place.is_ascii_digit() { b'0' } else { b'A' };
            }
            let wrong = String::from_utf8(wrong).unwrap();
            let wrong = Number::read(&wrong, "").unwrap();
            assert_eq!(
                structures.own_checks(&wrong).unwrap().places()[at.clone()],
                iban.as_bytes()[at]
            );
        }
    }

    #[test]
    fn odd_values_and_arguments() {
        assert_eq!(mask_texts(MASK, &[None]), [None]);
        let suppress = r#"{"type": "iban", "on_invalid": "suppress"}"#;
        for value in [
            "",
            "AT",
            "AT61",
            "ZZ611904300234573201",
            "Zoë",
            "AT62 1904 3002 3457 3201",
        ] {
            try_texts(MASK, &[Some(value)]).expect_err(value);
            assert_eq!(mask_texts(suppress, &[Some(value)]), [None], "{value}");
        }
        let unknown = r#"{"type": "iban", "bank": true}"#;
        assert_eq!(bind_error(unknown, &DataType::Utf8).path, "[0].bank");
        bind_error(MASK, &DataType::Int64);
    }

    #[test]
    fn digits_come_evenly() {
        let structures = Structures::all();
        let values: Vec<String> = (0..500)
            .map(|n| {
                let number = Number::read(&format!("DE00{n:018}"), "").unwrap();
                structures.sealed(&number).unwrap().text()
            })
            .collect();
        let values: Vec<Option<&str>> = values.iter().map(|n| Some(n.as_str())).collect();
        let mut counts = [0; 10];
        for out in mask_texts(MASK, &values).into_iter().flatten() {
            for digit in out[4..].bytes() {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        assert!(
            counts.iter().all(|n| (780..1_020).contains(n)),
            "{counts:?}"
        );
    }
}
