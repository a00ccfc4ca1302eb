//! What a server answers, in words that hold no cell value.
//!
//! The server quotes values in its messages ("Duplicate entry '…' for key 'email'"), so only those that
//! cannot are passed on; of the others the condition and the names of column and key are told.

use std::fmt;

use datafusion::error::DataFusionError;
use mysql_async::{DriverError, Error, ServerError};

use crate::database::DatabaseError;

/// Why a server could not be asked, or what it refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MysqlError {
    /// How to get in is not told, or told wrongly.
    #[error("{0}")]
    Config(String),
    /// The server refused; no cell value is in the text.
    #[error("{0}")]
    Server(Answer),
    /// The connection is gone.
    #[error("the connection to the server failed: {0}")]
    Connection(String),
    /// A value that the column's type does not have, or a field that is none of it.
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
    /// A table like this one would not be this one.
    #[error("the table cannot be made again exactly: a copy of it is defined otherwise")]
    Unlike,
    /// A row would no longer have what it refers to.
    #[error(
        "rows of `{0}` would no longer refer to what they do: values that its foreign keys take for the same are \
         written in two ways"
    )]
    Dangling(String),
    /// The server stopped in the middle of an exchange, and is too old to have undone it.
    #[error(
        "the server stopped while tables were renamed: before the run goes on, `{0}` and its like, which hold the \
         old rows, are to be given their names back by hand"
    )]
    HalfRenamed(String),
    /// Rows are at the destination of a copy that were not expected.
    #[error("the table has rows; `mode: append` adds to them, `mode: overwrite` replaces them")]
    NotEmpty,
    /// A column whose values change their rows holds one that stays with its row.
    #[error("`{0}` holds a date or a time of no calendar, which `secure_shuffle` cannot exchange")]
    Odd(String),
    /// The sessions that saw the moment at which tables are copied are gone.
    #[error("the moment at which the tables are read is gone; go on with the run by `--resume`")]
    NoSnapshot,
    /// Tables without transactions can be read at one moment only where nobody may write to them.
    #[error(
        "tables of the engine {0} are read at one moment only under a lock: that takes the right LOCK TABLES"
    )]
    Unlocked(String),
    /// A part of the work was given up before.
    #[error("another part of the table failed")]
    GivenUp,
}

/// Why a field cannot be a value, or a value not a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueProblem {
    /// A field of another kind than its column.
    #[error("the server sent another kind of value than the column has")]
    Kind,
    /// Text in another encoding.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A decimal that is none, or has more digits than its type.
    #[error("the number has more digits than its type")]
    Digits,
    /// A date, time or number outside the type.
    #[error("a masked value is out of the range of its column")]
    Range,
    /// A value that the column has not, or would round or cut off.
    #[error("a value is none of the column's type, or would become another")]
    Unfit,
    /// A null where the table takes none.
    #[error("a masked value is null where the table takes none")]
    Null,
}

/// What a server answered, without cell values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    code: u16,
    message: String,
    /// The column of a stage that is to blame.
    staged: Option<usize>,
}

impl MysqlError {
    /// The server's condition, where it is one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server(answer) => Some(answer.code),
            _ => None,
        }
    }

    /// The error of a load into a stage, with the name of the column where one is to blame: a stage calls
    /// its columns otherwise.
    pub(super) fn of_stage<'a>(self, column: impl Fn(usize) -> Option<&'a str>) -> Self {
        match self {
            Self::Server(mut answer) => {
                if let Some(name) = answer.staged.take().and_then(column) {
                    answer.message = match condition(answer.code) {
                        Some(condition) => format!("{condition}, column `{name}`"),
                        None => format!("{}, column `{name}`", answer.message),
                    };
                }
                Self::Server(answer)
            }
            other => other,
        }
    }

    /// The error of a statement that holds values itself, of which the server may quote any part.
    pub(super) fn of_data(self) -> Self {
        match self {
            Self::Server(answer) => Self::Server(answer.of_data()),
            other => other,
        }
    }

    /// Whether the same once more may go well: a deadlock, a lock that was not had in time, rows that
    /// changed meanwhile.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed { .. } => true,
            Self::Server(answer) => [1205, 1213, 1020].contains(&answer.code),
            _ => false,
        }
    }
}

impl From<Error> for MysqlError {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(answer) => Self::Server(Answer::of(&answer)),
            // Some of them hold what was sent.
            Error::Driver(
                error @ (DriverError::ConnectionClosed
                | DriverError::NoClientSslFlagFromServer
                | DriverError::UnknownAuthPlugin { .. }
                | DriverError::PacketTooLarge
                | DriverError::MysqlOldPasswordDisabled
                | DriverError::CleartextPluginDisabled),
            ) => Self::Connection(error.to_string().trim_end_matches('.').to_owned()),
            Error::Io(error) => Self::Connection(causes(&error)),
            Error::Driver(_) | Error::Other(_) | Error::Url(_) => Self::Connection(
                "the server and the driver do not understand each other".to_owned(),
            ),
        }
    }
}

impl From<MysqlError> for DatabaseError {
    fn from(error: MysqlError) -> Self {
        Self::new(error.to_string()).retryable(error.is_retryable())
    }
}

impl From<MysqlError> for DataFusionError {
    fn from(error: MysqlError) -> Self {
        DatabaseError::from(error).into()
    }
}

impl Answer {
    fn of(answer: &ServerError) -> Self {
        Self::told(answer.code, &answer.message)
    }

    /// An answer, or a warning, by its number and the server's words.
    pub(super) fn told(code: u16, message: &str) -> Self {
        let staged = staged_column(message);
        let message = match condition(code) {
            None if told_as_it_is(code) => message.trim_end_matches('.').to_owned(),
            None => "the server refused".to_owned(),
            Some(condition) => {
                let mut text = condition.to_owned();
                let named = match code {
                    1062 | 1586 => behind(message, " for key ").map(|key| ("key", key)),
                    // A column of a stage is named by who knows what it stands for.
                    _ if staged.is_none() => {
                        let column = behind(message, "olumn ").or_else(|| behind(message, "ield "));
                        column.map(|column| ("column", column))
                    }
                    _ => None,
                };
                if let Some((what, name)) = named {
                    text.push_str(&format!(", {what} `{name}`"));
                }
                text
            }
        };
        Self {
            code,
            message,
            staged,
        }
    }

    /// The answer to a statement that holds values itself.
    pub(super) fn of_data(self) -> Self {
        match self.code {
            1064 | 1105 | 1054 => Self {
                message: "the server refused".to_owned(),
                ..self
            },
            _ => self,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", self.message, self.code)
    }
}

/// The name in quotes that comes behind the last `word`; values come before it.
fn behind<'a>(message: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = message.rsplit_once(word)?;
    let quote = rest
        .chars()
        .next()
        .filter(|quote| ['\'', '`'].contains(quote))?;
    let rest = &rest[1..];
    let named = match rest.rfind(" at row ") {
        Some(end) => &rest[..end],
        None => rest,
    };
    // `database`.`table`.`column`
    let named = named.trim_end_matches('.').strip_suffix(quote)?;
    Some(named.rsplit_once("`.`").map_or(named, |(_, name)| name))
}

/// The number in a stage's column `v1`.
fn staged_column(message: &str) -> Option<usize> {
    behind(message, "olumn ")?.strip_prefix('v')?.parse().ok()
}

/// What a condition means whose message may quote values, or speaks of the stage.
fn condition(code: u16) -> Option<&'static str> {
    Some(match code {
        1062 | 1586 => "a value is there twice where it has to be unique",
        1048 | 1263 => "a masked value is null where the table takes none",
        1406 => "a masked value is too long for its column",
        1264 => "a masked number is out of the range of its column",
        1265 | 1366 | 1367 | 1411 => "a masked value does not fit its column",
        1292 => "a masked value is no date, time or number that the column takes",
        1452 | 1216 => "a masked value breaks a foreign key",
        1416 => "a masked value is no geometry that the column takes",
        1526 => "a masked value belongs to no partition",
        1644 => "a trigger or function of the database refused",
        3140 | 4038 => "a masked value is no JSON that the column takes",
        3819 => "a masked value breaks a check",
        _ => return None,
    })
}

/// Whether messages of this condition hold nothing but names and settings: rights, catalogues, syntax,
/// locks, resources, limits, connections.
fn told_as_it_is(code: u16) -> bool {
    const TOLD: [u16; 76] = [
        1005, 1006, 1007, 1008, 1010, 1020, 1021, 1022, 1025, 1027, 1030, 1036, 1037, 1038, 1040,
        1041, 1044, 1045, 1046, 1049, 1050, 1051, 1052, 1053, 1054, 1055, 1060, 1061, 1064, 1068,
        1069, 1071, 1075, 1091, 1099, 1100, 1109, 1114, 1118, 1129, 1130, 1142, 1143, 1146, 1148,
        1153, 1158, 1159, 1160, 1161, 1176, 1192, 1203, 1205, 1206, 1213, 1217, 1226, 1227, 1235,
        1239, 1290, 1305, 1317, 1357, 1359, 1360, 1370, 1419, 1451, 1792, 1826, 1927, 3948, 4025,
        4166,
    ];
    TOLD.contains(&code)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_without_values() {
        for (code, message, told) in [
            (
                1062,
                "Duplicate entry 'secret' for key 'x' for key 'email'",
                "a value is there twice where it has to be unique, key `email` (error 1062)",
            ),
            (
                1366,
                "Incorrect string value: '\\xF0secret' for column `d`.`t`.`name` at row 3",
                "a masked value does not fit its column, column `name` (error 1366)",
            ),
            (
                1048,
                "Column 'name' cannot be null",
                "a masked value is null where the table takes none (error 1048)",
            ),
            (
                1292,
                "Truncated incorrect DOUBLE value: 'secret'",
                "a masked value is no date, time or number that the column takes (error 1292)",
            ),
            (
                1644,
                "secret",
                "a trigger or function of the database refused (error 1644)",
            ),
            (9999, "secret", "the server refused (error 9999)"),
            (
                1146,
                "Table 'd.t' doesn't exist",
                "Table 'd.t' doesn't exist (error 1146)",
            ),
        ] {
            assert_eq!(Answer::told(code, message).to_string(), told);
        }
    }

    #[test]
    fn a_stage_calls_columns_otherwise() {
        let message = "Data too long for column 'v1' at row 3";
        let error = MysqlError::Server(Answer::told(1406, message));
        let named = error.of_stage(|at| ["a", "b"].get(at).copied());
        assert_eq!(
            named.to_string(),
            "a masked value is too long for its column, column `b` (error 1406)"
        );
        // A value that looks like the end of a message is not told.
        let sly =
            "Incorrect integer value: 'x for column 'secret'' for column `d`.`s`.`v0` at row 1";
        let error = MysqlError::Server(Answer::told(1366, sly));
        let named = error.of_stage(|at| ["a", "b"].get(at).copied());
        assert!(!named.to_string().contains("secret"), "{named}");
        assert!(named.to_string().contains("column `a`"), "{named}");
    }
}
