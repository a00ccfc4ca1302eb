//! The server, as its clients meet it.
//!
//! `serve/clients.py` is what the official clients do; it needs them, PostgreSQL and two buckets, which
//! `tests/run` brings.

mod crashes;
mod first_starts;
mod nodes;
mod samples;
mod served;
mod tls;
mod uploads;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

pub use served::{PASSWORD, Served};

use crate::postgres::Trial;
use crate::visard::{Ended, Visard};

/// The Python that has the official clients; `None`, and a word of it, where it is left out.
fn python() -> Option<PathBuf> {
    let found = std::env::var_os("VISARD_TEST_PYTHON").map(PathBuf::from);
    if found.is_none() {
        let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
        assert!(!under_run, "VISARD_TEST_PYTHON is missing");
        println!("left out: no Python with the official clients is named");
    }
    found
}

/// Runs a script of `serve/` with the URL of a server, a folder that the server may use and the password of the
/// admin, who is there before where `is_installed`; it must tell of its `ending`.
fn driven(script: &str, is_installed: bool, ending: &str) {
    let Some(python) = python() else {
        return;
    };
    let visard = Visard::new();
    let share = visard.path("share");
    std::fs::create_dir(&share).unwrap();
    let served = Served::start(&visard, &["--root", "share"]);
    if is_installed {
        served.installed();
    }
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/serve");
    let output = Command::new(python)
        .arg(Path::new(scripts).join(script))
        .arg(&served.url)
        .arg(&share)
        .arg(PASSWORD)
        .output()
        .unwrap();
    let told = Ended::of(output).expect(0).stdout;
    assert!(told.contains(ending), "{told}");
    print!("{told}");
}

#[test]
fn official_clients_do_their_whole_work() {
    driven(
        "clients.py",
        false,
        "methods of the official clients called",
    );
}

#[test]
fn the_official_command_line_does_a_days_work() {
    driven(
        "command_line.py",
        true,
        "commands of the official command line called",
    );
}

/// Requests made up from the OpenAPI document: none ends in a 5xx, in a status or in a body that the document
/// does not have.
#[test]
fn the_api_keeps_to_its_document() {
    made_up_requests(&[], ("8", "60"));
}

#[test]
fn the_api_keeps_to_its_document_in_postgres() {
    let Some(store) = Trial::in_own_database() else {
        return;
    };
    made_up_requests(&["--store", &store.url()], ("2", "25"));
}

/// For each of both kinds of tokens, at most so many examples of an operation, and seconds in all.
fn made_up_requests(more: &[&str], most: (&str, &str)) {
    let Some(python) = python() else {
        return;
    };
    let visard = Visard::new();
    std::fs::create_dir(visard.path("share")).unwrap();
    let served = Served::start(&visard, &[&["--root", "share"], more].concat());
    let token = served.installed();
    let in_flight = served.login_in_flight();
    for (authorization, which) in [
        // Whoever logs out is nobody for the requests behind.
        (
            format!("Token {token}"),
            ["--exclude-path-regex", "^/ifm/|/logout$"],
        ),
        (
            format!("Bearer {in_flight}"),
            ["--include-path-regex", "^/ifm/"],
        ),
    ] {
        fuzz(&python, &served, &authorization, which, most);
    }
}

fn fuzz(python: &Path, served: &Served, authorization: &str, which: [&str; 2], most: (&str, &str)) {
    let long = std::env::var_os("VISARD_TEST_LONG").is_some();
    let (examples, seconds) = if long { ("100", "600") } else { most };
    let output = Command::new(python.with_file_name("schemathesis"))
        .arg("run")
        .arg(format!("{}/api/schema/", served.url))
        .args(["--url", &served.url])
        .args(["--header", &format!("Authorization: {authorization}")])
        .args(["--seed", "7", "--max-examples", examples, "--max-time", seconds])
        .args(["--phases", "examples,coverage,fuzzing", "--request-timeout", "60"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .args(which)
        .output()
        .unwrap();
    let told = Ended::of(output).expect(0).stdout;
    let counts = told.lines().filter(|line| line.contains("generated"));
    println!("{}: {}", which[1], counts.collect::<Vec<_>>().join("; "));
}

/// Every endpoint of `docs/api.md`, as every role and as nobody: whoever may not is told so, and whoever may is
/// not.
#[test]
fn rights_are_those_of_the_page() {
    let visard = Visard::new();
    let served = Served::start(&visard, &[]);
    let admin = served.installed();
    let user = |name: &str, roles: Value| {
        let user = json!({
            "username": name, "email": format!("{name}@example.com"), "password": "Other-pass-5823",
            "re_password": "Other-pass-5823", "user_roles": roles,
        });
        let (status, body) = served.call(Some(&admin), "POST", "/api/users/", Some(user));
        assert_eq!(status, 201, "{body}");
        let login = json!({"username": name, "password": "Other-pass-5823"});
        let (status, tokens) =
            served.call(None, "POST", "/api/auth/token/login/", Some(login.clone()));
        assert_eq!(status, 200, "{tokens}");
        let (status, in_flight) = served.call(None, "POST", "/api/auth/jwt/login/", Some(login));
        assert_eq!(status, 200, "{in_flight}");
        let token = |value: &Value| value.as_str().unwrap().to_owned();
        (token(&tokens["key"]), token(&in_flight["access_token"]))
    };
    let callers = [
        ("admin", json!(["admin"])),
        ("mask_builder", json!(["mask_builder"])),
        ("mask_runner", json!(["mask_runner"])),
        (
            "ruleset_library_managers",
            json!(["mask_builder", "ruleset_library_managers"]),
        ),
    ]
    .map(|(role, roles)| (roles.clone(), user(&format!("a_{role}"), roles)));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains(" /"));
    let (mut asked, mut refused) = (0, 0);
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (method, path) = cells[1].trim_matches('`').split_once(' ').unwrap();
        let who = cells[2];
        // What is asked for is not there, so nothing changes.
        let path = path
            .replace("{id}", "00000000-0000-4000-8000-000000000000")
            .replace("{connection_id}", "00000000-0000-4000-8000-000000000000")
            .replace("{name}", "nothing");
        let ends_session = path.ends_with("/logout/");
        let in_flight = path.starts_with("/ifm/");
        if who != "anyone" {
            for wrong in [None, Some("0".repeat(40)), Some("x".to_owned())] {
                let (status, body) = served.call(wrong.as_deref(), method, &path, None);
                assert_eq!(status, 401, "{method} {path}: {body}");
            }
        }
        for (roles, (token, bearer)) in &callers {
            let roles: Vec<&str> = roles
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let may = ["anyone", "users"].contains(&who)
                || roles.iter().any(|role| who.contains(&format!("`{role}`")));
            if ends_session && may {
                continue;
            }
            let authorization = match in_flight {
                true => format!("Bearer {bearer}"),
                false => format!("Token {token}"),
            };
            let (status, body) = served.authorized(&authorization, method, &path, None);
            let denied = status == 403 || status == 401;
            // A handler may refuse what is somebody else's; a role alone never is enough there.
            let others = who == "users" && path.starts_with("/api/users/0");
            assert!(
                denied != may || others,
                "{method} {path} as {roles:?}: {status} {body}"
            );
            asked += 1;
            refused += u32::from(denied);
            // The token of the other door opens none.
            if who != "anyone" {
                let other = match in_flight {
                    true => format!("Token {token}"),
                    false => format!("Bearer {bearer}"),
                };
                let (status, body) = served.authorized(&other, method, &path, None);
                assert!(
                    status == 401 || status == 403,
                    "{method} {path}: {status} {body}"
                );
            }
        }
    }
    assert!(asked > 400, "{asked} requests");
    println!("{asked} requests, {refused} refused");
}
