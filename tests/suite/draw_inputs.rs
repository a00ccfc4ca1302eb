//! One value gives one draw, however its column is typed and laid out, as `docs/keys.md` states.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int64Array, LargeStringArray,
    StringArray, StringViewArray, UInt16Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int8Type, Int32Type};
use visard_udfs::{Case, HashColumn, JsonStep};

use crate::masking::{hash_column, masked};

/// Whole numbers as every layout has them: from Parquet, from CSV, from a table.
fn layouts(ids: &[u16]) -> Vec<(&'static str, ArrayRef)> {
    let spelled: Vec<String> = ids.iter().map(u16::to_string).collect();
    let text = StringArray::from(spelled.clone());
    let decimal = |precision, scale: i8| -> ArrayRef {
        let unit = 10_i128.pow(scale as u32);
        let units = ids.iter().map(|id| i128::from(*id) * unit);
        let decimals = Decimal128Array::from_iter_values(units);
        Arc::new(decimals.with_precision_and_scale(precision, scale).unwrap())
    };
    let around: Vec<&str> = ["x"]
        .into_iter()
        .chain(spelled.iter().map(String::as_str))
        .chain(["y"])
        .collect();
    let around = StringArray::from(around);
    let large_dictionary =
        DataType::Dictionary(Box::new(DataType::UInt64), Box::new(DataType::LargeUtf8));
    vec![
        (
            "int64",
            Arc::new(Int64Array::from_iter_values(
                ids.iter().map(|id| i64::from(*id)),
            )),
        ),
        ("uint16", Arc::new(UInt16Array::from(ids.to_vec()))),
        ("decimal(10, 0)", decimal(10, 0)),
        ("decimal(12, 2)", decimal(12, 2)),
        ("text", Arc::new(text.clone())),
        (
            "large text",
            Arc::new(LargeStringArray::from(spelled.clone())),
        ),
        (
            "view",
            Arc::new(StringViewArray::from_iter_values(&spelled)),
        ),
        ("slice", Arc::new(around.slice(1, ids.len()))),
        (
            "dictionary",
            Arc::new(
                spelled
                    .iter()
                    .map(String::as_str)
                    .collect::<DictionaryArray<Int32Type>>(),
            ),
        ),
        (
            "small dictionary",
            Arc::new(
                spelled
                    .iter()
                    .map(String::as_str)
                    .collect::<DictionaryArray<Int8Type>>(),
            ),
        ),
        ("large dictionary", cast(&text, &large_dictionary).unwrap()),
    ]
}

/// A mask of each way to use a draw, and a value it takes.
fn masks() -> Vec<(&'static str, ArrayRef)> {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    vec![
        (r#"{"type": "imitate"}"#, text("Ann-07")),
        (
            r#"{"type": "imitate"}"#,
            Arc::new(Int64Array::from(vec![1_234_567])),
        ),
        (
            r#"{"type": "from_choices", "choices": ["a", "b", "c", "d"]}"#,
            text(""),
        ),
        (
            r#"{"type": "from_random_number", "max": 1000000}"#,
            text("7"),
        ),
        (r#"{"type": "from_random_text", "max": 9}"#, text("x")),
        (
            r#"{"type": "from_format_string", "format": "{[A-Z],9}"}"#,
            text("x"),
        ),
        (
            r#"{"type": "from_file", "seed_file": "DataMasque_lastNames_v2.csv"}"#,
            text("x"),
        ),
        (
            r#"{"type": "shift_date"}"#,
            Arc::new(Date32Array::from(vec![19_000])),
        ),
        (
            r#"{"type": "add_noise", "bound": 1000}"#,
            Arc::new(Int64Array::from(vec![0])),
        ),
        (r#"{"type": "credit_card"}"#, text("4111-1111-1111-1111")),
        (
            r#"{"type": "national_id", "kind": "nl_bsn"}"#,
            text("067306366"),
        ),
        (r#"{"type": "iban"}"#, text("DE89370400440532013000")),
        (r#"{"type": "phone"}"#, text("+64 21 345 678")),
        (r#"{"type": "uuid"}"#, text("x")),
    ]
}

/// The value in every row, masked by draws from `drawn`.
fn by(mask: &str, value: &ArrayRef, column: &HashColumn, drawn: &ArrayRef) -> Vec<Option<String>> {
    let again = Int64Array::from(vec![0; drawn.len()]);
    let values = arrow::compute::take(value, &again, None).unwrap();
    all(&masked(mask, &values, std::slice::from_ref(column), drawn))
}

fn all(values: &ArrayRef) -> Vec<Option<String>> {
    let texts = cast(values, &DataType::Utf8).unwrap();
    let texts = texts.as_any().downcast_ref::<StringArray>().unwrap();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn every_layout_gives_one_draw() {
    let ids = [0, 1, 7, 42, 42, 1_000, 65_535];
    for (mask, value) in masks() {
        let mut expected = None;
        for (layout, drawn) in layouts(&ids) {
            let found = by(mask, &value, &hash_column("d"), &drawn);
            let expected = expected.get_or_insert_with(|| found.clone());
            assert_eq!(&found, expected, "{mask} {layout}");
            assert_eq!(found[3], found[4], "{mask} {layout}");
        }
        let distinct: HashSet<_> = expected.iter().flatten().collect();
        assert!(distinct.len() > 1, "{mask}");
    }
}

/// `source: self`: the masked column's own value, as typed columns hold it.
#[test]
fn a_column_draws_from_itself_alike_in_every_layout() {
    let ids = [1, 7, 42, 42, 1_000, 65_535];
    for mask in [
        r#"{"type": "from_random_number", "max": 99}"#,
        r#"{"type": "from_format_string", "format": "{[1-9],2}"}"#,
    ] {
        let mut expected = None;
        for (layout, column) in layouts(&ids) {
            let found = all(&masked(mask, &column, &[hash_column("c")], &column));
            let found: Vec<_> = found.into_iter().flatten().collect();
            // A decimal with a scale writes it out.
            let found: Vec<_> = found.iter().map(|text| text.replace(".00", "")).collect();
            let expected = expected.get_or_insert_with(|| found.clone());
            assert_eq!(&found, expected, "{mask} {layout}");
        }
    }
}

/// Whether two texts, null for none, draw alike through `column`.
fn alike(column: &HashColumn, one: Option<&str>, other: Option<&str>) -> bool {
    let drawn: ArrayRef = Arc::new(StringViewArray::from(vec![one, other]));
    let value: ArrayRef = Arc::new(StringArray::from(vec!["Wellington 6011"]));
    let masked = by(r#"{"type": "imitate"}"#, &value, column, &drawn);
    masked[0] == masked[1]
}

#[test]
fn transforms_and_missing_values() {
    let column = |case_transform, trim, json_path: &[JsonStep]| HashColumn {
        column: "d".to_owned(),
        case_transform,
        trim,
        json_path: json_path.to_vec(),
    };
    let key = |key: &str| JsonStep::Key(key.to_owned());
    let path = [key("a"), JsonStep::Index(1)];
    let plain = column(None, false, &[]);
    let lower = column(Some(Case::Lower), false, &[]);
    let upper = column(Some(Case::Upper), false, &[]);
    let trim = column(None, true, &[]);
    let both = column(Some(Case::Lower), true, &[]);
    let json = column(None, false, &path);
    let json_both = column(Some(Case::Upper), true, &path);
    for (through, one, other, same) in [
        (&plain, Some("Ann"), Some("Ann"), true),
        (&plain, Some("Ann"), Some("ann"), false),
        (&plain, Some("Ann"), Some("Ann "), false),
        (&plain, Some("Zo\u{eb}"), Some("Zoe\u{308}"), true),
        (&plain, Some("042"), Some("42"), false),
        (&plain, Some("42.0"), Some("42"), false),
        (&plain, None, None, true),
        (&plain, None, Some(""), false),
        (&plain, None, Some("null"), false),
        (&lower, Some("ANN"), Some("ann"), true),
        (&lower, Some("ANN"), Some(" ann"), false),
        (&lower, None, None, true),
        (&upper, Some("stra\u{df}e"), Some("STRASSE"), true),
        (&trim, Some(" Ann\t"), Some("Ann"), true),
        (&trim, Some(" "), Some(""), true),
        (&trim, Some(" "), None, false),
        (&both, Some(" ANN"), Some("ann "), true),
        (
            &json,
            Some(r#"{"a": [0, "x"]}"#),
            Some(r#"{"b": 1, "a": ["", "x"]}"#),
            true,
        ),
        (
            &json,
            Some(r#"{"a": [0, "7"]}"#),
            Some(r#"{"a": [0, 7]}"#),
            true,
        ),
        (
            &json,
            Some(r#"{"a": [0, "x"]}"#),
            Some(r#"{"a": [0, "X"]}"#),
            false,
        ),
        (
            &json,
            Some(r#"{"a": [0, {"b": 1}]}"#),
            Some(r#"{"a":[0,{"b":1}]}"#),
            true,
        ),
        // Missing, null and no document are one: no value.
        (&json, Some(r#"{"a": [0]}"#), None, true),
        (&json, Some(r#"{"a": [0, null]}"#), None, true),
        (&json, Some("no document"), None, true),
        (&json, Some(r#"{"a": [0, ""]}"#), None, false),
        (
            &json_both,
            Some(r#"{"a": [0, " x"]}"#),
            Some(r#"{"a": [0, "X "]}"#),
            true,
        ),
    ] {
        assert_eq!(
            alike(through, one, other),
            same,
            "{through:?} {one:?} {other:?}"
        );
    }
    // What a path leads to is the value that a column of it would have.
    let value: ArrayRef = Arc::new(StringArray::from(vec!["Wellington 6011"]));
    let mask = r#"{"type": "imitate"}"#;
    let documents: ArrayRef = Arc::new(StringArray::from(vec![r#"{"a": [0, 42]}"#]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![42]));
    assert_eq!(
        by(mask, &value, &json, &documents),
        by(mask, &value, &plain, &numbers)
    );
}

/// Null in the masked column: a mask that changes values keeps it, one that makes values draws for it.
#[test]
fn nulls_of_the_masked_column() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a"), None]));
    let own = [hash_column("c")];
    let kept = all(&masked(r#"{"type": "imitate"}"#, &values, &own, &values));
    assert!(kept[0].is_none() && kept[1].is_some() && kept[2].is_none());
    let mask = r#"{"type": "from_random_text", "min": 8, "max": 8}"#;
    let made = all(&masked(mask, &values, &own, &values));
    assert!(made[0].is_some() && made[0] == made[2] && made[0] != made[1]);
}
