//! Values become made-up ones.

mod country;
mod picks;
mod random_moments;
mod rewrite;
mod words;

pub(crate) mod add_noise;
pub(crate) mod address;
pub(crate) mod brazilian_cpf;
pub(crate) mod credit_card;
pub(crate) mod email;
pub(crate) mod format_string;
pub(crate) mod from_choices;
pub(crate) mod from_file;
pub(crate) mod from_format_string;
pub(crate) mod from_random_boolean;
pub(crate) mod from_random_date;
pub(crate) mod from_random_datetime;
pub(crate) mod from_random_number;
pub(crate) mod from_random_text;
pub(crate) mod from_unique;
pub(crate) mod iban;
pub(crate) mod imitate;
pub(crate) mod ip_address;
pub(crate) mod mac_address;
pub(crate) mod national_id;
pub(crate) mod person_name;
pub(crate) mod phone;
pub(crate) mod secure_shuffle;
pub(crate) mod shift_date;
pub(crate) mod social_security_number;
pub(crate) mod substitute;
pub(crate) mod url;
pub(crate) mod uuid;
