//! The rounds of FF1 over rows side by side.

use aes::Block;
use aes::cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockSizeUser, consts::U16};

use super::batch::Direction;
use super::halves::{Modulus, Sum};
use crate::lanes::{LANES, encrypt_lanes};

/// How many there are.
pub(super) const ROUNDS: u32 = 10;

/// All rounds over up to [`LANES`] rows of one shape.
pub(super) struct Rounds<'r, M: Modulus> {
    /// Of the left and the right half.
    pub(super) moduli: [M; 2],
    pub(super) direction: Direction,
    /// Bits of a half in Q.
    pub(super) half_bits: usize,
    pub(super) left: &'r mut [M::Half],
    pub(super) right: &'r mut [M::Half],
    /// What each row's last block of Q is added to.
    pub(super) states: &'r [[u64; 2]],
}

impl<M: Modulus> BlockSizeUser for Rounds<'_, M> {
    type BlockSize = U16;
}

impl<M: Modulus> BlockCipherEncClosure for Rounds<'_, M> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let [even, odd] = self.moduli;
        let mut blocks = [Block::default(); LANES];
        let rows = self.left.len();
        for step in 0..ROUNDS {
            let round = match self.direction {
                Direction::Encrypt => step,
                Direction::Decrypt => ROUNDS - 1 - step,
            };
            // Even rounds move the left half by the right one, odd rounds the right by the left.
            let (modulus, moved, by) = match round % 2 {
                0 => (even, &mut *self.left, &*self.right),
                _ => (odd, &mut *self.right, &*self.left),
            };
            let number = u128::from(round) << self.half_bits;
            let number = [(number >> 64) as u64, number as u64];
            for ((block, half), state) in blocks.iter_mut().zip(by).zip(self.states) {
                let half = M::words(*half);
                let word = |at: usize| (state[at] ^ number[at] ^ half[at]).to_be_bytes();
                let (high, low) = block.0.split_at_mut(8);
                high.copy_from_slice(&word(0));
                low.copy_from_slice(&word(1));
            }
            encrypt_lanes(backend, &mut blocks, rows);
            for (half, block) in moved.iter_mut().zip(&blocks) {
                let block = u128::from_be_bytes(block.0);
                let sum = Sum([(block >> 64) as u64, block as u64]);
                *half = modulus.moved(*half, sum, self.direction);
            }
        }
    }
}
