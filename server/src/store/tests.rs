//! What every store does, in a file and in PostgreSQL.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;

/// A store of one kind, for one test.
struct Place {
    store: Arc<dyn Store>,
    /// Opens the same store again.
    url: Option<String>,
    folder: TempDir,
}

impl Place {
    async fn again(&self) -> Arc<dyn Store> {
        match &self.url {
            Some(url) => Arc::new(Postgres::open(url).await.unwrap()),
            None => Arc::new(
                Sqlite::open(&self.folder.path().join("store"))
                    .await
                    .unwrap(),
            ),
        }
    }
}

/// The address of a new database on the server that `tests/run` starts; `None` without one.
async fn database() -> Option<String> {
    let variable = |name: &str| std::env::var(format!("VISARD_TEST_POSTGRES_{name}")).ok();
    let Some(host) = variable("HOST") else {
        println!("left out: tests/run says where PostgreSQL is");
        return None;
    };
    let (user, port) = (variable("USER").unwrap(), variable("PORT").unwrap());
    let (password, first) = (variable("PASSWORD").unwrap(), variable("DATABASE").unwrap());
    let url = |database: &str| format!("postgres://{user}:{password}@{host}:{port}/{database}");
    let config = visard::postgres::config(&url(&first)).unwrap();
    let client = visard::postgres::connect(&config).await.unwrap();
    let name = format!("store_{}", uuid::Uuid::new_v4().simple());
    let made = client
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await;
    made.unwrap();
    Some(url(&name))
}

/// A new store of each kind that there is.
async fn places() -> Vec<Place> {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("store")).await.unwrap();
    let mut places = vec![Place {
        store: Arc::new(store),
        url: None,
        folder,
    }];
    if let Some(url) = database().await {
        places.push(Place {
            store: Arc::new(Postgres::open(&url).await.unwrap()),
            url: Some(url),
            folder: tempfile::tempdir().unwrap(),
        });
    }
    places
}

const SET: &str = "INSERT INTO settings (name, value) VALUES ($1, $2)";
const ALL: &str = "SELECT name, value FROM settings ORDER BY name";

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_were() {
    for place in places().await {
        let store = place.store;
        let sql = "INSERT INTO documents \
                   (kind, id, name, variant, body, sealed, content, archived, created, modified) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let row = [
            Value::from("kind"),
            Value::from("1"),
            Value::from("näme 🙂"),
            Value::from(""),
            Value::from("{}"),
            Value::Bytes(vec![0, 255, 1]),
            Value::Null,
            Value::Int(i64::MAX),
            Value::from("now"),
            Value::from("now"),
        ];
        store.run(sql, &row).await.unwrap();
        let sql = "SELECT kind, id, name, variant, body, sealed, content, archived, created, modified \
                   FROM documents";
        assert_eq!(store.query(sql, &[]).await.unwrap(), [Row(row.to_vec())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_counts_when_it_is_committed() {
    for place in places().await {
        let store = place.store;
        let mut dropped = store.begin().await.unwrap();
        dropped.query(SET, &["a".into(), "1".into()]).await.unwrap();
        drop(dropped);
        assert!(store.query(ALL, &[]).await.unwrap().is_empty());

        let mut kept = store.begin().await.unwrap();
        kept.query(SET, &["a".into(), "1".into()]).await.unwrap();
        assert_eq!(kept.query(ALL, &[]).await.unwrap().len(), 1);
        assert!(store.query(ALL, &[]).await.unwrap().is_empty());
        kept.commit().await.unwrap();
        assert_eq!(store.query(ALL, &[]).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_undoes_all() {
    for place in places().await {
        let store = place.store;
        store.run(SET, &["a".into(), "1".into()]).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let other = ["b".into(), "1".into()];
        transaction.query(SET, &other).await.unwrap();
        let taken = transaction.query(SET, &["a".into(), "2".into()]).await;
        assert!(matches!(taken, Err(StoreError::Taken)), "{taken:?}");
        let after = transaction.query(ALL, &[]).await;
        assert!(matches!(after, Err(StoreError::Undone)), "{after:?}");
        let committed = transaction.commit().await;
        assert!(
            matches!(committed, Err(StoreError::Undone)),
            "{committed:?}"
        );
        assert_eq!(store.query(ALL, &[]).await.unwrap().len(), 1);

        for sql in ["SELECT nothing FROM nowhere", "no SQL"] {
            let failed = store.query(sql, &[]).await;
            assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
        }
        let null = store.query("SELECT $1", &["a\0b".into()]).await;
        assert!(matches!(null, Err(StoreError::NullCharacter)), "{null:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gaps_and_no_doubles() {
    for place in places().await {
        // A second node, where there may be one.
        let stores = match place.url {
            Some(_) => [Arc::clone(&place.store), place.again().await],
            None => [Arc::clone(&place.store), Arc::clone(&place.store)],
        };
        let workers = (0..8).map(|worker| {
            let store = Arc::clone(&stores[worker % 2]);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for round in 0..10 {
                    let mut transaction = store.begin().await.unwrap();
                    let id = next_id(transaction.as_mut(), "things").await.unwrap();
                    if round % 2 == 0 {
                        transaction.commit().await.unwrap();
                        ids.push(id);
                    }
                }
                ids
            })
        });
        let mut ids = futures::future::try_join_all(workers)
            .await
            .unwrap()
            .concat();
        ids.sort_unstable();
        assert_eq!(ids, (1..=40).collect::<Vec<i64>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_there_again() {
    for place in places().await {
        place
            .store
            .run(SET, &["a".into(), "1".into()])
            .await
            .unwrap();
        let again = place.again().await;
        assert_eq!(again.query(ALL, &[]).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_visard_is_left_alone() {
    for place in places().await {
        let sql = "INSERT INTO schema_version (version) VALUES (1000)";
        place.store.run(sql, &[]).await.unwrap();
        let opened = match &place.url {
            Some(url) => Postgres::open(url).await.err(),
            None => Sqlite::open(&place.folder.path().join("store")).await.err(),
        };
        assert!(opened.unwrap().to_string().contains("version 1000"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_make_one_store() {
    let Some(url) = database().await else { return };
    let nodes = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { Postgres::open(&url).await.map(drop) })
    });
    for node in futures::future::join_all(nodes).await {
        node.unwrap().unwrap();
    }
    let store = Postgres::open(&url).await.unwrap();
    let steps = store.query("SELECT version FROM schema_version", &[]).await;
    assert_eq!(steps.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_is_replaced() {
    let Some(url) = database().await else { return };
    let store = Postgres::open(&url).await.unwrap();
    let other = Postgres::open(&url).await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    other.query(cut, &[]).await.unwrap();
    (&store as &dyn Store)
        .run(SET, &["a".into(), "1".into()])
        .await
        .unwrap();
    other.query(cut, &[]).await.unwrap();
    assert_eq!(store.query(ALL, &[]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_once_what_a_node_depends_on_is_another() {
    let Some(url) = database().await else { return };
    let (node, other) = (Postgres::open(&url).await, Postgres::open(&url).await);
    let (node, other): (Arc<dyn Store>, Arc<dyn Store>) =
        (Arc::new(node.unwrap()), Arc::new(other.unwrap()));
    node.run(SET, &["a".into(), "1".into()]).await.unwrap();
    node.depend_on("a", "1".to_owned());
    node.run(SET, &["b".into(), "1".into()]).await.unwrap();
    let changed = "UPDATE settings SET value = '2' WHERE name = 'a'";
    other.run(changed, &[]).await.unwrap();
    let refused = node.run(SET, &["c".into(), "1".into()]).await;
    assert!(
        matches!(refused, Err(StoreError::Changed("a"))),
        "{refused:?}"
    );
    other
        .run("DELETE FROM settings WHERE name = 'a'", &[])
        .await
        .unwrap();
    let refused = node.run(SET, &["c".into(), "1".into()]).await;
    assert!(
        matches!(refused, Err(StoreError::Changed("a"))),
        "{refused:?}"
    );
    assert_eq!(node.query(ALL, &[]).await.unwrap().len(), 1);
}

/// What a migration has done when it is killed in the middle.
const HALF: &str = "CREATE TABLE schema_version (version BIGINT NOT NULL); \
     CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL); \
     INSERT INTO schema_version (version) VALUES (1)";

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_killed_is_done_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let killed = rusqlite::Connection::open(&file).unwrap();
    killed.pragma_update(None, "journal_mode", "wal").unwrap();
    killed.pragma_update(None, "cache_size", 1).unwrap();
    killed.execute_batch("BEGIN IMMEDIATE").unwrap();
    killed.execute_batch(HALF).unwrap();
    // The files as they are now are what a kill leaves.
    let left = tempfile::tempdir().unwrap();
    for name in ["store", "store-wal"] {
        std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    let store = Sqlite::open(&left.path().join("store")).await.unwrap();
    (&store as &dyn Store)
        .run(SET, &["a".into(), "1".into()])
        .await
        .unwrap();

    let Some(url) = database().await else { return };
    let killed = visard::postgres::config(&url).unwrap();
    let killed = visard::postgres::connect(&killed).await.unwrap();
    killed.batch_execute("BEGIN").await.unwrap();
    killed.batch_execute(HALF).await.unwrap();
    drop(killed);
    let store = Postgres::open(&url).await.unwrap();
    (&store as &dyn Store)
        .run(SET, &["a".into(), "1".into()])
        .await
        .unwrap();
}
