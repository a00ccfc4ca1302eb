//! What can go wrong in a mask. Says where, never what: no cell value enters an error.

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
    /// A column that decides about the values is not there, or has another number of rows.
    #[error("the column `{column}` is not given, or has another number of rows")]
    Missing {
        /// Its dotted path.
        column: String,
    },
    /// A mask broke its own promise, such as its number of rows.
    #[error("internal error in a mask: {0}")]
    Internal(&'static str),
}

impl MaskError {
    /// The same error with its row counted in the batch the selected `rows` came from.
    pub(crate) fn in_rows(self, rows: &[u32]) -> Self {
        self.at_row(|row| rows.get(row).map_or(row, |&row| row as usize))
    }

    /// The same error with its row counted in a batch that has `start` rows before.
    pub(crate) fn behind(self, start: usize) -> Self {
        self.at_row(|row| start + row)
    }

    fn at_row(self, place: impl Fn(usize) -> usize) -> Self {
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
    /// Where PostgreSQL keeps the row: the block in the upper 48 bits, the place in it in the lower 16.
    Tuple,
    /// A number that may be a value of the record, and so is not told.
    Untold,
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
