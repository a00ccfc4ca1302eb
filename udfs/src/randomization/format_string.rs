//! Format strings: plain text and, in braces, characters out of a class.
//!
//! ```text
//! format      = { literal | placeholder }
//! placeholder = "{" "[" class "]" [ "," count ] "}"     count: 1 and more, 1 where it is left out
//! class       = { character | character "-" character }
//! ```
//!
//! A backslash makes the character after it plain, in text and in a class. Every string of a format
//! has the same length, so strings can be numbered: the first is number 0, the last character counts
//! fastest, and the characters of a class count in the order the ruleset writes them.

use arrow::array::StringViewArray;
use arrow::datatypes::DataType;
use num_bigint::BigUint;

use crate::mask::TypeFamily;
use crate::randomization::picks::{Picks, Plan};
use crate::scalar::typed;

/// Characters a string may have, and characters a class may have.
const LONGEST: usize = 10_000;

/// A parsed format.
#[derive(Debug)]
pub(crate) struct FormatString {
    pieces: Vec<Piece>,
    /// Blocks of a draw for one string.
    blocks: usize,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Class {
        /// Different from each other.
        characters: Vec<char>,
        /// For each place, whether its pick begins a new word of the draw.
        places: Vec<bool>,
    },
}

impl FormatString {
    /// Reads a format.
    ///
    /// # Errors
    /// What is wrong, and where, counted in characters from 1.
    pub(crate) fn parse(format: &str) -> Result<Self, String> {
        let mut reader = Reader {
            characters: format.chars().collect(),
            at: 0,
        };
        let mut pieces = Vec::new();
        let mut plan = Plan::default();
        let mut length = 0;
        let mut text = String::new();
        while let Some(next) = reader.next() {
            match next {
                Symbol::Sign('{') => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    let (characters, count) = reader.placeholder()?;
                    length += count;
                    if length > LONGEST {
                        return Err(too_long());
                    }
                    let places = (0..count).map(|_| plan.next(characters.len())).collect();
                    pieces.push(Piece::Class { characters, places });
                }
                Symbol::Sign('}') => {
                    return Err(reader.wrong("a `}` that closes nothing; write `\\}` for the sign"));
                }
                Symbol::Sign(plain) | Symbol::Plain(plain) => {
                    text.push(plain);
                    length += 1;
                }
                Symbol::Lone => return Err(reader.wrong(LONE)),
            }
        }
        if length > LONGEST {
            return Err(too_long());
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self {
            pieces,
            blocks: plan.words().div_ceil(2),
        })
    }

    /// How many strings the format offers, all different; `None` for 2^128 and more.
    pub(crate) fn offers(&self) -> Option<u128> {
        self.pieces.iter().try_fold(1_u128, |offers, piece| {
            let Piece::Class { characters, places } = piece else {
                return Some(offers);
            };
            places.iter().try_fold(offers, |offers, _| {
                offers.checked_mul(characters.len() as u128)
            })
        })
    }

    /// As [`FormatString::offers`], however many there are.
    pub(crate) fn size(&self) -> BigUint {
        let classes = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Class { characters, places } => Some((characters.len(), places.len())),
            Piece::Text(_) => None,
        });
        classes.fold(BigUint::from(1_u8), |size, (characters, places)| {
            size * BigUint::from(characters).pow(places as u32)
        })
    }

    /// The string with the greatest digit at each place; `None` where a class holds another character
    /// than digits.
    pub(crate) fn greatest(&self) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Class { characters, places } => {
                    let digits = characters.iter().all(char::is_ascii_digit);
                    let greatest = *characters.iter().max().filter(|_| digits)?;
                    text.extend(std::iter::repeat_n(greatest, places.len()));
                }
            }
        }
        Some(text)
    }

    /// Whether every string is a value of `column`. Of numbers, strings of one length are different ones.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn fits(&self, column: &DataType) -> Result<(), String> {
        if TypeFamily::of(column) == Some(TypeFamily::Text) {
            return Ok(());
        }
        let greatest = self.greatest().ok_or_else(|| {
            format!("the column's type is {column}, so the classes of the format hold digits only")
        })?;
        let mut least = String::new();
        self.push(0, &mut least);
        for number in [least, greatest] {
            let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
            let fits = typed(StringViewArray::from_iter([Some(number)]), column).is_ok();
            if !fits || digits > scale_of(column) {
                return Err(format!(
                    "the column's type is {column}, and a text of this format may be no value of it"
                ));
            }
        }
        Ok(())
    }

    /// The number of a string; `None` where `text` is none of the format.
    pub(crate) fn rank(&self, text: &str) -> Option<BigUint> {
        let mut rest = text.chars();
        // As long as it fits, a number of the machine's own.
        let (mut low, mut high) = (0_u64, None::<BigUint>);
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => {
                    rest = rest.as_str().strip_prefix(plain.as_str())?.chars();
                }
                Piece::Class { characters, places } => {
                    for _ in places {
                        let next = rest.next()?;
                        let place = characters.iter().position(|one| *one == next)?;
                        let size = characters.len() as u64;
                        let narrow = low.checked_mul(size);
                        let narrow = narrow.and_then(|low| low.checked_add(place as u64));
                        match (&mut high, narrow) {
                            (None, Some(narrow)) => low = narrow,
                            (None, None) => high = Some(BigUint::from(low) * size + place),
                            (Some(high), _) => *high = &*high * size + place,
                        }
                    }
                }
            }
        }
        let is_whole = rest.as_str().is_empty();
        is_whole.then(|| high.unwrap_or_else(|| BigUint::from(low)))
    }

    /// Appends the string of number `rank`, which is below what [`FormatString::offers`] tells;
    /// numbers beyond begin again from 0.
    pub(crate) fn push(&self, rank: u128, text: &mut String) {
        let mut rank = rank;
        self.push_by(|size| remainder(&mut rank, size), text);
    }

    /// As [`FormatString::push`], for a number of any size.
    pub(crate) fn push_wide(&self, rank: BigUint, text: &mut String) {
        let mut rank = rank;
        let next = |size: usize| {
            let place = usize::try_from(&rank % size).expect("a remainder is small");
            rank /= size;
            place
        };
        self.push_by(next, text);
    }

    /// Appends a string: `next` says which character of a class of so many stands at each place, the
    /// last place first.
    fn push_by(&self, mut next: impl FnMut(usize) -> usize, text: &mut String) {
        let start = text.len();
        // From the last character to the first, then turned round.
        for piece in self.pieces.iter().rev() {
            match piece {
                Piece::Text(plain) => text.extend(plain.chars().rev()),
                Piece::Class { characters, places } => {
                    for _ in places {
                        text.push(characters[next(characters.len())]);
                    }
                }
            }
        }
        if text[start..].is_ascii() {
            let mut turned = text.split_off(start).into_bytes();
            turned.reverse();
            text.push_str(std::str::from_utf8(&turned).expect("ASCII stays ASCII"));
        } else {
            let turned: String = text[start..].chars().rev().collect();
            text.replace_range(start.., &turned);
        }
    }

    /// How many characters each string has.
    pub(crate) fn length(&self) -> usize {
        let lengths = self.pieces.iter().map(|piece| match piece {
            Piece::Text(plain) => plain.chars().count(),
            Piece::Class { places, .. } => places.len(),
        });
        lengths.sum()
    }

    /// Blocks of a draw that [`FormatString::draw`] takes.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Appends a string drawn from `blocks`, each character as likely as the others of its class
    /// within 2^-32.
    pub(crate) fn draw(&self, blocks: &[[u8; 16]], text: &mut String) {
        let mut picks = Picks::of(blocks);
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Class { characters, places } => {
                    for fresh in places {
                        if *fresh {
                            picks.turn();
                        }
                        text.push(characters[picks.pick(characters.len())]);
                    }
                }
            }
        }
    }
}

/// Digits a column's numbers have behind their point.
fn scale_of(column: &DataType) -> usize {
    use DataType::*;
    match column {
        Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) | Decimal256(_, scale) => {
            usize::try_from(*scale).unwrap_or(0)
        }
        _ => 0,
    }
}

/// `rank` modulo `size`, and `rank` divided by it; division of 64 bits is many times faster.
fn remainder(rank: &mut u128, size: usize) -> usize {
    match u64::try_from(*rank) {
        Ok(small) => {
            *rank = u128::from(small / size as u64);
            (small % size as u64) as usize
        }
        Err(_) => {
            let rest = *rank % size as u128;
            *rank /= size as u128;
            rest as usize
        }
    }
}

const LONE: &str = "a backslash with nothing after it; write `\\\\` for the sign";

fn too_long() -> String {
    format!("a string would have more than {LONGEST} characters")
}

/// A character of a format.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Symbol {
    /// As written: it may have a meaning.
    Sign(char),
    /// After a backslash.
    Plain(char),
    /// A backslash at the end.
    Lone,
}

struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<Symbol> {
        let character = *self.characters.get(self.at)?;
        self.at += 1;
        if character != '\\' {
            return Some(Symbol::Sign(character));
        }
        let Some(plain) = self.characters.get(self.at) else {
            return Some(Symbol::Lone);
        };
        self.at += 1;
        Some(Symbol::Plain(*plain))
    }

    /// The rest of a placeholder behind its `{`.
    fn placeholder(&mut self) -> Result<(Vec<char>, usize), String> {
        if self.next() != Some(Symbol::Sign('[')) {
            let what = "a `{` is followed by a class such as `[A-Z]`; write `\\{` for the sign";
            return Err(self.wrong(what));
        }
        let characters = self.class()?;
        match self.next() {
            Some(Symbol::Sign('}')) => return Ok((characters, 1)),
            Some(Symbol::Sign(',')) => {}
            _ => return Err(self.wrong("a class is followed by `,` and a count, or by `}`")),
        }
        let mut digits = String::new();
        loop {
            match self.next() {
                Some(Symbol::Sign('}')) => break,
                Some(Symbol::Sign(digit)) if digit.is_ascii_digit() => digits.push(digit),
                Some(Symbol::Sign(' ')) => {}
                _ => {
                    let what = "a count is one whole number; `from_random_text` makes text of varying length";
                    return Err(self.wrong(what));
                }
            }
        }
        match digits.parse() {
            Ok(count) if (1..=LONGEST).contains(&count) => Ok((characters, count)),
            Ok(0) | Err(_) if digits.len() < 6 => Err(self.wrong("a count is 1 or more")),
            _ => Err(too_long()),
        }
    }

    /// The characters of a class behind its `[`, each once.
    fn class(&mut self) -> Result<Vec<char>, String> {
        let mut characters: Vec<char> = Vec::new();
        let mut known = std::collections::HashSet::new();
        loop {
            let first = match self.next() {
                Some(Symbol::Sign(']')) => break,
                Some(Symbol::Sign('^')) if characters.is_empty() => {
                    let what =
                        "a class lists what it offers and cannot exclude; write `\\^` for the sign";
                    return Err(self.wrong(what));
                }
                // `[A-Z,a-z]` may be meant with or without commas among the characters.
                Some(Symbol::Sign(',')) => {
                    let what = "nothing separates the parts of a class: `[A-Za-z]`; write `\\,` for a comma";
                    return Err(self.wrong(what));
                }
                Some(Symbol::Sign('-')) => {
                    let what = "a `-` stands between two characters; write `\\-` for the sign";
                    return Err(self.wrong(what));
                }
                Some(Symbol::Sign(first) | Symbol::Plain(first)) => first,
                Some(Symbol::Lone) => return Err(self.wrong(LONE)),
                None => return Err(self.wrong("a class is not closed by `]`")),
            };
            let last = match self.characters.get(self.at) {
                Some('-') => {
                    self.at += 1;
                    match self.next() {
                        Some(Symbol::Sign(']')) | Some(Symbol::Lone) | None => {
                            let what =
                                "a `-` stands between two characters; write `\\-` for the sign";
                            return Err(self.wrong(what));
                        }
                        Some(Symbol::Sign(last) | Symbol::Plain(last)) => last,
                    }
                }
                _ => first,
            };
            if last < first {
                return Err(self.wrong("a range runs from the lower character to the higher"));
            }
            for character in first..=last {
                if known.insert(character) {
                    characters.push(character);
                }
                if characters.len() > LONGEST {
                    return Err(self.wrong("a class has more than 10000 characters"));
                }
            }
        }
        match characters.is_empty() {
            true => Err(self.wrong("a class needs at least one character")),
            false => Ok(characters),
        }
    }

    fn wrong(&self, what: &str) -> String {
        format!("up to character {}: {what}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn string(format: &str, rank: u128) -> String {
        let mut text = "before ".to_owned();
        FormatString::parse(format).unwrap().push(rank, &mut text);
        text.strip_prefix("before ").unwrap().to_owned()
    }

    #[test]
    fn strings_of_ranks() {
        for (format, rank, expected) in [
            ("{[A-Z],3}{[0-9],3}", 0, "AAA000"),
            ("{[A-Z],3}{[0-9],3}", 17_575_999, "ZZZ999"),
            ("{[A-Z],3}{[0-9],3}", 1_000, "AAB000"),
            ("{[A-Z],3}{[0-9],3}", 17_576_000, "AAA000"),
            ("+1-{[0-9],3}-{[0-9],4}", 1_234_567, "+1-123-4567"),
            ("{[ba]}{[a-cb-d],1}", 7, "ad"),
            ("{[żó],2} ł", 2, "óż ł"),
            (r"\{{[\]\-\\x]}\}", 1, "{-}"),
            (r"{[+--],2}", 5, ",-"),
            ("plain", 0, "plain"),
            ("", 0, ""),
            (
                "{[0-9],39}",
                u128::MAX,
                "340282366920938463463374607431768211455",
            ),
        ] {
            assert_eq!(string(format, rank), expected, "{format} {rank}");
        }
    }

    #[test]
    fn what_formats_offer() {
        for (format, offers) in [
            ("", Some(1)),
            ("abc", Some(1)),
            ("{[A-Z],3}{[0-9],3}", Some(17_576_000)),
            ("{[aab]}", Some(2)),
            ("{[01],127}", Some(1 << 127)),
            ("{[01],128}", None),
            ("{[x],10000}", Some(1)),
        ] {
            assert_eq!(FormatString::parse(format).unwrap().offers(), offers);
        }
    }

    #[test]
    fn numbers_of_any_size() {
        let format = FormatString::parse("{[A-Z],40}-{[0-9],3}").unwrap();
        let size = BigUint::from(26_u8).pow(40) * 1000_u32;
        assert_eq!(format.size(), size);
        let mut text = String::new();
        format.push_wide(size - 1_u8, &mut text);
        assert_eq!(text, format!("{}-999", "Z".repeat(40)));
        let (mut narrow, mut wide) = (String::new(), String::new());
        format.push(123_456_789, &mut narrow);
        format.push_wide(BigUint::from(123_456_789_u32), &mut wide);
        assert_eq!(narrow, wide);
    }

    #[test]
    fn ranks_of_strings() {
        for (format, rank) in [
            ("{[A-Z],3}-{[0-9],3}", 17_575_999_u128),
            ("a{[żó],2} ł{[x-z]}", 7),
            ("{[0-9],39}", u128::MAX),
            ("plain", 0),
        ] {
            let parsed = FormatString::parse(format).unwrap();
            assert_eq!(
                parsed.rank(&string(format, rank)),
                Some(BigUint::from(rank))
            );
            assert_eq!(parsed.rank(&format!("{}x", string(format, rank))), None);
            assert_eq!(parsed.rank("?"), None);
        }
        let wide = FormatString::parse("{[a-f0-9],60}").unwrap();
        let last = wide.size() - 1_u8;
        let mut text = String::new();
        wide.push_wide(last.clone(), &mut text);
        assert_eq!(wide.rank(&text), Some(last));
    }

    #[test]
    fn the_greatest_number() {
        for (format, greatest) in [
            ("-{[1-9]}{[05],3}.{[0-9]}", Some("-9555.9")),
            ("{[0-9+]}", None),
            ("{[A-Z]}", None),
        ] {
            let found = FormatString::parse(format).unwrap().greatest();
            assert_eq!(found.as_deref(), greatest, "{format}");
        }
    }

    #[test]
    fn every_rank_has_its_own_string() {
        let format = FormatString::parse("{[a-c]}1{[1-3],2}").unwrap();
        let strings: HashSet<String> = (0..27)
            .map(|rank| {
                let mut text = String::new();
                format.push(rank, &mut text);
                text
            })
            .collect();
        assert_eq!((strings.len(), format.offers()), (27, Some(27)));
    }

    #[test]
    fn formats_that_make_no_sense() {
        for format in [
            "{",
            "}",
            "{}",
            "{A-Z,3}",
            "{[A-Z],3",
            "{[A-Z]3}",
            "{[A-Z],}",
            "{[A-Z],0}",
            "{[A-Z],00000000000}",
            "{[A-Z],-1}",
            "{[A-Z],2-3}",
            "{[A-Z],2,3}",
            "{[A-Z],10001}",
            "{[A-Z],99999999999999999999999}",
            "{[A-Z],9999}{[0-9]}x",
            "{[],3}",
            "{[Z-A],3}",
            "{[A-],3}",
            "{[-A],3}",
            "{[^A],3}",
            "{[A-Z,a-z],3}",
            "{[A-Z",
            "{[\u{0}-\u{10ffff}]}",
            "\\",
            "{[\\",
            "{[a-\\",
        ] {
            assert!(FormatString::parse(format).is_err(), "{format}");
        }
        assert!(FormatString::parse(&"x".repeat(10_001)).is_err());
    }
}
