//! Statements of a ruleset, one by one in a transaction of their own.

use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::catalogue::Place;
use super::dialect::Dialect;
use super::error::OdbcError;
use super::marks;
use super::session::Session;
use crate::database::Announce;

/// What names of the tables that say what was committed begin and end with.
const MARK: (&str, &str) = ("visard_", "_done");

/// Runs `statements`, and marks that it did. It may block.
///
/// # Errors
/// When the database refuses one: then none has an effect.
pub(super) fn run(
    session: &Session,
    place: &Place,
    statements: &str,
    announce: Announce,
) -> Result<(), OdbcError> {
    let dialect = session.dialect();
    let parts = parts(statements, dialect).map_err(OdbcError::Config)?;
    let name = format!("{}{:016x}{}", MARK.0, nobodys_number(), MARK.1);
    marks::make(session, place, &name)?;
    let ran = session.in_transaction(|session| {
        for part in &parts {
            session.run(part)?;
        }
        marks::set(session, place, &name)?;
        announce(&name)
            .map_err(|error| OdbcError::Broken(format!("the journal cannot be written: {error}")))
    });
    if ran.is_err() {
        // What failed is told, not that its mark could not be removed.
        marks::forget(session, place, &name).ok();
    }
    ran
}

/// A number that no other run has.
fn nobodys_number() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// `text`, statement by statement; why it cannot be told apart or undone.
fn parts(text: &str, dialect: Dialect) -> Result<Vec<String>, String> {
    let parser = dialect.parser();
    let tokens = Tokenizer::new(parser.as_ref(), text)
        .with_unescape(false)
        .tokenize();
    let tokens = tokens
        .map_err(|error| format!("the statements cannot be told apart: {}", error.message))?;
    let mut parts = Vec::new();
    for statement in tokens.split(|token| *token == Token::SemiColon) {
        let mut words = statement
            .iter()
            .filter(|token| !matches!(token, Token::Whitespace(_)));
        let Some(first) = words.next() else { continue };
        let first = match first {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        };
        let is_undone = matches!(
            first.as_str(),
            "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "WITH"
        );
        let is_definition = matches!(
            first.as_str(),
            "CREATE" | "ALTER" | "DROP" | "ANALYZE" | "COMMENT" | "GRANT" | "REVOKE" | "TRUNCATE"
        );
        let is_undone = is_undone || (is_definition && !dialect.quirks().definition_commits);
        if !is_undone {
            return Err(format!(
                "a statement that begins with `{first}` cannot be undone by its transaction, or is none that can be told: \
                 run it by other means"
            ));
        }
        parts.push(
            statement
                .iter()
                .map(ToString::to_string)
                .collect::<String>()
                .trim()
                .to_owned(),
        );
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_one_by_one() {
        let text = "UPDATE t SET a = 'x;''y' WHERE b = \"c;\"; -- a; b\nDELETE FROM t /* ; */ ;\n";
        let parts = parts(text, Dialect::Postgres).unwrap();
        assert_eq!(parts.len(), 2, "{parts:?}");
        assert_eq!(parts[0], "UPDATE t SET a = 'x;''y' WHERE b = \"c;\"");
        assert!(parts[1].contains("DELETE FROM t"), "{parts:?}");
    }

    #[test]
    fn what_cannot_be_undone_is_refused() {
        for (text, dialect, fine) in [
            ("ALTER TABLE t ADD a int", Dialect::Postgres, true),
            ("ALTER TABLE t ADD a int", Dialect::Oracle, false),
            ("TRUNCATE TABLE t", Dialect::Mysql, false),
            ("COMMIT", Dialect::Postgres, false),
            ("BEGIN p; END", Dialect::Oracle, false),
            ("CALL p()", Dialect::Mysql, false),
            ("UPDATE `a;b` SET c = 'it\\'s; so'", Dialect::Mysql, true),
            (
                "MERGE INTO t USING s ON (1 = 1) WHEN MATCHED THEN UPDATE SET a = 1",
                Dialect::Oracle,
                true,
            ),
            ("'x", Dialect::Postgres, false),
        ] {
            assert_eq!(parts(text, dialect).is_ok(), fine, "{text}");
        }
    }
}
