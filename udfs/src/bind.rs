//! Binding: once per column, arguments are parsed, keys derived, seed files looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::Chain;
use crate::error::BindError;
use crate::expected::expectation;
use crate::key::{MaskKey, Root};
use crate::mask::{Args, Mask, MaskArgs, TypeFamily};

/// Seed files by name, shipped ones included.
pub trait SeedFiles: Send + Sync {
    /// The table in the seed file `name`.
    ///
    /// # Errors
    /// A message when there is no such file or it is no CSV.
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String>;

    /// The bytes of the stored file `name`, at most `limit` of them. Where nothing is stored, as by
    /// default, every name is refused.
    ///
    /// # Errors
    /// A message when there is no such file or it is longer.
    fn bytes(&self, name: &str, limit: usize) -> Result<Vec<u8>, String> {
        let _ = limit;
        Err(format!("there is no stored file `{name}`"))
    }
}

/// A seed file: a header and rows of text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SeedTable {
    /// Column names.
    pub columns: Vec<String>,
    /// Values, row by row.
    pub rows: Vec<Vec<String>>,
}

impl SeedTable {
    /// The column `name`, or the only one.
    ///
    /// # Errors
    /// When there is none, laid at the argument `seed_column`.
    pub(crate) fn column(&self, name: Option<&str>) -> Result<usize, BindError> {
        match name {
            Some(name) => self.column_named(name, "seed_column"),
            None if self.columns.len() == 1 => Ok(0),
            None => {
                let message = format!("name a column of the seed file; it has {}", self.names());
                Err(BindError::new("seed_column", message))
            }
        }
    }

    /// The column `name`.
    ///
    /// # Errors
    /// When there is none, laid at `argument`.
    pub(crate) fn column_named(&self, name: &str, argument: &str) -> Result<usize, BindError> {
        let position = self.columns.iter().position(|column| column == name);
        position.ok_or_else(|| {
            let message = format!(
                "the seed file has no column `{name}`; it has {}",
                self.names()
            );
            BindError::new(argument, message)
        })
    }

    fn names(&self) -> String {
        let quoted = self.columns.iter().map(|name| format!("`{name}`"));
        quoted.collect::<Vec<_>>().join(", ")
    }
}

/// One mask of a ruleset: its type, domain and arguments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MaskNode {
    /// The mask's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of value that is masked, where it is shared with another mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The mask's own arguments.
    #[serde(flatten)]
    #[schemars(skip)]
    pub args: MaskArgs,
}

/// What a mask may ask for while it is bound.
pub struct Binder<'a> {
    root: &'a Root,
    seeds: &'a dyn SeedFiles,
    column: DataType,
    inputs: &'a mut Vec<String>,
    /// Whether hash columns decide the draws of rows.
    has_hash_columns: bool,
    /// Type, place in the chain and domain of the mask being bound.
    kind: String,
    position: String,
    domain: Option<String>,
    /// The mask around, other than `chain`, that gives the mask being bound a part of each value.
    within: Option<String>,
    /// Arguments that differ from their defaults, keys sorted.
    canonical: String,
}

impl<'a> Binder<'a> {
    /// A binder for a column of type `column`. Names of further columns a mask needs land in `inputs`.
    pub fn new(
        root: &'a Root,
        seeds: &'a dyn SeedFiles,
        column: DataType,
        inputs: &'a mut Vec<String>,
    ) -> Self {
        Self {
            root,
            seeds,
            column,
            inputs,
            has_hash_columns: false,
            kind: String::new(),
            position: String::new(),
            domain: None,
            within: None,
            canonical: String::new(),
        }
    }

    /// The same binder where `hash_columns` decide the draws of rows, and not their place.
    #[must_use]
    pub fn with_hash_columns(self, has_hash_columns: bool) -> Self {
        Self {
            has_hash_columns,
            ..self
        }
    }

    /// The masks of a rule, in order: each works on the type the one before it gives.
    ///
    /// # Errors
    /// Of the first mask that does not bind; its path is `[index]` and the argument's path below.
    pub fn chain(&mut self, masks: &[MaskNode]) -> Result<Chain, BindError> {
        let own = self.column.clone();
        let mut bound = Vec::with_capacity(masks.len());
        for (index, node) in masks.iter().enumerate() {
            let (mask, given) = self.mask(index, node)?;
            bound.push(mask);
            self.column = given;
        }
        self.column = own;
        Ok(Chain(bound))
    }

    /// The masks held by the mask being bound, in its argument `masks`, one after the other.
    ///
    /// # Errors
    /// As [`Binder::chain`], below `masks`.
    pub fn inner(&mut self, masks: &[MaskNode]) -> Result<Chain, BindError> {
        self.chain(masks).map_err(in_masks)
    }

    /// As [`Binder::inner`], where each mask gets the original value.
    ///
    /// # Errors
    /// As [`Binder::inner`].
    pub fn apart(&mut self, masks: &[MaskNode]) -> Result<Vec<Box<dyn Mask>>, BindError> {
        let bound = masks.iter().enumerate();
        bound
            .map(|(index, node)| Ok(self.mask(index, node).map_err(in_masks)?.0))
            .collect()
    }

    /// A mask and the type it gives.
    fn mask(
        &mut self,
        index: usize,
        node: &MaskNode,
    ) -> Result<(Box<dyn Mask>, DataType), BindError> {
        self.mask_of(index, node)
            .map_err(|error| error.below(&format!("[{index}]")))
    }

    fn mask_of(
        &mut self,
        index: usize,
        node: &MaskNode,
    ) -> Result<(Box<dyn Mask>, DataType), BindError> {
        let spec = crate::find_mask(&node.kind)
            .ok_or_else(|| BindError::new("type", format!("there is no mask `{}`", node.kind)))?;
        let taken = TypeFamily::of(&self.column).is_some_and(|family| spec.takes.contains(&family));
        if !taken {
            return Err(BindError::new(
                "type",
                self.does_not_take(spec.name, spec.takes),
            ));
        }
        let position = match self.position.as_str() {
            "" => index.to_string(),
            outer => format!("{outer}.{index}"),
        };
        let mut binder = Binder {
            root: self.root,
            seeds: self.seeds,
            column: self.column.clone(),
            inputs: self.inputs,
            has_hash_columns: self.has_hash_columns,
            kind: spec.name.to_owned(),
            position,
            domain: node.domain.clone(),
            within: match self.kind.as_str() {
                "" | "chain" => self.within.clone(),
                around => Some(around.to_owned()),
            },
            canonical: String::new(),
        };
        let mask = (spec.bind)(&node.args, &mut binder)?;
        Ok((mask, binder.column))
    }

    fn does_not_take(&self, mask: &str, takes: &[TypeFamily]) -> String {
        let takes: Vec<String> = takes
            .iter()
            .map(|t| format!("{t:?}").to_lowercase())
            .collect();
        format!(
            "`{mask}` does not take a column of type {}; it takes {}",
            self.column,
            takes.join(", ")
        )
    }

    /// The arguments as `T`, which also settles the default domain.
    ///
    /// # Errors
    /// When they do not parse; the path leads to the argument.
    pub fn parse<T: Args>(&mut self, args: &MaskArgs) -> Result<T, BindError> {
        let parsed: T = parse_args(args)?;
        self.canonical = canonical_args(&parsed);
        Ok(parsed)
    }

    /// The key of this mask in its domain: the one named, or type, canonical arguments and position.
    pub fn key(&self) -> MaskKey {
        match &self.domain {
            Some(domain) => self.root.mask_key(&self.kind, &format!("named:{domain}")),
            None => {
                let domain = format!("default:{}:{}", self.position, self.canonical);
                self.root.mask_key(&self.kind, &domain)
            }
        }
    }

    /// The key of a mask whose domain is its argument `seed`, wherever it stands in a chain.
    ///
    /// # Errors
    /// When there is a `domain` beside the seed.
    pub fn seeded_key(&self, seed: Option<&str>) -> Result<MaskKey, BindError> {
        match (seed, &self.domain) {
            (Some(_), Some(_)) => Err(BindError::new(
                "seed",
                "`seed` and `domain` name the same thing: keep one",
            )),
            (None, Some(_)) => Ok(self.key()),
            (Some(seed), None) => Ok(self.root.mask_key(&self.kind, &format!("seed:{seed}"))),
            (None, None) => Ok(self.root.mask_key(&self.kind, "unseeded")),
        }
    }

    /// Says that the mask being bound goes by rows, and so masks whole columns only.
    ///
    /// # Errors
    /// When it lies in a mask that gives it something else.
    pub(crate) fn by_rows(&self) -> Result<(), BindError> {
        match &self.within {
            None => Ok(()),
            Some(around) => Err(BindError::new(
                "type",
                format!(
                    "`{}` masks whole columns and cannot stand in `{around}`",
                    self.kind
                ),
            )),
        }
    }

    /// Whether the mask being bound is the first of its rule, and in no other.
    pub(crate) fn is_first(&self) -> bool {
        matches!(self.position.as_str(), "" | "0")
    }

    /// Whether hash columns decide the draws of rows, and not their place.
    pub(crate) fn has_hash_columns(&self) -> bool {
        self.has_hash_columns
    }

    /// The type the mask works on: the column's, or what a `typecast` before it gives.
    pub fn column(&self) -> &DataType {
        &self.column
    }

    /// Says that the mask being bound gives `given` to the next mask of its chain, in place of the
    /// type it got. The column's own type comes back at the chain's end.
    pub(crate) fn gives(&mut self, given: DataType) {
        self.column = given;
    }

    /// Says that the mask being bound draws as the mask `kind` does.
    pub(crate) fn draws_as(&mut self, kind: &str) {
        kind.clone_into(&mut self.kind);
    }

    /// Asks for a further column; its values are at [`crate::rows::Rows::input`] of the result.
    pub fn input(&mut self, column: &str) -> usize {
        let known = self.inputs.iter().position(|name| name == column);
        known.unwrap_or_else(|| {
            self.inputs.push(column.to_owned());
            self.inputs.len() - 1
        })
    }

    /// The seed file `name`.
    ///
    /// # Errors
    /// When there is none or it cannot be read; the problem is laid at the argument `seed_file`.
    pub fn seeds(&self, name: &str) -> Result<Arc<SeedTable>, BindError> {
        self.seeds
            .table(name)
            .map_err(|message| BindError::new("seed_file", message))
    }

    /// The bytes of the stored file `name`, at most `limit` of them.
    ///
    /// # Errors
    /// When there is none or it is longer; the problem is laid at the argument `blob_file`.
    pub(crate) fn bytes(&self, name: &str, limit: usize) -> Result<Vec<u8>, BindError> {
        self.seeds
            .bytes(name, limit)
            .map_err(|message| BindError::new("blob_file", message))
    }
}

/// `[1].regex` → `masks[1].regex`
fn in_masks(error: BindError) -> BindError {
    BindError {
        path: format!("masks{}", error.path),
        ..error
    }
}

/// The arguments as `T`.
///
/// # Errors
/// When they do not parse; the path leads to the argument.
pub fn parse_args<T: Args>(args: &MaskArgs) -> Result<T, BindError> {
    serde_path_to_error::deserialize(Value::Object(args.clone())).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        BindError::new(path, expectation(&error.into_inner().to_string()))
    })
}

/// Arguments that differ from their defaults as JSON with sorted keys: an argument written out with
/// its default value, or added by a later release, changes no output.
fn canonical_args<T: Args>(parsed: &T) -> String {
    let object = |value: &T| match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let defaults = object(&T::default());
    let differing: Map<String, Value> = object(parsed)
        .into_iter()
        .filter(|(name, value)| defaults.get(name) != Some(value))
        .collect();
    serde_json::to_string(&sorted(Value::Object(differing))).expect("JSON values serialise")
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<_, _> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}
