//! `visard check`.

use super::{PipelineArgs, report, say};
use crate::check;
use crate::language::{Diagnostics, Sources};
use crate::run::{exit, look};

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
    let loaded = check::load(&args.pipeline.pipeline, &mut sources, &mut diagnostics);
    let mut found = None;
    if let (Some(loaded), false) = (&loaded, args.offline) {
        found = look(loaded, &mut diagnostics).await;
    }
    report(&diagnostics, &sources, args.pipeline.json)?;
    if diagnostics.has_errors() {
        return Ok(exit::REFUSED);
    }
    if let Some((_, planned)) = found.filter(|_| !args.pipeline.json) {
        let masked: usize = planned.groups.iter().map(|group| group.files.len()).sum();
        say(&format!(
            "nothing wrong: {masked} of {} files would be masked\n",
            planned.files.len()
        ));
    }
    Ok(exit::MASKED)
}
