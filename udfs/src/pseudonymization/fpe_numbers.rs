//! `fpe` in columns of integers, and of decimals without a fraction.
//!
//! - A number is encrypted as the text of its digits, so `1234567` has one image in every type and in text.
//! - A result the column cannot hold as a number of as many digits (a zero in front, beyond the type's
//!   range) is encrypted again until it can ("cycle walking", Black and Rogaway, CT-RSA 2002); likewise
//!   back. The number itself is one the column holds, so the walk ends, and it is one-to-one.
//! - The sign stays. `0` is a number of one digit; below zero there are nine of those.

use arrow::array::{Array, ArrayRef, StringViewArray};
use arrow::datatypes::DataType;

use crate::canonical::plain_text;
use crate::error::{BindError, MaskError};
use crate::messages::Part;
use crate::numbers::Grid;
use crate::rows::Rows;
use crate::scalar::typed;

/// A column whose digits are encrypted.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    column: DataType,
    grid: Grid,
}

impl Numbers {
    /// Of a column of integers or decimals.
    ///
    /// # Errors
    /// When the decimals have a scale, or `alphabet` is anything but the ten digits.
    pub(super) fn new(column: &DataType, alphabet: &str) -> Result<Self, BindError> {
        let grid = Grid::of(column);
        if grid.scale != Some(0) {
            let message = format!("`fpe` does not take {column}: its numbers have a scale");
            return Err(BindError::new("type", message));
        }
        let mut characters: Vec<char> = alphabet.chars().collect();
        characters.sort_unstable();
        if alphabet != "numeric" && !characters.into_iter().eq('0'..='9') {
            let message = "the column holds numbers, which have digits: take `numeric`";
            return Err(BindError::new("alphabet", message));
        }
        Ok(Self {
            column: column.clone(),
            grid,
        })
    }

    /// The numbers encrypted by `encrypt`, which takes texts of digits and their rows.
    ///
    /// # Errors
    /// Those of `encrypt`.
    pub(super) fn mask(
        &self,
        values: &ArrayRef,
        rows: &Rows<'_>,
        encrypt: impl Fn(&StringViewArray, &Rows<'_>) -> Result<StringViewArray, MaskError>,
    ) -> Result<ArrayRef, MaskError> {
        let values = plain_text(values)?;
        let digits: StringViewArray = values.iter().map(|value| value.map(unsigned)).collect();
        let mut images = encrypt(&digits, rows)?;
        let mut masked: Vec<Option<String>> = vec![None; values.len()];
        let mut walking: Vec<u32> = (0..).take(values.len()).collect();
        loop {
            let mut outside = vec![];
            let mut texts = vec![];
            for (row, image) in walking.into_iter().zip(&images) {
                let value = values
                    .is_valid(row as usize)
                    .then(|| values.value(row as usize));
                let (Some(value), Some(image)) = (value, image) else {
                    continue;
                };
                let sign = &value[..value.len() - unsigned(value).len()];
                match self.holds(sign, image) {
                    true => masked[row as usize] = Some(format!("{sign}{image}")),
                    false => {
                        outside.push(row);
                        texts.push(image);
                    }
                }
            }
            if outside.is_empty() {
                break;
            }
            let texts = StringViewArray::from(texts);
            let again = rows.select(&outside, &vec![0; outside.len()], Part::Element)?;
            // They are counted already.
            let again = again.weighing(vec![0; outside.len()]);
            images = encrypt(&texts, &again).map_err(|error| error.in_rows(&outside))?;
            walking = outside;
        }
        typed(masked.into_iter().collect(), &self.column)
    }

    /// Whether digits are as the column would write them.
    fn holds(&self, sign: &str, digits: &str) -> bool {
        if digits.starts_with('0') {
            return digits == "0" && sign.is_empty();
        }
        // A decimal of more digits than an i128 has holds any number of as many digits.
        match format!("{sign}{digits}").parse::<i128>() {
            Ok(number) => (self.grid.least..=self.grid.greatest).contains(&number),
            Err(_) => true,
        }
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix('-').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        AsArray, Decimal128Array, Decimal256Array, Int8Array, Int16Array, Int32Array, Int64Array,
        UInt64Array,
    };
    use arrow::compute::cast;
    use arrow::datatypes::i256;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, mask_with_input};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "fpe", "domain": "test"{args}}}"#)
    }

    /// The numbers masked, and masked back.
    fn there_and_back(args: &str, numbers: ArrayRef) -> Vec<String> {
        let masked = mask_array(&mask(args), Arc::clone(&numbers)).unwrap();
        let back = mask_array(
            &mask(&format!(r#"{args}, "decrypt": true"#)),
            Arc::clone(&masked),
        );
        assert_eq!(&back.unwrap(), &numbers);
        let texts = plain_text(&masked).unwrap();
        texts.iter().flatten().map(str::to_owned).collect()
    }

    /// Every number of a length becomes another of it, each once.
    #[test]
    fn whole_lengths() {
        let table = r#", "short": "table""#;
        let whole = |first: i64, last: i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(first..=last))
        };
        for (first, last) in [
            (0, 9),
            (10, 99),
            (100, 999),
            (1_000, 9_999),
            (10_000, 99_999),
            (-9, -1),
            (-999, -100),
        ] {
            let numbers = whole(first, last);
            let masked = there_and_back(table, numbers);
            let mut masked: Vec<i64> = masked.iter().map(|text| text.parse().unwrap()).collect();
            assert!(
                masked
                    .iter()
                    .zip(first..)
                    .any(|(image, number)| *image != number)
            );
            masked.sort_unstable();
            assert!(masked.into_iter().eq(first..=last), "{first} to {last}");
        }
        // The types' own ends cut a length short.
        let mut bytes: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        let column: ArrayRef = Arc::new(Int8Array::from(bytes.clone()));
        let masked = there_and_back(table, column);
        let mut masked: Vec<i8> = masked.iter().map(|text| text.parse().unwrap()).collect();
        masked.sort_unstable();
        bytes.sort_unstable();
        assert_eq!(masked, bytes);
        let column: ArrayRef = Arc::new(Int16Array::from_iter_values(i16::MIN..=i16::MAX));
        let mut masked: Vec<i16> = there_and_back(table, column)
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        masked.sort_unstable();
        assert!(masked.into_iter().eq(i16::MIN..=i16::MAX));
    }

    /// Six digits are enough without a table.
    #[test]
    fn six_digits() {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(100_000..=999_999));
        let masked = mask_array(&mask(""), numbers).unwrap();
        let masked = cast(&masked, &DataType::Int32).unwrap();
        let mut masked = masked
            .as_primitive::<arrow::datatypes::Int32Type>()
            .values()
            .to_vec();
        masked.sort_unstable();
        assert!(masked.into_iter().eq(100_000..=999_999));
    }

    #[test]
    fn ends_of_types() {
        let columns: [ArrayRef; 5] = [
            Arc::new(Int32Array::from(vec![i32::MIN, i32::MAX, 1_000_000_000])),
            Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, -1_000_000])),
            Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1, 1_000_000])),
            Arc::new(
                Decimal128Array::from(vec![10_i128.pow(38) - 1, -(10_i128.pow(37))])
                    .with_precision_and_scale(38, 0)
                    .unwrap(),
            ),
            Arc::new(
                Decimal256Array::from(vec![
                    i256::from_string(&"9".repeat(76)).unwrap(),
                    i256::from_string(&format!("-1{}", "0".repeat(75))).unwrap(),
                ])
                .with_precision_and_scale(76, 0)
                .unwrap(),
            ),
        ];
        for column in columns {
            let before = plain_text(&column).unwrap();
            let masked = there_and_back("", column);
            for (value, image) in before.iter().flatten().zip(masked) {
                assert_eq!(value.len(), image.len(), "{value} {image}");
                assert_eq!(value.starts_with('-'), image.starts_with('-'));
                assert_ne!(value, image);
            }
        }
    }

    /// One image in every type, and in text where that has no zero in front.
    #[test]
    fn as_text() {
        let numbers = Int64Array::from_iter_values((0..500).map(|n| 1_000_000 + n * 7_919));
        let texts = plain_text(&(Arc::new(numbers.clone()) as ArrayRef)).unwrap();
        let of_numbers = there_and_back("", Arc::new(numbers.clone()));
        let of_texts = mask_texts(&mask(""), &texts.iter().collect::<Vec<_>>());
        let mut zeros = 0;
        for (number, text) in of_numbers.iter().zip(of_texts) {
            match text.filter(|text| !text.starts_with('0')) {
                Some(text) => assert_eq!(*number, text),
                None => zeros += 1,
            }
        }
        assert!((20..90).contains(&zeros), "{zeros}");
        let numbers: ArrayRef = Arc::new(numbers);
        for column in [DataType::UInt32, DataType::Decimal128(12, 0)] {
            let other = there_and_back("", cast(&numbers, &column).unwrap());
            assert_eq!(other, of_numbers, "{column}");
        }
    }

    #[test]
    fn short_numbers_nulls_and_tweaks() {
        let column = || -> ArrayRef {
            Arc::new(Int64Array::from(vec![
                None,
                Some(-12_345),
                Some(1_234_567),
                Some(0),
            ]))
        };
        assert_eq!(
            mask_array(&mask(""), column()).unwrap_err(),
            MaskError::Refused {
                row: 1,
                expected: "long enough: its length has to allow a million texts"
            }
        );
        let kept = mask_array(&mask(r#", "short": "keep""#), column()).unwrap();
        let kept = plain_text(&kept).unwrap();
        assert_eq!((kept.value(1), kept.value(3)), ("-12345", "0"));
        assert!(kept.is_null(0) && kept.value(2) != "1234567");
        let null = mask_array(&mask(r#", "short": "null""#), column()).unwrap();
        assert_eq!(null.null_count(), 3);
        // Rows that go round again keep their own tweak.
        let values = Int32Array::from(vec![2_000_000_011; 40]);
        let tweaks: Vec<String> = (0..40).map(|n| (n % 4).to_string()).collect();
        let tweaks: StringViewArray = tweaks.iter().map(|text| Some(text.as_str())).collect();
        let args = mask(r#", "tweak_column": "t""#);
        let masked = mask_with_input(&args, Arc::new(values), "t", tweaks).unwrap();
        let masked = plain_text(&masked).unwrap();
        for row in 0..40 {
            let args = mask(&format!(r#", "tweak": "{}""#, row % 4));
            let one = mask_array(&args, Arc::new(Int32Array::from(vec![2_000_000_011]))).unwrap();
            assert_eq!(
                plain_text(&one).unwrap().value(0),
                masked.value(row),
                "{row}"
            );
        }
    }

    #[test]
    fn columns_that_do_not_fit() {
        for (args, column, path) in [
            ("", DataType::Decimal128(10, 2), "[0].type"),
            ("", DataType::Decimal128(10, -2), "[0].type"),
            ("", DataType::Float64, "[0].type"),
            (
                r#", "alphabet": "alphanumeric""#,
                DataType::Int64,
                "[0].alphabet",
            ),
            (
                r#", "alphabet": "01234567""#,
                DataType::Int64,
                "[0].alphabet",
            ),
        ] {
            assert_eq!(
                bind_error(&mask(args), &column).path,
                path,
                "{args} {column}"
            );
        }
        let other = there_and_back(
            r#", "alphabet": "9876543210""#,
            Arc::new(Int64Array::from(vec![1_234_567])),
        );
        assert_ne!(other[0], "1234567");
    }
}
