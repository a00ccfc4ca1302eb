//! What file formats have in common: groups of units that share a schema and a plan.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use futures::future::BoxFuture;

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
}

/// Units of one format and schema, under one plan.
pub trait Group: Source + Sink {
    /// Number of units.
    fn units(&self) -> usize;
    /// The slices of a unit; units come one after the other.
    fn slices_of(&self, unit: usize) -> Range<usize>;
    /// Bytes the slice holds at most while it is worked on.
    fn memory_of(&self, slice: usize) -> u64;
    /// Ends the unit's output once all its slices are written: complete, durable, not yet visible.
    ///
    /// # Errors
    /// When the source is no longer the version that was listed, or the output cannot be ended.
    fn finish(&self, unit: usize) -> BoxFuture<'static, Result<StagedOutput>>;
    /// Gives the unit up: its output is dropped and slices that wait for their turn fail.
    fn abort(&self, unit: usize);
}

/// A group seen as each of its three sides.
#[derive(Clone)]
pub struct GroupRef {
    /// The group.
    pub group: Arc<dyn Group>,
    /// The group as a source.
    pub source: Arc<dyn Source>,
    /// The group as a sink.
    pub sink: Arc<dyn Sink>,
}

impl GroupRef {
    /// The sides of `group`.
    pub fn new<G: Group + 'static>(group: Arc<G>) -> Self {
        Self {
            source: group.clone(),
            sink: group.clone(),
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
