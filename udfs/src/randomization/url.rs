//! `url`: a web address becomes a made-up one of the same shape that leads nowhere.
//!
//! - Technique: randomization (ISO/IEC 20889:2018) that keeps the format.
//! - Source: the parts of a URL, RFC 3986, section 3; the top-level domain `example` is reserved and
//!   never resolves (RFC 2606, section 2).
//! - Input: text, `scheme://user@host:port/path?query#fragment` with or without its parts. The scheme
//!   may be missing where the host has a dot (`www.acme.com/about`). Null stays null.
//! - Output: scheme, port and a leading `www.` stay, the rest of the host becomes ten letters and
//!   `.example`. Of all other parts each `A`-`Z`, `a`-`z` and `0`-`9` becomes one of its own set, a
//!   letter beyond ASCII, written out or percent-encoded, one of `a` to `z`; what divides them stays.
//! - Value and draw decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, OnInvalid, TypeFamily,
    schema_of,
};
use crate::randomization::rewrite::{Rewrite, Rewriting};
use crate::randomization::words::Words;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "url",
    summary: "a web address becomes a made-up one of the same shape that leads nowhere",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<UrlArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("https://www.acme.co.nz/people/Ann-Lee?id=42#top"),
            masked: Some("https://www.zkjlkrxksd.example/gwdtcj/Rlu-Skn?fx=03#phm"),
        },
        Example {
            args: r#"{"keep_parameters": true}"#,
            value: Some("http://acme.com:8080/?id=42&q=masks%20z%C3%BCrich"),
            masked: Some("http://zmcpxrmydc.example:8080/?id=40&q=wgsiz%20q%68%67wcrx"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UrlArgs {
    /// Whether the names of query parameters stay, the text before each `=` (default false).
    keep_parameters: bool,
    /// For a value that is no URL: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: UrlArgs = binder.parse(args)?;
    Ok(Box::new(Rewriting {
        key: binder.key(),
        on_invalid: args.on_invalid,
        kernel: Urls {
            keep_parameters: args.keep_parameters,
        },
    }))
}

/// How many letters of a host are drawn.
const HOST_LETTERS: usize = 10;

#[derive(Debug)]
struct Urls {
    keep_parameters: bool,
}

impl Rewrite for Urls {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        // A host may grow, everything else is as long as before.
        input.map(|most| 0..=most + HOST_LETTERS + ".example".len())
    }

    const EXPECTED: &'static str = "a URL such as `https://host/path`";

    /// At most one number for each byte, and the host's.
    fn blocks(&self, value: &str) -> usize {
        (value.len() + HOST_LETTERS).div_ceil(16)
    }

    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()> {
        let parts = Parts::of(value)?;
        let mut words = Words::of(blocks);
        text.push_str(parts.scheme);
        if let Some(user) = parts.user {
            imitate(user, &mut words, text);
            text.push('@');
        }
        if !parts.host.is_empty() {
            if let Some(www) = parts
                .host
                .get(..4)
                .filter(|w| w.eq_ignore_ascii_case("www."))
            {
                text.push_str(www);
            }
            for _ in 0..HOST_LETTERS {
                text.push(char::from(b'a' + words.pick(26)));
            }
            text.push_str(".example");
        }
        text.push_str(parts.port);
        imitate(parts.path, &mut words, text);
        match self.keep_parameters {
            true => {
                for parameter in parts.query.split_inclusive('&') {
                    let value = parameter.find('=').map_or(0, |equals| equals + 1);
                    text.push_str(&parameter[..value]);
                    imitate(&parameter[value..], &mut words, text);
                }
            }
            false => imitate(parts.query, &mut words, text),
        }
        imitate(parts.fragment, &mut words, text);
        Some(())
    }
}

/// A URL cut into pieces that make it up again, but for the `@` behind `user`.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'v> {
    /// With `://`; or `//`, or nothing.
    scheme: &'v str,
    user: Option<&'v str>,
    host: &'v str,
    /// With its `:`.
    port: &'v str,
    path: &'v str,
    /// With its `?`.
    query: &'v str,
    /// With its `#`.
    fragment: &'v str,
}

impl<'v> Parts<'v> {
    fn of(value: &'v str) -> Option<Self> {
        let is_space = |char: char| char.is_whitespace() || char.is_control();
        let in_ascii = |byte: u8| byte <= b' ' || byte == 0x7f;
        if value.bytes().any(in_ascii) || !value.is_ascii() && value.contains(is_space) {
            return None;
        }
        let slashes = value.find('/').filter(|at| value[*at..].starts_with("//"));
        let (scheme, rest) = match slashes {
            Some(0) => value.split_at(2),
            Some(slashes) if is_scheme(&value[..slashes]) => value.split_at(slashes + 2),
            _ => ("", value),
        };
        let (rest, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
        let (rest, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        // An IPv6 address stands in brackets and has colons of its own.
        let host_end = place.rfind(']').map_or(0, |bracket| bracket + 1);
        let colon = place[host_end..].find(':').map(|colon| host_end + colon);
        let (host, port) = place.split_at(colon.unwrap_or(place.len()));
        if !port.bytes().skip(1).all(|byte| byte.is_ascii_digit()) || port.len() > 6 {
            return None;
        }
        let parts = Self {
            scheme,
            user,
            host,
            port,
            path,
            query,
            fragment,
        };
        let named = |host: &str| {
            let in_name = |char: char| char.is_alphanumeric() || "-_.".contains(char);
            host.contains('.') && host.contains(char::is_alphanumeric) && host.chars().all(in_name)
        };
        let sound = match scheme {
            "" => user.is_none() && named(host),
            "//" => !host.is_empty(),
            _ => !value[scheme.len()..].is_empty(),
        };
        sound.then_some(parts)
    }
}

/// Whether `text` is a scheme and its colon, RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    let Some(scheme) = text.strip_suffix(':') else {
        return false;
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Appends `part` with its letters and digits replaced.
fn imitate(part: &str, words: &mut Words<'_>, text: &mut String) {
    let mut written = std::mem::take(text).into_bytes();
    written.reserve(part.len());
    let mut bytes = part.as_bytes();
    while let [byte, rest @ ..] = bytes {
        bytes = rest;
        match byte {
            b'a'..=b'z' | 0xc0.. => written.push(b'a' + words.pick(26)),
            b'A'..=b'Z' => written.push(b'A' + words.pick(26)),
            b'0'..=b'9' => written.push(b'0' + words.pick(10)),
            // The rest of a character whose first byte was replaced.
            0x80..=0xbf => {}
            b'%' => match bytes.get(..2).and_then(encoded) {
                None => written.push(b'%'),
                Some(hidden) => {
                    let (digits, rest) = bytes.split_at(2);
                    bytes = rest;
                    written.push(b'%');
                    // Divisions and blanks stay as they are; anything else becomes `%61` to `%6F`.
                    match hidden.is_ascii() && !hidden.is_ascii_alphanumeric() {
                        true => written.extend_from_slice(digits),
                        false => {
                            let digit = b"123456789ABCDEF"[usize::from(words.pick(15))];
                            written.extend([b'6', digit]);
                        }
                    }
                }
            },
            other => written.push(*other),
        }
    }
    *text = String::from_utf8(written).expect("what is written is ASCII");
}

/// The byte two hexadecimal digits stand for.
fn encoded(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_texts, try_texts};
    use crate::randomization::rewrite::mask_all;

    const MASK: &str = r#"{"type": "url"}"#;
    const KEEP: &str = r#"{"type": "url", "keep_parameters": true}"#;

    fn mask_one(mask: &str, value: &str) -> String {
        mask_texts(mask, &[Some(value)])[0].clone().unwrap()
    }

    /// `A`, `a` and `0` for what is replaced, any other character for itself; the host's letters `h`.
    fn shape(url: &str) -> String {
        let class = |char: char| match char {
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            '0'..='9' => '0',
            other => other,
        };
        match url.find(".example") {
            None => url.chars().map(class).collect(),
            Some(end) => {
                let (before, after) = (&url[..end - HOST_LETTERS], &url[end + 8..]);
                let after: String = after.chars().map(class).collect();
                format!("{before}h{after}")
            }
        }
    }

    #[test]
    fn shapes() {
        for (value, expected) in [
            ("https://acme.co.nz", "https://h"),
            ("HTTPS://WWW.ACME.CO.NZ/", "HTTPS://WWW.h/"),
            ("https://www.acme.com/", "https://www.h/"),
            ("http://localhost:8080/a/B1", "http://h:0000/a/A0"),
            ("ftp://[2001:db8::1]:21/x.txt", "ftp://h:00/a.aaa"),
            ("ftp://[2001:db8::1]", "ftp://h"),
            ("https://10.0.0.1:/", "https://h:/"),
            ("//cdn.acme.com/lib.js", "//h/aaa.aa"),
            ("www.acme.com/about", "www.h/aaaaa"),
            ("acme.com?x=1", "h?a=0"),
            ("file:///home/ann/cv.pdf", "aaaa:///aaaa/aaa/aa.aaa"),
            ("https://a.b/p?q=1&r=%20x#top", "https://h/a?a=0&a=%00a#aaa"),
            (
                "https://a.b/c?u=https://d.e/f",
                "https://h/a?a=aaaaa://a.a/a",
            ),
            ("https://a.b/żółw", "https://h/aaaa"),
            ("https://a.b/c%C5%BCd", "https://h/a%0A%0Aa"),
            ("https://a.b/100%", "https://h/000%"),
            ("https://a.b/%zz%4", "https://h/%aa%0"),
        ] {
            let masked = mask_one(MASK, value);
            let alike = |text: &str| text.replace("%00", "%").replace("%0A", "%");
            assert_eq!(alike(&shape(&masked)), alike(expected), "{value}: {masked}");
        }
        assert!(mask_one(MASK, "https://a.b/a%20b%2Fc").contains("%20"));
        assert!(mask_one(MASK, "https://a.b/a%20b%2Fc").contains("%2F"));
        assert!(mask_one(MASK, "http://localhost:8080/a").contains(":8080/"));
        let masked = mask_one(MASK, "https://ann:s3cret@acme.com/");
        let (user, host) = masked.split_once('@').unwrap();
        assert_eq!(shape(user), "aaaaa://aaa:a0aaaa");
        assert!(!user.contains("ann:s3cret") && host.ends_with(".example/"));
        assert_eq!(mask_texts(MASK, &[None]), [None]);
    }

    #[test]
    fn parameters_stay_where_asked() {
        for (value, names) in [
            ("https://a.b/?id=42&name=Ann%20Lee", ["?id=", "&name="]),
            ("https://a.b/?secret&token=abcdef==", ["?", "&token="]),
        ] {
            let masked = mask_one(KEEP, value);
            let query = &masked[masked.find('?').unwrap()..];
            assert!(names.iter().all(|name| query.contains(name)), "{masked}");
            let plain = mask_one(MASK, value);
            assert!(!plain.contains(names[1]), "{plain}");
            for hidden in ["42", "Ann", "secret", "abcdef"] {
                assert!(!query.contains(hidden), "{masked}");
            }
        }
    }

    #[test]
    fn nothing_of_many_urls_stays() {
        let values: Vec<String> = (0..10_000)
            .map(|n| format!("https://customer{n}.acme.com/orders/{n:08}?user=Żaneta{n:08}"))
            .collect();
        for (value, masked) in values.iter().zip(mask_all(MASK, &values)) {
            assert!(
                masked.starts_with("https://") && masked.is_ascii(),
                "{masked}"
            );
            let (host, path) = masked["https://".len()..].split_once('/').unwrap();
            assert!(host.ends_with(".example") && host.len() == 18, "{masked}");
            assert_eq!(path.len(), "orders/00000000?user=Zaneta00000000".len());
            let number = &value[value.len() - 8..];
            assert!(
                !masked.contains("orders") && !masked.contains(number),
                "{masked}"
            );
        }
        assert_eq!(mask_all(MASK, &values), mask_all(MASK, &values));
    }

    #[test]
    fn no_urls() {
        for value in [
            "",
            "acme",
            "/about/us",
            "https://",
            "//",
            "mailto:ann@acme.com",
            "ann@acme.com",
            "Ann Lee",
            "https://acme.com/ann lee",
            "https://acme.com/\u{a0}",
            "https://acme.com:http/",
            "https://acme.com:123456/",
            "1http://acme.com",
            "...",
            "tel:+64.21",
        ] {
            assert!(try_texts(MASK, &[Some(value)]).is_err(), "{value}");
        }
        let mask = r#"{"type": "url", "on_invalid": "suppress"}"#;
        assert_eq!(mask_texts(mask, &[Some("Ann Lee")]), [None]);
        bind_error(MASK, &DataType::Int64);
        bind_error(r#"{"type": "url", "keep": 1}"#, &DataType::Utf8);
    }
}
