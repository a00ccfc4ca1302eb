//! Which pseudo-random function draws: AES-256-CMAC as visard has it, HMAC-SHA-256, BLAKE3 keyed.
//!
//! The same 8,192 values of 20 bytes for each, one thread; see `docs/decisions/0004-keys-and-draws.md`.
//! `draws` is all that a mask waits for: canonical text and messages included.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use visard_udfs::{Draws, Messages, Root, canonical_text};

const ROWS: usize = 8192;
/// Masks draw for so many rows at once.
const PIECE: usize = 1024;

fn prf(criterion: &mut Criterion) {
    let values: Vec<String> = (0..ROWS).map(|row| format!("customer-{row:011}")).collect();
    let column: StringViewArray = values.iter().map(|value| Some(value.as_str())).collect();
    let array: ArrayRef = Arc::new(column.clone());
    let messages = Messages::of(&[column], ROWS);
    let key = Root::new(b"golden run secret 0123456789", None).mask_key("bench", "prf");
    let hmac = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("any length is a key");

    let mut group = criterion.benchmark_group("prf");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("draws", |b| {
        b.iter(|| {
            let text = canonical_text(black_box(&array)).expect("text has canonical text");
            let pieces = (0..ROWS).step_by(PIECE).map(|start| {
                let messages = Messages::of(&[text.slice(start, PIECE)], PIECE);
                black_box(Draws::new(&key, &messages)).len()
            });
            pieces.sum::<usize>()
        });
    });
    group.bench_function("aes-256-cmac", |b| {
        b.iter(|| Draws::new(black_box(&key), &messages))
    });
    group.bench_function("hmac-sha-256", |b| {
        b.iter(|| {
            let tag = |value: &String| hmac.clone().chain_update(value).finalize().into_bytes();
            values.iter().map(tag).collect::<Vec<_>>()
        });
    });
    group.bench_function("blake3-keyed", |b| {
        b.iter(|| {
            let tag = |value: &String| blake3::keyed_hash(&[7; 32], value.as_bytes());
            values.iter().map(tag).collect::<Vec<_>>()
        });
    });
    group.finish();
}

criterion_group!(benches, prf);
criterion_main!(benches);
