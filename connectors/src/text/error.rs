//! Why a text file could not be masked. Says where, never what: no cell value is in an error.

use datafusion::error::DataFusionError;

use crate::store::StoreError;

/// A text file, or what was asked of it, that cannot be masked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// An option that has no meaning, alone or with the others.
    #[error("option `{option}`: {problem}")]
    Option {
        /// The option as a ruleset spells it.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The store failed.
    #[error("`{path}`: the store failed")]
    Store {
        /// The file, below the base directory.
        path: String,
        /// What the store said.
        source: StoreError,
    },
    /// Bytes could not be decompressed, compressed or written.
    #[error("`{path}`: reading or writing failed")]
    Io {
        /// The file, below the base directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A rule names a column the file does not have.
    #[error("`{path}` has no column `{column}`; its columns are {}", listed(.columns))]
    NoColumn {
        /// The file, below the base directory.
        path: String,
        /// The column that was named.
        column: String,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// A rule names a column the file has more than once.
    #[error("`{path}`: the name `{column}` does not tell columns {} apart", numbers(.places))]
    DuplicateColumn {
        /// The file, below the base directory.
        path: String,
        /// The column that was named.
        column: String,
        /// Where it stands, counted from one.
        places: Vec<usize>,
    },
    /// A record with more or fewer fields than there are columns.
    #[error(
        "`{path}`: the record at byte {offset} has {found} fields, not {expected}; \
         `ragged: keep` lets such records pass"
    )]
    FieldCount {
        /// The file, below the base directory.
        path: String,
        /// Where the record begins, in the decompressed file.
        offset: u64,
        /// How many columns there are.
        expected: usize,
        /// How many fields the record has.
        found: usize,
    },
    /// A quoted field that the end of the file cuts off.
    #[error("`{path}`: the record at byte {offset} has a quoted field that never ends")]
    Unclosed {
        /// The file, below the base directory.
        path: String,
        /// Where the record begins, in the decompressed file.
        offset: u64,
    },
    /// A record longer than memory was set aside for.
    #[error(
        "`{path}`: the record at byte {offset} is longer than {limit} bytes; \
         is the quote character right?"
    )]
    RecordTooLong {
        /// The file, below the base directory.
        path: String,
        /// Where the record begins, in the decompressed file.
        offset: u64,
        /// The longest record read.
        limit: usize,
    },
    /// A typed field that is not text in the file's encoding.
    #[error("`{path}`: the field at byte {offset} is not {encoding}")]
    Undecodable {
        /// The file, below the base directory.
        path: String,
        /// Where the field begins, in the decompressed file.
        offset: u64,
        /// The encoding's name.
        encoding: &'static str,
    },
    /// A new value that the file cannot hold.
    #[error("`{path}`: column `{column}` of the record at byte {offset}: {refusal}")]
    Unwritable {
        /// The file, below the base directory.
        path: String,
        /// The masked column.
        column: String,
        /// Where the record begins, in the decompressed file.
        offset: u64,
        /// Why the value cannot be written.
        refusal: Refusal,
    },
    /// A file has other records than were counted before the run.
    #[error("`{path}` has other records than were counted: it changed meanwhile")]
    Miscounted {
        /// The file.
        path: String,
    },
    /// Another slice of the file failed, or was cancelled.
    #[error("`{path}`: another part of the file failed")]
    OtherSlice {
        /// The file, below the base directory.
        path: String,
    },
}

/// Why a value cannot be written into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It holds a delimiter or a line end, or reads as null, and the file has no quotes.
    #[error("the new value would need quotes, and the file has none")]
    NeedsQuotes,
    /// It holds a character the file's encoding does not have.
    #[error("the new value has a character that {0} does not have")]
    Unmappable(&'static str),
}

impl TextError {
    /// What went wrong on the way to or from `path`; a store's own error is taken out again.
    pub(super) fn io(path: &str, error: std::io::Error) -> Self {
        let path = path.to_owned();
        match error.downcast::<StoreError>() {
            Ok(source) => Self::Store { path, source },
            Err(source) => Self::Io { path, source },
        }
    }
}

impl From<TextError> for DataFusionError {
    fn from(error: TextError) -> Self {
        Self::External(Box::new(error))
    }
}

/// The first names of a long list are enough to see what kind of file it is.
fn listed(names: &[String]) -> String {
    const FIRST: usize = 30;
    let quoted = names.iter().take(FIRST).map(|name| format!("`{name}`"));
    let listed = quoted.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(FIRST) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

fn numbers(places: &[usize]) -> String {
    places
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
