//! Values that wait on disk: in a file without a name, encrypted under a key that only this process
//! has.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use zeroize::Zeroizing;

/// A temporary file. It has no name, nobody else can open it, and it ends with this.
pub(super) struct Spill {
    file: File,
    key: Zeroizing<[u8; 64]>,
    end: u64,
}

/// A part of the file, written at once and read at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    start: u64,
    length: usize,
}

impl Spill {
    /// An empty file and a new random key for it.
    ///
    /// # Errors
    /// When the system gives no file or no random bits.
    pub(super) fn new() -> io::Result<Self> {
        let mut key = Zeroizing::new([0; 64]);
        getrandom::fill(key.as_mut_slice())
            .map_err(|_| io::Error::other("the system gives no random bits"))?;
        Ok(Self {
            file: tempfile::tempfile()?,
            key,
            end: 0,
        })
    }

    /// Appends `plain`, encrypted. Where it stands goes into the cipher, so that no chunk is taken for
    /// another and equal ones look different.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&mut self, plain: &[u8]) -> io::Result<Chunk> {
        let sealed = self
            .cipher()
            .encrypt([self.end.to_be_bytes()], plain)
            .map_err(|_| io::Error::other("a chunk is too long"))?;
        self.file.write_all_at(&sealed, self.end)?;
        let chunk = Chunk {
            start: self.end,
            length: sealed.len(),
        };
        self.end += sealed.len() as u64;
        Ok(chunk)
    }

    /// What was written as `chunk`.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else by now.
    pub(super) fn read(&self, chunk: Chunk) -> io::Result<Vec<u8>> {
        let mut sealed = vec![0; chunk.length];
        self.file.read_exact_at(&mut sealed, chunk.start)?;
        self.cipher()
            .decrypt([chunk.start.to_be_bytes()], &sealed)
            .map_err(|_| io::Error::other("its content changed"))
    }

    fn cipher(&self) -> Aes256Siv {
        Aes256Siv::new((&*self.key).into())
    }

    /// The bytes on disk.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.end as usize];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_disk_is_encrypted_and_cannot_be_changed() {
        let mut spill = Spill::new().unwrap();
        let plain = b"a plain value of a column".repeat(10);
        let chunks = [&plain[..], b"", &plain].map(|plain| spill.write(plain).unwrap());
        let found = chunks.map(|chunk| spill.read(chunk).unwrap());
        assert_eq!(found, [plain.clone(), vec![], plain]);
        let bytes = spill.bytes();
        assert!(!bytes.windows(7).any(|window| window == b"a plain"));
        assert_ne!(bytes[..100], bytes[chunks[2].start as usize..][..100]);
        spill.file.write_all_at(b"x", 20).unwrap();
        assert!(spill.read(chunks[0]).is_err());
        let moved = Chunk {
            start: chunks[2].start,
            length: chunks[2].length - 1,
        };
        assert!(spill.read(moved).is_err());
    }
}
