//! Where in a JSON document the values at a path stand.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use schemars::JsonSchema;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a key, or an index from 0")]
pub(super) enum Step {
    /// Into an array, counted from zero.
    Index(usize),
    /// Into an object; `*` stands for every member of an object and every item of an array.
    Key(String),
}

impl Step {
    /// Whether the step leads to every member or item.
    pub(super) fn is_every(&self) -> bool {
        matches!(self, Self::Key(key) if key == "*")
    }
}

/// A value of a document.
#[derive(Debug)]
pub(super) struct Place<'d> {
    /// Its bytes.
    pub(super) span: Range<usize>,
    /// What holds it, the document first.
    pub(super) within: Vec<&'d str>,
}

/// What a path leads to.
#[derive(Debug, Default)]
pub(super) struct Places<'d> {
    /// In the order of the document.
    pub(super) found: Vec<Place<'d>>,
    /// Whether a step of the path leads nowhere; `*` into an empty array or object does not.
    pub(super) missing: bool,
}

/// The values of `document` at `path`; `None` if it is no JSON.
pub(super) fn places<'d>(document: &'d str, path: &[Step]) -> Option<Places<'d>> {
    let root: &RawValue = serde_json::from_str(document).ok()?;
    let mut places = Places::default();
    follow(document, root.get(), path, &mut vec![], &mut places)?;
    Some(places)
}

/// The first value at `path` as masks see it; `None` if there is none, or `document` is no JSON.
pub(super) fn first(document: &str, path: &[Step]) -> Option<Option<String>> {
    let place = places(document, path)?.found.into_iter().next()?;
    text_of(&document[place.span])
}

/// The values at `path` seen from the innermost of `within`; `..` goes one out.
pub(super) fn relative<'d>(within: &[&'d str], path: &[Step]) -> Option<&'d str> {
    let is_out = |step: &&Step| matches!(step, Step::Key(key) if key == "..");
    let out = path.iter().take_while(is_out).count();
    let start = *within.get(within.len().checked_sub(out + 1)?)?;
    let mut places = Places::default();
    follow(start, start, &path[out..], &mut vec![], &mut places)?;
    let first = places.found.into_iter().next()?;
    start.get(first.span)
}

/// A JSON value as masks see it, nothing inside for `null`; `None` for a string that is no text, such as
/// half of a surrogate pair.
pub(super) fn text_of(raw: &str) -> Option<Option<String>> {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok().map(Some),
        Some(b'n') => Some(None),
        _ => Some(Some(raw.to_owned())),
    }
}

fn follow<'d>(
    document: &'d str,
    value: &'d str,
    path: &[Step],
    within: &mut Vec<&'d str>,
    places: &mut Places<'d>,
) -> Option<()> {
    let Some((step, rest)) = path.split_first() else {
        // A raw value is a piece of the document it was read from.
        let start = value.as_ptr() as usize - document.as_ptr() as usize;
        let within = within.clone();
        let span = start..start + value.len();
        places.found.push(Place { span, within });
        return Some(());
    };
    within.push(value);
    let (mut matched, mut empty) = (false, false);
    match value.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(value).ok()?;
            empty = members.is_empty();
            for (key, member) in members {
                if step.is_every() || matches!(step, Step::Key(wanted) if *wanted == key) {
                    matched = true;
                    follow(document, member.get(), rest, within, places)?;
                }
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            empty = items.is_empty();
            for (index, item) in items.into_iter().enumerate() {
                if step.is_every() || *step == Step::Index(index) {
                    matched = true;
                    follow(document, item.get(), rest, within, places)?;
                }
            }
        }
        _ => {}
    }
    places.missing |= !(matched || empty && step.is_every());
    within.pop();
    Some(())
}

/// The members of an object in their order, one name perhaps more than once.
struct Members<'d>(Vec<(Cow<'d, str>, &'d RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = vec![];
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// Borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'d>(#[serde(borrow)] Cow<'d, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, path: &str) -> Option<(Vec<String>, bool)> {
        let path: Vec<Step> = serde_json::from_str(path).unwrap();
        let places = places(document, &path)?;
        let text = |place: &Place<'_>| document[place.span.clone()].to_owned();
        Some((places.found.iter().map(text).collect(), places.missing))
    }

    #[test]
    fn values_at_paths() {
        let document =
            r#" {"a": {"b": [1, "x\"y", null]}, "a": 2, "c\u0064": {}, "l": [], "*": 5} "#;
        for (path, values, missing) in [
            (r#"["l"]"#, &["[]"][..], false),
            (r#"["a", "b", 1]"#, &[r#""x\"y""#], true),
            (r#"["a", "b", "*"]"#, &["1", r#""x\"y""#, "null"], true),
            (r#"["a"]"#, &[r#"{"b": [1, "x\"y", null]}"#, "2"], false),
            (r#"["cd"]"#, &["{}"], false),
            (r#"["cd", "*"]"#, &[], false),
            (r#"["l", "*", "x"]"#, &[], false),
            (r#"["l", 0]"#, &[], true),
            (r#"["none"]"#, &[], true),
            (r#"["a", "b", 3]"#, &[], true),
        ] {
            let expected = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(found(document, path), Some((expected, missing)), "{path}");
        }
        for text in ["", "{", r#"{"a": 1} x"#, "nul"] {
            assert_eq!(found(text, r#"["a"]"#), None, "{text}");
        }
    }

    #[test]
    fn values_beside_a_place() {
        let document = r#"{"id": 7, "people": [{"id": 8, "name": {"first": "Ann"}}]}"#;
        let path: Vec<Step> = serde_json::from_str(r#"["people", 0, "name", "first"]"#).unwrap();
        let places = places(document, &path).unwrap();
        for (path, value) in [
            (r#"["first"]"#, Some(r#""Ann""#)),
            (r#"["..", "id"]"#, Some("8")),
            (r#"["..", "..", "..", "id"]"#, Some("7")),
            (r#"["..", "..", "..", "..", "id"]"#, None),
            (r#"["id"]"#, None),
        ] {
            let path: Vec<Step> = serde_json::from_str(path).unwrap();
            assert_eq!(relative(&places.found[0].within, &path), value, "{path:?}");
        }
    }
}
