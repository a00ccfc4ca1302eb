//! Formats of dates and times in the specifiers of strftime.
//!
//! - For dates that are made anew and for conversions `%f` stands for six digits of a second's fraction,
//!   as Python has it. - What takes the place of a date in text is in [`crate::date_form`].

use std::fmt::Write;

use chrono::format::{Item, Numeric, Pad, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};

/// A parsed format.
#[derive(Debug)]
pub(crate) struct Format {
    items: Vec<Item<'static>>,
    /// The same where it consists of plain digits and signs only: several times as fast.
    plain: Option<Vec<Plain>>,
}

/// A part of a simple format.
#[derive(Debug, PartialEq)]
enum Plain {
    Text(String),
    /// Four digits.
    Year,
    /// Two digits.
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Plain {
    fn of(items: &[Item<'_>]) -> Option<Vec<Self>> {
        let plain = |item: &Item<'_>| {
            Some(match item {
                Item::Literal(text) => Self::Text((*text).to_owned()),
                Item::OwnedLiteral(text) => Self::Text(text.to_string()),
                Item::Numeric(Numeric::Year, Pad::Zero) => Self::Year,
                Item::Numeric(Numeric::Month, Pad::Zero) => Self::Month,
                Item::Numeric(Numeric::Day, Pad::Zero) => Self::Day,
                Item::Numeric(Numeric::Hour, Pad::Zero) => Self::Hour,
                Item::Numeric(Numeric::Minute, Pad::Zero) => Self::Minute,
                Item::Numeric(Numeric::Second, Pad::Zero) => Self::Second,
                Item::Space(" ") => Self::Text(" ".to_owned()),
                Item::OwnedSpace(blank) if &**blank == " " => Self::Text(" ".to_owned()),
                _ => return None,
            })
        };
        items.iter().map(plain).collect()
    }

    fn width(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Year => 4,
            Self::Month | Self::Day | Self::Hour | Self::Minute | Self::Second => 2,
        }
    }
}

impl Format {
    /// A format as chrono has it, where `%f` is the nanoseconds.
    ///
    /// # Errors
    /// For a specifier that there is not.
    pub(crate) fn as_told(format: &str) -> Result<Self, &'static str> {
        let items = StrftimeItems::new(format)
            .parse_to_owned()
            .map_err(|_| "a specifier is unknown")?;
        let plain = Plain::of(&items);
        Ok(Self { items, plain })
    }

    /// Whether it has the last two digits of a year only.
    pub(crate) fn has_short_year(&self) -> bool {
        let has = |wanted: &[Numeric]| {
            let mut items = self.items.iter();
            items.any(|item| matches!(item, Item::Numeric(part, _) if wanted.contains(part)))
        };
        has(&[Numeric::YearMod100, Numeric::IsoYearMod100])
            && !has(&[Numeric::Year, Numeric::IsoYear, Numeric::YearDiv100])
    }

    /// A format that moments are written in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn to_write(format: &str) -> Result<Self, &'static str> {
        let format = Self::parsed(format)?;
        match format.text(sample()) {
            Some(text) if !text.is_empty() => Ok(format),
            Some(_) => Err("a format needs at least one specifier, such as `%Y`"),
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
        let written = write!(text, "{}", zoned.format_with_items(format.items.iter()));
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
        Self::as_told(&translated)
    }

    /// Appends `moment` to `text`; `None` where it has no such form.
    pub(crate) fn push(&self, text: &mut Vec<u8>, moment: NaiveDateTime) -> Option<()> {
        match &self.plain {
            Some(parts) if (0..=9999).contains(&moment.year()) => {
                push_plain(parts, text, moment);
                Some(())
            }
            _ => self.push_any(text, moment),
        }
    }

    fn push_any(&self, text: &mut Vec<u8>, moment: NaiveDateTime) -> Option<()> {
        let mut written = String::new();
        write!(written, "{}", moment.format_with_items(self.items.iter())).ok()?;
        text.extend_from_slice(written.as_bytes());
        Some(())
    }

    /// `moment` as text; `None` where it has no such form.
    pub(crate) fn text(&self, moment: NaiveDateTime) -> Option<String> {
        let mut text = Vec::new();
        self.push(&mut text, moment)?;
        String::from_utf8(text).ok()
    }

    /// The moment in `text`: midnight where the format has no time, in UTC where it has a zone.
    pub(crate) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let plain = self.plain.as_ref();
        plain
            .and_then(|parts| read_plain(parts, text))
            .or_else(|| self.read_any(text))
    }

    fn read_any(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
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

fn push_plain(parts: &[Plain], text: &mut Vec<u8>, moment: NaiveDateTime) {
    for part in parts {
        let number = match part {
            Plain::Text(plain) => {
                text.extend_from_slice(plain.as_bytes());
                continue;
            }
            Plain::Year => {
                let year = moment.year().unsigned_abs();
                push_two(text, year / 100);
                year % 100
            }
            Plain::Month => moment.month(),
            Plain::Day => moment.day(),
            Plain::Hour => moment.hour(),
            Plain::Minute => moment.minute(),
            Plain::Second => moment.second(),
        };
        push_two(text, number);
    }
}

fn push_two(text: &mut Vec<u8>, number: u32) {
    text.extend_from_slice(&[number / 10, number % 10].map(|digit| b'0' + digit as u8));
}

/// The moment in a text with all its digits; `None` for any other, which may be one all the same.
fn read_plain(parts: &[Plain], text: &str) -> Option<NaiveDateTime> {
    let (mut year, mut month, mut day) = (None, None, None);
    let (mut hour, mut minute, mut second) = (None, None, None);
    let mut rest = text.as_bytes();
    for part in parts {
        let (own, after) = rest.split_at_checked(part.width())?;
        rest = after;
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0, |number, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| number * 10 + u32::from(digit - b'0'))
            })
        };
        // A part that comes twice has to say the same: left to the long way.
        let place = match part {
            Plain::Text(plain) if plain.as_bytes() == own => continue,
            Plain::Text(_) => return None,
            Plain::Year => &mut year,
            Plain::Month => &mut month,
            Plain::Day => &mut day,
            Plain::Hour => &mut hour,
            Plain::Minute => &mut minute,
            Plain::Second => &mut second,
        };
        if place.replace(number(own)?).is_some() {
            return None;
        }
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year?).ok()?, month?, day?)?;
    let (hour, minute, second) = match (hour, minute, second) {
        (None, None, None) => (0, 0, 0),
        (hour, minute, second) => (hour?, minute?, second.unwrap_or(0)),
    };
    match rest.is_empty() {
        true => date.and_hms_opt(hour, minute, second),
        false => None,
    }
}

/// A moment none of whose parts is like another.
pub(crate) fn sample() -> NaiveDateTime {
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
                assert_eq!(format.text(moment).as_deref(), Some(text));
            }
        }
        let zoned = Format::to_read("%Y-%m-%dT%H:%M:%S%z").unwrap();
        let moment = zoned.read("2024-01-01T00:30:00+0200").unwrap();
        assert_eq!(moment.to_string(), "2023-12-31 22:30:00");
    }

    #[test]
    fn the_short_way_is_the_long_way() {
        for format in [
            "%d/%m/%Y",
            "%Y%m%d%H%M%S",
            "%F %T",
            "%d.%m.%Y %H:%M",
            "am %d. %m %Y %%",
        ] {
            let format = Format::to_read(format).unwrap();
            assert!(format.plain.is_some(), "{format:?}");
            for second in [0, -1, 951_827_696, 253_402_300_799, -62_167_219_200] {
                let moment = DateTime::from_timestamp(second, 0).unwrap().naive_utc();
                let short = format.text(moment).unwrap();
                let mut long = Vec::new();
                format.push_any(&mut long, moment).unwrap();
                assert_eq!(short.as_bytes(), long);
                let parts = format.plain.as_ref().unwrap();
                assert_eq!(
                    read_plain(parts, &short),
                    format.read_any(&short),
                    "{short}"
                );
                assert!(read_plain(parts, &short).is_some());
            }
        }
        for (format, text) in [
            ("%d/%m/%Y", "1/2/2024"),
            ("%d/%m/%Y", "30/02/2024"),
            ("%d/%m/%Y", "+1/02/2024"),
            ("%d/%m/%Y", "01/02/20245"),
            ("%d/%m/%Y", "01/02/202"),
            ("%d/%m/%Y", "0１/02/2024"),
            ("%d/%m/%Y", ""),
            ("%d/%m/%Y %d", "01/02/2024 02"),
            ("%d/%m/%Y %d", "01/02/2024 01"),
            ("%F %T", "2024-01-01 23:59:60"),
            ("%F %T", "2024-01-01 24:00:00"),
            ("%F %H:%M", "2024-01-01  23:59"),
        ] {
            let format = Format::to_read(format).unwrap();
            assert_eq!(format.read(text), format.read_any(text), "{text}");
        }
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
