//! Keys of discovery configurations, of their libraries, and of generation configurations.

use super::{
    ANY, FILTERS, FLAG, KeySpec, LIST, MASKS, NAME, NAMES, TEXT, VERSION, filled, may, must,
};

const LABELS: KeySpec = may("labels", LIST, "kinds of personal data, for rules to name");
const METADATA_RULES: KeySpec = may(
    "metadata_rules",
    LIST,
    "which names of columns tell of which label",
);
const IDD_RULES: KeySpec = may(
    "idd_rules",
    LIST,
    "rules for values, which are not looked at yet: an empty list",
);
const IGNORED_COLUMNS: KeySpec = may(
    "ignored_columns",
    LIST,
    "columns that are left out of the results, by their names",
);
const FILES: KeySpec = may("files", ANY, "which files are looked at; all when left out");

/// A discovery configuration.
pub(in super::super) const DISCOVERY_CONFIG: &[KeySpec] = &[
    may("version", VERSION, "version of the language"),
    may("doc", TEXT, "free text for readers"),
    may("imports", NAMES, "libraries that references name"),
    LABELS,
    METADATA_RULES,
    IDD_RULES,
    IGNORED_COLUMNS,
    FILES,
];

/// A library of discovery configurations.
pub(in super::super) const DISCOVERY_LIBRARY: &[KeySpec] = &[
    may("version", VERSION, "version of the language"),
    may("doc", TEXT, "free text for readers"),
    LABELS,
    METADATA_RULES,
    IDD_RULES,
    IGNORED_COLUMNS,
    FILES,
    may("other", ANY, "anything else that references name"),
];

/// A label.
pub(in super::super) const LABEL: &[KeySpec] = &[
    must("name", NAME, "its name"),
    may("description", TEXT, "what it stands for"),
    may("categories", NAMES, "what it belongs to, such as `PII`"),
];

/// A rule for names of columns.
pub(in super::super) const METADATA_RULE: &[KeySpec] = &[
    may("name", NAME, "its name"),
    may(
        "label",
        NAME,
        "the label that such a column has; one of `labels`",
    ),
    filled(
        "harmless",
        FLAG,
        "whether such a column tells of nobody: words of later rules do not count for it",
    ),
    must("column", ANY, "which names it is for"),
];

/// What tells a column by its name.
pub(in super::super) const COLUMN_TEST: &[KeySpec] = &[
    must(
        "type",
        r#"{"enum":["regex","words"]}"#,
        "how names are compared",
    ),
    may(
        "pattern",
        NAME,
        "of `regex`: found anywhere in a name unless anchored, in any letter case",
    ),
    may(
        "words",
        NAMES,
        "of `words`: whole words of a name, or several that follow each other; the first rule that has one counts",
    ),
];

/// Which files are looked at.
pub(in super::super) const DISCOVERY_FILES: &[KeySpec] = &[
    may(
        "recurse",
        FLAG,
        "whether folders are looked into; true when left out",
    ),
    may("include", FILTERS, "files to look at; all when left out"),
    may("skip", FILTERS, "files to leave out"),
];

/// A generation configuration.
pub(in super::super) const GENERATION_CONFIG: &[KeySpec] = &[
    may("version", VERSION, "version of the language"),
    may("doc", TEXT, "free text for readers"),
    must("labels", ANY, "a mask for each label"),
];

/// What is done about columns of a label.
pub(in super::super) const LABEL_MASK: &[KeySpec] = &[
    may(
        "preset_mask",
        NAME,
        "the masks that are usual for a built-in label: its name with `_mask`",
    ),
    may("masks", MASKS, "masks"),
];
