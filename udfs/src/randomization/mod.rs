//! Values become made-up ones.

mod words;

pub(crate) mod from_choices;
pub(crate) mod from_file;
pub(crate) mod imitate;
