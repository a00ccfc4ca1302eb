//! The columns of a file, of any format, as rules see them.

use std::borrow::Cow;

use arrow::datatypes::DataType;
use visard_connectors::parquet::ParquetShape;
use visard_connectors::text::TextShape;

use crate::language::{ColumnPattern, Identifier};

/// Why a column is refused whose name another one has, too.
pub(super) const NOT_ALONE: &str = "is not the only column of its name";

/// A column, or a leaf of a nested one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileColumn {
    /// Its name; for a leaf of a nested column its dotted path: `address.city`, `phones.number`.
    /// `number 2` where `by_number`.
    pub path: String,
    /// The same with the groups that Parquet makes lists and maps of: `phones.list.element.number`.
    pub spelled_out: String,
    /// Whether its name may be a value: then only `spelled_out` has it, for rules that name it, and
    /// everything that is shown has its number.
    pub by_number: bool,
    /// The root column it belongs to.
    pub root: String,
    /// The type of the root column.
    pub root_type: DataType,
    /// Its own type.
    pub data_type: DataType,
    /// Whether it can hold a null.
    pub nullable: bool,
    /// Whether a row may hold several values of it.
    pub repeated: bool,
    /// Why it cannot be rewritten, where it cannot.
    pub refusal: Option<Cow<'static, str>>,
    /// Whether it is of a table that is joined: it is read, and never masked.
    pub joined: bool,
    /// Whether it is named as SQL names columns: in double quotes as it is, or in any letter case.
    pub by_sql: bool,
}

impl FileColumn {
    /// Whether a rule calls the column `name`.
    pub(super) fn is_called(&self, name: &Identifier) -> bool {
        match (self.by_number, self.by_sql && !name.quoted) {
            (true, _) => self.spelled_out == name.text,
            (_, true) => [&self.path, &self.spelled_out]
                .into_iter()
                .any(|path| *path == name.text || *path == name.text.to_lowercase()),
            (false, false) => self.path == name.text,
        }
    }
}

/// Why a column of a table cannot even be read, where its connector does not know its type.
fn unknown_type(column: &visard_connectors::database::Column) -> Option<Cow<'static, str>> {
    let refusal = format!("is of type `{}`, which is not read here", column.type_name);
    (!column.is_known()).then_some(refusal.into())
}

/// The columns of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct FileColumns(pub(super) Vec<FileColumn>);

impl FileColumns {
    /// The leaves of a Parquet file.
    pub(super) fn of_parquet(shape: &ParquetShape) -> Self {
        let columns = shape.schema.leaves.iter().map(|leaf| {
            let root = shape.schema.fields.field(leaf.root);
            FileColumn {
                path: leaf.name.clone(),
                spelled_out: leaf.path.clone(),
                by_number: false,
                root: root.name().clone(),
                root_type: root.data_type().clone(),
                data_type: leaf.data_type.clone(),
                nullable: leaf.nullable,
                repeated: leaf.max_rep_level > 0,
                refusal: match root.name().contains('.') && leaf.name != *root.name() {
                    _ if leaf.data_type == DataType::Null => None,
                    true => Some("lies below a column whose name holds a dot".into()),
                    false => leaf.maskable().err().map(Cow::Borrowed),
                },
                joined: false,
                by_sql: false,
            }
        });
        Self(columns.collect())
    }

    /// The fields of a delimited text file: all text. `header` is what the file calls them where
    /// `shape` has some by number.
    pub(super) fn of_text(shape: &TextShape, header: Option<&[String]>) -> Self {
        let names = header.unwrap_or(shape.columns());
        let columns = shape
            .columns()
            .iter()
            .zip(names)
            .map(|(path, name)| FileColumn {
                path: path.clone(),
                spelled_out: name.clone(),
                by_number: path != name,
                root: path.clone(),
                root_type: DataType::Utf8View,
                data_type: DataType::Utf8View,
                nullable: true,
                repeated: false,
                refusal: (names.iter().filter(|other| *other == name).count() > 1)
                    .then_some(NOT_ALONE.into()),
                joined: false,
                by_sql: false,
            });
        Self(columns.collect())
    }

    /// The columns of a table.
    pub(super) fn of_table(table: &visard_connectors::database::Table) -> Self {
        let columns = table.columns.iter().map(|column| FileColumn {
            path: column.name.clone(),
            spelled_out: column.name.clone(),
            by_number: false,
            root: column.name.clone(),
            root_type: column.data_type.clone(),
            data_type: column.data_type.clone(),
            nullable: !column.required,
            repeated: false,
            refusal: match column.generated {
                true => Some("is computed by the database".into()),
                false => unknown_type(column),
            },
            joined: false,
            by_sql: true,
        });
        Self(columns.collect())
    }

    /// The same, with the columns of `table`, which is joined: they are called `table.column`, or with the
    /// schema in front.
    pub(super) fn join(&mut self, table: &visard_connectors::database::Table) {
        let columns = table.columns.iter().map(|column| FileColumn {
            path: format!("{}.{}", table.name, column.name),
            spelled_out: format!("{}.{}", table.shown(), column.name),
            by_number: false,
            root: format!("{}.{}", table.name, column.name),
            root_type: column.data_type.clone(),
            data_type: column.data_type.clone(),
            // A row may have none there.
            nullable: true,
            repeated: false,
            refusal: Some("belongs to a table that is joined".into()),
            joined: true,
            by_sql: true,
        });
        self.0.extend(columns);
    }

    /// The columns a pattern of a rule stands for.
    pub(super) fn meant_by(&self, pattern: &ColumnPattern) -> Vec<&FileColumn> {
        if !pattern.is_glob() {
            return self.identified(&Identifier {
                text: pattern.text.clone(),
                quoted: pattern.quoted,
            });
        }
        let fits = |c: &&FileColumn| match c.by_number {
            true => pattern.matches(&c.spelled_out),
            false => pattern.matches(&c.path) || pattern.matches(&c.root),
        };
        let columns = self.0.iter().filter(|column| !column.joined);
        columns.filter(fits).collect()
    }

    /// The columns an identifier stands for: see [`FileColumns::named`]; in a table the one of that name.
    pub(super) fn identified(&self, name: &Identifier) -> Vec<&FileColumn> {
        if !self.0.iter().any(|column| column.by_sql) {
            return self.named(&name.text);
        }
        // A name that is there as it is written goes before one in another letter case.
        let exact = self.0.iter().find(|column| column.path == name.text);
        let found = exact.or_else(|| self.0.iter().find(|column| column.is_called(name)));
        found.into_iter().collect()
    }

    /// The columns `name` stands for: the one of that name, or all leaves below it.
    pub(super) fn named(&self, name: &str) -> Vec<&FileColumn> {
        // A dot in a root column's own name makes it no leaf of another column.
        let fits = |path: &str, root: &str| {
            let rest = path.strip_prefix(name);
            rest.is_some_and(|rest| {
                rest.is_empty() || (rest.starts_with('.') && name.len() >= root.len())
            })
        };
        let fits = |column: &&FileColumn| match column.by_number {
            // Arguments of a bound mask have the number already.
            true => column.spelled_out == name || column.path == name,
            false => fits(&column.path, &column.root) || fits(&column.spelled_out, &column.root),
        };
        let columns = self.0.iter().filter(|column| !column.joined);
        columns.filter(fits).collect()
    }

    /// Whether the names may be values, which no message shows.
    pub(super) fn are_by_number(&self) -> bool {
        self.0.iter().any(|column| column.by_number)
    }

    /// Names for a message.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| column.path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_a_columns_own_name_makes_it_no_leaf() {
        let column = |root: &str, path: &str| FileColumn {
            path: path.to_owned(),
            spelled_out: path.to_owned(),
            by_number: false,
            root: root.to_owned(),
            root_type: DataType::Utf8View,
            data_type: DataType::Utf8View,
            nullable: true,
            repeated: false,
            refusal: None,
            joined: false,
            by_sql: false,
        };
        let columns = FileColumns(vec![
            column("name", "name"),
            column("name.first", "name.first"),
            column("home", "home.city"),
            column("home", "home.geo.x"),
        ]);
        for (name, found) in [
            ("name", vec!["name"]),
            ("name.first", vec!["name.first"]),
            ("home", vec!["home.city", "home.geo.x"]),
            ("home.geo", vec!["home.geo.x"]),
            ("hom", vec![]),
        ] {
            let named = columns.named(name);
            let paths: Vec<&str> = named.iter().map(|column| column.path.as_str()).collect();
            assert_eq!(paths, found, "{name}");
        }
    }
}
