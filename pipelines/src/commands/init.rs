//! `visard init`: a pipeline to start from, made of what a folder really holds.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use visard_connectors::store::{ConnectionConfig, MountedShare, Store};

use super::{print, say};
use crate::check::{FileColumn, columns_of, likely_delimiter};
use crate::discovery::{NOTHING, suggest};
use crate::language::TextOptions;
use crate::run::exit;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  visard init data/ > pipeline.yml\n  visard check pipeline.yml")]
pub(super) struct Args {
    /// The folder with Parquet and delimited text files.
    folder: PathBuf,
    /// Where masked files are to go [default: the folder's name with `-masked`].
    #[arg(long)]
    destination: Option<PathBuf>,
}

/// Files that one task is for.
struct Kind {
    files: Vec<String>,
    /// Where it is not the one that their names say.
    delimiter: Option<char>,
    columns: Vec<FileColumn>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let config = MountedShare {
        base_directory: args.folder.clone(),
    };
    let store = Store::open("folder", &ConnectionConfig::MountedShare(config)).await?;
    let mut kinds: BTreeMap<_, Kind> = BTreeMap::new();
    for object in store.list().await? {
        if let Some(obstacle) = object.obstacle {
            say(&format!("left out: {} ({obstacle})\n", object.path));
            continue;
        }
        let delimiter = match likely_delimiter(&store, &object).await {
            Ok(delimiter) => delimiter,
            Err(problem) => {
                say(&format!("left out: {problem}\n"));
                continue;
            }
        };
        let options = TextOptions {
            delimiter,
            ..TextOptions::default()
        };
        match columns_of(&store, &object, &options).await {
            None => say(&format!(
                "left out: {} (neither Parquet nor delimited text)\n",
                object.path
            )),
            Some(Err(problem)) => say(&format!("left out: {problem}\n")),
            Some(Ok(columns)) if columns.is_empty() => {
                say(&format!("left out: {} (it has no columns)\n", object.path));
            }
            Some(Ok(columns)) => {
                let shape = |column: &FileColumn| {
                    let FileColumn {
                        path, by_number, ..
                    } = column;
                    // A mask that one file's column takes has to be taken by the others'.
                    (
                        path.clone(),
                        *by_number,
                        column.data_type.to_string(),
                        column.nullable,
                    )
                };
                let shape: Vec<_> = columns.iter().map(shape).collect();
                let kind = Kind {
                    files: vec![],
                    delimiter,
                    columns,
                };
                let kind = kinds.entry((shape, delimiter)).or_insert(kind);
                kind.files.push(object.path);
            }
        }
    }
    if kinds.is_empty() {
        bail!(
            "`{}` holds no Parquet or delimited text file",
            args.folder.display()
        );
    }
    let name = args.folder.canonicalize()?;
    let name = name
        .file_name()
        .context("the root folder has no name")?
        .to_string_lossy()
        .into_owned();
    let destination = args
        .destination
        .unwrap_or_else(|| beside(&args.folder, &format!("{name}-masked")));
    let mut page = String::new();
    write_pipeline(
        &mut page,
        &name,
        &args.folder,
        &destination,
        kinds.into_values(),
    )?;
    print(&page)?;
    Ok(exit::MASKED)
}

fn write_pipeline(
    page: &mut String,
    name: &str,
    folder: &Path,
    destination: &Path,
    kinds: impl Iterator<Item = Kind>,
) -> std::fmt::Result {
    writeln!(
        page,
        "# A start. Look at every column: what its name does not tell, only you know."
    )?;
    writeln!(page, "version: '1.0'\nname: {}", literal(name))?;
    writeln!(page, "connections:")?;
    for (connection, path) in [("source", folder), ("masked", destination)] {
        writeln!(page, "  {connection}:\n    type: mounted_share_connection")?;
        let path = literal(&path.display().to_string());
        writeln!(page, "    base_directory: {path}")?;
    }
    writeln!(page, "source: source\ndestination: masked\noptions:")?;
    writeln!(
        page,
        "  # Every column must be named; `do_nothing` keeps one as it is.\n  coverage: strict"
    )?;
    writeln!(
        page,
        "ruleset:\n  version: '1.0'\n  skip_defaults: [null, '']\n  tasks:"
    )?;
    for Kind {
        files,
        delimiter,
        columns,
    } in kinds
    {
        writeln!(
            page,
            "    - type: mask_tabular_file\n      recurse: true\n      include:"
        )?;
        for file in &files {
            let escaped: String = file
                .chars()
                .flat_map(|c| {
                    let special = matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
                    special.then_some('\\').into_iter().chain([c])
                })
                .collect();
            writeln!(
                page,
                "        - {{glob: {}, match_against: path}}",
                quoted(&escaped)
            )?;
        }
        if let Some(delimiter) = delimiter {
            let delimiter = match delimiter {
                '\t' => "tab".to_owned(),
                delimiter => quoted(&delimiter.to_string()),
            };
            writeln!(
                page,
                "      # The first records look divided by this; see whether they are.\n      delimiter: {delimiter}"
            )?;
        }
        let lacks_header = columns.iter().any(|column| column.by_number);
        let name_of = |(place, column): (usize, &FileColumn)| match lacks_header {
            true => format!("column_{}", place + 1),
            false => column.path.clone(),
        };
        let names: Vec<String> = columns.iter().enumerate().map(name_of).collect();
        if lacks_header {
            let all: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            writeln!(
                page,
                "      # The first record looks like data; if it is a header, remove these two lines.\n      \
                 header: false\n      columns: [{}]",
                all.join(", ")
            )?;
        }
        writeln!(page, "      rules:")?;
        for (place, (name, column)) in names.iter().zip(&columns).enumerate() {
            // One name may stand for several, which cannot be told apart.
            let covers = |one: &String, other: &String| {
                one == other
                    || other
                        .strip_prefix(one.as_str())
                        .is_some_and(|rest| rest.starts_with('.'))
            };
            if names[..place].iter().any(|earlier| covers(earlier, name)) {
                continue;
            }
            let alone = names.iter().filter(|other| covers(name, other)).count() == 1;
            writeln!(page, "        - column: {}", quoted(name))?;
            let mask = match column.refusal {
                None if alone && !column.by_number => {
                    suggest(&column.path, &column.data_type, column.nullable)
                }
                _ => NOTHING,
            };
            if [
                "address",
                "email",
                "iban",
                "imitate",
                "person_name",
                "phone",
            ]
            .iter()
            .any(|drawn| mask.contains(drawn))
            {
                // Equal values become equal everywhere.
                writeln!(page, "          hash_columns: [{{source: self}}]")?;
            }
            writeln!(page, "          masks: [{mask}]")?;
        }
    }
    Ok(())
}

/// The folder `name` beside `folder`, which may be written as `.`.
fn beside(folder: &Path, name: &str) -> PathBuf {
    match folder.components().next_back() {
        Some(Component::Normal(_)) => folder.with_file_name(name),
        Some(Component::CurDir) => Path::new("..").join(name),
        _ => folder.join("..").join(name),
    }
}

/// `text` as a value of YAML.
fn quoted(text: &str) -> String {
    match text.contains(char::is_control) {
        // A text of JSON is one of YAML.
        true => serde_json::Value::from(text).to_string(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// The same where variables are replaced: these are none.
fn literal(text: &str) -> String {
    quoted(&text.replace("${", "$${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_beside_folders() {
        for (folder, found) in [
            ("data", "out"),
            ("data/", "out"),
            ("a/data", "a/out"),
            ("a/data/.", "a/out"),
            ("/srv/data", "/srv/out"),
            (".", "../out"),
            ("./", "../out"),
            ("..", "../../out"),
            ("a/..", "a/../../out"),
        ] {
            assert_eq!(
                beside(Path::new(folder), "out"),
                Path::new(found),
                "{folder}"
            );
        }
    }

    #[test]
    fn values_of_yaml() {
        for (text, written) in [
            ("a'b", "'a''b'"),
            ("a\nb", "\"a\\nb\""),
            ("${HOME}", "'$${HOME}'"),
        ] {
            assert_eq!(literal(text), written);
        }
    }
}
