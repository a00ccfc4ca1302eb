//! What is removed behind a task: what it made, and what still holds old values.

use std::sync::Arc;

use visard_connectors::database::Job;
use visard_connectors::{Database, TableWork};

use super::{Work, said};
use crate::check::{CopyPlan, TablePlan};
use crate::run::folder::EarlierTask;
use crate::run::journal::Record;
use crate::run::report::TableReport;

/// What has to be cleaned up behind.
pub(super) enum Behind {
    /// Tables that were masked.
    Masked(Vec<Arc<dyn TableWork>>),
    /// Tables that an earlier attempt masked, which made names that begin so.
    Before(Box<TablePlan>, String),
}

impl Work<'_> {
    /// Removes what an earlier attempt left that did all but that.
    pub(super) async fn clean_up_behind(
        &self,
        task: usize,
        plan: Box<TablePlan>,
        earlier: EarlierTask,
        report: &mut TableReport,
    ) {
        if let Some(still_holding) = earlier.cleaned_up {
            report.still_holding = still_holding;
            return;
        }
        // Without a name nothing was made.
        let Some((name, _)) = earlier.begun else {
            return;
        };
        let behind = Behind::Before(plan, name);
        match self.cleans_up_together() {
            true => self.to_clean_up.lock().push((task, behind)),
            false => self.clean_up(task, behind, report).await,
        }
    }

    pub(super) fn cleans_up_together(&self) -> bool {
        self.database.is_some_and(Database::cleans_up_together)
    }

    pub(super) async fn clean_up(&self, task: usize, behind: Behind, report: &mut TableReport) {
        let mut left = Vec::new();
        let mut failed = None;
        let mut add = |of_table: Result<Vec<String>, String>| match of_table {
            Ok(of_table) => left.extend(of_table),
            Err(error) => failed = Some(error),
        };
        match behind {
            Behind::Masked(tables) => {
                for table in tables {
                    let of_table = table.clean_up(true).await;
                    add(of_table.map_err(|error| error.find_root().to_string()));
                }
            }
            Behind::Before(plan, name) => {
                for plan in plan.with_following() {
                    let job = Job {
                        // What is made for tables that follow has a name that begins so, too.
                        name: name.clone(),
                        ..plan.job
                    };
                    let of_table = plan.table.clean_up(&job, plan.way.rewrite).await;
                    add(of_table.map_err(said));
                }
            }
        }
        left.dedup();
        self.note_cleaned_up(task, failed.map_or(Ok(left), Err), report);
    }

    /// Cleans up behind all tasks, unless the user waits for the run to stop.
    pub(super) async fn clean_up_together(&self, firsts: &[usize], reports: &mut [TableReport]) {
        let all = std::mem::take(&mut *self.to_clean_up.lock());
        for (task, behind) in all {
            let report = &mut reports[firsts[task]];
            let is_stopped = *self.stopped.lock();
            match is_stopped {
                true => report.still_holding.push(
                    "the file holds old values, which are removed when the run is gone on with"
                        .to_owned(),
                ),
                false => self.clean_up(task, behind, report).await,
            }
        }
    }

    /// Statements of the ruleset are known to be done, and what said so is no longer needed.
    pub(super) async fn forget(&self, known_by: &str) -> Result<(), String> {
        match self.database {
            Some(database) => database.forget(known_by).await.map_err(said),
            None => Ok(()),
        }
    }

    /// Removes the stages of a copy that an earlier attempt did all but that.
    pub(super) async fn clean_up_copy(
        &self,
        task: usize,
        plan: CopyPlan,
        earlier: EarlierTask,
        report: &mut TableReport,
    ) {
        let (None, Some((name, _)), false) = (earlier.cleaned_up, earlier.begun, self.dry_run)
        else {
            return;
        };
        let job = Job {
            name,
            ..plan.job.clone()
        };
        let cleaned_up = match plan.open(job).await {
            Ok(table) => {
                let left = table.clean_up(true).await;
                left.map_err(|error| error.find_root().to_string())
            }
            Err(error) => Err(said(error)),
        };
        self.note_cleaned_up(task, cleaned_up, report);
    }

    /// Keeps what a clean-up left; one that failed is tried again where the run goes on.
    pub(super) fn note_cleaned_up(
        &self,
        task: usize,
        cleaned_up: Result<Vec<String>, String>,
        report: &mut TableReport,
    ) {
        let noted = cleaned_up.and_then(|still_holding| {
            report.still_holding.clone_from(&still_holding);
            self.note(&Record::CleanedUp {
                task,
                still_holding,
            })
        });
        if let Err(error) = noted {
            report.still_holding.push(format!(
                "what old values are left could not be removed, and is when the run is gone on with: {error}"
            ));
        }
    }
}
