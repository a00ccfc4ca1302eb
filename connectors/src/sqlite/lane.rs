//! Storage classes and the Arrow types that columns are masked as.
//!
//! SQLite keeps any class of value in any column (`STRICT` tables apart), and a declared type is a wish.
//! So a column's lane is chosen by what is in it:
//!
//! | In the column, nulls aside | Lane | Arrow |
//! |---|---|---|
//! | integers | `Integer` | `Int64` |
//! | reals, or with integers where the column's affinity makes one of the other again | `Real` | `Float64` |
//! | blobs | `Blob` | `BinaryView` |
//! | text, or several classes | `Text` | `Utf8View`, marks |
//! | nothing | by the declared type | |
//!
//! *Marks*: a hidden column beside a `Text` lane says of which class a value is that is no text
//! ([`class_column`]). Numbers are shown as the shortest text that reads back as the same number, blobs as
//! the text they spell; written back, a value is of its class again where what the mask gave can be.

use arrow::datatypes::DataType;

/// What the declared type makes of values that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Real,
    Numeric,
    Text,
    /// Nothing: values stay as they are.
    None,
}

impl Affinity {
    /// By section 3.1 of SQLite's "Datatypes": the first that matches counts.
    pub(super) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        match () {
            // Elsewhere `ANY` is a word as any other, and numeric.
            () if strict && declared == "ANY" => Self::None,
            () if has(&["INT"]) => Self::Integer,
            () if has(&["CHAR", "CLOB", "TEXT"]) => Self::Text,
            () if declared.is_empty() || has(&["BLOB"]) => Self::None,
            () if has(&["REAL", "FLOA", "DOUB"]) => Self::Real,
            () => Self::Numeric,
        }
    }
}

/// How a column is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Integer,
    Real,
    Text,
    Blob,
}

/// Which classes a column holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) integer: bool,
    /// Integers that a real does not hold exactly.
    pub(super) wide: bool,
    pub(super) real: bool,
    pub(super) text: bool,
    pub(super) blob: bool,
}

/// The largest integer up to which reals hold every one.
pub(super) const EXACT: u64 = 1 << 53;

impl Lane {
    /// The lane of a column of this type, with these values in it.
    pub(super) fn of(declared: &str, affinity: Affinity, seen: Seen) -> Self {
        match (seen.integer, seen.real, seen.text, seen.blob) {
            (false, false, false, false) => Self::declared(declared, affinity),
            (true, false, false, false) => Self::Integer,
            (false, true, false, false) => Self::Real,
            (true, true, false, false) if affinity != Affinity::None && !seen.wide => Self::Real,
            (false, false, false, true) => Self::Blob,
            _ => Self::Text,
        }
    }

    /// The lane of a column without values.
    fn declared(declared: &str, affinity: Affinity) -> Self {
        let declared = declared.to_ascii_uppercase();
        match affinity {
            Affinity::Integer => Self::Integer,
            Affinity::Real => Self::Real,
            Affinity::Text => Self::Text,
            Affinity::None if declared.contains("BLOB") => Self::Blob,
            Affinity::None => Self::Text,
            // These are conventions: what people put there is text, or 0 and 1.
            Affinity::Numeric if declared.contains("BOOL") => Self::Integer,
            Affinity::Numeric if ["DATE", "TIME"].iter().any(|part| declared.contains(part)) => {
                Self::Text
            }
            Affinity::Numeric => Self::Real,
        }
    }

    /// The Arrow type of its values.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Text => DataType::Utf8View,
            Self::Blob => DataType::BinaryView,
        }
    }

    /// Whether a hidden column of marks is beside it.
    pub(super) fn has_classes(self) -> bool {
        self == Self::Text
    }
}

/// The class of a value in a text lane that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Integer,
    Real,
    Blob,
}

impl Class {
    /// What stands for it in a column of marks.
    pub(super) fn code(self) -> i8 {
        match self {
            Self::Integer => 1,
            Self::Real => 2,
            Self::Blob => 4,
        }
    }

    /// The class that `code` stands for, if any.
    pub(super) fn of_code(code: i8) -> Option<Self> {
        [Self::Integer, Self::Real, Self::Blob]
            .into_iter()
            .find(|class| class.code() == code)
    }
}

/// The hidden column of marks beside column `name`.
pub(super) fn class_column(name: &str) -> String {
    format!("__visard_class_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinities() {
        for (declared, affinity) in [
            ("INTEGER", Affinity::Integer),
            ("unsigned big int", Affinity::Integer),
            ("CHARINT", Affinity::Integer),
            ("FLOATING POINT", Affinity::Integer),
            ("varchar(20)", Affinity::Text),
            ("NCLOB", Affinity::Text),
            ("", Affinity::None),
            ("blob", Affinity::None),
            ("double precision", Affinity::Real),
            ("DECIMAL(10,2)", Affinity::Numeric),
            ("DATETIME", Affinity::Numeric),
            ("STRING", Affinity::Numeric),
            ("ANY", Affinity::Numeric),
        ] {
            assert_eq!(Affinity::of(declared, false), affinity, "{declared}");
        }
        assert_eq!(Affinity::of("ANY", true), Affinity::None);
    }

    #[test]
    fn lanes_by_what_is_there() {
        let seen = |classes: &str| Seen {
            integer: classes.contains('i') || classes.contains('w'),
            wide: classes.contains('w'),
            real: classes.contains('r'),
            text: classes.contains('t'),
            blob: classes.contains('b'),
        };
        for (declared, classes, lane) in [
            ("INTEGER", "", Lane::Integer),
            ("INTEGER", "i", Lane::Integer),
            ("INTEGER", "ir", Lane::Real),
            ("INTEGER", "it", Lane::Text),
            ("NUMERIC", "ir", Lane::Real),
            ("NUMERIC", "iwr", Lane::Text),
            ("NUMERIC", "t", Lane::Text),
            ("NUMERIC", "", Lane::Real),
            ("DATE", "", Lane::Text),
            ("BOOLEAN", "", Lane::Integer),
            ("", "ir", Lane::Text),
            ("", "b", Lane::Blob),
            ("BLOB", "", Lane::Blob),
            ("TEXT", "tb", Lane::Text),
        ] {
            let affinity = Affinity::of(declared, false);
            assert_eq!(
                Lane::of(declared, affinity, seen(classes)),
                lane,
                "{declared} {classes}"
            );
        }
    }
}
