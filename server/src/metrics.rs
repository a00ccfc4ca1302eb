//! Numbers for Prometheus: requests by route and status, how long they took, runs by status.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::Method;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::store::{Store, StoreError};

/// States of runs, each of which is told of though there be no run in it.
const STATUSES: [&str; 8] = [
    "queued",
    "validating",
    "running",
    "finished",
    "finished_with_warnings",
    "failed",
    "cancelling",
    "cancelled",
];

/// Seconds that answers take, as the histogram tells them apart.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Methods that are told apart.
const METHODS: [&Method; 7] = [
    &Method::GET,
    &Method::HEAD,
    &Method::POST,
    &Method::PUT,
    &Method::PATCH,
    &Method::DELETE,
    &Method::OPTIONS,
];

/// One for the whole process, as the macros of `metrics` want it.
static NUMBERS: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .expect("there are some")
        .install_recorder()
        .expect("nobody else installs one")
});

/// Counts a request.
pub(crate) fn answered(method: &Method, route: &str, status: u16, took: Duration) {
    LazyLock::force(&NUMBERS);
    // Whoever makes up methods makes up no more counters.
    let method = match METHODS.contains(&method) {
        true => method.as_str(),
        false => "other",
    };
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    counter!("visard_requests_total", &labels).increment(1);
    histogram!("visard_request_seconds", &labels[..2]).record(took.as_secs_f64());
}

/// All numbers, in the text format of Prometheus.
///
/// # Errors
/// As of the store, which knows the runs.
pub(crate) async fn text(store: &dyn Store) -> Result<String, StoreError> {
    LazyLock::force(&NUMBERS);
    let sql = "SELECT status, count(*) FROM runs GROUP BY status";
    let rows = store.query(sql, &[]).await?;
    for status in STATUSES {
        let row = rows
            .iter()
            .find(|row| row.text(0).is_ok_and(|of| of == status));
        let count = row.map_or(Ok(0), |row| row.int(1))?;
        gauge!("visard_runs", "status" => status).set(count as f64);
    }
    NUMBERS.run_upkeep();
    Ok(NUMBERS.render())
}
