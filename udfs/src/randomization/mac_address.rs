//! `mac_address`: a hardware address becomes a made-up one, spelled alike.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: IEEE 802, section 8: of the first octet, bit 1 says that an address is locally
//!   administered, which no manufacturer gives out, and bit 0 that it is of a group.
//! - Input: text, an EUI-48 or EUI-64 in hexadecimal: plain (`001a2b3c4d5e`), or in groups of two,
//!   four or six digits with `:`, `-` or `.` between them. Null stays null.
//! - Output: a locally administered address of one station in the same grouping, in upper case where
//!   the value has a letter in upper case. With `keep_vendor` the first three octets stay.
//! - Value and draw decide; each address is as likely as the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, OnInvalid, TypeFamily,
    schema_of,
};
use crate::randomization::rewrite::{Rewrite, Rewriting};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "mac_address",
    summary: "a hardware address becomes a made-up, locally administered one",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<MacAddressArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("00:1A:2B:3C:4D:5E"),
            masked: Some("42:6C:35:06:F8:3C"),
        },
        Example {
            args: r#"{"keep_vendor": true}"#,
            value: Some("001a.2b3c.4d5e"),
            masked: Some("001a.2b9d.445b"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MacAddressArgs {
    /// Whether the first three octets stay, which name the manufacturer (default false). The address
    /// is then not marked as locally administered and may be that of a real device.
    keep_vendor: bool,
    /// For a value that is no hardware address: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: MacAddressArgs = binder.parse(args)?;
    Ok(Box::new(Rewriting {
        key: binder.key(),
        on_invalid: args.on_invalid,
        kernel: MacAddresses {
            kept_digits: if args.keep_vendor { 6 } else { 0 },
        },
    }))
}

#[derive(Debug)]
struct MacAddresses {
    kept_digits: usize,
}

impl Rewrite for MacAddresses {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    const EXPECTED: &'static str =
        "a hardware address of 6 or 8 octets such as `00:1a:2b:3c:4d:5e`";

    fn blocks(&self, _: &str) -> usize {
        1
    }

    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()> {
        if !is_address(value) {
            return None;
        }
        let alphabet = match value.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => b"0123456789ABCDEF",
            false => b"0123456789abcdef",
        };
        let mut octets = *blocks.first()?;
        octets[0] = octets[0] & !0b01 | 0b10;
        let mut written = [0; LONGEST];
        let written = written.get_mut(..value.len())?;
        written.copy_from_slice(value.as_bytes());
        let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
        let places = written.iter_mut().filter(|byte| byte.is_ascii_hexdigit());
        for (place, digit) in places.zip(digits).skip(self.kept_digits) {
            *place = alphabet[usize::from(digit)];
        }
        text.push_str(std::str::from_utf8(written).ok()?);
        Some(())
    }
}

/// Bytes of the longest spelling.
const LONGEST: usize = 23;

/// Whether `value` is 12 or 16 hexadecimal digits, plain or in groups of equal length.
fn is_address(value: &str) -> bool {
    let bytes = value.as_bytes();
    let group = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let (group, length) = (group.count(), bytes.len());
    if group == length {
        return matches!(length, 12 | 16);
    }
    let separator = bytes[group];
    let is_group = |part: &[u8]| {
        let (digits, rest) = part.split_at(group.min(part.len()));
        digits.len() == group
            && digits.iter().all(u8::is_ascii_hexdigit)
            && rest.iter().all(|byte| *byte == separator)
    };
    matches!(separator, b':' | b'-' | b'.')
        && matches!((group, length), (2, 17 | 23) | (4, 14 | 19) | (6, 13))
        && bytes.chunks(group + 1).all(is_group)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_texts, try_texts};

    const MASK: &str = r#"{"type": "mac_address"}"#;
    const KEEP: &str = r#"{"type": "mac_address", "keep_vendor": true}"#;

    const SPELLINGS: [&str; 9] = [
        "00:1a:2b:3c:4d:5e",
        "00-1A-2B-3C-4D-5E",
        "001a.2b3c.4d5e",
        "001a2b-3c4d5e",
        "001A2B3C4D5E",
        "00:1a:2b:3c:4d:5e:6f:70",
        "001a.2b3c.4d5e.6f70",
        "001A2B3C4D5E6F70",
        "ff:ff:ff:ff:ff:ff",
    ];

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        data_encoding::HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .unwrap()
    }

    #[test]
    fn spelling_stays_and_the_address_is_local() {
        for value in SPELLINGS {
            let masked = mask_texts(MASK, &[Some(value)])[0].clone().unwrap();
            assert_eq!(hex(&masked)[0] & 0b11, 0b10, "{masked}");
            let kept = mask_texts(KEEP, &[Some(value)])[0].clone().unwrap();
            assert_eq!(hex(&kept)[..3], hex(value)[..3], "{kept}");
            assert_ne!(hex(&kept)[3..], hex(value)[3..], "{kept}");
            for masked in [masked, kept] {
                assert_eq!(masked.len(), value.len());
                let upper = value.contains('A');
                for (before, after) in value.chars().zip(masked.chars()) {
                    assert_eq!(before.is_ascii_hexdigit(), after.is_ascii_hexdigit());
                    assert!(before.is_ascii_hexdigit() || before == after, "{masked}");
                    assert!(!after.is_ascii_alphabetic() || after.is_ascii_uppercase() == upper);
                }
            }
        }
        assert_eq!(mask_texts(MASK, &[None]), [None]);
    }

    #[test]
    fn all_bits_are_drawn() {
        let values: Vec<String> = (0..10_000_u64).map(|n| format!("{n:012x}")).collect();
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        for (mask, fixed) in [(MASK, 0x0300_0000_0000_u64), (KEEP, 0xffff_ff00_0000)] {
            let masked: Vec<u64> = mask_texts(mask, &values)
                .into_iter()
                .map(|masked| u64::from_str_radix(&masked.unwrap(), 16).unwrap())
                .collect();
            let always = masked.iter().fold(u64::MAX, |all, one| all & one);
            let ever = masked.iter().fold(0, |all, one| all | one);
            assert_eq!((always ^ ever) | fixed, 0xffff_ffff_ffff);
            assert_eq!((always ^ ever) & fixed, 0);
            let distinct: BTreeSet<u64> = masked.into_iter().collect();
            assert!(distinct.len() > 9_990, "{}", distinct.len());
        }
    }

    #[test]
    fn no_addresses() {
        for value in [
            "",
            "00:1a:2b:3c:4d",
            "00:1a:2b:3c:4d:5",
            "00:1a:2b:3c:4d:5e:",
            "00:1a:2b:3c:4d-5e",
            "00:1a:2b:3c:4d:5g",
            "001a:2b:3c4d5e:",
            "00 1a 2b 3c 4d 5e",
            "001a2b3c4d5",
            ":",
            "żó:1a:2b:3c:4d",
        ] {
            assert!(try_texts(MASK, &[Some(value)]).is_err(), "{value}");
            let mask = r#"{"type": "mac_address", "on_invalid": "suppress"}"#;
            assert_eq!(mask_texts(mask, &[Some(value)]), [None], "{value}");
        }
        bind_error(MASK, &DataType::Binary);
        bind_error(r#"{"type": "mac_address", "vendor": 1}"#, &DataType::Utf8);
    }
}
