//! How an identifier is written: the places, and what stands between them.

use crate::digits;

/// The longest identifier: an IBAN may have 34 places.
const LONGEST: usize = 34;

/// Digits, and letters as capitals; zero for any other byte.
const CAPITALS: [u8; 256] = {
    let mut capitals = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            capitals[byte] = (byte as u8).to_ascii_uppercase();
        }
        byte += 1;
    }
    capitals
};

/// Of a letter that is a small one, and of one that is a capital.
const SMALL: u8 = 1;
const CAPITAL: u8 = 2;

/// Which of both each byte is.
const CASES: [u8; 256] = {
    let mut cases = [0; 256];
    let mut letter = b'a';
    while letter <= b'z' {
        cases[letter as usize] = SMALL;
        cases[letter.to_ascii_uppercase() as usize] = CAPITAL;
        letter += 1;
    }
    cases
};

/// The places of an identifier in capitals, without separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    bytes: [u8; LONGEST],
    len: u8,
}

impl Number {
    /// So many zeros.
    pub(crate) fn zeros(places: usize) -> Self {
        let mut bytes = [0; LONGEST];
        let len = places.min(LONGEST);
        bytes[..len].fill(b'0');
        Self {
            bytes,
            len: len as u8,
        }
    }

    /// The places of a text: letters and digits, and `+` and `-` unless they are `separators`. `None`
    /// where there is another character or there are too many.
    pub(crate) fn read(text: &str, separators: &str) -> Option<Self> {
        let mut number = Self::zeros(0);
        number.read_from(text, separators)?;
        Some(number)
    }

    /// The same in the place of another: numbers that are handed on are copied, which takes longer than
    /// to read them.
    pub(crate) fn read_from(&mut self, text: &str, separators: &str) -> Option<()> {
        let mut len = 0;
        for byte in text.bytes() {
            let place = match CAPITALS[usize::from(byte)] {
                0 if is_one_of(separators, byte) => continue,
                0 if byte == b'+' || byte == b'-' => byte,
                0 => return None,
                place => place,
            };
            *self.bytes.get_mut(len)? = place;
            len += 1;
        }
        self.len = len as u8;
        Some(())
    }

    /// The number with zeros in front, up to so many places.
    pub(super) fn padded(&self, places: usize) -> Option<Self> {
        let zeros = places.checked_sub(self.places().len())?;
        let mut padded = Self::zeros(places);
        padded
            .places_mut()
            .get_mut(zeros..)?
            .copy_from_slice(self.places());
        Some(padded)
    }

    /// The number with a zero behind it.
    pub(crate) fn followed_by_zero(mut self) -> Option<Self> {
        *self.bytes.get_mut(usize::from(self.len))? = b'0';
        self.len += 1;
        Some(self)
    }

    pub(crate) fn places(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    pub(crate) fn places_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.len)]
    }

    /// The places as they are.
    pub(crate) fn text(&self) -> String {
        self.places().iter().copied().map(char::from).collect()
    }

    /// Appends the places as they are.
    pub(crate) fn push_to(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(self.places());
    }
}

/// Whether a byte is one of a few: a search made for long texts would take longer.
#[inline]
pub(super) fn is_one_of(few: &str, byte: u8) -> bool {
    few.bytes().any(|one| one == byte)
}

/// Appends `number` in the form of `like`, which has as many places: what stands between them stays,
/// a letter is small where `like` has a small one, or has small letters only.
pub(crate) fn push_like(number: &Number, like: &str, separators: &str, text: &mut Vec<u8>) {
    let mut cases = 0;
    for byte in like.bytes() {
        cases |= CASES[usize::from(byte)];
    }
    // As many digits and capitals as there are bytes: the usual case.
    let lower = cases & SMALL != 0;
    if like.len() == number.places().len() && !lower {
        return number.push_to(text);
    }
    let small = cases == SMALL;
    let mut places = number.places().iter();
    let mut end = text.len();
    text.extend_from_slice(like.as_bytes());
    for byte in &mut text[end..] {
        let is_place = CAPITALS[usize::from(*byte)] != 0;
        if is_place || !is_one_of(separators, *byte) {
            let Some(place) = places.next() else { break };
            *byte = match lower && (small || byte.is_ascii_lowercase()) {
                true => place.to_ascii_lowercase(),
                false => *place,
            };
        }
        end += 1;
    }
    text.truncate(end);
}

/// Appends `like` with other characters in its last places.
pub(crate) fn push_with_end(like: &str, end: &[u8], separators: &str, text: &mut Vec<u8>) {
    let start = text.len();
    text.extend_from_slice(like.as_bytes());
    let is_place = |byte: &&mut u8| !is_one_of(separators, **byte);
    let places = text[start..].iter_mut().rev().filter(is_place);
    for (place, new) in places.zip(end.iter().rev()) {
        *place = *new;
    }
}

/// The digits as a number; `None` where there is another character.
pub(super) fn number_of(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Writes a number with as many digits as there is room.
pub(super) fn write_number(mut number: u64, places: &mut [u8]) {
    const EIGHT: u64 = 100_000_000;
    if let Some(unused) = 8_usize.checked_sub(places.len()) {
        let digits = digits::of_number(number % EIGHT);
        for (place, digit) in places.iter_mut().zip(&digits[unused..]) {
            *place = b'0' + digit;
        }
        return;
    }
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_stays() {
        for (like, number, written) in [
            ("123-45-6789", "987654321", "987-65-4321"),
            ("12 345 678z", "87654321K", "87 654 321k"),
            ("12 345 678", "87654K21", "87 654 K21"),
            ("ab 12", "XY3Z", "xy 3z"),
            ("aB 12", "XY3Z", "xY 3Z"),
            ("", "", ""),
        ] {
            let number = Number::read(number, "").unwrap();
            let mut text = Vec::new();
            push_like(&number, like, " -", &mut text);
            assert_eq!(text, written.as_bytes());
        }
        let mut text = b"1".to_vec();
        push_with_end("ab-12 3-", b"45", " -", &mut text);
        assert_eq!(text, b"1ab-14 5-");
    }

    #[test]
    fn places_of_a_text() {
        for (text, separators, places) in [
            ("ab-1 2", "- ", Some("AB12")),
            ("ab-1 2", " ", Some("AB-12")),
            ("1?2", "- ", None),
            ("1é2", "- ", None),
            ("", "", Some("")),
            (
                "1234567890123456789012345678901234",
                "",
                Some("1234567890123456789012345678901234"),
            ),
            ("12345678901234567890123456789012345", "", None),
        ] {
            let number = Number::read(text, separators);
            let read = number.map(|n| String::from_utf8(n.places().to_vec()).unwrap());
            assert_eq!(read.as_deref(), places, "{text}");
        }
        let padded = Number::read("12", "").unwrap().padded(4).unwrap();
        assert_eq!(padded.places(), b"0012");
        assert_eq!(padded.padded(3), None);
    }
}
