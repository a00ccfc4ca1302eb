//! Given a checked ruleset and schemas, what is the plan, and how are its slices run?
//!
//! Masks come from `visard-udfs`; sources and targets come in as `TableProvider`s, so the engine
//! knows no file, bucket or database.

mod error;
mod masked_table;
mod memory;
mod plan;
mod run;
mod sanitize;

pub use error::EngineError;
pub use masked_table::{MaskExec, MaskedTable};
pub use memory::MemoryBudget;
pub use plan::{MaskedColumn, MaskedStep, Places, TaskPlan, plan_task};
pub use run::{Slice, SliceDone, Slices, run_slices};
pub use sanitize::sanitize;
pub use visard_udfs as udfs;
