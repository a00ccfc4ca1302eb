//! Values become less precise.

mod buckets;

pub(crate) mod generalize_date;
pub(crate) mod generalize_ip;
pub(crate) mod generalize_number;
pub(crate) mod generalize_zip;
pub(crate) mod numeric_bucket;
pub(crate) mod retain_age;
pub(crate) mod retain_date_component;
pub(crate) mod retain_year;
pub(crate) mod round;
