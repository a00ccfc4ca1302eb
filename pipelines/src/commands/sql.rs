//! `visard sql`.

use std::io::{IsTerminal, Read};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use anyhow::Context;
use datafusion::execution::SendableRecordBatchStream;
use futures::{FutureExt, TryStreamExt};
use serde_json::{Value, json};
use visard_engine::{Queries, QueryError};

use super::answer::{Answer, Ended, Format};
use super::signals::{Hangup, asked_to_stop};
use super::{PipelineArgs, is_closed_pipe, print, report, say};
use crate::check::{self, Loaded, Table, TableColumn};
use crate::language::{Diagnostic, Diagnostics, Sources, codes, quoted_list};
use crate::run::{exit, look_at_tables, outside_of_data, preview_root};

#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("asked").args(["query", "file", "tables"]).required(true),
    override_usage = "visard sql [OPTIONS] <PIPELINE> <QUERY | --file <FILE> | --tables>",
    after_help = "Examples:\n  visard sql pipeline.yml --tables\n  \
        visard sql pipeline.yml 'SELECT country, count(*) FROM customers GROUP BY country'\n  \
        visard sql pipeline.yml --file report.sql --output report.parquet\n  \
        echo 'SELECT * FROM orders' | visard sql pipeline.yml - --format json | jq .card_number\n\n\
        Exit codes: 0 answered, 1 failed on the way, 2 refused before a row was read, 130 interrupted."
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The query; `-` reads it from standard input.
    query: Option<String>,
    /// The file that holds the query.
    #[arg(long)]
    file: Option<PathBuf>,
    /// List the tables with their columns, types and masks in place of a query.
    #[arg(long)]
    tables: bool,
    /// How rows are written [default: by the ending of --output; else a table on a terminal, CSV elsewhere].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where rows go, complete or not at all; a file there is replaced [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The most rows of a table on a terminal; the other formats hold all.
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    max_rows: usize,
    /// The run whose generated run secret is used, where the pipeline gives none.
    #[arg(long, value_name = "FOLDER")]
    run_folder: Option<PathBuf>,
    /// The file that holds the secret of this installation [default: in your configuration folder].
    #[arg(long, value_name = "FILE")]
    instance_secret_file: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let json = args.pipeline.json;
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let ready = prepare(&args, &mut sources, &mut diagnostics).await?;
    let Some((loaded, is_lasting, tables)) = ready else {
        report(&diagnostics, &sources, json)?;
        return Ok(exit::REFUSED);
    };
    if args.tables {
        if !json {
            report(&diagnostics, &sources, false)?;
        }
        print(&match json {
            true => format!("{:#}\n", tables.iter().map(as_json).collect::<Value>()),
            false => tables.iter().map(as_text).collect(),
        })?;
        return Ok(exit::MASKED);
    }
    let query = query(&args)?;
    let format = format(&args)?;
    let known: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    let options = &loaded.pipeline.options;
    let memory = usize::try_from(options.memory_limit_bytes).unwrap_or(usize::MAX);
    let queries = Queries::try_new(memory, options.workers_or_cores())?;
    for table in tables {
        queries.add(&table.name, table.masked)?;
    }
    let asked = queries.ask(&query).await;
    let rows = match asked {
        Ok(rows) => rows,
        Err(error @ QueryError::Failed(_)) => return failed(&error.to_string()),
        Err(error) => {
            diagnostics.push(problem_of(&error, &known));
            report(&diagnostics, &sources, json)?;
            return Ok(exit::REFUSED);
        }
    };
    if let Err(problem) = format.fits(&rows.schema()) {
        diagnostics.push(Diagnostic::new(&codes::UNFIT_FORMAT, problem));
        report(&diagnostics, &sources, json)?;
        return Ok(exit::REFUSED);
    }
    if !is_lasting {
        say("no run secret is given: masked values will differ in a run and in the next query\n");
    }
    let (target, most) = (args.output.as_deref(), args.max_rows);
    let answer = Answer::try_new(format, rows.schema(), target, most)?;
    let answered = tokio::select! {
        answered = AssertUnwindSafe(fill(answer, rows)).catch_unwind() => answered,
        () = asked_to_stop(Hangup::Stop) => return Ok(exit::INTERRUPTED),
    };
    match answered {
        Ok(Ok(ended)) => tell(&ended, target),
        Ok(Err(error)) if is_closed_pipe(&error) => return Err(error),
        // What a query runs into says all that there is to say by itself.
        Ok(Err(error)) => match error.downcast_ref::<QueryError>() {
            Some(error) => return failed(&error.to_string()),
            None => return failed(&format!("{error:#}")),
        },
        Err(_) => return failed("internal error; please report it"),
    }
    Ok(exit::MASKED)
}

/// Everything up to the query: the pipeline, whether a run has the same keys, its files as tables.
async fn prepare(
    args: &Args,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> anyhow::Result<Option<(Loaded, bool, Vec<Table>)>> {
    let Some(loaded) = check::load(&args.pipeline.pipeline, sources, diagnostics) else {
        return Ok(None);
    };
    if let Some(output) = &args.output {
        outside_of_data(&loaded, output)?;
    }
    let (instance, folder) = (
        args.instance_secret_file.as_deref(),
        args.run_folder.as_deref(),
    );
    let (root, is_lasting) = preview_root(&loaded, instance, folder)?;
    let tables = look_at_tables(&loaded, &root, diagnostics).await;
    Ok(tables.map(|tables| (loaded, is_lasting, tables)))
}

/// The text of the query.
fn query(args: &Args) -> anyhow::Result<String> {
    if let Some(file) = &args.file {
        let text = std::fs::read_to_string(file);
        return text.with_context(|| format!("`{}` cannot be read", file.display()));
    }
    match args.query.as_deref() {
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            read.context("standard input cannot be read")?;
            Ok(text)
        }
        query => Ok(query.unwrap_or_default().to_owned()),
    }
}

fn format(args: &Args) -> anyhow::Result<Format> {
    let format = match (args.format, &args.output) {
        (Some(format), _) => format,
        (None, Some(output)) => Format::of_file(output).with_context(|| {
            let output = output.display();
            format!("the ending of `{output}` is none of csv, json, jsonl, parquet: give --format")
        })?,
        (None, None) if args.pipeline.json => Format::Json,
        (None, None) if std::io::stdout().is_terminal() => Format::Table,
        (None, None) => Format::Csv,
    };
    anyhow::ensure!(
        format != Format::Parquet || args.output.is_some(),
        "Parquet goes into a file: name it with --output"
    );
    Ok(format)
}

/// Writes the rows as they come.
async fn fill(mut answer: Answer, mut rows: SendableRecordBatchStream) -> anyhow::Result<Ended> {
    while let Some(batch) = rows.try_next().await.map_err(QueryError::Failed)? {
        if !answer.add(&batch)? {
            break;
        }
    }
    answer.finish()
}

/// Says what is not to be seen in the answer itself.
fn tell(ended: &Ended, target: Option<&Path>) {
    let rows = ended.rows;
    if ended.cut {
        say(&format!(
            "only the first {rows} rows are shown: --max-rows shows more, --format csv all\n"
        ));
    }
    if let Some(target) = target {
        say(&format!("{rows} rows in `{}`\n", target.display()));
    }
}

fn failed(problem: &str) -> anyhow::Result<u8> {
    say(&format!("error: {problem}\n"));
    Ok(exit::FAILED)
}

/// Why a query is not run. `known` are the names of the tables.
fn problem_of(error: &QueryError, known: &[String]) -> Diagnostic {
    if let QueryError::NotAQuery(_) = error {
        return Diagnostic::new(&codes::NOT_A_QUERY, error.to_string());
    }
    let known = quoted_list(known.iter().map(String::as_str));
    let message = error.to_string().replace('\n', " ");
    Diagnostic::new(&codes::WRONG_QUERY, message).help(format!(
        "the tables are {known}; --tables lists their columns"
    ))
}

/// A table for people.
fn as_text(table: &Table) -> String {
    let files = match (&table.of_database, &table.files[..]) {
        (Some(of_database), _) => of_database.clone(),
        (None, [only]) => only.clone(),
        (None, files) => format!("{} files, the first of them {}", files.len(), files[0]),
    };
    let mut text = format!("{}  ({files})\n", table.name);
    let wide = |length: &dyn Fn(&TableColumn) -> usize| table.columns.iter().map(length).max();
    let of_name = wide(&|column| column.name.chars().count()).unwrap_or(0);
    let of_type = wide(&|column| column.data_type.to_string().chars().count()).unwrap_or(0);
    for column in &table.columns {
        let masks = column
            .masked
            .iter()
            .map(|(path, masks)| match *path == column.name {
                true => masks.clone(),
                false => format!("{path}: {masks}"),
            });
        let masks: Vec<String> = masks.collect();
        let TableColumn {
            name, data_type, ..
        } = column;
        let line = format!(
            "  {name:of_name$}  {:of_type$}  {}",
            data_type.to_string(),
            masks.join(", ")
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn as_json(table: &Table) -> Value {
    let column = |column: &TableColumn| {
        json!({
            "name": column.name,
            "type": column.data_type.to_string(),
            "masked": column.masked.iter().map(|(path, masks)| (path.clone(), Value::from(masks.as_str()))).collect::<serde_json::Map<_, _>>(),
        })
    };
    let mut told = json!({
        "table": table.name,
        "columns": table.columns.iter().map(column).collect::<Value>(),
    });
    match &table.of_database {
        Some(of_database) => told["database_table"] = of_database.as_str().into(),
        None => told["files"] = table.files.iter().map(String::as_str).collect(),
    }
    told
}
