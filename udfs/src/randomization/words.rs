//! Small random numbers out of the blocks of a draw.

/// Small random numbers out of blocks: eight out of each 64 bits, the most significant part first.
pub(super) struct Words<'b> {
    words: std::slice::Iter<'b, [u8; 16]>,
    /// The second half of the block in use.
    second: Option<u64>,
    word: u64,
    left: u8,
}

impl<'b> Words<'b> {
    /// From the first of `blocks` on.
    pub(super) fn of(blocks: &'b [[u8; 16]]) -> Self {
        Self {
            words: blocks.iter(),
            second: None,
            word: 0,
            left: 0,
        }
    }

    /// One of `0..n`. There is a block for every sixteen numbers.
    #[inline(always)]
    pub(super) fn pick(&mut self, n: u8) -> u8 {
        if self.left == 0 {
            self.next_word();
        }
        self.left -= 1;
        let product = u128::from(self.word) * u128::from(n);
        self.word = product as u64;
        (product >> 64) as u8
    }

    fn next_word(&mut self) {
        self.left = 8;
        self.word = match self.second.take() {
            Some(second) => second,
            None => {
                let block = self
                    .words
                    .next()
                    .expect("a block for every sixteen characters");
                let bits = u128::from_be_bytes(*block);
                self.second = Some(bits as u64);
                (bits >> 64) as u64
            }
        };
    }
}
