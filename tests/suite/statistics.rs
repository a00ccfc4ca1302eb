//! Whether counts and samples follow a distribution.
//!
//! A sample from the right one is refused with a chance of 10^-6. Keys are fixed, so a test that has
//! passed once passes always.

/// The share of right samples that is refused: the 1 - 10^-6 quantile of the standard normal.
const Z: f64 = 4.753_424;

/// Pearson's statistic: the squared distances from the expected counts, which are shares of all.
fn chi_square(counts: &[u64], shares: &[f64]) -> f64 {
    let (total, whole) = (
        counts.iter().sum::<u64>() as f64,
        shares.iter().sum::<f64>(),
    );
    counts
        .iter()
        .zip(shares)
        .map(|(count, share)| {
            let expected = total * share / whole;
            (*count as f64 - expected).powi(2) / expected
        })
        .sum()
}

/// The statistic that at most one in 10^6 right samples exceeds, by Wilson and Hilferty (PNAS 1931): from
/// five degrees of freedom on up to 5% too high, from fifty on less than 1%.
fn critical(degrees: usize) -> f64 {
    let ninth = 2.0 / (9.0 * degrees as f64);
    degrees as f64 * (1.0 - ninth + Z * ninth.sqrt()).powi(3)
}

/// Whether `counts` follow `shares`. What is expected fewer than ten times makes no statistic.
pub(crate) fn follows(counts: &[u64], shares: &[f64]) -> Result<(), String> {
    assert!(
        counts.len() == shares.len() && counts.len() > 1,
        "two or more categories"
    );
    let total = counts.iter().sum::<u64>() as f64;
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let expected = total * least / shares.iter().sum::<f64>();
    assert!(expected >= 10.0, "too few: {expected} expected");
    let (statistic, critical) = (chi_square(counts, shares), critical(counts.len() - 1));
    match statistic <= critical {
        true => Ok(()),
        false => Err(format!("{statistic:.1} is above {critical:.1}: {counts:?}")),
    }
}

/// Whether all categories come alike.
pub(crate) fn uniform(counts: &[u64]) -> Result<(), String> {
    follows(counts, &vec![1.0; counts.len()])
}

/// Whether a sample follows a distribution function: Kolmogorov and Smirnov's greatest distance, whose
/// 1 - 10^-6 quantile is the root of ln(2 · 10^6) / 2n.
pub(crate) fn follows_cdf(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> Result<(), String> {
    sample.sort_unstable_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = sample
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let share = cdf(*value);
            (share - index as f64 / n).max((index + 1) as f64 / n - share)
        })
        .fold(0.0, f64::max);
    let critical = (2e6_f64.ln() / 2.0 / n).sqrt();
    match distance <= critical {
        true => Ok(()),
        false => Err(format!("{distance:.5} is above {critical:.5}")),
    }
}

/// How often each of `0..categories` comes.
pub(crate) fn counts(categories: usize, sample: impl Iterator<Item = usize>) -> Vec<u64> {
    let mut counts = vec![0; categories];
    for category in sample {
        counts[category] += 1;
    }
    counts
}

/// Quantiles of chi-square at 1 - 10^-6, from the incomplete gamma function.
#[test]
fn critical_values() {
    for (degrees, exact) in [(5, 35.888), (10, 46.863), (50, 112.608), (100, 182.127)] {
        let found = critical(degrees);
        assert!((1.0..1.05).contains(&(found / exact)), "{degrees}: {found}");
    }
}

/// Bias that a modulus, a rounding or a wrong bound makes is refused.
#[test]
fn bias_is_refused() {
    // Splitmix64 of Steele, Lea and Flood, the upper 53 bits.
    let bits = |n: u64| {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) >> 11
    };
    let sample = |n: usize| (0..n as u64).map(bits);
    // Ten categories of one byte, the last four of which come 25 instead of 26 times.
    let byte = |n: usize| counts(10, sample(n).map(|bits| (bits >> 40 & 255) as usize % 10));
    uniform(&byte(1_000_000)).unwrap_err();
    let even = |n: usize| counts(10, sample(n).map(|bits| (bits >> 20) as usize % 10));
    uniform(&even(1_000_000)).unwrap();
    // Rounding to the nearest gives both ends half of what the others get.
    let fraction = |bits: u64| bits as f64 / (1_u64 << 53) as f64;
    let rounded = counts(
        11,
        sample(100_000).map(|bits| (fraction(bits) * 10.0).round() as usize),
    );
    uniform(&rounded).unwrap_err();
    follows(&rounded, &[1., 2., 2., 2., 2., 2., 2., 2., 2., 2., 1.]).unwrap();
    // A scale that is five percent off.
    let exponential = |scale: f64| -> Vec<f64> {
        sample(100_000)
            .map(|bits| -scale * (1.0 - fraction(bits)).ln())
            .collect()
    };
    let cdf = |value: f64| 1.0 - (-value).exp();
    follows_cdf(exponential(1.0), cdf).unwrap();
    follows_cdf(exponential(1.05), cdf).unwrap_err();
}
