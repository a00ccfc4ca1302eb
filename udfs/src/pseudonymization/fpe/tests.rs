//! Tests of `fpe`.

use arrow::datatypes::DataType;

use super::*;
use crate::examples::{bind_error, mask_array, mask_texts, mask_with_input, try_texts};

fn mask(args: &str) -> String {
    format!(r#"{{"type": "fpe", "domain": "test"{args}}}"#)
}

fn one(args: &str, value: &str) -> Option<String> {
    mask_texts(&mask(args), &[Some(value)]).remove(0)
}

#[test]
fn format_stays_and_decrypt_leads_back() {
    for (args, value) in [
        ("", "4111111111111111"),
        ("", "4111-1111 1111/1111"),
        ("", "000000"),
        ("", ""),
        (r#", "key_bits": 128"#, "12345678901234567890"),
        (r#", "key_bits": 192"#, "1234567"),
        (r#", "alphabet": "alphalower""#, "Wellington, NZ, zoë"),
        (r#", "alphabet": "alphaupper""#, "WELLINGton"),
        (r#", "alphabet": "alpha""#, "WELLINGton"),
        (r#", "alphabet": "alphanumericlower""#, "ab12cd34"),
        (r#", "alphabet": "alphanumericupper""#, "AB12CD34"),
        (
            r#", "alphabet": "alphanumeric", "tweak": "a tweak of more than one block of bytes""#,
            "Ab12",
        ),
        (r#", "alphabet": "01""#, "0110100110010110100110010110"),
        (r#", "alphabet": "αβγδεζηθικλμνξοπρστυφχψω""#, "αλφα βητα"),
        (r#", "short": "table""#, "42"),
        (r#", "short": "table", "tweak": "x""#, "4-2-0"),
        (r#", "short": "table""#, "no digit"),
        (r#", "short": "keep""#, "42"),
        (
            r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "CBD09280979564""#,
            "39925-20240",
        ),
    ] {
        let masked = one(args, value).unwrap();
        assert_eq!(masked.chars().count(), value.chars().count(), "{args}");
        let back = one(&format!(r#"{args}, "decrypt": true"#), &masked).unwrap();
        assert_eq!(back, value, "{args}");
        let kept = ["", "no digit"].contains(&value) || args.contains("keep");
        assert_eq!(masked == value, kept, "{args} {value}");
    }
}

#[test]
fn separators_change_nothing() {
    let plain = one("", "4111111111111111").unwrap();
    let masked = one("", "4111-1111-1111-1111").unwrap();
    assert_eq!(masked.replace('-', ""), plain);
    assert_eq!(masked.find('-'), Some(4));
}

#[test]
fn the_whole_batch_at_once() {
    let texts: Vec<String> = (0..3000_u64)
        .map(|n| (n * n * 7919 + 100_000).to_string())
        .collect();
    let mut values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
    values[5] = None;
    let masked = mask_texts(&mask(""), &values);
    for row in [0, 4, 63, 64, 2999] {
        assert_eq!(masked[row], one("", &texts[row]), "{row}");
    }
    assert_eq!(masked[5], None);
    let masked: Vec<Option<&str>> = masked.iter().map(Option::as_deref).collect();
    let back = mask_texts(&mask(r#", "decrypt": true"#), &masked);
    let back: Vec<Option<&str>> = back.iter().map(Option::as_deref).collect();
    assert_eq!(back, values);
}

/// Values of one length go a shorter way; one of another length, or with a separator, and all of them
/// go the longer one.
#[test]
fn columns_of_one_length() {
    for (args, characters) in [
        ("", "0123456789"),
        (r#", "alphabet": "01""#, "01"),
        (r#", "alphabet": "alphaupper", "tweak": "x""#, "ABCXYZ"),
        (
            r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "CBD09280979564""#,
            "0189",
        ),
    ] {
        for length in [20, 24, 33] {
            let value = |row: usize| -> String {
                let places = (0..length).map(|place| (row * 31 + place * place * 7) % 97);
                let of = |place: usize| characters.as_bytes()[place % characters.len()];
                places.map(|place| char::from(of(place))).collect()
            };
            let texts: Vec<String> = (0..300).map(value).collect();
            let mut values: Vec<Option<&str>> = texts.iter().map(|t| Some(t.as_str())).collect();
            values[7] = None;
            let even = mask_texts(&mask(args), &values);
            for odd in [&texts[0][1..], "-", &format!("{}.1", &texts[0])] {
                let keep = format!(r#"{args}, "short": "keep""#);
                values.push(Some(odd));
                let mut mixed = mask_texts(&mask(&keep), &values);
                mixed.truncate(300);
                assert_eq!(mixed, even, "{args} {length} {odd}");
                values.truncate(300);
            }
            assert_eq!(even[7], None);
        }
    }
    let nulls = mask_texts(&mask(""), &[None, None]);
    assert_eq!(nulls, [None, None]);
    assert_eq!(mask_texts(&mask(""), &[]), []);
}

#[test]
fn tables_are_permutations() {
    let texts: Vec<String> = (0..1000).map(|n| format!("{n:03}")).collect();
    let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
    let mut masked = mask_texts(&mask(r#", "short": "table""#), &values);
    let tweaked = mask_texts(&mask(r#", "short": "table", "tweak": "a""#), &values);
    assert_ne!(masked, tweaked);
    masked.sort();
    assert!(masked.iter().map(Option::as_deref).eq(values));
}

#[test]
fn a_column_of_tweaks() {
    let tweaks = ["a", "b", "", "a", "a tweak of more than one block of bytes"];
    let values = StringViewArray::from(vec!["123456"; 5]);
    let args = mask(r#", "tweak_column": "t""#);
    let masked = mask_with_input(
        &args,
        Arc::new(values),
        "t",
        StringViewArray::from(tweaks.to_vec()),
    )
    .unwrap();
    let masked = crate::mask::text(&masked).unwrap();
    for (row, tweak) in tweaks.iter().enumerate() {
        let fixed = one(&format!(r#", "tweak": "{tweak}""#), "123456");
        assert_eq!(fixed.as_deref(), Some(masked.value(row)), "{tweak}");
    }
    let legacy = mask(r#", "tweak_column": "t", "algorithm": "ff3_1", "allow_legacy": true"#);
    for (args, tweak) in [
        (&args, None),
        (&legacy, Some("00112233445566")),
        (&legacy, Some("x")),
    ] {
        let values = StringViewArray::from(vec![None, Some("123456")]);
        let tweaks = StringViewArray::from(vec![None, tweak]);
        let masked = mask_with_input(args, Arc::new(values), "t", tweaks);
        assert_eq!(masked.is_ok(), tweak.is_some_and(|t| t.len() == 14));
    }
}

#[test]
fn values_that_do_not_fit() {
    let legacy = r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "00000000000000""#;
    let long = "1".repeat(57);
    for (args, value, result) in [
        ("", "12345", Err(())),
        ("", "n/a", Err(())),
        (r#", "short": "null""#, "12345", Ok(None)),
        (r#", "short": "keep""#, "12345", Ok(Some("12345"))),
        (r#", "outside": "error""#, "1234567-8", Err(())),
        (r#", "outside": "null""#, "1234567-8", Ok(None)),
        (
            r#", "outside": "error", "short": "keep""#,
            "１２３４５６７",
            Err(()),
        ),
        (legacy, long.as_str(), Err(())),
        (legacy, "12345", Err(())),
    ] {
        let masked = try_texts(&mask(args), &[None, Some(value)]);
        if let Err(error) = &masked {
            assert!(matches!(error, MaskError::Refused { row: 1, .. }));
            assert!(!error.to_string().contains(value));
        }
        let masked = masked.map(|mut masked| masked.remove(1)).map_err(|_| ());
        assert_eq!(masked, result.map(|text| text.map(str::to_owned)), "{args}");
    }
    let long: String = "0123456789".repeat(300);
    let masked = one("", &long).unwrap();
    assert_eq!(one(r#", "decrypt": true"#, &masked), Some(long));
}

#[test]
fn arguments_that_choose_the_key() {
    let image = |args| mask_texts(&format!(r#"{{"type": "fpe"{args}}}"#), &[Some("123456789")]);
    let plain = image("");
    for (args, same) in [
        (r#", "short": "table", "outside": "error""#, true),
        (r#", "alphabet": "0123456789""#, false),
        (r#", "key_bits": 128"#, false),
        (r#", "tweak": "a""#, false),
        (r#", "tweak": """#, true),
    ] {
        assert_eq!(image(args) == plain, same, "{args}");
    }
}

#[test]
fn promises() {
    for (args, distinct, null) in [
        ("", true, false),
        (r#", "outside": "error", "short": "table""#, true, false),
        (r#", "outside": "null""#, false, true),
        (r#", "short": "null""#, false, true),
    ] {
        let node = serde_json::from_str(&mask(args)).unwrap();
        let root = crate::Root::new(b"secret", None);
        let mut inputs = Vec::new();
        let chain = Binder::new(&root, &NoSeeds, DataType::Utf8, &mut inputs)
            .chain(&[node])
            .unwrap();
        assert_eq!(chain.keeps_distinct(), distinct, "{args}");
        assert_eq!(chain.may_give_null(), null, "{args}");
        assert!(chain.by_value());
        assert!(!format!("{chain:?}").contains("secret"));
    }
}

struct NoSeeds;

impl crate::SeedFiles for NoSeeds {
    fn table(&self, _: &str) -> Result<Arc<crate::SeedTable>, String> {
        Err("there are none".to_owned())
    }
}

#[test]
fn bad_arguments() {
    for (args, path) in [
        (
            r#", "algorithm": "ff3_1", "tweak": "00112233445566""#,
            "[0].algorithm",
        ),
        (
            r#", "algorithm": "ff3_1", "allow_legacy": true"#,
            "[0].tweak",
        ),
        (
            r#", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "0011""#,
            "[0].tweak",
        ),
        (r#", "algorithm": "ff2""#, "[0].algorithm"),
        (r#", "alphabet": "a""#, "[0].alphabet"),
        (r#", "alphabet": """#, "[0].alphabet"),
        (r#", "alphabet": "hexadecimal""#, "[0].alphabet"),
        (r#", "key_bits": 512"#, "[0].key_bits"),
        (r#", "tweak": "a", "tweak_column": "b""#, "[0].tweak_column"),
        (r#", "short": "table", "tweak_column": "b""#, "[0].short"),
        (r#", "short": "pad""#, "[0].short"),
        (r#", "outside": "drop""#, "[0].outside"),
    ] {
        assert_eq!(
            bind_error(&mask(args), &DataType::Utf8).path,
            path,
            "{args}"
        );
    }
    assert_eq!(bind_error(&mask(""), &DataType::Float64).path, "[0].type");
    let dates = arrow::array::LargeStringArray::from(vec!["2024-02-29"]);
    let masked = mask_array(&mask(""), Arc::new(dates)).unwrap();
    assert_eq!(masked.data_type(), &DataType::LargeUtf8);
}
