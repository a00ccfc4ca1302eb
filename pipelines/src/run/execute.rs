//! Slices become committed files.
//!
//! A file is committed as soon as its last slice is written: staged (complete and durable), put on
//! record, made visible, put on record again. A file that fails is given up; whether others are still
//! started is the pipeline's `continue_on_failure`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::io::{Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use visard_connectors::store::{Object, StagedOutput, Store};
use visard_connectors::{GroupRef, is_consequence};
use visard_engine::{EngineError, MemoryBudget, Slice, SliceDone, Slices, UnitMemory, run_slices};

use super::journal::{Journal, Record};
use super::observe::{Event, Observer};
use super::report::{FileReport, Status};
use crate::check::{Action, FilePlan, Planned, Stores};
use crate::language::RunOptions;

/// Files that are committed at the same time.
const COMMITS_AT_ONCE: usize = 8;
/// Files that are copied at the same time.
const COPIES_AT_ONCE: usize = 8;
/// Bytes read at once while a file is copied.
const COPY_BYTES: u64 = 4 << 20;

/// A run that is planned.
pub(super) struct Execution<'a> {
    pub options: &'a RunOptions,
    pub stores: &'a Stores,
    pub planned: &'a Planned,
    pub journal: &'a Arc<Mutex<Journal>>,
    pub observer: &'a dyn Observer,
    /// Slices at work at once; one for each core when nothing is said.
    pub workers: Option<usize>,
    /// Everything but committing.
    pub dry_run: bool,
}

/// What slices are asked before they start.
#[derive(Default)]
struct Wanted {
    /// Files with a slice at work or done.
    started: HashSet<usize>,
    /// Files given up.
    failed: HashMap<usize, Reason>,
    /// Whether no further file is started.
    stopped: bool,
    /// Whether the files at work are to be left, too.
    interrupted: bool,
}

/// What is known of why a file failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The reason itself.
    Known,
    /// That another part of the file failed.
    Consequence,
}

/// How a commit or copy came out: file, output size, output hash; nothing where the run ended first.
type Settled = (usize, Option<Result<(u64, String), String>>);

impl Execution<'_> {
    /// Files to mask or copy.
    pub(super) fn files(&self) -> u64 {
        self.pending().count() as u64
    }

    /// Their size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.pending().map(|object| object.size).sum()
    }

    fn pending(&self) -> impl Iterator<Item = &Object> {
        let pending = |action: &Action| matches!(action, Action::Mask { .. } | Action::Copy);
        self.planned
            .files
            .iter()
            .filter(move |file| pending(&file.action))
            .map(|file| &file.object)
    }

    /// Works until all is done, given up, or `stop` ends it; the reports of all files, and whether it
    /// was stopped.
    pub(super) async fn run(&self, stop: impl Future<Output = ()>) -> (Vec<FileReport>, bool) {
        let mut reports = self.reports();
        let wanted = Arc::new(Mutex::new(Wanted::default()));
        let held = self.unit_memory();
        let memory = MemoryBudget::new(self.options.memory_budget_bytes());
        let (queue, mut left) = self.queue(&held);
        let slices_of: Vec<usize> = left.clone();
        let asked = Arc::clone(&wanted);
        let mut done = run_slices(Slices {
            queue,
            wanted: Arc::new(move |file| asked.lock().wants(file)),
            workers: self.workers(),
            memory: memory.clone(),
        });
        let gate = Arc::new(Semaphore::new(COMMITS_AT_ONCE));
        let mut settling: JoinSet<Settled> = JoinSet::new();
        self.start_copies(&memory, &wanted, &mut settling);
        let mut stop = std::pin::pin!(stop);
        let mut interrupted = false;
        let mut working = true;
        while working || !settling.is_empty() {
            tokio::select! {
                biased;
                () = &mut stop, if !interrupted => {
                    interrupted = true;
                    self.observer.event(&Event::Interrupted);
                    let mut wanted = wanted.lock();
                    (wanted.stopped, wanted.interrupted) = (true, true);
                    drop(wanted);
                    // Slices at work are dropped; files that are being committed are finished.
                    done.close();
                    working = false;
                    held.iter().for_each(|held| held.release());
                    while done.try_recv().is_ok() {}
                }
                Some(settled) = settling.join_next() => {
                    if let Ok((file, _)) = &settled {
                        held[*file].release();
                    }
                    if let Ok((file, Some(result))) = settled {
                        self.settle(file, result, &mut reports[file], &wanted);
                    }
                }
                slice = done.recv(), if working => match slice {
                    None => working = false,
                    Some(slice) => {
                        let file = slice.unit;
                        let bytes = reports[file].bytes_in / slices_of[file].max(1) as u64;
                        left[file] -= 1;
                        if !self.take(slice, bytes, &mut reports[file], &wanted) {
                            held[file].release();
                        } else if left[file] == 0 {
                            self.commit(file, &gate, &mut settling);
                        }
                    }
                },
            }
        }
        self.give_up_rest(&mut reports);
        (reports, interrupted)
    }

    fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.workers.unwrap_or_else(cores)
    }

    /// A report for each file, with what is known before the run.
    fn reports(&self) -> Vec<FileReport> {
        let report = |file: &FilePlan| {
            let mut report = FileReport::new(&file.object.path, file.object.size);
            match &file.action {
                Action::Mask { group, .. } => {
                    report
                        .unmasked
                        .clone_from(&self.planned.groups[*group].unmasked);
                }
                Action::Copy => {}
                Action::Skip(reason) => {
                    report.status = Status::Skipped;
                    report.reason = Some(reason.clone());
                }
                Action::Archived => {
                    report.status = Status::Archived;
                    report.reason = Some("it lies in an archive (S3 Glacier)".to_owned());
                }
                Action::Done { copied } => {
                    report.status = if *copied {
                        Status::Copied
                    } else {
                        Status::Masked
                    };
                    report.resumed = true;
                }
            }
            report
        };
        self.planned.files.iter().map(report).collect()
    }

    /// What each file holds from its first slice until it is committed: its output, and what its format
    /// keeps of it.
    fn unit_memory(&self) -> Vec<Arc<UnitMemory>> {
        let files = self.planned.files.iter().enumerate();
        let bytes = |(file, plan): (usize, &FilePlan)| match self.group_of(file) {
            None => 0,
            Some((group, unit)) => {
                let output = self.stores.target.output_memory_bytes(plan.object.size);
                output + group.group.memory_of_unit(unit)
            }
        };
        files
            .map(|file| Arc::new(UnitMemory::new(bytes(file))))
            .collect()
    }

    /// All slices in the order they start, and how many each file has.
    fn queue(&self, held: &[Arc<UnitMemory>]) -> (VecDeque<Slice>, Vec<usize>) {
        let mut left = vec![0; self.planned.files.len()];
        let mut queue = VecDeque::new();
        for group in &self.planned.groups {
            for (unit, &file) in group.files.iter().enumerate() {
                for partition in group.group.group.slices_of(unit) {
                    for (part, plan) in group.plans.iter().enumerate() {
                        left[file] += 1;
                        queue.push_back(Slice {
                            unit: file,
                            plan: Arc::clone(&plan.physical),
                            context: Arc::clone(&plan.context),
                            partition,
                            memory: group.group.group.memory_of(partition, part),
                            unit_memory: Arc::clone(&held[file]),
                        });
                    }
                }
            }
        }
        (queue, left)
    }

    /// Takes a slice's end into account; whether its file is still on its way.
    fn take(
        &self,
        slice: SliceDone,
        bytes: u64,
        report: &mut FileReport,
        wanted: &Mutex<Wanted>,
    ) -> bool {
        match slice.rows {
            Ok(Some(rows)) => {
                report.add(rows, slice.columns);
                self.observer.event(&Event::Progress { bytes, rows });
                report.status != Status::Failed
            }
            Ok(None) => false,
            Err(error) => {
                let consequence = matches!(&error, EngineError::Slice(e) if is_consequence(e));
                let known = wanted.lock().failed.get(&slice.unit).copied();
                match known {
                    None => self.fail(slice.unit, error.to_string(), report, wanted),
                    // The slice that failed first may be told of last.
                    Some(Reason::Consequence) => {
                        report.reason = Some(without_path(error.to_string(), &report.path));
                    }
                    Some(Reason::Known) => return false,
                }
                let reason = if consequence {
                    Reason::Consequence
                } else {
                    Reason::Known
                };
                wanted.lock().failed.insert(slice.unit, reason);
                false
            }
        }
    }

    fn fail(&self, file: usize, reason: String, report: &mut FileReport, wanted: &Mutex<Wanted>) {
        let reason = without_path(reason, &report.path);
        let mut wanted = wanted.lock();
        wanted.failed.insert(file, Reason::Known);
        wanted.stopped |= !self.options.continue_on_failure;
        drop(wanted);
        self.abort(file);
        self.observer.event(&Event::File {
            path: &report.path,
            status: Status::Failed,
            reason: Some(&reason),
        });
        report.status = Status::Failed;
        report.reason = Some(reason);
        report.rows = 0;
        report.columns.clear();
    }

    fn group_of(&self, file: usize) -> Option<(&GroupRef, usize)> {
        match self.planned.files[file].action {
            Action::Mask { group, unit } => Some((&self.planned.groups[group].group, unit)),
            _ => None,
        }
    }

    fn abort(&self, file: usize) {
        if let Some((group, unit)) = self.group_of(file) {
            group.group.abort(unit);
        }
    }

    /// Ends the output of a file whose slices are all written, and makes it visible.
    fn commit(&self, file: usize, gate: &Arc<Semaphore>, settling: &mut JoinSet<Settled>) {
        let Some((group, unit)) = self.group_of(file) else {
            return;
        };
        if self.dry_run {
            group.group.abort(unit);
            settling.spawn(async move { (file, Some(Ok((0, String::new())))) });
            return;
        }
        let finished = group.group.finish(unit);
        let (gate, journal) = (Arc::clone(gate), Arc::clone(self.journal));
        settling.spawn(async move {
            let _permit = gate.acquire_owned().await;
            let committed = match finished.await {
                Ok(staged) => commit(staged, &journal).await,
                Err(error) => Err(error.find_root().to_string()),
            };
            (file, Some(committed))
        });
    }

    fn start_copies(
        &self,
        memory: &MemoryBudget,
        wanted: &Arc<Mutex<Wanted>>,
        settling: &mut JoinSet<Settled>,
    ) {
        // Not the gate of commits: who waits for memory must not keep those from ending that hold it.
        let gate = Arc::new(Semaphore::new(COPIES_AT_ONCE));
        for (file, plan) in self.planned.files.iter().enumerate() {
            if plan.action != Action::Copy {
                continue;
            }
            if self.dry_run {
                settling.spawn(async move { (file, Some(Ok((0, String::new())))) });
                continue;
            }
            let (gate, journal) = (Arc::clone(&gate), Arc::clone(self.journal));
            let Stores { source, target } = self.stores.clone();
            let (object, wanted) = (plan.object.clone(), Arc::clone(wanted));
            let memory = memory.clone();
            settling.spawn(async move {
                let _permit = gate.acquire_owned().await;
                let read = COPY_BYTES.min(object.size);
                let output = target.output_memory_bytes(object.size);
                let _reserved = memory.reserve(read + output).await;
                if !wanted.lock().wants(file) {
                    return (file, None);
                }
                let go_on = move || !wanted.lock().interrupted;
                let copied =
                    tokio::task::spawn_blocking(move || copy(&source, &target, &object, &go_on));
                let committed = match copied.await {
                    Ok(Ok(Some(staged))) => commit(staged, &journal).await,
                    Ok(Ok(None)) => return (file, None),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(stopped) => Err(stopped.to_string()),
                };
                (file, Some(committed))
            });
        }
    }

    fn settle(
        &self,
        file: usize,
        result: Result<(u64, String), String>,
        report: &mut FileReport,
        wanted: &Mutex<Wanted>,
    ) {
        match result {
            Err(reason) => self.fail(file, reason, report, wanted),
            Ok((bytes, sha256)) => {
                report.bytes_out = bytes;
                report.sha256 = (!self.dry_run).then_some(sha256);
                report.status = match self.planned.files[file].action {
                    Action::Copy => {
                        let bytes = report.bytes_in;
                        self.observer.event(&Event::Progress { bytes, rows: 0 });
                        Status::Copied
                    }
                    _ => Status::Masked,
                };
                let (path, status) = (&report.path, report.status);
                self.observer.event(&Event::File {
                    path,
                    status,
                    reason: None,
                });
            }
        }
    }

    /// What is neither committed nor failed was stopped before its end.
    fn give_up_rest(&self, reports: &mut [FileReport]) {
        for (file, report) in reports.iter_mut().enumerate() {
            if report.status == Status::NotStarted {
                self.abort(file);
                report.rows = 0;
                report.columns.clear();
                report.reason = Some("the run ended before it was done".to_owned());
            }
        }
    }
}

impl Wanted {
    fn wants(&mut self, file: usize) -> bool {
        if self.failed.contains_key(&file) {
            return false;
        }
        if self.started.contains(&file) {
            return true;
        }
        if self.stopped {
            return false;
        }
        self.started.insert(file);
        true
    }
}

/// A reason stands behind the path of its file, and need not begin with it.
fn without_path(reason: String, path: &str) -> String {
    match reason.strip_prefix(&format!("`{path}`: ")) {
        Some(rest) => rest.to_owned(),
        None => reason,
    }
}

/// Makes a complete output visible, on record before and after.
async fn commit(staged: StagedOutput, journal: &Mutex<Journal>) -> Result<(u64, String), String> {
    let record = staged.staged().clone();
    let wrong = |error: std::io::Error| format!("the journal cannot be written: {error}");
    journal
        .lock()
        .write(&Record::Staged(record.clone()))
        .map_err(wrong)?;
    staged.commit().await.map_err(|error| error.to_string())?;
    journal
        .lock()
        .note(&Record::Committed { path: record.path })
        .map_err(wrong)?;
    Ok((record.bytes, record.sha256))
}

/// Copies a file as it is, unless `go_on` ends it; blocking.
fn copy(
    source: &Store,
    target: &Store,
    object: &Object,
    go_on: &dyn Fn() -> bool,
) -> std::io::Result<Option<StagedOutput>> {
    let reader = source.reader(object)?;
    let output = target.create(&object.path, object.size)?;
    let mut output = output.no_wider_than(object);
    let mut at = 0;
    while at < object.size {
        if !go_on() {
            return Ok(None);
        }
        let end = (at + COPY_BYTES).min(object.size);
        let bytes = reader.read(at..end)?;
        std::io::copy(&mut bytes.as_ref().take(end - at), &mut output)?;
        at = end;
    }
    output.flush()?;
    reader.verify_unchanged()?;
    Ok(Some(output.stage()?))
}
