//! Tasks that work on the tables of a database.

use std::path::Path;

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::identifier::{Identifier, TableName};
use super::keys;
use super::node::Node;
use super::run_options::{MAX_BATCH_ROWS, Strategy};
use super::source::{Sources, Span, Spanned};
use super::task::TaskKind;
use super::unique_key;

/// What a `mask_table` task says besides its rules.
#[derive(Debug, Clone)]
pub struct TableTask {
    /// The table.
    pub table: Spanned<TableName>,
    /// What finds a row; the table's primary key when nothing is said.
    pub key: Option<RowKey>,
    /// SQL condition for the rows to mask; all when there is none. It does not end with `;` and is
    /// otherwise as it is written.
    pub condition: Option<Spanned<String>>,
    /// How the table is changed, in place of the pipeline's word.
    pub strategy: Option<Strategy>,
    /// Rows worked on at once, in place of the pipeline's word.
    pub batch_size: Option<usize>,
    /// Columns of other tables that follow columns of this one, where no foreign key says so.
    pub cascades: Vec<Cascade>,
    /// Tables whose columns rules may read beside each row.
    pub joins: Vec<Join>,
}

/// A table whose columns rules may read beside each row of a masked one.
#[derive(Debug, Clone)]
pub struct Join {
    /// The table.
    pub target: Spanned<TableName>,
    /// What it is joined with: the masked table, or one that was joined before.
    pub source: Spanned<TableName>,
    /// Its columns, each with the column of the other that has the same value.
    pub on: Vec<(Spanned<Identifier>, Spanned<Identifier>)>,
}

/// Columns of another table that follow columns of a masked one.
#[derive(Debug, Clone)]
pub struct Cascade {
    /// The other table.
    pub table: Spanned<TableName>,
    /// Pairs of a column of the masked table, and the one of the other table that has its values.
    pub columns: Vec<(Spanned<Identifier>, Spanned<Identifier>)>,
}

/// What finds a row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKey {
    /// The values of these columns, at least one.
    Columns(Vec<Spanned<Identifier>>),
    /// The place it lies at: `ROWID` or `ctid`.
    Place(Span),
}

impl TableTask {
    /// Reads the keys of `mask_table` but for its rules; nothing without a table.
    pub(super) fn parse(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let key = row_key(fields, diagnostics);
        let condition = fields.get("where");
        let condition = condition.and_then(|node| one_expression(node, diagnostics));
        let joins = joins(fields, diagnostics);
        let strategy = fields.get("strategy");
        let strategy = strategy.and_then(|node| Strategy::parse(node, diagnostics));
        let batch_size = fields.count("batch_size", MAX_BATCH_ROWS, diagnostics);
        Some(Self {
            table: table(fields, diagnostics)?,
            key,
            condition,
            strategy,
            batch_size,
            cascades: unique_key::cascades(fields, diagnostics),
            joins,
        })
    }
}

/// Reads a `run_sql` task.
pub(super) fn run_sql(
    fields: &Fields<'_>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<TaskKind> {
    let sql = match one_of(fields, ["sql", "sql_file"], diagnostics)? {
        ("sql", node) => fields::named(node, diagnostics)?,
        (_, node) => {
            let path = fields::named(node, diagnostics)?;
            let resolved = sources.resolve(path.span.file, &path.value);
            read_sql(&resolved, path.span, sources, diagnostics)?
        }
    };
    if sql.value.trim().is_empty() {
        let problem = Diagnostic::new(&codes::BAD_SQL, "there is no SQL in it");
        diagnostics.push(problem.at(sql.span, ""));
        return None;
    }
    Some(TaskKind::RunSql { sql })
}

fn read_sql(
    path: &Path,
    named_at: Span,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<String>> {
    let file = sources.read(path, Some(named_at), diagnostics)?;
    Some(Spanned {
        value: sources.text(file).to_owned(),
        span: named_at,
    })
}

/// Reads a `truncate_table` task.
pub(super) fn truncate_table(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TaskKind> {
    let table = table(fields, diagnostics)?;
    Some(TaskKind::TruncateTable { table })
}

/// Reads a `build_temp_table` task.
pub(super) fn build_temp_table(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TaskKind> {
    let table = one_of(fields, ["table", "table_name"], diagnostics);
    let table = table.and_then(|(_, node)| table_name(node, diagnostics));
    let select = one_of(fields, ["select", "sql_select_statement"], diagnostics);
    let select = select.and_then(|(_, node)| one_expression(node, diagnostics));
    Some(TaskKind::BuildTempTable {
        table: table?,
        select: select?,
    })
}

/// The table under `table`.
pub(super) fn table(
    fields: &Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<TableName>> {
    table_name(fields.get("table")?, diagnostics)
}

pub(super) fn table_name(node: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<TableName>> {
    let written = fields::named(node, diagnostics)?;
    match TableName::parse(&written.value) {
        Ok(name) => Some(written.map(|_| name)),
        Err(problem) => {
            diagnostics.push(
                Diagnostic::new(&codes::BAD_NAME, problem)
                    .at(node.span, "")
                    .help("write `table`, `schema.table` or, with letters as they are, `'\"Schema\".\"Table\"'`"),
            );
            None
        }
    }
}

/// The one of two keys that is given; none and both are reported.
fn one_of<'n>(
    fields: &Fields<'n>,
    keys: [&'static str; 2],
    diagnostics: &mut Diagnostics,
) -> Option<(&'static str, &'n Node)> {
    let [one, other] = keys.map(|key| fields.get(key).map(|node| (key, node)));
    let both = one.is_some() && other.is_some();
    if both || (one.is_none() && other.is_none() && !fields.map.lost_a_merge()) {
        let message = match both {
            true => format!("the task has both `{}` and `{}`", keys[0], keys[1]),
            false => format!("the task needs `{}` or `{}`", keys[0], keys[1]),
        };
        let place = fields.key_span(if both { keys[1] } else { "type" });
        diagnostics.push(Diagnostic::new(&codes::BAD_SQL, message).at(place, ""));
        return None;
    }
    one.or(other)
}

/// SQL that stands inside a statement of ours, so that `;` cannot end it.
fn one_expression(node: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<String>> {
    let sql = fields::named(node, diagnostics)?;
    let problem = match sql.value.trim_end() {
        "" => "there is no SQL in it",
        text if text.ends_with(';') => "the SQL ends with `;`, and more follows it",
        _ => return Some(sql),
    };
    diagnostics.push(Diagnostic::new(&codes::BAD_SQL, problem).at(node.span, ""));
    None
}

/// `key`, or by its other name `index_key_columns`.
fn row_key(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<RowKey> {
    let node = match (fields.get("key"), fields.get("index_key_columns")) {
        (Some(_), Some(_)) => {
            let message = "`key` and `index_key_columns` are the same";
            let place = fields.key_span("index_key_columns");
            diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(place, ""));
            return None;
        }
        (one, other) => one.or(other)?,
    };
    let items = fields::one_or_many(node);
    if items.is_empty() {
        fields::wrong_value(node, "the list of columns is empty", diagnostics);
    }
    let mut columns: Vec<Spanned<Identifier>> = Vec::new();
    for item in items {
        let column = fields::named(item, diagnostics)?.map(|name| Identifier::parse(&name));
        if is_place(&column.value) {
            if items.len() > 1 {
                let message = "a row's place finds it alone, without other columns";
                fields::wrong_value(item, message, diagnostics);
            }
            return Some(RowKey::Place(item.span));
        }
        if columns.iter().any(|other| other.value == column.value) {
            let message = format!("the column `{}` is listed twice", column.value.text);
            fields::wrong_value(item, message, diagnostics);
        }
        columns.push(column);
    }
    (!columns.is_empty()).then_some(RowKey::Columns(columns))
}

/// Whether a key is no column but the place of a row: `ROWID` of Oracle, `ctid` of PostgreSQL.
fn is_place(name: &Identifier) -> bool {
    match name.quoted {
        true => matches!(name.text.as_str(), "ROWID" | "ctid"),
        false => ["rowid", "ctid"].contains(&name.text.to_lowercase().as_str()),
    }
}

/// Reads `joins`.
fn joins(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<Join> {
    let Some(node) = fields.get("joins") else {
        return Vec::new();
    };
    let Some(items) = node.as_seq() else {
        fields::wrong_type(node, "a list of joins", diagnostics);
        return Vec::new();
    };
    let joins = items.iter().filter_map(|item| join(item, diagnostics));
    joins.collect()
}

fn join(item: &Node, diagnostics: &mut Diagnostics) -> Option<Join> {
    let fields = Fields::new(item, "a join", keys::JOIN, diagnostics)?;
    let [target, source] = ["target_table", "source_table"].map(|key| {
        let node = fields.get(key);
        node.and_then(|node| table_name(node, diagnostics))
    });
    let written = ["target_key", "source_key"]
        .map(|key| fields.get(key).map_or(&[][..], fields::one_or_many));
    let [target_key, source_key] = written.map(|items| {
        let names = items
            .iter()
            .filter_map(|item| fields::named(item, diagnostics));
        let names = names.map(|name| name.map(|name| Identifier::parse(&name)));
        names.collect::<Vec<_>>()
    });
    if written[0].len() != written[1].len() {
        let message = "the two keys have not the same number of columns";
        let place = fields.key_span("source_key");
        diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(place, ""));
        return None;
    }
    // A name that could not be read has been reported.
    if target_key.len() != source_key.len() {
        return None;
    }
    Some(Join {
        target: target?,
        source: source?,
        on: target_key.into_iter().zip(source_key).collect(),
    })
}
