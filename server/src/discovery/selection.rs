//! Which columns somebody chose: as JSON, and in a report that they filled in.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use visard::discovery::{Choice, FileChoice, HEADER};

use crate::error::ApiError;

/// Columns by schema and table.
pub(crate) type SelectedColumns = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Hash columns by schema and table.
pub(crate) type HashColumns = BTreeMap<String, BTreeMap<String, HashColumnsOfTable>>;

/// Columns that decide the masked values of a table's.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HashColumnsOfTable {
    /// Of all chosen columns.
    table: Option<Vec<String>>,
    /// Of single ones; null or none has each row draw for itself.
    columns: Option<BTreeMap<String, Option<Vec<String>>>>,
}

/// Columns of some files.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SelectedData {
    /// Paths below the base directory.
    files: Vec<String>,
    /// Names of columns, or paths into documents.
    locators: Vec<Locator>,
}

/// A column of a file.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
enum Locator {
    Column(String),
    /// A path into a document: keys, indexes, and `*` for all.
    #[allow(dead_code, reason = "paths are refused, whatever they are")]
    Path(Vec<Step>),
}

/// A step of a path.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "paths are refused, whatever they are")]
enum Step {
    Key(String),
    Index(u64),
}

/// What a request chose among tables.
pub(crate) fn of_columns(selected: SelectedColumns, mut hash_columns: HashColumns) -> Vec<Choice> {
    let mut choices = Vec::new();
    for (schema, tables) in selected {
        let mut hashes = hash_columns.remove(&schema).unwrap_or_default();
        for (table, columns) in tables {
            let hashes = hashes.remove(&table).unwrap_or_default();
            let of_columns = hashes.columns.unwrap_or_default().into_iter();
            choices.push(Choice {
                schema: schema.clone(),
                hash_columns: hashes.table.filter(|names| !names.is_empty()),
                hash_columns_of: of_columns
                    .map(|(name, columns)| (name, columns.unwrap_or_default()))
                    .collect(),
                table,
                columns,
            });
        }
    }
    choices
}

/// What a request chose among files.
///
/// # Errors
/// 400 for paths into documents, which no mask is for yet.
pub(crate) fn of_files(selected: Vec<SelectedData>) -> Result<Vec<FileChoice>, ApiError> {
    let choices = selected.into_iter().map(|selected| {
        let columns = selected.locators.into_iter().map(|locator| match locator {
            Locator::Column(name) => Ok(name),
            Locator::Path(_) => Err(ApiError::field(
                "selected_data",
                "Paths into documents are not masked yet: name columns of CSV or Parquet files.",
            )),
        });
        Ok(FileChoice {
            columns: columns.collect::<Result<_, _>>()?,
            files: selected.files,
        })
    });
    choices.collect()
}

/// What is chosen in reports that somebody filled in: columns with a word in the first column that is not a no.
///
/// # Errors
/// What is wrong with a report, in words.
pub(crate) fn of_reports<'r>(
    reports: impl IntoIterator<Item = &'r [u8]>,
) -> Result<Vec<Choice>, String> {
    let mut chosen: SelectedColumns = BTreeMap::new();
    for report in reports {
        let report = report.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(report);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(report);
        let broken = |error: &csv::Error| match error.position() {
            Some(at) => format!("it is not well-formed CSV in UTF-8 at line {}", at.line()),
            None => "it is not well-formed CSV in UTF-8".to_owned(),
        };
        let header = reader.headers().map_err(|error| broken(&error))?.clone();
        let place = |name: &str| {
            let mut names = header.iter();
            let place = names.position(|found| found.trim().eq_ignore_ascii_case(name));
            place.ok_or_else(|| format!("it has no column `{name}`"))
        };
        let [selected, schema, table, column] = [
            place(HEADER[0])?,
            place(HEADER[1])?,
            place(HEADER[2])?,
            place(HEADER[3])?,
        ];
        for record in reader.records() {
            let record = record.map_err(|error| broken(&error))?;
            let field = |at: usize| record.get(at).unwrap_or_default();
            if !is_yes(field(selected)) {
                continue;
            }
            let tables = chosen.entry(field(schema).to_owned()).or_default();
            let columns = tables.entry(field(table).to_owned()).or_default();
            let name = field(column).to_owned();
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
    }
    match chosen.is_empty() {
        true => Err("no column is selected: write `yes` in the first column".to_owned()),
        false => Ok(of_columns(chosen, HashColumns::new())),
    }
}

fn is_yes(word: &str) -> bool {
    let word = word.trim().to_ascii_lowercase();
    !["", "no", "n", "false", "0"].contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_that_were_filled_in() {
        let head = "Selected,Table schema,Table name,Column name\n";
        let one = format!("\u{FEFF}{head}yes,crm,people,email\nno,crm,people,id\n,crm,people,x\n");
        let other = format!("{head}X,crm,orders,\"a,b\"\nTrue,crm,people,email\n");
        let choices = of_reports([one.as_bytes(), other.as_bytes()]).unwrap();
        let found: Vec<_> = choices
            .iter()
            .map(|choice| (choice.table.as_str(), choice.columns.clone()))
            .collect();
        assert_eq!(
            found,
            [
                ("orders", vec!["a,b".to_owned()]),
                ("people", vec!["email".to_owned()])
            ]
        );
        for (report, problem) in [
            ("a,b\n1,2\n", "it has no column `Selected`"),
            (
                head,
                "no column is selected: write `yes` in the first column",
            ),
            ("", "it has no column `Selected`"),
        ] {
            assert_eq!(of_reports([report.as_bytes()]).unwrap_err(), problem);
        }
        let broken = format!("{head}yes,crm,people,\u{1}").into_bytes();
        let broken: Vec<u8> = broken
            .into_iter()
            .map(|byte| if byte == 1 { 0xFF } else { byte })
            .collect();
        assert!(
            of_reports([broken.as_slice()])
                .unwrap_err()
                .contains("at line 2")
        );
    }
}
