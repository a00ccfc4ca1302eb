//! A column's masks as a DataFusion function.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{DataFusionError, Result, internal_err};
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::column::ColumnMask;
use crate::place::ColumnError;

/// The only function visard puts into plans besides conditions: root column and the arguments of
/// [`ColumnMask::arguments`] in, the root column masked out, in its own type.
///
/// It is never registered in a session: a keyed function that users can call answers guesses.
#[derive(Debug)]
pub struct MaskUdf {
    mask: ColumnMask,
    name: String,
    signature: Signature,
}

impl MaskUdf {
    /// The function of `mask`.
    pub fn new(mask: ColumnMask) -> Self {
        let name = format!("mask[{}]", mask.label());
        // The arguments come from our own planner, in the types the kernels take as they are.
        Self {
            mask,
            name,
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl PartialEq for MaskUdf {
    fn eq(&self, other: &Self) -> bool {
        self.mask.identity() == other.mask.identity()
    }
}

impl Eq for MaskUdf {}

impl Hash for MaskUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.mask.identity().hash(state);
    }
}

impl ScalarUDFImpl for MaskUdf {
    fn name(&self) -> &str {
        &self.name
    }

    /// Two masks of one name on one column are told apart, as optimiser rules go by this name.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let mut hasher = std::hash::DefaultHasher::new();
        self.hash(&mut hasher);
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.schema_name().to_string())
            .collect();
        Ok(format!(
            "{}#{:016x}({})",
            self.name,
            hasher.finish(),
            args.join(",")
        ))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types
            .first()
            .cloned()
            .map_or_else(|| internal_err!("a mask needs its column"), Ok)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let Some(column) = args.arg_fields.first() else {
            return internal_err!("a mask needs its column");
        };
        let nullable = column.is_nullable() || self.mask.may_give_null();
        Ok(Arc::new(Field::new(
            &self.name,
            column.data_type().clone(),
            nullable,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args
            .args
            .into_iter()
            .map(|arg| arg.into_array(args.number_rows))
            .collect::<Result<Vec<_>>>()?;
        let Some((column, arguments)) = arrays.split_first() else {
            return internal_err!("a mask needs its column");
        };
        let masked = self.mask.apply(column, arguments).map_err(|error| {
            DataFusionError::External(Box::new(ColumnError::new(&self.mask, arguments, error)))
        })?;
        Ok(ColumnarValue::Array(masked))
    }
}
