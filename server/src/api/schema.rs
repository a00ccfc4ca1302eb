//! What the server can be asked, as OpenAPI 3.1 and as a page to read.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value as Json, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::roles::{ENDPOINTS, Endpoint, Role, Who};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(schema))
        .routes(routes!(page))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "visard",
    description = "Connections, rulesets and masking runs, as clients of DataMasque know them.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Document;

/// The document, written once.
static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

const PAGE: &str = include_str!("schema.html");
/// The page runs its own script and asks this server, and nobody else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Statuses that any endpoint may answer with, beside its own.
const SHARED: [(&str, &str); 9] = [
    ("400", "Something in the request is wrong."),
    ("401", "Nobody in particular is asking."),
    ("403", "Whoever is asking may not."),
    ("404", "There is no such thing."),
    ("405", "There is no such method here."),
    ("413", "The body is too large."),
    ("415", "The body is of another media type."),
    (
        "429",
        "Asked too often; `Retry-After` says when to ask again.",
    ),
    (
        "503",
        "The server is busy or stopping; asking again may help.",
    ),
];

/// What the server can be asked: this document.
#[utoipa::path(get, path = "/api/schema", tag = "system", responses((status = 200, body = serde_json::Value)))]
async fn schema() -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, TEXT.as_str()).into_response()
}

/// The same as a page to read.
#[utoipa::path(
    get,
    path = "/api/schema/page",
    tag = "system",
    responses((status = 200, body = String, content_type = "text/html"))
)]
async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response()
}

/// The OpenAPI document: what the handlers say, and what all of them share.
fn document() -> Json {
    let router = OpenApiRouter::<App>::with_openapi(Document::openapi()).merge(super::routes());
    let document = serde_json::to_value(router.into_openapi());
    let mut document = document.expect("a document is JSON");
    let schemes = json!({
        "token": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "`Token KEY`, with the key of a login.",
        },
        "apiToken": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "`Token KEY`, with the token of an account.",
        },
        "inFlight": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of a login to in-flight masking.",
        },
    });
    let text = json!({"type": "string"});
    let error = json!({
        "description": "What is wrong: `detail`, or by the fields that it is in.",
        "type": "object",
        "additionalProperties": {"anyOf": [text, {"type": "array", "items": text}]},
    });
    let components = &mut document["components"];
    components["securitySchemes"] = schemes;
    components["schemas"]["Error"] = error;
    for endpoint in ENDPOINTS {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let pointer = format!("/paths/{}/{method}", endpoint.path.replace('/', "~1"));
        if let Some(operation) = document.pointer_mut(&pointer) {
            complete(operation, endpoint);
        }
    }
    document
}

/// Adds what the table of rights says of an endpoint, and what any may answer.
fn complete(operation: &mut Json, endpoint: &Endpoint) {
    let words = endpoint.path.split(['/', '-', '{', '}']);
    let words = words.filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    let method = endpoint.method.as_str().to_ascii_lowercase();
    operation["operationId"] = format!("{method}_{}", words.join("_")).into();
    let in_flight = endpoint.path.starts_with("/ifm/");
    operation["security"] = match endpoint.who {
        Who::Anyone => json!([]),
        Who::Users | Who::Roles(_) if in_flight => json!([{"inFlight": []}]),
        Who::Users | Who::Roles(_) if endpoint.api_token => {
            json!([{"token": []}, {"apiToken": []}])
        }
        Who::Users | Who::Roles(_) => json!([{"token": []}]),
    };
    operation["x-roles"] = match endpoint.who {
        Who::Anyone => Json::Null,
        Who::Users => Role::ALL.map(|(name, _)| name).as_slice().into(),
        Who::Roles(roles) => {
            let roles = roles.iter().map(|role| role.name());
            std::iter::once(Role::Admin.name()).chain(roles).collect()
        }
    };
    let responses = &mut operation["responses"];
    for (status, description) in SHARED {
        if responses.get(status).is_none() {
            let schema = json!({"$ref": "#/components/schemas/Error"});
            responses[status] = json!({
                "description": description,
                "content": {"application/json": {"schema": schema}},
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::testing::Server;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_document_is_there_for_anyone() {
        let server = Server::empty().await;
        let document = server.get("", "/api/schema/").await.json(200);
        assert_eq!(document["openapi"], "3.1.0");
        let login = &document["paths"]["/api/auth/token/login"]["post"];
        assert_eq!(login["security"], json!([]));
        assert_eq!(login["operationId"], "post_api_auth_token_login");
        let me = &document["paths"]["/api/users/me"]["get"];
        assert_eq!(me["security"], json!([{"token": []}]));
        let error = "#/components/schemas/Error";
        let content = &me["responses"]["401"]["content"]["application/json"];
        assert_eq!(content["schema"]["$ref"], error);
        let page = server.get("", "/schema/page").await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert!(page.headers.contains_key("content-security-policy"));
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_every_reference_leads_somewhere() {
        let document = document();
        let mut names = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name), "{method} {path}: {name}");
                assert!(operation["summary"].is_string(), "{method} {path}");
            }
        }
        let text = document.to_string();
        for (start, found) in text.match_indices("\"#/components/schemas/") {
            let name = text[start + found.len()..].split('"').next().unwrap();
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{name}"
            );
        }
    }
}
