//! What PostgreSQL answers, in words that hold no cell value.
//!
//! The server quotes values in its messages ("Key (email)=(…) already exists"), so only those of
//! classes that cannot are passed on; of the others the condition and the names of table, column and
//! constraint are told.

use std::fmt;

use datafusion::error::DataFusionError;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use crate::database::DatabaseError;

/// Why PostgreSQL could not be asked, or what it refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// How to get in is not told, or told wrongly.
    #[error("{0}")]
    Config(String),
    /// The server refused; no cell value is in the text.
    #[error("{0}")]
    Server(Answer),
    /// The connection is gone.
    #[error("the connection to the server failed: {0}")]
    Connection(String),
    /// What the server sent is no binary `COPY` of the columns that were asked for.
    #[error("{0}")]
    Copy(String),
    /// Rows were changed by somebody else between reading and writing.
    #[error(
        "{expected} rows were read and {found} could be written: something else writes to the table"
    )]
    Changed {
        /// Rows that were masked.
        expected: u64,
        /// Rows that were still as they had been read.
        found: u64,
    },
    /// The table is no longer what was checked.
    #[error("the table was altered since it was checked; start again")]
    Altered,
    /// Rows are at the destination of a copy that were not expected.
    #[error("the table has rows; `mode: append` adds to them, `mode: overwrite` replaces them")]
    NotEmpty,
    /// A column whose values change their rows holds one that stays with its row.
    #[error("`{0}` holds infinity or NaN, which `secure_shuffle` cannot exchange")]
    Special(String),
    /// A value arrives that the column has no form for.
    #[error("`{0}` arrives with a value that the column has not, or would change")]
    Unfit(String),
    /// A part of the work was given up before.
    #[error("another part of the table failed")]
    GivenUp,
}

/// What a server answered, without cell values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    code: String,
    message: String,
    /// The column of a stage that was being read.
    staged: Option<usize>,
}

impl PostgresError {
    /// The server's condition, where it is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Server(answer) => Some(&answer.code),
            _ => None,
        }
    }

    /// The error of a `COPY` into a stage, with the name of the column where one is to blame: a stage calls
    /// its columns otherwise.
    pub(super) fn of_stage<'a>(self, column: impl Fn(usize) -> Option<&'a str>) -> Self {
        match self {
            Self::Server(mut answer) => {
                if let Some(name) = answer.staged.take().and_then(column) {
                    answer.message.push_str(&format!(", column `{name}`"));
                }
                Self::Server(answer)
            }
            other => other,
        }
    }

    /// Whether the same once more may go well: a deadlock, a lock that was not had in time, rows that
    /// changed meanwhile.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed { .. } => true,
            Self::Server(answer) => ["40001", "40P01", "55P03"].contains(&answer.code.as_str()),
            _ => false,
        }
    }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(answer) => Self::Server(Answer::of(answer)),
            None => Self::Connection(causes(&error)),
        }
    }
}

impl From<PostgresError> for DatabaseError {
    fn from(error: PostgresError) -> Self {
        Self::new(error.to_string()).retryable(error.is_retryable())
    }
}

impl From<PostgresError> for DataFusionError {
    fn from(error: PostgresError) -> Self {
        DatabaseError::from(error).into()
    }
}

impl Answer {
    fn of(answer: &DbError) -> Self {
        let code = answer.code();
        let mut message = match told_as_it_is(code) && !may_quote_a_name(answer) {
            true => answer.message().to_owned(),
            false => condition(code).to_owned(),
        };
        for (what, name) in [
            ("constraint", answer.constraint()),
            ("column", answer.column()),
            ("type", answer.datatype()),
            ("table", answer.table()),
        ] {
            if let Some(name) = name
                && !message.contains(&format!("\"{name}\""))
            {
                message.push_str(&format!(", {what} `{name}`"));
            }
        }
        Self {
            code: code.code().to_owned(),
            message,
            staged: answer.where_().and_then(staged_column),
        }
    }
}

/// The number in `COPY visard_stage, line 3, column v1`, which has no value behind it as the `COPY` is binary.
fn staged_column(context: &str) -> Option<usize> {
    let (_, column) = context.lines().next()?.rsplit_once(", column v")?;
    column.parse().ok()
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

/// Whether messages of this condition hold nothing but names and settings: connections, authorisation,
/// catalogues, syntax, resources, limits, states of objects, operators, the system.
fn told_as_it_is(code: &SqlState) -> bool {
    const CLASSES: [&str; 14] = [
        "08", "0A", "0L", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58", "40",
    ];
    CLASSES.iter().any(|class| code.code().starts_with(class))
}

/// Whether the message may quote a value that was read as a name or as words of a small language, as
/// `regclass`, `tsvector` and `jsonpath` are. What is wrong in a statement of ours has a place in it.
fn may_quote_a_name(answer: &DbError) -> bool {
    const CODES: [&str; 9] = [
        "42601", "42602", "42622", "42703", "42704", "42725", "42883", "42P01", "3F000",
    ];
    let in_statement = matches!(answer.position(), Some(ErrorPosition::Original(_)));
    CODES.contains(&answer.code().code()) && !in_statement
}

/// What a condition that may quote values means.
fn condition(code: &SqlState) -> &'static str {
    match code.code() {
        "22001" => "a masked value is too long for its column",
        "22003" => "a masked number is out of the range of its column",
        "22007" | "22008" => "a masked value is no date or time that the column takes",
        "22P02" | "22P03" | "42601" | "42602" => "a masked value is not of the column's type",
        "23502" => "a masked value is null where the table takes none",
        "23503" => "a masked value breaks a foreign key",
        "23505" => "a value is there twice where it has to be unique",
        "23514" => "a masked value breaks a check",
        "23P01" => "a masked value breaks an exclusion",
        "42703" | "42704" | "42725" | "42883" | "42P01" | "3F000" => {
            "there is no such thing, or several"
        }
        "P0001" => "a trigger or function of the database refused",
        other if other.starts_with("22") => "a masked value is not of the column's type",
        other if other.starts_with("23") => "a masked value breaks a constraint",
        _ => "the server refused",
    }
}

/// The causes of an error, without repeating itself.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = cause.source();
    }
    said.join(": ")
}
