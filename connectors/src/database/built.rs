//! Tables that a ruleset builds from a query, for others to be joined with, and drops at its end.

/// A table that does not outlive a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltTable {
    /// Its schema; none where the database has but one.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// The query whose rows it holds.
    pub select: String,
    /// Columns by which it is joined: no two of its rows are alike in one of these.
    pub keys: Vec<Vec<String>>,
}

impl BuiltTable {
    /// The statements that make it, the first of them with `create`. `quoted` quotes a name.
    pub(crate) fn made(&self, create: &str, quoted: impl Fn(&str) -> String) -> String {
        let table = self.sql(&quoted);
        let mut statements = format!("{create} {table} AS\n{}\n;", self.select);
        for (number, key) in self.keys.iter().enumerate() {
            let key: Vec<String> = key.iter().map(|column| quoted(column)).collect();
            let index = quoted(&format!("{}_key_{number}", self.name));
            let key = key.join(", ");
            statements.push_str(&format!(
                "\nCREATE UNIQUE INDEX {index} ON {table} ({key});"
            ));
        }
        statements
    }

    /// The statement that drops it, where it is there.
    pub(crate) fn dropped(&self, quoted: impl Fn(&str) -> String) -> String {
        format!("DROP TABLE IF EXISTS {}", self.sql(&quoted))
    }

    /// The table as SQL names it.
    pub(crate) fn sql(&self, quoted: &impl Fn(&str) -> String) -> String {
        let schema = self.schema.as_deref().map(quoted);
        let schema = schema.map(|schema| format!("{schema}."));
        format!("{}{}", schema.unwrap_or_default(), quoted(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_made_with_its_keys() {
        let built = BuiltTable {
            schema: Some("s".to_owned()),
            name: "t".to_owned(),
            select: "SELECT 1 AS a, 2 AS b -- two".to_owned(),
            keys: vec![vec!["a".to_owned(), "b".to_owned()], vec!["b".to_owned()]],
        };
        let quoted = |name: &str| format!("<{name}>");
        let made = "MAKE <s>.<t> AS\nSELECT 1 AS a, 2 AS b -- two\n;\n\
                    CREATE UNIQUE INDEX <t_key_0> ON <s>.<t> (<a>, <b>);\n\
                    CREATE UNIQUE INDEX <t_key_1> ON <s>.<t> (<b>);";
        assert_eq!(built.made("MAKE", quoted), made);
        assert_eq!(built.dropped(quoted), "DROP TABLE IF EXISTS <s>.<t>");
    }
}
