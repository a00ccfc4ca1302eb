//! Each problem as a reader sees it, and what sound text becomes.

mod databases;

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

#[test]
fn yaml_problems_as_drawn() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3\n",
            "error[V0105]: the key `a` is there twice\n \
             --> r.yml:3:1\n\
             3 | a: 3\n  \
             | ^ second\n \
             ::: r.yml:1:1\n\
             1 | a: 1\n  \
             | - first\n  \
             = help: remove or rename one of them\n",
        ),
        (
            "a:\r\n  b: 1\r\n  b: 2\r\n",
            "error[V0105]: the key `b` is there twice\n \
             --> r.yml:3:3\n\
             3 |   b: 2\n  \
             |   ^ second\n \
             ::: r.yml:2:3\n\
             2 |   b: 1\n  \
             |   - first\n  \
             = help: remove or rename one of them\n",
        ),
        (
            "a:\n\tb: 1\n",
            "error[V0104]: a tab where only spaces are allowed\n \
             --> r.yml:2:2\n\
             2 |  b: 1\n  \
             |  ^\n  \
             = help: indent with spaces\n",
        ),
        (
            "a: *missing\n",
            "error[V0108]: an alias has no anchor before it\n \
             --> r.yml:1:4\n\
             1 | a: *missing\n  \
             |    ^^^^^^^^\n  \
             = help: set the anchor earlier in the file; text that begins with `*` needs quotes\n",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "error[V0106]: a second document begins here\n \
             --> r.yml:2:1\n\
             2 | ---\n  \
             | ^^^\n  \
             = help: one file holds one document: remove `---`, or split the file\n",
        ),
        (
            "zip: 00501\n",
            "warning[V0112]: a number with a zero in front loses the zero\n \
             --> r.yml:1:6\n\
             1 | zip: 00501\n  \
             |      ^^^^^\n  \
             = help: put it in quotes when it is meant as text\n",
        ),
        (
            "<<: [1]\n",
            "error[V0107]: `<<` cannot merge a list\n \
             --> r.yml:1:1\n\
             1 | <<: [1]\n  \
             | ^^ expected a mapping, or a list of mappings\n",
        ),
        (
            "a: &a [1]\nb: {c: 1, <<: *a}\n",
            "error[V0107]: `<<` cannot merge a list\n \
             --> r.yml:2:11\n\
             2 | b: {c: 1, <<: *a}\n  \
             |           ^^ expected a mapping, or a list of mappings\n \
             ::: r.yml:1:7\n\
             1 | a: &a [1]\n  \
             |       --- what it is given\n",
        ),
    ] {
        let (_, sources, diagnostics) = parsed(text);
        assert_eq!(
            Renderer::PLAIN.all(&diagnostics, &sources),
            expected,
            "{text:?}"
        );
    }
}

#[test]
fn yaml_problems_by_code() {
    let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
    let deep_block = (0..101).fold(String::new(), |text, level| {
        format!("{text}{}a:\n", " ".repeat(level))
    });
    let nested = |count: usize| -> String {
        let levels = (1..count).map(|i| {
            let aliases = vec![format!("*a{}", i - 1); 10].join(",");
            format!("a{i}: &a{i} [{aliases}]\n")
        });
        format!(
            "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{}",
            levels.collect::<String>()
        )
    };
    let merges = |count: usize| -> String {
        let levels = (1..count).map(|i| {
            let merged = format!("{{<<: *m{}}}", i - 1);
            format!("m{i}: &m{i} {{a: {merged}, b: {merged}, c: {merged}, d: {merged}}}\n")
        });
        format!("m0: &m0 {{x: 1}}\n{}", levels.collect::<String>())
    };
    let chained = (1..200).fold("a0: &a0 [x]\n".to_owned(), |text, i| {
        format!("{text}a{i}: &a{i} [*a{}]\n", i - 1)
    });
    for (text, codes) in [
        ("", vec!["V0106"]),
        ("# nothing\n", vec!["V0106"]),
        ("a: [1, 2\n", vec!["V0104"]),
        ("a: 'x\n", vec!["V0104"]),
        ("a: b: c\n", vec!["V0104"]),
        ("a: @x\n", vec!["V0104"]),
        ("a: \"\\d\"\n", vec!["V0104"]),
        ("? [a]\n: 1\nb: 2\nb: 3\n", vec!["V0110", "V0105"]),
        ("a: &a [*a]\n", vec!["V0108"]),
        ("a: *x\nb: [*y, 1]\n*z : 1\n? *w\n: 2\n", vec!["V0108"; 4]),
        (
            "a: {<<: *x, b: 1}\nc: {<<: [*x, {d: 1}]}\n",
            vec!["V0108"; 2],
        ),
        (
            "a: *x\nb: 1\nb: 2\nc: !!int y\n",
            vec!["V0108", "V0105", "V0113"],
        ),
        ("a: 99999999999999999999\n", vec!["V0111"]),
        ("a: .inf\n", vec!["V0111"]),
        ("a: !!int x\n", vec!["V0113"]),
        ("a: !custom x\n", vec!["V0113"]),
        ("a: !!str 12\nb: !!float 1\n", vec![]),
        ("<<: {a: 1}\n<<: {b: 1}\n", vec!["V0105"]),
        (deep.as_str(), vec!["V0109"]),
        (deep_block.as_str(), vec!["V0109"]),
        (nested(12).as_str(), vec!["V0109"]),
        (merges(20).as_str(), vec!["V0109"]),
        (chained.as_str(), vec!["V0109"]),
        (nested(5).as_str(), vec![]),
    ] {
        let (_, sources, diagnostics) = parsed(text);
        let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
        assert_eq!(codes_in(&drawn), codes, "{:.80?}: {drawn}", text);
    }
}

#[test]
fn bytes_that_are_not_utf8() {
    for (bytes, message) in [
        (
            &b"a: 1\nb: \xFF\n"[..],
            "the file is not UTF-8\n --> r.yml:2:4\n",
        ),
        (
            &b"\xFF\xFEa\0:\0"[..],
            "the file is UTF-16, not UTF-8\n --> r.yml:1:1\n",
        ),
    ] {
        let (node, sources, diagnostics) = parsed(bytes);
        assert!(node.is_none());
        let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
        assert!(drawn.contains(message), "{drawn}");
    }
    let (node, _, diagnostics) = parsed(&b"\xEF\xBB\xBFa: 1\n"[..]);
    assert!(diagnostics.is_empty());
    assert_eq!(node.unwrap().to_json(), serde_json::json!({"a": 1}));
}

#[test]
fn values() {
    for (text, expected) in [
        (
            "[1, '1', 1.5, true, yes, ~, 'null', 2024-01-31]",
            r#"[1,"1",1.5,true,"yes",null,"null","2024-01-31"]"#,
        ),
        (
            "a: |\n  x\n  y\nb: >-\n  x\n  y\n",
            r#"{"a":"x\ny\n","b":"x y"}"#,
        ),
        ("a: &x {k: 1}\nb: *x\n", r#"{"a":{"k":1},"b":{"k":1}}"#),
        // Explicit keys win and stay where the merged ones are; earlier mappings go before later.
        (
            "base: &b {x: 1, y: 2}\nown: {y: 3, <<: *b, z: 4}\n",
            r#"{"base":{"x":1,"y":2},"own":{"x":1,"y":3,"z":4}}"#,
        ),
        (
            "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\n",
            r#"{"a":{"x":1},"b":{"x":2,"y":2},"c":{"x":1,"y":2}}"#,
        ),
        ("'<<': {a: 1}", r#"{"<<":{"a":1}}"#),
        ("1: a\ntrue: b\n", r#"{"1":"a","true":"b"}"#),
        ("a:\nb: ''\n", r#"{"a":null,"b":""}"#),
        (
            "[18446744073709551615, -9223372036854775808]",
            "[18446744073709551615,-9223372036854775808]",
        ),
    ] {
        let (node, sources, diagnostics) = parsed(text);
        let problems = Renderer::PLAIN.all(&diagnostics, &sources);
        assert_eq!(problems, "", "{text}");
        assert_eq!(node.unwrap().to_json().to_string(), expected, "{text}");
    }
}

#[test]
fn places_by_path() {
    let (node, sources, _) =
        parsed("tasks:\n  - rules:\n      - {masks: [{type: x}, {regex: 'é+'}]}\n");
    let node = node.unwrap();
    let span = node.span_of("tasks[0].rules[0].masks[1].regex");
    assert_eq!(
        (span.start.line, span.start.column, span.end.column),
        (3, 37, 41)
    );
    assert_eq!(sources.slice(span), "'é+'");
    let above = node.span_of("tasks[0].rules[7].masks");
    assert_eq!(
        sources.slice(above),
        "- {masks: [{type: x}, {regex: 'é+'}]}"
    );
}

#[test]
fn secrets_are_never_drawn() {
    for text in [
        "connection_string: hunter2 # hunter2\nconnection_string: other\n",
        "run_secret: [hunter2, hunter2]\nrun_secret: 1\n",
        "{password: hunter2, a: 1, a: 2}\n",
        "password: \"hunter2\n  hunter2\n",
        "x: &a hunter2\npassword: *a\nx: *a\n",
        "access_key: |\n  hunter2\n  hunter2\naccess_key: 1\n",
        "token: 'hunter2': hunter2\n",
        "password: *hunter2\ntoken: *hunter2\n",
        "run_secret: {is: [hunter2, !!int hunter2]}\n",
        "\"pass\\u0077ord\": hunter2\n\"pass\\u0077ord\": hunter2\n",
    ] {
        let (node, sources, diagnostics) = parsed(text);
        let drawn = Renderer::PLAIN.all(&diagnostics, &sources);
        assert!(diagnostics.has_errors(), "{text}");
        assert!(!drawn.contains("hunter2"), "{drawn}");
        assert!(
            !to_json(&diagnostics, &sources)
                .to_string()
                .contains("hunter2")
        );
        assert!(!format!("{sources:?}").contains("hunter2"));
        if let Some(Kind::Map(map)) = node.map(|node| node.kind).filter(|_| !text.contains("&a")) {
            assert!(!format!("{map:?}").contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn keys_that_hold_secrets_and_no_others() {
    fn each_key(schema: &serde_json::Value, see: &mut impl FnMut(&str, &serde_json::Value)) {
        if let Some(keys) = schema.get("properties").and_then(|keys| keys.as_object()) {
            keys.iter().for_each(|(name, schema)| see(name, schema));
        }
        match schema {
            serde_json::Value::Object(parts) => parts.values().for_each(|part| each_key(part, see)),
            serde_json::Value::Array(parts) => parts.iter().for_each(|part| each_key(part, see)),
            _ => {}
        }
    }
    let masks = crate::check::BuiltMasks::schemas();
    let mut secrets = Vec::new();
    each_key(&schema::pipeline(&masks), &mut |name, schema| {
        // Alone, or with null and variables beside it.
        let takes_secret = schema.to_string().contains(r##""#/$defs/secret""##);
        assert_eq!(is_secret_key(name), takes_secret, "{name}: {schema}");
        secrets.extend(takes_secret.then(|| name.to_owned()));
    });
    assert!(secrets.len() > 5, "{secrets:?}");
    let (_, drawn) = ruleset(
        "version: '1.0'\ntasks:\n- {type: mask_unique_key, table: t, key: [id, 1, 1x], kye: 1}\n",
    );
    assert!(drawn.contains("key: [id, 1, 1x], kye: 1"), "{drawn}");
}

#[test]
fn ruleset_problems_as_drawn() {
    for (text, expected) in [
        (
            with_rules("- colum: email\n  masks: [{type: do_nothing}]"),
            "error[V0202]: a rule has no key `colum`\n \
             --> r.yml:5:9\n\
             5 |       - colum: email\n  \
             |         ^^^^^ nearest: `column`\n  \
             = help: its keys are `column`, `columns`, `hash_columns`, `skip`, `unique`, `masks`, `name`, `doc`\n\
             \n\
             error[V0502]: a rule names no column\n \
             --> r.yml:6:9\n\
             6 |         masks: [{type: do_nothing}]\n  \
             |         ^^^^^\n  \
             = help: write `column: NAME`, or `columns:` with names and globs\n",
        ),
        (
            with_rules("- {column: a, masks: [{type: from_fixd, value: 1}]}"),
            "error[V0601]: there is no mask `from_fixd`\n \
             --> r.yml:5:36\n\
             5 |       - {column: a, masks: [{type: from_fixd, value: 1}]}\n  \
             |                                    ^^^^^^^^^ nearest: `from_fixed`\n  \
             = help: `visard masks` lists all masks\n",
        ),
        (
            with_rules("- {column: a, masks: [{type: hash, frm: hex}]}"),
            "error[V0602]: the mask `hash` has no argument `frm`\n \
             --> r.yml:5:42\n\
             5 |       - {column: a, masks: [{type: hash, frm: hex}]}\n  \
             |                                          ^^^ nearest: `form`\n  \
             = help: its arguments are `form`, `length`\n",
        ),
        (
            "version: 2\ntasks: []\n".to_owned(),
            "error[V0201]: this version is not supported\n \
             --> r.yml:1:10\n\
             1 | version: 2\n  \
             |          ^\n  \
             = help: write `version: '1.0'`\n\
             \n\
             error[V0402]: the list of tasks is empty\n \
             --> r.yml:2:8\n\
             2 | tasks: []\n  \
             |        ^^\n",
        ),
        (
            with_rules(
                "- {column: a, masks: {type: do_nothing}}\n- {column: '\"a\"', masks: {type: do_nothing}}",
            ),
            "error[V0503]: two rules mask the column `a`\n \
             --> r.yml:6:18\n\
             6 |       - {column: '\"a\"', masks: {type: do_nothing}}\n  \
             |                  ^^^^^ second\n \
             ::: r.yml:5:18\n\
             5 |       - {column: a, masks: {type: do_nothing}}\n  \
             |                  - first\n  \
             = help: put all masks into one rule, or separate the rules by `if` and `else_rules`\n",
        ),
    ] {
        assert_eq!(ruleset(&text).1, expected);
    }
}

#[test]
fn ruleset_problems_by_code() {
    let task = |keys: &str| {
        let rules = "rules: {column: a, masks: {type: do_nothing}}";
        format!("version: '1.0'\ntasks:\n- {{type: mask_tabular_file, {keys}, {rules}}}\n")
    };
    let of_type = |kind: &str| format!("version: '1.0'\ntasks:\n- type: {kind}\n");
    let rule = |keys: &str| {
        with_rules(&format!(
            "- {{column: a, masks: {{type: do_nothing}}, {keys}}}"
        ))
    };
    let masks = |masks: &str| with_rules(&format!("- {{column: a, masks: {masks}}}"));
    let condition = |condition: &str| {
        with_rules(&format!(
            "- if: {condition}\n  rules: {{column: a, masks: {{type: do_nothing}}}}"
        ))
    };
    for (text, codes) in [
        ("tasks: [1]".to_owned(), vec!["V0201", "V0204"]),
        ("version: '1.0'".to_owned(), vec!["V0203"]),
        ("version: 1.0\ntasks: x".to_owned(), vec!["V0204"]),
        ("- 1".to_owned(), vec!["V0204"]),
        // What an unknown alias should have brought is not missed; the rest is checked.
        (with_rules("- {<<: *x, masks: [{type: do_nothing}]}"), vec!["V0108"]),
        (with_rules("- {<<: *x, colum: a, masks: [{<<: *y}, {<<: *z, type: hsh}]}"), vec!["V0108", "V0202", "V0108", "V0108", "V0601"]),
        ("version: '1.0'\ntasks: [{<<: *x}, *y, {type: mask_tabular_fle}]".to_owned(), vec!["V0108", "V0108", "V0401"]),
        // Tasks.
        (of_type("mask_file\n  rules: []"), vec!["V0901"]),
        (of_type("mask_unique_key\n  table: x"), vec!["V0203"]),
        (of_type("mask_unique_key\n  table: x\n  key: a\n  format: x"), vec!["V0905"]),
        (of_type("run_data_discovery"), vec!["V0920"]),
        (of_type("run_file_data_discovery\n  recurse: true"), vec!["V0920"]),
        (of_type("mask_tabular_fle"), vec!["V0401"]),
        (of_type("parallel\n  tasks: []"), vec!["V0402"]),
        (of_type("serial"), vec!["V0203"]),
        (of_type("mask_tabular_file"), vec!["V0203"]),
        (task("fixed_width_extension: txt"), vec!["V0902"]),
        (task("workers: 0"), vec!["V0205"]),
        (task("recurse: yes"), vec!["V0204"]),
        (task("include: ['a/*.csv']"), vec!["V0403"]),
        (task("recurse: true, include: ['a/*.csv']"), vec![]),
        (task("include: ['[a']"), vec!["V0206"]),
        (task("include: [{regex: '(?=x)'}]"), vec!["V0206"]),
        (task("include: [{regex: x, glob: y}]"), vec!["V0404"]),
        (task("include: [{glob: x, match_against: file}]"), vec!["V0205"]),
        (task("delimiter: ab"), vec!["V0205"]),
        (task("delimiter: '→'"), vec!["V0205"]),
        (task("delimiter: ';', quote: ';'"), vec!["V0310"]),
        (task("delimiter: '\"'"), vec!["V0310"]),
        (task("delimiter: '\"', quote: ''"), vec![]),
        (task("header: true, columns: [a]"), vec!["V0310"]),
        (task("columns: [a, a]"), vec!["V0205"]),
        // Rules.
        (with_rules("[]"), vec!["V0501"]),
        (with_rules("- x"), vec!["V0204"]),
        (with_rules("- {masks: {type: do_nothing}}"), vec!["V0502"]),
        (with_rules("- {column: a, columns: b, masks: {type: do_nothing}}"), vec!["V0502"]),
        (with_rules("- {columns: [], masks: {type: do_nothing}}"), vec!["V0502"]),
        (with_rules("- {columns: '[x', masks: {type: do_nothing}}"), vec!["V0206"]),
        (with_rules("- {column: '', masks: {type: do_nothing}}"), vec!["V0205"]),
        (with_rules("- {column: 1, masks: {type: do_nothing}}"), vec!["V0204"]),
        (with_rules("- column: a"), vec!["V0203"]),
        (rule("skip: null"), vec![]),
        (rule("skip: x"), vec!["V0204"]),
        (rule("skip: [{matches: '['}]"), vec!["V0206"]),
        (rule("hash_columns: [{column: x}]"), vec!["V0505", "V0202"]),
        (rule("hash_columns: [{column_name: x, source: self}]"), vec!["V0505"]),
        (rule("hash_columns: [{source: other}]"), vec!["V0205"]),
        (rule("hash_columns: [{column_name: x, case_transform: title}]"), vec!["V0205"]),
        (rule("hash_columns: [{column_name: x, json_path: [a, 0]}]"), vec![]),
        (rule("hash_columns: [b], masks: {type: imitate_unique}").replacen("masks: {type: do_nothing}, ", "", 1), vec!["V0507", "V0910"]),
        (rule("hash_columns: [a, {source: self}], masks: {type: imitate_unique}").replacen("masks: {type: do_nothing}, ", "", 1), vec!["V0910"]),
        // A glob meets a name; itself within one rule is no second rule.
        (with_rules("- {columns: 'a*', masks: {type: do_nothing}}\n- {column: ab, masks: {type: do_nothing}}"), vec!["V0503"]),
        (with_rules("- {columns: ['a*', 'a*'], masks: {type: do_nothing}}"), vec![]),
        // Conditions.
        (condition("{column: a}"), vec!["V0504"]),
        (condition("{equals: a}"), vec!["V0504"]),
        (condition("[]"), vec!["V0501"]),
        (condition("{column: a, equal: 1}"), vec!["V0504", "V0202"]),
        (condition("{column: a, less_than: true}"), vec!["V0504"]),
        (condition("{column: a, in: 1}"), vec!["V0204"]),
        (condition("{column: a, age_less_than: 18, at: '2026-01-31'}"), vec![]),
        (condition("{column: a, age_less_than: 18}"), vec!["V0504"]),
        (condition("{column: a, age_less_than: x, at: '2026-01-31'}"), vec!["V0504"]),
        (condition("{column: a, age_less_than: 18, at: yesterday}"), vec!["V0504"]),
        (condition("{column: a, equals: 1, at: '2026-01-31'}"), vec!["V0504"]),
        (condition("{column: a, matches: '('}"), vec!["V0206"]),
        (condition("{and: [], or: [{column: a, is_null: true}]}"), vec!["V0501"]),
        // Masks.
        (masks("[]"), vec!["V0604"]),
        (masks("x"), vec!["V0204"]),
        (masks("[x]"), vec!["V0204"]),
        (masks("[{}]"), vec!["V0203"]),
        (masks("[{type: [x]}]"), vec!["V0204"]),
        (masks("{type: imitate_uuid}"), vec!["V0910"]),
        (masks("{type: unstructured_text, masks: [{label: X, masks: [{type: x}]}]}"), vec!["V0910", "V0601"]),
        (masks("{type: substitute}"), vec!["V0605"]),
        (masks("{type: from_fixed}"), vec!["V0603"]),
        (masks("{type: from_fixed, value: }"), vec![]),
        (masks("{type: from_fixed, value: 'a ${NAME}'}"), vec!["V0804"]),
        (masks("{type: from_fixed, value: 'a $NAME {NAME} ${1} ${'}"), vec![]),
        (masks("{type: replace_regex, regex: 'x${NAME}', masks: {type: do_nothing}}"), vec![]),
        (masks("{type: from_random_text, max_length: 4}"), vec![]),
        (masks("{type: from_random_text, min: 1}"), vec!["V0603"]),
        (masks("{type: do_nothing, x: 1}"), vec!["V0602"]),
        (masks("{type: hash, domain: 1}"), vec!["V0204"]),
        (masks("{type: chain, masks: [{type: hsh}, {type: imitate_uuid}]}"), vec!["V0601", "V0910"]),
        (masks("{type: chain, masks: {}}"), vec!["V0604"]),
        (masks("{type: from_fixed, value: 'x {{ locality }}'}"), vec!["V0912"]),
        // Old and foreign keys.
        ("version: '1.0'\nname: x\nrandom_seed: 1\nauto_manage_triggers: true\ntasks: [{type: run_data_discovery}]".to_owned(),
         vec!["V0207", "V0207", "V0920"]),
        // References.
        (masks("{$ref: 'a/b#masks/x'}"), vec!["V0705"]),
        (masks("{$ref: 'a/b'}"), vec!["V0706"]),
    ] {
        let (_, drawn) = ruleset(&text);
        assert_eq!(codes_in(&drawn), codes, "{text}\n{drawn}");
    }
}

#[test]
fn tasks_come_out_flat() {
    let ruleset = sound(
        "version: '1.0'
mask_definitions:
  - &fixed {type: from_fixed, value: x}
rule_definitions:
  anything: [1]
tasks:
  - type: serial
    tasks:
      - &task
        type: mask_tabular_file
        recurse: true
        include: ['*.csv', {glob: 'in/**/*.parquet'}, {regex: '^x/', match_against: path}]
        skip: [{glob: 'b*', match_against: filename}]
        delimiter: tab
        rules:
          email: {column: email, masks: [*fixed]}
      - type: parallel
        tasks:
          - {<<: *task, name: second}
          - {<<: *task, name: third}
  - {<<: *task, rules: {column: a, masks: {type: hash}}}
",
    );
    let stages: Vec<_> = ruleset
        .tasks
        .iter()
        .map(|task| (task.path.as_str(), task.stage))
        .collect();
    assert_eq!(
        stages,
        [
            ("tasks[0].tasks[0]", 0),
            ("tasks[0].tasks[1].tasks[0]", 1),
            ("tasks[0].tasks[1].tasks[1]", 1),
            ("tasks[1]", 2),
        ],
    );
    let first = &ruleset.tasks[0];
    assert_eq!(first.text().delimiter, Some('\t'));
    assert_eq!(first.rules[0].label.as_deref(), Some("email"));
    assert_eq!(ruleset.tasks[1].name.as_deref(), Some("second"));
    for (path, selected) in [
        ("a.csv", true),
        ("deep/er/a.csv", true),
        ("deep/b.csv", false),
        ("a.parquet", false),
        ("in/a.parquet", true),
        ("in/x/y/a.parquet", true),
        ("x/readme", true),
        ("A.CSV", false),
    ] {
        assert_eq!(first.files().unwrap().selects(path), selected, "{path}");
    }
    let shallow = FileFilter {
        recurse: false,
        ..first.files().unwrap().clone()
    };
    assert_eq!(shallow.verdict("deep/a.csv"), Verdict::InFolder);
    assert!(shallow.selects("a.csv"));
}

#[test]
fn rules_come_out_flat() {
    let ruleset = sound(
        "version: '1.0'
skip_defaults: [null, '']
tasks:
  - type: mask_tabular_file
    hash_columns: [id, {column_name: mail, case_transform: lower, trim: true}]
    rules:
      - if:
          - {column: country, in: [NZ, AU]}
          - or: [{column: age, greater_than: 17}, {not: {column: age, is_null: false}}]
        rules:
          - {column: name, masks: [{type: hash}], hash_columns: null}
        else_rules:
          - {column: name, skip: [], masks: [{type: imitate}], hash_columns: [{source: self}]}
      - {columns: ['note_*', memo], skip: [{matches: '^x'}, 5], masks: [{type: hash, domain: note}]}
",
    );
    let rules = &ruleset.tasks[0].rules;
    assert_eq!(rules.len(), 3);
    assert!(rules[0].is_separate_from(&rules[1]));
    assert!(!rules[0].is_separate_from(&rules[2]));
    assert_eq!(rules[0].hash_columns.as_deref(), Some(&[][..]));
    let own = rules[1].hash_columns.as_ref().unwrap();
    assert_eq!(own[0].source, HashSource::Own);
    let tasks = rules[2].hash_columns.as_ref().unwrap();
    assert_eq!((tasks[1].case, tasks[1].trim), (Some(Case::Lower), true));

    let Some(Condition::All(both)) = &rules[0].condition else {
        panic!("{:?}", rules[0].condition);
    };
    assert!(matches!(&both[0], Condition::All(parts) if parts.len() == 2));
    assert!(matches!(&both[1], Condition::Not(skipped) if matches!(**skipped, Condition::Any(_))));
    assert!(matches!(&rules[1].condition, Some(Condition::Not(_))));
    let read: Vec<_> = rules[1]
        .columns_read()
        .iter()
        .map(|name| name.value.text.as_str())
        .collect();
    assert_eq!(read, ["country", "age", "age"]);

    let columns = &rules[2].columns;
    assert!(columns[0].matches("note_1") && !columns[0].matches("memo"));
    assert!(columns[1].matches("memo") && !columns[1].is_glob());
    assert_eq!(rules[2].masks[0].domain.as_deref(), Some("note"));
}

#[test]
fn nested_masks_are_listed() {
    let ruleset = sound(&with_rules(
        "- column: a
  masks:
    first:
      type: chain
      masks:
        inner: {type: replace_regex, regex: 'x+', masks: {type: from_fixed, value: y}}",
    ));
    let mask = &ruleset.tasks[0].rules[0].masks[0];
    assert_eq!(
        serde_json::Value::Object(mask.args.clone()).to_string(),
        r#"{"masks":[{"type":"replace_regex","regex":"x+","masks":[{"type":"from_fixed","value":"y"}]}]}"#,
    );
    assert_eq!(mask.node.span_of("masks[0].masks[0].value").start.line, 10);
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
fn one_file_in_the_place_of_another() {
    let (_, _, problems) = load(&[("r.yml", RULES)], &[]);
    assert_eq!(
        problems,
        "error[V0208]: this is a ruleset, and a pipeline is asked for\n \
         --> r.yml:1:1\n\
         1 | version: '1.0'\n  \
         | ^^^^^^^\n  \
         = help: name it as `ruleset` in a pipeline, which also has `connections`, `source` and `destination`\n",
    );
    let pipeline = "version: '1.0'\nconnections:\n  a: {type: mounted_share_connection, base_directory: a}\n  \
                    b: {type: mounted_share_connection, base_directory: b}\nsource: a\ndestination: b\nruleset: p.yml\n";
    let (_, ruleset, problems) = load(&[("p.yml", pipeline)], &[]);
    assert!(ruleset.is_none());
    assert_eq!(codes_in(&problems), ["V0208"], "{problems}");
    assert!(problems.contains("this is a pipeline, and a ruleset is asked for"));
}

#[test]
fn a_sound_pipeline() {
    let text = "version: '1.0'
name: nightly
connections:
  in: {type: mounted_share_connection, base_directory: data}
  lake:
    type: s3_connection
    bucket: ${BUCKET}-masked
    base_directory: /out/
    path_style: ${STYLE}
    access_key_id: ${ID}
    secret_access_key: file:secrets/key.txt
  blob: {type: azure_blob_connection, container: c, connection_string: 'AccountName=$${x}'}
  goo: {type: gcs_connection, bucket: b, service_account: {file: secrets/key.txt}}
source: {connection: in, path: today/}
destination: lake
ruleset: rules/crm.yml
libraries: libs
options:
  run_secret: ${SECRET}
  memory_limit: 1GiB
  workers: 2
  unmatched: copy
  csv: {delimiter: ';', null_string: 'NULL'}
";
    let files = [
        ("p.yml", text),
        ("rules/crm.yml", RULES),
        ("secrets/key.txt", "hunter2\r\n"),
    ];
    let secret = "a run secret of some length";
    let environment = [
        ("BUCKET", "lake"),
        ("STYLE", "true"),
        ("ID", "007"),
        ("SECRET", secret),
    ];
    let (pipeline, ruleset, problems) = load(&files, &environment);
    assert_eq!(problems, "");
    let pipeline = pipeline.unwrap();
    let ConnectionKind::S3 {
        bucket,
        base_directory,
        path_style,
        access_key,
        ..
    } = &pipeline.connection("lake").unwrap().kind
    else {
        panic!("lake is an S3 connection");
    };
    assert_eq!(
        (bucket.as_str(), base_directory.as_str(), *path_style),
        ("lake-masked", "out", Some(true))
    );
    let (id, key) = access_key.as_ref().unwrap();
    assert_eq!((id.expose(), key.expose()), ("007", "hunter2"));
    let ConnectionKind::AzureBlob {
        connection_string, ..
    } = &pipeline.connection("blob").unwrap().kind
    else {
        panic!("blob is an Azure connection");
    };
    assert_eq!(
        connection_string.as_ref().unwrap().expose(),
        "AccountName=${x}"
    );
    assert_eq!(pipeline.source.path, "today");
    assert_eq!(pipeline.options.memory_limit_bytes, 1 << 30);
    assert_eq!(pipeline.options.unmatched, Unmatched::Copy);
    assert_eq!(ruleset.unwrap().tasks[0].text().delimiter, Some(';'));
    let debug = format!("{pipeline:?}");
    assert!(
        !debug.contains("hunter2") && !debug.contains(secret),
        "{debug}"
    );
}

#[test]
fn pipeline_problems_by_code() {
    let pipeline = |rest: &str| {
        format!(
            "version: '1.0'\nconnections:\n  in: {{type: mounted_share_connection, base_directory: i}}\n  \
             out: {{type: mounted_share_connection, base_directory: o}}\nruleset: r.yml\n{rest}\n"
        )
    };
    let options = |options: &str| {
        pipeline(&format!(
            "source: in\ndestination: out\noptions: {{{options}}}"
        ))
    };
    let connection = |connection: &str| {
        format!(
            "version: '1.0'\nconnections:\n  in: {connection}\n  out: {{type: mounted_share_connection, base_directory: o}}\n\
             source: in\ndestination: out\nruleset: r.yml\n"
        )
    };
    for (text, codes) in [
        (pipeline("source: in\ndestination: out"), vec![]),
        (pipeline("source: inn\ndestination: out"), vec!["V0301"]),
        (
            pipeline("source: {connection: inn, path: ../x}\ndestination: out"),
            vec!["V0301", "V0305"],
        ),
        (pipeline("destination: out"), vec!["V0203"]),
        (pipeline("source: in"), vec!["V0302"]),
        (pipeline("source: in\ndestination: in"), vec!["V0303"]),
        (
            pipeline("source: in\ndestination: {connection: in, path: x}"),
            vec![],
        ),
        (
            pipeline("source: in\ndestination: {connection: out, path: ../x}"),
            vec!["V0305"],
        ),
        (pipeline("source: in\noptions: {in_place: true}"), vec![]),
        (
            pipeline("source: in\ndestination: out\noptions: {in_place: true}"),
            vec!["V0304"],
        ),
        (options("max_rows: 10"), vec!["V0308"]),
        (options("batch_size: 10"), vec!["V0921"]),
        (options("memory_limit: lots"), vec!["V0205"]),
        (options("memory_limit: 1MiB"), vec!["V0205"]),
        (options("memory_limit: 16MiB"), vec![]),
        (options("memory_limit: 0"), vec!["V0205"]),
        (options("memory_limit: 512 mib"), vec![]),
        (options("unmatched: cpy"), vec!["V0205"]),
        (options("coverage: strict, csv: {ragged: keep}"), vec![]),
        (options("run_secret: 'short'"), vec!["V0306"]),
        (options("run_secret: '0123456789abcdef'"), vec!["V0307"]),
        (options("run_secret: '${NOPE}'"), vec!["V0801"]),
        (options("run_secret: '${NO'"), vec!["V0802"]),
        (options("run_secret: file:nope.txt"), vec!["V0803"]),
        (options("wrokers: 2"), vec!["V0202"]),
        (options("csv: {null_string: NULL}"), vec!["V0204"]),
        (
            connection("{db_type: informix, host: x}"),
            vec!["V0911", "V0405"],
        ),
        (connection("{type: s3}"), vec!["V0205"]),
        (connection("{bucket: x}"), vec!["V0203"]),
        (
            connection("{type: s3_connection, bucket: x, access_key_id: a}"),
            vec!["V0309"],
        ),
        (
            connection("{type: s3_connection, bucket: x, region: [a]}"),
            vec!["V0204"],
        ),
        (
            connection("{type: azure_blob_connection, container: x}"),
            vec!["V0309"],
        ),
        (
            connection("{type: azure_blob_connection, container: x, emulator: true}"),
            vec![],
        ),
        (
            connection("{type: gcs_connection, bucket: x, base_directory: a/../..}"),
            vec!["V0305"],
        ),
    ] {
        let (_, ruleset, drawn) = load(&[("p.yml", &text), ("r.yml", RULES)], &[]);
        assert_eq!(codes_in(&drawn), codes, "{text}\n{drawn}");
        assert!(
            ruleset.is_some(),
            "the ruleset is checked in any case: {text}"
        );
    }
    let (_, _, drawn) = load(&[("nope.yml", "a: 1\na: 2\n")], &[]);
    assert_eq!(
        codes_in(&drawn),
        [
            "V0201", "V0202", "V0203", "V0203", "V0203", "V0302", "V0105"
        ],
        "{drawn}"
    );
}

#[test]
fn a_missing_variable_as_drawn() {
    let text = "version: '1.0'
connections:
  in: {type: mounted_share_connection, base_directory: 'a/${HOME_OF_DATA}/b'}
source: in
ruleset: {tasks: [{type: mask_tabular_file, rules: {column: a, masks: {type: from_fixed, value: '${1}'}}}]}
options: {in_place: true}
";
    let (_, _, drawn) = load(&[("p.yml", text)], &[]);
    assert_eq!(
        drawn,
        "error[V0801]: the environment variable `HOME_OF_DATA` is not set\n \
         --> p.yml:3:59\n\
         3 |   in: {type: mounted_share_connection, base_directory: 'a/${HOME_OF_DATA}/b'}\n  \
         |                                                           ^^^^^^^^^^^^^^^\n  \
         = help: set `HOME_OF_DATA`, or write `$${HOME_OF_DATA}` for the text itself\n",
    );
}

const PIPELINE: &str = "version: '1.0'
connections:
  in: {type: mounted_share_connection, base_directory: i}
source: in
ruleset: r.yml
libraries: [libs]
options: {in_place: true}
";

#[test]
fn references() {
    let library = "version: '1.0'
masks:
  fixed: {type: from_fixed, value: x}
  chained: {type: chain, masks: [{$ref: '#masks/fixed'}, {$ref: '#other/list/1'}]}
  loop: {type: chain, masks: [{$ref: '#masks/loop'}]}
  away: {$ref: 'other/lib#masks/x'}
tabular_file_rules:
  email: {column: email, masks: {$ref: '#masks/chained'}}
other:
  list: [{type: hash}, {type: do_nothing}]
";
    let rules = |import: &str, rule: &str| {
        format!(
            "version: '1.0'\nimports: [{import}]\ntasks:\n- type: mask_tabular_file\n  rules: [{rule}]\n"
        )
    };
    let to = |path: &str| {
        rules(
            "acme/common",
            &format!("{{column: a, masks: {{$ref: '{path}'}}}}"),
        )
    };
    for (text, codes, message) in [
        (
            rules(
                "acme/common",
                "{$ref: 'acme/common#tabular_file_rules/email'}",
            ),
            vec![],
            "",
        ),
        (to("acme/common#other/list/0"), vec![], ""),
        (
            to("acme/common#masks/fixd"),
            vec!["V0707"],
            "nearest: `fixed`",
        ),
        (
            to("acme/common#other/list/2"),
            vec!["V0707"],
            "no index of a list of 2",
        ),
        (to("acme/common#mask/x"), vec!["V0704"], "nearest: `masks`"),
        (
            to("acme/commn#masks/x"),
            vec!["V0705"],
            "nearest: `acme/common`",
        ),
        (to("acme/common"), vec!["V0706"], "has no `#`"),
        (to("acme/common#a#b"), vec!["V0706"], "more than one `#`"),
        (to("acme/common#"), vec!["V0706"], "no path"),
        (to("acme/common#/masks"), vec!["V0706"], "begins with `/`"),
        (to("acme/common#masks//x"), vec!["V0706"], "empty part"),
        (
            to("#masks/x"),
            vec!["V0706"],
            "begins with the name of a library",
        ),
        (to("acme/common#masks/loop"), vec!["V0708"], "leads back"),
        (
            to("acme/common#masks/away"),
            vec!["V0703"],
            "only refer to itself",
        ),
        (
            rules(
                "acme/nope",
                "{column: a, masks: {$ref: 'acme/nope#masks/x'}}",
            ),
            vec!["V0702"],
            "libs",
        ),
        (
            rules("../up", "{column: a, masks: {type: hash}}"),
            vec!["V0701"],
            "leads out",
        ),
        (
            rules("a//b", "{column: a, masks: {type: hash}}"),
            vec!["V0701"],
            "empty part",
        ),
        (
            rules("/a", "{column: a, masks: {type: hash}}"),
            vec!["V0701"],
            "neither begins",
        ),
        (
            rules(
                "acme/common, acme/common",
                "{column: a, masks: {type: hash}}",
            ),
            vec!["V0711"],
            "",
        ),
        (
            rules(
                "acme/common",
                "{column: a, masks: {$ref: 'acme/common#masks/fixed', value: 1}}",
            ),
            vec!["V0709"],
            "",
        ),
        (
            rules(
                "acme/common",
                "{column: a, masks: {type: {$ref: 'acme/common#masks/fixed'}}}",
            ),
            vec!["V0710"],
            "",
        ),
        (
            rules("acme/common", "{column: a, masks: {$ref: [x]}}"),
            vec!["V0204"],
            "",
        ),
        (
            rules(
                "acme/importing",
                "{column: a, masks: {$ref: 'acme/importing#masks/x'}}",
            ),
            vec!["V0703"],
            "acme/importing.yml:2:1",
        ),
        (
            rules(
                "acme/wrong",
                "{column: a, masks: {$ref: 'acme/wrong#masks/x'}}",
            ),
            vec!["V0707", "V0202"],
            "nearest: `masks`",
        ),
        (
            rules(
                "acme/bomb",
                "{column: a, masks: {$ref: 'acme/bomb#other/m9'}}",
            ),
            vec!["V0109"],
            "",
        ),
    ] {
        let bomb: String = (1..10)
            .map(|i| {
                format!(
                    "  m{i}: [{}]\n",
                    vec![format!("{{$ref: '#other/m{}'}}", i - 1); 10].join(", ")
                )
            })
            .collect();
        let bomb = format!("version: '1.0'\nother:\n  m0: {{type: hash}}\n{bomb}");
        let files = [
            ("p.yml", PIPELINE),
            ("r.yml", &text),
            ("libs/acme/common.yml", library),
            ("libs/acme/importing.yml", "version: '1.0'\nimports: [x]\n"),
            ("libs/acme/wrong.yml", "version: '1.0'\nmaks: {}\n"),
            ("libs/acme/bomb.yml", &bomb),
        ];
        let (_, ruleset, drawn) = load(&files, &[]);
        assert_eq!(codes_in(&drawn), codes, "{text}\n{drawn}");
        assert!(drawn.contains(message), "{drawn}");
        if codes.is_empty() {
            assert!(!ruleset.unwrap().tasks[0].rules[0].masks.is_empty());
        }
    }
}

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
