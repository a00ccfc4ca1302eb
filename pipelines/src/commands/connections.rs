//! `visard connections test`.

use std::fmt::Write;

use serde_json::json;
use visard_connectors::DatabaseError;
use visard_connectors::database::Facts;
use visard_connectors::store::{Exposure, Outcome, Store, exposure, probe};

use super::{PipelineArgs, print, report};
use crate::check::{self, store_config};
use crate::language::{Connection, ConnectionKind};
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
        let Some(config) = store_config(connection, below) else {
            let (worked, text, result) = test_database(connection).await;
            if !worked {
                code = exit::FAILED;
            }
            write!(page, "{name}{text}")?;
            results.push(result);
            continue;
        };
        let store = match Store::open(name, &config).await {
            Ok(store) => store,
            Err(error) => {
                code = exit::FAILED;
                writeln!(page, "{name}\n  open       missing: {error}")?;
                results.push(json!({"connection": name, "open": error.to_string()}));
                continue;
            }
        };
        writeln!(page, "{name}: {}", store.describe())?;
        let mut checks = serde_json::Map::new();
        for check in probe(&store, source, target).await {
            let (word, text) = match check.outcome {
                Outcome::Works => ("works", String::new()),
                Outcome::Missing(reason) => {
                    code = exit::FAILED;
                    ("missing", reason)
                }
                Outcome::NotTried(reason) => ("not tried", reason),
            };
            let colon = if text.is_empty() { "" } else { ": " };
            writeln!(page, "  {:<10} {word}{colon}{text}", check.name)?;
            checks.insert(
                check.name.to_owned(),
                json!({"outcome": word, "reason": text}),
            );
        }
        let (word, text) = match exposure(&store).await {
            Exposure::Private => ("private", String::new()),
            Exposure::Public(reason) => ("PUBLIC", reason),
            Exposure::Unknown(reason) => ("unknown", reason),
        };
        let colon = if text.is_empty() { "" } else { ": " };
        writeln!(page, "  {:<10} {word}{colon}{text}", "exposure")?;
        results.push(json!({
            "connection": name, "place": store.describe(), "checks": checks,
            "exposure": {"outcome": word, "reason": text},
        }));
        store.settle().await;
    }
    match pipeline.json {
        true => print(&format!("{:#}\n", json!(results)))?,
        false => print(&page)?,
    }
    Ok(code)
}

/// Whether a database answers, and what it says of itself, as text and as JSON.
async fn test_database(connection: &Connection) -> (bool, String, serde_json::Value) {
    let name = &connection.name.value;
    let ConnectionKind::Database(database) = &connection.kind else {
        return (false, String::new(), json!(null));
    };
    let asked = async {
        let database = check::connect(database).await?;
        let facts = database.facts().await?;
        Ok::<_, DatabaseError>((database.shown(), facts))
    };
    let (
        place,
        Facts {
            product,
            version,
            more,
        },
    ) = match asked.await {
        Ok(answers) => answers,
        Err(error) => {
            let text = format!("\n  open       missing: {error}\n");
            return (
                false,
                text,
                json!({"connection": name, "open": error.to_string()}),
            );
        }
    };
    let mut text = format!(": {product} {version} at {place}\n  open       works\n");
    let mut result =
        json!({"connection": name, "place": place, "open": "works", "version": version});
    for fact in more {
        text.push_str(&format!("  {:<10} {}\n", fact.about, fact.text));
        for (key, value) in fact.values {
            result[key] = value;
        }
    }
    (true, text, result)
}
