//! Counting what masks did, without a value: how many values a rule saw, chose and left.
//!
//! A plan is shared by many slices, and a function in it does not know which one calls. Whoever runs a
//! slice installs its tally for the thread while it polls that slice.

use std::cell::RefCell;
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
    });
}
