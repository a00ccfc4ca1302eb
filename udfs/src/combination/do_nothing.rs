//! `do_nothing`: values stay as they are.
//!
//! - Names a column as looked at and left, which `coverage: strict` asks for.
//! - Input and output: any type.

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, TypeFamily,
    schema_of,
};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "do_nothing",
    summary: "values stay as they are",
    family: Family::Combination,
    takes: TypeFamily::ALL,
    schema: schema_of::<DoNothing>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[Example {
        args: "{}",
        value: Some("Wellington"),
        masked: Some("Wellington"),
    }],
};

/// No argument.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DoNothing {}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    Ok(Box::new(binder.parse::<DoNothing>(args)?))
}

impl Mask for DoNothing {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        Ok(values)
    }

    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        length::as_before(input)
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        true
    }
}
