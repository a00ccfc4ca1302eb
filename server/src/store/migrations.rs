//! How the tables came to be: steps that are done once each, in order.

use super::{Store, StoreError, Value};

/// All steps; a store that is older takes those it lacks. Steps that were released never change.
const STEPS: [&str; 1] = [include_str!("migrations/0001_first.sql")];

/// Brings a store up to date, in one transaction.
///
/// # Errors
/// When the store was made by a newer visard, or a step fails; then nothing has changed.
pub(super) async fn migrate(store: &dyn Store) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    let table = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
    transaction.query(table, &[]).await?;
    let done = transaction
        .query("SELECT coalesce(max(version), 0) FROM schema_version", &[])
        .await?;
    let done = done.first().map_or(Ok(0), |row| row.int(0))?;
    let Some(missing) = usize::try_from(done)
        .ok()
        .and_then(|done| STEPS.get(done..))
    else {
        return Err(StoreError::Failed(format!(
            "it is of version {done}, and this visard knows up to {}",
            STEPS.len()
        )));
    };
    for (step, version) in missing.iter().zip(done + 1..) {
        for statement in step.split(';').map(str::trim) {
            if !statement.is_empty() {
                transaction.query(statement, &[]).await?;
            }
        }
        let note = "INSERT INTO schema_version (version) VALUES ($1)";
        transaction.query(note, &[Value::Int(version)]).await?;
    }
    transaction.commit().await
}
