//! One try at the units of a table: slices are masked, and units committed once theirs are written.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use visard_connectors::DatabaseError;
use visard_engine::{EngineError, MemoryBudget, Slice, SliceDone, Slices, UnitMemory, run_slices};

use super::{AtWork, Stop, Work};
use crate::run::observe::Event;
use crate::run::report::{SliceCounts, TableReport};

/// One try at the units of a table.
pub(super) struct Round<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) task: usize,
    pub(super) at_work: &'a AtWork,
    /// Whether there is no other try.
    pub(super) last: bool,
    pub(super) bytes_of_slice: u64,
    /// Whether no further slice is started.
    pub(super) given_up: Arc<Mutex<bool>>,
    /// Slices that units wait for before they can be committed.
    pub(super) left: BTreeMap<usize, usize>,
    /// What the slices of units did that are not committed yet.
    pub(super) counted: HashMap<usize, Vec<SliceCounts>>,
    /// Units to be tried again.
    pub(super) again: Vec<usize>,
    pub(super) failure: Option<String>,
}

type Committed = (usize, Result<u64, DataFusionError>);

impl Round<'_> {
    pub(super) async fn run(
        &mut self,
        workers: usize,
        report: &mut TableReport,
        stop: &mut Stop<'_>,
    ) {
        let work = self.work;
        let asked = Arc::clone(&self.given_up);
        let mut done = run_slices(Slices {
            queue: self.queue(),
            wanted: Arc::new(move |_| !*asked.lock()),
            workers,
            memory: MemoryBudget::new(work.options.memory_budget_bytes()),
        });
        let mut commits: JoinSet<Committed> = JoinSet::new();
        let mut working = true;
        while working || !commits.is_empty() {
            tokio::select! {
                biased;
                () = &mut *stop, if !*work.stopped.lock() => {
                    *work.stopped.lock() = true;
                    work.observer.event(&Event::Interrupted);
                    *self.given_up.lock() = true;
                    self.failure.get_or_insert_with(|| "the run was interrupted".to_owned());
                    // Slices at work are dropped, and with them their transactions; commits are not.
                    done.close();
                    working = false;
                    while done.try_recv().is_ok() {}
                }
                Some(Ok((unit, committed))) = commits.join_next() => {
                    self.committed(unit, committed, report).await;
                }
                // No more slices are taken in than can be committed.
                slice = done.recv(), if working && commits.len() < workers => match slice {
                    None => working = false,
                    Some(slice) => self.written(slice, &mut commits).await,
                },
            }
        }
        for unit in std::mem::take(&mut self.left).into_keys() {
            self.at_work.table.abort(unit).await;
        }
    }

    fn queue(&self) -> VecDeque<Slice> {
        let AtWork { table, plan } = self.at_work;
        let held = Arc::new(UnitMemory::new(0));
        let units = self.left.keys();
        let slices = units.flat_map(|&unit| table.slices_of(unit).map(move |slice| (unit, slice)));
        slices
            .map(|(unit, partition)| Slice {
                unit,
                plan: Arc::clone(&plan.physical),
                context: Arc::clone(&plan.context),
                partition,
                memory: table.memory_of(partition),
                unit_memory: Arc::clone(&held),
            })
            .collect()
    }

    /// Takes a slice's end into account, and commits its unit where it was the last.
    async fn written(&mut self, slice: SliceDone, commits: &mut JoinSet<Committed>) {
        let unit = slice.unit;
        let rows = match slice.rows {
            Ok(Some(rows)) => rows,
            // Its unit is no longer wanted.
            Ok(None) => return,
            Err(error) => return self.failed(unit, Failure::of(&error)).await,
        };
        let Some(left) = self.left.get_mut(&unit) else {
            return;
        };
        *left -= 1;
        let is_last = *left == 0;
        self.counted
            .entry(unit)
            .or_default()
            .push((rows, slice.columns));
        let bytes = self.bytes_of_slice;
        self.work.observer.event(&Event::Progress { bytes, rows });
        if !is_last {
            return;
        }
        self.left.remove(&unit);
        let table = &self.at_work.table;
        let committed = match self.work.dry_run {
            true => {
                let aborted = table.abort(unit);
                Box::pin(async move {
                    aborted.await;
                    Ok(0)
                })
            }
            false => table.commit(unit, self.work.announce(self.task, table.clear_rows())),
        };
        commits.spawn(async move { (unit, committed.await) });
    }

    async fn committed(
        &mut self,
        unit: usize,
        committed: Result<u64, DataFusionError>,
        report: &mut TableReport,
    ) {
        let counted = self.counted.remove(&unit).unwrap_or_default();
        if let Err(error) = committed {
            let failure = Failure::of(&EngineError::Slice(error));
            return self.failed(unit, failure).await;
        }
        report.units_done += 1;
        for (rows, columns) in counted {
            report.add(rows, columns);
        }
    }

    async fn failed(&mut self, unit: usize, failure: Failure) {
        self.left.remove(&unit);
        self.counted.remove(&unit);
        self.at_work.table.abort(unit).await;
        if failure.again && !self.last && self.at_work.table.is_repeatable() {
            self.again.push(unit);
            return;
        }
        self.failure.get_or_insert(failure.text);
        *self.given_up.lock() |= !self.work.options.continue_on_failure;
    }
}

/// Why a unit is not done.
struct Failure {
    text: String,
    /// Whether the same once more may go well.
    again: bool,
}

impl Failure {
    fn of(error: &EngineError) -> Self {
        let cause = match error {
            EngineError::Slice(error) => match error.find_root() {
                DataFusionError::External(cause) => cause.downcast_ref::<DatabaseError>(),
                _ => None,
            },
            _ => None,
        };
        Self {
            text: error.to_string(),
            again: cause.is_some_and(DatabaseError::is_retryable),
        }
    }
}
