//! What the name of a column tells of its values, and which mask is a start for them.
//!
//! A name is cut into words at anything but letters and digits, and where small letters meet capitals or
//! digits: `billingAddress1` is `billing`, `address`, `1`. A hint's word is one of these, or several that
//! follow each other: `firstname` is in `customer_first_name`. So `ip` is not in `description`.

use arrow::datatypes::DataType;
use visard_engine::udfs::TypeFamily;

/// Masks for columns whose names tell of personal data. The first one whose word is in a name counts.
/// No row is read, so a mask has to take whatever the column holds: what is no phone number or IBAN
/// becomes null rather than an error, and where there can be no null `otherwise` stands.
const HINTS: &[Hint] = &[
    Hint::valid(
        &["ip", "ipv4", "ipv6", "ipaddr", "ipaddress"],
        "{type: ip_address, on_invalid: suppress}",
    ),
    Hint::valid(
        &["mac", "macaddr", "macaddress"],
        "{type: mac_address, on_invalid: suppress}",
    ),
    Hint::text(
        &["email", "emails", "mail", "emailaddress"],
        "{type: email}",
    ),
    // Of a thing that somebody carries: as good as a name.
    Hint::any(
        &[
            "deviceid",
            "deviceuuid",
            "sessionid",
            "session",
            "cookie",
            "cookieid",
            "visitorid",
            "imei",
            "imsi",
            "idfa",
            "gaid",
            "advertisingid",
            "token",
        ],
        IMITATE,
    ),
    Hint::text(
        &["firstname", "givenname", "forename", "fname", "middlename"],
        "{type: person_name, part: first}",
    ),
    Hint::text(
        &["lastname", "surname", "familyname", "lname", "maidenname"],
        "{type: person_name, part: last}",
    ),
    Hint::text(
        &["city", "town", "hometown", "municipality"],
        "{type: address, part: city}",
    ),
    Hint::text(&["suburb"], "{type: address, part: suburb}"),
    Hint::any(
        &[
            "zip",
            "zipcode",
            "postcode",
            "postalcode",
            "postal",
            "plz",
            "eircode",
            "pincode",
        ],
        IMITATE,
    ),
    Hint::any(
        &[
            "street",
            "streets",
            "streetaddress",
            "addressline",
            "addr",
            "line1",
            "line2",
            "line3",
        ],
        "{type: address, part: street}",
    ),
    // Tells of too many to tell of one.
    Hint::text(&["country", "countrycode", "nationality"], NOTHING),
    Hint::any(&["address", "addresses"], "{type: address}"),
    Hint::valid(
        &[
            "phone",
            "phones",
            "telephone",
            "mobile",
            "fax",
            "tel",
            "msisdn",
            "phonenumber",
            "mobilenumber",
        ],
        "{type: phone, on_invalid: suppress}",
    ),
    Hint::valid(&["iban"], "{type: iban, on_invalid: suppress}"),
    Hint::any(
        &[
            "account",
            "acct",
            "accountnumber",
            "cardnumber",
            "creditcard",
            "card",
            "pan",
            "ssn",
            "sin",
            "nin",
            "passport",
            "licence",
            "license",
            "tax",
            "taxid",
            "vat",
            "nationalid",
            "cpf",
            "nhs",
        ],
        IMITATE,
    ),
    Hint {
        words: &[
            "birth",
            "birthdate",
            "birthday",
            "dateofbirth",
            "dob",
            "born",
        ],
        text: "{type: retain_year, on_invalid: suppress}",
        date: "{type: retain_year}",
        ..Hint::NONE
    },
    // A name of what, is not known: of a person, a firm, a thing.
    Hint::any(
        &[
            "name", "names", "username", "fullname", "nickname", "login", "company",
        ],
        IMITATE,
    ),
    Hint::text(
        &["note", "notes", "comment", "comments", "remark", "remarks"],
        "{type: suppress}",
    ),
];

/// Words for what lies in a list or a mapping, which its own name tells nothing of.
const GENERIC: [&str; 6] = ["value", "values", "element", "item", "number", "text"];

/// How many words of a name a hint's word is made of at most.
const MOST_WORDS: usize = 3;

/// Leaves a column as it is.
pub(super) const NOTHING: &str = "{type: do_nothing}";
const IMITATE: &str = "{type: imitate}";

/// A mask for each kind of column.
struct Hint {
    words: &'static [&'static str],
    /// For text.
    text: &'static str,
    /// For text in place of a mask that may give null, where there can be none.
    otherwise: &'static str,
    /// For whole numbers.
    number: &'static str,
    /// For dates and timestamps.
    date: &'static str,
}

impl Hint {
    const NONE: Self = Self {
        words: &[],
        text: NOTHING,
        otherwise: NOTHING,
        number: NOTHING,
        date: NOTHING,
    };

    /// A mask that makes null of what is not valid; numbers, and where there can be no null, are
    /// imitated.
    const fn valid(words: &'static [&'static str], text: &'static str) -> Self {
        Self {
            otherwise: IMITATE,
            ..Self::any(words, text)
        }
    }

    /// A mask that takes any text; numbers are imitated.
    const fn any(words: &'static [&'static str], text: &'static str) -> Self {
        Self {
            number: IMITATE,
            ..Self::text(words, text)
        }
    }

    /// A mask that takes any text.
    const fn text(words: &'static [&'static str], text: &'static str) -> Self {
        Self {
            words,
            text,
            ..Self::NONE
        }
    }
}

/// A mask for a column by its name, where its type allows; [`NOTHING`] otherwise.
pub(super) fn suggest(path: &str, data_type: &DataType, nullable: bool) -> &'static str {
    let Some(hint) = hint_of(path) else {
        return NOTHING;
    };
    match TypeFamily::of(data_type) {
        Some(TypeFamily::Text) if hint.text.contains("suppress") && !nullable => hint.otherwise,
        Some(TypeFamily::Text) => hint.text,
        Some(TypeFamily::Integer) => hint.number,
        Some(TypeFamily::Date | TypeFamily::Timestamp) => hint.date,
        _ => NOTHING,
    }
}

/// The hint for a dotted path: its last name counts, and the one before where the last tells nothing.
fn hint_of(path: &str) -> Option<&'static Hint> {
    for name in path.rsplit('.') {
        let words = words_of(name);
        let runs: Vec<String> = (0..words.len())
            .flat_map(|from| (1..=MOST_WORDS).map(move |count| from..from + count))
            .filter_map(|run| Some(words.get(run)?.concat()))
            .collect();
        let named = |hint: &&Hint| {
            let mut runs = runs.iter();
            runs.any(|run| hint.words.contains(&run.as_str()))
        };
        if let Some(hint) = HINTS.iter().find(named) {
            return Some(hint);
        }
        let [word] = &words[..] else { return None };
        if !GENERIC.contains(&word.as_str()) {
            return None;
        }
    }
    None
}

/// The words of a name, in small letters.
fn words_of(name: &str) -> Vec<String> {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Small,
        Capital,
        Digit,
        Other,
    }
    let kind = |c: char| match c {
        c if c.is_numeric() => Kind::Digit,
        c if c.is_uppercase() => Kind::Capital,
        c if c.is_alphabetic() => Kind::Small,
        _ => Kind::Other,
    };
    let characters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = vec![];
    let mut last = Kind::Other;
    for (at, &character) in characters.iter().enumerate() {
        let this = kind(character);
        let next = characters.get(at + 1).map(|next| kind(*next));
        let begins = match (last, this) {
            (_, Kind::Other) => false,
            (Kind::Capital, Kind::Small) => false,
            // The last capital of `IPAddress` begins a word.
            (Kind::Capital, Kind::Capital) => next == Some(Kind::Small),
            (last, this) => last != this,
        };
        if begins {
            words.push(String::new());
        }
        if this != Kind::Other
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        last = this;
    }
    words
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn words_of_names() {
        for (name, words) in [
            ("customer_first_name", &["customer", "first", "name"][..]),
            ("billingAddress1", &["billing", "address", "1"]),
            ("IPAddress", &["ip", "address"]),
            ("clientIP", &["client", "ip"]),
            ("ipv4", &["ipv", "4"]),
            ("E-Mail", &["e", "mail"]),
            ("Straße 2", &["straße", "2"]),
            ("__", &[]),
            ("", &[]),
        ] {
            assert_eq!(words_of(name), words, "{name}");
        }
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
