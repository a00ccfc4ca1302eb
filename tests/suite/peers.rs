//! Other implementations agree: every identifier we make is one to python-stdnum, and what `fpe` gives
//! is what FF1 and FF3-1 of other hands give under a key derived from `docs/keys.md` alone.
//!
//! Needs a Python with python-stdnum, cyphera and ff3, named by `VISARD_TEST_PYTHON`; `tests/run`
//! brings one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use serde_json::{Value, json};

use crate::masking::{RUN_SECRET, by_itself, drawn_texts, kinds, texts, valid_ids};
use crate::visard::{Ended, Visard};

/// A thousand numbers of each kind, drawn and one-to-one, and of the masks that make one kind.
fn identifiers() -> Vec<Value> {
    let mut made = vec![];
    for kind in kinds() {
        let valid = valid_ids(&kind);
        let mask = format!(r#"{{"type": "national_id", "kind": "{kind}"}}"#);
        let drawn: Vec<String> = valid
            .iter()
            .flat_map(|value| drawn_texts(&mask, value, 1000 / valid.len()))
            .collect();
        // A year retained is none that is still to come, which python-stdnum refuses.
        let mask = format!(
            r#"{{"type": "national_id", "kind": "{kind}", "unique": true, "birth_date": "retain_year"}}"#
        );
        let mut different = drawn.clone();
        different.sort_unstable();
        different.dedup();
        let different: ArrayRef = Arc::new(StringArray::from(different));
        let unique = texts(&by_itself(&mask, &different));
        made.push(json!({"what": kind, "kind": kind, "values": drawn}));
        // Place codes are any of their form there, and python-stdnum knows those that were given out.
        if kind != "cn_ric" {
            made.push(json!({"what": format!("unique {kind}"), "kind": kind, "values": unique}));
        }
    }
    for (kind, mask, value) in [
        ("us_ssn", r#"{"type": "social_security_number"}"#, "x"),
        ("br_cpf", r#"{"type": "brazilian_cpf"}"#, "x"),
        (
            "credit_card",
            r#"{"type": "credit_card"}"#,
            "4111-1111-1111-1111",
        ),
        (
            "credit_card",
            r#"{"type": "credit_card"}"#,
            "378282246310005",
        ),
    ] {
        let values = drawn_texts(mask, value, 1000);
        made.push(json!({"what": mask, "kind": kind, "values": values}));
    }
    let numbers: ArrayRef = Arc::new(StringArray::from(valid_ids("nz_ird")));
    let values = texts(&by_itself(r#"{"type": "imitate_nz_ird"}"#, &numbers));
    made.push(json!({"what": "imitate_nz_ird", "kind": "nz_ird", "values": values}));
    let accounts = include_str!("../../udfs/vectors/iban.jsonl").lines();
    let mut ibans = vec![];
    for account in accounts {
        let account: Value = serde_json::from_str(account).unwrap();
        let text = account["iban"].as_str().unwrap_or_default();
        // Some countries' structures are newer than python-stdnum's registry.
        let known = account["accepted_by"].to_string().contains("stdnum");
        if account["valid"] == true && known {
            ibans.extend(drawn_texts(r#"{"type": "iban"}"#, text, 20));
        }
    }
    assert!(ibans.len() >= 1000, "{} accounts", ibans.len());
    made.push(json!({"what": "iban", "kind": "iban", "values": ibans}));
    made
}

/// A thousand values of `fpe` in several alphabets, and integers.
fn encrypted() -> Vec<Value> {
    let digits = "0123456789";
    let capitals = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut made = vec![];
    for (algorithm, bits, alphabet, tweak) in [
        ("ff1", 128, digits, ""),
        ("ff1", 192, digits, "a tweak of more than sixteen bytes"),
        ("ff1", 256, digits, ""),
        ("ff1", 256, capitals, "x"),
        ("ff1", 256, "abcdefghijklmnopqrstuvwxyz", "länder"),
        ("ff3_1", 128, digits, "CBD09280979564"),
        ("ff3_1", 256, capitals, "00112233445566"),
    ] {
        let character = |at: usize| alphabet.as_bytes()[at % alphabet.len()];
        let plain: Vec<String> = (0..1000_usize)
            .map(|n| {
                let places = (0..7 + n % 20).map(|at| character(n * (at + 3) + at * at));
                String::from_utf8(places.collect()).unwrap()
            })
            .collect();
        let args = json!({
            "type": "fpe", "domain": "peer", "algorithm": algorithm, "allow_legacy": true,
            "key_bits": bits, "alphabet": alphabet, "tweak": tweak,
        });
        let column: ArrayRef = Arc::new(StringArray::from(plain.clone()));
        let masked = texts(&by_itself(&args.to_string(), &column));
        made.push(json!({
            "what": format!("{algorithm} {bits} {alphabet}"), "domain": "peer", "algorithm": algorithm,
            "bits": bits, "alphabet": alphabet, "tweak": tweak, "numbers": false, "plain": plain, "masked": masked,
        }));
    }
    let small = Int32Array::from_iter_values((0..1000).map(|n| 1_000_000_007 + n * 997_333));
    let large = Int64Array::from_iter_values((0..1000).map(|n| -1_000_003 * (n + 1)));
    let columns: [(ArrayRef, i64); 2] = [
        (Arc::new(small), i32::MAX.into()),
        (Arc::new(large), i64::MAX),
    ];
    for (column, greatest) in columns {
        let masked = by_itself(r#"{"type": "fpe", "domain": "peer"}"#, &column);
        made.push(json!({
            "what": column.data_type().to_string(), "domain": "peer", "algorithm": "ff1", "bits": 256,
            "alphabet": digits, "tweak": "", "numbers": true, "greatest": greatest,
            "plain": texts(&column), "masked": texts(&masked),
        }));
    }
    made
}

/// All that `peers.py` looks at.
fn made() -> Value {
    json!({
        "run_secret": RUN_SECRET,
        "identifiers": identifiers(),
        "encrypted": encrypted(),
    })
}

#[test]
fn others_agree() {
    let python = std::env::var("VISARD_TEST_PYTHON").unwrap_or_default();
    if python.is_empty() {
        assert!(
            std::env::var_os("VISARD_TEST_SERVERS").is_none(),
            "there is no VISARD_TEST_PYTHON"
        );
        println!("left out: python-stdnum, cyphera and ff3; tests/run installs them");
        return;
    }
    let visard = Visard::new();
    visard.write("made.json", made().to_string());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/peers.py");
    let mut call = Command::new(python);
    call.arg(script).arg(visard.path("made.json"));
    let ended = Ended::of(call.output().unwrap());
    let shown: Vec<&str> = ended.stdout.lines().take(30).collect();
    println!("{}", shown.join("\n"));
    ended.expect(0);
}
