//! Conditions: which rows a rule is for.
//!
//! A condition is true or false, never unknown: a test of a null is false, only `is_null` is true,
//! and `not` turns false into true. So `not_equals: x` chooses the rows where the column is null.

use chrono::{Months, NaiveDate};

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::identifier::Identifier;
use super::keys;
use super::node::{Kind, Node};
use super::source::Spanned;

/// Which rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One test of one column.
    Test {
        /// The column.
        subject: Subject,
        /// The test.
        test: Test,
    },
    /// All hold; true when there is none.
    All(Vec<Condition>),
    /// At least one holds; false when there is none.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// What is tested.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// The column the rule masks.
    Own,
    /// A column by its name.
    Column(Spanned<Identifier>),
}

/// A test of one value. Every test but `IsNull` is false for a null.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is no value.
    IsNull,
    /// It is this value.
    Equals(Literal),
    /// It is one of these values.
    In(Vec<Literal>),
    /// It is less.
    LessThan(Literal),
    /// It is less or the same.
    LessThanOrEqual(Literal),
    /// It is greater.
    GreaterThan(Literal),
    /// It is greater or the same.
    GreaterThanOrEqual(Literal),
    /// The regular expression is found in its text; it compiles.
    Matches(String),
}

/// A value to compare with. How text compares with dates and numbers is up to the column's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from -2^63 to 2^64-1.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A day; a text that is no date compares with none.
    Day(NaiveDate),
}

impl Condition {
    /// A test of a column's value.
    fn of(subject: &Subject, test: Test) -> Self {
        Self::Test {
            subject: subject.clone(),
            test,
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// All of `conditions`, without needless levels; nothing when there is none.
    pub fn all(mut conditions: Vec<Self>) -> Option<Self> {
        match conditions.len() {
            0 => None,
            1 => conditions.pop(),
            _ => Some(Self::All(conditions)),
        }
    }

    /// Every column it names, with places.
    pub fn columns(&self) -> Vec<&Spanned<Identifier>> {
        match self {
            Self::Test {
                subject: Subject::Column(column),
                ..
            } => vec![column],
            Self::Test {
                subject: Subject::Own,
                ..
            } => Vec::new(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::columns).collect(),
            Self::Not(inner) => inner.columns(),
        }
    }
}

/// A value to compare with; a null, a list or a mapping is none and is reported.
pub(super) fn literal(node: &Node, diagnostics: &mut Diagnostics) -> Option<Literal> {
    match &node.kind {
        Kind::Bool(flag) => Some(Literal::Bool(*flag)),
        Kind::Int(number) => Some(Literal::Int(*number)),
        Kind::Float(number) => Some(Literal::Float(*number)),
        Kind::Str(text) => Some(Literal::Text(text.to_string())),
        Kind::Null | Kind::Seq(_) | Kind::Map(_) | Kind::Broken => {
            fields::wrong_type(node, "a value to compare with", diagnostics);
            None
        }
    }
}

/// One condition, or a list of conditions that must all hold.
pub(super) fn parse(node: &Node, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let parts = parse_list(node, diagnostics)?;
    Condition::all(parts)
}

fn parse_list(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<Condition>> {
    let items = fields::one_or_many(node);
    if items.is_empty() {
        diagnostics.push(
            Diagnostic::new(&codes::NO_RULES, "the list of conditions is empty").at(node.span, ""),
        );
        return None;
    }
    let parsed: Vec<_> = items
        .iter()
        .map(|item| parse_one(item, diagnostics))
        .collect();
    parsed.into_iter().collect()
}

fn parse_one(node: &Node, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let fields = Fields::new(node, "a condition", keys::CONDITION, diagnostics)?;
    let mut parts = Vec::new();
    if let Some(inner) = fields.raw("and") {
        parts.push(Condition::All(parse_list(inner, diagnostics)?));
    }
    if let Some(inner) = fields.raw("or") {
        parts.push(Condition::Any(parse_list(inner, diagnostics)?));
    }
    if let Some(inner) = fields.raw("not") {
        parts.push(parse(inner, diagnostics)?.negated());
    }
    match fields.name("column", diagnostics) {
        Some(column) => {
            let subject = Subject::Column(column.map(|name| Identifier::parse(&name)));
            let tests = parse_tests(&fields, &subject, diagnostics)?;
            if tests.is_empty() {
                return bad(
                    fields.key_span("column"),
                    "the column is not tested",
                    diagnostics,
                );
            }
            parts.extend(tests);
        }
        None if fields.get("column").is_some() => return None,
        None if parts.is_empty() => {
            return bad(
                node.span,
                "a condition needs a `column`, `and`, `or` or `not`",
                diagnostics,
            );
        }
        None => {}
    }
    Condition::all(parts)
}

fn bad<T>(span: super::source::Span, message: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    diagnostics.push(
        Diagnostic::new(&codes::BAD_CONDITION, message)
            .at(span, "")
            .help("for example `{column: country, equals: NZ}`"),
    );
    None
}

/// Every test in a condition on one column; nothing when one of them is wrong.
fn parse_tests(
    fields: &Fields<'_>,
    subject: &Subject,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Condition>> {
    let mut tests = Vec::new();
    for (key, positive) in [("equals", true), ("not_equals", false)] {
        if let Some(node) = fields.raw(key) {
            let test = if node.is_null() {
                Test::IsNull
            } else {
                Test::Equals(literal(node, diagnostics)?)
            };
            let test = Condition::of(subject, test);
            tests.push(if positive { test } else { test.negated() });
        }
    }
    if let Some(node) = fields.raw("matches") {
        let regex = fields::regex(node, diagnostics)?;
        tests.push(Condition::of(
            subject,
            Test::Matches(regex.as_str().to_owned()),
        ));
    }
    type Order = fn(Literal) -> Test;
    let orders: [(&str, Order); 4] = [
        ("less_than", Test::LessThan),
        ("less_than_or_equal", Test::LessThanOrEqual),
        ("greater_than", Test::GreaterThan),
        ("greater_than_or_equal", Test::GreaterThanOrEqual),
    ];
    for (key, test) in orders {
        if let Some(node) = fields.raw(key) {
            let bound = literal(node, diagnostics)?;
            if matches!(bound, Literal::Bool(_)) {
                let message = "true and false have no order";
                return bad(node.span, message, diagnostics);
            }
            tests.push(Condition::of(subject, test(bound)));
        }
    }
    tests.extend(parse_ages(fields, subject, diagnostics)?);
    if let Some(node) = fields.raw("in") {
        let Some(items) = node.as_seq() else {
            fields::wrong_type(node, "a list of values", diagnostics);
            return None;
        };
        tests.push(one_of(items, subject, diagnostics)?);
    }
    if let Some(wanted) = fields.flag("is_null", diagnostics) {
        let test = Condition::of(subject, Test::IsNull);
        tests.push(if wanted { test } else { test.negated() });
    }
    Some(tests)
}

/// Tests of the age of who was born on the column's day, as tests of that day. Who was born on
/// 29 February is a year older from 1 March on in common years.
fn parse_ages(
    fields: &Fields<'_>,
    subject: &Subject,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Condition>> {
    /// The key, years that its number stands for besides, and whether the younger are chosen.
    const AGES: [(&str, u32, bool); 4] = [
        ("age_less_than", 0, true),
        ("age_less_than_or_equal", 1, true),
        ("age_greater_than", 1, false),
        ("age_greater_than_or_equal", 0, false),
    ];
    let at = match fields.raw("at") {
        None => None,
        Some(node) => {
            let day = node.as_str().and_then(|day| day.parse::<NaiveDate>().ok());
            let Some(day) = day else {
                let message = "`at` is a day, as in `2026-01-31`";
                return bad(node.span, message, diagnostics);
            };
            Some(day)
        }
    };
    let mut tests = Vec::new();
    for (key, besides, younger) in AGES {
        let Some(node) = fields.raw(key) else {
            continue;
        };
        let Some(at) = at else {
            let message = "an age needs `at`, the day it is counted on: the same ruleset has to \
                           choose the same rows tomorrow";
            return bad(node.span, message, diagnostics);
        };
        let born = match node.kind {
            Kind::Int(years @ 0..=999) => {
                let months = 12 * (years as u32 + besides);
                let birthday = at.checked_sub_months(Months::new(months));
                birthday.and_then(|birthday| birthday.succ_opt())
            }
            _ => None,
        };
        let Some(born) = born else {
            return bad(node.span, "an age is a whole number of years", diagnostics);
        };
        let born = Literal::Day(born);
        let test = match younger {
            true => Test::GreaterThanOrEqual(born),
            false => Test::LessThan(born),
        };
        tests.push(Condition::of(subject, test));
    }
    if let (Some(_), [], Some(node)) = (at, &tests[..], fields.raw("at")) {
        let message = "`at` says when ages are counted, and none is asked for";
        return bad(node.span, message, diagnostics);
    }
    Some(tests)
}

/// Whether the column has one of these values, null among them where it is listed.
fn one_of(items: &[Node], subject: &Subject, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let (nulls, values): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.is_null());
    let values: Option<Vec<_>> = values
        .into_iter()
        .map(|item| literal(item, diagnostics))
        .collect();
    let listed = Condition::of(subject, Test::In(values?));
    if nulls.is_empty() {
        return Some(listed);
    }
    let null = Condition::of(subject, Test::IsNull);
    Some(Condition::Any(vec![null, listed]))
}

/// The values a rule leaves alone, as the condition that chooses them; nothing for an empty list.
pub(super) fn parse_skip(node: &Node, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let Some(items) = node.as_seq() else {
        fields::wrong_type(node, "a list of values", diagnostics);
        return None;
    };
    let (patterns, values): (Vec<_>, Vec<_>) =
        items.iter().partition(|item| item.as_map().is_some());
    let mut tests = Vec::new();
    for pattern in patterns {
        let fields = Fields::new(pattern, "a skipped value", keys::SKIP_VALUE, diagnostics);
        let regex = fields.and_then(|fields| fields.get("matches"));
        if let Some(regex) = regex.and_then(|node| fields::regex(node, diagnostics)) {
            let test = Test::Matches(regex.as_str().to_owned());
            tests.push(Condition::of(&Subject::Own, test));
        }
    }
    if values.iter().any(|value| value.is_null()) {
        tests.push(Condition::of(&Subject::Own, Test::IsNull));
    }
    let literals: Vec<_> = values
        .into_iter()
        .filter(|value| !value.is_null())
        .filter_map(|value| literal(value, diagnostics))
        .collect();
    if !literals.is_empty() {
        tests.push(Condition::of(&Subject::Own, Test::In(literals)));
    }
    match tests.len() {
        0 => None,
        1 => tests.pop(),
        _ => Some(Condition::Any(tests)),
    }
}
