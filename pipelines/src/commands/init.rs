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

/// Masks for columns whose names tell of personal data. The first one whose word is in a name counts.
/// No row is read, so a mask has to take whatever the column holds: what is no phone number or IBAN
/// becomes null rather than an error, and where there can be no null `otherwise` stands.
const HINTS: &[Hint] = &[
    Hint::text(&["email", "e_mail"], "{type: email}"),
    Hint::valid(
        &["ip_address", "ipaddr"],
        "{type: ip_address, on_invalid: suppress}",
    ),
    Hint::valid(
        &["mac_address"],
        "{type: mac_address, on_invalid: suppress}",
    ),
    Hint::text(
        &["first_name", "firstname", "given_name", "forename"],
        "{type: person_name, part: first}",
    ),
    Hint::text(
        &["last_name", "lastname", "surname", "family_name"],
        "{type: person_name, part: last}",
    ),
    Hint::text(&["city", "town"], "{type: address, part: city}"),
    Hint::any(&["street"], "{type: address, part: street}"),
    Hint::any(&["address"], "{type: address}"),
    Hint::text(&["mail"], "{type: email}"),
    Hint::valid(
        &["phone", "mobile", "fax"],
        "{type: phone, on_invalid: suppress}",
    ),
    Hint::valid(&["iban"], "{type: iban, on_invalid: suppress}"),
    Hint::any(
        &[
            "account",
            "card",
            "pan",
            "ssn",
            "passport",
            "licence",
            "license",
            "tax",
            "national_id",
        ],
        IMITATE,
    ),
    Hint {
        words: &["birth", "dob"],
        text: "{type: retain_year, on_invalid: suppress}",
        date: "{type: retain_year}",
        ..Hint::NONE
    },
    // A name of what, is not known: of a person, a firm, a thing.
    Hint::any(&["name"], IMITATE),
    Hint::text(&["note", "comment", "remark"], "{type: suppress}"),
];

const NOTHING: &str = "{type: do_nothing}";
const IMITATE: &str = "{type: imitate}";

/// A mask for each kind of column.
struct Hint {
    words: &'static [&'static str],
    /// For text.
    text: &'static str,
    /// For text in place of a mask that may give null, where there can be none.
    otherwise: &'static str,
    /// For whole numbers.
    number: &'static str,
    /// For dates and timestamps.
    date: &'static str,
}

impl Hint {
    const NONE: Self = Self {
        words: &[],
        text: NOTHING,
        otherwise: NOTHING,
        number: NOTHING,
        date: NOTHING,
    };

    /// A mask that makes null of what is not valid; numbers, and where there can be no null, are
    /// imitated.
    const fn valid(words: &'static [&'static str], text: &'static str) -> Self {
        Self {
            otherwise: IMITATE,
            ..Self::any(words, text)
        }
    }

    /// A mask that takes any text; numbers are imitated.
    const fn any(words: &'static [&'static str], text: &'static str) -> Self {
        Self {
            number: IMITATE,
            ..Self::text(words, text)
        }
    }

    /// A mask that takes any text.
    const fn text(words: &'static [&'static str], text: &'static str) -> Self {
        Self {
            words,
            text,
            ..Self::NONE
        }
    }
}

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
            let mask = match column.by_number {
                true => NOTHING,
                false => suggest(&column.path, &column.data_type, column.nullable),
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

/// A mask for a column by its name, where its type allows; `do_nothing` otherwise.
fn suggest(path: &str, data_type: &DataType, nullable: bool) -> &'static str {
    let name = path.to_lowercase();
    let named = |hint: &&Hint| hint.words.iter().any(|word| name.contains(word));
    let Some(hint) = HINTS.iter().find(named) else {
        return NOTHING;
    };
    match TypeFamily::of(data_type) {
        Some(TypeFamily::Text) if hint.text.contains("suppress") && !nullable => hint.otherwise,
        Some(TypeFamily::Text) => hint.text,
        Some(TypeFamily::Integer) => hint.number,
        Some(TypeFamily::Date | TypeFamily::Timestamp) => hint.date,
        _ => NOTHING,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn masks_by_name_and_type() {
        let text = || DataType::Utf8View;
        for (name, data_type, nullable, mask) in [
            ("email_address", text(), false, "{type: email}"),
            ("Last_Name", text(), true, "{type: person_name, part: last}"),
            ("street", text(), true, "{type: address, part: street}"),
            ("billing_address", text(), true, "{type: address}"),
            ("mailing_address", text(), true, "{type: address}"),
            (
                "ip_address",
                text(),
                true,
                "{type: ip_address, on_invalid: suppress}",
            ),
            ("phone", text(), true, "{type: phone, on_invalid: suppress}"),
            ("phone", text(), false, IMITATE),
            ("phone", DataType::Int64, true, IMITATE),
            ("iban", text(), true, "{type: iban, on_invalid: suppress}"),
            (
                "birthday",
                text(),
                true,
                "{type: retain_year, on_invalid: suppress}",
            ),
            ("birthday", DataType::Date32, false, "{type: retain_year}"),
            ("birthday", DataType::Int64, false, NOTHING),
            ("note", text(), true, "{type: suppress}"),
            ("note", text(), false, NOTHING),
            ("name", DataType::Boolean, true, NOTHING),
            (
                "email",
                DataType::Timestamp(TimeUnit::Second, None),
                true,
                NOTHING,
            ),
            ("amount", text(), true, NOTHING),
        ] {
            let found = suggest(name, &data_type, nullable);
            assert_eq!(found, mask, "{name} {data_type}");
        }
    }
}
