//! Compares a file with its masked copy.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use bytes::Bytes;
use datafusion::common::Result;
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::unit::Source;

use super::run::*;

pub(super) fn footer(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(file)
        .unwrap()
}

pub(super) fn chunk(file: &Bytes, footer: &ParquetMetaData, group: usize, leaf: usize) -> Bytes {
    let (start, length) = footer.row_group(group).column(leaf).byte_range();
    file.slice(start as usize..(start + length) as usize)
}

pub(super) fn read(file: &Bytes, leaves: &[usize]) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let mask =
        parquet::arrow::ProjectionMask::leaves(builder.parquet_schema(), leaves.iter().copied());
    let reader = builder.with_projection(mask).build().unwrap();
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    concat_batches(&schema, &reader.collect::<Result<Vec<_>, _>>().unwrap()).unwrap()
}

pub(super) fn is_under(path: &str, names: &[&str]) -> bool {
    // As the Arrow writer calls the parts of a map.
    let path = &path.replace(".entries.values", ".value");
    names
        .iter()
        .any(|name| path == *name || path.starts_with(&format!("{name}.")))
}

pub(super) fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// Untouched leaves are the same bytes with the same notes; masked ones are as the source's writer
/// would have made them.
pub(super) fn compare(name: &str, old: &Bytes, new: &Bytes, masked: &[&str]) {
    let (before, after) = (footer(old), footer(new));
    assert_eq!(
        before.file_metadata().schema(),
        after.file_metadata().schema(),
        "{name}"
    );
    assert_eq!(before.num_row_groups(), after.num_row_groups(), "{name}");
    assert_eq!(
        before.offset_index().is_some(),
        after.offset_index().is_some(),
        "{name}"
    );
    assert_eq!(
        before.file_metadata().version(),
        after.file_metadata().version(),
        "{name}"
    );
    let mut untouched = vec![];
    for (number, (a, b)) in before
        .row_groups()
        .iter()
        .zip(after.row_groups())
        .enumerate()
    {
        assert_eq!(a.num_rows(), b.num_rows(), "{name}");
        for (leaf, (a, b)) in a.columns().iter().zip(b.columns()).enumerate() {
            let path = a.column_path().string();
            let at = format!("{name}, row group {number}, {path}");
            assert_eq!(a.compression(), b.compression(), "{at}");
            assert_eq!(a.num_values(), b.num_values(), "{at}");
            let bloom = |file, column| Sbbf::read_from_column_chunk(column, file).unwrap();
            assert_eq!(bloom(old, a).is_some(), bloom(new, b).is_some(), "{at}");
            assert_eq!(
                a.column_index_length().is_some(),
                b.column_index_length().is_some(),
                "{at}"
            );
            let is_masked = is_under(&path, masked);
            if is_masked {
                let same = chunk(old, &before, number, leaf) == chunk(new, &after, number, leaf);
                assert!(!same || path == "none", "{at}");
                assert_eq!(
                    a.dictionary_page_offset().is_some(),
                    b.dictionary_page_offset().is_some(),
                    "{at}"
                );
                let min = |column: &parquet::file::metadata::ColumnChunkMetaData| {
                    column
                        .statistics()
                        .and_then(|s| s.min_bytes_opt().map(<[u8]>::to_vec))
                };
                let two_values = path == "flag";
                assert!(min(a).is_none() || min(a) != min(b) || two_values, "{at}");
                continue;
            }
            // The decoder cannot read one side of a map alone.
            if !path.starts_with("marks") {
                untouched.push(leaf);
            }
            assert_eq!(
                chunk(old, &before, number, leaf),
                chunk(new, &after, number, leaf),
                "{at}"
            );
            assert_eq!(a.statistics(), b.statistics(), "{at}");
            assert_eq!(a.encodings_mask(), b.encodings_mask(), "{at}");
            assert_eq!(
                a.unencoded_byte_array_data_bytes(),
                b.unencoded_byte_array_data_bytes()
            );
            let index =
                |footer: &ParquetMetaData| Some(footer.column_index()?[number][leaf].clone());
            assert_eq!(index(&before), index(&after), "{at}");
            let rows = |footer: &ParquetMetaData| {
                let pages = footer.offset_index()?[number][leaf].page_locations.iter();
                Some(pages.map(|page| page.first_row_index).collect::<Vec<_>>())
            };
            assert_eq!(rows(&before), rows(&after), "{at}");
        }
    }
    untouched.sort_unstable();
    untouched.dedup();
    assert_eq!(read(old, &untouched), read(new, &untouched), "{name}");
}

/// Masked values arrive as they were handed over.
pub(super) async fn compare_values(name: &str, old: &Bytes, new: &Bytes, masked: &[&str]) {
    let mut tables = vec![];
    for file in [old, new] {
        let place = Place::new().await;
        let group = place.group(file, (&[], masked), options()).await.unwrap();
        let roots: Vec<_> = (0..Source::schema(&group).fields().len()).collect();
        let mut batches = vec![];
        for slice in 0..group.slices() {
            batches.extend(
                group
                    .open(slice, &roots)
                    .unwrap()
                    .try_collect::<Vec<_>>()
                    .await
                    .unwrap(),
            );
        }
        tables.push(concat_batches(&Source::schema(&group), &batches).unwrap());
    }
    let last = tables[0].num_columns() - 2;
    for column in 0..tables[0].num_columns() {
        let expected = tables[0].column(column);
        let expected = if column < last {
            other(expected)
        } else {
            Arc::clone(expected)
        };
        assert_eq!(
            &expected,
            tables[1].column(column),
            "{name}, column {column}"
        );
    }
    let rows = tables[1]
        .column(last + 1)
        .as_primitive::<arrow::datatypes::UInt64Type>();
    assert!(
        rows.values()
            .iter()
            .copied()
            .eq(0..tables[1].num_rows() as u64),
        "{name}"
    );
}
