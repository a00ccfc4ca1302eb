//! Alphabets: which characters of a text are numerals, and which numeral each of them is.

use std::collections::BTreeMap;

use super::batch::Numeral;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Alphabets with a name, as Pangea Redact calls them; their characters are in the order of ASCII.
pub(crate) const NAMED: [(&str, [&str; 3]); 7] = [
    ("numeric", [DIGITS, "", ""]),
    ("alphalower", ["", "", LOWER]),
    ("alphaupper", ["", UPPER, ""]),
    ("alpha", ["", UPPER, LOWER]),
    ("alphanumericlower", [DIGITS, "", LOWER]),
    ("alphanumericupper", [DIGITS, UPPER, ""]),
    ("alphanumeric", [DIGITS, UPPER, LOWER]),
];

/// Marks a byte that is no numeral; an ASCII alphabet has at most 128.
const OUTSIDE: u8 = 0xff;

/// The characters of an alphabet, by how they are found.
#[derive(Debug)]
pub(crate) enum Alphabet {
    Ascii(AsciiAlphabet),
    Unicode(UnicodeAlphabet),
}

/// An alphabet of ASCII characters: other bytes of a text are left alone.
#[derive(Debug)]
pub(crate) struct AsciiAlphabet {
    places: Box<[u8; 256]>,
    bytes: Vec<u8>,
}

/// An alphabet of any characters.
#[derive(Debug)]
pub(crate) struct UnicodeAlphabet {
    places: BTreeMap<char, u16>,
    chars: Vec<char>,
}

impl Alphabet {
    /// The alphabet of this name, or of these characters in this order.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(spelled: &str) -> Result<Self, String> {
        let named = NAMED.iter().find(|(name, _)| *name == spelled);
        let chars = named.map_or(spelled.to_owned(), |(_, parts)| parts.concat());
        let chars: Vec<char> = chars.chars().collect();
        let mut places = BTreeMap::new();
        for (place, char) in chars.iter().enumerate() {
            let Ok(place) = u16::try_from(place) else {
                return Err("an alphabet has at most 65,536 characters".to_owned());
            };
            if places.insert(*char, place).is_some() {
                let names = NAMED.map(|(name, _)| name).join("`, `");
                return Err(format!(
                    "`{spelled}` has a character twice: list each once, or name one of `{names}`"
                ));
            }
        }
        if chars.len() < 2 {
            return Err("an alphabet needs at least two characters".to_owned());
        }
        if !chars.iter().all(char::is_ascii) {
            return Ok(Self::Unicode(UnicodeAlphabet { places, chars }));
        }
        let bytes: Vec<u8> = chars.iter().map(|char| *char as u8).collect();
        let mut places = Box::new([OUTSIDE; 256]);
        for (place, byte) in bytes.iter().enumerate() {
            places[usize::from(*byte)] = place as u8;
        }
        Ok(Self::Ascii(AsciiAlphabet { places, bytes }))
    }

    /// The first character, where the others follow it as they do in ASCII.
    pub(crate) fn first_of_run(&self) -> Option<u8> {
        let Self::Ascii(AsciiAlphabet { bytes, .. }) = self else {
            return None;
        };
        let first = *bytes.first()?;
        bytes
            .iter()
            .copied()
            .eq((first..).take(bytes.len()))
            .then_some(first)
    }

    /// How many characters there are.
    pub(crate) fn radix(&self) -> u32 {
        let radix = match self {
            Self::Ascii(alphabet) => alphabet.bytes.len(),
            Self::Unicode(alphabet) => alphabet.chars.len(),
        };
        radix as u32
    }
}

/// How texts become numerals and numerals texts.
pub(crate) trait Spelling {
    type Numeral: Numeral;

    /// Appends the numerals of `text`; whether it has characters outside the alphabet.
    fn read(&self, text: &str, numerals: &mut Vec<Self::Numeral>) -> bool;

    /// Appends `text` with `numerals` in place of its own ones.
    fn write(&self, text: &str, numerals: &[Self::Numeral], to: &mut Vec<u8>);
}

impl Spelling for AsciiAlphabet {
    type Numeral = u8;

    fn read(&self, text: &str, numerals: &mut Vec<u8>) -> bool {
        let start = numerals.len();
        let places = text.bytes().map(|byte| self.places[usize::from(byte)]);
        numerals.extend(places);
        // Numerals are below 128: the highest bit tells, and plain bits are joined many at a time.
        let bits = numerals[start..].iter().fold(0, |bits, place| bits | place);
        if bits < 0x80 {
            return false;
        }
        let mut end = start;
        for place in start..numerals.len() {
            numerals[end] = numerals[place];
            end += usize::from(numerals[place] != OUTSIDE);
        }
        numerals.truncate(end);
        true
    }

    fn write(&self, text: &str, numerals: &[u8], to: &mut Vec<u8>) {
        let byte = |numeral: &u8| self.bytes[usize::from(*numeral)];
        if numerals.len() == text.len() {
            return to.extend(numerals.iter().map(byte));
        }
        let mut numerals = numerals.iter();
        to.extend(text.bytes().map(|old| match self.places[usize::from(old)] {
            OUTSIDE => old,
            _ => numerals.next().map_or(old, byte),
        }));
    }
}

impl Spelling for UnicodeAlphabet {
    type Numeral = u16;

    fn read(&self, text: &str, numerals: &mut Vec<u16>) -> bool {
        let mut outside = false;
        for char in text.chars() {
            match self.places.get(&char) {
                Some(place) => numerals.push(*place),
                None => outside = true,
            }
        }
        outside
    }

    fn write(&self, text: &str, numerals: &[u16], to: &mut Vec<u8>) {
        let mut numerals = numerals.iter();
        for old in text.chars() {
            let char = match self.places.contains_key(&old) {
                true => numerals.next().map_or(old, |n| self.chars[usize::from(*n)]),
                false => old,
            };
            to.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}
