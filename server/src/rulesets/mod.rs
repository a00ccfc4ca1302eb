//! Rulesets and their libraries: what is kept of them, whether they are sound, and how runs find them.
//!
//! | Question | File |
//! |---|---|
//! | what was found wrong? | `verdict.rs` |
//! | how is it found out, and when? | `validate.rs` |
//! | what does a folder need for a run? | `write_out.rs` |
//! | what is the locality? | `locality.rs` |

mod locality;
mod validate;
mod verdict;
mod write_out;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use visard::language::Holds;

use crate::documents::Document;
use crate::error::ApiError;

pub(crate) use validate::{
    finish_validations, imports, is_large, judge_library, judge_ruleset, revalidate, validate_later,
};
pub(crate) use verdict::{ValidationError, Validity, Verdict};
pub(crate) use write_out::write_out;

/// What a ruleset masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MaskType {
    /// Tables.
    #[default]
    Database,
    /// Files.
    File,
}

impl MaskType {
    /// As clients write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::File => "file",
        }
    }

    /// The type of a stored ruleset: its variant.
    pub(crate) fn of(ruleset: &Document) -> Self {
        match ruleset.variant.as_str() {
            "file" => Self::File,
            _ => Self::Database,
        }
    }

    fn holds(self) -> Holds {
        match self {
            Self::Database => Holds::Tables,
            Self::File => Holds::Files,
        }
    }
}

/// What is kept of a ruleset or library: its text, and what was found out about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Text {
    pub(crate) config_yaml: String,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

impl Text {
    /// Of a stored ruleset or library.
    ///
    /// # Errors
    /// When the store holds something else.
    pub(crate) fn of(document: &Document) -> Result<Self, ApiError> {
        serde_json::from_value(document.body.clone())
            .map_err(|_| ApiError::internal(&"a stored ruleset or library has another body"))
    }

    /// As the store takes it.
    pub(crate) fn into_body(self) -> serde_json::Value {
        serde_json::to_value(self).expect("texts, numbers and lists are JSON")
    }
}

/// The name that rulesets import a library by.
pub(crate) fn library_name(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    }
}

/// Reads YAML from a body: text, or what a client nested in its JSON, which is YAML as well.
pub(crate) fn yaml<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => Ok(text),
        tree @ serde_json::Value::Object(_) => Ok(format!("{tree:#}\n")),
        _ => Err(serde::de::Error::custom("neither text nor a mapping")),
    }
}

/// As [`yaml`], of a body that may leave it out.
pub(crate) fn maybe_yaml<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    yaml(from).map(Some)
}
