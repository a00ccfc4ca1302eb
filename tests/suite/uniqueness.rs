//! Masks that promise it keep distinct values distinct: counted, in several domains each.
//!
//! 100,000 values of each domain, a million with `tests/run --long`; small domains whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, StringArray, UInt64Array};
use arrow::datatypes::DataType;
use serde_json::Value;
use visard_udfs::MASKS;

use crate::masking::{bound, by_itself, drawn_texts, hash_column, many, texts, valid_ids};

/// A domain: its name, a mask as JSON, and so many different values.
type Domain = (&'static str, &'static str, fn(usize) -> ArrayRef);

fn text(spell: impl Fn(u64) -> String, count: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..count as u64).map(spell)))
}

/// A number below `modulus`, which is prime; no two below it become the same, nor stay in order.
fn spread(n: u64, modulus: u64) -> u64 {
    (u128::from(n) * 6_364_136_223_846_793_005 % u128::from(modulus)) as u64
}

/// `n` in so many letters.
fn letters(mut n: u64, places: usize, first: u8) -> String {
    let mut spelled = vec![first; places];
    for place in spelled.iter_mut().rev() {
        *place = first + (n % 26) as u8;
        n /= 26;
    }
    String::from_utf8(spelled).unwrap()
}

fn uuid(n: u64) -> String {
    let bits = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{bits:032x}");
    let version = format!("4{}-a{}", &hex[13..16], &hex[17..20]);
    format!("{}-{}-{version}-{}", &hex[..8], &hex[8..12], &hex[20..])
}

/// A valid New Zealand tax number for each body that has a check digit.
fn tax_numbers(count: usize) -> ArrayRef {
    let numbers = (0..).map(|n| 1_000_000 + spread(n, 13_999_981));
    let valid = numbers.filter_map(|body| Some(body * 10 + crate::distributions::ird_check(body)?));
    Arc::new(StringArray::from_iter_values(
        valid.take(count).map(|number| number.to_string()),
    ))
}

/// Different valid numbers of a kind, drawn.
fn ids(kind: &str, count: usize) -> ArrayRef {
    let mask = format!(r#"{{"type": "national_id", "kind": "{kind}"}}"#);
    let mut drawn: Vec<String> = vec![];
    // Draws of their own for each of four classes, for numbers of one class draw alike.
    for (class, valid) in valid_ids(kind).iter().take(4).enumerate() {
        let own = drawn_texts(&mask, valid, count);
        drawn.extend(own.into_iter().skip(class).step_by(4));
    }
    drawn.sort_unstable();
    drawn.dedup();
    Arc::new(StringArray::from(drawn))
}

const DOMAINS: &[Domain] = &[
    ("integers", r#"{"type": "imitate_unique"}"#, |n| {
        let numbers = (0..n as u64).map(|n| spread(n, 9_999_999_967) as i64);
        Arc::new(Int64Array::from_iter_values(numbers))
    }),
    (
        "integers below zero",
        r#"{"type": "imitate_unique"}"#,
        |n| {
            let numbers = (0..n as i32).map(|n| -n * 2_039);
            Arc::new(Int32Array::from_iter_values(numbers))
        },
    ),
    (
        "decimals of 30 digits",
        r#"{"type": "imitate_unique"}"#,
        |n| {
            let numbers = (0..n as i128).map(|n| 10_i128.pow(29) + n * 7_919);
            let numbers = Decimal128Array::from_iter_values(numbers);
            Arc::new(numbers.with_precision_and_scale(38, 0).unwrap())
        },
    ),
    ("nine digits", r#"{"type": "imitate_unique"}"#, |n| {
        text(|n| format!("{:09}", spread(n, 999_999_937)), n)
    }),
    (
        "prefix and digits",
        r#"{"type": "imitate_unique", "seed": "order"}"#,
        |n| text(|n| format!("NZ-2024/{n:07}"), n),
    ),
    ("letters and digits", r#"{"type": "imitate_unique"}"#, |n| {
        text(|n| format!("{}{:04}", letters(n, 4, b'A'), n % 7_919), n)
    }),
    (
        "letters of both cases",
        r#"{"type": "imitate_unique"}"#,
        |n| text(|n| letters(n, 3, b'A') + &letters(n / 17_576, 3, b'a'), n),
    ),
    ("integers", r#"{"type": "from_unique_imitate"}"#, |n| {
        let numbers = (0..n as u64).map(|n| spread(n, 99_999_989).to_string());
        Arc::new(StringArray::from_iter_values(numbers))
    }),
    ("e-mail addresses", r#"{"type": "imitate_unique"}"#, |n| {
        text(|n| format!("person{n}@example.com"), n)
    }),
    ("long texts", r#"{"type": "imitate_unique"}"#, |n| {
        text(|n| format!("{}-{n:08}", "Wellington".repeat(4)), n)
    }),
    (
        "numbers behind a prefix",
        r#"{"type": "from_unique_imitate", "retain_prefix_length": 2}"#,
        |n| {
            let numbers = (0..n as u64).map(|n| spread(n, 9_999_999_967) as i64);
            Arc::new(Int64Array::from_iter_values(numbers))
        },
    ),
    (
        "letters beside digits",
        r#"{"type": "from_unique_imitate", "skip_digits": true}"#,
        |n| text(|n| format!("{}-{n:04}", letters(n, 4, b'A')), n),
    ),
    (
        "rows",
        r#"{"type": "from_unique", "format": "{[a-z],2}{[0-9],4}"}"#,
        |n| text(|n| n.to_string(), n),
    ),
    ("exchanged values", r#"{"type": "secure_shuffle"}"#, |n| {
        text(|n| n.to_string(), n)
    }),
    ("uuids", r#"{"type": "imitate_uuid"}"#, |n| text(uuid, n)),
    ("tax numbers", r#"{"type": "imitate_nz_ird"}"#, tax_numbers),
    ("six digits", r#"{"type": "fpe"}"#, |n| {
        text(
            |n| format!("{:06}", spread(n, 1_000_003).min(999_999)),
            n.min(900_000),
        )
    }),
    ("card numbers", r#"{"type": "fpe", "tweak": "pan"}"#, |n| {
        text(
            |n| format!("4111-{:04}-{:04}-1111", n / 10_000, n % 10_000),
            n,
        )
    }),
    (
        "capitals and digits",
        r#"{"type": "fpe", "alphabet": "alphanumericupper"}"#,
        |n| text(|n| format!("AB{n:07}"), n),
    ),
    ("sixty digits", r#"{"type": "fpe", "key_bits": 128}"#, |n| {
        text(|n| format!("{n:060}"), n)
    }),
    (
        "ff3-1",
        r#"{"type": "fpe", "algorithm": "ff3_1", "allow_legacy": true, "tweak": "CBD09280979564"}"#,
        |n| text(|n| format!("{n:010}"), n),
    ),
    ("fpe of integers", r#"{"type": "fpe"}"#, |n| {
        let numbers = (0..n as i32).map(|n| 1_000_000_007 + n * 1_129);
        Arc::new(Int32Array::from_iter_values(numbers))
    }),
    ("fpe of the largest integers", r#"{"type": "fpe"}"#, |n| {
        Arc::new(UInt64Array::from_iter_values(
            (0..n as u64).map(|n| u64::MAX - n),
        ))
    }),
    ("fpe of decimals", r#"{"type": "fpe"}"#, |n| {
        let numbers = (0..n as i128).map(|n| -(10_i128.pow(20) + n));
        let numbers = Decimal128Array::from_iter_values(numbers);
        Arc::new(numbers.with_precision_and_scale(21, 0).unwrap())
    }),
    ("tokens", r#"{"type": "tokenize"}"#, |n| {
        text(|n| format!("person {n}"), n)
    }),
    (
        "tokens in hex",
        r#"{"type": "tokenize", "form": "hex", "context": "x"}"#,
        |n| text(|n| n.to_string(), n),
    ),
    (
        "CPF",
        r#"{"type": "national_id", "kind": "br_cpf", "unique": true}"#,
        |n| ids("br_cpf", n),
    ),
    (
        "Finnish codes",
        r#"{"type": "national_id", "kind": "fi_hetu", "unique": true}"#,
        |n| ids("fi_hetu", n),
    ),
    (
        "Norwegian numbers of a year",
        r#"{"type": "national_id", "kind": "no_fnr", "unique": true, "birth_date": "retain_year"}"#,
        |n| ids("no_fnr", n),
    ),
    (
        "LEI",
        r#"{"type": "national_id", "kind": "lei", "unique": true}"#,
        |n| ids("lei", n),
    ),
    (
        "VIN",
        r#"{"type": "national_id", "kind": "vin", "unique": true}"#,
        |n| ids("vin", n),
    ),
    (
        "IMEI of a type",
        r#"{"type": "national_id", "kind": "imei", "unique": true, "retain_prefix_length": 8}"#,
        |n| ids("imei", n),
    ),
    (
        "take_substring of all",
        r#"{"type": "take_substring"}"#,
        |n| text(|n| format!("code {n}"), n),
    ),
    (
        "take_substring of numbers that are no longer",
        r#"{"type": "take_substring", "end_index": 11}"#,
        |n| Arc::new(Int32Array::from_iter_values(0..n as i32)),
    ),
    ("do_nothing", r#"{"type": "do_nothing"}"#, |n| {
        text(|n| n.to_string(), n)
    }),
];

/// Masks that promise it but for a chance below 2^-40, so that counting proves nothing.
const BY_CHANCE: [&str; 1] = ["hash"];

#[test]
fn distinct_values_stay_distinct() {
    for (name, mask, values) in DOMAINS {
        let values = values(many());
        let count = texts(&values).into_iter().collect::<HashSet<_>>().len();
        assert!(count > many() * 4 / 5, "{name}: {count} values");
        let promise = bound(mask, values.data_type(), &[hash_column("c")]);
        assert!(promise.keeps_distinct(), "{name}");
        let images = texts(&by_itself(mask, &values));
        let images: HashSet<_> = images.into_iter().collect();
        println!("{name}: {count} values, {} images", images.len());
        assert_eq!(images.len(), count, "{name}");
    }
}

/// No mask gets into the table with the promise and without a domain here.
#[test]
fn every_promise_is_counted() {
    for spec in MASKS {
        let counted = DOMAINS
            .iter()
            .any(|(_, mask, _)| mask.contains(&format!("\"{}\"", spec.name)));
        for example in spec.examples {
            let mut mask: Value = serde_json::from_str(example.args).unwrap();
            mask["type"] = spec.name.into();
            let mask = bound(&mask.to_string(), &DataType::Utf8, &[hash_column("c")]);
            // A chain promises what its masks promise.
            let known = counted || BY_CHANCE.contains(&spec.name) || spec.name == "chain";
            assert!(!mask.keeps_distinct() || known, "{}", spec.name);
        }
    }
}

/// Whole domains, each mapped onto itself.
#[test]
fn small_domains_are_permuted() {
    let digits = |places: usize| -> ArrayRef {
        let size = 10_usize.pow(places as u32);
        text(|n| format!("{n:0places$}"), size)
    };
    let numbers = |first: i64, last: i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(first..=last))
    };
    let codes = || {
        text(
            |n| format!("{}{:02}", letters(n / 100, 2, b'A'), n % 100),
            67_600,
        )
    };
    let words = || text(|n| letters(n, 3, b'a'), 17_576);
    let unique = r#"{"type": "imitate_unique"}"#;
    let table = r#"{"type": "fpe", "short": "table"}"#;
    let alphabet = r#"{"type": "fpe", "short": "table", "alphabet": "alphalower"}"#;
    for (name, mask, domain) in [
        ("fpe, one digit", table, digits(1)),
        ("fpe, three digits", table, digits(3)),
        ("fpe, five digits", table, digits(5)),
        ("fpe, six digits", table, digits(6)),
        ("fpe, three letters", alphabet, words()),
        ("fpe, numbers of three digits", table, numbers(100, 999)),
        (
            "fpe, numbers of five digits below zero",
            table,
            numbers(-99_999, -10_000),
        ),
        ("imitate_unique, one digit", unique, numbers(0, 9)),
        (
            "imitate_unique, numbers of two digits",
            unique,
            numbers(10, 99),
        ),
        // Up to the greatest of an unsigned byte, and above.
        ("imitate_unique, bytes", unique, numbers(128, 255)),
        (
            "imitate_unique, numbers of six digits",
            unique,
            numbers(100_000, 999_999),
        ),
        ("imitate_unique, letters and digits", unique, codes()),
        ("imitate_unique, three letters", unique, words()),
    ] {
        let mut images = texts(&by_itself(mask, &domain));
        let mut domain = texts(&domain);
        // A table of ten or ninety may well leave one where it is.
        let moved = images.iter().zip(&domain).filter(|(a, b)| a != b).count();
        assert!(moved * 2 > domain.len(), "{name}: {moved} moved");
        images.sort_unstable();
        domain.sort_unstable();
        assert!(images == domain, "{name}");
        println!("{name}: {} values, each once", domain.len());
    }
}

/// A mask without the promise is found out, so the count means something.
#[test]
fn a_collision_is_seen() {
    let values = text(|n| format!("{n:06}"), 100_000);
    let mut images: HashMap<String, u32> = HashMap::new();
    for image in texts(&by_itself(r#"{"type": "imitate"}"#, &values)) {
        *images.entry(image).or_default() += 1;
    }
    // 10^6 (1 - e^-0.1) images are to be expected.
    assert!((94_500..95_800).contains(&images.len()), "{}", images.len());
    let mask = r#"{"type": "imitate"}"#;
    assert!(!bound(mask, &DataType::Utf8, &[hash_column("c")]).keeps_distinct());
}
