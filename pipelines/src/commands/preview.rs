//! `visard preview`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use visard_connectors::is_place_column;

use super::{PipelineArgs, print, report, say};
use crate::check::{self, GroupPlan};
use crate::language::{Diagnostics, Sources};
use crate::run::{exit, look_with, preview_root};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visard preview pipeline.yml\n  visard preview pipeline.yml --file customers.csv --rows 20"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The file to show [default: the first of each kind].
    #[arg(long)]
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
        let (root, is_lasting) =
            preview_root(loaded, args.instance_secret_file.as_deref().map(Path::new))?;
        if !is_lasting {
            say("no run secret is given: drawn values will differ in a run\n");
        }
        found = look_with(loaded, &root, &mut diagnostics).await;
    }
    let Some((_, planned)) = found else {
        report(&diagnostics, &sources, args.pipeline.json)?;
        return Ok(exit::REFUSED);
    };
    let mut shown = 0;
    for group in &planned.groups {
        let unit = match &args.file {
            None => Some(0),
            Some(file) => group
                .files
                .iter()
                .position(|&index| planned.files[index].object.path == *file),
        };
        let Some(unit) = unit else { continue };
        shown += 1;
        let path = &planned.files[group.files[unit]].object.path;
        let rows = first_rows(group, unit, args.rows).await?;
        let text = match rows {
            None => "no masked column".to_owned(),
            Some(rows) => pretty_format_batches(&[rows])?.to_string(),
        };
        print(&format!("{path}\n{text}\n"))?;
    }
    if let (0, Some(file)) = (shown, &args.file) {
        anyhow::bail!("no task selects a file `{file}`");
    }
    Ok(exit::MASKED)
}

/// The first rows of a unit: each masked column before and after.
async fn first_rows(
    group: &GroupPlan,
    unit: usize,
    rows: usize,
) -> anyhow::Result<Option<RecordBatch>> {
    let slice = group.group.group.slices_of(unit).start;
    let masked = group.group.sink.schema();
    let source = group.group.source.schema();
    let columns: Vec<usize> = masked
        .fields()
        .iter()
        .filter(|field| !is_place_column(field.name()))
        .map(|field| source.index_of(field.name()))
        .collect::<Result<_, _>>()?;
    if columns.is_empty() {
        return Ok(None);
    }
    let before = first_batch(group.group.source.open(slice, &columns)?).await?;
    // The plan below the node that writes.
    let projection = group
        .plan
        .physical
        .children()
        .first()
        .map(|child| Arc::clone(child));
    let projection = projection.context("a plan that writes has something to write")?;
    let after = first_batch(projection.execute(slice, Arc::clone(&group.plan.context))?).await?;
    let (Some(before), Some(after)) = (before, after) else {
        return Ok(None);
    };
    let shown = rows.min(before.num_rows()).min(after.num_rows());
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for field in before.schema().fields() {
        let name = field.name();
        let (old, new) = (before.column_by_name(name), after.column_by_name(name));
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        for (label, array) in [(name.clone(), old), (format!("{name} →"), new)] {
            fields.push(Field::new(label, array.data_type().clone(), true));
            arrays.push(array.slice(0, shown));
        }
    }
    Ok(Some(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        arrays,
    )?))
}

async fn first_batch(mut stream: SendableRecordBatchStream) -> anyhow::Result<Option<RecordBatch>> {
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|error| anyhow::anyhow!("{}", error.find_root()))?;
        if batch.num_rows() > 0 {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}
