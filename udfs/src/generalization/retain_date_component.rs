//! `retain_date_component`: chosen parts of a date stay, the others are drawn.
//!
//! - Technique: generalization (ISO/IEC 20889:2018): only some parts are kept; the rest is made up.
//! - Input: dates, timestamps, text in ISO 8601 or what `date_format` says. Null stays null.
//! - Output: the same type and form, always a date that exists: one of all days with the kept year,
//!   month, day and weekday. A fraction of a second becomes zero, a zone stays. A timestamp's parts are
//!   those of UTC where the column has a zone, a text's are the ones written.
//! - Value and draw decide; each day is as likely as the others within 2^-40.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{DAY, date_of, days_of, length_of};
use crate::date_form::DateForm;
use crate::draw::Draw;
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::moments::{Moment, Moments, weekday_of};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "retain_date_component",
    summary: "chosen parts of a date stay, the others are drawn",
    family: Family::Generalization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<RetainDateComponentArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"year": true, "month": true}"#,
            value: Some("1984-02-29"),
            masked: Some("1984-02-11"),
        },
        Example {
            args: r#"{"year": true, "weekday": true, "hour": true}"#,
            value: Some("2024-02-29T23:59:59"),
            masked: Some("2024-10-24T23:44:51"),
        },
    ],
};

/// Arguments, as a ruleset writes them. At least one part stays and at least one is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    {"required": ["year"]},
    {"required": ["month"]},
    {"required": ["day"]},
    {"required": ["weekday"]},
    {"required": ["hour"]},
    {"required": ["minute"]},
    {"required": ["second"]},
]))]
pub(crate) struct RetainDateComponentArgs {
    /// Whether the year stays (default false).
    year: bool,
    /// Whether the month stays (default false).
    month: bool,
    /// Whether the day of the month stays (default false).
    day: bool,
    /// Whether the day of the week stays (default false).
    weekday: bool,
    /// Whether the hour stays (default false).
    hour: bool,
    /// Whether the minute stays (default false).
    minute: bool,
    /// Whether the second stays (default false).
    second: bool,
    /// The first year that is drawn where the year does not stay, 0 to 9999 (default 1970).
    min_year: u32,
    /// The last year that is drawn where the year does not stay, 0 to 9999 (default 2037).
    max_year: u32,
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601.
    date_format: Option<String>,
    /// For a text that is no date, and where no drawn year has such a day (29 February) or the type
    /// cannot say it: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

impl Default for RetainDateComponentArgs {
    fn default() -> Self {
        Self {
            year: false,
            month: false,
            day: false,
            weekday: false,
            hour: false,
            minute: false,
            second: false,
            min_year: 1970,
            max_year: 2037,
            date_format: None,
            on_invalid: OnInvalid::Fail,
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: RetainDateComponentArgs = binder.parse(args)?;
    let wrong = |argument, message| Err(BindError::new(argument, message));
    let date = [args.year, args.month, args.day];
    let time = [args.hour, args.minute, args.second];
    let is_date = TypeFamily::of(binder.column()) == Some(TypeFamily::Date);
    let any = |parts: &[bool]| parts.contains(&true);
    let all = |parts: &[bool]| !parts.contains(&false);
    if !any(&date) && !args.weekday && (is_date || !any(&time)) {
        return wrong("", "nothing would stay; name a part, such as `year: true`");
    }
    if all(&date) && (is_date || all(&time)) {
        return wrong("", "everything would stay; `do_nothing` keeps a value");
    }
    if args.max_year > 9999 {
        return wrong("max_year", "`max_year` has to be from 0 to 9999");
    }
    if args.min_year > args.max_year {
        return wrong("min_year", "`min_year` has to be up to `max_year`");
    }
    Ok(Box::new(RetainDateComponent {
        key: binder.key(),
        days: Days::new(&args),
        kept_time: time,
        moments: Moments {
            form: DateForm::bind(args.date_format, binder)?,
            on_invalid: args.on_invalid,
            expected: "a date whose kept parts come up in a year that is drawn",
        },
    }))
}

#[derive(Debug)]
struct RetainDateComponent {
    key: MaskKey,
    days: Days,
    /// Whether hour, minute and second stay.
    kept_time: [bool; 3],
    moments: Moments,
}

impl Mask for RetainDateComponent {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let draws = rows.draws(&self.key);
        self.moments.each(&values, &|row, moment| {
            let draw = draws.get(row);
            Some(Moment {
                day: self.days.redraw(moment.day, draw)?,
                second: self.time(moment.second, draw),
                nanos: 0,
                timed: moment.timed,
            })
        })
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.moments.on_invalid == OnInvalid::Suppress
    }
}

impl RetainDateComponent {
    /// Another second of the day, from the half of the draw that the day is not taken from.
    fn time(&self, second: u32, draw: Draw) -> u32 {
        let low = u128::from(draw.bits() as u64);
        let drawn = ((low * DAY as u128) >> 64) as u32;
        let parts = |second: u32| [second / 3600, second / 60 % 60, second % 60];
        let mut time = parts(drawn);
        for ((part, own), kept) in time.iter_mut().zip(parts(second)).zip(self.kept_time) {
            if kept {
                *part = own;
            }
        }
        time[0] * 3600 + time[1] * 60 + time[2]
    }
}

/// The days to draw from, listed by the parts that stay.
#[derive(Debug)]
struct Days {
    year: bool,
    month: bool,
    day: bool,
    weekday: bool,
    /// Where each list ends, in the order of [`Days::list`].
    ends: Vec<u32>,
    /// Where the year stays, days of the year counted from 0, listed for each of the 14 kinds of year;
    /// else days counted from 1970-01-01.
    days: Vec<i32>,
}

/// A year is common or a leap year, and begins on one of seven weekdays.
const KINDS: usize = 14;

impl Days {
    fn new(args: &RetainDateComponentArgs) -> Self {
        let mut days = Self {
            year: args.year,
            month: args.month,
            day: args.day,
            weekday: args.weekday,
            ends: vec![],
            days: vec![],
        };
        let candidates: Vec<i64> = if args.year {
            // The calendar repeats after 400 years, so every kind of year is among these.
            let years = 2000..2400;
            (0..KINDS)
                .filter_map(|kind| years.clone().find(|&year| kind_of(year) == kind))
                .flat_map(days_of)
                .collect()
        } else {
            (args.min_year..=args.max_year)
                .flat_map(|year| days_of(year.into()))
                .collect()
        };
        let lists: Vec<usize> = candidates.iter().map(|&day| days.list(day).0).collect();
        let size = |kept: bool, size: usize| if kept { size } else { 1 };
        let count = size(args.year, KINDS)
            * size(args.month, 12)
            * size(args.day, 31)
            * size(args.weekday, 7);
        let mut next = vec![0_u32; count];
        for &list in &lists {
            next[list] += 1;
        }
        let mut start = 0;
        for count in &mut next {
            start += std::mem::replace(count, start);
        }
        days.days = vec![0; candidates.len()];
        for (&day, &list) in candidates.iter().zip(&lists) {
            let (_, base) = days.list(day);
            days.days[next[list] as usize] = (day - base) as i32;
            next[list] += 1;
        }
        days.ends = next;
        days
    }

    /// Which list the day is in, and what its days are counted from.
    fn list(&self, day: i64) -> (usize, i64) {
        let (year, month, of_month) = date_of(day);
        let mut list = 0;
        let mut base = 0;
        if self.year {
            list = kind_of(year);
            base = days_of(year).start;
        }
        if self.month {
            list = list * 12 + month as usize - 1;
        }
        if self.day {
            list = list * 31 + of_month as usize - 1;
        }
        if self.weekday {
            list = list * 7 + weekday_of(day) as usize;
        }
        (list, base)
    }

    /// Another day of the same list; `None` for an empty one.
    fn redraw(&self, day: i64, draw: Draw) -> Option<i64> {
        let (list, base) = self.list(day);
        let start = match list {
            0 => 0,
            _ => self.ends[list - 1],
        };
        let days = &self.days[start as usize..self.ends[list] as usize];
        let drawn = days.get(draw.pick(days.len() as u64) as usize)?;
        Some(base + i64::from(*drawn))
    }
}

fn kind_of(year: i64) -> usize {
    let leap = length_of(year) == 366;
    (weekday_of(days_of(year).start) as usize) * 2 + usize::from(leap)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{DataType, Date32Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "retain_date_component", {args}}}"#)
    }

    /// For every choice of parts: they stay, and the others take many values.
    #[test]
    fn the_chosen_parts_stay() {
        let days: Vec<i32> = (0..3_000).map(|n| n * 7 + n % 7).collect();
        let column = Date32Array::from(days.clone());
        for choice in 1_u32..15 {
            let kept = |part: u32| choice & 1 << part != 0;
            if kept(0) && kept(1) && kept(2) {
                continue;
            }
            let args = format!(
                r#""year": {}, "month": {}, "day": {}, "weekday": {}, "max_year": 2099"#,
                kept(0),
                kept(1),
                kept(2),
                kept(3)
            );
            let masked = mask_array(&mask(&args), Arc::new(column.clone())).unwrap();
            let parts = |day: i32| {
                let (year, month, of_month) = date_of(day.into());
                [year as u32, month, of_month, weekday_of(day.into())]
            };
            let mut seen: [BTreeSet<i64>; 4] = Default::default();
            for (day, drawn) in days
                .iter()
                .zip(masked.as_primitive::<Date32Type>().values())
            {
                let (own, drawn) = (parts(*day), parts(*drawn));
                assert!((1970..=2099).contains(&drawn[0]), "{args}");
                for part in 0..4 {
                    let difference = i64::from(drawn[part]) - i64::from(own[part]);
                    seen[part].insert(difference);
                }
            }
            for part in 0..4_u32 {
                let differences = seen[part as usize].len();
                assert_eq!(differences == 1, kept(part), "{args} {part} {differences}");
            }
        }
    }

    #[test]
    fn the_chosen_parts_of_a_time_stay() {
        for (args, text, from, to) in [
            (r#""hour": true"#, "2024-02-29T23:45:07.5Z", 11, 13),
            (r#""minute": true"#, "2024-02-29 23:45:07", 14, 16),
            (r#""second": true"#, "2024-02-29 23:45:07", 17, 19),
            (
                r#""year": true, "month": true, "day": true"#,
                "2024-02-29 23:45:07",
                0,
                10,
            ),
        ] {
            let masked = mask_texts(&mask(args), &[Some(text)])[0].clone().unwrap();
            assert_eq!(masked[from..to], text[from..to], "{masked}");
            assert_eq!(masked.len(), text.len());
            assert_ne!(masked, text);
            let rest: String = masked.chars().skip(19).collect();
            assert_eq!(rest, text[19..].replace('5', "0"), "{masked}");
        }
    }

    #[test]
    fn all_days_of_a_list_come_up_alike() {
        let values: Vec<String> = (0..29_000)
            .map(|n| {
                format!(
                    "2024-02-01T{:02}:{:02}:{:02}",
                    n / 3600,
                    n / 60 % 60,
                    n % 60
                )
            })
            .collect();
        let values: Vec<Option<&str>> = values.iter().map(|text| Some(text.as_str())).collect();
        let mut counts = [0; 29];
        for masked in mask_texts(&mask(r#""year": true, "month": true"#), &values) {
            let day: usize = masked.unwrap()[8..10].parse().unwrap();
            counts[day - 1] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_leap_day_needs_a_leap_year() {
        let kept = r#""month": true, "day": true, "min_year": 2021"#;
        let only = mask(&format!(r#"{kept}, "max_year": 2024"#));
        let masked = mask_texts(&only, &[Some("2000-02-29"), None]);
        assert_eq!(masked, [Some("2024-02-29".to_owned()), None]);
        let none = mask(&format!(r#"{kept}, "max_year": 2023"#));
        assert!(try_texts(&none, &[Some("2000-02-29")]).is_err());
        let none = mask(&format!(
            r#"{kept}, "max_year": 2023, "on_invalid": "suppress""#
        ));
        assert_eq!(
            mask_texts(&none, &[Some("2000-02-29"), Some("x")]),
            [None, None]
        );
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""year": false"#, DataType::Utf8, "[0]"),
            (r#""hour": true"#, DataType::Date32, "[0]"),
            (
                r#""year": true, "month": true, "day": true"#,
                DataType::Date32,
                "[0]",
            ),
            (
                r#""day": true, "max_year": 10000"#,
                DataType::Utf8,
                "[0].max_year",
            ),
            (
                r#""day": true, "min_year": 2038"#,
                DataType::Utf8,
                "[0].min_year",
            ),
            (
                r#""day": true, "min_year": -1"#,
                DataType::Utf8,
                "[0].min_year",
            ),
            (
                r#""day": true, "date_format": "%H""#,
                DataType::Utf8,
                "[0].date_format",
            ),
        ] {
            assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
        }
    }
}
