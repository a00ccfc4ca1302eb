//! The models meet the real files: what is masked how, before a row is read.
//!
//! | Question | File |
//! |---|---|
//! | what do pipeline and ruleset say? | [`load`] |
//! | do source and destination work, and may strangers read them? | `stores.rs` |
//! | which files are there, and which task is each for? | `files.rs` |
//! | which columns does a file have? | `columns.rs` |
//! | which masks go on which column? | `rules.rs`, `convert.rs`, `seeds.rs` |
//! | which units, groups and plans come of it? | `plan.rs` |

mod columns;
mod convert;
mod files;
mod plan;
mod rules;
mod seeds;
mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use visard_engine::udfs::{MASKS, find_mask};

pub use columns::FileColumn;
pub use files::{Format, columns_of};
pub use plan::{Action, FilePlan, GroupPlan, Planned, plan};
pub use stores::{Stores, open_stores, store_config};

use crate::language::{
    Diagnostics, Language, MaskCatalogue, Pipeline, ProcessEnvironment, Ruleset, RulesetSource,
    Sources,
};

/// The masks of this build, as the language asks for them.
#[derive(Debug, Clone, Copy)]
pub struct BuiltMasks;

impl MaskCatalogue for BuiltMasks {
    fn is_built(&self, name: &str) -> bool {
        find_mask(name).is_some()
    }

    fn parameters(&self, name: &str) -> Option<Vec<(String, bool)>> {
        let schema = (find_mask(name)?.schema)();
        let properties = schema
            .get("properties")
            .and_then(|properties| properties.as_object());
        // Which are required is settled when the mask is bound: there every one has a default.
        Some(
            properties
                .into_iter()
                .flatten()
                .map(|(name, _)| (name.clone(), false))
                .collect(),
        )
    }
}

impl BuiltMasks {
    /// JSON Schema of each mask's arguments, by name.
    pub fn schemas() -> BTreeMap<String, serde_json::Value> {
        MASKS
            .iter()
            .map(|spec| (spec.name.to_owned(), (spec.schema)().to_value()))
            .collect()
    }
}

/// A pipeline and its ruleset, read.
#[derive(Debug)]
pub struct Loaded {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The ruleset.
    pub ruleset: Ruleset,
    /// Where relative seed files are looked up: the folder of the file that holds the ruleset.
    pub seed_folder: PathBuf,
    /// SHA-256 over all files that were read.
    pub digest: String,
}

/// Reads a pipeline, its ruleset and libraries. Nothing comes back where there are errors.
pub fn load(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Loaded> {
    let language = Language {
        masks: &BuiltMasks,
        environment: &ProcessEnvironment,
    };
    let (pipeline, ruleset) = language.load(path, sources, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let (pipeline, ruleset) = (pipeline?, ruleset?);
    let named_by = match &pipeline.ruleset {
        RulesetSource::File(path) => path.value.as_path(),
        RulesetSource::Inline(_) => path,
    };
    let seed_folder = named_by.parent().unwrap_or(Path::new("")).to_owned();
    let digest = digest(sources);
    Some(Loaded {
        pipeline,
        ruleset,
        seed_folder,
        digest,
    })
}

fn digest(sources: &Sources) -> String {
    let mut hasher = Sha256::new();
    for text in sources.texts() {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    HEXLOWER.encode(&hasher.finalize())
}
