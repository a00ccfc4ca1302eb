//! Every key of the two files, once: what the parser accepts, what the JSON Schema says.

mod databases;
mod tables;

use super::fields::KeySpec;
pub(super) use databases::*;
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
];

/// Keys that other servers put into connections; they have no effect.
const ID: KeySpec = may("id", ANY, "identifier on another server; no effect");
const CONNECTION_NAME: KeySpec = may("name", ANY, "name on another server; no effect");
const CONNECTION_VERSION: KeySpec = may(
    "version",
    ANY,
    "version of the connection's format; no effect",
);
const MASK_TYPE: KeySpec = may("mask_type", ANY, "always `file`; no effect");
const IS_SOURCE: KeySpec = may(
    "is_file_mask_source",
    ANY,
    "whether it may be read from; no effect",
);
const IS_DESTINATION: KeySpec = may(
    "is_file_mask_destination",
    ANY,
    "whether it may be written to; no effect",
);
const TYPE: KeySpec = must("type", NAME, "what kind it is");
const BASE: KeySpec = may("base_directory", TEXT, "folder that all paths are below");

/// A folder.
pub(super) const MOUNTED_SHARE: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    must(
        "base_directory",
        NAME,
        "the folder; a relative one is below the folder of the pipeline file",
    ),
];

/// A bucket of S3 or of a store that speaks its protocol.
pub(super) const S3: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    BASE,
    must("bucket", NAME, "name of the bucket"),
    may(
        "region",
        TEXT,
        "region of the bucket; without it, what the AWS configuration says",
    ),
    may("endpoint", TEXT, "address of a store that is not AWS"),
    may(
        "path_style",
        FLAG,
        "whether the bucket is part of the path rather than of the host name",
    ),
    may(
        "access_key_id",
        SECRET,
        "access key; without it, the AWS credential chain",
    ),
    may("secret_access_key", SECRET, "secret of the access key"),
    may("session_token", SECRET, "token of a temporary access key"),
    may("iam_role_arn", TEXT, "role to assume"),
    may(
        "allow_http",
        FLAG,
        "whether the endpoint may be reached without TLS",
    ),
];

/// A container of Azure Blob Storage.
pub(super) const AZURE_BLOB: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    BASE,
    must("container", NAME, "name of the container"),
    may(
        "connection_string",
        SECRET,
        "connection string with an account key or a shared access signature",
    ),
    may("emulator", FLAG, "whether to use the local emulator"),
];

/// A bucket of Google Cloud Storage.
pub(super) const GCS: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    BASE,
    must("bucket", NAME, "name of the bucket"),
    may(
        "service_account",
        SECRET,
        "path of a service account's key file, or the key as JSON",
    ),
    may(
        "service_account_key",
        SECRET,
        "another name of `service_account`",
    ),
    may("endpoint", TEXT, "address of a store that is not Google's"),
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

const DELIMITER: KeySpec = may(
    "delimiter",
    CHARACTER,
    "one ASCII character between fields, or `tab`; default a tab for `.tsv` and `.tab`, else `,`",
);
const QUOTE: KeySpec = may(
    "quote",
    CHARACTER,
    "one ASCII character around fields; empty or `null` when fields are never quoted; default `\"`",
);
const QUOTECHAR: KeySpec = may("quotechar", CHARACTER, "another name of `quote`");
const ESCAPE: KeySpec = may(
    "escape",
    CHARACTER,
    "one ASCII character before a quote inside quotes; default: the quote is doubled",
);
const HEADER: KeySpec = may(
    "header",
    FLAG,
    "whether the first record names the columns; default true, false where `columns` is given",
);
const COLUMNS: KeySpec = may(
    "columns",
    TEXTS,
    "names of the columns of a file without header",
);
const ENCODING: KeySpec = may("encoding", TEXT, "encoding of the text; default utf-8");
const NULL_STRING: KeySpec = filled(
    "null_string",
    TEXT,
    "an unquoted field with this text is null; default the empty text; cannot be `null` itself",
);
const RAGGED: KeySpec = may(
    "ragged",
    r#"{"enum":["fail","keep"]}"#,
    "records with too few or too many fields: a failure (the default), or kept as they are",
);

/// How delimited text is read, in a pipeline's options.
pub(super) const CSV: &[KeySpec] = &[
    DELIMITER,
    QUOTE,
    QUOTECHAR,
    ESCAPE,
    HEADER,
    COLUMNS,
    ENCODING,
    NULL_STRING,
    RAGGED,
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
const INCLUDE: KeySpec = may("include", FILTERS, "files to work on; all when left out");
const SKIP_FILES: KeySpec = may("skip", FILTERS, "files to leave out, even when included");
const RECURSE: KeySpec = may(
    "recurse",
    FLAG,
    "whether files in folders are looked at; default false",
);
const WORKERS: KeySpec = may("workers", COUNT, "how many slices are worked on at once");
const RULES_KEY: KeySpec = must("rules", RULES, "what to mask, and how");
const HASH_COLUMNS_KEY: KeySpec = may(
    "hash_columns",
    HASH_COLUMNS,
    "columns whose values decide the masked values",
);

/// A task for CSV, Parquet and the like.
pub(super) const MASK_TABULAR_FILE: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    may(
        "table",
        NAME,
        "table that the files are loaded into, where the destination is a database; refused elsewhere",
    ),
    RECURSE,
    INCLUDE,
    SKIP_FILES,
    WORKERS,
    HASH_COLUMNS_KEY,
    RULES_KEY,
    DELIMITER,
    QUOTE,
    QUOTECHAR,
    ESCAPE,
    HEADER,
    COLUMNS,
    ENCODING,
    NULL_STRING,
    RAGGED,
    may(
        "fixed_width_extension",
        ANY,
        "not built yet: fixed-width files",
    ),
    may(
        "fixed_width_columns_indexes",
        ANY,
        "not built yet: fixed-width files",
    ),
    may(
        "fixed_width_column_names",
        ANY,
        "not built yet: fixed-width files",
    ),
    may(
        "fixed_width_too_wide_action",
        ANY,
        "not built yet: fixed-width files",
    ),
];

/// `parallel` and `serial`.
pub(super) const GROUP: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    must("tasks", TASKS, "the tasks of the group"),
];

/// A task for JSON, XML and the like.
pub(super) const MASK_FILE: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    RECURSE,
    INCLUDE,
    SKIP_FILES,
    WORKERS,
    RULES_KEY,
    HASH_COLUMNS_KEY,
    ENCODING,
];

/// Discovery tasks.
pub(super) const DISCOVERY: &[KeySpec] = &[
    TASK_TYPE,
    TASK_NAME,
    DOC,
    RECURSE,
    INCLUDE,
    SKIP_FILES,
    ENCODING,
    WORKERS,
    may(
        "custom_keywords",
        ANY,
        "more words that make a column sensitive",
    ),
    may("ignored_keywords", ANY, "words that make a column harmless"),
    may(
        "disable_global_custom_keywords",
        ANY,
        "whether the server's words are left out",
    ),
    may(
        "disable_global_ignored_keywords",
        ANY,
        "whether the server's harmless words are left out",
    ),
    may(
        "disable_built_in_keywords",
        ANY,
        "whether the built-in words are left out",
    ),
    may("schemas", ANY, "schemas to look at"),
    may(
        "in_data_discovery",
        ANY,
        "whether and how values are looked at",
    ),
    may("discovery_config", ANY, "configuration to use"),
    may("options", ANY, "options of the discovery"),
];

/// Which files.
pub(super) const FILE_FILTER: &[KeySpec] = &[
    may(
        "glob",
        NAME,
        "`*` within a name, `**` across folders, `?`, `[a-z]`, `{a,b}`; without `/` it is matched with the file's name",
    ),
    may(
        "regex",
        NAME,
        "regular expression, found anywhere unless anchored",
    ),
    may(
        "match_against",
        r#"{"enum":["path","filename"]}"#,
        "what is matched: the path below the base directory (the default), or the file's name",
    ),
];

/// A rule.
pub(super) const RULE: &[KeySpec] = &[
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
pub(super) const IF_RULE: &[KeySpec] = &[
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
pub(super) const CONDITION: &[KeySpec] = &[
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
pub(super) const HASH_COLUMN: &[KeySpec] = &[
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
pub(super) const SKIP_VALUE: &[KeySpec] = &[must(
    "matches",
    NAME,
    "the regular expression is found in the value's text",
)];

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
