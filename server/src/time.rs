//! Points in time, as the store and the API write them.

use chrono::{DateTime, SecondsFormat, Utc};

/// Now.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// RFC 3339 in UTC with microseconds: texts in the order of time.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
