//! Files are kept, and what is none is refused.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{Part, id, names, send_form, zip};
use crate::testing::Server;

/// The four places of files, who may write there, and what a file there needs.
const PLACES: [(&str, &str, &str); 4] = [
    ("/api/seeds/", "builder", "seed_file"),
    ("/api/oracle-wallets/", "runner", "zip_archive"),
    ("/api/connection-filesets/", "runner", "zip_archive"),
    ("/api/files/snowflake-keys/", "runner", "key_file"),
];

#[tokio::test(flavor = "multi_thread")]
async fn files_live() {
    let server = Server::start().await;
    let archive = zip(&[("ca.pem", b"secret of a file"), ("folder/key.pem", b"x")]);
    for (path, caller, part) in PLACES {
        let content: &[u8] = match part {
            "seed_file" => b"town\nArlen\n",
            "zip_archive" => &archive,
            _ => b"secret of a file",
        };
        let parts: [Part<'_>; 3] = [
            ("name", None, b"one.csv"),
            ("database_type", None, b"mysql"),
            (part, Some("../folder/two.csv"), content),
        ];
        let made = send_form(&server, caller, Method::POST, path, &parts)
            .await
            .json(201);
        assert_eq!(
            (&made["name"], &made["filename"]),
            (&json!("one.csv"), &json!("two.csv"))
        );
        assert!(made["created_date"].is_string());
        let taken = send_form(&server, caller, Method::POST, path, &parts)
            .await
            .json(400);
        assert!(taken["name"].is_array(), "{taken}");
        assert_eq!(
            names(&server.get(caller, path).await.json(200)),
            ["one.csv"]
        );
        let one = format!("{path}{}/", id(&made));
        assert_eq!(server.get(caller, &one).await.json(200), made);

        let unnamed = send_form(&server, caller, Method::POST, path, &parts[1..])
            .await
            .json(201);
        assert_eq!(unnamed["name"], "two.csv");
        if path.contains("filesets") {
            let of = [("name", None, &b"three"[..]), parts[1], parts[2]];
            let put = send_form(&server, caller, Method::PUT, &one, &of)
                .await
                .json(200);
            assert_eq!((id(&put), &put["name"]), (id(&made), &json!("three")));
        }
        server.delete(caller, &one).await.empty(204);
        server.delete(caller, &one).await.json(404);
    }
    let sql = "SELECT content FROM documents WHERE kind <> 'seed'";
    for row in server.app.store().query(sql, &[]).await.unwrap() {
        let kept = row.maybe_bytes(0).unwrap().unwrap();
        assert!(
            !kept.windows(6).any(|bytes| bytes == b"secret"),
            "files that open doors are sealed"
        );
    }
}

/// A form of one file.
fn file<'a>(part: &'a str, bytes: &'a [u8]) -> Vec<Part<'a>> {
    vec![(part, Some("f.csv"), bytes)]
}

/// A form of a seed file with a name.
fn named(name: &[u8]) -> Vec<Part<'_>> {
    vec![
        ("name", None, name),
        ("seed_file", Some("f.csv"), b"a\n1\n"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_refused() {
    let server = Server::start().await;
    let bomb = zip(&[("zeros", &vec![0; 20 << 20])]);
    let outside = zip(&[("../../x", b"x")]);
    let mysql: Part<'_> = ("database_type", None, b"mysql");
    for (path, parts, field) in [
        (PLACES[0].0, vec![], "seed_file"),
        (
            PLACES[0].0,
            vec![("seed_file", None, &b"a\n1\n"[..])],
            "seed_file",
        ),
        (PLACES[0].0, file("seed_file", b""), "seed_file"),
        (PLACES[0].0, file("seed_file", b"a,b\n1\n"), "seed_file"),
        (PLACES[0].0, file("seed_file", b"\xff\xfe\n\n"), "seed_file"),
        (PLACES[0].0, named(b"../x.csv"), "name"),
        (PLACES[0].0, named(b"ruleset.yml"), "name"),
        (PLACES[0].0, named(b".hidden"), "name"),
        (
            PLACES[1].0,
            file("zip_archive", b"no archive"),
            "zip_archive",
        ),
        (PLACES[1].0, file("zip_archive", &bomb), "zip_archive"),
        (PLACES[1].0, file("zip_archive", &outside), "zip_archive"),
        (
            PLACES[2].0,
            file("zip_archive", &zip(&[("a", b"b")])),
            "database_type",
        ),
        (
            PLACES[2].0,
            [file("zip_archive", b"PK"), vec![mysql]].concat(),
            "zip_archive",
        ),
    ] {
        let answer = send_form(&server, "builder", Method::POST, path, &parts)
            .await
            .json(400);
        assert!(answer[field].is_array(), "{path} {field}: {answer}");
    }
    for (path, ..) in PLACES {
        let json = server.post("builder", path, json!({"name": "x"})).await;
        assert_eq!(json.status.as_u16(), 415, "{path}");
        assert_eq!(
            server.get("builder", path).await.json(200),
            Json::Array(vec![])
        );
    }
    send_form(&server, "runner", Method::POST, PLACES[0].0, &[])
        .await
        .json(403);
    server.get("runner", PLACES[0].0).await.json(403);
}
