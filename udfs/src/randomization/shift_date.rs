//! `shift_date`: a date moves by a secret number of days.
//!
//! - Technique: randomization by noise addition (ISO/IEC 20889:2018). With `hash_columns: [person_id]`
//!   all dates of a person move by the same number of days, in every column whose mask has the same
//!   arguments (`date_format` and `on_invalid` aside) and place in its chain, or the same `domain` as
//!   well as the same days to choose from. So the time between them stays.
//! - Input: dates, timestamps, text in ISO 8601 or what `date_format` says. Null stays null.
//! - Output: the same type and form. The time of day stays, with its fraction and its zone.
//! - The draw decides how far; each number of days is as likely as the others within 2^-40.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bind::parse_args;
use crate::date_form::DateForm;
use crate::draw::Draw;
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::moments::{Moment, Moments};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "shift_date",
    summary: "a date moves by a secret number of days",
    family: Family::Randomization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<ShiftDateArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"max_days": 30}"#,
            value: Some("2024-02-29"),
            masked: Some("2024-03-07"),
        },
        Example {
            args: r#"{"keep_weekday": true}"#,
            value: Some("2024-02-29T23:59:59.25+02:00"),
            masked: Some("2024-01-18T23:59:59.25+02:00"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShiftDateArgs {
    /// The least number of days to move by, negative for the past (default: as many days back as
    /// `max_days` are forward).
    min_days: Option<i64>,
    /// The greatest number of days to move by, negative for the past (default 365).
    max_days: i64,
    /// Whether a date may stay where it is, as one chance of all (default false).
    allow_zero: bool,
    /// Whether the day of the week stays: dates move by whole weeks (default false).
    keep_weekday: bool,
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601.
    date_format: Option<String>,
    /// For a text that is no date, and where a moved date is none its type or form can say: `fail` the
    /// task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

impl Default for ShiftDateArgs {
    fn default() -> Self {
        Self {
            min_days: None,
            max_days: 365,
            allow_zero: false,
            keep_weekday: false,
            date_format: None,
            on_invalid: OnInvalid::Fail,
        }
    }
}

/// More days than this reach beyond the dates most systems know.
const MOST_DAYS: i64 = 3_652_425;

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    // How text is written and what is done about bad text are none of the key's business: a person's
    // dates move alike in columns of text and of dates.
    let mut shift = args.clone();
    shift.retain(|name, _| !matches!(name.as_str(), "date_format" | "on_invalid"));
    let args: ShiftDateArgs = parse_args(args)?;
    binder.parse::<ShiftDateArgs>(&shift)?;
    let wrong = |argument, message: &str| Err(BindError::new(argument, message));
    let within = -MOST_DAYS..=MOST_DAYS;
    if !within.contains(&args.max_days) {
        return wrong("max_days", "`max_days` has to be within 10,000 years");
    }
    let min_days = match args.min_days {
        None if args.max_days < 0 => {
            return wrong(
                "max_days",
                "a negative `max_days` needs a `min_days` below it",
            );
        }
        None => -args.max_days,
        Some(min_days) if !within.contains(&min_days) => {
            return wrong("min_days", "`min_days` has to be within 10,000 years");
        }
        Some(min_days) if min_days > args.max_days => {
            return wrong("min_days", "`min_days` has to be up to `max_days`");
        }
        Some(min_days) => min_days,
    };
    let step = if args.keep_weekday { 7 } else { 1 };
    let shifts = Shifts {
        step,
        first: -(-min_days).div_euclid(step),
        last: args.max_days.div_euclid(step),
        skips_zero: !args.allow_zero,
    };
    if shifts.count() == 0 {
        return wrong(
            "max_days",
            "there is no number of days to move by; widen `max_days`, or `allow_zero`",
        );
    }
    Ok(Box::new(ShiftDate {
        key: binder.key(),
        shifts,
        moments: Moments {
            form: DateForm::bind(args.date_format, binder)?,
            on_invalid: args.on_invalid,
            expected: "a date that stays within what its type and form can say",
        },
    }))
}

/// The numbers of days to move by: multiples of `step`.
#[derive(Debug, Clone, Copy)]
struct Shifts {
    step: i64,
    /// In steps, as is `last`.
    first: i64,
    last: i64,
    skips_zero: bool,
}

impl Shifts {
    fn zero_is_left_out(self) -> bool {
        self.skips_zero && (self.first..=self.last).contains(&0)
    }

    fn count(self) -> u64 {
        let all = (self.last - self.first + 1).max(0);
        all as u64 - u64::from(self.zero_is_left_out())
    }
}

#[derive(Debug)]
struct ShiftDate {
    key: MaskKey,
    shifts: Shifts,
    moments: Moments,
}

impl Mask for ShiftDate {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let draws = rows.draws(&self.key);
        let count = self.shifts.count();
        let skipped = if self.shifts.zero_is_left_out() {
            0
        } else {
            i64::MAX
        };
        let days = |draw: Draw| {
            let step = self.shifts.first + draw.pick(count) as i64;
            (step + i64::from(step >= skipped)) * self.shifts.step
        };
        self.moments.each(&values, &|row, moment| {
            let day = moment.day + days(draws.get(row));
            Some(Moment { day, ..moment })
        })
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.moments.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{DataType, Date32Type};

    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};
    use crate::messages::Messages;

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "shift_date"{args}}}"#)
    }

    /// How often dates moved by each number of days.
    fn shifts(args: &str) -> BTreeMap<i32, u32> {
        let days: Vec<i32> = (0..20_000).collect();
        let column = Arc::new(Date32Array::from(days.clone()));
        let masked = mask_array(&mask(args), column).unwrap();
        let mut counts = BTreeMap::new();
        for (day, moved) in days
            .iter()
            .zip(masked.as_primitive::<Date32Type>().values())
        {
            *counts.entry(moved - day).or_default() += 1;
        }
        counts
    }

    #[test]
    fn every_shift_comes_up_alike() {
        let days = |days: &[i32]| days.to_vec();
        for (args, expected) in [
            (r#", "max_days": 2"#, days(&[-2, -1, 1, 2])),
            (
                r#", "max_days": 2, "allow_zero": true"#,
                days(&[-2, -1, 0, 1, 2]),
            ),
            (r#", "min_days": 3, "max_days": 5"#, days(&[3, 4, 5])),
            (r#", "min_days": -5, "max_days": -3"#, days(&[-5, -4, -3])),
            (r#", "min_days": -1, "max_days": 0"#, days(&[-1])),
            (
                r#", "max_days": 20, "keep_weekday": true"#,
                days(&[-14, -7, 7, 14]),
            ),
            (
                r#", "min_days": 1, "max_days": 14, "keep_weekday": true"#,
                days(&[7, 14]),
            ),
            (
                r#", "min_days": -6, "max_days": 7, "keep_weekday": true"#,
                days(&[7]),
            ),
        ] {
            let counts = shifts(args);
            assert!(counts.keys().eq(&expected), "{args} {counts:?}");
            let share = 20_000 / expected.len() as u32;
            let alike = |count: &u32| count.abs_diff(share) < 400;
            assert!(counts.values().all(alike), "{args} {counts:?}");
        }
        let year = shifts("");
        assert_eq!(year.len(), 730);
        assert!(year.keys().all(|days| days.abs() <= 365));
    }

    #[test]
    fn time_and_form_stay() {
        for (args, text) in [
            ("", "2024-02-29T23:59:60.1234567890Z"),
            ("", "2024-02-29 23:59:59.25-03:30"),
            ("", "2024-02-29"),
            (
                r#", "date_format": "%d.%m.%y %H:%M:%S""#,
                "29.02.24 23:59:59",
            ),
            (r#", "date_format": "%a %e %b %Y""#, "Thu 29 Feb 2024"),
        ] {
            let moved = mask_texts(&mask(args), &[Some(text), None]);
            let first = moved[0].clone().unwrap();
            assert_ne!(first, text);
            assert_eq!(first.len(), text.len(), "{first}");
            if args.is_empty() {
                assert_eq!(first[10..], text[10..]);
            }
            assert_eq!(moved[1], None);
        }
    }

    /// What `hash_columns` do: one draw for all of a person, whatever the column's type.
    #[test]
    fn the_time_between_dates_of_one_draw_stays() {
        use crate::bind::{Binder, MaskNode, SeedFiles, SeedTable};
        use crate::key::Root;
        use crate::mask::Mask;
        use crate::rows::Rows;
        struct NoSeeds;
        impl SeedFiles for NoSeeds {
            fn table(&self, _: &str) -> Result<Arc<SeedTable>, String> {
                Err(String::new())
            }
        }
        let root = Root::new(b"golden run secret 0123456789", None);
        let persons = StringViewArray::from(vec!["7", "7", "8"]);
        let messages = Messages::of(&[persons], 3);
        let texts = StringViewArray::from(vec!["1970-01-01", "1970-04-11", "1970-01-01"]);
        let told = r#", "date_format": "%Y-%m-%d", "on_invalid": "suppress""#;
        let columns: [(&str, ArrayRef); 4] = [
            ("", Arc::new(Date32Array::from(vec![0, 100, 0]))),
            (
                "",
                Arc::new(TimestampSecondArray::from(vec![1, 8_640_001, 1])),
            ),
            ("", Arc::new(texts.clone())),
            (told, Arc::new(texts)),
        ];
        let shifts: Vec<Vec<i64>> = columns
            .iter()
            .map(|(args, column)| {
                let mut inputs = vec![];
                let nodes: [MaskNode; 1] = [serde_json::from_str(&mask(args)).unwrap()];
                let chain = Binder::new(&root, &NoSeeds, column.data_type().clone(), &mut inputs)
                    .chain(&nodes)
                    .unwrap();
                let masked = chain
                    .mask(Arc::clone(column), &Rows::new(3, &messages, &[]))
                    .unwrap();
                let days = |array: &ArrayRef| -> Vec<i64> {
                    let dates = arrow::compute::cast(array, &DataType::Date32).unwrap();
                    let dates = dates.as_primitive::<Date32Type>();
                    dates.values().iter().map(|day| i64::from(*day)).collect()
                };
                days(&masked)
                    .iter()
                    .zip(days(column))
                    .map(|(after, before)| after - before)
                    .collect()
            })
            .collect();
        assert_eq!(shifts[0][0], shifts[0][1]);
        assert_ne!(shifts[0][0], shifts[0][2]);
        assert!(shifts.iter().all(|shift| *shift == shifts[0]), "{shifts:?}");
    }

    #[test]
    fn beyond_what_can_be_said() {
        let later = r#", "min_days": 1, "max_days": 1"#;
        for (args, text) in [
            (later, "9999-12-31"),
            (r#", "min_days": -1, "max_days": -1"#, "0000-01-01"),
            (
                r#", "min_days": 1, "max_days": 1, "date_format": "%d%m%y""#,
                "311269",
            ),
            (later, "2023-02-29"),
            (later, ""),
        ] {
            let (fails, nulls) = (
                mask(args),
                mask(&format!(r#"{args}, "on_invalid": "suppress""#)),
            );
            assert!(try_texts(&fails, &[Some(text)]).is_err(), "{text}");
            assert_eq!(mask_texts(&nulls, &[Some(text)]), [None], "{text}");
        }
        let last = Arc::new(TimestampNanosecondArray::from(vec![i64::MAX]));
        assert!(mask_array(&mask(later), last).is_err());
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            (r#", "max_days": 0"#, "[0].max_days"),
            (r#", "max_days": -3"#, "[0].max_days"),
            (r#", "max_days": 6, "keep_weekday": true"#, "[0].max_days"),
            (r#", "min_days": 5, "max_days": 4"#, "[0].min_days"),
            (
                r#", "min_days": 1, "max_days": 6, "keep_weekday": true"#,
                "[0].max_days",
            ),
            (r#", "max_days": 9000000000"#, "[0].max_days"),
            (r#", "min_days": -9000000000"#, "[0].min_days"),
            (r#", "max_days": 1.5"#, "[0].max_days"),
            (r#", "date_format": "%Y""#, "[0].date_format"),
        ] {
            assert_eq!(
                bind_error(&mask(args), &DataType::Utf8).path,
                path,
                "{args}"
            );
        }
    }
}
