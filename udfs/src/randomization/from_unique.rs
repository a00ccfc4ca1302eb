//! `from_unique`: every row becomes a text of a format that no other row becomes.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: text, integers and decimals. Output: a string of the format in the column's type, for null
//!   and empty text too (`skip` keeps them).
//! - The row's number decides, counted through all files of a task: its image under a keyed permutation
//!   of all strings of the format, so that nothing of the order shows. No value, no draw, no hash
//!   columns.
//! - A run is refused whose rows are more than the strings.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use num_bigint::BigUint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::permutation::{Permutation, WidePermutation};
use crate::randomization::format_string::FormatString;
use crate::rows::Rows;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_unique",
    summary: "every row of a column becomes another random text of a format",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<FromUnique>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"format": "{[A-Z],3}{[0-9],3}"}"#,
            value: Some("KX7-22"),
            masked: Some("KVY724"),
        },
        Example {
            args: r#"{"format": "user-{[a-z0-9],16}"}"#,
            value: Some("ann"),
            masked: Some("user-gy6w7eqbpmx2tspq"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["format"]))]
pub(crate) struct FromUnique {
    /// The format, as that of `from_format_string`. It offers at least as many strings as
    /// all files of the task have rows. For a column of numbers its classes hold digits only.
    #[serde(alias = "value")]
    #[schemars(extend("x-spellings" = ["value"]))]
    format: String,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromUnique { format } = binder.parse(args)?;
    binder.by_rows()?;
    let wrong = |message: String| BindError::new("format", message);
    if format.is_empty() {
        return Err(wrong("`format` is required".to_owned()));
    }
    let format = FormatString::parse(&format).map_err(wrong)?;
    format.fits(binder.column()).map_err(wrong)?;
    let key = binder.key();
    let size = format.size();
    let images = match u64::try_from(&size) {
        Ok(size) => Images::Narrow(Permutation::new(&key, &[], size.into())),
        Err(_) => Images::Wide(Box::new(WidePermutation::new(&key, &[], size))),
    };
    Ok(Box::new(Unique {
        format,
        images,
        column: binder.column().clone(),
    }))
}

/// All strings of a format, in another order.
enum Images {
    /// Fewer than 2^64.
    Narrow(Permutation),
    Wide(Box<WidePermutation>),
}

struct Unique {
    format: FormatString,
    images: Images,
    column: DataType,
}

impl fmt::Debug for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unique({:?})", self.format)
    }
}

impl Mask for Unique {
    fn lengths(&self, _: Option<usize>) -> Option<Lengths> {
        Some(self.format.length()..=self.format.length())
    }

    fn mask(&self, _: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let numbers = rows.numbers();
        if numbers.len() != rows.len() {
            return Err(MaskError::Internal(
                "the rows of a unique column have no numbers",
            ));
        }
        let mut strings = StringViewBuilder::with_capacity(numbers.len());
        let mut text = String::new();
        match &self.images {
            Images::Narrow(permutation) => {
                if numbers
                    .iter()
                    .any(|number| u128::from(*number) >= permutation.size())
                {
                    return Err(MaskError::Internal("more rows than a format has strings"));
                }
                let mut ranks = numbers.to_vec();
                permutation.permute(&mut ranks);
                for rank in ranks {
                    text.clear();
                    self.format.push(rank.into(), &mut text);
                    strings.append_value(&text);
                }
            }
            Images::Wide(permutation) => {
                let mut ranks: Vec<BigUint> = numbers.iter().map(|n| BigUint::from(*n)).collect();
                permutation.permute(&mut ranks);
                for rank in ranks {
                    text.clear();
                    self.format.push_wide(rank, &mut text);
                    strings.append_value(&text);
                }
            }
        }
        let strings = strings.finish();
        match TypeFamily::of(&self.column) {
            Some(TypeFamily::Text) => Ok(Arc::new(strings)),
            _ => typed(strings, &self.column),
        }
    }

    fn keeps_distinct(&self) -> bool {
        true
    }

    fn makes_distinct(&self) -> bool {
        true
    }

    fn rows_offered(&self) -> Option<u128> {
        Some(self.format.offers().unwrap_or(u128::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use arrow::array::{Array, AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::examples::{bind_error, mask_array, numbered, try_texts};

    fn mask(format: &str) -> String {
        let format = serde_json::to_string(format).unwrap();
        format!(r#"{{"type": "from_unique", "format": {format}}}"#)
    }

    #[test]
    fn every_row_has_its_own_string() {
        for (format, pattern) in [
            ("{[A-Z],2}{[0-9],2}", "^[A-Z]{2}[0-9]{2}$"),
            ("{[0-9],6}-{[xy]}", "^[0-9]{6}-[xy]$"),
            ("{[żół],40}", "^[żół]{40}$"),
            ("{[a-z0-9],32}", "^[a-z0-9]{32}$"),
        ] {
            let pattern = regex::Regex::new(pattern).unwrap();
            let masked = numbered(&mask(format), 20_000);
            assert!(masked.iter().all(|text| pattern.is_match(text)), "{format}");
            let distinct: HashSet<&String> = masked.iter().collect();
            assert_eq!(distinct.len(), masked.len(), "{format}");
            // Neighbours have nothing in common.
            let alike = |pair: &&[String]| pair[0].chars().next() == pair[1].chars().next();
            let alike = masked.windows(2).filter(alike).count();
            assert!(alike < 10_000, "{format} {alike}");
        }
    }

    #[test]
    fn all_strings_come_up_and_not_one_more() {
        let values: Vec<Option<&str>> = vec![None; 101];
        let masked = try_texts(&mask("{[0-9],2}"), &values[..100]).unwrap();
        let masked: HashSet<String> = masked.into_iter().flatten().collect();
        assert_eq!(masked, (0..100).map(|n| format!("{n:02}")).collect());
        let error = try_texts(&mask("{[0-9],2}"), &values).unwrap_err();
        assert!(matches!(error, MaskError::Internal(_)));
    }

    #[test]
    fn numbers_stay_numbers() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(1)]));
        let masked = mask_array(&mask("-{[1-9]}{[0-9],8}"), numbers).unwrap();
        let masked = masked.as_primitive::<Int32Type>();
        assert_eq!(masked.null_count(), 0);
        let values: HashSet<i32> = masked.values().iter().copied().collect();
        assert!(
            values
                .iter()
                .all(|n| (-999_999_999..-99_999_999).contains(n))
        );
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn bad_formats_and_places() {
        for (format, column) in [
            ("", DataType::Utf8),
            ("{[A-Z],3", DataType::Utf8),
            ("{[A-Z],3}", DataType::Int64),
            ("{[+0-9],3}", DataType::Int64),
            ("{[0-9],3}", DataType::Int8),
            ("{[0-9],3}.{[0-9],2}", DataType::Decimal128(9, 1)),
            ("{[0-9],3}.{[0-9]}", DataType::Int32),
        ] {
            let path = bind_error(&mask(format), &column).path;
            assert_eq!(path, "[0].format", "{format}");
        }
        let inner = mask("{[0-9],3}");
        for (around, fine) in [
            (format!(r#"{{"type": "chain", "masks": [{inner}]}}"#), true),
            (
                format!(r#"{{"type": "concat", "masks": [{inner}]}}"#),
                false,
            ),
            (
                format!(
                    r#"{{"type": "replace_regex", "regex": "a", "masks": [{{"type": "chain", "masks": [{inner}]}}]}}"#
                ),
                false,
            ),
        ] {
            match fine {
                true => assert_eq!(try_texts(&around, &[Some("x")]).unwrap().len(), 1),
                false => assert!(bind_error(&around, &DataType::Utf8).path.ends_with("type")),
            }
        }
    }
}
