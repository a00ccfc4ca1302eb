//! Identifiers: numbers with a layout and check digits, taken apart and drawn anew.
//!
//! A [`Kind`] is a table: its layouts by length, each a row of [`Field`]s; how the check digits follow
//! ([`Kind::seal`]); which bodies are void all the same ([`Kind::void`]).

mod classes;
mod dates;
mod generated;
pub(crate) mod iban;
mod kinds;
mod repeating;
mod written;

use crate::digits;
use crate::draw::{Draw, Draws};
use crate::error::MaskError;
pub(crate) use dates::{BirthDate, DateForm};
pub(crate) use generated::Generated;
pub(crate) use kinds::{KINDS, kind};
use repeating::{REPEATING, repeats_well, unrank_repeating};
use written::is_one_of;
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

/// Writes a number with as many digits as there is room.
fn write_number(mut number: u64, places: &mut [u8]) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
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
                .all(|place| sets.iter().any(|set| is_one_of(set, *place))),
            Self::Kept(_, set) => own.iter().all(|place| is_one_of(set, *place)),
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
                .all(|place| sets.iter().any(|set| is_one_of(set, *place))),
            Self::Kept(_, set) => own.iter().all(|place| is_one_of(set, *place)),
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
                    let set = sets.iter().find(|set| is_one_of(set, *old));
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
}
