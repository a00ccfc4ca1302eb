//! One attempt at a run, whatever kind it is of.

use tokio::sync::watch;
use zeroize::Zeroizing;

use super::end::{Ended, finish};
use super::log::{Level, RunLog};
use super::queue::{Stop, Stopped};
use super::row::{Kind, Run, find};
use super::{Status, discovering, masking};
use crate::app::App;
use crate::store::{StoreError, Value};

/// How often a run is taken up again that the server did not survive. Once more it is only cleaned up behind.
const MOST_ATTEMPTS: i64 = 5;

/// A run at work.
pub(super) struct AtWork<'a> {
    pub(super) app: &'a App,
    pub(super) run: Run,
    /// What was sealed for it, if anything was.
    pub(super) secrets: Zeroizing<Vec<u8>>,
    pub(super) log: RunLog,
    pub(super) stopped: Stopped,
}

/// Works on a run until it is at its end, or stopped. Where the store fails, the run stays as it is and is taken
/// up again.
pub(super) async fn work(app: &App, id: i64, stopped: Stopped) {
    if let Err(error) = attempt(app, id, stopped).await {
        tracing::error!("run {id} is held up: {error}");
    }
}

async fn attempt(app: &App, id: i64, stopped: Stopped) -> Result<(), StoreError> {
    let sql = "UPDATE runs SET attempts = attempts + 1 WHERE id = $1 AND status IN ($2, $3, $4) \
               RETURNING attempts, sealed";
    let parameters = [
        Value::Int(id),
        Status::Validating.name().into(),
        Status::Running.name().into(),
        Status::Cancelling.name().into(),
    ];
    let rows = app.store().run(sql, &parameters).await?;
    let (Some(row), Some(run)) = (rows.first(), find(app.store(), id).await?) else {
        // Others ended it before it came to be at work.
        return Ok(());
    };
    let attempts = row.int(0)?;
    let opened = match row.maybe_bytes(1)? {
        Some(sealed) => app.vault().open(&super::place(id), sealed),
        None => Ok(Zeroizing::default()),
    };
    let (log, writer) = RunLog::open(app, id, run.status).await?;
    let is_given_up = attempts > MOST_ATTEMPTS;
    let given_up = || {
        let why = format!("the server ended {MOST_ATTEMPTS} times while it worked on the run");
        Some(Ended::failed(why))
    };
    let ended = match opened {
        // Not even the clean-up behind it came to its end.
        _ if attempts > MOST_ATTEMPTS + 1 => given_up(),
        Err(error) => Some(Ended::failed(error.to_string())),
        Ok(secrets) => {
            let stopped = match is_given_up {
                true => watch::channel(Some(Stop::Cancel)).1,
                false => stopped,
            };
            // It is stopped before it goes on, and nothing is left of it but what it removes.
            let only_cleans_up = *stopped.borrow() == Some(Stop::Cancel);
            if attempts > 1 && !only_cleans_up {
                log.say(Level::Warning, "the run goes on after the server ended");
            }
            let ended = at_work(AtWork {
                app,
                run,
                secrets,
                log: log.clone(),
                stopped,
            });
            let mut ended = ended.await;
            if let (true, Some(why)) = (
                only_cleans_up,
                ended.as_mut().and_then(|e| e.error.as_mut()),
            ) {
                *why = format!("what the run left behind may still be there: {why}");
                log.say(Level::Warning, why.clone());
            }
            match is_given_up {
                true => given_up(),
                false => ended,
            }
        }
    };
    if ended.is_none() {
        let message = "the server ends; the run goes on when it is there again";
        log.say(Level::Warning, message);
    }
    drop(log);
    writer.closed().await;
    match ended {
        Some(ended) => finish(app, id, &ended).await,
        None => {
            // It is not the run's fault.
            let sql = "UPDATE runs SET attempts = attempts - 1 WHERE id = $1";
            app.store().run(sql, &[Value::Int(id)]).await.map(drop)
        }
    }
}

/// How it came out; nothing where it is to go on later.
async fn at_work(at_work: AtWork<'_>) -> Option<Ended> {
    match at_work.run.kind {
        Kind::Masking => masking::run(at_work).await,
        Kind::SchemaDiscovery | Kind::FileDiscovery => discovering::run(at_work).await,
    }
}

impl AtWork<'_> {
    /// How a run ended that was stopped on its way: nothing where it is to go on later.
    pub(super) fn interrupted(&self) -> Option<Ended> {
        match *self.stopped.borrow() {
            Some(Stop::Shutdown) => None,
            Some(Stop::Cancel) | None => Some(Ended {
                status: Status::Cancelled,
                error: None,
                reports: Vec::new(),
            }),
        }
    }
}
