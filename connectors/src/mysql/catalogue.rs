//! What the server's catalogue says of a table: everything a rule or a strategy depends on.

use mysql_async::Row;
use mysql_async::prelude::FromValue;

use super::error::MysqlError;
use super::rights::Rights;
use super::session::{Session, literal, quoted};
use super::types::ColumnType;
use crate::database::{Check, ForeignKey, Unique};

/// How often the foreign keys to a table are looked for.
const LOOKS: usize = 5;

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its database.
    pub(super) schema: String,
    /// Its name.
    pub(super) name: String,
    /// What kind it is: `BASE TABLE`, `VIEW` …
    pub(super) kind: String,
    /// Who keeps its rows: `InnoDB`.
    pub(super) engine: String,
    /// Its columns.
    pub(super) columns: Vec<Column>,
    /// The primary key's columns.
    pub(super) primary_key: Option<Vec<String>>,
    /// Unique indexes, the primary key's among them.
    pub(super) uniques: Vec<Unique>,
    /// Foreign keys from it and to it.
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// Tables that refer to it, as database and name.
    pub(super) referrers: Vec<(String, String)>,
    /// Whether foreign keys from it and to it can be made again by us.
    pub(super) keys_are_ours: bool,
    /// Checks.
    pub(super) checks: Vec<Check>,
    /// Its triggers, in the order they fire.
    pub(super) triggers: Vec<TableTrigger>,
    /// What we may do.
    pub(super) rights: Rights,
    /// Rows, as the server estimates them.
    pub(super) rows: Option<u64>,
    /// Bytes of its rows.
    pub(super) bytes: u64,
    /// What makes it, but for its counter.
    pub(super) definition: String,
    /// The next number of its counter.
    pub(super) counter: Option<u64>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its type as SQL spells it, with character set and collation: what makes a column like it.
    pub(super) made: String,
    /// Its type as SQL spells it: `varchar(20)`.
    pub(super) type_name: String,
    /// The name of the type alone.
    pub(super) data_type: String,
    /// How its values travel.
    pub(super) kind: ColumnType,
    /// The most characters it takes.
    pub(super) length: Option<u32>,
    /// Whether it takes no null.
    pub(super) required: bool,
    /// Whether the server computes it.
    pub(super) generated: bool,
    /// Whether the server sets it whenever another changes.
    pub(super) is_touched: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableTrigger {
    /// Its name.
    pub(super) name: String,
    /// Whether it fires when a row is updated.
    pub(super) of_updates: bool,
    /// Whether we may drop it and make it again.
    pub(super) is_ours: bool,
}

impl Table {
    /// Its name as SQL takes it.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// Its name for people: `database.name`.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Whether `other` is the same table, and nothing about it changed that its masking depends on.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.definition == other.definition
            && self.triggers == other.triggers
            && self.foreign_keys == other.foreign_keys
    }

    /// The column of that name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Names of the columns that the server does not compute.
    pub(super) fn stored(&self) -> impl Iterator<Item = &str> {
        let stored = self.columns.iter().filter(|column| !column.generated);
        stored.map(|column| column.name.as_str())
    }

    /// The columns of an index that tells rows apart: of the primary key, else of another.
    pub(super) fn any_key(&self) -> Option<Vec<String>> {
        let unique = || self.uniques.iter().find(|unique| unique.tells_rows);
        let other = || unique().map(|unique| unique.columns.clone());
        self.primary_key.clone().or_else(other)
    }
}

impl Session {
    /// Looks a table up, in `schema` or the session's database; `None` where there is none we can see.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) async fn table(
        &mut self,
        schema: &str,
        name: &str,
    ) -> Result<Option<Table>, MysqlError> {
        let of = |schema_column: &str, name_column: &str| {
            let (schema, name) = (literal(schema), literal(name));
            format!("{schema_column} = {schema} AND {name_column} = {name}")
        };
        let relation = format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, COALESCE(ENGINE, ''), TABLE_ROWS, \
             COALESCE(DATA_LENGTH, 0), @@lower_case_table_names \
             FROM information_schema.TABLES WHERE {}",
            of("TABLE_SCHEMA", "TABLE_NAME")
        );
        type Relation = (String, String, String, String, Option<u64>, u64, u64);
        let found: Vec<Relation> = self.rows(&relation).await?;
        // The catalogue compares without regard to case, the server by its file system.
        let mut found = found
            .into_iter()
            .filter(|(found_schema, found, .., folds)| {
                *folds != 0 || (found_schema == schema && found == name)
            });
        let Some((schema, name, kind, engine, rows, bytes, _)) = found.next() else {
            return Ok(None);
        };
        let rights = Rights::of(self, &schema, &name).await?;
        let mut table = Table {
            kind,
            engine,
            columns: Vec::new(),
            primary_key: None,
            uniques: Vec::new(),
            foreign_keys: Vec::new(),
            referrers: Vec::new(),
            keys_are_ours: true,
            checks: Vec::new(),
            triggers: Vec::new(),
            rights,
            rows,
            bytes,
            definition: String::new(),
            counter: None,
            schema,
            name,
        };
        if table.kind == "VIEW" {
            return Ok(Some(table));
        }
        table.columns = self.columns(&of("TABLE_SCHEMA", "TABLE_NAME")).await?;
        self.indexes(&mut table, &of("TABLE_SCHEMA", "TABLE_NAME"))
            .await?;
        self.foreign_keys(&mut table).await?;
        self.checks(&mut table).await?;
        self.triggers(&mut table, &of("EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE"))
            .await?;
        if table.rights.select {
            let made = self.definition(&table.sql()).await?;
            (table.definition, table.counter) = without_counter(&made);
        }
        Ok(Some(table))
    }

    /// The columns of a table `name` that `select` would fill, which is not made: their names and types.
    ///
    /// # Errors
    /// When the server refuses the query.
    pub(super) async fn described(
        &mut self,
        name: &str,
        select: &str,
    ) -> Result<Vec<Column>, MysqlError> {
        let name = quoted(name);
        let made = format!(
            "CREATE TEMPORARY TABLE {name} AS SELECT * FROM (\n{select}\n) AS visard LIMIT 0"
        );
        self.run(&made).await?;
        // The catalogue has no temporary tables.
        let columns: Vec<Row> = self.rows(&format!("SHOW COLUMNS FROM {name}")).await?;
        self.run(&format!("DROP TEMPORARY TABLE {name}")).await?;
        columns.into_iter().map(shown_column).collect()
    }

    /// What makes a table, as the server says it.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn definition(&mut self, table: &str) -> Result<String, MysqlError> {
        let row: Option<Row> = self.first(&format!("SHOW CREATE TABLE {table}")).await?;
        row.and_then(|mut row| row.take(1))
            .ok_or(MysqlError::Altered)
    }

    async fn columns(&mut self, of: &str) -> Result<Vec<Column>, MysqlError> {
        let columns = format!(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, \
             NUMERIC_SCALE, CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, EXTRA \
             FROM information_schema.COLUMNS WHERE {of} ORDER BY ORDINAL_POSITION"
        );
        let rows: Vec<Row> = self.rows(&columns).await?;
        rows.into_iter().map(column).collect()
    }

    async fn indexes(&mut self, table: &mut Table, of: &str) -> Result<(), MysqlError> {
        let parts = format!(
            "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART IS NULL FROM information_schema.STATISTICS \
             WHERE {of} AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX"
        );
        let parts: Vec<(String, Option<String>, bool)> = self.rows(&parts).await?;
        for (index, column, is_whole) in parts {
            if table.uniques.last().is_none_or(|last| last.name != index) {
                table.uniques.push(Unique {
                    name: index,
                    columns: Vec::new(),
                    tells_rows: true,
                });
            }
            let found = column.as_deref().and_then(|name| table.column(name));
            let tells = is_whole && found.is_some_and(|column| column.required);
            if let Some(unique) = table.uniques.last_mut() {
                unique.columns.extend(column);
                unique.tells_rows &= tells;
            }
        }
        let mut uniques = table.uniques.iter();
        let primary = uniques.find(|unique| unique.name == "PRIMARY" && unique.tells_rows);
        table.primary_key = primary.map(|primary| primary.columns.clone());
        Ok(())
    }

    async fn foreign_keys(&mut self, table: &mut Table) -> Result<(), MysqlError> {
        let (schema, name) = (literal(&table.schema), literal(&table.name));
        let parts = format!(
            "SELECT CONSTRAINT_NAME, 0, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, COLUMN_NAME, \
                    REFERENCED_COLUMN_NAME, ORDINAL_POSITION \
               FROM information_schema.KEY_COLUMN_USAGE \
              WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {name} AND REFERENCED_TABLE_NAME IS NOT NULL \
             UNION ALL \
             SELECT CONSTRAINT_NAME, 1, TABLE_SCHEMA, TABLE_NAME, REFERENCED_COLUMN_NAME, COLUMN_NAME, \
                    ORDINAL_POSITION \
               FROM information_schema.KEY_COLUMN_USAGE \
              WHERE REFERENCED_TABLE_SCHEMA = {schema} AND REFERENCED_TABLE_NAME = {name} \
              ORDER BY 1, 2, 3, 4, 7"
        );
        type Part = (String, bool, String, String, String, String, u64);
        // The server looks into every table there is, and fails where one is dropped meanwhile.
        let mut found = self.rows::<Part>(&parts).await;
        for _ in 1..LOOKS {
            if !matches!(&found, Err(error) if error.code().is_some()) {
                break;
            }
            found = self.rows(&parts).await;
        }
        for (name, incoming, schema, other, column, theirs, _) in found? {
            let place = (schema.clone(), other.clone());
            if incoming && !table.referrers.contains(&place) {
                table.referrers.push(place);
            }
            let is_same = |key: &&mut ForeignKey| {
                (&key.name, key.incoming) == (&name, incoming)
                    && key.other_schema.as_ref() == Some(&schema)
                    && key.other_name == other
            };
            match table.foreign_keys.last_mut().filter(is_same) {
                Some(last) => {
                    last.columns.push(column);
                    last.other_columns.push(theirs);
                }
                None => table.foreign_keys.push(ForeignKey {
                    name,
                    incoming,
                    other_schema: Some(schema),
                    other_name: other,
                    columns: vec![column],
                    other_columns: vec![theirs],
                }),
            }
        }
        table.keys_are_ours = table.foreign_keys.is_empty() || table.rights.references;
        for (schema, name) in &table.referrers {
            let rights = Rights::of(self, schema, name).await?;
            table.keys_are_ours &= rights.alter && rights.lock;
        }
        Ok(())
    }

    async fn checks(&mut self, table: &mut Table) -> Result<(), MysqlError> {
        let (schema, name) = (literal(&table.schema), literal(&table.name));
        let there = "SELECT COUNT(*) FROM information_schema.TABLES \
                     WHERE TABLE_SCHEMA = 'information_schema' AND TABLE_NAME = 'CHECK_CONSTRAINTS'";
        if self.first::<u64>(there).await?.unwrap_or(0) == 0 {
            return Ok(());
        }
        let checks = match self.is_mariadb().await? {
            true => format!(
                "SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
                 WHERE CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {name} ORDER BY 1"
            ),
            false => format!(
                "SELECT c.CONSTRAINT_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c \
                 JOIN information_schema.TABLE_CONSTRAINTS t \
                   ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME \
                 WHERE t.TABLE_SCHEMA = {schema} AND t.TABLE_NAME = {name} AND t.CONSTRAINT_TYPE = 'CHECK' \
                 ORDER BY 1"
            ),
        };
        let checks: Vec<(String, String)> = self.rows(&checks).await?;
        for (name, definition) in checks {
            // The server quotes the names of columns there.
            let columns = table.columns.iter().map(|column| &column.name);
            let columns = columns.filter(|column| definition.contains(&quoted(column)));
            table.checks.push(Check {
                name,
                columns: columns.cloned().collect(),
                definition: definition.clone(),
            });
        }
        Ok(())
    }

    async fn triggers(&mut self, table: &mut Table, of: &str) -> Result<(), MysqlError> {
        let triggers = format!(
            "SELECT TRIGGER_NAME, EVENT_MANIPULATION = 'UPDATE', DEFINER = CURRENT_USER() \
             FROM information_schema.TRIGGERS WHERE {of} \
             ORDER BY ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER"
        );
        let triggers: Vec<(String, bool, bool)> = self.rows(&triggers).await?;
        let triggers = triggers
            .into_iter()
            .map(|(name, of_updates, is_own)| TableTrigger {
                name,
                of_updates,
                is_ours: table.rights.trigger && (is_own || table.rights.definer),
            });
        table.triggers = triggers.collect();
        Ok(())
    }

    /// Names of tables, as `database.name`, for a message about one that is not there.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) async fn table_names(&mut self) -> Result<Vec<String>, MysqlError> {
        let names = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = DATABASE() ORDER BY 1 LIMIT 1000";
        self.rows(names).await
    }

    /// The tables of the database `schema`, by name.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) async fn tables(&mut self, schema: &str) -> Result<Vec<String>, MysqlError> {
        let names = format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = {} ORDER BY 1",
            literal(schema)
        );
        self.rows(&names).await
    }
}

/// A column as `SHOW COLUMNS` has it: its name and its type.
pub(super) fn shown_column(mut row: Row) -> Result<Column, MysqlError> {
    let mut taken = |index| row.take::<String, _>(index).ok_or(MysqlError::Altered);
    let (name, type_name) = (taken(0)?, taken(1)?);
    let end = type_name.find(['(', ' ']).unwrap_or(type_name.len());
    let (data_type, behind) = type_name.split_at(end);
    let numbers = behind.trim_start_matches('(').split(')').next();
    let mut numbers = numbers.unwrap_or_default().split(',');
    let mut number = || numbers.next().and_then(|number| number.trim().parse().ok());
    let (precision, scale) = (number().unwrap_or(0), number().unwrap_or(0));
    Ok(Column {
        kind: ColumnType::of(data_type, &type_name, precision, scale),
        // What is said of a text is its length.
        length: matches!(data_type, "char" | "varchar")
            .then(|| u32::try_from(precision).ok())
            .flatten(),
        data_type: data_type.to_owned(),
        made: type_name.clone(),
        required: false,
        generated: false,
        is_touched: false,
        name,
        type_name,
    })
}

fn column(mut row: Row) -> Result<Column, MysqlError> {
    fn of<T: FromValue>(row: &mut Row, index: usize) -> Result<T, MysqlError> {
        let taken = row.take_opt(index).and_then(Result::ok);
        taken.ok_or_else(|| MysqlError::Schema("of the catalogue".to_owned()))
    }
    let name: String = of(&mut row, 0)?;
    let data_type: String = of(&mut row, 1)?;
    let type_name: String = of(&mut row, 2)?;
    let length: Option<u64> = of(&mut row, 3)?;
    let precision: Option<u64> = of(&mut row, 4)?;
    let scale: Option<u64> = of(&mut row, 5)?;
    let charset: Option<String> = of(&mut row, 6)?;
    let collation: Option<String> = of(&mut row, 7)?;
    let nullable: String = of(&mut row, 8)?;
    let extra = of::<String>(&mut row, 9)?.to_ascii_lowercase();
    let kind = ColumnType::of(
        &data_type,
        &type_name,
        precision.unwrap_or(0),
        scale.unwrap_or(0),
    );
    let mut made = type_name.clone();
    // JSON of MySQL has a character set and takes none.
    if let (Some(charset), Some(collation)) = (&charset, &collation)
        && data_type != "json"
    {
        made.push_str(&format!(" CHARACTER SET {charset} COLLATE {collation}"));
    }
    Ok(Column {
        name,
        made,
        kind,
        length: length
            .filter(|_| charset.is_some() && matches!(data_type.as_str(), "char" | "varchar"))
            .and_then(|length| u32::try_from(length).ok()),
        required: nullable == "NO",
        generated: extra.contains("virtual generated")
            || extra.contains("stored generated")
            || extra.contains("persistent"),
        is_touched: extra.contains("on update"),
        type_name,
        data_type,
    })
}

/// A definition without the next number of its counter, and that number.
pub(super) fn without_counter(definition: &str) -> (String, Option<u64>) {
    const WORD: &str = " AUTO_INCREMENT=";
    // Right behind the engine: a default value or a comment may hold the word.
    const ENGINE: &str = "\n) ENGINE=";
    let at = definition.rfind(ENGINE).and_then(|at| {
        let engine = at + ENGINE.len();
        Some(engine + definition[engine..].find(' ')?)
    });
    let Some(at) = at.filter(|at| definition[*at..].starts_with(WORD)) else {
        return (definition.to_owned(), None);
    };
    let rest = &definition[at + WORD.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let without = format!("{}{rest}", &definition[..at]);
    (without, number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_without_counters() {
        let made = "CREATE TABLE `t` (\n  `a` text DEFAULT ' AUTO_INCREMENT=9'\n) ENGINE=InnoDB";
        assert_eq!(without_counter(made), (made.to_owned(), None));
        let options = "DEFAULT CHARSET=utf8mb4 COMMENT=' AUTO_INCREMENT=5'";
        let counted = format!("{made} AUTO_INCREMENT=12 {options}");
        let without = format!("{made} {options}");
        assert_eq!(without_counter(&without), (without.clone(), None));
        assert_eq!(without_counter(&counted), (without, Some(12)));
    }
}
