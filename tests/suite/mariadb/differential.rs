//! Generated tables and rulesets, masked as tables and as delimited text of the same rows: one result.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::trial::{Random, Trial, task};
use crate::shuffle::records;

/// Tables that one run masks.
const TABLES: usize = 6;

/// A kind of column: its type, a value by two random numbers, and masks that go by values. Text is hashed as it
/// stands, so numbers and times are written as `docs/keys.md` writes those of typed columns.
struct Kind {
    sql_type: &'static str,
    value: fn(u64, u64) -> String,
    masks: &'static [&'static str],
}

const KINDS: [Kind; 6] = [
    Kind {
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
    },
    Kind {
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
    },
    Kind {
        sql_type: "bigint",
        value: |a, b| format!("{}", (a as i64 - 1000) * 9_000_000_000_000 + b as i64),
        masks: &[
            "{type: hash, form: integer, length: 15}",
            "{type: from_random_number, min: 5000000000, max: 9000000000}",
            "{type: numeric_bucket, size: 1000000}",
        ],
    },
    Kind {
        sql_type: "date",
        value: |a, b| {
            format!(
                "DATE '1905-01-01' + INTERVAL {} DAY",
                a * 31 % 44_000 + b % 30
            )
        },
        masks: &[
            "{type: retain_year}",
            "{type: shift_date, max_days: 400}",
            "{type: shift_date, max_days: 70, keep_weekday: true}",
            "{type: retain_age, at: '2026-01-01', on_invalid: suppress}",
            "{type: from_random_date, min: '1990-01-01', max: '1999-12-31'}",
            "{type: from_fixed, value: '2001-02-03'}",
        ],
    },
    Kind {
        sql_type: "datetime",
        value: |a, b| {
            format!(
                "TIMESTAMP '1960-02-29 00:00:00' + INTERVAL {} SECOND",
                a * 86_399 + b * 61
            )
        },
        masks: &[
            "{type: shift_date, max_days: 400}",
            "{type: from_fixed, value: '2001-02-03T04:05:06'}",
        ],
    },
    Kind {
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
    },
];

/// A generated table: how it is made, how it is read, and its rules.
struct Generated {
    made: String,
    read: String,
    header: String,
    rules: String,
}

impl Generated {
    fn text(&self, trial: &Trial) -> Vec<u8> {
        trial.delimited(&self.header, &self.read)
    }
}

fn generated(random: &mut Random, name: &str, with_key: bool) -> Generated {
    let mut pick = |n: usize| random.below(n as u64) as usize;
    let count = 2 + pick(5);
    let kinds: Vec<&Kind> = (0..count).map(|_| &KINDS[pick(KINDS.len())]).collect();
    let columns: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| format!("c{n} {}", kind.sql_type))
        .collect();
    let mut made = format!(
        "CREATE TABLE {name} (id int {}, kind int, label varchar(80), {});",
        if with_key { "PRIMARY KEY" } else { "" },
        columns.join(", ")
    );
    let rows = [0, 1, 40, 300][pick(4)];
    let rows: Vec<String> = (0..rows)
        .map(|id| {
            let values = kinds.iter().map(|kind| match pick(7) {
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
        .map(|(n, kind)| match kind.sql_type {
            "datetime" => format!("DATE_FORMAT(c{n}, '%Y-%m-%dT%H:%i:%s')"),
            _ => format!("c{n}"),
        })
        .collect();
    let read = format!(
        "SELECT id, kind, label, {} FROM {name} ORDER BY id",
        read.join(", ")
    );
    let header: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
    Generated {
        header: format!("id,kind,label,{}", header.join(",")),
        made,
        read,
        rules,
    }
}

#[test]
fn tables_and_files_of_the_same_rows_come_out_the_same() {
    let Some(trial) = Trial::new() else { return };
    let (most, limit) = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => (1000, Duration::MAX),
        None => (1000, Duration::from_secs(12)),
    };
    let mut random = Random(7);
    let (start, mut tables) = (Instant::now(), 0);
    while tables < most && start.elapsed() < limit {
        // Without a key rows are found again in a new table only.
        let strategy = ["auto", "update"][random.below(2) as usize];
        let generated: Vec<(String, Generated)> = (0..TABLES)
            .map(|n| {
                (
                    format!("g{n}"),
                    generated(&mut random, &format!("g{n}"), strategy == "update" || n > 1),
                )
            })
            .collect();
        let (mut of_tables, mut of_files) = (String::new(), String::new());
        for (name, table) in &generated {
            trial.sql(&table.made);
            trial
                .visard
                .write(&format!("in/{name}.csv"), table.text(&trial));
            let of_table = task(name, "", &table.rules);
            of_files.push_str(
                &of_table
                    .replace("mask_table", "mask_tabular_file")
                    .replace(&format!("table: '{name}'"), &format!("include: {name}.csv")),
            );
            of_tables.push_str(&of_table);
        }
        let secrets = "run_secret: a run secret for tests only\n  disable_instance_secret: true";
        trial.visard.write(
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
            let of_table = records(&table.text(&trial));
            let of_file = records(&trial.visard.read(&format!("out/{name}.csv")));
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
            std::fs::remove_dir_all(trial.visard.path(folder)).unwrap();
        }
    }
    println!("{tables} generated tables agree with the files of their rows");
    assert!(tables >= 2 * TABLES);
}
