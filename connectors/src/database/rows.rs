//! Rows of a table on their way, whichever database it is in.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewBuilder, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

/// A column that says `text` in each of so many rows.
pub(crate) fn repeated(text: &str, rows: usize) -> Result<ArrayRef> {
    let mut texts = StringViewBuilder::with_capacity(rows);
    let block = texts.append_block(text.as_bytes().to_vec().into());
    let Ok(length) = u32::try_from(text.len()) else {
        return exec_err!("the name of the table is too long");
    };
    for _ in 0..rows {
        texts.try_append_view(block, 0, length)?;
    }
    Ok(Arc::new(texts.finish()))
}

/// `batch` with the table's name and the rows' numbers, from `first` on, in front.
pub(crate) fn with_places(
    batch: &RecordBatch,
    path: &str,
    first: u64,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let paths = repeated(path, batch.num_rows())?;
    let places = UInt64Array::from_iter_values(first..first + batch.num_rows() as u64);
    let mut columns: Vec<ArrayRef> = vec![paths, Arc::new(places)];
    columns.extend(batch.columns().iter().cloned());
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Takes `rows` to nowhere, as a dry run does; how many there were.
pub(crate) async fn counted(mut rows: SendableRecordBatchStream) -> Result<u64> {
    let mut seen = 0;
    while let Some(batch) = rows.next().await {
        seen += batch?.num_rows() as u64;
    }
    Ok(seen)
}
