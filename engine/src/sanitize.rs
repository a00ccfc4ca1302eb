//! Arrays that hold their values and nothing else.
//!
//! A kernel may leave more in an array's buffers than its values: what stood behind a null, the text a
//! view was cut from, dictionary values no row uses, the rest of what was sliced. Whoever is handed the
//! buffers, by IPC, Flight or the C data interface, can read that.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, MutableArrayData,
    OffsetSizeTrait, StructArray, make_array,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow_select::dictionary::garbage_collect_any_dictionary;

/// `array` without anything behind nulls, in views, dictionaries or slices that is not one of its values.
///
/// # Errors
/// When Arrow cannot rebuild an array of this type.
pub fn sanitize(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let array = match is_whole(array) {
        true => Arc::clone(array),
        false => rebuilt(array)?,
    };
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        DataType::Dictionary(..) => {
            let used = garbage_collect_any_dictionary(array.as_any_dictionary())?;
            let used = used.as_any_dictionary();
            used.with_values(sanitize(used.values())?)
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(sanitize);
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let nulls = array.nulls().cloned();
            let length = array.len();
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                nulls,
                length,
            )?)
        }
        DataType::List(_) => list::<i32>(&array)?,
        DataType::LargeList(_) => list::<i64>(&array)?,
        DataType::FixedSizeList(field, size) => {
            let values = sanitize(array.as_fixed_size_list().values())?;
            let (field, nulls) = (Arc::clone(field), array.nulls().cloned());
            Arc::new(FixedSizeListArray::try_new(field, *size, values, nulls)?)
        }
        DataType::Map(field, sorted) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries = sanitize(&entries)?.as_struct().clone();
            let (field, nulls) = (Arc::clone(field), array.nulls().cloned());
            let offsets = map.offsets().clone();
            Arc::new(MapArray::try_new(field, offsets, entries, nulls, *sorted)?)
        }
        _ => array,
    })
}

fn list<O: OffsetSizeTrait>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let list = array.as_list::<O>();
    let (DataType::List(field) | DataType::LargeList(field)) = array.data_type() else {
        return Ok(Arc::clone(array));
    };
    let values = sanitize(list.values())?;
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    let list = GenericListArray::<O>::try_new(Arc::clone(field), offsets, values, nulls)?;
    Ok(Arc::new(list))
}

/// Whether nothing stands behind nulls, and what holds values by offsets holds no others.
fn is_whole(array: &ArrayRef) -> bool {
    let by_offsets = |first: usize, last: usize, held: usize| first == 0 && last == held;
    array.null_count() == 0
        && match array.data_type() {
            DataType::Utf8 => {
                let text = array.as_string::<i32>();
                let offsets = text.value_offsets();
                let last = offsets[text.len()] as usize;
                by_offsets(offsets[0] as usize, last, text.value_data().len())
            }
            DataType::LargeUtf8 => {
                let text = array.as_string::<i64>();
                let offsets = text.value_offsets();
                let last = offsets[text.len()] as usize;
                by_offsets(offsets[0] as usize, last, text.value_data().len())
            }
            DataType::Binary => {
                let bytes = array.as_binary::<i32>();
                let offsets = bytes.value_offsets();
                let last = offsets[bytes.len()] as usize;
                by_offsets(offsets[0] as usize, last, bytes.value_data().len())
            }
            DataType::LargeBinary => {
                let bytes = array.as_binary::<i64>();
                let offsets = bytes.value_offsets();
                let last = offsets[bytes.len()] as usize;
                by_offsets(offsets[0] as usize, last, bytes.value_data().len())
            }
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::Map(..) => false,
            _ => true,
        }
}

/// The values copied, and nothing for nulls.
fn rebuilt(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], true, array.len());
    let mut at = 0;
    if let Some(nulls) = array.logical_nulls() {
        for (start, end) in nulls.valid_slices() {
            copy.try_extend_nulls(start - at)?;
            copy.try_extend(0, start, end)?;
            at = end;
        }
        copy.try_extend_nulls(array.len() - at)?;
    } else {
        copy.try_extend(0, 0, array.len())?;
    }
    Ok(make_array(copy.freeze()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        DictionaryArray, Int32Array, Int64Array, ListArray, StringArray, StringViewArray,
        UInt32Array,
    };
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::compute::{nullif, take};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    const SECRET: &[u8] = b"4111111111111111";

    fn holds_secret(array: &ArrayRef) -> bool {
        let mut data = vec![array.to_data()];
        while let Some(next) = data.pop() {
            let found = |bytes: &[u8]| bytes.windows(4).any(|bytes| bytes == &SECRET[..4]);
            if next.buffers().iter().any(|buffer| found(buffer.as_slice())) {
                return true;
            }
            data.extend(next.child_data().iter().cloned());
        }
        false
    }

    #[test]
    fn nothing_is_left_in_buffers() {
        let secret = std::str::from_utf8(SECRET).unwrap();
        let hidden = NullBuffer::from(vec![false, true]);
        let behind_null = |array: ArrayRef| {
            let chosen = arrow::array::BooleanArray::from(vec![true, false]);
            nullif(&array, &chosen).unwrap()
        };
        let short: ArrayRef = Arc::new(StringViewArray::from(vec!["4111 short", "x"]));
        let long: ArrayRef = Arc::new(StringViewArray::from(vec![secret, "x"]));
        let text: ArrayRef = Arc::new(StringArray::from(vec![secret, "x"]));
        let number = i64::from_le_bytes(*b"4111....");
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![number, 1]));
        let sliced = text.slice(1, 1);
        let substring = take(&long, &UInt32Array::from(vec![1]), None).unwrap();
        let unused: ArrayRef = Arc::new(
            DictionaryArray::<Int32Type>::try_new(Int32Array::from(vec![1]), Arc::clone(&text))
                .unwrap(),
        );
        let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
        let offsets = OffsetBuffer::new(vec![0, 1, 2].into());
        let lists: ArrayRef = Arc::new(
            ListArray::try_new(field, offsets, Arc::clone(&text), Some(hidden.clone())).unwrap(),
        );
        let inner = Arc::new(Field::new("a", DataType::Utf8, true));
        let structs: ArrayRef = Arc::new(
            StructArray::try_new(vec![inner].into(), vec![Arc::clone(&text)], Some(hidden))
                .unwrap(),
        );
        let mut held = 0;
        for array in [
            behind_null(short),
            behind_null(long),
            behind_null(text),
            behind_null(numbers),
            sliced,
            substring,
            unused,
            lists,
            structs,
        ] {
            held += usize::from(holds_secret(&array));
            let clean = sanitize(&array).unwrap();
            assert!(!holds_secret(&clean), "{:?}", array.data_type());
            assert_eq!(&clean, &array);
        }
        assert!(held >= 7, "only {held} arrays had something to lose");
    }
}
