//! The schema of a mask's arguments, as it stands in the schema of a file.
//!
//! It comes from the table of masks with definitions of its own, one spelling of each name and no
//! word of what a ruleset may write anywhere: references, and masks as a list or with labels.

use serde_json::{Map, Value, json};

use super::schema::{or_null, or_reference};

/// Where the schema of an argument, or of a word, lists other spellings that are read as the same.
pub const SPELLINGS: &str = "x-spellings";

/// The arguments of `mask`. Its own definitions move to those of the whole schema.
pub(super) fn placed(
    mask: &str,
    mut arguments: Value,
    definitions: &mut Map<String, Value>,
) -> Value {
    let own = match arguments.as_object_mut() {
        None => None,
        Some(map) => {
            map.remove("$schema");
            map.remove("title");
            map.remove("$defs")
        }
    };
    for (name, definition) in own
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        definitions.insert(format!("{mask}.{name}"), rewritten(mask, definition));
    }
    let mut arguments = rewritten(mask, &arguments);
    // The mask's own keys, `type` and `domain`, stand beside them: the whole refuses what is left.
    if let Some(map) = arguments.as_object_mut() {
        map.remove("additionalProperties");
    }
    arguments
}

/// A schema with its references led to the moved definitions, and with every spelling.
fn rewritten(mask: &str, schema: &Value) -> Value {
    let Value::Object(map) = schema else {
        return match schema {
            Value::Array(items) => items.iter().map(|item| rewritten(mask, item)).collect(),
            other => other.clone(),
        };
    };
    let mut out = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            ("$ref", Value::String(target)) => {
                json!(target.replacen("#/$defs/", &format!("#/$defs/{mask}."), 1))
            }
            ("properties", Value::Object(properties)) => arguments_of(mask, properties),
            ("default", default) if !default.is_null() => default.clone(),
            ("default" | SPELLINGS, _) => continue,
            ("items", item) => or_reference(rewritten(mask, item)),
            _ => rewritten(mask, value),
        };
        out.insert(key.clone(), value);
    }
    let words = spellings(schema);
    if let Some(word) = out.get("const").cloned().filter(|_| !words.is_empty()) {
        out.remove("const");
        let words: Vec<Value> = [word].into_iter().chain(words).collect();
        out.insert("enum".to_owned(), words.into());
    }
    if let Some(properties) = map.get("properties") {
        with_spelled_requirements(&mut out, properties);
    }
    out.into()
}

/// The arguments, each under all its names.
fn arguments_of(mask: &str, properties: &Map<String, Value>) -> Value {
    let mut out = Map::new();
    for (name, argument) in properties {
        let shape = match name.as_str() {
            // Where it is a list of something else, it is that.
            "masks" if argument.get("items").is_none() => json!({"$ref": "#/$defs/masks"}),
            "fallback_masks" => or_null(json!({"$ref": "#/$defs/masks"})),
            _ => rewritten(mask, argument),
        };
        let under = |description: Value| {
            let mut shape = or_reference(shape.clone());
            shape["description"] = description;
            shape
        };
        out.insert(name.clone(), under(argument["description"].clone()));
        for other in spellings(argument) {
            let other = other.as_str().unwrap_or_default().to_owned();
            out.insert(other, under(json!(format!("another spelling of `{name}`"))));
        }
    }
    out.into()
}

/// `required` here and in `anyOf`: an argument is there under any of its names, and under one only.
fn with_spelled_requirements(schema: &mut Map<String, Value>, properties: &Value) {
    let spelled = |required: &Value| -> Value {
        let names = required.as_array().into_iter().flatten();
        let each = names.map(|name| {
            let argument = &properties[name.as_str().unwrap_or_default()];
            let names = [name.clone()].into_iter().chain(spellings(argument));
            let names: Vec<Value> = names.map(|name| json!({"required": [name]})).collect();
            match <[Value; 1]>::try_from(names) {
                Ok([only]) => only,
                Err(names) => json!({"oneOf": names}),
            }
        });
        each.collect()
    };
    if let Some(required) = schema.remove("required") {
        schema.insert("allOf".to_owned(), spelled(&required));
    }
    if let Some(Value::Array(choices)) = schema.remove("anyOf") {
        let choices = choices
            .iter()
            .map(|choice| json!({"allOf": spelled(&choice["required"])}));
        schema.insert("anyOf".to_owned(), choices.collect());
    }
}

fn spellings(schema: &Value) -> Vec<Value> {
    schema[SPELLINGS].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_moved_with_all_that_leads_to_them() {
        let arguments = json!({
            "$defs": {
                "Prefix": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/Word"}]},
                "Word": {"oneOf": [{"const": "automatic", "x-spellings": ["auto"]}]},
            },
            "type": "object",
            "additionalProperties": false,
            "properties": {"keep": {"$ref": "#/$defs/Prefix", "description": "what stays"}},
        });
        let mut definitions = Map::new();
        let placed = placed("card", arguments, &mut definitions);
        assert_eq!(
            Value::Object(definitions),
            json!({
                "card.Prefix": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/card.Word"}]},
                "card.Word": {"oneOf": [{"enum": ["automatic", "auto"]}]},
            })
        );
        let mut keep =
            or_reference(json!({"$ref": "#/$defs/card.Prefix", "description": "what stays"}));
        keep["description"] = json!("what stays");
        assert_eq!(
            placed,
            json!({"type": "object", "properties": {"keep": keep}})
        );
    }

    #[test]
    fn an_argument_is_there_under_any_of_its_names() {
        let arguments = json!({
            "type": "object",
            "properties": {
                "max": {"type": "integer", "description": "most", "x-spellings": ["max_length"]},
                "min": {"type": "integer", "description": "least"},
            },
            "required": ["max"],
            "anyOf": [{"required": ["min"]}],
        });
        let placed = placed("text", arguments, &mut Map::new());
        assert_eq!(
            placed["allOf"],
            json!([{"oneOf": [{"required": ["max"]}, {"required": ["max_length"]}]}])
        );
        assert_eq!(placed["anyOf"], json!([{"allOf": [{"required": ["min"]}]}]));
        assert_eq!(
            placed["properties"]["max_length"]["else"],
            placed["properties"]["max"]["else"]
        );
        assert_eq!(
            placed["properties"]["max_length"]["description"],
            "another spelling of `max`"
        );
    }
}
