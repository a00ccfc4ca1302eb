//! The queue: so many runs at once, one at a time for each connection that is written to, in their order.
//!
//! What the store says is the truth, and the queue holds nothing else but the runs at work: a run that should
//! be at work and is not, because the server ended meanwhile, is taken up again.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::{Status, node, work};
use crate::app::App;
use crate::store::{StoreError, Value};
use crate::time;

/// How often the store is asked for what others did.
const TICK: Duration = Duration::from_secs(1);
/// How long one look at the store may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a run at work is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// A user said so.
    Cancel,
    /// The server ends; the run goes on when it is there again.
    Shutdown,
}

/// Told when a run at work is to stop.
pub(super) type Stopped = watch::Receiver<Option<Stop>>;

/// The runs of this server.
#[derive(Default)]
pub(crate) struct Runs {
    node: OnceLock<String>,
    woken: Notify,
    at_work: Mutex<HashMap<i64, watch::Sender<Option<Stop>>>>,
}

impl Runs {
    /// Has the queue look for something to do.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// The id of this server.
    ///
    /// # Errors
    /// When it cannot be read from the data folder, or written there.
    pub(super) fn node(&self, app: &App) -> std::io::Result<&str> {
        if let Some(node) = self.node.get() {
            return Ok(node);
        }
        let node = node::id(app.data())?;
        Ok(self.node.get_or_init(|| node))
    }
}

/// A queue that works; it is to be shut down.
pub(crate) struct Queue {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Starts to work on runs, on `most` of them at once.
///
/// # Errors
/// When the data folder cannot be read or written.
pub(crate) fn start(app: &App, most: usize) -> std::io::Result<Queue> {
    let node = app.runs().node(app)?.to_owned();
    let (end, ended) = watch::channel(false);
    let queue = Working {
        app: app.clone(),
        node,
        most: most.max(1),
        works: JoinSet::new(),
        heartbeat: None,
    };
    let task = tokio::spawn(queue.work(ended));
    Ok(Queue { end, task })
}

impl Queue {
    /// Interrupts the runs at work, so that they can go on later, and waits until they have stopped.
    pub(crate) async fn shut_down(self) {
        self.end.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!("the queue of runs ended badly: {error}");
        }
    }
}

struct Working {
    app: App,
    node: String,
    most: usize,
    works: JoinSet<()>,
    /// When others were last told that this server is there.
    heartbeat: Option<Instant>,
}

/// A run that is not at its end.
struct Unfinished {
    id: i64,
    own: bool,
    status: Status,
    target: String,
}

impl Working {
    async fn work(mut self, mut end: watch::Receiver<bool>) {
        while !*end.borrow_and_update() {
            let round = tokio::time::timeout(PATIENCE, self.round()).await;
            let round = round.unwrap_or_else(|_| Err(StoreError::Failed("no answer".to_owned())));
            if let Err(error) = round {
                tracing::warn!("the queue of runs is held up: {error}");
                self.give_way();
            }
            tokio::select! {
                _ = end.changed() => {}
                () = self.app.runs().woken.notified() => {}
                () = tokio::time::sleep(TICK) => {}
                Some(_) = self.works.join_next() => {}
            }
        }
        for stop in self.app.runs().at_work.lock().values() {
            stop.send_replace(Some(Stop::Shutdown));
        }
        while self.works.join_next().await.is_some() {}
    }

    /// Stops the runs at work before others take this server for one that is gone, and write where they do.
    fn give_way(&self) {
        let is_silent = |last: Instant| last.elapsed() >= node::SILENT_AT_MOST;
        if !self.heartbeat.is_some_and(is_silent) {
            return;
        }
        for (run, stop) in self.app.runs().at_work.lock().iter() {
            if tell(stop, Stop::Shutdown) {
                tracing::warn!("run {run} is interrupted until the store answers again");
            }
        }
    }

    /// Does what there is to do.
    async fn round(&mut self) -> Result<(), StoreError> {
        if self
            .heartbeat
            .is_none_or(|last| last.elapsed() >= node::HEARTBEAT)
        {
            node::heartbeat(&self.app, &self.node).await?;
            self.heartbeat = Some(Instant::now());
        }
        let at_work: Vec<i64> = self.app.runs().at_work.lock().keys().copied().collect();
        let unfinished = self.unfinished().await?;
        for run in at_work {
            if !unfinished.iter().any(|other| other.own && other.id == run) {
                // Others took this server for one that is gone; or the run has just come to its end.
                self.stop(run, Stop::Cancel);
            }
        }
        let mut busy = HashSet::new();
        for run in unfinished.iter().filter(|run| run.status.is_at_work()) {
            busy.insert(run.target.as_str());
            if run.own {
                self.keep_at_work(run);
            }
        }
        for run in unfinished.iter().filter(|run| !run.status.is_at_work()) {
            // One that waits for its turn is before all later ones.
            if !busy.insert(&run.target) || !run.own || !self.has_room() {
                continue;
            }
            if self.claim(run).await? {
                self.begin(run.id, None);
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.app.runs().at_work.lock().len() < self.most
    }

    fn stop(&self, run: i64, why: Stop) {
        if let Some(stop) = self.app.runs().at_work.lock().get(&run) {
            tell(stop, why);
        }
    }

    /// Tells a run that a user cancelled, and takes up one that nobody works on: a cancelled one to remove what it
    /// left where it wrote.
    fn keep_at_work(&mut self, run: &Unfinished) {
        let stop = (run.status == Status::Cancelling).then_some(Stop::Cancel);
        let is_at_work = self.app.runs().at_work.lock().contains_key(&run.id);
        match (is_at_work, stop) {
            (true, Some(stop)) => self.stop(run.id, stop),
            (true, None) => {}
            (false, stop) if self.has_room() => self.begin(run.id, stop),
            (false, _) => {}
        }
    }

    async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        let sql = "SELECT id, node, status, target FROM runs WHERE status IN ($1, $2, $3, $4) ORDER BY id";
        let parameters = [
            Status::Queued.name().into(),
            Status::Validating.name().into(),
            Status::Running.name().into(),
            Status::Cancelling.name().into(),
        ];
        let rows = self.app.store().query(sql, &parameters).await?;
        let unfinished = rows.iter().map(|row| {
            Ok(Unfinished {
                id: row.int(0)?,
                own: row.text(1)? == self.node,
                status: Status::named(row.text(2)?).ok_or(StoreError::Unexpected("no status"))?,
                target: row.text(3)?.to_owned(),
            })
        });
        unfinished.collect()
    }

    /// Takes a run out of the queue, unless it was cancelled, or another server writes to its target, meanwhile.
    async fn claim(&self, run: &Unfinished) -> Result<bool, StoreError> {
        let sql = "UPDATE runs SET status = $1, started = $2 WHERE id = $3 AND status = $4 \
                   AND NOT EXISTS (SELECT 1 FROM runs other WHERE other.target = $5 \
                   AND other.status IN ($6, $7, $8)) RETURNING id";
        let parameters = [
            Status::Validating.name().into(),
            time::text(time::now()).into(),
            Value::Int(run.id),
            Status::Queued.name().into(),
            run.target.as_str().into(),
            Status::Validating.name().into(),
            Status::Running.name().into(),
            Status::Cancelling.name().into(),
        ];
        match self.app.store().run(sql, &parameters).await {
            // Somebody else writes; the next round looks again.
            Err(StoreError::Busy) => Ok(false),
            claimed => Ok(!claimed?.is_empty()),
        }
    }

    fn begin(&mut self, run: i64, stop: Option<Stop>) {
        let (stop, stopped) = watch::channel(stop);
        self.app.runs().at_work.lock().insert(run, stop);
        let app = self.app.clone();
        self.works.spawn(async move {
            work::work(&app, run, stopped).await;
            app.runs().at_work.lock().remove(&run);
        });
    }
}

/// Tells a run to stop, unless it knows; whether it did not.
fn tell(stop: &watch::Sender<Option<Stop>>, why: Stop) -> bool {
    stop.send_if_modified(|known| {
        let is_new = known.is_none();
        known.get_or_insert(why);
        is_new
    })
}
