//! What is generated for SQLite: see `databases/differential.rs`.

use std::fmt::Write as _;

use rusqlite::types::ValueRef;

use super::Trial;
use crate::databases::differential::{Column, Differential, INT, OF_DATES, TEXT};

impl Differential for Trial {
    const COLUMNS: &'static [Column] = &[
        TEXT,
        INT,
        Column {
            sql_type: "DATE",
            value: |a, b| format!("'{}-{:02}-{:02}'", 1905 + a % 130, 1 + b % 12, 1 + a % 28),
            masks: OF_DATES,
            read: None,
        },
        // No type: each value has its own.
        Column {
            sql_type: "",
            value: |a, b| match a % 3 {
                0 => format!("{b}"),
                1 => format!("'w{b}'"),
                _ => format!("-{a}"),
            },
            masks: &[
                "{type: hash}",
                "{type: partial, unmasked_from_right: 1}",
                "{type: from_fixed, value: 'q'}",
            ],
            read: None,
        },
    ];
    const KEYS: &'static [&'static str] = &[
        "int",
        "int PRIMARY KEY",
        "INTEGER PRIMARY KEY",
        "INT NOT NULL UNIQUE",
    ];

    fn delimited(&self, header: &str, query: &str) -> Vec<u8> {
        let connection = self.open();
        let mut statement = connection.prepare(query).unwrap();
        let mut text = format!("{header}\n");
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let comma = if column > 0 { "," } else { "" };
                match row.get_ref(column).unwrap() {
                    ValueRef::Null => write!(text, "{comma}"),
                    ValueRef::Integer(number) => write!(text, "{comma}{number}"),
                    ValueRef::Text(value) => {
                        let value = std::str::from_utf8(value).unwrap().replace('"', "\"\"");
                        write!(text, "{comma}\"{value}\"")
                    }
                    other => panic!("{other:?}"),
                }
                .unwrap();
            }
            text.push('\n');
        }
        text.into_bytes()
    }
}
