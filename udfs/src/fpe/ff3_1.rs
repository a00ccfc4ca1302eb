//! FF3-1, for reading and matching the data of other tools.
//!
//! - Source: first draft of NIST SP 800-38G Rev. 1 (2019), 5.2, algorithms 9 and 10, with a tweak of 56 bits.
//! - The second draft (2025) leaves it out: Beyne (CRYPTO 2021) recovers messages of small domains.

use super::LEAST_DOMAIN;
use super::batch::{Direction, Numeral, Refusal, Span, Tweaks, all_below, by_shape};
use super::cipher::Cipher;
use super::halves::{Modulus, Modulus128, Radix, Sum};
use crate::lanes::LANES;

const ROUNDS: u32 = 8;

/// Bytes of a tweak.
pub(crate) const TWEAK: usize = 7;

/// FF3-1 under one key and radix.
#[derive(Debug)]
pub(crate) struct Ff3_1 {
    cipher: Cipher,
    radix: Radix,
    longest: usize,
}

impl Ff3_1 {
    /// `None` for a key that has not 16, 24 or 32 bytes; `radix` from 2 to 65,536.
    pub(crate) fn new(key: &[u8], radix: u32) -> Option<Self> {
        let mut reversed = zeroize::Zeroizing::new(key.to_vec());
        reversed.reverse();
        let (mut half, mut power) = (0, u128::from(radix));
        while power <= 1 << 96 {
            half += 1;
            power *= u128::from(radix);
        }
        Some(Self {
            cipher: Cipher::new(&reversed)?,
            radix: Radix::new(radix),
            longest: 2 * half,
        })
    }

    /// The most numerals of a value.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Encrypts or decrypts the numerals of every span in their place.
    ///
    /// # Errors
    /// When a span is too short or too long or a numeral is not below the radix.
    pub(crate) fn run<N: Numeral>(
        &self,
        direction: Direction,
        numerals: &mut [N],
        spans: &[Span],
        tweaks: Tweaks<'_>,
    ) -> Result<(), Refusal> {
        if !all_below(numerals, self.radix) {
            return Err(Refusal::Numeral);
        }
        for (length, rows) in by_shape(spans.len(), |row| spans[row].length) {
            let domain = u128::from(self.radix.get())
                .saturating_pow(u32::try_from(length).unwrap_or(u32::MAX));
            if length < 2 || domain < LEAST_DOMAIN {
                return Err(Refusal::Short);
            }
            if length > self.longest {
                return Err(Refusal::Long);
            }
            for rows in rows.chunks(LANES) {
                let mut halves = [[0; 2]; LANES];
                let mut words = [[0; 2]; LANES];
                for ((&row, half), word) in rows.iter().zip(&mut halves).zip(&mut words) {
                    let value = &numerals[spans[row].start..][..length];
                    let (left, right) = value.split_at(length.div_ceil(2));
                    // The first numeral of a half is its least significant one.
                    *half = [left, right]
                        .map(|half| Modulus128::read(half.iter().rev().copied(), self.radix));
                    *word = tweak_words(tweaks.of(row)).ok_or(Refusal::Long)?;
                }
                self.rounds(direction, length, &mut halves[..rows.len()], &words);
                for (&row, [left, right]) in rows.iter().zip(halves) {
                    let value = &mut numerals[spans[row].start..][..length];
                    let (a, b) = value.split_at_mut(length.div_ceil(2));
                    Modulus128::write(left, a.iter_mut(), self.radix);
                    Modulus128::write(right, b.iter_mut(), self.radix);
                }
            }
        }
        Ok(())
    }

    fn rounds(
        &self,
        direction: Direction,
        length: usize,
        halves: &mut [[u128; 2]],
        words: &[[u32; 2]],
    ) {
        let power = |places: usize| {
            let places = u32::try_from(places).expect("a half has at most 96 numerals");
            Modulus128::new(u128::from(self.radix.get()).pow(places))
        };
        let moduli = [power(length.div_ceil(2)), power(length / 2)];
        let mut blocks = [[0; 16]; LANES];
        let blocks = &mut blocks[..halves.len()];
        for step in 0..ROUNDS {
            let round = match direction {
                Direction::Encrypt => step,
                Direction::Decrypt => ROUNDS - 1 - step,
            };
            // Even rounds move the left half by the right one and the right word of the tweak.
            let moved = (round % 2) as usize;
            for ((block, half), word) in blocks.iter_mut().zip(&*halves).zip(words) {
                let word = u128::from(word[1 - moved] ^ round);
                *block = (word << 96 | half[1 - moved]).to_le_bytes();
            }
            self.cipher.encrypt(blocks);
            for (half, block) in halves.iter_mut().zip(&*blocks) {
                let block = u128::from_le_bytes(*block);
                let sum = Sum([(block >> 64) as u64, block as u64]);
                half[moved] = moduli[moved].moved(half[moved], sum, direction);
            }
        }
    }
}

/// The left and right word of a tweak: its first and last 28 bits, the middle byte shared.
fn tweak_words(tweak: &[u8]) -> Option<[u32; 2]> {
    let [a, b, c, middle, d, e, f]: [u8; TWEAK] = tweak.try_into().ok()?;
    Some([
        u32::from_be_bytes([a, b, c, middle & 0xf0]),
        u32::from_be_bytes([d, e, f, middle << 4]),
    ])
}
