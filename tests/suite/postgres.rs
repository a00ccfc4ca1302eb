//! Tables of PostgreSQL, masked where they lie by the command, against the server that `tests/run` starts:
//! what `databases` does not ask of every database.
//!
//! | Question | File |
//! |---|---|
//! | what is masked, and does all else stay? | `behaviour.rs` |
//! | do the table's own objects stay as they were? | `objects.rs` |
//! | what is refused before a row moves? | `refusals.rs` |
//! | what becomes of a run that is cut off or refused half way? | `faults.rs`, `errors.rs` |
//! | do tables come out as files of the same rows do? | `differential.rs` |
//! | what follows a masked key? | `cascades.rs` |
//! | how do rows get to other databases and files, and back? | `copies.rs` |
//! | what holds old values afterwards? | `traces.rs` |

mod behaviour;
mod cascades;
mod copies;
mod differential;
mod errors;
mod faults;
mod objects;
mod refusals;
mod traces;
mod trial;

pub(crate) use trial::{Trial, config};
