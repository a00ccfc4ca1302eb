//! What only the parts themselves can show: locks between the steps of an exchange, and units.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::catalogue::Table;
use super::error::SqliteError;
use super::exchange::Held;
use super::file::DatabaseFile;
use super::lane::Lane;
use super::progress::Progress;
use super::unindexed;
use crate::database::Job;

/// A database of its own.
struct Trial {
    folder: TempDir,
    file: DatabaseFile,
}

impl Trial {
    fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let file = DatabaseFile::at(path.to_str().unwrap()).unwrap();
        Self { folder, file }
    }

    fn other(&self) -> Connection {
        let other = Connection::open(self.file.path()).unwrap();
        other.busy_timeout(Duration::from_millis(20)).unwrap();
        other
    }

    fn new_content(&self) -> PathBuf {
        let path = self.folder.path().join("new");
        let new = Connection::open(&path).unwrap();
        new.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (7), (8)")
            .unwrap();
        path
    }

    fn table(&self, name: &str) -> Table {
        Table::look_up(&self.file.reader().unwrap(), name)
            .unwrap()
            .unwrap()
    }
}

fn sum(connection: &Connection) -> i64 {
    let sum = "SELECT sum(a) FROM t";
    connection.query_row(sum, [], |row| row.get(0)).unwrap()
}

const MODES: [&str; 2] = ["DELETE", "WAL"];

#[test]
fn writers_are_kept_out_and_readers_are_not() {
    for mode in MODES {
        let trial = Trial::new(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (a); INSERT INTO t VALUES (1)"
        ));
        let other = trial.other();
        let held = Held::take(&trial.file).unwrap();
        assert_eq!(sum(&other), 1, "{mode}");
        assert!(
            other.execute("INSERT INTO t VALUES (2)", []).is_err(),
            "{mode}"
        );
        let copy = held.copied(&trial.folder.path().join("copy")).unwrap();
        assert_eq!(sum(&copy), 1, "{mode}");
        held.exchange(&trial.new_content()).unwrap();
        // A connection from before goes on with the new content, and may write.
        assert_eq!(sum(&other), 15, "{mode}");
        other.execute("INSERT INTO t VALUES (100)", []).unwrap();
        assert_eq!(sum(&trial.other()), 115, "{mode}");
        let kept: String = other
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(kept.to_uppercase(), mode);
    }
}

#[test]
fn an_exchange_that_is_not_made_changes_nothing() {
    for mode in MODES {
        let trial = Trial::new(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (a); INSERT INTO t VALUES (1)"
        ));
        drop(Held::take(&trial.file).unwrap());
        let other = trial.other();
        other.execute("INSERT INTO t VALUES (2)", []).unwrap();
        assert_eq!(sum(&other), 3, "{mode}");
    }
}

/// With a write-ahead log the lock is let go of for a moment.
#[test]
fn a_writer_in_that_moment_is_seen() {
    let trial =
        Trial::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let held = Held::take(&trial.file).unwrap();
    held.let_go().unwrap();
    trial
        .other()
        .execute("INSERT INTO t VALUES (2)", [])
        .unwrap();
    let outcome = held.exchange_unlocked(&trial.new_content());
    assert!(matches!(outcome, Err(SqliteError::Written)), "{outcome:?}");
    assert_eq!(sum(&trial.other()), 3);
}

#[test]
fn lanes_and_keys_of_a_table() {
    let trial = Trial::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, r REAL, d DECIMAL(5,2), mixed, b BLOB, born DATE, \
                         len INT GENERATED ALWAYS AS (n) VIRTUAL, CONSTRAINT small CHECK (n < 100));
         INSERT INTO t (n, r, d, mixed, b, born) VALUES (1, 2, 3, 'a', x'00', '2020-01-01'), (2, 2.5, 3.5, 4, NULL, NULL);
         CREATE TABLE nulls (k TEXT PRIMARY KEY); INSERT INTO nulls VALUES (NULL);
         CREATE TABLE pair (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;
         CREATE TABLE taken (rowid, _rowid_, OID);
         CREATE TABLE child (t INTEGER REFERENCES T, pa, pb, FOREIGN KEY (pb, pa) REFERENCES pair)",
    );
    let table = trial.table("T");
    let lanes: Vec<Lane> = table.columns.iter().map(|column| column.lane).collect();
    let (integer, real, text) = (Lane::Integer, Lane::Real, Lane::Text);
    assert_eq!(
        lanes,
        [
            integer,
            integer,
            real,
            real,
            text,
            Lane::Blob,
            text,
            integer
        ]
    );
    assert_eq!(table.name, "t");
    assert_eq!(
        (table.rows, table.primary_key.as_deref()),
        (2, Some(&["id".to_owned()][..]))
    );
    assert_eq!(table.stored(), ["id", "n", "r", "d", "mixed", "b", "born"]);
    assert_eq!(table.checks[0].columns, ["n"]);
    assert_eq!(
        (
            table.foreign_keys[0].incoming,
            &table.foreign_keys[0].columns[..]
        ),
        (true, &["id".to_owned()][..])
    );
    let nulls = trial.table("nulls");
    assert_eq!(nulls.primary_key, None);
    assert!(!nulls.uniques[0].tells_rows);
    assert_eq!(nulls.stored(), ["rowid", "k"]);
    let pair = trial.table("pair");
    assert_eq!(pair.address.unwrap().columns, ["b", "a"]);
    assert_eq!(pair.foreign_keys[0].columns, ["b", "a"]);
    assert_eq!(trial.table("taken").address, None);
}

#[test]
fn units_cover_every_row_once() {
    let trial = Trial::new(
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 100)
         INSERT INTO t SELECT CASE WHEN i % 2 THEN 'k' ELSE 'K' END || i % 7, i FROM g",
    );
    let table = trial.table("t");
    for (most, units, covered) in [
        (None, 4, 100),
        (Some(60), 2, 60),
        (Some(45), 2, 45),
        (Some(500), 4, 100),
    ] {
        let job = Job {
            masked: Vec::new(),
            read: Vec::new(),
            shuffled: Vec::new(),
            joined: Vec::new(),
            key: table.primary_key.clone(),
            filter: None,
            max_rows: most,
            unit_rows: 30,
            workers: 1,
            numbered: false,
            without_triggers: false,
            dry_run: false,
            name: "visard".to_owned(),
        };
        let progress = Progress::new(
            format!("units_{most:?}"),
            vec!["a".to_owned(), "b".to_owned()],
        );
        let mut connection = trial.file.writer().unwrap();
        let found = progress.open(&mut connection, &table, &job).unwrap();
        assert_eq!(found.left.len(), units, "{most:?}");
        let count = |unit| {
            let (range, parameters) = progress.range(unit);
            let count = format!("SELECT count(*) FROM t WHERE {range}");
            let count =
                connection.query_row(&count, rusqlite::params_from_iter(parameters), |row| {
                    row.get(0)
                });
            count.unwrap()
        };
        let counts: Vec<i64> = found.left.iter().map(count).collect();
        assert_eq!(counts.iter().sum::<i64>(), covered, "{counts:?}");
        assert_eq!(found.rows, if most.is_some() { 100 } else { 0 });
        assert!(progress.mark(&connection, &found.left[0]).unwrap());
        assert!(!progress.mark(&connection, &found.left[0]).unwrap());
        let again = progress.open(&mut connection, &table, &job).unwrap();
        assert_eq!((again.done, again.left.len()), (1, units - 1));
        assert_eq!(again.left, found.left[1..]);
    }
}

#[test]
fn files_that_are_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let said = || {
        let file = DatabaseFile::at(path.to_str().unwrap());
        file.and_then(|file| file.reader()).unwrap_err().to_string()
    };
    assert!(said().contains("No such file"), "{}", said());
    std::fs::write(&path, [b'x'; 4096]).unwrap();
    assert_eq!(
        said(),
        "the file is encrypted, or no SQLite database (SQLite 26)"
    );
}

/// Whatever the definition does with such rows elsewhere.
#[test]
fn rows_that_are_one_to_a_constraint_are_refused_at_the_end() {
    for conflict in ["", "ON CONFLICT REPLACE", "ON CONFLICT IGNORE"] {
        let made = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE {conflict}, n)"
        );
        let trial = Trial::new(&made);
        let table = trial.table("t");
        for (second, is_taken) in [("b", true), ("A", false)] {
            let connection = Connection::open_in_memory().unwrap();
            let plain = unindexed::plain(&table).unwrap();
            connection
                .execute_batch(&format!(
                    "PRAGMA legacy_alter_table = 1; BEGIN; {plain}; INSERT INTO t VALUES (3, 'a', 1), (9, '{second}', 'x')"
                ))
                .unwrap();
            let indexed = unindexed::indexed(&connection, &table, "aside");
            match indexed {
                Ok(()) => assert!(is_taken, "{conflict}"),
                Err(SqliteError::Refused { text, .. }) => {
                    assert!(!is_taken && text.contains("t.code"), "{conflict}: {text}");
                    continue;
                }
                Err(other) => panic!("{conflict}: {other}"),
            }
            let found =
                "SELECT group_concat(id || code || n || typeof(n)) FROM t WHERE code >= 'A'";
            let found: String = connection.query_row(found, [], |row| row.get(0)).unwrap();
            assert_eq!(found, "3a1integer,9bxtext", "{conflict}");
            let names = "SELECT group_concat(name) FROM sqlite_schema";
            let names: String = connection.query_row(names, [], |row| row.get(0)).unwrap();
            assert_eq!(names, "t,sqlite_autoindex_t_1", "{conflict}");
        }
    }
}

#[test]
fn tables_that_are_filled_with_their_indexes() {
    for (made, is_plain) in [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", false),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)", true),
        ("CREATE TABLE t (a TEXT PRIMARY KEY)", true),
        ("CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID", false),
        ("CREATE TABLE t (a UNIQUE CHECK (a > 0))", false),
        ("CREATE TABLE t (a UNIQUE, b AS (a))", false),
        (
            "CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (a)",
            false,
        ),
    ] {
        let table = Trial::new(made).table("t");
        assert_eq!(unindexed::plain(&table).is_some(), is_plain, "{made}");
    }
}
