//! What is generated for PostgreSQL: see `databases/differential.rs`.

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
            value: |a, b| format!("date '1905-01-01' + {}", a * 31 % 44_000 + b % 30),
            masks: OF_DATES,
            read: None,
        },
        Column {
            sql_type: "timestamp",
            value: |a, b| {
                format!(
                    "timestamp '1960-02-29 00:00:00' + interval '{} seconds'",
                    a * 86_399 + b * 61
                )
            },
            masks: OF_TIMES,
            read: Some(|name| format!("to_char({name}, 'YYYY-MM-DD\"T\"HH24:MI:SS')")),
        },
        Column {
            sql_type: "bool",
            value: |a, _| (a % 2 == 0).to_string(),
            masks: &["{type: from_choices, choices: ['true', 'false', null]}"],
            read: Some(|name| format!("{name}::text")),
        },
    ];
    const KEYS: &'static [&'static str] = &["int PRIMARY KEY", "int PRIMARY KEY", "int"];

    fn delimited(&self, header: &str, query: &str) -> Vec<u8> {
        let mut text = format!("{header}\n").into_bytes();
        text.extend(self.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT csv)")));
        text
    }
}
