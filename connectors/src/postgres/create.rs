//! Tables that a copy makes: a column holds every value of the one that it is filled from.
//!
//! What comes from PostgreSQL keeps its type, where that is of PostgreSQL itself; all else goes by how masks see it.

use arrow::datatypes::DataType;

use super::catalogue::Table;
use super::error::PostgresError;
use super::session::{Session, quoted};
use crate::database::{NewColumn, NewTable};

/// The statement that makes a table.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    /// What stands behind the table's name.
    definition: String,
}

impl Creation {
    /// What makes `new`; `product` is what its columns are called in.
    pub(super) fn of(new: &NewTable, product: &str) -> Self {
        let typed = |column: &NewColumn, _| type_of(column);
        let definition = new.definition(product, quoted, typed);
        Self { definition }
    }

    /// The statement, for a table that SQL names so.
    pub(super) fn sql(&self, table: &str) -> String {
        format!("CREATE TABLE {table} {}", self.definition)
    }
}

impl Session {
    /// What the catalogue says of a table that is made for the question only.
    ///
    /// # Errors
    /// When the server refuses to make it.
    pub(super) async fn tried(
        &self,
        new: &NewTable,
        creation: &Creation,
    ) -> Result<Option<Table>, PostgresError> {
        let name = quoted(&new.name);
        let table = match &new.schema {
            Some(schema) => format!("{}.{name}", quoted(schema)),
            None => name,
        };
        self.run("BEGIN").await?;
        let found = match self.run(&creation.sql(&table)).await {
            Ok(()) => self.table(new.schema.as_deref(), &new.name).await,
            Err(error) => Err(error),
        };
        self.run("ROLLBACK").await?;
        found
    }
}

/// The type that holds all values of a column.
fn type_of(column: &NewColumn) -> String {
    let fixed = match column.bare() {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "smallint",
        DataType::UInt16 | DataType::Int32 => "integer",
        DataType::UInt32 | DataType::Int64 => "bigint",
        DataType::UInt64 => "numeric(20,0)",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            return match u8::try_from(*scale) {
                Ok(scale) if scale <= *precision => format!("numeric({precision},{scale})"),
                _ => "numeric".to_owned(),
            };
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        _ => match column.length {
            Some(length) => return format!("varchar({length})"),
            None => "text",
        },
    };
    fixed.to_owned()
}
