//! Table references are kept, and free their names.

use axum::http::Method;
use serde_json::json;

use super::{id, names};
use crate::testing::Server;

const ALL: &str = "/api/table-references/";

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_lives_and_frees_its_name() {
    let server = Server::start().await;
    let connection = json!({"name": "in", "type": "s3_connection", "bucket": "b"});
    let connection = server
        .post("builder", "/api/connections/", connection)
        .await
        .json(201);
    let body = json!({"name": "people", "connection": id(&connection).replace('-', ""), "source": "people.csv"});
    let made = server.post("builder", ALL, body.clone()).await.json(201);
    assert_eq!(made["connection"], connection["id"]);
    let defaults = json!({
        "format": "csv", "delimiter": ",", "encoding": "utf-8", "quotechar": "\"", "null_string": null,
    });
    assert_eq!(made["options"], defaults);
    server.post("builder", ALL, body.clone()).await.json(400);
    let path = format!("{ALL}{}/", id(&made));
    assert_eq!(server.get("builder", &path).await.json(200), made);

    let patch = json!({"options": {"format": "parquet"}});
    let patched = server.patch("builder", &path, patch).await.json(200);
    assert_eq!(
        (&patched["options"]["format"], &patched["name"]),
        (&json!("parquet"), &json!("people"))
    );
    let mut other = body.clone();
    other["source"] = json!("others.csv");
    let put = server
        .ask("builder", Method::PUT, &path, Some(other))
        .await
        .json(200);
    assert_eq!(
        (&put["source"], &put["options"]["format"]),
        (&json!("others.csv"), &json!("parquet"))
    );
    assert_eq!(
        names(&server.get("builder", ALL).await.json(200)),
        ["people"]
    );
    server.delete("builder", &path).await.empty(204);
    server.get("builder", &path).await.json(404);
    server.post("builder", ALL, body).await.json(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_reference_is_refused() {
    let server = Server::start().await;
    let connection = json!({"name": "in", "type": "s3_connection", "bucket": "b"});
    let connection = server
        .post("builder", "/api/connections/", connection)
        .await
        .json(201);
    let body = json!({"name": "people", "connection": id(&connection), "source": "people.csv"});
    for (field, value) in [
        ("name", json!("")),
        ("connection", json!("00000000-0000-4000-8000-000000000000")),
        ("connection", json!("x")),
        ("source", json!(" ")),
        ("source", json!("../people.csv")),
        ("options", json!({"delimiter": ""})),
        ("options", json!({"format": "xml"})),
    ] {
        let mut body = body.clone();
        body[field] = value.clone();
        let answer = server.post("builder", ALL, body).await.json(400);
        assert!(answer[field].is_array(), "{field} {value}: {answer}");
    }
    server.post("runner", ALL, body).await.json(403);
    server.get("runner", ALL).await.json(403);
}
