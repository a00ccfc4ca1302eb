//! Tables of MariaDB, masked where they lie by the command, against the server that `tests/run` starts.
//!
//! | Question | File |
//! |---|---|
//! | what is masked, and does all else stay? | `behaviour.rs`, `types.rs` |
//! | do the table's own objects stay as they were? | `objects.rs` |
//! | what follows a masked key, while others write? | `cascades.rs` |
//! | how do rows get to other databases and files, and back? | `copies.rs` |
//! | what is refused before a row moves, and how are errors told? | `refusals.rs` |
//! | what becomes of a run that is killed, cut off or refused half way? | `faults.rs` |
//! | do tables come out as files of the same rows do? | `differential.rs` |
//! | what holds old values afterwards? | `traces.rs` |

mod behaviour;
mod cascades;
mod copies;
mod differential;
mod faults;
mod objects;
mod refusals;
mod traces;
mod trial;
mod types;

pub(crate) use trial::Trial;
