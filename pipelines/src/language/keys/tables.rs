//! Keys of tasks that work on the tables of a database.

use super::super::fields::KeySpec;
use super::{
    DOC, HASH_COLUMNS_KEY, NAME, NAMES, RULES_KEY, TASK_NAME, TASK_TYPE, TEXT, WORKERS, may, must,
};

/// Rows that are worked on at once.
pub(in super::super) const BATCH_SIZE: &str =
    r#"{"type":"integer","minimum":1,"maximum":10000000}"#;
/// How a table is changed in place.
pub(in super::super) const STRATEGY: &str = r#"{"enum":["auto","update","rewrite"]}"#;

const TABLE: KeySpec = must(
    "table",
    NAME,
    "`table` or `schema.table`; a part in double quotes is meant exactly",
);

/// A task for a table.
pub(in super::super) const MASK_TABLE: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    TABLE,
    may(
        "key",
        NAMES,
        "column or columns that find a row, or `ROWID` for its place; the primary key when left out",
    ),
    may("index_key_columns", NAMES, "another name of `key`"),
    HASH_COLUMNS_KEY,
    RULES_KEY,
    may(
        "where",
        NAME,
        "SQL condition for the rows to mask, without `;`; other rows stay as they are",
    ),
    may(
        "joins",
        r##"{"type":"array","items":{"$ref":"#/$defs/join"}}"##,
        "tables whose columns masks and conditions read beside each row, as `table.column`",
    ),
    WORKERS,
    may(
        "strategy",
        STRATEGY,
        "how this table is changed, in place of the pipeline's `strategy`",
    ),
    may(
        "batch_size",
        BATCH_SIZE,
        "rows of this table that are worked on at once, in place of the pipeline's `batch_size`",
    ),
    CASCADES,
];

/// A table that a masked one is joined with.
pub(in super::super) const JOIN: &[KeySpec] = &[
    must("target_table", NAME, "table that is joined"),
    must("target_key", NAMES, "its column or columns"),
    must("source_table", NAME, "table it is joined with"),
    must(
        "source_key",
        NAMES,
        "the columns there that have the same values",
    ),
];

/// A task that regenerates a key.
pub(in super::super) const MASK_UNIQUE_KEY: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    WORKERS,
    TABLE,
    may("key", NAMES, "column or columns of the key"),
    may(
        "target_key",
        r##"{"anyOf":[{"type":"string"},{"type":"array","items":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/target_key"}]}}]}"##,
        "the same, each a name or a mapping with `key`",
    ),
    may(
        "format",
        TEXT,
        "the format that the key's values are strings of, and become others of, as that of `from_format_string`; without \
         it new values have the form of the old ones",
    ),
    CASCADES,
];

/// A column of a key.
pub(in super::super) const TARGET_KEY: &[KeySpec] = &[
    must("key", NAME, "its name"),
    may("format", TEXT, "its format"),
];

/// Columns that follow others, though no foreign key says so.
const CASCADES: KeySpec = may(
    "additional_cascades",
    r##"{"type":"array","items":{"$ref":"#/$defs/cascade"}}"##,
    "columns of other tables that have the values of masked ones, though no foreign key says so; they are masked alike",
);

/// A table with such columns.
pub(in super::super) const CASCADE: &[KeySpec] = &[
    must("table", NAME, "the other table"),
    must(
        "columns",
        r##"{"type":"array","minItems":1,"items":{"$ref":"#/$defs/cascade_column"}}"##,
        "which of its columns follow which",
    ),
];

/// Two columns with the same values.
pub(in super::super) const CASCADE_COLUMN: &[KeySpec] = &[
    must("source", NAME, "the masked column"),
    must("target", NAME, "the column of the other table"),
];

/// A task that runs SQL. One of `sql` and `sql_file` is needed.
pub(in super::super) const RUN_SQL: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    may("sql", NAME, "the statements"),
    may(
        "sql_file",
        NAME,
        "file that holds the statements; a relative path begins at the folder of the ruleset",
    ),
];

/// A task that empties a table.
pub(in super::super) const TRUNCATE_TABLE: &[KeySpec] = &[TASK_TYPE, TASK_NAME, DOC, TABLE];

/// A task that fills a temporary table. One of `table` and `table_name`, and one of `select` and
/// `sql_select_statement` are needed.
pub(in super::super) const BUILD_TEMP_TABLE: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    may("table", NAME, "name of the temporary table"),
    may("table_name", NAME, "another name of `table`"),
    may("select", NAME, "query that fills it, without `;`"),
    may("sql_select_statement", NAME, "another name of `select`"),
];
