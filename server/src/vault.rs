//! Secrets at rest: AES-SIV (RFC 5297) with a random nonce, under keys that are derived from the server's own.

use aes_siv::aead::{Aead, KeyInit, Payload};
use aes_siv::{Aes256SivAead, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a nonce before what is sealed.
const NONCE_BYTES: usize = 16;

/// Seals and opens secrets. The key cannot be printed and is wiped when dropped.
pub(crate) struct Vault {
    key: Zeroizing<Vec<u8>>,
}

/// What was sealed cannot be opened: it was under another key, in another place, or changed.
#[derive(Debug, thiserror::Error)]
#[error("a secret of the server cannot be opened: it was sealed under another key, or changed")]
pub(crate) struct Sealed;

impl Vault {
    /// A vault under `key`, whose length is up to whoever made it: 32 random bytes or more.
    pub(crate) fn new(key: Zeroizing<Vec<u8>>) -> Self {
        Self { key }
    }

    /// `secret`, for its place alone: what is opened under another `place` is refused.
    ///
    /// # Errors
    /// When the system gives no random bits.
    pub(crate) fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload {
            msg: secret,
            aad: place.as_bytes(),
        };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        // Only a secret that fills the memory is too long.
        let sealed = sealed.map_err(|_| getrandom::Error::UNEXPECTED)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed for `place`.
    ///
    /// # Errors
    /// When it was sealed under another key or for another place, or changed since.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Sealed> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Sealed)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| Sealed)
    }

    /// A key of its own for `purpose`, 32 bytes.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.expand(purpose, key.as_mut_slice());
        key
    }

    fn cipher(&self) -> Aes256SivAead {
        let mut key = Zeroizing::new([0; 64]);
        self.expand("seal", key.as_mut_slice());
        Aes256SivAead::new((&*key).into())
    }

    fn expand(&self, purpose: &str, into: &mut [u8]) {
        let label = format!("visard server/1 {purpose}");
        Hkdf::<Sha256>::new(None, &self.key)
            .expand(label.as_bytes(), into)
            .expect("both lengths are far below 255 blocks");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_under_its_key() {
        let vault = Vault::new(Zeroizing::new(vec![7; 32]));
        let sealed = vault.seal("connection/1", b"secret").unwrap();
        assert_eq!(*vault.open("connection/1", &sealed).unwrap(), b"secret");
        assert!(vault.open("connection/2", &sealed).is_err());
        let other = Vault::new(Zeroizing::new(vec![8; 32]));
        assert!(other.open("connection/1", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open("connection/1", &changed).is_err(), "{at}");
        }
        assert!(vault.open("connection/1", b"").is_err());
    }
}
