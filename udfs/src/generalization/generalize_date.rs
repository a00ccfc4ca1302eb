//! `generalize_date`: a date becomes the beginning of its year, quarter, month, week, day or hour.
//!
//! - Technique: generalization (ISO/IEC 20889:2018). To the year it does what HIPAA Safe Harbor asks
//!   for, 45 CFR 164.514(b)(2)(i)(C).
//! - Input: dates, timestamps, text in ISO 8601 or what `date_format` says. Null stays null.
//! - Output: the same type and form; what follows the kept part is its first month, day or second. A
//!   timestamp's period is that of UTC where the column has a zone, a text's is the one written. Weeks
//!   begin on Monday (ISO 8601).
//! - Keyless, many-to-one: equal periods meet in every table, and nothing leads back.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{date_of, day_of, days_of, year_of};
use crate::date_form::DateForm;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::moments::{Moment, Moments, weekday_of};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "generalize_date",
    summary: "a date becomes the beginning of its year, quarter, month, week, day or hour",
    family: Family::Generalization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<GeneralizeDateArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("1984-02-29"),
            masked: Some("1984-01-01"),
        },
        Example {
            args: r#"{"to": "week"}"#,
            value: Some("2024-02-29T23:59:59.25+02:00"),
            masked: Some("2024-02-26T00:00:00.00+02:00"),
        },
        Example {
            args: r#"{"to": "quarter", "date_format": "%d/%m/%Y"}"#,
            value: Some("29/05/1984"),
            masked: Some("01/04/1984"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GeneralizeDateArgs {
    /// What stays of a date: `year` (default), `quarter`, `month`, `week`, `day` or `hour`. A text
    /// without a time stays as it is with `day` and `hour`.
    #[serde(alias = "unit")]
    #[schemars(extend("x-spellings" = ["unit"]))]
    to: Period,
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601.
    date_format: Option<String>,
    /// For a text that is no date, and a date whose period begins before the first one its type can
    /// say: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// What stays of a date.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Period {
    /// From 1 January on.
    #[default]
    Year,
    /// From 1 January, April, July or October on.
    Quarter,
    /// From the first day on.
    Month,
    /// From Monday on.
    Week,
    /// From midnight on.
    Day,
    /// From the full hour on.
    Hour,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: GeneralizeDateArgs = binder.parse(args)?;
    let is_date = TypeFamily::of(binder.column()) == Some(TypeFamily::Date);
    if is_date && matches!(args.to, Period::Day | Period::Hour) {
        return Err(BindError::new(
            "to",
            "a column of dates has nothing finer than days; `do_nothing` keeps a value",
        ));
    }
    Ok(Box::new(GeneralizeDate {
        to: args.to,
        moments: Moments {
            form: DateForm::bind(args.date_format, binder)?,
            on_invalid: args.on_invalid,
            expected: "a date whose period begins within what its type can say",
        },
    }))
}

#[derive(Debug)]
struct GeneralizeDate {
    to: Period,
    moments: Moments,
}

impl Mask for GeneralizeDate {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let each = |begin: &dyn Fn(i64) -> i64| {
            self.moments.each(&values, &|_, moment| {
                Some(Moment {
                    day: begin(moment.day),
                    second: 0,
                    nanos: 0,
                    ..moment
                })
            })
        };
        match self.to {
            Period::Year => each(&|day| days_of(year_of(day)).start),
            Period::Quarter => each(&|day| {
                let (year, month, _) = date_of(day);
                day_of(year, (month - 1) / 3 * 3 + 1, 1)
            }),
            Period::Month => each(&|day| day + 1 - i64::from(date_of(day).2)),
            Period::Week => each(&|day| day - i64::from(weekday_of(day))),
            Period::Day => each(&|day| day),
            Period::Hour => self.moments.each(&values, &|_, moment| {
                Some(Moment {
                    second: moment.second / 3600 * 3600,
                    nanos: 0,
                    ..moment
                })
            }),
        }
    }

    fn by_value(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.moments.on_invalid == OnInvalid::Suppress
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(to: &str) -> String {
        format!(r#"{{"type": "generalize_date", "to": "{to}", "on_invalid": "suppress"}}"#)
    }

    #[test]
    fn texts() {
        for (to, text, masked) in [
            (
                "year",
                "2024-12-31 23:59:59.123Z",
                Some("2024-01-01 00:00:00.000Z"),
            ),
            ("quarter", "2024-12-31", Some("2024-10-01")),
            ("quarter", "2024-03-31", Some("2024-01-01")),
            ("month", "2024-02-29", Some("2024-02-01")),
            ("week", "2024-03-03", Some("2024-02-26")),
            ("week", "2024-02-26", Some("2024-02-26")),
            ("week", "1969-12-31", Some("1969-12-29")),
            ("day", "2024-02-29T23:59:59", Some("2024-02-29T00:00:00")),
            ("day", "2024-02-29", Some("2024-02-29")),
            (
                "hour",
                "2024-02-29T23:59:60.5+02",
                Some("2024-02-29T23:00:00.0+02"),
            ),
            ("week", "0000-01-01", None),
            ("year", "2023-02-29", None),
            ("year", "", None),
        ] {
            let done = mask_texts(&mask(to), &[Some(text), None]);
            assert_eq!(done, [masked.map(str::to_owned), None], "{to} {text}");
        }
        assert!(try_texts(r#"{"type": "generalize_date"}"#, &[Some("x")]).is_err());
    }

    #[test]
    fn formats() {
        let mask = |format: &str| {
            format!(r#"{{"type": "generalize_date", "to": "month", "date_format": "{format}"}}"#)
        };
        for (format, text, masked) in [
            ("%d.%m.%Y %H:%M", "29.02.1984 23:59", "01.02.1984 00:00"),
            ("%d-%b-%y", "29-Feb-84", "01-Feb-84"),
            ("%Y%m%d", "19840229", "19840201"),
            (
                "%d %B %Y, %I:%M %p",
                "29 February 1984, 11:59 PM",
                "01 February 1984, 12:00 AM",
            ),
            (
                "%Y-%m-%d %H:%M:%S%.f",
                "1984-02-29 23:59:59.5",
                "1984-02-01 00:00:00",
            ),
        ] {
            let done = mask_texts(&mask(format), &[Some(text)]);
            assert_eq!(done[0].as_deref(), Some(masked), "{format}");
            assert!(try_texts(&mask(format), &[Some("1984-02-29x")]).is_err());
        }
    }

    #[test]
    fn columns_of_dates() {
        let cases: [(&str, ArrayRef, ArrayRef); 4] = [
            (
                "month",
                Arc::new(Date32Array::from(vec![Some(-1), None, Some(31 + 28)])),
                Arc::new(Date32Array::from(vec![Some(-31), None, Some(31 + 28)])),
            ),
            (
                "year",
                Arc::new(Date64Array::from(vec![400 * 86_400_000])),
                Arc::new(Date64Array::from(vec![365 * 86_400_000])),
            ),
            (
                "hour",
                Arc::new(TimestampNanosecondArray::from(vec![-1, i64::MIN]).with_timezone("UTC")),
                Arc::new(
                    TimestampNanosecondArray::from(vec![Some(-3_600_000_000_000), None])
                        .with_timezone("UTC"),
                ),
            ),
            (
                "week",
                Arc::new(TimestampSecondArray::from(vec![0, 4 * 86_400 - 1])),
                Arc::new(TimestampSecondArray::from(vec![-3 * 86_400; 2])),
            ),
        ];
        for (to, values, expected) in cases {
            let masked = mask_array(&mask(to), values).unwrap();
            assert_eq!(&masked, &expected, "{to}");
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""to": "decade""#, DataType::Utf8, "[0].to"),
            (r#""to": "hour""#, DataType::Date32, "[0].to"),
            (r#""date_format": "%Y""#, DataType::Utf8, "[0].date_format"),
            (
                r#""date_format": "%Y-%m-%d %z""#,
                DataType::Utf8,
                "[0].date_format",
            ),
            (r#""date_format": "%Q""#, DataType::Utf8, "[0].date_format"),
            (
                r#""date_format": "%F""#,
                DataType::Date32,
                "[0].date_format",
            ),
            ("\"on_invalid\": \"keep\"", DataType::Utf8, "[0].on_invalid"),
        ] {
            let mask = format!(r#"{{"type": "generalize_date", {args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
