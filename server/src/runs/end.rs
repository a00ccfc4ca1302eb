//! How a run comes to its end: by itself, by a user, or because nobody is left to work on it.

use axum::http::StatusCode;

use super::row::{Run, find};
use super::{GIVEN, Status, folder, log};
use crate::access::Caller;
use crate::app::App;
use crate::audit::{self, Category};
use crate::error::ApiError;
use crate::store::{StoreError, Value};
use crate::time;

/// How the work on a run came out.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: Status,
    /// What to say where it did not end well.
    pub(super) error: Option<String>,
    /// Reports, by their kind: CSV.
    pub(super) reports: Vec<(&'static str, String)>,
}

impl Ended {
    /// It failed.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            error: Some(why.into()),
            reports: Vec::new(),
        }
    }
}

/// Writes down how a run ended. One that a user cancelled meanwhile is cancelled, however far it came; one that
/// somebody else ended stays as it is.
///
/// # Errors
/// As of the store.
pub(super) async fn finish(app: &App, run: i64, ended: &Ended) -> Result<(), StoreError> {
    let mut transaction = app.store().begin().await?;
    let sql = "UPDATE runs SET status = CASE WHEN status = $1 THEN $2 ELSE $3 END, ended = $4, \
               error_message = $5, has_sdd_report = $6, sealed = NULL \
               WHERE id = $7 AND status IN ($8, $9, $10) RETURNING id";
    let has_sdd_report = ended
        .reports
        .iter()
        .any(|(kind, _)| *kind == super::report::SDD);
    let parameters = [
        Status::Cancelling.name().into(),
        Status::Cancelled.name().into(),
        ended.status.name().into(),
        time::text(time::now()).into(),
        ended
            .error
            .clone()
            .map(|error| error.replace('\0', ""))
            .into(),
        has_sdd_report.into(),
        Value::Int(run),
        Status::Validating.name().into(),
        Status::Running.name().into(),
        Status::Cancelling.name().into(),
    ];
    if transaction.query(sql, &parameters).await?.is_empty() {
        return Ok(());
    }
    for (kind, csv) in &ended.reports {
        let sql = "INSERT INTO run_results (run_id, kind, line, body) VALUES ($1, $2, 0, $3) \
                   ON CONFLICT (run_id, kind, line) DO UPDATE SET body = excluded.body";
        let parameters = [
            Value::Int(run),
            (*kind).into(),
            csv.replace('\0', "").into(),
        ];
        transaction.query(sql, &parameters).await?;
    }
    log::last_line(transaction.as_mut(), run, ended.error.as_deref()).await?;
    transaction.commit().await?;
    forget_given(app, run);
    Ok(())
}

/// Ends runs that nobody can work on any more.
///
/// # Errors
/// As of the store.
pub(super) async fn fail_all(app: &App, runs: &[i64], why: &str) -> Result<(), StoreError> {
    for run in runs {
        let sql = "UPDATE runs SET status = CASE WHEN status = $1 THEN $2 ELSE $3 END, ended = $4, \
                   error_message = $5, sealed = NULL WHERE id = $6 AND status IN ($7, $8, $9, $10)";
        let parameters = [
            Status::Cancelling.name().into(),
            Status::Cancelled.name().into(),
            Status::Failed.name().into(),
            time::text(time::now()).into(),
            why.into(),
            Value::Int(*run),
            Status::Queued.name().into(),
            Status::Validating.name().into(),
            Status::Running.name().into(),
            Status::Cancelling.name().into(),
        ];
        app.store().run(sql, &parameters).await?;
        tracing::warn!("run {run} is ended: {why}");
    }
    Ok(())
}

/// Cancels a run: one that waits is `cancelled` at once, one at work becomes `cancelling`.
///
/// # Errors
/// 404 for none, 400 for one that cannot be cancelled any more.
pub(crate) async fn cancel(app: &App, caller: &Caller, run: i64) -> Result<Run, ApiError> {
    let mut transaction = app.store().begin().await?;
    let sql = "SELECT status FROM runs WHERE id = $1";
    let rows = transaction.query(sql, &[Value::Int(run)]).await?;
    let row = rows.first().ok_or_else(ApiError::not_found)?;
    let status = Status::named(row.text(0)?).ok_or(StoreError::Unexpected("no status"))?;
    let at_once = match status {
        Status::Queued => true,
        Status::Validating | Status::Running => false,
        Status::Cancelling
        | Status::Finished
        | Status::FinishedWithWarnings
        | Status::Failed
        | Status::Cancelled => {
            let detail = format!("A run that is {} cannot be cancelled.", status.name());
            return Err(ApiError::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    let (sql, parameters) = match at_once {
        true => (
            "UPDATE runs SET status = $1, ended = $2, sealed = NULL WHERE id = $3",
            vec![
                Status::Cancelled.name().into(),
                time::text(time::now()).into(),
                Value::Int(run),
            ],
        ),
        false => (
            "UPDATE runs SET status = $1 WHERE id = $2",
            vec![Status::Cancelling.name().into(), Value::Int(run)],
        ),
    };
    transaction.query(sql, &parameters).await?;
    let said = format!("run {run}");
    audit::note(
        transaction.as_mut(),
        &caller.username,
        Category::Run,
        "cancelled",
        &said,
    )
    .await?;
    transaction.commit().await?;
    if at_once {
        forget_given(app, run);
    }
    app.runs().wake();
    find(app.store(), run)
        .await?
        .ok_or_else(ApiError::not_found)
}

/// Removes what a run was given: nothing goes on with it. On another server than its own there is nothing.
fn forget_given(app: &App, run: i64) {
    match std::fs::remove_dir_all(folder(app, run).join(GIVEN)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!("what run {run} was given stays in its folder: {error}");
        }
        _ => {}
    }
}
