//! A masking run: `visard run`, in a runtime of its own, so that requests are answered meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use visard::check::load_ruleset;
use visard::language::{Diagnostic, Diagnostics, Holds, Severity, Sources};
use visard::run::{self, Outcome, Request, exit};

use super::create::relative;
use super::end::Ended;
use super::log::Level;
use super::queue::{Stop, Stopped};
use super::watch::Watch;
use super::work::AtWork;
use super::{GIVEN, Status, WORK, folder, report};
use crate::discovery::coverage;
use crate::documents::{self, Kind};

/// Masks; nothing where the run is to go on later.
pub(super) async fn run(at_work: AtWork<'_>) -> Option<Ended> {
    let folder = folder(at_work.app, at_work.run.id);
    let Ok(folder) = std::path::absolute(&folder) else {
        return Some(Ended::failed("the folder of the run cannot be found"));
    };
    let variables: Result<BTreeMap<String, String>, _> = serde_json::from_slice(&at_work.secrets);
    let Ok(variables) = variables else {
        return Some(Ended::failed(
            "what was sealed for the run is not what a run needs",
        ));
    };
    let resume = run::has_begun(&folder.join(WORK));
    if !resume && at_work.stopped.borrow().is_some() {
        return at_work.interrupted();
    }
    let request = Request {
        pipeline: folder.join(GIVEN).join("pipeline.yml"),
        run_folder: Some(folder.join(WORK)),
        resume,
        instance_secret_file: Some(at_work.app.instance_secret_file()),
        dry_run: false,
        environment: Some(Arc::new(variables)),
    };
    if !request.pipeline.exists() {
        return Some(Ended::failed(
            "what the run was given is gone from its folder",
        ));
    }
    let job = Job {
        request,
        given: folder.join(GIVEN),
        watch: Watch::new(at_work.log.clone()),
        stopped: at_work.stopped.clone(),
    };
    let done = match on_a_thread(job).await {
        // A panic, whose place the log of the server tells.
        None => {
            return Some(Ended::failed(
                "internal error; the log of the server says more",
            ));
        }
        Some(done) => done,
    };
    for (level, message) in done.told {
        at_work.log.say(level, relative(&message, &folder));
    }
    match done.outcome {
        None => at_work.interrupted(),
        Some(Err(error)) => Some(Ended::failed(relative(&error, &folder))),
        Some(Ok(outcome)) => match (outcome.report, outcome.code) {
            (None, _) => Some(Ended::failed(relative(&done.refusal, &folder))),
            (Some(report), exit::INTERRUPTED) => {
                let mut ended = at_work.interrupted()?;
                ended.reports = report::of_run(&report);
                Some(ended)
            }
            (Some(report), _) => {
                let mut ended = report::ended(&report);
                if let Some((report, covered)) = coverage_report(&at_work, &folder).await {
                    ended.reports.extend(report);
                    if ended.status == Status::Finished && !covered {
                        ended.status = Status::FinishedWithWarnings;
                    }
                }
                Some(ended)
            }
        },
    }
}

/// What the ruleset leaves out, where it asks for that: the report, and whether that is nothing.
async fn coverage_report(
    at_work: &AtWork<'_>,
    folder: &Path,
) -> Option<(Option<(&'static str, String)>, bool)> {
    let given = folder.join(GIVEN);
    let mut sources = Sources::within(given.clone());
    let mut diagnostics = Diagnostics::new();
    let ruleset = load_ruleset(
        &given.join("ruleset.yml"),
        vec![given.join("libraries")],
        Holds::Tables,
        &mut sources,
        &mut diagnostics,
    )?;
    if !ruleset.asks_coverage {
        return None;
    }
    let run = &at_work.run;
    let connection = documents::find(at_work.app.store(), Kind::Connection, &run.source).await;
    let told = match connection {
        Ok(Some(connection)) => coverage(at_work.app, &connection, &ruleset).await,
        Ok(None) => Err("the connection was deleted".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    match told {
        Ok((report, 0)) => Some((Some((report::SDD, report)), true)),
        Ok((report, left_out)) => {
            let message = format!("{left_out} columns may hold personal data and are not masked");
            at_work.log.say(Level::Warning, message);
            Some((Some((report::SDD, report)), false))
        }
        Err(why) => {
            let message = format!("no report of what is not masked: {why}");
            at_work.log.say(Level::Warning, message);
            Some((None, false))
        }
    }
}

/// What a thread needs to run.
struct Job {
    request: Request,
    given: PathBuf,
    watch: Watch,
    stopped: Stopped,
}

/// What it did.
struct Done {
    /// Nothing where it was stopped before it began.
    outcome: Option<Result<Outcome, String>>,
    /// What is to be told of it besides.
    told: Vec<(Level, String)>,
    /// Why it was refused, if it was.
    refusal: String,
}

/// Does `job` on a thread of its own; nothing where it panics.
async fn on_a_thread(job: Job) -> Option<Done> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("run".to_owned());
    let spawned = thread.spawn(move || {
        let done = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime.block_on(job.work()),
            Err(error) => Done {
                outcome: Some(Err(format!("no threads can be started: {error}"))),
                told: Vec::new(),
                refusal: String::new(),
            },
        };
        // Nobody asks any more where the server ends at once.
        let _ = tell.send(done);
    });
    match spawned {
        Ok(_) => told.await.ok(),
        Err(error) => Some(Done {
            outcome: Some(Err(format!("no thread can be started: {error}"))),
            told: Vec::new(),
            refusal: String::new(),
        }),
    }
}

impl Job {
    async fn work(self) -> Done {
        let mut sources = Sources::within(self.given.clone());
        let mut diagnostics = Diagnostics::new();
        let outcome = {
            let running = run::run(
                &self.request,
                &mut sources,
                &mut diagnostics,
                &self.watch,
                stop(self.stopped.clone()),
            );
            tokio::select! {
                outcome = running => Some(outcome.map_err(|error| format!("{error:#}"))),
                // Until it begins its work there is nothing that a stop could leave behind.
                () = self.stopped_before_work() => None,
            }
        };
        let problems = diagnostics.sorted();
        let told = problems.iter().map(|problem| {
            let level = match problem.severity() {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
            };
            (level, shown(problem, &sources, &self.given))
        });
        Done {
            told: told.collect(),
            refusal: refusal(&problems),
            outcome,
        }
    }

    async fn stopped_before_work(&self) {
        stop(self.stopped.clone()).await;
        let is_cancelled = *self.stopped.borrow() == Some(Stop::Cancel);
        // One that was to go on has something to remove, which an earlier attempt left.
        if self.watch.has_begun() || (self.request.resume && is_cancelled) {
            std::future::pending::<()>().await;
        }
    }
}

/// Comes to an end when the run is to stop.
async fn stop(mut stopped: Stopped) {
    while stopped.borrow_and_update().is_none() {
        if stopped.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A problem in one line, with its place.
fn shown(problem: &Diagnostic, sources: &Sources, given: &Path) -> String {
    let mut text = problem.message.clone();
    if let Some(place) = &problem.primary {
        let path = sources.path(place.span.file);
        let path = path.strip_prefix(given).unwrap_or(path);
        let start = place.span.start;
        text = format!("{}:{}:{}: {text}", path.display(), start.line, start.column);
    }
    if let Some(help) = &problem.help {
        text = format!("{text} ({help})");
    }
    text
}

/// Why a run was refused: the first error, and how many there are.
fn refusal(problems: &[&Diagnostic]) -> String {
    let mut errors = problems
        .iter()
        .filter(|problem| problem.severity() == Severity::Error);
    let Some(first) = errors.next() else {
        return "the run was refused".to_owned();
    };
    match errors.count() {
        0 => first.message.clone(),
        more => format!("{}; and {more} more, which the log tells", first.message),
    }
}
