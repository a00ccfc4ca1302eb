//! What is refused before a row moves, in which words, and errors of the server without values.

use std::net::TcpListener;

use super::trial::{Kind, STRATEGIES, Trial, task};

const FIX: &str = "- column: v\n  masks: [{type: from_fixed, value: x}]";

fn tables(trial: &Trial) {
    trial.sql(
        "CREATE TABLE customers (id int PRIMARY KEY, v varchar(30), code varchar(20) UNIQUE, boss int, low varchar(30) AS (LOWER(v)),
             need varchar(9) NOT NULL DEFAULT '', prefixed varchar(90), FOREIGN KEY (boss) REFERENCES customers (id), UNIQUE (prefixed(10)));
         INSERT INTO customers (id, v, code) SELECT seq, CONCAT('value ', seq), CONCAT('c', seq) FROM seq_1_to_9;
         CREATE TABLE orders (id int PRIMARY KEY, customer int, v varchar(30), FOREIGN KEY (customer) REFERENCES customers (id));
         CREATE VIEW seen AS SELECT * FROM customers; CREATE SEQUENCE numbers;
         CREATE TABLE kept (id int PRIMARY KEY, v varchar(30)) WITH SYSTEM VERSIONING;
         CREATE TABLE listed (id int NOT NULL, v varchar(30) NOT NULL) ENGINE = CSV;
         CREATE TABLE twice (id int, v varchar(30), KEY (id)); INSERT INTO twice VALUES (1, 'a'), (1, 'b')",
    );
}

#[test]
fn tasks_that_do_not_fit_their_table() {
    let Some(trial) = Trial::new() else { return };
    tables(&trial);
    let before = trial.rows("SELECT * FROM customers ORDER BY id");
    let on = |column: &str, mask: &str| format!("- column: {column}\n  masks: [{mask}]");
    let hash = "{type: hash, length: 4}";
    let fix = || FIX.to_owned();
    for (table, more, rules, code, said) in [
        ("custmers", "", fix(), "V1201", "customers"),
        ("nowhere.customers", "", fix(), "V1201", "there is no table"),
        ("\"CUSTOMERS\"", "", fix(), "V1201", "customers"),
        ("seen", "", fix(), "V1202", "views show"),
        ("numbers", "", fix(), "V1202", "no table"),
        ("kept", "", fix(), "V1202", "history"),
        ("listed", "", fix(), "V1202", "CSV"),
        ("twice", "key: id", fix(), "V1203", "tells the rows"),
        (
            "customers",
            "key: code",
            fix(),
            "V1203",
            "its primary key is id",
        ),
        (
            "customers",
            "key: prefixed",
            fix(),
            "V1203",
            "its primary key is id",
        ),
        ("customers", "key: [id, nothing]", fix(), "V1001", "nothing"),
        ("customers", "", on("idd", hash), "V1001", "`id`"),
        (
            "customers",
            "",
            on("boss", "{type: imitate_unique}"),
            "V1206",
            "boss",
        ),
        (
            "orders",
            "",
            on("customer", "{type: imitate_unique}"),
            "V1206",
            "customers",
        ),
        (
            "customers",
            "",
            on("code", "{type: imitate}"),
            "V1207",
            "code",
        ),
        (
            "customers",
            "",
            on("low", hash),
            "V",
            "computed by the database",
        ),
        ("customers", "", on("need", "{type: suppress}"), "V", "null"),
        ("twice", "strategy: update", fix(), "V1205", "no key"),
        ("twice", "where: id = 1", fix(), "V1205", "some of its rows"),
        ("customers", "where: \"id=1) OR (true\"", fix(), "V1204", ""),
        (
            "customers",
            "where: \"id = 1; DROP TABLE orders\"",
            fix(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"id = 1 -- and more\"",
            fix(),
            "V1204",
            "comment",
        ),
        (
            "customers",
            "where: \"id = 1 # and more\"",
            fix(),
            "V1204",
            "comment",
        ),
        (
            "customers",
            "where: \"id = 1 /*! ) OR (1 */\"",
            fix(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"nothing = 1\"",
            fix(),
            "V1204",
            "nothing",
        ),
        (
            "customers",
            "where: \"(SELECT 1 FROM nowhere)\"",
            fix(),
            "V1204",
            "nowhere",
        ),
        (
            "customers",
            "strategy: update",
            on("v", "{type: secure_shuffle}"),
            "V1205",
            "all rows at once",
        ),
    ] {
        trial.pipeline("", &task(table, more, &rules));
        for command in ["check", "run"] {
            let what = format!("{command} {table} {more} {rules}");
            let ended = match command {
                "run" => trial.run(),
                _ => trial.visard.call(&["check", "pipeline.yml"]),
            };
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(2), "{what}: {text}");
            let told = text.contains(&format!("[{code}")) && text.contains(said);
            assert!(told, "{what}: {text}");
        }
    }
    assert_eq!(trial.rows("SELECT * FROM customers ORDER BY id"), before);
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn rights_that_are_missing() {
    let Some(trial) = Trial::new() else { return };
    tables(&trial);
    trial.sql("INSERT INTO orders VALUES (1, 1, 'a'), (2, 1, 'b')");
    let (name, keys) = trial.user("");
    trial.sql(&format!("GRANT SELECT (id) ON customers TO {name}"));
    let grant = |rights: &str, on: &str| {
        trial.sql(&format!(
            "GRANT {rights} ON {}.{on} TO {name}",
            trial.database
        ))
    };
    let refused = |strategy: &str, said: &str| {
        trial.pipeline_on(
            &keys,
            &format!("strategy: {strategy}"),
            &task("orders", "", FIX),
        );
        let ended = trial.run().expect(2);
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    };
    refused("auto", "there is no table");
    grant("SELECT", "*");
    refused("update", "we may not change its rows");
    refused("rewrite", "we may not make a table in its place");
    refused("auto", "it can neither be rewritten");
    grant("UPDATE", "orders");
    refused("update", "we may not make temporary tables");
    grant("CREATE TEMPORARY TABLES", "*");
    refused("update", "which rows are done");
    grant("CREATE, DROP, INSERT, UPDATE", "*");
    refused("rewrite", "we may not make a table in its place");
    // Now it may; what it may not clean up or look at is told.
    trial.pipeline_on(&keys, "", &task("orders", "", FIX));
    trial.run().expect(0);
    let report = trial.visard.report()["tables"][0].clone();
    assert_eq!(
        (&report["strategy"], &report["rows"]),
        (&"update".into(), &2.into())
    );
    assert!(
        report["still_holding"].to_string().contains("histograms"),
        "{report}"
    );
    grant("ALTER, INDEX, LOCK TABLES", "*");
    refused("rewrite", "we may not see its triggers");
    grant("TRIGGER", "*");
    refused("rewrite", "we may not make its foreign keys again");
    grant("REFERENCES", "*");
    trial.sql("CREATE TRIGGER of_another BEFORE UPDATE ON orders FOR EACH ROW SET @x = 1");
    refused("rewrite", "triggers of other users");
    refused("update\nauto_manage_triggers: true", "SET USER");
    trial.sql("DROP TRIGGER of_another; UPDATE orders SET v = 'a'");
    trial.pipeline_on(&keys, "strategy: rewrite", &task("orders", "", FIX));
    trial.run().expect(0);
    assert_eq!(trial.one("SELECT COUNT(*) FROM orders WHERE v = 'x'"), "2");
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn databases_that_are_not_reached() {
    let Some(trial) = Trial::new() else { return };
    tables(&trial);
    let variable = |name: &str| std::env::var(format!("VISARD_TEST_MARIADB_{name}")).unwrap();
    let ca = variable("CA");
    let wrong = trial.visard.write("wrong.pem", "nothing");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (connection, said) in [
        ("password: a wrong word".to_owned(), "1045"),
        ("user: nobody_of_this_name".to_owned(), "1045"),
        ("database: no_such_database".to_owned(), "1049"),
        (format!("port: {port}"), "refused"),
        ("host: nowhere.invalid".to_owned(), "lookup"),
        ("sslmode: verify-full".to_owned(), "certificate"),
        (
            format!("sslmode: verify-ca, sslrootcert: {}", wrong.display()),
            "no certificates",
        ),
        (
            "engine_options: {no_such_setting: 5}".to_owned(),
            "no_such_setting",
        ),
    ] {
        trial.pipeline_on(&connection, "", &task("orders", "", FIX));
        for command in ["run", "connections"] {
            let ended = match command {
                "run" => trial.run().expect(2),
                _ => trial.visard.call(&["connections", "test", "pipeline.yml"]),
            };
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert!(ended.code != Some(0), "{connection}: {text}");
            assert!(text.contains(said), "{command} {connection}: {text}");
            for secret in ["a wrong word", &variable("PASSWORD")] {
                assert!(!text.contains(secret), "{connection}: {text}");
            }
        }
    }
    for connection in [
        "sslmode: disable".to_owned(),
        "sslmode: require".to_owned(),
        format!("sslmode: verify-ca, sslrootcert: {ca}"),
        format!("sslmode: verify-full, sslrootcert: {ca}"),
        format!("sslmode: verify-full, host: localhost, sslrootcert: {ca}"),
        "db_type: mysql, engine_options: {sort_buffer_size: 300000}".to_owned(),
        format!("schema: {}, database: mysql", trial.database),
    ] {
        trial.pipeline_on(&connection, "", &task("orders", "", FIX));
        trial.run().expect(0);
        trial
            .visard
            .call(&["connections", "test", "pipeline.yml"])
            .expect(0);
    }
    trial.pipeline_on("is_read_only: true", "", &task("orders", "", FIX));
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("[V1210"), "{}", ended.stderr);
}

/// What does not fit fails the unit, by column, and no message holds a value.
#[test]
fn masked_values_that_do_not_fit() {
    let Some(trial) = Trial::new() else { return };
    values_do_not_fit(&trial);
}

#[test]
fn masked_values_that_do_not_fit_without_files() {
    let Some(trial) = Trial::without_files() else {
        return;
    };
    values_do_not_fit(&trial);
}

fn values_do_not_fit(trial: &Trial) {
    let set = |value: &str| format!("{{type: from_fixed, value: {value}}}");
    // Of these results nobody knows how long they are before there are any.
    let grown = "{type: chain, masks: [{type: from_fixed, value: x}, {type: replace_regex, regex: x, masks: [{type: from_fixed, value: secret-word}]}]}";
    for (column, mask, said) in [
        ("short varchar(4)", grown.to_owned(), "column `short`"),
        (
            "l char(20) CHARACTER SET latin1",
            set("'secret 漢'"),
            "column `l`",
        ),
        (
            "u3 varchar(20) CHARACTER SET utf8mb3",
            set("'secret 😀'"),
            "column `u3`",
        ),
        ("e enum('a','b')", set("secret"), "column `e`"),
        ("s set('a','b')", set("'a,secret'"), "column `s`"),
        ("n decimal(40,2)", set("'1.234'"), "column `n`"),
        ("n decimal(40,2)", set("secret"), "column `n`"),
        ("j json", set("'{secret'"), "`j`"),
        ("u uuid", set("secret"), "column `u`"),
        ("g point", set("secret"), "geom"),
        (
            "t timestamp NULL",
            set("'2040-01-01T00:00:00'"),
            "column `t`",
        ),
        ("y year", set("5"), "out of the range of its column"),
        (
            "c varchar(20) CHECK (c <> 'secret')",
            set("secret"),
            "CONSTRAINT",
        ),
    ] {
        for strategy in STRATEGIES {
            trial.sql(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, {column}); INSERT INTO t (id) VALUES (1), (2)"
            ));
            let name = column.split(' ').next().unwrap();
            let rules = format!("- column: {name}\n  masks: [{mask}]\n  skip: []");
            trial.pipeline(&format!("strategy: {strategy}"), &task("t", "", &rules));
            let ended = trial.run();
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(1), "{column} {strategy}: {text}");
            assert!(text.contains(said), "{column} {strategy}: {text}");
            let failed = text.split("warning").next().unwrap_or_default();
            assert!(!failed.contains("secret"), "{column}: {text}");
            assert_eq!(trial.one(&format!("SELECT COUNT({name}) FROM t")), "0");
        }
    }
}
