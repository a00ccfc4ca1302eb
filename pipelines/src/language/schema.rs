//! JSON Schemas (draft 2020-12) of both files, so that editors complete and check.
//!
//! They are drawn from the tables the parser reads with, in `keys.rs`; the arguments of masks come
//! from outside. A schema accepts all that the parser does and a little more: it sees neither what
//! `${NAME}` and `$ref` stand for, nor how values go together, nor real files.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::connection::DbType;
use super::fields::KeySpec;
use super::keys;
use super::mask::KNOWN_MASKS;
use super::mask_schema;
pub use super::mask_schema::SPELLINGS;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Where a mapping stands, which decides what may stand in the place of any of its values.
#[derive(Clone, Copy)]
enum Inside {
    /// Text with `${NAME}`.
    Pipeline,
    /// A reference to a library.
    Ruleset,
}

/// The schema of a pipeline file. `masks` has the schema of each mask's arguments, by its name.
pub fn pipeline(masks: &BTreeMap<String, Value>) -> Value {
    let outside = |keys, description| object(keys, description, Inside::Pipeline);
    let mut schema = outside(
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
            outside(keys::PLACE_KEYS, "A folder of a connection."),
        ),
        ("options", outside(keys::OPTIONS, "How the run behaves.")),
        ("csv", outside(keys::CSV, "How delimited text is read.")),
        ("secret", secret()),
    ] {
        definitions.insert(name.to_owned(), definition);
    }
    finish(
        schema,
        &["version", "connections", "source", "ruleset"],
        definitions,
    )
}

/// The schema of a ruleset file. `masks` has the schema of each mask's arguments, by its name.
pub fn ruleset(masks: &BTreeMap<String, Value>) -> Value {
    finish(
        ruleset_object(),
        &["version", "tasks"],
        ruleset_definitions(masks),
    )
}

fn finish(mut schema: Value, required: &[&str], definitions: Map<String, Value>) -> Value {
    schema["$schema"] = json!(DRAFT);
    schema["required"] = json!(required);
    schema["$defs"] = Value::Object(definitions);
    schema
}

fn ruleset_object() -> Value {
    object(
        keys::RULESET,
        "A Visard ruleset: what to mask, and how.",
        Inside::Ruleset,
    )
}

/// A mapping with these keys and no others.
fn object(keys: &[KeySpec], description: &str, inside: Inside) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let shape = serde_json::from_str(key.shape).expect("a shape in `keys.rs` is JSON");
            let shape = match key.null {
                true => or_null(shape),
                false => shape,
            };
            let mut shape = match inside {
                Inside::Pipeline => or_variable(shape),
                Inside::Ruleset => or_reference(shape),
            };
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

/// A value of this shape, or an explicit `null`, which says as much as nothing.
pub(super) fn or_null(mut shape: Value) -> Value {
    let Some(map) = shape.as_object_mut().filter(|map| !map.is_empty()) else {
        return shape;
    };
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.push(Value::Null);
    } else if let Some(kind) = map.get_mut("type") {
        let kinds = match kind.take() {
            Value::Array(kinds) => kinds,
            one => vec![one],
        };
        let null = (!kinds.contains(&json!("null"))).then(|| json!("null"));
        *kind = kinds.into_iter().chain(null).collect();
    } else {
        return json!({"anyOf": [shape, {"type": "null"}]});
    }
    shape
}

/// A value of this shape, or text with a variable of the environment in it.
fn or_variable(shape: Value) -> Value {
    let takes_text = match shape["type"].as_array() {
        Some(kinds) => kinds.contains(&json!("string")),
        None => shape["type"] == "string",
    };
    let is_any = shape.as_object().is_none_or(Map::is_empty);
    if is_any || (takes_text && shape["maxLength"].is_null()) {
        return shape;
    }
    json!({"anyOf": [shape, {"type": "string", "pattern": r"\$\{"}]})
}

/// A value of this shape, or a reference to a library.
pub(super) fn or_reference(shape: Value) -> Value {
    if shape.as_object().is_none_or(Map::is_empty) {
        return shape;
    }
    json!({
        "if": {"type": "object", "required": ["$ref"]},
        "then": {"$ref": "#/$defs/reference"},
        "else": shape,
    })
}

/// A mapping whose `key` is this word.
fn typed(key: &str, name: &str, keys: &[KeySpec], description: &str, inside: Inside) -> Value {
    let mut schema = object(keys, description, inside);
    let doc = schema["properties"][key]["description"].take();
    schema["properties"][key] = json!({"const": name, "description": doc});
    schema
}

/// One of several mappings, told apart by `key`.
fn by(key: &str, description: &str, inside: Inside, kinds: &[(&str, &[KeySpec], &str)]) -> Value {
    let names: Vec<_> = kinds.iter().map(|(name, ..)| *name).collect();
    let cases = kinds.iter().map(|(name, keys, doc)| {
        json!({
            "if": {"properties": {key: {"const": name}}, "required": [key]},
            "then": typed(key, name, keys, doc, inside),
        })
    });
    let mut kind = json!({"enum": names});
    if matches!(inside, Inside::Pipeline) {
        kind = or_variable(kind);
    }
    kind["description"] = json!("what kind it is");
    json!({
        "description": description,
        "type": "object",
        "required": [key],
        "properties": {key: kind},
        "allOf": cases.collect::<Vec<_>>(),
    })
}

/// A step of a ruleset, with what a table of keys cannot say: of some keys exactly one is needed.
fn task() -> Value {
    let mut schema = any_task();
    for (name, keys) in [
        ("run_sql", ["sql", "sql_file"]),
        ("build_temp_table", ["table", "table_name"]),
        ("build_temp_table", ["select", "sql_select_statement"]),
    ] {
        let given =
            |key: &str| json!({"required": [key], "properties": {key: {"not": {"type": "null"}}}});
        let rule = json!({
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"oneOf": [given(keys[0]), given(keys[1])]},
        });
        schema["allOf"]
            .as_array_mut()
            .expect("tasks are told apart by their type")
            .push(rule);
    }
    schema
}

fn connection() -> Value {
    let databases: Vec<_> = DbType::ALL
        .iter()
        .map(|kind| match kind.is_built() {
            true => (kind, format!("{}.", kind.product())),
            false => (kind, format!("Not built yet: {}.", kind.product())),
        })
        .collect();
    let databases: Vec<_> = databases
        .iter()
        .map(|(kind, doc)| (kind.name(), kind.keys(), doc.as_str()))
        .collect();
    json!({
        "description": "A named place to read from or write to.",
        "if": {"type": "object", "required": ["db_type"]},
        "then": by("db_type", "A database.", Inside::Pipeline, &databases),
        "else": files_connection(),
    })
}

fn files_connection() -> Value {
    by(
        "type",
        "A place of files.",
        Inside::Pipeline,
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

fn any_task() -> Value {
    by(
        "type",
        "One step of a ruleset.",
        Inside::Ruleset,
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
            ("mask_table", keys::MASK_TABLE, "Masks columns of a table."),
            (
                "mask_unique_key",
                keys::MASK_UNIQUE_KEY,
                "Gives a key new values, and what refers to it.",
            ),
            ("run_sql", keys::RUN_SQL, "Runs SQL."),
            ("truncate_table", keys::TRUNCATE_TABLE, "Empties a table."),
            (
                "build_temp_table",
                keys::BUILD_TEMP_TABLE,
                "Fills a temporary table.",
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
            (
                "unstructured_text",
                keys::MASK_FILE,
                "Not built yet: masks free text.",
            ),
        ],
    )
}

/// A list, a mapping of labels, or one: `one` tells a single one from labels.
fn listed(name: &str, one: &Value, description: &str) -> Value {
    let item = json!({"$ref": format!("#/$defs/{name}")});
    json!({
        "description": description,
        "type": ["array", "object"],
        "items": item,
        "minItems": 1,
        "minProperties": 1,
        "if": {"type": "object", "anyOf": one},
        "then": item,
        "else": {"additionalProperties": item},
    })
}

/// One, or a list of them that is not empty.
fn one_or_many(name: &str, description: &str) -> Value {
    let item = json!({"$ref": format!("#/$defs/{name}")});
    json!({
        "description": description,
        "type": ["array", "object"],
        "items": item,
        "minItems": 1,
        "if": {"type": "object"},
        "then": item,
    })
}

/// A mapping that needs at least one of some keys.
fn with_one_of(mut object: Value, keys: &[&str]) -> Value {
    let keys = keys.iter().map(|key| json!({"required": [key]}));
    object["anyOf"] = keys.collect();
    object
}

fn ruleset_definitions(masks: &BTreeMap<String, Value>) -> Map<String, Value> {
    let inside = |keys, description| object(keys, description, Inside::Ruleset);
    let list_or_text =
        |key: &str| json!({"required": [key], "properties": {key: {"type": ["array", "string"]}}});
    let one_rule = json!([
        list_or_text("column"),
        list_or_text("columns"),
        list_or_text("masks"),
        list_or_text("if"),
        {"required": ["masks", "column"]},
        {"required": ["if", "rules"]},
        {"required": ["$ref"]},
    ]);
    let one_mask = json!([
        {"required": ["type"], "properties": {"type": {"not": {"type": "object"}}}},
        {"required": ["$ref"]},
    ]);
    let rule = json!({
        "if": {"type": "object", "anyOf": [{"required": ["if"]}, {"required": ["else_rules"]}]},
        "then": inside(keys::IF_RULE, "Rules for the rows where a condition holds, and for the others."),
        "else": with_one_of(
            inside(keys::RULE, "Masks for one column, or for several."),
            &["column", "columns"],
        ),
    });
    let literal = json!({"type": ["string", "number", "boolean", "null"]});
    let mut definitions = Map::new();
    let mask = mask(masks, &mut definitions);
    for (name, definition) in [
        ("task", or_reference(task())),
        (
            "rules",
            listed(
                "rule",
                &one_rule,
                "Rules as a list, as a mapping of labels to rules, or one rule.",
            ),
        ),
        ("rule", or_reference(rule)),
        (
            "masks",
            listed(
                "mask",
                &one_mask,
                "Masks as a list, as a mapping of labels to masks, or one mask.",
            ),
        ),
        ("mask", or_reference(mask)),
        (
            "conditions",
            one_or_many(
                "condition",
                "One condition, or a list of conditions that must all hold.",
            ),
        ),
        (
            "condition",
            or_reference(with_one_of(
                inside(
                    keys::CONDITION,
                    "A test of a column, or conditions put together.",
                ),
                &["column", "and", "or", "not"],
            )),
        ),
        (
            "hash_columns",
            json!({
                "description": "Columns whose values decide the masked values; `null` or empty for random values.",
                "type": ["array", "object", "string", "null"],
                "minLength": 1,
                "items": {"$ref": "#/$defs/hash_column"},
                "if": {"type": "object"},
                "then": {"$ref": "#/$defs/hash_column"},
            }),
        ),
        (
            "hash_column",
            or_reference(json!({
                "description": "The name of a column, or a mapping.",
                "oneOf": [
                    {"type": "string", "minLength": 1},
                    with_one_of(
                        inside(keys::HASH_COLUMN, "One value that decides a masked value."),
                        &["column_name", "source"],
                    ),
                ],
            })),
        ),
        (
            "skip_value",
            or_reference(json!({
                "description": "A value that is left alone, or a pattern of such values.",
                "oneOf": [literal, inside(keys::SKIP_VALUE, "A pattern of values.")],
            })),
        ),
        (
            "file_filter",
            or_reference(json!({
                "description": "Which files: a glob, or a mapping.",
                "oneOf": [
                    {"type": "string", "minLength": 1},
                    with_one_of(inside(keys::FILE_FILTER, "Which files."), &["glob", "regex"]),
                ],
            })),
        ),
        (
            "join",
            or_reference(inside(
                keys::JOIN,
                "A table that a masked one is joined with.",
            )),
        ),
        (
            "target_key",
            or_reference(inside(keys::TARGET_KEY, "A column of a key.")),
        ),
        (
            "cascade",
            or_reference(inside(keys::CASCADE, "Columns that follow masked ones.")),
        ),
        (
            "cascade_column",
            or_reference(inside(
                keys::CASCADE_COLUMN,
                "Two columns with the same values.",
            )),
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
    ] {
        definitions.insert(name.to_owned(), definition);
    }
    definitions
}

/// A mask: its type decides its arguments. Those of a mask that is not built yet are not looked at.
fn mask(masks: &BTreeMap<String, Value>, definitions: &mut Map<String, Value>) -> Value {
    let mut cases = Vec::new();
    for name in KNOWN_MASKS {
        let arguments = match masks.get(name) {
            Some(arguments) => mask_schema::placed(name, arguments.clone(), definitions),
            None => json!({"description": "Not built yet.", "additionalProperties": true}),
        };
        cases.push(json!({
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": arguments,
        }));
    }
    json!({
        "description": "One mask: a function from a value to its masked value.",
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"enum": KNOWN_MASKS.as_slice(), "description": "which mask"},
            "domain": {
                "type": ["string", "null"],
                "minLength": 1,
                "description": "kind of value, such as `customer id`: equal values of one domain get equal results",
            },
        },
        "allOf": cases,
        "unevaluatedProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::BuiltMasks;

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

    #[test]
    fn every_key_is_described_and_every_reference_leads_somewhere() {
        let masks = BuiltMasks::schemas();
        for schema in [pipeline(&masks), ruleset(&masks)] {
            let (mut properties, mut references) = (Vec::new(), Vec::new());
            walk(&schema, &mut properties, &mut references);
            assert!(properties.len() > 200);
            for (name, shape) in properties {
                let is_test = shape.as_object().unwrap().len() == 1;
                assert!(
                    is_test || shape["description"].is_string(),
                    "{name}: {shape}"
                );
            }
            assert!(references.len() > 200);
            for target in references {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(schema.pointer(pointer).is_some(), "{target}");
            }
        }
    }

    #[test]
    fn values_may_be_null_or_stand_elsewhere() {
        let string = json!({"type": "string"});
        assert_eq!(or_null(json!({})), json!({}));
        assert_eq!(or_null(string.clone()), json!({"type": ["string", "null"]}));
        assert_eq!(
            or_null(json!({"enum": ["a"]})),
            json!({"enum": ["a", null]})
        );
        let either = or_null(json!({"$ref": "#/$defs/masks"}));
        assert_eq!(either["anyOf"][1], json!({"type": "null"}));
        assert_eq!(or_variable(string.clone()), string);
        let flag = or_variable(json!({"type": "boolean"}));
        assert_eq!(flag["anyOf"][1]["pattern"], r"\$\{");
        assert_eq!(or_reference(string.clone())["else"], string);
    }

    #[test]
    fn masks_bring_their_definitions() {
        let schema = ruleset(&BuiltMasks::schemas());
        let form = &schema["$defs"]["hash.Form"]["oneOf"][0]["const"];
        assert_eq!(form, "hex");
        assert_eq!(schema["$schema"], DRAFT);
        assert_eq!(schema["required"], json!(["version", "tasks"]));
    }
}
