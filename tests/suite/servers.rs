//! Servers that belong to one test, which may crash them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row, Value};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of one test, that goes with it.
pub trait Server: Sized {
    /// `None` where it is not installed. Its data lies in `folder`, or in a folder of its own.
    fn start(folder: Option<&Path>) -> Option<Self>;

    /// The keys of a connection to its database, as they stand between braces.
    fn connection(&self) -> String;

    /// Runs statements.
    fn sql(&self, sql: &str);

    /// The rows of a query, columns divided by `|`.
    fn rows(&self, sql: &str) -> Vec<String>;

    /// Numbers from 1 to `n` as `i`, behind `FROM`.
    fn series(n: u32) -> String;

    /// What a run made in the database and did not remove.
    fn leftovers(&self) -> Vec<String>;

    /// Ends it, or a part of it that takes all others along, without a word; whether anything was there. It is
    /// back afterwards.
    fn crash(&mut self) -> bool;
}

/// A cluster of PostgreSQL.
pub struct PostgresServer {
    child: Child,
    port: u16,
    runtime: Runtime,
    _folder: Option<TempDir>,
}

/// MariaDB with a data folder.
pub struct MariadbServer {
    child: Child,
    port: u16,
    runtime: Runtime,
    data: PathBuf,
    _folder: Option<TempDir>,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// Gives a folder to the user that a server runs as, who is not root.
pub fn given(folder: &Path, user: &str) {
    if is_root() {
        let done = Command::new("chown")
            .args(["-R", user])
            .arg(folder)
            .status();
        assert!(done.unwrap().success());
    }
}

#[track_caller]
fn done(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn quiet(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn killed(signal: &str, id: &str) {
    // It may have ended by itself.
    Command::new("kill")
        .args([signal, id])
        .output()
        .map(drop)
        .unwrap();
}

/// Asks again until there is an answer.
#[track_caller]
fn patiently<T>(what: &str, ask: impl Fn() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) if began.elapsed() > PATIENCE => panic!("{what}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn own_folder(given_folder: Option<&Path>) -> (Option<TempDir>, PathBuf) {
    match given_folder {
        Some(folder) => (None, folder.to_owned()),
        None => {
            let folder = tempfile::Builder::new();
            let folder = { folder }.prefix("visard-server-").tempdir().unwrap();
            let path = folder.path().to_owned();
            (Some(folder), path)
        }
    }
}

impl PostgresServer {
    fn client(&self) -> Client {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("visard");
        config.dbname("postgres");
        config.connect_timeout(Duration::from_secs(5));
        patiently("PostgreSQL", || {
            let connected = self.runtime.block_on(config.connect(NoTls));
            let (client, connection) = connected.map_err(|error| format!("{error:?}"))?;
            self.runtime.spawn(connection);
            Ok(client)
        })
    }
}

impl Server for PostgresServer {
    fn start(folder: Option<&Path>) -> Option<Self> {
        let bin = std::env::var("VISARD_TEST_POSTGRES_BIN");
        let Ok(bin) = bin else {
            println!("left out: tests/run says where PostgreSQL is");
            return None;
        };
        let (own, folder) = own_folder(folder);
        given(&folder, "postgres:postgres");
        let as_user = |program: &str| {
            let program = format!("{bin}/{program}");
            if !is_root() {
                return Command::new(program);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg(program);
            command
        };
        let data = folder.join("data");
        done(
            as_user("initdb")
                .arg("-D")
                .arg(&data)
                .args(["--username=visard", "--auth=trust", "--no-sync"])
                .args(["--encoding=UTF8", "--locale=C.UTF-8"]),
        );
        let port = free_port();
        let mut server = as_user("postgres");
        server.arg("-D").arg(&data);
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=16MB",
            "max_wal_size=64MB",
        ] {
            server.args(["-c", setting]);
        }
        let server = Self {
            child: quiet(&mut server),
            port,
            runtime: Runtime::new().unwrap(),
            _folder: own,
        };
        server.client();
        Some(server)
    }

    fn connection(&self) -> String {
        format!(
            "db_type: postgres, host: 127.0.0.1, port: {}, user: visard, password: x, database: postgres, schema: public, \
             application_name: visard-crash",
            self.port
        )
    }

    fn sql(&self, sql: &str) {
        let client = self.client();
        let done = self.runtime.block_on(client.batch_execute(sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let client = self.client();
        let answers = self.runtime.block_on(client.simple_query(sql));
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

    fn series(n: u32) -> String {
        format!("generate_series(1, {n}) AS series (i)")
    }

    fn leftovers(&self) -> Vec<String> {
        self.rows("SELECT relname FROM pg_class WHERE relname LIKE 'visard\\_%'")
    }

    /// One of our backends: the server then ends all others, and recovers.
    fn crash(&mut self) -> bool {
        let ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'visard-crash'";
        let ours = self.rows(ours);
        let Some(backend) = ours.last() else {
            return false;
        };
        killed("-9", backend);
        std::thread::sleep(Duration::from_millis(100));
        self.client();
        true
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        killed("-QUIT", &self.child.id().to_string());
        self.child.wait().map(drop).unwrap_or_default();
    }
}

impl MariadbServer {
    fn serve(data: &Path, port: u16) -> Child {
        let mut server = Command::new("/usr/sbin/mariadbd");
        server.arg("--no-defaults");
        if is_root() {
            server.arg("--user=mysql");
        }
        server
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", data.join("socket").display()))
            .arg(format!("--pid-file={}", data.join("pid").display()))
            // At its start a server removes temporary tables of all that share the folder.
            .arg(format!("--tmpdir={}", data.display()))
            .arg(format!("--log-error={}", data.join("log").display()))
            .args(["--bind-address=127.0.0.1", "--skip-log-bin"])
            .args(["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"])
            .args(["--innodb-autoextend-increment=1", "--local-infile=1"]);
        quiet(&mut server)
    }

    fn conn(&self) -> Conn {
        let opts = |user: &str, password: Option<&str>| {
            OptsBuilder::default()
                .ip_or_hostname("127.0.0.1")
                .tcp_port(self.port)
                .user(Some(user))
                .pass(password)
                .db_name(Some("visard"))
                .prefer_socket(false)
        };
        patiently("MariaDB", || {
            let conn = Conn::new(opts("visard", Some("a word")));
            self.runtime
                .block_on(conn)
                .map_err(|error| format!("{error:?}"))
        })
    }
}

impl Server for MariadbServer {
    fn start(folder: Option<&Path>) -> Option<Self> {
        if std::env::var_os("VISARD_TEST_MARIADB_HOST").is_none() {
            println!("left out: tests/run installs MariaDB");
            return None;
        }
        let (own, folder) = own_folder(folder);
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        given(&folder, "mysql:mysql");
        let mut install = Command::new("mariadb-install-db");
        install.arg("--no-defaults");
        if is_root() {
            install.arg("--user=mysql");
        }
        done(
            install
                .arg(format!("--datadir={}", data.display()))
                .arg(format!("--tmpdir={}", folder.display()))
                .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
                .args(["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M"]),
        );
        let port = free_port();
        let server = Self {
            child: Self::serve(&data, port),
            port,
            runtime: Runtime::new().unwrap(),
            data,
            _folder: own,
        };
        let made = "CREATE DATABASE visard CHARACTER SET utf8mb4; \
                    CREATE USER visard@'%' IDENTIFIED BY 'a word'; GRANT ALL PRIVILEGES ON *.* TO visard@'%'";
        patiently("MariaDB", || {
            let output = Command::new("mariadb")
                .args(["--no-defaults", "-h", "127.0.0.1", "-u", "root", "-e", made])
                .arg(format!("--port={port}"))
                .output()
                .unwrap();
            match output.status.success() {
                true => Ok(()),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        });
        Some(server)
    }

    fn connection(&self) -> String {
        format!(
            "db_type: mariadb, host: 127.0.0.1, port: {}, user: visard, password: a word, database: visard",
            self.port
        )
    }

    fn sql(&self, sql: &str) {
        let mut conn = self.conn();
        let done = self.runtime.block_on(conn.query_drop(sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let mut conn = self.conn();
        let rows: Result<Vec<Row>, _> = self.runtime.block_on(conn.query(sql));
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let rows = rows.into_iter().map(|row| {
            let fields = row.unwrap().into_iter().map(|value| match value {
                Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                _ => "~".to_owned(),
            });
            fields.collect::<Vec<_>>().join("|")
        });
        rows.collect()
    }

    fn series(n: u32) -> String {
        format!("(SELECT CAST(seq AS SIGNED) AS i FROM seq_1_to_{n}) AS series")
    }

    fn leftovers(&self) -> Vec<String> {
        self.rows("SHOW TABLES LIKE 'visard\\_%'")
    }

    /// The whole server.
    fn crash(&mut self) -> bool {
        // It may have ended itself.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
        self.child = Self::serve(&self.data, self.port);
        self.conn();
        true
    }
}

impl Drop for MariadbServer {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
