//! Rows on their way into a stage: by `LOAD DATA LOCAL INFILE` where the server takes it, else by `INSERT`s of many
//! rows.

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::encode::{Encoder, Form, StageField};
use super::error::{Answer, MysqlError};
use super::session::Session;
use super::types::ColumnType;

/// Bytes that are sent at once.
const SEND_BYTES: usize = 128 * 1024;
/// Rows that are written before it is looked whether they are enough to be sent.
const STEP: usize = 256;
/// Pieces that wait for the server.
const WAITING: usize = 4;

/// Fills a stage.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    /// The stage as SQL names it.
    pub(super) table: String,
    /// Its columns.
    pub(super) columns: Vec<String>,
    /// What a row is made of, a field for each of them.
    pub(super) fields: Vec<StageField>,
    /// What columns `v0`, `v1` … are called in the table whose stage it is.
    pub(super) named: Vec<String>,
    /// How rows travel.
    pub(super) form: Form,
}

impl Loader {
    /// How rows travel to the server: in a file where it takes one.
    pub(super) async fn form(session: &mut Session) -> Result<Form, MysqlError> {
        let takes: Option<bool> = session.first("SELECT @@GLOBAL.local_infile").await?;
        Ok(match takes {
            Some(true) => Form::File,
            _ => Form::Statement,
        })
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
        error.of_stage(|at| self.named.get(at).map(String::as_str))
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
            .columns
            .iter()
            .zip(&self.fields)
            .map(|(name, field)| {
                let value = match field.kind.column_type() {
                    Some(ColumnType::Bytes) => format!("UNHEX(@{name})"),
                    Some(ColumnType::Bit) => format!("CAST(@{name} AS UNSIGNED)"),
                    _ => return name.clone(),
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
            "LOAD DATA LOCAL INFILE 'visard' INTO TABLE {} CHARACTER SET utf8mb4 \
             FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' \
             ({}){set}",
            self.table,
            columns.join(", ")
        )
    }

    async fn insert(
        &self,
        session: &mut Session,
        mut rows: SendableRecordBatchStream,
        mut encoder: Encoder,
    ) -> Result<(u64, u64)> {
        let names = self.columns.join(", ");
        let begin = format!("INSERT INTO {} ({names}) VALUES ", self.table);
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
