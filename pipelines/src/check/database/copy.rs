//! Tables that are copied to another place, planned.

use std::sync::Arc;

use arrow::datatypes::Schema;
use visard_connectors::copy::{
    Copy, Destination, ListedFiles, Mode, Origin, PartFiles, PartFormat,
};
use visard_connectors::database::{Arriving, CopiedColumn, Job, NewColumn, Room, Table};
use visard_connectors::store::Store;
use visard_connectors::{Database, DatabaseError, DatabaseTable, FileUnit, GroupRef, TableWork};
use visard_engine::MaskedColumn;

use super::fill::Filled;
use super::make::{Model, Target};
use super::plan::{Answered, Asked, Planner, labels, read_besides, shuffled};
use super::server::open_database_of;
use crate::check::Loaded;
use crate::check::columns::FileColumns;
use crate::check::group::masked_columns;
use crate::check::rules::Resolved;
use crate::check::stores::open_store;
use crate::language::{
    ConnectionKind, CopyFormat, CopyMode, Diagnostic, Diagnostics, Span, Task, codes, quoted_list,
};

/// Where a copy goes that goes to another place.
pub(crate) enum Elsewhere {
    /// To tables of another database.
    Tables(Arc<dyn Database>),
    /// To files.
    Files(Store),
    /// To whoever asks, in queries.
    Queries,
}

/// What is copied.
pub enum CopyFrom {
    /// A table.
    Table(Arc<dyn DatabaseTable>),
    /// Files of one schema.
    Files {
        /// Reads them, with all their columns.
        group: GroupRef,
        /// The files.
        files: Vec<FileUnit>,
    },
}

/// Where it is copied to.
pub enum CopyTo {
    /// A table of a database.
    Table(Arc<dyn Database>, Arc<dyn DatabaseTable>),
    /// Files of a format in a folder.
    Files(Store, String, PartFormat),
    /// Whoever asks.
    Queries,
}

/// Rows that are copied to another place, masked.
pub struct CopyPlan {
    /// The task's name, or its place in the ruleset.
    pub task: String,
    /// What is copied.
    pub from: CopyFrom,
    /// Where to.
    pub to: CopyTo,
    /// Whether the copy makes the table it fills.
    pub makes: bool,
    /// The room that it takes.
    pub room: Room,
    /// What becomes of what is there.
    pub mode: Mode,
    /// What is asked of the tables.
    pub job: Job,
    /// The columns that are copied.
    pub copied: Vec<CopiedColumn>,
    /// The masks, by column.
    pub columns: Vec<MaskedColumn>,
    /// Masked columns, each with the names of its masks.
    pub masked: Vec<(String, String)>,
    /// Columns no rule masks.
    pub unmasked: Vec<String>,
    /// How many rows there are unique values for, where a mask makes some.
    pub offered: Option<u128>,
}

impl CopyPlan {
    /// What is copied, for people.
    pub fn shown(&self) -> String {
        match (&self.from, &self.to) {
            (CopyFrom::Table(table), _) => table.facts().shown(),
            (CopyFrom::Files { .. }, CopyTo::Table(_, table)) => table.facts().shown(),
            (CopyFrom::Files { files, .. }, CopyTo::Files(..) | CopyTo::Queries) => {
                format!("{} files", files.len())
            }
        }
    }

    /// Whether a rule masks the column.
    fn masks(&self, column: &str) -> bool {
        self.masked.iter().any(|(masked, _)| masked == column)
    }

    /// From where to where, for people.
    pub fn way(&self) -> String {
        let from = match &self.from {
            CopyFrom::Table(_) => String::new(),
            CopyFrom::Files { files, .. } => match &files[..] {
                [file] => format!("from `{}` ", file.object.path),
                files => format!("from {} files ", files.len()),
            },
        };
        let to = match &self.to {
            CopyTo::Table(database, table) => {
                format!("to {} of {}", table.facts().shown(), database.shown())
            }
            CopyTo::Files(store, folder, format) => {
                format!("to {}/{folder}/*.{}", store.describe(), format.extension())
            }
            CopyTo::Queries => "to queries".to_owned(),
        };
        let mode = match self.mode {
            _ if self.makes => ", which it makes",
            Mode::Error => "",
            Mode::Append => ", added to what is there",
            Mode::Overwrite => ", in place of what is there",
        };
        format!("{from}{to}{mode}")
    }

    /// Bytes that are read, about.
    pub fn bytes(&self) -> u64 {
        match &self.from {
            CopyFrom::Table(table) => table.facts().bytes,
            CopyFrom::Files { files, .. } => files.iter().map(|file| file.object.size).sum(),
        }
    }

    /// Makes both sides ready.
    ///
    /// # Errors
    /// When a database or a store refuses.
    pub async fn open(&self, job: Job) -> Result<Arc<dyn TableWork>, DatabaseError> {
        let dry_run = job.dry_run;
        let origin = self.origin(job.clone()).await?;
        let rows = origin.schema();
        let destination = self.destination(job, &rows).await?;
        Ok(Arc::new(Copy::new(origin, destination, dry_run)))
    }

    /// Makes what is copied ready to be read.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn origin(&self, job: Job) -> Result<Arc<dyn Origin>, DatabaseError> {
        Ok(match &self.from {
            CopyFrom::Table(table) => Arc::clone(table).read_out(job, &self.copied).await?,
            CopyFrom::Files { group, files } => Arc::new(ListedFiles::new(group, files.clone())),
        })
    }

    async fn destination(
        &self,
        job: Job,
        rows: &Schema,
    ) -> Result<Arc<dyn Destination>, DatabaseError> {
        match &self.to {
            CopyTo::Table(_, table) => {
                // Joined tables are beside the table that is read.
                let job = Job {
                    joined: Vec::new(),
                    ..job
                };
                let taken = Arc::clone(table).take_in(job, self.mode, &self.copied, rows);
                taken.await
            }
            CopyTo::Files(store, folder, format) => {
                let names = self.copied.iter().map(|column| column.name.clone());
                let names: Vec<String> = names.collect();
                let files = PartFiles::new(
                    store.clone(),
                    folder.clone(),
                    (*format, self.mode),
                    rows,
                    &names,
                );
                let files = files.map_err(|error| DatabaseError::new(error.strip_backtrace()))?;
                Ok(Arc::new(files))
            }
            CopyTo::Queries => Err(DatabaseError::new("queries fill nothing")),
        }
    }

    /// Whether what was announced as `known_by` is there; `None` where nobody knows any more.
    ///
    /// # Errors
    /// When the destination does not answer.
    pub async fn is_committed(&self, known_by: &str) -> Result<Option<bool>, DatabaseError> {
        match &self.to {
            CopyTo::Table(database, _) => database.is_committed(known_by).await,
            CopyTo::Files(store, ..) => {
                let committed = PartFiles::are_committed(store, known_by).await;
                committed.map_err(|error| DatabaseError::new(error.to_string()))
            }
            CopyTo::Queries => Ok(None),
        }
    }
}

/// The other place that `loaded` copies to. Nothing comes back where it cannot be had.
pub(super) async fn open_elsewhere(
    loaded: &Loaded,
    target: crate::check::Target,
    diagnostics: &mut Diagnostics,
) -> Option<Elsewhere> {
    let place = &loaded.pipeline.destination;
    let kind = &loaded.pipeline.connection(&place.connection.value)?.kind;
    Some(match kind {
        ConnectionKind::Database(_) => {
            Elsewhere::Tables(open_database_of(loaded, place, diagnostics).await?)
        }
        _ => Elsewhere::Files(open_store(loaded, target, diagnostics).await?),
    })
}

/// What becomes of what is at the destination of `loaded`.
pub(super) fn mode_of(loaded: &Loaded) -> Mode {
    let mode = loaded.pipeline.destination.mode.as_ref();
    match mode.map(|mode| mode.value).unwrap_or_default() {
        CopyMode::Error => Mode::Error,
        CopyMode::Append => Mode::Append,
        CopyMode::Overwrite => Mode::Overwrite,
    }
}

/// Refuses databases whose tables cannot be copied, and those that are for reading only.
pub(super) fn check_target(
    loaded: &Loaded,
    database: &dyn Database,
    dry_run: bool,
    diagnostics: &mut Diagnostics,
) {
    let place = &loaded.pipeline.destination.connection;
    cannot_copy(database, place.span, diagnostics);
    let connection = loaded.pipeline.connection(&place.value);
    if let Some(ConnectionKind::Database(database)) = connection.map(|found| &found.kind)
        && database.is_read_only
        && !dry_run
    {
        let message = "the connection is for reading only";
        let problem = Diagnostic::new(&codes::READ_ONLY, message);
        diagnostics.push(problem.at(place.span, "its tables would be filled"));
    }
}

fn cannot_copy(database: &dyn Database, span: Span, diagnostics: &mut Diagnostics) {
    if database.copies().is_none() {
        let message = "tables of this kind of database are not copied to other places, or filled from them, yet";
        diagnostics.push(
            Diagnostic::new(&codes::NO_COPY, message)
                .at(span, "")
                .help("without a `destination` its tables are masked in place"),
        );
    }
}

impl Planner<'_> {
    /// Refuses what cannot be copied at all.
    pub(super) fn copies(&mut self, to: &Elsewhere) {
        let source = &self.loaded.pipeline.source.connection;
        cannot_copy(self.database, source.span, self.diagnostics);
        if let Elsewhere::Tables(target) = to {
            check_target(
                self.loaded,
                target.as_ref(),
                self.asked.dry_run,
                self.diagnostics,
            );
        }
    }

    /// Refuses a task that changes a database besides its masked tables.
    pub(super) fn only_in_place(&mut self, task: &Task) {
        if let Some(Elsewhere::Queries) = self.to {
            let message = format!(
                "a query changes nothing, and `{}` does",
                task.kind.type_name()
            );
            let problem = Diagnostic::new(&codes::IN_PLACE_ONLY, message);
            let problem = problem.at(task.span, "");
            self.diagnostics
                .push(problem.help("mask with `visard run`, and query what it wrote"));
            return;
        }
        let message = format!(
            "`{}` is for databases that are masked in place, and this one is copied",
            task.kind.type_name()
        );
        self.diagnostics.push(
            Diagnostic::new(&codes::IN_PLACE_ONLY, message)
                .at(task.span, "")
                .and(self.loaded.pipeline.destination.connection.span, "to here"),
        );
    }

    /// Refuses columns that keep values which the columns they refer to lose: nothing follows by itself in a
    /// copy. `copies` come with where their tasks are written.
    pub(super) fn left_behind(&mut self, copies: &[(Span, &CopyPlan)]) {
        for (span, child) in copies {
            let CopyFrom::Table(table) = &child.from else {
                continue;
            };
            let facts = table.facts();
            for key in facts.foreign_keys.iter().filter(|key| !key.incoming) {
                let parent = copies.iter().map(|(_, plan)| plan);
                let mut parent = parent.filter(|plan| plan.shown() == key.other());
                let Some(parent) = parent.next() else {
                    continue;
                };
                for (column, theirs) in key.columns.iter().zip(&key.other_columns) {
                    if !parent.masks(theirs) || child.masks(column) {
                        continue;
                    }
                    let message = format!(
                        "to preserve referential integrity, `{column}` of `{}` cannot stay as it is",
                        facts.shown()
                    );
                    let label = format!(
                        "it refers to `{theirs}` of `{}`, which is masked",
                        key.other()
                    );
                    self.diagnostics.push(
                        Diagnostic::new(&codes::FOREIGN_KEY, message)
                            .at(*span, label)
                            .help("mask it by the same mask, such as `imitate_unique` with the same `seed`"),
                    );
                }
            }
        }
    }

    /// Plans the copy of a table whose rules are `resolved`.
    pub(super) async fn copy(
        &mut self,
        to: &Elsewhere,
        asked: Asked<'_>,
        table: &Arc<dyn DatabaseTable>,
        columns: FileColumns,
        resolved: Resolved,
    ) -> Answered<Option<CopyPlan>> {
        if let Some(cascade) = asked.of_table.cascades.first() {
            let message = "`additional_cascades` are for tables that are masked in place, and these are copied";
            self.diagnostics.push(
                Diagnostic::new(&codes::IN_PLACE_ONLY, message)
                    .at(cascade.table.span, "")
                    .help("mask its columns by a task of its own, with the same mask and `seed`"),
            );
            return Ok(None);
        }
        let facts = table.facts();
        let (named, span) = (&asked.of_table.table, asked.of_table.table.span);
        let masked = labels(&resolved);
        let read = read_besides(facts, &resolved);
        let typed =
            |name: &String| masked.iter().any(|(other, _)| other == name) || read.contains(name);
        let mut names: Vec<String> = facts.columns.iter().map(|c| c.name.clone()).collect();
        let mut carried = Vec::new();
        let mut makes = false;
        let to = match to {
            Elsewhere::Files(store) => {
                let folder = match &facts.schema {
                    Some(schema) => format!("{}/{}", in_path(schema), in_path(&facts.name)),
                    None => in_path(&facts.name),
                };
                self.fills(folder.clone(), span);
                self.no_files_there(store, &folder, asked.step, span)
                    .await?;
                self.without_computed(facts, &mut names, span);
                let format = self.loaded.pipeline.destination.format.as_ref();
                let format = match format.map(|format| format.value).unwrap_or_default() {
                    CopyFormat::Parquet => PartFormat::Parquet,
                    CopyFormat::Csv => PartFormat::Csv,
                };
                CopyTo::Files(store.clone(), folder, format)
            }
            Elsewhere::Tables(database) => {
                let stored = facts.columns.iter().filter(|column| !column.generated);
                let model = Model {
                    name: Some(&facts.name),
                    columns: stored.map(NewColumn::like).collect(),
                    primary_key: facts.primary_key.as_deref(),
                    product: self.database.copies(),
                };
                let found = self.find_or_make(database.as_ref(), named, model).await?;
                let Some(Target {
                    table: target,
                    is_new,
                }) = found
                else {
                    return Ok(None);
                };
                makes = is_new;
                let there = target.facts();
                self.fills(there.shown(), span);
                let is_same_place = match &database.identity().await? {
                    Some(identity) => self.database.identity().await?.as_ref() == Some(identity),
                    None => self.database.shown() == database.shown(),
                };
                if is_same_place && facts.shown() == there.shown() {
                    let message = format!("`{}` would be copied to itself", there.shown());
                    self.diagnostics.push(
                        Diagnostic::new(&codes::COPIED_TWICE, message)
                            .at(span, "")
                            .help("without a `destination` it is masked where it lies"),
                    );
                }
                // What the database computes, it computes anew.
                let computed = |name: &str| there.column(name).is_some_and(|c| c.generated);
                names.retain(|name| !computed(name));
                self.without_computed(facts, &mut names, span);
                let filled = Filled {
                    table: target.as_ref(),
                    task: asked.task,
                    named_at: span,
                    mode: mode_of(self.loaded),
                    is_begun: self.asked.begun.contains_key(&asked.step),
                };
                let is_loose = !self.database.is_typed();
                let arriving = names.iter().filter_map(|name| facts.column(name));
                let arriving = arriving.map(|column| {
                    let arriving = Arriving {
                        data_type: column.data_type.clone(),
                        type_name: column.type_name.clone(),
                        is_loose,
                    };
                    (column.name.clone(), arriving)
                });
                let arriving: Vec<_> = arriving.collect();
                filled.check(&arriving, &resolved, self.diagnostics).await?;
                if self.database.copies() == database.copies() {
                    let same = |name: &&String| {
                        let types = [facts.column(name), there.column(name)]
                            .map(|column| column.map(|column| column.type_name.as_str()));
                        types[0] == types[1] && !typed(name)
                    };
                    carried = names.iter().filter(same).cloned().collect();
                }
                CopyTo::Table(Arc::clone(database), target)
            }
            Elsewhere::Queries => {
                self.fills(facts.shown(), span);
                names.retain(|name| facts.column(name).is_some_and(|column| column.is_known()));
                self.without_computed(facts, &mut names, span);
                CopyTo::Queries
            }
        };
        if self.diagnostics.has_errors() {
            return Ok(None);
        }
        let options = &self.loaded.pipeline.options;
        let copied = names.into_iter().map(|name| CopiedColumn {
            carried: carried.contains(&name),
            name,
        });
        let (step, span) = (asked.step, asked.of_table.table.span);
        let mut plan = CopyPlan {
            mode: match (&to, self.asked.committing.contains(&asked.step)) {
                // What is there is ours: parts of an attempt that was killed half way. Rows of a table are
                // not, as its transaction came to nothing.
                (CopyTo::Files(..), true) => Mode::Overwrite,
                _ => mode_of(self.loaded),
            },
            job: Job {
                masked: masked.iter().map(|(column, _)| column.clone()).collect(),
                read,
                shuffled: shuffled(&resolved),
                joined: asked.joined,
                key: asked.key,
                filter: asked.of_table.condition.as_ref().map(|c| c.value.clone()),
                max_rows: options.max_rows,
                unit_rows: 0,
                workers: asked.task.workers.unwrap_or(options.workers_or_cores()),
                numbered: !resolved.numbered.is_empty(),
                without_triggers: false,
                dry_run: self.asked.dry_run,
                name: String::new(),
            },
            copied: copied.collect(),
            task: asked.name,
            from: CopyFrom::Table(Arc::clone(table)),
            to,
            makes,
            room: Room::default(),
            offered: resolved.offered(),
            columns: masked_columns(&columns, resolved.steps),
            masked,
            unmasked: resolved.unmasked,
        };
        plan.room = self.room_of_copy(&plan, step, span).await?;
        Ok(Some(plan))
    }

    /// Leaves columns out that the database computes: they would show what they were computed from.
    fn without_computed(&mut self, table: &Table, names: &mut Vec<String>, span: Span) {
        let computed = table.columns.iter().filter(|column| column.generated);
        let mut computed: Vec<&str> = computed.map(|column| column.name.as_str()).collect();
        computed.retain(|column| names.iter().any(|name| name == column));
        names.retain(|name| !computed.contains(&name.as_str()));
        if !computed.is_empty() {
            let message = format!(
                "{} of `{}` is left out: the database computed it from values as they were",
                quoted_list(computed.iter().copied()),
                table.shown()
            );
            let warning = Diagnostic::new(&codes::COMPUTED_LEFT_OUT, message);
            self.diagnostics.push(warning.at(span, ""));
        }
    }

    /// Refuses files where the parts of a table are to lie, unless they are to go or are our own.
    async fn no_files_there(
        &mut self,
        store: &Store,
        folder: &str,
        step: usize,
        span: Span,
    ) -> Answered<()> {
        if mode_of(self.loaded) != Mode::Error || self.asked.begun.contains_key(&step) {
            return Ok(());
        }
        let there = PartFiles::there(store, folder).await;
        let there = there.map_err(|error| DatabaseError::new(error.to_string()))?;
        if let Some(first) = there.first() {
            let message = format!(
                "`{first}` lies where the files of this table are to go, in {}",
                store.describe()
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::NOT_EMPTY, message)
                    .at(span, "")
                    .and(self.loaded.pipeline.destination.connection.span, "the destination")
                    .help("remove it, name another `path`, or set `mode: overwrite` on the destination"),
            );
        }
        Ok(())
    }
}

/// A name as one part of a path: what could end the part, or lead out of it, is written as `%` and two
/// digits.
fn in_path(name: &str) -> String {
    let mut part = String::with_capacity(name.len());
    for (index, letter) in name.chars().enumerate() {
        match letter {
            '/' | '\\' | '%' | '\0'..='\x1f' | '\x7f' => {
                part.push_str(&format!("%{:02X}", u32::from(letter)));
            }
            '.' if index == 0 => part.push_str("%2E"),
            _ => part.push(letter),
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_part_of_a_path() {
        for (name, part) in [
            ("customers", "customers"),
            ("Größe €", "Größe €"),
            ("a/b", "a%2Fb"),
            ("..", "%2E."),
            ("100%", "100%25"),
            ("a\nb", "a%0Ab"),
        ] {
            assert_eq!(in_path(name), part);
        }
    }
}
