//! Values that may be secrets under a wrong name.
//!
//! Who misspells `password` has written a password all the same. So what stands in a connection or in
//! the options under a key that means nothing there is kept out of every excerpt, and so is whatever
//! stands in a connection where a single value should.

use super::connection;
use super::fields::KeySpec;
use super::keys;
use super::node::{Kind, Node};
use super::source::Span;

/// The places of such values in a pipeline.
pub(super) fn places(pipeline: &Node) -> Vec<Span> {
    let mut places = Vec::new();
    let connections = pipeline.get("connections").and_then(Node::as_map);
    for entry in connections.iter().flat_map(|map| &map.entries) {
        let connection = &entry.value;
        under_unknown_keys(connection, connection::keys_of(connection), &mut places);
        let parts = connection.as_map().map_or(&[][..], |map| &map.entries);
        for part in parts.iter().map(|part| &part.value) {
            if part.as_map().is_some() || part.as_seq().is_some() {
                all_values(part, &mut places);
            }
        }
    }
    if let Some(options) = pipeline.get("options") {
        under_unknown_keys(options, keys::OPTIONS, &mut places);
    }
    places
}

fn under_unknown_keys(node: &Node, keys: &[KeySpec], places: &mut Vec<Span>) {
    let entries = node.as_map().map_or(&[][..], |map| &map.entries);
    for entry in entries {
        if keys.iter().all(|key| key.name != &*entry.key.text) {
            all_values(&entry.value, places);
        }
    }
}

fn all_values(node: &Node, places: &mut Vec<Span>) {
    match &node.kind {
        Kind::Map(map) => {
            for entry in &map.entries {
                all_values(&entry.value, places);
            }
        }
        Kind::Seq(items) => items.iter().for_each(|item| all_values(item, places)),
        Kind::Null => {}
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) | Kind::Broken => {
            places.push(node.span);
        }
    }
}
