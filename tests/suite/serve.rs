//! The server, as its clients meet it.
//!
//! `serve/datamasque.py` is what the official clients do; it needs them, PostgreSQL and two buckets, which
//! `tests/run` brings.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
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
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Token {token}"));
        }
        if let Some(body) = body {
            let body = body.to_string();
            request = request.header("content-type", "application/json").body(body);
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
        println!("left out: VISARD_TEST_PYTHON names no Python with the official clients");
    }
    found
}

#[test]
fn official_clients_do_their_whole_work() {
    let Some(python) = python() else {
        return;
    };
    let visard = Visard::new();
    let share = visard.path("share");
    std::fs::create_dir(&share).unwrap();
    let served = Served::start(&visard, &["--root", "share"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/serve/datamasque.py");
    let output = Command::new(python)
        .arg(script)
        .arg(&served.url)
        .arg(&share)
        .output()
        .unwrap();
    let ended = Ended::of(output).expect(0);
    assert!(ended.stdout.contains("methods of the official clients called"));
    print!("{}", ended.stdout);
}
