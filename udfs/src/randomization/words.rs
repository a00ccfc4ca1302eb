//! Small random numbers out of the blocks of a draw.

/// Small random numbers out of blocks: eight out of each 64 bits, the most significant part first.
pub(super) struct Words<'b> {
    words: &'b [[u8; 8]],
    /// What is left of the word at hand.
    word: u64,
    /// Numbers taken so far.
    taken: usize,
}

impl<'b> Words<'b> {
    /// From the first of `blocks` on.
    #[inline]
    pub(super) fn of(blocks: &'b [[u8; 16]]) -> Self {
        let (words, _) = blocks.as_flattened().as_chunks();
        Self {
            words,
            word: 0,
            taken: 0,
        }
    }

    /// One of `0..n`. There is a block for every sixteen numbers.
    // What is left of a word stays in a register only where no call needs its address.
    #[inline(always)]
    pub(super) fn pick(&mut self, n: u8) -> u8 {
        if self.taken.is_multiple_of(8) {
            self.word = u64::from_be_bytes(self.words[self.taken / 8]);
        }
        self.taken += 1;
        split(&mut self.word, n)
    }

    /// Writes over each byte the first of its set and a number below the set's size. Nothing is taken
    /// for a set of one, which takes no branch: a processor cannot guess what stands where in text.
    #[inline(always)]
    pub(super) fn replace(&mut self, text: &mut [u8], sets: &[Set; 256]) {
        let mut bytes = text.iter_mut();
        loop {
            let mut left = 8 - self.taken % 8;
            let mut word = match (left, self.words.get(self.taken / 8)) {
                (8, Some(word)) => u64::from_be_bytes(*word),
                // Behind the last word there are only bytes that stay.
                (8, None) => return,
                _ => self.word,
            };
            while left > 0 {
                let Some(byte) = bytes.next() else {
                    self.taken = (self.taken / 8 + 1) * 8 - left;
                    self.word = word;
                    return;
                };
                let Set { first, size } = sets[usize::from(*byte)];
                *byte = first + split(&mut word, size);
                left -= usize::from(size > 1);
            }
            self.taken = (self.taken / 8 + 1) * 8;
        }
    }
}

/// One of `0..n` out of a word, which then holds what is left of it.
#[inline(always)]
fn split(word: &mut u64, n: u8) -> u8 {
    let product = u128::from(*word) * u128::from(n);
    *word = product as u64;
    (product >> 64) as u8
}

/// Consecutive characters that replace each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) first: u8,
    pub(super) size: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text at once is its characters one after the other, wherever words end.
    #[test]
    fn texts() {
        let blocks: Vec<[u8; 16]> = (0_u8..8)
            .map(|n| std::array::from_fn(|at| n.wrapping_mul(37) ^ (at as u8).wrapping_mul(91)))
            .collect();
        let sets = std::array::from_fn(|byte| match byte as u8 {
            b'0'..=b'9' => Set {
                first: b'0',
                size: 10,
            },
            b'a'..=b'z' => Set {
                first: b'a',
                size: 26,
            },
            first => Set { first, size: 1 },
        });
        for kept in 0..64_u32 {
            for (length, before) in [(0, 0), (5, 3), (16, 0), (19, 8), (128, 0)] {
                let mut text: Vec<u8> = (0..length)
                    .map(|n| match kept >> (n % 6) & 1 {
                        1 => b'-',
                        _ => b"a7"[n as usize % 2],
                    })
                    .collect();
                let (mut one, mut all) = (Words::of(&blocks), Words::of(&blocks));
                for _ in 0..before {
                    assert_eq!(one.pick(10), all.pick(10));
                }
                let mut expected = text.clone();
                for byte in &mut expected {
                    let Set { first, size } = sets[usize::from(*byte)];
                    if size > 1 {
                        *byte = first + one.pick(size);
                    }
                }
                all.replace(&mut text, &sets);
                assert_eq!(text, expected);
                assert_eq!(all.taken, one.taken);
            }
        }
    }
}
