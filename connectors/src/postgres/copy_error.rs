//! Why a binary `COPY` could not be read or written.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// A binary `COPY` that cannot be read, or rows that cannot be written as one. Says where, never what:
/// no value is in an error. Rows are counted from one, within the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The stream is not what PostgreSQL sends.
    #[error("row {row} of the binary COPY: {problem}")]
    Frame {
        /// The row being read; 0 is the header.
        row: u64,
        /// What is wrong.
        problem: FrameProblem,
    },
    /// A field that its type does not allow, or a value that PostgreSQL's type does not.
    #[error("column `{column}`, row {row} of the binary COPY: {problem}")]
    Value {
        /// The column.
        column: String,
        /// The row.
        row: u64,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// A batch to be written lacks a column.
    #[error("the rows to be written have no column `{column}`")]
    NoColumn {
        /// The column.
        column: String,
    },
    /// Two columns would have the same name, counting the hidden ones.
    #[error("two columns of the binary COPY are called `{column}`")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A column to be written has another type than its fields.
    #[error("column `{column}` of the rows to be written is {found}, not {expected}")]
    ColumnType {
        /// The column.
        column: String,
        /// What its fields are read as.
        expected: DataType,
        /// What the batch has.
        found: DataType,
    },
    /// The rows could not be kept as a batch.
    #[error("rows of the binary COPY could not be kept")]
    Batch {
        /// Why.
        source: ArrowError,
    },
}

/// What is wrong with the frame of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameProblem {
    /// It begins with other bytes.
    #[error("the stream does not begin as a binary COPY")]
    Signature,
    /// It is of the kind with an oid before each tuple.
    #[error("the stream has oids, which PostgreSQL 12 and later do not send")]
    Oids,
    /// It needs a reader of a later version.
    #[error("the stream has flags {0:#x}, which are not known")]
    Flags(u32),
    /// A length below zero that is not the null's.
    #[error("a length is {0}")]
    Length(i32),
    /// A tuple has more or fewer fields than there are columns.
    #[error("the tuple has {found} fields, not {expected}")]
    FieldCount {
        /// How many columns there are.
        expected: usize,
        /// What the tuple says.
        found: i16,
    },
    /// The stream ended without its trailer.
    #[error("the stream ends before its trailer")]
    Truncated,
    /// Bytes follow the trailer.
    #[error("the stream goes on behind its trailer")]
    Trailing,
}

/// Why a field cannot be a value, or a value not a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueProblem {
    /// The field has another length than its type.
    #[error("the field has {found} bytes, not {expected}")]
    Width {
        /// Bytes of the type.
        expected: usize,
        /// Bytes of the field.
        found: usize,
    },
    /// The field is shorter than its type ever is.
    #[error("the field of {found} bytes ends early")]
    Short {
        /// Bytes of the field.
        found: usize,
    },
    /// A boolean that is neither.
    #[error("the byte is neither true nor false")]
    Bool,
    /// Text in another encoding.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Text that PostgreSQL cannot hold.
    #[error("the text has a NUL character")]
    Nul,
    /// `jsonb` of an unknown version.
    #[error("the jsonb has version {0}, not 1")]
    JsonbVersion(u8),
    /// A binary number that is none.
    #[error("the numeric is malformed")]
    Numeric,
    /// A text that is no number.
    #[error("the text is no number")]
    NotNumber,
    /// More digits than the type has.
    #[error("the number has more digits than its type")]
    Digits,
    /// More digits than a binary `COPY` takes.
    #[error("the number has more digits than PostgreSQL takes")]
    TooManyDigits,
    /// A text that is no UUID.
    #[error("the text is no UUID")]
    NotUuid,
    /// A text that is more than one character of `"char"`.
    #[error("the text is not one character of type \"char\"")]
    NotChar,
    /// A date or time outside the target type.
    #[error("the {0} is out of range")]
    Range(&'static str),
    /// A mark that the type has no value for.
    #[error("the mark {0} stands for no value of this type")]
    Mark(i8),
    /// A field longer than PostgreSQL allows.
    #[error("the value of {0} bytes is longer than a field may be")]
    TooLong(usize),
}

impl From<CopyError> for DataFusionError {
    fn from(error: CopyError) -> Self {
        Self::External(Box::new(error))
    }
}
