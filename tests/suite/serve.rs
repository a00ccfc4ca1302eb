//! The server, as its clients meet it.
//!
//! `serve/clients.py` is what the official clients do; it needs them, PostgreSQL and two buckets, which
//! `tests/run` brings.

mod samples;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::visard::{Ended, Visard};

/// The password of the admin.
pub const PASSWORD: &str = "Admin-pass-7319";

/// A running server; it ends with this.
pub struct Served {
    /// Where it answers, without a slash at the end.
    pub url: String,
    child: Child,
    runtime: Runtime,
    client: reqwest::Client,
}

impl Served {
    /// A server that keeps its data in `server` below the folder of `visard`, with more arguments.
    pub fn start(visard: &Visard, more: &[&str]) -> Self {
        let args = ["serve", "--data", "server", "--listen", "127.0.0.1:0"];
        let mut command = visard.command(&[&args, more].concat());
        Self::of(&mut command)
    }

    /// The server that `command` starts.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command
            .env("AWS_ENDPOINT_URL_S3", variable("VISARD_TEST_S3_ENDPOINT"))
            .env("AWS_ACCESS_KEY_ID", variable("VISARD_TEST_S3_KEY"))
            .env("AWS_SECRET_ACCESS_KEY", variable("VISARD_TEST_S3_SECRET"))
            .env("AWS_REGION", "us-east-1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut before) = (String::new(), String::new());
        let url = loop {
            line.clear();
            let read = told.read_line(&mut line).unwrap();
            assert!(read > 0, "the server did not start:\n{before}");
            before.push_str(&line);
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        // Whoever writes to a pipe that nobody reads waits for ever.
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Self {
            url,
            child,
            runtime: Runtime::new().unwrap(),
            client: reqwest::Client::new(),
        }
    }

    /// Status and body of an answer; what is no JSON is a text.
    pub fn call(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let authorization = token.map(|token| format!("Token {token}"));
        self.authorized(&authorization.unwrap_or_default(), method, path, body)
    }

    /// The same, with the whole header `Authorization`; empty for none.
    pub fn authorized(
        &self,
        authorization: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        if let Some(body) = body {
            let body = body.to_string();
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let (status, text) = self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        });
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    /// Makes the admin, and logs in; the token.
    pub fn installed(&self) -> String {
        let admin = json!({
            "email": "admin@example.com", "username": "admin", "password": PASSWORD,
            "re_password": PASSWORD, "allowed_hosts": ["localhost"],
        });
        let (status, body) = self.call(None, "POST", "/api/users/admin-install/", Some(admin));
        assert_eq!(status, 201, "{body}");
        self.login()
    }

    /// A token of the admin.
    pub fn login(&self) -> String {
        let login = json!({"username": "admin", "password": PASSWORD});
        let (status, body) = self.call(None, "POST", "/api/auth/token/login/", Some(login));
        assert_eq!(status, 200, "{body}");
        body["key"].as_str().unwrap().to_owned()
    }

    /// Ends it with SIGKILL, as a crash does.
    pub fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A variable of `tests/run`; empty without it.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The Python that has the official clients; `None`, and a word of it, where it is left out.
fn python() -> Option<PathBuf> {
    let found = std::env::var_os("VISARD_TEST_PYTHON").map(PathBuf::from);
    if found.is_none() {
        let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
        assert!(!under_run, "VISARD_TEST_PYTHON is missing");
        println!("left out: no Python with the official clients is named");
    }
    found
}

/// Runs a script of `serve/` with the URL of a server, a folder that the server may use and the password of the
/// admin, who is there before where `is_installed`; it must tell of its `ending`.
fn driven(script: &str, is_installed: bool, ending: &str) {
    let Some(python) = python() else {
        return;
    };
    let visard = Visard::new();
    let share = visard.path("share");
    std::fs::create_dir(&share).unwrap();
    let served = Served::start(&visard, &["--root", "share"]);
    if is_installed {
        served.installed();
    }
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/serve");
    let output = Command::new(python)
        .arg(Path::new(scripts).join(script))
        .arg(&served.url)
        .arg(&share)
        .arg(PASSWORD)
        .output()
        .unwrap();
    let told = Ended::of(output).expect(0).stdout;
    assert!(told.contains(ending), "{told}");
    print!("{told}");
}

#[test]
fn official_clients_do_their_whole_work() {
    driven(
        "clients.py",
        false,
        "methods of the official clients called",
    );
}

#[test]
fn the_official_command_line_does_a_days_work() {
    driven(
        "command_line.py",
        true,
        "commands of the official command line called",
    );
}

/// Requests made up from the OpenAPI document: none ends in a 5xx, in a status or in a body that the document
/// does not have.
#[test]
fn the_api_keeps_to_its_document() {
    let Some(python) = python() else {
        return;
    };
    let visard = Visard::new();
    std::fs::create_dir(visard.path("share")).unwrap();
    let served = Served::start(&visard, &["--root", "share"]);
    let token = served.installed();
    let login = json!({"username": "admin", "password": PASSWORD});
    let (status, body) = served.call(None, "POST", "/api/auth/jwt/login/", Some(login));
    assert_eq!(status, 200, "{body}");
    let in_flight = body["access_token"].as_str().unwrap();
    for (authorization, which) in [
        // Whoever logs out is nobody for the requests behind.
        (
            format!("Token {token}"),
            ["--exclude-path-regex", "^/ifm/|/logout$"],
        ),
        (
            format!("Bearer {in_flight}"),
            ["--include-path-regex", "^/ifm/"],
        ),
    ] {
        fuzz(&python, &served, &authorization, which);
    }
}

fn fuzz(python: &Path, served: &Served, authorization: &str, which: [&str; 2]) {
    let long = std::env::var_os("VISARD_TEST_LONG").is_some();
    let (examples, seconds) = if long { ("100", "600") } else { ("8", "60") };
    let output = Command::new(python.with_file_name("schemathesis"))
        .arg("run")
        .arg(format!("{}/api/schema/", served.url))
        .args(["--url", &served.url])
        .args(["--header", &format!("Authorization: {authorization}")])
        .args(["--seed", "7", "--max-examples", examples, "--max-time", seconds])
        .args(["--phases", "examples,coverage,fuzzing", "--request-timeout", "60"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .args(which)
        .output()
        .unwrap();
    let told = Ended::of(output).expect(0).stdout;
    let counts = told.lines().filter(|line| line.contains("generated"));
    println!("{}: {}", which[1], counts.collect::<Vec<_>>().join("; "));
}

/// Every endpoint of `docs/api.md`, as every role and as nobody: whoever may not is told so, and whoever may is
/// not.
#[test]
fn rights_are_those_of_the_page() {
    let visard = Visard::new();
    let served = Served::start(&visard, &[]);
    let admin = served.installed();
    let user = |name: &str, roles: Value| {
        let user = json!({
            "username": name, "email": format!("{name}@example.com"), "password": "Other-pass-5823",
            "re_password": "Other-pass-5823", "user_roles": roles,
        });
        let (status, body) = served.call(Some(&admin), "POST", "/api/users/", Some(user));
        assert_eq!(status, 201, "{body}");
        let login = json!({"username": name, "password": "Other-pass-5823"});
        let (status, tokens) =
            served.call(None, "POST", "/api/auth/token/login/", Some(login.clone()));
        assert_eq!(status, 200, "{tokens}");
        let (status, in_flight) = served.call(None, "POST", "/api/auth/jwt/login/", Some(login));
        assert_eq!(status, 200, "{in_flight}");
        let token = |value: &Value| value.as_str().unwrap().to_owned();
        (token(&tokens["key"]), token(&in_flight["access_token"]))
    };
    let callers = [
        ("admin", json!(["admin"])),
        ("mask_builder", json!(["mask_builder"])),
        ("mask_runner", json!(["mask_runner"])),
        (
            "ruleset_library_managers",
            json!(["mask_builder", "ruleset_library_managers"]),
        ),
    ]
    .map(|(role, roles)| (roles.clone(), user(&format!("a_{role}"), roles)));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains(" /"));
    let (mut asked, mut refused) = (0, 0);
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (method, path) = cells[1].trim_matches('`').split_once(' ').unwrap();
        let who = cells[2];
        // What is asked for is not there, so nothing changes.
        let path = path
            .replace("{id}", "00000000-0000-4000-8000-000000000000")
            .replace("{connection_id}", "00000000-0000-4000-8000-000000000000")
            .replace("{name}", "nothing");
        let ends_session = path.ends_with("/logout/");
        let in_flight = path.starts_with("/ifm/");
        if who != "anyone" {
            for wrong in [None, Some("0".repeat(40)), Some("x".to_owned())] {
                let (status, body) = served.call(wrong.as_deref(), method, &path, None);
                assert_eq!(status, 401, "{method} {path}: {body}");
            }
        }
        for (roles, (token, bearer)) in &callers {
            let roles: Vec<&str> = roles
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let may = ["anyone", "users"].contains(&who)
                || roles.iter().any(|role| who.contains(&format!("`{role}`")));
            if ends_session && may {
                continue;
            }
            let authorization = match in_flight {
                true => format!("Bearer {bearer}"),
                false => format!("Token {token}"),
            };
            let (status, body) = served.authorized(&authorization, method, &path, None);
            let denied = status == 403 || status == 401;
            // A handler may refuse what is somebody else's; a role alone never is enough there.
            let others = who == "users" && path.starts_with("/api/users/0");
            assert!(
                denied != may || others,
                "{method} {path} as {roles:?}: {status} {body}"
            );
            asked += 1;
            refused += u32::from(denied);
            // The token of the other door opens none.
            if who != "anyone" {
                let other = match in_flight {
                    true => format!("Token {token}"),
                    false => format!("Bearer {bearer}"),
                };
                let (status, body) = served.authorized(&other, method, &path, None);
                assert!(
                    status == 401 || status == 403,
                    "{method} {path}: {status} {body}"
                );
            }
        }
    }
    assert!(asked > 400, "{asked} requests");
    println!("{asked} requests, {refused} refused");
}
