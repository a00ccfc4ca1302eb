//! `visard preview`.

use std::sync::Arc;

use anyhow::Context;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use serde_json::{Map, Value, json};
use visard_connectors::{Sink, Source, is_place_column};
use visard_engine::TaskPlan;
use visard_engine::udfs::Root;

use super::{PipelineArgs, print, report, say};
use crate::check::{self, Loaded, Step};
use crate::language::{Diagnostics, Sources, one_line};
use crate::run::{dry_look, exit, look_at_database, look_with, preview_root};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visard preview pipeline.yml\n  visard preview pipeline.yml --file customers.csv --rows 20\n  visard preview pipeline.yml --json | jq '.[].rows[0]'"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The file or table to show [default: the first file of each kind, or every table].
    #[arg(long, alias = "table")]
    file: Option<String>,
    /// Rows to show of each file.
    #[arg(long, default_value_t = 5)]
    rows: usize,
    /// The file that holds the secret of this installation [default: in your configuration folder].
    #[arg(long, value_name = "FILE")]
    instance_secret_file: Option<std::path::PathBuf>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let loaded = check::load(&args.pipeline.pipeline, &mut sources, &mut diagnostics);
    let mut found = None;
    if let Some(loaded) = &loaded {
        let (root, is_lasting) = preview_root(loaded, args.instance_secret_file.as_deref(), None)?;
        if !is_lasting {
            say("no run secret is given: drawn values will differ in a run\n");
        }
        if check::goes_by_tables(loaded) {
            return of_tables(loaded, &root, &args, &mut diagnostics, &sources).await;
        }
        found = look_with(loaded, &root, &mut diagnostics).await;
    }
    let Some((_, planned)) = found else {
        report(&diagnostics, &sources, args.pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let mut shown = Vec::new();
    for group in &planned.groups {
        let unit = match &args.file {
            None => Some(0),
            Some(file) => group
                .files
                .iter()
                .position(|&index| planned.files[index].object.path == *file),
        };
        let Some(unit) = unit else { continue };
        let path = &planned.files[group.files[unit]].object.path;
        let slice = group.group.group.slices_of(unit).start;
        let sinks = group.group.sinks.iter().zip(&group.plans);
        let columns = first_rows(&group.group.source, slice, sinks, args.rows).await?;
        match args.pipeline.json {
            true => shown.push(as_json(path, &columns)?),
            false => {
                print(&format!("{}\n{}\n", one_line(path), as_table(&columns)?))?;
                shown.push(Value::Null);
            }
        }
    }
    if let (true, Some(file)) = (shown.is_empty(), &args.file) {
        anyhow::bail!("no task selects a file `{file}`");
    }
    if args.pipeline.json {
        print(&format!("{:#}\n", Value::from(shown)))?;
    }
    Ok(exit::MASKED)
}

/// A masked column of the first rows.
struct Shown {
    name: String,
    before: ArrayRef,
    after: ArrayRef,
}

fn as_table(columns: &[Shown]) -> anyhow::Result<String> {
    if columns.is_empty() {
        return Ok("no masked column, or no row".to_owned());
    }
    let pairs = columns.iter().flat_map(|column| {
        [
            (column.name.clone(), Arc::clone(&column.before), true),
            (
                format!("{} →", column.name),
                Arc::clone(&column.after),
                true,
            ),
        ]
    });
    let rows = RecordBatch::try_from_iter_with_nullable(pairs)?;
    Ok(pretty_format_batches(&[rows])?.to_string())
}

/// `{"file", "rows": [{"column": {"before", "after"}}]}`.
fn as_json(path: &str, columns: &[Shown]) -> anyhow::Result<Value> {
    let count = columns.first().map_or(0, |column| column.before.len());
    let mut rows = vec![Map::new(); count];
    for Shown {
        name,
        before,
        after,
    } in columns
    {
        let (before, after) = (values(before)?, values(after)?);
        for (row, (before, after)) in rows.iter_mut().zip(before.into_iter().zip(after)) {
            row.insert(name.clone(), json!({"before": before, "after": after}));
        }
    }
    Ok(json!({"file": path, "rows": rows}))
}

/// Null is null, numbers and flags are themselves, everything else is text.
fn values(array: &ArrayRef) -> anyhow::Result<Vec<Value>> {
    let options = FormatOptions::default();
    let texts = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let plain = array.data_type().is_numeric() || *array.data_type() == DataType::Boolean;
    let value = |row: usize| {
        if array.is_null(row) {
            return Ok(Value::Null);
        }
        let text = texts.value(row).try_to_string()?;
        let parsed = plain.then(|| serde_json::from_str(&text).ok());
        Ok(parsed.flatten().unwrap_or(Value::String(text)))
    };
    (0..array.len()).map(value).collect()
}

/// The first rows of the tables of a database.
async fn of_tables(
    loaded: &Loaded,
    root: &Root,
    args: &Args,
    diagnostics: &mut Diagnostics,
    sources: &Sources,
) -> anyhow::Result<u8> {
    let Some(planned) = look_at_database(loaded, root, diagnostics).await else {
        report(diagnostics, sources, args.pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let mut shown = Vec::new();
    for step in planned.steps {
        let (table, masked) = match &step {
            Step::Mask(plan) => (plan.table.facts().shown(), plan.masked.clone()),
            Step::Copy(plan) => (plan.shown(), plan.masked.clone()),
            Step::Sql { .. } => continue,
        };
        if args.file.as_ref().is_some_and(|wanted| *wanted != table) {
            continue;
        }
        let rows = Some(args.rows as u64);
        let Some((source, task, sink)) = dry_look(step, rows).await? else {
            continue;
        };
        let sinks = [(&sink, &task)].into_iter();
        let mut columns = first_rows(&source, 0, sinks, args.rows).await?;
        // The others are copied as they are.
        columns.retain(|column| masked.iter().any(|(name, _)| *name == column.name));
        match args.pipeline.json {
            true => shown.push(as_json(&table, &columns)?),
            false => {
                print(&format!("{}\n{}\n", one_line(&table), as_table(&columns)?))?;
                shown.push(Value::Null);
            }
        }
    }
    if let (true, Some(table)) = (shown.is_empty(), &args.file) {
        anyhow::bail!("no task masks a table `{table}`");
    }
    if args.pipeline.json {
        print(&format!("{:#}\n", Value::from(shown)))?;
    }
    Ok(exit::MASKED)
}

/// The first rows of a slice: each masked column before and after.
async fn first_rows(
    source: &Arc<dyn Source>,
    slice: usize,
    sinks: impl Iterator<Item = (&Arc<dyn Sink>, &TaskPlan)>,
    rows: usize,
) -> anyhow::Result<Vec<Shown>> {
    let mut shown = Vec::new();
    for (sink, plan) in sinks {
        let masked = sink.schema();
        let columns: Vec<usize> = masked
            .fields()
            .iter()
            .filter(|field| !is_place_column(field.name()))
            .map(|field| source.schema().index_of(field.name()))
            .collect::<Result<_, _>>()?;
        if columns.is_empty() {
            continue;
        }
        let before = first(rows, source.open(slice, &columns)?).await?;
        // The plan below the node that writes.
        let projection = plan.physical.children().into_iter().next().map(Arc::clone);
        let projection = projection.context("a plan that writes has something to write")?;
        let after = projection.execute(slice, Arc::clone(&plan.context))?;
        let after = first(rows, after).await?;
        let count = before.num_rows().min(after.num_rows());
        let schema = before.schema();
        shown.extend(schema.fields().iter().filter_map(|field| {
            let name = field.name();
            Some(Shown {
                name: name.clone(),
                before: before.column_by_name(name)?.slice(0, count),
                after: after.column_by_name(name)?.slice(0, count),
            })
        }));
    }
    shown.retain(|column| !column.before.is_empty());
    Ok(shown)
}

/// The first `rows` of a stream, or all of them.
async fn first(rows: usize, mut stream: SendableRecordBatchStream) -> anyhow::Result<RecordBatch> {
    let schema = stream.schema();
    let (mut batches, mut found) = (Vec::new(), 0);
    while found < rows
        && let Some(batch) = stream.next().await
    {
        let batch = batch.map_err(|error| anyhow::anyhow!("{}", error.find_root()))?;
        let batch = batch.slice(0, batch.num_rows().min(rows - found));
        found += batch.num_rows();
        batches.push(batch);
    }
    Ok(concat_batches(&schema, &batches)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn rows_as_json() {
        let columns = [
            Shown {
                name: "id".to_owned(),
                before: Arc::new(Int64Array::from(vec![1, 2])),
                after: Arc::new(Int64Array::from(vec![Some(7), None])),
            },
            Shown {
                name: "zip".to_owned(),
                before: Arc::new(StringArray::from(vec!["01", ""])),
                after: Arc::new(StringArray::from(vec!["x", "y"])),
            },
        ];
        let expected = json!({"file": "a.csv", "rows": [
            {"id": {"before": 1, "after": 7}, "zip": {"before": "01", "after": "x"}},
            {"id": {"before": 2, "after": null}, "zip": {"before": "", "after": "y"}},
        ]});
        assert_eq!(as_json("a.csv", &columns).unwrap(), expected);
    }
}
