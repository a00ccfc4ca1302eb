//! Bundles: rulesets, libraries and their seed files as one zip archive.
//!
//! `bundle.json` lists what is in it by its real names; the files beside it are named for people.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use visard::language::{Diagnostics, MAX_BYTES, Sources, codes, yaml};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::archives::{ArchiveError, unpack};
use crate::rulesets::MaskType;

/// The largest bundle, unpacked.
const MAX_BUNDLE_BYTES: u64 = 256 * 1024 * 1024;
/// The file that lists the others.
const LIST: &str = "bundle.json";
/// Of the list.
const VERSION: &str = "1.0";

/// What is in a bundle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) rulesets: Vec<BundledRuleset>,
    pub(crate) libraries: Vec<BundledLibrary>,
    pub(crate) seeds: Vec<BundledSeed>,
}

/// A ruleset of a bundle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BundledRuleset {
    pub(crate) name: String,
    pub(crate) mask_type: MaskType,
    pub(crate) yaml: String,
}

/// A library of a bundle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BundledLibrary {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) yaml: String,
}

/// A seed file of a bundle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BundledSeed {
    pub(crate) name: String,
    pub(crate) filename: String,
    pub(crate) description: String,
    pub(crate) bytes: Vec<u8>,
}

/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the archive is no bundle: it has no `{LIST}` that lists its files")]
    NoList,
    #[error("the bundle lists a file that is not in it")]
    Missing,
    #[error("the bundle has YAML that is too large, too deep or no text")]
    Yaml,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    version: String,
    #[serde(default)]
    rulesets: Vec<ListedRuleset>,
    #[serde(default)]
    libraries: Vec<ListedLibrary>,
    #[serde(default)]
    seed_files: Vec<ListedSeed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ListedRuleset {
    name: String,
    mask_type: MaskType,
    path: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct ListedLibrary {
    name: String,
    #[serde(default)]
    namespace: String,
    path: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct ListedSeed {
    name: String,
    #[serde(default)]
    filename: String,
    #[serde(default)]
    description: String,
    path: String,
}

/// A bundle as an archive: the same bytes for the same things.
///
/// # Errors
/// When it is larger than archives are.
pub(crate) fn pack(bundle: Bundle) -> zip::result::ZipResult<Vec<u8>> {
    let mut list = List {
        version: VERSION.to_owned(),
        ..List::default()
    };
    let mut files = Files::default();
    for BundledRuleset {
        name,
        mask_type,
        yaml,
    } in bundle.rulesets
    {
        let folder = format!("rulesets/{}", mask_type.name());
        let path = files.add(&folder, &name, ".yml", yaml.into_bytes());
        list.rulesets.push(ListedRuleset {
            name,
            mask_type,
            path,
        });
    }
    for BundledLibrary {
        name,
        namespace,
        yaml,
    } in bundle.libraries
    {
        let shown = crate::rulesets::library_name(&namespace, &name);
        let path = files.add("libraries", &shown, ".yml", yaml.into_bytes());
        list.libraries.push(ListedLibrary {
            name,
            namespace,
            path,
        });
    }
    for BundledSeed {
        name,
        filename,
        description,
        bytes,
    } in bundle.seeds
    {
        let path = files.add("seeds", &name, "", bytes);
        list.seed_files.push(ListedSeed {
            name,
            filename,
            description,
            path,
        });
    }
    let list = serde_json::to_vec_pretty(&list).map_err(std::io::Error::from)?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in std::iter::once((LIST.to_owned(), list)).chain(files.files) {
        zip.start_file(path, SimpleFileOptions::default())?;
        zip.write_all(&bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The files of a bundle that is being packed.
#[derive(Default)]
struct Files {
    files: Vec<(String, Vec<u8>)>,
    paths: BTreeSet<String>,
}

impl Files {
    /// Adds a file under a path that is like `name`; the path.
    fn add(&mut self, folder: &str, name: &str, end: &str, bytes: Vec<u8>) -> String {
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '_',
        };
        let name: String = name.chars().take(100).map(plain).collect();
        let name = name.trim_start_matches('.');
        let mut path = format!("{folder}/{name}{end}");
        for number in 2.. {
            if self.paths.insert(path.to_lowercase()) {
                break;
            }
            path = format!("{folder}/{number}-{name}{end}");
        }
        self.files.push((path.clone(), bytes));
        path
    }
}

/// What is in an archive that [`pack`] made.
///
/// # Errors
/// When it is no bundle, or larger than a bundle may be.
pub(crate) fn read(archive: &[u8]) -> Result<Bundle, BundleError> {
    let files = unpack(archive, MAX_BUNDLE_BYTES)?;
    let mut files: BTreeMap<String, Vec<u8>> = files
        .into_iter()
        .map(|file| (file.path, file.bytes))
        .collect();
    let list = files.remove(LIST).ok_or(BundleError::NoList)?;
    let list: List = serde_json::from_slice(&list).map_err(|_| BundleError::NoList)?;
    if list.version != VERSION {
        return Err(BundleError::NoList);
    }
    let mut take = |path: &str| files.remove(path).ok_or(BundleError::Missing);
    let mut bundle = Bundle::default();
    for ListedRuleset {
        name,
        mask_type,
        path,
    } in list.rulesets
    {
        bundle.rulesets.push(BundledRuleset {
            name,
            mask_type,
            yaml: text(take(&path)?)?,
        });
    }
    for ListedLibrary {
        name,
        namespace,
        path,
    } in list.libraries
    {
        bundle.libraries.push(BundledLibrary {
            name,
            namespace,
            yaml: text(take(&path)?)?,
        });
    }
    for ListedSeed {
        name,
        filename,
        description,
        path,
    } in list.seed_files
    {
        bundle.seeds.push(BundledSeed {
            name,
            filename,
            description,
            bytes: take(&path)?,
        });
    }
    Ok(bundle)
}

/// The text of a ruleset or library. It need not be sound, but neither too large nor too deep to be read.
fn text(bytes: Vec<u8>) -> Result<String, BundleError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(BundleError::Yaml);
    }
    let text = String::from_utf8(bytes).map_err(|_| BundleError::Yaml)?;
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let file = sources.add(
        Path::new("bundled.yml"),
        text.clone().into_bytes(),
        &mut diagnostics,
    );
    if let Some(file) = file {
        yaml::parse(file, &mut sources, &mut diagnostics);
    }
    match diagnostics
        .iter()
        .any(|problem| problem.code == &codes::YAML_TOO_BIG)
    {
        true => Err(BundleError::Yaml),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruleset(name: &str, yaml: &str) -> BundledRuleset {
        BundledRuleset {
            name: name.to_owned(),
            mask_type: MaskType::File,
            yaml: yaml.to_owned(),
        }
    }

    #[test]
    fn a_bundle_comes_back_whole() {
        let bundle = || Bundle {
            rulesets: ["crm", "a/b", "a_b", "A_B", "..", "é"]
                .map(|name| ruleset(name, "version: '1.0'\n"))
                .into(),
            libraries: vec![BundledLibrary {
                name: "places".to_owned(),
                namespace: "geo/eu".to_owned(),
                yaml: "masks: {}\n".to_owned(),
            }],
            seeds: vec![BundledSeed {
                name: "towns.csv".to_owned(),
                filename: "t.csv".to_owned(),
                description: "towns".to_owned(),
                bytes: b"town\nArlen\n".to_vec(),
            }],
        };
        let archive = pack(bundle()).unwrap();
        assert_eq!(archive, pack(bundle()).unwrap());
        assert_eq!(read(&archive).unwrap(), bundle());
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        assert!(matches!(
            read(b"x"),
            Err(BundleError::Archive(ArchiveError::Broken))
        ));
        let deep = format!("a: {}1{}\n", "[".repeat(5000), "]".repeat(5000));
        let archive = pack(Bundle {
            rulesets: vec![ruleset("deep", &deep)],
            ..Bundle::default()
        });
        assert!(matches!(read(&archive.unwrap()), Err(BundleError::Yaml)));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("rulesets/a.yml", SimpleFileOptions::default())
            .unwrap();
        let archive = zip.finish().unwrap().into_inner();
        assert!(matches!(read(&archive), Err(BundleError::NoList)));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(LIST, SimpleFileOptions::default()).unwrap();
        let list = r#"{"version": "1.0", "seed_files": [{"name": "a", "path": "/etc/passwd"}]}"#;
        zip.write_all(list.as_bytes()).unwrap();
        let archive = zip.finish().unwrap().into_inner();
        assert!(matches!(read(&archive), Err(BundleError::Missing)));
    }
}
