//! Values become less precise.

mod date_form;

pub(crate) mod retain_year;
