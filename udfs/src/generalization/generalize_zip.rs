//! `generalize_zip`: a US ZIP code becomes its three-digit area.
//!
//! - Technique: generalization (ISO/IEC 20889:2018).
//! - Source: HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(B): the first three digits may stay where more
//!   than 20,000 people live in all ZIP codes that begin with them, else they become `000`. The areas
//!   are those of the HHS guidance on de-identification, from the census of 2000.
//! - Input: text, `94105` or `94105-1804`. Output: three digits. Null stays null.
//! - Keyless, many-to-one: equal inputs meet in one area in every table, and nothing leads back.

use arrow::array::{Array, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    Example, Family, MaskError, MaskSpec, OfBlank, OnInvalid, TypeFamily, ValueMask, keyless,
    schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "generalize_zip",
    summary: "a US ZIP code becomes its three-digit area",
    family: Family::Generalization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<GeneralizeZip>,
    bind: keyless::<GeneralizeZip>,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("94105-1804"),
            masked: Some("941"),
        },
        Example {
            args: "{}",
            value: Some("03601"),
            masked: Some("000"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GeneralizeZip {
    /// For a text that is no ZIP code: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

impl ValueMask for GeneralizeZip {
    fn mask(&self, zips: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut areas = StringViewBuilder::with_capacity(zips.len());
        for (row, zip) in zips.iter().enumerate() {
            match zip.map(three_digit_area) {
                None => areas.append_null(),
                Some(Some(area)) => areas.append_value(area),
                Some(None) => {
                    let expected = "a ZIP code of five digits, or five and four";
                    areas.append_option(self.on_invalid.at::<&str>(row, expected)?);
                }
            }
        }
        Ok(areas.finish())
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

/// The area of a well-formed ZIP code, `000` where few people live; `None` for any other text.
fn three_digit_area(zip: &str) -> Option<&str> {
    let (five, rest) = zip.as_bytes().split_first_chunk::<5>()?;
    let four = match rest {
        [] => &[],
        [b'-', four @ ..] if four.len() == 4 => four,
        _ => return None,
    };
    if !five.iter().chain(four).all(u8::is_ascii_digit) {
        return None;
    }
    let area = &five[..3];
    match SMALL_AREAS.iter().any(|small| *small == area) {
        true => Some("000"),
        false => Some(&zip[..3]),
    }
}

/// Areas of at most 20,000 people. All 17 of the source; a newer census replaces the list whole.
const SMALL_AREAS: [&[u8; 3]; 17] = [
    b"036", b"059", b"063", b"102", b"203", b"556", b"692", b"790", b"821", b"823", b"830", b"831",
    b"878", b"879", b"884", b"890", b"893",
];

#[cfg(test)]
mod tests {
    use crate::examples::{mask_texts, try_texts};

    const MASK: &str = r#"{"type": "generalize_zip"}"#;

    #[test]
    fn zip_codes() {
        for (zip, area) in [
            (Some("94105"), Some("941")),
            (Some("94105-1804"), Some("941")),
            (Some("00501"), Some("005")),
            (Some("03601"), Some("000")),
            (Some("89399-0000"), Some("000")),
            (None, None),
        ] {
            assert_eq!(mask_texts(MASK, &[zip])[0].as_deref(), area, "{zip:?}");
        }
    }

    #[test]
    fn other_text() {
        let suppress = r#"{"type": "generalize_zip", "on_invalid": "suppress"}"#;
        for zip in [
            "",
            "941",
            "9410",
            "941051",
            "94105-",
            "94105-18",
            "941051804",
            "941O5",
            "９４１０５",
            " 94105",
            "94105–1804",
        ] {
            assert!(try_texts(MASK, &[Some(zip)]).is_err(), "{zip:?}");
            assert_eq!(mask_texts(suppress, &[Some(zip)]), [None], "{zip:?}");
        }
    }
}
