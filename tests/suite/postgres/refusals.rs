//! What is refused before a row moves, and in which words.

use std::net::{Shutdown, TcpListener, TcpStream};

use super::trial::{Trial, task};

const FIX: &str = "- column: v\n  masks: [{type: from_fixed, value: x}]";

/// Everything that refusals are about.
fn tables(trial: &Trial) {
    trial.sql(
        "CREATE TABLE customers (id int PRIMARY KEY, v text, code text UNIQUE, boss int REFERENCES customers, low text
             GENERATED ALWAYS AS (lower(v)) STORED, need text NOT NULL DEFAULT '', short varchar(8), many int[], whole int);
         INSERT INTO customers (id, v, code, short, whole) SELECT i, 'value ' || i, 'c' || i, i, i FROM generate_series(1, 9) i;
         CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, v text);
         CREATE VIEW seen AS SELECT * FROM customers;
         CREATE TABLE parent (v text); CREATE TABLE child () INHERITS (parent);
         CREATE TABLE lengths (id int, v varchar(9));
         CREATE TABLE twice (id int, v text); INSERT INTO twice VALUES (1, 'a'), (1, 'b'); CREATE INDEX ON twice (id);
         CREATE TABLE partly (id int NOT NULL, v text); CREATE UNIQUE INDEX ON partly (id) WHERE id > 0;
         CREATE TABLE ruled (id int, v text); CREATE RULE kept AS ON INSERT TO ruled DO ALSO NOTHING",
    );
}

#[test]
fn tasks_that_do_not_fit_their_table() {
    let Some(trial) = Trial::new() else { return };
    tables(&trial);
    let before = trial.rows("SELECT * FROM customers ORDER BY id");
    let on = |column: &str, mask: &str| format!("- column: {column}\n  masks: [{mask}]");
    let hash = "{type: hash, length: 4}";
    for (table, more, rules, code, said) in [
        ("custmers", "", FIX.to_owned(), "V1201", "customers"),
        (
            "nowhere.customers",
            "",
            FIX.to_owned(),
            "V1201",
            "there is no table",
        ),
        ("\"Customers\"", "", FIX.to_owned(), "V1201", "customers"),
        ("seen", "", FIX.to_owned(), "V1202", "views show"),
        ("parent", "", FIX.to_owned(), "V1202", "inherit"),
        (
            "twice",
            "key: id",
            FIX.to_owned(),
            "V1203",
            "tells the rows",
        ),
        (
            "partly",
            "key: id",
            FIX.to_owned(),
            "V1203",
            "tells the rows",
        ),
        (
            "customers",
            "key: [id, nothing]",
            FIX.to_owned(),
            "V1001",
            "nothing",
        ),
        (
            "customers",
            "key: code",
            FIX.to_owned(),
            "V1203",
            "its primary key is id",
        ),
        ("customers", "", on("idd", hash), "V1001", "`id`"),
        ("customers", "", on("'\"V\"'", hash), "V1001", "`V`"),
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
            "customers_code_key",
        ),
        (
            "customers",
            "",
            on("code", hash),
            "V1207",
            "customers_code_key",
        ),
        (
            "customers",
            "",
            on("low", hash),
            "V",
            "computed by the database",
        ),
        (
            "customers",
            "",
            on("need", "{type: from_fixed, value: null}"),
            "V",
            "null",
        ),
        ("customers", "", on("need", "{type: suppress}"), "V", "null"),
        (
            "ruled",
            "strategy: rewrite",
            FIX.to_owned(),
            "V1205",
            "the rule kept",
        ),
        (
            "customers",
            "where: \"id=1) OR (true\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"id = 1; DROP TABLE orders\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"id = 1 -- and more\"",
            FIX.to_owned(),
            "V1204",
            "comment",
        ),
        (
            "customers",
            "where: \"id = 1 /* and more\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"true /* /* */\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"v = E'\\\\'' ) OR (true --'\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"v = $a$ ) OR (true) --$b$\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"id = 1 ORDER BY id\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"id = 1 UNION SELECT 1\"",
            FIX.to_owned(),
            "V1204",
            "",
        ),
        (
            "customers",
            "where: \"nothing = 1\"",
            FIX.to_owned(),
            "V1204",
            "nothing",
        ),
        (
            "customers",
            "where: \"id\"",
            FIX.to_owned(),
            "V1204",
            "boolean",
        ),
        (
            "customers",
            "where: \"(SELECT true FROM nowhere)\"",
            FIX.to_owned(),
            "V1204",
            "nowhere",
        ),
        (
            "customers",
            "strategy: update",
            on("code", "{type: from_unique, format: '{[0-9],6}'}"),
            "V1205",
            "half way",
        ),
        (
            "lengths",
            "",
            on("v", "{type: hash, length: 24}"),
            "V1216",
            "at least 24 characters",
        ),
        (
            "lengths",
            "",
            on(
                "v",
                "{type: chain, masks: [{type: imitate}, {type: from_fixed, value: 'größer ü10'}]}",
            ),
            "V1216",
            "its type is character varying(9)",
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
fn rows_and_rights_that_are_missing() {
    let Some(trial) = Trial::new() else { return };
    tables(&trial);
    let (name, keys) = trial.role("");
    let refused = |strategy: &str, table: &str, code: i32, said: &str| {
        trial.pipeline_on(
            &keys,
            &format!("strategy: {strategy}"),
            &task(table, "", FIX),
        );
        let ended = trial.run().expect(code);
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    };
    refused("auto", "orders", 2, "we may not read it");
    trial.sql(&format!("GRANT SELECT ON orders, customers TO {name}"));
    refused("update", "orders", 2, "we may not change its rows");
    refused("rewrite", "orders", 2, "we do not own it");
    refused("auto", "orders", 2, "it can neither be rewritten");
    trial.sql(&format!(
        "GRANT UPDATE ON orders TO {name}; INSERT INTO orders VALUES (1, 1, 'a'), (2, 1, 'b')"
    ));
    refused("update", "orders", 2, "which rows are done");
    trial.sql(&format!(
        "GRANT CREATE ON SCHEMA {} TO {name}",
        trial.schema
    ));
    // Now it may; what it may not clean up is told.
    trial.pipeline_on(&keys, "", &task("orders", "", FIX));
    trial.run().expect(0);
    let report = trial.visard.report()["tables"][0].clone();
    assert_eq!(
        (&report["strategy"], &report["rows"]),
        (&"update".into(), &2.into())
    );
    let holding = report["still_holding"].to_string();
    for held in [
        "VACUUM FULL",
        "pg_statistic",
        "write-ahead log",
        "checkpoint",
    ] {
        assert!(holding.contains(held), "{held}: {holding}");
    }
    assert_eq!(trial.one("SELECT count(*) FROM orders WHERE v = 'x'"), "2");
    // Rows that a policy hides would stay as they are.
    trial.sql(
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY of_some ON orders USING (id = 1)",
    );
    refused("auto", "orders", 2, "row-level security may hide rows");
    // Its owner is exempt, unless it is forced on it.
    trial.sql(&format!("ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey; ALTER TABLE orders OWNER TO {name}"));
    trial.pipeline_on(&keys, "strategy: rewrite", &task("orders", "", FIX));
    trial.run().expect(0);
    trial.sql("ALTER TABLE orders FORCE ROW LEVEL SECURITY");
    refused("auto", "orders", 2, "row-level security may hide rows");
    // Triggers cannot be silenced by everyone.
    trial.sql(
        "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
         CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
         CREATE TRIGGER audit BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION quiet()",
    );
    refused(
        "update\nauto_manage_triggers: true",
        "orders",
        2,
        "session_replication_role",
    );
    // A role that may only read.
    trial.sql(&format!(
        "ALTER ROLE {name} SET default_transaction_read_only = on"
    ));
    refused("update", "orders", 1, "read-only transaction");
}

#[test]
fn databases_that_are_not_reached() {
    let Some(trial) = Trial::new() else { return };
    tables(&trial);
    let variable = |name: &str| std::env::var(format!("VISARD_TEST_POSTGRES_{name}")).unwrap();
    let ca = variable("CA");
    let other = trial.visard.write("other-ca.pem", OTHER_AUTHORITY);
    let other = other.display();
    let port = free_port();
    // The same server under an address that its certificate does not have.
    let elsewhere = forward(variable("PORT").parse().unwrap());
    for (connection, said) in [
        ("password: a wrong word".to_owned(), "28P01"),
        ("user: nobody_of_this_name".to_owned(), "28P01"),
        ("database: no_such_database".to_owned(), "3D000"),
        (format!("port: {port}"), "refused"),
        ("host: nowhere.invalid".to_owned(), "lookup"),
        ("sslmode: verify-full".to_owned(), "certificate"),
        (
            format!("sslmode: verify-ca, sslrootcert: {other}"),
            "certificate",
        ),
        (
            format!("sslmode: verify-full, host: 127.0.0.2, port: {elsewhere}, sslrootcert: {ca}"),
            "certificate",
        ),
        (
            format!("sslmode: require, sslrootcert: {other}"),
            "certificate",
        ),
    ] {
        trial.pipeline_on(&connection, "", &task("customers", "", FIX));
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

/// A port of 127.0.0.2 that leads to `port` of 127.0.0.1, as long as the tests last.
fn forward(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let elsewhere = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                std::thread::spawn(move || {
                    // Either end may hang up.
                    std::io::copy(&mut from, &mut to).unwrap_or_default();
                    to.shutdown(Shutdown::Both).unwrap_or_default();
                });
            }
        }
    });
    elsewhere
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The certificate of an authority that signed nothing.
const OTHER_AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBnzCCAUWgAwIBAgIUcYdmn46XnJGZ7DutWZz9HhKiG88wCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRYW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTIyMDkyNDIxWhgP
MjEyNjEwMjkwOTI0MjFaMBwxGjAYBgNVBAMMEWFub3RoZXIgYXV0aG9yaXR5MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENXePPH3YfZHw9zKw+K0Jl0tTvii7fOOo
ycEbkdi1Py9dFYqkYkgOdoISXanYJ/Wq5pNt/X0I6oFdpQ8yhrGM+6NjMGEwHQYD
VR0OBBYEFKAJ3Vb8sWaOX/69+KbuyltOTkK4MB8GA1UdIwQYMBaAFKAJ3Vb8sWaO
X/69+KbuyltOTkK4MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMAoG
CCqGSM49BAMCA0gAMEUCIHI7pqBAjlJD0sXNVIjd8pvAl81Pkm+I1ilpdT0k6X0e
AiEA/Ii1I9LHM7ex/+pB+4fHiAe7BVBsXyqkhnew72x3d5M=
-----END CERTIFICATE-----
";
