//! Tasks meet the tables of a database: what is masked, in which way, or why it cannot be.
//!
//! | Question | File |
//! |---|---|
//! | where is the database? | `server.rs` |
//! | is the table there, may we, and does the ruleset fit it? | `plan.rs`, `fit.rs` |
//! | updated or rewritten? | `strategy.rs` |
//! | is `where` one condition? | `condition.rs` |

mod condition;
mod fit;
mod plan;
mod server;
mod strategy;

pub use plan::{PlannedTables, Step, TablePlan};
pub(crate) use plan::{Planning, plan_tables};
pub(crate) use server::{connect, open_database};
pub use strategy::Way;
