//! Files that are loaded into tables, planned.

use std::sync::Arc;

use arrow::datatypes::DataType;
use indexmap::IndexMap;
use visard_connectors::database::{Arriving, CopiedColumn, Job, NewColumn, Room};
use visard_connectors::{Database, FileUnit};
use visard_engine::udfs::Root;

use super::copy::{CopyFrom, CopyPlan, CopyTo, check_target, mode_of};
use super::fill::Filled;
use super::make::{Model, Target};
use super::plan::{Answered, PlannedTables, Planner, Planning, Step, labels};
use crate::check::group::{Batch, Written, masked_columns, open_group};
use crate::check::plan::{Done, Planned, batches, refused};
use crate::check::tables::{SHUFFLE, uses_of};
use crate::check::{Loaded, Stores};
use crate::language::{Diagnostic, Diagnostics, Spanned, TableName, TaskKind, codes};

/// Plans every task: files of `source` are loaded into tables of `database`. Nothing comes back where there
/// are errors.
pub(crate) async fn plan_loads(
    loaded: &Loaded,
    (stores, database): (Stores, Arc<dyn Database>),
    root: &Root,
    asked: Planning,
    diagnostics: &mut Diagnostics,
) -> Option<PlannedTables> {
    check_target(loaded, database.as_ref(), asked.dry_run, diagnostics);
    for (kind, span) in uses_of(&[SHUFFLE], &loaded.ruleset) {
        let message = format!("`{kind}` is not built for files that go into a table");
        diagnostics.push(
            Diagnostic::new(&codes::NEEDS_A_RUN, message)
                .at(span, "")
                .help("mask them to files first, or shuffle the table by a run on it"),
        );
    }
    if diagnostics.has_errors() {
        return None;
    }
    let done = Done::default();
    let (planned, batches) = batches(loaded, &stores, root, &done, diagnostics).await?;
    let mut by_table: IndexMap<String, (usize, Spanned<TableName>, Vec<Batch>)> = IndexMap::new();
    for batch in batches {
        // A file of zero bytes has no rows.
        if batch.columns.0.is_empty() {
            continue;
        }
        if let Some((number, into)) = table_of(loaded, &batch, diagnostics) {
            let of_table = by_table.entry(into.value.to_string());
            of_table
                .or_insert_with(|| (number, into, Vec::new()))
                .2
                .push(batch);
        }
    }
    let mut planner = Planner::new(loaded, root, database.as_ref(), asked, diagnostics);
    let (mut steps, mut numbers) = (Vec::new(), Vec::new());
    for (number, into, batches) in by_table.into_values() {
        let place = (&stores, &planned, &database);
        match planner.load(place, &into, batches, number).await {
            Ok(None) => {}
            Ok(Some(plan)) => {
                steps.push(Step::Copy(Box::new(plan)));
                numbers.push(number);
            }
            Err(error) => {
                let message = format!("the catalogue cannot be read: {error}");
                let problem = Diagnostic::new(&codes::CONNECTION_FAILED, message);
                diagnostics.push(problem.at(into.span, ""));
                return None;
            }
        }
    }
    (!diagnostics.has_errors()).then_some(PlannedTables {
        database: None,
        copied: None,
        steps,
        numbers,
    })
}

/// The table that the files of `batch` are loaded into, behind the task that says so.
fn table_of(
    loaded: &Loaded,
    batch: &Batch,
    diagnostics: &mut Diagnostics,
) -> Option<(usize, Spanned<TableName>)> {
    let tasks = batch.tasks.iter();
    let mut named = tasks.filter_map(|&task| match &loaded.ruleset.tasks[task].kind {
        TaskKind::TabularFile { into, .. } => Some((task, into.as_ref()?)),
        _ => None,
    });
    let (number, first) = named.next()?;
    if let Some((_, other)) = named.find(|(_, other)| other.value != first.value) {
        let message = "two tasks load one file into a table each";
        diagnostics.push(
            Diagnostic::new(&codes::NO_TABLE_NAMED, message)
                .at(other.span, "second")
                .and(first.span, "first"),
        );
        return None;
    }
    Some((number, first.clone()))
}

impl Planner<'_> {
    async fn load(
        &mut self,
        (stores, planned, database): (&Stores, &Planned, &Arc<dyn Database>),
        into: &Spanned<TableName>,
        mut batches: Vec<Batch>,
        step: usize,
    ) -> Answered<Option<CopyPlan>> {
        let Some(batch) = batches.pop() else {
            return Ok(None);
        };
        let task = &self.loaded.ruleset.tasks[batch.tasks[0]];
        if !batches.is_empty() {
            let message = format!(
                "the files for `{}` have {} different sets of columns, formats or tasks",
                into.value,
                batches.len() + 1
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::FILE_REFUSED, message)
                    .at(task.span, "")
                    .help("load each set in a run of its own, the later ones with `mode: append`"),
            );
            return Ok(None);
        }
        let Batch {
            files,
            resolved,
            columns,
            format,
            ..
        } = batch;
        let mut arriving: Vec<(String, Arriving)> = Vec::new();
        for column in &columns.0 {
            if arriving.iter().all(|(name, _)| *name != column.root) {
                let is_text = matches!(
                    column.root_type,
                    DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                );
                let of_root = Arriving {
                    data_type: column.root_type.clone(),
                    type_name: column.root_type.to_string(),
                    is_loose: is_text,
                };
                arriving.push((column.root.clone(), of_root));
            }
        }
        let new = |(name, arriving): &(String, Arriving)| NewColumn::of_files(name, arriving);
        let model = Model {
            name: None,
            columns: arriving.iter().map(new).collect(),
            primary_key: None,
            product: None,
        };
        let found = self.find_or_make(database.as_ref(), into, model).await?;
        let Some(Target { table, is_new }) = found else {
            return Ok(None);
        };
        self.fills(table.facts().shown(), into.span);
        let mode = mode_of(self.loaded);
        let filled = Filled {
            table: table.as_ref(),
            task,
            named_at: into.span,
            mode,
            is_begun: self.asked.begun.contains_key(&step),
        };
        filled.check(&arriving, &resolved, self.diagnostics).await?;
        let units = files.iter().map(|(index, _)| FileUnit {
            object: planned.files[*index].object.clone(),
            source: stores.source.clone(),
            target: stores.target.clone(),
            numbers: None,
        });
        let units: Vec<FileUnit> = units.collect();
        let typed: Vec<String> = columns.names().map(str::to_owned).collect();
        let group = open_group(
            self.loaded,
            stores,
            planned,
            (files, format),
            &columns,
            &typed,
            Written::default(),
        );
        let group = match group {
            Ok(group) => group,
            Err(problem) => {
                refused(self.loaded, problem, self.diagnostics);
                return Ok(None);
            }
        };
        if self.diagnostics.has_errors() {
            return Ok(None);
        }
        let options = &self.loaded.pipeline.options;
        let masked = labels(&resolved);
        let copied = arriving.into_iter().map(|(name, _)| CopiedColumn {
            name,
            carried: false,
        });
        let mut plan = CopyPlan {
            task: task.name.clone().unwrap_or_else(|| task.path.clone()),
            from: CopyFrom::Files {
                group,
                files: units,
            },
            to: CopyTo::Table(Arc::clone(database), table),
            makes: is_new,
            room: Room::default(),
            mode,
            job: Job {
                masked: masked.iter().map(|(column, _)| column.clone()).collect(),
                read: Vec::new(),
                shuffled: Vec::new(),
                joined: Vec::new(),
                key: None,
                filter: None,
                max_rows: None,
                unit_rows: 0,
                workers: task.workers.unwrap_or(options.workers_or_cores()),
                numbered: !resolved.numbered.is_empty(),
                without_triggers: false,
                dry_run: self.asked.dry_run,
                name: String::new(),
            },
            copied: copied.collect(),
            offered: resolved.offered(),
            columns: masked_columns(&columns, resolved.steps),
            masked,
            unmasked: resolved.unmasked,
        };
        plan.room = self.room_of_copy(&plan, step, into.span).await?;
        Ok(Some(plan))
    }
}
