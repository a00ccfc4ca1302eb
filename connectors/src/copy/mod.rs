//! Copies between unlike places: tables to files, files to tables, tables to tables elsewhere.
//!
//! | Question | File |
//! |---|---|
//! | what do all copies have in common? | this one |
//! | how do files give all their columns? | `listed_files.rs` |
//! | how does a table become files? | `part_files.rs`, `parquet_part.rs`, `csv_part.rs` |
//! | what is a value as text? | `text.rs` |
//! | what is a value in another type? | `convert.rs` |
//!
//! How tables are read and filled, each database knows: [`crate::database`].
//!
//! All columns travel typed. A copy is one unit: all rows of a task appear together, or none do.

pub mod convert;
mod csv_part;
mod listed_files;
mod parquet_part;
mod part_files;
pub mod text;

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;

pub use listed_files::ListedFiles;
pub use part_files::{PartFiles, PartFormat};

use crate::database::special::{special_column, spelled_column};
use crate::database::{Announce, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// Where rows come from that are copied.
pub trait Origin: Source {
    /// How many rows a slice has.
    ///
    /// # Errors
    /// When it cannot be read.
    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>>;
    /// Bytes a slice holds at most while it is read.
    fn memory_of(&self, slice: usize) -> u64;
    /// Looks whether what was read is still what was listed.
    ///
    /// # Errors
    /// When it is not: then rows of two versions may have been read.
    fn verify(&self) -> BoxFuture<'static, Result<()>>;
}

/// Where the masked rows of a copy go.
pub trait Destination: Sink {
    /// Bytes a slice holds at most while it is written.
    fn slice_memory(&self) -> u64;
    /// Makes all written rows appear; how many there are.
    ///
    /// # Errors
    /// When the place refuses: then none appear.
    fn commit(&self, announce: Announce) -> BoxFuture<'static, Result<u64>>;
    /// Gives the copy up: no row appears.
    fn abort(&self) -> BoxFuture<'static, ()>;
    /// Removes what the work needed besides.
    ///
    /// # Errors
    /// When the place cannot be reached.
    fn clean_up(&self) -> BoxFuture<'static, Result<()>>;
}

/// What becomes of rows that are at the destination already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// There must be none.
    #[default]
    Error,
    /// They stay, and the copied rows come to them.
    Append,
    /// They go as the copied rows come.
    Overwrite,
}

/// The hidden columns of `rows` that say what nulls of the column `name` stand for.
pub(crate) fn unformed_fields(rows: &Schema, name: &str) -> Vec<Field> {
    let names = [special_column(name), spelled_column(name)];
    let fields = names
        .iter()
        .filter_map(|name| rows.field_with_name(name).ok());
    fields.cloned().collect()
}

/// A copy at work.
#[derive(Debug)]
pub struct Copy {
    origin: Arc<dyn Origin>,
    destination: Arc<dyn Destination>,
    dry_run: bool,
}

impl Copy {
    /// All rows of `origin` to `destination`; with `dry_run` they are masked and go nowhere.
    pub fn new(origin: Arc<dyn Origin>, destination: Arc<dyn Destination>, dry_run: bool) -> Self {
        Self {
            origin,
            destination,
            dry_run,
        }
    }
}

impl Source for Copy {
    fn schema(&self) -> SchemaRef {
        self.origin.schema()
    }

    fn slices(&self) -> usize {
        self.origin.slices()
    }

    fn describe(&self) -> String {
        self.origin.describe()
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        self.origin.open(slice, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl TableWork for Copy {
    fn units(&self) -> usize {
        1
    }

    fn slices_of(&self, _: usize) -> Range<usize> {
        0..self.origin.slices()
    }

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        self.origin.rows_of(slice)
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        match self.dry_run {
            true => Arc::new(Nowhere(Arc::clone(&self.destination) as _)),
            false => Arc::clone(&self.destination) as _,
        }
    }

    fn memory_of(&self, slice: usize) -> u64 {
        self.origin.memory_of(slice) + self.destination.slice_memory()
    }

    fn commit(&self, _: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let verified = self.origin.verify();
        let destination = Arc::clone(&self.destination);
        Box::pin(async move {
            verified.await?;
            destination.commit(announce).await
        })
    }

    fn abort(&self, _: usize) -> BoxFuture<'static, ()> {
        self.destination.abort()
    }

    fn clean_up(&self, _: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let cleaned_up = (!self.dry_run).then(|| self.destination.clean_up());
        Box::pin(async move {
            if let Some(cleaned_up) = cleaned_up {
                cleaned_up.await?;
            }
            Ok(Vec::new())
        })
    }
}

/// Takes rows as another sink would, to nowhere.
#[derive(Debug)]
struct Nowhere(Arc<dyn Sink>);

impl Sink for Nowhere {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn describe(&self) -> String {
        format!("nowhere, in place of {}", self.0.describe())
    }

    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        Box::pin(async move {
            let rows = counted(rows).await?;
            Ok(Receipt { slice, rows })
        })
    }
}
