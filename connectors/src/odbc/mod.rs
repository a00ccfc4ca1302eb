//! Any other database, by a driver of ODBC: tables that are updated where they lie.
//!
//! | Question | File |
//! |---|---|
//! | what tells databases apart? | `dialect.rs` |
//! | which driver is it, and what is it told? | `config.rs`, `session.rs` |
//! | what does the database know of a table? | `catalogue.rs` |
//! | how does a value travel? | `lane.rs`, `moment.rs`, `parameter.rs` |
//! | how is a table masked where it lies? | `update.rs`, over `reader.rs`, `writer.rs`, `progress.rs` |
//! | how are statements of a ruleset run? | `script.rs` |
//! | what does it answer when it refuses? | `error.rs` |
//! | how is it one of the databases? | `database.rs` |
//!
//! The driver manager is part of visard; drivers are those of the machine.
//!
//! ```yaml
//! connections:
//!   crm:
//!     db_type: mssql
//!     host: db.example
//!     database: crm
//!     user: masker
//!     password: ${CRM_PASSWORD}
//! ```

mod catalogue;
mod config;
mod database;
mod dialect;
mod error;
mod installed;
mod lane;
mod moment;
mod parameter;
mod progress;
mod reader;
mod script;
mod session;
mod update;
mod writer;

pub use config::OdbcConfig;
pub use database::Odbc;
pub use dialect::Dialect;
pub use error::{Answer, OdbcError, ValueProblem};
