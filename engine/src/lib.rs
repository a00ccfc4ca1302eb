//! Given a checked ruleset and schemas, what is the plan, and how are its slices run?
//!
//! Masks come from `visard-udfs`; sources and targets come in as `TableProvider`s, so the engine
//! knows no file, bucket or database.

mod error;
mod mask_exec;
mod masked_table;
mod memory;
mod plan;
mod query;
mod run;
mod sanitize;
mod shuffle;

pub use error::EngineError;
pub use mask_exec::MaskExec;
pub use masked_table::MaskedTable;
pub use memory::{MemoryBudget, Reserved, UnitMemory};
pub use plan::{MaskedColumn, MaskedStep, Places, TaskPlan, plan_task};
pub use query::{Queries, QueryError};
pub use run::{Slice, SliceDone, Slices, run_slices};
pub use sanitize::sanitize;
pub use shuffle::{ShuffleMemory, Units};
pub use visard_udfs as udfs;
