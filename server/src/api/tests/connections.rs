//! Connections are kept, changed, tried out and removed.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{id, names, send_form, zip};
use crate::connections::kinds::{KINDS, Takes};
use crate::connections::write_out;
use crate::documents::{self, Kind};
use crate::testing::Server;

fn postgres(name: &str) -> Json {
    json!({
        "version": "1.0", "name": name, "mask_type": "database", "db_type": "postgres", "host": "127.0.0.1",
        "port": "1", "database": "crm", "user": "ann", "dbpassword": "hunter2-hunter2", "schema": "",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lives_and_its_secret_never_comes_back() {
    let server = Server::start().await;
    let made = server
        .post("runner", "/api/connections/", postgres("crm"))
        .await
        .json(201);
    assert_eq!(made["port"], 1, "a port as text");
    assert_eq!(made["has_password"], true);
    assert_eq!(made["password_encrypted"], Json::Null);
    assert_eq!(made["is_read_only"], false);
    assert_eq!(made["license_lock"], Json::Null);
    let path = format!("/api/connections/{}/", id(&made));
    assert_eq!(server.get("builder", &path).await.json(200), made);
    let bare = format!("/connections/{}", id(&made).replace('-', ""));
    assert_eq!(server.get("builder", &bare).await.json(200), made);

    let mut changed = postgres("crm2");
    changed.as_object_mut().unwrap().remove("dbpassword");
    changed["password_encrypted"] = json!("what was read before");
    changed["something_else"] = json!([1]);
    let put = server
        .ask("runner", Method::PUT, &path, Some(changed))
        .await
        .json(200);
    assert_eq!((id(&put), &put["name"]), (id(&made), &json!("crm2")));
    assert_eq!(
        put["has_password"], true,
        "a secret that is not mentioned stays"
    );
    let patched = server
        .patch("runner", &path, json!({"host": "db2", "password": ""}))
        .await
        .json(200);
    assert_eq!(
        (&patched["host"], &patched["user"]),
        (&json!("db2"), &json!("ann"))
    );
    assert_eq!(patched["has_password"], false);

    let list = server.get("runner", "/api/connections/").await;
    assert_eq!(names(&list.json(200)), ["crm2"]);
    let page = server
        .get("runner", "/api/connections/?limit=1")
        .await
        .json(200);
    assert_eq!(
        (&page["count"], names(&page["results"])),
        (&json!(1), vec!["crm2"])
    );
    server.delete("runner", &path).await.empty(204);
    server.get("runner", &path).await.json(404);
    server.delete("runner", &path).await.json(404);
    for sql in [
        "SELECT body FROM documents",
        "SELECT description FROM audit_log",
    ] {
        let rows = server.app.store().query(sql, &[]).await.unwrap();
        assert!(!format!("{rows:?}").contains("hunter2"), "{sql}");
    }
    let sql = "SELECT category, action FROM audit_log ORDER BY id";
    let told = server.app.store().query(sql, &[]).await.unwrap();
    let told: Vec<_> = told.iter().map(|row| row.text(1).unwrap()).collect();
    assert_eq!(told, ["created", "modified", "modified", "deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_kept_with_all_its_fields() {
    let server = Server::start().await;
    for kind in KINDS {
        let mut body = json!({"name": kind.name, kind.key(): kind.name});
        for field in kind.fields() {
            body[field.name] = match field.takes {
                Takes::Port | Takes::Seconds => json!(7),
                Takes::Flag(default) => json!(!default),
                Takes::Settings => json!({"lock_timeout": 3}),
                Takes::Encryption => json!({"selection": "account_managed", "kms_key_id": "k"}),
                Takes::File(_) => Json::Null,
                Takes::Secret if field.name == "service_account_key" => {
                    json!(r#"{"type": "service_account"}"#)
                }
                Takes::Text(_) if field.name == "base_directory" => json!(""),
                Takes::Text(_) | Takes::MaybeText | Takes::Secret => json!("text"),
            };
        }
        let made = server
            .post("builder", "/api/connections/", body.clone())
            .await
            .json(201);
        assert_eq!(made["mask_type"], kind.mask_type());
        for field in kind.fields() {
            match field.takes {
                Takes::Secret => {
                    assert_eq!(made.get(field.name), None, "{}: {}", kind.name, field.name);
                    assert_eq!(made[format!("has_{}", field.name)], true, "{}", kind.name);
                }
                _ => assert_eq!(
                    made[field.name], body[field.name],
                    "{}: {}",
                    kind.name, field.name
                ),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_connection_is_refused_by_its_fields() {
    let server = Server::start().await;
    server
        .post("runner", "/api/connections/", postgres("crm"))
        .await
        .json(201);
    let with = |field: &str, value: Json| {
        let mut body = postgres("other");
        body[field] = value;
        body
    };
    for (body, field) in [
        (json!({}), "db_type"),
        (json!({"mask_type": "file"}), "type"),
        (json!({"type": "ftp_connection"}), "type"),
        (postgres("crm"), "name"),
        (postgres(""), "name"),
        (with("name", json!(3)), "name"),
        (with("host", json!("")), "host"),
        (with("host", json!("/run/postgresql")), "host"),
        (with("port", json!("five")), "port"),
        (with("port", json!(70_000)), "port"),
        (with("is_read_only", json!("yes")), "is_read_only"),
        (with("password", json!("another")), "password"),
        (with("dbpassword", json!(["x"])), "password"),
        (with("mask_type", json!("file")), "mask_type"),
        (with("engine_options", json!("x")), "engine_options"),
        (with("connection_fileset", json!("x")), "connection_fileset"),
        (
            json!({"name": "d", "db_type": "dynamo_db", "dynamo_default_sse": {"selection": "account_managed"}}),
            "dynamo_default_sse",
        ),
        (
            json!({"name": "s", "type": "mounted_share_connection", "base_directory": "/etc"}),
            "base_directory",
        ),
        (
            json!({"name": "s", "type": "mounted_share_connection", "base_directory": "../x"}),
            "base_directory",
        ),
    ] {
        let answer = server
            .post("runner", "/api/connections/", body.clone())
            .await
            .json(400);
        assert!(answer[field].is_array(), "{field}: {answer}");
        assert!(!answer.to_string().contains("hunter2"));
    }
    let nobody = "00000000-0000-4000-8000-000000000000";
    let body = with("connection_fileset", json!(nobody));
    let answer = server
        .post("runner", "/api/connections/", body)
        .await
        .json(400);
    let said = answer["connection_fileset"][0].as_str().unwrap();
    assert!(said.contains("object does not exist"), "{said}");
    for path in [
        "/api/connections/7/",
        "/api/connections/%ff/",
        &format!("/api/connections/{nobody}/"),
    ] {
        server.get("runner", path).await.json(404);
    }
    server.get("", "/api/connections/").await.json(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_tried_and_answers_in_two_dialects() {
    let server = Server::start().await;
    std::fs::create_dir(server.app.data().join("crm")).unwrap();
    let share = json!({"name": "s", "type": "mounted_share_connection", "base_directory": "crm", "is_file_mask_source": true});
    let answer = server
        .post("runner", "/api/connections/test/", share.clone())
        .await;
    assert_eq!(answer.json(200), json!({}));
    server
        .post("runner", "/api/connections/test", share.clone())
        .await
        .empty(204);
    let made = server
        .post("runner", "/api/connections/", share)
        .await
        .json(201);
    let path = format!("/api/connections/{}/test/", id(&made));
    assert_eq!(
        server.post("runner", &path, json!({})).await.json(200),
        json!({})
    );
    std::fs::remove_dir(server.app.data().join("crm")).unwrap();
    let said = server.post("runner", &path, json!({})).await.json(400);
    assert!(
        said["detail"].as_str().unwrap().contains("does not work"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_answer_or_has_no_driver_is_told() {
    let server = Server::start().await;
    let said = server
        .post("runner", "/api/connections/test/", postgres("crm"))
        .await
        .json(400);
    let said = said["detail"].as_str().unwrap().to_owned();
    assert!(
        said.contains("does not work") && !said.contains("hunter2"),
        "{said}"
    );
    let body = json!({"name": "m", "db_type": "mongodb", "host": "db"});
    let said = server
        .post("runner", "/api/connections/test/", body)
        .await
        .json(400);
    assert!(
        said["detail"].as_str().unwrap().contains("MongoDB"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_uses_a_connection_keeps_it() {
    let server = Server::start().await;
    let made = server
        .post("runner", "/api/connections/", postgres("crm"))
        .await
        .json(201);
    let path = format!("/api/connections/{}/", id(&made));
    let reference = json!({"name": "people", "connection": id(&made), "source": "crm.people"});
    let reference = server
        .post("builder", "/api/table-references/", reference)
        .await
        .json(201);
    server.delete("runner", &path).await.json(409);
    let of_reference = format!("/api/table-references/{}/", id(&reference));
    server.delete("builder", &of_reference).await.empty(204);
    server.delete("runner", &path).await.empty(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fileset_in_use_stays_and_its_authority_is_trusted() {
    let server = Server::start().await;
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let archive = zip(&[("ca.pem", pem)]);
    let parts = [
        ("name", None, &b"tls"[..]),
        ("database_type", None, b"mysql"),
        ("zip_archive", Some("tls.zip"), &archive),
    ];
    let path = "/api/connection-filesets/";
    let fileset = send_form(&server, "runner", Method::POST, path, &parts)
        .await
        .json(201);
    let mut body = postgres("crm");
    body["db_type"] = json!("mysql");
    body["connection_fileset"] = json!(id(&fileset).replace('-', ""));
    let made = server
        .post("runner", "/api/connections/", body)
        .await
        .json(201);
    assert_eq!(made["connection_fileset"], fileset["id"]);
    let of_fileset = format!("{path}{}/", id(&fileset));
    server.delete("runner", &of_fileset).await.json(409);

    let document = documents::get(server.app.store(), Kind::Connection, id(&made)).await;
    let (document, folder) = (document.unwrap(), tempfile::tempdir().unwrap());
    let written = write_out(&server.app, &document, "SOURCE", folder.path());
    let (mapping, variables) = written.await.unwrap();
    assert_eq!(mapping["sslmode"], "verify-ca");
    let file = folder.path().join(mapping["sslrootcert"].as_str().unwrap());
    assert_eq!(std::fs::read(file).unwrap(), pem);
    assert_eq!(variables["SOURCE_PASSWORD"], "hunter2-hunter2");
    assert!(!mapping.to_string().contains("hunter2"));

    server
        .delete("runner", &format!("/api/connections/{}/", id(&made)))
        .await
        .empty(204);
    server.delete("runner", &of_fileset).await.empty(204);
}
