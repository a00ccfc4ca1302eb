//! The JSON Schemas say what the parser says: judged by another's validator, over sound rulesets, wrong
//! ones, and all that may be written in more than one way.
//!
//! Needs a Python with jsonschema, named by `VISARD_TEST_PYTHON`; `tests/run` brings one.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use visard::check::BuiltMasks;
use visard::language::{
    DbType, Diagnostics, Language, Libraries, Severity, Sources, codes, schema, yaml,
};
use visard_udfs::MASKS;

/// Documents and what has to be said of them.
struct Documents(Vec<Value>);

impl Documents {
    fn add(&mut self, schema: &str, name: &str, document: Value, valid: bool) {
        self.0
            .push(json!({"name": name, "schema": schema, "document": document, "valid": valid}));
    }

    /// A YAML file.
    fn add_file(&mut self, schema: &str, path: &Path, valid: bool) {
        let text = std::fs::read(path).unwrap();
        let name = path.display().to_string();
        self.add(schema, &name, tree(&text).unwrap().1, valid);
    }

    /// Tasks, as the parser judges them.
    fn add_parsed(&mut self, tasks: &str, valid: bool) {
        let text = format!("version: '1.0'\ntasks: {tasks}\n");
        let (is_sound, document) = parsed(&text);
        assert_eq!(is_sound, valid, "the parser on {tasks}");
        self.add("ruleset", tasks, document, valid);
    }

    /// A connection to a database, as the parser judges it; that a kind is not built yet is no matter
    /// of a schema.
    fn add_connection(&mut self, connection: &str, valid: bool) {
        let text = format!(
            "version: '1.0'\nconnections: {{db: {connection}}}\nsource: db\nruleset:\n  tasks:\n  \
             - {{type: mask_table, table: t, rules: {{column: a, masks: {{type: hash}}}}}}\n"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let language = Language {
            masks: &BuiltMasks,
            environment: &BTreeMap::from([("X".to_owned(), "1".to_owned())]),
        };
        language.load(file.path(), &mut sources, &mut diagnostics);
        let mut errors = diagnostics
            .iter()
            .filter(|problem| problem.severity() == Severity::Error);
        let is_sound = errors.all(|problem| *problem.code == codes::NO_DATABASE);
        assert_eq!(is_sound, valid, "the parser on {connection}");
        let document = tree(text.as_bytes()).unwrap().1;
        self.add("pipeline", connection, document, valid);
    }

    /// A rule, as the parser judges it.
    fn add_rule(&mut self, rule: &str, valid: bool) {
        self.add_parsed(
            &format!("[{{type: mask_tabular_file, rules: [{rule}]}}]"),
            valid,
        );
    }

    /// Has them judged; gives what was judged otherwise.
    fn judged(self, python: &str) -> Vec<String> {
        let masks = BuiltMasks::schemas();
        let asked = json!({
            "schemas": {"pipeline": schema::pipeline(&masks), "ruleset": schema::ruleset(&masks)},
            "documents": self.0,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/schemas.py");
        let mut judge = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = judge.stdin.take().unwrap();
        input.write_all(asked.to_string().as_bytes()).unwrap();
        drop(input);
        let said = judge.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{errors}");
        let said = String::from_utf8(said.stdout).unwrap();
        said.lines().map(str::to_owned).collect()
    }
}

/// The Python to ask, or nothing where there is none to be had.
fn python() -> Option<String> {
    let python = std::env::var("VISARD_TEST_PYTHON").unwrap_or_default();
    if !python.is_empty() {
        return Some(python);
    }
    assert!(
        std::env::var_os("VISARD_TEST_SERVERS").is_none(),
        "there is no VISARD_TEST_PYTHON"
    );
    println!("left out: JSON Schemas; tests/run installs a validator");
    None
}

/// YAML text as a tree and as JSON.
fn tree(text: &[u8]) -> Option<(visard::language::Node, Value)> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let file = sources.add(Path::new("r.yml"), text.to_vec(), &mut diagnostics)?;
    let root = yaml::parse(file, &mut sources, &mut diagnostics)?;
    let document = root.to_json();
    Some((root, document))
}

/// Whether the parser takes a ruleset, and the ruleset as JSON.
fn parsed(text: &str) -> (bool, Value) {
    let (root, document) = tree(text.as_bytes()).unwrap();
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    // Diagnostics of this tree point into a file of this number.
    sources.add(Path::new("r.yml"), text.into(), &mut diagnostics);
    let language = Language {
        masks: &BuiltMasks,
        environment: &BTreeMap::new(),
    };
    let mut libraries = Libraries::default();
    language.ruleset(&root, &mut libraries, &mut sources, &mut diagnostics);
    (!diagnostics.has_errors(), document)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn sound_files_are_accepted_and_wrong_ones_refused() {
    let Some(python) = python() else { return };
    let mut documents = Documents(Vec::new());
    let mut sound = 0;
    for entry in std::fs::read_dir(root().join("tests/golden")).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() || case.join("diagnostics.txt").exists() {
            continue;
        }
        let pipeline = case.join("pipeline.yml");
        let text = std::fs::read(&pipeline).unwrap();
        documents.add_file("pipeline", &pipeline, true);
        sound += 1;
        if let Some(ruleset) = tree(&text).unwrap().1["ruleset"].as_str() {
            documents.add_file("ruleset", &case.join(ruleset), true);
        }
    }
    assert!(sound > 8, "{sound} golden pipelines");
    documents.add_file("pipeline", &root().join("examples/customers.yml"), true);
    let example = root().join("examples/rulesets/customers.yml");
    documents.add_file("ruleset", &example, true);
    documents.add_file("pipeline", &example, false);
    for wrong in [
        "wrong-keys",
        "wrong-pipeline",
        "wrong-rules",
        "wrong-arguments",
    ] {
        let pipeline = root().join("tests/golden").join(wrong).join("pipeline.yml");
        documents.add_file("pipeline", &pipeline, false);
    }
    let wrong = documents.judged(&python);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_way_to_write_a_ruleset_is_judged_alike() {
    let Some(python) = python() else { return };
    let mut documents = Documents(Vec::new());
    let rules = "rules: {column: a, masks: {type: suppress}}";
    let task = |keys: &str| format!("[{{type: mask_tabular_file, {keys}}}]");
    for (keys, valid) in [
        (rules.to_owned(), true),
        (format!("include: '*.csv', {rules}"), true),
        (format!("include: {{glob: '*.csv'}}, {rules}"), true),
        (
            format!("include: [{{regex: x, match_against: null}}], {rules}"),
            true,
        ),
        (
            format!("include: null, skip: null, recurse: null, {rules}"),
            true,
        ),
        (format!("include: 1, {rules}"), false),
        (format!("include: {{}}, {rules}"), false),
        (
            format!("name: null, workers: null, hash_columns: null, {rules}"),
            true,
        ),
        (format!("workers: 0, {rules}"), false),
        (format!("hash_columns: a, {rules}"), true),
        (format!("hash_columns: {{source: self}}, {rules}"), true),
        (format!("hash_columns: {{}}, {rules}"), false),
        (
            format!("hash_columns: [{{column_name: a, json_path: b}}], {rules}"),
            true,
        ),
        (format!("columns: [a, b], {rules}"), true),
        (
            format!("columns: a, delimiter: tab, quote: null, {rules}"),
            true,
        ),
        (format!("null_string: null, {rules}"), false),
        (
            "rules: {first: {column: a, masks: {one: {type: suppress}}}}".to_owned(),
            true,
        ),
        (
            "rules: {masks: {column: a, masks: [{type: suppress}]}}".to_owned(),
            true,
        ),
        ("rules: []".to_owned(), false),
        ("rules: null".to_owned(), false),
    ] {
        documents.add_parsed(&task(&keys), valid);
    }
    documents.add_parsed("[]", false);
    let masks = "masks: [{type: suppress}]";
    for (rule, valid) in [
        (format!("{{column: a, {masks}}}"), true),
        (format!("{{columns: a, {masks}}}"), true),
        (format!("{{columns: ['a*', b], {masks}}}"), true),
        (format!("{{columns: [], {masks}}}"), false),
        (
            format!("{{column: a, skip: null, unique: null, {masks}}}"),
            true,
        ),
        (
            format!("{{column: a, skip: [null, '', 1, {{matches: x}}], {masks}}}"),
            true,
        ),
        (format!("{{column: a, skip: x, {masks}}}"), false),
        (format!("{{{masks}}}"), false),
        ("{column: a, masks: []}".to_owned(), false),
        ("{column: a}".to_owned(), false),
    ] {
        documents.add_rule(&rule, valid);
    }
    for (condition, valid) in [
        ("{column: a, equals: null}", true),
        ("[{column: a, is_null: true}]", true),
        ("{column: a, in: []}", true),
        ("{column: a, in: [1, x, null]}", true),
        ("{column: a, in: x}", false),
        ("{column: a, matches: null}", false),
        ("{column: a, less_than: null}", false),
        ("{column: a, less_than: true}", false),
        ("{not: {column: a, equals: 1}}", true),
        (
            "{or: [{column: a, equals: 1}, {and: {column: b, greater_than: '2'}}]}",
            true,
        ),
        ("{or: null}", false),
        ("{equals: 1}", false),
        ("[]", false),
    ] {
        let rule = format!("{{if: {condition}, rules: {{column: a, {masks}}}, else_rules: null}}");
        documents.add_rule(&rule, valid);
    }
    for (mask, valid) in [
        ("{type: typecast, typecast_as: int}", true),
        (
            "{type: typecast, typecast_as: integer, date_format: null}",
            true,
        ),
        ("{type: typecast}", false),
        ("{type: from_fixed}", false),
        ("{type: from_fixed, value: null}", true),
        ("{type: from_file}", false),
        ("{type: transform_case, case: upper}", true),
        ("{type: from_random_text, max_length: 4}", true),
        ("{type: from_random_text, min: 1}", false),
        ("{type: set_checksum, algorithm: luhn}", true),
        ("{type: suppress, domain: null}", true),
        ("{type: suppress, value: 1}", false),
        (
            "{type: chain, masks: {a: {type: transform_case, case: title}}}",
            true,
        ),
        (
            "{type: json, transforms: [{path: [a, 0], masks: {type: suppress}}]}",
            true,
        ),
        (
            "{type: xml, node_transforms: [{path: /a, masks: {type: suppress}}], fallback_masks: {type: suppress}}",
            true,
        ),
        ("{type: xml, fallback_masks: null}", false),
        (
            "{type: json, transforms: [{path: [a], masks: [{type: hash, on_null: x}]}]}",
            true,
        ),
        ("{value: 1}", false),
    ] {
        // What is wrong inside `json` is found when it is bound.
        let document = format!("{{column: a, masks: [{mask}]}}");
        if mask.contains("on_null") {
            let text = format!(
                "tasks: [{{type: mask_tabular_file, rules: [{document}]}}]\nversion: '1.0'"
            );
            documents.add("ruleset", mask, parsed(&text).1, false);
        } else {
            documents.add_rule(&document, valid);
        }
    }
    let wrong = documents.judged(&python);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_way_to_write_a_database_is_judged_alike() {
    let Some(python) = python() else { return };
    let mut documents = Documents(Vec::new());
    for kind in DbType::ALL {
        let name = kind.name();
        let database = if *kind == DbType::Sqlite {
            "database: x, "
        } else {
            ""
        };
        let common = format!("{{db_type: {name}, {database}id: 1, is_read_only: null");
        documents.add_connection(&format!("{common}}}"), true);
        documents.add_connection(&format!("{common}, no_such_key: 1}}"), false);
        documents.add_connection(&format!("{common}, is_read_only_: 1}}"), false);
    }
    for (keys, valid) in [
        (
            "host: '', port: null, user: '', password: '', database: ''",
            true,
        ),
        ("port: 5432", true),
        ("port: '5432'", true),
        ("port: ''", true),
        ("port: '${X}'", true),
        ("port: 65536", false),
        ("port: x", false),
        ("port: 1.5", false),
        ("dbpassword: x", true),
        ("sslmode: require", true),
        ("sslmode: on", false),
        ("connect_timeout_seconds: 0", false),
        ("connect_timeout_seconds: '${X}'", true),
        ("is_read_only: x", false),
        ("engine_options: {a: 1, b: x, c: true}", true),
        ("engine_options: {a: [x]}", false),
        ("engine_options: x", false),
        ("url: 'postgres://db/crm'", true),
        ("url: 1", false),
        ("type: s3_connection", false),
    ] {
        documents.add_connection(&format!("{{db_type: postgres, {keys}}}"), valid);
    }
    documents.add_connection("{db_type: postgrs}", false);
    documents.add_connection("{db_type: null}", false);
    let rules = "rules: {column: a, masks: {type: suppress}}";
    for (keys, valid) in [
        ("table: s.t", true),
        ("table: ''", false),
        ("table: 1", false),
        ("key: a", false),
        (
            "table: t, key: [a, b], where: a > 1, workers: 1, strategy: auto, batch_size: 1",
            true,
        ),
        ("table: t, key: 1", false),
        ("table: t, index_key_columns: a, hash_columns: [a]", true),
        ("table: t, where: ''", false),
        ("table: t, strategy: fast", false),
        ("table: t, batch_size: 0", false),
        ("table: t, batch_size: 10000001", false),
        ("table: t, joins: x", false),
        ("table: t, joins: null, key: null, where: null", true),
        ("table: t, recurse: true", false),
    ] {
        documents.add_parsed(&format!("[{{type: mask_table, {keys}, {rules}}}]"), valid);
    }
    for (task, valid) in [
        ("type: run_sql, sql: select 1", true),
        ("type: run_sql, sql: 1", false),
        ("type: run_sql", false),
        ("type: run_sql, sql: a, sql_file: b", false),
        ("type: truncate_table, table: t", true),
        ("type: truncate_table", false),
        ("type: build_temp_table, table: t, select: a", true),
        (
            "type: build_temp_table, table_name: t, sql_select_statement: a",
            true,
        ),
        ("type: build_temp_table, table: t", false),
        (
            "type: build_temp_table, table: t, table_name: t, select: a",
            false,
        ),
    ] {
        documents.add_parsed(&format!("[{{{task}}}]"), valid);
    }
    let wrong = documents.judged(&python);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn references_stand_anywhere_and_variables_in_pipelines() {
    let Some(python) = python() else { return };
    let mut documents = Documents(Vec::new());
    let reference = json!({"$ref": "a/b#other/c"});
    let mask = json!({"type": "from_choices", "choices": [reference, 1]});
    let rule = json!({"columns": reference, "skip": reference, "masks": [mask, reference]});
    let task =
        json!({"type": "mask_tabular_file", "include": [reference], "rules": [rule, reference]});
    let ruleset =
        |task: &Value| json!({"version": "1.0", "imports": "a/b", "tasks": [task, reference]});
    documents.add("ruleset", "references", ruleset(&task), true);
    let both =
        json!({"type": "mask_tabular_file", "rules": {"$ref": "a/b#other/c", "column": "a"}});
    documents.add("ruleset", "a reference and more", ruleset(&both), false);
    let labelled = |masks: Value| {
        let matchers = json!({"regex": [{"label": "A", "pattern": "a"}]});
        let mask = json!({"type": "unstructured_text", "matchers": matchers, "masks": masks});
        json!({"type": "mask_tabular_file", "rules": {"column": "a", "masks": mask}})
    };
    let masks = json!([{"label": "A", "masks": {"first": {"type": "suppress"}}}]);
    documents.add(
        "ruleset",
        "masks with labels",
        ruleset(&labelled(masks)),
        true,
    );
    let masks = json!([{"type": "suppress"}]);
    documents.add(
        "ruleset",
        "masks without labels",
        ruleset(&labelled(masks)),
        false,
    );
    let pipeline = |options: Value| {
        json!({
            "version": "1.0",
            "connections": {"a": {"type": "s3_connection", "bucket": "${B}", "path_style": "${P}", "region": null}},
            "source": {"connection": "a", "path": "${P}"},
            "destination": null,
            "ruleset": "r.yml",
            "options": options,
        })
    };
    let variables = json!({"workers": "${W}", "unmatched": "${U}", "in_place": true, "csv": {"delimiter": "${D}"}});
    documents.add("pipeline", "variables", pipeline(variables), true);
    documents.add(
        "pipeline",
        "nulls",
        pipeline(json!({"workers": null, "csv": null})),
        true,
    );
    documents.add(
        "pipeline",
        "text",
        pipeline(json!({"workers": "two"})),
        false,
    );
    let wrong = documents.judged(&python);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_of_every_mask_is_accepted_under_every_name() {
    let Some(python) = python() else { return };
    let mut documents = Documents(Vec::new());
    for spec in MASKS {
        let mut add = |mut args: Map<String, Value>, what: &str, valid| {
            args.insert("type".to_owned(), spec.name.into());
            let task =
                json!({"type": "mask_tabular_file", "rules": {"column": "a", "masks": [args]}});
            let ruleset = json!({"version": "1.0", "tasks": [task]});
            documents.add("ruleset", &format!("{} {what}", spec.name), ruleset, valid);
        };
        for example in spec.examples {
            let args: Map<String, Value> = serde_json::from_str(example.args).unwrap();
            add(args.clone(), example.args, true);
            let mut more = args.clone();
            more.insert("no_such_argument".to_owned(), json!(1));
            add(more, "with more", false);
            for parameter in spec.parameters() {
                let Some(value) = args.get(&parameter.name) else {
                    continue;
                };
                let mut without = args.clone();
                without.remove(&parameter.name);
                if parameter.required {
                    add(
                        without.clone(),
                        &format!("without {}", parameter.name),
                        false,
                    );
                }
                for spelling in &parameter.spellings {
                    let mut other = without.clone();
                    other.insert(spelling.clone(), value.clone());
                    add(other, &format!("with {spelling}"), true);
                }
            }
        }
    }
    assert!(documents.0.len() > 3 * MASKS.len(), "{}", documents.0.len());
    let wrong = documents.judged(&python);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
