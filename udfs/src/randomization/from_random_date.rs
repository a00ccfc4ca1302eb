//! `from_random_date`: a value becomes a random date between two dates.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: dates, timestamps, text. Output: a date from `min` to `max`, both of which may come, for
//!   null and empty text too (`skip` keeps them). A timestamp is midnight (in UTC where the column has
//!   a zone), a text `YYYY-MM-DD` or what `date_format` says.
//! - The draw decides; each day is as likely as the others within 2^-42.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::DAY;
use crate::draw::Draws;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::random_moments::Moments;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_random_date",
    summary: "a value becomes a random date between two dates",
    family: Family::Randomization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<FromRandomDate>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"min": "1950-01-01", "max": "2005-12-31"}"#,
            value: Some("1984-02-29"),
            masked: Some("1986-06-13"),
        },
        Example {
            args: r#"{"min": "2020-01-01", "max": "2020-12-31", "date_format": "%d %b %Y"}"#,
            value: Some("29 Feb 2020"),
            masked: Some("26 Jun 2020"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["min", "max"]))]
pub(crate) struct FromRandomDate {
    /// The first date, in ISO 8601 (`2024-12-31`; a time of day is ignored). `now` is
    /// refused: it would give other results in every run.
    min: String,
    /// The last date; it may come too.
    max: String,
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601.
    date_format: Option<String>,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromRandomDate {
        min,
        max,
        date_format,
    } = binder.parse(args)?;
    let moments = Moments::of(binder.column(), date_format.as_deref(), false)?;
    let first = moments.bound("min", &min)?.div_euclid(DAY);
    let last = moments.bound("max", &max)?.div_euclid(DAY);
    let days = match u64::try_from(last - first) {
        Ok(between) => between + 1,
        Err(_) => return Err(BindError::new("max", "`max` lies before `min`")),
    };
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: Dates {
            first,
            days,
            moments,
        },
    }))
}

#[derive(Debug)]
struct Dates {
    first: i64,
    days: u64,
    moments: Moments,
}

impl Generator for Dates {
    fn lengths(&self) -> Option<Lengths> {
        self.moments.lengths()
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let days = draws
            .iter()
            .map(|draw| self.first + draw.pick(self.days) as i64);
        self.moments.array(days.map(|day| day * DAY))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::TimeUnit;

    use super::*;
    use crate::canonical::plain_text;
    use crate::examples::{bind_error, mask_array, numbered};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "from_random_date", {args}}}"#)
    }

    #[test]
    fn dates_are_uniform_from_the_first_to_the_last() {
        let masked = numbered(
            &mask(r#""min": "2023-12-30", "max": "2024-01-08T23:59:59""#),
            20_000,
        );
        let mut counts = BTreeMap::new();
        for date in masked {
            *counts.entry(date).or_insert(0_usize) += 1;
        }
        assert_eq!(counts.len(), 10);
        assert_eq!(counts.first_key_value().unwrap().0, "2023-12-30");
        assert_eq!(counts.last_key_value().unwrap().0, "2024-01-08");
        // Six standard deviations at most.
        assert!(
            counts.values().all(|count| count.abs_diff(2000) < 255),
            "{counts:?}"
        );
    }

    #[test]
    fn every_type_draws_alike() {
        let args = r#""min": "1905-01-01", "max": "2199-12-31""#;
        let day = 20_000;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from(vec![Some(day), None])),
            Arc::new(Date64Array::from(vec![
                Some(i64::from(day) * 86_400_000),
                None,
            ])),
            Arc::new(StringViewArray::from(vec![Some("2024-10-04"), None])),
        ];
        let expected =
            plain_text(&mask_array(&mask(args), Arc::clone(&columns[0])).unwrap()).unwrap();
        assert_eq!(expected.null_count(), 0);
        for column in columns {
            let masked = mask_array(&mask(args), Arc::clone(&column)).unwrap();
            assert_eq!(masked.data_type(), column.data_type());
            assert_eq!(plain_text(&masked).unwrap(), expected);
        }
        for (unit, zone) in [
            (TimeUnit::Second, None),
            (TimeUnit::Millisecond, Some("+02:00")),
            (TimeUnit::Microsecond, Some("UTC")),
            (TimeUnit::Nanosecond, None),
        ] {
            let column = DataType::Timestamp(unit, zone.map(Into::into));
            let masked = mask_array(&mask(args), new_null_array(&column, 3)).unwrap();
            assert_eq!((masked.data_type(), masked.null_count()), (&column, 0));
            let masked = plain_text(&masked).unwrap();
            assert!(
                masked
                    .iter()
                    .flatten()
                    .all(|text| text[10..].starts_with("T00:00:00"))
            );
        }
    }

    #[test]
    fn one_day_and_formats() {
        let args = r#""min": "2024-02-29", "max": "2024-02-29", "date_format": "%d/%m/%y""#;
        assert_eq!(numbered(&mask(args), 2), ["29/02/24", "29/02/24"]);
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""max": "2024-01-01""#, DataType::Utf8, "[0].min"),
            (r#""min": "2024-01-01""#, DataType::Utf8, "[0].max"),
            (
                r#""min": "2024-01-01", "max": "now""#,
                DataType::Utf8,
                "[0].max",
            ),
            (
                r#""min": "2024-01-02", "max": "2024-01-01""#,
                DataType::Date32,
                "[0].max",
            ),
            (
                r#""min": 2020, "max": "2024-01-01""#,
                DataType::Utf8,
                "[0].min",
            ),
            (
                r#""min": "2020-01-01", "max": "2024-01-01", "date_format": "%!""#,
                DataType::Utf8,
                "[0].date_format",
            ),
            (
                r#""min": "2020-01-01", "max": "2024-01-01", "date_format": "%Y""#,
                DataType::Date32,
                "[0].date_format",
            ),
            (
                r#""min": "0001-01-01", "max": "2024-01-01""#,
                DataType::Timestamp(TimeUnit::Nanosecond, None),
                "[0].min",
            ),
            (
                r#""min": "2020-01-01", "max": "2024-01-01""#,
                DataType::Int64,
                "[0].type",
            ),
        ] {
            assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
        }
    }
}
