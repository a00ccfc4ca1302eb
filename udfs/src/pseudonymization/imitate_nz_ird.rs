//! `imitate_nz_ird`: a New Zealand tax number becomes another valid one, and no two become the same.
//!
//! - Technique: pseudonymization by a keyed permutation (ISO/IEC 20889:2018) of the digits in front of the
//!   check digit; one whose number has no check digit is permuted again.
//! - Source: Inland Revenue, resident withholding tax specification, IRD number validation: numbers
//!   from 10,000,000 to 150,000,000, weights 3 2 7 6 5 4 3 2 and 7 4 3 2 5 2 7 6, modulus 11.
//! - Input: integers, decimals without a fraction, and text of eight or nine digits with any spaces,
//!   hyphens and points, which stay. The count of digits and a zero in front stay. Null stays null.
//!   A value that is no valid number: `on_invalid`.
//! - Decided by the value, the key and `seed`: no draw, no hash columns.

use std::fmt;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::permutation::Permutation;
use crate::rows::Rows;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "imitate_nz_ird",
    summary: "a New Zealand tax number becomes another valid one, and no two become the same",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<ImitateNzIrd>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("139682130"),
            masked: Some("110907702"),
        },
        Example {
            args: "{}",
            value: Some("046-289-420"),
            masked: Some("021-238-872"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImitateNzIrd {
    /// The kind of identifier, any text: columns with one seed agree on the image of a value, others
    /// do not (default: one for all columns without a seed). It stands in place of `domain`.
    seed: Option<String>,
    /// For a value that is no valid number: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    use DataType::*;
    let args: ImitateNzIrd = binder.parse(args)?;
    let column = binder.column().clone();
    let fits = match column {
        Int8 | UInt8 | Int16 | UInt16 => false,
        Decimal32(precision, scale)
        | Decimal64(precision, scale)
        | Decimal128(precision, scale)
        | Decimal256(precision, scale) => precision >= 9 && scale == 0,
        _ => true,
    };
    if !fits {
        let message = format!("`imitate_nz_ird` does not take {column}: nine digits have no room");
        return Err(BindError::new("type", message));
    }
    let key = binder.seeded_key(args.seed.as_deref())?;
    Ok(Box::new(TaxNumbers {
        eight: Permutation::new(&key, b"", NINE_DIGITS - EIGHT_DIGITS),
        nine: Permutation::new(&key, b"", END - NINE_DIGITS),
        on_invalid: args.on_invalid,
        column,
    }))
}

// Numbers without their check digit: the first of eight digits in all, the first of nine, and the end.
const EIGHT_DIGITS: u128 = 1_000_000;
const NINE_DIGITS: u128 = 10_000_000;
const END: u128 = 15_000_000;

struct TaxNumbers {
    eight: Permutation,
    nine: Permutation,
    on_invalid: OnInvalid,
    column: DataType,
}

impl fmt::Debug for TaxNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaxNumbers({:?})", self.on_invalid)
    }
}

impl Mask for TaxNumbers {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        typed(self.imitate(&plain_text(&values)?)?, &self.column)
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        self.on_invalid == OnInvalid::Fail
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

impl TaxNumbers {
    fn imitate(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut numbers = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            numbers.push(match value {
                None => None,
                Some(value) => match read(value) {
                    None => self.on_invalid.at(row, "a valid NZ IRD number")?,
                    number => number,
                },
            });
        }
        for (permutation, from, to) in [
            (&self.eight, EIGHT_DIGITS, NINE_DIGITS),
            (&self.nine, NINE_DIGITS, END),
        ] {
            permute(permutation, from as u64, to as u64, &mut numbers);
        }
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = Vec::new();
        for (row, number) in numbers.into_iter().enumerate() {
            let Some(mut rest) = number.and_then(|body| Some(body * 10 + check_digit(body)?))
            else {
                masked.append_null();
                continue;
            };
            debug_assert!(values.is_valid(row));
            text.clear();
            text.extend_from_slice(values.value(row).as_bytes());
            for byte in text.iter_mut().rev().filter(|byte| byte.is_ascii_digit()) {
                *byte = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            let text = std::str::from_utf8(&text);
            masked.append_value(text.expect("digits and separators are ASCII"));
        }
        Ok(masked.finish())
    }
}

/// Permutes those of `bodies` that are within `from..to` until each has a check digit.
fn permute(permutation: &Permutation, from: u64, to: u64, bodies: &mut [Option<u64>]) {
    let mut rows = Vec::new();
    let mut ranks = Vec::new();
    for (row, body) in bodies.iter().enumerate() {
        if let Some(body) = body.filter(|body| (from..to).contains(body)) {
            rows.push(row);
            ranks.push(body - from);
        }
    }
    while !rows.is_empty() {
        permutation.permute(&mut ranks);
        for (row, rank) in rows.iter().zip(&ranks) {
            bodies[*row] = Some(from + rank);
        }
        rows.retain(|row| bodies[*row].and_then(check_digit).is_none());
        ranks.retain(|rank| check_digit(from + rank).is_none());
    }
}

/// A valid number without its check digit.
fn read(text: &str) -> Option<u64> {
    let mut number = 0;
    let mut digits = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits < 9 => {
                number = number * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b' ' | b'-' | b'.' if digits > 0 => {}
            _ => return None,
        }
    }
    let body = number / 10;
    let in_range = (EIGHT_DIGITS..END).contains(&body.into());
    (digits >= 8 && in_range && check_digit(body) == Some(number % 10)).then_some(body)
}

/// The check digit of eight digits; `None` for those that are not used.
fn check_digit(body: u64) -> Option<u64> {
    const WEIGHTS: [[u64; 8]; 2] = [[3, 2, 7, 6, 5, 4, 3, 2], [7, 4, 3, 2, 5, 2, 7, 6]];
    WEIGHTS.iter().find_map(|weights| {
        let mut rest = body;
        let sum: u64 = weights
            .iter()
            .rev()
            .map(|weight| {
                let digit = rest % 10;
                rest /= 10;
                weight * digit
            })
            .sum();
        let check = (11 - sum % 11) % 11;
        (check < 10).then_some(check)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    const MASK: &str = r#"{"type": "imitate_nz_ird"}"#;

    const VALID: [&str; 10] = [
        "139682130",
        "133274944",
        "46289420",
        "132162816",
        "91040530",
        "63067768",
        "16489042",
        "82611894",
        "48652596",
        "30264134",
    ];

    #[test]
    fn valid_numbers_become_valid_numbers() {
        let values = VALID.map(Some);
        let masked: Vec<String> = mask_texts(MASK, &values).into_iter().flatten().collect();
        for (number, image) in VALID.iter().zip(&masked) {
            assert_eq!(number.len(), image.len(), "{number} {image}");
            assert_ne!(number, image);
            assert!(read(image).is_some() && !image.starts_with('0'), "{image}");
        }
        let spaced = mask_texts(MASK, &[Some("046 289-420"), None]);
        assert_eq!(
            spaced[0]
                .as_deref()
                .map(|text| text.replace([' ', '-'], "")),
            Some(format!("0{}", masked[2]))
        );
        assert_eq!(spaced[1], None);
        let numbers = VALID.map(|number| number.parse::<i32>().unwrap());
        let column = mask_array(MASK, Arc::new(Int32Array::from(numbers.to_vec()))).unwrap();
        let column = column.as_primitive::<Int32Type>().values();
        assert!(column.iter().map(i32::to_string).eq(masked));
    }

    #[test]
    fn no_two_meet() {
        let texts: Vec<String> = (1_000_000..1_020_000_u64)
            .chain(14_990_000..15_000_000)
            .filter_map(|body| Some((body * 10 + check_digit(body)?).to_string()))
            .collect();
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let mut masked: Vec<String> = mask_texts(MASK, &values).into_iter().flatten().collect();
        assert!(masked.iter().all(|image| read(image).is_some()));
        masked.sort();
        masked.dedup();
        assert_eq!(masked.len(), texts.len());
    }

    #[test]
    fn other_values() {
        for value in [
            "",
            "133274941",
            "46289421",
            "432162816",
            "91020530",
            "36067768",
            "61489042",
            "8261189",
            "4865259",
            "302641340",
            "1396821300",
            "-46289420",
            "46289420x",
            "４６289420",
            "09999999",
        ] {
            assert!(try_texts(MASK, &[Some(value)]).is_err(), "{value}");
            let suppress = r#"{"type": "imitate_nz_ird", "on_invalid": "suppress"}"#;
            assert_eq!(mask_texts(suppress, &[Some(value)]), [None], "{value}");
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            ("", DataType::Int16, "[0].type"),
            ("", DataType::Decimal128(8, 0), "[0].type"),
            ("", DataType::Float64, "[0].type"),
            (
                r#", "seed": "a", "domain": "a""#,
                DataType::Utf8,
                "[0].seed",
            ),
            (r#", "seed": 1"#, DataType::Utf8, "[0].seed"),
        ] {
            let mask = format!(r#"{{"type": "imitate_nz_ird"{args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
