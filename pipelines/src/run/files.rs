//! A run over files: stores are opened, files listed and put on record, and worked on.

use std::collections::HashSet;
use std::future::Future;

use visard_connectors::store::Object;

use super::execute::Execution;
use super::folder::Earlier;
use super::journal::{Journal, Record};
use super::observe::Event;
use super::{Asked, Worked};
use crate::check::{self, Action, Done, Planned, Target};
use crate::language::Diagnostics;

/// Masks the files of a pipeline; nothing where it is refused.
///
/// # Errors
/// When the run cannot be started.
pub(super) async fn work(
    asked: &Asked<'_>,
    diagnostics: &mut Diagnostics,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Option<Worked>> {
    let Asked {
        loaded,
        observer,
        dry_run,
        ..
    } = *asked;
    let Some(mut stores) = check::open_stores(loaded, Target::Made, diagnostics).await else {
        return Ok(None);
    };
    if diagnostics.has_errors() {
        return Ok(None);
    }
    let mut begun = asked.begin()?;
    stores.target = stores.target.on_begin(begun.on_begin());
    let done = Done {
        files: begun.earlier.settle(&stores.target).await?,
        numbered: begun.earlier.numbered.clone(),
    };
    let root = &begun.keys.root;
    let Some(planned) = check::plan(loaded, &stores, root, &done, diagnostics).await else {
        begun.refused()?;
        return Ok(None);
    };
    let before = stores.target.list().await?;
    let in_place = stores.source.same_place(&stores.target);
    begun.work_begins();
    list_units(
        &planned,
        &begun.earlier,
        in_place,
        &before,
        &mut begun.journal.lock(),
    )?;
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
        journal: &begun.journal,
        observer,
        workers: loaded.pipeline.options.workers.or_else(of_tasks),
        dry_run,
    };
    observer.event(&Event::Started {
        files: execution.files(),
        tables: 0,
        bytes: execution.bytes(),
        run_folder: &begun.folder.display().to_string(),
    });
    let (files, interrupted) = execution.run(stop).await;
    stores.target.settle().await;
    stores.source.settle().await;
    Ok(Some(Worked {
        begun,
        files,
        tables: Vec::new(),
        interrupted,
    }))
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
