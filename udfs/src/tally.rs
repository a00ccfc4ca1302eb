//! Counting what masks did, without a value: how many values a rule saw, chose and left.
//!
//! A plan is shared by many slices, and a function in it does not know which one calls. Whoever runs a
//! slice installs its tally for the thread while it polls that slice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of one column, or leaf of a nested one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values seen: rows, or elements of lists.
    pub values: u64,
    /// Null before masking.
    pub nulls: u64,
    /// Chosen by a rule and masked.
    pub masked: u64,
    /// Of those, no nulls, and the same behind the masks as before them.
    pub unchanged: u64,
    /// Met by `fpe` with too few characters of its alphabet, so that `short` said what became of them.
    pub short: u64,
    /// Met by `fpe` with characters outside its alphabet, so that `outside` said what became of them.
    pub outside: u64,
}

/// What masks met among the values of a column, whose name they do not know.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Met {
    pub(crate) short: u64,
    pub(crate) outside: u64,
}

/// The counts of one slice, by column path.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<String, Counts>>);

impl Tally {
    /// The counts so far.
    pub fn counts(&self) -> BTreeMap<String, Counts> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes this the tally of the current thread until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> Entered {
        Entered {
            before: CURRENT.replace(Some(Arc::clone(self))),
        }
    }
}

/// While this lives, the thread counts into a tally.
#[derive(Debug)]
pub struct Entered {
    before: Option<Arc<Tally>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Tally>>> = const { RefCell::new(None) };
    static MET: Cell<Met> = const { Cell::new(Met { short: 0, outside: 0 }) };
}

/// Whether a tally is installed.
pub(crate) fn is_counting() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Adds to what is met, until somebody takes it.
pub(crate) fn meet(met: Met) {
    let before = MET.get();
    MET.set(Met {
        short: before.short + met.short,
        outside: before.outside + met.outside,
    });
}

/// What was met since it was taken last.
pub(crate) fn take_met() -> Met {
    MET.take()
}

/// Adds to the counts of `path`, where a tally is installed.
pub(crate) fn count(path: &str, seen: Counts) {
    CURRENT.with_borrow(|tally| {
        let Some(tally) = tally else { return };
        let mut counts = tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total = match counts.get_mut(path) {
            Some(total) => total,
            None => counts.entry(path.to_owned()).or_default(),
        };
        total.values += seen.values;
        total.nulls += seen.nulls;
        total.masked += seen.masked;
        total.unchanged += seen.unchanged;
        total.short += seen.short;
        total.outside += seen.outside;
    });
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, DictionaryArray, Int64Array, StringArray};
    use arrow::datatypes::Int32Type;
    use serde_json::json;

    use super::*;
    use crate::{Masker, Root};

    /// What `mask` counts over `values`.
    fn counted(mask: serde_json::Value, values: ArrayRef) -> Counts {
        let root = Root::new(b"golden run secret 0123456789", None);
        let masker = Masker::new(&root, "c", values.data_type(), &mask, &["c".into()]).unwrap();
        let tally = Arc::new(Tally::default());
        {
            let _entered = tally.enter();
            masker.mask(&values, &[]).unwrap();
        }
        tally.counts()["c"]
    }

    const TEXTS: [Option<&str>; 7] = [
        Some("4111111111111111"),
        Some("12-3"),
        Some(""),
        None,
        Some("17"),
        Some("17"),
        Some("411-1111"),
    ];

    /// Values that stay in clear are told of, and those that `fpe` could not take as they were; a
    /// dictionary counts as often as its values occur.
    #[test]
    fn what_stays_in_clear() {
        let plain: ArrayRef = Arc::new(StringArray::from(TEXTS.to_vec()));
        let dictionary: DictionaryArray<Int32Type> = TEXTS.into_iter().collect();
        let dictionary: ArrayRef = Arc::new(dictionary);
        for values in [plain, dictionary] {
            let fpe = |short| json!({"type": "fpe", "short": short});
            let seen = Counts {
                values: 7,
                nulls: 1,
                masked: 7,
                short: 3,
                outside: 2,
                ..Counts::default()
            };
            let kept = Counts {
                unchanged: 4,
                ..seen
            };
            assert_eq!(counted(fpe("keep"), Arc::clone(&values)), kept);
            let only_the_empty_one = Counts {
                unchanged: 1,
                ..seen
            };
            assert_eq!(
                counted(fpe("table"), Arc::clone(&values)),
                only_the_empty_one
            );
            assert_eq!(
                counted(fpe("null"), Arc::clone(&values)),
                only_the_empty_one
            );
            let all = counted(json!({"type": "do_nothing"}), Arc::clone(&values));
            assert_eq!((all.unchanged, all.short), (6, 0));
            let none = counted(json!({"type": "hash"}), values);
            assert_eq!((none.masked, none.unchanged), (7, 0));
        }
    }

    /// A number that is encrypted again and again is one short number.
    #[test]
    fn numbers_that_walk_count_once() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let counts = counted(json!({"type": "fpe", "short": "table"}), numbers);
        assert_eq!((counts.short, counts.masked), (1000, 1000));
    }
}
