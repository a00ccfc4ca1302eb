//! The log of a run: lines are taken at once and written a batch at a time.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

use super::Status;
use crate::app::App;
use crate::store::{Store, StoreError, Transaction, Value};
use crate::time;

/// Lines that are written together at most.
const BATCH: usize = 500;
/// How long lines may wait for others.
const PAUSE: Duration = Duration::from_millis(200);
/// Characters of a line at most: a message may hold what somebody else wrote.
const MAX_CHARACTERS: usize = 4000;

/// How much a line matters, as the API counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn number(self) -> i64 {
        match self {
            Self::Info => 20,
            Self::Warning => 30,
            Self::Error => 40,
        }
    }
}

/// What is written in order.
enum Entry {
    Line {
        level: Level,
        at: String,
        message: String,
    },
    /// The run has begun its work.
    Running,
}

/// Takes lines of one run; a clone writes the same log.
#[derive(Clone)]
pub(crate) struct RunLog {
    entries: UnboundedSender<Entry>,
}

/// Writes what a [`RunLog`] takes.
pub(crate) struct LogWriter(JoinHandle<()>);

impl RunLog {
    /// The log of the run `run`, which goes on behind the lines that it has.
    ///
    /// # Errors
    /// As of the store.
    pub(crate) async fn open(
        app: &App,
        run: i64,
        status: Status,
    ) -> Result<(Self, LogWriter), StoreError> {
        let sql = "SELECT coalesce(max(line), 0) FROM run_log WHERE run_id = $1";
        let rows = app.store().query(sql, &[Value::Int(run)]).await?;
        let last = rows.first().map_or(Ok(0), |row| row.int(0))?;
        let (sender, receiver) = unbounded_channel();
        let app = app.clone();
        let written = tokio::spawn(async move {
            let of = Of { run, status, last };
            write_all(&app, of, receiver).await;
        });
        Ok((Self { entries: sender }, LogWriter(written)))
    }

    /// Takes a line.
    pub(crate) fn say(&self, level: Level, message: impl Into<String>) {
        self.send(Entry::Line {
            level,
            at: time::text(time::now()),
            message: bounded(message.into()),
        });
    }

    /// Notes that the run has begun its work.
    pub(crate) fn running(&self) {
        self.send(Entry::Running);
    }

    fn send(&self, entry: Entry) {
        // The writer is there until all logs of the run are dropped.
        let _ = self.entries.send(entry);
    }
}

impl LogWriter {
    /// Waits until everything is written. All clones of the log have to be dropped before.
    pub(crate) async fn closed(self) {
        if let Err(error) = self.0.await {
            tracing::error!("the log of a run was not written to its end: {error}");
        }
    }
}

/// Whose lines are written.
struct Of {
    run: i64,
    status: Status,
    /// The number of the last line.
    last: i64,
}

async fn write_all(app: &App, mut of: Of, mut entries: UnboundedReceiver<Entry>) {
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        // A store that is busy is asked again; lines that it refuses are lost, and the run goes on.
        for pause in [10, 100, 1000, 0] {
            match write(app.store(), &mut of, &batch).await {
                Err(StoreError::Busy) if pause > 0 => sleep(Duration::from_millis(pause)).await,
                Err(error) => {
                    tracing::error!("the log of run {} cannot be written: {error}", of.run);
                    break;
                }
                Ok(()) => break,
            }
        }
        batch.clear();
        if !entries.is_closed() {
            sleep(PAUSE).await;
        }
    }
}

async fn write(store: &dyn Store, of: &mut Of, batch: &[Entry]) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    let (mut status, mut last) = (of.status, of.last);
    for entry in batch {
        match entry {
            Entry::Running => {
                status = Status::Running;
                let sql = "UPDATE runs SET status = $1 WHERE id = $2 AND status = $3";
                let parameters = [
                    status.name().into(),
                    Value::Int(of.run),
                    Status::Validating.name().into(),
                ];
                transaction.query(sql, &parameters).await?;
            }
            Entry::Line { level, at, message } => {
                last += 1;
                let line = (last, at.as_str(), *level, message.as_str());
                insert(transaction.as_mut(), of.run, status.name(), line).await?;
            }
        }
    }
    transaction.commit().await?;
    (of.status, of.last) = (status, last);
    Ok(())
}

async fn insert(
    transaction: &mut dyn Transaction,
    run: i64,
    status: &str,
    (line, at, level, message): (i64, &str, Level, &str),
) -> Result<(), StoreError> {
    let sql = "INSERT INTO run_log \
               (run_id, line, timestamp, log_level, worker_id, run_status, message) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let parameters = [
        Value::Int(run),
        Value::Int(line),
        at.into(),
        Value::Int(level.number()),
        WORKER.into(),
        status.into(),
        message.into(),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

/// Ends the log of a run with how it ended, and with why where that is not well.
///
/// # Errors
/// As of the transaction.
pub(super) async fn last_line(
    transaction: &mut dyn Transaction,
    run: i64,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "SELECT r.status, coalesce(max(l.line), 0) FROM runs r \
               LEFT JOIN run_log l ON l.run_id = r.id WHERE r.id = $1 GROUP BY r.status";
    let rows = transaction.query(sql, &[Value::Int(run)]).await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let (status, line) = (row.text(0)?.to_owned(), row.int(1)? + 1);
    let (level, message) = match error {
        Some(error) => (Level::Error, error.to_owned()),
        None => (
            Level::Info,
            format!("the run is {}", status.replace('_', " ")),
        ),
    };
    let at = time::text(time::now());
    insert(
        transaction,
        run,
        &status,
        (line, &at, level, &bounded(message)),
    )
    .await
}

/// A message that is not too long, and that any store takes.
fn bounded(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MAX_CHARACTERS) {
        message.truncate(end);
        message.push('…');
    }
    // PostgreSQL takes no text with it.
    message.retain(|c| c != '\0');
    message
}

/// Who works on runs, as their logs say it: the server itself.
const WORKER: &str = "visard";

/// One line, as it is kept.
pub(crate) struct Line {
    pub(crate) timestamp: String,
    pub(crate) log_level: i64,
    pub(crate) worker_id: String,
    pub(crate) run_status: String,
    pub(crate) message: String,
}

/// The lines of a run, in order.
///
/// # Errors
/// As of the store.
pub(crate) async fn lines(store: &dyn Store, run: i64) -> Result<Vec<Line>, StoreError> {
    let sql = "SELECT timestamp, log_level, worker_id, run_status, message FROM run_log \
               WHERE run_id = $1 ORDER BY line";
    let rows = store.query(sql, &[Value::Int(run)]).await?;
    let line = |row: &crate::store::Row| {
        Ok(Line {
            timestamp: row.text(0)?.to_owned(),
            log_level: row.int(1)?,
            worker_id: row.text(2)?.to_owned(),
            run_status: row.text(3)?.to_owned(),
            message: row.text(4)?.to_owned(),
        })
    };
    rows.iter().map(line).collect()
}
