//! `from_random_datetime`: a value becomes a random moment between two others.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: dates, timestamps, text. Output: a whole second from `min` up to but without `max`, for
//!   null and empty text too (`skip` keeps them). A date column gets the moment's date, text
//!   `YYYY-MM-DDTHH:MM:SS` or what `date_format` says.
//! - Where the column has a zone, bounds without one are in UTC. Where it has none, the zone of a
//!   bound is dropped, its date and time are taken as written.
//! - The draw decides; each second is as likely as the others within 2^-25.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::random_moments::Moments;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_random_datetime",
    summary: "a value becomes a random moment between two others",
    family: Family::Randomization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<FromRandomDateTime>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"min": "2020-01-01", "max": "2021-01-01"}"#,
            value: Some("2020-02-29T23:59:59"),
            masked: Some("2020-02-03T10:54:53"),
        },
        Example {
            args: r#"{"min": "2020-01-01T09:00:00", "max": "2020-01-01T17:00:00", "date_format": "%d/%m/%Y %H:%M"}"#,
            value: None,
            masked: Some("01/01/2020 12:06"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["min", "max"]))]
pub(crate) struct FromRandomDateTime {
    /// The first moment, in ISO 8601 (`2024-12-31T23:59:59`, or a date for its midnight).
    /// `now` is refused: it would give other results in every run.
    min: String,
    /// The moment to stay below; it does not come itself.
    max: String,
    /// How moments in text are written, in the specifiers of strftime (`%d/%m/%Y %H:%M`); default
    /// ISO 8601.
    date_format: Option<String>,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromRandomDateTime {
        min,
        max,
        date_format,
    } = binder.parse(args)?;
    let moments = Moments::of(binder.column(), date_format.as_deref(), true)?;
    let first = moments.bound("min", &min)?;
    let end = moments.bound("max", &max)?;
    let seconds = match u64::try_from(end - first) {
        Ok(seconds @ 1..) => seconds,
        _ => {
            let message =
                "no whole second lies from `min` up to `max`, which does not count itself";
            return Err(BindError::new("max", message));
        }
    };
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: Seconds {
            first,
            seconds,
            moments,
        },
    }))
}

#[derive(Debug)]
struct Seconds {
    first: i64,
    seconds: u64,
    moments: Moments,
}

impl Generator for Seconds {
    fn lengths(&self) -> Option<Lengths> {
        self.moments.lengths()
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let picks = draws.iter().map(|draw| draw.pick(self.seconds) as i64);
        self.moments.array(picks.map(|pick| self.first + pick))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::*;
    use arrow::datatypes::TimeUnit;

    use super::*;
    use crate::canonical::plain_text;
    use crate::examples::{bind_error, mask_array, numbered};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "from_random_datetime", {args}}}"#)
    }

    #[test]
    fn moments_are_uniform_up_to_the_end() {
        let args = r#""min": "2023-12-31T23:59:55", "max": "2024-01-01 00:00:05""#;
        let mut counts = BTreeMap::new();
        for moment in numbered(&mask(args), 20_000) {
            *counts.entry(moment).or_insert(0_usize) += 1;
        }
        assert_eq!(counts.len(), 10);
        assert_eq!(counts.first_key_value().unwrap().0, "2023-12-31T23:59:55");
        assert_eq!(counts.last_key_value().unwrap().0, "2024-01-01T00:00:04");
        // Six standard deviations at most.
        assert!(
            counts.values().all(|count| count.abs_diff(2000) < 255),
            "{counts:?}"
        );
    }

    #[test]
    fn the_columns_own_type() {
        let args = r#""min": "2024-02-29T12:00:00+01:00", "max": "2024-02-29T12:00:01+01:00""#;
        for (column, expected) in [
            (DataType::Utf8View, "2024-02-29T12:00:00"),
            (DataType::Date32, "2024-02-29"),
            (DataType::Date64, "2024-02-29"),
            (
                DataType::Timestamp(TimeUnit::Second, None),
                "2024-02-29T12:00:00",
            ),
            (
                DataType::Timestamp(TimeUnit::Nanosecond, None),
                "2024-02-29T12:00:00",
            ),
            (
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                "2024-02-29T11:00:00Z",
            ),
            (
                DataType::Timestamp(TimeUnit::Millisecond, Some("-05:00".into())),
                "2024-02-29T11:00:00Z",
            ),
        ] {
            let masked = mask_array(&mask(args), new_null_array(&column, 1)).unwrap();
            assert_eq!(masked.data_type(), &column);
            assert_eq!(plain_text(&masked).unwrap().value(0), expected, "{column}");
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""max": "2024-01-01""#, DataType::Utf8, "[0].min"),
            (
                r#""min": "current_date_time", "max": "2024-01-01""#,
                DataType::Utf8,
                "[0].min",
            ),
            (
                r#""min": "2024-01-01", "max": "2024-01-01""#,
                DataType::Date32,
                "[0].max",
            ),
            (
                r#""min": "2024-01-01", "max": "2024-01-02", "date_format": "%H %z""#,
                DataType::Utf8,
                "[0].date_format",
            ),
            (
                r#""min": "2024-01-01", "max": "2024-01-02""#,
                DataType::Boolean,
                "[0].type",
            ),
        ] {
            assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
        }
    }
}
