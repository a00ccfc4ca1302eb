//! Masked arrays become values that SQLite stores.

use arrow::array::{
    Array, AsArray, BinaryViewArray, Float64Array, Int8Array, Int64Array, RecordBatch,
    StringViewArray,
};
use arrow::datatypes::{Float64Type, Int8Type, Int64Type};
use rusqlite::types::{Null, ToSqlOutput, Value, ValueRef};

use super::error::SqliteError;
use super::job::TypedColumn;
use super::lane::{Class, Lane, class_column};

/// A column of a batch, value by value.
pub(super) enum ColumnValues {
    Integer(Int64Array),
    Real(String, Float64Array),
    Text(StringViewArray, Int8Array),
    Blob(BinaryViewArray),
}

impl ColumnValues {
    /// Those of `column` in `batch`.
    ///
    /// # Errors
    /// When the batch has no such column.
    pub(super) fn of(batch: &RecordBatch, column: &TypedColumn) -> Result<Self, SqliteError> {
        let missing = || SqliteError::Value {
            column: column.name.clone(),
            problem: "it is not what the masks were asked for",
        };
        let values = batch.column_by_name(&column.name).ok_or_else(missing)?;
        let found = match column.lane {
            Lane::Integer => {
                let values = values.as_primitive_opt::<Int64Type>();
                values.cloned().map(Self::Integer)
            }
            Lane::Real => {
                let values = values.as_primitive_opt::<Float64Type>().cloned();
                values.map(|values| Self::Real(column.name.clone(), values))
            }
            Lane::Text => {
                let classes = batch.column_by_name(&class_column(&column.name));
                let classes = classes.and_then(|classes| classes.as_primitive_opt::<Int8Type>());
                values
                    .as_string_view_opt()
                    .zip(classes)
                    .map(|(values, classes)| Self::Text(values.clone(), classes.clone()))
            }
            Lane::Blob => values.as_binary_view_opt().cloned().map(Self::Blob),
        };
        found.ok_or_else(missing)
    }

    /// The value at `row`.
    ///
    /// # Errors
    /// When SQLite would store another one: it takes no number that is none.
    pub(super) fn at(&self, row: usize) -> Result<ToSqlOutput<'_>, SqliteError> {
        if self.array().is_null(row) {
            return Ok(ToSqlOutput::from(Null));
        }
        Ok(match self {
            Self::Integer(values) => ToSqlOutput::Owned(Value::Integer(values.value(row))),
            Self::Real(name, values) => {
                let number = values.value(row);
                if number.is_nan() {
                    return Err(SqliteError::Value {
                        column: name.clone(),
                        problem: "a masked number is none (NaN), which SQLite would make a null",
                    });
                }
                ToSqlOutput::Owned(Value::Real(number))
            }
            Self::Blob(values) => ToSqlOutput::Borrowed(ValueRef::Blob(values.value(row))),
            Self::Text(values, classes) => {
                let text = values.value(row);
                let class = classes.is_valid(row).then(|| classes.value(row));
                classed(text, class.and_then(Class::of_code))
            }
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Integer(values) => values,
            Self::Real(_, values) => values,
            Self::Text(values, _) => values,
            Self::Blob(values) => values,
        }
    }
}

/// A text as a value of `class`, where it is one.
pub(super) fn classed(text: &str, class: Option<Class>) -> ToSqlOutput<'_> {
    let as_text = ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()));
    match class {
        None => as_text,
        Some(Class::Blob) => ToSqlOutput::Borrowed(ValueRef::Blob(text.as_bytes())),
        // Not `007` or `+7`, which would come back as other text.
        Some(Class::Integer) => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => ToSqlOutput::Owned(Value::Integer(number)),
            _ => as_text,
        },
        Some(Class::Real) => match text.parse::<f64>() {
            Ok(number) if number.to_string() == text && !number.is_nan() => {
                ToSqlOutput::Owned(Value::Real(number))
            }
            _ => as_text,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_back_where_they_can() {
        let stored = |text, class| match classed(text, Some(class)) {
            ToSqlOutput::Owned(value) => value,
            ToSqlOutput::Borrowed(value) => Value::try_from(value).unwrap(),
            _ => unreachable!("nothing else is made"),
        };
        for (text, class, value) in [
            ("-42", Class::Integer, Value::Integer(-42)),
            (
                "9223372036854775807",
                Class::Integer,
                Value::Integer(i64::MAX),
            ),
            (
                "9223372036854775808",
                Class::Integer,
                Value::Text("9223372036854775808".into()),
            ),
            ("007", Class::Integer, Value::Text("007".into())),
            ("x", Class::Integer, Value::Text("x".into())),
            ("1", Class::Real, Value::Real(1.0)),
            ("-0", Class::Real, Value::Real(-0.0)),
            ("0.1", Class::Real, Value::Real(0.1)),
            ("inf", Class::Real, Value::Real(f64::INFINITY)),
            ("NaN", Class::Real, Value::Text("NaN".into())),
            ("ab", Class::Blob, Value::Blob(b"ab".to_vec())),
        ] {
            assert_eq!(stored(text, class), value, "{text} {class:?}");
        }
    }
}
