//! What several tests share.

pub mod proxy;
pub mod store_suite;
