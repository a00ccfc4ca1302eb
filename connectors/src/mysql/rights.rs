//! What we may do with a table, by what `SHOW GRANTS` says of us and our roles.

use mysql_async::Row;

use super::error::MysqlError;
use super::session::Session;

/// What we may do with a table, and in its database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Read the table.
    pub(super) select: bool,
    /// Change its rows.
    pub(super) update: bool,
    /// Add rows to it.
    pub(super) insert: bool,
    /// Remove its rows.
    pub(super) delete: bool,
    /// Everything a new table in its place takes.
    pub(super) rewrite: bool,
    /// Make tables beside it, and drop them.
    pub(super) create: bool,
    /// Make temporary tables.
    pub(super) temporary: bool,
    /// Alter it.
    pub(super) alter: bool,
    /// Lock it.
    pub(super) lock: bool,
    /// Make foreign keys in its database.
    pub(super) references: bool,
    /// See, drop and make its triggers.
    pub(super) trigger: bool,
    /// Make triggers of other users.
    pub(super) definer: bool,
}

/// What a grant is on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    /// Everything, or something that is no table.
    Server,
    /// A database, by a pattern.
    Database(String),
    /// A table, or a part of it.
    Table(String, String),
}

impl Rights {
    /// Ours on the table `name` of `schema`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn of(
        session: &mut Session,
        schema: &str,
        name: &str,
    ) -> Result<Self, MysqlError> {
        let rows: Vec<Row> = session.rows("SHOW GRANTS").await?;
        let lines = rows
            .into_iter()
            .filter_map(|mut row| row.take::<String, _>(0));
        Ok(Self::told(&lines.collect::<Vec<_>>(), schema, name))
    }

    fn told(grants: &[String], schema: &str, name: &str) -> Self {
        let mut of_server = Vec::new();
        let mut of_database = Vec::new();
        let mut of_table = Vec::new();
        let mut by_role = false;
        for grant in grants {
            let Some((words, scope)) = parts(grant) else {
                // Whatever a role may; MariaDB lists what that is, MySQL does not.
                by_role |= !grants.iter().any(|grant| grant.contains("IDENTIFIED"));
                continue;
            };
            match scope {
                Scope::Server => of_server.extend(words),
                Scope::Database(pattern) if like(&pattern, schema) => of_database.extend(words),
                Scope::Table(s, t) if (s.as_str(), t.as_str()) == (schema, name) => {
                    of_table.extend(words);
                }
                _ => {}
            }
        }
        let has = |granted: &[&[String]], word: &str| {
            granted.iter().any(|words| {
                words.iter().any(|granted| {
                    granted == word
                        || granted == "ALL PRIVILEGES"
                        // On some columns; the server says which ones not.
                        || granted.split_once(" (").is_some_and(|(granted, _)| granted == word)
                })
            })
        };
        let server: &[&[String]] = &[&of_server];
        let database: &[&[String]] = &[&of_server, &of_database];
        let table: &[&[String]] = &[&of_server, &of_database, &of_table];
        let all = |granted, words: &[&str]| by_role || words.iter().all(|word| has(granted, word));
        let any = |granted, words: &[&str]| by_role || words.iter().any(|word| has(granted, word));
        let create = all(database, &["CREATE", "DROP", "SELECT", "INSERT", "UPDATE"]);
        Self {
            select: all(table, &["SELECT"]),
            update: all(table, &["SELECT", "UPDATE"]),
            insert: all(table, &["INSERT"]),
            delete: all(table, &["DELETE"]),
            rewrite: create
                && all(table, &["SELECT", "ALTER", "DROP"])
                && all(database, &["ALTER", "INDEX", "LOCK TABLES"]),
            create,
            alter: all(table, &["ALTER", "SELECT"]),
            lock: all(database, &["LOCK TABLES"]),
            references: all(database, &["REFERENCES"]),
            temporary: all(database, &["CREATE TEMPORARY TABLES"]),
            trigger: all(table, &["TRIGGER"]),
            definer: any(
                server,
                &["SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"],
            ),
        }
    }
}

/// The privileges of a grant, and what they are on; nothing for a role.
fn parts(grant: &str) -> Option<(Vec<String>, Scope)> {
    let (words, rest) = grant.strip_prefix("GRANT ")?.split_once(" ON ")?;
    let rest = rest.strip_prefix("TABLE ").unwrap_or(rest);
    let (on, _) = rest.rsplit_once(" TO ")?;
    let scope = match on {
        "*.*" => Scope::Server,
        _ => {
            let (schema, rest) = name(on)?;
            match rest.strip_prefix('.')? {
                "*" => Scope::Database(schema),
                rest => Scope::Table(schema, name(rest)?.0),
            }
        }
    };
    // A list of columns has commas of its own.
    let mut found = vec![String::new()];
    let mut depth = 0;
    for c in words.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut()?.push(c);
    }
    let found = found.iter().map(|word| word.trim().to_owned()).collect();
    Some((found, scope))
}

/// The name in back quotes that `text` begins with, and what is behind it.
fn name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.strip_prefix('`')?;
    loop {
        let (part, behind) = rest.split_once('`')?;
        name.push_str(part);
        match behind.strip_prefix('`') {
            Some(behind) => {
                name.push('`');
                rest = behind;
            }
            None => return Some((name, behind)),
        }
    }
}

/// Whether `name` fits a pattern with `%`, `_` and `\` before what is meant as it is.
fn like(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return name.is_empty();
    };
    let behind = &pattern[first.len_utf8()..];
    match first {
        '%' => (0..=name.len())
            .filter(|at| name.is_char_boundary(*at))
            .any(|at| like(behind, &name[at..])),
        '_' => {
            let mut rest = name.chars();
            rest.next().is_some() && like(behind, rest.as_str())
        }
        '\\' if !behind.is_empty() => {
            let meant = behind.chars().next().unwrap_or_default();
            name.strip_prefix(meant)
                .is_some_and(|rest| like(&behind[meant.len_utf8()..], rest))
        }
        first => name
            .strip_prefix(first)
            .is_some_and(|rest| like(behind, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(grants: &[&str]) -> Rights {
        let usage = "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*0'";
        let grants: Vec<String> = [usage]
            .iter()
            .chain(grants)
            .map(|g| (*g).to_owned())
            .collect();
        Rights::told(&grants, "my_db", "t")
    }

    #[test]
    fn scopes() {
        let all = told(&["GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"]);
        assert!(all.rewrite && all.trigger && all.definer && all.temporary);
        let all = told(&["GRANT ALL PRIVILEGES ON `my\\_db`.* TO `a`@`%`"]);
        assert!(all.rewrite && all.trigger && !all.definer);
        assert_eq!(
            told(&["GRANT ALL PRIVILEGES ON `other`.* TO `a`@`%`"]),
            Rights::default()
        );
        let some = told(&[
            "GRANT SELECT, UPDATE (`a, b`, `c`) ON `my_db`.`t` TO `a`@`%`",
            "GRANT CREATE TEMPORARY TABLES ON `my%`.* TO `a`@`%`",
        ]);
        assert!(some.select && some.update && some.temporary && !some.create && !some.rewrite);
        let role = Rights::told(&["GRANT `r`@`%` TO `a`@`%`".to_owned()], "my_db", "t");
        assert!(role.rewrite, "what a role may is the server's to say");
    }

    #[test]
    fn patterns() {
        assert!(like("a\\_b%", "a_bcd") && !like("a\\_b", "axb") && like("a_b", "axb"));
    }
}
