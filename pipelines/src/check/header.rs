//! A first record that may be data rather than a header: its values must not get into messages,
//! plans and reports as names of columns.

use std::collections::HashSet;

use serde_json::Value;

use crate::language::{Rule, Task};

/// Whether a record that should name columns looks like one of data: a name is empty, a number, a
/// date or an address, or is there twice.
pub(super) fn looks_like_data(names: &[impl AsRef<str>]) -> bool {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let is_twice = |(at, name): (usize, &&str)| names[..at].contains(name);
    names.iter().any(|name| is_value(name.trim())) || names.iter().enumerate().any(is_twice)
}

fn is_value(name: &str) -> bool {
    name.is_empty() || name.contains('@') || is_number_or_date(name)
}

fn is_number_or_date(name: &str) -> bool {
    let mut words = name.split(|c: char| !c.is_alphabetic());
    let is_of_date = |word: &str| {
        let word = word.to_lowercase();
        let is_month = |month: &&str| word.len() >= 3 && month.starts_with(&word);
        ["", "e", "t", "z", "utc", "gmt", "am", "pm"].contains(&word.as_str())
            || MONTHS.iter().any(is_month)
    };
    !name.starts_with(char::is_alphabetic)
        && name.contains(|c: char| c.is_numeric())
        && words.all(is_of_date)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Every name that rules spell out, as a column's or in an argument of a mask: to show one of these
/// tells nobody what the ruleset does not.
pub(super) fn spelled_out<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> HashSet<&'a str> {
    let mut names = HashSet::new();
    for rule in tasks.into_iter().flat_map(|task| &task.rules) {
        let Rule { columns, masks, .. } = rule;
        let exact = columns.iter().filter(|pattern| !pattern.is_glob());
        names.extend(exact.map(|pattern| pattern.text.as_str()));
        names.extend(
            rule.columns_read()
                .into_iter()
                .map(|name| name.value.text.as_str()),
        );
        for mask in masks {
            mask.args
                .values()
                .for_each(|value| texts(value, &mut names));
        }
    }
    names
}

fn texts<'a>(value: &'a Value, found: &mut HashSet<&'a str>) {
    match value {
        Value::String(text) => {
            found.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(entries) => entries.values().for_each(|entry| texts(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_records_that_are_no_header() {
        for (names, data) in [
            (&["id", "email", "address 2", "created_at"][..], false),
            (&["2nd_line", "e1", "t1", "q1_2020"], false),
            (&["id", ""], true),
            (&["Ann", "7"], true),
            (&["Ann", "+64 21 555 0100"], true),
            (&["Ann", "1.5e3"], true),
            (&["Ann", "1990-02-03"], true),
            (&["Ann", "1990-02-03T10:00:00Z"], true),
            (&["Ann", "3 Feb 1990"], true),
            (&["Ann", "ann@x.org"], true),
            (&["Ann", "Ann"], true),
            (&[], false),
        ] {
            assert_eq!(looks_like_data(names), data, "{names:?}");
        }
    }
}
