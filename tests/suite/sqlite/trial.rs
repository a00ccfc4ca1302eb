//! A file of its own, and the command beside it.

use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::databases::Kind;
use crate::visard::Visard;

/// The file `a.db` in a folder of its own.
pub struct Trial {
    pub visard: Visard,
}

impl Trial {
    pub fn new() -> Self {
        let trial = Self {
            visard: Visard::new(),
        };
        trial.open().execute_batch("VACUUM").unwrap();
        trial
    }

    pub fn path(&self) -> PathBuf {
        self.visard.path("a.db")
    }

    /// A connection as another program would have it.
    pub fn open(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection
    }
}

impl Kind for Trial {
    const PLACE: &'static str = "rowid";

    fn try_new() -> Option<Self> {
        Some(Self::new())
    }

    fn visard(&self) -> &Visard {
        &self.visard
    }

    fn connection(&self) -> String {
        "db_type: sqlite, database: a.db".to_owned()
    }

    fn connection_in(&self, visard: &Visard) -> String {
        if visard.path("") == self.visard.path("") {
            return self.connection();
        }
        // Only what lies below the pipeline is reached.
        let link = visard.path("other.db");
        if !link.exists() {
            std::os::unix::fs::symlink(self.path(), link).unwrap();
        }
        "db_type: sqlite, database: other.db".to_owned()
    }

    fn another(&self) -> Option<Self> {
        Some(Self::new())
    }

    fn folder(&self, table: &str) -> String {
        table.to_owned()
    }

    const EMPTIED: &str = "DELETE FROM last";

    fn is_refused_soon(&self, sql: &str) -> bool {
        let connection = self.open();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        connection.execute_batch(sql).is_err()
    }

    fn series(n: u32) -> String {
        format!(
            "(WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {n}) SELECT i FROM g) AS series"
        )
    }

    fn sql(&self, sql: &str) {
        let done = self.open().execute_batch(sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let connection = self.open();
        let mut statement = connection
            .prepare(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let fields = (0..columns).map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => "~".to_owned(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Real(number) => format!("{number:?}"),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    ValueRef::Blob(blob) => format!("{blob:02x?}"),
                })
            });
            Ok(fields.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
        });
        rows.unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    fn leftovers(&self) -> Vec<String> {
        let mut left = self.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'visard%'");
        let files = std::fs::read_dir(self.visard.path("")).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        left.extend(files.filter(|name| name.contains(".visard_") || name.ends_with("-journal")));
        left
    }

    fn dump(&self) -> Vec<String> {
        assert_eq!(self.rows("PRAGMA integrity_check"), ["ok"]);
        let mut dump =
            self.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2");
        for pragma in [
            "user_version",
            "application_id",
            "encoding",
            "page_size",
            "auto_vacuum",
            "journal_mode",
        ] {
            dump.extend(self.rows(&format!("PRAGMA {pragma}")));
        }
        dump
    }

    fn state(&self) -> Vec<String> {
        vec![format!("{:?}", std::fs::read(self.path()).unwrap())]
    }
}
