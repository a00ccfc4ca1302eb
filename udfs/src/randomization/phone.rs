//! `phone`: a telephone number becomes a made-up one, spelled alike.
//!
//! - Technique: randomization (ISO/IEC 20889:2018) that keeps the format.
//! - Source: lengths of country codes from ITU-T E.164, "List of assigned country codes". Numbers set
//!   aside for fiction, with `country`: US and CA NANPA, 555-0100 to 555-0199 in any area; GB Ofcom,
//!   "Telephone numbers for use in TV and radio drama programmes"; AU ACMA, "Phone numbers for use in
//!   TV shows, films and creative works"; FR Arcep, decision 2018-0881; DE Bundesnetzagentur, "Drama
//!   Numbers".
//! - Input: text, 3 to 17 digits, a `+` before them, blanks, dashes and `. / ( )` between them, and an
//!   extension (`x12`, `ext. 12`, `#12`) behind. Null stays null.
//! - Output: the country code behind `+` or `00` stays, and so do a zero that begins the number behind
//!   it and the 1 of eleven digits. Of the others the first is drawn from 2 to 9, the rest from 0 to 9;
//!   after the country code 1 the fourth from 2 to 9 too. Everything but digits stays.
//! - Value and draw decide. A drawn number may be somebody's, unless `country` says otherwise.

mod fiction;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, OnInvalid, TypeFamily,
    schema_of,
};
use crate::randomization::rewrite::{Rewrite, Rewriting};
use crate::randomization::words::Words;
use fiction::{Country, Plan};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "phone",
    summary: "a telephone number becomes a made-up one, spelled alike",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<PhoneArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("+64 (0)21 555-0199 ext. 7"),
            masked: Some("+64 (0)73 585-4050 ext. 0"),
        },
        Example {
            args: r#"{"keep_prefix": 3}"#,
            value: Some("021 555 0199"),
            masked: Some("021 496 3283"),
        },
        Example {
            args: r#"{"country": "US"}"#,
            value: Some("(415) 867-5309"),
            masked: Some("(438) 555-0134"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PhoneArgs {
    /// How many digits stay at the beginning, those of the country code counted; default the country
    /// code alone. Of a number that has no more digits than that none stays.
    keep_prefix: Option<usize>,
    /// The country of the new number, which is one reserved for fiction: `AU`, `CA`, `DE`,
    /// `FR`, `GB` or `US`. It is spelled as the value where that has as many digits, else as `+` and
    /// digits.
    country: Option<Country>,
    /// For a value that is no telephone number: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: PhoneArgs = binder.parse(args)?;
    if args.country.is_some() && args.keep_prefix.is_some() {
        let message = "`country` and `keep_prefix` contradict each other: leave one out";
        return Err(BindError::new("country", message));
    }
    Ok(Box::new(Rewriting {
        key: binder.key(),
        on_invalid: args.on_invalid,
        kernel: Phones {
            keep_prefix: args.keep_prefix,
            plan: args.country.map(Country::plan),
        },
    }))
}

#[derive(Debug)]
struct Phones {
    keep_prefix: Option<usize>,
    /// For numbers of fiction.
    plan: Option<Plan>,
}

impl Rewrite for Phones {
    const EXPECTED: &'static str = "a telephone number of 3 to 17 digits";

    /// At most one number for each byte, and with a plan one for each place of a range before that.
    fn blocks(&self, value: &str) -> usize {
        value.len().div_ceil(16).max(1) + usize::from(self.plan.is_some())
    }

    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()> {
        let (number, _) = parts(value)?;
        let digits = Digits::of(number)?;
        let mut words = Words::of(blocks);
        let new = match &self.plan {
            None => self.imitate(digits, &mut words)?,
            Some(plan) => {
                let drawn = plan.draw(&mut words);
                match plan.spelled_as(&digits, drawn) {
                    Some(new) => new,
                    None => {
                        text.push('+');
                        text.push_str(plan.code);
                        text.extend(drawn.all().iter().copied().map(char::from));
                        return Some(());
                    }
                }
            }
        };
        // Digits take the place of digits, byte for byte.
        let mut written = std::mem::take(text).into_bytes();
        let start = written.len();
        written.extend_from_slice(value.as_bytes());
        let (own, rest) = written[start..].split_at_mut(number.len());
        let places = own.iter_mut().filter(|byte| byte.is_ascii_digit());
        for (place, digit) in places.zip(new.all()) {
            *place = *digit;
        }
        for place in rest.iter_mut().filter(|byte| byte.is_ascii_digit()) {
            *place = b'0' + words.pick(10);
        }
        *text = String::from_utf8(written).expect("digits took the place of digits");
        Some(())
    }
}

impl Phones {
    /// Other digits in the place of those that do not stay; `None` where all would.
    fn imitate(&self, mut digits: Digits, words: &mut Words<'_>) -> Option<Digits> {
        let (all, prefix) = (digits.count, digits.prefix());
        let kept = match self.keep_prefix {
            Some(kept) if kept < all => kept,
            Some(_) => 0,
            None if prefix < all => prefix,
            None => return None,
        };
        // The exchange of a number of North America begins as its area does.
        let america = all - prefix.min(all) == 10 && prefix > 0 && digits.bytes[prefix - 1] == b'1';
        for place in kept..all {
            let leads = place == 0 || place == prefix || america && place == prefix + 3;
            digits.bytes[place] = match leads {
                true => b'2' + words.pick(8),
                false => b'0' + words.pick(10),
            };
        }
        Some(digits)
    }
}

/// The number and its extension, which may be empty; `None` where other text stands between.
fn parts(value: &str) -> Option<(&str, &str)> {
    let is_sign = |byte: u8| byte.is_ascii_alphabetic() || byte == b'#';
    let end = value.bytes().position(is_sign).unwrap_or(value.len());
    let (number, extension) = value.split_at_checked(end)?;
    let in_number = |char: char| {
        matches!(char, '0'..='9' | ' ' | '-' | '.' | '/' | '(' | ')')
            || matches!(char, '\u{a0}' | '\u{2010}'..='\u{2014}')
    };
    let plain = number.trim_start_matches([' ', '(']);
    let plain = plain.strip_prefix('+').unwrap_or(plain);
    let sound = match plain.is_ascii() {
        true => plain.bytes().all(|byte| in_number(char::from(byte))),
        false => plain.chars().all(in_number),
    };
    if !sound {
        return None;
    }
    if extension.is_empty() {
        return Some((number, extension));
    }
    let is_word = |byte: u8| !is_sign(byte);
    let after = extension.bytes().position(is_word)?;
    let (word, digits) = extension.split_at(after);
    let known = ["x", "ext", "extn", "extension", "#"];
    let sound = known.iter().any(|known| word.eq_ignore_ascii_case(known))
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b" .:".contains(&byte))
        && digits.bytes().any(|byte| byte.is_ascii_digit());
    sound.then_some((number, extension))
}

/// The digits of a number, without what divides them.
#[derive(Debug, Default, Clone, Copy)]
struct Digits {
    bytes: [u8; Digits::MOST],
    count: usize,
    /// Whether a `+` stands before them.
    plus: bool,
}

impl Digits {
    /// `00` and the 15 of ITU-T E.164, section 6.
    const MOST: usize = 17;
    const LEAST: usize = 3;

    /// Those of `number`; `None` where there are too few or too many.
    fn of(number: &str) -> Option<Self> {
        let mut digits = Self {
            plus: number.contains('+'),
            ..Self::default()
        };
        for digit in number.bytes().filter(u8::is_ascii_digit) {
            if digits.count == Self::MOST {
                return None;
            }
            digits.push(digit);
        }
        (digits.count >= Self::LEAST).then_some(digits)
    }

    /// Appends one more where there is room.
    fn push(&mut self, digit: u8) {
        if let Some(place) = self.bytes.get_mut(self.count) {
            *place = digit;
            self.count += 1;
        }
    }

    fn all(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// How many of them are a country code with what announces it, and the zero behind it.
    fn prefix(&self) -> usize {
        let code = match (self.plus, self.all()) {
            (true, digits) => country_code(digits),
            (false, [b'0', b'0', digits @ ..]) => country_code(digits).map(|length| length + 2),
            (false, [b'1', ..]) if self.count == 11 => Some(1),
            (false, _) => None,
        };
        let code = code.unwrap_or(0);
        code + usize::from(self.all().get(code) == Some(&b'0'))
    }
}

/// How many digits the country code has that `digits` begin with; `None` for a zero.
fn country_code(digits: &[u8]) -> Option<usize> {
    let [first, second, ..] = digits else {
        return None;
    };
    Some(match (first, second) {
        (b'0', _) => return None,
        (b'1' | b'7', _) => 1,
        (b'2', b'0' | b'7')
        | (b'3', b'0'..=b'4' | b'6' | b'9')
        | (b'4', b'0' | b'1' | b'3'..=b'9')
        | (b'5', b'1'..=b'8')
        | (b'6', b'0'..=b'6')
        | (b'8', b'1' | b'2' | b'4' | b'6')
        | (b'9', b'0'..=b'5' | b'8') => 2,
        _ => 3,
    })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_texts, try_texts};
    use crate::randomization::rewrite::mask_all;

    const MASK: &str = r#"{"type": "phone"}"#;

    /// What a hundred numbers spelled like `value` become, drawn anew each time.
    fn many(args: &str, value: &str) -> Vec<String> {
        // The last two digits make the values, and so the draws, differ.
        let end = value.len() - 2;
        let values: Vec<String> = (0..100)
            .map(|n| format!("{}{n:02}", &value[..end]))
            .collect();
        mask_all(&format!(r#"{{"type": "phone"{args}}}"#), &values)
    }

    /// `d` for each digit, any other character for itself.
    fn shape(text: &str) -> String {
        let class = |char: char| if char.is_ascii_digit() { 'd' } else { char };
        text.chars().map(class).collect()
    }

    fn digits(text: &str) -> String {
        text.chars().filter(char::is_ascii_digit).collect()
    }

    #[test]
    fn country_code_and_shape_stay() {
        for (value, kept) in [
            ("+64 21 555 0199", "64"),
            ("+64 (0)21 555-0199", "640"),
            ("(+64) 21 555 0199", "64"),
            ("0064 21 555 0199", "0064"),
            ("+1 (415) 867-5309", "1"),
            ("1-415-867-5309", "1"),
            ("001 415 867 5309", "001"),
            ("+7 495 123-45-67", "7"),
            ("+353 1 234 5678", "353"),
            ("+39 06 1234 5678", "390"),
            ("021 555 0199", "0"),
            ("555.0199", ""),
            ("(03) 9876/5432", "0"),
            ("415-867-5309 x1234", ""),
            ("415-867-5309 ext. 12", ""),
            ("000-000-0000", "0"),
            (" +64 21\u{a0}555\u{2013}0199", "64"),
            ("111", ""),
        ] {
            for masked in many("", value) {
                assert_eq!(shape(&masked), shape(value), "{masked}");
                let drawn = digits(&masked);
                let drawn = drawn.strip_prefix(kept).expect(value);
                assert!(drawn.as_bytes()[0] >= b'2', "{value}: {masked}");
                let america = kept.ends_with('1') && drawn.len() == 10;
                assert!(!america || drawn.as_bytes()[3] >= b'2', "{masked}");
            }
        }
        assert_eq!(mask_texts(MASK, &[None]), [None]);
    }

    #[test]
    fn as_many_digits_stay_as_asked() {
        for (value, count, kept) in [
            ("+64 21 555 0199", 5, "64215"),
            ("021 555 0199", 3, "021"),
            ("021 555 0199", 8, "02155501"),
            ("021 555 0199", 10, ""),
            ("021 555 0199", 0, ""),
        ] {
            let args = format!(r#", "keep_prefix": {count}"#);
            let masked = many(&args, value);
            assert!(masked.iter().all(|m| digits(m).starts_with(kept)));
            assert!(masked.iter().all(|m| shape(m) == shape(value)));
            let next: std::collections::BTreeSet<u8> = masked
                .iter()
                .map(|masked| digits(masked).as_bytes()[kept.len()])
                .collect();
            assert!(next.len() >= 8, "{value} {count}: {next:?}");
        }
    }

    #[test]
    fn digits_come_up_alike() {
        let values: Vec<String> = (0..10_000).map(|n| format!("+64 21 {n:07}")).collect();
        let masked = mask_all(MASK, &values);
        let mut counts = [[0; 10]; 9];
        for masked in &masked {
            for (place, digit) in digits(masked)[2..].bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        assert_eq!(counts[0][..2], [0, 0]);
        assert!(
            counts[0][2..]
                .iter()
                .all(|count| (1100..1400).contains(count))
        );
        let alike = |place: &[i32; 10]| place.iter().all(|count| (880..1120).contains(count));
        assert!(counts[1..].iter().all(alike), "{counts:?}");
        assert_eq!(masked, mask_all(MASK, &values));
    }

    #[test]
    fn numbers_for_fiction() {
        for (country, value, starts) in [
            ("US", "(415) 867-5309", vec![""]),
            ("US", "+1 415 867 5309", vec!["1"]),
            ("CA", "1-415-867-5309", vec!["1"]),
            ("US", "+64 21 555 019 99", vec!["1"]),
            (
                "GB",
                "020 7123 4567",
                vec!["01632960", "02079460", "07700900"],
            ),
            (
                "UK",
                "+44 20 7123 4567",
                vec!["441632960", "442079460", "447700900"],
            ),
            (
                "GB",
                "+44 (0)20 7123 4567",
                vec!["4401632960", "4402079460", "4407700900"],
            ),
            (
                "GB",
                "0044 20 7123 4567",
                vec!["00441632960", "00442079460", "00447700900"],
            ),
            (
                "FR",
                "01 23 45 67 89",
                vec!["01", "02", "03", "04", "05", "06"],
            ),
            (
                "DE",
                "0151 23456 78",
                vec!["03023125", "06990009", "04066969", "02214710", "08999998"],
            ),
            ("AU", "(02) 9876 5432", vec!["02", "03", "07", "08"]),
            ("AU", "298765432", vec!["2", "3", "7", "8"]),
        ] {
            let masked = many(&format!(r#", "country": "{country}""#), value);
            for start in &starts {
                assert!(
                    masked.iter().any(|m| digits(m).starts_with(start)),
                    "{start}"
                );
            }
            for masked in masked {
                let number = digits(&masked);
                assert!(
                    starts.iter().any(|start| number.starts_with(start)),
                    "{masked}"
                );
                let shaped = value != "+64 21 555 019 99";
                assert_eq!(shape(&masked) == shape(value), shaped, "{masked}");
                if ["US", "CA"].contains(&country) {
                    let (area, line) = number[number.len() - 10..].split_at(3);
                    assert!(
                        line.starts_with("55501") && area.as_bytes()[0] >= b'2',
                        "{masked}"
                    );
                    assert!(
                        !["5", "8"].contains(&&area[..1]) && &area[1..] != "11",
                        "{masked}"
                    );
                }
            }
        }
        let masked = many(r#", "country": "FR""#, "555 01 99 ext. 123");
        assert!(
            masked.iter().all(|m| m.len() == 12 && m.starts_with("+33")),
            "{masked:?}"
        );
    }

    #[test]
    fn no_numbers() {
        for value in [
            "",
            "12",
            "+64",
            "+353",
            "call Ann 021 555 0199",
            "021 555 0199 Ann",
            "021+555",
            "123456789012345678",
            "021 555 0199 x",
            "021 555 0199 x1 x2",
            "０21 555 0199",
            "x12",
            "2024-01-01T00:00",
            "ann@acme.com",
        ] {
            assert!(try_texts(MASK, &[Some(value)]).is_err(), "{value}");
        }
        let mask = r#"{"type": "phone", "on_invalid": "suppress"}"#;
        assert_eq!(mask_texts(mask, &[Some("unlisted")]), [None]);
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            (r#""keep_prefix": -1"#, "keep_prefix"),
            (r#""country": "XX""#, "country"),
            (r#""country": "US", "keep_prefix": 1"#, "country"),
        ] {
            let error = bind_error(&format!(r#"{{"type": "phone", {args}}}"#), &DataType::Utf8);
            assert_eq!(error.path, format!("[0].{path}"), "{args}");
        }
        bind_error(MASK, &DataType::Int64);
    }
}
