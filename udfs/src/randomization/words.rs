//! Small random numbers out of the blocks of a draw.

/// Small random numbers out of blocks: eight out of each 64 bits, the most significant part first.
pub(super) struct Words<'b> {
    words: std::slice::Iter<'b, [u8; 8]>,
    word: u64,
    left: u8,
}

impl<'b> Words<'b> {
    /// From the first of `blocks` on.
    #[inline]
    pub(super) fn of(blocks: &'b [[u8; 16]]) -> Self {
        let (words, _) = blocks.as_flattened().as_chunks();
        Self {
            words: words.iter(),
            word: 0,
            left: 0,
        }
    }

    /// One of `0..n`. There is a block for every sixteen numbers.
    // What is left of a word stays in a register only where no call needs its address.
    #[inline(always)]
    pub(super) fn pick(&mut self, n: u8) -> u8 {
        if self.left == 0 {
            let word = self.words.next();
            self.word = u64::from_be_bytes(*word.expect("a block for every sixteen characters"));
            self.left = 8;
        }
        self.left -= 1;
        let product = u128::from(self.word) * u128::from(n);
        self.word = product as u64;
        (product >> 64) as u8
    }
}
