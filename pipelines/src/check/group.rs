//! The files of one format and schema under the same tasks become a group with its plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use visard_connectors::parquet::{ParquetGroup, ParquetOptions, ParquetShape};
use visard_connectors::text::TextGroup;
use visard_connectors::{
    FileUnit, GroupRef, NUMBER_COLUMN, PATH_COLUMN, ROW_COLUMN, UnitTable, UnitTarget,
};
use visard_engine::{MaskedColumn, MaskedStep, Places, ShuffleMemory, TaskPlan, Units, plan_task};

use super::columns::FileColumns;
use super::files::{Format, Shape};
use super::plan::Planned;
use super::rules::Resolved;
use super::{Loaded, Stores};

/// Files of one format and schema under the same tasks.
pub struct GroupPlan {
    /// Reads and writes them.
    pub group: GroupRef,
    /// Their plans, one for each sink of the group.
    pub plans: Vec<TaskPlan>,
    /// Indexes into [`Planned::files`], in unit order.
    pub files: Vec<usize>,
    /// Paths of masked columns, each with the names of its masks.
    pub masked: Vec<(String, String)>,
    /// Paths of columns that are read and not masked.
    pub read: Vec<String>,
    /// Paths of columns no rule masks, those that are read among them.
    pub unmasked: Vec<String>,
    /// Paths of columns whose values are exchanged between the rows of a file.
    pub shuffled: Vec<String>,
    /// Where a mask goes by the numbers of records: how many there are, and how they were counted.
    pub numbered: Option<(u64, &'static str)>,
}

impl GroupPlan {
    /// Paths of columns that no rule masks and none reads.
    pub fn copied(&self) -> impl Iterator<Item = &String> {
        self.unmasked
            .iter()
            .filter(|path| !self.read.contains(path))
    }
}

/// The files of one group, before it is one.
pub(super) struct Batch {
    /// Indexes into [`Planned::files`].
    pub(super) files: Vec<(usize, Shape)>,
    /// The tasks that select them.
    pub(super) tasks: Vec<usize>,
    /// What the tasks' rules do to them.
    pub(super) resolved: Resolved,
    /// Their columns; none in a file of zero bytes.
    pub(super) columns: FileColumns,
    /// How they are read.
    pub(super) format: Format,
}

impl Batch {
    /// Makes the group and its plans.
    pub(super) async fn plan(
        self,
        loaded: &Loaded,
        stores: &Stores,
        planned: &Planned,
        memory: &ShuffleMemory,
    ) -> Result<GroupPlan, String> {
        let Self {
            files,
            resolved,
            columns,
            format,
            ..
        } = self;
        let indexes: Vec<usize> = files.iter().map(|(index, _)| *index).collect();
        let counted_in = match format {
            Format::Parquet => "in the footers",
            Format::Text(_) => "by reading the text once before the run",
        };
        let rows = |file: &usize| {
            let numbering = planned.files[*file].numbering.as_ref()?;
            Some(numbering.numbers.slices.iter().sum::<u64>())
        };
        let numbered = indexes.iter().map(rows).sum::<Option<u64>>();
        let numbered = numbered.map(|rows| (rows, counted_in));
        let masked: Vec<(String, String)> = resolved
            .steps
            .iter()
            .map(|(path, steps)| {
                let labels: Vec<&str> = steps.iter().map(|step| step.mask.label()).collect();
                (path.clone(), labels.join(" | "))
            })
            .collect();
        let paths: Vec<String> = masked.iter().map(|(path, _)| path.clone()).collect();
        let mut read = resolved.read;
        read.sort_unstable();
        read.dedup();
        read.retain(|path| !paths.contains(path));
        let typed: Vec<String> = paths.iter().chain(&read).cloned().collect();
        let mut roots = masked_columns(&columns, resolved.steps);
        let written = Written {
            masked: &paths,
            roots: &roots,
        };
        let group = open_group(
            loaded,
            stores,
            planned,
            (files, format),
            &columns,
            &typed,
            written,
        )?;
        let units = Units {
            slices: (0..group.group.units())
                .map(|unit| group.group.slices_of(unit))
                .collect(),
            memory: memory.clone(),
        };
        let mut plans = Vec::with_capacity(group.sinks.len());
        for sink in &group.sinks {
            let schema = sink.schema();
            let of_sink = |root: &mut MaskedColumn| schema.index_of(&root.column).is_ok();
            let plan = plan_task(
                Arc::new(UnitTable(Arc::clone(&group.source))),
                Arc::new(UnitTarget(Arc::clone(sink))),
                roots.extract_if(.., of_sink).collect(),
                Places {
                    path: PATH_COLUMN,
                    row: ROW_COLUMN,
                    number: NUMBER_COLUMN,
                },
                units.clone(),
            );
            let plan = plan.await;
            plans.push(plan.map_err(|error| format!("{:#}", anyhow::Error::new(error)))?);
        }
        if let Some(root) = roots.first() {
            // Its old values would stay.
            return Err(format!(
                "internal error: the masked column `{}` would not be written",
                root.column
            ));
        }
        Ok(GroupPlan {
            group,
            plans,
            files: indexes,
            masked,
            read,
            unmasked: resolved.unmasked,
            shuffled: resolved
                .shuffled
                .into_iter()
                .map(|(path, _)| path)
                .collect(),
            numbered,
        })
    }
}

/// What of a group's columns is written.
#[derive(Clone, Copy, Default)]
pub(super) struct Written<'a> {
    /// Paths of the masked columns.
    pub(super) masked: &'a [String],
    /// Their masks, by root column.
    pub(super) roots: &'a [MaskedColumn],
}

/// Files of one format and schema, of which the `typed` columns are read.
pub(super) fn open_group(
    loaded: &Loaded,
    stores: &Stores,
    planned: &Planned,
    (files, format): (Vec<(usize, Shape)>, Format),
    columns: &FileColumns,
    typed: &[String],
    written: Written<'_>,
) -> Result<GroupRef, String> {
    let unit = |index: usize| FileUnit {
        object: planned.files[index].object.clone(),
        source: stores.source.clone(),
        target: stores.target.clone(),
        numbers: planned.files[index]
            .numbering
            .as_ref()
            .map(|numbering| numbering.numbers.clone()),
    };
    match format {
        Format::Parquet => {
            let units = files.into_iter().filter_map(|(index, shape)| match shape {
                Shape::Parquet(shape) => Some((unit(index), shape)),
                Shape::Text { .. } => None,
            });
            parquet_group(loaded, stores, units.collect(), columns, typed, written)
        }
        Format::Text(options) => {
            let units = files.into_iter().filter_map(|(index, shape)| match shape {
                Shape::Text { shape, .. } => Some((unit(index), shape)),
                Shape::Parquet(_) => None,
            });
            let (typed, masked) = (typed.to_vec(), written.masked.to_vec());
            let group = TextGroup::new(units.collect(), *options, typed, masked);
            Ok(GroupRef::new(Arc::new(
                group.map_err(|error| error.to_string())?,
            )))
        }
    }
}

/// A group of Parquet files whose slices, column by column if need be, fit the memory of a run.
fn parquet_group(
    loaded: &Loaded,
    stores: &Stores,
    units: Vec<(FileUnit, ParquetShape)>,
    columns: &FileColumns,
    typed: &[String],
    Written { masked, roots }: Written<'_>,
) -> Result<GroupRef, String> {
    let run = &loaded.pipeline.options;
    let options = ParquetOptions {
        // Encoded pages of half the budget may wait in memory for their turn.
        spill_above: run.memory_limit_bytes / 8,
        ..ParquetOptions::default()
    };
    let besides = units.iter().map(|(unit, shape)| {
        let output = stores.target.output_memory_bytes(unit.object.size);
        output + 2 * shape.footer_bytes
    });
    let budget = run.memory_budget_bytes();
    let limit = budget - besides.max().unwrap_or(0).min(budget / 2);
    let reads = |root: &str| -> Vec<String> {
        let root = roots.iter().find(|masked| masked.column == root);
        let reads = root.map_or_else(Vec::new, MaskedColumn::reads);
        let found = reads.iter().flat_map(|name| columns.named(name));
        found.map(|column| column.root.clone()).collect()
    };
    let group = ParquetGroup::new(units, typed, masked, options);
    let group = group.map_err(|error| error.to_string())?;
    let group = match masked.is_empty() {
        true => group,
        false => group.in_parts(limit, &reads),
    };
    Ok(GroupRef::new(Arc::new(group)))
}

/// Steps by root column: leaves of one root are masked one after the other.
pub(super) fn masked_columns(
    columns: &FileColumns,
    steps: BTreeMap<String, Vec<MaskedStep>>,
) -> Vec<MaskedColumn> {
    let mut by_root: IndexMap<String, Vec<MaskedStep>> = IndexMap::new();
    for (path, steps) in steps {
        let root = columns.0.iter().find(|column| column.path == path);
        let root = root.map_or_else(|| path.clone(), |column| column.root.clone());
        by_root.entry(root).or_default().extend(steps);
    }
    by_root
        .into_iter()
        .map(|(column, steps)| MaskedColumn { column, steps })
        .collect()
}
