//! `from_blob`: every value becomes the content of a stored file.
//!
//! - Technique: suppression (ISO/IEC 20889:2018): nothing of the value is left.
//! - Input: text and binary. Output: all bytes of the file, for null too; for text, a file in UTF-8.
//! - Keyless. The file is read and checked before a row is read. It may have 64 KiB, so that a batch of
//!   8,192 copies stays below 512 MiB.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringViewArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::from_fixed::Constant;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, TypeFamily, schema_of,
};
use crate::restore::restore;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_blob",
    summary: "every value becomes the content of a stored file",
    family: Family::Suppression,
    takes: &[TypeFamily::Text, TypeFamily::Binary],
    schema: schema_of::<FromBlob>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[Example {
        args: r#"{"blob_file": "letter.txt"}"#,
        value: Some("Dear Alice"),
        masked: Some("Dear customer"),
    }],
};

/// Bytes a file may have.
const LIMIT: usize = 64 * 1024;

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["blob_file"]))]
pub(crate) struct FromBlob {
    /// The file beside the ruleset, at most 64 KiB; for a text column, text in UTF-8.
    blob_file: String,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let FromBlob { blob_file } = binder.parse(args)?;
    if blob_file.is_empty() {
        return Err(BindError::new("blob_file", "`blob_file` is required"));
    }
    let bytes = binder.bytes(&blob_file, LIMIT)?;
    let column = binder.column();
    let content = match TypeFamily::of(column) {
        Some(TypeFamily::Binary) => {
            let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values([bytes]));
            restore(bytes, column).map_err(|_| {
                let message = format!("the file is no value of the column's type {column}");
                BindError::new("blob_file", message)
            })?
        }
        _ => {
            let text = String::from_utf8(bytes).map_err(|_| {
                let message = "the column is text, and the file is none in UTF-8";
                BindError::new("blob_file", message)
            })?;
            Arc::new(StringViewArray::from_iter_values([text]))
        }
    };
    Ok(Box::new(Constant(content)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Array, AsArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray, StringArray,
    };
    use arrow::datatypes::DataType;
    use proptest::prelude::*;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    // `letter.txt` of the tests is `Dear customer`, `photo.bin` the bytes ff 00, `large.bin` 64 KiB and one.

    #[test]
    fn text_for_all_rows() {
        let mask = r#"{"type": "from_blob", "blob_file": "letter.txt"}"#;
        let letter = || Some("Dear customer".to_owned());
        assert_eq!(mask_texts(mask, &[Some("x"), None]), [letter(), letter()]);
    }

    #[test]
    fn bytes_for_all_rows() {
        let mask = r#"{"type": "from_blob", "blob_file": "photo.bin"}"#;
        let photo: &[u8] = &[0xff, 0];
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"x"[..]), None]));
        let expected = BinaryArray::from(vec![photo, photo]);
        assert_eq!(*mask_array(mask, bytes).unwrap(), expected);
        let views: ArrayRef = Arc::new(BinaryViewArray::from(vec![Some(&b"x"[..]), None]));
        let expected = BinaryViewArray::from(vec![photo, photo]);
        assert_eq!(*mask_array(mask, views).unwrap(), expected);
        let fixed = |bytes: &[u8]| FixedSizeBinaryArray::try_from_iter([bytes].into_iter());
        let pairs: ArrayRef = Arc::new(fixed(b"xy").unwrap());
        let masked = mask_array(mask, pairs).unwrap();
        assert_eq!(*masked, fixed(photo).unwrap());
    }

    proptest! {
        /// Every row of every batch is the file and nothing else, in the column's own type.
        #[test]
        fn nothing_of_a_value_is_left(
            texts in prop::collection::vec(prop::option::of(".{0,12}"), 0..40),
            cut in 0_usize..40,
        ) {
            let letter = r#"{"type": "from_blob", "blob_file": "letter.txt"}"#;
            let photo = r#"{"type": "from_blob", "blob_file": "photo.bin"}"#;
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            let cut = cut.min(texts.len());
            for part in [texts.slice(0, cut), texts.slice(cut, texts.len() - cut)] {
                let masked = mask_array(letter, Arc::clone(&part)).unwrap();
                prop_assert_eq!(masked.len(), part.len());
                prop_assert!(masked.as_string::<i32>().iter().all(|text| text == Some("Dear customer")));
                let bytes = part.as_string::<i32>().iter().map(|text| text.map(str::as_bytes));
                let bytes: ArrayRef = Arc::new(bytes.collect::<LargeBinaryArray>());
                let masked = mask_array(photo, bytes).unwrap();
                prop_assert_eq!(masked.len(), part.len());
                prop_assert!(masked.as_binary::<i64>().iter().all(|bytes| bytes == Some(&[0xff, 0][..])));
            }
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, column) in [
            ("", DataType::Utf8),
            (r#", "blob_file": "none.txt""#, DataType::Utf8),
            (r#", "blob_file": "photo.bin""#, DataType::Utf8),
            (r#", "blob_file": "large.bin""#, DataType::Binary),
            (
                r#", "blob_file": "photo.bin""#,
                DataType::FixedSizeBinary(3),
            ),
        ] {
            let mask = format!(r#"{{"type": "from_blob"{args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, "[0].blob_file", "{args}");
        }
        let mask = r#"{"type": "from_blob", "blob_file": "letter.txt"}"#;
        assert_eq!(bind_error(mask, &DataType::Int64).path, "[0].type");
    }
}
