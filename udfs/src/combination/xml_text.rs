//! Character data of an XML document: how it reads, and how it is written.
//!
//! Source: Extensible Markup Language (XML) 1.0, fifth edition: characters (2.2), names (2.3), CDATA
//! sections (2.7), line ends (2.11), white space of attributes (3.3.3), references (4.1, 4.6).

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// The text between two tags, its CDATA sections included, with references resolved and line ends as
/// `\n`; `None` where it is not well-formed or refers to an entity that is not predefined.
pub(super) fn read(raw: &str) -> Option<Cow<'_, str>> {
    let mut sections = Sections(raw);
    let first = match sections.next() {
        None => return Some(Cow::Borrowed("")),
        Some(section) => read_section(section)?,
    };
    sections.try_fold(first, |text, section| Some(text + read_section(section)?))
}

/// The value of an attribute, without its quotes, with each character of white space as a blank; `None`
/// as for [`read`].
pub(super) fn read_attribute(raw: &str) -> Option<Cow<'_, str>> {
    resolve(raw, &['&', '<', '\r', '\n', '\t'], ' ')
}

/// The bytes inside the CDATA section that `raw` is, and nothing else.
pub(super) fn only_cdata(raw: &str) -> Option<Range<usize>> {
    let inside = raw.strip_prefix(CDATA)?.strip_suffix(CDATA_END)?;
    (!inside.contains(CDATA_END)).then(|| CDATA.len()..CDATA.len() + inside.len())
}

/// Appends `text` so that [`read`] gives it back.
pub(super) fn push(document: &mut String, text: &str) {
    escape(document, text, &[]);
}

/// As [`push`], inside a CDATA section.
pub(super) fn push_cdata(document: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = [rest.find(CDATA_END).map(|at| at + 2), rest.find('\r')]
        .into_iter()
        .flatten()
        .min()
    {
        document.push_str(&rest[..at]);
        document.push_str(CDATA_END);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('\r') {
            // A reader takes a bare carriage return for a line end.
            document.push_str("&#13;");
            rest = after;
        }
        document.push_str(CDATA);
    }
    document.push_str(rest);
}

/// Appends `text` so that [`read_attribute`] gives it back, between quotes `quote`.
pub(super) fn push_attribute(document: &mut String, text: &str, quote: char) {
    escape(document, text, &['\n', '\t', quote]);
}

/// Whether `text` is an XML name, colons allowed.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(starts_name) && chars.all(|c| starts_name(c) || continues_name(c))
}

/// Whether an XML document may hold every character of `text`.
pub(super) fn is_text(text: &str) -> bool {
    text.chars().all(is_char)
}

/// Whether `text` is nothing but white space, as XML sees it.
pub(super) fn is_white(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// The parts of a text that are read differently.
struct Sections<'d>(&'d str);

enum Section<'d> {
    Text(&'d str),
    /// Without its ends.
    Cdata(&'d str),
    Unclosed,
}

impl<'d> Iterator for Sections<'d> {
    type Item = Section<'d>;

    fn next(&mut self) -> Option<Section<'d>> {
        let (section, rest) = match self.0.strip_prefix(CDATA) {
            Some(inside) => match inside.split_once(CDATA_END) {
                Some((cdata, rest)) => (Section::Cdata(cdata), rest),
                None => (Section::Unclosed, ""),
            },
            None if self.0.is_empty() => return None,
            None => {
                let (text, rest) = self.0.split_at(self.0.find(CDATA).unwrap_or(self.0.len()));
                (Section::Text(text), rest)
            }
        };
        self.0 = rest;
        Some(section)
    }
}

fn read_section(section: Section<'_>) -> Option<Cow<'_, str>> {
    match section {
        Section::Text(raw) if raw.contains(CDATA_END) => None,
        Section::Text(raw) => resolve(raw, &['&', '<', '\r'], '\n'),
        Section::Cdata(raw) => resolve(raw, &['\r'], '\n'),
        Section::Unclosed => None,
    }
}

/// `raw` with what begins with one of `special` resolved, and line ends as `line_end`.
fn resolve<'d>(raw: &'d str, special: &[char], line_end: char) -> Option<Cow<'d, str>> {
    if !is_text(raw) {
        return None;
    }
    if !raw.contains(special) {
        return Some(Cow::Borrowed(raw));
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(special) {
        text.push_str(&rest[..at]);
        let found = rest[at..].chars().next()?;
        rest = &rest[at + found.len_utf8()..];
        match found {
            '&' => {
                let (name, after) = rest.split_once(';')?;
                text.push(referred(name)?);
                rest = after;
            }
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                text.push(line_end);
            }
            '\n' | '\t' => text.push(line_end),
            _ => return None,
        }
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The character that `&name;` stands for.
fn referred(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return Some(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix)
        .ok()
        .filter(|_| is_number)?;
    char::from_u32(code).filter(|&c| is_char(c))
}

fn escape(document: &mut String, text: &str, more: &[char]) {
    for c in text.chars() {
        match c {
            '&' => document.push_str("&amp;"),
            '<' => document.push_str("&lt;"),
            // Not needed outside `]]>`, and harmless.
            '>' => document.push_str("&gt;"),
            '"' if more.contains(&c) => document.push_str("&quot;"),
            '\'' if more.contains(&c) => document.push_str("&apos;"),
            c if c == '\r' || more.contains(&c) => {
                write!(document, "&#{};", u32::from(c)).expect("a string takes any text");
            }
            c => document.push(c),
        }
    }
}

fn is_char(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => c >= ' ',
    }
}

fn starts_name(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(c: char) -> bool {
    matches!(c,
        '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_between_tags() {
        for (raw, text) in [
            ("", Some("")),
            ("a b", Some("a b")),
            ("a&amp;b&lt;&gt;&quot;&apos;", Some("a&b<>\"'")),
            ("&#65;&#x42;&#x1F600;", Some("AB\u{1F600}")),
            ("a\r\nb\rc\nd", Some("a\nb\nc\nd")),
            ("a<![CDATA[<&amp;>]]>b<![CDATA[]]>", Some("a<&amp;>b")),
            ("<![CDATA[a]]]]><![CDATA[>b]]>", Some("a]]>b")),
            ("&nbsp;", None),
            ("&amp", None),
            ("& amp;", None),
            ("&#+65;", None),
            ("&#x;", None),
            ("&#0;", None),
            ("&#xD800;", None),
            ("&#xFFFF;", None),
            ("&#99999999999;", None),
            ("a]]>b", None),
            ("<![CDATA[a", None),
            ("a<b", None),
            ("a\u{1}b", None),
        ] {
            assert_eq!(read(raw).as_deref(), text, "{raw:?}");
        }
    }

    #[test]
    fn attributes() {
        for (raw, text) in [
            ("a\tb\r\nc", Some("a b c")),
            ("a&#9;b", Some("a\tb")),
            ("a>b]]>", Some("a>b]]>")),
            ("a<b", None),
            ("<![CDATA[a]]>", None),
        ] {
            assert_eq!(read_attribute(raw).as_deref(), text, "{raw:?}");
        }
    }

    #[test]
    fn names() {
        for name in ["a", "a:b", "_1", "é", "名前", "a-b.c"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "-a", "a b", "a/", "a\u{D7}", "<"] {
            assert!(!is_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(text in "([\\PC]|[<>&\"'\\]\r\n\t]){0,20}", quote in "[\"']") {
            prop_assume!(is_text(&text));
            let quote = quote.chars().next().unwrap();
            let mut written = String::new();
            push(&mut written, &text);
            prop_assert_eq!(read(&written), Some(Cow::from(&*text)));
            let mut written = CDATA.to_owned();
            push_cdata(&mut written, &text);
            written.push_str(CDATA_END);
            prop_assert_eq!(read(&written), Some(Cow::from(&*text)));
            let mut written = String::new();
            push_attribute(&mut written, &text, quote);
            prop_assert!(!written.contains(quote));
            prop_assert_eq!(read_attribute(&written), Some(Cow::from(&*text)));
        }
    }
}
