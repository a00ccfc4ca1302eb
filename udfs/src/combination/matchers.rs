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
        let lengths = self.checksum.lengths();
        let mut longest = None;
        let (mut places, mut signs, mut end, mut parted_by) = (0, 0, start, None);
        for run in &self.runs[first..] {
            let gap = &bytes[end..run.start];
            places += run.len();
            // A sign may be a place as well.
            signs += usize::from(matches!(gap, b"-" | b"+"));
            if places > *lengths.end() {
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
            // A star may be the last place.
            if places + signs + 1 < *lengths.start() {
                continue;
            }
            let starred = self.checksum.is_starred() && bytes.get(end) == Some(&b'*');
            for end in end..=end + usize::from(starred) {
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
    use crate::examples::valid_ids;
    use crate::identifiers::KINDS;
    use crate::messages::Messages;

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

    /// The numbers of a text, every beginning tried with every end. What may stand between the places is
    /// as in [`Numbers::longest`]; nothing is passed over for its length.
    fn all_tried<'t>(checksum: &Checksum, text: &'t str) -> Vec<&'t str> {
        let bytes = text.as_bytes();
        let in_number = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let is_parted = |part: &[u8]| {
            let gaps: Vec<&[u8]> = part
                .split(u8::is_ascii_alphanumeric)
                .filter(|gap| !gap.is_empty())
                .collect();
            let one = |gap: &&[u8]| {
                let separators = checksum.separators().as_bytes();
                gap.len() == 1 && (separators.contains(&gap[0]) || b"-+".contains(&gap[0]))
            };
            let even = gaps.windows(2).all(|pair| pair[0] == pair[1]);
            gaps.iter().all(one) && (even || !checksum.is_evenly_parted())
        };
        let mut found = vec![];
        let mut from = 0;
        while from < bytes.len() {
            let begins = in_number(from)
                && !(from > 0 && in_number(from - 1))
                && (!checksum.begins_with_digit() || bytes[from].is_ascii_digit());
            let mut ends = (from + 1..=bytes.len()).filter(|&end| {
                let starred = bytes[end - 1] == b'*' && in_number(end - 2) && checksum.is_starred();
                let run_ends = in_number(end - 1) && !in_number(end);
                (run_ends || starred)
                    && is_parted(&bytes[from..end - usize::from(starred)])
                    && is_whole(text, &(from..end))
                    && checksum.is_right(&text[from..end])
            });
            match ends.next_back().filter(|_| begins) {
                Some(end) => {
                    found.push(&text[from..end]);
                    from = end;
                }
                None => from += 1,
            }
        }
        found
    }

    /// The search, which passes over what cannot have the right length, finds what is found without.
    #[test]
    fn no_length_is_missed() {
        let systems = ["luhn", "credit_card", "verhoeff", "mod_97_10", "mod_11_2"];
        let systems = systems.into_iter().chain(["mod_37_2", "mod_37_36", "iban"]);
        let kinds = KINDS.iter().filter(|kind| kind.has_checks());
        let mut counts = [0; 2];
        for (is_kind, name) in systems
            .map(|name| (false, name))
            .chain(kinds.map(|kind| (true, kind.code)))
        {
            let checksum = Checksum::named(name, "type").unwrap();
            let matcher = Matcher::Checksum(Arc::new(Checksum::named(name, "type").unwrap()));
            let mut texts = vec![];
            if is_kind {
                for number in valid_ids(name) {
                    let parted = number.replace(['-', ' ', '.', '/'], "");
                    for (before, after) in
                        [("", ""), ("1 ", ""), ("", "-1"), ("7.", " 12"), ("x", "")]
                    {
                        texts.push(format!("{before}{number}{after}"));
                        texts.push(format!("{before}{parted}{after}"));
                    }
                }
            }
            // Digits in groups of one to seven with all kinds of gaps: of ten one is right by chance.
            let mut state = 7_u64;
            let mut next = |n: u64| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                (state >> 33) % n
            };
            for _ in 0..150 {
                let mut text = String::new();
                for _ in 0..next(12) + 1 {
                    let places = 1 + next(7) as u32;
                    let group = next(10_u64.pow(places));
                    let gaps = [" ", " ", " ", "-", "-", "", ".", "+", "*", "A", ", ", "é"];
                    text += &format!("{group}{}", gaps[next(12) as usize]);
                }
                texts.push(text);
            }
            for text in texts {
                let found: Vec<&str> = find(std::slice::from_ref(&matcher), &text)
                    .into_iter()
                    .map(|(_, part)| part)
                    .collect();
                assert_eq!(found, all_tried(&checksum, &text), "{name} {text}");
                counts[usize::from(is_kind)] += found.len();
            }
        }
        assert!(counts[0] > 50 && counts[1] > 1000, "{counts:?}");
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
