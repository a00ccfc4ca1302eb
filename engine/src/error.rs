//! What can go wrong between a checked ruleset and written slices.

use datafusion::error::DataFusionError;

/// Why a plan could not be made or a slice could not be run. Never holds a cell value: masks, sources
/// and sinks keep values out of their errors, and no expression but theirs is in a plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// DataFusion refused the plan.
    #[error("the plan could not be made")]
    Plan(#[source] DataFusionError),
    /// The plan came out with another number of partitions than there are slices.
    #[error("internal error: a plan of {slices} slices has {partitions} partitions")]
    Partitions {
        /// Slices of the source.
        slices: usize,
        /// Partitions of the plan.
        partitions: usize,
    },
    /// A masked column does not arrive at the target, so its old values would stay.
    #[error("internal error: the masked column `{0}` would not be written")]
    NotWritten(String),
    /// A slice failed.
    #[error("{}", root_message(.0))]
    Slice(#[source] DataFusionError),
    /// A slice's task panicked.
    #[error("internal error: a slice panicked; please report it")]
    Panic,
}

/// The message of the innermost cause: what a person can act on.
pub(crate) fn root_message(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::External(inner) => {
            let mut messages = vec![inner.to_string()];
            let mut cause = inner.source();
            while let Some(error) = cause {
                messages.push(error.to_string());
                cause = error.source();
            }
            messages.dedup();
            messages.join(": ")
        }
        other => other.to_string(),
    }
}
