//! Names of columns and tables as SQL spells them.
//!
//! A name in double quotes is meant exactly as it stands, and `""` inside is one quote. Any other name
//! is found in whatever letter case the database folds it to.

use std::fmt;

/// A name of a column, of a table or of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// The name without its quotes.
    pub text: String,
    /// Whether it was written in double quotes.
    pub quoted: bool,
}

impl Identifier {
    /// Reads the name of a column. Text that is no name in quotes from its first character to its last
    /// is taken as it stands, so that any header of a file can be named.
    ///
    /// # Examples
    ///
    /// ```
    /// # use visard::language::Identifier;
    /// assert_eq!(Identifier::parse("email").to_string(), "email");
    /// assert_eq!(Identifier::parse(r#""E ""mail""#).text, r#"E "mail"#);
    /// ```
    pub fn parse(written: &str) -> Self {
        match quoted(written) {
            Some((text, "")) if !text.is_empty() => Self { text, quoted: true },
            _ => Self {
                text: written.to_owned(),
                quoted: false,
            },
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quoted {
            true => write!(f, "\"{}\"", self.text.replace('"', "\"\"")),
            false => f.write_str(&self.text),
        }
    }
}

/// The name of a table: `customers`, `crm.customers`, `"CRM"."Customers"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The schema, where one is written.
    pub schema: Option<Identifier>,
    /// The table.
    pub name: Identifier,
}

impl TableName {
    /// Reads the name of a table.
    ///
    /// # Errors
    /// What is wrong with the text, in a sentence.
    pub fn parse(written: &str) -> Result<Self, &'static str> {
        let (first, rest) = part(written)?;
        let Some(rest) = rest else {
            return Ok(Self {
                schema: None,
                name: first,
            });
        };
        match part(rest)? {
            (name, None) => Ok(Self {
                schema: Some(first),
                name,
            }),
            (_, Some(_)) => Err("a table's name has more than two parts"),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// The part of a name that `text` begins with, and what follows the dot behind it.
fn part(text: &str) -> Result<(Identifier, Option<&str>), &'static str> {
    let (identifier, rest) = if text.starts_with('"') {
        let (text, rest) = quoted(text).ok_or("a double quote is not closed")?;
        (Identifier { text, quoted: true }, rest)
    } else {
        let (text, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        if !text.chars().all(needs_no_quotes) {
            return Err("a name with other characters than letters, digits and `_` needs quotes");
        }
        let text = text.to_owned();
        let quoted = false;
        (Identifier { text, quoted }, rest)
    };
    if identifier.text.is_empty() {
        return Err("a name is empty");
    }
    if identifier.text.contains('\0') {
        return Err("a name has a character that no database takes");
    }
    match rest.strip_prefix('.') {
        None if !rest.is_empty() => Err("something follows the closing quote of a name"),
        after => Ok((identifier, after)),
    }
}

fn needs_no_quotes(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '@')
}

/// The name in double quotes that `text` begins with, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut name = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        name += before;
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns() {
        for (written, text, quoted) in [
            ("email", "email", false),
            ("first name", "first name", false),
            ("a.b", "a.b", false),
            ("\"EMAIL\"", "EMAIL", true),
            ("\"a\"\"b\"", "a\"b", true),
            ("\"a.b\"", "a.b", true),
            // Not one name in quotes: the text of a strange header.
            ("\"a\"b\"", "\"a\"b\"", false),
            ("\"\"", "\"\"", false),
            ("\"a", "\"a", false),
        ] {
            let name = Identifier::parse(written);
            assert_eq!((name.text.as_str(), name.quoted), (text, quoted));
            assert_eq!(name.to_string(), written);
        }
    }

    #[test]
    fn names_of_tables() {
        for (written, schema, name) in [
            ("t", None, ("t", false)),
            ("Größe_1$", None, ("Größe_1$", false)),
            ("s.T", Some(("s", false)), ("T", false)),
            ("\"S\".\"T\"", Some(("S", true)), ("T", true)),
            ("s.\"a.\"\"b\"", Some(("s", false)), ("a.\"b", true)),
            ("\"my table\"", None, ("my table", true)),
        ] {
            let table = TableName::parse(written).unwrap();
            let plain = |part: &Identifier| (part.text.clone(), part.quoted);
            let owned = |(text, quoted): (&str, bool)| (text.to_owned(), quoted);
            assert_eq!(table.schema.as_ref().map(plain), schema.map(owned));
            assert_eq!(plain(&table.name), owned(name), "{written}");
            assert_eq!(table.to_string(), written);
        }
    }

    #[test]
    fn names_that_are_none() {
        for (written, problem) in [
            ("", "empty"),
            (".t", "empty"),
            ("s.", "empty"),
            ("\"\"", "empty"),
            ("a.b.c", "more than two parts"),
            ("\"a\".\"b\".\"c\"", "more than two parts"),
            ("my table", "needs quotes"),
            ("t; drop table u", "needs quotes"),
            ("[s].[t]", "needs quotes"),
            ("a\"b\"", "needs quotes"),
            ("\"a", "not closed"),
            ("\"a\"b", "follows the closing quote"),
            ("\"a\" .b", "follows the closing quote"),
            ("\"a\0\"", "no database takes"),
        ] {
            let found = TableName::parse(written).unwrap_err();
            assert!(found.contains(problem), "{written}: {found}");
        }
    }
}
