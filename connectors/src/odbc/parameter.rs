//! Values as parameters of statements.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use odbc_api::parameter::{InputParameter, VarBinaryBox, VarCharBox, VarWCharBox, WithDataType};
use odbc_api::{Bit, Nullable};

use super::error::OdbcError;
use super::lane::{Cell, Form, Lane};

/// A parameter of a statement.
pub(super) type Parameter = Box<dyn InputParameter>;

impl Lane {
    /// `cell` as a parameter.
    ///
    /// # Errors
    /// When it is none of this lane.
    pub(super) fn bound(&self, cell: Cell) -> Result<Parameter, OdbcError> {
        let data_type = self.parameter(cell.len()).data_type;
        Ok(match (self.form(), cell) {
            (Form::Bit, Cell::Null) => Box::new(Nullable::<Bit>::null()),
            (Form::Bit, Cell::Bit(bit)) => Box::new(Bit::from_bool(bit)),
            (Form::I64, Cell::Null) => Box::new(Nullable::<i64>::null()),
            (Form::I64, Cell::I64(number)) => Box::new(number),
            (Form::F64, Cell::Null) => Box::new(Nullable::<f64>::null()),
            (Form::F64, Cell::F64(number)) => Box::new(number),
            (Form::Wide, cell @ (Cell::Null | Cell::Wide(_))) => {
                let value = match cell {
                    Cell::Wide(units) => VarWCharBox::from_vec(units),
                    _ => VarWCharBox::null(),
                };
                Box::new(WithDataType { value, data_type })
            }
            (Form::Utf8, cell @ (Cell::Null | Cell::Utf8(_))) => {
                let value = match cell {
                    Cell::Utf8(text) => VarCharBox::from_string(text),
                    _ => VarCharBox::null(),
                };
                Box::new(WithDataType { value, data_type })
            }
            (Form::Bytes, cell @ (Cell::Null | Cell::Bytes(_))) => {
                let value = match cell {
                    Cell::Bytes(bytes) => VarBinaryBox::from_vec(bytes),
                    _ => VarBinaryBox::null(),
                };
                Box::new(WithDataType { value, data_type })
            }
            _ => return Err(OdbcError::Schema(self.name.clone())),
        })
    }
}

/// Columns of a batch, each with its lane.
pub(super) struct Cells {
    columns: Vec<(Lane, Arc<dyn Array>)>,
}

impl Cells {
    /// The columns of `batch` that are called as `names` say.
    ///
    /// # Errors
    /// When one is missing, or of another type.
    pub(super) fn of(batch: &RecordBatch, lanes: &[(String, Lane)]) -> Result<Self, OdbcError> {
        let columns = lanes.iter().map(|(name, lane)| {
            let array = batch.column_by_name(name);
            let array = array.filter(|array| *array.data_type() == lane.data_type());
            let array = array.ok_or_else(|| OdbcError::Schema(lane.name.clone()))?;
            Ok((lane.clone(), Arc::clone(array)))
        });
        Ok(Self {
            columns: columns.collect::<Result<_, OdbcError>>()?,
        })
    }

    /// The value of a column in a row.
    pub(super) fn at(&self, column: usize, row: usize) -> Cell {
        let (lane, array) = &self.columns[column];
        lane.cell(array, row)
    }

    /// The lanes of the columns.
    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.columns.iter().map(|(lane, _)| lane)
    }
}
