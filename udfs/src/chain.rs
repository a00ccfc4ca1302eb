//! A chain of masks: the first gets the column's value, each other what the one before it gave.

use arrow::array::ArrayRef;

use crate::error::MaskError;
use crate::length::{self, Lengths};
use crate::mask::Mask;
use crate::rows::Rows;

/// Masks applied in order.
#[derive(Debug)]
pub struct Chain(pub Vec<Box<dyn Mask>>);

impl Mask for Chain {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        self.0
            .iter()
            .try_fold(values, |values, mask| mask.mask(values, rows))
    }

    fn by_value(&self) -> bool {
        self.0.iter().all(|mask| mask.by_value())
    }

    fn draws(&self) -> bool {
        self.0.iter().any(|mask| mask.draws())
    }

    fn refuses_hash_columns(&self) -> bool {
        self.0.iter().any(|mask| mask.refuses_hash_columns())
    }

    fn keeps_distinct(&self) -> bool {
        self.makes_distinct() || self.0.iter().all(|mask| mask.keeps_distinct())
    }

    /// What the first masks give is no longer than what they got; about the length of what the others
    /// give nothing is known.
    fn keeps_distinct_up_to(&self) -> Option<usize> {
        let limits: Vec<usize> = self
            .0
            .iter()
            .map_while(|mask| mask.keeps_distinct_up_to())
            .collect();
        let others = &self.0[limits.len()..];
        limits
            .into_iter()
            .min()
            .filter(|_| others.iter().all(|mask| mask.keeps_distinct()))
    }

    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        let first = length::as_before(input);
        self.0.iter().fold(first, |lengths, mask| {
            mask.lengths(lengths.map(|lengths| *lengths.end()))
        })
    }

    fn makes_distinct(&self) -> bool {
        let makes = self.0.iter().rposition(|mask| mask.makes_distinct());
        makes.is_some_and(|at| self.0[at..].iter().all(|mask| mask.keeps_distinct()))
    }

    fn rows_offered(&self) -> Option<u128> {
        self.0.iter().filter_map(|mask| mask.rows_offered()).min()
    }

    fn shuffles(&self) -> bool {
        self.0.iter().any(|mask| mask.shuffles())
    }

    fn may_give_null(&self) -> bool {
        self.0.iter().any(|mask| mask.may_give_null())
    }
}
