//! Logging in, users, and what they may, over HTTP.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value as Json, json};

use crate::testing::{Answer, PASSWORD, Server};

const LOGIN: &str = "/api/auth/token/login/";

async fn login(server: &Server, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    server.post("", LOGIN, body).await
}

/// A token of a login, which has to succeed.
async fn token(server: &Server, username: &str, password: &str) -> String {
    let body = login(server, username, password).await.json(200);
    body["key"].as_str().unwrap().to_owned()
}

fn new_user(name: &str, roles: &[&str]) -> Json {
    json!({
        "username": name, "email": format!("{name}@example.com"), "user_roles": roles,
        "password": PASSWORD, "re_password": PASSWORD,
    })
}

/// The id of a user of the testing server.
async fn id_of(server: &Server, name: &str) -> i64 {
    let users = server.get("admin", "/users/").await.json(200);
    let mut users = users.as_array().unwrap().iter();
    let user = users.find(|user| user["username"] == name).unwrap();
    user["id"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_is_made_once() {
    let server = Server::empty().await;
    assert_eq!(server.get("", "/api/users/").await.status, 401);
    assert_eq!(server.get(&"a".repeat(40), "/api/users/").await.status, 401);
    let check = server.get("", "/api/app/check/").await.json(200);
    assert_eq!(check["installed"], false);
    let install = |re_password: &str| {
        json!({
            "email": "admin_email@admin.com", "username": "username", "password": "admin_password",
            "re_password": re_password, "allowed_hosts": ["masque.local"],
            "aws_ec2_instance_id": "i-##############",
        })
    };
    let path = "/api/users/admin-install/";
    let wrong = server.post("", path, install("other")).await.json(400);
    assert!(wrong["re_password"].is_array(), "{wrong}");
    let admin = server.post("", path, install("admin_password")).await;
    let admin = admin.json(201);
    assert_eq!(admin["user_roles"], json!(["admin"]));
    assert_eq!(admin["api_token"], Json::Null);
    let again = server.post("", path, install("admin_password")).await;
    again.json(401);
    let key = token(&server, "username", "admin_password").await;
    server.get(&key, "/api/users/").await.json(200);
    let check = server.get("", "/api/app/check/").await.json(200);
    assert_eq!(check["installed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_and_out() {
    let server = Server::start().await;
    let body = login(&server, "runner", PASSWORD).await.json(200);
    let key = body["key"].as_str().unwrap();
    assert_eq!(key.len(), 40);
    assert_eq!(body["username"], "runner");
    assert!(body["date_time_expires"].as_str() > body["date_time_created"].as_str());
    let form = Request::post("/auth/token/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("username=runner&password={PASSWORD}")));
    server.send("", form.unwrap()).await.json(200);

    server.get(key, "/api/users/me/").await.json(200);
    let out = server.ask(key, Method::POST, "/api/auth/token/logout/", None);
    out.await.empty(204);
    server.get(key, "/api/users/me/").await.json(401);

    for (username, password) in [("runner", "wrong-plum-1"), ("nobody", PASSWORD), ("", "")] {
        let body = login(&server, username, password).await.json(400);
        assert!(body["non_field_errors"].is_array(), "{body}");
    }
    let missing = server.post("", LOGIN, json!({"username": "runner"})).await;
    assert_eq!(
        missing.json(400),
        json!({"password": ["This field is required."]})
    );
    let other = server.post("", LOGIN, json!({"username": "a\0b", "password": "c"}));
    other.await.json(400);
    let list = server.post(
        "",
        LOGIN,
        json!({"username": "runner", "password": [PASSWORD]}),
    );
    assert!(!String::from_utf8_lossy(&list.await.bytes).contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_run_out_whether_or_not_there_is_the_user() {
    let server = Server::start().await;
    for username in ["runner", "nobody"] {
        for _ in 0..10 {
            login(&server, username, "wrong-plum-1").await.json(400);
        }
        let refused = login(&server, username, PASSWORD).await;
        let seconds: u64 = refused.headers[header::RETRY_AFTER]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        refused.json(429);
    }
    token(&server, "builder", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_flight_tokens_end_with_their_user() {
    let server = Server::start().await;
    let credentials = json!({"username": "runner", "password": PASSWORD});
    let path = "/api/auth/jwt/login/";
    let body = server.post("", path, credentials.clone()).await.json(200);
    assert_eq!(body["token_type"], "Bearer");
    let (access, refresh) = (
        body["access_token"].as_str(),
        body["refresh_token"].as_str(),
    );
    let (access, refresh) = (access.unwrap(), refresh.unwrap());
    // They are for the in-flight service alone, and a refresh token for nothing else.
    server.get(access, "/api/users/me/").await.json(403);
    server.get(refresh, "/api/users/me/").await.json(401);
    let again = |token: &str| {
        let body = json!({"refresh": token});
        server.post("", "/api/auth/jwt/refresh/", body)
    };
    let other = again(refresh).await.json(200);
    server
        .get(other["access_token"].as_str().unwrap(), "/api/users/me/")
        .await
        .json(403);
    for wrong in [access, "", "a.b.c"] {
        again(wrong).await.json(401);
    }
    let id = id_of(&server, "runner").await;
    let path = format!("/api/users/{id}/");
    server
        .patch("admin", &path, json!({"is_active": false}))
        .await
        .json(200);
    again(refresh).await.json(401);
    server.get(access, "/api/users/me/").await.json(401);
    server
        .patch("admin", &path, json!({"is_active": true}))
        .await
        .json(200);
    again(refresh).await.json(401);
    let wrong = json!({"username": "runner", "password": "wrong-plum-1"});
    server
        .post("", "/api/auth/jwt/login/", wrong)
        .await
        .json(401);
    server
        .post("", "/api/auth/jwt/login/", credentials)
        .await
        .json(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_come_change_and_go() {
    let server = Server::start().await;
    let made = server.post("admin", "/api/users/", new_user("vera", &["mask_runner"]));
    let made = made.await.json(201);
    let path = format!("/users/{}", made["id"]);
    for field in [
        "is_active",
        "is_staff",
        "is_superuser",
        "is_sso_user",
        "has_temporary_password",
    ] {
        assert!(made[field].is_boolean(), "{field}");
    }
    assert_eq!(made["user_permissions"], json!([]));
    let taken = server.post("admin", "/api/users/", new_user("vera", &["mask_runner"]));
    assert!(taken.await.json(400)["username"].is_array());

    // A client sends back all it knows.
    let mut whole = server.get("admin", &path).await.json(200);
    whole["email"] = json!("vera@example.org");
    whole["user_roles"] = json!(["ruleset_library_managers", "mask_builder"]);
    let changed = server.patch("admin", &path, whole).await.json(200);
    assert_eq!(changed["email"], "vera@example.org");
    let roles = json!(["mask_builder", "ruleset_library_managers"]);
    assert_eq!(changed["user_roles"], roles);
    let admin = server
        .patch("admin", &path, json!({"is_superuser": true}))
        .await;
    assert_eq!(admin.json(200)["is_staff"], true);

    let all = server.get("admin", "/api/users/").await.json(200);
    assert_eq!(all.as_array().unwrap().len(), 5);
    let page = server
        .get("admin", "/api/users/?limit=2&offset=4")
        .await
        .json(200);
    assert_eq!(page["count"], 5);
    assert_eq!(page["results"][0]["username"], "vera");

    server.delete("admin", &path).await.empty(204);
    server.delete("admin", &path).await.json(404);
    for path in [
        "/api/users/me7",
        "/api/users/99999999999999999999",
        "/api/users/0",
    ] {
        server.get("admin", path).await.json(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_are_refused() {
    let server = Server::start().await;
    for (field, value) in [
        ("username", json!("")),
        ("username", json!("a b")),
        ("username", json!("x".repeat(256))),
        ("email", json!("nowhere")),
        ("email", json!("a b@example.com")),
        ("password", json!("short")),
        ("re_password", json!("quiet-plum-7318")),
        ("user_roles", json!([])),
        ("user_roles", json!(["ruleset_library_managers"])),
        ("user_roles", json!(["mask_runner", "king"])),
        ("user_roles", Json::Null),
    ] {
        let mut body = new_user("vera", &["mask_runner"]);
        body[field] = value.clone();
        let refused = server.post("admin", "/api/users/", body).await.json(400);
        assert!(refused[field].is_array(), "{field} {value}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_others_but_admins() {
    let server = Server::start().await;
    let (own, other) = (
        id_of(&server, "runner").await,
        id_of(&server, "builder").await,
    );
    let (own, other) = (format!("/users/{own}"), format!("/users/{other}"));
    server.get("runner", &other).await.json(403);
    server
        .patch("runner", &other, json!({"email": "a@example.com"}))
        .await
        .json(403);
    server.delete("runner", &own).await.json(403);
    server.get("runner", "/users").await.json(403);
    server.get("runner", &own).await.json(200);
    let body =
        json!({"email": "a@example.com", "user_roles": ["mask_runner"], "username": "runner"});
    server.patch("runner", &own, body).await.json(200);
    for body in [
        json!({"user_roles": ["admin"]}),
        json!({"is_superuser": true}),
        json!({"username": "admin2"}),
        json!({"is_active": false}),
    ] {
        server.patch("runner", &own, body).await.json(403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays() {
    let server = Server::start().await;
    let id = id_of(&server, "admin").await;
    let path = format!("/users/{id}");
    for body in [
        json!({"user_roles": ["mask_runner"]}),
        json!({"is_superuser": false, "user_roles": ["mask_builder"]}),
        json!({"is_active": false}),
    ] {
        server.patch("admin", &path, body).await.json(400);
    }
    server.delete("admin", &path).await.json(400);
    let second = server.post("admin", "/users", new_user("second", &["admin"]));
    second.await.json(201);
    server.delete("admin", &path).await.empty(204);
    server.get("admin", &path).await.json(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_password_is_for_choosing_another() {
    let server = Server::start().await;
    let path = format!("/users/{}", id_of(&server, "builder").await);
    let own = format!("/users/{}/reset-password/", id_of(&server, "admin").await);
    server.post("admin", &own, json!({})).await.json(400);
    let old = token(&server, "builder", PASSWORD).await;
    let given = server
        .post("admin", &format!("{path}/reset-password/"), json!({}))
        .await;
    let given = given.json(200);
    let temporary = given["password"].as_str().unwrap();
    server.get(&old, "/users/me").await.json(401);
    login(&server, "builder", PASSWORD).await.json(400);
    let key = token(&server, "builder", temporary).await;
    let me = server.get(&key, "/users/me").await.json(200);
    assert_eq!(me["has_temporary_password"], true);
    for path in ["/api/users/me/profile/", "/api/users/", &path] {
        server.get(&key, path).await.json(403);
    }
    server
        .patch(&key, &path, json!({"email": "a@example.com"}))
        .await
        .json(403);

    let change = |current: &str, new: &str, again: &str| json!({"current_password": current, "new_password": new, "re_new_password": again});
    for (field, body) in [
        (
            "current_password",
            change("wrong-plum-1", PASSWORD, PASSWORD),
        ),
        ("new_password", change(temporary, "short", "short")),
        ("new_password", change(temporary, temporary, temporary)),
        ("re_new_password", change(temporary, PASSWORD, "other")),
        (
            "current_password",
            json!({"new_password": PASSWORD, "re_new_password": PASSWORD}),
        ),
    ] {
        let refused = server.patch(&key, &path, body).await.json(400);
        assert!(refused[field].is_array(), "{field}: {refused}");
    }
    let other = token(&server, "builder", temporary).await;
    let changed = server
        .patch(&key, &path, change(temporary, PASSWORD, PASSWORD))
        .await;
    assert_eq!(changed.json(200)["has_temporary_password"], false);
    // The login that asked stays, others do not.
    server.get(&key, &path).await.json(200);
    server.get(&other, &path).await.json(401);
    token(&server, "builder", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_account() {
    let server = Server::start().await;
    let me = server.get("runner", "/users/me").await.json(200);
    let first = me["api_token"].as_str().unwrap().to_owned();
    assert_eq!(first.len(), 40);
    // It is known, and good for endpoints about runs alone.
    server.get(&first, "/api/users/me/").await.json(403);
    let replaced = server
        .post("runner", "/users/me/api-token/", json!({}))
        .await
        .json(200);
    let second = replaced["api_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    server.get(&first, "/users/me").await.json(401);
    server.get(&second, "/users/me").await.json(403);
    let shown = server.get("runner", "/users/me").await.json(200);
    assert_eq!(shown["api_token"], second.as_str());

    let path = format!("/users/{}", id_of(&server, "runner").await);
    server
        .patch("admin", &path, json!({"is_active": false}))
        .await
        .json(200);
    server.get(&second, "/users/me").await.json(401);
    server
        .patch("admin", &path, json!({"is_active": true}))
        .await
        .json(200);
    server.get(&second, "/users/me").await.json(401);
    let key = token(&server, "runner", PASSWORD).await;
    let third = server.get(&key, "/users/me").await.json(200);
    server
        .get(third["api_token"].as_str().unwrap(), "/users/me")
        .await
        .json(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_kept() {
    let server = Server::start().await;
    let path = "/api/users/me/profile/";
    let empty = json!({"git_directory_path": null});
    assert_eq!(server.get("runner", path).await.json(200), empty);
    let set = json!({"git_directory_path": "rulesets/ours"});
    server.post("runner", path, set.clone()).await.empty(204);
    assert_eq!(server.get("runner", path).await.json(200), set);
    let long = json!({"git_directory_path": "x".repeat(5000)});
    server.post("runner", path, long).await.json(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_did_is_noted_without_secrets() {
    let server = Server::start().await;
    login(&server, "runner", "wrong-plum-1").await.json(400);
    login(&server, "my-secret-typed-here", "wrong-plum-1")
        .await
        .json(400);
    token(&server, "runner", PASSWORD).await;
    let made = server.post("admin", "/users", new_user("vera", &["mask_runner"]));
    made.await.json(201);
    let sql = "SELECT username, action, description FROM audit_log ORDER BY id";
    let rows = server.app.store().query(sql, &[]).await.unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.text(0).unwrap(), row.text(1).unwrap()))
        .collect();
    let expected = [
        ("runner", "login_failed"),
        ("", "login_failed"),
        ("runner", "logged_in"),
        ("admin", "created"),
    ];
    assert_eq!(found, expected);
    assert!(!format!("{rows:?}").contains("my-secret"));
    let verdict = crate::audit::verify(server.app.store()).await.unwrap();
    assert!(matches!(verdict, crate::audit::Verdict::Whole(4, _)));
}
