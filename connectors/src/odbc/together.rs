//! Which tables can be rewritten in one transaction, and in which order: rows that refer to others go first, and come
//! last.

use super::dialect::Dialect;
use crate::database::{ForeignKey, Table};

/// The order of `tables`, by name and with their foreign keys, in which none refers to one that comes later; nothing where
/// there is none. A table may refer to itself.
pub(super) fn order(tables: &[(String, &[ForeignKey])]) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = Vec::with_capacity(tables.len());
    while order.len() < tables.len() {
        let is_ready = |&at: &usize| {
            let (name, keys) = &tables[at];
            let outgoing = keys.iter().filter(|key| !key.incoming);
            let mut others = outgoing.map(ForeignKey::other);
            others.all(|other| {
                let there = tables.iter().position(|(known, _)| *known == other);
                other == *name || there.is_none_or(|there| order.contains(&there))
            })
        };
        let left = (0..tables.len()).filter(|at| !order.contains(at));
        let next = left.into_iter().find(is_ready)?;
        order.push(next);
    }
    Some(order)
}

/// Why `tables` cannot be rewritten in one transaction.
pub(super) fn obstacles(dialect: Dialect, tables: &[&Table]) -> Vec<String> {
    if dialect.quirks().unchecked.is_some() {
        // References are looked at in the end, and nothing is deleted because of them.
        return Vec::new();
    }
    let mut reasons = Vec::new();
    let names: Vec<String> = tables.iter().map(|table| table.shown()).collect();
    for (table, name) in tables.iter().zip(&names) {
        let incoming = table.foreign_keys.iter().filter(|key| key.incoming);
        for key in incoming.filter(|key| !names.contains(&key.other())) {
            reasons.push(format!(
                "`{}` refers to `{name}` by the foreign key `{}`, and over ODBC rows are deleted and inserted anew",
                key.other(),
                key.name
            ));
        }
    }
    let keys = tables.iter().map(|table| table.foreign_keys.as_slice());
    let named: Vec<_> = names.iter().cloned().zip(keys).collect();
    if order(&named).is_none() {
        reasons.push("their foreign keys make a circle".to_owned());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, refers_to: &[&str], referred_by: &[&str]) -> Table {
        let key = |incoming: bool| {
            move |other: &&str| ForeignKey {
                name: format!("{name}_{other}"),
                incoming,
                other_schema: None,
                other_name: (*other).to_owned(),
                columns: vec!["a".to_owned()],
                other_columns: vec!["a".to_owned()],
            }
        };
        let outgoing = refers_to.iter().map(key(false));
        Table {
            name: name.to_owned(),
            foreign_keys: outgoing.chain(referred_by.iter().map(key(true))).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        let tables = [
            table("lines", &["orders", "elsewhere"], &[]),
            table("orders", &["people", "orders"], &["lines"]),
            table("people", &[], &["orders"]),
        ];
        let named = |tables: &[Table]| {
            let names: Vec<String> = tables.iter().map(Table::shown).collect();
            let keys = tables.iter().map(|table| table.foreign_keys.as_slice());
            order(&names.into_iter().zip(keys).collect::<Vec<_>>())
        };
        assert_eq!(named(&tables), Some(vec![2, 1, 0]));
        let all: Vec<&Table> = tables.iter().collect();
        assert_eq!(obstacles(Dialect::Oracle, &all), [""; 0]);
        // One that refers to it and stays would lose what it refers to.
        let said = obstacles(Dialect::Oracle, &all[1..]);
        assert!(said[0].contains("`lines` refers to `orders`"), "{said:?}");
        let circle = [table("a", &["b"], &["b"]), table("b", &["a"], &["a"])];
        assert_eq!(named(&circle), None);
        let all: Vec<&Table> = circle.iter().collect();
        assert_eq!(obstacles(Dialect::Oracle, &all).len(), 1);
        assert_eq!(obstacles(Dialect::Mysql, &all), [""; 0]);
    }
}
