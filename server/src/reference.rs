//! The endpoints as `docs/api.md` lists them, drawn from the routes and from the table of rights.

use utoipa::openapi::path::{Operation, PathItem};

use crate::api;
use crate::roles::{ENDPOINTS, Endpoint, Role, Who};

/// The table of all endpoints, in Markdown: method, path, who may, whether an API token will do, what it does.
pub fn endpoints() -> String {
    let document = api::routes().to_openapi();
    let mut table = String::from("| Endpoint | Who may | API token | |\n|---|---|---|---|\n");
    for endpoint in ENDPOINTS {
        let item = document.paths.paths.get(endpoint.path);
        let operation = item.and_then(|item| operation(item, endpoint));
        let summary = operation.and_then(|operation| operation.summary.as_deref());
        let token = if endpoint.api_token { "yes" } else { "" };
        table += &format!(
            "| `{} {}/` | {} | {token} | {} |\n",
            endpoint.method,
            endpoint.path,
            who(endpoint.who),
            summary.unwrap_or_default(),
        );
    }
    table
}

/// What the document says of an endpoint.
fn operation<'a>(item: &'a PathItem, endpoint: &Endpoint) -> Option<&'a Operation> {
    let found = match endpoint.method.as_str() {
        "GET" => &item.get,
        "POST" => &item.post,
        "PUT" => &item.put,
        "PATCH" => &item.patch,
        "DELETE" => &item.delete,
        _ => return None,
    };
    found.as_ref()
}

fn who(who: Who) -> String {
    match who {
        Who::Anyone => "anyone".to_owned(),
        Who::Users => "users".to_owned(),
        Who::Roles(roles) => {
            let roles = roles.iter().map(|role| role.name());
            let roles = std::iter::once(Role::Admin.name()).chain(roles);
            let roles: Vec<String> = roles.map(|role| format!("`{role}`")).collect();
            roles.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_has_a_route_and_every_route_is_in_the_table() {
        let document = api::routes().to_openapi();
        let mut missing = vec![];
        for endpoint in ENDPOINTS {
            let item = document.paths.paths.get(endpoint.path);
            if item.and_then(|item| operation(item, endpoint)).is_none() {
                missing.push(format!("{} {}", endpoint.method, endpoint.path));
            }
        }
        assert!(missing.is_empty(), "no route: {missing:#?}");
        for (path, item) in &document.paths.paths {
            let methods = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            for (method, operation) in methods {
                let listed = ENDPOINTS
                    .iter()
                    .any(|endpoint| endpoint.path == path && endpoint.method.as_str() == method);
                assert_eq!(operation.is_some(), listed, "{method} {path}");
            }
        }
    }
}
