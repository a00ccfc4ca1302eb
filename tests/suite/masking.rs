//! Masks on arrays, without files around them: what the tests of the mask catalogue share.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StringArray, StringViewArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::Value;
use visard_udfs::{
    Argument, ColumnMask, ColumnRule, DrawBy, HashColumn, MaskNode, PlaceUnit, Root, SeedFiles,
    SeedTable, shipped,
};

/// The run secret of every test here, so that none of them ends in another way than yesterday.
pub(crate) const RUN_SECRET: &str = "golden run secret 0123456789";

/// The shipped seed files; none of them quotes a field.
pub(crate) struct Shipped;

impl SeedFiles for Shipped {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        let bytes = shipped(name).ok_or("there is no such seed file")?;
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut records = text
            .lines()
            .map(|line| line.split(',').map(str::to_owned).collect());
        Ok(Arc::new(SeedTable {
            columns: records.next().unwrap_or_default(),
            rows: records.collect(),
        }))
    }

    fn bytes(&self, _: &str, _: usize) -> Result<Vec<u8>, String> {
        Ok(b"a stored file".to_vec())
    }
}

/// `mask`, written as JSON, for a column `c` that draws from `hash_columns`.
pub(crate) fn bound(mask: &str, column: &DataType, hash_columns: &[HashColumn]) -> ColumnMask {
    let node: MaskNode = serde_json::from_str(mask).expect(mask);
    let rule = ColumnRule {
        path: "c".to_owned(),
        masks: vec![node],
        draw_by: DrawBy::Columns(hash_columns.to_vec()),
        chooses: None,
        conditional: false,
        places: Some(PlaceUnit::Row),
        first: true,
    };
    ColumnMask::bind(
        &rule,
        column,
        &Root::new(RUN_SECRET.as_bytes(), None),
        &Shipped,
    )
    .unwrap_or_else(|error| {
        panic!("{mask}: {error}");
    })
}

/// Column `c` masked, drawing from `hash_columns`, which are `c` itself or the column `drawn`.
pub(crate) fn masked(
    mask: &str,
    values: &ArrayRef,
    hash_columns: &[HashColumn],
    drawn: &ArrayRef,
) -> ArrayRef {
    let mask = bound(mask, values.data_type(), hash_columns);
    let numbers: ArrayRef = Arc::new((0..values.len() as u64).collect::<UInt64Array>());
    let arguments = mask.arguments().iter().map(|argument| match argument {
        Argument::Place | Argument::Number => Arc::clone(&numbers),
        Argument::Shuffled => Arc::clone(values),
        Argument::Column(column) if column == "c" => Arc::clone(values),
        _ => Arc::clone(drawn),
    });
    let arguments: Vec<ArrayRef> = arguments.collect();
    let masked = mask.apply(values, &arguments);
    let masked = masked.unwrap_or_else(|error| panic!("{}: {error}", mask.label()));
    assert_eq!(masked.data_type(), values.data_type());
    masked
}

/// The hash column `name` as it is.
pub(crate) fn hash_column(name: &str) -> HashColumn {
    HashColumn {
        column: name.to_owned(),
        ..HashColumn::default()
    }
}

/// `values` masked, drawing from themselves.
pub(crate) fn by_itself(mask: &str, values: &ArrayRef) -> ArrayRef {
    masked(mask, values, &[hash_column("c")], values)
}

/// What becomes of one value, in so many rows that draw apart.
pub(crate) fn drawn(mask: &str, value: &ArrayRef, rows: usize) -> ArrayRef {
    let again = Int64Array::from(vec![0; rows]);
    let values = arrow::compute::take(value, &again, None).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    masked(mask, &values, &[hash_column("d")], &numbers)
}

/// As [`drawn`], for a text.
pub(crate) fn drawn_texts(mask: &str, value: &str, rows: usize) -> Vec<String> {
    let value: ArrayRef = Arc::new(StringArray::from(vec![value]));
    texts(&drawn(mask, &value, rows))
}

/// The values of an array without nulls as text.
pub(crate) fn texts(values: &ArrayRef) -> Vec<String> {
    assert_eq!(values.null_count(), 0);
    let texts: StringViewArray = cast(values, &DataType::Utf8View)
        .unwrap()
        .as_string_view()
        .clone();
    texts.iter().flatten().map(str::to_owned).collect()
}

/// So many rows, ten times as many with `tests/run --long`.
pub(crate) fn many() -> usize {
    match std::env::var_os("VISARD_TEST_LONG") {
        None => 100_000,
        Some(_) => 1_000_000,
    }
}

/// What the test vectors know of national identifiers.
fn known_ids() -> Vec<Value> {
    serde_json::from_str(include_str!("../../udfs/vectors/national_ids.json")).unwrap()
}

/// Every kind of national identifier.
pub(crate) fn kinds() -> Vec<String> {
    let codes = known_ids().into_iter().map(|entry| entry["code"].clone());
    codes
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

/// Valid numbers of a kind.
pub(crate) fn valid_ids(kind: &str) -> Vec<String> {
    let known = known_ids();
    let entry = known.iter().find(|entry| entry["code"] == kind).unwrap();
    let valid = entry["valid"].as_array().unwrap().iter();
    valid
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}
