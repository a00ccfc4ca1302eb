//! The endpoints of what users keep, asked as clients ask them.

mod bundles;
mod connections;
mod files;
mod libraries;
mod rulesets;
mod runs;
mod table_references;

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::Value as Json;

use crate::testing::{Answer, Server};

/// A part of a form: its name, the name of its file where it is one, and what it holds.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// What a form gets as an answer.
async fn send_form(
    server: &Server,
    caller: &str,
    method: Method,
    path: &str,
    parts: &[Part<'_>],
) -> Answer {
    let mut body = Vec::new();
    for (name, filename, bytes) in parts {
        let file = filename
            .map(|name| format!("; filename=\"{name}\""))
            .unwrap_or_default();
        let head =
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .body(Body::from(body));
    server.send(caller, request.unwrap()).await
}

/// The id in an answer.
fn id(answer: &Json) -> &str {
    answer["id"].as_str().unwrap()
}

/// The names in a list of an answer.
fn names(list: &Json) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap()).collect()
}

/// An archive of files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::{Cursor, Write};
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
