//! Rows that SQLite steps through become arrays.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, Float64Builder, Int8Builder, Int64Builder, StringViewBuilder,
};
use rusqlite::types::ValueRef;

use super::address;
use super::error::SqliteError;
use super::job::TypedColumn;
use super::lane::{Class, EXACT, Lane};

/// Builds the array of a column, and that of its marks.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    name: String,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Integer(Int64Builder),
    Real(Float64Builder),
    Text(StringViewBuilder, Int8Builder),
    Blob(BinaryViewBuilder),
    Carried(BinaryViewBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(column: &TypedColumn) -> Self {
        Self {
            name: column.name.clone(),
            values: match column.lane {
                _ if column.carried => Values::Carried(BinaryViewBuilder::new()),
                Lane::Integer => Values::Integer(Int64Builder::new()),
                Lane::Real => Values::Real(Float64Builder::new()),
                Lane::Text => Values::Text(StringViewBuilder::new(), Int8Builder::new()),
                Lane::Blob => Values::Blob(BinaryViewBuilder::new()),
            },
        }
    }

    /// Adds a value; how many bytes it takes.
    ///
    /// # Errors
    /// When the lane does not hold it: text that is no UTF-8, or a class that was not there when the column
    /// was looked at.
    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Result<usize, SqliteError> {
        match (&mut self.values, value) {
            (Values::Integer(values), ValueRef::Integer(number)) => values.append_value(number),
            (Values::Integer(values), ValueRef::Null) => values.append_null(),
            (Values::Real(values), ValueRef::Real(number)) => values.append_value(number),
            (Values::Real(values), ValueRef::Integer(number)) if number.unsigned_abs() <= EXACT => {
                values.append_value(number as f64);
            }
            (Values::Real(values), ValueRef::Null) => values.append_null(),
            (Values::Blob(values), ValueRef::Blob(blob)) => {
                values.append_value(blob);
                return Ok(16 + blob.len());
            }
            (Values::Blob(values), ValueRef::Null) => values.append_null(),
            (Values::Carried(values), value) => {
                let mut bytes = Vec::new();
                address::push(&mut bytes, value);
                values.append_value(&bytes);
                return Ok(16 + bytes.len());
            }
            (Values::Text(values, classes), value) => {
                return push_text(values, classes, value).map_err(|problem| self.refused(problem));
            }
            _ => {
                return Err(self.refused("values of another class have come into it; start again"));
            }
        }
        Ok(8)
    }

    fn refused(&self, problem: &'static str) -> SqliteError {
        SqliteError::Value {
            column: self.name.clone(),
            problem,
        }
    }

    /// The array, and that of marks where there is one; it is empty afterwards.
    pub(super) fn finish(&mut self) -> (ArrayRef, Option<ArrayRef>) {
        match &mut self.values {
            Values::Integer(values) => (Arc::new(values.finish()), None),
            Values::Real(values) => (Arc::new(values.finish()), None),
            Values::Text(values, classes) => {
                (Arc::new(values.finish()), Some(Arc::new(classes.finish())))
            }
            Values::Blob(values) | Values::Carried(values) => (Arc::new(values.finish()), None),
        }
    }
}

fn push_text(
    values: &mut StringViewBuilder,
    classes: &mut Int8Builder,
    value: ValueRef<'_>,
) -> Result<usize, &'static str> {
    let text;
    let (text, class) = match value {
        ValueRef::Null => {
            values.append_null();
            classes.append_null();
            return Ok(16);
        }
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text);
            (text.map_err(|_| "a text is no UTF-8")?, None)
        }
        ValueRef::Integer(number) => {
            text = number.to_string();
            (text.as_str(), Some(Class::Integer))
        }
        // The shortest digits that are this number and no other.
        ValueRef::Real(number) => {
            text = number.to_string();
            (text.as_str(), Some(Class::Real))
        }
        ValueRef::Blob(blob) => {
            let text = std::str::from_utf8(blob);
            let text =
                text.map_err(|_| "a blob among texts spells no text that a mask could be shown")?;
            (text, Some(Class::Blob))
        }
    };
    classes.append_option(class.map(Class::code));
    values.append_value(text);
    Ok(16 + text.len())
}
