//! Lists of runs, however long.

use serde_json::json;

use crate::api::runs::PART;
use crate::runs::{Kind, NewRun};
use crate::testing::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_whole_however_many_parts_it_has() {
    let server = Server::start().await;
    let part = i64::try_from(PART).unwrap();
    let mut ids: Vec<i64> = Vec::new();
    for count in [0, 1, part - 1, part, part + 1, 2 * part] {
        let mut transaction = server.app.store().begin().await.unwrap();
        while (ids.len() as i64) < count {
            let connection = ("a".to_owned(), "files".to_owned());
            let new = NewRun {
                name: "names".to_owned(),
                kind: Kind::Masking,
                mask_type: "file",
                source: connection,
                destination: None,
                ruleset: (None, "names".to_owned()),
                user_id: 1,
                options: json!({"has_run_secret": true}),
                is_dry_run: false,
            };
            let run = new.insert(transaction.as_mut(), "no server of this name");
            ids.insert(0, run.await.unwrap().id);
        }
        transaction.commit().await.unwrap();
        for path in ["/api/runs/", "/api/runs/?run_status=queued"] {
            let list = server.get("runner", path).await.json(200);
            let listed = list.as_array().unwrap().iter();
            let listed: Vec<i64> = listed.map(|run| run["id"].as_i64().unwrap()).collect();
            assert_eq!(listed, ids, "{path}");
        }
        let page = server.get("runner", "/api/runs/?limit=1").await.json(200);
        assert_eq!(page["count"], count);
    }
}
