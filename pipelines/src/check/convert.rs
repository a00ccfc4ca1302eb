//! Conditions and hash columns from the ruleset's words into the masks' own.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use regex::Regex;
use visard_engine::udfs::{self, HashColumn, JsonStep, Operand, TypeFamily};

use super::columns::FileColumn;
use crate::language::{self, Condition, Identifier, Literal, PathStep, Spanned, Subject, Test};

/// A rule's condition, cut in two: what hangs on the masked value itself (a list's elements each for
/// themselves), and what hangs on the row.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// Tests of the masked column's own values.
    pub(super) of_value: Option<udfs::Condition>,
    /// Tests of the row's columns.
    pub(super) of_row: Option<udfs::Condition>,
}

/// What `condition` asks of the values themselves that a rule masks, of this type and called `name`; nothing where
/// it asks nothing of them.
pub fn condition_of_value(
    name: &str,
    data_type: &DataType,
    condition: &Condition,
) -> Option<udfs::Condition> {
    let own = FileColumn {
        path: name.to_owned(),
        spelled_out: name.to_owned(),
        by_number: false,
        root: name.to_owned(),
        root_type: data_type.clone(),
        data_type: data_type.clone(),
        nullable: true,
        repeated: false,
        refusal: None,
        joined: false,
        by_sql: false,
    };
    let mut converter = Converter {
        own: &own,
        named: &BTreeMap::new(),
        remarks: Vec::new(),
    };
    converter.chosen(Some(condition)).of_value
}

/// What is to be said of a test.
pub(super) struct Remark<'c> {
    /// The column as it is named.
    pub(super) column: &'c Spanned<Identifier>,
    /// What would fit the column's type; nothing where the test fits, but compares numbers as text.
    pub(super) expected: Option<&'static str>,
}

/// Makes conditions that test columns of known types.
pub(super) struct Converter<'c> {
    /// The masked column.
    pub(super) own: &'c FileColumn,
    /// The columns that conditions name.
    pub(super) named: &'c BTreeMap<&'c str, &'c FileColumn>,
    pub(super) remarks: Vec<Remark<'c>>,
}

impl<'c> Converter<'c> {
    /// Cuts `condition`. Where a remark says what was expected, the outcome is of no use.
    pub(super) fn chosen(&mut self, condition: Option<&'c Condition>) -> Chosen {
        let parts = match condition {
            None => return Chosen::default(),
            Some(Condition::All(parts)) => parts.iter().collect(),
            Some(other) => vec![other],
        };
        let (of_value, of_row): (Vec<&Condition>, Vec<&Condition>) =
            parts.into_iter().partition(|part| is_own(part));
        let mut all = |parts: Vec<&'c Condition>| {
            let mut parts: Vec<_> = parts.iter().map(|part| self.convert(part)).collect();
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

    fn convert(&mut self, condition: &'c Condition) -> udfs::Condition {
        let mut each =
            |parts: &'c [Condition]| parts.iter().map(|part| self.convert(part)).collect();
        match condition {
            Condition::Test {
                subject: Subject::Own,
                test,
            } => udfs::Condition::Column(self.own.path.clone(), self.skipped(test)),
            Condition::Test {
                subject: Subject::Column(name),
                test,
            } => self.named(name, test),
            Condition::All(parts) => udfs::Condition::And(each(parts)),
            Condition::Any(parts) => udfs::Condition::Or(each(parts)),
            Condition::Not(inner) => udfs::Condition::Not(Box::new(self.convert(inner))),
        }
    }

    /// The test of a skipped value. One that the column cannot hold is never found in it: the rule's
    /// values may be meant for several columns.
    fn skipped(&self, test: &Test) -> udfs::Test {
        let fits = |test: udfs::Test| test.of(&self.own.data_type).ok();
        match test {
            Test::In(literals) => {
                let each = literals
                    .iter()
                    .map(|literal| udfs::Test::In(vec![operand(literal)]));
                udfs::Test::In(each.filter_map(fits).flat_map(operands).collect())
            }
            test => fits(converted(test)).unwrap_or(udfs::Test::In(vec![])),
        }
    }

    fn named(&mut self, name: &'c Spanned<Identifier>, test: &Test) -> udfs::Condition {
        let Some(column) = self.named.get(name.value.text.as_str()) else {
            return udfs::Condition::Column(name.value.text.clone(), converted(test));
        };
        let is_text = TypeFamily::of(&column.data_type) == Some(TypeFamily::Text);
        if is_text && orders_digits(test) {
            let expected = None;
            self.remarks.push(Remark {
                column: name,
                expected,
            });
        }
        let test = converted(test)
            .of(&column.data_type)
            .unwrap_or_else(|expected| {
                let expected = Some(expected);
                self.remarks.push(Remark {
                    column: name,
                    expected,
                });
                udfs::Test::In(vec![])
            });
        udfs::Condition::Column(column.path.clone(), test)
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

/// Whether the test puts a number into the order of texts, where 100 stands in front of 18.
fn orders_digits(test: &Test) -> bool {
    use Test::{GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual};
    match test {
        LessThan(Literal::Text(text))
        | LessThanOrEqual(Literal::Text(text))
        | GreaterThan(Literal::Text(text))
        | GreaterThanOrEqual(Literal::Text(text)) => text.trim().parse::<f64>().is_ok(),
        _ => false,
    }
}

fn operands(test: udfs::Test) -> Vec<Operand> {
    match test {
        udfs::Test::In(operands) => operands,
        _ => vec![],
    }
}

fn converted(test: &Test) -> udfs::Test {
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
        Literal::Day(day) => Operand::Day(day.to_epoch_days().into()),
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
