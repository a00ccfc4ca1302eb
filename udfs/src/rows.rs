//! The rows a mask works on, beside their values: what draws are taken from, and further columns.

use std::borrow::Cow;

use arrow::array::{Array, StringViewArray, UInt32Array};
use arrow::compute::take;

use crate::draw::Draws;
use crate::error::MaskError;
use crate::key::MaskKey;
use crate::messages::{Messages, Part};

/// What a batch offers to a mask besides the values.
#[derive(Debug, Clone)]
pub struct Rows<'r> {
    count: usize,
    messages: Cow<'r, Messages>,
    inputs: Cow<'r, [StringViewArray]>,
    /// The JSON document each row is a value of, where it is one of a document's.
    documents: Option<StringViewArray>,
    /// Empty where no mask goes by them.
    numbers: Cow<'r, [u64]>,
    /// How many rows of a column each stands for; empty where it is one.
    weights: Cow<'r, [u64]>,
}

impl<'r> Rows<'r> {
    /// `count` rows with their draw messages and the columns a mask asked for when it was bound.
    /// Where no mask draws, `messages` may be empty.
    pub fn new(count: usize, messages: &'r Messages, inputs: &'r [StringViewArray]) -> Self {
        Self {
            count,
            messages: Cow::Borrowed(messages),
            inputs: Cow::Borrowed(inputs),
            documents: None,
            numbers: Cow::Borrowed(&[]),
            weights: Cow::Borrowed(&[]),
        }
    }

    /// The same rows with their numbers, one a row.
    pub fn numbered(self, numbers: &'r [u64]) -> Self {
        Self {
            numbers: Cow::Borrowed(numbers),
            ..self
        }
    }

    /// The same rows, each in place of so many of a column.
    pub(crate) fn weighing(self, weights: Vec<u64>) -> Self {
        Self {
            weights: Cow::Owned(weights),
            ..self
        }
    }

    /// The same rows with draws taken from `messages`.
    pub(crate) fn with_messages<'m>(self, messages: &'m Messages) -> Rows<'m>
    where
        'r: 'm,
    {
        Rows {
            count: self.count,
            messages: Cow::Borrowed(messages),
            inputs: self.inputs,
            documents: self.documents,
            numbers: self.numbers,
            weights: self.weights,
        }
    }

    /// The same rows with draws taken from `sources`, too.
    pub(crate) fn drawn_from_also(self, sources: &[StringViewArray]) -> Self {
        Self {
            messages: Cow::Owned(self.messages.followed_by(sources)),
            ..self
        }
    }

    /// The same rows for masks that draw from nothing.
    pub(crate) fn without_messages(&self) -> Self {
        Self {
            count: self.count,
            messages: Cow::Owned(Messages::default()),
            inputs: self.inputs.clone(),
            documents: self.documents.clone(),
            numbers: self.numbers.clone(),
            weights: self.weights.clone(),
        }
    }

    /// The same rows as values of JSON documents.
    pub(crate) fn inside(self, documents: StringViewArray) -> Self {
        Self {
            documents: Some(documents),
            ..self
        }
    }

    /// The same rows with other draws: those of the `ordinal`-th transform of a document. Zero is none.
    pub(crate) fn advanced(self, ordinal: u32) -> Self {
        if ordinal == 0 || self.messages.is_empty() {
            return self;
        }
        let rows: Vec<u32> = (0..self.messages.len() as u32).collect();
        let ordinals = vec![ordinal; rows.len()];
        let messages = self.messages.select(&rows, &ordinals, Part::Transform);
        Self {
            messages: Cow::Owned(messages),
            ..self
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows' draws under `key`.
    pub fn draws<'k>(&self, key: &'k MaskKey) -> Draws<'k> {
        debug_assert_eq!(self.messages.len(), self.count, "a mask that draws says so");
        Draws::new(key, &self.messages)
    }

    /// The rows' numbers; none where they are not known.
    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// How many rows of a column a row stands for.
    pub(crate) fn weight(&self, row: usize) -> u64 {
        self.weights.get(row).copied().unwrap_or(1)
    }

    /// A column asked for with [`crate::mask::Binder::input`], in canonical text.
    pub fn input(&self, index: usize) -> &StringViewArray {
        &self.inputs[index]
    }

    /// The JSON documents the rows are values of, as they stand before the masks at hand.
    pub(crate) fn documents(&self) -> Option<&StringViewArray> {
        self.documents.as_ref()
    }

    /// `length` of these rows from `start` on.
    pub(crate) fn slice(&self, start: usize, length: usize) -> Rows<'static> {
        let sliced = |texts: &StringViewArray| texts.slice(start, length);
        Rows {
            count: length,
            messages: Cow::Owned(match self.messages.is_empty() {
                true => Messages::default(),
                false => self.messages.slice(start, length),
            }),
            inputs: self.inputs.iter().map(sliced).collect(),
            documents: self.documents.as_ref().map(sliced),
            numbers: match self.numbers.is_empty() {
                true => Cow::Owned(vec![]),
                false => Cow::Owned(self.numbers[start..start + length].to_vec()),
            },
            weights: match self.weights.is_empty() {
                true => Cow::Owned(vec![]),
                false => Cow::Owned(self.weights[start..start + length].to_vec()),
            },
        }
    }

    /// Further rows made of these: row `rows[i]`, for the `ordinals[i]`-th time within its row.
    ///
    /// # Errors
    /// When an index lies outside, which is an error of the caller.
    pub fn select(
        &self,
        rows: &[u32],
        ordinals: &[u32],
        part: Part,
    ) -> Result<Rows<'static>, MaskError> {
        let messages = match self.messages.is_empty() {
            true => Messages::default(),
            false => self.messages.select(rows, ordinals, part),
        };
        let indices = UInt32Array::from(rows.to_vec());
        let taken = |texts: &StringViewArray| {
            let taken = take(texts, &indices, None)
                .map_err(|_| MaskError::Internal("a row index lies outside the batch"))?;
            crate::mask::text(&taken)
        };
        let inputs = self.inputs.iter().map(taken);
        Ok(Rows {
            count: rows.len(),
            messages: Cow::Owned(messages),
            inputs: inputs.collect::<Result<_, _>>()?,
            documents: self.documents.as_ref().map(taken).transpose()?,
            numbers: match self.numbers.is_empty() {
                true => Cow::Owned(vec![]),
                false => rows.iter().map(|&row| self.numbers[row as usize]).collect(),
            },
            weights: match self.weights.is_empty() {
                true => Cow::Owned(vec![]),
                false => rows.iter().map(|&row| self.weights[row as usize]).collect(),
            },
        })
    }
}

/// The length of an array as row numbers.
pub(crate) fn row_numbers(array: &dyn Array) -> std::ops::Range<u32> {
    0..u32::try_from(array.len()).expect("a batch has fewer than 2^32 rows")
}
