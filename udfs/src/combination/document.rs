//! What masks inside documents share, whatever the notation: which values their masks get, what draws
//! are taken from, and the way back into the document. Bytes outside the named values stay.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::{canonical_text, plain_text};
use crate::chain::Chain;
use crate::combination::Masks;
use crate::mask::{BindError, Binder, Mask, MaskError, OnInvalid, text};
use crate::messages::{Messages, Part};
use crate::rows::{Rows, row_numbers};

/// What to do with a null inside a document.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnNull {
    #[default]
    Skip,
    Error,
    Mask,
}

/// What to do where there is no value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnMissing {
    #[default]
    Error,
    Skip,
}

/// A notation of documents, with the paths of one transform.
pub(super) trait Notation: Debug + Send + Sync + 'static {
    /// How a value stands in its document.
    type Form;
    /// What an error calls a document.
    const DOCUMENT: &'static str;
    /// What an error calls one in which no path leads nowhere.
    const COMPLETE: &'static str;
    /// What an error calls one without null at its paths.
    const WITHOUT_NULL: &'static str;
    /// What an error calls a value whose masked text can be written.
    const WRITABLE: &'static str;

    /// Whether `from_json_path` among the masks reads from the document.
    const IS_JSON: bool;

    /// How many values the draw of a value is taken from.
    fn sources(&self) -> usize;

    /// The values the path leads to; `None` if `document` is none.
    fn values(&self, document: &str) -> Option<Values<Self::Form>>;

    /// Appends `masked` in the place of `old`; false if the notation cannot hold it.
    fn push(text: &mut String, masked: Option<&str>, old: &str, form: &Self::Form) -> bool;
}

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Values<F> {
    /// In the order of the document, none inside another.
    pub(super) found: Vec<Value<F>>,
    /// Whether a step of the path leads nowhere.
    pub(super) missing: bool,
}

/// A value of a document.
#[derive(Debug)]
pub(super) struct Value<F> {
    /// The bytes it is written in.
    pub(super) span: Range<usize>,
    pub(super) form: F,
    /// What masks see; nothing for null.
    pub(super) text: Option<String>,
    /// What its draw is taken from.
    pub(super) sources: Vec<Option<String>>,
}

/// What a ruleset says about the values at a path.
#[derive(Debug)]
pub(super) struct Treatment {
    pub(super) masks: Masks,
    pub(super) on_null: OnNull,
    pub(super) on_missing: OnMissing,
    pub(super) force_consistency: bool,
    pub(super) advance_hash: bool,
}

/// What a ruleset says about a text that is no document.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) on_invalid: OnInvalid,
    pub(super) masks: Option<Masks>,
}

/// The mask that applies `transforms` one after the other.
///
/// # Errors
/// When there is none, arguments contradict each other, or a mask inside does not bind.
pub(super) fn bind<N: Notation>(
    transforms: impl ExactSizeIterator<Item = (N, Treatment)>,
    fallback: Fallback,
    binder: &mut Binder<'_>,
) -> Result<Box<dyn Mask>, BindError> {
    if transforms.len() == 0 {
        let message = "`transforms` needs at least one path with its masks";
        return Err(BindError::new("transforms", message));
    }
    let mut bound = Vec::with_capacity(transforms.len());
    for (index, (paths, treatment)) in transforms.enumerate() {
        let at = |path: &str| format!("transforms[{index}].{path}");
        let draws_from = match (treatment.force_consistency, paths.sources()) {
            (false, 0) => DrawsFrom::Row,
            (true, 0) => DrawsFrom::Value,
            (false, _) => DrawsFrom::Sources,
            (true, _) => {
                let message =
                    "`hash_sources` and `force_consistency` contradict each other: keep one";
                return Err(BindError::new(at("hash_sources"), message));
            }
        };
        let chain = treatment.masks.bind(binder).map_err(|error| BindError {
            path: at(&error.path),
            ..error
        })?;
        bound.push(Transform {
            paths,
            chain,
            on_null: treatment.on_null,
            on_missing: treatment.on_missing,
            draws_from,
            ordinal: match treatment.advance_hash {
                true => u32::try_from(index + 1).unwrap_or(u32::MAX),
                false => 0,
            },
        });
    }
    Ok(Box::new(Documents {
        transforms: bound,
        otherwise: fallback.bind(binder)?,
    }))
}

impl Fallback {
    fn bind(self, binder: &mut Binder<'_>) -> Result<Otherwise, BindError> {
        match (self.masks, self.on_invalid) {
            (None, OnInvalid::Fail) => Ok(Otherwise::Fail),
            (None, OnInvalid::Suppress) => Ok(Otherwise::Suppress),
            (Some(masks), OnInvalid::Fail) => {
                let chain = masks.bind(binder).map_err(|error| BindError {
                    path: format!("fallback_{}", error.path),
                    ..error
                })?;
                Ok(Otherwise::Mask(chain))
            }
            (Some(_), OnInvalid::Suppress) => {
                let message = "`fallback_masks` and `on_invalid` contradict each other: keep one";
                Err(BindError::new("fallback_masks", message))
            }
        }
    }
}

#[derive(Debug)]
struct Documents<N> {
    transforms: Vec<Transform<N>>,
    otherwise: Otherwise,
}

/// What becomes of a text that is no document.
#[derive(Debug)]
enum Otherwise {
    Fail,
    Suppress,
    Mask(Chain),
}

#[derive(Debug)]
struct Transform<N> {
    paths: N,
    chain: Chain,
    on_null: OnNull,
    on_missing: OnMissing,
    draws_from: DrawsFrom,
    /// Tells its draws apart from those of other transforms, unless zero.
    ordinal: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum DrawsFrom {
    Row,
    Value,
    Sources,
}

impl<N: Notation> Mask for Documents<N> {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let texts = plain_text(&values)?;
        let mut invalid = vec![];
        let masked = self
            .transforms
            .iter()
            .try_fold(texts.clone(), |documents, transform| {
                transform.apply(&documents, rows, &self.otherwise, &mut invalid)
            })?;
        let Otherwise::Mask(chain) = &self.otherwise else {
            return Ok(Arc::new(masked));
        };
        invalid.sort_unstable();
        Ok(Arc::new(fall_back(chain, &texts, masked, &invalid, rows)?))
    }

    fn by_value(&self) -> bool {
        self.chains().all(Mask::by_value)
    }

    fn draws(&self) -> bool {
        self.transforms.iter().any(Transform::draws_by_row) || self.fallback().any(Mask::draws)
    }

    fn may_give_null(&self) -> bool {
        match &self.otherwise {
            Otherwise::Fail => false,
            Otherwise::Suppress => true,
            Otherwise::Mask(chain) => chain.may_give_null(),
        }
    }
}

impl<N: Notation> Documents<N> {
    fn chains(&self) -> impl Iterator<Item = &Chain> {
        let transforms = self.transforms.iter().map(|transform| &transform.chain);
        transforms.chain(self.fallback())
    }

    fn fallback(&self) -> impl Iterator<Item = &Chain> {
        match &self.otherwise {
            Otherwise::Mask(chain) => Some(chain).into_iter(),
            Otherwise::Fail | Otherwise::Suppress => None.into_iter(),
        }
    }
}

/// `masked` with what `chain` gives for the `texts` that are no document.
fn fall_back(
    chain: &Chain,
    texts: &StringViewArray,
    masked: StringViewArray,
    invalid: &[u32],
    rows: &Rows<'_>,
) -> Result<StringViewArray, MaskError> {
    if invalid.is_empty() {
        return Ok(masked);
    }
    let own: ArrayRef = Arc::new(taken(texts, invalid)?);
    let inner = rows.select(invalid, &vec![0; invalid.len()], Part::Element)?;
    let other = chain.mask(own, &inner);
    let other = plain_text(&other.map_err(|error| error.in_rows(invalid))?)?;
    let mut other = invalid.iter().zip(&other).peekable();
    Ok(row_numbers(&masked)
        .zip(&masked)
        .map(
            |(row, document)| match other.next_if(|(at, _)| **at == row) {
                Some((_, text)) => text,
                None => document,
            },
        )
        .collect())
}

fn taken(texts: &StringViewArray, rows: &[u32]) -> Result<StringViewArray, MaskError> {
    let taken = take(texts, &UInt32Array::from(rows.to_vec()), None)
        .map_err(|_| MaskError::Internal("a row index lies outside the batch"))?;
    text(&taken)
}

/// The values of a batch at a path, one after the other.
struct Found<F> {
    /// The document each is in, ascending.
    rows: Vec<u32>,
    /// How many came before it in its document.
    ordinals: Vec<u32>,
    places: Vec<(Range<usize>, F)>,
    texts: StringViewBuilder,
    /// What its draw is taken from, by hash source.
    sources: Vec<StringViewBuilder>,
    /// Documents that are none.
    invalid: Vec<u32>,
}

impl<N: Notation> Transform<N> {
    fn draws_by_row(&self) -> bool {
        self.chain.draws() && self.draws_from == DrawsFrom::Row
    }

    fn apply(
        &self,
        documents: &StringViewArray,
        rows: &Rows<'_>,
        otherwise: &Otherwise,
        invalid: &mut Vec<u32>,
    ) -> Result<StringViewArray, MaskError> {
        let mut found = self.find(documents, otherwise)?;
        let texts: ArrayRef = Arc::new(found.texts.finish());
        // Each value of a row gets a copy of what the row's draw is taken from.
        let bare = (!self.draws_by_row()).then(|| rows.without_messages());
        let rows = bare.as_ref().unwrap_or(rows);
        let inner = rows.select(&found.rows, &found.ordinals, Part::Element)?;
        let messages = match self.draws_from {
            DrawsFrom::Row => None,
            DrawsFrom::Value => Some(Messages::of(&[canonical_text(&texts)?], texts.len())),
            DrawsFrom::Sources => {
                let sources = found.sources.iter_mut().map(|source| {
                    let source: ArrayRef = Arc::new(source.finish());
                    canonical_text(&source)
                });
                let sources = sources.collect::<Result<Vec<_>, _>>()?;
                Some(Messages::of(&sources, texts.len()))
            }
        };
        let inner = match &messages {
            Some(messages) => inner.with_messages(messages),
            None => inner,
        };
        let inner = inner.advanced(self.ordinal);
        let inner = match N::IS_JSON {
            true => inner.inside(taken(documents, &found.rows)?),
            false => inner,
        };
        let masked = self.chain.mask(texts, &inner);
        let masked = plain_text(&masked.map_err(|error| error.in_rows(&found.rows))?)?;
        invalid.extend(&found.invalid);
        splice::<N>(documents, &found, &masked)
    }

    fn find(
        &self,
        documents: &StringViewArray,
        otherwise: &Otherwise,
    ) -> Result<Found<N::Form>, MaskError> {
        let mut found = Found {
            rows: vec![],
            ordinals: vec![],
            places: vec![],
            texts: StringViewBuilder::new(),
            sources: (0..self.paths.sources())
                .map(|_| StringViewBuilder::new())
                .collect(),
            invalid: vec![],
        };
        for (row, document) in row_numbers(documents).zip(documents) {
            let Some(document) = document else {
                continue;
            };
            let refused = |expected| MaskError::Refused {
                row: row as usize,
                expected,
            };
            let Some(values) = self.paths.values(document) else {
                match otherwise {
                    Otherwise::Fail => return Err(refused(N::DOCUMENT)),
                    Otherwise::Suppress | Otherwise::Mask(_) => found.invalid.push(row),
                }
                continue;
            };
            if values.missing && self.on_missing == OnMissing::Error {
                return Err(refused(N::COMPLETE));
            }
            let mut ordinal = 0;
            for value in values.found {
                match (&value.text, self.on_null) {
                    (None, OnNull::Skip) => continue,
                    (None, OnNull::Error) => return Err(refused(N::WITHOUT_NULL)),
                    (None, OnNull::Mask) | (Some(_), _) => {}
                }
                found.rows.push(row);
                found.ordinals.push(ordinal);
                found.places.push((value.span, value.form));
                found.texts.append_option(value.text);
                for (source, text) in found.sources.iter_mut().zip(value.sources) {
                    source.append_option(text);
                }
                ordinal += 1;
            }
        }
        Ok(found)
    }
}

/// `documents` with each value found replaced by its masked text.
fn splice<N: Notation>(
    documents: &StringViewArray,
    found: &Found<N::Form>,
    masked: &StringViewArray,
) -> Result<StringViewArray, MaskError> {
    let mut spliced = StringViewBuilder::with_capacity(documents.len());
    let mut text = String::new();
    let mut invalid = found.invalid.iter().peekable();
    let mut next = 0;
    for (row, document) in row_numbers(documents).zip(documents) {
        let is_invalid = invalid.next_if(|invalid| **invalid == row).is_some();
        let Some(document) = document.filter(|_| !is_invalid) else {
            spliced.append_null();
            continue;
        };
        text.clear();
        let mut copied = 0;
        while found.rows.get(next) == Some(&row) {
            let (span, form) = &found.places[next];
            text.push_str(&document[copied..span.start]);
            let value = masked.is_valid(next).then(|| masked.value(next));
            if !N::push(&mut text, value, &document[span.clone()], form) {
                return Err(MaskError::Refused {
                    row: row as usize,
                    expected: N::WRITABLE,
                });
            }
            copied = span.end;
            next += 1;
        }
        text.push_str(&document[copied..]);
        spliced.append_value(&text);
    }
    Ok(spliced.finish())
}
