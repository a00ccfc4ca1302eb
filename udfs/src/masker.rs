//! Masks for programs that have Arrow arrays and no plan: an array in, an array out.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use serde_json::Value;

use crate::bind::{MaskNode, SeedFiles};
use crate::column::{Argument, ColumnMask, ColumnRule, DrawBy};
use crate::condition::Condition;
use crate::error::{BindError, MaskError};
use crate::expected::expectation;
use crate::hash_columns::HashColumn;
use crate::key::Root;
use crate::seeds::ShippedSeeds;

/// The masks of one column, bound once and applied to any number of arrays, from any thread.
///
/// Under the same secrets, masks and hash columns it gives what a run of visard writes.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::array::{ArrayRef, Int64Array, StringArray};
/// use arrow::datatypes::DataType;
/// use serde_json::json;
/// use visard_udfs::{Masker, Root};
///
/// // In earnest the secret comes from where secrets are kept.
/// let root = Root::new(b"an example's run secret", None);
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 1]));
/// let names: ArrayRef = Arc::new(StringArray::from(vec![Some("Ana"), None, Some("Ann")]));
///
/// // The value decides.
/// let number = json!({"type": "hash", "form": "integer", "length": 9});
/// let hash = Masker::new(&root, "id", &DataType::Int64, &number, &[])?;
/// let hashed = hash.mask(&ids, &[])?;
/// assert_eq!(hashed.data_type(), &DataType::Int64);
/// assert_eq!(&hashed.slice(0, 1), &hashed.slice(2, 1));
///
/// // Another column decides: equal ids get equal names.
/// let masks = json!([
///     {"type": "from_file", "seed_file": "DataMasque_lastNames_v2.csv"},
///     {"type": "transform_case", "transform": "uppercase"},
/// ]);
/// let draw = Masker::new(&root, "name", &DataType::Utf8, &masks, &["id".into()])?;
/// let drawn = draw.mask(&names, &[("id", &ids)])?;
/// assert_eq!(&drawn.slice(0, 1), &drawn.slice(2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Masker {
    mask: ColumnMask,
    root_type: DataType,
}

impl Masker {
    /// `masks` as a ruleset writes them, one or a list, for arrays of `data_type`. `column` is what to
    /// call the values; below a struct, a list or a map it is the dotted path of a leaf. Masks that make
    /// values up draw by `hash_columns`, which may be the column itself. Seed files are those that ship
    /// with visard.
    ///
    /// # Errors
    /// When a mask is not known, does not take the type, is given a wrong argument, or draws and there
    /// is no hash column.
    pub fn new(
        root: &Root,
        column: &str,
        data_type: &DataType,
        masks: &Value,
        hash_columns: &[HashColumn],
    ) -> Result<Self, BindError> {
        Self::with_seeds(root, column, data_type, masks, hash_columns, &ShippedSeeds)
    }

    /// As [`Masker::new`], with seed files from `seeds`.
    ///
    /// # Errors
    /// As [`Masker::new`], and when a seed file cannot be read.
    pub fn with_seeds(
        root: &Root,
        column: &str,
        data_type: &DataType,
        masks: &Value,
        hash_columns: &[HashColumn],
        seeds: &dyn SeedFiles,
    ) -> Result<Self, BindError> {
        Self::choosing(root, column, data_type, masks, hash_columns, seeds, None)
    }

    /// As [`Masker::with_seeds`], for the values alone that pass `chooses`, which tests `column`; all others stay
    /// as they are.
    ///
    /// # Errors
    /// As [`Masker::with_seeds`].
    pub fn choosing(
        root: &Root,
        column: &str,
        data_type: &DataType,
        masks: &Value,
        hash_columns: &[HashColumn],
        seeds: &dyn SeedFiles,
        chooses: Option<Condition>,
    ) -> Result<Self, BindError> {
        let list = match masks {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let node = |(index, mask): (usize, &Value)| {
            serde_json::from_value::<MaskNode>(mask.clone()).map_err(|error| {
                BindError::new(format!("[{index}]"), expectation(&error.to_string()))
            })
        };
        let rule = ColumnRule {
            path: column.to_owned(),
            masks: list
                .iter()
                .enumerate()
                .map(node)
                .collect::<Result<_, _>>()?,
            draw_by: match hash_columns {
                [] => DrawBy::Place,
                columns => DrawBy::Columns(columns.to_vec()),
            },
            chooses,
            conditional: false,
            places: None,
            first: true,
        };
        Ok(Self {
            mask: ColumnMask::bind(&rule, data_type, root, seeds)?,
            root_type: data_type.clone(),
        })
    }

    /// The other columns that [`Masker::mask`] needs, as dotted paths: hash columns, and those that
    /// masks read.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let arguments = self.mask.arguments().iter();
        arguments.filter_map(|argument| match argument {
            Argument::Column(path) if path != self.mask.path() => Some(path.as_str()),
            _ => None,
        })
    }

    /// `values` masked, in their own type and number. `others` are the other columns by name, with as
    /// many rows.
    ///
    /// # Errors
    /// When a mask refuses a value, when `values` are of another type than the masks were bound for, or
    /// when a column is missing among `others`. No error holds a value.
    pub fn mask(
        &self,
        values: &ArrayRef,
        others: &[(&str, &ArrayRef)],
    ) -> Result<ArrayRef, MaskError> {
        if *values.data_type() != self.root_type {
            let found = values.data_type().clone();
            return Err(MaskError::Type { found });
        }
        let mut arguments = Vec::new();
        for argument in self.mask.arguments() {
            let Argument::Column(path) = argument else {
                let message = "masks of plain arrays draw by values";
                return Err(MaskError::Internal(message));
            };
            let column = match path == self.mask.path() {
                true => values,
                false => root_of(path, values.len(), others)?,
            };
            arguments.push(ArrayRef::clone(column));
        }
        self.mask.apply(values, &arguments)
    }
}

/// The array of `rows` rows that holds the column or leaf at `path`: the one of the longest name.
fn root_of<'a>(
    path: &str,
    rows: usize,
    others: &[(&str, &'a ArrayRef)],
) -> Result<&'a ArrayRef, MaskError> {
    let holds = |name: &str| match path.strip_prefix(name) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    };
    let found = others.iter().filter(|(name, _)| holds(name));
    let found = found.max_by_key(|(name, _)| name.len());
    match found {
        Some((_, array)) if array.len() == rows => Ok(array),
        _ => Err(MaskError::Missing {
            column: path.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array, StringArray, StructArray};
    use arrow::datatypes::Field;
    use serde_json::json;

    use super::*;
    use crate::condition::{Operand, Test};

    fn root() -> Root {
        Root::new(b"golden run secret 0123456789", None)
    }

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn arrays_of_any_kind() {
        let (root, ids) = (root(), Int64Array::from(vec![7, 8, 7]));
        let ids: ArrayRef = Arc::new(ids);
        let names = texts(&[Some("Ann"), Some("Bo"), None]);
        let utf8 = DataType::Utf8;
        let imitate = json!({"type": "imitate"});
        let own = Masker::new(&root, "name", &utf8, &imitate, &["name".into()]).unwrap();
        assert_eq!(own.columns().count(), 0);
        let masked = own.mask(&names, &[]).unwrap();
        assert!(masked.is_null(2) && masked.as_string::<i32>().value(0).len() == 3);
        assert_eq!(&masked, &own.mask(&names, &[("id", &ids)]).unwrap());

        let choice = json!([{"type": "from_choices", "choices": ["a", "b", "c", "d", "e", "f"]}]);
        let by_id = Masker::new(&root, "name", &utf8, &choice, &["id".into()]).unwrap();
        assert_eq!(by_id.columns().collect::<Vec<_>>(), ["id"]);
        let masked = by_id.mask(&names, &[("i", &names), ("id", &ids)]).unwrap();
        let masked = masked.as_string::<i32>();
        assert_eq!(masked.value(0), masked.value(2));
    }

    #[test]
    fn values_that_are_not_chosen_stay() {
        let (root, utf8) = (root(), DataType::Utf8);
        let skipped = Test::In(vec![Operand::text("n/a"), Operand::text("")]);
        let skipped = Condition::Column("a".to_owned(), skipped);
        let fixed = json!({"type": "from_fixed", "value": "x"});
        let chooses = Some(Condition::Not(Box::new(skipped)));
        let masker =
            Masker::choosing(&root, "a", &utf8, &fixed, &[], &ShippedSeeds, chooses).unwrap();
        let values = texts(&[Some("Ann"), Some("n/a"), Some(""), Some("N/A")]);
        let masked = texts(&[Some("x"), Some("n/a"), Some(""), Some("x")]);
        assert_eq!(masker.mask(&values, &[]), Ok(masked));
    }

    #[test]
    fn leaves_of_structs() {
        let zips = texts(&[Some("94105"), None]);
        let cities = texts(&[Some("San Francisco"), Some("Lima")]);
        let field = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
        let home = StructArray::from(vec![(field("zip"), zips), (field("city"), cities)]);
        let home: ArrayRef = Arc::new(home);
        let area = json!({"type": "generalize_zip"});
        let masker = Masker::new(&root(), "home.zip", home.data_type(), &area, &[]).unwrap();
        let masked = masker.mask(&home, &[]).unwrap();
        let masked = masked.as_struct();
        assert_eq!(masked.column(0).as_string::<i32>().value(0), "941");
        assert_eq!(&masked.column(1), &home.as_struct().column(1));
        // Drawn by the leaf beside it.
        let hash = json!({"type": "from_choices", "choices": [1, 2, 3]});
        let by = ["home.city".into()];
        let masker = Masker::new(&root(), "home.zip", home.data_type(), &hash, &by).unwrap();
        assert!(masker.mask(&home, &[("home", &home)]).is_ok());
    }

    #[test]
    fn what_cannot_be_masked() {
        let (root, utf8) = (root(), DataType::Utf8);
        let bind = |masks, by: &[HashColumn]| Masker::new(&root, "a", &utf8, &masks, by);
        for masks in [
            json!({"type": "hahs"}),
            json!({"type": "hash", "lenght": 3}),
            json!("hash"),
            json!({"type": "imitate"}),
            json!({"type": "from_file", "seed_file": "mine.csv"}),
        ] {
            assert!(bind(masks.clone(), &[]).is_err(), "{masks}");
        }
        let masker = bind(json!({"type": "imitate"}), &["b".into()]).unwrap();
        let (two, three) = (texts(&[Some("x"), None]), texts(&[None, None, None]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        assert!(masker.mask(&two, &[("b", &numbers)]).is_ok());
        let missing = MaskError::Missing {
            column: "b".to_owned(),
        };
        assert_eq!(masker.mask(&two, &[]), Err(missing));
        assert!(masker.mask(&two, &[("b", &three)]).is_err());
        assert!(masker.mask(&numbers, &[("b", &two)]).is_err());
        let refusing = bind(json!({"type": "generalize_zip"}), &[]).unwrap();
        let error = refusing.mask(&texts(&[None, Some("secret")]), &[]);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("row 1") && !error.contains("secret"),
            "{error}"
        );
    }
}
