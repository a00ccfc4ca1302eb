//! Servers that are killed while many clients upload: what was acknowledged is there afterwards with its bytes, of
//! the rest all or nothing, and the data folder holds no file that nobody names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use super::Served;
use super::uploads::{Upload, What, is_whole, seed_of};
use crate::databases::Random;
use crate::postgres::Trial;
use crate::visard::Visard;

/// Clients at once.
const CLIENTS: u64 = 8;
/// Runs that are begun before a kill, at most: each is to come to its end afterwards.
const RUNS: usize = 2;
/// How long a server may take for what it finds to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Kinds of documents, as paths have them.
const KINDS: [&str; 4] = ["seeds", "connection-filesets", "rulesets", "connections"];

/// What clients sent, and what of it was acknowledged.
#[derive(Default)]
struct Sent {
    all: BTreeSet<Upload>,
    acknowledged: BTreeSet<Upload>,
    runs: BTreeSet<i64>,
}

impl Sent {
    /// How many uploads of each kind were acknowledged.
    fn counts(&self) -> [(What, usize); What::ALL.len()] {
        What::ALL.map(|what| {
            let of_kind = self
                .acknowledged
                .iter()
                .filter(|upload| upload.what == what);
            (what, of_kind.count())
        })
    }
}

/// A server that is killed again and again, and its things.
struct Trials {
    visard: Visard,
    /// Its database, where it has one.
    store: Option<Trial>,
    runtime: Runtime,
    token: String,
    /// What a run is asked by, and the connections and the ruleset in it.
    run: Value,
    sent: Arc<Mutex<Sent>>,
}

impl Trials {
    fn new(store: Option<Trial>) -> Self {
        let visard = Visard::new();
        visard.write("share/in/people.csv", "id,name\n1,Ann\n2,Bob\n");
        std::fs::create_dir(visard.path("share/out")).unwrap();
        let mut trials = Self {
            visard,
            store,
            runtime: Runtime::new().unwrap(),
            token: String::new(),
            run: Value::Null,
            sent: Arc::default(),
        };
        let served = trials.serve();
        trials.token = served.installed();
        trials.run = served.file_run(&trials.token, &trials.visard, "[{type: hash}]");
        trials
    }

    fn serve(&self) -> Served {
        let mut args = vec!["--root".to_owned(), "share".to_owned()];
        if let Some(store) = &self.store {
            args.extend(["--store".to_owned(), store.url()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Served::start(&self.visard, &args)
    }

    /// Has clients upload until the server is killed, `after` they began.
    fn killed(&self, round: u64, mut served: Served, after: Duration) {
        let clients = (0..CLIENTS).map(|number| {
            let client = Client {
                url: served.url.clone(),
                authorization: format!("Token {}", self.token),
                client: reqwest::Client::new(),
                sent: Arc::clone(&self.sent),
            };
            let run = (number == 0).then(|| self.run.clone());
            self.runtime
                .spawn(client.work(round * CLIENTS + number, run))
        });
        let clients: Vec<_> = clients.collect();
        std::thread::sleep(after);
        served.kill();
        for client in clients {
            self.runtime.block_on(client).unwrap();
        }
    }

    /// Looks at what a server finds that was killed.
    fn check(&self, served: &Served) {
        let sent = self.sent.lock().unwrap();
        let mut found = BTreeSet::new();
        for kind in KINDS {
            let digests = (kind == "seeds").then(|| self.digests());
            let path = format!("/api/{kind}/");
            let listed = served.expect(200, &self.token, "GET", &path, None);
            for document in listed.as_array().unwrap() {
                let name = document["name"].as_str().unwrap();
                if ["in", "out", "names"].contains(&name) {
                    continue;
                }
                assert!(is_whole(kind, document), "{kind} {name}");
                if let Some(digests) = &digests {
                    let digest = hex(&Sha256::digest(seed_of(name)));
                    assert_eq!(digests.get(name), Some(&digest), "{kind} {name}");
                }
                found.insert((kind, name.to_owned()));
            }
        }
        for upload in &sent.all {
            let documents = upload.documents();
            let there = documents.iter().filter(|document| found.remove(document));
            let there = there.count();
            let is_acknowledged = sent.acknowledged.contains(upload);
            assert!(
                there == documents.len() || (there == 0 && !is_acknowledged),
                "{there} of {documents:?}, acknowledged: {is_acknowledged}"
            );
        }
        assert!(found.is_empty(), "nobody sent {found:?}");
        let runs = served.expect(200, &self.token, "GET", "/api/runs/", None);
        let runs = runs.as_array().unwrap().iter();
        let runs: BTreeSet<i64> = runs.map(|run| run["id"].as_i64().unwrap()).collect();
        assert!(sent.runs.is_subset(&runs), "{:?} of {runs:?}", sent.runs);
        let runs: Vec<i64> = runs.into_iter().collect();
        // Rulesets whose validation was cut off are validated again, and lie in the temporary folder meanwhile.
        let begun = Instant::now();
        while !without_a_name(&self.visard, &runs).is_empty() {
            let left = without_a_name(&self.visard, &runs);
            let is_work = left.iter().all(|file| file.starts_with("tmp/"));
            assert!(is_work && begun.elapsed() < PATIENCE, "{left:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Hashes of the stored seed files, by their names.
    fn digests(&self) -> BTreeMap<String, String> {
        if let Some(store) = &self.store {
            let rows = store.rows(
                "SELECT name, encode(sha256(content), 'hex') FROM public.documents WHERE kind = 'seed'",
            );
            let rows = rows.iter().map(|row| row.split_once('|').unwrap());
            return rows
                .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
                .collect();
        }
        let file = rusqlite::Connection::open(self.visard.path("server/visard.sqlite")).unwrap();
        let sql = "SELECT name, content FROM documents WHERE kind = 'seed'";
        let mut statement = file.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let content: Vec<u8> = row.get(1)?;
            Ok((row.get(0)?, hex(&Sha256::digest(content))))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// All runs come to their end, and leave nothing but their journals and reports.
    fn runs_end(&self, served: &Served) {
        let begun = Instant::now();
        loop {
            let runs = served.expect(200, &self.token, "GET", "/api/runs/", None);
            let is_over = |run: &Value| {
                let status = run["status"].as_str().unwrap();
                let given_up = run["error_message"]
                    .as_str()
                    .is_some_and(|why| why.contains("5 times"));
                assert!(status != "failed" || given_up, "{run}");
                ["finished", "failed"].contains(&status)
            };
            if runs.as_array().unwrap().iter().all(is_over) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{runs}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.visard.files("share/out"), ["people.csv"]);
    }
}

/// One of many clients.
struct Client {
    url: String,
    authorization: String,
    client: reqwest::Client,
    sent: Arc<Mutex<Sent>>,
}

impl Client {
    /// Uploads one thing after the other, and begins runs where it has one to begin, until the server is gone.
    async fn work(self, seed: u64, run: Option<Value>) {
        let mut random = Random(seed);
        for number in 0.. {
            if let Some(run) = run.as_ref().filter(|_| number < RUNS) {
                let body = run.to_string().into_bytes();
                let Some((status, answer)) =
                    self.post("/api/runs/", "application/json", body).await
                else {
                    return;
                };
                assert_eq!(status, 201, "{answer}");
                let answer: Value = serde_json::from_str(&answer).unwrap();
                self.sent
                    .lock()
                    .unwrap()
                    .runs
                    .insert(answer["id"].as_i64().unwrap());
            }
            let what = What::ALL[random.below(What::ALL.len() as u64) as usize];
            let name = format!("upload-{seed}-{number}");
            let upload = Upload { what, name };
            let request = upload.request();
            self.sent.lock().unwrap().all.insert(upload.clone());
            let answered = self.post(request.path, &request.content_type, request.body);
            let Some((status, answer)) = answered.await else {
                return;
            };
            assert_eq!(status, request.status, "{upload:?}: {answer}");
            self.sent.lock().unwrap().acknowledged.insert(upload);
        }
    }

    /// Status and body of an answer; nothing where the server went before all of it came.
    async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Option<(u16, String)> {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request
            .header("authorization", &self.authorization)
            .header("content-type", content_type);
        let answer = request.body(body).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }
}

/// Files of a data folder that neither `docs/serving.md` names nor one of these runs has.
pub fn without_a_name(visard: &Visard, runs: &[i64]) -> Vec<String> {
    let named = [
        "instance-secret",
        "lock",
        "logs/server.jsonl",
        "node",
        "server-key",
        "visard.sqlite",
        "visard.sqlite-shm",
        "visard.sqlite-wal",
    ];
    let mut files = visard.files("server");
    files.retain(|file| {
        let of_run = file
            .strip_prefix("runs/")
            .and_then(|rest| rest.split_once('/'));
        let of_run =
            of_run.is_some_and(|(run, _)| runs.iter().any(|known| known.to_string() == run));
        !of_run && !named.contains(&file.as_str())
    });
    files
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Rounds of uploads and kills.
fn uploads_outlive_kills(what: &str, store: Option<Trial>, limit: Duration) {
    let (most, limit) = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => (100, Duration::from_secs(900)),
        None => (30, limit),
    };
    let trials = Trials::new(store);
    let mut random = Random(5);
    let begun = Instant::now();
    let mut kills = 0;
    let is_telling = || {
        let counts = trials.sent.lock().unwrap().counts();
        counts.iter().all(|(_, count)| *count > 0)
    };
    // On a busy machine a round takes long, and some are needed all the same.
    while kills < most && (begun.elapsed() < limit || kills < 4 || !is_telling()) {
        let served = trials.serve();
        trials.check(&served);
        let after = Duration::from_millis(20 + random.below(1500 + 300 * kills));
        trials.killed(kills, served, after);
        kills += 1;
    }
    assert!(is_telling(), "{:?}", trials.sent.lock().unwrap().counts());
    let served = trials.serve();
    trials.check(&served);
    trials.runs_end(&served);
    drop(served);
    // What a run was given goes at its end, or with the next start.
    let served = trials.serve();
    trials.check(&served);
    let given = trials.visard.files("server/runs");
    let given = given.iter().filter(|file| file.contains("/given/"));
    assert_eq!(given.count(), 0);
    drop(served);

    let sent = trials.sent.lock().unwrap();
    let acknowledged = sent.acknowledged.iter().flat_map(Upload::documents);
    let acknowledged: Vec<_> = acknowledged.collect();
    println!(
        "{what}: {kills} kills, {} of {} uploads acknowledged: {:?}, and {} runs",
        sent.acknowledged.len(),
        sent.all.len(),
        sent.counts(),
        sent.runs.len()
    );
    let url = trials.store.as_ref().map(Trial::url);
    let store: Vec<&str> = url.iter().flat_map(|url| ["--store", url]).collect();
    let audit = ["audit", "verify", "--data", "server"];
    trials.visard.call(&[&audit[..], &store].concat()).expect(0);
    if let Some(store) = &trials.store {
        store.sql("UPDATE public.nodes SET heartbeat = '2020'");
    }
    // It opens all that is sealed.
    let rotated = ["serve", "rotate-key", "--data", "server"];
    let told = trials
        .visard
        .call(&[&rotated[..], &store].concat())
        .expect(0);
    let sealed: usize = told.stderr.split_once(' ').unwrap().0.parse().unwrap();
    let of = |kind: &str| acknowledged.iter().filter(|(of, _)| *of == kind).count();
    assert!(
        sealed > of("connections") + of("connection-filesets"),
        "{}",
        told.stderr
    );
}

#[test]
fn uploads_outlive_kills_of_the_server() {
    uploads_outlive_kills("in a file", None, Duration::from_secs(20));
}

#[test]
fn uploads_outlive_kills_of_the_server_in_postgres() {
    let Some(store) = Trial::in_own_database() else {
        return;
    };
    uploads_outlive_kills("in PostgreSQL", Some(store), Duration::from_secs(15));
}
