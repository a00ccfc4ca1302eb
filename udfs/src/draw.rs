//! Draws: the 128 keyed pseudo-random bits that decide a generated value.
//!
//! ```text
//! draw       = AES-256-CMAC(mask key, message)
//! further bits: block j = AES-256(expand key, draw xor j), j = 1, 2, …, after the draw itself
//! ```

use crate::cmac::{Front, SLACK, encrypt_blocks};
use crate::key::MaskKey;
use crate::messages::{Messages, Written};

/// How many rows are worked on at once where much is made for each on the way: so many stay in the
/// processor's cache, and their memory is used again for the next ones.
pub(crate) const ROWS_AT_ONCE: usize = 1024;

/// The 128 bits of one row under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw([u8; 16]);

impl Draw {
    /// The bits, most significant first.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The bits as a number.
    pub fn bits(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// One of `0..n`, each as likely as the others within `n / 2^64`; `0` for `n` of zero.
    pub fn pick(self, n: u64) -> u64 {
        let high = (self.bits() >> 64) as u64;
        ((u128::from(high) * u128::from(n)) >> 64) as u64
    }
}

/// The draws of a batch and the key they came from.
#[derive(Debug)]
pub struct Draws<'k> {
    key: &'k MaskKey,
    draws: Vec<[u8; 16]>,
}

impl<'k> Draws<'k> {
    /// The draw of each message under `key`.
    pub fn new(key: &'k MaskKey, messages: &Messages) -> Self {
        let mut draws = vec![[0; 16]; messages.len()];
        let mut written = Written::default();
        let mut front = (None, Front::default());
        let mut start = 0;
        for draws in draws.chunks_mut(ROWS_AT_ONCE) {
            let rows = start..start + draws.len();
            start = rows.end;
            written.clear();
            if let Some(messages_of) = messages.long_fronts(rows.clone()) {
                for (draw, (row, tail)) in draws.iter_mut().zip(messages_of) {
                    if front.0 != Some(row) {
                        written.clear();
                        messages.write_front(row, &mut written);
                        front = (Some(row), key.mac.front(&written.bytes));
                    }
                    *draw = key.mac.tag_behind(&front.1, tail);
                }
                continue;
            }
            messages.write(rows, &mut written);
            written.bytes.extend([0; SLACK]);
            key.mac.tags(&written.bytes, &written.ends, draws);
        }
        Self { key, draws }
    }

    /// A draw a row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Draw> + '_ {
        self.draws.iter().map(|draw| Draw(*draw))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.draws.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.draws.is_empty()
    }

    /// The draw of `row`.
    pub fn get(&self, row: usize) -> Draw {
        Draw(self.draws[row])
    }

    /// For each row as many 16-byte blocks as `blocks` asks for, the draw itself first, row after row.
    pub fn expand(&self, blocks: impl Fn(usize) -> usize) -> Vec<[u8; 16]> {
        // Most rows want one or two.
        let mut expanded = Vec::with_capacity(2 * self.draws.len());
        let mut counters = Vec::with_capacity(self.draws.len());
        let mut places = Vec::with_capacity(self.draws.len());
        for (row, draw) in self.iter().enumerate() {
            for block in 0..blocks(row) {
                if block == 0 {
                    expanded.push(draw.0);
                } else {
                    places.push(expanded.len());
                    counters.push((draw.bits() ^ block as u128).to_be_bytes());
                    expanded.push([0; 16]);
                }
            }
        }
        encrypt_blocks(&self.key.expand, &mut counters);
        for (place, block) in places.into_iter().zip(counters) {
            expanded[place] = block;
        }
        expanded
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::*;
    use crate::key::Root;
    use crate::messages::Part;

    fn text(values: &[Option<&str>]) -> StringViewArray {
        values.iter().copied().collect()
    }

    #[test]
    fn a_pick_stays_below_its_bound_and_reaches_both_ends() {
        for (draw, n, picked) in [
            (0, 7, 0),
            (u128::MAX, 7, 6),
            (u128::MAX, 1, 0),
            (u128::MAX, 0, 0),
            (1 << 127, 10, 5),
        ] {
            assert_eq!(
                Draw(u128::to_be_bytes(draw)).pick(n),
                picked,
                "{draw} of {n}"
            );
        }
    }

    /// Computed with Python's `hmac` and `cryptography` by the construction above.
    #[test]
    fn draws_are_pinned() {
        let root = Root::new(b"golden run secret 0123456789", Some(b"golden instance"));
        let key = root.mask_key("imitate", "customer id");
        let messages = Messages::of(&[text(&[Some("42"), None, Some("Zoë")])], 3);
        let draws = Draws::new(&key, &messages);
        let hex: Vec<String> = draws
            .expand(|_| 2)
            .iter()
            .map(|b| data_encoding::HEXLOWER.encode(b))
            .collect();
        assert_eq!(hex, GOLDEN);
    }

    /// Values of a long document draw as if each had a copy of it.
    #[test]
    fn long_beginnings_are_read_once() {
        let root = Root::new(b"golden run secret 0123456789", None);
        let key = root.mask_key("imitate", "x");
        let documents = ["short".to_owned(), "x".repeat(5000), "é".repeat(3000)];
        let documents = text(&[
            Some(&documents[0]),
            None,
            Some(&documents[1]),
            Some(&documents[2]),
        ]);
        let messages = Messages::of(std::slice::from_ref(&documents), 4);
        let rows: Vec<u32> = (0..3000).map(|value| value / 750).collect();
        let ordinals: Vec<u32> = (0..3000).map(|value| value % 750).collect();
        let values = messages.select(&rows, &ordinals, Part::Element);
        let values = values.select(&(0..3000).collect::<Vec<_>>(), &ordinals, Part::Match);
        let draws = Draws::new(&key, &values);
        for (value, (row, ordinal)) in rows.iter().zip(ordinals).enumerate().step_by(7) {
            let mut fields = vec![documents.slice(*row as usize, 1)];
            if ordinal > 0 {
                fields.extend(['e', 'm'].map(|part| text(&[Some(&format!("{part}{ordinal}"))])));
            }
            let alone = Draws::new(&key, &Messages::of(&fields, 1));
            assert_eq!(draws.get(value), alone.get(0), "{value}");
        }
    }

    const GOLDEN: [&str; 6] = [
        "7416842bb52696e16ff09ab7433aea89",
        "1ca72edb5b3061aa2378167451c3f0c8",
        "9d37b7fd548ab3e8eef7ca45623d77c0",
        "bac452df28cb05abccc8f8c37b5b91df",
        "b7cf4b4793aa9e85e8909ee75283325b",
        "16bc55dcd6a89715b84eb17c5718d653",
    ];
}
