//! The steps of a run on a database, checked against its catalogue.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use visard_connectors::database::{Job, JoinedColumn, Room, RowPlace, Table};
use visard_connectors::{Database, DatabaseError, DatabaseTable};
use visard_engine::MaskedColumn;
use visard_engine::udfs::{PlaceUnit, Root};

use super::built::Building;
use super::copy::{CopyFrom, CopyPlan, Elsewhere};
use super::fit::Masked;
use super::joins::read_beside;
use super::strategy::{Way, Wish, choose};
use crate::check::Loaded;
use crate::check::columns::FileColumns;
use crate::check::group::masked_columns;
use crate::check::rules::{Resolved, Resolver};
use crate::check::seeds::Seeds;
use crate::language::{
    ConnectionKind, Diagnostic, Diagnostics, Span, TableTask, Task, TaskKind, codes,
};

/// Rows of a unit, where nothing is said: as many as an update of the peers takes.
const UNIT_ROWS: u64 = 50_000;

/// A run on a database before it starts.
pub struct PlannedTables {
    /// The database that is changed where it lies; none where rows are copied.
    pub database: Option<Arc<dyn Database>>,
    /// The database whose tables are copied; none where no tables are.
    pub copied: Option<Arc<dyn Database>>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The task of each step, by its place in the ruleset: the same in every attempt of a run, whatever files
    /// there are.
    pub numbers: Vec<usize>,
}

impl PlannedTables {
    /// Keeps tables that are copied as they are while they are.
    ///
    /// # Errors
    /// When their database refuses.
    pub(crate) async fn hold(&self) -> Result<(), DatabaseError> {
        let Some(database) = &self.copied else {
            return Ok(());
        };
        let tables = self.steps.iter().filter_map(|step| match step {
            Step::Copy(plan) => match &plan.from {
                CopyFrom::Table(table) => Some(table.facts()),
                CopyFrom::Files { .. } => None,
            },
            Step::Mask(_) | Step::Sql { .. } => None,
        });
        database.hold(&tables.collect::<Vec<_>>()).await
    }
}

/// One task.
pub enum Step {
    /// A table is masked.
    Mask(Box<TablePlan>),
    /// Rows are copied to another place, masked.
    Copy(Box<CopyPlan>),
    /// SQL is run.
    Sql {
        /// The task's name, or its place in the ruleset.
        task: String,
        /// The statements.
        sql: String,
        /// The task, by its place in the ruleset, that they undo: they are left out where it is not done.
        undoes: Option<usize>,
    },
}

impl Step {
    /// The task's name, or its place in the ruleset.
    pub fn task(&self) -> &str {
        match self {
            Self::Mask(plan) => &plan.task,
            Self::Copy(plan) => &plan.task,
            Self::Sql { task, .. } => task,
        }
    }
}

/// A table that is masked.
pub struct TablePlan {
    /// The task's name, or its place in the ruleset.
    pub task: String,
    /// The table.
    pub table: Arc<dyn DatabaseTable>,
    /// What is asked of it.
    pub job: Job,
    /// How it is done.
    pub way: Way,
    /// The room that it takes beside the table.
    pub room: Room,
    /// The masks, by column.
    pub columns: Vec<MaskedColumn>,
    /// Masked columns, each with the names of its masks.
    pub masked: Vec<(String, String)>,
    /// Columns no rule masks.
    pub unmasked: Vec<String>,
    /// How many rows there are unique values for, where a mask makes some.
    pub offered: Option<u128>,
    /// Tables that refer to masked columns, and change with them in one transaction.
    pub following: Vec<TablePlan>,
}

impl TablePlan {
    /// The plan without those that follow, then those.
    pub(crate) fn with_following(mut self) -> Vec<Self> {
        let following = std::mem::take(&mut self.following);
        std::iter::once(self).chain(following).collect()
    }
}

/// How a run is to plan its tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Planning {
    /// Whether nothing is written.
    pub(crate) dry_run: bool,
    /// The steps that an earlier attempt of the run began, and whether with a rewrite.
    pub(crate) begun: HashMap<usize, bool>,
    /// Those of them that were about to end.
    pub(crate) committing: HashSet<usize>,
}

/// Plans every task: tables of `database` are masked where they lie, or copied `to` another place. Nothing
/// comes back where there are errors.
pub(super) async fn plan_tables(
    loaded: &Loaded,
    (database, to): (Arc<dyn Database>, Option<Elsewhere>),
    root: &Root,
    asked: Planning,
    diagnostics: &mut Diagnostics,
) -> Option<PlannedTables> {
    let mut planner = Planner::new(loaded, root, database.as_ref(), asked, diagnostics);
    planner.to = to.as_ref();
    match &to {
        None => planner.read_only(),
        Some(to) => planner.copies(to),
    }
    let (mut steps, mut numbers) = (Vec::new(), Vec::new());
    for (number, task) in loaded.ruleset.tasks.iter().enumerate() {
        match planner.step(number, task).await {
            Ok(None) => {}
            Ok(Some(step)) => {
                steps.push(step);
                numbers.push(number);
            }
            Err(error) => {
                let message = format!("the catalogue cannot be read: {error}");
                let diagnostic = Diagnostic::new(&codes::CONNECTION_FAILED, message);
                diagnostics.push(diagnostic.at(task.span, ""));
                return None;
            }
        }
    }
    planner.finish_built(&mut steps, &mut numbers);
    let copies = steps.iter().zip(&numbers);
    let copies: Vec<_> = copies
        .filter_map(|(step, number): (&Step, &usize)| match step {
            Step::Copy(plan) => Some((loaded.ruleset.tasks[*number].span, plan.as_ref())),
            _ => None,
        })
        .collect();
    planner.left_behind(&copies);
    let (database, copied) = match to {
        None => (Some(database), None),
        Some(_) => (None, Some(database)),
    };
    (!diagnostics.has_errors()).then_some(PlannedTables {
        database,
        copied,
        steps,
        numbers,
    })
}

/// Looks at one task after the other.
pub(super) struct Planner<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) root: &'a Root,
    pub(super) database: &'a dyn Database,
    /// Where tables are copied to; none where they are masked where they lie.
    pub(super) to: Option<&'a Elsewhere>,
    pub(super) asked: Planning,
    /// Tables that earlier tasks build.
    pub(super) built: Vec<Building>,
    /// Columns that earlier tasks mask, by table.
    masked_before: HashMap<String, Vec<(String, Span)>>,
    /// Tables and folders that earlier tasks fill.
    filled_before: HashMap<String, Span>,
    pub(super) diagnostics: &'a mut Diagnostics,
}

pub(super) type Answered<T> = Result<T, DatabaseError>;

impl<'a> Planner<'a> {
    /// One that has seen no task.
    pub(super) fn new(
        loaded: &'a Loaded,
        root: &'a Root,
        database: &'a dyn Database,
        asked: Planning,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            loaded,
            root,
            database,
            to: None,
            asked,
            built: Vec::new(),
            masked_before: HashMap::new(),
            filled_before: HashMap::new(),
            diagnostics,
        }
    }
}

impl Planner<'_> {
    fn read_only(&mut self) {
        let place = &self.loaded.pipeline.source.connection;
        let connection = self.loaded.pipeline.connection(&place.value);
        let kind = connection.map(|connection| &connection.kind);
        if let Some(ConnectionKind::Database(database)) = kind
            && database.is_read_only
            && !self.asked.dry_run
        {
            self.diagnostics.push(
                Diagnostic::new(&codes::READ_ONLY, "the connection is for reading only")
                    .at(place.span, "its tables would be masked")
                    .help("a dry run may read it: `dry_run: true` under `options`"),
            );
        }
    }

    async fn step(&mut self, number: usize, task: &Task) -> Answered<Option<Step>> {
        let name = task.name.clone().unwrap_or_else(|| task.path.clone());
        Ok(match &task.kind {
            TaskKind::Table(of_table) => self.table(number, task, of_table, name).await?,
            TaskKind::RunSql { .. }
            | TaskKind::TruncateTable { .. }
            | TaskKind::BuildTempTable { .. }
                if self.to.is_some() =>
            {
                self.only_in_place(task);
                None
            }
            TaskKind::RunSql { sql } => Some(Step::Sql {
                task: name,
                sql: sql.value.clone(),
                undoes: None,
            }),
            TaskKind::TruncateTable { table } => {
                let found = self.find(table).await?;
                found.map(|found| Step::Sql {
                    task: name,
                    sql: found.emptied(),
                    undoes: None,
                })
            }
            TaskKind::BuildTempTable { table, select } => {
                self.build((number, name), table, select).await?
            }
            TaskKind::TabularFile { .. } => None,
        })
    }

    async fn table(
        &mut self,
        number: usize,
        task: &Task,
        of_table: &TableTask,
        name: String,
    ) -> Answered<Option<Step>> {
        let Some(found) = self.find(&of_table.table).await? else {
            return Ok(None);
        };
        let table = found.facts();
        let span = of_table.table.span;
        let mut sound = self.maskable(table, span);
        let filter = of_table.condition.as_ref();
        if let Some(filter) = filter {
            sound &= self.condition(found.as_ref(), filter).await?;
        }
        let Some(key) = self.key(table, of_table) else {
            return Ok(None);
        };
        let Some(joined) = self.joined(table, of_table).await? else {
            return Ok(None);
        };
        let mut columns = FileColumns::of_table(table);
        for (other, _) in &joined {
            columns.join(other);
        }
        let shown = table.shown();
        let seeds = Seeds::new(self.loaded.seed_folder.clone());
        let resolver = Resolver {
            ruleset: &self.loaded.ruleset,
            options: &self.loaded.pipeline.options,
            root: self.root,
            seeds: &seeds,
            file: &shown,
            columns: &columns,
            places: match table.row_place {
                RowPlace::Tuple => PlaceUnit::Tuple,
                RowPlace::Number | RowPlace::None => PlaceUnit::Untold,
            },
            key: key.as_deref().unwrap_or_default(),
            diagnostics: self.diagnostics,
        };
        let resolved = resolver.resolve(&[number]);
        if let Some(to) = self.to {
            let asked = Asked {
                joined: read_beside(&joined, &resolved),
                step: number,
                name,
                task,
                of_table,
                key,
            };
            let copied = self.copy(to, asked, &found, columns, resolved).await?;
            return Ok(copied
                .filter(|_| sound)
                .map(|plan| Step::Copy(Box::new(plan))));
        }
        self.masked_twice(table, task, &resolved);
        let Some(followers) = self.followers(&found, (task, of_table), &resolved).await? else {
            return Ok(None);
        };
        let own_key = key.as_deref().unwrap_or_default();
        let of_task = (task, of_table);
        let (is_followed, resolved) =
            self.with_own(of_task, &columns, own_key, &followers, resolved);
        let obstacles = followers.0.iter().skip(1).flat_map(|one| {
            let facts = one.table.facts();
            let reasons = facts.rewrite_obstacles.iter();
            reasons.map(move |reason| format!("`{}`, which follows: {reason}", facts.shown()))
        });
        let mut obstacles: Vec<String> = obstacles.collect();
        let together: Vec<&Table> = followers.0.iter().map(|one| one.table.facts()).collect();
        obstacles.extend(self.database.obstacles_together(&together));
        let masked = Masked {
            table,
            task,
            table_span: span,
            steps: &resolved.steps,
        };
        let unique = masked.unique(self.diagnostics);
        masked.checks(self.diagnostics);
        masked.lengths(self.diagnostics);
        let options = &self.loaded.pipeline.options;
        let managed = self.loaded.ruleset.auto_manage_triggers.as_ref();
        let managed = managed.map(|managed| managed.value);
        let managed = options.auto_manage_triggers.or(managed);
        let joined = read_beside(&joined, &resolved);
        let wish = Wish {
            strategy: of_table.strategy.unwrap_or(options.strategy),
            begun: self.asked.begun.get(&number).copied(),
            in_units: key.is_some(),
            some_rows: filter.is_some() || options.max_rows.is_some(),
            joined: joins_itself(table, &joined, &resolved),
            shuffled: !resolved.shuffled.is_empty(),
            followed: is_followed,
            obstacles: &obstacles,
            unique: &unique,
        };
        let way = match choose(table, wish) {
            Ok(way) => way,
            Err(reason) => {
                let message = format!("`{shown}`: {reason}");
                let diagnostic = Diagnostic::new(&codes::NO_STRATEGY, message);
                self.diagnostics.push(diagnostic.at(span, ""));
                return Ok(None);
            }
        };
        let without_triggers = managed == Some(true) && !way.rewrite && fires(table);
        if !way.rewrite && managed.is_none() {
            masked.triggers(self.diagnostics);
        }
        if without_triggers {
            masked.unsilenced(self.diagnostics);
        }
        if without_triggers && let Some(help) = found.refusal_to_silence_triggers().await? {
            let message = format!("we may not keep the triggers of `{shown}` from firing");
            self.diagnostics.push(
                Diagnostic::new(&codes::NO_STRATEGY, message)
                    .at(span, "`auto_manage_triggers` asks for it")
                    .help(help),
            );
        }
        if !sound || self.diagnostics.has_errors() || resolved.steps.is_empty() {
            return Ok(None);
        }
        let masked = labels(&resolved);
        let read = read_besides(table, &resolved);
        let job = Job {
            masked: masked.iter().map(|(column, _)| column.clone()).collect(),
            read,
            shuffled: shuffled(&resolved),
            joined,
            key,
            filter: filter.map(|filter| filter.value.clone()),
            max_rows: options.max_rows,
            unit_rows: of_table
                .batch_size
                .or(options.batch_size)
                .map_or(UNIT_ROWS, |rows| rows as u64),
            workers: task.workers.unwrap_or(options.workers_or_cores()),
            numbered: !resolved.numbered.is_empty(),
            without_triggers,
            dry_run: self.asked.dry_run,
            name: String::new(),
        };
        let work = (number, way.rewrite);
        let room = self.room_of_table(found.as_ref(), work, span).await?;
        let following = self.following((task, of_table), &columns, followers, (&job, &way));
        if self.diagnostics.has_errors() {
            return Ok(None);
        }
        Ok(Some(Step::Mask(Box::new(TablePlan {
            following,
            offered: resolved.offered(),
            task: name,
            way,
            room,
            columns: masked_columns(&columns, resolved.steps),
            masked,
            unmasked: resolved.unmasked,
            job,
            table: found,
        }))))
    }

    /// Refuses a second task that fills `place`: its rows would come to those of the first, or in their place,
    /// and each task leaves columns clear that the other masks. Whether it is the first.
    pub(super) fn fills(&mut self, place: String, span: Span) -> bool {
        let Some(first) = self.filled_before.get(&place) else {
            self.filled_before.insert(place, span);
            return true;
        };
        let message = format!("two tasks copy to `{place}`");
        self.diagnostics.push(
            Diagnostic::new(&codes::COPIED_TWICE, message)
                .at(span, "second")
                .and(*first, "first")
                .help(
                    "put the rules of both into one task, or copy in two runs with `mode: append`",
                ),
        );
        false
    }

    fn masked_twice(&mut self, table: &Table, task: &Task, resolved: &Resolved) {
        let before = self.masked_before.entry(table.shown()).or_default();
        for column in resolved.steps.keys() {
            let earlier = before.iter().find(|(other, _)| other == column);
            if let (Some((_, first)), true) = (earlier, self.loaded.ruleset.warn_on_duplicate_rules)
            {
                let message = format!("two tasks mask `{column}` of `{}`", table.shown());
                self.diagnostics.push(
                    Diagnostic::new(&codes::MASKED_TWICE, message)
                        .at(task.span, "second")
                        .and(*first, "first")
                        .help("the later masks what the earlier gave; set `disable_warning_on_duplicate_rules: true` if that is meant"),
                );
            }
            before.push((column.clone(), task.span));
        }
    }
}

/// Whether anything runs when a row of `table` is updated.
fn fires(table: &Table) -> bool {
    let mut triggers = table.triggers.iter();
    triggers.any(|trigger| trigger.fires || trigger.fires_always)
}

/// Masked columns, each with the names of its masks.
pub(super) fn labels(resolved: &Resolved) -> Vec<(String, String)> {
    let labels = resolved.steps.iter().map(|(column, steps)| {
        let labels: Vec<&str> = steps.iter().map(|step| step.mask.label()).collect();
        (column.clone(), labels.join(" | "))
    });
    labels.collect()
}

/// A masked column of `table` that a join of the table with itself reads.
fn joins_itself<'j>(
    table: &Table,
    joined: &'j [JoinedColumn],
    resolved: &Resolved,
) -> Option<&'j str> {
    let itself = |column: &&JoinedColumn| {
        column
            .path
            .last()
            .is_some_and(|join| (&join.schema, &join.table) == (&table.schema, &table.name))
            && resolved.steps.contains_key(&column.column)
    };
    joined
        .iter()
        .find(itself)
        .map(|column| column.name.as_str())
}

/// Columns whose values change their rows.
pub(super) fn shuffled(resolved: &Resolved) -> Vec<String> {
    let columns = resolved.shuffled.iter();
    columns.map(|(column, _)| column.clone()).collect()
}

/// Columns of `table` that rules read, each once.
pub(super) fn read_besides(table: &Table, resolved: &Resolved) -> Vec<String> {
    let mut read = resolved.read.clone();
    read.retain(|name| table.column(name).is_some());
    read.sort_unstable();
    read.dedup();
    read
}

/// A task for a table, and what was found of it.
pub(super) struct Asked<'a> {
    /// The number of its task.
    pub(super) step: usize,
    /// The task's name, or its place in the ruleset.
    pub(super) name: String,
    pub(super) task: &'a Task,
    pub(super) of_table: &'a TableTask,
    /// Columns of other tables that rules read.
    pub(super) joined: Vec<JoinedColumn>,
    /// The columns that tell rows apart.
    pub(super) key: Option<Vec<String>>,
}
