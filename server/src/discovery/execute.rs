//! How a discovery is done: by names and types, table after table and file after file.

use visard::discovery::{Place, Rules, list_files, list_tables, look_at_file, look_at_table};

use super::results::{self, Keeper, UsedConfig};
use super::{configs, place};
use crate::app::App;
use crate::documents::{self, Kind};
use crate::runs::Run;
use crate::runs::log::{Level, RunLog};

/// How a discovery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was looked at.
    Finished,
    /// Something could not be looked at; the log says what.
    FinishedWithWarnings,
    /// It was told to stop.
    Stopped,
}

/// Looks at the connection of `run` and keeps what is found; `is_stopped` is asked now and then.
///
/// # Errors
/// Why it cannot be done, for people, without a secret.
pub(crate) async fn execute(
    app: &App,
    run: &Run,
    log: &RunLog,
    is_stopped: impl Fn() -> bool,
) -> Result<Outcome, String> {
    let store = app.store();
    let failed = |error: crate::store::StoreError| error.to_string();
    results::forget(store, run.id).await.map_err(failed)?;
    let config = results::config(store, run.id).await.map_err(failed)?;
    let config = config.ok_or("what the run looks for is not there any more")?;
    let rules =
        configs::rules(&config.text, &config.libraries).map_err(|problem| problem.message)?;
    let connection = documents::find(store, Kind::Connection, &run.source)
        .await
        .map_err(failed)?;
    let connection = connection.ok_or("the connection was deleted")?;
    let place = place::open(app, &connection).await?;
    log.running();
    let mut work = Work {
        rules: &rules,
        config: &config,
        log,
        keeper: Keeper::new(app, run.id),
        is_stopped,
    };
    let outcome = match place {
        Place::Database(database) => work.database(database.as_ref()).await?,
        Place::Files(store) => work.files(&store).await?,
    };
    let (places, columns) = work.keeper.finish().await.map_err(failed)?;
    if outcome != Outcome::Stopped {
        let said = match columns {
            0 => format!("looked at {places} files or tables"),
            columns => format!("looked at {columns} columns of {places} tables"),
        };
        log.say(Level::Info, said);
    }
    Ok(outcome)
}

struct Work<'a, S> {
    rules: &'a Rules,
    config: &'a UsedConfig,
    log: &'a RunLog,
    keeper: Keeper<'a>,
    is_stopped: S,
}

impl<S: Fn() -> bool> Work<'_, S> {
    async fn database(
        &mut self,
        database: &dyn visard::discovery::Database,
    ) -> Result<Outcome, String> {
        let tables = list_tables(database, &self.config.schemas).await;
        let tables = tables.map_err(|error| error.to_string())?;
        self.log.say(
            Level::Info,
            format!("{} tables are looked at", tables.len()),
        );
        for listed in tables {
            if (self.is_stopped)() {
                return Ok(Outcome::Stopped);
            }
            let found = look_at_table(database, &listed, self.rules).await;
            let Some((table, columns)) = found.map_err(|error| error.to_string())? else {
                continue;
            };
            let kept = self.keeper.table(table, columns).await;
            kept.map_err(|error| error.to_string())?;
        }
        Ok(Outcome::Finished)
    }

    async fn files(&mut self, store: &visard::discovery::Store) -> Result<Outcome, String> {
        let listed = list_files(store, self.rules).await;
        let (files, left_out) = listed.map_err(|error| error.to_string())?;
        self.log
            .say(Level::Info, format!("{} files are looked at", files.len()));
        for file in left_out {
            self.log.say(
                Level::Info,
                format!("left out: {} ({})", file.path, file.reason),
            );
        }
        let mut outcome = Outcome::Finished;
        for object in files {
            if (self.is_stopped)() {
                return Ok(Outcome::Stopped);
            }
            match look_at_file(store, &object, self.rules).await {
                Ok(file) => self
                    .keeper
                    .file(&file)
                    .await
                    .map_err(|error| error.to_string())?,
                Err(reason) => {
                    outcome = Outcome::FinishedWithWarnings;
                    let said = format!("left out: {} ({reason})", object.path);
                    self.log.say(Level::Warning, said);
                }
            }
        }
        Ok(outcome)
    }
}
