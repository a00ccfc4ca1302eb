//! What a mask is: its entry in the table, the three kinds of kernel, and how arguments become one.
//!
//! - [`ValueMask`]: the value decides. - [`Generator`]: the draw decides. - [`Imitation`]: both do.
//!
//! Kernels see whole arrays of one type and never a row their rule did not choose.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::bind::{Binder, SeedFiles, SeedTable};
use crate::canonical::plain_text;
use crate::draw::Draws;
pub use crate::error::{BindError, MaskError};
use crate::key::MaskKey;
use crate::length::Lengths;
use crate::rows::Rows;

/// Arguments of a mask as a ruleset writes them, without `type` and `domain`.
pub type MaskArgs = Map<String, Value>;

/// Arguments become a kernel.
pub type Bind = fn(&MaskArgs, &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError>;

/// One entry of the mask table.
#[derive(Debug)]
pub struct MaskSpec {
    /// The name a ruleset uses.
    pub name: &'static str,
    /// One line: what a value becomes.
    pub summary: &'static str,
    /// The technique, in the words of ISO/IEC 20889.
    pub family: Family,
    /// Column types the mask works on. It gives back the type it got.
    pub takes: &'static [TypeFamily],
    /// JSON Schema of the arguments.
    pub schema: fn() -> Schema,
    /// Arguments in, kernel out; once per column.
    pub bind: Bind,
    /// What becomes of null.
    pub null: OfBlank,
    /// What becomes of empty text.
    pub empty: OfBlank,
    /// Values before and after, for the reference page; tested under the key of [`Example`].
    pub examples: &'static [Example],
}

/// What becomes of a value that says nothing, with the arguments of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfBlank {
    /// It stays what it is.
    Stays,
    /// Empty text becomes null.
    Null,
    /// It becomes a value, as any other does.
    Value,
    /// It is no value that the mask takes.
    Refused,
    /// It goes to another row, as any other value does.
    Exchanged,
    /// That hangs on the arguments.
    Depends,
}

impl OfBlank {
    /// The same in words, behind the value.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Stays => "stays as it is",
            Self::Null => "becomes null",
            Self::Value => "becomes a value, as any other does",
            Self::Refused => "fails the task as an invalid value, where no argument says otherwise",
            Self::Exchanged => "goes to another row, as any other value does",
            Self::Depends => "becomes what the arguments say",
        }
    }
}

/// One example: arguments as JSON, a value, and what it becomes under the run secret
/// `golden run secret 0123456789` without an instance secret, drawn from the value itself.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Arguments, a JSON object.
    pub args: &'static str,
    /// The value in the column.
    pub value: Option<&'static str>,
    /// The masked value.
    pub masked: Option<&'static str>,
}

/// The technique of a mask, in the words of ISO/IEC 20889:2018.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Values, or parts of them, are removed.
    Suppression,
    /// Values are replaced by less precise ones.
    Generalization,
    /// Values are replaced by others that cannot be led back without the key.
    Pseudonymization,
    /// Values are replaced by made-up ones.
    Randomization,
    /// Masks made of masks, and plain transformations of text.
    Combination,
}

/// Arrow types as far as masks tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeFamily {
    /// `Utf8`, `LargeUtf8`, `Utf8View` and dictionaries of them.
    Text,
    /// Signed and unsigned integers.
    Integer,
    /// Decimals of any width.
    Decimal,
    /// Floating-point numbers.
    Float,
    /// `Date32`, `Date64`.
    Date,
    /// Timestamps with and without a zone.
    Timestamp,
    /// Times of day.
    Time,
    /// Booleans.
    Boolean,
    /// Byte strings.
    Binary,
}

impl TypeFamily {
    /// Every family: for masks that do not look at the value.
    pub const ALL: &'static [Self] = &[
        Self::Text,
        Self::Integer,
        Self::Decimal,
        Self::Float,
        Self::Date,
        Self::Timestamp,
        Self::Time,
        Self::Boolean,
        Self::Binary,
    ];
    /// Text only.
    pub const TEXT: &'static [Self] = &[Self::Text];
    /// Text and the types whose text is digits.
    pub const TEXT_AND_NUMBERS: &'static [Self] = &[Self::Text, Self::Integer, Self::Decimal];

    /// The family of an Arrow type; `None` for nested types, intervals and null.
    pub fn of(data_type: &DataType) -> Option<Self> {
        use DataType::*;
        Some(match data_type {
            Utf8 | LargeUtf8 | Utf8View => Self::Text,
            Dictionary(_, values) => return Self::of(values),
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Self::Integer,
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => Self::Decimal,
            Float16 | Float32 | Float64 => Self::Float,
            Date32 | Date64 => Self::Date,
            Timestamp(..) => Self::Timestamp,
            Time32(_) | Time64(_) => Self::Time,
            Boolean => Self::Boolean,
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Self::Binary,
            _ => return None,
        })
    }
}

/// A bound mask: what a batch meets.
pub trait Mask: Debug + Send + Sync {
    /// The masked values, as many as came in, as the column's type or as text.
    ///
    /// `values` is text ([`StringViewArray`]) or the column's own type.
    ///
    /// # Errors
    /// When a value cannot be masked; see [`MaskError`].
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError>;

    /// Whether equal values always give equal results, so a dictionary is masked once per value.
    fn by_value(&self) -> bool {
        false
    }

    /// Whether the result hangs on the row's draw, from `hash_columns` or the row's place.
    fn draws(&self) -> bool {
        false
    }

    /// Whether the mask does not draw although others of its type do, so that `hash_columns` other than
    /// the column itself are taken for a mistake.
    fn refuses_hash_columns(&self) -> bool {
        false
    }

    /// Whether distinct values stay distinct, certainly or but for a chance below 2^-40 a table.
    fn keeps_distinct(&self) -> bool {
        false
    }

    /// Values of at most how many characters stay distinct and grow no longer, where not those of any
    /// length do.
    fn keeps_distinct_up_to(&self) -> Option<usize> {
        None
    }

    /// How many characters the results have that are not null, of values of at most `input` characters where
    /// that is known. Nothing where it is not known, and of results that are no text.
    fn lengths(&self, _input: Option<usize>) -> Option<Lengths> {
        None
    }

    /// Whether the results of any two rows differ, whatever their values are.
    fn makes_distinct(&self) -> bool {
        false
    }

    /// For a mask that goes by the number of a row, how many rows it has results for.
    fn rows_offered(&self) -> Option<u128> {
        None
    }

    /// Whether the values it masks have to be exchanged between rows before.
    fn shuffles(&self) -> bool {
        false
    }

    /// Whether a value may become null.
    fn may_give_null(&self) -> bool {
        false
    }
}

/// A kernel decided by the value alone. Null stays null.
pub trait ValueMask: Debug + Send + Sync {
    /// The masked text, as many rows as came in.
    ///
    /// # Errors
    /// When a value is not of the kind the mask takes.
    fn mask(&self, values: &StringViewArray) -> Result<StringViewArray, MaskError>;

    /// See [`Mask::keeps_distinct`].
    fn keeps_distinct(&self) -> bool {
        false
    }

    /// See [`Mask::keeps_distinct_up_to`].
    fn keeps_distinct_up_to(&self) -> Option<usize> {
        None
    }

    /// See [`Mask::lengths`].
    fn lengths(&self, _input: Option<usize>) -> Option<Lengths> {
        None
    }

    /// See [`Mask::may_give_null`].
    fn may_give_null(&self) -> bool {
        false
    }
}

/// A kernel decided by the draw alone. Null becomes a value like any other; `skip` keeps it.
pub trait Generator: Debug + Send + Sync {
    /// One value a draw, as `column` or as text.
    ///
    /// # Errors
    /// When a value cannot be made.
    fn generate(&self, draws: &Draws<'_>, column: &DataType) -> Result<ArrayRef, MaskError>;

    /// See [`Mask::lengths`].
    fn lengths(&self) -> Option<Lengths> {
        None
    }

    /// See [`Mask::may_give_null`].
    fn may_give_null(&self) -> bool {
        false
    }
}

/// A kernel decided by value and draw. Null stays null.
pub trait Imitation: Debug + Send + Sync {
    /// The masked text, as many rows as came in.
    ///
    /// # Errors
    /// When a value is not of the kind the mask takes.
    fn imitate(
        &self,
        draws: &Draws<'_>,
        values: &StringViewArray,
    ) -> Result<StringViewArray, MaskError>;

    /// See [`Mask::lengths`].
    fn lengths(&self, _input: Option<usize>) -> Option<Lengths> {
        None
    }
}

/// A [`ValueMask`] as a [`Mask`].
#[derive(Debug)]
pub struct ByValue<K>(pub K);

impl<K: ValueMask> Mask for ByValue<K> {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        Ok(Arc::new(self.0.mask(&plain_text(&values)?)?))
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        self.0.keeps_distinct()
    }

    fn keeps_distinct_up_to(&self) -> Option<usize> {
        self.0.keeps_distinct_up_to()
    }

    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        self.0.lengths(input)
    }

    fn may_give_null(&self) -> bool {
        self.0.may_give_null()
    }
}

/// A [`Generator`] with its key as a [`Mask`].
#[derive(Debug)]
pub struct ByDraw<K> {
    /// Where the draws come from.
    pub key: MaskKey,
    /// The column's own type.
    pub column: DataType,
    /// The kernel.
    pub kernel: K,
}

impl<K: Generator> Mask for ByDraw<K> {
    fn mask(&self, _: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        self.kernel.generate(&rows.draws(&self.key), &self.column)
    }

    fn draws(&self) -> bool {
        true
    }

    fn lengths(&self, _: Option<usize>) -> Option<Lengths> {
        self.kernel.lengths()
    }

    fn may_give_null(&self) -> bool {
        self.kernel.may_give_null()
    }
}

/// An [`Imitation`] with its key as a [`Mask`].
#[derive(Debug)]
pub struct ByBoth<K> {
    /// Where the draws come from.
    pub key: MaskKey,
    /// The kernel.
    pub kernel: K,
}

impl<K: Imitation> Mask for ByBoth<K> {
    fn mask(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        Ok(Arc::new(
            self.kernel
                .imitate(&rows.draws(&self.key), &plain_text(&values)?)?,
        ))
    }

    fn draws(&self) -> bool {
        true
    }

    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        self.kernel.lengths(input)
    }
}

/// What arguments are: parsed from a ruleset, described by a schema, compared with their defaults.
pub trait Args: DeserializeOwned + Serialize + Default + JsonSchema {}

impl<T: DeserializeOwned + Serialize + Default + JsonSchema> Args for T {}

/// Binds a mask that is its own arguments and needs no key.
///
/// # Errors
/// When the arguments do not parse.
pub fn keyless<K: ValueMask + Args + 'static>(
    args: &MaskArgs,
    binder: &mut Binder<'_>,
) -> Result<Box<dyn Mask>, BindError> {
    Ok(Box::new(ByValue(binder.parse::<K>(args)?)))
}

/// The JSON Schema of arguments.
pub fn schema_of<T: JsonSchema>() -> Schema {
    schema_for!(T)
}

/// What to do with a value a mask cannot work on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalid {
    /// Stop the task.
    #[default]
    Fail,
    /// Put null in its place.
    Suppress,
}

impl OnInvalid {
    /// Null, or the error of `row`, which is not `expected`.
    ///
    /// # Errors
    /// [`MaskError::Refused`] when the choice is to fail.
    pub fn at<T>(self, row: usize, expected: &'static str) -> Result<Option<T>, MaskError> {
        match self {
            Self::Fail => Err(MaskError::Refused { row, expected }),
            Self::Suppress => Ok(None),
        }
    }
}

/// The text of an array that is known to be text.
pub(crate) fn text(values: &ArrayRef) -> Result<StringViewArray, MaskError> {
    match values.data_type() {
        DataType::Utf8View => Ok(values.as_string_view().clone()),
        _ => plain_text(values),
    }
}
