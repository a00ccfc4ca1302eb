//! Runs a group without a plan.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, MapArray, RecordBatch, StringViewArray,
    StructArray,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType,
};
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use tempfile::TempDir;

use super::super::{FormatError, ParquetGroup, ParquetOptions, inspect};
use crate::format::{FileUnit, Group};
use crate::store::{ConnectionConfig, MountedShare, Store};
use crate::unit::Source;

pub(super) struct Place {
    folder: TempDir,
    pub(super) source: Store,
    target: Store,
}

impl Place {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = async |name: &str| {
            let base_directory = folder.path().join(name);
            std::fs::create_dir(&base_directory).unwrap();
            let config = ConnectionConfig::MountedShare(MountedShare { base_directory });
            Store::open(name, &config).await.unwrap()
        };
        let (source, target) = (store("in").await, store("out").await);
        Self {
            source,
            target,
            folder,
        }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) async fn group(
        &self,
        file: &[u8],
        (typed, masked): (&[&str], &[&str]),
        options: ParquetOptions,
    ) -> Result<ParquetGroup, FormatError> {
        std::fs::write(self.path("in/a.parquet"), file).unwrap();
        let object = self.source.head("a.parquet").await.unwrap().unwrap();
        let shape = inspect(&self.source, &object).await?;
        let unit = FileUnit {
            object,
            source: self.source.clone(),
            target: self.target.clone(),
            numbers: None,
        };
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| name.to_string())
                .collect::<Vec<_>>()
        };
        ParquetGroup::new(vec![(unit, shape)], &names(typed), &names(masked), options)
    }

    pub(super) fn left_over(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("out")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

pub(super) fn options() -> ParquetOptions {
    ParquetOptions {
        batch_rows: 33,
        read_ahead: 300,
        ..ParquetOptions::default()
    }
}

pub(super) type Change = fn(&ArrayRef) -> ArrayRef;

/// What a plan would hand to the sink.
pub(super) fn changed(
    group: &ParquetGroup,
    slice: usize,
    part: usize,
    change: Change,
) -> SendableRecordBatchStream {
    let schema = group.schema_of(part);
    let source = Source::schema(group);
    let index = |field: &Arc<Field>| source.index_of(field.name()).unwrap();
    let projection: Vec<_> = schema.fields().iter().map(index).collect();
    let rows = group.open(slice, &projection).unwrap();
    let out = Arc::clone(&schema);
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let columns = batch.columns().iter().map(change).collect();
        let options =
            arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&out),
            columns,
            &options,
        )?)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

pub(super) async fn run(place: &Place, group: &ParquetGroup, change: Change) -> Result<Bytes> {
    let parts = 0..group.part_count();
    let slices = group.slices_of(0).flat_map(|slice| {
        let write = move |part| group.write(slice, part, changed(group, slice, part, change));
        parts.clone().map(write)
    });
    // The last slice is polled first, so that it has to wait.
    let slices: Vec<_> = slices.collect();
    let written = futures::future::try_join_all(slices.into_iter().rev()).await?;
    let rows: u64 = written.iter().map(|receipt| receipt.rows).sum();
    assert_eq!(rows, group.rows(), "every row is counted once");
    let staged = group.finish(0).await?;
    assert!(!place.path("out/a.parquet").exists());
    staged.commit().await?;
    Ok(std::fs::read(place.path("out/a.parquet")).unwrap().into())
}

pub(super) async fn mask(file: &[u8], masked: &[&str], options: ParquetOptions) -> Result<Bytes> {
    let place = Place::new().await;
    let group = place.group(file, (&[], masked), options).await?;
    run(&place, &group, other).await
}

/// The same nesting, nulls and map keys with other values.
pub(super) fn other(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(other).collect();
            Arc::new(StructArray::new(
                fields.clone(),
                columns,
                array.nulls().cloned(),
            ))
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = other(list.values());
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::new(Arc::clone(item), offsets, values, nulls))
        }
        DataType::Map(field, sorted) => {
            let map = array.as_map();
            let DataType::Struct(sides) = map.entries().data_type().clone() else {
                panic!()
            };
            let columns = vec![Arc::clone(map.keys()), other(map.values())];
            let entries = StructArray::new(sides, columns, None);
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::new(
                Arc::clone(field),
                offsets,
                entries,
                nulls,
                *sorted,
            ))
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            let other = |text: &str| format!("masked {} and long", text.len());
            Arc::new(StringViewArray::from_iter(
                texts.iter().map(|text| text.map(other)),
            ))
        }
        DataType::Boolean => {
            let flags = array.as_boolean().iter().map(|flag| flag.map(|flag| !flag));
            Arc::new(flags.collect::<BooleanArray>())
        }
        DataType::Int16 => {
            let values = array.as_primitive::<arrow::datatypes::Int16Type>();
            Arc::new(values.unary::<_, arrow::datatypes::Int16Type>(|value| value + 1))
        }
        DataType::Int32 => Arc::new(
            array
                .as_primitive::<Int32Type>()
                .unary::<_, Int32Type>(|value| value + 1),
        ),
        DataType::Int64 => Arc::new(
            array
                .as_primitive::<Int64Type>()
                .unary::<_, Int64Type>(|value| value + 1),
        ),
        DataType::Float64 => Arc::new(
            array
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|v| v + 0.5),
        ),
        DataType::Decimal128(..) => {
            let values = array.as_primitive::<Decimal128Type>();
            let values = values.unary::<_, Decimal128Type>(|value| value - 200);
            Arc::new(values.with_data_type(array.data_type().clone()))
        }
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            Arc::new(times.unary::<_, TimestampMicrosecondType>(|time| time + 1_000_001))
        }
        DataType::Timestamp(..) => {
            let times = array.as_primitive::<TimestampMillisecondType>();
            Arc::new(times.unary::<_, TimestampMillisecondType>(|time| time + 1001))
        }
        other => panic!("{other}"),
    }
}
