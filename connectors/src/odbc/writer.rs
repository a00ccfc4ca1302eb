//! Writes masked rows over those that were read, found by their key, many at once.

use arrow::array::RecordBatch;
use odbc_api::Bit;

use super::catalogue::Table;
use super::dialect::{Write, filled_in};
use super::error::OdbcError;
use super::lane::{Cell, Form, Lane};
use super::parameter::{Cells, Parameter};
use super::session::Session;

/// Bytes of the buffers that an array of parameters takes.
const ARRAY_BYTES: usize = 8 << 20;

/// What writes rows of a table.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    table: Table,
    /// Masked columns, then the key: what each is called in batches, and its lane.
    columns: Vec<(String, Lane)>,
    /// How many of them are masked.
    masked: usize,
}

impl Writer {
    pub(super) fn new(table: Table, masked: Vec<(String, Lane)>, key: Vec<(String, Lane)>) -> Self {
        let count = masked.len();
        let columns = masked.into_iter().chain(key).collect();
        Self {
            table,
            columns,
            masked: count,
        }
    }

    /// The statement that writes `rows` rows.
    fn statement(&self, rows: usize) -> String {
        let dialect = self.table.dialect;
        let table = self.table.sql();
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|(_, lane)| dialect.quoted(&lane.name))
            .collect();
        let (masked, key) = names.split_at(self.masked);
        let Write::Values {
            statement,
            target,
            column,
            typed,
            ..
        } = dialect.quirks().write
        else {
            let set: Vec<String> = masked.iter().map(|name| format!("{name} = ?")).collect();
            let on: Vec<String> = key.iter().map(|name| format!("{name} = ?")).collect();
            return format!(
                "UPDATE {table} SET {} WHERE {}",
                set.join(", "),
                on.join(" AND ")
            );
        };
        let target = target.replace("{table}", &table);
        let value = |number: usize| format!("s.{column}{}", number + 1);
        let set: Vec<String> = masked
            .iter()
            .enumerate()
            .map(|(n, name)| format!("{name} = {}", value(n)))
            .collect();
        let on = key.iter().enumerate();
        let on: Vec<String> = on
            .map(|(n, name)| format!("{target}.{name} = {}", value(self.masked + n)))
            .collect();
        let columns: Vec<String> = (1..=names.len())
            .map(|number| format!("{column}{number}"))
            .collect();
        let places: Vec<String> = self
            .columns
            .iter()
            .map(|(_, lane)| match typed {
                true => format!("CAST(? AS {})", cast_type(lane)),
                false => "?".to_owned(),
            })
            .collect();
        let row = format!("({})", places.join(", "));
        let named: Vec<String> = places
            .iter()
            .zip(&columns)
            .map(|(place, name)| format!("{place} AS {name}"))
            .collect();
        let select = format!("SELECT {}", named.join(", "));
        let parts = [
            ("table", table),
            ("set", set.join(", ")),
            ("rows", vec![row; rows].join(", ")),
            ("selects", vec![select; rows].join(" UNION ALL ")),
            ("columns", columns.join(", ")),
            ("on", on.join(" AND ")),
        ];
        filled_in(statement, &parts)
    }

    /// Writes the rows of `batch`; how many were found, by the count of the driver.
    ///
    /// # Errors
    /// When the database refuses, or the batch has other columns.
    pub(super) fn write(&self, session: &Session, batch: &RecordBatch) -> Result<u64, OdbcError> {
        let cells = Cells::of(batch, &self.columns)?;
        let most = self.table.dialect.rows_at_once(self.columns.len());
        let (mut from, mut found) = (0, 0);
        let mut prepared = None;
        while from < batch.num_rows() {
            let rows = most.min(batch.num_rows() - from);
            found += match self.table.dialect.quirks().write {
                Write::Rows => {
                    if prepared.is_none() {
                        prepared = Some((0, session.connection.prepare(&self.statement(0))?));
                    }
                    let (_, prepared) = prepared.as_mut().expect("it was made above");
                    let (taken, found) = array(prepared, &cells, from..from + rows)?;
                    from += taken;
                    found
                }
                Write::Values { .. } => {
                    if prepared.as_ref().is_none_or(|(known, _)| *known != rows) {
                        prepared = Some((rows, session.connection.prepare(&self.statement(rows))?));
                    }
                    let (_, prepared) = prepared.as_mut().expect("it was made above");
                    let mut parameters: Vec<Parameter> =
                        Vec::with_capacity(rows * self.columns.len());
                    for row in from..from + rows {
                        for (column, lane) in cells.lanes().enumerate() {
                            parameters.push(lane.bound(cells.at(column, row))?);
                        }
                    }
                    drop(prepared.execute(parameters.as_slice())?);
                    from += rows;
                    prepared.row_count()?.unwrap_or_default() as u64
                }
            };
        }
        Ok(found)
    }
}

/// What a parameter of `lane` is cast to. The driver of PostgreSQL has names of its own for columns with a sequence.
fn cast_type(lane: &Lane) -> String {
    match lane.type_name.as_str() {
        "serial" => "int4".to_owned(),
        "bigserial" => "int8".to_owned(),
        "smallserial" => "int2".to_owned(),
        name => lane.dialect.quoted(name),
    }
}

/// Runs `prepared` once for each of `rows`, as far as they fit into the buffers: for how many, and how many rows were
/// found.
fn array(
    prepared: &mut odbc_api::Prepared<odbc_api::handles::StatementImpl<'_>>,
    cells: &Cells,
    rows: std::ops::Range<usize>,
) -> Result<(usize, u64), OdbcError> {
    let columns: Vec<Lane> = cells.lanes().cloned().collect();
    let mut longest = vec![1; columns.len()];
    let mut gathered: Vec<Vec<Cell>> = Vec::new();
    for row in rows {
        let values: Vec<Cell> = (0..columns.len())
            .map(|column| cells.at(column, row))
            .collect();
        let wider: Vec<usize> = longest
            .iter()
            .zip(&values)
            .map(|(one, value)| value.len().max(*one))
            .collect();
        let bytes = wider.iter().map(|units| 2 * units + 16).sum::<usize>() * (gathered.len() + 1);
        if bytes > ARRAY_BYTES && !gathered.is_empty() {
            break;
        }
        longest = wider;
        gathered.push(values);
    }
    let parameters = columns
        .iter()
        .zip(&longest)
        .map(|(lane, units)| lane.parameter(*units));
    let mut inserter = prepared.column_inserter(gathered.len(), parameters.collect::<Vec<_>>())?;
    inserter.set_num_rows(gathered.len());
    for (index, lane) in columns.iter().enumerate() {
        let values = gathered.iter().map(|row| &row[index]).enumerate();
        let other = || OdbcError::Schema(lane.name.clone());
        let column = inserter.column_mut(index);
        match lane.form() {
            Form::Bit => {
                let mut column = column.as_nullable_slice::<Bit>().ok_or_else(other)?;
                for (row, value) in values {
                    let Cell::Bit(bit) = value else {
                        column.set_cell(row, None);
                        continue;
                    };
                    column.set_cell(row, Some(Bit::from_bool(*bit)));
                }
            }
            Form::I64 => {
                let mut column = column.as_nullable_slice::<i64>().ok_or_else(other)?;
                for (row, value) in values {
                    let number = if let Cell::I64(number) = value {
                        Some(*number)
                    } else {
                        None
                    };
                    column.set_cell(row, number);
                }
            }
            Form::F64 => {
                let mut column = column.as_nullable_slice::<f64>().ok_or_else(other)?;
                for (row, value) in values {
                    let number = if let Cell::F64(number) = value {
                        Some(*number)
                    } else {
                        None
                    };
                    column.set_cell(row, number);
                }
            }
            Form::Wide => {
                let mut column = column.as_wide_text().ok_or_else(other)?;
                for (row, value) in values {
                    let text = if let Cell::Wide(units) = value {
                        Some(&units[..])
                    } else {
                        None
                    };
                    column.set_cell(row, text);
                }
            }
            Form::Utf8 => {
                let mut column = column.as_text().ok_or_else(other)?;
                for (row, value) in values {
                    let text = if let Cell::Utf8(text) = value {
                        Some(text.as_bytes())
                    } else {
                        None
                    };
                    column.set_cell(row, text);
                }
            }
            Form::Bytes => {
                let mut column = column.as_binary().ok_or_else(other)?;
                for (row, value) in values {
                    let bytes = if let Cell::Bytes(bytes) = value {
                        Some(&bytes[..])
                    } else {
                        None
                    };
                    column.set_cell(row, bytes);
                }
            }
        }
    }
    drop(inserter.execute()?);
    drop(inserter);
    Ok((
        gathered.len(),
        prepared.row_count()?.unwrap_or_default() as u64,
    ))
}
