//! Visard's masks: given values and draws, what are the masked values?
//!
//! Every mask is one file and one line in [`MASKS`]. A ruleset's masks for one column become a
//! [`ColumnMask`], which is evaluated inside a DataFusion projection as a `MaskUdf`. Programs without
//! DataFusion mask Arrow arrays by a [`Masker`]; the feature `datafusion`, on by default, can be left out.
//!
//! Nothing here touches a file, a socket, a clock, the environment or a random source.

mod bind;
mod calendar;
mod canonical;
mod chain;
mod check_digit;
mod cmac;
mod column;
mod condition;
#[cfg(feature = "datafusion")]
mod condition_udf;
mod date_form;
mod digits;
mod distinct;
mod draw;
mod drawn;
mod error;
#[cfg(test)]
mod examples;
mod expected;
mod fixed_point;
mod fpe;
mod hash_columns;
mod hex;
mod identifiers;
mod key;
mod lanes;
mod length;
pub mod mask;
mod masker;
mod messages;
mod moments;
mod nested;
mod number;
mod numbers;
mod parameters;
mod permutation;
#[cfg(feature = "datafusion")]
mod place;
mod real;
mod restore;
mod rows;
mod scalar;
mod seeds;
mod siv;
mod spelling;
mod strftime;
mod tally;
mod texts;
#[cfg(feature = "datafusion")]
mod udf;

mod combination;
mod generalization;
mod pseudonymization;
mod randomization;
mod suppression;

pub use bind::{Binder, MaskNode, SeedFiles, SeedTable, parse_args};
pub use canonical::canonical_text;
pub use column::{Argument, ColumnMask, ColumnRule, DrawBy, scalar_text};
pub use condition::{Condition, Operand, Test};
#[cfg(feature = "datafusion")]
pub use condition_udf::ConditionUdf;
pub use distinct::Distinct;
pub use draw::{Draw, Draws};
pub use error::{BindError, MaskError, PlaceUnit};
pub use hash_columns::{Case, HashColumn, JsonStep};
pub use key::{CONSTRUCTION, MaskKey, Root};
pub use length::Lengths;
pub use mask::{Family, MaskSpec, OfBlank, TypeFamily};
pub use masker::Masker;
pub use messages::{Messages, Part};
pub use nested::leaf_type;
pub use parameters::{Parameter, SPELLINGS};
pub use rows::Rows;
pub use seeds::{NAMES as SHIPPED_SEEDS, ShippedSeeds, shipped};
pub use tally::{Counts, Tally};
#[cfg(feature = "datafusion")]
pub use udf::MaskUdf;

/// Every mask, by family. The planner, the ruleset schema, the reference page, the example tests and
/// the benches read this table.
pub const MASKS: &[MaskSpec] = &[
    suppression::from_blob::SPEC,
    suppression::from_fixed::SPEC,
    suppression::partial::SPEC,
    suppression::suppress::SPEC,
    generalization::generalize_date::SPEC,
    generalization::generalize_ip::SPEC,
    generalization::generalize_number::SPEC,
    generalization::generalize_zip::SPEC,
    generalization::numeric_bucket::SPEC,
    generalization::retain_age::SPEC,
    generalization::retain_date_component::SPEC,
    generalization::retain_year::SPEC,
    generalization::round::SPEC,
    pseudonymization::fpe::SPEC,
    pseudonymization::from_unique_imitate::SPEC,
    pseudonymization::hash::SPEC,
    pseudonymization::imitate_nz_ird::SPEC,
    pseudonymization::imitate_unique::SPEC,
    pseudonymization::imitate_uuid::SPEC,
    pseudonymization::tokenize::SPEC,
    randomization::add_noise::SPEC,
    randomization::address::SPEC,
    randomization::brazilian_cpf::SPEC,
    randomization::credit_card::SPEC,
    randomization::email::SPEC,
    randomization::from_choices::SPEC,
    randomization::from_file::SPEC,
    randomization::from_format_string::SPEC,
    randomization::from_random_boolean::SPEC,
    randomization::from_random_date::SPEC,
    randomization::from_random_datetime::SPEC,
    randomization::from_random_number::SPEC,
    randomization::from_random_text::SPEC,
    randomization::from_unique::SPEC,
    randomization::iban::SPEC,
    randomization::imitate::SPEC,
    randomization::ip_address::SPEC,
    randomization::mac_address::SPEC,
    randomization::national_id::SPEC,
    randomization::person_name::SPEC,
    randomization::phone::SPEC,
    randomization::secure_shuffle::SPEC,
    randomization::shift_date::SPEC,
    randomization::social_security_number::SPEC,
    randomization::substitute::SPEC,
    randomization::url::SPEC,
    randomization::uuid::SPEC,
    combination::chain::SPEC,
    combination::concat::SPEC,
    combination::do_nothing::SPEC,
    combination::from_column::SPEC,
    combination::from_json_path::SPEC,
    combination::json::SPEC,
    combination::replace_regex::SPEC,
    combination::replace_substring::SPEC,
    combination::set_checksum::SPEC,
    combination::take_substring::SPEC,
    combination::transform_case::SPEC,
    combination::typecast::SPEC,
    combination::unstructured_text::SPEC,
    combination::xml::SPEC,
];

/// The mask a ruleset calls `name`.
pub fn find_mask(name: &str) -> Option<&'static MaskSpec> {
    MASKS.iter().find(|spec| spec.name == name)
}
