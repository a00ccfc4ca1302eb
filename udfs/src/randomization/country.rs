//! Countries the shipped seed files have names and addresses of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A country by its ISO 3166-1 alpha-2 code.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Country {
    /// United States of America.
    #[default]
    US,
    /// Australia.
    AU,
    /// Brazil.
    BR,
    /// India.
    IN,
    /// New Zealand.
    NZ,
}
