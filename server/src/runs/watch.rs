//! What a masking run tells while it works, as lines of its log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use visard::run::{Event, Observer, Status, bytes, counted};

use super::log::{Level, RunLog};

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(10);
/// Files and tables that went well and are told of one by one.
const MOST_LINES: u64 = 10_000;

/// Listens to a run.
pub(super) struct Watch {
    log: RunLog,
    begun: AtomicBool,
    counted: Mutex<Counted>,
}

struct Counted {
    rows: u64,
    bytes: u64,
    /// Files and tables that went well.
    settled: u64,
    told: Instant,
}

impl Watch {
    /// Writes what it hears into `log`.
    pub(super) fn new(log: RunLog) -> Self {
        let counted = Counted {
            rows: 0,
            bytes: 0,
            settled: 0,
            told: Instant::now(),
        };
        Self {
            log,
            begun: AtomicBool::new(false),
            counted: Mutex::new(counted),
        }
    }

    /// Whether the run has begun its work.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    fn settled(&self, name: &str, status: Status, reason: Option<&str>) {
        let message = match reason {
            Some(reason) => format!("`{name}`: {} ({reason})", status.name()),
            None => format!("`{name}`: {}", status.name()),
        };
        if status == Status::Failed {
            return self.log.say(Level::Error, message);
        }
        let mut counted = self.counted.lock();
        counted.settled += 1;
        match counted.settled {
            ..=MOST_LINES => self.log.say(Level::Info, message),
            more if more == MOST_LINES + 1 => {
                let message = "the run report tells of the others, unless they fail";
                self.log.say(Level::Info, message);
            }
            _ => {}
        }
    }
}

impl Observer for Watch {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started {
                files,
                tables,
                bytes: size,
                ..
            } => {
                self.begun.store(true, Ordering::SeqCst);
                self.log.running();
                let what = match tables {
                    0 => counted(*files, "file"),
                    tables => counted(*tables, "table"),
                };
                let message = format!("masking {what}, {}", bytes(*size));
                self.log.say(Level::Info, message);
            }
            Event::Progress { bytes: size, rows } => {
                let mut counted = self.counted.lock();
                counted.rows += rows;
                counted.bytes += size;
                if counted.told.elapsed() >= EVERY {
                    counted.told = Instant::now();
                    let message = format!("{} rows, {} so far", counted.rows, bytes(counted.bytes));
                    self.log.say(Level::Info, message);
                }
            }
            Event::File {
                path,
                status,
                reason,
            } => self.settled(path, *status, *reason),
            Event::Table {
                table,
                status,
                reason,
            } => self.settled(table, *status, *reason),
            Event::Interrupted => self.log.say(Level::Warning, "the run was asked to stop"),
        }
    }
}
