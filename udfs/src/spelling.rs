//! Bytes spelled in an alphabet of 16, 32 or 64 characters (RFC 4648), two characters at a time.

/// The two characters of each of `PAIRS` numbers, `PAIRS` being the square of the alphabet's length.
pub(crate) struct Spelling<const PAIRS: usize>([[u8; 2]; PAIRS]);

pub(crate) static HEX: Spelling<256> = Spelling::new(b"0123456789abcdef");
pub(crate) static HEX_UPPER: Spelling<256> = Spelling::new(b"0123456789ABCDEF");
pub(crate) static BASE32: Spelling<1024> = Spelling::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
pub(crate) static BASE64URL: Spelling<4096> =
    Spelling::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

impl<const PAIRS: usize> Spelling<PAIRS> {
    /// Bits that two characters stand for.
    const BITS: usize = PAIRS.ilog2() as usize;
    /// The fewest bytes that are a whole number of pairs.
    const BYTES: usize = match Self::BITS {
        8 => 1,
        10 => 5,
        _ => 3,
    };

    const fn new(alphabet: &[u8]) -> Self {
        let size = alphabet.len();
        assert!(size * size == PAIRS && Self::BYTES * 8 % Self::BITS == 0);
        let mut pairs = [[0; 2]; PAIRS];
        let mut number = 0;
        while number < PAIRS {
            pairs[number] = [alphabet[number / size], alphabet[number % size]];
            number += 1;
        }
        Self(pairs)
    }

    /// The two characters of a number below `PAIRS`; of any other, those of its lowest bits.
    pub(crate) const fn pair(&self, number: usize) -> [u8; 2] {
        self.0[number % PAIRS]
    }

    /// How many characters so many bytes become, without padding.
    pub(crate) fn length(bytes: usize) -> usize {
        (16 * bytes).div_ceil(Self::BITS)
    }

    /// Appends the characters of `bytes`, without padding.
    pub(crate) fn push(&self, bytes: &[u8], text: &mut Vec<u8>) {
        let end = text.len() + Self::length(bytes.len());
        text.reserve(Self::length(bytes.len()) + 8);
        let chunks = bytes.chunks_exact(Self::BYTES);
        let rest = chunks.remainder();
        for chunk in chunks {
            self.push_few(chunk, text);
        }
        if !rest.is_empty() {
            self.push_few(rest, text);
            text.truncate(end);
        }
    }

    /// Appends the characters of a chunk, and of zeros where it is not whole.
    #[inline(always)]
    fn push_few(&self, chunk: &[u8], text: &mut Vec<u8>) {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        let mut bits = u64::from_be_bytes(padded);
        for _ in 0..8 * Self::BYTES / Self::BITS {
            bits = bits.rotate_left(Self::BITS as u32);
            text.extend_from_slice(&self.pair(bits as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

    use super::*;

    /// Beside a library that spells any alphabet.
    #[test]
    fn a_peer_agrees() {
        let bytes: Vec<u8> = (0..300_u32).map(|n| (n * n * 7 + n / 3) as u8).collect();
        for length in (0..40).chain([300]) {
            let bytes = &bytes[300 - length..];
            let mut text = b"x".to_vec();
            HEX.push(bytes, &mut text);
            HEX_UPPER.push(bytes, &mut text);
            BASE32.push(bytes, &mut text);
            BASE64URL.push(bytes, &mut text);
            let expected = [HEXLOWER, HEXUPPER, BASE32_NOPAD, BASE64URL_NOPAD]
                .map(|encoding| encoding.encode(bytes))
                .concat();
            assert_eq!(&text[1..], expected.as_bytes(), "{length}");
        }
    }
}
