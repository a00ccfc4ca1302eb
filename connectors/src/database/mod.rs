//! What databases have in common: what is asked of one, whichever it is.
//!
//! | Question | File |
//! |---|---|
//! | what does the catalogue say of a table? | `table.rs` |
//! | what is asked of a table? | `job.rs` |
//! | what is built for a run only? | `built.rs` |
//! | what does a copy make that is not there? | `new_table.rs` |
//! | how is it masked where it lies, or copied elsewhere? | `table_work.rs` |
//! | which numbers have its rows, where a mask goes by them? | `numbered.rs` |
//! | what of its values has Arrow not? | [`special`] |
//! | what do rows have in common on their way? | `rows.rs` |
//! | what does a database answer when it refuses? | `error.rs` |
//! | what do servers have in common? | `pool.rs`, `ssl_mode.rs` |
//!
//! Each database has a folder beside this one that implements [`Database`] and [`DatabaseTable`].

mod built;
mod error;
mod job;
mod new_table;
mod numbered;
mod pool;
mod rows;
pub mod special;
mod ssl_mode;
mod table;
mod table_work;

use std::fmt::Debug;
use std::sync::Arc;

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::sql::sqlparser::dialect::Dialect;

use crate::copy::convert::{converts, loses};
use crate::copy::{Destination, Mode, Origin};

pub use built::BuiltTable;
pub use error::DatabaseError;
pub use job::{Arriving, CopiedColumn, Job, Join, JoinedColumn};
pub use new_table::{NewColumn, NewTable};
pub use numbered::{Counted, NumberedTable};
pub(crate) use pool::{Pool, Pooled, Server};
pub(crate) use rows::{counted, repeated, with_places};
pub use ssl_mode::SslMode;
pub use table::{Check, Column, ForeignKey, Listed, Room, RowPlace, Table, Trigger, Unique};
pub use table_work::{Announce, TableWork};

/// A database that can be asked.
#[async_trait]
pub trait Database: Debug + Send + Sync {
    /// Where it is, for messages: `host:port/database`, a file's path.
    fn shown(&self) -> String;

    /// How its SQL is written.
    fn dialect(&self) -> Box<dyn Dialect>;

    /// How it understands a name that is not in quotes.
    fn folded(&self, name: &str) -> String;

    /// What tells it from every other database, whichever way we got to it; `None` where it does not say.
    ///
    /// # Errors
    /// When it does not answer.
    async fn identity(&self) -> Result<Option<String>, DatabaseError> {
        Ok(None)
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    async fn facts(&self) -> Result<Facts, DatabaseError>;

    /// Looks a table up, in `schema` or where names without one are looked for; `None` where there is
    /// none we can see. Names are taken as they are.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    async fn table(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<dyn DatabaseTable>>, DatabaseError>;

    /// Names of tables, as [`Table::shown`] writes them, for a message about one that is not there.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    async fn table_names(&self) -> Result<Vec<String>, DatabaseError>;

    /// The tables in `schema`, or where names without one are looked for, that can hold rows of their own: no
    /// views, and no parts of another table.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    async fn tables(&self, schema: Option<&str>) -> Result<Vec<Listed>, DatabaseError>;

    /// Keeps `tables` from being altered, emptied or dropped while they are copied, and lets all of them be read
    /// as of one moment: [`DatabaseTable::read_out`].
    ///
    /// # Errors
    /// When the database refuses.
    async fn hold(&self, _tables: &[&Table]) -> Result<(), DatabaseError> {
        Ok(())
    }

    /// Makes tables ready to be rewritten in one transaction: they change with the commit of the last of
    /// them, and those before only say that they are ready.
    ///
    /// # Errors
    /// When the database refuses, or cannot do so.
    async fn open_together(
        &self,
        tables: Vec<(Arc<dyn DatabaseTable>, Job)>,
    ) -> Result<Vec<Arc<dyn TableWork>>, DatabaseError>;

    /// Why `tables` cannot be rewritten in one transaction, besides what keeps each from being rewritten.
    fn obstacles_together(&self, _tables: &[&Table]) -> Vec<String> {
        Vec::new()
    }

    /// Runs statements in a transaction of their own.
    ///
    /// # Errors
    /// When the database refuses one: then none has an effect.
    async fn run_in_transaction(
        &self,
        statements: &str,
        announce: Announce,
    ) -> Result<(), DatabaseError>;

    /// The product, where its tables can be copied elsewhere and filled from elsewhere. Bytes that carry a
    /// value between two databases of a product mean the same in both.
    fn copies(&self) -> Option<&'static str> {
        None
    }

    /// Whether a column's type says which values are in it.
    fn is_typed(&self) -> bool {
        true
    }

    /// Whether columns of other tables can be read beside the rows of one.
    fn joins(&self) -> bool {
        false
    }

    /// What the catalogue would say of a table that is not built yet; in the database's words, why it cannot
    /// be.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn described(&self, _built: &BuiltTable) -> Result<Result<Table, String>, DatabaseError> {
        Ok(Err("databases of this kind build none yet".to_owned()))
    }

    /// The statements that build a table; none where [`Self::described`] knows no table.
    fn made(&self, _built: &BuiltTable) -> String {
        String::new()
    }

    /// The statement that drops a table that was built, where it is there.
    fn dropped(&self, _built: &BuiltTable) -> String {
        String::new()
    }

    /// What a new table is called whose name is not in quotes.
    fn made_name(&self, name: &str) -> String {
        name.to_owned()
    }

    /// A table that is made by the copy that fills it, in the same transaction; in the database's words, why it
    /// cannot be.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn new_table(
        &self,
        _new: &NewTable,
    ) -> Result<Result<Arc<dyn DatabaseTable>, String>, DatabaseError> {
        Ok(Err("databases of this kind make none yet".to_owned()))
    }

    /// Whether what was announced as `known_by` was committed; `None` where the database no longer knows.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, DatabaseError>;

    /// Puts back what was taken off tables that were masked under `name` when a run was killed, so that the
    /// catalogue says of them what it said before.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn put_back(&self, _name: &str) -> Result<(), DatabaseError> {
        Ok(())
    }

    /// Nobody will ask again what was announced as `known_by` by statements of a ruleset.
    ///
    /// # Errors
    /// When what is kept for the answer cannot be removed.
    async fn forget(&self, known_by: &str) -> Result<(), DatabaseError> {
        let _ = known_by;
        Ok(())
    }

    /// Bytes that it may still write; `None` where nobody can tell us.
    ///
    /// # Errors
    /// When its file system cannot be asked.
    async fn free_room(&self) -> Result<Option<u64>, DatabaseError> {
        Ok(None)
    }

    /// Whether what still holds old values is removed for all tables at once, and so at the end of a run.
    fn cleans_up_together(&self) -> bool {
        false
    }
}

/// A table of a database, with what the catalogue says of it.
#[async_trait]
pub trait DatabaseTable: Debug + Send + Sync {
    /// What the catalogue says.
    fn facts(&self) -> &Table;

    /// Why `condition` cannot choose rows of the table, in the database's words; nothing where it can.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn refusal_of(&self, condition: &str) -> Result<Option<String>, DatabaseError>;

    /// Why we may not keep triggers of the table from firing while it is updated; nothing where we may.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn refusal_to_silence_triggers(&self) -> Result<Option<String>, DatabaseError>;

    /// The statement that empties the table.
    fn emptied(&self) -> String;

    /// The room that masking it takes beside it: by a rewrite its rows once more staged and once more in their place,
    /// by updates the rows that take the place of others.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn room(&self, rewrite: bool) -> Result<Room, DatabaseError> {
        let times = if rewrite { 2 } else { 1 };
        Ok(Room {
            needed: self.facts().bytes.saturating_mul(times),
            least: 0,
            free: None,
        })
    }

    /// Makes the table ready to be masked: by a rewrite, or by updates.
    ///
    /// # Errors
    /// When the database refuses.
    async fn open(
        self: Arc<Self>,
        job: Job,
        rewrite: bool,
    ) -> Result<Arc<dyn TableWork>, DatabaseError>;

    /// Whether it has no rows.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn is_empty(&self) -> Result<bool, DatabaseError>;

    /// Opens the table to be copied elsewhere: `columns` of its rows, all of one moment, and what rules read
    /// besides.
    ///
    /// # Errors
    /// When the database refuses, or its tables are not copied.
    async fn read_out(
        self: Arc<Self>,
        _job: Job,
        _columns: &[CopiedColumn],
    ) -> Result<Arc<dyn Origin>, DatabaseError> {
        Err(DatabaseError::new("its tables are not copied yet"))
    }

    /// Whether the column takes what arrives as it is. What its range or its length alone keeps out fails the copy.
    fn takes(&self, column: &Column, arriving: &Arriving) -> bool {
        match arriving.is_loose {
            true => converts(&arriving.data_type, &column.data_type),
            false => !loses(&arriving.data_type, &column.data_type),
        }
    }

    /// Why we may not fill `columns` of it as `mode` says, beside what keeps us from filling it at all
    /// ([`Table::fill_obstacles`]).
    ///
    /// # Errors
    /// When the database does not answer.
    async fn refusals_to_fill(
        &self,
        _mode: Mode,
        _columns: &[&str],
    ) -> Result<Vec<String>, DatabaseError> {
        Ok(Vec::new())
    }

    /// Makes the table ready to take `columns` of rows of the schema `rows`.
    ///
    /// # Errors
    /// When the database refuses, or its tables are not filled.
    async fn take_in(
        self: Arc<Self>,
        _job: Job,
        _mode: Mode,
        _columns: &[CopiedColumn],
        _rows: &Schema,
    ) -> Result<Arc<dyn Destination>, DatabaseError> {
        Err(DatabaseError::new("its tables are not filled yet"))
    }

    /// Removes what the masking of the table left: what it needed besides, and what still holds old
    /// values; what cannot be removed, in words. For a run whose earlier attempt did not come to it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    async fn clean_up(&self, job: &Job, rewrite: bool) -> Result<Vec<String>, DatabaseError>;
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The product: `PostgreSQL`.
    pub product: &'static str,
    /// Its version, as it writes it: `15.18`.
    pub version: String,
    /// What else matters for a run, in the order it is to be shown.
    pub more: Vec<Fact>,
}

/// One thing a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, in at most ten letters: `encoding`.
    pub about: &'static str,
    /// In words.
    pub text: String,
    /// For programs, by names.
    pub values: Vec<(&'static str, serde_json::Value)>,
}
