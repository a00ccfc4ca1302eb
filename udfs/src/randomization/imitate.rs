//! `imitate`: each letter and digit becomes a random one of its own set.
//!
//! - Technique: randomization (ISO/IEC 20889:2018) that keeps the format.
//! - Input: text, integers, decimals. Output: as many characters, each `A`-`Z`, `a`-`z` and `0`-`9`
//!   replaced by one of its own set. All other characters stay, letters beyond ASCII too. Null stays
//!   null.
//! - Numbers keep their sign, their digits' number and a non-zero first digit; the first digits of a
//!   number as long as the type's longest are drawn from those that surely fit.
//! - Value and draw decide. Eight characters are taken from 64 bits of a draw: each is as likely as
//!   the others of its set within 26^8 / 2^64 < 2^-26.

use std::fmt;

use arrow::array::{Array, StringViewArray};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByBoth, Example, Family, Imitation, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::words::{Set, Words};
use crate::texts::Texts;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "imitate",
    summary: "each letter and digit becomes a random one of its own set",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<Imitate>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: "{}",
            value: Some("NZ-0042 Zoë"),
            masked: Some("GS-7708 Uië"),
        },
        Example {
            args: r#"{"force_change": true, "uppercase": false}"#,
            value: Some("AB12-cd34"),
            masked: Some("AB43-da75"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Imitate {
    /// Whether a replaced character always differs from the one it replaces (default false).
    force_change: bool,
    /// Whether `A` to `Z` are replaced (default true).
    uppercase: bool,
    /// Whether `a` to `z` are replaced (default true).
    lowercase: bool,
    /// Whether `0` to `9` are replaced (default true).
    digits: bool,
}

impl Default for Imitate {
    fn default() -> Self {
        Self {
            force_change: false,
            uppercase: true,
            lowercase: true,
            digits: true,
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: Imitate = binder.parse(args)?;
    let number = Limits::of(binder.column())?;
    if number.is_some() && !args.digits {
        return Err(BindError::new(
            "digits",
            "a column of numbers has only digits to replace",
        ));
    }
    if !(args.uppercase || args.lowercase || args.digits) {
        return Err(BindError::new(
            "",
            "nothing would be replaced; `do_nothing` keeps a value",
        ));
    }
    let mut sets = std::array::from_fn(|byte| Set::kept(byte as u8));
    for (wanted, first, size) in [
        (args.uppercase, b'A', 26),
        (args.lowercase, b'a', 26),
        (args.digits, b'0', 10),
    ] {
        if wanted {
            sets[usize::from(first)..][..usize::from(size)].fill(Set { first, size });
        }
    }
    let kernel = Imitator {
        sets,
        force_change: args.force_change,
        number,
    };
    Ok(Box::new(ByBoth {
        key: binder.key(),
        kernel,
    }))
}

impl Set {
    /// Of a character that stays: itself alone.
    fn kept(byte: u8) -> Self {
        Self {
            first: byte,
            size: 1,
        }
    }

    fn digits(first: u8, last: u8) -> Self {
        Self {
            first: b'0' + first,
            size: last - first + 1,
        }
    }

    /// One of the set, with `force_change` another than `old`.
    fn pick(self, old: u8, force_change: bool, words: &mut Words<'_>) -> u8 {
        let place = old.wrapping_sub(self.first);
        if force_change && place < self.size && self.size > 1 {
            let pick = words.pick(self.size - 1);
            return self.first + pick + u8::from(pick >= place);
        }
        self.first + words.pick(self.size)
    }
}

/// What the longest numbers of a column may begin with, so that whatever follows fits the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// How many digits before the point the longest have.
    digits: usize,
    /// Their greatest first digit.
    first: u8,
    /// Their greatest second digit after the greatest first one.
    second: u8,
}

impl Limits {
    /// `None` for text.
    fn of(column: &DataType) -> Result<Option<Self>, BindError> {
        use DataType::*;
        let below = |max: u64| {
            let max = max.to_string().into_bytes();
            let [first, second] = [max[0] - b'0', max[1] - b'0'];
            // 2147483647: 1 and anything; 127: 1, then at most 1, then anything.
            match first {
                1 => Self {
                    digits: max.len(),
                    first: 1,
                    second: second - 1,
                },
                _ => Self {
                    digits: max.len(),
                    first: first - 1,
                    second: 9,
                },
            }
        };
        Ok(Some(match column {
            Int8 => below(i8::MAX as u64),
            Int16 => below(i16::MAX as u64),
            Int32 => below(i32::MAX as u64),
            Int64 => below(i64::MAX as u64),
            UInt8 => below(u8::MAX.into()),
            UInt16 => below(u16::MAX.into()),
            UInt32 => below(u32::MAX.into()),
            UInt64 => below(u64::MAX),
            Decimal32(precision, scale)
            | Decimal64(precision, scale)
            | Decimal128(precision, scale)
            | Decimal256(precision, scale) => {
                let Ok(scale) = u8::try_from(*scale) else {
                    let message =
                        format!("`imitate` does not take {column}: its scale is negative");
                    return Err(BindError::new("type", message));
                };
                match precision.saturating_sub(scale) {
                    // 0.25 of decimal(2, 2): the zero before the point has to stay.
                    0 => Self {
                        digits: 1,
                        first: 0,
                        second: 9,
                    },
                    whole => Self {
                        digits: whole.into(),
                        first: 9,
                        second: 9,
                    },
                }
            }
            _ => return Ok(None),
        }))
    }

    /// The sets of the first two digits of `number`, and where it begins after its sign.
    fn sets(self, number: &[u8]) -> (usize, [Set; 2]) {
        let start = usize::from(number.first() == Some(&b'-'));
        let whole = number[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let longest = whole >= self.digits;
        let zero = number.get(start) == Some(&b'0');
        let least = u8::from(whole > 1 || start == 1 && !zero);
        let greatest = if longest { self.first } else { 9 };
        let second = if longest { self.second } else { 9 };
        (
            start,
            [Set::digits(least, greatest), Set::digits(0, second)],
        )
    }
}

/// The kernel.
struct Imitator {
    /// The set of each byte.
    sets: [Set; 256],
    force_change: bool,
    /// For a column of numbers.
    number: Option<Limits>,
}

impl fmt::Debug for Imitator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Imitator(force_change: {}, number: {:?})",
            self.force_change, self.number
        )
    }
}

impl Imitation for Imitator {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn imitate(
        &self,
        draws: &Draws<'_>,
        values: &StringViewArray,
    ) -> Result<StringViewArray, MaskError> {
        let blocks_of = |row: usize| match values.is_valid(row) {
            true => values.value(row).len().div_ceil(16),
            false => 0,
        };
        let blocks = draws.expand(blocks_of);
        let mut blocks = blocks.as_slice();
        let mut imitated = Texts::with_capacity(values.len());
        for value in values {
            let Some(value) = value else {
                imitated.null();
                continue;
            };
            let (own, rest) = blocks.split_at(value.len().div_ceil(16));
            blocks = rest;
            self.push(value.as_bytes(), Words::of(own), imitated.bytes());
            imitated.end();
        }
        imitated.finish()
    }
}

impl Imitator {
    /// Appends what takes the place of `value` to `text`.
    fn push(&self, value: &[u8], mut words: Words<'_>, text: &mut Vec<u8>) {
        let mut left = value;
        if let Some(limits) = self.number {
            let (start, sets) = limits.sets(value);
            text.extend_from_slice(&value[..start]);
            left = &value[start..];
            for set in sets {
                let Some((digit, rest)) = left.split_first().filter(|(d, _)| d.is_ascii_digit())
                else {
                    break;
                };
                text.push(set.pick(*digit, self.force_change, &mut words));
                left = rest;
            }
        }
        // A loop for each way: the usual one takes a fifth less without the question.
        if self.force_change {
            text.extend(left.iter().map(|byte| {
                let set = self.sets[usize::from(*byte)];
                match set.size {
                    1 => *byte,
                    _ => set.pick(*byte, true, &mut words),
                }
            }));
            return;
        }
        let start = text.len();
        text.extend_from_slice(left);
        words.replace(&mut text[start..], &self.sets);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{Decimal128Type, Int8Type, Int32Type, UInt64Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    /// `A`, `a` and `0` for the sets, any other character for itself.
    fn shape(text: &str) -> String {
        let class = |char: char| match char {
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            '0'..='9' => '0',
            other => other,
        };
        text.chars().map(class).collect()
    }

    #[test]
    fn the_shape_stays() {
        let long =
            "The quick brown fox, 42 years old, jumps over 1,000,000 lazy dogs. ÄÖÜ ".repeat(4);
        for text in [
            "",
            "a",
            "NZ-0042",
            "zoë ŻÓŁW 中",
            "0123456789abcdef",
            "0123456789abcdefg",
            &long,
        ] {
            let masked = mask_texts(r#"{"type": "imitate"}"#, &[Some(text)])[0]
                .clone()
                .unwrap();
            assert_eq!(shape(&masked), shape(text), "{text}");
            assert!(text.len() < 3 || masked != text, "{text}");
        }
        assert_eq!(mask_texts(r#"{"type": "imitate"}"#, &[None]), [None]);
    }

    #[test]
    fn only_the_chosen_sets() {
        for (args, kept) in [
            (r#""uppercase": false"#, "AAAAAA------"),
            (r#""lowercase": false"#, "aaaaaa------"),
            (r#""digits": false"#, "000000------"),
        ] {
            let mask = format!(r#"{{"type": "imitate", {args}, "force_change": true}}"#);
            let masked = mask_texts(&mask, &[Some("AAAAAAaaaaaa000000------")])[0]
                .clone()
                .unwrap();
            let stayed: String = masked.chars().filter(|char| kept.contains(*char)).collect();
            assert_eq!(stayed, kept, "{masked}");
        }
    }

    #[test]
    fn every_character_changes_where_asked() {
        let texts: Vec<String> = (0..500).map(|n| format!("AZaz09{n}")).collect();
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let masked = mask_texts(r#"{"type": "imitate", "force_change": true}"#, &values);
        for (before, after) in texts.iter().zip(masked) {
            let after = after.unwrap();
            assert_eq!(shape(before), shape(&after));
            assert!(
                before.chars().zip(after.chars()).all(|(a, b)| a != b),
                "{before} {after}"
            );
        }
    }

    #[test]
    fn all_of_a_set_come_up_alike() {
        let texts: Vec<String> = (0..2600).map(|n| format!("a{n}")).collect();
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let mut counts = [0; 26];
        for masked in mask_texts(r#"{"type": "imitate"}"#, &values) {
            counts[usize::from(masked.unwrap().as_bytes()[0] - b'a')] += 1;
        }
        assert!(
            counts.iter().all(|count| (60..150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn numbers_stay_in_their_type_with_sign_and_length() {
        let digits = |n: i128| n.unsigned_abs().to_string().len();
        for force in ["false", "true"] {
            let mask = format!(r#"{{"type": "imitate", "force_change": {force}}}"#);
            let all: Vec<i8> = (-128..=127).collect();
            let masked = mask_array(&mask, Arc::new(Int8Array::from(all.clone()))).unwrap();
            for (n, m) in all.iter().zip(masked.as_primitive::<Int8Type>().values()) {
                assert_eq!(digits((*n).into()), digits((*m).into()), "{n} {m}");
                assert!((*n < 0) == (*m < 0), "{n} {m}");
            }
            let great: Vec<u64> = (0..1000).map(|n| u64::MAX - n).collect();
            let masked = mask_array(&mask, Arc::new(UInt64Array::from(great))).unwrap();
            assert!(
                masked
                    .as_primitive::<UInt64Type>()
                    .values()
                    .iter()
                    .all(|n| n.to_string().len() == 20)
            );
            let great: Vec<i32> = (0..1000).map(|n| i32::MIN + n).collect();
            let masked = mask_array(&mask, Arc::new(Int32Array::from(great))).unwrap();
            assert!(
                masked
                    .as_primitive::<Int32Type>()
                    .values()
                    .iter()
                    .all(|n| *n <= -1_000_000_000)
            );
        }
    }

    #[test]
    fn decimals_stay_in_their_precision() {
        for (precision, scale, values) in [
            (4, 2, vec![1234, -9999, 5, 0, 100]),
            (2, 2, vec![25, -99, 0]),
            (3, 0, vec![999, -1, 0]),
        ] {
            let column = Decimal128Array::from(values)
                .with_precision_and_scale(precision, scale)
                .unwrap();
            let masked = mask_array(r#"{"type": "imitate"}"#, Arc::new(column)).unwrap();
            let bound = 10_i128.pow(precision.into());
            let masked = masked.as_primitive::<Decimal128Type>().values();
            assert!(
                masked.iter().all(|n| n.abs() < bound),
                "{precision} {scale}"
            );
        }
    }

    #[test]
    fn limits_of_types() {
        let limits = |digits, first, second| {
            Some(Limits {
                digits,
                first,
                second,
            })
        };
        for (column, expected) in [
            (DataType::Utf8, None),
            (DataType::Int8, limits(3, 1, 1)),
            (DataType::UInt8, limits(3, 1, 9)),
            (DataType::Int16, limits(5, 2, 9)),
            (DataType::Int32, limits(10, 1, 9)),
            (DataType::Int64, limits(19, 8, 9)),
            (DataType::UInt64, limits(20, 1, 7)),
            (DataType::Decimal128(12, 2), limits(10, 9, 9)),
            (DataType::Decimal128(2, 2), limits(1, 0, 9)),
        ] {
            assert_eq!(Limits::of(&column).unwrap(), expected, "{column}");
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""digits": false"#, DataType::Int64, "[0].digits"),
            (
                r#""digits": false, "uppercase": false, "lowercase": false"#,
                DataType::Utf8,
                "[0]",
            ),
            (r#""digits": 1"#, DataType::Utf8, "[0].digits"),
            (r#""force_change": true"#, DataType::Date32, "[0].type"),
            (
                r#""force_change": true"#,
                DataType::Decimal128(5, -2),
                "[0].type",
            ),
        ] {
            let error = bind_error(&format!(r#"{{"type": "imitate", {args}}}"#), &column);
            assert_eq!(error.path, path, "{args}");
        }
    }
}
