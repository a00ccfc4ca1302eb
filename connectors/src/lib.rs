//! The places and formats visard reads and writes.
//!
//! - [`copy`]: how rows get from one kind of place to another.
//! - [`database`]: what is asked of a database, whichever it is.
//! - [`store`]: how objects are listed, read and written in a folder, S3, Azure Blob Storage and GCS.
//! - [`parquet`], [`text`]: how a file's typed lane is read and its masked copy written.
//! - `mysql`, `odbc`, `postgres`, `sqlite` (features): tables of MariaDB and MySQL, of any database with a driver of ODBC, of
//!   PostgreSQL and of SQLite.
//! - [`unit`]: the plan nodes that tie a format to DataFusion.

pub mod copy;
pub mod database;
pub mod format;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "odbc")]
pub mod odbc;
pub mod parquet;
#[cfg(feature = "postgres")]
pub mod postgres;
mod room;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
pub mod text;
pub mod unit;

pub use database::{Announce, Database, DatabaseError, DatabaseTable, TableWork};
pub use format::{FileUnit, Group, GroupRef, Numbers, is_consequence};
pub use room::free_room;
pub use unit::{
    NUMBER_COLUMN, PATH_COLUMN, RAW_COLUMN, ROW_COLUMN, Receipt, SPAN_COLUMN, Sink, Source,
    UnitTable, UnitTarget, is_place_column,
};
