//! Signals: which ones ask a command to stop, and which one must not end it.

use tokio::signal::unix::{SignalKind, signal};

use crate::run::exit;

/// From here on a write beyond the file size limit of the process fails, as on a full disk: on its own the
/// signal that comes with it would end the process, without a report and with its temp files left behind.
/// Within a runtime.
pub(super) fn outlive_file_size_limit() {
    // Whoever listens to a signal does not die of it. Nobody has to hear it: the write tells.
    if let Err(error) = signal(SignalKind::from_raw(libc::SIGXFSZ)) {
        tracing::warn!("a file size limit will end the process: {error}");
    }
}

/// What SIGHUP means to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// The terminal goes away, and the command ends.
    Stop,
    /// Something else, which the command listens for itself.
    GoOn,
}

/// Ctrl-C, SIGTERM, or SIGHUP where it says so; a second one ends the process at once.
pub async fn asked_to_stop(hangup: Hangup) {
    let (ask, asked) = tokio::sync::oneshot::channel();
    // A thread of its own hears them however busy the others are.
    std::thread::spawn(move || {
        let listener = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        listener.block_on(listen(ask, hangup))
    });
    // Where signals cannot be caught, the run goes on to its end.
    if asked.await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn listen(ask: tokio::sync::oneshot::Sender<()>, hangup: Hangup) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // `nohup` asks for a run that outlives its terminal.
    let mut hangup = match hangup == Hangup::GoOn || is_ignored(libc::SIGHUP) {
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    let mut next = async || {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
    };
    next().await;
    // A run that has ended meanwhile asks no more.
    let _ = ask.send(());
    next().await;
    std::process::exit(i32::from(exit::INTERRUPTED));
}

/// Whether whoever started the process had it ignore `signal`, where the system tells.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
