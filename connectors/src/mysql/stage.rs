//! Masked rows on their way into a table: a temporary table of keys and masked values, filled by
//! `LOAD DATA LOCAL INFILE` where the server takes it, else by `INSERT`s of many rows.

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::catalogue::Column;
use super::encode::{Encoder, FieldKind, Form, StageField};
use super::error::{Answer, MysqlError};
use super::job::{KeyColumn, staged};
use super::session::{Session, quoted};
use super::types::ColumnType;

/// Bytes that a slice holds: what arrives, a batch before and after its masks, and what is sent.
pub(super) const SLICE_BYTES: u64 = 48 << 20;
/// The stage of a session.
pub(super) const STAGE: &str = "visard_stage";

/// Bytes that are sent at once.
const SEND_BYTES: usize = 128 * 1024;
/// Rows that are written before it is looked whether they are enough to be sent.
const STEP: usize = 256;
/// Pieces that wait for the server.
const WAITING: usize = 4;

/// The stage of a session: its columns are `k0`, `k1` … of the key, `v0`, `v1` … of the masked columns, and
/// `o0` … for those of them whose value may stay.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    key: Vec<KeyColumn>,
    masked: Vec<Column>,
    fields: Vec<StageField>,
    form: Form,
}

impl Stage {
    /// Of rows found by `key`; `form` is how they travel.
    pub(super) fn new(key: Vec<KeyColumn>, masked: Vec<Column>, form: Form) -> Self {
        Self {
            fields: staged(&key, &masked),
            key,
            masked,
            form,
        }
    }

    /// How rows travel to the server: in a file where it takes one.
    pub(super) async fn form(session: &mut Session) -> Result<Form, MysqlError> {
        let takes: Option<bool> = session.first("SELECT @@GLOBAL.local_infile").await?;
        Ok(match takes {
            Some(true) => Form::File,
            _ => Form::Statement,
        })
    }

    /// What a row is made of.
    pub(super) fn fields(&self) -> &[StageField] {
        &self.fields
    }

    /// The masked columns.
    pub(super) fn masked(&self) -> &[Column] {
        &self.masked
    }

    /// The columns of the stage, with what makes each.
    fn columns(&self) -> Vec<(String, String)> {
        let keys = self.key.iter().enumerate();
        let keys = keys.map(|(n, column)| (format!("k{n}"), format!("{} NOT NULL", column.made)));
        let values = self.masked.iter().enumerate().map(|(n, column)| {
            let made = match column.kind {
                // A geometry is read again from its bytes.
                ColumnType::Bytes => "longblob",
                _ => &column.made,
            };
            (format!("v{n}"), format!("{made} NULL"))
        });
        let odd = self.masked.iter().enumerate();
        let odd = odd.filter(|(_, column)| column.kind.has_odd());
        let odd = odd.map(|(n, _)| (format!("o{n}"), "BOOL NOT NULL".to_owned()));
        keys.chain(values).chain(odd).collect()
    }

    /// Makes the stage of a session anew.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn make(&self, session: &mut Session) -> Result<(), MysqlError> {
        self.remove(session).await?;
        let columns: Vec<String> = self
            .columns()
            .into_iter()
            .map(|(name, made)| format!("{name} {made}"))
            .collect();
        let key: Vec<String> = (0..self.key.len()).map(|n| format!("k{n}")).collect();
        session
            .run(&format!(
                "CREATE TEMPORARY TABLE {STAGE} ({}, PRIMARY KEY ({})) ENGINE = InnoDB",
                columns.join(", "),
                key.join(", ")
            ))
            .await
    }

    /// Drops the stage of a session.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn remove(&self, session: &mut Session) -> Result<(), MysqlError> {
        session
            .run(&format!("DROP TEMPORARY TABLE IF EXISTS {STAGE}"))
            .await
    }

    /// The condition that joins the stage, as `s`, to the table, as `t`.
    pub(super) fn joined(&self) -> String {
        let key = self.key.iter().enumerate();
        let key = key.map(|(n, column)| format!("s.k{n} = t.{}", quoted(&column.name)));
        key.collect::<Vec<_>>().join(" AND ")
    }

    /// The new value of a masked column of `t`, by its number.
    pub(super) fn value(&self, number: usize) -> String {
        let column = &self.masked[number];
        match column.kind.has_odd() {
            true => format!("IF(s.o{number}, t.{}, s.v{number})", quoted(&column.name)),
            false => format!("s.v{number}"),
        }
    }

    /// Fills the stage with `rows`; how many there were.
    ///
    /// # Errors
    /// When a row cannot be had, or the server takes it otherwise than it is.
    pub(super) async fn fill(
        &self,
        session: &mut Session,
        rows: SendableRecordBatchStream,
    ) -> Result<u64> {
        let encoder = Encoder::new(&self.fields, &rows.schema(), self.form)?;
        let (written, taken) = match self.form {
            Form::File => self.load(session, rows, encoder).await?,
            Form::Statement => self.insert(session, rows, encoder).await?,
        };
        if taken != written {
            return Err(MysqlError::Changed {
                expected: written,
                found: taken,
            }
            .into());
        }
        Ok(written)
    }

    fn named(&self, error: MysqlError) -> MysqlError {
        error.of_stage(|at| self.masked.get(at).map(|column| column.name.as_str()))
    }

    /// One `LOAD DATA` that goes on as long as there are rows.
    async fn load(
        &self,
        session: &mut Session,
        mut rows: SendableRecordBatchStream,
        mut encoder: Encoder,
    ) -> Result<(u64, u64)> {
        let (sender, mut received) = mpsc::channel::<Bytes>(WAITING);
        session.begin()?.set_infile_handler(async move {
            let pieces = futures::stream::poll_fn(move |context| received.poll_recv(context));
            Ok(pieces.map(Ok).boxed())
        });
        let produced = async move {
            let (mut written, mut buffer) = (0, Vec::with_capacity(2 * SEND_BYTES));
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                for from in (0..batch.num_rows()).step_by(STEP) {
                    let to = batch.num_rows().min(from + STEP);
                    encoder.encode(&batch, from..to, &mut buffer)?;
                    if buffer.len() >= SEND_BYTES {
                        let piece =
                            std::mem::replace(&mut buffer, Vec::with_capacity(2 * SEND_BYTES));
                        if sender.send(piece.into()).await.is_err() {
                            // The server wants no more, and says why.
                            return Ok::<u64, DataFusionError>(written);
                        }
                    }
                }
                written += batch.num_rows() as u64;
            }
            sender.send(buffer.into()).await.unwrap_or_default();
            Ok(written)
        };
        let statement = self.statement();
        let (taken, written) = tokio::join!(session.touch(&statement), produced);
        let written = written?;
        let taken = taken.map_err(|error| self.named(error))?;
        self.refuse_warnings(session).await?;
        Ok((written, taken))
    }

    /// With `LOCAL` what does not fit is cut off with a warning only, and digits are rounded with a note.
    async fn refuse_warnings(&self, session: &mut Session) -> Result<(), MysqlError> {
        if session.warnings() == 0 {
            return Ok(());
        }
        let warnings: Vec<(String, u16, String)> = session.rows("SHOW WARNINGS").await?;
        match warnings.first() {
            Some((_, code, message)) => {
                let answer = Answer::told(*code, message).of_data();
                Err(self.named(MysqlError::Server(answer)))
            }
            None => Ok(()),
        }
    }

    fn statement(&self) -> String {
        let mut set = Vec::new();
        let columns: Vec<String> = self
            .columns()
            .into_iter()
            .zip(&self.fields)
            .map(|((name, _), field)| {
                let kind = match &field.kind {
                    FieldKind::Key(kind) | FieldKind::Value(kind, _) => Some(*kind),
                    FieldKind::Odd => None,
                };
                let value = match kind {
                    Some(ColumnType::Bytes) => format!("UNHEX(@{name})"),
                    Some(ColumnType::Bit) => format!("CAST(@{name} AS UNSIGNED)"),
                    _ => return name,
                };
                set.push(format!("{name} = {value}"));
                format!("@{name}")
            })
            .collect();
        let set = match set.is_empty() {
            true => String::new(),
            false => format!(" SET {}", set.join(", ")),
        };
        format!(
            "LOAD DATA LOCAL INFILE 'visard' INTO TABLE {STAGE} CHARACTER SET utf8mb4 \
             FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' \
             ({}){set}",
            columns.join(", ")
        )
    }

    async fn insert(
        &self,
        session: &mut Session,
        mut rows: SendableRecordBatchStream,
        mut encoder: Encoder,
    ) -> Result<(u64, u64)> {
        let names: Vec<String> = self.columns().into_iter().map(|(name, _)| name).collect();
        let begin = format!("INSERT INTO {STAGE} ({}) VALUES ", names.join(", "));
        let (mut written, mut taken, mut list) = (0, 0, Vec::new());
        loop {
            let batch = rows.next().await.transpose()?;
            let count = batch.as_ref().map_or(0, |batch| batch.num_rows());
            for from in (0..count).step_by(STEP / 8) {
                let to = count.min(from + STEP / 8);
                if let Some(batch) = &batch {
                    encoder.encode(batch, from..to, &mut list)?;
                }
                if list.len() >= SEND_BYTES {
                    taken += self.send(session, &begin, &mut list).await?;
                }
            }
            written += count as u64;
            if batch.is_none() {
                break;
            }
        }
        if !list.is_empty() {
            taken += self.send(session, &begin, &mut list).await?;
        }
        Ok((written, taken))
    }

    async fn send(
        &self,
        session: &mut Session,
        begin: &str,
        list: &mut Vec<u8>,
    ) -> Result<u64, MysqlError> {
        let statement = [begin.as_bytes(), list].concat();
        list.clear();
        let taken = session.touch_by(statement).await;
        let taken = taken.map_err(|error| self.named(error.of_data()))?;
        self.refuse_warnings(session).await?;
        Ok(taken)
    }
}
