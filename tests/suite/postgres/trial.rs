//! A schema of its own in the test database, and the command on it.

use std::cell::RefCell;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::databases::{Kind, pipeline};
pub use crate::databases::{Random, STRATEGIES, task};
use crate::visard::{Ended, Visard};

/// A session in a schema of its own, which goes with it, and the command in a folder of its own.
pub struct Trial {
    pub visard: Visard,
    pub schema: String,
    runtime: Runtime,
    client: Client,
    /// Its own database, where it has one.
    database: Option<String>,
    roles: RefCell<Vec<String>>,
}

impl Trial {
    /// `None` where the server is not there.
    pub fn new() -> Option<Self> {
        let config = config()?;
        Some(Self::with(&config, None))
    }

    /// The same in a database of its own, where no session of another trial is.
    pub fn in_own_database() -> Option<Self> {
        let mut config = config()?;
        let name = new_name();
        let runtime = Runtime::new().unwrap();
        let created = connect(&runtime, &config);
        let create = format!("CREATE DATABASE {name}");
        runtime.block_on(created.batch_execute(&create)).unwrap();
        Some(Self::with(config.dbname(&name), Some(name)))
    }

    fn with(config: &Config, database: Option<String>) -> Self {
        let runtime = Runtime::new().unwrap();
        let client = connect(&runtime, config);
        let trial = Self {
            visard: Visard::new(),
            schema: new_name(),
            runtime,
            client,
            database,
            roles: RefCell::default(),
        };
        trial.sql(&format!(
            "CREATE SCHEMA {0}; SET search_path = {0}, public; SET client_min_messages = warning; \
             SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'",
            trial.schema
        ));
        trial
    }

    /// A role of its own with these attributes, which goes with the trial; the keys of a connection as it.
    pub fn role(&self, attributes: &str) -> (String, String) {
        let name = format!("{}_{}", self.schema, self.roles.borrow().len());
        self.sql(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'a word' {attributes}; GRANT USAGE ON SCHEMA {} TO {name}",
            self.schema
        ));
        self.roles.borrow_mut().push(name.clone());
        let keys = format!("user: {name}, password: a word");
        (name, keys)
    }

    /// Another session in the same schema, for what goes on meanwhile.
    pub fn other_session(&self) -> Client {
        let mut config = config().unwrap();
        if let Some(database) = &self.database {
            config.dbname(database);
        }
        let client = connect(&self.runtime, &config);
        let path = format!("SET search_path = {}, public", self.schema);
        self.runtime.block_on(client.batch_execute(&path)).unwrap();
        client
    }

    /// Its own database, as the address of a store.
    pub fn url(&self) -> String {
        let variable = |name: &str| std::env::var(format!("VISARD_TEST_POSTGRES_{name}")).unwrap();
        format!(
            "postgres://{}:{}@{}:{}/{}",
            variable("USER"),
            variable("PASSWORD"),
            variable("HOST"),
            variable("PORT"),
            self.database.as_deref().expect("it has one")
        )
    }

    /// Runs statements in `client`.
    pub fn sql_in(&self, client: &Client, sql: &str) {
        let done = self.runtime.block_on(client.batch_execute(sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// What the server says where it refuses statements.
    pub fn refusal(&self, sql: &str) -> Option<String> {
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        done.err().map(|error| format!("{error:?}"))
    }

    pub fn sql(&self, sql: &str) {
        self.sql_in(&self.client, sql);
    }

    /// The rows of a query as the server prints them, columns divided by `|`; a null is `~`.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let answers = self.runtime.block_on(self.client.simple_query(sql));
        let answers = answers.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let rows = answers.iter().filter_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            let fields = (0..row.len()).map(|field| row.get(field).unwrap_or("~"));
            fields.collect::<Vec<_>>().join("|")
        })
        .collect()
    }

    /// The only row of a query.
    #[track_caller]
    pub fn one(&self, sql: &str) -> String {
        let mut rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.remove(0)
    }

    /// What `COPY … TO STDOUT` of a query gives.
    pub fn copy_out(&self, sql: &str) -> Vec<u8> {
        use futures::TryStreamExt;
        let bytes = async {
            let chunks = self.client.copy_out(sql).await?;
            chunks
                .try_fold(Vec::new(), |mut all, chunk| async move {
                    all.extend_from_slice(&chunk);
                    Ok(all)
                })
                .await
        };
        let bytes: Result<_, tokio_postgres::Error> = self.runtime.block_on(bytes);
        bytes.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// Writes `pipeline.yml` with these `options` and `tasks`, a line each.
    pub fn pipeline(&self, options: &str, tasks: &str) {
        self.pipeline_on("", options, tasks);
    }

    /// The same with more keys of the connection, `, KEY: VALUE` each; of a key given twice the later counts.
    pub fn pipeline_on(&self, connection: &str, options: &str, tasks: &str) {
        let text = pipeline(&self.keys(connection), options, tasks);
        self.visard.write("pipeline.yml", text);
    }

    fn keys(&self, more: &str) -> String {
        let variable = |name: &str| format!("\"${{VISARD_TEST_POSTGRES_{name}}}\"");
        let database = self.database.clone();
        let mut keys = vec![
            ("db_type", "postgres".to_owned()),
            ("host", variable("HOST")),
            ("port", variable("PORT")),
            ("user", variable("USER")),
            ("password", variable("PASSWORD")),
            ("database", database.unwrap_or_else(|| variable("DATABASE"))),
            ("schema", self.schema.clone()),
        ];
        for pair in more.split(", ").filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(": ").unwrap();
            keys.retain(|(known, _)| *known != key);
            keys.push((key, value.to_owned()));
        }
        let keys: Vec<String> = keys.iter().map(|(key, v)| format!("{key}: {v}")).collect();
        keys.join(", ")
    }

    /// Runs the pipeline as a new run.
    pub fn run(&self) -> Ended {
        self.forget_run();
        self.visard.run(&[])
    }

    /// Removes the run folder, so that the next run is a new one.
    pub fn forget_run(&self) {
        std::fs::remove_dir_all(self.visard.path("run")).unwrap_or_default();
    }

    /// Masks `table` with `rules` and expects all to be well; the report of the table.
    #[track_caller]
    pub fn mask(&self, options: &str, table: &str, rules: &str) -> serde_json::Value {
        self.pipeline(options, &task(table, "", rules));
        self.run().expect(0);
        self.visard.report()["tables"][0].clone()
    }

    /// Relations that a run made and did not remove, anywhere but in other trials' schemas.
    pub fn leftovers(&self) -> Vec<String> {
        self.rows(&format!(
            "SELECT c.oid::regclass FROM pg_class c WHERE c.relname LIKE 'visard\\_%' \
             AND c.relnamespace = '{}'::regnamespace",
            self.schema
        ))
    }

    /// Everything `pg_dump` says of the schema but its rows: a statement each, in an order of their own, as
    /// `pg_dump` orders some things by when they were made.
    pub fn dump(&self) -> Vec<String> {
        let variable = |name: &str| std::env::var(format!("VISARD_TEST_POSTGRES_{name}")).unwrap();
        let database = self.database.clone();
        let database = database.unwrap_or_else(|| variable("DATABASE"));
        let output = Command::new(format!("{}/pg_dump", variable("BIN")))
            .args(["--schema-only", "--schema", &self.schema])
            .args(["--host", &variable("HOST"), "--port", &variable("PORT")])
            .args(["--username", &variable("USER"), &database])
            .env("PGPASSWORD", variable("PASSWORD"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        // Recent versions put a random word around what is restored.
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let mut statements: Vec<String> = text.split("\n\n\n").map(str::to_owned).collect();
        statements.sort_unstable();
        statements
    }
}

impl Kind for Trial {
    const PLACE: &'static str = "ctid";

    fn try_new() -> Option<Self> {
        Self::new()
    }

    fn visard(&self) -> &Visard {
        &self.visard
    }

    fn connection(&self) -> String {
        self.keys("")
    }

    fn another(&self) -> Option<Self> {
        Self::in_own_database()
    }

    fn folder(&self, table: &str) -> String {
        format!("{}/{table}", self.schema)
    }

    fn is_refused_soon(&self, sql: &str) -> bool {
        self.refusal(&format!("SET lock_timeout = 1; {sql}"))
            .is_some()
    }

    fn series(n: u32) -> String {
        format!("generate_series(1, {n}) AS series (i)")
    }

    fn sql(&self, sql: &str) {
        self.sql(sql);
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.rows(sql)
    }

    fn leftovers(&self) -> Vec<String> {
        self.leftovers()
    }

    fn dump(&self) -> Vec<String> {
        self.dump()
    }

    fn state(&self) -> Vec<String> {
        let mut state = self.rows(
            "SELECT relname, oid, relfilenode, xmin FROM pg_class WHERE relnamespace = \
             current_schema()::regnamespace ORDER BY 1",
        );
        let rows =
            "SELECT md5(string_agg(concat_ws(',', ctid, xmin, a.*), ';' ORDER BY id)) FROM a";
        state.extend(self.rows(rows));
        state
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let mut dropped = format!("ROLLBACK; DROP SCHEMA {} CASCADE", self.schema);
        for role in self.roles.borrow().iter() {
            dropped.push_str(&format!("; DROP OWNED BY {role}; DROP ROLE {role}"));
        }
        let done = self.runtime.block_on(self.client.batch_execute(&dropped));
        if let Err(error) = done {
            println!("{dropped}: {error}");
        }
        if let Some(database) = &self.database {
            let client = connect(&self.runtime, &config().unwrap());
            let dropped = format!("DROP DATABASE {database} WITH (FORCE)");
            let done = self.runtime.block_on(client.batch_execute(&dropped));
            done.unwrap_or_else(|error| println!("{dropped}: {error}"));
        }
    }
}

/// A name that nobody else has, and that needs no quotes.
fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("t{:x}_{count}", now.as_nanos())
}

/// How to get to the server of the tests; `None` where it is not there.
pub(crate) fn config() -> Option<Config> {
    let variable = |name: &str| std::env::var(format!("VISARD_TEST_POSTGRES_{name}"));
    let Ok(host) = variable("HOST") else {
        let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
        assert!(!under_run, "PostgreSQL is not there");
        println!("left out: tests/run starts the server of PostgreSQL");
        return None;
    };
    let mut config = Config::new();
    config
        .host(host)
        .port(variable("PORT").unwrap().parse().unwrap())
        .user(variable("USER").unwrap())
        .password(variable("PASSWORD").unwrap())
        .dbname(variable("DATABASE").unwrap());
    Some(config)
}

fn connect(runtime: &Runtime, config: &Config) -> Client {
    let (client, connection) = runtime.block_on(config.connect(NoTls)).unwrap();
    runtime.spawn(connection);
    client
}
