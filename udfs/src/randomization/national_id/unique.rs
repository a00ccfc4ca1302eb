//! `national_id` with `unique`: a keyed permutation of the numbers of a class.
//!
//! ```text
//! class = what stays of a number (identifiers/classes.rs), how its letters are written, the length
//! image = the number's place in its class, permuted (permutation.rs) until a number of the class is
//!         there: not void, with check digits, and read back from what is written as itself
//! ```
//!
//! The old number is such a one, so the walk ends at it at the latest, and it is one-to-one.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{ArrayRef, StringViewArray};
use num_bigint::BigUint;

use super::Column;
use crate::canonical::plain_text;
use crate::identifiers::{Kept, Number};
use crate::key::MaskKey;
use crate::mask::{Mask, MaskError, OnInvalid};
use crate::permutation::Permutations;
use crate::rows::Rows;

pub(super) struct Unique {
    key: MaskKey,
    column: Column,
    kept: Kept,
    permutations: Permutations,
}

impl fmt::Debug for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unique({:?}, {:?})", self.column, self.kept)
    }
}

impl Mask for Unique {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let mut numbers = self.column.read(&values)?;
        for (size, waiting) in self.by_size(&numbers)? {
            self.walk(size, waiting, &mut numbers, &values);
        }
        self.column.written(&numbers, &values)
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        self.column.on_invalid == OnInvalid::Fail
    }

    fn may_give_null(&self) -> bool {
        self.column.on_invalid == OnInvalid::Suppress
    }

    fn refuses_hash_columns(&self) -> bool {
        true
    }
}

/// A row and the place its walk has come to.
struct Walker {
    row: usize,
    place: u128,
}

impl Unique {
    pub(super) fn new(key: MaskKey, column: Column, kept: Kept) -> Self {
        Self {
            key,
            column,
            kept,
            permutations: Permutations::default(),
        }
    }

    /// The rows by the size of their class.
    fn by_size(
        &self,
        numbers: &[Option<Number>],
    ) -> Result<BTreeMap<u128, Vec<Walker>>, MaskError> {
        let mut by_size = BTreeMap::<u128, Vec<Walker>>::new();
        for (row, number) in numbers.iter().enumerate() {
            let Some(number) = number else { continue };
            let (size, place) = self
                .column
                .kind
                .place(number, self.kept)
                .ok_or(MaskError::Internal("a valid number has no place"))?;
            by_size.entry(size).or_default().push(Walker { row, place });
        }
        Ok(by_size)
    }

    /// Walks each row from its place to the next that holds a number of its class.
    fn walk(
        &self,
        size: u128,
        mut waiting: Vec<Walker>,
        numbers: &mut [Option<Number>],
        values: &StringViewArray,
    ) {
        while !waiting.is_empty() {
            self.step(size, &mut waiting);
            waiting.retain(|walker| {
                let old = numbers[walker.row].as_ref();
                let new = old.and_then(|old| {
                    let kind = self.column.kind;
                    kind.at_place(old, self.kept, walker.place)
                });
                match new.filter(|new| self.reads_back(new, values.value(walker.row))) {
                    None => true,
                    new => {
                        numbers[walker.row] = new;
                        false
                    }
                }
            });
        }
    }

    /// One permutation of all places.
    fn step(&self, size: u128, waiting: &mut [Walker]) {
        if size <= 1 << 64 {
            let mut places: Vec<u64> = waiting.iter().map(|at| at.place as u64).collect();
            let permutation = self.permutations.narrow(&self.key, size);
            permutation.permute(&mut places);
            for (walker, place) in waiting.iter_mut().zip(places) {
                walker.place = place.into();
            }
        } else {
            let mut places: Vec<BigUint> = waiting.iter().map(|at| at.place.into()).collect();
            let permutation = self.permutations.wide(&self.key, size.into());
            permutation.permute(&mut places);
            for (walker, place) in waiting.iter_mut().zip(&places) {
                let digits = place.iter_u64_digits().enumerate();
                walker.place = digits
                    .map(|(at, digit)| u128::from(digit) << (64 * at))
                    .sum();
            }
        }
    }

    /// Whether what is written of `number` in place of `value` says no less than `value`. A column of
    /// numbers loses zeros in front and has an end; the case of a letter is lost on a digit.
    fn reads_back(&self, number: &Number, value: &str) -> bool {
        if let Some(greatest) = self.column.numbers {
            let text = number.text();
            let fits = text.parse::<i128>().is_ok_and(|number| number <= greatest);
            let read = self.column.kind.read_padded(text.trim_start_matches('0'));
            return fits && read.as_ref() == Some(number);
        }
        if !value.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return true;
        }
        let mut text = Vec::new();
        self.column.push(number, value, &mut text);
        Case::of(&text) == Case::of(value.as_bytes())
    }
}

/// How the letters of a value are written.
#[derive(Debug, PartialEq, Eq)]
enum Case {
    Capitals,
    Small,
    /// Small ones at these bytes, capitals elsewhere.
    Mixed(Vec<usize>),
}

impl Case {
    fn of(text: &[u8]) -> Self {
        let small = |(_, byte): &(usize, &u8)| byte.is_ascii_lowercase();
        let small: Vec<usize> = (0..).zip(text).filter(small).map(|(at, _)| at).collect();
        match text.iter().any(|byte| byte.is_ascii_uppercase()) {
            _ if small.is_empty() => Self::Capitals,
            true => Self::Mixed(small),
            false => Self::Small,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow::array::{AsArray, Int32Array, Int64Array};
    use arrow::datatypes::{DataType, Int32Type, Int64Type};

    use super::*;
    use crate::bind::MaskNode;
    use crate::column::{ColumnMask, ColumnRule, DrawBy};
    use crate::examples::{TestSeeds, mask_array, mask_texts, try_texts};
    use crate::hash_columns::HashColumn;
    use crate::identifiers::{KINDS, kind};
    use crate::key::Root;

    fn mask(kind: &str, more: &str) -> String {
        format!(r#"{{"type": "national_id", "kind": "{kind}", "unique": true{more}}}"#)
    }

    /// So many different valid numbers of each length of a kind, of any class.
    fn valid_numbers(code: &str, count: usize) -> Vec<String> {
        let kind = kind(code).unwrap();
        let mut texts = HashSet::new();
        let mut state = 1_u128;
        for valid in crate::examples::valid_ids(code) {
            let number = kind.read(&valid).unwrap();
            let wanted = texts.len() + count;
            // A small class has no more.
            for _ in 0..20 * count {
                if texts.len() == wanted {
                    break;
                }
                state = state
                    .wrapping_mul(0xda94_2042_e4dd_58b5_0000_0001)
                    .wrapping_add(99);
                let size = kind.place(&number, Kept::default()).unwrap().0;
                let place = (state ^ state << 61) % size;
                if let Some(other) = kind.at_place(&number, Kept::default(), place) {
                    texts.insert(other.text());
                }
            }
        }
        texts.into_iter().collect()
    }

    fn masked(mask: &str, texts: &[String]) -> Vec<String> {
        let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        mask_texts(mask, &values).into_iter().flatten().collect()
    }

    #[test]
    fn valid_numbers_of_every_kind_stay_distinct_and_valid() {
        for kind in KINDS {
            let texts = valid_numbers(kind.code, 300);
            assert!(texts.len() > 500, "{} {}", kind.code, texts.len());
            let images = masked(&mask(kind.code, ""), &texts);
            for (text, image) in texts.iter().zip(&images) {
                let number = kind.read(image).expect(kind.code);
                assert!(kind.is_valid(&number), "{} {text} {image}", kind.code);
                assert_eq!(text.len(), image.len(), "{}", kind.code);
            }
            let distinct: HashSet<&String> = images.iter().collect();
            assert_eq!(distinct.len(), texts.len(), "{}", kind.code);
            let same = texts.iter().zip(&images).filter(|(a, b)| a == b).count();
            assert!(same < texts.len() / 100, "{} {same}", kind.code);
        }
    }

    /// Every number of a class becomes another of it, each once.
    #[test]
    fn whole_classes() {
        for (code, more, number, kept) in [
            ("us_ssn", r#", "retain_prefix_length": 5"#, "219099998", 5),
            ("us_rtn", r#", "retain_prefix_length": 4"#, "111000025", 4),
            ("in_pan", r#", "retain_prefix_length": 5"#, "AAAPA0001A", 5),
            ("nl_bsn", r#", "retain_prefix_length": 4"#, "067306366", 4),
        ] {
            let kind = kind(code).unwrap();
            let number = kind.sealed(&kind.read(number).unwrap()).unwrap();
            let kept = Kept {
                places: kept,
                ..Kept::default()
            };
            let (size, _) = kind.place(&number, kept).unwrap();
            let valid = (0..size).filter_map(|place| kind.at_place(&number, kept, place));
            let mut texts: Vec<String> = valid
                .map(|number| String::from_utf8(number.places().to_vec()).unwrap())
                .collect();
            assert!(texts.len() > 8_000, "{code} {}", texts.len());
            let mut images = masked(&mask(code, more), &texts);
            assert_ne!(images, texts);
            images.sort_unstable();
            texts.sort_unstable();
            assert!(images == texts, "{code}");
        }
    }

    /// A check letter in either case, where the image's check may be a digit.
    #[test]
    fn spellings_stay_distinct() {
        let texts: Vec<String> = valid_numbers("cl_rut", 2_000)
            .into_iter()
            .filter(|text| text.ends_with('K'))
            .flat_map(|text| [text.to_lowercase(), text])
            .collect();
        assert!(texts.len() > 100);
        let images = masked(&mask("cl_rut", ""), &texts);
        assert_eq!(images.iter().collect::<HashSet<_>>().len(), texts.len());
        assert!(images.iter().any(|image| !image.ends_with(['k', 'K'])));
        for value in ["kk 14 93 65 c", "Kk149365C"] {
            let image = mask_texts(&mask("gb_nino", ""), &[Some(value)])
                .remove(0)
                .unwrap();
            assert_eq!(Case::of(image.as_bytes()), Case::of(value.as_bytes()));
        }
    }

    /// A number of nine digits with a zero in front is one of eight in a column of numbers.
    #[test]
    fn columns_of_numbers() {
        let mut numbers: Vec<i64> = valid_numbers("nz_ird", 3_000)
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let column: ArrayRef = Arc::new(Int64Array::from(numbers.clone()));
        let images = mask_array(&mask("nz_ird", ""), column).unwrap();
        let images: HashSet<i64> = images
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .copied()
            .collect();
        assert_eq!(images.len(), numbers.len());
        // Ten digits of which an int32 holds a fifth.
        let small: Vec<i32> = valid_numbers("gb_nhs", 5_000)
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        assert!(small.len() > 500);
        let column: ArrayRef = Arc::new(Int32Array::from(small.clone()));
        let images = mask_array(&mask("gb_nhs", ""), column).unwrap();
        let images: HashSet<i32> = images
            .as_primitive::<Int32Type>()
            .values()
            .iter()
            .copied()
            .collect();
        assert_eq!(images.len(), small.len());
    }

    #[test]
    fn promises() {
        for (more, distinct) in [("", true), (r#", "on_invalid": "suppress""#, false)] {
            let node: MaskNode = serde_json::from_str(&mask("il_id", more)).unwrap();
            let bind = |draw_by| {
                let rule = ColumnRule {
                    path: "c".to_owned(),
                    masks: vec![node.clone()],
                    draw_by,
                    chooses: None,
                    conditional: false,
                    places: None,
                    first: true,
                };
                let root = Root::new(b"secret", None);
                ColumnMask::bind(&rule, &DataType::Utf8, &root, &TestSeeds)
            };
            let column = |column: &str| HashColumn {
                column: column.to_owned(),
                ..HashColumn::default()
            };
            let bound = bind(DrawBy::Place).unwrap();
            assert_eq!(bound.keeps_distinct(), distinct);
            assert_eq!(bound.may_give_null(), !distinct);
            bind(DrawBy::Columns(vec![column("c")])).unwrap();
            bind(DrawBy::Columns(vec![column("c"), column("id")])).unwrap_err();
        }
        assert!(try_texts(&mask("il_id", ""), &[Some("515593029")]).is_err());
        assert_eq!(mask_texts(&mask("il_id", ""), &[None]), [None]);
    }
}
