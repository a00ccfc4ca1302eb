//! What was asked for, is it sound, what has been done, what is left?
//!
//! - [`language`]: pipeline and ruleset YAML become models, with every problem and its place.
//! - [`check`]: the models meet the real files: units, columns, masks, plans.
//! - [`run`]: journal, run, resume, report.
//! - [`commands`]: the commands of the `visard` binary.

pub mod check;
pub mod commands;
pub mod language;
pub mod run;
