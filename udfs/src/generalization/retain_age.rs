//! `retain_age`: a date of birth becomes a random one of the same age.
//!
//! - Technique: generalization (ISO/IEC 20889:2018): only the age is kept; the rest is made up.
//! - The age is that in whole years on the day `at`. Who was born on 29 February is a year older from
//!   1 March on in common years.
//! - Input: dates, timestamps, text in ISO 8601 or what `date_format` says. Null stays null. A date
//!   after `at` has no age.
//! - Output: the same type and form. A date is drawn to the day; a timestamp and a text with a time to
//!   the second, its fraction becomes zero, its zone stays. A timestamp's day is that of UTC where the
//!   column has a zone, a text's is the one written.
//! - Value and draw decide; each day or second is as likely as the others within 2^-39.

use std::ops::Range;

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{DAY, date_of, day_of, length_of, year_of};
use crate::date_form::{DateForm, iso_day};
use crate::draw::Draw;
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::moments::{Moment, Moments};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "retain_age",
    summary: "a date of birth becomes a random one of the same age",
    family: Family::Generalization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<RetainAgeArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"at": "2026-01-01"}"#,
            value: Some("1984-02-29"),
            masked: Some("1984-03-04"),
        },
        Example {
            args: r#"{"at": "2026-01-01", "force_change": true, "date_format": "%d/%m/%Y"}"#,
            value: Some("31/12/1999"),
            masked: Some("05/10/1999"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["at"]))]
pub(crate) struct RetainAgeArgs {
    /// The day on which ages are counted, as `YYYY-MM-DD`. It is written out, because the
    /// same ruleset has to give the same values tomorrow.
    #[serde(alias = "as_of")]
    #[schemars(extend("x-spellings" = ["as_of"]))]
    at: String,
    /// Whether the day always differs from the original one (default false).
    force_change: bool,
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601.
    date_format: Option<String>,
    /// For a text that is no date and a date after `at`: `fail` the task (default) or `suppress` it to
    /// null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: RetainAgeArgs = binder.parse(args)?;
    let wrong = |message| BindError::new("at", message);
    if args.at.is_empty() {
        return Err(wrong(
            "`at` is required: the day on which ages are counted, such as `2026-01-01`",
        ));
    }
    let at = <&[u8; 10]>::try_from(args.at.as_bytes())
        .ok()
        .and_then(iso_day)
        .ok_or_else(|| wrong("expected a date as `YYYY-MM-DD`"))?;
    let birthdays = Birthdays::before(at);
    Ok(Box::new(RetainAge {
        key: binder.key(),
        at,
        birthdays,
        force_change: args.force_change,
        moments: Moments {
            form: DateForm::bind(args.date_format, binder)?,
            on_invalid: args.on_invalid,
            expected: "a date up to `at`",
        },
    }))
}

#[derive(Debug)]
struct RetainAge {
    key: MaskKey,
    at: i64,
    birthdays: Birthdays,
    force_change: bool,
    moments: Moments,
}

impl Mask for RetainAge {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let draws = rows.draws(&self.key);
        self.moments.each(&values, &|row, moment| {
            (moment.day <= self.at).then(|| self.redraw(moment, draws.get(row)))
        })
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.moments.on_invalid == OnInvalid::Suppress
    }
}

impl RetainAge {
    fn redraw(&self, moment: Moment, draw: Draw) -> Moment {
        let days = self.days_of_age(moment.day);
        let count = days.end - days.start - i64::from(self.force_change);
        let pick = draw.pick((count * DAY) as u64);
        let day = days.start + (pick / DAY as u64) as i64;
        let passed = self.force_change && day >= moment.day;
        Moment {
            day: day + i64::from(passed),
            second: (pick % DAY as u64) as u32,
            nanos: 0,
            ..moment
        }
    }

    /// The days on which those were born who are as old as one born on `day`.
    fn days_of_age(&self, day: i64) -> Range<i64> {
        let year = year_of(day);
        let last = self.birthdays.last(year);
        match day <= last {
            true => self.birthdays.last(year - 1) + 1..last + 1,
            false => last + 1..self.birthdays.last(year + 1) + 1,
        }
    }
}

/// The last day of each year of which a birthday is over on a day.
#[derive(Debug)]
struct Birthdays {
    month: u32,
    day: u32,
    /// Of the years in which people who live were born, the last one that of the day itself.
    near: Vec<i64>,
    /// The first of them.
    first: i64,
}

impl Birthdays {
    fn before(at: i64) -> Self {
        let (year, month, day) = date_of(at);
        let first = year - 127;
        let near = (first..=year).map(|year| last_day(year, month, day));
        Self {
            month,
            day,
            near: near.collect(),
            first,
        }
    }

    fn last(&self, year: i64) -> i64 {
        match self.near.get((year - self.first) as usize) {
            Some(day) => *day,
            None => last_day(year, self.month, self.day),
        }
    }
}

fn last_day(year: i64, month: u32, day: u32) -> i64 {
    match (month, day) {
        (2, 29) if length_of(year) == 365 => day_of(year, 2, 28),
        _ => day_of(year, month, day),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{DataType, Date32Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(at: &str, more: &str) -> String {
        format!(r#"{{"type": "retain_age", "at": "{at}"{more}}}"#)
    }

    /// Counted by birthdays, not by the ranges of days above.
    fn age(birth: i64, at: i64) -> i64 {
        let ((by, bm, bd), (y, m, d)) = (date_of(birth), date_of(at));
        y - by - i64::from((bm, bd) > (m, d))
    }

    #[test]
    fn the_age_stays() {
        for at in [
            "2024-02-29",
            "2025-02-28",
            "2025-03-01",
            "2026-01-01",
            "2026-12-31",
        ] {
            let day = iso_day(at.as_bytes().try_into().unwrap()).unwrap();
            let births: Vec<i32> = (0..10_000).map(|n| day as i32 - n * 5).collect();
            let column = Date32Array::from(births.clone());
            for force in [false, true] {
                let mask = mask(at, &format!(r#", "force_change": {force}"#));
                let masked = mask_array(&mask, Arc::new(column.clone())).unwrap();
                let masked = masked.as_primitive::<Date32Type>().values();
                let mut same = 0;
                for (birth, drawn) in births.iter().zip(masked) {
                    assert_eq!(age((*birth).into(), day), age((*drawn).into(), day), "{at}");
                    same += u32::from(birth == drawn);
                }
                assert_eq!(same == 0, force, "{at}");
            }
        }
    }

    #[test]
    fn every_day_of_an_age_comes_up() {
        let births = Date32Array::from(vec![18_262; 1]);
        let at = mask("2026-01-01", r#", "force_change": true"#);
        let first = mask_array(&at, Arc::new(births)).unwrap();
        assert_ne!(first.as_primitive::<Date32Type>().value(0), 18_262);
        let texts: Vec<String> = (0..8_640)
            .map(|n| {
                let (minute, second) = (n / 60 % 60, n % 60);
                format!("2000-01-01T{:02}:{minute:02}:{second:02}", n / 3600)
            })
            .collect();
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        let days: BTreeSet<String> = mask_texts(&at, &values)
            .into_iter()
            .map(|text| text.unwrap()[..10].to_owned())
            .collect();
        // 2 January 1999 to 1 January 2000, without the day itself.
        assert_eq!(days.len(), 364);
        assert_eq!(days.first().map(String::as_str), Some("1999-01-02"));
        assert_eq!(days.last().map(String::as_str), Some("1999-12-31"));
    }

    #[test]
    fn a_date_is_the_same_day_from_every_type() {
        let mask = mask("2026-01-01", "");
        let text = mask_texts(&mask, &[Some("1970-01-01")])[0].clone().unwrap();
        let date = mask_array(&mask, Arc::new(Date32Array::from(vec![0]))).unwrap();
        let date = crate::canonical::plain_text(&date).unwrap();
        assert_eq!(date.value(0), text);
    }

    #[test]
    fn dates_without_an_age() {
        for text in ["2026-01-02", "2026-01-01x", "", "1984-02-30"] {
            assert!(
                try_texts(&mask("2026-01-01", ""), &[Some(text)]).is_err(),
                "{text}"
            );
            let suppress = mask("2026-01-01", r#", "on_invalid": "suppress""#);
            assert_eq!(
                mask_texts(&suppress, &[Some(text), None]),
                [None, None],
                "{text}"
            );
        }
        assert!(try_texts(&mask("2026-01-01", ""), &[Some("2026-01-01")]).is_ok());
    }

    #[test]
    fn bad_arguments() {
        for (at, more, column, path) in [
            ("", "", DataType::Date32, "[0].at"),
            ("2023-02-29", "", DataType::Date32, "[0].at"),
            ("today", "", DataType::Utf8, "[0].at"),
            (
                "2026-01-01",
                r#", "date_format": "%F""#,
                DataType::Date32,
                "[0].date_format",
            ),
            ("2026-01-01", "", DataType::Int64, "[0].type"),
        ] {
            assert_eq!(
                bind_error(&mask(at, more), &column).path,
                path,
                "{at} {more}"
            );
        }
    }
}
