//! Finds the few bytes that mean something, 64 bytes at a time.

use super::dialect::Dialect;

/// Bytes compared at once.
pub(super) const CHUNK: usize = 64;

/// A bit for each byte of the chunk of `buffer` at `start` that is one of `kinds`, the first byte's
/// the lowest. Behind the end of the buffer there is none.
pub(super) fn find<const N: usize>(buffer: &[u8], start: usize, kinds: [u8; N]) -> u64 {
    let rest = buffer.get(start..).unwrap_or_default();
    match rest.first_chunk() {
        Some(chunk) => compare(chunk, kinds),
        None => {
            let mut chunk = [0; CHUNK];
            chunk[..rest.len()].copy_from_slice(rest);
            // Zeros behind the end are no bytes, also where a kind is NUL.
            compare(&chunk, kinds) & ((1_u64 << rest.len()) - 1)
        }
    }
}

fn compare<const N: usize>(chunk: &[u8; CHUNK], kinds: [u8; N]) -> u64 {
    // A loop of its own, without branches, so that bytes are compared many at a time.
    let mut same = [0_u8; CHUNK];
    for (same, byte) in same.iter_mut().zip(chunk) {
        *same = kinds
            .iter()
            .fold(0, |same, kind| same | u8::from(byte == kind));
    }
    let mut found = 0;
    for (at, bytes) in same.as_chunks::<8>().0.iter().enumerate() {
        // Eight bytes of 0 or 1 become eight bits: the factor moves byte n to bit 56 + n.
        let bits = u64::from_le_bytes(*bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        found |= bits << (8 * at);
    }
    found
}

/// Whether any of `bytes`, which are few, is one of `kinds`.
pub(super) fn has_any<const N: usize>(bytes: &[u8], kinds: [u8; N]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(|byte| kinds.contains(byte));
    };
    let words = bytes.as_chunks::<8>().0.iter().chain([last]);
    let found = words.fold(0, |found, word| {
        found
            | kinds
                .iter()
                .fold(0, |found, kind| found | has(*word, *kind))
    });
    found != 0
}

/// Not zero if one of eight bytes is `kind`: only a zero byte borrows without having its highest bit.
fn has(word: [u8; 8], kind: u8) -> u64 {
    const LOWEST: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let zero = u64::from_le_bytes(word) ^ (LOWEST * u64::from(kind));
    zero.wrapping_sub(LOWEST) & !zero & HIGHEST
}

/// The places of delimiters, line ends, quotes and escapes in a buffer, from left to right.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    buffer: &'a [u8],
    /// What is looked for; kinds repeat where there are fewer.
    kinds: [u8; 4],
    /// Where the chunk begins whose marks are in `found`.
    chunk: usize,
    /// The marks of the chunk that were not passed yet.
    found: u64,
}

impl<'a> Marks<'a> {
    /// The marks from `start` on.
    pub(super) fn behind(dialect: &Dialect, buffer: &'a [u8], start: usize) -> Self {
        let Dialect {
            delimiter, newline, ..
        } = *dialect;
        let quote = dialect.quote.unwrap_or(delimiter);
        let escape = dialect.escape.unwrap_or(delimiter);
        Self::new(buffer, [delimiter, newline, quote, escape], start)
    }

    fn new(buffer: &'a [u8], kinds: [u8; 4], start: usize) -> Self {
        Self {
            buffer,
            kinds,
            chunk: start,
            found: find(buffer, start, kinds),
        }
    }

    /// The next mark, which is passed; `None` behind the last one.
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            if self.chunk + CHUNK >= self.buffer.len() {
                return None;
            }
            self.chunk += CHUNK;
            self.found = find(self.buffer, self.chunk, self.kinds);
        }
        let at = self.chunk + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(at)
    }

    /// Passes all marks in front of `place`, which is not in front of the last mark passed.
    pub(super) fn pass(&mut self, place: usize) {
        match place - self.chunk {
            within @ 0..CHUNK => self.found &= u64::MAX << within,
            _ => {
                self.chunk = place;
                self.found = find(self.buffer, place, self.kinds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_of_a_few(bytes in prop::collection::vec(prop::sample::select(&b"\0ab\x01\x80\xFF"[..]), 0..40)) {
            for kinds in [*b"a,", *b"\0\n", *b"\x80z", *b"\xFF\x7F", *b"\x01\""] {
                let expected = bytes.iter().any(|byte| kinds.contains(byte));
                prop_assert_eq!(has_any(&bytes, kinds), expected);
            }
        }

        #[test]
        fn every_mark_and_nothing_else(
            bytes in prop::collection::vec(prop::sample::select(&b"\0ab,\"\n\\"[..]), 0..300),
            kinds in prop::sample::select(vec![*b",\n\"\\", *b",\n,,", *b"\0\n\"\0"]),
            start in 0..80_usize,
            passes in prop::collection::vec(0..80_usize, 0..20),
        ) {
            let is_mark = |at: &usize| kinds.contains(&bytes[*at]);
            let expected: Vec<usize> = (start..bytes.len()).filter(is_mark).collect();
            let mut marks = Marks::new(&bytes, kinds, start);
            let mut found = vec![];
            while let Some(at) = marks.next() {
                found.push(at);
            }
            prop_assert_eq!(&found, &expected);

            let mut marks = Marks::new(&bytes, kinds, start);
            let mut place = start;
            for pass in passes {
                marks.pass(place);
                let next = marks.next();
                prop_assert_eq!(next, expected.iter().copied().find(|at| *at >= place));
                let Some(at) = next else { break };
                place = at + 1 + pass;
            }
        }
    }
}
