//! In-flight masking over HTTP, and beside a run.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::roles::Role;
use crate::testing;

const NAMES: &str = "version: \"1.0\"\nrules:\n  - masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv}]\n";
const SECRET: &str = "a run secret of the tests";

/// A server, and somebody who may mask in flight.
struct Server {
    server: testing::Server,
    token: String,
}

impl Server {
    async fn new() -> Self {
        let server = testing::Server::empty().await;
        let user = server.add("builder", &[Role::MaskBuilder]).await;
        let token = server.log_in_in_flight(&user).await;
        Self { server, token }
    }

    /// Status and body of an answer; null for none.
    async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = Some(body).filter(|body| !body.is_null());
        let method = method.parse().unwrap();
        let answer = self.server.ask(&self.token, method, path, body).await;
        let body = serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null);
        (answer.status, body)
    }
}

async fn create(server: &Server, yaml: &str) -> String {
    let plan = json!({"name": "names", "ruleset_yaml": yaml, "options": {"enabled": true}});
    let (status, plan) = server.call("POST", "/ifm/ruleset-plans/", plan).await;
    assert_eq!(status, StatusCode::CREATED, "{plan}");
    let name = plan["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("names-") && name.len() == 12, "{plan}");
    assert!(
        plan["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/ifm/ruleset-plans/{name}/"))
    );
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_come_change_and_go() {
    let server = Server::new().await;
    let (status, token) = server.call("GET", "/ifm/verify-token/", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        token["scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("ifm/mask"))
    );
    let name = create(&server, NAMES).await;
    let path = format!("/ifm/ruleset-plans/{name}/");
    let (_, list) = server
        .call("GET", "/ifm/ruleset-plans/?limit=10&offset=0", Value::Null)
        .await;
    assert_eq!((&list["total"], &list["limit"]), (&json!(1), &json!(10)));
    assert_eq!(list["items"][0]["serial"], 1);
    assert!(list["items"][0].get("ruleset_yaml").is_none(), "{list}");
    let (_, plan) = server.call("GET", &path, Value::Null).await;
    assert_eq!(plan["ruleset_yaml"], NAMES);

    let changed = format!("{NAMES}# changed\n");
    let (status, plan) = server
        .call("PUT", &path, json!({"ruleset_yaml": changed}))
        .await;
    assert_eq!(
        (status, &plan["serial"]),
        (StatusCode::OK, &json!(2)),
        "{plan}"
    );
    assert_eq!(plan["options"]["enabled"], Value::Null);
    let (_, plan) = server
        .call("PATCH", &path, json!({"options": {"enabled": false}}))
        .await;
    assert_eq!(
        (&plan["serial"], &plan["ruleset_yaml"]),
        (&json!(3), &json!(changed))
    );
    let (status, refused) = server
        .call("POST", &format!("{path}mask/"), json!({"data": [1]}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refused.get("ruleset_plan").is_none() && refused["detail"].is_string(),
        "{refused}"
    );
    assert_eq!(
        server.call("DELETE", &path, Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    for (method, body) in [
        ("GET", Value::Null),
        ("DELETE", Value::Null),
        ("PATCH", json!({})),
    ] {
        assert_eq!(
            server.call(method, &path, body).await.0,
            StatusCode::NOT_FOUND,
            "{method}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bodies_are_told_of_by_their_place() {
    let server = Server::new().await;
    let name = create(&server, NAMES).await;
    let mask = format!("/ifm/ruleset-plans/{name}/mask/");
    let plans = "/ifm/ruleset-plans/".to_owned();
    for (path, body, place) in [
        (
            &plans,
            json!({"name": "a"}),
            json!(["body", "ruleset_yaml"]),
        ),
        (
            &plans,
            json!({"name": "a/b", "ruleset_yaml": NAMES}),
            json!(["body", "name"]),
        ),
        (
            &plans,
            json!({"name": "a", "ruleset_yaml": "rules: []"}),
            json!(["body", "ruleset_yaml"]),
        ),
        (
            &plans,
            json!({"name": "a", "ruleset_yaml": NAMES, "options": {"enabled": 7}}),
            json!(["body", "options", "enabled"]),
        ),
        (
            &plans,
            json!({"name": "a", "ruleset_yaml": NAMES.replace("DataMasque_lastNames_v2", "nowhere")}),
            json!(["body", "ruleset_yaml"]),
        ),
        (&mask, json!({}), json!(["body", "data"])),
        (&mask, json!({"data": "a"}), json!(["body", "data"])),
        (
            &mask,
            json!({"data": [], "colour": 1}),
            json!(["body", "colour"]),
        ),
        (
            &mask,
            json!({"data": [1], "hash_values": [1, 2]}),
            json!(["body", "hash_values"]),
        ),
        (
            &mask,
            json!({"data": [1], "run_secret": "short"}),
            json!(["body", "run_secret"]),
        ),
        (
            &mask,
            json!({"data": [1], "log_level": "LOUD"}),
            json!(["body", "log_level"]),
        ),
    ] {
        let (status, answer) = server.call("POST", path, body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {answer}");
        assert_eq!(answer["detail"][0]["loc"], place, "{body}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_masked_or_refused_together() {
    let server = Server::new().await;
    let name = create(
        &server,
        "version: \"1.0\"\nrules: [{masks: [{type: generalize_zip}]}]\n",
    )
    .await;
    let path = format!("/ifm/ruleset_plans/{name}/mask");
    let body = json!({"data": ["94105", null], "request_id": "r1"});
    let (status, masked) = server.call("POST", &path, body).await;
    assert_eq!(status, StatusCode::OK, "{masked}");
    assert_eq!(masked["data"], json!(["941", null]));
    assert_eq!(
        (&masked["request_id"], &masked["ruleset_plan"]),
        (&json!("r1"), &json!({"name": name, "serial": 1}))
    );
    let (status, refused) = server
        .call(
            "POST",
            &path,
            json!({"data": ["94105", "secret"], "log_level": "CRITICAL"}),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refused["ruleset_plan"]["serial"], 1);
    assert!(refused.get("data").is_none(), "{refused}");
    assert_eq!(refused["logs"][0]["log_level"], "ERROR");
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_hash_values_decide() {
    let server = Server::new().await;
    let name = create(&server, NAMES).await;
    let path = format!("/ifm/ruleset-plans/{name}/mask/");
    let mask = async |more: Value| {
        let mut body = json!({"data": ["a", "b", "c", "d", "e", "f"]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let (status, masked) = server.call("POST", &path, body).await;
        assert_eq!(status, StatusCode::OK, "{masked}");
        masked["data"].clone()
    };
    let by = json!([1, 2, 3, 4, 5, 6]);
    let first = mask(json!({"run_secret": SECRET, "hash_values": by})).await;
    assert_eq!(
        mask(json!({"run_secret": SECRET, "hash_values": by})).await,
        first
    );
    for other in [
        json!({"run_secret": SECRET, "hash_values": by, "disable_instance_secret": true}),
        json!({"run_secret": "another secret of the tests", "hash_values": by}),
        json!({"run_secret": SECRET, "hash_values": [6, 5, 4, 3, 2, 1]}),
        json!({"hash_values": by}),
        json!({}),
    ] {
        assert_ne!(mask(other.clone()).await, first, "{other}");
    }
    assert_ne!(
        mask(json!({})).await,
        mask(json!({})).await,
        "each request draws for itself"
    );
    // What is kept under keys goes with a change of the plan.
    let fixed = "version: \"1.0\"\nrules: [{masks: [{type: from_fixed, value: x}]}]\n";
    let plan = format!("/ifm/ruleset-plans/{name}/");
    server
        .call("PATCH", &plan, json!({"ruleset_yaml": fixed}))
        .await;
    assert_eq!(
        mask(json!({"run_secret": SECRET, "hash_values": by})).await[0],
        "x"
    );
}

/// What a run writes into a file, a request gets: under the same secrets, masks and hash values.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_those_of_a_run() {
    let server = Server::new().await;
    let folder = server.server.app.data().join("beside");
    std::fs::create_dir_all(folder.join("in")).unwrap();
    let names = ["Ann", "Bob", "Cid", "Dan", "Eve", "Fay"];
    let rows = names.iter().enumerate();
    let rows: String = rows
        .map(|(id, name)| format!("{id},{name},{{\"\"a\"\": 1}}\n"))
        .collect();
    let rows = rows.replace(",{", ",\"{").replace("}\n", "}\"\n");
    std::fs::write(
        folder.join("in/people.csv"),
        format!("id,name,document\n{rows}"),
    )
    .unwrap();
    let json = "[{type: json, transforms: [{path: [a], masks: [{type: from_random_number, min: 100, max: 999}]}]}]";
    let lists = [
        (
            "name",
            "[{type: from_file, seed_file: DataMasque_lastNames_v2.csv}, {type: transform_case, transform: uppercase}]",
        ),
        ("name", "[{type: imitate}]"),
        ("name", "[{type: imitate_unique}]"),
        ("name", "[{type: hash, length: 20}]"),
        ("document", json),
    ];
    let secret_file = server.server.app.instance_secret_file();
    for (run, (column, masks)) in lists.into_iter().enumerate() {
        let out = folder.join(format!("out{run}"));
        let by = if masks.contains("imitate_unique") || masks.contains("hash,") {
            ""
        } else {
            "hash_columns: [id], "
        };
        let pipeline = format!(
            "version: '1.0'\nconnections:\n  in: {{type: mounted_share_connection, base_directory: in}}\n  \
             out: {{type: mounted_share_connection, base_directory: out{run}}}\nsource: in\ndestination: out\n\
             options: {{run_secret: {SECRET}}}\nruleset:\n  tasks:\n    - type: mask_tabular_file\n      \
             rules: [{{column: {column}, {by}masks: {masks}}}]\n"
        );
        let path = folder.join(format!("pipeline{run}.yml"));
        std::fs::write(&path, pipeline).unwrap();
        let request = visard::run::Request {
            pipeline: path,
            run_folder: Some(folder.join(format!("run{run}"))),
            instance_secret_file: Some(secret_file.clone()),
            ..visard::run::Request::default()
        };
        let (mut sources, mut found) = (
            visard::language::Sources::default(),
            visard::language::Diagnostics::new(),
        );
        let stop = std::future::pending();
        let ended = visard::run::run(
            &request,
            &mut sources,
            &mut found,
            &visard::run::Silent,
            stop,
        );
        assert_eq!(ended.await.unwrap().code, 0, "{masks}: {found:?}");
        let mut written = csv::Reader::from_path(out.join("people.csv")).unwrap();
        let at = if column == "name" { 1 } else { 2 };
        let written = written.records().map(|row| row.unwrap()[at].to_owned());
        let written: Vec<String> = written.collect();

        let name = create(
            &server,
            &format!("version: \"1.0\"\nrules: [{{masks: {masks}}}]\n"),
        )
        .await;
        let data: Vec<Value> = match column {
            "name" => names.iter().map(|name| json!(name)).collect(),
            _ => names.iter().map(|_| json!({"a": 1})).collect(),
        };
        let body = json!({"data": data, "run_secret": SECRET, "hash_values": [0, 1, 2, 3, 4, 5]});
        let (status, masked) = server
            .call("POST", &format!("/ifm/ruleset-plans/{name}/mask/"), body)
            .await;
        assert_eq!(status, StatusCode::OK, "{masks}: {masked}");
        let expected: Vec<Value> = match column {
            "name" => written.into_iter().map(Value::String).collect(),
            _ => written
                .iter()
                .map(|text| serde_json::from_str(text).unwrap())
                .collect(),
        };
        assert_eq!(masked["data"], Value::Array(expected), "{masks}");
    }
}
