//! `credit_card`: a card number becomes another one, or keeps its ends only.
//!
//! - Technique: randomization (ISO/IEC 20889:2018); with `pan_format` alone suppression.
//! - Source: ISO/IEC 7812-1 for lengths and the check digit; the networks' published ranges; PCI DSS
//!   4.0, 3.4.1, for the first six and last four digits that may be shown.
//! - Input: text, integers, decimals. A card number has 12 to 19 digits; spaces and hyphens between
//!   them stay, and so does its length.
//! - With `generate_card_number` null, empty text and values that are no card number become one of 16
//!   digits (`skip` keeps null), unless a prefix is to be retained. Without it null stays null.
//! - A value that is no card number where one is needed is `on_invalid`.
//! - The draw decides the digits, the value the form, and the prefix where it is retained.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::check_digit::{luhn, place};
use crate::draw::Draws;
use crate::identifiers::{Fraction, Number, push_like};
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::rows::Rows;
use crate::texts::Texts;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "credit_card",
    summary: "a card number becomes another valid one, or keeps its ends only",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<CreditCard>,
    bind,
    null: OfBlank::Depends,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"retain_prefix_length": "automatic"}"#,
            value: Some("4111 1111 1111 1111"),
            masked: Some("4673 0159 9280 3987"),
        },
        Example {
            args: r#"{"generate_card_number": false, "pan_format": true}"#,
            value: Some("4012-8888-8888-1881"),
            masked: Some("4012-88##-####-1881"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CreditCard {
    /// Whether a new number is made (default true).
    generate_card_number: bool,
    /// Whether only the first six and the last four digits are shown, of the new number where one is
    /// made (default false).
    pan_format: bool,
    /// The character that covers the digits between; exactly one, and none that stands between digits
    /// (default `#`).
    pan_character: String,
    /// Whether a new number has a right check digit (default: true unless `pan_format` is).
    generate_luhn: Option<bool>,
    /// How many digits at the beginning of the value stay in a new number: 0 to 8, or `automatic` for
    /// those that name the card's network. Default: none, the new number is of any network that has
    /// numbers of this length.
    retain_prefix_length: Option<Prefix>,
    /// For a value that is no card number: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// What stays at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number of digits, 0 to 8, or `automatic`"
)]
enum Prefix {
    /// So many digits.
    Digits(usize),
    /// The network's.
    Named(Automatic),
}

/// The word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Automatic {
    /// The network's own digits.
    Automatic,
}

impl Default for CreditCard {
    fn default() -> Self {
        Self {
            generate_card_number: true,
            pan_format: false,
            pan_character: "#".into(),
            generate_luhn: None,
            retain_prefix_length: None,
            on_invalid: OnInvalid::Fail,
        }
    }
}

/// What may stand between the digits.
const SEPARATORS: &str = " -";
/// Lengths of card numbers (ISO/IEC 7812-1, and 12 for Maestro).
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=19;
/// The form of a number that has none to follow.
const USUAL: &str = "0000000000000000";
/// The longest issuer's number (ISO/IEC 7812-1:2017).
const LONGEST_PREFIX: usize = 8;

/// First digits of a network, from the first to the last, its lengths, and how often it is drawn.
type Range = (u64, u64, &'static [usize], u64);

/// The networks' ranges as they publish them; weights are rough shares of cards in use.
const RANGES: &[Range] = &[
    (4, 4, &[13, 16, 19], 40),                          // Visa
    (51, 55, &[16], 25),                                // Mastercard
    (2221, 2720, &[16], 5),                             // Mastercard since 2017
    (62, 62, &[16, 17, 18, 19], 15),                    // UnionPay
    (34, 34, &[15], 3),                                 // American Express
    (37, 37, &[15], 3),                                 // American Express
    (6011, 6011, &[16, 19], 2),                         // Discover
    (644, 649, &[16, 19], 1),                           // Discover
    (65, 65, &[16, 19], 2),                             // Discover
    (3528, 3589, &[16, 17, 18, 19], 2),                 // JCB
    (300, 305, &[14], 1),                               // Diners Club
    (36, 36, &[14], 1),                                 // Diners Club
    (38, 39, &[14], 1),                                 // Diners Club
    (5018, 5018, &[12, 13, 14, 15, 16, 17, 18, 19], 1), // Maestro
    (6304, 6304, &[12, 13, 14, 15, 16, 17, 18, 19], 1), // Maestro
    (6759, 6763, &[12, 13, 14, 15, 16, 17, 18, 19], 1), // Maestro
];

/// How many digits a number has.
fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The digits at the beginning of a card number that name its network, one where none is known.
fn network_digits(number: &[u8]) -> usize {
    let begins = |&&(first, last, ..): &&Range| {
        let start = number.iter().take(digits(first));
        let start = start.fold(0, |start, digit| start * 10 + u64::from(digit - b'0'));
        (first..=last).contains(&start)
    };
    let found = RANGES.iter().find(begins);
    found.map_or(1, |(first, ..)| digits(*first))
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: CreditCard = binder.parse(args)?;
    if !args.generate_card_number && !args.pan_format {
        return Err(BindError::new(
            "generate_card_number",
            "nothing would be masked: set `generate_card_number` or `pan_format` to true",
        ));
    }
    let numbers = TypeFamily::of(binder.column()) != Some(TypeFamily::Text);
    if numbers && args.pan_format {
        return Err(BindError::new(
            "pan_format",
            "the column holds numbers, which cannot be covered by characters: leave it out",
        ));
    }
    let mut chars = args.pan_character.chars();
    let (Some(cover), None) = (chars.next(), chars.next()) else {
        return Err(BindError::new(
            "pan_character",
            "`pan_character` has to be one character",
        ));
    };
    if let Some(Prefix::Digits(digits)) = args.retain_prefix_length
        && digits > LONGEST_PREFIX
    {
        let message = "`retain_prefix_length` has to be from 0 to 8, or `automatic`";
        return Err(BindError::new("retain_prefix_length", message));
    }
    if !args.generate_card_number && args.retain_prefix_length.is_some() {
        return Err(BindError::new(
            "retain_prefix_length",
            "it is about new numbers, and `generate_card_number` is false",
        ));
    }
    Ok(Box::new(Cards {
        key: binder.key(),
        prefix: args.retain_prefix_length,
        luhn: args.generate_luhn.unwrap_or(!args.pan_format),
        cover: args.pan_format.then_some(cover),
        generates: args.generate_card_number,
        on_invalid: args.on_invalid,
        ranges: LENGTHS
            .map(|length| {
                let fit = RANGES
                    .iter()
                    .filter(|(_, _, lengths, _)| lengths.contains(&length));
                let fit: Vec<Range> = fit.copied().collect();
                (fit.iter().map(|range| range.3).sum(), fit)
            })
            .collect(),
        numbers,
    }))
}

#[derive(Debug)]
struct Cards {
    key: MaskKey,
    prefix: Option<Prefix>,
    luhn: bool,
    /// The character that covers the middle.
    cover: Option<char>,
    generates: bool,
    on_invalid: OnInvalid,
    /// For each length from 12 on the sum of weights and the ranges that have it.
    ranges: Vec<(u64, Vec<Range>)>,
    numbers: bool,
}

impl Cards {
    fn read(&self, value: &str) -> Option<Number> {
        let number = Number::read(value, if self.numbers { "" } else { SEPARATORS })?;
        let digits = number.places().iter().all(u8::is_ascii_digit);
        (digits && LENGTHS.contains(&number.places().len())).then_some(number)
    }

    /// Draws the digits behind those that stay.
    fn renew(&self, number: &mut Number, mut bits: Fraction) {
        let length = number.places().len();
        let places = number.places_mut();
        let mut done = match self.prefix {
            Some(Prefix::Digits(digits)) => digits,
            Some(Prefix::Named(Automatic::Automatic)) => network_digits(places),
            None => 0,
        };
        if self.prefix.is_none()
            && let Some((weights, ranges)) = self.ranges.get(length - LENGTHS.start())
        {
            let mut pick = bits.pick(*weights);
            let range = ranges.iter().find(|range| match pick.checked_sub(range.3) {
                None => true,
                Some(less) => {
                    pick = less;
                    false
                }
            });
            if let Some((first, last, ..)) = range {
                let mut start = first + bits.pick(last - first + 1);
                done = digits(*first);
                for place in places[..done].iter_mut().rev() {
                    *place = b'0' + (start % 10) as u8;
                    start /= 10;
                }
            }
        }
        // A number of a column of numbers may not lose its length.
        if let (0, Some(first)) = (done, places.first_mut()) {
            *first = b'1' + bits.pick(9) as u8;
            done = 1;
        }
        bits.fill(places.get_mut(done..).unwrap_or_default());
        if self.luhn
            && let Some((check, body)) = places.split_last_mut()
        {
            *check = place(luhn(body));
        }
    }

    /// Appends the number in the form of `like`, its middle covered.
    fn write(&self, number: &Number, like: &str, text: &mut Vec<u8>) {
        let start = text.len();
        push_like(number, like, SEPARATORS, text);
        let Some(cover) = self.cover else {
            return;
        };
        let written = text.split_off(start);
        let shown = number.places().len() - 4;
        let mut at = 0;
        for byte in written {
            let digit = byte.is_ascii_digit();
            match digit && (6..shown).contains(&at) {
                true => text.extend_from_slice(cover.encode_utf8(&mut [0; 4]).as_bytes()),
                false => text.push(byte),
            }
            at += usize::from(digit);
        }
    }

    fn masked(
        &self,
        values: &StringViewArray,
        draws: Option<&Draws<'_>>,
    ) -> Result<StringViewArray, MaskError> {
        let mut masked = Texts::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            if value.is_none() && draws.is_none() {
                masked.null();
                continue;
            }
            let read = value.and_then(|value| Some((self.read(value)?, value)));
            let invents = draws.is_some() && (self.prefix.is_none() || value.is_none());
            let found = match read {
                None if invents => Some((Number::zeros(USUAL.len()), USUAL)),
                None => self
                    .on_invalid
                    .at(row, "a card number of 12 to 19 digits")?,
                read => read,
            };
            let Some((mut number, like)) = found else {
                masked.null();
                continue;
            };
            if let Some(draws) = draws {
                self.renew(&mut number, draws.get(row).into());
            }
            self.write(&number, like, masked.bytes());
            masked.end();
        }
        masked.finish()
    }
}

impl Mask for Cards {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before_or(input, USUAL.len())
    }

    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let draws = self.generates.then(|| rows.draws(&self.key));
        Ok(Arc::new(self.masked(&values, draws.as_ref())?))
    }

    fn by_value(&self) -> bool {
        !self.generates
    }

    fn draws(&self) -> bool {
        self.generates
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Int64Type};
    use serde_json::Value;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "credit_card"{args}}}"#)
    }

    fn masked(args: &str, value: &str) -> String {
        mask_texts(&mask(args), &[Some(value)]).remove(0).unwrap()
    }

    fn only_digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).collect()
    }

    fn passes(text: &str) -> bool {
        let digits = only_digits(text);
        let (check, body) = digits.split_last().unwrap();
        place(luhn(body)) == *check
    }

    /// Numbers of the networks' test pages keep length and, with `automatic`, network.
    #[test]
    fn test_cards() {
        for line in include_str!("../../vectors/pan_luhn.jsonl").lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let pan = entry["pan"].as_str().unwrap();
            assert_eq!(passes(pan), entry["valid"].as_bool().unwrap(), "{line}");
            if !LENGTHS.contains(&pan.len()) || !pan.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            let any = masked("", pan);
            assert!(passes(&any) && any.len() == pan.len(), "{pan} {any}");
            let same = masked(r#", "retain_prefix_length": "automatic""#, pan);
            let network = network_digits(pan.as_bytes());
            assert!(
                passes(&same) && same[..network] == pan[..network],
                "{pan} {same}"
            );
            let eight = masked(r#", "retain_prefix_length": 8"#, pan);
            assert!(passes(&eight) && eight[..8] == pan[..8], "{pan} {eight}");
        }
    }

    #[test]
    fn forms() {
        for (args, value, shape) in [
            ("", "4111-1111-1111-1111", "0000-0000-0000-0000"),
            ("", "3782 822463 10005", "0000 000000 00000"),
            ("", "no card", "0000000000000000"),
            ("", "", "0000000000000000"),
            (
                r#", "pan_format": true"#,
                "4111-1111-1111-1111",
                "0000-00##-####-0000",
            ),
            (
                r#", "pan_format": true, "pan_character": "•""#,
                "378282246310005",
                "000000•••••0005",
            ),
            (
                r#", "pan_format": true, "generate_card_number": false, "pan_character": "0""#,
                "4012888888881881",
                "0000000000000000",
            ),
        ] {
            let out = masked(args, value);
            let zeros = |text: &str| -> String {
                let zero = |char: char| if char.is_ascii_digit() { '0' } else { char };
                text.chars().map(zero).collect()
            };
            assert_eq!(zeros(&out), zeros(shape), "{args} {value} {out}");
        }
        let ends = r#", "pan_format": true, "generate_card_number": false"#;
        assert_eq!(masked(ends, "4012888888881881"), "401288######1881");
        assert_eq!(masked(ends, "501800000009"), "501800##0009");
    }

    #[test]
    fn null_and_what_is_no_card() {
        let ends = r#", "pan_format": true, "generate_card_number": false"#;
        assert_eq!(mask_texts(&mask(ends), &[None]), [None]);
        assert!(
            mask_texts(&mask(""), &[None])[0]
                .as_deref()
                .is_some_and(passes)
        );
        let prefix = r#", "retain_prefix_length": 4"#;
        assert!(mask_texts(&mask(prefix), &[None])[0].is_some());
        for value in [
            "",
            "4111",
            "Zoë",
            "41111111111111111111",
            "4111x1111x1111x1111",
        ] {
            for args in [ends, prefix] {
                try_texts(&mask(args), &[Some(value)]).expect_err(value);
                let suppress = format!(r#"{args}, "on_invalid": "suppress""#);
                assert_eq!(
                    mask_texts(&mask(&suppress), &[Some(value)]),
                    [None],
                    "{value}"
                );
            }
        }
    }

    #[test]
    fn networks_and_check_digits_are_spread_as_said() {
        let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        let values: Vec<Option<&str>> = values.iter().map(|n| Some(n.as_str())).collect();
        let out: Vec<String> = mask_texts(&mask(""), &values)
            .into_iter()
            .flatten()
            .collect();
        assert!(
            out.iter()
                .all(|number| passes(number) && number.len() == 16)
        );
        let visa = out.iter().filter(|number| number.starts_with('4')).count();
        // 40 of 95 with this length.
        assert!((4_050..4_370).contains(&visa), "{visa}");
        let loose = mask_texts(&mask(r#", "generate_luhn": false"#), &values);
        let right = loose
            .iter()
            .flatten()
            .filter(|number| passes(number))
            .count();
        assert!((850..1_150).contains(&right), "{right}");
    }

    #[test]
    fn a_column_of_numbers() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(4_111_111_111_111_111), None]));
        let out = mask_array(&mask(""), values).unwrap();
        for number in out.as_primitive::<Int64Type>().iter() {
            assert!(passes(&number.unwrap().to_string()));
        }
        let values: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, -1, 0]));
        assert_eq!(mask_array(&mask(""), values).unwrap().null_count(), 0);
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (
                r#", "generate_card_number": false"#,
                DataType::Utf8,
                "[0].generate_card_number",
            ),
            (r#", "pan_format": true"#, DataType::Int64, "[0].pan_format"),
            (
                r#", "pan_character": """#,
                DataType::Utf8,
                "[0].pan_character",
            ),
            (
                r#", "pan_character": "ab""#,
                DataType::Utf8,
                "[0].pan_character",
            ),
            (
                r#", "retain_prefix_length": 9"#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
            (
                r#", "retain_prefix_length": "auto""#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
            (
                r#", "pan_format": true, "generate_card_number": false, "retain_prefix_length": 4"#,
                DataType::Utf8,
                "[0].retain_prefix_length",
            ),
        ] {
            assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
        }
    }
}
