//! PostgreSQL 12 and later: tables read and written by binary `COPY`.
//!
//! | Question | File |
//! |---|---|
//! | how do we get in? | `config.rs`, `tls.rs`, `session.rs`, `pool.rs` |
//! | what does the server know of a table? | `catalogue.rs` |
//! | how does a value travel? | [`types`], `copy.rs`, `decode.rs`, `encode.rs` |
//! | how is a table masked where it lies? | `update.rs`, `rewrite.rs`, over `job.rs`, `reader.rs`, `stage.rs`, `progress.rs`, `attached.rs` |
//! | how is it copied elsewhere, and filled from elsewhere? | `extract.rs` over `snapshot.rs`, `load.rs` over `create.rs` |
//! | what still holds old values afterwards? | `leftovers.rs` |
//! | what does it answer when it refuses? | `error.rs` |
//! | how is it one of the databases? | `database.rs` |
//!
//! ```yaml
//! connections:
//!   crm:
//!     db_type: postgres
//!     host: db.example
//!     database: crm
//!     user: masker
//!     password: ${CRM_PASSWORD}
//!     sslmode: verify-full
//! ```

mod attached;
mod calendar;
mod catalogue;
mod config;
mod copy;
mod copy_error;
mod create;
mod database;
mod decode;
mod encode;
mod error;
mod extract;
mod job;
mod leftovers;
mod load;
mod numeric;
mod pool;
mod progress;
mod reader;
mod rewrite;
mod session;
mod snapshot;
mod stage;
#[cfg(test)]
mod tests;
mod tls;
pub mod types;
mod update;
mod uuid;

pub use config::PostgresConfig;
pub use copy_error::{CopyError, FrameProblem, ValueProblem};
pub use database::Postgres;
pub use decode::CopyDecoder;
pub use encode::CopyEncoder;
pub use error::{Answer, PostgresError};
pub use reader::ReadColumn;
pub use session::connect;
pub use types::{
    Special, TypeKind, WireColumn, WireType, is_special_column, special_column, wire_schema,
};
