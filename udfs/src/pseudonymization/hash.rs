//! `hash`: a value becomes a token that only the key could have made.
//!
//! - Technique: pseudonymization by a keyed function (ISO/IEC 20889:2018, deterministic encryption's
//!   one-way kin); the bits are those of a draw, taken from the value's canonical text alone.
//! - Sources of the forms: RFC 4648 (hex in lower case, base32 in upper case, no padding), RFC 9562
//!   (UUID version 8).
//! - Input: text, and for `form: integer` integers and decimals without a fraction. Null stays null.
//! - Equal values become equal tokens, from every column type, table and file under one key.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::{canonical_text, plain_text};
use crate::draw::{Draw, Draws};
use crate::hex::{self, Case};
use crate::key::MaskKey;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::messages::Messages;
use crate::restore::restore;
use crate::rows::Rows;
use crate::spelling::{BASE32, HEX, Spelling};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "hash",
    summary: "a value becomes a token that only the key could have made",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<HashArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: "{}",
            value: Some("alice@example.com"),
            masked: Some("4e021f07920bb2d9f74b7445fb96d199"),
        },
        Example {
            args: r#"{"form": "base32", "length": 20}"#,
            value: Some("alice@example.com"),
            masked: Some("5QQQQK7OAYR2NCGZF5R6"),
        },
        Example {
            args: r#"{"form": "uuid"}"#,
            value: Some("alice@example.com"),
            masked: Some("dd660ba5-a898-87eb-8452-d5bbeaafd576"),
        },
        Example {
            args: r#"{"form": "integer", "length": 9}"#,
            value: Some("4711"),
            masked: Some("87054831"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HashArgs {
    /// How the token is spelled: `hex` (default), `base32`, `uuid` or `integer`. A column of numbers
    /// takes `integer` only.
    form: Form,
    /// Characters of the token: `hex` 1 to 64 (default 32), `base32` 1 to 52 (default 26). For
    /// `integer` the most decimal digits, 1 to 18 (default: as many as the column surely holds). A
    /// `uuid` has no length to choose. Tokens of different values may meet where they have fewer than 24
    /// (`hex`) or 20 (`base32`) characters, or are integers.
    length: Option<usize>,
}

/// The spelling of a token.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// `0` to `9`, `a` to `f`.
    #[default]
    Hex,
    /// `A` to `Z`, `2` to `7`.
    Base32,
    /// A UUID of version 8.
    Uuid,
    /// A number from 0, below 10 to the power of `length`.
    Integer,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let HashArgs { form, length } = binder.parse(args)?;
    let column = binder.column();
    let (longest, default) = match form {
        Form::Hex => (64, 32),
        Form::Base32 => (52, 26),
        Form::Uuid => (36, 36),
        Form::Integer => (safe_digits(column)?, safe_digits(column)?),
    };
    if form != Form::Integer && TypeFamily::of(column) != Some(TypeFamily::Text) {
        let message = format!("a column of type {column} holds numbers: write `form: integer`");
        return Err(BindError::new("form", message));
    }
    match length {
        Some(_) if form == Form::Uuid => {
            return Err(BindError::new("length", "a `uuid` has no length to choose"));
        }
        Some(length) if !(1..=longest).contains(&length) => {
            let message = format!("`length` has to be from 1 to {longest} here");
            return Err(BindError::new("length", message));
        }
        _ => {}
    }
    let length = length.unwrap_or(default);
    Ok(Box::new(Hash {
        key: binder.key(),
        form,
        length,
        column: column.clone(),
    }))
}

/// How many decimal digits every number of may have to fit the column.
fn safe_digits(column: &DataType) -> Result<usize, BindError> {
    use DataType::*;
    Ok(match column {
        Int8 | UInt8 => 2,
        Int16 | UInt16 => 4,
        Int32 | UInt32 => 9,
        Decimal32(precision, 0)
        | Decimal64(precision, 0)
        | Decimal128(precision, 0)
        | Decimal256(precision, 0) => usize::from(*precision).min(18),
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => {
            let message = format!("`hash` does not take {column}: its numbers have a scale");
            return Err(BindError::new("type", message));
        }
        _ => 18,
    })
}

#[derive(Debug)]
struct Hash {
    key: MaskKey,
    form: Form,
    length: usize,
    column: DataType,
}

impl Mask for Hash {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = canonical_text(&values)?;
        let messages = Messages::of(std::slice::from_ref(&values), values.len());
        let draws = Draws::new(&self.key, &messages);
        match self.form {
            Form::Hex => Ok(Arc::new(self.encoded(&values, &draws, &HEX))),
            Form::Base32 => Ok(Arc::new(self.encoded(&values, &draws, &BASE32))),
            Form::Uuid => Ok(Arc::new(uuids(&values, &draws))),
            Form::Integer => self.integers(&values, &draws),
        }
    }

    fn lengths(&self, _: Option<usize>) -> Option<Lengths> {
        match self.form {
            Form::Hex | Form::Base32 => Some(self.length..=self.length),
            Form::Uuid => Some(36..=36),
            Form::Integer => None,
        }
    }

    fn by_value(&self) -> bool {
        true
    }

    /// From 96 bits on: a billion values meet with a chance of 2^-37, a hundred million of 2^-43.
    fn keeps_distinct(&self) -> bool {
        match self.form {
            Form::Hex => self.length >= 24,
            Form::Base32 => self.length >= 20,
            Form::Uuid => true,
            Form::Integer => false,
        }
    }
}

impl Hash {
    /// The first `length` characters of the spelling of 16 bytes, or of 32 where those are too few.
    fn encoded<const PAIRS: usize>(
        &self,
        of: &StringViewArray,
        draws: &Draws<'_>,
        spelling: &Spelling<PAIRS>,
    ) -> StringViewArray {
        let blocks = match self.length <= Spelling::<PAIRS>::length(16) {
            true => 1,
            false => 2,
        };
        let bits = draws.expand(|_| blocks);
        let mut text = Vec::new();
        let mut tokens = StringViewBuilder::with_capacity(of.len());
        for (row, bits) in bits.chunks_exact(blocks).enumerate() {
            if of.is_null(row) {
                tokens.append_null();
                continue;
            }
            text.clear();
            spelling.push(bits.as_flattened(), &mut text);
            tokens.append_value(ascii(&text[..self.length]));
        }
        tokens.finish()
    }

    /// Multiplying a fraction of 128 bits keeps every number as likely as any other within 2^-68.
    fn integers(&self, of: &StringViewArray, draws: &Draws<'_>) -> Result<ArrayRef, MaskError> {
        let bound = 10_u128.pow(u32::try_from(self.length).expect("at most 18 digits"));
        let below = |draw: Draw| {
            let (high, low) = (draw.bits() >> 64, draw.bits() & u128::from(u64::MAX));
            ((high * bound + ((low * bound) >> 64)) >> 64) as i64
        };
        let numbers = draws.iter().map(below).collect::<Vec<i64>>();
        let numbers: ArrayRef = Arc::new(Int64Array::new(numbers.into(), of.nulls().cloned()));
        match TypeFamily::of(&self.column) {
            Some(TypeFamily::Text) => Ok(Arc::new(plain_text(&numbers)?)),
            _ => restore(numbers, &self.column),
        }
    }
}

/// The bits of a UUID that tell version and variant, and what they are for version 8 of RFC 9562.
const FIXED: u128 = 0xf000_c000_0000_0000_0000;
const VERSION_8: u128 = 0x8000_8000_0000_0000_0000;

/// The draws as UUIDs: version 8 and the variant of RFC 9562, all other bits as they are.
fn uuids(of: &StringViewArray, draws: &Draws<'_>) -> StringViewArray {
    let mut tokens = StringViewBuilder::with_capacity(of.len());
    for (row, draw) in draws.iter().enumerate() {
        if of.is_null(row) {
            tokens.append_null();
            continue;
        }
        let bits = draw.bits() & !FIXED | VERSION_8;
        let text = hex::uuid(bits, Case::Lower);
        tokens.append_value(ascii(&text));
    }
    tokens.finish()
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("the spellings of tokens are ASCII")
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Decimal128Array, Int8Array, Int32Array};
    use arrow::datatypes::{Decimal128Type, Int8Type, Int32Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    fn hash(args: &str, value: &str) -> String {
        let masked = mask_texts(
            &format!(r#"{{"type": "hash"{args}}}"#),
            &[Some(value), None],
        );
        assert_eq!(masked[1], None);
        masked[0].clone().unwrap()
    }

    #[test]
    fn lengths_and_alphabets() {
        let hex = "0123456789abcdef";
        let base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        for (args, length, alphabet) in [
            ("", 32, hex),
            (r#", "length": 1"#, 1, hex),
            (r#", "length": 64"#, 64, hex),
            (r#", "form": "base32""#, 26, base32),
            (r#", "form": "base32", "length": 52"#, 52, base32),
            (r#", "form": "base32", "length": 3"#, 3, base32),
        ] {
            let token = hash(args, "a");
            assert_eq!(token.len(), length, "{args}");
            assert!(token.chars().all(|char| alphabet.contains(char)), "{args}");
            assert_ne!(token, hash(args, "b"), "{args}");
        }
    }

    #[test]
    fn uuids_have_version_and_variant() {
        for value in ["a", "b", "c", "d"] {
            let uuid = hash(r#", "form": "uuid""#, value);
            let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12]);
            assert_eq!(&uuid[14..15], "8");
            assert!("89ab".contains(&uuid[19..20]));
        }
    }

    #[test]
    fn equal_values_become_equal_tokens_from_every_type() {
        let mask = r#"{"type": "hash", "form": "integer", "length": 9, "domain": "id"}"#;
        let from_text = mask_texts(mask, &[Some("42")])[0].clone().unwrap();
        let int: ArrayRef = Arc::new(Int32Array::from(vec![Some(42), None]));
        let masked = mask_array(mask, int).unwrap();
        assert_eq!(
            masked.as_primitive::<Int32Type>().value(0).to_string(),
            from_text
        );
        assert!(masked.is_null(1));
        let decimal = Decimal128Array::from(vec![42])
            .with_precision_and_scale(12, 0)
            .unwrap();
        let masked = mask_array(mask, Arc::new(decimal)).unwrap();
        assert_eq!(
            masked.as_primitive::<Decimal128Type>().value(0).to_string(),
            from_text
        );
    }

    #[test]
    fn numbers_fit_their_column() {
        let small: ArrayRef = Arc::new(Int8Array::from_iter_values(-128..=127));
        let masked = mask_array(r#"{"type": "hash", "form": "integer"}"#, small).unwrap();
        let masked = masked.as_primitive::<Int8Type>().values().to_vec();
        assert!(masked.iter().all(|number| (0..100).contains(number)));
        assert!(
            masked.iter().any(|number| *number > 90) && masked.iter().any(|number| *number < 10)
        );
    }

    #[test]
    fn bad_arguments() {
        use DataType::*;
        for (args, column, path) in [
            (r#", "length": 0"#, Utf8, "[0].length"),
            (r#", "length": 65"#, Utf8, "[0].length"),
            (r#", "form": "base32", "length": 53"#, Utf8, "[0].length"),
            (r#", "form": "uuid", "length": 36"#, Utf8, "[0].length"),
            (r#", "form": "integer", "length": 10"#, Int32, "[0].length"),
            (r#", "form": "base64""#, Utf8, "[0].form"),
            ("", Int64, "[0].form"),
            (r#", "form": "integer""#, Decimal128(9, 2), "[0].type"),
            ("", Date32, "[0].type"),
        ] {
            let error = bind_error(&format!(r#"{{"type": "hash"{args}}}"#), &column);
            assert_eq!(error.path, path, "{args}");
        }
    }
}
