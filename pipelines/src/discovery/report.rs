//! What was found in a database as a table for spreadsheets, from which columns can be chosen again.

use std::io::Write;

use serde_json::json;

use super::found::{FLAGGED_BY, FoundColumn, FoundTable, data_type};
use arrow::datatypes::DataType;

/// The columns of a report, the first of which may be left out.
pub const HEADER: [&str; 13] = [
    "Selected",
    "Table schema",
    "Table name",
    "Column name",
    "Data Type",
    "Constraint",
    "Foreign Keys",
    "Max Length",
    "Numeric Precision",
    "Numeric Scale",
    "Reason for flag",
    "Flagged by",
    "Data classifications",
];

/// Writes the first line of a report.
///
/// # Errors
/// When it cannot be written.
pub fn write_header<W: Write>(page: &mut csv::Writer<W>, with_selection: bool) -> csv::Result<()> {
    page.write_record(&HEADER[usize::from(!with_selection)..])
}

/// Writes the line of a column.
///
/// # Errors
/// When it cannot be written.
pub fn write_column<W: Write>(
    page: &mut csv::Writer<W>,
    with_selection: bool,
    table: &FoundTable,
    column: &FoundColumn,
) -> csv::Result<()> {
    let (precision, scale) = digits(column);
    let number = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    let reasons: Vec<&str> = column
        .matches
        .iter()
        .map(|one| one.description.as_str())
        .collect();
    let mut categories: Vec<&str> = column
        .matches
        .iter()
        .flat_map(|one| &one.categories)
        .map(String::as_str)
        .collect();
    categories.sort_unstable();
    categories.dedup();
    let fields = [
        String::new(),
        table.schema.clone().unwrap_or_default(),
        table.name.clone(),
        column.name.clone(),
        column.type_name.clone(),
        constraint(table, &column.name),
        foreign_keys(table, &column.name),
        number(column.length.map(i64::from)),
        number(precision),
        number(scale),
        reasons.join(", "),
        if reasons.is_empty() { "" } else { FLAGGED_BY }.to_owned(),
        categories.join(", "),
    ];
    page.write_record(&fields[usize::from(!with_selection)..])
}

/// Digits of a decimal number: in all, and behind the point.
pub fn digits(column: &FoundColumn) -> (Option<i64>, Option<i64>) {
    match data_type(&column.data_type) {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (Some(precision.into()), Some(scale.into()))
        }
        _ => (None, None),
    }
}

fn constraint(table: &FoundTable, column: &str) -> String {
    let mut constraints = Vec::new();
    if let Some(key) = table.primary_key.as_ref().filter(|_| table.is_key(column)) {
        constraints.push(format!("Primary({})", key.join(", ")));
    }
    let uniques = table.uniques_of(column);
    constraints.extend(uniques.map(|unique| format!("Unique({})", unique.columns.join(", "))));
    let keys = table.linked(column, false);
    constraints.extend(keys.map(|(key, _)| format!("Foreign({})", key.columns.join(", "))));
    constraints.join(", ")
}

fn foreign_keys(table: &FoundTable, column: &str) -> String {
    let keys = table.linked(column, false);
    let keys =
        keys.map(|(key, other)| json!([key.name, format!("{}.{other}", key.other())]).to_string());
    keys.collect::<Vec<_>>().join(", ")
}
