//! The kinds of databases, and in which ways they differ: how names are quoted and folded, how the n-th row is asked for, how
//! rows are kept as they are, how many are written at once.

use datafusion::sql::sqlparser::dialect as parsers;
use datafusion::sql::sqlparser::dialect::Dialect as Parser;

use super::quirks::{
    DB2, DB2I, MYSQL, ORACLE, POSTGRES, Quirks, REDSHIFT, SNOWFLAKE, SQL_SERVER, SQLITE,
};

/// The kinds of databases that are reached over ODBC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Oracle Database 12.2 and later.
    Oracle,
    /// SQL Server 2016 and later.
    SqlServer,
    /// Db2 for Linux, UNIX and Windows 11.1 and later.
    Db2,
    /// Db2 for i 7.3 and later.
    Db2i,
    /// Amazon Redshift.
    Redshift,
    /// Snowflake.
    Snowflake,
    /// PostgreSQL 12 and later; run.
    Postgres,
    /// MariaDB 10 and MySQL 5.7, and later; run on MariaDB.
    Mysql,
    /// SQLite 3.33 and later; run.
    Sqlite,
}

/// How a database understands a name without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folds {
    Upper,
    Lower,
    /// As it is, in any case of letters.
    Not,
}

/// What a table's name is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Schema,
    /// The catalogue of ODBC, which people call a database.
    Catalog,
    None,
}

/// How the n-th row is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// `LIMIT n OFFSET m`.
    Limit,
    /// `OFFSET m ROWS FETCH NEXT n ROWS ONLY`, as the standard has it.
    Fetch,
}

/// How rows that were read are kept as they are until their transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// By words behind the query.
    Behind(&'static str),
    /// By words behind the name of the table.
    Hint(&'static str),
    /// By a statement before the query, where `{table}` is its table.
    Table(&'static str),
    /// By an update of the rows that changes nothing.
    Touch,
    /// By the mark of the unit, as only one session writes.
    OneWriter,
}

/// How masked rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// A statement for a row, many at once by array-bound parameters; the driver counts all rows that were hit.
    Rows,
    /// One statement for many rows, by a list of values that is joined: drivers that count the rows of an array one
    /// by one, or only the first.
    Values {
        /// The statement, with the parts that it is made of in braces.
        statement: &'static str,
        /// What the statement calls the table.
        target: &'static str,
        /// What a column of the list is called, numbered from one.
        column: &'static str,
        /// Whether each parameter says its type.
        typed: bool,
        /// The most parameters of a statement.
        most: usize,
    },
}

/// How text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// As UTF-16.
    Wide,
    /// As UTF-8: the driver breaks what UTF-16 takes two units for.
    Utf8,
}

impl Dialect {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Oracle,
        Self::SqlServer,
        Self::Db2,
        Self::Db2i,
        Self::Redshift,
        Self::Snowflake,
        Self::Postgres,
        Self::Mysql,
        Self::Sqlite,
    ];

    pub(super) const fn quirks(self) -> &'static Quirks {
        match self {
            Self::Oracle => &ORACLE,
            Self::SqlServer => &SQL_SERVER,
            Self::Db2 => &DB2,
            Self::Db2i => &DB2I,
            Self::Redshift => &REDSHIFT,
            Self::Snowflake => &SNOWFLAKE,
            Self::Postgres => &POSTGRES,
            Self::Mysql => &MYSQL,
            Self::Sqlite => &SQLITE,
        }
    }

    /// What reads its SQL.
    pub(super) fn parser(self) -> Box<dyn Parser> {
        match self {
            Self::Oracle => Box::new(parsers::OracleDialect {}),
            Self::SqlServer => Box::new(parsers::MsSqlDialect {}),
            Self::Db2 | Self::Db2i => Box::new(parsers::AnsiDialect {}),
            Self::Redshift => Box::new(parsers::RedshiftSqlDialect {}),
            Self::Snowflake => Box::new(parsers::SnowflakeDialect {}),
            Self::Postgres => Box::new(parsers::PostgreSqlDialect {}),
            Self::Mysql => Box::new(parsers::MySqlDialect {}),
            Self::Sqlite => Box::new(parsers::SQLiteDialect {}),
        }
    }

    /// A name in quotes.
    pub(super) fn quoted(self, name: &str) -> String {
        let (open, close) = self.quirks().quote;
        let doubled = name.replace(close, &format!("{close}{close}"));
        format!("{open}{doubled}{close}")
    }

    /// A name as the database understands it without quotes.
    pub(super) fn folded(self, name: &str) -> String {
        match self.quirks().folds {
            Folds::Upper => name.to_uppercase(),
            Folds::Lower => name.to_lowercase(),
            Folds::Not => name.to_owned(),
        }
    }

    /// Whether `a` and `b` name the same.
    pub(super) fn same(self, a: &str, b: &str) -> bool {
        match self.quirks().folds {
            Folds::Not => a.to_lowercase() == b.to_lowercase(),
            Folds::Upper | Folds::Lower => a == b,
        }
    }

    /// Text as a literal of a query of the catalogue.
    pub(super) fn literal(self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        match self {
            // A backslash escapes there.
            Self::Mysql | Self::Snowflake => format!("'{}'", doubled.replace('\\', "\\\\")),
            _ => format!("'{doubled}'"),
        }
    }

    /// The words behind `ORDER BY …` that leave `rows` rows behind the first `skipped`.
    pub(super) fn page(self, skipped: u64, rows: u64) -> String {
        match self.quirks().paging {
            Paging::Limit => format!(" LIMIT {rows} OFFSET {skipped}"),
            Paging::Fetch => format!(" OFFSET {skipped} ROWS FETCH NEXT {rows} ROWS ONLY"),
        }
    }

    /// The most rows of `parameters` each that one statement or array takes.
    pub(super) fn rows_at_once(self, parameters: usize) -> usize {
        match self.quirks().write {
            Write::Rows => 2000,
            // SQL Server takes no more than a thousand rows of values.
            Write::Values { most, .. } => (most / parameters.max(1)).clamp(1, 1000),
        }
    }

    /// A condition on `column` that holds where its value is of another class than a column of numbers or text has.
    pub(super) fn of_other_class(self, column: &str, is_number: bool) -> Option<String> {
        let class = if is_number { "integer" } else { "text" };
        self.quirks()
            .is_loose
            .then(|| format!("typeof({column}) NOT IN ('{class}', 'null')"))
    }
}

/// `statement` with its `parts`, which are named in braces.
pub(super) fn filled_in(statement: &str, parts: &[(&str, String)]) -> String {
    // In one pass, as a name may look like a part.
    let mut pieces = statement.split(['{', '}']);
    let mut made = pieces.next().unwrap_or_default().to_owned();
    while let (Some(part), Some(behind)) = (pieces.next(), pieces.next()) {
        let text = parts.iter().find(|(name, _)| *name == part);
        made.push_str(text.map_or("", |(_, text)| text));
        made.push_str(behind);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pages() {
        assert_eq!(Dialect::SqlServer.quoted("a]b"), "[a]]b]");
        assert_eq!(Dialect::Mysql.quoted("a`b"), "`a``b`");
        assert_eq!(Dialect::Oracle.quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(Dialect::Snowflake.folded("Ab"), "AB");
        assert_eq!(Dialect::Postgres.folded("Ab"), "ab");
        assert!(Dialect::SqlServer.same("Ab", "aB") && !Dialect::Oracle.same("Ab", "AB"));
        assert_eq!(Dialect::Mysql.literal("a\\'b"), "'a\\\\''b'");
        assert_eq!(
            Dialect::Oracle.page(9, 1),
            " OFFSET 9 ROWS FETCH NEXT 1 ROWS ONLY"
        );
        assert_eq!(Dialect::Sqlite.page(9, 1), " LIMIT 1 OFFSET 9");
    }

    #[test]
    fn parameters_stay_within_limits() {
        for dialect in Dialect::ALL {
            for parameters in [1, 2, 7, 300, 3000] {
                let rows = dialect.rows_at_once(parameters);
                assert!(rows > 0);
                if let Write::Values { most, .. } = dialect.quirks().write {
                    assert!(rows == 1 || rows * parameters <= most, "{dialect:?}");
                }
            }
        }
    }
}
