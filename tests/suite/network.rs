//! Bad networks between visard and S3, by a proxy of ours: never a truncated output, never an unmasked
//! row, never a wrong exit code; and once the network is well again, `--resume` ends the work.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use visard_connectors::store::{ConnectionConfig, S3Config, Secret, Store};
use visard_tests::proxy::Proxy;

use crate::visard::Visard;

const MARK: &str = "@unmasked.example";

/// An S3 bucket behind a proxy, with inputs below `from` and outputs below `to`.
struct Bucket {
    proxy: Proxy,
    visard: Visard,
    direct: S3Config,
    files: usize,
}

impl Bucket {
    /// `None` where the server is not there; `tests/run` starts it.
    fn with(name: &str) -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(endpoint) = variable("VISARD_TEST_S3_ENDPOINT") else {
            let under_run = variable("VISARD_TEST_SERVERS").is_some();
            assert!(!under_run, "{name}: its server is not there");
            println!("left out: {name}; tests/run starts its server");
            return None;
        };
        let proxy = Proxy::start(endpoint.trim_start_matches("http://")).unwrap();
        let direct = S3Config {
            bucket: variable("VISARD_TEST_S3_BUCKET")?,
            base_directory: name.to_owned(),
            region: Some("us-east-1".to_owned()),
            endpoint: Some(endpoint),
            path_style: true,
            access_key_id: variable("VISARD_TEST_S3_KEY"),
            secret_access_key: variable("VISARD_TEST_S3_SECRET").map(Secret::new),
            allow_http: true,
            ..S3Config::default()
        };
        let mut bucket = Self {
            proxy,
            visard: Visard::new(),
            direct,
            files: 4,
        };
        bucket.fill();
        Some(bucket)
    }

    fn fill(&mut self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for file in 0..self.files {
            let mut text = String::from("id,email\n");
            for row in 0..60_000 * (file % 2 + 1) {
                text += &format!("{row},user{row}{MARK}\n");
            }
            self.visard.write(&format!("in/file {file}.csv"), &text);
            runtime.block_on(self.put("from", &format!("file {file}.csv"), text.into_bytes()));
        }
        self.visard.pipeline(
            "allow_public: true",
            "- column: email\n  masks: [{type: hash}]",
        );
        self.visard.run(&[]).expect(0);
        std::fs::remove_dir_all(self.visard.path("run")).unwrap();
        let place = |below: &str| {
            format!(
                "{{type: s3_connection, bucket: {}, base_directory: '{}/{below}', endpoint: '{}', region: us-east-1, \
                 allow_http: true, access_key_id: '{}', secret_access_key: '{}'}}",
                self.direct.bucket,
                self.direct.base_directory,
                self.proxy.endpoint(),
                self.direct.access_key_id.as_deref().unwrap_or_default(),
                self.direct
                    .secret_access_key
                    .as_ref()
                    .map(Secret::expose)
                    .unwrap_or_default(),
            )
        };
        let yaml = String::from_utf8(self.visard.read("pipeline.yml")).unwrap();
        let yaml = yaml
            .replace(
                "{type: mounted_share_connection, base_directory: in}",
                &place("from"),
            )
            .replace(
                "{type: mounted_share_connection, base_directory: out}",
                &place("to"),
            );
        self.visard.write("pipeline.yml", yaml);
    }

    async fn store(&self, below: &str) -> Store {
        let mut config = self.direct.clone();
        config.base_directory = format!("{}/{below}", config.base_directory);
        Store::open("direct", &ConnectionConfig::S3(config))
            .await
            .unwrap()
    }

    async fn put(&self, below: &str, path: &str, bytes: Vec<u8>) {
        let (store, path) = (self.store(below).await, path.to_owned());
        let staged = tokio::task::spawn_blocking(move || {
            use std::io::Write;
            let mut output = store.create(&path, bytes.len() as u64).unwrap();
            output.write_all(&bytes).unwrap();
            output.stage().unwrap()
        });
        staged.await.unwrap().commit().await.unwrap();
    }

    /// Removes what is at the destination.
    async fn clear(&self) {
        let store = self.store("to").await;
        for object in store.list().await.unwrap() {
            store.delete(&object.path).await.unwrap();
        }
    }

    /// Waits until a run has planned what it does and is at work.
    fn wait_for_work(&self) {
        let journal = self.visard.path("run/journal.jsonl");
        while !std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"unit\"")) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// What is at the destination is whole, masked, and what a local run gives; how many files that is.
    fn check_outputs(&self) -> usize {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = runtime.block_on(self.store("to"));
        let objects = runtime.block_on(store.list()).unwrap();
        for object in &objects {
            let reader = store.reader(object).unwrap();
            let bytes = runtime.block_on(async {
                let size = object.size;
                tokio::task::spawn_blocking(move || reader.read(0..size).unwrap())
                    .await
                    .unwrap()
            });
            assert!(
                !bytes
                    .windows(MARK.len())
                    .any(|window| window == MARK.as_bytes())
            );
            let local = self
                .visard
                .read(Path::new("out").join(&object.path).to_str().unwrap());
            assert!(bytes == local, "{} differs from a local run", object.path);
        }
        objects.len()
    }

    /// Runs under faults, then without: in the end everything is there.
    fn run_and_resume(&self) {
        let ended = self.visard.run(&[]);
        let there = self.check_outputs();
        match ended.code {
            Some(0) => assert_eq!(there, self.files),
            Some(3) => assert!(there > 0 && there < self.files, "{there}"),
            Some(1) => assert_eq!(there, 0),
            // Refused before it began: not even the list could be read.
            Some(2) => assert_eq!(there, 0),
            other => panic!("{other:?}\n{}", ended.stderr),
        }
        for fault in [
            &self.proxy.faults.unavailable_every,
            &self.proxy.faults.cut_after,
            &self.proxy.faults.bytes_per_second,
        ] {
            fault.store(0, Relaxed);
        }
        if ended.code != Some(0) {
            let resume: &[&str] = match self.visard.path("run/journal.jsonl").exists() {
                true => &["--resume"],
                false => &[],
            };
            self.visard.run(resume).expect(0);
        }
        assert_eq!(self.check_outputs(), self.files);
    }
}

#[test]
fn answers_of_503_are_tried_again() {
    let Some(bucket) = Bucket::with("unavailable") else {
        return;
    };
    bucket.proxy.faults.unavailable_every.store(3, Relaxed);
    bucket.run_and_resume();
    assert!(bucket.proxy.connections() > 3, "the proxy was in the way");
}

#[test]
fn connections_cut_anywhere() {
    let Some(bucket) = Bucket::with("cut") else {
        return;
    };
    for (round, cut_after) in [200u64, 5_000, 300_000, 1_500_000].into_iter().enumerate() {
        bucket.proxy.faults.cut_after.store(cut_after, Relaxed);
        bucket
            .proxy
            .faults
            .cuts_left
            .store(3 + round as u64, Relaxed);
        bucket.run_and_resume();
        std::fs::remove_dir_all(bucket.visard.path("run")).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(bucket.clear());
    }
}

#[test]
fn a_slow_store_is_waited_for() {
    let Some(bucket) = Bucket::with("slow") else {
        return;
    };
    bucket.proxy.faults.bytes_per_second.store(6 << 20, Relaxed);
    bucket.visard.run(&[]).expect(0);
    assert_eq!(bucket.check_outputs(), bucket.files);
}

/// The store turns away what it took a moment ago; new credentials are no other run.
#[test]
fn credentials_that_expire() {
    let Some(bucket) = Bucket::with("expired") else {
        return;
    };
    bucket.proxy.faults.bytes_per_second.store(1 << 20, Relaxed);
    let child = bucket.visard.start(&[]);
    bucket.wait_for_work();
    std::thread::sleep(std::time::Duration::from_millis(300));
    bucket.proxy.faults.expired.store(true, Relaxed);
    let ended = crate::visard::Ended::of(child.wait_with_output().unwrap());
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    assert!(ended.stderr.contains("ExpiredToken"), "{}", ended.stderr);
    bucket.check_outputs();
    bucket.proxy.faults.expired.store(false, Relaxed);
    bucket.proxy.faults.bytes_per_second.store(0, Relaxed);
    bucket.visard.run(&["--resume"]).expect(0);
    assert_eq!(bucket.check_outputs(), bucket.files);
}

/// Credentials that live for seconds are asked for again and again; when there are none any more,
/// the run ends as after any other failure.
#[test]
fn credentials_that_are_renewed() {
    let Some(bucket) = Bucket::with("renewed") else {
        return;
    };
    let yaml = String::from_utf8(bucket.visard.read("pipeline.yml")).unwrap();
    let key = bucket.direct.access_key_id.as_deref().unwrap_or_default();
    let secret = bucket.direct.secret_access_key.as_ref().map(Secret::expose);
    let secret = secret.unwrap_or_default();
    let given = format!(", access_key_id: '{key}', secret_access_key: '{secret}'");
    assert!(yaml.contains(&given));
    bucket
        .visard
        .write("pipeline.yml", yaml.replace(&given, ""));
    let script = format!(
        "#!/bin/sh\ncd '{}'\necho asked >> asked\n[ ! -e none ] || exit 1\n\
         printf '{{\"Version\":1,\"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"{secret}\",\"Expiration\":\"%s\"}}' \
         \"$(date -u -d '+2 seconds' +%FT%TZ)\"\n",
        bucket.visard.folder.path().display()
    );
    let script = bucket.visard.write("credentials.sh", script);
    let config = format!("[default]\ncredential_process = sh {}\n", script.display());
    let config = bucket.visard.write("aws-config", config);
    let run = |more: &[&str]| {
        let mut command = bucket.visard.run_command(more);
        command.env("AWS_CONFIG_FILE", &config);
        crate::visard::Ended::of(command.output().unwrap())
    };

    bucket.proxy.faults.bytes_per_second.store(2 << 20, Relaxed);
    run(&[]).expect(0);
    assert_eq!(bucket.check_outputs(), bucket.files);
    let asked = bucket.visard.read("asked").len() / "asked\n".len();
    assert!(asked > 2, "{asked}");
    println!("credentials were asked for {asked} times");

    std::fs::remove_dir_all(bucket.visard.path("run")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(bucket.clear());
    bucket.proxy.faults.bytes_per_second.store(1 << 20, Relaxed);
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&[]));
        bucket.wait_for_work();
        bucket.visard.write("none", "");
        run.join().unwrap()
    });
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    bucket.check_outputs();
    std::fs::remove_file(bucket.visard.path("none")).unwrap();
    bucket.proxy.faults.bytes_per_second.store(0, Relaxed);
    run(&["--resume"]).expect(0);
    assert_eq!(bucket.check_outputs(), bucket.files);
}

/// Only in long runs: the store is given three minutes to come back.
#[test]
fn a_destination_that_vanishes_fails_the_run() {
    if std::env::var_os("VISARD_TEST_LONG").is_none() {
        println!("left out: tests/run --long waits for a store that is gone");
        return;
    }
    let Some(bucket) = Bucket::with("gone") else {
        return;
    };
    bucket.proxy.faults.bytes_per_second.store(1 << 20, Relaxed);
    let child = bucket.visard.start(&[]);
    while !bucket.visard.path("run/journal.jsonl").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    bucket.proxy.faults.gone.store(true, Relaxed);
    let ended = crate::visard::Ended::of(child.wait_with_output().unwrap());
    assert!(matches!(ended.code, Some(1..=3)), "{ended:?}");
    bucket.proxy.faults.gone.store(false, Relaxed);
    bucket.run_and_resume();
}
