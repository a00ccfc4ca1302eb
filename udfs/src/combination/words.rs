//! Words inside a text, with or without regard to letter case.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that are looked for in many texts.
#[derive(Debug)]
pub(super) struct WordList {
    automaton: AhoCorasick,
    case_sensitive: bool,
}

impl WordList {
    /// These words; blanks around them do not count, nor do empty ones.
    ///
    /// # Errors
    /// When there are more than an automaton can hold.
    pub(super) fn of<'w>(
        words: impl Iterator<Item = &'w str>,
        case_sensitive: bool,
    ) -> Result<Self, BuildError> {
        let mut spellings: Vec<String> = words
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .flat_map(|word| spellings(word, case_sensitive))
            .collect();
        spellings.sort_unstable();
        spellings.dedup();
        Ok(Self {
            automaton: AhoCorasick::builder()
                .ascii_case_insensitive(!case_sensitive)
                .build(spellings)?,
            case_sensitive,
        })
    }

    /// Whether letter case counts.
    pub(super) fn is_case_sensitive(&self) -> bool {
        self.case_sensitive
    }

    /// Where one of them stands in `text`, from left to right, the longest first.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        // The automaton itself does not tell letters of ASCII apart by their case.
        let folded = Folded::of(text, self.case_sensitive || text.is_ascii());
        let found = self.automaton.find_overlapping_iter(folded.text.as_ref());
        ordered(found.filter_map(|found| folded.whole(text, found.range())))
    }
}

/// Where `value`, or one of its words, stands in `text`, from left to right, the longest first.
///
/// Its words are its parts between blanks, without punctuation around them, and the parts of these
/// between punctuation; those of one character or without a letter are passed over.
pub(super) fn find_words_of(value: &str, text: &str, case_sensitive: bool) -> Vec<Range<usize>> {
    let folded = Folded::of(text, case_sensitive);
    let words = words_of(value);
    let spellings = words
        .iter()
        .flat_map(|word| spellings(word, case_sensitive));
    let found = spellings.flat_map(|word| {
        let places = folded.text.match_indices(&word);
        let whole = places.filter_map(|(at, _)| folded.whole(text, at..at + word.len()));
        whole.collect::<Vec<_>>()
    });
    ordered(found)
}

fn ordered(found: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut found: Vec<_> = found.collect();
    found.sort_unstable_by_key(|span| (span.start, Reverse(span.end)));
    found.dedup();
    found
}

/// The whole value and its words, each once.
fn words_of(value: &str) -> Vec<&str> {
    let others = |char: char| !is_in_word(char);
    let has_letter = |word: &&str| word.chars().any(char::is_alphabetic);
    let mut words = vec![];
    for part in value.split_whitespace() {
        let inner = part.split(others);
        words.extend([part.trim_matches(others)].into_iter().chain(inner));
    }
    words.retain(|word| has_letter(word) && word.chars().nth(1).is_some());
    words.extend(Some(value.trim()).filter(|value| !value.is_empty()));
    words.sort_unstable();
    words.dedup();
    words
}

/// A word composed and, where that is another text, decomposed: either may stand in a text.
fn spellings(word: &str, case_sensitive: bool) -> impl Iterator<Item = String> + use<> {
    let fold = |word: String| match case_sensitive {
        true => word,
        false => without_case(&word),
    };
    let decomposed = (!word.is_ascii()).then(|| fold(word.nfd().collect()));
    [fold(word.nfc().collect())].into_iter().chain(decomposed)
}

/// A text without its letter case.
pub(super) fn without_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(folded).collect()
}

/// A character without its letter case: `ß` and `ẞ` become `ss`.
fn folded(char: char) -> impl Iterator<Item = char> {
    char.to_uppercase().flat_map(char::to_lowercase)
}

/// A text as it is searched.
struct Folded<'t> {
    text: Cow<'t, str>,
    /// Where the character begins that each byte comes from, for its first byte, and the end of the
    /// text; nothing where folding moves no byte.
    origins: Option<Vec<Option<usize>>>,
}

impl<'t> Folded<'t> {
    fn of(text: &'t str, case_sensitive: bool) -> Self {
        if case_sensitive {
            return Self {
                text: Cow::Borrowed(text),
                origins: None,
            };
        }
        if text.is_ascii() {
            return Self {
                text: Cow::Owned(text.to_ascii_lowercase()),
                origins: None,
            };
        }
        let (mut lower, mut origins) = (String::with_capacity(text.len()), vec![]);
        for (at, char) in text.char_indices() {
            origins.resize(lower.len(), None);
            origins.push(Some(at));
            lower.extend(folded(char));
        }
        origins.resize(lower.len(), None);
        origins.push(Some(text.len()));
        Self {
            text: Cow::Owned(lower),
            origins: Some(origins),
        }
    }

    /// Where the bytes `found` stand in `text`, if they are whole words of it.
    fn whole(&self, text: &str, found: Range<usize>) -> Option<Range<usize>> {
        let span = match &self.origins {
            None => found,
            Some(origins) => origins[found.start]?..origins[found.end]?,
        };
        is_whole(text, &span).then_some(span)
    }
}

/// Whether no word of `text` goes on at either end of `span`.
pub(super) fn is_whole(text: &str, span: &Range<usize>) -> bool {
    let (before, rest) = text.split_at(span.start);
    let (inner, after) = rest.split_at(span.end - span.start);
    let goes_on = |left: Option<char>, right: Option<char>| {
        left.is_some_and(is_in_word) && right.is_some_and(is_in_word)
    };
    !goes_on(before.chars().next_back(), inner.chars().next())
        && !goes_on(inner.chars().next_back(), after.chars().next())
}

fn is_in_word(char: char) -> bool {
    (char.is_alphanumeric() || is_combining_mark(char)) && !is_of_unparted_script(char)
}

/// Whether words of the character's script follow each other without a blank: Thai, Lao, Burmese,
/// Khmer, Chinese, Japanese. Their ends cannot be told.
fn is_of_unparted_script(char: char) -> bool {
    matches!(
        char,
        '\u{0e00}'..='\u{0eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(words: &[&str], case_sensitive: bool, text: &'t str) -> Vec<&'t str> {
        let words = WordList::of(words.iter().copied(), case_sensitive).unwrap();
        words
            .find(text)
            .into_iter()
            .map(|span| &text[span])
            .collect()
    }

    #[test]
    fn whole_words() {
        for (words, text, expected) in [
            (
                &["Ann", "Ann Lee"][..],
                "Ann Leeds, Ann Lee",
                &["Ann", "Ann Lee", "Ann"][..],
            ),
            (&["ann"], "Anna, joann, ANN_b ann's", &["ANN", "ann"]),
            (&["Zoë"], "zoe\u{308} ZOË zoe", &["zoe\u{308}", "ZOË"]),
            (&["zoe"], "zoe\u{308}", &[]),
            (&["Straße"], "STRASSE straße", &["STRASSE", "straße"]),
            (&["s"], "ß", &[]),
            (&["C++"], "C++11 c++.", &["C++", "c++"]),
            (&[" ", "", " x "], "x  y", &["x"]),
            (&["李明"], "我见了李明。", &["李明"]),
            (&["x"], "", &[]),
        ] {
            assert_eq!(found(words, false, text), expected, "{text}");
        }
        assert_eq!(found(&["Ann"], true, "ANN Ann ann"), ["Ann"]);
        assert!(found(&[], false, "x").is_empty());
    }

    #[test]
    fn words_of_a_value() {
        for (value, text, expected) in [
            (
                "Mary-Jane O'Brien",
                "mary-jane o'brien; Mary, Brien's",
                &[
                    "mary-jane o'brien",
                    "mary-jane",
                    "mary",
                    "jane",
                    "o'brien",
                    "brien",
                    "Mary",
                    "Brien",
                ][..],
            ),
            (
                "J. Watson (Dr)",
                "J Watson, dr J. Watson",
                &["Watson", "dr", "Watson"],
            ),
            ("12 High St", "12 st high", &["st", "high"]),
            ("1990-01-02", "01, 1990-01-02", &["1990-01-02"]),
            ("X", "x y", &["x"]),
            (" ", " ", &[]),
            ("", "a", &[]),
        ] {
            let spans = find_words_of(value, text, false);
            let words: Vec<_> = spans.into_iter().map(|span| &text[span]).collect();
            assert_eq!(words, expected, "{value}");
        }
        assert!(find_words_of("Ann", "ann ANN", true).is_empty());
    }
}
