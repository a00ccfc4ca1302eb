//! `from_random_text`: a value becomes a text of random letters.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Input: text. Output: `min` to `max` characters, for null and empty text too (`skip` keeps them).
//! - The draw decides. Each length is as likely as the others within 2^-50, each character within
//!   2^-32.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::length::Lengths;
use crate::mask::{
    BindError, Binder, ByDraw, Example, Family, Generator, Mask, MaskArgs, MaskError, MaskSpec,
    OfBlank, TypeFamily, schema_of,
};
use crate::randomization::picks::{Picks, Plan};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "from_random_text",
    summary: "a value becomes a text of random letters",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<FromRandomText>,
    bind,
    null: OfBlank::Value,
    empty: OfBlank::Value,
    examples: &[
        Example {
            args: r#"{"min": 5, "max": 10, "case": "lower"}"#,
            value: Some("Wellington"),
            masked: Some("eogynso"),
        },
        Example {
            args: r#"{"min": 8, "max": 8, "characters": "0123456789abcdef"}"#,
            value: None,
            masked: Some("6cd19c49"),
        },
    ],
};

/// The longest text.
const LONGEST: usize = 10_000;

/// Arguments, as a ruleset writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["max"]))]
pub(crate) struct FromRandomText {
    /// The least number of characters (default 1).
    #[serde(alias = "min_length")]
    #[schemars(extend("x-spellings" = ["min_length"]))]
    min: usize,
    /// The greatest number of characters, at most 10,000.
    #[serde(alias = "max_length")]
    #[schemars(extend("x-spellings" = ["max_length"]))]
    max: usize,
    /// Which letters: `lower` (`a` to `z`), `upper` (`A` to `Z`) or `mixed` (both, default).
    case: Case,
    /// The characters to draw from in place of letters, each once: `0123456789`.
    #[serde(alias = "charset", alias = "alphabet")]
    #[schemars(extend("x-spellings" = ["charset", "alphabet"]))]
    characters: Option<String>,
}

impl Default for FromRandomText {
    fn default() -> Self {
        Self {
            min: 1,
            max: 0,
            case: Case::Mixed,
            characters: None,
        }
    }
}

/// Which letters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Case {
    /// `a` to `z`.
    #[serde(alias = "lowercase")]
    #[schemars(extend("x-spellings" = ["lowercase"]))]
    Lower,
    /// `A` to `Z`.
    #[serde(alias = "uppercase")]
    #[schemars(extend("x-spellings" = ["uppercase"]))]
    Upper,
    /// Both.
    #[default]
    Mixed,
}

impl Case {
    fn letters(self) -> Vec<char> {
        match self {
            Self::Lower => ('a'..='z').collect(),
            Self::Upper => ('A'..='Z').collect(),
            Self::Mixed => ('A'..='Z').chain('a'..='z').collect(),
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    if !args.contains_key("max") && !args.contains_key("max_length") {
        return Err(BindError::new("max", "`max` is required"));
    }
    let FromRandomText {
        min,
        max,
        case,
        characters,
    } = binder.parse(args)?;
    if max > LONGEST {
        let message = format!("a text has at most {LONGEST} characters");
        return Err(BindError::new("max", message));
    }
    if min > max {
        return Err(BindError::new("min", "`min` is greater than `max`"));
    }
    let characters = match (characters, case) {
        (None, case) => case.letters(),
        (Some(_), Case::Lower | Case::Upper) => {
            let message = "`case` is about letters, which `characters` replaces: keep one of them";
            return Err(BindError::new("case", message));
        }
        (Some(characters), Case::Mixed) => set_of(&characters)?,
    };
    let mut plan = Plan::default();
    let per_word = (0..).take_while(|_| {
        plan.next(characters.len());
        plan.words() == 1
    });
    // A set of one character never fills a word.
    let per_word = per_word.take(LONGEST).count();
    Ok(Box::new(ByDraw {
        key: binder.key(),
        column: binder.column().clone(),
        kernel: Letters {
            min,
            lengths: (max - min) as u64 + 1,
            characters,
            per_word,
        },
    }))
}

/// The characters of `text`, at least one and each once: a repeated one would come more often.
fn set_of(text: &str) -> Result<Vec<char>, BindError> {
    let characters: Vec<char> = text.chars().collect();
    let mut distinct = characters.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if characters.is_empty() || distinct.len() < characters.len() {
        let message = "`characters` lists at least one character, and each once";
        return Err(BindError::new("characters", message));
    }
    Ok(characters)
}

#[derive(Debug)]
struct Letters {
    min: usize,
    /// How many lengths there are.
    lengths: u64,
    characters: Vec<char>,
    /// Characters one word of a draw serves.
    per_word: usize,
}

impl Generator for Letters {
    fn lengths(&self) -> Option<Lengths> {
        Some(self.min..=self.min + usize::try_from(self.lengths).ok()?.saturating_sub(1))
    }

    fn generate(&self, draws: &Draws<'_>, _: &DataType) -> Result<ArrayRef, MaskError> {
        // The first word of a draw decides the length, where there is a choice, and the others the
        // characters.
        let choice = self.lengths > 1;
        let length = |row: usize| self.min + draws.get(row).pick(self.lengths) as usize;
        let blocks_of =
            |row: usize| (length(row).div_ceil(self.per_word) + usize::from(choice)).div_ceil(2);
        let blocks = draws.expand(blocks_of);
        let mut blocks = blocks.as_slice();
        let mut texts = StringViewBuilder::with_capacity(draws.len());
        let mut text = String::new();
        for row in 0..draws.len() {
            let (own, rest) = blocks.split_at(blocks_of(row));
            blocks = rest;
            let mut picks = Picks::of(own);
            if choice {
                picks.turn();
            }
            text.clear();
            let mut left = length(row);
            while left > 0 {
                picks.turn();
                let here = left.min(self.per_word);
                for _ in 0..here {
                    text.push(self.characters[picks.pick(self.characters.len())]);
                }
                left -= here;
            }
            texts.append_value(&text);
        }
        Ok(Arc::new(texts.finish()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::examples::{bind_error, mask_texts, numbered};

    fn mask(args: &str) -> String {
        format!(r#"{{"type": "from_random_text", {args}}}"#)
    }

    #[test]
    fn lengths_and_characters() {
        for (args, pattern) in [
            (r#""max": 5, "case": "lower""#, "^[a-z]{1,5}$"),
            (r#""min": 5, "max": 5, "case": "upper""#, "^[A-Z]{5}$"),
            (r#""min": 20, "max": 30"#, "^[A-Za-z]{20,30}$"),
            (r#""min": 0, "max": 0"#, "^$"),
            (r#""min": 0, "max": 1, "case": "uppercase""#, "^[A-Z]?$"),
            (r#""min": 2, "max": 4, "charset": "żół7""#, "^[żół7]{2,4}$"),
            (r#""min": 3, "max": 3, "characters": "x""#, "^xxx$"),
            (
                r#""min": 9999, "max_length": 10000, "case": "mixed""#,
                "^[A-Za-z]{9999}[A-Za-z]?$",
            ),
        ] {
            let pattern = regex::Regex::new(pattern).unwrap();
            let values: Vec<String> = (0..50).map(|n| n.to_string()).collect();
            let mut values: Vec<Option<&str>> = values.iter().map(|n| Some(n.as_str())).collect();
            values.extend([None, Some("")]);
            for masked in mask_texts(&mask(args), &values) {
                let masked = masked.unwrap();
                assert!(pattern.is_match(&masked), "{args} {masked}");
            }
        }
    }

    #[test]
    fn a_default_written_out_changes_nothing() {
        let written = numbered(&mask(r#""max": 9, "min": 1, "case": "mixed""#), 20);
        assert_eq!(written, numbered(&mask(r#""max": 9"#), 20));
    }

    #[test]
    fn lengths_and_letters_are_uniform() {
        let masked = numbered(&mask(r#""min": 8, "max": 17, "case": "lower""#), 20_000);
        let mut lengths = BTreeMap::new();
        let mut letters = [[0_u32; 26]; 8];
        for text in &masked {
            *lengths.entry(text.len()).or_insert(0_u32) += 1;
            for (place, letter) in text.bytes().take(8).enumerate() {
                letters[place][usize::from(letter - b'a')] += 1;
            }
        }
        assert_eq!(lengths.len(), 10);
        // Expected 2000 and 769, six standard deviations at most.
        assert!(
            lengths.values().all(|count| count.abs_diff(2000) < 255),
            "{lengths:?}"
        );
        assert!(
            letters
                .iter()
                .flatten()
                .all(|count| count.abs_diff(769) < 165),
            "{letters:?}"
        );
    }

    #[test]
    fn bad_arguments() {
        for (args, column, path) in [
            (r#""min": 1"#, DataType::Utf8, "[0].max"),
            (r#""min": 3, "max": 2"#, DataType::Utf8, "[0].min"),
            (r#""max": 10001"#, DataType::Utf8, "[0].max"),
            (r#""max": -1"#, DataType::Utf8, "[0].max"),
            (r#""max": 5, "case": "camel""#, DataType::Utf8, "[0].case"),
            (
                r#""max": 5, "characters": """#,
                DataType::Utf8,
                "[0].characters",
            ),
            (
                r#""max": 5, "characters": "aba""#,
                DataType::Utf8,
                "[0].characters",
            ),
            (
                r#""max": 5, "characters": "ab", "case": "lower""#,
                DataType::Utf8,
                "[0].case",
            ),
            (r#""max": 5"#, DataType::Int64, "[0].type"),
        ] {
            assert_eq!(bind_error(&mask(args), &column).path, path, "{args}");
        }
    }
}
