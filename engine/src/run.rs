//! Runs slices: started in order, as many at once as workers and memory allow.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::{FutureExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use visard_udfs::{Counts, Tally};

use crate::error::EngineError;
use crate::memory::{MemoryBudget, UnitMemory};

/// A slice to run.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The unit it belongs to, by the caller's count.
    pub unit: usize,
    /// The plan.
    pub plan: Arc<dyn ExecutionPlan>,
    /// What the plan runs in.
    pub context: Arc<TaskContext>,
    /// The plan's partition.
    pub partition: usize,
    /// Bytes the slice may hold.
    pub memory: u64,
    /// What its unit holds besides.
    pub unit_memory: Arc<UnitMemory>,
}

/// What became of a slice.
#[derive(Debug)]
pub struct SliceDone {
    /// The unit it belongs to.
    pub unit: usize,
    /// Rows written; `None` when the slice was not started because its unit is given up.
    pub rows: Result<Option<u64>, EngineError>,
    /// What its masks did, by column path.
    pub columns: BTreeMap<String, Counts>,
}

/// The slices of a run, and whether a unit is still wanted.
pub struct Slices {
    /// In the order they are to start; those of one unit in file order.
    pub queue: VecDeque<Slice>,
    /// Asked before a slice starts; once false for a unit, it stays so.
    pub wanted: Arc<dyn Fn(usize) -> bool + Send + Sync>,
    /// Slices at work at once.
    pub workers: usize,
    /// What they may hold together.
    pub memory: MemoryBudget,
}

/// Runs every slice and tells of each as it ends. Dropping the receiver stops the run: slices at work
/// are cancelled at their next batch.
pub fn run_slices(slices: Slices) -> mpsc::Receiver<SliceDone> {
    let (done, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        tokio::select! {
            () = start_all(slices, &done) => {}
            // The select drops the slices at work, and with them their streams.
            () = done.closed() => {}
        }
    });
    receiver
}

async fn start_all(slices: Slices, done: &mpsc::Sender<SliceDone>) {
    let Slices {
        mut queue,
        wanted,
        workers,
        memory,
    } = slices;
    let mut at_work: JoinSet<SliceDone> = JoinSet::new();
    while let Some(slice) = queue.pop_front() {
        while at_work.len() >= workers.max(1) {
            report(at_work.join_next().await, done).await;
        }
        let reserved = {
            let reserve = slice.unit_memory.reserve_slice(&memory, slice.memory);
            let mut reserve = std::pin::pin!(reserve);
            loop {
                tokio::select! {
                    reserved = &mut reserve => break reserved,
                    Some(ended) = at_work.join_next() => report(Some(ended), done).await,
                }
            }
        };
        if !wanted(slice.unit) {
            // It may have been given up before it took anything.
            slice.unit_memory.release();
            let columns = BTreeMap::new();
            tell(
                SliceDone {
                    unit: slice.unit,
                    rows: Ok(None),
                    columns,
                },
                done,
            )
            .await;
            continue;
        }
        at_work.spawn(async move {
            let unit = slice.unit;
            // A panic in a kernel fails its unit like any other error.
            let tally = Arc::new(Tally::default());
            let counted = counting(Arc::clone(&tally), run_slice(slice));
            let rows = match AssertUnwindSafe(counted).catch_unwind().await {
                Ok(rows) => rows.map(Some).map_err(EngineError::Slice),
                Err(_) => Err(EngineError::Panic),
            };
            drop(reserved);
            SliceDone {
                unit,
                rows,
                columns: tally.counts(),
            }
        });
    }
    while let Some(ended) = at_work.join_next().await {
        report(Some(ended), done).await;
    }
}

async fn report(
    ended: Option<Result<SliceDone, tokio::task::JoinError>>,
    done: &mpsc::Sender<SliceDone>,
) {
    // Tasks catch their panics, and are cancelled only together with this set.
    if let Some(Ok(ended)) = ended {
        tell(ended, done).await;
    }
}

async fn tell(ended: SliceDone, done: &mpsc::Sender<SliceDone>) {
    // A closed channel means that the run was stopped; the caller knows.
    done.send(ended).await.unwrap_or_default();
}

/// The future, with `tally` installed whenever it is polled.
async fn counting<F: Future>(tally: Arc<Tally>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        let _entered = tally.enter();
        future.as_mut().poll(context)
    })
    .await
}

async fn run_slice(slice: Slice) -> Result<u64, DataFusionError> {
    let batches: Vec<_> = slice
        .plan
        .execute(slice.partition, slice.context)?
        .try_collect()
        .await?;
    Ok(batches
        .iter()
        .flat_map(|batch| batch.column(1).as_primitive::<UInt64Type>().values().iter())
        .sum())
}
