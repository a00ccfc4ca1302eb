//! Characters drawn from sets of any size, out of the blocks of a draw.
//!
//! One 64-bit word serves as many picks as keep the product of their sets' sizes at 2^32 or below, so
//! each pick is as likely as the others of its set within 2^-32.

/// The greatest product of set sizes one word serves.
const ROOM: u64 = 1 << 32;

/// Which picks of a row begin a new word, told in the order of the picks.
#[derive(Debug, Default)]
pub(super) struct Plan {
    room: u64,
    words: usize,
}

impl Plan {
    /// Whether the next pick, out of a set of `size` characters, begins a new word.
    pub(super) fn next(&mut self, size: usize) -> bool {
        let size = (size as u64).max(1);
        let fresh = self.room < size;
        if fresh {
            self.room = ROOM;
            self.words += 1;
        }
        self.room /= size;
        fresh
    }

    /// Words planned so far.
    pub(super) fn words(&self) -> usize {
        self.words
    }
}

/// The picks of one row.
pub(super) struct Picks<'b> {
    words: std::slice::Iter<'b, [u8; 8]>,
    word: u64,
}

impl<'b> Picks<'b> {
    /// From the first of `blocks` on.
    #[inline]
    pub(super) fn of(blocks: &'b [[u8; 16]]) -> Self {
        let (words, _) = blocks.as_flattened().as_chunks();
        Self {
            words: words.iter(),
            word: 0,
        }
    }

    /// Passes on to the next word.
    #[inline(always)]
    pub(super) fn turn(&mut self) {
        let word = self.words.next();
        self.word = u64::from_be_bytes(*word.expect("a block for every two words"));
    }

    /// One of `0..size`.
    #[inline(always)]
    pub(super) fn pick(&mut self, size: usize) -> usize {
        let product = u128::from(self.word) * size as u128;
        self.word = product as u64;
        (product >> 64) as usize
    }
}
