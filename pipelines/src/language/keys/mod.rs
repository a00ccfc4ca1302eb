//! Every key of the two files, once: what the parser accepts, what the JSON Schema says.

mod connections;
mod databases;
mod discovery;
mod files;
mod rules;
mod tables;

use super::fields::KeySpec;
pub(super) use connections::*;
pub(super) use databases::*;
pub(super) use discovery::*;
pub(super) use files::*;
pub(super) use rules::*;
pub(super) use tables::*;

const TEXT: &str = r#"{"type":"string"}"#;
const NAME: &str = r#"{"type":"string","minLength":1}"#;
const FLAG: &str = r#"{"type":"boolean"}"#;
const COUNT: &str = r#"{"type":"integer","minimum":1}"#;
const ANY: &str = "{}";
const VERSION: &str = r#"{"enum":["1.0",1.0]}"#;
const LIST: &str = r#"{"type":"array"}"#;
const TEXTS: &str = r#"{"type":["string","array"],"items":{"type":"string"}}"#;
const NAMES: &str =
    r#"{"type":["string","array"],"minLength":1,"items":{"type":"string","minLength":1}}"#;
pub(super) const SECRET: &str = r##"{"$ref":"#/$defs/secret"}"##;
const TASKS: &str = r##"{"type":"array","minItems":1,"items":{"$ref":"#/$defs/task"}}"##;
const RULES: &str = r##"{"$ref":"#/$defs/rules"}"##;
const MASKS: &str = r##"{"$ref":"#/$defs/masks"}"##;
const SKIP: &str = r##"{"type":"array","items":{"$ref":"#/$defs/skip_value"}}"##;
const HASH_COLUMNS: &str = r##"{"$ref":"#/$defs/hash_columns"}"##;
const FILTERS: &str = r##"{"type":["array","object","string"],"items":{"$ref":"#/$defs/file_filter"},"if":{"not":{"type":["array","null"]}},"then":{"$ref":"#/$defs/file_filter"}}"##;
const CONDITIONS: &str = r##"{"$ref":"#/$defs/conditions"}"##;
const LITERAL: &str = r#"{"type":["string","number","boolean","null"]}"#;
const ORDERED: &str = r#"{"type":["string","number"]}"#;
const YEARS: &str = r#"{"type":"integer","minimum":0,"maximum":999}"#;
const DAY: &str = r#"{"type":"string","format":"date"}"#;
const PLACE: &str = r##"{"oneOf":[{"type":"string"},{"$ref":"#/$defs/place"}]}"##;
const CHARACTER: &str = r#"{"type":"string","maxLength":3}"#;

/// The mappings of the language that a reference page shows: their names there, and their keys.
pub const TABLES: &[(&str, &[KeySpec])] = &[
    ("pipeline", PIPELINE),
    ("place", PLACE_KEYS),
    ("mounted_share_connection", MOUNTED_SHARE),
    ("s3_connection", S3),
    ("azure_blob_connection", AZURE_BLOB),
    ("gcs_connection", GCS),
    ("postgres", POSTGRES),
    ("mysql", MYSQL),
    ("sqlite", SQLITE),
    ("options", OPTIONS),
    ("ruleset", RULESET),
    ("mask_tabular_file", MASK_TABULAR_FILE),
    ("group", GROUP),
    ("mask_table", MASK_TABLE),
    ("run_sql", RUN_SQL),
    ("truncate_table", TRUNCATE_TABLE),
    ("build_temp_table", BUILD_TEMP_TABLE),
    ("mask_unique_key", MASK_UNIQUE_KEY),
    ("target_key", TARGET_KEY),
    ("cascade", CASCADE),
    ("cascade_column", CASCADE_COLUMN),
    ("file_filter", FILE_FILTER),
    ("csv", CSV),
    ("rule", RULE),
    ("hash_column", HASH_COLUMN),
    ("if_rule", IF_RULE),
    ("condition", CONDITION),
    ("library", LIBRARY),
];

/// A key that may be left out or be `null`.
const fn may(name: &'static str, shape: &'static str, doc: &'static str) -> KeySpec {
    KeySpec {
        name,
        required: false,
        null: true,
        shape,
        doc,
    }
}

/// A key that has to be there.
const fn must(name: &'static str, shape: &'static str, doc: &'static str) -> KeySpec {
    KeySpec {
        name,
        required: true,
        null: false,
        shape,
        doc,
    }
}

/// A key that may be left out; once there it has a value.
const fn filled(name: &'static str, shape: &'static str, doc: &'static str) -> KeySpec {
    KeySpec {
        name,
        required: false,
        null: false,
        shape,
        doc,
    }
}

/// A pipeline file.
pub(super) const PIPELINE: &[KeySpec] = &[
    filled(
        "version",
        VERSION,
        "version of the language; required at the top of a file",
    ),
    may("name", NAME, "name of the pipeline, for its report"),
    must(
        "connections",
        r##"{"type":"object","additionalProperties":{"$ref":"#/$defs/connection"}}"##,
        "named places to read from and write to",
    ),
    must("source", PLACE, "the connection to read from"),
    may(
        "destination",
        PLACE,
        "the connection to write to; a database is masked in place without one",
    ),
    must(
        "ruleset",
        r#"{"type":["string","object"]}"#,
        "what to mask: the path of a ruleset file, or a ruleset",
    ),
    may(
        "libraries",
        NAMES,
        "folder, or folders, that hold ruleset libraries as `namespace/name.yml`",
    ),
    may(
        "options",
        r##"{"$ref":"#/$defs/options"}"##,
        "how the run behaves",
    ),
];

/// Source and destination as mappings.
pub(super) const PLACE_KEYS: &[KeySpec] = &[
    must("connection", NAME, "name of a connection"),
    may(
        "path",
        TEXT,
        "folder below the connection's base directory; a database has none",
    ),
    may(
        "format",
        r#"{"enum":["parquet","csv"]}"#,
        "of a destination that tables are copied to: what the files are; default `parquet`",
    ),
    may(
        "mode",
        r#"{"enum":["error","append","overwrite"]}"#,
        "of a destination of copies between a database and another place: what becomes of rows and files that are there; by default (`error`) there must be none",
    ),
    may(
        "create_tables",
        FLAG,
        "of a database that is filled: whether tables that are not there are made, like what fills them; default false",
    ),
];

/// How a run behaves.
pub(super) const OPTIONS: &[KeySpec] = &[
    may(
        "run_secret",
        SECRET,
        "secret that decides every masked value, 16 characters or more; generated when left out",
    ),
    may(
        "disable_instance_secret",
        FLAG,
        "whether the run secret alone decides, the same on every machine",
    ),
    may(
        "instance_secret_file",
        TEXT,
        "file that holds the instance secret",
    ),
    may(
        "memory_limit",
        r#"{"type":["string","integer"]}"#,
        "most memory to hold: bytes, or a text such as `512MiB` (the default), `2 GB`",
    ),
    may(
        "workers",
        COUNT,
        "how many slices are worked on at once; one for each core when left out",
    ),
    may(
        "unmatched",
        r#"{"enum":["skip","copy","fail"]}"#,
        "files no task selects: left out (`skip`, the default), copied unmasked, or a failure",
    ),
    may(
        "coverage",
        r#"{"enum":["report","strict"]}"#,
        "columns no rule names: reported (the default), or a failure",
    ),
    may("in_place", FLAG, "whether the source itself is overwritten"),
    may(
        "allow_public",
        FLAG,
        "whether a publicly readable bucket or container is accepted",
    ),
    may(
        "continue_on_failure",
        FLAG,
        "whether the other files or tables go on when one fails",
    ),
    may("dry_run", FLAG, "whether everything but writing is done"),
    may(
        "csv",
        r##"{"$ref":"#/$defs/csv"}"##,
        "how delimited text is read",
    ),
    may(
        "batch_size",
        BATCH_SIZE,
        "rows of a table that are worked on at once; no effect on files",
    ),
    may(
        "buffer_size",
        BATCH_SIZE,
        "deprecated: an older name of `batch_size`",
    ),
    may(
        "max_rows",
        r#"{"type":["integer","string"],"minimum":1,"pattern":"^[0-9]+$|\\$\\{"}"#,
        "most rows of each table that are masked; the others stay as they are. Refused for files",
    ),
    may(
        "strategy",
        STRATEGY,
        "how a table is changed: its rows are updated, it is filled anew, or what is faster (`auto`, the default); no effect on files",
    ),
    may(
        "auto_manage_triggers",
        FLAG,
        "whether a table's triggers are off while it is masked, in place of the ruleset's word; no effect on files",
    ),
    may("diagnostic_logging", ANY, "for another server; no effect"),
    may("auto_pull", ANY, "for another server; no effect"),
    may("auto_pull_branch", ANY, "for another server; no effect"),
];

/// A ruleset file.
pub(super) const RULESET: &[KeySpec] = &[
    filled(
        "version",
        VERSION,
        "version of the language; required at the top of a file",
    ),
    must("tasks", TASKS, "what is done, in order"),
    may("doc", TEXT, "free text for readers"),
    may("name", TEXT, "deprecated: a ruleset is named by its file"),
    may(
        "imports",
        NAMES,
        "libraries that `$ref` may name, each as `namespace/name`",
    ),
    may(
        "skip_defaults",
        SKIP,
        "values that a rule without `skip` leaves alone",
    ),
    may(
        "mask_definitions",
        ANY,
        "holds YAML anchors and is otherwise ignored",
    ),
    may(
        "rule_definitions",
        ANY,
        "holds YAML anchors and is otherwise ignored",
    ),
    may(
        "task_definitions",
        ANY,
        "holds YAML anchors and is otherwise ignored",
    ),
    may("random_seed", ANY, "deprecated in favour of the run secret"),
    may(
        "disable_warning_on_duplicate_rules",
        FLAG,
        "whether two tasks may mask one column without a warning",
    ),
    may(
        "disable_warning_on_glacier_storage",
        FLAG,
        "whether archived objects are left out without a warning",
    ),
    may(
        "auto_manage_triggers",
        FLAG,
        "whether a table's triggers are off while it is masked; default false; no effect on files",
    ),
];

const TASK_TYPE: KeySpec = must("type", NAME, "what the task does");
const DOC: KeySpec = may("doc", TEXT, "free text for readers");
const TASK_NAME: KeySpec = may("name", TEXT, "name of the task, for the report");
const WORKERS: KeySpec = may("workers", COUNT, "how many slices are worked on at once");
const RULES_KEY: KeySpec = must("rules", RULES, "what to mask, and how");
const HASH_COLUMNS_KEY: KeySpec = may(
    "hash_columns",
    HASH_COLUMNS,
    "columns whose values decide the masked values",
);

/// `parallel` and `serial`.
pub(super) const GROUP: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    must("tasks", TASKS, "the tasks of the group"),
];

/// A library file.
pub(super) const LIBRARY: &[KeySpec] = &[
    filled(
        "version",
        VERSION,
        "version of the language; required at the top of a file",
    ),
    may("doc", TEXT, "free text for readers"),
    may("masks", ANY, "masks"),
    may("database_rules", ANY, "rules of database tasks"),
    may("tabular_file_rules", ANY, "rules of `mask_tabular_file`"),
    may("file_rules", ANY, "rules of `mask_file`"),
    may("columns", ANY, "lists of columns"),
    may("tasks", ANY, "tasks"),
    may("other", ANY, "anything else"),
];
