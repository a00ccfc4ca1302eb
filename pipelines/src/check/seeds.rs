//! Seed files: beside the ruleset, or shipped with visard. Files for `from_blob` beside the ruleset.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use visard_engine::udfs::{SHIPPED_SEEDS, SeedFiles, SeedTable, shipped};

use crate::language::{Ruleset, allowed, nearest};

/// Where files that rulesets name are looked up.
#[derive(Debug, Clone)]
pub struct SeedFolder {
    /// The folder that relative names begin at.
    pub folder: PathBuf,
    /// The only folder that may be read from, if there is one.
    pub within: Option<PathBuf>,
}

impl SeedFolder {
    /// The file `name`, opened.
    fn open(&self, name: &str) -> std::io::Result<File> {
        let path = self.folder.join(name);
        allowed(&path, self.within.as_deref())?;
        File::open(path)
    }

    /// The bytes of the seed file `name`: in the folder, else the shipped one.
    pub(super) fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map(|_| bytes)
            .or_else(|error| shipped(name).map(<[u8]>::to_vec).ok_or(error))
    }
}

/// Finds seed files by the name a ruleset gives.
#[derive(Debug)]
pub(super) struct Seeds {
    folder: SeedFolder,
    tables: Mutex<HashMap<String, Arc<SeedTable>>>,
}

impl Seeds {
    /// Seed files in `folder`, else those shipped.
    pub(super) fn new(folder: SeedFolder) -> Self {
        Self {
            folder,
            tables: Mutex::default(),
        }
    }
}

impl SeedFiles for Seeds {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(name) {
            return Ok(Arc::clone(table));
        }
        let bytes = self.folder.read(name).map_err(|error| {
            let near = nearest(name, SHIPPED_SEEDS.iter().copied())
                .map(|near| format!("; nearest shipped: `{near}`"))
                .unwrap_or_default();
            format!("the seed file `{name}` cannot be read: {error}{near}")
        })?;
        let table =
            Arc::new(seed_table(&bytes).map_err(|why| format!("the seed file `{name}` {why}"))?);
        tables.insert(name.to_owned(), Arc::clone(&table));
        Ok(table)
    }

    fn bytes(&self, name: &str, limit: usize) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        self.folder
            .open(name)
            .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| format!("the file `{name}` cannot be read: {error}"))?;
        match bytes.len() <= limit {
            true => Ok(bytes),
            false => Err(format!("the file `{name}` has more than {limit} bytes")),
        }
    }
}

/// The names of all files the masks of a ruleset name.
pub(super) fn named_by(ruleset: &Ruleset) -> BTreeSet<String> {
    let rules = ruleset.tasks.iter().flat_map(|task| &task.rules);
    let mut names = BTreeSet::new();
    for mask in rules.flat_map(|rule| &rule.masks) {
        add_of(&mask.args, &mut names);
    }
    names
}

fn add_of(args: &Map<String, Value>, names: &mut BTreeSet<String>) {
    let named = ["seed_file", "blob_file"].map(|name| args.get(name).and_then(Value::as_str));
    names.extend(named.into_iter().flatten().map(str::to_owned));
    // Masks may hold masks.
    args.values().for_each(|arg| add_below(arg, names));
}

fn add_below(arg: &Value, names: &mut BTreeSet<String>) {
    match arg {
        Value::Array(items) => items.iter().for_each(|item| add_below(item, names)),
        Value::Object(args) => add_of(args, names),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether these are the bytes of a seed file: CSV with a header and at least one row.
///
/// # Errors
/// What is wrong, as the end of a sentence about the file. No value is quoted.
pub fn check_seed(bytes: &[u8]) -> Result<(), String> {
    seed_table(bytes).map(drop)
}

/// The table in a seed file, which is CSV with a header.
///
/// # Errors
/// What is wrong with it, to stand behind its name; no row is quoted.
pub fn seed_table(bytes: &[u8]) -> Result<SeedTable, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::Reader::from_reader(bytes);
    let wrong = |error: csv::Error| match error.position() {
        Some(at) => format!("is not well-formed CSV in UTF-8 at line {}", at.line()),
        None => "is not well-formed CSV in UTF-8".to_owned(),
    };
    let columns = reader
        .headers()
        .map_err(wrong)?
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader
        .records()
        .map(|record| record.map(|record| record.iter().map(str::to_owned).collect()))
        .collect::<Result<Vec<Vec<String>>, _>>()
        .map_err(wrong)?;
    if rows.is_empty() {
        return Err("has no rows".to_owned());
    }
    Ok(SeedTable { columns, rows })
}

#[cfg(test)]
mod tests {
    use visard_engine::udfs::ShippedSeeds;

    use super::*;

    #[test]
    fn shipped_files_read_alike_without_a_csv_reader() {
        for name in SHIPPED_SEEDS {
            let table = ShippedSeeds.table(name).unwrap();
            assert_eq!(
                *table,
                seed_table(shipped(name).unwrap()).unwrap(),
                "{name}"
            );
        }
    }

    #[test]
    fn seed_files_are_found_or_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.csv"), "name\n\"Ann, B\"\n").unwrap();
        std::fs::write(folder.path().join("empty.csv"), "name\n").unwrap();
        std::fs::write(folder.path().join("ragged.csv"), "a,b\n1\n").unwrap();
        let seeds = Seeds::new(SeedFolder {
            folder: folder.path().to_owned(),
            within: None,
        });
        assert_eq!(seeds.table("mine.csv").unwrap().rows, [["Ann, B"]]);
        assert!(
            !seeds
                .table("DataMasque_lastNames_v2.csv")
                .unwrap()
                .rows
                .is_empty()
        );
        for (name, problem) in [
            ("empty.csv", "has no rows"),
            ("ragged.csv", "at line 2"),
            (
                "DataMasque_lastNames_v1.csv",
                "nearest shipped: `DataMasque_lastNames_v2.csv`",
            ),
        ] {
            let message = seeds.table(name).unwrap_err();
            assert!(message.contains(problem), "{name}: {message}");
        }
    }

    #[test]
    fn stored_files_are_found_and_measured() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("photo.bin"), [0xff; 4]).unwrap();
        let seeds = Seeds::new(SeedFolder {
            folder: folder.path().to_owned(),
            within: None,
        });
        assert_eq!(seeds.bytes("photo.bin", 4).unwrap(), [0xff; 4]);
        for (name, problem) in [
            ("photo.bin", "has more than 3 bytes"),
            ("none.bin", "cannot be read"),
            ("DataMasque_cities.csv", "cannot be read"),
        ] {
            let message = seeds.bytes(name, 3).unwrap_err();
            assert!(message.contains(problem), "{name}: {message}");
        }
    }
}
