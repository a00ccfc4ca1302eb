//! Decimals as Parquet stores them in byte arrays.
//!
//! The Arrow encoder derives a decimal's length from its precision, but the file's schema decides:
//! some writers store every decimal in 16 bytes, some in byte arrays of any length. Such leaves are
//! turned into binary arrays first, big-endian two's complement.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, FixedSizeBinaryBuilder, ListArray, MapArray,
    StructArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Field, FieldRef, i256};
use parquet::basic::Type as Physical;

use super::schema::Leaf;

/// The type in which the encoder gets `leaf`.
pub(super) fn storage_type(leaf: &Leaf) -> DataType {
    let decimal = matches!(
        leaf.data_type,
        DataType::Decimal128(..) | DataType::Decimal256(..)
    );
    match leaf.physical {
        Physical::BYTE_ARRAY if decimal => DataType::Binary,
        Physical::FIXED_LEN_BYTE_ARRAY if decimal => DataType::FixedSizeBinary(leaf.type_length),
        _ => leaf.data_type.clone(),
    }
}

/// `field` with its leaves in their storage types; `leaves` are its own, in order.
pub(super) fn storage_field<'a>(
    field: &Field,
    leaves: &mut impl Iterator<Item = &'a Leaf>,
) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|child| storage_field(child, leaves))
                .collect(),
        ),
        DataType::List(item) => DataType::List(storage_field(item, leaves)),
        DataType::Map(entries, sorted) => DataType::Map(storage_field(entries, leaves), *sorted),
        other => leaves.next().map_or_else(|| other.clone(), storage_type),
    };
    Arc::new(field.clone().with_data_type(data_type))
}

/// `array` as `storage`; `None` when a decimal is too large for its bytes.
pub(super) fn to_storage(array: &ArrayRef, storage: &DataType) -> Option<ArrayRef> {
    if array.data_type() == storage {
        return Some(Arc::clone(array));
    }
    Some(match storage {
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let columns = fields.iter().zip(array.columns());
            let columns = columns.map(|(field, column)| to_storage(column, field.data_type()));
            let columns = columns.collect::<Option<Vec<_>>>()?;
            let nulls = array.nulls().cloned();
            Arc::new(StructArray::try_new(fields.clone(), columns, nulls).ok()?)
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = to_storage(list.values(), item.data_type())?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls).ok()?)
        }
        DataType::Map(field, sorted) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries = to_storage(&entries, field.data_type())?.as_struct().clone();
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let field = Arc::clone(field);
            Arc::new(MapArray::try_new(field, offsets, entries, nulls, *sorted).ok()?)
        }
        DataType::FixedSizeBinary(length) => {
            let mut bytes = FixedSizeBinaryBuilder::with_capacity(array.len(), *length);
            for row in 0..array.len() {
                match decimal(array, row) {
                    None => bytes.append_null(),
                    Some(value) => {
                        let value = value.to_be_bytes();
                        let start = value.len().checked_sub(usize::try_from(*length).ok()?)?;
                        (start <= spare(&value)).then_some(())?;
                        bytes.append_value(&value[start..]).ok()?;
                    }
                }
            }
            Arc::new(bytes.finish())
        }
        DataType::Binary => {
            let mut bytes = BinaryBuilder::with_capacity(array.len(), array.len() * 8);
            for row in 0..array.len() {
                match decimal(array, row).map(i256::to_be_bytes) {
                    None => bytes.append_null(),
                    Some(value) => bytes.append_value(&value[spare(&value)..]),
                }
            }
            Arc::new(bytes.finish())
        }
        _ => return None,
    })
}

fn decimal(array: &ArrayRef, row: usize) -> Option<i256> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value(row),
        _ => i256::from_i128(array.as_primitive::<Decimal128Type>().value(row)),
    })
}

/// How many of the leading bytes only repeat the sign.
fn spare(value: &[u8; 32]) -> usize {
    let sign = if value[0] & 0x80 == 0 { 0 } else { 0xff };
    let repeats = value
        .iter()
        .take_while(|byte| **byte == sign)
        .count()
        .min(31);
    // The first byte that stays must show the same sign.
    if (value[repeats] ^ sign) & 0x80 == 0 {
        repeats
    } else {
        repeats.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Decimal128Array;

    use super::*;

    fn stored(value: i128, storage: &DataType) -> Option<Vec<u8>> {
        let array: ArrayRef = Arc::new(Decimal128Array::from(vec![value]));
        let stored = to_storage(&array, storage)?;
        Some(match storage {
            DataType::Binary => stored.as_binary::<i32>().value(0).to_vec(),
            _ => stored.as_fixed_size_binary().value(0).to_vec(),
        })
    }

    #[test]
    fn bytes() {
        let binary = DataType::Binary;
        let two = DataType::FixedSizeBinary(2);
        for (value, storage, expected) in [
            (0, &binary, Some(vec![0])),
            (-1, &binary, Some(vec![255])),
            (127, &binary, Some(vec![127])),
            (128, &binary, Some(vec![0, 128])),
            (-128, &binary, Some(vec![128])),
            (-129, &binary, Some(vec![255, 127])),
            (1, &two, Some(vec![0, 1])),
            (-1, &two, Some(vec![255, 255])),
            (32767, &two, Some(vec![127, 255])),
            (32768, &two, None),
            (-32769, &two, None),
            (
                i128::MIN,
                &DataType::FixedSizeBinary(16),
                Some(i128::MIN.to_be_bytes().to_vec()),
            ),
        ] {
            assert_eq!(stored(value, storage), expected, "{value} {storage}");
        }
    }
}
