//! What is written is read again, whatever the values and wherever the stream is cut; what is damaged
//! is refused.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int8Type};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const TYPES: [WireType; 22] = [
    WireType::Bool,
    WireType::Int2,
    WireType::Int4,
    WireType::Int8,
    WireType::Oid,
    WireType::Float4,
    WireType::Float8,
    WireType::Decimal {
        precision: 1,
        scale: 0,
    },
    WireType::Decimal {
        precision: 10,
        scale: 2,
    },
    WireType::Decimal {
        precision: 38,
        scale: 3,
    },
    WireType::Decimal {
        precision: 38,
        scale: 38,
    },
    WireType::Numeric,
    WireType::Text,
    WireType::Char,
    WireType::Jsonb,
    WireType::Uuid,
    WireType::Bytea,
    WireType::Date,
    WireType::Time,
    WireType::Timestamp,
    WireType::TimestampTz,
    WireType::Opaque,
];

fn columns(wires: &[WireType]) -> Vec<WireColumn> {
    let columns = wires.iter().enumerate().map(|(index, wire)| WireColumn {
        name: format!("c{index}"),
        wire: *wire,
    });
    columns.collect()
}

fn encoded(wires: &[WireType], batches: &[RecordBatch]) -> Result<Bytes, CopyError> {
    let mut encoder = CopyEncoder::new(columns(wires), &wire_schema(&columns(wires)))?;
    let mut out = BytesMut::new();
    encoder.header(&mut out);
    for batch in batches {
        encoder.encode(batch, &mut out)?;
    }
    encoder.trailer(&mut out);
    Ok(out.freeze())
}

fn decoded(
    wires: &[WireType],
    chunks: impl IntoIterator<Item = Bytes>,
    batch_rows: usize,
) -> Result<Vec<RecordBatch>, CopyError> {
    let mut decoder = CopyDecoder::new(columns(wires), batch_rows)?;
    let mut batches = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(batch) = decoder.next_batch()? {
            assert_eq!(batch.num_rows(), batch_rows);
            batches.push(batch);
        }
    }
    batches.extend(decoder.finish()?);
    Ok(batches)
}

/// A batch of one column and its marks, if it may have any.
fn batch_of(wire: WireType, values: ArrayRef, marks: &[Option<i8>]) -> RecordBatch {
    let mut arrays = vec![values];
    if wire.has_specials() {
        arrays.push(Arc::new(Int8Array::from(marks.to_vec())));
    }
    RecordBatch::try_new(Arc::new(wire_schema(&columns(&[wire]))), arrays).unwrap()
}

/// The stream of one row with one field.
fn stream_of(field: &[u8]) -> Bytes {
    let mut stream = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01".to_vec();
    stream.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
    stream.extend(field);
    stream.extend([0xff, 0xff]);
    Bytes::from(stream)
}

fn refused(wire: WireType, field: &[u8]) -> ValueProblem {
    match decoded(&[wire], [stream_of(field)], 10) {
        Err(CopyError::Value {
            column,
            row: 1,
            problem,
        }) if column == "c0" => problem,
        other => panic!("{wire:?}: {other:?}"),
    }
}

fn unwritable(wire: WireType, values: ArrayRef, marks: &[Option<i8>]) -> ValueProblem {
    match encoded(&[wire], &[batch_of(wire, values, marks)]) {
        Err(CopyError::Value {
            column, problem, ..
        }) if column == "c0" => problem,
        other => panic!("{wire:?}: {other:?}"),
    }
}

#[test]
fn fields_of_the_wrong_length() {
    for (wire, expected) in [
        (WireType::Bool, 1),
        (WireType::Int2, 2),
        (WireType::Int4, 4),
        (WireType::Int8, 8),
        (WireType::Oid, 4),
        (WireType::Float4, 4),
        (WireType::Float8, 8),
        (WireType::Char, 1),
        (WireType::Uuid, 16),
        (WireType::Date, 4),
        (WireType::Time, 8),
        (WireType::Timestamp, 8),
        (WireType::TimestampTz, 8),
    ] {
        for found in [0, expected - 1, expected + 1] {
            let problem = refused(wire, &vec![0; found]);
            assert_eq!(problem, ValueProblem::Width { expected, found }, "{wire:?}");
        }
    }
}

#[test]
fn fields_that_are_no_values() {
    for (wire, field, problem) in [
        (WireType::Bool, &[2][..], ValueProblem::Bool),
        (WireType::Text, b"\xff", ValueProblem::NotUtf8),
        (WireType::Jsonb, b"\x01\xff", ValueProblem::NotUtf8),
        (WireType::Jsonb, b"\x02{}", ValueProblem::JsonbVersion(2)),
        (WireType::Jsonb, b"", ValueProblem::Short { found: 0 }),
        (WireType::Numeric, &[0; 7], ValueProblem::Short { found: 7 }),
        (WireType::Time, &[0xff; 8], ValueProblem::Range("time")),
        (
            WireType::Date,
            &[0x7f, 0xff, 0xff, 0xfe],
            ValueProblem::Range("date"),
        ),
        (
            WireType::Timestamp,
            &9_222_425_352_054_775_808_i64.to_be_bytes(),
            ValueProblem::Range("timestamp"),
        ),
    ] {
        assert_eq!(refused(wire, field), problem, "{wire:?}");
    }
}

#[test]
fn values_that_are_no_fields() {
    let text = |text: &str| -> ArrayRef { Arc::new(StringViewArray::from(vec![text])) };
    let date = |days: Option<i32>| -> ArrayRef { Arc::new(Date32Array::from(vec![days])) };
    for (wire, values, mark, problem) in [
        (
            WireType::Numeric,
            text("1,5"),
            None,
            ValueProblem::NotNumber,
        ),
        (WireType::Uuid, text("1"), None, ValueProblem::NotUuid),
        (WireType::Char, text("ab"), None, ValueProblem::NotChar),
        (WireType::Char, text("é"), None, ValueProblem::NotChar),
        (WireType::Char, text("\\400"), None, ValueProblem::NotChar),
        (WireType::Text, text("a\0b"), None, ValueProblem::Nul),
        (
            WireType::Date,
            date(Some(i32::MAX)),
            None,
            ValueProblem::Range("date"),
        ),
        (WireType::Date, date(None), Some(2), ValueProblem::Mark(2)),
        (WireType::Date, date(None), Some(7), ValueProblem::Mark(7)),
    ] {
        assert_eq!(unwritable(wire, values, &[mark]), problem, "{wire:?}");
    }
}

#[test]
fn a_refused_batch_leaves_nothing() {
    let wire = WireType::Uuid;
    let values = ["a0eebc999c0b4ef8bb6d6bb9bd380a11", "no"];
    let batch = batch_of(
        wire,
        Arc::new(StringViewArray::from_iter_values(values)),
        &[],
    );
    let mut encoder = CopyEncoder::new(columns(&[wire]), &batch.schema()).unwrap();
    let mut out = BytesMut::from(&b"before"[..]);
    let error = encoder.encode(&batch, &mut out).unwrap_err();
    assert_eq!(out, b"before"[..]);
    assert_eq!(
        error.to_string(),
        "column `c0`, row 2 of the binary COPY: the text is no UUID"
    );
}

#[test]
fn special_values_are_marked_nulls() {
    let infinite = stream_of(&i32::MIN.to_be_bytes());
    let batch = decoded(&[WireType::Date], [infinite.clone()], 10)
        .unwrap()
        .remove(0);
    assert!(batch.column(0).is_null(0));
    assert_eq!(batch.column(1).as_primitive::<Int8Type>().value(0), -1);
    assert_eq!(encoded(&[WireType::Date], &[batch]).unwrap(), infinite);

    // A value that a mask has set wins, and without the hidden column a null is a null.
    let masked = batch_of(
        WireType::Date,
        Arc::new(Date32Array::from(vec![10_957])),
        &[Some(1)],
    );
    assert_eq!(
        encoded(&[WireType::Date], &[masked]).unwrap(),
        stream_of(&[0; 4])
    );
    let bare = batch_of(
        WireType::Date,
        Arc::new(Date32Array::from(vec![None])),
        &[Some(1)],
    );
    let bare = bare.project(&[0]).unwrap();
    let mut encoder = CopyEncoder::new(columns(&[WireType::Date]), &bare.schema()).unwrap();
    let mut out = BytesMut::new();
    encoder.encode(&bare, &mut out).unwrap();
    assert_eq!(out, b"\0\x01\xff\xff\xff\xff"[..]);
}

#[test]
fn schemas_that_do_not_fit() {
    let date = columns(&[WireType::Date]);
    let other = wire_schema(&columns(&[WireType::Text]));
    assert!(matches!(
        CopyEncoder::new(date.clone(), &other),
        Err(CopyError::ColumnType { column, .. }) if column == "c0"
    ));
    assert!(matches!(
        CopyEncoder::new(columns(&[WireType::Text, WireType::Date]), &other),
        Err(CopyError::NoColumn { column }) if column == "c1"
    ));
    let hidden = WireColumn {
        name: special_column("c0"),
        wire: WireType::Int2,
    };
    assert!(matches!(
        CopyDecoder::new([date, vec![hidden]].concat(), 10),
        Err(CopyError::DuplicateColumn { column }) if column == "__visard_special_c0"
    ));
}

#[test]
fn rows_without_columns() {
    let stream = Bytes::from_static(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff");
    let batches = decoded(&[], [stream.clone()], 10).unwrap();
    assert_eq!(batches[0].num_rows(), 2);
    assert_eq!(encoded(&[], &batches).unwrap(), stream);
}

#[test]
fn large_rows_close_a_batch() {
    let wire = WireType::Bytea;
    let large = vec![7; 3 << 20];
    let values = BinaryViewArray::from_iter_values([&large, &large, &large, &large]);
    let stream = encoded(&[wire], &[batch_of(wire, Arc::new(values), &[])]).unwrap();
    let mut decoder = CopyDecoder::new(columns(&[wire]), 1000).unwrap();
    decoder.push(stream);
    assert_eq!(decoder.next_batch().unwrap().unwrap().num_rows(), 3);
    assert!(decoder.next_batch().unwrap().is_none());
    assert_eq!(decoder.finish().unwrap().unwrap().num_rows(), 1);
}

/// A column of up to 40 rows, in the spelling that reading gives, with nulls and marks.
fn any_batch() -> impl Strategy<Value = (WireType, RecordBatch)> {
    (prop::sample::select(TYPES.to_vec()), 0..40_usize)
        .prop_flat_map(|(wire, rows)| (Just(wire), any_values(wire, rows), any_marks(wire, rows)))
        .prop_map(|(wire, values, mut marks)| {
            for (row, mark) in marks.iter_mut().enumerate() {
                if values.is_valid(row) {
                    *mark = None;
                }
            }
            (wire, batch_of(wire, values, &marks))
        })
}

fn any_marks(wire: WireType, rows: usize) -> BoxedStrategy<Vec<Option<i8>>> {
    let codes = match wire {
        WireType::Decimal { .. } => vec![-1, 1, 2],
        _ => vec![-1, 1],
    };
    prop::collection::vec(prop::option::of(prop::sample::select(codes)), rows).boxed()
}

fn any_values(wire: WireType, rows: usize) -> BoxedStrategy<ArrayRef> {
    /// An array of this kind from optional values that `$values` makes.
    macro_rules! array {
        ($array:ty, $values:expr) => {
            prop::collection::vec(prop::option::of($values), rows)
                .prop_map(|values| Arc::new(<$array>::from(values)) as ArrayRef)
                .boxed()
        };
    }
    const US: std::ops::Range<i64> = -210_866_803_200_000_000..i64::MAX;
    match wire {
        WireType::Bool => array!(BooleanArray, any::<bool>()),
        WireType::Int2 => array!(Int16Array, any::<i16>()),
        WireType::Int4 => array!(Int32Array, any::<i32>()),
        WireType::Int8 => array!(Int64Array, any::<i64>()),
        WireType::Oid => array!(UInt32Array, any::<u32>()),
        WireType::Float4 => array!(Float32Array, prop::num::f32::ANY),
        WireType::Float8 => array!(Float64Array, prop::num::f64::ANY),
        WireType::Decimal { precision, scale } => {
            // Few digits as often as many.
            let numbers = (0..=u32::from(precision)).prop_flat_map(|digits| {
                let end = 10_i128.pow(digits);
                1 - end..end
            });
            prop::collection::vec(prop::option::of(numbers), rows)
                .prop_map(move |values| {
                    let array = Decimal128Array::from(values);
                    Arc::new(array.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
                })
                .boxed()
        }
        WireType::Numeric => array!(
            StringViewArray,
            "(0|-?[1-9][0-9]{0,60})|-?(0|[1-9][0-9]{0,20})\\.[0-9]{0,20}[1-9]|0\\.0{1,9}|NaN|-?Infinity"
        ),
        WireType::Text | WireType::Jsonb => array!(StringViewArray, "[^\\x00]{0,40}"),
        WireType::Char => array!(StringViewArray, "[\\x01-\\x7f]?|\\\\[23][0-7]{2}"),
        WireType::Uuid => array!(
            StringViewArray,
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        ),
        WireType::Bytea | WireType::Opaque => {
            let bytes = prop::collection::vec(any::<u8>(), 0..40);
            prop::collection::vec(prop::option::of(bytes), rows)
                .prop_map(|values| Arc::new(BinaryViewArray::from_iter(values)) as ArrayRef)
                .boxed()
        }
        WireType::Date => array!(Date32Array, -2_440_588..2_145_042_906),
        WireType::Time => array!(Time64MicrosecondArray, 0..=86_400_000_000_i64),
        WireType::Timestamp => array!(TimestampMicrosecondArray, US),
        WireType::TimestampTz => prop::collection::vec(prop::option::of(US), rows)
            .prop_map(|values| {
                Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef
            })
            .boxed(),
    }
}

/// The stream in pieces.
fn cut(stream: &Bytes, places: &[Index]) -> Vec<Bytes> {
    let mut places: Vec<_> = places.iter().map(|at| at.index(stream.len() + 1)).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|cut| stream.slice(cut[0]..cut[1]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn written_is_read_again(
        (wire, batch) in any_batch(),
        places in prop::collection::vec(any::<Index>(), 0..20),
        batch_rows in 1..50_usize,
    ) {
        // Twice the column, so that one follows another in each row.
        let wires = [wire, wire];
        let schema = Arc::new(wire_schema(&columns(&wires)));
        let order = if wire.has_specials() { vec![0, 0, 1, 1] } else { vec![0, 0] };
        let arrays = order.iter().map(|index| Arc::clone(batch.column(*index))).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
        let stream = encoded(&wires, &[batch.slice(0, batch.num_rows() / 2), batch.slice(batch.num_rows() / 2, batch.num_rows().div_ceil(2))]).unwrap();
        let again = decoded(&wires, cut(&stream, &places), batch_rows).unwrap();
        let again = concat_batches(&schema, &again).unwrap();
        // By bytes, as NaN differs from itself; and by values.
        prop_assert_eq!(encoded(&wires, std::slice::from_ref(&again)).unwrap(), stream);
        if !matches!(wire, WireType::Float4 | WireType::Float8) {
            prop_assert_eq!(again, batch);
        }
    }

    #[test]
    fn damage_is_no_panic(
        (wire, batch) in any_batch(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        end in any::<Index>(),
        cut_short in any::<bool>(),
    ) {
        let mut stream = encoded(&[wire], &[batch]).unwrap().to_vec();
        for (at, byte) in changes {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        if cut_short {
            stream.truncate(end.index(stream.len() + 1));
        }
        if let Ok(batches) = decoded(&[wire], [Bytes::from(stream)], 10) {
            // Nor is writing it; damaged text may have a NUL.
            prop_assert!(encoded(&[wire], &batches).is_ok() || wire.data_type() == DataType::Utf8View);
        }
    }
}
