//! Keys of tasks that work on files, and of how files are read.

use super::super::fields::KeySpec;
use super::{
    ANY, CHARACTER, DOC, FILTERS, FLAG, HASH_COLUMNS_KEY, NAME, RULES_KEY, TASK_NAME, TASK_TYPE,
    TEXT, TEXTS, WORKERS, filled, may,
};

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
pub(in super::super) const CSV: &[KeySpec] = &[
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

const INCLUDE: KeySpec = may("include", FILTERS, "files to work on; all when left out");
const SKIP_FILES: KeySpec = may("skip", FILTERS, "files to leave out, even when included");
const RECURSE: KeySpec = may(
    "recurse",
    FLAG,
    "whether files in folders are looked at; default false",
);
/// A task for CSV, Parquet and the like.
pub(in super::super) const MASK_TABULAR_FILE: &[KeySpec] = &[
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

/// A task for JSON, XML and the like.
pub(in super::super) const MASK_FILE: &[KeySpec] = &[
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
pub(in super::super) const DISCOVERY: &[KeySpec] = &[
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
pub(in super::super) const FILE_FILTER: &[KeySpec] = &[
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
