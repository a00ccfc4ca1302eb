//! What a ruleset leaves out: columns of its database that may hold personal data, and no rule masks.

use std::collections::BTreeMap;

use visard::discovery::{FLAGGED_BY, Keywords, Place, covers, list_tables, look_at_table};
use visard::language::Ruleset;

use super::{configs, globals, place};
use crate::app::App;
use crate::documents::Document;

/// Columns of a report.
const HEADER: [&str; 7] = [
    "Table schema",
    "Table name",
    "Column name",
    "Reason for flag",
    "Flagged by",
    "Data classifications",
    "Masked",
];

/// A report as CSV of all columns of the connection whose names tell of personal data, each with whether a rule
/// of `ruleset` masks it, and the number of those that none does.
///
/// # Errors
/// Why the database cannot be looked at, for people, without a secret.
pub(crate) async fn coverage(
    app: &App,
    connection: &Document,
    ruleset: &Ruleset,
) -> Result<(String, usize), String> {
    let Place::Database(database) = place::open(app, connection).await? else {
        return Err("coverage is told of databases only".to_owned());
    };
    let (custom, ignored) = globals(app).await.map_err(|error| error.told())?;
    let keywords = Keywords {
        custom,
        ignored,
        ..Keywords::default()
    };
    let rules = configs::rules(&keywords.to_config(), &BTreeMap::new());
    let rules = rules.map_err(|problem| problem.message)?;
    let mut page = csv::Writer::from_writer(Vec::new());
    let mut unmasked = 0;
    let broken = |error: csv::Error| error.to_string();
    page.write_record(HEADER).map_err(broken)?;
    let tables = list_tables(database.as_ref(), &[]).await;
    for listed in tables.map_err(|error| error.to_string())? {
        let found = look_at_table(database.as_ref(), &listed, &rules).await;
        let Some((table, columns)) = found.map_err(|error| error.to_string())? else {
            continue;
        };
        for column in columns.iter().filter(|column| !column.matches.is_empty()) {
            let is_masked = covers(ruleset, &table, column);
            unmasked += usize::from(!is_masked);
            let reasons: Vec<&str> = column
                .matches
                .iter()
                .map(|one| one.description.as_str())
                .collect();
            let categories = column.matches.iter().flat_map(|one| &one.categories);
            let categories: Vec<&str> = categories.map(String::as_str).collect();
            page.write_record([
                table.schema.as_deref().unwrap_or_default(),
                &table.name,
                &column.name,
                &reasons.join(", "),
                FLAGGED_BY,
                &categories.join(", "),
                if is_masked { "yes" } else { "no" },
            ])
            .map_err(broken)?;
        }
    }
    let page = page.into_inner().map_err(|error| error.to_string())?;
    let page = String::from_utf8(page).map_err(|error| error.to_string())?;
    Ok((page, unmasked))
}
