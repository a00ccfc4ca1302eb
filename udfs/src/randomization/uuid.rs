//! `uuid`: a value becomes a random UUID of version 4.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: RFC 9562, section 5.4.
//! - Input: text, and binary of exactly 16 bytes (Parquet's UUID). Output: the 36 characters of a UUID,
//!   or its bytes, for null and empty text too (`skip` keeps them).
//! - The draw decides: its 128 bits, but for version and variant.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder, StringViewBuilder};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Draws};
use crate::hex::{self, Case};
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "uuid",
    summary: "a value becomes a random UUID of version 4",
    family: Family::Randomization,
    takes: &[TypeFamily::Text, TypeFamily::Binary],
    schema: schema_of::<UuidArgs>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: "{}",
            value: Some("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
            masked: Some("f2b64749-8fd7-40bf-98ad-86aa95a47680"),
        },
        Example {
            args: r#"{"uppercase": true}"#,
            value: None,
            masked: Some("2A911A24-EBE7-4048-8CE4-535F767747A8"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UuidArgs {
    /// Whether letters are `A` to `F` (default false: `a` to `f`).
    uppercase: bool,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let UuidArgs { uppercase } = binder.parse(args)?;
    let column = binder.column();
    let binary = TypeFamily::of(column) == Some(TypeFamily::Binary);
    if binary && *column != DataType::FixedSizeBinary(16) {
        let message = format!("`uuid` does not take {column}: a UUID has exactly 16 bytes");
        return Err(BindError::new("type", message));
    }
    if binary && uppercase {
        let message = format!("only text has letters; the column's type is {column}");
        return Err(BindError::new("uppercase", message));
    }
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: column.clone(),
        kernel: Uuids { uppercase },
    }))
}

#[derive(Debug)]
struct Uuids {
    uppercase: bool,
}

impl Generator for Uuids {
    fn lengths(&self) -> Option<Lengths> {
        Some(36..=36)
    }

    fn generate(&self, draws: &Draws<'_>, column: &DataType) -> Result<ArrayRef, MaskError> {
        if let DataType::FixedSizeBinary(width) = column {
            let mut uuids = FixedSizeBinaryBuilder::with_capacity(draws.len(), *width);
            for draw in draws.iter() {
                uuids
                    .append_value(version_4(draw))
                    .map_err(|_| MaskError::Internal("a UUID has 16 bytes"))?;
            }
            return Ok(Arc::new(uuids.finish()));
        }
        let case = match self.uppercase {
            true => Case::Upper,
            false => Case::Lower,
        };
        let mut uuids = StringViewBuilder::with_capacity(draws.len());
        for draw in draws.iter() {
            let text = hex::uuid(u128::from_be_bytes(version_4(draw)), case);
            uuids.append_value(std::str::from_utf8(&text).expect("hexadecimal is ASCII"));
        }
        Ok(Arc::new(uuids.finish()))
    }
}

/// The bits of a draw with version 4 and the variant of RFC 9562.
fn version_4(draw: Draw) -> [u8; 16] {
    let mut bytes = draw.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, FixedSizeBinaryArray, StringViewArray};
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, numbered};

    #[test]
    fn spelled_as_the_standard_says() {
        for (mask, pattern) in [
            (
                r#"{"type": "uuid"}"#,
                "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
            ),
            (
                r#"{"type": "uuid", "uppercase": true}"#,
                "^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$",
            ),
        ] {
            let pattern = regex::Regex::new(pattern).unwrap();
            let mut uuids = numbered(mask, 10_000);
            assert!(uuids.iter().all(|uuid| pattern.is_match(uuid)));
            uuids.sort();
            uuids.dedup();
            assert_eq!(uuids.len(), 10_000);
            assert!(mask_texts(mask, &[None])[0].is_some());
        }
    }

    #[test]
    fn free_bits_are_set_half_the_time() {
        let mut set = [0_u32; 128];
        for uuid in numbered(r#"{"type": "uuid"}"#, 10_000) {
            let bits = u128::from_str_radix(&uuid.replace('-', ""), 16).unwrap();
            for (bit, set) in set.iter_mut().enumerate() {
                *set += (bits >> bit & 1) as u32;
            }
        }
        let fixed = [62, 63, 76, 77, 78, 79];
        for (bit, count) in set.into_iter().enumerate() {
            match fixed.contains(&bit) {
                true => assert!(count == 0 || count == 10_000, "{bit} {count}"),
                // A standard deviation is 50.
                false => assert!(count.abs_diff(5_000) < 250, "{bit} {count}"),
            }
        }
    }

    #[test]
    fn bytes_of_the_same_uuid() {
        let values = FixedSizeBinaryArray::try_from_iter([[7_u8; 16]].into_iter()).unwrap();
        let masked = mask_array(r#"{"type": "uuid"}"#, Arc::new(values)).unwrap();
        let bytes = HEXLOWER.encode(masked.as_fixed_size_binary().value(0));
        // The canonical text of bytes is their hexadecimal, so both draw alike.
        let text = StringViewArray::from(vec!["07".repeat(16)]);
        let masked = mask_array(r#"{"type": "uuid"}"#, Arc::new(text)).unwrap();
        assert_eq!(masked.as_string_view().value(0).replace('-', ""), bytes);
        assert_eq!(masked.null_count(), 0);
    }

    #[test]
    fn columns_that_hold_no_uuid() {
        for (mask, column, path) in [
            (r#"{"type": "uuid"}"#, DataType::Binary, "[0].type"),
            (
                r#"{"type": "uuid"}"#,
                DataType::FixedSizeBinary(8),
                "[0].type",
            ),
            (
                r#"{"type": "uuid", "uppercase": true}"#,
                DataType::FixedSizeBinary(16),
                "[0].uppercase",
            ),
            (
                r#"{"type": "uuid", "version": 4}"#,
                DataType::Utf8,
                "[0].version",
            ),
        ] {
            assert_eq!(bind_error(mask, &column).path, path);
        }
    }
}
