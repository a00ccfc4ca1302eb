//! PostgreSQL: tables read and written by binary `COPY`.

pub mod types;

pub use types::{
    Special, TypeKind, WireColumn, WireType, is_special_column, special_column, wire_schema,
};
