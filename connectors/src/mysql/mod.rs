//! MariaDB 10 and later, and MySQL 5.7 and later: tables read by the binary protocol, written through
//! temporary tables.
//!
//! | Question | File |
//! |---|---|
//! | how do we get in? | `config.rs`, `session.rs` |
//! | what does the server know of a table, and what may we? | `catalogue.rs`, `rights.rs` |
//! | how does a value travel? | `types.rs`, `calendar.rs`, `decode.rs`, `encode.rs` |
//! | how is a table masked where it lies? | `update.rs`, `rewrite.rs`, over `job.rs`, `reader.rs`, `stage.rs`, `progress.rs`, `back.rs`, `together.rs`, `exchange.rs` |
//! | how is it copied elsewhere, and filled from elsewhere? | `extract.rs` over `snapshot.rs`, `load.rs` over `loader.rs` and `create.rs` |
//! | was a transaction committed? | `marks.rs`, `script.rs` |
//! | what still holds old values afterwards? | `leftovers.rs` |
//! | what does it answer when it refuses? | `error.rs` |
//! | how is it one of the databases? | `database.rs` |
//!
//! ```yaml
//! connections:
//!   crm:
//!     db_type: mariadb
//!     host: db.example
//!     database: crm
//!     user: masker
//!     password: ${CRM_PASSWORD}
//!     sslmode: verify-full
//! ```

mod back;
mod calendar;
mod catalogue;
mod config;
mod create;
mod database;
mod decode;
mod encode;
mod error;
mod exchange;
mod extract;
mod job;
mod leftovers;
mod load;
mod loader;
mod marks;
mod progress;
mod reader;
mod rewrite;
mod rights;
mod script;
mod session;
mod snapshot;
mod stage;
mod together;
mod types;
mod update;

pub use config::MysqlConfig;
pub use database::Mysql;
pub use error::{Answer, MysqlError, ValueProblem};
