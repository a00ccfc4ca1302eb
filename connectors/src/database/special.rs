//! Values that databases have and Arrow has not, and the hidden columns that keep them.
//!
//! Arrow has no infinity of dates and no NaN of decimals. Such a [`Special`] value is read as null, and a
//! hidden column beside it says which null was which ([`special_column`]). Written back, a null with a mark
//! is that value again; a mask that sets a value wins over the mark.
//!
//! Where rows are copied, a database that has other such values (dates with a zero in them) puts the texts that
//! spell them beside a column instead ([`spelled_column`]).

use crate::unit::HIDDEN_PREFIX;

/// A value that Arrow's decimals, dates and timestamps do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Special {
    /// `-infinity`.
    NegativeInfinity,
    /// `infinity`.
    Infinity,
    /// `NaN`, of numbers only.
    NotANumber,
}

/// What the name of a hidden column of marks begins with, behind [`HIDDEN_PREFIX`].
const SPECIAL: &str = "special_";

/// The hidden column of marks beside column `name`.
pub fn special_column(name: &str) -> String {
    format!("{HIDDEN_PREFIX}{SPECIAL}{name}")
}

/// What the name of a hidden column of texts begins with, behind [`HIDDEN_PREFIX`].
const SPELLED: &str = "spelled_";

/// The hidden column beside column `name` that spells values which it has as null for want of a form.
pub fn spelled_column(name: &str) -> String {
    format!("{HIDDEN_PREFIX}{SPELLED}{name}")
}

/// Whether `name` is that of a hidden column of marks.
pub fn is_special_column(name: &str) -> bool {
    let hidden = name.strip_prefix(HIDDEN_PREFIX);
    hidden.is_some_and(|name| name.starts_with(SPECIAL))
}

impl Special {
    /// What stands for it in a column of marks.
    pub fn code(self) -> i8 {
        match self {
            Self::NegativeInfinity => -1,
            Self::Infinity => 1,
            Self::NotANumber => 2,
        }
    }

    /// The value that `code` stands for, if any.
    pub fn of_code(code: i8) -> Option<Self> {
        [Self::NegativeInfinity, Self::Infinity, Self::NotANumber]
            .into_iter()
            .find(|special| special.code() == code)
    }
}
