//! Conditions: which rows a rule chooses.
//!
//! A condition is total: a value that does not compare (text where a number is asked for, null) does
//! not satisfy the test, and never raises an error that could tell what the value was.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StringViewArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{DataFusionError, Result};
use datafusion_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use crate::canonical::canonical_text;
use crate::nested::leaf_of_structs;

/// What a rule asks of a row.
#[derive(Debug, Clone)]
pub enum Condition {
    /// A test of one column, named by a dotted path.
    Column(String, Test),
    /// Each of these.
    And(Vec<Condition>),
    /// At least one of these.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// A test of one value in canonical text. Null satisfies none but [`Test::IsNull`].
#[derive(Debug, Clone)]
pub enum Test {
    /// The value is one of these.
    In(Vec<Operand>),
    /// The value is null.
    IsNull,
    /// The value matches somewhere.
    Matches(Regex),
    /// The value orders before this.
    LessThan(Operand),
    /// The value orders before this or equals it.
    LessThanOrEqual(Operand),
    /// The value orders after this.
    GreaterThan(Operand),
    /// The value orders after this or equals it.
    GreaterThanOrEqual(Operand),
}

/// What a value is compared with; it decides how.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// As text, code point by code point; right for ISO 8601 dates too.
    Text(String),
    /// As a whole number, exactly; a value that is no number does not compare.
    Integer(i128),
    /// As a number; a value that is none does not compare.
    Number(f64),
}

impl Operand {
    /// Text in the form values are compared in.
    pub fn text(text: &str) -> Self {
        Self::Text(text.nfc().collect())
    }

    fn order(&self, value: &str) -> Option<Ordering> {
        match self {
            Self::Text(text) => Some(value.cmp(text)),
            Self::Integer(integer) => match value.trim().parse::<i128>() {
                Ok(value) => Some(value.cmp(integer)),
                Err(_) => Self::Number(*integer as f64).order(value),
            },
            Self::Number(number) => value.trim().parse::<f64>().ok()?.partial_cmp(number),
        }
    }
}

impl Test {
    /// Whether `value` passes.
    pub fn passes(&self, value: Option<&str>) -> bool {
        use Ordering::{Equal, Greater, Less};
        let Some(value) = value else {
            return matches!(self, Self::IsNull);
        };
        match self {
            Self::IsNull => false,
            Self::In(operands) => operands.iter().any(|o| o.order(value) == Some(Equal)),
            Self::Matches(regex) => regex.is_match(value),
            Self::LessThan(bound) => bound.order(value) == Some(Less),
            Self::LessThanOrEqual(bound) => matches!(bound.order(value), Some(Less | Equal)),
            Self::GreaterThan(bound) => bound.order(value) == Some(Greater),
            Self::GreaterThanOrEqual(bound) => matches!(bound.order(value), Some(Greater | Equal)),
        }
    }
}

impl Condition {
    /// The columns the condition reads, each once, as dotted paths.
    pub fn columns(&self) -> Vec<String> {
        let mut columns = Vec::new();
        self.collect(&mut columns);
        columns
    }

    fn collect(&self, columns: &mut Vec<String>) {
        match self {
            Self::Column(column, _) if !columns.contains(column) => columns.push(column.clone()),
            Self::Column(..) => {}
            Self::And(all) | Self::Or(all) => all.iter().for_each(|c| c.collect(columns)),
            Self::Not(inner) => inner.collect(columns),
        }
    }

    pub(crate) fn evaluate(&self, row: usize, columns: &[(String, StringViewArray)]) -> bool {
        match self {
            Self::Column(name, test) => {
                let (_, values) = columns
                    .iter()
                    .find(|(column, _)| column == name)
                    .expect("every column of the condition is an argument");
                test.passes(values.is_valid(row).then(|| values.value(row)))
            }
            Self::And(all) => all.iter().all(|condition| condition.evaluate(row, columns)),
            Self::Or(any) => any.iter().any(|condition| condition.evaluate(row, columns)),
            Self::Not(inner) => !inner.evaluate(row, columns),
        }
    }
}

/// A condition as a DataFusion function: the root columns of [`Condition::columns`] in, booleans out.
#[derive(Debug)]
pub struct ConditionUdf {
    condition: Condition,
    columns: Vec<String>,
    signature: Signature,
    /// The condition spelled out, by which two functions are equal.
    identity: String,
}

impl ConditionUdf {
    /// The function for `condition`.
    pub fn new(condition: Condition) -> Self {
        let columns = condition.columns();
        let signature = Signature::variadic_any(Volatility::Immutable);
        let identity = format!("{condition:?}");
        Self {
            condition,
            columns,
            signature,
            identity,
        }
    }

    /// The arguments: dotted paths, whose root columns are to be passed in this order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

impl PartialEq for ConditionUdf {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for ConditionUdf {}

impl Hash for ConditionUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

impl ScalarUDFImpl for ConditionUdf {
    fn name(&self) -> &str {
        "visard_if"
    }

    fn schema_name(&self, _: &[datafusion_expr::Expr]) -> Result<String> {
        let mut hasher = std::hash::DefaultHasher::new();
        self.identity.hash(&mut hasher);
        Ok(format!("visard_if#{:016x}", hasher.finish()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), DataType::Boolean, false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let roots = ColumnarValue::values_to_arrays(&args.args)?;
        let external = |error| DataFusionError::External(Box::new(error));
        let mut columns = Vec::with_capacity(roots.len());
        for (path, root) in self.columns.iter().zip(roots) {
            let leaf: ArrayRef = leaf_of_structs(&root, path).map_err(external)?;
            columns.push((path.clone(), canonical_text(&leaf).map_err(external)?));
        }
        let chosen: BooleanArray = (0..args.number_rows)
            .map(|row| Some(self.condition.evaluate(row, &columns)))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(chosen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_values() {
        let regex = |pattern| Test::Matches(Regex::new(pattern).unwrap());
        let text = Operand::text;
        let one = |value: &str| Test::In(vec![text(value)]);
        let number = Operand::Number;
        for (test, value, passes) in [
            (one("NZ"), Some("NZ"), true),
            (one("NZ"), Some("nz"), false),
            (one("42"), Some("042"), false),
            (one("Zoe\u{308}"), Some("Zo\u{eb}"), true),
            (Test::In(vec![number(42.0)]), Some("42.0"), true),
            (Test::In(vec![number(42.0)]), Some("x"), false),
            (Test::In(vec![Operand::Integer(42)]), Some("42.0"), true),
            (
                Test::In(vec![Operand::Integer((1 << 53) + 1)]),
                Some("9007199254740992"),
                false,
            ),
            (one(""), None, false),
            (Test::IsNull, None, true),
            (Test::IsNull, Some(""), false),
            (regex("^a"), Some("abc"), true),
            (regex("^b"), Some("abc"), false),
            (Test::LessThan(number(10.0)), Some("9"), true),
            (Test::LessThan(number(10.0)), Some("x"), false),
            (Test::LessThan(number(10.0)), None, false),
            (Test::LessThan(text("2000-01-01")), Some("1999-12-31"), true),
            (
                Test::GreaterThanOrEqual(text("2000-01-01")),
                Some("2000-01-01"),
                true,
            ),
            (
                Test::GreaterThan(text("2000-01-01")),
                Some("2000-01-01"),
                false,
            ),
            (Test::LessThanOrEqual(number(10.0)), Some("10.0"), true),
        ] {
            assert_eq!(test.passes(value), passes, "{test:?} of {value:?}");
        }
    }
}
