//! Documents for the mask `json`: what a path leads to is masked, all else stays, whatever the document.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use serde_json::{Map, Value, json};
use visard_udfs::MaskNode;

use super::masks::{apply, bind};
use super::{Failed, MARK, Random, campaign, mutate, remember};

const KEYS: [&str; 6] = ["a", "b", "list", "", "é", "a b"];
const BYTES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "1e400",
    "-0",
    "01",
    "\"a\":",
    "\"a\": 1, ",
    " ",
    "\n",
    "\u{feff}",
    "\0",
    "é",
    "NaN",
    "//",
];

/// A document; its texts hold [`MARK`].
fn document(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.next() as i64),
        3 => json!(random.below(1000) as f64 / 8.0),
        4 | 5 => json!(format!("{MARK} {} \"\\\u{1F680}", random.below(9))),
        6 => (0..random.below(4))
            .map(|_| document(random, depth - 1))
            .collect(),
        _ => {
            let mut map = Map::new();
            for _ in 0..random.below(5) {
                map.insert(random.one_of(&KEYS).to_owned(), document(random, depth - 1));
            }
            Value::Object(map)
        }
    }
}

fn path(random: &mut Random) -> Vec<Value> {
    (0..1 + random.below(4))
        .map(|_| match random.below(4) {
            0 => json!("*"),
            1 => json!(random.below(3)),
            _ => json!(random.one_of(&KEYS)),
        })
        .collect()
}

/// What a mask that gives `masked` makes of the values at `path`.
fn put(value: &mut Value, path: &[Value]) {
    let Some((step, rest)) = path.split_first() else {
        *value = json!("masked");
        return;
    };
    match (value, step) {
        (Value::Object(entries), Value::String(all)) if all == "*" => {
            entries.values_mut().for_each(|below| put(below, rest));
        }
        (Value::Array(items), Value::String(all)) if all == "*" => {
            items.iter_mut().for_each(|below| put(below, rest));
        }
        (Value::Object(entries), Value::String(key)) => {
            if let Some(below) = entries.get_mut(key) {
                put(below, rest);
            }
        }
        (Value::Array(items), Value::Number(index)) => {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            if let Some(below) = index.and_then(|index| items.get_mut(index)) {
                put(below, rest);
            }
        }
        _ => {}
    }
}

#[test]
fn json_documents() {
    let words: Vec<&[u8]> = BYTES.iter().map(|word| word.as_bytes()).collect();
    let (mut sound, mut damaged) = (0, 0);
    campaign("JSON documents", |random| {
        let mut text = document(random, 5).to_string();
        if random.below(2) == 0 {
            let mut bytes = text.into_bytes();
            mutate(&mut bytes, 0, &words, random);
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        let paths: Vec<_> = (0..1 + random.below(3)).map(|_| path(random)).collect();
        let suppress = random.below(2) == 0;
        let transforms: Vec<Value> = paths
            .iter()
            .map(|path| {
                json!({
                    "path": path,
                    "masks": [{"type": "from_fixed", "value": "masked"}],
                    "on_null": "mask",
                    "on_missing": "skip",
                })
            })
            .collect();
        let on_invalid = if suppress { "suppress" } else { "fail" };
        let args = json!({"type": "json", "transforms": transforms, "on_invalid": on_invalid});
        remember(vec![
            ("mask.json".to_owned(), args.to_string().into_bytes()),
            ("document.json".to_owned(), text.clone().into_bytes()),
        ]);
        let node: MaskNode = serde_json::from_value(args).expect("the mask is well formed");
        let column: ArrayRef = Arc::new(StringViewArray::from_iter([Some(text.as_str())]));
        let bound = bind(&node, &column)?;
        let Some(bound) = bound else {
            return Err(Failed::because("a sound mask was refused"));
        };
        let masked = apply(&bound, &column)?;
        let masked = masked.as_ref().map(|masked| masked.as_string_view());
        let masked = masked.map(|masked| masked.is_valid(0).then(|| masked.value(0)));
        let Ok(mut expected) = serde_json::from_str::<Value>(&text) else {
            damaged += 1;
            // Some of it is JSON all the same, such as numbers too large for us: it stays JSON then.
            return match masked {
                None if suppress => Err(Failed::because("it was to be suppressed")),
                Some(None) if !suppress => Err(Failed::because("it is null, and was to fail")),
                _ => Ok(()),
            };
        };
        sound += 1;
        paths.iter().for_each(|path| put(&mut expected, path));
        let found = masked.flatten().map(serde_json::from_str::<Value>);
        match found {
            Some(Ok(found)) if found == expected => Ok(()),
            Some(Ok(_)) => Err(Failed::because(
                "other values than those of the paths changed",
            )),
            Some(Err(_)) => Err(Failed::because("it is no JSON any more")),
            None => Err(Failed::because("a sound document was refused")),
        }
    });
    println!("JSON documents: {sound} sound ones, {damaged} damaged ones");
    assert!(sound > 0 && damaged > 0);
}
