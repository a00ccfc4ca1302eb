//! Which server is this, and which others are still there?
//!
//! A run lies in the data folder of the server that took it, so only that one can run it. Each says every few
//! seconds that it is there; the runs of one that is silent for long are ended by the others, and before that by
//! itself.

use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::Status;
use super::end::fail_all;
use crate::app::App;
use crate::store::{Store, StoreError};
use crate::time;

/// How often a server says that it is there.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long one may be silent: more than a restart takes.
const GONE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// How long one that cannot say so goes on with its runs: it has to have stopped them when others end them.
pub(super) const SILENT_AT_MOST: Duration = Duration::from_secs(180);
/// How long one is silent at least that does not work any more.
const DOWN_AFTER: TimeDelta = TimeDelta::seconds(30);

/// The id of the server whose data folder is `data`, made on first use.
///
/// # Errors
/// When its file cannot be read or written.
pub(super) fn id(data: &Path) -> io::Result<String> {
    let path = data.join("node");
    match std::fs::read_to_string(&path) {
        Ok(text) => match Uuid::parse_str(text.trim()) {
            Ok(id) => Ok(id.to_string()),
            Err(_) => Err(io::Error::other(format!(
                "`{}` holds no id",
                path.display()
            ))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = Uuid::new_v4().to_string();
            // Written aside, so that a crash leaves no half of one.
            let aside = data.join("node.new");
            std::fs::write(&aside, &id)?;
            std::fs::File::open(&aside)?.sync_all()?;
            std::fs::rename(&aside, &path)?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

/// Says that the server `node` is there, and ends the runs of those that are gone.
///
/// # Errors
/// As of the store.
pub(super) async fn heartbeat(app: &App, node: &str) -> Result<(), StoreError> {
    let now = time::now();
    let sql = "INSERT INTO nodes (id, heartbeat) VALUES ($1, $2) \
               ON CONFLICT (id) DO UPDATE SET heartbeat = excluded.heartbeat";
    let parameters = [node.into(), time::text(now).into()];
    app.store().run(sql, &parameters).await?;
    // One that went before it said anything is silent since its run was made.
    let sql = "SELECT r.id FROM runs r LEFT JOIN nodes n ON n.id = r.node \
               WHERE r.status IN ($1, $2, $3, $4) AND r.node <> $5 \
               AND coalesce(n.heartbeat, r.created) < $6";
    let parameters = [
        Status::Queued.name().into(),
        Status::Validating.name().into(),
        Status::Running.name().into(),
        Status::Cancelling.name().into(),
        node.into(),
        time::text(now - GONE_AFTER).into(),
    ];
    let rows = app.store().query(sql, &parameters).await?;
    let runs = rows.iter().map(|row| row.int(0));
    let runs: Vec<i64> = runs.collect::<Result<_, _>>()?;
    let why = "the server that held the run is gone; what it had not masked by then is not masked";
    fail_all(app, &runs, why).await
}

/// Whether servers beside the one of `data` have said of late that they are there.
///
/// # Errors
/// As of the store, and when the id of the server cannot be read.
pub(crate) async fn are_others_at_work(store: &dyn Store, data: &Path) -> anyhow::Result<bool> {
    let sql = "SELECT id FROM nodes WHERE id <> $1 AND heartbeat >= $2";
    let since = time::text(time::now() - DOWN_AFTER);
    let others = store.query(sql, &[id(data)?.into(), since.into()]).await?;
    Ok(!others.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = id(folder.path()).unwrap();
        assert_eq!(id(folder.path()).unwrap(), first);
        std::fs::write(folder.path().join("node"), "").unwrap();
        assert!(id(folder.path()).is_err());
    }
}
