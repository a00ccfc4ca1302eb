//! What is refused before a row moves, with its code, and what a database refuses, without its values.

use super::Over;
use super::trial::{Driven, units};
use crate::databases::{Kind, pipeline, task};
use crate::{mariadb, postgres, sqlite};

const RULES: &str = "- column: v\n  masks: [{type: imitate}]";

/// Runs pipelines that are refused with a code and some words, and change nothing.
#[track_caller]
fn refused<T: Driven>(trial: &Over<T>, cases: &[(String, &str, &str)]) {
    let dump = trial.dump();
    for (tasks, code, words) in cases {
        trial.pipeline("", tasks);
        for command in ["check", "run"] {
            let ended = match command {
                "run" => trial.run(),
                _ => trial.visard().call(&[command, "pipeline.yml"]),
            };
            assert_eq!(ended.code, Some(2), "{tasks}: {}", ended.stderr);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(
                said.contains(code) && said.contains(words),
                "{tasks}: {said}"
            );
        }
    }
    assert_eq!(trial.dump(), dump);
}

fn tables_of_all<T: Driven>() -> Option<Over<T>> {
    let trial = Over::<T>::new()?;
    trial.sql(
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(40), u varchar(40) NOT NULL UNIQUE);
         CREATE TABLE keyless (id int, v varchar(40)); CREATE TABLE nulls (k varchar(9) UNIQUE, v varchar(40));
         CREATE TABLE real_key (k double precision PRIMARY KEY, v varchar(40));
         CREATE TABLE p (v varchar(40) PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, v varchar(40), FOREIGN KEY (v) REFERENCES p (v));
         CREATE VIEW seen AS SELECT v FROM t; INSERT INTO t VALUES (1, 'a', 'b')",
    );
    let where_ = |condition: &str| task("t", &format!("where: \"{condition}\""), RULES);
    refused(
        &trial,
        &[
            (
                task("keyless", "", RULES),
                "V1205",
                "neither a primary key nor a unique index",
            ),
            (
                task("nulls", "", RULES),
                "V1205",
                "neither a primary key nor a unique index",
            ),
            (
                task("real_key", "", RULES),
                "V1205",
                "does not come back over ODBC",
            ),
            (task("seen", "", RULES), "V1202", "it is no table"),
            (task("nothing", "", RULES), "V1201", "there is no table"),
            (
                task("keyless", "strategy: rewrite", RULES),
                "V1205",
                "neither a primary key nor a unique index",
            ),
            (task("t", "key: v", RULES), "V1203", "no unique index"),
            (
                task("t", "", "- column: nope\n  masks: [{type: imitate}]"),
                "V1001",
                "nope",
            ),
            (
                task("t", "", "- column: u\n  masks: [{type: imitate}]"),
                "V1207",
                "unique",
            ),
            (
                task(
                    "t",
                    "strategy: update",
                    "- column: u\n  masks: [{type: imitate_unique}]",
                ),
                "V1205",
                "half way",
            ),
            (task("c", "", RULES), "V1206", "it refers to `v`"),
            (
                task(
                    "p",
                    "strategy: update",
                    "- column: v\n  masks: [{type: imitate_unique}]",
                ),
                "V1205",
                "only a rewrite does in one transaction",
            ),
            (where_("nope = 1"), "V1204", "`where` is no condition"),
            (where_("id = ?"), "V1204", ""),
            (where_("id = 1) OR (1 = 1"), "V1204", "goes on"),
            (
                task(
                    "t",
                    "joins:\n  - {target_table: p, target_key: v, source_table: t, source_key: v}",
                    RULES,
                ),
                "V0914",
                "not joined",
            ),
        ],
    );
    Some(trial)
}

#[test]
fn tables_of_postgresql_that_cannot_be_masked() {
    let Some(trial) = tables_of_all::<postgres::Trial>() else {
        return;
    };
    trial.sql(
        "CREATE TABLE rls (id int PRIMARY KEY, v text); ALTER TABLE rls ENABLE ROW LEVEL SECURITY; ALTER TABLE rls FORCE ROW LEVEL SECURITY;
         CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE heir () INHERITS (parent);
         CREATE TABLE partial (k int NOT NULL, v text); CREATE UNIQUE INDEX ON partial (k) WHERE k > 0",
    );
    refused(
        &trial,
        &[
            (task("parent", "", RULES), "V1202", "inherit"),
            (
                task("partial", "", RULES),
                "V1205",
                "neither a primary key nor a unique index",
            ),
            (task("partial", "key: k", RULES), "V1203", "no unique index"),
        ],
    );
}

#[test]
fn tables_of_mariadb_that_cannot_be_masked() {
    let Some(trial) = tables_of_all::<mariadb::Trial>() else {
        return;
    };
    trial.sql("CREATE TABLE isam (id int PRIMARY KEY, v text) ENGINE = MyISAM; CREATE TABLE prefixed (k text NOT NULL, v text, UNIQUE (k(9)))");
    refused(
        &trial,
        &[
            (task("isam", "", RULES), "V1202", "engine"),
            (
                task("prefixed", "", RULES),
                "V1205",
                "neither a primary key nor a unique index",
            ),
        ],
    );
    // A definition would commit what was before it.
    trial.pipeline(
        "",
        "- type: run_sql\n  sql: DELETE FROM t; ALTER TABLE t ADD w int\n",
    );
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("cannot be undone"),
        "{}",
        ended.stderr
    );
    assert_eq!(trial.one("SELECT count(*) FROM t"), "1");
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn tables_of_sqlite_that_cannot_be_masked() {
    let Some(trial) = tables_of_all::<sqlite::Trial>() else {
        return;
    };
    trial.sql(
        "CREATE VIRTUAL TABLE f USING fts5(v); CREATE TABLE holes (k varchar(9) PRIMARY KEY, v text); INSERT INTO holes VALUES (NULL, 'a')",
    );
    refused(&trial, &[(task("f", "", RULES), "V1202", "virtual table")]);
    trial.pipeline("", &task("holes", "", RULES));
    let ended = trial.run().expect(1);
    assert!(ended.stderr.contains("holds a null"), "{}", ended.stderr);
    assert_eq!(trial.rows("SELECT v FROM holes"), ["a"]);
}

/// The driver is told by its name or its library; one that is missing is told by what is there and what to install.
#[test]
fn drivers_that_are_not_there() {
    let Some(trial) = Over::<sqlite::Trial>::new() else {
        return;
    };
    trial.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')");
    for (connection, words) in [
        (
            "db_type: oracle, host: h, service_name: s",
            "no ODBC driver for Oracle Database is installed",
        ),
        ("db_type: mssql, host: h", "msodbcsql18"),
        ("db_type: db2_luw, host: h", "no ODBC driver for Db2"),
        ("db_type: db2i, host: h", "no ODBC driver for Db2 for i"),
        (
            "db_type: redshift, host: h",
            "no ODBC driver for Amazon Redshift",
        ),
        (
            "db_type: snowflake, snowflake_account_id: a",
            "no ODBC driver for Snowflake",
        ),
        ("db_type: sqlite, database: a.db, driver: Nope", "`SQLite3`"),
        (
            "db_type: sqlite, database: a.db, driver: /no/such.so",
            "there is no driver at /no/such.so",
        ),
        (
            "db_type: sqlite, database: nothing.db, driver: SQLite3",
            "there is no file",
        ),
        (
            "db_type: sqlite, database: a.db, driver: SQLite3, connection_string: DRIVER=x",
            "both say which driver",
        ),
    ] {
        let text = pipeline(connection, "", &task("t", "", RULES));
        trial.visard().write("pipeline.yml", text);
        let ended = trial.run().expect(2);
        assert!(
            ended.stderr.contains("V1011") && ended.stderr.contains(words),
            "{}",
            ended.stderr
        );
        let ended = trial
            .visard()
            .call(&["connections", "test", "pipeline.yml"])
            .expect(1);
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
    assert!(!trial.visard().path("nothing.db").exists());
    // All of it in the driver's own words.
    let path = trial.visard().path("a.db");
    let connection = format!(
        "db_type: sqlite, database: a.db, connection_string: 'DRIVER=SQLite3;Database={};Timeout=1000'",
        path.display()
    );
    let text = pipeline(
        &connection,
        "",
        &task(
            "t",
            "",
            "- column: v\n  masks: [{type: from_fixed, value: x}]",
        ),
    );
    trial.visard().write("pipeline.yml", text);
    trial.run().expect(0);
    assert_eq!(trial.rows("SELECT v FROM t"), ["x"]);
    let ended = trial
        .visard()
        .call(&["connections", "test", "pipeline.yml"])
        .expect(0);
    assert!(
        ended.stdout.contains("ODBC, of `SQLite`"),
        "{}",
        ended.stdout
    );
}

/// Passwords go into no message, and a server that refuses one says so.
#[test]
fn wrong_passwords() {
    let Some(trial) = Over::<postgres::Trial>::new() else {
        return;
    };
    let connection = format!("{}, port: 1", trial.connection());
    let right = trial.connection();
    for (connection, words) in [
        (
            right.replace(
                "VISARD_TEST_POSTGRES_PASSWORD",
                "VISARD_TEST_POSTGRES_DATABASE",
            ),
            "SQLSTATE",
        ),
        (connection, ""),
    ] {
        let text = pipeline(&connection, "", &task("t", "", RULES));
        trial.visard().write("pipeline.yml", text);
        let ended = trial.run().expect(2);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(!ended.stderr.contains("visard-secret"), "{}", ended.stderr);
    }
}

/// What a database refuses in a unit is told by its condition; the unit is as it was.
fn values_stay_out_of_messages<T: Driven>(has_lengths: bool) {
    let Some(trial) = Over::<T>::new() else {
        return;
    };
    let made = "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v varchar(20) NOT NULL CHECK (v <> 'marker-checked'), n int NOT NULL)";
    for (rule, is_refused) in [
        (
            "- column: v\n  masks: [{type: from_choices, choices: ['marker-checked']}]",
            true,
        ),
        (
            "- column: v\n  masks: [{type: concat, masks: [{type: do_nothing}, {type: do_nothing}, {type: do_nothing}]}]",
            has_lengths,
        ),
    ] {
        if !is_refused {
            continue;
        }
        trial.sql(made);
        trial.sql("INSERT INTO t VALUES (1, 'marker-one', 12345678), (2, 'marker-two', 87654321)");
        let before = trial.rows("SELECT * FROM t ORDER BY id");
        trial.pipeline("strategy: update", &task("t", "", rule));
        let ended = trial.run().expect(1);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let report = String::from_utf8(trial.visard().read("run/report.txt")).unwrap();
        for text in [&said, &report] {
            assert!(
                !text.contains("marker") && !text.contains("12345678"),
                "{text}"
            );
        }
        assert!(said.contains("SQLSTATE"), "{said}");
        assert_eq!(trial.rows("SELECT * FROM t ORDER BY id"), before);
        // The next one begins anew.
        for left in units(&trial) {
            trial.sql(&format!("DROP TABLE {left}"));
        }
    }
}

#[test]
fn values_stay_out_of_messages_of_postgresql() {
    values_stay_out_of_messages::<postgres::Trial>(true);
}

#[test]
fn values_stay_out_of_messages_of_mariadb() {
    values_stay_out_of_messages::<mariadb::Trial>(true);
}

#[test]
fn values_stay_out_of_messages_of_sqlite() {
    values_stay_out_of_messages::<sqlite::Trial>(false);
}
