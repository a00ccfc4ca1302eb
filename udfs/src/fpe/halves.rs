//! Halves of a value as numbers, and their arithmetic modulo a power of the radix.
//!
//! A half below 2^32 is one word and what is added to it another; up to 2^64 the sum is taken of 96
//! bits; up to 2^96 128-bit numbers do. Division by the modulus is multiplication by its reciprocal.

use super::batch::Numeral;

/// A modulus from 2 to 2^32.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modulus32 {
    modulus: u64,
    /// The greatest whole number not above 2^64 / modulus, less one where that divides.
    reciprocal: u64,
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

    fn new(modulus: u128) -> Self;
    fn wide(half: Self::Half) -> u128;
    /// `half` moved by `y`, forth or back, modulo this.
    fn moved<const BACK: bool>(self, half: Self::Half, y: Sum) -> Self::Half;
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

/// What the round function gives: a block, of which the first `d` bytes count, as a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    pub(super) block: u128,
    /// Bits of the block that do not count.
    pub(super) spare: u32,
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

impl Modulus for Modulus32 {
    type Half = u64;

    fn new(modulus: u128) -> Self {
        let modulus = modulus as u64;
        Self {
            modulus,
            reciprocal: u64::MAX / modulus,
        }
    }

    #[inline(always)]
    fn wide(half: u64) -> u128 {
        half.into()
    }

    #[inline(always)]
    fn moved<const BACK: bool>(self, half: u64, y: Sum) -> u64 {
        let y = (y.block >> 64) as u64;
        let quotient = ((u128::from(y) * u128::from(self.reciprocal)) >> 64) as u64;
        // The quotient may be one too small: the remainder is below twice the modulus.
        let remainder = y.wrapping_sub(quotient.wrapping_mul(self.modulus));
        let remainder = remainder.min(remainder.wrapping_sub(self.modulus));
        if BACK {
            let moved = half.wrapping_sub(remainder);
            moved.min(moved.wrapping_add(self.modulus))
        } else {
            let moved = half + remainder;
            moved.min(moved.wrapping_sub(self.modulus))
        }
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

impl Modulus for Modulus64 {
    type Half = u64;

    fn new(modulus: u128) -> Self {
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

    #[inline(always)]
    fn wide(half: u64) -> u128 {
        half.into()
    }

    #[inline(always)]
    fn moved<const BACK: bool>(self, half: u64, y: Sum) -> u64 {
        // 96 bits, moved up with the modulus: the upper word stays below 2^95 / 2^31.
        let (high, low) = ((y.block >> 96) as u64, (y.block >> 32) as u64);
        let up = |word: u64| (u128::from(word) << self.shift) as u64;
        let carry = |word: u64| (u128::from(word) << self.shift >> 64) as u64;
        let first = self.step(carry(high), up(high) | carry(low));
        let remainder = self.step(first, up(low)) >> self.shift;
        if BACK {
            let moved = half.wrapping_sub(remainder);
            if half < remainder {
                moved.wrapping_add(self.modulus)
            } else {
                moved
            }
        } else {
            let room = self.modulus - remainder;
            if half >= room {
                half - room
            } else {
                half + remainder
            }
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

impl Modulus for Modulus128 {
    type Half = u128;

    fn new(modulus: u128) -> Self {
        Self(modulus)
    }

    #[inline(always)]
    fn wide(half: u128) -> u128 {
        half
    }

    #[inline(always)]
    fn moved<const BACK: bool>(self, half: u128, y: Sum) -> u128 {
        let remainder = (y.block >> y.spare) % self.0;
        // Both are below 2^96.
        let moved = half + if BACK { self.0 - remainder } else { remainder };
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

    /// Each modulus forth and back at words around its borders, against plain division.
    fn check<M: Modulus>(modulus: u128, spare: u32, half: impl Fn(u128) -> M::Half) {
        let this = M::new(modulus);
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
            let sum = Sum { block: y, spare };
            for start in [0, 1, modulus / 2, modulus - 1] {
                let forth = M::wide(this.moved::<false>(half(start), sum));
                assert_eq!(
                    forth,
                    (start + (y >> spare) % modulus) % modulus,
                    "{modulus}"
                );
                let back = M::wide(this.moved::<true>(half(forth), sum));
                assert_eq!(back, start, "{modulus}");
            }
        }
    }

    #[test]
    fn moduli() {
        for modulus in [2, 3, 10, 1 << 16, 100_000_000, (1 << 32) - 5, 1 << 32] {
            check::<Modulus32>(modulus, 64, |half| half as u64);
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
            check::<Modulus64>(modulus, 32, |half| half as u64);
        }
        for modulus in [10_u128.pow(28), 1 << 96, 1 << 64] {
            check::<Modulus128>(modulus, 0, |half| half);
            check::<Modulus128>(modulus, 32, |half| half);
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
