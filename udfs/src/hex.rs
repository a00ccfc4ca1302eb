//! Hexadecimal digits and UUIDs, eight digits in a word at a time.

/// Whether letters are small or capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
}

/// The same byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The digits of a number of 128 bits, the most significant first.
#[inline(always)]
pub(crate) fn digits_32(number: u128, case: Case) -> [u8; 32] {
    let mut text = [0; 32];
    let (upper, lower) = text.split_at_mut(16);
    upper.copy_from_slice(&digits((number >> 64) as u64, case));
    lower.copy_from_slice(&digits(number as u64, case));
    text
}

/// The digits of `number`, the most significant first.
#[inline(always)]
fn digits(number: u64, case: Case) -> [u8; 16] {
    let mut digits = [0; 16];
    let (upper, lower) = digits.split_at_mut(8);
    upper.copy_from_slice(&eight_digits((number >> 32) as u32, case));
    lower.copy_from_slice(&eight_digits(number as u32, case));
    digits
}

#[inline(always)]
fn eight_digits(number: u32, case: Case) -> [u8; 8] {
    // The first digit goes to the lowest byte.
    let bytes = u64::from(number.swap_bytes());
    let pairs = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (pairs | pairs << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (pairs >> 4 | pairs << 8) & all(0x0f);
    let is_letter = (digits + all(6)) >> 4 & all(1);
    let to_letter = match case {
        Case::Lower => u64::from(b'a' - b'0' - 10),
        Case::Upper => u64::from(b'A' - b'0' - 10),
    };
    (digits + all(b'0') + is_letter * to_letter).to_le_bytes()
}

/// The number that 32 digits are and the case of their letters, lower where there is none; `None` for
/// other characters and for letters of both cases.
#[inline(always)]
pub(crate) fn number(digits: &[u8; 32]) -> Option<(u128, Case)> {
    let (words, _) = digits.as_chunks::<8>();
    let (mut fits, mut lower, mut upper) = (all(0x80), 0, 0);
    let mut number = 0;
    for word in words {
        let chars = u64::from_le_bytes(*word);
        let folded = chars | all(0x20);
        // The highest bit of each byte tells; it is clear in ASCII.
        let least = |chars: u64, byte: u8| (chars | all(0x80)) - all(byte);
        let within = |chars: u64, first: u8, last: u8| {
            least(chars, first) & !least(chars, last + 1) & !chars & all(0x80)
        };
        let letters = within(folded, b'a', b'f');
        fits &= letters | within(chars, b'0', b'9');
        lower |= letters & chars << 2;
        upper |= letters & !(chars << 2);
        let values = (chars & all(0x0f)) + (letters >> 7) * 9;
        let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
        let pairs = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        let bytes = (pairs | pairs >> 16) as u32;
        number = number << 32 | u128::from(bytes.swap_bytes());
    }
    let case = match upper {
        0 => Case::Lower,
        _ => Case::Upper,
    };
    (fits == all(0x80) && (lower == 0 || upper == 0)).then_some((number, case))
}

/// A UUID as RFC 9562 writes it, with hyphens.
#[inline(always)]
pub(crate) fn uuid(number: u128, case: Case) -> [u8; 36] {
    let upper = digits((number >> 64) as u64, case);
    let lower = digits(number as u64, case);
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&upper[..8]);
    text[9..13].copy_from_slice(&upper[8..12]);
    text[14..18].copy_from_slice(&upper[12..]);
    text[19..23].copy_from_slice(&lower[..4]);
    text[24..].copy_from_slice(&lower[4..]);
    text
}

/// The digits of a UUID with hyphens; `None` where they are missing.
#[inline(always)]
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
