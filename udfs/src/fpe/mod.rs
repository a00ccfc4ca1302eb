//! Format-preserving encryption: numerals in, as many numerals of the same radix out.
//!
//! - `ff1`: FF1 of NIST SP 800-38G. - `ff3_1`: FF3-1, for other tools' data only.
//! - Both are Feistel networks over two halves held as numbers; `halves` has the arithmetic, `batch`
//!   brings rows of one shape together, `cipher` is AES over many blocks.

mod alphabet;
mod batch;
mod cipher;
pub(crate) mod ff1;
pub(crate) mod ff3_1;
mod halves;
mod rounds;
#[cfg(test)]
mod vectors;

pub(crate) use alphabet::{Alphabet, Spelling};
pub(crate) use batch::{Direction, Numeral, Refusal, Span, Tweaks};
pub(crate) use cipher::Cipher;
pub(crate) use ff1::{Ff1, Plan};
pub(crate) use ff3_1::Ff3_1;

/// The fewest texts a format may have: with less, known attacks on Feistel networks read messages
/// (second draft of NIST SP 800-38G Rev. 1, 2025, 5.1).
pub(crate) const LEAST_DOMAIN: u128 = 1_000_000;

/// How many numerals of `radix` a value needs at least to be one of `domain` values.
pub(crate) fn least_length(radix: u32, domain: u128) -> usize {
    let mut length = 0;
    let mut values = 1_u128;
    while values < domain {
        values *= u128::from(radix);
        length += 1;
    }
    length
}
