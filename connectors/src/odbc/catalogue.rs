//! What a database says of its tables, by the catalogue functions of ODBC and, for what they leave out, by queries of
//! the dialect.

use std::collections::BTreeMap;

use odbc_api::parameter::VarCharArray;

use super::dialect::{Dialect, Space};
use super::error::OdbcError;
use super::lane::{Lane, Told};
use super::session::Session;
use crate::database::{ForeignKey, Unique};

/// Where tables are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) catalog: String,
    /// The schema, or what stands for it; empty where there is none.
    pub(super) current: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_name: String,
    /// Nothing where its type is not known.
    pub(super) lane: Option<Lane>,
    pub(super) required: bool,
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) dialect: Dialect,
    /// Its schema, or what stands for it.
    pub(super) schema: Option<String>,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    pub(super) primary_key: Option<Vec<String>>,
    pub(super) uniques: Vec<Unique>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// Names of triggers, and whether each fires on updates.
    pub(super) triggers: Vec<(String, bool)>,
    pub(super) obstacles: Vec<String>,
}

/// Text of the catalogue.
fn text<const N: usize>(text: &VarCharArray<N>) -> Result<String, OdbcError> {
    let text = text.as_str().map_err(|_| {
        OdbcError::Broken("the driver gives names of its catalogue that are no UTF-8".to_owned())
    })?;
    Ok(text.unwrap_or_default().to_owned())
}

impl Place {
    /// Where tables are that are named without a schema: what the pipeline says, else what the session is in.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) fn of(session: &Session, schema: Option<&str>) -> Result<Self, OdbcError> {
        let quirks = session.dialect().quirks();
        let ask = |query: Option<&str>| match query {
            Some(query) => Ok(session
                .first(query)?
                .unwrap_or_default()
                .trim_end()
                .to_owned()),
            None => Ok::<_, OdbcError>(String::new()),
        };
        Ok(Self {
            catalog: ask(quirks.catalog)?,
            current: match schema {
                Some(schema) => schema.to_owned(),
                None => ask(quirks.current)?,
            },
        })
    }

    /// What the functions of ODBC take for a table in `schema`: its catalogue, and its schema.
    fn arguments<'s>(&'s self, dialect: Dialect, schema: &'s str) -> (&'s str, &'s str) {
        match dialect.quirks().space {
            Space::Schema => (&self.catalog, schema),
            Space::Catalog => (schema, ""),
            Space::None => ("", ""),
        }
    }
}

/// Tables and views in `schema` whose name is `name`, or all of them: name and kind.
///
/// # Errors
/// When the driver refuses.
pub(super) fn tables(
    session: &Session,
    space: &Place,
    schema: &str,
    name: Option<&str>,
) -> Result<Vec<(String, String)>, OdbcError> {
    let dialect = session.dialect();
    let (catalog, schema) = space.arguments(dialect, schema);
    let mut found = Vec::new();
    // Names are patterns there, which others may match too.
    let rows = session
        .connection
        .tables(catalog, schema, name.unwrap_or("%"), "")?;
    for row in rows {
        let row = row?;
        let is_there = match dialect.quirks().space {
            Space::Schema => text(&row.schema)? == schema,
            Space::Catalog => text(&row.catalog)? == catalog,
            Space::None => true,
        };
        if is_there {
            found.push((text(&row.table)?, text(&row.table_type)?.to_uppercase()));
        }
    }
    let Some(name) = name else { return Ok(found) };
    match found.iter().find(|(known, _)| known == name) {
        Some(exact) => Ok(vec![exact.clone()]),
        None => {
            found.retain(|(known, _)| dialect.same(known, name));
            Ok(found)
        }
    }
}

impl Table {
    /// Looks a table up; nothing where there is none that we see.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub(super) fn look_up(
        session: &Session,
        space: &Place,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Self>, OdbcError> {
        let dialect = session.dialect();
        let has_space = dialect.quirks().space != Space::None;
        if !has_space && schema.is_some_and(|schema| !dialect.same(schema, "main")) {
            return Ok(None);
        }
        let schema = schema.unwrap_or(&space.current).to_owned();
        let Some((name, kind)) = tables(session, space, &schema, Some(name))?
            .into_iter()
            .next()
        else {
            return Ok(None);
        };
        let columns = columns(session, space, &schema, &name)?;
        let known = Known {
            session,
            space,
            schema: &schema,
            name: &name,
        };
        let primary_key = known.primary_key()?;
        let uniques = known.uniques(&columns, primary_key.as_deref())?;
        let mut obstacles = known.list(dialect.quirks().obstacles)?;
        if kind != "TABLE" && kind != "BASE TABLE" && kind != "PARTITIONED TABLE" {
            obstacles.insert(0, format!("it is no table: the driver calls it {kind}"));
        }
        if columns.is_empty() {
            obstacles.push("the driver tells no columns of it".to_owned());
        }
        Ok(Some(Self {
            foreign_keys: known.foreign_keys()?,
            triggers: known.triggers()?,
            schema: has_space.then(|| schema.clone()),
            dialect,
            columns,
            primary_key,
            uniques,
            obstacles,
            name,
        }))
    }

    /// Its name in SQL.
    pub(super) fn sql(&self) -> String {
        self.beside(&self.name)
    }

    /// The name in SQL of a table beside it.
    pub(super) fn beside(&self, name: &str) -> String {
        match &self.schema {
            Some(schema) => format!(
                "{}.{}",
                self.dialect.quoted(schema),
                self.dialect.quoted(name)
            ),
            None => self.dialect.quoted(name),
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The lane of a column.
    ///
    /// # Errors
    /// When it has none, or is not there.
    pub(super) fn lane(&self, name: &str) -> Result<Lane, OdbcError> {
        let lane = self.column(name).and_then(|column| column.lane.clone());
        lane.ok_or_else(|| OdbcError::Schema(name.to_owned()))
    }

    /// The columns that tell its rows apart and can be compared over ODBC: `key`, or its primary key, or another
    /// unique index without nulls. The error says why there are none.
    pub(super) fn found_by(&self, key: Option<&[String]>) -> Result<Vec<Lane>, String> {
        let uniques = self.uniques.iter().filter(|unique| unique.tells_rows);
        let keys = key.into_iter().chain(self.primary_key.as_deref());
        let mut keys = keys.chain(uniques.map(|unique| unique.columns.as_slice()));
        let Some(first) = keys.next() else {
            return Err(
                "neither a primary key nor a unique index without nulls tells its rows apart, and nothing else finds a \
                 row over ODBC"
                    .to_owned(),
            );
        };
        first
            .iter()
            .map(|name| match self.column(name) {
                Some(Column { lane: Some(lane), .. }) if lane.can_be_key() => Ok(lane.clone()),
                Some(column) => Err(format!(
                    "its key has the column `{name}` of type `{}`, which does not come back over ODBC as it went",
                    column.type_name
                )),
                None => Err(format!("its key has the column `{name}`, which the driver does not tell")),
            })
            .collect()
    }
}

/// The columns of a table, in its order.
fn columns(
    session: &Session,
    space: &Place,
    schema: &str,
    table: &str,
) -> Result<Vec<Column>, OdbcError> {
    let dialect = session.dialect();
    let (catalog, schema) = space.arguments(dialect, schema);
    let mut columns = Vec::new();
    for row in session.connection.columns(catalog, schema, table, "%")? {
        let row = row?;
        let is_there = text(&row.table)? == table
            && match dialect.quirks().space {
                Space::Schema => text(&row.schema)? == schema,
                Space::Catalog => text(&row.catalog)? == catalog,
                Space::None => true,
            };
        if !is_there {
            continue;
        }
        let told = Told {
            name: text(&row.column_name)?,
            sql_type: row.data_type,
            type_name: text(&row.type_name)?,
            size: row.column_size.into_opt(),
            digits: row.decimal_digits.into_opt(),
        };
        columns.push(Column {
            lane: Lane::of(&told, dialect),
            required: row.nullable == 0,
            name: told.name,
            type_name: told.type_name,
        });
    }
    Ok(columns)
}

/// What a query of the catalogue gives is not what it should.
fn another_form() -> OdbcError {
    OdbcError::Broken("the catalogue has another form".to_owned())
}

/// A foreign key: whether it is incoming, its name, and schema and name of the other table.
type KeyName = (bool, String, String, String);

/// A column of a key: its place in it, its name, and that of the other table's.
type KeyColumn = (i16, String, String);

/// A table that is there.
struct Known<'k> {
    session: &'k Session,
    space: &'k Place,
    schema: &'k str,
    name: &'k str,
}

impl Known<'_> {
    /// `query` with the names of the table in it.
    fn query(&self, query: &str) -> String {
        let dialect = self.session.dialect();
        query
            .replace("{schema}", &dialect.literal(self.schema))
            .replace("{table}", &dialect.literal(self.name))
    }

    /// The first field of each row of a query.
    fn list(&self, query: Option<&str>) -> Result<Vec<String>, OdbcError> {
        let Some(query) = query else {
            return Ok(Vec::new());
        };
        let rows = self.session.rows(&self.query(query))?;
        Ok(rows
            .into_iter()
            .filter_map(|row| row.into_iter().next().flatten())
            .collect())
    }

    fn triggers(&self) -> Result<Vec<(String, bool)>, OdbcError> {
        let Some(query) = self.session.dialect().quirks().triggers else {
            return Ok(Vec::new());
        };
        let rows = self.session.rows(&self.query(query))?.into_iter();
        let triggers = rows.filter_map(|row| {
            let mut row = row.into_iter();
            let (name, of_updates) = (row.next()??, row.next()?);
            Some((name, of_updates.is_some_and(|one| one.trim() == "1")))
        });
        Ok(triggers.collect())
    }

    fn primary_key(&self) -> Result<Option<Vec<String>>, OdbcError> {
        if let query @ Some(_) = self.session.dialect().quirks().primary_key {
            let key = self.list(query)?;
            return Ok((!key.is_empty()).then_some(key));
        }
        let (catalog, schema) = self.space.arguments(self.session.dialect(), self.schema);
        let given = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
        let (catalog, schema) = (given(catalog), given(schema));
        let rows = self.session.connection.primary_keys(
            catalog.as_deref(),
            schema.as_deref(),
            self.name,
        )?;
        let mut key = Vec::new();
        for row in rows {
            let row = row?;
            key.push((row.key_seq, text(&row.column)?));
        }
        key.sort();
        let key: Vec<String> = key.into_iter().map(|(_, column)| column).collect();
        Ok((!key.is_empty()).then_some(key))
    }

    fn uniques(
        &self,
        columns: &[Column],
        primary_key: Option<&[String]>,
    ) -> Result<Vec<Unique>, OdbcError> {
        let mut found: BTreeMap<String, (Vec<String>, bool)> = BTreeMap::new();
        if let Some(query) = self.session.dialect().quirks().uniques {
            for row in self.session.rows(&self.query(query))? {
                let [name, column, _, is_plain] = row.as_slice() else {
                    return Err(another_form());
                };
                let name = name.clone().unwrap_or_default();
                let is_plain = is_plain.as_deref().is_some_and(|one| one.trim() == "1");
                let (of_index, plain) = found.entry(name).or_insert_with(|| (Vec::new(), true));
                *plain &= is_plain && column.is_some();
                of_index.extend(column.clone());
            }
        }
        let required = |name: &String| {
            let is_key = primary_key.is_some_and(|key| key.contains(name));
            is_key
                || columns
                    .iter()
                    .any(|column| column.name == *name && column.required)
        };
        let mut uniques: Vec<Unique> = found
            .into_iter()
            .map(|(name, (columns, plain))| Unique {
                tells_rows: plain && columns.iter().all(required),
                name,
                columns,
            })
            .collect();
        if let Some(key) = primary_key
            && !uniques.iter().any(|unique| unique.columns == key)
        {
            uniques.insert(
                0,
                Unique {
                    name: "the primary key".to_owned(),
                    columns: key.to_vec(),
                    tells_rows: true,
                },
            );
        }
        Ok(uniques)
    }

    /// Foreign keys both ways; of a table to itself both.
    fn foreign_keys(&self) -> Result<Vec<ForeignKey>, OdbcError> {
        let dialect = self.session.dialect();
        let mut keys: BTreeMap<KeyName, Vec<KeyColumn>> = BTreeMap::new();
        if let Some(query) = dialect.quirks().foreign_keys {
            for row in self.session.rows(&self.query(query))? {
                let row: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
                let [incoming, name, schema, table, place, own, other] = row.as_slice() else {
                    return Err(another_form());
                };
                let place = place.trim().parse().map_err(|_| another_form())?;
                let key = (
                    incoming.trim() == "1",
                    name.clone(),
                    schema.clone(),
                    table.clone(),
                );
                let of_key = keys.entry(key).or_default();
                of_key.push((place, own.clone(), other.clone()));
            }
        } else {
            self.keys_of_driver(&mut keys)?;
        }
        Ok(keys
            .into_iter()
            .map(|((incoming, name, schema, other_name), mut columns)| {
                columns.sort();
                ForeignKey {
                    name,
                    incoming,
                    other_schema: (dialect.quirks().space != Space::None).then_some(schema),
                    other_name,
                    columns: columns.iter().map(|(_, own, _)| own.clone()).collect(),
                    other_columns: columns.into_iter().map(|(_, _, other)| other).collect(),
                }
            })
            .collect())
    }

    /// The same, as far as the driver tells of them.
    fn keys_of_driver(
        &self,
        keys: &mut BTreeMap<KeyName, Vec<KeyColumn>>,
    ) -> Result<(), OdbcError> {
        let dialect = self.session.dialect();
        let (catalog, schema) = self.space.arguments(dialect, self.schema);
        for incoming in [false, true] {
            let rows = match incoming {
                true => self
                    .session
                    .connection
                    .foreign_keys(catalog, schema, self.name, "", "", ""),
                false => self
                    .session
                    .connection
                    .foreign_keys("", "", "", catalog, schema, self.name),
            };
            for row in rows? {
                let row = row?;
                let (own, other) = match incoming {
                    true => (text(&row.pk_column)?, text(&row.fk_column)?),
                    false => (text(&row.fk_column)?, text(&row.pk_column)?),
                };
                let (catalog, schema, table) = match incoming {
                    true => (
                        text(&row.fk_catalog)?,
                        text(&row.fk_schema)?,
                        text(&row.fk_table)?,
                    ),
                    false => (
                        text(&row.pk_catalog)?,
                        text(&row.pk_schema)?,
                        text(&row.pk_table)?,
                    ),
                };
                let space = match dialect.quirks().space {
                    Space::Schema => schema,
                    Space::Catalog => catalog,
                    Space::None => String::new(),
                };
                let key = (incoming, text(&row.fk_name)?, space, table);
                keys.entry(key).or_default().push((row.key_seq, own, other));
            }
        }
        Ok(())
    }
}
