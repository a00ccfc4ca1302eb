//! A database of its own on the test server, and the command on it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row, Value};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

pub use crate::databases::{Kind, Random, STRATEGIES, task};

use crate::databases::pipeline;
use crate::visard::Visard;

/// Whether the server takes files is set for all of its sessions.
static FILES: RwLock<()> = RwLock::new(());

/// Standard SQL: names in double quotes, `||` between texts.
const STANDARD: &str =
    "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES')";

/// A trial's part in [`FILES`].
enum Files {
    Taken(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    /// By a trial that this one belongs to.
    TakenBefore,
    Refused(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

/// A session in a database of its own, which goes with it, and the command in a folder of its own.
pub struct Trial {
    pub visard: Visard,
    pub database: String,
    runtime: Runtime,
    conn: RefCell<Conn>,
    users: RefCell<Vec<String>>,
    files: Files,
}

impl Trial {
    /// `None` where the server is not there.
    pub fn new() -> Option<Self> {
        let read = FILES.read().unwrap_or_else(PoisonError::into_inner);
        Self::with(Files::Taken(read))
    }

    /// The same on a server that takes no files, alone on it.
    pub fn without_files() -> Option<Self> {
        let write = FILES.write().unwrap_or_else(PoisonError::into_inner);
        let trial = Self::with(Files::Refused(write))?;
        trial.sql("SET GLOBAL local_infile = OFF");
        Some(trial)
    }

    fn with(files: Files) -> Option<Self> {
        let opts = opts()?;
        let runtime = Runtime::new().unwrap();
        let database = new_name();
        let conn = connect(&runtime, opts);
        let trial = Self {
            visard: Visard::new(),
            database,
            runtime,
            conn: RefCell::new(conn),
            users: RefCell::default(),
            files,
        };
        trial.sql(&format!(
            "CREATE DATABASE {0} CHARACTER SET utf8mb4; USE {0}; \
             SET sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'",
            trial.database
        ));
        Some(trial)
    }

    /// A user of its own with these rights in the database, who goes with the trial; the keys of a
    /// connection as it.
    pub fn user(&self, rights: &str) -> (String, String) {
        let name = format!("{}_{}", self.database, self.users.borrow().len());
        self.sql(&format!("CREATE USER {name} IDENTIFIED BY 'a word'"));
        if !rights.is_empty() {
            self.sql(&format!("GRANT {rights} ON {}.* TO {name}", self.database));
        }
        self.users.borrow_mut().push(name.clone());
        let keys = format!("user: {name}, password: a word");
        (name, keys)
    }

    /// Another session in the same database, for what goes on meanwhile.
    pub fn other_session(&self) -> RefCell<Conn> {
        let other = RefCell::new(connect(&self.runtime, opts().unwrap()));
        self.sql_in(&other, &format!("USE {}", self.database));
        other
    }

    /// Runs statements in `conn`.
    pub fn sql_in(&self, conn: &RefCell<Conn>, sql: &str) {
        let done = self.runtime.block_on(conn.borrow_mut().query_drop(sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Runs `sql` again and again in a session of its own, until it is told to stop; how often it had an effect.
    pub fn write_on(&self, sql: &'static str, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
        let (database, stop) = (self.database.clone(), Arc::clone(stop));
        self.runtime.spawn(async move {
            let mut conn = Conn::new(opts().unwrap()).await.unwrap();
            conn.query_drop(format!("USE {database}")).await.unwrap();
            let mut rows = 0;
            while !stop.load(Ordering::Relaxed) {
                let done = conn.query_drop(sql).await;
                done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                rows += conn.affected_rows();
                // Others are to get their turn, too.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            rows
        })
    }

    /// How often a writer had an effect that was told to stop.
    pub fn written(&self, writer: JoinHandle<u64>) -> u64 {
        self.runtime.block_on(writer).unwrap()
    }

    pub fn sql(&self, sql: &str) {
        self.sql_in(&self.conn, sql);
    }

    /// Whether the server refuses a statement.
    pub fn refuses(&self, sql: &str) -> bool {
        let done = self
            .runtime
            .block_on(self.conn.borrow_mut().query_drop(sql));
        done.is_err()
    }

    /// The rows of a query as the server prints them, columns divided by `|`; a null is `~`.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let rows: Result<Vec<Row>, _> = self.runtime.block_on(self.conn.borrow_mut().query(sql));
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.into_iter()
            .map(|row| {
                let fields = row.unwrap().into_iter().map(|value| match value {
                    Value::NULL => "~".to_owned(),
                    Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    other => panic!("{other:?}"),
                });
                fields.collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    /// The rows of a query as delimited text, a null as nothing and empty text in quotes.
    pub fn delimited(&self, header: &str, sql: &str) -> Vec<u8> {
        let rows: Result<Vec<Row>, _> = self.runtime.block_on(self.conn.borrow_mut().query(sql));
        let mut text = format!("{header}\n").into_bytes();
        for row in rows.unwrap_or_else(|error| panic!("{sql}: {error:?}")) {
            for (index, value) in row.unwrap().into_iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                let Value::Bytes(bytes) = value else { continue };
                let field = String::from_utf8(bytes).unwrap();
                let quotes = field.is_empty() || field.contains([',', '"', '\n', '\r']);
                text.extend(match quotes {
                    true => format!("\"{}\"", field.replace('"', "\"\"")).into_bytes(),
                    false => field.into_bytes(),
                });
            }
            text.push(b'\n');
        }
        text
    }

    /// Writes `pipeline.yml` with more keys of the connection, `, KEY: VALUE` each; of a key given twice the later
    /// counts.
    pub fn pipeline_on(&self, connection: &str, options: &str, tasks: &str) {
        let text = pipeline(&self.keys(connection), options, tasks);
        self.visard.write("pipeline.yml", text);
    }

    /// The keys of a connection to the database, with more.
    pub fn keys(&self, more: &str) -> String {
        let variable = |name: &str| format!("\"${{VISARD_TEST_MARIADB_{name}}}\"");
        let mut keys: Vec<(String, String)> = [
            ("db_type", "mariadb".to_owned()),
            ("host", variable("HOST")),
            ("port", variable("PORT")),
            ("user", variable("USER")),
            ("password", variable("PASSWORD")),
            ("database", self.database.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec();
        for pair in more.split(", ").filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(": ").unwrap();
            keys.retain(|(known, _)| known != key);
            keys.push((key.to_owned(), value.to_owned()));
        }
        let keys: Vec<String> = keys.iter().map(|(key, v)| format!("{key}: {v}")).collect();
        keys.join(", ")
    }
}

impl Kind for Trial {
    const PLACE: &'static str = "ROWID";
    // They are found again in a new table only.
    const KEYLESS_UPDATES: bool = false;

    /// Its session takes standard SQL: names in double quotes, `||` between texts.
    fn try_new() -> Option<Self> {
        let trial = Self::new()?;
        trial.sql(STANDARD);
        Some(trial)
    }

    fn visard(&self) -> &Visard {
        &self.visard
    }

    fn connection(&self) -> String {
        self.keys("")
    }

    /// Locks of one thread are not taken twice.
    fn another(&self) -> Option<Self> {
        let trial = Self::with(Files::TakenBefore)?;
        trial.sql(STANDARD);
        Some(trial)
    }

    fn folder(&self, table: &str) -> String {
        format!("{}/{table}", self.database)
    }

    fn is_refused_soon(&self, sql: &str) -> bool {
        self.refuses(&format!("SET lock_wait_timeout = 1; {sql}"))
    }

    fn series(n: u32) -> String {
        format!("(SELECT CAST(seq AS SIGNED) AS i FROM seq_1_to_{n}) AS series")
    }

    fn sql(&self, sql: &str) {
        self.sql(sql);
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.rows(sql)
    }

    fn leftovers(&self) -> Vec<String> {
        self.rows("SHOW TABLES LIKE 'visard\\_%'")
    }

    fn dump(&self) -> Vec<String> {
        let mut dump = Vec::new();
        for table in self.rows("SHOW FULL TABLES") {
            let (name, kind) = table.split_once('|').unwrap();
            let what = if kind == "VIEW" { "VIEW" } else { "TABLE" };
            dump.extend(self.rows(&format!("SHOW CREATE {what} `{name}`")));
        }
        // When a trigger was made is no part of it.
        dump.extend(self.rows(
            "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, ACTION_STATEMENT, \
             SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        ));
        dump.extend(
            self.rows("SELECT * FROM mysql.tables_priv WHERE Db = DATABASE() ORDER BY 1, 2, 3, 4"),
        );
        dump
    }

    fn state(&self) -> Vec<String> {
        let mut state = self.dump();
        state.extend(self.rows(
            "SELECT TABLE_NAME, CREATE_TIME, UPDATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1",
        ));
        state.extend(self.rows("SELECT * FROM a ORDER BY id"));
        state
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if matches!(self.files, Files::Refused(_)) {
            self.refuses("SET GLOBAL local_infile = ON");
        }
        let mut dropped = format!("ROLLBACK; UNLOCK TABLES; DROP DATABASE {}", self.database);
        for user in self.users.borrow().iter() {
            dropped.push_str(&format!("; DROP USER {user}"));
        }
        let done = self
            .runtime
            .block_on(self.conn.borrow_mut().query_drop(&dropped));
        if let Err(error) = done {
            println!("{dropped}: {error}");
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
fn opts() -> Option<OptsBuilder> {
    let variable = |name: &str| std::env::var(format!("VISARD_TEST_MARIADB_{name}"));
    let Ok(host) = variable("HOST") else {
        let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
        assert!(!under_run, "MariaDB is not there");
        println!("left out: tests/run starts the server of MariaDB");
        return None;
    };
    let opts = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(variable("PORT").unwrap().parse().unwrap())
        .user(variable("USER").ok())
        .pass(variable("PASSWORD").ok())
        .prefer_socket(false);
    Some(opts)
}

fn connect(runtime: &Runtime, opts: OptsBuilder) -> Conn {
    runtime.block_on(Conn::new(opts)).unwrap()
}
