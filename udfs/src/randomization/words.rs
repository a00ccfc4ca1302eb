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
        let pick = self.peek(n);
        self.taken += 1;
        pick
    }

    /// The same where `n` is more than 1. For 1 it is 0 and nothing is taken: a choice that costs no
    /// branch, which a processor cannot guess in text.
    #[inline(always)]
    pub(super) fn pick_if(&mut self, n: u8) -> u8 {
        let pick = self.peek(n);
        self.taken += usize::from(n > 1);
        pick
    }

    /// The next two of [`Words::pick_if`].
    #[inline(always)]
    pub(super) fn pick_two_if(&mut self, [m, n]: [u8; 2]) -> [u8; 2] {
        if self.taken % 8 == 7 {
            return [self.pick_if(m), self.pick_if(n)];
        }
        let word = self.word();
        let first = u128::from(word) * u128::from(m);
        let second = u128::from(first as u64) * u128::from(n);
        // What both leave, in one step: the next two wait for it.
        self.word = word.wrapping_mul(u64::from(m) * u64::from(n));
        self.taken += usize::from(m > 1) + usize::from(n > 1);
        [(first >> 64) as u8, (second >> 64) as u8]
    }

    /// Takes from the word, but does not count it.
    #[inline(always)]
    fn peek(&mut self, n: u8) -> u8 {
        let product = u128::from(self.word()) * u128::from(n);
        self.word = product as u64;
        (product >> 64) as u8
    }

    /// The word at hand, or the next one.
    #[inline(always)]
    fn word(&self) -> u64 {
        let next = u64::from_be_bytes(self.words[self.taken / 8]);
        match self.taken.is_multiple_of(8) {
            true => next,
            false => self.word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two at once are those that come one after the other, wherever words end.
    #[test]
    fn two_at_once() {
        let blocks: Vec<[u8; 16]> = (0_u8..8).map(|n| [n.wrapping_mul(37) ^ 0xa5; 16]).collect();
        for kept in 0..64_u32 {
            let sizes: Vec<u8> = (0..64)
                .map(|n| match kept >> (n % 6) & 1 {
                    1 => 1,
                    _ => [10, 26, 2][n % 3],
                })
                .collect();
            let (mut one, mut two) = (Words::of(&blocks), Words::of(&blocks));
            for sizes in sizes.as_chunks::<2>().0 {
                assert_eq!(two.pick_two_if(*sizes), sizes.map(|n| one.pick_if(n)));
            }
        }
    }
}
