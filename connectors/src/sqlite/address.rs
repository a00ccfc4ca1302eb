//! How a row is found again: by its rowid, or by the primary key of a table that has none.

use rusqlite::types::{Value, ValueRef};

use super::error::SqliteError;
use super::sql::quoted;

/// What finds a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The columns, as SQL names them without quotes.
    pub(super) columns: Vec<String>,
    /// Whether it is the rowid, by whatever name.
    pub(super) is_rowid: bool,
}

impl Address {
    /// The columns of the table that SQL calls `of`, as a query lists them.
    pub(super) fn list(&self, of: &str) -> String {
        let columns = self
            .columns
            .iter()
            .map(|name| format!("{of}.{}", quoted(name)));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// The condition that finds the row of the table that SQL calls `of`, by parameters from number `first`.
    pub(super) fn finds(&self, of: &str, first: usize) -> String {
        let columns = self.columns.iter().enumerate();
        let equal = columns.map(|(n, name)| format!("{of}.{} = ?{}", quoted(name), first + n));
        equal.collect::<Vec<_>>().join(" AND ")
    }
}

const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Adds a value of an address to its bytes.
pub(super) fn push(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    let mut with_length = |tag: u8, content: &[u8]| {
        bytes.push(tag);
        bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
        bytes.extend_from_slice(content);
    };
    match value {
        // A null finds nothing, and is in no primary key of a table without rowids.
        ValueRef::Null => bytes.push(0),
        ValueRef::Integer(number) => {
            bytes.push(INTEGER);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        ValueRef::Real(number) => {
            bytes.push(REAL);
            bytes.extend_from_slice(&number.to_bits().to_be_bytes());
        }
        ValueRef::Text(text) => with_length(TEXT, text),
        ValueRef::Blob(blob) => with_length(BLOB, blob),
    }
}

/// The only value of bytes that [`push`] wrote.
///
/// # Errors
/// When they are none of [`push`].
pub(super) fn one(bytes: &[u8]) -> Result<ValueRef<'_>, SqliteError> {
    let (tag, rest) = bytes.split_first().ok_or_else(malformed)?;
    if *tag == 0 {
        return Ok(ValueRef::Null);
    }
    let (eight, content) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
    match *tag {
        INTEGER => Ok(ValueRef::Integer(i64::from_be_bytes(*eight))),
        REAL => Ok(ValueRef::Real(f64::from_bits(u64::from_be_bytes(*eight)))),
        TEXT => Ok(ValueRef::Text(content)),
        BLOB => Ok(ValueRef::Blob(content)),
        _ => Err(malformed()),
    }
}

/// The values of an address.
///
/// # Errors
/// When the bytes are none of [`push`].
pub(super) fn values(mut bytes: &[u8]) -> Result<Vec<Value>, SqliteError> {
    let mut values = Vec::with_capacity(1);
    while let Some((tag, rest)) = bytes.split_first() {
        if *tag == 0 {
            values.push(Value::Null);
            bytes = rest;
            continue;
        }
        let (eight, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        bytes = rest;
        values.push(match *tag {
            INTEGER => Value::Integer(i64::from_be_bytes(*eight)),
            REAL => Value::Real(f64::from_bits(u64::from_be_bytes(*eight))),
            _ => {
                let length = u64::from_be_bytes(*eight) as usize;
                let content = bytes.get(..length).ok_or_else(malformed)?;
                bytes = &bytes[length..];
                match *tag {
                    TEXT => Value::Text(text(content)?),
                    BLOB => Value::Blob(content.to_vec()),
                    _ => return Err(malformed()),
                }
            }
        });
    }
    Ok(values)
}

fn text(content: &[u8]) -> Result<String, SqliteError> {
    String::from_utf8(content.to_vec()).map_err(|_| SqliteError::Value {
        column: "of the primary key".to_owned(),
        problem: "a text is no UTF-8",
    })
}

fn malformed() -> SqliteError {
    SqliteError::Value {
        column: "of the row's place".to_owned(),
        problem: "it is malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_there_and_back() {
        let all = vec![
            Value::Integer(i64::MIN),
            Value::Real(-0.5),
            Value::Text("a\0b".to_owned()),
            Value::Text(String::new()),
            Value::Blob(vec![0, 255]),
            Value::Null,
        ];
        let mut bytes = Vec::new();
        for value in &all {
            push(&mut bytes, ValueRef::from(value));
        }
        assert_eq!(values(&bytes).unwrap(), all);
        for value in &all {
            let mut bytes = Vec::new();
            push(&mut bytes, ValueRef::from(value));
            assert_eq!(one(&bytes).unwrap(), ValueRef::from(value));
        }
        for end in [1, 5, 12, bytes.len() - 2] {
            let cut = values(&bytes[..end]);
            assert!(cut.is_err() || cut.unwrap().len() < all.len(), "{end}");
        }
    }
}
