//! Which path is meant: `/api/runs/`, `/api/runs`, `/runs/` and `/runs` are one.
//!
//! Routes are written without a slash at the end. A request is never answered with a redirect, since
//! clients would lose its body.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// What the path of a request was before it was brought into its one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Whether it ended in a slash, which one endpoint answers otherwise.
    pub(crate) slash: bool,
    /// Whether the request came by TLS.
    pub(crate) tls: bool,
}

/// First parts of paths that stand for themselves.
const ROOTS: [&str; 3] = ["api", "ifm", "metrics"];

/// Brings the path of a request into its one form.
pub(crate) fn normalize(mut request: Request, tls: bool) -> Request {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    let written = Written {
        slash: trimmed.len() < path.len(),
        tls,
    };
    let first = trimmed.split('/').nth(1).unwrap_or_default();
    let prefix = match first.is_empty() || ROOTS.contains(&first) {
        true => "",
        false => "/api",
    };
    let whole = match (trimmed, request.uri().query()) {
        ("", _) => None,
        (path, query) => {
            // Some clients spell the plans of in-flight masking so.
            let path = match path.strip_prefix("/ifm/ruleset_plans") {
                Some(rest) => format!("/ifm/ruleset-plans{rest}"),
                None => path.to_owned(),
            };
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            Some(format!("{prefix}{path}{query}"))
        }
    };
    // What is no path any more finds no route as it was either.
    if let Some(whole) = whole.and_then(|whole| PathAndQuery::try_from(whole).ok()) {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.path_and_query = Some(whole);
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
    request.extensions_mut().insert(written);
    request
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn all_spellings_of_a_path_are_one() {
        for (written, path) in [
            ("/api/runs/", "/api/runs"),
            ("/api/runs", "/api/runs"),
            ("/runs/", "/api/runs"),
            ("/runs/1/log?limit=2", "/api/runs/1/log?limit=2"),
            ("/ifm/verify-token/", "/ifm/verify-token"),
            (
                "/ifm/ruleset_plans/a/mask/?b",
                "/ifm/ruleset-plans/a/mask?b",
            ),
            ("/metrics", "/metrics"),
            ("/api", "/api"),
            ("/", "/"),
        ] {
            let request = Request::builder().uri(written).body(Body::empty()).unwrap();
            assert_eq!(
                normalize(request, false).uri().to_string(),
                path,
                "{written}"
            );
        }
    }
}
