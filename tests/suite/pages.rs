//! Reference pages are drawn from the tables that the program reads; `UPDATE=1` writes them anew.

use std::fmt::Write;
use std::path::Path;

use visard::language::{CODES, KeySpec, Severity, TABLES};
use visard_udfs::{MASKS, SPELLINGS};

/// A line of a table of arguments.
fn row(name: &str, argument: &serde_json::Value, required: bool) -> String {
    let meaning = argument["description"].as_str().unwrap_or_default();
    let mut meaning = meaning.replace('\n', " ").replace('|', "\\|");
    let spellings = argument[SPELLINGS].as_array().into_iter().flatten();
    let spellings: Vec<String> = spellings
        .filter_map(|name| Some(format!("`{}`", name.as_str()?)))
        .collect();
    if !spellings.is_empty() {
        meaning += &format!(" Also written {}.", spellings.join(", "));
    }
    let default = match argument.get("default") {
        _ if required => "required".to_owned(),
        None | Some(serde_json::Value::Null) => String::new(),
        Some(default) => format!("`{default}`"),
    };
    format!("| `{name}` | {default} | {meaning} |\n")
}

/// `docs/masks.md`.
fn masks() -> String {
    let mut page = String::from(
        "# Masks\n\nDrawn from the mask table; `visard masks NAME` prints the same. Every mask also takes `domain: NAME`, the kind of \
         value it stands for:\nmasks of one type with one domain draw alike (`docs/decisions/0004-keys-and-draws.md`).\n\n\
         A mask gives back values of the type of its column. Nulls and empty text that it is to leave alone are named by `skip`.\n\n\
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
        let distinct = spec.distinct_in_words().replace('|', "\\|");
        writeln!(page, "- Uniqueness: {distinct}").unwrap();
        writeln!(page, "- Null: {}", spec.null.meaning()).unwrap();
        writeln!(page, "- Empty text: {}", spec.empty.meaning()).unwrap();
        let schema = (spec.schema)().to_value();
        let arguments = schema["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        if !arguments.is_empty() {
            page.push_str("\n| Argument | Default | Meaning |\n|---|---|---|\n");
        }
        for (name, argument) in arguments {
            page += &row(&name, &argument, is_required(&schema, &name));
            page += &rows_below(&schema, &name, &argument);
        }
        if !spec.examples.is_empty() {
            page.push_str("\n| Arguments | Value | Masked |\n|---|---|---|\n");
        }
        for example in spec.examples {
            let show = |value: Option<&str>| match value {
                None => "null".to_owned(),
                Some(text) => format!("`{}`", text.replace('|', "\\|")),
            };
            let args: serde_json::Value = serde_json::from_str(example.args).unwrap();
            let args = args.to_string().replace('|', "\\|");
            let (value, masked) = (show(example.value), show(example.masked));
            writeln!(page, "| `{args}` | {value} | {masked} |").unwrap();
        }
    }
    page
}

/// A line for each argument of a mapping, or of each entry of a list.
fn rows_below(schema: &serde_json::Value, name: &str, argument: &serde_json::Value) -> String {
    let (entries, own) = (&argument["items"]["$ref"], &argument["$ref"]);
    let (below, target) = match (entries.as_str(), own.as_str()) {
        (Some(target), _) => (format!("{name}[]."), target),
        (None, Some(target)) => (format!("{name}."), target),
        (None, None) => return String::new(),
    };
    let entry = schema.pointer(target.trim_start_matches('#')).unwrap();
    let mut rows = String::new();
    for (inner, argument) in entry["properties"].as_object().into_iter().flatten() {
        let name = format!("{below}{inner}");
        rows += &row(&name, argument, is_required(entry, inner));
        rows += &rows_below(schema, &name, argument);
    }
    rows
}

/// Whether a schema requires this argument.
fn is_required(schema: &serde_json::Value, name: &str) -> bool {
    let mut required = schema["required"].as_array().into_iter().flatten();
    required.any(|one| one == name)
}

/// `docs/language.md`: the page with its tables drawn anew, each between `<!-- keys: NAME -->` and
/// `<!-- end -->`.
fn language(page: &str) -> String {
    let mut drawn = String::new();
    let mut rest = page;
    for (name, keys) in TABLES {
        let mark = format!("<!-- keys: {name} -->\n");
        let (before, after) = rest
            .split_once(&mark)
            .unwrap_or_else(|| panic!("docs/language.md has no table `{name}` in its turn"));
        let (_, after) = after.split_once("<!-- end -->").unwrap();
        drawn += &format!("{before}{mark}{}<!-- end -->", table(keys));
        rest = after;
    }
    assert!(!rest.contains("<!-- keys:"), "a table that is not there");
    drawn + rest
}

/// `docs/api.md`: the page with its table of endpoints drawn anew.
fn api(page: &str) -> String {
    let (before, after) = page.split_once("<!-- endpoints -->\n").unwrap();
    let (_, after) = after.split_once("<!-- end -->").unwrap();
    let endpoints = visard_server::reference::endpoints();
    format!("{before}<!-- endpoints -->\n{endpoints}<!-- end -->{after}")
}

/// Keys, what their values are, and what they mean.
fn table(keys: &[KeySpec]) -> String {
    let mut table = String::from("| Key | Value | Meaning |\n|---|---|---|\n");
    for key in keys {
        let name = match key.required {
            true => format!("**`{}`**", key.name),
            false => format!("`{}`", key.name),
        };
        let shape: serde_json::Value = serde_json::from_str(key.shape).unwrap();
        let meaning = key.doc.replace('|', "\\|");
        writeln!(table, "| {name} | {} | {meaning} |", kind(&shape)).unwrap();
    }
    table
}

/// A value in words.
fn kind(shape: &serde_json::Value) -> String {
    let words = |list: &serde_json::Value| -> Option<Vec<String>> {
        let list = list.as_array()?.iter();
        Some(
            list.map(|word| format!("`{}`", word.to_string().replace('"', "")))
                .collect(),
        )
    };
    if let Some(mut words) = words(&shape["enum"]) {
        // A version may be written as text or as a number.
        words.dedup();
        return words.join(" or ");
    }
    if let Some(constant) = shape["const"].as_str() {
        return format!("`{constant}`");
    }
    if let Some(target) = shape["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        return name.replace('_', " ");
    }
    if let Some(choices) = shape["oneOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(", ");
    }
    let kinds = match &shape["type"] {
        serde_json::Value::Array(kinds) => kinds.clone(),
        serde_json::Value::Null => return String::new(),
        one => vec![one.clone()],
    };
    let kinds = kinds.iter().filter_map(|kind| {
        Some(match kind.as_str()? {
            "string" => "text",
            "boolean" => "true or false",
            "integer" => "whole number",
            "number" => "number",
            "array" => "list",
            "object" => "mapping",
            "null" => "null",
            _ => return None,
        })
    });
    kinds.collect::<Vec<_>>().join(", ")
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
    let known = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    for (name, page) in [
        ("masks.md", masks()),
        ("errors.md", errors()),
        ("language.md", language(&known("language.md"))),
        ("api.md", api(&known("api.md"))),
    ] {
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

/// The Python on the page about keys computes the token of the reference's first example of `hash`.
#[test]
fn the_page_about_keys_reproduces_a_token() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/keys.md"))
            .unwrap();
    let (_, code) = page.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let spec = MASKS.iter().find(|spec| spec.name == "hash").unwrap();
    let token = spec.examples[0].masked.unwrap();
    assert!(
        code.contains(token),
        "the page is about another token than {token}"
    );
    let python = std::env::var("VISARD_TEST_PYTHON").unwrap_or_default();
    if python.is_empty() {
        let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
        assert!(!under_run, "there is no VISARD_TEST_PYTHON");
        println!("left out: the Python of docs/keys.md; tests/run installs what it needs");
        return;
    }
    let ran = std::process::Command::new(python)
        .args(["-c", code])
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
