//! Bundles go from server to server.

use axum::http::{Method, header};
use serde_json::{Value as Json, json};

use super::{Part, names, send_form, zip};
use crate::testing::Server;

const LIBRARY: &str = "version: '1.0'
masks:
  town: {type: from_file, seed_file: towns.csv, seed_column: town}
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

async fn exported(server: &Server) -> Vec<u8> {
    let answer = server.get("builder", "/api/export/v1/").await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/zip");
    answer.bytes
}

async fn import(server: &Server, caller: &str, archive: &[u8], overwrite: &str) -> (u16, Json) {
    let flag = overwrite.as_bytes();
    let parts: [Part<'_>; 4] = [
        ("overwrite_rulesets", None, flag),
        ("overwrite_libraries", None, flag),
        ("overwrite_seed_files", None, flag),
        ("zip_archive", Some("bundle.zip"), archive),
    ];
    let answer = send_form(server, caller, Method::POST, "/api/import/v1/", &parts).await;
    let status = answer.status.as_u16();
    (status, answer.json(status))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_goes_from_server_to_server() {
    let first = Server::start().await;
    for (name, rows) in [
        ("towns.csv", &b"town\nArlen\n"[..]),
        ("unused.csv", b"a\n1\n"),
    ] {
        let parts = [("seed_file", Some(name), rows)];
        send_form(&first, "builder", Method::POST, "/api/seeds/", &parts)
            .await
            .json(201);
    }
    let library = json!({"name": "places", "namespace": "geo", "config_yaml": LIBRARY});
    first
        .post("librarian", "/api/ruleset-libraries/", library)
        .await
        .json(201);
    let rules = json!({"name": "customers", "config_yaml": RULES});
    first
        .post("builder", "/api/rulesets/", rules)
        .await
        .json(201);
    let archive = exported(&first).await;

    let second = Server::start().await;
    let (status, _) = import(&second, "builder", &archive, "false").await;
    assert_eq!(status, 403, "it has libraries");
    assert_eq!(
        names(&second.get("builder", "/api/seeds/").await.json(200)),
        [""; 0],
        "all or nothing"
    );
    let (status, summary) = import(&second, "librarian", &archive, "false").await;
    let one = json!({"created": 1, "updated": 0, "skipped": 0});
    assert_eq!(
        (status, summary),
        (
            200,
            json!({"rulesets": one, "libraries": one, "seed_files": one})
        )
    );
    let rules = second.get("builder", "/api/rulesets/").await.json(200);
    assert_eq!(
        (names(&rules), &rules[0]["is_valid"]),
        (vec!["customers"], &json!("valid")),
        "{rules}"
    );
    assert_eq!(exported(&second).await, archive);

    for (overwrite, key) in [("false", "skipped"), ("true", "updated")] {
        let (status, summary) = import(&second, "librarian", &archive, overwrite).await;
        assert_eq!(status, 200, "{summary}");
        for kind in ["rulesets", "libraries", "seed_files"] {
            assert_eq!(summary[kind][key], 1, "{summary}");
        }
    }
    let (status, _) = import(&second, "builder", &archive, "false").await;
    assert_eq!(status, 200, "nothing of its libraries is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_bundle_is_refused() {
    let server = Server::start().await;
    let list = |seeds: Json| {
        let list = json!({"version": "1.0", "seed_files": seeds}).to_string();
        zip(&[("bundle.json", list.as_bytes()), ("seeds/a", b"a\n1\n")])
    };
    let seed = |name: &str| json!({"name": name, "path": "seeds/a"});
    for archive in [
        b"no archive".to_vec(),
        zip(&[("a", b"b")]),
        zip(&[("../bundle.json", b"{}")]),
        list(json!([{"name": "a.csv", "path": "seeds/b"}])),
        list(json!([{"name": "../a.csv", "path": "seeds/a"}])),
        list(json!([seed("a.csv"), seed("a.csv")])),
    ] {
        let (status, answer) = import(&server, "admin", &archive, "false").await;
        assert_eq!(status, 400, "{answer}");
    }
    let (status, answer) = import(&server, "admin", &list(json!([seed("a.csv")])), "maybe").await;
    assert_eq!(
        (status, answer["overwrite_rulesets"].is_array()),
        (400, true),
        "{answer}"
    );
    let (status, _) = import(&server, "runner", b"", "false").await;
    assert_eq!(status, 403);
    assert_eq!(
        server
            .get("runner", "/api/export/v1/")
            .await
            .status
            .as_u16(),
        403
    );
    assert_eq!(
        server.get("builder", "/api/seeds/").await.json(200),
        json!([])
    );
}
