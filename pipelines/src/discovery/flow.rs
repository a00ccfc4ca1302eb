//! Values as YAML writes them within a line: `{type: phone, on_invalid: suppress}`.

use serde_json::Value;

/// Keys that people look for first.
const FIRST: [&str; 2] = ["type", "name"];
/// Plain texts that YAML, or readers of older YAML, take for something else.
const NO_TEXTS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// `value` in one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let first = FIRST.iter().filter_map(|key| map.get_key_value(*key));
            let rest = map.iter().filter(|(key, _)| !FIRST.contains(&key.as_str()));
            let entries = first.chain(rest);
            let entries = entries.map(|(key, value)| format!("{}: {}", scalar(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// `text` as a value, in quotes where it needs them.
pub(super) fn scalar(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | ' ');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(is_word)
        && !text.ends_with(' ')
        && !NO_TEXTS.contains(&text.to_ascii_lowercase().as_str());
    match text.chars().any(char::is_control) {
        _ if is_plain => text.to_owned(),
        true => escaped(text),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// `text` in double quotes, on one line.
fn escaped(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::language::{Diagnostics, Sources, yaml};

    #[test]
    fn values_come_back_as_they_went() {
        for (value, written) in [
            (
                json!({"on_invalid": "suppress", "type": "phone"}),
                "{type: phone, on_invalid: suppress}",
            ),
            (
                json!(["a b", "", "no", "1.0", "a: b", "it's", "#x", "a,b"]),
                "[a b, '', 'no', '1.0', 'a: b', 'it''s', '#x', 'a,b']",
            ),
            (json!(["a\nb", "\u{7f}"]), "[\"a\\u000ab\", \"\\u007f\"]"),
            (json!([null, true, 1.5, -3]), "[null, true, 1.5, -3]"),
        ] {
            let found = flow(&value);
            assert_eq!(found, written);
            let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
            let file = sources.add("a.yml".as_ref(), found.into_bytes(), &mut diagnostics);
            let node = yaml::parse(file.unwrap(), &mut sources, &mut diagnostics).unwrap();
            assert_eq!(node.to_json(), value);
        }
    }
}
