//! Tables that are reached by drivers of ODBC, masked by the command: what `databases` does not ask of every database.
//!
//! | Question | File |
//! |---|---|
//! | which databases, by which drivers? | `trial.rs` |
//! | does each type come back as it went, or is it refused? | `types.rs` |
//! | how are unique columns and keys masked? | `rewrite.rs` |
//! | what is refused before a row moves, or while it does? | `refusals.rs` |
//! | what does somebody else do meanwhile? | `faults.rs` |
//! | do tables come out as files of the same rows do? | `differential.rs` |

mod differential;
mod faults;
mod refusals;
mod rewrite;
mod trial;
mod types;

pub(crate) use trial::Over;
