//! What the tables of a pipeline are called, by the files they are made of.
//!
//! | Files | Table |
//! |---|---|
//! | `customers.csv` | `customers` |
//! | `crm/Customers-EU.parquet` | `customers_eu` |
//! | `customers_2024.csv`, `customers_2025.csv` | `customers` |
//! | `orders/2025-01.csv`, `orders/2025-02.csv` | `orders` |
//! | `orders/year=2025/part-00000.snappy.parquet` | `orders` |
//! | `customers.csv`, and apart from it `customers.parquet` | `customers`, `customers_parquet` |

use std::collections::HashSet;

use super::files::endings_of;

/// The files of one table, by their paths, and what to call it if they say nothing.
pub(super) struct Nameless<'a> {
    pub(super) paths: Vec<&'a str>,
    pub(super) otherwise: &'a str,
}

/// A name for each of `tables`, each another one, in lower case and without a character that has a
/// meaning in SQL.
pub(super) fn names(tables: &[Nameless<'_>]) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut named = Vec::with_capacity(tables.len());
    for table in tables {
        let name = name(table);
        let ending = table.paths.first().and_then(|path| endings_of(path).1);
        let with_ending = ending.map(|ending| format!("{name}_{ending}"));
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut wanted = std::iter::once(name.clone())
            .chain(with_ending)
            .chain(numbered);
        // Numbers do not end.
        named.extend(wanted.find(|name| taken.insert(name.clone())));
    }
    named
}

fn name(table: &Nameless<'_>) -> String {
    let stems: Vec<&str> = table.paths.iter().map(|path| endings_of(path).0).collect();
    let of_files = match stems.iter().all(|stem| is_part(stem)) {
        true => "",
        false => common_words(&stems),
    };
    let found = [of_files, common_folder(&table.paths), table.otherwise];
    let found = found.map(plain).into_iter().find(|name| !name.is_empty());
    found.unwrap_or_else(|| "files".to_owned())
}

/// Whether a file is named by its number alone: `part-00000-5a1e…`, `2025-01`.
fn is_part(stem: &str) -> bool {
    let rest = stem.strip_prefix("part").unwrap_or(stem);
    let is_numbered = rest.starts_with(|c: char| !c.is_alphanumeric());
    (rest.len() < stem.len() && is_numbered) || !stem.contains(char::is_alphabetic)
}

/// What all of `stems` begin with, cut back to whole words; the whole stem where there is but one.
fn common_words<'a>(stems: &[&'a str]) -> &'a str {
    let Some((first, others)) = stems.split_first() else {
        return "";
    };
    if others.is_empty() {
        return first;
    }
    let same = |other: &&str| {
        let pairs = first.char_indices().zip(other.chars());
        let differing = pairs.clone().find(|((_, one), other)| one != other);
        let whole = first.len().min(other.len());
        differing.map_or(whole, |((at, _), _)| at)
    };
    let length = others.iter().map(same).min().unwrap_or(0);
    let begins_word = |stem: &&str| stem[length..].starts_with(char::is_alphabetic);
    let common = match stems.iter().any(begins_word) {
        true => first[..length].trim_end_matches(char::is_alphabetic),
        false => &first[..length],
    };
    common.trim_end_matches(|c: char| !c.is_alphabetic())
}

/// The name of the deepest folder that holds all of `paths`, without those of a partition (`year=2025`).
fn common_folder<'a>(paths: &[&'a str]) -> &'a str {
    let folders = |path: &'a str| path.split('/').rev().skip(1).collect::<Vec<_>>();
    let mut common: Option<Vec<&str>> = None;
    for path in paths {
        let mut here = folders(path);
        here.reverse();
        common = Some(match common {
            None => here,
            Some(before) => {
                let both = before.into_iter().zip(here);
                both.map_while(|(one, other)| (one == other).then_some(one))
                    .collect()
            }
        });
    }
    let common = common.unwrap_or_default();
    let named = common.into_iter().rev().find(|name| !name.contains('='));
    named.unwrap_or_default()
}

/// `name` as SQL takes it without quotes, unless it is a word of SQL itself.
fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let plain = words.join("_");
    match plain.starts_with(|c: char| !c.is_alphabetic()) {
        true => format!("t_{plain}"),
        false => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(paths: &[&str]) -> String {
        let table = Nameless {
            paths: paths.to_vec(),
            otherwise: "Tasks 1",
        };
        names(&[table]).remove(0)
    }

    #[test]
    fn tables_are_called_as_files_are() {
        for (paths, name) in [
            (&["customers.csv"][..], "customers"),
            (&["crm/Customers-EU.csv.gz"], "customers_eu"),
            (&["crm.customers.snappy.parquet"], "crm_customers"),
            (&["customers_2024.csv", "customers_2025.csv"], "customers"),
            (&["a/customers1.csv", "b/customers2.csv"], "customers"),
            (&["crm/customer.csv", "crm/customers.csv"], "crm"),
            (&["x/accounts.csv", "x/accruals.csv"], "x"),
            (&["orders/2025-01.csv", "orders/2025-02.csv"], "orders"),
            (&["orders/2025-01.csv"], "orders"),
            (&["2025-01.csv"], "tasks_1"),
            (&["part.csv"], "part"),
            (&["part-0000-x.parquet", "part-0001-y.parquet"], "tasks_1"),
            (&["orders/year=2025/part-00000.parquet"], "orders"),
            (&["o/year=2024/part-0.pq", "o/year=2025/part-0.pq"], "o"),
            (&["a.csv", "b.csv"], "tasks_1"),
            (&["Émile/ż.csv", "Émile/ź.csv"], "émile"),
            (&["2024 rates.csv"], "t_2024_rates"),
        ] {
            assert_eq!(named(paths), name, "{paths:?}");
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let table = |path| Nameless {
            paths: vec![path],
            otherwise: "",
        };
        let tables = [
            "a.csv",
            "a.parquet",
            "b/a.parquet",
            "c/a.parquet",
            "a_2.csv",
        ];
        let found = names(&tables.map(table));
        assert_eq!(found, ["a", "a_parquet", "a_2", "a_3", "a_2_csv"]);
        assert_eq!(names(&[table("-.csv")]), ["files"]);
    }
}
