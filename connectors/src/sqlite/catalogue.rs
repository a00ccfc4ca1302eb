//! What a file's schema says of a table: everything a rule or a strategy depends on.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use super::address::Address;
use super::error::SqliteError;
use super::lane::{Affinity, EXACT, Lane, Seen};
use super::sql::{self, CheckText, list, quoted};
use crate::database::{Check, ForeignKey, Trigger, Unique};

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// Its name, in the letters of its definition.
    pub(super) name: String,
    /// `table`, `view`, `virtual` or `shadow`.
    pub(super) kind: String,
    /// The statement that made it.
    pub(super) sql: String,
    /// Its columns.
    pub(super) columns: Vec<Column>,
    /// What finds a row; nothing where the names of the rowid are all taken.
    pub(super) address: Option<Address>,
    /// Whether one of its columns is the rowid (`INTEGER PRIMARY KEY`), or there is none.
    pub(super) has_own_address: bool,
    /// The primary key's columns, where none holds a null.
    pub(super) primary_key: Option<Vec<String>>,
    /// Unique indexes, with or without a constraint, the primary key's among them.
    pub(super) uniques: Vec<Unique>,
    /// Foreign keys from it and to it.
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// Checks.
    pub(super) checks: Vec<Check>,
    /// Triggers.
    pub(super) triggers: Vec<Trigger>,
    /// The statements that make its indexes, and those that make its triggers.
    pub(super) made: Vec<String>,
    /// Full-text indexes of its rows, which keep no rows of their own.
    pub(super) indexed_by: Vec<String>,
    /// Other virtual tables of the file.
    pub(super) virtual_tables: Vec<String>,
    /// Its rows.
    pub(super) rows: u64,
    /// Bytes of its pages, and of all pages of the file.
    pub(super) bytes: u64,
    pub(super) file_bytes: u64,
    /// Bytes of pages that hold something, and those of them that hold something else than it and its indexes.
    pub(super) used_bytes: u64,
    pub(super) other_bytes: u64,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its type as it is declared; may be empty.
    pub(super) type_name: String,
    /// How its values are read and written.
    pub(super) lane: Lane,
    /// What its type makes of values that are stored.
    pub(super) affinity: Affinity,
    /// Whether it takes values of its type only.
    pub(super) strict: bool,
    /// Whether it takes no null.
    pub(super) required: bool,
    /// Whether SQLite computes it.
    pub(super) generated: bool,
}

impl Table {
    /// Its name as SQL takes it.
    pub(super) fn sql_name(&self) -> String {
        format!("main.{}", quoted(&self.name))
    }

    /// Whether `other` is the same table, and nothing about it changed that its masking depends on.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.sql == other.sql
            && self.columns == other.columns
            && self.made == other.made
            && self.foreign_keys == other.foreign_keys
            && self.primary_key == other.primary_key
    }

    /// The column of that name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Looks a table up, in any letter case as SQLite does.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn look_up(
        connection: &Connection,
        name: &str,
    ) -> Result<Option<Self>, SqliteError> {
        let listed = "SELECT name, type, wr, strict FROM pragma_table_list \
                      WHERE schema = 'main' AND name = ?1 COLLATE NOCASE";
        let listed = connection.query_row(listed, [name], |row| {
            let flag = |column| row.get::<_, i64>(column).map(|flag| flag != 0);
            Ok((row.get(0)?, row.get(1)?, flag(2)?, flag(3)?))
        });
        let Some((name, kind, without_rowid, strict)) = listed.optional()? else {
            return Ok(None);
        };
        let name: String = name;
        let sql = "SELECT coalesce(sql, '') FROM sqlite_schema WHERE name = ?1 AND type IN ('table', 'view')";
        let sql: Option<String> = connection
            .query_row(sql, [&name], |row| row.get(0))
            .optional()?;
        let mut table = Self {
            kind,
            sql: sql.unwrap_or_default(),
            has_own_address: without_rowid,
            name,
            ..Self::default()
        };
        let is_table = table.kind == "table" && !table.name.starts_with("sqlite_");
        if !is_table {
            // What cannot be masked is not looked at further.
            if table.kind == "table" {
                table.kind = "system".to_owned();
            }
            return Ok(Some(table));
        }
        let key = table.read_columns(connection, strict, &table.sql_name())?;
        table.read_indexes(connection, &key, without_rowid)?;
        table.read_foreign_keys(connection)?;
        table.read_triggers(connection)?;
        table.read_virtual_tables(connection)?;
        table.read_size(connection, without_rowid)?;
        let names = table.names();
        let checks = sql::checks(&table.sql, &names).into_iter();
        table.checks = checks
            .map(
                |CheckText {
                     name,
                     columns,
                     definition,
                 }| Check {
                    name: name.unwrap_or_else(|| "a check".to_owned()),
                    columns,
                    definition,
                },
            )
            .collect();
        Ok(Some(table))
    }

    fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    }

    /// Reads the columns; the primary key's in order.
    /// A table `name` that `select` would fill, which is not made: its columns are all that is known of it.
    ///
    /// # Errors
    /// When SQLite refuses the query.
    pub(super) fn described(
        connection: &Connection,
        name: &str,
        select: &str,
    ) -> Result<Self, SqliteError> {
        let quoted_name = quoted(name);
        // Nothing of the file changes, and only this connection sees what it makes.
        connection.pragma_update(None, "query_only", false)?;
        let rows = format!("(\n{select}\n)");
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE {quoted_name} AS SELECT * FROM {rows} LIMIT 0"
        ))?;
        let mut table = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        table.read_columns(connection, false, &rows)?;
        connection.execute_batch(&format!("DROP TABLE temp.{quoted_name}"))?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(table)
    }

    fn read_columns(
        &mut self,
        connection: &Connection,
        strict: bool,
        from: &str,
    ) -> Result<Vec<String>, SqliteError> {
        let columns =
            "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
        let mut key = Vec::new();
        let columns = rows(connection, columns, &self.name, |row| {
            let name: String = row.get(0)?;
            let place: i64 = row.get(3)?;
            if place > 0 {
                key.push((place, name.clone()));
            }
            let type_name: String = row.get(1)?;
            Ok(Column {
                name,
                affinity: Affinity::of(&type_name, strict),
                strict,
                type_name,
                lane: Lane::Text,
                required: row.get(2)?,
                generated: row.get::<_, i64>(4)? > 1,
            })
        })?;
        self.columns = columns;
        key.sort_unstable();
        let affinities: Vec<Affinity> = self.columns.iter().map(|column| column.affinity).collect();
        let seen = self.seen(connection, &affinities, strict, from)?;
        for ((column, affinity), seen) in self.columns.iter_mut().zip(affinities).zip(seen) {
            column.lane = match seen {
                Some(seen) => Lane::of(&column.type_name, affinity, seen),
                None => Lane::of(&column.type_name, affinity, Seen::default()),
            };
        }
        Ok(key.into_iter().map(|(_, name)| name).collect())
    }

    /// Which classes are in the columns whose type does not tell: text columns hold text or blobs, and
    /// strict tables what they say. The rows are those of `from`.
    fn seen(
        &self,
        connection: &Connection,
        affinities: &[Affinity],
        strict: bool,
        from: &str,
    ) -> Result<Vec<Option<Seen>>, SqliteError> {
        let mut seen: Vec<Option<Seen>> = affinities
            .iter()
            .map(|affinity| match affinity {
                Affinity::Text => None,
                Affinity::None => Some(Seen::default()),
                _ => (!strict).then(Seen::default),
            })
            .collect();
        let asked: Vec<usize> = (0..seen.len())
            .filter(|&column| seen[column].is_some())
            .collect();
        if asked.is_empty() {
            return Ok(seen);
        }
        let list = asked.iter().map(|&column| {
            let name = quoted(&self.columns[column].name);
            // A long blob is not read for its class.
            match affinities[column] {
                Affinity::None => format!("typeof({name})"),
                _ => name,
            }
        });
        let list = list.collect::<Vec<_>>().join(", ");
        let statement = format!("SELECT {list} FROM {from}");
        let mut statement = connection.prepare(&statement)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            for (place, &column) in asked.iter().enumerate() {
                let Some(seen) = &mut seen[column] else {
                    continue;
                };
                match (affinities[column], row.get_ref(place)?) {
                    (Affinity::None, ValueRef::Text(class)) => match class {
                        b"integer" => seen.integer = true,
                        b"real" => seen.real = true,
                        b"text" => seen.text = true,
                        b"blob" => seen.blob = true,
                        _ => {}
                    },
                    (_, ValueRef::Null) => {}
                    (_, ValueRef::Integer(number)) => {
                        seen.integer = true;
                        seen.wide |= number.unsigned_abs() > EXACT;
                    }
                    (_, ValueRef::Real(_)) => seen.real = true,
                    (_, ValueRef::Text(_)) => seen.text = true,
                    (_, ValueRef::Blob(_)) => seen.blob = true,
                }
            }
        }
        Ok(seen)
    }

    fn read_indexes(
        &mut self,
        connection: &Connection,
        key: &[String],
        without_rowid: bool,
    ) -> Result<(), SqliteError> {
        let names = self.names();
        let listed = "SELECT l.name, l.\"unique\", l.origin, l.partial, s.sql \
                      FROM pragma_index_list(?1) l LEFT JOIN sqlite_schema s ON s.name = l.name AND s.type = 'index' \
                      ORDER BY s.rowid";
        let indexes = rows(connection, listed, &self.name, |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, bool>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, bool>(3)?,
                row.get::<_, Option<String>>(4)?,
            ))
        })?;
        let has_key_index = indexes.iter().any(|(_, _, origin, ..)| origin == "pk");
        let is_rowid = key.len() == 1 && !without_rowid && !has_key_index;
        self.has_own_address = without_rowid || is_rowid;
        self.address = match () {
            () if self.has_own_address => Some(key.to_vec()),
            () => ["rowid", "_rowid_", "oid"]
                .iter()
                .find(|alias| !names.iter().any(|name| name.eq_ignore_ascii_case(alias)))
                .map(|alias| vec![(*alias).to_owned()]),
        }
        .map(|columns| Address {
            columns,
            is_rowid: !without_rowid,
        });
        // A primary key takes nulls, unless it says otherwise or finds the rows.
        let mut has_nulls = false;
        for column in key.iter().filter(|_| !self.has_own_address) {
            let null = format!(
                "SELECT EXISTS (SELECT 1 FROM {} WHERE {} IS NULL)",
                self.sql_name(),
                quoted(column)
            );
            has_nulls |= connection.query_row(&null, [], |row| row.get::<_, bool>(0))?;
        }
        if self.has_own_address {
            let keyed = self
                .columns
                .iter_mut()
                .filter(|column| key.contains(&column.name));
            keyed.for_each(|column| column.required = true);
        }
        self.primary_key = (!key.is_empty() && !has_nulls).then(|| key.to_vec());
        if is_rowid {
            self.uniques.push(Unique {
                name: "PRIMARY KEY".to_owned(),
                columns: key.to_vec(),
                tells_rows: true,
            });
        }
        for (name, is_unique, origin, partial, sql) in indexes {
            if let Some(sql) = &sql {
                self.made.push(sql.clone());
            }
            if !is_unique {
                continue;
            }
            let columns = "SELECT name FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno";
            let columns = rows(connection, columns, &name, |row| {
                row.get::<_, Option<String>>(0)
            })?;
            let plain: Option<Vec<String>> = columns.into_iter().collect();
            let sql = sql.unwrap_or_default();
            let tells_rows = !partial
                && plain.as_ref().is_some_and(|plain| match origin.as_str() {
                    "pk" => !has_nulls,
                    _ => plain
                        .iter()
                        .all(|name| self.column(name).is_some_and(|c| c.required)),
                });
            let columns = match (plain, partial) {
                (Some(plain), false) => plain,
                _ => sql::columns_of_index(&sql, &names),
            };
            self.uniques.push(Unique {
                name,
                columns,
                tells_rows,
            });
        }
        Ok(())
    }

    fn read_foreign_keys(&mut self, connection: &Connection) -> Result<(), SqliteError> {
        // Without names of its columns a key refers to the other's primary key. Names are written in any letter case.
        let keys = "SELECT m.name, coalesce((SELECT t.name FROM sqlite_schema t \
                           WHERE t.type = 'table' AND t.name = f.\"table\" COLLATE NOCASE), f.\"table\"), f.id, \
                           coalesce((SELECT c.name FROM pragma_table_xinfo(m.name) c \
                                      WHERE c.name = f.\"from\" COLLATE NOCASE), f.\"from\"), \
                           coalesce((SELECT p.name FROM pragma_table_xinfo(f.\"table\") p \
                                      WHERE CASE WHEN f.\"to\" IS NULL THEN p.pk = f.seq + 1 \
                                            ELSE p.name = f.\"to\" COLLATE NOCASE END), f.\"to\") \
                      FROM sqlite_schema m, pragma_foreign_key_list(m.name) f \
                     WHERE m.type = 'table' AND (m.name = ?1 OR f.\"table\" = ?1 COLLATE NOCASE) \
                     ORDER BY m.name, f.id, f.seq";
        let found = rows(connection, keys, &self.name, |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, Option<String>>(4)?,
            ))
        })?;
        let mut keys: Vec<ForeignKey> = Vec::new();
        for (child, parent, id, from, to) in found {
            let to = to.unwrap_or_default();
            let name = format!("{child}.{id}");
            let mut add = |incoming: bool, other: &str, own: &str, others: &str| {
                let same = |key: &&mut ForeignKey| key.name == name && key.incoming == incoming;
                let (own, others) = (own.to_owned(), others.to_owned());
                if let Some(key) = keys.iter_mut().find(same) {
                    key.columns.push(own);
                    key.other_columns.push(others);
                    return;
                }
                keys.push(ForeignKey {
                    name: name.clone(),
                    incoming,
                    other_schema: None,
                    other_name: other.to_owned(),
                    columns: vec![own],
                    other_columns: vec![others],
                });
            };
            if child == self.name {
                add(false, &parent, &from, &to);
            }
            if parent.eq_ignore_ascii_case(&self.name) {
                add(true, &child, &to, &from);
            }
        }
        self.foreign_keys = keys;
        Ok(())
    }

    fn read_triggers(&mut self, connection: &Connection) -> Result<(), SqliteError> {
        let triggers = "SELECT name, sql FROM sqlite_schema \
                        WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE ORDER BY rowid";
        let triggers = rows(connection, triggers, &self.name, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        for (name, sql) in triggers {
            self.triggers.push(Trigger {
                name,
                fires: sql::fires_on_update(&sql),
                fires_always: false,
            });
            self.made.push(sql);
        }
        Ok(())
    }

    fn read_virtual_tables(&mut self, connection: &Connection) -> Result<(), SqliteError> {
        let tables = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 AND ?1 <> '' ORDER BY name";
        let tables = rows(connection, tables, &self.name, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        for (name, sql) in tables {
            match sql::indexes_content_of(&sql, &self.name) {
                true => self.indexed_by.push(name),
                false => self.virtual_tables.push(name),
            }
        }
        Ok(())
    }

    fn read_size(
        &mut self,
        connection: &Connection,
        without_rowid: bool,
    ) -> Result<(), SqliteError> {
        // Inner pages of a table with rowids hold no rows.
        let pages = "SELECT coalesce(sum(pgsize), 0), coalesce(sum(CASE WHEN ?2 OR pagetype = 'leaf' THEN ncell END), 0) \
                     FROM dbstat WHERE name = ?1";
        let (bytes, cells): (i64, i64) =
            connection.query_row(pages, (&self.name, without_rowid), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        self.bytes = bytes.unsigned_abs();
        self.rows = cells.unsigned_abs();
        let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        let own = "SELECT coalesce(sum(d.pgsize), 0) FROM sqlite_schema s, dbstat d \
                   WHERE d.name = s.name AND s.tbl_name = ?1";
        let own: i64 = connection.query_row(own, [&self.name], |row| row.get(0))?;
        self.file_bytes = pages.unsigned_abs() * page.unsigned_abs();
        self.used_bytes = self
            .file_bytes
            .saturating_sub(free.unsigned_abs() * page.unsigned_abs());
        self.other_bytes = self.used_bytes.saturating_sub(own.unsigned_abs());
        Ok(())
    }

    /// The columns that are stored, as SQL lists them, and the rowid in front where no column is it.
    pub(super) fn stored(&self) -> Vec<&str> {
        let address = self.address.iter().flat_map(|address| &address.columns);
        let address = address
            .filter(|_| !self.has_own_address)
            .map(String::as_str);
        let columns = self.columns.iter().filter(|column| !column.generated);
        address
            .chain(columns.map(|column| column.name.as_str()))
            .collect()
    }

    /// The same as one text.
    pub(super) fn stored_list(&self) -> String {
        list(self.stored())
    }
}

/// Names of tables, for a message about one that is not there.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn table_names(connection: &Connection) -> Result<Vec<String>, SqliteError> {
    let names = "SELECT name FROM pragma_table_list WHERE schema = ?1 AND type IN ('table', 'view', 'virtual') \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    rows(connection, names, "main", |row| row.get(0))
}

/// The tables that hold rows, by name.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn tables(connection: &Connection) -> Result<Vec<String>, SqliteError> {
    let names = "SELECT name FROM pragma_table_list WHERE schema = ?1 AND type = 'table' \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    rows(connection, names, "main", |row| row.get(0))
}

/// The rows of a query about `name`.
fn rows<T>(
    connection: &Connection,
    query: &str,
    name: &str,
    mut of: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, SqliteError> {
    let mut statement = connection.prepare(query)?;
    let mut found = statement.query([name])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(of(row)?);
    }
    Ok(rows)
}
