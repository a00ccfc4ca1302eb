//! `person_name`: a value becomes a made-up name of a person.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: the shipped seed files `DataMasque_firstNames_mixed.csv` and
//!   `DataMasque_lastNames_v2.csv`, or those of one `country`; for lists of your own there is
//!   `from_file`.
//! - Input: text of any content. Output: first name and last name in ASCII, or one of them, for null
//!   too (`skip` keeps null).
//! - The draw decides: its first half the first name, its second half the last name, each as likely as
//!   the others within 2^-52. Masks of one `domain`, `gender` and `country` agree about the person, so
//!   a first, a last and a full name go together.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Draws};
use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::country::Country;
use crate::randomization::rewrite::take_from;
use crate::seeds::{FIRST_NAMES, LAST_NAMES, rows_of};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "person_name",
    summary: "a value becomes a made-up name of a person",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<PersonNameArgs>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: "{}",
            value: Some("Ann Lee"),
            masked: Some("Andrea Alston"),
        },
        Example {
            args: r#"{"part": "first", "gender": "f"}"#,
            value: Some("Ann"),
            masked: Some("Gertrude"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PersonNameArgs {
    /// Which names are given: `full`, first and last with a blank between (default), `last_first`,
    /// as in `Lee, Ann`, or `first` or `last` alone.
    part: Part,
    /// Whether first names are those of women, `f`, or of men, `m`; default any.
    gender: Option<Gender>,
    /// The country whose usual names are given: `AU`, `BR`, `IN`, `NZ` or `US`, some 150 of each kind;
    /// default names from many countries, some 2,400 of each.
    country: Option<Country>,
}

/// Which names are given.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// `Ann Lee`.
    #[default]
    Full,
    /// `Lee, Ann`.
    LastFirst,
    /// `Ann`.
    #[serde(alias = "first_name")]
    #[schemars(extend("x-spellings" = ["first_name"]))]
    First,
    /// `Lee`.
    #[serde(alias = "last_name")]
    #[schemars(extend("x-spellings" = ["last_name"]))]
    Last,
}

/// Whose first names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
enum Gender {
    /// Women's.
    #[serde(rename = "f", alias = "female")]
    #[schemars(extend("x-spellings" = ["female"]))]
    Female,
    /// Men's.
    #[serde(rename = "m", alias = "male")]
    #[schemars(extend("x-spellings" = ["male"]))]
    Male,
}

impl Gender {
    /// As the seed file spells it.
    fn letter(self) -> &'static str {
        match self {
            Self::Female => "f",
            Self::Male => "m",
        }
    }
}

/// The seed files of first names and of last names.
fn files_of(country: Option<Country>) -> (&'static str, &'static str) {
    match country {
        None => (FIRST_NAMES, LAST_NAMES),
        Some(Country::AU) => (
            "DataMasque_AU_firstNames_mixed.csv",
            "DataMasque_AU_lastNames.csv",
        ),
        Some(Country::BR) => (
            "DataMasque_BR_firstNames_mixed.csv",
            "DataMasque_BR_lastNames.csv",
        ),
        Some(Country::IN) => (
            "DataMasque_IN_firstNames_mixed.csv",
            "DataMasque_IN_lastNames.csv",
        ),
        Some(Country::NZ) => (
            "DataMasque_NZ_firstNames_mixed.csv",
            "DataMasque_NZ_lastNames.csv",
        ),
        Some(Country::US) => (
            "DataMasque_US_firstNames_mixed.csv",
            "DataMasque_US_lastNames.csv",
        ),
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: PersonNameArgs = binder.parse(args)?;
    let wanted = args.gender.map(Gender::letter);
    let (first_names, last_names) = files_of(args.country);
    let first = rows_of(first_names)
        .filter(|row| wanted.is_none_or(|wanted| row.get(1) == Some(&wanted)))
        .map(|row| row.first().copied())
        .collect();
    let last = rows_of(last_names)
        .map(|row| row.first().copied())
        .collect();
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: PersonNames {
            part: args.part,
            first,
            last,
        },
    }))
}

#[derive(Debug)]
struct PersonNames {
    part: Part,
    first: StringViewArray,
    last: StringViewArray,
}

impl PersonNames {
    fn pick_first(&self, draw: Draw) -> usize {
        draw.pick(self.first.len() as u64) as usize
    }

    fn pick_last(&self, draw: Draw) -> usize {
        take_from(&mut (draw.bits() as u64), self.last.len() as u64) as usize
    }
}

impl Generator for PersonNames {
    fn lengths(&self) -> Option<Lengths> {
        let of = |names: &StringViewArray| length::of_views(names);
        let both = |glue: &str| {
            let (first, last) = (of(&self.first)?, of(&self.last)?);
            let glue = glue.len();
            Some(first.start() + glue + last.start()..=first.end() + glue + last.end())
        };
        match self.part {
            Part::Full => both(" "),
            Part::LastFirst => both(", "),
            Part::First => of(&self.first),
            Part::Last => of(&self.last),
        }
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let one = |names: &StringViewArray, pick: &dyn Fn(Draw) -> usize| {
            let picks = UInt32Array::from_iter_values(draws.iter().map(|draw| pick(draw) as u32));
            take(names, &picks, None)
                .map_err(|_| MaskError::Internal("a pick lies outside the names"))
        };
        let both = |glue: &str, first_comes_first: bool| -> ArrayRef {
            let mut names = StringViewBuilder::with_capacity(draws.len());
            let mut text = String::new();
            for draw in draws.iter() {
                let first = self.first.value(self.pick_first(draw));
                let last = self.last.value(self.pick_last(draw));
                let (front, back) = if first_comes_first {
                    (first, last)
                } else {
                    (last, first)
                };
                text.clear();
                text.push_str(front);
                text.push_str(glue);
                text.push_str(back);
                names.append_value(&text);
            }
            Arc::new(names.finish())
        };
        match self.part {
            Part::Full => Ok(both(" ", true)),
            Part::LastFirst => Ok(both(", ", false)),
            Part::First => one(&self.first, &|draw| self.pick_first(draw)),
            Part::Last => one(&self.last, &|draw| self.pick_last(draw)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::examples::{bind_error, mask_texts};
    use crate::randomization::rewrite::mask_all;

    fn masked(args: &str) -> Vec<String> {
        let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        mask_all(&format!(r#"{{"type": "person_name"{args}}}"#), &values)
    }

    #[test]
    fn names_of_one_domain_go_together() {
        let of = |part: &str| masked(&format!(r#", "domain": "person", "part": "{part}""#));
        let (first, last) = (of("first"), of("last"));
        for (row, full) in of("full").iter().enumerate() {
            assert_eq!(*full, format!("{} {}", first[row], last[row]));
        }
        for (row, full) in of("last_first").iter().enumerate() {
            assert_eq!(*full, format!("{}, {}", last[row], first[row]));
        }
        assert_eq!(first, of("first_name"));
    }

    #[test]
    fn names_come_up_alike() {
        for (part, file) in [("first", FIRST_NAMES), ("last", LAST_NAMES)] {
            let listed: BTreeSet<&str> = rows_of(file).map(|row| row[0]).collect();
            let mut counts = BTreeMap::new();
            for name in masked(&format!(r#", "part": "{part}""#)) {
                assert!(listed.contains(name.as_str()), "{name}");
                *counts.entry(name).or_insert(0) += 1;
            }
            // About 4 of each, 8 of a name for both; e^-4 of them never.
            assert!(counts.len() > listed.len() * 95 / 100, "{}", counts.len());
            assert!(counts.values().all(|count: &i32| *count < 25));
        }
        let pairs: BTreeSet<String> = masked("").into_iter().collect();
        assert!(
            pairs.len() > 9_950,
            "first and last name hang on other bits: {}",
            pairs.len()
        );
    }

    #[test]
    fn a_gender_keeps_to_its_names() {
        for (gender, letter) in [("f", "f"), ("m", "m"), ("female", "f")] {
            let listed: BTreeSet<&str> = rows_of(FIRST_NAMES)
                .filter(|row| row[1] == letter)
                .map(|row| row[0])
                .collect();
            let names = masked(&format!(r#", "part": "first", "gender": "{gender}""#));
            assert!(names.iter().all(|name| listed.contains(name.as_str())));
        }
    }

    #[test]
    fn a_country_has_its_names() {
        for (name, country) in [
            ("AU", Country::AU),
            ("BR", Country::BR),
            ("IN", Country::IN),
            ("NZ", Country::NZ),
            ("US", Country::US),
        ] {
            let (first, last) = files_of(Some(country));
            for (part, file) in [("first", first), ("last", last)] {
                let listed: BTreeSet<String> = rows_of(file).map(|row| row[0].to_owned()).collect();
                let args = format!(r#", "part": "{part}", "country": "{name}""#);
                let names: BTreeSet<String> = masked(&args).into_iter().collect();
                assert_eq!(names, listed, "{name} {part}");
                assert!(listed.len() > 150 && file.contains(name), "{name} {part}");
            }
        }
    }

    #[test]
    fn null_and_bad_arguments() {
        let masked = mask_texts(r#"{"type": "person_name"}"#, &[None, Some("")]);
        assert!(
            masked
                .iter()
                .all(|name| name.as_ref().unwrap().contains(' '))
        );
        for (args, path) in [
            (r#""part": "middle""#, "part"),
            (r#""gender": "x""#, "gender"),
        ] {
            let mask = format!(r#"{{"type": "person_name", {args}}}"#);
            let error = bind_error(&mask, &DataType::Utf8);
            assert_eq!(error.path, format!("[0].{path}"));
        }
        bind_error(r#"{"type": "person_name"}"#, &DataType::Int64);
    }
}
