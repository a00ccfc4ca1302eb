//! SQLite 3: tables of a file, read by several connections and written by one.
//!
//! | Question | File |
//! |---|---|
//! | where is the file, and how is it opened? | `file.rs` |
//! | what does its schema say of a table? | `catalogue.rs`, `sql.rs` |
//! | what is in a column, and how do masks see it? | `lane.rs`, `decode.rs`, `encode.rs` |
//! | how is a row found again? | `address.rs` |
//! | how is a table masked where it lies? | `update.rs`, `rewrite.rs`, over `job.rs`, `reader.rs`, `progress.rs`, `refill.rs` (`handed.rs`, `unindexed.rs`), `exchange.rs` |
//! | how is it copied elsewhere, and filled from elsewhere? | `extract.rs` over `snapshot.rs`, `load.rs` over `held.rs` and `create.rs` |
//! | what still holds old values afterwards? | `leftovers.rs` |
//! | what does it answer when it refuses? | `error.rs` |
//! | how is it one of the databases? | `database.rs` |
//!
//! ```yaml
//! connections:
//!   crm:
//!     db_type: sqlite
//!     database: data/crm.db
//! ```

mod address;
mod catalogue;
mod create;
mod database;
mod decode;
mod encode;
mod error;
mod exchange;
mod extract;
mod file;
mod handed;
mod held;
mod job;
mod lane;
mod leftovers;
mod load;
mod progress;
mod reader;
mod refill;
mod rewrite;
mod snapshot;
mod sql;
#[cfg(test)]
mod tests;
mod unindexed;
mod update;

pub use database::Sqlite;
pub use error::SqliteError;
