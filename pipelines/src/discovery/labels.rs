//! Labels: what the name of a column tells of its values, and which mask is a start for them.

use arrow::datatypes::DataType;
use visard_engine::udfs::TypeFamily;

use super::built_in::LABELS;
use super::words::first_told;

/// Leaves a column as it is.
pub(crate) const NOTHING: &str = "{type: do_nothing}";
/// Keeps the form of a value, and nothing else.
pub(super) const IMITATE: &str = "{type: imitate}";
/// Keeps no value.
const SUPPRESS: &str = "{type: suppress}";

/// A kind of personal data.
#[derive(Debug)]
pub struct Label {
    /// Its name: `email_address`.
    pub name: &'static str,
    /// What it stands for, in a few words.
    pub description: &'static str,
    /// `PII`, `PHI`, `PCI`; none where it says that a column tells of nobody.
    pub categories: &'static [&'static str],
    /// Words of names that tell of it: [`words`](super::words).
    pub(super) words: &'static [&'static str],
    pub(super) masks: Masks,
}

/// A mask for each kind of column, as YAML. No row is read, so a mask has to take whatever the column
/// holds: what is no phone number or IBAN becomes null rather than an error, and where there can be no null
/// `otherwise` stands.
#[derive(Debug)]
pub(super) struct Masks {
    /// For text.
    pub(super) text: &'static str,
    /// For text in place of a mask that may give null, where there can be none.
    pub(super) otherwise: &'static str,
    /// For whole numbers.
    pub(super) number: &'static str,
    /// For dates and timestamps.
    pub(super) date: &'static str,
}

impl Masks {
    pub(super) const NONE: Self = Self {
        text: NOTHING,
        otherwise: NOTHING,
        number: NOTHING,
        date: NOTHING,
    };

    /// A mask that makes null of what is not valid; numbers, and where there can be no null, are
    /// imitated.
    pub(super) const fn valid(text: &'static str) -> Self {
        Self {
            otherwise: IMITATE,
            ..Self::any(text)
        }
    }

    /// A mask that takes any text; numbers are imitated.
    pub(super) const fn any(text: &'static str) -> Self {
        Self {
            number: IMITATE,
            ..Self::text(text)
        }
    }

    /// A mask that takes any text.
    pub(super) const fn text(text: &'static str) -> Self {
        Self { text, ..Self::NONE }
    }

    /// Nothing is kept but, where there can be no null, the form.
    pub(super) const fn gone() -> Self {
        Self::valid(SUPPRESS)
    }

    /// The mask for a column; [`NOTHING`] where its type is none that the label has one for.
    pub(super) fn for_column(&self, data_type: &DataType, nullable: bool) -> &'static str {
        match TypeFamily::of(data_type) {
            Some(TypeFamily::Text) if self.text.contains("suppress") && !nullable => self.otherwise,
            Some(TypeFamily::Text) => self.text,
            Some(TypeFamily::Integer) => self.number,
            Some(TypeFamily::Date | TypeFamily::Timestamp) => self.date,
            _ => NOTHING,
        }
    }
}

impl Label {
    /// The label of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LABELS.iter().find(|label| label.name == name)
    }

    /// The label that a dotted path tells of.
    pub fn of(path: &str) -> Option<&'static Self> {
        first_told(path, |runs| {
            let named = |label: &&Self| runs.iter().any(|run| label.words.contains(&run.as_str()));
            LABELS.iter().find(named)
        })
    }
}

/// A mask for a column by its name, where its type allows; [`NOTHING`] otherwise.
pub(crate) fn suggest(path: &str, data_type: &DataType, nullable: bool) -> &'static str {
    let label = Label::of(path);
    label.map_or(NOTHING, |label| label.masks.for_column(data_type, nullable))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn each_word_is_there_once_and_in_its_one_form() {
        let words: Vec<_> = LABELS.iter().flat_map(|label| label.words).collect();
        assert!(words.len() >= 90, "{}", words.len());
        let different: BTreeSet<_> = words.iter().collect();
        assert_eq!(different.len(), words.len());
        for word in words {
            assert_eq!(super::super::words::keyword(word), **word);
        }
        let names: BTreeSet<_> = LABELS.iter().map(|label| label.name).collect();
        assert_eq!(names.len(), LABELS.len());
    }

    #[test]
    fn masks_by_name_and_type() {
        let text = || DataType::Utf8View;
        let ip = "{type: ip_address, on_invalid: suppress}";
        let phone = "{type: phone, on_invalid: suppress}";
        let street = "{type: address, part: street}";
        for (name, data_type, nullable, mask) in [
            ("email_address", text(), false, "{type: email}"),
            ("E-Mail", text(), false, "{type: email}"),
            ("Last_Name", text(), true, "{type: person_name, part: last}"),
            (
                "customerFirstName",
                text(),
                true,
                "{type: person_name, part: first}",
            ),
            ("street", text(), true, street),
            ("billing_address", text(), true, "{type: address}"),
            ("mailing_address", text(), true, "{type: address}"),
            // The leaf counts, not where it lies.
            ("address.zip", text(), true, IMITATE),
            ("address.zip", DataType::Int32, true, IMITATE),
            ("address.street", text(), true, street),
            ("address.line1", text(), true, street),
            ("address.city", text(), true, "{type: address, part: city}"),
            ("address.country", text(), true, NOTHING),
            ("address.verified_by", text(), true, NOTHING),
            ("billing.postalCode", text(), true, IMITATE),
            ("email.opened", text(), true, NOTHING),
            // Where the leaf tells nothing, what it lies in counts.
            ("phones.number", text(), true, phone),
            ("emails.value", text(), true, "{type: email}"),
            ("order.number", text(), true, NOTHING),
            ("value", text(), true, NOTHING),
            ("ip", text(), true, ip),
            ("client_ip", text(), true, ip),
            ("ip_address", text(), true, ip),
            ("lastLoginIPv4", text(), true, ip),
            ("device_id", text(), true, IMITATE),
            ("SessionID", DataType::Int64, true, IMITATE),
            ("phone", text(), true, phone),
            ("phone", text(), false, IMITATE),
            ("phone", DataType::Int64, true, IMITATE),
            ("iban", text(), true, "{type: iban, on_invalid: suppress}"),
            (
                "birthday",
                text(),
                true,
                "{type: retain_year, on_invalid: suppress}",
            ),
            (
                "date_of_birth",
                DataType::Date32,
                false,
                "{type: retain_year}",
            ),
            ("birthday", DataType::Int64, false, NOTHING),
            ("note", text(), true, "{type: suppress}"),
            ("note", text(), false, NOTHING),
            ("name", DataType::Boolean, true, NOTHING),
            (
                "email",
                DataType::Timestamp(TimeUnit::Second, None),
                true,
                NOTHING,
            ),
            ("email", DataType::Null, true, NOTHING),
            // Words within words.
            ("description", text(), true, NOTHING),
            ("shipping", text(), true, NOTHING),
            ("capacity", text(), true, NOTHING),
            ("discarded", text(), true, NOTHING),
            ("amount", text(), true, NOTHING),
        ] {
            let found = suggest(name, &data_type, nullable);
            assert_eq!(found, mask, "{name} {data_type}");
        }
    }
}
