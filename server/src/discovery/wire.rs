//! What was found, as clients see it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use visard::discovery::{
    FLAGGED_BY, FoundColumn, FoundField, FoundFile, FoundTable, Match, digits,
};

/// A column of a table that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaDiscoveryResult {
    /// Its number among all columns, from 1.
    pub(crate) id: i64,
    pub(crate) column: String,
    pub(crate) table: String,
    /// Null in databases that have no schemas.
    pub(crate) schema: Option<String>,
    pub(crate) data: SchemaDiscoveryColumn,
}

/// What is known of a column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaDiscoveryColumn {
    data_type: Option<String>,
    max_length: Option<u32>,
    /// `chars`, where there is a length.
    max_length_unit: Option<&'static str>,
    numeric_precision: Option<i64>,
    numeric_scale: Option<i64>,
    /// `Primary`, `Unique` or empty.
    constraint: &'static str,
    constraint_columns: Vec<String>,
    pk_constraint_name: Option<String>,
    uk_constraint_name: Option<String>,
    unique_index_names: Vec<String>,
    foreign_keys: Vec<ForeignKeyRef>,
    referencing_foreign_keys: Vec<ReferencingForeignKey>,
    discovery_matches: Vec<DiscoveryMatch>,
    /// Always null: values are not looked at.
    #[schema(value_type = Option<Object>)]
    safe_data_preview: Option<Value>,
}

/// What a column refers to.
#[derive(Debug, Serialize, ToSchema)]
struct ForeignKeyRef {
    name: String,
    /// `schema.table.column`.
    referenced_column: String,
}

/// What refers to a column.
#[derive(Debug, Serialize, ToSchema)]
struct ReferencingForeignKey {
    name: String,
    /// `schema.table.column`.
    referencing_column: String,
}

/// What the name of a column tells.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscoveryMatch {
    /// Null for a keyword of a user's.
    label: Option<String>,
    categories: Vec<String>,
    /// `MDD`: by the name.
    flagged_by: &'static str,
    description: String,
    /// Null: values are not looked at.
    hit_ratio: Option<i64>,
}

/// Constraints of the tables of a page, by schema and table.
pub(crate) type TableMetadata = BTreeMap<String, BTreeMap<String, TableConstraints>>;

/// Constraints of a table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableConstraints {
    primary_keys: Vec<ConstraintColumns>,
    unique_keys: Vec<ConstraintColumns>,
    foreign_keys: Vec<ConstraintColumns>,
    /// As the database last estimated it.
    row_count: Option<u64>,
}

/// The columns of a constraint.
#[derive(Debug, Serialize, ToSchema)]
struct ConstraintColumns {
    columns: Vec<String>,
}

/// Files that were found alike: one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileDiscoveryResult {
    id: i64,
    connection: ConnectionRef,
    file_type: String,
    files: Vec<FileDiscoveryFile>,
    results: Vec<FileDiscoveryLocator>,
}

/// A connection by its id and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ConnectionRef {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
struct FileDiscoveryFile {
    path: String,
    file_type: String,
    delimiter: Option<String>,
    encoding: Option<String>,
    /// Empty: values are not looked at.
    value_counts: BTreeMap<String, u64>,
    /// `in_data_discovery_disabled`.
    value_count_status: &'static str,
}

/// A column of a file.
#[derive(Debug, Serialize, ToSchema)]
struct FileDiscoveryLocator {
    /// Its name, or its dotted path.
    locator: String,
    matches: Vec<DiscoveryMatch>,
    data_types: Vec<String>,
    /// Null: values are not looked at.
    value_count: Option<u64>,
    /// Always null: values are not looked at.
    #[schema(value_type = Option<Object>)]
    safe_data_preview: Option<Value>,
}

impl SchemaDiscoveryResult {
    /// The column of this number.
    pub(crate) fn of(number: i64, table: &FoundTable, column: &FoundColumn) -> Self {
        let (numeric_precision, numeric_scale) = digits(column);
        let uniques: Vec<_> = table.uniques_of(&column.name).collect();
        let (constraint, constraint_columns) = match (table.is_key(&column.name), uniques.first()) {
            (true, _) => ("Primary", table.primary_key.clone().unwrap_or_default()),
            (false, Some(unique)) => ("Unique", unique.columns.clone()),
            (false, None) => ("", Vec::new()),
        };
        let key = table
            .primary_key_name()
            .filter(|_| table.is_key(&column.name));
        let outgoing = table.linked(&column.name, false);
        let incoming = table.linked(&column.name, true);
        Self {
            id: number + 1,
            column: column.name.clone(),
            table: table.name.clone(),
            schema: table.schema.clone(),
            data: SchemaDiscoveryColumn {
                data_type: Some(column.type_name.clone()),
                max_length: column.length,
                max_length_unit: column.length.map(|_| "chars"),
                numeric_precision,
                numeric_scale,
                constraint,
                constraint_columns,
                pk_constraint_name: key.map(str::to_owned),
                uk_constraint_name: uniques.first().map(|unique| unique.name.clone()),
                unique_index_names: uniques.iter().map(|unique| unique.name.clone()).collect(),
                foreign_keys: outgoing
                    .map(|(key, other)| ForeignKeyRef {
                        name: key.name.clone(),
                        referenced_column: format!("{}.{other}", key.other()),
                    })
                    .collect(),
                referencing_foreign_keys: incoming
                    .map(|(key, other)| ReferencingForeignKey {
                        name: key.name.clone(),
                        referencing_column: format!("{}.{other}", key.other()),
                    })
                    .collect(),
                discovery_matches: column.matches.iter().map(DiscoveryMatch::of).collect(),
                safe_data_preview: None,
            },
        }
    }
}

impl DiscoveryMatch {
    fn of(found: &Match) -> Self {
        Self {
            label: found.label.clone(),
            categories: found.categories.clone(),
            flagged_by: FLAGGED_BY,
            description: found.description.clone(),
            hit_ratio: None,
        }
    }
}

impl TableConstraints {
    /// Those of a table.
    pub(crate) fn of(table: &FoundTable) -> Self {
        let columns = |columns: &Vec<String>| ConstraintColumns {
            columns: columns.clone(),
        };
        let key = table.primary_key_name();
        let uniques = table.uniques.iter();
        let uniques = uniques.filter(|unique| Some(unique.name.as_str()) != key);
        let keys = table.foreign_keys.iter().filter(|key| !key.incoming);
        Self {
            primary_keys: table.primary_key.iter().map(columns).collect(),
            unique_keys: uniques.map(|unique| columns(&unique.columns)).collect(),
            foreign_keys: keys.map(|key| columns(&key.columns)).collect(),
            row_count: table.rows,
        }
    }
}

impl FileDiscoveryResult {
    /// The file of this number.
    pub(crate) fn of(number: i64, connection: &ConnectionRef, file: FoundFile) -> Self {
        Self {
            id: number,
            connection: connection.clone(),
            file_type: file.file_type.clone(),
            files: vec![FileDiscoveryFile {
                path: file.path,
                file_type: file.file_type,
                delimiter: file.delimiter.map(String::from),
                encoding: None,
                value_counts: BTreeMap::new(),
                value_count_status: "in_data_discovery_disabled",
            }],
            results: file.columns.iter().map(FileDiscoveryLocator::of).collect(),
        }
    }
}

impl FileDiscoveryLocator {
    fn of(field: &FoundField) -> Self {
        Self {
            locator: field.path.clone(),
            matches: field.matches.iter().map(DiscoveryMatch::of).collect(),
            data_types: vec![field.data_type.clone()],
            value_count: None,
            safe_data_preview: None,
        }
    }
}

/// The first lines of a configuration that a run used, which say where it came from.
pub(crate) fn provenance(kept: Option<(&str, Option<bool>)>, at: &str) -> String {
    let from = match kept {
        None => "the defaults, or keywords of the request".to_owned(),
        Some((name, None)) => format!("{}, which was deleted since", json!(name)),
        Some((name, Some(true))) => format!("{}, which was changed since", json!(name)),
        Some((name, Some(false))) => json!(name).to_string(),
    };
    format!("# What a discovery run looked for.\n# Configuration: {from}\n# Written: {at}\n")
}
