//! Statements of a ruleset, run in a transaction of their own.

use datafusion::sql::sqlparser::dialect::MySqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::error::MysqlError;
use super::marks::{AGAIN, Mark, UNTOLD};
use super::session::Server;
use crate::database::Announce;

/// What becomes of statements that are run a second time, or half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// They are undone unless the transaction is committed.
    Transactional,
    /// Running them again changes nothing more.
    Repeatable,
    /// Some may commit by themselves, what was before them included.
    Untold,
}

/// Runs `statements`, by the server's own `sql_mode`.
///
/// # Errors
/// When the server refuses one: then none has an effect, unless one commits by itself, as every definition
/// of a table does.
pub(super) async fn run(
    server: &Server,
    statements: &str,
    name: &str,
    announce: Announce,
) -> Result<(), MysqlError> {
    let told = |known_by: &str| {
        announce(known_by).map_err(|error| MysqlError::Connection(error.to_string()))
    };
    let kind = kind(statements);
    let mark = Mark::new(server.database(), name.to_owned());
    let mut session = server.connect().await?;
    if kind == Kind::Transactional {
        mark.make(&mut session).await?;
    }
    session
        .run("SET SESSION sql_mode = @@GLOBAL.sql_mode")
        .await?;
    if kind != Kind::Transactional {
        // It may be done before anybody hears of it.
        told(if kind == Kind::Repeatable {
            AGAIN
        } else {
            UNTOLD
        })?;
        session.run(statements).await?;
        return session.run("COMMIT").await;
    }
    session.run("START TRANSACTION").await?;
    let ran = async {
        session.run(statements).await?;
        if !session.is_in_transaction() {
            return Err(MysqlError::Connection(
                "a statement committed by itself: look what was done".to_owned(),
            ));
        }
        mark.set(&mut session).await
    };
    if let Err(error) = ran.await {
        drop(session);
        mark.remove(&mut server.connect().await?).await?;
        return Err(error);
    }
    told(&mark.known_by())?;
    session.run("COMMIT").await
}

/// What the first words of `statements` say of them.
fn kind(statements: &str) -> Kind {
    let Ok(tokens) = Tokenizer::new(&MySqlDialect {}, statements).tokenize() else {
        return Kind::Untold;
    };
    let mut firsts = Vec::new();
    for statement in tokens.split(|token| *token == Token::SemiColon) {
        let mut words = statement
            .iter()
            .filter(|token| !matches!(token, Token::Whitespace(_)));
        match words.next() {
            None => {}
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                firsts.push(word.value.to_ascii_uppercase());
            }
            Some(_) => return Kind::Untold,
        }
    }
    let all = |known: &[&str]| firsts.iter().all(|first| known.contains(&first.as_str()));
    // Comments that only some servers run are none.
    if statements.contains("/*!") || statements.contains("/*M!") {
        return Kind::Untold;
    }
    if all(&[
        "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "DO",
    ]) {
        return Kind::Transactional;
    }
    match all(&["TRUNCATE"]) {
        true => Kind::Repeatable,
        false => Kind::Untold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_statements() {
        for (statements, expected) in [
            (
                "update t set a = 'x; drop table t'; delete from u",
                Kind::Transactional,
            ),
            (" -- first\nINSERT INTO t VALUES (1);", Kind::Transactional),
            ("TRUNCATE TABLE `a`", Kind::Repeatable),
            ("DELETE FROM t; ALTER TABLE t ADD a int", Kind::Untold),
            ("DELETE FROM t; TRUNCATE t", Kind::Untold),
            ("CALL p()", Kind::Untold),
            ("DELETE FROM t /*!; TRUNCATE u */", Kind::Untold),
            ("SET autocommit = 1", Kind::Untold),
            ("'x", Kind::Untold),
        ] {
            assert_eq!(kind(statements), expected, "{statements}");
        }
    }
}
