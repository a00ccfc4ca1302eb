//! The YAML below the language: values, places, secrets, problems.

use super::*;

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
