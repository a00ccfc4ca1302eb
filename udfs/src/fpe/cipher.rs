//! AES with a key of any of its lengths, over many blocks at once.

use std::fmt;

use aes::cipher::{BlockCipherEncClosure, BlockCipherEncrypt, KeyInit, array::Array, consts::U16};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};

/// AES, forwards only: no mode here needs the other direction.
pub(crate) enum Cipher {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(***)")
    }
}

impl Cipher {
    /// `None` for a key that has not 16, 24 or 32 bytes.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Aes128(Aes128Enc::new_from_slice(key).ok()?),
            24 => Self::Aes192(Aes192Enc::new_from_slice(key).ok()?),
            32 => Self::Aes256(Aes256Enc::new_from_slice(key).ok()?),
            _ => return None,
        })
    }

    pub(crate) fn encrypt(&self, blocks: &mut [[u8; 16]]) {
        let blocks = Array::cast_slice_from_core_mut(blocks);
        match self {
            Self::Aes128(aes) => aes.encrypt_blocks(blocks),
            Self::Aes192(aes) => aes.encrypt_blocks(blocks),
            Self::Aes256(aes) => aes.encrypt_blocks(blocks),
        }
    }

    /// Has `work` done with the cipher at hand, as built for this processor.
    pub(super) fn work(&self, work: impl BlockCipherEncClosure<BlockSize = U16>) {
        match self {
            Self::Aes128(aes) => aes.encrypt_with_backend(work),
            Self::Aes192(aes) => aes.encrypt_with_backend(work),
            Self::Aes256(aes) => aes.encrypt_with_backend(work),
        }
    }

    /// One block, as a big-endian number.
    pub(crate) fn encrypt_one(&self, block: u128) -> u128 {
        let mut block = [block.to_be_bytes()];
        self.encrypt(&mut block);
        u128::from_be_bytes(block[0])
    }
}
