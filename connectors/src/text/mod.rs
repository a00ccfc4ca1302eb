//! Delimited text: CSV and its kin, masked in place in the record's own bytes.
//!
//! Nothing is parsed that no rule names. A scanner finds where records end and where the typed
//! fields lie; those become Arrow views into the read buffer, and the new values are spliced into
//! the record's bytes. Quoting, line ends, byte-order mark, encoding, blank lines and a missing
//! final newline stay as they are.
//!
//! | File | Question it answers |
//! |---|---|
//! | `options` | what did the ruleset say about the file? |
//! | `dialect` | which bytes have a meaning, and which encoding are they in? |
//! | `field` | what value does a field hold, and how is a value written into one? |
//! | `shape` | what are the columns, and where do the records begin? |
//! | `sniff` | which delimiter does a file seem to have? |
//! | `marks` | where are the bytes that have a meaning? |
//! | `parity` | which of them are quoted? |
//! | `record` | where does the next record end, and where are its typed fields? |
//! | `split` | does a block begin inside quotes, and where is its first record? |
//! | `source` | how is a slice read, and where are its records? |
//! | `count` | how many records does each slice have? |
//! | `batches` | how do records become Arrow arrays without being copied? |
//! | `sink` | how do record batches become a slice of the new file, in order? |
//! | `rows` | how does a query read a file, from its beginning to its end? |
//! | `compression` | gzip, zstd, bzip2, each on a thread of its own |
//! | `group` | the files of one schema, as the plan sees them |

mod batches;
mod compression;
mod count;
mod dialect;
mod error;
mod field;
mod group;
mod marks;
mod options;
mod parity;
mod record;
mod rows;
mod shape;
mod sink;
mod sniff;
mod source;
mod split;

#[cfg(test)]
mod corpus;

pub use count::count_records;
pub use error::{Refusal, TextError};
pub use group::TextGroup;
pub use options::{Header, Ragged, TextOptions};
pub use shape::{TextShape, inspect};
pub use sniff::sniff_delimiter;
