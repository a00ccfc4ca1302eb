//! Files become units in groups, and each group gets its plan.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use visard_connectors::store::{Object, Obstacle};
use visard_connectors::text::Ragged;
use visard_engine::ShuffleMemory;
use visard_engine::udfs::{PlaceUnit, Root};

use super::columns::FileColumns;
use super::files::{Format, contradiction, format_of, inspect, tasks_of};
use super::group::{Batch, GroupPlan};
use super::header::spelled_out;
use super::numbering::{Numbering, number};
use super::rules::{Resolved, Resolver};
use super::seeds::Seeds;
use super::{Loaded, Stores};
use crate::language::{
    self, Coverage, Diagnostic, Diagnostics, Task, Unmatched, codes, quoted_list,
};
use crate::run::bytes;

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is unit `unit` of group `group`.
    Mask {
        /// Index into [`Planned::groups`].
        group: usize,
        /// Number within the group.
        unit: usize,
    },
    /// It is copied as it is.
    Copy,
    /// Nothing, and why.
    Skip(String),
    /// Nothing, as it lies in an archive, though a task selects it.
    Archived,
    /// Nothing, as an earlier attempt of the run has done it.
    Done {
        /// Whether it was copied as it is.
        copied: bool,
    },
}

/// A file and what happens to it.
#[derive(Debug, Clone)]
pub struct FilePlan {
    /// The file.
    pub object: Object,
    /// What happens.
    pub action: Action,
    /// The numbers of its records, where a mask goes by them.
    pub numbering: Option<Numbering>,
}

impl FilePlan {
    fn new(object: Object, action: Action) -> Self {
        Self {
            object,
            action,
            numbering: None,
        }
    }
}

/// What an earlier attempt of a run has settled.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Paths of files that are left alone.
    pub files: HashSet<String>,
    /// The numbers of records that were counted, by path.
    pub numbered: HashMap<String, Numbering>,
}

/// A run before it starts.
#[derive(Default)]
pub struct Planned {
    /// Every file that was listed, by path.
    pub files: Vec<FilePlan>,
    /// The groups of files that are masked.
    pub groups: Vec<GroupPlan>,
}

/// Lists the source and plans what happens to each file that is not `done`.
/// Nothing comes back where there are errors.
pub async fn plan(
    loaded: &Loaded,
    stores: &Stores,
    root: &Root,
    done: &Done,
    diagnostics: &mut Diagnostics,
) -> Option<Planned> {
    let (mut planned, batches) = batches(loaded, stores, root, done, diagnostics).await?;
    let numbered = (&done.numbered, batches.iter());
    number(loaded, &stores.source, &mut planned, numbered, diagnostics).await;
    if diagnostics.has_errors() {
        return None;
    }
    // Gathered and sorted, values take three times as much for a moment.
    let memory = ShuffleMemory::new(loaded.pipeline.options.memory_limit_bytes / 16);
    for batch in batches {
        let files: Vec<usize> = batch.files.iter().map(|(index, _)| *index).collect();
        match batch.plan(loaded, stores, &planned, &memory).await {
            Ok(group) => {
                for (unit, index) in files.into_iter().enumerate() {
                    planned.files[index].action = Action::Mask {
                        group: planned.groups.len(),
                        unit,
                    };
                }
                planned.groups.push(group);
            }
            Err(problem) => refused(loaded, problem, diagnostics),
        }
    }
    little_room(loaded, stores, &planned, diagnostics);
    (!diagnostics.has_errors()).then_some(planned)
}

/// Warns of a destination that may have too little room for what is written: copies are about as large as their
/// sources, and take their place one after the other where they are the same files.
fn little_room(loaded: &Loaded, stores: &Stores, planned: &Planned, diagnostics: &mut Diagnostics) {
    let Some(free) = stores.target.free_room() else {
        return;
    };
    let written = planned.files.iter();
    let written = written
        .filter(|file| matches!(file.action, Action::Mask { .. } | Action::Copy))
        .map(|file| file.object.size);
    let needed: u64 = match stores.source.same_place(&stores.target) {
        true => written.max().unwrap_or(0),
        false => written.sum(),
    };
    if needed > free {
        let message = format!(
            "the files take about {} of room, and {} are free",
            bytes(needed),
            bytes(free)
        );
        let span = loaded.pipeline.destination.connection.span;
        diagnostics.push(Diagnostic::new(&codes::LITTLE_ROOM, message).at(span, ""));
    }
}

/// Reports files that cannot be read or written together.
pub(super) fn refused(loaded: &Loaded, problem: String, diagnostics: &mut Diagnostics) {
    let span = loaded.pipeline.source.connection.span;
    let diagnostic = Diagnostic::new(&codes::FILE_REFUSED, problem);
    diagnostics.push(diagnostic.at(span, ""));
}

/// Lists the source and puts files of one format and schema under the same tasks together, with their
/// masks bound under `root`. Nothing comes back where there are errors.
pub(super) async fn batches(
    loaded: &Loaded,
    stores: &Stores,
    root: &Root,
    done: &Done,
    diagnostics: &mut Diagnostics,
) -> Option<(Planned, Vec<Batch>)> {
    let listed = match stores.source.list().await {
        Ok(listed) => listed,
        Err(error) => {
            let span = loaded.pipeline.source.connection.span;
            let diagnostic = Diagnostic::new(&codes::CONNECTION_FAILED, error.to_string());
            diagnostics.push(diagnostic.at(span, ""));
            return None;
        }
    };
    let in_place = stores.source.same_place(&stores.target);
    let (planned, selected) = select(loaded, in_place, listed, &done.files, diagnostics);
    let looks: Vec<_> = selected
        .iter()
        .map(|(index, _, format)| (planned.files[*index].object.clone(), format.clone()))
        .collect();
    let shapes = inspect(&stores.source, looks).await;
    let seeds = Seeds::new(loaded.seed_folder.clone());
    let mut batches: IndexMap<(Vec<usize>, FileColumns, bool), Batch> = IndexMap::new();
    for ((index, tasks, format), shape) in selected.into_iter().zip(shapes) {
        let path = planned.files[index].object.path.clone();
        let mut shape = match shape {
            Ok(shape) => shape,
            Err(problem) => {
                let span = loaded.ruleset.tasks[tasks[0]].span;
                let diagnostic = Diagnostic::new(&codes::FILE_REFUSED, problem);
                diagnostics.push(diagnostic.at(span, "a file of this task"));
                continue;
            }
        };
        shape.hide_values(&spelled_out(
            tasks.iter().map(|task| &loaded.ruleset.tasks[*task]),
        ));
        let columns = shape.columns();
        let key = (tasks, columns, format == Format::Parquet);
        if let Some(batch) = batches.get_mut(&key) {
            batch.files.push((index, shape));
            continue;
        }
        let resolver = Resolver {
            ruleset: &loaded.ruleset,
            options: &loaded.pipeline.options,
            root,
            seeds: &seeds,
            file: &path,
            columns: &key.1,
            places: match format {
                Format::Parquet => PlaceUnit::Row,
                Format::Text(_) => PlaceUnit::Byte,
            },
            key: &[],
            diagnostics,
        };
        // A file of zero bytes has no columns, and so nothing a rule could miss.
        let resolved = match key.1.0.is_empty() {
            true => Resolved::default(),
            false => resolver.resolve(&key.0),
        };
        ragged_shuffles(&format, &resolved, diagnostics);
        let (tasks, columns) = (key.0.clone(), key.1.clone());
        batches.insert(
            key,
            Batch {
                files: vec![(index, shape)],
                tasks,
                resolved,
                columns,
                format,
            },
        );
    }
    if diagnostics.has_errors() {
        return None;
    }
    (!diagnostics.has_errors()).then(|| (planned, batches.into_values().collect()))
}

/// Refuses to exchange values where a record may lack the field for one.
fn ragged_shuffles(format: &Format, resolved: &Resolved, diagnostics: &mut Diagnostics) {
    let ragged = matches!(format, Format::Text(options) if options.ragged == Ragged::Keep);
    for (column, span) in resolved.shuffled.iter().filter(|_| ragged) {
        let message =
            format!("a record may lack the field of `{column}` for a value of another one");
        diagnostics.push(
            Diagnostic::new(&codes::BAD_MASK, message)
                .at(*span, "its values are exchanged by `secure_shuffle`")
                .help("let records without the field fail: `ragged: fail`"),
        );
    }
}

/// Which tasks each file is for, and how it is read.
fn select(
    loaded: &Loaded,
    in_place: bool,
    listed: Vec<Object>,
    done: &HashSet<String>,
    diagnostics: &mut Diagnostics,
) -> (Planned, Vec<(usize, Vec<usize>, Format)>) {
    let tasks = &loaded.ruleset.tasks;
    let mut planned = Planned::default();
    let mut selected = Vec::new();
    let mut selecting: HashSet<usize> = HashSet::new();
    for object in listed {
        let index = planned.files.len();
        let mut action = match loaded.pipeline.options.unmatched {
            Unmatched::Copy => Action::Copy,
            Unmatched::Skip | Unmatched::Fail => Action::Skip(String::new()),
        };
        if is_of_a_run(&object.path) {
            // Journals and secrets of our own are nobody's data, and never copied.
            let action = Action::Skip("it lies in a run folder of visard".to_owned());
            planned.files.push(FilePlan::new(object, action));
            continue;
        }
        let of_tasks = tasks_of(tasks, &object.path);
        let copied = of_tasks.is_err();
        if let (Err(reason), Action::Copy, Coverage::Strict) =
            (&of_tasks, &action, loaded.pipeline.options.coverage)
            && format_of(&object.path, &language::TextOptions::default()).is_some()
        {
            uncovered(loaded, &object, reason, diagnostics);
        }
        match of_tasks {
            Err(_) if object.obstacle.is_some() && action == Action::Copy => {
                action = Action::Skip(unreadable(&object));
            }
            Err(reason) if in_place && matches!(action, Action::Copy) => {
                action = Action::Skip(format!("{reason}; it stays where it is"));
            }
            Err(reason) => {
                if loaded.pipeline.options.unmatched == Unmatched::Fail {
                    not_selected(loaded, &object, &reason, diagnostics);
                }
                if let Action::Skip(why) = &mut action {
                    *why = match object.obstacle {
                        Some(_) => unreadable(&object),
                        None => reason,
                    };
                }
            }
            Ok(of_file) => {
                selecting.extend(&of_file);
                let task = &tasks[of_file[0]];
                if let Some(obstacle @ (Obstacle::Link | Obstacle::Special)) = object.obstacle {
                    let message = format!("`{}` {obstacle}", object.path);
                    diagnostics.push(
                        Diagnostic::new(&codes::FILE_REFUSED, message)
                            .at(task.span, "this task selects it")
                            .help("put the file itself there, or add it to `skip`"),
                    );
                } else if object.obstacle == Some(Obstacle::Archived) {
                    let message = format!("`{}` lies in an archive and is left out", object.path);
                    if loaded.ruleset.warn_on_glacier {
                        let diagnostic = Diagnostic::new(&codes::ARCHIVED, message);
                        diagnostics.push(diagnostic.at(task.span, ""));
                    }
                    action = Action::Archived;
                } else if let Some(format) = format_of(&object.path, task.text()) {
                    read_in_one_way(loaded, &object, &of_file, diagnostics);
                    selected.push((index, of_file, format));
                } else {
                    let message =
                        format!("`{}` is neither Parquet nor delimited text", object.path);
                    diagnostics.push(
                        Diagnostic::new(&codes::UNKNOWN_FORMAT, message)
                            .at(task.span, "this task selects it")
                            .help("files are told by their ending: .parquet, .csv, .tsv, .txt, and .gz, .zst, .bz2 behind; narrow `include`, or add it to `skip`"),
                    );
                }
                if matches!(action, Action::Copy) {
                    // Settled once its group is made.
                    action = Action::Skip(String::new());
                }
            }
        }
        if done.contains(&object.path) {
            selected.retain(|(selected, ..)| *selected != index);
            action = Action::Done { copied };
        }
        planned.files.push(FilePlan::new(object, action));
    }
    if selecting.is_empty() {
        diagnostics
            .push(nothing_selected(&planned.files).at(loaded.pipeline.source.connection.span, ""));
    } else {
        for (index, task) in tasks
            .iter()
            .enumerate()
            .filter(|(i, _)| !selecting.contains(i))
        {
            let message = format!(
                "`{}` selects no file",
                task.name.as_deref().unwrap_or(&task.path)
            );
            diagnostics.push(
                Diagnostic::new(&codes::TASK_SELECTS_NOTHING, message).at(tasks[index].span, ""),
            );
        }
    }
    (planned, selected)
}

fn nothing_selected(files: &[FilePlan]) -> Diagnostic {
    const SHOWN: usize = 3;
    if files.is_empty() {
        let message = "the source holds no file";
        return Diagnostic::new(&codes::NOTHING_SELECTED, message)
            .help("look at its base directory, and at `path` of `source`");
    }
    let message = match files.len() {
        1 => "no task selects the only file".to_owned(),
        count => format!("no task selects any of {count} files"),
    };
    let paths = files
        .iter()
        .take(SHOWN)
        .map(|file| file.object.path.as_str());
    Diagnostic::new(&codes::NOTHING_SELECTED, message).help(format!(
        "look at `include`, `skip` and `recurse` of the tasks; there are files such as {}",
        quoted_list(paths)
    ))
}

/// Why an object is left alone that cannot be read.
fn unreadable(object: &Object) -> String {
    let obstacle = object.obstacle.map(|obstacle| format!("it {obstacle}"));
    obstacle.unwrap_or_default()
}

/// Reports tasks that would read a file in another way than the first that selects it.
fn read_in_one_way(
    loaded: &Loaded,
    object: &Object,
    of_file: &[usize],
    diagnostics: &mut Diagnostics,
) {
    let Some((first, others)) = of_file.split_first() else {
        return;
    };
    let tasks = &loaded.ruleset.tasks;
    let first = &tasks[*first];
    for other in others.iter().map(|other| &tasks[*other]) {
        let Some(option) = contradiction(&object.path, first.text(), other.text()) else {
            continue;
        };
        let name = |task: &Task| task.name.clone().unwrap_or_else(|| task.path.clone());
        let message = format!(
            "the tasks `{}` and `{}` read `{}` with another `{option}` each",
            name(first),
            name(other),
            object.path
        );
        diagnostics.push(
            Diagnostic::new(&codes::READ_IN_TWO_WAYS, message)
                .at(other.span, "second")
                .and(first.span, "first")
                .help(format!(
                    "give both tasks one `{option}`, or set it for all under `csv` in the pipeline's `options`"
                )),
        );
    }
}

/// Whether the file at `path` lies where run folders are made by default.
fn is_of_a_run(path: &str) -> bool {
    path.starts_with(".visard/runs/") || path.contains("/.visard/runs/")
}

/// Reports a file whose columns no rule could name, and that would be at the destination as it is.
fn uncovered(loaded: &Loaded, object: &Object, reason: &str, diagnostics: &mut Diagnostics) {
    let options = loaded.pipeline.options.node.as_ref();
    let message = format!("`{}` would be copied unmasked: {reason}", object.path);
    diagnostics.push(
        Diagnostic::new(&codes::NOT_COVERED, message)
            .at_maybe(options.map(|node| node.span_of("coverage")), "")
            .help("add a task for it, or set `unmatched: skip`"),
    );
}

fn not_selected(loaded: &Loaded, object: &Object, reason: &str, diagnostics: &mut Diagnostics) {
    let options = loaded.pipeline.options.node.as_ref();
    diagnostics.push(
        Diagnostic::new(&codes::NOT_SELECTED, format!("`{}`: {reason}", object.path))
            .at_maybe(options.map(|node| node.span_of("unmatched")), "")
            .help("add a task for it, or set `unmatched: skip` or `unmatched: copy`"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_folders_are_nobodys_data() {
        for (path, ours) in [
            (".visard/runs/20250101-t/run-secret", true),
            ("sub/.visard/runs/x/journal.jsonl", true),
            ("x.visard/runs/a.csv", false),
            ("visard/runs/a.csv", false),
        ] {
            assert_eq!(is_of_a_run(path), ours, "{path}");
        }
    }
}
