//! Published vectors of both algorithms; where they come from is in `udfs/vectors/README.md`.

use data_encoding::HEXUPPER_PERMISSIVE as HEX;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

/// One line of a file.
struct Case {
    key: Vec<u8>,
    tweak: Vec<u8>,
    radix: u32,
    plain: Option<Vec<u16>>,
    masked: Option<Vec<u16>>,
    small: bool,
    line: &'static str,
}

fn cases(file: &'static str) -> Vec<Case> {
    let cases: Vec<Case> = file.lines().map(case).collect();
    assert!(!cases.is_empty());
    cases
}

fn case(line: &'static str) -> Case {
    let case: Value = serde_json::from_str(line).unwrap();
    let hex = |name: &str| HEX.decode(case[name].as_str().unwrap().as_bytes()).unwrap();
    let numerals = |name: &str| match (&case[name], case["alphabet"].as_str()) {
        (Value::String(text), Some(alphabet)) => text
            .chars()
            .map(|char| Some(alphabet.chars().position(|other| other == char)? as u16))
            .collect(),
        (Value::Array(numerals), _) => numerals
            .iter()
            .map(|numeral| u16::try_from(numeral.as_u64()?).ok())
            .collect(),
        _ => None,
    };
    Case {
        key: hex("key_hex"),
        tweak: hex("tweak_hex"),
        radix: case["radix"].as_u64().unwrap() as u32,
        plain: numerals("plaintext"),
        masked: numerals("ciphertext"),
        small: line.contains("SmallMessageSize"),
        line,
    }
}

fn ff1(case: &Case) -> Ff1 {
    Ff1::new(Cipher::new(&case.key).unwrap(), case.radix)
}

fn whole(numerals: &[u16]) -> [Span; 1] {
    [Span {
        start: 0,
        length: numerals.len(),
    }]
}

fn check(case: &Case, run: impl Fn(Direction, &mut [u16], &[Span], Tweaks<'_>)) {
    let (plain, masked) = (case.plain.clone().unwrap(), case.masked.clone().unwrap());
    let spans = whole(&plain);
    for (direction, from, to) in [
        (Direction::Encrypt, &plain, &masked),
        (Direction::Decrypt, &masked, &plain),
    ] {
        let mut numerals = from.clone();
        run(direction, &mut numerals, &spans, Tweaks::One(&case.tweak));
        assert_eq!(&numerals, to, "{}", case.line);
        let mut numerals = from.clone();
        run(
            direction,
            &mut numerals,
            &spans,
            Tweaks::Each(&[&case.tweak]),
        );
        assert_eq!(&numerals, to, "{}", case.line);
    }
}

#[test]
fn ff1_vectors() {
    let mut small = 0;
    for file in [
        include_str!("../../vectors/ff1_nist.jsonl"),
        include_str!("../../vectors/ff1_acvp.jsonl"),
        include_str!("../../vectors/ff1_edges.jsonl"),
        include_str!("../../vectors/ff1_wycheproof.jsonl"),
    ] {
        for case in cases(file) {
            let mut kernel = ff1(&case);
            if case.small {
                small += 1;
                let mut numerals = case.plain.clone().unwrap();
                let spans = whole(&numerals);
                let tweak = Tweaks::One(&case.tweak);
                let refused = kernel.run(Direction::Encrypt, &mut numerals, &spans, tweak);
                assert_eq!(refused, Err(Refusal::Short), "{}", case.line);
                kernel = kernel.of_2016();
            }
            check(&case, |direction, numerals, spans, tweaks| {
                kernel.run(direction, numerals, spans, tweaks).unwrap();
            });
        }
    }
    assert_eq!(small, 43);
}

#[test]
fn what_ff1_has_to_refuse() {
    for case in cases(include_str!("../../vectors/ff1_wycheproof_invalid.jsonl")) {
        let refused = match (Cipher::new(&case.key), &case.plain) {
            (None, _) | (_, None) => true,
            (Some(cipher), Some(plain)) => Ff1::new(cipher, case.radix)
                .run(
                    Direction::Encrypt,
                    &mut plain.clone(),
                    &whole(plain),
                    Tweaks::One(&case.tweak),
                )
                .is_err(),
        };
        assert!(refused, "{}", case.line);
    }
}

#[test]
fn the_whole_of_a_domain() {
    for line in include_str!("../../vectors/ff1_full_domain.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let hex = |name: &str| HEX.decode(case[name].as_str().unwrap().as_bytes()).unwrap();
        let kernel = Ff1::new(Cipher::new(&hex("key_hex")).unwrap(), 10);
        let mut numerals: Vec<u8> = (0..1_000_000_u32)
            .flat_map(|n| [100_000, 10_000, 1000, 100, 10, 1].map(|place| (n / place % 10) as u8))
            .collect();
        let spans: Vec<Span> = (0..1_000_000)
            .map(|row| Span {
                start: 6 * row,
                length: 6,
            })
            .collect();
        let tweak = hex("tweak_hex");
        kernel
            .run(
                Direction::Encrypt,
                &mut numerals,
                &spans,
                Tweaks::One(&tweak),
            )
            .unwrap();
        let sha = |numerals: &[u8]| {
            let text: Vec<u8> = numerals.iter().map(|numeral| numeral + b'0').collect();
            data_encoding::HEXLOWER.encode(&Sha256::digest(&text))
        };
        assert_eq!(sha(&numerals), case["sha256_of_all_outputs"]);
        kernel
            .run(
                Direction::Decrypt,
                &mut numerals,
                &spans,
                Tweaks::One(&tweak),
            )
            .unwrap();
        assert!(numerals.as_chunks::<6>().0.iter().is_sorted());
    }
}

#[test]
fn ff3_1_vectors() {
    for case in cases(include_str!("../../vectors/ff3_1_acvp.jsonl")) {
        let kernel = Ff3_1::new(&case.key, case.radix).unwrap();
        check(&case, |direction, numerals, spans, tweaks| {
            kernel.run(direction, numerals, spans, tweaks).unwrap();
        });
    }
}

#[test]
fn ff3_1_refuses() {
    let kernel = Ff3_1::new(&[7; 32], 10).unwrap();
    for (length, tweak, refusal) in [
        (5, 7, Some(Refusal::Short)),
        (6, 7, None),
        (56, 7, None),
        (57, 7, Some(Refusal::Long)),
        (16, 8, Some(Refusal::Long)),
    ] {
        let mut numerals = vec![1_u8; length];
        let spans = [Span { start: 0, length }];
        let run = kernel.run(
            Direction::Encrypt,
            &mut numerals,
            &spans,
            Tweaks::One(&vec![0; tweak]),
        );
        assert_eq!(run.err(), refusal, "{length} {tweak}");
    }
    assert!(Ff3_1::new(&[7; 20], 10).is_none());
}

/// Rows of many lengths and tweaks, in one batch and each alone.
#[test]
fn rows_do_not_mix() {
    let kernel = |radix| Ff1::new(Cipher::new(&[9; 16]).unwrap(), radix);
    for radix in [10, 62, 65_536] {
        let kernel = kernel(radix);
        let tweaks: Vec<Vec<u8>> = (0..300_usize)
            .map(|row| vec![row as u8; row * 7 % 40])
            .collect();
        let tweaks: Vec<&[u8]> = tweaks.iter().map(Vec::as_slice).collect();
        let mut numerals = Vec::new();
        let mut spans = Vec::new();
        for row in 0..300_usize {
            let length = 6 + row * 5 % 70;
            spans.push(Span {
                start: numerals.len(),
                length,
            });
            let numeral = |place: usize| ((row * 31 + place * 17) as u32 % radix) as u16;
            numerals.extend((0..length).map(numeral));
        }
        let alone: Vec<u16> = spans
            .iter()
            .zip(&tweaks)
            .flat_map(|(span, tweak)| {
                let mut own = numerals[span.start..][..span.length].to_vec();
                let spans = whole(&own);
                kernel
                    .run(Direction::Encrypt, &mut own, &spans, Tweaks::One(tweak))
                    .unwrap();
                own
            })
            .collect();
        let before = numerals.clone();
        let each = Tweaks::Each(&tweaks);
        kernel
            .run(Direction::Encrypt, &mut numerals, &spans, each)
            .unwrap();
        assert!(numerals == alone && numerals != before);
        kernel
            .run(Direction::Decrypt, &mut numerals, &spans, each)
            .unwrap();
        assert_eq!(numerals, before);
    }
}

#[test]
fn least_lengths() {
    for (radix, length) in [
        (2, 20),
        (10, 6),
        (16, 5),
        (26, 5),
        (36, 4),
        (62, 4),
        (256, 3),
        (1000, 2),
    ] {
        assert_eq!(least_length(radix, LEAST_DOMAIN), length, "{radix}");
    }
}
