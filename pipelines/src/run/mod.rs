//! One run: from a pipeline file to masked files, journal and report.
//!
//! | Question | File |
//! |---|---|
//! | which steps does a run take? | [`run`] |
//! | where do secrets come from? | `secrets.rs` |
//! | where is the run kept, and what did an earlier attempt leave? | `folder.rs`, `journal.rs` |
//! | how do slices become committed files? | `files.rs`, `execute.rs` |
//! | how are tables masked where they lie? | `tables.rs` |
//! | what does it tell, while it works and after? | `observe.rs`, `report.rs` |

mod execute;
mod files;
mod folder;
mod journal;
mod observe;
mod report;
mod secrets;
mod tables;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use visard_connectors::store::{OnBegin, Staged};
use visard_engine::udfs::{CONSTRUCTION, Root};
use zeroize::Zeroizing;

pub use folder::has_begun;
pub use journal::{Identity, Journal, Record};
pub use observe::{Event, Observer, Silent};
pub use report::{ColumnReport, FileReport, Report, Status, TableReport, Totals, bytes, counted};
pub use secrets::instance_secret;
pub use tables::{dry_look, logical_and_physical};

use crate::check::{self, Done, Loaded, Planned, Stores, Table, Target};
use crate::language::{Diagnostics, Environment, ProcessEnvironment, Severity, Sources};
use folder::{Earlier, Fresh};

/// How a run ended, for a shell.
pub mod exit {
    /// Every selected file is masked.
    pub const MASKED: u8 = 0;
    /// Nothing was masked, because of an error.
    pub const FAILED: u8 = 1;
    /// Refused before anything was written.
    pub const REFUSED: u8 = 2;
    /// Some files are masked, some are not.
    pub const PARTLY: u8 = 3;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// What a run is asked for.
#[derive(Clone, Default)]
pub struct Request {
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// Where journal and report go; a new folder by default.
    pub run_folder: Option<PathBuf>,
    /// Whether to go on with the run in `run_folder`, or with the last one of this pipeline.
    pub resume: bool,
    /// The file of the instance secret, in place of the pipeline's word.
    pub instance_secret_file: Option<PathBuf>,
    /// Whether nothing is to become visible, in addition to the pipeline's word.
    pub dry_run: bool,
    /// Where variables come from, in place of the environment of this process.
    pub environment: Option<Arc<dyn Environment + Send + Sync>>,
}

/// How a run came out.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code: see [`exit`].
    pub code: u8,
    /// The report, unless the run was refused.
    pub report: Option<Report>,
    /// The run folder, unless the run was refused.
    pub run_folder: Option<PathBuf>,
}

/// Runs a pipeline. Problems of what is written land in `diagnostics`; everything else that keeps a
/// run from starting is the error. `stop` ends a run early, with whole files only.
///
/// # Errors
/// When the run cannot be started: no run folder, no secret, nothing to resume.
pub async fn run(
    request: &Request,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
    observer: &dyn Observer,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Outcome> {
    let refused = Outcome {
        code: exit::REFUSED,
        report: None,
        run_folder: None,
    };
    let started = (Instant::now(), chrono::Utc::now());
    let environment: &dyn Environment = match &request.environment {
        Some(given) => given.as_ref(),
        None => &ProcessEnvironment,
    };
    let Some(loaded) = check::load_for_checks(&request.pipeline, environment, sources, diagnostics)
    else {
        return Ok(refused);
    };
    if diagnostics.has_errors() {
        // What is wrong besides is told in one go.
        match check::goes_by_tables(&loaded) {
            false => drop(look(&loaded, diagnostics).await),
            true => drop(look_at_database(&loaded, &no_root(), diagnostics).await),
        }
        return Ok(refused);
    }
    let asked = Asked {
        request,
        loaded: &loaded,
        observer,
        dry_run: request.dry_run || loaded.pipeline.options.dry_run,
    };
    let worked = match check::goes_by_tables(&loaded) {
        false => files::work(&asked, diagnostics, stop).await?,
        true => tables::work(&asked, diagnostics, stop).await?,
    };
    let Some(Worked {
        begun,
        mut files,
        tables,
        interrupted,
    }) = worked
    else {
        return Ok(refused);
    };
    let Begun {
        folder,
        name,
        keys,
        identity,
        journal,
        ..
    } = begun;
    let code = exit_code(
        files
            .iter()
            .map(|file| file.status)
            .chain(tables.iter().map(|table| table.status))
            // Rows of a table that failed may be masked all the same.
            .chain(
                tables
                    .iter()
                    .filter(|table| {
                        table.is_begun() && !asked.dry_run && table.status != Status::Masked
                    })
                    .map(|_| Status::Partly),
            ),
        interrupted,
    );
    let seconds = started.0.elapsed().as_secs_f64();
    let mut warnings = Vec::from_iter(report::recall(&mut files, &folder));
    warnings.extend(
        diagnostics
            .iter()
            .filter(|d| d.severity() == Severity::Warning)
            .map(|d| d.message.clone()),
    );
    if asked.dry_run {
        warnings.push("this was a dry run: nothing was written".to_owned());
    }
    let report = Report {
        visard: env!("CARGO_PKG_VERSION"),
        construction: CONSTRUCTION,
        pipeline: name,
        plan: loaded.digest.clone(),
        key_check: identity.key_check,
        run_secret_file: keys.written_to.map(|path| path.display().to_string()),
        started: started.1.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        seconds,
        exit_code: code,
        outcome: outcome(code, asked.dry_run, !tables.is_empty()),
        totals: Totals::of(&files, &tables, seconds),
        warnings,
        files,
        tables,
    };
    // What is masked is masked, whether or not it can be written down: the exit code says so.
    let recorded = report
        .write(&folder)
        .and_then(|()| journal.lock().write(&Record::Ended { code }));
    if let Err(error) = recorded {
        tracing::error!(
            "the report cannot be written to `{}`: {error}",
            folder.display()
        );
    }
    Ok(Outcome {
        code,
        report: Some(report),
        run_folder: Some(folder),
    })
}

/// The name of a pipeline, or of its file.
fn name_of(loaded: &Loaded, path: &Path) -> String {
    let stem = || {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    loaded.pipeline.name.clone().unwrap_or_else(stem)
}

/// Source and destination, as far as they are folders.
fn folders(loaded: &Loaded) -> Vec<PathBuf> {
    let places = [&loaded.pipeline.source, &loaded.pipeline.destination];
    let folders = places.into_iter();
    folders
        .filter_map(|place| check::folder_of(loaded, place))
        .collect()
}

/// What a run is asked for, and by whom.
struct Asked<'a> {
    request: &'a Request,
    loaded: &'a Loaded,
    observer: &'a dyn Observer,
    /// Everything but making results visible.
    dry_run: bool,
}

/// A run that has a folder, keys and a journal.
struct Begun {
    folder: PathBuf,
    /// Of a run that resumes none, until it begins its work.
    fresh: Option<Fresh>,
    name: String,
    keys: Keys,
    identity: Identity,
    earlier: Earlier,
    journal: Arc<Mutex<Journal>>,
}

/// How the work of a run came out.
struct Worked {
    begun: Begun,
    files: Vec<FileReport>,
    tables: Vec<TableReport>,
    interrupted: bool,
}

impl Asked<'_> {
    /// Makes the run folder, or finds the one to go on with, and opens the journal.
    fn begin(&self) -> anyhow::Result<Begun> {
        let (request, loaded) = (self.request, self.loaded);
        let name = name_of(loaded, &request.pipeline);
        if let Some(folder) = &request.run_folder {
            folder::outside("run folder", folder, &folders(loaded))?;
        }
        let (folder, fresh) = match request.resume {
            true => {
                let folder = folder::find(request.run_folder.as_deref(), &loaded.digest)?;
                (folder, None)
            }
            false => {
                let (folder, fresh) = folder::create(request.run_folder.as_deref(), &name)?;
                (folder, Some(fresh))
            }
        };
        let keys = keys(request, loaded, &folder)?;
        let identity = Identity::new(loaded.digest.clone(), keys.root.check_value());
        let (earlier, journal) = open_journal(request, &folder, &identity)?;
        Ok(Begun {
            folder,
            fresh,
            name,
            keys,
            identity,
            earlier,
            journal: Arc::new(Mutex::new(journal)),
        })
    }
}

impl Begun {
    /// Keeps outputs that are begun on record, so that the next attempt removes what this one leaves.
    fn on_begin(&self) -> OnBegin {
        let note = Arc::clone(&self.journal);
        Arc::new(move |output: &Staged| {
            // A clean-up that is not on record is a leftover, no damage.
            if let Err(error) = note.lock().note(&Record::Begun(output.clone())) {
                tracing::warn!("the journal cannot be written: {error}");
            }
        })
    }

    /// From here on there may be something to go on with: what is in the run folder stays.
    fn work_begins(&mut self) {
        if let Some(fresh) = self.fresh.take() {
            fresh.work_begins();
        }
    }

    /// Notes that the run was refused before anything was written, where its folder stays.
    fn refused(&self) -> anyhow::Result<()> {
        if self.fresh.is_some() {
            return Ok(());
        }
        let code = exit::REFUSED;
        Ok(self.journal.lock().write(&Record::Ended { code })?)
    }
}

struct Keys {
    root: Root,
    written_to: Option<PathBuf>,
}

fn keys(request: &Request, loaded: &Loaded, folder: &Path) -> anyhow::Result<Keys> {
    let options = &loaded.pipeline.options;
    let given = options.run_secret.as_ref().map(|secret| secret.expose());
    let run = secrets::run_secret(given, folder)?;
    let file = request
        .instance_secret_file
        .as_ref()
        .or(options.instance_secret_file.as_ref());
    let instance = match options.disable_instance_secret {
        true => None,
        false => Some(instance_secret(file.map(PathBuf::as_path))?),
    };
    let root = Root::new(
        run.secret.as_bytes(),
        instance.as_ref().map(|secret| secret.as_bytes()),
    );
    Ok(Keys {
        root,
        written_to: run.written_to,
    })
}

fn open_journal(
    request: &Request,
    folder: &Path,
    identity: &Identity,
) -> anyhow::Result<(Earlier, Journal)> {
    if !request.resume {
        let mut journal = Journal::create(folder)?;
        journal.write(&Record::Began(identity.clone()))?;
        return Ok((Earlier::default(), journal));
    }
    let (records, mut journal) = Journal::reopen(folder).map_err(|error| {
        anyhow::anyhow!("`{}` holds no run to resume: {error}", folder.display())
    })?;
    let earlier = Earlier::of(records);
    match &earlier.identity {
        Some(before) if before == identity => {}
        Some(before) if before.key_check != identity.key_check => {
            anyhow::bail!(
                "the run was begun under other secrets (check value {})",
                before.key_check
            )
        }
        Some(before) if before.plan != identity.plan => {
            anyhow::bail!(
                "pipeline, ruleset, a seed file or what they take from the environment changed since \
                 the run began; start a new run"
            )
        }
        Some(before) => anyhow::bail!("the run was begun by visard {}", before.visard),
        None => anyhow::bail!("the journal in `{}` has no beginning", folder.display()),
    }
    journal.write(&Record::Resumed)?;
    Ok((earlier, journal))
}

fn exit_code(statuses: impl Iterator<Item = Status> + Clone, interrupted: bool) -> u8 {
    let any = |status: Status| statuses.clone().any(|other| other == status);
    let stopped = any(Status::Failed) || any(Status::NotStarted);
    let some = any(Status::Masked) || any(Status::Copied) || any(Status::Partly);
    match (
        interrupted && stopped,
        stopped || any(Status::Archived) || any(Status::Partly),
    ) {
        (true, _) => exit::INTERRUPTED,
        (false, false) => exit::MASKED,
        (false, true) if some => exit::PARTLY,
        (false, true) => exit::FAILED,
    }
}

fn outcome(code: u8, dry_run: bool, of_tables: bool) -> &'static str {
    match (code, of_tables) {
        (exit::MASKED, _) if dry_run => "a dry run found nothing wrong",
        (exit::MASKED, false) => "every selected file is masked",
        (exit::MASKED, true) => "every table is masked",
        (exit::PARTLY, false) => "some files are NOT masked",
        (exit::PARTLY, true) => "some rows are NOT masked",
        (exit::INTERRUPTED, false) => "interrupted; some files are NOT masked",
        (exit::INTERRUPTED, true) => "interrupted; some rows are NOT masked",
        _ => "NOTHING is masked",
    }
}

/// Opens what a run would read and write, for commands that only look.
pub async fn look(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Option<(Stores, Planned)> {
    look_with(loaded, &no_root(), diagnostics).await
}

/// As [`look`], with masks under `root`.
pub async fn look_with(
    loaded: &Loaded,
    root: &Root,
    diagnostics: &mut Diagnostics,
) -> Option<(Stores, Planned)> {
    let stores = check::open_stores(loaded, Target::LookedAt, diagnostics).await?;
    let planned = check::plan(loaded, &stores, root, &Done::default(), diagnostics).await?;
    Some((stores, planned))
}

/// Plans the tables of a database, for commands that only look, with masks under `root`.
pub async fn look_at_database(
    loaded: &Loaded,
    root: &Root,
    diagnostics: &mut Diagnostics,
) -> Option<check::PlannedTables> {
    let opened = check::open_database(loaded, Target::LookedAt, diagnostics).await?;
    let asked = check::Planning {
        dry_run: loaded.pipeline.options.dry_run,
        ..check::Planning::default()
    };
    opened.plan(loaded, root, asked, diagnostics).await
}

/// Keys of commands that bind masks whose output nobody sees.
pub fn no_root() -> Root {
    Root::new(b"a check writes nothing", None)
}

/// Opens the source of `loaded` as tables for queries, with masks under `root`.
pub async fn look_at_tables(
    loaded: &Loaded,
    root: &Root,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Table>> {
    if check::is_database(loaded, &loaded.pipeline.source) {
        return check::tables_of_database(loaded, root, diagnostics).await;
    }
    let stores = match check::is_database(loaded, &loaded.pipeline.destination) {
        // Nothing is written there.
        true => {
            let source = check::open_source(loaded, diagnostics).await?;
            Stores {
                target: source.clone(),
                source,
            }
        }
        false => check::open_stores(loaded, Target::LookedAt, diagnostics).await?,
    };
    check::tables(loaded, &stores, root, diagnostics).await
}

/// The root a run would have, and whether it would: without a given run secret every run has its own,
/// unless it is the one that was kept in `run_folder`. `instance` goes before the pipeline's word.
///
/// # Errors
/// When a secret cannot be read.
pub fn preview_root(
    loaded: &Loaded,
    instance: Option<&Path>,
    run_folder: Option<&Path>,
) -> anyhow::Result<(Root, bool)> {
    let options = &loaded.pipeline.options;
    let run = match (&options.run_secret, run_folder) {
        (Some(given), _) => Zeroizing::new(given.expose().to_owned()),
        (None, Some(folder)) => secrets::kept_run_secret(folder)?,
        (None, None) => return Ok((Root::new(secrets::random()?.as_slice(), None), false)),
    };
    let file = instance.or(options.instance_secret_file.as_deref());
    let instance = match options.disable_instance_secret {
        true => None,
        false => Some(instance_secret(file)?),
    };
    let instance = instance.as_ref().map(|secret| secret.as_bytes());
    Ok((Root::new(run.as_bytes(), instance), true))
}

/// Refuses a file among those that the pipeline reads or writes.
///
/// # Errors
/// When `file` lies below the source or the destination.
pub fn outside_of_data(loaded: &Loaded, file: &Path) -> anyhow::Result<()> {
    folder::outside("output", file, &folders(loaded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        use Status::{Archived, Copied, Failed, Masked, NotStarted, Partly, Skipped};
        for (statuses, interrupted, code) in [
            (&[Masked, Copied, Skipped][..], false, exit::MASKED),
            (&[Masked], true, exit::MASKED),
            (&[Masked, Archived], false, exit::PARTLY),
            (&[Masked, Archived], true, exit::PARTLY),
            (&[Archived, Skipped], false, exit::FAILED),
            (&[Masked, Failed], false, exit::PARTLY),
            (&[Failed], false, exit::FAILED),
            (&[Masked, NotStarted], true, exit::INTERRUPTED),
            (&[Partly], false, exit::PARTLY),
        ] {
            let found = exit_code(statuses.iter().copied(), interrupted);
            assert_eq!(found, code, "{statuses:?}");
        }
    }
}
