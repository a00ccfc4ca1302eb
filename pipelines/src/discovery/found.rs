//! What was found: tables and files with their columns, and what the names of these tell.

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use visard_connectors::database::{ForeignKey, Unique};

/// A table. Its columns are kept apart, so that one of a thousand columns can be told column by column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundTable {
    /// Its schema; none in databases that have no schemas.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Rows, as the database last estimated them.
    pub rows: Option<u64>,
    /// The primary key's columns.
    pub primary_key: Option<Vec<String>>,
    /// Unique indexes, the primary key's among them.
    pub uniques: Vec<Unique>,
    /// Foreign keys from it and to it.
    pub foreign_keys: Vec<ForeignKey>,
    /// Why it cannot be masked at all.
    pub obstacles: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// Its type as SQL spells it.
    pub type_name: String,
    /// Its type as masks see it, in the words of Arrow.
    pub data_type: String,
    /// The most characters it takes.
    pub length: Option<u32>,
    /// Whether it takes no null.
    pub required: bool,
    /// Whether the database computes it.
    pub generated: bool,
    /// What its name tells.
    pub matches: Vec<Match>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundFile {
    /// Its path below the base directory.
    pub path: String,
    /// `csv` or `parquet`.
    pub file_type: String,
    /// What divides the fields of its records; of text only.
    pub delimiter: Option<char>,
    /// Its columns.
    pub columns: Vec<FoundField>,
}

/// A column of a file, or a leaf of a nested one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundField {
    /// Its name, or its dotted path; a number where its name may be a value.
    pub path: String,
    /// Whether its name may be a value.
    pub by_number: bool,
    /// Its type as masks see it, in the words of Arrow.
    pub data_type: String,
    /// Whether it can hold a null.
    pub nullable: bool,
    /// Why it cannot be masked.
    pub refusal: Option<String>,
    /// What its name tells.
    pub matches: Vec<Match>,
}

/// What a name tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The kind of personal data; none for a keyword of the user's.
    pub label: Option<String>,
    /// What that belongs to: `PII`, `PHI`, `PCI`.
    pub categories: Vec<String>,
    /// Why, in a few words.
    pub description: String,
}

/// What tells of a column by its name: metadata discovery.
pub const FLAGGED_BY: &str = "MDD";

impl FoundTable {
    /// The primary key's name, where an index has it.
    pub fn primary_key_name(&self) -> Option<&str> {
        let key = self.primary_key.as_ref()?;
        let is_key = |unique: &&Unique| {
            unique.columns.len() == key.len()
                && key.iter().all(|name| unique.columns.contains(name))
        };
        self.uniques
            .iter()
            .find(is_key)
            .map(|unique| unique.name.as_str())
    }

    /// Unique indexes with `column` in them, but for that of the primary key.
    pub fn uniques_of<'a>(&'a self, column: &'a str) -> impl Iterator<Item = &'a Unique> {
        let key = self.primary_key_name();
        let uniques = self.uniques.iter();
        let uniques = uniques.filter(move |unique| Some(unique.name.as_str()) != key);
        uniques.filter(move |unique| unique.columns.iter().any(|name| name == column))
    }

    /// Whether `column` is one of the primary key.
    pub fn is_key(&self, column: &str) -> bool {
        let key = self.primary_key.iter().flatten();
        key.into_iter().any(|name| name == column)
    }

    /// Columns of other tables that `column` goes with by foreign keys: incoming ones, or those from it; each
    /// as the key and the other column.
    pub fn linked<'a>(
        &'a self,
        column: &'a str,
        incoming: bool,
    ) -> impl Iterator<Item = (&'a ForeignKey, &'a str)> {
        let keys = self
            .foreign_keys
            .iter()
            .filter(move |key| key.incoming == incoming);
        keys.flat_map(move |key| {
            let pairs = key.columns.iter().zip(&key.other_columns);
            let pairs = pairs.filter(move |(own, _)| *own == column);
            pairs.map(move |(_, other)| (key, other.as_str()))
        })
    }
}

/// A type in the words of Arrow; null where they are none.
pub(super) fn data_type(written: &str) -> DataType {
    written.parse().unwrap_or(DataType::Null)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn types_come_back_as_they_went() {
        for known in [
            DataType::Utf8View,
            DataType::Int16,
            DataType::UInt64,
            DataType::Decimal128(18, 2),
            DataType::Float64,
            DataType::Boolean,
            DataType::BinaryView,
            DataType::Date32,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            DataType::Null,
        ] {
            assert_eq!(data_type(&known.to_string()), known);
        }
        assert_eq!(data_type("nonsense"), DataType::Null);
    }
}
