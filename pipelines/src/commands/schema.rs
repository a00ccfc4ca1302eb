//! `visard schema`.

use super::print;
use crate::check::BuiltMasks;
use crate::language::schema;
use crate::run::exit;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  visard schema ruleset > ruleset.schema.json\n  # and on top of a ruleset, for editors that speak the YAML language server:\n  # yaml-language-server: $schema=ruleset.schema.json"
)]
pub(super) struct Args {
    /// Which file.
    kind: Kind,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// What `visard run` takes.
    Pipeline,
    /// What a pipeline's `ruleset` names.
    Ruleset,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let masks = BuiltMasks::schemas();
    let schema = match args.kind {
        Kind::Pipeline => schema::pipeline(&masks),
        Kind::Ruleset => schema::ruleset(&masks),
    };
    print(&format!("{schema:#}\n"))?;
    Ok(exit::MASKED)
}
