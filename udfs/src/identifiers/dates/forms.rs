//! How the kinds of identifiers write dates.

use super::{Date, DateForm};
use crate::identifiers::{number_of, write_number};

fn two(number: &[u8], at: usize) -> Option<u32> {
    Some(number_of(number.get(at..at + 2)?)? as u32)
}

fn write_two(number: &mut [u8], at: usize, value: u32) {
    write_number(u64::from(value % 100), &mut number[at..at + 2]);
}

/// The year of two digits where nothing tells the century.
fn since_1930(two_digits: u32) -> u32 {
    match two_digits {
        30.. => 1900 + two_digits,
        _ => 2000 + two_digits,
    }
}

/// Year, month and day in two digits each, from `at` on.
fn yymmdd(number: &[u8], at: usize, year: impl FnOnce(u32) -> Option<u32>) -> Option<Date> {
    Some(Date {
        year: year(two(number, at)?)?,
        month: two(number, at + 2)?,
        day: two(number, at + 4)?,
        extra: 0,
    })
}

fn write_yymmdd(number: &mut [u8], at: usize, date: Date) {
    write_two(number, at, date.year);
    write_two(number, at + 2, date.month);
    write_two(number, at + 4, date.day);
}

/// Day, month and year in two digits each, from `at` on.
fn ddmmyy(number: &[u8], at: usize, year: impl FnOnce(u32) -> Option<u32>) -> Option<Date> {
    Some(Date {
        day: two(number, at)?,
        month: two(number, at + 2)?,
        year: year(two(number, at + 4)?)?,
        extra: 0,
    })
}

fn write_ddmmyy(number: &mut [u8], at: usize, date: Date) {
    write_two(number, at, date.day);
    write_two(number, at + 2, date.month);
    write_two(number, at + 4, date.year);
}

/// Year in four digits, month and day in two, from `at` on.
fn yyyymmdd(number: &[u8], at: usize) -> Option<Date> {
    let century = two(number, at)? * 100;
    yymmdd(number, at + 2, |year| Some(century + year))
}

fn write_yyyymmdd(number: &mut [u8], at: usize, date: Date) {
    write_two(number, at, date.year / 100);
    write_yymmdd(number, at + 2, date);
}

/// The extra of a day that has `offset` added to it for some holders.
fn with_offset_days(date: Date, offset: u32) -> Date {
    match date.day.checked_sub(offset) {
        Some(day) if day > 0 => Date {
            day,
            extra: 1,
            ..date
        },
        _ => date,
    }
}

fn to_offset_days(date: Date, offset: u32) -> Date {
    let day = date.day + offset * date.extra;
    Date { day, ..date }
}

/// What most forms have in common: a date that says nothing else and has a day.
const PLAIN: DateForm = DateForm {
    places: 6,
    years: (1930, 2029),
    drawn: (1930, 2009),
    extras: 1,
    drops_extra: false,
    months: false,
    read: |number| yymmdd(number, 0, |year| Some(since_1930(year))),
    write: |number, date| {
        write_yymmdd(number, 0, date);
        Some(())
    },
};

/// South Africa: YYMMDD without century.
pub(in crate::identifiers) const SOUTH_AFRICA: DateForm = PLAIN;

/// Austria: DDMMYY without century, behind serial number and check digit.
pub(in crate::identifiers) const AUSTRIA: DateForm = DateForm {
    read: |number| ddmmyy(number, 4, |year| Some(since_1930(year))),
    write: |number, date| {
        write_ddmmyy(number, 4, date);
        Some(())
    },
    ..PLAIN
};

/// Sweden, short: YYMMDD; the century hangs on the day it is read. 60 more days for a coordination
/// number. The year 2000 is not drawn, for 1900 had no leap day.
pub(in crate::identifiers) const SWEDEN_SHORT: DateForm = DateForm {
    drawn: (1930, 1999),
    extras: 2,
    read: |number| Some(with_offset_days((PLAIN.read)(number)?, 60)),
    write: |number, date| (PLAIN.write)(number, to_offset_days(date, 60)),
    ..PLAIN
};

/// Sweden, long: YYYYMMDD.
pub(in crate::identifiers) const SWEDEN_LONG: DateForm = DateForm {
    places: 8,
    years: (1800, 2099),
    extras: 2,
    read: |number| Some(with_offset_days(yyyymmdd(number, 0)?, 60)),
    write: |number, date| {
        write_yyyymmdd(number, 0, to_offset_days(date, 60));
        Some(())
    },
    ..PLAIN
};

/// China: YYYYMMDD behind the place code.
pub(in crate::identifiers) const CHINA: DateForm = DateForm {
    places: 8,
    years: (1800, 2099),
    read: |number| yyyymmdd(number, 6),
    write: |number, date| {
        write_yyyymmdd(number, 6, date);
        Some(())
    },
    ..PLAIN
};

/// Poland: the century is added to the month.
pub(in crate::identifiers) const POLAND: DateForm = DateForm {
    years: (1800, 2299),
    read: |number| {
        let added = two(number, 2)? / 20 * 20;
        let century = 1800 + (added + 20) % 100 / 20 * 100;
        let date = yymmdd(number, 0, |year| Some(century + year))?;
        let month = date.month - added;
        Some(Date { month, ..date })
    },
    write: |number, date| {
        let added = ((date.year / 100).checked_sub(18)? * 20 + 80) % 100;
        let month = date.month + added;
        write_yymmdd(number, 0, Date { month, ..date });
        Some(())
    },
    ..PLAIN
};

/// The signs of the Finnish centuries from 1800 on. The further ones hold since 2023.
const SIGNS: [&[u8]; 3] = [b"+", b"-YXWVU", b"ABCDEF"];

/// Finland: DDMMYY and the century's sign, one of six since 1900.
pub(in crate::identifiers) const FINLAND: DateForm = DateForm {
    places: 7,
    years: (1800, 2099),
    extras: 6,
    read: |number| {
        let sign = number.get(6)?;
        let place = |signs: &&[u8]| signs.iter().position(|one| one == sign);
        let century = SIGNS.iter().position(|signs| place(signs).is_some())?;
        let extra = place(&SIGNS[century])? as u32;
        let date = ddmmyy(number, 0, |year| Some(1800 + 100 * century as u32 + year))?;
        Some(Date { extra, ..date })
    },
    write: |number, date| {
        let signs = SIGNS.get((date.year / 100).checked_sub(18)? as usize)?;
        number[6] = *signs.get(date.extra as usize)?;
        write_ddmmyy(number, 0, date);
        Some(())
    },
    ..PLAIN
};

/// South Korea: YYMMDD and a digit for century, sex and nationality.
pub(in crate::identifiers) const KOREA: DateForm = DateForm {
    places: 7,
    years: (1800, 2099),
    extras: 4,
    read: |number| {
        let (century, extra) = match number.get(6)? {
            b'9' => (1800, 0),
            b'0' => (1800, 1),
            digit @ b'1'..=b'8' => {
                let digit = u32::from(digit - b'1');
                (1900 + digit / 2 % 2 * 100, digit % 2 + digit / 4 * 2)
            }
            _ => return None,
        };
        let date = yymmdd(number, 0, |year| Some(century + year))?;
        Some(Date { extra, ..date })
    },
    write: |number, date| {
        let (sex, foreign) = (date.extra % 2, date.extra / 2);
        number[6] = match (date.year / 100, foreign) {
            (18, 0) => [b'9', b'0'][sex as usize],
            (century @ 19..=20, _) => b'1' + (sex + (century - 19) * 2 + foreign * 4) as u8,
            _ => return None,
        };
        write_yymmdd(number, 0, date);
        Some(())
    },
    ..PLAIN
};

/// Romania: a digit for sex, century and residence, then YYMMDD. The residents' digits, 7 to 9, do not
/// tell the century, which is read as the 20th.
pub(in crate::identifiers) const ROMANIA: DateForm = DateForm {
    places: 7,
    years: (1800, 2099),
    extras: 5,
    read: |number| {
        let (century, extra) = match number.first()? {
            digit @ (b'1' | b'2') => (1900, u32::from(digit - b'1')),
            digit @ (b'3' | b'4') => (1800, u32::from(digit - b'3')),
            digit @ (b'5' | b'6') => (2000, u32::from(digit - b'5')),
            digit @ b'7'..=b'9' => (1900, u32::from(digit - b'7') + 2),
            _ => return None,
        };
        let date = yymmdd(number, 1, |year| Some(century + year))?;
        Some(Date { extra, ..date })
    },
    write: |number, date| {
        let first = match (date.year / 100, date.extra) {
            (19, 0..=1) => 1,
            (18, 0..=1) => 3,
            (20, 0..=1) => 5,
            (19, _) => 5,
            _ => return None,
        };
        number[0] = b'0' + (first + date.extra) as u8;
        write_yymmdd(number, 1, date);
        Some(())
    },
    ..PLAIN
};

/// The letters of the Italian months.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

/// Italy: YY, a letter for the month, the day, 40 more for women. Nothing tells the century.
pub(in crate::identifiers) const ITALY: DateForm = DateForm {
    places: 5,
    extras: 2,
    read: |number| {
        let letter = number.get(8)?;
        let month = MONTHS.iter().position(|month| month == letter)? as u32 + 1;
        let date = Date {
            year: since_1930(two(number, 6)?),
            month,
            day: two(number, 9)?,
            extra: 0,
        };
        Some(with_offset_days(date, 40))
    },
    write: |number, date| {
        let date = to_offset_days(date, 40);
        write_two(number, 6, date.year);
        number[8] = *MONTHS.get(date.month.checked_sub(1)? as usize)?;
        write_two(number, 9, date.day);
        Some(())
    },
    ..PLAIN
};

/// Mexico: YYMMDD, and further to the right a digit for births before 2000, a letter from then on.
/// That place tells namesakes apart, so a drawn date has its first: `0` or `A`.
pub(in crate::identifiers) const MEXICO: DateForm = DateForm {
    years: (1900, 2099),
    extras: 26,
    drops_extra: true,
    read: |number| {
        let (century, extra) = match number.get(16)? {
            digit @ b'0'..=b'9' => (1900, digit - b'0'),
            letter @ b'A'..=b'Z' => (2000, letter - b'A'),
            _ => return None,
        };
        let date = yymmdd(number, 4, |year| Some(century + year))?;
        let extra = extra.into();
        Some(Date { extra, ..date })
    },
    write: |number, date| {
        let first = match (date.year, date.extra) {
            (..2000, 0..=9) => b'0',
            (2000.., _) => b'A',
            _ => return None,
        };
        number[16] = first + date.extra as u8;
        write_yymmdd(number, 4, date);
        Some(())
    },
    ..PLAIN
};

/// France: year and month. A month that is not known (20 and up) is no date.
pub(in crate::identifiers) const FRANCE: DateForm = DateForm {
    places: 4,
    months: true,
    read: |number| {
        Some(Date {
            year: since_1930(two(number, 1)?),
            month: two(number, 3)?,
            day: 1,
            extra: 0,
        })
    },
    write: |number, date| {
        write_two(number, 1, date.year);
        write_two(number, 3, date.month);
        Some(())
    },
    ..PLAIN
};

/// Norway: DDMMYY; the serial number behind it tells the century. 40 more days for a D number.
pub(in crate::identifiers) const NORWAY: DateForm = DateForm {
    years: (1854, 2039),
    extras: 2,
    read: |number| {
        let serial = number_of(number.get(6..9)?)?;
        let century = |year| match (serial, year) {
            (0..500, _) | (900.., 40..) => Some(1900 + year),
            (500..750, 54..) => Some(1800 + year),
            (500.., 0..40) => Some(2000 + year),
            _ => None,
        };
        Some(with_offset_days(ddmmyy(number, 0, century)?, 40))
    },
    write: |number, date| {
        write_ddmmyy(number, 0, to_offset_days(date, 40));
        Some(())
    },
    ..PLAIN
};

/// What stands for the check digits of a Belgian number while its century, here the 20th, is known
/// from its date only.
pub(in crate::identifiers) const BORN_1900: u8 = b'x';
/// The same for the 21st.
pub(in crate::identifiers) const BORN_2000: u8 = b'y';

/// Belgium: YYMMDD; the check digits tell the century.
pub(in crate::identifiers) const BELGIUM: DateForm = DateForm {
    years: (1900, 2099),
    read: |number| {
        let (body, check) = (number_of(number.get(..9)?)?, number_of(number.get(9..11)?)?);
        let century = if check == belgian_check(body, true) {
            2000
        } else {
            1900
        };
        yymmdd(number, 0, |year| Some(century + year))
    },
    write: |number, date| {
        number[9] = if date.year < 2000 {
            BORN_1900
        } else {
            BORN_2000
        };
        write_yymmdd(number, 0, date);
        Some(())
    },
    ..PLAIN
};

/// The check digits of nine Belgian ones.
pub(in crate::identifiers) fn belgian_check(body: u64, from_2000: bool) -> u64 {
    97 - (body + u64::from(from_2000) * 2_000_000_000) % 97
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each day a form can tell is read back as it was written.
    #[test]
    fn dates_come_back() {
        for (form, months) in [
            (&SOUTH_AFRICA, false),
            (&AUSTRIA, false),
            (&SWEDEN_SHORT, false),
            (&SWEDEN_LONG, false),
            (&CHINA, false),
            (&POLAND, false),
            (&FINLAND, false),
            (&KOREA, false),
            (&ROMANIA, false),
            (&ITALY, false),
            (&MEXICO, false),
            (&FRANCE, true),
        ] {
            let mut told = 0;
            for rank in (0..form.size()).step_by(if months { 1 } else { 7 }) {
                let mut number = *b"00000000000000000000";
                if form.unrank(rank, &mut number).is_some() {
                    assert_eq!(form.rank(&number), Some(rank), "{form:?}");
                    told += 1;
                }
            }
            assert!(told > 1000, "{form:?}");
        }
    }

    #[test]
    fn dates_of_numbers() {
        for (form, number, expected) in [
            (&POLAND, "98081195867", Some((1998, 8, 11, 0))),
            (&POLAND, "02262015354", Some((2002, 6, 20, 0))),
            (&POLAND, "00811595867", Some((1800, 1, 15, 0))),
            (&FINLAND, "181034W501L", Some((1934, 10, 18, 3))),
            (&FINLAND, "181034#501L", None),
            (&KOREA, "1112044385118", Some((2011, 12, 4, 1))),
            (&KOREA, "1112047385118", Some((2011, 12, 4, 2))),
            (&ROMANIA, "6070108011257", Some((2007, 1, 8, 1))),
            (&ROMANIA, "9070108011257", Some((1907, 1, 8, 4))),
            (&ITALY, "CNRDZS93E56F205Q", Some((1993, 5, 16, 1))),
            (&MEXICO, "HETD450623HNLHMFA6", Some((2045, 6, 23, 0))),
            (&NORWAY, "23018242583", Some((1982, 1, 23, 0))),
            (&NORWAY, "63018260000", Some((1882, 1, 23, 1))),
            (&NORWAY, "23014560000", None),
            (&BELGIUM, "56071449816", Some((1956, 7, 14, 0))),
            (&SWEDEN_SHORT, "9506618861", Some((1995, 6, 1, 1))),
            (&PLAIN, "950230", None),
            (&PLAIN, "95023", None),
            (&PLAIN, "", None),
        ] {
            let number = number.as_bytes();
            let date = (form.read)(number).filter(|_| form.rank(number).is_some());
            let parts = date.map(|date| (date.year, date.month, date.day, date.extra));
            assert_eq!(parts, expected, "{number:?}");
        }
    }
}
