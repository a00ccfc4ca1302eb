//! Discovery: which columns of a connection may hold personal data, and rulesets for them.
//!
//! | Question | File |
//! |---|---|
//! | is a configuration sound, and what does it say? | `configs.rs` |
//! | how is one asked for? | `start.rs` |
//! | where is it done, and how? | `place.rs`, `execute.rs` |
//! | what is kept of it? | `results.rs` |
//! | how do clients see that? | `wire.rs`, `report.rs` |
//! | what does a ruleset leave out? | `coverage.rs` |
//! | how does a ruleset come of it? | `selection.rs`, `generation.rs` |

pub(crate) mod configs;
mod coverage;
mod execute;
#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod generation;
mod place;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod selection;
mod start;
pub(crate) mod wire;

pub(crate) use coverage::coverage;
pub(crate) use execute::{Outcome, execute};
pub(crate) use place::is_of_files;
pub(crate) use start::{Asked, LooksFor, globals, start};
