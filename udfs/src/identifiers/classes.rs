//! Classes: the numbers a number may become where no two may become the same.
//!
//! What stays of a number is its class; its place in it counts the rest in mixed radix, the first field
//! most significant. Whatever is drawn from part of its contents (a range, a list, the dates from 1930
//! to 2029) stays in or out of that part, so that usual numbers become usual ones.

use super::repeating::{REPEATING, rank_repeating, unrank_repeating};
use super::{Field, Kept, Kind, Number, number_of, write_number};

impl Kind {
    /// How many bodies the class of a valid number counts, void ones and ones without check digit
    /// among them, and the number's place.
    pub(crate) fn place(&self, number: &Number, kept: Kept) -> Option<(u128, u128)> {
        let plain = self.in_digits(number);
        let mut fields = super::kind::starts(self.layout(number.places().len())?);
        fields.try_fold((1, 0), |(size, place), (at, field)| {
            let (own_size, own) = field.place(at, plain.places(), kept)?;
            Some((size * own_size, place * own_size + own))
        })
    }

    /// The number at `place` in the class of `old`, which is valid; `None` where that body is void or
    /// has no check digit.
    pub(crate) fn at_place(&self, old: &Number, kept: Kept, place: u128) -> Option<Number> {
        let plain = self.in_digits(old);
        let mut new = plain;
        let mut rest = place;
        let mut at = old.places().len();
        let mut date = None;
        for field in self.layout(at)?.iter().rev() {
            at -= field.width();
            let (size, _) = field.place(at, plain.places(), kept)?;
            let own = rest % size;
            rest /= size;
            if let Field::Date(form) = field {
                let rank = field.part(at, plain.places(), kept)?.0 + own as u64;
                form.unrank(rank, new.places_mut())?;
                date = Some((form, rank));
            } else {
                field.put(own, at, plain.places(), new.places_mut(), kept)?;
            }
        }
        self.letter_like(old, &mut new);
        (self.seal)(new.places_mut())?;
        if !self.is_valid(&new) {
            return None;
        }
        // In Norway the serial number has a say in the century.
        match date {
            Some((form, rank)) if form.rank(self.in_digits(&new).places()) != Some(rank) => None,
            _ => Some(new),
        }
    }

    /// How many bodies the smallest class counts at least.
    pub(crate) fn smallest_class(&self, kept: Kept) -> u64 {
        let layouts = self.layouts.iter().map(|layout| {
            let fields = super::kind::starts(layout).map(|(at, field)| match field {
                _ if at < kept.places => field.choices(at, kept),
                Field::Range(_, first, last, drawn) => {
                    parts(drawn - first + 1, last - first + 1).min()
                }
                Field::Listed(list, drawn) => parts(*drawn as u64, list.len() as u64).min(),
                Field::Town(areas, _) => areas.len() as u64 * TOWNS,
                field => field.choices(at, kept),
            });
            fields.fold(1, u64::saturating_mul)
        });
        layouts.min().unwrap_or(0)
    }
}

/// Place codes of an area.
const TOWNS: u64 = 10_000;

/// Contents that are drawn, and the others.
struct Parts {
    drawn: u64,
    all: u64,
}

fn parts(drawn: u64, all: u64) -> Parts {
    Parts { drawn, all }
}

impl Parts {
    /// The first of the part that `rank` is in, how many it has, and `rank`. Where nothing is drawn,
    /// each stays.
    fn around(&self, rank: u64) -> (u64, u64, u64) {
        match rank {
            _ if self.drawn == 0 => (rank, 1, rank),
            _ if rank < self.drawn => (0, self.drawn, rank),
            _ => (self.drawn, self.all - self.drawn, rank),
        }
    }

    /// How many contents the smaller part has.
    fn min(&self) -> u64 {
        match (self.drawn, self.all - self.drawn) {
            (0, _) => 1,
            (drawn, 0) => drawn,
            (drawn, others) => drawn.min(others),
        }
    }
}

impl Field {
    /// How many contents the class of a field has, and the place of the one that is there.
    fn place(&self, at: usize, number: &[u8], kept: Kept) -> Option<(u128, u128)> {
        let own = &number[at..at + self.width()];
        let free = &own[kept.places.saturating_sub(at).min(own.len())..];
        match self {
            Self::Digits(_) => Some((10_u128.pow(free.len() as u32), number_of(free)?.into())),
            Self::Places(_, sets) => free.iter().try_fold((1, 0), |(size, place), one| {
                let set = set_of(sets, *one)?;
                let index = set.iter().position(|other| other == one)?;
                let count = set.len() as u128;
                Some((size * count, place * count + index as u128))
            }),
            _ => {
                let (first, size, rank) = self.part(at, number, kept)?;
                Some((size.into(), (rank - first).into()))
            }
        }
    }

    /// Of a field that is no row of single places: the first rank of the part it stays in, how many
    /// ranks that part has, and its own.
    fn part(&self, at: usize, number: &[u8], kept: Kept) -> Option<(u64, u64, u64)> {
        let own = &number[at..at + self.width()];
        let stays = at < kept.places;
        let part = match self {
            Self::Fixed(_)
            | Self::Digits(_)
            | Self::Places(..)
            | Self::Kept(..)
            | Self::Other(_) => (0, 1, 0),
            Self::Range(_, first, last, drawn) => {
                parts(drawn - first + 1, last - first + 1).around(number_of(own)? - first)
            }
            Self::Listed(list, drawn) => {
                parts(*drawn as u64, list.len() as u64).around(index_in(list, own)?)
            }
            Self::Town(areas, _) => {
                let rank = index_in(areas, &own[..2])? * TOWNS + number_of(&own[2..])?;
                (0, areas.len() as u64 * TOWNS, rank)
            }
            Self::Repeating => (0, REPEATING, rank_repeating(own)?),
            Self::Date(form) => {
                let rank = form.rank(number)?;
                let (first, size) = form.part(rank, kept.birth_date)?;
                (first, size, rank)
            }
        };
        Some(match part {
            (_, _, rank) if stays => (rank, 1, rank),
            part => part,
        })
    }

    /// Writes the content at `place` in the class of the one in `old`. The layout's loop sees to dates.
    fn put(&self, place: u128, at: usize, old: &[u8], new: &mut [u8], kept: Kept) -> Option<()> {
        let own = at..at + self.width();
        let free = kept.places.clamp(own.start, own.end)..own.end;
        let rank = self.part(at, old, kept)?.0 + place as u64;
        match self {
            Self::Fixed(_) | Self::Kept(..) | Self::Other(_) | Self::Date(_) => {}
            Self::Digits(_) => write_number(place as u64, &mut new[free]),
            Self::Places(_, sets) => {
                let mut rest = place;
                for index in free.rev() {
                    let set = set_of(sets, old[index])?;
                    new[index] = set[(rest % set.len() as u128) as usize];
                    rest /= set.len() as u128;
                }
            }
            Self::Range(_, first, ..) => write_number(first + rank, &mut new[own]),
            Self::Listed(list, _) => {
                new[own].copy_from_slice(list.get(rank as usize)?.as_bytes());
            }
            Self::Town(areas, _) => {
                let (area, town) = new[own].split_at_mut(2);
                area.copy_from_slice(areas.get((rank / TOWNS) as usize)?.as_bytes());
                write_number(rank % TOWNS, town);
            }
            Self::Repeating => unrank_repeating(rank, &mut new[own]),
        }
        Some(())
    }
}

/// The set that a place is drawn from.
fn set_of(sets: &'static [&'static str], place: u8) -> Option<&'static [u8]> {
    let mut sets = sets.iter().map(|set| set.as_bytes());
    sets.find(|set| set.contains(&place))
}

fn index_in(list: &[&str], own: &[u8]) -> Option<u64> {
    let index = list.iter().position(|entry| entry.as_bytes() == own)?;
    Some(index as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifiers::{BirthDate, KINDS, kind};

    /// Every place of a class is another number of it, or void; and leads back to its place.
    #[test]
    fn places_lead_there_and_back() {
        for (code, number, places, birth_date) in [
            ("us_npi", "1881761005", 0, BirthDate::Draw),
            ("us_ssn", "899010001", 3, BirthDate::Draw),
            ("fi_hetu", "181034W501L", 0, BirthDate::RetainYear),
            ("fi_hetu", "181034W501L", 7, BirthDate::Draw),
            ("fr_nir", "142100630201468", 5, BirthDate::Draw),
            ("no_fnr", "23018242583", 0, BirthDate::Draw),
            ("it_cf", "CNRDZS93E56F205Q", 6, BirthDate::Retain),
        ] {
            let kind = kind(code).unwrap();
            let number = kind.read(number).unwrap();
            assert!(kind.is_valid(&number), "{code}");
            let kept = Kept { places, birth_date };
            let (size, own) = kind.place(&number, kept).unwrap();
            assert!(own < size, "{code}");
            assert_eq!(kind.at_place(&number, kept, own), Some(number), "{code}");
            let step = (size / 5_000).max(1);
            let mut valid = 0;
            for place in (0..size).step_by(step as usize) {
                let Some(other) = kind.at_place(&number, kept, place) else {
                    continue;
                };
                valid += 1;
                assert!(kind.is_valid(&other), "{code} {place}");
                let found = kind.place(&other, kept);
                assert_eq!(found, Some((size, place)), "{code}");
                assert_eq!(kind.at_place(&other, kept, own), Some(number), "{code}");
            }
            assert!(valid > 50, "{code}: {valid} of {size}");
        }
    }

    #[test]
    fn parts_of_lists_and_dates() {
        let place = |code: &str, number: &str| {
            let kind = kind(code).unwrap();
            let number = kind.sealed(&kind.read(number).unwrap()).unwrap();
            kind.place(&number, Kept::default()).unwrap().0
        };
        let days = |from: u32, to: u32| u128::from(super::super::dates::days_between(from, to));
        for (code, number, size) in [
            ("pl_pesel", "98081195867", days(1930, 2030) * 5000),
            ("pl_pesel", "98881195867", days(1800, 1930) * 5000),
            ("pl_pesel", "98281195867", days(2030, 2300) * 5000),
            ("us_rtn", "111000000", 24 * 1_000_000),
            ("us_rtn", "800000000", 14 * 1_000_000),
            ("sg_nric", "S0000000A", 10_000_000),
            ("in_pan", "AAAPA0001A", 26_u128.pow(5) * 9_999),
            ("lei", "ABCD1AAAAAAAAAAAAA00", 26_u128.pow(13) * 10),
        ] {
            assert_eq!(place(code, number), size, "{code} {number}");
        }
    }

    /// Of no kind so little changes that a number could be guessed.
    #[test]
    fn classes_are_large() {
        for kind in KINDS {
            let smallest = kind.smallest_class(Kept::default());
            assert!(smallest >= 100_000, "{} {smallest}", kind.code);
        }
        // Ten temporary serial numbers of five digits of one sex.
        let kept = Kept {
            places: 7,
            ..Kept::default()
        };
        assert_eq!(kind("fi_hetu").unwrap().smallest_class(kept), 50);
    }
}
