//! The samples of the page of the API, made JSON, with and without `/api` and with and without a slash at the end.

use serde_json::{Value, json};

use super::{PASSWORD, Served};
use crate::visard::Visard;

/// How a path is written.
const SPELLINGS: [(&str, &str); 4] = [("/api", "/"), ("/api", ""), ("", "/"), ("", "")];

#[test]
fn samples_of_the_page_of_the_api() {
    let visard = Visard::new();
    let served = Served::start(&visard, &[]);
    let mut installed = false;
    for (spelling, (prefix, end)) in SPELLINGS.into_iter().enumerate() {
        let ask = |token: Option<&str>, sample: &str, body: Option<Value>, wanted: u16| {
            let (method, path) = sample.split_once(' ').unwrap();
            let path = format!("{prefix}{path}{end}");
            let (status, answer) = served.call(token, method, &path, body);
            assert_eq!(status, wanted, "{method} {path}: {answer}");
            answer
        };
        let check = ask(None, "GET /app/check", None, 200);
        assert_eq!(check["installed"], installed);
        let admin = json!({
            "email": "admin_email@admin.com", "username": "admin", "password": PASSWORD,
            "re_password": PASSWORD, "allowed_hosts": ["masque.local"],
            "aws_ec2_instance_id": "i-##############",
        });
        ask(
            None,
            "POST /users/admin-install",
            Some(admin),
            if installed { 401 } else { 201 },
        );
        installed = true;
        let login = json!({"username": "admin", "password": PASSWORD});
        let login = ask(None, "POST /auth/token/login", Some(login), 200);
        let token = login["key"].as_str();
        assert_eq!(login["username"], "admin");
        let users = ask(token, "GET /users", None, 200);
        assert_eq!(users[0]["username"], "admin");
        assert_eq!(users[0]["api_token"], Value::Null);
        let me = ask(token, "GET /users/me", None, 200);
        assert_eq!(me["is_superuser"], true);
        let api_token = me["api_token"].as_str();
        ask(api_token, "GET /runs", None, 200);
        ask(api_token, "GET /users", None, 403);

        let database = json!({
            "version": "1.0", "name": format!("oracle {spelling}"), "user": "connection_user",
            "db_type": "oracle", "database": "database", "host": "host", "port": 1433,
            "password": "password", "schema": "", "service_name": "", "connection_fileset": "",
            "mask_type": "database", "is_file_mask_source": false, "is_file_mask_destination": false,
        });
        let connection = ask(token, "POST /connections", Some(database.clone()), 201);
        let id = connection["id"].as_str().unwrap().to_owned();
        assert!(!connection.to_string().contains("\"password\":\"password\""));
        let files = json!({
            "version": "1.0", "name": format!("bucket {spelling}"), "type": "s3_connection",
            "base_directory": "", "bucket": "my_S3_bucket_name", "mask_type": "file",
            "is_file_mask_source": true, "is_file_mask_destination": false,
        });
        let bucket = ask(token, "POST /connections", Some(files), 201);
        let all = ask(token, "GET /connections", None, 200);
        assert_eq!(all.as_array().unwrap().len(), 2);
        let one = ask(token, &format!("GET /connections/{id}"), None, 200);
        assert_eq!(
            (&one["db_type"], &one["port"]),
            (&json!("oracle"), &json!(1433))
        );
        let bare = id.replace('-', "");
        assert_eq!(
            ask(token, &format!("GET /connections/{bare}"), None, 200)["id"],
            one["id"]
        );
        let mut changed = database.clone();
        changed["database"] = json!("new_database");
        let put = ask(token, &format!("PUT /connections/{id}"), Some(changed), 200);
        assert_eq!(
            (&put["id"], &put["database"]),
            (&one["id"], &json!("new_database"))
        );
        // Nothing here speaks to Oracle, and the answer says so.
        ask(token, "POST /connections/test", Some(database), 400);

        let yaml = "version: '1.0'\ntasks:\n  - type: run_data_discovery\n";
        let ruleset = json!({"name": format!("sdd_run {spelling}"), "config_yaml": yaml, "mask_type": "database"});
        let ruleset = ask(token, "POST /rulesets", Some(ruleset), 201);
        assert_eq!(ruleset["is_valid"], "valid", "{ruleset}");
        let ruleset_id = ruleset["id"].as_str().unwrap().to_owned();
        let renamed = json!({"name": format!("new_name {spelling}"), "config_yaml": yaml});
        let renamed = ask(
            token,
            &format!("PUT /rulesets/{ruleset_id}"),
            Some(renamed),
            200,
        );
        assert_eq!(renamed["name"], format!("new_name {spelling}"));
        ask(token, &format!("GET /rulesets/{ruleset_id}"), None, 200);
        assert!(
            !ask(token, "GET /rulesets", None, 200)
                .as_array()
                .unwrap()
                .is_empty()
        );

        let run = json!({
            "name": "test_20200430", "connection": id, "ruleset": ruleset_id,
            "options": {"dry_run": false, "max_rows": "1000000", "batch_size": "10000"},
        });
        let run = ask(api_token, "POST /runs", Some(run), 201);
        let number = run["id"].as_i64().unwrap();
        assert_eq!(
            (&run["connection"], &run["source_connection"]),
            (&json!(id), &json!(id))
        );
        assert_eq!(
            (&run["options"]["max_rows"], &run["options"]["batch_size"]),
            (&json!(1_000_000), &json!(10_000))
        );
        assert!(
            run["options"]["run_secret"].as_str().unwrap().len() >= 20,
            "{run}"
        );
        ask(api_token, &format!("GET /runs/{number}"), None, 200);
        let log = ask(api_token, &format!("GET /runs/{number}/log"), None, 200);
        assert!(log.is_array());
        assert!(
            ask(api_token, "GET /runs", None, 200)
                .as_array()
                .unwrap()
                .len()
                == spelling + 1
        );
        ask(
            api_token,
            &format!("GET /runs/{number}/sdd-report"),
            None,
            404,
        );
        // No driver leads to Oracle: by now it may have failed.
        let cancel = format!("{prefix}/runs/{number}/cancel{end}");
        let (status, answer) = served.call(api_token, "POST", &cancel, None);
        assert!([201, 400].contains(&status), "{status} {answer}");

        let selected = json!({"connection": id, "selected_columns": {"schema_name": {"table_name": ["column_name_1"]}}});
        ask(token, "POST /generate-ruleset", Some(selected.clone()), 400);
        let selected = json!({"selected_columns": selected["selected_columns"]});
        ask(
            token,
            &format!("POST /async-generate-ruleset/{id}"),
            Some(selected),
            201,
        );
        for list in [
            "seeds",
            "oracle-wallets",
            "connection-filesets",
            "audit-logs",
        ] {
            assert!(
                ask(token, &format!("GET /{list}"), None, 200).is_array(),
                "{list}"
            );
        }
        let csv = ask(token, "GET /audit-logs/download", None, 200);
        assert!(
            csv.as_str()
                .unwrap()
                .starts_with("timestamp,username,category,action,description")
        );
        let health = ask(token, "GET /health-check", None, 200);
        assert_eq!(health["license_limit_breach"], json!({}));

        ask(token, &format!("DELETE /rulesets/{ruleset_id}"), None, 204);
        let bucket = bucket["id"].as_str().unwrap();
        for id in [id.as_str(), bucket] {
            ask(token, &format!("DELETE /connections/{id}"), None, 204);
            ask(token, &format!("DELETE /connections/{id}"), None, 404);
        }
        ask(token, "POST /auth/token/logout", None, 204);
        ask(token, "GET /users/me", None, 401);
    }
}
