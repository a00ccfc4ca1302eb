//! `imitate_unique` with a `format`: the strings of the format change places among each other.
//!
//! - A string's number in the format is permuted, so no two strings become the same, whatever column they are in.
//! - Null stays null, empty text empty. Any other value that is no string of the format is refused: two of such
//!   values could not be told from each other among so many strings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use num_bigint::BigUint;

use crate::canonical::plain_text;
use crate::key::MaskKey;
use crate::mask::{BindError, Mask, MaskError, TypeFamily};
use crate::permutation::{Permutation, WidePermutation};
use crate::randomization::format_string::FormatString;
use crate::rows::Rows;
use crate::scalar::typed;

/// What tells these permutations from those of other strings, as many as they are.
const LABEL: &[u8] = b"format";

/// The kernel: a string's place among all strings of the format is permuted.
pub(super) struct OfFormat {
    format: FormatString,
    /// Numbers of characters, at each place where there is a choice.
    images: Images,
    column: DataType,
}

enum Images {
    /// Up to 2^64.
    Narrow(Permutation),
    Wide(Box<WidePermutation>),
}

impl OfFormat {
    /// The kernel for a column of type `column`.
    ///
    /// # Errors
    /// When the format cannot be read, or a string of it may be no value of the column.
    pub(super) fn bind(
        key: &MaskKey,
        format: &str,
        column: &DataType,
    ) -> Result<Box<dyn Mask>, BindError> {
        let wrong = |message: String| BindError::new("format", message);
        if format.is_empty() {
            return Err(wrong("the format is empty".to_owned()));
        }
        let format = FormatString::parse(format).map_err(wrong)?;
        format.fits(column).map_err(wrong)?;
        let size = format.size();
        let images = match u64::try_from(&size) {
            Ok(size) => Images::Narrow(Permutation::new(key, LABEL, size.into())),
            Err(_) => Images::Wide(Box::new(WidePermutation::new(key, LABEL, size))),
        };
        Ok(Box::new(Self {
            format,
            images,
            column: column.clone(),
        }))
    }

    /// The number of each string, by its row.
    ///
    /// # Errors
    /// For a text that is no string of the format.
    fn ranks(&self, values: &StringViewArray) -> Result<BTreeMap<usize, BigUint>, MaskError> {
        let mut ranks = BTreeMap::new();
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                continue;
            };
            let rank = self.format.rank(value).ok_or(MaskError::Refused {
                row,
                expected: "a string of the format",
            })?;
            ranks.insert(row, rank);
        }
        Ok(ranks)
    }
}

impl fmt::Debug for OfFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfFormat({:?})", self.format)
    }
}

impl Mask for OfFormat {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let ranks = self.ranks(&values)?;
        let (rows, mut ranks): (Vec<usize>, Vec<BigUint>) = ranks.into_iter().unzip();
        match &self.images {
            Images::Narrow(permutation) => {
                let narrow = ranks
                    .iter()
                    .map(u64::try_from)
                    .collect::<Result<Vec<_>, _>>();
                let mut narrow = narrow
                    .map_err(|_| MaskError::Internal("a string's number is beyond its format"))?;
                permutation.permute(&mut narrow);
                ranks = narrow.into_iter().map(BigUint::from).collect();
            }
            Images::Wide(permutation) => permutation.permute(&mut ranks),
        }
        let mut images = rows.into_iter().zip(ranks).peekable();
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        for (row, value) in values.iter().enumerate() {
            match images.next_if(|(of, _)| *of == row) {
                Some((_, rank)) => {
                    text.clear();
                    self.format.push_wide(rank, &mut text);
                    masked.append_value(&text);
                }
                None => masked.append_option(value),
            }
        }
        let masked = masked.finish();
        match TypeFamily::of(&self.column) {
            Some(TypeFamily::Text) => Ok(Arc::new(masked)),
            _ => typed(masked, &self.column),
        }
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use arrow::array::{AsArray, Int32Array, StringArray};
    use arrow::datatypes::Int64Type;

    use crate::examples::{bind_error, mask_array, mask_texts};

    use super::*;

    fn mask(format: &str) -> String {
        format!(r#"{{"type": "imitate_unique", "format": "{format}"}}"#)
    }

    #[test]
    fn all_strings_of_a_format_change_places() {
        let strings: Vec<String> = (0..2600)
            .map(|n| format!("K-{}{:02}", char::from(b'A' + (n / 100) as u8), n % 100))
            .collect();
        let values: Vec<Option<&str>> = strings.iter().map(|text| Some(text.as_str())).collect();
        let images = mask_texts(&mask("K-{[A-Z]}{[0-9],2}"), &values);
        let images: Vec<String> = images.into_iter().flatten().collect();
        let all: HashSet<&String> = images.iter().collect();
        assert_eq!(all, strings.iter().collect::<HashSet<_>>());
        let same = images
            .iter()
            .zip(&strings)
            .filter(|(image, text)| image == text);
        assert!(same.count() < 10);
        // Another format of as many strings, and one of very many.
        for (format, value) in [
            ("K-{[A-Z],40}", "K-ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN"),
            ("{[żółw],6}", "żółwww"),
        ] {
            let image = mask_texts(&mask(format), &[Some(value), None, Some("")]);
            let [Some(image), None, Some(empty)] = &image[..] else {
                panic!("{image:?}");
            };
            assert_eq!(image.chars().count(), value.chars().count());
            assert_ne!(image, value);
            assert_eq!(empty, "");
        }
    }

    #[test]
    fn a_value_has_one_image_in_every_type() {
        let mask = mask("{[1-9]}{[0-9],3}");
        let numbers = [1000, 1234, 9999];
        let texts = StringArray::from_iter_values(numbers.map(|n| n.to_string()));
        let texts = mask_array(&mask, Arc::new(texts)).unwrap();
        let texts: Vec<i64> = plain_text(&texts)
            .unwrap()
            .iter()
            .flatten()
            .map(|t| t.parse().unwrap())
            .collect();
        let wide = arrow::array::Int64Array::from_iter_values(numbers.map(i64::from));
        let wide = mask_array(&mask, Arc::new(wide)).unwrap();
        assert_eq!(wide.as_primitive::<Int64Type>().values().to_vec(), texts);
        let narrow = mask_array(&mask, Arc::new(Int32Array::from_iter_values(numbers))).unwrap();
        let narrow: Vec<i64> = plain_text(&narrow)
            .unwrap()
            .iter()
            .flatten()
            .map(|t| t.parse().unwrap())
            .collect();
        assert_eq!(narrow, texts);
        assert!(texts.iter().all(|number| (1000..=9999).contains(number)));
    }

    #[test]
    fn what_is_refused() {
        for value in ["K-1", "k-12", "K-123", "K-1x", "12", " K-12"] {
            let values = StringArray::from_iter([Some("K-10"), Some(value)]);
            let refused = mask_array(&mask("K-{[0-9],2}"), Arc::new(values)).unwrap_err();
            let expected = "a string of the format";
            assert_eq!(refused, MaskError::Refused { row: 1, expected }, "{value}");
        }
        for (format, column) in [
            ("", DataType::Utf8),
            ("{[A-Z", DataType::Utf8),
            ("{[A-Z],2}", DataType::Int32),
            ("{[0-9],20}", DataType::Int64),
        ] {
            assert_eq!(
                bind_error(&mask(format), &column).path,
                "[0].format",
                "{format}"
            );
        }
    }
}
