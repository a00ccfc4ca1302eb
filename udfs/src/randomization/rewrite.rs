//! Masks that write a new text in place of each one they know how to read: the loop they share.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};

use crate::canonical::plain_text;
use crate::key::MaskKey;
use crate::mask::{Mask, MaskError, OnInvalid};
use crate::rows::Rows;

/// How one value is written anew.
pub(super) trait Rewrite: Debug + Send + Sync {
    /// What a value has to be, for the error of one that is not.
    const EXPECTED: &'static str;

    /// How many blocks of its draw `value` needs, at least 1: the draw itself.
    fn blocks(&self, value: &str) -> usize;

    /// Appends the masked value to `text`; `None` where `value` is not what the mask takes.
    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()>;
}

/// A [`Rewrite`] as a mask. Null stays null; value and draw decide.
#[derive(Debug)]
pub(super) struct Rewriting<K> {
    pub(super) key: MaskKey,
    pub(super) on_invalid: OnInvalid,
    pub(super) kernel: K,
}

impl<K: Rewrite> Mask for Rewriting<K> {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let blocks_of = |row: usize| match values.is_valid(row) {
            true => self.kernel.blocks(values.value(row)),
            false => 0,
        };
        let blocks = rows.draws(&self.key).expand(blocks_of);
        let mut blocks = blocks.as_slice();
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                masked.append_null();
                continue;
            };
            let (own, rest) = blocks.split_at(blocks_of(row));
            blocks = rest;
            text.clear();
            match self.kernel.rewrite(value, own, &mut text) {
                Some(()) => masked.append_value(&text),
                None => masked.append_option(self.on_invalid.at::<&str>(row, K::EXPECTED)?),
            }
        }
        Ok(Arc::new(masked.finish()))
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

/// One of `0..n` out of `bits`, which then holds what is left of them.
pub(super) fn take_from(bits: &mut u64, n: u64) -> u64 {
    let product = u128::from(*bits) * u128::from(n);
    *bits = product as u64;
    (product >> 64) as u64
}

/// `values` masked by `mask`, none of them to null.
#[cfg(test)]
pub(super) fn mask_all(mask: &str, values: &[String]) -> Vec<String> {
    let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
    let masked = crate::examples::mask_texts(mask, &values);
    masked.into_iter().map(Option::unwrap).collect()
}
