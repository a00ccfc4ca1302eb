//! `imitate_unique`: an identifier becomes another of the same form, and no two become the same.
//!
//! - Technique: pseudonymization by a keyed permutation (ISO/IEC 20889:2018); `permutation.rs` says which.
//! - Input: text, integers, decimals without a fraction. Null stays null, empty text empty.
//! - A number (text too, if it is nothing but digits with or without a minus) keeps its sign and its count of
//!   digits, and a first digit that is zero stays zero. Numbers within the reach of an integer type
//!   stay within it, so that `42` has one image in every type and in text.
//! - Other text: `A` to `Z`, `a` to `z` and `0` to `9` are replaced by one of the same class, all together;
//!   every other character stays, so a text without any of them stays as it is.
//! - Decided by the value, the key and `seed`: no draw, no hash columns.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use num_bigint::BigUint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, TypeFamily, schema_of,
};
use crate::permutation::Permutations;
use crate::rows::Rows;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "imitate_unique",
    summary: "an identifier becomes another of the same form, and no two become the same",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<ImitateUnique>,
    bind,
    examples: &[
        Example {
            args: "{}",
            value: Some("10042"),
            masked: Some("14889"),
        },
        Example {
            args: r#"{"seed": "invoice"}"#,
            value: Some("10042"),
            masked: Some("17619"),
        },
        Example {
            args: "{}",
            value: Some("NZ-2024/abc"),
            masked: Some("XH-0298/gkg"),
        },
        Example {
            args: "{}",
            value: Some("alice.anderson@example.com"),
            masked: Some("kuent.sszkitpr@mdvqbze.evm"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImitateUnique {
    /// The kind of identifier, any text: columns with one seed agree on the image of a value, others
    /// do not (default: one for all columns without a seed). It stands in place of `domain`.
    seed: Option<String>,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    use DataType::*;
    let args: ImitateUnique = binder.parse(args)?;
    let column = binder.column().clone();
    if let Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) | Decimal256(_, scale) =
        column
        && scale != 0
    {
        let message = format!("`imitate_unique` does not take {column}: its numbers have a scale");
        return Err(BindError::new("type", message));
    }
    Ok(Box::new(Unique {
        key: binder.seeded_key(args.seed.as_deref())?,
        permutations: Permutations::default(),
        column,
    }))
}

struct Unique {
    key: MaskKey,
    permutations: Permutations,
    column: DataType,
}

impl fmt::Debug for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unique({})", self.column)
    }
}

impl Mask for Unique {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        typed(self.imitate(&values), &self.column)
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        true
    }
}

/// The ranks of a batch, those among equally many together.
#[derive(Default)]
struct Ranks {
    narrow: BTreeMap<u128, (Vec<usize>, Vec<u64>)>,
    wide: BTreeMap<BigUint, (Vec<usize>, Vec<BigUint>)>,
}

/// One of a row's images.
#[derive(Debug, Clone, Default)]
enum Image {
    /// The value stays as it is.
    #[default]
    Same,
    Narrow(u64),
    Wide(BigUint),
}

impl Unique {
    fn imitate(&self, values: &StringViewArray) -> StringViewArray {
        let mut ranks = Ranks::default();
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value {
                ranks.add(row, &Form::of(value), value.as_bytes());
            }
        }
        let mut images = vec![Image::Same; values.len()];
        for (size, (rows, mut ranks)) in ranks.narrow {
            self.permutations
                .narrow(&self.key, size)
                .permute(&mut ranks);
            for (row, image) in rows.into_iter().zip(ranks) {
                images[row] = Image::Narrow(image);
            }
        }
        for (size, (rows, mut ranks)) in ranks.wide {
            self.permutations.wide(&self.key, size).permute(&mut ranks);
            for (row, image) in rows.into_iter().zip(ranks) {
                images[row] = Image::Wide(image);
            }
        }
        let mut imitated = StringViewBuilder::with_capacity(values.len());
        let mut text = Vec::new();
        for (value, image) in values.iter().zip(images) {
            let Some(value) = value else {
                imitated.append_null();
                continue;
            };
            text.clear();
            text.extend_from_slice(value.as_bytes());
            let form = Form::of(value);
            match image {
                Image::Same => {}
                Image::Narrow(image) => form.write(image, &mut text),
                Image::Wide(image) => form.write_wide(image, &mut text),
            }
            imitated.append_value(
                std::str::from_utf8(&text).expect("ASCII was replaced by ASCII, the rest stayed"),
            );
        }
        imitated.finish()
    }
}

impl Ranks {
    fn add(&mut self, row: usize, form: &Form, text: &[u8]) {
        let narrow = |size: &u128| *size <= 1 << 64;
        match form.size(text).filter(narrow) {
            Some(0 | 1) => {}
            Some(size) => {
                let (rows, ranks) = self.narrow.entry(size).or_default();
                rows.push(row);
                ranks.push(form.rank(text));
            }
            None => {
                let (size, rank) = form.wide(text);
                let (rows, ranks) = self.wide.entry(size).or_default();
                rows.push(row);
                ranks.push(rank);
            }
        }
    }
}

/// What may change in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The bytes from here on, each by one of its class.
    Classes(usize),
    /// The digits from `start` on, as a number from `least` to `most`.
    Number { start: usize, least: u64, most: u64 },
    /// As many digits from `start` on, the first not zero, more than 2^64 - 1.
    Huge(usize),
}

/// The greatest numbers of the integer types, and the greatest below zero without their sign.
const REACH: [u64; 8] = [
    i8::MAX as u64,
    u8::MAX as u64,
    i16::MAX as u64,
    u16::MAX as u64,
    i32::MAX as u64,
    u32::MAX as u64,
    i64::MAX as u64,
    u64::MAX,
];
const REACH_BELOW: [u64; 4] = [1 << 7, 1 << 15, 1 << 31, 1 << 63];

impl Form {
    fn of(text: &str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let start = text.len() - digits.len();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::Classes(0);
        }
        // A zero in front stays; `0` alone is a number of one digit, `-0` is none.
        if digits.starts_with('0') && text != "0" {
            return Self::Classes(start + 1);
        }
        let Ok(number) = digits.parse::<u64>() else {
            return Self::Huge(start);
        };
        let (mut least, mut most) = match 10_u64.checked_pow(digits.len() as u32 - 1) {
            // Without a sign zero is one of them.
            Some(1) => (start as u64, 9),
            Some(power) => (power, (power - 1).saturating_mul(10).saturating_add(9)),
            None => (number, number),
        };
        let reach: &[u64] = if start == 0 { &REACH } else { &REACH_BELOW };
        for &border in reach {
            if number > border {
                least = least.max(border + 1);
            } else {
                most = most.min(border);
            }
        }
        Self::Number { start, least, most }
    }

    /// How many texts of the form there are; `None` for more than 2^128 or a huge number.
    fn size(self, text: &[u8]) -> Option<u128> {
        match self {
            Self::Classes(start) => text[start..]
                .iter()
                .filter_map(|byte| class(*byte))
                .try_fold(1_u128, |size, (_, more)| size.checked_mul(more.into())),
            Self::Number { least, most, .. } => Some(u128::from(most - least) + 1),
            Self::Huge(_) => None,
        }
    }

    /// The place of `text` among at most 2^64 of its form.
    fn rank(self, text: &[u8]) -> u64 {
        match self {
            Self::Classes(start) => text[start..]
                .iter()
                .fold(0, |rank, byte| match class(*byte) {
                    Some((first, size)) => rank * size + u64::from(byte - first),
                    None => rank,
                }),
            Self::Number { start, least, .. } => {
                let number = text[start..]
                    .iter()
                    .fold(0, |number, byte| number * 10 + u64::from(byte - b'0'));
                number - least
            }
            Self::Huge(_) => 0,
        }
    }

    /// Size and rank where the size is above 2^64.
    fn wide(self, text: &[u8]) -> (BigUint, BigUint) {
        let (start, least) = match self {
            Self::Huge(start) => (start, huge_least(text.len() - start)),
            Self::Classes(start) => (start, BigUint::ZERO),
            Self::Number { start, least, .. } => (start, least.into()),
        };
        let mut size = BigUint::from(1_u8);
        let mut rank = BigUint::ZERO;
        // Some places at a time, as far as their product has room in a word.
        let (mut factor, mut part) = (1_u64, 0_u64);
        for byte in &text[start..] {
            let Some((first, of)) = class(*byte) else {
                continue;
            };
            if factor > u64::MAX / 26 {
                size *= factor;
                rank = rank * factor + part;
                (factor, part) = (1, 0);
            }
            part = part * of + u64::from(byte - first);
            factor *= of;
        }
        size *= factor;
        rank = rank * factor + part;
        (size - &least, rank - least)
    }

    fn write(self, image: u64, text: &mut [u8]) {
        match self {
            Self::Classes(start) => {
                let mut rest = image;
                for byte in text[start..].iter_mut().rev() {
                    if let Some((first, size)) = class(*byte) {
                        *byte = first + (rest % size) as u8;
                        rest /= size;
                    }
                }
            }
            Self::Number { start, least, .. } => {
                let mut rest = least + image;
                for byte in text[start..].iter_mut().rev() {
                    *byte = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
            }
            Self::Huge(_) => {}
        }
    }

    fn write_wide(self, image: BigUint, text: &mut [u8]) {
        let (start, mut rest) = match self {
            Self::Huge(start) => (start, image + huge_least(text.len() - start)),
            Self::Classes(start) => (start, image),
            Self::Number { start, least, .. } => (start, image + least),
        };
        for byte in text[start..].iter_mut().rev() {
            if let Some((first, size)) = class(*byte) {
                let place = u8::try_from(&rest % size).expect("a class has at most 26 characters");
                *byte = first + place;
                rest /= size;
            }
        }
    }
}

/// The least number of so many digits that no integer type holds.
fn huge_least(digits: usize) -> BigUint {
    let power = u32::try_from(digits - 1).expect("a text is shorter than 4 GiB");
    BigUint::from(10_u8)
        .pow(power)
        .max(BigUint::from(1_u8) << 64)
}

/// The first character of a byte's class and how many it has.
fn class(byte: u8) -> Option<(u8, u64)> {
    match byte {
        b'0'..=b'9' => Some((b'0', 10)),
        b'A'..=b'Z' => Some((b'A', 26)),
        b'a'..=b'z' => Some((b'a', 26)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::*;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    const MASK: &str = r#"{"type": "imitate_unique"}"#;

    fn images(texts: &[String]) -> Vec<String> {
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        mask_texts(MASK, &values).into_iter().flatten().collect()
    }

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
    fn whole_domains() {
        for texts in [
            (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>(),
            (0..10_000).map(|n| format!("{n:04}")).collect(),
            (-999..0).map(|n| n.to_string()).collect(),
            (b'a'..=b'z').map(|c| format!("{}-é", c as char)).collect(),
            (0..6760)
                .map(|n| format!("{}{:03}", (b'A' + (n / 260) as u8) as char, n % 260))
                .collect(),
        ] {
            let images = images(&texts);
            assert_ne!(images, texts);
            for (text, image) in texts.iter().zip(&images) {
                assert_eq!(shape(text), shape(image));
                let leads = |text: &str| text.len() > 1 && text.starts_with('0');
                assert_eq!(leads(text), leads(image), "{text} {image}");
            }
            let mut sorted = images.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), texts.len());
        }
    }

    #[test]
    fn long_texts_stay_apart() {
        let tail = "Z".repeat(60);
        for form in [
            "{}",
            "id {} of AAAAAAAAAAAA",
            "{}zzzzzzzzzzzzzzzzzzzzzzzzzz ö 9999999999",
            "a{}{tail}",
        ] {
            let texts: Vec<String> = (100..400)
                .map(|n: u32| form.replace("{}", &n.to_string()).replace("{tail}", &tail))
                .collect();
            let images = images(&texts);
            for (text, image) in texts.iter().zip(&images) {
                assert_eq!(shape(text), shape(image));
                assert!(form == "{}" || text != image);
            }
            let mut sorted = images.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), texts.len(), "{form}");
            let alone = mask_texts(MASK, &[Some(&texts[7])]);
            assert_eq!(alone[0].as_ref(), Some(&images[7]), "{form}");
        }
    }

    #[test]
    fn what_stays() {
        for text in ["", "-", "-0", "é", "中文 … ?"] {
            assert_eq!(
                mask_texts(MASK, &[Some(text), None]),
                [Some(text.to_owned()), None]
            );
        }
    }

    #[test]
    fn forms() {
        let number = |start, least, most| Form::Number { start, least, most };
        for (text, form) in [
            ("0", number(0, 0, 9)),
            ("7", number(0, 0, 9)),
            ("-7", number(1, 1, 9)),
            ("-0", Form::Classes(2)),
            ("007", Form::Classes(1)),
            ("-007", Form::Classes(2)),
            ("12a", Form::Classes(0)),
            ("--1", Form::Classes(0)),
            ("99", number(0, 10, 99)),
            ("127", number(0, 100, 127)),
            ("128", number(0, 128, 255)),
            ("-128", number(1, 100, 128)),
            ("-129", number(1, 129, 999)),
            ("2147483647", number(0, 1_000_000_000, 2_147_483_647)),
            ("-2147483648", number(1, 1_000_000_000, 2_147_483_648)),
            (
                "9223372036854775807",
                number(0, 10_u64.pow(18), 9_223_372_036_854_775_807),
            ),
            (
                "9223372036854775808",
                number(0, 9_223_372_036_854_775_808, 9_999_999_999_999_999_999),
            ),
            (
                "-9223372036854775808",
                number(1, 10_u64.pow(18), 9_223_372_036_854_775_808),
            ),
            ("18446744073709551615", number(0, 10_u64.pow(19), u64::MAX)),
            ("18446744073709551616", Form::Huge(0)),
            ("-18446744073709551615", number(1, 10_u64.pow(19), u64::MAX)),
        ] {
            assert_eq!(Form::of(text), form, "{text}");
        }
    }

    #[test]
    fn huge_numbers_keep_their_digits() {
        let most = "9".repeat(20);
        let texts: Vec<String> = [
            "18446744073709551616",
            most.as_str(),
            "-18446744073709551616",
            "100000000000000000000",
            &"9".repeat(76),
        ]
        .map(str::to_owned)
        .into();
        for (text, image) in texts.iter().zip(images(&texts)) {
            assert_eq!(shape(text), shape(&image));
            assert_ne!(*text, image);
            assert_eq!(Form::of(text), Form::of(&image), "{text} {image}");
        }
    }

    /// A column of any integer type and text agree, and all types take their extremes.
    #[test]
    fn one_image_in_every_type() {
        fn check<T: ArrowPrimitiveType>(numbers: Vec<T::Native>) {
            let array = PrimitiveArray::<T>::from_iter_values(numbers.iter().copied());
            let texts: ArrayRef = Arc::new(array.clone());
            let texts: Vec<String> = plain_text(&texts)
                .unwrap()
                .iter()
                .map(|text| text.unwrap().to_owned())
                .collect();
            let masked = mask_array(MASK, Arc::new(array)).unwrap();
            assert_eq!(masked.data_type(), &T::DATA_TYPE);
            let masked = plain_text(&masked).unwrap();
            assert!(masked.iter().flatten().eq(images(&texts)));
        }
        check::<Int8Type>((i8::MIN..=i8::MAX).collect());
        check::<UInt8Type>((0..=u8::MAX).collect());
        check::<Int16Type>((i16::MIN..=i16::MAX).collect());
        check::<UInt16Type>((0..=u16::MAX).collect());
        check::<Int32Type>(
            (0..500)
                .flat_map(|n| [i32::MIN + n, n, i32::MAX - n])
                .collect(),
        );
        check::<UInt32Type>((0..500).flat_map(|n| [n, u32::MAX - n]).collect());
        check::<Int64Type>(
            (0..500)
                .flat_map(|n| [i64::MIN + n, -n, i64::MAX - n])
                .collect(),
        );
        check::<UInt64Type>((0..500).flat_map(|n| [n, u64::MAX - n]).collect());
        let decimal = Decimal128Array::from(vec![10_i128.pow(37), 42, -42])
            .with_precision_and_scale(38, 0)
            .unwrap();
        let masked = mask_array(MASK, Arc::new(decimal)).unwrap();
        let masked = masked.as_primitive::<Decimal128Type>();
        assert_eq!(masked.value(0).to_string().len(), 38);
        assert_eq!(masked.value(1).to_string(), images(&["42".to_owned()])[0]);
        assert!((-99..=-10).contains(&masked.value(2)));
    }

    #[test]
    fn seeds_and_domains() {
        let image = |args: &str| {
            let mask = format!(r#"{{"type": "imitate_unique"{args}}}"#);
            mask_texts(&mask, &[Some("123456789")]).remove(0)
        };
        assert_ne!(image(""), image(r#", "seed": "a""#));
        assert_ne!(image(r#", "seed": "b""#), image(r#", "seed": "a""#));
        assert_ne!(image(r#", "domain": "a""#), image(""));
        // The place in a chain does not count.
        let chain = r#"{"type": "chain", "masks": [{"type": "do_nothing"}, {"type": "imitate_unique", "seed": "a"}]}"#;
        assert_eq!(
            mask_texts(chain, &[Some("123456789")])[0],
            image(r#", "seed": "a""#)
        );
        for (args, column, path) in [
            (
                r#", "seed": "a", "domain": "a""#,
                DataType::Utf8,
                "[0].seed",
            ),
            ("", DataType::Decimal128(9, 2), "[0].type"),
            ("", DataType::Date32, "[0].type"),
        ] {
            let mask = format!(r#"{{"type": "imitate_unique"{args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
