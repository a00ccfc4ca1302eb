//! `email`: an e-mail address becomes a made-up one that reaches nobody.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: the domains `example.com`, `example.net` and `example.org` are reserved (RFC 2606,
//!   section 3); the local part is a dot-atom (RFC 5322, section 3.2.3) in ASCII.
//! - Input: text. Output: an address at a reserved domain, at `email_domain`, or with `keep_domain`
//!   at the value's own.
//! - The draw alone decides, and null becomes an address too (`skip` keeps null). With `keep_domain`
//!   value and draw decide and null stays null; the value has to be `local@domain`.
//! - A random local part is 64 bits of the draw in 13 characters `a`-`z`, `2`-`7`: among a million
//!   rows two meet with a chance of 2^-25. A named one has 5.7 * 10^12 possibilities.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, OnInvalid, TypeFamily, schema_of,
};
use crate::randomization::rewrite::{Rewrite, Rewriting, take_from};
use crate::seeds::{FIRST_NAMES, LAST_NAMES, rows_of};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "email",
    summary: "an e-mail address becomes a made-up one at a reserved domain",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<EmailArgs>,
    bind,
    null: OfBlank::Depends,
    empty: OfBlank::Depends,
    examples: &[
        Example {
            args: "{}",
            value: Some("ann@acme.co.nz"),
            masked: Some("oqfs4jyvcrqkl@example.com"),
        },
        Example {
            args: r#"{"keep_domain": true}"#,
            value: Some("ann@acme.co.nz"),
            masked: Some("gynywu37jemrz@acme.co.nz"),
        },
        Example {
            args: r#"{"local_part": "name", "email_domain": "test.example"}"#,
            value: Some("ann@acme.co.nz"),
            masked: Some("carmen.pierce741529@test.example"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EmailArgs {
    /// Whether the value keeps the part after its `@` (default false). A domain of one's own name
    /// tells who somebody is, and mail sent to such an address may arrive.
    keep_domain: bool,
    /// The mail domain of every address; default one of `example.com`, `example.net` and
    /// `example.org`. (`domain` names a kind of value, as for every mask.)
    email_domain: Option<String>,
    /// What stands before the `@`: `random` letters and digits (default), or a made-up `name` such as
    /// `ann.smith042917`.
    local_part: LocalPart,
    /// With `keep_domain`, for a value that is no e-mail address: `fail` the task (default) or
    /// `suppress` it to null.
    on_invalid: OnInvalid,
}

/// What stands before the `@`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LocalPart {
    /// 13 random letters and digits.
    #[default]
    Random,
    /// First name, dot, last name, six digits.
    Name,
}

/// RFC 2606, section 3.
const RESERVED: [&str; 3] = ["example.com", "example.net", "example.org"];

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: EmailArgs = binder.parse(args)?;
    let domains = match args.email_domain {
        None => RESERVED.map(str::to_owned).to_vec(),
        Some(_) if args.keep_domain => {
            let message = "`keep_domain` and `email_domain` contradict each other: leave one out";
            return Err(BindError::new("email_domain", message));
        }
        Some(domain) if is_domain(&domain) => vec![domain],
        Some(_) => {
            let message = "this is no domain; write one such as `test.example`, without the `@`";
            return Err(BindError::new("email_domain", message));
        }
    };
    if args.on_invalid == OnInvalid::Suppress && !args.keep_domain {
        let message = "without `keep_domain` the value is not looked at: leave `on_invalid` out";
        return Err(BindError::new("on_invalid", message));
    }
    let names = match args.local_part {
        LocalPart::Random => None,
        LocalPart::Name => Some((letters_of(FIRST_NAMES), letters_of(LAST_NAMES))),
    };
    let kernel = Emails { domains, names };
    let key = binder.key();
    Ok(match args.keep_domain {
        true => Box::new(Rewriting {
            key,
            on_invalid: args.on_invalid,
            kernel,
        }),
        false => Box::new(ByDraw {
            key,
            column: binder.column().clone(),
            kernel,
        }),
    })
}

/// The first column of a shipped seed file as the letters an address can have.
fn letters_of(file: &str) -> Vec<String> {
    let letters = |name: &str| -> String {
        name.chars()
            .filter(char::is_ascii_alphabetic)
            .map(|letter| letter.to_ascii_lowercase())
            .collect()
    };
    rows_of(file).map(|row| letters(row[0])).collect()
}

/// Whether `text` is dot-separated labels of letters, digits, `-` and `_`.
fn is_domain(text: &str) -> bool {
    let in_label = |char: char| char.is_alphanumeric() || char == '-' || char == '_';
    text.split('.')
        .all(|label| !label.is_empty() && label.chars().all(in_label))
}

#[derive(Debug)]
struct Emails {
    domains: Vec<String>,
    /// First names and last names, where the local part is one.
    names: Option<(Vec<String>, Vec<String>)>,
}

impl Emails {
    /// How many characters local parts have.
    fn local_lengths(&self) -> Lengths {
        let Some((first, last)) = &self.names else {
            return 13..=13;
        };
        let bounds = |names: &[String]| {
            let lengths = || names.iter().map(String::len);
            (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
        };
        let (first, last) = (bounds(first), bounds(last));
        first.0 + 1 + last.0 + 6..=first.1 + 1 + last.1 + 6
    }

    /// Appends the local part the high half of a draw makes, and takes what it needs more from `low`.
    fn push_local_part(&self, mut high: u64, low: &mut u64, text: &mut String) {
        let Some((first, last)) = &self.names else {
            // RFC 4648, section 6, in lower case; the first character holds four bits: a letter.
            const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
            for shift in (0..=60).rev().step_by(5) {
                text.push(char::from(BASE32[(high >> shift) as usize & 31]));
            }
            return;
        };
        let mut one_of = |names: &[String], text: &mut String| {
            text.push_str(&names[take_from(&mut high, names.len() as u64) as usize]);
        };
        one_of(first, text);
        text.push('.');
        one_of(last, text);
        for _ in 0..6 {
            text.push(char::from(b'0' + take_from(low, 10) as u8));
        }
    }
}

impl Generator for Emails {
    fn lengths(&self) -> Option<Lengths> {
        let (least, most) = self.local_lengths().into_inner();
        let domains = || self.domains.iter().map(|domain| domain.chars().count());
        Some(least + 1 + domains().min()?..=most + 1 + domains().max()?)
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        let mut masked = StringViewBuilder::with_capacity(draws.len());
        let mut text = String::new();
        for draw in draws.iter() {
            let (high, mut low) = halves(draw.bytes());
            text.clear();
            self.push_local_part(high, &mut low, &mut text);
            text.push('@');
            let domain = take_from(&mut low, self.domains.len() as u64);
            text.push_str(&self.domains[domain as usize]);
            masked.append_value(&text);
        }
        Ok(Arc::new(masked.finish()))
    }
}

impl Rewrite for Emails {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        // The `@` and the domain of a value have a local part of one character in front at least.
        Some(0..=self.local_lengths().end() + input? - 1.min(input?))
    }

    const EXPECTED: &'static str = "an e-mail address `local@domain`";

    fn blocks(&self, _: &str) -> usize {
        1
    }

    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()> {
        let (local, domain) = value.rsplit_once('@')?;
        if local.is_empty() || !is_domain(domain) {
            return None;
        }
        let (high, mut low) = halves(*blocks.first()?);
        self.push_local_part(high, &mut low, text);
        text.push('@');
        text.push_str(domain);
        Some(())
    }
}

fn halves(draw: [u8; 16]) -> (u64, u64) {
    let bits = u128::from_be_bytes(draw);
    ((bits >> 64) as u64, bits as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::examples::{bind_error, mask_texts, try_texts};
    use crate::randomization::rewrite::mask_all;

    const MASK: &str = r#"{"type": "email"}"#;
    const KEEP: &str = r#"{"type": "email", "keep_domain": true}"#;
    const NAME: &str = r#"{"type": "email", "local_part": "name"}"#;

    fn masked_numbers(mask: &str) -> Vec<String> {
        let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        mask_all(mask, &values)
    }

    #[test]
    fn addresses_are_distinct_and_at_reserved_domains() {
        for (mask, least) in [(MASK, 10_000), (NAME, 9_999)] {
            let mut domains = BTreeMap::new();
            let mut seen = BTreeSet::new();
            for masked in masked_numbers(mask) {
                let (local, domain) = masked.split_once('@').unwrap();
                assert!(
                    local.starts_with(|char: char| char.is_ascii_lowercase()),
                    "{masked}"
                );
                assert!(local.bytes().all(|byte| byte == b'.'
                    || byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()));
                assert!(!local.ends_with('.') && !local.contains(".."), "{masked}");
                assert_eq!(local.len() == 13 && !local.contains('.'), mask == MASK);
                *domains.entry(domain.to_owned()).or_insert(0) += 1;
                seen.insert(masked);
            }
            assert!(seen.len() >= least, "{}", seen.len());
            assert!(domains.keys().eq(RESERVED));
            assert!(
                domains
                    .values()
                    .all(|count: &i32| (3100..3600).contains(count))
            );
        }
    }

    #[test]
    fn every_character_of_a_random_local_part_comes_up() {
        let mut counts = [0; 128];
        for masked in masked_numbers(MASK) {
            let (local, _) = masked.split_once('@').unwrap();
            local[1..]
                .bytes()
                .for_each(|byte| counts[usize::from(byte)] += 1);
        }
        // 120,000 characters, 3,750 of each.
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), 32);
        let bounds = 3500..4000;
        assert!(
            counts
                .iter()
                .all(|count| *count == 0 || bounds.contains(count))
        );
    }

    #[test]
    fn domains_are_kept_where_asked() {
        for value in [
            "ann@acme.co.nz",
            "ann.b+tag@acme.com",
            "\"a@b\"@acme.com",
            "zoë@żółw.pl",
            "root@localhost",
            "ANN@ACME.COM",
        ] {
            let masked = mask_texts(KEEP, &[Some(value)])[0].clone().unwrap();
            let (_, domain) = value.rsplit_once('@').unwrap();
            let (local, kept) = masked.split_once('@').unwrap();
            assert_eq!((local.len(), kept), (13, domain), "{value}");
        }
        let masked = mask_texts(MASK, &[None]).remove(0);
        assert!(masked.unwrap().contains("@example."), "a generator");
        assert_eq!(mask_texts(KEEP, &[None]), [None]);
    }

    #[test]
    fn no_addresses() {
        for value in [
            "",
            "ann",
            "@acme.com",
            "ann@",
            "ann@acme..com",
            "Ann <ann@acme.com>",
            "ann@[192.0.2.1]",
            "ann@acme.com ",
        ] {
            assert!(try_texts(KEEP, &[Some(value)]).is_err(), "{value}");
            let mask = r#"{"type": "email", "keep_domain": true, "on_invalid": "suppress"}"#;
            assert_eq!(mask_texts(mask, &[Some(value)]), [None], "{value}");
            assert!(mask_texts(MASK, &[Some(value)])[0].is_some(), "{value}");
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            (r#""email_domain": "@acme.com""#, "email_domain"),
            (r#""email_domain": """#, "email_domain"),
            (
                r#""email_domain": "a.example", "keep_domain": true"#,
                "email_domain",
            ),
            (r#""on_invalid": "suppress""#, "on_invalid"),
            (r#""local_part": "nick""#, "local_part"),
        ] {
            let mask = format!(r#"{{"type": "email", {args}}}"#);
            let error = bind_error(&mask, &DataType::Utf8);
            assert_eq!(error.path, format!("[0].{path}"), "{args}");
        }
        bind_error(MASK, &DataType::Int64);
    }
}
