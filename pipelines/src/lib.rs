//! What was asked for, is it sound, what has been done, what is left?
//!
//! - [`language`]: pipeline and ruleset YAML become models, with every problem and its place.
//! - [`check`]: the models meet the real files: units, columns, masks, plans.
//! - [`discovery`]: what is there that may have to be masked, and a ruleset for it.
//! - [`run`]: journal, run, resume, report.
//! - [`commands`]: the commands of the `visard` binary.
//! - [`postgres`]: a database of PostgreSQL by its URL, for the server.

pub mod check;
pub mod commands;
pub mod discovery;
pub mod language;
pub mod postgres;
pub mod run;
