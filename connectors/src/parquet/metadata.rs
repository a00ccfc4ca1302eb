//! What of a footer's notes enters the new file: key-value pairs by allow-list, sorting columns only
//! while they still hold, statistics only where their meaning does not hang on who wrote them.
//!
//! Writers keep anything in key-value pairs: bounding boxes, histograms, sample rows. A pair that is
//! not known to describe types alone is dropped, and its key reported.

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::{encode_arrow_schema, parquet_to_arrow_schema};
use parquet::basic::Type as Physical;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, KeyValue, ParquetMetaData, SortingColumn,
};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;
use serde_json::Value;

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

/// The pairs to keep, and the keys of those to drop.
pub(super) fn key_values(file: &FileMetaData) -> (Vec<KeyValue>, Vec<String>) {
    let (mut kept, mut dropped) = (vec![], vec![]);
    for pair in file.key_value_metadata().into_iter().flatten() {
        match kept_value(pair, file.schema_descr()) {
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
fn kept_value(pair: &KeyValue, schema: &SchemaDescriptor) -> Option<Option<String>> {
    let Some(value) = &pair.value else {
        return Some(None).filter(|_| is_known(&pair.key));
    };
    match pair.key.as_str() {
        ARROW_SCHEMA => arrow_schema(pair, schema).map(Some),
        PANDAS => pandas(value).map(Some),
        SPARK_SCHEMA => spark(value).map(Some),
        key => is_known(key).then(|| Some(value.clone())),
    }
}

fn is_known(key: &str) -> bool {
    PLAIN_KEYS.contains(&key) || [ARROW_SCHEMA, PANDAS, SPARK_SCHEMA].contains(&key)
}

/// The embedded Arrow schema, as it is where it holds types alone, else encoded anew without notes.
fn arrow_schema(pair: &KeyValue, schema: &SchemaDescriptor) -> Option<String> {
    let read = parquet_to_arrow_schema(schema, Some(&vec![pair.clone()])).ok()?;
    let embedded: Vec<_> = read
        .metadata()
        .iter()
        .filter(|(key, _)| *key != ARROW_SCHEMA)
        .collect();
    let fields: Vec<FieldRef> = read
        .fields()
        .iter()
        .map(|field| without_notes(field).into())
        .collect();
    if embedded.is_empty() && fields == read.fields().to_vec() {
        return pair.value.clone();
    }
    let known = |(key, value): (&String, &String)| match key.as_str() {
        PANDAS => Some((key.clone(), pandas(value)?)),
        key => PLAIN_KEYS
            .contains(&key)
            .then(|| (key.to_owned(), value.clone())),
    };
    let metadata = embedded.into_iter().filter_map(known).collect();
    Some(encode_arrow_schema(&Schema::new_with_metadata(
        fields, metadata,
    )))
}

/// `field` with only the metadata that belongs to its type.
fn without_notes(field: &Field) -> Field {
    let metadata = field
        .metadata()
        .iter()
        .filter(|(key, _)| *key == "PARQUET:field_id" || key.starts_with("ARROW:extension:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let child = |child: &FieldRef| without_notes(child).into();
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(child).collect()),
        DataType::List(item) => DataType::List(child(item)),
        DataType::LargeList(item) => DataType::LargeList(child(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(child(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(child(entries), *sorted),
        other => other.clone(),
    };
    field
        .clone()
        .with_data_type(data_type)
        .with_metadata(metadata)
}

/// Column types without the user's own attributes.
fn pandas(value: &str) -> Option<String> {
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
    if notes.keys().all(|key| KEPT.contains(&key.as_str())) {
        return Some(value.to_owned());
    }
    notes.retain(|key, _| KEPT.contains(&key.as_str()));
    serde_json::to_string(&notes).ok()
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
    use super::*;

    #[test]
    fn notes() {
        let plain = r#"{"index_columns":[],"columns":[]}"#;
        for (value, kept) in [
            (plain, Some(plain)),
            (
                r#"{"columns":[],"attributes":{"best customer":"Ann"}}"#,
                Some(r#"{"columns":[]}"#),
            ),
            ("Ann", None),
        ] {
            assert_eq!(pandas(value).as_deref(), kept, "{value}");
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
