//! Which number each record has, where a mask goes by it: they are counted through all files of a task.
//!
//! Parquet footers tell how many rows there are; text is read once more for it. What a run has counted
//! is in its journal, so that a run that goes on gives every record the number it had.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use visard_connectors::Numbers;
use visard_connectors::store::{Object, Store};
use visard_connectors::text;

use super::files::{Format, Shape};
use super::group::Batch;
use super::{Loaded, Planned};
use crate::language::{Diagnostic, Diagnostics, Span, codes};

/// Files that are counted together.
const AT_ONCE: usize = 16;

/// The numbers of a file's records, and the task they are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// Index of the task.
    pub task: usize,
    /// The numbers.
    pub numbers: Numbers,
}

/// A mask that goes by numbers.
#[derive(Debug)]
pub(super) struct Numbered {
    /// Index of its task.
    pub(super) task: usize,
    /// How many rows it has results for.
    pub(super) offered: u128,
    /// The column as the rule writes it.
    pub(super) span: Span,
}

/// Numbers the records of every file of `batches` that a mask asks for. Those in `known` keep theirs;
/// the others come behind them, by path. What is wrong is reported.
pub(super) async fn number<'b>(
    loaded: &Loaded,
    store: &Store,
    planned: &mut Planned,
    (known, batches): (&HashMap<String, Numbering>, impl Iterator<Item = &'b Batch>),
    diagnostics: &mut Diagnostics,
) {
    let mut wanted = BTreeMap::new();
    let mut masks = Vec::new();
    for batch in batches {
        let Some(first) = batch.resolved.numbered.first() else {
            continue;
        };
        let twice = batch
            .resolved
            .numbered
            .iter()
            .find(|mask| mask.task != first.task);
        if let Some(twice) = twice {
            let message = "two tasks make unique values in one file";
            diagnostics.push(
                Diagnostic::new(&codes::UNIQUE_TWICE, message)
                    .at(twice.span, "second")
                    .and(first.span, "first")
                    .help("put the rules for unique columns of a file into one task"),
            );
            continue;
        }
        masks.extend(&batch.resolved.numbered);
        let files = batch.files.iter();
        wanted.extend(files.map(|(file, shape)| (*file, (first.task, shape, &batch.format))));
    }
    let mut next: BTreeMap<usize, u64> = BTreeMap::new();
    for Numbering { task, numbers } in known.values() {
        let next = next.entry(*task).or_default();
        *next = numbers.end().max(*next);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = Arc::new(Semaphore::new(cores));
    let files = wanted.into_iter().map(|(file, (task, shape, format))| {
        let object = &planned.files[file].object;
        let known = known.get(&object.path).cloned();
        let workers = Arc::clone(&workers);
        async move {
            let counted = match known {
                Some(known) => Ok(Counted::Known(known)),
                None => count(store, object, shape, format, &workers)
                    .await
                    .map(Counted::New),
            };
            (file, task, counted)
        }
    });
    // In the order of their paths, whatever is counted first.
    let files: Vec<_> = futures::stream::iter(files)
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (file, task, counted) in files {
        let numbering = match counted {
            Ok(Counted::Known(numbering)) => numbering,
            Ok(Counted::New(slices)) => {
                let next = next.entry(task).or_default();
                let numbers = Numbers {
                    first: *next,
                    slices,
                };
                *next = numbers.end();
                Numbering { task, numbers }
            }
            Err(problem) => {
                let span = loaded.ruleset.tasks[task].span;
                diagnostics.push(
                    Diagnostic::new(&codes::FILE_REFUSED, problem)
                        .at(span, "a file of this task, whose records are counted"),
                );
                continue;
            }
        };
        planned.files[file].numbering = Some(numbering);
    }
    masks.sort_by_key(|mask| mask.span);
    masks.dedup_by_key(|mask| (mask.task, mask.span, mask.offered));
    for mask in masks {
        let rows = next.get(&mask.task).copied().unwrap_or(0);
        if u128::from(rows) > mask.offered {
            let message = format!(
                "the files of the task have {rows} rows, and the format offers {} texts",
                mask.offered
            );
            diagnostics.push(
                Diagnostic::new(&codes::TOO_FEW_VALUES, message)
                    .at(mask.span, "")
                    .help("let the format have more places, or its classes more characters"),
            );
        }
    }
}

enum Counted {
    /// By an earlier attempt of the run.
    Known(Numbering),
    /// Records of each slice.
    New(Vec<u64>),
}

async fn count(
    store: &Store,
    object: &Object,
    shape: &Shape,
    format: &Format,
    workers: &Arc<Semaphore>,
) -> Result<Vec<u64>, String> {
    match (shape, format) {
        (Shape::Parquet(shape), _) => Ok(shape.row_groups.iter().map(|group| group.rows).collect()),
        (Shape::Text { shape, .. }, Format::Text(options)) => {
            text::count_records(store, object, shape, options, workers)
                .await
                .map_err(|error| error.find_root().to_string())
        }
        (Shape::Text { .. }, Format::Parquet) => {
            Err("internal error: text read as Parquet".to_owned())
        }
    }
}
