//! What of a footer's notes enters the new file: key-value pairs by allow-list, sorting columns only
//! while they still hold, statistics only where their meaning does not hang on who wrote them.
//!
//! Writers keep anything in key-value pairs: bounding boxes, histograms, sample rows. A pair that is
//! not known to describe types alone is dropped, and its key reported.
//!
//! A masked column is no longer a dictionary (a pandas categorical) to who reads by these notes: its
//! values may be more than the index type counts, and its categories are in no order.

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::{encode_arrow_schema, parquet_to_arrow_schema};
use parquet::basic::{ConvertedType, Type as Physical};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, KeyValue, ParquetMetaData, SortingColumn,
};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;
use serde_json::{Value, json};

const ARROW_SCHEMA: &str = "ARROW:schema";
const PANDAS: &str = "pandas";
const SPARK_SCHEMA: &str = "org.apache.spark.sql.parquet.row.metadata";

/// Keys whose values describe types, or how dates and times are to be read, and nothing else.
const PLAIN_KEYS: [&str; 15] = [
    "org.apache.spark.version",
    "org.apache.spark.timeZone",
    "org.apache.spark.legacyDateTime",
    "org.apache.spark.legacyINT96",
    "parquet.avro.schema",
    "avro.schema",
    "parquet.proto.class",
    "parquet.proto.descriptor",
    "parquet.thrift.class",
    "parquet.thrift.descriptor",
    "iceberg.schema",
    "writer.model.name",
    "writer.date.proleptic",
    "writer.time.zone",
    "writer.zone.conversion.legacy",
];

/// The pairs to keep where the `masked` leaves are written anew, and the keys of those to drop.
pub(super) fn key_values(file: &FileMetaData, masked: &[usize]) -> (Vec<KeyValue>, Vec<String>) {
    let (mut kept, mut dropped) = (vec![], vec![]);
    for pair in file.key_value_metadata().into_iter().flatten() {
        match kept_value(pair, file.schema_descr(), masked) {
            Some(value) => kept.push(KeyValue {
                key: pair.key.clone(),
                value,
            }),
            None => dropped.push(pair.key.clone()),
        }
    }
    (kept, dropped)
}

/// The value that stays under the pair's key; `None` to drop the pair.
fn kept_value(
    pair: &KeyValue,
    schema: &SchemaDescriptor,
    masked: &[usize],
) -> Option<Option<String>> {
    let Some(value) = &pair.value else {
        return Some(None).filter(|_| is_known(&pair.key));
    };
    match pair.key.as_str() {
        ARROW_SCHEMA => arrow_schema(pair, schema, masked).map(Some),
        PANDAS => pandas(value, schema, masked).map(Some),
        SPARK_SCHEMA => spark(value).map(Some),
        key => is_known(key).then(|| Some(value.clone())),
    }
}

fn is_known(key: &str) -> bool {
    PLAIN_KEYS.contains(&key) || [ARROW_SCHEMA, PANDAS, SPARK_SCHEMA].contains(&key)
}

/// The embedded Arrow schema, as it is where it holds types alone that still fit, else encoded anew.
fn arrow_schema(pair: &KeyValue, schema: &SchemaDescriptor, masked: &[usize]) -> Option<String> {
    let read = parquet_to_arrow_schema(schema, Some(&vec![pair.clone()])).ok()?;
    let embedded: Vec<_> = read
        .metadata()
        .iter()
        .filter(|(key, _)| *key != ARROW_SCHEMA)
        .collect();
    let mut next = 0;
    let fields: Vec<FieldRef> = read
        .fields()
        .iter()
        .map(|field| without_notes(field, masked, &mut next).into())
        .collect();
    if embedded.is_empty() && fields == read.fields().to_vec() {
        return pair.value.clone();
    }
    let known = |(key, value): (&String, &String)| match key.as_str() {
        PANDAS => Some((key.clone(), pandas(value, schema, masked)?)),
        key => PLAIN_KEYS
            .contains(&key)
            .then(|| (key.to_owned(), value.clone())),
    };
    let metadata = embedded.into_iter().filter_map(known).collect();
    Some(encode_arrow_schema(&Schema::new_with_metadata(
        fields, metadata,
    )))
}

/// `field` with only the metadata that belongs to its type, and no dictionary at a masked leaf.
fn without_notes(field: &Field, masked: &[usize], next: &mut usize) -> Field {
    let metadata = field
        .metadata()
        .iter()
        .filter(|(key, _)| *key == "PARQUET:field_id" || key.starts_with("ARROW:extension:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut child = |child: &FieldRef| without_notes(child, masked, next).into();
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(child).collect()),
        DataType::List(item) => DataType::List(child(item)),
        DataType::LargeList(item) => DataType::LargeList(child(item)),
        DataType::ListView(item) => DataType::ListView(child(item)),
        DataType::LargeListView(item) => DataType::LargeListView(child(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(child(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(child(entries), *sorted),
        leaf => {
            *next += 1;
            match leaf {
                DataType::Dictionary(_, value) if masked.contains(&(*next - 1)) => {
                    value.as_ref().clone()
                }
                other => other.clone(),
            }
        }
    };
    field
        .clone()
        .with_data_type(data_type)
        .with_metadata(metadata)
}

/// Column types without the user's own attributes, and no categories in masked columns.
fn pandas(value: &str, schema: &SchemaDescriptor, masked: &[usize]) -> Option<String> {
    const KEPT: [&str; 6] = [
        "index_columns",
        "column_indexes",
        "columns",
        "partition_columns",
        "creator",
        "pandas_version",
    ];
    let Ok(Value::Object(mut notes)) = serde_json::from_str(value) else {
        return None;
    };
    let before = notes.len();
    notes.retain(|key, _| KEPT.contains(&key.as_str()));
    let mut changed = notes.len() < before;
    let columns = notes.get_mut("columns").and_then(Value::as_array_mut);
    for column in columns.into_iter().flatten() {
        changed |= forget_categories(column, schema, masked);
    }
    if !changed {
        return Some(value.to_owned());
    }
    serde_json::to_string(&notes).ok()
}

/// Describes a masked categorical column by its values' type, as readers find it now.
fn forget_categories(column: &mut Value, schema: &SchemaDescriptor, masked: &[usize]) -> bool {
    let name = column.get("field_name").filter(|name| !name.is_null());
    let name = name.or_else(|| column.get("name")).and_then(Value::as_str);
    let leaf = masked.iter().map(|leaf| schema.column(*leaf)).find(|leaf| {
        let path = leaf.path().parts();
        path.len() == 1 && path.first().map(String::as_str) == name
    });
    let (Some(leaf), true) = (leaf, column["pandas_type"] == "categorical") else {
        return false;
    };
    let (pandas_type, numpy_type) = match (leaf.physical_type(), leaf.converted_type()) {
        (_, ConvertedType::UTF8) => ("unicode", "object"),
        (Physical::BYTE_ARRAY, ConvertedType::NONE) => ("bytes", "object"),
        (Physical::INT64, ConvertedType::NONE) => ("int64", "int64"),
        (Physical::DOUBLE, _) => ("float64", "float64"),
        _ => ("object", "object"),
    };
    column["pandas_type"] = json!(pandas_type);
    column["numpy_type"] = json!(numpy_type);
    column["metadata"] = Value::Null;
    true
}

/// The schema without column notes: machine learning keeps category values there.
fn spark(value: &str) -> Option<String> {
    let mut schema = serde_json::from_str(value).ok()?;
    if forget_notes(&mut schema) {
        serde_json::to_string(&schema).ok()
    } else {
        Some(value.into())
    }
}

fn forget_notes(value: &mut Value) -> bool {
    match value {
        Value::Object(object) => {
            let mut forgot = false;
            for (key, value) in object.iter_mut() {
                forgot |= match value {
                    Value::Object(notes) if key == "metadata" => {
                        let before = notes.len();
                        notes.retain(|key, _| key == "__CHAR_VARCHAR_TYPE_STRING");
                        notes.len() < before
                    }
                    other => forget_notes(other),
                };
            }
            forgot
        }
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |forgot, value| forget_notes(value) | forgot),
        _ => false,
    }
}

/// How every row group is sorted, if all are sorted the same way by columns that stay as they are.
pub(super) fn sorting_columns(
    metadata: &ParquetMetaData,
    masked: &[usize],
) -> Option<Vec<SortingColumn>> {
    let mut groups = metadata
        .row_groups()
        .iter()
        .map(|group| group.sorting_columns());
    let first = groups.next()??;
    let same = groups.all(|sorting| sorting == Some(first));
    let holds = first
        .iter()
        .all(|column| !masked.contains(&(column.column_idx as usize)));
    (same && holds).then(|| first.clone())
}

/// `column` without minimum and maximum where readers doubt them unless they know the writer.
pub(super) fn trusted(column: &ColumnChunkMetaData, file: &FileMetaData) -> ColumnChunkMetaData {
    let Some(old) = column
        .statistics()
        .filter(|old| old.min_bytes_opt().is_some())
    else {
        return column.clone();
    };
    if !old.is_min_max_deprecated() && file.column_orders().is_some() {
        return column.clone();
    }
    let (distinct, nulls) = (old.distinct_count_opt(), old.null_count_opt());
    let counts = match column.column_type() {
        Physical::BYTE_ARRAY => Statistics::byte_array(None, None, distinct, nulls, false),
        Physical::FIXED_LEN_BYTE_ARRAY => {
            Statistics::fixed_len_byte_array(None, None, distinct, nulls, false)
        }
        Physical::INT96 => Statistics::int96(None, None, distinct, nulls, false),
        _ => return column.clone(),
    };
    let builder = column.clone().into_builder().set_statistics(counts);
    builder
        .build()
        .expect("a chunk stays whole with other statistics")
}

/// Whether parts of the file are encrypted while its footer is not: field 8 of the footer tells.
/// A footer that cannot be followed is left to the decoder.
pub(super) fn is_encrypted(footer: &[u8]) -> bool {
    const ENCRYPTION_ALGORITHM: i64 = 8;
    let mut thrift = Thrift(footer);
    thrift.find_field(ENCRYPTION_ALGORITHM).unwrap_or(false)
}

/// Just enough of Thrift's compact protocol to step over fields.
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    const DEEPEST: usize = 32;

    fn find_field(&mut self, wanted: i64) -> Option<bool> {
        let mut id = 0;
        loop {
            let (kind, delta) = self.field()?;
            if kind == 0 {
                return Some(false);
            }
            id = delta.map_or_else(|| self.zigzag(), |delta| Some(id + delta))?;
            if id == wanted {
                return Some(true);
            }
            self.skip(kind, false, 0)?;
        }
    }

    fn field(&mut self) -> Option<(u8, Option<i64>)> {
        let head = self.byte()?;
        let delta = i64::from(head >> 4);
        Some((head & 15, Some(delta).filter(|delta| *delta != 0)))
    }

    fn skip(&mut self, kind: u8, in_list: bool, depth: usize) -> Option<()> {
        if depth > Self::DEEPEST {
            return None;
        }
        match kind {
            1 | 2 if in_list => self.bytes(1),
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let length = self.varint()?;
                self.bytes(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let head = self.byte()?;
                let size = match head >> 4 {
                    15 => self.varint()?,
                    size => u64::from(size),
                };
                (0..size).try_for_each(|_| self.skip(head & 15, true, depth + 1))
            }
            12 => loop {
                let (kind, delta) = self.field()?;
                if kind == 0 {
                    return Some(());
                }
                if delta.is_none() {
                    self.varint()?;
                }
                self.skip(kind, false, depth + 1)?;
            },
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use parquet::arrow::ArrowSchemaConverter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Leaf numbers are those of the Parquet schema: 0, 1 inside a struct, 2 inside a list, and so on.
    fn categories(masked: &[usize]) -> Schema {
        let plan = |leaf: usize| match masked.contains(&leaf) {
            true => DataType::Utf8,
            false => DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        };
        let inner = vec![
            Field::new("zip", DataType::Int32, true),
            Field::new("plan", plan(2), true),
        ];
        Schema::new(vec![
            Field::new("plan", plan(0), true),
            Field::new("inner", DataType::Struct(inner.into()), true),
            Field::new_list("plans", Field::new("element", plan(3), true), true),
        ])
    }

    #[test]
    fn masked_categories() {
        let old = categories(&[]);
        let schema = ArrowSchemaConverter::new().convert(&old).unwrap();
        let pair = |value: String| KeyValue::new(ARROW_SCHEMA.to_owned(), value);
        let embedded = pair(encode_arrow_schema(&old));
        for masked in [&[][..], &[0], &[2], &[3], &[1], &[0, 1, 2, 3]] {
            let kept = arrow_schema(&embedded, &schema, masked).unwrap();
            let read = parquet_to_arrow_schema(&schema, Some(&vec![pair(kept)])).unwrap();
            assert_eq!(read.fields(), categories(masked).fields(), "{masked:?}");
        }
        let notes = |plan: &str| {
            let other =
                r#"{"name":"other","pandas_type":"categorical","metadata":{"ordered":true}}"#;
            let plan = format!(r#"{{"name":"plan",{plan}}}"#);
            serde_json::from_str::<Value>(&format!(r#"{{"columns":[{plan},{other}]}}"#)).unwrap()
        };
        let old = notes(
            r#""pandas_type":"categorical","numpy_type":"int8","metadata":{"num_categories":3}"#,
        );
        let new = notes(r#""pandas_type":"unicode","numpy_type":"object","metadata":null"#);
        for (masked, expected) in [(&[][..], &old), (&[2, 3], &old), (&[0], &new)] {
            let kept = pandas(&old.to_string(), &schema, masked).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), *expected);
        }
    }

    #[test]
    fn notes() {
        let plain = r#"{"index_columns":[],"columns":[]}"#;
        let schema = SchemaDescriptor::new(parse_message_type("message m {}").unwrap().into());
        for (value, kept) in [
            (plain, Some(plain)),
            (
                r#"{"columns":[],"attributes":{"best customer":"Ann"}}"#,
                Some(r#"{"columns":[]}"#),
            ),
            ("Ann", None),
        ] {
            assert_eq!(pandas(value, &schema, &[]).as_deref(), kept, "{value}");
        }
        let field = |notes: &str| format!(r#"{{"fields":[{{"name":"a","metadata":{notes}}}]}}"#);
        for (notes, kept) in [
            ("{}", "{}"),
            (r#"{"ml_attr":{"vals":["Ann"]}}"#, "{}"),
            (
                r#"{"__CHAR_VARCHAR_TYPE_STRING":"varchar(9)"}"#,
                r#"{"__CHAR_VARCHAR_TYPE_STRING":"varchar(9)"}"#,
            ),
        ] {
            assert_eq!(spark(&field(notes)), Some(field(kept)));
        }
    }

    #[test]
    fn encryption() {
        // version = 1, schema = [], field 8 = a struct; then the same without it.
        for (footer, encrypted) in [
            (&[0x15, 2, 0x19, 0x0c, 0x6c, 0, 0][..], true),
            (&[0x15, 2, 0x19, 0x0c, 0x28, 1, b'x', 0][..], false),
            (&[0x15, 2, 0x0c, 16, 0, 0][..], true),
            (&[0xff, 0xff][..], false),
        ] {
            assert_eq!(is_encrypted(footer), encrypted, "{footer:?}");
        }
    }
}
