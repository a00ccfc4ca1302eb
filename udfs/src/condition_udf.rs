//! A condition as a DataFusion function.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{DataFusionError, Result};
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::canonical::canonical_text;
use crate::condition::Condition;
use crate::nested::leaf_of_structs;

/// A condition as a DataFusion function: the root columns of [`Condition::columns`] in, booleans out.
#[derive(Debug)]
pub struct ConditionUdf {
    condition: Condition,
    columns: Vec<String>,
    signature: Signature,
    /// The condition spelled out, by which two functions are equal.
    identity: String,
}

impl ConditionUdf {
    /// The function for `condition`.
    pub fn new(condition: Condition) -> Self {
        let columns = condition.columns();
        let signature = Signature::variadic_any(Volatility::Immutable);
        let identity = format!("{condition:?}");
        Self {
            condition,
            columns,
            signature,
            identity,
        }
    }

    /// The arguments: dotted paths, whose root columns are to be passed in this order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

impl PartialEq for ConditionUdf {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for ConditionUdf {}

impl Hash for ConditionUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

impl ScalarUDFImpl for ConditionUdf {
    fn name(&self) -> &str {
        "visard_if"
    }

    fn schema_name(&self, _: &[Expr]) -> Result<String> {
        let mut hasher = std::hash::DefaultHasher::new();
        self.identity.hash(&mut hasher);
        Ok(format!("visard_if#{:016x}", hasher.finish()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), DataType::Boolean, false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let roots = ColumnarValue::values_to_arrays(&args.args)?;
        let external = |error| DataFusionError::External(Box::new(error));
        let mut columns = Vec::with_capacity(roots.len());
        for (path, root) in self.columns.iter().zip(roots) {
            let leaf: ArrayRef = leaf_of_structs(&root, path).map_err(external)?;
            columns.push((path.clone(), canonical_text(&leaf).map_err(external)?));
        }
        let chosen: BooleanArray = (0..args.number_rows)
            .map(|row| Some(self.condition.evaluate(row, &columns)))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(chosen)))
    }
}
