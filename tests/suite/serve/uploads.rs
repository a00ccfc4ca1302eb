//! What clients upload, made from its name alone: so whoever finds it knows what it has to be.

use std::io::{Cursor, Write};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::databases::Random;

/// Bounds of the parts of a form.
const BOUNDARY: &str = "a-boundary-of-the-tests";
/// Rulesets of a bundle.
const RULESETS: [&str; 3] = ["first", "second", "third"];
/// Seed files of a bundle.
const SEEDS: [&str; 2] = ["fourth", "fifth"];

/// A kind of upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Seed,
    Fileset,
    Ruleset,
    Bundle,
    Connection,
}

/// An upload of this name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upload {
    pub what: What,
    pub name: String,
}

/// A request that uploads.
pub struct Request {
    pub path: &'static str,
    pub content_type: String,
    pub body: Vec<u8>,
    /// The status of an answer that acknowledges it.
    pub status: u16,
}

impl What {
    pub const ALL: [Self; 5] = [
        Self::Seed,
        Self::Fileset,
        Self::Ruleset,
        Self::Bundle,
        Self::Connection,
    ];
}

impl Upload {
    /// What a client sends.
    pub fn request(&self) -> Request {
        let name = self.name.as_str();
        match self.what {
            What::Seed => form(
                "/api/seeds/",
                "seed_file",
                &format!("{name}.csv"),
                &[],
                &seed(name),
            ),
            What::Fileset => {
                let archive = archive(&[("ca.pem".to_owned(), seed(name))]);
                let more = [("name", name), ("database_type", "mariadb")];
                form(
                    "/api/connection-filesets/",
                    "zip_archive",
                    "ca.zip",
                    &more,
                    &archive,
                )
            }
            What::Bundle => {
                let bundle = form(
                    "/api/import/v1/",
                    "zip_archive",
                    "bundle.zip",
                    &[],
                    &bundle(name),
                );
                Request {
                    status: 200,
                    ..bundle
                }
            }
            What::Ruleset => of_json(
                "/api/rulesets/",
                &json!({"name": name, "config_yaml": ruleset(name), "mask_type": "file"}),
            ),
            What::Connection => of_json(
                "/api/connections/",
                &json!({
                    "name": name, "version": "1.0", "mask_type": "database", "db_type": "postgres",
                    "host": format!("{name}.example.com"), "port": 5432, "user": "visard",
                    "password": format!("the password of {name}"), "database": "crm", "schema": "public",
                    "is_file_mask_source": false, "is_file_mask_destination": false,
                }),
            ),
        }
    }

    /// The documents that it becomes, all of them or none: each with its kind in paths and its name.
    pub fn documents(&self) -> Vec<(&'static str, String)> {
        let name = &self.name;
        match self.what {
            What::Seed => vec![("seeds", format!("{name}.csv"))],
            What::Fileset => vec![("connection-filesets", name.clone())],
            What::Ruleset => vec![("rulesets", name.clone())],
            What::Connection => vec![("connections", name.clone())],
            What::Bundle => {
                let rulesets = RULESETS.map(|part| ("rulesets", format!("{name}-{part}")));
                let seeds = SEEDS.map(|part| ("seeds", format!("{name}-{part}.csv")));
                [rulesets.to_vec(), seeds.to_vec()].concat()
            }
        }
    }
}

/// Whether a document that is listed is what was uploaded under its name.
pub fn is_whole(kind: &str, document: &Value) -> bool {
    let name = document["name"].as_str().unwrap();
    match kind {
        "rulesets" => document["config_yaml"] == ruleset(name),
        "connections" => {
            document["host"] == format!("{name}.example.com") && document["has_password"] == true
        }
        "connection-filesets" => document["database_type"] == "mariadb",
        _ => document["filename"] == name,
    }
}

/// The bytes of the seed file that the server calls `name`.
pub fn seed_of(name: &str) -> Vec<u8> {
    seed(name.strip_suffix(".csv").unwrap())
}

/// Up to some hundred KiB of text.
fn seed(name: &str) -> Vec<u8> {
    let mut random = Random(name.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    }));
    let lines = 500 + random.below(10_000);
    let mut text = String::from("word,number\n");
    for line in 0..lines {
        text.push_str(&format!("{name} {line},{}\n", random.below(u64::MAX >> 40)));
    }
    text.into_bytes()
}

/// A long ruleset; those of bundles are short, as there are several to be looked at in one request.
fn ruleset(name: &str) -> String {
    let columns = match RULESETS.iter().any(|part| name.ends_with(part)) {
        true => 20,
        false => 200,
    };
    let mut yaml =
        format!("version: '1.0'\n# {name}\ntasks:\n  - type: mask_tabular_file\n    rules:\n");
    for column in 0..columns {
        yaml.push_str(&format!(
            "      - column: \"{name} {column}\"\n        masks:\n          - {{type: from_fixed, value: '{name}'}}\n"
        ));
    }
    yaml
}

fn bundle(name: &str) -> Vec<u8> {
    let mut files = Vec::new();
    let rulesets = RULESETS.map(|part| {
        let name = format!("{name}-{part}");
        files.push((format!("rulesets/{part}.yml"), ruleset(&name).into_bytes()));
        json!({"name": name, "mask_type": "file", "path": format!("rulesets/{part}.yml")})
    });
    let seeds = SEEDS.map(|part| {
        let name = format!("{name}-{part}");
        files.push((format!("seeds/{part}.csv"), seed(&name)));
        let file = format!("{name}.csv");
        json!({"name": file, "filename": file, "path": format!("seeds/{part}.csv")})
    });
    let list = json!({"version": "1.0", "rulesets": rulesets, "seed_files": seeds});
    files.push(("bundle.json".to_owned(), list.to_string().into_bytes()));
    archive(&files)
}

fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        zip.start_file(path.as_str(), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn of_json(path: &'static str, body: &Value) -> Request {
    Request {
        path,
        content_type: "application/json".to_owned(),
        body: body.to_string().into_bytes(),
        status: 201,
    }
}

/// A form with a file as its part `part`, and texts.
fn form(
    path: &'static str,
    part: &str,
    filename: &str,
    texts: &[(&str, &str)],
    file: &[u8],
) -> Request {
    let mut body = Vec::new();
    for (name, text) in texts {
        body.extend(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            )
            .into_bytes(),
        );
    }
    body.extend(
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{filename}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes(),
    );
    body.extend_from_slice(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    Request {
        path,
        content_type: format!("multipart/form-data; boundary={BOUNDARY}"),
        body,
        status: 201,
    }
}
