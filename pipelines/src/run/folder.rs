//! Run folders: where they are, and what an earlier attempt left.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use visard_connectors::store::{Staged, Store, Version};

use super::exit;
use super::journal::{Identity, Journal, Record};
use super::secrets::run_secret_path;
use crate::check::Numbering;

/// Where run folders are made when none is named, below the working directory.
const RUNS: &str = ".visard/runs";

/// The folder of a run that has not begun its work. Dropped, it is as it was found, so that a run that was
/// refused is in the way of none.
#[derive(Debug)]
pub(super) struct Fresh {
    folder: PathBuf,
    /// Whether the folder was not there before.
    made: bool,
    /// Whether a run secret was there before.
    had_secret: bool,
    begun: bool,
}

impl Fresh {
    /// The run begins its work: what is in the folder stays.
    pub(super) fn work_begins(mut self) {
        self.begun = true;
    }

    fn undo(&self) -> io::Result<()> {
        let gone = |removed: io::Result<()>| match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        gone(fs::remove_file(Journal::path(&self.folder)))?;
        if !self.had_secret {
            gone(fs::remove_file(run_secret_path(&self.folder)))?;
        }
        match self.made {
            true => fs::remove_dir(&self.folder),
            false => Ok(()),
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.begun
            && let Err(error) = self.undo()
        {
            let folder = self.folder.display();
            tracing::warn!("what a refused run left in `{folder}` stays: {error}");
        }
    }
}

/// Makes a private run folder: `folder` if given, else a new one named after time and pipeline. One
/// whose run ended before it began its work is taken over.
///
/// # Errors
/// When it cannot be made, or holds a run already.
pub(super) fn create(folder: Option<&Path>, name: &str) -> anyhow::Result<(PathBuf, Fresh)> {
    let time = chrono::Utc::now().format("%Y%m%dT%H%M%S%3fZ");
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let folder = folder.map_or_else(
        || Path::new(RUNS).join(format!("{time}-{safe}")),
        Path::to_owned,
    );
    let made = !folder.exists();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("the run folder `{}` cannot be made", folder.display()))?;
    let journal = Journal::path(&folder);
    if journal.exists() {
        // Kept open until its file is gone: while it is, nobody else takes the folder.
        let found = Journal::reopen(&folder);
        if !found
            .as_ref()
            .is_ok_and(|(records, _)| is_without_work(records))
        {
            bail!(
                "`{}` holds a run already; go on with it by --resume",
                folder.display()
            );
        }
        fs::remove_file(&journal)
            .with_context(|| format!("`{}` cannot be removed", journal.display()))?;
    }
    let fresh = Fresh {
        made,
        had_secret: run_secret_path(&folder).exists(),
        begun: false,
        folder: folder.clone(),
    };
    Ok((folder, fresh))
}

/// Whether the run in `folder` has put on record what it does, so that it is to be resumed and not begun anew.
/// A journal that cannot be read counts as one that has.
pub fn has_begun(folder: &Path) -> bool {
    match Journal::reopen(folder) {
        Ok((records, _)) => !is_without_work(&records),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Whether a run ended before it put anything on record that it would do.
fn is_without_work(records: &[Record]) -> bool {
    let is_frame = |record: &Record| {
        matches!(
            record,
            Record::Began(_) | Record::Resumed | Record::Ended { .. }
        )
    };
    records.iter().all(is_frame)
}

/// Refuses a path among the files that are read or written: a run folder holds secrets, and the files of
/// a place may be copied, published or masked. Folders made by default are known by their name and left
/// out. `what` the path is for goes into the message.
///
/// # Errors
/// When `path` lies below one of `places`.
pub(super) fn outside(what: &str, path: &Path, places: &[PathBuf]) -> anyhow::Result<()> {
    let path = std::path::absolute(path)?;
    let real = path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some(there.canonicalize().ok()?.join(rest))
    });
    let real = real.unwrap_or(path);
    if let Some(place) = places
        .iter()
        .filter_map(|place| place.canonicalize().ok())
        .find(|place| real.starts_with(place))
    {
        bail!(
            "the {what} `{}` lies in `{}`, whose files are read or written; name another",
            real.display(),
            place.display()
        );
    }
    Ok(())
}

/// The run folder to go on with: `folder` if given, else the newest of an unfinished run of `plan`.
///
/// # Errors
/// When there is none.
pub(super) fn find(folder: Option<&Path>, plan: &str) -> anyhow::Result<PathBuf> {
    match folder {
        Some(folder) => Ok(folder.to_owned()),
        None => newest(Path::new(RUNS), plan),
    }
}

fn newest(runs: &Path, plan: &str) -> anyhow::Result<PathBuf> {
    let runs_shown = runs.display();
    let folders = fs::read_dir(runs)
        .with_context(|| format!("there are no runs in `{runs_shown}`; name the run folder"))?;
    let mut folders: Vec<PathBuf> = folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort_unstable();
    folders
        .into_iter()
        .rev()
        .find(|folder| {
            let records = Journal::reopen(folder).map(|(records, _)| records);
            records.is_ok_and(|records| is_unfinished(&records, plan))
        })
        .with_context(|| {
            format!(
                "`{runs_shown}` holds no unfinished run of this pipeline as it is now; \
                 name the run folder, or start a new run"
            )
        })
}

/// Whether a run of `plan` began its work and did not end well.
fn is_unfinished(records: &[Record], plan: &str) -> bool {
    let any = |is: &dyn Fn(&Record) -> bool| records.iter().any(is);
    any(&|record| matches!(record, Record::Began(identity) if identity.plan == plan))
        && match records.last() {
            Some(Record::Ended { code: exit::MASKED }) => false,
            // A run that was refused at its start has nothing to go on with.
            Some(Record::Ended {
                code: exit::REFUSED,
            }) => any(&|record| matches!(record, Record::Unit { .. } | Record::Table { .. })),
            _ => true,
        }
}

/// What an earlier attempt of a run left.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// The identity it ran under.
    pub(super) identity: Option<Identity>,
    /// The units as it listed them: version of the source, and of what was at the destination.
    pub(super) units: HashMap<String, (Version, Option<Version>)>,
    /// The numbers of their records, as far as they were counted.
    pub(super) numbered: HashMap<String, Numbering>,
    /// Outputs begun and neither committed nor known to be dropped.
    pub(super) begun: Vec<Staged>,
    /// Outputs complete and about to become visible.
    pub(super) staged: HashMap<String, Staged>,
    /// Outputs known to be visible.
    pub(super) committed: HashSet<String>,
    /// Tasks on a database, by their place among all.
    pub(super) tasks: HashMap<usize, EarlierTask>,
}

/// What an earlier attempt left of a task on a database.
#[derive(Debug, Default)]
pub(super) struct EarlierTask {
    /// The beginning of the names of what was made for it, and whether its table is rewritten.
    pub(super) begun: Option<(String, bool)>,
    /// The transactions that may have done it whole, with the rows that they leave as they are.
    pub(super) committing: Vec<(String, u64)>,
    /// The rows that stay as they are, where it is done.
    pub(super) done: Option<u64>,
    /// What still holds old values, where the rest was removed.
    pub(super) cleaned_up: Option<Vec<String>>,
}

impl Earlier {
    /// What `records` say.
    pub(super) fn of(records: Vec<Record>) -> Self {
        let mut earlier = Self::default();
        for record in records {
            match record {
                Record::Began(identity) => earlier.identity = Some(identity),
                Record::Unit {
                    path,
                    source,
                    before,
                    ..
                } => {
                    // The first attempt saw what was there before the run.
                    earlier.units.entry(path).or_insert((source, before));
                }
                Record::Numbered { path, numbering } => {
                    earlier.numbered.insert(path, numbering);
                }
                Record::Begun(output) => earlier.begun.push(output),
                Record::Staged(staged) => {
                    earlier.staged.insert(staged.path.clone(), staged);
                }
                Record::Committed { path } => {
                    earlier.committed.insert(path);
                }
                Record::Table {
                    task,
                    name,
                    rewrite,
                } => earlier.task(task).begun = Some((name, rewrite)),
                Record::Committing {
                    task,
                    known_by,
                    clear_rows,
                } => earlier.task(task).committing.push((known_by, clear_rows)),
                Record::TaskDone { task, clear_rows } => {
                    earlier.task(task).done = Some(clear_rows);
                }
                Record::CleanedUp {
                    task,
                    still_holding,
                } => earlier.task(task).cleaned_up = Some(still_holding),
                Record::Resumed | Record::Ended { .. } => {}
            }
        }
        earlier
    }

    fn task(&mut self, task: usize) -> &mut EarlierTask {
        self.tasks.entry(task).or_default()
    }

    /// The paths that are done. Leftovers of the others are removed.
    ///
    /// # Errors
    /// When something lies at a destination that is neither what the run wrote nor what was there
    /// before it, or the store fails.
    pub(super) async fn settle(&self, target: &Store) -> anyhow::Result<HashSet<String>> {
        let mut done = HashSet::new();
        for (path, staged) in &self.staged {
            let Some(found) = target.head(path).await? else {
                if self.committed.contains(path) {
                    bail!(
                        "`{path}` was written by this run and is gone from {}",
                        target.describe()
                    );
                }
                continue;
            };
            let before = self.units.get(path).and_then(|(_, before)| before.as_ref());
            if before == Some(&found.version) && !self.committed.contains(path) {
                continue;
            }
            let same = found.size == staged.bytes
                && target
                    .sha256(path)
                    .await?
                    .is_some_and(|(_, sha256)| sha256 == staged.sha256);
            if !same {
                bail!(
                    "`{path}` in {} is neither what this run wrote nor what was there before; \
                     somebody else writes there",
                    target.describe()
                );
            }
            done.insert(path.clone());
        }
        for output in &self.begun {
            if !done.contains(&output.path) {
                target.abandon(output).await?;
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_unfinished_run_of_the_same_plan_goes_on() {
        let runs = tempfile::tempdir().unwrap();
        let ended = |code| Some(Record::Ended { code });
        for (name, plan, last) in [
            ("1-killed", "mine", None),
            ("2-interrupted", "mine", ended(exit::INTERRUPTED)),
            ("3-masked", "mine", ended(exit::MASKED)),
            ("4-refused", "mine", ended(exit::REFUSED)),
            ("5-of-another", "other", ended(exit::PARTLY)),
        ] {
            let folder = runs.path().join(name);
            fs::create_dir(&folder).unwrap();
            let mut journal = Journal::create(&folder).unwrap();
            let identity = Identity::new(plan.to_owned(), "keys".to_owned());
            for record in [Record::Began(identity)].into_iter().chain(last) {
                journal.note(&record).unwrap();
            }
        }
        let found = |plan| newest(runs.path(), plan).ok();
        assert_eq!(found("mine"), Some(runs.path().join("2-interrupted")));
        assert_eq!(found("other"), Some(runs.path().join("5-of-another")));
        assert_eq!(found("third"), None);
    }

    #[test]
    fn a_run_that_did_nothing_leaves_its_folder_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("run");
        let secret = run_secret_path(&folder);
        let begin = || {
            let (made, fresh) = create(Some(&folder), "x").unwrap();
            let mut journal = Journal::create(&made).unwrap();
            let identity = Identity::new("plan".to_owned(), "keys".to_owned());
            journal.note(&Record::Began(identity)).unwrap();
            (fresh, journal)
        };
        drop(begin());
        assert!(!folder.exists());
        // What somebody else put there stays.
        fs::create_dir(&folder).unwrap();
        fs::write(&secret, "mine").unwrap();
        drop(begin());
        assert_eq!(fs::read(&secret).unwrap(), b"mine");
        // A run that was killed before it did anything is no run to go on with.
        begin().0.work_begins();
        assert!(Journal::path(&folder).exists());
        let (fresh, mut journal) = begin();
        assert!(
            create(Some(&folder), "x").is_err(),
            "a run is at work in it"
        );
        let path = "a".to_owned();
        journal.note(&Record::Committed { path }).unwrap();
        fresh.work_begins();
        drop(journal);
        assert!(
            create(Some(&folder), "x").is_err(),
            "there is something to go on with"
        );
        assert!(Journal::path(&folder).exists() && secret.exists());
    }

    #[test]
    fn a_run_folder_lies_outside_of_data() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        fs::create_dir(&data).unwrap();
        for (folder, fine) in [
            ("run", true),
            ("database", true),
            ("data", false),
            ("data/a/b", false),
        ] {
            let outcome = outside(
                "run folder",
                &root.path().join(folder),
                std::slice::from_ref(&data),
            );
            assert_eq!(outcome.is_ok(), fine, "{folder}");
        }
    }
}
