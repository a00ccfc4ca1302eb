//! What holds for tables of every database: behaviours written once, run on each.
//!
//! | Question | File |
//! |---|---|
//! | what does a test need of a database? | `kind.rs` |
//! | what is masked, and does all else stay? | `behaviour.rs` |
//! | some rows, some tasks, or none? | `limits.rs` |
//! | which values are no other row's? | `unique.rs` |
//! | what do rules read of other tables? | `joins.rs` |
//! | what do queries see? | `queries.rs` |
//! | how do rows get to other databases and files, and back? | `copies.rs`, between unlike ones `between.rs`, into tables that are not there `creation.rs` |
//! | what becomes of a run that is killed? | `kills.rs` |
//! | what follows a masked key? | `cascades.rs` |
//! | which ruleset is written for what is found? | `discovery.rs` |
//! | do tables come out as files of the same rows do? | `differential.rs` |

mod behaviour;
mod between;
mod cascades;
pub mod copies;
mod creation;
pub mod differential;
mod discovery;
mod joins;
mod kills;
mod kind;
mod limits;
mod queries;
mod unique;

pub use kills::Kills;
pub use kind::{Kind, Random, STRATEGIES, pipeline, pipeline_between, task};

/// Each behaviour as a test of each database.
macro_rules! on_each {
    ($($behaviour:ident)*) => {
        on_each_own! { $($behaviour)* }

        mod odbc_postgres {
            $(#[test]
            fn $behaviour() {
                super::$behaviour::<crate::odbc::Over<crate::postgres::Trial>>();
            })*
        }

        mod odbc_mariadb {
            $(#[test]
            fn $behaviour() {
                super::$behaviour::<crate::odbc::Over<crate::mariadb::Trial>>();
            })*
        }

        mod odbc_sqlite {
            $(#[test]
            fn $behaviour() {
                super::$behaviour::<crate::odbc::Over<crate::sqlite::Trial>>();
            })*
        }
    };
}

/// The same of those that have a connector of their own.
macro_rules! on_each_own {
    ($($behaviour:ident)*) => {
        mod postgres {
            $(#[test]
            fn $behaviour() {
                super::$behaviour::<crate::postgres::Trial>();
            })*
        }

        mod mariadb {
            $(#[test]
            fn $behaviour() {
                super::$behaviour::<crate::mariadb::Trial>();
            })*
        }

        mod sqlite {
            $(#[test]
            fn $behaviour() {
                super::$behaviour::<crate::sqlite::Trial>();
            })*
        }
    };
}

use {on_each, on_each_own};
