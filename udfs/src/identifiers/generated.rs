//! Masks that make a number of one kind for any value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};

use super::{Kept, Kind, Number, draw_until, push_like};
use crate::canonical::plain_text;
use crate::error::MaskError;
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{Mask, TypeFamily};
use crate::rows::Rows;
use crate::texts::Texts;

/// A valid number for each row, null or not, in the form of the value where that is a number of the
/// kind's length, else in the usual form.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) key: MaskKey,
    pub(crate) kind: &'static Kind,
    /// A number in the form people write it.
    pub(crate) usual: &'static str,
    /// Whether the column holds numbers, which have no separators.
    pub(crate) bare: bool,
}

impl Generated {
    /// For a column of text or numbers.
    pub(crate) fn new(
        key: MaskKey,
        column: &arrow::datatypes::DataType,
        kind: &'static Kind,
        usual: &'static str,
    ) -> Self {
        Self {
            key,
            kind,
            usual,
            bare: TypeFamily::of(column) != Some(TypeFamily::Text),
        }
    }
}

impl Mask for Generated {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before_or(input, self.usual.len())
    }

    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let forms = plain_text(&values)?;
        let blank = Number::zeros(self.kind.longest());
        let mut numbers = vec![blank; forms.len()];
        draw_until(
            &rows.draws(&self.key),
            |_| true,
            |row, bits| match self.kind.redrawn(&blank, Kept::default(), bits) {
                Some(number) => {
                    numbers[row] = number;
                    true
                }
                None => false,
            },
        )?;
        let mut made = Texts::with_capacity(forms.len());
        for (number, value) in numbers.iter().zip(&forms) {
            if self.bare {
                number.push_to(made.bytes());
            } else {
                let form = value.filter(|value| self.kind.read(value).is_some());
                let form = form.unwrap_or(self.usual);
                push_like(number, form, self.kind.separators, made.bytes());
            }
            made.end();
        }
        Ok(Arc::new(made.finish()?))
    }

    fn draws(&self) -> bool {
        true
    }
}
