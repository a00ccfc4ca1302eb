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

use crate::fpe::{Cipher, Direction, Ff1, Span, Tweaks};
use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OnInvalid,
    TypeFamily, ValueMask, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "imitate_uuid",
    summary: "a UUID becomes another of its version, and no two become the same",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<ImitateUuid>,
    bind,
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
    Ok(Box::new(ByValue(Uuids {
        ff1: Ff1::new(cipher, 16),
        on_invalid: args.on_invalid,
    })))
}

#[derive(Debug)]
struct Uuids {
    ff1: Ff1,
    on_invalid: OnInvalid,
}

impl ValueMask for Uuids {
    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut digits = Vec::with_capacity(FREE * values.len());
        let mut forms = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            forms.push(match value {
                None => None,
                Some(value) => match read(value.as_bytes(), &mut digits) {
                    None => self.on_invalid.at(row, "a UUID in one case")?,
                    form => form,
                },
            });
        }
        let spans: Vec<Span> = (0..digits.len() / FREE)
            .map(|row| Span {
                start: row * FREE,
                length: FREE,
            })
            .collect();
        self.ff1
            .run(Direction::Encrypt, &mut digits, &spans, Tweaks::One(&[]))
            .map_err(|_| MaskError::Internal("a UUID has 30 free hexadecimal digits"))?;
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = [0; 36];
        let mut images = digits.chunks_exact(FREE);
        for (row, form) in forms.into_iter().enumerate() {
            let (Some(form), Some(image)) = (form, form.and_then(|_| images.next())) else {
                masked.append_null();
                continue;
            };
            let value = values.value(row).as_bytes();
            let text = &mut text[..value.len()];
            text.copy_from_slice(value);
            write(form, image, text);
            masked.append_value(std::str::from_utf8(text).expect("a UUID is ASCII"));
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

/// How a UUID is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Lower,
    Upper,
}

/// Where a UUID has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Appends the free digits of a UUID; `None`, and nothing is appended, for other text.
fn read(text: &[u8], digits: &mut Vec<u8>) -> Option<Case> {
    let hyphens = match text.len() {
        32 => false,
        36 => true,
        _ => return None,
    };
    let start = digits.len();
    let mut count = 0;
    let (mut lower, mut upper) = (false, false);
    for (place, &byte) in text.iter().enumerate() {
        let digit = match byte {
            b'-' if hyphens && HYPHENS.contains(&place) => continue,
            _ if hyphens && HYPHENS.contains(&place) => 16,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => {
                lower = true;
                byte - b'a' + 10
            }
            b'A'..=b'F' => {
                upper = true;
                byte - b'A' + 10
            }
            _ => 16,
        };
        if digit == 16 || lower && upper {
            digits.truncate(start);
            return None;
        }
        if is_free(count) {
            digits.push(digit);
        }
        count += 1;
    }
    Some(if upper { Case::Upper } else { Case::Lower })
}

/// Whether the digit at this place is neither version nor variant.
fn is_free(place: usize) -> bool {
    place != 12 && place != 16
}

/// Puts the digits of `image` in the free places of `text`.
fn write(case: Case, image: &[u8], text: &mut [u8]) {
    let spelling: &[u8; 16] = match case {
        Case::Lower => b"0123456789abcdef",
        Case::Upper => b"0123456789ABCDEF",
    };
    let places = text.iter_mut().filter(|byte| **byte != b'-').enumerate();
    let free = places.filter(|(place, _)| is_free(*place));
    for ((_, byte), digit) in free.zip(image) {
        *byte = spelling[usize::from(*digit)];
    }
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
            assert!(HYPHENS.iter().all(|place| image.as_bytes()[*place] == b'-'));
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
        for place in (0..36).filter(|place| !HYPHENS.contains(place) && ![14, 19].contains(place)) {
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
