//! `address`: a value becomes a made-up postal address, or a part of one.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: the shipped seed files of addresses, 1,200 a country; for lists of your own there is
//!   `from_file`.
//! - Input: text; also integers where `part` is a postcode of digits. Output: one line in ASCII, for
//!   null too (`skip` keeps null).
//! - The draw decides which address is taken, each as likely as the others within 2^-53. Masks of one
//!   `domain` and one `country` take parts of the same address, so street, city and postcode go
//!   together.

use arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::country::Country;
use crate::scalar::typed;
use crate::seeds::rows_of;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "address",
    summary: "a value becomes a made-up postal address, or a part of one",
    family: Family::Randomization,
    takes: &[TypeFamily::Text, TypeFamily::Integer],
    schema: schema_of::<AddressArgs>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: "{}",
            value: Some("1 Main St, Springfield, IL 62701"),
            masked: Some("2405 Orange Way, Phoenix, AZ 85046"),
        },
        Example {
            args: r#"{"part": "city", "country": "NZ"}"#,
            value: Some("Wellington"),
            masked: Some("Masterton"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddressArgs {
    /// What is given: the `full` address on one line as its country writes it (default), or its
    /// `street` with the number, `city`, `suburb`, `state` or `postcode`. In New Zealand the state is
    /// the region.
    part: Part,
    /// The country of the addresses: `US` (default), `AU`, `BR`, `IN` or `NZ`.
    country: Country,
}

/// What is given of an address.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// All of it.
    #[default]
    Full,
    /// House number and street.
    #[serde(alias = "street_address")]
    #[schemars(extend("x-spellings" = ["street_address"]))]
    Street,
    /// City.
    City,
    /// Suburb, or quarter of the city.
    Suburb,
    /// State, or region.
    State,
    /// Postcode, or ZIP code.
    #[serde(alias = "postal_code", alias = "zip", alias = "zip_code")]
    #[schemars(extend("x-spellings" = ["postal_code", "zip", "zip_code"]))]
    Postcode,
}

/// The seed file of a country.
fn file_of(country: Country) -> &'static str {
    match country {
        Country::US => "DataMasque_US_addresses.csv",
        Country::AU => "DataMasque_AU_addresses_real.csv",
        Country::BR => "DataMasque_BR_addresses.csv",
        Country::IN => "DataMasque_IN_addresses.csv",
        Country::NZ => "DataMasque_NZ_addresses_real.csv",
    }
}

/// The whole address on one line.
fn line(country: Country, [street, city, suburb, state, postcode]: [&str; 5]) -> String {
    match country {
        Country::US => format!("{street}, {city}, {state} {postcode}"),
        Country::AU => format!("{street}, {suburb} {state} {postcode}"),
        Country::BR => format!("{street} - {suburb}, {city} - {state}, {postcode}"),
        Country::IN => format!("{street}, {suburb}, {city} {postcode}, {state}"),
        Country::NZ => format!("{street}, {suburb}, {city} {postcode}"),
    }
}

impl Part {
    fn of(self, country: Country, address: [&str; 5]) -> String {
        let [street, city, suburb, state, postcode] = address;
        match self {
            Self::Full => line(country, address),
            Self::Street => street.to_owned(),
            Self::City => city.to_owned(),
            Self::Suburb => suburb.to_owned(),
            Self::State => state.to_owned(),
            Self::Postcode => postcode.to_owned(),
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let AddressArgs { part, country } = binder.parse(args)?;
    let parts: StringViewArray = rows_of(file_of(country))
        .filter_map(|row| <[&str; 5]>::try_from(row).ok())
        .map(|address| Some(part.of(country, address)))
        .collect();
    let parts = typed(parts, binder.column()).map_err(|_| {
        let message = format!(
            "the column's type is {}, which only a `postcode` of digits fits",
            binder.column()
        );
        BindError::new("part", message)
    })?;
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: Addresses { parts },
    }))
}

#[derive(Debug)]
struct Addresses {
    /// The part of each address, in the column's type.
    parts: ArrayRef,
}

impl Generator for Addresses {
    fn lengths(&self) -> Option<Lengths> {
        length::of_texts(&self.parts)
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let count = self.parts.len() as u64;
        let picks = draws.iter().map(|draw| draw.pick(count) as u32);
        take(&self.parts, &UInt32Array::from_iter_values(picks), None)
            .map_err(|_| MaskError::Internal("a pick lies outside the addresses"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::examples::{bind_error, mask_array, mask_texts};
    use crate::randomization::rewrite::mask_all;

    const COUNTRIES: [(&str, Country); 5] = [
        ("US", Country::US),
        ("AU", Country::AU),
        ("BR", Country::BR),
        ("IN", Country::IN),
        ("NZ", Country::NZ),
    ];

    fn masked(args: &str) -> Vec<String> {
        let values: Vec<String> = (0..12_000).map(|n| n.to_string()).collect();
        mask_all(&format!(r#"{{"type": "address"{args}}}"#), &values)
    }

    #[test]
    fn parts_of_one_domain_go_together() {
        for (name, country) in COUNTRIES {
            let part = |part: &str| {
                masked(&format!(
                    r#", "domain": "home", "country": "{name}", "part": "{part}""#
                ))
            };
            let parts = ["street", "city", "suburb", "state", "postcode"].map(part);
            let listed: Vec<Vec<&str>> = rows_of(file_of(country)).collect();
            assert_eq!(listed.len(), 1200, "{name}");
            for (row, full) in part("full").iter().enumerate() {
                let address = [0, 1, 2, 3, 4].map(|column| parts[column][row].as_str());
                assert_eq!(*full, line(country, address));
                assert!(row > 100 || listed.contains(&address.to_vec()), "{full}");
            }
            assert_eq!(part("zip"), part("postcode"));
        }
    }

    #[test]
    fn addresses_come_up_alike() {
        let mut counts = BTreeMap::new();
        for address in masked("") {
            *counts.entry(address).or_insert(0) += 1;
        }
        // 10 of each; e^-10 of them never.
        assert!(counts.len() >= 1195, "{}", counts.len());
        assert!(counts.values().all(|count| *count < 30));
    }

    #[test]
    fn postcodes_as_numbers() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(94105), None]));
        for country in ["US", "AU", "IN", "NZ"] {
            let mask =
                format!(r#"{{"type": "address", "part": "postcode", "country": "{country}"}}"#);
            let masked = mask_array(&mask, Arc::clone(&numbers)).unwrap();
            assert_eq!(masked.null_count(), 0);
            let masked = masked.as_primitive::<Int32Type>();
            assert!(masked.values().iter().all(|n| (100..1_000_000).contains(n)));
        }
    }

    #[test]
    fn null_and_bad_arguments() {
        assert!(mask_texts(r#"{"type": "address"}"#, &[None])[0].is_some());
        for (args, column, path) in [
            (r#""part": "planet""#, DataType::Utf8, "part"),
            (r#""country": "XX""#, DataType::Utf8, "country"),
            (r#""part": "city""#, DataType::Int32, "part"),
            (r#""part": "postcode""#, DataType::Int8, "part"),
            (
                r#""part": "postcode", "country": "BR""#,
                DataType::Int64,
                "part",
            ),
            (r#""part": "postcode""#, DataType::Date32, "type"),
        ] {
            let error = bind_error(&format!(r#"{{"type": "address", {args}}}"#), &column);
            assert_eq!(error.path, format!("[0].{path}"), "{args}");
        }
    }
}
