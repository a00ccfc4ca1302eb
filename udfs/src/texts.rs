//! Text columns that are written byte by byte.
//!
//! A builder of Arrow takes a value that is ready; here it is written where it stays, and looked at
//! once with all the others.

use arrow::array::{BooleanBufferBuilder, LargeStringArray, OffsetBufferBuilder, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer};

use crate::error::MaskError;

/// Text being written, value after value.
pub(crate) struct Texts {
    bytes: Vec<u8>,
    /// Where the value at hand begins.
    start: usize,
    offsets: OffsetBufferBuilder<i64>,
    /// From the first null on.
    valid: Option<BooleanBufferBuilder>,
}

impl Texts {
    /// Room for `rows` values.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(rows * 16),
            start: 0,
            offsets: OffsetBufferBuilder::new(rows),
            valid: None,
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
            // One more offset than values.
            let before = self.offsets.len() - 1;
            let mut valid = BooleanBufferBuilder::new(before + 1);
            valid.append_n(before, true);
            valid
        });
        self.close(false);
    }

    #[inline]
    fn close(&mut self, valid: bool) {
        self.offsets.push_length(self.bytes.len() - self.start);
        self.start = self.bytes.len();
        if let Some(all) = &mut self.valid {
            all.append(valid);
        }
    }

    /// The column.
    ///
    /// # Errors
    /// When what was written is no UTF-8, which is an error of the mask.
    pub(crate) fn finish(self) -> Result<StringViewArray, MaskError> {
        let nulls = self.valid.map(|mut valid| NullBuffer::new(valid.finish()));
        let bytes = Buffer::from_vec(self.bytes);
        let texts = LargeStringArray::try_new(self.offsets.finish(), bytes, nulls)
            .map_err(|_| MaskError::Internal("a mask wrote what is no text"))?;
        Ok(StringViewArray::from(&texts))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

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
        assert_eq!(
            texts.finish().unwrap(),
            StringViewArray::from_iter(expected)
        );
        let mut whole = Texts::with_capacity(1);
        whole.end();
        assert_eq!(whole.finish().unwrap().nulls(), None);
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
