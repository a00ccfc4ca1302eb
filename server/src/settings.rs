//! What admins set for the whole server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::store::{Store, StoreError, Transaction};

/// How long settings are taken to be as they were read: another node may have changed them.
const FRESH: Duration = Duration::from_secs(2);

/// What admins set for the whole server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The locality that rulesets may speak of.
    pub(crate) locality: String,
    /// Where an AI engine answers; kept for clients, visard asks none.
    pub(crate) dm_ai_engine_url: Option<String>,
    /// The states of runs that clients are told.
    pub(crate) run_status_generation: Generation,
    /// Names and addresses under which the server may be asked; all without one. `.example.com` stands for
    /// the names below it, too.
    pub(crate) allowed_hosts: Vec<String>,
    /// Words that tell every discovery of personal data.
    pub(crate) custom_keywords: Vec<String>,
    /// Words of columns that every discovery leaves out.
    pub(crate) ignored_keywords: Vec<String>,
}

/// A generation of clients, by the states of runs that they know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RunStatusGeneration)]
pub(crate) enum Generation {
    /// `finished` also for runs with warnings; nothing is `validating`.
    V2,
    /// All states.
    #[default]
    V3,
}

/// The settings of a store, read again from time to time.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Option<(Instant, Arc<Settings>)>>);

impl Cache {
    /// The settings, as they were seconds ago at most.
    ///
    /// # Errors
    /// As of the store.
    pub(crate) async fn get(&self, store: &dyn Store) -> Result<Arc<Settings>, StoreError> {
        if let Some((read, settings)) = &*self.0.lock()
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(settings));
        }
        let rows = store.query("SELECT name, value FROM settings", &[]).await?;
        let mut object = serde_json::Map::new();
        for row in &rows {
            let value = serde_json::from_str(row.text(1)?);
            let value = value.map_err(|_| StoreError::Unexpected("no JSON"))?;
            object.insert(row.text(0)?.to_owned(), value);
        }
        let settings = serde_json::from_value(Json::Object(object));
        let settings = settings.map_err(|_| StoreError::Unexpected("no settings"))?;
        let settings = Arc::new(settings);
        *self.0.lock() = Some((Instant::now(), Arc::clone(&settings)));
        Ok(settings)
    }

    /// Has the settings read again: they were changed.
    pub(crate) fn forget(&self) {
        *self.0.lock() = None;
    }
}

/// Writes one setting, by its name in [`Settings`].
///
/// # Errors
/// As of the transaction.
pub(crate) async fn set(
    transaction: &mut dyn Transaction,
    name: &str,
    value: &Json,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let parameters = [name.into(), value.to_string().into()];
    transaction.query(sql, &parameters).await.map(drop)
}
