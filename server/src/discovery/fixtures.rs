//! Discoveries that are done, for tests.

use std::time::Duration;

use serde_json::{Value as Json, json};
use visard::discovery::{ForeignKey, FoundColumn, FoundTable, Keywords, Match, Unique};

use super::results::{Keeper, UsedConfig, keep_config};
use crate::runs::{Kind, NewRun};
use crate::store::Value;
use crate::testing::Server;

/// A connection to a database that nobody asks, with a finished discovery: `crm.people` and `crm.orders`, which
/// refers to it. The ids of the connection and of the run.
pub(crate) async fn crm(server: &Server) -> (String, i64) {
    let connection = database(server, "crm").await;
    let new = NewRun {
        name: "$auto_schema_discovery".to_owned(),
        kind: Kind::SchemaDiscovery,
        mask_type: "database",
        source: (connection.clone(), "crm".to_owned()),
        destination: None,
        ruleset: (None, "$auto_schema_discovery".to_owned()),
        user_id: 1,
        options: json!({}),
        is_dry_run: false,
    };
    let mut transaction = server.app.store().begin().await.unwrap();
    let run = new.insert(transaction.as_mut(), "nobody").await.unwrap();
    let config = UsedConfig {
        text: Keywords::default().to_config(),
        ..UsedConfig::default()
    };
    keep_config(transaction.as_mut(), run.id, &config)
        .await
        .unwrap();
    let sql = "UPDATE runs SET status = 'finished' WHERE id = $1";
    transaction.query(sql, &[Value::Int(run.id)]).await.unwrap();
    transaction.commit().await.unwrap();
    let mut keeper = Keeper::new(&server.app, run.id);
    let people = vec![
        column("id", "integer", "Int32", None),
        FoundColumn {
            length: Some(40),
            ..column(
                "email",
                "character varying(40)",
                "Utf8View",
                Some("email_address"),
            )
        },
        column(
            "income",
            "numeric(10,2)",
            "Decimal128(10, 2)",
            Some("income"),
        ),
    ];
    let orders = vec![
        column("id", "integer", "Int32", None),
        column("person", "integer", "Int32", None),
    ];
    keeper
        .table(
            table("people", vec![key(true, "orders", "id", "person")]),
            people,
        )
        .await
        .unwrap();
    keeper
        .table(
            table("orders", vec![key(false, "people", "person", "id")]),
            orders,
        )
        .await
        .unwrap();
    assert_eq!(keeper.finish().await.unwrap(), (2, 5));
    (connection, run.id)
}

/// A connection to a database that is not there.
pub(crate) async fn database(server: &Server, name: &str) -> String {
    let body = json!({
        "version": "1.0", "name": name, "mask_type": "database", "db_type": "postgres",
        "host": "127.0.0.1", "port": 1, "database": "crm", "user": "u", "dbpassword": "quiet-plum",
        "schema": "crm",
    });
    let made = server
        .post("builder", "/api/connections/", body)
        .await
        .json(201);
    made["id"].as_str().unwrap().to_owned()
}

/// A connection to a folder with `people.csv`.
pub(crate) async fn folder(server: &Server) -> String {
    let folder = server.app.data().join("share");
    std::fs::create_dir_all(folder.join("deep")).unwrap();
    std::fs::write(
        folder.join("people.csv"),
        "id,first_name,email\n1,Ann,ann@example.com\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("deep/people.csv"),
        "id,first_name,email\n2,Bo,bo@example.com\n",
    )
    .unwrap();
    std::fs::write(folder.join("notes.docx"), "x").unwrap();
    let body = json!({
        "version": "1.0", "name": "share", "mask_type": "file", "type": "mounted_share_connection",
        "base_directory": folder.to_str().unwrap(), "is_file_mask_source": true,
    });
    let made = server
        .post("builder", "/api/connections/", body)
        .await
        .json(201);
    made["id"].as_str().unwrap().to_owned()
}

/// The run at its end.
pub(crate) async fn ended(server: &Server, run: &Json) -> Json {
    for _ in 0..600 {
        let run = server
            .get("builder", &format!("/api/runs/{}/", run["id"]))
            .await
            .json(200);
        if !["queued", "validating", "running"].contains(&run["status"].as_str().unwrap()) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run did not end");
}

fn table(name: &str, foreign_keys: Vec<ForeignKey>) -> FoundTable {
    FoundTable {
        schema: Some("crm".to_owned()),
        name: name.to_owned(),
        rows: Some(1000),
        primary_key: Some(vec!["id".to_owned()]),
        uniques: vec![Unique {
            name: format!("{name}_pkey"),
            columns: vec!["id".to_owned()],
            tells_rows: true,
        }],
        foreign_keys,
        obstacles: Vec::new(),
    }
}

fn column(name: &str, type_name: &str, data_type: &str, label: Option<&str>) -> FoundColumn {
    let told = label.map(|label| Match {
        label: Some(label.to_owned()),
        categories: vec!["PII".to_owned()],
        description: label.to_owned(),
    });
    FoundColumn {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        data_type: data_type.to_owned(),
        length: None,
        required: false,
        generated: false,
        matches: told.into_iter().collect(),
    }
}

fn key(incoming: bool, other: &str, own: &str, theirs: &str) -> ForeignKey {
    ForeignKey {
        name: "orders_person".to_owned(),
        incoming,
        other_schema: Some("crm".to_owned()),
        other_name: other.to_owned(),
        columns: vec![own.to_owned()],
        other_columns: vec![theirs.to_owned()],
    }
}
