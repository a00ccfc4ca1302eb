//! Who is asking, and may they?
//!
//! A request to an endpoint that is not in [`ENDPOINTS`] is refused, so that one that was forgotten is
//! closed.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::ApiError;
use crate::roles::{ENDPOINTS, Role, Who};
use crate::sessions;

/// What a user with a temporary password may do.
const WITH_TEMPORARY_PASSWORD: [(&Method, &str); 3] = [
    (&Method::GET, "/api/users/me"),
    (&Method::PATCH, "/api/users/{id}"),
    (&Method::POST, "/api/auth/token/logout"),
];

/// How a caller showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// By a login: valid for hours, everywhere the role allows.
    User,
    /// By the token of a user's account: valid until it is revoked, for endpoints about runs.
    Api,
    /// By a login for in-flight masking.
    InFlight,
}

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user_id: i64,
    pub(crate) username: String,
    pub(crate) roles: Vec<Role>,
    /// The session of the token.
    pub(crate) session_id: i64,
    pub(crate) token: TokenKind,
    /// Whether all they may do is choose a password of their own.
    pub(crate) has_temporary_password: bool,
}

impl Caller {
    /// Whether they have the role, or are admin.
    pub(crate) fn is(&self, role: Role) -> bool {
        self.roles.contains(&role) || self.roles.contains(&Role::Admin)
    }
}

/// Lets a request through to its handler if its sender may; the handler finds the [`Caller`] in its
/// extensions.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let method = request.method().clone();
    let token = token(request.headers()).map(str::to_owned);
    match admitted(&app, &method, path, token).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn admitted(
    app: &App,
    method: &Method,
    path: &str,
    token: Result<String, ApiError>,
) -> Result<Option<Caller>, ApiError> {
    // The router answers HEAD as GET, without a body.
    let method = match *method {
        Method::HEAD => &Method::GET,
        ref method => method,
    };
    let mut endpoints = ENDPOINTS.iter();
    let Some(endpoint) = endpoints.find(|one| one.path == path && one.method == *method) else {
        // Another method of the same path is answered by the router: 405.
        return match ENDPOINTS.iter().any(|one| one.path == path) {
            true => Ok(None),
            false => Err(ApiError::forbidden()),
        };
    };
    if endpoint.who == Who::Anyone {
        return Ok(None);
    }
    let caller = sessions::caller(app, &token?).await?;
    if caller.has_temporary_password && !WITH_TEMPORARY_PASSWORD.contains(&(method, path)) {
        let detail = "Choose a password of your own first: yours is a temporary one.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, detail));
    }
    let in_flight = path.starts_with("/ifm/");
    let fits = match caller.token {
        TokenKind::User => !in_flight,
        TokenKind::Api => endpoint.api_token,
        TokenKind::InFlight => in_flight,
    };
    let may = match endpoint.who {
        Who::Anyone | Who::Users => true,
        Who::Roles(roles) => caller.is(Role::Admin) || roles.iter().any(|role| caller.is(*role)),
    };
    match fits && may {
        true => Ok(Some(caller)),
        false => Err(ApiError::forbidden()),
    }
}

/// The token that a request shows.
fn token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let nothing = || ApiError::unauthenticated("Authentication credentials were not provided.");
    let header = headers.get(header::AUTHORIZATION).ok_or_else(nothing)?;
    let text = header.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').ok_or_else(nothing)?;
    match (scheme, token.trim()) {
        (_, "") => Err(nothing()),
        ("Token" | "Bearer", token) => Ok(token),
        _ => Err(nothing()),
    }
}

/// The caller of an endpoint that is not for anyone.
impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "Invalid token."))
    }
}
