//! Arguments of `unstructured_text`: what is looked for, under which label, and which masks it gets.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::combination::Masks;
use crate::combination::checksum::Checksum;
use crate::combination::matchers::Matcher;
use crate::combination::pattern::compiled;
use crate::combination::words::WordList;
use crate::mask::{BindError, Binder};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["matchers", "masks"]))]
pub(crate) struct UnstructuredTextArgs {
    /// What to look for. Of parts that overlap the leftmost counts, then the longest, then the first in
    /// this order. What no matcher finds stays readable by everyone.
    pub(super) matchers: Matchers,
    /// The masks for each label.
    pub(super) masks: Vec<Labelled>,
    /// Masks for the labels that have none in `masks`.
    pub(super) fallback_masks: Option<Masks>,
    /// What the draw of a part is taken from, beside `hash_columns` where the rule has some. Equal
    /// sources give equal draws, so that one name stays one name in all rows. Without it the parts of a
    /// row draw apart, equal ones of one label alike.
    pub(super) hash_sources: Vec<HashSource>,
}

/// What to look for. A label is what masks call the parts found: `UPPER_CASE`, the same for as many
/// matchers as are to be masked alike.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Matchers {
    /// What patterns match.
    regex: Vec<Pattern>,
    /// Numbers with right check digits.
    checksum: Vec<Numbers>,
    /// Words of a seed file.
    seed_files: Vec<SeedFile>,
    /// The value of another column of the row, and its words.
    context_sources: Vec<ContextSource>,
    /// Refused: it asks a service that visard does not have.
    #[schemars(with = "()")]
    ai_detect: Option<serde_json::Value>,
}

/// A pattern and its label.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["label", "pattern"]))]
struct Pattern {
    /// What masks call the parts found.
    label: String,
    /// The pattern, in the syntax of Rust's `regex` crate: like Perl's, without look-around and
    /// back-references. Whole matches are masked, not groups.
    pattern: String,
    /// Refused: what it means is not settled.
    #[schemars(with = "()")]
    context_filters: Option<serde_json::Value>,
}

/// A sort of number and its label.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["label", "type"]))]
struct Numbers {
    /// What masks call the parts found.
    label: String,
    /// Whose check digits, as `set_checksum` names them. `credit_card` finds 12 to 19 digits, the
    /// other systems 8 to 34 places, `iban` and the kinds of `national_id` their own lengths. What
    /// `set_checksum` leaves out of account is not looked at here.
    #[serde(rename = "type")]
    kind: String,
    /// Refused: what it means is not settled.
    #[schemars(with = "()")]
    context_filters: Option<serde_json::Value>,
}

/// A seed file and its label.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["label", "seed_file"]))]
struct SeedFile {
    /// What masks call the parts found.
    label: String,
    /// The seed file: a CSV with a header, shipped or the ruleset's own.
    seed_file: String,
    /// The column whose values are looked for as whole words; may be left out where the file has only
    /// one.
    seed_column: Option<String>,
    /// Whether letter case counts.
    case_sensitive: bool,
    /// Refused: what it means is not settled.
    #[schemars(with = "()")]
    context_filters: Option<serde_json::Value>,
}

/// A column of the row and its label.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["label", "column"]))]
struct ContextSource {
    /// What masks call the parts found.
    label: String,
    /// The column, as it came: its value is looked for, and those of its words that have a letter and
    /// two characters, all as whole words.
    column: String,
    /// Whether letter case counts.
    case_sensitive: bool,
    /// Refused: what it means is not settled.
    #[schemars(with = "()")]
    context_filters: Option<serde_json::Value>,
}

/// A label and its masks.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["label", "masks"]))]
pub(super) struct Labelled {
    /// A label of `matchers`.
    label: String,
    /// The masks for each part found, as a list or as a map with labels.
    pub(super) masks: Masks,
}

/// One value that a draw is taken from: `self` or `label`.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HashSource {
    /// `entity`: the part that is masked; without letter case where its matcher does not look at it.
    #[serde(rename = "self")]
    own: Option<OwnPart>,
    /// The first part of the same text with this label; null where there is none.
    label: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OwnPart {
    Entity,
}

/// What the draw of a part is taken from.
#[derive(Debug)]
pub(super) enum Source {
    /// The part itself.
    Own,
    /// The first part of the text with this label.
    Labelled(usize),
}

/// The labels of matchers.
pub(super) struct Labels {
    /// Each once.
    names: Vec<String>,
    /// Which one each matcher has, in order.
    pub(super) of_matchers: Vec<usize>,
}

impl Labels {
    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }
}

impl Matchers {
    /// The labels, in the order of the matchers.
    pub(super) fn labels(&self) -> Result<Labels, BindError> {
        if self.ai_detect.is_some() {
            let message = "`ai_detect` asks a service that visard does not have: say what to look for \
                           by `regex`, `checksum`, `seed_files` or `context_sources`";
            return Err(BindError::new("matchers.ai_detect", message));
        }
        let lists = [
            (
                "regex",
                entries(&self.regex, |one| (&one.label, &one.context_filters)),
            ),
            (
                "checksum",
                entries(&self.checksum, |one| (&one.label, &one.context_filters)),
            ),
            (
                "seed_files",
                entries(&self.seed_files, |one| (&one.label, &one.context_filters)),
            ),
            (
                "context_sources",
                entries(&self.context_sources, |one| {
                    (&one.label, &one.context_filters)
                }),
            ),
        ];
        let mut labels = Labels {
            names: vec![],
            of_matchers: vec![],
        };
        for (list, entries) in lists {
            for (index, (label, context_filters)) in entries.into_iter().enumerate() {
                let at = |argument: &str| format!("matchers.{list}[{index}].{argument}");
                if context_filters.is_some() {
                    let message = "`context_filters` are not supported: a stricter `regex` may do";
                    return Err(BindError::new(at("context_filters"), message));
                }
                if !is_label(label) {
                    let message =
                        "a label is written in capitals, digits and `_`, as in `FULL_NAME`";
                    return Err(BindError::new(at("label"), message));
                }
                let position = labels.position(label).unwrap_or_else(|| {
                    labels.names.push(label.clone());
                    labels.names.len() - 1
                });
                labels.of_matchers.push(position);
            }
        }
        match labels.names.is_empty() {
            true => Err(BindError::new(
                "matchers",
                "`matchers` needs at least one matcher",
            )),
            false => Ok(labels),
        }
    }

    pub(super) fn bound(&self, binder: &mut Binder<'_>) -> Result<Vec<Matcher>, BindError> {
        let mut matchers = vec![];
        let at = |list: &str, index: usize| format!("matchers.{list}[{index}]");
        for (index, Pattern { pattern, .. }) in self.regex.iter().enumerate() {
            let regex = compiled(pattern, "pattern");
            let regex = regex.map_err(|error| error.below(&at("regex", index)))?;
            matchers.push(Matcher::Pattern(regex));
        }
        for (index, Numbers { kind, .. }) in self.checksum.iter().enumerate() {
            let checksum = Checksum::named(kind, "type")
                .map_err(|message| BindError::new("type", message).below(&at("checksum", index)))?;
            matchers.push(Matcher::Checksum(Arc::new(checksum)));
        }
        for (index, file) in self.seed_files.iter().enumerate() {
            let words = file.words(binder);
            let words = words.map_err(|error| error.below(&at("seed_files", index)))?;
            matchers.push(Matcher::Words(Arc::new(words)));
        }
        for (index, source) in self.context_sources.iter().enumerate() {
            if source.column.is_empty() {
                let error = BindError::new("column", "`column` is required");
                return Err(error.below(&at("context_sources", index)));
            }
            matchers.push(Matcher::Beside {
                input: binder.input(&source.column),
                case_sensitive: source.case_sensitive,
            });
        }
        Ok(matchers)
    }
}

type Entry<'a> = (&'a String, &'a Option<serde_json::Value>);

fn entries<'a, T>(list: &'a [T], entry: impl Fn(&'a T) -> Entry<'a>) -> Vec<Entry<'a>> {
    list.iter().map(entry).collect()
}

fn is_label(label: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    label.starts_with(|first: char| first.is_ascii_uppercase()) && label.bytes().all(rest)
}

impl SeedFile {
    fn words(&self, binder: &Binder<'_>) -> Result<WordList, BindError> {
        if self.seed_file.is_empty() {
            return Err(BindError::new("seed_file", "`seed_file` is required"));
        }
        let seeds = binder.seeds(&self.seed_file)?;
        let column = seeds.column(self.seed_column.as_deref())?;
        let words = seeds.rows.iter().filter_map(|row| row.get(column));
        WordList::of(words.map(String::as_str), self.case_sensitive).map_err(|_| {
            BindError::new("seed_file", "the seed file is too large to be searched for")
        })
    }
}

impl UnstructuredTextArgs {
    /// Which masks each label has: an index into `masks`, or behind them for the fallback.
    pub(super) fn masks_of(&self, labels: &Labels) -> Result<Vec<usize>, BindError> {
        if self.masks.is_empty() {
            let message = "`masks` needs at least one label with its masks";
            return Err(BindError::new("masks", message));
        }
        for (index, labelled) in self.masks.iter().enumerate() {
            let label = labelled.label.as_str();
            let problem = if labels.position(label).is_none() {
                format!("no matcher has the label `{label}`")
            } else if self.masks[..index].iter().any(|other| other.label == label) {
                format!("the label `{label}` has masks already")
            } else {
                continue;
            };
            return Err(BindError::new(format!("masks[{index}].label"), problem));
        }
        let masks_of = labels.names.iter().map(|name| {
            let own = self
                .masks
                .iter()
                .position(|labelled| labelled.label == *name);
            let fallback = self.fallback_masks.as_ref().map(|_| self.masks.len());
            own.or(fallback).ok_or_else(|| {
                let message =
                    format!("the label `{name}` has no masks, and there are no `fallback_masks`");
                BindError::new("masks", message)
            })
        });
        masks_of.collect()
    }
}

impl HashSource {
    pub(super) fn bound(&self, labels: &Labels, index: usize) -> Result<Source, BindError> {
        let at = |below: &str| format!("hash_sources[{index}]{below}");
        match (self.own, &self.label) {
            (Some(OwnPart::Entity), None) => Ok(Source::Own),
            (None, Some(label)) => labels.position(label).map(Source::Labelled).ok_or_else(|| {
                let message = format!("no matcher has the label `{label}`");
                BindError::new(at(".label"), message)
            }),
            (None, None) | (Some(_), Some(_)) => {
                let message = "write `{self: entity}` or `{label: NAME}`";
                Err(BindError::new(at(""), message))
            }
        }
    }
}
