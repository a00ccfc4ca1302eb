//! Runs over HTTP, on files.

use std::path::Path;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::queue::{Queue, start};
use super::{Status, remove_leftovers};
use crate::store::Value;
use crate::testing::Server;

const RULESET: &str = "version: \"1.0\"\ntasks:\n  - type: mask_tabular_file\n    rules:\n      \
                       - column: name\n        hash_columns: [id]\n        masks: [{type: from_file, seed_file: \
                       DataMasque_lastNames_v2.csv}]\n";
const SECRET: &str = "a run secret of the tests";

/// A server with two folders, and a ruleset for their files.
struct Files {
    server: Server,
    source: String,
    destination: String,
    ruleset: String,
}

impl Files {
    async fn new() -> Self {
        let server = Server::start().await;
        let mut ids = Vec::new();
        for name in ["in", "out"] {
            let folder = server.app.data().join(name);
            std::fs::create_dir(&folder).unwrap();
            let connection = json!({
                "name": name, "version": "1.0", "mask_type": "file",
                "type": "mounted_share_connection", "base_directory": folder,
                "is_file_mask_source": name == "in", "is_file_mask_destination": name == "out",
            });
            let made = server.post("admin", "/api/connections/", connection).await;
            ids.push(made.json(201)["id"].as_str().unwrap().to_owned());
        }
        let people = server.app.data().join("in/people.csv");
        std::fs::write(people, "id,name\n1,Ann\n2,Bob\n1,Cid\n").unwrap();
        let ruleset = add_ruleset(&server, "names", RULESET).await;
        let destination = ids.pop().unwrap();
        let source = ids.pop().unwrap();
        Self {
            server,
            source,
            destination,
            ruleset,
        }
    }

    fn request(&self, options: Json) -> Json {
        json!({
            "connection": self.source, "destination_connection": self.destination,
            "ruleset": self.ruleset, "mask_type": "database", "options": options,
        })
    }

    async fn begin(&self, options: Json) -> i64 {
        let (status, run) = self.post(self.request(options)).await;
        assert_eq!(status, StatusCode::CREATED, "{run}");
        run["id"].as_i64().unwrap()
    }

    async fn post(&self, body: Json) -> (StatusCode, Json) {
        self.call(Method::POST, "/api/runs/", Some(body)).await
    }

    /// Status and body of an answer to someone who may run; what is no JSON is a text.
    async fn call(&self, method: Method, path: &str, body: Option<Json>) -> (StatusCode, Json) {
        let answer = self.server.ask("runner", method, path, body).await;
        let text = String::from_utf8(answer.bytes).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Json::String(text));
        (answer.status, body)
    }

    async fn get(&self, path: &str) -> Json {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn ended(&self, run: i64) -> Json {
        for _ in 0..600 {
            let run = self.get(&format!("/api/runs/{run}/")).await;
            let status = Status::named(run["status"].as_str().unwrap()).unwrap();
            if status.is_final() {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("run {run} does not end");
    }

    fn queue(&self) -> Queue {
        start(&self.server.app, 2).unwrap()
    }

    fn masked(&self) -> String {
        std::fs::read_to_string(self.server.app.data().join("out/people.csv")).unwrap()
    }
}

async fn add_ruleset(server: &Server, name: &str, yaml: &str) -> String {
    let ruleset = json!({"name": name, "config_yaml": yaml, "mask_type": "file"});
    let made = server.post("admin", "/api/rulesets/", ruleset).await;
    made.json(201)["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_masks_files_and_tells_of_it() {
    let files = Files::new().await;
    let queue = files.queue();
    let (status, run) = files
        .post(files.request(json!({"run_secret": SECRET})))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{run}");
    assert_eq!(run["options"]["run_secret"], SECRET);
    assert_eq!(
        (&run["status"], &run["mask_type"]),
        (&json!("queued"), &json!("file"))
    );
    let run = files.ended(run["id"].as_i64().unwrap()).await;
    assert_eq!(run["status"], "finished", "{run}");
    assert!(!run.to_string().contains(SECRET), "{run}");
    assert_eq!(run["options"]["has_run_secret"], true);
    assert_eq!(run["connection_name"], "in");
    assert_eq!(run["destination_connection_name"], "out");
    assert!(run["start_time"].as_str() <= run["end_time"].as_str());

    let masked = files.masked();
    let names: Vec<&str> = masked.lines().skip(1).map(|row| &row[2..]).collect();
    assert_eq!(names[0], names[2], "{masked}");
    assert!(
        !masked.contains("Ann") && !masked.contains("Bob"),
        "{masked}"
    );

    let id = &run["id"];
    let log = files.get(&format!("/api/runs/{id}/log/")).await;
    let lines = log.as_array().unwrap();
    let told: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    assert!(told.contains(&"masking 1 file, 26 B"), "{told:?}");
    assert!(told.contains(&"`people.csv`: masked"), "{told:?}");
    assert_eq!(lines.last().unwrap()["run_status"], "finished");
    let folder = files.server.app.data().display().to_string();
    assert!(
        !log.to_string().contains(&folder) && !log.to_string().contains(SECRET),
        "{log}"
    );
    let report = files.get(&format!("/api/runs/{id}/run-report/")).await;
    assert_eq!(
        report,
        "path,file_size,file_type,skip_reason,status,rows\npeople.csv,26,csv,,masked,3\n"
    );
    let missing = files
        .call(Method::GET, &format!("/api/runs/{id}/sdd-report/"), None)
        .await;
    assert_eq!(missing.0, StatusCode::NOT_FOUND);

    // The same secret, the same values.
    let again = files.begin(json!({"run_secret": SECRET})).await;
    files.ended(again).await;
    assert_eq!(files.masked(), masked);
    let dry = files
        .begin(json!({"dry_run": "true", "max_rows": "1000000"}))
        .await;
    assert_eq!(files.ended(dry).await["status"], "finished");
    assert_eq!(files.masked(), masked);
    queue.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_under_its_field() {
    let files = Files::new().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let broken = add_ruleset(
        &files.server,
        "broken",
        "version: \"1.0\"\ntasks: [{type: nothing}]\n",
    )
    .await;
    let library = "version: \"1.0\"\nimports: [a/b]\ntasks: []\n";
    let library = add_ruleset(&files.server, "library", library).await;
    for (field, value, told, message) in [
        (
            "connection",
            json!(nobody),
            "connection",
            "object does not exist",
        ),
        (
            "destination_connection",
            json!(nobody),
            "destination_connection",
            "object does not exist",
        ),
        (
            "destination_connection",
            json!(files.source),
            "destination_connection",
            "may not be written",
        ),
        (
            "connection",
            json!(files.destination),
            "connection",
            "may not be read",
        ),
        (
            "destination_connection",
            Json::Null,
            "destination_connection",
            "needs a connection",
        ),
        ("ruleset", json!(nobody), "ruleset", "object does not exist"),
        ("ruleset", json!(broken), "ruleset", "Cannot start run"),
        ("ruleset", json!(library), "ruleset", "Library \"a/b\" "),
        ("ruleset", Json::Null, "ruleset", "valid"),
        (
            "source_connection",
            json!(nobody),
            "connection",
            "not the same",
        ),
        ("mask_type", json!("sheet"), "mask_type", "unknown variant"),
        ("options", json!({"colour": 1}), "options", "colour"),
        (
            "options",
            json!({"run_secret": "too short"}),
            "options",
            "16 to 256",
        ),
        ("name", json!("x".repeat(256)), "name", "255"),
    ] {
        let mut body = files.request(json!({}));
        body[field] = value;
        let (status, answer) = files.post(body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}: {answer}");
        let problem = answer[told][0].as_str().unwrap_or_default();
        assert!(problem.contains(message), "{field}: {answer}");
        assert!(
            !answer
                .to_string()
                .contains(files.server.app.data().to_str().unwrap()),
            "{answer}"
        );
    }
    for folder in ["runs", "tmp"] {
        let left = std::fs::read_dir(files.server.app.data().join(folder));
        let left = left.map_or(0, Iterator::count);
        assert_eq!(left, 0, "a refused run leaves nothing in `{folder}`");
    }
    assert_eq!(files.get("/api/runs/").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_filtered_and_cancelled() {
    let files = Files::new().await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(files.begin(json!({})).await);
    }
    let cancelled = files
        .call(
            Method::POST,
            &format!("/api/runs/{}/cancel/", runs[1]),
            None,
        )
        .await;
    assert_eq!(
        (cancelled.0, &cancelled.1["status"]),
        (StatusCode::CREATED, &json!("cancelled"))
    );
    let again = files
        .call(
            Method::POST,
            &format!("/api/runs/{}/cancel/", runs[1]),
            None,
        )
        .await;
    assert_eq!(again.0, StatusCode::BAD_REQUEST);
    assert!(again.1["detail"].is_string(), "{}", again.1);
    let ids = |list: &Json| -> Vec<i64> {
        list.as_array()
            .unwrap()
            .iter()
            .filter_map(|run| run["id"].as_i64())
            .collect()
    };
    for (query, found) in [
        ("", vec![runs[2], runs[1], runs[0]]),
        ("?run_status=queued", vec![runs[2], runs[0]]),
        (
            "?run_status=&ruleset_name=&connection_ruleset_name=",
            vec![runs[2], runs[1], runs[0]],
        ),
        ("?ruleset_name=names&run_status=cancelled", vec![runs[1]]),
        ("?ruleset_name=name", vec![]),
        (
            "?connection_ruleset_name=NAM",
            vec![runs[2], runs[1], runs[0]],
        ),
        ("?connection_ruleset_name=%25", vec![]),
    ] {
        assert_eq!(
            ids(&files.get(&format!("/api/runs/{query}")).await),
            found,
            "{query}"
        );
    }
    let page = files.get("/api/runs/?limit=2&run_status=").await;
    assert_eq!(ids(&page["results"]), [runs[2], runs[1]]);
    assert_eq!(
        (&page["count"], &page["previous"]),
        (&json!(3), &Json::Null)
    );
    assert!(
        page["next"].as_str().unwrap().contains("offset=2"),
        "{page}"
    );
    for path in [
        "/api/runs/999/",
        "/api/runs/x/",
        "/api/runs/999/log/",
        "/api/runs/999/run-report/",
    ] {
        assert_eq!(
            files.call(Method::GET, path, None).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let wrong = files
        .call(Method::GET, "/api/runs/?run_status=done", None)
        .await;
    assert_eq!(wrong.0, StatusCode::BAD_REQUEST);

    // Those that are left run one after the other, as they write to one place.
    let queue = files.queue();
    let (first, last) = (files.ended(runs[0]).await, files.ended(runs[2]).await);
    assert!(
        first["end_time"].as_str() <= last["start_time"].as_str(),
        "{first} {last}"
    );
    queue.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_of_the_second_generation() {
    let files = Files::new().await;
    let run = files.begin(json!({})).await;
    let store = files.server.app.store();
    let warned = "UPDATE runs SET status = 'finished_with_warnings'";
    store.run(warned, &[]).await.unwrap();
    let path = format!("/api/runs/{run}/");
    assert_eq!(files.get(&path).await["status"], "finished_with_warnings");
    let second = "INSERT INTO settings (name, value) VALUES ('run_status_generation', '\"v2\"')";
    store.run(second, &[]).await.unwrap();
    files.server.app.settings_changed();
    assert_eq!(files.get(&path).await["status"], "finished");
    assert_eq!(
        files.get("/api/runs/?run_status=finished").await[0]["id"],
        run
    );
    let newer = files
        .call(Method::GET, "/api/runs/?run_status=validating", None)
        .await;
    assert_eq!(newer.0, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_the_server_did_not_survive_goes_on() {
    let files = Files::new().await;
    let run = files.begin(json!({"run_secret": SECRET})).await;
    // As a server leaves it that ends while it is at work.
    let store = files.server.app.store();
    store
        .run("UPDATE runs SET status = 'running', attempts = 1", &[])
        .await
        .unwrap();
    let queue = files.queue();
    let ended = files.ended(run).await;
    assert_eq!(ended["status"], "finished", "{ended}");
    let log = files.get(&format!("/api/runs/{run}/log/")).await;
    assert!(
        log.to_string().contains("goes on after the server ended"),
        "{log}"
    );
    assert!(!files.masked().contains("Ann"));
    queue.shut_down().await;

    // One that ends the server again and again is given up; so is one that was being cancelled.
    let queued = Value::from("queued");
    let given_up = files.begin(json!({})).await;
    store
        .run(
            "UPDATE runs SET status = 'running', attempts = 5 WHERE status = $1",
            std::slice::from_ref(&queued),
        )
        .await
        .unwrap();
    let cancelled = files.begin(json!({})).await;
    store
        .run(
            "UPDATE runs SET status = 'cancelling' WHERE status = $1",
            &[queued],
        )
        .await
        .unwrap();
    let queue = files.queue();
    let ended = files.ended(given_up).await;
    assert_eq!(ended["status"], "failed");
    assert!(
        ended["error_message"].as_str().unwrap().contains("5 times"),
        "{ended}"
    );
    assert_eq!(files.ended(cancelled).await["status"], "cancelled");
    queue.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_server_that_is_gone_are_ended() {
    let files = Files::new().await;
    let store = files.server.app.store();
    let (gone, slow) = (files.begin(json!({})).await, files.begin(json!({})).await);
    for (node, heartbeat, status, run) in [
        ("gone", "2020-01-01T00:00:00.000000Z", "running", gone),
        ("slow", "2999-01-01T00:00:00.000000Z", "validating", slow),
    ] {
        let sql = "INSERT INTO nodes (id, heartbeat) VALUES ($1, $2)";
        store
            .run(sql, &[node.into(), heartbeat.into()])
            .await
            .unwrap();
        let sql = "UPDATE runs SET node = $1, status = $2 WHERE id = $3";
        store
            .run(sql, &[node.into(), status.into(), Value::Int(run)])
            .await
            .unwrap();
    }
    // One that went before it said that it is there.
    let mute = files.begin(json!({})).await;
    let sql =
        "UPDATE runs SET node = 'mute', created = '2020-01-01T00:00:00.000000Z' WHERE id = $1";
    store.run(sql, &[Value::Int(mute)]).await.unwrap();
    let queue = files.queue();
    for run in [gone, mute] {
        let ended = files.ended(run).await;
        assert_eq!(ended["status"], "failed");
        assert!(
            ended["error_message"].as_str().unwrap().contains("is gone"),
            "{ended}"
        );
    }
    let path = format!("/api/runs/{slow}/");
    assert_eq!(files.get(&path).await["status"], "validating");
    queue.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_left_that_was_killed_is_removed() {
    let files = Files::new().await;
    let (queued, ended) = (files.begin(json!({})).await, files.begin(json!({})).await);
    let sql = "UPDATE runs SET status = 'failed' WHERE id = $1";
    let store = files.server.app.store();
    store.run(sql, &[Value::Int(ended)]).await.unwrap();
    let data = files.server.app.data();
    let left = ["tmp/visard-cut-off", "runs/999"].map(|left| data.join(left));
    for left in &left {
        std::fs::create_dir_all(left.join("given")).unwrap();
        std::fs::write(left.join("given/pipeline.yml"), "{}").unwrap();
    }
    remove_leftovers(&files.server.app).await.unwrap();
    assert!(left.iter().all(|left| !left.exists()));
    let given = |run: i64| data.join(format!("runs/{run}/given")).exists();
    assert!(given(queued) && !given(ended));
    remove_leftovers(&files.server.app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_masked_fails_its_run() {
    let files = Files::new().await;
    std::fs::write(
        files.server.app.data().join("in/other.csv"),
        "id,title\n1,secret\n",
    )
    .unwrap();
    let queue = files.queue();
    let run = files.ended(files.begin(json!({})).await).await;
    assert_eq!(run["status"], "failed");
    let error = run["error_message"].as_str().unwrap();
    assert!(
        error.contains("no column `name`") && !error.contains("secret"),
        "{error}"
    );
    let given = files
        .server
        .app
        .data()
        .join(format!("runs/{}/given", run["id"]));
    // It goes after the end is written down.
    queue.shut_down().await;
    assert!(
        !Path::new(&given).exists(),
        "what a run was given goes with its end"
    );
}
