//! The models meet the real files: what is masked how, before a row is read.
//!
//! | Question | File |
//! |---|---|
//! | what do pipeline and ruleset say? | [`load`] |
//! | does a connection work? | `connection.rs` |
//! | do source and destination work, and may strangers read them? | `stores.rs` |
//! | which files are there, and which task is each for? | `files.rs` |
//! | which columns does a file have? | `columns.rs` |
//! | may its header be data? | `header.rs` |
//! | which masks go on which column? | `rules.rs`, `convert.rs`, `seeds.rs` |
//! | what is wrong with their arguments, where columns cannot be looked at? | `arguments.rs` |
//! | which numbers have its records? | `numbering.rs` |
//! | which units, groups and plans come of it? | `plan.rs`, `group.rs` |
//! | which tables can queries be asked of? | `tables.rs`, `names.rs`, `database/queries.rs` |

mod arguments;
mod columns;
mod connection;
mod convert;
mod database;
mod files;
mod group;
mod header;
mod names;
mod numbering;
mod plan;
mod rules;
mod seeds;
mod stores;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use visard_engine::udfs::{MASKS, find_mask};

pub use columns::FileColumn;
pub use connection::{Check, Exposure, Outcome, Tried, try_connection};
pub use convert::condition_of_value;
pub use database::{
    CopyFrom, CopyPlan, CopyTo, PlannedTables, Step, TablePlan, Way, tables_of_database,
};
pub(crate) use database::{Planning, connect, open_database};
pub use files::{Format, columns_of, format_name, likely_delimiter};
pub use group::GroupPlan;
pub use numbering::Numbering;
pub use plan::{Action, Done, FilePlan, Planned, plan};
pub(crate) use stores::folder_of;
pub use stores::{Stores, Target, open_source, open_stores, store_config};
pub use tables::{Table, TableColumn, tables};

use crate::language::{
    ConnectionKind, Coverage, Diagnostics, Environment, Holds, Language, MaskCatalogue, Parameter,
    Pipeline, Place, ProcessEnvironment, Ruleset, RulesetSource, RunOptions, Sources, TextOptions,
};
use crate::run::no_root;
use arguments::check_arguments;
use seeds::Seeds;
pub use seeds::{SeedFolder, check_seed, seed_table};

/// The masks of this build, as the language asks for them.
#[derive(Debug, Clone, Copy)]
pub struct BuiltMasks;

impl MaskCatalogue for BuiltMasks {
    fn is_built(&self, name: &str) -> bool {
        find_mask(name).is_some()
    }

    fn parameters(&self, name: &str) -> Option<Vec<Parameter>> {
        let parameters = find_mask(name)?.parameters().into_iter();
        let parameters = parameters.map(|parameter| Parameter {
            name: parameter.name,
            spellings: parameter.spellings,
            required: parameter.required,
        });
        Some(parameters.collect())
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
    /// Where seed files are looked up: the folder of the file that holds the ruleset.
    pub seed_folder: SeedFolder,
    /// SHA-256 over all files that were read, seed files too, and over what decides the output of what
    /// the environment gave; no secret is in it but what the files spell out.
    pub digest: String,
}

/// Whether `loaded` reads or writes tables; else it goes from files to files.
pub fn goes_by_tables(loaded: &Loaded) -> bool {
    let Pipeline {
        source,
        destination,
        ..
    } = &loaded.pipeline;
    is_database(loaded, source) || is_database(loaded, destination)
}

/// Whether tables lie at `place`.
pub(crate) fn is_database(loaded: &Loaded, place: &Place) -> bool {
    let connection = loaded.pipeline.connection(&place.connection.value);
    connection.is_some_and(|found| matches!(found.kind, ConnectionKind::Database(_)))
}

/// Reads a pipeline, its ruleset and libraries. Nothing comes back where there are errors.
pub fn load(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Loaded> {
    let loaded = load_for_checks(path, &ProcessEnvironment, sources, diagnostics);
    loaded.filter(|_| !diagnostics.has_errors())
}

/// As [`load`], with variables from `environment`; and where all errors lie in rules, what is left
/// without these: enough to look for more errors in the other rules, and never to run.
pub fn load_for_checks(
    path: &Path,
    environment: &dyn Environment,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Loaded> {
    let language = Language {
        masks: &BuiltMasks,
        environment,
    };
    let (pipeline, ruleset) = language.load(path, sources, diagnostics);
    let (mut pipeline, mut ruleset) = (pipeline?, ruleset?);
    let named_by = match &pipeline.ruleset {
        RulesetSource::File(path) => path.value.as_path(),
        RulesetSource::Inline(_) => path,
    };
    let seed_folder = SeedFolder {
        folder: named_by.parent().unwrap_or(Path::new("")).to_owned(),
        within: sources.confined_to().map(Path::to_owned),
    };
    if diagnostics.has_errors() {
        for task in &mut ruleset.tasks {
            task.rules.retain(|rule| rule.is_sound);
        }
        if diagnostics.errors_added() != ruleset.errors_in_rules {
            let seeds = Seeds::new(seed_folder);
            check_arguments(&ruleset, &no_root(), &seeds, diagnostics);
            return None;
        }
        // The columns of the other rules are not missing.
        pipeline.options.coverage = Coverage::Report;
    }
    let digest = digest(sources, &pipeline, &ruleset, &seed_folder);
    Some(Loaded {
        pipeline,
        ruleset,
        seed_folder,
        digest,
    })
}

/// Reads the ruleset at `path` by itself, for a source that holds what `source` says, with libraries from
/// these folders and seed files from its own. Reported is what is wrong whatever the data is.
pub fn load_ruleset(
    path: &Path,
    libraries: Vec<PathBuf>,
    source: Holds,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Ruleset> {
    let language = Language {
        masks: &BuiltMasks,
        environment: &BTreeMap::new(),
    };
    let mut ruleset = language.ruleset_file(path, libraries, source, sources, diagnostics)?;
    for task in &mut ruleset.tasks {
        task.rules.retain(|rule| rule.is_sound);
    }
    let seeds = Seeds::new(SeedFolder {
        folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        within: sources.confined_to().map(Path::to_owned),
    });
    check_arguments(&ruleset, &no_root(), &seeds, diagnostics);
    Some(ruleset)
}

fn digest(
    sources: &Sources,
    pipeline: &Pipeline,
    ruleset: &Ruleset,
    seed_folder: &SeedFolder,
) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for text in sources.texts() {
        add(text.as_bytes());
    }
    for place in [&pipeline.source, &pipeline.destination] {
        add(resolved(pipeline, place).as_bytes());
    }
    let RunOptions {
        unmatched,
        coverage,
        in_place,
        ..
    } = &pipeline.options;
    add(format!("{unmatched:?} {coverage:?} {in_place}").as_bytes());
    for task in &ruleset.tasks {
        let options = TextOptions {
            span: None,
            ..task.text().clone()
        };
        add(format!("{options:?}").as_bytes());
    }
    for name in seeds::named_by(ruleset) {
        // What cannot be read is a problem of the mask that names it.
        add(&seed_folder.read(&name).unwrap_or_default());
    }
    HEXLOWER.encode(&hasher.finalize())
}

/// A place with its environment in it; secrets print as `***`.
fn resolved(pipeline: &Pipeline, place: &Place) -> String {
    let kind = pipeline.connection(&place.connection.value);
    let kind = kind.map(|connection| match &connection.kind {
        ConnectionKind::MountedShare { base_directory } => ConnectionKind::MountedShare {
            base_directory: std::path::absolute(base_directory)
                .unwrap_or_else(|_| base_directory.clone()),
        },
        other => other.clone(),
    });
    format!("{kind:?} {}", place.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::KNOWN_MASKS;
    use crate::language::schema::SPELLINGS;

    #[test]
    fn rulesets_know_every_mask() {
        for spec in MASKS {
            assert!(KNOWN_MASKS.contains(&spec.name), "{}", spec.name);
        }
        assert_eq!(SPELLINGS, visard_engine::udfs::SPELLINGS);
    }

    #[test]
    fn a_digest_covers_seed_files_and_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = folder.path().join("pipeline.yml");
        let text = "version: '1.0'\nconnections:\n  in: {type: s3_connection, bucket: '${SRC}', \
                    access_key_id: '${KEY}', secret_access_key: '${KEY}'}\n  \
                    out: {type: mounted_share_connection, base_directory: out}\n\
                    source: in\ndestination: out\nruleset:\n  tasks:\n    \
                    - type: mask_tabular_file\n      rules:\n        - column: a\n          \
                    masks: [{type: chain, masks: [{type: from_file, seed_file: mine.csv}]}]\n";
        std::fs::write(&pipeline, text).unwrap();
        let of = |source: &str, key: &str, seeds: &str| {
            std::fs::write(folder.path().join("mine.csv"), seeds).unwrap();
            let environment = BTreeMap::from([
                ("SRC".to_owned(), source.to_owned()),
                ("KEY".to_owned(), key.to_owned()),
            ]);
            let language = Language {
                masks: &BuiltMasks,
                environment: &environment,
            };
            let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
            let read = language.load(&pipeline, &mut sources, &mut diagnostics);
            let (Some(pipeline), Some(ruleset)) = read else {
                panic!("{diagnostics:?}");
            };
            let seed_folder = SeedFolder {
                folder: folder.path().to_owned(),
                within: None,
            };
            digest(&sources, &pipeline, &ruleset, &seed_folder)
        };
        let first = of("here", "a key", "name\nAnn\n");
        assert_eq!(of("here", "a key", "name\nAnn\n"), first);
        assert_eq!(of("here", "another key", "name\nAnn\n"), first);
        assert_ne!(of("there", "a key", "name\nAnn\n"), first);
        assert_ne!(of("here", "a key", "name\nBo\n"), first);
    }
}
