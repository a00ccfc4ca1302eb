//! What a catalogue says of a table: everything that the check of a ruleset depends on.

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

/// A table, as any database describes it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Its schema; none in databases that have no schemas.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// What tells the place of a row.
    pub row_place: RowPlace,
    /// The primary key's columns.
    pub primary_key: Option<Vec<String>>,
    /// Unique indexes, with or without a constraint, the primary key's among them.
    pub uniques: Vec<Unique>,
    /// Foreign keys from it and to it.
    pub foreign_keys: Vec<ForeignKey>,
    /// Checks and exclusions.
    pub checks: Vec<Check>,
    /// Triggers of users, and whatever else runs when a row changes.
    pub triggers: Vec<Trigger>,
    /// Rows, as the database last estimated them; `None` where it never did.
    pub rows: Option<u64>,
    /// Bytes of its rows, without indexes.
    pub bytes: u64,
    /// Why it cannot be masked at all.
    pub obstacles: Vec<String>,
    /// Why it cannot be updated.
    pub update_obstacles: Vec<String>,
    /// Why it cannot be updated in units of a key.
    pub unit_obstacles: Vec<String>,
    /// Why it cannot be rewritten.
    pub rewrite_obstacles: Vec<String>,
    /// Why it cannot be filled from elsewhere.
    pub fill_obstacles: Vec<String>,
    /// Why an update is the better way where both are possible.
    pub prefers_update: Option<&'static str>,
}

/// A table by its names, as [`Database::tables`](super::Database::tables) lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its schema; none in databases that have no schemas.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

/// What tells the place of a row, where no key tells rows apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowPlace {
    /// Block and place in it, as PostgreSQL has it.
    Tuple,
    /// A number that may be a value of the row, and is not shown.
    Number,
    /// Nothing: a row is where its key says.
    #[default]
    None,
}

/// Room that some work takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// What it takes, about.
    pub needed: u64,
    /// What it takes at the least, whatever masks give.
    pub least: u64,
    /// What is free; `None` where nobody can tell us.
    pub free: Option<u64>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as SQL spells it: `character varying(20)`.
    pub type_name: String,
    /// What makes a column like it in any database of the product; none where only this one knows its type.
    pub made: Option<String>,
    /// Its type as masks see it.
    pub data_type: DataType,
    /// The most characters it takes.
    pub length: Option<u32>,
    /// Whether it takes no null.
    pub required: bool,
    /// Whether the database computes it.
    pub generated: bool,
}

impl Column {
    /// Whether its values can be read: else its type is null.
    pub fn is_known(&self) -> bool {
        self.data_type != DataType::Null
    }
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    /// Its name.
    pub name: String,
    /// The columns it is on.
    pub columns: Vec<String>,
    /// Whether it is on those columns as they are and on all rows, and none of them takes a null: they
    /// tell every row from every other.
    pub tells_rows: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// Whether the table is the one it refers to.
    pub incoming: bool,
    /// The schema of the other table; none in databases that have no schemas.
    pub other_schema: Option<String>,
    /// The name of the other table.
    pub other_name: String,
    /// The table's own columns of it.
    pub columns: Vec<String>,
    /// The columns of the other table, each at the place of the one that it goes with.
    pub other_columns: Vec<String>,
}

impl ForeignKey {
    /// The other table, as [`Table::shown`] writes it.
    pub fn other(&self) -> String {
        shown(self.other_schema.as_deref(), &self.other_name)
    }
}

/// A check or an exclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The columns it is on.
    pub columns: Vec<String>,
    /// What it says, in SQL.
    pub definition: String,
}

/// A trigger, or a rule for updates, that is not disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Whether it fires when we update a row.
    pub fires: bool,
    /// Whether it fires even where triggers are kept from firing.
    pub fires_always: bool,
}

impl Table {
    /// Its name for people: `schema.name`.
    pub fn shown(&self) -> String {
        shown(self.schema.as_deref(), &self.name)
    }

    /// Whether `other` is the same table, and nothing about it changed that its masking depends on.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.shown() == other.shown()
            && self.columns == other.columns
            && self.uniques == other.uniques
            && self.foreign_keys == other.foreign_keys
            && self.obstacles == other.obstacles
            && self.rewrite_obstacles == other.rewrite_obstacles
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn shown(schema: Option<&str>, name: &str) -> String {
    match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    }
}
