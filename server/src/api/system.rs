//! The server itself: is it there, has it an admin, how is it, and what did it tell of itself?

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::uploads::Form;
use crate::{logs, metrics};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthcheck))
        .routes(routes!(app_check))
        .routes(routes!(health_check))
        .routes(routes!(license))
        .routes(routes!(license_upload))
        .routes(routes!(download_logs))
        .routes(routes!(numbers))
}

/// That the server is up.
#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// Whether the server is up.
#[utoipa::path(get, path = "/api/healthcheck", tag = "system", responses((status = 200, body = Health)))]
async fn healthcheck() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// How far the installation is.
#[derive(Serialize, ToSchema)]
struct AppCheck {
    is_aws_marketplace: bool,
    /// Whether there is an admin.
    installed: bool,
    is_smtp_configured: bool,
    is_saml_sso_configured: bool,
}

/// How far the installation is.
#[utoipa::path(get, path = "/api/app/check", tag = "system", responses((status = 200, body = AppCheck)))]
async fn app_check(State(app): State<App>) -> Result<Json<AppCheck>, ApiError> {
    let users = app
        .store()
        .query("SELECT 1 FROM users LIMIT 1", &[])
        .await?;
    Ok(Json(AppCheck {
        is_aws_marketplace: false,
        installed: !users.is_empty(),
        is_smtp_configured: false,
        is_saml_sso_configured: false,
    }))
}

/// How the server is.
#[derive(Serialize, ToSchema)]
struct HealthCheck {
    /// Whether runs are worked on: always, where this is answered.
    worker_running: bool,
    license_expired: bool,
    license_renewal_in_days: u32,
    license_limit_breach: BTreeMap<String, String>,
}

/// How the server is.
#[utoipa::path(get, path = "/api/health-check", tag = "system", responses((status = 200, body = HealthCheck)))]
async fn health_check(State(app): State<App>) -> Result<Json<HealthCheck>, ApiError> {
    app.store().query("SELECT 1", &[]).await?;
    Ok(Json(HealthCheck {
        worker_running: true,
        license_expired: false,
        // What never ends has no number; a century does for clients that compare it.
        license_renewal_in_days: 36_500,
        license_limit_breach: BTreeMap::new(),
    }))
}

/// The licence: visard is free software, and asks for none.
#[derive(Serialize, ToSchema)]
struct License {
    uuid: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    is_expired: bool,
    uploadable: bool,
    version: &'static str,
    expiry_date: Option<String>,
    days_until_expiry: Option<i64>,
    row_limit: Option<i64>,
    platform_name: Option<String>,
}

/// The licence, which is the same for everyone and never ends.
#[utoipa::path(get, path = "/api/license", tag = "system", responses((status = 200, body = License)))]
async fn license() -> Json<License> {
    Json(License {
        uuid: "00000000-0000-0000-0000-000000000000",
        name: "Apache License 2.0",
        kind: "open-source",
        is_expired: false,
        uploadable: false,
        version: "2.0",
        expiry_date: None,
        days_until_expiry: None,
        row_limit: None,
        platform_name: None,
    })
}

/// The file of a licence.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells the document what the form looks like")]
struct LicenseUpload {
    #[schema(format = Binary)]
    license_file: String,
}

/// Takes the file of a licence, as scripts send one, and does not keep it.
#[utoipa::path(
    post,
    path = "/api/license-upload",
    tag = "system",
    request_body(content = LicenseUpload, content_type = "multipart/form-data"),
    responses((status = 200, body = License))
)]
async fn license_upload(form: Form) -> Result<Json<License>, ApiError> {
    form.file("license_file")?;
    Ok(license().await)
}

/// What this server told of itself: lines of JSON, packed as `tar.gz`.
#[utoipa::path(
    get,
    path = "/api/logs/download",
    tag = "system",
    params(("log_service" = Option<String>, Query, description = "Which part of the server: all are one here.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/gzip"))
)]
async fn download_logs(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    tracing::info!(username = caller.username, "logs are fetched");
    let folder = app.data().join("logs");
    let packed = tokio::task::spawn_blocking(move || logs::archive(&folder)).await;
    let packed = packed.map_err(|error| ApiError::internal(&error))?;
    let packed = packed.map_err(|error| ApiError::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "application/gzip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"visard-logs.tar.gz\"",
        ),
    ];
    Ok((headers, packed).into_response())
}

/// Numbers of this server, as Prometheus reads them.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "system",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
async fn numbers(State(app): State<App>) -> Result<Response, ApiError> {
    let text = metrics::text(app.store()).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((headers, text).into_response())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};

    use crate::testing::Server;

    #[tokio::test(flavor = "multi_thread")]
    async fn how_the_server_is() {
        let server = Server::start().await;
        let health = server.get("runner", "/api/health-check/").await.json(200);
        assert_eq!(health["worker_running"], true);
        assert_eq!(health["license_limit_breach"], serde_json::json!({}));
        let license = server.get("runner", "/api/license/").await.json(200);
        assert_eq!(license["is_expired"], false);
        assert!(license["days_until_expiry"].is_null());
        server.get("", "/api/healthcheck/").await.json(200);
        server.get("", "/api/health-check/").await.json(401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_licence_is_taken() {
        let server = Server::start().await;
        let form = |name: &str, kind: &str| {
            let body = format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.lic\"\r\n\r\nabc\r\n--x--\r\n"
            );
            let request = Request::post("/license-upload/").header(header::CONTENT_TYPE, kind);
            request.body(Body::from(body)).unwrap()
        };
        let multipart = "multipart/form-data; boundary=x";
        server
            .send("admin", form("license_file", multipart))
            .await
            .json(200);
        server
            .send("admin", form("other", multipart))
            .await
            .json(400);
        server
            .send("admin", form("license_file", "text/plain"))
            .await
            .json(415);
        server
            .send("builder", form("license_file", multipart))
            .await
            .json(403);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn numbers_and_logs() {
        let server = Server::start().await;
        server.get("runner", "/api/users/me/").await.json(200);
        let me = server.get("runner", "/users/me").await.json(200);
        let token = me["api_token"].as_str().unwrap();
        let numbers = server.get(token, "/metrics").await;
        let text = String::from_utf8(numbers.bytes).unwrap();
        let line = "visard_requests_total{method=\"GET\",route=\"/api/users/me\",status=\"200\"}";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("visard_runs{status=\"queued\"} 0"), "{text}");
        assert!(text.contains("visard_request_seconds_bucket"), "{text}");
        let logs = server.get("admin", "/api/logs/download/?log_service=application");
        let logs = logs.await;
        assert_eq!(logs.headers["content-type"], "application/gzip");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(logs.bytes.as_slice()));
        assert_eq!(archive.entries().unwrap().count(), 0);
        server.get("builder", "/api/logs/download/").await.json(403);
    }
}
