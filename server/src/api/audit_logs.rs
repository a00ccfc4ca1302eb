//! Who did what: the audit log, as a list and as a file.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::try_unfold;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Query;
use crate::page::{Listed, Origin, PageQuery};
use crate::store::{Row, StoreError};

/// Entries that the file takes from the store at once.
const BATCH: i64 = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(download))
}

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
struct AuditLog {
    id: i64,
    timestamp: String,
    /// Whoever did it; empty where nobody is known.
    username: String,
    /// `auth`, `run`, `ruleset`, `connection` or `system`.
    category: String,
    /// Such as `logged_in`, `started` or `modified`.
    action: String,
    description: String,
}

const COLUMNS: &str = "id, timestamp, username, category, action, description";

/// What was done, the newest first.
#[utoipa::path(
    get,
    path = "/api/audit-logs",
    tag = "audit",
    params(PageQuery),
    responses((status = 200, body = Listed<AuditLog>))
)]
async fn list(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
    origin: Origin,
) -> Result<Response, ApiError> {
    let page = query.asked()?;
    let (limit, offset) = page.map_or((i64::MAX, 0), |page| {
        (page.limit.cast_signed(), page.offset.cast_signed())
    });
    let sql = format!("SELECT {COLUMNS} FROM audit_log ORDER BY id DESC LIMIT $1 OFFSET $2");
    let rows = app
        .store()
        .query(&sql, &[limit.into(), offset.into()])
        .await?;
    let entries: Vec<AuditLog> = rows.iter().map(entry).collect::<Result<_, _>>()?;
    let Some(page) = page else {
        return Ok(Json(entries).into_response());
    };
    let count = app
        .store()
        .query("SELECT count(*) FROM audit_log", &[])
        .await?;
    let count = count.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(Json(page.with(&origin, count.unsigned_abs(), entries)).into_response())
}

/// The same as CSV, without ids, the oldest first.
#[utoipa::path(
    get,
    path = "/api/audit-logs/download",
    tag = "audit",
    responses((status = 200, body = String, content_type = "text/csv"))
)]
async fn download(State(app): State<App>) -> Response {
    let lines = try_unfold(None, move |after: Option<i64>| {
        let app = app.clone();
        async move { lines(&app, after).await }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"audit-logs.csv\"",
        ),
    ];
    (headers, Body::from_stream(lines)).into_response()
}

/// The lines behind entry `after`, and the last entry among them; the header first. Nothing behind the last.
async fn lines(app: &App, after: Option<i64>) -> Result<Option<(Bytes, Option<i64>)>, StoreError> {
    let unwritable = |error: csv::Error| StoreError::Failed(error.to_string());
    let mut file = csv::Writer::from_writer(Vec::new());
    if after.is_none() {
        let header = ["timestamp", "username", "category", "action", "description"];
        file.write_record(header).map_err(unwritable)?;
    }
    let sql = format!("SELECT {COLUMNS} FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2");
    let parameters = [after.unwrap_or(0).into(), BATCH.into()];
    let rows = app.store().query(&sql, &parameters).await?;
    let mut last = after.unwrap_or(0);
    for row in &rows {
        let entry = entry(row)?;
        last = entry.id;
        let record = [
            entry.timestamp,
            entry.username,
            entry.category,
            entry.action,
            entry.description,
        ];
        file.write_record(record).map_err(unwritable)?;
    }
    let bytes = file.into_inner().unwrap_or_default();
    Ok((!bytes.is_empty()).then(|| (bytes.into(), Some(last))))
}

fn entry(row: &Row) -> Result<AuditLog, StoreError> {
    Ok(AuditLog {
        id: row.int(0)?,
        timestamp: row.text(1)?.to_owned(),
        username: row.text(2)?.to_owned(),
        category: row.text(3)?.to_owned(),
        action: row.text(4)?.to_owned(),
        description: row.text(5)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::audit::{self, Category};
    use crate::testing::Server;

    #[tokio::test(flavor = "multi_thread")]
    async fn entries_as_a_list_and_as_a_file() {
        let server = Server::start().await;
        let mut transaction = server.app.store().begin().await.unwrap();
        for number in 0..1500 {
            let description = format!("run {number}, \"quoted\"");
            let noted = audit::note(
                transaction.as_mut(),
                "runner",
                Category::Run,
                "started",
                &description,
            );
            noted.await.unwrap();
        }
        transaction.commit().await.unwrap();
        let all = server.get("admin", "/api/audit-logs/").await.json(200);
        assert_eq!(all.as_array().unwrap().len(), 1500);
        assert_eq!(all[0]["id"], 1500);
        assert_eq!(all[0]["category"], "run");
        let page = server
            .get("admin", "/audit-logs?limit=2&offset=1")
            .await
            .json(200);
        assert_eq!(page["count"], 1500);
        assert_eq!(page["results"][1]["id"], 1498);

        let file = server.get("admin", "/api/audit-logs/download/").await;
        assert_eq!(file.headers["content-type"], "text/csv");
        let mut records = csv::Reader::from_reader(file.bytes.as_slice());
        let header = ["timestamp", "username", "category", "action", "description"];
        assert_eq!(records.headers().unwrap(), header.as_slice());
        let records: Vec<_> = records.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 1500);
        assert_eq!(&records[1499][4], "run 1499, \"quoted\"");
        server.get("builder", "/api/audit-logs/").await.json(403);
    }
}
