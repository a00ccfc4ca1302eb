//! A ruleset bound to its keys: what a request runs.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, StringArray};
use serde_json::Value;
use visard::check::condition_of_value;
use visard_engine::udfs::{HashColumn, Masker, Root, SeedFiles, SeedTable, ShippedSeeds};

use super::data::{Shape, hash_text};
use super::ruleset::{Ruleset, VALUE};

/// What a value draws by that draws for itself: its place in the request.
const OWN: &str = "place";

/// What decides the draws of the values of a request.
#[derive(Debug)]
pub(crate) enum HashValues {
    /// Each value draws for itself.
    None,
    /// The columns of values that decide, each with one for every datum.
    Columns(Vec<Vec<Option<String>>>),
}

impl HashValues {
    /// As a request has them for so many data: one value for all, or a list with one value, or list of values,
    /// for each.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn read(given: Option<&Value>, data: usize) -> Result<Self, String> {
        let of_each: Vec<Vec<&Value>> = match given {
            None | Some(Value::Null) => return Ok(Self::None),
            Some(Value::Array(items)) if items.len() == data => {
                let items = items.iter();
                items
                    .map(|item| match item {
                        Value::Array(values) => values.iter().collect(),
                        value => vec![value],
                    })
                    .collect()
            }
            Some(Value::Array(items)) => {
                return Err(format!("{} values are given for {data} data", items.len()));
            }
            Some(one) => vec![vec![one]; data],
        };
        let count = of_each.first().map_or(1, Vec::len);
        if count == 0 || of_each.iter().any(|values| values.len() != count) {
            return Err("each datum needs as many values as the others".to_owned());
        }
        let mut columns = vec![Vec::with_capacity(data); count];
        for values in of_each {
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(hash_text(value).ok_or("a value is text, a number, a flag or null")?);
            }
        }
        Ok(Self::Columns(columns))
    }

    /// How many values decide for each datum.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Columns(columns) => columns.len(),
        }
    }
}

/// A ruleset under its keys. Masks are bound when a value of their shape comes for the first time.
pub(crate) struct Compiled {
    ruleset: Ruleset,
    root: Root,
    seeds: Seeds,
    /// Names of the hash values.
    hashed: Vec<String>,
    maskers: [OnceLock<Result<Vec<Masker>, String>>; Shape::ALL.len()],
}

/// Stored seed files, and those that ship with visard.
pub(crate) struct Seeds(pub(crate) BTreeMap<String, Arc<SeedTable>>);

impl SeedFiles for Seeds {
    fn table(&self, name: &str) -> Result<Arc<SeedTable>, String> {
        match self.0.get(name) {
            Some(table) => Ok(Arc::clone(table)),
            None => ShippedSeeds.table(name),
        }
    }
}

impl Compiled {
    /// `ruleset` under `root`, where `hash_values` values decide for each datum.
    pub(crate) fn new(ruleset: Ruleset, root: Root, seeds: Seeds, hash_values: usize) -> Self {
        let hashed = (0..hash_values).map(|number| format!("hash {number}"));
        Self {
            ruleset,
            root,
            seeds,
            hashed: hashed.collect(),
            maskers: Default::default(),
        }
    }

    /// Why the ruleset masks no value, whatever it is; nothing where it masks some.
    pub(crate) fn problem(&self) -> Option<&str> {
        let problem = |shape| self.maskers(shape).err();
        let problems: Option<Vec<&str>> = Shape::ALL.into_iter().map(problem).collect();
        problems?.first().copied()
    }

    /// The ruleset, unbound.
    pub(crate) fn into_ruleset(self) -> Ruleset {
        self.ruleset
    }

    fn maskers(&self, shape: Shape) -> Result<&[Masker], &str> {
        let bound = self.maskers[shape as usize].get_or_init(|| self.bind(shape));
        match bound {
            Ok(maskers) => Ok(maskers),
            Err(problem) => Err(problem),
        }
    }

    fn bind(&self, shape: Shape) -> Result<Vec<Masker>, String> {
        let own = vec![HashColumn::from(OWN)];
        let hashed: Vec<HashColumn> = self.hashed.iter().map(|name| (&**name).into()).collect();
        let rules = self.ruleset.rules.iter().enumerate();
        let bound = rules.map(|(index, rule)| {
            let by = match rule.draws_alone || hashed.is_empty() {
                true => &own,
                false => &hashed,
            };
            let data_type = shape.data_type();
            let condition = rule.condition.as_ref();
            let chooses = condition.and_then(|asked| condition_of_value(VALUE, &data_type, asked));
            let bind = |by: &[HashColumn]| {
                Masker::choosing(
                    &self.root,
                    VALUE,
                    &data_type,
                    &rule.masks,
                    by,
                    &self.seeds,
                    chooses.clone(),
                )
            };
            // Masks that go by the value alone take no hash values, and draw from none.
            let masker = bind(&[]).or_else(|_| bind(by)).map_err(|error| {
                let of = shape.describe();
                format!("rule {} cannot mask {of}: {error}", index + 1)
            })?;
            let is_hashed = |column: &&str| by.iter().any(|hashed| hashed.column == *column);
            let others = masker.columns().find(|column| !is_hashed(column));
            if let Some(column) = others.map(str::to_owned) {
                return Err(format!(
                    "rule {} reads the column `{column}`, and there are no columns in flight",
                    index + 1
                ));
            }
            Ok(masker)
        });
        bound.collect()
    }

    /// `data` masked. Where no values decide, `nonce` and the place of a datum do.
    ///
    /// # Errors
    /// What a mask does not take, and which datum it was, but for its value.
    pub(crate) fn mask(
        &self,
        data: &[Value],
        hash_values: &HashValues,
        nonce: &str,
    ) -> Result<Vec<Value>, String> {
        let mut masked = vec![Value::Null; data.len()];
        for shape in Shape::ALL {
            let rows = data.iter().enumerate();
            let rows = rows.filter(|(_, datum)| Shape::of(datum) == shape);
            let rows: Vec<usize> = rows.map(|(row, _)| row).collect();
            if !rows.is_empty() {
                self.mask_rows(shape, &rows, data, hash_values, nonce, &mut masked)?;
            }
        }
        Ok(masked)
    }

    fn mask_rows(
        &self,
        shape: Shape,
        rows: &[usize],
        data: &[Value],
        hash_values: &HashValues,
        nonce: &str,
        masked: &mut [Value],
    ) -> Result<(), String> {
        if let Some(row) = rows
            .iter()
            .find(|&&row| data[row].is_u64() && !data[row].is_i64())
        {
            return Err(format!(
                "datum {row} is a number beyond 64 bits with a sign"
            ));
        }
        let maskers = self.maskers(shape)?;
        let mut others: Vec<(&str, ArrayRef)> = Vec::new();
        if let HashValues::Columns(columns) = hash_values {
            for (name, column) in self.hashed.iter().zip(columns) {
                let values = rows.iter().map(|&row| column[row].as_deref());
                others.push((name, Arc::new(values.collect::<StringArray>())));
            }
        }
        if self.hashed.is_empty() || self.ruleset.rules.iter().any(|rule| rule.draws_alone) {
            let places = rows.iter().map(|row| Some(format!("{nonce}/{row}")));
            others.push((OWN, Arc::new(places.collect::<StringArray>())));
        }
        let others: Vec<(&str, &ArrayRef)> =
            others.iter().map(|(name, array)| (*name, array)).collect();
        let mut array = shape.array(rows.iter().map(|&row| &data[row]));
        for (index, masker) in maskers.iter().enumerate() {
            array = masker.mask(&array, &others).map_err(|error| {
                let among = match rows.len() == data.len() {
                    true => String::new(),
                    false => format!(", counted among the data that are {}", shape.describe()),
                };
                format!("rule {}: {error}{among}", index + 1)
            })?;
        }
        for (at, &row) in rows.iter().enumerate() {
            let value = shape.value(&array, at, &data[row]);
            masked[row] = value.ok_or("a masked number is not one that JSON can write")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(masks: &str, hash_values: usize) -> Compiled {
        let yaml = format!("version: \"1.0\"\nrules: [{{masks: {masks}}}]\n");
        let root = Root::new(b"a run secret of the tests", None);
        let ruleset = Ruleset::read(&yaml).unwrap();
        Compiled::new(ruleset, root, Seeds(BTreeMap::new()), hash_values)
    }

    fn mask(masks: &str, data: &Value, by: &Value) -> Result<Value, String> {
        let data = data.as_array().unwrap();
        let by = HashValues::read(Some(by), data.len())?;
        let masked = compiled(masks, by.count()).mask(data, &by, "")?;
        Ok(Value::Array(masked))
    }

    #[test]
    fn data_of_all_shapes() {
        let fixed =
            "[{type: json, transforms: [{path: [a], masks: [{type: from_fixed, value: x}]}]}]";
        let documents = json!([{"a": "1", "b": [2]}, {"a": "3"}]);
        assert_eq!(
            mask(fixed, &documents, &json!(null)),
            Ok(json!([{"a": "x", "b": [2]}, {"a": "x"}]))
        );
        let mixed = json!(["Ann", 17, 2.5, true, null, "Bob"]);
        let masked = mask("[{type: imitate}]", &mixed, &json!(7));
        assert!(masked.unwrap_err().contains("cannot mask"));
        let mixed = json!(["Ann", 17, null, "Bob"]);
        let masked = mask("[{type: imitate}]", &mixed, &json!(7)).unwrap();
        assert_eq!(masked[0].as_str().unwrap().len(), 3);
        assert!(masked[1].is_i64() && masked[2].is_null(), "{masked}");
    }

    #[test]
    fn hash_values_decide() {
        let names = "[{type: from_file, seed_file: DataMasque_lastNames_v2.csv}]";
        let data = json!(["a", "b", "c"]);
        let of = |by: Value| mask(names, &data, &by).unwrap();
        let all = of(json!("one"));
        assert!(all[0] == all[1] && all[1] == all[2]);
        let each = of(json!([1, 2, 1]));
        assert_eq!(each, of(json!(["1", 2.0, [1]])));
        assert_eq!(each[0], each[2]);
        assert_ne!(each, of(json!([[1, 1], [2, 1], [1, 2]])));
        let own = of(json!(null));
        assert!(own[0] != own[1] || own[1] != own[2], "{own}");
        for wrong in [
            json!([1, 2]),
            json!([1, [], 1]),
            json!([1, [1, 2], 1]),
            json!({"a": 1}),
        ] {
            assert!(mask(names, &data, &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn skipped_values_stay() {
        let masked = |rules: &str, data: &Value| {
            let yaml = format!("version: \"1.0\"\nskip_defaults: [null, '']\nrules: [{rules}]\n");
            let root = Root::new(b"a run secret of the tests", None);
            let seeds = Seeds(BTreeMap::new());
            let compiled = Compiled::new(Ruleset::read(&yaml).unwrap(), root, seeds, 0);
            let data = data.as_array().unwrap();
            Value::Array(compiled.mask(data, &HashValues::None, "").unwrap())
        };
        let data = json!(["Ann", "", null, "n/a", "7", 7, 7.0, 8]);
        let fixed = "masks: [{type: from_fixed, value: 0}]";
        assert_eq!(
            masked(&format!("{{{fixed}, skip: [n/a, 7]}}"), &data),
            json!(["0", "0", "0", "n/a", "7", 7, 7.0, 0])
        );
        let texts = json!(["Ann", "", null, "n/a"]);
        assert_eq!(
            masked(&format!("{{{fixed}}}"), &texts),
            json!(["0", "", null, "0"])
        );
        // Each rule looks at what the one before it made.
        let twice = "{masks: [{type: from_fixed, value: a}], skip: [b]}, \
                     {masks: [{type: from_fixed, value: c}], skip: [b]}";
        assert_eq!(masked(twice, &json!(["b", "x"])), json!(["b", "c"]));
    }

    #[test]
    fn problems_tell_no_value() {
        let refused = mask(
            "[{type: generalize_zip}]",
            &json!(["94105", "secret"]),
            &json!(null),
        );
        let refused = refused.unwrap_err();
        assert!(
            refused.contains("row 1") && !refused.contains("secret"),
            "{refused}"
        );
        assert!(mask("[{type: imitate}]", &json!([u64::MAX]), &json!(1)).is_err());
        let none = compiled("[{type: from_file, seed_file: nowhere.csv}]", 0);
        assert!(none.problem().unwrap().contains("nowhere.csv"));
        assert_eq!(compiled("[{type: generalize_zip}]", 0).problem(), None);
    }
}
