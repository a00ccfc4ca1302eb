//! Keys: two secrets become one root, and every mask gets its own key from it.
//!
//! ```text
//! root     = HKDF-Extract-SHA-256(salt = instance secret or empty, ikm = run secret)
//! mask key = HKDF-Expand-SHA-256(root, info = lp("visard/1") ‖ lp(algorithm) ‖ lp(domain), 64 bytes)
//!            first 32 bytes: AES-256-CMAC key of the draws; last 32: AES-256 key that expands a draw
//! fpe root = HKDF-Expand-SHA-256(root, info = lp("visard/1") ‖ lp("fpe") ‖ lp(algorithm) ‖ lp(domain), 32 bytes)
//! fpe key  = HKDF-Expand-SHA-256(fpe root, info = lp("visard/1") ‖ lp(label) ‖ …, 16, 24 or 32 bytes)
//! lp(x)    = length of x as 4 bytes, big-endian, then x
//! ```
//!
//! An fpe key is the AES key of a permutation: format-preserving encryption or a ranking. Its labels
//! say which and for what, so no two of them share a key.
//!
//! Source: RFC 5869 (HKDF). Why these: `docs/decisions/0004-keys-and-draws.md`.
//! Keys are zeroized on drop and none of these types prints its content.

use std::fmt;

use aes::Aes256;
use aes::cipher::KeyInit;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::cmac::Cmac;

/// Version of the construction. A change to any output under an unchanged ruleset raises it.
pub const CONSTRUCTION: &str = "visard/1";

/// The root of one run's keys.
pub struct Root(Zeroizing<[u8; 32]>);

impl Root {
    /// The root of a run secret and, unless it is left out, the secret of this installation.
    pub fn new(run_secret: &[u8], instance_secret: Option<&[u8]>) -> Self {
        let (mut prk, _) = Hkdf::<Sha256>::extract(instance_secret, run_secret);
        let mut root = Zeroizing::new([0; 32]);
        root.copy_from_slice(&prk);
        prk.as_mut_slice().zeroize();
        Self(root)
    }

    /// The key of `algorithm` (a mask's type) in `domain` (a kind of value).
    pub fn mask_key(&self, algorithm: &str, domain: &str) -> MaskKey {
        let okm = self.expand::<64>(&[CONSTRUCTION, algorithm, domain]);
        let fingerprint = self.expand::<8>(&[CONSTRUCTION, "fingerprint", algorithm, domain]);
        let (mac, expand) = okm.split_at(32);
        let block_cipher =
            |key: &[u8]| Aes256::new_from_slice(key).expect("32 bytes are an AES-256 key");
        MaskKey {
            mac: Cmac::new(block_cipher(mac)),
            expand: block_cipher(expand),
            fpe: self.expand::<32>(&[CONSTRUCTION, "fpe", algorithm, domain]),
            fingerprint: *fingerprint,
        }
    }

    /// Sixteen hexadecimal digits that tell whether two runs used the same secrets, and nothing else.
    pub fn check_value(&self) -> String {
        let value = self.expand::<8>(&[CONSTRUCTION, "check"]);
        data_encoding::HEXLOWER.encode(value.as_slice())
    }

    fn expand<const N: usize>(&self, labels: &[&str]) -> Zeroizing<[u8; N]> {
        let mut okm = Zeroizing::new([0; N]);
        let labels: Vec<&[u8]> = labels.iter().map(|label| label.as_bytes()).collect();
        expand(&self.0, &labels, okm.as_mut_slice());
        okm
    }
}

/// HKDF-Expand over length-prefixed labels.
fn expand(root: &[u8; 32], labels: &[&[u8]], okm: &mut [u8]) {
    let mut info = Vec::new();
    for label in labels {
        let length = u32::try_from(label.len()).expect("a label is shorter than 4 GiB");
        info.extend_from_slice(&length.to_be_bytes());
        info.extend_from_slice(label);
    }
    Hkdf::<Sha256>::from_prk(root)
        .expect("a root has the length of a SHA-256 output")
        .expand(&info, okm)
        .expect("at most 64 bytes are asked for");
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root(***)")
    }
}

impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

/// The key of one mask in one domain.
pub struct MaskKey {
    pub(crate) mac: Cmac,
    pub(crate) expand: Aes256,
    fpe: Zeroizing<[u8; 32]>,
    fingerprint: [u8; 8],
}

impl MaskKey {
    /// Tells two keys apart without telling anything about them.
    pub fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    /// The AES key of `N` bytes for the permutation that `labels` name.
    pub(crate) fn fpe_key<const N: usize>(&self, labels: &[&[u8]]) -> Zeroizing<[u8; N]> {
        let mut okm = Zeroizing::new([0; N]);
        let labels: Vec<&[u8]> = std::iter::once(CONSTRUCTION.as_bytes())
            .chain(labels.iter().copied())
            .collect();
        expand(&self.fpe, &labels, okm.as_mut_slice());
        okm
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_run_into_each_other() {
        let root = Root::new(b"a run secret of some length", None);
        let keys = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")];
        let prints: Vec<_> = keys
            .iter()
            .map(|(a, d)| root.mask_key(a, d).fingerprint())
            .collect();
        for (i, one) in prints.iter().enumerate() {
            assert!(!prints[i + 1..].contains(one), "{:?}", keys[i]);
        }
    }

    #[test]
    fn both_secrets_count() {
        let plain = Root::new(b"run secret", None);
        assert_ne!(plain, Root::new(b"run secret", Some(b"instance")));
        assert_ne!(plain, Root::new(b"run secreT", None));
        assert_eq!(plain, Root::new(b"run secret", Some(b"")));
    }

    #[test]
    fn nothing_prints_a_key() {
        let root = Root::new(b"run secret", None);
        assert_eq!(
            format!("{root:?} {:?}", root.mask_key("hash", "id")),
            "Root(***) MaskKey(***)"
        );
    }

    /// Computed with Python's `hmac` and `hashlib` by the construction above.
    #[test]
    fn fpe_keys_are_pinned() {
        let root = Root::new(b"golden run secret 0123456789", Some(b"golden instance"));
        let key = root.mask_key("fpe", "card");
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        assert_eq!(hex(&*key.fpe_key::<16>(&[b"ff1", b"128"])), FPE_128);
        assert_eq!(hex(&*key.fpe_key::<32>(&[b"ff1", b"256"])), FPE_256);
    }

    const FPE_128: &str = "93ab91a2327e62e629d93c2088e4852f";
    const FPE_256: &str = "2c8d197b0e7b1ca149921b14d5800b56142c768b61003f1966e820199bd13a1a";

    /// Computed with Python's `hmac` and `hashlib` by the construction above.
    #[test]
    fn check_value_is_pinned() {
        assert_eq!(
            Root::new(b"golden run secret 0123456789", Some(b"golden instance")).check_value(),
            PINNED
        );
    }

    const PINNED: &str = "b8ebdb198851d0ad";
}
