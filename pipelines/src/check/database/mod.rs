//! Tasks meet the tables of a database: what is masked, in which way, or why it cannot be.
//!
//! | Question | File |
//! |---|---|
//! | where is the database? | `server.rs` |
//! | is the table there, may we, and does the ruleset fit it? | `plan.rs`, `fit.rs` |
//! | updated or rewritten? | `strategy.rs` |
//! | is there room for it? | `room.rs` |
//! | is `where` one condition? | `condition.rs` |
//! | which table, key and rows does a task mean? | `lookup.rs` |
//! | which columns of other tables are read beside a row? | `joins.rs` |
//! | what is built for joins? | `built.rs` |
//! | what follows a masked key? | `cascade.rs`, and what holds values as it does? `alike.rs` |
//! | how are queries asked of it? | `queries.rs` |
//! | how does it get to another place, and files into tables? | `copy.rs`, `load.rs`, into tables that `fill.rs` looks at and `make.rs` makes |

mod alike;
mod built;
mod cascade;
mod condition;
mod copy;
mod fill;
mod fit;
mod joins;
mod load;
mod lookup;
mod make;
mod plan;
mod queries;
mod room;
mod server;
mod strategy;

use std::sync::Arc;

use visard_connectors::store::{OnBegin, Staged, StoreError};
use visard_connectors::{Database, DatabaseError};
use visard_engine::udfs::Root;

pub use copy::{CopyFrom, CopyPlan, CopyTo};
pub(crate) use plan::Planning;
pub use plan::{PlannedTables, Step, TablePlan};
pub use queries::tables_of_database;
pub(crate) use server::connect;
pub use strategy::Way;

use copy::{Elsewhere, open_elsewhere};
use load::plan_loads;
use plan::plan_tables;
use server::open_database_of;

use super::{Loaded, Stores, Target, is_database, open_source};
use crate::language::Diagnostics;

/// The places of a pipeline with tables, opened.
pub(crate) enum Opened {
    /// A database that is masked where it lies.
    InPlace(Arc<dyn Database>),
    /// A database that is copied.
    Copied(Arc<dyn Database>, Elsewhere),
    /// A database that files are loaded into.
    Loaded(Box<Stores>, Arc<dyn Database>),
}

/// Opens both places of a pipeline with tables. Nothing comes back where there are errors.
pub(crate) async fn open_database(
    loaded: &Loaded,
    target: Target,
    diagnostics: &mut Diagnostics,
) -> Option<Opened> {
    let pipeline = &loaded.pipeline;
    if !is_database(loaded, &pipeline.source) {
        let source = open_source(loaded, diagnostics).await;
        let database = open_database_of(loaded, &pipeline.destination, diagnostics).await;
        let (source, database) = (source?, database?);
        let target = source.clone();
        let stores = Box::new(Stores { source, target });
        return Some(Opened::Loaded(stores, database));
    }
    let database = open_database_of(loaded, &pipeline.source, diagnostics).await;
    if pipeline.source.connection.value == pipeline.destination.connection.value {
        return database.map(Opened::InPlace);
    }
    let to = open_elsewhere(loaded, target, diagnostics).await;
    Some(Opened::Copied(database?, to?))
}

impl Opened {
    /// The same, which tells `on_begin` of each file that it begins.
    pub(crate) fn on_begin(self, on_begin: OnBegin) -> Self {
        match self {
            Self::Copied(database, Elsewhere::Files(store)) => {
                Self::Copied(database, Elsewhere::Files(store.on_begin(on_begin)))
            }
            other => other,
        }
    }

    /// Puts back what an earlier attempt took off tables, which made names that begin so, before their catalogue is
    /// looked at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn put_back(
        &self,
        names: impl Iterator<Item = &str>,
    ) -> Result<(), DatabaseError> {
        if let Self::InPlace(database) = self {
            for name in names {
                database.put_back(name).await?;
            }
        }
        Ok(())
    }

    /// Removes files that an earlier attempt began and did not make visible.
    ///
    /// # Errors
    /// What the store runs into.
    pub(crate) async fn abandon(&self, begun: &[Staged]) -> Result<(), StoreError> {
        if let Self::Copied(_, Elsewhere::Files(store)) = self {
            for output in begun {
                store.abandon(output).await?;
            }
        }
        Ok(())
    }

    /// Plans every step, with masks under `root`. Nothing comes back where there are errors.
    pub(crate) async fn plan(
        self,
        loaded: &Loaded,
        root: &Root,
        asked: Planning,
        diagnostics: &mut Diagnostics,
    ) -> Option<PlannedTables> {
        match self {
            Self::InPlace(database) => {
                plan_tables(loaded, (database, None), root, asked, diagnostics).await
            }
            Self::Copied(database, to) => {
                plan_tables(loaded, (database, Some(to)), root, asked, diagnostics).await
            }
            Self::Loaded(stores, database) => {
                plan_loads(loaded, (*stores, database), root, asked, diagnostics).await
            }
        }
    }
}
