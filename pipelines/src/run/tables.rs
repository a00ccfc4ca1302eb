//! A run on a database: one task after the other, each table in units that are committed one by one.

mod clean_up;
mod look;
mod open;
mod round;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use visard_connectors::database::Announce;
use visard_connectors::{
    Database, DatabaseError, NUMBER_COLUMN, PATH_COLUMN, ROW_COLUMN, TableWork, UnitTable,
    UnitTarget,
};
use visard_engine::{EngineError, MaskedColumn, Places, ShuffleMemory, TaskPlan, Units, plan_task};

use super::folder::EarlierTask;
use super::journal::{Journal, Record};
use super::observe::{Event, Observer};
use super::report::{Status, TableReport};
use super::{Asked, Worked};
use crate::check::{CopyPlan, Planning, Step, TablePlan, Target, open_database};
use crate::language::{Diagnostics, RunOptions};

use clean_up::Behind;
pub use look::{dry_look, logical_and_physical};
use open::{Opened, numbered, open_together};
use round::Round;

/// How often a unit is tried again that met a deadlock, or rows that changed meanwhile.
const TRIES: usize = 3;

/// Masks the tables of a pipeline; nothing where it is refused.
///
/// # Errors
/// When the run cannot be started.
pub(super) async fn work(
    asked: &Asked<'_>,
    diagnostics: &mut Diagnostics,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Option<Worked>> {
    let target = match asked.dry_run {
        true => Target::LookedAt,
        false => Target::Made,
    };
    let Some(opened) = open_database(asked.loaded, target, diagnostics).await else {
        return Ok(None);
    };
    let mut begun = asked.begin()?;
    opened.abandon(&begun.earlier.begun).await?;
    let root = &begun.keys.root;
    let earlier = || begun.earlier.tasks.iter();
    let committing = earlier().filter(|(_, earlier)| !earlier.committing.is_empty());
    let names = committing.filter_map(|(_, earlier)| Some(earlier.begun.as_ref()?.0.as_str()));
    opened.put_back(names).await?;
    let ask = Planning {
        dry_run: asked.dry_run,
        begun: earlier()
            .filter_map(|(task, earlier)| Some((*task, earlier.begun.as_ref()?.1)))
            .collect(),
        committing: earlier()
            .filter(|(_, earlier)| !earlier.committing.is_empty())
            .map(|(task, _)| *task)
            .collect(),
    };
    let opened = opened.on_begin(begun.on_begin());
    let planned = opened.plan(asked.loaded, root, ask, diagnostics).await;
    let Some(planned) = planned else {
        begun.refused()?;
        return Ok(None);
    };
    planned.hold().await?;
    begun.work_begins();
    let tables = planned.steps.iter().filter_map(|step| match step {
        Step::Mask(plan) => Some(plan.table.facts().bytes),
        Step::Copy(plan) => Some(plan.bytes()),
        Step::Sql { .. } => None,
    });
    let tables: Vec<u64> = tables.collect();
    asked.observer.event(&Event::Started {
        files: 0,
        tables: tables.len() as u64,
        bytes: tables.iter().sum(),
        run_folder: &begun.folder.display().to_string(),
    });
    let work = Work {
        database: planned.database.as_deref(),
        options: &asked.loaded.pipeline.options,
        journal: &begun.journal,
        observer: asked.observer,
        dry_run: asked.dry_run,
        stopped: Mutex::new(false),
        to_clean_up: Mutex::default(),
    };
    let mut earlier = std::mem::take(&mut begun.earlier.tasks);
    let (mut reports, mut firsts) = (Vec::new(), Vec::new());
    let mut stop: Stop<'_> = Box::pin(stop);
    let mut interrupted = false;
    let mut done = HashSet::new();
    for (task, step) in planned.numbers.into_iter().zip(planned.steps) {
        let earlier = earlier.remove(&task).unwrap_or_default();
        let failed = reports
            .iter()
            .any(|report: &TableReport| report.status == Status::Failed);
        let mut of_step = TableReport::of(&step);
        if interrupted || (failed && !work.options.continue_on_failure) {
            for report in &mut of_step {
                report.reason = Some("the run ended before its turn".to_owned());
            }
        } else if let Step::Sql {
            undoes: Some(of), ..
        } = &step
            && !done.contains(of)
        {
            // What is there is somebody else's.
            for report in &mut of_step {
                report.reason = Some("what it undoes was not done".to_owned());
            }
        } else if let Err(error) = work
            .step(task, step, earlier, &mut of_step, &mut stop)
            .await
        {
            interrupted |= *work.stopped.lock();
            for report in &mut of_step {
                report.status = match interrupted {
                    true => Status::NotStarted,
                    false => Status::Failed,
                };
                report.reason.get_or_insert(error.clone());
            }
        } else {
            done.insert(task);
            interrupted |= *work.stopped.lock();
        }
        for report in &of_step {
            asked.observer.event(&Event::Table {
                table: &report.table,
                status: report.status,
                reason: report.reason.as_deref(),
            });
        }
        firsts.push(reports.len());
        reports.extend(of_step);
    }
    work.clean_up_together(&firsts, &mut reports).await;
    Ok(Some(Worked {
        begun,
        files: Vec::new(),
        tables: reports,
        interrupted,
    }))
}

type Stop<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

struct Work<'a> {
    /// The database that is changed where it lies; none where rows are copied.
    database: Option<&'a dyn Database>,
    options: &'a RunOptions,
    journal: &'a Arc<Mutex<Journal>>,
    observer: &'a dyn Observer,
    dry_run: bool,
    /// Whether the run was asked to stop.
    stopped: Mutex<bool>,
    /// What is cleaned up at the end of the run, by task.
    to_clean_up: Mutex<Vec<(usize, Behind)>>,
}

/// A table at work: its units, and the plan for their slices.
struct AtWork {
    table: Arc<dyn TableWork>,
    plan: TaskPlan,
}

impl Work<'_> {
    /// Does one task, unless an earlier attempt did; the error is why it is not done whole.
    async fn step(
        &self,
        task: usize,
        step: Step,
        earlier: EarlierTask,
        reports: &mut [TableReport],
        stop: &mut Stop<'_>,
    ) -> Result<(), String> {
        if let Some(clear_rows) = self.done_before(task, &step, &earlier).await? {
            for report in &mut *reports {
                report.resumed = true;
                report.clear_rows = clear_rows;
            }
            match (step, reports.first_mut()) {
                (Step::Mask(plan), Some(report)) => {
                    self.clean_up_behind(task, plan, earlier, report).await;
                }
                (Step::Sql { .. }, _) => {
                    for (known_by, _) in &earlier.committing {
                        self.forget(known_by).await?;
                    }
                }
                (Step::Copy(plan), Some(report)) => {
                    self.clean_up_copy(task, *plan, earlier, report).await;
                }
                _ => {}
            }
        } else {
            match step {
                Step::Sql { sql, .. } => self.sql(task, &sql, stop).await?,
                Step::Mask(plan) => self.mask(task, *plan, earlier, reports, stop).await?,
                Step::Copy(plan) => self.copy(task, *plan, earlier, reports, stop).await?,
            }
        }
        for report in reports {
            report.status = match report.clear_rows {
                0 => Status::Masked,
                _ => Status::Partly,
            };
        }
        Ok(())
    }

    /// The rows that stay as they are, where an earlier attempt did the whole task.
    async fn done_before(
        &self,
        task: usize,
        step: &Step,
        earlier: &EarlierTask,
    ) -> Result<Option<u64>, String> {
        if earlier.done.is_some() {
            return Ok(earlier.done);
        }
        for (known_by, clear_rows) in &earlier.committing {
            let committed = match (step, self.database) {
                (Step::Copy(plan), _) => plan.is_committed(known_by).await,
                (_, Some(database)) => database.is_committed(known_by).await,
                (_, None) => Ok(None),
            };
            match committed.map_err(said)? {
                Some(true) => {
                    self.note_done(task, *clear_rows)?;
                    return Ok(Some(*clear_rows));
                }
                Some(false) => {}
                None => {
                    return Err(format!(
                        "the server no longer knows what became of transaction {known_by} of an earlier \
                         attempt: look whether the task is done, and start a new run"
                    ));
                }
            }
        }
        Ok(None)
    }

    fn note_done(&self, task: usize, clear_rows: u64) -> Result<(), String> {
        self.note(&Record::TaskDone { task, clear_rows })
    }

    async fn sql(&self, task: usize, sql: &str, stop: &mut Stop<'_>) -> Result<(), String> {
        if self.dry_run {
            return Ok(());
        }
        let announced = Arc::new(Mutex::new(None));
        let (announce, known) = (self.announce(task, 0), Arc::clone(&announced));
        let announce: Announce = Box::new(move |known_by: &str| {
            *known.lock() = Some(known_by.to_owned());
            announce(known_by)
        });
        let Some(database) = self.database else {
            return Err("there is no database to run it on".to_owned());
        };
        let stopped = async {
            let already = *self.stopped.lock();
            if !already {
                stop.await;
                *self.stopped.lock() = true;
                self.observer.event(&Event::Interrupted);
            }
            // Once its end is announced, it is waited for.
            let announced = announced.lock().is_some();
            if already || announced {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            ran = database.run_in_transaction(sql, announce) => ran.map_err(said)?,
            // The server drops what it did.
            () = stopped => return Err("the run was interrupted".to_owned()),
        }
        self.note_done(task, 0)?;
        let known_by = announced.lock().take();
        match known_by {
            Some(known_by) => self.forget(&known_by).await,
            None => Ok(()),
        }
    }

    async fn mask(
        &self,
        task: usize,
        plan: TablePlan,
        earlier: EarlierTask,
        reports: &mut [TableReport],
        stop: &mut Stop<'_>,
    ) -> Result<(), String> {
        let rewrite = plan.way.rewrite;
        let name = self.name(task, earlier, rewrite)?;
        let workers = plan.job.workers;
        let opened = match (plan.following.is_empty(), self.database) {
            (true, _) => {
                let TablePlan {
                    table,
                    mut job,
                    columns,
                    offered,
                    ..
                } = plan;
                job.name = name;
                let (bytes, shuffled) = (table.facts().bytes, !job.shuffled.is_empty());
                let table = table.open(job, rewrite).await.map_err(said)?;
                vec![Opened {
                    table,
                    columns,
                    bytes,
                    shuffled,
                    offered,
                }]
            }
            (false, Some(database)) => {
                let opened = open_together(database, plan, &name).await;
                opened.map_err(said)?
            }
            (false, None) => return Err("there is no database to mask".to_owned()),
        };
        self.through(task, opened, workers, reports, stop).await
    }

    async fn copy(
        &self,
        task: usize,
        mut plan: CopyPlan,
        earlier: EarlierTask,
        reports: &mut [TableReport],
        stop: &mut Stop<'_>,
    ) -> Result<(), String> {
        let mut job = plan.job.clone();
        job.name = self.name(task, earlier, false)?;
        let workers = job.workers;
        let opened = Opened {
            bytes: plan.bytes(),
            shuffled: !job.shuffled.is_empty(),
            offered: plan.offered,
            columns: std::mem::take(&mut plan.columns),
            table: plan.open(job).await.map_err(said)?,
        };
        self.through(task, vec![opened], workers, reports, stop)
            .await
    }

    /// The beginning of the names of what is made for a task: the one that an earlier attempt used, if any.
    fn name(&self, task: usize, earlier: EarlierTask, rewrite: bool) -> Result<String, String> {
        if let Some((name, _)) = earlier.begun {
            return Ok(name);
        }
        let name = new_name(task).map_err(|error| error.to_string())?;
        let record = Record::Table {
            task,
            name: name.clone(),
            rewrite,
        };
        self.note(&record)?;
        Ok(name)
    }

    /// Takes all units of `tables` through their masks, by `workers` at once: one table after the other. Where
    /// there are several, they change together with the last.
    async fn through(
        &self,
        task: usize,
        tables: Vec<Opened>,
        workers: usize,
        reports: &mut [TableReport],
        stop: &mut Stop<'_>,
    ) -> Result<(), String> {
        let mut outcome = Ok(());
        let mut at_work = Vec::with_capacity(tables.len());
        for (opened, report) in tables.into_iter().zip(&mut *reports) {
            let Opened {
                table,
                columns,
                bytes,
                shuffled,
                offered,
            } = opened;
            if shuffled && table.units() > 1 {
                outcome = Err("`secure_shuffle` needs all rows at once".to_owned());
            }
            report.units = table.units() as u64;
            report.units_before = table.units_before() as u64;
            if table.units() > 0 && outcome.is_ok() {
                outcome = match numbered(&table, offered).await {
                    Ok(table) => {
                        let work = (task, &table, columns, bytes);
                        self.work_through(work, workers, report, stop).await
                    }
                    Err(error) => Err(error),
                };
            }
            at_work.push(table);
        }
        if outcome.is_err() && at_work.len() > 1 {
            // What the others said they did goes with the one that failed.
            reports.iter_mut().for_each(TableReport::undone);
        }
        self.end(task, &at_work, outcome, reports).await
    }

    async fn work_through(
        &self,
        (task, table, columns, bytes): (usize, &Arc<dyn TableWork>, Vec<MaskedColumn>, u64),
        workers: usize,
        report: &mut TableReport,
        stop: &mut Stop<'_>,
    ) -> Result<(), String> {
        // As with files: gathered and sorted, values take three times as much for a moment.
        let plan = planned(table, columns, self.options.memory_limit_bytes / 16).await;
        let at_work = AtWork {
            table: Arc::clone(table),
            plan: plan.map_err(|error| error.to_string())?,
        };
        self.units(task, &at_work, workers, bytes, report, stop)
            .await
    }

    /// Cleans up behind tables, and notes that their task is done where it is.
    async fn end(
        &self,
        task: usize,
        tables: &[Arc<dyn TableWork>],
        outcome: Result<(), String>,
        reports: &mut [TableReport],
    ) -> Result<(), String> {
        let all = outcome.is_ok() && !self.dry_run;
        if all {
            for (table, report) in tables.iter().zip(&mut *reports) {
                report.clear_rows = table.clear_rows();
            }
            let clear_rows = reports.iter().map(|report| report.clear_rows).sum();
            self.note_done(task, clear_rows)?;
            if self.cleans_up_together() {
                let behind = Behind::Masked(tables.to_vec());
                self.to_clean_up.lock().push((task, behind));
                return outcome;
            }
        }
        let mut left = Vec::new();
        let mut failed = None;
        for table in tables {
            match table.clean_up(outcome.is_ok()).await {
                Ok(of_table) => left.extend(of_table),
                Err(error) => failed = Some(error.find_root().to_string()),
            }
        }
        left.dedup();
        let Some(report) = reports.first_mut() else {
            return outcome;
        };
        match (all, failed) {
            (true, failed) => self.note_cleaned_up(task, failed.map_or(Ok(left), Err), report),
            (false, None) => report.still_holding = left,
            (false, Some(error)) => report
                .still_holding
                .push(format!("what the run made could not be removed: {error}")),
        }
        outcome
    }

    /// Masks and commits all units; those that met others' work are tried again.
    async fn units(
        &self,
        task: usize,
        at_work: &AtWork,
        workers: usize,
        bytes: u64,
        report: &mut TableReport,
        stop: &mut Stop<'_>,
    ) -> Result<(), String> {
        let slices = at_work.table.slices().max(1) as u64;
        let mut units: Vec<usize> = (0..at_work.table.units()).collect();
        for attempt in 1..=TRIES {
            let mut round = Round {
                work: self,
                task,
                at_work,
                last: attempt == TRIES,
                bytes_of_slice: bytes / slices,
                given_up: Arc::default(),
                left: units
                    .iter()
                    .map(|&unit| (unit, at_work.table.slices_of(unit).len()))
                    .collect(),
                counted: HashMap::new(),
                again: Vec::new(),
                failure: None,
            };
            // At last one by one: then units no longer meet each other.
            let workers = if round.last { 1 } else { workers };
            round.run(workers, report, stop).await;
            if let Some(failure) = round.failure {
                return Err(failure);
            }
            units = round.again;
            if units.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn announce(&self, task: usize, clear_rows: u64) -> Announce {
        let journal = Arc::clone(self.journal);
        Box::new(move |known_by: &str| {
            journal.lock().write(&Record::Committing {
                task,
                known_by: known_by.to_owned(),
                clear_rows,
            })
        })
    }

    fn note(&self, record: &Record) -> Result<(), String> {
        let written = self.journal.lock().write(record);
        written.map_err(|error| format!("the journal cannot be written: {error}"))
    }
}

fn said(error: DatabaseError) -> String {
    error.to_string()
}

async fn planned(
    table: &Arc<dyn TableWork>,
    columns: Vec<MaskedColumn>,
    shuffled_bytes: u64,
) -> Result<TaskPlan, EngineError> {
    plan_task(
        Arc::new(UnitTable(Arc::clone(table) as _)),
        Arc::new(UnitTarget(Arc::clone(table).sink())),
        columns,
        Places {
            path: PATH_COLUMN,
            row: ROW_COLUMN,
            number: NUMBER_COLUMN,
        },
        Units {
            slices: (0..table.units())
                .map(|unit| table.slices_of(unit))
                .collect(),
            memory: ShuffleMemory::new(shuffled_bytes),
        },
    )
    .await
}

/// The beginning of the names of what a task makes in the database: nobody else's.
fn new_name(task: usize) -> std::io::Result<String> {
    let mut random = [0; 6];
    getrandom::fill(&mut random)
        .map_err(|_| std::io::Error::other("the system gives no random bits"))?;
    Ok(format!("visard_{}_{task}", HEXLOWER.encode(&random)))
}
