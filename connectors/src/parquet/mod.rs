//! Parquet: only the named leaf columns are decoded, masked and encoded; every other column chunk
//! is copied byte for byte.
//!
//! - [`inspect`] reads a footer: root columns, leaves, row groups.
//! - [`ParquetGroup`] reads and writes units, a row group at a time, several at once; the row groups
//!   of the copy have the same rows in the same order. Masked columns that would hold too much memory
//!   together are worked on part by part.
//!
//! The encoder writes masked chunks as the source's writer did: codec (at its default level), data
//! page version, dictionary, encoding, kind of statistics, page indexes, bloom filters. Two
//! differences remain: fixed-length values have a dictionary only in pages of version 2, and INT96
//! and decimals in byte arrays have no statistics.
//!
//! What a masked column's old values might have left behind is made anew or dropped: statistics,
//! page indexes, size statistics, bloom filters, dictionaries, key-value pairs, sort orders.
//!
//! Left out: encrypted files; columns in other files; INT96 inside lists and maps, and INTERVAL, as
//! masked columns.

mod columns;
mod decode;
mod encode;
mod error;
mod file;
mod footer;
mod group;
mod int96;
mod memory;
mod metadata;
mod pages;
mod properties;
mod reader;
mod rows;
mod schema;
mod shape;
mod splice;
mod storage;
#[cfg(test)]
mod tests;

pub use error::FormatError;
pub use group::{ParquetGroup, ParquetOptions};
pub use schema::{FileSchema, Leaf};
pub use shape::{ChunkSize, ParquetShape, RowGroupShape, inspect};
