//! `fpe`: the characters of an alphabet are encrypted into others of it, one for one.
//!
//! - Technique: pseudonymization by format-preserving encryption (ISO/IEC 20889:2018).
//! - Source: FF1 of NIST SP 800-38G with the least domain of its Rev. 1 (second draft, 2025); FF3-1 of
//!   the first draft (2019) for other tools' data; names of alphabets of Pangea Redact.
//! - Input: text, integers, decimals without a fraction. Output: text of as many characters, a number of
//!   as many digits (`fpe_numbers.rs`). Null stays null, empty text empty.
//! - Decided by the value, the key and the tweak; `decrypt` gives the value back. No draw is taken.
//! - Values with fewer than a million texts of their length are refused, see `short`; with
//!   `short: table` they are permuted by a table under the mask's key.

mod even;

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use data_encoding::HEXLOWER_PERMISSIVE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fpe_numbers::Numbers;
use crate::canonical::plain_text;
use crate::fpe::ff3_1::TWEAK;
use crate::fpe::{
    Alphabet, Cipher, Direction, Ff1, Ff3_1, LEAST_DOMAIN, Numeral, Refusal, Span, Spelling,
    Tweaks, least_length,
};
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::permutation::Permutation;
use crate::rows::Rows;
use crate::tally::{self, Met};
use even::Even;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "fpe",
    summary: "characters are encrypted into others of their alphabet; the key leads back; a decimal has no fraction",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<FpeArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
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
    /// numbers, for example `0123456789abcdef`. A column of numbers takes the digits only: its numbers
    /// keep sign and count of digits, and what would have a zero in front or not fit the type is
    /// encrypted again.
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
    #[schemars(extend("x-spellings" = ["ff3-1"]))]
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
    let numbers = match TypeFamily::of(binder.column()) {
        Some(TypeFamily::Text) => None,
        _ => Some(Numbers::new(binder.column(), &args.alphabet)?),
    };
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
        first: alphabet.first_of_run(),
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
        numbers,
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
    /// Its first character, where the others follow.
    first: Option<u8>,
    kernel: Kernel,
    direction: Direction,
    tweak: Tweak,
    short: Short,
    outside: Outside,
    /// A table for each length that is too short.
    tables: Vec<OnceLock<Permutation>>,
    radix: u32,
    /// The column where it holds numbers.
    numbers: Option<Numbers>,
}

impl fmt::Debug for Fpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fpe({:?}, radix {})", self.direction, self.radix)
    }
}

impl Mask for Fpe {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let texts = |values: &StringViewArray, rows: &Rows<'_>| {
            if let Some(masked) = self.even(values)? {
                return Ok(masked);
            }
            match &self.alphabet {
                Alphabet::Ascii(alphabet) => self.spelled(values, rows, alphabet),
                Alphabet::Unicode(alphabet) => self.spelled(values, rows, alphabet),
            }
        };
        match &self.numbers {
            Some(numbers) => numbers.mask(&values, rows, texts),
            None => Ok(Arc::new(texts(&plain_text(&values)?, rows)?)),
        }
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
    /// The whole column at once; `None` where not all of its values are alike, or are not to be
    /// encrypted at all.
    fn even(&self, values: &StringViewArray) -> Result<Option<StringViewArray>, MaskError> {
        let (Some(first), Tweak::Fixed(tweak), Kernel::Ff1(ff1)) =
            (self.first, &self.tweak, &self.kernel)
        else {
            return Ok(None);
        };
        let Some(mut even) = Even::read(values, first, self.radix) else {
            return Ok(None);
        };
        if even.length < self.tables.len() {
            return Ok(None);
        }
        ff1.run_even(self.direction, &mut even.numerals, even.length, tweak)
            .map_err(refused)?;
        Ok(Some(even.write(first, values)))
    }

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
        let mut met = Met::default();
        for (row, value) in values.iter().enumerate() {
            let start = numerals.len();
            let fate = match value {
                None => Fate::Null,
                Some("") => Fate::Keep,
                Some(value) => {
                    let outside = spelling.read(value, &mut numerals);
                    let numerals = &mut numerals[start..];
                    met.outside += u64::from(outside) * rows.weight(row);
                    met.short += u64::from(numerals.len() < self.tables.len()) * rows.weight(row);
                    self.fate(row, outside, numerals)?
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
        tally::meet(met);
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
        run.map_err(refused)
    }
}

/// A refusal of the kernel, which every value was looked at for before.
fn refused(refusal: Refusal) -> MaskError {
    MaskError::Internal(match refusal {
        Refusal::Short => "a value was too short for its cipher",
        Refusal::Long => "a value or tweak was too long for its cipher",
        Refusal::Numeral => "a numeral was not below its radix",
    })
}

#[cfg(test)]
mod tests;
