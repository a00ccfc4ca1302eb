//! AES-256-CMAC over many short messages at once.
//!
//! - Source: NIST SP 800-38B; test vectors of C2SP Wycheproof.
//! - Messages of a batch go through the cipher side by side: a chained mode alone waits for each
//!   block's latency, and the processor can work on several independent blocks meanwhile.

use std::array::from_fn;

use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, array::Array,
    consts::U16,
};
use aes::{Aes256, Block};
use zeroize::Zeroize;

use crate::lanes::{LANES, encrypt_lanes};

/// Bytes that can be read behind the last message: a last block is loaded whole, then cut.
pub(crate) const SLACK: usize = 16;

/// A CMAC key: the cipher and its two subkeys.
pub(crate) struct Cmac {
    cipher: Aes256,
    /// What is added to a last block of so many bytes: its padding and a subkey, another one where it is
    /// full.
    ends: [u128; 17],
}

/// The bytes of a last block of so many that belong to it.
const KEPT: [u128; 17] = {
    let mut kept = [u128::MAX; 17];
    let mut bytes = 0;
    while bytes < 16 {
        kept[bytes] = (1 << (8 * bytes)) - 1;
        bytes += 1;
    }
    kept
};

impl Drop for Cmac {
    fn drop(&mut self) {
        self.ends.zeroize();
    }
}

/// The beginning of a message.
#[derive(Default)]
pub(crate) struct Front {
    /// What the chain holds after its first blocks.
    state: Block,
    /// The bytes behind these, 16 at most.
    rest: Vec<u8>,
}

/// What is left of a message.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    /// Where its next block begins.
    at: usize,
    /// Blocks in front of the last one.
    ahead: usize,
    /// Bytes of the last block.
    last: usize,
}

impl Lane {
    fn new(start: usize, end: usize) -> Self {
        let ahead = (end - start).saturating_sub(1) / 16;
        Self {
            at: start,
            ahead,
            last: end - start - 16 * ahead,
        }
    }
}

impl Cmac {
    pub(crate) fn new(cipher: Aes256) -> Self {
        let mut zero = Block::default();
        cipher.encrypt_block(&mut zero);
        let k1 = double(zero.0);
        let k2 = double(k1);
        let [k1, k2] = [k1, k2].map(u128::from_le_bytes);
        let end = |bytes: usize| match bytes {
            16 => k1,
            _ => 0x80 << (8 * bytes) ^ k2,
        };
        let ends = from_fn(end);
        Self { cipher, ends }
    }

    /// The 128-bit tag of one message.
    pub(crate) fn tag(&self, message: &[u8]) -> [u8; 16] {
        let bytes = [message, &[0; SLACK]].concat();
        let mut tag = [[0; 16]];
        self.tags(&bytes, &[message.len()], &mut tag);
        tag[0]
    }

    /// What is kept of the beginning of messages, so that it is read once for all of them.
    pub(crate) fn front(&self, beginning: &[u8]) -> Front {
        let mut state = Block::default();
        // The last block of a message is not like the others, and any may turn out to be the last.
        let (ahead, rest) = beginning.split_at(beginning.len().saturating_sub(1) / 16 * 16);
        for block in ahead.as_chunks::<16>().0 {
            state.0 = (u128::from_le_bytes(state.0) ^ u128::from_le_bytes(*block)).to_le_bytes();
            self.cipher.encrypt_block(&mut state);
        }
        Front {
            state,
            rest: rest.to_vec(),
        }
    }

    /// The 128-bit tag of a message that begins with `front` and ends with `tail`.
    pub(crate) fn tag_behind(&self, front: &Front, tail: &[u8]) -> [u8; 16] {
        let bytes = [&front.rest, tail, &[0; SLACK]].concat();
        let mut lane = Lane::new(0, front.rest.len() + tail.len());
        let mut state = front.state;
        for _ in 0..=lane.ahead {
            self.absorb(&bytes, &mut lane, &mut state);
            self.cipher.encrypt_block(&mut state);
        }
        state.0
    }

    /// Writes the 128-bit tag of each message to `tags`, which has room for as many. Messages stand one after the other in `bytes`, each up to its
    /// end in `ends`, with [`SLACK`] bytes of any kind behind the last.
    pub(crate) fn tags(&self, bytes: &[u8], ends: &[usize], tags: &mut [[u8; 16]]) {
        let mac = self;
        self.cipher.encrypt_with_backend(Chains {
            mac,
            bytes,
            ends,
            tags,
        });
    }

    /// Adds the lane's next block to the state, with the padding and subkey of a last block.
    #[inline(always)]
    fn absorb(&self, bytes: &[u8], lane: &mut Lane, state: &mut Block) {
        match lane.ahead {
            0 => self.absorb_last(bytes, lane, state),
            _ => absorb_next(bytes, lane, state),
        }
    }

    #[inline(always)]
    fn absorb_last(&self, bytes: &[u8], lane: &mut Lane, state: &mut Block) {
        let last = std::mem::take(&mut lane.last);
        let block = block_at(bytes, lane.at) & KEPT[last] ^ self.ends[last];
        state.0 = (u128::from_le_bytes(state.0) ^ block).to_le_bytes();
    }
}

#[inline(always)]
fn absorb_next(bytes: &[u8], lane: &mut Lane, state: &mut Block) {
    let block = block_at(bytes, lane.at);
    state.0 = (u128::from_le_bytes(state.0) ^ block).to_le_bytes();
    lane.ahead -= 1;
    lane.at += 16;
}

#[inline(always)]
fn block_at(bytes: &[u8], at: usize) -> u128 {
    let block = bytes[at..].first_chunk::<16>();
    u128::from_le_bytes(*block.expect("there is slack behind the last message"))
}

/// All messages and room for their tags.
struct Chains<'m> {
    mac: &'m Cmac,
    bytes: &'m [u8],
    ends: &'m [usize],
    tags: &'m mut [[u8; 16]],
}

impl BlockSizeUser for Chains<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Chains<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { mac, bytes, .. } = self;
        let mut start = 0;
        for (ends, tags) in self.ends.chunks(LANES).zip(self.tags.chunks_mut(LANES)) {
            let mut lanes = [Lane::default(); LANES];
            for (lane, end) in lanes.iter_mut().zip(ends) {
                *lane = Lane::new(start, *end);
                start = *end;
            }
            let states = mac.chain(bytes, &mut lanes[..ends.len()], backend);
            for (tag, state) in tags.iter_mut().zip(states) {
                *tag = state.0;
            }
        }
    }
}

impl Cmac {
    /// What each chain holds after its last block.
    #[inline(always)]
    fn chain<B: BlockCipherEncBackend<BlockSize = U16>>(
        &self,
        bytes: &[u8],
        lanes: &mut [Lane],
        backend: &B,
    ) -> [Block; LANES] {
        let mut states = [Block::default(); LANES];
        let most = lanes.iter().map(|lane| lane.ahead).max().unwrap_or(0);
        if lanes.iter().all(|lane| lane.ahead == most) {
            for _ in 0..most {
                for (lane, state) in lanes.iter_mut().zip(&mut states) {
                    absorb_next(bytes, lane, state);
                }
                encrypt_lanes(backend, &mut states, lanes.len());
            }
            for (lane, state) in lanes.iter_mut().zip(&mut states) {
                self.absorb_last(bytes, lane, state);
            }
            encrypt_lanes(backend, &mut states, lanes.len());
            return states;
        }
        // Of unequal messages the ones that still have blocks move together for each round.
        for round in 0..=most {
            let mut places = [0; LANES];
            let mut at_work = 0;
            for (place, lane) in lanes.iter().enumerate() {
                places[at_work] = place;
                // A message is over in the round behind its last block, where nothing is ahead.
                at_work += usize::from(round == 0 || lane.last > 0);
            }
            let places = &places[..at_work];
            let mut moved: [Block; LANES] = from_fn(|at| {
                places
                    .get(at)
                    .map_or(Block::default(), |place| states[*place])
            });
            for (place, state) in places.iter().zip(&mut moved) {
                self.absorb(bytes, &mut lanes[*place], state);
            }
            encrypt_lanes(backend, &mut moved, at_work);
            for (place, state) in places.iter().zip(moved) {
                states[*place] = state;
            }
        }
        states
    }
}

/// Doubling in GF(2^128), SP 800-38B §6.1.
pub(crate) fn double(block: [u8; 16]) -> [u8; 16] {
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
        let mut bytes = messages.concat();
        bytes.extend([0xA5; SLACK]);
        let mut end = 0;
        let end_of = |message: &Vec<u8>| {
            end += message.len();
            end
        };
        let ends: Vec<usize> = messages.iter().map(end_of).collect();
        let cmac = Cmac::new(Aes256::new_from_slice(key).unwrap());
        let mut tags = vec![[0; 16]; ends.len()];
        cmac.tags(&bytes, &ends, &mut tags);
        tags.iter().map(|tag| HEXLOWER.encode(tag)).collect()
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

    #[test]
    fn a_beginning_is_read_once() {
        let cmac = Cmac::new(Aes256::new_from_slice(&[7; 32]).unwrap());
        let message: Vec<u8> = (0..70).collect();
        for (front, tail) in (0..70).flat_map(|at| (0..70 - at).map(move |tail| (at, tail))) {
            let whole = cmac.tag(&message[..front + tail]);
            let (front, tail) = message[..front + tail].split_at(front);
            assert_eq!(cmac.tag_behind(&cmac.front(front), tail), whole);
        }
    }
}
