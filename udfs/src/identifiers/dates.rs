//! Dates inside identifiers.
//!
//! A date's rank counts days from the first year its form can tell, once for each extra it carries:
//! the holder's sex or class, where the same places tell it. The extra stays when a date is drawn.

mod forms;

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fraction;
use crate::calendar::{days_of, year_of};
pub(super) use forms::{
    AUSTRIA, BELGIUM, BORN_1900, BORN_2000, CHINA, FINLAND, FRANCE, ITALY, KOREA, MEXICO, NORWAY,
    POLAND, ROMANIA, SOUTH_AFRICA, SWEDEN_LONG, SWEDEN_SHORT, belgian_check,
};

/// What happens to a date of birth within a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BirthDate {
    /// Any day from 1930 to 2009, or to 1999 where the number does not tell the century.
    #[default]
    Draw,
    /// Any day of its year.
    RetainYear,
    /// The same day.
    Retain,
}

/// A date and what else its places tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    year: u32,
    month: u32,
    day: u32,
    extra: u32,
}

/// How a kind writes a date.
#[derive(Debug)]
pub(crate) struct DateForm {
    /// Places of the layout that are the date's own.
    pub(crate) places: usize,
    /// First and last year it can tell.
    years: (u32, u32),
    /// First and last year that is drawn.
    drawn: (u32, u32),
    /// How many extras there are, at least one.
    extras: u32,
    /// Whether a drawn date has the extra 0 instead of the old one.
    drops_extra: bool,
    /// Whether there is no day: the date is the first of its month.
    months: bool,
    read: fn(&[u8]) -> Option<Date>,
    write: fn(&mut [u8], Date) -> Option<()>,
}

/// The first day of a year, counted from 1970-01-01.
fn start(year: u32) -> i64 {
    days_of(year.into()).start
}

impl DateForm {
    /// How many days the form can tell.
    fn span(&self) -> u64 {
        start(self.years.1 + 1).abs_diff(start(self.years.0))
    }

    #[cfg(test)]
    fn size(&self) -> u64 {
        self.span() * u64::from(self.extras)
    }

    /// The rank of the date in a number; `None` where there is none.
    pub(super) fn rank(&self, number: &[u8]) -> Option<u64> {
        let date = (self.read)(number)?;
        if !(self.years.0..=self.years.1).contains(&date.year) || date.extra >= self.extras {
            return None;
        }
        let day = NaiveDate::from_ymd_opt(date.year as i32, date.month, date.day)?;
        let day = i64::from(day.to_epoch_days()).abs_diff(start(self.years.0));
        Some(u64::from(date.extra) * self.span() + day)
    }

    /// Writes the date of a rank; `None` where the number cannot tell it.
    pub(super) fn unrank(&self, rank: u64, number: &mut [u8]) -> Option<()> {
        let day = start(self.years.0).checked_add_unsigned(rank % self.span())?;
        let date = NaiveDate::from_epoch_days(i32::try_from(day).ok()?)?;
        if self.months && date.day() != 1 {
            return None;
        }
        let date = Date {
            year: date.year().unsigned_abs(),
            month: date.month(),
            day: date.day(),
            extra: (rank / self.span()) as u32,
        };
        (self.write)(number, date)
    }

    /// The first of the ranks that the date of `rank` may become where no two dates may become the
    /// same, and how many they are: the days of its year, or those on its side of 1930 and of 2030.
    pub(super) fn part(&self, rank: u64, birth_date: BirthDate) -> Option<(u64, u64)> {
        let (extra, day) = (rank / self.span() * self.span(), rank % self.span());
        let first = start(self.years.0);
        let days = match birth_date {
            BirthDate::Retain => return Some((rank, 1)),
            BirthDate::RetainYear => {
                let days = days_of(year_of(first.checked_add_unsigned(day)?));
                days.start.abs_diff(first)..days.end.abs_diff(first)
            }
            BirthDate::Draw => {
                let border = |year: u32| match year > self.years.0 {
                    true => start(year).abs_diff(first).min(self.span()),
                    false => 0,
                };
                match (border(1930), border(2030)) {
                    (border, _) if day < border => 0..border,
                    (start, end) if day < end => start..end,
                    (_, border) => border..self.span(),
                }
            }
        };
        Some((extra + days.start, days.end - days.start))
    }

    /// The rank of the date that takes the place of the one in `old`.
    pub(super) fn redrawn(
        &self,
        old: &[u8],
        kept: bool,
        birth_date: BirthDate,
        bits: &mut Fraction,
    ) -> Option<u64> {
        let own = self.rank(old)?;
        let first = start(self.years.0);
        let days = match birth_date {
            _ if kept => return Some(own),
            BirthDate::Retain => return Some(own),
            BirthDate::RetainYear => {
                days_of(year_of(first.checked_add_unsigned(own % self.span())?))
            }
            BirthDate::Draw => start(self.drawn.0)..start(self.drawn.1 + 1),
        };
        let mut day = days.start + bits.pick(days.end.abs_diff(days.start)) as i64;
        if self.months {
            let date = NaiveDate::from_epoch_days(i32::try_from(day).ok()?)?;
            day -= i64::from(date.day0());
        }
        let extra = if self.drops_extra {
            0
        } else {
            own / self.span()
        };
        Some(extra * self.span() + day.abs_diff(first))
    }
}

/// The days from the beginning of one year to that of another.
#[cfg(test)]
pub(super) fn days_between(from: u32, to: u32) -> u64 {
    start(from).abs_diff(start(to))
}
