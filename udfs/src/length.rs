//! How many characters results of a mask have, as far as it is known before any value is seen.

use std::ops::RangeInclusive;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

/// From the fewest to the most characters of a text that is not null.
pub type Lengths = RangeInclusive<usize>;

/// Results that are as long as what they are made from.
pub(crate) fn as_before(input: Option<usize>) -> Option<Lengths> {
    input.map(|most| 0..=most)
}

/// The lengths of the texts of an array; nothing of other types, and of no text at all.
pub(crate) fn of_texts(values: &ArrayRef) -> Option<Lengths> {
    let count = |text: &str| text.chars().count();
    let lengths: Vec<usize> = match values.data_type() {
        DataType::Utf8 => values
            .as_string::<i32>()
            .iter()
            .flatten()
            .map(count)
            .collect(),
        DataType::LargeUtf8 => values
            .as_string::<i64>()
            .iter()
            .flatten()
            .map(count)
            .collect(),
        DataType::Utf8View => values
            .as_string_view()
            .iter()
            .flatten()
            .map(count)
            .collect(),
        _ => return None,
    };
    Some(*lengths.iter().min()?..=*lengths.iter().max()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray};

    use super::*;

    #[test]
    fn lengths_of_texts() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("größe"), None, Some("")]));
        assert_eq!(of_texts(&texts), Some(0..=5));
        let none: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
        assert_eq!(of_texts(&none), None);
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        assert_eq!(of_texts(&numbers), None);
    }
}
