//! Leaves of nested columns: values are taken out by a dotted path, masked, and put back.
//!
//! A step names a struct's field, or `key` and `value` of a map. A list needs no step; Parquet's own
//! spelling of one (`phones.list.element`) is understood.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    StructArray, make_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef};

use crate::error::MaskError;
use crate::rows::row_numbers;

/// What masks all values of a leaf, given the row of each.
type MaskLeaves<'a> = dyn FnMut(ArrayRef, &[u32]) -> Result<ArrayRef, MaskError> + 'a;

/// The type of the leaf at `path` below a root column of type `root`; `None` when there is none.
pub fn leaf_type(root: &DataType, path: &str) -> Option<DataType> {
    let steps: Vec<&str> = path.split('.').skip(1).collect();
    leaf_type_at(root, &steps)
}

fn leaf_type_at(data_type: &DataType, steps: &[&str]) -> Option<DataType> {
    match data_type {
        DataType::Struct(fields) => {
            let (step, rest) = steps.split_first()?;
            let field = fields.iter().find(|field| field.name() == step)?;
            leaf_type_at(field.data_type(), rest)
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            leaf_type_at(item.data_type(), below_list(item, steps))
        }
        DataType::Map(entries, _) => leaf_type_at(entries.data_type(), below_map(steps)),
        leaf => Some(leaf.clone()),
    }
}

/// Whether only structs lie between a root column of type `root` and its leaf at `path`, so that a row
/// has one value of it at most.
pub(crate) fn is_one_a_row(root: &DataType, path: &str) -> bool {
    let leaf = path.split('.').skip(1).try_fold(root, |parent, step| {
        let DataType::Struct(fields) = parent else {
            return None;
        };
        let field = fields.iter().find(|field| field.name() == step)?;
        Some(field.data_type())
    });
    leaf.is_some_and(|leaf| !leaf.is_nested())
}

/// The leaf of `root` at `path`, where only structs lie between: one value a row.
///
/// # Errors
/// When the path leads through a list or map, or nowhere.
pub(crate) fn leaf_of_structs(root: &ArrayRef, path: &str) -> Result<ArrayRef, MaskError> {
    let mut leaf = Arc::clone(root);
    for step in path.split('.').skip(1) {
        let DataType::Struct(_) = leaf.data_type() else {
            break;
        };
        let parent = leaf.as_struct();
        let child = parent.column_by_name(step).ok_or_else(|| unfit(root))?;
        leaf = with_nulls_of(child, parent.nulls())?;
    }
    match leaf.data_type().is_nested() {
        true => Err(unfit(root)),
        false => Ok(leaf),
    }
}

/// `root` with its leaf at `path` replaced by what `mask` makes of all its values; `mask` also gets
/// the row each value belongs to.
///
/// # Errors
/// Of `mask`, or when the path leads nowhere.
pub(crate) fn map_leaf(
    root: &ArrayRef,
    path: &str,
    mask: &mut MaskLeaves<'_>,
) -> Result<ArrayRef, MaskError> {
    let steps: Vec<&str> = path.split('.').skip(1).collect();
    let rows: Vec<u32> = row_numbers(root).collect();
    map_at(root, &steps, &rows, mask)
}

fn map_at(
    array: &ArrayRef,
    steps: &[&str],
    rows: &[u32],
    mask: &mut MaskLeaves<'_>,
) -> Result<ArrayRef, MaskError> {
    match array.data_type() {
        DataType::Struct(fields) => {
            let (step, rest) = steps.split_first().ok_or_else(|| unfit(array))?;
            let at = fields
                .iter()
                .position(|field| field.name() == step)
                .ok_or_else(|| unfit(array))?;
            let (fields, mut columns, nulls) = array.as_struct().clone().into_parts();
            let child = with_nulls_of(&columns[at], nulls.as_ref())?;
            columns[at] = map_at(&child, rest, rows, mask)?;
            let masked = StructArray::try_new(fields, columns, nulls).map_err(|_| unfit(array))?;
            Ok(Arc::new(masked))
        }
        DataType::List(item) => {
            let (item, steps) = (Arc::clone(item), below_list(item, steps));
            map_list(array.as_list::<i32>(), item, steps, rows, mask)
        }
        DataType::LargeList(item) => {
            let (item, steps) = (Arc::clone(item), below_list(item, steps));
            map_list(array.as_list::<i64>(), item, steps, rows, mask)
        }
        DataType::FixedSizeList(item, size) => {
            let list = array.as_fixed_size_list();
            let steps = below_list(item, steps);
            let width = list.value_length() as usize;
            let rows: Vec<u32> = rows
                .iter()
                .flat_map(|&row| std::iter::repeat_n(row, width))
                .collect();
            let values = map_at(list.values(), steps, &rows, mask)?;
            let nulls = list.nulls().cloned();
            let masked = FixedSizeListArray::try_new(Arc::clone(item), *size, values, nulls)
                .map_err(|_| unfit(array))?;
            Ok(Arc::new(masked))
        }
        DataType::Map(entries, ordered) => {
            let map = array.as_map();
            let (start, end) = (map.offsets()[0] as usize, map.offsets()[map.len()] as usize);
            let rows = repeat(rows, map.offsets().lengths());
            let used: ArrayRef = Arc::new(map.entries().slice(start, end - start));
            let masked = map_at(&used, below_map(steps), &rows, mask)?;
            let offsets = rebased(map.offsets().lengths());
            let nulls = map.nulls().cloned();
            let masked = masked.as_struct().clone();
            let map = MapArray::try_new(Arc::clone(entries), offsets, masked, nulls, *ordered)
                .map_err(|_| unfit(array))?;
            Ok(Arc::new(map))
        }
        _ => mask(Arc::clone(array), rows),
    }
}

fn map_list<O: OffsetSizeTrait>(
    list: &GenericListArray<O>,
    item: FieldRef,
    steps: &[&str],
    rows: &[u32],
    mask: &mut MaskLeaves<'_>,
) -> Result<ArrayRef, MaskError> {
    let offsets = list.offsets();
    let (start, end) = (offsets[0].as_usize(), offsets[list.len()].as_usize());
    let rows = repeat(rows, offsets.lengths());
    let values = map_at(&list.values().slice(start, end - start), steps, &rows, mask)?;
    let masked = GenericListArray::<O>::try_new(
        item,
        rebased(offsets.lengths()),
        values,
        list.nulls().cloned(),
    )
    .map_err(|_| MaskError::Type {
        found: list.data_type().clone(),
    })?;
    Ok(Arc::new(masked))
}

fn repeat(rows: &[u32], lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    rows.iter()
        .zip(lengths)
        .flat_map(|(&row, length)| std::iter::repeat_n(row, length))
        .collect()
}

fn rebased<O: OffsetSizeTrait>(
    lengths: impl Iterator<Item = usize>,
) -> arrow::buffer::OffsetBuffer<O> {
    arrow::buffer::OffsetBuffer::from_lengths(lengths)
}

/// Steps below a list: its own `list.element` may be spelled out, unless what lies in it has a field
/// of that name.
fn below_list<'s, 'p>(item: &FieldRef, steps: &'s [&'p str]) -> &'s [&'p str] {
    if steps.first().is_some_and(|step| has_field(item, step)) {
        return steps;
    }
    let steps = steps.strip_prefix(&["list"]).unwrap_or(steps);
    match steps.split_first() {
        Some((step, rest)) if [item.name().as_str(), "element", "item"].contains(step) => rest,
        _ => steps,
    }
}

/// Whether the structs in a field, or in the lists it holds, have a field `name`.
fn has_field(field: &FieldRef, name: &str) -> bool {
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().any(|field| field.name() == name),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_field(item, name)
        }
        _ => false,
    }
}

/// Steps below a map: its own `key_value` may be spelled out.
fn below_map<'s, 'p>(steps: &'s [&'p str]) -> &'s [&'p str] {
    match steps.split_first() {
        Some((&("key_value" | "entries"), rest)) => rest,
        _ => steps,
    }
}

/// A struct's child, null where the struct is: what lies under a null is no value of the column.
fn with_nulls_of(child: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef, MaskError> {
    if nulls.is_none_or(|nulls| nulls.null_count() == 0) {
        return Ok(Arc::clone(child));
    }
    let both = NullBuffer::union(child.nulls(), nulls);
    let data = child
        .to_data()
        .into_builder()
        .nulls(both)
        .build()
        .map_err(|_| unfit(child))?;
    Ok(make_array(data))
}

fn unfit(array: &ArrayRef) -> MaskError {
    MaskError::Type {
        found: array.data_type().clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListArray, StringArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Field;

    use super::*;

    fn shout(values: ArrayRef, rows: &[u32], seen: &mut Vec<u32>) -> Result<ArrayRef, MaskError> {
        seen.extend_from_slice(rows);
        let shouted: StringArray = values
            .as_string::<i32>()
            .iter()
            .map(|v| v.map(str::to_uppercase))
            .collect();
        Ok(Arc::new(shouted))
    }

    fn people() -> ArrayRef {
        let names: ArrayRef = Arc::new(StringArray::from(vec![
            Some("a"),
            Some("b"),
            None,
            Some("d"),
        ]));
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let list = ListArray::new(item, OffsetBuffer::from_lengths([2, 0, 2]), names, None);
        let city: ArrayRef = Arc::new(StringArray::from(vec!["x", "y", "z"]));
        let fields = vec![
            Field::new("city", DataType::Utf8, true),
            Field::new("names", list.data_type().clone(), true),
        ];
        let nulls = Some(NullBuffer::from(vec![true, false, true]));
        Arc::new(StructArray::new(
            fields.into(),
            vec![city, Arc::new(list)],
            nulls,
        ))
    }

    #[test]
    fn leaves_are_masked_in_place() {
        for (path, rows, nulls) in [
            ("p.city", vec![0, 1, 2], 1),
            ("p.names", vec![0, 0, 2, 2], 1),
            ("p.names.list.element", vec![0, 0, 2, 2], 1),
        ] {
            let mut seen = Vec::new();
            let mut null_count = 0;
            let masked = map_leaf(&people(), path, &mut |values, rows| {
                null_count = values.null_count();
                shout(values, rows, &mut seen)
            })
            .unwrap();
            assert_eq!(seen, rows, "{path}");
            assert_eq!(
                null_count, nulls,
                "{path}: what lies under a null struct is null"
            );
            assert_eq!(masked.data_type(), people().data_type());
            assert_eq!(masked.null_count(), 1);
        }
        let masked = map_leaf(&people(), "p.city", &mut |v, r| shout(v, r, &mut vec![])).unwrap();
        assert_eq!(
            masked.as_struct().column(0).as_string::<i32>().value(2),
            "Z"
        );
    }

    #[test]
    fn a_sliced_list_keeps_its_rows() {
        let sliced = people().slice(2, 1);
        let mut seen = Vec::new();
        let masked = map_leaf(&sliced, "p.names", &mut |values, rows| {
            shout(values, rows, &mut seen)
        })
        .unwrap();
        assert_eq!(seen, [0, 0]);
        assert_eq!(
            masked.as_struct().column(1).as_list::<i32>().values().len(),
            2
        );
    }

    #[test]
    fn a_field_named_like_an_element_is_a_field() {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let number = Field::new("x", DataType::Int8, true);
        let item = Field::new("item", DataType::Struct(vec![number].into()), true);
        let line = DataType::Struct(vec![item, text("x")].into());
        let root = DataType::new_list(DataType::new_list(line, true), true);
        for (path, found) in [
            ("p.item.x", Some(DataType::Int8)),
            ("p.x", Some(DataType::Utf8)),
            ("p.list.element.x", Some(DataType::Utf8)),
        ] {
            assert_eq!(leaf_type(&root, path), found, "{path}");
        }
    }

    #[test]
    fn types_of_leaves() {
        let root = people().data_type().clone();
        for (path, found) in [
            ("p.city", Some(DataType::Utf8)),
            ("p.names", Some(DataType::Utf8)),
            ("p.nowhere", None),
            ("p", None),
        ] {
            assert_eq!(leaf_type(&root, path), found, "{path}");
        }
        assert_eq!(leaf_type(&DataType::Int8, "id"), Some(DataType::Int8));
    }
}
