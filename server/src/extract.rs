//! What a request says: bodies, queries and ids, with what is wrong told of the field it is in.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::documents;
use crate::error::ApiError;

/// The body of a request, which is JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let bytes = whole(request, state).await?;
        is_json(&headers)?;
        from_json(&bytes).map(Self)
    }
}

/// The body of a request, which is JSON or a form.
pub(crate) struct BodyOrForm<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for BodyOrForm<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        if !media_type(&headers).eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let Body(body) = Body::from_request(request, state).await?;
            return Ok(Self(body));
        }
        let bytes = whole(request, state).await?;
        let pairs: Vec<(String, String)> = serde_urlencoded_pairs(&bytes);
        let object = pairs
            .into_iter()
            .map(|(key, value)| (key, serde_json::Value::String(value)));
        let object = serde_json::Value::Object(object.collect());
        from_value(object).map(Self)
    }
}

/// The query of a request. Empty texts say as much as nothing.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded_pairs(query.as_bytes());
        let object = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key, serde_json::Value::String(value)));
        let object = serde_json::Value::Object(object.collect());
        from_value(object).map(Self)
    }
}

/// A secret in a body: wiped from memory when dropped, and without a way to print it.
#[derive(Clone, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = String, format = Password)]
pub(crate) struct Secret(pub(crate) Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// The number in a path; 404 for anything else there.
pub(crate) struct Number(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let number = text.ok().and_then(|text| text.parse().ok());
        number.map(Self).ok_or_else(ApiError::not_found)
    }
}

/// The id in a path, in its one form; 404 for anything else there.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|text| documents::id_of(&text));
        id.map(Self).ok_or_else(ApiError::not_found)
    }
}

/// The query of a request, in which an empty text is an empty text.
pub(crate) struct QueryAsWritten<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryAsWritten<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded_pairs(query.as_bytes()).into_iter();
        let object = pairs.map(|(key, value)| (key, serde_json::Value::String(value)));
        from_value(serde_json::Value::Object(object.collect())).map(Self)
    }
}

/// The flag that `text` says under `name`; `default` where it says nothing.
///
/// # Errors
/// For what is neither true nor false.
pub(crate) fn flag(name: &str, text: Option<&str>, default: bool) -> Result<bool, ApiError> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => Err(ApiError::field(name, "Must be a valid boolean.")),
    }
}

/// The pairs of a form or query; percent signs and pluses are undone.
fn serde_urlencoded_pairs(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

/// JSON as a `T`; what is wrong is told of its field.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // An empty body says as much as an empty object.
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json);
    let value = read.map_err(|error| wrong(&error))?;
    json.end().map_err(|_| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "JSON parse error - text after its end",
        )
    })?;
    Ok(value)
}

/// A tree as a `T`; what is wrong is told of its field.
pub(crate) fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| wrong(&error))
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() {
        let place = format!("line {} column {}", inner.line(), inner.column());
        return ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("JSON parse error - {place}"),
        );
    }
    let text = inner.to_string();
    if let Some(rest) = text.strip_prefix("missing field `") {
        let field = rest.split('`').next().unwrap_or_default();
        return ApiError::field(field, "This field is required.");
    }
    // What serde says may quote the value: a field of a secret must not come back.
    let problem = match text.starts_with("unknown field") || text.starts_with("unknown variant") {
        true => match text.split_once(" at line") {
            Some((text, _)) => text.to_owned(),
            None => text,
        },
        false => "Not a valid value.".to_owned(),
    };
    let path = error.path().to_string();
    let field = path.split(['.', '[']).next().unwrap_or_default();
    match field {
        "" | "?" => ApiError::field("non_field_errors", problem),
        field => ApiError::field(field, problem),
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let media_type = media_type(headers);
    let is_json = media_type.is_empty()
        || media_type.eq_ignore_ascii_case("application/json")
        || media_type.ends_with("+json");
    match is_json {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type in request.",
        )),
    }
}

/// The media type of a body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}

async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state)
        .await
        .map_err(|error| ApiError::new(error.status(), error.body_text()))
}
