//! Tables that a copy makes: a column holds every value of the one that it is filled from.
//!
//! What comes from MariaDB or MySQL keeps its type and collation; all else goes by how masks see it. Text is compared
//! letter by letter, as other databases do, so that what is distinct there is distinct here.

use arrow::datatypes::DataType;

use super::catalogue::{Table, shown_column};
use super::error::MysqlError;
use super::rights::Rights;
use super::session::{Session, literal, quoted};
use crate::database::{NewColumn, NewTable, Unique};

/// Bytes of an index.
const KEY_BYTES: u32 = 3072;
/// Bytes of a character, at most.
const CHARACTER_BYTES: u32 = 4;
/// The most characters of a text that lies in its row.
const SHORT: u32 = 255;
/// Characters of all texts of a row that may lie in it.
const ROW_CHARACTERS: u32 = 12_000;

/// The types that a table is made of.
struct Types {
    collation: &'static str,
    /// Bytes of each column of the primary key.
    key_bytes: u32,
    /// Whether short texts lie in their rows.
    short_texts: bool,
}

impl Types {
    fn of(new: &NewTable, is_mariadb: bool) -> Self {
        let keys = u32::try_from(new.primary_key.len().max(1)).unwrap_or(KEY_BYTES);
        let lengths = new.columns.iter().filter_map(|column| column.length);
        let characters = lengths.filter(|length| *length <= SHORT).sum::<u32>();
        Self {
            collation: match is_mariadb {
                true => "utf8mb4_nopad_bin",
                false => "utf8mb4_bin",
            },
            key_bytes: KEY_BYTES / keys,
            short_texts: characters <= ROW_CHARACTERS,
        }
    }

    /// The type that holds all values of a column; in a key, all that an index takes.
    fn of_column(&self, column: &NewColumn, is_key: bool) -> String {
        let fixed = match column.bare() {
            DataType::Boolean => "tinyint(1)",
            DataType::Int8 => "tinyint",
            DataType::UInt8 => "tinyint unsigned",
            DataType::Int16 => "smallint",
            DataType::UInt16 => "smallint unsigned",
            DataType::Int32 => "int",
            DataType::UInt32 => "int unsigned",
            DataType::Int64 => "bigint",
            DataType::UInt64 => "bigint unsigned",
            DataType::Float16 | DataType::Float32 => "float",
            DataType::Float64 => "double",
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale)
                if *precision <= 65
                    && (0..=30).contains(scale)
                    && scale.unsigned_abs() <= *precision =>
            {
                return format!("decimal({precision},{scale})");
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => match is_key {
                true => return format!("varbinary({})", self.key_bytes),
                false => "longblob",
            },
            DataType::Date32 | DataType::Date64 => "date",
            DataType::Time32(_) | DataType::Time64(_) => "time(6)",
            DataType::Timestamp(..) => "datetime(6)",
            _ => return self.text(column.length, is_key),
        };
        fixed.to_owned()
    }

    fn text(&self, length: Option<u32>, is_key: bool) -> String {
        let most = self.key_bytes / CHARACTER_BYTES;
        let is_short = |length: &u32| self.short_texts && *length <= SHORT;
        let made = match (length, is_key) {
            (length, true) => format!("varchar({})", length.unwrap_or(most).min(most)),
            (Some(length), false) if is_short(&length) => format!("varchar({length})"),
            (_, false) => "longtext".to_owned(),
        };
        format!("{made} CHARACTER SET utf8mb4 COLLATE {}", self.collation)
    }
}

/// The statement that makes a table.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    /// What stands behind the table's name.
    definition: String,
}

impl Creation {
    /// The statement, for a table that SQL names so.
    pub(super) fn sql(&self, table: &str) -> String {
        format!("CREATE TABLE {table} {} ENGINE = InnoDB", self.definition)
    }
}

impl Session {
    /// Whether there is a database of that name: the server makes temporary tables in others as well.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn has_schema(&mut self, name: &str) -> Result<bool, MysqlError> {
        let of = format!(
            "information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
            literal(name)
        );
        Ok(self.count(&of).await? > 0)
    }

    /// What the catalogue would say of a table that is not made in `schema` yet, and what makes it; `product` is
    /// what its columns are called in.
    ///
    /// # Errors
    /// When the server refuses to make it.
    pub(super) async fn tried(
        &mut self,
        new: &NewTable,
        schema: &str,
        product: &str,
    ) -> Result<(Table, Creation), MysqlError> {
        let types = Types::of(new, self.is_mariadb().await?);
        let typed = |column: &NewColumn, is_key| types.of_column(column, is_key);
        let definition = new.definition(product, quoted, typed);
        let table = format!("{}.{}", quoted(schema), quoted(&new.name));
        let tried = format!("CREATE TEMPORARY TABLE {table} {definition} ENGINE = InnoDB");
        self.run(&tried).await?;
        // The catalogue has no temporary tables.
        let shown = self.rows(&format!("SHOW COLUMNS FROM {table}")).await?;
        self.run(&format!("DROP TEMPORARY TABLE {table}")).await?;
        let mut columns = Vec::with_capacity(new.columns.len());
        for (row, wanted) in shown.into_iter().zip(&new.columns) {
            let mut column = shown_column(row)?;
            let is_key = new.primary_key.contains(&wanted.name);
            let own = wanted.made.clone();
            let own = own.filter(|_| new.product == Some(product));
            column.made = own.unwrap_or_else(|| typed(wanted, is_key));
            column.required = wanted.required || is_key;
            columns.push(column);
        }
        let is_keyed = !new.primary_key.is_empty();
        let unique = is_keyed.then(|| Unique {
            name: "PRIMARY".to_owned(),
            columns: new.primary_key.clone(),
            tells_rows: true,
        });
        let table = Table {
            rights: Rights::of(self, schema, &new.name).await?,
            kind: "BASE TABLE".to_owned(),
            engine: "InnoDB".to_owned(),
            columns,
            primary_key: is_keyed.then(|| new.primary_key.clone()),
            uniques: unique.into_iter().collect(),
            foreign_keys: Vec::new(),
            referrers: Vec::new(),
            keys_are_ours: true,
            checks: Vec::new(),
            triggers: Vec::new(),
            rows: Some(0),
            bytes: 0,
            definition: String::new(),
            counter: None,
            schema: schema.to_owned(),
            name: new.name.clone(),
        };
        Ok((table, Creation { definition }))
    }
}
