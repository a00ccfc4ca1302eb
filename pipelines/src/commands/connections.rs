//! `visard connections test`.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use visard_connectors::database::Facts;

use super::{PipelineArgs, print, report};
use crate::check::{self, Check, Exposure, Outcome, Tried, try_connection};
use crate::language::{Diagnostics, Place, Sources};
use crate::run::exit;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say what works, what is missing, and whether strangers can read the place.
    #[command(
        after_help = "Examples:\n  visard connections test pipeline.yml\n  visard connections test pipeline.yml masked_bucket"
    )]
    Test {
        #[command(flatten)]
        pipeline: PipelineArgs,
        /// Connections to test [default: all].
        names: Vec<String>,
    },
}

pub(super) async fn run(command: Command) -> anyhow::Result<u8> {
    let Command::Test { pipeline, names } = command;
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let Some(loaded) = check::load(&pipeline.pipeline, &mut sources, &mut diagnostics) else {
        report(&diagnostics, &sources, pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let described = &loaded.pipeline;
    if let Some(unknown) = names
        .iter()
        .find(|name| described.connection(name).is_none())
    {
        anyhow::bail!("there is no connection `{unknown}`");
    }
    let mut code = exit::MASKED;
    let mut results = Vec::new();
    let mut page = String::new();
    for connection in &described.connections {
        let name = &connection.name.value;
        if !names.is_empty() && !names.contains(name) {
            continue;
        }
        let used = |place: &Place| place.connection.value == *name;
        let (mut source, mut target) = (used(&described.source), used(&described.destination));
        if !source && !target {
            (source, target) = (true, true);
        }
        let below = if source {
            &described.source.path
        } else {
            &described.destination.path
        };
        let below = if used(&described.source) || used(&described.destination) {
            below
        } else {
            ""
        };
        let (worked, text, result) = match try_connection(connection, below, source, target).await {
            Ok(tried) => told(name, tried),
            Err(error) => (
                false,
                format!("\n  open       missing: {error}\n"),
                json!({"connection": name, "open": error}),
            ),
        };
        if !worked {
            code = exit::FAILED;
        }
        write!(page, "{name}{text}")?;
        results.push(result);
    }
    match pipeline.json {
        true => print(&format!("{:#}\n", json!(results)))?,
        false => print(&page)?,
    }
    Ok(code)
}

/// Whether all that is needed of a place works, and what was found out, as text and as JSON.
fn told(name: &str, tried: Tried) -> (bool, String, Value) {
    match tried {
        Tried::Files {
            place,
            checks,
            exposure,
        } => files_told(name, &place, checks, exposure),
        Tried::Database { place, facts } => {
            let (text, result) = database_told(name, &place, facts);
            (true, text, result)
        }
    }
}

fn files_told(
    name: &str,
    place: &str,
    checks: Vec<Check>,
    exposure: Exposure,
) -> (bool, String, Value) {
    let mut worked = true;
    let mut text = format!(": {place}\n");
    let mut line = |about: &str, word: &str, reason: &str| {
        let colon = if reason.is_empty() { "" } else { ": " };
        text.push_str(&format!("  {about:<10} {word}{colon}{reason}\n"));
    };
    let mut outcomes = Map::new();
    for check in checks {
        let (word, reason) = match check.outcome {
            Outcome::Works => ("works", String::new()),
            Outcome::Missing(reason) => {
                worked = false;
                ("missing", reason)
            }
            Outcome::NotTried(reason) => ("not tried", reason),
        };
        line(check.name, word, &reason);
        outcomes.insert(
            check.name.to_owned(),
            json!({"outcome": word, "reason": reason}),
        );
    }
    let (word, reason) = match exposure {
        Exposure::Private => ("private", String::new()),
        Exposure::Public(reason) => ("PUBLIC", reason),
        Exposure::Unknown(reason) => ("unknown", reason),
    };
    line("exposure", word, &reason);
    let result = json!({
        "connection": name, "place": place, "checks": outcomes,
        "exposure": {"outcome": word, "reason": reason},
    });
    (worked, text, result)
}

fn database_told(name: &str, place: &str, facts: Facts) -> (String, Value) {
    let Facts {
        product,
        version,
        more,
    } = facts;
    let mut text = format!(": {product} {version} at {place}\n  open       works\n");
    let mut result =
        json!({"connection": name, "place": place, "open": "works", "version": version});
    for fact in more {
        text.push_str(&format!("  {:<10} {}\n", fact.about, fact.text));
        for (key, value) in fact.values {
            result[key] = value;
        }
    }
    (text, result)
}
