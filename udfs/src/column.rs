//! The masks of one column: bound once, applied to batches.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    AnyDictionaryArray, Array, ArrayRef, AsArray, BooleanArray, StringViewArray, UInt32Array,
};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::{concat, interleave, take};
use arrow::datatypes::{DataType, UInt64Type};
use arrow_select::dictionary::garbage_collect_any_dictionary;
use serde_json::Value;

use crate::bind::{Binder, MaskNode, SeedFiles};
use crate::canonical::canonical_text;
use crate::chain::Chain;
use crate::condition::Condition;
use crate::draw::ROWS_AT_ONCE;
use crate::drawn::{Drawn, ordinals};
use crate::error::{BindError, MaskError, PlaceUnit};
use crate::hash_columns::HashColumn;
use crate::key::{MaskKey, Root};
use crate::length::Lengths;
use crate::mask::Mask;
use crate::messages::{Messages, Part};
use crate::nested::{is_one_a_row, leaf_of_structs, leaf_type, map_leaf};
use crate::restore::restore;
use crate::rows::Rows;
use crate::tally::{self, Counts, Met};

/// What decides a row's draw.
#[derive(Debug, Clone, PartialEq)]
pub enum DrawBy {
    /// The unit's path and the record's place in it: every row draws for itself.
    Place,
    /// These values: equal values draw alike everywhere.
    Columns(Vec<HashColumn>),
    /// What tells the row from every other, where it is not told by a place: every row draws for itself.
    Key(Vec<HashColumn>),
}

/// One rule for one column, as a ruleset has it once names are resolved.
#[derive(Debug, Clone)]
pub struct ColumnRule {
    /// The column, or a leaf of a nested one, as a dotted path that begins with the root column.
    pub path: String,
    /// The masks, in order.
    pub masks: Vec<MaskNode>,
    /// What decides the draws.
    pub draw_by: DrawBy,
    /// Which of the leaf's own values are masked; it tests [`ColumnRule::path`] only. In a list each
    /// element counts for itself.
    pub chooses: Option<Condition>,
    /// Whether a boolean argument tells which rows are chosen.
    pub conditional: bool,
    /// What the places of records count, where the records have places. They are needed where a row
    /// draws for itself, and to say which record a mask refused.
    pub places: Option<PlaceUnit>,
    /// Whether the rule is the first of its leaf in the plan: that one counts the values seen.
    pub first: bool,
}

/// An argument of a [`ColumnMask`] besides the column itself, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// The root of the column at this dotted path.
    Column(String),
    /// The unit's path.
    UnitPath,
    /// The record's place in its unit.
    Place,
    /// The record's number among those of all units of its task.
    Number,
    /// The values of the column's root, exchanged between the rows of the unit in the order that
    /// [`ColumnMask::shuffle`] decides.
    Shuffled,
    /// Whether the row is chosen.
    Chosen,
}

/// The masks of one column, ready for batches.
pub struct ColumnMask {
    path: String,
    leaf: DataType,
    chain: Chain,
    hash_columns: Vec<HashColumn>,
    /// Columns that masks asked for themselves.
    inputs: Vec<String>,
    chooses: Option<Condition>,
    places: Option<PlaceUnit>,
    rows_offered: Option<u128>,
    shuffle: Option<Arc<MaskKey>>,
    arguments: Vec<Argument>,
    first: bool,
    label: String,
    identity: String,
}

impl ColumnMask {
    /// Binds `rule` for a root column of type `root_type`.
    ///
    /// # Errors
    /// When a mask does not take the column's type or its arguments are wrong.
    pub fn bind(
        rule: &ColumnRule,
        root_type: &DataType,
        root: &Root,
        seeds: &dyn SeedFiles,
    ) -> Result<Self, BindError> {
        let leaf = leaf_type(root_type, &rule.path).ok_or_else(|| {
            BindError::new("", format!("`{}` is no leaf of the column", rule.path))
        })?;
        // What a dictionary holds is what counts; the dictionary itself comes back at the end.
        let value_type = match &leaf {
            DataType::Dictionary(_, values) => (**values).clone(),
            other => other.clone(),
        };
        let mut inputs = Vec::new();
        let chain = Binder::new(root, seeds, value_type, &mut inputs)
            .with_hash_columns(matches!(rule.draw_by, DrawBy::Columns(_)))
            .chain(&rule.masks)?;
        if let DrawBy::Columns(columns) = &rule.draw_by
            && columns.iter().any(|column| column.column != rule.path)
            && chain.refuses_hash_columns()
            && !chain.draws()
        {
            let message =
                "the mask goes by the value alone: write `hash_columns: []`, or let it draw";
            return Err(BindError::new("", message));
        }
        let mut arguments = Vec::new();
        let mut hash_columns = Vec::new();
        arguments.extend(rule.places.map(|_| Argument::Place));
        let rows_offered = chain.rows_offered();
        if rows_offered.is_some() {
            may_be_numbered(rule, root_type, &chain)?;
            arguments.push(Argument::Number);
        }
        let shuffle = match chain.shuffles() {
            true => Some(Arc::new(shuffle_key(rule, root_type, root)?)),
            false => None,
        };
        arguments.extend(shuffle.iter().map(|_| Argument::Shuffled));
        if chain.draws() {
            match &rule.draw_by {
                DrawBy::Place if rule.places.is_none() => {
                    let message = "rows without a place need `hash_columns` to draw from";
                    return Err(BindError::new("", message));
                }
                DrawBy::Place => arguments.push(Argument::UnitPath),
                DrawBy::Columns(columns) | DrawBy::Key(columns) => {
                    hash_columns.clone_from(columns);
                    arguments.extend(columns.iter().map(|c| Argument::Column(c.column.clone())));
                }
            }
        }
        arguments.extend(inputs.iter().cloned().map(Argument::Column));
        arguments.extend(rule.conditional.then_some(Argument::Chosen));
        let kinds: Vec<&str> = rule.masks.iter().map(|mask| mask.kind.as_str()).collect();
        let identity = format!(
            "{} {} {:?} {:?} {} {leaf} {}",
            rule.path,
            serde_json::to_string(&rule.masks).unwrap_or_default(),
            rule.draw_by,
            rule.chooses,
            rule.conditional,
            root.check_value(),
        );
        Ok(Self {
            path: rule.path.clone(),
            leaf,
            chain,
            hash_columns,
            inputs,
            chooses: rule.chooses.clone(),
            places: rule.places,
            rows_offered,
            shuffle,
            arguments,
            first: rule.first,
            label: kinds.join("→"),
            identity,
        })
    }

    /// What has to be passed after the column itself.
    pub fn arguments(&self) -> &[Argument] {
        &self.arguments
    }

    /// The column, or the leaf of a nested one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names of the masks, for plans: `imitate→take_substring`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Everything that decides the result, the keys by their check value: equal text, equal function.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether distinct values of the column stay distinct, certainly or but for a chance below 2^-40 a
    /// table: of whatever length, or of the lengths that the column's type has.
    pub fn keeps_distinct(&self) -> bool {
        let fit = |most| longest(&self.leaf).is_some_and(|longest| longest <= most);
        self.chain.keeps_distinct() || self.keeps_distinct_up_to().is_some_and(fit)
    }

    /// Values of at most how many characters stay distinct, where not those of any length do.
    pub fn keeps_distinct_up_to(&self) -> Option<usize> {
        self.chain.keeps_distinct_up_to()
    }

    /// Whether the value alone decides, in every column alike: see [`Mask::by_value`].
    pub fn goes_by_value(&self) -> bool {
        self.chain.by_value()
    }

    /// See [`Mask::lengths`].
    pub fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        self.chain.lengths(input)
    }

    /// See [`Mask::may_give_null`].
    pub fn may_give_null(&self) -> bool {
        self.chain.may_give_null()
    }

    /// What the places of records count, where there are any: then they are the first argument.
    #[cfg(feature = "datafusion")]
    pub(crate) fn places(&self) -> Option<PlaceUnit> {
        self.places
    }

    /// Where rows are masked by their number, how many there are results for.
    pub fn rows_offered(&self) -> Option<u128> {
        self.rows_offered
    }

    /// Where values are exchanged between rows before they are masked, what the draws come from that
    /// order them.
    pub fn shuffle(&self) -> Option<&Arc<MaskKey>> {
        self.shuffle.as_ref()
    }

    /// The column masked, in its own type. `arguments` are those of [`ColumnMask::arguments`].
    ///
    /// # Errors
    /// When a mask refuses a chosen value.
    pub fn apply(&self, column: &ArrayRef, arguments: &[ArrayRef]) -> Result<ArrayRef, MaskError> {
        let (chosen, arguments) = match self.arguments.last() {
            Some(Argument::Chosen) => {
                let (chosen, rest) = arguments.split_last().ok_or(MISSING)?;
                (Some(chosen.as_boolean()), rest)
            }
            _ => (None, arguments),
        };
        if !column.data_type().is_nested() && chosen.is_some_and(|c| c.true_count() == 0) {
            self.count(column, 0);
            return Ok(Arc::clone(column));
        }
        let (drawn, inputs) = arguments.split_at(arguments.len() - self.inputs.len());
        let (places, drawn) = drawn.split_at(usize::from(self.places.is_some()));
        let (numbers, drawn) = drawn.split_at(usize::from(self.rows_offered.is_some()));
        let numbers = match numbers.first() {
            None => &[][..],
            Some(numbers) => numbers
                .as_primitive_opt::<UInt64Type>()
                .ok_or(MISSING)?
                .values(),
        };
        let (shuffled, drawn) = drawn.split_at(usize::from(self.shuffle.is_some()));
        let own = column;
        // Not the row's own value from here on.
        let column = shuffled.first().unwrap_or(column);
        let drawn = Drawn::of(&self.hash_columns, &self.path, places, drawn)?;
        let inputs = self
            .inputs
            .iter()
            .zip(inputs)
            .map(|(path, root)| canonical_text(&leaf_of_structs(root, path)?))
            .collect::<Result<Vec<StringViewArray>, _>>()?;
        if !column.data_type().is_nested() {
            let messages = drawn.messages(column, column.len())?;
            let rows = Rows::new(column.len(), &messages, &inputs).numbered(numbers);
            return self.leaves(Arc::clone(column), own, chosen, &rows);
        }
        let none = Messages::default();
        map_leaf(column, &self.path, &mut |leaves, row_of| {
            let chosen = chosen.map(|chosen| {
                row_of
                    .iter()
                    .map(|&row| Some(chosen.value(row as usize)))
                    .collect::<BooleanArray>()
            });
            let ordinals = ordinals(row_of);
            let messages = drawn.select(row_of, &ordinals, &leaves)?;
            let rows = Rows::new(column.len(), &none, &inputs).numbered(numbers);
            let rows = rows.select(row_of, &ordinals, Part::Element)?;
            let rows = rows.with_messages(&messages);
            let own = Arc::clone(&leaves);
            self.leaves(leaves, &own, chosen.as_ref(), &rows)
                .map_err(|error| error.in_rows(row_of))
        })
    }

    /// Masks the leaf values a rule chose and leaves the others as they are. `own` is what the rows
    /// held, where `values` are not their own.
    fn leaves(
        &self,
        values: ArrayRef,
        own: &ArrayRef,
        chosen: Option<&BooleanArray>,
        rows: &Rows<'_>,
    ) -> Result<ArrayRef, MaskError> {
        if chosen.is_none() && self.chooses.is_none() {
            self.count(&values, values.len());
            return self.masked(values, own, rows);
        }
        let tested = match &self.chooses {
            None => None,
            Some(condition) => Some((condition, [(self.path.clone(), canonical_text(&values)?)])),
        };
        let is_chosen = |row: usize| {
            chosen.is_none_or(|chosen| chosen.value(row))
                && tested
                    .as_ref()
                    .is_none_or(|(condition, text)| condition.evaluate(row, text))
        };
        let picked: Vec<u32> = crate::rows::row_numbers(&values)
            .filter(|&row| is_chosen(row as usize))
            .collect();
        self.count(&values, picked.len());
        if picked.len() == values.len() {
            return self.masked(values, own, rows);
        }
        if picked.is_empty() {
            return Ok(values);
        }
        let internal = |_| MaskError::Internal("a row index lies outside the batch");
        let indices = UInt32Array::from(picked.clone());
        let pick = |all: &ArrayRef| take(all, &indices, None).map_err(internal);
        let masked = self
            .masked(
                pick(&values)?,
                &pick(own)?,
                &rows.select(&picked, &vec![0; picked.len()], Part::Element)?,
            )
            .map_err(|error| error.in_rows(&picked))?;
        let mut next = picked.iter().enumerate().peekable();
        let sources: Vec<(usize, usize)> = (0..values.len())
            .map(|row| match next.next_if(|(_, at)| **at as usize == row) {
                Some((index, _)) => (1, index),
                None => (0, row),
            })
            .collect();
        interleave(&[&values, &masked], &sources).map_err(internal)
    }

    fn count(&self, values: &ArrayRef, masked: usize) {
        let mut counts = Counts {
            masked: masked as u64,
            ..Counts::default()
        };
        if self.first {
            counts.values = values.len() as u64;
            counts.nulls = values.logical_null_count() as u64;
        }
        tally::count(&self.path, counts);
    }

    /// The masks over `values`, of rows that held `own`; counts what they did to them.
    fn masked(
        &self,
        values: ArrayRef,
        own: &ArrayRef,
        rows: &Rows<'_>,
    ) -> Result<ArrayRef, MaskError> {
        if !tally::is_counting() {
            return self.masked_uncounted(values, rows);
        }
        // Left behind by values that were refused.
        tally::take_met();
        let masked = self.masked_uncounted(values, rows)?;
        let Met { short, outside } = tally::take_met();
        let same = eq(own, &masked).map_err(|_| MaskError::Type {
            found: own.data_type().clone(),
        })?;
        let counts = Counts {
            unchanged: same.true_count() as u64,
            short,
            outside,
            ..Counts::default()
        };
        tally::count(&self.path, counts);
        Ok(masked)
    }

    fn masked_uncounted(&self, values: ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let count = values.len();
        let masked = match values.as_any_dictionary_opt() {
            // Each value of a dictionary is masked once, used or not; none of these masks fails for
            // a value that no row uses, because unused ones are dropped first.
            Some(dictionary) if self.chain.by_value() => {
                let compact = garbage_collect_any_dictionary(dictionary)
                    .map_err(|_| MaskError::Internal("a dictionary could not be compacted"))?;
                let dictionary = compact.as_any_dictionary();
                let distinct = dictionary.values();
                let none = Messages::default();
                let rows = Rows::new(distinct.len(), &none, &[]).weighing(occurrences(dictionary));
                let masked = self.chain.mask(Arc::clone(distinct), &rows)?;
                dictionary.with_values(restore(masked, distinct.data_type())?)
            }
            Some(dictionary) => {
                let plain = take(dictionary.values(), dictionary.keys(), None)
                    .map_err(|_| MaskError::Internal("a dictionary key lies outside"))?;
                self.chain.mask(plain, rows)?
            }
            None if count > ROWS_AT_ONCE && self.chain.draws() => self.in_pieces(&values, rows)?,
            None => self.chain.mask(values, rows)?,
        };
        if masked.len() != count {
            return Err(MaskError::Internal("a mask changed the number of rows"));
        }
        restore(masked, &self.leaf)
    }

    /// Masks so many rows at once that draws and what is made of them stay close to the processor.
    fn in_pieces(&self, values: &ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let starts = (0..values.len()).step_by(ROWS_AT_ONCE);
        let pieces = starts.map(|start| {
            let length = ROWS_AT_ONCE.min(values.len() - start);
            self.chain
                .mask(values.slice(start, length), &rows.slice(start, length))
                .and_then(|masked| restore(masked, &self.leaf))
                .map_err(|error| error.behind(start))
        });
        let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        concat(&pieces).map_err(|_| MaskError::Internal("the pieces of a column do not fit"))
    }
}

/// How often each value of a dictionary occurs.
fn occurrences(dictionary: &dyn AnyDictionaryArray) -> Vec<u64> {
    let mut occurrences = vec![0; dictionary.values().len()];
    if occurrences.is_empty() {
        return occurrences;
    }
    // A null has the key of any value.
    let keys = dictionary.normalized_keys();
    for (row, key) in keys.into_iter().enumerate() {
        occurrences[key] += u64::from(dictionary.keys().is_valid(row));
    }
    occurrences
}

/// Whether a mask may go by the rows' numbers: a result for each row of a column, and in none of them
/// a value that is there already.
fn may_be_numbered(rule: &ColumnRule, root: &DataType, chain: &Chain) -> Result<(), BindError> {
    let keeps_more_than_blanks = rule.conditional
        || rule
            .chooses
            .as_ref()
            .is_some_and(|chooses| !chooses.leaves_only_blanks());
    let problem = if rule.places.is_none() {
        "the rows are not counted here, so none has a number of its own"
    } else if !is_one_a_row(root, &rule.path) {
        "the column may have several values in a row, and only rows are counted"
    } else if !chain.makes_distinct() {
        "a mask behind the unique one may make two values one"
    } else if keeps_more_than_blanks {
        "a row that keeps its value may hold one that another row is given: the rule has to mask every \
         row, and `skip` may name nothing but null and empty text"
    } else {
        return Ok(());
    };
    Err(BindError::new("", problem))
}

/// How many characters the longest value of a type has, where the type says so.
fn longest(data_type: &DataType) -> Option<usize> {
    use DataType::*;
    Some(match data_type {
        Int8 => "-128".len(),
        Int16 => "-32768".len(),
        Int32 => "-2147483648".len(),
        Int64 => "-9223372036854775808".len(),
        UInt8 => "255".len(),
        UInt16 => "65535".len(),
        UInt32 => "4294967295".len(),
        UInt64 => "18446744073709551615".len(),
        _ => return None,
    })
}

/// What the draws come from that order exchanged values.
///
/// # Errors
/// When they could not all change their rows.
fn shuffle_key(rule: &ColumnRule, root: &DataType, keys: &Root) -> Result<MaskKey, BindError> {
    let problem = if rule.places.is_none() {
        "the rows have no place here by which their values could be exchanged"
    } else if root.is_nested() {
        "`secure_shuffle` exchanges the values of whole columns, and this one is a part of one"
    } else if rule.conditional || rule.chooses.is_some() {
        "`secure_shuffle` exchanges the values of all rows, nulls among them: it takes no `if` and no `skip`"
    } else if !rule.first {
        "another rule masks the column before, and `secure_shuffle` exchanges the values of the file"
    } else {
        let domain = rule.masks.first().and_then(|mask| mask.domain.as_ref());
        let domain = match domain {
            Some(domain) => format!("named:{domain}"),
            None => format!("column:{}", rule.path),
        };
        return Ok(keys.mask_key("secure_shuffle", &domain));
    };
    Err(BindError::new("", problem))
}

pub(crate) const MISSING: MaskError = MaskError::Internal("an argument of a mask is missing");

impl fmt::Debug for ColumnMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ColumnMask({} {})", self.path, self.label)
    }
}

/// The scalar arguments of a ruleset as text, as tests and masks compare it; `None` for null.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
