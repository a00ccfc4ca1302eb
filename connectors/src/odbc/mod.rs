//! Any other database, by a driver of ODBC: tables that are masked where they lie.
//!
//! | Question | File |
//! |---|---|
//! | what tells databases apart? | `dialect.rs`, `quirks.rs` |
//! | which driver is it, and what is it told? | `config.rs`, `session.rs` |
//! | what does the database know of a table? | `catalogue.rs` |
//! | how does a value travel? | `lane.rs`, `moment.rs`, `parameter.rs` |
//! | how are rows read and written? | `reading.rs`, `reader.rs`, `writer.rs` |
//! | how is a table updated? | `update.rs`, by `progress.rs` |
//! | how is it rewritten, alone or with others? | `rewrite.rs`, by `stage.rs`, `together.rs` |
//! | what was committed? | `marks.rs` |
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
mod marks;
mod moment;
mod parameter;
mod progress;
mod quirks;
mod reader;
mod reading;
mod rewrite;
mod script;
mod session;
mod stage;
mod together;
mod update;
mod writer;

pub use config::OdbcConfig;
pub use database::Odbc;
pub use dialect::Dialect;
pub use error::{Answer, OdbcError, ValueProblem};
