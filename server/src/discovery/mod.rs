//! Discovery: which columns of a connection may hold personal data, and rulesets for them.
//!
//! | Question | File |
//! |---|---|
//! | is a configuration sound, and what does it say? | `configs.rs` |

pub(crate) mod configs;
