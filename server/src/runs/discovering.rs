//! A discovery as a run.

use super::Status;
use super::end::Ended;
use super::work::AtWork;
use crate::discovery::{Outcome, execute};

/// Looks for personal data; nothing where the run is to go on later, from its beginning.
pub(super) async fn run(at_work: AtWork<'_>) -> Option<Ended> {
    let is_stopped = || at_work.stopped.borrow().is_some();
    let ended = |status| Ended {
        status,
        error: None,
        reports: Vec::new(),
    };
    match execute(at_work.app, &at_work.run, &at_work.log, is_stopped).await {
        Ok(Outcome::Finished) => Some(ended(Status::Finished)),
        Ok(Outcome::FinishedWithWarnings) => Some(ended(Status::FinishedWithWarnings)),
        Ok(Outcome::Stopped) => at_work.interrupted(),
        Err(why) => Some(Ended::failed(why)),
    }
}
