//! Halves of a value as numbers, and their arithmetic modulo a power of the radix.
//!
//! A half below 2^32 is one word and what is added to it another; up to 2^64 the sum is taken of 96
//! bits; up to 2^96 128-bit numbers do. Division by the modulus is multiplication by its reciprocal.

use super::batch::{Direction, Numeral};
use crate::digits;

/// A modulus from 2 to 2^32 - 1. All its products are of 32 bits by 32, which processors take several
/// of at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modulus32 {
    modulus: u32,
    /// The greatest whole number not above 2^64 / modulus, less one where that divides: its upper and
    /// its lower half.
    reciprocal: [u32; 2],
}

/// A power of two up to 2^64.
#[derive(Debug, Clone, Copy)]
pub(super) struct ModulusBits {
    /// The power less one.
    mask: u64,
    /// Bits of the round function's result in the lower word of the block.
    low_bits: u32,
}

/// A modulus from 2 to 2^64 - 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modulus64 {
    modulus: u64,
    /// The modulus with its highest bit moved to bit 63, and by how much.
    normal: u64,
    shift: u32,
    /// (2^128 - 1) / normal - 2^64.
    reciprocal: u64,
}

/// Any modulus above 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modulus128(u128);

/// A number type that holds a half, and the steps of a round on it.
pub(super) trait Modulus: Copy {
    type Half: Copy + Default;

    /// The upper and the lower 64 bits.
    fn words(half: Self::Half) -> [u64; 2];
    /// `half` moved by the number in the block, there or back, modulo this.
    fn moved(self, half: Self::Half, block: Sum, direction: Direction) -> Self::Half;
    /// Most significant numeral first.
    fn read<N: Numeral>(numerals: impl Iterator<Item = N>, radix: Radix) -> Self::Half;
    /// As [`Modulus::read`], but written from the last numeral on.
    fn write<'n, N: Numeral + 'n>(
        half: Self::Half,
        numerals: impl Iterator<Item = &'n mut N>,
        radix: Radix,
    );

    #[inline(always)]
    fn read_slice<N: Numeral>(numerals: &[N], radix: Radix) -> Self::Half {
        Self::read(numerals.iter().copied(), radix)
    }

    #[inline(always)]
    fn write_slice<N: Numeral>(half: Self::Half, numerals: &mut [N], radix: Radix) {
        Self::write(half, numerals.iter_mut().rev(), radix);
    }
}

/// What the round function gives: the upper and the lower 64 bits of a block.
///
/// As many bytes of its front count as a half has, rounded up to four, and four more: of a half below
/// 2^32 the upper word, up to 2^64 the upper 96 bits, beyond that all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum(pub(super) [u64; 2]);

impl Sum {
    fn wide(self) -> u128 {
        let Self([high, low]) = self;
        u128::from(high) << 64 | u128::from(low)
    }
}

/// A radix with its reciprocal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Radix {
    radix: u64,
    /// 2^64 / radix, rounded up: exact as a divisor for numbers below 2^32, as the radix is below 2^17.
    reciprocal: u64,
    /// The greatest power of the radix that is not above 2^32, and its exponent.
    power: u64,
    places: u32,
    /// The second, fourth and eighth power, as far as a word goes.
    powers: [u64; 3],
    /// The reciprocals of the first two of them.
    reciprocals: [u64; 2],
}

impl Radix {
    pub(super) fn new(radix: u32) -> Self {
        let radix = u64::from(radix);
        let (mut power, mut places) = (radix, 1);
        while power * radix <= 1 << 32 {
            power *= radix;
            places += 1;
        }
        let powers = [2, 4, 8].map(|places| radix.saturating_pow(places));
        let reciprocal = |power: u64| {
            u64::try_from((1_u128 << 64).div_ceil(u128::from(power)))
                .expect("a power is at least 2")
        };
        Self {
            radix,
            reciprocal: reciprocal(radix),
            power,
            places,
            powers,
            reciprocals: [reciprocal(powers[0]), reciprocal(powers[1])],
        }
    }

    /// The eighth power, where it is below 2^64.
    #[inline(always)]
    pub(super) fn eighth_power(self) -> u64 {
        self.powers[2]
    }

    /// Eight numerals of a radix up to 256 as a number, pairs and fours of them at a time.
    #[inline(always)]
    pub(super) fn read_eight(self, numerals: [u8; 8]) -> u64 {
        const PAIRS: u64 = 0x00ff_00ff_00ff_00ff;
        const FOURS: u64 = 0x0000_ffff_0000_ffff;
        // The first numeral is in the lowest byte, so that the higher one of a pair is below the other.
        let ones = u64::from_le_bytes(numerals);
        let twos = (ones & PAIRS) * self.radix + (ones >> 8 & PAIRS);
        let fours = (twos & FOURS) * self.powers[0] + (twos >> 16 & FOURS);
        (fours & 0xffff_ffff) * self.powers[1] + (fours >> 32)
    }

    /// A number below 2^32 as eight numerals of a radix up to 16: divided in halves, not one by one, as
    /// each division waits for the one before it.
    #[inline(always)]
    pub(super) fn spell_eight(self, number: u64) -> [u8; 8] {
        if self.radix == 10 {
            return digits::of_number(number);
        }
        let divide = |number: u64, power: u64, reciprocal: u64| {
            let rest = ((u128::from(number) * u128::from(reciprocal)) >> 64) as u64;
            [rest, number - rest * power]
        };
        let mut numerals = [0; 8];
        let fours = divide(number, self.powers[1], self.reciprocals[1]);
        for (four, numerals) in fours.into_iter().zip(numerals.as_chunks_mut::<4>().0) {
            let twos = divide(four, self.powers[0], self.reciprocals[0]);
            for (two, numerals) in twos.into_iter().zip(numerals.as_chunks_mut::<2>().0) {
                *numerals = divide(two, self.radix, self.reciprocal).map(|one| one as u8);
            }
        }
        numerals
    }

    pub(super) fn get(self) -> u64 {
        self.radix
    }

    /// The greatest power not above 2^32, and its exponent.
    pub(super) fn chunk(self) -> (u64, usize) {
        (self.power, self.places as usize)
    }

    /// `number` below 2^32 without its last numeral, and that numeral.
    #[inline(always)]
    fn split(self, number: u64) -> (u64, u64) {
        let rest = ((u128::from(number) * u128::from(self.reciprocal)) >> 64) as u64;
        (rest, number - rest * self.radix)
    }

    /// `length` numerals of `number`, of which there are no more than [`Radix::chunk`] says.
    #[inline(always)]
    pub(super) fn spell<'n, N: Numeral + 'n>(
        self,
        mut number: u64,
        numerals: impl Iterator<Item = &'n mut N>,
    ) {
        for place in numerals {
            let (rest, numeral) = self.split(number);
            *place = N::new(numeral);
            number = rest;
        }
    }
}

impl Modulus32 {
    pub(super) fn new(modulus: u128) -> Self {
        let modulus = modulus as u32;
        let reciprocal = u64::MAX / u64::from(modulus);
        Self {
            modulus,
            reciprocal: [(reciprocal >> 32) as u32, reciprocal as u32],
        }
    }
}

impl Modulus for Modulus32 {
    type Half = u64;

    #[inline(always)]
    fn words(half: u64) -> [u64; 2] {
        [0, half]
    }

    #[inline(always)]
    fn moved(self, half: u64, Sum([y, _]): Sum, direction: Direction) -> u64 {
        let product = |one: u64, other: u32| (one & 0xffff_ffff) * u64::from(other);
        let modulus = u64::from(self.modulus);
        let [high, low] = self.reciprocal;
        let upper = y >> 32;
        // The quotient without its smallest part may be three too small: the remainder is below four
        // times the modulus.
        let quotient =
            product(upper, high) + (product(upper, low) >> 32) + (product(y, high) >> 32);
        let multiple = product(quotient, self.modulus)
            .wrapping_add(product(quotient >> 32, self.modulus) << 32);
        let remainder = y.wrapping_sub(multiple);
        let remainder = remainder.min(remainder.wrapping_sub(2 * modulus));
        let remainder = remainder.min(remainder.wrapping_sub(modulus));
        let moved = half
            + match direction {
                Direction::Encrypt => remainder,
                Direction::Decrypt => modulus - remainder,
            };
        moved.min(moved.wrapping_sub(modulus))
    }

    #[inline(always)]
    fn read<N: Numeral>(numerals: impl Iterator<Item = N>, radix: Radix) -> u64 {
        numerals.fold(0, |half, numeral| half * radix.radix + numeral.number())
    }

    #[inline(always)]
    fn write<'n, N: Numeral + 'n>(
        half: u64,
        numerals: impl Iterator<Item = &'n mut N>,
        radix: Radix,
    ) {
        radix.spell(half, numerals);
    }
    #[inline(always)]
    fn read_slice<N: Numeral>(numerals: &[N], radix: Radix) -> u64 {
        N::read(numerals, radix)
    }

    #[inline(always)]
    fn write_slice<N: Numeral>(half: u64, numerals: &mut [N], radix: Radix) {
        N::write(half, numerals, radix);
    }
}

impl ModulusBits {
    /// For halves of so many bytes.
    pub(super) fn new(modulus: u128, bytes: usize) -> Self {
        Self {
            mask: (modulus - 1) as u64,
            low_bits: if bytes > 4 { 32 } else { 0 },
        }
    }
}

impl Modulus for ModulusBits {
    type Half = u64;

    #[inline(always)]
    fn words(half: u64) -> [u64; 2] {
        [0, half]
    }

    #[inline(always)]
    fn moved(self, half: u64, Sum([high, low]): Sum, direction: Direction) -> u64 {
        let y = high << self.low_bits | low >> 1 >> (63 - self.low_bits);
        let moved = match direction {
            Direction::Encrypt => half.wrapping_add(y),
            Direction::Decrypt => half.wrapping_sub(y),
        };
        moved & self.mask
    }

    #[inline(always)]
    fn read<N: Numeral>(numerals: impl Iterator<Item = N>, radix: Radix) -> u64 {
        Modulus64::read(numerals, radix)
    }

    #[inline(always)]
    fn write<'n, N: Numeral + 'n>(
        half: u64,
        numerals: impl Iterator<Item = &'n mut N>,
        radix: Radix,
    ) {
        Modulus64::write(half, numerals, radix);
    }
}

impl Modulus64 {
    /// `high` and `low` as one number, modulo the normal modulus; `high` is below it.
    /// Source: Möller and Granlund, "Improved division by invariant integers", algorithm 4.
    #[inline(always)]
    fn step(self, high: u64, low: u64) -> u64 {
        let product = u128::from(self.reciprocal) * u128::from(high);
        let quotient = product.wrapping_add(u128::from(high) << 64 | u128::from(low));
        let (quotient, fraction) = (((quotient >> 64) as u64).wrapping_add(1), quotient as u64);
        let mut remainder = low.wrapping_sub(quotient.wrapping_mul(self.normal));
        if remainder > fraction {
            remainder = remainder.wrapping_add(self.normal);
        }
        if remainder >= self.normal {
            remainder -= self.normal;
        }
        remainder
    }
}

impl Modulus64 {
    pub(super) fn new(modulus: u128) -> Self {
        let modulus = modulus as u64;
        let shift = modulus.leading_zeros();
        let normal = modulus << shift;
        Self {
            modulus,
            normal,
            shift,
            reciprocal: (u128::MAX / u128::from(normal)) as u64,
        }
    }
}

impl Modulus for Modulus64 {
    type Half = u64;

    #[inline(always)]
    fn words(half: u64) -> [u64; 2] {
        [0, half]
    }

    #[inline(always)]
    fn moved(self, half: u64, Sum([high, low]): Sum, direction: Direction) -> u64 {
        // 96 bits, moved up with the modulus: the upper word stays below 2^95 / 2^31.
        let (high, low) = (high >> 32, high << 32 | low >> 32);
        let up = |word: u64| (u128::from(word) << self.shift) as u64;
        let carry = |word: u64| (u128::from(word) << self.shift >> 64) as u64;
        let first = self.step(carry(high), up(high) | carry(low));
        let remainder = self.step(first, up(low)) >> self.shift;
        let (more, less) = match direction {
            Direction::Encrypt => (remainder, self.modulus - remainder),
            Direction::Decrypt => (self.modulus - remainder, remainder),
        };
        if half >= less {
            half - less
        } else {
            half + more
        }
    }

    #[inline(always)]
    fn read<N: Numeral>(numerals: impl Iterator<Item = N>, radix: Radix) -> u64 {
        numerals.fold(0, |half, numeral| half * radix.radix + numeral.number())
    }

    #[inline(always)]
    fn write<'n, N: Numeral + 'n>(
        mut half: u64,
        mut numerals: impl Iterator<Item = &'n mut N>,
        radix: Radix,
    ) {
        while half > 0 {
            let (rest, part) = (half / radix.power, half % radix.power);
            radix.spell(part, numerals.by_ref().take(radix.places as usize));
            half = rest;
        }
        radix.spell(0, numerals);
    }
}

impl Modulus128 {
    pub(super) fn new(modulus: u128) -> Self {
        Self(modulus)
    }
}

impl Modulus for Modulus128 {
    type Half = u128;

    #[inline(always)]
    fn words(half: u128) -> [u64; 2] {
        [(half >> 64) as u64, half as u64]
    }

    #[inline(always)]
    fn moved(self, half: u128, block: Sum, direction: Direction) -> u128 {
        let remainder = block.wide() % self.0;
        // Both are below 2^96.
        let moved = half
            + match direction {
                Direction::Encrypt => remainder,
                Direction::Decrypt => self.0 - remainder,
            };
        if moved >= self.0 {
            moved - self.0
        } else {
            moved
        }
    }

    #[inline(always)]
    fn read<N: Numeral>(numerals: impl Iterator<Item = N>, radix: Radix) -> u128 {
        numerals.fold(0, |half, numeral| {
            half * u128::from(radix.radix) + u128::from(numeral.number())
        })
    }

    #[inline(always)]
    fn write<'n, N: Numeral + 'n>(
        mut half: u128,
        mut numerals: impl Iterator<Item = &'n mut N>,
        radix: Radix,
    ) {
        let power = u128::from(radix.power);
        while half > 0 {
            let (rest, part) = (half / power, (half % power) as u64);
            radix.spell(part, numerals.by_ref().take(radix.places as usize));
            half = rest;
        }
        radix.spell(0, numerals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each modulus there and back with words around its borders, against plain division. Of a block
    /// all bits but `spare` count.
    fn check<M: Modulus>(this: M, modulus: u128, spare: u32, half: impl Fn(u128) -> M::Half) {
        let words_of = |number: u128| [(number >> 64) as u64, number as u64];
        let mut y = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128;
        for round in 0..2000_u32 {
            y = y.wrapping_mul(0xda94_2042_e4dd_58b5).rotate_left(41) ^ u128::from(round);
            let y = match round {
                0 => 0,
                1 => u128::MAX,
                2 => (modulus - 1) << spare,
                3 => modulus.checked_shl(spare).unwrap_or(0),
                _ => y,
            };
            let sum = Sum(words_of(y));
            for start in [0, 1, modulus / 2, modulus - 1] {
                let there = (start + (y >> spare) % modulus) % modulus;
                let moved = this.moved(half(start), sum, Direction::Encrypt);
                assert_eq!(M::words(moved), words_of(there), "{modulus}");
                let back = this.moved(moved, sum, Direction::Decrypt);
                assert_eq!(M::words(back), words_of(start), "{modulus}");
            }
        }
    }

    #[test]
    fn moduli() {
        for modulus in [
            2,
            3,
            10,
            1 << 16,
            100_000_000,
            (1 << 31) - 1,
            (1 << 32) - 5,
            (1 << 32) - 1,
        ] {
            check(Modulus32::new(modulus), modulus, 64, |half| half as u64);
        }
        for bits in [1, 4, 31, 32] {
            let modulus = 1 << bits;
            check(ModulusBits::new(modulus, 4), modulus, 64, |half| {
                half as u64
            });
        }
        for bits in [31, 33, 60, 63, 64] {
            let modulus = 1 << bits;
            check(ModulusBits::new(modulus, 8), modulus, 32, |half| {
                half as u64
            });
        }
        for modulus in [
            2,
            1_000_000_000,
            (1 << 32) + 1,
            10_u128.pow(19),
            (1 << 63) - 1,
            1 << 63,
            u128::from(u64::MAX),
        ] {
            check(Modulus64::new(modulus), modulus, 32, |half| half as u64);
        }
        for modulus in [10_u128.pow(28), 1 << 96, 1 << 64] {
            check(Modulus128::new(modulus), modulus, 0, |half| half);
        }
    }

    #[test]
    fn eight_at_a_time() {
        for radix in [2, 3, 10, 15, 16] {
            let radix = Radix::new(radix);
            for n in 0..20_000 {
                let number = radix.eighth_power() * n / 20_000 + n % 7 % radix.get();
                let number = number.min(radix.eighth_power() - 1);
                let mut one_by_one = [0_u8; 8];
                radix.spell(number, one_by_one.iter_mut().rev());
                assert_eq!(radix.spell_eight(number), one_by_one, "{number} {radix:?}");
                assert_eq!(radix.read_eight(one_by_one), number);
            }
            let most = [radix.get() as u8 - 1; 8];
            assert_eq!(radix.spell_eight(radix.eighth_power() - 1), most);
        }
    }

    #[test]
    fn numerals_read_back() {
        for radix in [2, 3, 10, 26, 36, 255, 256, 65_535, 65_536] {
            let radix = Radix::new(radix);
            for number in [0, 1, 9, 12_345_678, u64::from(u32::MAX), u64::MAX] {
                let mut numerals = [0_u16; 64];
                Modulus64::write(number, numerals.iter_mut().rev(), radix);
                assert_eq!(
                    Modulus128::read(numerals.into_iter(), radix),
                    number.into(),
                    "{radix:?}"
                );
                Modulus128::write(number.into(), numerals.iter_mut().rev(), radix);
                assert_eq!(Modulus64::read(numerals.into_iter(), radix), number);
                if let Ok(small) = u32::try_from(number) {
                    Modulus32::write(small.into(), numerals.iter_mut().rev(), radix);
                    assert_eq!(Modulus32::read(numerals.into_iter(), radix), number);
                }
            }
        }
    }
}
