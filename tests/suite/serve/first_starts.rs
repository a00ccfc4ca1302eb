//! Servers that are killed while they start for the first time: the next start goes on, and nothing is half there.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Served;
use super::crashes::without_a_name;
use crate::databases::Random;
use crate::postgres::Trial;
use crate::visard::Visard;

/// Kills of one server before it is left in peace, at most.
const KILLS: u64 = 4;

/// Has servers be killed at random moments of their first start, in the store that `store` makes.
fn first_starts(what: &str, limit: Duration, store: impl Fn() -> Option<Trial>) {
    let (most, limit) = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => (400, Duration::from_secs(600)),
        None => (60, limit),
    };
    let started = |visard: &Visard, store: &Option<Trial>| {
        let url = store.as_ref().map(Trial::url);
        let more: Vec<&str> = url.iter().flat_map(|url| ["--store", url]).collect();
        Served::command(visard, "server", &more)
    };
    let (visard, undisturbed) = (Visard::new(), store());
    let begun = Instant::now();
    drop(Served::of(&mut started(&visard, &undisturbed)));
    let whole = begun.elapsed();

    let mut random = Random(17);
    let (mut kills, mut servers) = (0, 0);
    let begun = Instant::now();
    while kills < most && (begun.elapsed() < limit || kills < 10) {
        let (visard, store) = (Visard::new(), store());
        for _ in 0..=random.below(KILLS) {
            let mut command = started(&visard, &store);
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            let delay = random.below(whole.as_micros() as u64);
            std::thread::sleep(Duration::from_micros(delay));
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        works(&visard, Served::of(&mut started(&visard, &store)));
        servers += 1;
    }
    println!(
        "{what}: {kills} kills of {servers} servers at their first start, which takes {whole:.0?}"
    );
}

/// A server does its work, and has nothing in its folder that does not belong there.
fn works(visard: &Visard, served: Served) {
    assert_eq!(without_a_name(visard, &[]), [""; 0]);
    let token = served.installed();
    let connection = json!({
        "name": "crm", "version": "1.0", "mask_type": "database", "db_type": "postgres", "host": "example.com",
        "port": 5432, "user": "visard", "password": "a word", "database": "crm", "schema": "public",
    });
    let made = served.expect(201, &token, "POST", "/api/connections/", Some(connection));
    let listed = served.expect(200, &token, "GET", "/api/connections/", None);
    assert_eq!(listed[0]["id"], made["id"]);
    served.crash();
    assert_eq!(without_a_name(visard, &[]), [""; 0]);
}

#[test]
fn first_starts_outlive_kills() {
    first_starts("in a file", Duration::from_secs(10), || None);
}

#[test]
fn first_starts_outlive_kills_in_postgres() {
    if crate::postgres::config().is_some() {
        let limit = Duration::from_secs(10);
        first_starts("in PostgreSQL", limit, Trial::in_own_database);
    }
}

/// The tables are made in one transaction, which is killed where it has come to some of them.
#[test]
fn a_migration_is_killed_half_way_through_again_and_again() {
    let Some(store) = Trial::in_own_database() else {
        return;
    };
    let (visard, url) = (Visard::new(), store.url());
    let command = || Served::command(&visard, "server", &["--store", &url]);
    for table in ["users", "documents", "runs", "audit_log"] {
        // Whoever makes a table of the same name waits until this one is there or is not.
        let other = store.other_session();
        store.sql_in(
            &other,
            &format!("BEGIN; CREATE TABLE public.{table} (a int)"),
        );
        let mut child = command().stderr(Stdio::null()).spawn().unwrap();
        let waits = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock' AND query LIKE 'CREATE TABLE {table} %'"
        );
        let begun = Instant::now();
        while store.one(&waits) != "1" {
            assert!(begun.elapsed() < Duration::from_secs(60), "{table}");
            assert!(child.try_wait().unwrap().is_none(), "{table}");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        store.sql_in(&other, "ROLLBACK");
        let there = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
        assert_eq!(store.rows(there), ["schema_version"], "{table}");
        assert_eq!(store.one("SELECT count(*) FROM public.schema_version"), "0");
    }
    works(&visard, Served::of(&mut command()));
    assert_eq!(
        store.rows("SELECT version FROM public.schema_version"),
        ["1"]
    );
}
