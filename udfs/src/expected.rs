//! What to say about an argument that is not of its kind: the ruleset's words, and never the value.

/// Kinds of values as serde's messages call them, and as rulesets do.
const KINDS: &[(&str, &str)] = &[
    ("a boolean", "true or false"),
    ("a borrowed string", "text"),
    ("a character", "one character"),
    ("a map", "a mapping"),
    ("a sequence", "a list"),
    ("a string", "text"),
    ("f32", "a number"),
    ("f64", "a number"),
    ("i8", "a whole number from -128 to 127"),
    ("i16", "a whole number from -32768 to 32767"),
    ("i32", "a whole number of 32 bits"),
    ("i64", "a whole number"),
    ("i128", "a whole number"),
    ("isize", "a whole number"),
    // Of an enum that was given neither text nor a mapping.
    ("string or map", "a word"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("u128", "a whole number, 0 or more"),
    ("unit", "null"),
    ("usize", "a whole number, 0 or more"),
];

/// What serde's `message` says was expected, without the value that was found.
///
/// Names of unknown and missing keys are left in: they are no values.
pub(crate) fn expectation(message: &str) -> String {
    let quotes_a_value = [
        "invalid type: ",
        "invalid value: ",
        "invalid length ",
        "unknown variant ",
    ]
    .iter()
    .any(|start| message.starts_with(start));
    // The value may hold these words, too: the last ones are serde's.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quotes_a_value => format!("expected {}", in_rulesets(expected)),
        None if quotes_a_value => "expected another value".to_owned(),
        _ => message.to_owned(),
    }
}

fn in_rulesets(expected: &str) -> &str {
    let known = KINDS.iter().find(|(serde, _)| *serde == expected);
    match known {
        Some((_, ours)) => ours,
        None if expected.starts_with("struct ") || expected.starts_with("map with ") => "a mapping",
        None if expected.starts_with("tuple ") => "a list",
        None if expected.starts_with("a nonzero ") => "a whole number, 1 or more",
        None if expected.starts_with("enum ") => "a word",
        None => expected,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use serde_json::{Value, json};

    use super::*;
    use crate::bind::{Binder, MaskNode};
    use crate::examples::TestSeeds;
    use crate::key::Root;

    #[test]
    fn the_words_of_rulesets() {
        for (message, said) in [
            (
                r#"invalid type: string "x", expected usize"#,
                "expected a whole number, 0 or more",
            ),
            (
                "invalid value: integer `-1`, expected u8",
                "expected a whole number from 0 to 255",
            ),
            (
                r#"invalid type: string "a, expected b", expected f64"#,
                "expected a number",
            ),
            (
                "invalid type: null, expected struct Weighted",
                "expected a mapping",
            ),
            (
                "invalid type: integer `1`, expected string or map",
                "expected a word",
            ),
            (
                "unknown variant `x`, expected `a` or `b`",
                "expected `a` or `b`",
            ),
            (
                "unknown variant `x`, there are no variants",
                "expected another value",
            ),
            (
                "unknown field `x`, expected `a`",
                "unknown field `x`, expected `a`",
            ),
            ("missing field `value`", "missing field `value`"),
            (
                "expected a key, or an index from 0",
                "expected a key, or an index from 0",
            ),
        ] {
            assert_eq!(expectation(message), said);
        }
    }

    /// Every argument of every mask, given every kind of value, is refused without the value and in
    /// no words of Rust.
    #[test]
    fn no_argument_is_refused_in_other_words() {
        let wrong = [
            json!("5ecret"),
            json!(-540_540),
            json!(5.405_405),
            json!(["5ecret"]),
            json!({"5ecret": "5ecret"}),
        ];
        let mut refused = 0;
        for spec in crate::MASKS {
            for parameter in spec.parameters() {
                for value in &wrong {
                    let mut args: Value = serde_json::from_str(spec.examples[0].args).unwrap();
                    args["type"] = spec.name.into();
                    args[&parameter.name] = value.clone();
                    if let Some(message) = refusal(args.clone()) {
                        refused += 1;
                        // The key of a mapping may be named as one that is unknown.
                        let message = message.replace("unknown field `5ecret`", "");
                        let quoted = message.contains("5405") && !message.contains("seed file");
                        assert!(!quoted, "{args}: {message}");
                        for rust in [
                            "usize", "u64", "i64", "f64", "u32", "struct ", "enum ", "variant",
                            "sequence",
                        ] {
                            assert!(!message.contains(rust), "{args}: {message}");
                        }
                    }
                }
            }
        }
        assert!(refused > 300, "{refused}");
    }

    fn refusal(args: Value) -> Option<String> {
        let node: MaskNode = serde_json::from_value(args).unwrap();
        let (root, mut inputs) = (Root::new(b"a run secret for tests only", None), vec![]);
        let mut binder = Binder::new(&root, &TestSeeds, DataType::Utf8, &mut inputs);
        binder.chain(&[node]).err().map(|error| error.message)
    }
}
