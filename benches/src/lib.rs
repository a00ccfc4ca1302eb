//! Columns to measure masks on.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringViewArray};
use arrow::datatypes::DataType;

/// Rows in a batch, as in a run.
pub const ROWS: usize = 8192;

/// A column of `data_type` (text or dates), every `null_every`-th value null; none for zero.
pub fn column(data_type: &DataType, null_every: usize) -> ArrayRef {
    let is_null = |row: usize| null_every > 0 && row.is_multiple_of(null_every);
    match data_type {
        DataType::Date32 => Arc::new(
            (0..ROWS as i32)
                .map(|row| (!is_null(row as usize)).then_some(row % 20_000))
                .collect::<Date32Array>(),
        ),
        _ => Arc::new(
            (0..ROWS)
                .map(|row| {
                    (!is_null(row))
                        .then(|| format!("user{:07}@example.com", row * 7919 % 9_999_991))
                })
                .collect::<StringViewArray>(),
        ),
    }
}
