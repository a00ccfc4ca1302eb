//! Runs of the server through crashes of it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::serve::Served;
use crate::visard::Visard;

/// Rows of the file that is masked: enough to be at work for a while.
const ROWS: usize = 400_000;

/// A folder with a large file beside small ones, and a server with a ruleset for them.
struct Runs {
    visard: Visard,
    served: Served,
    token: String,
    request: Value,
}

impl Runs {
    fn new() -> Self {
        let visard = Visard::new();
        let rows: String = (0..ROWS).map(|row| format!("{row},name {row}\n")).collect();
        visard.write("share/in/large.csv", format!("id,name\n{rows}"));
        for small in 0..20 {
            let name = format!("share/in/small{small}.csv");
            visard.write(&name, "id,name\n1,Ann\n2,Bob\n");
        }
        std::fs::create_dir(visard.path("share/out")).unwrap();
        let served = Served::start(&visard, &["--root", "share"]);
        let token = served.installed();
        let request = served.file_run(&token, &visard, "[{type: person_name}, {type: hash}]");
        Self {
            visard,
            served,
            token,
            request,
        }
    }

    fn begin(&self) -> i64 {
        let request = Some(self.request.clone());
        let (status, run) = self
            .served
            .call(Some(&self.token), "POST", "/api/runs/", request);
        assert_eq!(status, 201, "{run}");
        run["id"].as_i64().unwrap()
    }

    fn run(&self, run: i64) -> Value {
        let path = format!("/api/runs/{run}/");
        let (status, body) = self.served.call(Some(&self.token), "GET", &path, None);
        assert_eq!(status, 200, "{body}");
        body
    }

    fn wait(&self, run: i64, wanted: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.run(run);
            let status = found["status"].as_str().unwrap();
            if wanted.contains(&status) {
                return found;
            }
            let ended = ["finished", "failed", "cancelled"].contains(&status);
            assert!(
                !ended && begun.elapsed() < Duration::from_secs(120),
                "{found}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a run has written a part of the large file.
    fn writes(&self, run: i64) {
        self.wait(run, &["running"]);
        let begun = Instant::now();
        let is_large = |file: &String| {
            let path = self.visard.path("share/out").join(file);
            std::fs::metadata(path).is_ok_and(|found| found.len() > 10_000)
        };
        while !self.temp_files().iter().any(is_large) {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "{}",
                self.run(run)
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn cancel(&self, run: i64) {
        let path = format!("/api/runs/{run}/cancel/");
        let (status, body) = self.served.call(Some(&self.token), "POST", &path, None);
        assert_eq!(status, 201, "{body}");
    }

    fn temp_files(&self) -> Vec<String> {
        temp_files(&self.visard)
    }

    /// The server again, on the same data, after a crash.
    fn again(self) -> Self {
        self.again_behind(|_| ())
    }

    /// The same, with something done while it is down.
    fn again_behind(self, meanwhile: impl FnOnce(&Visard)) -> Self {
        let Self {
            visard,
            served,
            request,
            ..
        } = self;
        served.crash();
        meanwhile(&visard);
        let served = Served::start(&visard, &["--root", "share"]);
        Self {
            token: served.login(),
            visard,
            served,
            request,
        }
    }

    fn is_masked(&self) {
        let files = self.visard.files("share/out");
        assert_eq!(files.len(), 21, "{files:?}");
        for file in files {
            let (before, after) = ["in", "out"]
                .map(|folder| self.visard.read(&format!("share/{folder}/{file}")))
                .into();
            let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(lines(&after), lines(&before), "{file}");
            assert_ne!(after, before, "{file}");
        }
    }
}

/// Files at the destination that are not whole.
fn temp_files(visard: &Visard) -> Vec<String> {
    let mut files = visard.files("share/out");
    files.retain(|file| file.starts_with(".visard-"));
    files
}

#[test]
fn runs_go_on_after_a_crash() {
    let mut runs = Runs::new();
    let (first, behind) = (runs.begin(), runs.begin());
    for _ in 0..3 {
        runs.wait(first, &["validating", "running", "finished"]);
        runs = runs.again();
    }
    for run in [first, behind] {
        let ended = runs.wait(run, &["finished"]);
        assert_eq!(ended["error_message"], Value::Null, "{ended}");
    }
    runs.is_masked();
    let path = format!("/api/runs/{first}/run-report/");
    let (status, report) = runs.served.call(Some(&runs.token), "GET", &path, None);
    assert_eq!(status, 200);
    assert_eq!(report.as_str().unwrap().lines().count(), 22, "{report}");
    let Runs { visard, served, .. } = runs;
    drop(served);
    visard
        .call(&["audit", "verify", "--data", "server"])
        .expect(0);
}

#[test]
fn a_run_that_is_cancelled_stays_so_through_a_crash() {
    let runs = Runs::new();
    let (first, behind) = (runs.begin(), runs.begin());
    runs.writes(first);
    for run in [behind, first] {
        runs.cancel(run);
    }
    let runs = runs.again();
    for run in [first, behind] {
        runs.wait(run, &["cancelled"]);
    }
    // What it had begun to write is gone by then, and what it wrote is whole.
    assert_eq!(runs.temp_files(), [""; 0]);
    // The connection is free again.
    let next = runs.begin();
    runs.wait(next, &["finished"]);
    runs.is_masked();
}

/// The server is killed before it comes to what the user asked for, and again while it cleans up.
#[test]
fn what_a_cancelled_run_left_is_removed_however_often_the_server_is_killed() {
    let mut runs = Runs::new();
    let first = runs.begin();
    runs.writes(first);
    runs = runs.again_behind(|visard| {
        assert_ne!(temp_files(visard), [""; 0]);
        let store = visard.path("server/visard.sqlite");
        let store = rusqlite::Connection::open(store).unwrap();
        let cancelled = "UPDATE runs SET status = 'cancelling' WHERE id = ?";
        assert_eq!(store.execute(cancelled, [first]).unwrap(), 1);
    });
    for _ in 0..3 {
        runs = runs.again();
    }
    let ended = runs.wait(first, &["cancelled"]);
    assert_eq!(ended["error_message"], Value::Null, "{ended}");
    assert_eq!(runs.temp_files(), [""; 0]);
}
