//! Identifiers: numbers with a layout and check digits, taken apart and drawn anew.
//!
//! A [`Kind`] is a table: its layouts by length, each a row of [`Field`]s; how the check digits follow
//! ([`Kind::seal`]); which bodies are void all the same ([`Kind::void`]). A number's rank counts the
//! bodies of its layout in mixed radix, the first field most significant.

mod dates;
mod generated;
pub(crate) mod iban;
mod kinds;
mod written;

use crate::draw::{Draw, Draws};
use crate::error::MaskError;
use crate::fpe::eight_digits;
pub(crate) use dates::{BirthDate, DateForm};
pub(crate) use generated::Generated;
pub(crate) use kinds::{KINDS, kind};
pub(crate) use written::{Number, push_like};

/// One kind of identifier.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Country and short name, as `us_ssn`.
    pub(crate) code: &'static str,
    /// Whether all places are digits, so that a column of numbers can hold it.
    pub(crate) digits_only: bool,
    /// Characters that may stand between the places.
    pub(crate) separators: &'static str,
    /// One for each length a number may have, shortest first.
    pub(crate) layouts: &'static [&'static [Field]],
    /// Writes the check digits over what stands there; `None` where the body has none.
    pub(crate) seal: fn(&mut [u8]) -> Option<()>,
    /// Whether a number is never given out although layout and check digits are right.
    pub(crate) void: fn(&[u8]) -> bool,
    /// Places whose digits may be written as letters, as in Italy; such a place stays a letter.
    pub(crate) lettered: &'static [usize],
}

/// Neighbouring places of a layout.
#[derive(Debug)]
pub(crate) enum Field {
    /// Always the same.
    Fixed(&'static str),
    /// Any digits.
    Digits(usize),
    /// A number from the first to the last; drawn up to the third.
    Range(usize, u64, u64, u64),
    /// One of a list, all of one length; drawn from the first so many, or kept where there are none.
    Listed(&'static [&'static str], usize),
    /// So many places out of the same sets. A place is drawn from the set its character is in.
    Places(usize, &'static [&'static str]),
    /// So many places out of a set, which stay.
    Kept(usize, &'static str),
    /// A six-digit place code below one of the two-digit areas; drawn from the list.
    Town(&'static [&'static str], &'static [&'static str]),
    /// A date.
    Date(&'static DateForm),
    /// Ten digits, one of which comes two or three times, the others at most once.
    Repeating,
    /// Check digits, or what a date further to the left has written.
    Other(usize),
}

/// What stays of a number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    /// So many places at the beginning. A date or list entry that begins there stays whole.
    pub(crate) places: usize,
    /// What happens to a date.
    pub(crate) birth_date: BirthDate,
}

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
            *eight = digits_of(self.pick(100_000_000));
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

impl Kind {
    /// The layout of numbers with so many places.
    fn layout(&self, places: usize) -> Option<&'static [Field]> {
        let mut layouts = self.layouts.iter();
        layouts.find(|layout| width(layout) == places).copied()
    }

    /// How many places the longest number has.
    pub(crate) fn longest(&self) -> usize {
        self.layouts.last().map_or(0, |layout| width(layout))
    }

    /// Whether numbers of the kind have check digits.
    pub(crate) fn has_checks(&self) -> bool {
        let mut fields = self.layouts.iter().flat_map(|layout| layout.iter());
        fields.any(|field| matches!(field, Field::Other(_)))
    }

    /// How many numbers a draw chooses from at least, whatever the old one is.
    pub(crate) fn choices(&self, kept: Kept) -> u64 {
        let layouts = self.layouts.iter().map(|layout| {
            let fields = starts(layout).map(|(at, field)| field.choices(at, kept));
            fields.fold(1, u64::saturating_mul)
        });
        layouts.min().unwrap_or(0)
    }

    /// The number a text holds, of one of the lengths of the kind; what it says is not looked at.
    pub(crate) fn read(&self, text: &str) -> Option<Number> {
        let number = Number::read(text, self.separators)?;
        self.layout(number.places().len()).map(|_| number)
    }

    /// The number that lost its leading zeros in a column of numbers.
    pub(crate) fn read_padded(&self, text: &str) -> Option<Number> {
        let number = Number::read(text, "")?;
        let mut widths = self.layouts.iter().map(|layout| width(layout));
        number.padded(widths.find(|width| *width >= number.places().len())?)
    }

    /// Whether the number exists: layout, check digits, not void.
    pub(crate) fn is_valid(&self, number: &Number) -> bool {
        let Some(layout) = self.layout(number.places().len()) else {
            return false;
        };
        let places = self.in_digits(number);
        let taken = starts(layout).all(|(at, field)| field.takes(at, places.places()));
        taken && !(self.void)(places.places()) && {
            let mut sealed = *number;
            (self.seal)(sealed.places_mut()).is_some() && sealed == *number
        }
    }

    /// Writes the check digits of a number, whose places have the right sort of characters.
    pub(crate) fn sealed(&self, number: &Number) -> Option<Number> {
        let layout = self.layout(number.places().len())?;
        let plain = self.in_digits(number);
        let sorted = starts(layout).all(|(at, field)| field.is_written_as(at, plain.places()));
        let mut sealed = *number;
        (sorted && (self.seal)(sealed.places_mut()).is_some()).then_some(sealed)
    }

    /// Another number of the kind with the layout of `old`, which is valid; `None` where `bits` give
    /// a body that has no check digit or is void.
    pub(crate) fn redrawn(&self, old: &Number, kept: Kept, mut bits: Fraction) -> Option<Number> {
        let layout = self.layout(old.places().len())?;
        let mut new = *old;
        let plain = self.in_digits(old);
        let mut date = None;
        for (at, field) in starts(layout) {
            if let Field::Date(form) = field {
                let day =
                    form.redrawn(plain.places(), at < kept.places, kept.birth_date, &mut bits)?;
                form.unrank(day, new.places_mut())?;
                date = Some((form, day));
            } else {
                field.redraw(at, plain.places(), new.places_mut(), kept.places, &mut bits);
            }
        }
        if (self.void)(new.places()) {
            return None;
        }
        self.letter_like(old, &mut new);
        (self.seal)(new.places_mut())?;
        // In Norway the serial number, drawn after the date, has a say in the century.
        match date {
            Some((form, day)) if form.rank(self.in_digits(&new).places()) != Some(day) => None,
            _ => Some(new),
        }
    }

    /// How many bodies the layout of so many places counts, void ones and ones without check digit
    /// among them.
    #[cfg(test)]
    pub(crate) fn size(&self, places: usize) -> Option<u128> {
        let layout = self.layout(places)?;
        Some(layout.iter().map(Field::size).product())
    }

    /// The place of a valid number among the bodies of its layout.
    #[cfg(test)]
    pub(crate) fn rank(&self, number: &Number) -> Option<u128> {
        let plain = self.in_digits(number);
        starts(self.layout(number.places().len())?).try_fold(0, |rank, (at, field)| {
            Some(rank * field.size() + field.rank(at, plain.places())?)
        })
    }

    /// The number of so many places at `rank`; `None` where that body is void or has no check digit.
    #[cfg(test)]
    pub(crate) fn unrank(&self, places: usize, mut rank: u128) -> Option<Number> {
        let layout = self.layout(places)?;
        let mut number = Number::zeros(places);
        let mut fields: Vec<(usize, &Field)> = starts(layout).collect();
        fields.reverse();
        for (at, field) in fields {
            field.unrank(rank % field.size(), at, number.places_mut())?;
            rank /= field.size();
        }
        (self.seal)(number.places_mut())?;
        (rank == 0 && self.is_valid(&number)).then_some(number)
    }

    /// The number with its lettered places as digits.
    fn in_digits(&self, number: &Number) -> Number {
        let mut plain = *number;
        for at in self.lettered {
            if let Some(place) = plain.places_mut().get_mut(*at)
                && let Some(digit) = LETTERED.iter().position(|letter| letter == place)
            {
                *place = b'0' + digit as u8;
            }
        }
        plain
    }

    /// Writes as letters the digits that are letters in `old`.
    fn letter_like(&self, old: &Number, new: &mut Number) {
        for at in self.lettered {
            if old.places()[*at].is_ascii_uppercase() {
                let place = &mut new.places_mut()[*at];
                *place = LETTERED[usize::from(*place - b'0') % LETTERED.len()];
            }
        }
    }
}

/// Digits as letters where two people would have the same code (Italy, DM 23 December 1976).
const LETTERED: &[u8; 10] = b"LMNPQRSTUV";

fn width(layout: &[Field]) -> usize {
    layout.iter().map(Field::width).sum()
}

/// Each field and where it begins.
fn starts(layout: &'static [Field]) -> impl Iterator<Item = (usize, &'static Field)> {
    layout.iter().scan(0, |at, field| {
        let start = *at;
        *at += field.width();
        Some((start, field))
    })
}

/// The digits as a number; `None` where there is another character.
fn number_of(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The digits of a number below 10^8.
fn digits_of(number: u64) -> [u8; 8] {
    eight_digits(number).map(|digit| b'0' + digit)
}

/// Writes a number with as many digits as there is room.
fn write_number(mut number: u64, places: &mut [u8]) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Where a place stands in sets that follow each other.
#[cfg(test)]
fn index_in(sets: &[&str], place: u8) -> Option<u128> {
    let mut characters = sets.iter().flat_map(|set| set.bytes());
    characters
        .position(|one| one == place)
        .map(|index| index as u128)
}

impl Field {
    fn width(&self) -> usize {
        match self {
            Self::Fixed(text) => text.len(),
            Self::Digits(places)
            | Self::Range(places, ..)
            | Self::Places(places, _)
            | Self::Kept(places, _)
            | Self::Other(places) => *places,
            Self::Listed(list, _) => list.first().map_or(0, |entry| entry.len()),
            Self::Town(..) => 6,
            Self::Date(form) => form.places,
            Self::Repeating => 10,
        }
    }

    /// Whether the places hold what the field may be.
    fn takes(&self, at: usize, number: &[u8]) -> bool {
        let own = &number[at..at + self.width()];
        match self {
            Self::Fixed(text) => own == text.as_bytes(),
            Self::Digits(_) => own.iter().all(u8::is_ascii_digit),
            Self::Range(_, first, last, _) => {
                number_of(own).is_some_and(|number| (first..=last).contains(&&number))
            }
            Self::Listed(list, _) => list.iter().any(|entry| entry.as_bytes() == own),
            Self::Places(_, sets) => own
                .iter()
                .all(|place| sets.iter().any(|set| set.as_bytes().contains(place))),
            Self::Kept(_, set) => own.iter().all(|place| set.as_bytes().contains(place)),
            Self::Town(areas, _) => {
                areas.iter().any(|area| area.as_bytes() == &own[..2])
                    && own.iter().all(u8::is_ascii_digit)
            }
            Self::Date(form) => form.rank(number).is_some(),
            Self::Repeating => repeats_well(own),
            Self::Other(_) => true,
        }
    }

    /// Whether the places hold digits where the field has digits.
    fn is_written_as(&self, at: usize, number: &[u8]) -> bool {
        let own = &number[at..at + self.width()];
        match self {
            Self::Digits(_) | Self::Range(..) | Self::Town(..) | Self::Repeating => {
                own.iter().all(u8::is_ascii_digit)
            }
            Self::Fixed(text) => own == text.as_bytes(),
            Self::Places(_, sets) => own
                .iter()
                .all(|place| sets.iter().any(|set| set.as_bytes().contains(place))),
            Self::Kept(_, set) => own.iter().all(|place| set.as_bytes().contains(place)),
            Self::Listed(..) | Self::Date(_) | Self::Other(_) => true,
        }
    }

    /// How many contents a draw chooses from at least.
    fn choices(&self, at: usize, kept: Kept) -> u64 {
        let free = self.width() - kept.places.saturating_sub(at).min(self.width());
        let begins_kept = at < kept.places;
        match self {
            Self::Fixed(_) | Self::Kept(..) | Self::Other(_) | Self::Listed(_, 0) => 1,
            Self::Digits(_) => 10_u64.saturating_pow(free as u32),
            Self::Places(_, sets) => {
                let smallest = sets.iter().map(|set| set.len()).min().unwrap_or(1);
                (smallest as u64).saturating_pow(free as u32)
            }
            _ if begins_kept => 1,
            Self::Range(_, first, _, drawn) => drawn - first + 1,
            Self::Listed(_, drawn) => *drawn as u64,
            Self::Town(_, towns) => towns.len() as u64,
            Self::Repeating => REPEATING,
            Self::Date(_) => match kept.birth_date {
                BirthDate::Draw => 10_000,
                BirthDate::RetainYear => 12,
                BirthDate::Retain => 1,
            },
        }
    }

    /// Draws the places anew, but for those before `kept`.
    fn redraw(&self, at: usize, old: &[u8], new: &mut [u8], kept: usize, bits: &mut Fraction) {
        let places = at..at + self.width();
        let (own, new) = (&old[places.clone()], &mut new[places]);
        let begins_kept = at < kept;
        match self {
            Self::Other(_) | Self::Kept(..) => {}
            Self::Fixed(text) => new.copy_from_slice(text.as_bytes()),
            Self::Digits(_) => {
                let free = kept.saturating_sub(at).min(new.len());
                bits.fill(&mut new[free..]);
            }
            Self::Places(_, sets) => {
                let free = kept.saturating_sub(at).min(new.len());
                for (place, old) in new.iter_mut().zip(own).skip(free) {
                    let set = sets.iter().find(|set| set.as_bytes().contains(old));
                    let set = set.or(sets.first()).map_or(&b"0"[..], |set| set.as_bytes());
                    *place = set[bits.pick(set.len() as u64) as usize];
                }
            }
            Self::Listed(_, 0) => {}
            _ if begins_kept => {}
            Self::Range(_, first, _, drawn) => {
                write_number(first + bits.pick(drawn - first + 1), new);
            }
            Self::Listed(list, drawn) => {
                let entry = list[bits.pick(*drawn as u64) as usize];
                new.copy_from_slice(entry.as_bytes());
            }
            Self::Town(_, towns) => {
                let town = towns[bits.pick(towns.len() as u64) as usize];
                new.copy_from_slice(town.as_bytes());
            }
            Self::Repeating => unrank_repeating(bits.pick(REPEATING), new),
            // The layout's loop sees to dates.
            Self::Date(_) => {}
        }
    }

    #[cfg(test)]
    fn size(&self) -> u128 {
        match self {
            Self::Fixed(_) | Self::Other(_) => 1,
            Self::Digits(places) => 10_u128.pow(*places as u32),
            Self::Range(_, first, last, _) => u128::from(last - first + 1),
            Self::Listed(list, _) => list.len() as u128,
            Self::Places(places, sets) => {
                let size: usize = sets.iter().map(|set| set.len()).sum();
                (size as u128).pow(*places as u32)
            }
            Self::Kept(places, set) => (set.len() as u128).pow(*places as u32),
            Self::Town(areas, _) => areas.len() as u128 * 10_000,
            Self::Date(form) => form.size().into(),
            Self::Repeating => REPEATING.into(),
        }
    }

    #[cfg(test)]
    fn rank(&self, at: usize, number: &[u8]) -> Option<u128> {
        if !self.takes(at, number) {
            return None;
        }
        let own = &number[at..at + self.width()];
        let listed = |list: &[&str], own: &[u8]| {
            let index = list.iter().position(|entry| entry.as_bytes() == own);
            index.map(|index| index as u128)
        };
        Some(match self {
            Self::Fixed(_) | Self::Other(_) => 0,
            Self::Digits(_) => number_of(own)?.into(),
            Self::Range(_, first, ..) => u128::from(number_of(own)? - first),
            Self::Listed(list, _) => listed(list, own)?,
            Self::Places(_, sets) => {
                let size: usize = sets.iter().map(|set| set.len()).sum();
                own.iter().try_fold(0, |rank, place| {
                    Some(rank * size as u128 + index_in(sets, *place)?)
                })?
            }
            Self::Kept(_, set) => own.iter().try_fold(0, |rank, place| {
                Some(rank * set.len() as u128 + index_in(&[set], *place)?)
            })?,
            Self::Town(areas, _) => {
                listed(areas, &own[..2])? * 10_000 + u128::from(number_of(&own[2..])?)
            }
            Self::Date(form) => form.rank(number)?.into(),
            Self::Repeating => rank_repeating(own)?.into(),
        })
    }

    #[cfg(test)]
    fn unrank(&self, mut rank: u128, at: usize, number: &mut [u8]) -> Option<()> {
        if let Self::Date(form) = self {
            return form.unrank(rank as u64, number);
        }
        let new = &mut number[at..at + self.width()];
        match self {
            Self::Other(_) | Self::Date(_) => {}
            Self::Fixed(text) => new.copy_from_slice(text.as_bytes()),
            Self::Digits(_) => write_number(rank as u64, new),
            Self::Range(_, first, ..) => write_number(first + rank as u64, new),
            Self::Listed(list, _) => new.copy_from_slice(list[rank as usize].as_bytes()),
            Self::Places(_, sets) => {
                let all: Vec<u8> = sets.iter().flat_map(|set| set.bytes()).collect();
                for place in new.iter_mut().rev() {
                    *place = all[(rank % all.len() as u128) as usize];
                    rank /= all.len() as u128;
                }
            }
            Self::Kept(_, set) => {
                for place in new.iter_mut().rev() {
                    *place = set.as_bytes()[(rank % set.len() as u128) as usize];
                    rank /= set.len() as u128;
                }
            }
            Self::Town(areas, _) => {
                new[..2].copy_from_slice(areas[(rank / 10_000) as usize].as_bytes());
                write_number((rank % 10_000) as u64, &mut new[2..]);
            }
            Self::Repeating => unrank_repeating(rank as u64, new),
        }
        Some(())
    }
}

/// How many rows of ten digits have one digit twice and one missing: the digit, the missing one, the
/// two places, the order of the others.
const TWICE: u64 = 10 * 9 * 45 * 40_320;
/// The same with one digit three times, not in three neighbouring places, and two missing.
const THRICE: u64 = 10 * 36 * 112 * 5_040;
/// All of them.
const REPEATING: u64 = TWICE + THRICE;

/// Whether one of ten digits comes two or three times, not three times in a row, and no other twice.
fn repeats_well(digits: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    for digit in digits {
        match counts.get_mut(usize::from(digit.wrapping_sub(b'0'))) {
            Some(count) => *count += 1,
            None => return false,
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let in_a_row = digits
        .windows(3)
        .any(|three| three[0] == three[1] && three[1] == three[2]);
    repeated == 1 && counts.iter().all(|count| *count < 4) && !in_a_row
}

/// The subsets of `size` out of `of` things in order, as bits; of ten places without those of three
/// neighbours.
const fn subsets<const N: usize>(of: u32, size: u32) -> [u16; N] {
    let mut found = [0; N];
    let (mut set, mut count) = (0_u16, 0);
    while count < N && set < 1 << of {
        let neighbours = of == 10 && set & (set << 1) & (set << 2) != 0;
        if set.count_ones() == size && !neighbours {
            found[count] = set;
            count += 1;
        }
        set += 1;
    }
    found
}

/// The places of a digit that comes twice.
const PAIRS: [u16; 45] = subsets(10, 2);
/// The places of a digit that comes three times.
const TRIPLES: [u16; 112] = subsets(10, 3);
/// Which one of the nine other digits is missing.
const ONE_MISSING: [u16; 9] = subsets(9, 1);
/// Which two of the nine other digits are missing.
const TWO_MISSING: [u16; 36] = subsets(9, 2);

/// For a digit that comes twice or thrice: orders of the other digits that are there, the sets of its
/// places, and of the digits that are missing.
fn tables(thrice: bool) -> (u64, &'static [u16], &'static [u16]) {
    match thrice {
        false => (40_320, &PAIRS, &ONE_MISSING),
        true => (5_040, &TRIPLES, &TWO_MISSING),
    }
}

/// The digits at a rank: [`rank_repeating`] turned round.
fn unrank_repeating(rank: u64, digits: &mut [u8]) {
    let thrice = rank >= TWICE;
    let rank = if thrice { rank - TWICE } else { rank };
    let (orders, sets, missing) = tables(thrice);
    let (mut order, rank) = (rank % orders, rank / orders);
    let (set, rank) = (
        sets[(rank % sets.len() as u64) as usize],
        rank / sets.len() as u64,
    );
    let gone = missing[(rank % missing.len() as u64) as usize];
    let repeated = (rank / missing.len() as u64) as u8;
    // The other digits that are there, in order; the first `count` of the array.
    let (mut left, mut count) = ([0; 10], 0);
    for (index, digit) in (0..10).filter(|digit| *digit != repeated).enumerate() {
        if gone >> index & 1 == 0 {
            left[count] = digit;
            count += 1;
        }
    }
    let mut weight = orders;
    for (at, digit) in digits.iter_mut().enumerate() {
        let value = if set >> at & 1 == 1 || count == 0 {
            repeated
        } else {
            weight /= count as u64;
            let index = (order / weight) as usize;
            order %= weight;
            let value = left[index];
            left.copy_within(index + 1..count, index);
            count -= 1;
            value
        };
        *digit = b'0' + value;
    }
}

/// Where ten digits that [`repeats_well`] stand among all of them.
#[cfg(test)]
fn rank_repeating(digits: &[u8]) -> Option<u64> {
    let values: Vec<u8> = digits.iter().map(|digit| digit - b'0').collect();
    let count = |value: u8| values.iter().filter(|one| **one == value).count() as u32;
    let repeated = (0..10).find(|value| count(*value) > 1)?;
    let size = count(repeated);
    let others: Vec<u8> = (0..10).filter(|value| *value != repeated).collect();
    let thrice = size == 3;
    let (orders, sets, missing_sets) = tables(thrice);
    let start = if thrice { TWICE } else { 0 };
    let gone: u16 = (0..others.len())
        .filter(|at| count(others[*at]) == 0)
        .map(|at| 1 << at)
        .sum();
    let missing = missing_sets.iter().position(|set| *set == gone)? as u64;
    let places: u16 = (0..10)
        .filter(|at| values[*at] == repeated)
        .map(|at| 1 << at)
        .sum();
    let set = sets.iter().position(|set| *set == places)? as u64;
    let mut left: Vec<u8> = others
        .into_iter()
        .filter(|value| count(*value) > 0)
        .collect();
    let (mut order, mut weight) = (0, orders);
    for value in values.into_iter().filter(|value| *value != repeated) {
        weight /= left.len() as u64;
        let index = left.iter().position(|one| *one == value)?;
        order += index as u64 * weight;
        left.remove(index);
    }
    let missing = u64::from(repeated) * missing_sets.len() as u64 + missing;
    let rank = missing * sets.len() as u64 + set;
    Some(start + rank * orders + order)
}
