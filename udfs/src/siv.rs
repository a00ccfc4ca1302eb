//! AES-SIV over many texts at once: RFC 5297 with a key of 512 bits, without a nonce.
//!
//! - Source: RFC 5297, names as there: S2V, `D`, `T`, `V`, `Q`; test vectors of C2SP Wycheproof.
//! - Of S2V only the last string, the text, differs from row to row: what comes before is done once,
//!   and the texts go through CMAC side by side.

use std::fmt;

use aes::Aes256;
use aes::cipher::KeyInit;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::cmac::{Cmac, SLACK, double, encrypt_blocks};

/// Bytes of the synthetic initialization vector that stands before the sealed text.
pub(crate) const TAG: usize = 16;

/// AES-SIV under one key and one associated string.
pub(crate) struct Siv {
    mac: Cmac,
    counter: Aes256,
    /// `D` before the text, as it is added to the end of a text of a block or more.
    d: u128,
    /// The same doubled, as it is added to a shorter, padded text.
    doubled: u128,
}

impl Drop for Siv {
    fn drop(&mut self) {
        self.d.zeroize();
        self.doubled.zeroize();
    }
}

impl fmt::Debug for Siv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Siv(***)")
    }
}

/// Texts one after the other, each up to its end.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<usize>,
}

impl Texts {
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let text = &self.bytes[start..end];
            start = end;
            text
        })
    }
}

impl Siv {
    /// With `associated` bound into every tag; `None` binds nothing, which is not the empty string.
    pub(crate) fn new(key: &[u8; 64], associated: Option<&[u8]>) -> Self {
        let [mac, counter] = [&key[..32], &key[32..]]
            .map(|key| Aes256::new_from_slice(key).expect("32 bytes are an AES-256 key"));
        let mac = Cmac::new(mac);
        let mut d = mac.tag(&[0; 16]);
        if let Some(associated) = associated {
            d = xor(double(d), mac.tag(associated));
        }
        Self {
            mac,
            counter,
            d: u128::from_be_bytes(d),
            doubled: u128::from_be_bytes(double(d)),
        }
    }

    /// Puts each text under the cipher, in place; its `V`.
    pub(crate) fn seal(&self, texts: &mut Texts) -> Vec<[u8; TAG]> {
        let tags = self.tags(texts);
        self.add_stream(&tags, texts);
        tags
    }

    /// Brings each text back from under the cipher, in place; whether it is the one of its tag.
    pub(crate) fn open(&self, tags: &[[u8; TAG]], texts: &mut Texts) -> Vec<bool> {
        self.add_stream(tags, texts);
        let right = self.tags(texts);
        let pairs = right.iter().zip(tags);
        pairs.map(|(one, other)| one.ct_eq(other).into()).collect()
    }

    /// `V` of each text.
    fn tags(&self, texts: &Texts) -> Vec<[u8; TAG]> {
        let mut bytes = Vec::with_capacity(texts.bytes.len() + 16 * texts.ends.len() + SLACK);
        let mut ends = Vec::with_capacity(texts.ends.len());
        for text in texts.iter() {
            match text.split_last_chunk::<16>() {
                Some((front, last)) => {
                    bytes.extend_from_slice(front);
                    bytes.extend((u128::from_be_bytes(*last) ^ self.d).to_be_bytes());
                }
                None => {
                    let mut padded = [0; 16];
                    padded[..text.len()].copy_from_slice(text);
                    padded[text.len()] = 0x80;
                    bytes.extend((u128::from_be_bytes(padded) ^ self.doubled).to_be_bytes());
                }
            }
            ends.push(bytes.len());
        }
        bytes.extend([0; SLACK]);
        let mut tags = vec![[0; TAG]; ends.len()];
        self.mac.tags(&bytes, &ends, &mut tags);
        tags
    }

    /// Adds to each text the key stream that begins at its tag.
    fn add_stream(&self, tags: &[[u8; TAG]], texts: &mut Texts) {
        /// Two bits of the counter are left zero, so that it can be added to 32 bits at a time.
        const KEPT: u128 = !(1 << 31 | 1 << 63);
        let mut stream = Vec::with_capacity(texts.bytes.len() / 16 + texts.ends.len());
        let mut start = 0;
        for (tag, &end) in tags.iter().zip(&texts.ends) {
            let q = u128::from_be_bytes(*tag) & KEPT;
            let blocks = (end - start).div_ceil(16) as u128;
            stream.extend((0..blocks).map(|block| (q + block).to_be_bytes()));
            start = end;
        }
        encrypt_blocks(&self.counter, &mut stream);
        let mut stream = stream.iter();
        let mut start = 0;
        for &end in &texts.ends {
            for (text, block) in texts.bytes[start..end].chunks_mut(16).zip(&mut stream) {
                for (byte, key) in text.iter_mut().zip(block) {
                    *byte ^= key;
                }
            }
            start = end;
        }
    }
}

fn xor(one: [u8; 16], other: [u8; 16]) -> [u8; 16] {
    (u128::from_le_bytes(one) ^ u128::from_le_bytes(other)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use aes_siv::KeyInit as _;
    use aes_siv::siv::Aes256Siv;
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn published_vectors() {
        let mut seen = [0, 0];
        for line in include_str!("../vectors/aes_siv.jsonl").lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = |name: &str| {
                let digits = case[name].as_str().unwrap();
                HEXLOWER.decode(digits.as_bytes()).unwrap()
            };
            let Ok(key) = <[u8; 64]>::try_from(hex("key_hex")) else {
                continue;
            };
            let valid = case["result"] == "valid";
            let siv = Siv::new(&key, Some(&hex("aad_hex")));
            let sealed = hex("ct_hex");
            let (tag, rest) = sealed.split_first_chunk::<TAG>().unwrap();
            let mut texts = Texts::default();
            texts.push(rest);
            assert_eq!(siv.open(&[*tag], &mut texts), [valid], "{line}");
            if valid {
                assert_eq!(texts.bytes, hex("msg_hex"), "{line}");
                assert_eq!(siv.seal(&mut texts), [*tag], "{line}");
                assert_eq!(texts.bytes, rest, "{line}");
            }
            seen[usize::from(valid)] += 1;
        }
        assert_eq!(seen, [6, 1], "with keys of 512 bits");
    }

    /// Texts of all lengths in one batch, beside a library that takes them one by one.
    #[test]
    fn a_peer_agrees() {
        let texts: Vec<Vec<u8>> = (0..200_usize).map(|n| vec![n as u8; n * 7 % 70]).collect();
        let mut peer = Aes256Siv::new(&[7; 64].into());
        for associated in [None, Some(&b""[..]), Some(b"mail")] {
            let siv = Siv::new(&[7; 64], associated);
            let mut together = Texts::default();
            texts.iter().for_each(|text| together.push(text));
            let tags = siv.seal(&mut together);
            for ((text, sealed), tag) in texts.iter().zip(together.iter()).zip(&tags) {
                let right = peer.encrypt(associated, text).unwrap();
                assert_eq!([tag, sealed].concat(), right);
            }
            assert!(
                siv.open(&tags, &mut together)
                    .into_iter()
                    .all(|right| right)
            );
            assert!(together.iter().eq(texts.iter().map(Vec::as_slice)));
            let other = Siv::new(&[7; 64], Some(b"post"));
            assert!(!other.open(&tags, &mut together).contains(&true));
        }
    }
}
