//! `from_file`: a value becomes one of a seed file's, drawn at random.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: any type. Output: a value of the seed column in the column's type, for null too.
//! - The draw decides which row is taken, each as likely as the others within `rows / 2^64`. Masks
//!   of one `domain` over one seed file take the same row for the same draw inputs, so first and
//!   last name, or street and city, go together.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array, UInt32Builder};
use arrow::compute::take;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::draw::Draw;
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, SeedTable,
    TypeFamily, schema_of,
};
use crate::rows::Rows;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_file",
    summary: "a value becomes one of a seed file's",
    family: Family::Randomization,
    takes: TypeFamily::ALL,
    schema: schema_of::<FromFile>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[Example {
        args: r#"{"seed_file": "DataMasque_firstNames_mixed.csv", "seed_column": "firstname-mixed"}"#,
        value: Some("Alice"),
        masked: Some("Isobel"),
    }],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["seed_file"]))]
pub(crate) struct FromFile {
    /// The seed file: a CSV with a header, shipped or the ruleset's own.
    seed_file: String,
    /// The column to take values from; may be left out where the file has only one.
    seed_column: Option<String>,
    /// A column of the table being masked: only seed rows with its value are drawn from. Comes with
    /// `seed_filter_column`.
    table_filter_column: Option<String>,
    /// The column of the seed file to compare with `table_filter_column`, as text.
    seed_filter_column: Option<String>,
    /// For a row whose filter value no seed row has (null has none): draw from `any` seed row
    /// (default), `suppress` the value to null, or `fail` the task.
    on_no_match: OnNoMatch,
}

/// What to do where the filter leaves no seed row.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnNoMatch {
    /// Draw from all rows.
    #[default]
    Any,
    /// Put null in the value's place.
    Suppress,
    /// Stop the task.
    Fail,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: FromFile = binder.parse(args)?;
    if args.seed_file.is_empty() {
        return Err(BindError::new("seed_file", "`seed_file` is required"));
    }
    let seeds = binder.seeds(&args.seed_file)?;
    if seeds.rows.is_empty() {
        return Err(BindError::new(
            "seed_file",
            "the seed file has no row below its header",
        ));
    }
    let column = seeds.column(args.seed_column.as_deref())?;
    let values = typed(texts(&seeds, column), binder.column()).map_err(|error| {
        let MaskError::Unfit { row, wanted } = error else {
            return BindError::new("seed_column", error.to_string());
        };
        let message = format!(
            "row {} of the seed file is no value of type {wanted}",
            row + 1
        );
        BindError::new("seed_column", message)
    })?;
    let filter = match (&args.table_filter_column, &args.seed_filter_column) {
        (Some(table), Some(seed)) => {
            let column = seeds.column_named(seed, "seed_filter_column")?;
            let rows_of = rows_by_value(&seeds, column);
            Some(Filter {
                input: binder.input(table),
                rows_of,
                on_no_match: args.on_no_match,
            })
        }
        (None, None) => None,
        (Some(_), None) => {
            let message = "`table_filter_column` needs `seed_filter_column` beside it";
            return Err(BindError::new("table_filter_column", message));
        }
        (None, Some(_)) => {
            let message = "`seed_filter_column` needs `table_filter_column` beside it";
            return Err(BindError::new("seed_filter_column", message));
        }
    };
    Ok(Box::new(Seeds {
        key: binder.key(),
        values,
        filter,
    }))
}

fn texts(seeds: &SeedTable, column: usize) -> StringViewArray {
    seeds.rows.iter().map(|row| row.get(column)).collect()
}

/// The numbers of the rows that have each value of a column, in NFC as a table's values are.
fn rows_by_value(seeds: &SeedTable, column: usize) -> HashMap<String, Vec<u32>> {
    let mut rows_of: HashMap<String, Vec<u32>> = HashMap::new();
    for (number, row) in (0..).zip(&seeds.rows) {
        if let Some(value) = row.get(column) {
            rows_of
                .entry(value.nfc().collect())
                .or_default()
                .push(number);
        }
    }
    rows_of
}

#[derive(Debug)]
struct Seeds {
    key: MaskKey,
    values: ArrayRef,
    filter: Option<Filter>,
}

#[derive(Debug)]
struct Filter {
    input: usize,
    rows_of: HashMap<String, Vec<u32>>,
    on_no_match: OnNoMatch,
}

impl Mask for Seeds {
    fn lengths(&self, _: Option<usize>) -> Option<Lengths> {
        length::of_texts(&self.values)
    }

    fn mask(&self, _: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let draws = rows.draws(&self.key);
        let picks = match &self.filter {
            None => UInt32Array::from_iter_values(draws.iter().map(|draw| self.any(draw))),
            Some(filter) => {
                let mut picks = UInt32Builder::with_capacity(rows.len());
                for (row, (draw, wanted)) in draws.iter().zip(rows.input(filter.input)).enumerate()
                {
                    let of_value = wanted.and_then(|wanted| filter.rows_of.get(wanted));
                    match (of_value, filter.on_no_match) {
                        (Some(numbers), _) => {
                            picks.append_value(numbers[draw.pick(numbers.len() as u64) as usize]);
                        }
                        (None, OnNoMatch::Any) => picks.append_value(self.any(draw)),
                        (None, OnNoMatch::Suppress) => picks.append_null(),
                        (None, OnNoMatch::Fail) => {
                            let expected = "one whose filter value is in the seed file";
                            return Err(MaskError::Refused { row, expected });
                        }
                    }
                }
                picks.finish()
            }
        };
        take(&self.values, &picks, None)
            .map_err(|_| MaskError::Internal("a pick lies outside the seed file"))
    }

    fn draws(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.values.null_count() > 0
            || self
                .filter
                .as_ref()
                .is_some_and(|f| f.on_no_match == OnNoMatch::Suppress)
    }
}

impl Seeds {
    fn any(&self, draw: Draw) -> u32 {
        draw.pick(self.values.len() as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Int64Type};

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts, mask_with_input};

    // `people.csv` of the tests: name, surname, gender, age; Ann, Bea, Cid, Dan; A, B, C, D; f, f, m, m.

    #[test]
    fn columns_of_one_domain_go_together() {
        let column = |column: &str| {
            let mask = format!(
                r#"{{"type": "from_file", "seed_file": "people.csv", "seed_column": "{column}",
                    "domain": "person"}}"#
            );
            mask_texts(&mask, &[Some("1"), Some("2"), Some("3"), Some("4"), None])
        };
        for (name, surname) in column("name").iter().zip(column("surname")) {
            assert_eq!(name.as_ref().unwrap()[..1], surname.unwrap());
        }
    }

    #[test]
    fn a_filter_keeps_to_the_rows_of_its_value() {
        let mask = |on_no_match: &str| {
            format!(
                r#"{{"type": "from_file", "seed_file": "people.csv", "seed_column": "name",
                    "table_filter_column": "sex", "seed_filter_column": "gender"
                    {on_no_match}}}"#
            )
        };
        let run = |mask: &str, sex: Option<&str>| {
            let value: ArrayRef = Arc::new(StringViewArray::from(vec!["x"]));
            let masked = mask_with_input(mask, value, "sex", [sex].into_iter().collect())?;
            Ok::<_, MaskError>(
                masked
                    .as_string_view()
                    .iter()
                    .next()
                    .flatten()
                    .map(str::to_owned),
            )
        };
        let name = |sex| run(&mask(""), sex).unwrap().unwrap();
        assert!(["Ann", "Bea"].contains(&name(Some("f")).as_str()));
        assert!(["Cid", "Dan"].contains(&name(Some("m")).as_str()));
        assert_eq!(name(Some("x")), name(None), "any row, by the draw alone");
        assert_eq!(
            run(&mask(r#", "on_no_match": "suppress""#), Some("x")).unwrap(),
            None
        );
        assert!(run(&mask(r#", "on_no_match": "fail""#), None).is_err());
    }

    #[test]
    fn the_columns_own_type() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let mask = r#"{"type": "from_file", "seed_file": "people.csv", "seed_column": "age"}"#;
        let masked = mask_array(mask, numbers).unwrap();
        assert!(
            masked
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .all(|n| (20..=50).contains(n))
        );
        assert_eq!(masked.null_count(), 0);
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            ("", DataType::Utf8, "seed_file"),
            (r#", "seed_file": "none.csv""#, DataType::Utf8, "seed_file"),
            (r#", "seed_file": "empty.csv""#, DataType::Utf8, "seed_file"),
            (
                r#", "seed_file": "people.csv""#,
                DataType::Utf8,
                "seed_column",
            ),
            (
                r#", "seed_file": "people.csv", "seed_column": "x""#,
                DataType::Utf8,
                "seed_column",
            ),
            (
                r#", "seed_file": "people.csv", "seed_column": "name""#,
                DataType::Int64,
                "seed_column",
            ),
            (
                r#", "seed_file": "people.csv", "seed_column": "name", "seed_filter_column": "x""#,
                DataType::Utf8,
                "seed_filter_column",
            ),
            (
                r#", "seed_file": "people.csv", "seed_column": "name", "table_filter_column": "x""#,
                DataType::Utf8,
                "table_filter_column",
            ),
        ] {
            let error = bind_error(&format!(r#"{{"type": "from_file"{args}}}"#), &column);
            assert_eq!(error.path, format!("[0].{path}"), "{args}");
        }
    }
}
