//! Buckets of numbers: which one a number lies in.

use crate::mask::{BindError, Binder};
use crate::number::{Amount, Number, modulo};
use crate::numbers::Grid;

/// Buckets that begin and end at numbers of `scale` decimals. A bucket holds its lower bound and not
/// its upper one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Buckets {
    pub(super) scale: i32,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// All of one size, one of them beginning at `offset`.
    Sized { size: i128, offset: i128 },
    /// Between neighbours, and behind the last one.
    Bounded(Vec<i128>),
}

impl Buckets {
    /// The buckets of the arguments `buckets`, or `size` and `offset`.
    ///
    /// # Errors
    /// When both or none are given, the bounds do not ascend, or the column cannot hold them.
    pub(super) fn bind(
        bounds: &[Amount],
        size: Option<Amount>,
        offset: Amount,
        binder: &Binder<'_>,
    ) -> Result<Self, BindError> {
        let scale = |amount: &Amount| amount.0.scale;
        let (at, kind, scale) = match (bounds, size) {
            ([], None) => {
                return Err(BindError::new(
                    "",
                    "write `size`, or the bounds as `buckets: [0, 18, 65]`",
                ));
            }
            ([], Some(size)) => {
                let scale = scale(&size).max(scale(&offset));
                let [width, offset] = [size, offset].map(|amount| amount.0.floor(scale));
                let (Some(width), Some(offset)) = (width, offset) else {
                    return Err(too_great("size"));
                };
                if width <= 0 {
                    return Err(BindError::new("size", "`size` has to be above 0"));
                }
                let kind = Kind::Sized {
                    size: width,
                    offset,
                };
                ("size", kind, scale)
            }
            (bounds, None) => {
                if offset != Amount::default() {
                    return Err(BindError::new("offset", "`offset` goes with `size` only"));
                }
                let scale = bounds.iter().map(scale).max().unwrap_or(0);
                let bounds: Option<Vec<i128>> =
                    bounds.iter().map(|bound| bound.0.floor(scale)).collect();
                let bounds = bounds.ok_or_else(|| too_great("buckets"))?;
                if let Some(index) = bounds.windows(2).position(|pair| pair[0] >= pair[1]) {
                    return Err(BindError::new(
                        format!("buckets[{}]", index + 1),
                        "a bound has to be above the one before it",
                    ));
                }
                ("buckets", Kind::Bounded(bounds), scale)
            }
            _ => {
                return Err(BindError::new(
                    "",
                    "`size` and `buckets` contradict each other: keep one of them",
                ));
            }
        };
        if !Grid::of(binder.column()).has_decimals(scale) {
            let column = binder.column();
            let message = format!("a column of type {column} cannot hold so many decimals");
            return Err(BindError::new(at, message));
        }
        Ok(Self { scale, kind })
    }

    /// Lower and upper bound of the bucket around `number`, in units of `scale`; no upper one behind
    /// the last bound, nothing before the first.
    pub(super) fn around(&self, number: Number) -> Option<(i128, Option<i128>)> {
        // Bounds lie on the grid of `scale`, so rounding down crosses none.
        let units = number.floor(self.scale)?;
        match &self.kind {
            Kind::Sized { size, offset } => {
                let above = modulo(units.checked_sub(*offset)?, *size);
                let lower = units.checked_sub(above)?;
                Some((lower, Some(lower.checked_add(*size)?)))
            }
            Kind::Bounded(bounds) => {
                let next = bounds.partition_point(|bound| *bound <= units);
                let lower = *bounds.get(next.checked_sub(1)?)?;
                Some((lower, bounds.get(next).copied()))
            }
        }
    }
}

fn too_great(argument: &str) -> BindError {
    BindError::new(argument, "a number has more than 38 digits")
}
