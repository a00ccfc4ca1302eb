//! What can go wrong in a mask. Says where, never what: no cell value enters an error.

use std::fmt;

use arrow::datatypes::DataType;

/// Why a mask refused a batch.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum MaskError {
    /// A value is not of the kind the mask works on.
    #[error("row {row} of the batch: the value is not {expected}")]
    Refused {
        /// Row within the batch.
        row: usize,
        /// What the mask takes.
        expected: &'static str,
    },
    /// A masked value does not fit the column's own type.
    #[error("row {row} of the batch: the masked value does not fit the column's type {wanted}")]
    Unfit {
        /// Row within the batch.
        row: usize,
        /// The column's type.
        wanted: DataType,
    },
    /// The mask cannot work on a column of this type.
    #[error("a column of type {found} cannot be masked this way")]
    Type {
        /// The column's type.
        found: DataType,
    },
    /// A mask broke its own promise, such as its number of rows.
    #[error("internal error in a mask: {0}")]
    Internal(&'static str),
}

impl MaskError {
    /// The row within the batch, where one value is to blame.
    pub(crate) fn row(&self) -> Option<usize> {
        match self {
            Self::Refused { row, .. } | Self::Unfit { row, .. } => Some(*row),
            Self::Type { .. } | Self::Internal(_) => None,
        }
    }

    /// The same error with its row counted in the batch the selected `rows` came from.
    pub(crate) fn in_rows(self, rows: &[u32]) -> Self {
        let place = |row: usize| rows.get(row).map_or(row, |&row| row as usize);
        match self {
            Self::Refused { row, expected } => Self::Refused {
                row: place(row),
                expected,
            },
            Self::Unfit { row, wanted } => Self::Unfit {
                row: place(row),
                wanted,
            },
            other => other,
        }
    }
}

/// What the places of records count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceUnit {
    /// Rows of the unit, from zero.
    Row,
    /// Bytes of the unit in front of the record.
    Byte,
}

/// Where in its unit a record lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordPlace {
    pub(crate) at: u64,
    pub(crate) unit: PlaceUnit,
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            // People count rows from one.
            PlaceUnit::Row => write!(f, "row {}", self.at.saturating_add(1)),
            PlaceUnit::Byte => write!(f, "the record at byte {}", self.at),
        }
    }
}

/// A [`MaskError`], the column it came from and, where that is known, the record.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ColumnError {
    pub(crate) column: String,
    pub(crate) place: Option<RecordPlace>,
    pub(crate) error: MaskError,
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

/// Why the arguments of a mask were refused before any row was read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct BindError {
    /// Which argument, as a path below the mask: `masks[1].regex`; empty for the mask itself.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl BindError {
    /// A problem of the argument `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }

    /// The same problem seen from a mask that holds this one at `outer`.
    pub(crate) fn below(self, outer: &str) -> Self {
        let path = if self.path.is_empty() {
            outer.to_owned()
        } else {
            format!("{outer}.{}", self.path)
        };
        Self { path, ..self }
    }
}
