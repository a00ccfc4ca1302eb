//! Libraries are kept, and rulesets follow them.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{id, names};
use crate::testing::Server;

const LIBRARY: &str = "version: '1.0'
masks:
  town:
    type: from_fixed
    value: Arlen
";
const RULES: &str = "version: '1.0'
imports: [geo/places]
tasks:
  - type: mask_table
    table: customers
    key: id
    rules:
      - column: town
        masks:
          - $ref: 'geo/places#masks/town'
";

fn library(name: &str, namespace: &str, yaml: &str) -> Json {
    json!({"name": name, "namespace": namespace, "config_yaml": yaml})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_lives_and_rulesets_follow_it() {
    let server = Server::start().await;
    let all = "/api/ruleset-libraries/";
    let rules = json!({"name": "crm", "config_yaml": RULES});
    let rules = server
        .post("builder", "/api/rulesets/", rules)
        .await
        .json(201);
    assert_eq!(
        rules["validation_errors"][0]["validation_error_type"],
        "library_missing"
    );
    let of_rules = format!("/api/rulesets/{}/", id(&rules));
    let state = async || server.get("builder", &of_rules).await.json(200)["is_valid"].clone();

    let made = server
        .post("librarian", all, library("places", "geo", LIBRARY))
        .await
        .json(201);
    assert_eq!(made["is_valid"], "valid", "{made}");
    assert_eq!(state().await, "valid", "what was missing is there");
    let path = format!("{all}{}/", id(&made));
    assert_eq!(server.get("builder", &path).await.json(200), made);

    let body = library("places", "geo", "version: '1.0'\nmasks: {}\n");
    server
        .ask("librarian", Method::PUT, &path, Some(body))
        .await
        .json(200);
    assert_eq!(state().await, "invalid", "what it refers to is gone");
    server
        .patch("librarian", &path, json!({"config_yaml": LIBRARY}))
        .await
        .json(200);
    assert_eq!(state().await, "valid");
    let checked = server.patch("librarian", &path, json!({})).await.json(200);
    assert_eq!(checked["is_valid"], "valid");

    let using = server
        .get("builder", &format!("{path}rulesets/?limit=100&offset=0"))
        .await
        .json(200);
    assert_eq!(
        (&using["count"], names(&using["results"])),
        (&json!(1), vec!["crm"])
    );
    assert_eq!(using["results"][0].get("config_yaml"), None);

    let said = server.delete("librarian", &path).await.json(409);
    assert!(
        said["detail"].as_str().unwrap().contains("imported"),
        "{said}"
    );
    server
        .delete("librarian", &format!("{path}?force=true"))
        .await
        .empty(204);
    let rules = server.get("builder", &of_rules).await.json(200);
    assert_eq!(rules["is_valid"], "invalid");
    assert_eq!(rules["validation_errors"][0]["library"], "geo/places");
    server.get("builder", &path).await.json(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_are_listed_by_name_and_namespace() {
    let server = Server::start().await;
    for (name, namespace) in [("a", ""), ("a", "geo"), ("b", "geo"), ("a", "geo/eu")] {
        let body = library(name, namespace, LIBRARY);
        server
            .post("librarian", "/api/ruleset-libraries/", body)
            .await
            .json(201);
    }
    let taken = library("a", "geo", LIBRARY);
    server
        .post("librarian", "/api/ruleset-libraries/", taken)
        .await
        .json(400);
    for (query, count) in [
        ("", 4),
        ("?name_exact=a", 3),
        ("?name_exact=a&namespace_exact=geo&limit=1", 1),
        ("?name_exact=a&namespace_exact=", 1),
        ("?name_exact=b&namespace_exact=", 0),
        ("?limit=2", 4),
    ] {
        let page = server
            .get("builder", &format!("/api/ruleset-libraries/{query}"))
            .await
            .json(200);
        assert_eq!(page["count"], count, "{query}");
        assert!(
            page["results"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one.get("config_yaml").is_none())
        );
    }
    let page = server
        .get("builder", "/api/ruleset-libraries/?limit=3")
        .await
        .json(200);
    assert_eq!(page["results"].as_array().unwrap().len(), 3);
    assert!(
        page["next"].as_str().unwrap().contains("offset=3"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_library() {
    let server = Server::start().await;
    let all = "/api/ruleset-libraries/";
    for (name, namespace, field) in [
        ("a/b", "", "name"),
        ("", "", "name"),
        ("..", "", "name"),
        ("a", "/geo", "namespace"),
        ("a", "geo//eu", "namespace"),
        ("a", "../..", "namespace"),
        ("a", "c:", "namespace"),
    ] {
        let body = library(name, namespace, LIBRARY);
        let answer = server.post("librarian", all, body).await.json(400);
        assert!(answer[field].is_array(), "{namespace}/{name}: {answer}");
    }
    for (yaml, line) in [
        ("version: '1.0'\nmaskes: {}\n", 2),
        ("version: '1.0'\nimports: [a]\n", 2),
        ("version: '1.0'\nmasks:\n  a: {$ref: '#masks/b'}\n", 3),
    ] {
        let made = server
            .post(
                "librarian",
                all,
                library(&format!("l{line}{}", yaml.len()), "", yaml),
            )
            .await
            .json(201);
        assert_eq!(made["is_valid"], "invalid", "{yaml}");
        let error = &made["validation_errors"][0];
        assert_eq!(
            (&error["line_number"], &error["validation_error_type"]),
            (&json!(line), &json!("library_invalid"))
        );
    }
    server
        .post("builder", all, library("x", "", LIBRARY))
        .await
        .json(403);
    server.get("runner", all).await.json(403);
}
