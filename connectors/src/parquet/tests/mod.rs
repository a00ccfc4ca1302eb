//! Whole files through a group: what was not named stays byte for byte, what was is made anew.

mod compare;
mod run;
mod sources;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use parquet::basic::Compression;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{ParquetOptions, inspect};
use crate::format::Group;
use crate::unit::Source;

use compare::*;
use run::*;
use sources::*;

const MASKED: [&[&str]; 5] = [
    &["name"],
    &["address.city"],
    &["tags", "amount", "flag"],
    &["marks.value", "id", "big", "small", "at", "score"],
    &["none", "address.zip"],
];

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_and_page_layout() {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ];
    for (number, codec) in codecs.into_iter().enumerate() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let bare = number % 2 == 1;
            let mut properties = WriterProperties::builder()
                .set_compression(codec)
                .set_writer_version(version)
                .set_data_page_row_count_limit(30)
                .set_write_batch_size(10)
                .set_dictionary_enabled(number % 3 != 1)
                .set_bloom_filter_enabled(number % 3 == 0);
            if bare {
                properties = properties
                    .set_offset_index_disabled(true)
                    .set_statistics_enabled(EnabledStatistics::Chunk);
            }
            let old = Bytes::from(people(properties));
            let masked = MASKED[number % MASKED.len()];
            let name = format!("{codec} {version:?}");
            let new = mask(&old, masked, options()).await.unwrap();
            compare(&name, &old, &new, masked);
            compare_values(&name, &old, &new, masked).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_column() {
    let old = Bytes::from(people(WriterProperties::builder()));
    for masked in MASKED {
        let name = format!("{masked:?}");
        let new = mask(&old, masked, options()).await.unwrap();
        compare(&name, &old, &new, masked);
        compare_values(&name, &old, &new, masked).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_types() {
    let old = Bytes::from(legacy());
    for masked in [
        &["seen", "visit.at"][..],
        &["price"],
        &["sum"],
        &["prices"],
        &["old", "id"],
        &["seen", "sum", "price", "old"],
    ] {
        let name = format!("{masked:?}");
        let new = mask(&old, masked, options()).await.unwrap();
        compare_values(&name, &old, &new, masked).await;
        let (before, after) = (footer(&old), footer(&new));
        assert_eq!(
            before.file_metadata().schema(),
            after.file_metadata().schema()
        );
        for leaf in 0..7 {
            let path = before.row_group(1).column(leaf).column_path().string();
            let same = chunk(&old, &before, 1, leaf) == chunk(&new, &after, 1, leaf);
            assert_eq!(same, !is_under(&path, masked), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_masked_column_stays() {
    let properties = WriterProperties::builder()
        .set_bloom_filter_enabled(true)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 1,
            descending: false,
            nulls_first: false,
        }]))
        .set_key_value_metadata(Some(vec![
            KeyValue::new("sample".to_owned(), "SECRET-1".to_owned()),
            KeyValue::new("org.apache.spark.version".to_owned(), "3.5.0".to_owned()),
        ]));
    let old = Bytes::from(people(properties));
    assert!(contains(&old, "SECRET-1"));
    let place = Place::new().await;
    let masked = &["name", "address.city", "tags"];
    let group = place.group(&old, (&[], masked), options()).await.unwrap();
    let object = place.source.head("a.parquet").await.unwrap().unwrap();
    let shape = inspect(&place.source, &object).await.unwrap();
    assert_eq!(
        (shape.rows(), shape.dropped_keys),
        (250, vec!["sample".to_owned()])
    );
    let new = run(&place, &group, other).await.unwrap();
    assert!(!contains(&new, "SECRET"));
    let after = footer(&new);
    assert!(after.row_group(0).sorting_columns().is_none());
    let file = after.file_metadata();
    assert!(file.created_by().unwrap().starts_with("visard version "));
    let keys = file
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|pair| pair.key.as_str());
    assert_eq!(
        keys.collect::<Vec<_>>(),
        ["org.apache.spark.version", "ARROW:schema"]
    );
    let filter = Sbbf::read_from_column_chunk(after.row_group(0).column(1), &new)
        .unwrap()
        .unwrap();
    assert!(!filter.check("SECRET-1") && filter.check("masked 8 and long"));
}

#[tokio::test(flavor = "multi_thread")]
async fn same_bytes_however_it_is_cut() {
    let old = people(WriterProperties::builder());
    let masked = ["name", "address.city", "marks"];
    let plain = mask(&old, &masked, ParquetOptions::default())
        .await
        .unwrap();
    for options in [
        options(),
        ParquetOptions {
            spill_above: 0,
            ..options()
        },
        ParquetOptions {
            batch_rows: 1,
            read_ahead: 1,
            ..ParquetOptions::default()
        },
    ] {
        assert_eq!(mask(&old, &masked, options).await.unwrap(), plain);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn same_bytes_column_by_column() {
    let old = people(WriterProperties::builder());
    let masked = ["name", "address.city", "marks"];
    let plain = mask(&old, &masked, ParquetOptions::default())
        .await
        .unwrap();
    for (limit, parts) in [(u64::MAX, 1), (0, 3)] {
        let place = Place::new().await;
        let group = place.group(&old, (&["id"], &masked), options()).await;
        let group = group.unwrap().in_parts(limit, &|_| vec!["id".to_owned()]);
        assert_eq!(group.part_count(), parts);
        assert_eq!(run(&place, &group, other).await.unwrap(), plain, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_fails_the_unit() {
    let place = Place::new().await;
    let old = people(WriterProperties::builder());
    let group = place
        .group(&old, (&[], &["name", "marks"]), options())
        .await;
    let group = group.unwrap().in_parts(0, &|_| vec![]);
    let first = group.write(0, 0, changed(&group, 0, 0, other));
    assert_eq!(first.await.unwrap().rows, 0);
    // The other part never comes to its end.
    drop(group.write(0, 1, changed(&group, 0, 1, other)));
    assert!(group.finish(0).await.is_err());
    assert!(place.left_over().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_rows() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
    ]));
    let no_groups = write_arrow(&RecordBatch::new_empty(schema), WriterProperties::new());
    let mut empty_group = vec![];
    let message = "message m { required int64 id; optional binary name (UTF8); }";
    let message = Arc::new(parse_message_type(message).unwrap());
    let mut file = SerializedFileWriter::new(&mut empty_group, message, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    while let Some(column) = group.next_column().unwrap() {
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    for (file, groups) in [(no_groups, 0), (empty_group, 1)] {
        for masked in [&["name"][..], &["id", "name"], &[]] {
            let place = Place::new().await;
            let group = place
                .group(&file, (&["id"], masked), options())
                .await
                .unwrap();
            assert_eq!(group.slices_of(0), 0..1);
            let new = run(&place, &group, other).await.unwrap();
            let after = footer(&new);
            assert_eq!(
                (after.num_row_groups(), after.file_metadata().num_rows()),
                (groups, 0)
            );
            assert_eq!(read(&new, &[0, 1]).num_rows(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_asked_for_is_read() {
    let file = people(WriterProperties::builder());
    let place = Place::new().await;
    let names = (&["address.zip", "id"][..], &["address.city"][..]);
    let group = place.group(&file, names, options()).await.unwrap();
    let schema = Source::schema(&group);
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(fields, ["address", "id", "__path", "__row"]);
    assert_eq!(group.schema_of(0).fields().len(), 1);
    let DataType::Struct(children) = schema.field(0).data_type() else {
        panic!()
    };
    assert_eq!(children.len(), 2);
    // Place columns alone need no decoding, and may come in any order.
    let rows: Vec<_> = group.open(2, &[3, 2]).unwrap().try_collect().await.unwrap();
    assert_eq!(
        rows.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
        [33, 17]
    );
    let numbers = rows[1]
        .column(0)
        .as_primitive::<arrow::datatypes::UInt64Type>();
    assert_eq!(numbers.value(0), 233);
    let none: Vec<_> = group.open(0, &[]).unwrap().try_collect().await.unwrap();
    assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), 100);
    // The leaf that was read for a mask but not masked stays as it was.
    let new = run(&place, &group, other).await.unwrap();
    compare("zip", &Bytes::from(file), &new, &["address.city"]);
}

fn stream(schema: &SchemaRef, batches: Vec<Result<RecordBatch>>) -> SendableRecordBatchStream {
    let batches = futures::stream::iter(batches);
    Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), batches))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_fails_fails_the_unit() {
    let file = people(WriterProperties::builder());
    let batch = |schema: &SchemaRef, column: ArrayRef| {
        let field = schema.field(0).clone().with_nullable(true);
        let field = field.with_data_type(column.data_type().clone());
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap()
    };
    let numbers = |rows: i64| Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
    let broken = || Err(DataFusionError::Execution("broken".to_owned()));
    for (wanted, make) in [
        (
            "required",
            &(|s: &SchemaRef| vec![Ok(batch(s, new_null_array(&DataType::Int64, 100)))])
                as &dyn Fn(&SchemaRef) -> Vec<Result<RecordBatch>>,
        ),
        ("99 arrived", &|s| vec![Ok(batch(s, numbers(99)))]),
        ("101 arrived", &|s| {
            vec![Ok(batch(s, numbers(100))), Ok(batch(s, numbers(1)))]
        }),
        ("another type", &|s| {
            vec![Ok(batch(s, Arc::new(StringArray::from(vec!["1"; 100]))))]
        }),
        ("broken", &|s| vec![Ok(batch(s, numbers(100))), broken()]),
        ("0 arrived", &|_| vec![]),
    ] {
        let place = Place::new().await;
        let group = place.group(&file, (&[], &["id"]), options()).await.unwrap();
        let schema = group.schema_of(0);
        // The first slice lands, the second fails, the third waits for it.
        let first = group.write(0, 0, changed(&group, 0, 0, other)).await;
        assert_eq!(first.unwrap().rows, 100);
        let second = group.write(1, 0, stream(&schema, make(&schema)));
        let third = group.write(2, 0, changed(&group, 2, 0, other));
        let (second, third) = futures::future::join(second, third).await;
        let message = second.unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
        assert!(third.unwrap_err().to_string().contains("given up"));
        assert!(group.finish(0).await.is_err());
        assert_eq!(place.left_over(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_is_aborted_leaves_nothing() {
    let file = people(WriterProperties::builder());
    let place = Place::new().await;
    let group = place.group(&file, (&[], &["id"]), options()).await.unwrap();
    group
        .write(0, 0, changed(&group, 0, 0, other))
        .await
        .unwrap();
    let waiting = tokio::spawn(group.write(2, 0, changed(&group, 2, 0, other)));
    assert!(group.finish(0).await.is_err());
    group.abort(0);
    assert!(waiting.await.unwrap().is_err());
    assert_eq!(place.left_over(), [""; 0]);
    // A slice whose future is dropped does not leave the others waiting.
    let group = place.group(&file, (&[], &["id"]), options()).await.unwrap();
    drop(group.write(0, 0, changed(&group, 0, 0, other)));
    assert!(
        group
            .write(1, 0, changed(&group, 1, 0, other))
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_fails_the_unit() {
    let file = people(WriterProperties::builder());
    let place = Place::new().await;
    let group = place.group(&file, (&[], &["id"]), options()).await.unwrap();
    for slice in 0..3 {
        group
            .write(slice, 0, changed(&group, slice, 0, other))
            .await
            .unwrap();
    }
    std::fs::write(place.path("in/a.parquet"), &file[..file.len() - 1]).unwrap();
    assert!(group.finish(0).await.is_err());
    assert_eq!(place.left_over(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused() {
    let people = people(WriterProperties::builder());
    let encrypted = [&people[..people.len() - 4], b"PARE"].concat();
    for (file, masked, wanted) in [
        (&people[..], &["nobody"][..], "no column `nobody`"),
        (&people, &["addres"], "no column `addres`"),
        (&encrypted, &["id"], "encrypted"),
        (&people[..people.len() - 9], &["id"], "damaged"),
        (&people[people.len() / 2..], &["id"], "damaged"),
        (b"PAR1PAR1", &["id"], "damaged"),
        (b"", &["id"], "damaged"),
    ] {
        let place = Place::new().await;
        let refused = place
            .group(file, (&[], masked), options())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains(wanted) && refused.contains("a.parquet"),
            "{refused}"
        );
    }
    // Bytes that are wrong inside a page are found when they are read.
    let place = Place::new().await;
    let mut torn = people.clone();
    let end = footer(&Bytes::from(people))
        .row_group(0)
        .column(1)
        .byte_range();
    torn[end.0 as usize..][..end.1 as usize].fill(0xa5);
    let group = place
        .group(&torn, (&[], &["name"]), options())
        .await
        .unwrap();
    let torn = group
        .write(0, 0, changed(&group, 0, 0, other))
        .await
        .unwrap_err()
        .to_string();
    assert!(torn.contains("damaged"), "{torn}");
    assert_eq!(place.left_over(), [""; 0]);
    assert!(Path::new(&place.path("in/a.parquet")).exists());
}
