//! What every request goes through, whatever it asks: a number of its own, limits, a line in the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::{metrics, throttle};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Addresses that are counted before those that asked nothing lately are dropped.
const MAX_KEPT: usize = 10_000;

/// What there is for all requests together.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Requests that are worked on at once; more are told to come again.
    pub(crate) concurrent: usize,
    /// Requests of one address in a second, and ten times as many at once; this machine's own are not counted.
    pub(crate) per_second: u32,
    /// How long a request may take.
    pub(crate) timeout: Duration,
    /// Largest body in bytes, but of files.
    pub(crate) body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent: 512,
            per_second: 200,
            timeout: Duration::from_secs(120),
            body_bytes: 16 << 20,
        }
    }
}

/// What is left of the limits.
pub(crate) struct Room {
    limits: Limits,
    free: Arc<Semaphore>,
    /// For each address, when its allowance will be whole again.
    asked: Mutex<HashMap<IpAddr, Instant>>,
}

impl Room {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limits.concurrent)),
            asked: Mutex::default(),
            limits,
        }
    }

    /// Largest body, but of files.
    pub(crate) fn body_bytes(&self) -> usize {
        self.limits.body_bytes
    }

    /// Takes a request of an address.
    ///
    /// # Errors
    /// How long until it may ask again.
    fn take(&self, address: IpAddr) -> Result<(), Duration> {
        if address.is_loopback() {
            return Ok(());
        }
        let now = Instant::now();
        let each = Duration::from_secs(1) / self.limits.per_second.max(1);
        let mut asked = self.asked.lock();
        if asked.len() >= MAX_KEPT {
            asked.retain(|_, whole| *whole > now);
        }
        let whole = asked.entry(throttle::network(address)).or_insert(now);
        let missing = whole.saturating_duration_since(now);
        match missing.checked_sub(Duration::from_secs(10)) {
            Some(wait) => Err(wait + each),
            None => {
                *whole = (*whole).max(now) + each;
                Ok(())
            }
        }
    }
}

/// Answers a request by way of everything else.
pub(crate) async fn around(
    State(app): State<App>,
    client: Client,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = id_of(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default());
    let mut response = within(&app, &client, request, next)
        .instrument(span.clone())
        .await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    metrics::answered(&method, route, status, took);
    span.in_scope(|| {
        tracing::info!(
            %method,
            route,
            status,
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            address = %client.address,
            user_agent = client.user_agent.as_deref().unwrap_or_default(),
            "answered"
        );
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

async fn within(app: &App, client: &Client, request: Request, next: Next) -> Response {
    let room = app.room();
    if let Err(wait) = room.take(client.address) {
        return ApiError::throttled(wait).into_response();
    }
    let unavailable = |detail| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, detail);
    let Ok(_permit) = Arc::clone(&room.free).try_acquire_owned() else {
        return unavailable("the server is busy; try again").into_response();
    };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(room.limits.timeout, answer).await {
        Ok(Ok(response)) => response,
        // The log has the place of the panic already.
        Ok(Err(_)) => ApiError::internal(&"a handler panicked").into_response(),
        Err(_) => unavailable("the request took too long").into_response(),
    }
}

/// The number that a request came with, or a new one.
fn id_of(request: &Request) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let of_id = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(of_id)
    };
    match request.headers().get(REQUEST_ID).filter(plain) {
        Some(id) => id.clone(),
        None => HeaderValue::from_str(&Uuid::new_v4().simple().to_string())
            .expect("hexadecimal digits may stand in a header"),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::Server;

    #[test]
    fn an_address_that_asks_too_often_waits() {
        let room = Room::new(Limits {
            per_second: 2,
            ..Limits::default()
        });
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let taken = (0..100).take_while(|_| room.take(one).is_ok()).count();
        assert!((20..=22).contains(&taken), "{taken}");
        assert!(room.take(one).unwrap_err() <= Duration::from_secs(1));
        room.take(other).unwrap();
        (0..100).for_each(|_| room.take([127, 0, 0, 1].into()).unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_have_numbers_and_an_end() {
        let server = Server::limited(Limits {
            timeout: Duration::from_millis(500),
            ..Limits::default()
        })
        .await;
        let slow = || async { tokio::time::sleep(Duration::from_secs(600)).await };
        let app = Router::new()
            .route(
                "/panics",
                get(async || -> &'static str { panic!("a secret") }),
            )
            .route("/slow", get(slow))
            .route("/well", get(async || "well"))
            .layer(from_fn_with_state(server.app.clone(), around));
        let ask = |path: &str, id: &str| {
            let request = Request::get(path).header("x-request-id", id);
            app.clone().oneshot(request.body(Body::empty()).unwrap())
        };
        let well = ask("/well", "from-afar.1").await.unwrap();
        assert_eq!(well.headers()["x-request-id"], "from-afar.1");
        let other = ask("/well", "not \"plain\"").await.unwrap();
        assert_eq!(other.headers()["x-request-id"].len(), 32);
        let panicked = ask("/panics", "1").await.unwrap();
        assert_eq!(panicked.status(), 500);
        assert_eq!(panicked.headers()["content-type"], "application/json");
        let body = axum::body::to_bytes(panicked.into_body(), 1000)
            .await
            .unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
        let slow = ask("/slow", "1").await.unwrap();
        assert_eq!(slow.status(), 503);
    }
}
