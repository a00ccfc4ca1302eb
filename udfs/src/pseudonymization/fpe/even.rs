//! Columns of values of one length that are made of the alphabet's characters alone, as card numbers
//! are: all their characters are turned at once.

use arrow::array::{Array, StringViewArray, StringViewBuilder};

/// The numerals of such a column, row after row; null has none.
pub(super) struct Even {
    pub(super) numerals: Vec<u8>,
    /// How many each value has.
    pub(super) length: usize,
}

impl Even {
    /// The numerals of `values`, where the characters from `first` on are `radix` numerals. `None`
    /// for a column of nulls, of two lengths or with another character.
    pub(super) fn read(values: &StringViewArray, first: u8, radix: u32) -> Option<Self> {
        let nulls = values.nulls();
        let is_valid = |row: &usize| nulls.is_none_or(|nulls| nulls.is_valid(*row));
        // The length of a value is the lower half of its view.
        let length_of = |row: usize| values.views()[row] as u32;
        let length = length_of((0..values.len()).find(is_valid)?);
        let odd = (0..values.len()).find(|row| length_of(*row) != length && is_valid(row));
        if odd.is_some() {
            return None;
        }
        let length = length as usize;
        let mut numerals = Vec::with_capacity((values.len() - values.null_count()) * length);
        for value in values.iter().flatten() {
            numerals.extend_from_slice(value.as_bytes());
        }
        let mut greatest = 0;
        for numeral in &mut numerals {
            *numeral = numeral.wrapping_sub(first);
            greatest = greatest.max(*numeral);
        }
        (u32::from(greatest) < radix).then_some(Self { numerals, length })
    }

    /// The numerals as characters again, null where `values` has it.
    pub(super) fn write(self, first: u8, values: &StringViewArray) -> StringViewArray {
        let mut bytes = self.numerals;
        for byte in &mut bytes {
            *byte += first;
        }
        let mut rest = std::str::from_utf8(&bytes).expect("the characters are ASCII");
        let mut masked = StringViewBuilder::with_capacity(values.len());
        for row in 0..values.len() {
            if values.is_null(row) {
                masked.append_null();
                continue;
            }
            let (own, others) = rest.split_at(self.length);
            masked.append_value(own);
            rest = others;
        }
        masked.finish()
    }
}
