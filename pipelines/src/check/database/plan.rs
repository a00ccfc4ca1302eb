//! The steps of a run on a database, checked against its catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use visard_connectors::database::{Job, Table};
use visard_connectors::{Database, DatabaseError, DatabaseTable};
use visard_engine::MaskedColumn;
use visard_engine::udfs::{PlaceUnit, Root};

use super::condition;
use super::fit::Masked;
use super::strategy::{Way, Wish, choose};
use crate::check::Loaded;
use crate::check::columns::FileColumns;
use crate::check::group::masked_columns;
use crate::check::rules::{Resolved, Resolver};
use crate::check::seeds::Seeds;
use crate::language::{
    ConnectionKind, Diagnostic, Diagnostics, Identifier, RowKey, Span, Spanned, TableName,
    TableTask, Task, TaskKind, codes, nearest_label,
};

/// Rows of a unit, where nothing is said: as many as an update of the peers takes.
const UNIT_ROWS: u64 = 50_000;

/// A run on a database before it starts.
pub struct PlannedTables {
    /// The database.
    pub database: Arc<dyn Database>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One task.
pub enum Step {
    /// A table is masked.
    Mask(Box<TablePlan>),
    /// SQL is run.
    Sql {
        /// The task's name, or its place in the ruleset.
        task: String,
        /// The statements.
        sql: String,
    },
}

impl Step {
    /// The task's name, or its place in the ruleset.
    pub fn task(&self) -> &str {
        match self {
            Self::Mask(plan) => &plan.task,
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
    /// The masks, by column.
    pub columns: Vec<MaskedColumn>,
    /// Masked columns, each with the names of its masks.
    pub masked: Vec<(String, String)>,
    /// Columns no rule masks.
    pub unmasked: Vec<String>,
}

/// How a run is to plan its tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Planning {
    /// Whether nothing is written.
    pub(crate) dry_run: bool,
    /// The steps that an earlier attempt of the run began, and whether with a rewrite.
    pub(crate) begun: HashMap<usize, bool>,
}

/// Plans every task. Nothing comes back where there are errors.
pub(crate) async fn plan_tables(
    loaded: &Loaded,
    database: Arc<dyn Database>,
    root: &Root,
    asked: Planning,
    diagnostics: &mut Diagnostics,
) -> Option<PlannedTables> {
    let mut planner = Planner {
        loaded,
        root,
        database: database.as_ref(),
        asked,
        masked_before: HashMap::new(),
        diagnostics,
    };
    planner.read_only();
    let mut steps = Vec::new();
    for (number, task) in loaded.ruleset.tasks.iter().enumerate() {
        match planner.step(number, task, steps.len()).await {
            Ok(step) => steps.extend(step),
            Err(error) => {
                let message = format!("the catalogue cannot be read: {error}");
                let diagnostic = Diagnostic::new(&codes::CONNECTION_FAILED, message);
                diagnostics.push(diagnostic.at(task.span, ""));
                return None;
            }
        }
    }
    (!diagnostics.has_errors()).then_some(PlannedTables { database, steps })
}

struct Planner<'a> {
    loaded: &'a Loaded,
    root: &'a Root,
    database: &'a dyn Database,
    asked: Planning,
    /// Columns that earlier tasks mask, by table.
    masked_before: HashMap<String, Vec<(String, Span)>>,
    diagnostics: &'a mut Diagnostics,
}

type Answered<T> = Result<T, DatabaseError>;

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

    async fn step(&mut self, number: usize, task: &Task, step: usize) -> Answered<Option<Step>> {
        let name = task.name.clone().unwrap_or_else(|| task.path.clone());
        Ok(match &task.kind {
            TaskKind::Table(of_table) => {
                let plan = self.table((number, step), task, of_table, name).await?;
                plan.map(|plan| Step::Mask(Box::new(plan)))
            }
            TaskKind::RunSql { sql } => Some(Step::Sql {
                task: name,
                sql: sql.value.clone(),
            }),
            TaskKind::TruncateTable { table } => {
                let found = self.find(table).await?;
                found.map(|found| Step::Sql {
                    task: name,
                    sql: found.emptied(),
                })
            }
            TaskKind::BuildTempTable { table, .. } => {
                let message = "`build_temp_table` has no use before joins are built";
                self.diagnostics
                    .push(Diagnostic::new(&codes::NO_JOINS, message).at(table.span, ""));
                None
            }
            TaskKind::TabularFile { .. } => None,
        })
    }

    async fn table(
        &mut self,
        (number, step): (usize, usize),
        task: &Task,
        of_table: &TableTask,
        name: String,
    ) -> Answered<Option<TablePlan>> {
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
        let columns = FileColumns::of_table(table);
        let shown = table.shown();
        let seeds = Seeds::new(self.loaded.seed_folder.clone());
        let resolver = Resolver {
            ruleset: &self.loaded.ruleset,
            options: &self.loaded.pipeline.options,
            root: self.root,
            seeds: &seeds,
            file: &shown,
            columns: &columns,
            places: PlaceUnit::Tuple,
            key: key.as_deref().unwrap_or_default(),
            diagnostics: self.diagnostics,
        };
        let resolved = resolver.resolve(&[number]);
        sound &= self.of_whole_tables(&resolved, task);
        self.masked_twice(table, task, &resolved);
        let masked = Masked {
            table,
            task,
            table_span: span,
            steps: &resolved.steps,
        };
        let unique = masked.unique(self.diagnostics);
        masked.foreign_keys(self.diagnostics);
        masked.checks(self.diagnostics);
        let options = &self.loaded.pipeline.options;
        let managed = self.loaded.ruleset.auto_manage_triggers.as_ref();
        let managed = managed.map(|managed| managed.value);
        let managed = options.auto_manage_triggers.or(managed);
        let wish = Wish {
            strategy: of_table.strategy.unwrap_or(options.strategy),
            begun: self.asked.begun.get(&step).copied(),
            in_units: key.is_some(),
            some_rows: filter.is_some() || options.max_rows.is_some(),
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
        let without_triggers = managed == Some(true) && !table.triggers.is_empty() && !way.rewrite;
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
        let labels = resolved.steps.iter().map(|(column, steps)| {
            let labels: Vec<&str> = steps.iter().map(|step| step.mask.label()).collect();
            (column.clone(), labels.join(" | "))
        });
        let masked: Vec<(String, String)> = labels.collect();
        let mut read = resolved.read;
        read.retain(|name| table.column(name).is_some());
        read.sort_unstable();
        read.dedup();
        let job = Job {
            masked: masked.iter().map(|(column, _)| column.clone()).collect(),
            read,
            key,
            filter: filter.map(|filter| filter.value.clone()),
            max_rows: options.max_rows,
            unit_rows: of_table
                .batch_size
                .or(options.batch_size)
                .map_or(UNIT_ROWS, |rows| rows as u64),
            workers: task
                .workers
                .or(options.workers)
                .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
            without_triggers,
            dry_run: self.asked.dry_run,
            name: String::new(),
        };
        Ok(Some(TablePlan {
            task: name,
            way,
            columns: masked_columns(&columns, resolved.steps),
            masked,
            unmasked: resolved.unmasked,
            job,
            table: found,
        }))
    }

    /// Looks a table up: as it is written, and else as the database folds it.
    async fn find(
        &mut self,
        table: &Spanned<TableName>,
    ) -> Answered<Option<Arc<dyn DatabaseTable>>> {
        let TableName { schema, name } = &table.value;
        let folded = |name: &Identifier| match name.quoted {
            true => name.text.clone(),
            false => self.database.folded(&name.text),
        };
        let written = schema.as_ref().map(|schema| schema.text.as_str());
        if let Some(found) = self.database.table(written, &name.text).await? {
            return Ok(Some(found));
        }
        let schema = schema.as_ref().map(folded);
        if let Some(found) = self
            .database
            .table(schema.as_deref(), &folded(name))
            .await?
        {
            return Ok(Some(found));
        }
        let names = self.database.table_names().await?;
        let shown = table.value.to_string();
        // People leave the schema out, and so does the nearest name where it is the same.
        let bare = names.iter().map(|name| match table.value.schema {
            Some(_) => name.as_str(),
            None => name.split_once('.').map_or(name.as_str(), |(_, name)| name),
        });
        let label = nearest_label(&shown, bare);
        self.diagnostics.push(
            Diagnostic::new(&codes::NO_TABLE, format!("there is no table `{shown}`"))
                .at(table.span, label)
                .help(format!("{} tables can be seen", names.len())),
        );
        Ok(None)
    }

    fn maskable(&mut self, table: &Table, span: Span) -> bool {
        let shown = table.shown();
        let mut sound = true;
        for problem in &table.obstacles {
            let message = format!("`{shown}` cannot be masked: {problem}");
            let diagnostic = Diagnostic::new(&codes::TABLE_REFUSED, message);
            self.diagnostics.push(diagnostic.at(span, ""));
            sound = false;
        }
        sound
    }

    async fn condition(
        &mut self,
        table: &dyn DatabaseTable,
        filter: &Spanned<String>,
    ) -> Answered<bool> {
        let dialect = self.database.dialect();
        let problem = match condition::problem(&filter.value, dialect.as_ref()) {
            Some(problem) => Some(problem),
            None => table.refusal_of(&filter.value).await?,
        };
        let sound = problem.is_none();
        if let Some(problem) = problem {
            let message = format!(
                "`where` is no condition on `{}`: {problem}",
                table.facts().shown()
            );
            let diagnostic = Diagnostic::new(&codes::BAD_WHERE, message);
            self.diagnostics.push(diagnostic.at(filter.span, ""));
        }
        Ok(sound)
    }

    /// The columns that tell rows apart: those of the task, else the primary key; none where rows are
    /// told by where they lie. Nothing at all where the task's are no key.
    fn key(&mut self, table: &Table, of_table: &TableTask) -> Option<Option<Vec<String>>> {
        let named = match &of_table.key {
            Some(RowKey::Place(_)) => return Some(None),
            None => return Some(table.primary_key.clone()),
            Some(RowKey::Columns(named)) => named,
        };
        let mut key = Vec::new();
        for name in named {
            let exact = table.column(&name.value.text);
            let folded = || match name.value.quoted {
                true => None,
                false => table.column(&self.database.folded(&name.value.text)),
            };
            let Some(column) = exact.or_else(folded) else {
                let names = table.columns.iter().map(|column| column.name.as_str());
                let message = format!("`{}` has no column `{}`", table.shown(), name.value);
                self.diagnostics.push(
                    Diagnostic::new(&codes::UNKNOWN_COLUMN, message)
                        .at(name.span, nearest_label(&name.value.text, names)),
                );
                return None;
            };
            key.push(column.name.clone());
        }
        let tells = table
            .uniques
            .iter()
            .any(|unique| unique.tells_rows && unique.columns.iter().all(|c| key.contains(c)));
        if !tells {
            let message = format!(
                "no unique index says that this key tells the rows of `{}` apart",
                table.shown()
            );
            let help = match &table.primary_key {
                Some(primary) => format!("its primary key is {}", primary.join(", ")),
                None => "leave `key` out: then the table is masked as a whole".to_owned(),
            };
            self.diagnostics.push(
                Diagnostic::new(&codes::BAD_ROW_KEY, message)
                    .at(named[0].span, "")
                    .help(help),
            );
            return None;
        }
        Some(Some(key))
    }

    /// Refuses masks that need all rows of a table at once, which is not built for tables.
    fn of_whole_tables(&mut self, resolved: &Resolved, task: &Task) -> bool {
        let shuffled = resolved.shuffled.first().map(|(_, span)| *span);
        let numbered = resolved.numbered.first().map(|numbered| numbered.span);
        let found = shuffled.map(|span| ("secure_shuffle", span));
        let found = found.or(numbered.map(|span| ("from_unique", span)));
        let Some((mask, span)) = found else {
            return true;
        };
        let message = format!("`{mask}` is not built for tables yet");
        self.diagnostics.push(
            Diagnostic::new(&codes::BAD_MASK, message)
                .at(span, "")
                .and(task.span, "a task for a table"),
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
