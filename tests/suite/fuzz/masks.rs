//! Random arguments for every mask: each is refused with a message or gives a mask, which masks whatever
//! column it takes or refuses a value without quoting it.

use std::sync::Arc;

use ::visard::check::BuiltMasks;
use ::visard::language::{Diagnostics, Language, Sources};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    Int64Array, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use serde_json::{Map, Value, json};
use visard_udfs::{
    Argument, ColumnMask, ColumnRule, DrawBy, HashColumn, MASKS, MaskNode, MaskSpec, PlaceUnit,
    Root, SeedFiles, SeedTable, shipped,
};

use super::{Failed, MARK, Random, campaign, remember};

/// The shipped seed files.
pub(super) struct Shipped;

impl SeedFiles for Shipped {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        let bytes = shipped(name).ok_or("there is no such seed file")?;
        let mut lines = std::str::from_utf8(bytes)
            .map_err(|error| error.to_string())?
            .lines();
        let mut next = || Some(lines.next()?.split(',').map(str::to_owned).collect());
        Ok(Arc::new(SeedTable {
            columns: next().unwrap_or_default(),
            rows: std::iter::from_fn(next).collect(),
        }))
    }

    fn bytes(&self, _: &str, _: usize) -> Result<Vec<u8>, String> {
        Ok(b"a stored file".to_vec())
    }
}

/// `node` bound to a column of the type of `values` that draws from itself; `None` where it is refused.
pub(super) fn bind(node: &MaskNode, values: &ArrayRef) -> Result<Option<ColumnMask>, Failed> {
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
    let root = Root::new(b"a run secret for tests only", None);
    match ColumnMask::bind(&rule, values.data_type(), &root, &Shipped) {
        Ok(bound) => Ok(Some(bound)),
        Err(error) if error.to_string().trim().is_empty() => {
            Err(Failed::because("it is refused without a word"))
        }
        Err(_) => Ok(None),
    }
}

/// What `mask` makes of `values`; `None` where it refuses one.
pub(super) fn apply(mask: &ColumnMask, values: &ArrayRef) -> Result<Option<ArrayRef>, Failed> {
    let others: StringViewArray = (0..values.len()).map(|_| Some("Smith")).collect();
    let others: ArrayRef = Arc::new(others);
    let numbers: ArrayRef = Arc::new((0..values.len() as u64).collect::<UInt64Array>());
    let arguments: Vec<ArrayRef> = mask
        .arguments()
        .iter()
        .map(|argument| match argument {
            Argument::Column(column) if column == "c" => Arc::clone(values),
            Argument::Place | Argument::Number => Arc::clone(&numbers),
            Argument::Shuffled => Arc::clone(values),
            _ => Arc::clone(&others),
        })
        .collect();
    match mask.apply(values, &arguments) {
        Ok(masked) => {
            if masked.len() != values.len() || masked.data_type() != values.data_type() {
                return Err(Failed::because("it gives another column"));
            }
            let sound = masked.to_data().validate_full();
            sound.map_err(|_| Failed::because("its array is not sound"))?;
            Ok(Some(masked))
        }
        Err(error) if format!("{error} {error:?}").contains(MARK) => {
            Err(Failed::because("its error quotes a value"))
        }
        Err(_) => Ok(None),
    }
}

/// A column of each type that masks take, with values at the edges.
fn columns() -> Vec<ArrayRef> {
    let texts = [
        Some(MARK),
        Some(""),
        None,
        Some("42"),
        Some("-0.5e3"),
        Some("1990-02-29"),
        Some("2024-02-29T23:59:59.999999999Z"),
        Some("ann.LeakMark@x.org"),
        Some("+64 21 555 0100"),
        Some("4111 1111 1111 1111"),
        Some("LeakMark e\u{301}\u{1F469}\u{200D}\u{1F680} \u{202E}\0"),
        Some(r#"{"a": "LeakMark", "b": [1, null]}"#),
        Some("::ffff:1.2.3.4"),
    ];
    vec![
        Arc::new(StringViewArray::from_iter(texts)),
        Arc::new(Int64Array::from(vec![
            Some(0),
            Some(i64::MIN),
            Some(i64::MAX),
            None,
            Some(-7),
        ])),
        Arc::new(Float64Array::from(vec![
            Some(0.0),
            Some(-0.0),
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(f64::MIN_POSITIVE),
            Some(1e308),
            None,
        ])),
        Arc::new(Date32Array::from(vec![
            Some(0),
            Some(i32::MIN),
            Some(i32::MAX),
            None,
        ])),
        Arc::new(TimestampMicrosecondArray::from(vec![
            Some(0),
            Some(i64::MIN),
            Some(i64::MAX),
            None,
        ])),
        Arc::new(
            Decimal128Array::from(vec![Some(0), Some(-1), Some(10_i128.pow(37)), None])
                .with_precision_and_scale(38, 4)
                .expect("the precision is the greatest one"),
        ),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        Arc::new(BinaryArray::from(vec![
            Some(&b"LeakMark\xFF"[..]),
            Some(b""),
            None,
        ])),
    ]
}

const WORDS: [&str; 40] = [
    "",
    " ",
    "a",
    "0",
    "-1",
    "1.5",
    "é",
    "\u{1F469}\u{200D}\u{1F680}",
    "\0",
    "*",
    "%",
    "%Y-%m-%d",
    "%Q",
    "%Y%Y%Y",
    "[a-z]{2}\\d",
    "[",
    "(",
    "(a+)+$",
    "\\",
    "$1",
    "{1,99999}",
    "null",
    "true",
    "1990-02-03",
    "1990-02-30",
    "9999-12-31",
    "2024-02-29T00:00:00Z",
    "24:00",
    "P1D",
    "month",
    "US",
    "de",
    "c",
    "fail",
    "suppress",
    "DataMasque_lastNames_v2.csv",
    "nowhere.csv",
    "hash",
    "upper",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Any value an argument may be given, right or wrong.
fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 9 } else { 12 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.below(40)),
        3 => json!(-(random.below(1000) as i64)),
        4 => [
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1_u64 << 53),
            json!(4_294_967_296_u64),
        ][random.below(4)]
        .clone(),
        5 => [json!(0.1), json!(-1e308), json!(5e-324), json!(1.0)][random.below(4)].clone(),
        6..=8 => json!(random.one_of(&WORDS)),
        9 => (0..random.below(4))
            .map(|_| value(random, depth - 1))
            .collect(),
        10 => {
            let mut map = Map::new();
            for _ in 0..random.below(4) {
                map.insert(random.one_of(&WORDS).to_owned(), value(random, depth - 1));
            }
            Value::Object(map)
        }
        _ => {
            let spec = &MASKS[random.below(MASKS.len())];
            json!([arguments(spec, random, depth - 1)])
        }
    }
}

/// Changes one place in `args`, at whatever depth.
fn change(args: &mut Value, random: &mut Random, depth: usize) {
    match args {
        Value::Object(entries) if !entries.is_empty() && random.below(3) > 0 => {
            let at = random.below(entries.len());
            if let Some((_, below)) = entries.iter_mut().nth(at) {
                change(below, random, depth);
            }
        }
        Value::Array(items) if !items.is_empty() && random.below(3) > 0 => {
            let at = random.below(items.len());
            change(&mut items[at], random, depth);
        }
        other => *other = value(random, depth),
    }
}

/// A mask with arguments: those of one of its examples, some of them changed, left out or added.
fn arguments(spec: &MaskSpec, random: &mut Random, depth: usize) -> Value {
    let example = &spec.examples[random.below(spec.examples.len())];
    let mut args: Map<String, Value> =
        serde_json::from_str(example.args).expect("examples are JSON objects");
    let schema = (spec.schema)();
    let known: Vec<String> = schema
        .get("properties")
        .and_then(|properties| properties.as_object())
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default();
    let known = known.iter().map(String::as_str);
    let names: Vec<&str> = known.chain(["no_such_argument"]).collect();
    for _ in 0..random.below(4) {
        let name = if random.below(20) == 0 {
            names.len() - 1
        } else {
            random.below(names.len())
        };
        let name = names[name];
        match random.below(4) {
            0 => drop(args.remove(name)),
            1 => drop(args.insert(name.to_owned(), value(random, depth))),
            _ => change(args.entry(name).or_insert(Value::Null), random, depth),
        }
    }
    args.insert("type".to_owned(), json!(spec.name));
    if random.below(16) == 0 {
        args.insert("domain".to_owned(), value(random, 0));
    }
    Value::Object(args)
}

/// The same mask through a ruleset: JSON is YAML.
fn through_a_ruleset(mask: &Value) -> Result<(), Failed> {
    let text = format!(
        "version: '1.0'\ntasks:\n- type: mask_tabular_file\n  rules:\n  - {{column: c, masks: [{mask}]}}\n"
    );
    let environment = std::collections::BTreeMap::new();
    let language = Language {
        masks: &BuiltMasks,
        environment: &environment,
    };
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let read = sources
        .add("ruleset.yml".as_ref(), text.into_bytes(), &mut diagnostics)
        .and_then(|file| ::visard::language::yaml::parse(file, &mut sources, &mut diagnostics))
        .and_then(|root| {
            let mut libraries = Default::default();
            language.ruleset(&root, &mut libraries, &mut sources, &mut diagnostics)
        });
    if read.is_none() && !diagnostics.has_errors() {
        return Err(Failed::because("nothing was read, and nothing is said"));
    }
    Ok(())
}

#[test]
fn arguments_of_masks() {
    let columns = columns();
    let mut bound = vec![0_usize; MASKS.len()];
    let mut masked = vec![0_usize; MASKS.len()];
    campaign("arguments of masks", |random| {
        let number = random.below(MASKS.len());
        let written = arguments(&MASKS[number], random, 2);
        remember(vec![(
            "mask.json".to_owned(),
            written.to_string().into_bytes(),
        )]);
        through_a_ruleset(&written)?;
        // A domain that is no text is refused by the ruleset already.
        let Ok(node) = serde_json::from_value::<MaskNode>(written) else {
            return Ok(());
        };
        let examples = MASKS[number].examples.iter().map(|example| example.value);
        let examples: ArrayRef = Arc::new(StringViewArray::from_iter(examples));
        for column in columns.iter().chain([&examples]) {
            let Some(mask) = bind(&node, column)? else {
                continue;
            };
            bound[number] += 1;
            if apply(&mask, column)?.is_some() {
                masked[number] += column.len();
                continue;
            }
            // One value was refused: the others are tried alone.
            for row in 0..column.len() {
                let value = column.slice(row, 1);
                masked[number] += usize::from(apply(&mask, &value)?.is_some());
            }
        }
        Ok(())
    });
    let sum = |counts: &[usize]| counts.iter().sum::<usize>();
    println!(
        "arguments of masks: {} columns took theirs, {} values were masked",
        sum(&bound),
        sum(&masked)
    );
    let never = MASKS.iter().zip(&masked);
    let never: Vec<_> = never
        .filter(|(_, masked)| **masked == 0)
        .map(|(spec, _)| spec.name)
        .collect();
    assert!(never.is_empty(), "masked nothing: {never:?}");
}
