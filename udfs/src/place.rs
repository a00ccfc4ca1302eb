//! Which record of a unit a mask refused.

use std::fmt;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::UInt64Type;

use crate::column::ColumnMask;
use crate::error::{MaskError, PlaceUnit};

impl MaskError {
    /// The row within the batch, where one value is to blame.
    fn row(&self) -> Option<usize> {
        match self {
            Self::Refused { row, .. } | Self::Unfit { row, .. } => Some(*row),
            Self::Type { .. } | Self::Missing { .. } | Self::Internal(_) => None,
        }
    }
}

/// Where in its unit a record lies.
#[derive(Debug, Clone, Copy)]
struct RecordPlace {
    at: u64,
    unit: PlaceUnit,
}

/// A [`MaskError`], the column it came from and, where that is known, the record.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ColumnError {
    column: String,
    place: Option<RecordPlace>,
    error: MaskError,
}

impl ColumnError {
    /// The `error` of a batch that `mask` was given with `arguments`.
    pub(crate) fn new(mask: &ColumnMask, arguments: &[ArrayRef], error: MaskError) -> Self {
        let place_of = |row: usize| {
            let unit = mask.places().filter(|unit| *unit != PlaceUnit::Untold)?;
            let places = arguments.first()?.as_primitive_opt::<UInt64Type>()?;
            let at = *places.values().get(row)?;
            Some(RecordPlace { at, unit })
        };
        Self {
            column: mask.path().to_owned(),
            place: error.row().and_then(place_of),
            error,
        }
    }
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            // People count rows from one.
            PlaceUnit::Row => write!(f, "row {}", self.at.saturating_add(1)),
            PlaceUnit::Byte => write!(f, "the record at byte {}", self.at),
            PlaceUnit::Tuple => write!(
                f,
                "the row at ctid ({},{})",
                self.at >> 16,
                self.at & 0xffff
            ),
            PlaceUnit::Untold => f.write_str("a record"),
        }
    }
}

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            column,
            place,
            error,
        } = self;
        match (place, error) {
            (Some(place), MaskError::Refused { expected, .. }) => {
                write!(f, "column `{column}`, {place}: the value is not {expected}")
            }
            (Some(place), MaskError::Unfit { wanted, .. }) => {
                let problem = "the masked value does not fit the column's type";
                write!(f, "column `{column}`, {place}: {problem} {wanted}")
            }
            _ => write!(f, "column `{column}`: {error}"),
        }
    }
}
