//! A server, and requests to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::visard::Visard;

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
        Self::of(&mut Self::command(visard, "server", more))
    }

    /// The command of a server that keeps its data in `data`.
    pub fn command(visard: &Visard, data: &str, more: &[&str]) -> Command {
        let args = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
        let mut command = visard.command(&[&args, more].concat());
        command
            .env("AWS_ENDPOINT_URL_S3", variable("VISARD_TEST_S3_ENDPOINT"))
            .env("AWS_ACCESS_KEY_ID", variable("VISARD_TEST_S3_KEY"))
            .env("AWS_SECRET_ACCESS_KEY", variable("VISARD_TEST_S3_SECRET"))
            .env("AWS_REGION", "us-east-1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// The server that `command` starts.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
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

    /// The body of an answer that has to have this status.
    #[track_caller]
    pub fn expect(
        &self,
        status: u16,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let (found, body) = self.call(Some(token), method, path, body);
        assert_eq!(found, status, "{method} {path}: {body}");
        body
    }

    /// What a run is asked by that masks the column `name` of the files in `share/in` by `masks`, and writes them to
    /// `share/out`: with connections and a ruleset that are made for it.
    pub fn file_run(&self, token: &str, visard: &Visard, masks: &str) -> Value {
        let made = |path: &str, body: Value| {
            self.expect(201, token, "POST", path, Some(body))["id"].clone()
        };
        let [source, destination] = ["in", "out"].map(|name| {
            let connection = json!({
                "name": name, "version": "1.0", "mask_type": "file", "type": "mounted_share_connection",
                "base_directory": visard.path("share").join(name),
                "is_file_mask_source": name == "in", "is_file_mask_destination": name == "out",
            });
            made("/api/connections/", connection)
        });
        let yaml = format!(
            "version: '1.0'\ntasks:\n  - type: mask_tabular_file\n    rules:\n      - column: name\n        \
             masks: {masks}\n"
        );
        let ruleset = json!({"name": "names", "config_yaml": yaml, "mask_type": "file"});
        json!({
            "connection": source, "destination_connection": destination, "mask_type": "file",
            "ruleset": made("/api/rulesets/", ruleset),
        })
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
        self.logged_in("/api/auth/token/login/", "key")
    }

    /// A token of the admin for in-flight masking.
    pub fn login_in_flight(&self) -> String {
        self.logged_in("/api/auth/jwt/login/", "access_token")
    }

    fn logged_in(&self, path: &str, key: &str) -> String {
        let login = json!({"username": "admin", "password": PASSWORD});
        let (status, body) = self.call(None, "POST", path, Some(login));
        assert_eq!(status, 200, "{body}");
        body[key].as_str().unwrap().to_owned()
    }

    /// Sends it a signal, such as `-HUP`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Ends it with SIGKILL, as a crash does.
    pub fn crash(mut self) {
        self.kill();
    }

    /// The same for one that others still speak to.
    pub fn kill(&mut self) {
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
