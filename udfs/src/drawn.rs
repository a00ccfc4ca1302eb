//! What the draws of a column are taken from, batch by batch.

use arrow::array::{ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::UInt64Type;

use crate::canonical::canonical_text;
use crate::column::MISSING;
use crate::error::MaskError;
use crate::hash_columns::HashColumn;
use crate::messages::{Messages, Part};

/// What draws are taken from.
pub(crate) enum Drawn {
    Nothing,
    Places(Box<Messages>),
    Values(Vec<HashValues>),
}

pub(crate) enum HashValues {
    /// The masked value itself, each element of a list for itself.
    Own(HashColumn),
    /// One value a row.
    OfRow(StringViewArray),
}

impl Drawn {
    /// What the draws of the column at the path `own` are taken from, as far as it is one value a row:
    /// `columns`, whose roots are the arguments, or the unit's path and the rows' places.
    pub(crate) fn of(
        columns: &[HashColumn],
        own: &str,
        places: &[ArrayRef],
        arguments: &[ArrayRef],
    ) -> Result<Self, MaskError> {
        if arguments.is_empty() {
            return Ok(Self::Nothing);
        }
        if columns.is_empty() {
            let ([paths], [places]) = (arguments, places) else {
                return Err(MISSING);
            };
            let paths = canonical_text(paths)?;
            let places = places.as_primitive_opt::<UInt64Type>().ok_or(MISSING)?;
            let messages = Messages::of_places(paths, places.clone());
            return Ok(Self::Places(Box::new(messages)));
        }
        let values = columns.iter().zip(arguments).map(|(column, root)| {
            Ok(match column.column == own {
                true => HashValues::Own(column.clone()),
                false => HashValues::OfRow(column.values(root)?),
            })
        });
        Ok(Self::Values(values.collect::<Result<_, MaskError>>()?))
    }

    /// The messages of `rows` rows whose own values are `own`.
    pub(crate) fn messages(&self, own: &ArrayRef, rows: usize) -> Result<Messages, MaskError> {
        match self {
            Self::Nothing => Ok(Messages::default()),
            Self::Places(messages) => Ok((**messages).clone()),
            Self::Values(values) => {
                let values = values
                    .iter()
                    .map(|values| match values {
                        HashValues::Own(column) => column.leaf_values(own),
                        HashValues::OfRow(values) => Ok(values.clone()),
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Messages::of(&values, rows))
            }
        }
    }

    /// The messages of leaves that belong to `rows`. Where the own value counts, equal elements of
    /// one row draw alike; else their ordinal tells them apart.
    pub(crate) fn select(
        &self,
        rows: &[u32],
        ordinals: &[u32],
        own: &ArrayRef,
    ) -> Result<Messages, MaskError> {
        let Self::Values(values) = self else {
            return Ok(match self {
                Self::Places(messages) => messages.select(rows, ordinals, Part::Element),
                _ => Messages::default(),
            });
        };
        let indices = UInt32Array::from(rows.to_vec());
        let mut by_own_value = false;
        let mut selected = Vec::with_capacity(values.len());
        for values in values {
            selected.push(match values {
                HashValues::Own(column) => {
                    by_own_value = true;
                    column.leaf_values(own)?
                }
                HashValues::OfRow(values) => take(values, &indices, None)
                    .map_err(|_| MaskError::Internal("a row index lies outside the batch"))?
                    .as_string_view()
                    .clone(),
            });
        }
        let messages = Messages::of(&selected, rows.len());
        if by_own_value {
            return Ok(messages);
        }
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        Ok(messages.select(&all, ordinals, Part::Element))
    }
}

/// How many earlier values belong to the same row, for values in row order.
pub(crate) fn ordinals(rows: &[u32]) -> Vec<u32> {
    let mut ordinal = 0;
    let mut last = None;
    rows.iter()
        .map(|&row| {
            ordinal = if last == Some(row) { ordinal + 1 } else { 0 };
            last = Some(row);
            ordinal
        })
        .collect()
}
