"""Validates documents with JSON Schema: reads `{"schemas": {...}, "documents": [{"name", "schema", "document", "valid"}]}`
from standard input and prints a line for each document that is judged otherwise."""

import json
import sys

from jsonschema import Draft202012Validator

asked = json.load(sys.stdin)
validators = {}
for name, schema in asked["schemas"].items():
    Draft202012Validator.check_schema(schema)
    validators[name] = Draft202012Validator(schema)
for case in asked["documents"]:
    errors = list(validators[case["schema"]].iter_errors(case["document"]))
    if case["valid"] and errors:
        first = errors[0]
        print(f"{case['name']}: refused at {first.json_path}: {first.message[:300]}")
    if not case["valid"] and not errors:
        print(f"{case['name']}: accepted")
