//! Values become made-up ones.

mod moments;
mod picks;
mod words;

pub(crate) mod format_string;
pub(crate) mod from_choices;
pub(crate) mod from_file;
pub(crate) mod from_format_string;
pub(crate) mod from_random_boolean;
pub(crate) mod from_random_date;
pub(crate) mod from_random_datetime;
pub(crate) mod from_random_number;
pub(crate) mod from_random_text;
pub(crate) mod imitate;
pub(crate) mod substitute;
pub(crate) mod uuid;
