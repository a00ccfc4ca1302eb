//! Databases: connections, where they may stand, and tasks on their tables.

use super::*;

/// A pipeline with this connection as `db` and these keys, and this ruleset.
fn load_database(
    connection: &str,
    rest: &str,
    ruleset: &str,
) -> (Option<Pipeline>, Option<Ruleset>, String) {
    let text = format!(
        "version: '1.0'\nconnections:\n  db: {connection}\n  \
         other: {{db_type: postgres}}\n  \
         in: {{type: mounted_share_connection, base_directory: i}}\nruleset: rules/r.yml\n{rest}\n"
    );
    let files = [
        ("p.yml", text.as_str()),
        ("rules/r.yml", ruleset),
        ("rules/clean.sql", "delete from log;\nanalyze;\n"),
        ("rules/empty.sql", " \n"),
        ("password.txt", "hunter2\n"),
        (
            "url.txt",
            "postgres://ann:hunter2@db:6432/crm?sslmode=verify-ca\n",
        ),
    ];
    load(&files, &[("PORT", "5433"), ("TIMEOUT", "3")])
}

const TABLE_RULES: &str = "version: '1.0'\ntasks:\n- {type: mask_table, table: t, rules: {column: a, masks: {type: hash}}}\n";

fn database(pipeline: Option<&Pipeline>) -> &DatabaseConnection {
    match &pipeline.unwrap().connection("db").unwrap().kind {
        ConnectionKind::Database(database) => database,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_as_keys_and_as_a_url() {
    let by_keys = "{db_type: postgres, host: db, port: '6432', database: crm, user: ann, \
                   dbpassword: {file: password.txt}, sslmode: verify-ca, schema: '', is_read_only: true, \
                   sslrootcert: ca.pem, connect_timeout_seconds: '${TIMEOUT}', application_name: null, \
                   engine_options: {work_mem: 64MB, jit: false}, version: '1.0', mask_type: database}";
    let (pipeline, ruleset, problems) = load_database(by_keys, "source: db", TABLE_RULES);
    assert_eq!(problems, "");
    let pipeline = pipeline.unwrap();
    // Masked in place, whether or not the same place is named again.
    assert_eq!(
        pipeline.destination.connection.value,
        pipeline.source.connection.value
    );
    assert!(matches!(ruleset.unwrap().tasks[0].kind, TaskKind::Table(_)));
    let keys = database(Some(&pipeline)).clone();
    assert_eq!(keys.db_type, DbType::Postgres);
    assert_eq!(keys.host.as_deref(), Some("db"));
    assert_eq!((keys.port, keys.schema.as_deref()), (Some(6432), None));
    assert_eq!(keys.password.as_ref().unwrap().expose(), "hunter2");
    assert!(keys.is_read_only && keys.connect_timeout_seconds == 3);
    assert!(keys.sslrootcert.as_ref().unwrap().ends_with("ca.pem"));
    assert_eq!(keys.engine_options["jit"].expose(), "false");
    assert_eq!(keys.application_name, "visard");
    let debug = format!("{keys:?}");
    assert!(!debug.contains("64MB") && !debug.contains("hunter2"));

    let by_url = "{db_type: postgres, url: file:url.txt}";
    let rest = "source: db\ndestination: {connection: db, path: ''}";
    let (pipeline, _, problems) = load_database(by_url, rest, TABLE_RULES);
    assert_eq!(problems, "");
    let url = DatabaseConnection {
        is_read_only: true,
        sslrootcert: keys.sslrootcert.clone(),
        connect_timeout_seconds: 3,
        engine_options: keys.engine_options.clone(),
        ..database(pipeline.as_ref()).clone()
    };
    assert_eq!(url, keys);

    let nothing = "{db_type: postgres, host: '', port: null, user: '', password: '', database: ''}";
    let (pipeline, _, problems) = load_database(nothing, "source: db", TABLE_RULES);
    assert_eq!(problems, "");
    let nothing = database(pipeline.as_ref());
    assert_eq!(
        (nothing.port, &nothing.host, &nothing.user),
        (None, &None, &None)
    );
    assert_eq!((&nothing.password, &nothing.database), (&None, &None));
    assert_eq!(nothing.sslmode, SslMode::Prefer);
    assert_eq!(nothing.connect_timeout_seconds, 10);
}

#[test]
fn problems_of_connections_and_places_by_code() {
    let postgres = |keys: &str| (format!("{{db_type: postgres, {keys}}}"), "source: db");
    let plain = |rest| ("{db_type: postgres}".to_owned(), rest);
    for ((connection, rest), codes) in [
        // Connections.
        (postgres("hots: x"), vec!["V0202"]),
        (postgres("type: postgres"), vec!["V0202"]),
        (postgres("port: '${PORT}'"), vec![]),
        (postgres("port: 0"), vec!["V0205"]),
        (postgres("port: '65536'"), vec!["V0205"]),
        (postgres("port: 5432.0"), vec!["V0204"]),
        (postgres("host: 1"), vec!["V0204"]),
        (postgres("sslmode: allow"), vec!["V0205"]),
        (postgres("connect_timeout_seconds: 0"), vec!["V0205"]),
        (postgres("password: a, dbpassword: b"), vec!["V0309"]),
        (postgres("password: a, dbpassword: ''"), vec![]),
        (postgres("password: file:nope"), vec!["V0803"]),
        (postgres("engine_options: [a]"), vec!["V0204"]),
        (postgres("engine_options: {a: {b: c}}"), vec!["V0204"]),
        (postgres("url: 'mysql://x'"), vec!["V0205"]),
        (
            postgres("url: file:url.txt, host: x, port: 1"),
            vec!["V0309"; 2],
        ),
        (postgres("url: 'postgres://db', password: x"), vec![]),
        (postgres("iam_role_arn: x"), vec!["V0921"]),
        (
            (
                "{db_type: mariadb, url: 'mysql://a:b@c/d', sslmode: require}".to_owned(),
                "source: db",
            ),
            vec![],
        ),
        (
            (
                "{db_type: mysql, url: 'postgres://a'}".to_owned(),
                "source: db",
            ),
            vec!["V0205"],
        ),
        (
            ("{db_type: postgrs, x: 1}".to_owned(), "source: db"),
            vec!["V0205"],
        ),
        (("{db_type: [x]}".to_owned(), "source: db"), vec!["V0204"]),
        (
            ("{db_type: sqlite}".to_owned(), "source: db"),
            vec!["V0203"],
        ),
        (
            ("{db_type: oracle, servce_name: x}".to_owned(), "source: db"),
            vec!["V0202"],
        ),
        (
            ("{db_type: mssql, is_read_only: 1}".to_owned(), "source: db"),
            vec!["V0204"],
        ),
        // Places.
        (
            plain("source: {connection: db, path: public}"),
            vec!["V0311"],
        ),
        (plain("source: db\ndestination: db"), vec![]),
        (
            plain("source: db\ndestination: db\noptions: {in_place: true}"),
            vec![],
        ),
        (plain("source: db\ndestination: other"), vec![]),
        (plain("source: db\ndestination: in"), vec![]),
        (
            plain("source: db\ndestination: in\noptions: {in_place: true}"),
            vec!["V0304"],
        ),
        (
            plain(
                "source: db\ndestination: {connection: in, path: a, format: csv, mode: overwrite}",
            ),
            vec![],
        ),
        (
            plain("source: db\ndestination: {connection: in, mode: append}"),
            vec!["V0312"],
        ),
        (
            plain(
                "source: {connection: db, mode: append}\ndestination: {connection: other, format: csv, mode: append}",
            ),
            vec!["V0312", "V0312"],
        ),
        (
            plain("source: db\ndestination: {connection: db, mode: append}"),
            vec!["V0312"],
        ),
        (
            plain("source: db\ndestination: {connection: in, format: orc}"),
            vec!["V0205"],
        ),
        (
            plain("source: db\ndestination: {connection: other, create_tables: true}"),
            vec![],
        ),
        (
            plain("source: db\ndestination: {connection: other, create_tables: often}"),
            vec!["V0204"],
        ),
        // Nothing is made in a source, where tables are masked in place, or of files.
        (
            plain(
                "source: {connection: db, create_tables: true}\ndestination: {connection: other}",
            ),
            vec!["V0312"],
        ),
        (
            plain("source: db\ndestination: {connection: db, create_tables: true}"),
            vec!["V0312"],
        ),
        (
            plain("source: db\ndestination: {connection: in, create_tables: false}"),
            vec!["V0312"],
        ),
        // Options.
        (
            plain(
                "source: db\noptions: {batch_size: 10000000, max_rows: '1000', strategy: update, auto_manage_triggers: true, dry_run: true, continue_on_failure: true}",
            ),
            vec![],
        ),
        (
            plain("source: db\noptions: {batch_size: 10000001}"),
            vec!["V0205"],
        ),
        (
            plain("source: db\noptions: {buffer_size: 10}"),
            vec!["V0209"],
        ),
        (
            plain("source: db\noptions: {batch_size: 1, buffer_size: 10}"),
            vec!["V0209", "V0205"],
        ),
        (plain("source: db\noptions: {max_rows: 0}"), vec!["V0205"]),
        (
            plain("source: db\noptions: {max_rows: some}"),
            vec!["V0205"],
        ),
        (plain("source: db\noptions: {max_rows: 1.5}"), vec!["V0204"]),
        (
            plain("source: db\noptions: {strategy: insert}"),
            vec!["V0205"],
        ),
        (
            plain("source: db\noptions: {unmatched: copy, csv: {}}"),
            vec!["V0921"; 2],
        ),
    ] {
        let (_, ruleset, drawn) = load_database(&connection, rest, TABLE_RULES);
        assert_eq!(codes_in(&drawn), codes, "{connection}\n{rest}\n{drawn}");
        assert!(ruleset.is_some() && !drawn.contains("hunter2"));
    }
    let rest = "source: in\ndestination: db";
    let (_, _, drawn) = load_database("{db_type: postgres}", rest, RULES);
    assert_eq!(codes_in(&drawn), ["V0408"]);
    let named = RULES.replace("mask_tabular_file", "mask_tabular_file, table: crm.t");
    let (_, _, drawn) = load_database("{db_type: postgres}", rest, &named);
    assert_eq!(codes_in(&drawn), [""; 0], "{drawn}");
    let rest = "source: in\noptions: {in_place: true}";
    let (_, _, drawn) = load_database("{db_type: postgres}", rest, &named);
    assert_eq!(codes_in(&drawn), ["V0408"]);
    let rest = "source: in\noptions: {in_place: true, batch_size: 1, strategy: auto, max_rows: 1, auto_manage_triggers: false}";
    let (_, _, drawn) = load_database("{db_type: postgres}", rest, RULES);
    assert_eq!(codes_in(&drawn), ["V0921", "V0921", "V0308", "V0921"]);
}

#[test]
fn other_kinds_take_what_other_servers_write() {
    const OF_ANY: &str = "id: 1, name: x, version: '1.0', mask_type: database, is_read_only: false, \
        is_file_mask_source: false, is_file_mask_destination: false, last_discovery_run_id: null, \
        last_discovery_run_date: null, license_lock: {locked_at: x}, target_frozen: false";
    const OF_SERVERS: &str = "host: '', port: null, user: '', password: '', database: '', schema: '', \
        engine_options: {pool_size: 5}, iam_role_arn: x, connection_fileset: null, oracle_wallet: null, \
        data_encoding: utf-8";
    let extras = |kind: DbType| match kind {
        DbType::Postgres => "sslmode: require",
        DbType::Mysql | DbType::Mariadb | DbType::Mssql => "dbpassword: x",
        DbType::Oracle => "service_name: x",
        DbType::MssqlLinked => "linked_server: x",
        DbType::Redshift => "s3_bucket_name: x, s3_redshift_iam_role: x",
        DbType::DynamoDb => {
            "s3_bucket_name: x, export_s3_prefix: x, dynamo_append_datetime: false, dynamo_append_suffix: -MASKED, \
             dynamo_replace_tables: true, dynamo_default_region: x, \
             dynamo_default_sse: {selection: account_managed, kms_key_id: x}"
        }
        DbType::Mongodb | DbType::Documentdb | DbType::Cosmosdb => {
            "auth_source: admin, tls: true, tls_ca_file: x, tls_allow_invalid_certificates: false, \
             direct_connection: false, retry_writes: true, replica_set: x"
        }
        DbType::Snowflake => {
            "snowflake_account_id: x, snowflake_warehouse: x, snowflake_role: x, snowflake_private_key: x, \
             snowflake_private_key_passphrase: x"
        }
        DbType::Databricks | DbType::DatabricksLakebase => {
            "server_hostname: x, http_path: x, access_token: x, catalog: x"
        }
        DbType::Cassandra => "local_datacenter: x, tls: false, direct_connection: false",
        DbType::SapAse => "tls: false, tls_server_name: x, connect_timeout: 5",
        DbType::Salesforce => {
            "instance_url: x, login_url: x, client_id: x, salesforce_private_key_path: x, \
             salesforce_private_key_passphrase: x, api_version: 59.0"
        }
        DbType::Sqlite => "database: data/x.db",
        DbType::Db2Luw | DbType::Db2i | DbType::Informix | DbType::SapHana => "dbpassword: x",
    };
    assert_eq!(DbType::ALL.len(), 22);
    for kind in DbType::ALL {
        let server = match kind {
            DbType::Sqlite => String::new(),
            _ => format!("{OF_SERVERS},"),
        };
        let keys = format!("{OF_ANY}, {server} {}", extras(*kind));
        // A password may be given by either name, so that the longer one needs the other's place.
        let keys = match keys.contains("dbpassword") {
            true => keys.replace("password: '', ", ""),
            false => keys,
        };
        let connection = format!("{{db_type: {}, {keys}}}", kind.name());
        let (_, _, drawn) = load_database(&connection, "source: db", TABLE_RULES);
        let expected: &[&str] = match kind {
            // A file has no role to take.
            DbType::Sqlite => &[],
            DbType::Snowflake => &["V0921", "V0921"],
            kind if kind.is_built() => &["V0921"],
            _ => &["V0911"],
        };
        assert_eq!(codes_in(&drawn), expected, "{connection}\n{drawn}");
    }
    let (pipeline, ..) = load_database(
        "{db_type: sqlite, database: data/x.db}",
        "source: db",
        TABLE_RULES,
    );
    let path = database(pipeline.as_ref()).database.clone().unwrap();
    assert!(Path::new(&path).is_absolute() && path.ends_with("data/x.db"));
}

#[test]
fn table_tasks_as_they_come_out() {
    let rules = "version: '1.0'
auto_manage_triggers: true
tasks:
  - type: run_sql
    sql_file: clean.sql
  - type: build_temp_table
    table_name: picked
    sql_select_statement: select id from crm.t
  - type: mask_table
    name: people
    table: '\"CRM\".people'
    key: [id, '\"Line\"']
    hash_columns: ['\"ID\"']
    where: \"deleted_at is null and note <> ';'\"
    workers: 2
    strategy: rewrite
    batch_size: 5000
    rules:
      - {column: '\"EMAIL\"', masks: {type: hash}}
      - {column: EMAIL, masks: {type: hash}}
      - {if: {column: Country, equals: NZ}, rules: {columns: ['note*'], masks: {type: hash}}}
  - {type: mask_table, table: t, index_key_columns: rowid, rules: {column: a, masks: {type: hash}}}
  - {type: mask_table, table: u, key: '\"ROWID\"', rules: {column: a, masks: {type: hash}}}
  - {type: truncate_table, table: crm.log}
";
    let (pipeline, ruleset, problems) = load_database("{db_type: postgres}", "source: db", rules);
    assert_eq!(problems, "");
    assert_eq!(pipeline.unwrap().options.auto_manage_triggers, None);
    let ruleset = ruleset.unwrap();
    assert!(ruleset.auto_manage_triggers.unwrap().value);
    let names: Vec<_> = ruleset
        .tasks
        .iter()
        .map(|task| (task.stage, task.kind.type_name()))
        .collect();
    assert_eq!(
        names,
        [
            (0, "run_sql"),
            (1, "build_temp_table"),
            (2, "mask_table"),
            (3, "mask_table"),
            (4, "mask_table"),
            (5, "truncate_table")
        ]
    );
    let TaskKind::RunSql { sql } = &ruleset.tasks[0].kind else {
        panic!("a task that runs SQL");
    };
    assert_eq!(sql.value, "delete from log;\nanalyze;\n");
    let TaskKind::BuildTempTable { table, select } = &ruleset.tasks[1].kind else {
        panic!("a task that fills a table");
    };
    assert_eq!(
        (table.value.to_string().as_str(), select.value.as_str()),
        ("picked", "select id from crm.t")
    );
    let people = &ruleset.tasks[2];
    let TaskKind::Table(task) = &people.kind else {
        panic!("a task that masks a table");
    };
    assert_eq!(task.table.value.to_string(), "\"CRM\".people");
    let Some(RowKey::Columns(key)) = &task.key else {
        panic!("{:?}", task.key);
    };
    assert_eq!(
        (
            key[0].value.quoted,
            key[1].value.quoted,
            key[1].value.text.as_str()
        ),
        (false, true, "Line")
    );
    assert_eq!(
        task.condition.as_ref().unwrap().value,
        "deleted_at is null and note <> ';'"
    );
    assert_eq!(
        (task.strategy, task.batch_size, people.workers),
        (Some(Strategy::Rewrite), Some(5000), Some(2))
    );
    let columns: Vec<_> = people.rules.iter().map(|rule| &rule.columns[0]).collect();
    assert_eq!(
        (columns[0].text.as_str(), columns[0].quoted),
        ("EMAIL", true)
    );
    assert!(!columns[1].quoted && columns[2].is_glob());
    let read = people.rules[2].columns_read();
    assert_eq!(read[0].value, Identifier::parse("Country"));
    assert_eq!(read[1].value, Identifier::parse("\"ID\""));
    assert!(people.files().is_none());
    for task in &ruleset.tasks[3..5] {
        let TaskKind::Table(task) = &task.kind else {
            panic!("a task that masks a table");
        };
        assert!(matches!(task.key, Some(RowKey::Place(_))));
    }
}

#[test]
fn problems_of_table_tasks_by_code() {
    let rules = "rules: {column: a, masks: {type: do_nothing}}";
    let table = |keys: &str| format!("{{type: mask_table, table: t, {keys}, {rules}}}");
    let named = |name: &str| format!("{{type: mask_table, table: {name}, {rules}}}");
    for (task, codes) in [
        (named("s.t"), vec![]),
        (named("1"), vec!["V0204"]),
        (named("''"), vec!["V0205"]),
        (named("a.b.c"), vec!["V0406"]),
        (named("'[s].[t]'"), vec!["V0406"]),
        (named("'\"a'"), vec!["V0406"]),
        (format!("{{type: mask_table, {rules}}}"), vec!["V0203"]),
        ("{type: mask_table, table: t}".to_owned(), vec!["V0203"]),
        (
            "{type: mask_table, table: t, rules: []}".to_owned(),
            vec!["V0501"],
        ),
        (
            "{type: mask_table, tabel: t, rules: x}".to_owned(),
            vec!["V0203", "V0202", "V0204"],
        ),
        (table("key: []"), vec!["V0205"]),
        (table("key: [a, A]"), vec![]),
        (table("key: [a, '\"a\"']"), vec![]),
        (table("key: [a, a]"), vec!["V0205"]),
        (table("key: [ctid, a]"), vec!["V0205"]),
        (table("key: 1"), vec!["V0204"]),
        (table("key: a, index_key_columns: a"), vec!["V0205"]),
        (table("where: 'a > 1; '"), vec!["V0407"]),
        (table("where: ' '"), vec!["V0407"]),
        (table("where: 1"), vec!["V0204"]),
        (table("strategy: fast"), vec!["V0205"]),
        (table("batch_size: 0"), vec!["V0205"]),
        (table("include: '*.csv'"), vec!["V0202"]),
        (table("joins: []"), vec![]),
        (
            table("joins: [{target_table: a, target_key: [x, y], source_table: t, source_key: [x, y]}]"),
            vec![],
        ),
        (
            table("joins: [{target_table: a, target_key: x, source_table: t, source_key: [x, y]}]"),
            vec!["V0205"],
        ),
        (
            table("joins: [{target_tabel: a, target_key: 1, source_table: a b, source_key: x}]"),
            vec!["V0202", "V0203", "V0204", "V0406"],
        ),
        (table("joins: x"), vec!["V0204"]),
        (
            "{type: mask_unique_key, table: t, target_key: [a, {key: b}], additional_cascades: \
             [{table: s.u, columns: [{source: a, target: '\"B\"'}]}]}"
                .to_owned(),
            vec![],
        ),
        (
            "{type: mask_unique_key, table: t, target_key: [{key: a, format: x}, {format: x}], key: a}".to_owned(),
            vec!["V0205"],
        ),
        (
            "{type: mask_unique_key, table: t, target_key: [{key: a, format: x}, {format: y}]}".to_owned(),
            vec!["V0203"],
        ),
        (
            "{type: mask_unique_key, table: t, key: a, additional_cascades: [{table: u}, {table: u v, columns: [{source: a}]}]}".to_owned(),
            vec!["V0203", "V0406", "V0203"],
        ),
        ("{type: run_sql, sql: 'select 1;'}".to_owned(), vec![]),
        ("{type: run_sql}".to_owned(), vec!["V0407"]),
        ("{type: run_sql, sql: '  '}".to_owned(), vec!["V0407"]),
        (
            "{type: run_sql, sql: a, sql_file: b}".to_owned(),
            vec!["V0407"],
        ),
        (
            "{type: run_sql, sql_file: nope.sql}".to_owned(),
            vec!["V0101"],
        ),
        (
            "{type: run_sql, sql_file: empty.sql}".to_owned(),
            vec!["V0407"],
        ),
        (
            "{type: run_sql, sql: a, rules: []}".to_owned(),
            vec!["V0202"],
        ),
        ("{type: truncate_table}".to_owned(), vec!["V0203"]),
        (
            "{type: truncate_table, table: 'a;'}".to_owned(),
            vec!["V0406"],
        ),
        (
            "{type: build_temp_table, table: t, select: select 1}".to_owned(),
            vec![],
        ),
        (
            "{type: build_temp_table, select: 'select 1;'}".to_owned(),
            vec!["V0407", "V0407"],
        ),
        (
            "{type: build_temp_table, table: t, table_name: t, select: a}".to_owned(),
            vec!["V0407"],
        ),
        (
            "{type: mask_tabular_file, rules: {column: a, masks: {type: hash}}}".to_owned(),
            vec!["V0405"],
        ),
    ] {
        let text = format!("version: '1.0'\ntasks:\n- {task}\n");
        let (_, _, drawn) = load_database("{db_type: postgres}", "source: db", &text);
        assert_eq!(codes_in(&drawn), codes, "{task}\n{drawn}");
    }
}

#[test]
fn tasks_and_a_source_that_do_not_go_together_as_drawn() {
    let rules = TABLE_RULES.replace("tasks", "auto_manage_triggers: true\ntasks");
    let rest = "source: in\noptions: {in_place: true}";
    let (_, _, drawn) = load_database("{db_type: postgres}", rest, &rules);
    assert_eq!(
        drawn,
        "warning[V0921]: `auto_manage_triggers` has no effect on files\n \
         --> rules/r.yml:2:1\n\
         2 | auto_manage_triggers: true\n  \
         | ^^^^^^^^^^^^^^^^^^^^\n\
         \n\
         error[V0405]: `mask_table` is for a database, and the source holds files\n \
         --> rules/r.yml:4:10\n\
         4 | - {type: mask_table, table: t, rules: {column: a, masks: {type: hash}}}\n  \
         |          ^^^^^^^^^^\n \
         ::: p.yml:7:9\n\
         7 | source: in\n  \
         |         -- the source\n  \
         = help: one ruleset is for files or for a database; write two, with a pipeline each\n",
    );
}

#[test]
fn secrets_under_wrong_names_are_not_drawn() {
    for connection in [
        "{db_type: postgres, pasword: hunter2}",
        "{db_type: postgres, pw: {is: [hunter2]}, x: 1}",
        "{db_type: postgrs, host: hunter2}",
        "{type: ftp, login: hunter2}",
        "{host: hunter2}",
        "{db_type: postgres, host: {pw: hunter2}}",
        "{db_type: postgres, host: [hunter2]}",
        "{db_type: postgres, engine_options: {a: [hunter2]}}",
        "{db_type: postgres, url: 'postgres//hunter2'}",
        "{db_type: mysql, url: hunter2}",
        "{type: s3_connection, bucket: a, access_kee: hunter2}",
    ] {
        let (_, _, drawn) = load_database(connection, "source: in", RULES);
        assert!(codes_in(&drawn).len() > 1, "{drawn}");
        assert!(!drawn.contains("hunter2"), "{drawn}");
    }
    let rest = "source: in\noptions: {in_place: true, run_secert: hunter2}";
    let (_, _, drawn) = load_database("{db_type: postgres}", rest, RULES);
    assert_eq!(codes_in(&drawn), ["V0202"]);
    assert!(!drawn.contains("hunter2"), "{drawn}");
}
