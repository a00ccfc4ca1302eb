//! Tables that a copy makes, as they are where their rows come from.

use arrow::datatypes::DataType;

use super::{Arriving, Column};

/// A table that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    /// Its schema; none where names without one are made.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<NewColumn>,
    /// Columns that tell its rows apart; none where nothing does.
    pub primary_key: Vec<String>,
    /// The product whose words make its columns ([`super::Database::copies`]); none where rows come from files.
    pub product: Option<&'static str>,
}

/// A column of a table that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Its type as masks see it.
    pub data_type: DataType,
    /// What makes a column like it in any database of its product; none where only its own knows the type.
    pub made: Option<String>,
    /// The most characters it takes.
    pub length: Option<u32>,
    /// Whether it takes no null.
    pub required: bool,
}

impl NewColumn {
    /// One like a column of another table.
    pub fn like(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            made: column.made.clone(),
            length: column.length,
            required: column.required,
        }
    }

    /// One for what arrives from files, which may be null.
    pub fn of_files(name: &str, arriving: &Arriving) -> Self {
        Self {
            name: name.to_owned(),
            data_type: arriving.data_type.clone(),
            made: None,
            length: None,
            required: false,
        }
    }

    /// Its type without a dictionary.
    pub(crate) fn bare(&self) -> &DataType {
        match &self.data_type {
            DataType::Dictionary(_, values) => values,
            data_type => data_type,
        }
    }
}

impl NewTable {
    /// What stands behind its name where `product` makes it: its columns, in the words of its own product or else
    /// by `typed`, which is told whether the column is one of the primary key. `quoted` quotes a name.
    pub(crate) fn definition(
        &self,
        product: &str,
        quoted: impl Fn(&str) -> String,
        typed: impl Fn(&NewColumn, bool) -> String,
    ) -> String {
        let columns = self.columns.iter().map(|column| {
            let is_key = self.primary_key.contains(&column.name);
            let made = column.made.clone();
            let made = made.filter(|_| self.product == Some(product));
            let made = made.unwrap_or_else(|| typed(column, is_key));
            let null = match column.required || is_key {
                true => "NOT NULL",
                false => "NULL",
            };
            format!("{} {made} {null}", quoted(&column.name))
        });
        let mut parts: Vec<String> = columns.collect();
        if !self.primary_key.is_empty() {
            let key: Vec<String> = self.primary_key.iter().map(|name| quoted(name)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        format!("({})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_product_keep_their_words() {
        let column = |name: &str, made: Option<&str>, required| NewColumn {
            name: name.to_owned(),
            data_type: DataType::Int64,
            made: made.map(str::to_owned),
            length: None,
            required,
        };
        let mut table = NewTable {
            schema: None,
            name: "t".to_owned(),
            columns: vec![
                column("a", Some("serial"), false),
                column("b", None, true),
                column("c", Some("money"), false),
            ],
            primary_key: vec!["a".to_owned()],
            product: Some("one"),
        };
        let quoted = |name: &str| format!("<{name}>");
        let typed = |_: &NewColumn, is_key: bool| if is_key { "key" } else { "any" }.to_owned();
        assert_eq!(
            table.definition("one", quoted, typed),
            "(<a> serial NOT NULL, <b> any NOT NULL, <c> money NULL, PRIMARY KEY (<a>))"
        );
        assert_eq!(
            table.definition("other", quoted, typed),
            "(<a> key NOT NULL, <b> any NOT NULL, <c> any NULL, PRIMARY KEY (<a>))"
        );
        table.primary_key.clear();
        table.columns.truncate(1);
        assert_eq!(table.definition("one", quoted, typed), "(<a> serial NULL)");
    }
}
