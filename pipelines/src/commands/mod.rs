//! The `visard` command, a file for each of its subcommands. The server's come from its own crate.

mod answer;
mod check;
mod connections;
mod discover;
mod init;
mod masks;
mod plan;
mod preview;
mod progress;
mod run;
mod schema;
pub mod signals;
mod sql;

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::language::{Diagnostics, Renderer, Severity, Sources, to_json};
use crate::run::exit;

/// Mask data in files, buckets and containers.
#[derive(Debug, Parser)]
#[command(name = "visard", version, about, long_about = None, propagate_version = true)]
#[command(
    after_help = "Examples:\n  visard run examples/customers.yml\n  visard check pipeline.yml && visard preview pipeline.yml\n  visard init data/ > pipeline.yml\n\nExit codes of a run: 0 all masked, 1 failed, 2 refused before anything was written,\n3 some files masked and some not, 130 interrupted."
)]
struct Cli<More: Subcommand> {
    /// Say more on standard error: -v for what is done, -vv for how.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command<More>,
}

#[derive(Debug, Subcommand)]
enum Command<More: Subcommand> {
    /// Mask what a pipeline names.
    Run(run::Args),
    /// Check a pipeline against its real files; read no row, write nothing.
    Check(check::Args),
    /// Show what a run would do: units, plans, and what happens to each column.
    Plan(plan::Args),
    /// Show rows before and after masking; write nothing.
    Preview(preview::Args),
    /// Ask in SQL for what a run would write.
    ///
    /// Files that a run masks alike are one table: `customers.csv` is `customers`, the files of the
    /// folder `orders` are `orders`; --tables lists them. Queries see masked values only, under the
    /// secrets of the pipeline, and nothing else: no file, no function that reads one, no statement but
    /// SELECT, WITH and VALUES. Names are taken as they are written, upper and lower case apart. Rows
    /// come in no order unless ORDER BY gives them one.
    Sql(sql::Args),
    /// List the masks, or explain one.
    Masks(masks::Args),
    /// Print the JSON Schema of pipelines or rulesets, for editors.
    Schema(schema::Args),
    /// Work with connections.
    #[command(subcommand)]
    Connections(connections::Command),
    /// Tell which columns of the source may hold personal data, by their names; read no row.
    Discover(discover::Args),
    /// Print a starter pipeline for the files of a folder.
    Init(init::Args),
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  visard completions bash > /etc/bash_completion.d/visard")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    More(More),
}

/// A pipeline file, and how to report what is wrong with it.
#[derive(Debug, clap::Args)]
struct PipelineArgs {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Print problems, events and results as JSON.
    #[arg(long)]
    json: bool,
}

/// Reads the command line and does what it says; `more` does what the subcommands `More` say, and gives the
/// exit code. What is told on standard error goes through `written` as well, whatever its level.
pub fn main<More, Done>(
    written: impl Layer<Registry> + Send + Sync,
    more: impl FnOnce(More) -> Done,
) -> ExitCode
where
    More: Subcommand,
    Done: Future<Output = anyhow::Result<u8>>,
{
    let cli = Cli::<More>::parse();
    let level = ["error", "visard=info", "visard=debug"][usize::from(cli.verbose.min(2))];
    let filter = EnvFilter::try_from_env("VISARD_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let told = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(on_a_terminal())
        .without_time()
        .with_filter(filter);
    tracing_subscriber::registry()
        .with(written)
        .with(told)
        .init();
    // A panic in a decoder may quote what it read: only its place is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!("internal error at {}", place.unwrap_or_default());
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            signals::outlive_file_size_limit();
            Box::pin(dispatch(cli.command, more)).await
        }),
        Err(error) => Err(anyhow::Error::new(error).context("no threads can be started")),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}\n"));
            ExitCode::from(exit::REFUSED)
        }
    }
}

async fn dispatch<More, Done>(
    command: Command<More>,
    more: impl FnOnce(More) -> Done,
) -> anyhow::Result<u8>
where
    More: Subcommand,
    Done: Future<Output = anyhow::Result<u8>>,
{
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Plan(args) => plan::run(args).await,
        Command::Preview(args) => preview::run(args).await,
        Command::Sql(args) => sql::run(args).await,
        Command::Masks(args) => masks::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Connections(command) => connections::run(command).await,
        Command::Discover(args) => discover::run(args).await,
        Command::Init(args) => init::run(args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::<More>::command(), "visard", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(exit::MASKED)
        }
        Command::More(command) => Box::pin(more(command)).await,
    }
}

/// Writes results to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Tells a person something, on standard error. A closed standard error is no reason to stop.
fn say(text: &str) {
    std::io::stderr()
        .lock()
        .write_all(text.as_bytes())
        .unwrap_or_default();
}

/// Whether whoever read our output had enough: `visard plan | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Reports problems: as text on standard error, or as JSON on standard output.
fn report(diagnostics: &Diagnostics, sources: &Sources, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&format!("{}\n", to_json(diagnostics, sources)));
    }
    if diagnostics.is_empty() {
        return Ok(());
    }
    say(&Renderer::for_stream(&std::io::stderr()).all(diagnostics, sources));
    let count = |severity, one: &str| match diagnostics.count(severity) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {one}s")),
    };
    let counts = [
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    say(&format!("\n{}\n", counts.join(", ")));
    Ok(())
}

/// Whether a person looks at standard error.
fn on_a_terminal() -> bool {
    std::io::stderr().is_terminal()
}
