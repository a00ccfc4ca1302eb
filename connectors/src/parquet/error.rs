//! Why a Parquet file was not read or written: where, never what. No cell value enters an error.

use std::any::Any;
use std::io;

use datafusion::common::DataFusionError;
use parquet::errors::ParquetError;

use crate::store::StoreError;

/// What went wrong with a file. `path` is the file's name below the base directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file, or a part of it, can only be read with a key.
    #[error("`{path}` is encrypted; encrypted Parquet files are not supported")]
    Encrypted {
        /// The file.
        path: String,
    },
    /// The bytes are not a whole Parquet file.
    #[error("`{path}` is not a Parquet file, or it is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// What the decoder says.
        source: ParquetError,
    },
    /// The file is sound, but holds something that is not handled.
    #[error("`{path}`: column `{column}` {reason}")]
    Unsupported {
        /// The file.
        path: String,
        /// Dotted name of the column.
        column: String,
        /// Completes a sentence that starts with the column.
        reason: &'static str,
    },
    /// A named column is not in the file, or its name fits two.
    #[error("`{path}` has {} column `{column}`", if *.found == 0 { "no" } else { "more than one" })]
    Column {
        /// The file.
        path: String,
        /// Dotted name of the column.
        column: String,
        /// How many there are.
        found: usize,
    },
    /// A mask gave null where the file's schema requires a value.
    #[error("`{path}`: column `{column}` is required, but a mask gave null")]
    Required {
        /// The file.
        path: String,
        /// Dotted name of the column.
        column: String,
    },
    /// A mask gave a decimal that the column's bytes cannot hold.
    #[error("`{path}`: a mask gave a number that is too large for column `{column}`")]
    Range {
        /// The file.
        path: String,
        /// Name of the root column.
        column: String,
    },
    /// The plan gave back another type than it was given.
    #[error("`{path}`: column `{column}` came back with another type")]
    Type {
        /// The file.
        path: String,
        /// Name of the root column.
        column: String,
    },
    /// Rows were lost or made on the way.
    #[error("`{path}`: row group {row_group} has {expected} rows, but {found} arrived")]
    Rows {
        /// The file.
        path: String,
        /// Number of the row group, from 0.
        row_group: usize,
        /// Rows the footer speaks of.
        expected: u64,
        /// Rows that arrived.
        found: u64,
    },
    /// The new file could not be written.
    #[error("writing `{path}` failed")]
    Write {
        /// The file.
        path: String,
        /// What the encoder or the store says.
        source: ParquetError,
    },
    /// A temporary file failed.
    #[error("writing `{path}` failed: temporary file")]
    Temporary {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The unit cannot go on, because another slice of it failed or it was aborted.
    #[error("`{path}` was given up")]
    Stopped {
        /// The file.
        path: String,
    },
    /// `finish` was called before every slice was written.
    #[error("`{path}`: {written} of {row_groups} row groups are written")]
    Incomplete {
        /// The file.
        path: String,
        /// Row groups written.
        written: usize,
        /// Row groups there are.
        row_groups: usize,
    },
}

impl FormatError {
    /// Whether it only says that another slice of the unit failed, whose error is the one to report.
    pub fn is_consequence(&self) -> bool {
        matches!(self, Self::Stopped { .. })
    }
}

impl From<FormatError> for DataFusionError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Store(error) => error.into(),
            error => Self::External(Box::new(error)),
        }
    }
}

/// Names the file in an error of the decoder. A store's error that passed through stays what it is.
pub(super) fn damaged(path: &str) -> impl Fn(ParquetError) -> FormatError + '_ {
    move |error| match store_error(&error) {
        Some(error) => FormatError::Store(error),
        None => FormatError::Damaged {
            path: path.to_owned(),
            source: error,
        },
    }
}

/// Names the file in an error of the encoder. A store's error that passed through stays what it is.
pub(super) fn unwritten(path: &str) -> impl Fn(ParquetError) -> FormatError + '_ {
    move |error| match store_error(&error) {
        Some(error) => FormatError::Store(error),
        None => FormatError::Write {
            path: path.to_owned(),
            source: error,
        },
    }
}

/// The decoder trusts offsets and counts in places; a file that makes it panic is a damaged one.
pub(super) fn catch<T>(
    path: &str,
    work: impl FnOnce() -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let what = if is_bounds(&*panic) {
            "an offset lies outside"
        } else {
            "the codec gave up"
        };
        Err(FormatError::Damaged {
            path: path.to_owned(),
            source: ParquetError::General(what.to_owned()),
        })
    })
}

/// A panic's own text may quote bytes, so it is only told apart, never passed on.
fn is_bounds(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .is_some_and(|text| text.contains("out of range") || text.contains("out of bounds"))
}

fn store_error(error: &ParquetError) -> Option<StoreError> {
    let ParquetError::External(inner) = error else {
        return None;
    };
    let inner: &(dyn std::error::Error + 'static) = inner.as_ref();
    let through_io = || {
        inner
            .downcast_ref::<io::Error>()?
            .get_ref()?
            .downcast_ref::<StoreError>()
    };
    inner
        .downcast_ref::<StoreError>()
        .or_else(through_io)
        .cloned()
}
