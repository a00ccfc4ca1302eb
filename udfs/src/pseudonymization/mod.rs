//! Values become others that cannot be led back without the key.

mod form;
pub(crate) mod fpe;
mod fpe_numbers;
pub(crate) mod from_unique_imitate;
pub(crate) mod hash;
pub(crate) mod imitate_nz_ird;
pub(crate) mod imitate_unique;
pub(crate) mod imitate_uuid;
mod of_format;
pub(crate) mod tokenize;
