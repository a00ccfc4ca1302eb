//! Every store through the same trials, and whole runs from and to each: against the servers that
//! `tests/run` starts. A bare `cargo test` names the systems it left out.

use std::path::Path;

use visard_connectors::store::{
    AzureBlobConfig, ConnectionConfig, GcsConfig, MountedShare, S3Config, Secret, Store,
};
use visard_tests::store_suite;

use crate::visard::Visard;

/// A place to run against: the store, and the connection as a pipeline writes it.
struct Place {
    config: ConnectionConfig,
    yaml: String,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The place of this kind with `base` as base directory, if its server runs.
fn place(kind: &str, base: &str, folder: &Path) -> Option<Place> {
    Some(match kind {
        "local" => {
            let base_directory = folder.join(base);
            std::fs::create_dir_all(&base_directory).unwrap();
            let yaml = format!(
                "{{type: mounted_share_connection, base_directory: '{}'}}",
                base_directory.display()
            );
            Place {
                config: ConnectionConfig::MountedShare(MountedShare { base_directory }),
                yaml,
            }
        }
        "s3" => {
            let endpoint = variable("VISARD_TEST_S3_ENDPOINT")?;
            let (key, secret) = (
                variable("VISARD_TEST_S3_KEY")?,
                variable("VISARD_TEST_S3_SECRET")?,
            );
            let bucket = variable("VISARD_TEST_S3_BUCKET")?;
            let yaml = format!(
                "{{type: s3_connection, bucket: {bucket}, base_directory: '{base}', endpoint: '{endpoint}', \
                 region: us-east-1, allow_http: true, access_key_id: '{key}', secret_access_key: '{secret}'}}"
            );
            let config = ConnectionConfig::S3(S3Config {
                bucket,
                base_directory: base.to_owned(),
                region: Some("us-east-1".to_owned()),
                endpoint: Some(endpoint),
                path_style: true,
                access_key_id: Some(key),
                secret_access_key: Some(Secret::new(secret)),
                session_token: None,
                iam_role_arn: None,
                allow_http: true,
            });
            Place { config, yaml }
        }
        "azure" => {
            let connection = variable("VISARD_TEST_AZURE_CONNECTION_STRING")?;
            let container = variable("VISARD_TEST_AZURE_CONTAINER")?;
            let yaml = format!(
                "{{type: azure_blob_connection, container: {container}, base_directory: '{base}', \
                 connection_string: '{connection}'}}"
            );
            let config = ConnectionConfig::AzureBlob(AzureBlobConfig {
                container,
                base_directory: base.to_owned(),
                connection_string: Secret::new(connection),
                emulator: false,
            });
            Place { config, yaml }
        }
        "gcs" => {
            let endpoint = variable("VISARD_TEST_GCS_ENDPOINT")?;
            let bucket = variable("VISARD_TEST_GCS_BUCKET")?;
            let yaml = format!(
                "{{type: gcs_connection, bucket: {bucket}, base_directory: '{base}', endpoint: '{endpoint}'}}"
            );
            let config = ConnectionConfig::Gcs(GcsConfig {
                bucket,
                base_directory: base.to_owned(),
                service_account: None,
                endpoint: Some(endpoint),
            });
            Place { config, yaml }
        }
        other => panic!("{other}"),
    })
}

/// Whether to go on without a server: said aloud, and never under `tests/run`.
fn left_out(kind: &str) {
    assert!(
        variable("VISARD_TEST_SERVERS").is_none(),
        "{kind}: its server is not there"
    );
    println!("left out: {kind}; tests/run starts its server");
}

fn suite(kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let Some(place) = place(kind, "store suite/é", folder.path()) else {
        return left_out(kind);
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(kind, &place.config).await.unwrap();
        store_suite::all(&store).await.unwrap();
        store.settle().await;
    });
}

#[test]
fn local_store() {
    suite("local");
}

#[test]
fn s3_store() {
    suite("s3");
}

#[test]
fn azure_store() {
    suite("azure");
}

#[test]
fn gcs_store() {
    suite("gcs");
}

/// A run from each kind of place to the next one gives the bytes of a local run.
#[test]
fn runs_from_store_to_store() {
    const KINDS: [&str; 4] = ["local", "s3", "azure", "gcs"];
    let visard = Visard::new();
    let mut large = String::from("id,email,note\n");
    for row in 0..300_000 {
        large += &format!("{row},user{row}@unmasked.example,some text about {row}\n");
    }
    let inputs = [
        ("large.csv", large),
        (
            "with space/ünï.csv",
            "id,email,note\n1,a@unmasked.example,x\n".to_owned(),
        ),
        ("empty.csv", String::new()),
        ("header.csv", "id,email,note\n".to_owned()),
    ];
    let mut expected: Option<Vec<(String, Vec<u8>)>> = None;
    for (at, from) in KINDS.iter().enumerate() {
        let to = KINDS[(at + 1) % KINDS.len()];
        let (source, target) = (format!("from {from}"), format!("{from} to {to}"));
        let (Some(source), Some(target)) = (
            place(from, &source, visard.folder.path()),
            place(to, &target, visard.folder.path()),
        ) else {
            left_out(&format!("{from} to {to}"));
            continue;
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for (path, text) in &inputs {
            runtime.block_on(put(&source.config, path, text.as_bytes()));
        }
        visard.pipeline(
            "allow_public: true",
            "- column: email\n  masks: [{type: hash}]",
        );
        let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
        let yaml = yaml
            .replace(
                "{type: mounted_share_connection, base_directory: in}",
                &source.yaml,
            )
            .replace(
                "{type: mounted_share_connection, base_directory: out}",
                &target.yaml,
            );
        visard.write("pipeline.yml", yaml);
        std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
        visard.run(&[]).expect(0);
        let written = runtime.block_on(all_of(&target.config));
        assert_eq!(written.len(), inputs.len(), "{from} to {to}");
        match &expected {
            None => expected = Some(written),
            Some(expected) => assert!(*expected == written, "{from} to {to}: other bytes"),
        }
    }
}

/// A query over each kind of place is answered as over a folder, and says nothing raw.
#[test]
fn queries_over_stores() {
    let mut large = String::from("id,email,country\n");
    for row in 0..50_000 {
        let country = ["NZ", "ES", "PL"][row % 3];
        large += &format!("{row},user{row}@unmasked.example,{country}\n");
    }
    let inputs = [
        ("year=2025/people_1.csv", large.as_str()),
        (
            "with space/people_2.csv",
            "id,email,country\n50000,user7@unmasked.example,NZ\n",
        ),
    ];
    let queries = [
        "SELECT count(*) AS people, count(DISTINCT email) AS emails FROM people",
        "SELECT country, count(*) AS c FROM people GROUP BY country ORDER BY country",
        "SELECT * FROM people WHERE id IN (7, 50000) ORDER BY id",
        "SELECT count(*) AS found FROM people WHERE email LIKE '%unmasked%'",
        "SELECT id FROM people WHERE email = 'user7@unmasked.example'",
        "SELECT p.id FROM people p JOIN people q ON p.email = q.email AND p.id < q.id",
    ];
    let mut expected: Option<Vec<String>> = None;
    for kind in ["local", "s3", "azure", "gcs"] {
        let visard = Visard::new();
        let Some(source) = place(kind, "queried ü", visard.folder.path()) else {
            left_out(kind);
            continue;
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for (path, text) in inputs {
            runtime.block_on(put(&source.config, path, text.as_bytes()));
        }
        visard.pipeline(
            "allow_public: true",
            "- column: email\n  masks: [{type: hash}]",
        );
        let yaml = String::from_utf8(visard.read("pipeline.yml")).unwrap();
        let folder = "{type: mounted_share_connection, base_directory: in}";
        visard.write("pipeline.yml", yaml.replace(folder, &source.yaml));
        let mut answers = vec![];
        for query in queries {
            let ended = visard.sql(&["--format", "json", query]).expect(0);
            for raw in ["unmasked.example", "user7"] {
                assert!(!ended.stdout.contains(raw), "{kind}: {query}");
                assert!(!ended.stderr.contains(raw), "{kind}: {query}");
            }
            answers.push(ended.stdout);
        }
        let alike = r#"{"people":50001,"emails":50000}"#;
        assert_eq!(answers[0].trim(), alike, "{kind}");
        assert_eq!(answers[2].lines().count(), 2, "{kind}");
        assert_eq!(answers[3].trim(), r#"{"found":0}"#, "{kind}");
        assert_eq!(answers[4].trim(), "", "{kind}");
        assert_eq!(answers[5].trim(), r#"{"id":"50000"}"#, "{kind}");
        match &expected {
            None => expected = Some(answers),
            Some(expected) => assert_eq!(expected, &answers, "{kind}"),
        }
        let tables = visard.sql(&["--tables"]).expect(0).stdout;
        assert!(tables.starts_with("people  (2 files"), "{kind}: {tables}");
    }
}

async fn put(config: &ConnectionConfig, path: &str, bytes: &[u8]) {
    let store = Store::open("source", config).await.unwrap();
    let (path, bytes) = (path.to_owned(), bytes.to_vec());
    let staged = tokio::task::spawn_blocking(move || {
        use std::io::Write;
        let mut output = store.create(&path, bytes.len() as u64).unwrap();
        output.write_all(&bytes).unwrap();
        output.stage().unwrap()
    });
    staged.await.unwrap().commit().await.unwrap();
}

async fn all_of(config: &ConnectionConfig) -> Vec<(String, Vec<u8>)> {
    let store = Store::open("target", config).await.unwrap();
    let objects = store.list().await.unwrap();
    tokio::task::spawn_blocking(move || {
        objects
            .into_iter()
            .map(|object| {
                let reader = store.reader(&object).unwrap();
                let bytes = match object.size {
                    0 => Vec::new(),
                    size => reader.read(0..size).unwrap().to_vec(),
                };
                (object.path, bytes)
            })
            .collect()
    })
    .await
    .unwrap()
}
