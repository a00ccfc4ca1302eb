//! Each problem as a reader sees it, and what sound text becomes.

mod databases;
mod documents;
mod pipelines;
mod rulesets;

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// A catalogue with a handful of masks.
struct FewMasks;

impl MaskCatalogue for FewMasks {
    fn is_built(&self, name: &str) -> bool {
        self.parameters(name).is_some()
    }

    fn parameters(&self, name: &str) -> Option<Vec<Parameter>> {
        let parameters: &[(&str, bool, &[&str])] = match name {
            "from_fixed" => &[("value", true, &[])],
            "from_random_text" => &[("min", false, &[]), ("max", true, &["max_length"])],
            "hash" => &[("form", false, &[]), ("length", false, &[])],
            "imitate" => &[("force_change", false, &[])],
            "replace_regex" => &[("regex", true, &[]), ("masks", true, &[])],
            "chain" => &[("masks", true, &[])],
            "do_nothing" => &[],
            _ => return None,
        };
        let parameters = parameters
            .iter()
            .map(|(name, required, spellings)| Parameter {
                name: (*name).to_owned(),
                spellings: spellings
                    .iter()
                    .map(|&spelling| spelling.to_owned())
                    .collect(),
                required: *required,
            });
        Some(parameters.collect())
    }
}

fn parsed(text: impl Into<Vec<u8>>) -> (Option<Node>, Sources, Diagnostics) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let node = sources
        .add(Path::new("r.yml"), text.into(), &mut diagnostics)
        .and_then(|file| yaml::parse(file, &mut sources, &mut diagnostics));
    (node, sources, diagnostics)
}

fn ruleset(text: &str) -> (Option<Ruleset>, String) {
    let (node, mut sources, mut diagnostics) = parsed(text);
    let environment = BTreeMap::new();
    let language = Language {
        masks: &FewMasks,
        environment: &environment,
    };
    let mut libraries = Libraries::default();
    let ruleset = node
        .and_then(|node| language.ruleset(&node, &mut libraries, &mut sources, &mut diagnostics));
    (ruleset, Renderer::PLAIN.all(&diagnostics, &sources))
}

/// A ruleset with one task that has these rules, which begin on line 5.
fn with_rules(rules: &str) -> String {
    let rules: Vec<_> = rules
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    format!(
        "version: '1.0'\ntasks:\n  - type: mask_tabular_file\n    rules:\n{}",
        rules.concat(),
    )
}

fn sound(text: &str) -> Ruleset {
    let (ruleset, problems) = ruleset(text);
    assert_eq!(problems, "", "{text}");
    ruleset.expect("a ruleset without problems is given back")
}

/// Each code of a rendered text, in order.
fn codes_in(rendered: &str) -> Vec<&str> {
    let lines = rendered.lines().filter(|line| !line.starts_with(' '));
    lines
        .filter_map(|line| line.split_once('[')?.1.split_once("]: "))
        .map(|(code, _)| code)
        .collect()
}

/// Files in a folder of their own; the first is the pipeline.
fn load(
    files: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> (Option<Pipeline>, Option<Ruleset>, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment: BTreeMap<_, _> = environment.iter().map(owned).collect();
    let language = Language {
        masks: &FewMasks,
        environment: &environment,
    };
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let path = folder.path().join(files[0].0);
    let (pipeline, ruleset) = language.load(&path, &mut sources, &mut diagnostics);
    let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
    let home = format!("{}/", folder.path().display());
    (pipeline, ruleset, drawn.replace(&home, ""))
}

const RULES: &str = "version: '1.0'\ntasks:\n- {type: mask_tabular_file, rules: {column: a, masks: {type: hash}}}\n";

#[test]
fn diagnostics_as_json() {
    let (_, sources, diagnostics) = parsed("a: 1\na: 2\n");
    assert_eq!(
        to_json(&diagnostics, &sources).to_string(),
        r#"[{"code":"V0105","severity":"error","message":"the key `a` is there twice","file":"r.yml","line":2,"column":1,"end_line":2,"end_column":2,"label":"second","help":"remove or rename one of them","related":[{"file":"r.yml","line":1,"column":1,"end_line":1,"end_column":2,"label":"first"}]}]"#,
    );
}

#[test]
fn excerpts_are_safe_to_print() {
    let long = format!("a: '{}'\nb: \u{202E}x\u{1b}[2J\u{7}: 1\n", "x".repeat(500));
    for text in [long.as_str(), "b: 'x\u{1b}[31m'\nb: \u{202E}x\n"] {
        let (_, sources, diagnostics) = parsed(text);
        let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
        assert!(diagnostics.has_errors());
        assert!(!drawn.contains(['\u{1b}', '\u{202E}']), "{drawn:?}");
        assert!(drawn.lines().all(|line| line.chars().count() < 200));
    }
}

#[test]
fn every_code_belongs_to_a_range() {
    for code in CODES {
        assert!(
            code.id.len() == 5 && code.id.starts_with('V'),
            "{}",
            code.id
        );
    }
}
