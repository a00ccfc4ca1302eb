//! Masked rows on their way into a table: a temporary table of keys and masked values.

use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;

use super::catalogue::Column;
use super::encode::{Form, StageField};
use super::error::MysqlError;
use super::job::{KeyColumn, staged};
use super::loader::Loader;
use super::session::{Session, quoted};
use super::types::ColumnType;

/// Bytes that a slice holds: what arrives, a batch before and after its masks, and what is sent.
pub(super) const SLICE_BYTES: u64 = 48 << 20;
/// The stage of a session.
pub(super) const STAGE: &str = "visard_stage";

/// The stage of a session: its columns are `k0`, `k1` … of the key, `v0`, `v1` … of the masked columns, and
/// `o0` … for those of them whose value may stay.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    key: Vec<KeyColumn>,
    masked: Vec<Column>,
    loader: Loader,
}

impl Stage {
    /// Of rows found by `key`; `form` is how they travel.
    pub(super) fn new(key: Vec<KeyColumn>, masked: Vec<Column>, form: Form) -> Self {
        let names = columns(&key, &masked).into_iter().map(|(name, _)| name);
        let named = masked.iter().map(|column| column.name.clone());
        Self {
            loader: Loader {
                table: STAGE.to_owned(),
                columns: names.collect(),
                fields: staged(&key, &masked),
                named: named.collect(),
                form,
            },
            key,
            masked,
        }
    }

    /// What a row is made of.
    pub(super) fn fields(&self) -> &[StageField] {
        &self.loader.fields
    }

    /// The masked columns.
    pub(super) fn masked(&self) -> &[Column] {
        &self.masked
    }

    /// Makes the stage of a session anew.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn make(&self, session: &mut Session) -> Result<(), MysqlError> {
        self.remove(session).await?;
        let columns: Vec<String> = columns(&self.key, &self.masked)
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
        self.loader.fill(session, rows).await
    }
}

/// The columns of the stage, with what makes each.
fn columns(key: &[KeyColumn], masked: &[Column]) -> Vec<(String, String)> {
    let keys = key.iter().enumerate();
    let keys = keys.map(|(n, column)| (format!("k{n}"), format!("{} NOT NULL", column.made)));
    let values = masked.iter().enumerate();
    let values =
        values.map(|(n, column)| (format!("v{n}"), format!("{} NULL", staged_type(column))));
    let odd = masked.iter().enumerate();
    let odd = odd.filter(|(_, column)| column.kind.has_odd());
    let odd = odd.map(|(n, _)| (format!("o{n}"), "BOOL NOT NULL".to_owned()));
    keys.chain(values).chain(odd).collect()
}

/// The type of a stage's column for values of `column`.
pub(super) fn staged_type(column: &Column) -> &str {
    match column.kind {
        // A geometry is read again from its bytes.
        ColumnType::Bytes => "longblob",
        _ => &column.made,
    }
}
