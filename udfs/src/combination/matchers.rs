//! What is looked for in running text, and where it stands.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::Array;
use regex::Regex;

use super::checksum::Checksum;
use super::words::{WordList, find_words_of, is_whole, without_case};
use crate::rows::Rows;

/// One thing that is looked for. A copy shares no working memory with another thread's.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// What a pattern matches; empty matches are passed over.
    Pattern(Regex),
    /// Numbers with right check digits.
    Checksum(Arc<Checksum>),
    /// Words of a list.
    Words(Arc<WordList>),
    /// The value of another column of the row, and its words.
    Beside { input: usize, case_sensitive: bool },
}

/// A part of a text that a matcher found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) matcher: usize,
    pub(super) span: Range<usize>,
}

/// The parts of `text`, in the row `row`, that `matchers` find, from left to right. Of those that
/// overlap the leftmost counts, among these the longest, among these the earlier matcher's; each
/// matcher then goes on behind it.
pub(super) fn find_all(
    matchers: &[Matcher],
    text: &str,
    row: usize,
    rows: &Rows<'_>,
) -> Vec<Found> {
    let mut searches: Vec<(Search<'_>, Option<Range<usize>>)> = matchers
        .iter()
        .map(|matcher| {
            let search = matcher.search(text, row, rows);
            let first = search.next(0);
            (search, first)
        })
        .collect();
    let mut found = vec![];
    loop {
        let next = searches.iter().enumerate();
        let next = next.filter_map(|(matcher, (_, span))| Some((matcher, span.clone()?)));
        let best = next.min_by_key(|(matcher, span)| (span.start, Reverse(span.end), *matcher));
        let Some((matcher, span)) = best else {
            return found;
        };
        for (search, next) in &mut searches {
            if next.as_ref().is_some_and(|next| next.start < span.end) {
                *next = search.next(span.end);
            }
        }
        found.push(Found { matcher, span });
    }
}

/// A matcher at work on one text.
enum Search<'t> {
    Pattern(&'t Regex, &'t str),
    Numbers(Numbers<'t>),
    /// Everything it finds, from left to right, the longest first.
    Spans(Vec<Range<usize>>),
}

impl Matcher {
    /// What two parts have in common that the matcher takes for the same.
    pub(super) fn identity<'t>(&self, part: &'t str) -> Cow<'t, str> {
        let case_sensitive = match self {
            Self::Pattern(_) | Self::Checksum(_) => true,
            Self::Words(words) => words.is_case_sensitive(),
            Self::Beside { case_sensitive, .. } => *case_sensitive,
        };
        match case_sensitive {
            true => Cow::Borrowed(part),
            false => Cow::Owned(without_case(part)),
        }
    }

    fn search<'t>(&'t self, text: &'t str, row: usize, rows: &Rows<'_>) -> Search<'t> {
        match self {
            Self::Pattern(regex) => Search::Pattern(regex, text),
            Self::Checksum(checksum) => Search::Numbers(Numbers::of(text, checksum)),
            Self::Words(words) => Search::Spans(words.find(text)),
            Self::Beside {
                input,
                case_sensitive,
            } => {
                let values = rows.input(*input);
                Search::Spans(match values.is_valid(row) {
                    true => find_words_of(values.value(row), text, *case_sensitive),
                    false => vec![],
                })
            }
        }
    }
}

impl Search<'_> {
    /// The first part from the byte `from` on.
    fn next(&self, from: usize) -> Option<Range<usize>> {
        match self {
            Self::Pattern(regex, text) => {
                let mut from = from;
                loop {
                    let found = regex.find_at(text, from)?;
                    if !found.is_empty() {
                        return Some(found.range());
                    }
                    from = found.end() + text[found.end()..].chars().next()?.len_utf8();
                }
            }
            Self::Numbers(numbers) => numbers.next(from),
            Self::Spans(spans) => {
                let first = spans.partition_point(|span| span.start < from);
                spans.get(first).cloned()
            }
        }
    }
}

/// The numbers of a text.
struct Numbers<'t> {
    text: &'t str,
    checksum: &'t Checksum,
    /// Letters and digits of ASCII that follow each other.
    runs: Vec<Range<usize>>,
}

/// The longest number that is looked for, separators not counted.
const MOST_PLACES: usize = 34;

impl<'t> Numbers<'t> {
    fn of(text: &'t str, checksum: &'t Checksum) -> Self {
        let mut runs: Vec<Range<usize>> = vec![];
        for (at, byte) in text.bytes().enumerate() {
            if !byte.is_ascii_alphanumeric() {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == at => run.end += 1,
                _ => runs.push(at..at + 1),
            }
        }
        Self {
            text,
            checksum,
            runs,
        }
    }

    /// The first number from the byte `from` on, the longest of those that begin there.
    fn next(&self, from: usize) -> Option<Range<usize>> {
        let first = self.runs.partition_point(|run| run.start < from);
        (first..self.runs.len()).find_map(|run| self.longest(run))
    }

    /// The longest number that begins with the run `first`.
    fn longest(&self, first: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = self.runs[first].start;
        if self.checksum.begins_with_digit() && !bytes[start].is_ascii_digit() {
            return None;
        }
        let mut longest = None;
        let (mut places, mut end, mut parted_by) = (0, start, None);
        for run in &self.runs[first..] {
            let gap = &bytes[end..run.start];
            places += run.len() + usize::from(matches!(gap, b"-" | b"+"));
            if places > 2 * MOST_PLACES {
                break;
            }
            end = run.end;
            if let [separator] = gap {
                let goes_on = self.checksum.separators().as_bytes().contains(separator)
                    || matches!(separator, b'-' | b'+');
                let even = parted_by.is_none_or(|other| other == *separator);
                if !goes_on || (self.checksum.is_evenly_parted() && !even) {
                    break;
                }
                parted_by = Some(*separator);
            } else if !gap.is_empty() {
                break;
            }
            let ends = match self.checksum.is_starred() && bytes.get(end) == Some(&b'*') {
                true => [end, end + 1],
                false => [end, end],
            };
            for end in ends {
                let span = start..end;
                if is_whole(self.text, &span) && self.checksum.is_right(&self.text[span.clone()]) {
                    longest = Some(span);
                }
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Messages;

    fn find<'t>(matchers: &[Matcher], text: &'t str) -> Vec<(usize, &'t str)> {
        let none = Messages::default();
        let found = find_all(matchers, text, 0, &Rows::new(1, &none, &[]));
        let found = found.into_iter();
        found
            .map(|found| (found.matcher, &text[found.span]))
            .collect()
    }

    fn pattern(pattern: &str) -> Matcher {
        Matcher::Pattern(Regex::new(pattern).unwrap())
    }

    fn words(words: &[&str]) -> Matcher {
        let words = WordList::of(words.iter().copied(), false);
        Matcher::Words(Arc::new(words.unwrap()))
    }

    fn checksum(name: &str) -> Matcher {
        Matcher::Checksum(Arc::new(Checksum::named(name, "type").unwrap()))
    }

    #[test]
    fn the_leftmost_then_the_longest_then_the_earlier() {
        for (matchers, text, expected) in [
            (
                vec![pattern("b+"), pattern("ab")],
                "abbb",
                vec![(1, "ab"), (0, "bb")],
            ),
            (
                vec![pattern("a"), pattern("ab")],
                "abab",
                vec![(1, "ab"), (1, "ab")],
            ),
            (vec![pattern("ab"), pattern("a.")], "ab", vec![(0, "ab")]),
            (
                vec![pattern("a.c"), pattern("[bc]+")],
                "abcbc",
                vec![(0, "abc"), (1, "bc")],
            ),
            (vec![pattern("x*")], "éaxxéx", vec![(0, "xx"), (0, "x")]),
            // What stands before still counts where a search goes on.
            (
                vec![pattern("a"), pattern(r"\bb")],
                "ab b",
                vec![(0, "a"), (1, "b")],
            ),
            (
                vec![words(&["Ann Lee", "Lee May"]), words(&["Lee"])],
                "Ann Lee May",
                vec![(0, "Ann Lee")],
            ),
            (
                vec![words(&["Lee"]), words(&["lee"])],
                "Lee",
                vec![(0, "Lee")],
            ),
            (vec![], "x", vec![]),
        ] {
            assert_eq!(find(&matchers, text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_with_right_check_digits() {
        for (name, text, expected) in [
            (
                "credit_card",
                "card 4111 1111 1111 1111, 4111111111111112.",
                &["4111 1111 1111 1111"][..],
            ),
            ("credit_card", "x4111111111111111 4111111111111111é 18", &[]),
            ("credit_card", "4111-1111 1111-1111", &[]),
            ("luhn", "id 79927398713; 7992739871", &["79927398713"]),
            (
                "mod_11_2",
                "isni 0000 0001 2103 2683 and 0000-0002-1694-233X",
                &["0000 0001 2103 2683", "0000-0002-1694-233X"],
            ),
            (
                "mod_37_36",
                "A1-2425G-ABC1234002-M wellington",
                &["A1-2425G-ABC1234002-M"],
            ),
            ("mod_37_2", "A999914123456N", &["A999914123456N"]),
            (
                "iban",
                "to GB82 WEST 1234 5698 7654 32 or gb82west12345698765432 now",
                &["GB82 WEST 1234 5698 7654 32", "gb82west12345698765432"],
            ),
            ("iban", "GB83 WEST 1234 5698 7654 32", &[]),
            ("br_cpf", "cpf 170.021.157-90.", &["170.021.157-90"]),
            ("fi_hetu", "hetu 131052-308T, 131052-308U", &["131052-308T"]),
            ("nz_ird", "49-091-850 and 49-091-851", &["49-091-850"]),
            ("us_npi", "", &[]),
        ] {
            let found = find(&[checksum(name)], text);
            let found: Vec<&str> = found.into_iter().map(|(_, part)| part).collect();
            assert_eq!(found, expected, "{name} {text}");
        }
    }

    /// A number that may end with `*`: of 37 bodies one does.
    #[test]
    fn a_star_belongs_to_the_number() {
        let starred = (0..370).filter(|n| {
            let text = format!("A9999141{n:05}*");
            match &find(&[checksum("mod_37_2")], &text)[..] {
                [] => false,
                found => {
                    assert_eq!(found, [(0, text.as_str())]);
                    true
                }
            }
        });
        let starred = starred.count();
        assert!((1..40).contains(&starred), "{starred}");
    }
}
