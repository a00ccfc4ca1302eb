//! Tables that a copy makes: a column holds every value of the one that it is filled from.
//!
//! What comes from SQLite keeps its declared type; all else goes by how masks see it. Dates and times are text, and
//! so are decimals of more digits than a number keeps.

use arrow::datatypes::DataType;
use rusqlite::Connection;

use super::catalogue::Table;
use super::error::SqliteError;
use super::sql::quoted;
use crate::database::{NewColumn, NewTable};

/// Digits that SQLite's numbers keep of every decimal.
const DIGITS: u8 = 15;

/// The statement that makes a table; `product` is what its columns are called in.
pub(super) fn statement(new: &NewTable, product: &str) -> String {
    let typed = |column: &NewColumn, _| type_of(column);
    let definition = new.definition(product, quoted, typed);
    format!("CREATE TABLE main.{} {definition}", quoted(&new.name))
}

/// What the schema of a file would say of the table that `statement` makes.
///
/// # Errors
/// When SQLite refuses it.
pub(super) fn tried(name: &str, statement: &str) -> Result<Table, SqliteError> {
    let connection = Connection::open_in_memory()?;
    connection.execute(statement, [])?;
    Table::look_up(&connection, name)?.ok_or(SqliteError::Altered)
}

/// What makes a column of this declared type; none where it is more than words and numbers, which a statement
/// might take for something else.
pub(super) fn declared(type_name: &str, strict: bool) -> Option<String> {
    if strict && type_name.eq_ignore_ascii_case("any") {
        // Outside of a strict table the word asks for numbers.
        return Some(String::new());
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || " _(),".contains(c);
    type_name.chars().all(is_part).then(|| type_name.to_owned())
}

/// The type that holds all values of a column.
fn type_of(column: &NewColumn) -> String {
    let fixed = match column.bare() {
        DataType::Boolean => "BOOLEAN",
        data_type if data_type.is_integer() => "INTEGER",
        data_type if data_type.is_floating() => "REAL",
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *precision <= DIGITS =>
        {
            return format!("DECIMAL({precision},{scale})");
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "BLOB",
        _ => match column.length {
            Some(length) => return format!("VARCHAR({length})"),
            None => "TEXT",
        },
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_that_are_words() {
        let same = |name: &str| Some(name.to_owned());
        for (name, strict, made) in [
            ("VARCHAR(20)", false, same("VARCHAR(20)")),
            ("decimal(10, 2)", false, same("decimal(10, 2)")),
            ("", false, same("")),
            ("ANY", true, same("")),
            ("ANY", false, same("ANY")),
            ("a\"); DROP TABLE t; --", false, None),
        ] {
            assert_eq!(declared(name, strict), made, "{name}");
        }
    }
}
