//! One field: the value its bytes hold, and the bytes a new value is written as.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

use super::Refusal;
use super::dialect::Dialect;

/// What a field holds, still in the file's encoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The unquoted text that stands for null.
    Null,
    /// The bytes at this place of the field, as they are.
    Slice(Range<usize>),
    /// Bytes that were freed from quotes or escapes on the way.
    Owned(Vec<u8>),
}

/// A field that is not text in the file's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable;

impl Dialect {
    /// What `field` holds: bytes of the file, or UTF-8 if the file is UTF-16.
    pub(super) fn content(&self, field: &[u8]) -> Content {
        if let Some(quote) = self.quote
            && field.first() == Some(&quote)
        {
            return self.unquote(field, quote);
        }
        if field == self.null_bytes {
            return Content::Null;
        }
        match self.escape {
            Some(escape) if self.quote.is_none() && memchr(escape, field).is_some() => {
                Content::Owned(unescape(field, escape))
            }
            _ => Content::Slice(0..field.len()),
        }
    }

    /// The value of `field`, where null and the empty string differ.
    pub(super) fn value<'a>(&self, field: &'a [u8]) -> Result<Option<Cow<'a, str>>, Undecodable> {
        if self.is_wide() {
            let text = self.decode(field).ok_or(Undecodable)?;
            return Ok(match self.content(text.as_bytes()) {
                Content::Null => None,
                Content::Slice(at) => Some(Cow::Owned(text[at].to_owned())),
                Content::Owned(bytes) => Some(Cow::Owned(
                    String::from_utf8(bytes).map_err(|_| Undecodable)?,
                )),
            });
        }
        match self.content(field) {
            Content::Null => Ok(None),
            Content::Slice(at) => self.decode(&field[at]).map(Some).ok_or(Undecodable),
            Content::Owned(bytes) => match self.decode(&bytes) {
                Some(text) => Ok(Some(Cow::Owned(text.into_owned()))),
                None => Err(Undecodable),
            },
        }
    }

    /// Whether `field` already holds `value`, so that its bytes can stay.
    pub(super) fn holds(&self, field: &[u8], value: Option<&str>) -> bool {
        self.value(field).is_ok_and(|old| old.as_deref() == value)
    }

    /// Whether the bytes of `field` begin with a quote.
    pub(super) fn is_quoted(&self, field: &[u8]) -> bool {
        self.opens(self.units(&field[..field.len().min(self.width())]).first())
    }

    /// Appends `value` as a field that stood in quotes before, or not. An unquoted value gets
    /// quotes only where it could not be read back without; null never has any.
    pub(super) fn write(
        &self,
        value: Option<&str>,
        quoted: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let Some(value) = value else {
            return self.encode(&self.null, out);
        };
        let special = value.bytes().any(|byte| self.is_special(byte));
        let plain = !special && value != self.null;
        match self.quote {
            Some(_) if plain && !quoted => self.encode(value, out),
            Some(quote) => {
                let escape = self.escape.unwrap_or(quote);
                let mut text = String::with_capacity(value.len() + 2);
                text.push(char::from(quote));
                self.push_escaped(
                    value,
                    escape,
                    |byte| byte == quote || byte == escape,
                    &mut text,
                );
                text.push(char::from(quote));
                self.encode(&text, out)
            }
            // Without quotes an empty string cannot be told from an empty null.
            None if plain || value.is_empty() => self.encode(value, out),
            None => match self.escape {
                Some(escape) if special => {
                    let mut text = String::with_capacity(value.len() + 4);
                    self.push_escaped(value, escape, |byte| self.is_special(byte), &mut text);
                    self.encode(&text, out)
                }
                _ => Err(Refusal::NeedsQuotes),
            },
        }
    }

    /// Whether `byte` cannot stand in a field without quotes.
    fn is_special(&self, byte: u8) -> bool {
        byte == self.delimiter
            || matches!(byte, b'\n' | b'\r')
            || Some(byte) == self.quote
            || Some(byte) == self.escape
    }

    /// Appends `value` with `escape` in front of each byte that `needs` it; all those are ASCII.
    fn push_escaped(&self, value: &str, escape: u8, needs: impl Fn(u8) -> bool, out: &mut String) {
        for piece in value.split_inclusive(|c| u8::try_from(c).is_ok_and(&needs)) {
            let (plain, special) = match piece.as_bytes().last() {
                Some(&last) if needs(last) => piece.split_at(piece.len() - 1),
                _ => (piece, ""),
            };
            out.push_str(plain);
            if !special.is_empty() {
                out.push(char::from(escape));
                out.push_str(special);
            }
        }
    }

    /// A field that begins with `quote`. Bytes behind the closing quote belong to the value.
    fn unquote(&self, field: &[u8], quote: u8) -> Content {
        let escape = self.escape.unwrap_or(quote);
        match memchr2(quote, escape, &field[1..]) {
            Some(at) if at + 2 == field.len() && field[at + 1] == quote => {
                return Content::Slice(1..field.len() - 1);
            }
            _ => {}
        }
        let mut content = Vec::with_capacity(field.len());
        let mut rest = &field[1..];
        loop {
            let Some(at) = memchr2(quote, escape, rest) else {
                content.extend_from_slice(rest);
                return Content::Owned(content);
            };
            content.extend_from_slice(&rest[..at]);
            let next = rest.get(at + 1).copied();
            if rest[at] == quote && next != Some(quote) {
                content.extend_from_slice(&rest[at + 1..]);
                return Content::Owned(content);
            }
            content.extend(next);
            rest = rest.get(at + 2..).unwrap_or_default();
        }
    }
}

/// `field` without its escapes: the byte behind each one stands for itself.
fn unescape(field: &[u8], escape: u8) -> Vec<u8> {
    let mut content = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        content.extend(if byte == escape {
            bytes.next()
        } else {
            Some(byte)
        });
    }
    content
}

#[cfg(test)]
mod tests {
    use super::super::TextOptions;
    use super::*;

    fn dialect(quote: Option<u8>, escape: Option<u8>, null: Option<&str>) -> Dialect {
        let options = TextOptions {
            quote,
            escape,
            null_string: null.map(str::to_owned),
            ..TextOptions::default()
        };
        Dialect::new(&options, "a.csv", None).unwrap()
    }

    #[test]
    fn values_of_fields() {
        let plain = dialect(Some(b'"'), None, None);
        let backslash = dialect(Some(b'"'), Some(b'\\'), None);
        let unquoted = dialect(None, Some(b'\\'), Some("\\N"));
        let null = dialect(Some(b'"'), None, Some("NA"));
        for (dialect, field, value) in [
            (&plain, "a b", Some("a b")),
            (&plain, "", None),
            (&plain, "\"\"", Some("")),
            (&plain, "\"a\"\"b\"", Some("a\"b")),
            (&plain, "\"\"\"\"", Some("\"")),
            (&plain, "\"a\"b\"", Some("ab\"")),
            (&plain, "a\"b", Some("a\"b")),
            (&plain, "\"é\n\"", Some("é\n")),
            (&backslash, "\"a\\\"b\\\\\"", Some("a\"b\\")),
            (&backslash, "a\\b", Some("a\\b")),
            (&unquoted, "a\\,b", Some("a,b")),
            (&unquoted, "\\N", None),
            (&unquoted, "", Some("")),
            (&unquoted, "\"a\"", Some("\"a\"")),
            (&null, "NA", None),
            (&null, "\"NA\"", Some("NA")),
            (&null, "", Some("")),
        ] {
            assert_eq!(
                dialect.value(field.as_bytes()).unwrap().as_deref(),
                value,
                "{field:?}"
            );
            assert!(dialect.holds(field.as_bytes(), value));
        }
        assert_eq!(plain.value(b"\xFF"), Err(Undecodable));
    }

    #[test]
    fn fields_of_values() {
        let plain = dialect(Some(b'"'), None, None);
        let backslash = dialect(Some(b'"'), Some(b'\\'), None);
        let unquoted = dialect(None, None, None);
        let escaped = dialect(None, Some(b'\\'), None);
        let null = dialect(Some(b'"'), None, Some("NA"));
        for (dialect, value, quoted, field) in [
            (&plain, Some("a"), false, Ok("a")),
            (&plain, Some("a"), true, Ok("\"a\"")),
            (&plain, Some(" a "), false, Ok(" a ")),
            (&plain, Some("a,b"), false, Ok("\"a,b\"")),
            (&plain, Some("a\rb"), false, Ok("\"a\rb\"")),
            (&plain, Some("a\"é\""), false, Ok("\"a\"\"é\"\"\"")),
            (&plain, Some(""), false, Ok("\"\"")),
            (&plain, None, false, Ok("")),
            (&plain, None, true, Ok("")),
            (&backslash, Some("a\"\\"), true, Ok("\"a\\\"\\\\\"")),
            (&unquoted, Some("a\"b"), false, Ok("a\"b")),
            (&unquoted, Some(""), false, Ok("")),
            (&unquoted, Some("a,b"), false, Err(Refusal::NeedsQuotes)),
            (&escaped, Some("a,\nb"), false, Ok("a\\,\\\nb")),
            (&null, None, true, Ok("NA")),
            (&null, Some("NA"), false, Ok("\"NA\"")),
            (&null, Some(""), false, Ok("")),
        ] {
            let mut out = vec![];
            let written = dialect.write(value, quoted, &mut out);
            let written = written.map(|()| std::str::from_utf8(&out).unwrap());
            assert_eq!(written, field, "{value:?}");
        }
    }

    #[test]
    fn characters_an_encoding_lacks() {
        let options = TextOptions {
            encoding: "latin1".to_owned(),
            ..TextOptions::default()
        };
        let latin = Dialect::new(&options, "a.csv", None).unwrap();
        let mut out = vec![];
        latin.write(Some("é"), true, &mut out).unwrap();
        assert_eq!(out, b"\"\xE9\"");
        let refused = latin.write(Some("表"), false, &mut out);
        assert_eq!(refused, Err(Refusal::Unmappable("windows-1252")));
    }
}
