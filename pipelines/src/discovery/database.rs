//! The tables of a database, one after the other, by what its catalogue says.

use visard_connectors::database::{Listed, Table};
use visard_connectors::{Database, DatabaseError};

use super::found::{FoundColumn, FoundTable};
use super::rules::Rules;

/// The tables of `schemas`, or of where names without one are looked for.
///
/// # Errors
/// When the catalogue cannot be read, or one of the schemas holds no table that we can see.
pub async fn list_tables(
    database: &dyn Database,
    schemas: &[String],
) -> Result<Vec<Listed>, DatabaseError> {
    if schemas.is_empty() {
        return database.tables(None).await;
    }
    let mut found = Vec::new();
    for schema in schemas {
        let tables = database.tables(Some(schema)).await?;
        if tables.is_empty() {
            let message = format!("the schema `{schema}` holds no table that we can see");
            return Err(DatabaseError::new(message));
        }
        found.extend(
            tables
                .into_iter()
                .filter(|table| !found.contains(table))
                .collect::<Vec<_>>(),
        );
    }
    Ok(found)
}

/// What a table is and what its columns tell; nothing where it is no longer there.
///
/// # Errors
/// When the catalogue cannot be read.
pub async fn look_at_table(
    database: &dyn Database,
    listed: &Listed,
    rules: &Rules,
) -> Result<Option<(FoundTable, Vec<FoundColumn>)>, DatabaseError> {
    let table = database
        .table(listed.schema.as_deref(), &listed.name)
        .await?;
    Ok(table.map(|table| found(table.facts(), rules)))
}

fn found(table: &Table, rules: &Rules) -> (FoundTable, Vec<FoundColumn>) {
    let columns = table
        .columns
        .iter()
        .filter(|column| !rules.ignores(&column.name));
    let columns = columns.map(|column| FoundColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        data_type: column.data_type.to_string(),
        length: column.length,
        required: column.required,
        generated: column.generated,
        matches: rules.matches(&column.name),
    });
    let found = FoundTable {
        schema: table.schema.clone(),
        name: table.name.clone(),
        rows: table.rows,
        primary_key: table.primary_key.clone(),
        uniques: table.uniques.clone(),
        foreign_keys: table.foreign_keys.clone(),
        obstacles: table.obstacles.clone(),
    };
    (found, columns.collect())
}
