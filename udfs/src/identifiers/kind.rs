//! A kind of identifier: reads, checks, seals and redraws its numbers by its table.

use super::dates::BirthDate;
use super::{Field, Fraction, Number};

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

/// What stays of a number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    /// So many places at the beginning. A date or list entry that begins there stays whole.
    pub(crate) places: usize,
    /// What happens to a date.
    pub(crate) birth_date: BirthDate,
}

impl Kind {
    /// The layout of numbers with so many places.
    pub(super) fn layout(&self, places: usize) -> Option<&'static [Field]> {
        let mut layouts = self.layouts.iter();
        layouts.find(|layout| width(layout) == places).copied()
    }

    /// How many places the shortest number has.
    pub(crate) fn shortest(&self) -> usize {
        self.layouts.first().map_or(0, |layout| width(layout))
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
    pub(super) fn in_digits(&self, number: &Number) -> Number {
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
    pub(super) fn letter_like(&self, old: &Number, new: &mut Number) {
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

pub(super) fn width(layout: &[Field]) -> usize {
    layout.iter().map(Field::width).sum()
}

/// Each field and where it begins.
pub(super) fn starts(layout: &'static [Field]) -> impl Iterator<Item = (usize, &'static Field)> {
    layout.iter().scan(0, |at, field| {
        let start = *at;
        *at += field.width();
        Some((start, field))
    })
}
