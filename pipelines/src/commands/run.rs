//! `visard run`.

use std::path::PathBuf;

use super::progress::{Bar, Lines, failed};
use super::signals::{Hangup, asked_to_stop};
use super::{PipelineArgs, on_a_terminal, print, report, say};
use crate::language::{Diagnostics, Sources, problem_to_json, to_json};
use crate::run::{self, Event, Observer, Request};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visard run pipeline.yml\n  visard run pipeline.yml --resume\n  visard run pipeline.yml --json | jq .event"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Go on with a run that was interrupted: the last one, or the one in --run-folder.
    #[arg(long)]
    resume: bool,
    /// Where journal and report go [default: a new folder below .visard/runs].
    #[arg(long, value_name = "FOLDER")]
    run_folder: Option<PathBuf>,
    /// The file that holds, or gets, the secret of this installation [default: in your configuration folder].
    #[arg(long, value_name = "FILE")]
    instance_secret_file: Option<PathBuf>,
    /// Do everything but make results visible.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let json = args.pipeline.json;
    let request = Request {
        pipeline: args.pipeline.pipeline,
        run_folder: args.run_folder,
        resume: args.resume,
        instance_secret_file: args.instance_secret_file,
        dry_run: args.dry_run,
        environment: None,
    };
    let observer: Box<dyn Observer> = match (json, on_a_terminal()) {
        (true, _) => Box::new(JsonLines),
        (false, true) => Box::new(Bar::default()),
        (false, false) => Box::new(Lines::default()),
    };
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let outcome = run::run(
        &request,
        &mut sources,
        &mut diagnostics,
        observer.as_ref(),
        asked_to_stop(Hangup::Stop),
    )
    .await;
    drop(observer);
    let outcome = match outcome {
        Err(error) if json => {
            let mut problems = to_json(&diagnostics, &sources);
            if let Some(problems) = problems.as_array_mut() {
                problems.push(problem_to_json(&format!("{error:#}")));
            }
            refused(&problems);
            return Ok(run::exit::REFUSED);
        }
        outcome => outcome?,
    };
    let Some(finished) = outcome.report else {
        match json {
            true => refused(&to_json(&diagnostics, &sources)),
            false => report(&diagnostics, &sources, false).unwrap_or_else(not_told),
        }
        return Ok(outcome.code);
    };
    if json {
        let ended = serde_json::json!({"event": "ended", "report": finished});
        print(&format!("{ended}\n")).unwrap_or_else(not_told);
        return Ok(outcome.code);
    }
    report(&diagnostics, &sources, false).unwrap_or_else(not_told);
    let totals = &finished.totals;
    let (what, settled) = match finished.tables.is_empty() {
        true => ("files", &totals.files),
        false => ("tables", &totals.tables),
    };
    let settled: Vec<String> = settled
        .iter()
        .map(|(status, n)| format!("{n} {status}"))
        .collect();
    // Nobody counts the bytes of a database.
    let read = match totals.bytes_in {
        0 => String::new(),
        read => format!(", {}", run::bytes(read)),
    };
    say(&format!(
        "{}: {} rows{read} in {:.1} s; {what}: {}\n",
        finished.outcome,
        totals.rows,
        finished.seconds,
        settled.join(", "),
    ));
    let missing = [run::Status::Failed, run::Status::Archived];
    for file in finished
        .files
        .iter()
        .filter(|file| missing.contains(&file.status))
    {
        say(&format!(
            "  {}\n",
            failed(&file.path, file.reason.as_deref())
        ));
    }
    for table in finished
        .tables
        .iter()
        .filter(|table| table.reason.is_some())
    {
        say(&format!(
            "  {}\n",
            failed(&table.table, table.reason.as_deref())
        ));
    }
    if let Some(folder) = &outcome.run_folder {
        say(&format!(
            "report: {}\n",
            folder.join("report.txt").display()
        ));
        if outcome.code != run::exit::MASKED {
            say(&format!(
                "go on with: visard run {} --resume --run-folder {}\n",
                request.pipeline.display(),
                folder.display()
            ));
        }
    }
    if let Some(path) = &finished.run_secret_file {
        say(&format!("run secret: {path}\n"));
    }
    Ok(outcome.code)
}

/// Tells in JSON why a run did not start.
fn refused(problems: &serde_json::Value) {
    let refused = serde_json::json!({"event": "refused", "problems": problems});
    print(&format!("{refused}\n")).unwrap_or_else(not_told);
}

/// A reader that went away changes nothing of how the run ended, nor its exit code.
fn not_told(error: anyhow::Error) {
    say(&format!("standard output cannot be written: {error}\n"));
}

/// Events as JSON, one a line, on standard output.
struct JsonLines;

impl Observer for JsonLines {
    fn event(&self, event: &Event<'_>) {
        if let Ok(line) = serde_json::to_string(event) {
            // A reader that went away does not stop a run.
            print(&format!("{line}\n")).unwrap_or_default();
        }
    }
}
