//! The fields of a layout: what may stand there, and how it is drawn anew.

use super::dates::{BirthDate, DateForm};
use super::repeating::{REPEATING, repeats_well, unrank_repeating};
use super::written::is_one_of;
use super::{Fraction, Kept, number_of, write_number};

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

impl Field {
    pub(super) fn width(&self) -> usize {
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
    pub(super) fn takes(&self, at: usize, number: &[u8]) -> bool {
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
    pub(super) fn is_written_as(&self, at: usize, number: &[u8]) -> bool {
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
    pub(super) fn choices(&self, at: usize, kept: Kept) -> u64 {
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
    pub(super) fn redraw(
        &self,
        at: usize,
        old: &[u8],
        new: &mut [u8],
        kept: usize,
        bits: &mut Fraction,
    ) {
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
