//! Rulesets are kept and looked at.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{id, names, send_form};
use crate::documents::{self, Kind};
use crate::rulesets::write_out;
use crate::testing::Server;

const RULES: &str = "version: '1.0'
tasks:
  - type: mask_table
    table: customers
    key: id
    rules:
      - column: email
        masks:
          - type: email
";

fn ruleset(name: &str, yaml: &str) -> Json {
    json!({"name": name, "config_yaml": yaml, "mask_type": "database"})
}

async fn stored(server: &Server, name: &str, yaml: &str) -> Json {
    server
        .post("builder", "/api/rulesets/", ruleset(name, yaml))
        .await
        .json(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ruleset_lives() {
    let server = Server::start().await;
    let made = stored(&server, "crm", RULES).await;
    assert_eq!(
        (&made["is_valid"], &made["validation_errors"]),
        (&json!("valid"), &json!([])),
        "{made}"
    );
    assert_eq!(
        (&made["mask_type"], &made["config_yaml"]),
        (&json!("database"), &json!(RULES))
    );
    for key in [
        "git_branch",
        "git_commit_sha",
        "git_repo_url",
        "git_synced_at",
    ] {
        assert_eq!(made.get(key), Some(&Json::Null), "{key}");
    }
    let path = format!("/api/rulesets/{}/", id(&made));
    assert_eq!(server.get("runner", &path).await.json(200), made);

    // The same name is free for the other type, and for nothing else.
    let answer = server
        .post("builder", "/api/rulesets/", ruleset("crm", RULES))
        .await
        .json(400);
    assert!(answer["name"].is_array(), "{answer}");
    let mut of_files = ruleset("crm", RULES);
    of_files["mask_type"] = json!("file");
    let of_files = server
        .post("builder", "/api/rulesets/", of_files)
        .await
        .json(201);
    assert_eq!(of_files["is_valid"], "invalid", "its task is for tables");

    let upsert = "/api/rulesets/?upsert=true";
    let again = server
        .post("builder", upsert, ruleset("crm", RULES))
        .await
        .json(200);
    assert_eq!(id(&again), id(&made));
    let new = server
        .post("builder", upsert, ruleset("new", RULES))
        .await
        .json(201);
    let mut other = ruleset("newer", RULES);
    other.as_object_mut().unwrap().remove("mask_type");
    let at = format!("/api/rulesets/{}", id(&new));
    let put = server
        .ask("builder", Method::PUT, &at, Some(other))
        .await
        .json(200);
    assert_eq!((id(&put), &put["name"]), (id(&new), &json!("newer")));
    let patch = json!({"config_yaml": "version: '1.0'\ntasks: []\n"});
    let patched = server.patch("builder", &at, patch).await.json(200);
    assert_eq!(
        (&patched["name"], &patched["is_valid"]),
        (&json!("newer"), &json!("invalid"))
    );

    let list = server.get("runner", "/api/rulesets/").await.json(200);
    assert_eq!(names(&list), ["crm", "crm", "newer"]);
    assert_eq!(list[0]["config_yaml"], RULES);
    let list = server.get("runner", "/api/v2/rulesets/").await.json(200);
    assert_eq!(
        (list[0].get("config_yaml"), &list[0]["is_valid"]),
        (None, &json!("valid"))
    );
    let page = server
        .get("runner", "/api/rulesets/?limit=2&offset=1")
        .await
        .json(200);
    assert_eq!(
        (&page["count"], names(&page["results"])),
        (&json!(3), vec!["crm", "newer"])
    );
    server.delete("builder", &path).await.empty(204);
    server.delete("builder", &path).await.json(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_kept_with_their_places() {
    let server = Server::start().await;
    for (yaml, kind, line, part) in [
        (
            "version: '1.0'\ntasks:\n  - type: mask_tabel\n",
            "ruleset",
            Some(3),
            "mask_tabel",
        ),
        (
            "version: '1.0'\ntasks: [\n",
            "ruleset",
            Some(2),
            "not closed",
        ),
        (
            "version: '1.0'\nimports: [geo/none]\ntasks: []\n",
            "library_missing",
            Some(2),
            "geo/none",
        ),
        (
            &RULES.replace("type: email", "$ref: 'geo/x#masks/y'"),
            "expansion",
            Some(9),
            "not imported",
        ),
        (
            &RULES.replace("- type: email", "- {type: from_file, seed_file: none.csv}"),
            "ruleset",
            Some(9),
            "none.csv",
        ),
        (
            &RULES.replace("customers", "'{{ locality }}'"),
            "ruleset",
            Some(4),
            "locality",
        ),
    ] {
        let made = server
            .post(
                "builder",
                "/api/rulesets/?upsert=true",
                ruleset("broken", yaml),
            )
            .await;
        let made: Json = serde_json::from_slice(&made.bytes).unwrap();
        assert_eq!(made["is_valid"], "invalid", "{yaml}");
        let errors = made["validation_errors"].as_array().unwrap();
        let fits = |error: &Json| {
            error["validation_error_type"] == kind
                && error["line_number"] == json!(line)
                && error["message"].as_str().unwrap().contains(part)
        };
        assert!(errors.iter().any(fits), "{yaml}: {errors:?}");
        let data = server.app.data().display().to_string();
        assert!(!made.to_string().contains(&data), "{made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_old_pages_are_rulesets() {
    let server = Server::start().await;
    let yaml = "version: '1.0'\ntasks:\n  - type: run_data_discovery\n";
    let made = stored(&server, "sdd_run", yaml).await;
    assert_eq!(made["is_valid"], "valid", "{made}");
    let nested = json!({"version": "1.0", "tasks": [{"type": "run_data_discovery"}]});
    let body = json!({"name": "nested", "config_yaml": nested});
    let made = server
        .post("builder", "/api/rulesets", body)
        .await
        .json(201);
    assert_eq!(made["is_valid"], "valid", "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_ruleset_is_looked_at_later() {
    let server = Server::start().await;
    let padded = format!("{RULES}{}", "# padding, padding, padding\n".repeat(3000));
    let made = stored(&server, "large", &padded).await;
    assert_eq!(made["is_valid"], "in_progress");
    let path = format!("/api/rulesets/{}/", id(&made));
    for _ in 0..300 {
        let now = server.get("builder", &path).await.json(200);
        if now["is_valid"] != "in_progress" {
            assert_eq!(now["is_valid"], "valid", "{}", now["validation_errors"]);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it is still in progress");
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_files_decide_too() {
    let server = Server::start().await;
    let yaml = RULES.replace(
        "- type: email",
        "- {type: from_file, seed_file: towns.csv, seed_column: town}",
    );
    let made = stored(&server, "towns", &yaml).await;
    assert_eq!(made["is_valid"], "invalid");
    let path = format!("/api/rulesets/{}/", id(&made));
    // A ruleset may call it by the name of the file that was uploaded.
    let parts = [
        ("name", None, &b"list of places"[..]),
        ("seed_file", Some("towns.csv"), b"town\nArlen\n"),
    ];
    let seed = send_form(&server, "builder", Method::POST, "/api/seeds/", &parts)
        .await
        .json(201);
    let now = server.get("builder", &path).await.json(200);
    assert_eq!(now["is_valid"], "valid", "{now}");

    let document = documents::get(server.app.store(), Kind::Ruleset, id(&made)).await;
    let folder = tempfile::tempdir().unwrap();
    let written = write_out(&server.app, &document.unwrap(), folder.path()).await;
    written.unwrap();
    assert_eq!(
        std::fs::read_to_string(folder.path().join("ruleset.yml")).unwrap(),
        yaml
    );
    assert_eq!(
        std::fs::read(folder.path().join("towns.csv")).unwrap(),
        b"town\nArlen\n"
    );

    server
        .delete("builder", &format!("/api/seeds/{}/", id(&seed)))
        .await
        .empty(204);
    assert_eq!(
        server.get("builder", &path).await.json(200)["is_valid"],
        "invalid"
    );
    let shipped = RULES.replace(
        "- type: email",
        "- {type: from_file, seed_file: DataMasque_lastNames_v2.csv}",
    );
    let made = stored(&server, "shipped", &shipped).await;
    assert_eq!(made["is_valid"], "valid", "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ruleset_is_refused() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({"config_yaml": RULES}), "name"),
        (json!({"name": "x"}), "config_yaml"),
        (json!({"name": "x", "config_yaml": ""}), "config_yaml"),
        (json!({"name": "x", "config_yaml": 7}), "config_yaml"),
        (
            json!({"name": "x", "config_yaml": RULES, "mask_type": "queue"}),
            "mask_type",
        ),
        (json!({"name": " ", "config_yaml": RULES}), "name"),
        (json!({"name": "a\nb", "config_yaml": RULES}), "name"),
    ] {
        let answer = server
            .post("builder", "/api/rulesets/", body.clone())
            .await
            .json(400);
        assert!(answer[field].is_array(), "{body}: {answer}");
    }
    server
        .post(
            "builder",
            "/api/rulesets/?upsert=maybe",
            ruleset("x", RULES),
        )
        .await
        .json(400);
    server
        .post("runner", "/api/rulesets/", ruleset("x", RULES))
        .await
        .json(403);
    server
        .post("", "/api/rulesets/", ruleset("x", RULES))
        .await
        .json(401);
    server.get("runner", "/api/rulesets/x/").await.json(404);
}
