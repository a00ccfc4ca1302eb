//! Text columns that are written byte by byte.
//!
//! A builder of Arrow takes a value that is ready; here it is written where it stays, and looked at
//! once with all the others.

use arrow::array::{BooleanBufferBuilder, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer};

use crate::error::MaskError;

/// Text being written, value after value.
pub(crate) struct Texts {
    /// The values that have no view yet, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<u32>,
    /// Where the value at hand begins.
    start: usize,
    views: Vec<u128>,
    /// What the views of long values point into.
    blocks: Vec<Buffer>,
    /// From the first null on.
    valid: Option<BooleanBufferBuilder>,
    /// A block that is larger is closed.
    large: usize,
    /// Why there will be no column.
    problem: Option<&'static str>,
}

/// Bytes of a block that another is begun behind: views count them in 31 bits (Arrow columnar format,
/// variable-size binary view layout).
const LARGE: usize = 1 << 30;

/// The longest value that a view holds itself.
const INLINE: usize = 12;

/// Bytes behind the last value that may be read with it.
const SLACK: usize = 12;

impl Texts {
    /// Room for `rows` values.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(rows * 16 + SLACK),
            ends: Vec::with_capacity(rows),
            start: 0,
            views: Vec::with_capacity(rows),
            blocks: Vec::new(),
            valid: None,
            large: LARGE,
            problem: None,
        }
    }

    /// Where the value at hand is written, behind all others: UTF-8.
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The value at hand is what was written since the last one.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.close(true);
    }

    /// The value at hand is null, whatever was written of it.
    pub(crate) fn null(&mut self) {
        self.bytes.truncate(self.start);
        self.valid.get_or_insert_with(|| {
            let before = self.views.len() + self.ends.len();
            let mut valid = BooleanBufferBuilder::new(before + 1);
            valid.append_n(before, true);
            valid
        });
        self.close(false);
    }

    #[inline]
    fn close(&mut self, valid: bool) {
        if self.bytes.len() > i32::MAX as usize {
            self.problem = Some("a mask wrote a value of more than a gibibyte");
            self.bytes.truncate(self.start);
        }
        self.start = self.bytes.len();
        self.ends.push(self.start as u32);
        if let Some(all) = &mut self.valid {
            all.append(valid);
        }
        if self.start > self.large {
            self.close_block();
        }
    }

    /// Makes the views of the values that have none.
    fn close_block(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let text = simdutf8::basic::from_utf8(&bytes).unwrap_or_default();
        let is_boundary = |end: &u32| text.is_char_boundary(*end as usize);
        let is_text =
            text.len() == bytes.len() && (text.is_ascii() || self.ends.iter().all(is_boundary));
        if !is_text {
            self.problem = Some("a mask wrote what is no text");
        }
        bytes.extend([0; SLACK]);
        let block = self.blocks.len() as u32;
        let mut start = 0;
        let mut is_pointed_into = false;
        self.views.extend(self.ends.drain(..).map(|end| {
            let length = end - start;
            let offset = std::mem::replace(&mut start, end);
            let mut view = [0; 16];
            view[4..].copy_from_slice(&bytes[offset as usize..][..INLINE]);
            let view = u128::from_le_bytes(view) | u128::from(length);
            if length as usize <= INLINE {
                return view & u128::MAX >> (8 * (INLINE as u32 - length));
            }
            is_pointed_into = true;
            // Length, the first four bytes, block, offset.
            view & u128::from(u64::MAX) | u128::from(block) << 64 | u128::from(offset) << 96
        }));
        if is_pointed_into {
            self.blocks.push(Buffer::from_vec(bytes));
        }
        self.start = 0;
    }

    /// The column.
    ///
    /// # Errors
    /// When what was written is no UTF-8, which is an error of the mask, or too long for a view.
    pub(crate) fn finish(mut self) -> Result<StringViewArray, MaskError> {
        self.close_block();
        if let Some(problem) = self.problem {
            return Err(MaskError::Internal(problem));
        }
        let nulls = self.valid.map(|mut valid| NullBuffer::new(valid.finish()));
        #[expect(
            unsafe_code,
            reason = "a second look at text that was checked costs more than most masks"
        )]
        // SAFETY: each view is of a value in bytes that `close_block` found to be UTF-8 and to end and
        // begin between two characters. A short one holds its bytes with zeros behind; a long one its
        // length, its first four bytes, the number of its block, and where in it the value begins. There
        // is one bit of validity for each.
        Ok(unsafe { StringViewArray::new_unchecked(self.views.into(), self.blocks, nulls) })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use proptest::collection::vec;
    use proptest::{option, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn values_and_nulls() {
        let mut texts = Texts::with_capacity(4);
        for text in [Some("é"), None, Some(""), Some("longer than twelve bytes")] {
            texts
                .bytes()
                .extend_from_slice(text.unwrap_or("lost").as_bytes());
            match text {
                Some(_) => texts.end(),
                None => texts.null(),
            }
        }
        let expected = [Some("é"), None, Some(""), Some("longer than twelve bytes")];
        let masked = texts.finish().unwrap();
        masked.to_data().validate_full().unwrap();
        assert_eq!(masked, StringViewArray::from_iter(expected));
        let mut whole = Texts::with_capacity(1);
        whole.end();
        assert_eq!(whole.finish().unwrap().nulls(), None);
    }

    proptest! {
        /// Whatever is written, in however many blocks, is a sound array of just these values.
        #[test]
        fn any_values_in_any_blocks(
            values in vec(option::of("[a-zé𝄞]{0,20}"), 0..40),
            large in 0_usize..100,
        ) {
            let mut texts = Texts { large, ..Texts::with_capacity(values.len()) };
            for value in &values {
                match value {
                    Some(value) => {
                        texts.bytes().extend_from_slice(value.as_bytes());
                        texts.end();
                    }
                    None => texts.null(),
                }
            }
            let texts = texts.finish().unwrap();
            texts.to_data().validate_full().unwrap();
            prop_assert_eq!(texts, StringViewArray::from_iter(values));
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let mut texts = Texts::with_capacity(2);
        for half in [0xc3, 0xa9] {
            texts.bytes().push(half);
            texts.end();
        }
        assert!(texts.finish().is_err());
    }
}
