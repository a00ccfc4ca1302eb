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
    blocks: std::slice::Iter<'b, [u8; 16]>,
    /// The second half of the block in use.
    second: Option<u64>,
    word: u64,
}

impl<'b> Picks<'b> {
    /// From the first of `blocks` on.
    pub(super) fn of(blocks: &'b [[u8; 16]]) -> Self {
        Self {
            blocks: blocks.iter(),
            second: None,
            word: 0,
        }
    }

    /// Passes on to the next word.
    pub(super) fn turn(&mut self) {
        self.word = match self.second.take() {
            Some(second) => second,
            None => {
                let block = self.blocks.next().expect("a block for every two words");
                let bits = u128::from_be_bytes(*block);
                self.second = Some(bits as u64);
                (bits >> 64) as u64
            }
        };
    }

    /// One of `0..size`.
    pub(super) fn pick(&mut self, size: usize) -> usize {
        let product = u128::from(self.word) * size as u128;
        self.word = product as u64;
        (product >> 64) as usize
    }
}
