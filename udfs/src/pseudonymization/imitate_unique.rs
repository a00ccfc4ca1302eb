//! `imitate_unique`: an identifier becomes another of the same form, and no two become the same; a decimal has no fraction.
//!
//! - Technique: pseudonymization by a keyed permutation (ISO/IEC 20889:2018); `permutation.rs` says which.
//! - Input: text, integers, decimals without a fraction. Null stays null, empty text empty.
//! - A number (text too, if it is nothing but digits with or without a minus) keeps its sign and its count of
//!   digits, and a first digit that is zero stays zero. Numbers within the reach of an integer type
//!   stay within it, so that `42` has one image in every type and in text.
//! - Other text: `A` to `Z`, `a` to `z` and `0` to `9` are replaced by one of the same class, all together;
//!   every other character stays, so a text without any of them stays as it is.
//! - With a `format`, strings of the format become one another: `of_format.rs`.
//! - Decided by the value, the key and `seed`: no draw, no hash columns.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use num_bigint::BigUint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::key::MaskKey;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::permutation::Permutations;
use crate::pseudonymization::form::{Form, Kept};
use crate::pseudonymization::of_format::OfFormat;
use crate::rows::Rows;
use crate::scalar::typed;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "imitate_unique",
    summary: "an identifier becomes another of the same form, and no two become the same",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<ImitateUnique>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: "{}",
            value: Some("10042"),
            masked: Some("14889"),
        },
        Example {
            args: r#"{"seed": "invoice"}"#,
            value: Some("10042"),
            masked: Some("17619"),
        },
        Example {
            args: "{}",
            value: Some("NZ-2024/abc"),
            masked: Some("XH-0298/gkg"),
        },
        Example {
            args: "{}",
            value: Some("alice.anderson@example.com"),
            masked: Some("kuent.sszkitpr@mdvqbze.evm"),
        },
        Example {
            args: r#"{"format": "NZ-{[0-9],4}/{[a-f0-9],3}"}"#,
            value: Some("NZ-2024/abc"),
            masked: Some("NZ-3752/eab"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImitateUnique {
    /// The kind of identifier, any text: columns with one seed agree on the image of a value, others
    /// do not (default: one for all columns without a seed). It stands in place of `domain`.
    seed: Option<String>,
    /// The format that all values are strings of, as that of `from_format_string`: each becomes another string
    /// of it. A value that is none fails the task; null and empty text stay. For a column of numbers its classes
    /// hold digits only.
    format: Option<String>,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: ImitateUnique = binder.parse(args)?;
    let key = binder.seeded_key(args.seed.as_deref())?;
    if let Some(format) = &args.format {
        return OfFormat::bind(&key, format, binder.column());
    }
    Unique::bind(SPEC.name, key, Kept::default(), binder.column())
}

/// The kernel: a value's place among all texts of its form is permuted.
pub(super) struct Unique {
    key: MaskKey,
    permutations: Permutations,
    kept: Kept,
    column: DataType,
}

impl Unique {
    /// The kernel of the mask `name` for a column of type `column`, where `kept` stays.
    ///
    /// # Errors
    /// When the column's numbers have a scale.
    pub(super) fn bind(
        name: &str,
        key: MaskKey,
        kept: Kept,
        column: &DataType,
    ) -> Result<Box<dyn Mask>, BindError> {
        use DataType::*;
        if let Decimal32(_, scale)
        | Decimal64(_, scale)
        | Decimal128(_, scale)
        | Decimal256(_, scale) = column
            && *scale != 0
        {
            let message = format!("`{name}` does not take {column}: its numbers have a scale");
            return Err(BindError::new("type", message));
        }
        Ok(Box::new(Self {
            key,
            permutations: Permutations::default(),
            kept,
            column: column.clone(),
        }))
    }
}

impl fmt::Debug for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unique({})", self.column)
    }
}

impl Mask for Unique {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        typed(self.imitate(&values), &self.column)
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        true
    }
}

/// The ranks of a batch, those among equally many together.
#[derive(Default)]
struct Ranks {
    narrow: BTreeMap<u128, (Vec<usize>, Vec<u64>)>,
    wide: BTreeMap<BigUint, (Vec<usize>, Vec<BigUint>)>,
}

/// One of a row's images.
#[derive(Debug, Clone, Default)]
enum Image {
    /// The value stays as it is.
    #[default]
    Same,
    Narrow(u64),
    Wide(BigUint),
}

impl Unique {
    fn imitate(&self, values: &StringViewArray) -> StringViewArray {
        let mut ranks = Ranks::default();
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value {
                ranks.add(row, Form::of(value, self.kept), value.as_bytes());
            }
        }
        let mut images = vec![Image::Same; values.len()];
        for (size, (rows, mut ranks)) in ranks.narrow {
            self.permutations
                .narrow(&self.key, size)
                .permute(&mut ranks);
            for (row, image) in rows.into_iter().zip(ranks) {
                images[row] = Image::Narrow(image);
            }
        }
        for (size, (rows, mut ranks)) in ranks.wide {
            self.permutations.wide(&self.key, size).permute(&mut ranks);
            for (row, image) in rows.into_iter().zip(ranks) {
                images[row] = Image::Wide(image);
            }
        }
        let mut imitated = StringViewBuilder::with_capacity(values.len());
        let mut text = Vec::new();
        for (value, image) in values.iter().zip(images) {
            let Some(value) = value else {
                imitated.append_null();
                continue;
            };
            text.clear();
            text.extend_from_slice(value.as_bytes());
            let form = Form::of(value, self.kept);
            match image {
                Image::Same => {}
                Image::Narrow(image) => form.write(image, &mut text),
                Image::Wide(image) => form.write_wide(image, &mut text),
            }
            imitated.append_value(
                std::str::from_utf8(&text).expect("ASCII was replaced by ASCII, the rest stayed"),
            );
        }
        imitated.finish()
    }
}

impl Ranks {
    fn add(&mut self, row: usize, form: Form, text: &[u8]) {
        let narrow = |size: &u128| *size <= 1 << 64;
        if let Some(size) = form.size(text).filter(narrow) {
            return self.add_narrow(row, size, || form.rank(text));
        }
        let (size, rank) = form.wide(text);
        // Of huge numbers with a kept prefix there may be few.
        match u128::try_from(&size).ok().filter(narrow) {
            Some(size) => self.add_narrow(row, size, || {
                u64::try_from(&rank).expect("a rank is below its size")
            }),
            None => {
                let (rows, ranks) = self.wide.entry(size).or_default();
                rows.push(row);
                ranks.push(rank);
            }
        }
    }

    /// Where there is one text only, it stays as it is.
    fn add_narrow(&mut self, row: usize, size: u128, rank: impl FnOnce() -> u64) {
        if size > 1 {
            let (rows, ranks) = self.narrow.entry(size).or_default();
            rows.push(row);
            ranks.push(rank());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::*;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};

    const MASK: &str = r#"{"type": "imitate_unique"}"#;

    fn images(texts: &[String]) -> Vec<String> {
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        mask_texts(MASK, &values).into_iter().flatten().collect()
    }

    fn shape(text: &str) -> String {
        let class = |char: char| match char {
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            '0'..='9' => '0',
            other => other,
        };
        text.chars().map(class).collect()
    }

    #[test]
    fn whole_domains() {
        for texts in [
            (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>(),
            (0..10_000).map(|n| format!("{n:04}")).collect(),
            (-999..0).map(|n| n.to_string()).collect(),
            (b'a'..=b'z').map(|c| format!("{}-é", c as char)).collect(),
            (0..6760)
                .map(|n| format!("{}{:03}", (b'A' + (n / 260) as u8) as char, n % 260))
                .collect(),
        ] {
            let images = images(&texts);
            assert_ne!(images, texts);
            for (text, image) in texts.iter().zip(&images) {
                assert_eq!(shape(text), shape(image));
                let leads = |text: &str| text.len() > 1 && text.starts_with('0');
                assert_eq!(leads(text), leads(image), "{text} {image}");
            }
            let mut sorted = images.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), texts.len());
        }
    }

    #[test]
    fn long_texts_stay_apart() {
        let tail = "Z".repeat(60);
        for form in [
            "{}",
            "id {} of AAAAAAAAAAAA",
            "{}zzzzzzzzzzzzzzzzzzzzzzzzzz ö 9999999999",
            "a{}{tail}",
        ] {
            let texts: Vec<String> = (100..400)
                .map(|n: u32| form.replace("{}", &n.to_string()).replace("{tail}", &tail))
                .collect();
            let images = images(&texts);
            for (text, image) in texts.iter().zip(&images) {
                assert_eq!(shape(text), shape(image));
                assert!(form == "{}" || text != image);
            }
            let mut sorted = images.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), texts.len(), "{form}");
            let alone = mask_texts(MASK, &[Some(&texts[7])]);
            assert_eq!(alone[0].as_ref(), Some(&images[7]), "{form}");
        }
    }

    #[test]
    fn what_stays() {
        for text in ["", "-", "-0", "é", "中文 … ?"] {
            assert_eq!(
                mask_texts(MASK, &[Some(text), None]),
                [Some(text.to_owned()), None]
            );
        }
    }

    #[test]
    fn huge_numbers_keep_their_digits() {
        let form = |text: &str| Form::of(text, Kept::default());
        let most = "9".repeat(20);
        let texts: Vec<String> = [
            "18446744073709551616",
            most.as_str(),
            "-18446744073709551616",
            "100000000000000000000",
            &"9".repeat(76),
        ]
        .map(str::to_owned)
        .into();
        for (text, image) in texts.iter().zip(images(&texts)) {
            assert_eq!(shape(text), shape(&image));
            assert_ne!(*text, image);
            assert_eq!(form(text), form(&image), "{text} {image}");
        }
    }

    /// A column of any integer type and text agree, and all types take their extremes.
    #[test]
    fn one_image_in_every_type() {
        fn check<T: ArrowPrimitiveType>(numbers: Vec<T::Native>) {
            let array = PrimitiveArray::<T>::from_iter_values(numbers.iter().copied());
            let texts: ArrayRef = Arc::new(array.clone());
            let texts: Vec<String> = plain_text(&texts)
                .unwrap()
                .iter()
                .map(|text| text.unwrap().to_owned())
                .collect();
            let masked = mask_array(MASK, Arc::new(array)).unwrap();
            assert_eq!(masked.data_type(), &T::DATA_TYPE);
            let masked = plain_text(&masked).unwrap();
            assert!(masked.iter().flatten().eq(images(&texts)));
        }
        check::<Int8Type>((i8::MIN..=i8::MAX).collect());
        check::<UInt8Type>((0..=u8::MAX).collect());
        check::<Int16Type>((i16::MIN..=i16::MAX).collect());
        check::<UInt16Type>((0..=u16::MAX).collect());
        check::<Int32Type>(
            (0..500)
                .flat_map(|n| [i32::MIN + n, n, i32::MAX - n])
                .collect(),
        );
        check::<UInt32Type>((0..500).flat_map(|n| [n, u32::MAX - n]).collect());
        check::<Int64Type>(
            (0..500)
                .flat_map(|n| [i64::MIN + n, -n, i64::MAX - n])
                .collect(),
        );
        check::<UInt64Type>((0..500).flat_map(|n| [n, u64::MAX - n]).collect());
        let decimal = Decimal128Array::from(vec![10_i128.pow(37), 42, -42])
            .with_precision_and_scale(38, 0)
            .unwrap();
        let masked = mask_array(MASK, Arc::new(decimal)).unwrap();
        let masked = masked.as_primitive::<Decimal128Type>();
        assert_eq!(masked.value(0).to_string().len(), 38);
        assert_eq!(masked.value(1).to_string(), images(&["42".to_owned()])[0]);
        assert!((-99..=-10).contains(&masked.value(2)));
    }

    #[test]
    fn seeds_and_domains() {
        let image = |args: &str| {
            let mask = format!(r#"{{"type": "imitate_unique"{args}}}"#);
            mask_texts(&mask, &[Some("123456789")]).remove(0)
        };
        assert_ne!(image(""), image(r#", "seed": "a""#));
        assert_ne!(image(r#", "seed": "b""#), image(r#", "seed": "a""#));
        assert_ne!(image(r#", "domain": "a""#), image(""));
        // The place in a chain does not count.
        let chain = r#"{"type": "chain", "masks": [{"type": "do_nothing"}, {"type": "imitate_unique", "seed": "a"}]}"#;
        assert_eq!(
            mask_texts(chain, &[Some("123456789")])[0],
            image(r#", "seed": "a""#)
        );
        for (args, column, path) in [
            (
                r#", "seed": "a", "domain": "a""#,
                DataType::Utf8,
                "[0].seed",
            ),
            ("", DataType::Decimal128(9, 2), "[0].type"),
            ("", DataType::Date32, "[0].type"),
        ] {
            let mask = format!(r#"{{"type": "imitate_unique"{args}}}"#);
            assert_eq!(bind_error(&mask, &column).path, path, "{args}");
        }
    }
}
