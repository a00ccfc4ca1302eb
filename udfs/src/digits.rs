//! Eight decimal digits at a time, in one word.

/// The same byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// A number below 10^8 as numbers from 0 to 9, the most significant first: its two fours are divided in
/// one word, then the four pairs.
#[inline(always)]
pub(crate) fn of_number(number: u64) -> [u8; 8] {
    // Reciprocals with just enough digits for 8, 4 and 2 digits, so that no part reaches the next one.
    let upper = (number * 109_951_163) >> 40;
    let fours = upper | (number - upper * 10_000) << 32;
    let upper = (fours * 5_243) >> 19 & 0x0000_007f_0000_007f;
    let twos = upper | (fours - upper * 100) << 16;
    let upper = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    let ones = upper | (twos - upper * 10) << 8;
    ones.to_le_bytes()
}

/// The number that eight characters are; `None` where one is no digit.
#[inline(always)]
pub(crate) fn number(characters: [u8; 8]) -> Option<u64> {
    let twos = twos(characters)?;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// The four numbers that eight characters are, two by two, each in 16 bits, the first in the lowest;
/// `None` where one is no digit.
#[inline(always)]
pub(crate) fn twos(characters: [u8; 8]) -> Option<u64> {
    let characters = u64::from_le_bytes(characters);
    let ones = characters ^ all(b'0');
    // Above nine, six more reach the upper half of a byte.
    if (ones | ((ones & all(0x7f)) + all(6))) & all(0xf0) != 0 {
        return None;
    }
    Some((ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff)
}

/// The two characters of each number below 100, the first in the lower byte.
pub(crate) const PAIRS: [u16; 100] = {
    let mut pairs = [0; 100];
    let mut number = 0;
    while number < pairs.len() {
        let characters = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        pairs[number] = u16::from_le_bytes(characters);
        number += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let step = (0..100_000_000).step_by(9_973);
        for n in step.chain([0, 9, 10, 99, 9_999, 10_000, 99_999_999]) {
            let characters = of_number(n).map(|digit| digit + b'0');
            assert_eq!(characters, format!("{n:08}").as_bytes());
            assert_eq!(number(characters), Some(n));
        }
    }

    #[test]
    fn other_characters() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                for others in *b"059" {
                    let mut characters = [others; 8];
                    characters[place] = byte;
                    assert_eq!(
                        number(characters).is_some(),
                        byte.is_ascii_digit(),
                        "{byte}"
                    );
                }
            }
        }
    }
}
