//! `partial`: some characters of a value are covered, the others stay.
//!
//! - Technique: suppression of parts (ISO/IEC 20889:2018); argument names of Pangea Redact's partial
//!   masking.
//! - Input: text. Output: text of as many characters (Unicode scalar values). Null stays null.
//! - A value so short that nothing of it would be covered is covered whole.
//! - Keyless: what stays can be read by everyone, and equal values meet in equal ones.

use arrow::array::{Array, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank,
    TypeFamily, ValueMask, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "partial",
    summary: "some characters are covered with `*`, the others stay",
    family: Family::Suppression,
    takes: TypeFamily::TEXT,
    schema: schema_of::<Partial>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: r#"{"unmasked_from_right": 4, "chars_to_ignore": "- "}"#,
            value: Some("4111-1111-1111-1234"),
            masked: Some("****-****-****-1234"),
        },
        Example {
            args: r##"{"masked_from_left": 3, "masking_char": "#"}"##,
            value: Some("Wellington"),
            masked: Some("###lington"),
        },
        Example {
            args: "{}",
            value: Some("Zoë"),
            masked: Some("***"),
        },
    ],
};

/// Arguments, as a ruleset writes them. Either `masked_*` or `unmasked_*`; without any of them the
/// whole value is covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Partial {
    /// How many characters to cover at the beginning.
    masked_from_left: Option<usize>,
    /// How many characters to cover at the end.
    masked_from_right: Option<usize>,
    /// How many characters to leave at the beginning; the rest is covered.
    unmasked_from_left: Option<usize>,
    /// How many characters to leave at the end; the rest is covered.
    unmasked_from_right: Option<usize>,
    /// Characters that stay wherever they are and are not counted, for example `- `.
    chars_to_ignore: String,
    /// The character that covers another (default `*`).
    masking_char: char,
}

impl Default for Partial {
    fn default() -> Self {
        Self {
            masked_from_left: None,
            masked_from_right: None,
            unmasked_from_left: None,
            unmasked_from_right: None,
            chars_to_ignore: String::new(),
            masking_char: '*',
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let partial: Partial = binder.parse(args)?;
    let masked = (partial.masked_from_left, partial.masked_from_right);
    let unmasked = (partial.unmasked_from_left, partial.unmasked_from_right);
    if masked != (None, None) && unmasked != (None, None) {
        return Err(BindError::new(
            "",
            "`masked_from_*` and `unmasked_from_*` contradict each other: keep one pair",
        ));
    }
    if masked != (None, None) && partial.ends() == (0, 0) {
        return Err(BindError::new(
            "",
            "nothing would be covered; `do_nothing` keeps a value",
        ));
    }
    Ok(Box::new(ByValue(partial)))
}

impl ValueMask for Partial {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        for value in values {
            let Some(value) = value else {
                masked.append_null();
                continue;
            };
            text.clear();
            self.cover(value, &mut text);
            masked.append_value(&text);
        }
        Ok(masked.finish())
    }
}

impl Partial {
    /// Characters at the beginning and at the end that are told apart from those between.
    fn ends(&self) -> (usize, usize) {
        (
            self.masked_from_left
                .or(self.unmasked_from_left)
                .unwrap_or(0),
            self.masked_from_right
                .or(self.unmasked_from_right)
                .unwrap_or(0),
        )
    }

    fn covers_ends(&self) -> bool {
        self.masked_from_left.is_some() || self.masked_from_right.is_some()
    }

    fn cover(&self, value: &str, covered: &mut String) {
        if value.is_ascii() && self.chars_to_ignore.is_empty() {
            return self.cover_ascii(value, covered);
        }
        let counts = |char: char| !self.chars_to_ignore.contains(char);
        let length = value.chars().filter(|&char| counts(char)).count();
        let (left, right) = self.ends();
        let all = left.saturating_add(right) >= length;
        let middle = left..length.saturating_sub(right);
        let mut place = 0;
        for char in value.chars() {
            if !counts(char) {
                covered.push(char);
                continue;
            }
            let hidden = all || middle.contains(&place) != self.covers_ends();
            covered.push(if hidden { self.masking_char } else { char });
            place += 1;
        }
    }

    /// The same where every character is a byte and counts: three pieces.
    fn cover_ascii(&self, value: &str, covered: &mut String) {
        let (left, right) = self.ends();
        if left.saturating_add(right) >= value.len() {
            return covered.extend(value.bytes().map(|_| self.masking_char));
        }
        let right = value.len() - right;
        for (piece, is_end) in [
            (0..left, true),
            (left..right, false),
            (right..value.len(), true),
        ] {
            match is_end == self.covers_ends() {
                true => covered.extend(piece.map(|_| self.masking_char)),
                false => covered.push_str(&value[piece]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::Partial;

    use crate::examples::{bind_error, mask_texts};

    #[test]
    fn the_short_way_is_the_long_way() {
        let ends = [None, Some(0), Some(1), Some(3), Some(9)];
        for (left, right, masked) in ends
            .iter()
            .flat_map(|left| ends.iter().map(move |right| (*left, *right)))
            .flat_map(|(left, right)| [(left, right, true), (left, right, false)])
        {
            let mask = |left, right, ignore: &str| Partial {
                masked_from_left: if masked { left } else { None },
                masked_from_right: if masked { right } else { None },
                unmasked_from_left: if masked { None } else { left },
                unmasked_from_right: if masked { None } else { right },
                chars_to_ignore: ignore.to_owned(),
                masking_char: '#',
            };
            for value in ["", "a", "abc", "abcdef", "abcdefghijkl"] {
                let (mut short, mut long) = (String::new(), String::new());
                mask(left, right, "").cover(value, &mut short);
                mask(left, right, "!").cover(value, &mut long);
                assert_eq!(short, long, "{value} {left:?} {right:?} {masked}");
            }
        }
    }

    #[test]
    fn characters_from_both_ends() {
        for (args, value, expected) in [
            (r#""masked_from_left": 2"#, "abcdef", "**cdef"),
            (r#""masked_from_right": 2"#, "abcdef", "abcd**"),
            (
                r#""masked_from_left": 1, "masked_from_right": 2"#,
                "abcdef",
                "*bcd**",
            ),
            (r#""masked_from_left": 9"#, "abc", "***"),
            (
                r#""masked_from_left": 2, "masked_from_right": 2"#,
                "abc",
                "***",
            ),
            (r#""unmasked_from_left": 2"#, "abcdef", "ab****"),
            (r#""unmasked_from_right": 2"#, "abcdef", "****ef"),
            (
                r#""unmasked_from_left": 1, "unmasked_from_right": 1"#,
                "abcdef",
                "a****f",
            ),
            (r#""unmasked_from_right": 4"#, "1234", "****"),
            (r#""unmasked_from_right": 4"#, "123", "***"),
            (r#""unmasked_from_left": 0"#, "abc", "***"),
            (
                r#""unmasked_from_left": 1, "chars_to_ignore": "-""#,
                "-ab-c-",
                "-a*-*-",
            ),
            (r#""unmasked_from_left": 1"#, "żółw", "ż***"),
            (r#""masking_char": "●""#, "żółw", "●●●●"),
            (r#""masked_from_left": 2"#, "", ""),
        ] {
            let mask = format!(r#"{{"type": "partial", {args}}}"#);
            assert_eq!(
                mask_texts(&mask, &[Some(value)]),
                [Some(expected.into())],
                "{args}"
            );
        }
        assert_eq!(mask_texts(r#"{"type": "partial"}"#, &[None]), [None]);
    }

    #[test]
    fn contradictions() {
        for args in [
            r#""masked_from_left": 1, "unmasked_from_right": 1"#,
            r#""masked_from_left": 0"#,
            r#""masked_from_left": 0, "masked_from_right": 0"#,
            r#""masked_from_left": -1"#,
            r#""masking_char": "**""#,
            r#""masking_char": """#,
        ] {
            let mask = format!(r#"{{"type": "partial", {args}}}"#);
            bind_error(&mask, &DataType::Utf8);
        }
        bind_error(r#"{"type": "partial"}"#, &DataType::Int64);
    }
}
