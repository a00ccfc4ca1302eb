//! Every mask at 8,192 rows, with nulls and without, beside rebuilding the column through its builder.
//!
//! A mask that takes any text gets values of 23 characters, all different; one that takes only
//! some gets the value of its first example, with that example's arguments.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Builder, StringViewArray, StringViewBuilder, UInt64Array,
};
use arrow::datatypes::{DataType, Date32Type};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use visard_benches::{ROWS, bound, column};
use visard_udfs::{Argument, ColumnMask, MASKS, MaskSpec};

/// Arguments for the masks that take any value and need some.
fn arguments(mask: &str) -> Option<Value> {
    Some(match mask {
        "from_fixed" => json!({"value": "x"}),
        "from_file" => json!({"seed_file": "names.csv", "seed_column": "name"}),
        "from_choices" => json!({"choices": ["a", "b", {"value": "c", "weight": 3}]}),
        "partial" => json!({"unmasked_from_right": 4}),
        "replace_regex" => json!({"regex": "[0-9]+", "masks": [{"type": "imitate"}]}),
        "take_substring" => json!({"start_index": 2, "end_index": 9}),
        // Masks of their own that cost next to nothing, so that what is measured is theirs.
        "chain" | "concat" => json!({"masks": [
            {"type": "take_substring", "start_index": 2, "end_index": 9},
            {"type": "do_nothing"},
        ]}),
        "do_nothing" | "hash" | "imitate" | "retain_year" | "suppress" => json!({}),
        _ => return None,
    })
}

/// The mask with arguments and a column that it takes.
fn prepared(spec: &MaskSpec, null_every: usize) -> Option<(ColumnMask, ArrayRef)> {
    let example = spec.examples.first()?;
    let (args, values) = match arguments(spec.name) {
        Some(args) => {
            let data_type = match spec.name {
                "retain_year" => DataType::Date32,
                _ => DataType::Utf8View,
            };
            (args, column(&data_type, null_every))
        }
        None => {
            let value = |row: usize| match null_every > 0 && row.is_multiple_of(null_every) {
                true => None,
                false => example.value,
            };
            let values: StringViewArray = (0..ROWS).map(value).collect();
            let args = serde_json::from_str(example.args).ok()?;
            (args, Arc::new(values) as ArrayRef)
        }
    };
    let mask = bound(spec.name, &args, values.data_type())?;
    Some((mask, values))
}

fn masks(criterion: &mut Criterion) {
    let numbers: ArrayRef = Arc::new((0..ROWS as u64).collect::<UInt64Array>());
    for spec in MASKS {
        let mut group = criterion.benchmark_group(spec.name);
        group.throughput(Throughput::Elements(ROWS as u64));
        for (name, null_every) in [("no nulls", 0), ("nulls", 10)] {
            let (mask, values) = prepared(spec, null_every)
                .unwrap_or_else(|| panic!("{}: its first example does not bind", spec.name));
            let inputs: Vec<ArrayRef> = mask
                .arguments()
                .iter()
                .map(|argument| match argument {
                    Argument::Place | Argument::Number => Arc::clone(&numbers),
                    _ => Arc::clone(&values),
                })
                .collect();
            group.bench_function(format!("rebuild, {name}"), |b| {
                b.iter(|| rebuild(black_box(&values)))
            });
            group.bench_function(format!("mask, {name}"), |b| {
                b.iter(|| {
                    mask.apply(black_box(&values), &inputs)
                        .expect("the values fit")
                });
            });
        }
        group.finish();
    }
}

/// The column copied value by value: what any mask costs at least.
fn rebuild(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Date32 => {
            let mut builder = Date32Builder::with_capacity(values.len());
            values
                .as_primitive::<Date32Type>()
                .iter()
                .for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = StringViewBuilder::with_capacity(values.len());
            values
                .as_string_view()
                .iter()
                .for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
    }
}

criterion_group!(benches, masks);
criterion_main!(benches);
