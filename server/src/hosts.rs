//! Under which names may the server be asked? A page of a stranger that has its own name lead here is not
//! answered (DNS rebinding).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::ApiError;

/// Who asks whether the server is up asks its address, whatever it is.
const ALWAYS: &str = "/api/healthcheck";

/// Lets a request through if it was sent to a name that admins allow.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = host(request.uri(), request.headers());
    let settings = match app.settings().await {
        Ok(settings) => settings,
        Err(error) => return ApiError::from(error).into_response(),
    };
    match host {
        Some(host) if request.uri().path() != ALWAYS && !allows(&settings.allowed_hosts, &host) => {
            let detail = "The server may not be asked under this name; `allowed_hosts` of its settings says under which.";
            ApiError::new(StatusCode::BAD_REQUEST, detail).into_response()
        }
        _ => next.run(request).await,
    }
}

/// The name or address that a request was sent to, without its port and in lower case.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    // HTTP/2 has it in the address.
    let given = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    let name = match given.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => given,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

/// Whether the server may be asked under this name: always under those of its own machine.
fn allows(allowed: &[String], host: &str) -> bool {
    let own = ["localhost", "127.0.0.1", "::1"].contains(&host);
    let fits = |name: &String| {
        let name = name.trim_start_matches('[').trim_end_matches(']');
        match name.strip_prefix('.') {
            Some(above) => {
                let below = host.strip_suffix(above);
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            None => name == "*" || name.eq_ignore_ascii_case(host),
        }
    };
    own || allowed.is_empty() || allowed.iter().any(fits)
}

/// What is wrong with names that are to be allowed.
pub(crate) fn problem(allowed: &[String]) -> Option<&'static str> {
    let of_name = |char: char| char.is_ascii_alphanumeric() || "-_.:[]*".contains(char);
    let fits = |name: &String| (1..=253).contains(&name.len()) && name.chars().all(of_name);
    match allowed.len() <= 100 && allowed.iter().all(fits) {
        true => None,
        false => Some("At most 100 host names or addresses, without ports."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_requests() {
        for (written, name) in [
            ("masque.local", "masque.local"),
            ("Masque.Local.:8443", "masque.local"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("[::1]", "::1"),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, written.parse().unwrap())]);
            let found = host(&Uri::from_static("/"), &headers);
            assert_eq!(found.as_deref(), Some(name), "{written}");
        }
        assert_eq!(host(&Uri::from_static("/"), &HeaderMap::new()), None);
    }

    #[test]
    fn names_that_are_allowed() {
        for (allowed, host, fits) in [
            (&[] as &[&str], "any.example", true),
            (&["masque.local"], "masque.local", true),
            (&["Masque.Local"], "masque.local", true),
            (&["masque.local"], "evil.example", false),
            (&["masque.local"], "a.masque.local", false),
            (&["masque.local"], "localhost", true),
            (&[".masque.local"], "a.masque.local", true),
            (&[".masque.local"], "masque.local", true),
            (&[".masque.local"], "evilmasque.local", false),
            (&["[2001:db8::1]"], "2001:db8::1", true),
            (&["*"], "any.example", true),
        ] {
            let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            assert_eq!(allows(&names, host), fits, "{allowed:?} {host}");
        }
    }
}
