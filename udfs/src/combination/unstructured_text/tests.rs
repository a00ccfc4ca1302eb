//! Tests of `unstructured_text`.

use std::sync::Arc;

use arrow::array::{StringArray, StringViewArray};
use arrow::datatypes::DataType;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::column::{Argument, ColumnMask, ColumnRule, DrawBy};
use crate::error::PlaceUnit;
use crate::examples::{TestSeeds, bind_error, mask_texts, mask_with_input};
use crate::key::Root;
use crate::mask::text;

/// A mask with these arguments beside its type.
fn mask(args: Value) -> String {
    let mut mask = args;
    mask["type"] = "unstructured_text".into();
    mask.to_string()
}

fn fixed(value: &str) -> Value {
    json!([{"type": "from_fixed", "value": value}])
}

/// Digits are `NUMBER`, names of `people.csv` are `NAME`.
fn numbers_and_names(number: Value, name: Value, more: Value) -> String {
    let mut args = json!({
        "matchers": {
            "regex": [{"label": "NUMBER", "pattern": "[0-9]+"}],
            "seed_files": [{"label": "NAME", "seed_file": "people.csv", "seed_column": "name"}]
        },
        "masks": [{"label": "NUMBER", "masks": number}, {"label": "NAME", "masks": name}]
    });
    let more = more.as_object().unwrap().clone();
    args.as_object_mut().unwrap().extend(more);
    mask(args)
}

fn one(mask: &str, value: &str) -> String {
    mask_texts(mask, &[Some(value)])[0].clone().unwrap()
}

#[test]
fn parts_are_masked_by_their_labels() {
    let cut = json!([{"type": "take_substring", "end_index": 1}, {"type": "concat", "masks": [{"type": "do_nothing"}, {"type": "from_fixed", "value": "."}]}]);
    let mask = numbers_and_names(fixed("#"), cut, json!({}));
    for (value, masked) in [
        ("Ann is 12, bea 7; Anna 007", "A. is #, b. #; Anna #"),
        ("ANN\nCID", "A.\nC."),
        ("none", "none"),
        ("", ""),
        ("é Dan é", "é D. é"),
    ] {
        assert_eq!(one(&mask, value), masked);
    }
    assert_eq!(
        mask_texts(&mask, &[None, Some("7"), None]),
        [None, Some("#".into()), None]
    );
    let gone = numbers_and_names(json!([{"type": "suppress"}]), fixed("x"), json!({}));
    assert_eq!(one(&gone, "12 Ann 7"), " x ");
}

#[test]
fn labels_without_masks_fall_back() {
    let args = json!({
        "matchers": {
            "regex": [{"label": "A", "pattern": "a+"}, {"label": "B", "pattern": "b+"}],
            "checksum": [{"label": "B", "type": "luhn"}]
        },
        "masks": [{"label": "A", "masks": {"first": {"type": "from_fixed", "value": "x"}}}],
        "fallback_masks": fixed("y")
    });
    assert_eq!(
        one(&mask(args), "aabb c 79927398713 79927398714"),
        "xy c y 79927398714"
    );
}

#[test]
fn letter_case_counts_where_it_should() {
    let args = |case_sensitive: bool| {
        json!({
            "matchers": {
                "seed_files": [{"label": "A", "seed_file": "people.csv", "seed_column": "name", "case_sensitive": case_sensitive}]
            },
            "masks": [{"label": "A", "masks": fixed("x")}]
        })
    };
    assert_eq!(one(&mask(args(true)), "Ann ANN"), "x ANN");
    assert_eq!(one(&mask(args(false)), "Ann ANN"), "x x");
}

#[test]
fn words_of_another_column() {
    let args = |more: Value| {
        let mut source = json!({"label": "NAME", "column": "name"});
        source
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        mask(json!({
            "matchers": {"context_sources": [source]},
            "masks": [{"label": "NAME", "masks": fixed("x")}]
        }))
    };
    let names = [Some("Ann Lee-Park"), None, Some("Bo"), Some("")];
    let notes = ["ann lee-park and Park", "ann", "Bo, BO, Bob", "x"];
    let run = |mask: &str| {
        let notes = StringArray::from_iter_values(notes);
        let names: StringViewArray = names.iter().copied().collect();
        let masked = mask_with_input(mask, Arc::new(notes), "name", names).unwrap();
        let masked = text(&masked).unwrap();
        masked
            .iter()
            .map(|note| note.unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(&args(json!({}))), ["x and x", "ann", "x, x, Bob", "x"]);
    let sensitive = args(json!({"case_sensitive": true}));
    assert_eq!(
        run(&sensitive),
        ["ann lee-park and x", "ann", "x, BO, Bob", "x"]
    );
}

/// `value` masked by `mask`, drawn by a column `id`, or by the row's place where that is null.
fn drawn(mask: &str, values: &[&str], id: Option<&str>) -> Vec<String> {
    let rule = ColumnRule {
        path: "c".to_owned(),
        masks: vec![serde_json::from_str(mask).unwrap()],
        draw_by: match id {
            Some(_) => DrawBy::Columns(vec!["id".into()]),
            None => DrawBy::Place,
        },
        chooses: None,
        conditional: false,
        places: Some(PlaceUnit::Row),
        first: true,
    };
    let root = Root::new(b"golden run secret 0123456789", None);
    let mask = ColumnMask::bind(&rule, &DataType::Utf8, &root, &TestSeeds).unwrap();
    let ids = StringArray::from(vec![id.unwrap_or("a path"); values.len()]);
    let numbers: arrow::array::UInt64Array = (0..values.len() as u64).collect();
    let arguments: Vec<arrow::array::ArrayRef> = mask
        .arguments()
        .iter()
        .map(|argument| match argument {
            Argument::Place => Arc::new(numbers.clone()) as _,
            _ => Arc::new(ids.clone()) as _,
        })
        .collect();
    let values: arrow::array::ArrayRef = Arc::new(StringArray::from(values.to_vec()));
    let masked = text(&mask.apply(&values, &arguments).unwrap()).unwrap();
    masked
        .iter()
        .map(|value| value.unwrap().to_owned())
        .collect()
}

#[test]
fn what_draws_are_taken_from() {
    let imitate = || json!([{"type": "imitate"}]);
    let by =
        |sources: Value| numbers_and_names(imitate(), imitate(), json!({"hash_sources": sources}));
    let notes = ["5550143 Ann 5550143 5550144", "5550143 Bea"];
    let parts = |masked: &[String]| -> Vec<String> {
        let parts = masked.iter().flat_map(|note| note.split(' '));
        parts.map(str::to_owned).collect()
    };
    // Alike within a row, apart between rows and parts.
    let by_row = parts(&drawn(&by(json!([])), &notes, None));
    assert_eq!(by_row[0], by_row[2]);
    assert!(by_row[0] != by_row[3] && by_row[0] != by_row[4]);
    assert_ne!(
        drawn(&by(json!([])), &notes, Some("1")),
        drawn(&by(json!([])), &notes, Some("2"))
    );
    // The part decides, whatever the row.
    let own = by(json!([{"self": "entity"}]));
    let by_part = drawn(&own, &notes, None);
    let split = parts(&by_part);
    assert!(split[0] == split[2] && split[0] == split[4] && split[0] != split[3]);
    assert_eq!(drawn(&own, &notes[1..], None), by_part[1..]);
    // The part and the hash columns.
    let one = drawn(&own, &notes, Some("1"));
    assert_eq!(parts(&one)[0], parts(&one)[4]);
    assert!(one != by_part && one != drawn(&own, &notes, Some("2")));
    // Another part of the same text, or nothing.
    let by_name = by(json!([{"label": "NAME"}]));
    let notes = [
        "7777777 Ann",
        "7777777 Bea",
        "ANN 7777777 Cid",
        "7777777",
        "7777777 x",
    ];
    let masked = drawn(&by_name, &notes, None);
    let number = |row: usize| masked[row].split(' ').find(|part| part.len() == 7).unwrap();
    assert!(number(0) == number(2) && number(0) != number(1) && number(0) != number(3));
    assert_eq!(number(3), number(4));
}

/// Two matches of equal text under two labels with equal masks draw apart.
#[test]
fn labels_draw_apart_within_a_row() {
    let choose = json!([{"type": "from_random_number", "min": 0, "max": 999_999_999}]);
    let args = json!({
        "matchers": {"regex": [{"label": "A", "pattern": "(?-u:\\b)a:\\w+"}, {"label": "B", "pattern": "b:\\w+"}]},
        "masks": [{"label": "A", "masks": choose}, {"label": "B", "masks": choose}]
    });
    let masked = drawn(&mask(args), &["a:x b:x"], None);
    let (one, other) = masked[0].split_once(' ').unwrap();
    assert_ne!(one, other);
}

#[test]
fn bad_arguments() {
    let plain = || {
        json!({
            "matchers": {"regex": [{"label": "A", "pattern": "a"}]},
            "masks": [{"label": "A", "masks": fixed("x")}]
        })
    };
    let with = |path: &str, value: Value| {
        let mut args = plain();
        let (parent, key) = path.rsplit_once('/').unwrap();
        args.pointer_mut(parent).unwrap()[key] = value;
        args
    };
    let seeds = |more: Value| with("/matchers/seed_files", json!([more]));
    for (args, path) in [
        (json!({}), "matchers"),
        (with("/matchers", json!({})), "matchers"),
        (with("/masks", json!([])), "masks"),
        (
            with("/matchers/regex", json!([{"label": "a", "pattern": "a"}])),
            "matchers.regex[0].label",
        ),
        (
            with("/matchers/regex", json!([{"pattern": "a"}])),
            "matchers.regex[0].label",
        ),
        (
            with("/matchers/regex", json!([{"label": "A"}])),
            "matchers.regex[0].pattern",
        ),
        (
            with("/matchers/regex", json!([{"label": "A", "pattern": "("}])),
            "matchers.regex[0].pattern",
        ),
        (
            with(
                "/matchers/regex",
                json!([{"label": "A", "pattern": "a", "context_filters": []}]),
            ),
            "matchers.regex[0].context_filters",
        ),
        (
            with("/matchers/checksum", json!([{"label": "A", "type": "crc"}])),
            "matchers.checksum[0].type",
        ),
        (
            with(
                "/matchers/checksum",
                json!([{"label": "A", "type": "gb_nino"}]),
            ),
            "matchers.checksum[0].type",
        ),
        (
            seeds(json!({"label": "A"})),
            "matchers.seed_files[0].seed_file",
        ),
        (
            seeds(json!({"label": "A", "seed_file": "none.csv"})),
            "matchers.seed_files[0].seed_file",
        ),
        (
            seeds(json!({"label": "A", "seed_file": "people.csv"})),
            "matchers.seed_files[0].seed_column",
        ),
        (
            with("/matchers/context_sources", json!([{"label": "A"}])),
            "matchers.context_sources[0].column",
        ),
        (
            with(
                "/matchers/context_sources",
                json!([{"label": "B", "column": "c"}]),
            ),
            "masks",
        ),
        (
            with("/matchers/ai_detect", json!([{"label": "A"}])),
            "matchers.ai_detect",
        ),
        (with("/masks/0/label", json!("B")), "masks[0].label"),
        (
            with(
                "/masks",
                json!([{"label": "A", "masks": fixed("x")}, {"label": "A", "masks": fixed("y")}]),
            ),
            "masks[1].label",
        ),
        (
            with("/masks/0/masks", json!([{"type": "nope"}])),
            "masks[0].masks[0].type",
        ),
        (
            with(
                "/masks/0/masks",
                json!({"first": {"type": "from_unique", "format": "{[0-9],4}"}}),
            ),
            "masks[0].masks.first.type",
        ),
        (
            with("/fallback_masks", json!([{"type": "imitate", "x": 1}])),
            "fallback_masks[0].x",
        ),
        (
            with("/hash_sources", json!([{"label": "B"}])),
            "hash_sources[0].label",
        ),
        (with("/hash_sources", json!([{}])), "hash_sources[0]"),
        (
            with("/hash_sources", json!([{"self": "entity", "label": "A"}])),
            "hash_sources[0]",
        ),
        (
            with("/hash_sources", json!([{"self": "row"}])),
            "hash_sources[0].self",
        ),
    ] {
        let error = bind_error(&mask(args.clone()), &DataType::Utf8);
        assert_eq!(
            error.path.trim_start_matches("[0]").trim_start_matches('.'),
            path,
            "{args}"
        );
    }
}

fn texts_of_pieces() -> impl Strategy<Value = Vec<String>> {
    let piece = prop::sample::select(vec![
        "Ann",
        "ann",
        "Bea",
        "Anna",
        "e\u{301}",
        "é",
        " ",
        ", ",
        "-",
        "12",
        "7",
        "x",
        "\u{1F469}",
        "ß",
        "李",
        "\n",
        "(",
        "79927398713",
        "4111 1111 1111 1111",
    ]);
    prop::collection::vec(
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
        1..8,
    )
}

proptest! {
    /// Taken out, what the masks gave leaves what stands between the parts found, byte for byte.
    #[test]
    fn what_is_not_found_stays(texts in texts_of_pieces()) {
        let mark = fixed("\u{1D54F}");
        let marked = numbers_and_names(mark.clone(), mark, json!({}));
        let kept = numbers_and_names(json!([{"type": "do_nothing"}]), json!([{"type": "do_nothing"}]), json!({}));
        for text in &texts {
            prop_assert_eq!(&one(&kept, text), text);
            let masked = one(&marked, text);
            let mut rest = text.as_str();
            for between in masked.split('\u{1D54F}') {
                let at = rest.find(between);
                prop_assert!(at.is_some(), "{} {}", text, masked);
                rest = &rest[at.unwrap() + between.len()..];
            }
            prop_assert!(!masked.contains(|char: char| char.is_ascii_digit()));
            prop_assert!(masked.split(|char: char| !char.is_alphanumeric() && char != '\u{301}').all(|word| word != "Ann" && word != "ann"), "{}", masked);
        }
    }

    /// One result however rows are cut into batches.
    #[test]
    fn batches_do_not_matter(texts in texts_of_pieces(), cut in 0_usize..8) {
        let imitate = || json!([{"type": "imitate"}]);
        for sources in [json!([]), json!([{"self": "entity"}]), json!([{"label": "NAME"}])] {
            let mask = numbers_and_names(imitate(), imitate(), json!({"hash_sources": sources}));
            let values: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
            let whole = mask_texts(&mask, &values);
            let (first, second) = values.split_at(cut.min(values.len()));
            let apart = [mask_texts(&mask, first), mask_texts(&mask, second)].concat();
            prop_assert_eq!(&whole, &apart);
            prop_assert_eq!(whole, mask_texts(&mask, &values));
        }
    }
}
