//! Tables of SQLite files, masked where they lie by the command: what `databases` does not ask of every database.
//!
//! | Question | File |
//! |---|---|
//! | do values keep their class? | `classes.rs` |
//! | what follows a masked key? | `cascades.rs` |
//! | how do rows get to other files, and back? | `copies.rs` |
//! | does the file stay what it is, also for others who have it open? | `file.rs` |
//! | do the table's own objects stay as they were? | `objects.rs` |
//! | what is refused before a row moves? | `refusals.rs` |
//! | do tables come out as files of the same rows do? | `differential.rs` |
//! | what holds old values afterwards? | `traces.rs` |

mod cascades;
mod classes;
mod copies;
mod differential;
mod file;
mod objects;
mod refusals;
mod traces;
mod trial;

pub(crate) use trial::Trial;
