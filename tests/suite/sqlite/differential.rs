//! Generated tables and rulesets, masked as tables and as delimited text of the same rows: one result.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;

use super::Trial;
use crate::databases::{Kind, Random, STRATEGIES, task};
use crate::shuffle::records;

/// Tables that one run masks.
const TABLES: usize = 6;

type Column = (
    &'static str,
    fn(u64, u64) -> String,
    &'static [&'static str],
);

/// A declared type, a value by two random numbers, and masks that go by values.
const KINDS: [Column; 4] = [
    (
        "TEXT",
        |a, b| match a % 9 {
            0 => "''".to_owned(),
            1 => format!("'Zoë \"{b}\", line\n {a}'"),
            2 => format!("'  User{} '", b % 5),
            3 => format!("'{b}'"),
            _ => format!("'user{b}@Example{a}.org'"),
        },
        &[
            "{type: hash}",
            "{type: hash, form: base32, length: 12}",
            "{type: imitate}",
            "{type: imitate_unique}",
            "{type: replace_regex, regex: '[0-9]+', masks: [{type: imitate}]}",
            "{type: partial, unmasked_from_right: 2}",
            "{type: from_choices, choices: [red, 'gr\"een', '', {value: null, weight: 2}]}",
            "{type: from_random_text, max: 12}",
            "{type: from_fixed, value: 'a, b'}",
        ],
    ),
    (
        "INTEGER",
        |a, b| {
            format!(
                "{}",
                (a * 65_537 + b) as i64 % 2_000_000_000 - 1_000_000_000
            )
        },
        &[
            "{type: hash, form: integer, length: 7}",
            "{type: from_random_number, min: -50, max: 5000}",
            "{type: generalize_number, size: 100}",
            "{type: round, decimal_places: -3}",
            "{type: from_choices, choices: [1, 2, 3, null]}",
        ],
    ),
    (
        "DATE",
        |a, b| format!("'{}-{:02}-{:02}'", 1905 + a % 130, 1 + b % 12, 1 + a % 28),
        &[
            "{type: retain_year}",
            "{type: shift_date, max_days: 400}",
            "{type: from_random_date, min: '1990-01-01', max: '1999-12-31'}",
            "{type: from_fixed, value: '2001-02-03'}",
        ],
    ),
    (
        "",
        |a, b| match a % 3 {
            0 => format!("{b}"),
            1 => format!("'w{b}'"),
            _ => format!("-{a}"),
        },
        &[
            "{type: hash}",
            "{type: partial, unmasked_from_right: 1}",
            "{type: from_fixed, value: 'q'}",
        ],
    ),
];

fn generated(random: &mut Random, name: &str) -> (String, String) {
    let mut pick = |n: usize| random.below(n as u64) as usize;
    let kinds: Vec<&Column> = (0..2 + pick(5))
        .map(|_| &KINDS[pick(KINDS.len())])
        .collect();
    let columns: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| format!("c{n} {}", kind.0))
        .collect();
    let key = [
        "",
        "PRIMARY KEY",
        "INTEGER PRIMARY KEY",
        "INT NOT NULL UNIQUE",
    ][pick(4)];
    let mut made = format!(
        "CREATE TABLE {name} (id {key}, kind INT, label TEXT, {});",
        columns.join(", ")
    );
    for id in 0..[0, 1, 40, 300][pick(4)] {
        let values = kinds.iter().map(|kind| match pick(7) {
            // Without a declared type, values say what a column holds: some text, for these masks.
            _ if id == 0 && kind.0.is_empty() => "'word'".to_owned(),
            0 => "NULL".to_owned(),
            _ => (kind.1)(pick(2000) as u64, pick(100_000) as u64),
        });
        let values = values.collect::<Vec<_>>().join(", ");
        write!(
            made,
            "INSERT INTO {name} VALUES ({id}, {}, 'L{} ', {values});",
            id % 5,
            id % 4
        )
        .unwrap();
    }
    let mut rules = String::from("- column: label\n  masks: [{type: hash}]\n");
    for (n, kind) in kinds.iter().enumerate() {
        let mask = kind.2[pick(kind.2.len())];
        let by = [
            "{source: self}",
            "{column_name: kind}",
            "[{column_name: id}, {source: self}]",
        ][pick(3)];
        let of_value = ["hash", "imitate_unique"]
            .iter()
            .any(|name| mask.contains(name));
        let by = if of_value {
            String::new()
        } else {
            format!("\n  hash_columns: {by}")
        };
        let skip = ["", "\n  skip: [null]", "\n  skip: []"][pick(3)];
        let rule = format!("- column: c{n}{by}{skip}\n  masks: [{mask}]");
        match pick(3) {
            0 => writeln!(
                rules,
                "- if: [{{column: kind, less_than: 3}}]\n  rules:\n    {}",
                rule.replace('\n', "\n    ")
            )
            .unwrap(),
            _ => writeln!(rules, "{rule}").unwrap(),
        }
    }
    (made, rules)
}

/// The rows as delimited text: nulls are nothing, texts are in quotes.
fn delimited(trial: &Trial, name: &str) -> Vec<u8> {
    let connection = trial.open();
    let mut statement = connection
        .prepare(&format!("SELECT * FROM {name} ORDER BY id"))
        .unwrap();
    let names: Vec<&str> = statement.column_names().collect();
    let mut text = format!("{}\n", names.join(","));
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

#[test]
fn tables_and_files_of_the_same_rows_come_out_the_same() {
    let trial = Trial::new();
    let limit = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => Duration::MAX,
        None => Duration::from_secs(10),
    };
    let mut random = Random(7);
    let (start, mut tables) = (Instant::now(), 0);
    while tables < 2 * TABLES || (tables < 1000 && start.elapsed() < limit) {
        let strategy = STRATEGIES[random.below(2) as usize];
        let (mut of_tables, mut of_files) = (String::new(), String::new());
        let mut made = Vec::new();
        for n in 0..TABLES {
            let name = format!("g{n}");
            let (sql, rules) = generated(&mut random, &name);
            trial.sql(&format!("BEGIN; {sql} COMMIT"));
            trial
                .visard
                .write(&format!("in/{name}.csv"), delimited(&trial, &name));
            // A unique label would be refused piece by piece, and none is unique here.
            let of_table = task(&name, "", &rules);
            of_files.push_str(
                &of_table
                    .replace("mask_table", "mask_tabular_file")
                    .replace(&format!("table: '{name}'"), &format!("include: {name}.csv")),
            );
            of_tables.push_str(&of_table);
            made.push((name, sql, rules));
        }
        trial.visard.write(
            "pipeline.yml",
            format!(
                "version: '1.0'\nconnections:\n  in: {{type: mounted_share_connection, base_directory: in}}\n  \
                 out: {{type: mounted_share_connection, base_directory: out}}\nsource: in\ndestination: out\n\
                 options:\n  run_secret: a run secret for tests only\n  disable_instance_secret: true\nruleset:\n  \
                 version: '1.0'\n  tasks:\n{}",
                of_files.lines().map(|line| format!("    {line}\n")).collect::<String>()
            ),
        );
        trial.run().expect(0);
        trial.pipeline(&format!("strategy: {strategy}\nbatch_size: 33"), &of_tables);
        trial.run().expect(0);
        for (name, sql, rules) in &made {
            let of_table = records(&delimited(&trial, name));
            let of_file = records(&trial.visard.read(&format!("out/{name}.csv")));
            assert_eq!(of_table.len(), of_file.len());
            for (row, (of_table, of_file)) in of_table.iter().zip(&of_file).enumerate() {
                let made = &sql[..sql.find(';').unwrap()];
                assert_eq!(
                    of_table, of_file,
                    "{strategy}, row {row} of\n{made}\n{rules}"
                );
            }
            trial.sql(&format!("DROP TABLE {name}"));
        }
        tables += TABLES;
        for folder in ["in", "out"] {
            std::fs::remove_dir_all(trial.visard.path(folder)).unwrap();
        }
    }
    println!("{tables} generated tables agree with the files of their rows");
}
