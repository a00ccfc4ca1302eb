//! Patterns that are one class of characters, such as `[0-9]+`, without the machinery of others.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind};

/// What a pattern of one class matches in ASCII text.
#[derive(Debug)]
pub(super) struct ClassRuns {
    members: [bool; 128],
    /// Whether a match goes on as long as members follow, or is one character.
    long: bool,
}

impl ClassRuns {
    /// The pattern `[…]` or `[…]+`, however it is spelled; `None` for any other.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let hir = regex_syntax::parse(pattern).ok()?;
        let (class, long) = match hir.kind() {
            HirKind::Class(class) => (class, false),
            HirKind::Repetition(times) if (times.min, times.max) == (1, None) && times.greedy => {
                (class_of(&times.sub)?, true)
            }
            _ => return None,
        };
        let has = |char: char| match class {
            Class::Unicode(class) => {
                (class.ranges().iter()).any(|range| (range.start()..=range.end()).contains(&char))
            }
            Class::Bytes(class) => (class.ranges().iter())
                .any(|range| (range.start()..=range.end()).contains(&(char as u8))),
        };
        let members = std::array::from_fn(|byte| has(char::from(byte as u8)));
        Some(Self { members, long })
    }

    /// The matches in `ascii`, from left to right.
    pub(super) fn find(&self, ascii: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let is_member = |byte: &u8| self.members.get(usize::from(*byte)) == Some(&true);
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at + ascii[at..].iter().position(is_member)?;
            let others = |byte: &u8| !is_member(byte);
            let length = match self.long {
                true => ascii[start..].iter().position(others),
                false => Some(1),
            };
            at = length.map_or(ascii.len(), |length| start + length);
            Some(start..at)
        })
    }
}

fn class_of(hir: &Hir) -> Option<&Class> {
    match hir.kind() {
        HirKind::Class(class) => Some(class),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn as_the_regex_finds_them() {
        let text = "a1 22, B-333\n4.";
        for pattern in [
            "[0-9]+",
            "[0-9]",
            r"\d+",
            r"\w+",
            "[^0-9]+",
            "[A-Z]",
            "(?i)[a-c]+",
            "[[:punct:]]+",
            r"\s",
            "(?-u)[0-9]+",
            r"\P{L}+",
        ] {
            let runs = ClassRuns::of(pattern).unwrap_or_else(|| panic!("{pattern}"));
            let regex = Regex::new(pattern).unwrap();
            let expected: Vec<_> = regex.find_iter(text).map(|found| found.range()).collect();
            assert_eq!(
                runs.find(text.as_bytes()).collect::<Vec<_>>(),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn other_patterns() {
        for pattern in [
            "[0-9]*",
            "[0-9]+?",
            "[0-9]{2,}",
            "a+",
            "[0-9]+x",
            r"\b",
            "([0-9])+",
            "",
        ] {
            assert!(ClassRuns::of(pattern).is_none(), "{pattern}");
        }
    }
}
