//! The examples of every mask, and what the tests of masks share.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, LargeStringArray, StringArray, StringViewArray, UInt64Array,
};
use arrow::datatypes::{DataType, Int32Type};
use serde_json::Value;

use crate::bind::{Binder, MaskNode, SeedFiles, SeedTable};
use crate::canonical::canonical_text;
use crate::chain::Chain;
use crate::column::{Argument, ColumnMask, ColumnRule, DrawBy};
use crate::error::{BindError, MaskError, PlaceUnit};
use crate::hash_columns::HashColumn;
use crate::key::Root;
use crate::mask::{Mask, OfBlank, text};
use crate::messages::Messages;
use crate::restore::restore;
use crate::rows::Rows;

/// The shipped seed files, `people.csv` and `empty.csv`; `letter.txt`, `photo.bin` and `large.bin`.
pub(crate) struct TestSeeds;

impl SeedFiles for TestSeeds {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        let bytes: &[u8] = match name {
            "people.csv" => {
                b"name,surname,gender,age\nAnn,A,f,20\nBea,B,f,30\nCid,C,m,40\nDan,D,m,50\n"
            }
            "empty.csv" => b"name\n",
            shipped => crate::shipped(shipped).ok_or("there is no such seed file")?,
        };
        let mut lines = std::str::from_utf8(bytes).unwrap().lines();
        let mut next = || Some(lines.next()?.split(',').map(str::to_owned).collect());
        let columns = next().unwrap();
        Ok(Arc::new(SeedTable {
            columns,
            rows: std::iter::from_fn(next).collect(),
        }))
    }

    fn bytes(&self, name: &str, limit: usize) -> Result<Vec<u8>, String> {
        let bytes = match name {
            "letter.txt" => b"Dear customer".to_vec(),
            "photo.bin" => vec![0xff, 0],
            "large.bin" => vec![0; 64 * 1024 + 1],
            _ => return Err("there is no such file".to_owned()),
        };
        match bytes.len() <= limit {
            true => Ok(bytes),
            false => Err("the file is too long".to_owned()),
        }
    }
}

fn bind(mask: &str, column: &DataType) -> Result<(Chain, Vec<String>), BindError> {
    let node: MaskNode = serde_json::from_str(mask).unwrap();
    let root = Root::new(b"golden run secret 0123456789", None);
    let mut inputs = Vec::new();
    let binder = Binder::new(&root, &TestSeeds, column.clone(), &mut inputs);
    let chain = binder.with_hash_columns(true).chain(&[node])?;
    Ok((chain, inputs))
}

/// Why `mask`, written as JSON, does not bind to a column.
pub(crate) fn bind_error(mask: &str, column: &DataType) -> BindError {
    bind(mask, column).expect_err(mask)
}

/// `values` masked by `mask`, drawn from the values themselves.
pub(crate) fn mask_array(mask: &str, values: ArrayRef) -> Result<ArrayRef, MaskError> {
    run(mask, values, &[])
}

/// As [`mask_array`], beside a further column.
pub(crate) fn mask_with_input(
    mask: &str,
    values: ArrayRef,
    name: &str,
    input: StringViewArray,
) -> Result<ArrayRef, MaskError> {
    run(mask, values, &[(name, input)])
}

fn run(
    mask: &str,
    values: ArrayRef,
    columns: &[(&str, StringViewArray)],
) -> Result<ArrayRef, MaskError> {
    let column = values.data_type().clone();
    let (chain, names) = bind(mask, &column).unwrap();
    let inputs: Vec<StringViewArray> = names
        .iter()
        .map(|name| {
            columns
                .iter()
                .find(|(column, _)| column == name)
                .unwrap()
                .1
                .clone()
        })
        .collect();
    let messages = Messages::of(&[canonical_text(&values)?], values.len());
    let numbers: Vec<u64> = (0..values.len() as u64).collect();
    let rows = Rows::new(values.len(), &messages, &inputs).numbered(&numbers);
    let (count, nulls) = (values.len(), values.null_count());
    let masked = restore(chain.mask(values, &rows)?, &column)?;
    assert_eq!(masked.len(), count);
    assert!(
        masked.null_count() <= nulls || chain.may_give_null(),
        "{mask}"
    );
    Ok(masked)
}

/// As [`mask_array`], for text.
pub(crate) fn try_texts(
    mask: &str,
    values: &[Option<&str>],
) -> Result<Vec<Option<String>>, MaskError> {
    let values: StringViewArray = values.iter().copied().collect();
    let masked = text(&mask_array(mask, Arc::new(values))?)?;
    Ok(masked
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect())
}

/// As [`try_texts`], for values that can be masked.
pub(crate) fn mask_texts(mask: &str, values: &[Option<&str>]) -> Vec<Option<String>> {
    try_texts(mask, values).unwrap()
}

/// What `mask` gives for `count` different texts.
pub(crate) fn numbered(mask: &str, count: usize) -> Vec<String> {
    let values: StringViewArray = (0..count).map(|n| Some(n.to_string())).collect();
    let masked = text(&mask_array(mask, Arc::new(values)).unwrap()).unwrap();
    masked
        .iter()
        .map(|value| value.unwrap().to_owned())
        .collect()
}

/// The valid numbers of a kind in `vectors/national_ids.json`.
pub(crate) fn valid_ids(code: &str) -> Vec<String> {
    let kinds: Vec<Value> =
        serde_json::from_str(include_str!("../vectors/national_ids.json")).unwrap();
    let kind = kinds.iter().find(|kind| kind["code"] == code).unwrap();
    let valid = kind["valid"].as_array().unwrap().iter();
    valid
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_example_of_every_mask() {
    let mut differing = Vec::new();
    for spec in crate::MASKS {
        assert!(!spec.examples.is_empty(), "{} has no example", spec.name);
        for example in spec.examples {
            let mut mask: Value = serde_json::from_str(example.args).unwrap();
            mask["type"] = spec.name.into();
            let value: StringViewArray = [example.value].into_iter().collect();
            let beside = StringViewArray::from_iter([Some("Smith")]);
            let masked =
                mask_with_input(&mask.to_string(), Arc::new(value), "surname", beside).unwrap();
            let masked = text(&masked)
                .unwrap()
                .iter()
                .next()
                .flatten()
                .map(str::to_owned);
            if masked.as_deref() != example.masked {
                differing.push(format!("{} {}: {masked:?}", spec.name, example.args));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Null and empty text become what the table says, with the arguments of every example; null may be put
/// in place of what is refused where an argument says so.
#[test]
fn what_becomes_of_null_and_empty_text() {
    let mut differing = Vec::new();
    for spec in crate::MASKS {
        let found = |value: Option<&str>| {
            let become_of = |args: &str| {
                let mut mask: Value = serde_json::from_str(args).unwrap();
                mask["type"] = spec.name.into();
                let beside = StringViewArray::from_iter([Some("Smith")]);
                let values: StringViewArray = [value].into_iter().collect();
                let masked =
                    mask_with_input(&mask.to_string(), Arc::new(values), "surname", beside);
                let Ok(masked) = masked else {
                    return OfBlank::Refused;
                };
                let masked = text(&masked).unwrap();
                match (masked.iter().next().flatten(), value) {
                    (masked, value) if masked == value => OfBlank::Stays,
                    (None, _) => OfBlank::Null,
                    _ => OfBlank::Value,
                }
            };
            let mut all = spec.examples.iter().map(|example| become_of(example.args));
            let first = all.next().unwrap();
            match all.all(|other| other == first) {
                // Here the only row is the other row, too.
                true if spec.name == "secure_shuffle" => OfBlank::Exchanged,
                true => first,
                false => OfBlank::Depends,
            }
        };
        let found = (found(None), found(Some("")));
        if found != (spec.null, spec.empty) {
            differing.push(format!("{}: {found:?}", spec.name));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Results have as many characters as their mask says before it sees a value.
#[test]
fn results_are_as_long_as_promised() {
    let count = |text: &str| text.chars().count();
    let mut promised = 0;
    for spec in crate::MASKS {
        for example in spec.examples {
            let (Some(value), Some(masked)) = (example.value, example.masked) else {
                continue;
            };
            let mut mask: Value = serde_json::from_str(example.args).unwrap();
            mask["type"] = spec.name.into();
            let (chain, _) = bind(&mask.to_string(), &DataType::Utf8View).unwrap();
            if let Some(lengths) = chain.lengths(Some(count(value))) {
                promised += 1;
                assert!(lengths.contains(&count(masked)), "{mask}: {lengths:?}");
            }
            // A mask that knows nothing of its input may know less, and never another thing.
            let of_any = chain.lengths(None);
            assert!(
                of_any.is_none_or(|lengths| lengths.contains(&count(masked))),
                "{mask}"
            );
        }
    }
    assert!(promised >= 15, "{promised} masks promise a length");
}

/// A dictionary is masked once per value where a mask says that the value alone decides.
#[test]
fn what_the_value_decides_keeps_null() {
    for spec in crate::MASKS {
        for example in spec.examples {
            let mut mask: Value = serde_json::from_str(example.args).unwrap();
            mask["type"] = spec.name.into();
            let (chain, _) = bind(&mask.to_string(), &DataType::Utf8View).unwrap();
            if chain.by_value() {
                assert!(!chain.draws(), "{mask}");
                assert_eq!(mask_texts(&mask.to_string(), &[None]), [None], "{mask}");
            }
        }
    }
}

/// The names in the table are those of rulesets, each once; every argument is described.
#[test]
fn the_table_is_sound() {
    let mut names: Vec<&str> = crate::MASKS.iter().map(|spec| spec.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), crate::MASKS.len());
    for spec in crate::MASKS {
        let schema = serde_json::to_value((spec.schema)()).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{}", spec.name);
        for (name, argument) in schema["properties"].as_object().into_iter().flatten() {
            assert!(argument["description"].is_string(), "{} {name}", spec.name);
        }
    }
}

/// `values` masked as a column named `c` that draws from itself, beside a column `surname`.
/// Its rows are numbered from `first`.
fn mask_column(node: &MaskNode, values: &ArrayRef, first: usize) -> Vec<Option<String>> {
    let rule = ColumnRule {
        path: "c".to_owned(),
        masks: vec![node.clone()],
        draw_by: DrawBy::Columns(vec![HashColumn {
            column: "c".to_owned(),
            ..HashColumn::default()
        }]),
        chooses: None,
        conditional: false,
        places: Some(PlaceUnit::Row),
        first: true,
    };
    let root = Root::new(b"golden run secret 0123456789", None);
    let mask = ColumnMask::bind(&rule, values.data_type(), &root, &TestSeeds).unwrap();
    let surnames: StringViewArray = (0..values.len()).map(|_| Some("Smith")).collect();
    let surnames: ArrayRef = Arc::new(surnames);
    let numbers = (first..first + values.len()).map(|number| number as u64);
    let numbers: ArrayRef = Arc::new(numbers.collect::<UInt64Array>());
    let arguments: Vec<ArrayRef> = mask
        .arguments()
        .iter()
        .map(|argument| match argument {
            Argument::Column(column) if column == "c" => Arc::clone(values),
            Argument::Shuffled => Arc::clone(values),
            Argument::Place | Argument::Number => Arc::clone(&numbers),
            _ => Arc::clone(&surnames),
        })
        .collect();
    let masked = mask.apply(values, &arguments).unwrap();
    assert_eq!(masked.len(), values.len(), "{}", node.kind);
    masked.to_data().validate_full().unwrap();
    let masked = text(&masked).unwrap();
    masked
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect()
}

/// How a column lies in memory, and what is masked together, changes no value.
#[test]
fn every_mask_gives_the_same_in_every_layout() {
    let mut layouts = 0;
    for spec in crate::MASKS {
        for example in spec.examples {
            let mut mask: Value = serde_json::from_str(example.args).unwrap();
            mask["type"] = spec.name.into();
            let node: MaskNode = serde_json::from_value(mask).unwrap();
            let known: Vec<Option<&str>> = spec
                .examples
                .iter()
                .filter(|other| other.args == example.args)
                .map(|other| other.value)
                .collect();
            let values: Vec<Option<&str>> = known
                .iter()
                .copied()
                .chain([example.value, None, example.value])
                .cycle()
                .take(11)
                .collect();
            let view: ArrayRef = Arc::new(StringViewArray::from(values.clone()));
            let expected = mask_column(&node, &view, 0);
            let around = [&values[..3], &values[..], &values[..2]].concat();
            let (rows, sliced) = (values.len(), StringArray::from(around));
            let columns: [ArrayRef; 5] = [
                Arc::new(StringArray::from(values.clone())),
                Arc::new(LargeStringArray::from(values.clone())),
                Arc::new(sliced.slice(3, rows)),
                Arc::new(sliced.iter().collect::<StringViewArray>().slice(3, rows)),
                Arc::new(
                    values
                        .iter()
                        .copied()
                        .collect::<DictionaryArray<Int32Type>>(),
                ),
            ];
            for column in columns {
                let what = format!("{} {} {}", spec.name, example.args, column.data_type());
                assert_eq!(mask_column(&node, &column, 0), expected, "{what}");
                layouts += 1;
            }
            let parts = [(0, 4), (4, 1), (5, rows - 5)];
            let apart: Vec<_> = parts
                .iter()
                .flat_map(|&(start, length)| mask_column(&node, &view.slice(start, length), start))
                .collect();
            assert_eq!(apart, expected, "{} {} in parts", spec.name, example.args);
        }
    }
    assert!(layouts >= 5 * (crate::MASKS.len() - 1), "{layouts}");
}
