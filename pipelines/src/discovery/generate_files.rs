//! A ruleset for columns of files that somebody chose: a task for all files that are alike.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use super::choose::{Needs, choose};
use super::flow::{flow, scalar};
use super::found::{FoundField, FoundFile, data_type};
use super::generate::{GenerationError, HEAD, comment, exact};
use crate::language::GenerationConfig;

/// Columns to mask in some files.
#[derive(Debug, Clone)]
pub struct FileChoice {
    /// Paths of the files.
    pub files: Vec<String>,
    /// The columns.
    pub columns: Vec<String>,
}

/// A ruleset for `choices` among the files that were found, and what was chosen and is not masked.
///
/// # Errors
/// For files and columns that were not found, and where nothing is left to mask.
pub fn generate_for_files(
    found: &[FoundFile],
    choices: &[FileChoice],
    config: &GenerationConfig,
) -> Result<(String, Vec<String>), GenerationError> {
    let mut text = HEAD.to_owned();
    let mut warnings = Vec::new();
    let mut tasks = 0;
    for choice in choices {
        let mut alike: BTreeMap<String, Vec<&FoundFile>> = BTreeMap::new();
        for path in &choice.files {
            let file = found.iter().find(|file| file.path == *path);
            let file = file.ok_or_else(|| GenerationError::NoFile(path.clone()))?;
            alike.entry(shape(file)).or_default().push(file);
        }
        for files in alike.values() {
            let Some(first) = files.first() else { continue };
            let rules = rules(first, &choice.columns, config, &mut warnings)?;
            if rules.is_empty() {
                continue;
            }
            tasks += 1;
            text.push_str("  - type: mask_tabular_file\n    recurse: true\n    include:\n");
            for file in files {
                let glob = json!({"glob": escaped(&file.path), "match_against": "path"});
                let _ = writeln!(text, "      - {}", flow(&glob));
            }
            if let Some(delimiter) = first.delimiter {
                let delimiter = match delimiter {
                    '\t' => "tab".to_owned(),
                    other => scalar(&other.to_string()),
                };
                let _ = writeln!(text, "    delimiter: {delimiter}");
            }
            let _ = write!(text, "    rules:\n{rules}");
        }
    }
    match tasks {
        0 => Err(GenerationError::Nothing(warnings.join("; "))),
        _ => Ok((text, warnings)),
    }
}

fn rules(
    file: &FoundFile,
    columns: &[String],
    config: &GenerationConfig,
    warnings: &mut Vec<String>,
) -> Result<String, GenerationError> {
    let mut text = String::new();
    for name in columns {
        let field = file.columns.iter().find(|field| field.path == *name);
        let field = field.ok_or_else(|| GenerationError::NoColumn {
            table: file.path.clone(),
            column: name.clone(),
        })?;
        match rule(field, config) {
            Ok(rule) => text.push_str(&rule),
            Err(why) => warnings.push(format!("`{name}` of `{}` is not masked: {why}", file.path)),
        }
    }
    Ok(text)
}

fn rule(field: &FoundField, config: &GenerationConfig) -> Result<String, String> {
    if field.by_number {
        return Err("its file has no header that names it".to_owned());
    }
    if let Some(refusal) = &field.refusal {
        return Err(format!("it {refusal}"));
    }
    let needs = Needs {
        data_type: data_type(&field.data_type),
        type_name: None,
        length: None,
        nullable: field.nullable,
        distinct: false,
        referenced: false,
    };
    let chosen = choose(&needs, &field.matches, config)
        .ok_or_else(|| format!("no mask fits its type, {}", field.data_type))?;
    let mut text = String::new();
    let labels: Vec<&str> = field
        .matches
        .iter()
        .map(|found| found.description.as_str())
        .collect();
    if !labels.is_empty() {
        let _ = writeln!(text, "      # {}", comment(&labels.join(", ")));
    }
    let _ = writeln!(text, "      - column: {}", scalar(&exact(&field.path)));
    if chosen.draws {
        let _ = writeln!(text, "        hash_columns: [{{source: self}}]");
    }
    let masks: Vec<String> = chosen.masks.iter().map(flow).collect();
    let _ = writeln!(text, "        masks: [{}]", masks.join(", "));
    Ok(text)
}

/// What files have in common that one task is for.
fn shape(file: &FoundFile) -> String {
    let columns = file.columns.iter().map(|column| {
        json!([
            column.path,
            column.data_type,
            column.nullable,
            column.by_number
        ])
    });
    let columns: Vec<_> = columns.collect();
    json!([file.file_type, file.delimiter, columns]).to_string()
}

/// A path as a glob that matches nothing else.
fn escaped(path: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
    let escaped = path
        .chars()
        .flat_map(|c| special(c).then_some('\\').into_iter().chain([c]));
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Match;

    fn file(path: &str, columns: &[&str]) -> FoundFile {
        FoundFile {
            path: path.to_owned(),
            file_type: "csv".to_owned(),
            delimiter: Some(';'),
            columns: columns
                .iter()
                .map(|name| FoundField {
                    path: (*name).to_owned(),
                    by_number: name.starts_with("number "),
                    data_type: "Utf8View".to_owned(),
                    nullable: true,
                    refusal: None,
                    matches: vec![Match {
                        label: None,
                        categories: vec![],
                        description: "Names".to_owned(),
                    }],
                })
                .collect(),
        }
    }

    #[test]
    fn files_that_are_alike_have_one_task() {
        let found = [
            file("a.csv", &["id", "name"]),
            file("b/[1].csv", &["id", "name"]),
            file("c.csv", &["name"]),
        ];
        let choice = |files: &[&str], columns: &[&str]| FileChoice {
            files: files.iter().map(|path| (*path).to_owned()).collect(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        };
        let all = choice(&["a.csv", "b/[1].csv", "c.csv"], &["name"]);
        let (text, warnings) =
            generate_for_files(&found, &[all], &GenerationConfig::default()).unwrap();
        assert_eq!(text.matches("mask_tabular_file").count(), 2);
        assert!(text.contains("glob: 'b/\\[1\\].csv'"), "{text}");
        assert!(text.contains("    delimiter: ';'\n"), "{text}");
        assert_eq!(warnings, Vec::<String>::new());
        for (files, columns) in [
            (&["none"][..], &["name"][..]),
            (&["a.csv"], &["none"]),
            (&["a.csv"], &[]),
        ] {
            let refused = generate_for_files(
                &found,
                &[choice(files, columns)],
                &GenerationConfig::default(),
            );
            assert!(refused.is_err(), "{files:?} {columns:?}");
        }
    }
}
