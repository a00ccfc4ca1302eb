//! `mask_unique_key`: a key gets new values, and so does every column that refers to it.
//!
//! It is a `mask_table` task whose rules are `imitate_unique` on each column of the key.

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::identifier::Identifier;
use super::keys;
use super::node::{Kind, Node};
use super::rule::Rule;
use super::source::Spanned;
use super::table_task::{Cascade, TableTask, table, table_name};

/// The mask of a key's columns.
const MASK: &str = "imitate_unique";

/// Reads the rules of the task, and what it works on.
pub(super) fn parse(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Vec<Rule>, TableTask)> {
    let node = match (fields.get("key"), fields.get("target_key")) {
        (Some(_), Some(_)) => {
            let message = "`key` and `target_key` are the same";
            let place = fields.key_span("target_key");
            diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(place, ""));
            return None;
        }
        (None, None) => {
            let message = "the task needs `key`: the column or columns of the key";
            let place = fields.key_span("type");
            diagnostics.push(Diagnostic::new(&codes::MISSING_KEY, message).at(place, ""));
            return None;
        }
        (one, other) => one.or(other)?,
    };
    refuse_format(fields, diagnostics);
    let items = fields::one_or_many(node);
    if items.is_empty() {
        fields::wrong_value(node, "the list of columns is empty", diagnostics);
    }
    let mut columns = Vec::with_capacity(items.len());
    for item in items {
        columns.extend(column(item, diagnostics));
    }
    let task = TableTask {
        table: table(fields, diagnostics)?,
        key: None,
        condition: None,
        strategy: None,
        batch_size: None,
        cascades: cascades(fields, diagnostics),
        joins: Vec::new(),
    };
    let rules = columns.iter().map(|column| Rule::of_key(column, MASK));
    Some((rules.collect(), task))
}

/// A column of the key: its name, or a mapping with it.
fn column(item: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<Identifier>> {
    let name = match item.kind {
        Kind::Map(_) => {
            let fields = Fields::new(item, "a column of a key", keys::TARGET_KEY, diagnostics)?;
            refuse_format(&fields, diagnostics);
            fields.name("key", diagnostics)?
        }
        _ => fields::named(item, diagnostics)?,
    };
    Some(name.map(|name| Identifier::parse(&name)))
}

fn refuse_format(fields: &Fields<'_>, diagnostics: &mut Diagnostics) {
    if fields.get("format").is_some() {
        let message = "new values of a key have the form of the old ones, and no `format`";
        diagnostics.push(
            Diagnostic::new(&codes::NO_KEY_FORMAT, message)
                .at(fields.key_span("format"), "")
                .help("remove it"),
        );
    }
}

/// Reads `additional_cascades`.
pub(super) fn cascades(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<Cascade> {
    let Some(node) = fields.get("additional_cascades") else {
        return Vec::new();
    };
    let Some(items) = node.as_seq() else {
        fields::wrong_type(node, "a list of tables", diagnostics);
        return Vec::new();
    };
    let cascades = items.iter().filter_map(|item| cascade(item, diagnostics));
    cascades.collect()
}

fn cascade(item: &Node, diagnostics: &mut Diagnostics) -> Option<Cascade> {
    let fields = Fields::new(item, "a cascade", keys::CASCADE, diagnostics)?;
    let table = fields.get("table");
    let table = table.and_then(|node| table_name(node, diagnostics));
    let listed = fields.get("columns")?;
    let Some(pairs) = listed.as_seq() else {
        fields::wrong_type(listed, "a list of pairs of columns", diagnostics);
        return None;
    };
    let mut columns = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let what = "a pair of columns";
        let pair = Fields::new(pair, what, keys::CASCADE_COLUMN, diagnostics)?;
        let source = pair.name("source", diagnostics);
        let target = pair.name("target", diagnostics);
        let named = |name: Spanned<String>| name.map(|name| Identifier::parse(&name));
        columns.extend(source.map(named).zip(target.map(named)));
    }
    if pairs.is_empty() {
        fields::wrong_value(listed, "the list of columns is empty", diagnostics);
    }
    Some(Cascade {
        table: table?,
        columns,
    })
}
