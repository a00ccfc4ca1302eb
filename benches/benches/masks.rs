//! Every mask at 8,192 rows, with nulls and without, beside rebuilding the column through its builder.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Builder, StringViewBuilder};
use arrow::datatypes::{DataType, Date32Type};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use visard_benches::{ROWS, column};
use visard_udfs::{
    ColumnMask, ColumnRule, DrawBy, HashColumn, MASKS, MaskNode, Root, SeedFiles, SeedTable,
};

/// A seed file of a thousand names.
struct Names;

impl SeedFiles for Names {
    fn table(&self, _: &str) -> Result<Arc<SeedTable>, String> {
        let rows = (0..1000).map(|row| vec![format!("Name{row}")]).collect();
        Ok(Arc::new(SeedTable {
            columns: vec!["name".to_owned()],
            rows,
        }))
    }
}

/// Arguments for the masks that need some.
fn arguments(mask: &str) -> serde_json::Value {
    match mask {
        "from_fixed" => json!({"value": "x"}),
        "from_file" => json!({"seed_file": "names.csv", "seed_column": "name"}),
        "from_choices" => json!({"choices": ["a", "b", {"value": "c", "weight": 3}]}),
        "partial" => json!({"unmasked_from_right": 4}),
        "replace_regex" => json!({"regex": "[0-9]+", "masks": [{"type": "imitate"}]}),
        "take_substring" => json!({"start_index": 2, "end_index": 9}),
        "chain" | "concat" => json!({"masks": [{"type": "imitate"}, {"type": "do_nothing"}]}),
        _ => json!({}),
    }
}

fn masks(criterion: &mut Criterion) {
    let root = Root::new(b"golden run secret 0123456789", None);
    for spec in MASKS {
        let mut group = criterion.benchmark_group(spec.name);
        group.throughput(Throughput::Elements(ROWS as u64));
        let data_type = if spec.name == "retain_year" {
            DataType::Date32
        } else {
            DataType::Utf8View
        };
        let args = arguments(spec.name)
            .as_object()
            .cloned()
            .unwrap_or_default();
        let rule = ColumnRule {
            path: "c".to_owned(),
            masks: vec![MaskNode {
                kind: spec.name.to_owned(),
                domain: None,
                args,
            }],
            draw_by: DrawBy::Columns(vec![HashColumn {
                column: "c".to_owned(),
                ..HashColumn::default()
            }]),
            chooses: None,
            conditional: false,
            places: None,
            first: true,
        };
        let mask = ColumnMask::bind(&rule, &data_type, &root, &Names).expect("the arguments fit");
        for (name, null_every) in [("no nulls", 0), ("nulls", 10)] {
            let values = column(&data_type, null_every);
            let inputs: Vec<ArrayRef> = mask
                .arguments()
                .iter()
                .map(|_| Arc::clone(&values))
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
