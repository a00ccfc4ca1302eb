//! Tests of `typecast`.

use arrow::array::*;

use super::*;
use crate::examples::{bind_error, mask_array, mask_texts, try_texts};

fn mask(args: &str) -> String {
    format!(r#"{{"type": "typecast", {args}}}"#)
}

#[test]
fn text_to_each_type_and_back() {
    for (target, value, expected) in [
        ("integer", "12", Some("12")),
        ("int", " 12.00 ", Some("12")),
        ("integer", "-0", Some("0")),
        ("integer", "1e3", Some("1000")),
        ("integer", "12.5", None),
        (
            "integer",
            "9223372036854775807",
            Some("9223372036854775807"),
        ),
        ("integer", "9223372036854775808", None),
        ("integer", "nan", None),
        ("integer", "", None),
        ("integer", "zwölf", None),
        ("float", "1.50", Some("1.5")),
        ("float", "1e3", Some("1000")),
        ("float", "3", Some("3")),
        ("float", "inf", None),
        ("float", "NaN", None),
        ("float", "1e999", None),
        ("float", "", None),
        ("decimal", "1.50", Some("1.5")),
        (
            "decimal",
            "-0.000000000000000001",
            Some("-0.000000000000000001"),
        ),
        ("decimal", "0.0000000000000000001", None),
        (
            "decimal",
            "99999999999999999999",
            Some("99999999999999999999"),
        ),
        ("decimal", "100000000000000000000", None),
        ("decimal", "x", None),
        ("boolean", "TRUE", Some("true")),
        ("boolean", "no", Some("false")),
        ("bool", "1", Some("true")),
        ("boolean", "2", None),
        ("boolean", "", None),
        ("date", "2024-02-29", Some("2024-02-29")),
        ("date", "2024-02-29T23:59:59", Some("2024-02-29")),
        ("date", "1969-12-31T23:59:59", Some("1969-12-31")),
        ("date", "2024-02-30", None),
        ("date", "29/02/2024", None),
        ("date", "", None),
        ("datetime", "2024-02-29", Some("2024-02-29T00:00:00")),
        (
            "datetime",
            "2024-02-29 01:02:03.5",
            Some("2024-02-29T01:02:03.5"),
        ),
        (
            "datetime",
            "2024-02-29T01:00:00+02:00",
            Some("2024-02-28T23:00:00"),
        ),
        ("datetime", "now", None),
        ("string", "any", Some("any")),
        ("string", "", Some("")),
    ] {
        let args = format!(r#""typecast_as": "{target}""#);
        match expected {
            Some(_) => {
                let masked = mask_texts(&mask(&args), &[Some(value), None]);
                assert_eq!(
                    masked,
                    [expected.map(str::to_owned), None],
                    "{target} {value}"
                );
            }
            None => {
                let error = try_texts(&mask(&args), &[None, Some(value)]).unwrap_err();
                assert!(
                    matches!(error, MaskError::Refused { row: 1, .. }),
                    "{target} {value}"
                );
                let args = format!(r#"{args}, "on_invalid": "suppress""#);
                assert_eq!(
                    mask_texts(&mask(&args), &[Some(value)]),
                    [None],
                    "{target} {value}"
                );
            }
        }
    }
}

#[test]
fn formats() {
    for (target, format, value, expected) in [
        ("date", "%d/%m/%Y", "29/02/2024", "2024-02-29"),
        (
            "datetime",
            "%d/%m/%Y %H:%M",
            "29/02/2024 23:59",
            "2024-02-29T23:59:00",
        ),
        ("datetime", "%d/%m/%Y", "29/02/2024", "2024-02-29T00:00:00"),
        (
            "datetime",
            "%Y-%m-%d %H:%M:%S%z",
            "2024-01-01 00:00:00+0100",
            "2023-12-31T23:00:00",
        ),
        ("date", "%Y%m%d", "20240229", "2024-02-29"),
    ] {
        let args = format!(r#""typecast_as": "{target}", "date_format": "{format}""#);
        assert_eq!(
            mask_texts(&mask(&args), &[Some(value)]),
            [Some(expected.into())]
        );
        assert!(try_texts(&mask(&args), &[Some("31/31/2024")]).is_err());
    }
}

/// The types in between are those the masks see: text in a date column, a date in a text column.
#[test]
fn masks_between_two_casts() {
    let chain = r#"{"type": "chain", "masks": [
        {"type": "typecast", "typecast_as": "string", "date_format": "%d.%m.%Y"},
        {"type": "replace_substring", "end_index": 5, "masks": [{"type": "from_fixed", "value": "01.07"}]},
        {"type": "typecast", "typecast_as": "date", "date_format": "%d.%m.%Y"}
    ]}"#;
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), None, Some(20_000)]));
    let expected = Date32Array::from(vec![Some(181), None, Some(19_905)]);
    assert_eq!(*mask_array(chain, dates).unwrap(), expected);

    let zoned =
        TimestampMillisecondArray::from(vec![Some(1_500), None]).with_timezone("Asia/Tokyo");
    let chain = r#"{"type": "chain", "masks": [
        {"type": "typecast", "typecast_as": "string"},
        {"type": "transform_case", "transform": "lower"},
        {"type": "typecast", "typecast_as": "datetime"}
    ]}"#;
    let masked = mask_array(chain, Arc::new(zoned.clone())).unwrap();
    assert_eq!(*masked, zoned);

    let chain = r#"{"type": "chain", "masks": [
        {"type": "typecast", "typecast_as": "date", "date_format": "%Y%m%d"},
        {"type": "from_random_date", "min": "2020-02-29", "max": "2020-02-29"},
        {"type": "typecast", "typecast_as": "string", "date_format": "%Y%m%d"}
    ]}"#;
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![20_240_101]));
    assert_eq!(
        *mask_array(chain, numbers).unwrap(),
        Int32Array::from(vec![20_200_229])
    );

    let chain = r#"{"type": "chain", "masks": [
        {"type": "typecast", "typecast_as": "integer"},
        {"type": "from_random_number", "max": 9}
    ]}"#;
    let masked = mask_texts(chain, &[Some("77.0")]).remove(0).unwrap();
    assert_eq!(masked.len(), 1);

    let chain = r#"{"type": "chain", "masks": [
        {"type": "typecast", "typecast_as": "integer"},
        {"type": "transform_case", "transform": "lower"}
    ]}"#;
    assert_eq!(bind_error(chain, &DataType::Utf8).path, "[0].masks[1].type");
    // In `concat` each mask gets the original value.
    let concat = r#"{"type": "concat", "masks": [
        {"type": "typecast", "typecast_as": "integer"},
        {"type": "partial", "unmasked_from_left": 1}
    ]}"#;
    assert_eq!(mask_texts(concat, &[Some("12.0")]), [Some("121***".into())]);
}

#[test]
fn other_types() {
    let cases: Vec<(ArrayRef, &str, bool)> = vec![
        (
            Arc::new(Float64Array::from(vec![Some(12.0), None])),
            "integer",
            true,
        ),
        (
            Arc::new(Float64Array::from(vec![Some(12.5)])),
            "integer",
            false,
        ),
        (
            Arc::new(Float64Array::from(vec![f64::NAN])),
            "integer",
            false,
        ),
        (
            Arc::new(Float64Array::from(vec![f64::INFINITY])),
            "integer",
            false,
        ),
        (
            Arc::new(Float64Array::from(vec![-9_223_372_036_854_775_808.0])),
            "integer",
            true,
        ),
        (
            Arc::new(Float64Array::from(vec![9_223_372_036_854_775_808.0])),
            "integer",
            false,
        ),
        (
            Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])),
            "string",
            true,
        ),
        (Arc::new(Int64Array::from(vec![i64::MIN])), "integer", true),
        (Arc::new(UInt64Array::from(vec![u64::MAX])), "integer", true),
        (
            Arc::new(Int64Array::from(vec![Some(1), None, Some(0)])),
            "boolean",
            true,
        ),
        (Arc::new(Int64Array::from(vec![2])), "boolean", false),
        (
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            "integer",
            true,
        ),
        (
            Arc::new(BooleanArray::from(vec![Some(false), None])),
            "float",
            true,
        ),
        (
            Arc::new(Date32Array::from(vec![Some(19_000), None])),
            "datetime",
            true,
        ),
        (Arc::new(Date32Array::from(vec![0])), "integer", false),
        (
            Arc::new(Date32Array::from(vec![i32::MAX])),
            "datetime",
            false,
        ),
        (
            Arc::new(Date64Array::from(vec![i64::MAX])),
            "datetime",
            false,
        ),
        (
            Arc::new(TimestampSecondArray::from(vec![i64::MAX])),
            "date",
            false,
        ),
        (
            Arc::new(TimestampSecondArray::from(vec![i64::MIN])),
            "date",
            false,
        ),
        (
            Arc::new(Decimal128Array::from(vec![i128::MIN + 1])),
            "integer",
            false,
        ),
        (Arc::new(Time32SecondArray::from(vec![5])), "string", true),
        (
            Arc::new(Int32Array::from(vec![20_240_101])),
            "decimal",
            true,
        ),
    ];
    for (column, target, converted) in cases {
        let args = mask(&format!(r#""typecast_as": "{target}""#));
        match mask_array(&args, Arc::clone(&column)) {
            // The column's own type is back, and the values with it.
            Ok(masked) => assert!(converted && *masked == *column, "{column:?} {target}"),
            Err(error) => assert!(!converted, "{column:?} {target} {error}"),
        }
    }
}

#[test]
fn bad_arguments() {
    for (args, column, path) in [
        (r#""on_invalid": "fail""#, DataType::Utf8, "[0].typecast_as"),
        (
            r#""typecast_as": "uuid""#,
            DataType::Utf8,
            "[0].typecast_as",
        ),
        (
            r#""typecast_as": "integer", "date_format": "%Y""#,
            DataType::Utf8,
            "[0].date_format",
        ),
        (
            r#""typecast_as": "string", "date_format": "%Y""#,
            DataType::Utf8,
            "[0].date_format",
        ),
        (
            r#""typecast_as": "date", "date_format": "%Y""#,
            DataType::Utf8,
            "[0].date_format",
        ),
        (
            r#""typecast_as": "date", "date_format": "%Y-%m-%d""#,
            DataType::Date32,
            "[0].date_format",
        ),
        (r#""typecast_as": "string""#, DataType::Binary, "[0].type"),
    ] {
        assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
    }
}
