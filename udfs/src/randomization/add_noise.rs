//! `add_noise`: a random amount is added to a number.
//!
//! - Technique: randomization by noise addition (ISO/IEC 20889:2018): means stay near, single values
//!   do not.
//! - Input: integers, decimals, floats, text of digits with a minus before and a point within. Null
//!   stays null.
//! - Output: the same type. An integer stays an integer, a decimal and a text keep their number of
//!   decimals; noise is rounded to that, so that some values may stay as they are.
//! - Value and draw decide. Uniform noise of integers, decimals and text has each of its steps as often
//!   as the others. Other noise comes from 53 bits of a draw or twice 53, by basic arithmetic and
//!   square roots only, so that every machine adds the same.
//! - Columns of one row, or of one person by `hash_columns`, get equal noise where the arguments are
//!   equal: give each its own `domain`, or their difference stays what it was.
//! - No differential privacy is promised: that hangs on what else is known and published, and naive
//!   noise in floating point leaks (Mironov, CCS 2012).

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::key::MaskKey;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::number::{Amount, Number, pick_wide, power_f64};
use crate::numbers::{Grid, NUMBERS, each_float, each_number};
use crate::real::{gaussian, laplace, uniform};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "add_noise",
    summary: "a random amount is added to a number",
    family: Family::Randomization,
    takes: NUMBERS,
    schema: schema_of::<AddNoiseArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"bound": 5, "min": 0}"#,
            value: Some("42"),
            masked: Some("43"),
        },
        Example {
            args: r#"{"bound": 0.1, "relative": true}"#,
            value: Some("48250.75"),
            masked: Some("44075.08"),
        },
        Example {
            args: r#"{"distribution": "laplace", "scale": 2.5}"#,
            value: Some("37.20"),
            masked: Some("33.16"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["bound"]}, {"required": ["scale"]}]))]
pub(crate) struct AddNoiseArgs {
    /// How noise is spread around zero: `uniform` (default), `laplace` or `gaussian`.
    distribution: Distribution,
    /// The greatest noise in either direction, above 0, in the unit of the values. `uniform` needs it;
    /// of `laplace` and `gaussian` it cuts off what goes beyond.
    bound: Option<Amount>,
    /// For `laplace` its scale (the mean size of the noise), for `gaussian` its standard deviation,
    /// above 0, in the unit of the values.
    scale: Option<Amount>,
    /// Whether `bound` and `scale` are shares of the value itself: 0.1 is ten percent of it (default
    /// false). Zero stays zero then.
    relative: bool,
    /// The least result; what would be less becomes this (default: none).
    min: Option<Amount>,
    /// The greatest result; what would be more becomes this (default: none).
    max: Option<Amount>,
    /// For a text that is no number, and a result that the column cannot hold: `fail` the task
    /// (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// How noise is spread.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Distribution {
    /// All within the bound alike.
    #[default]
    Uniform,
    /// Two exponential tails.
    Laplace,
    /// The normal distribution.
    #[serde(alias = "normal")]
    #[schemars(extend("x-spellings" = ["normal"]))]
    Gaussian,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: AddNoiseArgs = binder.parse(args)?;
    let wrong = |argument: &str, message: &str| Err(BindError::new(argument, message));
    for (name, amount) in [("bound", args.bound), ("scale", args.scale)] {
        if amount.is_some_and(|amount| amount.0.units <= 0) {
            return wrong(name, "noise has to have a size above 0");
        }
    }
    let grid = Grid::of(binder.column());
    let decimals = grid.scale.unwrap_or(i32::MAX);
    let noise = match (args.distribution, args.bound, args.scale) {
        (Distribution::Uniform, None, _) => {
            return wrong("bound", "uniform noise needs a `bound`, the greatest noise");
        }
        (Distribution::Uniform, _, Some(_)) => {
            return wrong("scale", "uniform noise has a `bound` and no `scale`");
        }
        (Distribution::Uniform, Some(bound), None) => {
            // Where the column has no smaller steps, nothing would ever be added.
            let steps = match grid.scale {
                Some(scale) if !args.relative => bound.0.floor(scale),
                _ => Some(1),
            };
            if steps == Some(0) {
                return wrong("bound", "`bound` is below the smallest step of the column");
            }
            Noise::Uniform {
                exact: bound.0,
                float: bound.0.to_f64(),
            }
        }
        (_, _, None) => {
            return wrong("scale", "this noise needs a `scale`");
        }
        (distribution, bound, Some(scale)) => Noise::Spread {
            spread: match distribution {
                Distribution::Gaussian => gaussian,
                _ => laplace,
            },
            scale: scale.0.to_f64(),
            bound: bound.map_or(f64::INFINITY, |bound| bound.0.to_f64()),
        },
    };
    let limits = Limits {
        min: args.min.map(|min| min.0),
        max: args.max.map(|max| max.0),
    };
    if let (Some(min), Some(max)) = (limits.min, limits.max) {
        let scale = min.scale.max(max.scale).min(decimals);
        let ends = min.ceil(scale).zip(max.floor(scale));
        if ends.is_none_or(|(min, max)| min > max) {
            return wrong(
                "min",
                "no number of the column lies between `min` and `max`",
            );
        }
    }
    Ok(Box::new(AddNoise {
        key: binder.key(),
        noise,
        relative: args.relative,
        limits,
        on_invalid: args.on_invalid,
    }))
}

#[derive(Debug)]
struct AddNoise {
    key: MaskKey,
    noise: Noise,
    relative: bool,
    limits: Limits,
    on_invalid: OnInvalid,
}

/// Noise before it is made relative.
#[derive(Debug)]
enum Noise {
    /// Up to this in either direction.
    Uniform { exact: Number, float: f64 },
    /// A standard distribution, widened and cut off.
    Spread {
        spread: fn(Draw) -> f64,
        scale: f64,
        bound: f64,
    },
}

/// What results are kept within.
#[derive(Debug)]
struct Limits {
    min: Option<Number>,
    max: Option<Number>,
}

impl Mask for AddNoise {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        const EXPECTED: &str =
            "a number whose noisy value the column can hold within `min` and `max`";
        let draws = rows.draws(&self.key);
        match TypeFamily::of(values.data_type()) {
            Some(TypeFamily::Float) => {
                let [min, max] =
                    [self.limits.min, self.limits.max].map(|limit| limit.map(Number::to_f64));
                let min = min.unwrap_or(f64::NEG_INFINITY);
                let max = max.unwrap_or(f64::INFINITY);
                each_float(&values, self.on_invalid, EXPECTED, &|row, value| {
                    let noisy = value + self.float(value, draws.get(row));
                    noisy.is_finite().then(|| noisy.max(min).min(max))
                })
            }
            _ => each_number(&values, self.on_invalid, EXPECTED, &|row, number| {
                self.limits.keep(Number {
                    units: number
                        .units
                        .checked_add(self.exact(number, draws.get(row))?)?,
                    ..number
                })
            }),
        }
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

impl Limits {
    fn keep(&self, number: Number) -> Option<Number> {
        let mut units = number.units;
        if let Some(min) = self.min {
            units = units.max(min.ceil(number.scale)?);
        }
        if let Some(max) = self.max {
            units = units.min(max.floor(number.scale)?);
        }
        Some(Number { units, ..number })
    }
}

impl AddNoise {
    /// Noise for a number, in its units.
    fn exact(&self, number: Number, draw: Draw) -> Option<i128> {
        match &self.noise {
            Noise::Uniform { exact: bound, .. } => {
                let most = if self.relative {
                    let product = Number {
                        units: number.units.checked_abs()?.checked_mul(bound.units)?,
                        scale: bound.scale,
                    };
                    product.floor(0)?
                } else {
                    bound.floor(number.scale)?
                };
                let all = most.unsigned_abs().checked_mul(2)?.checked_add(1)?;
                i128::try_from(pick_wide(draw, all)).ok()?.checked_sub(most)
            }
            Noise::Spread {
                spread,
                scale,
                bound,
            } => {
                let steps = match self.relative {
                    true => number.units.unsigned_abs() as f64,
                    false => power_f64(number.scale),
                };
                let noise = (spread(draw) * scale).clamp(-bound, *bound) * steps;
                // Half away from zero; beyond the type an addition fails.
                (noise.abs() < 1e38).then(|| noise.round() as i128)
            }
        }
    }

    /// Noise for a float.
    fn float(&self, value: f64, draw: Draw) -> f64 {
        let noise = match &self.noise {
            Noise::Uniform { float, .. } => uniform(draw) * float,
            Noise::Spread {
                spread,
                scale,
                bound,
            } => (spread(draw) * scale).clamp(-bound, *bound),
        };
        if self.relative {
            noise * value.abs()
        } else {
            noise
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};

    use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "add_noise", {args}}}"#)
    }

    /// Noise added to 100,000 and the numbers after it.
    fn noise(args: &str) -> Vec<i64> {
        let values: Vec<i64> = (100_000..120_000).collect();
        let column = Arc::new(Int64Array::from(values.clone()));
        let masked = mask_array(&mask(args), column).unwrap();
        let masked = masked.as_primitive::<Int64Type>().values();
        values
            .iter()
            .zip(masked)
            .map(|(value, masked)| masked - value)
            .collect()
    }

    #[test]
    fn uniform_noise_has_every_step_alike() {
        for (args, bound) in [
            (r#""bound": 3"#, 3),
            (r#""bound": 3.9"#, 3),
            (r#""bound": "2e1""#, 20),
        ] {
            let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
            for noise in noise(args) {
                *counts.entry(noise).or_default() += 1;
            }
            assert!(counts.keys().copied().eq(-bound..=bound), "{args}");
            let share = 20_000 / (2 * bound + 1);
            let near = |count: &i64| (count - share).abs() < share / 5;
            assert!(counts.values().all(near), "{args} {counts:?}");
        }
    }

    #[test]
    fn spread_noise_has_its_size() {
        for (args, deviation) in [
            (r#""distribution": "laplace", "scale": 100"#, 141.4),
            (r#""distribution": "gaussian", "scale": 100"#, 100.0),
            (
                r#""distribution": "normal", "scale": 100, "bound": 100"#,
                71.8,
            ),
            (
                r#""distribution": "gaussian", "scale": 0.001, "relative": true"#,
                110.1,
            ),
        ] {
            let all = noise(args);
            let count = all.len() as f64;
            let mean = all.iter().sum::<i64>() as f64 / count;
            let square = all.iter().map(|n| (n * n) as f64).sum::<f64>() / count;
            assert!(mean.abs() < 4.0, "{args} {mean}");
            assert!(
                (square.sqrt() - deviation).abs() < 0.03 * deviation,
                "{args} {square}"
            );
        }
        let cut = noise(r#""distribution": "laplace", "scale": 100, "bound": 50"#);
        assert!(
            cut.iter().all(|noise| noise.abs() <= 50) && cut.contains(&50) && cut.contains(&-50)
        );
    }

    #[test]
    fn texts() {
        for (args, text, near) in [
            (r#""bound": 5"#, "42", 5.0),
            (r#""bound": 5"#, "-42.50", 5.0),
            (r#""bound": 0.05, "relative": true"#, "1000.00", 50.0),
            (
                r#""distribution": "laplace", "scale": 1, "bound": 3"#,
                "0.125",
                3.0,
            ),
        ] {
            let masked = mask_texts(&mask(args), &[Some(text), None]);
            let first = masked[0].clone().unwrap();
            let decimals = |text: &str| text.split_once('.').map_or(0, |(_, rest)| rest.len());
            assert_eq!(decimals(&first), decimals(text), "{first}");
            let [after, before]: [f64; 2] = [&first, text].map(|text| text.parse().unwrap());
            assert!((after - before).abs() <= near, "{args} {text} {first}");
            assert_eq!(masked[1], None);
        }
        for text in ["", "x", "1e3", &"9".repeat(50)] {
            assert!(
                try_texts(&mask(r#""bound": 5"#), &[Some(text)]).is_err(),
                "{text}"
            );
            let suppress = mask(r#""bound": 5, "on_invalid": "suppress""#);
            assert_eq!(mask_texts(&suppress, &[Some(text)]), [None], "{text}");
        }
    }

    #[test]
    fn results_stay_within_limits() {
        let zeros: ArrayRef = Arc::new(UInt8Array::from(vec![0; 3]));
        let args = r#""distribution": "gaussian", "scale": 1000"#;
        assert!(mask_array(&mask(args), Arc::clone(&zeros)).is_err());
        let limits = mask(&format!(r#"{args}, "min": 2, "max": 2.5"#));
        let masked = mask_array(&limits, zeros).unwrap();
        assert_eq!(masked.as_ref(), &UInt8Array::from(vec![2; 3]) as &dyn Array);
        let ends: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX]));
        let kept = mask(r#""bound": 1000000, "min": -5, "max": 5"#);
        let masked = mask_array(&kept, ends).unwrap();
        assert_eq!(masked.as_primitive::<Int64Type>().values()[..], [-5, 5]);
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![-1e30, 1e30]));
        let masked = mask_array(&kept, floats).unwrap();
        assert_eq!(
            masked.as_ref(),
            &Float32Array::from(vec![-5.0, 5.0]) as &dyn Array
        );
    }

    #[test]
    fn decimals_and_floats() {
        let values: Vec<i128> = (0..1_000).map(|n| n * 100).collect();
        let column = Decimal128Array::from(values.clone())
            .with_precision_and_scale(9, 2)
            .unwrap();
        let masked = mask_array(&mask(r#""bound": 0.5"#), Arc::new(column)).unwrap();
        let masked = masked.as_primitive::<Decimal128Type>().values();
        let noise: Vec<i128> = values.iter().zip(masked).map(|(a, b)| b - a).collect();
        assert!(noise.iter().all(|noise| noise.abs() <= 50));
        assert!(noise.iter().any(|noise| noise % 10 != 0));

        let values: Vec<f64> = (0..10_000).map(|n| f64::from(n) + 1.0).collect();
        for args in [
            r#""bound": 0.5"#,
            r#""bound": 0.5, "relative": true"#,
            r#""distribution": "gaussian", "scale": 0.5, "bound": 0.5"#,
        ] {
            let column = Arc::new(Float64Array::from(values.clone()));
            let masked = mask_array(&mask(args), column).unwrap();
            let masked = masked.as_primitive::<Float64Type>().values();
            let mut sum = 0.0;
            for (value, masked) in values.iter().zip(masked) {
                let unit = if args.contains("relative") {
                    *value
                } else {
                    1.0
                };
                let noise = (masked - value) / unit;
                assert!(noise.abs() <= 0.500_000_1, "{args} {noise}");
                sum += noise;
            }
            assert!(sum.abs() / 10_000.0 < 0.02, "{args} {sum}");
        }
        let none: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), None]));
        assert!(mask_array(&mask(r#""bound": 1"#), Arc::clone(&none)).is_err());
        let suppress = mask(r#""bound": 1, "on_invalid": "suppress""#);
        assert_eq!(mask_array(&suppress, none).unwrap().null_count(), 2);
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""relative": true"#, DataType::Int64, "[0].bound"),
            (r#""bound": 0"#, DataType::Int64, "[0].bound"),
            (r#""bound": -1"#, DataType::Int64, "[0].bound"),
            (r#""bound": 0.9"#, DataType::Int64, "[0].bound"),
            (r#""bound": 0.001"#, DataType::Decimal128(9, 2), "[0].bound"),
            (r#""bound": 1, "scale": 1"#, DataType::Int64, "[0].scale"),
            (
                r#""distribution": "laplace", "bound": 1"#,
                DataType::Int64,
                "[0].scale",
            ),
            (
                r#""distribution": "cauchy""#,
                DataType::Int64,
                "[0].distribution",
            ),
            (
                r#""bound": 1, "min": 2, "max": 1"#,
                DataType::Int64,
                "[0].min",
            ),
            (
                r#""bound": 1, "min": 1.2, "max": 1.8"#,
                DataType::Int64,
                "[0].min",
            ),
            (r#""bound": 1"#, DataType::Utf8, ""),
        ] {
            if path.is_empty() {
                assert!(try_texts(&mask(args), &[Some("1")]).is_ok());
            } else {
                assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
            }
        }
    }
}
