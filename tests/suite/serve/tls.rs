//! TLS: who gets in, and how a certificate is exchanged.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client, ClientBuilder};
use tokio::runtime::Runtime;

use super::Served;
use crate::visard::Visard;

/// How long a change of the files may go unnoticed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with authorities, certificates and a server that has one.
struct Trial {
    visard: Visard,
    runtime: Runtime,
}

impl Trial {
    /// `None` where there is no `openssl`.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
            assert!(!under_run, "openssl is not there");
            println!("left out: tests/run installs openssl");
            return None;
        }
        let trial = Self {
            visard: Visard::new(),
            runtime: Runtime::new().unwrap(),
        };
        for authority in ["authority", "stranger"] {
            trial.made(authority, &["-addext", "keyUsage=critical,keyCertSign"]);
        }
        for name in ["first", "second", "third"] {
            trial.made(
                name,
                &[
                    "-CA",
                    "authority.pem",
                    "-CAkey",
                    "authority.key",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                    "-addext",
                    "subjectAltName=IP:127.0.0.1,DNS:localhost",
                ],
            );
        }
        trial.exchange("first");
        Some(trial)
    }

    /// A new key, and a certificate of it.
    fn made(&self, name: &str, more: &[&str]) {
        let output = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ])
            .args(["-nodes", "-days", "30", "-subj", &format!("/CN={name}")])
            .args([
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ])
            .args(more)
            .current_dir(self.visard.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    /// Has the files of the server be those called `name`.
    fn exchange(&self, name: &str) {
        for end in ["key", "pem"] {
            let bytes = self.visard.read(&format!("{name}.{end}"));
            self.replace(&format!("tls.{end}"), &bytes);
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) {
        let aside = self.visard.write("aside", bytes);
        std::fs::rename(aside, self.visard.path(name)).unwrap();
    }

    fn serve(&self) -> Served {
        let args = ["--tls-cert", "tls.pem", "--tls-key", "tls.key"];
        let served = Served::start(&self.visard, &args);
        assert!(
            served.url.starts_with("https://127.0.0.1:"),
            "{}",
            served.url
        );
        served
    }

    /// A client that trusts this authority alone.
    fn trusting(&self, authority: &str) -> Client {
        let pem = self.visard.read(&format!("{authority}.pem"));
        let trusted = Certificate::from_pem(&pem).unwrap();
        let builder: ClientBuilder = Client::builder();
        let builder = builder.tls_built_in_root_certs(false).tls_info(true);
        builder.add_root_certificate(trusted).build().unwrap()
    }

    /// The certificate of the connection over which an answer came, or why none came.
    fn ask(&self, client: &Client, url: &str) -> Result<Vec<u8>, String> {
        let answer = client.get(format!("{url}/api/healthcheck/")).send();
        let answer = self
            .runtime
            .block_on(answer)
            .map_err(|error| format!("{error:?}"))?;
        assert_eq!(answer.status(), 200);
        let info: Option<&TlsInfo> = answer.extensions().get();
        let certificate = info.and_then(TlsInfo::peer_certificate).unwrap().to_vec();
        self.runtime.block_on(answer.bytes()).unwrap();
        Ok(certificate)
    }

    /// Waits until new connections have the certificate `name`, which open ones need not.
    fn wait_for(&self, served: &Served, name: &str) {
        let begun = Instant::now();
        let wanted = der(&self.visard.path(format!("{name}.pem")));
        // Each client makes a connection of its own.
        while self.ask(&self.trusting("authority"), &served.url).unwrap() != wanted {
            assert!(begun.elapsed() < PATIENCE, "{name}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the log of the server tells of something; how often it has by then.
    fn told(&self, what: &str, times: usize) {
        let begun = Instant::now();
        loop {
            let log = String::from_utf8(self.visard.read("server/logs/server.jsonl")).unwrap();
            if log.matches(what).count() >= times {
                assert!(!log.contains("PRIVATE KEY"), "{log}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The bytes of a certificate in PEM.
fn der(pem: &Path) -> Vec<u8> {
    let pem = std::fs::read_to_string(pem).unwrap();
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let text: String = lines.collect();
    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
}

#[test]
fn who_trusts_the_certificate_gets_in() {
    let Some(trial) = Trial::new() else { return };
    let served = trial.serve();
    let client = trial.trusting("authority");
    let certificate = trial.ask(&client, &served.url).unwrap();
    assert_eq!(certificate, der(&trial.visard.path("first.pem")));
    let refused = trial
        .ask(&trial.trusting("stranger"), &served.url)
        .unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    // Another name than the certificate has.
    let port = served.url.rsplit(':').next().unwrap();
    let elsewhere = format!("https://127.0.0.2:{port}");
    assert!(trial.ask(&client, &elsewhere).is_err());

    // Without TLS there is no answer, at most an alert.
    let mut plain = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    let asked = plain.write_all(b"GET /api/healthcheck/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    asked.unwrap();
    let mut answer = Vec::new();
    // It may be cut off instead of closed.
    let read = plain.read_to_end(&mut answer);
    assert!(
        answer.len() < 16 && !answer.starts_with(b"HTTP"),
        "{read:?} {answer:?}"
    );
    assert!(
        trial
            .ask(&client, &served.url.replace("https", "http"))
            .is_err()
    );
    // The same server goes on.
    trial.ask(&client, &served.url).unwrap();
}

#[test]
fn older_protocols_are_refused() {
    let Some(trial) = Trial::new() else { return };
    let served = trial.serve();
    let at = served.url.strip_prefix("https://").unwrap();
    for (protocol, is_taken) in [
        ("-tls1_3", true),
        ("-tls1_2", true),
        ("-tls1_1", false),
        ("-tls1", false),
    ] {
        let output = Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                at,
                protocol,
                "-CAfile",
                "authority.pem",
            ])
            // Otherwise `openssl` itself does not speak the old ones.
            .args(["-cipher", "ALL:@SECLEVEL=0", "-verify_return_error"])
            .current_dir(trial.visard.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // It is the server that refuses: it says so by an alert.
        assert_eq!(output.status.success(), is_taken, "{protocol}: {said}");
        assert!(
            is_taken || said.contains("SSL alert number"),
            "{protocol}: {said}"
        );
    }
}

#[test]
fn a_new_certificate_is_taken_and_open_connections_stay() {
    let Some(trial) = Trial::new() else { return };
    let served = trial.serve();
    let old = trial.trusting("authority");
    let first = trial.ask(&old, &served.url).unwrap();

    trial.exchange("second");
    served.signal("-HUP");
    trial.wait_for(&served, "second");
    assert_eq!(
        trial.ask(&old, &served.url).unwrap(),
        first,
        "another connection"
    );

    // Without a word the files are looked at again, too.
    trial.exchange("third");
    trial.wait_for(&served, "third");
    trial.told("the certificate was read again", 2);

    // What cannot be used is told of, whether it is none, half of one or of another key.
    let whole = trial.visard.read("second.pem");
    let unusable = [&b"no certificate"[..], &whole[..whole.len() / 2], &whole];
    for (number, unusable) in (1..).zip(unusable) {
        trial.replace("tls.pem", unusable);
        served.signal("-HUP");
        trial.told("the certificate stays as it was", number);
        trial.wait_for(&served, "third");
    }
    assert_eq!(
        trial.ask(&old, &served.url).unwrap(),
        first,
        "another connection"
    );
    // Once the files belong together again, they count.
    trial.exchange("second");
    served.signal("-HUP");
    trial.wait_for(&served, "second");
}
