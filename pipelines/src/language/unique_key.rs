//! `mask_unique_key`: a key gets new values, and so does every column that refers to it.
//!
//! It is a `mask_table` task whose rules are `imitate_unique` on each column of the key, with the column's format
//! where there is one.

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::identifier::Identifier;
use super::keys;
use super::mask::MaskNode;
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
    let items = fields::one_or_many(node);
    if items.is_empty() {
        fields::wrong_value(node, "the list of columns is empty", diagnostics);
    }
    let format = format(fields, diagnostics).filter(|format| {
        let is_of_one = items.len() < 2;
        if !is_of_one {
            let message = "the key has several columns, and a format is of one of them";
            diagnostics.push(
                Diagnostic::new(&codes::WRONG_VALUE, message)
                    .at(format.span, "")
                    .help("write it beside the column: `target_key: [{key: …, format: …}]`"),
            );
        }
        is_of_one
    });
    let mut rules = Vec::with_capacity(items.len());
    for item in items {
        let Some((column, own)) = column(item, diagnostics) else {
            continue;
        };
        let format = own.or_else(|| format.clone());
        let mask = MaskNode::with_texts(MASK, column.span, format.map(|format| ("format", format)));
        rules.push(Rule::of_key(&column, mask));
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
    Some((rules, task))
}

/// A column of the key: its name, or a mapping with it; and its format.
fn column(
    item: &Node,
    diagnostics: &mut Diagnostics,
) -> Option<(Spanned<Identifier>, Option<Spanned<String>>)> {
    let (name, format) = match item.kind {
        Kind::Map(_) => {
            let fields = Fields::new(item, "a column of a key", keys::TARGET_KEY, diagnostics)?;
            let format = format(&fields, diagnostics);
            (fields.name("key", diagnostics)?, format)
        }
        _ => (fields::named(item, diagnostics)?, None),
    };
    Some((name.map(|name| Identifier::parse(&name)), format))
}

fn format(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Spanned<String>> {
    fields.get("format")?;
    fields.name("format", diagnostics)
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
