//! Rows of a batch: where their numerals stand, their tweaks, and which of them have one shape.

use super::halves::Radix;

/// There or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// The place of a character in its alphabet.
pub(crate) trait Numeral: Copy + Ord {
    fn number(self) -> u64;
    /// `number` is below the radix.
    fn new(number: u64) -> Self;

    /// Numerals as a number below 2^32, the most significant first.
    #[inline(always)]
    fn read(numerals: &[Self], radix: Radix) -> u64 {
        let add = |number, numeral: &Self| number * radix.get() + numeral.number();
        numerals.iter().fold(0, add)
    }

    /// A number below 2^32 as numerals.
    #[inline(always)]
    fn write(number: u64, numerals: &mut [Self], radix: Radix) {
        radix.spell(number, numerals.iter_mut().rev());
    }
}

impl Numeral for u8 {
    #[inline(always)]
    fn number(self) -> u64 {
        self.into()
    }

    #[inline(always)]
    fn new(number: u64) -> Self {
        number as Self
    }

    /// Eight at a time: 16 digits are the length of a card number.
    #[inline(always)]
    fn read(numerals: &[Self], radix: Radix) -> u64 {
        let add = |number, numeral: &Self| number * radix.get() + numeral.number();
        match numerals.split_last_chunk::<8>() {
            Some((front, eight)) => {
                front.iter().fold(0, add) * radix.eighth_power() + radix.read_eight(*eight)
            }
            None => numerals.iter().fold(0, add),
        }
    }

    #[inline(always)]
    fn write(number: u64, numerals: &mut [Self], radix: Radix) {
        match numerals.as_mut_array::<8>() {
            Some(eight) => *eight = radix.spell_eight(number),
            None => radix.spell(number, numerals.iter_mut().rev()),
        }
    }
}

impl Numeral for u16 {
    #[inline(always)]
    fn number(self) -> u64 {
        self.into()
    }

    #[inline(always)]
    fn new(number: u64) -> Self {
        number as Self
    }
}

/// Where the numerals of a row stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) length: usize,
}

/// The public input that tells equal values in different places apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tweaks<'t> {
    /// One for all rows.
    One(&'t [u8]),
    /// One for each row.
    Each(&'t [&'t [u8]]),
}

impl<'t> Tweaks<'t> {
    pub(super) fn of(self, row: usize) -> &'t [u8] {
        match self {
            Self::One(tweak) => tweak,
            Self::Each(tweaks) => tweaks[row],
        }
    }
}

/// Why numerals cannot be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are too few texts of the length, or fewer than two numerals.
    Short,
    /// The value or tweak is longer than the algorithm allows.
    Long,
    /// A numeral is not below the radix.
    Numeral,
}

/// The numbers of all rows, those with equal `shape` together.
pub(super) fn by_shape<S: Ord + Copy>(
    rows: usize,
    shape: impl Fn(usize) -> S,
) -> Vec<(S, Vec<usize>)> {
    let mut order: Vec<usize> = (0..rows).collect();
    let Some(first) = order.first().map(|&row| shape(row)) else {
        return vec![];
    };
    // Most columns have one length.
    if order.iter().all(|&row| shape(row) == first) {
        return vec![(first, order)];
    }
    order.sort_by_key(|&row| shape(row));
    order
        .chunk_by(|&one, &other| shape(one) == shape(other))
        .map(|rows| (shape(rows[0]), rows.to_vec()))
        .collect()
}

/// Whether all numerals are below `radix`.
pub(super) fn all_below<N: Numeral>(numerals: &[N], radix: Radix) -> bool {
    // The greatest of plain integers is found many at a time.
    let greatest = numerals.iter().copied().fold(N::new(0), N::max);
    greatest.number() < radix.get()
}
