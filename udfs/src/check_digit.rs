//! Check digits, by the system that defines them.
//!
//! - Luhn: ISO/IEC 7812-1, annex B. - Pure and hybrid systems, MOD 97-10: ISO/IEC 7064:2003.
//! - Verhoeff: J. Verhoeff, "Error Detecting Decimal Codes", 1969.
//! - Weighted sums: each identifier's own rule, see [`crate::identifiers`].
//!
//! Every function takes the places before the check digit. A place is `0` to `9` or `A` to `Z`, worth
//! 0 to 35; any other byte is worth nothing, so no input can make a sum overflow or panic.

use crate::digits;

/// What each byte is worth.
const WORTHS: [u8; 256] = {
    let mut worths = [0; 256];
    let mut number = 0;
    while number < 36 {
        worths[place(number as u32) as usize] = number;
        number += 1;
    }
    worths
};

/// What a place is worth.
#[inline]
pub(crate) fn worth(place: u8) -> u32 {
    WORTHS[usize::from(place)].into()
}

/// The place that is worth `number`; `*` for 36, the last one of MOD 37-2.
pub(crate) const fn place(number: u32) -> u8 {
    match number {
        0..=9 => b'0' + number as u8,
        10..=35 => b'A' + (number - 10) as u8,
        _ => b'*',
    }
}

/// The sum of the places' worths, each times its weight.
pub(crate) fn weighted(body: &[u8], weights: &[u32]) -> u32 {
    let terms = body.iter().zip(weights);
    terms.map(|(place, weight)| worth(*place) * weight).sum()
}

/// The sum of the two digits of twice what each byte is worth.
const DOUBLED: [u8; 256] = {
    let mut doubled = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let twice = WORTHS[byte] * 2;
        doubled[byte] = twice / 10 + twice % 10;
        byte += 1;
    }
    doubled
};

/// Luhn, for digits.
pub(crate) fn luhn(body: &[u8]) -> u32 {
    let sum: u32 = body
        .rchunks(2)
        .map(|pair| match pair {
            [once, twice] => worth(*once) + u32::from(DOUBLED[usize::from(*twice)]),
            _ => pair
                .iter()
                .map(|twice| u32::from(DOUBLED[usize::from(*twice)]))
                .sum(),
        })
        .sum();
    (10 - sum % 10) % 10
}

/// What is left of the places of all parts, read as one number, when it is divided by 97. A letter is
/// two digits.
pub(crate) fn rest_97(parts: &[&[u8]]) -> u32 {
    /// Below it ten more digits fit a word. A division waits long for its result, so it is put off.
    const ROOM: u64 = 1 << 30;
    let mut rest = 0_u64;
    for part in parts {
        let (eights, others) = part.as_chunks::<8>();
        for eight in eights {
            rest = if rest < ROOM { rest } else { rest % 97 };
            rest = match digits::number(*eight) {
                Some(number) => rest * 100_000_000 + number,
                None => after(rest, eight),
            };
        }
        rest = after(rest, others);
    }
    return (rest % 97) as u32;

    fn after(rest: u64, places: &[u8]) -> u64 {
        places.iter().fold(rest % 97, |rest, place| {
            let worth = worth(*place);
            let shift = if worth > 9 { 100 } else { 10 };
            let rest = if rest < ROOM { rest } else { rest % 97 };
            rest * shift + u64::from(worth)
        })
    }
}

/// MOD 97-10: the two digits after the places of all parts.
pub(crate) fn mod_97_10(parts: &[&[u8]]) -> u32 {
    98 - rest_97(parts) * 100 % 97
}

/// A pure system with one check character: MOD 11-2, MOD 37-2.
pub(crate) fn pure(body: &[u8], modulus: u32, radix: u32) -> u32 {
    let sum = body
        .iter()
        .fold(0, |sum, place| (sum + worth(*place)) * radix % modulus);
    (modulus + 1 - sum) % modulus
}

/// A hybrid system: MOD 11,10 for a modulus of 10, MOD 37,36 for 36.
pub(crate) fn hybrid(body: &[u8], modulus: u32) -> u32 {
    let product = body.iter().fold(modulus, |product, place| {
        let sum = (product + worth(*place)) % modulus;
        let sum = if sum == 0 { modulus } else { sum };
        sum * 2 % (modulus + 1)
    });
    (modulus + 1 - product) % modulus
}

/// Verhoeff, for digits.
pub(crate) fn verhoeff(body: &[u8]) -> u32 {
    let product = body
        .iter()
        .rev()
        .enumerate()
        .fold(0, |product, (index, place)| {
            let turned = PERMUTATIONS[(index + 1) % 8][worth(*place) as usize % 10];
            dihedral(product, turned)
        });
    // The inverse: rotations turn back, reflections are their own.
    match product {
        1..=4 => 5 - product,
        own => own,
    }
}

/// The product of two elements of the dihedral group of order ten; 5 to 9 are the reflections.
fn dihedral(one: u32, other: u32) -> u32 {
    let (a, b) = (one % 5, other % 5);
    match (one < 5, other < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// Verhoeff's permutation, applied none to seven times.
const PERMUTATIONS: [[u32; 10]; 8] = {
    let once = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut powers = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 8];
    let mut power = 1;
    while power < 8 {
        let mut digit = 0;
        while digit < 10 {
            powers[power][digit] = once[powers[power - 1][digit] as usize];
            digit += 1;
        }
        power += 1;
    }
    powers
};

/// What places of an Italian code are worth that stand first, third and so on: `0` to `9`, `A` to `Z`.
const ITALIAN_ODD: [u32; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
    8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/// The check letter of an Italian tax code (DM 23 December 1976) and of an Italian account.
pub(crate) fn italian(body: &[u8]) -> u8 {
    let places = body.iter().map(|place| worth(*place)).enumerate();
    let sum: u32 = places
        .map(|(index, worth)| match (index % 2, worth) {
            (0, worth) => ITALIAN_ODD[worth as usize],
            (_, 10..) => worth - 10,
            _ => worth,
        })
        .sum();
    place(sum % 26 + 10)
}

/// A place as a digit, letters in three rows: A to I and J to R are 1 to 9, S to Z are 2 to 9. So
/// vehicle numbers (ISO 3779, 49 CFR 565) and French account keys count.
pub(crate) fn one_to_nine(place: u8) -> u32 {
    match worth(place) {
        digit @ 0..=9 => digit,
        letter @ 10..=18 => letter - 9,
        letter @ 19..=27 => letter - 18,
        letter => letter - 26,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the standards and of the identifiers that use them.
    #[test]
    fn check_digits() {
        for (name, check, expected) in [
            ("card", luhn(b"411111111111111"), 1),
            ("ISO/IEC 7812-1", luhn(b"7992739871"), 3),
            ("nothing", luhn(b""), 0),
            // ISO/IEC 7064 gives 794 with its check digits 44.
            ("97-10", mod_97_10(&[b"794"]), 44),
            (
                "GB82WEST12345698765432",
                mod_97_10(&[b"WEST1234569", b"8765432GB"]),
                82,
            ),
            ("ISO 7064, 0794 and 0", pure(b"0794", 11, 2), 0),
            ("ORCID", pure(b"000000021694233", 11, 2), 10),
            ("ISO 7064, 079 and X", pure(b"079", 11, 2), 10),
            ("ISO 7064, 0794 and 5", hybrid(b"0794", 10), 5),
            (
                "GRid A1-2425G-ABC1234002-M",
                hybrid(b"A12425GABC1234002", 36),
                22,
            ),
            ("Verhoeff 236 and 3", verhoeff(b"236"), 3),
            ("Verhoeff 12345 and 1", verhoeff(b"12345"), 1),
            (
                "CIN of IT60X0542811101000000123456",
                italian(b"0542811101000000123456").into(),
                b'X'.into(),
            ),
            ("A", one_to_nine(b'A'), 1),
            ("R", one_to_nine(b'R'), 9),
            ("S", one_to_nine(b'S'), 2),
            ("Z", one_to_nine(b'Z'), 9),
            ("weights", weighted(b"12A", &[1, 10, 100]), 1021),
        ] {
            assert_eq!(check, expected, "{name}");
        }
    }

    /// What a check digit is for: one wrong digit never goes unseen, and MOD 11-2, MOD 97-10 and
    /// Verhoeff see each swap of neighbours too.
    #[test]
    fn wrong_digits_are_seen() {
        type Check = fn(&[u8]) -> u32;
        let systems: [(Check, bool); 5] = [
            (luhn, false),
            (verhoeff, true),
            (|body| pure(body, 11, 2), true),
            (|body| hybrid(body, 10), false),
            (|body| mod_97_10(&[body]), true),
        ];
        for (check, swaps) in systems {
            for number in 0..2000 {
                let body = format!("{number:06}").into_bytes();
                for at in 0..body.len() {
                    let mut wrong = body.clone();
                    wrong[at] = b'0' + (wrong[at] - b'0' + 1 + (number % 9) as u8) % 10;
                    assert_ne!(check(&wrong), check(&body), "{number} {at}");
                    let mut swapped = body.clone();
                    swapped.swap(at, (at + 1).min(5));
                    if swaps && swapped != body {
                        assert_ne!(check(&swapped), check(&body), "{number} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn any_byte_is_taken() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert!(luhn(&bytes) < 10 && verhoeff(&bytes) < 10 && hybrid(&bytes, 36) < 36);
        assert!(pure(&bytes, 37, 2) < 37 && mod_97_10(&[&bytes]) < 99);
        assert_eq!([place(0), place(35), place(36)], *b"0Z*");
    }
}
