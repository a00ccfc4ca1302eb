//! Format-preserving encryption of 16 digits, every tenth value null: the whole mask, from column to
//! column, beside the crate `fpe` value by value and beside the ten AES blocks that the ten rounds of
//! FF1 need at least.
//!
//! AES-128, one thread.

use std::hint::black_box;
use std::sync::Arc;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};
use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::DataType;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fpe::ff1::{FF1, FlexibleNumeralString};
use serde_json::json;
use visard_benches::{ROWS, bound};

/// Rounds of FF1, each with one block for a value of up to 28 digits.
const ROUNDS: usize = 10;
/// Blocks in a call: as many as the widest vector unit takes at once.
const BLOCKS: usize = 64;

fn fpe(criterion: &mut Criterion) {
    let digits =
        |row: usize| (row as u64 * 7_919_000_003 + 1_000_000_000_000_000) % 10_000_000_000_000_000;
    let value = |row: usize| (!row.is_multiple_of(10)).then(|| format!("{:016}", digits(row)));
    let column: StringViewArray = (0..ROWS).map(value).collect();
    let column: ArrayRef = Arc::new(column);

    let mut group = criterion.benchmark_group("fpe, 16 digits");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, args) in [
        ("ff1", json!({"key_bits": 128})),
        ("ff1, back", json!({"key_bits": 128, "decrypt": true})),
        (
            "ff3-1",
            json!({"key_bits": 128, "algorithm": "ff3_1", "allow_legacy": true, "tweak": "00000000000000"}),
        ),
    ] {
        let mask = bound("fpe", &args, &DataType::Utf8View).expect("the arguments are right");
        group.bench_function(name, |b| {
            b.iter(|| mask.apply(black_box(&column), &[]).expect("the values fit"));
        });
    }
    let crate_fpe = FF1::<Aes128>::new(&[7; 16], 10).expect("ten is a radix");
    let numerals: Vec<FlexibleNumeralString> = (0..ROWS)
        .filter_map(value)
        .map(|value| {
            value
                .bytes()
                .map(|digit| u16::from(digit - b'0'))
                .collect::<Vec<_>>()
                .into()
        })
        .collect();
    group.bench_function("ff1, crate fpe", |b| {
        b.iter(|| {
            for value in black_box(&numerals) {
                black_box(crate_fpe.encrypt(&[], value)).expect("the value fits");
            }
        });
    });
    let aes = Aes128::new(&[7; 16].into());
    let mut blocks = vec![Block::default(); ROUNDS * ROWS];
    group.bench_function("ten blocks of AES", |b| {
        b.iter(|| {
            for blocks in black_box(&mut blocks).chunks_mut(BLOCKS) {
                aes.encrypt_blocks(blocks);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, fpe);
criterion_main!(benches);
