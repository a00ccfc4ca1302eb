//! Numbers taken off a draw, one after the other.

use super::write_number;
use crate::digits;
use crate::draw::{Draw, Draws};
use crate::error::MaskError;

/// The 128 bits of a draw as a fraction that numbers are taken off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fraction(u128);

impl Fraction {
    /// One of `0..n`. Each is as likely as the others within the product of all `n` so far / 2^128.
    pub(crate) fn pick(&mut self, n: u64) -> u64 {
        let (high, low) = ((self.0 >> 64) as u64, self.0 as u64);
        let below = u128::from(low) * u128::from(n);
        let above = u128::from(high) * u128::from(n) + (below >> 64);
        self.0 = above << 64 | below & u128::from(u64::MAX);
        (above >> 64) as u64
    }
}

impl Fraction {
    /// Writes a digit to each of `places`, as [`Fraction::pick`] of 10 for one after the other would.
    pub(crate) fn fill(&mut self, places: &mut [u8]) {
        // The digits of a fraction: to multiply by ten eight times is to do so once by 10^8.
        let (eights, rest) = places.as_chunks_mut::<8>();
        for eight in eights {
            let drawn = digits::of_number(self.pick(100_000_000));
            *eight = drawn.map(|digit| b'0' + digit);
        }
        if !rest.is_empty() {
            let number = self.pick(10_u64.pow(rest.len() as u32));
            write_number(number, rest);
        }
    }
}

impl From<Draw> for Fraction {
    fn from(draw: Draw) -> Self {
        Self(draw.bits())
    }
}

impl From<[u8; 16]> for Fraction {
    fn from(block: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(block))
    }
}

/// Has `attempt` make the number of each row in `rows` from the row's draw, and again from further
/// bits where it says that nothing came of them.
///
/// # Errors
/// When nothing comes of 64 blocks, which no kind can bring about but with a chance below 2^-40.
pub(crate) fn draw_until(
    draws: &Draws<'_>,
    rows: impl Fn(usize) -> bool,
    mut attempt: impl FnMut(usize, Fraction) -> bool,
) -> Result<(), MaskError> {
    let mut failed = vec![];
    for (row, draw) in draws.iter().enumerate() {
        if rows(row) && !attempt(row, draw.into()) {
            failed.push(row);
        }
    }
    // The first block is the draw itself. Most rows that fail need one more, so few are made at first.
    let mut tried = 1;
    for blocks in [5, 65] {
        if failed.is_empty() {
            break;
        }
        let mut wanted = vec![0; draws.len()];
        for row in &failed {
            wanted[*row] = blocks;
        }
        let expanded = draws.expand(|row| wanted[row]);
        let mut own = expanded.chunks(blocks);
        failed.retain(|row| {
            let further = own.next().unwrap_or_default().iter().skip(tried);
            !further.copied().any(|block| attempt(*row, block.into()))
        });
        tried = blocks;
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(MaskError::Internal("no draw gave a valid number")),
    }
}
