//! A keyed permutation of `0..size`: every rank gets another's place, and no two the same one.
//!
//! ```text
//! key   = fpe key of the mask key with the labels "permutation", label, size in decimal digits; AES-256
//! size < 1,000,000: the ranks sorted by the first 64 bits of AES(key, rank), then by rank; a rank's
//!                   image is its place ("prefix cipher", Black and Rogaway, CT-RSA 2002)
//! size up to 2^64:  FF1 without a tweak on two numerals of the least radix whose square holds the
//!                   size, from 2^32 on four numerals; results outside are encrypted again
//! above:            the same on as many pairs of numerals as the size has 32 bits
//! ```
//!
//! Encrypting until the result lies inside ("cycle walking", the same paper) keeps it one-to-one. The
//! numerals hold hardly more than `size` values, so almost no rank needs a second step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use num_bigint::BigUint;

use crate::fpe::{Cipher, Direction, Ff1, LEAST_DOMAIN, Plan, Span, Tweaks};
use crate::key::MaskKey;

/// Ranks worked on at once.
const BATCH: usize = 1024;

/// A permutation of `0..size`, from 1 to 2^64.
#[derive(Debug)]
pub(crate) struct Permutation {
    size: u128,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// The image of each rank, and the rank of each image.
    Table { forth: Vec<u32>, back: Vec<u32> },
    /// FF1 on two halves.
    Walk(Box<Walk>),
}

#[derive(Debug)]
struct Walk {
    ff1: Ff1,
    plan: Plan,
    /// How many values the right half has.
    half: u64,
}

fn cipher(key: &MaskKey, label: &[u8], size: &str) -> Cipher {
    let key = key.fpe_key::<32>(&[b"permutation", label, size.as_bytes()]);
    Cipher::new(&*key).expect("32 bytes are an AES-256 key")
}

impl Permutation {
    /// The permutation of `size` ranks under `key` that `label` tells from others of the size.
    pub(crate) fn new(key: &MaskKey, label: &[u8], size: u128) -> Self {
        debug_assert!((1..=1 << 64).contains(&size));
        let cipher = cipher(key, label, &size.to_string());
        if size < LEAST_DOMAIN {
            let back = sorted(&cipher, size as u32);
            let mut forth = vec![0; back.len()];
            for (image, rank) in (0..).zip(&back) {
                forth[*rank as usize] = image;
            }
            let way = Way::Table { forth, back };
            return Self { size, way };
        }
        let numerals: u32 = if size <= 1 << 32 { 2 } else { 4 };
        let radix = least_root(size, numerals);
        let ff1 = Ff1::new(cipher, radix);
        let plan = ff1
            .plan(numerals as usize, 0)
            .expect("the numerals hold at least a million values");
        let half = u64::from(radix).pow(numerals / 2);
        Self {
            size,
            way: Way::Walk(Box::new(Walk { ff1, plan, half })),
        }
    }

    /// How many ranks there are.
    pub(crate) fn size(&self) -> u128 {
        self.size
    }

    /// Puts the image of each rank in its place.
    pub(crate) fn permute(&self, ranks: &mut [u64]) {
        self.walk(Direction::Encrypt, ranks);
    }

    /// As [`Permutation::permute`], or back.
    pub(crate) fn walk(&self, direction: Direction, ranks: &mut [u64]) {
        debug_assert!(ranks.iter().all(|rank| u128::from(*rank) < self.size));
        match &self.way {
            Way::Table { forth, back } => {
                let table = match direction {
                    Direction::Encrypt => forth,
                    Direction::Decrypt => back,
                };
                for rank in ranks {
                    *rank = table[*rank as usize].into();
                }
            }
            Way::Walk(walk) => {
                for ranks in ranks.chunks_mut(BATCH) {
                    walk.within(self.size, direction, ranks);
                }
            }
        }
    }
}

impl Walk {
    /// Encrypts each rank until it is below `size`.
    fn within(&self, size: u128, direction: Direction, ranks: &mut [u64]) {
        let mut outside: Vec<usize> = (0..ranks.len()).collect();
        while !outside.is_empty() {
            let mut left: Vec<u64> = outside.iter().map(|&row| ranks[row] / self.half).collect();
            let mut right: Vec<u64> = outside.iter().map(|&row| ranks[row] % self.half).collect();
            self.ff1
                .run_halves(&self.plan, direction, &mut left, &mut right);
            for ((&row, left), right) in outside.iter().zip(left).zip(right) {
                ranks[row] = left * self.half + right;
            }
            outside.retain(|&row| u128::from(ranks[row]) >= size);
        }
    }
}

/// The ranks below `size` in the order of their images under the cipher.
fn sorted(cipher: &Cipher, size: u32) -> Vec<u32> {
    let mut images = Vec::with_capacity(size as usize);
    let mut blocks = Vec::with_capacity(BATCH);
    for start in (0..size).step_by(BATCH) {
        let ranks = start..size.min(start + BATCH as u32);
        blocks.clear();
        blocks.extend(ranks.clone().map(|rank| u128::from(rank).to_be_bytes()));
        cipher.encrypt(&mut blocks);
        let image = |block: &[u8; 16]| (u128::from_be_bytes(*block) >> 64) as u64;
        images.extend(blocks.iter().map(image).zip(ranks));
    }
    images.sort_unstable();
    images.into_iter().map(|(_, rank)| rank).collect()
}

/// The least number whose power to `numerals` is not below `size`.
fn least_root(size: u128, numerals: u32) -> u32 {
    let (mut low, mut high) = (2_u32, 65_536);
    while low < high {
        let middle = low.midpoint(high);
        if u128::from(middle).pow(numerals) >= size {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// A permutation of `0..size` for a size above 2^64.
#[derive(Debug)]
pub(crate) struct WidePermutation {
    size: BigUint,
    ff1: Ff1,
    radix: u32,
    numerals: usize,
}

impl WidePermutation {
    /// As [`Permutation::new`].
    pub(crate) fn new(key: &MaskKey, label: &[u8], size: BigUint) -> Self {
        let cipher = cipher(key, label, &size.to_string());
        let pairs = (&size - 1_u8).bits().div_ceil(32);
        let numerals = u32::try_from(2 * pairs).expect("a text has fewer than 2^32 bits");
        let root = (&size - 1_u8).nth_root(numerals) + 1_u8;
        let radix = u32::try_from(root).expect("each pair of numerals has 32 bits at most");
        Self {
            size,
            ff1: Ff1::new(cipher, radix),
            radix,
            numerals: numerals as usize,
        }
    }

    /// Puts the image of each rank in its place.
    pub(crate) fn permute(&self, ranks: &mut [BigUint]) {
        let mut outside: Vec<usize> = (0..ranks.len()).collect();
        let mut numerals = Vec::new();
        while !outside.is_empty() {
            numerals.clear();
            for &row in &outside {
                self.spell(&ranks[row], &mut numerals);
            }
            let spans: Vec<Span> = (0..outside.len())
                .map(|row| Span {
                    start: row * self.numerals,
                    length: self.numerals,
                })
                .collect();
            self.ff1
                .run(Direction::Encrypt, &mut numerals, &spans, Tweaks::One(&[]))
                .expect("the numerals are below their radix and hold more than 2^64 values");
            for (&row, numerals) in outside.iter().zip(numerals.chunks(self.numerals)) {
                ranks[row] = numerals.iter().fold(BigUint::ZERO, |rank, numeral| {
                    rank * self.radix + u32::from(*numeral)
                });
            }
            outside.retain(|&row| ranks[row] >= self.size);
        }
    }

    fn spell(&self, rank: &BigUint, numerals: &mut Vec<u16>) {
        let start = numerals.len();
        let mut rest = rank.clone();
        for _ in 0..self.numerals {
            let numeral = u32::try_from(&rest % self.radix).expect("a remainder is small");
            numerals.push(numeral as u16);
            rest /= self.radix;
        }
        numerals[start..].reverse();
    }
}

/// Permutations without a label by their size, made when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Permutations {
    narrow: Mutex<BTreeMap<u128, Arc<Permutation>>>,
    wide: Mutex<BTreeMap<BigUint, Arc<WidePermutation>>>,
}

/// Of so many sizes the permutation is kept; free text has no end of them.
const KEPT: usize = 4096;

impl Permutations {
    /// The permutation of up to 2^64 ranks under `key`.
    pub(crate) fn narrow(&self, key: &MaskKey, size: u128) -> Arc<Permutation> {
        known(&self.narrow, size, |size| Permutation::new(key, &[], *size))
    }

    /// The permutation of more than 2^64 ranks under `key`.
    pub(crate) fn wide(&self, key: &MaskKey, size: BigUint) -> Arc<WidePermutation> {
        known(&self.wide, size, |size| {
            WidePermutation::new(key, &[], size.clone())
        })
    }
}

fn known<S: Ord, P>(known: &Mutex<BTreeMap<S, Arc<P>>>, size: S, make: impl Fn(&S) -> P) -> Arc<P> {
    // Whoever panicked left whole entries behind.
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(permutation) = known.get(&size) {
        return Arc::clone(permutation);
    }
    let permutation = Arc::new(make(&size));
    if known.len() < KEPT {
        known.insert(size, Arc::clone(&permutation));
    }
    permutation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Root;

    fn key() -> MaskKey {
        Root::new(b"golden run secret 0123456789", None).mask_key("imitate_unique", "id")
    }

    #[test]
    fn whole_domains() {
        for size in [1, 2, 3, 10, 999, 65_536, 999_999, 1_000_000, 1_234_567] {
            let permutation = Permutation::new(&key(), b"", size);
            assert_eq!(permutation.size(), size);
            let ranks: Vec<u64> = (0..size as u64).collect();
            let mut images = ranks.clone();
            permutation.permute(&mut images);
            assert!(size < 10 || images != ranks, "{size}");
            let mut back = images.clone();
            permutation.walk(Direction::Decrypt, &mut back);
            assert_eq!(back, ranks, "{size}");
            images.sort_unstable();
            assert!(images == ranks, "{size}");
        }
    }

    #[test]
    fn large_domains() {
        for size in [
            1 << 32,
            (1 << 32) + 1,
            888_931_098,
            10_u128.pow(12),
            9 * 10_u128.pow(18),
            (1 << 64) - 1,
            1 << 64,
        ] {
            let permutation = Permutation::new(&key(), b"", size);
            let spread =
                |n: u64| ((u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) * size) >> 64) as u64;
            let mut ranks: Vec<u64> = (0..100_000).map(spread).collect();
            ranks[0] = (size - 1) as u64;
            let mut images = ranks.clone();
            permutation.permute(&mut images);
            assert!(images.iter().all(|image| u128::from(*image) < size));
            // Of a hundred parts of the domain each gets about a thousandth of the hundred thousand.
            let mut counts = [0; 100];
            for image in &images {
                counts[(u128::from(*image) * 100 / size) as usize] += 1;
            }
            assert!(
                counts.iter().all(|n| (850..1150).contains(n)),
                "{size} {counts:?}"
            );
            let mut alone = [images[7]];
            permutation.walk(Direction::Decrypt, &mut alone);
            assert_eq!(alone, [ranks[7]]);
            permutation.walk(Direction::Decrypt, &mut images);
            assert_eq!(images, ranks, "{size}");
        }
    }

    #[test]
    fn labels_and_sizes_differ() {
        let image = |label: &[u8], size| {
            let mut ranks: Vec<u64> = (0..100).collect();
            Permutation::new(&key(), label, size).permute(&mut ranks);
            ranks
        };
        assert_ne!(image(b"", 1000), image(b"a", 1000));
        assert_ne!(image(b"", 1 << 40), image(b"", (1 << 40) - 1));
    }

    #[test]
    fn wide_domains() {
        for size in [
            (BigUint::from(1_u8) << 64) + 1_u8,
            BigUint::from(10_u8).pow(20) - (BigUint::from(1_u8) << 64),
            BigUint::from(26_u8).pow(40),
            BigUint::from(1_u8) << 128,
        ] {
            let permutation = WidePermutation::new(&key(), b"", size.clone());
            let ranks: Vec<BigUint> = (0..500_u32).map(|n| &size - 1_u8 - n).collect();
            let mut images = ranks.clone();
            permutation.permute(&mut images);
            assert!(images.iter().all(|image| *image < size), "{size}");
            let mut alone = [ranks[3].clone()];
            permutation.permute(&mut alone);
            assert_eq!(alone[0], images[3]);
            images.sort_unstable();
            images.dedup();
            assert_eq!(images.len(), ranks.len());
            // Neighbours do not stay together.
            assert!(images[0] < &size / 50_u8, "{size}");
        }
    }

    #[test]
    fn roots() {
        for (size, numerals, root) in [
            (1_000_000, 2, 1000),
            (1_000_001, 2, 1001),
            (1 << 32, 2, 65_536),
            ((1 << 32) + 1, 4, 257),
            (1 << 64, 4, 65_536),
            ((1 << 64) - 1, 4, 65_536),
        ] {
            assert_eq!(least_root(size, numerals), root, "{size}");
        }
    }
}
