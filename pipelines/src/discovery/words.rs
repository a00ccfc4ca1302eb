//! The words of a name: of a column, of a keyword.
//!
//! A name is cut at anything but letters and digits, and where small letters meet capitals or digits:
//! `billingAddress1` is `billing`, `address`, `1`. A keyword is one of these, or several that follow each
//! other: `firstname` is in `customer_first_name`. So `ip` is not in `description`.

/// Words for what lies in a list or a mapping, which its own name tells nothing of.
const GENERIC: [&str; 6] = ["value", "values", "element", "item", "number", "text"];

/// How many words of a name a keyword is made of at most.
const MOST_WORDS: usize = 4;

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

/// The first thing that `told` finds in the keywords of a dotted path: its last name counts, and the one
/// before where the last tells nothing.
pub(super) fn first_told<T>(path: &str, told: impl Fn(&[String]) -> Option<T>) -> Option<T> {
    for name in path.rsplit('.') {
        let words = words_of(name);
        if let Some(found) = told(&runs_of(&words)) {
            return Some(found);
        }
        let [word] = &words[..] else { return None };
        if !GENERIC.contains(&word.as_str()) {
            return None;
        }
    }
    None
}

/// Everything in `words` that a keyword may be: each word, and those that follow each other as one.
fn runs_of(words: &[String]) -> Vec<String> {
    let runs =
        (0..words.len()).flat_map(|from| (1..=MOST_WORDS).map(move |count| from..from + count));
    runs.filter_map(|run| Some(words.get(run)?.concat()))
        .collect()
}

/// A keyword in the one form in which it is looked for in names.
pub(super) fn keyword(written: &str) -> String {
    words_of(written).concat()
}

#[cfg(test)]
mod tests {
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
    fn keywords_in_names() {
        for (written, name, is_in) in [
            ("first name", "customer_first_name", true),
            ("FirstName", "CUSTOMER_FIRST_NAME", true),
            ("mothers_maiden_name", "mothersMaidenName", true),
            ("name", "username", false),
            ("ip", "description", false),
        ] {
            let runs = runs_of(&words_of(name));
            assert_eq!(runs.contains(&keyword(written)), is_in, "{written} {name}");
        }
    }
}
