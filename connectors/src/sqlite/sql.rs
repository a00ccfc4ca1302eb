//! SQL as SQLite writes it, and what can be told of its text by words alone: definitions are kept as they were written.

use datafusion::sql::sqlparser::dialect::SQLiteDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::error::SqliteError;

/// A name as SQL takes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as SQL lists them.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    names.join(", ")
}

/// Rows of `from`, as SQL puts it behind `FROM`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn count(
    connection: &Connection,
    from: &str,
    parameters: Vec<Value>,
) -> Result<u64, SqliteError> {
    let count = format!("SELECT count(*) FROM {from}");
    let rows = connection.query_row(&count, params_from_iter(parameters), |row| row.get(0))?;
    Ok(i64::unsigned_abs(rows))
}

/// The words of `sql` without space and comments; nothing where it cannot be told.
fn tokens(sql: &str) -> Vec<Token> {
    let tokens = Tokenizer::new(&SQLiteDialect {}, sql).tokenize();
    let mut tokens = tokens.unwrap_or_default();
    tokens.retain(|token| !matches!(token, Token::Whitespace(_)));
    tokens
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// The name that a token is, if it can be one: SQLite takes one in single quotes as well.
fn name(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(&word.value),
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => Some(text),
        _ => None,
    }
}

/// Those of `columns` that the text names, or may name.
fn named<'a>(tokens: &[Token], columns: &'a [String]) -> impl Iterator<Item = &'a String> {
    columns.iter().filter(move |column| {
        let mut names = tokens.iter().filter_map(name);
        names.any(|name| name.eq_ignore_ascii_case(column))
    })
}

/// Those of `columns` that an index on expressions, or on some rows only, depends on.
pub(super) fn columns_of_index(sql: &str, columns: &[String]) -> Vec<String> {
    let tokens = tokens(sql);
    // Behind the name of the table; one that cannot be read may depend on all.
    match tokens.iter().position(|token| *token == Token::LParen) {
        Some(start) => named(&tokens[start..], columns).cloned().collect(),
        None => columns.to_vec(),
    }
}

/// Whether a trigger is one for updates: by the first word behind its own name that says so.
pub(super) fn fires_on_update(sql: &str) -> bool {
    let tokens = tokens(sql);
    let start = tokens.iter().position(|token| is_word(token, "TRIGGER"));
    let mut events = tokens[start.map_or(0, |start| start + 2)..].iter();
    let event = events.find(|token| {
        ["UPDATE", "INSERT", "DELETE"]
            .iter()
            .any(|event| is_word(token, event))
    });
    // One that cannot be read may fire.
    event.is_none_or(|event| is_word(event, "UPDATE"))
}

/// A `CHECK` of a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckText {
    pub(super) name: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) definition: String,
}

/// The checks in the definition of a table with these columns.
pub(super) fn checks(sql: &str, columns: &[String]) -> Vec<CheckText> {
    let tokens = tokens(sql);
    let mut checks = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !is_word(token, "CHECK") || tokens.get(at + 1) != Some(&Token::LParen) {
            continue;
        }
        let mut depth = 0;
        let length = tokens[at + 1..].iter().position(|token| {
            depth += i32::from(*token == Token::LParen) - i32::from(*token == Token::RParen);
            depth == 0
        });
        let body = &tokens[at + 2..length.map_or(tokens.len(), |length| at + 1 + length)];
        let words: Vec<String> = body.iter().map(Token::to_string).collect();
        let has_name = at >= 2 && is_word(&tokens[at - 2], "CONSTRAINT");
        checks.push(CheckText {
            name: has_name
                .then(|| name(&tokens[at - 1]).map(str::to_owned))
                .flatten(),
            columns: named(body, columns).cloned().collect(),
            definition: format!("CHECK ({})", words.join(" ")),
        });
    }
    checks
}

/// Whether a virtual table keeps no rows of its own but indexes those of `table`: `content=table`.
pub(super) fn indexes_content_of(sql: &str, table: &str) -> bool {
    tokens(sql).windows(3).any(|three| {
        is_word(&three[0], "content")
            && three[1] == Token::Eq
            && name(&three[2]).is_some_and(|name| name.eq_ignore_ascii_case(table))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<String> {
        ["id", "Full Name", "email", "age"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn events_of_triggers() {
        for (sql, fires) in [
            (
                "CREATE TRIGGER a AFTER UPDATE ON t BEGIN DELETE FROM u; END",
                true,
            ),
            (
                "CREATE TRIGGER \"update\" AFTER INSERT ON t BEGIN UPDATE t SET a = 1; END",
                false,
            ),
            (
                "CREATE TEMP TRIGGER a BEFORE /* update */ DELETE ON t BEGIN SELECT 1; END",
                false,
            ),
            (
                "create trigger [insert] instead of update of a, b on t begin select 1; end",
                true,
            ),
        ] {
            assert_eq!(fires_on_update(sql), fires, "{sql}");
        }
    }

    #[test]
    fn columns_that_an_index_depends_on() {
        let sql =
            "CREATE UNIQUE INDEX email ON t (lower([Full Name]), substr(\"AGE\", 1)) WHERE id > 3";
        assert_eq!(
            columns_of_index(sql, &columns()),
            ["id", "Full Name", "age"]
        );
    }

    #[test]
    fn checks_of_a_table() {
        let sql = "CREATE TABLE t (id INTEGER, \"Full Name\" TEXT CHECK (length(\"Full Name\") > (1)), email TEXT, \
                   age INT, CONSTRAINT adult CHECK (age >= 18 AND id IS NOT NULL), \"check\" TEXT)";
        let found = checks(sql, &columns());
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].name.as_deref(), &found[0].columns[..]),
            (None, &["Full Name".to_owned()][..])
        );
        assert_eq!(found[1].name.as_deref(), Some("adult"));
        assert_eq!(found[1].columns, ["id", "age"]);
        assert_eq!(found[1].definition, "CHECK (age >= 18 AND id IS NOT NULL)");
    }

    #[test]
    fn indexes_of_another_tables_content() {
        for (sql, is) in [
            (
                "CREATE VIRTUAL TABLE f USING fts5(a, content='notes', content_rowid=id)",
                true,
            ),
            (
                "CREATE VIRTUAL TABLE f USING fts4(content=\"Notes\", a)",
                true,
            ),
            ("CREATE VIRTUAL TABLE f USING fts5(a, content='')", false),
            ("CREATE VIRTUAL TABLE f USING fts5(content, notes)", false),
        ] {
            assert_eq!(indexes_content_of(sql, "notes"), is, "{sql}");
        }
    }
}
