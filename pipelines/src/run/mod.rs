//! One run: from a pipeline file to masked files, journal and report.
//!
//! | Question | File |
//! |---|---|
//! | which steps does a run take? | [`run`] |
//! | where do secrets come from? | `secrets.rs` |
//! | where is the run kept, and what did an earlier attempt leave? | `folder.rs`, `journal.rs` |
//! | how do slices become committed files? | `execute.rs` |
//! | what does it tell, while it works and after? | `observe.rs`, `report.rs` |

mod execute;
mod folder;
mod journal;
mod observe;
mod report;
mod secrets;

use std::collections::HashSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use visard_connectors::store::{Object, Staged};
use visard_engine::udfs::{CONSTRUCTION, Root};
use zeroize::Zeroizing;

pub use journal::{Identity, Journal, Record};
pub use observe::{Event, Observer, Silent};
pub use report::{ColumnReport, FileReport, Report, Status, Totals, bytes};

use crate::check::{self, Action, Done, Loaded, Planned, Stores, Table, Target};
use crate::language::{Diagnostics, Severity, Sources};
use execute::Execution;
use folder::Earlier;

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
#[derive(Debug, Clone, Default)]
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
    let Some(loaded) = check::load(&request.pipeline, sources, diagnostics) else {
        return Ok(refused);
    };
    let Some(mut stores) = check::open_stores(&loaded, Target::Made, diagnostics).await else {
        return Ok(refused);
    };
    if diagnostics.has_errors() {
        return Ok(refused);
    }
    let name = name_of(&loaded, &request.pipeline);
    if let Some(folder) = &request.run_folder {
        folder::outside("run folder", folder, &folders(&loaded))?;
    }
    let folder = match request.resume {
        true => folder::find(request.run_folder.as_deref(), &loaded.digest)?,
        false => folder::create(request.run_folder.as_deref(), &name)?,
    };
    let keys = keys(request, &loaded, &folder)?;
    let identity = Identity::new(loaded.digest.clone(), keys.root.check_value());
    let (earlier, journal) = open_journal(request, &folder, &identity)?;
    let journal = Arc::new(Mutex::new(journal));
    let begun = Arc::clone(&journal);
    stores.target = stores.target.on_begin(Arc::new(move |output: &Staged| {
        // A clean-up that is not on record is a leftover, no damage.
        if let Err(error) = begun.lock().note(&Record::Begun(output.clone())) {
            tracing::warn!("the journal cannot be written: {error}");
        }
    }));
    let done = Done {
        files: earlier.settle(&stores.target).await?,
        numbered: earlier.numbered.clone(),
    };
    let planned = check::plan(&loaded, &stores, &keys.root, &done, diagnostics).await;
    let Some(planned) = planned else {
        journal.lock().write(&Record::Ended {
            code: exit::REFUSED,
        })?;
        return Ok(refused);
    };
    let before = stores.target.list().await?;
    let in_place = stores.source.same_place(&stores.target);
    list_units(&planned, &earlier, in_place, &before, &mut journal.lock())?;

    let dry_run = request.dry_run || loaded.pipeline.options.dry_run;
    let of_tasks = || {
        loaded
            .ruleset
            .tasks
            .iter()
            .filter_map(|task| task.workers)
            .max()
    };
    let execution = Execution {
        options: &loaded.pipeline.options,
        stores: &stores,
        planned: &planned,
        journal: &journal,
        observer,
        workers: loaded.pipeline.options.workers.or_else(of_tasks),
        dry_run,
    };
    observer.event(&Event::Started {
        files: execution.files(),
        bytes: execution.bytes(),
        run_folder: &folder.display().to_string(),
    });
    let (mut files, interrupted) = execution.run(stop).await;
    stores.target.settle().await;
    stores.source.settle().await;

    let code = exit_code(&files, interrupted);
    let seconds = started.0.elapsed().as_secs_f64();
    let mut warnings = keys.warnings;
    warnings.extend(report::recall(&mut files, &folder));
    warnings.extend(
        diagnostics
            .iter()
            .filter(|d| d.severity() == Severity::Warning)
            .map(|d| d.message.clone()),
    );
    if dry_run {
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
        outcome: outcome(code, dry_run),
        totals: Totals::of(&files, seconds),
        warnings,
        files,
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

struct Keys {
    root: Root,
    written_to: Option<PathBuf>,
    warnings: Vec<String>,
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
        false => Some(secrets::instance_secret(file.map(PathBuf::as_path))?),
    };
    let root = Root::new(
        run.secret.as_bytes(),
        instance.as_ref().map(|secret| secret.as_bytes()),
    );
    Ok(Keys {
        root,
        written_to: run.written_to,
        warnings: run.warning.into_iter().collect(),
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

/// Puts every unit on record; a source that changed since an earlier attempt stops the run.
fn list_units(
    planned: &Planned,
    earlier: &Earlier,
    in_place: bool,
    before: &[Object],
    journal: &mut Journal,
) -> anyhow::Result<()> {
    let found: HashSet<&String> = planned.files.iter().map(|file| &file.object.path).collect();
    if let Some(gone) = earlier.units.keys().find(|path| !found.contains(path)) {
        anyhow::bail!("`{gone}` is gone since the run began; start a new run");
    }
    for file in &planned.files {
        match file.action {
            Action::Skip(_) | Action::Archived => continue,
            // In place its output took the place of the source.
            Action::Done { .. } if in_place => continue,
            Action::Mask { .. } | Action::Copy | Action::Done { .. } => {}
        }
        let Object {
            path,
            size,
            version,
            ..
        } = &file.object;
        if let Some((known, _)) = earlier.units.get(path) {
            anyhow::ensure!(
                known == version,
                "`{path}` changed since the run began; start a new run"
            );
            continue;
        }
        let there = before
            .binary_search_by(|object| object.path.as_str().cmp(path))
            .ok();
        journal.note(&Record::Unit {
            path: path.clone(),
            size: *size,
            source: version.clone(),
            before: there.map(|index| before[index].version.clone()),
        })?;
    }
    // Behind the versions of all units, so that what was counted is known to be of one of them.
    for file in &planned.files {
        let path = &file.object.path;
        if let Some(numbering) = &file.numbering
            && !earlier.numbered.contains_key(path)
        {
            journal.note(&Record::Numbered {
                path: path.clone(),
                numbering: numbering.clone(),
            })?;
        }
    }
    Ok(journal.sync()?)
}

fn exit_code(files: &[FileReport], interrupted: bool) -> u8 {
    let any = |status: Status| files.iter().any(|file| file.status == status);
    let stopped = any(Status::Failed) || any(Status::NotStarted);
    match (interrupted && stopped, stopped || any(Status::Archived)) {
        (true, _) => exit::INTERRUPTED,
        (false, false) => exit::MASKED,
        (false, true) if any(Status::Masked) || any(Status::Copied) => exit::PARTLY,
        (false, true) => exit::FAILED,
    }
}

fn outcome(code: u8, dry_run: bool) -> &'static str {
    match code {
        exit::MASKED if dry_run => "a dry run found nothing wrong",
        exit::MASKED => "every selected file is masked",
        exit::PARTLY => "some files are NOT masked",
        exit::INTERRUPTED => "interrupted; some files are NOT masked",
        _ => "NOTHING is masked",
    }
}

/// Opens what a run would read and write, for commands that only look.
pub async fn look(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Option<(Stores, Planned)> {
    // Checks bind masks under keys that no output ever sees.
    look_with(
        loaded,
        &Root::new(b"a check writes nothing", None),
        diagnostics,
    )
    .await
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

/// Opens the source of `loaded` as tables for queries, with masks under `root`.
pub async fn look_at_tables(
    loaded: &Loaded,
    root: &Root,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Table>> {
    let stores = check::open_stores(loaded, Target::LookedAt, diagnostics).await?;
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
        false => Some(secrets::instance_secret(file)?),
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
        use Status::{Archived, Copied, Failed, Masked, NotStarted, Skipped};
        for (statuses, interrupted, code) in [
            (&[Masked, Copied, Skipped][..], false, exit::MASKED),
            (&[Masked], true, exit::MASKED),
            (&[Masked, Archived], false, exit::PARTLY),
            (&[Masked, Archived], true, exit::PARTLY),
            (&[Archived, Skipped], false, exit::FAILED),
            (&[Masked, Failed], false, exit::PARTLY),
            (&[Failed], false, exit::FAILED),
            (&[Masked, NotStarted], true, exit::INTERRUPTED),
        ] {
            let files: Vec<FileReport> = statuses
                .iter()
                .map(|&status| FileReport {
                    status,
                    ..FileReport::new("a.csv", 1)
                })
                .collect();
            assert_eq!(exit_code(&files, interrupted), code, "{statuses:?}");
        }
    }
}
