//! A ruleset for columns of a database that somebody chose.
//!
//! A column that refers to another table's has no rule of its own: it follows the one that it refers to.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::choose::{Needs, choose};
use super::flow::{flow, scalar};
use super::found::{FoundColumn, FoundTable, data_type};
use crate::language::GenerationConfig;

/// A table that was found, with its columns.
#[derive(Debug, Clone)]
pub struct Described {
    /// The table.
    pub table: FoundTable,
    /// Its columns.
    pub columns: Vec<FoundColumn>,
}

/// Columns of one table to mask.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Its schema; empty in databases that have no schemas.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// The columns.
    pub columns: Vec<String>,
    /// Columns that decide the masked values of all others; each value decides about itself where
    /// nothing is said.
    pub hash_columns: Option<Vec<String>>,
    /// The same for single columns; where there are none, each row draws for itself.
    pub hash_columns_of: BTreeMap<String, Vec<String>>,
}

/// A task of a generated ruleset.
#[derive(Debug, Clone)]
pub struct Block {
    /// The table that it is for.
    pub table: String,
    text: String,
}

/// Tasks of a ruleset, and what has to be said about them.
#[derive(Debug, Clone, Default)]
pub struct Generated {
    /// A task for each table that has rules.
    pub blocks: Vec<Block>,
    /// What was chosen and is not masked.
    pub warnings: Vec<String>,
}

/// A part of a generated ruleset that is a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The first table that it is for.
    pub first: String,
    /// The last one.
    pub last: String,
    /// The ruleset.
    pub text: String,
}

/// Why there is no ruleset.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GenerationError {
    /// A table was not found.
    #[error("discovery found no table `{0}`")]
    NoTable(String),
    /// A column was not found.
    #[error("discovery found no column `{column}` in `{table}`")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A file was not found.
    #[error("discovery found no file `{0}`")]
    NoFile(String),
    /// Nothing that was chosen can be masked.
    #[error("nothing is left to mask: {0}")]
    Nothing(String),
}

/// A ruleset for `choices` among the tables that were found. A column that another table's refer to is
/// masked so that these can follow.
///
/// # Errors
/// For tables and columns that were not found, and where nothing is left to mask.
pub fn generate(
    found: &[Described],
    choices: &[Choice],
    config: &GenerationConfig,
) -> Result<Generated, GenerationError> {
    let mut generated = Generated::default();
    for choice in choices {
        let described = find(found, &choice.schema, &choice.table)
            .ok_or_else(|| GenerationError::NoTable(shown(&choice.schema, &choice.table)))?;
        let names = choice
            .columns
            .iter()
            .chain(choice.hash_columns.iter().flatten());
        let names = names.chain(choice.hash_columns_of.values().flatten());
        let unknown = names
            .into_iter()
            .find(|name| described.column(name).is_none());
        if let Some(column) = unknown {
            return Err(GenerationError::NoColumn {
                table: shown(&choice.schema, &choice.table),
                column: column.clone(),
            });
        }
        generated.add(described, choice, choices, config);
    }
    match generated.blocks.is_empty() {
        true => Err(GenerationError::Nothing(generated.warnings.join("; "))),
        false => Ok(generated),
    }
}

impl Generated {
    fn add(
        &mut self,
        described: &Described,
        choice: &Choice,
        choices: &[Choice],
        config: &GenerationConfig,
    ) {
        let name = shown(&choice.schema, &choice.table);
        if !described.table.obstacles.is_empty() {
            let why = described.table.obstacles.join("; ");
            self.warnings
                .push(format!("`{name}` cannot be masked: {why}"));
            return;
        }
        let mut rules = String::new();
        let mut count = 0;
        for column in &described.columns {
            if !choice.columns.contains(&column.name) {
                continue;
            }
            match rule(described, column, choice, choices, config) {
                Ok(text) => {
                    rules.push_str(&text);
                    count += 1;
                }
                Err(Unmasked::Follows(other)) => {
                    let line = comment(&format!("`{}` follows `{other}`", column.name));
                    let _ = writeln!(rules, "      # {line}");
                }
                Err(Unmasked::Because(why)) => {
                    self.warnings.push(format!(
                        "`{}` of `{name}` is not masked: {why}",
                        column.name
                    ));
                    let line = comment(&format!("`{}` is not masked: {why}", column.name));
                    let _ = writeln!(rules, "      # {line}");
                }
            }
        }
        if count == 0 {
            return;
        }
        let rows = described.table.rows.filter(|rows| *rows > 1);
        let rows = rows.map_or_else(String::new, |rows| format!(", about {rows} rows"));
        let doc = format!("{count} of {} columns{rows}", described.columns.len());
        let spelled = match choice.schema.is_empty() {
            true => part(&choice.table),
            false => format!("{}.{}", part(&choice.schema), part(&choice.table)),
        };
        let table = scalar(&spelled);
        self.blocks.push(Block {
            table: choice.table.clone(),
            text: format!(
                "  - type: mask_table\n    doc: {}\n    table: {table}\n    rules:\n{rules}",
                scalar(&doc)
            ),
        });
    }

    /// The whole ruleset, or parts of about so many bytes, of a table at least.
    pub fn parts(&self, target_bytes: Option<usize>) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for block in &self.blocks {
            let fits = |last: &&mut Part| {
                target_bytes.is_none_or(|most| last.text.len() + block.text.len() <= most)
            };
            match parts.last_mut().filter(fits) {
                Some(last) => {
                    last.text.push_str(&block.text);
                    last.last.clone_from(&block.table);
                }
                None => parts.push(Part {
                    first: block.table.clone(),
                    last: block.table.clone(),
                    text: format!("{HEAD}{}", block.text),
                }),
            }
        }
        parts
    }
}

/// What every generated ruleset begins with.
pub(super) const HEAD: &str = "version: '1.0'\n\
    doc: Made from what discovery found. Look at every rule - what a name does not tell, only you know.\n\
    skip_defaults: [null, '']\n\
    tasks:\n";

impl Described {
    fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Why a column has no rule.
enum Unmasked {
    /// It refers to this column, which has one.
    Follows(String),
    /// In words.
    Because(String),
}

fn rule(
    described: &Described,
    column: &FoundColumn,
    choice: &Choice,
    choices: &[Choice],
    config: &GenerationConfig,
) -> Result<String, Unmasked> {
    let because = |why: &str| Err(Unmasked::Because(why.to_owned()));
    let mut unmasked = None;
    for (key, other) in described.table.linked(&column.name, false) {
        let schema = key.other_schema.as_deref().unwrap_or_default();
        let at = format!("{}.{other}", shown(schema, &key.other_name));
        let chosen = choices.iter().any(|choice| {
            choice.schema == schema
                && choice.table == key.other_name
                && choice.columns.iter().any(|name| name == other)
        });
        match chosen {
            true => return Err(Unmasked::Follows(at)),
            false => unmasked = Some(at),
        }
    }
    if let Some(at) = unmasked {
        return because(&format!(
            "it refers to `{at}`; choose that one, and this one follows"
        ));
    }
    if column.generated {
        return because("the database computes it");
    }
    let needs = Needs {
        data_type: data_type(&column.data_type),
        type_name: Some(&column.type_name),
        length: column.length,
        nullable: !column.required && !described.table.is_key(&column.name),
        distinct: described
            .table
            .uniques
            .iter()
            .any(|unique| unique.columns.contains(&column.name)),
        referenced: described.table.linked(&column.name, true).next().is_some(),
    };
    let Some(chosen) = choose(&needs, &column.matches, config) else {
        return because(&format!("no mask fits its type, {}", column.type_name));
    };
    let mut text = String::new();
    let labels = column
        .matches
        .iter()
        .map(|found| found.description.as_str());
    let labels: Vec<&str> = labels.collect();
    if !labels.is_empty() {
        let _ = writeln!(text, "      # {}", comment(&labels.join(", ")));
    }
    let _ = writeln!(text, "      - column: {}", scalar(&exact(&column.name)));
    if needs.distinct {
        // What keeps values apart keeps null and empty text as they are, too.
        let _ = writeln!(text, "        skip: []");
    }
    if chosen.draws {
        let asked = choice
            .hash_columns_of
            .get(&column.name)
            .or(choice.hash_columns.as_ref());
        let hash_columns = match asked {
            None => "[{source: self}]".to_owned(),
            Some(names) => {
                let names: Vec<String> = names.iter().map(|name| scalar(&exact(name))).collect();
                format!("[{}]", names.join(", "))
            }
        };
        let _ = writeln!(text, "        hash_columns: {hash_columns}");
    }
    let masks: Vec<String> = chosen.masks.iter().map(flow).collect();
    let _ = writeln!(text, "        masks: [{}]", masks.join(", "));
    Ok(text)
}

fn find<'f>(found: &'f [Described], schema: &str, table: &str) -> Option<&'f Described> {
    found.iter().find(|described| {
        described.table.schema.as_deref().unwrap_or_default() == schema
            && described.table.name == table
    })
}

fn shown(schema: &str, table: &str) -> String {
    match schema.is_empty() {
        true => table.to_owned(),
        false => format!("{schema}.{table}"),
    }
}

/// A part of a table's name as a ruleset spells it.
fn part(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name.chars().all(is_plain) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// The name of a column as a ruleset spells it: in quotes where it would mean something else without.
pub(super) fn exact(name: &str) -> String {
    match name.contains(['*', '?', '[', ']', '{', '}', '!', '\\', '"']) {
        true => quoted(name),
        false => name.to_owned(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` in one line.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use visard_connectors::database::{ForeignKey, Unique};

    use super::*;
    use crate::check::BuiltMasks;
    use crate::discovery::{generation_defaults, presets};
    use crate::language::{Diagnostics, Language, Libraries, Sources, yaml};

    fn column(name: &str, type_name: &str, data_type: &str, label: Option<&str>) -> FoundColumn {
        FoundColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            data_type: data_type.to_owned(),
            length: None,
            required: false,
            generated: false,
            matches: label
                .into_iter()
                .map(|label| crate::discovery::Match {
                    label: Some(label.to_owned()),
                    categories: vec!["PII".to_owned()],
                    description: label.to_owned(),
                })
                .collect(),
        }
    }

    fn key(incoming: bool, other: &str, own: &str, theirs: &str) -> ForeignKey {
        ForeignKey {
            name: "fk".to_owned(),
            incoming,
            other_schema: Some("Crm".to_owned()),
            other_name: other.to_owned(),
            columns: vec![own.to_owned()],
            other_columns: vec![theirs.to_owned()],
        }
    }

    fn found() -> Vec<Described> {
        let table = |name: &str, keys: Vec<ForeignKey>| FoundTable {
            schema: Some("Crm".to_owned()),
            name: name.to_owned(),
            rows: Some(10),
            primary_key: Some(vec!["id".to_owned()]),
            uniques: vec![Unique {
                name: "pk".to_owned(),
                columns: vec!["id".to_owned()],
                tells_rows: true,
            }],
            foreign_keys: keys,
            obstacles: Vec::new(),
        };
        vec![
            Described {
                table: table("people", vec![key(true, "orders", "id", "person")]),
                columns: vec![
                    column("id", "integer", "Int32", None),
                    column("E \"mail\"", "text", "Utf8View", Some("email_address")),
                    column("born", "date", "Date32", Some("date_of_birth")),
                    column("extra", "hstore", "Utf8View", None),
                ],
            },
            Described {
                table: table("orders", vec![key(false, "people", "person", "id")]),
                columns: vec![
                    column("id", "integer", "Int32", None),
                    column("person", "integer", "Int32", None),
                ],
            },
        ]
    }

    fn choice(table: &str, columns: &[&str]) -> Choice {
        Choice {
            schema: "Crm".to_owned(),
            table: table.to_owned(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            ..Choice::default()
        }
    }

    fn defaults() -> GenerationConfig {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let file = sources.add(
            "d.yml".as_ref(),
            generation_defaults().into(),
            &mut diagnostics,
        );
        GenerationConfig::parse(
            file.unwrap(),
            &presets(),
            &BuiltMasks,
            &mut sources,
            &mut diagnostics,
        )
        .unwrap()
    }

    #[test]
    fn a_ruleset_that_goes_with_keys() {
        let mut people = choice("people", &["id", "E \"mail\"", "born", "extra"]);
        people.hash_columns = Some(vec!["id".to_owned()]);
        people.hash_columns_of.insert("born".to_owned(), Vec::new());
        let choices = [people, choice("orders", &["person", "id"])];
        let mut generated = generate(&found(), &choices, &defaults()).unwrap();
        // A type of somebody's own takes no mask but null.
        assert_eq!(generated.warnings, Vec::<String>::new());
        let parts = generated.parts(None);
        let [whole] = &parts[..] else {
            panic!("{parts:?}")
        };
        let expected = [
            "    table: '\"Crm\".people'\n",
            "      - column: id\n        skip: []\n        masks: [{type: imitate_unique}]\n",
            "      # email_address\n      - column: '\"E \"\"mail\"\"\"'\n        hash_columns: [id]\n        masks: [{type: email}]\n",
            "      - column: born\n        hash_columns: []\n        masks: [{type: retain_year}]\n",
            "      - column: extra\n        masks: [{type: suppress}]\n",
            "      # `person` follows `Crm.people.id`\n",
        ];
        for piece in expected {
            assert!(whole.text.contains(piece), "{piece}\n{}", whole.text);
        }
        assert_eq!(generated.parts(Some(1)).len(), 2);
        assert_eq!(
            (whole.first.as_str(), whole.last.as_str()),
            ("people", "orders")
        );

        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let file = sources
            .add(
                "r.yml".as_ref(),
                whole.text.clone().into(),
                &mut diagnostics,
            )
            .unwrap();
        let root = yaml::parse(file, &mut sources, &mut diagnostics).unwrap();
        let language = Language {
            masks: &BuiltMasks,
            environment: &BTreeMap::new(),
        };
        language.ruleset(
            &root,
            &mut Libraries::default(),
            &mut sources,
            &mut diagnostics,
        );
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        generated.blocks.clear();
        assert!(generated.parts(None).is_empty());
    }

    #[test]
    fn what_is_not_masked_is_told() {
        let alone = [choice("orders", &["person", "id"])];
        let generated = generate(&found(), &alone, &defaults()).unwrap();
        assert_eq!(generated.warnings.len(), 1);
        assert!(
            generated.warnings[0].contains("choose that one"),
            "{:?}",
            generated.warnings
        );
        for (choice, error) in [
            (
                choice("none", &["id"]),
                GenerationError::NoTable("Crm.none".to_owned()),
            ),
            (
                choice("people", &["none"]),
                GenerationError::NoColumn {
                    table: "Crm.people".to_owned(),
                    column: "none".to_owned(),
                },
            ),
        ] {
            assert_eq!(
                generate(&found(), &[choice], &defaults()).unwrap_err(),
                error
            );
        }
        let nothing = generate(&found(), &[choice("orders", &["person"])], &defaults());
        assert!(matches!(nothing, Err(GenerationError::Nothing(_))));
    }
}
