//! Formats of dates and times in the specifiers of strftime.
//!
//! `%f` stands for six digits of a second's fraction, as Python has it.

use std::fmt::Write;

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

/// A parsed format.
#[derive(Debug)]
pub(crate) struct Format(Vec<Item<'static>>);

impl Format {
    /// A format that moments are written in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn to_write(format: &str) -> Result<Self, &'static str> {
        let format = Self::parsed(format)?;
        let mut text = String::new();
        match format.push(&mut text, sample()) {
            Some(()) if !text.is_empty() => Ok(format),
            Some(()) => Err("a format needs at least one specifier, such as `%Y`"),
            None => Err("a time zone cannot be written: leave `%z` and `%Z` out"),
        }
    }

    /// A format that moments are read in: it has year, month and day.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn to_read(format: &str) -> Result<Self, &'static str> {
        let format = Self::parsed(format)?;
        let mut text = String::new();
        let zoned = Utc.from_utc_datetime(&sample());
        let written = write!(text, "{}", zoned.format_with_items(format.0.iter()));
        let read = format.read(&text).map(|read| read.date());
        match written.is_ok() && read == Some(sample().date()) {
            true => Ok(format),
            false => Err(
                "a date written in this format cannot be read back: it needs year, month and day",
            ),
        }
    }

    fn parsed(format: &str) -> Result<Self, &'static str> {
        // A percent sign and the character after it go together: `%%f` has no fraction.
        let mut translated = String::with_capacity(format.len() + 1);
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            translated.push(character);
            if character == '%' {
                match characters.next() {
                    Some('f') => translated.push_str("6f"),
                    other => translated.extend(other),
                }
            }
        }
        StrftimeItems::new(&translated)
            .parse_to_owned()
            .map(Self)
            .map_err(|_| "a specifier is unknown")
    }

    /// Appends `moment` to `text`; `None` where it has no such form.
    pub(crate) fn push(&self, text: &mut String, moment: NaiveDateTime) -> Option<()> {
        write!(text, "{}", moment.format_with_items(self.0.iter())).ok()
    }

    /// The moment in `text`: midnight where the format has no time, in UTC where it has a zone.
    pub(crate) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.0.iter()).ok()?;
        if parsed.offset().is_some() {
            let zoned: DateTime<_> = parsed.to_datetime().ok()?;
            return Some(zoned.naive_utc());
        }
        match parsed.to_naive_datetime_with_offset(0) {
            Ok(moment) => Some(moment),
            // A date has no hour at all; an hour without minutes is no time.
            Err(_) if parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none() => parsed
                .to_naive_date()
                .ok()
                .map(|date| date.and_time(NaiveTime::MIN)),
            Err(_) => None,
        }
    }
}

/// A moment none of whose parts is like another.
fn sample() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2001, 2, 3)
        .and_then(|date| date.and_hms_opt(14, 15, 16))
        .expect("a moment that exists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_and_written() {
        for (format, text, read) in [
            ("%d/%m/%Y", "29/02/2024", Some("2024-02-29 00:00:00")),
            ("%d/%m/%Y", "30/02/2024", None),
            ("%d/%m/%Y", "29/02/2024 ", None),
            (
                "%Y-%m-%d %H:%M:%S.%f",
                "2024-02-29 01:02:03.250000",
                Some("2024-02-29 01:02:03.250"),
            ),
            ("%Y%m%d%%f", "20240229%f", Some("2024-02-29 00:00:00")),
            ("%d %b %Y", "05 Mar 1999", Some("1999-03-05 00:00:00")),
            (
                "%d.%m.%Y %H:%M",
                "05.03.1999 23:59",
                Some("1999-03-05 23:59:00"),
            ),
            (
                "%m/%d/%Y %I:%M %p",
                "03/05/1999 11:59 PM",
                Some("1999-03-05 23:59:00"),
            ),
            ("%Y-%j", "2024-060", Some("2024-02-29 00:00:00")),
        ] {
            let format = Format::to_read(format).unwrap();
            let moment = format.read(text);
            assert_eq!(
                moment.map(|moment| moment.to_string()).as_deref(),
                read,
                "{text}"
            );
            if let Some(moment) = moment {
                let mut written = String::new();
                format.push(&mut written, moment).unwrap();
                assert_eq!(written, text);
            }
        }
        let zoned = Format::to_read("%Y-%m-%dT%H:%M:%S%z").unwrap();
        let moment = zoned.read("2024-01-01T00:30:00+0200").unwrap();
        assert_eq!(moment.to_string(), "2023-12-31 22:30:00");
    }

    #[test]
    fn formats_that_make_no_sense() {
        for format in ["", "%!", "%Y %z", "%"] {
            assert!(Format::to_write(format).is_err(), "{format}");
        }
        for format in ["", "%q", "%Y-%m", "%H:%M", "x", "%Y-%m-%d %H"] {
            assert!(Format::to_read(format).is_err(), "{format}");
        }
    }
}
