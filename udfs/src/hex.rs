//! Hexadecimal digits and UUIDs, a byte at a time.

use crate::spelling::{HEX, HEX_UPPER};

/// Whether letters are small or capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
}

/// Of each character its number, and in the upper half what it is.
const CHARACTERS: [u8; 256] = {
    let mut characters = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        let number = match byte as u8 {
            digit @ b'0'..=b'9' => digit - b'0',
            upper @ b'A'..=b'F' => (upper - b'A' + 10) | IN_UPPER,
            lower @ b'a'..=b'f' => (lower - b'a' + 10) | IN_LOWER,
            _ => OTHER,
        };
        characters[byte] = number;
        byte += 1;
    }
    characters
};
const OTHER: u8 = 0x80;
const IN_UPPER: u8 = 0x40;
const IN_LOWER: u8 = 0x20;

/// The digits of a number of 128 bits, the most significant first.
pub(crate) fn digits(number: u128, case: Case) -> [u8; 32] {
    let spelling = match case {
        Case::Lower => &HEX,
        Case::Upper => &HEX_UPPER,
    };
    let mut digits = [0; 32];
    let (places, _) = digits.as_chunks_mut::<2>();
    for (place, byte) in places.iter_mut().zip(number.to_be_bytes()) {
        *place = spelling.pair(byte.into());
    }
    digits
}

/// The number that 32 digits are and the case of their letters, lower where there is none; `None` for
/// other characters and for letters of both cases.
pub(crate) fn number(digits: &[u8; 32]) -> Option<(u128, Case)> {
    let mut all = 0;
    let mut bytes = [0; 16];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [upper, lower] = pair.map(|character| CHARACTERS[usize::from(character)]);
        all |= upper | lower;
        *byte = upper << 4 | lower & 0x0f;
    }
    let case = match all & (OTHER | IN_UPPER | IN_LOWER) {
        0 | IN_LOWER => Case::Lower,
        IN_UPPER => Case::Upper,
        _ => return None,
    };
    Some((u128::from_be_bytes(bytes), case))
}

/// A UUID as RFC 9562 writes it, with hyphens.
pub(crate) fn uuid(number: u128, case: Case) -> [u8; 36] {
    let digits = digits(number, case);
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&digits[..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..].copy_from_slice(&digits[20..]);
    text
}

/// The digits of a UUID with hyphens; `None` where they are missing.
pub(crate) fn without_hyphens(text: &[u8; 36]) -> Option<[u8; 32]> {
    if [text[8], text[13], text[18], text[23]] != [b'-'; 4] {
        return None;
    }
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..].copy_from_slice(&text[24..]);
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut n = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128;
        for _ in 0..1000 {
            n = n.wrapping_mul(0xda94_2042_e4dd_58b5).rotate_left(41) ^ n >> 7;
            for (case, written) in [
                (Case::Lower, format!("{n:032x}")),
                (Case::Upper, format!("{n:032X}")),
            ] {
                let text = uuid(n, case);
                let digits = without_hyphens(&text).unwrap();
                assert_eq!(digits, written.as_bytes());
                assert_eq!(number(&digits), Some((n, case)));
            }
        }
        assert_eq!(number(&[b'0'; 32]), Some((0, Case::Lower)));
    }

    /// Each byte in each place, beside letters of either case and beside digits.
    #[test]
    fn other_characters() {
        for others in *b"1aB" {
            for place in 0..32 {
                for byte in 0..=u8::MAX {
                    let mut digits = [others; 32];
                    digits[place] = byte;
                    let read = char::from(byte).to_digit(16).filter(|_| byte.is_ascii());
                    let mixed = others.is_ascii_lowercase() && byte.is_ascii_uppercase()
                        || others.is_ascii_uppercase() && byte.is_ascii_lowercase();
                    let right = read.is_some() && !mixed;
                    assert_eq!(number(&digits).is_some(), right, "{place} {byte:x}");
                }
            }
        }
    }
}
