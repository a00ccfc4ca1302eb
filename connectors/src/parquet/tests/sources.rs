//! Files to mask.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Builder, Int64Array, ListBuilder,
    MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray, TimestampMillisecondArray,
    new_null_array,
};
use arrow::datatypes::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type as PhysicalInt32,
    Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const ROWS: usize = 250;

/// A file of 250 rows in row groups of 100, with nested, decimal and required columns.
pub(super) fn people(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let rows = 0..ROWS as i64;
    let some = |row: &i64| row % 7 != 0;
    let secret = |row: i64| format!("SECRET-{}", row % 40);
    let city = StringArray::from_iter(rows.clone().map(|row| some(&row).then(|| secret(row))));
    let zip = StringArray::from_iter_values(rows.clone().map(|row| format!("{row:05}")));
    let address = StructArray::new(
        Fields::from(vec![
            Field::new("city", DataType::Utf8, true),
            Field::new("zip", DataType::Utf8, false),
        ]),
        vec![Arc::new(city.clone()), Arc::new(zip)],
        Some(
            rows.clone()
                .map(|row| row % 5 != 0)
                .collect::<Vec<_>>()
                .into(),
        ),
    );
    let mut tags = ListBuilder::new(StringBuilder::new());
    let mut marks = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in rows.clone() {
        for tag in 0..row % 4 {
            tags.values()
                .append_option((tag != 1).then(|| secret(row + tag)));
            marks.keys().append_value(format!("k{tag}"));
            marks
                .values()
                .append_option((tag != 2).then_some(row as i32));
        }
        tags.append(row % 6 != 0);
        marks.append(row % 9 != 0).unwrap();
    }
    let decimal = |scale: i8, precision: u8| {
        let values = rows
            .clone()
            .map(|row| some(&row).then_some(row as i128 * 1001 - 90_000));
        let array = Decimal128Array::from_iter(values);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
    };
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        (
            "id",
            Arc::new(Int64Array::from_iter_values(rows.clone())),
            false,
        ),
        ("name", Arc::new(city), true),
        ("address", Arc::new(address), true),
        ("tags", Arc::new(tags.finish()), true),
        ("marks", Arc::new(marks.finish()), true),
        ("small", decimal(2, 9), true),
        ("amount", decimal(2, 18), true),
        ("big", decimal(10, 38), true),
        (
            "score",
            Arc::new(Float64Array::from_iter_values(
                rows.clone().map(|r| r as f64),
            )),
            true,
        ),
        (
            "flag",
            Arc::new(BooleanArray::from_iter(
                rows.clone().map(|r| Some(r % 3 == 0)),
            )),
            true,
        ),
        (
            "at",
            Arc::new(TimestampMillisecondArray::from_iter_values(rows.clone())),
            true,
        ),
        ("none", new_null_array(&DataType::Utf8, ROWS), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = properties.set_max_row_group_row_count(Some(100)).build();
    write_arrow(&batch, properties)
}

pub(super) fn write_arrow(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = vec![];
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// What only older writers make: INT96, decimals in byte arrays and in longer ones than needed.
pub(super) fn legacy() -> Vec<u8> {
    let schema = "message m {
        required int32 id (INTEGER(16, true));
        optional int96 seen;
        optional group visit { optional int96 at; }
        optional binary price (DECIMAL(12, 2));
        optional fixed_len_byte_array(16) sum (DECIMAL(10, 2));
        optional group prices (LIST) { repeated group list {
            optional binary element (DECIMAL(30, 2)); } }
        repeated binary old (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = vec![];
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let times: Vec<_> = [2_440_588, 2_488_070, 5_373_484]
        .map(|day| {
            let mut time = Int96::new();
            time.set_data(5_000, 1, day);
            time
        })
        .into();
    let decimals: Vec<_> = [-1_i128, 300, 99_999].map(i128::to_be_bytes).into();
    for _ in 0..2 {
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<PhysicalInt32>()
            .write_batch(&[1, 2, 3, 4], None, None)
            .unwrap();
        column.close().unwrap();
        for levels in [[1, 0, 1, 1], [0, 2, 2, 2]] {
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<Int96Type>()
                .write_batch(&times, Some(&levels), None)
                .unwrap();
            column.close().unwrap();
        }
        let short: Vec<ByteArray> = decimals.iter().map(|d| d[13..].to_vec().into()).collect();
        let long: Vec<FixedLenByteArray> = decimals
            .iter()
            .map(|d| ByteArray::from(d.to_vec()).into())
            .collect();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&short, Some(&[1, 1, 0, 1]), None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<FixedLenByteArrayType>();
        typed.write_batch(&long, Some(&[0, 1, 1, 1]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let (def, rep) = ([3, 3, 2, 0, 1, 3], [0, 1, 1, 0, 0, 0]);
        column
            .typed::<ByteArrayType>()
            .write_batch(&short, Some(&def), Some(&rep))
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let texts: Vec<ByteArray> = ["SECRET-1", "SECRET-2", "SECRET-3"].map(Into::into).into();
        let (def, rep) = ([1, 1, 0, 1, 0], [0, 1, 0, 0, 0]);
        column
            .typed::<ByteArrayType>()
            .write_batch(&texts, Some(&def), Some(&rep))
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    file.close().unwrap();
    bytes
}
