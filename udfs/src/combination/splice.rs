//! Parts of texts, replaced.

use std::ops::Range;

use arrow::array::{Array, StringViewArray, StringViewBuilder};

use crate::rows::row_numbers;

/// Parts of the texts of a batch, one after the other.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The row each is in, ascending.
    pub(super) rows: Vec<u32>,
    /// Where it is in the row's text, from left to right.
    pub(super) spans: Vec<Range<usize>>,
}

impl Parts {
    /// `values` with each part replaced by its text in `masked`, or left out where that is null.
    pub(super) fn replaced(
        &self,
        values: &StringViewArray,
        masked: &StringViewArray,
    ) -> StringViewArray {
        let mut spliced = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        let mut next = 0;
        for (row, value) in row_numbers(values).zip(values) {
            let Some(value) = value else {
                spliced.append_null();
                continue;
            };
            text.clear();
            let mut copied = 0;
            while self.rows.get(next) == Some(&row) {
                let span = &self.spans[next];
                text.push_str(&value[copied..span.start]);
                if masked.is_valid(next) {
                    text.push_str(masked.value(next));
                }
                copied = span.end;
                next += 1;
            }
            text.push_str(&value[copied..]);
            spliced.append_value(&text);
        }
        spliced.finish()
    }
}
