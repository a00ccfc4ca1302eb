//! Rows of a table at work: masked where they lie, or on their way elsewhere.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::Result;
use futures::future::BoxFuture;

use super::Counted;
use crate::unit::{Sink, Source};

/// Notes what a commit will be known by, before it is made: a killed run asks for it later.
pub type Announce = Box<dyn FnOnce(&str) -> std::io::Result<()> + Send>;

/// A table that is masked where it lies, or copied elsewhere, under one plan.
pub trait TableWork: Source {
    /// Number of units.
    fn units(&self) -> usize;
    /// The slices of a unit, where a unit is not one slice; units come one after the other.
    fn slices_of(&self, unit: usize) -> Range<usize> {
        unit..unit + 1
    }
    /// How many rows a slice has, counted by the database.
    ///
    /// # Errors
    /// When the database refuses.
    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>>;
    /// The numbers of its rows, where an earlier attempt may have masked some of them: they were counted before the
    /// first was. Nothing where slices are counted now.
    fn counted_before(&self) -> Option<Counted> {
        None
    }
    /// What takes the masked rows.
    fn sink(self: Arc<Self>) -> Arc<dyn Sink>;
    /// Bytes the slice holds at most while it is worked on.
    fn memory_of(&self, slice: usize) -> u64;
    /// Makes the masked rows of a unit, whose slices are all written, take the place of the old ones,
    /// in one transaction; how many rows there are.
    ///
    /// # Errors
    /// When the database refuses: then nothing of the unit is changed.
    fn commit(&self, unit: usize, announce: Announce) -> BoxFuture<'static, Result<u64>>;
    /// Gives a unit up: nothing of it is changed.
    fn abort(&self, unit: usize) -> BoxFuture<'static, ()>;
    /// Units that an earlier attempt did, and that are none of these.
    fn units_before(&self) -> usize {
        0
    }
    /// Whether a unit that was given up can be tried again.
    fn is_repeatable(&self) -> bool {
        false
    }
    /// Rows that stay as they are once all units are done, because no more were asked for.
    fn clear_rows(&self) -> u64 {
        0
    }
    /// Removes what the work needed besides and, where `all` units are done, what still holds old
    /// values; what it cannot remove, in words.
    ///
    /// # Errors
    /// When the connection fails.
    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>>;
}
