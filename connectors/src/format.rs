//! What file formats have in common: groups of units that share a schema and a plan.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::parquet::FormatError;
use crate::store::{Object, StagedOutput, Store};
use crate::text::TextError;
use crate::unit::{Sink, Source};

/// One file and where its masked copy goes: the same path below the other store's base directory.
#[derive(Debug, Clone)]
pub struct FileUnit {
    /// The file, in the version that was listed.
    pub object: Object,
    /// Where it is read.
    pub source: Store,
    /// Where its copy is written.
    pub target: Store,
    /// The numbers of its records, where a mask goes by them.
    pub numbers: Option<Numbers>,
}

/// The numbers of a unit's records: one after the other, in file order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// That of the first record.
    pub first: u64,
    /// How many records each slice has.
    pub slices: Vec<u64>,
}

impl Numbers {
    /// The numbers of the records of `slice`.
    pub fn of_slice(&self, slice: usize) -> Range<u64> {
        let first = self.first + self.slices[..slice].iter().sum::<u64>();
        first..first + self.slices[slice]
    }

    /// The number behind that of the last record.
    pub fn end(&self) -> u64 {
        self.first + self.slices.iter().sum::<u64>()
    }
}

/// Units of one format and schema, under one plan for each of its sinks.
pub trait Group: Source {
    /// Number of units.
    fn units(&self) -> usize;
    /// The slices of a unit; units come one after the other.
    fn slices_of(&self, unit: usize) -> Range<usize>;
    /// What writes the masked columns: one sink for all of them, or several for a part each. Every slice
    /// goes through every sink, one after the other or together; the last one counts its rows.
    fn sinks(self: Arc<Self>) -> Vec<Arc<dyn Sink>>;
    /// Bytes the slice holds at most while its part for the sink `part` is worked on.
    fn memory_of(&self, slice: usize, part: usize) -> u64;
    /// Bytes the unit holds besides, from its first slice until it is over.
    fn memory_of_unit(&self, unit: usize) -> u64;
    /// Ends the unit's output once all its slices are written: complete, durable, not yet visible.
    ///
    /// # Errors
    /// When the source is no longer the version that was listed, or the output cannot be ended.
    fn finish(&self, unit: usize) -> BoxFuture<'static, Result<StagedOutput>>;
    /// Gives the unit up: its output is dropped and slices that wait for their turn fail.
    fn abort(&self, unit: usize);
}

/// A group seen as each of its sides.
#[derive(Clone)]
pub struct GroupRef {
    /// The group.
    pub group: Arc<dyn Group>,
    /// The group as a source.
    pub source: Arc<dyn Source>,
    /// What writes its masked columns.
    pub sinks: Vec<Arc<dyn Sink>>,
}

impl GroupRef {
    /// The sides of `group`.
    pub fn new<G: Group + 'static>(group: Arc<G>) -> Self {
        Self {
            source: group.clone(),
            sinks: group.clone().sinks(),
            group,
        }
    }
}

/// Whether a slice's error only says that another slice of its unit failed, whose error is the one to
/// report.
pub fn is_consequence(error: &DataFusionError) -> bool {
    let DataFusionError::External(root) = error.find_root() else {
        return false;
    };
    let text = root.downcast_ref::<TextError>();
    let parquet = root.downcast_ref::<FormatError>();
    text.is_some_and(|error| matches!(error, TextError::OtherSlice { .. }))
        || parquet.is_some_and(FormatError::is_consequence)
}
