//! What a driver answers, in words that hold no cell value.
//!
//! Drivers quote values in their messages, each in its own way. None of them is passed on but those about the text of
//! a statement that holds no values; of all others the condition is told, by its SQLSTATE, and the driver's number.

use datafusion::error::DataFusionError;
use odbc_api::Error;

use crate::database::DatabaseError;

/// Why a database could not be asked over ODBC, or what it refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OdbcError {
    /// How to get in is not told, or told wrongly.
    #[error("{0}")]
    Config(String),
    /// The driver or the database refused; no cell value is in the text.
    #[error("{0}")]
    Answer(Answer),
    /// The driver broke its contract, or the journal cannot be written.
    #[error("{0}")]
    Broken(String),
    /// A value that has no place in the type that masks see, or none in the column.
    #[error("column `{column}`: {problem}")]
    Value {
        /// The column.
        column: String,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// What was to be read or written is not of the schema that was agreed on.
    #[error("column `{0}` of the rows is not what the table has")]
    Schema(String),
    /// Rows were changed by somebody else, or their key is not what was read of it.
    #[error(
        "{expected} rows were read and {found} could be written: something else writes to the table, or the driver \
         does not give its key as it is"
    )]
    Changed {
        /// Rows that were masked.
        expected: u64,
        /// Rows that were written, by the count of the driver.
        found: u64,
    },
    /// The table is no longer what was checked.
    #[error("the table was altered since it was checked; start again")]
    Altered,
    /// A part of the work was given up before.
    #[error("another part of the table failed")]
    GivenUp,
}

/// Why a field cannot be a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueProblem {
    /// A date, time or number that has no place in the type that masks see.
    #[error(
        "it holds a value that cannot be read exactly over ODBC (a date before year 1, an infinite one, more digits)"
    )]
    Inexact,
    /// A value of another class than its column declares.
    #[error("it holds values of another kind than it declares")]
    Class,
    /// A null where a key has none.
    #[error("it is part of the key and holds a null")]
    Null,
    /// Text that is no Unicode.
    #[error("it holds text that is no Unicode")]
    NotUnicode,
}

/// What a driver answered, without cell values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    state: String,
    number: i32,
    /// What it is about, where its words cannot hold a value.
    said: Option<String>,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            state,
            number,
            said,
        } = self;
        let condition = condition(state);
        write!(
            f,
            "{condition} (SQLSTATE {state}, number {number} of the driver)"
        )?;
        match said {
            Some(said) => write!(f, ": {said}"),
            None => Ok(()),
        }
    }
}

/// What a condition means.
fn condition(state: &str) -> &'static str {
    match state {
        "01004" | "22001" => "a value is too long for its column",
        "22003" => "a number is out of the range of its column",
        "22007" | "22008" => "a date or time is out of the range of its column",
        "22018" | "22P02" => "a value is none of its column's type",
        "23502" => "a value is null where the table takes none",
        "23503" => "a foreign key refuses a value",
        "23505" => "an index asks for unique values",
        "23514" => "a check refuses a value",
        "40001" | "40P01" => "it was in the way of somebody else's transaction",
        "42501" => "we have no right to do so",
        "42S02" | "42P01" => "there is no such table",
        "42S22" | "42703" => "there is no such column",
        "HYT00" | "HYT01" | "57014" | "55P03" => "it waited too long",
        "IM002" | "IM003" => "the driver cannot be found",
        "IM004" | "IM005" | "IM006" => "the driver cannot be loaded",
        _ => match state.get(..2) {
            Some("08") => "the connection failed",
            Some("22") => "a value does not fit its column",
            Some("23") => "a constraint of the table refuses a value, or a null",
            Some("25") => "the transaction is in the wrong state",
            Some("28") => "the database does not let us in",
            Some("40") => "the transaction was given up",
            Some("42") => "the statement is refused",
            _ => "the database refused",
        },
    }
}

/// Whether the same may go well later: conflicts, and what was waited for too long. 1205 and 1213 are locks of
/// SQL Server and MySQL, 5 and 6 those of SQLite, 60 that of Oracle, which their drivers give no state of their own.
fn is_retryable(state: &str, number: i32) -> bool {
    matches!(state, "40001" | "40P01" | "HYT00" | "55P03")
        || (matches!(state, "HY000" | "S1000") && matches!(number, 5 | 6 | 60 | 1205 | 1213))
}

impl OdbcError {
    /// A value of `column` that cannot be.
    pub(super) fn value(column: &str, problem: ValueProblem) -> Self {
        Self::Value {
            column: column.to_owned(),
            problem,
        }
    }

    /// The answer to a statement that reads no rows and holds none, which can be told in full.
    pub(super) fn of_text(error: &Error) -> Self {
        match error {
            Error::Diagnostics { record, .. } => Self::Answer(Answer {
                state: record.state.as_str().to_owned(),
                number: record.native_error,
                said: Some(one_line(&String::from_utf16_lossy(&record.message))),
            }),
            _ => Self::silent(error),
        }
    }

    /// The answer without what the driver says.
    fn silent(error: &Error) -> Self {
        let record = match error {
            Error::Diagnostics { record, .. }
            | Error::UnsupportedOdbcApiVersion(record)
            | Error::InvalidRowArraySize { record, .. }
            | Error::UnableToRepresentNull(record)
            | Error::OracleOdbcDriverDoesNotSupport64Bit(record) => record,
            Error::NoDiagnostics { function } => {
                return Self::Broken(format!(
                    "the driver refuses {function} and does not say why"
                ));
            }
            Error::TooLargeValueForBuffer { .. } => {
                return Self::Broken("a value is longer than its column declares".to_owned());
            }
            _ => return Self::Broken("the driver manager failed".to_owned()),
        };
        Self::Answer(Answer {
            state: record.state.as_str().to_owned(),
            number: record.native_error,
            said: None,
        })
    }

    /// Whether the same once more may go well.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Answer(answer) => is_retryable(&answer.state, answer.number),
            Self::Changed { .. } => true,
            _ => false,
        }
    }
}

/// The words of a driver in one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<Error> for OdbcError {
    fn from(error: Error) -> Self {
        Self::silent(&error)
    }
}

impl From<OdbcError> for DatabaseError {
    fn from(error: OdbcError) -> Self {
        let is_retryable = error.is_retryable();
        Self::new(error.to_string()).retryable(is_retryable)
    }
}

impl From<OdbcError> for DataFusionError {
    fn from(error: OdbcError) -> Self {
        DatabaseError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_tell_conditions() {
        for (state, number, expected, again) in [
            ("23505", 1, "an index asks for unique values", false),
            (
                "23000",
                1062,
                "a constraint of the table refuses a value",
                false,
            ),
            ("40P01", 1, "it was in the way", true),
            ("HY000", 5, "the database refused", true),
            ("HY000", 1205, "the database refused", true),
            ("HY000", 19, "the database refused", false),
            ("08S01", 0, "the connection failed", false),
        ] {
            let error = OdbcError::Answer(Answer {
                state: state.to_owned(),
                number,
                said: None,
            });
            assert!(error.to_string().starts_with(expected), "{error}");
            assert_eq!(error.is_retryable(), again, "{error}");
        }
    }
}
