//! A file's columns: root columns as Arrow fields, and the leaves that Parquet stores.
//!
//! Types come from the Parquet schema alone, never from an embedded Arrow schema, so that a column
//! reads the same whoever wrote the file. Text is `Utf8View`. INT96 is a timestamp in microseconds
//! without time zone: nanoseconds would overflow in 1677 and 2262, and year 9999 is a common
//! sentinel; digits below a microsecond are cut off where such a column is masked.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

/// The columns of a file. Files with equal ones may share one `Arc` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSchema {
    /// The root columns in file order, without metadata.
    pub fields: SchemaRef,
    /// The leaves in file order, which is depth first.
    pub leaves: Vec<Leaf>,
}

/// One leaf: what Parquet stores as a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Names from root to leaf joined by dots, as in the Parquet schema: `address.city`,
    /// `tags.list.element`, `marks.key_value.value`.
    pub path: String,
    /// The same without the groups that only make up lists and maps: `address.city`, `tags`,
    /// `marks.value`.
    pub name: String,
    /// Number of the root column it belongs to.
    pub root: usize,
    /// Its Arrow type.
    pub data_type: DataType,
    /// How Parquet stores it.
    pub physical: Physical,
    /// Bytes of a fixed-length value, else -1 or 0.
    pub type_length: i32,
    /// Optional and repeated nodes from root to leaf: 0 when nothing on the way can be null.
    pub max_def_level: i16,
    /// Repeated nodes from root to leaf: 0 when it has one value in a row.
    pub max_rep_level: i16,
    /// Whether the leaf itself may be null.
    pub nullable: bool,
    refusal: Option<&'static str>,
    /// Text that the decoder takes for granted, though it only looks at columns marked UTF8.
    pub(super) unchecked_text: bool,
}

impl Leaf {
    /// Whether a mask may rewrite it; if not, why, as the end of a sentence about the column.
    ///
    /// # Errors
    /// INT96 inside lists and maps, INTERVAL, columns without a type, and nesting that Arrow cannot
    /// give back as it was.
    pub fn maskable(&self) -> Result<(), &'static str> {
        self.refusal.map_or(Ok(()), Err)
    }
}

impl FileSchema {
    pub(super) fn try_new(schema: &SchemaDescriptor) -> Result<Self> {
        let natural = parquet_to_arrow_schema(schema, None)?;
        let mut next = 0;
        let fields: Fields = natural
            .fields()
            .iter()
            .map(|field| adapt(field, schema, &mut next))
            .collect();
        let mut levels = Vec::with_capacity(next);
        for field in &fields {
            leaf_levels(field, field.name().clone(), 0, 0, &mut levels);
        }
        if levels.len() != schema.num_columns() {
            return Err(ParquetError::NYI(
                "a column without an Arrow type".to_owned(),
            ));
        }
        let leaves = levels
            .into_iter()
            .zip(schema.columns())
            .enumerate()
            .map(|(index, (levels, column))| {
                leaf(schema.get_column_root_idx(index), levels, column)
            })
            .collect();
        Ok(Self {
            fields: Arc::new(Schema::new(fields)),
            leaves,
        })
    }

    /// The leaves with that name or path, or lying under the group that has it.
    pub fn leaves_of(&self, name: &str) -> Vec<usize> {
        let under = |path: &str| {
            path.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let fits = |leaf: &Leaf| {
            leaf.path == name || leaf.name == name || under(&leaf.path) || under(&leaf.name)
        };
        (0..self.leaves.len())
            .filter(|index| fits(&self.leaves[*index]))
            .collect()
    }

    /// Adds what a decoder needs beside `keep`: a map is read with both its sides.
    pub(super) fn close(&self, keep: &mut [bool]) {
        let mut next = 0;
        for field in self.fields.fields() {
            close_maps(field.data_type(), &mut next, keep);
        }
    }

    /// Root columns with only the kept leaves; `None` for a root that has none.
    pub(super) fn pruned(&self, keep: &[bool]) -> Vec<Option<FieldRef>> {
        let mut next = 0;
        self.fields
            .fields()
            .iter()
            .map(|field| prune(field, &mut next, keep))
            .collect()
    }
}

fn leaf(root: usize, levels: Levels, column: &ColumnDescriptor) -> Leaf {
    let Levels {
        name,
        data_type,
        def,
        rep,
    } = levels;
    let physical = column.physical_type();
    let refusal = if (def, rep) != (column.max_def_level(), column.max_rep_level()) {
        Some("is nested in a way that cannot be written back")
    } else {
        match (&data_type, physical) {
            (_, Physical::INT96) if rep > 0 => Some("holds INT96 timestamps in a list or map"),
            (DataType::Interval(_), _) => Some("holds INTERVAL values"),
            (DataType::Null, _) => Some("has no type"),
            _ => None,
        }
    };
    Leaf {
        path: column.path().string(),
        name,
        root,
        unchecked_text: data_type == DataType::Utf8View
            && column.converted_type() != ConvertedType::UTF8,
        data_type,
        physical,
        type_length: column.type_length(),
        max_def_level: column.max_def_level(),
        max_rep_level: column.max_rep_level(),
        nullable: column.self_type().get_basic_info().repetition() == Repetition::OPTIONAL,
        refusal,
    }
}

/// `field` without metadata, its leaves as the types that masks know.
fn adapt(field: &Field, schema: &SchemaDescriptor, next: &mut usize) -> Field {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|child| adapt(child, schema, next))
                .collect(),
        ),
        DataType::List(item) => DataType::List(Arc::new(adapt(item, schema, next))),
        DataType::Map(entries, sorted) => {
            DataType::Map(Arc::new(adapt(entries, schema, next)), *sorted)
        }
        leaf => {
            let column = schema.columns().get(*next);
            *next += 1;
            match (leaf, column.map(|column| column.physical_type())) {
                (_, Some(Physical::INT96)) => DataType::Timestamp(TimeUnit::Microsecond, None),
                (DataType::Utf8, _) => DataType::Utf8View,
                // An ENUM is text by definition.
                (DataType::Binary, _) if column.is_some_and(|column| is_enum(column)) => {
                    DataType::Utf8View
                }
                (leaf, _) => leaf.clone(),
            }
        }
    };
    Field::new(field.name(), data_type, field.is_nullable())
}

fn is_enum(column: &ColumnDescriptor) -> bool {
    matches!(column.logical_type_ref(), Some(LogicalType::Enum))
        || column.converted_type() == ConvertedType::ENUM
}

/// A leaf as Arrow sees it, with the levels at which the Arrow encoder will write it.
struct Levels {
    name: String,
    data_type: DataType,
    def: i16,
    rep: i16,
}

fn leaf_levels(field: &Field, name: String, def: i16, rep: i16, out: &mut Vec<Levels>) {
    let def = def + i16::from(field.is_nullable());
    match field.data_type() {
        DataType::Struct(fields) => {
            for child in fields {
                leaf_levels(child, format!("{name}.{}", child.name()), def, rep, out);
            }
        }
        DataType::List(item) => leaf_levels(item, name, def + 1, rep + 1, out),
        DataType::Map(entries, _) => {
            let DataType::Struct(sides) = entries.data_type() else {
                return;
            };
            for (side, label) in sides.iter().zip(["key", "value"]) {
                leaf_levels(side, format!("{name}.{label}"), def + 1, rep + 1, out);
            }
        }
        leaf => out.push(Levels {
            name,
            data_type: leaf.clone(),
            def,
            rep,
        }),
    }
}

fn close_maps(data_type: &DataType, next: &mut usize, keep: &mut [bool]) {
    match data_type {
        DataType::Struct(fields) => {
            fields
                .iter()
                .for_each(|child| close_maps(child.data_type(), next, keep));
        }
        DataType::List(item) => close_maps(item.data_type(), next, keep),
        DataType::Map(entries, _) => {
            let first = *next;
            let mut sides = vec![];
            if let DataType::Struct(fields) = entries.data_type() {
                for side in fields {
                    let start = *next;
                    close_maps(side.data_type(), next, keep);
                    sides.push(start..*next);
                }
            }
            if keep[first..*next].contains(&true) {
                for side in sides {
                    if !keep[side.clone()].contains(&true) {
                        keep[side].fill(true);
                    }
                }
            }
        }
        _ => *next += 1,
    }
}

fn prune(field: &FieldRef, next: &mut usize, keep: &[bool]) -> Option<FieldRef> {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => {
            let kept: Vec<_> = fields
                .iter()
                .filter_map(|child| prune(child, next, keep))
                .collect();
            DataType::Struct(Some(kept).filter(|kept| !kept.is_empty())?.into())
        }
        DataType::List(item) => DataType::List(prune(item, next, keep)?),
        DataType::Map(entries, sorted) => DataType::Map(prune(entries, next, keep)?, *sorted),
        leaf => {
            *next += 1;
            keep[*next - 1].then(|| leaf.clone())?
        }
    };
    Some(Arc::new(field.as_ref().clone().with_data_type(data_type)))
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;

    use super::*;

    const MESSAGE: &str = "message m {
        required int64 id;
        optional binary name (UTF8);
        optional group address { optional binary city (UTF8); required binary zip (UTF8); }
        optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
        optional group m (MAP) { repeated group key_value {
            required binary key (UTF8); optional int32 value; } }
        repeated int32 old;
        optional int96 at;
        optional group times (LIST) { repeated group list { optional int96 element; } }
        optional group hive (MAP) { repeated group key_value {
            optional binary key (UTF8); optional int32 value; } }
        optional binary kind (ENUM);
    }";

    fn schema() -> FileSchema {
        let message = parse_message_type(MESSAGE).unwrap();
        FileSchema::try_new(&SchemaDescriptor::new(Arc::new(message))).unwrap()
    }

    #[test]
    fn maskable_leaves() {
        for leaf in &schema().leaves {
            let refused = matches!(
                leaf.path.as_str(),
                "times.list.element" | "hive.key_value.key"
            );
            assert_eq!(leaf.maskable().is_err(), refused, "{leaf:?}");
        }
    }

    #[test]
    fn types() {
        let schema = schema();
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (path, data_type) in [
            ("id", &DataType::Int64),
            ("at", &micros),
            ("kind", &DataType::Utf8View),
        ] {
            let leaf = schema.leaves.iter().find(|leaf| leaf.path == path).unwrap();
            assert_eq!(&leaf.data_type, data_type, "{path}");
        }
    }

    #[test]
    fn pruning() {
        let schema = schema();
        for (name, expected) in [
            ("address.city", "Struct(\"city\": Utf8View)"),
            (
                "address",
                "Struct(\"city\": Utf8View, \"zip\": non-null Utf8View)",
            ),
            ("tags", "List(Utf8View, field: 'element')"),
            ("tags.list.element", "List(Utf8View, field: 'element')"),
            (
                "m.value",
                "Map(\"key_value\": non-null Struct(\"key\": non-null Utf8View, \"value\": \
                 Int32), unsorted)",
            ),
        ] {
            let mut keep = vec![false; schema.leaves.len()];
            schema
                .leaves_of(name)
                .into_iter()
                .for_each(|leaf| keep[leaf] = true);
            schema.close(&mut keep);
            let fields: Vec<_> = schema.pruned(&keep).into_iter().flatten().collect();
            assert_eq!(fields.len(), 1, "{name}");
            assert_eq!(fields[0].data_type().to_string(), expected, "{name}");
        }
    }
}
