//! What masks draw follows the distribution they promise, by chi-square and Kolmogorov-Smirnov.
//!
//! 100,000 draws each under a fixed key, a million with `tests/run --long`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    TimestampSecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampSecondType,
};
use visard_udfs::SeedFiles;

use crate::masking::{Shipped, by_itself, drawn, drawn_texts, many, texts, valid_ids};
use crate::statistics::{counts, follows, follows_cdf, uniform};

/// How often each text of `known` comes; there is no other.
fn tally(texts: &[String], known: &[&str]) -> Vec<u64> {
    counts(
        known.len(),
        texts.iter().map(|text| {
            let found = known.iter().position(|one| one == text);
            found.unwrap_or_else(|| panic!("{text} was not to be drawn"))
        }),
    )
}

/// Each of these places holds each of `set` alike.
fn places_are_uniform(what: &str, texts: &[String], places: &[usize], set: &str) {
    for place in places {
        let at = |text: &String| {
            let found = text.chars().nth(*place).and_then(|one| set.find(one));
            found.unwrap_or_else(|| panic!("{what}: {text}, place {place}"))
        };
        uniform(&counts(set.len(), texts.iter().map(at)))
            .unwrap_or_else(|error| panic!("{what}, place {place}: {error}"));
    }
}

const DIGITS: &str = "0123456789";
const FROM_ONE: &str = "123456789";

fn integer(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

fn integers(mask: &str, value: i64) -> Vec<i64> {
    let masked = drawn(mask, &integer(value), many());
    masked.as_primitive::<Int64Type>().values().to_vec()
}

/// Integers from `first` to `last`, each alike.
fn range_is_uniform(what: &str, sample: &[i64], first: i64, last: i64) {
    let categories = (last - first + 1) as usize;
    let sample = sample.iter().map(|value| (value - first) as usize);
    uniform(&counts(categories, sample)).unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[test]
fn choices_come_by_their_weights() {
    let mask = r#"{"type": "from_choices", "choices": ["a", "b", "c", "d"]}"#;
    let texts = drawn_texts(mask, "x", many());
    uniform(&tally(&texts, &["a", "b", "c", "d"])).unwrap();
    let mask = r#"{"type": "from_choices", "choices": [{"value": "a", "weight": 5},
        {"value": "b", "weight": 0.25}, "c", {"value": "d", "weight": 0.001}]}"#;
    let texts = drawn_texts(mask, "x", many());
    let counts = tally(&texts, &["a", "b", "c", "d"]);
    follows(&counts, &[5.0, 0.25, 1.0, 0.001]).unwrap();
    // The same counts do not follow weights that are a little off: the test can fail.
    follows(&counts, &[5.0, 0.3, 1.0, 0.001]).unwrap_err();
}

#[test]
fn numbers() {
    let mask = r#"{"type": "from_random_number", "min": -50, "max": 49}"#;
    range_is_uniform("integers", &integers(mask, 0), -50, 49);
    let mask = r#"{"type": "from_random_number", "max": 999999999999999999}"#;
    let share = |value: &i64| (value / 5_000_000_000_000_000) as usize;
    uniform(&counts(200, integers(mask, 0).iter().map(share))).unwrap();
    let mask =
        r#"{"type": "from_random_number", "min": "0.00", "max": "1.00", "decimal_places": 2}"#;
    let decimal = Decimal128Array::from(vec![0])
        .with_precision_and_scale(10, 2)
        .unwrap();
    let sample = drawn(mask, &(Arc::new(decimal) as ArrayRef), many());
    let sample = sample.as_primitive::<Decimal128Type>().values();
    uniform(&counts(101, sample.iter().map(|units| *units as usize))).unwrap();
    let texts = drawn_texts(mask, "x", many());
    let cents = |text: &String| text.replace('.', "").parse::<usize>().unwrap();
    uniform(&counts(101, texts.iter().map(cents))).unwrap();
    // Triangular, likeliest at 20: x²/20·100 up to there, then 1 - (100 - x)²/80·100.
    let mask = r#"{"type": "from_random_number", "max": 100, "mode": 20, "decimal_places": 9}"#;
    let value: ArrayRef = Arc::new(Float64Array::from(vec![0.0]));
    let sample = drawn(mask, &value, many());
    let sample = sample.as_primitive::<Float64Type>().values().to_vec();
    let cdf = |x: f64| match x < 20.0 {
        true => x * x / 2_000.0,
        false => 1.0 - (100.0 - x).powi(2) / 8_000.0,
    };
    follows_cdf(sample.clone(), cdf).unwrap();
    follows_cdf(sample, |x| x / 100.0).unwrap_err();
    let value: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let both = drawn(r#"{"type": "from_random_boolean"}"#, &value, many());
    let both = both.as_boolean().values().iter().map(usize::from);
    uniform(&counts(2, both)).unwrap();
}

#[test]
fn dates() {
    let date: ArrayRef = Arc::new(Date32Array::from(vec![19_000]));
    let days = |mask: &str| -> Vec<i64> {
        let masked = drawn(mask, &date, many());
        let days = masked.as_primitive::<Date32Type>().values();
        days.iter().map(|day| i64::from(*day)).collect()
    };
    // 2000 is 10,957 days after 1970 and has 366.
    let sample = days(r#"{"type": "from_random_date", "min": "2000-01-01", "max": "2000-12-31"}"#);
    range_is_uniform("from_random_date", &sample, 10_957, 11_322);
    let value: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0]));
    let mask = r#"{"type": "from_random_datetime", "min": "1970-01-02T00:00:00", "max": "1970-01-02T00:10:00"}"#;
    let moments = drawn(mask, &value, many());
    let moments = moments.as_primitive::<TimestampSecondType>().values();
    range_is_uniform("from_random_datetime", moments, 86_400, 86_999);

    let shifts = |arguments: &str| -> Vec<i64> {
        let sample = days(&format!(r#"{{"type": "shift_date", {arguments}}}"#));
        sample.iter().map(|day| day - 19_000).collect()
    };
    let without_zero = |days: &i64| if *days > 0 { *days - 1 } else { *days };
    let sample: Vec<i64> = shifts(r#""max_days": 30"#)
        .iter()
        .map(without_zero)
        .collect();
    range_is_uniform("shift_date", &sample, -30, 29);
    let sample = shifts(r#""max_days": 30, "allow_zero": true"#);
    range_is_uniform("shift_date with zero", &sample, -30, 30);
    let sample = shifts(r#""min_days": -9, "max_days": -3"#);
    range_is_uniform("shift_date back", &sample, -9, -3);
    let weeks: Vec<i64> = shifts(r#""max_days": 70, "keep_weekday": true"#)
        .iter()
        .map(|days| {
            assert_eq!(days % 7, 0);
            without_zero(&(days / 7))
        })
        .collect();
    range_is_uniform("shift_date by weeks", &weeks, -10, 9);
}

#[test]
fn random_texts() {
    let mask = r#"{"type": "from_random_text", "min": 3, "max": 6}"#;
    let sample = drawn_texts(mask, "x", many());
    uniform(&counts(4, sample.iter().map(|text| text.len() - 3))).unwrap();
    let letters: String = ('a'..='z').chain('A'..='Z').collect();
    places_are_uniform("from_random_text", &sample, &[0, 1, 2], &letters);
    let mask = r#"{"type": "from_random_text", "min": 9, "max": 9, "characters": "01?"}"#;
    places_are_uniform(
        "characters",
        &drawn_texts(mask, "x", many()),
        &[0, 4, 8],
        "01?",
    );
    let mask = r#"{"type": "from_format_string", "format": "{[A-F0-9],12}-{[a-c_]}"}"#;
    let sample = drawn_texts(mask, "x", many());
    places_are_uniform(
        "from_format_string",
        &sample,
        &[0, 1, 5, 11],
        "ABCDEF0123456789",
    );
    places_are_uniform("from_format_string", &sample, &[13], "abc_");
}

#[test]
fn seed_rows() {
    for (file, column) in [
        ("DataMasque_occupations.csv", "occupation"),
        ("DataMasque_country_codes.csv", "alpha_2"),
    ] {
        let seeds = Shipped.table(file).unwrap();
        let at = seeds
            .columns
            .iter()
            .position(|name| name == column)
            .unwrap();
        let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
        for row in &seeds.rows {
            *shares.entry(&row[at]).or_default() += 1.0;
        }
        let known: Vec<&str> = shares.keys().copied().collect();
        let mask =
            format!(r#"{{"type": "from_file", "seed_file": "{file}", "seed_column": "{column}"}}"#);
        let sample = drawn_texts(&mask, "x", many());
        let shares: Vec<f64> = shares.values().copied().collect();
        follows(&tally(&sample, &known), &shares).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[test]
fn imitated_characters() {
    let capitals: String = ('A'..='Z').collect();
    let small = capitals.to_lowercase();
    let sample = drawn_texts(r#"{"type": "imitate"}"#, "AQz-07é19 xyzabcdefgh", many());
    places_are_uniform("imitate", &sample, &[0, 1], &capitals);
    places_are_uniform("imitate", &sample, &[2, 10, 13, 20], &small);
    places_are_uniform("imitate", &sample, &[4, 5, 7, 8], DIGITS);
    let sample = drawn_texts(r#"{"type": "imitate", "force_change": true}"#, "A0", many());
    places_are_uniform("force_change", &sample, &[0], &capitals[1..]);
    places_are_uniform("force_change", &sample, &[1], FROM_ONE);
    range_is_uniform("imitate", &integers(r#"{"type": "imitate"}"#, 42), 10, 99);
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..many() as i64));
    let ids = arrow::compute::cast(&ids, &DataType::Utf8).unwrap();
    let sample = texts(&by_itself(r#"{"type": "hash"}"#, &ids));
    places_are_uniform("hash", &sample, &[0, 1, 15, 31], "0123456789abcdef");
    let sample = drawn_texts(r#"{"type": "uuid"}"#, "x", many());
    places_are_uniform("uuid", &sample, &[0, 9, 15, 35], "0123456789abcdef");
    places_are_uniform("uuid", &sample, &[19], "89ab");
}

/// The check digit of eight digits of a New Zealand tax number, by the specification of Inland Revenue.
pub(crate) fn ird_check(body: u64) -> Option<u64> {
    [[3, 2, 7, 6, 5, 4, 3, 2], [7, 4, 3, 2, 5, 2, 7, 6]]
        .iter()
        .map(|weights: &[u64; 8]| {
            let digit = |at: u32| body / 10_u64.pow(7 - at) % 10;
            let sum: u64 = (0..8)
                .zip(weights)
                .map(|(at, weight)| digit(at) * weight)
                .sum();
            (11 - sum % 11) % 11
        })
        .find(|check| *check < 10)
}

#[test]
fn identifiers() {
    let mask = r#"{"type": "credit_card"}"#;
    let sample = drawn_texts(mask, "4111111111111111", many());
    places_are_uniform(
        "credit_card",
        &sample,
        &[8, 9, 10, 11, 12, 13, 14, 15],
        DIGITS,
    );
    let mask = r#"{"type": "credit_card", "retain_prefix_length": 6}"#;
    let sample = drawn_texts(mask, "4111-1111-1111-1111", many());
    assert!(sample.iter().all(|text| text.starts_with("4111-11")));
    places_are_uniform(
        "card behind its prefix",
        &sample,
        &[7, 8, 10, 13, 15, 18],
        DIGITS,
    );

    let sample = drawn_texts(r#"{"type": "social_security_number"}"#, "x", many());
    let part = |text: &String, from: usize, to: usize| text[from..to].parse::<usize>().unwrap();
    let area = |text: &String| {
        let area = part(text, 0, 3);
        assert_ne!(area, 666);
        area - 1 - usize::from(area > 666)
    };
    uniform(&counts(898, sample.iter().map(area))).unwrap();
    uniform(&counts(99, sample.iter().map(|text| part(text, 4, 6) - 1))).unwrap();
    uniform(&counts(
        101,
        sample.iter().map(|text| (part(text, 7, 11) - 1) / 99),
    ))
    .unwrap();

    let sample = drawn_texts(r#"{"type": "brazilian_cpf"}"#, "x", many());
    places_are_uniform(
        "brazilian_cpf",
        &sample,
        &[0, 1, 2, 4, 5, 6, 8, 9, 10],
        DIGITS,
    );

    // Not every body has a check digit, so the shares of a hundred stretches are counted.
    let stretch = |body: u64| ((body - 1_000_000) / 140_000) as usize;
    let mut shares = vec![0.0; 100];
    for body in 1_000_000..15_000_000 {
        shares[stretch(body)] += f64::from(u8::from(ird_check(body).is_some()));
    }
    let mask = r#"{"type": "national_id", "kind": "nz_ird"}"#;
    let sample = drawn_texts(mask, "139682130", many());
    let body = |text: &String| text.parse::<u64>().unwrap() / 10;
    follows(
        &counts(100, sample.iter().map(|text| stretch(body(text)))),
        &shares,
    )
    .unwrap();

    for (kind, free) in [
        ("es_dni", &[0, 4, 7][..]),
        ("fr_siren", &[0, 3, 7]),
        ("il_id", &[0, 4, 7]),
        ("jp_mynumber", &[0, 5, 10]),
    ] {
        let mask = format!(r#"{{"type": "national_id", "kind": "{kind}"}}"#);
        let valid = valid_ids(kind)[0].replace([' ', '-', '.'], "");
        places_are_uniform(kind, &drawn_texts(&mask, &valid, many()), free, DIGITS);
    }
    let sample = drawn_texts(r#"{"type": "iban"}"#, "DE89370400440532013000", many());
    places_are_uniform("iban", &sample, &[4, 9, 13, 21], DIGITS);
}

#[test]
fn numbers_of_networks() {
    let sample = drawn_texts(r#"{"type": "phone"}"#, "+64 21 345 6789", many());
    places_are_uniform("phone", &sample, &[4], "23456789");
    places_are_uniform("phone", &sample, &[5, 7, 8, 9, 11, 14], DIGITS);
    let sample = drawn_texts(r#"{"type": "ip_address"}"#, "10.1.2.3", many());
    let networks = ["192.0.2", "198.51.100", "203.0.113"];
    let address = |text: &String| {
        let (network, host) = text.rsplit_once('.').unwrap();
        let network = networks.iter().position(|one| *one == network).unwrap();
        network * 256 + host.parse::<usize>().unwrap()
    };
    uniform(&counts(768, sample.iter().map(address))).unwrap();
    let sample = drawn_texts(
        r#"{"type": "ip_address", "keep_prefix": 16}"#,
        "10.1.2.3",
        many(),
    );
    for octet in [2, 3] {
        let octet = |text: &String| {
            text.split('.')
                .nth(octet)
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        uniform(&counts(256, sample.iter().map(octet))).unwrap();
    }
    let sample = drawn_texts(r#"{"type": "mac_address"}"#, "00:1b:63:84:45:e6", many());
    places_are_uniform(
        "mac_address",
        &sample,
        &[9, 10, 12, 13, 15, 16],
        "0123456789abcdef",
    );
}

#[test]
fn noise() {
    let mask = r#"{"type": "add_noise", "bound": 10}"#;
    range_is_uniform("uniform noise", &integers(mask, 1_000), 990, 1_010);
    let zero: ArrayRef = Arc::new(Float64Array::from(vec![0.0]));
    let sample = |arguments: &str| -> Vec<f64> {
        let masked = drawn(
            &format!(r#"{{"type": "add_noise", {arguments}}}"#),
            &zero,
            many(),
        );
        masked.as_primitive::<Float64Type>().values().to_vec()
    };
    let laplace = |scale: f64| {
        move |x: f64| match x < 0.0 {
            true => (x / scale).exp() / 2.0,
            false => 1.0 - (-x / scale).exp() / 2.0,
        }
    };
    let plain = sample(r#""distribution": "laplace", "scale": 3"#);
    follows_cdf(plain.clone(), laplace(3.0)).unwrap();
    follows_cdf(plain.clone(), laplace(3.2)).unwrap_err();
    let bell = sample(r#""distribution": "gaussian", "scale": 2"#);
    follows_cdf(bell, |x| normal(x / 2.0)).unwrap();
    follows_cdf(plain, |x| normal(x / 2.0)).unwrap_err();
    follows_cdf(sample(r#""bound": 5"#), |x| (x + 5.0) / 10.0).unwrap();
    // What goes beyond the bound becomes the bound; e^-2 of Laplace goes beyond twice the scale.
    let cut = sample(r#""distribution": "laplace", "scale": 3, "bound": 6"#);
    let side = |x: f64| usize::from(x > -6.0) + usize::from(x >= 6.0);
    let beyond = (-2_f64).exp();
    let shares = [beyond / 2.0, 1.0 - beyond, beyond / 2.0];
    follows(&counts(3, cut.iter().map(|x| side(*x))), &shares).unwrap();
    let inside: Vec<f64> = cut.into_iter().filter(|x| x.abs() < 6.0).collect();
    let cdf = laplace(3.0);
    let all = 1.0 - beyond;
    follows_cdf(inside, |x| (cdf(x) - beyond / 2.0) / all).unwrap();
}

/// The distribution function of the standard normal, to seven digits (Abramowitz and Stegun, 26.2.17).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let terms = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let polynomial = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial;
    if x < 0.0 { tail } else { 1.0 - tail }
}
