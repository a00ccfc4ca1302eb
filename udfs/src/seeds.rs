//! The seed files that ship with visard, for `from_file` and the masks that make up names and addresses.
//!
//! Names and columns are those existing rulesets use; the content is ours, written by
//! `udfs/seeds/generate.py`. For `from_file` a file of the user with the same name goes before ours.

use std::sync::Arc;

use crate::bind::{SeedFiles, SeedTable};

/// The bytes of a shipped seed file: ASCII, comma-separated, one header line; `None` for any other
/// name.
///
/// # Examples
///
/// ```
/// use visard_udfs::shipped;
///
/// let names = shipped("DataMasque_firstNames_mixed.csv").expect("it ships");
/// assert!(names.starts_with(b"firstname-mixed,gender\n"));
/// assert!(shipped("mine.csv").is_none());
/// ```
pub fn shipped(name: &str) -> Option<&'static [u8]> {
    let place = FILES.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(FILES[place].1)
}

/// First names with their gender, `f` or `m`.
pub(crate) const FIRST_NAMES: &str = "DataMasque_firstNames_mixed.csv";
/// Last names.
pub(crate) const LAST_NAMES: &str = "DataMasque_lastNames_v2.csv";

/// The rows of a shipped seed file without quoted fields, its header left out; none for another name.
pub(crate) fn rows_of(name: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let text = shipped(name).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let lines = text.unwrap_or_default().lines().skip(1);
    lines.map(|line| line.split(',').collect())
}

/// The shipped seed files, and no others.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShippedSeeds;

impl SeedFiles for ShippedSeeds {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        let bytes = shipped(name).ok_or_else(|| format!("`{name}` does not ship with visard"))?;
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut lines = text.lines().map(fields);
        Ok(Arc::new(SeedTable {
            columns: lines.next().unwrap_or_default(),
            rows: lines.collect(),
        }))
    }
}

/// The fields of a line, of which none holds a line break.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let field = fields.last_mut().expect("there is always a last field");
        match character {
            '"' if !is_quoted => is_quoted = true,
            '"' if characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => is_quoted = false,
            ',' if !is_quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields
}

macro_rules! seed_files {
    ($($name:literal),+ $(,)?) => {
        /// Name and content of each file, sorted by name.
        const FILES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../seeds/", $name)))),+];

        /// The names of the shipped seed files, sorted.
        pub const NAMES: &[&str] = &[$($name),+];
    };
}

seed_files![
    "DataMasque_AU_addresses_real.csv",
    "DataMasque_AU_companies.csv",
    "DataMasque_AU_firstNames_mixed.csv",
    "DataMasque_AU_lastNames.csv",
    "DataMasque_BR_addresses.csv",
    "DataMasque_BR_companies.csv",
    "DataMasque_BR_firstNames_mixed.csv",
    "DataMasque_BR_lastNames.csv",
    "DataMasque_IN_addresses.csv",
    "DataMasque_IN_companies.csv",
    "DataMasque_IN_firstNames_mixed.csv",
    "DataMasque_IN_lastNames.csv",
    "DataMasque_NZ_addresses_real.csv",
    "DataMasque_NZ_companies.csv",
    "DataMasque_NZ_firstNames_mixed.csv",
    "DataMasque_NZ_lastNames.csv",
    "DataMasque_US_addresses.csv",
    "DataMasque_US_companies.csv",
    "DataMasque_US_firstNames_mixed.csv",
    "DataMasque_US_lastNames.csv",
    "DataMasque_cities.csv",
    "DataMasque_companies.csv",
    "DataMasque_country_codes.csv",
    "DataMasque_credit_card_numbers.csv",
    "DataMasque_credit_card_prefixes.csv",
    "DataMasque_email_suffixes.csv",
    "DataMasque_emails.csv",
    "DataMasque_fake_email_suffixes.csv",
    "DataMasque_firstNames_mixed.csv",
    "DataMasque_lastNames_v2.csv",
    "DataMasque_occupations.csv",
];

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "looks whether a file was forgotten"
    )]
    fn every_file_on_disk_ships() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds");
        let mut on_disk: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".csv"))
            .collect();
        on_disk.sort();
        assert_eq!(NAMES, on_disk, "sorted as the binary search needs them");
    }

    #[test]
    fn columns_and_rows() {
        let address = "street_address,city,suburb,state,postcode";
        for (name, header, rows) in [
            ("DataMasque_AU_addresses_real.csv", address, 1200),
            ("DataMasque_BR_addresses.csv", address, 1200),
            ("DataMasque_BR_companies.csv", "company", 500),
            (
                "DataMasque_BR_firstNames_mixed.csv",
                "firstname-mixed,gender",
                258,
            ),
            ("DataMasque_BR_lastNames.csv", "lastname", 166),
            ("DataMasque_IN_addresses.csv", address, 1200),
            ("DataMasque_NZ_addresses_real.csv", address, 1200),
            ("DataMasque_US_addresses.csv", address, 1200),
            ("DataMasque_companies.csv", "company", 1500),
            ("DataMasque_country_codes.csv", "name,alpha_2,alpha_3", 249),
            ("DataMasque_emails.csv", "email", 1000),
            (
                "DataMasque_firstNames_mixed.csv",
                "firstname-mixed,gender",
                2513,
            ),
            ("DataMasque_lastNames_v2.csv", "lastname", 2290),
        ] {
            let text = std::str::from_utf8(shipped(name).unwrap()).unwrap();
            assert!(text.is_ascii() && text.ends_with('\n'), "{name}");
            assert_eq!(text.lines().next(), Some(header), "{name}");
            assert_eq!(text.lines().count() - 1, rows, "{name}");
        }
    }

    /// A list that shipped never changes: what `from_file` and others write hangs on every row.
    #[test]
    fn content_is_pinned() {
        for (name, digest) in SHA_256 {
            let found = Sha256::digest(shipped(name).unwrap());
            let found = data_encoding::HEXLOWER.encode(&found[..8]);
            assert_eq!(found, *digest, "{name}");
        }
        assert!(SHA_256.iter().map(|(name, _)| name).eq(NAMES));
    }

    /// Names of files and the first 8 bytes of their SHA-256.
    const SHA_256: &[(&str, &str)] = &[
        ("DataMasque_AU_addresses_real.csv", "a45143b4f63e6284"),
        ("DataMasque_AU_companies.csv", "0f50b1cc1aa39a5f"),
        ("DataMasque_AU_firstNames_mixed.csv", "46af200cc913cbe8"),
        ("DataMasque_AU_lastNames.csv", "569377dd008ffe6d"),
        ("DataMasque_BR_addresses.csv", "cdd54e088a23ecec"),
        ("DataMasque_BR_companies.csv", "1f7253c1b712cf41"),
        ("DataMasque_BR_firstNames_mixed.csv", "cfbe400b5be3b9d7"),
        ("DataMasque_BR_lastNames.csv", "50cd57e1ba96b47a"),
        ("DataMasque_IN_addresses.csv", "115e498cd14d48be"),
        ("DataMasque_IN_companies.csv", "87152379c4b333c3"),
        ("DataMasque_IN_firstNames_mixed.csv", "5c12ef19a580679d"),
        ("DataMasque_IN_lastNames.csv", "64c8f3648dfec0fe"),
        ("DataMasque_NZ_addresses_real.csv", "171f36c4de455619"),
        ("DataMasque_NZ_companies.csv", "893a4d0acc1058c6"),
        ("DataMasque_NZ_firstNames_mixed.csv", "1b4f455829547750"),
        ("DataMasque_NZ_lastNames.csv", "4d3004eac4f71fdf"),
        ("DataMasque_US_addresses.csv", "efb832b0768ca9ca"),
        ("DataMasque_US_companies.csv", "24162f34dfc8555b"),
        ("DataMasque_US_firstNames_mixed.csv", "8f998e7a0e71a7c9"),
        ("DataMasque_US_lastNames.csv", "c43b9347a73bf5b5"),
        ("DataMasque_cities.csv", "2e2951013ad7322d"),
        ("DataMasque_companies.csv", "085ea356f43a53e1"),
        ("DataMasque_country_codes.csv", "50c78c5520c20260"),
        ("DataMasque_credit_card_numbers.csv", "a2dd07a04c825774"),
        ("DataMasque_credit_card_prefixes.csv", "edd193aca60cc2e2"),
        ("DataMasque_email_suffixes.csv", "f1d02e14ed35e9fc"),
        ("DataMasque_emails.csv", "44c5d10d44c0535f"),
        ("DataMasque_fake_email_suffixes.csv", "f1d02e14ed35e9fc"),
        ("DataMasque_firstNames_mixed.csv", "7f40c8a4cfb642a4"),
        ("DataMasque_lastNames_v2.csv", "ad9316316b3758a8"),
        ("DataMasque_occupations.csv", "080b52547d7ef932"),
    ];

    /// [`rows_of`] knows no quotes, and only some files may have them.
    #[test]
    fn rows_have_as_many_fields_as_the_header() {
        for name in NAMES {
            let text = std::str::from_utf8(shipped(name).unwrap()).unwrap();
            if ["DataMasque_cities.csv", "DataMasque_country_codes.csv"].contains(name) {
                continue;
            }
            let fields = text.lines().next().unwrap().split(',').count();
            assert!(rows_of(name).all(|row| row.len() == fields), "{name}");
            assert!(!text.contains('"'), "{name}");
        }
        assert_eq!(rows_of("mine.csv").count(), 0);
    }

    #[test]
    fn other_names() {
        for name in [
            "",
            "DataMasque_firstNames_mixed",
            "datamasque_emails.csv",
            "../seeds.rs",
        ] {
            assert!(shipped(name).is_none(), "{name}");
        }
    }
}
