//! A table as the origin of a copy: ranges of its key, all of one moment.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;

use super::error::MysqlError;
use super::job::TableJob;
use super::reader::{From, Reader};
use super::session::{Pool, quoted};
use super::snapshot::Snapshot;
use super::stage;
use super::types::{ColumnType, Lane, ReadColumn};
use crate::copy::Origin;
use crate::database::CopiedColumn;
use crate::unit::Source;

/// The fewest rows of a slice.
const SLICE_ROWS: u64 = 20_000;

/// A table that is copied elsewhere.
pub(super) struct Extract {
    job: TableJob,
    snapshot: Arc<Snapshot>,
    reader: Reader,
    /// What each slice reads, behind `FROM`.
    slices: Vec<String>,
}

impl std::fmt::Debug for Extract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Extract({})", self.job.table.shown())
    }
}

impl Extract {
    /// Cuts the table, as `snapshot` sees it, into slices that give `columns` and what rules read besides.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn open(
        pool: &Pool,
        snapshot: &Arc<Snapshot>,
        job: TableJob,
        columns: &[CopiedColumn],
    ) -> Result<Self, MysqlError> {
        let mut session = pool.take().await?;
        // Nobody alters it any more.
        let table = session.table(&job.table.schema, &job.table.name).await?;
        session.give_back();
        let table = table.filter(|table| table.is_same(&job.table));
        table.ok_or(MysqlError::Altered)?;
        let slices = match job.max_rows {
            Some(most) => {
                let all = job.from(&job.table.sql(), "TRUE");
                vec![format!("{all} LIMIT {most}")]
            }
            None => {
                let ranges = ranges(snapshot, &job).await?.into_iter();
                ranges
                    .map(|range| job.from(&job.table.sql(), &range))
                    .collect()
            }
        };
        let mut read = Vec::with_capacity(columns.len());
        for CopiedColumn { name, carried } in columns {
            let column = job.table.column(name).ok_or(MysqlError::Altered)?;
            read.push(ReadColumn {
                name: name.clone(),
                kind: column.kind,
                lane: if *carried {
                    Lane::Carried
                } else {
                    Lane::Copied
                },
                sql: None,
            });
        }
        let besides = job
            .typed(Lane::Copied, &quoted(&job.table.name))
            .into_iter();
        read.extend(besides.filter(|typed| columns.iter().all(|c| c.name != typed.name)));
        let reader = Reader::new(pool.clone(), job.table.shown(), &[], read);
        Ok(Self {
            reader: reader.seeing(Arc::clone(snapshot)).plain(&job.shuffled),
            snapshot: Arc::clone(snapshot),
            slices,
            job,
        })
    }
}

/// Conditions that cut the table into ranges of its key, no more than sessions can read at once.
async fn ranges(snapshot: &Snapshot, job: &TableJob) -> Result<Vec<String>, MysqlError> {
    let whole = vec!["TRUE".to_owned()];
    let most = snapshot.sessions().min(job.workers.max(1)) as u64;
    let slices = (job.table.rows.unwrap_or(0) / SLICE_ROWS).clamp(1, most.max(1));
    let key = job.table.any_key();
    let first = key.and_then(|key| job.table.column(key.first()?).cloned());
    let Some(column) = first.filter(|first| matches!(first.kind, ColumnType::Int { .. })) else {
        return Ok(whole);
    };
    if slices == 1 {
        return Ok(whole);
    }
    let name = quoted(&column.name);
    let ends = format!(
        "SELECT CAST(MIN({name}) AS CHAR), CAST(MAX({name}) AS CHAR) FROM {}",
        job.table.sql()
    );
    let ends: Option<(Option<String>, Option<String>)> = snapshot.first(&ends).await?;
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i128>().ok());
    let ends = ends.and_then(|(first, last)| number(first).zip(number(last)));
    Ok(ends.map_or(whole, |ends| cut(&name, ends, slices)))
}

/// So many ranges of the numbers from `first` to `last`; the outer ones have no end.
fn cut(name: &str, (first, last): (i128, i128), slices: u64) -> Vec<String> {
    let step = (last - first) / i128::from(slices) + 1;
    let bound = |slice: u64| first + step * i128::from(slice);
    let ranges = (0..slices).map(|slice| {
        let from = (slice > 0).then(|| format!("{name} >= {}", bound(slice)));
        let to = (slice + 1 < slices).then(|| format!("{name} < {}", bound(slice + 1)));
        let range: Vec<String> = from.into_iter().chain(to).collect();
        range.join(" AND ")
    });
    ranges.collect()
}

impl Source for Extract {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    fn slices(&self) -> usize {
        self.slices.len()
    }

    fn describe(&self) -> String {
        format!("MySQL, {} slices", self.slices.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let from = From {
            setup: Vec::new(),
            sql: self.slices[slice].clone(),
            slice,
        };
        self.reader.read(from, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Origin for Extract {
    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (snapshot, job) = (Arc::clone(&self.snapshot), self.job.clone());
        let rows = format!("SELECT COUNT(*) FROM {}", self.slices[slice]);
        Box::pin(async move {
            let rows: Option<u64> = snapshot.first(&rows).await?;
            Ok(job.masked_rows(rows.unwrap_or(0)))
        })
    }

    fn memory_of(&self, _: usize) -> u64 {
        stage::SLICE_BYTES
    }

    fn verify(&self) -> BoxFuture<'static, Result<()>> {
        // A snapshot does not change.
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_all_numbers_once() {
        assert_eq!(
            cut("k", (-5, 10), 3),
            ["k < 1", "k >= 1 AND k < 7", "k >= 7"]
        );
        assert_eq!(cut("k", (1, 10), 2), ["k < 6", "k >= 6"]);
    }
}
