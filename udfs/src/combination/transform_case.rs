//! `transform_case`: letters change between upper and lower case.
//!
//! - Technique: a plain transformation of text; what stays can be read by everyone.
//! - Source: the case mappings of Unicode, of all languages alike (so `ß` becomes `SS`, a text may grow).
//! - Input: text. Output: text; characters without case stay. Null stays null, empty text empty.
//! - Keyless.

use std::fmt;

use arrow::array::{Array, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::char::is_combining_mark;

use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank,
    TypeFamily, ValueMask, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "transform_case",
    summary: "letters change between upper and lower case",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<TransformCase>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: r#"{"transform": "uppercase"}"#,
            value: Some("Zoë O'Brien"),
            masked: Some("ZOË O'BRIEN"),
        },
        Example {
            args: r#"{"transform": "title"}"#,
            value: Some("zoë O'BRIEN-smith"),
            masked: Some("Zoë O'Brien-Smith"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["transform"]))]
pub(crate) struct TransformCase {
    /// What to do. `uppercase` or `lowercase` for all letters; `title`: the first letter of
    /// each run of letters is a capital and the others are not (`O'Brien-Smith`); `capitalize`: the
    /// first character of the text is a capital and no other; `swapcase`: capitals become small
    /// letters and small letters capitals.
    #[serde(alias = "case")]
    #[schemars(required, extend("x-spellings" = ["case"]))]
    transform: Option<Transform>,
}

/// What to do with letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Transform {
    /// All letters become capitals.
    #[serde(alias = "upper")]
    #[schemars(extend("x-spellings" = ["upper"]))]
    Uppercase,
    /// All letters become small.
    #[serde(alias = "lower")]
    #[schemars(extend("x-spellings" = ["lower"]))]
    Lowercase,
    /// Each run of letters begins with a capital.
    #[serde(alias = "titlecase", alias = "title_case", alias = "capitalize_words")]
    #[schemars(extend("x-spellings" = ["titlecase", "title_case", "capitalize_words"]))]
    Title,
    /// The text begins with a capital.
    #[serde(alias = "capitalise", alias = "sentence")]
    #[schemars(extend("x-spellings" = ["capitalise", "sentence"]))]
    Capitalize,
    /// Each letter changes its case.
    #[serde(alias = "swap_case", alias = "swap")]
    #[schemars(extend("x-spellings" = ["swap_case", "swap"]))]
    Swapcase,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let TransformCase { transform } = binder.parse(args)?;
    let Some(transform) = transform else {
        let message =
            "`transform` is required: uppercase, lowercase, title, capitalize or swapcase";
        return Err(BindError::new("transform", message));
    };
    let kernel = match transform {
        Transform::Uppercase => Transformed {
            ascii: |text| text.make_ascii_uppercase(),
            unicode: |value, text| {
                value
                    .chars()
                    .for_each(|character| push_upper(character, text))
            },
        },
        Transform::Lowercase => Transformed {
            ascii: |text| text.make_ascii_lowercase(),
            // The whole text at once, because a sigma at the end of a word has a form of its own.
            unicode: |value, text| text.push_str(&value.to_lowercase()),
        },
        Transform::Title => Transformed {
            ascii: |text| {
                let mut within = false;
                for byte in text {
                    match within {
                        true => byte.make_ascii_lowercase(),
                        false => byte.make_ascii_uppercase(),
                    }
                    within = byte.is_ascii_alphabetic();
                }
            },
            unicode: |value, text| {
                let mut within = false;
                for character in value.to_lowercase().chars() {
                    // A mark belongs to the letter before it.
                    if !character.is_ascii() && is_combining_mark(character) {
                        text.push(character);
                        continue;
                    }
                    match within {
                        true => text.push(character),
                        false => push_capital(character, text),
                    }
                    within = character.is_alphabetic();
                }
            },
        },
        Transform::Capitalize => Transformed {
            ascii: |text| {
                text.make_ascii_lowercase();
                if let Some(first) = text.first_mut() {
                    first.make_ascii_uppercase();
                }
            },
            unicode: |value, text| {
                let lower = value.to_lowercase();
                let mut characters = lower.chars();
                if let Some(first) = characters.next() {
                    push_capital(first, text);
                }
                text.push_str(characters.as_str());
            },
        },
        Transform::Swapcase => Transformed {
            ascii: |text| {
                for byte in text {
                    if byte.is_ascii_alphabetic() {
                        *byte ^= 0x20;
                    }
                }
            },
            unicode: |value, text| {
                for character in value.chars() {
                    match character.is_uppercase() {
                        true => push_lower(character, text),
                        false => push_upper(character, text),
                    }
                }
            },
        },
    };
    Ok(Box::new(ByValue(kernel)))
}

/// A letter at the beginning of a word: where its capital form is several letters, only the first of
/// them is a capital, and the letters that are two in one have a form for this place.
fn push_capital(letter: char, text: &mut String) {
    let title = match letter {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        letter if letter.is_ascii() => letter.to_ascii_uppercase(),
        _ => {
            let mut capitals = letter.to_uppercase();
            text.extend(capitals.next());
            return text.extend(capitals.flat_map(char::to_lowercase));
        }
    };
    text.push(title);
}

/// A character as capitals: one, or up to three.
fn push_upper(character: char, text: &mut String) {
    match character.is_ascii() {
        true => text.push(character.to_ascii_uppercase()),
        false => text.extend(character.to_uppercase()),
    }
}

/// A character as small letters.
fn push_lower(character: char, text: &mut String) {
    match character.is_ascii() {
        true => text.push(character.to_ascii_lowercase()),
        false => text.extend(character.to_lowercase()),
    }
}

/// One of the transformations, once for ASCII and once for all text.
struct Transformed {
    ascii: fn(&mut [u8]),
    unicode: fn(&str, &mut String),
}

impl fmt::Debug for Transformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transformed")
    }
}

impl ValueMask for Transformed {
    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut transformed = StringViewBuilder::with_capacity(values.len());
        let mut ascii = Vec::new();
        let mut text = String::new();
        for value in values {
            match value {
                None => transformed.append_null(),
                Some(value) if value.is_ascii() => {
                    ascii.clear();
                    ascii.extend_from_slice(value.as_bytes());
                    (self.ascii)(&mut ascii);
                    let text = std::str::from_utf8(&ascii).expect("ASCII letters stay ASCII");
                    transformed.append_value(text);
                }
                Some(value) => {
                    text.clear();
                    (self.unicode)(value, &mut text);
                    transformed.append_value(&text);
                }
            }
        }
        Ok(transformed.finish())
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use crate::examples::{bind_error, mask_texts};

    fn mask(transform: &str) -> String {
        format!(r#"{{"type": "transform_case", "transform": "{transform}"}}"#)
    }

    #[test]
    fn transformations() {
        for (transform, value, expected) in [
            ("uppercase", "a1 b-C", "A1 B-C"),
            ("upper", "straße żółw", "STRASSE ŻÓŁW"),
            ("lowercase", "A1 B-C", "a1 b-c"),
            ("lower", "ΟΔΟΣ ΣΑΣ", "οδος σας"),
            (
                "title",
                "the quick BROWN fox2jumps",
                "The Quick Brown Fox2Jumps",
            ),
            ("title", "o'brien o'BRIEN-smith", "O'Brien O'Brien-Smith"),
            ("title", "éMILE ZOLA", "Émile Zola"),
            ("title", "zoe\u{308}LLA x", "Zoe\u{308}lla X"),
            ("titlecase", "ßa ǆa ﬁx", "Ssa ǅa Fix"),
            ("title", "ΟΔΟΣ", "Οδος"),
            ("capitalize", "the QUICK fox", "The quick fox"),
            ("capitalize", "élan VITAL", "Élan vital"),
            ("capitalize", "1 A", "1 a"),
            ("swapcase", "aBc-1", "AbC-1"),
            ("swapcase", "żÓŁw", "ŻółW"),
            ("uppercase", "", ""),
            ("title", "", ""),
            ("capitalize", "", ""),
            ("uppercase", "中文 123", "中文 123"),
        ] {
            let masked = mask_texts(&mask(transform), &[Some(value), None]);
            assert_eq!(
                masked,
                [Some(expected.to_owned()), None],
                "{transform} {value}"
            );
        }
    }

    #[test]
    fn the_short_way_is_the_long_way() {
        for transform in ["uppercase", "lowercase", "title", "capitalize", "swapcase"] {
            for value in ["", "a", "Ab cD", "o'NEIL 3rd", "{[@`z~\u{7f}"] {
                // A character beyond ASCII that no transformation touches sends the text the long way.
                let long = format!("{value}、");
                let masked = mask_texts(&mask(transform), &[Some(value), Some(&long)]);
                let short = masked[0].clone().unwrap();
                assert_eq!(masked[1], Some(format!("{short}、")), "{transform} {value}");
            }
        }
    }

    #[test]
    fn bad_arguments() {
        for (mask, column, path) in [
            (
                r#"{"type": "transform_case"}"#.to_owned(),
                DataType::Utf8,
                "[0].transform",
            ),
            (mask("upside"), DataType::Utf8, "[0].transform"),
            (mask("uppercase"), DataType::Int64, "[0].type"),
        ] {
            assert_eq!(bind_error(&mask, &column).path, path, "{mask}");
        }
    }
}
