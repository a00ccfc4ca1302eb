//! Keys of rules, and of what they choose and draw from.

use super::super::fields::KeySpec;
use super::{
    CONDITIONS, DAY, DOC, FLAG, HASH_COLUMNS, LIST, LITERAL, MASKS, NAME, ORDERED, RULES, SKIP,
    TEXT, YEARS, filled, may, must,
};

/// A rule.
pub(in super::super) const RULE: &[KeySpec] = &[
    may(
        "column",
        NAME,
        "column to mask; a nested one by its dotted path",
    ),
    may(
        "columns",
        r#"{"type":["string","array"],"minLength":1,"minItems":1,"items":{"type":"string","minLength":1}}"#,
        "columns to mask, by name or glob",
    ),
    may(
        "hash_columns",
        HASH_COLUMNS,
        "columns whose values decide the masked values, in place of the task's; `null` or empty for random values",
    ),
    may(
        "skip",
        SKIP,
        "values of the column that are left alone, in place of `skip_defaults`",
    ),
    may(
        "unique",
        FLAG,
        "whether distinct values must stay distinct; default false",
    ),
    must(
        "masks",
        MASKS,
        "masks, each applied to the result of the one before",
    ),
    may("name", TEXT, "name of the rule, for the report"),
    DOC,
];

/// A rule with a condition.
pub(in super::super) const IF_RULE: &[KeySpec] = &[
    must(
        "if",
        CONDITIONS,
        "which rows; several conditions must all hold",
    ),
    must(
        "rules",
        RULES,
        "rules for the rows where the condition holds",
    ),
    may("else_rules", RULES, "rules for all other rows"),
    may("name", TEXT, "name of the rule, for the report"),
    DOC,
];

/// A condition: a test of a column, or conditions put together.
pub(in super::super) const CONDITION: &[KeySpec] = &[
    may("column", NAME, "column to test"),
    may("equals", LITERAL, "the column has this value"),
    may(
        "not_equals",
        LITERAL,
        "the column has another value, or none",
    ),
    filled(
        "matches",
        NAME,
        "the regular expression is found in the column's text",
    ),
    filled("less_than", ORDERED, "the column is less"),
    filled(
        "less_than_or_equal",
        ORDERED,
        "the column is less or the same",
    ),
    filled("greater_than", ORDERED, "the column is greater"),
    filled(
        "greater_than_or_equal",
        ORDERED,
        "the column is greater or the same",
    ),
    filled(
        "age_less_than",
        YEARS,
        "who was born on the column's day is younger, on the day `at`",
    ),
    filled("age_less_than_or_equal", YEARS, "is of this age or younger"),
    filled("age_greater_than", YEARS, "is older"),
    filled(
        "age_greater_than_or_equal",
        YEARS,
        "is of this age or older",
    ),
    filled(
        "at",
        DAY,
        "the day on which ages are counted; needed, so that the same ruleset chooses the same rows tomorrow",
    ),
    filled("in", LIST, "the column has one of these values"),
    may("is_null", FLAG, "whether the column is null"),
    filled("and", CONDITIONS, "all of these hold"),
    filled("or", CONDITIONS, "at least one of these holds"),
    filled("not", CONDITIONS, "these do not all hold"),
];

/// A hash column as a mapping.
pub(in super::super) const HASH_COLUMN: &[KeySpec] = &[
    may("column_name", NAME, "name of the column"),
    may("source", r#"{"const":"self"}"#, "the column that is masked"),
    may(
        "case_transform",
        r#"{"enum":["upper","lower"]}"#,
        "letter case the value is brought to first",
    ),
    may(
        "trim",
        FLAG,
        "whether white space around the value is removed first",
    ),
    may(
        "json_path",
        r#"{"type":["string","integer","array"],"minimum":0,"items":{"type":["string","integer"],"minimum":0}}"#,
        "path to a value in the column's JSON",
    ),
];

/// A skipped value as a mapping.
pub(in super::super) const SKIP_VALUE: &[KeySpec] = &[must(
    "matches",
    NAME,
    "the regular expression is found in the value's text",
)];
