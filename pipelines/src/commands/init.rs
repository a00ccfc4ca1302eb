//! `visard init`: a pipeline to start from, made of what a folder really holds.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use arrow::datatypes::DataType;
use visard_connectors::store::{ConnectionConfig, MountedShare, Store};
use visard_engine::udfs::TypeFamily;

use super::{print, say};
use crate::check::{FileColumn, columns_of};
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

/// Words in column names that tell of personal data, and a mask for text, numbers and dates.
const HINTS: &[(&[&str], &str)] = &[
    (
        &["first_name", "firstname", "given_name", "forename"],
        FIRST_NAME,
    ),
    (
        &["last_name", "lastname", "surname", "family_name"],
        LAST_NAME,
    ),
    (
        &["city", "town"],
        "{type: from_file, seed_file: DataMasque_cities.csv, seed_column: city}",
    ),
    (&["street", "address"], "{type: imitate}"),
    (&["email", "e_mail", "mail"], "{type: hash, length: 16}"),
    (
        &["phone", "mobile", "fax", "iban", "account", "card", "pan"],
        "{type: imitate}",
    ),
    (
        &[
            "ssn",
            "passport",
            "licence",
            "license",
            "tax",
            "national_id",
        ],
        "{type: imitate}",
    ),
    (&["birth", "dob"], "{type: retain_year}"),
    (&["name"], "{type: imitate}"),
    (&["note", "comment", "remark"], "{type: suppress}"),
];
const FIRST_NAME: &str =
    "{type: from_file, seed_file: DataMasque_firstNames_mixed.csv, seed_column: firstname-mixed}";
const LAST_NAME: &str =
    "{type: from_file, seed_file: DataMasque_lastNames_v2.csv, seed_column: lastname}";

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let config = MountedShare {
        base_directory: args.folder.clone(),
    };
    let store = Store::open("folder", &ConnectionConfig::MountedShare(config)).await?;
    let mut kinds: BTreeMap<Vec<String>, (Vec<String>, Vec<FileColumn>)> = BTreeMap::new();
    for object in store.list().await? {
        if let Some(obstacle) = object.obstacle {
            say(&format!("left out: {} ({obstacle})\n", object.path));
            continue;
        }
        match columns_of(&store, &object, &TextOptions::default()).await {
            None => say(&format!(
                "left out: {} (neither Parquet nor delimited text)\n",
                object.path
            )),
            Some(Err(problem)) => say(&format!("left out: {problem}\n")),
            Some(Ok(columns)) => {
                let names = columns.iter().map(|column| column.path.clone()).collect();
                kinds
                    .entry(names)
                    .or_insert_with(|| (Vec::new(), columns))
                    .0
                    .push(object.path);
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
        .unwrap_or_else(|| args.folder.with_file_name(format!("{name}-masked")));
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
    kinds: impl Iterator<Item = (Vec<String>, Vec<FileColumn>)>,
) -> std::fmt::Result {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    writeln!(
        page,
        "# A start. Look at every column: what its name does not tell, only you know."
    )?;
    writeln!(page, "version: '1.0'\nname: {}", quoted(name))?;
    writeln!(page, "connections:")?;
    for (connection, path) in [("source", folder), ("masked", destination)] {
        writeln!(page, "  {connection}:\n    type: mounted_share_connection")?;
        writeln!(
            page,
            "    base_directory: {}",
            quoted(&path.display().to_string())
        )?;
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
    for (files, columns) in kinds {
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
        for (name, column) in names.iter().zip(&columns) {
            writeln!(page, "        - column: {}", quoted(name))?;
            let mask = suggest(column);
            if mask.contains("from_file") || mask.contains("imitate") || mask.contains("retain") {
                // Equal values become equal everywhere.
                writeln!(page, "          hash_columns: [{{source: self}}]")?;
            }
            writeln!(page, "          masks: [{mask}]")?;
        }
    }
    Ok(())
}

/// A mask for a column by its name, where its type allows; `do_nothing` otherwise.
fn suggest(column: &FileColumn) -> &'static str {
    let nothing = "{type: do_nothing}";
    if column.by_number {
        return nothing;
    }
    let name = column.path.to_lowercase();
    let Some((_, mask)) = HINTS
        .iter()
        .find(|(words, _)| words.iter().any(|word| name.contains(word)))
    else {
        return nothing;
    };
    let fits = match TypeFamily::of(&column.data_type) {
        Some(TypeFamily::Text) => !mask.contains("retain_year"),
        Some(TypeFamily::Integer) => mask.contains("imitate"),
        Some(TypeFamily::Date | TypeFamily::Timestamp) => mask.contains("retain_year"),
        _ => false,
    };
    let text_date = column.data_type == DataType::Utf8View && mask.contains("retain_year");
    match (fits, text_date) {
        (true, _) if mask.contains("suppress") && !column.nullable => nothing,
        (true, _) => mask,
        // A date in text: what does not look like one becomes null rather than an error.
        (false, true) => "{type: retain_year, on_invalid: suppress}",
        (false, false) => nothing,
    }
}
