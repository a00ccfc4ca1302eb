//! What is generated for databases over ODBC: see `databases/differential.rs`.

use super::Over;
use crate::databases::differential::{Column, Differential, INT, OF_DATES, TEXT};
use crate::{mariadb, postgres, sqlite};

impl Differential for Over<postgres::Trial> {
    const COLUMNS: &'static [Column] = <postgres::Trial as Differential>::COLUMNS;
    const KEYS: &'static [&'static str] = &["int PRIMARY KEY", "bigint UNIQUE NOT NULL"];

    fn delimited(&self, header: &str, query: &str) -> Vec<u8> {
        Differential::delimited(&self.0, header, query)
    }
}

impl Differential for Over<mariadb::Trial> {
    const COLUMNS: &'static [Column] = <mariadb::Trial as Differential>::COLUMNS;
    const KEYS: &'static [&'static str] = &["int PRIMARY KEY", "bigint UNIQUE NOT NULL"];

    fn delimited(&self, header: &str, query: &str) -> Vec<u8> {
        Differential::delimited(&self.0, header, query)
    }
}

impl Differential for Over<sqlite::Trial> {
    // A column holds what it declares.
    const COLUMNS: &'static [Column] = &[
        TEXT,
        INT,
        Column {
            sql_type: "DATE",
            value: |a, b| format!("'{}-{:02}-{:02}'", 1905 + a % 130, 1 + b % 12, 1 + a % 28),
            masks: OF_DATES,
            read: None,
        },
    ];
    const KEYS: &'static [&'static str] = &["INTEGER PRIMARY KEY", "INT NOT NULL UNIQUE"];

    fn delimited(&self, header: &str, query: &str) -> Vec<u8> {
        Differential::delimited(&self.0, header, query)
    }
}
