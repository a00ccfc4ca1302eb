//! Runs: from a request to masked files and tables.
//!
//! | Question | File |
//! |---|---|
//! | what is a run, as it is kept? | `row.rs`, `status.rs` |
//! | what may be asked of one? | `options.rs` |
//! | what is refused, and what is kept for the run? | `create.rs`, `pipeline.rs` |
//! | whose turn is it? | `queue.rs`, `node.rs` |
//! | how is one run, ended and cancelled? | `work.rs`, `masking.rs`, `discovering.rs`, `end.rs` |
//! | what is left of those that a kill cut off? | `leftovers.rs` |
//! | what does it tell, while it works and after? | `log.rs`, `watch.rs`, `report.rs` |

mod create;
mod discovering;
mod end;
mod leftovers;
pub(crate) mod log;
mod masking;
mod node;
mod options;
mod pipeline;
mod queue;
pub(crate) mod report;
mod row;
mod status;
#[cfg(test)]
mod tests;
mod watch;
mod work;

use std::path::PathBuf;

pub(crate) use create::{Asked, create, insert};
pub(crate) use end::cancel;
pub(crate) use leftovers::remove_leftovers;
pub(crate) use node::are_others_at_work;
pub(crate) use options::{Options, OptionsSchema};
pub(crate) use queue::{Runs, start};
pub(crate) use row::{Filter, Kind, NewRun, Run, count, find, list};
pub(crate) use status::Status;

use crate::app::App;

/// Name of the folder below that of a run with what it was given.
const GIVEN: &str = "given";
/// Name of the folder below that of a run with its journal and report.
const WORK: &str = "work";

/// The folder of all runs.
fn folders(app: &App) -> PathBuf {
    app.data().join("runs")
}

/// The folder of a run.
fn folder(app: &App, run: i64) -> PathBuf {
    folders(app).join(run.to_string())
}

/// What the secrets of a run are sealed for.
fn place(run: i64) -> String {
    format!("run/{run}")
}
