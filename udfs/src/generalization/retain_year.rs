//! `retain_year`: a date becomes a random one of the same year.
//!
//! - Technique: generalization (ISO/IEC 20889:2018): only the year is kept; the rest is made up.
//! - Input: dates, timestamps, text. Text is `YYYY-MM-DD`, or that with a time after `T` or a blank
//!   (`2024-02-29T23:59:59.25+02:00`), or what `date_format` says. Null stays null.
//! - Output: the same type and form. A date is drawn to the day; a timestamp and a text with a time to
//!   the second, its fraction becomes zero, its zone stays. A timestamp's year is that of UTC where the
//!   column has a zone, a text's year is the one written.
//! - Value and draw decide; each day or second is as likely as the others within 2^-39.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{DAY, days_of, draw_from, year_of};
use crate::date_form::DateForm;
use crate::draw::{Draw, Draws};
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::moments::{Moment, Moments, units_of};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "retain_year",
    summary: "a date becomes a random one of the same year",
    family: Family::Generalization,
    takes: &[TypeFamily::Text, TypeFamily::Date, TypeFamily::Timestamp],
    schema: schema_of::<RetainYearArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("1984-02-29"),
            masked: Some("1984-03-23"),
        },
        Example {
            args: r#"{"date_format": "%d/%m/%Y"}"#,
            value: Some("29/02/1984"),
            masked: Some("23/04/1984"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetainYearArgs {
    /// How dates in text are written, in the specifiers of strftime (`%d/%m/%Y`); default ISO 8601.
    date_format: Option<String>,
    /// For a text that is no date: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let RetainYearArgs {
        date_format,
        on_invalid,
    } = binder.parse(args)?;
    Ok(Box::new(RetainYear {
        key: binder.key(),
        texts: Moments {
            form: DateForm::bind(date_format, binder)?,
            on_invalid,
            expected: "a date whose year has room for another",
        },
    }))
}

#[derive(Debug)]
struct RetainYear {
    key: MaskKey,
    texts: Moments,
}

impl Mask for RetainYear {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let draws = rows.draws(&self.key);
        match values.data_type().clone() {
            DataType::Date32 | DataType::Date64 => dates(&values, &draws),
            DataType::Timestamp(unit, _) => timestamps(&values, unit, &draws),
            _ => self.texts.each(&values, &|row, moment| {
                Some(another(moment, draws.get(row)))
            }),
        }
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.texts.on_invalid == OnInvalid::Suppress
    }
}

fn dates(values: &ArrayRef, draws: &Draws<'_>) -> Result<ArrayRef, MaskError> {
    let unfit = |_| MaskError::Type {
        found: values.data_type().clone(),
    };
    let days = cast(values, &DataType::Date32).map_err(unfit)?;
    let within = i64::from(i32::MIN)..i64::from(i32::MAX);
    let drawn = each_valid::<Date32Type>(&days, draws, |day, draw| {
        draw_from(days_of(year_of(day.into())), &within, draw) as i32
    });
    cast(&drawn, values.data_type()).map_err(unfit)
}

/// To the second.
fn timestamps(values: &ArrayRef, unit: TimeUnit, draws: &Draws<'_>) -> Result<ArrayRef, MaskError> {
    let unfit = |_| MaskError::Type {
        found: values.data_type().clone(),
    };
    let units = units_of(unit);
    let instants = cast(values, &DataType::Int64).map_err(unfit)?;
    let within = i64::MIN / units..i64::MAX / units;
    let drawn = each_valid::<Int64Type>(&instants, draws, |instant, draw| {
        let days = days_of(year_of(instant.div_euclid(units * DAY)));
        let seconds = days.start.saturating_mul(DAY)..days.end.saturating_mul(DAY);
        draw_from(seconds, &within, draw) * units
    });
    cast(&drawn, values.data_type()).map_err(unfit)
}

fn each_valid<T: ArrowPrimitiveType>(
    values: &ArrayRef,
    draws: &Draws<'_>,
    mask: impl Fn(T::Native, Draw) -> T::Native,
) -> ArrayRef {
    let values = values.as_primitive::<T>();
    let all = values.values().iter().zip(draws.iter());
    let drawn: Vec<T::Native> = match values.nulls() {
        None => all.map(|(value, draw)| mask(*value, draw)).collect(),
        Some(nulls) => all
            .zip(nulls)
            .map(|((value, draw), valid)| match valid {
                true => mask(*value, draw),
                false => T::Native::default(),
            })
            .collect(),
    };
    Arc::new(PrimitiveArray::<T>::new(
        drawn.into(),
        values.nulls().cloned(),
    ))
}

/// A moment of the same year: another day, and where it has a time another second of the year.
fn another(moment: Moment, draw: Draw) -> Moment {
    let days = days_of(year_of(moment.day));
    let seconds = match moment.timed {
        true => draw_from(days.start * DAY..days.end * DAY, &ALL, draw),
        false => draw_from(days, &ALL, draw) * DAY,
    };
    Moment {
        day: seconds.div_euclid(DAY),
        second: seconds.rem_euclid(DAY) as u32,
        nanos: 0,
        ..moment
    }
}

const ALL: Range<i64> = i64::MIN..i64::MAX;

#[cfg(test)]
mod tests {
    use arrow::array::*;
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::canonical::plain_text;
    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    const MASK: &str = r#"{"type": "retain_year"}"#;

    #[test]
    fn text_keeps_its_year_and_form() {
        for text in [
            "1984-02-29",
            "0001-01-01",
            "9999-12-31",
            "2024-02-29T23:59:59",
            "2024-12-31 00:00:00",
            "2024-12-31 00:00:00.125",
            "2024-12-31T00:00:00Z",
            "2024-12-31T00:00:00.5+02:00",
            "2024-12-31T00:00:00-0330",
        ] {
            let masked = mask_texts(MASK, &[Some(text)])[0].clone().unwrap();
            assert_eq!(masked[..5], text[..5]);
            assert_ne!(masked, text);
            assert_eq!(masked.get(10..11), text.get(10..11));
            let rest = text.get(19..).unwrap_or("");
            let (fraction, zone) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
            let zeros: String = fraction
                .chars()
                .map(|c| if c == '.' { '.' } else { '0' })
                .collect();
            assert_eq!(masked.get(19..).unwrap_or(""), zeros + zone, "{text}");
            assert_eq!(
                mask_texts(MASK, &[Some(&masked)])[0]
                    .as_ref()
                    .unwrap()
                    .len(),
                text.len()
            );
        }
    }

    #[test]
    fn text_that_is_no_date() {
        for text in [
            "",
            "1984",
            "1984-2-29",
            "1985-02-29",
            "1984/02/29",
            "1984-02-29x",
            "1984-02-29T",
            "1984-02-29T24:00:00",
            "1984-02-29T23:00",
            "1984-02-29T23:00:00.",
            "84-02-291",
            "1984-02-29T23:00:00+2",
            "１984-02-29",
            "1984-02-29T23:00:00 UTC",
            "+984-02-29",
            "198é-2-29",
        ] {
            assert!(try_texts(MASK, &[Some(text)]).is_err(), "{text}");
            let mask = r#"{"type": "retain_year", "on_invalid": "suppress"}"#;
            assert_eq!(mask_texts(mask, &[Some(text)]), [None], "{text}");
        }
        assert_eq!(mask_texts(MASK, &[None]), [None]);
    }

    #[test]
    fn formats() {
        for (format, text, kept) in [
            ("%d/%m/%Y", "29/02/1984", 6..10),
            ("%Y%m%d", "19840229", 0..4),
            ("%d.%m.%Y %H:%M", "29.02.1984 23:59", 6..10),
            ("%Y-%j", "1984-060", 0..4),
        ] {
            let mask = format!(r#"{{"type": "retain_year", "date_format": "{format}"}}"#);
            let masked = mask_texts(&mask, &[Some(text)])[0].clone().unwrap();
            assert_eq!(masked[kept.clone()], text[kept], "{masked}");
            assert!(masked != text && masked.len() == text.len(), "{masked}");
        }
        for format in ["%Y-%m", "%q", "%Y-%m-%d %z", ""] {
            let mask = format!(r#"{{"type": "retain_year", "date_format": "{format}"}}"#);
            assert_eq!(
                bind_error(&mask, &DataType::Utf8).path,
                "[0].date_format",
                "{format}"
            );
        }
        let mask = r#"{"type": "retain_year", "date_format": "%Y-%m-%d"}"#;
        assert_eq!(bind_error(mask, &DataType::Date32).path, "[0].date_format");
    }

    #[test]
    fn typed_columns_keep_their_year_and_type() {
        let nanos = |text: &str| {
            text.parse::<DateTime<Utc>>()
                .unwrap()
                .timestamp_nanos_opt()
                .unwrap()
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from(vec![
                Some(0),
                Some(-719_528),
                None,
                Some(20_000),
                Some(95_000_000),
                Some(-95_000_000),
            ])),
            Arc::new(Date64Array::from(vec![
                Some(0),
                Some(20_000 * 86_400_000),
                None,
            ])),
            Arc::new(TimestampSecondArray::from(vec![
                Some(-1),
                Some(951_782_400),
                None,
            ])),
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(-1), Some(951_782_400_123)])
                    .with_timezone("UTC"),
            ),
            Arc::new(TimestampNanosecondArray::from(vec![
                nanos("1999-12-31T23:59:59.999999999Z"),
                i64::MIN,
                i64::MAX,
            ])),
        ];
        for column in columns {
            let masked = mask_array(MASK, Arc::clone(&column)).unwrap();
            assert_eq!(masked.data_type(), column.data_type());
            assert_eq!(masked.logical_nulls(), column.logical_nulls());
            if matches!(column.data_type(), DataType::Date32) {
                let years = |array: &ArrayRef| -> Vec<i64> {
                    array
                        .as_primitive::<Date32Type>()
                        .iter()
                        .flatten()
                        .map(|d| year_of(d.into()))
                        .collect()
                };
                assert_eq!(years(&masked), years(&column));
                continue;
            }
            let year = |text: Option<&str>| text.map(|text| text[..4].to_owned());
            let [before, after] = [&column, &masked].map(|array| plain_text(array).unwrap());
            assert!(
                before.iter().map(year).eq(after.iter().map(year)),
                "{before:?} {after:?}"
            );
        }
    }

    #[test]
    fn a_date_is_the_same_day_from_every_type() {
        let text = mask_texts(MASK, &[Some("1970-01-01")])[0].clone().unwrap();
        let date = mask_array(MASK, Arc::new(Date32Array::from(vec![0]))).unwrap();
        assert_eq!(plain_text(&date).unwrap().value(0), text);
    }
}
