//! PostgreSQL 12 and later: tables read and written by binary `COPY`.
//!
//! | Question | File |
//! |---|---|
//! | how do we get in? | `config.rs`, `tls.rs`, `session.rs`, `pool.rs` |
//! | what does the server know of a table? | `catalogue.rs` |
//! | how does a value travel? | [`types`], `copy.rs`, `decode.rs`, `encode.rs` |
//! | how is a table masked where it lies? | `update.rs`, `rewrite.rs`, over `job.rs`, `reader.rs`, `stage.rs`, `progress.rs`, `attached.rs` |
//! | what still holds old values afterwards? | `leftovers.rs` |
//! | what does it answer when it refuses? | `error.rs` |
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
mod decode;
mod encode;
mod error;
mod job;
mod leftovers;
mod numeric;
mod pool;
mod progress;
mod reader;
mod rewrite;
mod session;
mod stage;
#[cfg(test)]
mod tests;
mod tls;
pub mod types;
mod update;
mod uuid;

pub use catalogue::{
    Check, Column, Facts, ForeignKey, Part, RelationKind, Rights, Table, Trigger, Unique,
};
pub use config::{PostgresConfig, SslMode};
pub use copy_error::{CopyError, FrameProblem, ValueProblem};
pub use decode::CopyDecoder;
pub use encode::CopyEncoder;
pub use error::{Answer, PostgresError};
pub use job::Job;
pub use reader::ReadColumn;
pub use rewrite::Rewrite;
pub use session::{Server, Session, quoted};
pub use types::{
    Special, TypeKind, WireColumn, WireType, is_special_column, special_column, wire_schema,
};
pub use update::Update;
