//! Which arguments a mask takes, as the schema of its arguments says.
//!
//! The schema is the one place that names them: `required` and `anyOf` are JSON Schema's own words,
//! and [`SPELLINGS`] stands beside each `alias` of serde. Tests hold all three against serde.

use serde_json::Value;

use crate::mask::MaskSpec;

/// The word under which the schema of an argument, or of a word it may be, lists the other spellings
/// that are read as the same.
pub const SPELLINGS: &str = "x-spellings";

/// One argument of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Other spellings of the name.
    pub spellings: Vec<String>,
    /// Whether the mask is nothing without it.
    pub required: bool,
}

impl MaskSpec {
    /// The arguments of the mask, in the order of the reference.
    pub fn parameters(&self) -> Vec<Parameter> {
        let schema = (self.schema)().to_value();
        let required = texts(&schema["required"]);
        let properties = schema["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(|(name, argument)| Parameter {
                name: name.clone(),
                spellings: texts(&argument[SPELLINGS]),
                required: required.contains(name),
            })
            .collect()
    }
}

/// The texts in a JSON list; none where there is no list.
fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::datatypes::DataType;
    use serde_json::json;

    use super::*;
    use crate::bind::{Binder, SeedFiles, SeedTable};
    use crate::key::Root;
    use crate::{BindError, MASKS, find_mask};

    struct NoSeeds;

    impl SeedFiles for NoSeeds {
        fn table(&self, _: &str) -> Result<Arc<SeedTable>, String> {
            Err("there is no seed file".to_owned())
        }
    }

    /// What the mask says to these arguments.
    fn bind(spec: &MaskSpec, args: &Value) -> Result<(), BindError> {
        let root = Root::new(b"golden run secret 0123456789", None);
        let mut inputs = Vec::new();
        let mut binder = Binder::new(&root, &NoSeeds, DataType::Utf8View, &mut inputs);
        (spec.bind)(args.as_object().unwrap(), &mut binder).map(|_| ())
    }

    /// The arguments of the mask's first example, with `more` among them.
    fn with(spec: &MaskSpec, more: &Value) -> Value {
        let mut args: Value = serde_json::from_str(spec.examples[0].args).unwrap();
        let more = more.as_object().unwrap().clone();
        args.as_object_mut().unwrap().extend(more);
        args
    }

    /// The words serde would have taken in place of one that is none.
    fn expected(message: &str) -> Option<BTreeSet<String>> {
        if message.contains(", there are no fields") {
            return Some(BTreeSet::new());
        }
        let rest = message
            .split_once("`, expected ")
            .map(|(_, rest)| rest)
            .or_else(|| message.strip_prefix("expected "))
            .filter(|rest| rest.starts_with('`') || rest.starts_with("one of `"))?;
        Some(
            rest.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
        )
    }

    /// A name or word of a schema, with its other spellings.
    fn spelled<'a>(name: &str, schema: &'a Value) -> impl Iterator<Item = String> + use<'a> {
        [name.to_owned()]
            .into_iter()
            .chain(texts(&schema[SPELLINGS]))
    }

    /// Holds every mapping and every choice of words below `schema` against serde; `place` makes the
    /// arguments in which a value stands there. Counts what was compared.
    fn compare(
        spec: &MaskSpec,
        whole: &Value,
        schema: &Value,
        place: &dyn Fn(Value) -> Value,
        compared: &mut usize,
    ) {
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut wrong = json!("no such word");
        if schema["additionalProperties"] == false {
            let properties = schema["properties"].as_object().into_iter().flatten();
            known.extend(properties.flat_map(|(name, inner)| spelled(name, inner)));
            wrong = json!({"no such word": 1});
        }
        known.extend(texts(&schema["enum"]));
        let options = ["oneOf", "anyOf"].map(|key| schema[key].as_array());
        for option in options.into_iter().flatten().flatten() {
            match option["const"].as_str() {
                Some(word) => known.extend(spelled(word, option)),
                None => compare(spec, whole, option, place, compared),
            }
        }
        if schema["additionalProperties"] == false || !known.is_empty() {
            let said = bind(spec, &place(wrong)).err();
            // One of several shapes is not asked for its words.
            if let Some(said) = said.and_then(|error| expected(&error.message)) {
                assert_eq!(said, known, "{}: {schema}", spec.name);
                *compared += 1;
            }
        }
        if let Some(target) = schema["$ref"].as_str() {
            let target = whole.pointer(target.trim_start_matches('#')).unwrap();
            compare(spec, whole, target, place, compared);
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            let place = |value: Value| place(json!({name: value}));
            compare(spec, whole, inner, &place, compared);
        }
        if schema["items"].is_object() {
            let place = |value: Value| place(json!([value]));
            compare(spec, whole, &schema["items"], &place, compared);
        }
    }

    #[test]
    fn spellings_are_those_of_serde() {
        let mut compared = 0;
        for spec in MASKS {
            let schema = (spec.schema)().to_value();
            let before = compared;
            compare(
                spec,
                &schema,
                &schema,
                &|value| with(spec, &value),
                &mut compared,
            );
            assert!(compared > before, "{} was not compared", spec.name);
        }
        // More than one for each mask: words were compared too.
        assert!(compared > MASKS.len() + 30, "{compared}");
    }

    #[test]
    fn a_spelling_stands_for_the_argument_it_is_listed_at() {
        let mut twice = 0;
        for spec in MASKS {
            let schema = (spec.schema)().to_value();
            for parameter in spec.parameters() {
                let value = &schema["properties"][&parameter.name]["default"];
                for spelling in &parameter.spellings {
                    let both = with(spec, &json!({&parameter.name: value, spelling: value}));
                    let error = bind(spec, &both).unwrap_err();
                    let message = format!("duplicate field `{}`", parameter.name);
                    // A `null` where there has to be a value is found wrong first.
                    if !value.is_null() {
                        assert_eq!(error.message, message, "{} {spelling}", spec.name);
                        twice += 1;
                    }
                }
            }
        }
        assert!(twice > 8, "{twice}");
    }

    #[test]
    fn what_is_required_is_what_a_mask_asks_for() {
        for spec in MASKS {
            let schema = (spec.schema)().to_value();
            let asks = schema["required"].is_array() || schema["anyOf"].is_array();
            let without = bind(spec, &json!({}));
            assert_eq!(without.is_err(), asks, "{} {without:?}", spec.name);
            for example in spec.examples {
                let args: Value = serde_json::from_str(example.args).unwrap();
                for parameter in spec.parameters().iter().filter(|one| one.required) {
                    let mut args = args.clone();
                    for name in [&parameter.name].into_iter().chain(&parameter.spellings) {
                        args.as_object_mut().unwrap().remove(name);
                    }
                    let error = bind(spec, &args).unwrap_err();
                    assert_eq!(error.path, parameter.name, "{} {args}", spec.name);
                }
            }
        }
    }

    #[test]
    fn parameters_of_a_mask() {
        let found = find_mask("from_random_text").unwrap().parameters();
        let parameter = |name: &str, spellings: &[&str], required| Parameter {
            name: name.to_owned(),
            spellings: spellings.iter().map(|text| (*text).to_owned()).collect(),
            required,
        };
        assert_eq!(
            found,
            [
                parameter("min", &["min_length"], false),
                parameter("max", &["max_length"], true),
                parameter("case", &[], false),
                parameter("characters", &["charset", "alphabet"], false),
            ]
        );
    }
}
