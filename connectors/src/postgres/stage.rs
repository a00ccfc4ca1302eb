//! Masked rows on their way into a table: `COPY … FROM STDIN` into a stage.

use bytes::{Bytes, BytesMut};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::{SinkExt, StreamExt};

use super::encode::CopyEncoder;
use super::error::PostgresError;
use super::session::{Session, quoted};
use super::types::WireColumn;
use crate::unit::HIDDEN_PREFIX;

/// Bytes that a slice holds: what arrives, a batch before and after its masks, and what is sent.
pub(super) const SLICE_BYTES: u64 = 32 << 20;

/// Bytes that are sent at once.
const SEND_BYTES: usize = 128 * 1024;

/// A column of a stage: it is called `v0`, `v1` …
#[derive(Debug, Clone)]
pub(super) struct StageColumn {
    /// The column in the batches that arrive.
    pub(super) wire: WireColumn,
    /// The column of the table.
    pub(super) name: String,
    /// Whether the stage holds its text.
    pub(super) by_text: bool,
    /// Its type without a length, as SQL takes it: a cast to a type with one would cut a value short.
    pub(super) bare_type: String,
}

impl StageColumn {
    /// What a stage's column number `index` is made from.
    pub(super) fn definition(&self, index: usize) -> String {
        match self.by_text {
            true => format!("{}::text AS v{index}", quoted(&self.name)),
            false => format!("{} AS v{index}", quoted(&self.name)),
        }
    }

    /// A stage's column number `index` as a value of the table's column.
    pub(super) fn value(&self, index: usize) -> String {
        match self.by_text {
            true => format!("s.v{index}::{}", self.bare_type),
            false => format!("s.v{index}"),
        }
    }
}

/// Copies `rows` into `stage`, whose columns are `columns` in that order, those that tell row versions
/// apart first; how many there were.
pub(super) async fn fill(
    session: &Session,
    stage: &str,
    columns: Vec<WireColumn>,
    mut rows: SendableRecordBatchStream,
) -> Result<u64> {
    let versions = columns
        .iter()
        .filter(|column| column.name.starts_with(HIDDEN_PREFIX))
        .count();
    let names: Vec<String> = columns[versions..]
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let named = |error: PostgresError| error.of_stage(|at| names.get(at).map(String::as_str));
    let mut encoder = CopyEncoder::new(columns, &rows.schema())?;
    let statement = format!("COPY {stage} FROM STDIN (FORMAT binary)");
    let sink = session.copy_in(&statement).await?;
    let mut sink = std::pin::pin!(sink);
    let mut buffer = BytesMut::with_capacity(2 * SEND_BYTES);
    encoder.header(&mut buffer);
    let mut written = 0;
    while let Some(batch) = rows.next().await {
        // On an error the copy is dropped, and the server forgets it.
        let batch = batch?;
        encoder.encode(&batch, &mut buffer)?;
        written += batch.num_rows() as u64;
        if buffer.len() >= SEND_BYTES {
            send(&mut sink, buffer.split().freeze())
                .await
                .map_err(named)?;
        }
    }
    encoder.trailer(&mut buffer);
    send(&mut sink, buffer.freeze()).await.map_err(named)?;
    let taken = sink.finish().await.map_err(PostgresError::from);
    let taken = taken.map_err(named)?;
    if taken != written {
        return Err(PostgresError::Changed {
            expected: written,
            found: taken,
        }
        .into());
    }
    Ok(written)
}

async fn send(
    sink: &mut std::pin::Pin<&mut tokio_postgres::CopyInSink<Bytes>>,
    bytes: Bytes,
) -> Result<(), PostgresError> {
    Ok(sink.send(bytes).await?)
}
