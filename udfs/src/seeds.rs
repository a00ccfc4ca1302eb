//! The seed files that ship with visard, for `from_file`.
//!
//! Names and columns are those existing rulesets use; the content is ours, written by
//! `udfs/seeds/generate.py`. A seed file of the user with the same name goes before ours.

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
