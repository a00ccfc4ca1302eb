//! `visard discover`: what is there that may have to be masked.

use std::path::Path;

use serde_json::json;
use visard_connectors::Database;
use visard_connectors::store::Store;

use super::{PipelineArgs, print, report, say};
use crate::check::BuiltMasks;
use crate::discovery::{
    Choice, Described, FileChoice, FoundFile, Keywords, Match, Place, Rules, generate,
    generate_for_files, generation_defaults, list_files, list_tables, look_at_file, look_at_table,
    open_place, presets, write_column, write_header,
};
use crate::language::{
    Diagnostics, DiscoveryConfig, GenerationConfig, Language, ProcessEnvironment, Sources,
};
use crate::run::exit;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visard discover pipeline.yml\n  visard discover pipeline.yml --ruleset > ruleset.yml\n  visard discover pipeline.yml --config discovery.yml --csv > found.csv"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Print all columns as CSV.
    #[arg(long, conflicts_with_all = ["json", "ruleset"])]
    csv: bool,
    /// Print a ruleset for what was found.
    #[arg(long, conflicts_with = "json")]
    ruleset: bool,
    /// A discovery configuration in place of the built-in one.
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// A schema to look at, in place of the connection's own; may be given again.
    #[arg(long = "schema", value_name = "NAME")]
    schemas: Vec<String>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let language = Language {
        masks: &BuiltMasks,
        environment: &ProcessEnvironment,
    };
    // What is wrong with its ruleset does not matter: there may be none yet.
    let mut of_ruleset = Diagnostics::new();
    let (pipeline, _) = language.load(&args.pipeline.pipeline, &mut sources, &mut of_ruleset);
    let Some(pipeline) = pipeline else {
        report(&of_ruleset, &sources, args.pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let rules = rules(args.config.as_deref(), &mut sources, &mut diagnostics);
    let config = generation_config(&mut sources, &mut diagnostics);
    let (Some(rules), Some(config)) = (rules, config) else {
        report(&diagnostics, &sources, args.pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let source = &pipeline.source;
    let Some(connection) = pipeline.connection(&source.connection.value) else {
        report(&of_ruleset, &sources, args.pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let place = open_place(connection, &source.path).await;
    match place.map_err(anyhow::Error::msg)? {
        Place::Database(database) => of_database(&args, database.as_ref(), &rules, &config).await?,
        Place::Files(store) => of_files(&args, &store, &rules, &config).await?,
    }
    Ok(exit::MASKED)
}

/// The rules of the configuration at `path`, or the built-in ones.
fn rules(
    path: Option<&Path>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Rules> {
    let file = match path {
        Some(path) => sources.read(path, None, diagnostics)?,
        None => {
            let text = Keywords::default().to_config();
            sources.add(Path::new("built-in"), text.into_bytes(), diagnostics)?
        }
    };
    let libraries = std::collections::BTreeMap::new();
    DiscoveryConfig::parse(file, &libraries, sources, diagnostics).map(Rules::new)
}

fn generation_config(
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<GenerationConfig> {
    let text = generation_defaults().into_bytes();
    let file = sources.add(Path::new("built-in"), text, diagnostics)?;
    GenerationConfig::parse(file, &presets(), &BuiltMasks, sources, diagnostics)
}

async fn of_database(
    args: &Args,
    database: &dyn Database,
    rules: &Rules,
    config: &GenerationConfig,
) -> anyhow::Result<()> {
    let mut page = csv::Writer::from_writer(Vec::new());
    if args.csv {
        write_header(&mut page, true)?;
    }
    let mut text = String::new();
    let mut found = Vec::new();
    for listed in list_tables(database, &args.schemas).await? {
        let Some((table, columns)) = look_at_table(database, &listed, rules).await? else {
            continue;
        };
        let schema = table.schema.as_deref();
        let name = schema.map_or_else(
            || table.name.clone(),
            |schema| format!("{schema}.{}", table.name),
        );
        for column in &columns {
            if args.csv {
                write_column(&mut page, true, &table, column)?;
            }
            tell(
                &mut text,
                &name,
                &column.name,
                &column.type_name,
                &column.matches,
            );
        }
        found.push(Described { table, columns });
    }
    if args.csv {
        let page = page.into_inner().map_err(|error| error.into_error())?;
        return print(&String::from_utf8(page)?);
    }
    if args.pipeline.json {
        let tables = found
            .iter()
            .map(|one| json!({"table": one.table, "columns": one.columns}));
        return print(&format!("{:#}\n", json!(tables.collect::<Vec<_>>())));
    }
    if !args.ruleset {
        return print(&text);
    }
    let choices = found.iter().filter_map(|Described { table, columns }| {
        let chosen = columns.iter().filter(|column| !column.matches.is_empty());
        let columns: Vec<String> = chosen.map(|column| column.name.clone()).collect();
        (!columns.is_empty()).then(|| Choice {
            schema: table.schema.clone().unwrap_or_default(),
            table: table.name.clone(),
            columns,
            ..Choice::default()
        })
    });
    let choices: Vec<Choice> = choices.collect();
    let generated = generate(&found, &choices, config)?;
    warn(&generated.warnings);
    generated
        .parts(None)
        .iter()
        .try_for_each(|part| print(&part.text))
}

async fn of_files(
    args: &Args,
    store: &Store,
    rules: &Rules,
    config: &GenerationConfig,
) -> anyhow::Result<()> {
    if args.csv || !args.schemas.is_empty() {
        anyhow::bail!("--csv and --schema are for databases, and the source holds files");
    }
    let (files, mut left_out) = list_files(store, rules).await?;
    let mut text = String::new();
    let mut found: Vec<FoundFile> = Vec::new();
    for object in &files {
        match look_at_file(store, object, rules).await {
            Ok(file) => {
                for column in &file.columns {
                    tell(
                        &mut text,
                        &file.path,
                        &column.path,
                        &column.data_type,
                        &column.matches,
                    );
                }
                found.push(file);
            }
            Err(reason) => left_out.push(crate::discovery::LeftOut {
                path: object.path.clone(),
                reason,
            }),
        }
    }
    for left_out in &left_out {
        say(&format!(
            "left out: {} ({})\n",
            left_out.path, left_out.reason
        ));
    }
    if args.pipeline.json {
        return print(&format!("{:#}\n", json!(found)));
    }
    if !args.ruleset {
        return print(&text);
    }
    let choices = found.iter().filter_map(|file| {
        let chosen = file
            .columns
            .iter()
            .filter(|column| !column.matches.is_empty());
        let columns: Vec<String> = chosen.map(|column| column.path.clone()).collect();
        let files = vec![file.path.clone()];
        (!columns.is_empty()).then_some(FileChoice { files, columns })
    });
    let (ruleset, warnings) = generate_for_files(&found, &choices.collect::<Vec<_>>(), config)?;
    warn(&warnings);
    print(&ruleset)
}

/// A line about a column whose name tells something.
fn tell(page: &mut String, place: &str, column: &str, data_type: &str, matches: &[Match]) {
    if matches.is_empty() {
        return;
    }
    let told = matches
        .iter()
        .map(|found| match found.categories.is_empty() {
            true => found.description.clone(),
            false => format!("{} ({})", found.description, found.categories.join(", ")),
        });
    let told: Vec<String> = told.collect();
    page.push_str(&format!(
        "{place}  {column}  {data_type}: {}\n",
        told.join("; ")
    ));
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        say(&format!("warning: {warning}\n"));
    }
}
