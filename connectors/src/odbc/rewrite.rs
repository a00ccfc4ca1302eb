//! `strategy: rewrite`: rows are copied beside their table, masked there, deleted, and inserted anew, those of all tables
//! that change together in one transaction of one session.
//!
//! ```text
//! mark ─▶ read and lock a range ─▶ INSERT INTO stage … SELECT ─▶ masks ─▶ UPDATE of the stage, range by range
//!      ─▶ DELETE, what refers to others first ─▶ INSERT … SELECT, in the other order ─▶ count, COMMIT
//! ```
//!
//! No table holds new and old values at once, so that unique ones may change their rows, and no row refers to one that is
//! not there yet. It is plain SQL that every database has; no constraint is touched but where a session can leave references
//! unchecked: there they are looked at in the end.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::stream::try_unfold;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Mutex;

use super::catalogue::{Place, Table};
use super::error::OdbcError;
use super::marks;
use super::progress::{Key, Unit};
use super::reading::Reading;
use super::session::{Server, Session, blocking};
use super::stage::Stage;
use super::together::order;
use super::update::remains;
use super::writer::Writer;
use crate::database::{Announce, Job, TableWork, with_places};
use crate::unit::{Receipt, Sink, Source};

/// A table that is masked by a rewrite.
pub(super) struct Rewrite {
    together: Arc<Together>,
    /// Its place among those that change together.
    at: usize,
    schema: SchemaRef,
    writer: Arc<Writer>,
}

/// Tables that change in one transaction.
struct Together {
    server: Server,
    place: Place,
    /// What says that they did.
    mark: String,
    tables: Vec<Staged>,
    /// The tables, each behind those that it refers to.
    order: Vec<usize>,
    /// In the transaction; nothing once that has ended.
    session: Arc<Mutex<Option<Session>>>,
}

struct Staged {
    reading: Reading,
    stage: Stage,
    /// Ranges of the key whose rows are in the stage.
    taken: parking_lot::Mutex<usize>,
    /// Rows that were masked.
    rows: parking_lot::Mutex<u64>,
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewrite({})", self.own().reading.table.name)
    }
}

impl Rewrite {
    /// Makes stages for `tables` and begins their transaction. It may block.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn open(
        server: &Server,
        place: &Place,
        tables: Vec<(Table, Job)>,
    ) -> Result<Vec<Arc<Self>>, OdbcError> {
        let mark = tables.first().map(|(_, job)| mark_of(&job.name));
        let mark = mark.unwrap_or_default();
        let mut staged = Vec::with_capacity(tables.len());
        for (table, job) in tables {
            let reading = Reading::new(table, job)?;
            staged.push(Staged {
                stage: Stage::new(reading.clone()),
                reading,
                taken: parking_lot::Mutex::new(0),
                rows: parking_lot::Mutex::new(0),
            });
        }
        let named = staged.iter().map(|staged| {
            let table = &staged.reading.table;
            (table.shown(), table.foreign_keys.as_slice())
        });
        let order =
            order(&named.collect::<Vec<_>>()).unwrap_or_else(|| (0..staged.len()).collect());
        let session = server.connect()?;
        marks::make(&session, place, &mark)?;
        let made = staged.iter().try_for_each(|staged| {
            staged.reading.no_nulls(&session)?;
            staged.stage.make(&session, place)
        });
        if made.is_err() {
            // What failed is told, not that the rest could not be removed.
            for staged in &staged {
                staged.stage.drop(&session, place).ok();
            }
            marks::forget(&session, place, &mark).ok();
        }
        made?;
        session.begin()?;
        // The database may still have been at work for an attempt that was killed: who holds the mark does the work.
        if !marks::set(&session, place, &mark)? {
            return Err(OdbcError::Broken(
                "an earlier attempt did it meanwhile; go on with `--resume`".to_owned(),
            ));
        }
        let together = Arc::new(Together {
            server: server.clone(),
            place: place.clone(),
            mark,
            order,
            session: Arc::new(Mutex::new(Some(session))),
            tables: staged,
        });
        let opened = together.tables.iter().enumerate().map(|(at, staged)| {
            Arc::new(Self {
                schema: staged.reading.schema(),
                writer: Arc::new(staged.stage.writer()),
                together: Arc::clone(&together),
                at,
            })
        });
        Ok(opened.collect())
    }

    fn own(&self) -> &Staged {
        &self.together.tables[self.at]
    }
}

impl Staged {
    /// The rows of the range of that number, which begins behind the key `last`, and its last key where others come
    /// behind it. Once read they are in the stage, and nobody else changes them.
    fn range(
        &self,
        session: &Session,
        number: usize,
        last: Option<Key>,
    ) -> Result<(Vec<RecordBatch>, Option<Key>), OdbcError> {
        let Self { reading, .. } = self;
        let next = reading.key_at(session, last.as_ref(), reading.job.unit_rows)?;
        let unit = Unit::between(last, next.clone());
        let batches = reading.unit(session, &unit)?;
        let mut taken = self.taken.lock();
        // Values that change their rows are read twice.
        if number == *taken {
            let expected = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            match self.stage.take(session, &unit)? {
                Some(found) if found != expected => {
                    return Err(OdbcError::Changed { expected, found });
                }
                _ => *taken += 1,
            }
        }
        Ok((batches, next))
    }
}

/// What says that the work under `name` was committed.
pub(super) fn mark_of(name: &str) -> String {
    format!("{name}_done")
}

impl Together {
    /// Does `work` in the session of the transaction.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, OdbcError> + Send + 'static,
    ) -> Result<T, OdbcError> {
        let session = Arc::clone(&self.session).lock_owned().await;
        blocking(move || work(session.as_ref().ok_or(OdbcError::GivenUp)?)).await
    }

    /// Ends the session, and with it the transaction where it is not committed.
    async fn end(&self) {
        let mut session = Arc::clone(&self.session).lock_owned().await;
        let ended = blocking(move || {
            drop(session.take());
            Ok(())
        });
        ended.await.unwrap_or_default();
    }

    /// Lets the masked rows of all tables take the place of the old ones.
    fn exchange(&self, session: &Session, announce: Announce) -> Result<(), OdbcError> {
        let unchecked = session.dialect().quirks().unchecked;
        let broken = match unchecked {
            Some(statement) => {
                session.run(statement)?;
                self.broken(session)?
            }
            None => 0,
        };
        for &at in self.order.iter().rev() {
            let staged = &self.tables[at];
            staged.stage.empty(session, *staged.rows.lock())?;
        }
        for &at in &self.order {
            let staged = &self.tables[at];
            staged.stage.put_back(session, *staged.rows.lock())?;
        }
        if unchecked.is_some() && self.broken(session)? > broken {
            return Err(OdbcError::Broken(
                "rows would refer to others that are not there: their keys are alike for the database and not for a mask"
                    .to_owned(),
            ));
        }
        announce(&self.mark).map_err(|error| {
            OdbcError::Broken(format!("the journal cannot be written: {error}"))
        })?;
        session.commit()
    }

    /// How many rows of the tables refer to rows of them that are not there.
    fn broken(&self, session: &Session) -> Result<u64, OdbcError> {
        let dialect = session.dialect();
        let mut broken = 0;
        for Staged { reading, .. } in &self.tables {
            for key in reading
                .table
                .foreign_keys
                .iter()
                .filter(|key| !key.incoming)
            {
                let mut tables = self.tables.iter().map(|staged| &staged.reading.table);
                let Some(other) = tables.find(|table| table.shown() == key.other()) else {
                    continue;
                };
                let quoted = |names: &[String]| -> Vec<String> {
                    names.iter().map(|name| dialect.quoted(name)).collect()
                };
                let (own, theirs) = (quoted(&key.columns), quoted(&key.other_columns));
                let there: Vec<String> = own
                    .iter()
                    .map(|name| format!("c.{name} IS NOT NULL"))
                    .collect();
                let on = own.iter().zip(&theirs);
                let on: Vec<String> = on
                    .map(|(own, theirs)| format!("p.{theirs} = c.{own}"))
                    .collect();
                broken += session.count(&format!(
                    "SELECT COUNT(*) FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
                    reading.table.sql(),
                    there.join(" AND "),
                    other.sql(),
                    on.join(" AND ")
                ))?;
            }
        }
        Ok(broken)
    }
}

impl Source for Rewrite {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// One, as there is one session.
    fn slices(&self) -> usize {
        1
    }

    fn describe(&self) -> String {
        let product = self.own().reading.table.dialect.quirks().product;
        format!("{product} over ODBC, rewrite")
    }

    /// A range of the key is read whole before its rows are masked.
    fn open(&self, _: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let (whole, projection) = (Arc::clone(&self.schema), projection.to_vec());
        let (together, at) = (Arc::clone(&self.together), self.at);
        let path = self.own().reading.table.shown();
        let ranges = try_unfold(Some((0, None)), move |range| {
            let together = Arc::clone(&together);
            async move {
                let Some((number, last)) = range else {
                    return Ok(None);
                };
                let all = Arc::clone(&together);
                let read = move |session: &Session| all.tables[at].range(session, number, last);
                let (batches, next) = together.with(read).await?;
                let next = next.map(|next| (number + 1, Some(next)));
                Ok::<_, OdbcError>(Some((batches, next)))
            }
        });
        let batches = ranges.map_ok(|batches: Vec<RecordBatch>| {
            futures::stream::iter(batches.into_iter().map(Ok::<_, OdbcError>))
        });
        let mut next = 0;
        let batches = batches.try_flatten().map(move |batch| {
            let batch = with_places(&batch?, &path, next, &whole)?;
            next += batch.num_rows() as u64;
            Ok::<_, DataFusionError>(batch.project(&projection)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Rewrite {
    fn schema(&self) -> SchemaRef {
        self.own().reading.written()
    }

    fn describe(&self) -> String {
        format!("rewrite of {} over ODBC", self.own().reading.table.shown())
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (together, at) = (Arc::clone(&self.together), self.at);
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            let mut count = 0;
            while let Some(batch) = rows.next().await.transpose()? {
                let writer = Arc::clone(&writer);
                let expected = batch.num_rows() as u64;
                count += expected;
                let written =
                    together.with(move |session| match writer.write(session, &batch)? {
                        found if found == expected => Ok(()),
                        found => Err(OdbcError::Changed { expected, found }),
                    });
                written.await?;
            }
            *together.tables[at].rows.lock() = count;
            Ok(Receipt { slice, rows: count })
        })
    }
}

impl TableWork for Rewrite {
    fn units(&self) -> usize {
        1
    }

    fn rows_of(&self, _: usize) -> BoxFuture<'static, Result<u64>> {
        let together = Arc::clone(&self.together);
        let reading = self.own().reading.clone();
        Box::pin(async move {
            let counted = together.with(move |session| reading.rows_of(session, &Unit::default()));
            Ok(counted.await?)
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        self.own().reading.memory()
    }

    fn commit(&self, _: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let (together, at) = (Arc::clone(&self.together), self.at);
        Box::pin(async move {
            let rows = *together.tables[at].rows.lock();
            // The others change with the last.
            if at + 1 == together.tables.len() {
                let all = Arc::clone(&together);
                let changed = together.with(move |session| all.exchange(session, announce));
                changed.await?;
                together.end().await;
            }
            Ok(rows)
        })
    }

    fn abort(&self, _: usize) -> BoxFuture<'static, ()> {
        let together = Arc::clone(&self.together);
        Box::pin(async move { together.end().await })
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (together, at) = (Arc::clone(&self.together), self.at);
        Box::pin(async move {
            together.end().await;
            let removed = blocking(move || {
                let Together {
                    server,
                    place,
                    mark,
                    tables,
                    ..
                } = together.as_ref();
                let session = server.connect()?;
                tables[at].stage.drop(&session, place)?;
                if at == 0 {
                    marks::forget(&session, place, mark)?;
                }
                Ok(match all {
                    true => vec![remains(&tables[at].reading.table)],
                    false => Vec::new(),
                })
            });
            Ok(removed.await?)
        })
    }
}
