//! Blocks that go through AES side by side.
//!
//! What lies between two calls of the cipher is written as a closure that the cipher calls, so that it
//! is built once for each kind of processor, with the instructions that the cipher needs itself.

use aes::Block;
use aes::cipher::array::Array;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{BlockCipherEncBackend, consts::U16};

/// How many blocks. Eight fill the pipeline of AES-NI; the widest instructions of today take 64 a call.
pub(crate) const LANES: usize = 64;

/// Encrypts the first `used` of the blocks; what the others hold then is not said.
#[inline(always)]
pub(crate) fn encrypt_lanes<B>(backend: &B, blocks: &mut [Block; LANES], used: usize)
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let together = B::ParBlocksSize::USIZE;
    // A few blocks alone are slower than as many as go together.
    let rest = used % together;
    let wanted = match 4 * rest > together && used - rest + together <= LANES {
        true => used - rest + together,
        false => used,
    };
    let (many, tail) = Array::slice_as_chunks_mut(&mut blocks[..wanted]);
    for blocks in many {
        backend.encrypt_par_blocks_inplace(blocks);
    }
    backend.encrypt_tail_blocks_inplace(tail);
}
