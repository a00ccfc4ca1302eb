//! Which texts are of one form, and which place each has among them: what `imitate_unique` and
//! `from_unique_imitate` permute.
//!
//! - A number (nothing but digits with or without a minus, no zero in front) is one of those with as
//!   many digits and within the reach of the same integer types.
//! - Any other text is one of those with a character of the same class at each place of `A` to `Z`,
//!   `a` to `z` and `0` to `9`, and the same characters at all others.

use num_bigint::BigUint;

/// What stays besides the characters that no class holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// So many characters at the beginning.
    pub(super) prefix: usize,
    /// Every digit.
    pub(super) digits: bool,
}

/// What may change in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The bytes from `start` on, each by one of its class.
    Classes { start: usize, classes: Classes },
    /// The digits from `start` on, as a number from `least` to `most`.
    Number { start: usize, least: u64, most: u64 },
    /// As many digits from `start` on, the first not zero, more than 2^64 - 1; those in front of
    /// `kept` stay.
    Huge { start: usize, kept: usize },
}

/// Which characters have a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Classes {
    /// Letters and digits.
    All,
    /// Letters.
    Letters,
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
    /// The form of `text`, of which `kept` stays.
    pub(super) fn of(text: &str, kept: Kept) -> Self {
        let prefix = text.char_indices().nth(kept.prefix);
        let prefix = prefix.map_or(text.len(), |(at, _)| at);
        let classes = if kept.digits {
            Classes::Letters
        } else {
            Classes::All
        };
        let of_classes = |start: usize| Self::Classes {
            start: start.max(prefix),
            classes,
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let start = text.len() - digits.len();
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || kept.digits {
            return of_classes(0);
        }
        // A zero in front stays; `0` alone is a number of one digit, `-0` is none.
        if digits.starts_with('0') && text != "0" {
            return of_classes(start + 1);
        }
        let kept = prefix.max(start);
        let Ok(number) = digits.parse::<u64>() else {
            return Self::Huge { start, kept };
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
        if kept > start {
            // One digit of at most twenty stays at least.
            let behind = 10_u64.pow((text.len() - kept) as u32);
            let floor = number - number % behind;
            least = least.max(floor);
            most = most.min(floor.saturating_add(behind - 1));
        }
        Self::Number { start, least, most }
    }

    /// How many texts of the form there are; `None` for more than 2^128 or a huge number.
    pub(super) fn size(self, text: &[u8]) -> Option<u128> {
        match self {
            Self::Classes { start, classes } => text[start..]
                .iter()
                .filter_map(|byte| classes.of(*byte))
                .try_fold(1_u128, |size, (_, more)| size.checked_mul(more.into())),
            Self::Number { least, most, .. } => Some(u128::from(most - least) + 1),
            Self::Huge { .. } => None,
        }
    }

    /// The place of `text` among at most 2^64 of its form.
    pub(super) fn rank(self, text: &[u8]) -> u64 {
        match self {
            Self::Classes { start, classes } => {
                text[start..]
                    .iter()
                    .fold(0, |rank, byte| match classes.of(*byte) {
                        Some((first, size)) => rank * size + u64::from(byte - first),
                        None => rank,
                    })
            }
            Self::Number { start, least, .. } => {
                let number = text[start..]
                    .iter()
                    .fold(0, |number, byte| number * 10 + u64::from(byte - b'0'));
                number - least
            }
            Self::Huge { .. } => 0,
        }
    }

    /// Size and rank where [`Form::size`] has no answer, or one above 2^64.
    pub(super) fn wide(self, text: &[u8]) -> (BigUint, BigUint) {
        let (start, classes) = match self {
            Self::Classes { start, classes } => (start, classes),
            Self::Number { start, .. } | Self::Huge { start, .. } => (start, Classes::All),
        };
        let mut size = BigUint::from(1_u8);
        let mut rank = BigUint::ZERO;
        // Some places at a time, as far as their product has room in a word.
        let (mut factor, mut part) = (1_u64, 0_u64);
        for byte in &text[start..] {
            let Some((first, of)) = classes.of(*byte) else {
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
        match self {
            Self::Classes { .. } | Self::Number { .. } => (size, rank),
            Self::Huge { start, kept } => {
                let (least, behind) = huge_bounds(text, start, kept);
                (behind - &least, rank - least)
            }
        }
    }

    /// Puts the text of place `image` into `text`, which is of the form.
    pub(super) fn write(self, image: u64, text: &mut [u8]) {
        match self {
            Self::Classes { start, classes } => {
                let mut rest = image;
                for byte in text[start..].iter_mut().rev() {
                    if let Some((first, size)) = classes.of(*byte) {
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
            Self::Huge { .. } => self.write_wide(image.into(), text),
        }
    }

    /// As [`Form::write`], for a place among any number of texts.
    pub(super) fn write_wide(self, image: BigUint, text: &mut [u8]) {
        let (start, classes, mut rest) = match self {
            Self::Classes { start, classes } => (start, classes, image),
            Self::Number { start, least, .. } => (start, Classes::All, image + least),
            Self::Huge { start, kept } => {
                let (least, _) = huge_bounds(text, start, kept);
                (start, Classes::All, image + least)
            }
        };
        for byte in text[start..].iter_mut().rev() {
            if let Some((first, size)) = classes.of(*byte) {
                let place = u8::try_from(&rest % size).expect("a class has at most 26 characters");
                *byte = first + place;
                rest /= size;
            }
        }
    }
}

/// The least huge number with as many digits as `text` has from `start` on that begins with those in
/// front of `kept`, and the number behind the greatest.
fn huge_bounds(text: &[u8], start: usize, kept: usize) -> (BigUint, BigUint) {
    let least = huge_least(text.len() - start);
    let behind = ten_to(text.len() - kept);
    let prefix = &text[start..kept];
    if prefix.is_empty() {
        return (least, behind);
    }
    let prefix = BigUint::parse_bytes(prefix, 10).expect("the text is digits");
    let floor = prefix * &behind;
    (least.max(floor.clone()), floor + behind)
}

/// The least number of so many digits that no integer type holds.
fn huge_least(digits: usize) -> BigUint {
    ten_to(digits - 1).max(BigUint::from(1_u8) << 64)
}

fn ten_to(digits: usize) -> BigUint {
    let power = u32::try_from(digits).expect("a text is shorter than 4 GiB");
    BigUint::from(10_u8).pow(power)
}

impl Classes {
    /// The first character of a byte's class and how many it has.
    fn of(self, byte: u8) -> Option<(u8, u64)> {
        match byte {
            b'0'..=b'9' if self == Self::All => Some((b'0', 10)),
            b'A'..=b'Z' => Some((b'A', 26)),
            b'a'..=b'z' => Some((b'a', 26)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let number = |start, least, most| Form::Number { start, least, most };
        let classes = |start| Form::Classes {
            start,
            classes: Classes::All,
        };
        for (text, form) in [
            ("0", number(0, 0, 9)),
            ("7", number(0, 0, 9)),
            ("-7", number(1, 1, 9)),
            ("-0", classes(2)),
            ("007", classes(1)),
            ("-007", classes(2)),
            ("12a", classes(0)),
            ("--1", classes(0)),
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
            ("18446744073709551616", Form::Huge { start: 0, kept: 0 }),
            ("-18446744073709551615", number(1, 10_u64.pow(19), u64::MAX)),
        ] {
            assert_eq!(Form::of(text, Kept::default()), form, "{text}");
        }
    }

    #[test]
    fn what_is_kept_narrows_the_form() {
        let of = |text: &str, prefix, digits| Form::of(text, Kept { prefix, digits });
        let number = |start, least, most| Form::Number { start, least, most };
        for (text, prefix, form) in [
            ("12345", 2, number(0, 12_000, 12_999)),
            ("-12345", 2, number(1, 10_000, 19_999)),
            ("127", 1, number(0, 100, 127)),
            ("128", 1, number(0, 128, 199)),
            ("128", 9, number(0, 128, 128)),
            ("0", 1, number(0, 0, 0)),
            (
                "18446744073709551615",
                2,
                number(0, 18 * 10_u64.pow(18), u64::MAX),
            ),
        ] {
            assert_eq!(of(text, prefix, false), form, "{text} {prefix}");
        }
        let letters = Form::Classes {
            start: 2,
            classes: Classes::Letters,
        };
        assert_eq!(of("12345", 2, true), letters);
        assert_eq!(of("é1x", 1, true), letters);
        assert_eq!(letters.size(b"12345"), Some(1));
        let huge = of("18446744073709551616", 3, false);
        let (size, rank) = huge.wide(b"18446744073709551616");
        assert_eq!(rank, BigUint::ZERO);
        assert_eq!(
            size,
            BigUint::from(18_500_000_000_000_000_000_u128 - (1 << 64))
        );
        let mut text = *b"18446744073709551616";
        huge.write_wide(size - 1_u8, &mut text);
        assert_eq!(&text, b"18499999999999999999");
    }
}
