//! AES-256-CMAC over many short messages at once.
//!
//! - Source: NIST SP 800-38B; test vectors of C2SP Wycheproof.
//! - Messages of a batch go through the cipher side by side: a chained mode alone waits for each
//!   block's latency, and the processor can work on several independent blocks meanwhile.

use aes::cipher::{BlockCipherEncrypt, array::Array};
use aes::{Aes256, Block};
use zeroize::Zeroize;

/// Messages worked on side by side. Eight fill the pipeline of AES-NI; more amortise the call.
const LANES: usize = 32;

/// A CMAC key: the cipher and its two subkeys.
pub(crate) struct Cmac {
    cipher: Aes256,
    /// For a last block that is full.
    k1: [u8; 16],
    /// For a last block that was padded.
    k2: [u8; 16],
}

impl Drop for Cmac {
    fn drop(&mut self) {
        self.k1.zeroize();
        self.k2.zeroize();
    }
}

impl Cmac {
    pub(crate) fn new(cipher: Aes256) -> Self {
        let mut zero = Block::default();
        cipher.encrypt_block(&mut zero);
        let k1 = double(zero.0);
        let k2 = double(k1);
        Self { cipher, k1, k2 }
    }

    /// The 128-bit tag of each message, handed to `take` in order.
    pub(crate) fn tags<'m>(
        &self,
        messages: impl ExactSizeIterator<Item = &'m [u8]>,
        mut take: impl FnMut([u8; 16]),
    ) {
        let mut messages = messages;
        let mut lanes: [&[u8]; LANES] = [&[]; LANES];
        while messages.len() > 0 {
            let mut used = 0;
            for (lane, message) in lanes.iter_mut().zip(messages.by_ref()) {
                *lane = message;
                used += 1;
            }
            let mut states = [Block::default(); LANES];
            self.chain(&lanes[..used], &mut states[..used]);
            states[..used].iter().for_each(|state| take(state.0));
        }
    }

    fn chain(&self, messages: &[&[u8]], states: &mut [Block]) {
        let blocks = |message: &&[u8]| message.len().div_ceil(16).max(1);
        let longest = messages.iter().map(blocks).max().unwrap_or(0);
        let shortest = messages.iter().map(blocks).min().unwrap_or(0);
        for at in 0..longest {
            if at < shortest {
                for (state, message) in states.iter_mut().zip(messages) {
                    self.absorb(state, message, at);
                }
                self.cipher.encrypt_blocks(states);
            } else {
                for (state, message) in states.iter_mut().zip(messages) {
                    if at < blocks(message) {
                        self.absorb(state, message, at);
                        self.cipher.encrypt_block(state);
                    }
                }
            }
        }
    }

    /// Adds block `at` of the message to the state, with the padding and subkey of a last block.
    fn absorb(&self, state: &mut Block, message: &[u8], at: usize) {
        let rest = &message[at * 16..];
        if let Some((block, behind)) = rest.split_first_chunk::<16>() {
            xor(state, block);
            if behind.is_empty() {
                xor(state, &self.k1);
            }
        } else {
            let mut padded = [0; 16];
            padded[..rest.len()].copy_from_slice(rest);
            padded[rest.len()] = 0x80;
            xor(state, &padded);
            xor(state, &self.k2);
        }
    }
}

fn xor(state: &mut Block, bytes: &[u8; 16]) {
    state.0 = (u128::from_ne_bytes(state.0) ^ u128::from_ne_bytes(*bytes)).to_ne_bytes();
}

/// Doubling in GF(2^128), SP 800-38B §6.1.
fn double(block: [u8; 16]) -> [u8; 16] {
    let value = u128::from_be_bytes(block);
    let reduced = (value << 1) ^ if value >> 127 == 1 { 0x87 } else { 0 };
    reduced.to_be_bytes()
}

/// Encrypts counters side by side.
pub(crate) fn encrypt_blocks(cipher: &Aes256, blocks: &mut [[u8; 16]]) {
    cipher.encrypt_blocks(Array::cast_slice_from_core_mut(blocks));
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;
    use data_encoding::HEXLOWER;

    use super::*;

    fn tags(key: &[u8], messages: &[Vec<u8>]) -> Vec<String> {
        let mut tags = Vec::new();
        Cmac::new(Aes256::new_from_slice(key).unwrap())
            .tags(messages.iter().map(Vec::as_slice), |tag| {
                tags.push(HEXLOWER.encode(&tag))
            });
        tags
    }

    #[test]
    fn published_vectors() {
        let mut seen = 0;
        for line in include_str!("../vectors/aes_cmac.jsonl").lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = |name: &str| {
                HEXLOWER
                    .decode(case[name].as_str().unwrap().as_bytes())
                    .unwrap()
            };
            if hex("key_hex").len() != 32 || case["tag_bits"] != 128 {
                continue;
            }
            let tag = &tags(&hex("key_hex"), &[hex("msg_hex")])[0];
            assert_eq!(
                tag == case["tag_hex"].as_str().unwrap(),
                case["result"] == "valid",
                "{line}"
            );
            seen += 1;
        }
        assert!(seen > 10, "{seen} vectors with 256-bit keys");
    }

    #[test]
    fn lanes_do_not_mix() {
        let key = [7; 32];
        let messages: Vec<Vec<u8>> = (0..200)
            .map(|n: usize| vec![n as u8; (n * 7) % 70])
            .collect();
        let alone: Vec<_> = messages
            .iter()
            .flat_map(|m| tags(&key, std::slice::from_ref(m)))
            .collect();
        assert_eq!(tags(&key, &messages), alone);
    }
}
