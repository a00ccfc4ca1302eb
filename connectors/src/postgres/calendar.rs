//! Dates and times on the wire count from 2000, Arrow's from 1970.

use super::copy_error::ValueProblem;
use super::types::Special;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_US: i64 = EPOCH_DAYS as i64 * DAY_US;
const DAY_US: i64 = 86_400_000_000;
/// The first date and timestamp, 4714-11-24 BC, in days from 2000-01-01.
const FIRST_DAY: i32 = -2_451_545;
/// The day behind the last date, 5874898-06-04.
const END_DAY: i32 = 2_147_483_494 - 2_451_545;
/// The instant behind the last timestamp, 294277-01-01.
const END_US: i64 = 9_223_371_331_200_000_000;

/// A field of a type with special values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading<T> {
    /// An ordinary value.
    Value(T),
    /// One that Arrow does not have.
    Special(Special),
}

/// Days from 1970 of a date on the wire.
pub(super) fn date_of_wire(days: i32) -> Result<Reading<i32>, ValueProblem> {
    Ok(match days {
        i32::MIN => Reading::Special(Special::NegativeInfinity),
        i32::MAX => Reading::Special(Special::Infinity),
        FIRST_DAY..END_DAY => Reading::Value(days + EPOCH_DAYS),
        _ => return Err(ValueProblem::Range("date")),
    })
}

/// Microseconds from 1970 of a timestamp on the wire. Arrow's end some 30 years earlier, in 294247.
pub(super) fn timestamp_of_wire(us: i64) -> Result<Reading<i64>, ValueProblem> {
    Ok(match us {
        i64::MIN => Reading::Special(Special::NegativeInfinity),
        i64::MAX => Reading::Special(Special::Infinity),
        FIRST_US..END_US => match us.checked_add(EPOCH_US) {
            Some(us) => Reading::Value(us),
            None => return Err(ValueProblem::Range("timestamp")),
        },
        _ => return Err(ValueProblem::Range("timestamp")),
    })
}

const FIRST_US: i64 = FIRST_DAY as i64 * DAY_US;

/// A time, which is microseconds from midnight to midnight on both sides.
pub(super) fn time(us: i64) -> Result<i64, ValueProblem> {
    match us {
        0..=DAY_US => Ok(us),
        _ => Err(ValueProblem::Range("time")),
    }
}

/// The date on the wire of days from 1970.
pub(super) fn wire_of_date(days: i32) -> Result<i32, ValueProblem> {
    days.checked_sub(EPOCH_DAYS)
        .filter(|days| (FIRST_DAY..END_DAY).contains(days))
        .ok_or(ValueProblem::Range("date"))
}

/// The timestamp on the wire of microseconds from 1970.
pub(super) fn wire_of_timestamp(us: i64) -> Result<i64, ValueProblem> {
    us.checked_sub(EPOCH_US)
        .filter(|us| (FIRST_US..END_US).contains(us))
        .ok_or(ValueProblem::Range("timestamp"))
}

/// The date on the wire of a special value, if dates have it.
pub(super) fn special_date(special: Special) -> Option<i32> {
    match special {
        Special::NegativeInfinity => Some(i32::MIN),
        Special::Infinity => Some(i32::MAX),
        Special::NotANumber => None,
    }
}

/// The timestamp on the wire of a special value, if timestamps have it.
pub(super) fn special_timestamp(special: Special) -> Option<i64> {
    match special {
        Special::NegativeInfinity => Some(i64::MIN),
        Special::Infinity => Some(i64::MAX),
        Special::NotANumber => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (wire, reading) in [
            (0, Reading::Value(EPOCH_DAYS)),
            (-EPOCH_DAYS, Reading::Value(0)),
            (FIRST_DAY, Reading::Value(FIRST_DAY + EPOCH_DAYS)),
            (END_DAY - 1, Reading::Value(END_DAY - 1 + EPOCH_DAYS)),
            (i32::MIN, Reading::Special(Special::NegativeInfinity)),
            (i32::MAX, Reading::Special(Special::Infinity)),
        ] {
            assert_eq!(date_of_wire(wire), Ok(reading));
            match reading {
                Reading::Value(days) => assert_eq!(wire_of_date(days), Ok(wire)),
                Reading::Special(special) => assert_eq!(special_date(special), Some(wire)),
            }
        }
        for wire in [FIRST_DAY - 1, END_DAY, i32::MIN + 1, i32::MAX - 1] {
            assert_eq!(date_of_wire(wire), Err(ValueProblem::Range("date")));
        }
        for days in [i32::MIN, i32::MAX, END_DAY + EPOCH_DAYS] {
            assert_eq!(wire_of_date(days), Err(ValueProblem::Range("date")));
        }
    }

    #[test]
    fn timestamps() {
        let last = i64::MAX - EPOCH_US;
        for (wire, reading) in [
            (0, Reading::Value(EPOCH_US)),
            (-EPOCH_US - 1, Reading::Value(-1)),
            (FIRST_US, Reading::Value(FIRST_US + EPOCH_US)),
            (last, Reading::Value(i64::MAX)),
            (i64::MIN, Reading::Special(Special::NegativeInfinity)),
            (i64::MAX, Reading::Special(Special::Infinity)),
        ] {
            assert_eq!(timestamp_of_wire(wire), Ok(reading));
            match reading {
                Reading::Value(us) => assert_eq!(wire_of_timestamp(us), Ok(wire)),
                Reading::Special(special) => assert_eq!(special_timestamp(special), Some(wire)),
            }
        }
        for wire in [FIRST_US - 1, last + 1, END_US, i64::MIN + 1, i64::MAX - 1] {
            assert_eq!(
                timestamp_of_wire(wire),
                Err(ValueProblem::Range("timestamp"))
            );
        }
        for us in [i64::MIN, FIRST_US + EPOCH_US - 1] {
            assert_eq!(wire_of_timestamp(us), Err(ValueProblem::Range("timestamp")));
        }
    }

    #[test]
    fn times() {
        assert_eq!(time(DAY_US), Ok(DAY_US), "24:00:00 is a time");
        for us in [-1, DAY_US + 1] {
            assert_eq!(time(us), Err(ValueProblem::Range("time")));
        }
    }
}
