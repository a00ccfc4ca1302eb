//! Progress for people: a bar on a terminal, plain lines elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::say;
use crate::language::one_line;
use crate::run::{Event, Observer, Status, bytes, counted};

/// A bar with rate and time left.
#[derive(Debug, Default)]
pub(super) struct Bar(Mutex<Option<ProgressBar>>);

impl Observer for Bar {
    fn event(&self, event: &Event<'_>) {
        let Ok(mut bar) = self.0.lock() else { return };
        match event {
            Event::Started { bytes, .. } => {
                let style = "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta} {msg}";
                let style = ProgressStyle::with_template(style)
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
                let new = ProgressBar::new(*bytes).with_style(style);
                new.enable_steady_tick(Duration::from_millis(200));
                *bar = Some(new);
            }
            Event::Progress { bytes, .. } => {
                if let Some(bar) = &*bar {
                    bar.inc(*bytes);
                }
            }
            Event::File {
                path,
                status,
                reason,
            } => {
                let Some(bar) = &*bar else { return };
                match status {
                    Status::Failed => {
                        bar.println(failed(path, *reason));
                    }
                    _ => bar.set_message(one_line(path)),
                }
            }
            Event::Table {
                table,
                status,
                reason,
            } => {
                let Some(bar) = &*bar else { return };
                match status {
                    Status::Failed => bar.println(failed(table, *reason)),
                    _ => bar.set_message(one_line(table)),
                }
            }
            Event::Interrupted => {
                if let Some(bar) = &*bar {
                    bar.println("stopping: files that are being committed are finished first");
                }
            }
        }
    }
}

/// What became of a file or table, whose name its reason may have in it.
pub(super) fn failed(what: &str, reason: Option<&str>) -> String {
    let reason = reason.unwrap_or("failed");
    match reason.contains(&format!("`{what}`")) {
        true => one_line(reason),
        false => one_line(&format!("{what}: {reason}")),
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Ok(Some(bar)) = self.0.get_mut() {
            bar.finish_and_clear();
        }
    }
}

/// How often a plain line tells how far a run is.
const EVERY: Duration = Duration::from_secs(10);

/// Plain lines, for logs.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Option<Far>>);

/// How far a run is.
#[derive(Debug)]
struct Far {
    total: u64,
    bytes: u64,
    rows: u64,
    began: Instant,
    told: Instant,
}

impl Observer for Lines {
    fn event(&self, event: &Event<'_>) {
        let Ok(mut far) = self.0.lock() else { return };
        match event {
            Event::Started {
                files,
                tables,
                bytes: total,
                run_folder,
            } => {
                let now = Instant::now();
                *far = Some(Far {
                    total: *total,
                    bytes: 0,
                    rows: 0,
                    began: now,
                    told: now,
                });
                let what = match *tables {
                    0 => counted(*files, "file"),
                    tables => counted(tables, "table"),
                };
                say(&format!(
                    "masking {what}, {}; run folder {run_folder}\n",
                    bytes(*total)
                ));
            }
            Event::Progress { bytes: more, rows } => {
                let Some(far) = &mut *far else { return };
                far.bytes += more;
                far.rows += rows;
                if far.told.elapsed() >= EVERY {
                    far.told = Instant::now();
                    let rate = (far.bytes as f64 / far.began.elapsed().as_secs_f64()) as u64;
                    let left = far.total.saturating_sub(far.bytes) / rate.max(1);
                    say(&format!(
                        "{} of {}, {} rows, {}/s, {left} s left\n",
                        bytes(far.bytes),
                        bytes(far.total),
                        far.rows,
                        bytes(rate)
                    ));
                }
            }
            Event::File {
                path,
                status: Status::Failed,
                reason,
            } => say(&format!("{}\n", failed(path, *reason))),
            Event::Table {
                table,
                status: Status::Failed,
                reason,
            } => say(&format!("{}\n", failed(table, *reason))),
            Event::File { .. } | Event::Table { .. } => {}
            Event::Interrupted => {
                say("stopping: files that are being committed are finished first\n")
            }
        }
    }
}
