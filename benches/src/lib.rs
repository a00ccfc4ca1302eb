//! Columns to measure masks on.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringViewArray};
use arrow::datatypes::DataType;
use serde_json::Value;
use visard_udfs::{
    ColumnMask, ColumnRule, DrawBy, HashColumn, MaskNode, PlaceUnit, Root, SeedFiles, SeedTable,
    shipped,
};

// The allocator of the `visard` binary, for both sides of every ratio.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows in a batch, as in a run.
pub const ROWS: usize = 8192;

/// A column of `data_type` (text or dates), every `null_every`-th value null; none for zero.
pub fn column(data_type: &DataType, null_every: usize) -> ArrayRef {
    let is_null = |row: usize| null_every > 0 && row.is_multiple_of(null_every);
    match data_type {
        DataType::Date32 => Arc::new(
            (0..ROWS as i32)
                .map(|row| (!is_null(row as usize)).then_some(row % 20_000))
                .collect::<Date32Array>(),
        ),
        _ => Arc::new(
            (0..ROWS)
                .map(|row| {
                    (!is_null(row))
                        .then(|| format!("user{:07}@example.com", row * 7919 % 9_999_991))
                })
                .collect::<StringViewArray>(),
        ),
    }
}

/// The mask `name` as a run binds it, on a column of `data_type` whose own value is hashed. `None` where
/// it does not take the arguments or the type.
pub fn bound(name: &str, args: &Value, data_type: &DataType) -> Option<ColumnMask> {
    let root = Root::new(b"golden run secret 0123456789", None);
    let rule = ColumnRule {
        path: "c".to_owned(),
        masks: vec![MaskNode {
            kind: name.to_owned(),
            domain: None,
            args: args.as_object().cloned().unwrap_or_default(),
        }],
        draw_by: DrawBy::Columns(vec![HashColumn {
            column: "c".to_owned(),
            ..HashColumn::default()
        }]),
        chooses: None,
        conditional: false,
        // Only these ask for more than the values and what they draw from.
        places: ["from_unique", "secure_shuffle"]
            .contains(&name)
            .then_some(PlaceUnit::Row),
        first: true,
    };
    ColumnMask::bind(&rule, data_type, &root, &Names).ok()
}

/// A seed file of a thousand names, and those that ship.
struct Names;

impl SeedFiles for Names {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        let text = match shipped(name) {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => (0..1000).fold("name\n".to_owned(), |text, row| {
                text + &format!("Name{row}\n")
            }),
        };
        let mut lines = text
            .lines()
            .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        Ok(Arc::new(SeedTable {
            columns: lines.next().unwrap_or_default(),
            rows: lines.collect(),
        }))
    }

    fn bytes(&self, _: &str, _: usize) -> Result<Vec<u8>, String> {
        Ok(b"the same document for every row".to_vec())
    }
}
