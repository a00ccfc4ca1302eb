//! The files of a pipeline as masked tables that queries can be asked of.
//!
//! Files that a run would mask alike (one format, one schema, the same tasks) are one table, with all
//! their columns. Masks, keys, draws and places are those of a run, so a query sees what a run writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use serde_json::Value;
use visard_connectors::{
    NUMBER_COLUMN, PATH_COLUMN, RAW_COLUMN, ROW_COLUMN, SPAN_COLUMN, UnitTable,
};
use visard_engine::udfs::Root;
use visard_engine::{MaskedTable, Places};

use super::group::{Batch, Written, masked_columns, open_group};
use super::names::{Nameless, names};
use super::plan::{Done, Planned, batches, refused};
use super::{Loaded, Stores};
use crate::language::{Diagnostic, Diagnostics, Ruleset, Span, codes};

/// The mask that needs all rows of a unit at once.
pub(super) const SHUFFLE: &str = "secure_shuffle";
/// Masks that need all rows of a run before they can mask one.
const OF_WHOLE_RUNS: [&str; 2] = ["from_unique", SHUFFLE];

/// Files as one masked table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The paths of its files; none of a table of a database.
    pub files: Vec<String>,
    /// The table of a database that it is.
    pub of_database: Option<String>,
    /// Its columns.
    pub columns: Vec<TableColumn>,
    /// The table, for queries.
    pub masked: MaskedTable,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// What is masked of it, by path, with the names of the masks; empty when nothing is.
    pub masked: Vec<(String, String)>,
}

impl TableColumn {
    /// The columns of a table, of which `masked` says what is masked.
    pub(super) fn all(
        table: &MaskedTable,
        mut masked: impl FnMut(&str) -> Vec<(String, String)>,
    ) -> Vec<Self> {
        let schema = table.schema();
        let columns = schema.fields().iter().map(|field| Self {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            masked: masked(field.name()),
        });
        columns.collect()
    }
}

/// Lists the source and makes tables of what tasks select, with masks under `root`. Nothing comes back
/// where there are errors.
pub async fn tables(
    loaded: &Loaded,
    stores: &Stores,
    root: &Root,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Table>> {
    refuse_masks_of_whole_runs(&loaded.ruleset, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let done = Done::default();
    let (planned, mut batches) = batches(loaded, stores, root, &done, diagnostics).await?;
    // A file of zero bytes is a table without columns.
    batches.retain(|batch| !batch.columns.0.is_empty());
    let nameless: Vec<_> = batches
        .iter()
        .map(|batch| {
            let task = &loaded.ruleset.tasks[batch.tasks[0]];
            let files = batch.files.iter();
            Nameless {
                paths: files.map(|(file, _)| path(&planned, *file)).collect(),
                otherwise: task.name.as_deref().unwrap_or("files"),
            }
        })
        .collect();
    let names = names(&nameless);
    let mut tables = Vec::with_capacity(batches.len());
    for (name, batch) in names.into_iter().zip(batches) {
        if batch.columns.are_by_number() {
            refuse_names(loaded, &planned, &batch, diagnostics);
            continue;
        }
        match table(loaded, stores, &planned, name, batch) {
            Ok(table) => tables.push(table),
            Err(problem) => refused(loaded, problem, diagnostics),
        }
    }
    (!diagnostics.has_errors()).then_some(tables)
}

fn path(planned: &Planned, file: usize) -> &str {
    &planned.files[file].object.path
}

fn table(
    loaded: &Loaded,
    stores: &Stores,
    planned: &Planned,
    name: String,
    batch: Batch,
) -> Result<Table, String> {
    let Batch {
        files,
        resolved,
        columns,
        format,
        ..
    } = batch;
    let paths = files
        .iter()
        .map(|(file, _)| path(planned, *file).to_owned());
    let paths: Vec<String> = paths.collect();
    let mut masks: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for column in &columns.0 {
        if let Some(steps) = resolved.steps.get(&column.path) {
            let labels: Vec<&str> = steps.iter().map(|step| step.mask.label()).collect();
            let of_root = masks.entry(column.root.clone()).or_default();
            of_root.push((column.path.clone(), labels.join(" | ")));
        }
    }
    let typed: Vec<String> = columns.names().map(str::to_owned).collect();
    let group = open_group(
        loaded,
        stores,
        planned,
        (files, format),
        &columns,
        &typed,
        Written::default(),
    )?;
    let slices = 0..group.source.slices();
    let most = slices.map(|slice| group.group.memory_of(slice, 0)).max();
    let options = &loaded.pipeline.options;
    // Reading takes half of the memory at most, and leaves the other half to the query.
    let affordable = options.memory_limit_bytes / 2 / most.unwrap_or(0).max(1);
    let affordable = usize::try_from(affordable).unwrap_or(usize::MAX).max(1);
    let masked = MaskedTable::try_new(
        Arc::new(UnitTable(group.source.for_queries())),
        masked_columns(&columns, resolved.steps),
        Some(Places {
            path: PATH_COLUMN,
            row: ROW_COLUMN,
            number: NUMBER_COLUMN,
        }),
        &[PATH_COLUMN, ROW_COLUMN, RAW_COLUMN, SPAN_COLUMN],
    );
    let masked = masked
        .map_err(|error| error.strip_backtrace())?
        // Our readers keep values out of their errors.
        .with_source_errors()
        .with_workers(options.workers_or_cores().min(affordable));
    Ok(Table {
        name,
        files: paths,
        of_database: None,
        columns: TableColumn::all(&masked, |column| masks.remove(column).unwrap_or_default()),
        masked,
    })
}

/// The names of columns are shown to whoever asks, so they must not be values.
fn refuse_names(loaded: &Loaded, planned: &Planned, batch: &Batch, diagnostics: &mut Diagnostics) {
    let file = batch
        .files
        .first()
        .map_or("", |(file, _)| path(planned, *file));
    let message = format!("the first record of `{file}` does not look like a header");
    diagnostics.push(
        Diagnostic::new(&codes::NAMES_MAY_BE_VALUES, message)
            .at(loaded.ruleset.tasks[batch.tasks[0]].span, "")
            .help("name its columns: set `header: false` with `columns`, or `skip` it"),
    );
}

pub(super) fn refuse_masks_of_whole_runs(ruleset: &Ruleset, diagnostics: &mut Diagnostics) {
    for (kind, span) in uses_of(&OF_WHOLE_RUNS, ruleset) {
        let message = format!("`{kind}` needs all rows of a run, and a query reads only some");
        diagnostics.push(
            Diagnostic::new(&codes::NEEDS_A_RUN, message)
                .at(span, "")
                .help("mask with `visard run`, and query what it wrote"),
        );
    }
}

/// Where rules use one of the masks `kinds`, itself or in a mask that holds it.
pub(super) fn uses_of<'k>(
    kinds: &[&'k str],
    ruleset: &Ruleset,
) -> impl Iterator<Item = (&'k str, Span)> {
    let known = |kind: &str| kinds.iter().copied().find(|known| *known == kind);
    let rules = ruleset.tasks.iter().flat_map(|task| &task.rules);
    let masks = rules.flat_map(|rule| &rule.masks);
    masks.filter_map(move |mask| {
        let held = || mask.args.values().find_map(|arg| held_in(arg, &known));
        Some((known(&mask.kind).or_else(held)?, mask.span))
    })
}

fn held_in<T>(arg: &Value, known: &impl Fn(&str) -> Option<T>) -> Option<T> {
    match arg {
        Value::Array(items) => items.iter().find_map(|item| held_in(item, known)),
        Value::Object(args) => {
            let kind = args.get("type").and_then(Value::as_str);
            let found = kind.and_then(known);
            found.or_else(|| args.values().find_map(|arg| held_in(arg, known)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::language::{Language, MaskCatalogue, Parameter, Sources};

    /// Every mask, as if it were built.
    struct AllBuilt;

    impl MaskCatalogue for AllBuilt {
        fn is_built(&self, _: &str) -> bool {
            true
        }

        fn parameters(&self, _: &str) -> Option<Vec<Parameter>> {
            None
        }
    }

    #[test]
    fn masks_of_whole_runs_are_refused_wherever_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        for (masks, found) in [
            ("{type: hash}", None),
            ("{type: secure_shuffle}", Some("`secure_shuffle`")),
            (
                "{type: chain, masks: [{type: hash}, {type: from_unique}]}",
                Some("`from_unique`"),
            ),
            (
                "{type: json, transforms: [{path: [a], masks: [{type: secure_shuffle}]}]}",
                Some("`secure_shuffle`"),
            ),
        ] {
            let text = format!(
                "version: '1.0'\nconnections:\n  in: {{type: mounted_share_connection, base_directory: in}}\n  \
                 out: {{type: mounted_share_connection, base_directory: out}}\n\
                 source: in\ndestination: out\nruleset:\n  version: '1.0'\n  tasks:\n    \
                 - type: mask_tabular_file\n      rules:\n        - column: a\n          masks: [{masks}]\n"
            );
            let path = folder.path().join("pipeline.yml");
            std::fs::write(&path, text).unwrap();
            let language = Language {
                masks: &AllBuilt,
                environment: &BTreeMap::new(),
            };
            let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
            let (_, ruleset) = language.load(Path::new(&path), &mut sources, &mut diagnostics);
            assert!(!diagnostics.has_errors(), "{masks}: {diagnostics:?}");
            refuse_masks_of_whole_runs(&ruleset.unwrap(), &mut diagnostics);
            let messages: Vec<&str> = diagnostics.iter().map(|d| d.message.as_str()).collect();
            match found {
                None => assert_eq!(messages, [""; 0]),
                Some(named) => assert!(messages[0].starts_with(named), "{messages:?}"),
            }
        }
    }
}
