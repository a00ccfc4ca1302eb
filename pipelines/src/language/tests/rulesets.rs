//! Rulesets: what they come to, and their problems.

use super::*;

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
        (of_type("mask_unique_key\n  table: x\n  key: a\n  format: x"), vec![]),
        (of_type("mask_unique_key\n  table: x\n  key: [a, b]\n  format: x"), vec!["V0205"]),
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
