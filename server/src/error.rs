//! What goes wrong, as clients of the API know it: the shapes of Django REST framework.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::store::StoreError;

/// An answer that is none of what was asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    body: Value,
    /// Seconds after which asking again may help.
    retry_after: Option<u64>,
}

impl ApiError {
    /// `{"detail": "…"}` under `status`.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            body: json!({ "detail": detail.into() }),
            retry_after: None,
        }
    }

    /// A field of the request is wrong: `{"field": ["…"]}`, status 400.
    pub(crate) fn field(name: &str, problem: impl Into<String>) -> Self {
        Self::fields([(name, problem.into())])
    }

    /// Fields of the request are wrong, status 400. `non_field_errors` stands for the whole.
    pub(crate) fn fields<'a>(problems: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut body = Map::new();
        for (name, problem) in problems {
            let list = body.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(Value::String(problem));
            }
        }
        Self {
            status: StatusCode::BAD_REQUEST,
            body: Value::Object(body),
            retry_after: None,
        }
    }

    /// A field names something that is not there.
    pub(crate) fn no_such(field: &str, id: &str) -> Self {
        let id = id.escape_debug();
        Self::field(
            field,
            format!("Invalid pk \"{id}\" - object does not exist."),
        )
    }

    /// A name that something else of its kind has already, status 400.
    pub(crate) fn name_taken(what: &str) -> Self {
        Self::field("name", format!("{what} with this name already exists."))
    }

    /// Nothing is there, status 404.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found.")
    }

    /// Nobody in particular is asking, status 401.
    pub(crate) fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// Whoever is asking may not, status 403.
    pub(crate) fn forbidden() -> Self {
        let detail = "You do not have permission to perform this action.";
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Asked too often, status 429; when to ask again.
    pub(crate) fn throttled(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Request was throttled. Expected available in {seconds} seconds."),
            )
        }
    }

    /// It stands in the way of something else, status 409.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// The first thing that it says, for people.
    pub(crate) fn told(&self) -> String {
        let said = self.body.as_object().and_then(|body| body.values().next());
        let said = match said {
            Some(Value::Array(list)) => list.first(),
            other => other,
        };
        let said = said.and_then(Value::as_str);
        said.unwrap_or("internal error").to_owned()
    }

    /// Something is wrong here, status 500. The log says what, the answer does not.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("{error}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal error; the log of the server says more",
        )
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => Self::conflict("There is one like it already."),
            StoreError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is busy; try again",
            ),
            StoreError::NullCharacter => {
                Self::field("non_field_errors", "Null characters are not allowed.")
            }
            StoreError::Undone
            | StoreError::Changed(_)
            | StoreError::Unexpected(_)
            | StoreError::Failed(_) => Self::internal(&error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
