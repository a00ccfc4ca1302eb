//! What is generated for MariaDB: see `databases/differential.rs`.

use super::trial::Trial;
use crate::databases::differential::{
    BIGINT, Column, DECIMAL, Differential, INT, OF_DATES, OF_TIMES, TEXT,
};

impl Differential for Trial {
    const COLUMNS: &'static [Column] = &[
        TEXT,
        INT,
        BIGINT,
        DECIMAL,
        Column {
            sql_type: "date",
            value: |a, b| {
                format!(
                    "DATE '1905-01-01' + INTERVAL {} DAY",
                    a * 31 % 44_000 + b % 30
                )
            },
            masks: OF_DATES,
            read: None,
        },
        Column {
            sql_type: "datetime",
            value: |a, b| {
                format!(
                    "TIMESTAMP '1960-02-29 00:00:00' + INTERVAL {} SECOND",
                    a * 86_399 + b * 61
                )
            },
            masks: OF_TIMES,
            read: Some(|name| format!("DATE_FORMAT({name}, '%Y-%m-%dT%H:%i:%s')")),
        },
    ];
    const KEYS: &'static [&'static str] = &["int PRIMARY KEY", "int PRIMARY KEY", "int"];

    fn delimited(&self, header: &str, query: &str) -> Vec<u8> {
        self.delimited(header, query)
    }
}
