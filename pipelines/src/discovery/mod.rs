//! What is there that may have to be masked, and a ruleset for it.
//!
//! Nothing but names and types is looked at, never a value.
//!
//! | Question | File |
//! |---|---|
//! | what does a name tell? | `words.rs`, `labels.rs`, `built_in.rs` |
//! | what is looked for? | `rules.rs`, `defaults.rs` |
//! | where? | `place.rs` |
//! | what is there? | `found.rs`, `database.rs`, `files.rs` |
//! | which masks does a column get? | `choose.rs` |
//! | how is it written? | `generate.rs`, `generate_files.rs`, `flow.rs`, `report.rs` |
//! | is it masked? | `coverage.rs` |

mod built_in;
mod choose;
mod coverage;
mod database;
mod defaults;
mod files;
mod flow;
mod found;
mod generate;
mod generate_files;
mod labels;
mod place;
mod report;
mod rules;
mod words;

pub use visard_connectors::Database;
pub use visard_connectors::database::{ForeignKey, Unique};
pub use visard_connectors::store::Store;

pub use coverage::covers;
pub use database::{list_tables, look_at_table};
pub use defaults::{Keywords, generation_defaults, presets};
pub use files::{LeftOut, list_files, look_at_file};
pub use found::{FLAGGED_BY, FoundColumn, FoundField, FoundFile, FoundTable, Match};
pub use generate::{Choice, Described, Generated, GenerationError, Part, generate};
pub use generate_files::{FileChoice, generate_for_files};
pub use labels::Label;
pub(crate) use labels::{NOTHING, suggest};
pub use place::{Place, open_place};
pub use report::{HEADER, digits, write_column, write_header};
pub use rules::Rules;
