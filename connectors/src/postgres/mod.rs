//! PostgreSQL: tables read and written by binary `COPY`.

mod calendar;
mod copy;
pub mod copy_error;
pub mod decode;
pub mod encode;
mod numeric;
#[cfg(test)]
mod tests;
pub mod types;
mod uuid;

pub use copy_error::{CopyError, FrameProblem, ValueProblem};
pub use decode::CopyDecoder;
pub use encode::CopyEncoder;
pub use types::{
    Special, TypeKind, WireColumn, WireType, is_special_column, special_column, wire_schema,
};
