//! `fpe`: the characters of an alphabet are encrypted into others of it, one for one.
//!
//! - Technique: pseudonymization by format-preserving encryption (ISO/IEC 20889:2018).
//! - Source: FF1 of NIST SP 800-38G with the least domain of its Rev. 1 (second draft, 2025); FF3-1 of
//!   the first draft (2019) for other tools' data; names of alphabets of Pangea Redact.
//! - Input: text. Output: text of as many characters. Null stays null, empty text empty.
//! - Decided by the value, the key and the tweak; `decrypt` gives the value back. No draw is taken.
//! - Values with fewer than a million texts of their length are refused, see `short`; with
//!   `short: table` they are permuted by a table under the mask's key.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use data_encoding::HEXLOWER_PERMISSIVE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::fpe::ff3_1::TWEAK;
use crate::fpe::{
    Alphabet, Cipher, Direction, Ff1, Ff3_1, LEAST_DOMAIN, Numeral, Refusal, Span, Spelling,
    Tweaks, least_length,
};
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, TypeFamily, schema_of,
};
use crate::permutation::Permutation;
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "fpe",
    summary: "characters are encrypted into others of their alphabet; the key leads back",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<FpeArgs>,
    bind,
    examples: &[
        Example {
            args: "{}",
            value: Some("4111111111111111"),
            masked: Some("3464764171189985"),
        },
        Example {
            args: "{}",
            value: Some("4111-1111-1111-1111"),
            masked: Some("3464-7641-7118-9985"),
        },
        Example {
            args: r#"{"alphabet": "alphanumericupper", "tweak": "customer"}"#,
            value: Some("AB-1234"),
            masked: Some("53-6ZY9"),
        },
        Example {
            args: r#"{"short": "table"}"#,
            value: Some("017"),
            masked: Some("480"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
// The mask's own key comes from the arguments that are serialised. It may hang on neither the
// direction, or nothing would lead back, nor the tweak, which the algorithm takes by itself, nor on what
// is done with other values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FpeArgs {
    /// The algorithm: `ff1` (default), or `ff3_1` to match other tools' data.
    algorithm: Algorithm,
    /// `true` allows `ff3_1`, which NIST withdrew because it is weak for short values (default false).
    #[serde(skip_serializing)]
    allow_legacy: bool,
    /// The characters that are encrypted into each other: `numeric` (default), `alphalower`, `alphaupper`,
    /// `alpha`, `alphanumericlower`, `alphanumericupper`, `alphanumeric` (digits, then upper case,
    /// then lower case), or at least two different characters in the order that gives them their
    /// numbers, for example `0123456789abcdef`.
    alphabet: String,
    /// Bits of the AES key: 128, 192 or 256 (default).
    key_bits: u32,
    /// A public text that tells equal values of different kinds apart; for `ff1` its UTF-8 bytes
    /// (default: none), for `ff3_1` seven bytes as 14 hexadecimal digits.
    #[serde(skip_serializing)]
    tweak: Option<String>,
    /// The column whose value is the row's tweak, in place of `tweak`. A row without one fails.
    #[serde(skip_serializing)]
    tweak_column: Option<String>,
    /// For a value whose length allows fewer than a million texts (under 6 digits, 4 letters or
    /// digits): `error` (default) fails the task, `table` replaces it by a keyed permutation of all
    /// texts of that length, `null` makes it null, `keep` leaves it as it is.
    #[serde(skip_serializing)]
    short: Short,
    /// For characters outside the alphabet: `keep` (default) leaves them in their places and encrypts the
    /// others around them, `error` fails the task, `null` makes the value null.
    #[serde(skip_serializing)]
    outside: Outside,
    /// Whether to lead encrypted values back; all other arguments, the `domain` and the place in the
    /// chain as they were (default false).
    #[serde(skip_serializing)]
    decrypt: bool,
}

impl Default for FpeArgs {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Ff1,
            allow_legacy: false,
            alphabet: "numeric".to_owned(),
            key_bits: 256,
            tweak: None,
            tweak_column: None,
            short: Short::Error,
            outside: Outside::Keep,
            decrypt: false,
        }
    }
}

/// A format-preserving encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    /// FF1 of NIST SP 800-38G.
    Ff1,
    /// FF3-1 of a draft of it, withdrawn.
    #[serde(rename = "ff3_1", alias = "ff3-1")]
    Ff31,
}

/// What to do with a value of too few characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Short {
    /// Stop the task.
    Error,
    /// Permute all texts of the length.
    Table,
    /// Put null in its place.
    Null,
    /// Leave it as it is.
    Keep,
}

/// What to do with characters outside the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outside {
    /// Leave them where they are.
    Keep,
    /// Stop the task.
    Error,
    /// Make the value null.
    Null,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: FpeArgs = binder.parse(args)?;
    let alphabet =
        Alphabet::new(&args.alphabet).map_err(|message| BindError::new("alphabet", message))?;
    if args.algorithm == Algorithm::Ff31 && !args.allow_legacy {
        return Err(BindError::new(
            "algorithm",
            "`ff3_1` is weak and withdrawn by NIST: take `ff1`, or write `allow_legacy: true`",
        ));
    }
    if args.tweak.is_some() && args.tweak_column.is_some() {
        return Err(BindError::new(
            "tweak_column",
            "`tweak` and `tweak_column` contradict each other: keep one",
        ));
    }
    if args.short == Short::Table && args.tweak_column.is_some() {
        return Err(BindError::new(
            "short",
            "`table` would need a table for every tweak: take another `short`, or `tweak`",
        ));
    }
    let key = binder.key();
    let radix = alphabet.radix();
    let kernel = kernel(&args, &key, radix)?;
    let tweak = match (&args.tweak, &args.tweak_column) {
        (_, Some(column)) => Tweak::Column(binder.input(column)),
        (tweak, None) => Tweak::Fixed(fixed_tweak(args.algorithm, tweak.as_deref())?),
    };
    let least = least_length(radix, LEAST_DOMAIN);
    Ok(Box::new(Fpe {
        key,
        alphabet,
        kernel,
        direction: match args.decrypt {
            false => Direction::Encrypt,
            true => Direction::Decrypt,
        },
        tweak,
        short: args.short,
        outside: args.outside,
        tables: (0..least).map(|_| OnceLock::new()).collect(),
        radix,
    }))
}

fn kernel(args: &FpeArgs, key: &MaskKey, radix: u32) -> Result<Kernel, BindError> {
    let make = |key: &[u8]| match args.algorithm {
        Algorithm::Ff1 => Some(Kernel::Ff1(Ff1::new(Cipher::new(key)?, radix))),
        Algorithm::Ff31 => Some(Kernel::Ff31(Ff3_1::new(key, radix)?)),
    };
    let name: &[u8] = match args.algorithm {
        Algorithm::Ff1 => b"ff1",
        Algorithm::Ff31 => b"ff3_1",
    };
    let kernel = match args.key_bits {
        128 => make(&*key.fpe_key::<16>(&[name, b"128"])),
        192 => make(&*key.fpe_key::<24>(&[name, b"192"])),
        256 => make(&*key.fpe_key::<32>(&[name, b"256"])),
        _ => None,
    };
    kernel.ok_or_else(|| BindError::new("key_bits", "`key_bits` is 128, 192 or 256"))
}

fn fixed_tweak(algorithm: Algorithm, tweak: Option<&str>) -> Result<Vec<u8>, BindError> {
    match (algorithm, tweak) {
        (Algorithm::Ff1, tweak) => Ok(tweak.unwrap_or_default().into()),
        (Algorithm::Ff31, None) => Err(BindError::new(
            "tweak",
            "`ff3_1` needs a `tweak` or a `tweak_column`",
        )),
        (Algorithm::Ff31, Some(tweak)) => legacy_tweak(tweak)
            .ok_or_else(|| BindError::new("tweak", "`ff3_1` takes 14 hexadecimal digits")),
    }
}

fn legacy_tweak(text: &str) -> Option<Vec<u8>> {
    let tweak = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    (tweak.len() == TWEAK).then_some(tweak)
}

#[derive(Debug)]
enum Kernel {
    Ff1(Ff1),
    Ff31(Ff3_1),
}

/// Where a row's tweak comes from.
#[derive(Debug)]
enum Tweak {
    Fixed(Vec<u8>),
    Column(usize),
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Null,
    Keep,
    /// It has this many numerals.
    Masked(usize),
}

struct Fpe {
    key: MaskKey,
    alphabet: Alphabet,
    kernel: Kernel,
    direction: Direction,
    tweak: Tweak,
    short: Short,
    outside: Outside,
    /// A table for each length that is too short.
    tables: Vec<OnceLock<Permutation>>,
    radix: u32,
}

impl fmt::Debug for Fpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fpe({:?}, radix {})", self.direction, self.radix)
    }
}

impl Mask for Fpe {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let masked = match &self.alphabet {
            Alphabet::Ascii(alphabet) => self.spelled(&values, rows, alphabet)?,
            Alphabet::Unicode(alphabet) => self.spelled(&values, rows, alphabet)?,
        };
        Ok(Arc::new(masked))
    }

    fn by_value(&self) -> bool {
        matches!(self.tweak, Tweak::Fixed(_))
    }

    /// Under two tweaks two values may meet in one.
    fn keeps_distinct(&self) -> bool {
        self.by_value() && !self.may_give_null()
    }

    fn may_give_null(&self) -> bool {
        self.short == Short::Null || self.outside == Outside::Null
    }
}

impl Fpe {
    fn spelled<S: Spelling>(
        &self,
        values: &StringViewArray,
        rows: &Rows<'_>,
        spelling: &S,
    ) -> Result<StringViewArray, MaskError> {
        let mut numerals = Vec::new();
        let mut fates = Vec::with_capacity(values.len());
        // Of the rows that go through the kernel: where their numerals stand, and the row.
        let mut spans = Vec::with_capacity(values.len());
        let mut encrypted = Vec::new();
        for (row, value) in values.iter().enumerate() {
            let start = numerals.len();
            let fate = match value {
                None => Fate::Null,
                Some("") => Fate::Keep,
                Some(value) => {
                    let outside = spelling.read(value, &mut numerals);
                    self.fate(row, outside, &mut numerals[start..])?
                }
            };
            match fate {
                Fate::Null | Fate::Keep => numerals.truncate(start),
                Fate::Masked(length) if length >= self.tables.len() => {
                    spans.push(Span { start, length });
                    encrypted.push(row);
                }
                // The table has done it.
                Fate::Masked(_) => {}
            }
            fates.push(fate);
        }
        self.encrypt(&mut numerals, &spans, &encrypted, rows)?;
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = Vec::new();
        let mut rest = numerals.as_slice();
        for (row, fate) in fates.into_iter().enumerate() {
            match fate {
                Fate::Null => masked.append_null(),
                Fate::Keep => masked.append_value(values.value(row)),
                Fate::Masked(length) => {
                    let (own, others) = rest.split_at(length);
                    rest = others;
                    text.clear();
                    spelling.write(values.value(row), own, &mut text);
                    let text = std::str::from_utf8(&text);
                    masked.append_value(text.expect("characters were replaced by characters"));
                }
            }
        }
        Ok(masked.finish())
    }

    /// What becomes of a value with these numerals. Those of a short one are permuted here.
    fn fate<N: Numeral>(
        &self,
        row: usize,
        outside: bool,
        numerals: &mut [N],
    ) -> Result<Fate, MaskError> {
        let refused = |expected| Err(MaskError::Refused { row, expected });
        match self.outside {
            Outside::Error if outside => return refused("made of the alphabet's characters alone"),
            Outside::Null if outside => return Ok(Fate::Null),
            _ => {}
        }
        let length = numerals.len();
        if length >= self.tables.len() {
            return match &self.kernel {
                Kernel::Ff31(ff3_1) if length > ff3_1.longest() => {
                    refused("short enough for FF3-1")
                }
                _ => Ok(Fate::Masked(length)),
            };
        }
        match self.short {
            Short::Error => refused("long enough: its length has to allow a million texts"),
            Short::Null => Ok(Fate::Null),
            Short::Keep => Ok(Fate::Keep),
            Short::Table => {
                self.permute(numerals);
                Ok(Fate::Masked(length))
            }
        }
    }

    fn permute<N: Numeral>(&self, numerals: &mut [N]) {
        let radix = u64::from(self.radix);
        let table = self.tables[numerals.len()].get_or_init(|| {
            let size = u128::from(radix).pow(numerals.len() as u32);
            let label: &[u8] = match &self.tweak {
                Tweak::Fixed(tweak) => tweak,
                Tweak::Column(_) => &[],
            };
            Permutation::new(&self.key, label, size)
        });
        let rank = |rank, numeral: &N| rank * radix + numeral.number();
        let mut rank = [numerals.iter().fold(0, rank)];
        table.walk(self.direction, &mut rank);
        for numeral in numerals.iter_mut().rev() {
            *numeral = N::new(rank[0] % radix);
            rank[0] /= radix;
        }
    }

    fn encrypt<N: Numeral>(
        &self,
        numerals: &mut [N],
        spans: &[Span],
        encrypted: &[usize],
        rows: &Rows<'_>,
    ) -> Result<(), MaskError> {
        let mut decoded = Vec::new();
        let mut each: Vec<&[u8]> = Vec::new();
        let tweaks = match &self.tweak {
            Tweak::Fixed(tweak) => Tweaks::One(tweak),
            Tweak::Column(column) => {
                let column = rows.input(*column);
                let refused = |row, expected| MaskError::Refused { row, expected };
                let texts = encrypted.iter().map(|&row| match column.is_valid(row) {
                    true => Ok((row, column.value(row))),
                    false => Err(refused(row, "beside a tweak")),
                });
                match self.kernel {
                    Kernel::Ff1(_) => {
                        for text in texts {
                            each.push(text?.1.as_bytes());
                        }
                    }
                    Kernel::Ff31(_) => {
                        for text in texts {
                            let (row, text) = text?;
                            let expected = "beside a tweak of 14 hexadecimal digits";
                            decoded.push(legacy_tweak(text).ok_or(refused(row, expected))?);
                        }
                        each.extend(decoded.iter().map(Vec::as_slice));
                    }
                }
                Tweaks::Each(&each)
            }
        };
        let run = match &self.kernel {
            Kernel::Ff1(ff1) => ff1.run(self.direction, numerals, spans, tweaks),
            Kernel::Ff31(ff3_1) => ff3_1.run(self.direction, numerals, spans, tweaks),
        };
        run.map_err(|refusal| {
            MaskError::Internal(match refusal {
                Refusal::Short => "a value was too short for its cipher",
                Refusal::Long => "a value or tweak was too long for its cipher",
                Refusal::Numeral => "a numeral was not below its radix",
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, mask_with_input, try_texts};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "fpe", "domain": "test"{args}}}"#)
    }

    fn one(args: &str, value: &str) -> Option<String> {
        mask_texts(&mask(args), &[Some(value)]).remove(0)
    }

    #[test]
    fn format_stays_and_decrypt_leads_back() {
        for (args, value) in [
            ("", "4111111111111111"),
            ("", "4111-1111 1111/1111"),
            ("", "000000"),
            ("", ""),
            (r#", "key_bits": 128"#, "12345678901234567890"),
            (r#", "key_bits": 192"#, "1234567"),
            (r#", "alphabet": "alphalower""#, "Wellington, NZ, zoë"),
            (r#", "alphabet": "alphaupper""#, "WELLINGton"),
            (r#", "alphabet": "alpha""#, "WELLINGton"),
            (r#", "alphabet": "alphanumericlower""#, "ab12cd34"),
            (r#", "alphabet": "alphanumericupper""#, "AB12CD34"),
            (
                r#", "alphabet": "alphanumeric", "tweak": "a tweak of more than one block of bytes""#,
                "Ab12",
            ),
            (r#", "alphabet": "01""#, "0110100110010110100110010110"),
            (r#", "alphabet": "αβγδεζηθικλμνξοπρστυφχψω""#, "αλφα βητα"),
            (r#", "short": "table""#, "42"),
            (r#", "short": "table", "tweak": "x""#, "4-2-0"),
            (r#", "short": "table""#, "no digit"),
            (r#", "short": "keep""#, "42"),
            (
                r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "CBD09280979564""#,
                "39925-20240",
            ),
        ] {
            let masked = one(args, value).unwrap();
            assert_eq!(masked.chars().count(), value.chars().count(), "{args}");
            let back = one(&format!(r#"{args}, "decrypt": true"#), &masked).unwrap();
            assert_eq!(back, value, "{args}");
            let kept = ["", "no digit"].contains(&value) || args.contains("keep");
            assert_eq!(masked == value, kept, "{args} {value}");
        }
    }

    #[test]
    fn separators_change_nothing() {
        let plain = one("", "4111111111111111").unwrap();
        let masked = one("", "4111-1111-1111-1111").unwrap();
        assert_eq!(masked.replace('-', ""), plain);
        assert_eq!(masked.find('-'), Some(4));
    }

    #[test]
    fn the_whole_batch_at_once() {
        let texts: Vec<String> = (0..3000_u64)
            .map(|n| (n * n * 7919 + 100_000).to_string())
            .collect();
        let mut values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        values[5] = None;
        let masked = mask_texts(&mask(""), &values);
        for row in [0, 4, 63, 64, 2999] {
            assert_eq!(masked[row], one("", &texts[row]), "{row}");
        }
        assert_eq!(masked[5], None);
        let masked: Vec<Option<&str>> = masked.iter().map(Option::as_deref).collect();
        let back = mask_texts(&mask(r#", "decrypt": true"#), &masked);
        let back: Vec<Option<&str>> = back.iter().map(Option::as_deref).collect();
        assert_eq!(back, values);
    }

    #[test]
    fn tables_are_permutations() {
        let texts: Vec<String> = (0..1000).map(|n| format!("{n:03}")).collect();
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let mut masked = mask_texts(&mask(r#", "short": "table""#), &values);
        let tweaked = mask_texts(&mask(r#", "short": "table", "tweak": "a""#), &values);
        assert_ne!(masked, tweaked);
        masked.sort();
        assert!(masked.iter().map(Option::as_deref).eq(values));
    }

    #[test]
    fn a_column_of_tweaks() {
        let tweaks = ["a", "b", "", "a", "a tweak of more than one block of bytes"];
        let values = StringViewArray::from(vec!["123456"; 5]);
        let args = mask(r#", "tweak_column": "t""#);
        let masked = mask_with_input(
            &args,
            Arc::new(values),
            "t",
            StringViewArray::from(tweaks.to_vec()),
        )
        .unwrap();
        let masked = crate::mask::text(&masked).unwrap();
        for (row, tweak) in tweaks.iter().enumerate() {
            let fixed = one(&format!(r#", "tweak": "{tweak}""#), "123456");
            assert_eq!(fixed.as_deref(), Some(masked.value(row)), "{tweak}");
        }
        let legacy = mask(r#", "tweak_column": "t", "algorithm": "ff3_1", "allow_legacy": true"#);
        for (args, tweak) in [
            (&args, None),
            (&legacy, Some("00112233445566")),
            (&legacy, Some("x")),
        ] {
            let values = StringViewArray::from(vec![None, Some("123456")]);
            let tweaks = StringViewArray::from(vec![None, tweak]);
            let masked = mask_with_input(args, Arc::new(values), "t", tweaks);
            assert_eq!(masked.is_ok(), tweak.is_some_and(|t| t.len() == 14));
        }
    }

    #[test]
    fn values_that_do_not_fit() {
        let legacy = r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "00000000000000""#;
        let long = "1".repeat(57);
        for (args, value, result) in [
            ("", "12345", Err(())),
            ("", "n/a", Err(())),
            (r#", "short": "null""#, "12345", Ok(None)),
            (r#", "short": "keep""#, "12345", Ok(Some("12345"))),
            (r#", "outside": "error""#, "1234567-8", Err(())),
            (r#", "outside": "null""#, "1234567-8", Ok(None)),
            (
                r#", "outside": "error", "short": "keep""#,
                "１２３４５６７",
                Err(()),
            ),
            (legacy, long.as_str(), Err(())),
            (legacy, "12345", Err(())),
        ] {
            let masked = try_texts(&mask(args), &[None, Some(value)]);
            if let Err(error) = &masked {
                assert!(matches!(error, MaskError::Refused { row: 1, .. }));
                assert!(!error.to_string().contains(value));
            }
            let masked = masked.map(|mut masked| masked.remove(1)).map_err(|_| ());
            assert_eq!(masked, result.map(|text| text.map(str::to_owned)), "{args}");
        }
        let long: String = "0123456789".repeat(300);
        let masked = one("", &long).unwrap();
        assert_eq!(one(r#", "decrypt": true"#, &masked), Some(long));
    }

    #[test]
    fn arguments_that_choose_the_key() {
        let image = |args| mask_texts(&format!(r#"{{"type": "fpe"{args}}}"#), &[Some("123456789")]);
        let plain = image("");
        for (args, same) in [
            (r#", "short": "table", "outside": "error""#, true),
            (r#", "alphabet": "0123456789""#, false),
            (r#", "key_bits": 128"#, false),
            (r#", "tweak": "a""#, false),
            (r#", "tweak": """#, true),
        ] {
            assert_eq!(image(args) == plain, same, "{args}");
        }
    }

    #[test]
    fn promises() {
        for (args, distinct, null) in [
            ("", true, false),
            (r#", "outside": "error", "short": "table""#, true, false),
            (r#", "outside": "null""#, false, true),
            (r#", "short": "null""#, false, true),
        ] {
            let node = serde_json::from_str(&mask(args)).unwrap();
            let root = crate::Root::new(b"secret", None);
            let mut inputs = Vec::new();
            let chain = Binder::new(&root, &NoSeeds, DataType::Utf8, &mut inputs)
                .chain(&[node])
                .unwrap();
            assert_eq!(chain.keeps_distinct(), distinct, "{args}");
            assert_eq!(chain.may_give_null(), null, "{args}");
            assert!(chain.by_value());
            assert!(!format!("{chain:?}").contains("secret"));
        }
    }

    struct NoSeeds;

    impl crate::SeedFiles for NoSeeds {
        fn table(&self, _: &str) -> Result<Arc<crate::SeedTable>, String> {
            Err("there are none".to_owned())
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            (
                r#", "algorithm": "ff3_1", "tweak": "00112233445566""#,
                "[0].algorithm",
            ),
            (
                r#", "algorithm": "ff3_1", "allow_legacy": true"#,
                "[0].tweak",
            ),
            (
                r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "0011""#,
                "[0].tweak",
            ),
            (r#", "algorithm": "ff2""#, "[0].algorithm"),
            (r#", "alphabet": "a""#, "[0].alphabet"),
            (r#", "alphabet": """#, "[0].alphabet"),
            (r#", "alphabet": "hexadecimal""#, "[0].alphabet"),
            (r#", "key_bits": 512"#, "[0].key_bits"),
            (r#", "tweak": "a", "tweak_column": "b""#, "[0].tweak_column"),
            (r#", "short": "table", "tweak_column": "b""#, "[0].short"),
            (r#", "short": "pad""#, "[0].short"),
            (r#", "outside": "drop""#, "[0].outside"),
        ] {
            assert_eq!(
                bind_error(&mask(args), &DataType::Utf8).path,
                path,
                "{args}"
            );
        }
        assert_eq!(bind_error(&mask(""), &DataType::Int64).path, "[0].type");
        let dates = arrow::array::LargeStringArray::from(vec!["2024-02-29"]);
        let masked = mask_array(&mask(""), Arc::new(dates)).unwrap();
        assert_eq!(masked.data_type(), &DataType::LargeUtf8);
    }
}
