//! Reference pages are drawn from the tables that the program reads; `UPDATE=1` writes them anew.

use std::fmt::Write;
use std::path::Path;

use visard::language::{CODES, Severity};
use visard_udfs::MASKS;

/// `docs/masks.md`.
fn masks() -> String {
    let mut page = String::from(
        "# Masks\n\nDrawn from the mask table; `visard masks NAME` prints the same. Every mask also takes `domain: NAME`, the kind of \
         value it stands for:\nmasks of one type with one domain draw alike (`docs/decisions/0004-keys-and-draws.md`).\n\n\
         Examples are drawn under the run secret `golden run secret 0123456789`, without an instance secret, from the value\n\
         itself (`hash_columns: [{source: self}]`).\n",
    );
    for spec in MASKS {
        let takes: Vec<String> = spec
            .takes
            .iter()
            .map(|family| format!("{family:?}").to_lowercase())
            .collect();
        writeln!(page, "\n## {}\n\n{}.\n", spec.name, sentence(spec.summary)).unwrap();
        writeln!(
            page,
            "- Technique: {}",
            format!("{:?}", spec.family).to_lowercase()
        )
        .unwrap();
        writeln!(page, "- Takes: {}", takes.join(", ")).unwrap();
        let schema = (spec.schema)().to_value();
        let arguments = schema["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        if !arguments.is_empty() {
            page.push_str("\n| Argument | Default | Meaning |\n|---|---|---|\n");
        }
        for (name, argument) in arguments {
            let meaning = argument["description"].as_str().unwrap_or_default();
            let meaning = meaning.replace('\n', " ").replace('|', "\\|");
            let default = match argument.get("default") {
                None | Some(serde_json::Value::Null) => String::new(),
                Some(default) => format!("`{default}`"),
            };
            writeln!(page, "| `{name}` | {default} | {meaning} |").unwrap();
        }
        if !spec.examples.is_empty() {
            page.push_str("\n| Arguments | Value | Masked |\n|---|---|---|\n");
        }
        for example in spec.examples {
            let show = |value: Option<&str>| match value {
                None => "null".to_owned(),
                Some(text) => format!("`{}`", text.replace('|', "\\|")),
            };
            let args = example.args.replace('|', "\\|");
            let (value, masked) = (show(example.value), show(example.masked));
            writeln!(page, "| `{args}` | {value} | {masked} |").unwrap();
        }
    }
    page
}

/// With a capital letter, as a sentence begins.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

/// `docs/errors.md`.
fn errors() -> String {
    let mut page = String::from(
        "# Problems that a check reports\n\nA code keeps its meaning for ever. `visard check pipeline.yml` reports all problems at \
         once; `--json` prints them for programs.\n\n| Code | | Meaning |\n|---|---|---|\n",
    );
    for code in CODES {
        let severity = match code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(page, "| `{}` | {severity} | {} |", code.id, code.meaning).unwrap();
    }
    page
}

#[test]
fn reference_pages_are_fresh() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("docs");
    for (name, page) in [("masks.md", masks()), ("errors.md", errors())] {
        let path = docs.join(name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, page).unwrap();
            continue;
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == page,
            "docs/{name} is stale: run the tests with UPDATE=1"
        );
    }
}
