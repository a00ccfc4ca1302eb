//! The columns of a file, of any format, as rules see them.

use arrow::datatypes::DataType;
use visard_connectors::parquet::ParquetShape;
use visard_connectors::text::TextShape;

/// A column, or a leaf of a nested one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileColumn {
    /// Its name; for a leaf of a nested column its dotted path: `address.city`, `phones.number`.
    pub path: String,
    /// The same with the groups that Parquet makes lists and maps of: `phones.list.element.number`.
    pub spelled_out: String,
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
    pub refusal: Option<&'static str>,
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
                root: root.name().clone(),
                root_type: root.data_type().clone(),
                data_type: leaf.data_type.clone(),
                nullable: leaf.nullable,
                repeated: leaf.max_rep_level > 0,
                refusal: match root.name().contains('.') && leaf.name != *root.name() {
                    true => Some("lies below a column whose name holds a dot"),
                    false => leaf.maskable().err(),
                },
            }
        });
        Self(columns.collect())
    }

    /// The fields of a delimited text file: all text.
    pub(super) fn of_text(shape: &TextShape) -> Self {
        let names = shape.columns();
        let columns = names.iter().map(|name| FileColumn {
            path: name.clone(),
            spelled_out: name.clone(),
            root: name.clone(),
            root_type: DataType::Utf8View,
            data_type: DataType::Utf8View,
            nullable: true,
            repeated: false,
            refusal: (names.iter().filter(|other| *other == name).count() > 1)
                .then_some("is not the only column of its name"),
        });
        Self(columns.collect())
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
        let fits = |column: &&FileColumn| {
            fits(&column.path, &column.root) || fits(&column.spelled_out, &column.root)
        };
        self.0.iter().filter(fits).collect()
    }

    /// Names for a message.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| column.path.as_str())
    }
}

/// Whether a record that should name columns looks like one of data: a name is empty, a number, a
/// date or an address, or is there twice.
pub(super) fn looks_like_data(names: &[&str]) -> bool {
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

    #[test]
    fn a_dot_in_a_columns_own_name_makes_it_no_leaf() {
        let column = |root: &str, path: &str| FileColumn {
            path: path.to_owned(),
            spelled_out: path.to_owned(),
            root: root.to_owned(),
            root_type: DataType::Utf8View,
            data_type: DataType::Utf8View,
            nullable: true,
            repeated: false,
            refusal: None,
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
