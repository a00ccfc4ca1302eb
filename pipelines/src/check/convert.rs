//! Conditions and hash columns from the ruleset's words into the masks' own.

use regex::Regex;
use visard_engine::udfs::{self, HashColumn, JsonStep, Operand};

use crate::language::{self, Condition, Literal, PathStep, Subject, Test};

/// A rule's condition, cut in two: what hangs on the masked value itself (a list's elements each for
/// themselves), and what hangs on the row.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// Tests of the masked column's own values.
    pub(super) of_value: Option<udfs::Condition>,
    /// Tests of the row's columns.
    pub(super) of_row: Option<udfs::Condition>,
}

/// Cuts `condition` for the column at `own`. `resolve` gives the path of a column that is named.
pub(super) fn chosen(
    condition: Option<&Condition>,
    own: &str,
    resolve: &dyn Fn(&str) -> String,
) -> Chosen {
    let parts = match condition {
        None => return Chosen::default(),
        Some(Condition::All(parts)) => parts.iter().collect(),
        Some(other) => vec![other],
    };
    let (of_value, of_row): (Vec<&Condition>, Vec<&Condition>) =
        parts.into_iter().partition(|part| is_own(part));
    let all = |parts: Vec<&Condition>| {
        let mut parts: Vec<_> = parts
            .iter()
            .map(|part| convert(part, own, resolve))
            .collect();
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(udfs::Condition::And(parts)),
        }
    };
    Chosen {
        of_value: all(of_value),
        of_row: all(of_row),
    }
}

/// Whether a condition tests nothing but the masked value.
fn is_own(condition: &Condition) -> bool {
    match condition {
        Condition::Test { subject, .. } => *subject == Subject::Own,
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(is_own),
        Condition::Not(inner) => is_own(inner),
    }
}

fn convert(condition: &Condition, own: &str, resolve: &dyn Fn(&str) -> String) -> udfs::Condition {
    let each = |parts: &[Condition]| {
        parts
            .iter()
            .map(|part| convert(part, own, resolve))
            .collect()
    };
    match condition {
        Condition::Test {
            subject,
            test: tested,
        } => {
            let column = match subject {
                Subject::Own => own.to_owned(),
                Subject::Column(name) => resolve(&name.value),
            };
            udfs::Condition::Column(column, test(tested))
        }
        Condition::All(parts) => udfs::Condition::And(each(parts)),
        Condition::Any(parts) => udfs::Condition::Or(each(parts)),
        Condition::Not(inner) => udfs::Condition::Not(Box::new(convert(inner, own, resolve))),
    }
}

fn test(test: &Test) -> udfs::Test {
    match test {
        Test::IsNull => udfs::Test::IsNull,
        Test::Equals(literal) => udfs::Test::In(vec![operand(literal)]),
        Test::In(literals) => udfs::Test::In(literals.iter().map(operand).collect()),
        Test::LessThan(literal) => udfs::Test::LessThan(operand(literal)),
        Test::LessThanOrEqual(literal) => udfs::Test::LessThanOrEqual(operand(literal)),
        Test::GreaterThan(literal) => udfs::Test::GreaterThan(operand(literal)),
        Test::GreaterThanOrEqual(literal) => udfs::Test::GreaterThanOrEqual(operand(literal)),
        Test::Matches(pattern) => udfs::Test::Matches(
            Regex::new(pattern).expect("the pattern was compiled when it was read"),
        ),
    }
}

fn operand(literal: &Literal) -> Operand {
    match literal {
        Literal::Bool(value) => Operand::Text(value.to_string()),
        Literal::Int(value) => Operand::Integer(*value),
        Literal::Float(value) => Operand::Number(*value),
        Literal::Text(text) => Operand::text(text),
    }
}

/// A hash column whose values lie at `path`.
pub(super) fn hash_column(column: &language::HashColumn, path: String) -> HashColumn {
    HashColumn {
        column: path,
        case_transform: column.case.map(|case| match case {
            language::Case::Upper => udfs::Case::Upper,
            language::Case::Lower => udfs::Case::Lower,
        }),
        trim: column.trim,
        json_path: column
            .json_path
            .iter()
            .map(|step| match step {
                PathStep::Key(key) => JsonStep::Key(key.clone()),
                PathStep::Index(index) => JsonStep::Index(*index),
            })
            .collect(),
    }
}
