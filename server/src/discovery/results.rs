//! What is kept of a discovery: its configuration, and tables, columns and files in the order in which they
//! were found.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use visard::discovery::{Described, FoundColumn, FoundFile, FoundTable};

use crate::app::App;
use crate::runs::Kind;
use crate::store::{Row, Store, StoreError, Transaction, Value};

const CONFIG: &str = "discovery_config";
const TABLE: &str = "table";
const COLUMN: &str = "column";
const FILE: &str = "file";
/// Lines that are written in one transaction, about.
const BATCH: usize = 500;
/// Lines that are read at once.
const PAGE: u64 = 1000;

/// What a discovery looks for, as it was when it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedConfig {
    /// YAML.
    pub(crate) text: String,
    /// Libraries by name, as they were.
    pub(crate) libraries: std::collections::BTreeMap<String, String>,
    /// The configuration that a user keeps: its id, name and last change.
    pub(crate) kept: Option<(String, String, String)>,
    /// Schemas to look at, in place of the connection's own.
    pub(crate) schemas: Vec<String>,
}

/// A table, with the numbers of its columns.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptTable {
    first: i64,
    count: i64,
    pub(crate) table: FoundTable,
}

/// A column, with the number of its table.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptColumn {
    pub(crate) table: i64,
    pub(crate) column: FoundColumn,
}

/// Keeps what a discovery looks for.
///
/// # Errors
/// As of the transaction.
pub(crate) async fn keep_config(
    transaction: &mut dyn Transaction,
    run: i64,
    config: &UsedConfig,
) -> Result<(), StoreError> {
    insert(transaction, run, CONFIG, 0, json!(config)).await
}

/// What a discovery looked for; nothing where the run is none.
///
/// # Errors
/// As of the store.
pub(crate) async fn config(store: &dyn Store, run: i64) -> Result<Option<UsedConfig>, StoreError> {
    let lines = lines(store, run, CONFIG, 0, 1).await?;
    lines.first().map(parsed).transpose()
}

/// Forgets what was found, as an earlier attempt left it.
///
/// # Errors
/// As of the store.
pub(crate) async fn forget(store: &dyn Store, run: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM run_results WHERE run_id = $1 AND kind IN ($2, $3, $4)";
    let parameters = [Value::Int(run), TABLE.into(), COLUMN.into(), FILE.into()];
    store.run(sql, &parameters).await.map(drop)
}

/// Keeps what is found, as it is found.
pub(crate) struct Keeper<'a> {
    app: &'a App,
    run: i64,
    tables: i64,
    columns: i64,
    files: i64,
    waiting: Vec<(&'static str, i64, serde_json::Value)>,
}

impl<'a> Keeper<'a> {
    /// Of a run that has found nothing yet.
    pub(crate) fn new(app: &'a App, run: i64) -> Self {
        Self {
            app,
            run,
            tables: 0,
            columns: 0,
            files: 0,
            waiting: Vec::new(),
        }
    }

    /// Keeps a table and its columns.
    ///
    /// # Errors
    /// As of the store.
    pub(crate) async fn table(
        &mut self,
        table: FoundTable,
        columns: Vec<FoundColumn>,
    ) -> Result<(), StoreError> {
        let kept = KeptTable {
            first: self.columns,
            count: i64::try_from(columns.len()).unwrap_or(i64::MAX),
            table,
        };
        self.waiting.push((TABLE, self.tables, json!(kept)));
        for column in columns {
            let table = self.tables;
            let kept = json!(KeptColumn { table, column });
            self.waiting.push((COLUMN, self.columns, kept));
            self.columns += 1;
        }
        self.tables += 1;
        self.flush(BATCH).await
    }

    /// Keeps a file.
    ///
    /// # Errors
    /// As of the store.
    pub(crate) async fn file(&mut self, file: &FoundFile) -> Result<(), StoreError> {
        self.waiting.push((FILE, self.files, json!(file)));
        self.files += 1;
        self.flush(BATCH).await
    }

    /// Keeps what still waits; the number of tables or files, and that of columns of tables.
    ///
    /// # Errors
    /// As of the store.
    pub(crate) async fn finish(mut self) -> Result<(i64, i64), StoreError> {
        self.flush(1).await?;
        Ok((self.tables + self.files, self.columns))
    }

    async fn flush(&mut self, least: usize) -> Result<(), StoreError> {
        if self.waiting.len() < least {
            return Ok(());
        }
        let mut transaction = self.app.store().begin().await?;
        for (kind, line, body) in self.waiting.drain(..) {
            insert(transaction.as_mut(), self.run, kind, line, body).await?;
        }
        transaction.commit().await
    }
}

/// How many columns of tables were found.
///
/// # Errors
/// As of the store.
pub(crate) async fn count_columns(store: &dyn Store, run: i64) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM run_results WHERE run_id = $1 AND kind = $2";
    let rows = store.query(sql, &[Value::Int(run), COLUMN.into()]).await?;
    let count = rows.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(count.unsigned_abs())
}

/// Columns of tables from the one of this number, at most `limit`, each with its number.
///
/// # Errors
/// As of the store.
pub(crate) async fn columns(
    store: &dyn Store,
    run: i64,
    from: u64,
    limit: u64,
) -> Result<Vec<(i64, KeptColumn)>, StoreError> {
    let rows = lines(store, run, COLUMN, from, limit).await?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, parsed(row)?)))
        .collect()
}

/// Tables from the one of this number, at most `limit`, each with its number.
///
/// # Errors
/// As of the store.
pub(crate) async fn tables(
    store: &dyn Store,
    run: i64,
    from: u64,
    limit: u64,
) -> Result<Vec<(i64, KeptTable)>, StoreError> {
    let rows = lines(store, run, TABLE, from, limit).await?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, parsed(row)?)))
        .collect()
}

/// All files.
///
/// # Errors
/// As of the store.
pub(crate) async fn files(store: &dyn Store, run: i64) -> Result<Vec<FoundFile>, StoreError> {
    let rows = lines(store, run, FILE, 0, i64::MAX as u64).await?;
    rows.iter().map(parsed).collect()
}

/// The tables that `wanted` chooses by schema, which may be empty, and name, with their columns.
///
/// # Errors
/// As of the store.
pub(crate) async fn described(
    store: &dyn Store,
    run: i64,
    wanted: impl Fn(&str, &str) -> bool,
) -> Result<Vec<Described>, StoreError> {
    let mut found = Vec::new();
    let mut from = 0;
    loop {
        let page = tables(store, run, from, PAGE).await?;
        from += PAGE;
        let is_last = (page.len() as u64) < PAGE;
        for (
            _,
            KeptTable {
                first,
                count,
                table,
            },
        ) in page
        {
            if !wanted(table.schema.as_deref().unwrap_or_default(), &table.name) {
                continue;
            }
            let columns = columns(store, run, first.unsigned_abs(), count.unsigned_abs()).await?;
            let columns = columns.into_iter().map(|(_, kept)| kept.column).collect();
            found.push(Described { table, columns });
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// The last discovery on a connection that came to its end.
///
/// # Errors
/// As of the store.
pub(crate) async fn latest(
    store: &dyn Store,
    kind: Kind,
    connection: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM runs WHERE kind = $1 AND source = $2 AND status IN ($3, $4) \
               ORDER BY id DESC LIMIT 1";
    let parameters = [
        kind.name().into(),
        connection.into(),
        "finished".into(),
        "finished_with_warnings".into(),
    ];
    let rows = store.query(sql, &parameters).await?;
    rows.first().map(|row| row.int(0)).transpose()
}

async fn insert(
    transaction: &mut dyn Transaction,
    run: i64,
    kind: &str,
    line: i64,
    body: serde_json::Value,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO run_results (run_id, kind, line, body) VALUES ($1, $2, $3, $4)";
    // PostgreSQL takes no text with this character; JSON has it escaped.
    let parameters = [
        Value::Int(run),
        kind.into(),
        Value::Int(line),
        body.to_string().into(),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

async fn lines(
    store: &dyn Store,
    run: i64,
    kind: &str,
    from: u64,
    limit: u64,
) -> Result<Vec<Row>, StoreError> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let sql = "SELECT line, body FROM run_results \
               WHERE run_id = $1 AND kind = $2 AND line >= $3 AND line < $4 ORDER BY line";
    let parameters = [
        Value::Int(run),
        kind.into(),
        Value::Int(number(from)),
        Value::Int(number(from.saturating_add(limit))),
    ];
    store.query(sql, &parameters).await
}

fn parsed<T: DeserializeOwned>(row: &Row) -> Result<T, StoreError> {
    let body = serde_json::from_str(row.text(1)?);
    body.map_err(|_| StoreError::Unexpected("a result of another form"))
}
