//! JSON Schemas (draft 2020-12) of both files, so that editors complete and check.
//!
//! They are drawn from the tables the parser reads with, in `keys.rs`; the parameters of masks come
//! from outside. A schema accepts a little more than a check does: it cannot look at real files.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::KeySpec;
use super::keys;
use super::mask::KNOWN_MASKS;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a pipeline file. `masks` has the schema of each mask's arguments, by its name.
pub fn pipeline(masks: &BTreeMap<String, Value>) -> Value {
    let mut schema = object(
        keys::PIPELINE,
        "A Visard pipeline: where to read, what to mask, where to write.",
    );
    let mut definitions = ruleset_definitions(masks);
    definitions.insert("ruleset".to_owned(), ruleset_object());
    schema["properties"]["ruleset"] = json!({
        "oneOf": [{"type": "string"}, {"$ref": "#/$defs/ruleset"}],
        "description": schema["properties"]["ruleset"]["description"],
    });
    for (name, definition) in [
        ("connection", connection()),
        (
            "place",
            object(keys::PLACE_KEYS, "A folder of a connection."),
        ),
        ("options", object(keys::OPTIONS, "How the run behaves.")),
        ("csv", object(keys::CSV, "How delimited text is read.")),
        ("secret", secret()),
    ] {
        definitions.insert(name.to_owned(), definition);
    }
    finish(schema, definitions)
}

/// The schema of a ruleset file. `masks` has the schema of each mask's arguments, by its name.
pub fn ruleset(masks: &BTreeMap<String, Value>) -> Value {
    let mut schema = ruleset_object();
    schema["required"] = json!(["version", "tasks"]);
    finish(schema, ruleset_definitions(masks))
}

fn finish(mut schema: Value, definitions: Map<String, Value>) -> Value {
    schema["$schema"] = json!(DRAFT);
    if schema["properties"]["connections"].is_object() {
        schema["required"] = json!(["version", "connections", "source", "ruleset"]);
    }
    schema["$defs"] = Value::Object(definitions);
    schema
}

fn ruleset_object() -> Value {
    object(keys::RULESET, "A Visard ruleset: what to mask, and how.")
}

/// A mapping with these keys and no others.
fn object(keys: &[KeySpec], description: &str) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut shape: Value =
                serde_json::from_str(key.shape).expect("a shape in `keys.rs` is JSON");
            shape["description"] = json!(key.doc);
            (key.name.to_owned(), shape)
        })
        .collect();
    let required = keys.iter().filter(|key| key.required).map(|key| key.name);
    json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required.collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

/// A mapping whose `type` is this word.
fn typed(name: &str, keys: &[KeySpec], description: &str) -> Value {
    let mut schema = object(keys, description);
    let doc = schema["properties"]["type"]["description"].take();
    schema["properties"]["type"] = json!({"const": name, "description": doc});
    schema
}

/// One of several mappings, told apart by `type`.
fn by_type(description: &str, kinds: &[(&str, &[KeySpec], &str)]) -> Value {
    let names: Vec<_> = kinds.iter().map(|(name, ..)| *name).collect();
    let cases = kinds.iter().map(|(name, keys, doc)| {
        json!({
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": typed(name, keys, doc),
        })
    });
    json!({
        "description": description,
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": names, "description": "what kind it is"}},
        "allOf": cases.collect::<Vec<_>>(),
    })
}

fn connection() -> Value {
    by_type(
        "A named place to read from or write to.",
        &[
            ("mounted_share_connection", keys::MOUNTED_SHARE, "A folder."),
            (
                "s3_connection",
                keys::S3,
                "A bucket of S3, or of a store that speaks its protocol.",
            ),
            (
                "azure_blob_connection",
                keys::AZURE_BLOB,
                "A container of Azure Blob Storage.",
            ),
            (
                "gcs_connection",
                keys::GCS,
                "A bucket of Google Cloud Storage.",
            ),
        ],
    )
}

fn secret() -> Value {
    json!({
        "description": "A secret: its text, `${NAME}` from the environment, or `file:` and a path.",
        "oneOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"file": {"type": "string", "description": "path of the file"}},
                "required": ["file"],
                "additionalProperties": false,
            },
        ],
    })
}

fn task() -> Value {
    by_type(
        "One step of a ruleset.",
        &[
            (
                "mask_tabular_file",
                keys::MASK_TABULAR_FILE,
                "Masks columns of CSV, Parquet and the like.",
            ),
            (
                "parallel",
                keys::GROUP,
                "Tasks that may run at the same time.",
            ),
            ("serial", keys::GROUP, "Tasks that run one after the other."),
            (
                "mask_file",
                keys::MASK_FILE,
                "Not built yet: masks JSON, XML and other text.",
            ),
            (
                "mask_table",
                keys::MASK_TABLE,
                "Not built yet: masks a database table.",
            ),
            (
                "mask_unique_key",
                keys::MASK_UNIQUE_KEY,
                "Not built yet: regenerates a key.",
            ),
            ("run_sql", keys::RUN_SQL, "Not built yet: runs SQL."),
            (
                "truncate_table",
                keys::TRUNCATE_TABLE,
                "Not built yet: empties a table.",
            ),
            (
                "build_temp_table",
                keys::BUILD_TEMP_TABLE,
                "Not built yet: fills a temporary table.",
            ),
            (
                "run_data_discovery",
                keys::DISCOVERY,
                "Left out: discovery is not built yet.",
            ),
            (
                "run_schema_discovery",
                keys::DISCOVERY,
                "Left out: discovery is not built yet.",
            ),
            (
                "run_file_data_discovery",
                keys::DISCOVERY,
                "Left out: discovery is not built yet.",
            ),
        ],
    )
}

fn ruleset_definitions(masks: &BTreeMap<String, Value>) -> Map<String, Value> {
    let or_reference = |name: &str| {
        let reference = json!({"$ref": "#/$defs/reference"});
        json!({
            "if": {"type": "object", "required": ["$ref"]},
            "then": reference,
            "else": {"$ref": format!("#/$defs/{name}")},
        })
    };
    let listed = |item: Value, single: &[&str], description: &str| {
        let single: Vec<_> = single
            .iter()
            .map(|key| json!({"required": [key]}))
            .collect();
        json!({
            "description": description,
            "type": ["array", "object"],
            "items": item,
            "if": {"type": "object", "anyOf": single},
            "then": item,
            "else": {"additionalProperties": item},
        })
    };
    let mut definitions = Map::new();
    let rule_item = json!({
        "if": {"type": "object", "required": ["if"]},
        "then": object(keys::IF_RULE, "Rules for the rows where a condition holds, and for the others."),
        "else": object(keys::RULE, "Masks for one column, or for several."),
    });
    let literal = json!({"type": ["string", "number", "boolean", "null"]});
    let named = [
        ("task", or_reference("plain_task")),
        ("plain_task", task()),
        (
            "rules",
            listed(
                or_reference("rule"),
                &["column", "columns", "if", "$ref"],
                "Rules as a list, as a mapping of labels to rules, or one rule.",
            ),
        ),
        ("rule", rule_item),
        (
            "masks",
            listed(
                or_reference("mask"),
                &["type", "$ref"],
                "Masks as a list, as a mapping of labels to masks, or one mask.",
            ),
        ),
        (
            "conditions",
            json!({
                "description": "One condition, or a list of conditions that must all hold.",
                "type": ["array", "object"],
                "items": {"$ref": "#/$defs/condition"},
                "if": {"type": "object"},
                "then": {"$ref": "#/$defs/condition"},
            }),
        ),
        (
            "condition",
            object(
                keys::CONDITION,
                "A test of a column, or conditions put together.",
            ),
        ),
        (
            "hash_columns",
            json!({
                "description": "Columns whose values decide the masked values; `null` or empty for random values.",
                "type": ["array", "object", "string", "null"],
                "items": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/hash_column"}]},
            }),
        ),
        (
            "hash_column",
            object(keys::HASH_COLUMN, "One value that decides a masked value."),
        ),
        (
            "skip_value",
            json!({
                "description": "A value that is left alone, or a pattern of such values.",
                "oneOf": [literal, object(keys::SKIP_VALUE, "A pattern of values.")],
            }),
        ),
        (
            "file_filter",
            json!({
                "description": "Which files: a glob, or a mapping.",
                "oneOf": [{"type": "string"}, object(keys::FILE_FILTER, "Which files.")],
            }),
        ),
        (
            "reference",
            json!({
                "description": "A value of a library.",
                "type": "object",
                "properties": {"$ref": {"type": "string", "description": "`namespace/name#section/key`"}},
                "required": ["$ref"],
                "additionalProperties": false,
            }),
        ),
    ];
    for (name, definition) in named {
        definitions.insert(name.to_owned(), definition);
    }
    let mask = mask(masks, &mut definitions);
    definitions.insert("mask".to_owned(), mask);
    definitions
}

/// A mask: its type decides its arguments.
fn mask(masks: &BTreeMap<String, Value>, definitions: &mut Map<String, Value>) -> Value {
    let cases: Vec<_> = masks
        .iter()
        .map(|(name, arguments)| {
            let mut arguments = with_own_definitions(name, arguments.clone(), definitions);
            if let Some(arguments) = arguments.as_object_mut() {
                arguments.remove("additionalProperties");
                arguments.remove("$schema");
            }
            if arguments["properties"]["masks"].is_object() {
                arguments["properties"]["masks"] = json!({
                    "$ref": "#/$defs/masks",
                    "description": "masks inside this one",
                });
            }
            json!({
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": arguments,
            })
        })
        .collect();
    let mut schema = json!({
        "description": "One mask: a function from a value to its masked value.",
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"enum": KNOWN_MASKS.as_slice(), "description": "which mask"},
            "domain": {
                "type": "string",
                "description": "kind of value, such as `customer id`: equal values of one domain get equal results",
            },
        },
    });
    if !cases.is_empty() {
        schema["allOf"] = json!(cases);
        schema["unevaluatedProperties"] = json!(false);
    }
    schema
}

/// Moves a mask's own definitions to the whole schema's, under names of their own.
fn with_own_definitions(
    mask: &str,
    mut arguments: Value,
    definitions: &mut Map<String, Value>,
) -> Value {
    let own = arguments
        .as_object_mut()
        .and_then(|map| map.remove("$defs"));
    let Some(Value::Object(own)) = own else {
        return arguments;
    };
    for (name, mut definition) in own {
        let renamed = format!("{mask}.{name}");
        rename(&mut arguments, &name, &renamed);
        rename(&mut definition, &name, &renamed);
        definitions.insert(renamed, definition);
    }
    arguments
}

fn rename(schema: &mut Value, from: &str, to: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "$ref" && *value == format!("#/$defs/{from}") {
                    *value = json!(format!("#/$defs/{to}"));
                } else {
                    rename(value, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object under `properties`, and every `$ref`.
    fn walk(schema: &Value, properties: &mut Vec<(String, Value)>, references: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("properties", Value::Object(inner)) => {
                            let inner = inner.iter();
                            properties
                                .extend(inner.map(|(name, shape)| (name.clone(), shape.clone())));
                        }
                        ("$ref", Value::String(target)) => references.push(target.clone()),
                        _ => {}
                    }
                    walk(value, properties, references);
                }
            }
            Value::Array(items) => {
                for item in items {
                    walk(item, properties, references);
                }
            }
            _ => {}
        }
    }

    fn masks() -> BTreeMap<String, Value> {
        let hash = json!({
            "type": "object",
            "properties": {"form": {"$ref": "#/$defs/Form", "description": "form of the result"}},
            "additionalProperties": false,
            "$defs": {"Form": {"enum": ["hex", "uuid"]}},
        });
        let chain = json!({
            "type": "object",
            "properties": {"masks": {"type": "array", "description": "inner"}},
            "required": ["masks"],
        });
        BTreeMap::from([("hash".to_owned(), hash), ("chain".to_owned(), chain)])
    }

    #[test]
    fn every_key_is_described_and_every_reference_leads_somewhere() {
        for schema in [pipeline(&masks()), ruleset(&masks())] {
            let (mut properties, mut references) = (Vec::new(), Vec::new());
            walk(&schema, &mut properties, &mut references);
            assert!(properties.len() > 50);
            for (name, shape) in properties {
                let constant =
                    shape.get("const").is_some() && shape.as_object().unwrap().len() == 1;
                assert!(
                    constant || shape["description"].is_string(),
                    "{name}: {shape}"
                );
            }
            for target in references {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(schema.pointer(pointer).is_some(), "{target}");
            }
        }
    }

    #[test]
    fn masks_bring_their_definitions() {
        let schema = ruleset(&masks());
        assert_eq!(schema["$defs"]["hash.Form"]["enum"], json!(["hex", "uuid"]));
        assert_eq!(schema["$schema"], DRAFT);
        assert_eq!(schema["required"], json!(["version", "tasks"]));
    }
}
