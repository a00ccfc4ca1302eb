//! FF1 over many rows at once.
//!
//! - Source: NIST SP 800-38G (2016), 5.1, algorithms 7 and 8; the least domain of the second draft of
//!   Rev. 1 (2025). Names below are those of the standard: `u`, `v`, `b`, `d`, `P`, `Q`.
//! - What is the same for all rounds is encrypted once: P, and of Q the blocks in front of the last.
//!   That leaves one block a round for halves up to 96 bits, and rows go through the cipher side by side.
//! - Longer halves are big integers, a row at a time.

use num_bigint::BigUint;

use super::LEAST_DOMAIN;
use super::batch::{Direction, Numeral, Refusal, Span, Tweaks, all_below, by_shape};
use super::cipher::Cipher;
use super::halves::{Modulus, Modulus32, Modulus64, Modulus128, ModulusBits, Radix};
use super::rounds::{ROUNDS, Rounds};
use crate::lanes::LANES;

/// FF1 under one key and radix.
#[derive(Debug)]
pub(crate) struct Ff1 {
    cipher: Cipher,
    radix: Radix,
    least_domain: u128,
}

/// What all values of one length with tweaks of one length share.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    length: usize,
    tweak: usize,
    /// Numerals of the left half.
    u: usize,
    /// Bytes of a half in Q.
    b: usize,
    /// P under the cipher.
    start: u128,
    words: Words,
}

/// The moduli of the left and right half, in the words that hold them.
#[derive(Debug, Clone)]
enum Words {
    One([Modulus32; 2]),
    Bits([ModulusBits; 2]),
    Two([Modulus64; 2]),
    Four([Modulus128; 2]),
    Many([BigUint; 2]),
}

impl Plan {
    /// Blocks at the end of Q that hold the round number and a half.
    fn tail(&self) -> usize {
        (self.b + 1).div_ceil(16)
    }

    /// Blocks of Q in front of those.
    fn ahead(&self) -> usize {
        // Q is as short as whole blocks allow.
        (self.tweak + self.b + 1).div_ceil(16) - self.tail()
    }
}

impl Ff1 {
    /// `radix` from 2 to 65,536.
    pub(crate) fn new(cipher: Cipher, radix: u32) -> Self {
        debug_assert!((2..=65_536).contains(&radix));
        Self {
            cipher,
            radix: Radix::new(radix),
            least_domain: LEAST_DOMAIN,
        }
    }

    /// The same without the least domain of Rev. 1, for vectors that are right under the text of 2016.
    #[cfg(test)]
    pub(super) fn of_2016(self) -> Self {
        Self {
            least_domain: 0,
            ..self
        }
    }

    /// The plan for values of `length` numerals with tweaks of `tweak` bytes.
    ///
    /// # Errors
    /// When there are fewer than a million such values, or the lengths are above those of the standard.
    pub(crate) fn plan(&self, length: usize, tweak: usize) -> Result<Plan, Refusal> {
        let (Ok(n), Ok(t)) = (u32::try_from(length), u32::try_from(tweak)) else {
            return Err(Refusal::Long);
        };
        let domain = u128::from(self.radix.get()).saturating_pow(n);
        if n < 2 || domain < self.least_domain {
            return Err(Refusal::Short);
        }
        let (u, v) = (n / 2, n - n / 2);
        let power = |places| match u128::from(self.radix.get()).checked_pow(places) {
            Some(power) => Ok(power),
            None => Err(BigUint::from(self.radix.get()).pow(places)),
        };
        let (left, right) = (power(u), power(v));
        let bits = match &right {
            Ok(power) => u64::from(128 - (power - 1).leading_zeros()),
            Err(power) => (power - 1_u8).bits(),
        };
        let b = usize::try_from(bits.div_ceil(8)).map_err(|_| Refusal::Long)?;
        let words = match (left, right) {
            (Ok(left), Ok(right)) if right.is_power_of_two() && right <= 1 << 64 => {
                Words::Bits([left, right].map(|power| ModulusBits::new(power, b)))
            }
            (Ok(left), Ok(right)) if right < 1 << 32 => {
                Words::One([left, right].map(Modulus32::new))
            }
            (Ok(left), Ok(right)) if right < 1 << 64 => {
                Words::Two([left, right].map(Modulus64::new))
            }
            (Ok(left), Ok(right)) if right <= 1 << 96 => {
                Words::Four([left, right].map(Modulus128::new))
            }
            (left, right) => Words::Many([left, right].map(|power| match power {
                Ok(power) => BigUint::from(power),
                Err(power) => power,
            })),
        };
        let mut p = [0; 16];
        p[..3].copy_from_slice(&[1, 2, 1]);
        p[3..6].copy_from_slice(&(self.radix.get() as u32).to_be_bytes()[1..]);
        p[6..8].copy_from_slice(&[ROUNDS as u8, u as u8]);
        p[8..12].copy_from_slice(&n.to_be_bytes());
        p[12..].copy_from_slice(&t.to_be_bytes());
        Ok(Plan {
            length,
            tweak,
            u: u as usize,
            b,
            start: self.cipher.encrypt_one(u128::from_be_bytes(p)),
            words,
        })
    }

    /// Encrypts or decrypts the numerals of every span in their place, the most significant first.
    ///
    /// # Errors
    /// When a span has no plan or a numeral, in a span or not, is not below the radix.
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
        let shape = |row: usize| (spans[row].length, tweaks.of(row).len());
        for ((length, tweak), rows) in by_shape(spans.len(), shape) {
            let plan = self.plan(length, tweak)?;
            for rows in rows.chunks(LANES) {
                let states = self.states(&plan, rows, tweaks);
                let states = &states[..rows.len()];
                let starts = rows.iter().map(|&row| spans[row].start);
                self.group(&plan, direction, numerals, starts, states);
            }
        }
        Ok(())
    }

    /// The same where all of `numerals` are values of `length` with one tweak, one after the other.
    ///
    /// # Errors
    /// As [`Ff1::run`].
    pub(crate) fn run_even<N: Numeral>(
        &self,
        direction: Direction,
        numerals: &mut [N],
        length: usize,
        tweak: &[u8],
    ) -> Result<(), Refusal> {
        if !all_below(numerals, self.radix) {
            return Err(Refusal::Numeral);
        }
        let plan = self.plan(length, tweak.len())?;
        let state = self.chained(&plan, plan.ahead(), tweak);
        let states = [words_of(state); LANES];
        for numerals in numerals.chunks_mut(LANES * length) {
            let starts = (0..numerals.len()).step_by(length);
            let states = &states[..starts.len()];
            self.group(&plan, direction, numerals, starts, states);
        }
        Ok(())
    }

    /// Encrypts or decrypts values given as halves, all of one plan whose halves are below 2^64,
    /// without a tweak.
    pub(crate) fn run_halves(
        &self,
        plan: &Plan,
        direction: Direction,
        left: &mut [u64],
        right: &mut [u64],
    ) {
        let states = [words_of(plan.start); LANES];
        for (left, right) in left.chunks_mut(LANES).zip(right.chunks_mut(LANES)) {
            match plan.words {
                Words::One(m) => self.rounds(plan, m, direction, left, right, &states),
                Words::Bits(m) => self.rounds(plan, m, direction, left, right, &states),
                Words::Two(m) => self.rounds(plan, m, direction, left, right, &states),
                Words::Four(_) | Words::Many(_) => {
                    debug_assert!(false, "a half is longer than a word")
                }
            }
        }
    }

    /// For each row the state of the cipher's chain in front of the tail of Q, to which the bytes of
    /// the tweak in the tail are added.
    fn states(&self, plan: &Plan, rows: &[usize], tweaks: Tweaks<'_>) -> [[u64; 2]; LANES] {
        let ahead = plan.ahead();
        let one = self.chained(plan, ahead, tweaks.of(rows[0]));
        if let Tweaks::One(_) = tweaks {
            return [words_of(one); LANES];
        }
        let mut states = [plan.start; LANES];
        for block in 0..ahead {
            let mut blocks = [[0; 16]; LANES];
            for ((lane, row), state) in blocks.iter_mut().zip(rows).zip(states) {
                *lane = (state ^ part_of(tweaks.of(*row), block)).to_be_bytes();
            }
            self.cipher.encrypt(&mut blocks[..rows.len()]);
            states = blocks.map(u128::from_be_bytes);
        }
        for (state, row) in states.iter_mut().zip(rows) {
            *state ^= part_of(tweaks.of(*row), ahead);
        }
        states.map(words_of)
    }

    fn chained(&self, plan: &Plan, ahead: usize, tweak: &[u8]) -> u128 {
        let chain = |state, block| self.cipher.encrypt_one(state ^ part_of(tweak, block));
        (0..ahead).fold(plan.start, chain) ^ part_of(tweak, ahead)
    }

    /// Up to [`LANES`] values of one plan, which begin at `starts`.
    fn group<N: Numeral>(
        &self,
        plan: &Plan,
        direction: Direction,
        numerals: &mut [N],
        starts: impl Iterator<Item = usize> + Clone,
        states: &[[u64; 2]],
    ) {
        match &plan.words {
            Words::One(m) => self.lanes(plan, *m, direction, numerals, starts, states),
            Words::Bits(m) => self.lanes(plan, *m, direction, numerals, starts, states),
            Words::Two(m) => self.lanes(plan, *m, direction, numerals, starts, states),
            Words::Four(m) => self.lanes(plan, *m, direction, numerals, starts, states),
            Words::Many(m) => {
                for (start, state) in starts.zip(states) {
                    let numerals = &mut numerals[start..][..plan.length];
                    let [high, low] = state.map(u128::from);
                    self.long(plan, m, direction, numerals, high << 64 | low);
                }
            }
        }
    }

    fn lanes<M: Modulus, N: Numeral>(
        &self,
        plan: &Plan,
        moduli: [M; 2],
        direction: Direction,
        numerals: &mut [N],
        starts: impl Iterator<Item = usize> + Clone,
        states: &[[u64; 2]],
    ) {
        let mut left = [M::Half::default(); LANES];
        let mut right = [M::Half::default(); LANES];
        for ((start, left), right) in starts.clone().zip(&mut left).zip(&mut right) {
            let (a, b) = numerals[start..][..plan.length].split_at(plan.u);
            *left = M::read_slice(a, self.radix);
            *right = M::read_slice(b, self.radix);
        }
        let rows = states.len();
        self.rounds(
            plan,
            moduli,
            direction,
            &mut left[..rows],
            &mut right[..rows],
            states,
        );
        for ((start, left), right) in starts.zip(left).zip(right) {
            let (a, b) = numerals[start..][..plan.length].split_at_mut(plan.u);
            M::write_slice(left, a, self.radix);
            M::write_slice(right, b, self.radix);
        }
    }

    fn rounds<M: Modulus>(
        &self,
        plan: &Plan,
        moduli: [M; 2],
        direction: Direction,
        left: &mut [M::Half],
        right: &mut [M::Half],
        states: &[[u64; 2]],
    ) {
        self.cipher.work(Rounds {
            moduli,
            direction,
            half_bits: 8 * plan.b,
            left,
            right,
            states,
        });
    }

    /// One value whose halves are longer than 96 bits.
    fn long<N: Numeral>(
        &self,
        plan: &Plan,
        moduli: &[BigUint; 2],
        direction: Direction,
        numerals: &mut [N],
        state: u128,
    ) {
        let (a, b) = numerals.split_at_mut(plan.u);
        let [mut left, mut right] = [&*a, &*b].map(|half| self.read_long(half));
        let mut tail = vec![0; 16 * plan.tail()];
        for step in 0..ROUNDS {
            let round = match direction {
                Direction::Encrypt => step,
                Direction::Decrypt => ROUNDS - 1 - step,
            };
            let [even, odd] = moduli;
            let (moved, by, modulus) = match round % 2 {
                0 => (&mut left, &right, even),
                _ => (&mut right, &left, odd),
            };
            tail.fill(0);
            let bytes = by.to_bytes_be();
            let (front, half) = tail.split_at_mut(16 * plan.tail() - plan.b);
            front[front.len() - 1] = round as u8;
            half[plan.b - bytes.len()..].copy_from_slice(&bytes);
            let y = self.long_sum(plan, &tail, state) % modulus;
            let y = match direction {
                Direction::Encrypt => y,
                Direction::Decrypt => modulus - y,
            };
            *moved = (&*moved + y) % modulus;
        }
        self.write_long(left, a);
        self.write_long(right, b);
    }

    /// The round function's `d` bytes for the tail of Q.
    fn long_sum(&self, plan: &Plan, tail: &[u8], state: u128) -> BigUint {
        let (blocks, _) = tail.as_chunks::<16>();
        let d = 4 * plan.b.div_ceil(4) + 4;
        // The state has the tweak's last bytes, which stand in the tail's first block, in it already.
        let mut r = state;
        for block in blocks {
            r = self.cipher.encrypt_one(r ^ u128::from_be_bytes(*block));
        }
        let mut sum: Vec<[u8; 16]> = (0..d.div_ceil(16) as u128)
            .map(|place| (r ^ place).to_be_bytes())
            .collect();
        self.cipher.encrypt(&mut sum[1..]);
        BigUint::from_bytes_be(&sum.as_flattened()[..d])
    }

    fn read_long<N: Numeral>(&self, numerals: &[N]) -> BigUint {
        let (_, places) = self.radix.chunk();
        let mut number = BigUint::ZERO;
        for part in numerals.chunks(places) {
            number *= self.radix.get().pow(part.len() as u32);
            number += Modulus64::read(part.iter().copied(), self.radix);
        }
        number
    }

    fn write_long<N: Numeral>(&self, mut number: BigUint, numerals: &mut [N]) {
        let (power, places) = self.radix.chunk();
        for part in numerals.rchunks_mut(places) {
            let low = u64::try_from(&number % power).expect("a remainder is below its divisor");
            number /= power;
            self.radix.spell(low, part.iter_mut().rev());
        }
    }
}

/// The 16 bytes of `tweak` in block `block` of Q, zeros behind its end, as a big-endian number.
fn part_of(tweak: &[u8], block: usize) -> u128 {
    let mut part = [0; 16];
    let rest = tweak.get(16 * block..).unwrap_or_default();
    let taken = rest.len().min(16);
    part[..taken].copy_from_slice(&rest[..taken]);
    u128::from_be_bytes(part)
}

/// The upper and the lower 64 bits.
fn words_of(block: u128) -> [u64; 2] {
    [(block >> 64) as u64, block as u64]
}
