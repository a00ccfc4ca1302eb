//! Generated tables and rulesets, masked as tables and as delimited text of the same rows: one result.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::kind::{Kind, Random, task};
use super::{on_each, on_each_own};
use crate::shuffle::records;

on_each! {
    tables_and_files_of_the_same_rows_come_out_the_same
}

/// Tables that one run masks.
const TABLES: usize = 6;

/// A kind of column: its type, a value by two random numbers, and masks that go by values. Text is hashed as it
/// stands, so numbers and times are written as `docs/keys.md` writes those of typed columns.
pub struct Column {
    pub sql_type: &'static str,
    pub value: fn(u64, u64) -> String,
    pub masks: &'static [&'static str],
    /// What gives a value of the column called so as text, where its name does not.
    pub read: Option<fn(&str) -> String>,
}

/// A database with columns to generate.
pub trait Differential: Kind {
    const COLUMNS: &'static [Column];
    /// What makes `id` a key; nothing where rows are told by their place.
    const KEYS: &'static [&'static str];

    /// The rows of a query as delimited text below `header`: a null is nothing, an empty text is in quotes.
    fn delimited(&self, header: &str, query: &str) -> Vec<u8>;
}

/// Text as people have it, for any database.
pub const TEXT: Column = Column {
    sql_type: "text",
    value: |a, b| match a % 9 {
        0 => "''".to_owned(),
        1 => format!("'Zoë \"{b}\", line\n {a}'"),
        2 => format!("'  User{} '", b % 5),
        3 => format!("'USER{}'", b % 5),
        4 => format!("'{b}'"),
        _ => format!("'user{b}@Example{a}.org'"),
    },
    masks: &[
        "{type: hash}",
        "{type: hash, form: base32, length: 12}",
        "{type: imitate}",
        "{type: imitate, force_change: true, digits: false}",
        "{type: imitate_unique}",
        "{type: replace_regex, regex: '[0-9]+', masks: [{type: imitate}]}",
        "{type: chain, masks: [{type: transform_case, transform: uppercase}, {type: imitate}]}",
        "{type: partial, unmasked_from_right: 2}",
        "{type: from_choices, choices: [red, 'gr\"een', '', {value: null, weight: 2}]}",
        "{type: from_file, seed_file: DataMasque_lastNames_v2.csv, seed_column: lastname}",
        "{type: from_random_text, max: 12}",
        "{type: take_substring, start_index: 1, end_index: 4}",
        "{type: from_fixed, value: 'a, b'}",
    ],
    read: None,
};

/// Whole numbers.
pub const INT: Column = Column {
    sql_type: "int",
    value: |a, b| {
        format!(
            "{}",
            (a * 65_537 + b) as i64 % 2_000_000_000 - 1_000_000_000
        )
    },
    masks: &[
        "{type: hash, form: integer, length: 7}",
        "{type: from_random_number, min: -50, max: 5000}",
        "{type: generalize_number, size: 100}",
        "{type: round, decimal_places: -3}",
        "{type: from_choices, choices: [1, 2, 3, null]}",
    ],
    read: None,
};

/// Large whole numbers.
pub const BIGINT: Column = Column {
    sql_type: "bigint",
    value: |a, b| format!("{}", (a as i64 - 1000) * 9_000_000_000_000 + b as i64),
    masks: &[
        "{type: hash, form: integer, length: 15}",
        "{type: from_random_number, min: 5000000000, max: 9000000000}",
        "{type: numeric_bucket, size: 1000000}",
    ],
    read: None,
};

/// Amounts.
pub const DECIMAL: Column = Column {
    sql_type: "decimal(12,2)",
    value: |a, b| {
        format!(
            "{}.{:02}",
            a * 1_000_003 % 1_000_000_000,
            b % 10 * 10 + 1 + b % 9
        )
    },
    masks: &[
        "{type: from_random_number, min: 10, max: 99, decimal_places: 2}",
        "{type: from_choices, choices: ['1.25', '99.50']}",
    ],
    read: None,
};

/// Masks of dates.
pub const OF_DATES: &[&str] = &[
    "{type: retain_year}",
    "{type: shift_date, max_days: 400}",
    "{type: shift_date, max_days: 70, keep_weekday: true}",
    "{type: retain_age, at: '2026-01-01', on_invalid: suppress}",
    "{type: from_random_date, min: '1990-01-01', max: '1999-12-31'}",
    "{type: from_fixed, value: '2001-02-03'}",
];

/// Masks of times.
pub const OF_TIMES: &[&str] = &[
    "{type: shift_date, max_days: 400}",
    "{type: from_fixed, value: '2001-02-03T04:05:06'}",
];

/// A generated table: how it is made, how its rows are read, and its rules.
struct Generated {
    made: String,
    header: String,
    read: String,
    rules: String,
}

fn generated<K: Differential>(random: &mut Random, name: &str, with_key: bool) -> Generated {
    let mut pick = |n: usize| random.below(n as u64) as usize;
    let count = 2 + pick(5);
    let columns = K::COLUMNS;
    let kinds: Vec<&Column> = (0..count).map(|_| &columns[pick(columns.len())]).collect();
    let columns: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| format!("c{n} {}", kind.sql_type))
        .collect();
    let keys = K::KEYS.iter().filter(|key| !with_key || **key != "int");
    let keys: Vec<&&str> = keys.collect();
    let mut made = format!(
        "CREATE TABLE {name} (id {}, kind int, label varchar(80), {});",
        keys[pick(keys.len())],
        columns.join(", ")
    );
    let rows = [0, 1, 40, 300][pick(4)];
    let rows: Vec<String> = (0..rows)
        .map(|id| {
            let values = kinds.iter().map(|kind| match pick(7) {
                // Without a declared type, values say what a column holds: some text, for its masks.
                _ if id == 0 && kind.sql_type.is_empty() => "'word'".to_owned(),
                0 => "NULL".to_owned(),
                _ => (kind.value)(pick(2000) as u64, pick(100_000) as u64),
            });
            let values = values.collect::<Vec<_>>().join(", ");
            format!("({id}, {}, 'L{} ', {values})", id % 5, id % 4)
        })
        .collect();
    if !rows.is_empty() {
        write!(made, "INSERT INTO {name} VALUES {};", rows.join(", ")).unwrap();
    }
    let mut rules = String::new();
    for (n, kind) in kinds
        .iter()
        .enumerate()
        .filter(|_| pick(5) > 0)
        .collect::<Vec<_>>()
    {
        let mask = kind.masks[pick(kind.masks.len())];
        let by = [
            "{source: self}",
            "{column_name: kind}",
            "{column_name: label, trim: true, case_transform: lower}",
            "[{column_name: id}, {source: self}]",
            "[{column_name: label}, {column_name: kind}]",
        ];
        // These read the value alone, whatever the rule says.
        let by = match ["hash", "imitate_unique"]
            .iter()
            .any(|of_value| mask.contains(of_value))
        {
            true => String::new(),
            false => format!("\n  hash_columns: {}", by[pick(by.len())]),
        };
        let skip = ["", "\n  skip: [null]", "\n  skip: []"][pick(3)];
        let rule = format!("- column: c{n}{by}{skip}\n  masks: [{mask}]");
        let indented = rule.replace('\n', "\n    ");
        let condition = [
            "column: kind, less_than: 3",
            "column: kind, equals: 2",
            "column: label, matches: '^L[12]'",
            "column: id, greater_than_or_equal: 20",
        ];
        match pick(3) {
            0 => write!(
                rules,
                "- if: [{{{}}}]\n  rules:\n    {indented}\n",
                condition[pick(4)]
            )
            .unwrap(),
            _ => writeln!(rules, "{rule}").unwrap(),
        }
    }
    if rules.is_empty() {
        rules.push_str("- column: label\n  masks: [{type: hash}]\n");
    }
    let read: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| match kind.read {
            Some(read) => read(&format!("c{n}")),
            None => format!("c{n}"),
        })
        .collect();
    let header: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
    Generated {
        header: format!("id,kind,label,{}", header.join(",")),
        read: format!(
            "SELECT id, kind, label, {} FROM {name} ORDER BY id",
            read.join(", ")
        ),
        made,
        rules,
    }
}

fn tables_and_files_of_the_same_rows_come_out_the_same<K: Differential>() {
    let Some(trial) = K::try_new() else { return };
    let (most, limit) = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => (1000, Duration::MAX),
        None => (1000, Duration::from_secs(K::SECONDS)),
    };
    let mut random = Random(7);
    let (start, mut tables) = (Instant::now(), 0);
    // On a busy machine some are to be masked all the same.
    while tables < 2 * TABLES || (tables < most && start.elapsed() < limit) {
        let strategy = K::STRATEGIES[random.below(K::STRATEGIES.len() as u64) as usize];
        let with_key = strategy == "update" && !K::KEYLESS_UPDATES;
        let generated: Vec<(String, Generated)> = (0..TABLES)
            .map(|n| {
                let name = format!("g{n}");
                let table = generated::<K>(&mut random, &name, with_key);
                (name, table)
            })
            .collect();
        let text = |table: &Generated| trial.delimited(&table.header, &table.read);
        let (mut of_tables, mut of_files) = (String::new(), String::new());
        for (name, table) in &generated {
            trial.sql(&table.made);
            let visard = trial.visard();
            visard.write(&format!("in/{name}.csv"), text(table));
            let of_table = task(name, "", &table.rules);
            of_files.push_str(
                &of_table
                    .replace("mask_table", "mask_tabular_file")
                    .replace(&format!("table: '{name}'"), &format!("include: {name}.csv")),
            );
            of_tables.push_str(&of_table);
        }
        let secrets = "run_secret: a run secret for tests only\n  disable_instance_secret: true";
        trial.visard().write(
            "pipeline.yml",
            format!(
                "version: '1.0'\nconnections:\n  in: {{type: mounted_share_connection, base_directory: in}}\n  \
                 out: {{type: mounted_share_connection, base_directory: out}}\nsource: in\ndestination: out\n\
                 options:\n  {secrets}\nruleset:\n  version: '1.0'\n  tasks:\n{}",
                of_files.lines().map(|line| format!("    {line}\n")).collect::<String>()
            ),
        );
        trial.run().expect(0);
        trial.pipeline(&format!("strategy: {strategy}\nbatch_size: 33"), &of_tables);
        trial.run().expect(0);
        for (name, table) in &generated {
            let of_table = records(&text(table));
            let of_file = records(&trial.visard().read(&format!("out/{name}.csv")));
            assert_eq!(of_table.len(), of_file.len());
            for (row, (of_table, of_file)) in of_table.iter().zip(&of_file).enumerate() {
                assert_eq!(
                    of_table,
                    of_file,
                    "{strategy}, row {row} of\n{}\n{}",
                    &table.made[..table.made.find(';').unwrap()],
                    table.rules
                );
            }
            trial.sql(&format!("DROP TABLE {name}"));
        }
        tables += TABLES;
        for folder in ["in", "out"] {
            std::fs::remove_dir_all(trial.visard().path(folder)).unwrap();
        }
    }
    println!("{tables} generated tables agree with the files of their rows");
}
