//! Values become less precise.

mod date_form;
mod years;

pub(crate) mod retain_year;
