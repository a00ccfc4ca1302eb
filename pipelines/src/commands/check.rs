//! `visard check`.

use super::{PipelineArgs, report, say};
use crate::check::{self, Loaded, Planned, Step, Stores};
use crate::language::{Diagnostics, ProcessEnvironment, Sources};
use crate::run::{counted, exit, look, look_at_database, no_root};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visard check pipeline.yml\n  visard check pipeline.yml --json"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Check what is written only: open no connection.
    #[arg(long)]
    offline: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let path = &args.pipeline.pipeline;
    let loaded = check::load_for_checks(path, &ProcessEnvironment, &mut sources, &mut diagnostics);
    let mut found = None;
    if let (Some(loaded), false) = (&loaded, args.offline) {
        found = match check::goes_by_tables(loaded) {
            false => look(loaded, &mut diagnostics).await.map(of_files),
            true => of_tables(loaded, &mut diagnostics).await,
        };
    }
    report(&diagnostics, &sources, args.pipeline.json)?;
    if diagnostics.has_errors() {
        return Ok(exit::REFUSED);
    }
    if let Some(found) = found.filter(|_| !args.pipeline.json) {
        say(&format!("nothing wrong: {found} would be masked\n"));
    }
    Ok(exit::MASKED)
}

fn of_files((_, planned): (Stores, Planned)) -> String {
    let masked: usize = planned.groups.iter().map(|group| group.files.len()).sum();
    format!(
        "{masked} of {}",
        counted(planned.files.len() as u64, "file")
    )
}

async fn of_tables(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Option<String> {
    let planned = look_at_database(loaded, &no_root(), diagnostics).await?;
    let tables = planned
        .steps
        .iter()
        .filter(|step| !matches!(step, Step::Sql { .. }));
    Some(counted(tables.count() as u64, "table"))
}
