//! Real numbers out of draws, the same to the last bit on every machine.
//!
//! `f64::ln` and its kin differ between platforms in the last bit. Here only `+`, `-`, `*`, `/` and
//! `sqrt` are used, which IEEE 754 rounds alike everywhere, over series of our own.

use std::f64::consts::{LN_2, SQRT_2, TAU};

use crate::draw::Draw;

/// How many steps of a random number lie between 0 and 1: those a float tells apart.
const STEPS: f64 = (1_u64 << 53) as f64;

/// Uniform between -1 and 1, symmetric, in steps of 2^-52; neither end comes up.
pub(crate) fn uniform(draw: Draw) -> f64 {
    let (high, _) = halves(draw);
    // The middle of each step, so that both signs are alike.
    let steps = 2.0 * (high / 2) as f64 + 1.0;
    steps / (STEPS / 2.0) - 1.0
}

/// Laplace noise of scale 1: the variance is 2, the absolute value at most 36.8.
pub(crate) fn laplace(draw: Draw) -> f64 {
    let (high, low) = halves(draw);
    let size = -ln(above_zero(high));
    if low % 2 == 0 { size } else { -size }
}

/// Gaussian noise of standard deviation 1, at most 8.6 (Box and Muller 1958).
pub(crate) fn gaussian(draw: Draw) -> f64 {
    let (high, low) = halves(draw);
    (-2.0 * ln(above_zero(high))).sqrt() * cosine_of_turns(low as f64 / STEPS)
}

/// 53 bits from each half of a draw.
fn halves(draw: Draw) -> (u64, u64) {
    let bits = draw.bits();
    ((bits >> 75) as u64, (bits as u64) >> 11)
}

/// Uniform above 0 up to 1.
fn above_zero(steps: u64) -> f64 {
    (steps as f64 + 1.0) / STEPS
}

/// The natural logarithm of a normal positive number.
fn ln(x: f64) -> f64 {
    // x = m * 2^e with m from sqrt(1/2) to sqrt(2), and ln m = 2 artanh((m - 1) / (m + 1)).
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut m = f64::from_bits(bits & MANTISSA | ONE);
    if m > SQRT_2 {
        m /= 2.0;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    // `s` is at most 0.172, so the first term left out is below 2^-60 of the sum.
    let mut sum = 0.0;
    for term in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * term + 1);
    }
    2.0 * s * sum + f64::from(exponent) * LN_2
}

/// The cosine of a part of a turn from 0 up to 1.
fn cosine_of_turns(turns: f64) -> f64 {
    // All four quarters lead back to the first; these differences are exact.
    let from_half = (turns - 0.5).abs();
    let (turns, sign) = match from_half > 0.25 {
        true => (0.5 - from_half, 1.0),
        false => (from_half, -1.0),
    };
    let angle = turns * TAU;
    let square = angle * angle;
    // Taylor's series 1 - x^2/2! + x^4/4! - ..., from the smallest term kept: (pi/2)^24/24! < 2^-63.
    let mut sum = 1.0;
    for term in (1..=12).rev() {
        let factors = f64::from((2 * term - 1) * (2 * term));
        sum = 1.0 - square / factors * sum;
    }
    sign * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draws;
    use crate::key::Root;
    use crate::messages::Messages;

    #[test]
    fn series() {
        for step in 1..=4_000 {
            let x = f64::from(step) / 4_000.0;
            let (ours, theirs) = (ln(x), x.ln());
            assert!(
                (ours - theirs).abs() <= 4e-16 * theirs.abs().max(1.0),
                "ln {x}"
            );
            let turns = x - 1.0 / 4_000.0;
            let (ours, theirs) = (cosine_of_turns(turns), (turns * TAU).cos());
            assert!(
                (ours - theirs).abs() < 1e-15,
                "cos {turns}: {ours} {theirs}"
            );
        }
        for (x, expected) in [(1.0, 0.0), (0.5, -LN_2), (1.0 / STEPS, -53.0 * LN_2)] {
            assert_eq!(ln(x), expected);
        }
    }

    /// Computed with Python's floats by the same steps: what comes out is the same on every machine.
    #[test]
    fn bits() {
        for (function, x, bits) in [
            (ln as fn(f64) -> f64, 0.1, 0xc002_6bb1_bbb5_5515),
            (ln, 0.3, 0xbff3_4378_fcbd_a720),
            (ln, 0.9, 0xbfba_f8e8_210a_415b),
            (cosine_of_turns, 0.1, 0x3fe9_e377_9b97_f4a8),
            (cosine_of_turns, 0.3, 0xbfd3_c6ef_372f_e952),
            (cosine_of_turns, 0.9, 0x3fe9_e377_9b97_f4a8),
        ] {
            assert_eq!(function(x).to_bits(), bits, "{x}");
        }
    }

    /// Mean, variance and the share within 1, each within five standard errors or so.
    #[test]
    fn distributions() {
        let texts: arrow::array::StringViewArray =
            (0..100_000).map(|n| Some(n.to_string())).collect();
        let key = Root::new(b"golden run secret 0123456789", None).mask_key("add_noise", "test");
        let draws = Draws::new(&key, &Messages::of(&[texts], 100_000));
        for (noise, variance, within, greatest) in [
            (uniform as fn(Draw) -> f64, 1.0 / 3.0, 1.0, 1.0),
            (laplace, 2.0, 0.632_12, 36.8),
            (gaussian, 1.0, 0.682_69, 8.6),
        ] {
            let all: Vec<f64> = draws.iter().map(noise).collect();
            let count = all.len() as f64;
            let mean = all.iter().sum::<f64>() / count;
            let spread = all.iter().map(|x| x * x).sum::<f64>() / count;
            let share = all.iter().filter(|x| x.abs() <= 1.0).count() as f64 / count;
            assert!(mean.abs() < 0.02, "{mean}");
            assert!((spread - variance).abs() < 0.04 * variance, "{spread}");
            assert!((share - within).abs() < 0.008, "{share}");
            assert!(all.iter().all(|x| x.is_finite() && x.abs() <= greatest));
        }
    }
}
