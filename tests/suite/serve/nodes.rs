//! Several servers on one store: they are one to their clients, and end what one left that is gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PASSWORD, Served};
use crate::postgres::Trial;
use crate::visard::{Ended, Visard};

/// Rows of the file that is masked: enough to be at work for a while.
const ROWS: usize = 250_000;
/// How long the nodes have for what they are to come to.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a node keeps of the others' key.
const KEYS: [&str; 2] = ["key", "copy-of-the-key"];

/// A store, and a folder for its nodes.
struct Nodes {
    visard: Visard,
    store: Trial,
}

/// A node, and a token of the admin.
struct Node {
    served: Served,
    token: String,
}

impl Nodes {
    /// Two nodes. `None` where there is no PostgreSQL.
    fn new() -> Option<(Self, [Node; 2])> {
        let nodes = Self {
            store: Trial::in_own_database()?,
            visard: Visard::new(),
        };
        let rows: String = (0..ROWS).map(|row| format!("{row},name {row}\n")).collect();
        nodes
            .visard
            .write("share/in/large.csv", format!("id,name\n{rows}"));
        std::fs::create_dir(nodes.visard.path("share/out")).unwrap();
        let first = nodes.serve("a", KEYS[0]);
        let token = first.installed();
        std::fs::copy(nodes.visard.path(KEYS[0]), nodes.visard.path(KEYS[1])).unwrap();
        let second = nodes.serve("b", KEYS[1]);
        let pair = [first, second].map(|served| Node {
            served,
            token: token.clone(),
        });
        Some((nodes, pair))
    }

    fn args(&self, key: &str) -> Vec<String> {
        let args = ["--store", &self.store.url(), "--key-file", key];
        args.map(str::to_owned).to_vec()
    }

    fn serve(&self, data: &str, key: &str) -> Served {
        let mut args = self.args(key);
        args.extend(["--root", "share"].map(str::to_owned));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Served::of(&mut Served::command(&self.visard, data, &args))
    }

    /// Has the node that keeps its data in `data` be silent for long, as the others see it.
    fn silent(&self, data: &str) {
        let node = String::from_utf8(self.visard.read(&format!("{data}/node"))).unwrap();
        let sql = "UPDATE public.nodes SET heartbeat = '2020-01-01T00:00:00.000000Z' WHERE id =";
        self.store.sql(&format!("{sql} '{node}'"));
    }

    /// `visard serve rotate-key` of the node that keeps its data in `data`.
    fn rotate(&self, data: &str, key: &str) -> Ended {
        let mut args = ["serve", "rotate-key", "--data", data]
            .map(str::to_owned)
            .to_vec();
        args.extend(self.args(key));
        self.visard.call(&args)
    }
}

impl Node {
    fn get(&self, path: &str) -> Value {
        self.served.expect(200, &self.token, "GET", path, None)
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.served
            .expect(201, &self.token, "POST", path, Some(body))
    }

    fn status(&self, run: i64) -> String {
        let run = self.get(&format!("/api/runs/{run}/"));
        run["status"].as_str().unwrap().to_owned()
    }

    fn wait(&self, run: i64, wanted: &str) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.get(&format!("/api/runs/{run}/"));
            if found["status"] == wanted {
                return found;
            }
            let status = found["status"].as_str().unwrap();
            let is_over = ["finished", "failed", "cancelled"].contains(&status);
            assert!(!is_over && begun.elapsed() < PATIENCE, "{found}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a run from `share/in` to `share/out` is asked by.
    fn request(&self, visard: &Visard) -> Value {
        self.served
            .file_run(&self.token, visard, "[{type: person_name}, {type: hash}]")
    }

    fn begin(&self, request: &Value) -> i64 {
        self.post("/api/runs/", request.clone())["id"]
            .as_i64()
            .unwrap()
    }
}

#[test]
fn nodes_are_one_server_to_their_clients() {
    let Some((nodes, [a, b])) = Nodes::new() else {
        return;
    };
    // Users, logins and what they keep.
    assert_eq!(b.get("/api/users/me/")["username"], "admin");
    let request = a.request(&nodes.visard);
    assert_eq!(b.get("/api/rulesets/")[0]["id"], request["ruleset"]);

    // Values in flight.
    let bearer = format!("Bearer {}", a.served.login_in_flight());
    let plan = json!({
        "name": "names",
        "ruleset_yaml": "version: \"1.0\"\nrules: [{masks: [{type: from_file, seed_file: DataMasque_lastNames_v2.csv}]}]\n",
    });
    let (status, plan) = a
        .served
        .authorized(&bearer, "POST", "/ifm/ruleset-plans/", Some(plan));
    assert_eq!(status, 201, "{plan}");
    let path = format!(
        "/ifm/ruleset-plans/{}/mask/",
        plan["name"].as_str().unwrap()
    );
    let masked = [&a, &b].map(|node| {
        let data = json!({
            "data": ["Ann", "Bob", "Cid"], "hash_values": [1, 2, 3], "run_secret": "a run secret of the tests",
        });
        let (status, masked) = node.served.authorized(&bearer, "POST", &path, Some(data));
        assert_eq!(status, 200, "{masked}");
        masked["data"].clone()
    });
    assert_eq!(masked[0], masked[1]);

    // Runs: one at a time writes to a place, whichever node has it.
    let (first, second) = (a.begin(&request), b.begin(&request));
    b.wait(first, "running");
    assert_eq!(a.status(second), "queued");
    b.post(&format!("/api/runs/{first}/cancel/"), json!({}));
    b.wait(first, "cancelled");
    let finished = a.wait(second, "finished");
    assert!(
        a.get(&format!("/api/runs/{first}/"))["end_time"].as_str()
            <= finished["start_time"].as_str()
    );
    let log = a.get(&format!("/api/runs/{second}/log/"));
    assert!(log.to_string().contains("masking 1 file"), "{log}");
    assert_eq!(nodes.visard.files("share/out"), ["large.csv"]);

    // A logout at one ends the session at the other.
    let token = b.served.login();
    a.served.expect(200, &token, "GET", "/api/users/", None);
    let (status, body) = a
        .served
        .call(Some(&token), "POST", "/api/auth/token/logout/", None);
    assert!(status == 200 || status == 204, "{status} {body}");
    b.served.expect(401, &token, "GET", "/api/users/", None);
}

#[test]
fn runs_of_a_node_that_is_gone_are_ended_by_the_others() {
    let Some((nodes, [a, b])) = Nodes::new() else {
        return;
    };
    let request = a.request(&nodes.visard);
    let (running, queued) = (a.begin(&request), a.begin(&request));
    b.wait(running, "running");
    a.served.crash();
    // It may be there again in a moment.
    let behind = b.begin(&request);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(b.status(running), "running");
    assert_eq!(b.status(behind), "queued");
    nodes.silent("a");
    for run in [running, queued] {
        let ended = b.wait(run, "failed");
        let why = ended["error_message"].as_str().unwrap();
        assert!(why.contains("is gone"), "{why}");
    }
    b.wait(behind, "finished");

    // It does not go on with what others ended, and works.
    let token = a.token;
    let served = nodes.serve("a", KEYS[0]);
    let a = Node { served, token };
    let given = nodes.visard.files("a/runs");
    assert!(
        !given.iter().any(|file| file.contains("/given/")),
        "{given:?}"
    );
    let next = a.begin(&request);
    b.wait(next, "finished");
    assert_eq!(a.status(running), "failed");
    let masked = nodes.visard.read("share/out/large.csv");
    assert_eq!(
        masked.iter().filter(|byte| **byte == b'\n').count(),
        ROWS + 1
    );
}

#[test]
fn a_node_goes_on_with_its_runs_that_is_back_in_time() {
    let Some((nodes, [a, b])) = Nodes::new() else {
        return;
    };
    let request = a.request(&nodes.visard);
    let run = a.begin(&request);
    b.wait(run, "running");
    a.served.crash();
    let _again = nodes.serve("a", KEYS[0]);
    let ended = b.wait(run, "finished");
    assert_eq!(ended["error_message"], Value::Null);
    assert_eq!(nodes.visard.files("share/out"), ["large.csv"]);
}

#[test]
fn a_key_is_rotated_when_no_node_is_at_work() {
    let Some((nodes, [a, b])) = Nodes::new() else {
        return;
    };
    let connection = |name: &str| {
        json!({
            "name": name, "version": "1.0", "mask_type": "database", "db_type": "postgres", "host": "example.com",
            "port": 5432, "user": "visard", "password": "a word", "database": "crm", "schema": "public",
        })
    };
    b.post("/api/connections/", connection("before"));
    a.served.crash();
    let told = nodes.rotate("a", KEYS[0]).expect(2).stderr;
    assert!(told.contains("stop all of them first"), "{told}");

    // One that sleeps is not seen, and does no harm when it wakes.
    b.served.signal("-STOP");
    nodes.silent("b");
    nodes.rotate("a", KEYS[0]).expect(0);
    b.served.signal("-CONT");
    let (status, body) = b.served.call(
        Some(&b.token),
        "POST",
        "/api/connections/",
        Some(connection("behind")),
    );
    assert_eq!(status, 500, "{body}");
    let log = String::from_utf8(nodes.visard.read("b/logs/server.jsonl")).unwrap();
    assert!(log.contains("has changed `key_check`"), "{log}");
    drop(b);

    // The key that it has is of no use any more.
    let refused = Served::command(&nodes.visard, "b", &[])
        .args(nodes.args(KEYS[1]))
        .output();
    let refused = Ended::of(refused.unwrap()).expect(2).stderr;
    assert!(refused.contains("another key"), "{refused}");
    std::fs::copy(nodes.visard.path(KEYS[0]), nodes.visard.path(KEYS[1])).unwrap();
    let served = nodes.serve("b", KEYS[1]);
    let listed = served.expect(200, &a.token, "GET", "/api/connections/", None);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let login = json!({"username": "admin", "password": PASSWORD});
    assert_eq!(
        served
            .call(None, "POST", "/api/auth/token/login/", Some(login))
            .0,
        200
    );
    served.expect(
        201,
        &a.token,
        "POST",
        "/api/connections/",
        Some(connection("behind")),
    );
}
