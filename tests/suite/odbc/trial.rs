//! A database of its own that the command reaches by a driver of ODBC, and the test as it always does.

use crate::databases::Kind;
use crate::visard::Visard;
use crate::{mariadb, postgres, sqlite};

/// A database with a driver that `tests/run` installs.
pub trait Driven: Kind {
    const DRIVER: &'static str;
}

impl Driven for postgres::Trial {
    const DRIVER: &'static str = "PostgreSQL";
}

impl Driven for mariadb::Trial {
    const DRIVER: &'static str = "MariaDB";
}

impl Driven for sqlite::Trial {
    const DRIVER: &'static str = "SQLite3";
}

/// A database over ODBC.
pub struct Over<T>(pub T);

impl<T: Driven> Over<T> {
    /// `None` where the server or the drivers are not there.
    pub fn new() -> Option<Self> {
        Self::try_new()
    }
}

/// The tables that say how far a run came.
pub fn units<T: Driven>(trial: &Over<T>) -> Vec<String> {
    let mut left = trial.leftovers();
    left.retain(|name| name.ends_with("_units"));
    left
}

impl<T: Driven> Kind for Over<T> {
    const PLACE: &'static str = "";
    const KEYLESS_UPDATES: bool = false;
    const OWN_KEY: [&'static str; 2] = ["own varchar(40) PRIMARY KEY, ", "name, "];
    const STRATEGIES: &'static [&'static str] = &["update"];
    const SECONDS: u64 = 4;

    fn try_new() -> Option<Self> {
        // The drivers of a private folder, which `ODBCSYSINI` names.
        if std::env::var_os("VISARD_TEST_ODBC").is_none() {
            let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
            assert!(!under_run, "the drivers of ODBC are not there");
            println!("left out: tests/run installs the drivers of ODBC");
            return None;
        }
        T::try_new().map(Self)
    }

    fn visard(&self) -> &Visard {
        self.0.visard()
    }

    fn connection(&self) -> String {
        format!("{}, driver: {}", self.0.connection(), T::DRIVER)
    }

    fn another(&self) -> Option<Self> {
        self.0.another().map(Self)
    }

    fn folder(&self, table: &str) -> String {
        self.0.folder(table)
    }

    fn is_refused_soon(&self, sql: &str) -> bool {
        self.0.is_refused_soon(sql)
    }

    fn series(n: u32) -> String {
        T::series(n)
    }

    fn sql(&self, sql: &str) {
        self.0.sql(sql);
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.0.rows(sql)
    }

    fn leftovers(&self) -> Vec<String> {
        self.0.leftovers()
    }

    fn dump(&self) -> Vec<String> {
        self.0.dump()
    }

    fn state(&self) -> Vec<String> {
        self.0.state()
    }
}
