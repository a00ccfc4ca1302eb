//! `imitate_uuid`: a UUID becomes another of its version, and no two become the same.
//!
//! - Technique: pseudonymization by a keyed permutation (ISO/IEC 20889:2018): FF1 of NIST SP 800-38G
//!   over 30 hexadecimal digits, without a tweak.
//! - Source of the form: RFC 9562; the digits of version and variant (13th and 17th) stay.
//! - Input: text of 32 hexadecimal digits in one case, with the four hyphens or without. Hyphens and case
//!   stay; digits alone become lower case. Null stays null. Other text: `on_invalid`.
//! - Decided by the value, the key and `seed`: no draw, no hash columns.

use arrow::array::{Array, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fpe::{Cipher, Direction, Ff1, Plan};
use crate::hex::{self, Case};
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank,
    OnInvalid, TypeFamily, ValueMask, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "imitate_uuid",
    summary: "a UUID becomes another of its version, and no two become the same",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<ImitateUuid>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("550e8400-e29b-41d4-a716-446655440000"),
            masked: Some("9ed07418-5449-40c3-aefe-80629b374c23"),
        },
        Example {
            args: r#"{"seed": "order"}"#,
            value: Some("550E8400E29B41D4A716446655440000"),
            masked: Some("49434FD6A2C74DF4A9AD47237264D72F"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImitateUuid {
    /// The kind of identifier, any text: columns with one seed agree on the image of a value, others
    /// do not (default: one for all columns without a seed). It stands in place of `domain`.
    seed: Option<String>,
    /// For a value that is no UUID: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// Digits that change.
const FREE: usize = 30;

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: ImitateUuid = binder.parse(args)?;
    let key = binder.seeded_key(args.seed.as_deref())?;
    let cipher = Cipher::new(&*key.fpe_key::<32>(&[b"uuid"])).expect("32 bytes are an AES-256 key");
    let ff1 = Ff1::new(cipher, 16);
    let plan = ff1.plan(FREE, 0).expect("30 digits are not too few");
    Ok(Box::new(ByValue(Uuids {
        ff1,
        plan,
        on_invalid: args.on_invalid,
    })))
}

#[derive(Debug)]
struct Uuids {
    ff1: Ff1,
    plan: Plan,
    on_invalid: OnInvalid,
}

impl ValueMask for Uuids {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut left = Vec::with_capacity(values.len());
        let mut right = Vec::with_capacity(values.len());
        let mut forms = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            let uuid = match value.map(read) {
                None => None,
                Some(None) => self.on_invalid.at(row, "a UUID in one case")?,
                Some(read) => read,
            };
            forms.push(uuid.map(|(number, form)| {
                let halves = halves_of(number);
                left.push(halves[0]);
                right.push(halves[1]);
                form
            }));
        }
        self.ff1
            .run_halves(&self.plan, Direction::Encrypt, &mut left, &mut right);
        let mut images = left.into_iter().zip(right);
        let mut masked = StringViewBuilder::with_capacity(values.len());
        for form in forms {
            let (Some(form), Some((left, right))) = (form, form.and_then(|_| images.next())) else {
                masked.append_null();
                continue;
            };
            let number = form.kept | number_of(left, right);
            match form.hyphens {
                true => masked.append_value(ascii(&hex::uuid(number, form.case))),
                false => masked.append_value(ascii(&hex::digits(number, form.case))),
            }
        }
        Ok(masked.finish())
    }

    fn keeps_distinct(&self) -> bool {
        self.on_invalid == OnInvalid::Fail
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}
/// What of a UUID stays.
#[derive(Debug, Clone, Copy)]
struct Form {
    hyphens: bool,
    case: Case,
    /// The digits of version and variant in their places.
    kept: u128,
}

/// The digits of version and variant.
const KEPT: u128 = 0x0000_0000_0000_f000_f000_0000_0000_0000;

/// The number a UUID is; `None` for other text.
fn read(text: &str) -> Option<(u128, Form)> {
    let text = text.as_bytes();
    let (digits, hyphens) = match text.as_array::<36>() {
        Some(text) => (hex::without_hyphens(text)?, true),
        None => (*text.as_array::<32>()?, false),
    };
    let (number, case) = hex::number(&digits)?;
    let form = Form {
        hyphens,
        case,
        kept: number & KEPT,
    };
    Some((number, form))
}

/// The other digits, fifteen and fifteen.
fn halves_of(number: u128) -> [u64; 2] {
    let (upper, lower) = ((number >> 64) as u64, number as u64);
    [upper >> 16 << 12 | upper & 0xfff, lower & (u64::MAX >> 4)]
}

/// The number with these halves, and zeros for version and variant.
fn number_of(left: u64, right: u64) -> u128 {
    let upper = left >> 12 << 16 | left & 0xfff;
    u128::from(upper) << 64 | u128::from(right)
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("a UUID is ASCII")
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_texts, try_texts};

    const MASK: &str = r#"{"type": "imitate_uuid"}"#;

    fn one(text: &str) -> String {
        mask_texts(MASK, &[None, Some(text)])[1].clone().unwrap()
    }

    #[test]
    fn version_variant_hyphens_and_case_stay() {
        for uuid in [
            "550e8400-e29b-41d4-a716-446655440000",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ] {
            let image = one(uuid);
            assert_ne!(image, uuid);
            assert_eq!(
                (image.len(), &image[14..15], &image[19..20]),
                (36, &uuid[14..15], &uuid[19..20])
            );
            assert!(
                [8, 13, 18, 23]
                    .iter()
                    .all(|place| image.as_bytes()[*place] == b'-')
            );
            assert!(
                image
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
            );
            assert_eq!(one(&uuid.replace('-', "")), image.replace('-', ""));
            if uuid.contains('f') {
                assert_eq!(one(&uuid.to_uppercase()), image.to_uppercase());
            }
        }
    }

    #[test]
    fn no_two_meet() {
        let texts: Vec<String> = (0..5000_u32)
            .map(|n| format!("{n:08x}-0000-4000-8000-000000000000"))
            .collect();
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let mut images = mask_texts(MASK, &values);
        images.sort();
        images.dedup();
        assert_eq!(images.len(), 5000);
        // Each digit that may change does.
        let image = images[0].clone().unwrap();
        for place in (0..36).filter(|place| ![8, 13, 18, 23, 14, 19].contains(place)) {
            assert!(
                images
                    .iter()
                    .flatten()
                    .any(|other| other.as_bytes()[place] != image.as_bytes()[place])
            );
        }
    }

    #[test]
    fn other_text() {
        for text in [
            "",
            "550e8400",
            "550e8400-e29b-41d4-a716-44665544000g",
            "550e8400-e29b-41d4-a716-4466554400000",
            "550e8400ee29b-41d4-a716-446655440000",
            "-50e8400-e29b-41d4-a716-446655440000",
            "550E8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-44665544000é",
            "{50e8400e29b41d4a71644665544000}",
        ] {
            assert_eq!(
                try_texts(MASK, &[Some(text)]),
                Err(MaskError::Refused {
                    row: 0,
                    expected: "a UUID in one case"
                }),
                "{text}"
            );
            let uuid = "550e8400-e29b-41d4-a716-446655440000";
            let suppress = r#"{"type": "imitate_uuid", "on_invalid": "suppress"}"#;
            let masked = mask_texts(suppress, &[Some(text), Some(uuid), None]);
            assert_eq!(masked[0], None, "{text}");
            assert_eq!(masked[1].as_deref().map(str::len), Some(36));
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (
                r#", "seed": "a", "domain": "a""#,
                DataType::Utf8,
                "[0].seed",
            ),
            (
                r#", "on_invalid": "keep""#,
                DataType::Utf8,
                "[0].on_invalid",
            ),
            ("", DataType::Int64, "[0].type"),
        ] {
            let mask = format!(r#"{{"type": "imitate_uuid"{args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
