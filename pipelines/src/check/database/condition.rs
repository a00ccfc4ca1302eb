//! `where`: one SQL condition, which the database runs.

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// Why `text` is not one condition; nothing where it is. A condition stands in brackets in our
/// statements, so one that closes them or ends the statement would do something else than choose rows.
pub(super) fn problem(text: &str, dialect: &dyn Dialect) -> Option<String> {
    let tokens = match Tokenizer::new(dialect, text).tokenize() {
        Ok(tokens) => tokens,
        Err(error) => return Some(error.message),
    };
    // A comment to the end of the line would take our bracket with it; one that only some servers read is
    // none to them.
    let text_ends_in_comment = tokens.iter().any(|token| {
        matches!(token, Token::Whitespace(Whitespace::SingleLineComment { .. }))
            || matches!(token, Token::Whitespace(Whitespace::MultiLineComment(text)) if text.starts_with(['!', 'M']))
    });
    if text_ends_in_comment {
        return Some("it has a comment".to_owned());
    }
    let mut parser = Parser::new(dialect).with_tokens(tokens);
    if let Err(error) = parser.parse_expr() {
        return Some(said(&error.to_string()));
    }
    let next = parser.peek_token();
    (next.token != Token::EOF).then(|| format!("it goes on behind the condition with `{next}`"))
}

/// What the parser says, without its own prefix.
fn said(error: &str) -> String {
    error.trim_start_matches("sql parser error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::{MySqlDialect, PostgreSqlDialect};

    use super::*;

    #[test]
    fn comments_of_mysql() {
        for (text, fine) in [
            ("`a b` = 'it\\'s' AND c <=> NULL", true),
            ("a = 1 # all", false),
            ("a = 1 /*! ) OR (1 */", false),
            ("a = 1 /*M! ) OR (1 */", false),
            ("a = '# no /*! comment'", true),
        ] {
            let problem = problem(text, &MySqlDialect {});
            assert_eq!(problem.is_none(), fine, "{text}: {problem:?}");
        }
    }

    #[test]
    fn one_condition() {
        for (text, fine) in [
            ("age >= 18 AND country IN ('NZ', 'AU')", true),
            ("customers.note LIKE '%;--%'", true),
            (
                "EXISTS (SELECT 1 FROM orders o WHERE o.customer = customers.id)",
                true,
            ),
            ("\"Name\" ~ '^a' OR data->>'x' = 'y'", true),
            ("a = 1; DROP TABLE t", false),
            ("a = 1) OR (true", false),
            ("a = 1 -- all", false),
            ("a = 1 /* all */", true),
            ("", false),
            ("a = 'x", false),
            ("a = 1 LIMIT 5", false),
        ] {
            let problem = problem(text, &PostgreSqlDialect {});
            assert_eq!(problem.is_none(), fine, "{text}: {problem:?}");
        }
    }
}
