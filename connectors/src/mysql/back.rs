//! What is taken off a table for a time, and how it is put back: statements in a table beside it, so that
//! they outlive a run that is killed.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Row;

use super::error::MysqlError;
use super::job::TableJob;
use super::session::{Session, literal, quoted};

/// Conditions that say that a statement has had its effect before.
const DONE_BEFORE: [u16; 4] = [1091, 1359, 1360, 1826];
/// The condition of a table that cannot be made, for one of many reasons.
const CANNOT_MAKE: u16 = 1005;

/// A statement that puts something back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Of the database it is of.
    schema: String,
    sql: String,
    /// The table it is about, as SQL names it.
    about: String,
    /// The settings it was made with, where they matter: `sql_mode`, character set and collation.
    settings: [String; 3],
}

impl Statement {
    pub(super) fn new(schema: &str, sql: String, about: &str) -> Self {
        Self {
            schema: schema.to_owned(),
            sql,
            about: about.to_owned(),
            settings: Default::default(),
        }
    }
}

/// A session with locks on tables, which no other session can alter meanwhile.
pub(super) struct Locked {
    /// The tables, as SQL names them.
    pub(super) tables: Vec<String>,
    pub(super) session: Session,
}

/// The table of statements. Its name is nobody else's, in whatever database it is.
#[derive(Debug, Clone)]
pub(super) struct Back {
    sql: String,
}

impl Back {
    pub(super) fn of(job: &TableJob) -> Self {
        let sql = job.beside("back");
        Self { sql }
    }

    /// Keeps `statements`, behind those that are kept already; those that are kept as they are, once.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn keep(
        &self,
        session: &mut Session,
        statements: &[Statement],
    ) -> Result<(), MysqlError> {
        session
            .run(&format!(
                "CREATE TABLE IF NOT EXISTS {} (number INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, \
                 of VARCHAR(64) NOT NULL, statement LONGTEXT NOT NULL, about TEXT NOT NULL, done BOOL NOT NULL, \
                 mode TEXT NOT NULL, charset TEXT NOT NULL, collation TEXT NOT NULL) \
                 ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                self.sql
            ))
            .await?;
        session.run("START TRANSACTION").await?;
        for statement in statements {
            let [mode, charset, collation] = &statement.settings;
            // An earlier attempt may have put it back.
            session
                .run(&format!(
                    "UPDATE {} SET done = FALSE WHERE of = {} AND statement = {}",
                    self.sql,
                    literal(&statement.schema),
                    literal(&statement.sql)
                ))
                .await?;
            session
                .run(&format!(
                    "INSERT INTO {0} (of, statement, about, done, mode, charset, collation) \
                     SELECT {1}, {2}, {3}, FALSE, {4}, {5}, {6} FROM DUAL \
                     WHERE NOT EXISTS (SELECT 1 FROM {0} WHERE of = {1} AND statement = {2})",
                    self.sql,
                    literal(&statement.schema),
                    literal(&statement.sql),
                    literal(&statement.about),
                    literal(mode),
                    literal(charset),
                    literal(collation)
                ))
                .await?;
        }
        session.run("COMMIT").await
    }
}

/// Puts everything back that is kept under `name`; in words, what could not be. Statements about a table that is `locked`
/// are run in its session, all others in `free`.
///
/// # Errors
/// When the connection fails.
pub(super) async fn put_back(
    name: &str,
    locked: &mut [Locked],
    free: &mut Session,
    reader: &mut Session,
) -> Result<Vec<String>, MysqlError> {
    // It is beside the first of tables that change together.
    let kept = format!("{name}_back");
    let place = format!(
        "SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = {}",
        literal(&kept)
    );
    let Some(place) = reader.first::<String>(&place).await? else {
        return Ok(Vec::new());
    };
    let place = format!("{}.{}", quoted(&place), quoted(&kept));
    let statements = format!(
        "SELECT number, of, statement, about, mode, charset, collation FROM {place} \
         WHERE NOT done ORDER BY number"
    );
    type Kept = (u32, String, String, String, String, String, String);
    let found: Vec<Kept> = reader.rows(&statements).await?;
    let mut left = Vec::new();
    for (number, schema, statement, about, mode, charset, collation) in found {
        let holds = |locked: &&mut Locked| locked.tables.contains(&about);
        let session = match locked.iter_mut().find(holds) {
            Some(locked) => &mut locked.session,
            None => &mut *free,
        };
        session.run(&format!("USE {}", quoted(&schema))).await?;
        session.run("SET foreign_key_checks = 0").await?;
        if !mode.is_empty() || !charset.is_empty() {
            session
                .run(&format!("SET sql_mode = {}", literal(&mode)))
                .await?;
        }
        // Only what is the same in every character set is sent in another.
        if !charset.is_empty() && statement.is_ascii() {
            session
                .run(&format!(
                    "SET character_set_client = {charset}, collation_connection = {collation}"
                ))
                .await?;
        }
        // The name lets the next attempt find this session at work.
        let named = format!("/* {kept} */ {statement}");
        let ran = session.run(&named).await;
        if !charset.is_empty() {
            session.run("SET NAMES utf8mb4").await?;
        }
        match ran {
            Err(error) if !was_done(&error) => match error.code() {
                Some(_) => left.push(format!("`{statement}` is to be run by hand: {error}")),
                None => return Err(error),
            },
            _ => {
                let done = format!("UPDATE {place} SET done = TRUE WHERE number = {number}");
                reader.run(&done).await?;
            }
        }
    }
    Ok(left)
}

fn was_done(error: &MysqlError) -> bool {
    let Some(code) = error.code() else {
        return false;
    };
    let is_duplicate = || error.to_string().contains("errno: 121");
    DONE_BEFORE.contains(&code) || (code == CANNOT_MAKE && is_duplicate())
}

/// Statements that make the triggers again that are called `names`.
///
/// # Errors
/// When the server refuses.
pub(super) async fn triggers(
    session: &mut Session,
    job: &TableJob,
    names: impl Iterator<Item = &str>,
) -> Result<Vec<Statement>, MysqlError> {
    let schema = &job.table.schema;
    let mut statements = Vec::new();
    for name in names {
        let shown = format!("SHOW CREATE TRIGGER {}.{}", quoted(schema), quoted(name));
        let mut row: Row = session.first(&shown).await?.ok_or(MysqlError::Altered)?;
        let mut taken = |index| row.take::<String, _>(index).ok_or(MysqlError::Altered);
        statements.push(Statement {
            settings: [taken(1)?, taken(3)?, taken(4)?],
            sql: taken(2)?,
            schema: schema.clone(),
            about: job.table.sql(),
        });
    }
    Ok(statements)
}

/// Drops the triggers that updates fire, which are kept first.
///
/// # Errors
/// When the server refuses.
pub(super) async fn silence(session: &mut Session, job: &TableJob) -> Result<(), MysqlError> {
    // What an earlier attempt dropped is kept already, and not there.
    let fresh = session.table(&job.table.schema, &job.table.name).await?;
    let fresh = fresh.ok_or(MysqlError::Altered)?;
    let names: Vec<&str> = fresh
        .triggers
        .iter()
        .filter(|trigger| trigger.of_updates)
        .map(|trigger| trigger.name.as_str())
        .collect();
    let statements = triggers(session, job, names.iter().copied()).await?;
    Back::of(job).keep(session, &statements).await?;
    for name in names {
        let schema = quoted(&job.table.schema);
        let name = quoted(name);
        // The job's name lets the next attempt find this session at work.
        let dropped = format!("/* {} */ DROP TRIGGER IF EXISTS {schema}.{name}", job.name);
        session.run(&dropped).await?;
    }
    Ok(())
}

/// Everything that a table in another's place does not have by itself: triggers, foreign keys both ways. Those
/// from tables of `together`, which are all in others' places, are theirs.
///
/// # Errors
/// When the server refuses.
pub(super) async fn attached(
    session: &mut Session,
    job: &TableJob,
    together: &[Arc<TableJob>],
) -> Result<Vec<Statement>, MysqlError> {
    let table = &job.table;
    let (schema, old) = (&table.schema, job.beside("old"));
    let is_in = |schema: &String, name: &String| {
        let mut tables = together.iter().map(|job| &job.table);
        tables.any(|table| (&table.schema, &table.name) == (schema, name))
    };
    let mut statements = Vec::new();
    let names = table.triggers.iter().map(|trigger| trigger.name.as_str());
    for trigger in triggers(session, job, names.clone()).await? {
        statements.push(trigger);
    }
    let dropped = names.map(|name| {
        let sql = format!("DROP TRIGGER IF EXISTS {}.{}", quoted(schema), quoted(name));
        Statement::new(schema, sql, &old)
    });
    let mut statements: Vec<Statement> = dropped.chain(statements).collect();
    for line in foreign_keys(&table.definition) {
        let Some(name) = constraint(line) else {
            continue;
        };
        let dropped = format!("ALTER TABLE {old} DROP FOREIGN KEY {name}");
        statements.push(Statement::new(schema, dropped, &old));
        let made = format!("ALTER TABLE {} ADD {line}", table.sql());
        statements.push(Statement::new(schema, made, &table.sql()));
    }
    for (other_schema, other) in &table.referrers {
        if is_in(other_schema, other) {
            continue;
        }
        let sql = format!("{}.{}", quoted(other_schema), quoted(other));
        let definition = session.definition(&sql).await?;
        let shown = format!("{other_schema}.{other}");
        // An index that came with a foreign key goes behind all others as the key is made again: in this
        // order they end as they were.
        let mut lines: Vec<&str> = foreign_keys(&definition).collect();
        lines.sort_by_key(|line| {
            constraint(line).and_then(|name| definition.find(&format!("KEY {name} (")))
        });
        for line in lines {
            let Some(name) = constraint(line) else {
                continue;
            };
            let refers = table
                .foreign_keys
                .iter()
                .any(|key| key.incoming && key.other() == shown && quoted(&key.name) == name);
            if refers {
                let dropped = format!("ALTER TABLE {sql} DROP FOREIGN KEY {name}");
                statements.push(Statement::new(other_schema, dropped, &sql));
                let made = format!("ALTER TABLE {sql} ADD {line}");
                statements.push(Statement::new(other_schema, made, &sql));
                if let Some(index) = index_under_another_name(&definition, line) {
                    // The server makes it again under the name of the constraint, or leaves it alone: then
                    // there is none of that name, and nothing happens.
                    let renamed = format!("ALTER TABLE {sql} DROP INDEX {name}, ADD {index}");
                    statements.push(Statement::new(other_schema, renamed, &sql));
                }
            }
        }
    }
    Ok(statements)
}

/// The line of the index that the server may have made for a foreign key's `line` under a name that is not
/// the constraint's.
fn index_under_another_name<'a>(definition: &'a str, line: &str) -> Option<&'a str> {
    let name = constraint(line)?;
    let (_, behind) = line.split_once(" FOREIGN KEY (")?;
    let columns = behind.split_once(") REFERENCES ")?.0.replace("`, `", "`,`");
    let of_columns = lines(definition).find(|line| {
        let behind = line.strip_prefix("KEY ").map(|named| {
            let name = first_name(named).unwrap_or_default();
            &named[name.len()..]
        });
        behind.is_some_and(|behind| behind == format!(" ({columns})"))
    })?;
    let has_its_name = definition.contains(&format!("KEY {name} ("));
    (!has_its_name).then_some(of_columns)
}

/// The lines of a definition, without the commas at their ends.
pub(super) fn lines(definition: &str) -> impl Iterator<Item = &str> {
    definition
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
}

/// The lines of foreign keys in a definition.
fn foreign_keys(definition: &str) -> impl Iterator<Item = &str> {
    lines(definition).filter(|line| is_foreign_key(line))
}

/// Whether a line of a definition is that of a foreign key.
pub(super) fn is_foreign_key(line: &str) -> bool {
    let behind = constraint(line).map(|name| &line["CONSTRAINT ".len() + name.len()..]);
    behind.is_some_and(|behind| behind.starts_with(" FOREIGN KEY"))
}

/// The quoted name of a constraint's line.
fn constraint(line: &str) -> Option<&str> {
    first_name(line.strip_prefix("CONSTRAINT ")?)
}

/// The quoted name that `text` begins with, quotes included.
pub(super) fn first_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('`')?;
    let mut at = 0;
    loop {
        at += inner[at..].find('`')?;
        match inner[at + 1..].starts_with('`') {
            true => at += 2,
            false => return text.get(..at + 2),
        }
    }
}

/// How often a lock on a table is looked for before it is no longer waited for.
pub(super) const LOOKS: usize = 600;
/// How long is waited between two looks.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: &str = "CREATE TABLE `t` (\n  `a` int(11) NOT NULL COMMENT 'CONSTRAINT `x` FOREIGN KEY',\n  \
        PRIMARY KEY (`a`),\n  KEY `k` (`a`),\n  CONSTRAINT `f``1` FOREIGN KEY (`a`) REFERENCES `p` (`id`),\n  \
        CONSTRAINT `c` CHECK (`a` > 0)\n) ENGINE=InnoDB";

    #[test]
    fn lines_of_foreign_keys() {
        let found: Vec<_> = foreign_keys(MADE).collect();
        assert_eq!(
            found,
            ["CONSTRAINT `f``1` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"]
        );
        assert_eq!(constraint(found[0]), Some("`f``1`"));
        assert_eq!(first_name("`a"), None);
    }

    #[test]
    fn indexes_of_foreign_keys_under_other_names() {
        let line = |columns: &str| {
            format!("CONSTRAINT `f` FOREIGN KEY ({columns}) REFERENCES `p` (`x`, `y`)")
        };
        assert_eq!(
            index_under_another_name(MADE, &line("`a`")),
            Some("KEY `k` (`a`)")
        );
        assert_eq!(index_under_another_name(MADE, &line("`a`, `b`")), None);
        let both = MADE.replace("KEY `k` (`a`)", "KEY `k` (`a`,`b`)");
        assert_eq!(
            index_under_another_name(&both, &line("`a`, `b`")),
            Some("KEY `k` (`a`,`b`)")
        );
        let own = MADE.replace("KEY `k`", "KEY `f`");
        assert_eq!(index_under_another_name(&own, &line("`a`")), None);
    }
}
