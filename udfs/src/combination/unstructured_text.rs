//! `unstructured_text`: masks applied to what is found in running text.
//!
//! - Technique: a combination; the parts that a matcher finds become what the masks of its label give.
//! - Input: text. Output: the same text with other parts; no other byte changes. Null stays null, and a
//!   part that its masks turn into null is left out.
//! - What no matcher finds stays readable by everyone.
//! - Where parts overlap the leftmost counts, then the longest, then the first in the order of the
//!   matchers: `regex`, `checksum`, `seed_files`, `context_sources`, each as listed.
//! - Draws: the first part of a row takes the row's draw, each further one a draw of its own; parts of
//!   one row with the same label and text draw alike, where letter case does not count, in any case.
//!   See `hash_sources` for others.

mod arguments;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::compute::{interleave, take};

use super::matchers::{Found, Matcher, find_all};
use super::splice::Parts;
use crate::canonical::{canonical_text, plain_text};
use crate::chain::Chain;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of, text,
};
use crate::messages::{Messages, Part};
use crate::rows::{Rows, row_numbers};
use arguments::{Source, UnstructuredTextArgs};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "unstructured_text",
    summary: "masks applied to what is found in running text",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<UnstructuredTextArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[
        Example {
            args: r#"{
                "matchers": {
                    "regex": [{"label": "PHONE", "pattern": "[0-9]{3}-[0-9]{4}"}],
                    "checksum": [{"label": "CARD", "type": "credit_card"}]
                },
                "masks": [{"label": "PHONE", "masks": [{"type": "imitate"}]}],
                "fallback_masks": [{"type": "partial", "unmasked_from_right": 4, "chars_to_ignore": " "}]
            }"#,
            value: Some("call 555-0143, card 4111 1111 1111 1111"),
            masked: Some("call 222-2781, card **** **** **** 1111"),
        },
        Example {
            args: r#"{
                "matchers": {
                    "seed_files": [{"label": "NAME", "seed_file": "DataMasque_firstNames_mixed.csv", "seed_column": "firstname-mixed"}],
                    "context_sources": [{"label": "NAME", "column": "surname"}]
                },
                "masks": [{"label": "NAME", "masks": [{"type": "from_file", "seed_file": "DataMasque_firstNames_mixed.csv", "seed_column": "firstname-mixed"}]}],
                "hash_sources": [{"self": "entity"}]
            }"#,
            value: Some("Mrs Smith told Alice that SMITH is hers."),
            masked: Some("Mrs Ayesha told Charlie that Ayesha is hers."),
        },
    ],
};

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: UnstructuredTextArgs = binder.parse(args)?;
    let labels = args.matchers.labels()?;
    let masks_of = args.masks_of(&labels)?;
    let sources = args
        .hash_sources
        .iter()
        .enumerate()
        .map(|(index, source)| source.bound(&labels, index))
        .collect::<Result<_, _>>()?;
    let matchers = args.matchers.bound(binder)?;
    let mut chains = Vec::with_capacity(args.masks.len() + 1);
    for (index, labelled) in args.masks.iter().enumerate() {
        let chain = labelled.masks.bind(binder).map_err(|error| BindError {
            path: format!("masks[{index}].{}", error.path),
            ..error
        })?;
        chains.push(chain);
    }
    if let Some(masks) = &args.fallback_masks {
        chains.push(masks.bind(binder).map_err(|error| BindError {
            path: format!("fallback_{}", error.path),
            ..error
        })?);
    }
    Ok(Box::new(UnstructuredText {
        matchers,
        labels: labels.of_matchers,
        masks_of,
        chains,
        sources,
        has_hash_columns: binder.has_hash_columns(),
    }))
}

#[derive(Debug)]
struct UnstructuredText {
    matchers: Vec<Matcher>,
    /// The label of each matcher.
    labels: Vec<usize>,
    /// Which chain each label has.
    masks_of: Vec<usize>,
    chains: Vec<Chain>,
    sources: Vec<Source>,
    /// Whether draws are taken from hash columns, beside `sources`.
    has_hash_columns: bool,
}

/// What was found in the texts of a batch.
struct Findings {
    parts: Parts,
    /// Which chain is for each part.
    chains: Vec<usize>,
    /// How many different parts came before each in its row.
    ordinals: Vec<u32>,
    texts: StringViewArray,
    /// What the draw of each is taken from, by hash source.
    sources: Vec<StringViewArray>,
}

impl Mask for UnstructuredText {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let findings = self.find(&values, rows)?;
        let count = findings.chains.len();
        if count == 0 {
            return Ok(Arc::new(values));
        }
        let mut masked: Vec<ArrayRef> = vec![];
        let mut places = vec![(0, 0); count];
        for (number, chain) in self.chains.iter().enumerate() {
            let own = (0_u32..).zip(&findings.chains);
            let own: Vec<u32> = own
                .filter(|(_, chain)| **chain == number)
                .map(|(part, _)| part)
                .collect();
            if own.is_empty() {
                continue;
            }
            for (index, part) in own.iter().enumerate() {
                places[*part as usize] = (masked.len(), index);
            }
            let given = self.masked(chain, &findings, &own, rows)?;
            masked.push(Arc::new(given));
        }
        let masked: Vec<&dyn Array> = masked.iter().map(|array| &**array as &dyn Array).collect();
        let masked = interleave(&masked, &places).map_err(outside)?;
        Ok(Arc::new(findings.parts.replaced(&values, &text(&masked)?)))
    }

    fn by_value(&self) -> bool {
        let beside = |matcher: &Matcher| matches!(matcher, Matcher::Beside { .. });
        !self.matchers.iter().any(beside) && self.chains.iter().all(Mask::by_value)
    }

    fn draws(&self) -> bool {
        self.draws_by_row() && self.chains.iter().any(Mask::draws)
    }
}

impl UnstructuredText {
    /// Whether the row has a say in the draws of its parts.
    fn draws_by_row(&self) -> bool {
        self.sources.is_empty() || self.has_hash_columns
    }

    fn find(&self, values: &StringViewArray, rows: &Rows<'_>) -> Result<Findings, MaskError> {
        let matchers = self.matchers.clone();
        let mut parts = Parts::default();
        let (mut chains, mut ordinals) = (vec![], vec![]);
        let mut texts = StringViewBuilder::new();
        let new_source = |_| StringViewBuilder::new();
        let mut sources: Vec<_> = self.sources.iter().map(new_source).collect();
        let mut different: HashMap<(usize, Cow<'_, str>), u32> = HashMap::new();
        for (row, value) in row_numbers(values).zip(values) {
            let value = value.unwrap_or_default();
            let found = find_all(&matchers, value, row as usize, rows);
            different.clear();
            let identity =
                |found: &Found| matchers[found.matcher].identity(&value[found.span.clone()]);
            for part in &found {
                let label = self.labels[part.matcher];
                let further = different.len() as u32;
                let known = different.entry((label, identity(part)));
                ordinals.push(*known.or_insert(further));
                chains.push(self.masks_of[label]);
                texts.append_value(&value[part.span.clone()]);
                for (source, texts) in self.sources.iter().zip(&mut sources) {
                    texts.append_option(match source {
                        Source::Own => Some(identity(part)),
                        Source::Labelled(label) => {
                            let has_label = |other: &&Found| self.labels[other.matcher] == *label;
                            let first = found.iter().find(has_label);
                            first.map(identity)
                        }
                    });
                }
                parts.rows.push(row);
                parts.spans.push(part.span.clone());
            }
        }
        let canonical = |mut source: StringViewBuilder| {
            let source: ArrayRef = Arc::new(source.finish());
            canonical_text(&source)
        };
        Ok(Findings {
            parts,
            chains,
            ordinals,
            texts: texts.finish(),
            sources: sources
                .into_iter()
                .map(canonical)
                .collect::<Result<_, _>>()?,
        })
    }

    /// What `chain` gives for the parts `own`.
    fn masked(
        &self,
        chain: &Chain,
        findings: &Findings,
        own: &[u32],
        rows: &Rows<'_>,
    ) -> Result<StringViewArray, MaskError> {
        let indices = UInt32Array::from(own.to_vec());
        let taken = |texts: &StringViewArray| text(&take(texts, &indices, None).map_err(outside)?);
        let of_own = |all: &[u32]| -> Vec<u32> { own.iter().map(|&at| all[at as usize]).collect() };
        let own_rows = of_own(&findings.parts.rows);
        let sources = findings.sources.iter().map(taken);
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let texts: ArrayRef = Arc::new(taken(&findings.texts)?);
        let bare = (!chain.draws() || !self.draws_by_row()).then(|| rows.without_messages());
        let rows = bare.as_ref().unwrap_or(rows);
        let masked = match (sources.is_empty(), self.has_hash_columns) {
            (true, _) => {
                let ordinals = of_own(&findings.ordinals);
                let inner = rows.select(&own_rows, &ordinals, Part::Match)?;
                chain.mask(texts, &inner)
            }
            (false, true) => {
                let inner = rows.select(&own_rows, &vec![0; own.len()], Part::Match)?;
                chain.mask(texts, &inner.drawn_from_also(&sources))
            }
            (false, false) => {
                let inner = rows.select(&own_rows, &vec![0; own.len()], Part::Match)?;
                let messages = Messages::of(&sources, own.len());
                chain.mask(texts, &inner.with_messages(&messages))
            }
        };
        plain_text(&masked.map_err(|error| error.in_rows(&own_rows))?)
    }
}

fn outside<E>(_: E) -> MaskError {
    MaskError::Internal("a part lies outside its batch")
}

#[cfg(test)]
mod tests;
